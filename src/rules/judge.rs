//! One mail through the rule set: a verdict with its reasons.

use super::compile::Compiled;
use super::scan::Page;
use super::weigh::{holds, reasons};
use super::{Known, Priority, Reason, RuleSet, Verdict, category, label};
use crate::facts::{Cancelled, Confidence, CouponRole, Facts, Form, Found, Stage};
use crate::mail::{Mail, TrustLevel};
use std::collections::BTreeSet;

/// Judges one mail.
///
/// The rules say what it is; what is fixed around them: our own mail and suspect mail are `other`, and only a restock
/// from a sender who is vouched for, or with a link to an item of the market, calls for an alert.
#[must_use]
pub fn judge(rules: &RuleSet, mail: &Mail, facts: &Facts, known: &Known) -> Verdict {
    if let Some(reason) = own(mail, known) {
        return aside(label::OWN, None, reason);
    }
    if mail.trust.level == TrustLevel::Suspect {
        let saw = mail.trust.reasons.join("; ");
        let reason = Reason { condition: "trust".into(), saw, weight: 0.0 };
        return aside(label::QUARANTINE, rules.quarantine_folder.clone(), reason);
    }
    let page = Page::new(mail, facts, &rules.wanted, &rules.words, &rules.exact);
    let matching = matching(rules, &page, known);
    let Some(winner) = matching.first() else {
        let labels = BTreeSet::new();
        return Verdict { category: category::OTHER.into(), labels, ..Verdict::default() };
    };
    verdict(rules, &page, known, winner, &matching)
}

/// Why no rule is asked about a mail, if none is.
pub(super) fn aside_reason(mail: &Mail, known: &Known) -> Option<String> {
    if let Some(reason) = own(mail, known) {
        return Some(format!("our own mail: {}", reason.condition));
    }
    (mail.trust.level == TrustLevel::Suspect).then(|| "suspect mail goes into quarantine".to_owned())
}

/// Rules that match, the one that decides first.
fn matching<'r>(rules: &'r RuleSet, page: &Page<'_>, known: &Known) -> Vec<&'r Compiled> {
    let woken = |index: &[Vec<u32>], word: u32| index.get(word as usize).cloned().unwrap_or_default();
    let mut candidates = rules.always.clone();
    candidates.extend(page.seen(false).flat_map(|word| woken(&rules.by_word, word)));
    candidates.extend(page.seen(true).flat_map(|word| woken(&rules.by_exact, word)));
    candidates.sort_unstable();
    candidates.dedup();
    let tried = candidates.into_iter().filter_map(|at| rules.rules.get(at as usize));
    tried.filter(|rule| score(rule, page, known).is_some()).collect()
}

/// The score of a rule that matches; 0 for rules without scored conditions.
fn score(rule: &Compiled, page: &Page<'_>, known: &Known) -> Option<f64> {
    if !rule.when.iter().all(|node| holds(node, page, known, &mut None)) {
        return None;
    }
    if rule.score.is_empty() {
        return Some(0.0);
    }
    let seen = rule.score.iter().filter(|(_, node)| holds(node, page, known, &mut None));
    let score: f64 = seen.map(|(weight, _)| weight).sum();
    (score >= rule.threshold).then_some(score)
}

fn verdict(rules: &RuleSet, page: &Page<'_>, known: &Known, winner: &Compiled, matching: &[&Compiled]) -> Verdict {
    let Some(home) = rules.categories.get(winner.category) else { return Verdict::default() };
    let mut labels: BTreeSet<String> = winner.labels.iter().cloned().collect();
    if home.name != category::OTHER {
        let names = matching.iter().filter_map(|rule| rules.categories.get(rule.category));
        let others = names.filter(|other| other.name != home.name && other.name != category::OTHER);
        // a cancelled order is no living order, whatever else its mail says; points come back from cancelled ones only
        let gone = match home.name.as_str() {
            category::CANCELLATION | category::POINT_REFUND => true,
            category::COUPON => page
                .facts
                .coupon
                .as_ref()
                .is_some_and(|found| matches!(found.value.role, CouponRole::Returned | CouponRole::Refused)),
            _ => false,
        };
        let dead = |name: &str| gone && name == category::ORDER;
        labels.extend(others.filter(|other| !dead(&other.name)).map(|other| other.name.clone()));
    }
    stated(&home.name, page.facts, &mut labels);
    let escalate = home.name == category::RESTOCK && may_alert(page.mail);
    let mut priority = winner.priority.unwrap_or(home.priority);
    if home.name == category::RESTOCK && !escalate {
        priority = Priority::Silent;
    }
    if presses(&home.name, page.facts, &labels) {
        priority = priority.max(Priority::High);
    }
    Verdict {
        category: home.name.clone(),
        rule: Some(winner.name.clone()),
        folder: winner.folder.clone().or_else(|| home.folder.clone()),
        priority,
        score: score(winner, page, known).unwrap_or_default(),
        labels,
        reasons: why(winner, page, known),
        escalate,
    }
}

/// What each condition of a rule saw.
fn why(rule: &Compiled, page: &Page<'_>, known: &Known) -> Vec<Reason> {
    let mut list = Vec::new();
    let weights =
        rule.when.iter().map(|node| (0.0, node)).chain(rule.score.iter().map(|(weight, node)| (*weight, node)));
    for (weight, node) in weights {
        let mut saw = Some(Vec::new());
        if holds(node, page, known, &mut saw) {
            list.extend(reasons(saw.unwrap_or_default(), weight));
        }
    }
    list
}

/// Labels that follow from what the mail says, whichever rule decided.
fn stated(home: &str, facts: &Facts, labels: &mut BTreeSet<String>) {
    if home == category::CANCELLATION {
        match sure(facts.cancelled.as_ref()) {
            Some(Cancelled::Pending) => labels.extend([label::PENDING.into(), label::NEEDS_ANSWER.into()]),
            Some(Cancelled::Requested) => {
                labels.insert(label::PENDING.into());
            }
            Some(Cancelled::Confirmed | Cancelled::Claimed) => {
                labels.remove(label::PENDING);
                labels.remove(label::NEEDS_ANSWER);
            }
            _ => {}
        }
        if sure(facts.reply_by.as_ref()).is_some() {
            labels.insert(label::NEEDS_ANSWER.into());
        }
    }
    if home == category::ORDER && sure(facts.reply_by.as_ref()).is_some() {
        labels.insert(label::NEEDS_ANSWER.into());
    }
    let promised = facts.points_return.as_ref().is_some_and(|found| found.value.form == Form::Promised);
    if home == category::POINT_REFUND && promised {
        labels.insert(label::PENDING.into());
    }
}

/// Whether the shopper has to do something by a given time: answer, pay, or give another card.
fn presses(home: &str, facts: &Facts, labels: &BTreeSet<String>) -> bool {
    let living = matches!(home, category::CANCELLATION | category::ORDER);
    let asked = labels.contains(label::NEEDS_ANSWER) || sure(facts.reply_by.as_ref()).is_some();
    let pay = home == category::ORDER && sure(facts.pay_by.as_ref()).is_some();
    let card = home == category::ORDER && sure(facts.stage.as_ref()) == Some(&Stage::CardRefused);
    living && (asked || pay || card)
}

fn sure<T>(found: Option<&Found<T>>) -> Option<&T> {
    found.filter(|found| found.confidence == Confidence::High).map(|found| &found.value)
}

/// Whether a restock may be alerted: the sender is vouched for, or the mail links to an item of the market itself.
fn may_alert(mail: &Mail) -> bool {
    let item = |href: &str, host: &str| {
        matches!(host, "item.rakuten.co.jp" | "books.rakuten.co.jp")
            && (href.starts_with("https://") || href.starts_with("http://"))
    };
    match mail.trust.level {
        TrustLevel::Verified => true,
        TrustLevel::Unverified => mail.links.iter().any(|link| item(&link.href, &link.host)),
        TrustLevel::Suspect => false,
    }
}

/// Why a mail is our own (or comes back from our own), if it is.
fn own(mail: &Mail, known: &Known) -> Option<Reason> {
    let forward = mail.inner.is_some();
    if known.own_addresses.contains(&mail.from.addr) && !forward {
        return Some(Reason { condition: "from an own address".into(), saw: mail.from.addr.clone(), weight: 0.0 });
    }
    // an answer to a letter of ours is a shop's mail like any other; the letter itself and its bounce are not
    let itself = mail.message_id.as_ref().is_some_and(|id| known.letters.contains_key(id));
    let ours = itself || known.own_letter && (mail.references.is_empty() || mail.is_bounce());
    let saw = || mail.message_id.clone().unwrap_or_default();
    ours.then(|| Reason { condition: "a letter of our own, or its bounce".into(), saw: saw(), weight: 0.0 })
}

/// A mail that no rule is asked about.
fn aside(label: &str, folder: Option<String>, reason: Reason) -> Verdict {
    Verdict {
        category: category::OTHER.into(),
        folder,
        labels: BTreeSet::from([label.to_owned()]),
        reasons: vec![reason],
        ..Verdict::default()
    }
}
