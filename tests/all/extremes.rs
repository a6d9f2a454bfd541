//! Values at the ends of what can be said: nothing overflows, nothing panics, and what follows from them stays in order.

use jiff::Timestamp;
use modori::facts::{
    Cancelled, Cause, Coupon, CouponRole, Form, Item, OrderNumber, PointsReturn, Risk, Service, Stage,
};
use modori::ledger::agenda::{appointments, passed, wake_at};
use modori::ledger::due::{Remind, Settings};
use modori::ledger::{self, By, Event, EventKind, Said, Statement, Terms};
use modori::mail::TrustLevel;
use modori::mailbox::MailKey;
use modori::plan::on_time::together;
use modori::plan::{Alert, Due, Effect, Policy, Wish, on_time, warn};
use proptest::prelude::*;
use proptest::sample::select;

fn instants() -> impl Strategy<Value = Timestamp> {
    let some = [
        "1970-01-01T00:00:00Z", "2024-02-29T15:00:00Z", "2026-11-20T01:00:00Z", "2026-11-24T01:00:00Z",
        "2026-11-25T15:00:00Z", "2026-12-24T01:00:00Z", "2099-12-31T23:59:59Z", "9999-12-30T21:59:59Z",
        "0001-01-01T00:00:00Z",
    ];
    let mut all: Vec<Timestamp> = some.iter().map(|text| text.parse().unwrap()).collect();
    all.extend([Timestamp::MIN, Timestamp::MAX]);
    select(all)
}

fn amounts() -> impl Strategy<Value = u64> {
    select(vec![0, 1, 500, 500, 700, 1 << 53, u64::MAX - 1, u64::MAX])
}

fn orders() -> impl Strategy<Value = OrderNumber> {
    let days = ["00010101", "19700101", "20240229", "20261120", "20261124", "20991231", "99991231"];
    (select(vec!["399999", "100000"]), select(days.to_vec()), select(vec!["0000000000", "9999999999"]))
        .prop_map(|(shop, day, rest)| OrderNumber::parse(&format!("{shop}-{day}-{rest}")).unwrap())
}

fn texts() -> impl Strategy<Value = String> {
    let long = "長".repeat(10_000);
    select(vec![
        String::new(),
        "モドリ雑貨店".to_owned(),
        "a\r\nBcc: b@example.jp".to_owned(),
        "\u{202e}gpj.exe\u{2066}".to_owned(),
        "\u{1b}[2J\u{7}\0".to_owned(),
        "one\u{2028}two\u{2029}three\u{85}four".to_owned(),
        long,
        "NP-TZ300-W 極め炊き".to_owned(),
    ])
}

fn terms() -> impl Strategy<Value = Terms> {
    use proptest::option::of;
    let item = (texts(), of(texts()), of(amounts()), of(amounts()))
        .prop_map(|(name, code, price_yen, quantity)| Item { name, code, price_yen, quantity, url: None });
    let money = (of(amounts()), of(amounts()), of(amounts()), of(amounts()));
    let names = (of(texts()), of(texts()), of(instants()), proptest::collection::vec(item, 0..3));
    (money, names, any::<bool>(), of(any::<u16>())).prop_map(|(money, names, asuraku, lead_days)| Terms {
        shop_code: names.0,
        shop_name: names.1,
        ordered_at: names.2,
        total_yen: money.0,
        payment_yen: money.1,
        points_used: money.2,
        coupon_used_yen: money.3,
        items: names.3,
        service: asuraku.then_some(Service::Asuraku),
        risks: if asuraku { vec![Risk::SharedStock] } else { Vec::new() },
        lead_days,
    })
}

fn kinds() -> impl Strategy<Value = EventKind> {
    use proptest::option::of;
    let stages = vec![
        Stage::Ordered,
        Stage::Accepted,
        Stage::PaymentDue,
        Stage::CardRefused,
        Stage::Delayed,
        Stage::Shipped,
        Stage::FoundAfterAll,
    ];
    let forms =
        vec![Cancelled::Confirmed, Cancelled::Claimed, Cancelled::Pending, Cancelled::Requested, Cancelled::Partial];
    let causes = vec![Cause::Shop, Cause::Buyer, Cause::Payment];
    let roles = vec![CouponRole::Granted, CouponRole::Apology, CouponRole::Returned, CouponRole::Expiring];
    prop_oneof![
        (select(stages), terms()).prop_map(|(stage, terms)| EventKind::Order { stage, terms }),
        (select(forms), of(select(causes)), terms(), of(instants()))
            .prop_map(|(form, cause, terms, reply_by)| EventKind::Cancel { form, cause, terms, reply_by }),
        (of(amounts()), select(vec![Form::Done, Form::Promised]), of(any::<bool>()), of(instants())).prop_map(
            |(amount, form, limited, expires_at)| EventKind::Points {
                returned: PointsReturn { amount, form },
                limited,
                expires_at
            }
        ),
        (select(roles), of(amounts()), of(texts()), of(instants())).prop_map(|(role, amount_yen, code, expires_at)| {
            EventKind::Coupon(Coupon {
                role,
                amount_yen,
                percent: amount_yen,
                code,
                url: None,
                expires_at,
                min_yen: amount_yen,
            })
        }),
        instants().prop_map(|until| EventKind::PayBy { until }),
    ]
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let one =
        (proptest::option::weighted(0.8, orders()), kinds(), instants(), any::<bool>(), proptest::option::of(texts()));
    proptest::collection::vec(one, 0..12).prop_map(|all| {
        let event = |(n, (order, kind, at, verified, shop_code)): (usize, (_, _, _, bool, _))| Event {
            order,
            shop_code,
            trust: if verified { TrustLevel::Verified } else { TrustLevel::Unverified },
            ..Event::of(&n.to_string(), at, kind)
        };
        all.into_iter().enumerate().map(event).collect()
    })
}

fn statements() -> impl Strategy<Value = Vec<Statement>> {
    use proptest::option::of;
    let mail = (0_usize..12).prop_map(|n| MailKey::of(n.to_string().as_bytes()));
    let said =
        prop_oneof![
            (of(amounts()), of(instants()), of(any::<bool>()))
                .prop_map(|(points, expires, coupon_back)| Said::Confirm { points, expires, coupon_back }),
            Just(Said::Deny),
            Just(Said::Lives),
            (amounts(), instants()).prop_map(|(points, expires)| Said::Limited { points, expires }),
            (mail, amounts()).prop_map(|(mail, points)| Said::Assign { mail, points }),
        ];
    let one = (orders(), said, instants());
    let one = one.prop_map(|(order, said, at)| Statement { order, said, at, by: By::Command });
    proptest::collection::vec(one, 0..6)
}

/// Every number of the settings the same: the smallest, the usual ones, the largest.
fn settings() -> impl Strategy<Value = Settings> {
    let extreme = |n: u16| Settings {
        look_after_days: n,
        coupon_check_after_days: n,
        look_hour: u8::try_from(n.min(255)).unwrap(),
        ask_shop_after_business_days: n,
        ask_rakuten_after_business_days: n,
        ask_hour: u8::try_from(n.min(255)).unwrap(),
        coupon_days: n,
        reply_business_days: n,
        pay_days: n,
        card_days: n,
        spend_days: n,
        protection_days: n,
        late_claim_business_days: n,
        lapse_days: n,
        match_days: n,
        twice_days: n,
        free_cancel_minutes: n,
        bad_shop_cancels: n,
        bad_shop_percent: n,
        remind: Remind {
            reply_hours: vec![n],
            pay_hours: vec![n, n],
            spend_hours: Vec::new(),
            coupon_hours: vec![n, 0],
            claim_hours: Vec::new(),
            protection_days: vec![n, 0],
        },
        ..Settings::default()
    };
    select(vec![extreme(0), Settings::default(), extreme(u16::MAX)])
}

/// One line, of a length that fits a phone, with nothing in it that turns or hides it.
fn fit_to_be_read(alert: &Alert) -> bool {
    let clean = |text: &str| {
        !text.chars().any(|c| {
            (c.is_control() && c != '\n')
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        })
    };
    let details = serde_json::to_string(&alert.details).unwrap();
    clean(&alert.title)
        && !alert.title.contains('\n')
        && alert.title.len() < 2_000
        && clean(&alert.body)
        && !alert.body.contains("\nBcc")
        && alert.body.len() < 8_000
        && clean(&details)
        && details.len() < 8_000
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn absurd_dates_sums_and_settings_break_nothing(
        events in events(),
        statements in statements(),
        settings in settings(),
        now in instants(),
        last in proptest::option::of(instants()),
    ) {
        let policy = Policy { channels: vec!["phone".to_owned()], ..Policy::default() };
        let cases = ledger::cases(&events, &statements, &settings, now);
        for case in cases.values() {
            let points = &case.points;
            if let (Some(used), Some(back)) = (points.used, points.returned) {
                prop_assert!(back <= used, "{points:?}");
            }
            let list = appointments(case, &settings);
            prop_assert!(list.windows(2).all(|two| two[0].at <= two[1].at));
            prop_assert!(wake_at(case, &settings, now).is_none_or(|at| at > now));
            let _ = passed(case, last.unwrap_or(now), now);
            let _ = ledger::sheet(case);
        }
        let shops = ledger::shops(&events, &cases, &settings, now);
        let mut wishes: Vec<Wish> = warn(&cases, &shops, &settings, &policy, now);
        let due = on_time(&cases, last, &settings, &policy, now);
        wishes.extend(together(&due.iter().collect::<Vec<&Due>>(), &policy, now));
        wishes.extend(due.into_iter().flat_map(|due| due.wishes));
        for wish in &wishes {
            let Effect::Alert { alert, .. } = &wish.effect else { panic!("{wish:?}") };
            prop_assert!(fit_to_be_read(alert), "{alert:?}");
        }
    }
}
