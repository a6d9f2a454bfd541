//! What was found in the mailbox, for people: who could vouch for mail, folders, what would be sorted, which cases there are.

use super::super::render;
use crate::engine::checkup::{Check, Grade};
use crate::engine::preview::{Preview, Sorted};
use crate::rules::QUARANTINE;
use crate::wording::{Language, Wording};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Mails that must agree on a name before it is proposed with a yes.
const AGREE: usize = 3;

/// What the server can do, a line each; what needs doing stands below it.
pub(super) fn offered(checks: &[Check]) -> String {
    let mut out = String::new();
    for check in checks {
        // the account is the only one, and whose word counts is asked
        let about = check.about.split_once(": ").map_or(check.about.as_str(), |(_, about)| about);
        if about == "trust" {
            continue;
        }
        let grade = if check.grade == Grade::Fine { String::new() } else { format!("{}: ", check.grade.word()) };
        let _ = writeln!(out, "  {about}: {grade}{}", render::whole(&check.said));
        if !check.remedy.is_empty() {
            let _ = writeln!(out, "    → {}", render::whole(&check.remedy));
        }
    }
    out
}

/// Whose word on forgeries could count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Voucher {
    /// Its name.
    pub(super) id: String,
    /// Why it is proposed.
    pub(super) why: String,
    /// Likely enough to be proposed with a yes.
    pub(super) likely: bool,
}

/// Who is proposed, by what the newest mails name at their top and what is known of the provider.
pub(super) fn voucher(newest: &[Option<String>], known: &[String]) -> Option<Voucher> {
    let named: BTreeSet<&String> = newest.iter().flatten().collect();
    let one = match named.iter().copied().collect::<Vec<_>>().as_slice() {
        [one] if newest.iter().all(Option::is_some) => Some((*one).clone()),
        _ => None,
    };
    match (one, known.first()) {
        (Some(id), _) if known.contains(&id) => {
            let why = format!("the newest {} name it, and it is the provider's", render::count(newest.len(), "mail"));
            Some(Voucher { id, why, likely: true })
        }
        (Some(id), _) => Some(Voucher {
            why: format!(
                "the newest {} name it; look whether a mail from Rakuten names it, too (in its source, the topmost \
                 Authentication-Results)",
                render::count(newest.len(), "mail")
            ),
            likely: newest.len() >= AGREE,
            id,
        }),
        (None, Some(id)) => {
            Some(Voucher { id: id.clone(), why: "others saw it at this provider".to_owned(), likely: named.is_empty() })
        }
        (None, None) => None,
    }
}

/// Categories and their folders.
pub(super) fn folders(folders: &BTreeMap<&str, &str>) -> String {
    let width = folders.keys().map(|name| name.len()).max().unwrap_or_default();
    let mut out = String::new();
    for (category, folder) in folders {
        let forged = if *category == QUARANTINE { "  (forged mail)" } else { "" };
        let _ = writeln!(out, "  {category:<width$}  {folder}{forged}");
    }
    out
}

/// What the mail of the last days is, and what would be done with it.
pub(super) fn preview(preview: &Preview, days: u16) -> String {
    let mut out = format!("{} of the last {days} days", render::count(preview.looked, "mail"));
    if preview.older > 0 {
        let _ = write!(out, " (the newest; {} more were not looked at)", preview.older);
    }
    out.push_str(":\n");
    let mut sorted: Vec<(&(String, Option<String>), &Sorted)> = preview.sorted.iter().collect();
    // what is left alone stands last
    sorted.sort_by_key(|((category, folder), sorted)| (folder.is_none(), std::cmp::Reverse(sorted.mails), category));
    for ((category, folder), sorted) in sorted {
        let to = folder.as_ref().map_or_else(|| "stays where it is".to_owned(), |folder| format!("→ {folder}"));
        let _ = writeln!(out, "  {:>5}  {category}  {to}", sorted.mails);
        for example in sorted.examples.iter().rev() {
            let (at, from) = (render::at(example.received), render::one_line(&example.sender));
            let _ = writeln!(out, "           {at}  {from}: {}", render::one_line(&example.subject));
        }
    }
    if preview.poison > 0 {
        let _ = writeln!(out, "  {:>5}  could not be read at all; please report that", preview.poison);
    }
    out
}

/// The cases of these mails.
pub(super) fn cases(preview: &Preview, language: Language) -> String {
    if preview.cases.is_empty() {
        return "No order in them waits for points, a coupon, an answer or a payment.".to_owned();
    }
    let shown: Vec<_> = preview.cases.iter().collect();
    let table = render::cases(&shown, None, &Wording::default(), language);
    let points: i64 = preview
        .cases
        .iter()
        .filter_map(|case| case.points.outstanding)
        .fold(0, |sum, points| sum.saturating_add(i64::try_from(points).unwrap_or(i64::MAX)));
    let owed = if points > 0 { format!(", {points} points outstanding as far as mails tell") } else { String::new() };
    format!("{} waiting{owed}:\n{table}", render::count(shown.len(), "order"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_proposed_only_when_all_of_the_newest_mails_agree_or_the_provider_is_known() {
        let mails = |names: &[&str]| -> Vec<Option<String>> {
            names.iter().map(|name| (!name.is_empty()).then(|| (*name).to_owned())).collect()
        };
        let known = ["mx.google.com".to_owned()];
        for (newest, known, expected) in [
            (&["mx.google.com"][..], &known[..], Some(("mx.google.com", true))),
            (&["mx.a", "mx.a", "mx.a"], &[], Some(("mx.a", true))),
            // one mail could have brought it along
            (&["mx.a"], &[], Some(("mx.a", false))),
            (&["mx.a", "", "mx.a"], &[], None),
            (&["mx.a", "mx.b"], &[], None),
            (&["mx.a", "mx.b"], &known, Some(("mx.google.com", false))),
            (&[], &known, Some(("mx.google.com", true))),
            (&[], &[], None),
        ] {
            let found = voucher(&mails(newest), known);
            let found = found.as_ref().map(|found| (found.id.as_str(), found.likely));
            assert_eq!(found, expected, "{newest:?}");
        }
    }
}
