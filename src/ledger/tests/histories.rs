//! What holds for every history: order of arrival and copies never matter, and points are conserved.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn any_event() -> impl Strategy<Value = Event> {
    let trust = prop_oneof![Just(Verified), Just(Unverified), Just(Suspect)];
    let order = prop_oneof![3 => Just(Some(A)), 1 => Just(Some(B)), 1 => Just(None)];
    let amount = || proptest::option::of(0_u64..900);
    let kind = prop_oneof![
        (0_usize..5, amount(), amount(), amount()).prop_map(|(n, points, coupon, payment)| EventKind::Order {
            stage: [Stage::Ordered, Stage::Accepted, Stage::Shipped, Stage::Paid, Stage::CardRefused][n],
            terms: Terms { points_used: points, coupon_used_yen: coupon, payment_yen: payment, ..Terms::default() },
        }),
        (0_usize..5, 0_usize..4, amount(), amount()).prop_map(|(form, cause, points, total)| EventKind::Cancel {
            form: [
                Cancelled::Confirmed,
                Cancelled::Claimed,
                Cancelled::Pending,
                Cancelled::Requested,
                Cancelled::Partial
            ][form],
            cause: [None, SHOP, BUYER, Some(Cause::Payment)][cause],
            terms: Terms { points_used: points, total_yen: total, coupon_used_yen: Some(0), ..Terms::default() },
            reply_by: None,
        }),
        (0_usize..3, prop_oneof![amount(), Just(Some(u64::MAX))]).prop_map(|(form, amount)| EventKind::Points {
            returned: PointsReturn { amount, form: [Form::Done, Form::Promised, Form::Refused][form] },
            limited: None,
            expires_at: None,
        }),
    ];
    // few instants and few identities, so that ties and copies happen
    (order, trust, kind, 0_i64..6, 0_u8..12).prop_map(|(order, trust, kind, hours, name)| Event {
        order: order.map(number),
        shop_code: (name % 2 == 0).then(|| "modori-zakka".to_owned()),
        kind,
        at: at("11-24 10:00") + jiff::SignedDuration::from_hours(hours),
        mail: MailKey::of(&[name]),
        second_identity: format!("{}", name / 2),
        trust,
        excerpt: String::new(),
        sender: String::new(),
    })
}

fn any_statement() -> impl Strategy<Value = Statement> {
    let said = prop_oneof![
        (proptest::option::of(0_u64..2000), proptest::option::of(any::<bool>()))
            .prop_map(|(points, coupon_back)| Said::Confirm { points, expires: None, coupon_back }),
        Just(Said::Answered),
        Just(Said::Deny),
        Just(Said::Lost),
        (0_u64..900).prop_map(|points| Said::Limited { points, expires: at("11-23 23:59") }),
        (0_u8..12, 0_u64..900).prop_map(|(name, points)| Said::Assign { mail: MailKey::of(&[name]), points }),
        (0_u8..12).prop_map(|name| Said::Disown { mail: MailKey::of(&[name]) }),
    ];
    (said, 0_i64..6, any::<bool>()).prop_map(|(said, hours, first)| Statement {
        order: number(if first { A } else { B }),
        said,
        at: at("11-24 10:00") + jiff::SignedDuration::from_hours(hours),
        by: By::Command,
    })
}

/// What mails without a number speak of, each mail once, and what all cases together took from such mails.
fn nameless(events: &[Event], cases: &BTreeMap<OrderNumber, Case>) -> (u64, u64) {
    let mut spoken: BTreeMap<&str, u64> = BTreeMap::new();
    for event in events.iter().filter(|event| event.order.is_none()) {
        if let EventKind::Points { returned: PointsReturn { amount, form: Form::Done }, .. } = &event.kind {
            let known = spoken.entry(&event.second_identity).or_default();
            *known = known.saturating_add(amount.unwrap_or(u64::MAX));
        }
    }
    let taken = cases.values().filter_map(|case| case.points.returned).fold(0, u64::saturating_add);
    (spoken.values().copied().fold(0, u64::saturating_add), taken)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn order_and_duplicates_never_matter(
        (events, shuffled) in proptest::collection::vec(any_event(), 0..14)
            .prop_flat_map(|events| (Just(events.clone()), Just([events.clone(), events].concat()).prop_shuffle())),
        (statements, said) in proptest::collection::vec(any_statement(), 0..5)
            .prop_flat_map(|said| (Just(said.clone()), Just([said.clone(), said].concat()).prop_shuffle())),
    ) {
        let settings = Settings::default();
        let one = cases(&events, &statements, &settings, at("11-28 12:00"));
        let other = cases(&shuffled, &said, &settings, at("11-28 12:00"));
        prop_assert_eq!(&one, &other);
        for case in one.values() {
            if let (Some(used), Some(returned)) = (case.points.used, case.points.returned) {
                prop_assert!(returned <= used);
            }
            if let (Some(used), Some(expected)) = (case.points.used, case.points.expected_back) {
                prop_assert!(expected <= used);
            }
            prop_assert_eq!(case.ended, case.next().is_none());
        }
    }

    #[test]
    fn an_unrelated_mail_changes_no_other_case(
        events in proptest::collection::vec(any_event(), 0..12),
        statements in proptest::collection::vec(any_statement(), 0..4),
        stranger in any_event(),
    ) {
        const C: &str = "388888-20261121-0123456789";
        let mut stranger = stranger;
        stranger.order = Some(number(C));
        stranger.mail = MailKey::of(b"stranger");
        stranger.second_identity = "stranger".to_owned();
        let settings = Settings::default();
        let before = cases(&events, &statements, &settings, at("11-28 12:00"));
        let events: Vec<Event> = events.into_iter().chain([stranger]).collect();
        let mut after = cases(&events, &statements, &settings, at("11-28 12:00"));
        after.remove(&number(C));
        for (order, case) in &before {
            let mut with = after.remove(order).unwrap();
            // a refund without a number may fit the new order as well: that is asked, and changes nothing else
            let mut without = case.clone();
            let asks = |question: &Question| {
                matches!(question, Question::WhichOrder { .. } | Question::Together { .. }
                    | Question::ReturnClaimed { mail: Some(_), .. })
            };
            with.questions.retain(|question| !asks(question));
            without.questions.retain(|question| !asks(question));
            with.evidence.clear();
            without.evidence.clear();
            prop_assert_eq!(with, without);
        }
        prop_assert!(after.is_empty());
    }

    #[test]
    fn no_refund_is_counted_twice(
        amounts in proptest::collection::vec(0_u64..900, 1..5),
        words in proptest::collection::vec((0_usize..5, any::<bool>(), 0_u64..900, 0_i64..6), 0..12),
    ) {
        // two cancelled orders with points to spare, and mails that name no order
        let other = |event: &Event| {
            let mut event = event.clone();
            event.order = Some(number(B));
            event.second_identity.push('B');
            event.mail = MailKey::of(event.second_identity.as_bytes());
            event
        };
        let mut events = vec![ordered(100_000, 0, 1), confirmed(SHOP)];
        events.extend([other(&events[0]), other(&events[1])]);
        for (n, amount) in amounts.iter().enumerate() {
            let mut event = points(None, Some(*amount), Form::Done, "11-25 10:00", Verified);
            event.mail = MailKey::of(&[u8::try_from(n).unwrap()]);
            event.second_identity = format!("nameless {n}");
            events.push(event);
        }
        let statements: Vec<Statement> = words.into_iter().map(|(mail, first, points, hours)| Statement {
            order: number(if first { A } else { B }),
            said: Said::Assign { mail: MailKey::of(&[u8::try_from(mail).unwrap()]), points },
            at: at("11-26 10:00") + jiff::SignedDuration::from_hours(hours),
            by: By::Command,
        }).collect();
        let cases = cases(&events, &statements, &Settings::default(), at("11-28 12:00"));
        let (spoken, taken) = nameless(&events, &cases);
        prop_assert!(taken <= spoken, "{} of {}", taken, spoken);
    }
}
