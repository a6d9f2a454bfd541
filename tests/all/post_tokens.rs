//! Letters by SMTP with tokens: one that is refused is renewed once, and no letter is sent twice or without a login.

use super::support::smtp::{Setup, Smtp};
use modori::edge::Advice;
use modori::edge::clock::Clock;
use modori::edge::config::Server;
use modori::edge::imap::Security;
use modori::edge::oauth::{Credential, Source, Tokens};
use modori::edge::out::letter::Written;
use modori::edge::out::post::{Carry, Post};
use modori::edge::secret::Secret;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A program of the shopper's that prints another token each time: `t1`, `t2` …
fn counting(folder: &Path) -> Credential {
    let file = folder.join("count").display().to_string();
    let script = format!("n=$(($(cat '{file}' 2>/dev/null || echo 0) + 1)); echo $n > '{file}'; echo t$n");
    let argv = ["sh", "-c", &script].map(str::to_owned).to_vec();
    Credential::Token(Tokens::new(Source::Program(Secret::Command(argv)), Clock::system()))
}

fn server(port: u16, credential: Credential) -> Server {
    Server {
        host: "127.0.0.1".to_owned(),
        port,
        security: Security::Plain,
        login: Some(("shopper@example.jp".to_owned(), credential)),
        ca_file: None,
        timeout: Duration::from_secs(30),
    }
}

fn letter() -> Written {
    let address = |text: &str| text.parse::<lettre::Address>().unwrap();
    let envelope =
        lettre::address::Envelope::new(Some(address("shopper@example.jp")), vec![address("shop@example.jp")]).unwrap();
    Written { bytes: b"Subject: x\r\n\r\nbody\r\n".to_vec(), envelope }
}

#[tokio::test]
async fn a_letter_leaves_with_a_token_that_is_renewed_once() {
    let good = Arc::new(Mutex::new(vec!["t1".to_owned()]));
    let smtp = Smtp::start(Setup { tokens: Some(Arc::clone(&good)), ..Setup::default() });
    let folder = tempfile::tempdir().unwrap();
    let post = Post::by(&server(smtp.port, counting(folder.path())));
    post.carry(&letter()).await.unwrap();
    assert_eq!(smtp.token_logins().len(), 1);
    assert_eq!(smtp.mails()[0].user.as_deref(), Some("shopper@example.jp"));

    // t2 is refused, t3 is good
    *good.lock().unwrap() = vec!["t3".to_owned()];
    post.carry(&letter()).await.unwrap();
    let logins = smtp.token_logins();
    let shown: Vec<&str> = logins.iter().map(|login| login.token.as_str()).collect();
    assert_eq!(shown, ["t1", "t2", "t3"]);
    assert_eq!(logins[1].answer.as_deref(), Some(""), "the challenge is answered with nothing, never with the token");
    assert_eq!(smtp.mails().len(), 2, "one each");

    // no token is good: two attempts, and the shopper is asked
    good.lock().unwrap().clear();
    let error = post.carry(&letter()).await.unwrap_err();
    assert_eq!(error.advice, Advice::Ask);
    assert!(error.what.contains("just been renewed") && error.what.contains("not accepted"), "{}", error.what);
    assert!(!error.what.contains("t4") && !error.what.contains("t5"), "{}", error.what);
    assert_eq!((smtp.token_logins().len(), smtp.mails().len()), (5, 2));
}

#[tokio::test]
async fn one_token_alone_is_shown_once_and_a_server_without_the_way_gets_none() {
    let folder = tempfile::tempdir().unwrap();
    let same = || {
        let argv = vec!["echo".to_owned(), "same".to_owned()];
        Credential::Token(Tokens::new(Source::Program(Secret::Command(argv)), Clock::system()))
    };
    let smtp = Smtp::start(Setup { tokens: Some(Arc::default()), ..Setup::default() });
    let error = Post::by(&server(smtp.port, same())).carry(&letter()).await.unwrap_err();
    assert_eq!((error.advice, smtp.token_logins().len()), (Advice::Ask, 1));
    assert!(error.what.contains("`access_token`"), "{}", error.what);
    let login = Some(("shopper@example.jp".to_owned(), "p".to_owned()));
    let smtp = Smtp::start(Setup { login, ..Setup::default() });
    let error = Post::by(&server(smtp.port, counting(folder.path()))).carry(&letter()).await.unwrap_err();
    assert!(error.what.contains("XOAUTH2") && error.advice == Advice::Ask, "{}", error.what);
    assert!(!folder.path().join("count").exists(), "no token was asked for");
    // a program that fails may find something locked: it is tried again; one that cannot be started is the shopper's
    for (program, advice) in [("false", Advice::Again(None)), ("/no/such/program", Advice::Ask)] {
        let argv = vec![program.to_owned()];
        let broken = Credential::Token(Tokens::new(Source::Program(Secret::Command(argv)), Clock::system()));
        let smtp = Smtp::start(Setup { tokens: Some(Arc::default()), ..Setup::default() });
        let error = Post::by(&server(smtp.port, broken)).carry(&letter()).await.unwrap_err();
        assert!(error.what.contains("no token") && error.advice == advice, "{}", error.what);
        assert!(smtp.token_logins().is_empty() && smtp.mails().is_empty());
    }
}
