//! The schemas that editors use: they accept what modori accepts, and what they refuse modori refuses, too.

use super::book::snippets::Kind;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn schema(name: &str) -> Value {
    let text = std::fs::read_to_string(root().join("schema").join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The keywords of JSON Schema (draft 7) that are understood here; a schema with another one fails the test.
const KEYWORDS: &[&str] = &[
    "$schema", "title", "description", "default", "definitions", "$ref", "type", "const", "enum", "pattern",
    "minLength", "maxLength", "minimum", "maximum", "minItems", "items", "properties", "patternProperties",
    "additionalProperties", "required", "dependencies", "minProperties", "maxProperties", "allOf", "anyOf", "oneOf",
];

struct Checker<'s> {
    whole: &'s Value,
}

impl Checker<'_> {
    /// What is wrong with a value, each as `path: what`.
    fn wrong(&self, schema: &Value, value: &Value, path: &str) -> Vec<String> {
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let definition = self.whole.pointer(target.trim_start_matches('#')).unwrap_or_else(|| panic!("{target}"));
            return self.wrong(definition, value, path);
        }
        let mut wrong = Vec::new();
        for (keyword, rule) in schema.as_object().unwrap() {
            assert!(KEYWORDS.contains(&keyword.as_str()), "{path}: the check does not understand `{keyword}`");
            let holds = match keyword.as_str() {
                "type" => match rule {
                    Value::Array(kinds) => kinds.iter().any(|kind| is(kind, value)),
                    kind => is(kind, value),
                },
                "const" => rule == value,
                "enum" => rule.as_array().unwrap().contains(value),
                "pattern" => value.as_str().is_none_or(|text| matches(rule, text)),
                "minLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 >= rule.as_u64().unwrap()),
                "maxLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 <= rule.as_u64().unwrap()),
                "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
                "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
                "minItems" => value.as_array().is_none_or(|list| list.len() as u64 >= rule.as_u64().unwrap()),
                "minProperties" => value.as_object().is_none_or(|map| map.len() as u64 >= rule.as_u64().unwrap()),
                "maxProperties" => value.as_object().is_none_or(|map| map.len() as u64 <= rule.as_u64().unwrap()),
                "required" => value.as_object().is_none_or(|map| {
                    rule.as_array().unwrap().iter().all(|key| map.contains_key(key.as_str().unwrap()))
                }),
                "dependencies" => value.as_object().is_none_or(|map| {
                    let needed = rule.as_object().unwrap().iter().filter(|(key, _)| map.contains_key(*key));
                    needed
                        .flat_map(|(_, all)| all.as_array().unwrap())
                        .all(|key| map.contains_key(key.as_str().unwrap()))
                }),
                "anyOf" => rule.as_array().unwrap().iter().any(|one| self.wrong(one, value, path).is_empty()),
                "oneOf" => {
                    rule.as_array().unwrap().iter().filter(|one| self.wrong(one, value, path).is_empty()).count() == 1
                }
                "allOf" => rule.as_array().unwrap().iter().all(|one| self.wrong(one, value, path).is_empty()),
                _ => true,
            };
            if holds {
                continue;
            }
            // of several forms, the one that came furthest says best what is wrong
            let forms = if matches!(keyword.as_str(), "anyOf" | "oneOf") { rule.as_array() } else { None };
            let tried = forms.into_iter().flatten().map(|one| self.wrong(one, value, path));
            let deep =
                |list: &Vec<String>| list.first().map_or(0, |first| first.split(':').next().unwrap_or_default().len());
            match tried.filter(|list| !list.is_empty()).max_by_key(deep) {
                Some(list) => wrong.extend(list),
                None => wrong.push(format!("{path}: {value} breaks {keyword} {rule}")),
            }
        }
        if let (Some(items), Some(list)) = (schema.get("items"), value.as_array()) {
            for (n, item) in list.iter().enumerate() {
                wrong.extend(self.wrong(items, item, &format!("{path}/{n}")));
            }
        }
        if let Some(map) = value.as_object() {
            wrong.extend(map.iter().flat_map(|(key, value)| self.property(schema, key, value, path)));
        }
        wrong
    }

    fn property(&self, schema: &Value, key: &str, value: &Value, path: &str) -> Vec<String> {
        let path = format!("{path}/{key}");
        if let Some(property) = schema.get("properties").and_then(|all| all.get(key)) {
            return self.wrong(property, value, &path);
        }
        let patterns = schema.get("patternProperties").and_then(Value::as_object);
        if let Some((_, property)) =
            patterns.and_then(|all| all.iter().find(|(pattern, _)| matches(&json!(pattern), key)))
        {
            return self.wrong(property, value, &path);
        }
        match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => vec![format!("{path}: unknown key")],
            Some(other) if other.is_object() => self.wrong(other, value, &path),
            _ => Vec::new(),
        }
    }
}

fn is(kind: &Value, value: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("no type {other}"),
    }
}

fn matches(pattern: &Value, text: &str) -> bool {
    regex::Regex::new(pattern.as_str().unwrap()).unwrap().is_match(text)
}

fn wrong(schema: &Value, toml: &str) -> Vec<String> {
    let table: toml::Table = toml::from_str(toml).unwrap_or_else(|error| panic!("{error}\n{toml}"));
    Checker { whole: schema }.wrong(schema, &serde_json::to_value(table).unwrap(), "")
}

/// Every schema within a schema, with its path.
fn each<'s>(schema: &'s Value, path: &str, call: &mut dyn FnMut(&str, &'s Value)) {
    call(path, schema);
    for key in ["properties", "patternProperties", "definitions"] {
        for (name, inner) in schema.get(key).and_then(Value::as_object).into_iter().flatten() {
            each(inner, &format!("{path}/{name}"), call);
        }
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        for inner in schema.get(key).and_then(Value::as_array).into_iter().flatten() {
            each(inner, path, call);
        }
    }
    for inner in ["items", "additionalProperties"].iter().filter_map(|key| schema.get(*key)).filter(|s| s.is_object()) {
        each(inner, path, call);
    }
}

#[test]
fn every_key_is_described_and_every_reference_leads_somewhere() {
    for name in ["rules.schema.json", "config.schema.json"] {
        let schema = schema(name);
        each(&schema, name, &mut |path, inner| {
            for keyword in inner.as_object().unwrap().keys() {
                assert!(KEYWORDS.contains(&keyword.as_str()), "{path}: {keyword}");
            }
            for (key, property) in inner.get("properties").and_then(Value::as_object).into_iter().flatten() {
                let target = property.get("$ref").and_then(Value::as_str).map(|target| {
                    schema.pointer(target.trim_start_matches('#')).unwrap_or_else(|| panic!("{path}: {target}"))
                });
                let text = target.unwrap_or(property).get("description").and_then(Value::as_str).unwrap_or_default();
                assert!(!text.is_empty(), "{path}/{key} has no description");
            }
        });
    }
}

#[test]
fn the_shipped_rules_and_the_example_configuration_fit() {
    let rules = schema("rules.schema.json");
    let mut files = 0;
    for file in std::fs::read_dir(root().join("rules")).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_some_and(|extension| extension == "toml") {
            files += 1;
            assert_eq!(wrong(&rules, &std::fs::read_to_string(&file).unwrap()), [""; 0], "{}", file.display());
        }
    }
    assert!(files >= 6);
    let config = std::fs::read_to_string(root().join("docs/config.example.toml")).unwrap();
    assert_eq!(wrong(&schema("config.schema.json"), &config), [""; 0]);
}

#[test]
fn what_the_documents_show_fits() {
    let (rules, config) = (schema("rules.schema.json"), schema("config.schema.json"));
    let mut seen = 0;
    for fence in super::book::snippets::blocks() {
        for piece in super::book::snippets::pieces(&fence.text) {
            let table: toml::Table = toml::from_str(&piece).unwrap_or_else(|error| panic!("{error}\n{piece}"));
            let problems = match super::book::snippets::kind(&table) {
                Kind::Rules => {
                    let head = if table.contains_key("category") { "" } else { "category = \"restock\"\n" };
                    wrong(&rules, &format!("{head}{piece}"))
                }
                Kind::Config => wrong(&config, &piece),
                Kind::Conditions => {
                    let rule = toml::Table::from_iter([("name".to_owned(), "x".into())].into_iter().chain(table));
                    let rule = serde_json::to_value(rule).unwrap();
                    Checker { whole: &rules }.wrong(&rules["definitions"]["rule"], &rule, "")
                }
                Kind::Wanted | Kind::Expected | Kind::Other => continue,
            };
            assert_eq!(problems, [""; 0], "{}\n{piece}", fence.place);
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen} blocks found");
}

#[test]
fn mistakes_are_refused_by_schema_and_modori_alike() {
    let rules = schema("rules.schema.json");
    for (text, fits) in [
        ("", true),
        ("category = \"a\"\n[[rule]]\nname = \"x\"\nsubject = \"y\"\n", true),
        ("category = \"a\"\n[[rule]]\nname = \"x\"\nsubjcet = \"y\"\n", false),
        ("category = \"a\"\n[[rule]]\nname = \"x\"\nsubject = 5\n", false),
        ("category = \"a\"\n[[rule]]\nname = \"x\"\nsubject = []\n", false),
        ("category = \"a\"\n[[rule]]\nname = \"x\"\nsubject = { contians = \"y\" }\n", false),
        ("category = \"a\"\n[[rule]]\nname = \"x\"\nbody = { near = [\"y\"] }\n", false),
        (
            "category = \"a\"\n[[rule]]\nname = \"x\"\nbody = { near = [\"y\", [\"z\"]], within = 5, negated = \"any\" }\n",
            true,
        ),
        (
            "category = \"a\"\n[[rule]]\nname = \"x\"\nnot = [{ any = [{ trust = \"verified\" }, { size-over = \"2 MB\" }] }]\n",
            true,
        ),
        ("category = \"a\"\n[[rule]]\nname = \"x\"\nsize-over = \"5 lbs\"\n", false),
        ("category = \"a\"\n[[rule]]\nname = \"x\"\ntrust = \"sure\"\n", false),
        ("category = \"a\"\n[[rule]]\nname = \"x\"\nfact = \"order_nmber\"\n", false),
        ("category = \"a\"\n[[rule]]\nname = \"x\"\nfact = [\"order_number\", \"cancelled:pending\"]\n", true),
        ("category = \"a\"\n[[rule]]\nname = \"x\"\nfact = \"points-return:done\"\n", true),
        ("category = \"a\"\n[[rule]]\nname = \"x\"\nheader = { contains = \"y\" }\n", false),
        ("category = \"a\"\n[[rule]]\nname = \"x\"\nheader = { name = \"X-Y\", present = true }\n", true),
        ("category = \"a\"\n[[rule]]\nsubject = \"y\"\n", false),
        ("[[rule]]\nname = \"x\"\nsubject = \"y\"\n", false),
        ("category = \"a b\"\n[[rule]]\nname = \"x\"\nsubject = \"y\"\n", false),
        ("category = \"a\"\nfolder = \"x//y\"\n", false),
        ("category = \"a\"\npriority = \"urgnt\"\n", false),
        ("category = \"a\"\n[[example]]\nfrom = \"x@y\"\n", false),
        ("[[extract]]\nname = \"x\"\nform = \"doen\"\ntext = '(?<points_return>1)'\n", false),
        ("[[extract]]\nname = \"x\"\nform = \"done\"\ntext = { regex = '(?<points_return>1)', in = \"new\" }\n", true),
        ("[[extract]]\nname = \"x\"\nform = \"done\"\ntext = '(?<points_return>1)'\nknows-order = true\n", false),
        ("[[extract]]\nname = \"x\"\nenabled = false\n", true),
        ("[[extract]]\ntext = '(?<total_yen>1)'\n", false),
    ] {
        assert_eq!(wrong(&rules, text).is_empty(), fits, "the schema: {text}\n{:?}", wrong(&rules, text));
        let loaded = modori::rules::RuleSet::load(&[modori::rules::Source::new("mine.toml", text)]);
        assert_eq!(loaded.is_ok(), fits, "modori: {text}\n{:?}", loaded.err());
    }
    let config = schema("config.schema.json");
    let account = "[[account]]\nhost = \"imap.example.jp\"\nuser = \"me\"\npassword = { env = \"P\" }\n";
    let oauth = "[[account]]\nuser = \"hanako@gmail.com\"\n";
    for (text, fits) in [
        (account.to_owned(), true),
        (format!("[ledger]\nlook_hour = 9\ncalendar = {{ holidays = [\"2026-12-28\"] }}\n{account}"), true),
        (account.replace("env", "evn"), false),
        (account.replace("env = \"P\"", "env = \"P\", file = \"x\""), false),
        (format!("{account}security = \"ssl\"\n"), false),
        (format!("{account}[account.pace]\npoll_every = \"1m\"\n"), true),
        (format!("{account}[filing]\nmode = \"mvoe\"\n"), false),
        (format!("{account}[filing]\nflag_cases = false\nflag_look_every = \"5m\"\nflag_apart = \"1m\"\n"), true),
        (format!("{account}[filing]\nflag_cases = \"no\"\n"), false),
        (format!("{account}[channel.x]\nkind = \"pager\"\n"), false),
        (format!("{account}[channel.x]\nkind = \"ntfy\"\ntopic = \"t\"\n"), true),
        (format!("{account}[channel.x]\nkind = \"ntfy\"\ntopic = \"t\"\nargv = [\"a\"]\n"), false),
        (format!("{account}[channel.x]\nkind = \"ntfy\"\n"), false),
        (format!("{account}[channel.x]\nkind = \"webhook\"\nurl = \"http://example.jp/\"\n"), false),
        (format!("{account}[channel.x]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:80/\"\n"), true),
        (format!("{account}[channel.x]\nkind = \"smtp\"\nhost = \"h\"\nfrom = \"a@b.jp\"\nto = [\"a@b.jp\"]\n"), true),
        (format!("{account}[channel.x]\nkind = \"smtp\"\nhost = \"h\"\nfrom = \"a@b.jp\"\nto = []\n"), false),
        (format!("{account}[alerts.repeat]\nevery = \"1m\"\nfor = \"5m\"\nopened = false\n"), true),
        (format!("{account}[alerts.repeat]\nevry = \"1m\"\n"), false),
        (format!("{account}[alerts.repeat]\ncategories = []\n"), false),
        (format!("{account}[web]\nlisten = \"127.0.0.1:8580\"\npublic_url = \"https://home.example.jp\"\n"), true),
        (format!("{account}[web]\nlisten = \"127.0.0.1:8580\"\n"), true),
        (format!("{account}[web]\n"), true),
        (format!("{account}[web]\nlisten = \"8580\"\n"), false),
        (format!("{account}[channel.x]\nkind = \"desktop\"\n"), true),
        (format!("{account}[channel.x]\nkind = \"desktop\"\nargv = [\"a\"]\n"), false),
        (format!("{account}[channel.x]\nkind = \"ntfy\"\ntopic = \"t\"\nuser = \"u\"\n"), false),
        (format!("{account}[channel.x]\nkind = \"ntfy\"\ntopic = \"t\"\nack_topic = \"a\"\ntags = [\"tada\"]\n"), true),
        (format!("{account}[channel.x]\nkind = \"ntfy\"\ntopic = \"t\"\ntags = [\"a,b\"]\n"), false),
        (format!("{account}[channel.x]\nkind = \"pushover\"\nuser = \"u\"\ntoken = {{ env = \"T\" }}\n"), true),
        (format!("{account}[channel.x]\nkind = \"pushover\"\nuser = \"u\"\n"), false),
        (format!("{account}[channel.x]\nkind = \"pushover\"\ntoken = {{ env = \"T\" }}\n"), false),
        (format!("{account}[channel.x]\nkind = \"line\"\ntoken = {{ env = \"T\" }}\nto = [\"@name\"]\n"), false),
        (
            format!("{account}[channel.x]\nkind = \"webhook\"\nurl = \"https://a.example/\"\ntemplate = \"slack\"\n"),
            true,
        ),
        (
            format!("{account}[channel.x]\nkind = \"webhook\"\nurl = \"https://a.example/\"\ntemplate = \"slak\"\n"),
            false,
        ),
        (
            format!(
                "{account}[channel.x]\nkind = \"webhook\"\nurl = \"https://a.example/\"\nheaders = {{ X-A = \"\\n\" }}\n"
            ),
            false,
        ),
        (format!("{account}from = \"hanako@example.jp\"\n"), true),
        (format!("{oauth}[account.oauth]\nclient_id = \"c\"\n"), true),
        (format!("{oauth}[account.oauth]\nclient_id = \"\"\n"), false),
        (format!("{oauth}[account.oauth]\nflow = \"loopback\"\n"), false),
        (
            format!(
                "{oauth}[account.oauth]\nclient_id = \"c\"\nclient_secret = {{ env = \"S\" }}\nflow = \"loopback\"\n\
                 authorize_url = \"https://a/\"\ntoken_url = \"http://127.0.0.1/\"\ndevice_url = \"https://a/\"\n\
                 scopes = [\"a\"]\nparameters = {{ prompt = \"x\" }}\nredirect_port = 4711\ntokens = \"t\"\nca_file = \"c\"\n"
            ),
            true,
        ),
        (format!("{oauth}[account.oauth]\nclient_id = \"c\"\nload = [\"l\"]\nsave = [\"s\"]\n"), true),
        (format!("{oauth}[account.oauth]\nclient_id = \"c\"\nload = []\nsave = []\n"), false),
        (format!("{oauth}[account.oauth]\nclient_id = \"c\"\nscopes = [\"a b\"]\n"), false),
        (format!("{oauth}[account.oauth]\nclient_id = \"c\"\nscopes = []\n"), false),
        (format!("{oauth}[account.oauth]\nclient_id = \"c\"\nflow = \"browser\"\n"), false),
        (format!("{oauth}[account.oauth]\nclient_id = \"c\"\nredirect_port = 70000\n"), false),
        (format!("{oauth}[account.oauth]\nclient_id = \"c\"\ntoken_url = \"id.example.jp\"\n"), false),
        (format!("{oauth}[account.oauth]\nclient_id = \"c\"\nparameters = {{ prompt = 1 }}\n"), false),
        (format!("{account}from = \"Hanako <hanako@example.jp>\"\n"), false),
        (format!("{account}[replies]\nname = \"楽天 花子\"\na_day = 3\n[replies.send]\nask-shop = true\n"), true),
        (format!("{account}[replies]\nname = \"Hanako <h@example.jp>\"\n"), false),
        (format!("{account}[replies]\na_day = 0\n"), false),
        (format!("{account}[replies]\noldest_days = 1000\n"), false),
        (format!("{account}[replies.send]\nask-rakuten = true\n"), false),
        (format!("{account}[replies]\nlanguage = \"fr\"\n"), false),
        (format!("version = 2\n{account}"), false),
        (format!("state = \"/x\"\nlanguage = \"en\"\n{account}"), true),
    ] {
        assert_eq!(wrong(&config, &text).is_empty(), fits, "the schema: {text}\n{:?}", wrong(&config, &text));
        let parsed = modori::edge::config::Config::parse(Path::new("/etc/modori/config.toml"), &text);
        assert_eq!(parsed.is_ok(), fits, "modori: {text}\n{:?}", parsed.err().map(|broken| broken.to_string()));
    }
}
