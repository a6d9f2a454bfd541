//! `modori login` with a code that is typed elsewhere.

use super::{Talk, World};
use crate::support::http::Answer;
use crate::support::oauth::{Consent, Trouble};
use crate::support::run::until;

#[test]
fn a_code_is_shown_and_asked_about_until_the_shopper_agreed() {
    let world = World::new("device");
    let talk = Talk::login(&world, &[]);
    let code = talk.code();
    assert!(
        talk.heard().contains("/code\n") && talk.heard().contains(&format!("user_code={code}")),
        "{}",
        talk.heard()
    );
    until("it was asked about", || world.authority.asked("device_code") >= 2);
    assert_eq!(world.authority.waiting(), std::slice::from_ref(&code));
    world.authority.decide(&code, Consent::Agree);
    let (ended, said) = talk.end();
    assert_eq!(ended, Some(0), "{said}");
    world.nothing_secret(&[&said]);
    assert_eq!(world.authority.wrong(), Vec::<String>::new(), "never asked too soon");
    assert!(world.doctor().0);
}

#[test]
fn who_is_told_to_slow_down_does() {
    let world = World::behaving("device", |behaviour| behaviour.slow_downs = 1);
    let talk = Talk::login(&world, &[]);
    let code = talk.code();
    until("it was told to slow down", || {
        world.authority.seen("/token").iter().any(|seen| seen.error.as_deref() == Some("slow_down"))
    });
    world.authority.decide(&code, Consent::Agree);
    let (ended, said) = talk.end();
    assert_eq!(ended, Some(0), "{said}");
    // the server refuses who asks again within six seconds, and says so
    assert_eq!(world.authority.wrong(), Vec::<String>::new());
}

#[test]
fn every_end_of_a_code_has_its_words() {
    let begin = || {
        let world = World::new("device");
        let talk = Talk::login(&world, &[]);
        let code = talk.code();
        (world, talk, code)
    };
    let (world, talk, code) = begin();
    world.authority.decide(&code, Consent::Deny);
    let (ended, said) = talk.end();
    assert!(ended == Some(1) && said.contains("access was denied"), "{said}");
    assert!(!world.file().exists());

    let (world, talk, _) = begin();
    world.authority.behave(|behaviour| behaviour.ahead = 1000);
    let (ended, said) = talk.end();
    assert!(ended == Some(1) && said.contains("the code was not used in time"), "{said}");

    let world = World::behaving("device", |behaviour| behaviour.device_lifetime = 2);
    let (ended, said) = Talk::login(&world, &[]).end();
    assert!(ended == Some(1) && said.contains("the code was not used in time"), "{said}");
    assert!(world.authority.asked("device_code") <= 2, "a dead code is not asked about");
}

#[test]
fn no_code_is_had_from_who_does_not_know_the_client_or_the_scopes() {
    let refused = |change: &dyn Fn(&World), words: &str| {
        let world = World::new("device");
        change(&world);
        let (ended, said) = Talk::login(&world, &[]).end();
        assert!(ended == Some(1) && said.contains(words), "{words}: {said}");
        assert!(!world.file().exists());
        assert_eq!(world.authority.asked("device_code"), 0);
    };
    refused(&|world| world.write("modori-test-client", "nobody"), "does not take this client");
    refused(&|world| world.authority.behave(|behaviour| behaviour.scopes.clear()), "does not grant what is asked for");
    let trouble = |answer: Answer| {
        move |world: &World| {
            let answer = answer.clone();
            world.authority.behave(move |behaviour| behaviour.trouble = Some(Trouble::Before(answer)));
        }
    };
    refused(&trouble(Answer::Status(503)), "try again later");
    refused(&trouble(Answer::Status(404)), "check the address");
    refused(&trouble(Answer::Status(200)), "gave no code to type");
}

#[test]
fn a_network_that_is_away_for_a_moment_ends_nothing() {
    let world = World::new("device");
    let talk = Talk::login(&world, &[]);
    let code = talk.code();
    world.authority.behave(|behaviour| behaviour.trouble = Some(Trouble::Before(Answer::Cut)));
    talk.until("asked again");
    world.authority.decide(&code, Consent::Agree);
    world.authority.behave(|behaviour| behaviour.trouble = None);
    let (ended, said) = talk.end();
    assert_eq!(ended, Some(0), "{said}");
}
