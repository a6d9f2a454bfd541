//! The page of shops from plain values: sorted by links, bounded, hostile names.

use super::*;
use crate::wording::{Face, Language, Wording};
use std::collections::BTreeMap;

fn shop(code: &str, orders: u32, cancels: u32) -> Shop {
    let bad_record = cancels >= 2;
    Shop { code: code.into(), orders, cancels, bad_record, ..Shop::default() }
}

fn shown(shops: &[Shop], order: Order, query: &[(&str, &str)], language: Language) -> String {
    let query: BTreeMap<String, String> =
        query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let pager = Pager::of(&query, u64::try_from(shops.len()).unwrap(), EACH);
    let labels = Wording::default().labels(language, Face::Dashboard);
    let page = page(shops, order, pager, &labels).into_string();
    for word in [" style=", "<script", "NaN", "shops."] {
        assert!(!page.contains(word), "{word}: {page}");
    }
    page
}

#[test]
fn links_sort_shops_without_a_script() {
    let mut all = vec![shop("a", 10, 0), shop("b", 3, 2), shop("c", 20, 1)];
    all[2].days_back_median = Some(9);
    for (word, codes) in [
        ("worst", ["b", "c", "a"]),
        ("name", ["a", "b", "c"]),
        ("orders", ["c", "a", "b"]),
        ("cancels", ["b", "c", "a"]),
        ("days", ["c", "a", "b"]),
        ("no-such", ["b", "c", "a"]),
    ] {
        let order = Order::of(Some(&word.to_owned()));
        order.sort(&mut all);
        assert_eq!(all.iter().map(|shop| shop.code.as_str()).collect::<Vec<_>>(), codes, "{word}");
        let page = shown(&all, order, &[], Language::En);
        assert_eq!(page.matches("aria-current=\"true\"").count(), 1);
        assert!(
            page.contains("/shops?sort=restocks") && page.contains("Be careful: it cancelled 2 of 3 orders"),
            "{page}"
        );
    }
    assert!(shown(&all, Order::Worst, &[], Language::Ja).contains("要注意: 3件中 2件がショップ都合のキャンセル"));
}

#[test]
fn many_shops_are_pages_and_hostile_names_are_words() {
    let mut all: Vec<Shop> = (0..120).map(|n| shop(&format!("shop-{n:03}"), 1, 0)).collect();
    all[0].name = Some("<script>alert(1)</script>\u{202e}&\"".into());
    let page = shown(&all, Order::Name, &[("page", "1")], Language::En);
    assert!(page.contains("&lt;script&gt;") && !page.contains('\u{202e}'), "{page}");
    assert_eq!(page.matches("<tr").count(), 1 + 50);
    assert!(page.contains("/shops?sort=name&amp;page=2") && page.contains("page 1 of 3"), "{page}");
    assert_eq!(shown(&all, Order::Name, &[("page", "3")], Language::En).matches("<tr").count(), 1 + 20);
    assert!(shown(&[], Order::Worst, &[], Language::En).contains("No order and no restock is known yet."));
    // what is huge is drawn as well
    let huge = Shop { restock_hours: [u32::MAX; 24], days_back_median: Some(i64::MAX), ..shop("x", u32::MAX, 0) };
    shown(&[huge], Order::Worst, &[], Language::En);
}
