//! `modori inquiry`, and the way every letter goes that the shopper asks for: shown, or written and carried out.

use super::args::{Format, Inquiry, Writing};
use super::{Failure, say, setup, sweep};
use crate::edge::clock::Clock;
use crate::edge::hand::{HandLock, LockError};
use crate::edge::store::{LetterFate, Refused, State, StoreError};
use crate::facts::OrderNumber;
use crate::ledger::Case;
use crate::ledger::due::Settings;
use crate::letter::silence::About;
use crate::letter::{Asked, Correspondence, Kind, Letter, Matter, Replies, Silence, form, mailto};
use crate::plan::gate::{self, By};
use crate::plan::on_owner::{self, Kept, Proposal};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::Path;

/// Asks the shop, or Rakuten.
pub(super) fn run(arguments: &Inquiry, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let kind = match (arguments.rakuten, arguments.again) {
        (true, _) => Kind::AskRakuten,
        (false, true) => Kind::AskShopAgain,
        (false, false) => Kind::AskShop,
    };
    write(kind, &arguments.writing, &Asked::default(), config, state).map(|_| ())
}

/// Shows a letter, or writes it; answers what became of it, if it was written.
pub(super) fn write(
    kind: Kind,
    writing: &Writing,
    asked: &Asked,
    config: Option<&Path>,
    state: Option<&Path>,
) -> Result<Option<LetterFate>, Failure> {
    let order = say::order(&writing.order)?;
    if writing.preview || kind == Kind::AskRakuten {
        return preview(kind, &order, writing, asked, config, state).map(|()| None);
    }
    let config = setup::config(config, state)?;
    let store = setup::store(&config.state)?;
    let engine = setup::engine(&config, &store)?;
    let replies = engine.policy.replies.clone();
    if writing.send && !replies.send.contains(&kind) {
        return Err(Failure::broken(format!(
            "`{0}` is only drafted; to let it be sent write `{0} = true` under [replies.send]",
            kind.name()
        )));
    }
    let hand = match HandLock::take(&config.state) {
        Ok(lock) => Some(lock),
        // a running watch has it: it does what follows
        Err(LockError::Held { .. }) => None,
        Err(error) => return Err(Failure::new(error.to_string())),
    };
    let runtime = setup::runtime()?;
    runtime.block_on(async {
        if hand.is_some() {
            engine.hand.recover().await.map_err(failed)?;
        }
        let now = engine.clock.now();
        let (settings, send, number, asked) = (engine.ledger.clone(), writing.send, order.clone(), asked.clone());
        let decided = engine.store.call(move |db| db.ask_letter(kind, &number, &asked, send, &replies, &settings, now));
        let decided = decided.await.map_err(failed)?;
        let (letter, key) = match decided {
            Ok(Some(written)) => written,
            Ok(None) => return Err(Failure::new(Silence::AlreadyWritten.sentence())),
            // no text was shown here that could be another one
            Err(Refused::Unknown | Refused::Changed) => return Err(unknown(&order)),
            Err(Refused::Gate { proposal, older }) => return Err(refused(&order, &proposal, older)),
        };
        let worked = async {
            match &hand {
                Some(_) => engine.hand.work_until_idle().await.map_err(failed),
                None => sweep::wait_for_the_other(&engine).await,
            }
        };
        tokio::select! {
            ended = worked => ended?,
            () = super::watch::stopped() => {
                return Err(Failure::new("stopped; what was begun is finished at the next start"));
            }
        }
        let (number, step) = (letter.order.clone(), letter.step.clone());
        let far = engine.store.call(move |db| db.became_of(&number, &step, &key)).await.map_err(failed)?;
        tell(&letter, writing, far.as_ref());
        Ok(far)
    })
}

fn failed(error: StoreError) -> Failure {
    Failure::new(error.to_string())
}

fn unknown(order: &OrderNumber) -> Failure {
    Failure::new(format!("nothing is known of {order}; `modori import` reads old mail"))
}

/// What helps when mails were read before letters were thought of.
const READ_BY_OLDER: &str = "this order's mails were read by an older modori, which kept no addresses: `modori ledger \
                             rebuild --mailbox` reads them again";

/// Whether mails tell of the order, and nothing is kept of any that could be answered.
fn is_of_older_modori(case: &Case, mails: &[Correspondence]) -> bool {
    mails.is_empty() && !case.evidence.is_empty()
}

/// Why a letter was not written, with the ways that are left.
fn refused(order: &OrderNumber, proposal: &Proposal, older: bool) -> Failure {
    let mut lines = vec!["the letter is not written:".to_owned()];
    if let Err(error) = &proposal.text {
        lines.push(format!("  its template: {error}"));
    }
    for reason in proposal.answer.as_ref().err().into_iter().flatten() {
        lines.push(format!("  {} ({})", reason.sentence(), reason.word()));
    }
    if older {
        lines.push(READ_BY_OLDER.to_owned());
    }
    if let Some(letter) = proposal.letter.as_ref().filter(|_| only_the_way(proposal)) {
        lines.push(format!("in your own mail program: {}", mailto(letter)));
    }
    if only_the_way(proposal) {
        lines.push(format!("the shop's form: {}", form(order)));
    }
    lines.push("`--preview` shows the text".to_owned());
    Failure::new(lines.join("\n"))
}

/// Nothing speaks against asking, only against a letter.
fn only_the_way(proposal: &Proposal) -> bool {
    let way = |reason: &Silence| !matches!(reason.about(), About::Order | About::Memory);
    proposal.answer.as_ref().err().is_none_or(|reasons| reasons.iter().all(way))
}

/// What became of a letter that was written.
fn tell(letter: &Letter, writing: &Writing, far: Option<&LetterFate>) {
    let state = far.map_or(State::Ready, |far| far.state);
    let sends = far.map_or(writing.send, |far| far.sends);
    let why = far.and_then(|far| far.why.as_deref());
    if writing.format == Format::Json {
        let what = if sends { "send" } else { "draft" };
        anstream::println!("{}", json!({ "letter": letter, "what": what, "state": state.word(), "why": why }));
        return;
    }
    let (to, subject) = (&letter.to, &letter.subject);
    let why = why.unwrap_or("the server refused it");
    match (state, sends) {
        (State::Done, false) if writing.send => {
            anstream::println!("not sent ({why}); it lies in Drafts: {subject}");
        }
        (State::Ready | State::Doing, false) if writing.send => {
            anstream::println!("not sent ({why}); it is laid into Drafts as soon as the mailbox is reached");
        }
        (State::Done, false) => {
            anstream::println!("a draft to {to} lies in your Drafts folder: {subject}");
            anstream::println!("read it, change what you like, and send it yourself");
        }
        (State::Done, true) => anstream::println!("sent to {to}: {subject}"),
        (State::Unknown, _) => anstream::println!(
            "whether it left is not known: {subject}\nlook in your Sent folder before you write again"
        ),
        (State::Failed | State::Dropped, _) => {
            anstream::println!("it could not be written: {why}");
        }
        (State::Ready | State::Doing, false) => {
            anstream::println!("written down; the draft to {to} is laid into Drafts as soon as the mailbox is reached");
        }
        (State::Ready | State::Doing, true) => {
            anstream::println!("written down; it is sent to {to} as soon as the mail server is reached");
        }
    }
}

fn preview(
    kind: Kind,
    order: &OrderNumber,
    writing: &Writing,
    asked: &Asked,
    config: Option<&Path>,
    state: Option<&Path>,
) -> Result<(), Failure> {
    let (folder, config) = setup::state(state, config)?;
    let replies = setup::replies(config.as_ref())?;
    let settings = config.map(|config| config.ledger).unwrap_or_default();
    let db = setup::db(&folder)?;
    let now = writing.at.unwrap_or_else(|| Clock::system().now());
    let (case, kept) = db.about_letter(order, &settings, now).map_err(failed)?;
    let case = case.ok_or_else(|| unknown(order))?;
    let shown = Shown { kind, case: &case, replies: &replies, settings: &settings };
    let (text, sheet) = shown.of(&kept, asked, now)?;
    match writing.format {
        Format::Json => anstream::println!("{sheet}"),
        Format::Text => anstream::print!("{text}"),
    }
    Ok(())
}

/// Reasons for programs.
fn words(all: &[Silence]) -> Vec<Value> {
    all.iter().map(|one| json!({ "reason": one.word(), "sentence": one.sentence() })).collect()
}

/// A letter as it is looked at before it is written.
struct Shown<'a> {
    kind: Kind,
    case: &'a Case,
    replies: &'a Replies,
    settings: &'a Settings,
}

impl Shown<'_> {
    /// As text, and for programs.
    fn of(&self, (mails, memory): &Kept, asked: &Asked, now: Timestamp) -> Result<(String, Value), Failure> {
        let matter = Matter { case: self.case, mails, memory, settings: self.settings, now };
        let proposal = on_owner::propose(self.kind, By::Owner, &matter, asked, self.replies);
        let (subject, body) = proposal.text.clone().map_err(|error| Failure::broken(error.to_string()))?;
        let order = &self.case.order_number;
        if self.kind == Kind::AskRakuten {
            let mut reasons = proposal.answer.err().unwrap_or_default();
            // there is no letter that could be kept back: of the order alone there is something to be said
            reasons.retain(|reason| reason.about() == About::Order);
            let sheet =
                json!({ "step": self.kind.name(), "subject": subject, "body": body, "reasons": words(&reasons) });
            let mut text = format!("{subject}\n\n{body}");
            if !reasons.is_empty() {
                text.push_str("\n--- look first, because\n");
            }
            for reason in &reasons {
                text.push_str(&format!("  {} ({})\n", reason.sentence(), reason.word()));
            }
            return Ok((text, sheet));
        }
        let mut text = String::new();
        let mut line = |line: String| {
            text.push_str(&line);
            text.push('\n');
        };
        if let Some(letter) = &proposal.letter {
            line(format!("From: {}", letter.from));
            line(format!("To: {}", letter.to));
        }
        line(format!("Subject: {subject}"));
        if let Some(id) = proposal.letter.as_ref().and_then(|letter| letter.in_reply_to.as_ref()) {
            line(format!("In-Reply-To: <{id}>"));
        }
        line(format!("\n{}\n", body.trim_end()));
        let reasons = proposal.answer.as_ref().err().cloned().unwrap_or_default();
        if reasons.is_empty() {
            line("--- it may be written".to_owned());
        } else {
            line("--- it is not written, because".to_owned());
        }
        for reason in &reasons {
            line(format!("  {} ({})", reason.sentence(), reason.word()));
        }
        if is_of_older_modori(self.case, mails) {
            line(READ_BY_OLDER.to_owned());
        }
        let warnings = gate::warnings(self.kind, &matter, self.replies);
        for warning in warnings.iter().filter(|_| reasons.is_empty()) {
            line(format!("  only as a draft, modori does not send it: {} ({})", warning.sentence(), warning.word()));
        }
        let ways = only_the_way(&proposal) && !reasons.is_empty();
        let link = proposal.letter.as_ref().filter(|_| ways).map(mailto);
        if let Some(link) = &link {
            line(format!("in your own mail program: {link}"));
        }
        if ways {
            line(format!("the shop's form: {}", form(order)));
        }
        let sheet = json!({
            "step": self.kind.name(),
            "letter": proposal.letter,
            "subject": subject,
            "body": body,
            "may_leave": reasons.is_empty(),
            "reasons": words(&reasons),
            "only_as_draft": words(&warnings),
            "mailto": link,
            "form": form(order),
        });
        Ok((text, sheet))
    }
}
