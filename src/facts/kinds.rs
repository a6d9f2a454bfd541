//! Points of both kinds that a mail lists together: 通常ポイント 300, 期間限定ポイント 700.

use super::page::Page;
use super::pattern::patterns;
use std::ops::Range;

patterns! {
    KINDS = r"(?x)
        (?: (?P<normal>通常(?:ポイント|分|p)?|(?:regular|standard|ordinary)\spoints?)
          | (?P<limited>期間限定(?:ポイント|分|p)?|期限付き?(?:ポイント|分|p)?|limited-?\s?time(?:\spoints?)?) )
        [\s:|=\])」】は]{0,16}
        (?P<number>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,7})
        (?P<rest>[^\n]?)";
}

/// So far apart (bytes) two kinds stand in one list.
const BESIDE: usize = 240;

/// Points of both kinds, named beside each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kinds {
    pub(super) normal: u64,
    pub(super) limited: u64,
    /// Where the limited-time points are named, in the body.
    pub(super) limited_at: Range<usize>,
}

/// The first list of both kinds in the sender's own words.
pub(super) fn find(page: &Page<'_>) -> Option<Kinds> {
    let view = &page.body;
    let mut normal: Option<(u64, Range<usize>)> = None;
    let mut limited: Option<(u64, Range<usize>)> = None;
    for captures in view.captures(&KINDS) {
        let (Some(all), Some(number), Some(rest)) = (captures.get(0), captures.name("number"), captures.name("rest"))
        else {
            continue;
        };
        // 875ポイント(うち期間限定375ポイント): a part of what was said before
        let before = view.slice(0..all.start()).trim_end_matches([' ', '、', ',', ':']);
        let part = before.ends_with("うち") || before.ends_with('内');
        // 期間限定 12月31日, 10倍, 2026/12/31
        let other = ["年", "月", "日", "倍", "%", "/", "-", "円", "時", ":", "."].contains(&rest.as_str());
        let Ok(value) = number.as_str().replace(',', "").parse() else { continue };
        if part || other || !view.counts(all.start()) {
            continue;
        }
        let slot = if captures.name("normal").is_some() { &mut normal } else { &mut limited };
        slot.get_or_insert((value, all.range()));
        if let (Some((normal, at)), Some((limited, limited_at))) = (&normal, &limited) {
            let beside = at.start.abs_diff(limited_at.start) < BESIDE;
            return beside.then(|| Kinds { normal: *normal, limited: *limited, limited_at: limited_at.clone() });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::facts::tests::mail_of;
    use crate::facts::{Confidence, find};

    #[test]
    fn both_kinds_come_back_together() {
        let number = "注文番号 399999-20261120-0123456789\n";
        for (body, expect) in [
            ("通常ポイント　640ポイント\n期間限定ポイント　0ポイント\nを返還いたしました。", Some((640, false))),
            ("ポイントを返還しました。\n通常P : 0\n期限付P : 333\n", Some((333, true))),
            ("期間限定ポイント 200ポイント、通常ポイント 35ポイントは返還されました。", Some((235, true))),
            (
                "points have been credited back.\nRegular points : 52\nLimited-time points : 1,448 (valid until Nov 30)\n",
                Some((1500, true)),
            ),
            ("ご利用分の875ポイント（うち期間限定375ポイント）は返還が完了しております。", Some((875, true))),
            ("ご利用の500ポイントを返還しました。期間限定 12月31日まで。通常 5営業日", Some((500, true))),
        ] {
            let facts = find(&mail_of("件名", &format!("{number}{body}")));
            let limited =
                facts.limited_time_points.is_some_and(|found| found.value && found.confidence == Confidence::High);
            let amount = facts.points_return.and_then(|found| found.value.amount);
            assert_eq!(amount.map(|amount| (amount, limited)), expect, "{body}");
        }
    }
}
