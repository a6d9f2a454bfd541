//! A database of every schema there was, with rows in it, opened by this program: nothing is lost, nothing dangles, and
//! the cases are those of the same events in a new database.

use crate::edge::store::open::{APPLICATION_ID, SCHEMA, newest};
use crate::edge::store::{Db, State};
use crate::ledger::{self, By, Event, EventKind, Said, Statement};
use crate::mailbox::MailKey;
use crate::plan::Effect;
use jiff::Timestamp;
use rusqlite::Connection;
use std::path::{Path, PathBuf};

const ORDER: &str = "399999-20261120-0123456789";

/// Events as the first versions wrote them, letter by letter: without a sender, without the shop that a mail names, and
/// without what was added to the terms of an order since.
const OLD_EVENTS: [&str; 3] = [
    r#"{"order":"399999-20261120-0123456789","kind":{"what":"order","stage":"ordered","shop_code":"modori-zakka","shop_name":"モドリ雑貨店","ordered_at":"2026-11-20T01:02:03Z","total_yen":3000,"payment_yen":2300,"points_used":500,"coupon_used_yen":200,"items":[{"name":"帆布トート 大","code":"mz-1","price_yen":3000,"quantity":1,"url":null}]},"at":"2026-11-20T01:05:00Z","mail":"1111111111111111111111111111111111111111111111111111111111111111","second_identity":"one","trust":"verified","excerpt":"[受注番号] 399999-20261120-0123456789"}"#,
    r#"{"order":"399999-20261120-0123456789","kind":{"what":"cancel","form":"claimed","cause":"shop","shop_code":null,"shop_name":null,"ordered_at":null,"total_yen":null,"payment_yen":null,"points_used":null,"coupon_used_yen":null,"items":[],"reply_by":null},"at":"2026-11-22T01:00:00Z","mail":"2222222222222222222222222222222222222222222222222222222222222222","second_identity":"two","trust":"unverified","excerpt":"キャンセルいたしました"}"#,
    r#"{"order":null,"kind":{"what":"points","returned":{"amount":300,"form":"done"},"limited":null,"expires_at":null},"at":"2026-11-25T01:00:00Z","mail":"3333333333333333333333333333333333333333333333333333333333333333","second_identity":"three","trust":"verified","excerpt":"300ポイントを返還いたしました"}"#,
];
/// A statement as the first versions wrote it: without how it was said.
const OLD_STATEMENT: &str = r#"{"order":"399999-20261120-0123456789","said":{"says":"confirm","points":200,"expires":null,"coupon_back":null},"at":"2026-11-26T01:00:00Z"}"#;
const VERDICT: &str = r#"{"category":"cancellation","rule":"cancelled","folder":"楽天/キャンセル","priority":"normal","escalate":false,"score":0.0,"labels":[],"reasons":[]}"#;

/// The rows that a database of each schema may hold, schema by schema: what is entered once that schema is there.
const ROWS: [&str; 8] = [
    "INSERT INTO cursor VALUES ('a', 'INBOX', 7, 5, 100, 200); \
     INSERT INTO place (account, mailbox, uid_validity, uid, message, seen_first, gone) \
         VALUES ('a', 'INBOX', 7, 1, 3, 0, 1), ('a', '楽天/キャンセル', 9, 4, 3, 1, 0); \
     INSERT INTO outbox (id, wish_key, kind, lane, message, payload, state, due, until, attempts, last_error, doing, wished_at, closed_at) \
         VALUES (5, 'alert:phone:m', 'alert', 'phone', 3, '{\"effect\":\"alert\",\"channel\":\"phone\",\"alert\":{\"title\":\"t\"}}', 'done', 1, NULL, 1, NULL, NULL, 1, 2), \
                (8, 'file:m', 'file', 'a', 3, '{\"effect\":\"file\",\"folder\":\"楽天/キャンセル\"}', 'ready', 1, 9, 2, 'no network', '{\"from\":\"INBOX\"}', 1, NULL); \
     INSERT INTO outbox_after VALUES (8, 'alert:phone:m'); \
     INSERT INTO alerted VALUES ('phone:item', 99, 'm'); \
     INSERT INTO letter_sent VALUES ('x@example.jp', 1); \
     INSERT INTO latency VALUES (5, NULL, 1, 2, 3);",
    "INSERT INTO released VALUES (3, 7); INSERT INTO vouched VALUES ('shop@example.jp', 8);",
    "INSERT INTO correction VALUES (3, 'a', '楽天/キャンセル', '手で', 9, 4, 'cancellation', 0, NULL, 50, 1); \
     INSERT INTO folder_look VALUES ('a', '手で', 9, 5);",
    "UPDATE outbox SET origin = 'INBOX' WHERE id = 8; INSERT INTO redecided VALUES (8, 'order', '{}');",
    "UPDATE event SET retired = 1 WHERE id = 0; UPDATE statement SET mail_key = 'm' WHERE id = 0; \
     INSERT INTO pulse VALUES (1, 77);",
    "INSERT INTO flagged (message, opening, wanted, own, account, mailbox, uid_validity, uid, seen_at) \
         VALUES (3, 1, 1, 1, 'a', '楽天/キャンセル', 9, 4, 1000);",
    "INSERT INTO life (account, mailbox, reach, means, since, good_at, blind_since, awake_since, failures, not_before, trouble, login, told, kept_at) \
         VALUES ('a', 'INBOX', 'refused', 'idle', 1, 2, 3, 1, 4, 5, 'no', 'x', '{\"alerts\":[\"blind:a:3:\"]}', 6); \
     INSERT INTO watch VALUES (1, 77, '0.1.0', 1, 'shipped', 1, NULL);",
    "INSERT INTO hot VALUES ('2026-11-25', 5000);",
];

/// A database as the program of schema `version` left it.
fn left_by(version: usize, path: &Path) -> Connection {
    let old = Connection::open(path).unwrap();
    old.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    for (number, sql) in SCHEMA.iter().take(version).enumerate() {
        old.pragma_update(None, "foreign_keys", false).unwrap();
        old.execute_batch(sql).unwrap();
        old.pragma_update(None, "foreign_keys", true).unwrap();
        if number == 0 {
            let sql = "INSERT INTO message (id, mail_key, received_at, seen_at, size, category, verdict, message_id) \
                       VALUES (3, ?1, 10, 20, 30, 'cancellation', ?2, 'm@example.jp')";
            old.execute(sql, ("2".repeat(64), VERDICT)).unwrap();
            for body in OLD_EVENTS {
                let event: Event = serde_json::from_str(body).unwrap();
                let order = event.order.as_ref().map(ToString::to_string);
                let cancels = matches!(event.kind, EventKind::Cancel { .. });
                let row = (order, event.mail.hex(), event.at.as_second(), body, cancels);
                let sql = "INSERT INTO event (order_number, mail_key, at, body, cancels) VALUES (?1, ?2, ?3, ?4, ?5)";
                old.execute(sql, row).unwrap();
            }
            let sql = "INSERT INTO statement (order_number, at, body, said_at) VALUES (?1, 1, ?2, 2)";
            old.execute(sql, (ORDER, OLD_STATEMENT)).unwrap();
        }
        old.execute_batch(ROWS.get(number).copied().unwrap_or_default()).unwrap();
    }
    old.pragma_update(None, "user_version", u32::try_from(version).unwrap()).unwrap();
    old.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    old
}

fn path_in(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("modori.sqlite")
}

fn text(db: &Connection, sql: &str) -> String {
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Every row of every table that schema `version` had, as it is read today.
fn rows(db: &Connection, version: usize) -> Vec<String> {
    const BY_SCHEMA: [&[(&str, &str)]; 8] = [
        &[
            ("cursor", "account, mailbox, uid_validity, next_uid, first_opened_at, last_good_at"),
            ("message", "id, mail_key, received_at, seen_at, size, category, verdict, message_id, poison"),
            ("place", "account, mailbox, uid_validity, uid, message, seen_first, gone"),
            ("event", "id, order_number, mail_key, at, body, cancels"),
            ("statement", "id, order_number, at, body, said_at"),
            (
                "outbox",
                "id, wish_key, kind, lane, message, payload, state, due, until, attempts, last_error, doing, wished_at, closed_at",
            ),
            ("outbox_after", "outbox, wish_key"),
            ("alerted", "dedupe_key, until, mail_key"),
            ("letter_sent", "message_id, at"),
            ("latency", "outbox, received_at, seen_at, left_at, accepted_at"),
        ],
        &[("released", "message, at"), ("vouched", "address, at")],
        &[
            (
                "correction",
                "message, account, from_folder, to_folder, uid_validity, uid, category, quarantined, message_id, at, sure",
            ),
            ("folder_look", "account, mailbox, uid_validity, next_uid"),
        ],
        &[("outbox", "id, origin"), ("redecided", "outbox, category, verdict")],
        &[("event", "id, retired"), ("statement", "id, mail_key"), ("pulse", "id, at"), ("agenda", "order_number")],
        &[("flagged", "message, opening, wanted, own, account, mailbox, uid_validity, uid, seen_at, taken, told_at")],
        &[
            (
                "life",
                "account, mailbox, reach, means, since, good_at, blind_since, awake_since, failures, not_before, trouble, login, told, kept_at, ask_again",
            ),
            ("watch", "id, pid, version, began_at, rules, rules_at, rules_trouble"),
        ],
        &[("hot", "day, ms")],
    ];
    let mut all = Vec::new();
    for (table, columns) in BY_SCHEMA.iter().take(version).copied().flatten() {
        let mut query = db.prepare(&format!("SELECT json_array({columns}) FROM {table} ORDER BY 1")).unwrap();
        let rows = query.query_map([], |row| row.get::<_, String>(0)).unwrap();
        all.extend(rows.map(|row| format!("{table}: {}", row.unwrap())));
    }
    all
}

fn seen_at() -> Timestamp {
    "2026-11-28T01:00:00Z".parse().unwrap()
}

fn cases_of(db: &Db) -> String {
    let cases = ledger::cases(&db.events().unwrap(), &db.statements().unwrap(), &Default::default(), seen_at());
    serde_json::to_string(&cases.values().collect::<Vec<_>>()).unwrap()
}

/// The same mails and words as this program writes them.
fn fresh() -> Db {
    let mut db = Db::in_memory().unwrap();
    let mails: Vec<_> = OLD_EVENTS
        .iter()
        .map(|body| serde_json::from_str::<Event>(body).unwrap())
        .map(|event| crate::edge::store::OldMail {
            key: event.mail,
            events: vec![event],
            keep_trusted: false,
            mails: None,
        })
        .collect();
    assert_eq!(db.import(&mails).unwrap(), 3);
    db.say(&serde_json::from_str(OLD_STATEMENT).unwrap(), seen_at()).unwrap();
    db
}

#[test]
fn every_schema_there_was_is_opened_and_nothing_is_lost() {
    let expected = cases_of(&fresh());
    assert!(expected.contains("\"used\":500") && expected.contains("\"cancelled\":\"confirmed\""), "{expected}");
    for version in 1..=SCHEMA.len() {
        let folder = tempfile::tempdir().unwrap();
        let old = left_by(version, &path_in(&folder));
        let before = rows(&old, version);
        assert!(before.len() >= 14, "{before:?}");
        drop(old);
        let mut db = Db::open(folder.path()).unwrap();
        assert_eq!(rows(&db.connection, version), before, "schema {version}");
        assert_eq!(text(&db.connection, "PRAGMA integrity_check"), "ok", "schema {version}");
        assert!(!db.connection.prepare("PRAGMA foreign_key_check").unwrap().exists([]).unwrap(), "schema {version}");
        let now: u32 = db.connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(now, newest());
        let keys: bool = db.connection.query_row("PRAGMA foreign_keys", [], |row| row.get(0)).unwrap();
        assert!(keys, "references are looked after again");

        // what an older program wrote down is understood
        assert_eq!(cases_of(&db), expected, "schema {version}");
        let events = db.events().unwrap();
        assert_eq!((events.len(), events[0].sender.as_str(), events[0].shop_code.as_deref()), (3, "", None));
        let said = Said::Confirm { points: Some(200), expires: None, coupon_back: None };
        let statement = &db.statements().unwrap()[0];
        assert_eq!((&statement.said, statement.by), (&said, By::Command));

        // the outbox goes on where it was: the filing waits no longer, and a new row gets a new number
        let work = db.workable("file", Some("a"), 9, seen_at()).unwrap();
        assert_eq!((work[0].id, work[0].state, work[0].attempts), (8, State::Ready, 2));
        assert_eq!(work[0].effect, Effect::File { folder: "楽天/キャンセル".into() });
        let wish = crate::plan::Wish {
            key: "new".into(),
            effect: Effect::File { folder: "x".into() },
            due: seen_at(),
            until: None,
            dedupe: vec![],
            after: vec![],
            turn: None,
        };
        db.wish(&[wish], false, seen_at()).unwrap();
        let id: i64 = db.connection.query_row("SELECT max(id) FROM outbox", [], |row| row.get(0)).unwrap();
        assert_eq!(id, 9, "schema {version}");

        // every order is to be looked at
        let agenda = text(&db.connection, "SELECT json_group_array(json_array(order_number, wake_at)) FROM agenda");
        assert_eq!(agenda, format!("[[\"{ORDER}\",0]]"), "schema {version}");
        let copy = folder.path().join("copy");
        std::fs::write(&copy, "").unwrap();
        assert_eq!(Db::backup(folder.path(), &copy).unwrap().events, 3);
    }
}

#[test]
fn the_file_is_copied_before_it_is_brought_up_to_date_and_the_copy_stays_until_the_next_time() {
    use crate::edge::store::open::{BEFORE_UPGRADE, StoreError};
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join(BEFORE_UPGRADE);
    drop(Db::open(folder.path()).unwrap());
    drop(Db::open(folder.path()).unwrap());
    assert!(!copy.exists(), "nothing was brought up to date");
    for version in [1, SCHEMA.len() - 1] {
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(folder.path().join(format!("modori.sqlite{end}")));
        }
        let old = left_by(version, &path_in(&folder));
        let before = rows(&old, version);
        drop(old);
        drop(Db::open(folder.path()).unwrap());
        let kept = Connection::open(&copy).unwrap();
        assert_eq!(rows(&kept, version), before);
        assert_eq!(text(&kept, "SELECT user_version || '' FROM pragma_user_version"), version.to_string());
        drop(kept);
        let names: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|one| one.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with("modori.before"))
            .collect();
        assert_eq!(names, [BEFORE_UPGRADE], "one file");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
        }
        // put back, it is opened and brought up to date again
        std::fs::copy(&copy, path_in(&folder)).unwrap();
        drop(Db::open(folder.path()).unwrap());
    }
    // where no copy can be made, the file stays as it is
    let folder = tempfile::tempdir().unwrap();
    drop(left_by(2, &path_in(&folder)));
    std::fs::create_dir(folder.path().join(BEFORE_UPGRADE)).unwrap();
    std::fs::write(folder.path().join(BEFORE_UPGRADE).join("x"), "").unwrap();
    let refused = Db::open(folder.path()).unwrap_err();
    assert!(matches!(refused, StoreError::NoCopy { .. }), "{refused}");
    let raw = Connection::open(path_in(&folder)).unwrap();
    assert_eq!(text(&raw, "SELECT user_version || '' FROM pragma_user_version"), "2");
}

#[test]
fn a_backup_of_an_older_schema_is_taken_before_it_is_migrated() {
    let folder = tempfile::tempdir().unwrap();
    drop(left_by(1, &path_in(&folder)));
    let copy = folder.path().join("copy");
    std::fs::write(&copy, "").unwrap();
    let copied = Db::backup(folder.path(), &copy).unwrap();
    assert_eq!((copied.schema, copied.events, copied.statements), (1, 3, 1));
}

#[test]
fn a_migration_that_was_cut_off_is_done_again() {
    for version in 1..SCHEMA.len() {
        let (folder, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut old = left_by(version, &path_in(&folder));
        let before = rows(&old, version);
        // so little memory that half of the transaction is on the disk before it ends
        old.pragma_update(None, "cache_size", 1).unwrap();
        old.pragma_update(None, "foreign_keys", false).unwrap();
        let written = || std::fs::metadata(folder.path().join("modori.sqlite-wal")).unwrap().len();
        let committed = written();
        let transaction = old.transaction().unwrap();
        for sql in &SCHEMA[version..] {
            transaction.execute_batch(sql).unwrap();
        }
        transaction.pragma_update(None, "user_version", newest()).unwrap();
        assert!(written() > committed, "schema {version}: nothing is half-done yet");
        // the power fails: this is what lies on the disk
        for end in ["", "-wal"] {
            let file = format!("modori.sqlite{end}");
            std::fs::copy(folder.path().join(&file), after.path().join(&file)).unwrap();
        }
        // or the program is killed
        drop(transaction);
        drop(old);
        for folder in [&folder, &after] {
            let cut: u32 = {
                let raw = Connection::open(path_in(folder)).unwrap();
                raw.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
            };
            assert_eq!(cut as usize, version, "nothing of it counts");
            let db = Db::open(folder.path()).unwrap();
            assert_eq!(rows(&db.connection, version), before, "schema {version}");
            assert_eq!(text(&db.connection, "PRAGMA integrity_check"), "ok");
            assert_eq!(db.events().unwrap().len(), 3);
        }
    }
}

#[test]
fn an_old_reading_of_a_mail_gives_way_to_the_one_of_today() {
    let folder = tempfile::tempdir().unwrap();
    drop(left_by(1, &path_in(&folder)));
    let mut db = Db::open(folder.path()).unwrap();
    let mut anew: Event = serde_json::from_str(OLD_EVENTS[1]).unwrap();
    anew.sender = "modori-zakka@shop.rakuten.co.jp".into();
    let key = MailKey::from_hex(&"2".repeat(64)).unwrap();
    let mail = crate::edge::store::OldMail { key, events: vec![anew.clone()], keep_trusted: false, mails: None };
    assert_eq!(db.import(std::slice::from_ref(&mail)).unwrap(), 1);
    assert_eq!(db.import(&[mail]).unwrap(), 0, "once");
    let events = db.events().unwrap();
    assert_eq!(events.iter().filter(|event| event.mail == key).collect::<Vec<_>>(), [&anew]);
    let all: i64 = db.connection.query_row("SELECT count(*) FROM event", [], |row| row.get(0)).unwrap();
    assert_eq!(all, 4, "what was read before is kept");
    let unused = Statement { order: anew.order.unwrap(), said: Said::Deny, at: seen_at(), by: By::Flag };
    db.say(&unused, seen_at()).unwrap();
    assert_eq!(db.statements().unwrap().len(), 2);
}

#[test]
fn a_damaged_database_is_brought_up_to_date_its_copy_kept_and_left_over_parts_go() {
    use crate::edge::store::open::BEFORE_UPGRADE;
    let folder = tempfile::tempdir().unwrap();
    let old = left_by(2, &path_in(&folder));
    old.pragma_update(None, "foreign_keys", false).unwrap();
    old.execute("INSERT INTO released VALUES (999, 7)", []).unwrap();
    drop(old);
    for end in ["4711", "part"] {
        std::fs::write(folder.path().join(format!("{BEFORE_UPGRADE}.{end}")), "killed").unwrap();
    }
    // what repairs it can open it
    let mut db = Db::open(folder.path()).unwrap();
    assert_eq!(db.set_aside_damaged().unwrap().0, 0);
    let kept = Connection::open(folder.path().join(BEFORE_UPGRADE)).unwrap();
    assert_eq!(text(&kept, "SELECT user_version || '' FROM pragma_user_version"), "2");
    let parts = || {
        let names =
            std::fs::read_dir(folder.path()).unwrap().map(|one| one.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with(&format!("{BEFORE_UPGRADE}."))).collect::<Vec<_>>()
    };
    assert_eq!(parts(), Vec::<String>::new());
    std::fs::write(folder.path().join(format!("{BEFORE_UPGRADE}.4712")), "killed").unwrap();
    let keep = crate::ledger::Keep::default();
    db.forget_copy(keep, Timestamp::now());
    assert_eq!(parts().len(), 1, "perhaps being made just now");
    db.forget_copy(keep, Timestamp::now() + jiff::SignedDuration::from_hours(25));
    assert_eq!(parts(), Vec::<String>::new());
}

#[test]
fn a_database_of_another_schema_is_not_touched_by_who_only_leaves_a_word() {
    let folder = tempfile::tempdir().unwrap();
    drop(left_by(2, &path_in(&folder)));
    assert!(matches!(Db::open_as_it_is(folder.path()), Err(crate::edge::store::StoreError::Older { .. })));
    let raw = Connection::open(path_in(&folder)).unwrap();
    assert_eq!(text(&raw, "SELECT user_version || '' FROM pragma_user_version"), "2");
}
