//! `modori import` of files: the same ledger from every kind of file, from any start, after any number of kills.

use super::mails::{HOST, mail, takeout};
use super::{alone, ledger, run};
use std::path::Path;
use std::time::Duration;

const MAILS: usize = 1200;

fn import<'a>(more: &[&'a str]) -> Vec<&'a str> {
    ["import", "--authserv-id", HOST].into_iter().chain(more.iter().copied()).collect()
}

fn summary(state: &Path, more: &[&str]) -> serde_json::Value {
    let (_, text, errors) = run(state, &import(&[more, &["--format", "json"]].concat()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text} {errors}"))
}

/// A whole import of the Takeout, to compare with.
fn whole(folder: &Path) -> Vec<String> {
    let (state, file) = (folder.join("whole"), folder.join("all.mbox"));
    std::fs::write(&file, takeout(0..MAILS)).unwrap();
    let told = summary(&state, &[file.to_str().unwrap(), "--spam-and-trash"]);
    assert_eq!((told["mails"].as_u64(), told["passed_by"]["read_before"].as_u64()), (Some(1200), Some(0)), "{told}");
    assert_eq!((told["orders"].as_u64(), told["cancelled"].as_u64()), (Some(150), Some(75)), "{told}");
    assert_eq!(told["open_cases"].as_array().unwrap().len() as u64, told["open"].as_u64().unwrap());
    ledger(&state)
}

#[test]
fn a_mail_is_the_same_mail_from_every_kind_of_file() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = whole(folder.path());
    assert!(wanted.len() > 450, "{}", wanted.len());
    // an mbox with CRLF, a Maildir, a folder of .eml files
    let lay = |name: &str, text: String| {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
    };
    lay("crlf/mail.mbox", takeout(0..MAILS).replace('\n', "\r\n"));
    for n in 0..MAILS {
        lay(&format!("eml/{}/{n:06}.eml", n % 7), mail(n));
        lay(&format!("maildir/{}/{n}.M1.host:2,S", if n % 2 == 0 { "cur" } else { "new" }), mail(n));
    }
    std::fs::create_dir(folder.path().join("maildir/tmp")).unwrap();
    for kind in ["crlf", "eml", "maildir"] {
        let state = folder.path().join(format!("state-{kind}"));
        let from = folder.path().join(kind);
        let told = summary(&state, &[from.to_str().unwrap(), "--spam-and-trash"]);
        assert_eq!(told["mails"].as_u64(), Some(1200), "{kind}: {told}");
        assert_eq!(ledger(&state), wanted, "{kind}");
        // and it is known again, wherever it lies: nothing is read twice
        let again = summary(&state, &[from.to_str().unwrap(), "--spam-and-trash"]);
        let passed = &again["passed_by"];
        assert_eq!((again["mails"].as_u64(), again["files"].clone()), (Some(0), passed["files_read_before"].clone()));
        let other = folder.path().join("all.mbox");
        let again = summary(&state, &[other.to_str().unwrap(), "--spam-and-trash"]);
        assert_eq!((again["mails"].as_u64(), again["passed_by"]["read_before"].as_u64()), (Some(0), Some(1200)));
        // unless that is asked for
        let again = summary(&state, &[other.to_str().unwrap(), "--spam-and-trash", "--again"]);
        assert_eq!((again["mails"].as_u64(), again["new_events"].as_u64()), (Some(1200), Some(0)));
        assert_eq!(ledger(&state), wanted, "{kind}");
    }
}

#[test]
fn spam_and_trash_of_a_takeout_are_left_out_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.mbox");
    std::fs::write(&file, takeout(0..640)).unwrap();
    let (good, text, errors) = run(&folder.path().join("state"), &import(&[file.to_str().unwrap()]));
    assert!(good, "{errors}");
    assert!(text.contains("620 mails read, "), "{text}");
    assert!(text.contains("10 mails in spam, 10 mails in the trash (--spam-and-trash reads these, too)"), "{text}");
    assert!(text.contains("the ledger now: 80 orders, 40 cancelled, 20 open"), "{text}");
    assert!(text.contains("more; `modori cases` shows all"), "{text}");
}

#[test]
fn killed_at_many_places_it_ends_with_the_ledger_of_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = whole(folder.path());
    let file = folder.path().join("all.mbox");
    let eml = folder.path().join("eml");
    std::fs::create_dir(&eml).unwrap();
    // some of it lies in single files, too, which come first
    for n in (0..MAILS).step_by(3) {
        std::fs::write(eml.join(format!("{n:06}.eml")), mail(n)).unwrap();
    }
    let paths = [eml.to_str().unwrap(), file.to_str().unwrap(), "--spam-and-trash"];
    for signal in ["-KILL", "-TERM"] {
        let state = folder.path().join(format!("state{signal}"));
        let (mut cut, mut kinds) = (0, 0);
        let mut wait = Duration::from_millis(15);
        loop {
            let mut command = alone(&state, &import(&paths));
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
            let mut child = command.spawn().unwrap();
            // where it is by then is chance; what comes of it in the end is not
            std::thread::sleep(wait);
            let ended = child.try_wait().unwrap().is_some();
            if !ended {
                let pid = child.id().to_string();
                std::process::Command::new("kill").args([signal, &pid]).status().unwrap();
            }
            let output = child.wait_with_output().unwrap();
            if output.status.success() {
                break;
            }
            kinds +=
                usize::from(String::from_utf8_lossy(&output.stderr).contains("the same command goes on from there"));
            cut += 1;
            assert!(cut < 500, "it never ends");
            // it may take longer until the first batch is in, on a busy machine
            wait += wait / 5;
        }
        assert!(cut >= 3, "it was cut only {cut} times");
        assert!(signal == "-KILL" || kinds > 0, "a stopped import says how to go on");
        assert_eq!(ledger(&state), wanted, "{signal}, cut {cut} times");
        let again = summary(&state, &paths);
        assert_eq!((again["mails"].as_u64(), again["new_events"].as_u64()), (Some(0), Some(0)), "{again}");
    }
}

#[test]
fn what_is_broken_is_told_and_keeps_nothing_else_from_being_read() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mails = folder.path().join("mails");
    std::fs::create_dir(&mails).unwrap();
    let lay = |name: &str, bytes: &[u8]| std::fs::write(mails.join(name), bytes).unwrap();
    lay("a.mbox", takeout(0..64).as_bytes());
    lay("b.zip", b"PK\x03\x04rest");
    lay("c.tgz", b"\x1f\x8b\x08rest");
    lay("d.mbox", b"no mbox at all\n");
    lay("e.eml", b"");
    lay("f.eml", &[0xff, 0xfe, 0, 1, 2, b'\n']);
    // it ends in the middle of a mail, and within a character
    let text = takeout(64..128);
    lay("g.mbox", &text.as_bytes()[..text.len() - 5]);
    lay("h.eml", mail(200).as_bytes());
    let (good, text, errors) = run(&state, &import(&[mails.to_str().unwrap(), "--spam-and-trash"]));
    assert!(!good);
    for said in
        ["b.zip: this is a zip archive: unpack it", "tar xzf", "d.mbox: this is no mbox", "e.eml: the file is empty"]
    {
        assert!(errors.contains(said), "{said}: {errors}");
    }
    assert!(errors.contains("4 files could not be read") && text.contains("130 mails read, "), "{text}{errors}");

    // mended, only what is new is read: the file that changed from its start, by what its mails are
    let text = takeout(64..160);
    lay("g.mbox", text.as_bytes());
    let told = summary(&state, &[mails.to_str().unwrap(), "--spam-and-trash"]);
    let passed = &told["passed_by"];
    assert_eq!((told["mails"].as_u64(), passed["read_before"].as_u64()), (Some(33), Some(63)), "{told}");
    assert_eq!(passed["files_read_before"].as_u64(), Some(3), "{told}");
    assert_eq!(passed["unreadable"].as_array().unwrap().len(), 4, "{told}");
}

#[test]
fn how_far_it_is_is_told_in_plain_lines_where_there_is_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.mbox");
    std::fs::write(&file, takeout(0..3000)).unwrap();
    let (good, _, errors) = run(&folder.path().join("state"), &import(&[file.to_str().unwrap()]));
    assert!(good, "{errors}");
    let lines: Vec<&str> = errors.lines().filter(|line| line.contains(" %: ")).collect();
    assert!(lines.len() >= 2 && lines.iter().all(|line| line.contains("/s, ") && line.ends_with(" left")), "{errors}");
}
