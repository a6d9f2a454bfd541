//! What was quarantined wrongly comes back by the shopper's word, and nothing else does.

use super::support::embedded::Embedded;
use super::support::run::{Home, mail, until};

const ORDER: &str = "399999-20261120-0123456789";
const OTHER_ORDER: &str = "399999-20261121-0123456789";
/// A family list that passes Rakuten's mail on under Rakuten's name.
const LIST: &str = "family@list.example";

/// A cancellation by way of the list; `results` are the provider's Authentication-Results.
fn passed_on(name: &str, order: &str, results: &[&str]) -> Vec<u8> {
    let body = format!(
        "受注番号：{order}\n欠品のため、ご注文をキャンセルいたしました。ご利用ポイント500ポイントは返還されます。\n"
    );
    from_list(name, "ご注文キャンセルのお知らせ", &body, results)
}

fn from_list(name: &str, subject: &str, body: &str, results: &[&str]) -> Vec<u8> {
    let plain = String::from_utf8(mail(name, LIST, subject, body)).unwrap();
    let named = plain.replace(&format!("From: <{LIST}>"), &format!("From: 楽天市場 <{LIST}>"));
    let results: String = results.iter().map(|one| format!("Authentication-Results: {one}\r\n")).collect();
    format!("{results}{named}").into_bytes()
}

fn home(embedded: &Embedded) -> Home {
    embedded.home("", "backlog = \"sort\"\n")
}

fn refused(home: &Home, arguments: &[&str]) -> String {
    let output = home.run(arguments);
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn cancelled(home: &Home, order: &str) -> Option<String> {
    let cases = home.ok(&["cases", "--all", "--format", "json"]);
    let cases = cases.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    cases.filter(|case| case["order_number"] == order).find_map(|case| case["cancelled"].as_str().map(str::to_owned))
}

#[test]
fn a_released_mail_is_filed_and_booked_and_its_sender_let_in() {
    let embedded = Embedded::start();
    let home = home(&embedded);
    let _watch = home.watch(1);
    embedded.deliver("INBOX", &passed_on("first", ORDER, &["mx.example.jp; dmarc=none"]));
    until("it is quarantined", || embedded.lies_in("first") == ["楽天/要確認"]);
    assert_eq!(cancelled(&home, ORDER), None, "suspect mail opens no case");
    // the hand writes down where it lies before the mail can be asked for there
    let said = std::cell::RefCell::new(String::new());
    until("it is released", || {
        let output = home.run(&["release", "<first@example.jp>", "--always-sender"]);
        *said.borrow_mut() = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success()
    });
    let said = said.into_inner();
    assert!(said.contains("released as cancellation") && said.contains("楽天/キャンセル"), "{said}");
    assert!(said.contains("mail from family@list.example is let in from now on"), "{said}");
    until("it is filed", || embedded.lies_in("first") == ["楽天/キャンセル"]);
    assert_eq!(cancelled(&home, ORDER).as_deref(), Some("claimed"));
    assert!(refused(&home, &["release", "first@example.jp"]).contains("released before"));
    assert!(home.ok(&["release", "--list"]).contains(LIST));

    embedded.deliver("INBOX", &passed_on("second", OTHER_ORDER, &["mx.example.jp; dmarc=none"]));
    until("the next goes straight in", || embedded.lies_in("second") == ["楽天/キャンセル"]);
    assert_eq!(cancelled(&home, OTHER_ORDER).as_deref(), Some("claimed"));

    // who forges the vouched sender does not come in, whatever it writes into the mail
    let forged = ["mx.example.jp; dmarc=fail", "mx.example.jp; dmarc=pass header.from=list.example"];
    embedded.deliver("INBOX", &passed_on("forged", "399999-20261122-0123456789", &forged));
    until("it is quarantined", || embedded.lies_in("forged") == ["楽天/要確認"]);
    assert_eq!(cancelled(&home, "399999-20261122-0123456789"), None);

    home.ok(&["release", "--forget", "Family@list.example"]);
    assert!(refused(&home, &["release", "--forget", LIST]).contains("not vouched for"));
    embedded.deliver("INBOX", &passed_on("third", "399999-20261123-0123456789", &["mx.example.jp; dmarc=none"]));
    until("it is quarantined again", || embedded.lies_in("third") == ["楽天/要確認"]);
    assert_eq!(embedded.lies_in("first"), ["楽天/キャンセル"], "what was released stays released");
}

#[test]
fn without_a_watch_a_file_is_released_and_an_old_restock_is_not_alerted() {
    let embedded = Embedded::start();
    let home = home(&embedded);
    let body = "ご登録いただいた商品が再入荷しました。\nhttps://item.rakuten.co.jp/modori-zakka/mug/\n";
    let restock = from_list("restock", "再入荷のお知らせ", body, &[]);
    let letter = from_list("letter", "こんにちは", "お元気ですか。\n", &[]);
    let three_days_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(72);
    embedded.server.deliver("INBOX", &restock, three_days_ago);
    embedded.server.deliver("INBOX", &letter, three_days_ago);
    home.ok(&["sweep"]);
    assert_eq!(embedded.lies_in("restock"), ["楽天/要確認"]);
    assert_eq!(embedded.lies_in("letter"), ["楽天/要確認"]);

    let file = home.path().join("restock.eml");
    std::fs::write(&file, &restock).unwrap();
    let said = home.ok(&["release", file.to_str().unwrap()]);
    assert!(said.contains("no restock alert: the mail is 3 days old"), "{said}");
    assert_eq!(embedded.lies_in("restock"), ["楽天/再入荷"]);
    // what belongs nowhere goes back where it came from
    let said = home.ok(&["release", "letter@example.jp", "--format", "json"]);
    let said: serde_json::Value = serde_json::from_str(said.trim()).unwrap();
    assert_eq!((&said["category"], &said["folder"], &said["alerts"]), (&"other".into(), &"INBOX".into(), &0.into()));
    assert_eq!(embedded.lies_in("letter"), ["INBOX"]);
    home.ok(&["sweep"]);
    assert_eq!(embedded.lies_in("letter"), ["INBOX"], "a sweep does not undo it");
    assert!(home.ok(&["release", "--list"]).contains("nobody"));
}

#[test]
fn look_alikes_and_strangers_are_refused() {
    let embedded = Embedded::start();
    let home = home(&embedded);
    let deliver = |name: &str, from: &str| {
        embedded.deliver("INBOX", &mail(name, from, "ご注文のキャンセル", "キャンセルいたしました。\n"));
    };
    deliver("alike", "order@rakuten-support.example");
    deliver("plain", "friend@example.org");
    home.ok(&["sweep"]);
    assert_eq!(embedded.lies_in("alike"), ["楽天/要確認"]);
    let said = refused(&home, &["release", "alike@example.jp", "--always-sender"]);
    assert!(said.contains("imitates"), "{said}");
    assert_eq!(embedded.lies_in("alike"), ["楽天/要確認"], "nothing is done by halves");
    assert!(refused(&home, &["release", "plain@example.jp"]).contains("quarantine"));
    assert!(refused(&home, &["release", "nobody@example.jp"]).contains("quarantine"));
    assert!(refused(&home, &["release", "no such file"]).contains("neither a file nor a Message-ID"));
    home.ok(&["release", "<alike@example.jp>"]);
    assert_ne!(embedded.lies_in("alike"), ["楽天/要確認"], "the one mail may be let in");
}
