//! Tokens are renewed before they end, once, and kept before they are used.

use super::World;
use crate::support::http::Answer;
use crate::support::oauth::{Rotation, Trouble};
use crate::support::run::until;
use modori::edge::config::Config;
use modori::edge::oauth::{Credential, TokenError, Tokens};
use secrecy::{ExposeSecret, SecretString};
use std::sync::LazyLock;
use std::time::Duration;

/// One for all tests: what is dropped while it waits runs on.
static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| tokio::runtime::Runtime::new().unwrap());

pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.block_on(future)
}

impl World {
    /// The tokens as a program that starts now has them.
    pub(super) fn tokens(&self) -> Tokens {
        let config = Config::load(&self.home.config).unwrap();
        match &config.accounts[0].credential {
            Credential::Token(tokens) => tokens.clone(),
            Credential::Password(_) => panic!("a password"),
        }
    }
}

fn secret(token: Result<SecretString, TokenError>) -> String {
    token.unwrap().expose_secret().to_owned()
}

#[test]
fn a_token_that_is_good_is_shown_and_one_that_ends_soon_is_renewed_once() {
    for rotation in [Rotation::Never, Rotation::Lenient, Rotation::Strict] {
        let world = World::behaving("loopback", |behaviour| behaviour.rotation = rotation);
        let pair = world.granted(0);
        let tokens = world.tokens();
        let granted_at = tokens.granted_at().unwrap();
        assert_eq!(secret(wait(tokens.access())), pair.access);
        assert_eq!(world.authority.asked("refresh_token"), 0);
        // three minutes of its hour are left
        world.age(3600 - 180);
        let renewed = secret(wait(tokens.access()));
        assert_ne!(renewed, pair.access);
        let kept = world.kept();
        assert_eq!(kept["access_token"], renewed);
        assert_eq!(kept["refresh_token"] == pair.refresh, rotation == Rotation::Never);
        assert_eq!(secret(wait(world.tokens().access())), renewed, "also after a restart");
        assert_eq!(world.authority.asked("refresh_token"), 1);
        assert_eq!(tokens.granted_at(), Some(granted_at), "a renewal is no login");
        assert_eq!(world.authority.wrong(), Vec::<String>::new());
        // and again, with what came back
        world.age(7200);
        let again = secret(wait(tokens.access()));
        assert!(world.authority.show(&again).is_some() && again != renewed);
    }
}

#[test]
fn many_that_ask_at_once_make_one_renewal() {
    let world = World::behaving("loopback", |behaviour| {
        behaviour.rotation = Rotation::Strict;
        behaviour.reuse_ends_all = true;
        behaviour.delays = (Duration::from_millis(50), Duration::from_millis(50));
    });
    world.granted(7200);
    // two programs, ten tasks each
    let (one, other) = (world.tokens(), world.tokens());
    let all: Vec<_> = (0..20)
        .map(|n| {
            let tokens = if n % 2 == 0 { one.clone() } else { other.clone() };
            RUNTIME.spawn(async move { secret(tokens.access().await) })
        })
        .collect();
    let mut shown = Vec::new();
    for task in all {
        shown.push(wait(task).unwrap());
    }
    shown.dedup();
    assert_eq!(shown.len(), 1);
    assert_eq!((world.authority.asked("refresh_token"), world.authority.most_at_once()), (1, 1));
}

#[test]
fn the_servers_word_counts_more_than_the_clock() {
    let world = World::new("loopback");
    let pair = world.granted(0);
    let tokens = world.tokens();
    let refused = SecretString::from(pair.access.clone());
    // it looks good for an hour, and the server refuses it
    let next = wait(tokens.instead_of(&refused)).unwrap().unwrap();
    assert_ne!(next.expose_secret(), pair.access);
    assert_eq!(world.authority.asked("refresh_token"), 1);
    // another program renewed meanwhile: its token is shown first
    let again = wait(tokens.instead_of(&refused)).unwrap().unwrap();
    assert_eq!(again.expose_secret(), next.expose_secret());
    assert_eq!(world.authority.asked("refresh_token"), 1);
}

#[test]
fn a_token_of_another_clock_is_renewed() {
    let world = World::new("loopback");
    let pair = world.granted(-86_400);
    let tokens = world.tokens();
    let renewed = secret(wait(tokens.access()));
    assert_ne!(renewed, pair.access, "it was asked for tomorrow");
    assert_eq!(secret(wait(tokens.access())), renewed, "once");
    assert_eq!(world.authority.asked("refresh_token"), 1);
    // a server that tells nonsense of a token's life, or nothing
    for expires_in in [None, Some(0), Some(-1), Some(i64::MAX)] {
        world.authority.behave(|behaviour| behaviour.expires_in = expires_in);
        world.age(1_000_000);
        assert!(world.authority.show(&secret(wait(tokens.access()))).is_some(), "{expires_in:?}");
    }
}

#[test]
fn while_the_provider_is_away_the_old_token_is_shown_as_long_as_it_lives() {
    let world = World::new("loopback");
    for (trouble, words) in [
        (Trouble::Before(Answer::Status(503)), "status 503"),
        (Trouble::Before(Answer::Cut), "cannot be asked"),
        (Trouble::Before(Answer::Status(200)), "gave no access_token"),
        (Trouble::Before(Answer::Endless(200)), "without end"),
    ] {
        let pair = world.granted(3500);
        world.authority.behave(|behaviour| behaviour.trouble = Some(trouble.clone()));
        let tokens = world.tokens();
        assert_eq!(secret(wait(tokens.access())), pair.access, "{words}: it lives for 100 s");
        // the server said it is dead: it is not shown again
        let refused = SecretString::from(pair.access);
        let error = wait(tokens.instead_of(&refused)).unwrap_err();
        assert!(error.passing && error.what.contains(words), "{error}");
        world.age(3601);
        let error = wait(tokens.access()).unwrap_err();
        assert!(error.passing && error.what.contains(words), "{error}");
        world.nothing_secret(&[&error.what]);
        world.authority.behave(|behaviour| behaviour.trouble = None);
        assert!(world.authority.show(&secret(wait(tokens.access()))).is_some(), "{words}: it is back");
    }
}

#[test]
fn a_token_that_was_refused_is_not_shown_again_while_the_provider_is_away() {
    let world = World::new("loopback");
    let pair = world.granted(0);
    // by its clock it lives; the mail server thinks otherwise, and no other can be had
    world.authority.expire();
    world.authority.behave(|behaviour| behaviour.trouble = Some(Trouble::Before(Answer::Status(503))));
    let watch = world.home.start(&["watch"]);
    until("it tried to renew again", || world.authority.seen("/token").len() >= 3);
    assert_eq!(world.mail.server.logins().len(), 1, "{}", world.home.log());
    world.authority.behave(|behaviour| behaviour.trouble = None);
    until("the watch watches", || world.home.log().contains("watching"));
    drop(watch);
    let shown = world.mail.server.logins().iter().filter(|login| login.offered.secret == pair.access).count();
    assert_eq!(shown, 1, "{}", world.home.log());
}

#[test]
fn what_could_not_be_kept_does_not_take_the_place_of_what_came_later() {
    let world = World::behaving("loopback", |behaviour| behaviour.rotation = Rotation::Lenient);
    world.granted(7200);
    let (one, other) = (world.tokens(), world.tokens());
    let taken = world.file().with_file_name("a.json.new");
    std::fs::create_dir_all(taken.join("x")).unwrap();
    assert!(wait(one.access()).is_err(), "it cannot be kept");
    std::fs::remove_dir_all(&taken).unwrap();
    let later = secret(wait(other.access()));
    assert_eq!(secret(wait(one.access())), later);
    assert_eq!(world.kept()["access_token"], later);
    assert_eq!(world.authority.asked("refresh_token"), 2);
}

#[test]
fn over_tls_only_a_certificate_that_is_trusted_is_told_anything() {
    let world = World::new("loopback");
    let front = crate::support::oauth::tls::Front::of(world.authority.http.port);
    let clear = format!("http://127.0.0.1:{}/token", world.authority.http.port);
    world.write(&clear, &format!("https://localhost:{}/token", front.port));
    let pair = world.granted(7200);
    let mut kept = world.kept();
    kept["token_url"] = serde_json::json!(format!("https://localhost:{}/token", front.port));
    std::fs::write(world.file(), kept.to_string()).unwrap();
    let error = wait(world.tokens().access()).unwrap_err();
    assert!(error.what.contains("localhost") && !error.what.contains(&pair.refresh), "{error}");
    assert!(world.authority.seen("/token").is_empty());
    let ca_file = front.ca_file(world.home.path());
    world.write("[account.oauth]\n", &format!("[account.oauth]\nca_file = \"{}\"\n", ca_file.display()));
    assert!(world.authority.show(&secret(wait(world.tokens().access()))).is_some());
    assert_eq!(world.authority.wrong(), Vec::<String>::new());
}

#[test]
fn a_provider_that_asks_for_patience_gets_it() {
    let world = World::new("loopback");
    world.granted(7200);
    world.authority.behave(|behaviour| behaviour.trouble = Some(Trouble::Before(Answer::Later(3000))));
    let tokens = world.tokens();
    for _ in 0..3 {
        let error = wait(tokens.access()).unwrap_err();
        assert!(error.passing && error.what.contains("429"), "{error}");
    }
    assert_eq!(world.authority.seen("/token").len(), 1);
}

#[test]
fn who_stops_waiting_loses_nothing() {
    let world = World::behaving("loopback", |behaviour| {
        behaviour.rotation = Rotation::Strict;
        behaviour.delays = (Duration::ZERO, Duration::from_millis(300));
    });
    let pair = world.granted(7200);
    let tokens = world.tokens();
    // the login gave up while the provider had its answer ready
    let asking = tokens.clone();
    let login = RUNTIME.spawn(async move { asking.access().await.map(drop) });
    until("it is asked", || world.authority.asked("refresh_token") > 0);
    login.abort();
    assert!(wait(login).unwrap_err().is_cancelled());
    assert!(!world.authority.lives(&pair.refresh));
    let renewed = secret(wait(tokens.access()));
    assert_eq!(world.kept()["access_token"], renewed);
    assert_eq!(world.authority.asked("refresh_token"), 1);
}

#[test]
fn what_cannot_be_kept_is_not_used_and_not_asked_for_twice() {
    let world = World::behaving("loopback", |behaviour| behaviour.rotation = Rotation::Strict);
    let pair = world.granted(7200);
    let tokens = world.tokens();
    // nothing can be written beside: the name is taken by a folder that is not empty
    let taken = world.file().with_file_name("a.json.new");
    std::fs::create_dir_all(taken.join("x")).unwrap();
    for _ in 0..3 {
        let error = wait(tokens.access()).unwrap_err();
        assert!(error.passing && error.what.contains("cannot keep the tokens"), "{error}");
        world.nothing_secret(&[&error.what]);
    }
    assert_eq!(world.authority.asked("refresh_token"), 1);
    assert_eq!(world.kept()["refresh_token"], pair.refresh);
    std::fs::remove_dir_all(&taken).unwrap();
    let renewed = secret(wait(tokens.access()));
    assert_eq!(world.kept()["access_token"], renewed);
    assert_ne!(world.kept()["refresh_token"], pair.refresh);
    assert_eq!(world.authority.asked("refresh_token"), 1);
}

#[test]
fn without_another_refresh_token_nothing_is_lost_when_it_cannot_be_kept() {
    let world = World::new("loopback");
    world.granted(7200);
    let tokens = world.tokens();
    std::fs::create_dir_all(world.file().with_file_name("a.json.new").join("x")).unwrap();
    let renewed = secret(wait(tokens.access()));
    assert!(world.authority.show(&renewed).is_some());
    assert_eq!(secret(wait(tokens.access())), renewed);
    assert_eq!(world.authority.asked("refresh_token"), 1, "not at every login");
}

#[test]
fn programs_of_the_shoppers_can_keep_the_tokens() {
    let world = World::behaving("loopback", |behaviour| behaviour.rotation = Rotation::Strict);
    world.granted(7200);
    let vault = world.home.path().join("vault");
    std::fs::rename(world.file(), &vault).unwrap();
    let (shown, log) = (vault.display(), world.home.path().join("calls"));
    let log = log.display();
    let commands = format!(
        "load = [\"sh\", \"-c\", \"echo load >> {log}; cat {shown} 2>/dev/null || true\"]\n\
         save = [\"sh\", \"-c\", \"echo save >> {log}; cat > {shown}\"]\n[filing]"
    );
    world.write("[filing]", &commands);
    let tokens = world.tokens();
    let renewed = secret(wait(tokens.access()));
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(&vault).unwrap()).unwrap();
    assert_eq!(kept["access_token"], renewed);
    assert!(tokens.granted_at().is_some() && !world.file().exists());
    assert!(wait(tokens.forget()).unwrap());
    assert_eq!(std::fs::read_to_string(&vault).unwrap(), "");
    let error = wait(tokens.access()).unwrap_err();
    assert!(error.what.contains("nothing was granted yet"), "{error}");
}

#[test]
fn a_program_that_gives_tokens_is_asked_again() {
    let world = World::new("loopback");
    let text = std::fs::read_to_string(&world.home.config).unwrap();
    let (from, to) = (text.find("[account.oauth]").unwrap(), text.find("[filing]").unwrap());
    let file = world.home.path().join("token");
    let config =
        format!("{}access_token = {{ command = [\"cat\", \"{}\"] }}\n{}", &text[..from], file.display(), &text[to..]);
    std::fs::write(&world.home.config, config).unwrap();
    let tokens = world.tokens();
    assert!(wait(tokens.access()).is_err());
    std::fs::write(&file, "one\n").unwrap();
    let one = wait(tokens.access()).unwrap();
    assert!(wait(tokens.instead_of(&one)).unwrap().is_none(), "it has no other");
    std::fs::write(&file, "two\n").unwrap();
    assert_eq!(wait(tokens.instead_of(&one)).unwrap().unwrap().expose_secret(), "two");
}

#[test]
fn the_mail_server_sees_no_token_that_is_not_kept() {
    for rotation in [Rotation::Never, Rotation::Lenient, Rotation::Strict] {
        let world = World::behaving("loopback", |behaviour| behaviour.rotation = rotation);
        let pair = world.granted(7200);
        let (file, seen) = (world.file(), std::sync::Arc::<std::sync::Mutex<Vec<(String, String)>>>::default());
        let told = std::sync::Arc::clone(&seen);
        world.authority.on_first_use(move |token| {
            let kept = std::fs::read_to_string(&file).unwrap();
            told.lock().unwrap().push((token.to_owned(), kept));
        });
        let (well, said) = world.doctor();
        assert!(well, "{said}");
        let seen = seen.lock().unwrap();
        let [(token, kept)] = seen.as_slice() else { panic!("{} tokens were shown", seen.len()) };
        let kept: serde_json::Value = serde_json::from_str(kept).unwrap();
        assert_eq!(kept["access_token"], *token);
        assert_eq!(kept["refresh_token"] == pair.refresh, rotation == Rotation::Never);
    }
}

#[test]
fn a_token_that_ends_while_modori_watches_is_renewed() {
    let world = World::behaving("loopback", |behaviour| behaviour.rotation = Rotation::Lenient);
    world.granted(0);
    let watch = world.home.watch(1);
    assert_eq!(world.authority.asked("refresh_token"), 0);
    // by its clock it lives; the provider thinks otherwise
    world.authority.expire();
    world.mail.server.cut_all();
    until("the watch goes on", || world.home.log().matches("watching").count() >= 2);
    assert_eq!(world.authority.asked("refresh_token"), 1);
    drop(watch);
    world.nothing_secret(&[&world.home.log()]);
    assert_eq!(world.authority.wrong(), Vec::<String>::new());
}
