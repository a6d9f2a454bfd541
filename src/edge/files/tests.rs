//! Every form of file, and what is broken about some of them.

use super::*;
use std::fs;

const CAP: u32 = 64 * 1024;

/// What comes out below a folder: path from there, received, size, and the bytes; or the error.
fn all(root: &Path, paths: &[&str], cap: u32) -> Vec<(String, String, u32, String)> {
    let here = format!("{}/", root.display());
    read(paths.iter().map(|path| root.join(path)), cap)
        .map(|mail| match mail {
            Ok(mail) => (
                mail.label.replace(&here, ""),
                mail.received.to_string(),
                mail.size,
                String::from_utf8_lossy(&mail.bytes).into_owned(),
            ),
            Err(error) => (error.to_string().replace(&here, ""), "error".into(), 0, String::new()),
        })
        .collect()
}

fn lay(root: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn labels(found: &[(String, String, u32, String)]) -> Vec<&str> {
    found.iter().map(|mail| mail.0.as_str()).collect()
}

#[test]
fn the_time_of_receipt_is_the_best_that_the_message_tells() {
    let told = Some("2026-01-01T00:00:00Z".parse().unwrap());
    for (text, expect) in [
        ("Received: from a by b; Mon, 23 Nov 2026 19:00:00 +0900 (JST)\nDate: x\n\n", "2026-11-23T10:00:00Z"),
        ("Received: from a\n\tby b;\n Mon, 23 Nov 2026 19:00:00 +0900\n\n", "2026-11-23T10:00:00Z"),
        ("Received: from a by b\nReceived: c; 23 Nov 2026 10:00:00 GMT\n\n", "2026-11-23T10:00:00Z"),
        ("Received: nonsense\nDate: Mon, 23 Nov 2026 19:00:00 +0900\n\n", "2026-01-01T00:00:00Z"),
        ("X: y\n\nReceived: c; 23 Nov 2026 10:00:00 GMT\n", "2026-01-01T00:00:00Z"),
        ("", "2026-01-01T00:00:00Z"),
    ] {
        assert_eq!(when::received(text.as_bytes(), told).unwrap().to_string(), expect, "{text}");
    }
    // the weekday may be wrong, and the header may end in CRLF
    let date = when::received(b"Subject: a\r\n b\r\nDate: Sun, 23 Nov 2026 19:00:00 +0900\r\n\r\n", None).unwrap();
    assert_eq!(date.to_string(), "2026-11-23T10:00:00Z");
    assert_eq!(when::received(b"\xff\xff: \xfe\n\n", None), None);
}

#[test]
fn from_lines_bear_a_date_in_many_forms() {
    for (line, expect) in [
        ("From a@b Mon Nov 23 10:00:00 2026\n", Some("2026-11-23T10:00:00Z")),
        ("From - Mon Nov  3 10:00 2026\r\n", Some("2026-11-03T10:00:00Z")),
        ("From 17@xxx Mon Nov 23 10:00:00 +0900 2026\n", Some("2026-11-23T01:00:00Z")),
        ("From a b@c Mon Nov 23 10:00:00 2026 -0130\n", Some("2026-11-23T11:30:00Z")),
        ("From a@b Mon Nov 31 10:00:00 2026\n", None),
        ("From a@b Mon Nov 23 99:00:00 2026\n", None),
        ("From a@b Mon Nov 23 10:00:00 2026 +9999\n", None),
        ("From Monday on we are closed\n", None),
        ("From \n", None),
    ] {
        assert_eq!(when::of_from_line(line.as_bytes()).map(|at| at.to_string()).as_deref(), expect, "{line}");
    }
}

#[test]
fn an_mbox_is_parted_at_its_from_lines_only() {
    let dir = tempfile::tempdir().unwrap();
    let text = "From a@b Mon Nov 23 10:00:00 2026\nSubject: 1\nContent-Length: 99999\n\n\
        From Monday on we are closed\n>From here\n>>From there\n> From nowhere\n\n\n\
        From c@d Mon Nov 23 11:00:00 2026\nReceived: x; Mon, 23 Nov 2026 10:59:00 +0000\nSubject: 2\n\nend without newline";
    let bodies = [
        "Subject: 1\nContent-Length: 99999\n\nFrom Monday on we are closed\nFrom here\n>From there\n> From nowhere\n\n",
        "Received: x; Mon, 23 Nov 2026 10:59:00 +0000\nSubject: 2\n\nend without newline",
    ];
    for (name, text, bodies) in [
        ("unix.mbox", text.to_owned(), bodies.map(str::to_owned)),
        ("dos", text.replace('\n', "\r\n"), bodies.map(|body| body.replace('\n', "\r\n"))),
    ] {
        lay(dir.path(), &[(name, &text)]);
        let found = all(dir.path(), &[name], CAP);
        assert_eq!(labels(&found), [format!("{name}, message 1 (line 1)"), format!("{name}, message 2 (line 11)")]);
        assert_eq!([&found[0].3, &found[1].3], [&bodies[0], &bodies[1]]);
        assert_eq!([&found[0].1, &found[1].1], ["2026-11-23T10:00:00Z", "2026-11-23T10:59:00Z"]);
        assert_eq!(found[0].2 as usize, bodies[0].len());
    }
}

#[test]
fn a_huge_message_is_cut_and_the_next_one_still_found() {
    let dir = tempfile::tempdir().unwrap();
    let long = "x".repeat(300_000);
    let text = format!(
        "From a Mon Nov 23 10:00:00 2026\n\n{long}From a Mon Nov 23 10:00:00 2026\n\nFrom b Mon Nov 23 11:00:00 2026\n\nb\n"
    );
    lay(dir.path(), &[("big.mbox", &text), ("big.eml", &long)]);
    let found = all(dir.path(), &["big.mbox", "big.eml"], 1000);
    assert_eq!(
        found.iter().map(|mail| (mail.2, mail.3.len())).collect::<Vec<_>>(),
        [(300_033, 1000), (3, 3), (300_000, 1000)]
    );
}

#[test]
fn of_an_mbox_that_is_being_written_the_last_message_is_left_for_later() {
    let dir = tempfile::tempdir().unwrap();
    let text = "From a Mon Nov 23 10:00:00 2026\nTo: a\n\none\n\nFrom b Mon Nov 23 11:00:00 2026\nTo: b\n\nhalf a li";
    lay(dir.path(), &[("box.mbox", text)]);
    let path = dir.path().join("box.mbox");
    let file = super::listed([path.clone()]).next().unwrap().unwrap();
    let mut mails = file.open(None, 1000).unwrap();
    assert!(mails.next().unwrap().unwrap().bytes.ends_with(b"one\n"));
    std::fs::write(&path, format!("{text}ne\n")).unwrap();
    let error = mails.next().unwrap().unwrap_err();
    assert!(error.what.contains("its last message is left out"), "{}", error.what);
    assert!(mails.next().is_none());
    // when nobody writes to it any more, it is there
    assert_eq!(all(dir.path(), &["box.mbox"], 1000).len(), 2);
}

#[test]
fn folders_are_walked_and_what_is_no_mail_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    lay(
        dir.path(),
        &[
            ("in/b.eml", "b"),
            ("in/A.EML", "a"),
            ("in/note.txt", "From a Mon Nov 23 10:00:00 2026\n\nno\n"),
            ("in/README", "hello"),
            ("in/.hidden.eml", "no"),
            ("in/deep/er/Inbox", "From a Mon Nov 23 10:00:00 2026\n\nthunder\n"),
            ("in/empty.mbox", ""),
            ("in/empty.eml", ""),
            ("in/false.mbox", "Subject: x\n\n"),
            ("given.txt", "Subject: given\n\n"),
        ],
    );
    let found = all(dir.path(), &["in", "given.txt", "missing"], CAP);
    assert_eq!(
        labels(&found),
        [
            "in/A.EML",
            "in/b.eml",
            "in/deep/er/Inbox, message 1 (line 1)",
            "in/empty.eml: the file is empty",
            "in/false.mbox: this is no mbox: no line `From …` at its start",
            "given.txt",
            "missing: there is no such file or folder",
        ]
    );
}

#[test]
fn a_maildir_is_read_with_its_folders_and_without_tmp() {
    let dir = tempfile::tempdir().unwrap();
    lay(
        dir.path(),
        &[
            ("m/cur/1763892000.M1P2.host:2,S", "Subject: a\nDate: Mon, 2 Nov 2026 00:00:00 +0000\n\n"),
            ("m/new/1763892001.M1P2.host", "From a Mon Nov 23 10:00:00 2026\nSubject: kept as it is\n\n"),
            ("m/tmp/1763892002.M1P2.host", "half"),
            ("m/dovecot-uidlist", "3 V1"),
            ("m/.Sub/cur/x:2,", "Date: Mon, 2 Nov 2026 00:00:00 +0000\n\n"),
            ("m/.Sub/new/.nfs1", "no"),
            ("m/.Sub/tmp/y", "no"),
        ],
    );
    let found = all(dir.path(), &["m"], CAP);
    let times: Vec<_> = found.iter().map(|mail| (mail.0.as_str(), mail.1.as_str())).collect();
    assert_eq!(
        times,
        [
            ("m/.Sub/cur/x:2,", "2026-11-02T00:00:00Z"),
            ("m/cur/1763892000.M1P2.host:2,S", "2025-11-23T10:00:00Z"),
            ("m/new/1763892001.M1P2.host", "2025-11-23T10:00:01Z"),
        ]
    );
}

#[cfg(unix)]
#[test]
fn links_in_a_circle_and_pipes_do_not_hold_it_up() {
    let dir = tempfile::tempdir().unwrap();
    lay(dir.path(), &[("in/a.eml", "a")]);
    std::os::unix::fs::symlink(dir.path().join("in"), dir.path().join("in/again")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("gone"), dir.path().join("in/gone.eml")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("in/socket.eml")).unwrap();
    let found = all(dir.path(), &["in", "in/socket.eml"], CAP);
    assert_eq!(labels(&found), ["in/a.eml", "in/socket.eml: this is neither a file nor a folder"]);
}
