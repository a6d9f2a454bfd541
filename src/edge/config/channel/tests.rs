//! Channels as shoppers write them, and the mistakes in them shown at their place.

use super::*;
use crate::edge::config::{Broken, Config};
use std::path::Path;

fn parse(channel: &str) -> Result<Config, Broken> {
    Config::parse(Path::new("/etc/modori/config.toml"), &format!("state = \"/x\"\n[channel.x]\n{channel}\n"))
}

fn kind(channel: &str) -> ChannelKind {
    parse(channel).unwrap_or_else(|broken| panic!("{broken}")).channels["x"].kind.clone()
}

#[test]
fn every_option_is_read() {
    let ChannelKind::Ntfy(ntfy) = kind(
        "kind = \"ntfy\"\nserver = \"https://ntfy.example.jp/\"\ntopic = \"alerts\"\nuser = \"me\"\npassword = { env = \"P\" }\n\
         icon = \"https://a.example/i.png\"\ntags = [\"shopping\"]\nack_topic_from = { file = \"ack\" }\nack_token = { env = \"A\" }",
    ) else {
        panic!("not ntfy")
    };
    assert_eq!((ntfy.server.as_str(), ntfy.tags.as_slice()), ("https://ntfy.example.jp", &["shopping".to_owned()][..]));
    assert!(matches!(&ntfy.login, Some(Login::Password(user, _)) if user == "me"));
    assert!(ntfy.ack.is_some_and(|ack| ack.token.is_some() && ack.topic.secret().is_some()));

    let channel = "kind = \"pushover\"\ntoken = { env = \"T\" }\nuser = \"u\"\ndevice = \"phone\"\nsound = \"siren\"";
    let ChannelKind::Pushover(pushover) = kind(channel) else { panic!("not pushover") };
    assert_eq!(pushover.server, "https://api.pushover.net");
    assert_eq!((pushover.device.as_deref(), pushover.sound.as_deref()), (Some("phone"), Some("siren")));

    let id = format!("U{}", "0123456789abcdef".repeat(2));
    let ChannelKind::Line { server, to, .. } =
        kind(&format!("kind = \"line\"\ntoken = {{ env = \"T\" }}\nto = [\"{id}\"]"))
    else {
        panic!("not line")
    };
    assert_eq!((server.as_str(), to), ("https://api.line.me", id));

    let ChannelKind::Webhook(webhook) = kind(
        "kind = \"webhook\"\nurl = \"https://a.example/\"\ntemplate = \"telegram\"\nvalues = { chat_id = \"7\" }\n\
         headers = { X-A = \"b\" }\nheaders_from = { X-Gotify-Key = { env = \"K\" } }\nsecret = { env = \"S\" }",
    ) else {
        panic!("not webhook")
    };
    assert!(webhook.template.is_some() && webhook.secret.is_some());
    assert_eq!(webhook.headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["X-A", "X-Gotify-Key"]);
    assert!(matches!(kind("kind = \"desktop\""), ChannelKind::Desktop));
    let webhook = ChannelKind::Webhook(webhook);
    let secrets: Vec<String> = webhook.secrets().into_iter().map(|(key, _)| key).collect();
    assert_eq!(secrets, ["secret", "X-Gotify-Key"]);
}

#[test]
fn a_mail_to_carriers_alone_is_short() {
    for (to, more, short) in [
        ("[\"a@docomo.ne.jp\"]", "", true),
        ("[\"Me <a..b.@ezweb.ne.jp>\", \"c@t.vodafone.ne.jp\"]", "", true),
        ("[\"a@I.SoftBank.jp\", \"b@example.jp\"]", "", false),
        ("[\"a@notdocomo.ne.jp\"]", "", false),
        ("[\"a@docomo.ne.jp\"]", "short = false", false),
        ("[\"a@example.jp\"]", "short = true", true),
    ] {
        let ChannelKind::Smtp(smtp) =
            kind(&format!("kind = \"smtp\"\nhost = \"h\"\nfrom = \"a@b.jp\"\nto = {to}\n{more}"))
        else {
            panic!("not smtp")
        };
        assert_eq!(smtp.short, short, "{to} {more}");
    }
}

#[test]
fn mistakes_are_shown_at_their_place() {
    let webhook = "kind = \"webhook\"\nurl = \"https://a.example/\"\n";
    for (channel, at, says) in [
        (
            "kind = \"ntfy\"\ntopic = \"t\"\ntoken = { env = \"T\" }\nuser = \"u\"".to_owned(),
            "2:10",
            "by a token, or by user",
        ),
        ("kind = \"ntfy\"\ntopic = \"t\"\nack_topic = \"t\"".to_owned(), "5:13", "topic of the alerts"),
        ("kind = \"ntfy\"\ntopic = \"t\"\nack_token = { env = \"T\" }".to_owned(), "5:13", "there is none"),
        ("kind = \"ntfy\"\ntopic = \"t\"\ntags = [\"a,b\"]".to_owned(), "5:9", "not taken"),
        ("kind = \"ntfy\"\ntopic = \"t\"\nicon = \"http://a.example/\"".to_owned(), "5:8", "https://"),
        ("kind = \"pushover\"\nuser = \"u\"".to_owned(), "2:10", "has no `token`"),
        ("kind = \"pushover\"\ntoken = { env = \"T\" }".to_owned(), "2:10", "has no `user`"),
        ("kind = \"line\"\ntoken = { env = \"T\" }\nto = [\"@shop\"]".to_owned(), "5:7", "not an ID of LINE"),
        ("kind = \"line\"\ntoken = { env = \"T\" }".to_owned(), "2:10", "one user, group or room"),
        (format!("{webhook}template = \"dicsord\""), "5:12", "\"discord\""),
        (format!("{webhook}template = \"telegram\""), "5:12", "value that does not exist"),
        (format!("{webhook}template_file = \"no/such.json\""), "5:17", "cannot read the template"),
        (format!("{webhook}values = {{ a = 1 }}"), "5:12", "there is none"),
        (format!("{webhook}headers = {{ Authorization = \"x\" }}"), "5:13", "written by modori itself"),
        (format!("{webhook}headers = {{ \"X A\" = \"x\" }}"), "5:13", "not the name of a header"),
        (format!("{webhook}headers = {{ X-A = \"x\\r\\nEvil: y\" }}"), "5:19", "cannot hold this"),
        (format!("{webhook}headers_from = {{ Host = {{ env = \"H\" }} }}"), "5:18", "written by modori itself"),
        ("kind = \"desktop\"\nargv = [\"x\"]".to_owned(), "4:8", "nothing but its kind"),
    ] {
        let broken = parse(&channel).err().expect(&channel).to_string();
        assert!(broken.contains(at) && broken.contains(says), "{channel}\n→ {broken}\nshould name {at} and say {says}");
    }
}

#[test]
fn channels_that_no_alert_uses_are_known() {
    let text = "state = \"/x\"\n[alerts]\nchannels = [\"a\"]\n[channel.a]\nkind = \"desktop\"\n[channel.b]\nkind = \"desktop\"\n";
    let config = Config::parse(Path::new("/etc/modori/config.toml"), text).unwrap();
    assert_eq!(config.idle_channels(), ["b"]);
}
