//! Rules of an account over those that all share, and folders that the configuration gives it.

use super::*;
use crate::rules::{Folders, Layer};

fn table(text: &str, given: &[(&str, &str)]) -> Folders {
    let mut folders = Folders::of(Source::new("config.toml", text));
    for (category, folder) in given {
        let span = |word: &str| text.find(word).map(|at| at..at + word.len()).unwrap();
        let done = folders.give(((*category).to_owned(), span(category)), ((*folder).to_owned(), span(folder)));
        done.unwrap();
    }
    folders
}

fn layer(text: &str, folders: Option<Folders>) -> Layer {
    let files = if text.is_empty() { vec![] } else { vec![Source::new("own.toml", text)] };
    Layer { files, folders }
}

#[test]
fn the_last_word_about_a_folder_is_the_tables() {
    let shared = layer("category = \"restock\"\nfolder = \"shared\"\n", None);
    let text = "restock = \"買い物/再入荷\"\nquarantine = \"怪しい\"\n";
    let given = table(text, &[("restock", "買い物/再入荷"), ("quarantine", "怪しい")]);
    let own = layer("category = \"restock\"\nfolder = \"file\"\n", Some(given));
    let rules = RuleSet::load_layers(&[shared.clone(), own]).unwrap();
    let folders = rules.folders_by_category();
    assert_eq!((folders["restock"], folders["quarantine"]), ("買い物/再入荷", "怪しい"));
    assert_eq!(rules.warnings(), []);
    assert_eq!(RuleSet::load_layers(&[shared]).unwrap().folders_by_category()["restock"], "shared");
}

#[test]
fn a_table_that_gives_folders_makes_no_shipped_example_doubtful() {
    let own = layer("", Some(table("restock = \"A\"", &[("restock", "A")])));
    let report = crate::rules::check_layers(&[own]);
    assert!(report.is_fine() && report.diagnostics.is_empty(), "{:?}", report.diagnostics);
    assert!(report.passed() == crate::rules::check(&[]).passed());
}

#[test]
fn a_category_that_nobody_knows_is_told_with_its_place_in_the_configuration() {
    let text = "[account.folders]\nrestok = \"A\"\n";
    let found = RuleSet::load_layers(&[layer("", Some(table(text, &[("restok", "A")])))]).unwrap_err();
    let first = &found[0];
    assert_eq!((first.file.as_str(), first.line, first.column), ("config.toml", 2, 1));
    assert_eq!(
        (first.message.as_str(), first.help.as_str()),
        ("there is no category `restok`", "did you mean `restock`?")
    );
}

#[test]
fn a_folder_that_two_categories_share_is_told_of() {
    let text = "restock = \"A\"\ncoupon = \"A\"\n";
    let mut folders = Folders::of(Source::new("config.toml", text));
    folders.give(("restock".into(), 0..7), ("A".into(), 11..12)).unwrap();
    folders.give(("coupon".into(), 14..20), ("A".into(), 24..25)).unwrap();
    let rules = RuleSet::load_layers(&[layer("", Some(folders))]).unwrap();
    let said: Vec<(&str, usize, &str)> =
        rules.warnings().iter().map(|one| (one.file.as_str(), one.line, one.message.as_str())).collect();
    assert_eq!(said, [("config.toml", 2, "`A` is also the folder of `restock`")]);
    let wrong = Folders::of(Source::new("config.toml", text)).give(("restock".into(), 0..7), ("a//b".into(), 11..12));
    assert!(wrong.is_err());
}

#[test]
fn an_accounts_rule_stands_over_the_shared_one_and_takes_its_place_by_name() {
    let rule = |category: &str, name: &str, word: &str| {
        format!(
            "category = \"{category}\"\nfolder = \"{category}\"\n[[rule]]\nname = \"{name}\"\nsubject = \"{word}\"\n"
        )
    };
    let shared = layer(&rule("mine", "one", "りんご"), None);
    let file = |text: String| Layer::of_files(vec![Source::new("account.toml", text)]);
    let category = |layers: &[Layer], subject: &str| {
        let rules = RuleSet::load_layers(layers).unwrap();
        let text = format!("From: a@b.example\r\nSubject: {subject}\r\n\r\nx\r\n");
        let reading = crate::mail::Reading { received: jiff::Timestamp::UNIX_EPOCH, size: 10, authserv_ids: &[] };
        let mail = crate::mail::read(text.as_bytes(), &reading);
        let facts = crate::rules::read(&rules, &mail);
        judge(&rules, &mail, &facts, &Known::default()).category
    };
    assert_eq!(category(std::slice::from_ref(&shared), "りんご"), "mine");
    let replaced = [shared.clone(), file(rule("other-kind", "one", "みかん"))];
    assert_eq!(
        (category(&replaced, "りんご").as_str(), category(&replaced, "みかん").as_str()),
        ("other", "other-kind")
    );
    let beside = [shared, file(rule("other-kind", "two", "りんご"))];
    assert_eq!(category(&beside, "りんご"), "other-kind", "of the same rank: the account's");
}

#[test]
fn a_folder_of_a_table_is_composed_as_one_of_a_rule_file_is() {
    let text = "restock = \"カ\u{3099}\"\n";
    let given = table(text, &[("restock", "カ\u{3099}")]);
    let rules = RuleSet::load_layers(&[layer("", Some(given))]).unwrap();
    assert_eq!(rules.folders_by_category()["restock"], "ガ");
}
