//! `modori history` and `modori undo` on a real Dovecot: back to where it was, as it was.

use crate::support::dovecot::{Dovecot, Setup};
use crate::support::oracle::encode;
use crate::support::run::{Home, Over, cancellation, restock};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

const CANCELLED: &str = "楽天/キャンセル";

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn order(n: usize) -> String {
    format!("399999-20261120-{n:010}")
}

/// What stays of a message wherever it lies, by its Message-ID: folder, flags, and INTERNALDATE.
fn kept(dovecot: &Dovecot) -> BTreeMap<String, (String, Vec<String>, String)> {
    let mut all = BTreeMap::new();
    let mut oracle = dovecot.oracle();
    for (folder, messages) in dovecot.mailboxes() {
        oracle.command(&format!("EXAMINE \"{}\"", encode(&folder))).unwrap();
        let told = oracle.command("UID FETCH 1:4294967295 (INTERNALDATE)").unwrap();
        let dates: BTreeMap<u32, String> = told
            .iter()
            .filter_map(|line| {
                let uid = line.text.split_once("UID ")?.1.split([' ', ')']).next()?.parse().ok()?;
                let date = line.text.split_once("INTERNALDATE \"")?.1.split('"').next()?;
                Some((uid, date.to_owned()))
            })
            .collect();
        // a server that cannot remove single messages keeps the original, marked, until a mail app tidies up
        for one in messages.into_iter().filter(|one| !one.flags.iter().any(|flag| flag == "\\Deleted")) {
            let date = dates[&one.uid].clone();
            let mut flags: Vec<String> = one.flags.into_iter().filter(|flag| flag != "\\Recent").collect();
            flags.sort();
            let known = all.insert(one.message_id.clone(), (folder.clone(), flags, date));
            assert!(known.is_none(), "{} lies in two places", one.message_id);
        }
    }
    all
}

fn filed(home: &Home) -> Vec<Value> {
    lines(&home.ok(&["history", "--format", "json"])).into_iter().filter(|one| one["what"] == "file").collect()
}

/// Mails of an old day with flags and keywords, sorted, and taken back.
fn as_it_was(setup: &Setup) {
    let Some(dovecot) = Dovecot::start(setup) else { return };
    let mut oracle = dovecot.oracle();
    let received = "2026-10-03T04:05:06Z".parse().unwrap();
    for (n, name) in ["seen", "flagged", "keyword", "bare"].iter().enumerate() {
        oracle.append_at("INBOX", received, &cancellation(name, &order(n))).unwrap();
    }
    oracle.command("SELECT INBOX").unwrap();
    oracle.command("UID STORE 1 +FLAGS (\\Seen \\Answered)").unwrap();
    oracle.command("UID STORE 2 +FLAGS (\\Flagged)").unwrap();
    oracle.command("UID STORE 3 +FLAGS ($Label1 mine)").unwrap();
    drop(oracle);
    let home = Home::on(&dovecot, Over::Plain, "flag_cases = false\n");
    let before = kept(&dovecot);
    home.ok(&["sweep"]);
    let sorted = kept(&dovecot);
    assert!(sorted.values().all(|(folder, ..)| folder == CANCELLED), "{sorted:?}");

    // what would go back, and why it was filed
    let would = lines(&home.ok(&[
        "undo",
        "--rule",
        filed(&home)[0]["rule"].as_str().unwrap(),
        "--dry-run",
        "--format",
        "json",
    ]));
    assert_eq!(would.iter().filter(|one| one["goes"] == true && one["to"] == "INBOX").count(), 4, "{would:?}");
    assert_eq!(kept(&dovecot), sorted, "shown, not done");
    let why = home.ok(&["history", "--mail", "<seen@example.jp>", "--why"]);
    assert!(why.contains("「") && why.contains("キャンセル"), "{why}");

    let text = home.ok(&["undo", "--since", "2026-01-01"]);
    assert_eq!(text.matches("back to INBOX").count(), 4, "{text}");
    assert_eq!(kept(&dovecot), before, "as it was, with flags and dates");
    // an undo is undone
    let ids: Vec<String> =
        filed(&home).iter().filter(|one| one["cause"] == "undo").map(|one| format!("#{}", one["id"])).collect();
    assert_eq!(ids.len(), 4);
    home.ok(&[&["undo"], &*ids.iter().map(String::as_str).collect::<Vec<_>>()].concat());
    assert_eq!(kept(&dovecot), sorted, "and back again");
}

#[test]
fn a_filing_is_taken_back_with_flags_keywords_and_date() {
    as_it_was(&Setup::default());
}

#[test]
fn the_same_on_a_server_that_can_only_copy() {
    as_it_was(&Setup::without(&["MOVE"]));
    as_it_was(&Setup::without(&["MOVE", "UIDPLUS"]));
}

#[test]
fn after_a_renumbering_mail_is_found_by_what_it_is_and_what_a_person_moved_stays() {
    let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
    let names = ["one", "two", "moved", "gone"];
    dovecot.deliver_all(&names.iter().enumerate().map(|(n, name)| cancellation(name, &order(n))).collect::<Vec<_>>());
    let home = Home::on(&dovecot, Over::Plain, "flag_cases = false\nbacklog = \"sort\"\n");
    home.ok(&["sweep"]);
    // the folder is made anew under its old name: other numbers under another UIDVALIDITY
    let mut oracle = dovecot.oracle();
    let folder = encode(CANCELLED);
    oracle.command(&format!("RENAME \"{folder}\" old")).unwrap();
    oracle.command(&format!("CREATE \"{folder}\"")).unwrap();
    oracle.command("CREATE mine").unwrap();
    let uid = |name: &str| {
        let old = dovecot.mailboxes().remove("old").unwrap();
        old.iter().find(|one| one.message_id == format!("{name}@example.jp")).unwrap().uid
    };
    let uids = names.map(uid);
    oracle.command("SELECT old").unwrap();
    oracle.command(&format!("UID MOVE {},{} \"{folder}\"", uids[1], uids[0])).unwrap();
    oracle.command(&format!("UID MOVE {} mine", uids[2])).unwrap();
    oracle.command(&format!("UID STORE {} +FLAGS (\\Deleted)", uids[3])).unwrap();
    oracle.command("EXPUNGE").unwrap();

    let output = home.run(&["undo", "--since", "2026-01-01", "--format", "json"]);
    let told = lines(&String::from_utf8(output.stdout).unwrap());
    let of = |name: &str| told.iter().find(|one| one["message_id"] == format!("{name}@example.jp")).unwrap();
    assert_eq!((&of("one")["to"], &of("two")["to"]), (&"INBOX".into(), &"INBOX".into()), "{told:?}");
    for left in ["moved", "gone"] {
        assert!(of(left)["why"].as_str().is_some_and(|why| why.contains("by someone else")), "{told:?}");
    }
    let lies = |name: &str| kept(&dovecot).get(&format!("{name}@example.jp")).map(|one| one.0.clone());
    assert_eq!(
        [lies("one"), lies("two"), lies("moved"), lies("gone")].map(Option::unwrap_or_default),
        ["INBOX", "INBOX", "mine", ""]
    );
}

#[test]
fn thousands_go_back_however_often_it_is_killed() {
    const MAILS: usize = 2000;
    let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
    let mut oracle = dovecot.oracle();
    for from in (0..MAILS).step_by(200) {
        let mails: Vec<Vec<u8>> = (from..from + 200)
            .map(|n| if n % 2 == 0 { cancellation(&format!("c{n}"), &order(n)) } else { restock(&format!("r{n}")) })
            .collect();
        oracle.append_all("INBOX", &mails).unwrap();
    }
    let home = Home::on(&dovecot, Over::Plain, "flag_cases = false\nbacklog = \"sort\"\n");
    home.ok(&["sweep"]);
    let sorted = kept(&dovecot);
    assert_eq!(sorted.values().filter(|(folder, ..)| folder != "INBOX").count(), MAILS);

    let rule = {
        let some = lines(&home.ok(&["history", "--folder", CANCELLED, "--format", "json", "--limit", "5"]));
        assert_eq!(some.len(), 5);
        some[0]["rule"].as_str().unwrap().to_owned()
    };
    let (mut killed, mut wait) = (0, Duration::from_millis(150));
    loop {
        let mut undo = home.start(&["undo", "--rule", &rule]);
        std::thread::sleep(wait);
        if undo.ended().is_some() {
            break;
        }
        undo.kill();
        killed += 1;
        wait += Duration::from_millis(250);
        assert!(killed < 200, "{}", home.log());
    }
    assert!(killed >= 2, "killed {killed}");
    // whatever was entered is carried out; when the last was not killed, nothing is left to do
    home.run(&["undo", "--rule", &rule]);
    let after = kept(&dovecot);
    let back = after.iter().filter(|(id, (folder, ..))| id.starts_with('c') && folder == "INBOX").count();
    let stayed = after.iter().filter(|(id, one)| id.starts_with('r') && sorted[*id] == **one).count();
    assert_eq!((back, stayed, after.len()), (MAILS / 2, MAILS / 2, MAILS), "killed {killed}");
}

#[test]
fn history_is_told_by_pages_and_by_what_it_is_about() {
    let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
    dovecot.deliver_all(&(0..7).map(|n| cancellation(&format!("c{n}"), &order(n))).collect::<Vec<_>>());
    dovecot.deliver_all(&[restock("mug")]);
    let home = Home::on(&dovecot, Over::Plain, "flag_cases = false\nbacklog = \"sort\"\n");
    home.ok(&["sweep"]);
    let ids = |more: &[&str]| -> Vec<i64> {
        let all = lines(&home.ok(&[&["history", "--format", "json"], more].concat()));
        all.iter().map(|one| one["id"].as_i64().unwrap()).collect()
    };
    let all = ids(&[]);
    assert!(all.len() >= 8, "{all:?}");
    // page by page, nothing twice and nothing left out
    let mut paged = Vec::new();
    let mut before: Option<i64> = None;
    loop {
        let text = before.map(|id| id.to_string());
        let page = match &text {
            Some(id) => ids(&["--limit", "3", "--before", id]),
            None => ids(&["--limit", "3"]),
        };
        let Some(last) = page.last() else { break };
        before = Some(*last);
        paged.extend(page);
    }
    assert_eq!(paged, all);
    assert!(home.ok(&["history", "--limit", "3"]).contains(&format!("older ones: add --before {}", all[2])));

    let of_order = lines(&home.ok(&["history", "--format", "json", "--order", &order(3)]));
    assert_eq!(of_order.len(), 1, "{of_order:?}");
    assert_eq!((&of_order[0]["message_id"], &of_order[0]["by"]), (&"c3@example.jp".into(), &"modori".into()));
    assert!(!of_order[0]["reasons"].as_array().unwrap().is_empty(), "{of_order:?}");
    assert_eq!(ids(&["--folder", CANCELLED]).len(), 7);
    assert_eq!(ids(&["--since", "2038-01-01"]), Vec::<i64>::new());
    assert_eq!(ids(&["--until", "2020-01-01"]), Vec::<i64>::new());
    assert_eq!(ids(&["--since", "2020-01-01", "--until", "2038-01-01"]), all);
    let rule = of_order[0]["rule"].as_str().unwrap();
    assert_eq!(ids(&["--rule", rule]).len(), 7);
    // a span that holds nothing takes nothing back
    let output = home.run(&["undo", "--until", "2020-01-01"]);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("nothing of that kind"));
}
