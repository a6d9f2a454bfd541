//! What was quarantined wrongly comes back out of its label, whichever mailbox shows it.

use super::world::{ALL, EACH, STARRED, World, in_time, start};
use crate::support::run::mail;
use modori::demo::AUTHSERV_ID;
use modori::engine::release::Which;

const QUARANTINE: &str = "楽天/要確認";

/// A mail that a family list passes on under Rakuten's name.
fn passed_on(name: &str, subject: &str, body: &str) -> Vec<u8> {
    let list = "family@list.example";
    let plain = String::from_utf8(mail(name, list, subject, body)).unwrap();
    let named = plain.replace(&format!("From: <{list}>"), &format!("From: 楽天市場 <{list}>"));
    format!("Authentication-Results: {AUTHSERV_ID}; dmarc=none\r\n{named}").into_bytes()
}

#[test]
fn what_is_released_leaves_the_quarantine_label_whatever_is_watched() {
    let body = "受注番号：399999-20261120-0123456789\n欠品のため、ご注文をキャンセルいたしました。\n";
    let all = [
        ("cancelled", passed_on("cancelled", "ご注文キャンセルのお知らせ", body), "楽天/キャンセル"),
        // has no folder: it goes back where it came from
        ("words", passed_on("words", "お元気ですか", "楽天で見つけました。\n"), "INBOX"),
    ];
    for watched in EACH {
        in_time(async {
            let mut world = World::empty(watched);
            world.mails = all.len();
            for (_, bytes, _) in &all {
                world.server.deliver("INBOX", bytes, start());
            }
            world.live().await;
            for (name, bytes, _) in &all {
                let expected = [ALL, QUARANTINE].map(str::to_owned).into();
                assert_eq!(world.views_of(bytes), expected, "{watched:?} {name}");
                let which = Which::Id(format!("{name}@example.jp"));
                world.engine().release(which, false, false).await.unwrap();
            }
            world.live().await;
            for (name, bytes, folder) in &all {
                let mut views = world.views_of(bytes);
                // a star follows its case
                views.remove(STARRED);
                assert_eq!(views, [ALL, *folder].map(str::to_owned).into(), "{watched:?} {name}");
            }
            world.assert_nothing_is_thrown_away();
        });
    }
}
