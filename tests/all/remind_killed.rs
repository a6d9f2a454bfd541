//! The real program, killed at any moment around a reminder whose channels hang, cut and refuse: it is told, under one
//! key, and not again.

use super::support::embedded::Embedded;
use super::support::http::{Answer, Http};
use super::support::run::until;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const ORDER: &str = "399999-20261120-0123456789";

/// A day so many days from now, in Tokyo.
fn day(days: i64) -> String {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
    modori::calendar::civil(at).strftime("%Y-%m-%d").to_string()
}

#[test]
fn a_reminder_is_told_under_one_key_however_often_the_watch_is_killed() {
    let embedded = Embedded::start();
    let (good, dead) = (Http::start(), Http::start());
    let channels = format!(
        "[alerts]\nchannels = [\"good\", \"dead\"]\n\
         [channel.good]\nkind = \"webhook\"\nurl = \"{}\"\ntimeout = \"1s\"\n\
         [channel.dead]\nkind = \"webhook\"\nurl = \"{}\"\ntimeout = \"1s\"\n",
        good.url("/"),
        dead.url("/")
    );
    dead.answer(10_000, Answer::Hang);
    for answer in [Answer::Hang, Answer::Cut, Answer::Status(500), Answer::Hang] {
        good.answer(1, answer);
    }
    let home = embedded.home("", &channels);
    // points that end tomorrow, known since yesterday: told at the next start, and at no hour of the day it is time to ask
    home.ok(&["confirm", ORDER, "--points", "500", "--expires", &day(1), "--at", &day(-1)]);
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut struck = 0;
    for _ in 0..30 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let moment = Duration::from_millis(40 + seed % 700);
        let begun = Instant::now();
        let mut watch = home.start(&["watch"]);
        while begun.elapsed() < moment {
            assert_eq!(watch.ended(), None, "{}", home.log());
            std::thread::sleep(Duration::from_millis(2));
        }
        struck += usize::from(good.requests().iter().all(|request| request.answered != 200));
        watch.kill();
    }
    let watch = home.watch(home.log().matches("watching").count() + 1);
    until("the reminder is accepted", || {
        home.ok(&["history", "--format", "json"]).lines().any(|line| line.contains("\"done\""))
    });
    assert_eq!(watch.terminate(), Some(0));
    let heard = good.requests();
    let keys: BTreeSet<&str> = heard.iter().map(|request| request.headers["idempotency-key"].as_str()).collect();
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert!(keys.first().unwrap().contains(ORDER), "{keys:?}");
    assert!(heard.iter().any(|request| request.answered == 200));
    // the dead channel held up nothing, and is still tried
    assert!(dead.requests().len() > 1);
    // once written down, never again
    let watch = home.watch(home.log().matches("watching").count() + 1);
    let tried = dead.requests().len();
    until("the dead channel is tried again", || dead.requests().len() > tried);
    watch.kill();
    assert_eq!(good.requests().len(), heard.len());
    println!("killed {struck} times before the first answer, {} requests", heard.len());
    assert!(struck > 0);
}
