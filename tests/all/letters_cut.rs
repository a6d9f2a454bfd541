//! The program is cut off after every single wake-up between a letter's wish and its end: one draft, a letter at most
//! once, one copy of what was sent, and the shopper knows whatever nobody else can.

use super::support::cut::Cut;
use super::support::letters::{World, draft, send, simulated};
use modori::demo::Fault;
use modori::edge::Advice;
use modori::edge::store::State;
use modori::plan::on_letter;
use modori::planted::{Bug, plant};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What is odd about the world of this run.
#[derive(Clone, Copy, Debug)]
struct Oddity {
    withdrawn: &'static [&'static str],
    /// The answer to the first APPEND is lost.
    loses_append: bool,
    /// How the mail server answers first.
    answers: &'static [Advice],
}

/// What was counted at the end, and how many wake-ups the first life had.
struct Counted {
    drafts: usize,
    sent: usize,
    copies: usize,
    /// The letter's place in Drafts, when it was not sent.
    instead: usize,
    state: State,
    asked: usize,
    used: usize,
}

fn run(wake_ups: usize, odd: Oddity) -> Counted {
    simulated(async move {
        let world = World::giving_way();
        odd.withdrawn.iter().for_each(|word| world.server.withdraw(word));
        if odd.loses_append {
            world.server.fault("APPEND", Fault::LoseAnswer);
        }
        world.shop.answers.lock().unwrap().extend(odd.answers.iter().copied());
        world.wished(vec![draft("d"), send("s")]).await;
        let used = Arc::new(Mutex::new(0));
        {
            let engine = world.engine();
            let life = async { engine.watch(world.at_rest()).await.unwrap() };
            Cut { inner: Box::pin(life), left: wake_ups, used: Arc::clone(&used) }.await;
        }
        world.live().await;
        let state = world.row("send:s").await.state;
        if state == State::Unknown {
            // she looks, and says that it was not sent: it is hers then
            let now = world.clock.now();
            let unknown = world.store.call(|db| db.unknown_letters()).await.unwrap().remove(0);
            let wish = on_letter::drafted(unknown.id, &unknown.letter, now);
            let settle = move |db: &mut modori::edge::store::Db| {
                db.letter_ended(unknown.id, State::Dropped, None, &[wish], false, now)
            };
            world.store.call(settle).await.unwrap();
            world.live().await;
        }
        world.live_for(Duration::from_secs(600)).await;
        let asked = world.alerts().get("letter:unknown:modori.s@example.jp:2:phone").copied().unwrap_or(0);
        let sent = world.shop.taken.lock().unwrap().len();
        let used = *used.lock().unwrap();
        Counted {
            drafts: world.lie("Entwürfe", "d"),
            sent,
            copies: world.lie("Gesendet", "s"),
            instead: world.lie("Entwürfe", "s"),
            state,
            asked,
            used,
        }
    })
}

/// What is wrong with a run, if anything is.
fn wrong(counted: &Counted) -> Option<String> {
    let Counted { drafts, sent, copies, instead, state, asked, .. } = *counted;
    let right = drafts == 1
        && sent <= 1
        && match state {
            State::Done => sent == 1 && copies == 1 && instead == 0 && asked == 0,
            // told at least once, and by one channel under one key
            State::Unknown => copies == 0 && instead == 1 && (1..=2).contains(&asked),
            State::Failed => sent == 0 && copies == 0 && instead == 1,
            _ => false,
        };
    (!right)
        .then(|| format!("drafts {drafts}, sent {sent}, copies {copies}, instead {instead}, {state:?}, asked {asked}"))
}

fn every_cut(odd: Oddity) {
    let uncut = run(usize::MAX, odd);
    assert_eq!(wrong(&uncut), None, "uncut, {odd:?}");
    let mut unknown = 0;
    for wake_ups in 0..uncut.used {
        let counted = run(wake_ups, odd);
        assert_eq!(wrong(&counted), None, "cut after {wake_ups} of {} wake-ups, {odd:?}", uncut.used);
        unknown += usize::from(counted.state == State::Unknown);
    }
    assert!(uncut.used > 20, "the story has only {} wake-ups", uncut.used);
    println!(
        "cut after each of {} wake-ups, {unknown} times it was not known whether it was sent, {odd:?}",
        uncut.used
    );
    assert!(unknown > 0, "no cut struck while the letter was being sent");
}

const USUAL: Oddity = Oddity { withdrawn: &[], loses_append: false, answers: &[] };

#[test]
fn letters_survive_every_cut() {
    every_cut(USUAL);
}

#[test]
fn letters_survive_every_cut_without_uidplus_and_special_use_and_when_answers_are_lost() {
    every_cut(Oddity { withdrawn: &["UIDPLUS", "LITERAL+"], loses_append: true, ..USUAL });
}

#[test]
fn letters_survive_every_cut_when_the_server_refuses_later() {
    every_cut(Oddity { answers: &[Advice::Again(None)], ..USUAL });
    every_cut(Oddity { answers: &[Advice::Never], ..USUAL });
}

#[test]
fn the_cuts_would_find_what_they_are_for() {
    for (bug, odd) in [(Bug::LetterRepeated, USUAL), (Bug::LetterNotLookedFor, Oddity { loses_append: true, ..USUAL })]
    {
        plant(Some(bug));
        let uncut = run(usize::MAX, odd).used;
        let found = (0..=uncut).any(|wake_ups| wrong(&run(wake_ups, odd)).is_some());
        plant(None);
        assert!(found, "{bug:?} was not found");
    }
}
