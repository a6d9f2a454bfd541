//! The dashboard in a real Chromium: by keyboard, without scripts, in both languages, light and dark, on phone and
//! desktop; axe-core finds nothing to mend.

use super::world::Run;
use crate::support::browser::{Browser, DESKTOP, Look, PHONE, Tab};
use crate::support::run::until;

const PAGES: [&str; 6] = ["/", "/life", "/settings", "/restock", "/shops", "/rules"];
const OTHER_LANGUAGE: &str = ".foot form[action$='language'] button";

fn enter(run: &Run, tab: &Tab<'_>) {
    tab.go(&format!("{}/login?token={}", run.address(), run.token()));
    tab.click("button");
    until("the dashboard is there", || tab.has("nav"));
}

#[test]
fn every_page_is_clean_for_axe_in_every_dress() {
    let Some(browser) = Browser::start() else { return };
    let run = Run::start(&[]);
    let dark = |look: Look| Look { dark: true, ..look };
    let mut wrong = Vec::new();
    for look in [PHONE, DESKTOP, dark(PHONE), dark(DESKTOP)] {
        let tab = browser.open(look);
        tab.go(&format!("{}/", run.address()));
        wrong.extend(tab.violations().iter().map(|one| format!("the door {look:?}: {one}")));
        enter(&run, &tab);
        let case = tab.run("return document.querySelector('a[href*=\"case/\"]').pathname");
        for language in ["ja", "en"] {
            assert_eq!(tab.run("return document.documentElement.lang"), language);
            for page in PAGES.iter().copied().chain([case.as_str().unwrap()]) {
                tab.go(&format!("{}{page}", run.address()));
                wrong.extend(tab.violations().iter().map(|one| format!("{page} {language} {look:?}: {one}")));
                let wide = tab.run("return document.documentElement.scrollWidth > innerWidth");
                if wide == true {
                    wrong.push(format!("{page} {language} {look:?}: wider than the screen"));
                }
                let unnamed = tab.run("return /\\b(frame|door|life|settings|case|waiting|restock|shops|rules)\\.[a-z-]+/.test(document.querySelector('main').innerText.replace(/rakuten\\S*|\\S*toml/g, ''))");
                if unnamed == true {
                    wrong.push(format!("{page} {language}: a text is missing"));
                }
            }
            tab.click(OTHER_LANGUAGE);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn it_works_by_keyboard_alone() {
    let Some(browser) = Browser::start() else { return };
    let run = Run::start(&[]);
    let tab = browser.open(DESKTOP);
    const TAB: &str = "\u{e004}";
    const ENTER: &str = "\u{e007}";
    tab.go(&format!("{}/login?token={}", run.address(), run.token()));
    tab.press(&[TAB, ENTER]);
    until("the dashboard is there", || tab.has("nav"));
    tab.press(&[TAB]);
    assert_eq!(tab.run("return document.activeElement.className"), "skip", "the first is the way to the content");
    tab.press(&[ENTER]);
    until("the content has the focus", || tab.run("return document.activeElement.id") == "main");
    tab.go(&format!("{}/", run.address()));
    // skip, brand, the first page, the second page
    tab.press(&[TAB, TAB, TAB, TAB, ENTER]);
    until("the second page is there", || tab.address().ends_with("/restock"));
    assert!(tab.has("nav a[aria-current='page'][href$='restock']"));
}

#[test]
fn forms_work_with_and_without_scripts() {
    let Some(browser) = Browser::start() else { return };
    let run = Run::start(&[]);
    for scripts in [false, true] {
        let tab = browser.open(Look { scripts, ..PHONE });
        enter(&run, &tab);
        tab.click(OTHER_LANGUAGE);
        until("English is spoken", || tab.has("html[lang='en']"));
        tab.click("main a[href*='case/']");
        until("the case is there", || tab.address().contains("/case/"));
        let note = if scripts { "with scripts" } else { "without scripts" };
        tab.click("main details:has([name='text']) > summary");
        tab.write("main [name='text']", note);
        tab.click("main form:has([name='text']) button");
        until("the note is shown", || tab.text("main").contains(note));
        let order = tab.address();
        let order = order.rsplit_once("/case/").unwrap().1.split(['?', '#']).next().unwrap().to_owned();
        assert!(run.home.ok(&["case", &order]).contains(note), "it was not written down");
    }
}
