//! `modori report month`: the same figures in all four forms, and nothing of a mail that writes into one of them.

use super::support::embedded::Embedded;
use super::support::run::{Home, cancellation, restock, until};
use serde_json::Value;
use std::collections::BTreeMap;

const ORDER: &str = "399999-20261120-0123456789";

/// A mailbox with a cancelled order, restocks and a forged mail, sorted.
fn sorted() -> (Embedded, Home) {
    let embedded = Embedded::start();
    let home = embedded.home("", "backlog = \"sort\"\n");
    embedded.deliver("INBOX", &cancellation("cancelled", ORDER));
    for name in ["one", "two"] {
        embedded.deliver("INBOX", &restock(name));
    }
    home.ok(&["sweep"]);
    (embedded, home)
}

fn form(home: &Home, form: &str, language: &str) -> String {
    home.ok(&["report", "month", "--format", form, "--language", language])
}

/// Every figure of the JSON form, by part, row and column.
fn figures(json: &Value) -> BTreeMap<(String, String, String), i64> {
    let mut all = BTreeMap::new();
    for (part, rows) in json["parts"].as_object().unwrap() {
        let rows: Vec<(String, &Value)> = match rows {
            Value::Object(rows) => rows.iter().map(|(name, row)| (name.clone(), row)).collect(),
            Value::Array(rows) => rows.iter().enumerate().map(|(n, row)| ((n + 1).to_string(), row)).collect(),
            other => panic!("{part}: {other}"),
        };
        for (row, fields) in rows {
            for (column, value) in fields.as_object().unwrap() {
                if let Some(number) = value.as_i64() {
                    all.insert((part.clone(), row.clone(), column.clone()), number);
                }
            }
        }
    }
    all
}

#[test]
fn four_forms_say_the_same() {
    let (_embedded, home) = sorted();
    let json: Value = serde_json::from_str(&form(&home, "json", "en")).unwrap();
    let figures = figures(&json);
    let of = |part: &str, row: &str, column: &str| figures[&(part.to_owned(), row.to_owned(), column.to_owned())];
    assert_eq!(of("restocks", "all", "number"), 2);
    assert_eq!(of("restocks", "live", "number"), 0, "they lay there before");
    assert_eq!(json["parts"]["cases"][0]["order"], ORDER);
    assert!(figures.len() > 40, "{figures:?}");

    for language in ["ja", "en"] {
        assert_eq!(
            serde_json::from_str::<Value>(&form(&home, "json", language)).unwrap()["parts"].as_object().unwrap().len(),
            json["parts"].as_object().unwrap().len()
        );
        let csv = form(&home, "csv", language);
        let rows: BTreeMap<(String, String, String), i64> = csv
            .trim_start_matches('\u{feff}')
            .lines()
            .filter_map(|line| {
                let [part, row, column, value] = line.split(',').collect::<Vec<_>>()[..] else { return None };
                Some(((part.to_owned(), row.to_owned(), column.to_owned()), value.parse().ok()?))
            })
            .collect();
        assert_eq!(rows, figures, "{language}");

        // the page bears each figure in a <data> element, in the order of the tables
        let page = form(&home, "html", language);
        let mut shown: Vec<i64> =
            page.split("<data value=\"").skip(1).map(|rest| rest.split('"').next().unwrap().parse().unwrap()).collect();
        let mut all: Vec<i64> = figures.values().copied().collect();
        shown.sort_unstable();
        all.sort_unstable();
        assert_eq!(shown, all, "{language}");

        // and what the page shows for each stands in the text, as often at least
        let text = form(&home, "text", language);
        let words: Vec<&str> = text.split_whitespace().collect();
        for (value, _) in page.split("<data value=\"").skip(1).map(|rest| {
            let rest = rest.split_once("\">").unwrap().1;
            (rest.split_once("</data>").unwrap().0, ())
        }) {
            let first = value.split(' ').next().unwrap();
            assert!(words.contains(&first), "{value}: {text}");
        }
        for label in ["points.", "restocks.", "heading.", "speed.", "reason.", "category."] {
            assert!(
                !text.contains(&format!(" {label}")) && !page.contains(&format!(">{label}")),
                "a label is missing: {text}"
            );
        }
    }
}

#[test]
fn a_page_stands_alone_and_no_name_writes_into_it() {
    let embedded = Embedded::start();
    let home = embedded.home("", "backlog = \"sort\"\n");
    let hostile = restock("x").to_vec();
    let hostile =
        String::from_utf8(hostile).unwrap().replace("商品名：x", "商品名：<script>alert(1)</script>=1+1\u{202e}");
    embedded.deliver("INBOX", hostile.as_bytes());
    home.ok(&["sweep"]);
    for language in ["ja", "en"] {
        let page = form(&home, "html", language);
        for word in ["<script", "http://", "https://", "src=", "@import", "url(", "<link", " onload", "\u{202e}"] {
            let found = page.replace("http://www.w3.org/2000/svg", "");
            assert!(!found.contains(word), "{word}: {page}");
        }
        assert!(page.starts_with("<!DOCTYPE html>") && page.contains("@media print"), "{page}");
        for form_of in ["text", "csv", "json"] {
            let printed = form(&home, form_of, language);
            assert!(!printed.contains('\u{202e}') && !printed.contains('\u{1b}'), "{printed}");
        }
    }
}

#[test]
fn a_month_that_is_none_is_told() {
    let embedded = Embedded::start();
    let home = embedded.home("", "");
    for (month, said) in [("2026-13", "is no month"), ("November", "is no month"), ("9999-12", "has not begun")] {
        let output = home.run(&["report", "month", month]);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && errors.contains(said), "{month}: {errors}");
    }
    // nothing was ever seen, and that is told, too
    for arguments in [&["report", "month"][..], &["report", "month", "--last"], &["report", "month", "2020-02"]] {
        assert!(home.ok(arguments).contains("なし"), "{arguments:?}");
    }
}

#[test]
fn what_is_told_while_modori_watches_is_measured() {
    let (embedded, home) = sorted();
    let running = home.watch(1);
    embedded.deliver("INBOX", &restock("live"));
    let live = || {
        let json: Value = serde_json::from_str(&form(&home, "json", "en")).unwrap();
        figures(&json)[&("restocks".to_owned(), "live".to_owned(), "number".to_owned())]
    };
    until("it is settled", || live() == 1);
    drop(running);
    let json: Value = serde_json::from_str(&form(&home, "json", "en")).unwrap();
    assert_eq!(json["parts"]["restocks"]["all"]["number"], 3);
}

#[test]
fn what_was_taken_back_counts_once_and_not_when_the_taking_back_is_taken_back() {
    let (embedded, home) = sorted();
    let undone = || {
        let json: Value = serde_json::from_str(&form(&home, "json", "en")).unwrap();
        figures(&json)[&("by_hand".to_owned(), "undone".to_owned(), "number".to_owned())]
    };
    let history = home.ok(&["history", "--format", "json"]);
    let ids: Vec<String> = history
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|action| action["what"] == "file")
        .map(|action| action["id"].to_string())
        .collect();
    assert_eq!((ids.len(), undone()), (3, 0), "{history}");
    home.ok(&["undo", &ids[0], &ids[1]]);
    let in_inbox =
        || ["cancelled", "one", "two"].into_iter().filter(|mail| embedded.lies_in(mail) == ["INBOX"]).count();
    assert_eq!((undone(), in_inbox()), (2, 2));
    let back = home.ok(&["history", "--format", "json", "--limit", "1"]);
    let back: Value = serde_json::from_str(back.trim()).unwrap();
    home.ok(&["undo", &back["id"].to_string()]);
    assert_eq!((undone(), in_inbox()), (2, 1), "{back}");
}
