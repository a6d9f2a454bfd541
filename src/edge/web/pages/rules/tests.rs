//! The page of rules from plain values: what fell silent, whose rules are whose, long lists.

use super::*;
use crate::mailbox::{MailKey, Place};
use crate::rules::Source;
use crate::wording::Face;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

fn at(day: i64) -> Timestamp {
    Timestamp::from_second(1_795_500_000 + day * 86_400).unwrap()
}

fn rule_set(own: &str) -> Arc<RuleSet> {
    Arc::new(RuleSet::load(&[Source::new("own.toml", own)]).unwrap_or_else(|found| panic!("{found:?}")))
}

fn view(stacks: &[RulesOf]) -> View {
    View {
        used: used(stacks),
        hits: BTreeMap::new(),
        unmatched: (0, Vec::new()),
        quarantined: Vec::new(),
        corrections: Vec::new(),
    }
}

fn shown(view: &View, query: &[(&str, &str)], language: Language) -> String {
    let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let wording = Wording::default();
    let labels = wording.labels(language, Face::Dashboard);
    let words = Words { labels: &labels, wording: &wording, language };
    let pager = Pager::of(&query, u64::try_from(view.used.len()).unwrap(), EACH);
    let page = page(view, pager, &words).into_string();
    for word in [" style=", "<script", "rules.priority", "rules.silent", "figures."] {
        assert!(!page.contains(word), "{word}: {page}");
    }
    page
}

#[test]
fn a_rule_that_fell_silent_is_told_of_and_one_that_never_matched_is_not() {
    let shared = RulesOf { account: None, rules: Arc::new(RuleSet::shipped()) };
    let mut view = view(&[shared]);
    let names: Vec<String> = view.used.iter().map(|one| one.rule.name.clone()).take(2).collect();
    let silent = Hits {
        all: 7,
        last: Some(at(-90)),
        still_write: BTreeSet::from(["info@rakuten.co.jp".to_owned()]),
        ..Hits::default()
    };
    view.hits.insert(names[0].clone(), silent.clone());
    view.hits.insert(names[1].clone(), Hits { all: 9, lately: 1, in_sight: 2, last: Some(at(-1)), ..Hits::default() });
    view.hits.insert("a-rule-that-is-gone".into(), silent);
    let page = shown(&view, &[], Language::En);
    assert!(page.contains("Matched before, and not for 60 days") && page.contains("info@rakuten.co.jp"), "{page}");
    assert_eq!(page.matches("not for 60 days</span>").count(), 1, "{page}");
    assert!(!page.contains("a-rule-that-is-gone"), "{page}");
    assert!(shown(&view, &[], Language::Ja).contains("60日間一致していないルール"));
}

#[test]
fn rules_tell_whose_they_are_and_what_they_do() {
    let shipped = RuleSet::shipped();
    let first = shipped.list().iter().find(|rule| rule.category == "restock").unwrap().name.clone();
    let own = rule_set(&format!("category = \"restock\"\n[[rule]]\nname = \"{first}\"\nsubject = \"x\"\n"));
    let view = view(&[
        RulesOf { account: None, rules: Arc::new(RuleSet::shipped()) },
        RulesOf { account: Some("work".into()), rules: own },
    ]);
    assert_eq!(view.used.len(), shipped.list().len() + 1, "of an account only what is otherwise there");
    let last = view.used.last().unwrap();
    assert_eq!((last.account.as_deref(), last.rule.file.as_str()), (Some("work"), "own.toml"));
    let of = |name: &str| view.used.iter().find(|one| one.rule.name == name).unwrap();
    assert_eq!((of(&first).folder.as_deref(), of(&first).priority), (Some("楽天/再入荷"), Priority::Urgent));
    let pages = u32::try_from(view.used.len()).unwrap().div_ceil(EACH);
    let last_page = shown(&view, &[("page", &pages.to_string())], Language::En);
    assert!(
        last_page.contains("yours, instead of rules/restock.toml") && last_page.contains("in the account work"),
        "{last_page}"
    );
}

#[test]
fn many_rules_and_long_lists_make_a_bounded_page() {
    let own: String = (0..300).map(|n| format!("[[rule]]\nname = \"own-{n:03}\"\nsubject = \"word{n}\"\n")).collect();
    let rules = rule_set(&format!("category = \"order\"\n{own}"));
    let mut view = view(&[RulesOf { account: None, rules }]);
    assert!(view.used.len() >= 300);
    let place = Place { account: "a".into(), mailbox: "<b>\u{202e}".into(), uid_validity: 1, uid: 1 };
    let correction = Correction {
        message: 1,
        key: MailKey::of(b"x"),
        message_id: Some("a'b<script>@example.jp".into()),
        from: "INBOX".into(),
        to: place.clone(),
        category: "order".into(),
        quarantined: true,
        at: at(0),
        sure: true,
    };
    view.corrections = (0..500).map(|_| corrected(correction.clone(), None)).collect();
    let one = Quarantined { message: 1, key: MailKey::of(b"y"), received: at(0), size: 1, places: vec![place] };
    view.quarantined = vec![one; 500];
    for (name, _) in view.used.iter().map(|one| (one.rule.name.clone(), ())).collect::<Vec<_>>() {
        view.hits.insert(name, Hits { all: 1, last: Some(at(-100)), ..Hits::default() });
    }
    let page = shown(&view, &[("page", "2")], Language::En);
    assert!(page.len() < 100_000, "{}", page.len());
    assert_eq!(page.matches("<tr").count(), 1 + 50);
    assert!(
        page.contains("/rules?page=3") && page.contains("/rules?page=1") && page.contains("and 490 more"),
        "{page}"
    );
    assert!(
        page.contains("modori release &#39;&lt;a&#39;\\&#39;&#39;b&lt;script&gt;@example.jp&gt;&#39;")
            || page.contains("modori release '&lt;a'\\''b&lt;script&gt;@example.jp&gt;'"),
        "{page}"
    );
    assert!(!page.contains('\u{202e}'));
}
