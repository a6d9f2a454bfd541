//! A channel that can say so acknowledges, and the others are told.

use super::world::{Phone, World, lived};
use std::sync::Arc;
use std::time::Duration;

/// One that hears (`phone`), one that repeats by itself (`push`), one that does neither (`desk`).
fn three(world: &mut World) {
    let hears = Phone { hears: Some(Duration::from_secs(5)), ..Phone::default() };
    let push = Phone { hears: Some(Duration::from_secs(5)), itself: true, ..Phone::default() };
    world.phones.insert("phone".to_owned(), Arc::new(hears));
    world.phones.insert("push".to_owned(), Arc::new(push));
    world.phones.insert("desk".to_owned(), Arc::default());
}

#[test]
fn it_is_asked_while_something_awaits_and_the_others_are_told_once() {
    lived(three, |world| async move {
        world.at(100).await;
        assert!(world.phone().asked.lock().unwrap().is_empty(), "asked while nothing awaits");
        world.told().await;
        world.at(300).await;
        let told = |name: &str| world.phones[name].told.lock().unwrap().len();
        assert_eq!((told("phone"), told("push"), told("desk")), (2, 1, 2), "what repeats by itself is not repeated");
        let asked = world.phone().asked.lock().unwrap().clone();
        assert!((35..45).contains(&asked.len()), "every five seconds: {asked:?}");
        // what it never was asked about does not count
        let token = world.token().await;
        world.phone().answers.lock().unwrap().push("0".repeat(32));
        world.at(320).await;
        assert_eq!(world.by().await, None);
        world.phone().answers.lock().unwrap().push(token);
        world.at(340).await;
        assert_eq!(world.by().await.as_deref(), Some("channel:phone"));
        let asked = world.phone().asked.lock().unwrap().len();
        world.at(2000).await;
        assert_eq!(world.phone().asked.lock().unwrap().len(), asked, "asked when nothing awaits any more");
        assert_eq!((told("phone"), told("push"), told("desk")), (2, 1, 2));
        let withdrawn = |name: &str| world.phones[name].withdrawn.lock().unwrap().clone();
        assert_eq!(withdrawn("phone"), [], "it said so itself");
        assert_eq!(withdrawn("desk").len(), 2, "each telling once");
        let push = withdrawn("push");
        assert!(push.len() == 1 && push[0].as_ref().is_some_and(|receipt| receipt.ends_with(":push")), "{push:?}");
    });
}

#[test]
fn one_that_does_not_answer_is_asked_less_often_and_stops_nothing() {
    lived(three, |world| async move {
        *world.phone().deaf.lock().unwrap() = u32::MAX;
        world.told().await;
        world.at(590).await;
        let asked = world.phone().asked.lock().unwrap().len();
        assert!((5..9).contains(&asked), "asked {asked} times in ten minutes");
        assert_eq!(world.seconds().len(), 5, "told all the same");
        assert!(world.phones["push"].asked.lock().unwrap().len() > 100, "the others are asked as ever");
    });
    lived(three, |world| async move {
        *world.phone().deaf.lock().unwrap() = 2;
        world.told().await;
        let token = world.token().await;
        world.phone().answers.lock().unwrap().push(token);
        world.at(60).await;
        assert_eq!(world.by().await.as_deref(), Some("channel:phone"));
    });
}
