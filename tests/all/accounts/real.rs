//! Several accounts of the real program: their rules on the command line and while it watches, and two real servers, one of
//! which is there and says nothing.

use crate::support::dovecot::{Dovecot, PASSWORD, Setup, USER};
use crate::support::embedded::Embedded;
use crate::support::http::{Http, Request};
use crate::support::run::{Home, cancellation, mail, restock, until};
use crate::support::stall::Stalling;
use serde_json::Value;

fn webhook(http: &Http) -> String {
    format!("[alerts]\nchannels = [\"w\"]\n[channel.w]\nkind = \"webhook\"\nurl = \"{}\"\n", http.url("/hook"))
}

/// A second account, at the end of a configuration.
fn account(name: &str, port: u16, more: &str) -> String {
    format!(
        "\n[[account]]\nname = \"{name}\"\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"plain\"\nuser = \"{USER}\"\n\
         password = {{ file = \"password\" }}\nauthserv_ids = [\"mx.example.jp\"]\n{more}"
    )
}

const OWN: &str = "rules = \"phone\"\n[account.folders]\nrestock = \"買い物/再入荷\"\n";
const CLUB: &str = "category = \"letters\"\nfolder = \"便り\"\n[[rule]]\nname = \"club\"\nsubject = \"友の会だより\"\n\
                    [[example]]\nfrom = \"a@example.org\"\nsubject = \"友の会だより\"\n";

/// Account `a` with the shared rules, account `phone` with its own.
fn two(http: &Http) -> (Embedded, Embedded, Home) {
    let (a, phone) = (Embedded::start(), Embedded::start());
    let rest = format!("{}{}", webhook(http), account("phone", phone.port, OWN));
    let home = a.home("rules = \"rules\"\nlanguage = \"en\"", &rest);
    for folder in ["rules", "phone"] {
        std::fs::create_dir(home.path().join(folder)).unwrap();
    }
    std::fs::write(home.path().join("phone/club.toml"), CLUB).unwrap();
    (a, phone, home)
}

#[test]
fn the_commands_know_which_rules_an_account_has() {
    let http = Http::start();
    let (a, phone, home) = two(&http);
    let club = mail("club", "club@example.org", "友の会だより", "新作のお知らせ\n");
    let file = home.path().join("club.eml");
    std::fs::write(&file, &club).unwrap();
    let file = file.to_str().unwrap();
    let told = |arguments: &[&str]| -> Value { serde_json::from_str(&home.ok(arguments)).unwrap() };
    assert_eq!(told(&["classify", "--format", "json", file])["category"], "other");
    let own = told(&["classify", "--format", "json", "--account", "phone", file]);
    assert_eq!((&own["category"], &own["folder"], &own["rule"]), (&"letters".into(), &"便り".into(), &"club".into()));
    assert_eq!(told(&["explain", "--format", "json", "--account", "phone", file])["rule"], "club");
    let unknown = home.run(&["classify", "--account", "fone", file]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("there is no account `fone` (there are: a, phone)"));

    let checked = home.ok(&["rules", "check"]);
    assert!(checked.contains("account phone: those that all share and 1 file of its own in "), "{checked}");
    let listed = home.ok(&["rules", "list"]);
    let (shared, other) = listed.split_once("Otherwise in the account phone").unwrap();
    assert!(!shared.contains("club") && shared.contains("restock"), "{listed}");
    assert!(
        other.contains("club.toml") && other.contains("買い物/再入荷") && !other.contains("cancellation"),
        "{listed}"
    );
    assert!(home.ok(&["rules", "list", "--account", "phone"]).contains("cancellation"));
    let diff = home.ok(&["rules", "diff", "--since", "2020-01-01", "--account", "phone", "--from", file]);
    assert!(diff.contains("1 otherwise"), "{diff}");

    a.deliver("INBOX", &club);
    phone.deliver("INBOX", &club);
    phone.deliver("INBOX", &restock("one"));
    home.ok(&["sweep"]);
    assert_eq!((a.lies_in("club"), phone.lies_in("club")), (vec!["INBOX".to_owned()], vec!["便り".to_owned()]));
    assert_eq!(phone.lies_in("one"), ["買い物/再入荷"]);
    let history = home.ok(&["history", "--format", "json"]);
    let accounts: Vec<Value> =
        history.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["account"].clone()).collect();
    assert!(accounts.contains(&"phone".into()), "{history}");
    let doctor = String::from_utf8(home.run(&["doctor"]).stdout).unwrap();
    assert!(
        doctor.contains("2 accounts, ") && doctor.contains("1 account with rules or folders of its own"),
        "{doctor}"
    );
    assert!(doctor.contains("ok       account phone: login") && doctor.contains("\n0 failures"), "{doctor}");

    // a slip in the table is shown where it stands
    let config = std::fs::read_to_string(&home.config).unwrap();
    std::fs::write(&home.config, config.replace("\nrestock = \"買", "\nrestok = \"買")).unwrap();
    let wrong = home.run(&["rules", "check"]);
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert_eq!(wrong.status.code(), Some(2), "{said}");
    assert!(said.contains("there is no category `restok`") && said.contains("did you mean `restock`?"), "{said}");
    assert!(said.contains("config.toml:"), "{said}");
    std::fs::write(&home.config, config.replace("買い物/再入荷", "買い物//再入荷")).unwrap();
    let wrong = String::from_utf8_lossy(&home.run(&["rules", "check"]).stderr).into_owned();
    assert!(wrong.contains("not a folder name"), "{wrong}");
}

#[test]
fn what_is_saved_for_one_account_counts_at_once_for_it_alone() {
    let http = Http::start();
    let (a, phone, home) = two(&http);
    let club = |name: &str| mail(name, "club@example.org", "友の会だより", "新作のお知らせ\n");
    let watch = home.watch(2);
    phone.deliver("INBOX", &club("one"));
    until("the first is filed", || phone.lies_in("one") == ["便り"]);
    let file = home.path().join("phone/club.toml");
    std::fs::write(&file, CLUB.replace("便り", "友の会")).unwrap();
    until("the change is in use", || home.log().contains("changed rules are in use"));
    phone.deliver("INBOX", &club("two"));
    a.deliver("INBOX", &club("three"));
    until("the second goes to the new folder", || phone.lies_in("two") == ["友の会"]);
    std::fs::write(&file, CLUB.replace("subject = \"友の会だより\"\n[[", "subjcet = \"友の会だより\"\n[[")).unwrap();
    let told = || -> Vec<Value> {
        http.requests().iter().map(Request::json).filter(|alert| alert["category"] == "rules").collect()
    };
    until("it is told", || told().len() == 1);
    let alert = told().remove(0);
    assert_eq!((&alert["details"]["account"], &alert["details"]["file"]), (&"phone".into(), &"club.toml".into()));
    phone.deliver("INBOX", &club("four"));
    until("the old rules stay", || phone.lies_in("four") == ["友の会"]);
    assert_eq!(a.lies_in("three"), ["INBOX"]);
    assert_eq!(watch.terminate(), Some(0));
}

#[test]
fn cases_say_which_accounts_their_mails_came_to() {
    const ORDER: &str = "399999-20261120-0123456789";
    let http = Http::start();
    let (a, phone, home) = two(&http);
    a.deliver("INBOX", &cancellation("one", ORDER));
    home.ok(&["sweep"]);
    let sheet = |command: &[&str]| -> Value { serde_json::from_str(home.ok(command).lines().next().unwrap()).unwrap() };
    assert_eq!(sheet(&["cases", "--format", "json"])["accounts"], serde_json::json!(["a"]));
    assert!(!home.ok(&["cases"]).contains("accounts"));
    phone.deliver("INBOX", &cancellation("two", ORDER));
    home.ok(&["sweep"]);
    assert_eq!(sheet(&["cases", "--format", "json"])["accounts"], serde_json::json!(["a", "phone"]));
    assert!(home.ok(&["cases"]).contains("a, phone"));
    let story = sheet(&["case", "--format", "json", ORDER]);
    let by_phone = |one: &Value| one["accounts"].as_array().is_some_and(|all| all.contains(&"phone".into()));
    assert!(story["story"].as_array().unwrap().iter().any(by_phone), "{story}");
    assert!(home.ok(&["case", ORDER]).contains("phone"));
    assert!(home.ok(&["history"]).contains("phone: INBOX → "), "{}", home.ok(&["history"]));
}

#[test]
fn an_account_that_is_away_keeps_no_other_from_being_swept() {
    let http = Http::start();
    let (a, phone, home) = two(&http);
    phone.deliver("INBOX", &restock("one"));
    a.server.set_down(true);
    let swept = home.run(&["sweep"]);
    assert_eq!(swept.status.code(), Some(1), "it is said that one could not be");
    assert!(
        String::from_utf8_lossy(&swept.stderr).contains("account `a`"),
        "{}",
        String::from_utf8_lossy(&swept.stderr)
    );
    assert_eq!(phone.lies_in("one"), ["買い物/再入荷"]);
}

/// Two real servers; the first stops answering, on old connections and new ones. What comes to the second is told and filed
/// all the same, and what came to the first when it can be had.
#[test]
fn a_real_server_that_says_nothing_holds_up_no_other() {
    let (Some(first), Some(second)) = (Dovecot::start(&Setup::default()), Dovecot::start(&Setup::default())) else {
        return;
    };
    let proxy = Stalling::to(first.imap);
    let http = Http::start();
    let pace = "pace.probe_after = \"5s\"\npace.probe_answer = \"2s\"\npace.command = \"5s\"\npace.back_off_longest = \"1s\"\n";
    let a = format!("host = \"127.0.0.1\"\nport = {}\nsecurity = \"plain\"\nuser = \"{USER}\"\n{pace}", proxy.port);
    let home = Home::new(&a, &format!("{}{}", webhook(&http), account("b", second.imap, pace)));
    assert_eq!(std::fs::read_to_string(home.path().join("password")).unwrap(), PASSWORD);
    let told = |name: &str| {
        let of = |request: &Request| request.json()["title"].as_str().is_some_and(|title| title.contains(name));
        http.requests().iter().filter(|request| of(request)).count()
    };
    let lies = |dovecot: &Dovecot, folder: &str| dovecot.mailboxes().get(folder).map_or(0, Vec::len);
    let watch = home.watch(2);
    first.deliver(&restock("before-a"));
    second.deliver(&restock("before-b"));
    until("both are told", || told("before-a") == 1 && told("before-b") == 1);
    until("both are filed", || lies(&first, "楽天/再入荷") == 1 && lies(&second, "楽天/再入荷") == 1);
    proxy.stall();
    first.deliver(&restock("meanwhile-a"));
    for n in 0..5 {
        let name = format!("meanwhile-b{n}");
        second.deliver(&restock(&name));
        until("it is told", || told(&name) == 1);
        until("and filed", || lies(&second, "楽天/再入荷") == 2 + n);
    }
    assert_eq!(told("meanwhile-a"), 0, "nothing came through");
    proxy.go_on();
    until("it is told when it can be", || told("meanwhile-a") == 1);
    until("and filed", || lies(&first, "楽天/再入荷") == 2);
    assert_eq!(watch.terminate(), Some(0));
    assert_eq!(http.requests().iter().filter(|request| request.json()["category"] == "restock").count(), 8);
}
