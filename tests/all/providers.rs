//! What is known of providers: `modori doctor` against the embedded server dressed as each of them, and the page
//! `docs/providers.md`, whose parts are made from the files (`UPDATE=1` writes them anew).

mod page;

use super::support::persona::{ALL, Dressed, Persona, RIGHT};
use super::support::run::Home;
use modori::demo::{Mechanism, Server};
use modori::edge::config::Config;
use modori::provider::{self, LoginKind, Provider};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What doctor says: exit code, and of each check what it is about, its grade, what was found, what to do.
struct Found(Option<i32>, Vec<[String; 4]>);

impl Found {
    fn by(home: &Home) -> Self {
        let output = home.run(&["doctor", "--format", "json"]);
        let text = String::from_utf8(output.stdout).unwrap();
        let sheet: Value = serde_json::from_str(text.trim())
            .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
        let line = |one: &Value| ["about", "grade", "said", "remedy"].map(|key| one[key].as_str().unwrap().to_owned());
        Self(output.status.code(), sheet["checks"].as_array().unwrap().iter().map(line).collect())
    }

    /// All that is said about something: `grade: what`.
    fn about(&self, what: &str) -> Vec<String> {
        let is = |one: &&[String; 4]| one[0] == format!("account a: {what}");
        self.1.iter().filter(is).map(|one| format!("{}: {}", one[1], one[2])).collect()
    }

    fn remedy(&self, what: &str) -> String {
        let is = |one: &&[String; 4]| one[0] == format!("account a: {what}");
        self.1.iter().filter(is).map(|one| one[3].clone()).collect::<Vec<_>>().join("; ")
    }

    #[track_caller]
    fn says(&self, name: &str, what: &str, begin: &str) {
        let said = self.about(what);
        assert!(
            said.iter().any(|one| one.starts_with(begin)),
            "{name}, {what}: {said:#?}, not {begin:?}\n{:#?}",
            self.1
        );
    }
}

fn persona(name: &str) -> &'static Persona {
    ALL.iter().find(|one| one.provider == name).unwrap_or_else(|| panic!("{name} has no persona"))
}

/// A server that takes as many connections as the provider allows.
fn started(provider: &Provider) -> Dressed {
    persona(&provider.name).start(provider.connections.unwrap_or(100).into())
}

#[test]
fn every_provider_is_known_by_its_persona_and_to_editors() {
    let names: Vec<&str> = provider::all().iter().map(|one| one.name.as_str()).collect();
    assert_eq!(ALL.iter().map(|one| one.provider).collect::<Vec<_>>(), names);
    let schema: Value =
        serde_json::from_str(&std::fs::read_to_string(root().join("schema/config.schema.json")).unwrap()).unwrap();
    let known = &schema["definitions"]["account"]["properties"]["provider"]["enum"];
    assert_eq!(known.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect::<Vec<_>>(), names);
    let configuration = std::fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    for name in names {
        assert!(configuration.contains(&format!("`\"{name}\"`")), "docs/configuration.md does not name {name}");
    }
}

#[test]
fn doctor_finds_each_provider_as_it_is_known() {
    for provider in provider::all() {
        let (name, persona) = (provider.name.as_str(), persona(&provider.name));
        let dressed = started(provider);
        let found = Found::by(&dressed.home(persona.user, RIGHT, persona.by_token, ""));
        assert_eq!(found.0, Some(0), "{name}: {:#?}", found.1);
        found.says(
            name,
            "provider",
            &format!("ok: {}, named in the configuration; see docs/providers.md#{name}", provider.label),
        );
        found.says(name, "login", &format!("ok: as {}", persona.user));
        assert!(found.about("login name").is_empty(), "{name}: {:?}", found.about("login name"));
        let own = !provider.login.contains(&LoginKind::Password);
        match provider.login.first() {
            None => assert!(found.about("kind of login").is_empty(), "{name}"),
            Some(LoginKind::Oauth) => found.says(name, "kind of login", "ok: a token"),
            Some(_) if own => {
                found.says(name, "kind of login", "ok: a password, which must be a password made for one program")
            }
            Some(_) => found.says(name, "kind of login", "ok: a password ("),
        }
        match provider.connections {
            Some(most) => {
                found.says(name, "connections", &format!("ok: 2 at most for {}, of {most} that", persona.user))
            }
            None => assert!(found.about("connections").is_empty(), "{name}"),
        }
        found.says(
            name,
            "new mail",
            &format!("{}: {}", if persona.new_mail.starts_with("asked") { "warning" } else { "ok" }, persona.new_mail),
        );
        found.says(
            name,
            "filing",
            &format!("{}: {}", if persona.filing.contains("flag") { "warning" } else { "ok" }, persona.filing),
        );
        match provider.capabilities.is_empty() {
            true => assert!(found.about("what the server offers").is_empty(), "{name}"),
            false => found.says(name, "what the server offers", "ok: all that is known of"),
        }
        let levels = match persona.prefix {
            "" => format!("ok: no prefix, `{}` between levels", persona.separator),
            prefix => format!("ok: prefix `{prefix}`, `{}` between levels", persona.separator),
        };
        found.says(name, "folders", &levels);
        let told = &provider.folders;
        assert!(told.prefix.is_none() || told.prefix.as_deref() == Some(persona.prefix), "{name}");
        assert!(told.delimiter.is_none_or(|one| one == persona.separator), "{name}");
        match persona.special {
            "" => assert!(found.about("special folders").is_empty(), "{name}: {:?}", found.about("special folders")),
            special => assert_eq!(found.about("special folders"), [format!("ok: {special}")], "{name}"),
        }
        found.says(name, "trust", "warning: no authserv_ids");
        let proposed = provider.authserv_ids.first().map(|id| format!("authserv_ids = [\"{id}\"], as others saw it"));
        let begin = proposed.unwrap_or_else(|| "docs/configuration.md, Trust".to_owned());
        assert!(found.remedy("trust").starts_with(&begin), "{name}: {}", found.remedy("trust"));
        assert!(dressed.server.sins().is_empty(), "{name}: {:?}", dressed.server.sins());
        changes_nothing(name, &dressed.server);
    }
}

/// Doctor only looks.
#[track_caller]
fn changes_nothing(name: &str, server: &Server) {
    let writes = ["CREATE", "DELETE", "STORE", "COPY", "MOVE", "APPEND", "EXPUNGE", "SUBSCRIBE", "SELECT"];
    for command in server.commands() {
        let word = command.trim_start_matches("UID ").split(' ').next().unwrap_or_default().to_owned();
        assert!(!writes.contains(&word.as_str()), "{name}: {command}");
    }
}

#[test]
fn doctor_tells_what_to_do_when_a_provider_refuses() {
    for provider in provider::all() {
        let (name, persona) = (provider.name.as_str(), persona(&provider.name));
        let dressed = started(provider);
        // what a shopper tries first: the password of the account
        let found = Found::by(&dressed.home(persona.user, "the account's own", false, ""));
        assert_eq!(found.0, Some(1), "{name}");
        let said = found.about("login");
        // response codes are not repeated, and addresses not as links
        let text = persona.refusal.rsplit_once("] ").map_or(persona.refusal, |(_, text)| text);
        let text = text.split(" http").next().unwrap_or_default();
        assert!(
            said.len() == 1 && said[0].starts_with("failure: ") && said[0].contains(text),
            "{name}: {said:?}, not {text}"
        );
        assert!(found.remedy("login").starts_with(&provider.refused), "{name}: {}", found.remedy("login"));
        if provider.login == [LoginKind::Oauth] {
            found.says(name, "kind of login", "warning: a password is shown, and Outlook.com takes a token (OAuth2)");
        }
        let tries = dressed.tried(Mechanism::Plain) + dressed.tried(Mechanism::Login);
        assert_eq!(tries, 1, "{name}: one refusal is enough");
    }
}

#[test]
fn one_connection_too_many_is_told_as_such() {
    for provider in provider::all() {
        let Some(most) = provider.connections else { continue };
        let (name, persona) = (provider.name.as_str(), persona(&provider.name));
        let dressed = started(provider);
        let _others: Vec<_> = (0..most).map(|_| dressed.other()).collect();
        super::support::run::until("the others are connected", || dressed.server.connections().1 >= most.into());
        let found = Found::by(&dressed.home(persona.user, RIGHT, persona.by_token, ""));
        assert_eq!(found.0, Some(1), "{name}");
        let told = found.about("login").join("; ");
        assert!(told.starts_with("failure: ") && told.to_lowercase().contains("connections"), "{name}: {told}");
        assert!(found.remedy("login") == "wait, and try again", "{name}: {}", found.remedy("login"));
    }
}

#[test]
fn what_is_known_and_not_there_is_told() {
    let gmail = provider::named("gmail").unwrap();
    let dressed = started(gmail);
    for gone in ["MOVE", "IDLE"] {
        dressed.server.withdraw(gone);
    }
    let found = Found::by(&dressed.home("hanako@gmail.com", RIGHT, false, ""));
    found.says("gmail", "what the server offers", "warning: seen by others but not offered: IDLE, MOVE");
    // what is known of a provider is held against another host, too, and the pace is the provider's
    found.says("gmail", "new mail", "warning: asked for every 30 s");

    // All Mail can be watched where mail is filed by labels, and some names are no labels
    let dressed = started(gmail);
    let home = dressed.home("hanako@gmail.com", RIGHT, false, "mailbox = \"[Gmail]/すべてのメール\"\n");
    let rule = "category = \"mine\"\nfolder = \"Sent/楽天\"\n[[rule]]\nname = \"x\"\nsubject = \"y\"\n";
    std::fs::write(home.path().join("rules/mine.toml"), rule).unwrap();
    let found = Found::by(&home);
    found.says("gmail", "mailbox", "ok: [Gmail]/すべてのメール shows every mail: filed there by labels");
    found.says("gmail", "folders", "failure: Sent/楽天 cannot be a Gmail label: `sent` is a name of Gmail's own");
    assert_eq!(found.0, Some(1));
}

#[test]
fn a_login_name_of_the_wrong_form_is_told_before_it_is_tried() {
    for (name, user, wants) in [
        ("gmail", "hanako", "Gmail wants the whole address"),
        ("icloud", "hanako@icloud.com", "iCloud wants what stands before the @"),
        ("docomo", "hanako@docomo.ne.jp", "ドコモメール wants a name of its own, and not the address"),
        ("au", "hanako@au.com", "auメール / UQ mobile wants a name of its own"),
    ] {
        let dressed = started(provider::named(name).unwrap());
        let found = Found::by(&dressed.home(user, RIGHT, false, ""));
        found.says(name, "login name", &format!("warning: `{user}` is no usual one: {wants}"));
    }
    for (name, user, says) in [
        ("gmail", "hanako@yahoo.co.jp", "warning: hanako@yahoo.co.jp is an address of Yahoo"),
        ("softbank", "hanako@softbank.ne.jp", "warning: no IMAP server is known for hanako@softbank.ne.jp"),
    ] {
        let dressed = started(provider::named(name).unwrap());
        let home = dressed.home(user, RIGHT, false, "");
        let found = Found::by(&home);
        found.says(name, "login name", says);
        let text = String::from_utf8(home.run(&["doctor"]).stdout).unwrap();
        for [about, _, said, remedy] in &found.1 {
            assert!(
                text.contains(said.as_str()) && text.contains(remedy.as_str()),
                "{about}, {said}, {remedy}:\n{text}"
            );
        }
    }
    let yahoo = started(provider::named("yahoo-japan").unwrap());
    let found = Found::by(&yahoo.home("hanako", RIGHT, false, ""));
    found.says("yahoo-japan", "your addresses", "warning: `hanako` is no address");
    assert!(found.remedy("your addresses").contains("own_addresses = [\"hanako@yahoo.co.jp\"]"));
    // a dアカウント may itself be an address elsewhere
    let docomo = provider::named("docomo").unwrap();
    let found = Found::by(&started(docomo).home("hanako@example.jp", RIGHT, false, ""));
    assert!(found.about("login name").is_empty());
}

#[test]
fn whose_word_counts_is_proposed_from_what_is_seen_and_never_taken() {
    let letter = |result: &str| format!("{result}From: a@example.jp\r\nSubject: x\r\n\r\nx\r\n").into_bytes();
    let of = |id: &str| letter(&format!("Authentication-Results: {id};\r\n spf=pass smtp.mailfrom=a@example.jp\r\n"));
    for (name, mails, said, remedy) in [
        (
            "gmail",
            vec![of("mx.google.com"), of("mx.google.com")],
            "the newest mails name mx.google.com, which is the provider's",
            "authserv_ids = [\"mx.google.com\"]: open the source",
        ),
        (
            "fastmail",
            vec![of("mx1.messagingengine.com"); 3],
            "the newest mails name mx1.messagingengine.com, which whoever sent them could",
            "authserv_ids = [\"mx1.messagingengine.com\"]: open",
        ),
        // one mail without: whoever wrote the others, it was not the provider
        (
            "fastmail",
            vec![of("mx.evil.example"), letter("")],
            "the newest mails do not agree: mx.evil.example",
            "docs/configuration.md, Trust",
        ),
        (
            "gmail",
            vec![of("mx.google.com"), of("mx.evil.example")],
            "the newest mails do not agree: mx.evil.example, mx.google.com",
            "authserv_ids = [\"mx.google.com\"], as others",
        ),
        (
            "outlook",
            vec![letter("Authentication-Results: spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=a.example\r\n")],
            "no authserv_ids",
            "docs/configuration.md, Trust",
        ),
    ] {
        let (provider, persona) = (provider::named(name).unwrap(), persona(name));
        let dressed = started(provider);
        for mail in mails {
            dressed.server.deliver("INBOX", &mail, jiff::Timestamp::now());
        }
        let home = dressed.home(persona.user, RIGHT, persona.by_token, "");
        let before = std::fs::read_to_string(&home.config).unwrap();
        let found = Found::by(&home);
        let told = found.about("trust").join("; ");
        assert!(told.starts_with("warning: ") && told.contains(said), "{name}: {told}");
        assert!(found.remedy("trust").starts_with(remedy), "{name}: {}", found.remedy("trust"));
        assert_eq!(std::fs::read_to_string(&home.config).unwrap(), before);
        let all = dressed.server.mailboxes();
        assert!(all.values().flatten().all(|mail| mail.flags.is_empty()), "{name}: nothing is marked as read");
        changes_nothing(name, &dressed.server);
    }
    // where the configuration names one, nothing is proposed
    let dressed = started(provider::named("gmail").unwrap());
    let found = Found::by(&dressed.home("hanako@gmail.com", RIGHT, false, "authserv_ids = [\"mx.google.com\"]\n"));
    assert!(found.about("trust").is_empty());
}

#[test]
fn many_mailboxes_of_one_login_share_its_connections() {
    let account = |n: usize, user: &str| {
        format!(
            "[[account]]\nname = \"m{n}\"\nprovider = \"gmail\"\nhost = \"127.0.0.1\"\nport = 1\nsecurity = \"plain\"\nuser = \"{user}\"\npassword = {{ env = \"P\" }}\nmailbox = \"f{n}\"\n"
        )
    };
    let file = |text: &str| Config::parse(Path::new("/etc/modori/config.toml"), text).unwrap();
    let lines = |text: &str| -> Vec<String> {
        let config = file(text);
        let sends = !config.policy.replies.send.is_empty();
        let checks = modori::engine::checkup::budget(&config.accounts, sends);
        checks.iter().map(|one| format!("{} {}: {}", one.grade.word(), one.about, one.said)).collect()
    };
    let three: String = (0..3).map(|n| account(n, "hanako@gmail.com")).collect();
    let told = "at most for hanako@gmail.com, of 15 that Gmail allows at a time (seen)";
    assert_eq!(lines(&three), [format!("ok account m0, m1, m2: connections: 6 {told}")]);
    let four = format!("{three}{}", account(3, "hanako@gmail.com"));
    assert_eq!(lines(&four), [format!("warning account m0, m1, m2, m3: connections: 8 {told}")]);
    // a letter that is about to be sent is looked for
    let sending = format!("{three}[filing]\nmode = \"move\"\n[replies.send]\nask-shop = true\n");
    assert_eq!(lines(&sending), [format!("warning account m0, m1, m2: connections: 9 {told}")]);
    // another login has its own
    let two = format!("{three}{}", account(3, "taro@gmail.com"));
    assert_eq!(lines(&two).iter().filter(|line| line.starts_with("ok ")).count(), 2);
    let same = format!("{}{}", account(0, "hanako@gmail.com"), account(0, "hanako@gmail.com").replace("m0", "again"));
    let told = lines(&same);
    assert!(told.iter().any(|line| line.starts_with("warning account m0, again: mailbox: f0 of")), "{told:?}");
    let elsewhere = "[[account]]\nhost = \"imap.example.jp\"\nuser = \"u\"\npassword = { env = \"P\" }\n";
    assert!(lines(elsewhere).is_empty());
}

#[test]
fn what_a_preset_fills_in_and_what_is_wrong_with_an_account() {
    let parse = |account: &str| {
        let text = format!("[[account]]\n{account}password = {{ env = \"P\" }}\n");
        Config::parse(Path::new("/etc/modori/config.toml"), &text)
    };
    let outlook = parse("user = \"hanako@outlook.jp\"\n").unwrap().accounts[0].clone();
    assert_eq!((outlook.host.as_str(), outlook.port), ("outlook.office365.com", 993));
    assert_eq!((outlook.pace.probe_after.as_secs(), outlook.pace.probe_answer.as_secs()), (120, 20));
    let own = parse("user = \"hanako@outlook.jp\"\n[account.pace]\nprobe_after = \"30s\"\n");
    assert!(own.is_err(), "a table ends the account, so that its password stands in [account.pace]");
    let own = parse("user = \"hanako@outlook.jp\"\npace.probe_after = \"30s\"\n").unwrap().accounts[0].clone();
    assert_eq!(own.pace.probe_after.as_secs(), 30, "what the configuration says wins");
    // named, it also counts for another host; port and security do not
    let mine = parse("provider = \"outlook\"\nhost = \"127.0.0.1\"\nsecurity = \"plain\"\nuser = \"u\"\n").unwrap();
    let mine = mine.accounts[0].clone();
    assert_eq!((mine.port, mine.provider, mine.pace.hot_floor.as_secs()), (143, Some("outlook"), 5));
    for (account, expect) in [
        ("provider = \"gmial\"\nuser = \"u\"\n", "did you mean `gmail`?"),
        ("provider = \"dovecot\"\nuser = \"u\"\n", "`dovecot` is a server of your own, and its host is not named"),
        ("user = \"hanako@softbank.ne.jp\"\n", "no IMAP server is known for hanako@softbank.ne.jp"),
        (
            "provider = \"softbank\"\nuser = \"hanako@softbank.ne.jp\"\n",
            "no IMAP server is known for hanako@softbank.ne.jp",
        ),
        (
            "host = \"imap.softbank.jp\"\nuser = \"hanako@softbank.ne.jp\"\n",
            "no IMAP server is known for hanako@softbank.ne.jp",
        ),
        ("provider = \"yahoo\"\nuser = \"hanako\"\n", "did you mean `yahoo-japan`?"),
        ("provider = \"hotmail\"\nuser = \"hanako@hotmail.com\"\n", "did you mean `outlook`?"),
        ("user = \"hanako\"\n", "add provider = \"yahoo-japan\", \"docomo\""),
        ("user = \"hanako@example.jp\"\n", "neither a host nor a provider is named"),
    ] {
        let broken = parse(account).err().unwrap();
        assert_eq!(broken.problems.len(), 1, "{broken}");
        assert!(broken.to_string().contains(expect), "{broken}");
    }
    assert!(
        parse("host = \"imap.example.jp\"\nuser = \"hanako@softbank.ne.jp\"\n").is_ok(),
        "who knows one may name it"
    );
}

// ---- the page ----
