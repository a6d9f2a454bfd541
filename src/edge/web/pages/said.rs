//! What the shopper says on a page: written down as the commands write it, once, and told again on the page that follows.

use super::case::{self, Entered};
use super::fields::{Fields, Wrong};
use super::waiting;
use super::words::{Words, line};
use crate::edge::store::{LettersSettled, Noted, Posted, Refused, State, StoreError, Story, Way};
use crate::edge::web::frame::{Here, Visit};
use crate::facts::OrderNumber;
use crate::ledger::giving::{Ungiven, give, nameless};
use crate::ledger::{By, Said, Statement};
use crate::letter::{Asked, Kind, LONGEST_WISH};
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
    let Some(fields) = Fields::of(pairs) else { return too_many(&visit) };
    let story = match case::known(&visit, &order).await {
        Ok(story) => story,
        Err(response) => return response,
    };
    let said = match story.cases.get(&order).map(|case| fields.said(case, visit.now)) {
        Some(Ok(Some(said))) => said,
        Some(Err(wrong)) => return again(&visit, &order, &story, Entered { fields, wrong }),
        _ => return StatusCode::BAD_REQUEST.into_response(),
    };
    let Some(mark) = fields.mark() else { return stale(&visit, &order, fields).await };
    let said: Vec<_> = said.into_iter().map(|said| (order.clone(), said)).collect();
    let (about, settings, now) = (order.clone(), visit.pages.orders.settings.clone(), visit.now);
    let noted = visit.pages.store.call(move |db| db.say_once(&about, &mark, &said, By::Dashboard, &settings, now));
    noted_or_not(&visit, &order, fields, noted.await).await
}

/// No page has a form of so many fields.
pub(super) fn too_many(visit: &Visit) -> Response {
    let body = html! { p .card.bad role="alert" { (visit.labels.get("case.wrong.form")) } };
    let title = visit.labels.get(Here::Waiting.label()).to_owned();
    visit.page_with(StatusCode::UNPROCESSABLE_ENTITY, Here::Waiting, &title, &body)
}

/// The form again, with what is wrong.
fn again(visit: &Visit, order: &OrderNumber, story: &Story, entered: Entered) -> Response {
    case::page(visit, order, story, &html! {}, &entered, StatusCode::UNPROCESSABLE_ENTITY)
}

async fn noted_or_not(
    visit: &Visit,
    order: &OrderNumber,
    fields: Fields,
    noted: Result<Noted, StoreError>,
) -> Response {
    match noted {
        Ok(Noted::Now(id) | Noted::Before(id)) => back(visit, &fields, order, &format!("noted={id}")),
        Ok(Noted::Stale) => stale(visit, order, fields).await,
        Err(error) => broken(&error),
    }
}

/// Nothing was noted: what the form showed is not so any more.
async fn stale(visit: &Visit, order: &OrderNumber, fields: Fields) -> Response {
    let message = html! { p .card.warn data-said role="alert" { (visit.labels.get("case.noted.stale")) } };
    let entered = Entered { fields, wrong: Vec::new() };
    match case::known(visit, order).await {
        Ok(story) => case::page(visit, order, &story, &message, &entered, StatusCode::CONFLICT),
        Err(response) => response,
    }
}

/// Whose points a mail speaks of.
pub(super) async fn assign(visit: Visit, Path(order): Path<String>, Form(pairs): Pairs) -> Response {
    let Some(order) = OrderNumber::parse(&order) else { return case::no_number(&visit) };
    let Some(fields) = Fields::of(pairs) else { return too_many(&visit) };
    let given = fields.names().filter_map(|name| OrderNumber::parse(name.strip_prefix("of-")?));
    let named: Vec<OrderNumber> = given.collect();
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
        _ if !wrong.is_empty() => return again(&visit, &order, &story, Entered { fields, wrong }),
        Ok(given) => given,
        Err(why) => {
            let wrong = match why {
                Ungiven::TooMany { given, most } => {
                    let wrong = Wrong::of("assign", "case.wrong.assign-many");
                    wrong.with("given", yen(given)).with("most", yen(most))
                }
                _ => Wrong::of("assign", "case.wrong.assign-unknown"),
            };
            return again(&visit, &order, &story, Entered { fields, wrong: vec![wrong] });
        }
    };
    let Some(mark) = fields.mark() else { return stale(&visit, &order, fields).await };
    let shown = case::shown_with(&story, &order, &mail.mail);
    let (about, mail) = (order.clone(), mail.mail);
    let (settings, now) = (visit.pages.orders.settings.clone(), visit.now);
    let noted = visit
        .pages
        .store
        .call(move |db| db.assign_once(&about, &shown, &mail, &mark, &given, By::Dashboard, &settings, now));
    noted_or_not(&visit, &order, fields, noted.await).await
}

/// A letter shall be written: into Drafts, or, from the page that shows it whole and where the configuration lets it, to
/// the shop.
pub(super) async fn letter(visit: Visit, Path(order): Path<String>, Form(pairs): Pairs) -> Response {
    let Some(order) = OrderNumber::parse(&order) else { return case::no_number(&visit) };
    let Some(fields) = Fields::of(pairs) else { return too_many(&visit) };
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == fields.get("kind") && *kind != Kind::AskRakuten);
    let Some(kind) = kind else { return StatusCode::BAD_REQUEST.into_response() };
    let asked = match wish(kind, &fields) {
        Ok(asked) => asked,
        Err(_) => {
            let asking = Asking { order, kind, fields };
            return case::letter(&visit, &asking, &html! {}, StatusCode::UNPROCESSABLE_ENTITY).await;
        }
    };
    let send = fields.get("send") == "yes";
    let shown = Some(fields.get("text").to_owned()).filter(|shown| !shown.is_empty());
    if shown.is_none() && (send || kind == Kind::AnswerAlternative) {
        // what was not seen does not leave
        return not_so(&visit, Asking { order, kind, fields }, "case.noted.letter-other").await;
    }
    let orders = visit.pages.orders.clone();
    let (about, now) = (order.clone(), visit.now);
    let decided = visit.pages.store.call(move |db| {
        let (replies, settings) = (&orders.replies, &orders.settings);
        let decided = db.ask_letter_shown(kind, &about, &asked, send, shown.as_deref(), replies, settings, now)?;
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
        (Err(Refused::Changed), _) => not_so(&visit, Asking { order, kind, fields }, "case.noted.letter-other").await,
        _ => not_so(&visit, Asking { order, kind, fields }, "case.noted.refused").await,
    }
}

/// What the shopper asks for in a letter.
///
/// # Errors
/// What is wrong with it.
pub(super) fn wish(kind: Kind, fields: &Fields) -> Result<Asked, Wrong> {
    if kind != Kind::AnswerAlternative {
        return Ok(Asked::default());
    }
    Ok(Asked { wish: fields.text("wish", LONGEST_WISH, "case.wrong.wish-empty")? })
}

/// No letter was written; it is shown as it would be now.
async fn not_so(visit: &Visit, asking: Asking, why: &str) -> Response {
    let message = html! { p .card.warn data-said role="alert" { (visit.labels.get(why)) } };
    case::letter(visit, &asking, &message, StatusCode::CONFLICT).await
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
    let Some(fields) = Fields::of(pairs) else { return too_many(&visit) };
    let sent = match fields.get("sent") {
        "yes" => true,
        "no" => false,
        _ => return StatusCode::BAD_REQUEST.into_response(),
    };
    let Some(shown) = fields.letters() else { return StatusCode::BAD_REQUEST.into_response() };
    let (about, copied, now) = (order.clone(), visit.pages.orders.copied, visit.now);
    match visit.pages.store.call(move |db| db.settle_letters(&about, &shown, sent, copied, now)).await {
        Ok(LettersSettled::Stale) => stale(&visit, &order, fields).await,
        Ok(LettersSettled::Now | LettersSettled::Before) => {
            let _ = visit.pages.orders.carry.tell();
            back(&visit, &fields, &order, if sent { "sent=yes" } else { "sent=no" })
        }
        Err(error) => broken(&error),
    }
}

/// What the page before did, as the database knows it: an address names a row, and never what is said. `known` is the
/// story that is shown on this page, if it is that of an order.
pub(super) async fn message(visit: &Visit, query: &BTreeMap<String, String>, known: Option<&Story>) -> Markup {
    let words = words(visit);
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<i64>().ok());
    let word = |name: &str| query.get(name).map_or("", String::as_str);
    let fine = |label: &str| html! { p .card.fine data-said role="status" { (words.get(label)) } };
    if let Some(id) = number("noted") {
        let (settings, now) = (visit.pages.orders.settings.clone(), visit.now);
        let has = |story: &Story| story.statements.iter().find(|(one, _)| *one == id).map(|(_, one)| one.clone());
        if let Some((statement, story)) = known.and_then(|story| Some((has(story)?, story))) {
            return noted(visit, &statement, id, Some(story), &words);
        }
        let found = visit.pages.store.look(move |db| {
            let Some(statement) = db.statement(id)? else { return Ok(None) };
            let story = db.story(&statement.order, &settings, now)?;
            Ok(Some((statement, story)))
        });
        return match found.await {
            Ok(Some((statement, story))) => noted(visit, &statement, id, story.as_ref(), &words),
            _ => html! {},
        };
    }
    if let Some(id) = number("letter") {
        return match visit.pages.store.look(move |db| db.letter(id)).await {
            Ok(Some(one)) => letter_message(visit, &one, &words),
            _ => html! {},
        };
    }
    match (word("seen"), word("sent")) {
        ("now", _) => fine("case.noted.acked"),
        ("over", _) => fine("case.noted.ack-over"),
        (_, "yes") => fine("case.noted.letters-sent"),
        (_, "no") => fine("case.noted.letters-not-sent"),
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

/// A word that was noted, and what takes it back.
fn noted(visit: &Visit, statement: &Statement, id: i64, story: Option<&Story>, words: &Words<'_>) -> Markup {
    let case = story.and_then(|story| story.cases.get(&statement.order));
    html! { (case::noted(statement, case, words)) @if let Some(story) = story { (take_back(visit, statement, id, story)) } }
}

/// What takes the last word back, where the ledger has such a word: a confirmation is taken back by "not yet".
fn take_back(visit: &Visit, statement: &Statement, id: i64, story: &Story) -> Markup {
    if !matches!(
        statement.said,
        Said::Confirm { points: Some(_), .. } | Said::Confirm { coupon_back: None, .. } | Said::Lost
    ) {
        return html! {};
    }
    let last = story.statements.iter().map(|(id, _)| *id).max();
    let Some(case) = story.cases.get(&statement.order).filter(|_| last == Some(id)) else { return html! {} };
    let mark = story.mark.to_string();
    let form = |action: &str, fields: &Markup, button: &str| visit.form(action, fields, button);
    waiting::one_tap(&form, case, &mark, "case", &[("what", "deny")], visit.labels.get("waiting.take-back"))
}
