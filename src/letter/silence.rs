//! Why a letter is not written: everything modori is silent on, each with its sentence.
//!
//! Sources: RFC 3834, 2 and 5 (when an automatic answer must not be sent), RFC 5230, 4.5 and 4.6 (addressed to me; lists,
//! bulk, own addresses), Pigeonhole's vacation command, and the domain document (2.2, 2.3, 7.6).

use super::address::{self, Relay};
use crate::mail::trust::is_rakuten;
use crate::mail::{Mail, TrustLevel};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One reason for silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Silence {
    /// No sender, or the null envelope sender.
    NullSender,
    /// From an own address.
    OwnMail,
    /// A mail server, a list server.
    Machine,
    /// A no-reply address.
    NoReply,
    /// One of the seven List- fields.
    List,
    /// A bounce.
    Bounce,
    /// An address of Rakuten's that nobody reads.
    RakutenMachine,
    /// Not written from a shop's address at Rakuten.
    NotAShop,
    /// Reply-To names another.
    ReplyElsewhere,
    /// None of the recipients is the shopper.
    NotToYou,
    /// Nobody vouches for the sender.
    Unverified,
    /// Signs of forgery.
    Suspect,
    /// Auto-Submitted.
    AutoSubmitted,
    /// Precedence: bulk, junk, list.
    Bulk,
    /// X-Auto-Response-Suppress.
    Suppressed,
    /// Too old.
    Old,
    /// Of another shop than the order.
    OtherShop,
    /// No mail of the shop gives an address.
    NoAddress,
    /// No question to answer.
    NoQuestion,
    /// A municipality.
    Municipal,
    /// Mails contradict each other.
    Conflict,
    /// The case ended.
    Ended,
    /// Not cancelled.
    NotCancelled,
    /// The cancellation is not proven.
    NotProven,
    /// Nothing is owed (any more), or nothing the shop could do.
    NothingOwed,
    /// Too early.
    TooEarly,
    /// Written already.
    AlreadyWritten,
    /// Nothing to repeat.
    NotAskedBefore,
    /// The outcome of a letter is not known.
    UnknownOutcome,
    /// A sign of a loop.
    Loop,
    /// As many letters today as may be.
    DailyCap,
    /// Letters are switched off.
    Off,
    /// No account to write from.
    NoSender,
}

/// What a reason is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// The mail that would be answered, or that the address would be taken from.
    Mail,
    /// The mail as something to answer; an inquiry may still use its address.
    Answering,
    /// The order.
    Order,
    /// What was written before.
    Memory,
    /// The way: a form is still open.
    Way,
}

impl Silence {
    /// All of them, in the order of docs/replies.md.
    pub const ALL: [Self; 33] = [
        Self::NullSender,
        Self::OwnMail,
        Self::Machine,
        Self::NoReply,
        Self::List,
        Self::Bounce,
        Self::RakutenMachine,
        Self::NotAShop,
        Self::ReplyElsewhere,
        Self::NotToYou,
        Self::Unverified,
        Self::Suspect,
        Self::Old,
        Self::OtherShop,
        Self::AutoSubmitted,
        Self::Bulk,
        Self::Suppressed,
        Self::NoQuestion,
        Self::Municipal,
        Self::Conflict,
        Self::Ended,
        Self::NotCancelled,
        Self::NotProven,
        Self::NothingOwed,
        Self::TooEarly,
        Self::AlreadyWritten,
        Self::NotAskedBefore,
        Self::UnknownOutcome,
        Self::Loop,
        Self::DailyCap,
        Self::Off,
        Self::NoSender,
        Self::NoAddress,
    ];

    /// Its stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NullSender => "null-sender",
            Self::OwnMail => "own-mail",
            Self::Machine => "machine",
            Self::NoReply => "no-reply",
            Self::List => "list",
            Self::Bounce => "bounce",
            Self::RakutenMachine => "rakuten-machine",
            Self::NotAShop => "not-a-shop",
            Self::ReplyElsewhere => "reply-elsewhere",
            Self::NotToYou => "not-to-you",
            Self::Unverified => "unverified",
            Self::Suspect => "suspect",
            Self::AutoSubmitted => "auto-submitted",
            Self::Bulk => "bulk",
            Self::Suppressed => "suppressed",
            Self::Old => "old",
            Self::OtherShop => "other-shop",
            Self::NoAddress => "no-address",
            Self::NoQuestion => "no-question",
            Self::Municipal => "municipal",
            Self::Conflict => "conflict",
            Self::Ended => "ended",
            Self::NotCancelled => "not-cancelled",
            Self::NotProven => "not-proven",
            Self::NothingOwed => "nothing-owed",
            Self::TooEarly => "too-early",
            Self::AlreadyWritten => "already-written",
            Self::NotAskedBefore => "not-asked-before",
            Self::UnknownOutcome => "unknown-outcome",
            Self::Loop => "loop",
            Self::DailyCap => "daily-cap",
            Self::Off => "off",
            Self::NoSender => "no-sender",
        }
    }

    /// The reason as a sentence.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NullSender => "the mail names no sender, or its envelope sender is <>",
            Self::OwnMail => "the mail is from one of your own addresses",
            Self::Machine => "the mail is from a mail server or a list server (MAILER-DAEMON, postmaster, -request …)",
            Self::NoReply => "the sender's address says that it takes no replies (no-reply, do-not-reply …)",
            Self::List => "the mail came through a mailing list (a List-… field)",
            Self::Bounce => "the mail is a bounce or a delivery report",
            Self::RakutenMachine => "nobody reads this address of Rakuten's; only …@shop.rakuten.co.jp is written to",
            Self::NotAShop => "the mail does not come from a shop's address at shop.rakuten.co.jp",
            Self::ReplyElsewhere => "Reply-To names an address that is not this shop's at Rakuten",
            Self::NotToYou => "the mail is not addressed to you (To and Cc name none of your own_addresses)",
            Self::Unverified => "your mail provider does not vouch for the sender",
            Self::Suspect => "the mail shows signs of forgery",
            Self::AutoSubmitted => "a machine sent the mail by itself (Auto-Submitted)",
            Self::Bulk => "the mail was sent to many (Precedence: bulk, junk or list)",
            Self::Suppressed => "the mail asks for no automatic answer (X-Auto-Response-Suppress)",
            Self::Old => "the mail is too old (oldest_days)",
            Self::OtherShop => "the mail is not of the shop that the order was placed at",
            Self::NoAddress => "no mail of the shop about this order gives an address; the shop's form is the way",
            Self::NoQuestion => "no mail of the shop asks for an answer about this order",
            Self::Municipal => {
                "the shop is a municipality (ふるさと納税): other rules hold, modori never writes to one"
            }
            Self::Conflict => "mails contradict each other about this order; decide first (modori case ORDER)",
            Self::Ended => "the case has ended",
            Self::NotCancelled => "the order is not cancelled",
            Self::NotProven => "no verified mail says that the order was cancelled",
            Self::NothingOwed => "nothing is owed that the shop could give back",
            Self::TooEarly => "it is too early: the usual time for this has not passed yet",
            Self::AlreadyWritten => "a letter for this step was written already",
            Self::NotAskedBefore => {
                "no letter is known to have asked the shop before; if you sent the draft: modori letter ORDER --sent"
            }
            Self::UnknownOutcome => {
                "whether an earlier letter about this order left is not known; look in your Sent folder"
            }
            Self::Loop => "an earlier letter about this order came back, or a machine answered it",
            Self::DailyCap => "as many letters were written today as may be (a_day)",
            Self::Off => "letters are switched off ([replies] drafts = false, or [filing] mode = \"observe\")",
            Self::NoSender => "no account of yours is known to have got the order's mail",
        }
    }

    /// What it is about.
    #[must_use]
    pub fn about(self) -> About {
        match self {
            Self::AutoSubmitted | Self::Bulk | Self::Suppressed => About::Answering,
            Self::NoAddress | Self::Off | Self::NoSender | Self::DailyCap => About::Way,
            Self::Municipal
            | Self::Conflict
            | Self::Ended
            | Self::NotCancelled
            | Self::NotProven
            | Self::NothingOwed
            | Self::TooEarly
            | Self::NoQuestion => About::Order,
            Self::AlreadyWritten | Self::NotAskedBefore | Self::UnknownOutcome | Self::Loop => About::Memory,
            _ => About::Mail,
        }
    }
}

/// The fields of a mailing list (RFC 2369, RFC 2919).
const LIST: [&str; 7] =
    ["List-Id", "List-Help", "List-Subscribe", "List-Unsubscribe", "List-Post", "List-Owner", "List-Archive"];

/// Why a mail must not be answered, as far as it shows by itself. `own`: the shopper's addresses, lower case; with none
/// known, whom it is addressed to cannot be judged.
#[must_use]
pub fn of_mail(mail: &Mail, own: &BTreeSet<String>) -> Vec<Silence> {
    let sender = mail.from.addr.as_str();
    let path = mail.return_path.as_deref();
    let has = |name: &str| mail.header(name).next().is_some();
    let relay = Relay::of(sender);
    let mut found = Vec::new();
    let mut say = |holds: bool, silence: Silence| {
        if holds {
            found.push(silence);
        }
    };
    say(!sender.contains('@') || path == Some(""), Silence::NullSender);
    say(own.contains(sender), Silence::OwnMail);
    let both = [Some(sender), path];
    say(both.into_iter().flatten().any(|one| is_machine(local(one))), Silence::Machine);
    say(both.into_iter().flatten().any(|one| takes_no_reply(local(one))), Silence::NoReply);
    say(LIST.into_iter().any(has), Silence::List);
    say(is_bounce(mail), Silence::Bounce);
    let rakuten = is_rakuten(mail.from.domain());
    say(rakuten && relay.is_none(), Silence::RakutenMachine);
    say(!rakuten, Silence::NotAShop);
    let elsewhere =
        |to: &crate::mail::Address| Relay::of(&to.addr).map(|to| to.code) != relay.as_ref().map(|one| one.code);
    say(mail.reply_to.iter().any(elsewhere), Silence::ReplyElsewhere);
    let to_us = |to: &crate::mail::Address| own.contains(&to.addr) || address::is_masked(to.domain());
    say(!own.is_empty() && !mail.to.iter().any(to_us), Silence::NotToYou);
    say(mail.trust.level == TrustLevel::Unverified, Silence::Unverified);
    say(mail.trust.level == TrustLevel::Suspect, Silence::Suspect);
    say(is_automatic(mail), Silence::AutoSubmitted);
    say(words(mail, "Precedence").any(|word| matches!(word.as_str(), "bulk" | "junk" | "list")), Silence::Bulk);
    let suppressed = |word: String| matches!(word.as_str(), "all" | "oof" | "autoreply");
    say(words(mail, "X-Auto-Response-Suppress").any(suppressed), Silence::Suppressed);
    found
}

/// Auto-Submitted with any word but `no` (RFC 3834, 5).
fn is_automatic(mail: &Mail) -> bool {
    mail.header("Auto-Submitted").any(|value| {
        let word = value.split([';', '(', ' ', '\t']).find(|word| !word.is_empty()).unwrap_or_default();
        !word.eq_ignore_ascii_case("no")
    })
}

fn is_bounce(mail: &Mail) -> bool {
    let report = mail.header("Content-Type").any(|value| value.trim().to_lowercase().starts_with("multipart/report"));
    let status = |kind: &str| kind.ends_with("/delivery-status") || kind.ends_with("/disposition-notification");
    report
        || mail.header("X-Failed-Recipients").next().is_some()
        || mail.attachments.iter().any(|one| status(&one.media_type))
}

/// The words of a field that lists some, lower case.
fn words<'a>(mail: &'a Mail, field: &'a str) -> impl Iterator<Item = String> + 'a {
    let split = |value: &'a str| value.split([',', ';', ' ', '\t']).map(|word| word.trim().to_lowercase());
    mail.header(field).flat_map(split).filter(|word| !word.is_empty())
}

fn local(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(local, _)| local)
}

fn is_machine(local: &str) -> bool {
    let names = ["mailer-daemon", "mailerdaemon", "postmaster", "listserv", "majordomo", "mailman", "root"];
    names.iter().any(|name| local.eq_ignore_ascii_case(name))
        || local.to_lowercase().ends_with("-request")
        || local.to_lowercase().starts_with("owner-")
        || local.to_lowercase().ends_with("-bounces")
}

/// However it is written: no-reply, NoReply, do_not_reply, shop_noreply …
fn takes_no_reply(local: &str) -> bool {
    let bare: String = local.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    ["noreply", "donotreply", "dontreply", "noresponse", "noreturn"].iter().any(|word| bare.contains(word))
}
