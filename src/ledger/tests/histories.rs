//! What holds for every history: order of arrival and copies never matter, and points are conserved.

use super::*;
use proptest::prelude::*;

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
        Just(Said::Deny),
        Just(Said::Lost),
        (0_u64..900).prop_map(|points| Said::Limited { points, expires: at("11-23 23:59") }),
    ];
    (said, 0_i64..6).prop_map(|(said, hours)| Statement {
        order: number(A),
        said,
        at: at("11-24 10:00") + jiff::SignedDuration::from_hours(hours),
        by: By::Command,
    })
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
}
