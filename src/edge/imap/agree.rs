//! After the login: what client and server agree on about names of folders (ENABLE, NAMESPACE), in one round trip.

use super::error::ImapError;
use super::names::{Listed, Names};
use super::response::{Condition, Response};
use super::wire::{Answer, Line, Piece};
use super::{ImapAccount, enter};
use std::collections::BTreeSet;

/// Longest prefix of a namespace, in bytes.
const PREFIX: usize = 1000;

/// Switches UTF8=ACCEPT on (RFC 6855) where the server offers it, and asks how names are written.
///
/// `ENABLE` belongs between login and the first mailbox (RFC 5161, 3.1) and may be sent together with what follows, so
/// it costs no time. Only a server that says `* ENABLED UTF8=ACCEPT` is believed; with any other names stay in modified
/// UTF-7.
pub(super) async fn on_names(
    account: &ImapAccount,
    line: &mut Line,
    can: &BTreeSet<String>,
) -> Result<Names, ImapError> {
    let namespace = can.contains("NAMESPACE");
    let asks = if namespace { "NAMESPACE" } else { DELIMITER };
    // (RFC 9051 has ENABLE without announcing it)
    let enables = can.contains("ENABLE") || can.contains("IMAP4REV2");
    // what Gmail documents of its labels speaks of modified UTF-7 and says nothing of UTF-8
    let labels = can.contains("X-GM-EXT-1");
    let (mut enabled, mut untagged) = (false, Vec::new());
    let asked = if enables && !labels && (can.contains("UTF8=ACCEPT") || can.contains("UTF8=ONLY")) {
        let tags = [line.next_tag(), line.next_tag()];
        let [enable, ask] = &tags;
        line.begin();
        line.write(format!("{enable} ENABLE UTF8=ACCEPT\r\n{ask} {asks}\r\n").as_bytes()).await?;
        let [said, asked] = line.finish_both(&tags, &mut untagged).await?;
        let confirmed = |response: &Response| matches!(response, Response::Enabled(all) if all.iter().any(|one| one == "UTF8=ACCEPT"));
        enabled = said.condition == Condition::Ok && untagged.iter().any(confirmed);
        asked
    } else {
        let answer = line.command(&[Piece::Plain(asks)]).await?;
        untagged = answer.untagged;
        answer.status
    };
    if let Some(error) = enter::in_name_only(account, &asked) {
        return Err(error);
    }
    line.utf8 = enabled;
    let (mut prefix, mut delimiter) = (String::new(), None);
    for response in &untagged {
        if let Response::Namespace { prefix: p, delimiter: d } = response {
            (prefix, delimiter) = (p.clone(), *d);
        }
    }
    if delimiter.is_none() {
        let answer = if namespace {
            line.command(&[Piece::Plain(DELIMITER)]).await?
        } else {
            Answer { status: asked, untagged }
        };
        if let Some(error) = enter::in_name_only(account, &answer.status) {
            return Err(error);
        }
        // a refusal does not mean "no delimiter": folders would be made under other names
        if answer.status.condition != Condition::Ok {
            return Err(line.lost("the server does not tell how names of folders are written"));
        }
        for response in answer.untagged {
            if let Response::List { delimiter: d, .. } = response {
                delimiter = d;
            }
        }
    }
    if prefix.len() > PREFIX {
        return Err(line.lost("the server's folders are to begin with an endless name"));
    }
    if prefix.chars().any(char::is_control) {
        return Err(line.lost("the server's folders are to begin with what cannot be written"));
    }
    Ok(Names::new(&prefix, delimiter, enabled))
}

/// Asks for the delimiter and nothing else (RFC 3501, 6.3.8).
const DELIMITER: &str = "LIST \"\" \"\"";

/// Looks for a folder that is not there under the name as we would write it: among all, however the server spells them.
/// `true` when it was found; it is meant by this name from now on.
pub(super) async fn on_spelling(line: &mut Line, names: &mut Names, name: &str) -> Result<bool, ImapError> {
    names.forget(name);
    if !Names::has_spellings(name) {
        return Ok(false);
    }
    let answer = line.command(&[Piece::Plain("LIST \"\" \"*\"")]).await?;
    // no list, no knowledge: what follows goes by the rule
    Ok(answer.status.condition == Condition::Ok && names.recognise(name, &open(&answer)))
}

/// The mailboxes that a LIST shows.
pub(super) fn all(answer: &Answer) -> Vec<Listed<'_>> {
    let one = |response| match response {
        &Response::List { delimiter, ref name, .. } => Some(Listed { wire: name.as_str(), delimiter }),
        _ => None,
    };
    answer.untagged.iter().filter_map(one).collect()
}

/// Those of them that can be opened.
pub(super) fn open(answer: &Answer) -> Vec<Listed<'_>> {
    let ghost = |a: &String| a.eq_ignore_ascii_case("\\NonExistent") || a.eq_ignore_ascii_case("\\Noselect");
    let one = |response| match response {
        &Response::List { ref attributes, delimiter, ref name } if !attributes.iter().any(ghost) => {
            Some(Listed { wire: name.as_str(), delimiter })
        }
        _ => None,
    };
    answer.untagged.iter().filter_map(one).collect()
}
