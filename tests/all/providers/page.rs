//! docs/providers.md is made of the files of the providers, and every configuration on it can be used.

use super::{persona, root};
use modori::edge::config::Config;
use modori::provider::{self, Flow, Grade, LoginKind, Provider, Subject, Told, UserName};
use std::fmt::Write as _;
use std::path::Path;

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
