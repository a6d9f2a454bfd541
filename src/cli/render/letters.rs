//! Letters about an order, for people.

use super::{at, one_line, table};
use crate::edge::store::{Posted, State, Way};

/// `modori letter`.
pub(in crate::cli) fn letters(all: &[Posted], signs: &[(String, String)]) -> String {
    let mut table = table(&["#", "step", "to", "subject", "what", "when", "where", ""]);
    for one in all {
        let what = match (one.way, one.state) {
            (Way::Draft, State::Done) => "draft",
            (Way::Draft, State::Ready | State::Doing) => "draft, not laid yet",
            (Way::Draft, _) => "draft, not laid",
            (Way::Send, State::Done) => "sent",
            (Way::Send, State::Ready | State::Doing) => "not sent yet",
            (Way::Send, State::Unknown) => "SENT OR NOT? look, then say --sent or --not-sent",
            (Way::Send, State::Dropped | State::Failed) => "not sent",
            (Way::Copy, State::Done) => "copy",
            (Way::Copy, _) => "copy, not laid",
        };
        let place = one.place.as_ref().map_or(String::new(), |place| format!("{}, UID {}", place.mailbox, place.uid));
        let signs = signs.iter().filter(|(id, _)| *id == one.letter.message_id && one.way != Way::Copy);
        let mut why: Vec<String> = signs.map(|(_, sign)| sign.clone()).collect();
        why.extend(one.error.as_deref().map(one_line));
        table.add_row([
            one.id.to_string(),
            one_line(&one.letter.step),
            one_line(&one.letter.to),
            one_line(&one.letter.subject),
            what.to_owned(),
            at(one.at),
            one_line(&place),
            why.join("; "),
        ]);
    }
    table.to_string()
}
