//! Values whose place somebody else found (an extractor of a rule file), read as the finders here read theirs.
//!
//! Every function takes text in normal form and gives nothing when the text is no value of its kind.

use super::{Confidence, OrderNumber, date, item, money};
use jiff::Timestamp;

/// The first amount of yen, with or without a sign of money. An upper bound (最大…) or an evident typo is none.
#[must_use]
pub fn yen(text: &str) -> Option<u64> {
    money::yen(text, true).into_iter().find(|amount| !amount.bound && !amount.doubtful).map(|amount| amount.value)
}

/// The first number of points; a bare number is one, too.
#[must_use]
pub fn points(text: &str) -> Option<u64> {
    let amounts = money::points(text).into_iter().chain(money::yen(text, true));
    amounts.filter(|amount| !amount.bound && !amount.doubtful).min_by_key(|a| a.range.start).map(|amount| amount.value)
}

/// Percent, 1 to 100.
#[must_use]
pub fn percent(text: &str) -> Option<u64> {
    let digits: String =
        text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(|c| c.is_ascii_digit()).take(4).collect();
    digits.parse().ok().filter(|percent| (1..=100).contains(percent))
}

/// An order number, blanks around its dashes or not.
#[must_use]
pub fn order_number(text: &str) -> Option<OrderNumber> {
    let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    OrderNumber::parse(&bare)
}

/// The first instant named: of a bare day its beginning. `base` is what 本日 and 明日 count from.
#[must_use]
pub fn start(text: &str, base: Timestamp) -> Option<(Timestamp, Confidence)> {
    stamps(text, base).first().map(|stamp| (stamp.start(), stamp.confidence))
}

/// The last second named: of a bare day 23:59:59.
#[must_use]
pub fn end(text: &str, base: Timestamp) -> Option<(Timestamp, Confidence)> {
    stamps(text, base).last().map(|stamp| (stamp.end(), stamp.confidence))
}

fn stamps(text: &str, base: Timestamp) -> Vec<date::Stamp> {
    let found = date::stamps(text, base);
    if !found.is_empty() {
        return found;
    }
    // 12/10 alone may be a fraction in prose; where a date is expected it is one
    date::stamps(&format!("{}まで", text.trim()), base)
}

/// The page of an item, its query dropped.
#[must_use]
pub fn item_url(text: &str) -> Option<String> {
    item::item_url(text.trim()).map(|(url, ..)| url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::rfc3339;
    use crate::text::fold;

    fn base() -> Timestamp {
        "2026-11-30T18:05:00+09:00".parse().unwrap()
    }

    #[test]
    fn numbers() {
        for (text, expect_yen, expect_points) in [
            ("1,980", Some(1980), Some(1980)),
            ("￥１，９８０－", Some(1980), Some(1980)),
            ("500ﾎﾟｲﾝﾄ", Some(500), Some(500)),
            ("-500円", Some(500), Some(500)),
            ("最大500円", None, None),
            ("1.980円", None, None),
            ("なし", None, None),
            ("", None, None),
        ] {
            let text = fold(text);
            assert_eq!((yen(text.text()), points(text.text())), (expect_yen, expect_points), "{}", text.text());
        }
        for (text, expect) in [("10%", Some(10)), ("約5 %off", Some(5)), ("0%", None), ("12345%", None), ("", None)] {
            assert_eq!(percent(text), expect, "{text}");
        }
    }

    #[test]
    fn dates() {
        for (text, first, last) in [
            ("12/10", "2026-12-10T00:00:00+09:00", "2026-12-10T23:59:59+09:00"),
            ("令和8年12月10日", "2026-12-10T00:00:00+09:00", "2026-12-10T23:59:59+09:00"),
            ("12/4 20:00~12/11 1:59", "2026-12-04T20:00:00+09:00", "2026-12-11T01:59:59+09:00"),
        ] {
            assert_eq!(start(text, base()).map(|(at, _)| rfc3339(at)).as_deref(), Some(first), "{text}");
            assert_eq!(end(text, base()).map(|(at, _)| rfc3339(at)).as_deref(), Some(last), "{text}");
        }
        for text in ["", "13/45", "近日", "2月30日"] {
            assert_eq!(end(text, base()), None, "{text}");
        }
    }
}
