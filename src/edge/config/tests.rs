//! Configurations as shoppers write them, and the mistakes in them shown at their place.

use super::*;
use crate::plan::{Late, Looks};

const SMALL: &str = r#"
[[account]]
host = "imap.example.jp"
user = "me@example.jp"
password = { env = "MAIL_PASSWORD" }
"#;

fn parse(text: &str) -> Result<Config, Broken> {
    Config::parse(Path::new("/etc/modori/config.toml"), text)
}

#[test]
fn inbox_is_inbox_in_whatever_case() {
    for (written, meant) in [("inbox", "INBOX"), ("Inbox", "INBOX"), ("inbox/a", "inbox/a"), ("Junk", "Junk")] {
        let config = parse(&format!("{SMALL}mailbox = \"{written}\"\n")).unwrap();
        assert_eq!(config.accounts[0].mailbox, meant);
    }
}

#[test]
fn a_small_file_gets_careful_defaults() {
    let config = parse(SMALL).unwrap();
    let account = &config.accounts[0];
    assert_eq!((account.name.as_str(), account.port, account.security), ("account1", 993, Security::Tls));
    assert_eq!(account.mailbox, "INBOX");
    assert_eq!(account.own_addresses, ["me@example.jp"]);
    assert!(config.policy.observe, "nothing is moved before the shopper says so");
    assert_eq!(config.backlog, Backlog::Leave);
    assert_eq!(config.policy.late, Late::Summary);
    assert_eq!(config.policy.stale_after_s, 900);
    assert_eq!(config.policy.flags, Some(Looks::default()));
    assert_eq!(config.policy.looks(), None, "observing, nothing is flagged");
}

#[test]
fn letters_are_written_from_the_account_and_only_when_something_may_be_moved() {
    let replies = |text: &str| parse(&format!("{SMALL}{text}")).unwrap().policy.replies;
    let observing = replies("[replies]\ndrafts = true\n[replies.send]\nask-shop = true\n");
    assert!(!observing.drafts && observing.send.is_empty(), "observing, nothing is written");
    let moving = "[filing]\nmode = \"move\"\n";
    let usual = replies(moving);
    assert!(usual.drafts && usual.send.is_empty());
    assert_eq!((usual.a_day, usual.oldest_days, usual.name.as_str()), (5, 60, ""));
    assert_eq!(usual.senders.len(), 1);
    assert_eq!((usual.senders[0].account.as_str(), usual.senders[0].address.as_str()), ("account1", "me@example.jp"));
    let text = format!(
        "{moving}[replies]\nname = \"楽天 花子\"\na_day = 2\n[replies.send]\nask-shop = true\nthanks = false\n"
    );
    let own = replies(&text);
    assert_eq!((own.name.as_str(), own.a_day), ("楽天 花子", 2));
    assert_eq!(own.send.iter().map(|kind| kind.name()).collect::<Vec<_>>(), ["ask-shop"]);

    let from = parse(&format!("{SMALL}from = \"Hanako@example.jp\"\n")).unwrap();
    assert!(from.policy.replies.senders[0].fixed);
    assert!(from.own_addresses().contains("hanako@example.jp"), "what she writes is hers");

    let broken = |text: &str| parse(&format!("{SMALL}{text}")).err().unwrap().to_string();
    assert!(broken("[replies.send]\nask-shp = true\n").contains("did you mean `ask-shop`?"));
    assert!(broken("[replies.send]\nask-rakuten = true\n").contains("there is no letter `ask-rakuten`"));
    assert!(broken("[replies]\nname = \"a\\nBcc: b\"\n").contains("cannot stand before an address"));
    assert!(broken("[replies]\na_day = 51\n").contains("a_day must lie between 1 and 50"));
    assert!(broken("from = \"Hanako <h@example.jp>\"\n").contains("is not a plain mail address"));
}

#[test]
fn hot_windows_are_read_and_a_mistake_is_shown() {
    let config = parse(SMALL).unwrap();
    assert_eq!(config.hot, Hours::default());
    assert_eq!(config.accounts[0].pace.hot_floor, std::time::Duration::from_secs(1), "an unknown provider is spared");
    let text = "[hot]\nwindows = [\"20:00-20:15\", \"mon-fri 09:58-10:05\"]\nannounced = false\nmost_a_day = \"10m\"\nevery = \"50ms\"\n";
    let hot = parse(&format!("{SMALL}{text}")).unwrap().hot;
    assert_eq!(hot.windows.iter().map(ToString::to_string).collect::<Vec<_>>(), ["20:00-20:15", "mon-fri 09:58-10:05"]);
    assert_eq!((hot.announced, hot.every.as_millis(), hot.most_a_day.as_secs()), (None, 50, 600));
    let broken = parse(&format!("{SMALL}[hot]\nwindows = [\"8pm\"]\n")).err().unwrap().to_string();
    assert!(broken.contains("`8pm` is not a time like `20:00-20:15`"), "{broken}");
}

#[test]
fn every_kind_of_channel_is_read() {
    let config = parse(&format!(
        r#"{SMALL}
[filing]
mode = "move"
[alerts]
channels = ["phone", "desk", "hook", "mail"]
stale_after = "5m"
late = "each"
[channel.phone]
kind = "ntfy"
topic_from = {{ file = "topic" }}
[channel.desk]
kind = "command"
argv = ["notify-send", "modori"]
[channel.hook]
kind = "webhook"
url = "http://127.0.0.1:8080/x"
timeout = "5s"
[channel.mail]
kind = "smtp"
host = "smtp.example.jp"
security = "starttls"
user = "me"
password = {{ command = ["pass", "mail"] }}
from = "modori <Alert@example.jp>"
to = ["me@example.jp"]
"#
    ))
    .unwrap();
    assert!(!config.policy.observe);
    assert_eq!(config.policy.channels.len(), 4);
    assert_eq!(config.policy.stale_after_s, 300);
    let ChannelKind::Ntfy(Ntfy { server, topic: Hidden::Elsewhere(Secret::File(path)), .. }) =
        &config.channels["phone"].kind
    else {
        panic!("not ntfy")
    };
    assert_eq!((server.as_str(), path.as_path()), ("https://ntfy.sh", Path::new("/etc/modori/topic")));
    assert_eq!(config.channels["hook"].timeout, Duration::from_secs(5));
    assert!(matches!(config.channels["mail"].kind, ChannelKind::Smtp(Smtp { port: 587, .. })));
    assert!(config.own_addresses().contains("alert@example.jp"));
}

#[test]
fn flags_are_looked_after_as_often_as_she_says() {
    let text = "[filing]\nmode = \"move\"\nflag_look_every = \"2m\"\nflag_apart = \"90s\"\n";
    let looks = parse(&format!("{SMALL}{text}")).unwrap().policy.looks().unwrap();
    assert_eq!((looks.every, looks.apart), (Duration::from_secs(120), Duration::from_secs(90)));
    assert_eq!(parse(&format!("{SMALL}{text}flag_cases = false\n")).unwrap().policy.looks(), None);
}

#[test]
fn what_is_wrong_is_shown_where_it_is() {
    for (text, at, says) in [
        ("[[acount]]\nhost = \"x\"\n", "config.toml:1:3", "did you mean `account`"),
        ("x = [1,\n", "config.toml:", ""),
        ("[[account]]\nhost = \"imap.example.jp\"\nuser = \"me\"\n", "config.toml:3:8", "has no password"),
        (
            "[[account]]\nhost = \"imap.example.jp\"\nsecurity = \"plain\"\nuser = \"me\"\npassword = { env = \"P\" }\n",
            "config.toml:3:12",
            "clear text",
        ),
        ("[filing]\nmode = \"mvoe\"\n", "config.toml:2:8", "\"observe\", \"move\""),
        ("[filing]\nflag_apart = \"soon\"\n", "config.toml:2:14", "is not a length of time"),
        (
            "[alerts]\nchannels = [\"phne\"]\n[channel.phone]\nkind = \"ntfy\"\ntopic = \"t\"\n",
            "2:13",
            "did you mean `phone`",
        ),
        ("[channel.x]\nkind = \"pager\"\n", "2:8", "no kind of channel"),
        ("[channel.x]\nkind = \"ntfy\"\ntopic = \"t\"\nargv = [\"a\"]\n", "4:8", "has no `argv`"),
        ("[channel.x]\nkind = \"webhook\"\nurl = \"http://example.jp/\"\n", "3:7", "https://"),
        ("[alerts]\nstale_after = \"soon\"\n", "2:15", "length of time"),
        ("version = 2\n", "1:11", "version 1"),
        (
            "[replies]\nby = \"mial\"\n[channel.mail]\nkind = \"smtp\"\nhost = \"h\"\nfrom = \"a@b\"\nto = [\"a@b\"]\n",
            "2:6",
            "did you mean `mail`",
        ),
        ("[replies]\nby = \"p\"\n[channel.p]\nkind = \"ntfy\"\ntopic = \"t\"\n", "2:6", "[account.smtp]"),
        ("[replies]\ncopy_to_sent = \"yes\"\n", "2:16", "\"auto\", true, false"),
        ("[replies]\ndrafts_folder = \"\"\n", "2:17", "no name of a folder"),
        ("[replies]\nsent_folder = \"a//b\"\n", "2:15", "no name of a folder"),
        (
            "[[account]]\nhost = \"h\"\nuser = \"u\"\npassword = { env = \"P\" }\nmailbox = \"a\\r\\nb\"\n",
            "5:11",
            "no name of a folder",
        ),
        (
            "[[account]]\nhost = \"h\"\nuser = \"u\"\npassword = { env = \"P\" }\n[account.smtp]\nhost = \"smtp.example.jp\"\nsecurity = \"plain\"\n",
            "7:12",
            "clear text",
        ),
    ] {
        let broken = parse(text).err().expect(text).to_string();
        assert!(broken.contains(at), "{text}\n→ {broken}\nshould name {at}");
        assert!(broken.contains(says), "{text}\n→ {broken}\nshould say {says}");
    }
}

#[test]
fn all_mistakes_are_shown_at_once() {
    let broken = parse("[filing]\nmode = \"x\"\nbacklog = \"y\"\n[alerts]\nlate = \"z\"\n").err().unwrap();
    assert_eq!(broken.problems.len(), 3);
}

#[test]
fn a_pin_is_read_and_stands_alone() {
    let pin = "sha256:q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=";
    let account =
        |rest: &str| format!("[[account]]\nhost = \"localhost\"\nuser = \"me\"\npassword = {{ env = \"P\" }}\n{rest}");
    let config = parse(&account(&format!("pin = \"{pin}\"\n"))).unwrap();
    assert_eq!(config.accounts[0].pin.unwrap().to_string(), pin);
    for (rest, at, says) in [
        ("pin = \"sha256:abc\"\n".to_owned(), "5:7", "is not a pin"),
        (format!("pin = \"{pin}\"\nca_file = \"ca.pem\"\n"), "6:11", "keep one of the two"),
        (format!("pin = \"{pin}\"\nsecurity = \"plain\"\n"), "5:7", "without TLS"),
    ] {
        let broken = parse(&account(&rest)).err().expect(&rest).to_string();
        assert!(broken.contains(at) && broken.contains(says), "{rest}\n→ {broken}");
    }
}

#[test]
fn plain_goes_to_this_machine_only() {
    for (host, allowed) in [
        ("127.0.0.1", true),
        ("::1", true),
        ("localhost", true),
        ("127.0.0.1.example.jp", false),
        ("192.168.1.2", false),
    ] {
        let text = format!(
            "[[account]]\nhost = \"{host}\"\nsecurity = \"plain\"\nuser = \"me\"\npassword = {{ env = \"P\" }}\n"
        );
        assert_eq!(parse(&text).is_ok(), allowed, "{host}");
    }
}

/// The keys of a table, as the parser lists them when it meets one it does not know.
fn known_keys(table: &str) -> std::collections::BTreeSet<String> {
    let text = format!("{table}\nno_such_key = 1\n");
    let broken = parse(&text).err().unwrap();
    let message = &broken.problems[0].message;
    assert!(message.starts_with("unknown field `no_such_key`"), "{table}: {message}");
    message.split('`').skip(3).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_schema_and_the_parser_know_the_same_keys() {
    let schema: serde_json::Value = serde_json::from_str(crate::edge::config::SCHEMA).unwrap();
    let keys = |at: &str| -> std::collections::BTreeSet<String> {
        let table = schema.pointer(at).and_then(serde_json::Value::as_object).unwrap_or_else(|| panic!("no {at}"));
        table.keys().cloned().collect()
    };
    for (table, at) in [
        ("", "/properties"),
        ("[[account]]", "/definitions/account/properties"),
        ("[[account]]\n[account.password]", "/definitions/secret/properties"),
        ("[[account]]\n[account.pace]", "/definitions/pace/properties"),
        ("[[account]]\n[account.smtp]", "/definitions/smtp/properties"),
        ("[replies]", "/definitions/replies/properties"),
        ("[filing]", "/definitions/filing/properties"),
        ("[alerts]", "/definitions/alerts/properties"),
        ("[alerts.quiet]", "/definitions/quiet/properties"),
        ("[hot]", "/definitions/hot/properties"),
        ("[sight]", "/definitions/sight/properties"),
        ("[ledger]", "/definitions/ledger/properties"),
        ("[ledger.calendar]", "/definitions/business-days/properties"),
        ("[calendar]", "/definitions/calendar/properties"),
        ("[web]", "/definitions/web/properties"),
        ("[keep]", "/definitions/keep/properties"),
    ] {
        assert_eq!(keys(at), known_keys(table), "{at}: change schema/config.schema.json, too");
    }
    // every kind of channel, each with the keys that it knows
    let all = known_keys("[channel.x]");
    let mut kinds = Vec::new();
    for kind in schema.pointer("/definitions/channel/oneOf").and_then(serde_json::Value::as_array).unwrap() {
        let at = kind["$ref"].as_str().unwrap().trim_start_matches('#').to_owned();
        let name = schema.pointer(&at).unwrap()["properties"]["kind"]["const"].as_str().unwrap().to_owned();
        let known = keys(&format!("{at}/properties"));
        for key in all.iter().filter(|key| !matches!(key.as_str(), "kind" | "timeout")) {
            let value = match key.as_str() {
                "argv" | "to" | "tags" => "[\"x\"]",
                "port" => "1",
                "short" => "true",
                "url_from" | "topic_from" | "token" | "password" | "user_from" | "ack_topic_from" | "ack_token"
                | "secret" => "{ env = \"X\" }",
                "values" | "headers" => "{ x = \"x\" }",
                "headers_from" => "{ x = { env = \"X\" } }",
                _ => "\"x\"",
            };
            let broken = parse(&format!("{SMALL}\n[channel.x]\nkind = \"{name}\"\n{key} = {value}\n")).err();
            let refused = broken.is_some_and(|broken| broken.to_string().contains(&format!("channel has no `{key}`")));
            assert_eq!(known.contains(key), !refused, "{name} {key}");
        }
        kinds.push(name);
    }
    let broken = parse("[channel.x]\nkind = \"x\"\n").err().unwrap().to_string();
    for kind in &kinds {
        assert!(broken.contains(&format!("\"{kind}\"")), "{kind}: {broken}");
    }
    assert_eq!(kinds.len(), broken.rsplit_once("one of ").unwrap().1.matches('"').count() / 2);
}

#[test]
fn letters_are_sent_by_the_accounts_own_server_or_by_a_channels() {
    let text = "[[account]]\nname = \"a\"\nhost = \"imap.example.jp\"\nuser = \"me@example.jp\"\npassword = { env = \"P\" }\n\
                [account.smtp]\nhost = \"smtp.example.jp\"\nsecurity = \"starttls\"\n\
                [[account]]\nname = \"b\"\nhost = \"imap.example.jp\"\nuser = \"me\"\npassword = { env = \"P\" }\n\
                [replies]\nby = \"mail\"\ncopy_to_sent = false\ndrafts_folder = \"楽天/下書き\"\n\
                [channel.mail]\nkind = \"smtp\"\nhost = \"mx.example.jp\"\nfrom = \"a@b\"\nto = [\"a@b\"]\n";
    let config = parse(text).unwrap();
    let own = config.sends_by("a").unwrap();
    assert_eq!((own.host.as_str(), own.port, own.timeout.as_secs()), ("smtp.example.jp", 587, 600));
    assert_eq!(own.login.unwrap().0, "me@example.jp");
    let other = config.sends_by("b").unwrap();
    assert_eq!((other.host.as_str(), other.port, other.login.is_none()), ("mx.example.jp", 465, true));
    assert_eq!(config.outgoing.copy_to_sent, super::Keep::No);
    assert_eq!(config.outgoing.drafts_folder.as_deref(), Some("楽天/下書き"));
    assert!(parse(SMALL).unwrap().sends_by("account1").is_none(), "nothing is sent unless a server is named");
}

#[test]
fn shops_to_look_at_are_named_ordered_and_checked() {
    let names =
        |config: &Config| -> Vec<String> { config.policy.search.0.iter().map(|shop| shop.name.clone()).collect() };
    assert_eq!(names(&parse(SMALL).unwrap()), ["rakuten", "amazon", "yahoo", "mercari"]);
    let text = "[search]\nmercari = \"\"\nkakaku = { label = \"価格.com\", url = \"https://kakaku.com/search_results/{query}/\" }\n\
                amazon = \"https://www.amazon.co.jp/s?k={query}&i=kitchen\"\n";
    let config = parse(&format!("{SMALL}{text}")).unwrap();
    assert_eq!(names(&config), ["kakaku", "amazon", "rakuten", "yahoo"]);
    assert_eq!(config.policy.search.0[1].page("a b"), "https://www.amazon.co.jp/s?k=a%20b&i=kitchen");
    for (line, what, help) in [
        ("rakuten = \"http://x.example/{query}\"", "must begin with https://", ""),
        ("rakuten = \"https://x.example/\"", "hold {query} exactly once", "stands for the name"),
        ("rakuten = \"https://{query}.example/\"", "behind the host", ""),
        ("rakuten = \"https://x.example/日本?{query}\"", "no letters but ASCII", ""),
        ("own = \"https://x.example/{query}\"", "needs a label", "write own = {"),
        ("own = { label = \"x\", ulr = \"https://x.example/{query}\" }", "unknown key `ulr`", ""),
        ("rakuten = 1", "no address", "switches a shop off"),
    ] {
        let broken = parse(&format!("{SMALL}[search]\n{line}\n")).err().unwrap().to_string();
        assert!(
            broken.contains(what) && broken.contains(help) && broken.contains("config.toml:7:"),
            "{line}: {broken}"
        );
    }
}

#[test]
fn the_list_of_wanted_goods_lies_beside_the_file_unless_it_is_named() {
    let config = parse(SMALL).unwrap();
    assert_eq!(config.wanted, Path::new("/etc/modori/wanted.toml"));
    assert!(!config.policy.only_wanted);
    let config = parse(&format!("wanted = \"lists/goods.toml\"\n{SMALL}[alerts]\nonly_wanted = true\n")).unwrap();
    assert_eq!((config.wanted.as_path(), config.policy.only_wanted), (Path::new("/etc/modori/lists/goods.toml"), true));
}
