//! The real program on a real Dovecot that takes tokens and has them looked into (its passdb oauth2, RFC 7662) by the
//! authorization server that gave them: granted, expired in the middle of a watch, taken back, granted anew.

use super::oauth::Talk;
use super::support::dovecot::{Dovecot, Setup, USER};
use super::support::http::Http;
use super::support::oauth::{self, Authority};
use super::support::oracle::by_message_id;
use super::support::proxy::Proxy;
use super::support::run::{Home, restock, until};
use std::time::Duration;

/// Of how many logins Dovecot says so in its log.
fn logins(dovecot: &Dovecot) -> usize {
    dovecot.log().matches("imap-login: Info: Login: ").count()
}

/// A home that watches through this port with the tokens of that server.
fn home(authority: &Authority, http: &Http, port: u16) -> Home {
    let home = Home::through(
        port,
        &format!("[alerts]\nchannels = [\"w\"]\n[channel.w]\nkind = \"webhook\"\nurl = \"{}\"\n", http.url("/hook")),
    );
    let text = std::fs::read_to_string(&home.config).unwrap();
    let text = text.replace("password = { file = \"password\" }\n", "");
    let text = text.replace("[filing]\n", &format!("{}[filing]\n", authority.table("loopback")));
    std::fs::write(&home.config, text).unwrap();
    home
}

fn tokens(home: &Home) -> std::path::PathBuf {
    home.state().join("tokens").join("a.json")
}

fn told(http: &Http, name: &str) -> usize {
    let requests = http.requests();
    requests.iter().filter(|one| one.json()["url"].as_str().is_some_and(|url| url.contains(name))).count()
}

fn filed(dovecot: &Dovecot, name: &str) -> bool {
    by_message_id(&dovecot.mailboxes()).remove(&format!("{name}@example.jp")).is_some_and(|at| at == ["楽天/再入荷"])
}

fn status(home: &Home) -> serde_json::Value {
    let output = home.run(&["status", "--format", "json"]);
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

fn watched_by(mechanism: &'static str) {
    let authority = Authority::start();
    let http = Http::start();
    let setup = Setup { tokens: Some((authority.introspection_url(), mechanism)), ..Setup::default() };
    let Some(dovecot) = Dovecot::start(&setup) else { return };
    let proxy = Proxy::delaying(dovecot.imap, Duration::ZERO);
    let home = home(&authority, &http, proxy.port);
    // nothing was granted yet
    let output = home.run(&["doctor"]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.contains("nothing was granted yet") && shown.contains("modori login a"), "{shown}");
    let pair = authority.grant(USER);
    oauth::keep(&authority, USER, &pair, &tokens(&home));
    let _watch = home.watch(1);
    dovecot.deliver(&restock("one"));
    until("it is alerted and filed", || told(&http, "one") == 1 && filed(&dovecot, "one"));
    assert_eq!(authority.asked("refresh_token"), 0, "the token that was there was good");

    // the token ends, and with it the session, as providers do; modori's own clock knows nothing of it
    for (round, name) in ["two", "three"].into_iter().enumerate() {
        authority.expire();
        if !dovecot.kick() {
            proxy.cut_all();
        }
        dovecot.deliver(&restock(name));
        until("it is alerted and filed", || told(&http, name) == 1 && filed(&dovecot, name));
        assert_eq!(authority.asked("refresh_token"), round + 1, "renewed once");
    }
    let failed = |dovecot: &Dovecot| dovecot.log().matches("auth failed").count();
    assert!(failed(&dovecot) <= 2, "one refusal each: {}", dovecot.log());

    // what was granted is taken back: refused once, told once, and tried seldom
    authority.take_back();
    let (refused, asked) = (failed(&dovecot), authority.asked("refresh_token"));
    proxy.cut_all();
    let refuses = |http: &Http| http.requests().iter().filter(|one| one.json()["category"] == "sight").count();
    until("it is told", || refuses(&http) == 1);
    let shown = status(&home);
    let trouble = shown["mailboxes"][0]["trouble"].as_str().unwrap_or_default().to_owned();
    assert_eq!(shown["mailboxes"][0]["state"], "refused", "{shown}");
    assert!(trouble.contains("modori login a") && trouble.contains("invalid_grant"), "{trouble}");
    let output = home.run(&["doctor"]);
    let doctor = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(doctor.contains("modori login a"), "{doctor}");
    assert_eq!(authority.asked("refresh_token"), asked + 1, "the provider is asked once, and its word kept");
    // the watch showed the old token, and doctor did
    assert!(failed(&dovecot) - refused <= 2, "{}", dovecot.log());

    // agreed again: it goes on without a restart
    dovecot.deliver(&restock("four"));
    authority.behave(|behaviour| behaviour.user = USER.to_owned());
    let talk = Talk::new(home.talk(&["login", "--no-browser"]));
    authority.browse(&talk.page());
    let (code, said) = talk.end();
    assert_eq!(code, Some(0), "{said}");
    until("it is alerted and filed", || told(&http, "four") == 1 && filed(&dovecot, "four"));
    until("it is said that all is well", || status(&home)["mailboxes"][0]["state"] == "watching");
    assert!(logins(&dovecot) >= 4);
    let log = home.log() + &status(&home).to_string();
    assert!(authority.secrets().iter().all(|secret| !log.contains(secret.as_str())), "a token is in the log");
    assert_eq!(authority.wrong(), [""; 0]);
}

#[test]
fn a_watch_by_xoauth2_outlives_its_tokens() {
    watched_by("XOAUTH2");
}

#[test]
fn a_watch_by_oauthbearer_outlives_its_tokens() {
    watched_by("OAUTHBEARER");
}

/// The clocks are ten minutes apart: what we think is good may be over, and the other way round. Nobody is locked out,
/// and a login costs one renewal more at most.
#[test]
fn clocks_that_differ_cost_one_renewal_at_most() {
    let http = Http::start();
    // told to live an hour, and over already by the server's clock; told to live a moment, and good for an hour
    for (lifetime, expires_in) in [(-600, Some(3000)), (3600, Some(1)), (3600, None)] {
        let authority = Authority::behaving(|behaviour| behaviour.lifetime = lifetime);
        let setup = Setup { tokens: Some((authority.introspection_url(), "xoauth2 oauthbearer")), ..Setup::default() };
        let Some(dovecot) = Dovecot::start(&setup) else { return };
        let home = home(&authority, &http, dovecot.imap);
        let pair = authority.grant(USER);
        authority.behave(|behaviour| (behaviour.lifetime, behaviour.expires_in) = (3600, expires_in));
        oauth::keep(&authority, USER, &pair, &tokens(&home));
        let output = home.run(&["doctor"]);
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(shown.contains("ok       account a: login"), "{shown}");
        assert!(authority.asked("refresh_token") <= 1, "{} renewals", authority.asked("refresh_token"));
        let name = format!("skew{}", expires_in.unwrap_or_default());
        let watch = home.watch(1);
        dovecot.deliver(&restock(&name));
        until("it is alerted and filed", || told(&http, &name) == 1 && filed(&dovecot, &name));
        assert!(authority.asked("refresh_token") <= 4, "{} renewals", authority.asked("refresh_token"));
        assert!(dovecot.log().matches("auth failed").count() <= 1, "{}", dovecot.log());
        watch.kill();
    }
}
