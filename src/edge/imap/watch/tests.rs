//! The machine against a server that is a few lines long, in every order that a seed can make up; and, step by step,
//! what it says in each situation.

use super::talk::{Next, Start, Talk, Told, Trouble};
use crate::edge::imap::response::{Condition, Response, Seen, Status};
use crate::edge::imap::{Hot, Means, Pace};
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

fn start(next: u32, server_next: u32, exists: u32) -> Start {
    Start { next, server_next, exists, uid_validity: 7 }
}

fn mail(uid: u32) -> Response {
    Response::Fetch(Seen { uid: Some(uid), size: Some(1), body: Some(vec![b'x']), ..Seen::default() })
}

fn tagged(tag: &str, condition: Condition) -> Response {
    let status = Status { condition, code: None, text: String::new() };
    Response::Tagged { tag: tag.to_owned(), status }
}

/// The commands of a write: tag and words.
fn commands(bytes: &str) -> Vec<(String, String)> {
    let command = |line: &str| match line {
        "DONE" => (String::new(), "DONE".to_owned()),
        _ => line.split_once(' ').map(|(tag, words)| (tag.to_owned(), words.to_owned())).unwrap(),
    };
    bytes.lines().map(command).collect()
}

/// What it says now, without tags and fetch items.
fn says(talk: &mut Talk, now: Instant, hot: Option<Hot>) -> Vec<String> {
    match talk.next(now, hot).unwrap() {
        Next::Say(bytes) => commands(&bytes)
            .into_iter()
            .map(|(_, words)| words.split(" (").next().unwrap_or_default().to_owned())
            .collect(),
        Next::Wait(_) => Vec::new(),
    }
}

/// Answers the commands `from`..=`to` with OK; what was told.
fn answer(talk: &mut Talk, now: Instant, tags: std::ops::RangeInclusive<u32>) -> Vec<Told> {
    tags.flat_map(|n| talk.hear(tagged(&format!("w{n}"), Condition::Ok), now).unwrap()).collect()
}

const ALL: &str = ":4294967295";

#[test]
fn an_event_under_notify_needs_no_round_trip() {
    let now = Instant::now();
    let mut talk = Talk::new(Means::Notify, &Pace::default(), 65_536, start(5, 5, 1), now);
    assert_eq!(says(&mut talk, now, None), ["NOTIFY SET", &format!("UID FETCH 5{ALL}")]);
    assert_eq!(answer(&mut talk, now, 1..=2), [Told::Looked(5)]);
    assert_eq!(says(&mut talk, now, None), ["IDLE"]);
    talk.hear(Response::Continue, now).unwrap();
    talk.hear(Response::Exists(3), now).unwrap();
    assert!(matches!(talk.hear(mail(5), now).unwrap()[..], [Told::Mail(5, _)]), "another one is owed");
    assert!(matches!(talk.hear(mail(6), now).unwrap()[..], [Told::Mail(6, _), Told::Looked(7)]));
    assert_eq!(talk.next(now, None).unwrap(), Next::Wait(Pace::default().probe_after));
    // one that is announced and does not come is fetched
    talk.hear(Response::Exists(4), now).unwrap();
    assert_eq!(talk.next(now, None).unwrap(), Next::Wait(Duration::from_millis(200)));
    assert_eq!(says(&mut talk, now + Duration::from_millis(200), None), ["DONE", &format!("UID FETCH 7{ALL}")]);
}

#[test]
fn an_overflow_of_notify_is_answered_by_setting_it_again_and_a_look() {
    let now = Instant::now();
    let mut talk = Talk::new(Means::Notify, &Pace::default(), 65_536, start(5, 5, 1), now);
    says(&mut talk, now, None);
    answer(&mut talk, now, 1..=2);
    says(&mut talk, now, None);
    talk.hear(Response::Continue, now).unwrap();
    let overflow = super::super::response::read(b"* OK [NOTIFICATIONOVERFLOW] too many");
    talk.hear(overflow, now).unwrap();
    assert_eq!(says(&mut talk, now, None), ["DONE", "NOTIFY SET", &format!("UID FETCH 5{ALL}")]);
}

#[test]
fn what_is_refused_is_done_without() {
    let now = Instant::now();
    let mut talk = Talk::new(Means::Notify, &Pace::default(), 65_536, start(5, 5, 1), now);
    says(&mut talk, now, None);
    assert_eq!(talk.hear(tagged("w1", Condition::No), now), Err(Trouble::Without(Means::Notify)));
    let mut talk = Talk::new(Means::Idle, &Pace::default(), 65_536, start(5, 5, 1), now);
    says(&mut talk, now, None);
    answer(&mut talk, now, 1..=1);
    assert_eq!(says(&mut talk, now, None), ["IDLE"]);
    assert_eq!(talk.hear(tagged("w2", Condition::Bad), now), Err(Trouble::Without(Means::Idle)));
}

#[test]
fn a_probe_is_a_look_and_comes_however_much_the_server_chats() {
    let now = Instant::now();
    let mut talk = Talk::new(Means::Idle, &Pace::default(), 65_536, start(5, 5, 1), now);
    says(&mut talk, now, None);
    answer(&mut talk, now, 1..=1);
    says(&mut talk, now, None);
    talk.hear(Response::Continue, now).unwrap();
    let later = now + Duration::from_secs(44);
    talk.hear(super::super::response::read(b"* OK still here"), later).unwrap();
    assert_eq!(talk.next(later, None).unwrap(), Next::Wait(Duration::from_secs(1)));
    let probe = now + Duration::from_secs(45);
    assert_eq!(says(&mut talk, probe, None), ["DONE", "NOOP", &format!("UID FETCH 5{ALL}")]);
    // ten seconds for each of the first answers
    assert!(talk.next(probe + Duration::from_secs(9), None).is_ok());
    let lost = talk.next(probe + Duration::from_secs(10), None);
    assert_eq!(lost, Err(Trouble::Lost("the server no longer answers".to_owned())));
    let mut heard = Vec::new();
    heard.extend(answer(&mut talk, probe, 2..=3));
    talk.hear(mail(5), probe).unwrap();
    heard.extend(answer(&mut talk, probe, 4..=4));
    assert_eq!(heard, [Told::Looked(6)], "mail that IDLE did not tell of is found by the probe");
}

#[test]
fn in_a_hot_window_it_polls_and_afterwards_it_idles_again() {
    let now = Instant::now();
    let hot = Some(Hot { every: Duration::from_millis(20) });
    let mut talk = Talk::new(Means::Idle, &Pace::default(), 65_536, start(5, 5, 1), now);
    says(&mut talk, now, None);
    answer(&mut talk, now, 1..=1);
    says(&mut talk, now, None);
    talk.hear(Response::Continue, now).unwrap();
    let at = |ms| now + Duration::from_millis(ms);
    assert_eq!(talk.next(at(5), hot).unwrap(), Next::Wait(Duration::from_millis(15)));
    assert_eq!(says(&mut talk, at(20), hot), ["DONE", "NOOP", &format!("UID FETCH 5{ALL}")]);
    assert_eq!(answer(&mut talk, at(21), 2..=4), [], "a sign of life is told once a second");
    assert_eq!(talk.next(at(21), hot).unwrap(), Next::Wait(Duration::from_millis(20)));
    assert_eq!(says(&mut talk, at(41), hot), ["NOOP", &format!("UID FETCH 5{ALL}")]);
    answer(&mut talk, at(42), 5..=6);
    assert_eq!(says(&mut talk, at(43), None), ["IDLE"]);
}

#[test]
fn a_long_backlog_is_read_in_windows_two_at_a_time() {
    let now = Instant::now();
    let mut talk = Talk::new(Means::Idle, &Pace::default(), 65_536, start(1, 1001, 1000), now);
    assert_eq!(says(&mut talk, now, None), ["UID FETCH 1:250"]);
    assert_eq!(says(&mut talk, now, None), ["UID FETCH 251:500"]);
    assert_eq!(says(&mut talk, now, None), [""; 0], "no more than two");
    for uid in 1..=250 {
        talk.hear(mail(uid), now).unwrap();
    }
    assert_eq!(answer(&mut talk, now, 1..=1), [Told::Read(251)]);
    assert!(!talk.has_looked());
    assert_eq!(says(&mut talk, now, None), ["UID FETCH 501:750"]);
    // a window without messages moves the cursor, too; but not past an earlier one that has not ended
    assert_eq!(answer(&mut talk, now, 3..=3), []);
    assert_eq!(answer(&mut talk, now, 2..=2), [Told::Read(501), Told::Read(751)]);
    assert_eq!(says(&mut talk, now, None), [format!("UID FETCH 751{ALL}")]);
    assert!(!talk.has_looked());
    assert_eq!(answer(&mut talk, now, 4..=4), [Told::Looked(751)]);
    assert!(talk.has_looked());
}

/// A machine that was told of what lay there and waits in IDLE.
fn idling(now: Instant) -> Talk {
    let mut talk = Talk::new(Means::Idle, &Pace::default(), 65_536, start(5, 5, 1), now);
    says(&mut talk, now, None);
    answer(&mut talk, now, 1..=1);
    says(&mut talk, now, None);
    talk.hear(Response::Continue, now).unwrap();
    talk
}

#[test]
fn an_answer_that_cannot_be_read_carries_the_cursor_past_nothing() {
    let now = Instant::now();
    let mut talk = idling(now);
    talk.hear(Response::Exists(4), now).unwrap();
    assert_eq!(says(&mut talk, now, None), ["DONE", &format!("UID FETCH 5{ALL}")]);
    answer(&mut talk, now, 2..=2);
    assert!(matches!(talk.hear(mail(5), now).unwrap()[..], [Told::Mail(5, _)]));
    talk.hear(Response::Unreadable, now).unwrap();
    assert!(matches!(talk.hear(mail(7), now).unwrap()[..], [Told::Mail(7, _)]), "what can be read is told");
    let ended = talk.hear(tagged("w3", Condition::Ok), now);
    assert!(matches!(&ended, Err(Trouble::Lost(why)) if why.contains("cannot be read")), "{ended:?}");
}

#[test]
fn a_server_that_always_calls_is_looked_at_once_a_second() {
    let now = Instant::now();
    let mut talk = idling(now);
    let (mut first, mut last, mut looks) = (2, 3, 0);
    for _ in 0..20 {
        talk.hear(Response::Exists(1), now).unwrap();
        if says(&mut talk, now, None).is_empty() {
            break;
        }
        looks += 1;
        answer(&mut talk, now, first..=last);
        (first, last) = (last + 1, last + 1);
    }
    assert_eq!(looks, 3);
    assert_eq!(talk.next(now, None).unwrap(), Next::Wait(Duration::from_secs(1)));
    assert_eq!(says(&mut talk, now + Duration::from_secs(1), None), [format!("UID FETCH 5{ALL}")]);
}

#[test]
fn what_is_refused_together_is_asked_for_one_by_one() {
    let now = Instant::now();
    let mut talk = idling(now);
    let listed = |uid| Response::Fetch(Seen { uid: Some(uid), size: Some(1), ..Seen::default() });
    talk.hear(Response::Exists(3), now).unwrap();
    says(&mut talk, now, None);
    answer(&mut talk, now, 2..=2);
    talk.hear(listed(5), now).unwrap();
    talk.hear(listed(6), now).unwrap();
    assert_eq!(answer(&mut talk, now, 3..=3), []);
    assert_eq!(says(&mut talk, now, None), ["UID FETCH 5:6", &format!("UID FETCH 7{ALL}")]);
    assert_eq!(talk.hear(tagged("w4", Condition::Bad), now).unwrap(), []);
    assert_eq!(answer(&mut talk, now, 5..=5), []);
    assert_eq!(says(&mut talk, now, None), ["UID FETCH 5", &format!("UID FETCH 7{ALL}")]);
    talk.hear(mail(5), now).unwrap();
    answer(&mut talk, now, 6..=7);
    assert_eq!(says(&mut talk, now, None), ["UID FETCH 6", &format!("UID FETCH 7{ALL}")]);
    assert_eq!(talk.hear(tagged("w8", Condition::No), now).unwrap(), [Told::Unfetched(6)]);
    assert_eq!(answer(&mut talk, now, 9..=9), [Told::Looked(7)]);
}

#[test]
fn our_own_time_is_not_the_servers_silence() {
    let now = Instant::now();
    let mut talk = idling(now);
    talk.hear(Response::Exists(2), now).unwrap();
    says(&mut talk, now, None);
    let later = now + Duration::from_secs(300);
    talk.go_on(later);
    assert!(talk.next(later, None).is_ok());
    assert!(talk.next(later + Duration::from_secs(10), None).is_err());
}

/// A server's side of one connection: its commands are carried out one after the other, news is told when it may be.
#[derive(Default)]
struct Model {
    /// As Dovecot: what is new is announced when no command waits, and a fetch behind a NOOP does not see it.
    lazy: bool,
    /// UIDs that lie there, and those that the session knows, by their numbers.
    there: Vec<u32>,
    known: Vec<u32>,
    next: u32,
    commands: VecDeque<(String, String)>,
    idling: Option<String>,
    /// Responses on their way.
    wire: VecDeque<Response>,
    notified: bool,
}

impl Model {
    /// News that the session may be told now.
    fn news(&mut self) {
        while let Some(at) = self.known.iter().position(|uid| !self.there.contains(uid)) {
            self.known.remove(at);
            self.wire.push_back(Response::Expunge);
        }
        let new: Vec<u32> = self.there.iter().copied().filter(|uid| !self.known.contains(uid)).collect();
        if new.is_empty() {
            return;
        }
        self.known.extend(&new);
        self.wire.push_back(Response::Exists(self.known.len() as u32));
        if self.notified {
            self.wire.extend(new.into_iter().map(mail));
        }
    }

    /// One step of its own.
    fn step(&mut self) {
        if let Some(tag) = &self.idling {
            match self.commands.front() {
                Some((_, done)) if done == "DONE" => {
                    self.wire.push_back(tagged(tag, Condition::Ok));
                    self.idling = None;
                    self.commands.pop_front();
                }
                _ => self.news(),
            }
            return;
        }
        let Some((tag, words)) = self.commands.pop_front() else { return };
        if words == "IDLE" {
            self.wire.push_back(Response::Continue);
            self.idling = Some(tag);
            return;
        }
        if words.starts_with("NOTIFY") {
            self.notified = true;
        } else if words == "NOOP" {
            if self.lazy && self.commands.front().is_some_and(|(_, next)| next.starts_with("UID FETCH")) {
                let (next, words) = self.commands.pop_front().unwrap();
                self.fetch(&words);
                self.news();
                self.wire.push_back(tagged(&tag, Condition::Ok));
                self.wire.push_back(tagged(&next, Condition::Ok));
                return;
            }
            self.news();
        } else {
            self.fetch(&words);
        }
        self.wire.push_back(tagged(&tag, Condition::Ok));
    }

    fn fetch(&mut self, words: &str) {
        if let Some(rest) = words.strip_prefix("UID FETCH ") {
            let set = rest.split(' ').next().unwrap();
            for part in set.split(',') {
                let (first, last) = part.split_once(':').unwrap_or((part, part));
                let (first, last): (u32, u32) = (first.parse().unwrap(), last.parse().unwrap());
                // what came since the session was last told is not seen by a fetch
                let known: Vec<u32> = self.known.iter().copied().filter(|uid| self.there.contains(uid)).collect();
                self.wire.extend(known.into_iter().filter(|uid| (first..=last).contains(uid)).map(mail));
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Deliver,
    Remove(usize),
    Server,
    Client,
    Hear(usize),
    Double,
    Time(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => Just(Act::Deliver),
        1 => any::<usize>().prop_map(Act::Remove),
        5 => Just(Act::Server),
        4 => Just(Act::Client),
        4 => (1..8_usize).prop_map(Act::Hear),
        1 => Just(Act::Double),
        2 => (0..50_000_u64).prop_map(Act::Time),
    ]
}

/// The machine, the server, and what was told.
struct Play {
    talk: Talk,
    model: Model,
    now: Instant,
    hot: Option<Hot>,
    told: BTreeMap<u32, usize>,
    looked: u32,
    removed: Vec<u32>,
}

impl Play {
    fn client(&mut self) {
        if let Next::Say(bytes) = self.talk.next(self.now, self.hot).unwrap() {
            self.model.commands.extend(commands(&bytes));
        }
    }

    fn hear(&mut self) {
        let Some(response) = self.model.wire.pop_front() else { return };
        for told in self.talk.hear(response, self.now).unwrap() {
            match told {
                Told::Mail(uid, _) => *self.told.entry(uid).or_default() += 1,
                Told::Looked(next) | Told::Read(next) => {
                    self.looked = next;
                    for uid in 1..next {
                        let gone = self.removed.contains(&uid);
                        assert!(gone || self.told.contains_key(&uid), "the cursor passed {uid}, which was not told");
                    }
                }
                Told::Unfetched(uid) => panic!("{uid} is there"),
                Told::Alive => {}
            }
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Deliver => {
                self.model.next += 1;
                let uid = self.model.next;
                self.model.there.push(uid);
            }
            Act::Remove(at) if !self.model.there.is_empty() => {
                let uid = self.model.there.remove(at % self.model.there.len());
                self.removed.push(uid);
            }
            Act::Server => self.model.step(),
            Act::Client => self.client(),
            Act::Hear(count) => (0..count).for_each(|_| self.hear()),
            // an untagged answer that is said twice
            Act::Double => {
                if let Some(first @ (Response::Exists(_) | Response::Fetch(_))) = self.model.wire.front().cloned() {
                    self.model.wire.push_front(first);
                }
            }
            Act::Time(ms) => {
                // a server that answers in time is not lost: only waiting is made longer
                if self.model.wire.is_empty() && self.model.commands.is_empty() && self.model.idling.is_some() {
                    self.now += Duration::from_millis(ms);
                }
            }
            Act::Remove(_) => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_comes_between_each_mail_is_told_once_and_none_is_passed(
        means in prop_oneof![Just(Means::Notify), Just(Means::Idle), Just(Means::Poll)],
        hot in any::<bool>(),
        lazy in any::<bool>(),
        first in 0..600_u32,
        acts in prop::collection::vec(act(), 0..300),
    ) {
        let now = Instant::now();
        let there: Vec<u32> = (1..=first).collect();
        let model = Model { lazy, known: there.clone(), there, next: first, ..Model::default() };
        let talk = Talk::new(means, &Pace::default(), 65_536, start(1, first + 1, first), now);
        let hot = hot.then_some(Hot { every: Duration::from_millis(20) });
        let mut play =
            Play { talk, model, now, hot, told: BTreeMap::new(), looked: 1, removed: Vec::new() };
        for act in acts {
            play.act(act);
        }
        // then nothing more comes: everything is told within one probe and the looks that follow
        for _ in 0..60 {
            for _ in 0..5000 {
                play.client();
                play.model.step();
                if play.model.wire.is_empty() && play.model.commands.is_empty() {
                    break;
                }
                (0..50).for_each(|_| play.hear());
            }
            play.now += Duration::from_secs(1);
        }
        for uid in &play.model.there {
            prop_assert_eq!(play.told.get(uid), Some(&1), "mail {}", uid);
        }
        prop_assert!(play.told.values().all(|times| *times == 1), "told twice: {:?}", play.told);
        prop_assert!(play.looked >= play.model.there.last().map_or(1, |last| last + 1));
    }
}
