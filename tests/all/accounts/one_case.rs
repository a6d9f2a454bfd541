//! Mails of one order that come to several addresses meet in one case, in whatever order they come, whenever the program
//! is started anew between them: one reminder, one draft, and the same ledger after it was made anew.

use super::{World, at, simulated};
use jiff::Timestamp;
use modori::engine::rebuild::Folders;
use modori::facts::OrderNumber;
use modori::ledger::Case;
use modori::plan::Effect;
use std::time::Duration;

const PC: (&str, &str) = ("pc", "hanako@example.jp");
const PHONE: (&str, &str) = ("phone", "hanako@mobile.example.jp");
const OLD: (&str, &str) = ("old", "hanako@old.example.jp");
const STORY: &str = "promised-and-nothing-came";
const ORDER: &str = "395678-20261126-0777021212";

/// A mail of the story, as another account got it.
fn mail(file: &str, (_, address): (&str, &str)) -> Vec<u8> {
    let path = format!("{}/fixtures/story/{STORY}/{file}", env!("CARGO_MANIFEST_DIR"));
    addressed(std::fs::read(path).unwrap(), address)
}

/// To another address, and with the word of its provider. Bytes outside of headers are left as they are.
fn addressed(bytes: Vec<u8>, address: &str) -> Vec<u8> {
    let host = address.rsplit_once('@').unwrap().1;
    let end =
        bytes.windows(2).position(|pair| pair == b"\n\n").or(bytes.windows(4).position(|pair| pair == b"\r\n\r\n"));
    let (head, body) = bytes.split_at(end.unwrap());
    let head = String::from_utf8_lossy(head);
    let head = head
        .replace("To: <hanako@example.jp>", &format!("To: <{address}>"))
        .replace("Authentication-Results: mx.example.jp;", &format!("Authentication-Results: mx.{host};"));
    [head.as_bytes(), body].concat()
}

/// Points come back: so many, said so by Rakuten.
fn refund(points: u32, address: &str) -> Vec<u8> {
    let text = format!(
        "Authentication-Results: mx.example.jp; dkim=pass header.d=point.rakuten.co.jp;\r\n \
         spf=pass smtp.mailfrom=point.rakuten.co.jp; dmarc=pass header.from=point.rakuten.co.jp\r\n\
         From: =?utf-8?b?5qW95aSp44Od44Kk44Oz44OI?= <info@point.rakuten.co.jp>\r\nTo: <hanako@example.jp>\r\n\
         Subject: =?utf-8?b?44GU5Yip55So44Od44Kk44Oz44OI6L+U6YKE44Gu44GK55+l44KJ44Gb?=\r\n\
         Date: Tue, 01 Dec 2026 09:00:42 +0900\r\nMessage-ID: <refund.{points}.{address}>\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         見本 花子 様\r\nご注文のキャンセルに伴い、ご利用の{points}ポイントを返還いたしました。\r\n[注文番号] {ORDER}\r\n"
    );
    addressed(text.into_bytes(), address)
}

struct Coming {
    account: (&'static str, &'static str),
    bytes: Vec<u8>,
    received: Timestamp,
}

fn ordered(account: (&'static str, &'static str)) -> Coming {
    Coming { account, bytes: mail("01-ordered.eml", account), received: at("2026-11-26 19:03") }
}

fn cancelled(account: (&'static str, &'static str)) -> Coming {
    Coming { account, bytes: mail("02-shop-cancels.eml", account), received: at("2026-11-30 10:01") }
}

fn returned(account: (&'static str, &'static str), points: u32) -> Coming {
    Coming { account, bytes: refund(points, account.1), received: at("2026-12-01 09:01") }
}

fn world() -> World {
    World::new(at(BEGIN), &[PC, PHONE, OLD])
}

/// What is true in the end.
#[derive(Debug, PartialEq)]
struct Truth {
    cases: Vec<Case>,
    /// What the phone heard, without order.
    told: Vec<String>,
    /// Letters that lie in Drafts, by account.
    drafts: Vec<(&'static str, usize)>,
    /// What lies in INBOX still.
    left: usize,
    flags: Vec<String>,
}

async fn cases(world: &World) -> Vec<Case> {
    let (settings, now) = (world.settings.clone(), world.clock.now());
    let mut all = Vec::new();
    world
        .store()
        .call(move |db| {
            db.each_case(&settings, now, |case| all.push(case.clone()))?;
            Ok(all)
        })
        .await
        .unwrap()
}

async fn truth(world: &World) -> Truth {
    let mut told: Vec<String> =
        world.heard(at(BEGIN)).into_iter().map(|(_, kind, title)| format!("{kind}: {title}")).collect();
    told.sort();
    let rows = world.store().call(|db| db.outbox()).await.unwrap();
    let flags =
        rows.iter().filter(|row| matches!(row.effect, Effect::Flag { .. })).map(|row| row.lane.clone()).collect();
    Truth {
        cases: cases(world).await,
        told,
        drafts: world.accounts.iter().map(|one| (one.name, world.lie(one.name, "下書き"))).collect(),
        left: world.accounts.iter().map(|one| world.lie(one.name, "INBOX")).sum(),
        flags,
    }
}

fn permutations(number: usize) -> Vec<Vec<usize>> {
    if number == 0 {
        return vec![vec![]];
    }
    let shorter = permutations(number - 1);
    let into = |at: usize| shorter.iter().map(move |one| [&one[..at], &[number - 1], &one[at..]].concat());
    (0..number).flat_map(into).collect()
}

async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// An hour and a half before it is time to ask the shop (the story's own steps).
const BEGIN: &str = "2026-12-03 16:30";
const APART: Duration = Duration::from_secs(3 * 60);
/// Long enough for asking the shop.
const LONG: Duration = Duration::from_secs(3 * 3600);
const SHORT: Duration = Duration::from_secs(5 * 60);

/// The mails come in this order, and then so much time passes; with `anew` the program is started anew after each.
fn run(coming: &[Coming], order: &[usize], anew: bool, then: Duration) -> Truth {
    simulated(async {
        let world = world();
        let deliver = |at: &usize| {
            let one = &coming[*at];
            world.server(one.account.0).deliver("INBOX", &one.bytes, one.received);
        };
        if anew {
            for one in order {
                deliver(one);
                world.while_running(pass(APART)).await;
            }
            world.while_running(pass(then)).await;
        } else {
            world
                .while_running(async {
                    for one in order {
                        deliver(one);
                        pass(APART).await;
                    }
                    pass(then).await;
                })
                .await;
        }
        let truth = truth(&world).await;
        rebuilt(&world, &truth.cases).await;
        truth
    })
}

/// The ledger read anew from the mailboxes is the same.
async fn rebuilt(world: &World, cases_before: &[Case]) {
    let engine = world.engine();
    for mailbox in &engine.mailboxes {
        engine.rebuild(mailbox, Folders::Sorted, |_| {}, |_| {}).await.unwrap();
    }
    world.store().call(|db| db.rebuild()).await.unwrap();
    assert_eq!(cases(world).await, cases_before);
}

#[test]
fn an_order_its_cancellation_and_its_refund_at_three_addresses_are_one_case_in_every_order() {
    let coming = [ordered(PC), cancelled(PHONE), returned(OLD, 275)];
    let expected = run(&coming, &[0, 1, 2], false, SHORT);
    assert_eq!(expected.cases.len(), 1);
    let case = &expected.cases[0];
    assert_eq!(case.order_number, OrderNumber::parse(ORDER).unwrap());
    assert_eq!((case.points.used, case.points.returned, case.points.outstanding), (Some(275), Some(275), Some(0)));
    assert_eq!((expected.left, expected.drafts.iter().map(|(_, lie)| lie).sum::<usize>()), (0, 0));
    for order in permutations(3) {
        for anew in [false, true] {
            let mut found = run(&coming, &order, anew, SHORT);
            let mut told = found.told.clone();
            told.dedup();
            assert_eq!(told, found.told, "nothing is told twice");
            // which of it is still news depends on what came first
            found.told = expected.told.clone();
            found.flags = expected.flags.clone();
            assert_eq!(found, expected, "{order:?}, started anew between: {anew}");
        }
    }
}

/// What is asked of the shop is one letter: it answers the shop's mail, and is written as the address with which the order
/// was placed, so it lies in that account's Drafts, wherever the shop's mail came to.
#[test]
fn points_that_do_not_come_are_asked_for_once_from_the_account_of_the_order() {
    let coming = [ordered(PC), cancelled(PHONE)];
    let expected = run(&coming, &[0, 1], false, LONG);
    assert_eq!(expected.drafts, [("pc", 1), ("phone", 0), ("old", 0)], "{:?}", expected.told);
    assert!(!expected.told.is_empty());
    for anew in [false, true] {
        let found = run(&coming, &[1, 0], anew, LONG);
        assert_eq!((found.cases, found.drafts, found.left), (expected.cases.clone(), expected.drafts.clone(), 0));
    }
    // each reminder is told once
    let mut told = expected.told.clone();
    told.dedup();
    assert_eq!(told, expected.told);
}

/// Every mail at every address: the ledger counts each thing once, and what is told is told once.
#[test]
fn copies_at_all_addresses_count_once_and_are_told_once() {
    let once = [ordered(PC), cancelled(PC), returned(PC, 275)];
    let all = |make: fn((&'static str, &'static str)) -> Coming| [PC, PHONE, OLD].map(make);
    let thrice: Vec<Coming> =
        [all(ordered), all(cancelled), all(|account| returned(account, 275))].into_iter().flatten().collect();
    let expected = run(&once, &[0, 1, 2], false, SHORT);
    for (order, anew) in [
        (vec![0, 1, 2, 3, 4, 5, 6, 7, 8], false),
        (vec![0, 1, 2, 3, 4, 5, 6, 7, 8], true),
        (vec![8, 5, 2, 7, 4, 1, 6, 3, 0], false),
    ] {
        let found = run(&thrice, &order, anew, SHORT);
        let sums = |truth: &Truth| {
            let case = &truth.cases[0];
            (truth.cases.len(), case.points.used, case.points.returned, case.points.outstanding, case.ended)
        };
        assert_eq!(sums(&found), sums(&expected), "{order:?}");
        assert_eq!((found.left, &found.drafts), (0, &expected.drafts));
        let cancelled = |truth: &Truth| truth.told.iter().filter(|told| told.starts_with("cancellation")).count();
        assert_eq!(cancelled(&found), cancelled(&expected), "{:?} and {:?}", found.told, expected.told);
    }
}

/// An account trusts its own provider alone: a word for which another account's provider would have to vouch says nothing.
#[test]
fn trust_is_each_accounts_own() {
    let elsewhere = Coming { bytes: refund(275, PC.1), ..returned(PHONE, 275) };
    let found = run(&[ordered(PC), cancelled(PHONE), elsewhere], &[0, 1, 2], false, SHORT);
    let case = &found.cases[0];
    assert_ne!(case.points.outstanding, Some(0), "nobody whom the phone's account trusts vouches for it");
    let found = run(&[ordered(PC), cancelled(PHONE), returned(PHONE, 275)], &[0, 1, 2], false, SHORT);
    assert_eq!(found.cases[0].points.outstanding, Some(0));
}
