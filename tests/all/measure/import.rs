//! Old mail imported: one mbox, a Maildir with everything in one folder, and a mailbox over IMAP; time and memory.

use super::super::support::dovecot::{Dovecot, Setup};
use super::{Program, account, config, mails, setting};
use std::io::Write;
use std::time::Instant;

#[test]
#[ignore = "a measurement of several minutes"]
fn the_past_is_imported() {
    for count in setting("MODORI_MEASURE_MAILS", "100000") {
        let count = count as usize;
        let folder = tempfile::tempdir().unwrap();
        let (mbox, maildir) = (folder.path().join("all.mbox"), folder.path().join("maildir"));
        let all = mails(count);
        let bytes: usize = all.iter().map(Vec::len).sum();
        println!("\n{count} mails ({:.1} MiB)\n", bytes as f64 / 1_048_576.0);
        println!("| what | time | mails a second | peak memory |\n|---|---|---|---|");
        for sub in ["cur", "new", "tmp"] {
            std::fs::create_dir_all(maildir.join(sub)).unwrap();
        }
        let mut out = std::io::BufWriter::new(std::fs::File::create(&mbox).unwrap());
        for (n, mail) in all.iter().enumerate() {
            out.write_all(b"From a@xxx Mon Nov 23 10:00:00 +0000 2026\r\n").unwrap();
            out.write_all(mail).unwrap();
            out.write_all(b"\r\n").unwrap();
            std::fs::write(maildir.join(format!("cur/1763892000.M{n}.host:2,S")), mail).unwrap();
        }
        out.into_inner().unwrap().sync_all().unwrap();
        let dovecot = Dovecot::start(&Setup::default());
        if let Some(dovecot) = &dovecot {
            let mut oracle = dovecot.oracle();
            all.chunks(500).for_each(|some| oracle.append_all("INBOX", some).unwrap());
        }
        drop(all);
        let measured = |name: &str, port: u16, arguments: &[&str]| {
            let home = tempfile::tempdir().unwrap();
            let file = config(home.path(), &account(port, "authserv_ids = [\"mx.demo.example\"]"), "");
            for again in ["", ", again"] {
                let begun = Instant::now();
                let peak = Program::start(&file, arguments).finish();
                let time = begun.elapsed().as_secs_f64();
                println!("| {name}{again} | {time:.1} s | {:.0} | {peak:.1} MiB |", count as f64 / time);
            }
        };
        measured("one mbox", 1, &["import", mbox.to_str().unwrap()]);
        measured("a Maildir, all in one folder", 1, &["import", maildir.to_str().unwrap()]);
        if let Some(dovecot) = &dovecot {
            measured("INBOX over IMAP", dovecot.imap, &["import", "--mailbox", "INBOX"]);
        }
    }
}
