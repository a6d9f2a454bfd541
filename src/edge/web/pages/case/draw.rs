//! The story of one order, drawn.

use super::forms::{self, Entered};
use super::view::{Fate, Moment, Preview, Saying, Told, Who};
use crate::calendar::rfc3339;
use crate::edge::store::Posted;
use crate::edge::web::pages::fields::{Fields, Wrong};
use crate::edge::web::pages::waiting::{Ask, Form, draft, hidden, inquiry, shown as letters_shown, why_not};
use crate::edge::web::pages::words::{Words, line};
use crate::ledger::case::{About, Conflict, CouponState};
use crate::ledger::{By, Case, Evidence, Said, claim_of};
use crate::letter::{Asked, Kind, LONGEST_WISH, Silence};
use crate::mail::TrustLevel;
use crate::wording::yen;
use maud::{Markup, html};

/// The page's body. `entered`: a form that was sent and is shown again, with what is wrong with it.
pub(super) fn page(told: &Told<'_>, words: &Words<'_>, entered: &Entered, form: Form<'_>) -> Markup {
    let case = told.case;
    html! {
        p { a href="/" { (words.get("case.back")) } }
        (summary(told, words))
        @if !case.questions.is_empty() {
            section .card.warn {
                h2 { (words.get("case.questions")) }
                ul { @for question in &case.questions { li { (words.question(question)) } } }
                @for one in &told.assigns { (forms::assign(one, told, words, entered, form)) }
            }
        }
        @if !told.conflicts.is_empty() {
            section .card.warn {
                h2 { (words.get("case.conflicts")) }
                @for one in told.conflicts { (conflict(one, words)) }
            }
        }
        (forms::say(told, words, entered, form))
        (letters(told, words, form))
        (timeline(&told.story, words))
        p .quiet { (words.get("waiting.zone")) }
    }
}

fn summary(told: &Told<'_>, words: &Words<'_>) -> Markup {
    let case = told.case;
    let goods = words.goods(case);
    html! {
        section .card {
            dl {
                dt { (words.get("case.state")) }
                dd {
                    strong { (words.wording.state(words.language, case.cancelled)) }
                    @if let Some(cause) = case.cause { " (" (words.wording.cause(words.language, cause)) ")" }
                }
                dt { (words.get("case.shop")) } dd { (words.shop(case)) }
                @if !goods.is_empty() { dt { (words.get("case.items")) } dd { (goods) } }
                @if let Some(at) = case.ordered_at { dt { (words.get("case.ordered")) } dd { (words.time(at)) } }
                @if let Some((step, at)) = case.upcoming() {
                    dt { (words.get("case.next")) }
                    dd {
                        (words.wording.step(words.language, step)) " " (words.soon(at))
                        @if case.is_assumed(step) { " " span .quiet { (words.get("waiting.assumed")) } }
                    }
                }
            }
            @if let Some(page) = &told.page {
                p { a href=(page) rel="noreferrer" { (words.get("case.open-order")) } }
            }
        }
        (amounts(told, words))
        (deadlines(told, words))
    }
}

fn amounts(told: &Told<'_>, words: &Words<'_>) -> Markup {
    let case = told.case;
    let points = |points: Option<u64>| {
        points.map_or_else(|| words.get("case.unknown").to_owned(), |points| words.points(points))
    };
    let row = |label: &str, value: String| html! { tr { th scope="row" { (words.get(label)) } td { (value) } } };
    html! {
        h2 { (words.get("case.amounts")) }
        table {
            (row("case.used", points(case.points.used)))
            (row("case.expected", points(case.points.expected_back)))
            (row("case.returned", points(case.points.returned)))
            (row("case.outstanding", points(case.points.outstanding)))
            @if let Some((points, until)) = told.limited {
                tr {
                    th scope="row" { (words.get("case.limited")) }
                    td {
                        (words.labels.with("case.limited-until", &[("points", &yen(points)), ("when", &words.at(until))]))
                    }
                }
            }
            @if let Some(used) = case.coupon.used_yen { (row("case.coupon-used", words.yen(used))) }
            @if let Some(state) = coupon(case, words) { (row("case.coupon-state", state.to_owned())) }
            @if let Some(paid) = case.payment_yen { (row("case.payment", words.yen(paid))) }
        }
    }
}

fn coupon<'a>(case: &Case, words: &'a Words<'_>) -> Option<&'a str> {
    Some(words.get(match case.coupon.state {
        CouponState::None => return None,
        CouponState::Check => "case.coupon-check",
        CouponState::Back => "case.coupon-back",
        CouponState::Lost => "case.coupon-lost",
    }))
}

fn deadlines(told: &Told<'_>, words: &Words<'_>) -> Markup {
    html! {
        @if !told.case.ended && !told.deadlines.is_empty() {
            h2 { (words.get("case.deadlines")) }
            table {
                @for (key, at, assumed) in &told.deadlines {
                    tr {
                        th scope="row" { (words.get(&format!("case.due.{key}"))) }
                        td {
                            (words.soon(*at))
                            @if *assumed { " " span .quiet { (words.get("waiting.assumed")) } }
                        }
                    }
                }
            }
        }
    }
}

fn conflict(one: &Conflict, words: &Words<'_>) -> Markup {
    let about = match one.about {
        About::Life => "case.conflict-life",
        About::Totals => "case.conflict-totals",
        About::PointsUsed => "case.conflict-points-used",
        About::Cause => "case.conflict-cause",
    };
    html! {
        p { strong { (words.get(about)) } }
        ul { @for proof in &one.proofs { li { (evidence(proof, words)) } } }
    }
}

fn evidence(one: &Evidence, words: &Words<'_>) -> Markup {
    html! {
        (words.time(one.date)) " " (words.wording.claim(words.language, one.claim)) " " (line(&one.sender))
        @if !one.excerpt.is_empty() { " " q { (line(&one.excerpt)) } }
    }
}

fn timeline(story: &[Moment<'_>], words: &Words<'_>) -> Markup {
    html! {
        h2 { (words.get("case.timeline")) }
        div.table tabindex="0" role="group" aria-label=(words.get("case.timeline")) {
            table .timeline {
                thead {
                    tr {
                        th scope="col" { (words.get("case.when")) }
                        th scope="col" { (words.get("case.what")) }
                        th scope="col" { (words.get("case.who")) }
                        th scope="col" { (words.get("case.words")) }
                        th scope="col" { (words.get("case.lies")) }
                    }
                }
                tbody { @for one in story { (moment(one, words)) } }
            }
        }
    }
}

fn moment(one: &Moment<'_>, words: &Words<'_>) -> Markup {
    let places = one.lies.iter().map(|(account, folder)| format!("{}: {}", line(account), line(folder)));
    let places: Vec<String> = places.collect();
    html! {
        tr {
            td { (words.time(one.at)) }
            td { (words.wording.claim(words.language, one.claim)) }
            td {
                @match &one.who {
                    Who::Mail { sender, trust } => {
                        (line(sender)) br;
                        @if *trust == TrustLevel::Verified { span .fine { (words.get("case.verified")) } }
                        @else { span .warn { (words.get("case.unverified")) } }
                    }
                    Who::You(by) => {
                        (words.get("case.you")) " "
                        span .quiet {
                            (words.get(match by {
                                By::Command => "case.by-command",
                                By::Flag => "case.by-flag",
                                By::Dashboard => "case.by-dashboard",
                                By::Letter => "case.by-letter",
                            }))
                        }
                    }
                }
            }
            td {
                @match &one.words {
                    Saying::Excerpt("") => span .quiet { (words.get("case.faded")) },
                    Saying::Excerpt(text) => q { (line(text)) },
                    Saying::Statement(said) => (statement(said, words)),
                }
            }
            td {
                @if places.is_empty() {
                    @if matches!(one.who, Who::Mail { .. }) { span .quiet { (words.get("case.gone")) } }
                }
                @for (n, place) in places.iter().enumerate() { @if n > 0 { br; } (place) }
            }
        }
    }
}

/// What the shopper said, in short.
fn statement(said: &Said, words: &Words<'_>) -> String {
    let until = |at: &jiff::Timestamp| format!("→ {}", words.at(*at));
    match said {
        Said::Confirm { points, expires, coupon_back } => {
            let coupon = coupon_back.map(|back| {
                let label = if back { "case.coupon-back" } else { "case.coupon-lost" };
                format!("{}: {}", words.get("case.coupon-state"), words.get(label))
            });
            let all = [points.map(|points| words.points(points)), expires.as_ref().map(until), coupon];
            all.into_iter().flatten().collect::<Vec<_>>().join(" ")
        }
        Said::Deny | Said::Lost | Said::Lives | Said::Answered | Said::Disown { .. } => String::new(),
        Said::Limited { points, expires } => format!("{} {}", words.points(*points), until(expires)),
        Said::Note { text } => line(text),
        Said::Assign { points, .. } => words.points(*points),
    }
}

fn letters(told: &Told<'_>, words: &Words<'_>, form: Form<'_>) -> Markup {
    let order = &told.case.order_number;
    let sent = |letters: &[&Posted], fate: &str, button: &str| {
        let letters = letters_shown(letters.iter().copied());
        let fields = hidden(&[("letters", &letters), ("sent", fate), ("from", "case")]);
        form(&format!("/case/{order}/sent"), &fields, words.get(button))
    };
    html! {
        h2 { (words.get("case.letters")) }
        @if told.letters.is_empty() { p .quiet { (words.get("case.no-letters")) } }
        @if let Some(far) = inquiry(told.case.inquiry, words) { p { (far) } }
        ul { @for one in &told.letters { li { (fate(one, words)) } } }
        div .row {
            @if !told.doubt.is_empty() {
                (sent(&told.doubt, "yes", "waiting.sent"))
                (sent(&told.doubt, "no", "waiting.not-sent"))
            } @else if !told.drafted.is_empty() {
                (sent(&told.drafted, "yes", "waiting.sent"))
            }
            @if let Ask::May(kind) = &told.ask { (draft(*kind, told.case, "case", words, form)) }
        }
        @if let Ask::Not(reasons) = &told.ask { (why_not(reasons, words)) }
        @if !told.offers.is_empty() {
            h3 { (words.get("case.choose-letter")) }
            ul {
                @for kind in &told.offers {
                    li {
                        a href=(format!("/case/{order}/letter/{}", kind.name())) {
                            (words.get(kind_label(*kind))) " - " (words.get("case.letter-preview"))
                        }
                    }
                }
            }
        }
        (other_ways(told.mailto.as_deref(), Some(&told.form), words))
    }
}

/// The ways that are the shopper's own: her mail program, the shop's form.
fn other_ways(mailto: Option<&str>, shop: Option<&str>, words: &Words<'_>) -> Markup {
    html! {
        @if mailto.is_some() || shop.is_some() {
            ul {
                @if let Some(link) = mailto { li { a href=(link) { (words.get("case.open-mail")) } } }
                @if let Some(link) = shop { li { a href=(link) rel="noreferrer" { (words.get("case.open-form")) } } }
            }
        }
    }
}

fn fate(one: &Fate<'_>, words: &Words<'_>) -> Markup {
    let letter = &one.letter.letter;
    html! {
        strong { (line(&letter.subject)) } " " (line(&letter.to)) " " (words.time(one.letter.at)) ": "
        (words.get(one.fate))
        @for sign in &one.signs {
            @let label = format!("case.fate.{sign}");
            " " span .warn { (words.get(&label)) }
        }
        details { summary { (words.get("case.letter-preview")) } pre { (letter.body.trim_end()) } }
    }
}

/// The label of a kind of letter.
pub(super) fn kind_label(kind: Kind) -> &'static str {
    match kind {
        Kind::AnswerCancel => "case.kind-answer-cancel",
        Kind::AnswerWait => "case.kind-answer-wait",
        Kind::AnswerAlternative => "case.kind-answer-alternative",
        Kind::AskShop => "case.kind-ask-shop",
        Kind::AskShopAgain => "case.kind-ask-shop-again",
        Kind::AskRakuten => "case.kind-ask-rakuten",
        Kind::Thanks => "case.kind-thanks",
    }
}

/// A whole letter before it is written: what it says, and what can be done with it.
pub(super) fn preview(
    order: &crate::facts::OrderNumber,
    shown: &Preview,
    wish: &Result<Asked, Wrong>,
    fields: &Fields,
    words: &Words<'_>,
    form: Form<'_>,
) -> Markup {
    let action = format!("/case/{order}/letter");
    let kind = shown.kind;
    let ask = |send: &str, button: &str| {
        let fields = html! {
            (hidden(&[("kind", kind.name()), ("send", send), ("from", "case"), ("text", &shown.digest)]))
            @if let Some(wish) = wish.as_ref().ok().map(|asked| &asked.wish).filter(|wish| !wish.is_empty()) {
                (hidden(&[("wish", wish)]))
            }
        };
        form(&action, &fields, words.get(button))
    };
    let list = |all: &[Silence]| html! { ul { @for one in all { li { (words.silence(*one)) } } } };
    let writable = shown.reasons.is_empty() && kind != Kind::AskRakuten && shown.trouble.is_none() && wish.is_ok();
    html! {
        p { a href=(format!("/case/{order}")) { (words.with("waiting.of-order", "order", order)) } }
        @if let Some(trouble) = &shown.trouble { p .bad { (line(trouble)) } }
        @if kind == Kind::AskRakuten { p { (words.get("case.rakuten-paste")) } }
        @if kind == Kind::AnswerAlternative { (wished(&format!("/case/{order}/letter/{}", kind.name()), wish, fields, words)) }
        dl {
            @if let Some(from) = &shown.from { dt { (words.get("case.from")) } dd { (line(from)) } }
            @if let Some(to) = &shown.to { dt { (words.get("case.to")) } dd { (line(to)) } }
            dt { (words.get("case.subject")) } dd { (line(&shown.subject)) }
        }
        pre .letter { (shown.body.trim_end()) }
        @if !shown.reasons.is_empty() {
            p .warn { (words.get("case.letter-shut")) }
            (list(&shown.reasons))
        }
        @if writable {
            @if !shown.warnings.is_empty() { p .warn { (words.get("case.send-warning")) } (list(&shown.warnings)) }
            div .row {
                (ask("", "case.letter-draft"))
                @if shown.sendable { (ask("yes", "case.letter-send")) }
            }
        }
        (other_ways(shown.mailto.as_deref(), shown.form.as_deref(), words))
    }
}

/// What the shopper would like instead: the text is shown with it before it can be written.
fn wished(action: &str, wish: &Result<Asked, Wrong>, fields: &Fields, words: &Words<'_>) -> Markup {
    let given = fields.get("wish");
    // nothing was written yet: nothing is wrong yet
    let wrong = wish.as_ref().err().filter(|_| fields.names().any(|name| name == "wish"));
    html! {
        form method="get" action=(action) {
            p .field {
                label for="wish" { (words.get("case.wish-label")) }
                input type="text" id="wish" name="wish" required maxlength=(LONGEST_WISH) value=(given)
                    aria-invalid=[wrong.map(|_| "true")] aria-describedby=[wrong.map(|_| "wish-wrong")];
                @if let Some(wrong) = wrong { span .bad id="wish-wrong" { (forms::said(wrong, words)) } }
            }
            button type="submit" { (words.get("case.letter-preview")) }
        }
    }
}

/// What was noted, as `modori` says it on the command line.
pub(in crate::edge::web::pages) fn noted(
    statement: &crate::ledger::Statement,
    case: Option<&Case>,
    words: &Words<'_>,
) -> Markup {
    use crate::ledger::word::{Left, left};
    let left = match case.map_or(Left::Unknown, left) {
        Left::Nothing => words.get("case.noted.left-nothing").to_owned(),
        Left::Coupon => words.get("case.noted.left-coupon").to_owned(),
        Left::NoPoints => words.get("case.noted.left-no-points").to_owned(),
        Left::Points(points) => words.with("case.noted.left-points", "points", &yen(points)),
        Left::Unknown => words.get("case.noted.left-unknown").to_owned(),
    };
    let said = words.labels.with("case.noted.said", &[("order", &statement.order), ("left", &left)]);
    html! {
        p .card.fine data-said role="status" {
            (said) " "
            span .quiet { (words.wording.claim(words.language, claim_of(statement))) " " time datetime=(rfc3339(statement.at)) { (words.at(statement.at)) } }
        }
    }
}
