//! `modori rules diff`, `history` and `undo`: edited rules on old mail, carried out and taken back.

use super::support::dovecot::{Dovecot, Setup};
use super::support::embedded::Embedded;
use super::support::oracle::by_message_id;
use super::support::run::{Home, Over, cancellation, mail, restock};
use serde_json::Value;
use std::collections::BTreeSet;

const ORDER: &str = "399999-20261120-0123456789";
/// The shopper's own rule: what a friend writes goes into a folder of its own.
const FRIENDS: &str = "category = \"friends\"\nfolder = \"友だち\"\n[[rule]]\nname = \"friends\"\nfrom = \"friend@example.org\"\n\
                       [[rule.example]]\nfrom = \"friend@example.org\"\nsubject = \"やあ\"\nbody = \"元気？\"\n";
/// Another: cancelled orders are kept elsewhere.
const ELSEWHERE: &str = "category = \"cancellation\"\n[[rule]]\nname = \"elsewhere\"\nrank = 2000\nfolder = \"別の場所\"\n\
                         subject = \"キャンセル\"\n";

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A home whose configuration names a rules folder, empty at first.
fn with_rules(home: &Home) {
    std::fs::create_dir(home.path().join("rules")).unwrap();
    let text = std::fs::read_to_string(&home.config).unwrap();
    std::fs::write(&home.config, format!("rules = \"rules\"\n{text}")).unwrap();
}

fn write_rules(home: &Home) {
    std::fs::write(home.path().join("rules/friends.toml"), FRIENDS).unwrap();
    std::fs::write(home.path().join("rules/elsewhere.toml"), ELSEWHERE).unwrap();
}

fn diff(home: &Home, more: &[&str]) -> Vec<Value> {
    lines(&home.ok(&[&["rules", "diff", "--since", "2020-01-01", "--format", "json"], more].concat()))
}

fn of<'v>(all: &'v [Value], subject: &str) -> &'v Value {
    all.iter()
        .find(|one| one["subject"].as_str().is_some_and(|has| has.contains(subject)))
        .unwrap_or_else(|| panic!("{all:?}"))
}

#[test]
fn edited_rules_are_tried_on_old_mail_applied_and_taken_back() {
    let embedded = Embedded::start();
    let home = embedded.home("", "backlog = \"sort\"\n");
    with_rules(&home);
    embedded.deliver("INBOX", &cancellation("cancelled", ORDER));
    embedded.deliver("INBOX", &mail("hello", "friend@example.org", "やあ", "元気？\n"));
    embedded.deliver("INBOX", &mail("moved", "friend@example.org", "またね", "元気で。\n"));
    embedded.deliver("INBOX", &restock("mug"));
    home.ok(&["sweep"]);
    assert_eq!(diff(&home, &[]), Vec::<Value>::new(), "the same rules change nothing");

    // a person moved one of them before the rules were edited
    embedded.server.create("手で", None);
    write_rules(&home);
    let uid = embedded.server.mailboxes()["INBOX"].iter().map(|one| one.uid).max().unwrap();
    embedded.server.create("友だち", None);
    embedded.server.relocate("INBOX", uid, "友だち").unwrap();
    embedded.deliver("INBOX", &mail("unknown", "friend@example.org", "はじめまして", "よろしく。\n"));
    let before = embedded.server.mailboxes();
    let all = diff(&home, &[]);
    assert_eq!(all.len(), 4, "{all:?}");
    let cancelled = of(&all, "キャンセル");
    assert_eq!(
        (&cancelled["before"]["folder"], &cancelled["after"]["folder"]),
        (&"楽天/キャンセル".into(), &"別の場所".into())
    );
    assert_eq!((&cancelled["moves_to"], &cancelled["after"]["rule"]), (&"別の場所".into(), &"elsewhere".into()));
    let hello = of(&all, "やあ");
    assert_eq!((&hello["before"]["category"], &hello["after"]["category"]), (&"other".into(), &"friends".into()));
    assert_eq!(of(&all, "またね")["stays"], "you moved it there yourself");
    assert!(of(&all, "はじめまして")["stays"].as_str().unwrap().contains("modori sweep"));
    // looking changed nothing: no move, no flag
    assert_eq!(format!("{:?}", embedded.server.mailboxes()), format!("{before:?}"));
    let text = home.ok(&["rules", "diff", "--since", "2020-01-01"]);
    assert!(text.contains("5 mails looked at, 1 as before, 4 otherwise"), "{text}");
    assert!(text.contains("楽天/キャンセル → 別の場所"), "{text}");
    assert!(diff(&home, &["--until", "2020-12-31"]).is_empty(), "nothing was received then");

    // without a terminal nobody agreed
    let output = home.run(&["rules", "diff", "--since", "2020-01-01", "--apply"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--yes"));
    assert_eq!(embedded.lies_in("hello"), ["INBOX"]);
    let output = home.run(&["rules", "diff", "--since", "2020-01-01", "--apply", "--yes"]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && errors.contains("moving 2 mails"), "{errors}");
    let batch = errors.split("--batch ").nth(1).unwrap().split('`').next().unwrap().to_owned();
    assert_eq!(embedded.lies_in("cancelled"), ["別の場所"]);
    assert_eq!(embedded.lies_in("hello"), ["友だち"]);
    assert_eq!(embedded.lies_in("moved"), ["友だち"]);
    assert_eq!(embedded.lies_in("unknown"), ["INBOX"]);
    assert_eq!(diff(&home, &[]).iter().filter(|one| !one["moves_to"].is_null()).count(), 0, "applied once is applied");

    // every action is told with its cause, newest first
    let history = lines(&home.ok(&["history", "--format", "json"]));
    let filed: Vec<(&str, &str, &str)> = history
        .iter()
        .filter(|one| one["what"] == "file")
        .map(|one| (one["from"].as_str().unwrap(), one["to"].as_str().unwrap(), one["cause"].as_str().unwrap()))
        .collect();
    assert_eq!(filed.len(), 4, "{filed:?}");
    assert!(filed[..2].iter().all(|(_, _, cause)| *cause == batch), "{filed:?}");
    assert!(filed.contains(&("INBOX", "楽天/再入荷", "mail")), "{filed:?}");
    let one = lines(&home.ok(&["history", "--format", "json", "--mail", "<cancelled@example.jp>"]));
    assert_eq!(one.iter().filter(|one| one["what"] == "file").count(), 2, "{one:?}");

    // taken back as a whole; twice is harmless
    let text = home.ok(&["undo", "--batch", &batch]);
    assert!(text.contains("back to 楽天/キャンセル") && text.contains("back to INBOX"), "{text}");
    assert_eq!(embedded.lies_in("cancelled"), ["楽天/キャンセル"]);
    assert_eq!(embedded.lies_in("hello"), ["INBOX"]);
    let again = home.run(&["undo", "--batch", &batch]);
    assert!(!again.status.success());
    assert!(String::from_utf8_lossy(&again.stdout).contains("it lies in 楽天/キャンセル by now"), "{again:?}");
    home.ok(&["sweep"]);
    assert_eq!(embedded.lies_in("cancelled"), ["楽天/キャンセル"], "what was taken back stays");
    assert_eq!(embedded.lies_in("hello"), ["INBOX"], "what was taken back stays");
    // the record is as it was, so the same rules offer it again
    assert_eq!(diff(&home, &[]).iter().filter(|one| !one["moves_to"].is_null()).count(), 2);

    // filed twice, each goes back twice, to where it first lay; and one that went back before may go back again
    home.ok(&["rules", "diff", "--since", "2020-01-01", "--apply", "--yes"]);
    assert_eq!(embedded.lies_in("cancelled"), ["別の場所"]);
    let shown = home.ok(&["undo", "--since", "2026-01-01", "--dry-run"]).replace("would go back", "back");
    assert_eq!(embedded.lies_in("cancelled"), ["別の場所"], "only shown");
    let text = home.ok(&["undo", "--since", "2026-01-01"]);
    let goes = |text: &str| {
        text.lines().filter(|line| line.contains(": back to ")).map(str::to_owned).collect::<BTreeSet<_>>()
    };
    assert_eq!(goes(&shown), goes(&text), "every step is shown before it is taken");
    assert_eq!(embedded.lies_in("cancelled"), ["INBOX"], "{text}");
    assert_eq!(embedded.lies_in("hello"), ["INBOX"], "{text}");
    assert!(text.contains("back to 楽天/キャンセル") && text.contains("back to INBOX"), "{text}");
}

#[test]
fn one_action_is_taken_back_unless_a_person_moved_the_mail_and_after_a_renumbering() {
    let embedded = Embedded::start();
    let home = embedded.home("", "backlog = \"sort\"\n");
    embedded.deliver("INBOX", &cancellation("first", ORDER));
    embedded.deliver("INBOX", &cancellation("second", "399999-20261121-0123456789"));
    home.ok(&["sweep"]);
    let id = |name: &str| {
        let all = lines(&home.ok(&["history", "--format", "json", "--mail", &format!("{name}@example.jp")]));
        all.iter().find(|one| one["what"] == "file").unwrap()["id"].to_string()
    };
    let (first, second) = (id("first"), id("second"));
    // the server lost its numbers: the mail is found by what it is
    embedded.server.renumber("楽天/キャンセル");
    let text = home.ok(&["undo", &first]);
    assert!(text.contains("back to INBOX"), "{text}");
    assert_eq!(embedded.lies_in("first"), ["INBOX"]);
    // a person moved the other one
    embedded.server.create("手で", None);
    let uid = embedded.server.mailboxes()["楽天/キャンセル"][0].uid;
    embedded.server.relocate("楽天/キャンセル", uid, "手で").unwrap();
    let output = home.run(&["undo", &second]);
    assert!(!output.status.success(), "{output:?}");
    assert_eq!(embedded.lies_in("second"), ["手で"]);
    let output = home.run(&["undo", "999999"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing of that kind"), "{output:?}");
}

#[test]
fn files_are_compared_without_an_account() {
    let folder = tempfile::tempdir().unwrap();
    let (mails, rules) = (folder.path().join("mails"), folder.path().join("rules"));
    std::fs::create_dir(&mails).unwrap();
    std::fs::create_dir(&rules).unwrap();
    std::fs::write(mails.join("a.eml"), mail("a", "friend@example.org", "やあ", "元気？\n")).unwrap();
    std::fs::write(mails.join("b.eml"), cancellation("b", ORDER)).unwrap();
    std::fs::write(rules.join("friends.toml"), FRIENDS).unwrap();
    let run = |more: &[&str]| {
        let fixed = ["rules", "diff", "--since", "2020-01-01", "--format", "json", "--rules", rules.to_str().unwrap()];
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_modori"))
            .args([&fixed, more].concat())
            .env("HOME", folder.path())
            .env("XDG_CONFIG_HOME", folder.path())
            .output()
            .unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    };
    let from = mails.to_str().unwrap();
    let (out, code) = run(&["--from", from]);
    assert_eq!(code, Some(0));
    let all = lines(&out);
    assert_eq!(all.len(), 1, "{out}");
    assert_eq!((&all[0]["before"]["category"], &all[0]["after"]["category"]), (&"other".into(), &"friends".into()));
    assert_eq!(run(&["--against", rules.to_str().unwrap(), "--from", from]).0, "", "the same rules on both sides");
    assert_eq!(run(&["--apply", "--yes", "--from", from]).1, Some(2));
}

/// Killed in the middle of carrying it out, on a real server: the next start ends what was begun, nothing is doubled.
#[test]
fn killed_while_it_applies_nothing_is_lost_or_doubled() {
    let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
    let home = Home::on(&dovecot, Over::Plain, "backlog = \"sort\"\n");
    with_rules(&home);
    let mails: Vec<Vec<u8>> =
        (0..60).map(|n| mail(&format!("f{n}"), "friend@example.org", &format!("やあ {n}"), "元気？\n")).collect();
    dovecot.deliver_all(&mails);
    home.ok(&["sweep"]);
    write_rules(&home);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..6 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let apply = home.start(&["rules", "diff", "--since", "2020-01-01", "--apply", "--yes"]);
        std::thread::sleep(std::time::Duration::from_millis(120 + seed % 250));
        apply.kill();
    }
    home.ok(&["rules", "diff", "--since", "2020-01-01", "--apply", "--yes"]);
    // whatever was entered before the kills is ended by the next start of the hand
    home.ok(&["sweep"]);
    let lies = by_message_id(&dovecot.mailboxes());
    assert_eq!(lies.len(), 60);
    for (id, folders) in &lies {
        assert_eq!(folders.as_slice(), ["友だち".to_owned()], "{id}");
    }
}
