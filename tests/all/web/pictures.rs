//! Pictures of the dashboard from a real run: `scripts/pictures` names the folder where they go.

use super::world::Run;
use crate::support::browser::{Browser, DESKTOP, Look, PHONE};
use crate::support::run::until;
use std::path::PathBuf;

#[test]
#[ignore = "it makes the documents' pictures: run by scripts/pictures"]
fn pictures_are_taken_where_they_are_asked_for() {
    let folder = PathBuf::from(std::env::var_os("MODORI_PICTURES").unwrap());
    let browser = Browser::start().unwrap();
    let run = Run::start(&[]);
    std::fs::create_dir_all(&folder).unwrap();
    let dark = Look { dark: true, ..PHONE };
    for (name, look) in [("phone", PHONE), ("desktop", DESKTOP), ("phone-dark", dark)] {
        let tab = browser.open(look);
        tab.go(&format!("{}/login?token={}", run.address(), run.token()));
        tab.click("button");
        until("the dashboard is there", || tab.has("nav"));
        let case = tab.run("return document.querySelector('a[href*=\"case/\"]').pathname");
        for language in ["ja", "en"] {
            until("the language is changed", || tab.run("return document.documentElement.lang") == language);
            for (page, path) in [
                ("waiting", "/"),
                ("case", case.as_str().unwrap()),
                ("restock", "/restock"),
                ("shops", "/shops"),
                ("rules", "/rules"),
                ("watch", "/life"),
                ("settings", "/settings"),
            ] {
                // of the dark dress one page is enough
                if look.dark && page != "waiting" {
                    continue;
                }
                tab.go(&format!("{}{path}", run.address()));
                let file = folder.join(format!("{page}-{name}-{language}.png"));
                tab.picture(&file);
                let size = std::fs::metadata(&file).unwrap().len();
                assert!(size < 150 * 1024, "{}: {size} bytes", file.display());
            }
            tab.click(".foot form[action$='language'] button");
        }
    }
}
