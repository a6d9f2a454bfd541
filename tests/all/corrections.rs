//! A mail that was moved by hand stays there, is told as a correction, and does nothing a second time.

use super::support::embedded::Embedded;
use super::support::run::{Home, cancellation, mail, restock, until};

fn uid(embedded: &Embedded, folder: &str) -> u32 {
    embedded.server.mailboxes()[folder].iter().map(|one| one.uid).max().unwrap()
}

fn corrections(home: &Home, more: &[&str]) -> Vec<serde_json::Value> {
    let arguments = [&["corrections", "--format", "json"], more].concat();
    home.ok(&arguments).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn events(home: &Home) -> String {
    home.ok(&["cases", "--all", "--format", "json"])
}

const ORDER: &str = "399999-20261120-0123456789";

#[test]
fn a_mail_moved_between_folders_is_found_by_looking() {
    let embedded = Embedded::start();
    let home = embedded.home("", "backlog = \"sort\"\n");
    embedded.deliver("INBOX", &cancellation("cancelled", ORDER));
    embedded.deliver("INBOX", &mail("news", "friend@example.org", "新入荷のお知らせ", "見てね。\n"));
    embedded.deliver("INBOX", &restock("mug"));
    home.ok(&["sweep"]);
    assert_eq!(embedded.lies_in("cancelled"), ["楽天/キャンセル"]);
    assert_eq!(corrections(&home, &[]), Vec::<serde_json::Value>::new());
    let before = events(&home);

    embedded.server.create("楽天/注文", None);
    // one that was filed, and one that was left where it was
    embedded.server.relocate("楽天/キャンセル", uid(&embedded, "楽天/キャンセル"), "楽天/注文").unwrap();
    embedded.server.relocate("INBOX", uid(&embedded, "INBOX"), "楽天/再入荷").unwrap();
    // and one that modori never saw: no correction
    embedded.deliver("楽天/注文", &mail("stranger", "order@rakuten.co.jp", "ご注文", "注文\n"));
    let export = home.path().join("export");
    let found = corrections(&home, &["--export", export.to_str().unwrap()]);
    assert_eq!(found.len(), 2, "{found:?}");
    let of = |id: &str| found.iter().find(|one| one["message_id"] == id).unwrap_or_else(|| panic!("{found:?}"));
    let cancelled = of("cancelled@example.jp");
    let said = (&cancelled["from"], &cancelled["to"], &cancelled["category"], &cancelled["sure"]);
    assert_eq!(said, (&"楽天/キャンセル".into(), &"楽天/注文".into(), &"cancellation".into(), &true.into()));
    let file = cancelled["file"].as_str().unwrap();
    assert!(std::fs::read_to_string(file).unwrap().contains(ORDER));
    assert_eq!(cancelled["command"], format!("modori rules new {file} --category order"));
    let news = of("news@example.jp");
    assert_eq!((&news["from"], &news["category"]), (&"INBOX".into(), &"other".into()));
    assert!(news["command"].as_str().unwrap().ends_with("--category restock"), "{news}");

    // nothing is filed, booked or counted again; the folders are not read twice
    home.ok(&["sweep"]);
    assert_eq!(embedded.lies_in("cancelled"), ["楽天/注文"]);
    assert_eq!(embedded.lies_in("news"), ["楽天/再入荷"]);
    assert_eq!(events(&home), before);
    assert_eq!(corrections(&home, &["--no-look"]).len(), 2);
    let text = home.ok(&["corrections"]);
    assert!(text.contains("楽天/キャンセル → 楽天/注文  (modori said cancellation)"), "{text}");
    assert!(text.contains("modori rules new '<cancelled@example.jp>' --category order"), "{text}");

    // moved back: nothing to correct any more
    embedded.server.relocate("楽天/注文", embedded.server.mailboxes()["楽天/注文"][0].uid, "楽天/キャンセル").unwrap();
    assert_eq!(corrections(&home, &[]).len(), 1);
}

#[test]
fn a_mail_moved_back_into_the_watched_mailbox_stays_there() {
    let embedded = Embedded::start();
    let home = embedded.home("", "backlog = \"sort\"\n");
    let _watch = home.watch(1);
    embedded.deliver("INBOX", &restock("mug"));
    until("it is filed and written down", || {
        embedded.lies_in("mug") == ["楽天/再入荷"] && home.log().contains("filed count=1")
    });
    embedded.server.relocate("楽天/再入荷", uid(&embedded, "楽天/再入荷"), "INBOX").unwrap();
    until("the watch sees it", || !corrections(&home, &["--no-look"]).is_empty());
    let found = corrections(&home, &[]);
    assert_eq!((&found[0]["from"], &found[0]["to"]), (&"楽天/再入荷".into(), &"INBOX".into()));
    assert_eq!(found[0]["command"], "modori rules new '<mug@example.jp>' --category other");
    assert_eq!(found[0]["sure"], true);
    // what comes after it is filed, it is not
    embedded.deliver("INBOX", &restock("plate"));
    until("the next is filed", || embedded.lies_in("plate") == ["楽天/再入荷"]);
    assert_eq!(embedded.lies_in("mug"), ["INBOX"]);
}

#[test]
fn a_copy_is_no_correction_and_quarantine_is_released() {
    let embedded = Embedded::start();
    let home = embedded.home("", "backlog = \"sort\"\n");
    let one = cancellation("one", ORDER);
    embedded.deliver("INBOX", &one);
    embedded.deliver("INBOX", &mail("forged", "order@rakuten-support.example", "ご注文", "注文\n"));
    home.ok(&["sweep"]);
    assert_eq!(embedded.lies_in("forged"), ["楽天/要確認"]);
    embedded.deliver("INBOX", &one);
    embedded.deliver("楽天/注文", &one);
    home.ok(&["sweep"]);
    assert_eq!(corrections(&home, &[]), Vec::<serde_json::Value>::new(), "the mail still lies where it was filed");

    embedded.server.relocate("楽天/要確認", uid(&embedded, "楽天/要確認"), "楽天/注文").unwrap();
    let found = corrections(&home, &[]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["command"], "modori release '<forged@example.jp>'");
    home.ok(&["release", "forged@example.jp"]);
}
