//! What waits, drawn.

use super::view::{Ask, Ended, Row, Urgency, Waiting};
use crate::edge::store::{Posted, Waits};
use crate::edge::web::pages::words::{Words, line};
use crate::ledger::case::{CouponState, Inquiry};
use crate::ledger::coupon::Owned;
use crate::ledger::{Case, NextStep};
use crate::letter::{Kind, Silence};
use crate::wording::yen;
use jiff::Timestamp;
use maud::{Markup, html};

/// Makes a form that writes: where to, its fields, what its button says.
pub(in crate::edge::web::pages) type Form<'a> = &'a dyn Fn(&str, &Markup, &str) -> Markup;

/// Fields that nobody sees.
pub(in crate::edge::web::pages) fn hidden(fields: &[(&str, &str)]) -> Markup {
    html! { @for (name, value) in fields { input type="hidden" name=(name) value=(value); } }
}

/// A form that says one thing of an order.
pub(in crate::edge::web::pages) fn one_tap(
    form: Form<'_>,
    case: &Case,
    mark: &str,
    from: &str,
    fields: &[(&str, &str)],
    button: &str,
) -> Markup {
    let fields = html! { (hidden(&[("mark", mark), ("from", from)])) (hidden(fields)) };
    form(&format!("/case/{}/say", case.order_number), &fields, button)
}

/// The page's body.
pub(super) fn page(waiting: &Waiting<'_>, words: &Words<'_>, form: Form<'_>) -> Markup {
    let totals = &waiting.totals;
    let sums: [(&str, &dyn std::fmt::Display); 3] = [
        ("outstanding", &yen(totals.outstanding)),
        ("promised", &yen(totals.promised)),
        ("returned", &yen(totals.returned)),
    ];
    html! {
        p .totals {
            (words.labels.with("waiting.totals", &sums))
            @if totals.unknown > 0 {
                " " span .quiet { (words.with("waiting.totals-unknown", "count", &totals.unknown)) }
            }
        }
        @if waiting.is_empty() { p .card.fine { (words.get("waiting.empty")) } }
        @if !waiting.alerts.is_empty() {
            h2 { (words.get("waiting.alerts")) }
            @for one in waiting.alerts { (alert(one, words, form)) }
        }
        @if !waiting.letters.is_empty() {
            h2 { (words.get("waiting.letters")) }
            @for one in waiting.letters { (doubt(one, words, form)) }
        }
        @if !waiting.rows.is_empty() {
            h2 { (words.with("waiting.cases", "count", &waiting.rows.len())) }
            @for row in &waiting.rows { (card(row, words, form)) }
        }
        @if !waiting.spend.is_empty() {
            h2 { (words.get("waiting.spend")) }
            ul { @for (case, at) in &waiting.spend { (spend(case, *at, words)) } }
        }
        @if !waiting.coupons.is_empty() {
            h2 { (words.get("waiting.coupons")) }
            ul { @for one in waiting.coupons { (coupon(one, words)) } }
        }
        @if !waiting.ended.is_empty() {
            details .ended {
                summary { h2 { (words.get("waiting.ended")) } }
                @for one in &waiting.ended { (ended(one, words, form)) }
            }
        }
        p .quiet { (words.get("waiting.zone")) }
    }
}

fn alert(one: &Waits, words: &Words<'_>, form: Form<'_>) -> Markup {
    let awaiting = &one.awaiting;
    let fields = hidden(&[("token", &awaiting.token)]);
    html! {
        section .card.due {
            p { strong { (line(&awaiting.alert.title)) } }
            p .quiet { (words.around("waiting.since", &words.time(awaiting.since))) }
            (form("/seen", &fields, words.get("waiting.seen")))
        }
    }
}

/// The letters that a form shows, each with its state.
pub(in crate::edge::web::pages) fn shown<'a>(letters: impl IntoIterator<Item = &'a Posted>) -> String {
    let each = letters.into_iter().map(|one| format!("{}.{}", one.id, one.state.word()));
    each.collect::<Vec<_>>().join(" ")
}

fn doubt(one: &Posted, words: &Words<'_>, form: Form<'_>) -> Markup {
    let letter = &one.letter;
    let action = format!("/case/{}/sent", letter.order);
    let shown = shown([one]);
    let fate = |fate: &str, button: &str| {
        form(&action, &hidden(&[("letters", &shown), ("sent", fate), ("from", "waiting")]), button)
    };
    html! {
        section .card.warn {
            p { strong { (line(&letter.subject)) } " " (line(&letter.to)) " " (words.time(one.at)) }
            p { a href=(format!("/case/{}", letter.order)) { (words.with("waiting.of-order", "order", &letter.order)) } }
            div .row { (fate("yes", words.get("waiting.sent"))) (fate("no", words.get("waiting.not-sent"))) }
        }
    }
}

fn card(row: &Row<'_>, words: &Words<'_>, form: Form<'_>) -> Markup {
    let case = row.case;
    let (class, urgency) = match row.urgency {
        Urgency::Late => ("card late", Some("waiting.late")),
        Urgency::Due => ("card due", Some("waiting.due")),
        Urgency::Later => ("card", None),
    };
    let id = format!("o{}", case.order_number);
    let goods = words.goods(case);
    html! {
        article class=(class) aria-labelledby=(id) {
            h3 id=(id) { a href=(format!("/case/{}", case.order_number)) { (words.shop(case)) } }
            @if !goods.is_empty() { p { (goods) } }
            p {
                strong { (words.wording.step(words.language, row.step)) } ": " (when(row, words))
                @if let Some(urgency) = urgency { " " strong { (words.get(urgency)) } }
                @if row.assumed { " " span .quiet { (words.get("waiting.assumed")) } }
            }
            p { (stakes(case, words)) }
            p .quiet {
                (words.wording.state(words.language, case.cancelled)) " / "
                (words.with("waiting.of-order", "order", &case.order_number))
                @if let Some(far) = inquiry(case.inquiry, words) { " " (far) }
            }
            @if !case.questions.is_empty() {
                p { strong { (words.get("waiting.question")) } }
                ul { @for question in &case.questions { li { (words.question(question)) } } }
            }
            (buttons(row, words, form))
            @if let Ask::Not(reasons) = &row.ask { (why_not(reasons, words)) }
        }
    }
}

fn when(row: &Row<'_>, words: &Words<'_>) -> Markup {
    let from = matches!(row.step, NextStep::Look | NextStep::CheckCoupon | NextStep::AskShop | NextStep::AskRakuten);
    words.around(if from { "waiting.from" } else { "waiting.by" }, &words.soon(row.at))
}

/// How far the letter is that asks, in words.
pub(in crate::edge::web::pages) fn inquiry<'a>(inquiry: Inquiry, words: &'a Words<'_>) -> Option<&'a str> {
    Some(words.get(match inquiry {
        Inquiry::None => return None,
        Inquiry::Drafted => "waiting.inquiry-drafted",
        Inquiry::Sending => "waiting.inquiry-sending",
        Inquiry::Sent => "waiting.inquiry-sent",
        Inquiry::Unknown => "waiting.inquiry-unknown",
    }))
}

/// What is at stake: points, the coupon, the money.
fn stakes(case: &Case, words: &Words<'_>) -> String {
    let mut all = Vec::new();
    match (case.points.outstanding, case.points.used) {
        (Some(0), _) => {}
        (Some(points), _) => all.push(words.points(points)),
        (None, Some(used)) => all.push(words.points(used)),
        (None, None) => all.push(words.get("waiting.points-unknown").to_owned()),
    }
    let open = matches!(case.coupon.state, CouponState::Check | CouponState::None);
    if case.coupon.state == CouponState::Check || (open && case.coupon.used_yen.is_some()) {
        all.push(match case.coupon.used_yen {
            Some(amount) => words.with("waiting.coupon", "yen", &yen(amount)),
            None => words.get("waiting.coupon-unknown").to_owned(),
        });
    }
    all.extend(case.payment_yen.filter(|paid| *paid > 0).map(|paid| words.with("waiting.money", "yen", &yen(paid))));
    all.join(" / ")
}

fn buttons(row: &Row<'_>, words: &Words<'_>, form: Form<'_>) -> Markup {
    let say = |fields: &[(&str, &str)], button: &str| {
        one_tap(form, row.case, &row.mark, "waiting", fields, words.get(button))
    };
    html! {
        div .row {
            @if row.says.answered { (say(&[("what", "answered")], "waiting.answered")) }
            @if row.says.came {
                (say(&[("what", "confirm")], "waiting.came"))
                (say(&[("what", "deny")], "waiting.not-yet"))
            }
            @if row.says.coupon {
                (say(&[("what", "confirm"), ("coupon", "back")], "waiting.coupon-back"))
                (say(&[("what", "confirm"), ("coupon", "lost")], "waiting.coupon-lost"))
            }
            @if let Ask::May(kind) = &row.ask { (draft(*kind, row.case, "waiting", words, form)) }
        }
    }
}

/// The button that has a letter laid into Drafts.
pub(in crate::edge::web::pages) fn draft(
    kind: Kind,
    case: &Case,
    from: &str,
    words: &Words<'_>,
    form: Form<'_>,
) -> Markup {
    let button = if kind == Kind::AskShopAgain { "waiting.draft-again" } else { "waiting.draft" };
    let fields = hidden(&[("kind", kind.name()), ("from", from)]);
    form(&format!("/case/{}/letter", case.order_number), &fields, words.get(button))
}

/// Why no inquiry can be drafted.
pub(in crate::edge::web::pages) fn why_not(reasons: &[Silence], words: &Words<'_>) -> Markup {
    html! {
        details {
            summary { (words.get("waiting.why-not")) }
            ul { @for reason in reasons { li { (words.silence(*reason)) } } }
        }
    }
}

fn spend(case: &Case, at: Timestamp, words: &Words<'_>) -> Markup {
    html! {
        li {
            (words.around("waiting.by", &words.soon(at))) " "
            @if let Some(points) = case.points.returned { (words.points(points)) " " }
            a href=(format!("/case/{}", case.order_number)) { (words.shop(case)) }
            @if case.assumed.contains(&"spend_by") { " " span .quiet { (words.get("waiting.assumed")) } }
        }
    }
}

fn coupon(one: &Owned, words: &Words<'_>) -> Markup {
    let coupon = &one.coupon;
    let worth = match (coupon.amount_yen, coupon.percent) {
        (Some(amount), _) => words.yen(amount),
        (None, Some(percent)) => words.with("waiting.percent", "percent", &percent),
        (None, None) => words.get("waiting.coupon-unknown").to_owned(),
    };
    html! {
        li {
            @if let Some(at) = coupon.expires_at { (words.around("waiting.by", &words.soon(at))) " " }
            (worth)
            @if let Some(amount) = coupon.min_yen { " " (words.with("waiting.min", "yen", &yen(amount))) }
            @if let Some(shop) = &one.shop_code { " " (words.with("waiting.from-shop", "shop", &line(shop))) }
            @if let Some(code) = &coupon.code { " " (words.with("waiting.code", "code", &line(code))) }
            @if let Some(order) = &one.order {
                " " a href=(format!("/case/{order}")) { (words.with("waiting.of-order", "order", order)) }
            }
            @if !one.verified { " " span .warn { (words.get("waiting.unverified")) } }
        }
    }
}

fn ended(one: &Ended<'_>, words: &Words<'_>, form: Form<'_>) -> Markup {
    let case = one.case;
    let take_back = || one_tap(form, case, &one.mark, "waiting", &[("what", "deny")], words.get("waiting.take-back"));
    html! {
        section .card {
            h3 { a href=(format!("/case/{}", case.order_number)) { (words.shop(case)) } }
            p {
                @if let Some(points) = case.points.returned.filter(|points| *points > 0) {
                    (words.with("waiting.points-back", "points", &yen(points))) " "
                }
                span .quiet { (words.around("waiting.last", &words.time(one.last))) }
            }
            @if one.by_her { (take_back()) }
        }
    }
}
