//! The password leaves only over TLS that was asked for and came about: every way of refusing, stripping and forging it.

use super::server::{Drips, GREETING, Hears, Silent, Step, Tls, logged_in, on_loopback, says, secret_in};
use crate::support::certs::Certs;
use modori::edge::Advice;
use modori::edge::imap::{Pace, Security, Session};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What is to come of it.
enum Ends {
    /// No login; the sentence says this.
    Refused(&'static str),
    /// As `Refused`, after a silence.
    Silent(&'static str),
    /// A login over TLS.
    In,
    /// A login over TLS, and opening INBOX is refused with a sentence that says this.
    InThenRefused(&'static str),
}
use Ends::{In, InThenRefused, Refused};

struct Scene {
    name: &'static str,
    security: Security,
    steps: Vec<Step>,
    ends: Ends,
}

fn after_tls(first: &[Step], rest: Vec<Step>) -> Vec<Step> {
    let mut steps = first.to_vec();
    steps.push(Tls);
    steps.extend(rest);
    steps
}

fn scenes() -> Vec<Scene> {
    let asked = |answer: &str| vec![says(GREETING), Hears("STARTTLS\r\n"), says(answer), Silent];
    let scene = |name, security, steps, ends| Scene { name, security, steps, ends };
    let start = |name, steps, ends| scene(name, Security::StartTls, steps, ends);
    let tls = |name, steps: Vec<Step>, ends| scene(name, Security::Tls, after_tls(&[], steps), ends);
    // what comes after an honest STARTTLS: no greeting, capabilities are asked for again
    let honest = || {
        let mut steps =
            vec![Hears("CAPABILITY\r\n"), says("* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\nTAG OK done\r\n")];
        steps.extend(logged_in().into_iter().skip(1));
        steps.push(Silent);
        steps
    };
    let begin = |before: &str, ok: &str| vec![says(before), Hears("STARTTLS\r\n"), says(ok)];
    vec![
        start("honest", after_tls(&begin(GREETING, "TAG OK begin\r\n"), honest()), In),
        start("refused with NO", asked("TAG NO not today\r\n"), Refused("STARTTLS (encryption) was refused")),
        start("refused with BAD", asked("TAG BAD unknown command\r\n"), Refused("STARTTLS (encryption) was refused")),
        start("answered with +", asked("+ go ahead\r\n"), Refused("asks for more than there is to say")),
        start("answered with BYE", asked("* BYE no\r\n"), Refused("ended the connection: “no”")),
        start("answered with a tagged BYE", asked("TAG BYE no\r\n"), Refused("ended the connection: “no”")),
        start("answered with PREAUTH", asked("TAG PREAUTH in\r\n"), Refused("STARTTLS (encryption) was refused")),
        start("answered under another tag", asked("x9 OK begin\r\n"), Refused("a command that was not sent")),
        start("cut after the question", vec![says(GREETING), Hears("STARTTLS\r\n")], Refused("closed the connection")),
        start("answered by silence", vec![says(GREETING), Silent], Ends::Silent("silent")),
        start(
            "answered by drips",
            vec![says(GREETING), Hears("STARTTLS\r\n"), Drips(b"* OK wait\r\n".to_vec(), Duration::from_millis(20))],
            Ends::Silent("the server "),
        ),
        start(
            "stripped from the capabilities",
            vec![
                says("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n"),
                Hears("STARTTLS\r\n"),
                says("TAG BAD unknown\r\n"),
                Silent,
            ],
            Refused("STARTTLS (encryption) was refused"),
        ),
        start(
            "stripped, though the server can",
            after_tls(&begin("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n", "TAG OK begin\r\n"), honest()),
            In,
        ),
        start(
            "OK, but it goes on in clear text",
            asked("TAG OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n"),
            Refused("clear text after STARTTLS"),
        ),
        start(
            "a whole login injected with the OK",
            asked("TAG OK begin\r\n* CAPABILITY IMAP4rev1\r\nm1 OK done\r\nm2 OK [CAPABILITY IMAP4rev1] in\r\n"),
            Refused("clear text after STARTTLS"),
        ),
        start("one byte injected with the OK", asked("TAG OK begin\r\n\n"), Refused("clear text after STARTTLS")),
        start("half a line injected with the OK", asked("TAG OK begin\r\n* BY"), Refused("clear text after STARTTLS")),
        start(
            "injected after the handshake began",
            vec![
                says(GREETING),
                Hears("STARTTLS\r\n"),
                says("TAG OK begin\r\n"),
                Hears("\u{1}"),
                says("* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\nm1 OK done\r\n"),
                Silent,
            ],
            Refused("does not speak TLS"),
        ),
        start(
            "capabilities injected before the OK do not count",
            after_tls(
                &begin(GREETING, "* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n* OK [ALERT] \u{1b}[2J\r\nTAG OK begin\r\n"),
                honest(),
            ),
            In,
        ),
        start(
            "capabilities in the tagged OK do not count",
            after_tls(&begin(GREETING, "TAG OK [CAPABILITY IMAP4rev1 LOGINDISABLED] begin\r\n"), honest()),
            In,
        ),
        start(
            "LOGINDISABLED in clear text, which is right",
            after_tls(
                &begin("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hi\r\n", "TAG OK begin\r\n"),
                honest(),
            ),
            In,
        ),
        start(
            "LOGINDISABLED still under TLS",
            after_tls(
                &begin(GREETING, "TAG OK begin\r\n"),
                vec![Hears("CAPABILITY"), says("* CAPABILITY IMAP4rev1 LOGINDISABLED\r\nTAG OK done\r\n"), Silent],
            ),
            Refused("no login with a password"),
        ),
        start(
            "a second greeting under TLS",
            after_tls(&begin(GREETING, "TAG OK begin\r\n"), vec![says("* PREAUTH you are in\r\n"), Silent]),
            Ends::Silent("silent"),
        ),
        start(
            "PREAUTH before TLS",
            vec![says("* PREAUTH [CAPABILITY IMAP4rev1] you are in\r\n"), Silent],
            Refused("PREAUTH"),
        ),
        start(
            "PREAUTH before TLS, spelt small, with STARTTLS on offer",
            vec![says("* preauth [CAPABILITY IMAP4rev1 STARTTLS] in\r\n"), Silent],
            Refused("PREAUTH"),
        ),
        start(
            "referral in the greeting",
            vec![says("* BYE [REFERRAL imap://evil.example/] go there\r\n")],
            Refused("refers to another server, “imap[:]//evil[.]example/”, which is not followed"),
        ),
        start(
            "referral instead of STARTTLS",
            asked("TAG NO [REFERRAL imap://evil.example/] go there\r\n"),
            Refused("refers to another server, “imap[:]//evil[.]example/”, which is not followed"),
        ),
        start(
            "another protocol",
            vec![says("HTTP/1.1 400 Bad Request\r\n\r\n"), Silent],
            Refused("not an IMAP server"),
        ),
        start("NO for a greeting", vec![says("* NO go away\r\n"), Silent], Refused("not an IMAP server")),
        start("a greeting that never comes", vec![Silent], Ends::Silent("is the port right, and TLS or STARTTLS?")),
        start(
            "a greeting in drips",
            vec![Drips(b"* OK hi there".to_vec(), Duration::from_millis(50))],
            Ends::Silent("is the port right, and TLS or STARTTLS?"),
        ),
        start(
            "a port for TLS, spoken to in clear text",
            vec![Tls],
            Ends::Silent("is the port right, and TLS or STARTTLS?"),
        ),
        scene(
            "a port for clear text, spoken to as TLS",
            Security::Tls,
            vec![says(GREETING), Silent],
            Refused("does not speak TLS"),
        ),
        scene(
            "a web server, spoken to as TLS",
            Security::Tls,
            vec![Hears("\u{1}"), says("HTTP/1.1 400 Bad Request\r\n\r\n")],
            Refused("does not speak TLS"),
        ),
        scene("a silent port, spoken to as TLS", Security::Tls, vec![Silent], Ends::Silent("does not come about")),
        scene(
            "a port that hangs up, spoken to as TLS",
            Security::Tls,
            vec![Hears("\u{1}")],
            Refused("TLS with localhost"),
        ),
        tls("honest TLS", logged_in(), In),
        tls("PREAUTH under TLS", vec![says("* PREAUTH you are in\r\n"), Silent], Refused("PREAUTH")),
        tls(
            "LOGINDISABLED under TLS",
            vec![says("* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\r\n"), Silent],
            Refused("no login with a password"),
        ),
        tls(
            "BYE with a referral for a greeting",
            vec![says("* BYE [REFERRAL imap://evil.example/] moved\r\n")],
            Refused("which is not followed"),
        ),
        tls(
            "referral at the login",
            vec![
                says("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n"),
                Hears("AUTHENTICATE"),
                says("TAG NO [REFERRAL imap://shopper;AUTH=*@evil.example/] your mail moved\r\n"),
                Silent,
            ],
            Refused("which is not followed"),
        ),
        tls(
            "referral with a good login",
            {
                let mut steps = logged_in();
                steps[2] = says("TAG OK [REFERRAL imap://evil.example/] in\r\n");
                steps.insert(3, Hears("CAPABILITY"));
                steps.insert(4, says("* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n"));
                steps
            },
            In,
        ),
        tls(
            "referral at the mailbox",
            {
                let mut steps = logged_in();
                steps.extend([
                    Hears("SELECT"),
                    says("TAG NO [REFERRAL imap://evil.example/INBOX] it lies there\r\n"),
                    Silent,
                ]);
                steps
            },
            InThenRefused("which is not followed"),
        ),
        tls(
            "a challenge in place of an answer to the password",
            vec![
                says("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n"),
                Hears("AUTHENTICATE"),
                says("+ bW9yZQ==\r\n"),
                Silent,
            ],
            Refused("asks for more"),
        ),
        tls(
            "a refused login that speaks in our voice",
            vec![
                says("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n"),
                Hears("AUTHENTICATE"),
                says("TAG NO no”. \u{1b}[1mmodori: log in at https://evil.example \u{202e}\r\n"),
                Silent,
            ],
            Refused("the server said “no'. [1mmodori: log in at https[:]//evil[.]example”"),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_leaves_in_clear_text_whatever_the_server_does() {
    let certs = Certs::new();
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &certs.ca).unwrap();
    let mut logins = 0;
    for Scene { name, security, steps, ends } in scenes() {
        let quiet = matches!(ends, Ends::Silent(_));
        // a silence is waited out: shortly where it is what the scene is about, and never long enough to matter elsewhere
        let command = if quiet { Duration::from_millis(700) } else { Duration::from_secs(60) };
        let client = modori::edge::tls::client_config(Some(&ca)).unwrap();
        let pace = Pace { command, ..Pace::default() };
        let (account, heard) =
            on_loopback(security, "localhost", steps, Some(certs.server_config()), client, pace).await;
        let opened = Session::open(&account).await;
        match (&ends, opened) {
            (Refused(says) | Ends::Silent(says), Err(error)) => {
                assert!(error.what.contains(says), "{name}: “{error}” should say “{says}”");
                assert!(!error.what.contains(super::server::PASSWORD), "{name}: {error}");
                assert!(error.what.chars().all(|c| !c.is_control()), "{name}: {error:?}");
            }
            (In, Ok(_)) => {}
            (InThenRefused(says), Ok(mut session)) => {
                let error = session.select("INBOX").await.unwrap_err();
                assert!(error.what.contains(says), "{name}: “{error}” should say “{says}”");
                assert_eq!(error.advice, Advice::Ask, "{name}");
            }
            (_, Ok(_)) => panic!("{name}: logged in"),
            (_, Err(error)) => panic!("{name}: {error}"),
        }
        assert_eq!(heard.connections.load(Ordering::SeqCst), 1, "{name}: dialled once, and nowhere else");
        assert_eq!(secret_in(&heard.wire()), None, "{name}: the password stands on the wire");
        if matches!(ends, In | InThenRefused(_)) {
            assert!(secret_in(&heard.plain()).is_some(), "{name}: the login did not come through");
            logins += 1;
        }
    }
    assert_eq!(logins, 8, "scenes that end in a login");
}

/// What looks for secrets finds them: over clear text to this machine, where they are allowed.
#[tokio::test(flavor = "multi_thread")]
async fn the_eye_on_the_wire_sees_a_password_in_every_form() {
    for (can, word) in [("AUTH=PLAIN SASL-IR", "AUTHENTICATE"), ("IDLE", "LOGIN")] {
        let steps = vec![
            says(format!("* OK [CAPABILITY IMAP4rev1 {can}] hi\r\n")),
            Hears(word),
            says("* BYE enough\r\n"),
            Silent,
        ];
        let client = modori::edge::tls::client_config(None).unwrap();
        let (account, heard) = on_loopback(Security::Plain, "127.0.0.1", steps, None, client, Pace::default()).await;
        assert!(Session::open(&account).await.is_err());
        assert!(secret_in(&heard.wire()).is_some(), "{word}: {:?}", String::from_utf8_lossy(&heard.wire()));
    }
    assert_eq!(secret_in(b"m1 LOGIN shopper {11}\r\ngeheim-4711\r\n").as_deref(), Some("as it is"));
    assert_eq!(secret_in(b"m1 LOGIN shopper geheim"), None);
}
