//! The program is cut off after every single wake-up and started again: every planned repetition leaves, none but those,
//! and none after an acknowledgement was written down.

use super::world::{FOLDER, Phone, SEEN, World};
use crate::support::cut::Cut;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How the shopper answers.
#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Never,
    /// Through the channel, after so many tellings.
    Channel(usize),
    /// By opening the mail, at this second.
    Opening(i64),
}

/// How often each telling left, by its number; by what it was acknowledged; how often the other channel was told; and the
/// wake-ups of the first life.
type Truth = (BTreeMap<String, usize>, Option<String>, usize);

fn run(wake_ups: usize, answer: Answer, every_s: u32, for_s: u32) -> (Truth, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut world = World::new();
        (world.repeat.every_s, world.repeat.for_s) = (every_s, for_s);
        let hears = Phone { hears: Some(Duration::from_millis(700)), ..Phone::default() };
        world.phones.insert("phone".to_owned(), Arc::new(hears));
        world.phones.insert("push".to_owned(), Arc::new(Phone { itself: true, ..Phone::default() }));
        world.deliver("mug");
        let shopper = world.clone();
        tokio::spawn(async move {
            match answer {
                Answer::Never => {}
                Answer::Channel(times) => {
                    let tellings = || {
                        let told = shopper.phone().told.lock().unwrap();
                        told.iter().map(|(key, ..)| key.clone()).collect::<BTreeSet<_>>().len()
                    };
                    shopper.until("it was told", || tellings() >= times).await;
                    let token = modori::plan::answer::TokenKey([7; 32]).token(&told(&shopper));
                    shopper.phone().answers.lock().unwrap().push(token);
                }
                Answer::Opening(second) => {
                    shopper.at(second).await;
                    let uid = shopper.server.mailboxes()[FOLDER][0].uid;
                    shopper.server.flag(FOLDER, uid, SEEN, true);
                }
            }
        });
        let used = Arc::new(Mutex::new(0));
        {
            let engine = world.engine();
            let life = async { engine.watch(at_rest(&world)).await.unwrap() };
            Cut { inner: Box::pin(life), left: wake_ups, used: Arc::clone(&used) }.await;
        }
        let engine = world.engine();
        let finished = tokio::time::timeout(Duration::from_secs(24 * 3600), engine.watch(at_rest(&world))).await;
        finished.expect("the second life does not come to rest").unwrap();
        assert_eq!(world.phone().too_late.lock().unwrap().clone(), [""; 0], "cut after {wake_ups}");
        let mut times = BTreeMap::new();
        for (key, _, _) in world.phone().told.lock().unwrap().iter() {
            let number = key.split_once('#').map_or("1", |(_, rest)| rest.trim_end_matches(":phone"));
            *times.entry(number.to_owned()).or_default() += 1;
        }
        let withdrawn = world.phones["push"].withdrawn.lock().unwrap().len();
        let used = *used.lock().unwrap();
        ((times, world.by().await, withdrawn), used)
    })
}

/// The name of what was told.
fn told(world: &World) -> String {
    let told = world.phone().told.lock().unwrap();
    let key = told[0].0.trim_end_matches(":phone");
    key.split('#').next().unwrap().to_owned()
}

/// Nothing awaits, waits or is to be withdrawn any more.
async fn at_rest(world: &World) {
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = world.clock.now();
        let rest = world.store.call(move |db| {
            let known: u32 = db.counts()?.iter().map(|(_, count)| *count).sum();
            Ok(known == 1 && db.awaiting(now)?.is_empty() && db.open_rows()? == 0 && db.to_withdraw()?.is_empty())
        });
        if rest.await.unwrap() {
            return;
        }
    }
}

fn every_cut(answer: Answer, every_s: u32, for_s: u32, planned: &[&str], by: Option<&str>) {
    let (uncut, all) = run(usize::MAX, answer, every_s, for_s);
    let once: BTreeMap<String, usize> = planned.iter().map(|number| ((*number).to_owned(), 1)).collect();
    assert_eq!(uncut, (once, by.map(str::to_owned), usize::from(by.is_some())));
    assert!(all > 50, "the story has only {all} wake-ups");
    for wake_ups in 0..all {
        let ((times, answered, withdrawn), _) = run(wake_ups, answer, every_s, for_s);
        let told: Vec<&str> = times.keys().map(String::as_str).collect();
        assert_eq!((told.as_slice(), answered.as_deref()), (planned, by), "cut after {wake_ups} of {all} wake-ups");
        // one that was under way is handed over again, under the same key
        assert!(times.values().sum::<usize>() <= planned.len() + 1, "{times:?}, cut after {wake_ups}");
        assert!((1..=2).contains(&withdrawn) || by.is_none(), "withdrawn {withdrawn} times, cut after {wake_ups}");
    }
    println!("cut after each of {all} wake-ups");
}

#[test]
fn wherever_the_program_is_cut_it_is_told_as_often_as_planned() {
    every_cut(Answer::Never, 4, 14, &["1", "2", "3", "4"], None);
}

#[test]
fn wherever_the_program_is_cut_an_answer_through_the_channel_ends_it() {
    every_cut(Answer::Channel(2), 4, 14, &["1", "2"], Some("channel:phone"));
}

#[test]
fn wherever_the_program_is_cut_opening_the_mail_ends_it() {
    every_cut(Answer::Opening(3), 18, 40, &["1"], Some("opened"));
}
