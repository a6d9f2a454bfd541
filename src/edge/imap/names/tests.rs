//! Names there and back, for every kind of server.

use super::super::response::{self, Response};
use super::*;
use proptest::prelude::*;

fn names(prefix: &str, delimiter: impl Into<Option<char>>, utf8: bool) -> Names {
    Names::new(prefix, delimiter.into(), utf8)
}

fn listed(wires: &[&'static str], delimiter: char) -> Vec<Listed<'static>> {
    wires.iter().map(|wire| Listed { wire, delimiter: Some(delimiter) }).collect()
}

#[test]
fn names_are_written_as_each_server_has_them() {
    let check = |names: &Names, name: &str, wire: &str, back: &str| {
        assert_eq!(names.wire(name), wire, "{name} {names:?}");
        assert_eq!(names.plain(wire), back, "{wire} {names:?}");
    };
    let usual = names("", '/', false);
    check(&usual, "楽天/再入荷", "&aX1ZKQ-/&UY1RZYN3-", "楽天/再入荷");
    check(&usual, "inbox", "INBOX", "INBOX");
    check(&usual, "Inbox/下", "INBOX/&Tgs-", "INBOX/下");
    check(&usual, "INBOXES", "INBOXES", "INBOXES");
    check(&usual, "&AOQ-", "&-AOQ-", "&AOQ-");
    check(&usual, "a.b", "a.b", "a.b");

    let below = names("INBOX.", '.', false);
    check(&below, "楽天/再入荷", "INBOX.&aX1ZKQ-.&UY1RZYN3-", "楽天/再入荷");
    check(&below, "INBOX", "INBOX", "INBOX");
    check(&below, "INBOXES", "INBOX.INBOXES", "INBOXES");
    // as her mail program shows them
    check(&below, "INBOX.楽天", "INBOX.&aX1ZKQ-", "楽天");
    check(&below, "inbox.楽天.再入荷", "INBOX.&aX1ZKQ-.&UY1RZYN3-", "楽天/再入荷");
    check(&below, "INBOX.楽天/再入荷", "INBOX.&aX1ZKQ-.&UY1RZYN3-", "楽天/再入荷");
    check(&below, "INBOX/楽天", "INBOX.&aX1ZKQ-", "楽天");
    // INBOX below INBOX is not INBOX
    check(&below, "INBOX/INBOX", "INBOX.INBOX", "INBOX/INBOX");
    check(&below, "INBOX/INBOX/a", "INBOX.INBOX.a", "INBOX/INBOX/a");
    // a dot within a level would make two of it
    check(&below, "v1.0/a", "INBOX.v1_0.a", "v1_0/a");
    // a level that holds a slash is one level
    assert_eq!(below.plain("INBOX.a/b"), "a∕b");

    let beside = names("", '.', true);
    check(&beside, "楽天/再入荷", "楽天.再入荷", "楽天/再入荷");
    check(&beside, "&AOQ-", "&AOQ-", "&AOQ-");
    check(&beside, "a&b", "a&b", "a&b");

    let mail = names("Mail/", '/', false);
    check(&mail, "a", "Mail/a", "a");
    check(&mail, "Mail", "Mail/Mail", "Mail");
    check(&mail, "Mailing", "Mail/Mailing", "Mailing");
    check(&mail, "Mail/a", "Mail/a", "a");
    check(&mail, "Mail/Mail/a", "Mail/Mail/a", "Mail/Mail/a");

    // a prefix of base64 and the first letters of an encoded name have nothing to do with each other
    let odd = names("&aX0-.", '.', false);
    check(&odd, "楽天", "&aX0-.&aX1ZKQ-", "楽天");
    check(&names("~", '/', false), "楽天", "~&aX1ZKQ-", "楽天");

    let flat = names("", None, false);
    check(&flat, "楽天/再入荷", "&aX1ZKQ-_&UY1RZYN3-", "楽天_再入荷");
    check(&names("", '_', false), "a_b/c", "a-b_c", "a-b/c");
    check(&names("INBOX", '.', false), "楽天", "INBOX.&aX1ZKQ-", "楽天");
    check(&names("", '\\', false), "a\\b/c", "a_b\\c", "a_b/c");
    assert_eq!(names("", '\n', true).wire("a/b\r\nx"), "a_b__x", "what could end a line is no delimiter");
}

#[test]
fn a_folder_called_nil_is_a_folder() {
    for line in ["* LIST () \".\" nil", "* LIST () \".\" \"nil\"", "* LIST () \".\" {3}\r\nnil"] {
        let Response::List { name, .. } = response::read(line.as_bytes()) else { panic!("{line}") };
        assert_eq!(name, "nil");
    }
}

#[test]
fn a_listed_folder_is_meant_by_the_name_it_was_listed_under() {
    // in pieces, raw UTF-8, base64 over an `&`, another namespace, a slash within a level
    let wires = ["INBOX.&MEswmQ-", "INBOX.Entwürfe", "INBOX.&MEIAJg-", "shared.x", "INBOX.a/b", "INBOX", "Inbox.c"];
    let mut here = names("INBOX.", '.', false);
    let told = here.learn(&listed(&wires, '.'));
    assert_eq!(told, ["が", "Entwürfe", "あ&", "shared/x", "a∕b", "INBOX", "c"]);
    for (name, wire) in told.iter().zip(wires) {
        assert_eq!(here.wire(name), wire);
    }
    here.forget("が");
    assert_eq!(here.wire("が"), "INBOX.&MEw-");

    // of two that look alike each keeps a name of its own
    let mut both = names("", '/', true);
    let told = both.learn(&listed(&["か\u{3099}", "が"], '/'));
    assert_eq!(told, ["か\u{3099}", "が"]);
    assert_eq!((both.wire("か\u{3099}").as_str(), both.wire("が").as_str()), ("か\u{3099}", "が"));
}

#[test]
fn a_folder_is_recognised_under_another_spelling_before_it_is_made_twice() {
    let recognise = |utf8: bool, name: &str, wires: &[&'static str]| {
        let mut here = names("", '/', utf8);
        here.recognise(name, &listed(wires, '/')).then(|| (here.wire(name), here.in_utf8()))
    };
    let is = |wire: &str, utf8: bool| Some((wire.to_owned(), utf8));
    assert_eq!(recognise(false, "が", &["&MEw-", "&MEswmQ-"]), is("&MEw-", false), "the usual one first");
    assert_eq!(recognise(false, "が", &["x", "&MEswmQ-"]), is("&MEswmQ-", false), "in pieces");
    assert_eq!(recognise(false, "が", &["が"]), is("が", false), "raw");
    assert_eq!(recognise(true, "か\u{3099}/x", &["か\u{3099}/x"]), is("か\u{3099}/x", true));
    assert_eq!(recognise(false, "か", &["&MEw-", "&MEswmQ-"]), None, "another letter");
    // promised UTF-8, and still writes modified UTF-7
    assert_eq!(recognise(true, "ä", &["INBOX", "&AOQ-"]), is("&AOQ-", false));
    // here `&AOQ-` is called so
    assert_eq!(recognise(true, "ä", &["下書き", "&AOQ-"]), None);
    assert_eq!(recognise(true, "a&b", &["INBOX", "a&-b"]), is("a&-b", false));
    assert_eq!(recognise(true, "abc", &["INBOX", "ABC"]), None);
}

#[test]
fn two_folders_that_would_be_one_are_told_apart_from_one_that_is_written_twice() {
    let dots = names("INBOX.", '.', false);
    assert!(dots.run_together("a.b", "a_b") && dots.run_together("v1.0/x", "v1_0/x"));
    assert!(!dots.run_together("a.b", "a/b"));
    for (one, other) in [("INBOX.a", "a"), ("INBOX/a", "a"), ("INBOX", "inbox"), ("が", "か\u{3099}"), ("a.b", "a.b")]
    {
        assert!(!dots.run_together(one, other), "{one} {other}");
    }
    assert!(names("", None, false).run_together("a/b", "a_b"));
    assert!(!names("", '/', false).run_together("a.b", "a_b"));
}

fn some_delimiter() -> impl Strategy<Value = Option<char>> {
    prop_oneof![
        Just(Some('/')),
        Just(Some('.')),
        Just(Some('\\')),
        Just(Some('^')),
        Just(Some('_')),
        Just(None),
        proptest::char::any().prop_map(Some)
    ]
}

fn some_prefix() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), Just("INBOX".to_owned()), Just("INBOX.".to_owned()), "Mail.", "[a-z~#&楽.]{0,4}"]
}

/// A level of a name: what people write, and what hurts.
fn some_level() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~&&[^/]]{1,12}",
        "[ぁ-んァ-ヶ一-龯]{1,12}",
        "[か゛\u{3099}が&🛒🍀\"\\\\%*{}()~+,. -]{1,8}",
        "\\PC{1,8}"
    ]
}

proptest! {
    #[test]
    fn what_can_be_written_comes_back(
        levels in proptest::collection::vec(some_level(), 1..4),
        delimiter in prop_oneof![Just('/'), Just('.'), Just('\\'), Just('^'), Just('_')],
        prefix in prop_oneof![Just(""), Just("INBOX"), Just("Mail")],
        utf8: bool,
    ) {
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}{delimiter}") };
        let name: String = levels.join("/").nfc().collect();
        // what the shopper may write shorter is shown shorter
        let aliased = levels.first().is_some_and(|first| ["inbox", "mail"].contains(&first.to_lowercase().as_str()));
        prop_assume!(!levels.iter().any(|level| level.contains('/') || level.nfc().any(unfit)) && !aliased);
        prop_assume!(delimiter == '/' || !name.contains(delimiter));
        let here = Names::new(&prefix, Some(delimiter), utf8);
        let wire = here.wire(&name);
        prop_assert_eq!(here.plain(&wire), name.clone());
        // and a server that has been asked tells the same
        let mut there = Names::new(&prefix, Some(delimiter), utf8);
        let told = there.learn(&[Listed { wire: &wire, delimiter: Some(delimiter) }]);
        prop_assert_eq!(told, vec![name.clone()]);
        prop_assert_eq!(there.wire(&name), wire);
    }

    #[test]
    fn nothing_goes_out_that_could_end_a_command(
        name in prop_oneof![some_level(), "(.|\n|\r|\0|/){0,20}"],
        delimiter in some_delimiter(),
        prefix in some_prefix(),
        utf8: bool,
    ) {
        let here = Names::new(&prefix, delimiter, utf8);
        let wire = here.wire(&name);
        prop_assert!(!wire.chars().any(|c| c.is_control()), "{wire:?}");
        prop_assert!(utf8 || wire.is_ascii());
        prop_assert!(!wire.is_empty() || name.is_empty());
        // a name that was shown once does not change when it is shown again
        let shown = here.plain(&wire);
        prop_assert_eq!(here.wire(&shown), wire, "{}", shown);
    }

    #[test]
    fn any_bytes_about_folders_are_read_within_bounds(
        word in prop_oneof![Just("LIST"), Just("STATUS"), Just("NAMESPACE"), Just("ENABLED"), Just("LSUB")],
        rest in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..120),
            // nearly what is expected
            "(\\(|\\)| |\"|\\\\|NIL|nil|/|\\.|INBOX|&AOQ-|が|[{]3[}]\r\n|~[{]2[}]\r\n|\\[|\\]|1|UIDNEXT|\0){0,24}"
                .prop_map(String::into_bytes),
        ],
        utf8: bool,
    ) {
        let line = [b"* ", word.as_bytes(), b" ", &rest].concat();
        let response = response::read(&line);
        prop_assert!(response.weight() <= 64 * line.len() + 1024);
        match response {
            Response::List { delimiter, name, .. } => {
                let mut here = Names::new("INBOX.", delimiter, utf8);
                let one = [Listed { wire: &name, delimiter }];
                let told = here.learn(&one);
                prop_assert_eq!(told.len(), 1);
                prop_assert!(told[0].len() <= 4 * line.len() + 8);
            }
            Response::Namespace { prefix, delimiter } => {
                let here = Names::new(&prefix, delimiter, utf8);
                prop_assert!(!here.wire("楽天/再入荷").chars().any(char::is_control));
            }
            _ => {}
        }
    }

    #[test]
    fn whatever_a_server_lists_is_asked_for_as_it_listed_it(
        wires in proptest::collection::btree_set(
            prop_oneof!["INBOX", "[ -~]{1,12}", "[a-c./&楽∕_か\u{3099}が]{1,6}", "INBOX[./][a-c./∕]{1,4}", ".{1,8}"], 0..12),
        delimiter in some_delimiter(),
        prefix in some_prefix(),
        utf8: bool,
    ) {
        let mut here = Names::new(&prefix, delimiter, utf8);
        let listed: Vec<Listed<'_>> = wires.iter().map(|wire| Listed { wire, delimiter }).collect();
        let told = here.learn(&listed);
        prop_assert_eq!(told.len(), listed.len());
        for (at, (name, one)) in told.iter().zip(&listed).enumerate() {
            // of two whose names cannot be kept apart one is meant
            let alone = told.iter().enumerate().all(|(other, same)| other == at || same != name);
            if alone && !is_inbox(name) {
                prop_assert_eq!(here.wire(name), one.wire, "{}", name);
            }
            here.recognise(name, &listed);
        }
    }
}
