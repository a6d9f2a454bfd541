//! TOML to [`super::syntax`], collecting everything that is wrong instead of stopping at the first.

use super::diagnostic::{Desk, Source};
use super::syntax::{Cond, File, Given, How, On, Parts, Rule, Scored, Test, Want};
use super::value::{
    Value, category_name, fact, flag, folder, get, known_keys, knows, list, number, priority, size, table_list, tables,
    text, trust, want, whole, words,
};
use super::{example, extract};
use std::ops::Range;
use toml::Spanned;
use toml::de::DeTable;

/// Conditions may be nested so deep.
const MAX_DEPTH: usize = 16;
/// A rule file may have so many bytes.
const MAX_FILE: usize = 4 << 20;

pub(super) const FILE_KEYS: &[&str] =
    &["category", "folder", "priority", "rank", "quarantine-folder", "rule", "extract", "example"];
pub(super) const RULE_KEYS: &[&str] =
    &["name", "enabled", "inherit", "score", "threshold", "labels", "folder", "priority", "rank", "example"];
pub(super) const COND_KEYS: &[&str] = &[
    "from", "from-domain", "to", "subject", "body", "text", "header", "list-id", "link", "link-host", "link-text",
    "attachment", "size-over", "size-under", "item-links-over", "item-links-under", "trust", "vouched", "knows-order",
    "fact", "all", "any", "not",
];
/// The key of a scored condition beside its conditions.
pub(super) const WEIGHT_KEYS: &[&str] = &["weight"];
/// The keys of a header condition beside those of a text.
pub(super) const HEADER_KEYS: &[&str] = &["name", "present"];
pub(super) const TEST_KEYS: &[&str] = &[
    "contains", "all-of", "near", "phrase", "within", "regex", "in", "exact", "negated", "supposed", "names",
    "first-lines",
];

/// Reads one rule file. What could be read is returned even when something was wrong.
pub(super) fn file(source: &Source, desk: &mut Desk<'_>) -> File {
    let mut file = File::default();
    if source.text.len() > MAX_FILE {
        desk.error(0..0, "the file is larger than 4 MiB", "split it into several files");
        return file;
    }
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    for error in errors {
        desk.error(
            error.span().unwrap_or(0..0),
            error.message().lines().next().unwrap_or_default(),
            "this is a matter of TOML's grammar",
        );
    }
    let table = table.get_ref();
    known_keys(desk, table, &[FILE_KEYS], "of a rule file");
    file.category = get(table, "category").and_then(|value| text(desk, value)).inspect(|at| category_name(desk, at));
    file.folder = get(table, "folder").and_then(|value| folder(desk, value));
    file.quarantine_folder = get(table, "quarantine-folder").and_then(|value| folder(desk, value));
    file.priority = get(table, "priority").and_then(|value| priority(desk, value));
    file.rank = get(table, "rank").and_then(|value| whole(desk, value));
    for (table, span) in tables(desk, table, "rule") {
        if let Some(rule) = rule(desk, table, span) {
            file.rules.push(rule);
        }
    }
    for (table, span) in tables(desk, table, "extract") {
        file.extracts.extend(extract::parse(desk, table, span));
    }
    file.examples = example::parse(desk, table);
    if file.category.is_none() {
        let rule = file.rules.first().map(|rule| rule.name.span.clone());
        if let Some(span) = rule.or_else(|| file.folder.as_ref().map(|folder| folder.span.clone())) {
            desk.error(span, "the file names no category", "begin the file with `category = \"…\"`");
        }
    }
    file
}

fn rule(desk: &mut Desk<'_>, table: &DeTable<'_>, span: Range<usize>) -> Option<Rule> {
    known_keys(desk, table, &[RULE_KEYS, COND_KEYS], "of a rule");
    let Some(name) = get(table, "name") else {
        desk.error(span, "a rule without a name", "add `name = \"…\"`; `modori explain` shows it");
        return None;
    };
    let name = text(desk, name)?;
    let enabled = get(table, "enabled").and_then(|value| flag(desk, value)).unwrap_or(true);
    let inherit = get(table, "inherit").and_then(|value| text(desk, value));
    let mut when = Vec::new();
    keyed(desk, table, 0, &[], &mut |key, cond| when.push(Given { key: key.to_owned(), cond, from: None }));
    let mut score = Vec::new();
    for (table, span) in tables(desk, table, "score") {
        known_keys(desk, table, &[WEIGHT_KEYS, COND_KEYS], "of a scored condition");
        let weight = get(table, "weight").and_then(|value| number(desk, value));
        let mut conds = conditions(desk, table, 1, &[]);
        let when = if conds.len() == 1 { conds.pop() } else { Some(Cond::All(conds)) };
        match (weight, when) {
            (Some(_), Some(Cond::All(conds))) if conds.is_empty() => {
                desk.error(span, "a weight without a condition", "say what must be seen, as in `subject = \"再入荷\"`");
            }
            (Some(weight), Some(when)) => score.push(Scored { from: None, weight: weight.value, when, span }),
            _ => desk.error(span, "a scored condition without a weight", "add `weight = 2`"),
        }
    }
    let threshold = get(table, "threshold").and_then(|value| number(desk, value));
    if enabled && inherit.is_none() && when.is_empty() && score.is_empty() && get(table, "score").is_none() {
        let help = "add for example `subject = \"再入荷\"`; to switch a shipped rule off write `enabled = false`";
        desk.error(name.span.clone(), format!("the rule `{}` has no condition", name.value), help);
    }
    let labels = get(table, "labels").map(|value| list(desk, value));
    Some(Rule {
        name,
        enabled,
        inherit,
        when,
        score,
        threshold,
        labels: labels.map(|labels| labels.into_iter().map(|label| label.value).collect()),
        folder: get(table, "folder").and_then(|value| folder(desk, value)),
        priority: get(table, "priority").and_then(|value| priority(desk, value)),
        rank: get(table, "rank").and_then(|value| whole(desk, value)),
        examples: example::parse(desk, table),
    })
}

/// All conditions among the keys of a table, some of which mean something else here.
pub(super) fn conditions(desk: &mut Desk<'_>, table: &DeTable<'_>, depth: usize, but: &[&str]) -> Vec<Cond> {
    let mut conds = Vec::new();
    keyed(desk, table, depth, but, &mut |_, cond| conds.push(cond));
    conds
}

/// All conditions among the keys of a table, each handed over with its key.
fn keyed(desk: &mut Desk<'_>, table: &DeTable<'_>, depth: usize, but: &[&str], take: &mut dyn FnMut(&str, Cond)) {
    if depth > MAX_DEPTH {
        let span = table.keys().next().map_or(0..0, Spanned::span);
        desk.error(span, "conditions are nested too deep", "at most 16 levels");
        return;
    }
    let mut keys: Vec<_> = table.iter().filter(|(key, _)| !but.contains(&key.get_ref().as_ref())).collect();
    keys.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in keys {
        let on = match key.get_ref().as_ref() {
            "from" => On::From,
            "from-domain" => On::FromDomain,
            "to" => On::To,
            "subject" => On::Subject,
            "body" => On::Body,
            "text" => On::Text,
            "list-id" => On::Header("list-id".into()),
            "link" => On::Link,
            "link-host" => On::LinkHost,
            "link-text" => On::LinkText,
            "attachment" => On::Attachment,
            other => {
                condition(desk, other, value, depth).into_iter().for_each(|cond| take(other, cond));
                continue;
            }
        };
        let mut conds = Vec::new();
        tests(desk, on, value, &mut conds);
        conds.into_iter().for_each(|cond| take(key.get_ref(), cond));
    }
}

/// A condition that is not a test of one text.
fn condition(desk: &mut Desk<'_>, key: &str, value: Value<'_, '_>, depth: usize) -> Vec<Cond> {
    let over = key.ends_with("-over");
    let one = match key {
        "size-over" | "size-under" => size(desk, value).map(|bytes| Cond::Size { over, bytes }),
        "item-links-over" | "item-links-under" => {
            whole(desk, value).and_then(|count| u64::try_from(count).ok()).map(|count| Cond::ItemLinks { over, count })
        }
        "trust" => {
            let levels: Vec<_> = words(desk, value).iter().filter_map(|word| trust(desk, word)).collect();
            (!levels.is_empty()).then_some(Cond::Trust(levels))
        }
        "vouched" => flag(desk, value).map(Cond::Vouched),
        "knows-order" => knows(desk, value).map(Cond::Knows),
        "fact" => {
            let facts: Vec<_> = words(desk, value).iter().filter_map(|word| fact(desk, word)).collect();
            (!facts.is_empty()).then_some(Cond::Fact(facts))
        }
        "all" | "any" => {
            let mut list = Vec::new();
            for (table, span) in table_list(desk, value) {
                known_keys(desk, table, &[COND_KEYS], "of a condition");
                let mut inner = conditions(desk, table, depth + 1, &[]);
                match (inner.pop(), inner.is_empty()) {
                    (Some(only), true) => list.push(only),
                    (Some(last), false) => {
                        inner.push(last);
                        list.push(Cond::All(inner));
                    }
                    (None, _) => desk.error(span, "an empty condition", "say what must be seen"),
                }
            }
            let nothing = list.is_empty();
            let cond = if key == "all" { Cond::All(list) } else { Cond::Any(list) };
            (!nothing).then_some(cond)
        }
        "not" => {
            // every condition inside is forbidden: `not = [a, b]` and `not = { … }` both mean "none of these"
            return table_list(desk, value)
                .into_iter()
                .filter_map(|(table, _)| {
                    known_keys(desk, table, &[COND_KEYS], "of a condition");
                    let mut inner = conditions(desk, table, depth + 1, &[]);
                    let only = if inner.len() == 1 { inner.pop() } else { None };
                    let inner = only.or_else(|| (!inner.is_empty()).then_some(Cond::All(inner)))?;
                    Some(Cond::Not(Box::new(inner)))
                })
                .collect();
        }
        "header" => {
            let mut conds = Vec::new();
            for (table, span) in table_list(desk, value) {
                let Some(name) = get(table, "name").and_then(|value| text(desk, value)) else {
                    let help = "write `header = { name = \"X-Mailer\", contains = \"…\" }`";
                    desk.error(span, "which header is meant?", help);
                    continue;
                };
                let on = On::Header(name.value.to_ascii_lowercase());
                known_keys(desk, table, &[TEST_KEYS, HEADER_KEYS], "of a header condition");
                if let Some(present) = get(table, "present").and_then(|value| flag(desk, value)) {
                    conds.push(Cond::Test(Test { how: How::Present(present), ..plain(on.clone()) }));
                }
                test_table(desk, &on, table, span, &mut conds);
            }
            return conds;
        }
        _ => None,
    };
    one.into_iter().collect()
}

/// A text test as it is when nothing more is said.
pub(super) fn plain(on: On) -> Test {
    let statement = matches!(on, On::Subject | On::Body | On::Text);
    let want = if statement { Want::No } else { Want::Either };
    Test {
        on,
        how: How::Present(true),
        part: Parts::NewAndForwarded,
        exact: false,
        negated: want,
        supposed: want,
        names: !statement,
        first_lines: None,
    }
}

fn tests(desk: &mut Desk<'_>, on: On, value: Value<'_, '_>, conds: &mut Vec<Cond>) {
    if let Some(table) = value.get_ref().as_table() {
        known_keys(desk, table, &[TEST_KEYS], "of a text condition");
        test_table(desk, &on, table, value.span(), conds);
        return;
    }
    let list = words(desk, value);
    if !list.is_empty() {
        conds.push(Cond::Test(Test { how: How::Any(list), ..plain(on) }));
    }
}

/// Where in the body words count.
pub(super) fn place(desk: &mut Desk<'_>, table: &DeTable<'_>, test: &mut Test) {
    if let Some(part) = get(table, "in").and_then(|value| text(desk, value)) {
        test.part = match part.value.as_str() {
            "new" => Parts::New,
            "quoted" => Parts::Quoted,
            "forwarded" => Parts::Forwarded,
            "any" => Parts::Any,
            other => {
                let message = format!("`{other}` is no part of a mail");
                desk.error(part.span, message, "write \"new\", \"quoted\", \"forwarded\" or \"any\"");
                test.part
            }
        };
    }
    test.first_lines =
        get(table, "first-lines").and_then(|value| whole(desk, value)).and_then(|lines| usize::try_from(lines).ok());
}

fn test_table(desk: &mut Desk<'_>, on: &On, table: &DeTable<'_>, span: Range<usize>, conds: &mut Vec<Cond>) {
    let mut test = plain(on.clone());
    place(desk, table, &mut test);
    test.exact = get(table, "exact").and_then(|value| flag(desk, value)).unwrap_or(false);
    test.names = get(table, "names").and_then(|value| flag(desk, value)).unwrap_or(test.names);
    test.negated = get(table, "negated").and_then(|value| want(desk, value)).unwrap_or(test.negated);
    test.supposed = get(table, "supposed").and_then(|value| want(desk, value)).unwrap_or(test.supposed);
    let mut hows = Vec::new();
    if let Some(value) = get(table, "contains") {
        hows.push(How::Any(words(desk, value)));
    }
    if let Some(value) = get(table, "all-of") {
        hows.push(How::AllOf(words(desk, value)));
    }
    for (key, phrase) in [("near", false), ("phrase", true)] {
        let Some(value) = get(table, key) else { continue };
        let groups: Vec<_> = match value.get_ref().as_array() {
            Some(groups) => groups.iter().map(|group| words(desk, group)).collect(),
            None => Vec::new(),
        };
        let within = get(table, "within").and_then(|value| whole(desk, value)).map_or(30, |chars| chars.clamp(0, 2000));
        if groups.len() < 2 || groups.iter().any(Vec::is_empty) {
            let help = format!("write `{key} = [\"ポイント\", [\"返還\", \"返却\"]], within = 30`");
            desk.error(value.span(), format!("`{key}` wants two words or more"), help);
        } else {
            hows.push(How::Near { groups, within: usize::try_from(within).unwrap_or_default(), phrase });
        }
    }
    if let Some(pattern) = get(table, "regex").and_then(|value| text(desk, value)) {
        hows.push(How::Regex(pattern));
    }
    let bare_header = matches!(on, On::Header(_)) && get(table, "present").is_some();
    let tried = ["near", "phrase"].iter().any(|key| get(table, key).is_some());
    if hows.is_empty() && !bare_header && !tried {
        let help = "write `contains`, `all-of`, `near`, `phrase` or `regex`";
        desk.error(span, "no words to look for", help);
    }
    conds.extend(hows.into_iter().map(|how| Cond::Test(Test { how, ..test.clone() })));
}
