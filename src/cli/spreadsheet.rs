//! Orders as a table that a spreadsheet opens: CSV (RFC 4180) in UTF-8 with a byte order mark, without which Excel takes
//! Japanese for something else.

use super::render::{at, coupon_state, one_line};
use crate::facts::OrderNumber;
use crate::ledger::Case;
use crate::wording::{Language, Wording};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The header and one row for each order.
pub(super) fn csv(cases: &BTreeMap<OrderNumber, Case>, wording: &Wording, language: Language) -> String {
    let header = match language {
        Language::Ja => [
            "注文番号", "ショップコード", "ショップ", "注文日時", "状態", "原因", "お支払い（円）", "利用ポイント",
            "戻るはずのポイント", "戻ったポイント", "未返還ポイント", "クーポン（円）", "クーポンの状態",
            "次にすること", "いつ", "補償期限",
        ],
        Language::En => [
            "order", "shop code", "shop", "ordered at", "state", "cause", "payment (yen)", "points used",
            "points expected back", "points returned", "points outstanding", "coupon (yen)", "coupon state",
            "next step", "when", "protection until",
        ],
    };
    let mut out = String::from('\u{feff}');
    row(&mut out, header.map(str::to_owned));
    for case in cases.values() {
        let number = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
        let when = |value: Option<Timestamp>| value.map(at).unwrap_or_default();
        let text = |value: &Option<String>| one_line(value.as_deref().unwrap_or_default());
        let next = case.upcoming();
        let cells = [
            case.order_number.to_string(),
            text(&case.shop_code),
            text(&case.shop_name),
            when(case.ordered_at),
            wording.state(language, case.cancelled),
            case.cause.map(|cause| wording.cause(language, cause)).unwrap_or_default(),
            number(case.payment_yen),
            number(case.points.used),
            number(case.points.expected_back),
            number(case.points.returned),
            number(case.points.outstanding),
            number(case.coupon.used_yen),
            coupon_state(case.coupon.state, language).to_owned(),
            next.map(|(step, _)| wording.step(language, step)).unwrap_or_default(),
            when(next.map(|(_, at)| at)),
            when(case.due.protection_until),
        ];
        row(&mut out, cells);
    }
    out
}

fn row<const N: usize>(out: &mut String, cells: [String; N]) {
    out.push_str(&cells.map(|text| cell(&text)).join(","));
    out.push_str("\r\n");
}

/// A cell that a spreadsheet shows and does not run: names of shops come out of mails, and what begins like a formula
/// would be one.
pub(super) fn cell(text: &str) -> String {
    // the wide signs are formulas, too, where Japanese is typed
    let runs = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let safe = if runs { format!("'{text}") } else { text.to_owned() };
    if safe.contains([',', '"', '\r', '\n']) { format!("\"{}\"", safe.replace('"', "\"\"")) } else { safe }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_quoted_where_it_must_be_and_never_a_formula() {
        for (text, expect) in [
            ("", ""),
            ("みほん家電", "みほん家電"),
            ("1,980", "\"1,980\""),
            ("the \"best\"", "\"the \"\"best\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("=HYPERLINK(\"http://x\")", "\"'=HYPERLINK(\"\"http://x\"\")\""),
            ("+81-3", "'+81-3"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            ("＝1+1", "'＝1+1"),
            ("a=b", "a=b"),
        ] {
            assert_eq!(cell(text), expect, "{text:?}");
        }
    }
}
