//! Between the decision for a letter and the moment it leaves things may change: it is judged again, by what is known and
//! configured then.

use super::support::letters::{World, draft, letter, simulated, start, wish};
use jiff::SignedDuration;
use modori::demo::{AUTHSERV_ID, Fault, Gap, SHOPPER};
use modori::edge::Advice;
use modori::edge::store::State;
use modori::facts::OrderNumber;
use modori::ledger::{By, Said, Statement};
use modori::letter::{Kind, Letter, Outcome, Replies};
use modori::plan::{Effect, Ticket, Wish};
use std::collections::BTreeSet;
use std::time::Duration;

const NUMBER: &str = "399999-20261108-0123456789";

fn order() -> OrderNumber {
    OrderNumber::parse(NUMBER).unwrap()
}

fn asks() -> Letter {
    Letter { order: order(), ..letter("ask-shop") }
}

/// As the gate gave it when the letter was decided.
fn decided() -> Wish {
    let ticket: Ticket =
        serde_json::from_str(r#"{ "message_id": "modori.ask-shop@example.jp", "by": "time" }"#).unwrap();
    wish("letter:x", Effect::Send { letter: Box::new(asks()), ticket })
}

fn drafted() -> Wish {
    wish("letter:x", Effect::Draft { letter: Box::new(asks()) })
}

fn mail(name: &str, header: &str, body: &str, days_ago: i64) -> (String, jiff::Timestamp) {
    let at = start() - SignedDuration::from_hours(24 * days_ago);
    let text = format!(
        "From: <modori-zakka@shop.rakuten.co.jp>\r\nTo: <{SHOPPER}>\r\nSubject: ご注文キャンセルのお知らせ\r\n\
         Date: {}\r\nMessage-ID: <{name}@shop.rakuten.co.jp>\r\n\
         Authentication-Results: {AUTHSERV_ID}; dmarc=pass header.from=shop.rakuten.co.jp\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n{header}\r\n{body}",
        at.strftime("%a, %d %b %Y %H:%M:%S +0000")
    );
    (text, at)
}

/// A world in which an order was cancelled twelve days ago and 500 points are awaited, and letters are sent.
async fn world() -> World {
    let mut world = World::usual();
    world.replies = Replies { send: BTreeSet::from([Kind::AskShop]), ..world.replies };
    let body = format!(
        "受注番号：{NUMBER}\r\n欠品のため、ご注文をキャンセルいたしました。ご利用ポイント500ポイントは返還されます。\r\n"
    );
    let (text, at) = mail("cancel.1", "", &body, 12);
    world.server.deliver("INBOX", text.as_bytes(), at);
    world.live_for(Duration::from_secs(60)).await;
    world
}

async fn say(world: &World, said: Said) {
    let now = world.clock.now();
    let statement = Statement { order: order(), said, at: now, by: By::Command };
    world.store.call(move |db| db.say(&statement, now)).await.unwrap();
}

/// What became of the row, why, and how often the letter was sent and lies in Drafts.
async fn end(world: &World) -> (State, String, usize, usize) {
    world.live().await;
    world.live_for(Duration::from_secs(1200)).await;
    let row = world.row("letter:x").await;
    let sent = world.shop.taken.lock().unwrap().len();
    (row.state, row.last_error.unwrap_or_default(), sent, world.lie("Entwürfe", "ask-shop"))
}

#[test]
fn a_letter_against_which_nothing_speaks_is_sent_however_late() {
    simulated(async {
        let world = world().await;
        world.shop.answers.lock().unwrap().extend([Advice::Again(None); 4]);
        world.wished(vec![decided()]).await;
        let (state, why, sent, lie) = end(&world).await;
        assert_eq!((state, sent, lie), (State::Done, 1, 0), "{why}");
    });
}

#[test]
fn a_draft_against_which_nothing_speaks_is_laid() {
    simulated(async {
        let world = world().await;
        world.wished(vec![drafted()]).await;
        let (state, why, sent, lie) = end(&world).await;
        assert_eq!((state, sent, lie), (State::Done, 0, 1), "{why}");
    });
}

#[test]
fn what_is_switched_off_while_a_letter_waits_is_off() {
    for wished in [decided, drafted] {
        for observe in [true, false] {
            simulated(async {
                let mut world = world().await;
                world.wished(vec![wished(), draft("of.no.known.order")]).await;
                world.observe = observe;
                world.replies.drafts = observe;
                let (state, why, sent, lie) = end(&world).await;
                assert_eq!((state, sent, lie), (State::Dropped, 0, 0), "{why}");
                assert!(why.contains("\"observe\""), "{why}");
                assert_eq!(world.lie("Entwürfe", "of.no.known.order"), 0);
            });
        }
    }
}

#[test]
fn a_letter_that_may_no_longer_be_sent_is_hers_to_send() {
    simulated(async {
        let mut world = world().await;
        world.replies.send = BTreeSet::new();
        world.wished(vec![decided()]).await;
        let (state, why, sent, lie) = end(&world).await;
        assert_eq!((state, sent, lie), (State::Dropped, 0, 1), "{why}");
        assert!(why.contains("[replies.send]"), "{why}");
    });
}

#[test]
fn what_came_back_while_a_letter_waited_is_not_asked_for() {
    let back = Said::Confirm { points: Some(500), expires: None, coupon_back: None };
    for said in [back, Said::Lost] {
        for wished in [decided, drafted] {
            simulated(async {
                let world = world().await;
                // neither the mail server nor the mailbox takes anything yet
                world.shop.answers.lock().unwrap().extend([Advice::Again(None); 2]);
                world.server.fault("APPEND", Fault::Refuse("[UNAVAILABLE] later".into()));
                world.wished(vec![wished()]).await;
                world.live_for(Duration::from_millis(900)).await;
                assert_eq!(world.row("letter:x").await.state, State::Ready);
                say(&world, said.clone()).await;
                let (state, why, sent, lie) = end(&world).await;
                assert_eq!((state, sent, lie), (State::Dropped, 0, 0), "{why}");
                assert!(!why.is_empty());
            });
        }
    }
}

#[test]
fn a_machine_that_answered_meanwhile_is_not_written_to() {
    simulated(async {
        let world = world().await;
        world.shop.answers.lock().unwrap().extend([Advice::Again(None); 3]);
        world.wished(vec![decided()]).await;
        world.live_for(Duration::from_secs(5)).await;
        let header = "In-Reply-To: <modori.ask-shop@example.jp>\r\nAuto-Submitted: auto-replied\r\n";
        let (text, at) = mail("machine", header, "お問い合わせを受け付けました。\r\n", 0);
        world.server.deliver("INBOX", text.as_bytes(), at);
        let (state, why, sent, lie) = end(&world).await;
        assert_eq!((state, sent, lie), (State::Dropped, 0, 0), "{why}");
    });
}

#[test]
fn a_letter_to_an_address_that_no_mail_of_the_order_gave_is_not_sent() {
    for to in ["other@shop.rakuten.co.jp", "me@example.com"] {
        simulated(async {
            let world = world().await;
            let Wish { effect: Effect::Send { mut letter, ticket }, .. } = decided() else { panic!() };
            letter.to = to.to_owned();
            world.wished(vec![wish("letter:x", Effect::Send { letter, ticket })]).await;
            let (state, why, sent, lie) = end(&world).await;
            assert_eq!((state, sent, lie), (State::Dropped, 0, 0), "{why}");
        });
    }
}

#[test]
fn a_draft_that_she_sent_is_a_letter_that_was_sent() {
    let outcome = async |world: &World| {
        let now = world.clock.now();
        let kept = world.store.call(move |db| db.kept_for_letters([order()], now)).await.unwrap();
        kept[&order()].1.written[0].outcome
    };
    simulated(async {
        // she says so
        let world = world().await;
        world.wished(vec![drafted()]).await;
        end(&world).await;
        assert_eq!(outcome(&world).await, Outcome::Drafted);
        let (id, now) = (world.row("letter:x").await.id, world.clock.now());
        for news in [true, false] {
            assert_eq!(world.store.call(move |db| db.draft_was_sent(id, "sent", now)).await.unwrap(), news);
        }
        assert_eq!(outcome(&world).await, Outcome::Sent);
    });
    simulated(async {
        // or it is found there
        let world = world().await;
        let server = world.server.clone();
        world.server.fault("APPEND", Fault::LoseAnswer);
        world.server.lie_in_wait("APPEND", Gap::After, move || {
            server.relocate("Entwürfe", 1, "Gesendet");
        });
        world.wished(vec![drafted()]).await;
        end(&world).await;
        assert_eq!(outcome(&world).await, Outcome::Sent);
    });
}

#[test]
fn a_letter_about_an_order_of_which_nothing_is_known_is_hers_to_send() {
    simulated(async {
        let world = World::usual();
        world.wished(vec![decided()]).await;
        let (state, why, sent, lie) = end(&world).await;
        assert_eq!((state, sent, lie), (State::Dropped, 0, 1), "{why}");
        assert!(why.contains("nothing is known of the order"), "{why}");
    });
}
