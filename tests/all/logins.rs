//! Logins by password and by token: by which mechanism, what happens when a token is refused or ends in the middle of a
//! watch, and that nobody's account is locked. On the embedded server, the whole program under a paused clock.

use jiff::{SignedDuration, Timestamp};
use modori::demo::{Admission, Fault, Mechanism, SHOPPER, Server};
use modori::edge::Advice;
use modori::edge::clock::Clock;
use modori::edge::config::Backlog;
use modori::edge::hand::Hand;
use modori::edge::imap::refusal::Refusal;
use modori::edge::imap::{ImapAccount, ImapError, Pace, Session};
use modori::edge::oauth::{Credential, Source, Tokens};
use modori::edge::out::{Accepted, Channel, Deliver, Delivery};
use modori::edge::secret::Secret;
use modori::edge::store::{Db, Store};
use modori::engine::{Engine, Mailbox, Rules, Surroundings};
use modori::plan::sight::{Blind, Life, Reach};
use modori::plan::{Alert, Policy};
use modori::rules::RuleSet;
use modori::wording::Language;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A program's token that changes: what is renewed is the next number.
#[derive(Clone)]
struct Given {
    path: PathBuf,
    _folder: Arc<tempfile::TempDir>,
}

impl Given {
    fn new(token: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let given = Self { path: folder.path().join("token"), _folder: Arc::new(folder) };
        given.set(token);
        given
    }

    fn set(&self, token: &str) {
        std::fs::write(&self.path, token).unwrap();
        std::fs::set_permissions(&self.path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn credential(&self, clock: &Clock) -> Credential {
        Credential::Token(Tokens::new(Source::Program(Secret::File(self.path.clone())), clock.clone()))
    }
}

fn account(server: &Server, credential: Credential) -> ImapAccount {
    let pace = Pace::default();
    ImapAccount {
        name: "a".to_owned(),
        dial: server.dial(),
        user: SHOPPER.to_owned(),
        credential,
        pace,
        fetch_cap: 64 * 1024,
    }
}

fn with_tokens(server: &Server) {
    server.offer("AUTH=XOAUTH2");
    server.offer("AUTH=OAUTHBEARER");
}

/// `No [AUTHENTICATIONFAILED]` with the documented challenge, unless the token is this one.
fn only(good: &'static str) -> impl Fn(&modori::demo::Offered) -> Admission + Send + Sync + 'static {
    move |offer| match offer.secret == good {
        true => Admission::In,
        false => Admission::refused(offer.mechanism, "[AUTHENTICATIONFAILED] Invalid credentials (Failure)"),
    }
}

async fn open(server: &Server, credential: Credential) -> Result<Session, ImapError> {
    Session::open(&account(server, credential)).await
}

#[tokio::test]
async fn each_server_is_met_by_the_best_way_it_offers() {
    for (withdrawn, offered, token, mechanism, at_once) in [
        (&[][..], &["AUTH=XOAUTH2", "AUTH=OAUTHBEARER"][..], true, Mechanism::XOAuth2, true),
        (&["SASL-IR"], &["AUTH=XOAUTH2", "AUTH=OAUTHBEARER"], true, Mechanism::XOAuth2, false),
        (&[], &["AUTH=OAUTHBEARER", "LOGINDISABLED"], true, Mechanism::OAuthBearer, true),
        (&["SASL-IR", "AUTH=PLAIN"], &["AUTH=OAUTHBEARER"], true, Mechanism::OAuthBearer, false),
        (&[], &["AUTH=XOAUTH2"], false, Mechanism::Plain, true),
        (&["SASL-IR"], &["LOGINDISABLED"], false, Mechanism::Plain, false),
        (&["SASL-IR"], &[], false, Mechanism::Plain, false),
        (&["AUTH=PLAIN"], &[], false, Mechanism::Login, true),
    ] {
        let server = Server::new(SHOPPER, "pässword \"\\");
        withdrawn.iter().for_each(|word| server.withdraw(word));
        offered.iter().for_each(|word| server.offer(word));
        let clock = Clock::system();
        let given = Given::new("ya29.good==");
        let credential = if token {
            server.admit(only("ya29.good=="));
            given.credential(&clock)
        } else {
            Secret::Given("pässword \"\\".into()).into()
        };
        let session = open(&server, credential).await.unwrap_or_else(|error| panic!("{mechanism:?}: {error}"));
        session.logout().await;
        let logins = server.logins();
        let last = &logins[0].offered;
        assert_eq!((logins.len(), last.mechanism, last.at_once), (1, mechanism, at_once));
        assert_eq!(last.user, SHOPPER);
        assert_eq!(server.sins(), [""; 0]);
    }
}

#[tokio::test]
async fn a_server_without_a_way_is_told_in_words() {
    let clock = Clock::system();
    let server = Server::new(SHOPPER, "p");
    let error = open(&server, Given::new("t").credential(&clock)).await.err().unwrap();
    assert!(error.what.contains("neither XOAUTH2 nor OAUTHBEARER") && error.advice == Advice::Ask, "{error}");
    with_tokens(&server);
    server.withdraw("AUTH=PLAIN");
    server.offer("LOGINDISABLED");
    let error = open(&server, Secret::Given("p".into()).into()).await.err().unwrap();
    assert!(error.what.contains("only with a token"), "{error}");
    // what would say something else than it is stays here
    for (user, token) in
        [("a\u{1}auth=Bearer x", "geheim"), ("a\r\nb", "geheim"), ("a", "geheim x"), ("a", "geheim\u{1}")]
    {
        let given = Given::new(token);
        let account = ImapAccount { user: user.to_owned(), ..account(&server, given.credential(&clock)) };
        let error = Session::open(&account).await.err().unwrap();
        assert!(error.what.contains("something in it") && !error.what.contains("geheim"), "{error}");
    }
    assert_eq!((server.logins().len(), server.sins().len()), (0, 0));
    assert!(server.commands().iter().all(|command| !command.starts_with("AUTHENTICATE")));
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_and_on_the_same_connection_where_that_may_be() {
    for (word, says_bye) in [("AUTH=XOAUTH2", false), ("AUTH=OAUTHBEARER", false), ("AUTH=XOAUTH2", true)] {
        let server = Server::new(SHOPPER, "p");
        server.offer(word);
        let given = Given::new("old");
        let next = given.clone();
        server.admit(move |offer| match offer.secret.as_str() {
            "new" => Admission::In,
            _ => {
                next.set("new");
                match says_bye {
                    true => {
                        Admission::Bye("Session invalidated - AccessTokenExpired, authentication failed".to_owned())
                    }
                    false => Admission::refused(offer.mechanism, "AUTHENTICATE failed."),
                }
            }
        });
        open(&server, given.credential(&Clock::system())).await.unwrap().logout().await;
        let logins: Vec<(String, bool)> =
            server.logins().into_iter().map(|login| (login.offered.secret, login.admitted)).collect();
        assert_eq!(logins, [("old".to_owned(), false), ("new".to_owned(), true)]);
        assert_eq!(server.connections().0, if says_bye { 2 } else { 1 });
        assert_eq!(server.sins(), [""; 0]);
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_after_a_refusal_gets_the_renewed_token_on_a_new_connection() {
    let server = Server::new(SHOPPER, "p");
    with_tokens(&server);
    let given = Given::new("old");
    let (next, again) = (given.clone(), server.clone());
    server.admit(move |offer| match offer.secret.as_str() {
        "new" => Admission::In,
        _ => {
            next.set("new");
            again.fault("AUTHENTICATE", Fault::Cut);
            Admission::refused(offer.mechanism, "AUTHENTICATE failed.")
        }
    });
    open(&server, given.credential(&Clock::system())).await.unwrap().logout().await;
    assert_eq!((server.logins().len(), server.connections().0), (2, 2));
    assert_eq!(server.sins(), [""; 0]);
}

#[tokio::test]
async fn a_good_bye_after_a_refusal_says_nothing_of_the_renewed_token() {
    let server = Server::new(SHOPPER, "p");
    with_tokens(&server);
    let given = Given::new("old");
    let (next, shown) = (given.clone(), Mutex::new(0_u32));
    server.admit(move |offer| {
        let mut shown = shown.lock().unwrap();
        *shown += 1;
        match *shown {
            1 => {
                next.set("new");
                Admission::refused(offer.mechanism, "[AUTHENTICATIONFAILED] Invalid credentials (Failure)")
            }
            2 => Admission::Bye("Invalid credentials".to_owned()),
            _ => Admission::In,
        }
    });
    open(&server, given.credential(&Clock::system())).await.unwrap().logout().await;
    let logins: Vec<(String, bool)> =
        server.logins().into_iter().map(|login| (login.offered.secret, login.admitted)).collect();
    assert_eq!(logins, [("old".to_owned(), false), ("new".to_owned(), false), ("new".to_owned(), true)]);
    assert_eq!(server.connections().0, 2);
}

#[tokio::test]
async fn a_second_refusal_is_the_shoppers_to_see() {
    let server = Server::new(SHOPPER, "p");
    with_tokens(&server);
    let given = Given::new("1");
    let next = given.clone();
    // there is always another, and none is taken
    server.admit(move |offer| {
        next.set(&format!("{}1", offer.secret));
        Admission::refused(offer.mechanism, "[AUTHENTICATIONFAILED] Invalid credentials (Failure)")
    });
    let error = open(&server, given.credential(&Clock::system())).await.err().unwrap();
    assert_eq!((error.advice, error.login), (Advice::Ask, Some(Refusal::TokenExpired)));
    assert!(
        error.what.contains("just been renewed") && error.what.contains("“Invalid credentials (Failure)”"),
        "{error}"
    );
    assert!(error.what.contains("`access_token`"), "{error}");
    assert_eq!((server.logins().len(), server.connections().0), (2, 1));
}

#[tokio::test]
async fn a_token_is_not_renewed_where_another_would_not_help() {
    for (text, refusal, advice) in [
        ("[ALERT] Too many simultaneous connections. (Failure)", Refusal::TooManyLogins, Advice::Again(None)),
        ("[ALERT] Your account is not enabled for IMAP use.", Refusal::ImapSwitchedOff, Advice::Ask),
        ("[AUTHORIZATIONFAILED] not your mailbox", Refusal::ScopeMissing, Advice::Ask),
        ("[UNAVAILABLE] Temporary authentication failure.", Refusal::Temporary, Advice::Again(None)),
    ] {
        let server = Server::new(SHOPPER, "p");
        with_tokens(&server);
        let given = Given::new("1");
        let next = given.clone();
        server.admit(move |offer| {
            next.set("2");
            Admission::refused(offer.mechanism, text)
        });
        let error = open(&server, given.credential(&Clock::system())).await.err().unwrap();
        assert_eq!((error.login, error.advice), (Some(refusal), advice), "{error}");
        assert_eq!(server.logins().len(), 1, "{text}");
    }
    // nor is one shown twice that is still the only one
    let server = Server::new(SHOPPER, "p");
    with_tokens(&server);
    server.admit(only("another"));
    let given = Given::new("old");
    let error = open(&server, given.credential(&Clock::system())).await.err().unwrap();
    assert_eq!((server.logins().len(), error.advice), (1, Advice::Ask));
}

#[tokio::test]
async fn one_that_is_let_in_and_may_do_nothing_is_told_as_a_refused_login() {
    let server = Server::new(SHOPPER, "p");
    with_tokens(&server);
    server.admit(only("t"));
    server.withdraw("NAMESPACE");
    server.fault_always("LIST", Fault::Bad("User is authenticated but not connected."));
    let given = Given::new("t");
    let error = open(&server, given.credential(&Clock::system())).await.err().unwrap();
    let later = Advice::Again(Some(Duration::from_secs(60)));
    assert_eq!((error.login, error.advice), (Some(Refusal::InNameOnly), later), "{error}");
}

// ---- the whole program ----

/// A phone that writes down what came when.
struct Phone {
    clock: Clock,
    heard: Mutex<Vec<(Timestamp, Alert)>>,
}

impl Deliver for Phone {
    fn deliver<'a>(&'a self, alert: &'a Alert, _key: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            self.heard.lock().unwrap().push((self.clock.now(), alert.clone()));
            Ok(Accepted::default())
        })
    }
}

struct World {
    server: Server,
    store: Store,
    clock: Clock,
    begin: Timestamp,
    phone: Arc<Phone>,
    given: Given,
}

impl World {
    fn new() -> Self {
        let begin: Timestamp = "2026-11-24T09:00:00+09:00".parse().unwrap();
        let clock = Clock::simulated(begin);
        let server = Server::with(SHOPPER, "none", clock.clone(), '/', "");
        with_tokens(&server);
        Self {
            server,
            store: Store::inline(Arc::new(Mutex::new(Db::in_memory().unwrap()))),
            begin,
            phone: Arc::new(Phone { clock: clock.clone(), heard: Mutex::default() }),
            clock,
            given: Given::new("0"),
        }
    }

    fn engine(&self) -> Engine {
        let account = account(&self.server, self.given.credential(&self.clock));
        let channels = BTreeMap::from([("phone".to_owned(), Arc::clone(&self.phone) as Channel)]);
        let blind = Blind {
            after: Some(SignedDuration::from_mins(5)),
            after_hot: Some(SignedDuration::from_mins(1)),
            channels: vec!["phone".to_owned()],
            fallback: Vec::new(),
        };
        Engine {
            store: self.store.clone(),
            hand: Hand::new(self.store.clone(), self.clock.clone(), channels, [account.clone()]),
            clock: self.clock.clone(),
            rules: Rules::fixed(RuleSet::shipped()),
            policy: Policy {
                channels: vec!["phone".to_owned()],
                stale_after_s: 0,
                give_up_after_s: 7200,
                blind,
                language: Language::En,
                ..Policy::default()
            },
            backlog: Backlog::Sort,
            own_addresses: BTreeSet::new(),
            mailboxes: vec![Mailbox { account, name: "INBOX".to_owned(), authserv_ids: vec![] }],
            ledger: modori::ledger::due::Settings::default(),
            hot: modori::plan::hot::Hours::default(),
        }
    }

    async fn while_running(&self, story: impl Future<Output = ()>) {
        self.engine().watch_in(Surroundings::default(), story).await.unwrap();
    }

    async fn life(&self) -> Life {
        self.store.call(|db| db.lives()).await.unwrap().remove(0).life
    }

    fn mail(&self, n: usize) {
        let mail = format!(
            "From: <info@rakuten.co.jp>\r\nSubject: Restock\r\nMessage-ID: <m{n}@example.jp>\r\n\r\n商品名：マグ{n}\r\n\
             https://item.rakuten.co.jp/modori-zakka/m{n}/\r\n商品が再入荷しました\r\n"
        );
        self.server.deliver("INBOX", mail.as_bytes(), self.clock.now());
    }

    /// What was told of this kind: when, in milliseconds from the beginning, and title.
    fn heard(&self, sight: bool) -> Vec<(i64, String)> {
        let heard = self.phone.heard.lock().unwrap();
        let of = heard.iter().filter(|(_, alert)| (alert.category == "sight") == sight);
        of.map(|(at, alert)| (i64::try_from(at.duration_since(self.begin).as_millis()).unwrap(), alert.title.clone()))
            .collect()
    }

    fn now(&self) -> i64 {
        i64::try_from(self.clock.now().duration_since(self.begin).as_millis()).unwrap()
    }
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn simulated(story: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(story);
}

#[test]
fn tokens_that_live_an_hour_lose_no_alert_and_no_second() {
    simulated(async {
        let world = World::new();
        // an hour after the first login with a token the session ends, and the token with it
        let ended: Arc<Mutex<BTreeMap<String, Timestamp>>> = Arc::default();
        let (given, clock) = (world.given.clone(), world.clock.clone());
        world.server.admit(move |offer| {
            let now = clock.now();
            let end = *ended.lock().unwrap().entry(offer.secret.clone()).or_insert(now + SignedDuration::from_hours(1));
            let left = end.duration_since(now);
            if left.is_positive() {
                let left = Duration::try_from(left).unwrap();
                return Admission::For(left, "Session invalidated - AccessTokenExpired".to_owned());
            }
            given.set(&(offer.secret.parse::<u32>().unwrap() + 1).to_string());
            Admission::refused(offer.mechanism, "[AUTHENTICATIONFAILED] Invalid credentials (Failure)")
        });
        let mut sent = Vec::new();
        world
            .while_running(async {
                pass(30).await;
                // a quarter of an hour, about: some come just when the session ends
                for n in 0..24 {
                    world.mail(n);
                    sent.push(world.now());
                    pass(899).await;
                }
                // and exactly then
                for n in 24..28 {
                    world.server.end_all("Session invalidated - AccessTokenExpired");
                    world.mail(n);
                    sent.push(world.now());
                    pass(120).await;
                }
            })
            .await;
        let told = world.heard(false);
        assert_eq!(told.len(), sent.len(), "each once: {:?}", told.iter().map(|(_, title)| title).collect::<Vec<_>>());
        let late = told.iter().zip(&sent).map(|((at, _), sent)| at - sent).max().unwrap();
        assert!(late <= 1000, "{late} ms");
        assert_eq!(world.heard(true), [], "nobody is told of it");
        let logins = world.server.logins();
        let refused = logins.iter().filter(|login| !login.admitted).count();
        // one refusal an hour, of the watch or of the hand; the other finds the token renewed
        assert!((5..=8).contains(&refused), "{refused} refused");
        assert!(logins.len() <= 80, "{} logins", logins.len());
        assert_eq!(world.server.sins(), [""; 0]);
        assert_eq!(world.server.mailboxes()["INBOX"].len(), 0, "all are filed");
    });
}

#[test]
fn access_that_was_taken_back_is_told_once_and_tried_seldom_until_it_is_granted_anew() {
    simulated(async {
        let world = World::new();
        world.server.admit(only("0"));
        world
            .while_running(async {
                pass(120).await;
                world.mail(1);
                pass(5).await;
                assert_eq!(world.heard(false).len(), 1);
                world.server.admit(only("granted-anew"));
                world.server.end_all("Session expired, please login again.");
                let before = world.server.logins().len();
                pass(10).await;
                assert_eq!(world.life().await.reach, Reach::Refused);
                let heard = world.heard(true);
                assert_eq!((heard.len(), heard[0].1.as_str()), (1, "Your mailbox refuses the login"), "{heard:?}");
                pass(24 * 3600).await;
                let tries = world.server.logins().len() - before;
                assert!((20..=50).contains(&tries), "{tries} logins in a day");
                assert_eq!(world.heard(true).len(), 1, "told once");
                let trouble = world.life().await.trouble.unwrap();
                assert!(trouble.contains("Invalid credentials") && trouble.contains("`access_token`"), "{trouble}");
                world.mail(2);
                // the shopper agrees again: a time of the file that shows, also where a day took a second
                world.given.set("granted-anew");
                let file = std::fs::File::options().write(true).open(&world.given.path).unwrap();
                file.set_modified(std::time::SystemTime::now() + Duration::from_secs(5)).unwrap();
                let before = world.server.logins().len();
                pass(15).await;
                assert_eq!(world.life().await.reach, Reach::Watching);
                assert_eq!(world.heard(false).len(), 2);
                let heard = world.heard(true);
                assert_eq!((heard.len(), heard[1].1.as_str()), (2, "Your mail is seen again"));
                let after = world.server.logins();
                assert!(after[before..].iter().all(|login| login.admitted), "at once with the new one");
            })
            .await;
        assert_eq!(world.server.sins(), [""; 0]);
    });
}

#[test]
fn a_changed_login_that_is_refused_again_is_not_tried_again_and_again() {
    simulated(async {
        let world = World::new();
        world.server.admit(only("never"));
        world
            .while_running(async {
                pass(6 * 3600).await;
                for n in 1..=5_u64 {
                    world.given.set(&format!("wrong {n}").replace(' ', "-"));
                    let file = std::fs::File::options().write(true).open(&world.given.path).unwrap();
                    file.set_modified(std::time::SystemTime::now() + Duration::from_secs(10 * n)).unwrap();
                    let before = world.server.logins().len();
                    pass(20).await;
                    assert_eq!(world.server.logins().len() - before, 1, "tried at once, and once");
                }
                let before = world.server.logins().len();
                pass(3600).await;
                assert!(world.server.logins().len() - before <= 7, "then it waits as before");
            })
            .await;
    });
}
