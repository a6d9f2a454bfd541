//! Somebody answers at a terminal: a wrong password, then the right one; and what is written is used by everything else.

use super::super::support::dovecot::PASSWORD;
use super::super::support::oracle::by_message_id;
use super::super::support::run::{restock, until};
use super::super::support::terminal::Terminal;
use super::{ADDRESS, Person, text, vouched, words};
use modori::rules::RuleSet;
use std::os::unix::fs::PermissionsExt;

#[test]
fn from_nothing_to_a_restock_on_the_phone_and_then_into_its_folder() {
    let Some(person) = Person::new() else { return };
    let before = person.dovecot.mailboxes();
    let servers = person.servers();
    let mut talk = Terminal::start(person.home(), &words(&["init"], &servers));
    talk.answer("Answer with one of these words [ja]:", "en");
    talk.answer("Your mail address, as the shops know it:", "no address");
    talk.answer("is no mail address", ADDRESS);
    talk.answer(&format!("Login name [{ADDRESS}]:"), "");
    talk.answer("Answer with one of these words [type]:", "");
    talk.answer("Password (it is not shown):", "wrong-horse");
    talk.expect("That did not work:");
    talk.expect("check user and password");
    talk.answer("Answer with one of these words [password]:", "");
    talk.answer("Password (it is not shown):", PASSWORD);
    talk.expect("It works.");
    talk.expect("new mail: told by NOTIFY");
    talk.expect("filing: by MOVE");
    talk.answer("Take the word of mx.example.jp on that? [Y/n]", "");
    talk.answer("Call some of them otherwise? [y/N]", "y");
    let rules = RuleSet::shipped();
    for (category, folder) in rules.folders_by_category() {
        let other = if category == "restock" { "買い物/再入荷" } else { "" };
        talk.answer(&format!("{category} [{folder}]:"), other);
    }
    talk.expect("3 mails of the last 90 days:");
    talk.expect("2  restock  → 買い物/再入荷");
    talk.expect("再入荷のお知らせ");
    talk.expect("1 order waiting, 500 points outstanding as far as mails tell:");
    talk.expect("388888-20261112-0234567890");
    talk.answer("into the ledger? modori then reminds you of what is owed [Y/n]", "");
    talk.answer("File mail from now on? [y/N]", "");
    talk.answer("Answer with one of these words [ntfy]:", "");
    talk.answer("Subscribed? A test alert is sent now [Y/n]", "");
    talk.expect("A test alert was sent");
    talk.answer("Did it arrive? [Y/n]", "");
    talk.answer("Serve the pages (what waits, shops, rules) on this machine, http://127.0.0.1:8580? [y/N]", "");
    talk.expect("Done in");
    let (code, shown) = talk.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains(PASSWORD) && !shown.contains("wrong-horse"), "what is typed is not shown:\n{shown}");

    // what was written, and for whose eyes
    let folder = person.config().parent().unwrap().to_path_buf();
    let mode = |name: &str| std::fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(""), mode("config.toml"), mode("mail-password"), mode("ntfy-topic")),
        (0o700, 0o600, 0o600, 0o600)
    );
    assert_eq!(std::fs::read_to_string(folder.join("mail-password")).unwrap(), format!("{PASSWORD}\n"));
    let config = std::fs::read_to_string(person.config()).unwrap();
    assert!(config.contains("restock = \"買い物/再入荷\"") && config.contains("mode = \"observe\""), "{config}");
    let topic = std::fs::read_to_string(folder.join("ntfy-topic")).unwrap();
    assert!(!config.contains(PASSWORD) && !config.contains(topic.trim()), "{config}");
    assert!(shown.contains(&format!("/{}", topic.trim())), "the page to subscribe at");
    let test = person.phone.requests();
    assert_eq!(test.len(), 1, "one test alert");
    assert!(text(&test[0].body).contains(topic.trim()), "{test:?}");
    // the mailbox is as it was
    assert_eq!(person.dovecot.mailboxes(), before);

    let doctor = person.run(&["doctor"]);
    assert_eq!(doctor.status.code(), Some(0), "{}", text(&doctor.stdout));
    let cases = text(&person.run(&["cases"]).stdout);
    assert!(cases.contains("388888-20261112-0234567890") && cases.contains("500/500"), "{cases}");
    let checked = person.run(&["rules", "check"]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));

    // it watches: a restock rings, and nothing is moved
    let log = person.home().join("log");
    let mut watch = person.command(&["watch"]).stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap();
    until("it watches", || std::fs::read_to_string(&log).unwrap().contains("watching"));
    person.dovecot.deliver(&vouched(restock("lamp")));
    let alerts = || person.phone.requests().iter().filter(|one| text(&one.body).contains("/lamp/")).count();
    until("the restock is alerted", || alerts() > 0);
    let terminate = ["-TERM", &watch.id().to_string()].map(str::to_owned);
    assert!(std::process::Command::new("kill").args(&terminate).status().unwrap().success());
    assert!(watch.wait().unwrap().success());
    assert_eq!(alerts(), 1);
    let lies = by_message_id(&person.dovecot.mailboxes());
    assert!(lies.values().all(|folders| *folders == ["INBOX"]), "{lies:?}");

    // agreed: what was only observed is filed
    let agreed = person.run(&["init", "--agree"]);
    assert_eq!(agreed.status.code(), Some(0), "{}", text(&agreed.stderr));
    let after = std::fs::read_to_string(person.config()).unwrap();
    let changed: Vec<(&str, &str)> = config.lines().zip(after.lines()).filter(|(one, other)| one != other).collect();
    assert_eq!(changed.len(), 1, "{after}");
    assert_eq!(changed[0].1, "mode = \"move\"");
    assert_eq!(mode("config.toml"), 0o600);
    let swept = person.run(&["sweep"]);
    assert_eq!(swept.status.code(), Some(0), "{}", text(&swept.stderr));
    let lies = by_message_id(&person.dovecot.mailboxes());
    assert_eq!(lies["lamp@example.jp"], ["買い物/再入荷"]);
    assert_eq!(lies["cancelled@example.jp"], ["楽天/キャンセル"]);
    let again = person.run(&["init", "--agree"]);
    assert!(text(&again.stdout).contains("nothing was changed"), "{}", text(&again.stdout));
}

#[test]
fn an_alert_that_does_not_arrive_is_tried_again_or_another_way_is_taken() {
    let Some(person) = Person::new() else { return };
    let servers = person.servers();
    let first = [
        "init", "--language", "en", "--email", ADDRESS, "--user", "shopper", "--authserv", "yes", "--preview-days",
        "0", "--mode", "observe", "--web", "no", "--channel", "ntfy",
    ];
    let mut talk = Terminal::start(person.home(), &words(&first, &servers));
    talk.answer("Answer with one of these words [type]:", "ty");
    talk.answer("Password (it is not shown):", PASSWORD);
    talk.answer("Call some of them otherwise? [y/N]", "n");
    person.phone.answer(1, super::super::support::http::Answer::Status(403));
    talk.answer("Subscribed? A test alert is sent now [Y/n]", "y");
    talk.expect("It was not taken:");
    talk.answer("Answer with one of these words [other]:", "again");
    talk.answer("Did it arrive? [Y/n]", "n");
    talk.answer("Answer with one of these words [again]:", "other");
    talk.answer("Answer with one of these words [ntfy]:", "none");
    talk.expect("Done in");
    let (code, shown) = talk.end();
    assert_eq!(code, Some(0), "{shown}");
    let config = std::fs::read_to_string(person.config()).unwrap();
    assert!(config.contains("channels = []") && !config.contains("[channel."), "{config}");
    assert!(!person.config().with_file_name("ntfy-topic").exists(), "{:?}", person.tree());
}

#[test]
fn a_server_that_is_not_there_and_a_certificate_that_nobody_signed_say_what_to_do_next() {
    let Some(person) = Person::new() else { return };
    let first = [
        "init", "--language", "en", "--email", ADDRESS, "--host", "no-such-host.invalid", "--user", "shopper",
        "--preview-days", "0", "--mode", "observe", "--web", "no", "--channel", "none", "--service", "none",
    ];
    let mut talk = Terminal::start(person.home(), &first);
    talk.answer("Answer with one of these words [type]:", "");
    talk.answer("Password (it is not shown):", PASSWORD);
    talk.expect("That did not work:");
    talk.expect("Is the name of the server right, and is this machine online?");
    talk.answer("Answer with one of these words [again]:", "server");
    talk.answer("IMAP server [no-such-host.invalid]:", "localhost");
    talk.answer("Answer with one of these words [tls]:", "");
    talk.answer("Port [993]:", &person.dovecot.imaps.to_string());
    // its certificate is signed by nobody whom this machine knows
    talk.expect("That did not work:");
    talk.expect("trust");
    talk.answer("Answer with one of these words [again]:", "trust");
    talk.expect("It works.");
    talk.answer("Take the word of mx.example.jp on that? [Y/n]", "n");
    talk.answer("Call some of them otherwise? [y/N]", "");
    talk.expect("Done in");
    let (code, shown) = talk.end();
    assert_eq!(code, Some(0), "{shown}");
    let config = std::fs::read_to_string(person.config()).unwrap();
    assert!(config.contains("pin = \"sha256:") && !config.contains("ca_file"), "{config}");
    assert_eq!(person.run(&["doctor"]).status.code(), Some(0));
}
