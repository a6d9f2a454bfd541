//! Measures for how long a mail stays unseen when a connection is lost. Run by hand:
//! `cargo test --profile long --test all measure_life -- --ignored --nocapture --test-threads=1`.

use super::support::dovecot::{Dovecot, Setup, USER};
use super::support::http::Http;
use super::support::run::{Home, restock, until};
use super::support::stall::Stalling;
use std::time::{Duration, Instant};

fn report(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |part: f64| times[((times.len() - 1) as f64 * part).round() as usize].as_secs_f64();
    println!("{name}: n {}, p50 {:.3} s, p95 {:.3} s, longest {:.3} s", times.len(), at(0.5), at(0.95), at(1.0));
}

/// From the loss, at which a mail is delivered, to the alert of that mail.
fn blind_time(name: &str, times: usize, held: Duration, lose: impl Fn(&Stalling)) {
    let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
    let http = Http::start();
    let proxy = Stalling::to(dovecot.imap);
    let account = format!("host = \"127.0.0.1\"\nport = {}\nsecurity = \"plain\"\nuser = \"{USER}\"", proxy.port);
    let rest = format!(
        "[alerts]\nchannels = [\"w\"]\nmost_an_hour = 0\n[channel.w]\nkind = \"webhook\"\nurl = \"{}\"\n",
        http.url("/")
    );
    let home = Home::new(&account, &rest);
    let _watch = home.watch(1);
    let mut taken = Vec::new();
    for n in 0..times {
        let watching = || {
            let text = String::from_utf8(home.run(&["status", "--format", "json"]).stdout).unwrap();
            text.contains("\"state\":\"watching\"")
        };
        until("it watches", watching);
        // a connection that held for a while, and a moment of its probing interval that is not always the same
        std::thread::sleep(held + Duration::from_millis(7919 * n as u64 % 20_000));
        let begun = Instant::now();
        lose(&proxy);
        dovecot.deliver(&restock(&format!("lost{n}")));
        while http.requests().len() <= n {
            assert!(begun.elapsed() < Duration::from_secs(120), "not seen");
            std::thread::sleep(Duration::from_millis(2));
        }
        taken.push(begun.elapsed());
    }
    report(name, taken);
}

#[test]
#[ignore = "a measurement of several minutes"]
fn after_a_silent_cut() {
    blind_time("silent cut → alert of a mail that came at the cut", 4, Duration::from_secs(3), |proxy| {
        proxy.stall_open_ones()
    });
}

#[test]
#[ignore = "a measurement of several minutes"]
fn after_bye() {
    blind_time(
        "BYE → alert of a mail that came then, on a connection that had held a minute",
        3,
        Duration::from_secs(61),
        |proxy| proxy.bye(),
    );
}

/// Sleep cannot be measured on a running machine: the clock of a simulation jumps.
#[test]
#[ignore = "a measurement"]
fn after_sleep() {
    let seconds = super::life::seconds_from_waking_up_to_sight();
    println!("waking up → mailbox opened anew and read, simulated: {seconds:.1} s");
}

#[test]
#[ignore = "prints what docs/status.md shows"]
fn what_people_see() {
    let Some(mut dovecot) = Dovecot::start(&Setup::default()) else { return };
    let rest = "[alerts]\nchannels = [\"phone\"]\n[channel.phone]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:9/\"\n";
    let home = Home::on(&dovecot, super::support::run::Over::Tls, rest);
    let _watch = home.watch(1);
    let status = || String::from_utf8(home.run(&["status"]).stdout).unwrap();
    until("it watches", || status().contains("yes, since"));
    println!("{}", status());
    dovecot.deliver(&restock("cup"));
    until("an alert waits", || status().contains("alerts by"));
    println!("{}", String::from_utf8(home.run(&["doctor"]).stdout).unwrap());
    dovecot.kill();
    until("it is blind", || status().contains("attempts failed"));
    println!("{}", status());
}
