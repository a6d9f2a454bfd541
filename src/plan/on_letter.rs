//! What became of a letter, and what follows: a copy for the folder of sent mail, a draft in its place, a question to the
//! shopper, a sign that nothing more may be written.

use super::announce::Announcement;
use super::gate::By;
use super::tell::clean;
use super::{Alert, Effect, Policy, Wish};
use crate::facts::OrderNumber;
use crate::letter::Letter;
use crate::mail::Mail;
use crate::rules::{Known, Priority};
use crate::wording::{LetterKind, LetterWords};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a mail says about a letter it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignKind {
    /// A mail server gives it back.
    Bounced,
    /// A machine answers it: an answer to the answer could go on for ever.
    AutoReply,
}

impl SignKind {
    /// As it is stored and shown.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Bounced => "bounced",
            Self::AutoReply => "auto-reply",
        }
    }
}

/// A sign that nothing more may be written by itself about an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sign {
    /// Message-ID of the letter, without angle brackets.
    pub message_id: String,
    /// The order it is about.
    pub order: OrderNumber,
    /// What was seen.
    pub kind: SignKind,
    /// When.
    pub at: Timestamp,
}

/// Whether a machine wrote the mail: RFC 3834, 5, and what was in use before it.
fn by_machine(mail: &Mail) -> bool {
    let said =
        |name, is: fn(&str) -> bool| mail.header(name).any(|value| is(value.trim().to_ascii_lowercase().as_str()));
    said("auto-submitted", |value| !value.is_empty() && value.split([';', ' ', '(']).next() != Some("no"))
        || said("precedence", |value| matches!(value, "auto_reply" | "bulk" | "junk"))
        || said("x-autoreply", |value| value != "no")
        || said("x-autorespond", |_| true)
        || said("x-auto-reply", |value| value != "no")
}

/// What a mail says about letters of ours.
#[must_use]
pub fn signs(mail: &Mail, known: &Known, now: Timestamp) -> Vec<Sign> {
    let named = |id: &&String| mail.returned.contains(*id) || mail.references.contains(*id);
    // a receipt says that somebody read it, which is no answer: nothing comes back to what comes back
    let receipt =
        mail.header("content-type").any(|value| value.to_ascii_lowercase().contains("disposition-notification"));
    if receipt {
        return Vec::new();
    }
    let kind = if mail.is_bounce() {
        SignKind::Bounced
    } else if by_machine(mail) {
        SignKind::AutoReply
    } else {
        return Vec::new();
    };
    let about = known.letters.iter().filter(|(id, _)| named(id));
    about.map(|(id, order)| Sign { message_id: id.clone(), order: order.clone(), kind, at: now }).collect()
}

/// Alerts for letters that came back, each once.
#[must_use]
pub fn told(signs: &[Sign], policy: &Policy, now: Timestamp) -> Vec<Wish> {
    let bounced = signs.iter().filter(|sign| sign.kind == SignKind::Bounced);
    bounced
        .flat_map(|sign| {
            let words = LetterWords {
                kind: LetterKind::Bounced,
                order_number: sign.order.to_string(),
                to: String::new(),
                subject: String::new(),
                why: String::new(),
            };
            announce(&sign.message_id, None, &words, policy, now)
        })
        .collect()
}

/// A letter was sent (row `id` of the outbox): a copy of it goes into the folder of sent mail.
#[must_use]
pub fn sent(id: i64, letter: &Letter, sent: Timestamp, by: By) -> Wish {
    let effect = Effect::Copy { letter: Box::new(letter.clone()), sent, by };
    wish(format!("copy:{}:{id}", letter.message_id), effect, sent)
}

/// A letter (row `id` of the outbox) is not sent: it lies in Drafts instead, under the same Message-ID.
#[must_use]
pub fn drafted(id: i64, letter: &Letter, now: Timestamp) -> Wish {
    wish(format!("draft:{}:{id}", letter.message_id), Effect::Draft { letter: Box::new(letter.clone()) }, now)
}

fn wish(key: String, effect: Effect, due: Timestamp) -> Wish {
    Wish { key, effect, due, until: None, dedupe: Vec::new(), after: Vec::new(), turn: None }
}

/// The alert that something became of a letter (row `id` of the outbox), once.
#[must_use]
pub fn tell(id: i64, letter: &Letter, kind: LetterKind, why: &str, policy: &Policy, now: Timestamp) -> Vec<Wish> {
    let words = LetterWords {
        kind,
        order_number: letter.order.to_string(),
        to: clean(&letter.to),
        subject: clean(&letter.subject),
        why: why.to_owned(),
    };
    announce(&letter.message_id, Some(id), &words, policy, now)
}

/// A letter that is tried again, and fails again, is told again: it has a row of its own then.
fn announce(message_id: &str, id: Option<i64>, words: &LetterWords, policy: &Policy, now: Timestamp) -> Vec<Wish> {
    let (title, body) = policy.wording.letter(policy.language, words);
    let details = [
        ("letter", words.kind.word().to_owned()),
        ("order_number", words.order_number.clone()),
        ("message_id", message_id.to_owned()),
    ];
    let details: Map<String, Value> =
        details.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect();
    let priority = if words.kind == LetterKind::Drafted { Priority::Normal } else { Priority::High };
    let alert = Alert { priority, category: "letter".to_owned(), title, body, details, ..Alert::default() };
    let row = id.map(|id| format!(":{id}")).unwrap_or_default();
    let key = format!("letter:{}:{message_id}{row}", words.kind.word());
    // it waits for the shopper, however long a channel is away
    Announcement::new(key, alert, None).wishes(policy, now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{Reading, read};
    use std::collections::BTreeMap;

    const OURS: &str = "modori.1@example.jp";

    fn mail(header: &str, body: &str) -> Mail {
        let now = Timestamp::UNIX_EPOCH;
        let bytes = format!("{header}\r\n\r\n{body}");
        read(bytes.as_bytes(), &Reading { received: now, size: bytes.len() as u32, authserv_ids: &[] })
    }

    fn kinds(mail: &Mail) -> Vec<SignKind> {
        let order = OrderNumber::parse("399999-20261120-0123456789").unwrap();
        let known = Known { letters: BTreeMap::from([(OURS.to_owned(), order)]), own_letter: true, ..Known::default() };
        signs(mail, &known, Timestamp::UNIX_EPOCH).iter().map(|sign| sign.kind).collect()
    }

    #[test]
    fn a_person_who_answers_is_no_sign_and_a_machine_is() {
        let answer = format!("From: shop@shop.rakuten.co.jp\r\nIn-Reply-To: <{OURS}>");
        assert_eq!(kinds(&mail(&answer, "返還しました")), []);
        for (said, expect) in [
            ("Auto-Submitted: no", vec![]),
            ("Auto-Submitted: auto-replied", vec![SignKind::AutoReply]),
            ("Auto-Submitted: auto-replied (vacation)", vec![SignKind::AutoReply]),
            ("Precedence: auto_reply", vec![SignKind::AutoReply]),
            ("X-Autoreply: yes", vec![SignKind::AutoReply]),
            ("X-Priority: 1", vec![]),
        ] {
            assert_eq!(kinds(&mail(&format!("{answer}\r\n{said}"), "受け付けました")), expect, "{said}");
        }
        // a receipt: a mail program says that it was read (RFC 8098)
        let read = format!(
            "{answer}\r\nAuto-Submitted: auto-replied\r\nReturn-Path: <>\r\n\
             Content-Type: multipart/report; report-type=disposition-notification; boundary=x"
        );
        let body = format!(
            "--x\r\n\r\n開封されました\r\n--x\r\nContent-Type: message/disposition-notification\r\n\r\n\
             Original-Message-ID: <{OURS}>\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n--x--\r\n"
        );
        assert_eq!(kinds(&mail(&read, &body)), []);
        // of another letter
        assert_eq!(kinds(&mail("From: a@b\r\nIn-Reply-To: <x@y>\r\nAuto-Submitted: auto-replied", "")), []);
    }

    #[test]
    fn a_letter_that_comes_back_is_known_by_what_comes_back() {
        let report = "From: MAILER-DAEMON@mx.example.jp\r\nReturn-Path: <>\r\n\
                      Content-Type: multipart/report; report-type=delivery-status; boundary=x";
        for kind in ["message/rfc822", "text/rfc822-headers"] {
            let body = format!(
                "--x\r\n\r\nno such user\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed\r\n\
                 --x\r\nContent-Type: {kind}\r\n\r\nFrom: me@example.jp\r\nMessage-ID: <{OURS}>\r\n\r\n本文\r\n--x--\r\n"
            );
            let bounce = mail(report, &body);
            assert_eq!(bounce.returned, [OURS], "{kind}");
            assert_eq!(kinds(&bounce), [SignKind::Bounced], "{kind}");
        }
        let old = mail(
            "From: MAILER-DAEMON@mx.example.jp",
            &format!("Sorry.\r\n--- Below is your mail\r\nMessage-Id: <{OURS}>\r\n"),
        );
        assert_eq!(kinds(&old), [SignKind::Bounced]);
        // a person who sends the letter on as an attachment gives nothing back
        let forward = mail(
            "From: friend@example.jp\r\nContent-Type: multipart/mixed; boundary=x",
            &format!(
                "--x\r\n\r\nsee\r\n--x\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <{OURS}>\r\n\r\na\r\n--x--\r\n"
            ),
        );
        assert!(forward.returned.is_empty() && kinds(&forward).is_empty());
    }

    #[test]
    fn what_became_of_a_letter_is_told_once_by_every_channel() {
        let policy = Policy { channels: vec!["a".to_owned(), "b".to_owned()], ..Policy::default() };
        let sign = Sign {
            message_id: OURS.to_owned(),
            order: OrderNumber::parse("399999-20261120-0123456789").unwrap(),
            kind: SignKind::Bounced,
            at: Timestamp::UNIX_EPOCH,
        };
        let other = Sign { kind: SignKind::AutoReply, ..sign.clone() };
        let wishes = told(&[sign, other], &policy, Timestamp::UNIX_EPOCH);
        let keys: Vec<&str> = wishes.iter().map(|wish| wish.key.as_str()).collect();
        assert_eq!(keys, ["letter:bounced:modori.1@example.jp:a", "letter:bounced:modori.1@example.jp:b"]);
    }
}
