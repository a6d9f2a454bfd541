//! The return rules of the domain document, told as mails and statements.

use super::case::{About, CouponState, Question, State};
use super::due::Settings;
use super::event::{By, Event, EventKind, Said, Statement, Terms};
use super::{Case, NextStep, cases, is_cancelled, sheet};
use crate::calendar::rfc3339;
use crate::facts::{Cancelled, Cause, Coupon, CouponRole, Form, OrderNumber, PointsReturn, Stage};
use crate::mail::TrustLevel::{self, Suspect, Unverified, Verified};
use crate::mailbox::MailKey;
use jiff::Timestamp;

mod contradictions;
mod histories;

const A: &str = "399999-20261120-0123456789";
const B: &str = "399999-20261120-0123456790";

fn number(order: &str) -> OrderNumber {
    OrderNumber::parse(order).unwrap()
}

/// `11-24 10:03` of 2026 in Tokyo; `2027-01-05 10:00` names the year.
fn at(text: &str) -> Timestamp {
    let text = if text.len() == 11 { format!("2026-{text}") } else { text.to_owned() };
    format!("{}:00+09:00", text.replace(' ', "T")).parse().unwrap()
}

fn event(order: Option<&str>, when: &str, trust: TrustLevel, kind: EventKind) -> Event {
    let name = format!("{order:?} {when} {trust:?} {kind:?}");
    Event {
        order: order.map(number),
        shop_code: Some("modori-zakka".to_owned()),
        trust,
        ..Event::of(&name, at(when), kind)
    }
}

fn terms(points: u64, coupon: u64, payment: u64) -> Terms {
    Terms {
        shop_code: Some("modori-zakka".to_owned()),
        total_yen: Some(points + coupon + payment),
        points_used: Some(points),
        coupon_used_yen: Some(coupon),
        payment_yen: Some(payment),
        ..Terms::default()
    }
}

fn ordered(points: u64, coupon: u64, payment: u64) -> Event {
    let kind = EventKind::Order { stage: Stage::Ordered, terms: terms(points, coupon, payment) };
    event(Some(A), "11-20 20:02", Verified, kind)
}

fn stage(stage: Stage, when: &str) -> Event {
    event(Some(A), when, Verified, EventKind::Order { stage, terms: Terms::default() })
}

fn cancel(form: Cancelled, cause: Option<Cause>, when: &str) -> Event {
    let kind = EventKind::Cancel { form, cause, terms: Terms::default(), reply_by: None };
    event(Some(A), when, Verified, kind)
}

fn partial(left: Terms) -> Event {
    let kind = EventKind::Cancel { form: Cancelled::Partial, cause: Some(Cause::Shop), terms: left, reply_by: None };
    event(Some(A), "11-24 10:03", Verified, kind)
}

fn points(order: Option<&str>, amount: Option<u64>, form: Form, when: &str, trust: TrustLevel) -> Event {
    let returned = PointsReturn { amount, form };
    event(order, when, trust, EventKind::Points { returned, limited: None, expires_at: None })
}

fn back(amount: u64, when: &str, trust: TrustLevel) -> Event {
    points(Some(A), Some(amount), Form::Done, when, trust)
}

fn coupon(order: Option<&str>, role: CouponRole, ends: Option<&str>, trust: TrustLevel) -> Event {
    let coupon = Coupon {
        role,
        amount_yen: Some(500),
        percent: None,
        code: None,
        url: None,
        expires_at: ends.map(at),
        min_yen: None,
    };
    event(order, "11-25 09:00", trust, EventKind::Coupon(coupon))
}

fn says(said: Said, when: &str) -> Statement {
    Statement { order: number(A), said, at: at(when), by: By::Command }
}

fn confirm(points: Option<u64>, when: &str) -> Statement {
    says(Said::Confirm { points, expires: None, coupon_back: None }, when)
}

fn limited(points: u64, expires: &str) -> Statement {
    says(Said::Limited { points, expires: at(expires) }, "11-25 12:00")
}

fn fold(events: &[Event], statements: &[Statement], now: &str) -> Case {
    cases(events, statements, &Settings::default(), at(now)).remove(&number(A)).unwrap()
}

const SHOP: Option<Cause> = Some(Cause::Shop);
const BUYER: Option<Cause> = Some(Cause::Buyer);

fn confirmed(cause: Option<Cause>) -> Event {
    cancel(Cancelled::Confirmed, cause, "11-24 10:03")
}

#[test]
fn what_is_expected_back_follows_the_rules() {
    let check = |what: &str, events: &[Event], statements: &[Statement], used, expected| {
        let case = fold(events, statements, "11-25 13:00");
        assert_eq!((case.points.used, case.points.expected_back), (used, expected), "{what}");
    };
    let order = ordered(500, 200, 3260);
    check("full, shop", &[order.clone(), confirmed(SHOP)], &[], Some(500), Some(500));
    check("full, buyer", &[order.clone(), confirmed(BUYER)], &[], Some(500), Some(500));
    check("full, unpaid", &[order.clone(), confirmed(Some(Cause::Payment))], &[], Some(500), Some(500));
    let ended = [limited(300, "11-23 23:59")];
    check("shop, limited ended", &[order.clone(), confirmed(SHOP)], &ended, Some(500), Some(500));
    check("buyer, limited ended", &[order.clone(), confirmed(BUYER)], &ended, Some(500), Some(200));
    check("unpaid, limited ended", &[order.clone(), confirmed(Some(Cause::Payment))], &ended, Some(500), Some(200));
    check("unknown cause, limited ended", &[order.clone(), confirmed(None)], &ended, Some(500), Some(500));
    let valid = [limited(300, "11-30 23:59")];
    check("buyer, limited valid", &[order.clone(), confirmed(BUYER)], &valid, Some(500), Some(500));
    check(
        "two batches",
        &[order.clone(), confirmed(BUYER)],
        &[limited(100, "11-21 23:59"), ended[0].clone()],
        Some(500),
        Some(100),
    );
    check("no order mail", &[confirmed(SHOP)], &[], None, None);
    let promise = points(Some(A), Some(500), Form::Promised, "11-24 11:00", Verified);
    check("promise only", &[confirmed(SHOP), promise], &[], None, Some(500));
    check("asked only", &[order.clone(), cancel(Cancelled::Pending, SHOP, "11-24 10:00")], &[], Some(500), Some(0));
    check("living", std::slice::from_ref(&order), &[], Some(500), Some(0));
    check("no points used", &[ordered(0, 0, 3960), confirmed(SHOP)], &[], Some(0), Some(0));

    check("mixed, money first", &[order.clone(), partial(terms(500, 0, 1480))], &[], Some(500), Some(0));
    let bare = |total: u64| Terms { total_yen: Some(total), coupon_used_yen: Some(0), ..Terms::default() };
    check("mixed, total below points", &[order.clone(), partial(bare(400))], &[], Some(500), Some(100));
    check("mixed, total above points", &[order.clone(), partial(bare(1980))], &[], Some(500), Some(0));
    check("paid by points alone", &[ordered(3960, 0, 0), partial(bare(1980))], &[], Some(3960), Some(1980));
    check("stated difference", &[ordered(3960, 0, 0), partial(terms(1980, 0, 0))], &[], Some(3960), Some(1980));
    check("nothing stated", &[order.clone(), partial(Terms::default())], &[], Some(500), None);
    check("partial without order mail", &[partial(terms(500, 0, 1480))], &[], Some(500), Some(0));
    check(
        "then the whole",
        &[order, partial(terms(500, 0, 1480)), cancel(Cancelled::Confirmed, SHOP, "11-26 10:00")],
        &[],
        Some(500),
        Some(500),
    );
}

#[test]
fn only_verified_mail_with_the_number_or_the_shopper_proves() {
    let check =
        |what: &str, more: &[Event], statements: &[Statement], returned, outstanding, questions: &[Question]| {
            let events: Vec<Event> = [ordered(500, 0, 3460), confirmed(SHOP)].iter().chain(more).cloned().collect();
            let case = fold(&events, statements, "11-28 12:00");
            let got = (case.points.returned, case.points.outstanding, case.questions.as_slice());
            assert_eq!(got, (returned, outstanding, questions), "{what}");
        };
    let claimed = |points| Question::ReturnClaimed { points, mail: None };
    check("nothing yet", &[], &[], Some(0), Some(500), &[]);
    check("verified", &[back(500, "11-25 10:00", Verified)], &[], Some(500), Some(0), &[]);
    check("unverified", &[back(500, "11-25 10:00", Unverified)], &[], Some(0), Some(500), &[claimed(Some(500))]);
    check("suspect", &[back(500, "11-25 10:00", Suspect)], &[], Some(0), Some(500), &[]);
    let all = points(Some(A), None, Form::Done, "11-25 10:00", Verified);
    check("verified, no amount", &[all], &[], Some(500), Some(0), &[]);
    check(
        "promise",
        &[points(Some(A), Some(500), Form::Promised, "11-25 10:00", Verified)],
        &[],
        Some(0),
        Some(500),
        &[],
    );
    let loose = points(None, Some(500), Form::Done, "11-25 10:00", Verified);
    let nameless = Question::ReturnClaimed { points: Some(500), mail: Some(loose.mail.short()) };
    check("verified, no number", &[loose], &[], Some(0), Some(500), &[nameless]);
    let refused = points(Some(A), None, Form::Refused, "11-25 10:00", Verified);
    check("refused", &[refused], &[], Some(0), Some(500), &[Question::ReturnRefused { points: None }]);

    let two = [back(300, "11-25 10:00", Verified), back(200, "11-26 10:00", Verified)];
    check("two parts", &two, &[], Some(500), Some(0), &[]);
    let again = [back(200, "11-25 10:00", Verified), back(200, "11-26 10:00", Verified)];
    check("told twice", &again, &[], Some(200), Some(300), &[Question::ReturnTwice { points: 200 }]);
    let much = [back(400, "11-25 10:00", Verified), back(300, "11-26 10:00", Verified)];
    check("too much", &much, &[], Some(500), Some(0), &[Question::MoreThanUsed { said: 700, used: 500 }]);

    check("bare confirm", &[], &[confirm(None, "11-26 12:00")], Some(500), Some(0), &[]);
    check("a part", &[], &[confirm(Some(200), "11-26 12:00")], Some(200), Some(300), &[]);
    check(
        "the sum so far",
        &[],
        &[confirm(Some(200), "11-26 12:00"), confirm(Some(500), "11-27 12:00")],
        Some(500),
        Some(0),
        &[],
    );
    check(
        "the same again",
        &[],
        &[confirm(Some(200), "11-26 12:00"), confirm(Some(200), "11-27 12:00")],
        Some(200),
        Some(300),
        &[],
    );
    let proof = back(500, "11-25 10:00", Verified);
    check("denied after", std::slice::from_ref(&proof), &[says(Said::Deny, "11-26 12:00")], Some(0), Some(500), &[]);
    check("denied before", &[proof], &[says(Said::Deny, "11-24 12:00")], Some(500), Some(0), &[]);
    check(
        "claim answered",
        &[back(500, "11-25 10:00", Unverified)],
        &[says(Said::Deny, "11-26 12:00")],
        Some(0),
        Some(500),
        &[],
    );
    let given_up = [confirm(Some(200), "11-26 12:00"), says(Said::Lost, "11-27 12:00")];
    check("given up", &[], &given_up, Some(200), Some(300), &[]);
}

#[test]
fn bare_confirm_ends_a_case_whose_points_nobody_knows() {
    let open = fold(&[confirmed(SHOP)], &[], "11-25 12:00");
    assert_eq!((open.ended, open.points.outstanding), (false, None));
    assert_eq!(open.questions, [Question::OrderUnseen]);
    let done = fold(&[confirmed(SHOP)], &[confirm(None, "11-25 11:00")], "11-25 12:00");
    assert_eq!((done.ended, done.points.outstanding, done.points.returned), (true, Some(0), None));
}

#[test]
fn how_far_a_cancellation_is() {
    let check = |what: &str, events: &[Event], statements: &[Statement], state, ended| {
        let mut all = vec![ordered(500, 0, 3460)];
        all.extend_from_slice(events);
        let case = fold(&all, statements, "11-28 12:00");
        assert_eq!((case.cancelled, case.ended), (state, ended), "{what}");
    };
    let unverified = |mut event: Event| {
        event.trust = Unverified;
        event
    };
    let claimed = |when| cancel(Cancelled::Claimed, SHOP, when);
    let pending = || cancel(Cancelled::Pending, SHOP, "11-23 10:00");
    check("living", &[], &[], State::None, true);
    check("confirmed", &[confirmed(SHOP)], &[], State::Confirmed, false);
    check("a notice nobody vouches for", &[unverified(confirmed(SHOP))], &[], State::Claimed, false);
    check("claimed, then confirmed", &[claimed("11-23 10:00"), confirmed(None)], &[], State::Confirmed, false);
    check("asked", &[pending()], &[], State::Pending, false);
    check("asked, then cancelled", &[pending(), claimed("11-24 10:00")], &[], State::Claimed, false);
    check("asked, then found", &[pending(), stage(Stage::FoundAfterAll, "11-24 09:00")], &[], State::None, true);
    check("asked, then shipped", &[pending(), stage(Stage::Shipped, "11-24 09:00")], &[], State::None, true);
    check("requested", &[cancel(Cancelled::Requested, None, "11-23 10:00")], &[], State::Requested, false);
    check(
        "cancelled, then shipped",
        &[confirmed(SHOP), stage(Stage::Shipped, "11-25 09:00")],
        &[],
        State::Conflict,
        false,
    );
    check(
        "shipped, then sent back",
        &[stage(Stage::Shipped, "11-22 09:00"), confirmed(BUYER)],
        &[],
        State::Confirmed,
        false,
    );
    check("delayed", &[stage(Stage::Delayed, "11-22 09:00")], &[], State::None, true);
    check(
        "part of it, the rest shipped",
        &[partial(terms(500, 0, 1480)), stage(Stage::Shipped, "11-25 09:00")],
        &[],
        State::Partial,
        true,
    );
    let shipped = [confirmed(SHOP), stage(Stage::Shipped, "11-25 09:00")];
    check("the shopper decides", &shipped, &[confirm(None, "11-26 09:00")], State::Confirmed, true);
    check("the shopper knows first", &[], &[confirm(None, "11-26 09:00")], State::Confirmed, true);
    check("given up", &[confirmed(SHOP)], &[says(Said::Lost, "11-26 09:00")], State::Confirmed, true);
    let alive = says(Said::Lives, "11-26 09:00");
    check("the shopper knows that it lives", &shipped, std::slice::from_ref(&alive), State::None, true);
    let again = [confirmed(SHOP), cancel(Cancelled::Claimed, SHOP, "11-27 09:00")];
    check("cancelled once more", &again, std::slice::from_ref(&alive), State::Claimed, false);
    // what she said of the cancellation before is no answer to the one after
    for before in [confirm(None, "11-25 09:00"), says(Said::Lost, "11-25 09:00")] {
        check("cancelled once more", &again, &[before, alive.clone()], State::Claimed, false);
    }
    let returned = [again[0].clone(), back(500, "11-25 09:00", Verified), again[1].clone()];
    check(
        "cancelled once more, after points were back",
        &returned,
        std::slice::from_ref(&alive),
        State::Claimed,
        false,
    );
    let corrected = [confirm(None, "11-25 09:00"), alive.clone()];
    check("confirmed by mistake", &[], &corrected, State::None, true);
    let both = [alive, says(Said::Deny, "11-27 09:00")];
    check("she was wrong", &[confirmed(SHOP)], &both, State::Confirmed, false);
    let denied = fold(&again, &[both[0].clone(), says(Said::Deny, "11-27 18:00")], "11-28 12:00");
    assert_eq!(denied.cancelled_at, Some(at("11-27 09:00")), "the clocks of the new cancellation");
    let taken_back = [says(Said::Lost, "11-26 09:00"), says(Said::Deny, "11-27 09:00")];
    check("not given up after all", &[confirmed(SHOP)], &taken_back, State::Confirmed, false);
}

#[test]
fn clocks_run_in_business_days_of_tokyo() {
    let check = |when: &str, expect: [&str; 3]| {
        let case = fold(&[ordered(500, 0, 3460), cancel(Cancelled::Confirmed, SHOP, when)], &[], "11-24 12:00");
        let got = [case.due.look_at, case.due.ask_shop_at, case.due.ask_rakuten_at].map(|at| rfc3339(at.unwrap()));
        assert_eq!(got, expect.map(|text| rfc3339(at(text))), "{when}");
        assert_eq!(rfc3339(case.due.protection_until.unwrap()), "2027-02-18T23:59:59+09:00");
    };
    check("11-20 23:30", ["11-21 10:00", "11-26 18:00", "11-30 18:00"]);
    check("11-22 10:03", ["11-23 10:00", "11-26 18:00", "11-30 18:00"]);
    check("11-30 10:03", ["12-01 10:00", "12-03 18:00", "12-07 18:00"]);
    check("12-25 10:03", ["12-26 10:00", "2027-01-05 18:00", "2027-01-07 18:00"]);
    check("12-28 10:03", ["12-29 10:00", "2027-01-06 18:00", "2027-01-08 18:00"]);
}

#[test]
fn the_next_step_climbs_with_time() {
    let check = |events: &[Event], statements: &[Statement], now: &str, expect: Option<(NextStep, &str)>| {
        let case = fold(events, statements, now);
        assert_eq!(case.next(), expect.map(|(step, when)| (step, at(when))), "{now}");
    };
    let cancelled = [ordered(500, 0, 3460), confirmed(SHOP)];
    check(&cancelled, &[], "11-24 12:00", Some((NextStep::Look, "11-25 10:00")));
    check(&cancelled, &[], "11-26 12:00", Some((NextStep::Look, "11-25 10:00")));
    check(&cancelled, &[], "11-27 18:00", Some((NextStep::AskShop, "11-27 18:00")));
    check(&cancelled, &[], "12-02 12:00", Some((NextStep::AskRakuten, "12-01 18:00")));
    check(&cancelled, &[confirm(None, "11-25 12:00")], "11-26 12:00", None);
    check(&cancelled, &[], "2027-03-20 23:00", Some((NextStep::AskRakuten, "12-01 18:00")));
    check(&cancelled, &[], "2027-03-21 00:00", None); // 30 days after the protection
    check(&[ordered(500, 0, 3460), confirmed(BUYER)], &[], "11-30 12:00", Some((NextStep::Look, "11-25 10:00")));
    check(&[ordered(0, 200, 3760), confirmed(SHOP)], &[], "11-24 12:00", Some((NextStep::CheckCoupon, "11-25 10:00")));
    let expiring =
        says(Said::Confirm { points: None, expires: Some(at("11-30 23:59")), coupon_back: None }, "11-25 12:00");
    check(&cancelled, std::slice::from_ref(&expiring), "11-26 12:00", Some((NextStep::Spend, "11-30 23:59")));
    check(&cancelled, &[expiring], "12-01 00:00", None);
    let asked = cancel(Cancelled::Pending, SHOP, "11-20 21:00");
    check(&[ordered(500, 0, 3460), asked], &[], "11-21 12:00", Some((NextStep::Reply, "11-24 18:00")));
    let due = event(Some(A), "11-21 09:00", Verified, EventKind::PayBy { until: at("12-04 23:59") });
    check(&[ordered(0, 0, 3460), due.clone()], &[], "11-22 12:00", Some((NextStep::Pay, "12-04 23:59")));
    check(&[ordered(0, 0, 3460), due, stage(Stage::Paid, "11-23 12:00")], &[], "11-24 12:00", None);
    let refused = [ordered(0, 0, 3460), stage(Stage::CardRefused, "11-21 09:00")];
    assert_eq!(rfc3339(fold(&refused, &[], "11-22 12:00").next().unwrap().1), "2026-11-28T23:59:59+09:00");
}

#[test]
fn the_coupon_has_a_story_of_its_own() {
    let check = |what: &str, more: &[Event], statements: &[Statement], state, ended| {
        let events: Vec<Event> = [ordered(0, 200, 3760), confirmed(SHOP)].iter().chain(more).cloned().collect();
        let case = fold(&events, statements, "11-28 12:00");
        assert_eq!((case.coupon.state, case.ended), (state, ended), "{what}");
    };
    let said = |points, back| says(Said::Confirm { points, expires: None, coupon_back: back }, "11-26 12:00");
    check("look", &[], &[], CouponState::Check, false);
    check("untouched by a bare word", &[], &[said(None, None)], CouponState::Check, false);
    check("back", &[], &[said(None, Some(true))], CouponState::Back, true);
    check("lost", &[], &[said(None, Some(false))], CouponState::Lost, true);
    check("given up", &[], &[says(Said::Lost, "11-26 12:00")], CouponState::Lost, true);
    check(
        "an apology is a new one",
        &[coupon(Some(A), CouponRole::Apology, None, Verified)],
        &[],
        CouponState::Check,
        false,
    );
    check("a mail proves", &[coupon(Some(A), CouponRole::Returned, None, Verified)], &[], CouponState::Back, true);
    check("a mail claims", &[coupon(Some(A), CouponRole::Returned, None, Unverified)], &[], CouponState::Check, false);
    check("a mail refuses", &[coupon(Some(A), CouponRole::Refused, None, Verified)], &[], CouponState::Lost, true);

    let known = coupon(None, CouponRole::Apology, Some("12-31 23:59"), Verified);
    let case = fold(&[ordered(0, 200, 3760), confirmed(SHOP), known], &[], "11-28 12:00");
    assert_eq!(case.evidence.last().unwrap().claim, "coupon-apology");
    assert_eq!(rfc3339(case.due.coupon_until.unwrap()), "2026-12-01T23:59:59+09:00");
    assert_eq!(case.assumed, ["coupon_until"]);
    // what nobody stated is over, or comes later than what a mail states
    let known = coupon(None, CouponRole::Apology, Some("12-31 23:59"), Verified);
    let case = fold(&[ordered(0, 200, 3760), confirmed(SHOP), known], &[], "12-02 12:00");
    assert_eq!((case.due.coupon_until, case.assumed.as_slice()), (Some(at("12-31 23:59")), &[][..]));
    let soon = coupon(None, CouponRole::Apology, Some("11-30 23:59"), Verified);
    let case = fold(&[ordered(0, 200, 3760), confirmed(SHOP), soon], &[], "11-28 12:00");
    assert_eq!((case.due.coupon_until, case.assumed.as_slice()), (Some(at("11-30 23:59")), &[][..]));
}

#[test]
fn a_refund_that_fits_two_orders_is_left_open() {
    let other = |event: &Event| {
        let mut event = event.clone();
        event.order = Some(number(B));
        event.second_identity.push('B');
        event
    };
    let mut events = vec![ordered(500, 0, 3460), confirmed(SHOP)];
    events.extend([other(&events[0]), other(&events[1])]);
    events.push(points(None, Some(500), Form::Done, "11-25 10:00", Verified));
    let both = cases(&events, &[], &Settings::default(), at("11-28 12:00"));
    let mail = events.last().unwrap().mail.short();
    let question = Question::WhichOrder { points: Some(500), orders: vec![number(A), number(B)], mail: mail.clone() };
    for case in both.values() {
        assert_eq!((case.questions.as_slice(), case.points.returned), (&[question.clone()][..], Some(0)));
    }
    // once one of them has its points, the other is the one
    let one = cases(&events, &[confirm(None, "11-26 10:00")], &Settings::default(), at("11-28 12:00"));
    assert_eq!(one[&number(A)].questions, []);
    assert_eq!(one[&number(B)].questions, [Question::ReturnClaimed { points: Some(500), mail: Some(mail) }]);
    // another shop, another amount, another time
    for (shop, amount, when) in
        [("other", 500, "11-25 10:00"), ("modori-zakka", 400, "11-25 10:00"), ("modori-zakka", 500, "2027-01-25 10:00")]
    {
        let mut loose = points(None, Some(amount), Form::Done, when, Verified);
        loose.shop_code = Some(shop.to_owned());
        let case = fold(&[ordered(500, 0, 3460), confirmed(SHOP), loose], &[], "2027-01-26 12:00");
        assert_eq!(case.questions, [], "{shop} {amount} {when}");
    }
}

#[test]
fn the_shop_may_be_asked_when_it_is_time_and_the_cancellation_is_proven() {
    let check = |events: &[Event], statements: &[Statement], now: &str, expect: bool| {
        assert_eq!(fold(events, statements, now).may_ask_shop, expect, "{now}");
    };
    let cancelled = [ordered(500, 0, 3460), confirmed(SHOP)];
    check(&cancelled, &[], "11-27 17:59", false);
    check(&cancelled, &[], "11-27 18:00", true);
    check(&cancelled, &[confirm(None, "11-27 12:00")], "11-27 18:00", false);
    check(&[ordered(500, 0, 3460), confirmed(BUYER)], &[], "11-27 18:00", false);
    let mut unverified = confirmed(SHOP);
    unverified.trust = Unverified;
    check(&[ordered(500, 0, 3460), unverified], &[], "11-27 18:00", false);
    check(
        &[cancelled[0].clone(), cancelled[1].clone(), stage(Stage::Shipped, "11-25 09:00")],
        &[],
        "11-27 18:00",
        false,
    );
}

#[test]
fn who_answered_is_asked_no_more_until_the_shop_asks_again() {
    let asks = |when| cancel(Cancelled::Pending, None, when);
    let answered = [says(Said::Answered, "11-24 12:00")];
    let case = |events: &[Event]| fold(events, &answered, "11-24 18:00");
    assert!(fold(&[asks("11-24 10:00")], &[], "11-24 18:00").due.reply_by.is_some());
    let waits = case(&[asks("11-24 10:00")]);
    assert_eq!((waits.cancelled, waits.due.reply_by, waits.ended), (State::Pending, None, false));
    assert!(case(&[asks("11-24 10:00"), asks("11-24 13:00")]).due.reply_by.is_some(), "another question");
}

#[test]
fn copies_of_a_mail_count_once_and_the_best_vouched_for_counts() {
    let good = back(200, "11-25 10:00", Verified);
    let mut copy = good.clone();
    copy.trust = Unverified;
    copy.mail = MailKey::of(b"another copy");
    let events = [ordered(500, 0, 3460), confirmed(SHOP), copy, good];
    let case = fold(&events, &[], "11-28 12:00");
    assert_eq!((case.points.returned, case.questions.as_slice()), (Some(200), &[][..]));
    assert_eq!(case.evidence.len(), 3);
}

#[test]
fn the_sheet_has_the_promised_keys() {
    let case = fold(&[ordered(500, 200, 3260), confirmed(SHOP)], &[], "11-24 12:00");
    let sheet = sheet(&case);
    let keys = |value: &serde_json::Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        keys(&sheet),
        "assumed cancelled cause conflicts coupon coupons due evidence inquiry items lead_days may_ask_shop next open \
         order_number ordered_at payment_yen points questions risks service shop_code shop_name stage"
    );
    assert_eq!(keys(&sheet["points"]), "expected_back outstanding returned used");
    assert_eq!(keys(&sheet["coupon"]), "state used_yen");
    assert_eq!(
        keys(&sheet["due"]),
        "ask_rakuten_at ask_shop_at coupon_check_at coupon_until late_claim_until look_at pay_by protection_until \
         reply_by spend_by"
    );
    let page = include_str!("../../docs/ledger.md");
    let told = [&sheet, &sheet["points"], &sheet["coupon"], &sheet["due"], &sheet["items"][0], &sheet["evidence"][0]];
    for key in told.iter().filter_map(|part| part.as_object()).flat_map(|part| part.keys()) {
        assert!(page.contains(&format!("`{key}`")), "docs/ledger.md does not tell of `{key}`");
    }
    assert_eq!(sheet["cancelled"], "confirmed");
    assert_eq!(sheet["cause"], "shop");
    assert_eq!(sheet["due"]["look_at"], "2026-11-25T10:00:00+09:00");
    assert_eq!(sheet["due"]["reply_by"], serde_json::Value::Null);
    assert_eq!(sheet["coupon"]["state"], "check");
    assert_eq!(sheet["inquiry"], "none");
    assert!(is_cancelled(&number(A), &[confirmed(None)]) && !is_cancelled(&number(B), &[confirmed(None)]));
}
