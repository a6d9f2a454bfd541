//! `modori calendar`: what stands in it, that other programs can read it, and the feed.

use super::mails::{HOST, at, mail, order};
use super::{alone, run};
use crate::support::embedded::Embedded;
use crate::support::real::missing;
use crate::support::run::{cancellation, until};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

/// What three other programs say of a calendar; `None` when they are not there.
fn said(text: &str) -> Option<Vec<(String, String)>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all/past/validate.py");
    let output = Command::new("/usr/bin/python3").arg(script).arg(file.path()).output().ok()?;
    if output.status.code() == Some(3) {
        return None;
    }
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let split = |line: &str| line.split_once(' ').map(|(name, said)| (name.to_owned(), said.to_owned())).unwrap();
    Some(text.lines().map(split).collect())
}

/// A ledger of open cases, and of every sample mail: announced sales, coupons, questions, deadlines.
fn filled(state: &Path) {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..320 {
        std::fs::write(folder.path().join(format!("{n:04}.eml")), mail(n)).unwrap();
    }
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let from = [folder.path().to_str().unwrap(), fixtures.to_str().unwrap()];
    let (_, text, errors) = run(state, &[&["import", "--authserv-id", HOST], &from[..]].concat());
    assert!(text.contains("mails read"), "{text}{errors}");
}

fn calendar(state: &Path, at: &str, more: &[&str]) -> String {
    let (good, text, errors) = run(state, &[&["calendar", "--at", at], more].concat());
    assert!(good, "{errors}");
    text
}

/// Its lines, as they were before they were folded.
fn lines(text: &str) -> Vec<String> {
    text.replace("\r\n ", "").split_terminator("\r\n").map(str::to_owned).collect()
}

#[test]
fn other_programs_read_it_and_complain_of_mistakes() {
    let state = tempfile::tempdir().unwrap();
    let empty = calendar(state.path(), "2026-11-20", &[]);
    filled(state.path());
    // as seen on many days: every kind of entry has its time
    let days: Vec<String> = (1..=28).step_by(3).map(|day| format!("2026-11-{day:02}")).collect();
    let mut all: Vec<String> = days.iter().map(|day| calendar(state.path(), day, &[])).collect();
    let whole = all.iter().max_by_key(|text| text.len()).unwrap().clone();
    all.extend([empty, calendar(state.path(), "2026-11-22", &["--no-details"])]);
    for text in &all {
        assert_eq!(calendar(state.path(), "2026-11-20", &[]), calendar(state.path(), "2026-11-20", &[]));
        let Some(told) = said(text) else {
            return missing("ical", "python3-gi, gir1.2-ical-3.0, python3-icalendar or python3-vobject");
        };
        assert_eq!(told.len(), 3);
        for (program, said) in told {
            assert_eq!(said, "fine", "{program}: {text}");
        }
    }
    let joined = lines(&all.concat());
    for kind in [
        "販売再開", "ショップへの返信期限", "支払期限", "ポイントが戻ったか", "ショップに問い合わせる",
        "楽天に問い合わせる", "クーポンの有効期限", "あんしんショッピング", "戻ったポイントの有効期限",
    ] {
        assert!(joined.iter().any(|line| line.starts_with("SUMMARY:") && line.contains(kind)), "no entry of {kind}");
    }
    assert!(whole.contains("BEGIN:VALARM"), "{whole}");

    // an entry without a start is complained of by none of the three
    for text in &all {
        let count = |what: &str| lines(text).iter().filter(|line| line.starts_with(what)).count();
        // one more start is the time zone's
        assert_eq!(count("DTSTART"), count("BEGIN:VEVENT") + count("BEGIN:STANDARD"), "{text}");
    }

    // planted mistakes: each is seen by one of the three at least, so that `fine` means something
    let first = |from: &str| lines(&whole).into_iter().find(|line| line.starts_with(from)).unwrap();
    let mistakes: Vec<(&str, String)> = vec![
        ("an entry without UID", whole.replacen(&format!("{}\r\n", first("UID:")), "", 1)),
        ("an entry without DTSTAMP", whole.replacen(&format!("{}\r\n", first("DTSTAMP:")), "", 1)),
        ("no PRODID", whole.replacen(&format!("{}\r\n", first("PRODID:")), "", 1)),
        ("no VERSION", whole.replacen("VERSION:2.0\r\n", "", 1)),
        ("no date", whole.replacen(&first("DTSTART;TZID"), "DTSTART;TZID=Asia/Tokyo:2026-11-28", 1)),
        ("two UIDs", whole.replacen("TRANSP:", &format!("{}\r\nTRANSP:", first("UID:")), 1)),
        ("an alarm without a time", whole.replacen("TRIGGER:-PT10M\r\n", "", 1)),
        ("a value that breaks off", whole.replacen("TRANSP:", "a line of a mail\r\nTRANSP:", 1)),
        ("an entry that does not end", whole.replacen("END:VEVENT\r\n", "", 1)),
        ("a calendar that does not end", whole.replacen("END:VCALENDAR\r\n", "", 1)),
    ];
    let mut seen_by = std::collections::BTreeMap::<String, usize>::new();
    for (what, text) in mistakes {
        assert_ne!(text, whole, "{what} was not planted");
        let told = said(&text).unwrap();
        let complaints: Vec<&String> =
            told.iter().filter(|(_, said)| said != "fine").map(|(program, _)| program).collect();
        assert!(!complaints.is_empty(), "nobody sees {what}");
        complaints.into_iter().for_each(|program| *seen_by.entry(program.clone()).or_default() += 1);
    }
    assert_eq!(seen_by.len(), 3, "each of them complains of something: {seen_by:?}");
}

#[test]
fn a_file_is_only_written_when_something_changed_and_keeps_its_entries() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mails = folder.path().join("mails");
    std::fs::create_dir(&mails).unwrap();
    for n in 0..64 {
        std::fs::write(mails.join(format!("{n:04}.eml")), mail(n)).unwrap();
    }
    let import = ["import", "--authserv-id", HOST, mails.to_str().unwrap()];
    run(&state, &import);
    let file = folder.path().join("out.ics");
    let now = at(70).to_string();
    let out = |state: &Path| {
        let (good, text, errors) = run(state, &["calendar", "--at", &now, "--out", file.to_str().unwrap()]);
        assert!(good && text.is_empty(), "{errors}");
        std::fs::read_to_string(&file).unwrap()
    };
    let written = out(&state);
    assert!(written.contains("BEGIN:VEVENT"), "{written}");
    // nothing changed: the very file stays, and so it does on a ledger that is made anew
    let stamp = |file: &Path| std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(file).unwrap());
    let first = stamp(&file);
    assert_eq!(out(&state), written);
    assert!(run(&state, &["ledger", "rebuild", "--from", mails.to_str().unwrap(), "--authserv-id", HOST]).0);
    assert_eq!((out(&state), stamp(&file)), (written.clone(), first));
    let other = folder.path().join("other");
    run(&other, &import);
    assert_eq!((out(&other), stamp(&file)), (written.clone(), first));
    // what is done goes, the rest stays as it was
    // of four that were cancelled two were paid back; this one was not
    let done = order(17);
    assert!(written.contains(&done), "{written}");
    assert!(run(&state, &["lost", &done, "--at", &now]).0);
    let after = out(&state);
    assert!(!after.contains(&done) && after.contains("BEGIN:VEVENT"));
    let uids = |text: &str| lines(text).into_iter().filter(|line| line.starts_with("UID:")).collect::<Vec<_>>();
    assert!(uids(&after).iter().all(|uid| uids(&written).contains(uid)));
    // what lies there is not written over if it is no file
    let (good, _, errors) = run(&state, &["calendar", "--out", folder.path().to_str().unwrap()]);
    assert!(!good && errors.contains("no ordinary file"), "{errors}");
    drop(alone(&state, &[]));
}

fn get(port: u16, path: &str, more: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: home.example.jp\r\n{more}\r\n").as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    // the date of an answer is its own
    let head = head.lines().filter(|line| !line.starts_with("date:")).collect::<Vec<_>>().join("\n");
    (status, head, body.to_owned())
}

#[test]
fn a_watch_keeps_the_file_and_serves_the_feed_to_who_knows_its_address() {
    const ORDER: &str = "399999-20261120-0123456789";
    let embedded = Embedded::start();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let rest = format!(
        "[web]\nlisten = \"127.0.0.1:{port}\"\npublic_url = \"https://home.example.jp\"\n\
         [calendar]\nfile = \"modori.ics\"\nfeed = true\n"
    );
    let home = embedded.home("", &rest);
    let url = home.ok(&["calendar", "--url"]);
    assert_eq!(home.ok(&["calendar", "--url"]), url, "it stays");
    let path = url.trim().strip_prefix("https://home.example.jp").unwrap().to_owned();
    assert!(path.len() > 50 && path.ends_with(".ics"), "{path}");
    let watch = home.watch(1);
    let file = home.path().join("modori.ics");
    let kept = || std::fs::read_to_string(&file).unwrap_or_default();
    until("the file is there", || kept().ends_with("END:VCALENDAR\r\n"));
    assert!(!kept().contains("VEVENT"));
    until("it listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    embedded.deliver("INBOX", &cancellation("one", ORDER));
    until("the file tells of the case", || lines(&kept()).iter().any(|line| line.contains(ORDER)));

    let (status, head, body) = get(port, &path, "");
    assert_eq!((status, body.as_str()), (200, kept().as_str()));
    assert!(head.to_lowercase().contains("content-type: text/calendar; charset=utf-8"), "{head}");
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
    let (status, _, body) = get(port, &path, &format!("If-None-Match: {tag}\r\n"));
    assert_eq!((status, body.as_str()), (304, ""));

    // anything else is answered as what is not there
    let nothing = get(port, "/nothing/there", "");
    assert_eq!(nothing.0, 404);
    for other in [
        "/calendar/x.ics",
        "/calendar/",
        "/calendar/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.ics",
        path.trim_end_matches(".ics"),
    ] {
        assert_eq!(get(port, other, ""), nothing, "{other}");
    }
    // a new address, and the old one is good no more
    let new = home.ok(&["calendar", "--new-url"]);
    assert_ne!(new, url);
    assert_eq!(get(port, &path, ""), nothing);
    let path = new.trim().strip_prefix("https://home.example.jp").unwrap();
    assert_eq!(get(port, path, "").0, 200);
    // who asks too often is told so, and nobody else's turn is taken
    let asked: Vec<u16> = (0..130).map(|_| get(port, path, "").0).collect();
    assert!(asked.contains(&429) && asked.iter().all(|status| [200, 429].contains(status)));
    assert_eq!(get(port, "/nothing/there", "").0, 404);
    // the secret is in no log
    assert!(!home.log().contains("/calendar/"), "{}", home.log());
    assert_eq!(watch.terminate(), Some(0));
}
