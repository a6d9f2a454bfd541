//! What is kept back, and what is told of it when.

use super::*;
use crate::plan::Effect;
use crate::plan::calm::Calm;
use crate::wording::Language;

fn at(text: &str) -> Timestamp {
    format!("2026-11-{}+09:00", text.replace(' ', "T")).parse().unwrap()
}

fn policy() -> Policy {
    let quiet = vec!["23:00-07:00".parse().unwrap()];
    Policy {
        channels: vec!["phone".into()],
        stale_after_s: 900,
        give_up_after_s: 7200,
        language: Language::En,
        calm: Calm { quiet, most_an_hour: 20, ..Calm::default() },
        ..Policy::default()
    }
}

/// A restock that is kept back.
fn kept(id: i64, why: Why, since: &str, due: &str) -> Kept {
    let details = Map::from_iter([
        ("shop_name".to_owned(), Value::from("うみのや")),
        ("folder".to_owned(), Value::from("楽天/再入荷")),
    ]);
    let alert = Alert {
        category: category::RESTOCK.to_owned(),
        priority: Priority::Urgent,
        title: format!("Kettle {id}"),
        received: Some(at(since)),
        details,
        ..Alert::default()
    };
    let until = at(since).checked_add(SignedDuration::from_hours(2)).ok();
    Kept { id, of: format!("alert:{id}"), alert, why, by: Vec::new(), due: at(due), since: at(since), until }
}

fn said(telling: &Telling) -> Alert {
    match &telling.wishes[0].effect {
        Effect::Alert { alert, .. } => alert.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_that_is_fresh_is_told_as_itself_and_an_old_restock_is_a_line() {
    let mut one = kept(1, Why::Quiet, "27 06:50:00", "27 07:00:00");
    assert_eq!(on_held(std::slice::from_ref(&one), &policy(), at("27 06:59:59")), []);
    let told = on_held(std::slice::from_ref(&one), &policy(), at("27 07:00:00"));
    assert_eq!((told.len(), told[0].as_itself, told[0].rows.as_slice()), (1, true, [1].as_slice()));
    assert_eq!(told[0].wishes[0].key, "alert:1:phone", "the key it would have had");
    assert_eq!((said(&told[0]).title.as_str(), told[0].wishes[0].until), ("Kettle 1", Some(at("27 09:00:00"))));

    one.alert.received = Some(at("27 01:00:00"));
    let told = on_held(std::slice::from_ref(&one), &policy(), at("27 07:00:00"));
    let alert = said(&told[0]);
    assert!(!told[0].as_itself && alert.body.contains("Kettle 1 / うみのや (received Nov 27, 01:00)"), "{alert:?}");
    assert_eq!(alert.priority, Priority::Normal);
    // what is no restock is worth its own words in the morning, too
    one.alert.category = category::CANCELLATION.to_owned();
    assert!(on_held(&[one], &policy(), at("27 07:00:00"))[0].as_itself);
}

#[test]
fn several_are_one_alert_with_the_wanted_and_the_newest_first() {
    let mut all: Vec<Kept> =
        (1..=12).map(|id| kept(id, Why::Quiet, &format!("27 0{}:00:00", id % 7), "27 07:00:00")).collect();
    all[3].alert.details.insert("wanted".into(), true.into());
    all.push(kept(13, Why::Quiet, "27 06:58:00", "27 07:00:00"));
    let told = on_held(&all, &policy(), at("27 07:00:01"));
    assert_eq!((told.len(), told[0].rows.len()), (1, 13));
    let alert = said(&told[0]);
    assert_eq!(alert.title, "13 restocks were kept back");
    let lines: Vec<&str> = alert.body.lines().collect();
    assert!(lines[0].starts_with("- Kettle 4 /") && lines[1].starts_with("- Kettle 13 /"), "{lines:?}");
    assert_eq!(lines[8..], ["and 5 more", "The mails are in 楽天/再入荷"]);
    assert_eq!(alert.priority, Priority::High, "one of them is fresh");
    let again = on_held(&all, &policy(), at("27 07:00:09"));
    assert_eq!(again[0].wishes[0].key, told[0].wishes[0].key);
    let observing = Policy { observe: true, ..policy() };
    assert!(!said(&on_held(&all, &observing, at("27 07:00:01"))[0]).body.contains("The mails are in"));
}

#[test]
fn late_ones_wait_for_each_other_but_not_for_ever() {
    let one = |id, minute: &str, second: &str| {
        kept(
            id,
            Why::Late,
            &format!("27 12:{minute}:{second}"),
            &format!("27 12:{minute}:{second}").replace("12:0", "12:1"),
        )
    };
    // ten minutes' wait each, to tell the two bounds apart
    let all = [one(1, "00", "00"), one(2, "04", "30")];
    assert_eq!(gathered(&all), at("27 12:05:00"));
    assert_eq!(next(&all, &policy()), Some(at("27 12:10:00")));
    let told = on_held(&all, &policy(), at("27 12:10:00"));
    assert_eq!(told[0].rows, [1], "the second is not due yet");
    let told = on_held(&all, &policy(), at("27 12:14:30"));
    assert_eq!((told.len(), told[0].rows.as_slice()), (1, [1, 2].as_slice()));
    assert_eq!(said(&told[0]).title, "2 restocks while modori was not looking");
}

#[test]
fn above_the_bound_it_is_said_at_once_and_told_together_soon() {
    let many = [kept(5, Why::Many, "27 12:00:00", "27 12:05:00"), kept(6, Why::Many, "27 12:01:00", "27 12:05:00")];
    let told = on_held(&many, &policy(), at("27 12:00:01"));
    assert_eq!((told.len(), told[0].rows.len(), told[0].wishes[0].key.as_str()), (1, 0, "more:alert:5:phone"));
    assert_eq!(said(&told[0]).title, "More alerts are kept back");
    let told = on_held(&many, &policy(), at("27 12:05:00"));
    assert_eq!((told.len(), told[0].rows.as_slice()), (1, [5, 6].as_slice()));
    // and what comes in quiet hours waits for the morning
    let night = [kept(7, Why::Many, "27 22:58:00", "27 23:03:00")];
    assert_eq!(on_held(&night, &policy(), at("27 23:03:00")), []);
    assert_eq!(on_held(&night, &policy(), at("28 07:00:00"))[0].rows, [7]);
}

#[test]
fn after_a_sweep_nothing_waits_for_company() {
    let all = [kept(1, Why::Late, "27 12:00:00", "27 12:01:00"), kept(2, Why::Many, "27 12:00:00", "27 12:05:00")];
    let told = on_last(&all, &policy(), at("27 12:00:01"));
    assert_eq!((told.len(), told[0].rows.as_slice()), (1, [1, 2].as_slice()));
    let night = [kept(1, Why::Late, "27 23:30:00", "28 07:00:00")];
    assert_eq!(on_last(&night, &policy(), at("27 23:30:01")), [], "and not at night");
}

#[test]
fn a_clock_that_was_ahead_keeps_nothing_back_by_day() {
    let one = [kept(1, Why::Quiet, "27 23:30:00", "28 07:00:00")];
    assert_eq!(on_held(&one, &policy(), at("27 12:00:00")).len(), 1);
    assert_eq!(on_held(&one, &policy(), at("28 06:59:00")), []);
}

#[test]
fn without_a_channel_all_of_it_waits() {
    let all = [kept(1, Why::Quiet, "27 06:50:00", "27 07:00:00")];
    let nobody = Policy { channels: vec![], ..policy() };
    assert_eq!(on_held(&all, &nobody, at("27 09:00:00")), []);
    assert_eq!(next(&all, &nobody), None);
    let later = Policy { fallback: vec!["mail".into()], ..nobody };
    assert_eq!(on_held(&all, &later, at("27 09:00:00"))[0].rows, [1]);
}

#[test]
fn what_is_kept_back_lives_as_long_as_it_would_have() {
    let mut all =
        [kept(1, Why::Quiet, "27 06:50:00", "27 07:00:00"), kept(2, Why::Quiet, "27 01:00:00", "27 07:00:00")];
    let until = |all: &[Kept], policy: &Policy| on_held(all, policy, at("27 07:00:00"))[0].wishes[0].until;
    assert_eq!(until(&all[..1], &policy()), Some(at("27 09:00:00")));
    assert_eq!(until(&all, &policy()), Some(at("27 09:00:00")));
    // a reminder
    all[1].of = "remind:x:look".to_owned();
    all[1].alert.category = "reminder".to_owned();
    all[1].until = Some(at("30 01:00:00"));
    assert_eq!(until(&all[1..], &policy()), Some(at("30 01:00:00")));
    assert_eq!(until(&all, &policy()), Some(at("30 01:00:00")));
    let told = on_held(&all, &policy(), at("27 07:00:00"));
    assert_eq!(said(&told[0]).details.get("reminders"), Some(&Value::Bool(true)));
    assert_eq!(until(&all, &Policy { give_up_after_s: 0, ..policy() }), None);
    // what has no end
    all[1].until = None;
    assert_eq!((until(&all[1..], &policy()), until(&all, &policy())), (None, None));
}

#[test]
fn at_night_what_may_ring_is_told_and_the_rest_in_the_morning() {
    let mut policy = policy();
    policy.calm.except.insert("coupon".to_owned());
    let coupon = |mut one: Kept| {
        one.alert.category = "coupon".to_owned();
        one
    };
    let all = [
        kept(1, Why::Many, "27 22:58:00", "27 23:03:00"),
        coupon(kept(2, Why::Many, "27 22:58:30", "27 23:03:00")),
        kept(3, Why::Quiet, "27 01:00:00", "27 07:00:00"),
    ];
    let told = on_held(&all, &policy, at("27 23:03:00"));
    assert_eq!((told.len(), told[0].rows.as_slice()), (1, [2].as_slice()));
    // a machine that slept all day tells in quiet hours what it may
    assert_eq!(on_held(&all[2..], &policy, at("27 23:30:00")), []);
    assert_eq!(on_held(&[all[0].clone(), all[2].clone()], &policy, at("28 07:00:00"))[0].rows, [1, 3]);
    // and the first above the bound says so, if it may ring itself
    let first = |one: Kept| on_held(&[one], &policy, at("27 23:00:00")).len();
    assert_eq!(first(all[0].clone()), 0);
    assert_eq!(first(all[1].clone()), 1);
}

#[test]
fn that_it_is_seen_again_is_told_where_the_loss_was() {
    let mut one = kept(1, Why::Quiet, "27 01:00:00", "27 07:00:00");
    one.alert.category = SIGHT.to_owned();
    one.by = vec!["desk".to_owned()];
    let mut policy = policy();
    policy.blind.channels = vec!["phone".to_owned()];
    let told = on_held(std::slice::from_ref(&one), &policy, at("27 07:00:00"));
    assert_eq!(told[0].wishes.iter().map(|wish| wish.key.as_str()).collect::<Vec<_>>(), ["alert:1:desk"]);
    one.by.clear();
    assert_eq!(on_held(&[one], &policy, at("27 07:00:00"))[0].wishes[0].key, "alert:1:phone");
}
