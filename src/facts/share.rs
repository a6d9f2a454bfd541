//! A list of orders, each with its own points: whose are those that come back.

use super::page::Page;
use super::{Confidence, Facts, Found, OrderNumber, money};
use std::ops::Range;

/// So many points of one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Whose.
    pub order: OrderNumber,
    /// How many.
    pub points: u64,
}

/// Fills in the shares, if every order that the mail names has one and they make up the sum that it names.
pub(super) fn find(page: &Page<'_>, facts: &mut Facts) {
    if facts.points_return.as_ref().is_none_or(|found| found.confidence != Confidence::High) {
        return;
    }
    let text = page.body.text();
    let sure = facts.order_numbers.iter().filter(|found| found.confidence == Confidence::High);
    let mut places: Vec<(usize, &OrderNumber)> = sure
        .flat_map(|found| text.match_indices(found.value.as_str()).map(|(at, _)| (at, &found.value)))
        .filter(|(at, _)| page.body.counts(*at))
        .collect();
    places.sort();
    let mut shares: Vec<Found<Share>> = Vec::new();
    for (n, (at, order)) in places.iter().enumerate() {
        let end = at + order.as_str().len();
        let next = places.get(n + 1).map_or(text.len(), |(at, _)| *at);
        let Some((points, range)) = amount(text, end..next) else { continue };
        if shares.iter().any(|known| known.value.order == **order) {
            return; // named twice with points: not a list
        }
        shares.push(page.body.sure(Share { order: (*order).clone(), points }, *at..range.end));
    }
    let orders: std::collections::BTreeSet<&OrderNumber> = places.iter().map(|(_, order)| *order).collect();
    if orders.len() < 2 || shares.len() != orders.len() {
        return;
    }
    let sum = shares.iter().fold(0_u64, |sum, share| sum.saturating_add(share.value.points));
    let totals = page.lines.iter().filter_map(|line| {
        let line = page.body.slice(line.clone());
        let after = line.find("合計").and_then(|at| line.get(at + "合計".len()..))?;
        number(after).or_else(|| money::points(after).first().map(|amount| amount.value))
    });
    if totals.into_iter().all(|total| total == sum) {
        facts.points_by_order = shares;
    }
}

/// The points in what follows a number, on its line or the next; with the range up to the end of that line.
fn amount(text: &str, range: Range<usize>) -> Option<(u64, Range<usize>)> {
    let mut from = range.start;
    for line in text.get(range.clone())?.split('\n').take(2) {
        let to = from + line.len();
        let stated = money::points(line).into_iter().find(|amount| {
            let before = line.get(..amount.range.start).unwrap_or_default();
            !amount.bound && !["うち", "残高", "獲得", "進呈"].iter().any(|word| before.contains(word))
        });
        if let Some(points) = stated.map(|amount| amount.value).or_else(|| number(line)) {
            return Some((points, from..to));
        }
        from = to + 1;
    }
    None
}

/// A number that stands alone, as in a column of points.
fn number(text: &str) -> Option<u64> {
    let digits: String = text.trim_matches(|c: char| c.is_whitespace() || ":|│".contains(c)).replace(',', "");
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use crate::facts::find;
    use crate::facts::tests::mail_of;

    const A: &str = "399999-20261120-0123456789";
    const B: &str = "399999-20261121-0123456790";

    fn shares(body: &str) -> Vec<(String, u64)> {
        let facts = find(&mail_of("ポイント返却のお知らせ", body));
        facts.points_by_order.into_iter().map(|one| (one.value.order.to_string(), one.value.points)).collect()
    }

    #[test]
    fn every_order_of_a_list_has_its_points() {
        let both = [(A.to_owned(), 120), (B.to_owned(), 1180)];
        let done = "次のご注文について、ご利用ポイントを返却いたしました。\n";
        assert_eq!(
            shares(&format!("{done}(1) {A} みほん店\n 120ポイント(うち期間限定100ポイント)\n(2) {B}\n 1,180ポイント")),
            both
        );
        assert_eq!(shares(&format!("{done}{A}  ご利用 120 P\n{B}  ご利用 1,180 P\n合計 1,300 P")), both);
        assert_eq!(shares(&format!("{done}注文番号 ポイント\n{A}   120\n{B}   1,180\n合計   1,300")), both);
    }

    #[test]
    fn what_does_not_add_up_is_no_list() {
        let done = "次のご注文について、ご利用ポイントを返却いたしました。\n";
        for rest in [
            format!("{A} 120ポイント\n{B} 180ポイント\n合計 500ポイント"),
            format!("{A}\n{B}\n合計 300ポイント"),
            format!("{A} 120ポイント\n{B}"),
            format!("{A} 120ポイント"),
            format!("{A} 最大120ポイント\n{B} 180ポイント"),
        ] {
            assert_eq!(shares(&format!("{done}{rest}")), [], "{rest}");
        }
    }
}
