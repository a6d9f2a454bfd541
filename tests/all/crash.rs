//! Killed at any moment of a sweep, and started again: every mail in exactly one right folder, every restock alerted.

use super::support::dovecot::{Dovecot, Setup};
use super::support::http::Http;
use super::support::oracle::by_message_id;
use super::support::run::{Home, Over, cancellation, mail, restock};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Mails of all kinds, and the folder each belongs into.
fn story(count: usize) -> Vec<(String, Vec<u8>, &'static str)> {
    (0..count)
        .map(|n| {
            let name = format!("m{n}");
            match n % 5 {
                0 if n % 50 == 0 => (name.clone(), restock(&name), "楽天/再入荷"),
                1 => (name.clone(), cancellation(&name, &format!("399999-20261120-{n:010}")), "楽天/キャンセル"),
                2 => {
                    let body = format!("ご注文ありがとうございます。\nご注文番号：399999-20261121-{n:010}\n");
                    (name.clone(), mail(&name, "shop@shop.rakuten.co.jp", "ご注文を承りました", &body), "楽天/注文")
                }
                _ => (name.clone(), mail(&name, "friend@example.org", "やあ", "元気？\n"), "INBOX"),
            }
        })
        .collect()
}

fn webhook(http: &Http) -> String {
    format!(
        "[alerts]\nchannels = [\"w\"]\nmost_an_hour = 0\n[channel.w]\nkind = \"webhook\"\nurl = \"{}\"\n",
        http.url("/")
    )
}

fn check(dovecot: &Dovecot, http: &Http, story: &[(String, Vec<u8>, &str)]) {
    let by_id = by_message_id(&dovecot.mailboxes());
    let wrong: BTreeMap<&str, Option<&Vec<String>>> = story
        .iter()
        .map(|(name, _, folder)| (name.as_str(), *folder, by_id.get(&format!("{name}@example.jp"))))
        .filter(|(_, folder, found)| found.is_none_or(|found| found.as_slice() != [folder.to_string()]))
        .map(|(name, _, found)| (name, found))
        .collect();
    assert!(wrong.is_empty(), "lost, doubled or misfiled: {wrong:?}");
    assert_eq!(by_id.len(), story.len());
    let alerted: BTreeSet<String> =
        http.requests().iter().map(|request| request.json()["url"].as_str().unwrap_or_default().to_owned()).collect();
    for (name, _, _) in story.iter().filter(|(_, _, folder)| *folder == "楽天/再入荷") {
        assert!(
            alerted.contains(&format!("https://item.rakuten.co.jp/modori-zakka/{name}/")),
            "{name} was not alerted"
        );
    }
}

/// Sweeps `count` mails, killed at `kills` moments; then lets it finish.
fn killed(count: usize, kills: usize, capability: &Setup) {
    let Some(dovecot) = Dovecot::start(capability) else { return };
    let http = Http::start();
    let story = story(count);
    let mails: Vec<&[u8]> = story.iter().map(|(_, mail, _)| mail.as_slice()).collect();
    dovecot.deliver_all(&mails);
    let home = Home::on(&dovecot, Over::Plain, &webhook(&http));
    // moments that do not repeat and follow from nothing but their number
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut struck = 0;
    for _ in 0..kills {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let moment = Duration::from_millis(25 + seed % 160);
        let begun = Instant::now();
        let mut sweep = home.start(&["sweep"]);
        let mut ended = None;
        while ended.is_none() && begun.elapsed() < moment {
            std::thread::sleep(Duration::from_millis(2));
            ended = sweep.ended();
        }
        struck += usize::from(ended.is_none());
        sweep.kill();
    }
    home.ok(&["sweep"]);
    check(&dovecot, &http, &story);
    println!("{count} mails, killed {struck} times while at work");
    assert!(struck > 0, "no kill struck a sweep at work");
}

#[test]
fn a_sweep_that_is_killed_again_and_again_loses_nothing() {
    killed(500, 50, &Setup::default());
}

#[test]
fn killed_without_move_it_loses_nothing_either() {
    killed(200, 12, &Setup::without(&["MOVE"]));
}

#[test]
fn two_thousand_mails_are_swept_and_a_dry_run_changes_nothing() {
    let Some(dovecot) = Dovecot::start(&Setup { prefix: "INBOX.", separator: '.', ..Setup::default() }) else { return };
    let http = Http::start();
    let story = story(2000);
    let mails: Vec<&[u8]> = story.iter().map(|(_, mail, _)| mail.as_slice()).collect();
    dovecot.deliver_all(&mails);
    let home = Home::on(&dovecot, Over::Tls, &webhook(&http));
    let plan = home.ok(&["sweep", "--dry-run", "--format", "json"]);
    assert_eq!(plan.lines().count(), 2000);
    assert_eq!(dovecot.mailboxes()["INBOX"].len(), 2000);
    assert!(http.requests().is_empty());
    home.ok(&["sweep"]);
    let by_id = by_message_id(&dovecot.mailboxes());
    assert_eq!(by_id.len(), 2000);
    for (name, _, folder) in &story {
        let folder =
            if *folder == "INBOX" { "INBOX".to_owned() } else { format!("INBOX.{}", folder.replace('/', ".")) };
        assert_eq!(by_id[&format!("{name}@example.jp")], [folder], "{name}");
    }
    let again: serde_json::Value = serde_json::from_str(home.ok(&["sweep", "--format", "json"]).trim()).unwrap();
    assert_eq!(again["known"], again["seen"], "a second sweep finds nothing new");
}
