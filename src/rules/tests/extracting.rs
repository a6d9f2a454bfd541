//! Extractors of rule files: which facts they put over those that modori reads by itself, and when.

use super::{said, show};
use crate::calendar::rfc3339;
use crate::facts::{Confidence, CouponRole, Facts, Field, Form};
use crate::mail::{Mail, Reading};
use crate::rules::{RuleSet, Source, check, extract, extractions, read};

/// A plain mail of Mon 30 Nov 2026 18:05 in Tokyo from a shop.
fn letter(subject: &str, body: &str) -> Mail {
    let received: jiff::Timestamp = "2026-11-30T18:05:00+09:00".parse().unwrap();
    let bytes = format!(
        "From: <modori-zakka@shop.rakuten.co.jp>\r\nTo: <me@example.jp>\r\nSubject: {subject}\r\nMessage-ID: <a@b.jp>\r\n\
         Date: Mon, 30 Nov 2026 18:05:00 +0900\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n{body}\r\n"
    );
    crate::mail::read(bytes.as_bytes(), &Reading { received, size: 1000, authserv_ids: &[] })
}

fn rules(text: &str) -> RuleSet {
    RuleSet::build(&[&[Source::new("mine.toml", text)]]).unwrap_or_else(|found| panic!("{}", show(&found)))
}

/// What one extractor with these lines makes of a mail's text.
fn read_by(lines: &str, body: &str) -> Facts {
    read(&rules(&format!("[[extract]]\nname = \"x\"\n{lines}\n")), &letter("件名", body))
}

#[test]
fn each_capture_is_read_as_its_kind() {
    type Told = fn(&Facts) -> Option<String>;
    let cases: [(&str, &str, Told, Option<&str>); 28] = [
        (
            r"番号\s*(?<order_number>[0-9 -]+)",
            "番号 ３９９９９９－２０２６１１２０－０１２３４５６７８９",
            |f| f.order().map(ToString::to_string),
            Some("399999-20261120-0123456789"),
        ),
        (r"番号\s*(?<order_number>\S+)", "番号 12345", |f| f.order().map(ToString::to_string), None),
        (r"店:(?<shop_name>.+)", "店：ﾓﾄﾞﾘ　雑貨店 ", |f| Some(f.shop_name.as_ref()?.value.clone()), Some("ﾓﾄﾞﾘ 雑貨店")),
        (
            r"店:(?<shop_code>\S+)",
            "店：Modori-Zakka",
            |f| Some(f.shop_code.as_ref()?.value.clone()),
            Some("modori-zakka"),
        ),
        (
            r"品代\s*(?<total_yen>\S+)",
            "品代 １，２３４円",
            |f| Some(f.total_yen.as_ref()?.value.to_string()),
            Some("1234"),
        ),
        (r"品代\s*(?<total_yen>\S+)", "品代 未定", |f| Some(f.total_yen.as_ref()?.value.to_string()), None),
        (
            r"お代\s*(?<payment_yen>\S+)",
            "お代 1万2千円",
            |f| Some(f.payment_yen.as_ref()?.value.to_string()),
            Some("12000"),
        ),
        (
            r"送り賃\s*(?<shipping_yen>\S+)",
            "送り賃 0円",
            |f| Some(f.shipping_yen.as_ref()?.value.to_string()),
            Some("0"),
        ),
        (
            r"充当\s*(?<points_used>\S+)",
            "充当 500ﾎﾟｲﾝﾄ",
            |f| Some(f.points_used.as_ref()?.value.to_string()),
            Some("500"),
        ),
        (
            r"値引\s*(?<coupon_used_yen>\S+)",
            "値引 -300",
            |f| Some(f.coupon_used_yen.as_ref()?.value.to_string()),
            Some("300"),
        ),
        (
            r"支払\s*(?<payment_method>.+)",
            "支払 後払い",
            |f| Some(f.payment_method.as_ref()?.value.clone()),
            Some("後払い"),
        ),
        (
            r"受付\s*(?<ordered_at>.+)",
            "受付 2026/11/20 20:01",
            |f| Some(rfc3339(f.ordered_at.as_ref()?.value)),
            Some("2026-11-20T20:01:00+09:00"),
        ),
        (
            r"ﾎﾟｲﾝﾄ戻\s*(?<points_return>[0-9,]+)",
            "ポイント戻　１，５００",
            |f| f.points_return.as_ref()?.value.amount.map(|n| n.to_string()),
            Some("1500"),
        ),
        (
            r"戻り点\s*(?<points_return>[0-9,]+)",
            "戻り点 0",
            |f| f.points_return.as_ref()?.value.amount.map(|n| n.to_string()),
            None,
        ),
        (
            r"(?<limited_time_points>限定分)",
            "限定分を戻す",
            |f| Some(f.limited_time_points.as_ref()?.value.to_string()),
            Some("true"),
        ),
        (
            r"限定分(?<limited_time_points>\S+)",
            "限定分0P",
            |f| Some(f.limited_time_points.as_ref()?.value.to_string()),
            Some("false"),
        ),
        (
            r"失効日\s*(?<points_expire_at>\S+)",
            "失効日 12/31",
            |f| Some(rfc3339(f.points_expire_at.as_ref()?.value)),
            Some("2026-12-31T23:59:59+09:00"),
        ),
        (
            r"券\s*(?<coupon_yen>\S+)",
            "券 500円",
            |f| f.coupon.as_ref()?.value.amount_yen.map(|n| n.to_string()),
            Some("500"),
        ),
        (
            r"券\s*(?<coupon_percent>\S+)",
            "券 １０％",
            |f| f.coupon.as_ref()?.value.percent.map(|n| n.to_string()),
            Some("10"),
        ),
        (r"券\s*(?<coupon_code>\S+)", "券 AbC-123", |f| f.coupon.as_ref()?.value.code.clone(), Some("AbC-123")),
        (r"券\s*(?<coupon_code>\S+)", "券 ＡＢＣ－１２３", |f| f.coupon.as_ref()?.value.code.clone(), Some("ABC-123")),
        (
            r"券\s*(?<coupon_url>\S+)",
            "券 https://coupon.rakuten.co.jp/getCoupon?getkey=AbC",
            |f| f.coupon.as_ref()?.value.url.clone(),
            Some("https://coupon.rakuten.co.jp/getCoupon?getkey=AbC"),
        ),
        (
            r"券\s*(?<coupon_url>\S+)",
            "券 https://rakuten.co.jp.example.com/x",
            |f| f.coupon.as_ref()?.value.url.clone(),
            None,
        ),
        (
            r"券は(?<coupon_expires_at>\S+)",
            "券は令和8年12月31日",
            |f| f.coupon.as_ref()?.value.expires_at.map(rfc3339),
            Some("2026-12-31T23:59:59+09:00"),
        ),
        (
            r"お返事\s*(?<reply_by>.+)",
            "お返事 明日正午",
            |f| Some(rfc3339(f.reply_by.as_ref()?.value)),
            Some("2026-12-01T12:00:00+09:00"),
        ),
        (
            r"ご入金\s*(?<pay_by>.+)",
            "ご入金 12/4(金)",
            |f| Some(rfc3339(f.pay_by.as_ref()?.value)),
            Some("2026-12-04T23:59:59+09:00"),
        ),
        (
            r"再開\s*(?<resale_at>.+)",
            "再開 12/4 20:00〜12/11 1:59",
            |f| Some(rfc3339(f.resale_at.as_ref()?.value)),
            Some("2026-12-04T20:00:00+09:00"),
        ),
        (
            r"頁\s*(?<item_url>\S+)",
            "頁 https://item.rakuten.co.jp/a/b/?x=1",
            |f| f.items.first()?.value.url.clone(),
            Some("https://item.rakuten.co.jp/a/b/"),
        ),
    ];
    for (regex, body, told, expect) in cases {
        let facts = read_by(&format!("form = \"done\"\ntext = '{regex}'"), body);
        assert_eq!(told(&facts).as_deref(), expect, "{regex} on {body}");
    }
}

#[test]
fn a_capture_stands_over_what_was_read() {
    let body = "支払い金額 3,760(円)\n実際のお代 2,000円\nご利用ポイント500ポイントは後日返還されます。\n戻り点＝１，２３４点\n\
                昔の 399999-20261101-0000000001\n今の 399999-20261120-0123456789\n";
    let mail = letter("件名", body);
    let plain = crate::facts::find(&mail);
    assert_eq!(plain.payment_yen.as_ref().map(|found| found.value), Some(3760));
    assert_eq!(plain.points_return.as_ref().map(|found| found.value.form), Some(Form::Promised));
    let rules = rules(
        "[[extract]]\nname = \"a\"\nform = \"done\"\ntext = ['実際のお代\\s*(?<payment_yen>[0-9,]+円)', '戻り点=(?<points_return>[0-9,]+)', '今の (?<order_number>\\S+)']\n",
    );
    let facts = read(&rules, &mail);
    let payment = facts.payment_yen.as_ref().unwrap();
    assert_eq!((payment.value, payment.confidence), (2000, Confidence::High));
    assert_eq!((payment.span.field, payment.span.words(&mail)), (Field::Body, "2,000円"));
    let points = facts.points_return.as_ref().unwrap();
    assert_eq!((points.value.form, points.value.amount), (Form::Done, Some(1234)));
    assert_eq!(points.span.words(&mail), "戻り点＝１，２３４");
    let numbers: Vec<String> = facts.order_numbers.iter().map(|found| found.value.to_string()).collect();
    assert_eq!(numbers, ["399999-20261120-0123456789", "399999-20261101-0000000001"]);
    assert_eq!(facts.sum_holds, None);
    let seen = extractions(&rules, &mail, &plain);
    assert_eq!(seen.len(), 3);
    assert_eq!((seen[0].extractor.as_str(), seen[0].key, seen[0].saw.as_str()), ("a", "payment_yen", "2,000円"));
    assert_eq!(seen[1].value.as_deref(), Some("1234"));
}

#[test]
fn what_goes_with_a_value() {
    // without `form` the form that modori read stays
    let facts = read_by("text = '戻り点(?<points_return>[0-9]+)'", "ポイントを返還いたしました。戻り点12");
    assert_eq!(facts.points_return.unwrap().value, crate::facts::PointsReturn { amount: Some(12), form: Form::Done });
    let facts = read_by("text = '戻り点(?<points_return>[0-9]+)'", "戻り点12");
    assert_eq!(facts.points_return.unwrap().value.form, Form::Promised);
    let facts = read_by("role = \"apology\"\ntext = 'お詫び券(?<coupon_yen>[0-9]+)'", "お詫び券300");
    assert_eq!(facts.coupon.unwrap().value.role, CouponRole::Apology);
    // items with a name replace the list, each with what its own match captured
    let facts = read_by(
        "text = '(?m)^品(?<item_name>\\S+) @(?<item_price_yen>[0-9,]+)$'",
        "品マグカップ @1,980\n品お皿 @500\n",
    );
    let items: Vec<_> = facts.items.iter().map(|found| (found.value.name.as_str(), found.value.price_yen)).collect();
    assert_eq!(items, [("マグカップ", Some(1980)), ("お皿", Some(500))]);
}

#[test]
fn when_an_extractor_applies() {
    let body = "お代 100円\n\n> お代 200円\n";
    let payment = |lines: &str| read_by(&format!("text = 'お代\\s*(?<payment_yen>[0-9]+)'\n{lines}"), body).payment_yen;
    for (lines, applies) in [
        ("", true),
        ("from-domain = \"shop.rakuten.co.jp\"", true),
        ("from-domain = \"example.com\"", false),
        ("subject = \"件名\"\ntrust = \"unverified\"", true),
        ("not = { subject = \"件名\" }", false),
        ("fact = \"cancelled\"", false),
        ("enabled = false", false),
    ] {
        assert_eq!(payment(lines).is_some_and(|found| found.value == 100), applies, "{lines}");
    }
    let quoted = "text = { regex = 'お代\\s*(?<payment_yen>[0-9]+)', in = \"quoted\" }";
    let answer = letter("Re: 件名", body);
    let of_quoted = read(&rules(&format!("[[extract]]\nname = \"x\"\n{quoted}\n")), &answer).payment_yen;
    assert_eq!(of_quoted.map(|found| found.value), Some(200));
    let head = "text = { regex = 'お代\\s*(?<payment_yen>[0-9]+)', first-lines = 1 }";
    assert_eq!(read_by(head, "こんにちは\nお代 100円").payment_yen, None);
    // in the subject, too
    let rules = rules("[[extract]]\nname = \"x\"\ntext = '残り(?<points_used>[0-9]+)点'\n");
    let mail = letter("残り30点", "x");
    let found = read(&rules, &mail).points_used.unwrap();
    assert_eq!((found.value, found.span.field, found.span.words(&mail)), (30, Field::Subject, "30"));
}

#[test]
fn links_are_looked_at_when_asked() {
    let html = "Content-Type: text/html; charset=UTF-8\r\nFrom: <a@shop.rakuten.co.jp>\r\nSubject: x\r\n\r\n\
                <p><a href=\"https://www.rakuten.co.jp/\">店</a> <a href=\"https://item.rakuten.co.jp/Zakka/MZ-1/?s=2\">こちら</a></p>\r\n";
    let received = "2026-11-30T18:05:00+09:00".parse().unwrap();
    let mail = crate::mail::read(html.as_bytes(), &Reading { received, size: 300, authserv_ids: &[] });
    let mine =
        "[[extract]]\nname = \"x\"\nlinks = '(?<item_url>https://item\\.rakuten\\.co\\.jp/(?<shop_code>[^/]+)/\\S+)'\n";
    let facts = extract(&rules(mine), &mail, Facts::default());
    assert_eq!(facts.items[0].value.url.as_deref(), Some("https://item.rakuten.co.jp/Zakka/MZ-1/"));
    let code = facts.shop_code.unwrap();
    assert_eq!((code.value.as_str(), code.span.field), ("zakka", Field::Link));
    assert!(code.span.words(&mail).ends_with("/MZ-1/?s=2"));
    assert_eq!(extract(&rules(&mine.replace("links", "text")), &mail, Facts::default()), Facts::default());
}

#[test]
fn nothing_changes_without_a_capture() {
    let mail = letter("件名", "支払い金額 3,760(円)\nご利用ポイント500ポイントは後日返還されます。");
    let plain = crate::facts::find(&mail);
    assert_eq!(read(&RuleSet::default(), &mail), plain);
    let other = rules("[[extract]]\nname = \"x\"\ntext = 'お代\\s*(?<payment_yen>[0-9]+)'\n");
    assert_eq!(extract(&other, &mail, plain.clone()), plain);
    // a weekday that does not fit casts doubt: such a date stands over no sure one
    let facts =
        read_by("text = '別の期限(?<reply_by>\\S+)'", "12月4日(金)までにご返信ください。\n別の期限2026年12月5日(月)");
    let by = facts.reply_by.unwrap();
    assert_eq!((rfc3339(by.value).as_str(), by.confidence), ("2026-12-04T23:59:59+09:00", Confidence::High));
}

#[test]
fn the_shoppers_extractor_stands_over_the_shipped_one() {
    let mail = letter("件名", "甲 1円\n乙 2円\n");
    let shipped = "[[extract]]\nname = \"a\"\ntext = '甲 (?<payment_yen>[0-9]+)'\n[[extract]]\nname = \"b\"\ntext = '甲 (?<total_yen>[0-9]+)'\n";
    let layers = |own: &str| {
        let (shipped, own) = ([Source::new("s.toml", shipped)], [Source::new("o.toml", own)]);
        RuleSet::build(&[&shipped, &own]).unwrap_or_else(|found| panic!("{}", show(&found)))
    };
    let read_with = |own: &str| {
        let facts = read(&layers(own), &mail);
        (facts.payment_yen.map(|found| found.value), facts.total_yen.map(|found| found.value))
    };
    assert_eq!(read_with(""), (Some(1), Some(1)));
    assert_eq!(read_with("[[extract]]\nname = \"a\"\ntext = '乙 (?<payment_yen>[0-9]+)'\n"), (Some(2), Some(1)));
    assert_eq!(read_with("[[extract]]\nname = \"c\"\ntext = '乙 (?<payment_yen>[0-9]+)'\n"), (Some(2), Some(1)));
    assert_eq!(read_with("[[extract]]\nname = \"a\"\nenabled = false\n").1, Some(1));
    let set = layers("[[extract]]\nname = \"a\"\nenabled = false\n");
    let [a, b] = set.extractors() else { panic!("{:?}", set.extractors()) };
    assert_eq!((a.enabled, a.replaces.as_deref(), a.line), (false, Some("s.toml"), 2));
    assert_eq!((b.enabled, b.keys.as_slice()), (true, &["total_yen"][..]));
}

#[test]
fn mistakes_in_extractors_are_named_with_their_place() {
    for (lines, expect) in [
        ("text = '(?<points_retrun>[0-9]+)'", "3:12 error: `points_retrun` is no fact (did you mean `points_return`?)"),
        (
            "text = '(?<weather>[0-9]+)'",
            "3:12 error: `weather` is no fact (captures are named after facts: order_number",
        ),
        ("text = 'x([0-9]+)'", "3:8 error: this regex captures nothing by name"),
        ("text = '(?<total_yen>[0-9]+'", "3:8 error: bad regex: unclosed group"),
        ("text = '(?<total_yen>(?:a{1000}){1000})'", "3:8 error: this regex becomes too large"),
        ("text = '\\p{Lu}(?<total_yen>1)'", "3:8 error: this regex can never match"),
        ("text = 5", "3:8 error: expected a text or a list of texts, found a number"),
        ("text = { in = \"new\" }", "3:8 error: no regex to look for"),
        ("text = { regexp = 'x' }", "3:10 error: unknown key `regexp` (did you mean `regex`?)"),
        ("subject = \"x\"", "2:8 error: the extractor `x` has no regex"),
        ("txt = '(?<total_yen>1)'", "3:1 error: unknown key `txt` (did you mean `text`?)"),
        ("text = '(?<points_return>1)'\nform = \"doen\"", "4:8 error: `doen` is no form (did you mean \"done\"?)"),
        ("text = '(?<coupon_yen>1)'\nrole = \"x\"", "4:8 error: `x` is no role (one of: granted, apology, returned"),
        ("text = '(?<total_yen>1)'\nform = \"done\"", "4:8 warning: `form` says nothing without"),
        ("text = '(?<total_yen>1)'\nrole = \"granted\"", "4:8 warning: `role` says nothing without"),
        ("text = '(?<points_return>1)'", "2:8 warning: without `form`, points that modori itself"),
        ("text = '(?<total_yen>1)'\nknows-order = true", "4:15 error: an extractor cannot ask the ledger"),
        (
            "text = '(?<total_yen>1)'\n[[extract]]\nname = \"x\"\ntext = '(?<total_yen>1)'",
            "5:8 error: a second extractor named `x`",
        ),
    ] {
        let found = said(&format!("[[extract]]\nname = \"x\"\n{lines}\n"));
        assert!(found.iter().any(|found| found.contains(expect)), "{lines}\nwanted {expect}\ngot {found:#?}");
    }
    assert_eq!(said("[[extract]]\nname = \"x\"\ntext = '合計(?<total_yen>[0-9]+)'\n"), [""; 0]);
    assert!(said("[[extract]]\ntext = 'x'\n")[0].contains("1:1 error: an extractor without a name"));
}

#[test]
fn examples_show_what_is_extracted() {
    let text = |amount: &str| {
        format!(
            "[[extract]]\nname = \"mine\"\nfrom-domain = \"shop.rakuten.co.jp\"\nform = \"done\"\n\
             text = 'ご返却ﾎﾟｲﾝﾄ\\s*=\\s*(?<points_return>[0-9,]+).*期限\\s*(?<points_expire_at>\\S+)'\n\
             [[extract.example]]\nfrom = \"a@shop.rakuten.co.jp\"\nsubject = \"お知らせ\"\nbody = \"ご返却ﾎﾟｲﾝﾄ＝{amount} 期限 12/31\"\n\
             facts = {{ points_return = 1234, points_expire_at = \"2026-12-31T23:59:59+09:00\" }}\n\
             [[extract.example]]\nfrom = \"a@shop.rakuten.co.jp\"\nsubject = \"お知らせ\"\nbody = \"ご返却ﾎﾟｲﾝﾄ＝{amount} 期限 12/31\"\n\
             facts = {{ points_return = \"done\" }}\n"
        )
    };
    let report = check(&[Source::new("mine.toml", text("１，２３４"))]);
    let ours: Vec<_> = report.examples.iter().filter(|tried| tried.file == "mine.toml").collect();
    assert_eq!(ours.len(), 2);
    assert!(report.is_fine(), "{}", show(&report.diagnostics));
    let report = check(&[Source::new("mine.toml", text("99"))]);
    assert!(!report.is_fine());
    assert!(
        show(&report.diagnostics).contains("expected points_return = `1234`, read `99`"),
        "{}",
        show(&report.diagnostics)
    );
}
