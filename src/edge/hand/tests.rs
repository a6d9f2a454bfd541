//! The hand with real files and servers in memory: each effect once, whatever was cut off.

use super::*;
use crate::edge::Advice;
use crate::edge::out::{Accepted, Deliver, Delivery, OutError};
use crate::edge::store::{Db, Settled, Settling, State};
use crate::mailbox::{MailKey, Place};
use crate::plan::{Alert, Effect, Step, Wish};
use crate::rules::Verdict;

/// A channel that answers from a list, and remembers what it was given.
struct Scripted {
    answers: Mutex<Vec<Result<(), Advice>>>,
    given: Mutex<Vec<(String, Timestamp)>>,
    clock: Clock,
}

impl Deliver for Scripted {
    fn deliver<'a>(&'a self, _alert: &'a Alert, key: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            self.given.lock().unwrap().push((key.to_owned(), self.clock.now()));
            let answer = self.answers.lock().unwrap().pop().unwrap_or(Ok(()));
            answer.map(|()| Accepted::default()).map_err(|advice| OutError { what: "scripted".to_owned(), advice })
        })
    }
}

fn start() -> Timestamp {
    Timestamp::from_second(1_780_000_000).unwrap()
}

fn mail_with_alert(name: &str) -> Settling {
    let wish = Wish {
        key: format!("alert:phone:{name}"),
        effect: Effect::Alert { channel: "phone".into(), alert: Alert::default() },
        due: start(),
        until: Some(start() + SignedDuration::from_secs(600)),
        dedupe: Vec::new(),
        after: Vec::new(),
        turn: None,
    };
    Settling {
        place: Place { account: "a".into(), mailbox: "INBOX".into(), uid_validity: 1, uid: 1 },
        key: MailKey::of(name.as_bytes()),
        received: start(),
        size: 1,
        message_id: None,
        verdict: Verdict::default(),
        step: Step { plan: vec![wish], ..Step::default() },
        poison: None,
    }
}

struct Desk1 {
    hand: Hand,
    channel: Arc<Scripted>,
    store: Store,
}

fn desk(answers: &[Result<(), Advice>]) -> Desk1 {
    let clock = Clock::simulated(start());
    let store = Store::inline(Arc::new(Mutex::new(Db::in_memory().unwrap())));
    let answers = Mutex::new(answers.iter().rev().copied().collect());
    let channel = Arc::new(Scripted { answers, given: Mutex::default(), clock: clock.clone() });
    let channels = BTreeMap::from([("phone".to_owned(), Arc::clone(&channel) as Channel)]);
    let hand = Hand::new(store.clone(), clock, channels, []);
    Desk1 { hand, channel, store }
}

async fn settle(desk: &Desk1, hand: bool) {
    let settled = desk.store.call(move |db| db.settle(&[mail_with_alert("m")], hand, start())).await.unwrap();
    let Settled::New { alerts } = settled.into_iter().next().unwrap() else { panic!("known") };
    desk.hand.wake(alerts);
}

async fn state(desk: &Desk1) -> State {
    desk.store.call(|db| Ok(db.outbox()?.remove(0).state)).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_alert_under_way_leaves_at_once() {
    let desk = desk(&[]);
    settle(&desk, true).await;
    desk.hand.work_until_idle().await.unwrap();
    assert_eq!(state(&desk).await, State::Done);
    assert_eq!(desk.channel.given.lock().unwrap().as_slice(), [("alert:phone:m".to_owned(), start())]);
}

#[tokio::test(start_paused = true)]
async fn an_alert_of_another_process_is_found() {
    let desk = desk(&[]);
    settle(&desk, false).await;
    desk.hand.work_until_idle().await.unwrap();
    assert_eq!(state(&desk).await, State::Done);
}

#[tokio::test(start_paused = true)]
async fn attempts_are_repeated_with_the_same_key_and_growing_waits() {
    let desk = desk(&[Err(Advice::Again(None)), Err(Advice::Unknown), Err(Advice::Again(None)), Ok(())]);
    settle(&desk, true).await;
    let _ = tokio::time::timeout(Duration::from_secs(30), desk.hand.work()).await;
    assert_eq!(state(&desk).await, State::Done);
    let given = desk.channel.given.lock().unwrap();
    assert!(given.iter().all(|(key, _)| key == "alert:phone:m"));
    let waits: Vec<i128> = given.windows(2).map(|pair| pair[1].1.duration_since(pair[0].1).as_millis()).collect();
    // each cut by up to a half, and found within a moment
    for (wait, whole) in waits.iter().zip([1000, 2000, 4000]) {
        assert!((whole / 2..=whole + 50).contains(wait), "{waits:?}");
    }
    assert_eq!(waits.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_alert_is_given_up_when_its_time_is_up_and_what_never_works_fails() {
    let refused = vec![Err(Advice::Again(None)); 100];
    let desk1 = desk(&refused);
    settle(&desk1, true).await;
    let _ = tokio::time::timeout(Duration::from_secs(3600), desk1.hand.work()).await;
    assert_eq!(state(&desk1).await, State::Dropped);
    let desk2 = desk(&[Err(Advice::Never)]);
    settle(&desk2, true).await;
    desk2.hand.work_until_idle().await.unwrap();
    assert_eq!(state(&desk2).await, State::Failed);
}

#[tokio::test(start_paused = true)]
async fn what_was_cut_off_is_sent_again_after_a_start() {
    let desk = desk(&[]);
    // settled as under way, and then the program ended
    desk.store.call(|db| db.settle(&[mail_with_alert("m")], true, start())).await.unwrap();
    desk.hand.recover().await.unwrap();
    desk.hand.work_until_idle().await.unwrap();
    assert_eq!(state(&desk).await, State::Done);
    assert_eq!(desk.channel.given.lock().unwrap().len(), 1);
}

#[test]
fn one_process_holds_the_hand() {
    let folder = tempfile::tempdir().unwrap();
    let held = HandLock::take(folder.path()).unwrap();
    let refused = HandLock::take(folder.path()).unwrap_err().to_string();
    assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
    drop(held);
    HandLock::take(folder.path()).unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_alert_that_leaves_late_says_so_and_one_in_time_does_not() {
    let desk = desk(&[]);
    let said = |seconds: i64, body: &str| {
        let alert = Alert { body: body.to_owned(), received: Some(start()), ..Alert::default() };
        let hand = desk.hand.clone().saying(&Wording::default(), Language::En);
        hand.as_late_as_it_is(alert, start() + SignedDuration::from_secs(seconds)).body
    };
    assert_eq!(said(59, "Back in stock\nReceived"), "Back in stock\nReceived");
    let late = said(719, "Back in stock\nReceived");
    let lines: Vec<&str> = late.lines().collect();
    assert!(lines.len() == 3 && lines[1].starts_with("⏱ This alert is 11 min late (received "), "{late}");
    assert!(said(90_000, "").starts_with("⏱ This alert is 25 hours late"));
    let never = Alert { body: "x".to_owned(), ..Alert::default() };
    assert_eq!(desk.hand.as_late_as_it_is(never, Timestamp::MAX).body, "x", "about no mail");
}
