//! Order numbers in a mail: the one it is about first.

use super::label::{Kind, Labelled};
use super::page::{Page, View};
use super::pattern::patterns;
use super::{Confidence, Facts, Field, Found, OrderNumber, Span};
use jiff::ToSpan;

patterns! {
    NUMBER = r"[0-9]{6}\s?-\s?[0-9]{8}\s?-\s?[0-9]{1,12}(?:-[a-z])?";
}

/// Most numbers that are kept of one mail.
const MOST: usize = 50;
/// Most that are looked at.
const MOST_HITS: usize = 300;

/// Fills in order numbers and reservations.
pub(super) fn find(page: &Page<'_>, labels: &[Labelled], facts: &mut Facts) {
    let mut found: Vec<(u8, Found<OrderNumber>)> = Vec::new();
    for (view, rank) in [(&page.subject, 1), (&page.body, 2)] {
        for hit in view.matches(&NUMBER).take(MOST_HITS) {
            let labelled = view.field == Field::Body
                && labels.iter().any(|one| one.kind == Kind::OrderNumber && one.value.contains(&hit.start()));
            take(page, view, hit, if labelled { 0 } else { rank }, &mut found, facts);
        }
    }
    for (n, link) in page.mail.links.iter().enumerate().take(MOST_HITS) {
        if let Some(hit) = NUMBER.find(&link.href)
            && let Some(number) = OrderNumber::parse(hit.as_str())
        {
            let span = Span { field: Field::Link, range: n..n + 1 };
            found.push((3, Found { value: number, span, confidence: Confidence::High }));
        }
    }
    // those near the word that the mail is about come before quoted and linked ones
    found.sort_by_key(|(rank, _)| *rank);
    for (_, one) in found {
        if !facts.order_numbers.iter().any(|known| known.value == one.value) && facts.order_numbers.len() < MOST {
            facts.order_numbers.push(one);
        }
    }
}

fn take(
    page: &Page<'_>,
    view: &View<'_>,
    hit: regex::Match<'_>,
    rank: u8,
    found: &mut Vec<(u8, Found<OrderNumber>)>,
    facts: &mut Facts,
) {
    let text = view.text();
    let before = text.get(..hit.start()).unwrap_or_default();
    let after = text.get(hit.end()..).unwrap_or_default();
    // №399999-… reads no399999-… in normal form
    let before = ["no.", "no"]
        .iter()
        .find_map(|mark| before.strip_suffix(mark))
        .filter(|rest| !rest.ends_with(|c: char| c.is_ascii_alphanumeric()))
        .unwrap_or(before);
    let part_of_more = before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '-')
        || after.starts_with(|c: char| c.is_ascii_digit())
        || (after.starts_with('-')
            && after.get(1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric())));
    if part_of_more {
        return;
    }
    let bare: String = hit.as_str().chars().filter(|c| !c.is_whitespace()).collect();
    if let Some(reservation) = bare.strip_suffix("-r") {
        let digits = reservation.rsplit('-').next().unwrap_or_default();
        if digits.len() >= 4 && !facts.reservations.iter().any(|known| known.value == bare) {
            facts.reservations.push(view.sure(bare, hit.range()));
        }
        return;
    }
    let Some(number) = OrderNumber::parse(&bare) else { return };
    // an order cannot be younger than the mail about it
    let latest = crate::calendar::civil(page.mail.base).date().checked_add(1.day()).unwrap_or(number.date());
    let quoted = !view.counts(hit.start());
    let confidence = if number.date() > latest || quoted { Confidence::Low } else { Confidence::High };
    let rank = if quoted { 4 } else { rank };
    found.push((rank, view.found(number, hit.range(), confidence)));
}

#[cfg(test)]
mod tests {
    use crate::facts::find;
    use crate::facts::tests::mail_of;

    #[test]
    fn order_numbers() {
        for (body, expect) in [
            ("受注番号：399999-20261120-0123456789", &["399999-20261120-0123456789"][..]),
            ("ご注文№399999-20261120-0123456789の件", &["399999-20261120-0123456789"]),
            ("番号399999-20261120-01234567です", &["399999-20261120-01234567"]),
            ("３９９９９９－２０２６１１２０－０１２３４５６７８９", &["399999-20261120-0123456789"]),
            ("受注番号：123456789", &[]),
            ("615005-20201008-285", &[]),
            ("399999-20261320-0123456789", &[]),
            ("1399999-20261120-0123456789", &[]),
            (
                "過去の399999-20261101-0000000001 と\n[注文番号] 399999-20261120-0123456789",
                &["399999-20261120-0123456789", "399999-20261101-0000000001"],
            ),
        ] {
            let found: Vec<String> =
                find(&mail_of("件名", body)).order_numbers.iter().map(|one| one.value.to_string()).collect();
            assert_eq!(found, expect, "{body}");
        }
        let facts = find(&mail_of("件名", "お申込番号 399999-20261120-012345-r"));
        assert!(facts.order_numbers.is_empty());
        assert_eq!(facts.reservations[0].value, "399999-20261120-012345-r");
    }
}
