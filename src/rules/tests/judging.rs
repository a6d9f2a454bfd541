//! What conditions see, which rule decides, and what no rule can change.

use super::show;
use crate::facts::{Cancelled, Confidence, Facts, Field, Found, Span};
use crate::mail::{Address, Header, Inner, Link, Mail, Part, PartKind, Reading, Text, TrustLevel};
use crate::rules::{Known, Priority, Reason, RuleSet, Severity, Source, check, judge};

fn letter(from: &str, subject: &str, body: &str) -> Mail {
    let received = "2026-11-24T01:00:00Z".parse().unwrap();
    let mut mail = crate::mail::read(b"X: y\n\n\n", &Reading { received, size: 1000, authserv_ids: &[] });
    mail.from = Address { name: "モドリ".into(), addr: from.into() };
    mail.subject = Text::new(subject);
    mail.body = Text::new(body);
    mail.parts = vec![Part { kind: PartKind::New, range: 0..body.len() }];
    mail
}

fn link(href: &str) -> Link {
    let host = href.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    Link { href: href.into(), host: host.into(), text: href.into(), place: None }
}

/// One rule of this body in a category of its own, asked about a mail.
fn rule_sees(rule: &str, mail: &Mail) -> Option<Vec<Reason>> {
    let text = format!("category = \"mine\"\n[[rule]]\nname = \"r\"\n{rule}\n");
    let rules = RuleSet::build(&[&[Source::new("mine.toml", text)]]).unwrap_or_else(|found| panic!("{}", show(&found)));
    let verdict = judge(&rules, mail, &Facts::default(), &Known::default());
    (verdict.category == "mine").then_some(verdict.reasons)
}

#[test]
fn conditions_see_what_they_say() {
    let body = "見本 花子 様\n商品Ａは再入荷しました。\n商品Ｂの再販は未定です。\n万一欠品の場合はご連絡します。\n\n合計 １，２３４円";
    let mut mail = letter("modori-zakka_2@shop.rakuten.co.jp", "【モドリ】ﾎﾟｲﾝﾄのお知らせ", body);
    mail.links = vec![link("https://item.rakuten.co.jp/a/b/"), link("https://rakuten.co.jp.example.com/getCoupon")];
    mail.headers = vec![Header { name: "X-Mailer".into(), value: "Foxmail 6".into() }];
    for (rule, expect) in [
        ("from = \"@shop.rakuten.co.jp\"", true),
        ("from = \"zakka_2@shop.rakuten.co.jp\"", false),
        ("from = \"modori-zakka_2@shop.rakuten.co.jp\"", true),
        ("from = \"@rakuten.co.jp\"", false),
        ("from = \"モドリ\"", true),
        ("from-domain = \"rakuten.co.jp\"", true),
        ("from-domain = \"akuten.co.jp\"", false),
        ("link-host = \"rakuten.co.jp\"", true),
        ("link-host = \"example.com\"", true),
        ("link-host = \"co.jp\"\nnot = { link-host = \"rakuten.co.jp\" }", false),
        ("link = \"GETCOUPON\"", true),
        ("subject = \"ポイント\"", true),
        ("subject = { contains = \"ポイント\", exact = true }", false),
        ("subject = { contains = \"ﾎﾟｲﾝﾄ\", exact = true }", true),
        ("subject = \"ＰＯＩＮＴ\"", false),
        ("body = \"再入荷\"", true),
        ("body = \"再販\"", false),
        ("body = { contains = \"再販\", negated = true }", true),
        ("body = { contains = \"再販\", negated = \"any\" }", true),
        ("body = { contains = \"再入荷\", negated = true }", false),
        ("body = \"欠品\"", false),
        ("body = { contains = \"欠品\", supposed = true }", true),
        ("body = { all-of = [\"再入荷\", \"合計\"] }", true),
        ("body = { all-of = [\"再入荷\", \"小計\"] }", false),
        ("body = { near = [\"商品a\", \"再入荷\"], within = 3 }", true),
        ("body = { near = [\"再入荷\", \"合計\"], within = 100 }", false),
        ("body = { near = [\"花子\", \"再入荷\"], within = 3 }", false),
        ("body = { regex = '１，[２-９]{3}円' }", true),
        ("body = { regex = '商品[Ａ-Ｃ]は' }", true),
        ("body = { regex = '合計\\s*[0-9,]+円' }", true),
        ("body = { contains = \"再入荷\", first-lines = 1 }", false),
        ("body = { contains = \"再入荷\", first-lines = 2 }", true),
        ("text = { contains = \"ポイント\", first-lines = 0 }", true),
        ("header = { name = \"x-mailer\", contains = \"foxmail\" }", true),
        ("header = { name = \"x-spam\", present = true }", false),
        ("header = { name = \"x-spam\", present = false }\nsubject = \"お知らせ\"", true),
        ("trust = \"unverified\"", true),
        ("trust = [\"verified\"]", false),
        ("size-over = 999", true),
        ("size-under = \"1 KB\"", true),
        ("item-links-over = 1", false),
        ("item-links-under = 2", true),
        ("knows-order = false", true),
        ("knows-order = true", false),
        ("fact = \"order_number\"", false),
        ("any = [{ subject = \"無い\" }, { body = \"再入荷\", from = \"モドリ\" }]", true),
        ("all = [{ subject = \"無い\" }, { body = \"再入荷\" }]", false),
        ("not = [{ subject = \"無い\" }, { body = \"再入荷\" }]", false),
        ("not = { subject = \"無い\", body = \"再入荷\" }", true),
        ("threshold = 3\nscore = [{ weight = 2, body = \"再入荷\" }, { weight = 1, trust = \"unverified\" }]", true),
        ("threshold = 3\nscore = [{ weight = 3, body = \"再入荷\" }, { weight = -1, trust = \"unverified\" }]", false),
        ("subject = \"無い\"\nthreshold = 1\nscore = [{ weight = 2, body = \"再入荷\" }]", false),
        ("threshold = 1\nscore = [{ weight = 1, fact = \"items\" }, { weight = 1, size-over = 1 }]", true),
    ] {
        assert_eq!(rule_sees(rule, &mail).is_some(), expect, "{rule}");
    }
    let reasons = rule_sees("subject = \"ポイント\"\nbody = \"商品A\"", &mail).unwrap();
    let saw: Vec<&str> = reasons.iter().map(|reason| reason.saw.as_str()).collect();
    assert_eq!(saw, ["商品Ａ", "ﾎﾟｲﾝﾄ"].into_iter().rev().collect::<Vec<_>>());
}

#[test]
fn quoted_text_counts_only_when_asked_for() {
    let (new, quoted, inner) = ("返信です。\n", "> 再入荷しましたか\n", "欠品のお詫び\n");
    let mut mail = letter("a@shop.rakuten.co.jp", "Re: 件", &format!("{new}{quoted}{inner}"));
    let (a, b) = (new.len(), new.len() + quoted.len());
    mail.parts = vec![
        Part { kind: PartKind::New, range: 0..a },
        Part { kind: PartKind::Quoted, range: a..b },
        Part { kind: PartKind::Forwarded, range: b..b + inner.len() },
    ];
    for (word, part, expect) in [
        ("再入荷", None, false),
        ("再入荷", Some("quoted"), true),
        ("再入荷", Some("any"), true),
        ("欠品", None, true),
        ("欠品", Some("new"), false),
        ("欠品", Some("forwarded"), true),
        ("返信", Some("new"), true),
        ("返信", Some("quoted"), false),
    ] {
        let part = part.map(|part| format!(", in = \"{part}\"")).unwrap_or_default();
        let rule = format!("body = {{ contains = \"{word}\"{part} }}");
        assert_eq!(rule_sees(&rule, &mail).is_some(), expect, "{rule}");
    }
}

#[test]
fn a_line_that_was_broken_is_read_as_one() {
    let body = "このたびご注文いただきました商品につきましては在庫がなくキャ\nンセルさせていただきました";
    let mail = letter("a@shop.rakuten.co.jp", "件", body);
    let reasons = rule_sees("body = \"キャンセルさせて\"", &mail).expect("broken");
    assert_eq!(reasons[0].saw, "キャ\nンセルさせて");
    assert!(rule_sees("body = \"いただきました\"", &mail).is_some());
}

#[test]
fn names_of_items_and_shops_are_no_statements() {
    let body = "商品：再入荷しました！帆布トート\nありがとうございました";
    let mail = letter("a@shop.rakuten.co.jp", "再販本舗からのお知らせ", body);
    let span = |field, range| Span { field, range };
    let item =
        crate::facts::Item { name: "再入荷しました！帆布トート".into(), ..crate::facts::Item::default() };
    let facts = Facts {
        items: vec![Found { value: item, span: span(Field::Body, 0..body.len()), confidence: Confidence::High }],
        shop_name: Some(Found {
            value: "再販本舗".into(),
            span: span(Field::Subject, 0..12),
            confidence: Confidence::High,
        }),
        ..Facts::default()
    };
    let text = |rule: &str| format!("category = \"mine\"\n[[rule]]\nname = \"r\"\n{rule}\n");
    for (rule, expect) in [
        ("text = [\"再入荷\", \"再販\"]", "other"),
        ("body = { contains = \"再入荷\", names = true }", "mine"),
        ("subject = { contains = \"再販\", names = true }", "mine"),
    ] {
        let rules = RuleSet::build(&[&[Source::new("mine.toml", text(rule))]]).unwrap();
        assert_eq!(judge(&rules, &mail, &facts, &Known::default()).category, expect, "{rule}");
    }
}

#[test]
fn the_shoppers_files_stand_over_the_shipped_ones() {
    let own = "
category = \"restock\"
folder = \"Restock\"
[[rule]]
name = \"registered item is back\"
enabled = false
[[rule]]
name = \"re-sale announced\"
subject = \"もどりました\"
";
    let added = "category = \"amiami\"\nfolder = \"あみあみ\"\n[[rule]]\nname = \"amiami\"\nfrom = \"amiami@shop.rakuten.co.jp\"\n";
    let bin = "quarantine-folder = \"Junk\"\n";
    let own =
        [Source::new("my/restock.toml", own), Source::new("my/amiami.toml", added), Source::new("my/bin.toml", bin)];
    let rules = RuleSet::load(&own).unwrap_or_else(|found| panic!("{}", show(&found)));
    let known = Known::default();
    let facts = Facts::default();
    let judged = |from: &str, subject: &str| judge(&rules, &letter(from, subject, ""), &facts, &known);
    let back = judged("x@rakuten.co.jp", "商品がもどりました");
    assert_eq!((back.category.as_str(), back.folder.as_deref()), ("restock", Some("Restock")));
    assert_eq!(judged("x@rakuten.co.jp", "ご登録の商品が再入荷しました").category, "other");
    // an own rule without a rank stands before every shipped one
    let shop = judged("amiami@shop.rakuten.co.jp", "ご注文ありがとうございます");
    assert_eq!((shop.category.as_str(), shop.folder.as_deref()), ("amiami", Some("あみあみ")));
    assert!(shop.labels.contains("order"));

    let listed = |name: &str| rules.list().iter().find(|listed| listed.name == name).cloned().unwrap();
    let off = listed("registered item is back");
    assert_eq!((off.enabled, off.file.as_str()), (false, "my/restock.toml"));
    let replaced = listed("re-sale announced");
    assert_eq!(replaced.replaces.as_deref(), Some("rules/restock.toml"));
    assert_eq!((replaced.line, replaced.rank), (8, 60));
    assert!(rules.folders().contains(&"Junk") && !rules.folders().contains(&"楽天/要確認"));
}

#[test]
fn examples_belong_to_their_rule_and_shipped_ones_only_warn() {
    let own = "
category = \"order\"
[[rule]]
name = \"order confirmed by Rakuten\"
enabled = false
[[rule]]
name = \"mine\"
from = \"@modori.example.jp\"
[[rule.example]]
from = \"a@modori.example.jp\"
subject = \"x\"
[[rule.example]]
name = \"from elsewhere\"
from = \"a@shop.rakuten.co.jp\"
subject = \"ご注文ありがとうございます\"
";
    let report = check(&[Source::new("mine.toml", own)]);
    let at = |name: &str| report.diagnostics.iter().find(|found| found.message.contains(name)).expect("found");
    let elsewhere = at("the example `from elsewhere` fails: expected the rule `mine`");
    assert_eq!((elsewhere.severity, elsewhere.line), (Severity::Error, 12));
    assert_eq!(at("your rules change what comes out of the shipped example").severity, Severity::Warning);
    let tried = |line: usize| report.examples.iter().find(|tried| tried.file == "mine.toml" && tried.line == line);
    assert_eq!(tried(9).and_then(|tried| tried.problem.clone()), None);
    assert!(!report.is_fine() && report.failed() >= 2);
}

#[test]
fn our_own_mail_and_forged_mail_are_set_aside() {
    let rules = RuleSet::shipped();
    let notice = || {
        let mut mail = letter("info@rakuten.co.jp", "ご登録の商品が再入荷しました", "再入荷しました。");
        mail.links = vec![link("https://item.rakuten.co.jp/a/b/")];
        mail
    };
    let own = Known { own_addresses: ["info@rakuten.co.jp".to_owned()].into(), ..Known::default() };
    let letter_known = Known { own_letter: true, ..Known::default() };
    let forwarded = || Mail { inner: Some(Inner::default()), ..notice() };
    let answer = || Mail { references: vec!["a@b".into()], ..notice() };
    let bounce = || Mail { return_path: Some(String::new()), ..answer() };
    for (what, mail, known, expect) in [
        ("a stranger's", notice(), Known::default(), None),
        ("from an own address", notice(), own.clone(), Some("own")),
        ("forwarded by the shopper", forwarded(), own, None),
        ("our letter", notice(), letter_known.clone(), Some("own")),
        ("an answer to our letter", answer(), letter_known.clone(), None),
        ("the bounce of our letter", bounce(), letter_known, Some("own")),
    ] {
        let verdict = judge(&rules, &mail, &Facts::default(), &known);
        let category = if expect.is_some() { "other" } else { "restock" };
        assert_eq!(verdict.category, category, "{what}");
        assert_eq!(verdict.escalate, expect.is_none(), "{what}");
        assert_eq!(verdict.labels.iter().next().map(String::as_str), expect, "{what}");
        assert_eq!(verdict.folder.is_some(), expect.is_none(), "{what}");
    }
    let mut forged = notice();
    forged.trust.level = TrustLevel::Suspect;
    let verdict = judge(&rules, &forged, &Facts::default(), &Known::default());
    assert_eq!((verdict.category.as_str(), verdict.folder.as_deref()), ("other", Some("楽天/要確認")));
    assert!(verdict.labels.contains("quarantine") && !verdict.escalate);
}

#[test]
fn an_alert_wants_trust_or_a_link_of_the_market() {
    let rules = RuleSet::shipped();
    for (level, href, expect) in [
        (TrustLevel::Verified, "", true),
        (TrustLevel::Unverified, "", false),
        (TrustLevel::Unverified, "https://item.rakuten.co.jp/a/b/", true),
        (TrustLevel::Unverified, "https://books.rakuten.co.jp/rb/1/", true),
        // the alert's own link is made with https
        (TrustLevel::Unverified, "http://item.rakuten.co.jp/a/b/", true),
        (TrustLevel::Unverified, "https://item.rakuten.co.jp.example.com/a/b/", false),
        (TrustLevel::Suspect, "https://item.rakuten.co.jp/a/b/", false),
    ] {
        let mut mail = letter("info@rakuten.co.jp", "ご登録の商品が再入荷しました", "再入荷しました。");
        mail.links = vec![link(href)];
        mail.trust.level = level;
        let verdict = judge(&rules, &mail, &Facts::default(), &Known::default());
        assert_eq!(verdict.escalate, expect, "{level:?} {href}");
        let urgent = verdict.priority == Priority::Urgent;
        assert_eq!(urgent, expect, "{level:?} {href}");
    }
}

#[test]
fn what_must_be_answered_or_paid_is_pressing() {
    let rules = RuleSet::shipped();
    fn found<T>(value: T) -> Option<Found<T>> {
        Some(Found { value, span: Span { field: Field::Body, range: 0..1 }, confidence: Confidence::High })
    }
    let at: jiff::Timestamp = "2026-11-25T08:00:00Z".parse().unwrap();
    let notice = letter("order-cancel@order-rp.rms.rakuten.co.jp", "キャンセルのお知らせ", "");
    let pay = letter("order-confirm@order-rp.rms.rakuten.co.jp", "お支払い手続きのご案内", "");
    let mut sure = found(Cancelled::Pending);
    let pending = Facts { cancelled: sure.clone(), reply_by: found(at), ..Facts::default() };
    if let Some(sure) = &mut sure {
        sure.confidence = Confidence::Low;
    }
    for (mail, facts, priority, labels) in [
        (&notice, Facts::default(), Priority::Normal, &[][..]),
        (&notice, pending, Priority::High, &["needs-answer", "pending"]),
        (&notice, Facts { cancelled: sure, ..Facts::default() }, Priority::Normal, &[]),
        (&pay, Facts::default(), Priority::Silent, &[]),
        (&pay, Facts { pay_by: found(at), ..Facts::default() }, Priority::High, &[]),
    ] {
        let verdict = judge(&rules, mail, &facts, &Known::default());
        assert_eq!(verdict.priority, priority);
        assert!(verdict.labels.iter().map(String::as_str).eq(labels.iter().copied()), "{:?}", verdict.labels);
    }
}

proptest::proptest! {
    #[test]
    fn no_mail_and_no_rule_file_makes_it_panic(
        from in "\\PC{0,20}@?\\PC{0,20}",
        subject in "(\\PC|再入荷|キャンセル|\n){0,30}",
        body in "(\\PC|ポイント|返還|ません|場合|クーポン|ｷｬﾝｾﾙ|\n|\r|㌽|①){0,120}",
        file in "(category = \"a\"\n)?(\\[\\[rule\\]\\]\nname = \"[a-c]\"\n(subject|body|score|near|not|any|fact) = (\"\\PC{0,9}\"|\\[\"\\PC{0,9}\"\\]|\\{ regex = '\\PC{0,12}' \\}|3)\n){0,3}\\PC{0,20}",
    ) {
        use std::sync::LazyLock;
        static RULES: LazyLock<RuleSet> = LazyLock::new(RuleSet::shipped);
        let mut mail = letter(&from, &subject, &body);
        mail.links = vec![link(&body)];
        let verdict = judge(&RULES, &mail, &Facts::default(), &Known::default());
        proptest::prop_assert!(!verdict.category.is_empty());
        match RuleSet::build(&[&[Source::new("mine.toml", file)]]) {
            Ok(rules) => {
                let _ = judge(&rules, &mail, &Facts::default(), &Known::default());
            }
            Err(found) => proptest::prop_assert!(found.iter().all(|found| !found.render(true).is_empty())),
        }
    }
}
