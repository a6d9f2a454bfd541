//! The look at the last 90 days: what it shows, how much it reads, and that it leaves everything as it was.

use super::super::support::dovecot::PASSWORD;
use super::super::support::run::{mail, restock};
use super::{ADDRESS, Person, text, vouched, words};
use jiff::{SignedDuration, Timestamp};

#[test]
fn hundreds_of_mails_are_looked_at_and_stay_as_they_are() {
    let Some(person) = Person::new() else { return };
    let mut oracle = person.dovecot.oracle();
    let letters: Vec<Vec<u8>> =
        (0..300).map(|n| mail(&format!("letter{n}"), "a@example.jp", "手紙", "こんにちは。\n")).collect();
    oracle.append_all("INBOX", &letters).unwrap();
    let restocks: Vec<Vec<u8>> = (0..120).map(|n| vouched(restock(&format!("item{n}")))).collect();
    oracle.append_all("INBOX", &restocks).unwrap();
    // from before the time that is looked at, and just within it
    let ago = |days: i64| Timestamp::now() - SignedDuration::from_hours(24 * days);
    oracle.append_at("INBOX", ago(91), &vouched(restock("old"))).unwrap();
    oracle.append_at("INBOX", ago(89), &vouched(restock("young"))).unwrap();
    let before = person.dovecot.mailboxes();
    let status = |oracle: &mut super::super::support::oracle::Oracle| {
        oracle.command("STATUS INBOX (MESSAGES RECENT UNSEEN UIDNEXT UIDVALIDITY)").unwrap()[0].text.clone()
    };
    let counted = status(&mut person.dovecot.oracle());
    assert!(counted.contains("MESSAGES 425"), "{counted}");

    let servers = person.servers();
    let flags = [
        "init", "--non-interactive", "--email", ADDRESS, "--channel", "none", "--authserv", "yes", "--ledger", "yes",
        "--password-env", "MODORI_TEST_PASSWORD",
    ];
    let all = words(&flags, &servers);
    let output = person.command(&all).env("MODORI_TEST_PASSWORD", PASSWORD).output().unwrap();
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{shown}{}", text(&output.stderr));
    assert!(shown.contains("424 mails of the last 90 days:"), "{shown}");
    assert!(shown.contains("123  restock  → 楽天/再入荷"), "{shown}");
    assert!(shown.contains("300  other  stays where it is"), "{shown}");
    assert!(!shown.contains("手紙"), "a private mail is counted and no more: {shown}");
    assert_eq!(shown.matches("再入荷のお知らせ").count(), 3, "a few examples: {shown}");
    assert_eq!(person.dovecot.mailboxes(), before, "flags, \\Recent and places");
    assert_eq!(status(&mut person.dovecot.oracle()), counted);
    // nothing was alerted, and nothing waits to be
    assert_eq!(person.phone.requests().len(), 0);
    let history = text(&person.run(&["history"]).stdout);
    assert!(!history.contains("restock"), "{history}");

    // bounded: the newest, and it is told that there are more
    let all = words(&[&flags[..], &["--force", "--preview-most", "100"]].concat(), &servers);
    let output = person.command(&all).env("MODORI_TEST_PASSWORD", PASSWORD).output().unwrap();
    let shown = text(&output.stdout);
    assert!(shown.contains("100 mails of the last 90 days (the newest; 324 more were not looked at):"), "{shown}");
    assert_eq!(person.dovecot.mailboxes(), before);
}
