//! The restore drill: the database is deleted, and the mail alone (with an export, the shopper's word, too) brings the
//! same cases back. Nothing in the mailbox is touched, nothing old is alerted or filed.

use super::support::dovecot::{Dovecot, Setup};
use super::support::http::Http;
use super::support::oracle::{Mailboxes, Oracle, Seen, by_message_id};
use super::support::run::{Home, Over, cancellation, mail, restock, until};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const KINDS: &[&str] = &["cancellation", "coupon", "order", "other", "point-refund", "restock", "suspect"];
const WHEN: &str = "2026-12-10T10:00:00+09:00";
const OWN: &str = "me@example.jp";
const ORDER: &str = "399999-20261120-0123456789";
const RELEASED: &str = "399999-20261121-0123456789";

/// Every sample mail, in the order of their names, with CRLF; and the hosts that vouch for them.
fn samples() -> (Vec<Vec<u8>>, Vec<String>) {
    let (mut mails, mut ids) = (Vec::new(), vec!["mx.example.jp".to_owned()]);
    for kind in KINDS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(kind);
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "eml")) {
            let expected = std::fs::read_to_string(file.with_extension("toml")).unwrap();
            let (_, of_one) = super::fixtures::given(&expected.parse().unwrap());
            ids.extend(of_one);
            mails.push(wire(&std::fs::read(file).unwrap()));
        }
    }
    ids.sort();
    ids.dedup();
    (mails, ids)
}

fn wire(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let bare = line.strip_suffix(b"\n").map(|bare| bare.strip_suffix(b"\r").unwrap_or(bare));
        out.extend_from_slice(bare.unwrap_or(line));
        out.extend_from_slice(if bare.is_some() { b"\r\n" } else { b"" });
    }
    out
}

/// A home that trusts these hosts, knows the shopper's own address and alerts by a webhook.
fn home(dovecot: &Dovecot, http: &Http, ids: &[String]) -> Home {
    let webhook =
        format!("[alerts]\nchannels = [\"w\"]\n[channel.w]\nkind = \"webhook\"\nurl = \"{}\"\n", http.url("/hook"));
    let home = Home::on(dovecot, Over::Tls, &webhook);
    let text = std::fs::read_to_string(&home.config).unwrap();
    let trusted = format!("authserv_ids = {ids:?}\nown_addresses = [\"{OWN}\"]\n");
    let text = text.replace("authserv_ids = [\"mx.example.jp\"]\n", &trusted);
    assert!(text.contains(&trusted));
    std::fs::write(&home.config, text).unwrap();
    home
}

/// What lies otherwise than before: place, identity and flags of a message a line.
fn differences(before: &Mailboxes, after: &Mailboxes) -> Vec<String> {
    let lines = |all: &Mailboxes| -> BTreeSet<String> {
        let line = |folder: &str, one: &Seen| format!("{folder} {} {} {:?}", one.uid, one.message_id, one.flags);
        all.iter().flat_map(|(folder, all)| all.iter().map(move |one| line(folder, one))).collect()
    };
    let (before, after) = (lines(before), lines(after));
    let gone = before.difference(&after).map(|line| format!("- {line}"));
    gone.chain(after.difference(&before).map(|line| format!("+ {line}"))).collect()
}

/// The messages of such lines with this mark, without their flags.
fn lines_of<'l>(all: &'l [String], mark: &str) -> Vec<&'l str> {
    let of_mark = all.iter().filter_map(|line| line.strip_prefix(mark));
    of_mark.map(|line| line.split(" [").next().unwrap()).collect()
}

fn cases(home: &Home) -> String {
    let said = home.ok(&["cases", "--all", "--format", "json", "--at", WHEN]);
    // which accounts the mails lie in is known of mail that a watch or a sweep saw, and not of what was read for the ledger
    let sheet = |line: &str| {
        let mut sheet: Value = serde_json::from_str(line).unwrap();
        sheet.as_object_mut().unwrap().remove("accounts").expect("accounts are told");
        format!("{sheet}\n")
    };
    said.lines().map(sheet).collect()
}

fn by_order(cases: &str) -> BTreeMap<String, Value> {
    let all = cases.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    all.map(|case| (case["order_number"].as_str().unwrap().to_owned(), case)).collect()
}

fn delete_database(home: &Home) {
    for file in ["modori.sqlite", "modori.sqlite-wal", "modori.sqlite-shm"] {
        let _ = std::fs::remove_file(home.state().join(file));
    }
    assert_eq!(cases(home), "", "the ledger is gone");
    for file in ["modori.sqlite", "modori.sqlite-wal", "modori.sqlite-shm"] {
        let _ = std::fs::remove_file(home.state().join(file));
    }
}

/// A cancellation by way of a list that bears Rakuten's name: suspect until the shopper says otherwise.
fn passed_on() -> Vec<u8> {
    let body = format!(
        "受注番号：{RELEASED}\n欠品のため、ご注文をキャンセルいたしました。ご利用ポイント500ポイントは返還されます。\n"
    );
    let plain =
        String::from_utf8(mail("passed-on", "family@list.example", "ご注文キャンセルのお知らせ", &body)).unwrap();
    plain.replace("From: <", "From: 楽天市場 <").into_bytes()
}

#[test]
fn the_mail_alone_brings_the_same_cases_back_and_an_export_the_shoppers_word() {
    let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
    let http = Http::start();
    let (mails, ids) = samples();
    assert!(mails.len() > 100, "{}", mails.len());
    let home = home(&dovecot, &http, &ids);
    let mut oracle = dovecot.oracle();

    // a good part lies there and is swept, the rest comes while a watch runs
    let (lying, coming) = mails.split_at(mails.len() / 2);
    lying.iter().for_each(|mail| oracle.append("INBOX", mail).unwrap());
    home.ok(&["sweep"]);
    let watch = home.watch(1);
    coming.iter().for_each(|mail| oracle.append("INBOX", mail).unwrap());
    let own =
        mail("own", OWN, "Re: キャンセル", "受注番号：399999-20261119-0000000001\nご注文をキャンセルいたしました。\n");
    oracle.append("INBOX", &own).unwrap();
    oracle.append("INBOX", &cancellation("last", ORDER)).unwrap();
    let lies = |oracle: &mut Oracle, name: &str| {
        by_message_id(&oracle.all().unwrap()).remove(&format!("{name}@example.jp")).unwrap_or_default()
    };
    until("the last one is filed", || lies(&mut oracle, "last") == ["楽天/キャンセル"]);
    assert_eq!(watch.terminate(), Some(0));
    home.ok(&["sweep"]);
    // the shopper reads some of it
    oracle.command(&format!("SELECT \"{}\"", super::support::oracle::encode("楽天/注文"))).unwrap();
    oracle.command("STORE 1:3 +FLAGS (\\Seen)").unwrap();
    oracle.command("STORE 2 +FLAGS (\\Flagged \\Answered)").unwrap();
    // and one came when nobody looked
    oracle.append("INBOX", &restock("unseen")).unwrap();

    let before = cases(&home);
    let told = by_order(&before);
    let cancelled = told.values().filter(|case| case["cancelled"] != "none").count();
    assert!(told.len() >= 20 && cancelled >= 8, "{} orders, {cancelled} cancelled", told.len());
    assert!(told.values().any(|case| case["points"]["returned"].as_u64().is_some_and(|points| points > 0)));
    assert!(!told.contains_key("399999-20261119-0000000001"), "our own mail tells nothing");
    let mailboxes = dovecot.mailboxes();
    assert!(mailboxes.len() >= 6, "{:?}", mailboxes.keys());
    assert!(!mailboxes["楽天/要確認"].is_empty(), "forged mail is among them");

    delete_database(&home);
    let text = home.ok(&["ledger", "rebuild", "--mailbox"]);
    assert!(text.contains("a INBOX: ") && text.contains("a 楽天/キャンセル: "), "{text}");
    assert!(text.contains(&format!(": {} orders, {cancelled} cancelled", told.len())), "{text}");
    assert_eq!(cases(&home), before);
    // once more, and with every folder: nothing new
    for more in [&["ledger", "rebuild", "--mailbox"][..], &["ledger", "rebuild", "--mailbox", "--all-folders"]] {
        let text = home.ok(more);
        let read: Vec<&str> = text.lines().filter(|line| line.contains(" read, ")).collect();
        assert!(read.len() >= 5 && read.iter().all(|line| line.ends_with("0 events new to the ledger")), "{text}");
    }
    assert_eq!(cases(&home), before);
    // nothing was moved and nothing marked, not even as seen by a program
    assert_eq!(differences(&mailboxes, &dovecot.mailboxes()), [""; 0]);

    // what was in the mailbox stays as it is, unalerted; what comes now is new
    let alerts = http.requests().len();
    let watch = home.watch(2);
    oracle.append("INBOX", &restock("new")).unwrap();
    until("the new one is filed", || lies(&mut oracle, "new") == ["楽天/再入荷"]);
    until("what waits is told", || {
        http.requests()[alerts..].iter().any(|request| request.json()["category"] == "reminder")
    });
    assert_eq!(watch.terminate(), Some(0));
    let alerted: Vec<Value> = http.requests()[alerts..].iter().map(super::support::http::Request::json).collect();
    // what waits for the shopper is said, in one alert: the database knew nothing of what was said before
    let (waiting, alerted): (Vec<Value>, Vec<Value>) =
        alerted.into_iter().partition(|alert| alert["category"] == "reminder");
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    assert!(alerted.iter().all(|alert| alert["title"].as_str().unwrap().contains("new")), "{alerted:?}");
    assert_eq!(alerted.len(), 1, "{alerted:?}");
    let after = differences(&mailboxes, &dovecot.mailboxes());
    // a folder that is opened for writing has no recent mail any more: no flag that a person sees
    let (gone, come): (Vec<&str>, Vec<&str>) = (lines_of(&after, "- "), lines_of(&after, "+ "));
    let new: Vec<&&str> = come.iter().filter(|line| !gone.contains(line)).collect();
    assert!(gone.iter().all(|line| come.contains(line)), "{after:?}");
    assert!(new.len() == 1 && new[0].contains("new@example.jp"), "{new:?}");
    let told = |line: &&String| line.contains("\\Seen") || line.contains("\\Flagged");
    assert!(!after.iter().any(|line| told(&line)), "{after:?}");
    assert_eq!(cases(&home), before);
}

#[test]
fn what_the_shopper_said_comes_back_with_an_export() {
    let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
    let http = Http::start();
    let home = home(&dovecot, &http, &["mx.example.jp".to_owned()]);
    dovecot.deliver_all(&[cancellation("first", ORDER), passed_on()]);
    home.ok(&["sweep"]);
    home.ok(&["release", "<passed-on@example.jp>", "--always-sender"]);
    home.ok(&["confirm", ORDER, "--points", "200", "--at", "2026-11-26T10:00"]);
    home.ok(&["note", RELEASED, "お店に電話した"]);
    let before = cases(&home);
    assert_eq!(by_order(&before)[RELEASED]["cancelled"], "claimed");
    assert_eq!(by_order(&before)[ORDER]["points"]["returned"], 200);
    let export = home.path().join("ledger.jsonl");
    let file = export.to_str().unwrap();
    home.ok(&["ledger", "export", "--out", file]);
    let mailboxes = dovecot.mailboxes();

    delete_database(&home);
    home.ok(&["ledger", "rebuild", "--mailbox"]);
    assert_eq!(by_order(&cases(&home)).keys().collect::<Vec<_>>(), [ORDER], "the mail alone knows no word of hers");
    let text = home.ok(&["ledger", "import", file]);
    assert!(text.contains("2 statements, 2 new; 1 sender vouched for from now on; 1 mail released"), "{text}");
    assert_eq!(cases(&home), before);
    // her word on the released mail counts when it is read again
    home.ok(&["ledger", "rebuild", "--mailbox"]);
    assert_eq!(cases(&home), before);

    // the other way round is the same
    delete_database(&home);
    home.ok(&["ledger", "import", file]);
    assert_eq!(cases(&home), before, "an export needs no mailbox");
    home.ok(&["ledger", "rebuild", "--mailbox"]);
    assert_eq!(cases(&home), before);
    assert!(home.ok(&["release", "--list"]).contains("family@list.example"));
    let again = home.run(&["release", "passed-on@example.jp"]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("released before"), "{again:?}");
    assert_eq!(differences(&mailboxes, &dovecot.mailboxes()), [""; 0]);
}
