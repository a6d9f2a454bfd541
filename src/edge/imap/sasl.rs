//! Shows a password or a token to a server: which mechanism (RFC 3501, 6.2; RFC 4959), what is sent, and what an error
//! challenge is answered with.
//!
//! XOAUTH2 is as Google and Microsoft write it down
//! (<https://developers.google.com/workspace/gmail/imap/xoauth2-protocol>,
//! <https://learn.microsoft.com/en-us/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth>),
//! OAUTHBEARER as RFC 7628.

use super::error::ImapError;
use super::response::{Condition, Response, Status};
use super::wire::{Answer, Line, Piece, Turn};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeSet;

/// What a login shows.
#[derive(Clone, Copy)]
pub(super) enum Shown<'a> {
    Password(&'a SecretString),
    Token(&'a SecretString),
}

/// Who logs in where.
#[derive(Clone, Copy)]
pub(super) struct Who<'a> {
    pub(super) account: &'a str,
    pub(super) user: &'a str,
    /// Host and port that were dialled; `None`: not over a network.
    pub(super) server: Option<(&'a str, u16)>,
}

/// How it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// AUTHENTICATE XOAUTH2.
    XOAuth2,
    /// AUTHENTICATE OAUTHBEARER (RFC 7628).
    OAuthBearer,
    /// AUTHENTICATE PLAIN (RFC 4616).
    Plain,
    /// The command LOGIN.
    Login,
}

/// The server's answer to a login.
pub(super) enum Outcome {
    In(Answer),
    Refused(Refused),
}

/// What a server says when it refuses a login.
pub(super) struct Refused {
    pub(super) status: Status,
    /// What it said of the token before.
    pub(super) challenge: Option<Vec<u8>>,
}

impl Way {
    /// The best one that a server with these capabilities offers. Of the two for tokens the one comes first that the
    /// great providers document; both say the same.
    pub(super) fn of(can: &BTreeSet<String>, token: bool) -> Option<Self> {
        let offers = |word: &str| can.contains(word);
        match token {
            true if offers("AUTH=XOAUTH2") => Some(Self::XOAuth2),
            true if offers("AUTH=OAUTHBEARER") => Some(Self::OAuthBearer),
            true => None,
            false if offers("AUTH=PLAIN") => Some(Self::Plain),
            false if offers("LOGINDISABLED") => None,
            false => Some(Self::Login),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::XOAuth2 => "XOAUTH2",
            Self::OAuthBearer => "OAUTHBEARER",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
        }
    }

    /// What ends the exchange after an error challenge: nothing (XOAUTH2), or a single ^A (RFC 7628, 3.2.3). Never what was
    /// shown before. A password is not challenged: a server that does wants something else than to let us in.
    fn giving_in(self) -> Option<&'static str> {
        match self {
            Self::XOAuth2 => Some(""),
            Self::OAuthBearer => Some("AQ=="),
            Self::Plain | Self::Login => None,
        }
    }

    /// What is shown, not yet in base64. `Err` says what cannot be written so that it arrives as it is.
    fn response(self, who: &Who<'_>, secret: &str) -> Result<SecretString, &'static str> {
        if who.user.is_empty() || who.user.chars().any(char::is_control) {
            return Err("the user is empty, or there is something in it that cannot be written (a control character)");
        }
        let user = who.user;
        let text = match self {
            // what stands between, before and after could be mistaken for more than a token (RFC 6750, 2.1)
            Self::XOAuth2 | Self::OAuthBearer if secret.is_empty() || !secret.bytes().all(|b| b.is_ascii_graphic()) => {
                return Err(
                    "the token is empty, or there is something in it that no token has (a space, a line break)",
                );
            }
            Self::XOAuth2 => format!("user={user}\u{1}auth=Bearer {secret}\u{1}\u{1}"),
            Self::OAuthBearer => {
                // RFC 5801, 4: the two signs that the header itself uses
                let user = user.replace('=', "=3D").replace(',', "=2C");
                let (host, port) = match who.server {
                    Some((host, port)) => (format!("host={host}\u{1}"), format!("port={port}\u{1}")),
                    None => (String::new(), String::new()),
                };
                format!("n,a={user},\u{1}{host}{port}auth=Bearer {secret}\u{1}\u{1}")
            }
            Self::Plain | Self::Login if secret.contains('\0') => {
                return Err("there is something in the password that cannot be written (a byte of zero)");
            }
            Self::Plain => format!("\0{user}\0{secret}"),
            Self::Login => String::new(),
        };
        Ok(SecretString::from(text))
    }
}

/// What XOAUTH2 shows, in base64: SMTP wants it in the same form.
///
/// # Errors
/// What cannot be written so that it arrives as it is.
pub(in crate::edge) fn xoauth2(user: &str, token: &SecretString) -> Result<SecretString, &'static str> {
    let who = Who { account: "", user, server: None };
    let text = Way::XOAuth2.response(&who, token.expose_secret())?;
    Ok(SecretString::from(STANDARD.encode(text.expose_secret())))
}

/// The way that is taken, known before there is anything to show.
///
/// # Errors
/// The server offers none.
pub(super) fn way(account: &str, can: &BTreeSet<String>, token: bool) -> Result<Way, ImapError> {
    Way::of(can, token).ok_or_else(|| {
        let what = if token {
            "the server offers no login with a token (neither XOAUTH2 nor OAUTHBEARER): give a password instead"
        } else if can.contains("AUTH=XOAUTH2") || can.contains("AUTH=OAUTHBEARER") {
            "the server allows no login with a password, only with a token (docs/logins.md)"
        } else {
            "the server allows no login with a password here (is it encrypted?)"
        };
        ImapError::ask(account, what)
    })
}

/// Logs in once. Nothing of the secret is in what it answers, and nothing is sent of one that would not arrive as it is.
pub(super) async fn log_in(
    line: &mut Line,
    can: &BTreeSet<String>,
    who: Who<'_>,
    shown: Shown<'_>,
) -> Result<Outcome, ImapError> {
    let (secret, token) = match shown {
        Shown::Password(secret) => (secret, false),
        Shown::Token(secret) => (secret, true),
    };
    let way = way(who.account, can, token)?;
    let text = way.response(&who, secret.expose_secret()).map_err(|what| ImapError::ask(who.account, what))?;
    if way == Way::Login {
        let pieces = [
            Piece::Plain("LOGIN "),
            Piece::Text(who.user.as_bytes()),
            Piece::Plain(" "),
            Piece::Text(secret.expose_secret().as_bytes()),
        ];
        let answer = line.command(&pieces).await?;
        return Ok(outcome(answer, None));
    }
    let text = SecretString::from(STANDARD.encode(text.expose_secret()));
    converse(who.account, line, way, can.contains("SASL-IR").then_some(&text), &text).await
}

fn outcome(answer: Answer, challenge: Option<Vec<u8>>) -> Outcome {
    match answer.status.condition {
        Condition::Ok => Outcome::In(answer),
        _ => Outcome::Refused(Refused { status: answer.status, challenge }),
    }
}

async fn converse(
    account: &str,
    line: &mut Line,
    way: Way,
    at_once: Option<&SecretString>,
    text: &SecretString,
) -> Result<Outcome, ImapError> {
    let mut untagged: Vec<Response> = Vec::new();
    let tag = match at_once {
        Some(text) => {
            let pieces = [
                Piece::Plain("AUTHENTICATE "),
                Piece::Plain(way.word()),
                Piece::Plain(" "),
                Piece::Plain(text.expose_secret()),
            ];
            line.send(&pieces, &mut untagged).await?
        }
        None => line.send(&[Piece::Plain("AUTHENTICATE "), Piece::Plain(way.word())], &mut untagged).await?,
    };
    let mut shown = at_once.is_some();
    let mut challenge = None;
    loop {
        match line.turn(&tag, &mut untagged).await? {
            Turn::Over(status) => return Ok(outcome(Answer { status, untagged }, challenge)),
            Turn::More(_) if !shown => {
                shown = true;
                line.write(format!("{}\r\n", text.expose_secret()).as_bytes()).await?;
            }
            Turn::More(said) => match way.giving_in() {
                Some(end) if challenge.is_none() => {
                    challenge = Some(said);
                    line.write(format!("{end}\r\n").as_bytes()).await?;
                }
                // who asks so once does it again: the secret is not shown to it every second
                _ => {
                    let what = "the server asks for more than there is to say (is it the right one, and does it take this \
                                kind of login?)";
                    return Err(ImapError::ask(account, what));
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn who(user: &str) -> Who<'_> {
        Who { account: "a", user, server: Some(("imap.example.com", 993)) }
    }

    fn said(way: Way, user: &str, secret: &str) -> Result<String, &'static str> {
        way.response(&who(user), secret).map(|text| STANDARD.encode(text.expose_secret()))
    }

    #[test]
    fn responses_are_those_that_are_documented() {
        // Google's page
        let google = said(Way::XOAuth2, "someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg");
        assert_eq!(
            google.unwrap(),
            "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52\
             YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ=="
        );
        // RFC 7628, 4.1
        let server = Some(("server.example.com", 143));
        let who = Who { account: "a", user: "user@example.com", server };
        let text = Way::OAuthBearer.response(&who, "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==").unwrap();
        assert_eq!(
            STANDARD.encode(text.expose_secret()),
            "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52\
             YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"
        );
        // RFC 4616, 4
        assert_eq!(said(Way::Plain, "tim", "tanstaaftanstaaf").unwrap(), "AHRpbQB0YW5zdGFhZnRhbnN0YWFm");
        let text = Way::OAuthBearer.response(&Who { user: "a,b=c@x", server: None, ..who }, "t").unwrap();
        assert_eq!(text.expose_secret(), "n,a=a=2Cb=3Dc@x,\u{1}auth=Bearer t\u{1}\u{1}");
    }

    #[test]
    fn the_best_way_that_is_offered_is_taken() {
        for (words, token, way) in [
            ("AUTH=XOAUTH2 AUTH=OAUTHBEARER AUTH=PLAIN", true, Some(Way::XOAuth2)),
            ("AUTH=OAUTHBEARER AUTH=PLAIN", true, Some(Way::OAuthBearer)),
            ("AUTH=PLAIN AUTH=LOGIN", true, None),
            ("AUTH=XOAUTH2 AUTH=PLAIN", false, Some(Way::Plain)),
            ("AUTH=PLAIN LOGINDISABLED", false, Some(Way::Plain)),
            ("AUTH=XOAUTH2 LOGINDISABLED", false, None),
            ("IDLE", false, Some(Way::Login)),
        ] {
            let can = words.split(' ').map(str::to_owned).collect();
            assert_eq!(Way::of(&can, token), way, "{words}");
        }
    }

    #[test]
    fn what_would_not_arrive_as_it_is_is_not_sent() {
        for way in [Way::XOAuth2, Way::OAuthBearer] {
            for bad in ["", "a b", "a\u{1}", "a\r", "a\n", "a\0", "ä", "a\u{7f}"] {
                assert!(way.response(&who("u"), bad).is_err(), "{bad:?}");
            }
        }
        for way in [Way::XOAuth2, Way::OAuthBearer, Way::Plain, Way::Login] {
            for bad in ["", "a\u{1}auth=Bearer x", "a\r\nb", "a\0b"] {
                assert!(way.response(&who(bad), "t").is_err(), "{bad:?}");
            }
        }
        assert!(Way::Plain.response(&who("u"), "p\0q").is_err() && Way::Login.response(&who("u"), "p\0q").is_err());
        assert!(Way::Plain.response(&who("u"), "päß wörd").is_ok());
    }

    proptest! {
        #[test]
        fn user_and_token_come_out_as_they_went_in(user in "[^\\p{Cc}]{1,40}", token in "[!-~]{1,60}") {
            let text = Way::XOAuth2.response(&who(&user), &token).unwrap();
            let mut parts = text.expose_secret().split('\u{1}');
            let expected = [format!("user={user}"), format!("auth=Bearer {token}"), String::new(), String::new()];
            prop_assert!(expected.iter().all(|part| parts.next() == Some(part)) && parts.next().is_none());
            let text = Way::OAuthBearer.response(&who(&user), &token).unwrap();
            let header = text.expose_secret().split('\u{1}').next().unwrap();
            let name = header.strip_prefix("n,a=").and_then(|rest| rest.strip_suffix(',')).unwrap();
            prop_assert!(!name.contains(','));
            prop_assert_eq!(name.replace("=2C", ",").replace("=3D", "="), user);
        }
    }
}
