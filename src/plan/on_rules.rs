//! The shopper saved rules that cannot be used.

use super::announce::Announcement;
use super::{Alert, Policy, Wish};
use crate::rules::Priority;
use crate::wording::Unusable;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// One alert on every channel: where the fault is and what it is. `content` stands for the text of the faulty files:
/// the same text is announced once, however often it is saved.
#[must_use]
pub fn on_rules(unusable: &Unusable, content: &str, policy: &Policy, now: Timestamp) -> Vec<Wish> {
    let (title, body) = policy.wording.unusable(policy.language, unusable);
    let number = |number: Option<usize>| number.map_or(Value::Null, Value::from);
    let details: Map<String, Value> = [
        ("account", Some(unusable.account.clone()).filter(|name| !name.is_empty()).into()),
        ("file", Value::from(unusable.file.clone())),
        ("line", number(unusable.line)),
        ("column", number(unusable.column)),
        ("sentence", unusable.sentence.clone().into()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect();
    let alert = Alert {
        priority: Priority::Normal,
        category: "rules".to_owned(),
        title,
        body,
        url: None,
        received: None,
        details,
        ..Alert::default()
    };
    Announcement::new(format!("rules:{content}"), alert, policy.gives_up_at(now)).wishes(policy, now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Effect;
    use crate::wording::Language;

    #[test]
    fn the_alert_says_where_and_what_in_both_languages() {
        let unusable = Unusable {
            account: "携帯".into(),
            file: "mine.toml".into(),
            line: Some(5),
            column: Some(2),
            sentence: "unknown key `subjcet`".into(),
            help: "did you mean `subject`?".into(),
            more: 1,
            of_wanted: false,
        };
        let now = Timestamp::from_second(1_780_000_000).unwrap();
        let said = |language| {
            let channels = vec!["phone".to_owned(), "mail".to_owned()];
            let policy = Policy { channels, language, ..Policy::default() };
            let wishes = on_rules(&unusable, "abc", &policy, now);
            let keys: Vec<&str> = wishes.iter().map(|wish| wish.key.as_str()).collect();
            assert_eq!(keys, ["rules:abc:phone", "rules:abc:mail"]);
            let Effect::Alert { alert, .. } = wishes[0].effect.clone() else { panic!("no alert") };
            assert_eq!((alert.priority, alert.url.as_deref()), (Priority::Normal, None));
            format!("{}\n{}", alert.title, alert.body)
        };
        let english = said(Language::En);
        for piece in [
            "mine.toml, line 5, column 2",
            "of the account 携帯",
            "unknown key `subjcet`: did you mean `subject`?",
            "and 1 more",
        ] {
            assert!(english.contains(piece), "{english}");
        }
        let japanese = said(Language::Ja);
        for piece in ["mine.toml 5行目 2文字目", "unknown key `subjcet`", "（アカウント 携帯）", "ほかに1か所"]
        {
            assert!(japanese.contains(piece), "{japanese}");
        }
    }
}
