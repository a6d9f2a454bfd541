//! `modori rules new`: a rule made from a mail decides that mail, passes the check, and tells nobody who got it.
//! `modori rules test`: a shopper's own mails come out as it is written beside them.

use super::fixtures::given;
use modori::mail::{self, Mail, Reading};
use modori::rules::draft::{Wish, draft};
use modori::rules::{self, Known, RuleSet, Source};
use std::path::{Path, PathBuf};
use std::process::Command;

fn fixtures(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(kind);
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|file| file.extension().is_some_and(|end| end == "eml")).collect();
    files.sort();
    files
}

fn read(file: &Path) -> Mail {
    let bytes = std::fs::read(file).unwrap();
    let expected: toml::Table = std::fs::read_to_string(file.with_extension("toml")).unwrap().parse().unwrap();
    let (received, ids) = given(&expected);
    mail::read(&bytes, &Reading { received, size: u32::try_from(bytes.len()).unwrap(), authserv_ids: &ids })
}

/// Every seventh sample of each kind, wished into a category that it is not: the rule must bring it there, and change
/// nothing else.
#[test]
fn a_rule_from_a_mail_decides_that_mail() {
    let mut made = 0;
    let mut refused = Vec::new();
    for (kind, wished) in [
        ("restock", "coupon"),
        ("cancellation", "order"),
        ("point-refund", "cancellation"),
        ("coupon", "other"),
        ("order", "restock"),
        ("other", "point-refund"),
    ] {
        for file in fixtures(kind).iter().step_by(7) {
            let mail = read(file);
            let wish = Wish { category: wished.into(), ..Wish::default() };
            match draft(&[], &mail, &Known::default(), &wish) {
                Ok(draft) => {
                    made += 1;
                    let own = [Source::new("my.toml", format!("{}\n{}", draft.head, draft.text))];
                    let report = rules::check(&own);
                    assert!(report.diagnostics.is_empty(), "{}: {:?}", file.display(), report.diagnostics);
                    let rules = RuleSet::load(&own).unwrap();
                    let verdict = rules::judge(&rules, &mail, &rules::read(&rules, &mail), &Known::default());
                    assert_eq!(verdict.category, wished, "{}", file.display());
                    assert_eq!(verdict.rule.as_deref(), Some(draft.name.as_str()), "{}", file.display());
                }
                Err(why) => refused.push(format!("{}: {why}", file.display())),
            }
        }
    }
    assert!(made >= 35 && refused.len() * 10 <= made, "{made} made; {refused:#?}");
}

/// Nothing of what the samples say of their people may stand in a rule made from them.
#[test]
fn nobody_is_named_in_a_rule() {
    let people = ["例田", "reida", "taro@", "hanako@reida", "長峰", "成瀬", "久保田", "大村", "関口", "浜口"];
    let mut looked = 0;
    for kind in ["restock", "cancellation", "point-refund", "coupon", "order"] {
        for file in fixtures(kind).iter().step_by(5) {
            let mail = read(file);
            // a person who forwards a mail is named by the sender's address
            let wish = Wish { category: if kind == "order" { "coupon" } else { "order" }.into(), ..Wish::default() };
            let Ok(draft) = draft(&[], &mail, &Known::default(), &wish) else { continue };
            looked += 1;
            let text = draft.text.to_lowercase();
            for person in people {
                assert!(!text.contains(person), "{}: {person}\n{}", file.display(), draft.text);
            }
            for number in rules::read(&RuleSet::shipped(), &mail).order_numbers {
                // the stand-in itself stands in many samples
                if number.value.as_str().starts_with("399999-") {
                    continue;
                }
                assert!(!text.contains(number.value.as_str()), "{}: {}", file.display(), number.value.as_str());
            }
        }
    }
    assert!(looked >= 30, "{looked}");
}

fn modori(home: &Path, arguments: &[&str]) -> (String, String, Option<i32>) {
    let out = Command::new(env!("CARGO_BIN_EXE_modori"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(out.stdout), text(out.stderr), out.status.code())
}

#[test]
fn the_command_writes_appends_and_refuses() {
    let home = tempfile::tempdir().unwrap();
    let rules = home.path().join("rules");
    let folder = rules.to_str().unwrap();
    let mail = "fixtures/other/u1-other-dentist.eml";
    let (out, error, code) = modori(home.path(), &["rules", "new", mail, "--category", "歯医者", "--rules", folder]);
    assert_eq!((code, out.as_str()), (Some(2), ""), "{error}");
    assert!(error.contains("there is no category `歯医者`") && error.contains("--folder"), "{error}");
    let new = ["rules", "new", mail, "--category", "歯医者", "--folder", "通院", "--rules", folder];
    let (out, error, code) = modori(home.path(), &new);
    assert_eq!(code, Some(0), "{error}");
    assert!(out.contains("was written to"), "{out}");
    let file = rules.join("my-歯医者.toml");
    let first = std::fs::read_to_string(&file).unwrap();
    assert!(first.starts_with("category = \"歯医者\"\nfolder   = \"通院\"\n"), "{first}");
    // a second one goes into the same file
    let second = "fixtures/other/u2-friend.eml";
    let (_, error, code) = modori(home.path(), &["rules", "new", second, "--category", "歯医者", "--rules", folder]);
    assert_eq!(code, Some(0), "{error}");
    let both = std::fs::read_to_string(&file).unwrap();
    assert!(both.starts_with(first.trim_end()) && both.matches("[[rule]]").count() == 2, "{both}");
    let (out, error, code) = modori(home.path(), &["rules", "check", folder]);
    assert_eq!(code, Some(0), "{out}{error}");
    let (out, ..) = modori(home.path(), &["classify", "--format", "json", "--rules", folder, mail, second]);
    assert_eq!(out.matches("\"category\":\"歯医者\"").count(), 2, "{out}");
    assert_eq!(out.matches("\"folder\":\"通院\"").count(), 2, "{out}");
    // without a folder it is printed; what is in quarantine is not for rules
    let (out, error, code) = modori(home.path(), &["rules", "new", mail, "--category", "other"]);
    assert!(code == Some(0) && out.contains("[[rule.example]]") && error.contains("no rules folder"), "{out}{error}");
    let forged = "fixtures/suspect/fake-restock-false-host.eml";
    let (_, error, code) = modori(home.path(), &["rules", "new", forged, "--category", "restock"]);
    assert!(code == Some(1) && error.contains("modori release"), "{error}");
}

#[test]
fn own_mails_are_tested_by_what_stands_beside_them() {
    let home = tempfile::tempdir().unwrap();
    let mails = home.path().join("mails");
    let orders = mails.join("order");
    std::fs::create_dir_all(&orders).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let copy = |from: &str, to: PathBuf| std::fs::copy(root.join(from), to).unwrap();
    copy("order/u1-order-honey-shipped.eml", orders.join("a.eml"));
    copy("restock/u3-kansai_shop.eml", mails.join("b.eml"));
    copy("restock/u3-kansai_shop.toml", mails.join("b.toml"));
    copy("other/u2-friend.eml", mails.join("c.eml"));
    let folder = mails.to_str().unwrap();
    let (out, error, code) = modori(home.path(), &["rules", "test", folder]);
    assert_eq!(code, Some(0), "{out}{error}");
    assert!(out.contains("2 of 2 mails as expected") && out.contains("1 mail had no expectation"), "{out}");
    // another category, another fact: both are told, and the rule that decided
    std::fs::rename(&orders, mails.join("coupon")).unwrap();
    let beside = std::fs::read_to_string(mails.join("b.toml")).unwrap();
    let changed = beside.replace("shop_code = \"naniwa-kougu\"", "shop_code = \"another\"");
    assert_ne!(beside, changed);
    std::fs::write(mails.join("b.toml"), changed).unwrap();
    let (out, _, code) = modori(home.path(), &["rules", "test", "--format", "json", folder]);
    assert_eq!(code, Some(1));
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    let wrong: Vec<String> = told["mails"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["wrong"].to_string())
        .filter(|one| one != "[]")
        .collect();
    assert_eq!(wrong.len(), 2, "{out}");
    assert!(wrong.iter().any(|one| one.contains("facts.shop_code: expected")), "{wrong:?}");
    assert!(wrong.iter().any(|one| one.contains("category: expected")), "{wrong:?}");
    // a key that means nothing is no expectation that holds
    std::fs::write(mails.join("b.toml"), "kategory = \"restock\"\n").unwrap();
    let (out, _, code) = modori(home.path(), &["rules", "test", folder]);
    assert!(code == Some(1) && out.contains("`kategory` is no key of an expectation"), "{out}");
}
