//! A backlog: swept, and caught up with by a watch that was away, beside a bare client; time, memory, bytes on the wire.

use super::super::support::dovecot::{Dovecot, Setup, USER};
use super::super::support::oracle::Oracle;
use super::bare::Bare;
use super::tap::Tap;
use super::{Program, account, config, mails, setting};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What the program fetches of a message at most, unless it is told otherwise.
const CAP: u32 = 262_144;

fn lay(dovecot: &Dovecot, mails: &[Vec<u8>]) {
    let begun = Instant::now();
    let mut oracle = dovecot.oracle();
    // one transaction of the server for many: fifty thousand by themselves would take longer than all that is measured
    for some in mails.chunks(500) {
        oracle.append_all("INBOX", some).unwrap();
    }
    println!("laid {} mails in {:.1} s", mails.len(), begun.elapsed().as_secs_f64());
}

fn row(name: &str, time: Duration, bare: Duration, peak: Option<f64>, tap: &Tap) {
    let (up, down) = tap.bytes();
    let peak = peak.map_or(String::new(), |peak| format!("{peak:.1} MiB"));
    println!(
        "| {name} | {:.2} s | {:.2} | {peak} | {} KiB, {:.1} MiB |",
        time.as_secs_f64(),
        time.as_secs_f64() / bare.as_secs_f64(),
        up / 1024,
        down as f64 / 1_048_576.0
    );
}

fn left_in_inbox(oracle: &mut Oracle) -> usize {
    let lines = oracle.command("STATUS INBOX (MESSAGES)").unwrap();
    let number = |text: &str| text.split("MESSAGES ").nth(1)?.trim_end_matches(')').parse().ok();
    lines.iter().find_map(|line| number(&line.text)).unwrap()
}

#[test]
#[ignore = "a measurement of several minutes"]
fn a_backlog_is_sorted() {
    for count in setting("MODORI_MEASURE_MAILS", "1000,10000") {
        let count = count as usize;
        let mails = mails(count);
        let bytes: usize = mails.iter().map(Vec::len).sum();

        let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
        lay(&dovecot, &mails);
        let folder = tempfile::tempdir().unwrap();
        let tap = Tap::on(dovecot.imap);
        let file = config(folder.path(), &account(tap.port, ""), "");
        let begun = Instant::now();
        let dry_peak = Program::start(&file, &["sweep", "--dry-run"]).finish();
        let dry = begun.elapsed();
        let dry_tap = tap;
        let tap = Tap::on(dovecot.imap);
        let file = config(folder.path(), &account(tap.port, ""), "");
        let begun = Instant::now();
        let swept_peak = Program::start(&file, &["sweep"]).finish();
        let swept = begun.elapsed();
        let swept_tap = tap;
        let folders: BTreeMap<String, usize> =
            dovecot.mailboxes().into_iter().map(|(name, messages)| (name, messages.len())).collect();
        assert_eq!(folders.values().sum::<usize>(), count, "{folders:?}");
        let moved: usize = folders.iter().filter(|(name, _)| *name != "INBOX").map(|(_, count)| count).sum();
        drop(dovecot);

        // a watch that was away while the mail came: it had seen the mailbox when it was empty
        let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
        let folder = tempfile::tempdir().unwrap();
        let file = config(folder.path(), &account(dovecot.imap, ""), "");
        drop(Program::start(&file, &["watch"]).watching(1));
        lay(&dovecot, &mails);
        let mut oracle = Oracle::login(dovecot.imap, USER, super::PASSWORD).unwrap();
        let watch_tap = Tap::on(dovecot.imap);
        let file = config(folder.path(), &account(watch_tap.port, ""), "");
        let begun = Instant::now();
        let watch = Program::start(&file, &["watch"]);
        while left_in_inbox(&mut oracle) > count - moved {
            assert!(begun.elapsed() < Duration::from_secs(900), "{} are left", left_in_inbox(&mut oracle));
            std::thread::sleep(Duration::from_millis(20));
        }
        let caught_up = begun.elapsed();
        let watch_peak = watch.memory("VmHWM");
        let after = watch.memory("VmRSS");
        drop(watch);
        drop(dovecot);

        let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
        lay(&dovecot, &mails);
        let bare_tap = Tap::on(dovecot.imap);
        let begun = Instant::now();
        Bare::login(bare_tap.port).sort(count, moved, CAP);
        let bare = begun.elapsed();

        println!("\n{count} mails ({:.1} MiB), {moved} of them moved\n", bytes as f64 / 1_048_576.0);
        println!("| what | time | times the bare client | peak memory | on the wire, to and from the server |");
        println!("|---|---|---|---|---|");
        row("a bare client that reads and moves as many", bare, bare, None, &bare_tap);
        row("`modori sweep --dry-run`", dry, bare, Some(dry_peak), &dry_tap);
        row("`modori sweep`", swept, bare, Some(swept_peak), &swept_tap);
        row("`modori watch`, catching up", caught_up, bare, Some(watch_peak), &watch_tap);
        println!("\nafter catching up the watch holds {after:.1} MiB");
    }
}
