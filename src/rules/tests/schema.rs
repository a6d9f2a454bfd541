//! The schema for editors knows exactly the keys and words that the parser knows.

use crate::rules::syntax::FACTS;
use crate::rules::{capture, example, extract, parse};
use serde_json::Value;
use std::collections::BTreeSet;

fn schema() -> Value {
    serde_json::from_str(crate::rules::SCHEMA).unwrap()
}

fn keys(schema: &Value, at: &str) -> BTreeSet<String> {
    let table = schema.pointer(at).and_then(Value::as_object).unwrap_or_else(|| panic!("{at} is missing"));
    table.keys().cloned().collect()
}

#[test]
fn the_schema_and_the_parser_know_the_same_keys() {
    let schema = schema();
    let of = |lists: &[&[&str]]| lists.concat().iter().map(|key| (*key).to_owned()).collect::<BTreeSet<String>>();
    for (at, known) in [
        ("/properties", of(&[parse::FILE_KEYS])),
        ("/definitions/rule/properties", of(&[parse::RULE_KEYS, parse::COND_KEYS])),
        ("/definitions/condition/properties", of(&[parse::COND_KEYS])),
        ("/definitions/scored-condition/properties", of(&[parse::WEIGHT_KEYS, parse::COND_KEYS])),
        ("/definitions/text-test/properties", of(&[parse::TEST_KEYS])),
        ("/definitions/header-test/properties", of(&[parse::TEST_KEYS, parse::HEADER_KEYS])),
        ("/definitions/extract-text/properties", of(&[extract::TEXT_KEYS])),
        ("/definitions/example/properties", of(&[example::KEYS])),
    ] {
        assert_eq!(keys(&schema, at), known, "{at}: change schema/rules.schema.json, too");
    }
    let mut extractor = of(&[extract::KEYS, parse::COND_KEYS]);
    extractor.remove("knows-order"); // known to the parser, which says why it is refused
    assert_eq!(keys(&schema, "/definitions/extract/properties"), extractor);
}

#[test]
fn the_schema_and_the_parser_know_the_same_facts() {
    let schema = schema();
    let words = |at: &str| -> Vec<String> {
        let list = schema.pointer(at).and_then(Value::as_array).unwrap_or_else(|| panic!("{at} is missing"));
        list.iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let mut facts = Vec::new();
    for (fact, values) in FACTS {
        facts.push((*fact).to_owned());
        facts.extend(values.iter().map(|value| format!("{fact}:{value}")));
    }
    assert_eq!(words("/definitions/fact-name/anyOf/0/enum"), facts);
    let values = |fact: &str| FACTS.iter().find(|(name, _)| *name == fact).unwrap().1.to_vec();
    assert_eq!(words("/definitions/extract/properties/form/enum"), values("points_return"));
    assert_eq!(words("/definitions/extract/properties/role/enum"), values("coupon"));
    let shown: BTreeSet<String> = FACTS
        .iter()
        .map(|(name, _)| *name)
        .chain(capture::KEYS.iter().map(|(name, _)| *name))
        .map(str::to_owned)
        .collect();
    assert_eq!(keys(&schema, "/definitions/example/properties/facts/properties"), shown);
    let text = schema.pointer("/definitions/extract/properties/text/description").and_then(Value::as_str).unwrap();
    for (name, _) in capture::KEYS {
        assert!(text.contains(name), "the description of `text` does not name {name}");
    }
    assert_eq!(words("/definitions/labels/anyOf/0/enum"), crate::rules::compile::LABELS);
}
