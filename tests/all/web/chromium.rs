//! The dashboard in a real Chromium: by keyboard, without scripts, in both languages, light and dark, on phone and
//! desktop; axe-core finds nothing to mend.

use super::world::Run;
use crate::support::browser::{Browser, DESKTOP, Look, PHONE, Tab};
use crate::support::run::until;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

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
            until("the language is changed", || tab.run("return document.documentElement.lang") == language);
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
    until("the dashboard is there", || tab.has("nav") && tab.run("return document.readyState") == "complete");
    tab.press(&[TAB]);
    assert_eq!(tab.run("return document.activeElement.className"), "skip", "the first is the way to the content");
    tab.press(&[ENTER]);
    until("the content has the focus", || {
        let there = tab.run("return document.activeElement.id") == "main";
        // a key that comes before the page is drawn is lost; whoever sees nothing happen presses it again
        if !there && tab.run("return document.activeElement.className") == "skip" {
            tab.press(&[ENTER]);
        }
        there
    });
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
        // sent by Enter: the page still scrolls when a button would be clicked, and the click may meet its neighbour
        tab.write("main [name='text']", &format!("{note}\u{e007}"));
        until("the note is shown", || tab.text("main").contains(note));
        let order = tab.address();
        let order = order.rsplit_once("/case/").unwrap().1.split(['?', '#']).next().unwrap().to_owned();
        assert!(run.home.ok(&["case", &order]).contains(note), "it was not written down");
    }
}

/// A proxy that serves a port under the folder `/modori` of another one, for as long as the tests run; its port.
fn folder_of(port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for browser in listener.incoming().flatten() {
            std::thread::spawn(move || pass(browser, own, port));
        }
    });
    own
}

fn pass(mut browser: TcpStream, own: u16, port: u16) -> Option<()> {
    let mut reader = BufReader::new(browser.try_clone().ok()?);
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let from = head.len();
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
        if let Some((name, value)) = head[from..].split_once(':').filter(|(name, _)| !name.contains(' '))
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (method, rest) = head.split_once(' ')?;
    let Some(rest) = rest.strip_prefix("/modori/") else {
        return browser.write_all(b"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\noutside of the folder").ok();
    };
    let head = format!("{method} /{rest}").replace(&format!("127.0.0.1:{own}"), &format!("127.0.0.1:{port}"));
    let mut server = TcpStream::connect(("127.0.0.1", port)).ok()?;
    server.write_all(head.as_bytes()).ok()?;
    server.write_all(&body).ok()?;
    std::io::copy(&mut server, &mut browser).ok().map(|_| ())
}

#[test]
fn a_refused_form_breaks_nothing_and_loses_nothing_under_a_folder_too() {
    let Some(browser) = Browser::start() else { return };
    let run = Run::start(&[]);
    let folder = format!("http://127.0.0.1:{}/modori", folder_of(run.port));
    let tab = browser.open(DESKTOP);
    tab.go(&format!("{folder}/login?token={}", run.token()));
    tab.click("button");
    until("the dashboard is there", || tab.has("nav"));
    tab.click("main a[href*='case/']");
    until("the case is there", || tab.address().contains("/modori/case/"));
    // no number: the page comes back with what is wrong
    tab.click("main details:has([name='points']) > summary");
    tab.write("main [name='points']", "many");
    tab.click("main form:has([name='points']) button");
    until("it is told what is wrong", || tab.has("main .bad[role='alert']"));
    let outside = "return [...document.querySelectorAll('[href], form')].map((one) => one.href || one.action)\
                   .filter((way) => way.startsWith(location.origin) && !way.startsWith(location.origin + '/modori/'))";
    assert_eq!(tab.run(outside).to_string(), "[]", "ways that lead out of the folder");
    // refused by what is none of our pages: said, and what was written stays
    tab.click("main details:has([name='text']):not([open]) > summary");
    tab.write("main [name='text']", "a note");
    tab.run("document.querySelector('main form:has([name=text]) [name=csrf]').value = 'x'; return 0");
    tab.click("main form:has([name='what'][value='note']) button");
    until("it is said that it was not taken", || tab.has("#refused[role='alert']"));
    assert!(!tab.text("#refused").is_empty());
    assert_eq!(tab.run("return document.querySelector('main [name=text]').value"), "a note");
}
