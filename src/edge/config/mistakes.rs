//! What TOML says of a file that it cannot read, in words that help: usual mistakes, and what to write instead.

use super::SECRET_FORMS;
use crate::rules::diagnostic::meant;
use std::ops::Range;

/// Keys of `[[account]]` that no table within it has.
const OF_ACCOUNT: &[&str] = &[
    "name", "provider", "access_token", "oauth", "mailbox", "authserv_ids", "own_addresses", "from", "pin",
    "fetch_kib", "pace", "smtp", "rules", "folders", "password", "user", "host", "port", "security",
];
/// Keys of `[account.oauth]` that an account itself has not.
const OF_OAUTH: &[&str] = &[
    "client_id", "client_secret", "flow", "authorize_url", "token_url", "device_url", "scopes", "parameters",
    "redirect_port", "tokens", "load", "save",
];

/// What is wrong and what to do about it, from what the parser says of a place in a text.
pub(super) fn explained(said: &str, text: &str, at: &Range<usize>) -> (String, String) {
    let same = |help: &str| (said.to_owned(), help.to_owned());
    // what stands there is not repeated: it may be the secret
    if said.ends_with("expected struct Secret") {
        let what = "a secret never stands in the configuration itself: it is told where to find it";
        return (what.to_owned(), format!("write one of {SECRET_FORMS}"));
    }
    let names: Vec<&str> = said.split('`').skip(1).step_by(2).collect();
    if said.starts_with("unknown field")
        && let Some((unknown, known)) = names.split_first()
    {
        let table = table(text, at.start);
        if table.starts_with("[account.") && OF_ACCOUNT.contains(unknown) {
            let what = format!("{table} has no `{unknown}`");
            return (what, format!("it belongs to the account: write it above {table}, with the keys of [[account]]"));
        }
        if table == "[[account]]" && OF_OAUTH.contains(unknown) {
            return same("it belongs below [account.oauth], after all keys of the account");
        }
        return same(&meant(unknown, known).map(|known| format!("did you mean `{known}`?")).unwrap_or_default());
    }
    if said.ends_with("expected a sequence") {
        if said.contains("map") && text.lines().any(|line| header(line) == "[account]") {
            return same("write [[account]], with two brackets: there may be several");
        }
        if said.contains("string") {
            return same("write a list, even of one: [\"…\"]");
        }
    }
    match said {
        "missing field `client_id`" => same(
            "add client_id = \"…\": the provider gives it when you register a client of your own; docs/oauth.md tells how",
        ),
        "missing field `user`" => {
            same("add user = \"hanako@example.jp\": the name that you log in with, usually the whole address")
        }
        _ => same(""),
    }
}

/// The head of the table in which a place lies, without blanks around it; empty before the first.
fn table(text: &str, at: usize) -> &str {
    let before = text.get(..at).unwrap_or_default();
    before.lines().rev().map(header).find(|line| line.starts_with('[')).unwrap_or_default()
}

/// A line without blanks around it and without a remark behind it.
fn header(line: &str) -> &str {
    line.split('#').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use crate::edge::config::Config;
    use std::path::Path;

    #[test]
    fn usual_mistakes_are_told_with_what_to_write_instead() {
        let account = "[[account]]\nhost = \"imap.example.jp\"\nuser = \"u\"\n";
        let oauth = format!("{account}[account.oauth]\nclient_id = \"c\"\n");
        for (text, says) in [
            (format!("{account}password = \"abcd\"\n"), "{ file = \"PATH\" }"),
            (format!("{oauth}client_secret = \"abcd\"\n"), "{ env = \"NAME\" }"),
            ("[account]\nhost = \"h\"\nuser = \"u\"\n".to_owned(), "write [[account]], with two brackets"),
            (format!("{account}own_addresses = \"x\"\n"), "write a list"),
            (format!("{account}[account.oauth]\nflow = \"device\"\n"), "docs/oauth.md"),
            (format!("{oauth}authserv_ids = [\"x\"]\n"), "write it above [account.oauth]"),
            (format!("{account}[account.smtp] # mine\nmailbox = \"x\"\n"), "write it above [account.smtp]"),
            (format!("{account}client_id = \"x\"\n"), "it belongs below [account.oauth]"),
            (format!("{account}mailbx = \"x\"\n"), "did you mean `mailbox`?"),
            ("[[account]]\nhost = \"h\"\npassword = { env = \"P\" }\n".to_owned(), "add user = "),
        ] {
            let broken = Config::parse(Path::new("/etc/modori/config.toml"), &text).err().expect(&text);
            assert!(broken.to_string().contains(says), "{text}\n→ {broken}\nshould say {says}");
            assert!(!broken.to_string().contains("struct"), "{broken}");
        }
    }
}
