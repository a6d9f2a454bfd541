//! One storm from its seed to its end: lives of the program one after the other, then the calm, then the oracle.

use super::mails::{RESTOCK, letters, number, start};
use super::oracle;
use super::schedule::Schedule;
use super::weather::{Struck, Weather};
use super::world::World;
use crate::support::cut::Cut;
use modori::demo::Gap;
use modori::mailbox::MailKey;
use modori::planted::{self, Bug};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// So long may the program take to come to rest after the storm: a refused login is waited out for an hour.
const REST: Duration = Duration::from_secs(4 * 3600);
/// So long the program is looked at when it has come to rest.
const QUIET: Duration = Duration::from_secs(10);
/// After a mail came to a watched mailbox, so long at most until it is told: a poll, or half-open and found out.
const PROMPT: Duration = Duration::from_secs(7);
/// So long is waited for the next IDLE.
const AWKWARD: Duration = Duration::from_secs(25);
/// Wake-ups of the whole program in a second of rest, at most.
const WAKE_UPS: usize = 30;
/// Wake-ups of one life, at most: more is a loop that never waits, and no clock would end it.
const ENDLESS: usize = 60_000;

/// A bug for the oracle to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    Bug(Bug),
    /// UID EXPUNGE loses its UIDs on the wire.
    UnscopedExpunge,
}

/// What became of one seed.
pub struct Storm {
    pub seed: u64,
    pub schedule: Schedule,
    pub struck: Struck,
    pub wrong: Vec<String>,
    pub trace: Vec<String>,
    /// Lives of the program, wake-ups of all of them, and seconds of simulated time.
    pub lives: usize,
    pub wake_ups: usize,
    pub seconds: i64,
    pub mails: usize,
    /// For each life, the alerts that were written down as told when it ended.
    pub written: Vec<BTreeSet<String>>,
    pub given_up: BTreeSet<MailKey>,
}

/// How far the end of a storm is.
#[derive(Default)]
struct Stage(AtomicUsize);

/// What the last life is asked: to come to rest, to tell of a mail, to tell of another at once, and then to be quiet.
async fn script(weather: &Weather, stage: &Stage, used: &Mutex<usize>, wrong: &Mutex<Vec<String>>) {
    let world = &weather.world;
    loop {
        match stage.0.load(Ordering::Relaxed) {
            0 if weather.is_calm() && rested(world) => {
                world.note("at rest; a mail comes");
                world.deliver(number(RESTOCK, 8), "INBOX", &[]);
                stage.0.store(1, Ordering::Relaxed);
            }
            1 if rested(world) => {
                world.note("at rest; another mail comes");
                come_awkwardly(weather).await;
                tokio::time::sleep(PROMPT).await;
                let alert = letters()[number(RESTOCK, 9)].alerts.first().cloned().unwrap_or_default();
                if !world.phone.rung().iter().any(|ring| ring.key == alert) {
                    wrong.lock().unwrap().push("the mailbox is not watched again".to_owned());
                }
                stage.0.store(2, Ordering::Relaxed);
            }
            2 if rested(world) => {
                let (before, connections) = (*used.lock().unwrap(), world.server.connections().0);
                tokio::time::sleep(QUIET).await;
                let wake_ups = *used.lock().unwrap() - before;
                if wake_ups > WAKE_UPS * QUIET.as_secs() as usize {
                    wrong.lock().unwrap().push(format!("{wake_ups} wake-ups in {QUIET:?} of rest"));
                }
                let opened = world.server.connections().0 - connections;
                if opened > 2 {
                    wrong.lock().unwrap().push(format!("{opened} connections were opened in {QUIET:?} of rest"));
                }
                return;
            }
            _ => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
}

/// A mail comes when it is easiest missed: on a server with IDLE, between the command and its `+`.
async fn come_awkwardly(weather: &Weather) {
    let world = weather.world.clone();
    let came = Arc::new(tokio::sync::Notify::new());
    let (there, coming) = (world.clone(), Arc::clone(&came));
    let come = move || {
        there.deliver(number(RESTOCK, 9), "INBOX", &[]);
        coming.notify_one();
    };
    if world.server.offers("IDLE") {
        world.server.lie_in_wait("IDLE", Gap::Before, come);
        // it waits in IDLE again after a probe at the latest; or it was refused IDLE, and asks
        if tokio::time::timeout(AWKWARD, came.notified()).await.is_err() {
            world.server.clear_faults();
            world.deliver(number(RESTOCK, 9), "INBOX", &[]);
        }
    } else {
        come();
    }
}

/// Everything that came was seen, and nothing is left to do.
fn rested(world: &World) -> bool {
    let db = world.db.lock().unwrap();
    let last = world.server.mailboxes()["INBOX"].last().map_or(0, |message| message.uid);
    let cursor = db.cursor(super::world::ACCOUNT, "INBOX").unwrap();
    let read = cursor.is_some_and(|cursor| {
        world.server.uid_validity("INBOX") == Some(cursor.uid_validity) && cursor.next_uid > last
    });
    read && db.open_rows().unwrap() == 0
}

pub fn run(seed: u64, planted: Option<Planted>) -> Storm {
    let bug = match planted {
        Some(Planted::Bug(bug)) => Some(bug),
        _ => None,
    };
    letters();
    planted::plant(bug);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let storm = runtime.block_on(rage(seed, planted == Some(Planted::UnscopedExpunge)));
    planted::plant(None);
    storm
}

async fn rage(seed: u64, meddled: bool) -> Storm {
    let mut schedule = Schedule::of(seed);
    let weather = Weather::over_world(World::new(&schedule, meddled));
    let world = weather.world.clone();
    weather.prepare(&mut schedule);
    let raging = {
        let (weather, schedule) = (weather.clone(), schedule.clone());
        tokio::spawn(async move { weather.rage(&schedule).await })
    };
    let used = Arc::new(Mutex::new(0));
    let wrong = Mutex::new(vec![]);
    let stage = Stage::default();
    let mut written: Vec<BTreeSet<String>> = vec![];
    let began = tokio::time::Instant::now();
    let lives = async {
        for life in 0.. {
            world.phone.new_life(life);
            let left = if weather.is_calm() { None } else { schedule.lives.get(life).copied() };
            world.note(format_args!("life {life} begins{}", if left.is_some() { ", and will not last" } else { "" }));
            let engine = world.engine();
            let ended = Mutex::new(None);
            let all = async {
                let result = engine.watch(script(&weather, &stage, &used, &wrong)).await;
                *ended.lock().unwrap() = Some(result);
            };
            Cut { inner: Box::pin(all), left: left.unwrap_or(ENDLESS), used: Arc::clone(&used) }.await;
            let rows = world.db.lock().unwrap().outbox().unwrap();
            let done = rows.into_iter().filter(|row| row.state == modori::edge::store::State::Done);
            written.push(done.map(|row| row.key).collect());
            match ended.into_inner().unwrap() {
                Some(Ok(())) => return,
                Some(Err(error)) => world.note(format_args!("life {life} ended: {error}")),
                None if left.is_none() => {
                    wrong.lock().unwrap().push(format!("more than {ENDLESS} wake-ups in one life"));
                    return;
                }
                None => {
                    weather.count("death of the program");
                    world.note(format_args!("life {life} died"));
                }
            }
            tokio::time::sleep(schedule.down_for + Duration::from_millis(100)).await;
        }
    };
    if tokio::time::timeout(REST, lives).await.is_err() {
        wrong.lock().unwrap().push(format!("does not come to rest within {REST:?}"));
    }
    raging.abort();
    world.server.clear_faults();
    let seconds = began.elapsed().as_secs() as i64;
    let mut storm = Storm {
        seed,
        struck: weather.tally(&schedule),
        wrong: wrong.into_inner().unwrap(),
        trace: vec![],
        lives: written.len(),
        wake_ups: *used.lock().unwrap(),
        seconds,
        mails: world.messages.lock().unwrap().len(),
        written,
        given_up: oracle::given_up(&weather),
        schedule,
    };
    if storm.wrong.is_empty() {
        storm.wrong = oracle::judge(&weather, &storm);
    }
    // no hammering, whatever happens: each fault and each life may cost some connections, and each hour of waiting some
    let connections = world.server.connections().0;
    let faults: u64 = storm.struck.values().sum();
    let most = 20 + 3 * (faults + storm.lives as u64) + 200 * (1 + seconds as u64 / 3600);
    if connections > most {
        storm.wrong.push(format!("{connections} connections, more than {most}"));
    }
    storm.trace = std::mem::take(&mut *world.trace.lock().unwrap());
    storm.trace.push(format!("{connections} connections, {} wake-ups, {seconds} s since {}", storm.wake_ups, start()));
    storm.trace.extend(world.server.commands());
    let rows = world.db.lock().unwrap().outbox().unwrap();
    storm.trace.extend(
        rows.iter().map(|row| {
            format!("{} {} of {:?}: {}, {:?}", row.id, row.key, row.message, row.state.word(), row.last_error)
        }),
    );
    storm.trace.extend(world.phone.rung().iter().map(|ring| format!("{ring:?}")));
    storm
}
