//! NOTIFY (RFC 5465) for the selected mailbox: what a client wants to be told of new messages.

use super::session::{Answer, Session};
use super::syntax::{Args, Item};
use crate::edge::imap::Wire;

/// What is told beside EXISTS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// As without NOTIFY.
    Usual,
    /// New messages with these attributes.
    New(Vec<Item>),
    /// Nothing at all (`NOTIFY NONE`, or a set without the selected mailbox).
    Nothing,
}

impl<W: Wire> Session<'_, W> {
    pub(super) fn notify(&mut self, mut args: Args<'_>) -> Option<Answer> {
        args.space()?;
        if args.eat("NONE").is_some() {
            args.end()?;
            self.wanted = Wanted::Nothing;
            return Some(Answer::Ok("nothing is told".to_owned()));
        }
        args.eat("SET (")?;
        if args.eat("SELECTED-DELAYED ").is_none() {
            args.eat("SELECTED ")?;
        }
        args.eat("(")?;
        let (mut new, mut gone) = (None, false);
        loop {
            match args.atom()?.to_ascii_uppercase().as_str() {
                "MESSAGENEW" => {
                    new = Some(Vec::new());
                    if args.eat(" (").is_some() {
                        new = Some(args.fetch_items_inside()?);
                    }
                }
                "MESSAGEEXPUNGE" => gone = true,
                "FLAGCHANGE" => {}
                _ => {
                    return Some(Answer::No(
                        "[BADEVENT (MessageNew MessageExpunge FlagChange)] unknown event".to_owned(),
                    ));
                }
            }
            if args.eat(")").is_some() {
                break;
            }
            args.space()?;
        }
        args.eat(")")?;
        args.end()?;
        // RFC 5465, 5.1: one of them needs the other
        let new = match (new, gone) {
            (Some(new), true) => new,
            (None, false) => return Some(Answer::Ok("only flags are told".to_owned())),
            _ => return None,
        };
        self.wanted = Wanted::New(new);
        Some(Answer::Ok("told from now on".to_owned()))
    }
}
