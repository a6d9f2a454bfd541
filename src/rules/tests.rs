//! The rules room, tried as a whole.

mod explaining;
mod extracting;
mod inheriting;
mod judging;
mod layers;
mod schema;

use super::*;

fn show(found: &[Diagnostic]) -> String {
    found.iter().map(|found| found.render(false) + "\n\n").collect()
}

#[test]
fn the_shipped_rules_are_clean_and_their_examples_hold() {
    let report = check(&[]);
    assert!(report.diagnostics.is_empty(), "{}", show(&report.diagnostics));
    assert!(report.passed() >= 30, "{} examples", report.passed());
    assert_eq!(report.failed(), 0);
}

#[test]
fn rules_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&RuleSet::default());
}

/// The shipped rules and a file of examples.
fn with_examples(text: &str) -> Report {
    checked(RuleSet::build(&[&RuleSet::shipped_sources(), &[Source::new("wordings.toml", text)]]))
}

#[test]
fn wordings_of_many_shops_are_understood() {
    let report = with_examples(include_str!("tests/wordings.toml"));
    assert!(report.diagnostics.is_empty(), "{}", show(&report.diagnostics));
    assert!(report.examples.len() > 80);
}

/// Diagnostics of one file standing alone, as `line:column severity: message (help)`.
fn said(text: &str) -> Vec<String> {
    let source = Source::new("mine.toml", text);
    let found = match RuleSet::build(&[&[source]]) {
        Ok(rules) => rules.warnings().to_vec(),
        Err(found) => found,
    };
    let line = |found: &Diagnostic| {
        let severity = format!("{:?}", found.severity).to_lowercase();
        format!("{}:{} {severity}: {} ({})", found.line, found.column, found.message, found.help)
    };
    found.iter().map(line).collect()
}

#[test]
fn mistakes_are_named_with_their_place() {
    let example = "[[example]]\nfrom = \"a@example.jp\"\nsubject = \"x\"\n";
    for (text, expect) in [
        ("", &[][..]),
        ("# 何もない\n", &[]),
        (
            "category = \"amiami\"\n[[rule]]\nname = \"a\"\nsubjcet = \"再入荷\"\nfrom = \"x@y.jp\"\n",
            &["4:1 error: unknown key `subjcet` (did you mean `subject`?)"],
        ),
        (
            "category = \"a\"\n[[rule]]\nname = \"a\"\nsubject = { contians = \"再\" }\n",
            &["4:13 error: unknown key `contians` (did you mean `contains`?)", "no words to look for"],
        ),
        (
            "category = \"a\"\n[[rule]]\nname = \"全角の名前\"\nsubject = { regex = \"(再入荷\" }\n",
            &["4:21 error: bad regex: unclosed group"],
        ),
        (
            "category = \"a\"\n[[rule]]\nname = \"a\"\nsubject = { regex = '\\p{Lu}+' }\n",
            &["4:21 error: this regex can never match: texts are compared in lower case"],
        ),
        (
            "category = \"a\"\n[[rule]]\nname = \"a\"\nbody = { regex = '(?:a{1000}){1000}' }\n",
            &["4:18 error: this regex becomes too large"],
        ),
        (
            "category = \"a\"\n[[rule]]\nname = \"a\"\nbody = { regex = '\\bポイント\\b' }\n",
            &["4:18 warning: `\\b` next to a Japanese letter"],
        ),
        (
            "category = \"a\"\n[[rule]]\nname = \"a\"\nsubject = 5\n",
            &["4:11 error: expected a text or a list of texts, found a number"],
        ),
        ("category = \"a\"\n[[rule]]\nname = \"a\"\nsubject = []\n", &["4:11 error: an empty list matches nothing"]),
        (
            "category = \"a\"\n[[rule]]\nname = \"a\"\nsubject = \" \"\n",
            &["4:11 error: an empty word would match every mail"],
        ),
        ("category = \"a\"\n[[rule]]\nname = \"a\"\n", &["3:8 error: the rule `a` has no condition"]),
        ("category = \"a\"\n[[rule]]\nsubject = \"a\"\n", &["2:1 error: a rule without a name"]),
        ("[[rule]]\nname = \"a\"\nsubject = \"x\"\n", &["2:8 error: the file names no category"]),
        ("category = \"a\"\nfolder = \"楽天//x\"\n", &["2:10 error: not a folder name"]),
        (
            "category = \"a\"\npriority = \"urgnt\"\n",
            &["2:12 error: `urgnt` is no priority (did you mean \"urgent\"?)"],
        ),
        ("category = \"a\nfolder = 1", &["1:14 error: "]),
        (
            "category = \"a\"\n[[rule]]\nname = \"a\"\nsubject = \"x\"\n[[rule]]\nname = \"a\"\nsubject = \"y\"\n",
            &["6:8 error: a second rule named `a` (the first stands in mine.toml; rename one of them)"],
        ),
        (
            "category = \"a\"\n[[rule]]\nname = \"a\"\nfact = \"order_nmber\"\n",
            &["4:8 error: unknown fact `order_nmber` (did you mean `order_number`?)"],
        ),
        (
            "category = \"a\"\n[[rule]]\nname = \"a\"\nfact = \"cancelled:maybe\"\n",
            &["4:8 error: `cancelled` has no value `maybe` (one of: confirmed, claimed, pending, requested, partial)"],
        ),
        (
            "category = \"a\"\n[[rule]]\nname = \"a\"\nthreshold = 9\nscore = [{ weight = 2, subject = \"x\" }]\n",
            &["4:13 error: this rule can never match: all its weights together give 2"],
        ),
        (
            "category = \"a\"\n[[rule]]\nname = \"a\"\nscore = [{ weight = 2, subject = \"x\" }]\n",
            &["3:8 error: the rule `a` has scores but no threshold (add `threshold = …`; all weights together give 2)"],
        ),
        (
            "category = \"a\"\n[[rule]]\nname = \"a\"\nsubject = \"x\"\n",
            &["1:12 warning: the category `a` has no example"],
        ),
        (
            "category = \"a\"\n[[rule]]\nname = \"a\"\nheader = { contains = \"x\" }\n",
            &["4:10 error: which header is meant?"],
        ),
        ("category = \"a\"\n[[rule]]\nname = \"a\"\ntrust = \"sure\"\n", &["4:9 error: `sure` is no trust level"]),
        ("category = \"a\"\n[[rule]]\nname = \"a\"\nsize-over = \"5 lbs\"\n", &["4:13 error: not a size"]),
        (
            "category = \"a\"\n[[rule]]\nname = \"a\"\nbody = { near = [\"x\"] }\n",
            &["4:17 error: `near` wants two words or more"],
        ),
        ("category = \"a\"\n[[example]]\nfrom = \"x@y\"\n", &["2:1 error: an example wants `from` and `subject`"]),
    ] {
        let found = said(text);
        for expect in expect {
            assert!(found.iter().any(|found| found.contains(expect)), "{text}\nwanted {expect}\ngot {found:#?}");
        }
        assert!(!expect.is_empty() || found.is_empty(), "{text}: {found:#?}");
    }
    let words = format!(
        "category = \"a\"\n[[rule]]\nname = \"a\"\nsubject = [\"再入荷\", \"ＡＢ再入荷\", \"再入荷\"]\n{example}"
    );
    let found = said(&words);
    assert!(found[0].contains("4:19 warning: `ＡＢ再入荷` decides nothing here"), "{found:#?}");
    assert!(found[1].contains("4:28 warning: `再入荷` decides nothing here"), "{found:#?}");
}

#[test]
fn a_mistake_is_shown_with_its_line() {
    let text = "category = \"restock\"\n\n[[rule]]\nname = \"amiami\"\nsubjcet = \"再入荷\" # 件名\n";
    let Err(found) = RuleSet::load(&[Source::new("rules.d/mine.toml", text)]) else { panic!("accepted") };
    let shown = show(&found[..1]);
    let expect = "\
error: unknown key `subjcet`
 --> rules.d/mine.toml:5:1
  |
5 | subjcet = \"再入荷\" # 件名
  | ^^^^^^^
  |
  = help: did you mean `subject`?";
    assert_eq!(shown.trim(), expect);
}

#[test]
fn folders_shared_and_rules_shadowed_are_noticed() {
    let one = "category = \"one\"\nfolder = \"楽天/同じ\"\n[[rule]]\nname = \"a\"\nsubject = \"x\"\n[[rule]]\nname = \"b\"\nsubject = \"x\"\n";
    let two = "category = \"two\"\nfolder = \"楽天/同じ\"\n[[rule]]\nname = \"c\"\nsubject = \"x\"\n";
    let layers = [Source::new("one.toml", one), Source::new("two.toml", two)];
    let rules = RuleSet::build(&[&layers]).unwrap_or_else(|found| panic!("{}", show(&found)));
    let shown = show(rules.warnings());
    for piece in [
        "`楽天/同じ` is also the folder of `one`",
        "two.toml:2:10",
        "`b` asks for the same as `a`, so one of them never decides",
        "`c` asks for the same as `a` of another category",
    ] {
        assert!(shown.contains(piece), "{piece}\n{shown}");
    }
}
