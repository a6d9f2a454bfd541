//! What a refused login means, and what to do about it. Pure: the server's words in, a meaning and a sentence out.
//!
//! Codes (RFC 5530) count before words, words before guesses. Servers write what they like: the rules look for what is
//! meant, not for whole sentences, and a server that says nothing clear is told as that. Which words were seen where is
//! written down in docs/logins.md.

use crate::edge::Advice;
use crate::provider::{LoginKind, Provider};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::time::Duration;

/// Longest error challenge that is looked into, in bytes of base64.
const CHALLENGE: usize = 8192;
/// Longest text that is looked into, in characters.
const TEXT: usize = 1000;
/// After "too many attempts" a server is left alone for so long at least, and for longer each time.
const ATTEMPTS: Duration = Duration::from_secs(900);
/// So long at least after a login in name only, and for longer each time.
const IN_NAME_ONLY: Duration = Duration::from_secs(60);

/// What a refused login means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// The token is not good any more, or never was.
    TokenExpired,
    /// The token is good, and not for this: access to mail was not granted, or it is another account's.
    ScopeMissing,
    /// A password made for one program is wanted, not the account's own.
    AppPasswordNeeded,
    /// The provider takes no passwords at all, only tokens.
    TokenNeeded,
    /// The provider wants to see the shopper in a browser first.
    BrowserNeeded,
    /// Access by IMAP is switched off in the account.
    ImapSwitchedOff,
    /// Letters by SMTP are switched off in the account.
    SmtpSwitchedOff,
    /// Too many connections at once.
    TooManyLogins,
    /// Too many attempts, or too much, in too little time.
    TooManyAttempts,
    /// Let in, and connected to no mailbox: too many connections or logins, or access to mail was not granted.
    InNameOnly,
    /// User or password.
    WrongPassword,
    /// The server's own trouble.
    Temporary,
    /// Its words do not tell.
    Unclear,
}

/// What was heard.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heard<'a> {
    /// The response code, upper case; empty when there is none.
    pub code: &'a str,
    /// What the server said.
    pub text: &'a str,
    /// The error challenge of a token, in base64 as it came.
    pub challenge: Option<&'a [u8]>,
    /// A token was shown, not a password.
    pub token: bool,
    /// Whose server it is, if that is known.
    pub provider: Option<&'a Provider>,
}

/// What stands in an error challenge (RFC 7628, 3.2.2; Google writes numbers as text). Anything else is passed over.
fn status(challenge: &[u8]) -> Option<String> {
    let text = challenge.get(..challenge.len().min(CHALLENGE))?.trim_ascii();
    let json = STANDARD.decode(text).ok()?;
    let value: serde_json::Value = serde_json::from_slice(&json).ok()?;
    let status = value.get("status").or_else(|| value.get("error"))?;
    let text = status.as_str().map(str::to_owned).or_else(|| status.as_u64().map(|number| number.to_string()))?;
    Some(text.chars().take(60).collect::<String>().to_ascii_lowercase())
}

impl Heard<'_> {
    fn words(&self) -> String {
        self.text.chars().take(TEXT).collect::<String>().to_lowercase()
    }

    /// What it means.
    #[must_use]
    pub fn meaning(&self) -> Refusal {
        let words = self.words();
        let says = |any: &[&str]| any.iter().any(|word| words.contains(word));
        let challenge = self.challenge.and_then(status).unwrap_or_default();
        match self.code {
            "UNAVAILABLE" | "INUSE" | "SERVERBUG" => return Refusal::Temporary,
            "LIMIT" if attempts(&words) => return Refusal::TooManyAttempts,
            "LIMIT" => return Refusal::TooManyLogins,
            "WEBALERT" => return Refusal::BrowserNeeded,
            _ => {}
        }
        // Gmail sends a challenge, and only then says that it is about something else: words come first
        if too_many(&words) {
            return if attempts(&words) { Refusal::TooManyAttempts } else { Refusal::TooManyLogins };
        }
        // Outlook says the same of a scope that is missing and of too many connections or logins
        if says(&["authenticated but not connected"]) {
            return Refusal::InNameOnly;
        }
        // Exchange, of a token as of a password: no other one is taken either
        if says(&["smtpclientauthentication is disabled", "smtp_auth_disabled"]) {
            return Refusal::SmtpSwitchedOff;
        }
        if !self.token && says(&NO_PASSWORDS) {
            return Refusal::TokenNeeded;
        }
        if switched_off(&words) {
            return Refusal::ImapSwitchedOff;
        }
        if !self.token {
            let one_program = ["application-specific", "app-specific", "app specific", "application specific"];
            if says(&one_program)
                || says(&[
                    "app password", "application password", "secondfactor", "アプリパスワード", "アプリ パスワード",
                ])
                || says(&["2-step", "two-step", "two factor", "two-factor", "2段階"])
            {
                return Refusal::AppPasswordNeeded;
            }
        }
        if says(&["web browser", "web login", "via your browser", "verify your identity", "sign in to your account"]) {
            return Refusal::BrowserNeeded;
        }
        if self.token {
            // the scope that a token has is often named besides
            if challenge == "invalid_token" || says(&["expired", "invalid_token", "invalid token", "revoked"]) {
                return Refusal::TokenExpired;
            }
            let wrong_scope = challenge == "insufficient_scope" || challenge == "invalid_scope";
            let named = ["insufficient_scope", "invalid_scope", "accessasuser"];
            if wrong_scope || says(&named) {
                return Refusal::ScopeMissing;
            }
        }
        match self.code {
            // the token is good, and for somebody else (RFC 5530)
            "AUTHORIZATIONFAILED" if self.token => return Refusal::ScopeMissing,
            "AUTHENTICATIONFAILED" | "EXPIRED" if self.token => return Refusal::TokenExpired,
            "AUTHENTICATIONFAILED" | "EXPIRED" => return self.without_words(),
            _ => {}
        }
        let failed = [
            "authentication fail", "authenticate fail", "login fail", "logon fail", "logondenied", "not authenticated",
            "invalid credential", "bad credential", "invalid login", "invalid user", "incorrect", "wrong",
            "bad password", "invalid password", "unable to log", "認証", "パスワード",
        ];
        // Dovecot's own sentence for its own trouble, where an older one sends no code
        let own_trouble = words.starts_with("temporary authentication failure");
        let failed = !own_trouble && says(&failed);
        if !failed && says(&["locked", "blocked", "suspended"]) && !says(&["mailbox", "folder", "database"]) {
            return Refusal::BrowserNeeded;
        }
        // only where nothing says otherwise: who takes "wrong password" for an accident tries it again and again, and a
        // lock that ends by itself ("temporarily locked") is kept shut by it
        let passes =
            ["temporar", "unavailable", "internal error", "server error", "overload", "maintenance", "server busy"];
        if !failed && says(&passes) {
            return Refusal::Temporary;
        }
        if self.token && told(&challenge) {
            return Refusal::TokenExpired;
        }
        match failed {
            true if self.token => Refusal::TokenExpired,
            true => self.without_words(),
            false if self.token && self.challenge.is_some() => Refusal::TokenExpired,
            false => Refusal::Unclear,
        }
    }

    /// "Wrong" without a word of what: where the account's own password is never taken, that is the first guess.
    fn without_words(&self) -> Refusal {
        let takes = |kind| self.provider.is_none_or(|provider| provider.takes(&[kind]));
        match (takes(LoginKind::Password), takes(LoginKind::AppPassword)) {
            (true, _) => Refusal::WrongPassword,
            (false, true) => Refusal::AppPasswordNeeded,
            (false, false) => Refusal::TokenNeeded,
        }
    }

    /// What to do next. Where in doubt the shopper is asked: trying again and again locks accounts.
    #[must_use]
    pub fn advice(&self) -> Advice {
        match self.meaning() {
            Refusal::Temporary => Advice::Again(None),
            Refusal::TooManyAttempts => Advice::Again(Some(ATTEMPTS)),
            Refusal::InNameOnly => Advice::Again(Some(IN_NAME_ONLY)),
            Refusal::TooManyLogins => Advice::Again(None),
            _ => Advice::Ask,
        }
    }

    /// Whether another token could be taken where this one was not.
    #[must_use]
    pub fn another_may_do(&self) -> bool {
        self.token && matches!(self.meaning(), Refusal::TokenExpired | Refusal::Unclear)
    }
}

/// It tells that the token is at fault (RFC 6750, 3.1, or the number of HTTP that Google writes).
fn told(status: &str) -> bool {
    matches!(status, "invalid_token" | "invalid_request" | "400" | "401")
}

fn too_many(words: &str) -> bool {
    let says = |any: &[&str]| any.iter().any(|one| words.contains(one));
    let what = ["connection", "login", "session", "attempt", "failure", "request", "limit", "command"];
    // a mailbox that is full has exceeded a limit, too
    let many = says(&["too many", "maximum number"])
        || (says(&["exceed"]) && !says(&["storage", "quota", "space", "size", "mailbox"]));
    says(&["simultaneous", "rate limit"]) || (many && says(&what))
}

/// It is about how often, not about how many at once.
fn attempts(words: &str) -> bool {
    let words = words.replace("(failure)", "");
    let says = |any: &[&str]| any.iter().any(|one| words.contains(one));
    let often = says(&["attempt", "rate limit"]);
    let at_once = says(&["simultaneous", "concurrent", "connection", "session"]);
    often || (!at_once && says(&["failed", "failure", "bandwidth", "command"]))
}

/// No passwords are taken, and what is: whatever else is named with it.
const NO_PASSWORDS: [&str; 4] = ["basicauth", "basic auth", "modern auth", "oauth"];

fn switched_off(words: &str) -> bool {
    let says = |any: &[&str]| any.iter().any(|one| words.contains(one));
    let off = [
        "disabled", "not enabled", "enable imap", "enable your account", "yet to enable", "turned off", "switched off",
        "not allowed", "not permitted", "無効にな", "無効化", "許可されて", "有効にし", "オフにな", "オフです",
    ];
    // as a word by itself: not in the name of a server
    let stands = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let imap = words.split(|c| !stands(c)).any(|word| word.trim_matches('.') == "imap");
    // a password or the login may be what is not good
    imap && says(&off) && !says(&NO_PASSWORDS) && !says(&["認証", "パスワード"])
}

/// Whose login was refused, and what of it is known.
#[derive(Clone, Copy, Debug)]
pub struct Whose<'a> {
    /// The account's name in the configuration, where access was granted to modori itself.
    pub account: &'a str,
    /// Who logged in.
    pub user: &'a str,
    /// With a token that a program of the shopper's gives.
    pub program: bool,
    /// It was refused once more, with a token that had just been renewed.
    pub renewed: bool,
    /// By which protocol: `IMAP` or `SMTP`.
    pub over: &'static str,
    /// Whose server it is, if that is known.
    pub provider: Option<&'a Provider>,
}

impl Refusal {
    /// What to do, for people.
    #[must_use]
    pub fn remedy(self, whose: &Whose<'_>) -> String {
        let Whose { account, user, program, renewed, over, provider } = *whose;
        let label = provider.map_or("your provider", |provider| provider.label.as_str());
        // what the provider's file knows better than a general sentence
        let known = provider.map(|provider| provider.refused.as_str()).filter(|text| !text.is_empty());
        let agree = match program {
            true => "see to the program behind `access_token`".to_owned(),
            false => format!("run: modori login {account}"),
        };
        match self {
            Self::TokenExpired if renewed => format!(
                "a token that had just been renewed was refused, too: it may be another account's than {user}, or access \
                 to mail was not granted, or {over} is switched off there. Look at that, then {agree}"
            ),
            Self::TokenExpired => format!("the access that was granted has ended, or was never good; {agree}"),
            Self::ScopeMissing => format!(
                "the token is good, and not for this mailbox: access to mail was not granted, or it was granted for \
                 another account than {user}, or {over} is switched off there; {agree}, as {user}, and agree to access to mail"
            ),
            Self::AppPasswordNeeded => known.map(str::to_owned).unwrap_or_else(|| {
                "a password made for this one program (app password) is wanted, not the account's own: make one in the \
                 settings of your account, under security, and give modori that one"
                    .to_owned()
            }),
            Self::TokenNeeded => format!(
                "{label} takes no passwords from mail programs any more, only tokens: set up [account.oauth] \
                 (docs/providers.md), then run: modori login {account}"
            ),
            Self::BrowserNeeded => format!(
                "{label} wants to see you first: log in with a browser and confirm that it was you, then run: modori \
                 doctor. If it says the same again, an app password or a token is wanted"
            ),
            Self::ImapSwitchedOff => match known.filter(|text| text.contains("IMAP")) {
                Some(known) => format!("IMAP is switched off in this account. {known}"),
                None => format!(
                    "IMAP is switched off in this account: switch it on in the mail settings of {label} (for an account \
                     of a company or a school its administrator does), then run: modori doctor"
                ),
            },
            Self::SmtpSwitchedOff => format!(
                "sending by SMTP is switched off in this account: switch it on in the mail settings of {label} (SMTP AUTH; \
                 for an account of a company or a school its administrator does), then run: modori doctor"
            ),
            Self::TooManyLogins => {
                "too many connections at once: other programs and telephones count, too. It is tried again later"
                    .to_owned()
            }
            Self::TooManyAttempts => {
                "too many attempts in too little time, by modori or by another program: check user \
                                      and password (or token) in each of them. It is tried again after a quarter of an \
                                      hour, then after twice as long each time, up to an hour"
                    .to_owned()
            }
            Self::InNameOnly => format!(
                "the login is good, and no mailbox was connected. Either there were too many connections or logins (other \
                 programs and telephones count, too): it is tried again after a minute, then after twice as long each \
                 time, up to an hour. Or, if it stays so, access to mail was not granted, or was granted for another \
                 account than {user}, or {over} is switched off there: {agree}"
            ),
            Self::WrongPassword => match known {
                Some(known) => format!("check user and password: {known}"),
                None => {
                    "check user and password (some providers want an app password), then run: modori doctor".to_owned()
                }
            },
            Self::Temporary => "this passes by itself and is tried again".to_owned(),
            Self::Unclear => format!(
                "its words do not tell why: check user, password or token, and whether {over} is switched on{}",
                known.map(|known| format!(". {known}")).unwrap_or_default()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Refusal::*;
    use super::*;
    use proptest::prelude::*;

    fn provider(login: &[LoginKind]) -> Provider {
        Provider { login: login.to_vec(), ..crate::provider::named("gmail").unwrap().clone() }
    }

    const GOOGLE: &[u8] =
        b"eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwuZ29vZ2xlLmNvbS8ifQ==";

    #[test]
    fn passwords() {
        let app = provider(&[LoginKind::AppPassword, LoginKind::Oauth]);
        let only_tokens = provider(&[LoginKind::Oauth]);
        for (whose, code, text, meaning) in [
            // Gmail
            (
                Some(&app),
                "ALERT",
                "Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)",
                AppPasswordNeeded,
            ),
            (Some(&app), "AUTHENTICATIONFAILED", "Invalid credentials (Failure)", AppPasswordNeeded),
            (Some(&app), "ALERT", "Invalid credentials (Failure)", AppPasswordNeeded),
            (
                Some(&app),
                "ALERT",
                "Your account is not enabled for IMAP use. Please visit your Gmail settings page and enable your account for IMAP access. (Failure)",
                ImapSwitchedOff,
            ),
            (
                Some(&app),
                "ALERT",
                "IMAP access is disabled for your domain. Please contact your domain administrator for questions about this feature. (Failure)",
                ImapSwitchedOff,
            ),
            (
                Some(&app),
                "ALERT",
                "Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)",
                BrowserNeeded,
            ),
            (Some(&app), "WEBALERT", "Web login required.", BrowserNeeded),
            (Some(&app), "ALERT", "Too many simultaneous connections. (Failure)", TooManyLogins),
            (Some(&app), "ALERT", "Account exceeded command or bandwidth limits. (Failure)", TooManyAttempts),
            // Outlook.com
            (Some(&only_tokens), "", "LOGIN failed.", TokenNeeded),
            (Some(&only_tokens), "", "AUTHENTICATE failed.", TokenNeeded),
            (Some(&only_tokens), "", "Basic authentication is disabled.", TokenNeeded),
            (None, "", "LOGIN failed. LogonDenied-BasicAuthBlocked", TokenNeeded),
            (
                None,
                "",
                "LOGIN failed. Account is blocked. Login to your account via a web browser to verify your identity.",
                BrowserNeeded,
            ),
            (None, "", "User is authenticated but not connected.", InNameOnly),
            // iCloud, Fastmail, Yahoo!, Dovecot, Cyrus, Courier
            (Some(&app), "AUTHENTICATIONFAILED", "Authentication Failed", AppPasswordNeeded),
            (Some(&app), "AUTHENTICATIONFAILED", "Incorrect username, password or access token", AppPasswordNeeded),
            (Some(&app), "", "Incorrect username or password.", AppPasswordNeeded),
            (None, "", "Sorry, you need to create an app password to use this service", AppPasswordNeeded),
            (None, "AUTHENTICATIONFAILED", "LOGIN Invalid credentials", WrongPassword),
            (None, "AUTHENTICATIONFAILED", "Authentication failed.", WrongPassword),
            (None, "UNAVAILABLE", "Temporary authentication failure. [mail:2026-11-25 10:00:00]", Temporary),
            (
                None,
                "LIMIT",
                "Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
                TooManyLogins,
            ),
            (None, "", "Login failed: authentication failure", WrongPassword),
            (None, "", "Login failed.", WrongPassword),
            (None, "AUTHORIZATIONFAILED", "Authorization failed", Unclear),
            (None, "EXPIRED", "Password expired", WrongPassword),
            (None, "CONTACTADMIN", "Your mailbox is gone", Unclear),
            (
                None,
                "",
                "You are yet to enable IMAP for your account. Please contact your administrator",
                ImapSwitchedOff,
            ),
            (None, "AUTHENTICATIONFAILED", "LOGIN invalid credentials or IMAP is disabled", ImapSwitchedOff),
            (None, "", "認証に失敗しました", WrongPassword),
            (None, "", "IMAPの利用が許可されていません", ImapSwitchedOff),
            (None, "", "IMAPアクセスが無効になっています", ImapSwitchedOff),
            (None, "", "IMAP用パスワードが無効です", WrongPassword),
            (None, "", "IMAPの認証がオフです。パスワードをご確認ください", WrongPassword),
            (None, "", "IMAPのご利用はオフィスまで", Unclear),
            (None, "", "imap.example.com: user not allowed", Unclear),
            (None, "", "Basic authentication is disabled for IMAP", TokenNeeded),
            (None, "", "Server maintenance, temporarily unavailable", Temporary),
            (None, "", "Temporary authentication failure.", Temporary),
            (None, "", "Your mailbox exceeded its storage limit", Unclear),
            (None, "", "Too many failed login attempts", TooManyAttempts),
            (None, "", "", Unclear),
            // not an accident, whatever it says besides: tried again and again it locks the account
            (None, "AUTHENTICATIONFAILED", "Temporary internal error, please try again", WrongPassword),
            (None, "", "Login failed, please try again", WrongPassword),
            (None, "", "Login failed: wrong password, account temporarily locked", WrongPassword),
            (None, "", "Account temporarily locked", BrowserNeeded),
            (None, "", "This account was suspended, service unavailable", BrowserNeeded),
        ] {
            let heard = Heard { code, text, provider: whose, ..Heard::default() };
            assert_eq!(heard.meaning(), meaning, "[{code}] {text}");
            let waits = matches!(meaning, Temporary | TooManyLogins | TooManyAttempts | InNameOnly);
            assert_eq!(heard.advice() != Advice::Ask, waits, "[{code}] {text}");
            assert!(!heard.another_may_do());
        }
    }

    #[test]
    fn tokens() {
        let expired = STANDARD.encode(r#"{"status":"invalid_token","scope":"example_scope"}"#);
        let scope = STANDARD.encode(r#"{"status":"insufficient_scope"}"#);
        let number = STANDARD.encode(r#"{"status":401}"#);
        for (challenge, code, text, meaning) in [
            (Some(GOOGLE), "AUTHENTICATIONFAILED", "Invalid credentials (Failure)", TokenExpired),
            (Some(GOOGLE), "", "SASL authentication failed", TokenExpired),
            (Some(GOOGLE), "ALERT", "Too many simultaneous connections. (Failure)", TooManyLogins),
            (Some(GOOGLE), "ALERT", "Your account is not enabled for IMAP use.", ImapSwitchedOff),
            (Some(expired.as_bytes()), "", "no", TokenExpired),
            (Some(scope.as_bytes()), "", "no", ScopeMissing),
            (Some(scope.as_bytes()), "AUTHENTICATIONFAILED", "Authentication failed.", ScopeMissing),
            (Some(number.as_bytes()), "", "", TokenExpired),
            (None, "", "AUTHENTICATE failed.", TokenExpired),
            (None, "", "User is authenticated but not connected.", InNameOnly),
            (None, "AUTHENTICATIONFAILED", "Authentication failed.", TokenExpired),
            (None, "AUTHORIZATIONFAILED", "not yours", ScopeMissing),
            (None, "EXPIRED", "", TokenExpired),
            (None, "UNAVAILABLE", "Temporary authentication failure.", Temporary),
            (None, "", "no", Unclear),
            (None, "", "token expired (scope=mail)", TokenExpired),
            (Some(scope.as_bytes()), "", "invalid_token", TokenExpired),
            (None, "", "Basic authentication is disabled for IMAP", Unclear),
            (None, "", "the token has no IMAP.AccessAsUser.All", ScopeMissing),
            (None, "", "telescope", Unclear),
            (
                None,
                "AUTHENTICATIONFAILED",
                "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled",
                SmtpSwitchedOff,
            ),
            // challenges that are none
            (Some(b"".as_slice()), "", "no", TokenExpired),
            (Some(b"!!!".as_slice()), "", "no", TokenExpired),
            (Some(b"e30=".as_slice()), "UNAVAILABLE", "later", Temporary),
        ] {
            let heard = Heard { code, text, challenge, token: true, provider: None };
            assert_eq!(heard.meaning(), meaning, "{challenge:?} [{code}] {text}");
            assert_eq!(heard.another_may_do(), matches!(meaning, TokenExpired | Unclear), "[{code}] {text}");
        }
        let nested = STANDARD.encode("[".repeat(5000));
        assert_eq!(status(nested.as_bytes()), None);
        assert_eq!(status(&vec![b'A'; 100_000]), None);
        let long = STANDARD.encode(format!(r#"{{"status":"{}"}}"#, "x".repeat(1000)));
        assert_eq!(status(long.as_bytes()).unwrap().len(), 60);
    }

    #[test]
    fn a_server_that_counts_attempts_is_left_alone() {
        for (text, advice) in [
            ("Too many simultaneous connections. (Failure)", Advice::Again(None)),
            ("Account exceeded command or bandwidth limits. (Failure)", Advice::Again(Some(ATTEMPTS))),
            ("Too many login failures", Advice::Again(Some(ATTEMPTS))),
            ("LOGIN Rate limit hit", Advice::Again(Some(ATTEMPTS))),
            ("Too many connection attempts", Advice::Again(Some(ATTEMPTS))),
            ("Login failed: too many connections", Advice::Again(None)),
            ("User is authenticated but not connected.", Advice::Again(Some(IN_NAME_ONLY))),
            ("Too many sessions, generated by you", Advice::Again(None)),
        ] {
            assert_eq!(Heard { text, ..Heard::default() }.advice(), advice, "{text}");
        }
    }

    #[test]
    fn every_sentence_says_what_to_do() {
        let named = crate::provider::named;
        for (refusal, provider, words) in [
            (TokenExpired, None, "run: modori login home"),
            (ScopeMissing, None, "agree to access to mail"),
            (AppPasswordNeeded, named("gmail"), "https://myaccount.google.com/apppasswords"),
            (AppPasswordNeeded, None, "a password made for this one program"),
            (TokenNeeded, named("outlook"), "Outlook.com takes no passwords"),
            (BrowserNeeded, None, "log in with a browser"),
            (ImapSwitchedOff, named("yahoo-japan"), "IMAP/POP/SMTPアクセス"),
            (ImapSwitchedOff, named("gmail"), "switch it on in the mail settings of Gmail"),
            (TooManyLogins, None, "tried again later"),
            (SmtpSwitchedOff, None, "sending by SMTP is switched off"),
            (TooManyAttempts, None, "check user and password"),
            (InNameOnly, None, "too many connections or logins"),
            (InNameOnly, None, "access to mail was not granted"),
            (WrongPassword, named("icloud"), "https://account.apple.com"),
            (WrongPassword, None, "check user and password (some"),
            (Temporary, None, "passes by itself"),
            (Unclear, None, "do not tell why"),
        ] {
            let whose =
                Whose { account: "home", user: "a@gmail.com", program: false, renewed: false, over: "IMAP", provider };
            let said = refusal.remedy(&whose);
            assert!(said.contains(words), "{said}");
            let program = refusal.remedy(&Whose { program: true, renewed: true, ..whose });
            let ours = said.contains("modori login") && refusal != TokenNeeded;
            assert_eq!(program.contains("`access_token`"), ours, "{program}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_a_server_says_is_too_much(text in any::<String>(), challenge in any::<Vec<u8>>(), code in "[A-Z]{0,12}", token in any::<bool>()) {
            let heard = Heard { code: &code, text: &text, challenge: Some(&challenge), token, provider: None };
            let _ = (heard.meaning(), heard.advice(), heard.another_may_do());
        }
    }
}
