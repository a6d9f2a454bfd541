//! Months that add up and follow one another, and what counts in which.

use super::*;
use crate::facts::{Cancelled, Cause, Form, PointsReturn, Stage};
use crate::ledger::case::CouponState;
use crate::ledger::{By, EventKind, Said, Terms};
use crate::review::restock::tests::restock;
use crate::review::{Account, Flow};
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    format!("{text}:00+09:00").parse().unwrap()
}

fn number(n: u32) -> OrderNumber {
    OrderNumber::parse(&format!("399999-20261001-{n:010}")).unwrap()
}

fn event(n: u32, when: Timestamp, kind: EventKind) -> Event {
    let name = format!("{n} {when} {kind:?}");
    Event { order: Some(number(n)), shop_code: Some("modori-zakka".into()), ..Event::of(&name, when, kind) }
}

fn ordered(n: u32, when: Timestamp, points: Option<u64>) -> Event {
    let terms = Terms {
        shop_code: Some("modori-zakka".into()),
        shop_name: Some("モドリ雑貨店".into()),
        ordered_at: Some(when),
        points_used: points,
        coupon_used_yen: Some(200),
        payment_yen: Some(1_000),
        ..Terms::default()
    };
    event(n, when, EventKind::Order { stage: Stage::Ordered, terms })
}

fn cancelled(n: u32, when: Timestamp, form: Cancelled) -> Event {
    event(n, when, EventKind::Cancel { form, cause: Some(Cause::Shop), terms: Terms::default(), reply_by: None })
}

fn returned(n: u32, when: Timestamp, amount: Option<u64>) -> Event {
    let returned = PointsReturn { amount, form: Form::Done };
    event(n, when, EventKind::Points { returned, limited: None, expires_at: None })
}

fn said(n: u32, when: Timestamp, said: Said) -> Statement {
    Statement { order: number(n), said, at: when, by: By::Command }
}

fn month(text: &str) -> Month {
    Month::parse(text).unwrap()
}

fn of(text: &str, now: &str, events: &[Event], statements: &[Statement]) -> Review {
    review(month(text), at(now), events, statements, &Settings::default(), Kept::default())
}

#[test]
fn months_are_those_of_tokyo() {
    assert_eq!(Month::of("2026-10-31T14:59:59Z".parse().unwrap()).to_string(), "2026-10");
    assert_eq!(Month::of("2026-10-31T15:00:00Z".parse().unwrap()).to_string(), "2026-11");
    let november = month("2026-11");
    assert_eq!((november.begins(), november.ends()), (at("2026-11-01T00:00"), at("2026-12-01T00:00")));
    assert_eq!(
        (month("2026-12").after().to_string(), month("2027-01").before().to_string()),
        ("2027-01".into(), "2026-12".into())
    );
    assert_eq!(month("2028-02").ends(), at("2028-03-01T00:00"));
    for wrong in ["2026-13", "2026-0", "2026-1", "26-11", "2026", "", "2026-11-01", "２０２６-11", "+026-11"] {
        assert_eq!(Month::parse(wrong), None, "{wrong}");
    }
    // the ends of the calendar are months like others
    for far in ["0001-01", "9999-12"] {
        let far = month(far);
        assert!(far.begins() <= far.ends() && far.before() <= far && far <= far.after());
    }
}

#[test]
fn what_came_back_counts_in_the_month_its_mail_says() {
    let events = [
        ordered(1, at("2026-10-20T10:00"), Some(500)),
        cancelled(1, at("2026-10-25T10:00"), Cancelled::Confirmed),
        returned(1, at("2026-11-01T00:00"), Some(500)),
        ordered(2, at("2026-11-02T10:00"), Some(300)),
        cancelled(2, at("2026-11-03T10:00"), Cancelled::Confirmed),
        ordered(3, at("2026-11-04T10:00"), None),
        cancelled(3, at("2026-11-05T10:00"), Cancelled::Confirmed),
    ];
    let flow = |before, new, returned, lost, after| Flow { before, new, returned, lost, after };
    let october = of("2026-10", "2026-12-10T12:00", &events, &[]);
    assert_eq!(october.book.points, flow(0, 500, 0, 0, 500));
    assert_eq!((october.is_over, october.until), (true, at("2026-11-01T00:00")));
    let november = of("2026-11", "2026-11-30T12:00", &events, &[]);
    assert_eq!(november.book.points, flow(500, 300, 500, 0, 300));
    assert_eq!((november.is_over, november.book.unknown, november.book.cases.len()), (false, 1, 3));
    assert_eq!(november.book.cases[2].points, None, "unknown is said to be unknown");
    assert_eq!(november.book.coupons_open.count, 3);
    // what the shopper gives up in December is lost in December; what she says of a coupon, too
    let words = [
        said(2, at("2026-12-02T10:00"), Said::Lost),
        said(1, at("2026-12-03T10:00"), Said::Confirm { points: None, expires: None, coupon_back: Some(true) }),
    ];
    let november = of("2026-11", "2026-12-10T12:00", &events, &words);
    assert_eq!(november.book.points, flow(500, 300, 500, 0, 300));
    let december = of("2026-12", "2026-12-10T12:00", &events, &words);
    assert_eq!(december.book.points, flow(300, 0, 0, 300, 0));
    assert_eq!((december.book.coupons_back.count, december.book.coupons_back.yen), (1, 200));
    assert_eq!((december.book.coupons_lost.count, december.book.coupons_open.count), (1, 1));
}

#[test]
fn a_word_that_is_taken_back_moves_the_other_way() {
    let events =
        [ordered(1, at("2026-10-20T10:00"), Some(500)), cancelled(1, at("2026-10-25T10:00"), Cancelled::Confirmed)];
    let all = Said::Confirm { points: None, expires: None, coupon_back: None };
    let words = [said(1, at("2026-10-28T10:00"), all), said(1, at("2026-11-02T10:00"), Said::Deny)];
    let october = of("2026-10", "2026-12-10T12:00", &events, &words).book.points;
    assert_eq!((october.returned, october.after), (500, 0));
    let november = of("2026-11", "2026-12-10T12:00", &events, &words).book.points;
    assert_eq!((november.before, november.new, november.returned, november.after), (0, 0, -500, 500));
    // an order that lives after all owes nothing
    let words = [said(1, at("2026-11-03T10:00"), Said::Lives)];
    let november = of("2026-11", "2026-12-10T12:00", &events, &words).book;
    assert_eq!((november.points.before, november.points.new, november.points.after), (500, -500, 0));
    assert_eq!(november.cases[0].coupon, CouponState::None);
}

#[test]
fn what_is_over_before_the_month_is_not_told_again() {
    let events = [
        ordered(1, at("2026-10-20T10:00"), Some(500)),
        cancelled(1, at("2026-10-25T10:00"), Cancelled::Confirmed),
        returned(1, at("2026-10-28T10:00"), Some(500)),
    ];
    let back = Said::Confirm { points: None, expires: None, coupon_back: Some(true) };
    let words = [said(1, at("2026-10-29T10:00"), back)];
    assert_eq!(of("2026-10", "2026-12-10T12:00", &events, &words).book.cases.len(), 1);
    assert_eq!(of("2026-11", "2026-12-10T12:00", &events, &words).book, Book::default());
}

#[test]
fn shops_are_counted_by_orders_placed_and_cancellations_said_in_the_month() {
    let events = [
        ordered(1, at("2026-10-20T10:00"), Some(500)),
        cancelled(1, at("2026-11-02T10:00"), Cancelled::Confirmed),
        ordered(2, at("2026-11-03T10:00"), Some(0)),
        ordered(3, at("2026-12-03T10:00"), Some(0)),
    ];
    let kept =
        Kept { restocks: vec![restock(0, Some(5)), restock(1, Some(90_000)), restock(2, None)], ..Kept::default() };
    let review = review(month("2026-11"), at("2026-12-10T12:00"), &events, &[], &Settings::default(), kept);
    let [shop] = review.shops.as_slice() else { panic!("{:?}", review.shops) };
    assert_eq!((shop.orders, shop.cancels, shop.cancels_claimed, shop.restocks), (1, 1, 0, 3));
    assert_eq!((shop.code.as_str(), shop.name.as_deref()), ("modori-zakka", Some("モドリ雑貨店")));
    let of = &review.restocks;
    assert_eq!((of.all, of.told, of.late, of.quiet, of.missed, of.open), (3, 2, 1, 1, 0, 0));
    assert_eq!(review.late.len(), 1);
}

/// What may happen to an order, by the day.
fn happenings() -> impl Strategy<Value = Vec<(u32, u8, u16, u64)>> {
    proptest::collection::vec((1..6_u32, 0..12_u8, 0..(24 * 150_u16), 0..900_u64), 0..60)
}

fn ledger_of(happenings: &[(u32, u8, u16, u64)]) -> (Vec<Event>, Vec<Statement>) {
    let (mut events, mut words) = (Vec::new(), Vec::new());
    for (n, what, hour, points) in happenings.iter().copied() {
        let when = at("2026-10-01T00:00") + jiff::SignedDuration::from_hours(i64::from(hour));
        match what {
            0 => events.push(ordered(n, when, None)),
            1 | 2 => events.push(ordered(n, when, Some(points))),
            3 => events.push(cancelled(n, when, Cancelled::Confirmed)),
            4 => events.push(cancelled(n, when, Cancelled::Claimed)),
            5 => events.push(cancelled(n, when, Cancelled::Partial)),
            6 => events.push(returned(n, when, Some(points))),
            7 => events.push(returned(n, when, None)),
            8 => words.push(said(n, when, Said::Lost)),
            9 => words.push(said(n, when, Said::Deny)),
            10 => words.push(said(n, when, Said::Lives)),
            _ => {
                let points = (points % 2 == 0).then_some(points);
                words.push(said(n, when, Said::Confirm { points, expires: None, coupon_back: Some(hour % 2 == 0) }));
            }
        }
    }
    (events, words)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn months_add_up_and_follow_one_another(all in happenings()) {
        let (events, words) = ledger_of(&all);
        let now = at("2027-07-10T12:00");
        let mut open = 0;
        let mut this = month("2026-09");
        while this <= month("2027-07") {
            let book = review(this, now, &events, &words, &Settings::default(), Kept::default()).book;
            prop_assert!(book.points.adds_up(), "{this}: {:?}", book.points);
            prop_assert_eq!(book.points.before, open, "{} begins as the month before ended", this);
            open = book.points.after;
            let mut sum = Account::default();
            let (mut unknown, mut flows) = (0, Flow::default());
            for case in &book.cases {
                prop_assert!(case.flow.adds_up(), "{this}: {case:?}");
                let flow = case.flow;
                flows = Flow {
                    before: flows.before + flow.before,
                    new: flows.new + flow.new,
                    returned: flows.returned + flow.returned,
                    lost: flows.lost + flow.lost,
                    after: flows.after + flow.after,
                };
                match &case.points {
                    Some(account) => {
                        prop_assert_eq!(account.expected, account.returned + account.open + account.lost);
                        prop_assert_eq!(i64::try_from(account.open).unwrap(), case.flow.after);
                        sum.expected += account.expected;
                        sum.returned += account.returned;
                        sum.open += account.open;
                        sum.lost += account.lost;
                    }
                    None => unknown += u64::from(!case.ended),
                }
            }
            prop_assert_eq!(flows, book.points, "the orders are the whole");
            prop_assert_eq!(sum, book.standing);
            prop_assert_eq!(unknown, book.unknown);
            this = this.after();
        }
    }
}

#[test]
fn a_case_that_is_gone_takes_its_points_with_it() {
    let events =
        [ordered(1, at("2026-10-20T10:00"), Some(500)), cancelled(1, at("2026-10-25T10:00"), Cancelled::Confirmed)];
    let before = ledger::cases(&events, &[], &Settings::default(), at("2026-11-01T00:00"));
    let book = book(&before, &BTreeMap::new());
    assert_eq!(book.points, Flow { before: 500, new: -500, returned: 0, lost: 0, after: 0 });
    assert!(book.points.adds_up() && book.cases[0].ended);
    assert_eq!((book.cases[0].coupon, book.coupons_open.count), (CouponState::None, 0));
}
