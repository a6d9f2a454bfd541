//! The calendar file: what stands in it, and that it is one whatever stands in it.

use super::*;
use crate::wording::{Face, Wording};
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    crate::calendar::instant(text.parse().unwrap())
}

fn entry(about: &str, goods: &str) -> Entry {
    Entry {
        about: about.to_owned(),
        what: "what.sale",
        at: at("2026-11-28T20:00"),
        told: at("2026-11-27T10:00"),
        assumed: false,
        alarm: true,
        order: Some("399999-20261120-0123456789".into()),
        shop: Some("modori-zakka".into()),
        goods: Some(goods.to_owned()),
        points: Some(500),
        worth: Some(Worth::Yen(300)),
        url: Some("https://item.rakuten.co.jp/modori-zakka/kettle/".into()),
    }
}

fn written(entries: &[Entry], language: Language, details: bool) -> String {
    write(entries, &Wording::default().labels(language, Face::Calendar), language, details)
}

/// Lines as they were before they were folded.
fn unfolded(text: &str) -> Vec<String> {
    text.replace("\r\n ", "").split_terminator("\r\n").map(str::to_owned).collect()
}

#[test]
fn a_sale_rings_before_and_says_what_is_sold() {
    let text = written(&[entry("sale a", "琺瑯ケトル 1.6L, 白;黒\\赤")], Language::En, true);
    let lines = unfolded(&text);
    for wanted in [
        "DTSTART;TZID=Asia/Tokyo:20261128T200000",
        "DTSTAMP:20261127T010000Z",
        "LAST-MODIFIED:20261127T010000Z",
        "SUMMARY:On sale again: 琺瑯ケトル 1.6L\\, 白\\;黒\\\\赤",
        "TRIGGER:-PT10M",
        "URL:https://item.rakuten.co.jp/modori-zakka/kettle/",
    ] {
        assert!(lines.iter().any(|line| line == wanted), "{wanted}: {lines:#?}");
    }
    assert!(lines.iter().any(|line| line.starts_with("DESCRIPTION:Order: 399999-20261120-0123456789\\nShop: ")));
    assert_eq!(text, written(&[entry("sale a", "琺瑯ケトル 1.6L, 白;黒\\赤")], Language::En, true));
    assert!(written(&[entry("sale a", "x")], Language::Ja, true).contains("SUMMARY:販売再開："));
}

#[test]
fn without_details_it_says_what_and_when_alone() {
    let text =
        unfolded(&written(&[entry("399999-20261120-0123456789 pay", "琺瑯ケトル")], Language::En, false)).join("\n");
    for hidden in ["399999", "0123456789", "zakka", "ケトル", "500", "300", "URL:", "rakuten.co.jp"] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
    assert!(text.contains("SUMMARY:On sale again\n"), "{text}");
}

#[test]
fn the_end_of_a_day_is_the_day_and_one_thing_is_one_entry() {
    let day = Entry { at: at("2026-11-30T23:59:59"), alarm: false, ..entry("a", "x") };
    let text = written(&[day.clone(), day.clone(), entry("b", "x")], Language::En, true);
    assert!(text.contains("DTSTART;VALUE=DATE:20261130\r\n"), "{text}");
    assert_eq!((text.matches("BEGIN:VEVENT").count(), text.matches("BEGIN:VALARM").count()), (2, 1));
    let moved = Entry { at: at("2026-12-02T23:59:59"), told: at("2026-11-28T10:00"), ..day.clone() };
    let uid = |entry: &Entry| {
        let lines = unfolded(&written(std::slice::from_ref(entry), Language::En, true));
        lines.into_iter().find(|line| line.starts_with("UID:")).unwrap()
    };
    let sequence = |entry: &Entry| {
        let lines = unfolded(&written(std::slice::from_ref(entry), Language::En, true));
        lines.iter().find_map(|line| line.strip_prefix("SEQUENCE:")).unwrap().parse::<i64>().unwrap()
    };
    assert_eq!(uid(&moved), uid(&day), "a deadline that is moved is the same entry");
    assert_ne!(uid(&entry("b", "x")), uid(&day));
    assert_eq!(sequence(&moved) - sequence(&day), 24 * 60, "what is told later counts more");
}

#[test]
fn what_is_over_goes_at_midnight_and_not_before() {
    let now = at("2026-11-28T12:00");
    assert!(waits(at("2026-11-28T08:00"), now) && waits(at("2026-11-29T00:00"), now));
    assert!(!waits(at("2026-11-27T23:59:59"), now));
    assert_eq!(changes_at(now), at("2026-11-29T00:00"));
}

#[test]
fn a_deadline_at_midnight_is_the_end_of_the_day_before() {
    assert_eq!(last_moment(at("2026-12-05T00:00")), at("2026-12-04T23:59:59"));
    for other in ["2026-12-04T23:59:59", "2026-12-05T00:00:01", "2026-12-05T12:00"] {
        assert_eq!(last_moment(at(other)), at(other));
    }
    let coupon = Owned {
        coupon: crate::facts::Coupon {
            role: crate::facts::CouponRole::Granted,
            min_yen: None,
            amount_yen: Some(500),
            percent: None,
            expires_at: Some(at("2026-12-05T00:00")),
            code: None,
            url: None,
        },
        shop_code: None,
        order: None,
        since: at("2026-12-01T00:00"),
        verified: true,
        mail: crate::mailbox::MailKey::of(b"a"),
    };
    let entry = of_coupon(&coupon, at("2026-12-04T20:00")).unwrap();
    assert!(written(&[entry], Language::En, true).contains("DTSTART;VALUE=DATE:20261204\r\n"));
    assert_eq!(of_coupon(&coupon, at("2026-12-05T00:00")), None, "over with its day");
}

#[test]
fn muted_goods_stand_nowhere_and_those_nobody_waits_for_do_not_ring_where_only_wanted_ones_do() {
    let now = at("2026-11-27T10:00");
    let sale = |name: &str| Announced {
        from: at("2026-11-28T20:00"),
        items: vec![crate::facts::Item { name: name.to_owned(), ..Default::default() }],
        shop_code: Some("modori-zakka".into()),
        told: now,
    };
    let file = "[[wanted]]\nname = \"ケトル\"\n[[muted]]\nname = \"急須\"\n";
    let wanted = Wanted::parse(&crate::rules::Source::new("wanted.toml", file)).unwrap();
    let mut wishes = Wishes { wanted: Arc::new(wanted), only_wanted: false };
    let rings = |name: &str, wishes: &Wishes| of_sale(&sale(name), wishes, now).map(|entry| entry.alarm);
    assert_eq!(["ケトル", "急須", "皿"].map(|name| rings(name, &wishes)), [Some(true), None, Some(true)]);
    wishes.only_wanted = true;
    assert_eq!(["ケトル", "急須", "皿"].map(|name| rings(name, &wishes)), [Some(true), None, Some(false)]);
    // it is called by its goods all the same
    let quiet = written(&[of_sale(&sale("皿"), &wishes, now).unwrap()], Language::Ja, true);
    assert!(quiet.contains("SUMMARY:販売再開：皿") && !quiet.contains("VALARM"), "{quiet}");
}

proptest! {
    #[test]
    fn whatever_stands_in_it_every_line_is_short_whole_and_harmless(
        goods in "\\PC{0,300}", raw in any::<String>(), about in any::<String>(), shop in any::<Option<String>>(),
    ) {
        let entry = Entry { shop, points: None, ..entry(&about, &format!("{goods}{raw}")) };
        let text = written(&[entry], Language::Ja, true);
        prop_assert!(text.ends_with("END:VCALENDAR\r\n"));
        for line in text.split_terminator("\r\n") {
            prop_assert!(line.len() <= 75, "{}: {line}", line.len());
            prop_assert!(!line.chars().any(char::is_control), "{line:?}");
        }
        // what a mail says opens and ends nothing
        let lines = unfolded(&text);
        let begun = lines.iter().filter(|line| line.starts_with("BEGIN:")).count();
        let ended = lines.iter().filter(|line| line.starts_with("END:")).count();
        prop_assert_eq!((begun, ended), (5, 5));
        prop_assert_eq!(lines.iter().filter(|line| line.starts_with("UID:")).count(), 1);
    }

    #[test]
    fn what_is_folded_unfolds_to_itself(line in "[^\\p{Cc}]{0,400}") {
        let text = folded(&line);
        prop_assert!(text.split_terminator("\r\n").all(|piece| piece.len() <= 75));
        let whole = unfolded(&text);
        // a line that begins with a space would be a piece of the one before: none of ours does
        prop_assert_eq!(whole, vec![line]);
    }

    #[test]
    fn a_value_is_read_as_it_was(value in "[^\\p{Cc}]{0,100}") {
        let line = text("X", &value);
        let mut read = String::new();
        let mut chars = line.strip_prefix("X:").unwrap().chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => read.push(match chars.next().unwrap() { 'n' => '\n', c => c }),
                ';' | ',' => prop_assert!(false, "{line}"),
                c => read.push(c),
            }
        }
        prop_assert_eq!(read, value);
    }
}
