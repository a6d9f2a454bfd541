//! `modori login` with a browser on this machine.

use super::{Talk, World, text};
use crate::support::http::Answer;
use crate::support::oauth::browser::{follow, get};
use crate::support::oauth::{CLIENT_SECRET, Consent, READ, Trouble};
use crate::support::run::until;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

/// `http://127.0.0.1:PORT` of the program that waits.
fn back(page: &str) -> String {
    let url = reqwest::Url::parse(page).unwrap();
    let redirect = url.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1.into_owned();
    redirect.trim_end_matches('/').to_owned()
}

#[test]
fn a_login_grants_access_keeps_it_and_tries_it() {
    let world = World::behaving("loopback", |behaviour| behaviour.client_secret = Some(CLIENT_SECRET.to_owned()));
    let secret = world.home.path().join("client");
    std::fs::write(&secret, CLIENT_SECRET).unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    world.write("[account.oauth]\n", "[account.oauth]\nclient_secret = { file = \"client\" }\n");
    let talk = Talk::login(&world, &[]);
    let page = talk.page();
    assert!(page.contains("login_hint") || !crate::support::dovecot::USER.contains('@'), "{page}");
    let last = follow(&page);
    assert_eq!(last.status, 200);
    assert!(last.body.contains("アクセスが許可されました") && last.headers.contains("no-store"), "{last:?}");
    let (code, said) = talk.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the login at 127.0.0.1 works") && said.contains(READ), "{said}");
    world.nothing_secret(&[&said, &last.body, &last.headers]);
    assert_eq!(world.authority.wrong(), Vec::<String>::new());
    assert_eq!((world.authority.asked("authorization_code"), world.authority.asked("refresh_token")), (1, 0));
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&world.file()), mode(world.file().parent().unwrap())), (0o600, 0o700));
    // the code was shown once, with the verifier of the challenge; nothing of it is kept
    let kept = world.kept();
    let shown = &world.authority.seen("/token")[0].form;
    assert!(!kept.to_string().contains(&shown["code"]) && !kept.to_string().contains(&shown["code_verifier"]));
    assert!(!page.contains(&shown["code_verifier"]));
    assert!(world.doctor().0, "the kept token lets in");
    assert_eq!(world.authority.asked("refresh_token"), 0, "it is good for an hour");
}

#[test]
fn a_browser_is_opened_where_there_is_a_desktop() {
    let world = World::new("loopback");
    // stands in for the desktop's program: keeps the address it was given
    let (folder, opened) = (world.home.path().join("bin"), world.home.path().join("opened"));
    std::fs::create_dir(&folder).unwrap();
    let script = format!("#!/bin/sh\nprintf %s \"$1\" > {0}.part && mv {0}.part {0}\n", opened.display());
    std::fs::write(folder.join("xdg-open"), script).unwrap();
    std::fs::set_permissions(folder.join("xdg-open"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let environment: [(&str, &std::ffi::OsStr); 2] = [("PATH", path.as_ref()), ("DISPLAY", ":0".as_ref())];
    let login = world.home.start_with(&["login"], &environment);
    until("the page is opened", || opened.exists());
    assert_eq!(follow(&std::fs::read_to_string(&opened).unwrap()).status, 200);
    until("it is kept", || world.file().exists());
    drop(login);
    // and not where there is none, or none is wanted
    std::fs::remove_file(&opened).unwrap();
    for (arguments, display) in
        [(vec!["login", "--timeout", "1s"], ""), (vec!["login", "--timeout", "1s", "--no-browser"], ":0")]
    {
        let environment: [(&str, &std::ffi::OsStr); 3] =
            [("PATH", path.as_ref()), ("DISPLAY", display.as_ref()), ("WAYLAND_DISPLAY", "".as_ref())];
        assert_eq!(world.home.run_with(&arguments, &environment).status.code(), Some(1));
        assert!(!opened.exists());
    }
}

#[test]
fn what_does_not_belong_to_the_login_ends_nothing() {
    let world = World::new("loopback");
    let talk = Talk::login(&world, &[]);
    let page = talk.page();
    let back = back(&page);
    // opened ahead and never used, and one that says something else than HTTP
    let idle = TcpStream::connect(back.trim_start_matches("http://")).unwrap();
    let mut noise = TcpStream::connect(back.trim_start_matches("http://")).unwrap();
    noise.write_all(b"\x16\x03\x01\x02\x00\x01\r\n\r\n").unwrap();
    let mut answer = String::new();
    noise.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    for (path, status) in [
        ("/favicon.ico", 404),
        ("/", 404),
        ("/?code=stolen", 400),
        ("/?code=stolen&state=guessed", 400),
        ("/?error=access_denied&state=guessed", 400),
        ("/?error=access_denied", 400),
        ("/other?code=stolen", 404),
    ] {
        let page = get(&format!("{back}{path}"));
        assert_eq!(page.status, status, "{path}");
        assert!(page.body.contains("このページに対応するログインは見つかりません"), "{}", page.body);
    }
    // as many as may wait at once, and more
    let crowd: Vec<_> = (0..30).map(|_| TcpStream::connect(back.trim_start_matches("http://")).unwrap()).collect();
    drop(crowd);
    assert_eq!(follow(&page).status, 200);
    let (code, said) = talk.end();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(world.authority.asked("authorization_code"), 1, "no code but its own was shown");
    drop(idle);
    assert_eq!(get(&back).status, 0, "nobody listens any more");
}

#[test]
fn the_address_can_be_pasted_from_another_machine() {
    let world = World::new("loopback");
    let mut talk = Talk::login(&world, &["--paste"]);
    let page = talk.page();
    talk.until("paste its address");
    talk.say("what?");
    talk.until("paste all of it");
    talk.say("http://127.0.0.1:1/?code=x&state=another");
    talk.until("another login");
    // the browser elsewhere ends at an address where nobody listens
    talk.say(&get(&page).location.unwrap());
    let (code, said) = talk.end();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(world.authority.wrong(), Vec::<String>::new());
}

#[test]
fn the_end_of_what_is_pasted_ends_nothing() {
    let world = World::new("loopback");
    let mut talk = Talk::login(&world, &["--paste"]);
    let page = talk.page();
    talk.stdin = None;
    assert_eq!(follow(&page).status, 200);
    assert_eq!(talk.end().0, Some(0));
}

#[test]
fn a_denial_is_the_shoppers_word() {
    let world = World::behaving("loopback", |behaviour| behaviour.consent = Consent::Deny);
    let talk = Talk::login(&world, &[]);
    let last = follow(&talk.page());
    assert!(last.status == 200 && last.body.contains("許可されませんでした"), "{last:?}");
    let (code, said) = talk.end();
    assert_eq!(code, Some(1));
    assert!(said.contains("access was denied") && said.contains("nothing was changed"), "{said}");
    assert!(!world.file().exists());
}

#[test]
fn a_denial_can_be_pasted_too() {
    let world = World::behaving("loopback", |behaviour| behaviour.consent = Consent::Deny);
    let mut talk = Talk::login(&world, &["--paste"]);
    let page = talk.page();
    talk.say(&get(&page).location.unwrap());
    let (code, said) = talk.end();
    assert!(code == Some(1) && said.contains("access was denied"), "{said}");
}

#[test]
fn nobody_is_waited_for_for_ever() {
    let world = World::new("loopback");
    let talk = Talk::login(&world, &["--timeout", "1s"]);
    let (code, said) = talk.end();
    assert_eq!(code, Some(1));
    assert!(said.contains("nobody agreed within 1 s") && said.contains("redirect_uri_mismatch"), "{said}");
    assert!(!world.file().exists());
}

#[test]
fn refusals_say_what_to_check() {
    // the client's secret is wrong
    let world = World::behaving("loopback", |behaviour| behaviour.client_secret = Some("another".to_owned()));
    let talk = Talk::login(&world, &[]);
    follow(&talk.page());
    let (code, said) = talk.end();
    assert!(code == Some(1) && said.contains("does not take this client") && said.contains("client_secret"), "{said}");
    // the scopes are not known
    let world = World::behaving("loopback", |behaviour| behaviour.scopes = vec!["other".to_owned()]);
    let talk = Talk::login(&world, &[]);
    follow(&talk.page());
    let (code, said) = talk.end();
    assert!(
        code == Some(1) && said.contains("does not grant what is asked for") && said.contains("`scopes`"),
        "{said}"
    );
    // the client is not known at all: the page says so, and the browser never comes back
    let world = World::new("loopback");
    world.write("modori-test-client", "nobody");
    let talk = Talk::login(&world, &["--timeout", "2s"]);
    assert_eq!(follow(&talk.page()).status, 400);
    assert_eq!(talk.end().0, Some(1));
    assert!(!world.file().exists());
}

#[test]
fn a_provider_that_has_trouble_is_told_as_such() {
    for (trouble, words) in [
        (Trouble::Before(Answer::Status(503)), "503"),
        (Trouble::Before(Answer::Cut), "cannot be asked"),
        (Trouble::Before(Answer::Redirect("http://127.0.0.1:1/".to_owned())), "not followed"),
        (Trouble::After(Answer::Endless(200)), "without end"),
    ] {
        let world = World::new("loopback");
        let talk = Talk::login(&world, &[]);
        let page = talk.page();
        world.authority.behave(|behaviour| behaviour.trouble = Some(trouble.clone()));
        follow(&page);
        let (code, said) = talk.end();
        assert!(code == Some(1) && said.contains(words), "{words}: {said}");
        world.nothing_secret(&[&said]);
        assert!(!world.file().exists());
    }
}

#[test]
fn less_than_was_asked_for_is_told() {
    let world = World::behaving("loopback", |behaviour| {
        behaviour.granted = Some(vec![crate::support::oauth::SEND.to_owned()]);
        behaviour.refreshes = false;
    });
    let talk = Talk::login(&world, &[]);
    follow(&talk.page());
    let (code, said) = talk.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!("not granted was {READ}")), "{said}");
    assert!(said.contains("nothing to renew it with"), "{said}");
}

#[test]
fn a_mailbox_that_does_not_let_in_is_told_and_the_grant_is_kept() {
    let world = World::new("loopback");
    // she agreed as somebody else
    world.authority.behave(|behaviour| behaviour.user = "another@example.jp".to_owned());
    let talk = Talk::login(&world, &[]);
    follow(&talk.page());
    let (code, said) = talk.end();
    assert_eq!(code, Some(1));
    assert!(said.contains("access was granted and is kept") && said.contains("did you agree as another"), "{said}");
    assert!(world.file().exists());
}

#[test]
fn which_account_is_meant_must_be_clear() {
    let world = World::new("loopback");
    let failed = |arguments: &[&str]| {
        let output = world.home.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        text(&output)
    };
    assert!(failed(&["login", "A"]).contains("did you mean `a`?"));
    assert!(failed(&["login", "--timeout", "0s"]).contains("10m"));
    let other = "[[account]]\nname = \"b\"\nhost = \"localhost\"\nuser = \"x\"\n";
    world.write("[filing]", &format!("{other}password = {{ env = \"X\" }}\n[filing]"));
    assert!(failed(&["login", "b"]).contains("logs in with a password"));
    world.write("password = { env = \"X\" }", "access_token = { env = \"X\" }");
    assert!(failed(&["login", "b"]).contains("takes its tokens from what `access_token` names"));
    assert!(failed(&["logout", "b"]).contains("takes its tokens from what `access_token` names"));
    world.write("access_token = { env = \"X\" }\n", &world.authority.table("device"));
    assert!(failed(&["login"]).contains("which account? There are a, b"));
}

#[test]
fn what_is_forgotten_is_gone() {
    let world = World::new("loopback");
    assert!(world.home.ok(&["logout"]).contains("nothing was kept"));
    world.granted(0);
    assert!(world.doctor().0);
    let said = world.home.ok(&["logout", "a"]);
    assert!(said.contains("are forgotten") && said.contains("take it back"), "{said}");
    assert!(!world.file().exists());
    let (well, said) = world.doctor();
    assert!(!well && said.contains("nothing was granted yet; run: modori login a"), "{said}");
}

#[test]
fn a_watch_that_waits_for_the_shopper_goes_on_after_her_login() {
    let world = World::new("loopback");
    let watch = world.home.start(&["watch", "-v"]);
    until("the watch says what is missing", || world.home.log().contains("run: modori login a"));
    let talk = Talk::login(&world, &[]);
    follow(&talk.page());
    let (code, said) = talk.end();
    assert_eq!(code, Some(0), "{said}");
    until("the watch goes on", || world.home.log().contains("watching"));
    drop(watch);
    world.nothing_secret(&[&world.home.log()]);
}
