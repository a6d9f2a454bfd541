//! A real mailbox is watched: mail is sorted and alerted as it comes, over outages, restarts and by many commands at once.

use super::support::dovecot::{Dovecot, Setup};
use super::support::http::{Answer, Http};
use super::support::oracle::by_message_id;
use super::support::run::{Home, Over, cancellation, mail, restock, until};
use super::support::smtp::{self, Smtp};
use std::time::Duration;

const ORDER: &str = "399999-20261120-0123456789";

fn webhook(http: &Http) -> String {
    format!("[alerts]\nchannels = [\"w\"]\n[channel.w]\nkind = \"webhook\"\nurl = \"{}\"\n", http.url("/hook"))
}

fn lies_in(dovecot: &Dovecot, name: &str) -> Vec<String> {
    by_message_id(&dovecot.mailboxes()).remove(&format!("{name}@example.jp")).unwrap_or_default()
}

fn alerts_of(http: &Http, category: &str) -> Vec<serde_json::Value> {
    http.requests()
        .iter()
        .filter(|request| request.answered == 200)
        .map(super::support::http::Request::json)
        .filter(|alert| alert["category"] == category)
        .collect()
}

#[test]
fn the_first_alert_finds_its_connection_open() {
    for (keep_warm, before) in [("keep_warm = \"1h\"\n", 1), ("keep_warm = \"off\"\n", 0)] {
        let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
        let http = Http::start();
        let home = Home::on(&dovecot, Over::Plain, &format!("{}{keep_warm}", webhook(&http)));
        let _watch = home.watch(1);
        until("the connection is open", || http.warmed() >= before);
        dovecot.deliver(&restock("first"));
        until("it is alerted", || !http.requests().is_empty());
        assert_eq!(http.warmed(), before, "once in an hour");
        assert_eq!(http.requests()[0].earlier_on_connection, before, "the alert takes the open connection");
    }
}

#[test]
fn mail_is_sorted_and_alerted_as_it_comes() {
    for over in [Over::Tls, Over::StartTls] {
        let Some(mut dovecot) = Dovecot::start(&Setup::default()) else { return };
        let http = Http::start();
        dovecot.deliver(&restock("before"));
        let home = Home::on(&dovecot, over, &webhook(&http));
        let watch = home.watch(1);

        dovecot.deliver(&restock("by-lmtp"));
        dovecot.oracle().append("INBOX", &cancellation("by-append", ORDER)).unwrap();
        until("both are filed", || {
            lies_in(&dovecot, "by-lmtp") == ["楽天/再入荷"] && lies_in(&dovecot, "by-append") == ["楽天/キャンセル"]
        });
        let alert = &alerts_of(&http, "restock")[0];
        assert_eq!(alert["url"], "https://item.rakuten.co.jp/modori-zakka/by-lmtp/");
        assert_eq!(alert["priority"], "urgent");
        assert!(alert["key"].as_str().is_some_and(|key| !key.is_empty()));
        let seen = dovecot.mailboxes().values().flatten().any(|one| one.flags.iter().any(|flag| flag == "\\Seen"));
        assert!(!seen, "nothing is marked as read");
        assert_eq!(lies_in(&dovecot, "before"), ["INBOX"], "the backlog is left alone");

        let case: serde_json::Value = serde_json::from_str(home.ok(&["cases", "--format", "json"]).trim()).unwrap();
        assert_eq!((case["order_number"].as_str(), case["cancelled"].as_str()), (Some(ORDER), Some("claimed")));
        home.ok(&["confirm", ORDER, "--points", "500"]);
        let case: serde_json::Value = serde_json::from_str(home.ok(&["cases", "--format", "json"]).trim()).unwrap();
        assert_eq!(case["points"]["returned"], 500, "{case}");

        // the server goes away and comes back
        dovecot.restart();
        until("it watches again", || home.log().matches("watching").count() >= 2);
        dovecot.deliver(&restock("after-restart"));
        until("it is filed", || lies_in(&dovecot, "after-restart") == ["楽天/再入荷"]);

        // modori goes away and comes back
        assert_eq!(watch.terminate(), Some(0), "{}", home.log());
        dovecot.deliver(&restock("while-away"));
        let _watch = home.watch(3);
        until("it is filed", || lies_in(&dovecot, "while-away") == ["楽天/再入荷"]);
        assert_eq!(alerts_of(&http, "restock").len(), 3);
        assert_eq!(lies_in(&dovecot, "before"), ["INBOX"]);
        assert!(!home.log().contains("correct-horse"), "the password stands in the log");
    }
}

#[test]
fn an_alert_is_repeated_with_its_key_and_a_hanging_channel_holds_nothing_up() {
    let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
    let (http, hanging) = (Http::start(), Http::start());
    http.answer(1, Answer::Status(500));
    http.answer(1, Answer::Cut);
    http.answer(1, Answer::Later(1));
    hanging.answer(100, Answer::Hang);
    let smtp =
        Smtp::start(smtp::Setup { starttls: true, login: Some(("u".into(), "p".into())), ..smtp::Setup::default() });
    let folder = tempfile::tempdir().unwrap();
    let (said, ca, secret) = (folder.path().join("said"), folder.path().join("ca.pem"), folder.path().join("secret"));
    std::fs::write(&ca, &smtp.ca).unwrap();
    std::fs::write(&secret, "p").unwrap();
    std::os::unix::fs::PermissionsExt::set_mode(&mut std::fs::metadata(&secret).unwrap().permissions(), 0o600);
    std::process::Command::new("chmod").arg("600").arg(&secret).status().unwrap();
    let rest = format!(
        "[alerts]\nchannels = [\"hang\", \"w\", \"n\", \"c\", \"m\"]\n\
         [channel.hang]\nkind = \"webhook\"\nurl = \"{}\"\n[channel.w]\nkind = \"webhook\"\nurl = \"{}\"\n\
         [channel.n]\nkind = \"ntfy\"\nserver = \"{}\"\ntopic = \"t\"\n\
         [channel.c]\nkind = \"command\"\nargv = [\"tee\", \"-a\", \"{}\"]\n\
         [channel.m]\nkind = \"smtp\"\nhost = \"localhost\"\nport = {}\nsecurity = \"starttls\"\nuser = \"u\"\npassword = {{ file = \"{}\" }}\n\
         from = \"modori <alert@example.org>\"\nto = [\"phone@example.org\"]\nca_file = \"{}\"\n",
        hanging.url("/"),
        http.url("/hook"),
        http.url(""),
        said.display(),
        smtp.port,
        secret.display(),
        ca.display(),
    );
    let home = Home::on(&dovecot, Over::Plain, &rest);
    let _watch = home.watch(1);
    dovecot.deliver(&restock("one"));
    until("four channels have it", || {
        let posts = http.requests();
        let hook = posts.iter().filter(|one| one.path == "/hook" && one.answered == 200).count();
        let ntfy = posts.iter().filter(|one| one.path == "/" && one.answered == 200).count();
        let command = std::fs::read_to_string(&said).unwrap_or_default().lines().count();
        hook >= 1 && ntfy >= 1 && command >= 1 && !smtp.mails().is_empty()
    });
    let keys: std::collections::BTreeSet<String> = http
        .requests()
        .iter()
        .filter(|one| one.path == "/hook")
        .map(|one| one.headers.get("idempotency-key").cloned().unwrap_or_default())
        .collect();
    assert_eq!(keys.len(), 1, "every attempt has the same key");
    let ntfy = http.requests().iter().find(|one| one.path == "/").unwrap().json();
    assert_eq!((ntfy["topic"].as_str(), ntfy["priority"].as_u64()), (Some("t"), Some(5)));
    assert_eq!(ntfy["click"], "https://item.rakuten.co.jp/modori-zakka/one/");
    let line: serde_json::Value = serde_json::from_str(std::fs::read_to_string(&said).unwrap().trim()).unwrap();
    assert_eq!(line["category"], "restock");
    let letter = &smtp.mails()[0];
    assert!(letter.tls && letter.to == ["phone@example.org"], "{letter:?}");
    assert!(String::from_utf8_lossy(&letter.data).contains("Auto-Submitted: auto-generated"));
    assert!(
        !home.log().contains(&hanging.port.to_string()) || !home.log().contains("/hook"),
        "an address stands in the log"
    );
}

#[test]
fn our_own_alert_coming_back_starts_nothing() {
    let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
    let smtp = Smtp::start(smtp::Setup::default());
    let rest = format!(
        "[alerts]\nchannels = [\"m\"]\n[channel.m]\nkind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"plain\"\n\
         from = \"shopper@example.jp\"\nto = [\"shopper@example.jp\"]\n",
        smtp.port
    );
    let home = Home::on(&dovecot, Over::Plain, &rest);
    let _watch = home.watch(1);
    dovecot.deliver(&restock("loop"));
    let letters = smtp.wait(1, Duration::from_secs(30));
    assert_eq!(letters.len(), 1);
    // the alert comes back into the watched mailbox, and then something else that shows how far modori has read
    dovecot.deliver(&letters[0].data);
    dovecot.deliver(&cancellation("later", ORDER));
    until("what came later is filed", || lies_in(&dovecot, "later") == ["楽天/キャンセル"]);
    until("its alert left, too", || smtp.mails().len() >= 2);
    let mails = smtp.mails();
    let text = |data: &[u8]| {
        let reading = modori::mail::Reading { received: jiff::Timestamp::now(), size: 0, authserv_ids: &[] };
        modori::mail::read(data, &reading).body.raw
    };
    let restocks = mails.iter().filter(|one| text(&one.data).contains("item.rakuten.co.jp")).count();
    assert_eq!((mails.len(), restocks), (2, 1), "one alert for the restock, one for the cancellation");
    let inbox = dovecot.mailboxes().remove("INBOX").unwrap_or_default();
    assert_eq!(inbox.len(), 1, "our own letter stays where it is");
}

#[test]
fn many_commands_beside_a_watch_double_nothing() {
    let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
    let http = Http::start();
    let home = Home::on(&dovecot, Over::Plain, &webhook(&http));
    let watch = home.watch(1);
    for n in 0..100 {
        if n % 10 == 0 {
            dovecot.deliver(&restock(&format!("item{n}")));
            dovecot.deliver(&cancellation(&format!("cancel{n}"), &format!("399999-20261120-00000000{:02}", n / 10)));
        }
        let sweep = home.run(&["sweep", "--format", "json"]);
        assert!(sweep.status.success(), "{}", String::from_utf8_lossy(&sweep.stderr));
        home.ok(&["confirm", "399999-20261120-0000000000", "--points", "500", "--at", "2026-11-24T10:00"]);
    }
    until("all is filed", || dovecot.mailboxes().get("INBOX").is_none_or(Vec::is_empty));
    for (id, folders) in by_message_id(&dovecot.mailboxes()) {
        assert_eq!(folders.len(), 1, "{id}: {folders:?}");
    }
    assert_eq!(dovecot.mailboxes()["楽天/再入荷"].len(), 10);
    until("all is alerted", || alerts_of(&http, "restock").len() >= 10);
    assert_eq!(watch.terminate(), Some(0));
    assert_eq!(alerts_of(&http, "restock").len(), 10, "each restock is alerted once");
    let cases = home.ok(&["cases", "--all", "--format", "json"]);
    assert_eq!(cases.lines().count(), 10);
}

#[test]
fn refusals_are_told_and_nothing_is_touched() {
    let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
    dovecot.deliver(&restock("stays"));
    let home = Home::on(&dovecot, Over::Plain, "");
    std::fs::write(home.path().join("password"), "wrong").unwrap();
    let refused = home.run(&["sweep"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("login") && said.contains("refused") && !said.contains("wrong"), "{said}");
    assert_eq!(lies_in(&dovecot, "stays"), ["INBOX"]);

    let text = std::fs::read_to_string(&home.config).unwrap();
    std::fs::write(&home.config, text.replace("mode = \"move\"", "mode = \"mvoe\"")).unwrap();
    let broken = home.run(&["sweep"]);
    let said = String::from_utf8_lossy(&broken.stderr).into_owned();
    assert_eq!(broken.status.code(), Some(2), "{said}");
    assert!(said.contains("config.toml:") && said.contains("\"move\""), "{said}");

    std::fs::create_dir(home.path().join("rules")).unwrap();
    std::fs::write(
        home.path().join("rules/mine.toml"),
        "category = \"restock\"\n[[rule]]\nname = \"x\"\nsubjct = \"a\"\n",
    )
    .unwrap();
    std::fs::write(&home.config, format!("rules = \"rules\"\n{text}")).unwrap();
    let broken = home.run(&["watch"]);
    let said = String::from_utf8_lossy(&broken.stderr).into_owned();
    assert_eq!(broken.status.code(), Some(2), "{said}");
    assert!(said.contains("mine.toml:4:1") && said.contains("subject"), "{said}");
    assert_eq!(lies_in(&dovecot, "stays"), ["INBOX"]);
}

#[test]
fn unrelated_mail_is_not_touched() {
    let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
    let home = Home::on(&dovecot, Over::Plain, "");
    dovecot.deliver(&mail("friend", "friend@example.org", "こんにちは", "楽天で買ったよ\n"));
    dovecot.deliver(b"\0\xff\xfe broken from the first byte\r\n\r\n\x80\x81");
    home.ok(&["sweep"]);
    assert_eq!(dovecot.mailboxes()["INBOX"].len(), 2);
}
