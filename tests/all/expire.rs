//! Words that are kept no longer: gone from the database and from its file; what they proved stays, and nothing that was
//! done is done again.

use super::story;
use super::story::format;
use super::support::embedded::Embedded;
use super::support::run::{Home, cancellation, mail};
use jiff::{SignedDuration, Timestamp};
use modori::edge::store::{Carry, Db, Expired, OldMail, Piece};
use modori::ledger::due::Settings;
use modori::ledger::{self, Event, Keep, Statement};
use modori::mail::{self as mails, Reading};
use modori::mailbox::MailKey;
use modori::plan;
use modori::rules::{self, Known, RuleSet};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

const ORDER: &str = "399999-20261120-0123456789";
const LIVING: &str = "399999-20261121-0123456789";
/// Stands in what must go.
const CANARY: &str = "鳥籠のカナリア";

/// Everything that is kept no longer, in pieces; how much it was, and in how many pieces.
fn expire(db: &mut Db, keep: Keep, settings: &Settings, now: Timestamp) -> (Expired, usize) {
    let (mut all, mut pieces, mut next) = (Expired::default(), 0, Some(Piece::default()));
    while let Some(piece) = next {
        let (found, after) = db.expire(&piece, keep, settings, Carry::Out, now).unwrap();
        (all, pieces, next) = (all.and(found), pieces + 1, after);
    }
    (all, pieces)
}

/// The cases, without the sentences.
fn cases(db: &Db, settings: &Settings, at: Timestamp) -> Vec<Value> {
    let cases = ledger::cases(&db.events().unwrap(), &db.statements().unwrap(), settings, at);
    cases.values().map(|case| bare(ledger::sheet(case))).collect()
}

/// What a story tells, as the program reads it.
fn told(story: &format::Story, rules: &RuleSet) -> Vec<OldMail> {
    let mut all: BTreeMap<MailKey, Vec<Event>> = BTreeMap::new();
    for sent in &story.mails {
        let size = u32::try_from(sent.bytes.len()).unwrap();
        let reading = Reading { received: sent.received, size, authserv_ids: &story.authserv_ids };
        let mail = mails::read(&sent.bytes, &reading);
        let facts = rules::read(rules, &mail);
        let verdict = rules::judge(rules, &mail, &facts, &Known::default());
        all.insert(mail.key, plan::told(&mail, &facts, &verdict));
    }
    all.into_iter().map(|(key, events)| OldMail { key, events, keep_trusted: false, mails: None }).collect()
}

#[test]
fn every_story_gives_the_same_cases_when_its_words_are_gone() {
    let rules = RuleSet::shipped();
    let (mut blanked, mut kept) = (0, 0);
    for folder in story::folders() {
        let story = format::open(&folder).unwrap();
        let mails = told(&story, &rules);
        let last = story.mails.iter().map(|sent| sent.received).max().unwrap();
        for days in [0, 40, 400] {
            let mut db = Db::in_memory().unwrap();
            db.import(&mails).unwrap();
            let said: &[Statement] = &story.words;
            for word in said {
                db.say(word, word.at).unwrap();
            }
            let now = last + SignedDuration::from_hours(24 * days);
            let times = [0, 10, 100, 1000].map(|later| last + SignedDuration::from_hours(24 * later));
            let before: Vec<_> = times.iter().map(|at| cases(&db, &story.settings, *at)).collect();
            let events = db.events().unwrap();
            let open: Vec<String> = ledger::cases(&events, &db.statements().unwrap(), &story.settings, now)
                .values()
                .filter(|case| !case.ended)
                .map(|case| case.order_number.to_string())
                .collect();
            let (found, _) = expire(&mut db, Keep { excerpt_days: 0, history_days: 0 }, &story.settings, now);
            blanked += found.excerpts;
            let after: Vec<_> = times.iter().map(|at| cases(&db, &story.settings, *at)).collect();
            assert_eq!(after, before, "{}, {days} days", folder.display());
            let left = db.events().unwrap();
            assert_eq!(left.len(), events.len());
            for (event, was) in left.iter().zip(&events) {
                assert!(event.says_the_same(was), "{event:?}");
                let is_open = event.order.as_ref().is_some_and(|order| open.contains(&order.to_string()));
                assert!(!is_open || event.excerpt == was.excerpt, "an open case keeps its sentences: {event:?}");
                kept += usize::from(is_open && !event.excerpt.is_empty());
            }
            // once is enough, and reading the mails again brings nothing back
            assert!(expire(&mut db, Keep { excerpt_days: 0, history_days: 0 }, &story.settings, now).0.is_none());
            assert_eq!(db.import(&mails).unwrap(), 0, "{}, {days} days", folder.display());
            assert_eq!(db.events().unwrap(), left);
        }
    }
    assert!(blanked > 100 && kept > 50, "{blanked} {kept}: this proves nothing");
}

fn event(order: Option<&str>, n: u32, at: &str, kind: Value) -> OldMail {
    let key = format!("{n:064x}");
    let body = json!({
        "order": order, "kind": kind, "at": at, "mail": key, "second_identity": n.to_string(), "trust": "verified",
        "excerpt": format!("{CANARY}{n}"),
    });
    let event: Event = serde_json::from_value(body).unwrap();
    OldMail { key: event.mail, events: vec![event], keep_trusted: false, mails: None }
}

fn terms(what: &str) -> Value {
    json!({"what": what, "stage": "ordered", "form": "confirmed", "cause": "shop", "shop_code": null, "shop_name": null,
        "ordered_at": null, "total_yen": 3000, "payment_yen": 2500, "points_used": 500, "coupon_used_yen": null, "items": [],
        "reply_by": null})
}

fn back() -> Value {
    json!({"what": "points", "returned": {"amount": 500, "form": "done"}, "limited": null, "expires_at": null})
}

/// A cancelled order whose points came back, one that lives, and a mail about neither.
fn history() -> Vec<OldMail> {
    vec![
        event(Some(ORDER), 1, "2026-11-20T01:00:00Z", terms("order")),
        event(Some(ORDER), 2, "2026-11-22T01:00:00Z", terms("cancel")),
        event(Some(ORDER), 3, "2026-11-25T01:00:00Z", back()),
        event(Some(LIVING), 4, "2026-11-21T01:00:00Z", terms("order")),
        event(None, 5, "2026-11-21T01:00:00Z", json!({"what": "restock", "items": []})),
    ]
}

fn worded(db: &Db) -> Vec<usize> {
    let all = db.events().unwrap();
    all.iter().filter(|event| !event.is_expired()).map(|event| event.second_identity.parse().unwrap()).collect()
}

#[test]
fn sentences_go_when_their_time_is_up_and_not_before() {
    let (keep, settings) = (Keep::default(), Settings::default());
    for (at, left) in [
        ("2026-12-24T00:00:00Z", &[1, 2, 3, 4, 5][..]),
        ("2026-12-26T00:00:00Z", &[4, 5]),
        // nobody can do anything about the other order any more: 90 days, 30 to lapse, 30 of ours
        ("2027-04-15T00:00:00Z", &[4, 5]),
        ("2027-04-22T00:00:00Z", &[]),
    ] {
        let mut db = Db::in_memory().unwrap();
        db.import(&history()).unwrap();
        expire(&mut db, keep, &settings, at.parse().unwrap());
        assert_eq!(worded(&db), left, "{at}");
    }
    // something is said of it again: the time begins anew
    let mut db = Db::in_memory().unwrap();
    db.import(&history()).unwrap();
    let note = json!({"order": ORDER, "said": {"says": "note", "text": "x"}, "at": "2026-12-20T00:00:00Z"});
    db.say(&serde_json::from_value(note).unwrap(), "2026-12-20T00:00:00Z".parse().unwrap()).unwrap();
    expire(&mut db, keep, &settings, "2026-12-26T00:00:00Z".parse().unwrap());
    assert_eq!(worded(&db), [1, 2, 3, 4, 5]);
}

#[test]
fn two_claims_that_only_their_words_keep_apart_stay_two() {
    let mut db = Db::in_memory().unwrap();
    let mut all = history();
    let mut twin = all[2].events[0].clone();
    twin.excerpt = format!("{CANARY} in other words");
    all[2].events.push(twin);
    db.import(&all).unwrap();
    let (at, settings) = ("2027-06-01T00:00:00Z".parse().unwrap(), Settings::default());
    let before = cases(&db, &settings, at);
    assert_eq!(expire(&mut db, Keep::default(), &settings, at).0.excerpts, 6);
    assert_eq!(cases(&db, &settings, at), before);
    assert_eq!(db.events().unwrap().len(), 6);
    assert_eq!(db.import(&all).unwrap(), 0, "both are known");
}

#[test]
fn a_run_that_is_cut_off_after_any_piece_ends_like_one_that_is_not() {
    let (at, settings) = ("2027-06-01T00:00:00Z".parse().unwrap(), Settings::default());
    let many: Vec<OldMail> = (0..450_u32)
        .flat_map(|n| {
            let order = format!("399999-20261120-{n:010}");
            let mail = |m: u32, at, kind| event(Some(&order), 10 * n + m, at, kind);
            [mail(1, "2026-11-22T01:00:00Z", terms("cancel")), mail(2, "2026-11-25T01:00:00Z", back())]
        })
        .chain([event(None, 9999, "2026-11-21T01:00:00Z", json!({"what": "restock", "items": []}))])
        .collect();
    let full = |folder: &Path| {
        let mut db = Db::open(folder).unwrap();
        db.import(&many).unwrap();
        db
    };
    let whole = tempfile::tempdir().unwrap();
    let mut db = full(whole.path());
    let (found, pieces) = expire(&mut db, Keep::default(), &settings, at);
    assert_eq!(found.excerpts, 901);
    assert!(pieces >= 4, "{pieces}: each is small");
    let expected = db.events().unwrap();
    assert!(expected.iter().all(Event::is_expired));
    for cut in 1..pieces {
        let folder = tempfile::tempdir().unwrap();
        let mut db = full(folder.path());
        let mut next = Piece::default();
        for _ in 0..cut {
            next = db.expire(&next, Keep::default(), &settings, Carry::Out, at).unwrap().1.unwrap();
        }
        // the program is killed; another one begins at the beginning
        drop(db);
        let mut db = Db::open(folder.path()).unwrap();
        expire(&mut db, Keep::default(), &settings, at);
        assert_eq!(db.events().unwrap(), expected, "cut after {cut}");
    }
}

/// Where the words still stand in the files of a database.
fn found_in(state: &Path, words: &str) -> Vec<String> {
    let mut all = Vec::new();
    for file in std::fs::read_dir(state).unwrap().map(|one| one.unwrap().path()) {
        let bytes = std::fs::read(&file).unwrap();
        if bytes.windows(words.len()).any(|window| window == words.as_bytes()) {
            all.push(file.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    all
}

#[test]
fn the_words_are_gone_from_the_file_and_from_its_log() {
    let (at, settings) = ("2028-06-01T00:00:00Z".parse().unwrap(), Settings::default());
    {
        let folder = tempfile::tempdir().unwrap();
        let mut db = Db::open(folder.path()).unwrap();
        db.import(&history()).unwrap();
        {
            let raw = rusqlite::Connection::open(folder.path().join("modori.sqlite")).unwrap();
            let alert = json!({"priority": "urgent", "category": "restock", "title": format!("{CANARY} ¥1,980"),
                "body": CANARY.repeat(900), "url": null, "received": null, "details": {"item": CANARY}});
            let letter = json!({"step": "ask-shop", "order": ORDER, "account": "a", "from": "h@example.jp",
                "to": "s@example.jp", "subject": CANARY, "body": format!("{CANARY}\n"), "in_reply_to": null,
                "references": [], "message_id": "l@example.jp", "answers": false});
            let payloads = [
                ("one", "alert", json!({"effect": "alert", "channel": "p", "alert": alert}), "done"),
                ("two", "held", json!({"effect": "held", "alert": alert, "why": "quiet"}), "dropped"),
                ("three", "draft", json!({"effect": "draft", "letter": letter}), "done"),
            ];
            for (key, kind, payload, state) in payloads {
                let sql = "INSERT INTO outbox (wish_key, kind, lane, payload, state, due, wished_at, closed_at) \
                           VALUES (?1, ?2, 'p', ?3, ?4, 1, 1, 1)";
                raw.execute(sql, (key, kind, payload.to_string(), state)).unwrap();
            }
            let sql = "INSERT INTO awaiting (told, token, alert, since, until, next_at) VALUES ('t', 'k', ?1, 1, 2, 1)";
            raw.execute(sql, [alert.to_string()]).unwrap();
            let sql = "INSERT INTO message (mail_key, received_at, seen_at, size, category, verdict) \
                       VALUES (?1, 1, 1, 1, 'cancellation', ?2)";
            let verdict = json!({"category": "cancellation", "rule": "r", "folder": "x", "priority": "normal",
                "escalate": false, "score": 0.0, "labels": [], "reasons": [{"condition": "c", "saw": CANARY, "weight": 0.0}]});
            raw.execute(sql, (format!("{:064x}", 2), verdict.to_string())).unwrap();
        }
        assert!(!found_in(folder.path(), CANARY).is_empty());
        let (found, _) = expire(&mut db, Keep::default(), &settings, at);
        assert_eq!((found.excerpts, found.reasons, found.letters, found.alerts), (5, 1, 1, 2), "{found:?}");
        // killed here, the next run owes it still
        drop(db);
        let mut db = Db::open(folder.path()).unwrap();
        assert!(db.owes_tidying().unwrap() && expire(&mut db, Keep::default(), &settings, at).0.is_none());
        assert!(db.tidy(true).unwrap() && !db.owes_tidying().unwrap());
        let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|one| one.unwrap().file_name()).collect();
        assert!(files.len() >= 2, "the log is still there to be looked into: {files:?}");
        assert_eq!(found_in(folder.path(), CANARY), Vec::<String>::new());
        // what is left can be read, and keeps everything from being done twice
        assert_eq!(db.events().unwrap().len(), 5);
        assert!(!db.history(None, 100).unwrap().is_empty());
    }
}

/// The real program, whose case has ended, with keeping nothing.
fn ended(embedded: &Embedded, hook: &str) -> Home {
    let home = embedded.home("", &format!("backlog = \"sort\"\n[keep]\nexcerpt_days = 0\nhistory_days = 0\n{hook}"));
    let words = format!(
        "受注番号：{ORDER}\n欠品のため、ご注文をキャンセルいたしました。\n{CANARY}様のご利用ポイント500ポイントは返還されます。\n"
    );
    let from = "modori-zakka@shop.rakuten.co.jp";
    embedded.deliver("INBOX", &mail("cancelled", from, "ご注文キャンセルのお知らせ", &words));
    embedded.deliver("INBOX", &cancellation("open", LIVING));
    embedded.deliver("INBOX", &mail("other", "friend@example.jp", CANARY, CANARY));
    home.ok(&["sweep"]);
    home
}

#[test]
fn the_command_lets_go_and_everything_else_goes_on() {
    let embedded = Embedded::start();
    let home = ended(&embedded, "");
    // of other mail place, key and verdict are kept, and no word
    let db = rusqlite::Connection::open(home.state().join("modori.sqlite")).unwrap();
    let other: String = db
        .query_row("SELECT json_array(verdict, message_id) FROM message WHERE category = 'other'", [], |row| row.get(0))
        .unwrap();
    assert!(!other.contains(CANARY) && other.ends_with(",null]"), "{other}");
    drop(db);
    let open = home.ok(&["ledger", "expire", "--dry-run", "--format", "json"]);
    let open: Value = serde_json::from_str(&open).unwrap();
    assert_eq!(open["excerpts"], 0, "both cases are open: {open}");
    home.ok(&["confirm", ORDER]);
    let all = |home: &Home| home.ok(&["cases", "--all", "--format", "json"]);
    let words = |text: &str| text.contains(CANARY);
    assert!(words(&all(&home)));
    let before = found_in(&home.state(), CANARY);
    let dry: Value = serde_json::from_str(&home.ok(&["ledger", "expire", "--dry-run", "--format", "json"])).unwrap();
    assert_eq!((&dry["dry_run"], &dry["excerpts"]), (&json!(true), &json!(2)), "{dry}");
    assert_eq!(found_in(&home.state(), CANARY), before, "nothing went");
    let told = |text: String| text.lines().map(without_excerpts).collect::<Vec<_>>();
    let cases = told(all(&home));
    let said = home.ok(&["ledger", "expire"]);
    assert!(said.contains("went: 2 sentences, "), "{said}");
    assert_eq!(found_in(&home.state(), CANARY), Vec::<String>::new());
    assert_eq!(told(all(&home)), cases);
    assert!(!words(&all(&home)) && all(&home).contains("返還されます"), "the open case keeps its sentence");
    assert!(home.ok(&["case", ORDER]).contains('…'));
    assert!(home.ok(&["ledger", "expire"]).contains("went: 0 sentences, "), "once");

    // reading the mail again brings nothing back
    home.ok(&["ledger", "rebuild", "--mailbox"]);
    assert_eq!(found_in(&home.state(), CANARY), Vec::<String>::new());
    assert_eq!(told(all(&home)), cases);
    // what was done is known, and can be taken back
    assert!(home.ok(&["history"]).contains("楽天/キャンセル"));
    assert_eq!(embedded.lies_in("cancelled"), ["楽天/キャンセル"]);
    home.ok(&["undo", "--since", "2026-01-01"]);
    assert_eq!(embedded.lies_in("cancelled"), ["INBOX"]);
    home.ok(&["sweep"]);
    assert_eq!(embedded.lies_in("cancelled"), ["INBOX"], "what was taken back stays");
    // the ledger travels, and an export of before brings no words back
    let export = home.path().join("export");
    home.ok(&["ledger", "export", "--out", export.to_str().unwrap()]);
    home.ok(&["ledger", "import", export.to_str().unwrap()]);
    assert_eq!(told(all(&home)), cases);
}

/// The sheet of a case without the sentences of mails.
fn bare(mut sheet: Value) -> Value {
    match &mut sheet {
        Value::Object(of) => {
            of.remove("excerpt");
            of.values_mut().for_each(|one| *one = bare(one.take()));
        }
        Value::Array(all) => all.iter_mut().for_each(|one| *one = bare(one.take())),
        _ => {}
    }
    sheet
}

fn without_excerpts(line: &str) -> Value {
    bare(serde_json::from_str(line).unwrap())
}
