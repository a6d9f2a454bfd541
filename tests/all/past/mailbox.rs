//! `modori import --mailbox` against a real Dovecot: the ledger of the same mails from a file, nothing touched, over a
//! wire that breaks and after kills.

use super::mails::{HOST, mail, takeout};
use super::{ledger, run};
use crate::support::dovecot::{Dovecot, Setup};
use crate::support::oracle::Mailboxes;
use crate::support::proxy::Proxy;
use crate::support::run::{Home, Over, cancellation, until};
use std::path::Path;
use std::time::Duration;

const MAILS: usize = 3000;

fn crlf(n: usize) -> Vec<u8> {
    mail(n).replace('\n', "\r\n").into_bytes()
}

/// A mailbox with mails in INBOX and in a folder; what lies in the bin is somebody else's.
fn filled() -> Option<Dovecot> {
    let dovecot = Dovecot::start(&Setup { special: true, ..Setup::default() })?;
    let mut oracle = dovecot.oracle();
    oracle.command("CREATE Archive").unwrap();
    for from in (0..MAILS).step_by(200) {
        let folder = if from < 2400 { "INBOX" } else { "Archive" };
        let mails: Vec<Vec<u8>> = (from..from + 200).map(crlf).collect();
        oracle.append_all(folder, &mails).unwrap();
    }
    oracle.append("Papierkorb", &cancellation("bin", "399999-20261120-0000000077")).unwrap();
    oracle.command("SELECT INBOX").unwrap();
    oracle.command("UID STORE 1:20 +FLAGS (\\Seen \\Flagged $mine)").unwrap();
    oracle.command("UID STORE 30 +FLAGS (\\Deleted)").unwrap();
    Some(dovecot)
}

/// Everything but \Recent, which any client that opens a mailbox for writing takes off.
fn state_of(dovecot: &Dovecot) -> Mailboxes {
    let mut all = dovecot.mailboxes();
    all.values_mut().flatten().for_each(|one| {
        one.flags.retain(|flag| flag != "\\Recent");
        one.flags.sort();
    });
    all
}

/// The ledger of the same mails, from a file.
fn wanted(folder: &Path) -> Vec<String> {
    let (state, file) = (folder.join("state"), folder.join("all.mbox"));
    std::fs::write(&file, takeout(0..MAILS)).unwrap();
    let (good, text, errors) =
        run(&state, &["import", "--authserv-id", HOST, "--spam-and-trash", file.to_str().unwrap()]);
    assert!(good && text.contains("3000 mails read"), "{text}{errors}");
    ledger(&state)
}

#[test]
fn a_mailbox_tells_what_its_mails_tell_and_is_left_as_it_was() {
    let Some(dovecot) = filled() else { return };
    let folder = tempfile::tempdir().unwrap();
    let wanted = wanted(folder.path());
    let home = Home::on(&dovecot, Over::Tls, "");
    let before = state_of(&dovecot);
    // a watch may run beside it
    let watch = home.watch(1);
    let text = home.ok(&["import", "--all-mailboxes"]);
    assert!(text.contains("a: INBOX: 2400 mails") && text.contains("a: Archive: 600 mails"), "{text}");
    assert!(text.contains("3000 mails read, ") && !text.contains("Papierkorb"), "{text}");
    assert_eq!(watch.terminate(), Some(0));
    assert_eq!(ledger(&home.state()), wanted);
    assert_eq!(state_of(&dovecot), before, "nothing is marked, moved or removed");
    assert_eq!(home.ok(&["history"]).trim(), "nothing was done");

    // again, and with what came meanwhile
    dovecot.oracle().append("Archive", &crlf(MAILS)).unwrap();
    let text = home.ok(&["import", "--mailbox", "INBOX", "--mailbox", "Archive"]);
    assert!(text.contains("a: Archive: 1 mail, 600 read before") && text.contains("1 mail read, "), "{text}");
    // the bin when it is named, a folder that is not there, and a day
    let output = home.run(&["import", "--mailbox", "Papierkorb", "--mailbox", "Nirgends", "--format", "json"]);
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!output.status.success());
    assert_eq!((told["mails"].as_u64(), told["new_events"].as_u64()), (Some(1), Some(2)), "{told}");
    assert!(told["passed_by"]["unreadable"][0].as_str().unwrap().contains("no folder `Nirgends`"), "{told}");
    let text = home.ok(&["import", "--mailbox", "INBOX", "--since", "2038-01-01", "--again"]);
    assert!(text.contains("a: INBOX: 0 mails"), "{text}");
}

#[test]
fn cut_off_and_killed_it_goes_on_and_ends_with_the_same_ledger() {
    let Some(dovecot) = filled() else { return };
    let folder = tempfile::tempdir().unwrap();
    let wanted = wanted(folder.path());
    let before = state_of(&dovecot);
    // the wire breaks again and again; a program that runs on opens it anew
    let proxy = Proxy::faulty(dovecot.imap, 7);
    let home = Home::through(proxy.port, "");
    let (mut killed, mut wait) = (0, Duration::from_millis(200));
    loop {
        let mut import = home.start(&["import", "--all-mailboxes"]);
        std::thread::sleep(wait);
        match import.ended() {
            Some(true) => break,
            Some(false) => {}
            None => {
                import.kill();
                killed += 1;
            }
        }
        wait += Duration::from_millis(400);
        if wait > Duration::from_secs(8) {
            proxy.calm();
        }
        assert!(wait < Duration::from_secs(120), "it never ends: {}", home.log());
    }
    let struck: usize = proxy.struck().values().sum();
    assert!(killed >= 2 && struck >= 1, "killed {killed}, struck {struck}");
    assert_eq!(ledger(&home.state()), wanted, "killed {killed}, struck {struck}");
    assert_eq!(state_of(&dovecot), before);
    proxy.calm();
    let text = home.ok(&["import", "--all-mailboxes"]);
    assert!(text.contains("0 mails read, ") && text.contains("3000 mails read before"), "{text}");
}

#[test]
fn a_renumbered_folder_is_read_again_and_says_nothing_new() {
    let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
    let mails: Vec<Vec<u8>> = (0..64).map(crlf).collect();
    let mut oracle = dovecot.oracle();
    oracle.command("CREATE Archive").unwrap();
    oracle.append_all("Archive", &mails).unwrap();
    let home = Home::on(&dovecot, Over::Plain, "");
    home.ok(&["import", "--mailbox", "Archive"]);
    let known = ledger(&home.state());
    oracle.command("DELETE Archive").unwrap();
    oracle.command("CREATE Archive").unwrap();
    oracle.append_all("Archive", &mails).unwrap();
    let text = home.ok(&["import", "--mailbox", "Archive"]);
    assert!(text.contains("64 mails read before"), "{text}");
    assert_eq!(ledger(&home.state()), known);
    until("nothing is left to do", || home.run(&["history"]).status.success());
}
