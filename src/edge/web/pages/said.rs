//! What the shopper says on a page: written down as the commands write it, once, and told again on the page that follows.

use super::case::{self, Entered};
use super::fields::{Fields, LONGEST_WISH, Wrong};
use super::waiting;
use super::words::{Words, line};
use crate::edge::store::{Noted, Posted, Refused, State, StoreError, Way};
use crate::edge::web::frame::Visit;
use crate::facts::OrderNumber;
use crate::ledger::giving::{Ungiven, give, nameless};
use crate::ledger::{By, Said, Statement};
use crate::letter::{Asked, Kind};
use crate::wording::yen;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Form, Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::time::Duration;

/// So long a page waits for a letter that was just written down: mostly it lies in Drafts by then.
const LETTER_WAITS: Duration = Duration::from_secs(2);

/// What an address asks beside its path; nothing, when it cannot be read.
pub(super) type AddressQuery = Result<Query<BTreeMap<String, String>>, QueryRejection>;

type Pairs = Form<Vec<(String, String)>>;

/// A letter that is asked for.
pub(super) struct Asking {
    pub(super) order: OrderNumber,
    pub(super) kind: Kind,
    pub(super) fields: Fields,
}

/// What pages of orders say things with.
pub(super) fn words(visit: &Visit) -> Words<'_> {
    Words { labels: &visit.labels, wording: &visit.pages.wording, language: visit.language, now: visit.now }
}

/// The database refused.
pub(super) fn broken(error: &StoreError) -> Response {
    tracing::error!("a page cannot be shown: {error}");
    (StatusCode::INTERNAL_SERVER_ERROR, "modori cannot answer now; try again\n").into_response()
}

/// Where a form's answer is shown: in the list, if it stood there, else at its order.
fn back(visit: &Visit, fields: &Fields, order: &OrderNumber, message: &str) -> Response {
    visit.go(&if fields.stood_in_list() { format!("/?{message}") } else { format!("/case/{order}?{message}") })
}

/// A word about an order.
pub(super) async fn say(visit: Visit, Path(order): Path<String>, Form(pairs): Pairs) -> Response {
    let Some(order) = OrderNumber::parse(&order) else { return case::no_number(&visit) };
    let fields = Fields::of(pairs);
    let story = match case::known(&visit, &order).await {
        Ok(story) => story,
        Err(response) => return response,
    };
    let said = match story.cases.get(&order).map(|case| fields.said(case, visit.now)) {
        Some(Ok(Some(said))) => said,
        Some(Err(wrong)) => return again(&visit, &order, Entered { fields, wrong }).await,
        _ => return StatusCode::BAD_REQUEST.into_response(),
    };
    note(&visit, &order, fields, vec![(order.clone(), said)]).await
}

/// The form again, with what is wrong.
async fn again(visit: &Visit, order: &OrderNumber, entered: Entered) -> Response {
    case::page(visit, order, &html! {}, &entered, StatusCode::UNPROCESSABLE_ENTITY).await
}

async fn note(visit: &Visit, order: &OrderNumber, fields: Fields, said: Vec<(OrderNumber, Said)>) -> Response {
    let Some(mark) = fields.mark() else { return stale(visit, order, fields).await };
    let (about, settings, now) = (order.clone(), visit.pages.orders.settings.clone(), visit.now);
    let noted = visit.pages.store.call(move |db| db.say_once(&about, &mark, &said, By::Dashboard, &settings, now));
    match noted.await {
        Ok(Noted::Now(id) | Noted::Before(id)) => back(visit, &fields, order, &format!("noted={id}")),
        Ok(Noted::Stale) => stale(visit, order, fields).await,
        Err(error) => broken(&error),
    }
}

/// Nothing was noted: what the form showed is not so any more.
async fn stale(visit: &Visit, order: &OrderNumber, fields: Fields) -> Response {
    let message = html! { p .card.warn data-said role="alert" { (visit.labels.get("case.noted.stale")) } };
    let entered = Entered { fields, wrong: Vec::new() };
    case::page(visit, order, &message, &entered, StatusCode::CONFLICT).await
}

/// Whose points a mail speaks of.
pub(super) async fn assign(visit: Visit, Path(order): Path<String>, Form(pairs): Pairs) -> Response {
    let Some(order) = OrderNumber::parse(&order) else { return case::no_number(&visit) };
    let given = pairs.iter().filter_map(|(name, _)| OrderNumber::parse(name.strip_prefix("of-")?));
    let named: Vec<OrderNumber> = given.collect();
    let fields = Fields::of(pairs.clone());
    let story = match case::known(&visit, &order).await {
        Ok(story) => story,
        Err(response) => return response,
    };
    // only mails that the order's own questions are about
    let Ok(mail) = nameless(&story.nameless, fields.get("mail")) else { return stale(&visit, &order, fields).await };
    let mut wrong = Vec::new();
    let mut to = Vec::new();
    for one in named.into_iter().filter(|one| story.cases.contains_key(one)) {
        match fields.points(&format!("of-{one}"), 10_000_000) {
            Ok(Some(0) | None) => {}
            Ok(points) => to.push((one, points)),
            Err(one) => wrong.push(one),
        }
    }
    let not: Vec<OrderNumber> = OrderNumber::parse(fields.get("not")).filter(|one| *one == order).into_iter().collect();
    if to.is_empty() && not.is_empty() && wrong.is_empty() {
        wrong.push(Wrong::of("assign", "case.wrong.assign-empty"));
    }
    let given = match give(mail, &to, &not, &story.cases) {
        _ if !wrong.is_empty() => return again(&visit, &order, Entered { fields, wrong }).await,
        Ok(given) => given,
        Err(why) => {
            let wrong = match why {
                Ungiven::TooMany { given, most } => {
                    let wrong = Wrong::of("assign", "case.wrong.assign-many");
                    wrong.with("given", yen(given)).with("most", yen(most))
                }
                _ => Wrong::of("assign", "case.wrong.assign-unknown"),
            };
            return again(&visit, &order, Entered { fields, wrong: vec![wrong] }).await;
        }
    };
    note(&visit, &order, fields, given).await
}

/// A letter shall be written: into Drafts, or, from the page that shows it whole and where the configuration lets it, to
/// the shop.
pub(super) async fn letter(visit: Visit, Path(order): Path<String>, Form(pairs): Pairs) -> Response {
    let Some(order) = OrderNumber::parse(&order) else { return case::no_number(&visit) };
    let fields = Fields::of(pairs);
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == fields.get("kind") && *kind != Kind::AskRakuten);
    let Some(kind) = kind else { return StatusCode::BAD_REQUEST.into_response() };
    let mut asked = Asked::default();
    if kind == Kind::AnswerAlternative {
        match fields.text("wish", LONGEST_WISH, "case.wrong.wish-empty") {
            Ok(wish) => asked.wish = wish,
            Err(wrong) => {
                let message = html! { p .card.bad data-said role="alert" { (visit.labels.get(wrong.label)) } };
                let asking = Asking { order, kind, fields };
                return case::letter(&visit, &asking, &message, StatusCode::UNPROCESSABLE_ENTITY).await;
            }
        }
    }
    let orders = visit.pages.orders.clone();
    let (about, now, send) = (order.clone(), visit.now, fields.get("send") == "yes");
    let decided = visit.pages.store.call(move |db| {
        let decided = db.ask_letter(kind, &about, &asked, send, &orders.replies, &orders.settings, now)?;
        let letters = db.letters(&about)?;
        // the same form sent twice, or a letter of before: what became of it is the answer
        let of_kind = |one: &&Posted| Kind::of_step(&one.letter.step) == Some(kind);
        let known = match &decided {
            Ok(Some((letter, _))) => letters.iter().rfind(|one| one.letter.step == letter.step),
            _ => letters.iter().filter(of_kind).rfind(|one| one.way != Way::Copy && is_written(one)),
        };
        let id = known.map(|one| one.id);
        Ok((decided, id))
    });
    let (decided, id) = match decided.await {
        Ok(decided) => decided,
        Err(error) => return broken(&error),
    };
    match (decided, id) {
        (Ok(Some(_)), Some(id)) => {
            if visit.pages.orders.carry.tell() {
                ended(&visit, id).await;
            }
            back(&visit, &fields, &order, &format!("letter={id}"))
        }
        (Ok(None) | Err(Refused::Gate { .. }), Some(id)) => back(&visit, &fields, &order, &format!("letter={id}")),
        _ => {
            let message = html! { p .card.warn data-said role="alert" { (visit.labels.get("case.noted.refused")) } };
            case::letter(&visit, &Asking { order, kind, fields }, &message, StatusCode::CONFLICT).await
        }
    }
}

/// It lies somewhere, or is on the way: a letter that failed is none.
fn is_written(one: &Posted) -> bool {
    !matches!(one.state, State::Failed | State::Dropped)
}

/// Waits a moment until an action is at its end.
async fn ended(visit: &Visit, id: i64) {
    let store = &visit.pages.store;
    let mut changes = store.changes();
    let at_its_end = async {
        loop {
            changes.borrow_and_update();
            let posted = store.call(move |db| db.letter(id)).await;
            let open = matches!(&posted, Ok(Some(one)) if matches!(one.state, State::Ready | State::Doing));
            if !open || changes.changed().await.is_err() {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(LETTER_WAITS, at_its_end).await;
}

/// Whether a letter was sent.
pub(super) async fn sent(visit: Visit, Path(order): Path<String>, Form(pairs): Pairs) -> Response {
    let Some(order) = OrderNumber::parse(&order) else { return case::no_number(&visit) };
    let fields = Fields::of(pairs);
    let sent = match fields.get("sent") {
        "yes" => true,
        "no" => false,
        _ => return StatusCode::BAD_REQUEST.into_response(),
    };
    let (about, copied, now) = (order.clone(), visit.pages.orders.copied, visit.now);
    match visit.pages.store.call(move |db| db.letter_was_sent(&about, sent, copied, now)).await {
        Ok(settled) if settled.is_empty() => back(&visit, &fields, &order, "sent=none"),
        Ok(_) => {
            let _ = visit.pages.orders.carry.tell();
            back(&visit, &fields, &order, if sent { "sent=yes" } else { "sent=no" })
        }
        Err(error) => broken(&error),
    }
}

/// What the page before did, as the database knows it: an address names a row, and never what is said.
pub(super) async fn message(visit: &Visit, query: &BTreeMap<String, String>) -> Markup {
    let words = words(visit);
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<i64>().ok());
    let word = |name: &str| query.get(name).map_or("", String::as_str);
    let fine = |label: &str| html! { p .card.fine data-said role="status" { (words.get(label)) } };
    if let Some(id) = number("noted") {
        let (settings, now) = (visit.pages.orders.settings.clone(), visit.now);
        let found = visit.pages.store.call(move |db| {
            let Some(statement) = db.statement(id)? else { return Ok(None) };
            let (case, _) = db.about_letter(&statement.order, &settings, now)?;
            Ok(Some((statement, case)))
        });
        return match found.await {
            Ok(Some((statement, case))) => {
                html! { (case::noted(&statement, case.as_ref(), &words)) (take_back(visit, &statement, id).await) }
            }
            _ => html! {},
        };
    }
    if let Some(id) = number("letter") {
        return match visit.pages.store.call(move |db| db.letter(id)).await {
            Ok(Some(one)) => letter_message(visit, &one, &words),
            _ => html! {},
        };
    }
    match (word("seen"), word("sent")) {
        ("now", _) => fine("case.noted.acked"),
        ("over", _) => fine("case.noted.ack-over"),
        (_, "yes") => fine("case.noted.letters-sent"),
        (_, "no") => fine("case.noted.letters-not-sent"),
        (_, "none") => fine("case.noted.letters-none"),
        _ => html! {},
    }
}

fn letter_message(visit: &Visit, one: &Posted, words: &Words<'_>) -> Markup {
    let fate = words.get(case::fate_of(one.way, one.state));
    let said = words.labels.with("case.noted.letter", &[("subject", &line(&one.letter.subject)), ("fate", &fate)]);
    let open = matches!(one.state, State::Ready | State::Doing);
    html! {
        p .card.fine data-said role="status" {
            (said)
            @if open && !visit.pages.orders.carry.tell() { " " (words.get("case.watch-off")) }
        }
    }
}

/// What takes the last word back, where the ledger has such a word: a confirmation is taken back by "not yet".
async fn take_back(visit: &Visit, statement: &Statement, id: i64) -> Markup {
    if !matches!(
        statement.said,
        Said::Confirm { points: Some(_), .. } | Said::Confirm { coupon_back: None, .. } | Said::Lost
    ) {
        return html! {};
    }
    let (order, settings, now) = (statement.order.clone(), visit.pages.orders.settings.clone(), visit.now);
    let Ok(Some(story)) = visit.pages.store.call(move |db| db.story(&order, &settings, now)).await else {
        return html! {};
    };
    let last = story.statements.iter().map(|(id, _)| *id).max();
    let Some(case) = story.cases.get(&statement.order).filter(|_| last == Some(id)) else { return html! {} };
    let mark = story.mark.to_string();
    let form = |action: &str, fields: &Markup, button: &str| visit.form(action, fields, button);
    waiting::one_tap(&form, case, &mark, "case", &[("what", "deny")], visit.labels.get("waiting.take-back"))
}
