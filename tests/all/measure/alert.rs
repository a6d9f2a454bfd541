//! From the delivery, and from EXISTS on the wire, to the alert request: by each means and round trip, beside a bare
//! client and imapfilter.

use super::super::support::dovecot::{Dovecot, PASSWORD, Setup, USER};
use super::super::support::http::Http;
use super::super::support::proxy::Proxy;
use super::super::support::run::restock;
use super::bare::Bare;
use super::tap::Tap;
use super::{Program, account, config, one_setting, setting, spread};
use jiff::Timestamp;
use modori::edge::store::Db;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Who waits for the mail.
#[derive(Clone, Copy)]
enum Who {
    /// The program; what the server lacks, what the account says besides, and what the rest of the configuration does.
    Modori(&'static [&'static str], &'static str, &'static str),
    Bare,
    ImapFilter,
}

/// Hot all day long.
const HOT: &str = "[hot]\nwindows = [\"00:00-12:00\", \"12:00-00:00\"]\nmost_a_day = \"24h\"\n";

const ALL: [(&str, Who); 7] = [
    ("modori, NOTIFY", Who::Modori(&[], "", "")),
    ("modori, IDLE", Who::Modori(&["NOTIFY"], "", "")),
    ("modori, polling once a second", Who::Modori(&["NOTIFY", "IDLE"], "pace.poll_every = \"1s\"", "")),
    ("modori, hot window, NOTIFY", Who::Modori(&[], "", HOT)),
    ("modori, hot window, IDLE", Who::Modori(&["NOTIFY"], "", HOT)),
    ("a bare client, IDLE", Who::Bare),
    ("imapfilter, IDLE", Who::ImapFilter),
];

/// What waits; ends when dropped.
enum Waiting {
    Modori(#[allow(dead_code, reason = "dropped")] Program),
    Bare,
    ImapFilter(Child),
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Self::ImapFilter(child) = self {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn start(who: Who, port: u16, http: &Http, folder: &std::path::Path) -> Option<Waiting> {
    Some(match who {
        Who::Modori(_, more, hot) => {
            let rest = "[alerts]\nchannels = [\"w\"]\nmost_an_hour = 0\n[channel.w]\nkind = \"webhook\"\n";
            let rest = format!("{rest}url = \"{}\"\n{hot}", http.url("/"));
            let config = config(folder, &account(port, more), &rest);
            Waiting::Modori(Program::start(&config, &["watch"]).watching(1))
        }
        Who::Bare => {
            let (bare, hook) = (Bare::login(port), http.port);
            std::thread::spawn(move || bare.alert(hook));
            Waiting::Bare
        }
        Who::ImapFilter => {
            let script = folder.join("imapfilter.lua");
            let post = format!("curl -s -o /dev/null --data-binary @- {}", http.url("/"));
            let text = format!(
                "options.timeout = 120\noptions.subscribe = false\noptions.starttls = false\noptions.certificates = false\n\
                 a = IMAP {{ server = '127.0.0.1', port = {port}, username = '{USER}', password = '{PASSWORD}' }}\n\
                 while true do\n\
                 local new = a.INBOX:is_unseen()\n\
                 for _, m in ipairs(new) do local box, uid = table.unpack(m)\n\
                 pipe_to('{post}', box[uid]:fetch_message()) end\n\
                 new:mark_seen()\n\
                 a.INBOX:enter_idle()\nend\n"
            );
            std::fs::write(&script, text).unwrap();
            let log = std::fs::File::create(folder.join("imapfilter.log")).unwrap();
            let mut command = Command::new("imapfilter");
            command.arg("-c").arg(&script).env("HOME", folder).stdin(Stdio::null());
            Waiting::ImapFilter(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().ok()?)
        }
    })
}

#[test]
#[ignore = "a measurement of several minutes"]
fn delivery_to_alert() {
    let deliveries = one_setting("MODORI_MEASURE_DELIVERIES", 20) as usize;
    println!("\n{deliveries} deliveries each, p50 / p95 / longest in ms\n");
    println!("| who waits | round trip | LMTP delivery begun → alert request | EXISTS on the wire → alert request |");
    println!("|---|---|---|---|");
    for round_trip in setting("MODORI_MEASURE_RTTS", "0,20,100,300") {
        for (name, who) in ALL {
            let missing = if let Who::Modori(missing, ..) = who { missing } else { &[] };
            let setup = if missing.is_empty() { Setup::default() } else { Setup::without(missing) };
            let Some(dovecot) = Dovecot::start(&setup) else { return };
            let (http, folder) = (Http::start(), tempfile::tempdir().unwrap());
            let proxy = Proxy::delaying(dovecot.imap, Duration::from_millis(round_trip));
            let tap = Tap::on(proxy.port);
            let Some(_waiting) = start(who, tap.port, &http, folder.path()) else {
                println!("| {name} | {round_trip} ms | not installed | |");
                continue;
            };
            let (mut whole, mut wire) = (Vec::new(), Vec::new());
            let mut lost = 0;
            for n in 0..=deliveries {
                // long enough to be back in its wait, and never in step with the server's own clock
                std::thread::sleep(Duration::from_millis(700 + 4 * round_trip + (n as u64 * 137) % 500));
                let before = http.requests().len();
                let begun = Instant::now();
                dovecot.deliver(&restock(&format!("r{round_trip}-{n}")));
                let came = http.wait(before + 1, Duration::from_secs(15)).len() > before;
                let alerted = Instant::now();
                if n == 0 {
                    continue; // the first opens connections
                }
                if !came {
                    lost += 1;
                    continue;
                }
                whole.push(alerted - begun);
                if let Some(said) = tap.exists_after(begun) {
                    wire.push(alerted.saturating_duration_since(said));
                }
            }
            if lost == deliveries
                && let Ok(log) = std::fs::read_to_string(folder.path().join("imapfilter.log"))
            {
                eprintln!("imapfilter said: {log}");
            }
            let note = if lost > 0 { format!(" ({lost} never came)") } else { String::new() };
            println!("| {name} | {round_trip} ms | {}{note} | {} |", spread(&mut whole), spread(&mut wire));
        }
    }
    println!("\none commit on this disk (p50 / p95 / longest, ms): {}", one_commit());
}

/// The time of one commit with one row, in a database of the program's own kind.
fn one_commit() -> String {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut db = Db::open(folder.path()).unwrap();
    let mut times: Vec<Duration> = (0..200)
        .map(|n| {
            let begun = Instant::now();
            db.will_send(&format!("<{n}@example.jp>"), Timestamp::UNIX_EPOCH).unwrap();
            begun.elapsed()
        })
        .collect();
    spread(&mut times)
}
