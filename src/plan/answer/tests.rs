//! Tokens that nobody guesses, and when an alert is told again.

use super::*;
use crate::plan::Effect;
use crate::rules::Priority;

const EVERY: i64 = 120;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + second).unwrap()
}

fn repeat() -> Repeat {
    Repeat {
        every_s: 120,
        for_s: 600,
        categories: vec!["restock".to_owned()],
        opened: true,
        key: Some(TokenKey([7; 32])),
        ..Repeat::default()
    }
}

fn policy() -> Policy {
    Policy {
        channels: vec!["phone".to_owned()],
        fallback_after_s: 60,
        stale_after_s: 900,
        repeat: Some(repeat()),
        language: crate::wording::Language::En,
        ..Policy::default()
    }
}

fn alert() -> Alert {
    Alert {
        priority: Priority::Urgent,
        category: "restock".to_owned(),
        title: "Mug 1,980円".to_owned(),
        received: Some(at(-3)),
        ..Alert::default()
    }
}

#[test]
fn codes_are_those_of_rfc_4231() {
    let hex = |bytes: [u8; 32]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(
        hex(hmac_sha256(&[0x0b; 20], b"Hi There")),
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    );
    assert_eq!(
        hex(hmac_sha256(b"Jefe", b"what do ya want for nothing?")),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    assert_eq!(
        hex(hmac_sha256(&[0xaa; 20], &[0xdd; 50])),
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
    );
}

#[test]
fn a_token_is_the_same_each_time_and_another_for_another_alert_or_key() {
    let key = TokenKey([7; 32]);
    let token = key.token("alert:m");
    assert_eq!((token.len(), &token), (32, &key.token("alert:m")));
    assert!(token.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_ne!(token, key.token("alert:n"));
    assert_ne!(token, TokenKey([8; 32]).token("alert:m"));
    assert_eq!(format!("{:?}", repeat()).matches('7').count(), 0, "a key is never shown");
}

#[test]
fn an_alert_awaits_what_the_policy_says() {
    let awaits =
        |policy: &Policy, alert: Alert| Announcement::new("alert:m", alert, None).awaiting(policy, at(0)).alert.awaits;
    let found = awaits(&policy(), alert()).unwrap();
    assert_eq!((found.every_s, found.for_s, found.page), (120, 600, None));
    assert_eq!(found.token, TokenKey([7; 32]).token("alert:m"));

    let with = |change: &dyn Fn(&mut Repeat)| {
        let mut repeat = repeat();
        change(&mut repeat);
        Policy { repeat: Some(repeat), ..policy() }
    };
    let page = with(&|repeat| repeat.public_url = Some("https://home.example.jp/m".to_owned()));
    let page = awaits(&page, alert()).unwrap();
    assert_eq!(page.page, Some(format!("https://home.example.jp/m/ack/{}", page.token)));

    let mut wanted = alert();
    wanted.details.insert("wanted".to_owned(), Value::Bool(true));
    let mut word = alert();
    word.details.insert("wanted".to_owned(), Value::String("true".to_owned()));
    let only = with(&|repeat| repeat.wanted_only = true);
    assert!(awaits(&only, wanted).is_some());
    for (why, policy, alert) in [
        ("no table", Policy { repeat: None, ..policy() }, alert()),
        ("no key", with(&|repeat| repeat.key = None), alert()),
        ("another category", policy(), Alert { category: "order".to_owned(), ..alert() }),
        ("about no mail", policy(), Alert { received: None, ..alert() }),
        ("late", policy(), Alert { received: Some(at(-901)), ..alert() }),
        ("not wanted", only.clone(), alert()),
        ("a word that is no yes", only, word),
    ] {
        assert_eq!(awaits(&policy, alert), None, "{why}");
    }
}

fn awaiting(repeats: u32, next_at: i64) -> Awaiting {
    let alert = Announcement::new("alert:m", alert(), None).awaiting(&policy(), at(0)).alert;
    let token = alert.awaits.as_ref().unwrap().token.clone();
    Awaiting {
        told: "alert:m".to_owned(),
        token,
        message: Some(1),
        alert,
        since: at(0),
        until: at(600),
        next_at: at(next_at),
        repeats,
    }
}

fn went(channel: &str, place: u32, so_far: SoFar) -> Went {
    Went { channel: channel.to_owned(), place, so_far }
}

fn known(channels: &[(&str, bool)]) -> BTreeMap<String, bool> {
    channels.iter().map(|(name, itself)| ((*name).to_owned(), *itself)).collect()
}

/// Keys of the wishes with the seconds they are due at, when the next is due, and how often it was repeated.
fn told(again: Again) -> (Vec<(String, i64)>, i64, u32) {
    let Again::Now { wishes, next_at, repeats } = again else { panic!("{again:?}") };
    let seconds = |at: Timestamp| at.as_second() - 1_780_000_000;
    (wishes.into_iter().map(|wish| (wish.key, seconds(wish.due))).collect(), seconds(next_at), repeats)
}

#[test]
fn it_is_told_again_when_it_is_due_and_the_first_has_left() {
    use SoFar::{Accepted, Closed, Open};
    let both = known(&[("phone", false), ("mail", false)]);
    let ask = |awaiting: &Awaiting, rows: &[Went], now: i64| again(awaiting, rows, &both, &policy(), at(now));
    let left = [went("phone", 0, Accepted(at(0)))];

    assert_eq!(ask(&awaiting(0, 120), &left, 119), Again::NotYet(Some(at(120))));
    let (keys, next, repeats) = told(ask(&awaiting(0, 120), &left, 120));
    assert_eq!((keys, next, repeats), (vec![("alert:m#2:phone".to_owned(), 120)], 240, 1));
    let (keys, _, repeats) = told(ask(&awaiting(1, 240), &left, 251));
    assert_eq!((keys, repeats), (vec![("alert:m#3:phone".to_owned(), 251)], 2));
    assert_eq!(ask(&awaiting(3, 600), &left, 600), Again::Over);
    // asleep for an hour: not a row of repetitions
    assert_eq!(ask(&awaiting(1, 240), &left, 3600), Again::Over);

    // nothing left yet: it is waited for, and then for as long as lies between two
    assert_eq!(ask(&awaiting(0, 120), &[went("phone", 0, Open)], 130), Again::NotYet(None));
    assert_eq!(ask(&awaiting(0, 120), &[went("phone", 0, Closed)], 130), Again::NotYet(None));
    assert_eq!(ask(&awaiting(0, 120), &[], 130), Again::NotYet(None));
    let late = [went("phone", 0, Accepted(at(100)))];
    assert_eq!(ask(&awaiting(0, 120), &late, 130), Again::NotYet(Some(at(100 + EVERY))));
    assert_eq!(told(ask(&awaiting(0, 120), &late, 220)).2, 1);
    // a clock that was set back by a day
    let ahead = [went("phone", 0, Accepted(at(86_400)))];
    assert_eq!(told(ask(&awaiting(0, 120), &ahead, 130)).2, 1);
}

#[test]
fn it_is_told_by_the_channels_that_told_it_and_can_tell_it_again() {
    use SoFar::{Accepted, Closed, Open};
    let all = known(&[("phone", false), ("push", true), ("mail", false), ("desk", false)]);
    let keys = |rows: &[Went]| -> Vec<(String, i64)> {
        let mut keys = told(again(&awaiting(0, 120), rows, &all, &policy(), at(120))).0;
        keys.iter_mut().for_each(|(key, _)| *key = key.trim_start_matches("alert:m#2:").to_owned());
        keys
    };
    let yes = Accepted(at(0));
    let check = |what: &str, rows: &[Went], expect: &[(&str, i64)]| {
        let expect: Vec<(String, i64)> = expect.iter().map(|(name, due)| ((*name).to_owned(), *due)).collect();
        assert_eq!(keys(rows), expect, "{what}");
    };
    check("both", &[went("phone", 0, yes), went("desk", 0, yes)], &[("phone", 120), ("desk", 120)]);
    check("one repeats by itself", &[went("push", 0, yes), went("desk", 0, yes)], &[("desk", 120)]);
    check("one is gone", &[went("old", 0, yes), went("desk", 0, yes)], &[("desk", 120)]);
    check("one still has to tell it", &[went("phone", 0, Open), went("desk", 0, yes)], &[("desk", 120)]);
    check(
        "one still has to tell the last one",
        &[went("phone", 0, yes), went("desk", 0, yes), went("phone", 0, Open)],
        &[("desk", 120)],
    );
    check("one gave up", &[went("phone", 0, Closed), went("desk", 0, yes)], &[("phone", 120), ("desk", 120)]);
    check("the chain", &[went("phone", 0, yes), went("mail", 1, Closed)], &[("phone", 120), ("mail", 180)]);
    check(
        "the second took it",
        &[went("phone", 0, Open), went("mail", 1, yes), went("desk", 2, Closed)],
        &[("mail", 120), ("desk", 180)],
    );
    check(
        "one of the chain took it after all",
        &[went("push", 0, yes), went("mail", 1, yes), went("desk", 2, Closed)],
        &[("mail", 120)],
    );
    // one repeats by itself, and the chain behind it was not needed
    let chain = [went("push", 0, yes), went("mail", 1, Closed)];
    assert_eq!(told(again(&awaiting(0, 120), &chain, &all, &policy(), at(120))), (vec![], 240, 0));
    // nobody to tell: not counted, and tried again later
    let alone = again(&awaiting(0, 120), &[went("push", 0, yes)], &all, &policy(), at(120));
    assert_eq!(told(alone), (vec![], 240, 0));
}

#[test]
fn a_repetition_says_that_it_is_one_and_bears_the_same_token() {
    let rows = [went("phone", 0, SoFar::Accepted(at(0)))];
    let Again::Now { wishes, .. } = again(&awaiting(1, 240), &rows, &known(&[("phone", false)]), &policy(), at(240))
    else {
        panic!("not told")
    };
    let [wish] = wishes.as_slice() else { panic!("{wishes:?}") };
    let Effect::Alert { alert, channel } = &wish.effect else { panic!("{wish:?}") };
    assert_eq!((alert.title.as_str(), channel.as_str()), ("Again (3): Mug 1,980円", "phone"));
    assert_eq!(alert.awaits, awaiting(1, 240).alert.awaits);
    assert_eq!((wish.until, wish.dedupe.len()), (Some(at(600)), 0));
    assert_eq!(wish.turn.as_ref().map(|turn| (turn.of.as_str(), turn.place)), Some(("alert:m#3", 0)));
}

#[test]
fn as_often_as_lies_between_and_never_more() {
    // a program that looks every second, with a channel that takes everything at once
    let mut waits = awaiting(0, 120);
    let rows = [went("phone", 0, SoFar::Accepted(at(0)))];
    let mut told = Vec::new();
    for second in 0..2000 {
        let next = again(&waits, &rows, &known(&[("phone", false)]), &policy(), at(second));
        if let Again::Now { next_at, repeats, .. } = next {
            told.push(second);
            (waits.next_at, waits.repeats) = (next_at, repeats);
        }
    }
    assert_eq!(told, [120, 240, 360, 480]);
}
