//! What an explanation tells: why words did not count, what came near, and that it agrees with the verdict.

use super::show;
use crate::facts::Facts;
use crate::mail::{Mail, Reading};
use crate::rules::{Condition, Explanation, Known, RuleSet, Source, explain, judge};

const BODY: &str = "見本 花子 様\n\nお探しの土鍋は再入荷しておりません。\n急須は明日20時から販売します。\n\n2026年11月23日 見本 花子 <hanako@example.jp>:\n> お尋ねします。\n> 再入荷しましたか\n> お返事ください\n";

fn mail(body: &str) -> Mail {
    let raw = format!(
        "From: <a@shop.rakuten.co.jp>\r\nSubject: お知らせ\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}"
    );
    let received = "2026-11-24T01:00:00Z".parse().unwrap();
    crate::mail::read(raw.as_bytes(), &Reading { received, size: 1000, authserv_ids: &[] })
}

/// The rules of a file standing alone, asked about the mail above.
fn told(rules: &str) -> Explanation {
    let source = Source::new("mine.toml", format!("category = \"mine\"\n{rules}"));
    let rules = RuleSet::build(&[&[source]]).unwrap_or_else(|found| panic!("{}", show(&found)));
    explain(&rules, &mail(BODY), &Facts::default(), &Known::default())
}

/// Every sight that does not count, as `place line: «words» why`.
fn uncounted(conditions: &[Condition], into: &mut Vec<String>) {
    for condition in conditions {
        for sight in &condition.saw {
            if let Some(why) = &sight.why_not {
                into.push(format!("{} {}: «{}» {why}", sight.place, sight.line, sight.words()));
            }
        }
        uncounted(&condition.of, into);
    }
}

#[test]
fn it_says_why_words_do_not_count() {
    for (condition, expect) in [
        ("body = \"土鍋は再入荷\"", "body 3: «土鍋は再入荷» is denied by its clause"),
        ("body = { contains = \"販売\", negated = true }", "body 4: «販売» is not denied, which was asked for"),
        ("body = \"再入荷しましたか\"", "body 8: «再入荷しましたか» stands in quoted text"),
        ("body = { contains = \"再入荷しました\", in = \"new\" }", "body 8: «再入荷しました» stands in quoted text"),
        ("body = { contains = \"販売\", first-lines = 1 }", "body 4: «販売» stands below the first 1 lines"),
        (
            "body = { near = [\"花子\", \"販売\"], within = 3 }",
            "body 1: «花子» stands farther than 3 characters from the others, or in another sentence",
        ),
        (
            "body = { near = [\"急須\", \"発送\"], within = 3 }",
            "body 4: «急須» stands alone: no word of list 2 is there",
        ),
        ("from = \"shop.rakuten.co.jp@\"\nbody = \"土鍋は再入荷\"", "body 3: «土鍋は再入荷» is denied by its clause"),
        ("body = { regex = '再入荷して' }", "body 3: «再入荷して» is denied by its clause"),
        ("not = { body = \"土鍋は再入荷\" }\nsubject = \"ない\"", "body 3: «土鍋は再入荷» is denied by its clause"),
    ] {
        let told = told(&format!("[[rule]]\nname = \"r\"\n{condition}\n"));
        let mut found = Vec::new();
        uncounted(&told.rules[0].conditions, &mut found);
        assert!(!told.rules[0].matched, "{condition}");
        assert!(found.iter().any(|line| line == expect), "{condition}: {found:?}");
    }
}

#[test]
fn it_names_the_first_reason_and_the_nearest_miss() {
    let told = told(
        r#"
[[rule]]
name = "far"
subject = "クーポン"
[[rule]]
name = "near"
body = "急須"
subject = "再販"
[[rule]]
name = "scored"
threshold = 5
score = [ { weight = 2, body = "販売" }, { weight = 4, subject = "再販" } ]
[[rule]]
name = "guarded"
body = "急須"
not = { body = "販売" }
"#,
    );
    let of = |name: &str| told.rules.iter().find(|rule| rule.name == name).unwrap();
    assert_eq!(of("far").failed.as_deref(), Some("subject contains クーポン: not found"));
    assert_eq!(of("near").failed.as_deref(), Some("subject contains 再販: not found"));
    assert_eq!(of("scored").failed.as_deref(), Some("the score is 2 of the 5 that is asked for"));
    assert_eq!((of("scored").score, of("scored").threshold), (Some(2.0), Some(5.0)));
    assert_eq!(of("guarded").failed.as_deref(), Some("what must not be there is: body contains 販売 (販売)"));
    assert!(of("far").nearness < of("scored").nearness && of("scored").nearness < of("near").nearness);
    assert_eq!(told.nearest_miss.as_deref(), Some("near"));
    assert!(told.rules.iter().all(|rule| !rule.matched && !rule.decided));
    assert_eq!(told.verdict.rule, None);
    assert!(told.rules.iter().all(|rule| rule.file == "mine.toml" && rule.line > 1));
}

#[test]
fn the_rule_that_decided_is_the_verdicts() {
    let told = told(
        "[[rule]]\nname = \"low\"\nrank = 1\nbody = \"急須\"\n[[rule]]\nname = \"high\"\nrank = 2\nbody = \"急須\"\n[[rule]]\nname = \"none\"\nrank = 3\nbody = \"発送\"\n",
    );
    let state: Vec<_> = told.rules.iter().map(|rule| (rule.name.as_str(), rule.matched, rule.decided)).collect();
    assert_eq!(state, [("none", false, false), ("high", true, true), ("low", true, false)]);
    assert_eq!(told.verdict.rule.as_deref(), Some("high"));
    assert_eq!(told.aside, None);
}

#[test]
fn quarantine_is_told_and_rules_say_what_would_be() {
    let rules =
        RuleSet::build(&[&[Source::new("m.toml", "category = \"mine\"\n[[rule]]\nname = \"r\"\nbody = \"急須\"\n")]])
            .unwrap();
    let mut mail = mail(BODY);
    mail.trust.level = crate::mail::TrustLevel::Suspect;
    let told = explain(&rules, &mail, &Facts::default(), &Known::default());
    assert_eq!(told.aside.as_deref(), Some("suspect mail goes into quarantine"));
    assert_eq!(told.verdict, judge(&rules, &mail, &Facts::default(), &Known::default()));
    assert!(told.rules[0].matched && !told.rules[0].decided);
}
