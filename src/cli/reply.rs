//! `modori reply`: the answer to a shop's out-of-stock question, and thanks.

use super::args::{About, Choice, Reply};
use super::{Failure, inquiry, say};
use crate::edge::store::{LetterFate, State};
use crate::letter::{Asked, Kind};
use std::path::Path;

/// Answers the shop.
pub(super) fn run(arguments: &Reply, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    if arguments.done {
        let about = About { order: arguments.writing.order.clone(), at: None };
        return say::answered(&about, config, state);
    }
    let kind = match arguments.choose {
        Some(Choice::Cancel) => Kind::AnswerCancel,
        Some(Choice::Wait) => Kind::AnswerWait,
        Some(Choice::Alternative) => Kind::AnswerAlternative,
        None => Kind::Thanks,
    };
    let asked = Asked { wish: arguments.wish.clone().unwrap_or_default() };
    let far = inquiry::write(kind, &arguments.writing, &asked, config, state)?;
    // one that was sent is noted as the answer with its end; a draft answers nothing yet
    let is_sent = |far: &LetterFate| far.sends && far.state == State::Done;
    if kind.is_answer() && far.as_ref().is_some_and(|far| !is_sent(far)) {
        anstream::println!("when it is sent: modori reply {} --done", arguments.writing.order);
    }
    Ok(())
}
