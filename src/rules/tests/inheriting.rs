//! Rules that begin with another rule, and categories that a shopper makes up.

use super::show;
use crate::facts::Facts;
use crate::mail::{Mail, Reading};
use crate::rules::{Known, Priority, RuleSet, Source, Verdict, check, judge};

fn letter(subject: &str, body: &str) -> Mail {
    let received: jiff::Timestamp = "2026-11-30T18:05:00+09:00".parse().unwrap();
    let bytes = format!(
        "From: <modori-zakka@shop.rakuten.co.jp>\r\nTo: <me@example.jp>\r\nSubject: {subject}\r\nMessage-ID: <a@b.jp>\r\n\
         Date: Mon, 30 Nov 2026 18:05:00 +0900\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n{body}\r\n"
    );
    crate::mail::read(bytes.as_bytes(), &Reading { received, size: 1000, authserv_ids: &[] })
}

const SHIPPED: &str = "category = \"restock\"\nfolder = \"再入荷\"\npriority = \"high\"\nrank = 60\n\
    [[rule]]\nname = \"base\"\nsubject = [\"再入荷\", \"再販\"]\nbody = \"在庫\"\nnot = { body = \"予約\" }\n\
    labels = [\"pending\"]\nfolder = \"再入荷/店\"\n\
    [[rule]]\nname = \"scored\"\nthreshold = 3\nscore = [ { weight = 2, subject = \"点\" }, { weight = 2, body = \"数\" } ]\n";

fn layers(own: &str) -> Result<RuleSet, String> {
    let (shipped, own) = ([Source::new("s.toml", SHIPPED)], [Source::new("o.toml", own)]);
    RuleSet::build(&[&shipped, &own]).map_err(|found| show(&found))
}

fn judged(own: &str, subject: &str, body: &str) -> Verdict {
    let rules = layers(own).unwrap_or_else(|found| panic!("{found}"));
    judge(&rules, &letter(subject, body), &Facts::default(), &Known::default())
}

#[test]
fn a_rule_changes_only_what_it_says() {
    // (the shopper's rule, subject, body, the rule that decides)
    let own = |lines: &str| format!("category = \"restock\"\n[[rule]]\nname = \"base\"\n{lines}\n");
    let inherit = |lines: &str| own(&format!("inherit = \"base\"\n{lines}"));
    for (rules, subject, body, decides) in [
        (String::new(), "再入荷", "在庫あり", true),
        // a rule of the same name that does not inherit takes its place as a whole
        (own("subject = \"復活\""), "再入荷", "在庫あり", false),
        (own("subject = \"復活\""), "復活", "予約", true),
        // one that inherits changes a key and keeps the others
        (inherit("subject = \"復活\""), "復活", "在庫あり", true),
        (inherit("subject = \"復活\""), "再入荷", "在庫あり", false),
        (inherit("subject = \"復活\""), "復活", "売切", false),
        // `not` and `all` are added
        (inherit("not = { subject = \"再販\" }"), "再入荷", "在庫あり", true),
        (inherit("not = { subject = \"再販\" }"), "再販", "在庫あり", false),
        (inherit("not = { subject = \"再販\" }"), "再入荷", "予約 在庫あり", false),
        (inherit("all = { body = \"本日\" }"), "再入荷", "在庫あり", false),
        (inherit("all = { body = \"本日\" }"), "再入荷", "本日 在庫あり", true),
        // nothing but a label: the conditions stay
        (inherit("labels = []"), "再入荷", "在庫あり", true),
        (inherit("enabled = false"), "再入荷", "在庫あり", false),
    ] {
        let verdict = judged(&rules, subject, body);
        assert_eq!(verdict.rule.as_deref() == Some("base"), decides, "{rules}\n{subject} {body}");
    }
    let verdict = judged(&inherit("labels = []"), "再入荷", "在庫あり");
    assert_eq!((verdict.folder.as_deref(), verdict.labels.len()), (Some("再入荷/店"), 0));
    let verdict = judged(&inherit("folder = \"急ぎ\""), "再入荷", "在庫あり");
    assert_eq!((verdict.folder.as_deref(), verdict.labels.contains("pending")), (Some("急ぎ"), true));
}

#[test]
fn a_rule_of_another_name_and_category_inherits_too() {
    let own = "category = \"amiami\"\nfolder = \"あみあみ\"\n[[rule]]\nname = \"mine\"\ninherit = \"base\"\n\
               subject = \"復活\"\n[[rule]]\nname = \"again\"\ninherit = \"mine\"\nbody = \"本日\"\nrank = 70\n\
               [[rule]]\nname = \"few points\"\ninherit = \"scored\"\nthreshold = 2\nrank = 50\n";
    let verdict = judged(own, "復活", "在庫あり");
    assert_eq!((verdict.category.as_str(), verdict.rule.as_deref()), ("amiami", Some("mine")));
    assert_eq!(judged(own, "復活", "本日 在庫").rule.as_deref(), Some("again"));
    assert_eq!(judged(own, "復活", "本日 予約").rule, None);
    assert_eq!(judged(own, "再入荷", "在庫あり").rule.as_deref(), Some("base"));
    let verdict = judged(own, "点", "x");
    assert_eq!((verdict.rule.as_deref(), verdict.score), (Some("few points"), 2.0));
    let rules = layers(own).unwrap();
    let rank = |name: &str| rules.list().iter().find(|rule| rule.name == name).map(|rule| rule.rank);
    assert_eq!([rank("mine"), rank("again"), rank("few points")], [Some(60), Some(70), Some(50)]);
    let mine = rules.list().iter().find(|rule| rule.name == "mine").unwrap();
    assert_eq!(mine.inherits.as_deref(), Some("base"));
    // switched off, and still something to begin with
    let off = "category = \"restock\"\n[[rule]]\nname = \"base\"\nenabled = false\n[[rule]]\nname = \"mine\"\n\
               inherit = \"base\"\nbody = \"本日\"\n";
    assert_eq!(judged(off, "再入荷", "本日").rule.as_deref(), Some("mine"));
    assert_eq!(judged(off, "再入荷", "在庫").rule, None);
}

#[test]
fn mistakes_in_inheritance_are_named_with_their_place() {
    for (own, expect) in [
        ("[[rule]]\nname = \"x\"\ninherit = \"bsae\"\n", "o.toml:4:11"),
        ("[[rule]]\nname = \"x\"\ninherit = \"bsae\"\n", "there is no rule `bsae` to inherit from"),
        ("[[rule]]\nname = \"x\"\ninherit = \"bsae\"\n", "did you mean `base`?"),
        ("[[rule]]\nname = \"x\"\ninherit = \"x\"\n", "there is no rule `x` to inherit from"),
        (
            "[[rule]]\nname = \"x\"\ninherit = \"y\"\n[[rule]]\nname = \"y\"\ninherit = \"x\"\n",
            "these rules inherit from each other",
        ),
        ("[[rule]]\nname = \"x\"\ninherit = 5\nsubject = \"y\"\n", "expected a text, found a number"),
        ("[[rule]]\nname = \"scored\"\ninherit = \"scored\"\nthreshold = 9\n", "all its weights together give 4"),
    ] {
        let Err(found) = layers(&format!("category = \"restock\"\n{own}")) else { panic!("accepted: {own}") };
        assert!(found.contains(expect), "{own}\nwanted {expect}\ngot {found}");
    }
    let shipped =
        check(&[Source::new("o.toml", "category = \"coupon\"\n[[rule]]\nname = \"x\"\ninherit = \"no such\"\n")]);
    assert!(!shipped.is_fine());
}

#[test]
fn a_category_of_ones_own_has_folder_priority_and_label() {
    let own = "category = \"あみあみ\"\nfolder = \"店/あみあみ\"\npriority = \"normal\"\nrank = 70\n\
               [[rule]]\nname = \"all of it\"\nbody = \"あみあみ\"\n\
               [[rule]]\nname = \"dear\"\nsubject = \"高額\"\npriority = \"urgent\"\nfolder = \"店/高額\"\nrank = 71\n";
    let verdict = judged(own, "お知らせ", "あみあみより");
    assert_eq!((verdict.category.as_str(), verdict.folder.as_deref()), ("あみあみ", Some("店/あみあみ")));
    assert_eq!((verdict.priority, verdict.escalate), (Priority::Normal, false));
    // both match: the higher rank decides, the other category becomes a label
    let verdict = judged(own, "再入荷", "あみあみ 在庫あり");
    assert_eq!(verdict.category, "あみあみ");
    assert!(verdict.labels.contains("restock"), "{verdict:?}");
    let low = own.replace("rank = 70", "rank = 10");
    let verdict = judged(&low, "再入荷", "あみあみ 在庫あり");
    assert_eq!(verdict.category, "restock");
    assert!(verdict.labels.contains("あみあみ"), "{verdict:?}");
    let verdict = judged(own, "高額", "x");
    assert_eq!((verdict.priority, verdict.folder.as_deref()), (Priority::Urgent, Some("店/高額")));
    let rules = layers(own).unwrap();
    assert!(rules.categories().any(|name| name == "あみあみ"));
    for folder in ["店/あみあみ", "店/高額", "再入荷", "再入荷/店"] {
        assert!(rules.folders().contains(&folder), "{folder}");
    }
    // a category without priority is silent, one without folder leaves the mail where it is
    let verdict = judged("category = \"静か\"\n[[rule]]\nname = \"x\"\nbody = \"x\"\n", "y", "x");
    assert_eq!((verdict.priority, verdict.folder), (Priority::Silent, None));
}
