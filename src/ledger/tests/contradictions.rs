//! Mails that name no order, mails that contradict each other, deadlines that nobody stated.

use super::*;

/// The same event of another order.
fn of(order: &str, event: &Event) -> Event {
    let mut event = event.clone();
    event.order = Some(number(order));
    event.second_identity.push_str(order);
    event.mail = MailKey::of(event.second_identity.as_bytes());
    event
}

#[test]
fn one_refund_over_several_orders_is_a_question_and_never_counts_twice() {
    const C: &str = "399999-20261120-0123456791";
    let settings = Settings::default();
    let at_end = at("11-28 12:00");
    let mut events = vec![ordered(500, 0, 3460), confirmed(SHOP)];
    events.extend([of(B, &ordered(300, 0, 3460)), of(B, &confirmed(SHOP))]);
    events.push(points(None, Some(800), Form::Done, "11-25 10:00", Verified));
    let mail = events.last().unwrap().mail;
    let together = Question::Together { points: 800, orders: vec![number(A), number(B)], mail: mail.short() };
    let both = cases(&events, &[], &settings, at_end);
    for case in both.values() {
        assert_eq!((case.questions.as_slice(), case.points.returned), (&[together.clone()][..], Some(0)));
    }
    // a third order makes it a tie
    let mut tie = events.clone();
    tie.extend([of(C, &ordered(300, 0, 3460)), of(C, &confirmed(SHOP))]);
    let orders = vec![number(A), number(B), number(C)];
    let which = Question::WhichOrder { points: Some(800), orders, mail: mail.short() };
    for case in cases(&tie, &[], &settings, at_end).values() {
        assert_eq!(case.questions, std::slice::from_ref(&which));
    }

    // the shopper says whose they are: proven, and no more than the mail speaks of
    let give = |order: &str, points, when: &str| Statement {
        order: number(order),
        said: Said::Assign { mail, points },
        at: at(when),
        by: By::Command,
    };
    let said = [give(A, 500, "11-26 09:00"), give(B, 300, "11-26 09:00")];
    let given = cases(&events, &said, &settings, at_end);
    assert_eq!(given[&number(A)].points.outstanding, Some(0));
    assert_eq!(given[&number(B)].points.outstanding, Some(0));
    assert!(given.values().all(|case| case.questions.is_empty() && case.ended), "{given:?}");
    assert_eq!(given[&number(A)].evidence.last().unwrap().claim, "points-returned");
    let greedy = [give(A, 500, "11-26 09:00"), give(B, 500, "11-26 09:00")];
    let given = cases(&events, &greedy, &settings, at_end);
    assert_eq!((given[&number(A)].points.returned, given[&number(B)].points.returned), (Some(500), Some(300)));
    // what is taken back is open again, and not asked about that order
    let disown = Statement { order: number(B), said: Said::Disown { mail }, at: at("11-27 09:00"), by: By::Command };
    let given = cases(&tie, &[said[0].clone(), said[1].clone(), disown.clone()], &settings, at_end);
    assert_eq!(given[&number(B)].points.returned, Some(0));
    let given = cases(&tie, &[disown], &settings, at_end);
    let rest = Question::Together { points: 800, orders: vec![number(A), number(C)], mail: mail.short() };
    assert_eq!(given[&number(A)].questions, [rest]);
    assert_eq!(given[&number(B)].questions, []);
}

#[test]
fn contradictions_are_shown_with_both_proofs() {
    let check = |events: &[Event], statements: &[Statement], state, about: &[About]| {
        let case = fold(events, statements, "11-28 12:00");
        let got: Vec<About> = case.conflicts.iter().map(|conflict| conflict.about).collect();
        assert_eq!((case.cancelled, got.as_slice()), (state, about), "{:?}", case.conflicts);
        assert!(case.conflicts.iter().all(|conflict| conflict.proofs[0].date <= conflict.proofs[1].date));
    };
    let costs = |total, payment| {
        let terms = Terms { total_yen: Some(total), payment_yen: payment, ..Terms::default() };
        let kind = EventKind::Cancel { form: Cancelled::Confirmed, cause: SHOP, terms, reply_by: None };
        event(Some(A), "11-24 10:03", Verified, kind)
    };
    let order = ordered(500, 200, 3260);
    check(&[order.clone(), confirmed(SHOP)], &[], State::Confirmed, &[]);
    check(&[order.clone(), costs(3960, None)], &[], State::Confirmed, &[]);
    check(&[order.clone(), costs(3260, None)], &[], State::Confirmed, &[]); // what was paid
    check(&[order.clone(), costs(3760, None)], &[], State::Confirmed, &[]); // less the coupon
    check(&[order.clone(), costs(5000, Some(4300))], &[], State::Conflict, &[About::Totals]);
    check(&[order.clone(), costs(5000, None)], &[confirm(None, "11-27 09:00")], State::Confirmed, &[About::Totals]);
    // an acceptance may change the amount, and binds
    let kind = EventKind::Order { stage: Stage::Accepted, terms: terms(500, 200, 4300) };
    let accepted = event(Some(A), "11-21 09:00", Verified, kind);
    check(&[order.clone(), accepted, costs(5000, None)], &[], State::Confirmed, &[]);
    // two confirmations of a living order
    let mut again = ordered(500, 200, 9000);
    again.at = at("11-20 20:05");
    check(&[order.clone(), again], &[], State::None, &[About::Totals]);
    let shipped = stage(Stage::Shipped, "11-25 09:00");
    check(&[order.clone(), confirmed(SHOP), shipped], &[], State::Conflict, &[About::Life]);
    let causes = [order.clone(), confirmed(SHOP), cancel(Cancelled::Claimed, BUYER, "11-24 09:00")];
    check(&causes, &[], State::Confirmed, &[About::Cause]);
    let kind = EventKind::Cancel {
        form: Cancelled::Confirmed,
        cause: SHOP,
        terms: Terms { points_used: Some(300), ..Terms::default() },
        reply_by: None,
    };
    check(&[order, event(Some(A), "11-24 10:03", Verified, kind)], &[], State::Confirmed, &[About::PointsUsed]);
}

#[test]
fn deadlines_that_nobody_stated_are_marked() {
    let cancelled = [ordered(500, 200, 3260), confirmed(SHOP)];
    assert_eq!(fold(&cancelled, &[], "11-24 12:00").assumed, ["coupon_until"]);
    // nobody says which of the points were limited-time ones: the cautious date is shown, and keeps nothing open
    let said = [says(Said::Confirm { points: None, expires: None, coupon_back: Some(true) }, "11-25 12:00")];
    let case = fold(&cancelled, &[confirm(None, "11-25 12:00"), said[0].clone()], "11-26 12:00");
    assert_eq!((case.assumed.as_slice(), case.ended), (&["spend_by"][..], true));
    assert_eq!(rfc3339(case.due.spend_by.unwrap()), "2026-12-02T23:59:59+09:00");
    let careless = Settings { assume_limited: false, ..Settings::default() };
    let case = cases(&cancelled, &[confirm(None, "11-25 12:00"), said[0].clone()], &careless, at("11-26 12:00"))
        .remove(&number(A))
        .unwrap();
    assert_eq!((case.due.spend_by, case.assumed.is_empty()), (None, true));
    // known to be limited-time ones: the case waits until they are spent
    let words = [limited(500, "11-23 23:59"), confirm(None, "11-25 12:00"), said[0].clone()];
    let case = fold(&cancelled, &words, "11-26 12:00");
    assert_eq!((case.assumed.as_slice(), case.ended), (&["spend_by"][..], false));
    let asked = [ordered(500, 0, 3460), cancel(Cancelled::Pending, SHOP, "11-20 21:00")];
    assert_eq!(fold(&asked, &[], "11-21 12:00").assumed, ["reply_by"]);
    let refused = [ordered(0, 0, 3460), stage(Stage::CardRefused, "11-21 09:00")];
    assert_eq!(fold(&refused, &[], "11-22 12:00").assumed, ["pay_by"]);
}

#[test]
fn a_late_delivery_can_be_claimed_for_where_the_mail_proves_the_service() {
    use crate::facts::Service;
    let order = |service| {
        let mut order = ordered(0, 0, 3460);
        if let EventKind::Order { terms, .. } = &mut order.kind {
            terms.service = service;
        }
        order
    };
    let check = |service, more: &[Event], expect: Option<&str>| {
        let events: Vec<Event> = [order(service)].iter().chain(more).cloned().collect();
        let case = fold(&events, &[], "11-24 12:00");
        assert_eq!(case.due.late_claim_until.map(rfc3339).as_deref(), expect);
        assert_eq!(case.next().map(|(step, _)| step), expect.map(|_| NextStep::Claim));
    };
    // Friday the 20th is the first day, Monday the 23rd a holiday
    let until = Some("2026-11-27T23:59:59+09:00");
    let delayed = stage(Stage::Delayed, "11-21 09:00");
    check(Some(Service::Asuraku), std::slice::from_ref(&delayed), until);
    check(Some(Service::Asuraku), &[stage(Stage::Shipped, "11-22 09:00")], until);
    check(Some(Service::Asuraku), &[stage(Stage::Shipped, "11-21 18:00")], None);
    check(Some(Service::Asuraku), &[], None);
    check(Some(Service::Saikyo), std::slice::from_ref(&delayed), None);
    check(None, &[delayed], None);
}

#[test]
fn restored_points_end_as_told_as_they_would_have_or_soon() {
    let check = |what: &str, statements: &[Statement], now: &str, expect: Option<(&str, bool)>| {
        let case = fold(&[ordered(500, 0, 3460), confirmed(SHOP)], statements, now);
        // to the minute
        let minute = |at: Timestamp| rfc3339(at).chars().take(16).collect::<String>();
        let got = case.due.spend_by.map(|at| (minute(at), case.assumed.contains(&"spend_by")));
        assert_eq!(got, expect.map(|(when, assumed)| (minute(at(when)), assumed)), "{what}");
    };
    let valid = limited(200, "11-27 23:59");
    let later = limited(100, "12-20 23:59");
    let ended = limited(300, "11-23 23:59");
    check("nothing is back, nothing is known", &[], "11-25 12:00", None);
    // valid at the cancellation: back at once, with its own end, whether anybody says so or not
    check("back by the rule", std::slice::from_ref(&valid), "11-25 13:00", Some(("11-27 23:59", false)));
    let both = [valid.clone(), later.clone()];
    check("the nearest", &both, "11-25 13:00", Some(("11-27 23:59", false)));
    check("the next one, when it is over", &both, "11-28 13:00", Some(("12-20 23:59", false)));
    check("both over", &both, "12-28 13:00", Some(("12-20 23:59", false)));
    let denied = [valid.clone(), says(Said::Deny, "11-26 09:00")];
    check("she says that they are not", &denied, "11-26 13:00", None);
    // ended before: back for a short while, from when it is back
    check("not back yet", std::slice::from_ref(&ended), "11-25 13:00", None);
    let back = [ended.clone(), confirm(None, "11-26 09:00")];
    check("a cautious week", &back, "11-26 13:00", Some(("12-03 23:59", true)));
    let mixed = [ended, later, confirm(None, "11-26 09:00")];
    check("whichever is nearer", &mixed, "11-26 13:00", Some(("12-03 23:59", true)));
    let told = Said::Confirm { points: None, expires: Some(at("11-30 23:59")), coupon_back: None };
    check("as she says", &[valid, says(told, "11-26 09:00")], "11-26 13:00", Some(("11-30 23:59", false)));
    // the buyer's own cancellation revives nothing
    let words = [limited(300, "11-23 23:59"), confirm(None, "11-26 09:00")];
    let case = fold(&[ordered(500, 0, 3460), confirmed(BUYER)], &words, "11-26 13:00");
    assert_eq!(case.due.spend_by, None);
}

#[test]
fn points_of_an_order_that_was_perhaps_never_paid_are_not_forgotten() {
    let due = event(Some(A), "11-21 09:00", Verified, EventKind::PayBy { until: at("11-24 23:59") });
    let order = [ordered(500, 0, 3460), due];
    let check = |events: &[Event], statements: &[Statement], now: &str, next, asked: bool| {
        let case = fold(events, statements, now);
        assert_eq!(case.next(), next, "{now}");
        assert_eq!((case.questions.contains(&Question::Unpaid), case.ended), (asked, next.is_none()), "{now}");
    };
    check(&order, &[], "11-24 12:00", Some((NextStep::Pay, at("11-24 23:59"))), false);
    check(&order, &[], "11-25 00:00", Some((NextStep::Look, at("11-25 10:00"))), true);
    let paid = [order[0].clone(), order[1].clone(), stage(Stage::Paid, "11-23 12:00")];
    check(&paid, &[], "11-26 12:00", None, false);
    check(&order, &[says(Said::Lives, "11-25 12:00")], "11-26 12:00", None, false);
    check(&order, &[confirm(None, "11-25 12:00")], "11-26 12:00", None, false);
    let cancelled =
        [order[0].clone(), order[1].clone(), cancel(Cancelled::Confirmed, Some(Cause::Payment), "11-25 10:00")];
    assert_eq!(fold(&cancelled, &[], "11-26 12:00").cancelled, State::Confirmed);
    // nothing was used: nothing can be forgotten
    let bare = [ordered(0, 0, 3460), order[1].clone()];
    check(&bare, &[], "11-26 12:00", None, false);
    check(&order, &[], "2027-03-21 12:00", None, true);
}
