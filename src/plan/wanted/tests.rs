//! What is wanted, what is muted, and the file that says so.

use super::*;
use crate::facts::{Confidence, Field, Found, Span};

const PAGE: &str = "https://item.rakuten.co.jp/uminoya/um-161/";

fn found<T>(value: T) -> Found<T> {
    Found { value, span: Span { field: Field::Body, range: 0..0 }, confidence: Confidence::High }
}

fn read(text: &str) -> Wanted {
    Wanted::parse(&Source::new("wanted.toml", text)).unwrap_or_else(|found| panic!("{found:?}"))
}

fn item(name: &str, price: Option<u64>, url: Option<&str>) -> Item {
    Item { name: name.into(), price_yen: price, url: url.map(Into::into), ..Item::default() }
}

fn facts(items: &[Item]) -> Facts {
    let items = items.iter().cloned().map(found).collect();
    Facts {
        items,
        shop_code: Some(found("uminoya".into())),
        shop_name: Some(found("うみのや 楽天市場店".into())),
        ..Facts::default()
    }
}

fn now() -> Timestamp {
    "2026-11-24T10:00:00+09:00".parse().unwrap()
}

#[test]
fn every_key_narrows_what_is_meant() {
    let kettle =
        item("【再入荷】琺瑯ケトル 1.6L 白", Some(4980), Some("https://item.rakuten.co.jp/uminoya/um-161?x=1"));
    let headphones = item("ソニー ワイヤレスヘッドホン WH-1000XM5", Some(39_800), None);
    let pads = item("イヤーパッド WH-1000XM5用", Some(1200), None);
    for (entry, goods, expect) in [
        ("name = \"ケトル 琺瑯\"", &kettle, true),
        ("name = \"ｹﾄﾙ\"", &kettle, true),
        ("name = \"ケトル 赤\"", &kettle, false),
        ("name = \"ケトル\"\nmax_price = 4980", &kettle, true),
        ("name = \"ケトル\"\nmax_price = 4979", &kettle, false),
        ("url = \"https://item.rakuten.co.jp/uminoya/um-161\"", &kettle, true),
        ("url = \"https://item.rakuten.co.jp/uminoya/um-162/\"", &kettle, false),
        ("shop = \"uminoya\"", &kettle, true),
        ("shop = \"うみのや\"", &kettle, true),
        ("shop = \"やまのや\"", &kettle, false),
        ("name = \"ケトル\"\nuntil = 2026-11-24", &kettle, true),
        ("name = \"ケトル\"\nuntil = \"2026-11-23\"", &kettle, false),
        ("model = \"WH-1000XM5\"", &headphones, true),
        ("model = \"wh-1000xm5\"", &headphones, true),
        ("model = \"WH-1000XM\"", &headphones, false),
        ("model = \"WH-1000XM4\"", &headphones, false),
        ("model = \"WH-1000XM5\"", &pads, false),
        ("model = \"WH-1000XM5\"", &kettle, false),
    ] {
        let wanted = read(&format!("[[wanted]]\n{entry}\n"));
        let want = wanted.of(&facts(std::slice::from_ref(goods)), None, now());
        assert_eq!(matches!(want, Want::Wanted { item: Some(0), .. }), expect, "{entry} / {}", goods.name);
        assert_eq!(
            wanted.awaits(std::slice::from_ref(goods), Some("uminoya"), now()),
            expect && !entry.contains("うみのや")
        );
        let muted = read(&format!("[[muted]]\n{entry}\n"));
        assert_eq!(muted.of(&facts(std::slice::from_ref(goods)), None, now()) == Want::Muted, expect, "{entry}");
    }
}

#[test]
fn what_is_wanted_beats_what_is_muted_and_all_goods_of_a_mail_must_be_muted() {
    let wanted = read("[[muted]]\nshop = \"uminoya\"\n\n[[wanted]]\nname = \"ケトル\"\nnote = \"母に\"\n");
    let (pot, kettle) = (item("急須", None, None), item("琺瑯ケトル", None, None));
    let both = facts(&[pot.clone(), kettle]);
    assert_eq!(wanted.of(&both, None, now()), Want::Wanted { item: Some(1), note: "母に".into() });
    assert_eq!(wanted.of(&facts(std::slice::from_ref(&pot)), None, now()), Want::Muted);
    let one = read("[[muted]]\nname = \"急須\"\n");
    assert_eq!(one.of(&facts(&[pot.clone(), item("湯呑", None, None)]), None, now()), Want::Neither);
    // a price that nobody named mutes nothing, and is not too dear either
    assert_eq!(
        read("[[muted]]\nname = \"急須\"\nmax_price = 900").of(&facts(std::slice::from_ref(&pot)), None, now()),
        Want::Neither
    );
    let cheap = read("[[wanted]]\nname = \"急須\"\nmax_price = 900");
    assert!(matches!(cheap.of(&facts(&[pot]), None, now()), Want::Wanted { .. }));
    // a mail that lists nothing, with a link
    let linked = read(&format!("[[wanted]]\nurl = \"{PAGE}\"\n"));
    assert_eq!(linked.of(&Facts::default(), Some(PAGE), now()), Want::Wanted { item: None, note: String::new() });
    assert_eq!(read("").of(&Facts::default(), None, now()), Want::Neither);
}

#[test]
fn mistakes_are_shown_where_they_are() {
    for (text, line, column, message, help) in [
        ("[[wanted]]\nname = \"x\"\nmodle = \"y\"\n", 3, 1, "unknown field `modle`", "did you mean `model`?"),
        ("[[wnated]]\nname = \"x\"\n", 1, 3, "unknown field `wnated`", "did you mean `wanted`?"),
        ("# a\n[[wanted]]\nnote = \"x\"\n", 2, 1, "says nothing about which goods", "at least one of name"),
        ("[[wanted]]\nmax_price = 100\n", 1, 1, "says nothing about which goods", ""),
        ("[[muted]]\nname = \" \"\n", 2, 8, "`name` is empty", ""),
        ("[[wanted]]\nurl = \"https://example.jp/a/b/\"\n", 2, 7, "not the page of an item", "item.rakuten.co.jp"),
        ("[[wanted]]\nname = \"あ\"\nuntil = \"2026-13-01\"\n", 3, 9, "no day", "2026-12-31"),
        ("[[wanted]]\nname = \"あ\"\nfrom = 2026-12-04\n", 3, 8, "no time of a day", "20:00"),
        ("[[wanted]]\nname = \"あ\"\nmax_price = \"100\"\n", 3, 13, "invalid type", ""),
    ] {
        let found = Wanted::parse(&Source::new("wanted.toml", text)).unwrap_err();
        let first = found.first().unwrap();
        assert_eq!((first.line, first.column), (line, column), "{text}: {first}");
        assert!(first.message.contains(message) && first.help.contains(help), "{text}: {first}");
    }
}

#[test]
fn times_are_those_of_tokyo() {
    let wanted = read(
        "[[wanted]]\nname = \"a\"\nfrom = \"2026-12-04 20:00\"\n[[wanted]]\nname = \"b\"\nfrom = 2026-12-04T20:00:00\n\
                       [[wanted]]\nname = \"c\"\nfrom = 2026-12-04T11:00:00Z\n",
    );
    let at: Timestamp = "2026-12-04T20:00:00+09:00".parse().unwrap();
    assert_eq!(wanted.sales(), [at, at, at]);
}

const FILE: &str = "# mine\n\n[[wanted]] # the kettle\nname = \"ケトル\" # any\n# until Christmas\nuntil = 2026-12-24\n\n\
                    # noise\n[[muted]]\nshop = \"kakuu-games\"\n\n[[wanted]]\nurl = \"https://item.rakuten.co.jp/a/b/\"\nnote = \"\"\"\n[[x]]\n\"\"\"\n# end\n";

#[test]
fn a_table_is_added_at_the_end_and_comments_stay() {
    let entry = Entry {
        name: Some("鉄の \"急須\"".into()),
        max_price: Some(3000),
        from: Some(now()),
        until: Some("2026-12-31".parse().unwrap()),
        ..Entry::default()
    };
    let Added::Text(text) = add(FILE, List::Muted, &entry).unwrap() else { panic!() };
    let rest = text.strip_prefix(FILE).unwrap();
    assert!(
        rest.starts_with("\n[[muted]]\nname = ")
            && rest.contains("max_price = 3000\nuntil = 2026-12-31\nfrom = \"2026-11-24 10:00\"\n"),
        "{rest}"
    );
    assert_eq!(read(&text).muted.last().unwrap().name.as_deref(), Some("鉄の \"急須\""));
    assert_eq!(add(&text, List::Muted, &entry).unwrap(), Added::There);
    let Added::Text(first) = add("", List::Wanted, &entry).unwrap() else { panic!() };
    assert!(first.starts_with("[[wanted]]\n"), "{first}");
    let Added::Text(windows) = add("# a\r\n[[wanted]]\r\nname = \"x\"", List::Wanted, &entry).unwrap() else {
        panic!()
    };
    assert!(windows.ends_with("\r\n") && !windows.replace("\r\n", "").contains('\n'), "{windows:?}");
    assert!(matches!(add("[[wanted]\n", List::Wanted, &entry), Err(NotEdited::Broken(_))));
    // a list that is written as one value cannot get a table beside it
    assert!(add("wanted = [{ name = \"x\" }]\n", List::Wanted, &entry).is_err());
}

#[test]
fn just_the_lines_of_one_table_go() {
    let (text, gone) = remove(FILE, List::Wanted, &Which::Number(1)).unwrap();
    assert_eq!(gone.name.as_deref(), Some("ケトル"));
    assert_eq!(
        text,
        FILE.replace("[[wanted]] # the kettle\nname = \"ケトル\" # any\n# until Christmas\nuntil = 2026-12-24\n", "")
    );
    let (text, _) = remove(FILE, List::Wanted, &Which::Page("https://item.rakuten.co.jp/a/b".into())).unwrap();
    assert!(text.ends_with("[[muted]]\nshop = \"kakuu-games\"\n\n# end\n"), "{text}");
    let (text, _) = remove(FILE, List::Muted, &Which::Number(1)).unwrap();
    assert!(text.contains("# noise\n\n[[wanted]]"), "{text}");
    assert_eq!(remove(FILE, List::Wanted, &Which::Number(3)).unwrap_err(), NotEdited::NoSuch);
    assert_eq!(remove(FILE, List::Wanted, &Which::Number(0)).unwrap_err(), NotEdited::NoSuch);
    let inline = "wanted = [{ name = \"x\" }, { name = \"y\" }]\n";
    assert!(matches!(remove(inline, List::Wanted, &Which::Number(1)), Err(NotEdited::ByHand { line: 1 })));
}
