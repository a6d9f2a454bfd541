//! The page of restocks from plain values: every fate, nothing, hostile words.

use super::*;
use crate::facts::Item;
use crate::plan::{Quiet, Why};
use crate::review::latency::{Course, Latency};
use crate::review::restock::tests::{at, restock};
use crate::wording::{Face, Language, Wording};
use std::collections::BTreeMap;

fn labels(language: Language) -> Labels {
    Wording::default().labels(language, Face::Dashboard)
}

fn view(log: Vec<Restock>, latencies: &[Latency], shops: Vec<Shop>) -> View {
    let pager = Pager::of(&BTreeMap::new(), u64::try_from(log.len()).unwrap(), EACH);
    View::of(pager, log, Measured::of(latencies, None), shops)
}

fn shop(code: &str, name: &str, restocks: u32) -> Shop {
    let mut shop = Shop { code: code.into(), name: Some(name.into()), ..Shop::default() };
    shop.restock_hours[20] = restocks;
    shop
}

fn shown(view: &View, language: Language) -> String {
    let page = page(view, &labels(language)).into_string();
    for word in [" style=", " onclick=", "<script", "NaN", "restock.", "figures."] {
        assert!(!page.contains(word), "{word}: {page}");
    }
    page
}

#[test]
fn each_restock_tells_what_became_of_it() {
    let item = Item {
        name: "真鍮のペン立て".into(),
        code: None,
        price_yen: Some(2480),
        quantity: None,
        url: Some("https://item.rakuten.co.jp/modori-zakka/mz-0140/".into()),
    };
    let log = vec![
        Restock { goods: vec![item], acknowledged: Some(at(90)), awaited: true, ..restock(0, Some(450)) },
        Restock { live: false, fate: Fate::ToldLater(Why::Late), ..restock(1, Some(7_300_000)) },
        Restock { awaited: true, ..restock(2, Some(9)) },
        Restock { fate: Fate::Quiet(Quiet::Muted), ..restock(3, None) },
        Restock { fate: Fate::Missed, ..restock(4, None) },
    ];
    for (language, words) in [
        (
            Language::En,
            [
                "≤ 450 ms", "¥2,480", "told later (noticed late)", "caught up with later", "not told (muted)",
                "not yet", "no channel took it", ">late<",
            ],
        ),
        (
            Language::Ja,
            [
                "≤ 450 ms",
                "¥2,480",
                "後で通知した (気づくのが遅れた)",
                "後から確認した",
                "通知なし (通知しない商品)",
                "未確認",
                "どこにも通知できなかった",
                ">遅れ<",
            ],
        ),
    ] {
        let page = shown(&view(log.clone(), &[], Vec::new()), language);
        for word in words {
            assert!(page.contains(word), "{word}: {page}");
        }
        assert!(
            page.contains(
                "<a href=\"https://item.rakuten.co.jp/modori-zakka/mz-0140/\" rel=\"noreferrer\">真鍮のペン立て</a>"
            ),
            "{page}"
        );
        assert_eq!(page.matches("<tr class=\"late\">").count(), 1, "{page}");
    }
}

#[test]
fn nothing_and_hostile_words_make_a_sound_page() {
    let page = shown(&view(Vec::new(), &[], Vec::new()), Language::En);
    assert!(page.contains("No restock mail was seen yet.") && !page.contains("<svg"), "{page}");
    let hostile = "<script>alert(1)</script>\u{202e}\"'";
    let one = Restock {
        title: Some(hostile.into()),
        url: Some("javascript:alert(1)".into()),
        shop_name: Some(hostile.into()),
        ..restock(0, Some(5))
    };
    let took = Latency {
        title: hostile.into(),
        told: Some("x".into()),
        channel: hostile.into(),
        received: Some(at(0)),
        seen: at(0),
        left: at(0),
        accepted: at(1),
        way: Course::Live,
        turn: 0,
        attempts: 1,
    };
    let page = shown(&view(vec![one], &[took], vec![shop(hostile, hostile, 3)]), Language::Ja);
    assert!(!page.contains('\u{202e}') && !page.contains("javascript:") && page.contains("&lt;script&gt;"), "{page}");
}

#[test]
fn ids_of_pictures_are_their_own() {
    let shops = (0..20).map(|n| shop(&format!("shop-{n}"), "x", n + 1)).collect();
    let page = shown(&view(vec![restock(0, Some(5))], &[], shops), Language::En);
    let ids: Vec<&str> = page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let unique: std::collections::BTreeSet<&&str> = ids.iter().collect();
    assert_eq!(ids.len(), unique.len(), "{ids:?}");
    assert_eq!(page.matches("<tr>").count(), 1 + 1 + 1 + SHOPS, "the log's head and row, the shops' head and rows");
    assert!(page.contains("/shops?sort=restocks"));
}
