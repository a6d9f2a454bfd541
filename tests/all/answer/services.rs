//! Acknowledged through the protocols of the services, with the real program: an ntfy topic, and a Pushover receipt.

use crate::support::embedded::Embedded;
use crate::support::run::{Home, restock, until};
use crate::support::services::{Ntfy, PUSHOVER_TOKEN, PUSHOVER_USER, Pushover};
use std::os::unix::fs::PermissionsExt;

/// A word of the row about this item.
fn row(home: &Home, item: &str, column: &str) -> Option<String> {
    let db = rusqlite::Connection::open(home.state().join("modori.sqlite")).unwrap();
    let sql = format!("SELECT CAST({column} AS TEXT) FROM awaiting WHERE alert LIKE ?1");
    db.query_row(&sql, [format!("%\"title\":\"{item}%")], |row| row.get::<_, Option<String>>(0)).ok().flatten()
}

#[test]
fn the_button_of_ntfy_and_the_receipt_of_pushover_acknowledge() {
    let ntfy = Ntfy::start(None, None);
    let pushover = Pushover::start();
    let embedded = Embedded::start();
    let rest = format!(
        "[alerts]\nchannels = [\"phone\", \"push\"]\n[alerts.repeat]\nevery = \"30s\"\nfor = \"30m\"\n\
         [channel.phone]\nkind = \"ntfy\"\nserver = \"{}\"\ntopic = \"alerts\"\nack_topic = \"ack\"\n\
         [channel.push]\nkind = \"pushover\"\nserver = \"{}\"\ntoken = {{ file = \"push\" }}\nuser = \"{PUSHOVER_USER}\"\n",
        ntfy.http.url(""),
        pushover.http.url("")
    );
    let home = embedded.home("", &rest);
    let secret = home.path().join("push");
    std::fs::write(&secret, PUSHOVER_TOKEN).unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let _watch = home.watch(1);
    let cancelled = || pushover.http.requests().iter().filter(|one| one.path.ends_with("/cancel.json")).count();
    let told = |item: &str| {
        let alerts = ntfy.http.requests().into_iter().filter(|one| one.method == "POST" && one.path == "/");
        alerts.map(|one| one.json()).filter(|one| one["title"].as_str().unwrap().contains(item)).collect::<Vec<_>>()
    };
    let pushed = || pushover.http.requests().iter().filter(|one| one.path == "/1/messages.json").count();

    embedded.deliver("INBOX", &restock("one"));
    until("both have it", || told("one").len() == 1 && pushed() == 1);
    // the phone presses the button of the notification
    let button = told("one").remove(0)["actions"][0].clone();
    assert_eq!((&button["action"], &button["method"]), (&"http".into(), &"POST".into()), "{button}");
    let url = button["url"].as_str().unwrap().rsplit_once('/').unwrap().1.to_owned();
    ntfy.topics.lock().unwrap().push((url, 1_900_000_000, button["body"].as_str().unwrap().to_owned()));
    until("ntfy was asked", || row(&home, "one", "acknowledged_by").as_deref() == Some("channel:phone"));
    until("Pushover is told to stop", || cancelled() == 1);

    embedded.deliver("INBOX", &restock("two"));
    until("both have it", || told("two").len() == 1 && pushed() == 2);
    until("it is told again by ntfy", || told("two").len() == 2);
    assert_eq!(pushed(), 2, "Pushover repeats by itself");
    pushover.acknowledged.lock().unwrap().insert("rLqVuqTRh62UzxtmqiaLzQmVcPgiCy".to_owned());
    until("Pushover was asked", || row(&home, "two", "acknowledged_by").as_deref() == Some("channel:push"));
    until("the rest was told", || row(&home, "two", "withdrawn_at").is_some());
    assert_eq!(cancelled(), 1, "it said so itself");
}
