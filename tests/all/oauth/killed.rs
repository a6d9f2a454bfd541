//! kill -9 around a renewal: at every point what is kept lets in again, or the shopper is told to log in.

use super::{Talk, World};
use crate::support::dovecot::USER;
use crate::support::http::Answer;
use crate::support::oauth::browser::follow;
use crate::support::oauth::{Rotation, Trouble};
use crate::support::run::{Running, until};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn doctor(world: &World) -> Running {
    world.home.start(&["doctor"])
}

#[test]
fn killed_after_it_was_kept_and_before_it_was_used_nothing_is_lost() {
    for rotation in [Rotation::Lenient, Rotation::Strict] {
        let world = World::behaving("loopback", |behaviour| {
            behaviour.rotation = rotation;
            behaviour.reuse_ends_all = true;
        });
        world.granted(7200);
        // the mail server never answers: the token was kept, and nobody has looked at it
        let file = world.file();
        let before = std::fs::read_to_string(&file).unwrap();
        world.mail.server.set_down(true);
        let watch = world.home.start(&["watch"]);
        // a watch that cannot connect asks for no token: so it is asked for once it can, and killed at the first sight
        world.mail.server.set_down(false);
        let (seen, id) = (Arc::<Mutex<Option<String>>>::default(), watch.id().to_string());
        let (told, at) = (Arc::clone(&seen), file.clone());
        world.authority.on_first_use(move |_| {
            assert!(std::process::Command::new("kill").args(["-9", &id]).status().unwrap().success());
            told.lock().unwrap().get_or_insert_with(|| std::fs::read_to_string(&at).unwrap());
        });
        until("it is killed", || seen.lock().unwrap().is_some());
        watch.kill();
        assert_ne!(seen.lock().unwrap().as_ref(), Some(&before), "kept before it was shown");
        world.authority.on_first_use(|_| ());
        let (well, said) = world.doctor();
        assert!(well, "{rotation:?}: {said}");
        assert_eq!(world.authority.asked("refresh_token"), 1, "what was kept is still good");
    }
}

#[test]
fn killed_anywhere_around_a_renewal_nobody_is_locked_out() {
    let world = World::behaving("loopback", |behaviour| {
        behaviour.rotation = Rotation::Lenient;
        behaviour.reuse_ends_all = true;
        behaviour.delays = (Duration::from_millis(15), Duration::from_millis(15));
    });
    world.granted(7200);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut renewed = 0;
    for round in 0..40 {
        world.age(7200);
        let asked = world.authority.asked("refresh_token");
        // two programs at once in every third round: the second waits for the lock of the first
        let second = (round % 3 == 0).then(|| doctor(&world));
        let first = doctor(&world);
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // from before the request to after the login, wherever that lies on this machine
        let point = Duration::from_millis((random >> 33) % 60);
        if round % 2 == 0 {
            let mut first = Some(first);
            until("it asks or ends", || {
                world.authority.asked("refresh_token") > asked
                    || first.as_mut().is_some_and(|first| first.ended().is_some())
            });
            std::thread::sleep(point);
            first.take().unwrap().kill();
        } else {
            std::thread::sleep(point * 4);
            first.kill();
        }
        drop(second);
        until("the provider is done with what a dead program asked", || world.authority.is_idle());
        renewed += usize::from(world.authority.asked("refresh_token") > asked);
        let refresh = world.kept()["refresh_token"].as_str().unwrap().to_owned();
        assert!(world.authority.lives(&refresh), "round {round}: what is kept is dead");
    }
    assert!(renewed >= 15, "only {renewed} kills came near a renewal");
    world.age(7200);
    let (well, said) = world.doctor();
    assert!(well, "{said}");
    let refused = |seen: &&crate::support::oauth::Seen| seen.error.as_deref() == Some("invalid_grant");
    assert_eq!(world.authority.seen("/token").iter().filter(refused).count(), 0);
    assert_eq!(world.authority.wrong(), Vec::<String>::new());
}

#[test]
fn two_programs_that_live_renew_one_after_the_other() {
    let world = World::behaving("loopback", |behaviour| {
        behaviour.rotation = Rotation::Strict;
        behaviour.reuse_ends_all = true;
        behaviour.delays = (Duration::from_millis(30), Duration::from_millis(30));
    });
    world.granted(7200);
    let watch = world.home.start(&["watch"]);
    let mut others: Vec<Running> = (0..3).map(|_| doctor(&world)).collect();
    for other in &mut others {
        until("doctor ends", || other.ended().is_some());
        assert_eq!(other.ended(), Some(true), "{}", world.home.log());
    }
    until("the watch watches", || world.home.log().contains("watching"));
    drop(watch);
    assert_eq!((world.authority.asked("refresh_token"), world.authority.most_at_once()), (1, 1));
}

#[test]
fn who_is_told_to_stop_keeps_what_is_being_renewed() {
    let world = World::behaving("loopback", |behaviour| {
        behaviour.rotation = Rotation::Strict;
        behaviour.reuse_ends_all = true;
        behaviour.delays = (Duration::ZERO, Duration::from_secs(2));
    });
    let pair = world.granted(7200);
    let watch = world.home.start(&["watch"]);
    until("the provider has rotated", || !world.authority.lives(&pair.refresh));
    assert_eq!(watch.terminate(), Some(0), "{}", world.home.log());
    let log = world.home.log();
    assert!(log.contains("access is being renewed") && !log.contains("still being renewed"), "{log}");
    assert_ne!(world.kept()["refresh_token"], pair.refresh);
    let (well, said) = world.doctor();
    assert!(well, "{said}");
    assert_eq!(world.authority.asked("refresh_token"), 1, "what was kept is good");
}

#[test]
fn with_a_provider_that_forgets_the_old_token_at_once_the_shopper_is_told_honestly() {
    let world = World::behaving("loopback", |behaviour| behaviour.rotation = Rotation::Strict);
    let pair = world.granted(7200);
    // the answer is on its way for ever: the only moment in which something is lost
    world.authority.behave(|behaviour| behaviour.trouble = Some(Trouble::After(Answer::Hang)));
    let program = doctor(&world);
    until("the provider has rotated", || !world.authority.lives(&pair.refresh));
    program.kill();
    world.authority.behave(|behaviour| behaviour.trouble = None);
    for _ in 0..2 {
        let (well, said) = world.doctor();
        assert!(!well && said.contains("access ended or was taken back"), "{said}");
        assert!(said.contains("run: modori login a"), "{said}");
    }
    assert_eq!(world.authority.asked("refresh_token"), 2, "the lost one, and one that was refused");
    world.authority.behave(|behaviour| behaviour.user = USER.to_owned());
    let talk = Talk::login(&world, &[]);
    follow(&talk.page());
    let (code, said) = talk.end();
    assert_eq!(code, Some(0), "{said}");
}
