//! Memory stays flat however often the server hangs up.

use super::{Program, account, config, one_setting};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Memory may be so much more at the end than after the first tenth, in MiB: what an allocator keeps varies a little.
const MORE: f64 = 1.0;

/// A server with an empty mailbox that hangs up as soon as the client waits in IDLE. Counts how often.
fn hangs_up(listener: TcpListener, count: &AtomicU64) {
    for stream in listener.incoming().flatten() {
        if serve(&stream).is_some() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    }
}

fn serve(stream: &TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut lines = BufReader::new(stream).lines();
    let mut out = stream;
    write!(out, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN IDLE] ready\r\n").ok()?;
    while let Some(Ok(line)) = lines.next() {
        let (tag, command) = line.split_once(' ')?;
        let command = command.to_ascii_uppercase();
        if command.starts_with("IDLE") {
            write!(out, "+ waiting\r\n").ok()?;
            return Some(());
        }
        let says = match command.split(' ').next()? {
            "EXAMINE" => "* 0 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n* OK [UIDNEXT 1] next\r\n",
            "CAPABILITY" => "* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN IDLE\r\n",
            "LIST" => "* LIST (\\Noselect) \"/\" \"\"\r\n",
            _ => "",
        };
        write!(out, "{says}{tag} OK done\r\n").ok()?;
    }
    None
}

#[test]
#[ignore = "10,000 connections take minutes"]
fn memory_stays_flat_over_reconnects() {
    let wanted = one_setting("MODORI_MEASURE_RECONNECTS", 10_000);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicU64::new(0));
    let ours = Arc::clone(&count);
    std::thread::spawn(move || hangs_up(listener, &ours));
    let folder = tempfile::tempdir().unwrap();
    let file = config(folder.path(), &account(port, "pace.back_off_first = \"1ms\""), "");
    let program = Program::start(&file, &["watch"]);
    let reached = |number: u64| {
        let begun = Instant::now();
        while count.load(Ordering::SeqCst) < number {
            assert!(begun.elapsed() < Duration::from_secs(1800), "{} connections only", count.load(Ordering::SeqCst));
            std::thread::sleep(Duration::from_millis(20));
        }
        program.memory("VmRSS")
    };
    println!("\n| connections | resident |\n|---|---|");
    let mut early = 0.0;
    for part in [1, 10, 25, 50, 75, 100] {
        let number = wanted * part / 100;
        let resident = reached(number);
        if part == 10 {
            early = resident;
        }
        println!("| {number} | {resident:.2} MiB |");
    }
    let late = program.memory("VmRSS");
    assert!(late - early <= MORE, "{early:.2} MiB after a tenth of the connections, {late:.2} MiB at the end");
}
