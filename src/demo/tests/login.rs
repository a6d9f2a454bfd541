//! Logins by every mechanism, what a refusal looks like, and the end of a session that its owner wants.

use super::{Client, Server, check, mail};
use crate::demo::{Admission, Mechanism, Offered};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::time::Duration;

const X: &str = "user=a@b.example\u{1}auth=Bearer good\u{1}\u{1}";
const O: &str = "n,a=a@b.example,\u{1}host=imap.b.example\u{1}port=993\u{1}auth=Bearer good\u{1}\u{1}";

/// Both kinds of tokens, no password.
fn with_tokens() -> Server {
    let server = Server::new("u", "p");
    for word in ["AUTH=XOAUTH2", "AUTH=OAUTHBEARER", "LOGINDISABLED"] {
        server.offer(word);
    }
    server.withdraw("AUTH=PLAIN");
    server.admit(|offer| match offer.secret.as_str() {
        "good" => Admission::In,
        "short" => Admission::For(Duration::from_secs(60), "Session expired, please login again.".to_owned()),
        "storm" => Admission::Bye("too much".to_owned()),
        _ => Admission::refused(offer.mechanism, "[AUTHENTICATIONFAILED] Invalid credentials (Failure)"),
    });
    server
}

async fn hello(server: &Server) -> Client {
    let mut client = Client::dial(server);
    client.line().await.unwrap();
    client
}

#[tokio::test]
async fn tokens_are_taken_at_once_or_when_asked_for() {
    let server = with_tokens();
    for (word, text, at_once) in
        [("XOAUTH2", X, true), ("XOAUTH2", X, false), ("OAUTHBEARER", O, true), ("OAUTHBEARER", O, false)]
    {
        let mut c = hello(&server).await;
        let said = if at_once {
            c.ask(&format!("AUTHENTICATE {word} {}", STANDARD.encode(text))).await
        } else {
            c.send(&format!("t AUTHENTICATE {word}\r\n")).await;
            assert_eq!(c.line().await.unwrap(), "+");
            c.send(&format!("{}\r\n", STANDARD.encode(text))).await;
            c.until_tag().await
        };
        assert!(said[0].starts_with("t OK [CAPABILITY "), "{said:?}");
        assert!(c.ask("SELECT INBOX").await.last().unwrap().starts_with("t OK"));
        let last = server.logins().pop().unwrap();
        assert!(last.admitted && last.offered.at_once == at_once);
        assert_eq!((last.offered.user.as_str(), last.offered.secret.as_str()), ("a@b.example", "good"));
        let place = (word == "OAUTHBEARER").then(|| "imap.b.example".to_owned());
        assert_eq!((last.offered.port, last.offered.host), (place.as_ref().map(|_| 993), place));
    }
    assert_eq!(server.sins(), [""; 0]);
    let said = server.commands().join("\n");
    assert!(!said.contains("good") && !said.contains(&STANDARD.encode(X)), "{said}");
    let offered = Offered { secret: "geheim".to_owned(), ..server.logins()[0].offered.clone() };
    assert!(!format!("{offered:?}").contains("geheim"));
}

#[tokio::test]
async fn a_refused_token_is_challenged_and_the_answer_looked_at() {
    let server = with_tokens();
    let challenge =
        "+ eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwuZ29vZ2xlLmNvbS8ifQ==";
    let bad = |text: &str| STANDARD.encode(text.replace("good", "bad"));
    let no = "t NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)";
    let mut c = hello(&server).await;
    for (word, text, answer) in [("XOAUTH2", X, ""), ("OAUTHBEARER", O, "AQ==")] {
        c.send(&format!("t AUTHENTICATE {word} {}\r\n", bad(text))).await;
        let said = c.line().await.unwrap();
        if word == "XOAUTH2" {
            assert_eq!(said, challenge);
        } else {
            let json = STANDARD.decode(said.strip_prefix("+ ").unwrap()).unwrap();
            assert!(String::from_utf8(json).unwrap().contains("invalid_token"));
        }
        c.send(&format!("{answer}\r\n")).await;
        assert_eq!(c.until_tag().await, [no]);
    }
    assert_eq!(server.sins(), [""; 0]);
    for (answer, sin) in [(bad(X), "came again"), ("*".to_owned(), "not answered as it must be")] {
        c.send(&format!("t AUTHENTICATE XOAUTH2 {}\r\n", bad(X))).await;
        c.line().await.unwrap();
        c.send(&format!("{answer}\r\n")).await;
        assert_eq!(c.until_tag().await, [no]);
        assert!(server.sins().last().unwrap().contains(sin), "{:?}", server.sins());
    }
    // still the same session
    assert!(c.ask(&format!("AUTHENTICATE XOAUTH2 {}", STANDARD.encode(X))).await[0].starts_with("t OK"));
    assert_eq!(server.logins().iter().filter(|login| login.admitted).count(), 1);
}

#[tokio::test]
async fn what_a_client_must_not_do_is_remembered() {
    let server = with_tokens();
    server.withdraw("SASL-IR");
    let mut c = hello(&server).await;
    for (command, answer, sin) in [
        ("LOGIN a b".to_owned(), "t NO [PRIVACYREQUIRED]", "disabled"),
        ("AUTHENTICATE PLAIN".to_owned(), "t NO [CANNOT]", "not offered"),
        (format!("AUTHENTICATE XOAUTH2 {}", STANDARD.encode(X)), "t BAD", "SASL-IR"),
    ] {
        assert!(c.ask(&command).await[0].starts_with(answer), "{command}");
        assert!(server.sins().last().unwrap().contains(sin), "{:?}", server.sins());
    }
    for text in [
        "user=a\u{1}auth=Bearer good\u{1}",
        "user=a\u{1}auth=good\u{1}\u{1}",
        "user=a\u{1}host=b\u{1}auth=Bearer good\u{1}\u{1}",
        "n,a=a,\u{1}auth=Bearer good\u{1}\u{1}",
        "",
    ] {
        let before = server.sins().len();
        c.send("t AUTHENTICATE XOAUTH2\r\n").await;
        c.line().await.unwrap();
        c.send(&format!("{}\r\n", STANDARD.encode(text))).await;
        assert!(c.until_tag().await[0].starts_with("t BAD"), "{text:?}");
        assert_eq!(server.sins().len(), before + 1);
    }
    assert!(server.logins().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_when_its_token_does_or_its_owner_wants_it() {
    let server = with_tokens();
    let enter = async |token: &str| {
        let mut c = hello(&server).await;
        c.ask(&format!("AUTHENTICATE XOAUTH2 {}", STANDARD.encode(X.replace("good", token)))).await;
        c.ask("SELECT INBOX").await;
        c.send("t IDLE\r\n").await;
        assert_eq!(c.line().await.unwrap(), "+ idling");
        c
    };
    let mut short = enter("short").await;
    server.deliver("INBOX", &mail(1), super::at());
    assert_eq!(short.line().await.unwrap(), "* 1 EXISTS");
    assert_eq!(short.until_tag().await.last().unwrap(), "* BYE Session expired, please login again.");
    let (mut one, mut other) = (enter("good").await, enter("short").await);
    server.end_of("good", "token expired");
    assert_eq!(one.until_tag().await, ["* BYE token expired"]);
    server.end_all("going home");
    assert_eq!(other.until_tag().await, ["* BYE going home"]);
    let mut c = hello(&server).await;
    let said = c.ask(&format!("AUTHENTICATE XOAUTH2 {}", STANDARD.encode(X.replace("good", "storm")))).await;
    assert_eq!(said, ["* BYE too much"]);
}

#[tokio::test]
async fn passwords_are_still_passwords() {
    let server = Server::new("u", "p");
    server.offer("AUTH=XOAUTH2");
    server.admit(|offer| match (offer.mechanism, offer.secret.as_str()) {
        (Mechanism::Login | Mechanism::Plain, "app") => Admission::In,
        _ => Admission::no("[ALERT] Application-specific password required"),
    });
    let mut c = hello(&server).await;
    check(&mut c, "LOGIN u p", &["t NO [ALERT] Application-specific password required"]).await;
    // this one is refused without a challenge
    let said = c.ask(&format!("AUTHENTICATE XOAUTH2 {}", STANDARD.encode(X))).await;
    assert_eq!(said, ["t NO [ALERT] Application-specific password required"]);
    assert!(c.ask(&format!("AUTHENTICATE PLAIN {}", STANDARD.encode("\0u\0app"))).await[0].starts_with("t OK"));
}
