//! What is known of providers: `modori doctor` against the embedded server dressed as each of them, and the page
//! `docs/providers.md`, whose parts are made from the files (`UPDATE=1` writes them anew).

use super::support::persona::{ALL, Dressed, Persona, RIGHT};
use super::support::run::Home;
use modori::demo::{Mechanism, Server};
use modori::edge::config::Config;
use modori::provider::{self, Flow, Grade, LoginKind, Provider, Subject, Told, UserName};
use serde_json::Value;
use std::fmt::Write as _;
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

/// An account of this provider as one would write it.
fn snippet(provider: &Provider) -> String {
    let own = provider.imap.is_none();
    let mut out = format!("[[account]]\nprovider = \"{}\"\n", provider.name);
    let user = if own { "hanako@example.jp" } else { provider.user_example.as_str() };
    if own {
        out.push_str("host = \"imap.example.jp\"\n");
    }
    writeln!(out, "user = \"{user}\"").unwrap();
    let address = match provider.user {
        Some(UserName::Local | UserName::Own) => Some(format!("hanako@{}", provider.domains[0])),
        _ => None,
    };
    if let Some(address) = &address {
        writeln!(out, "own_addresses = [\"{address}\"]\nfrom = \"{address}\"").unwrap();
    }
    let by_token = provider.login.first() == Some(&LoginKind::Oauth);
    if !by_token {
        out.push_str("password = { file = \"mail-password\" }\n");
    }
    if let Some(id) = provider.authserv_ids.first() {
        writeln!(out, "authserv_ids = [\"{id}\"]    # after you looked at the source of a mail").unwrap();
    }
    if by_token {
        out.push_str("[account.oauth]                         # other keys of the account go above this line\nclient_id = \"the id of your own client\"\n");
    }
    if provider.smtp.is_some() {
        // a table that is not needed would swallow the keys that somebody adds below it
        out.push_str("# [account.smtp]                        # only if letters are to be sent\n");
        if let Some(address) = address.filter(|_| provider.user == Some(UserName::Local) && provider.name == "icloud") {
            writeln!(out, "# user = \"{address}\"").unwrap();
        }
    }
    out
}

/// How well it is known, and by whom: the link shows where it leads.
fn grade(told: &Told) -> String {
    match (&told.source, told.grade) {
        (Some(source), grade) => {
            format!("[{grade}: {}]({})", whose(source), source.trim_start_matches("docs/"))
        }
        (None, grade) => grade.to_string(),
    }
}

/// A source in a word or two: `node-imap 665` for an issue, `autoconfig` for a repository, else the host.
fn whose(source: &str) -> String {
    let place = source.trim_start_matches("https://").trim_start_matches("www.");
    let steps: Vec<&str> = place.split('/').collect();
    match steps.as_slice() {
        ["docs", page] => (*page).to_owned(),
        ["github.com", _, repository, "issues" | "pull", number] => format!("{repository} {number}"),
        ["github.com", _, repository, ..] => (*repository).to_owned(),
        [host, ..] => (*host).to_owned(),
        [] => place.to_owned(),
    }
}

/// The addresses by which it is known, at most so many, and those of the same company that cannot be read.
fn addresses(provider: &Provider, most: usize) -> String {
    let known = provider.domains.iter().take(most).map(|one| format!("@{one}"));
    known.chain(provider.without_imap.iter().map(|one| format!("not @{one}"))).collect::<Vec<_>>().join(", ")
}

fn at(server: Option<&provider::Server>, usual: u16) -> String {
    let Some(server) = server else { return "yours".to_owned() };
    let security = server.security.as_deref().unwrap_or("tls");
    format!("{}:{} ({security})", server.host, server.port.unwrap_or(usual))
}

/// The part of the page about one provider.
fn section(provider: &Provider) -> String {
    let mut out = format!("<a id=\"{}\"></a>\n\n## {}\n\n", provider.name, provider.label);
    let steps: Vec<&Told> = provider.about(Subject::Setup).collect();
    if !steps.is_empty() {
        out.push_str("To get in:\n\n");
    }
    for (n, step) in steps.iter().enumerate() {
        writeln!(out, "{}. {} ({})", n + 1, step.text, grade(step)).unwrap();
    }
    if provider.oauth.is_some() {
        let how = match provider.oauth.as_ref().map(|oauth| oauth.flow) {
            Some(Flow::Device) => "a code that you type on any device",
            _ => "the browser of the machine modori runs on",
        };
        writeln!(out, "\nTokens are had with `modori login`, by {how}: [oauth.md](oauth.md).").unwrap();
    }
    if !steps.is_empty() || provider.oauth.is_some() {
        out.push('\n');
    }
    writeln!(out, "```toml\n{}```\n", snippet(provider)).unwrap();
    let first = match provider.login.first() {
        Some(LoginKind::Oauth) => "`modori login`",
        _ => "[make the password file](configuration.md#passwords)",
    };
    writeln!(out, "Then {first}, `modori doctor`, `modori sweep --dry-run`, `modori watch`.\n").unwrap();
    out.push_str("| | |\n|---|---|\n");
    let mut row = |what: &str, value: String| writeln!(out, "| {what} | {value} |").unwrap();
    row("IMAP", at(provider.imap.as_ref(), 993));
    row("SMTP", at(provider.smtp.as_ref(), 465));
    if !provider.domains.is_empty() {
        row("addresses", addresses(provider, usize::MAX));
    }
    if !provider.login.is_empty() {
        row("login", provider.login.iter().map(ToString::to_string).collect::<Vec<_>>().join(", or "));
    }
    if let Some(user) = provider.user {
        let what = match user {
            UserName::Address => "the whole address",
            UserName::Local => "what stands before the @",
            UserName::Own => "a name of its own, not the address",
        };
        row("login name", format!("{what}: `{}`", provider.user_example));
    }
    if let Some(oauth) = &provider.oauth {
        row("scopes", oauth.scopes.iter().map(|scope| format!("`{scope}`")).collect::<Vec<_>>().join(" "));
    }
    if let Some(most) = provider.connections {
        row("connections at a time", most.to_string());
    }
    if !provider.capabilities.is_empty() {
        row("offers", provider.capabilities.join(", "));
    }
    let folders = &provider.folders;
    let named =
        [("drafts", &folders.drafts), ("sent", &folders.sent), ("junk", &folders.junk), ("all mail", &folders.all)];
    let named: Vec<String> =
        named.iter().filter_map(|(what, name)| Some(format!("{what} `{}`", name.as_ref()?))).collect();
    if !named.is_empty() {
        row("folders", named.join(", "));
    }
    let pace = &provider.pace;
    let paced = [
        ("hot_floor", &pace.hot_floor),
        ("probe_after", &pace.probe_after),
        ("probe_answer", &pace.probe_answer),
        ("poll_every", &pace.poll_every),
    ];
    let paced: Vec<String> =
        paced.iter().filter_map(|(key, value)| Some(format!("`pace.{key}` {}", value.as_ref()?))).collect();
    if !paced.is_empty() {
        row("asked", paced.join(", "));
    }
    out.push_str("\nWhat this rests on, and what else is known:\n\n");
    for told in provider.told.iter().filter(|told| !told.about.contains(&Subject::Setup)) {
        writeln!(out, "- {} ({})", told.text, grade(told)).unwrap();
    }
    out
}

/// All of them at a glance.
fn table() -> String {
    let mut out =
        "| `provider` | | addresses | login | IMAP known from | stand-in of the tests |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for provider in provider::all() {
        let (domains, stand_in) = (addresses(provider, 3), persona(&provider.name).known);
        let login = provider.login.iter().map(ToString::to_string).collect::<Vec<_>>().join(", or ");
        let grade = provider.grade(Subject::Imap).map_or("-".to_owned(), |grade| grade.to_string());
        writeln!(
            out,
            "| [`\"{0}\"`](#{0}) | {1} | {domains} | {login} | {grade} | {stand_in} |",
            provider.name, provider.label
        )
        .unwrap();
    }
    out
}

/// How many statements there are of each grade: what a reader may expect.
fn count() -> String {
    let of = |grade: Grade| provider::all().iter().flat_map(|one| &one.told).filter(|told| told.grade == grade).count();
    format!(
        "Of the statements on this page {} are documented, {} were seen by others, {} are guesses.\n",
        of(Grade::Documented),
        of(Grade::Seen),
        of(Grade::Guess)
    )
}

/// The page with its made parts put between their marks.
fn page(text: &str) -> String {
    let mut parts: Vec<(String, String)> = provider::all().iter().map(|one| (one.name.clone(), section(one))).collect();
    parts.push(("table".to_owned(), table()));
    parts.push(("count".to_owned(), count()));
    let mut text = text.to_owned();
    for (name, part) in parts {
        let (begin, end) = (format!("<!-- made: {name} -->\n"), format!("<!-- end: {name} -->"));
        let from = text.find(&begin).unwrap_or_else(|| panic!("docs/providers.md has no part {name}")) + begin.len();
        let to = from + text[from..].find(&end).unwrap_or_else(|| panic!("the part {name} has no end"));
        text.replace_range(from..to, &part);
    }
    text
}

#[test]
fn the_page_says_what_the_files_say() {
    let file = root().join("docs/providers.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let made = page(&text);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &made).unwrap();
    } else {
        assert!(
            made == text,
            "docs/providers.md is not what providers/*.toml say: UPDATE=1 cargo test --test all providers"
        );
    }
}

#[test]
fn every_example_of_the_page_is_a_configuration() {
    for provider in provider::all() {
        let text = snippet(provider);
        let silent = Config::parse(Path::new("/etc/modori/config.toml"), &text);
        let silent = silent.unwrap_or_else(|broken| panic!("{}: {broken}\n{text}", provider.name));
        assert!(silent.accounts[0].smtp.is_none(), "{}: letters are sent by those who want it", provider.name);
        let text = text.replace("\n# ", "\n");
        let config = Config::parse(Path::new("/etc/modori/config.toml"), &text);
        let config = config.unwrap_or_else(|broken| panic!("{}: {broken}\n{text}", provider.name));
        let account = &config.accounts[0];
        assert_eq!(account.provider, Some(provider.name.as_str()));
        if let Some(imap) = &provider.imap {
            assert_eq!((account.host.as_str(), account.port), (imap.host.as_str(), imap.port.unwrap_or(993)));
        }
        if let Some(smtp) = &provider.smtp {
            let sends = account.smtp.as_ref().unwrap();
            let usual = if smtp.security.as_deref() == Some("starttls") { 587 } else { 465 };
            assert_eq!((sends.host.as_str(), sends.port), (smtp.host.as_str(), smtp.port.unwrap_or(usual)));
        }
        assert!(account.own_addresses.iter().any(|own| own.contains('@')), "{}: whose mailbox is it?", provider.name);
        let named = config.policy.replies.senders.first().map(|sender| sender.address.clone());
        assert!(named.is_some_and(|address| address.contains('@')), "{}: from which address?", provider.name);
    }
}
