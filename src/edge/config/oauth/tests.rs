//! What may stand in `[account.oauth]`, and what is said of mistakes.

use crate::edge::config::Config;
use crate::edge::oauth::Credential;
use std::path::Path;

fn account(provider: &str, oauth: &str) -> Result<Config, String> {
    let text = format!(
        "state = \"/x\"\n[[account]]\nname = \"a\"\n{provider}\nuser = \"a@example.jp\"\n[account.oauth]\n{oauth}\n"
    );
    Config::parse(Path::new("/etc/modori/config.toml"), &text).map_err(|broken| broken.to_string())
}

const GMAIL: &str = "provider = \"gmail\"";
const HOST: &str = "host = \"imap.example.jp\"";
const WHOLE: &str = "client_id = \"c\"\nauthorize_url = \"https://id.example.jp/a\"\ntoken_url = \"https://id.example.jp/t\"\n\
                     device_url = \"https://id.example.jp/d\"\nscopes = [\"mail\"]\n";

#[test]
fn endpoints_and_scopes_come_from_the_provider_and_the_file_wins() {
    let config = account(GMAIL, "client_id = \"c\"").unwrap();
    let Credential::Token(tokens) = &config.accounts[0].credential else { panic!() };
    let shown = format!("{tokens:?}");
    assert!(shown.contains("https://oauth2.googleapis.com/token") && shown.contains("/x/tokens/a.json"), "{shown}");
    assert!(shown.contains("\"access_type\": \"offline\""), "{shown}");
    let own =
        "client_id = \"c\"\ntoken_url = \"https://other.example.jp/\"\nparameters = { access_type = \"\", hd = \"x\" }";
    let config = account(GMAIL, own).unwrap();
    let shown = format!("{:?}", config.accounts[0].credential);
    assert!(shown.contains("https://other.example.jp/") && shown.contains("\"hd\": \"x\""), "{shown}");
    assert!(!shown.contains("access_type"), "{shown}");
}

#[test]
fn tokens_are_kept_where_the_file_says() {
    for (more, kept, lock) in [
        ("tokens = \"t.json\"", "File(\"/etc/modori/t.json\")", "/etc/modori/t.json.lock"),
        (
            "load = [\"l\"]\nsave = [\"s\", \"x\"]",
            // what stands behind the programs is shown to nobody
            "Commands(Some(\"l\") …, Some(\"s\") …)",
            "/x/tokens/a.lock",
        ),
    ] {
        let config = account(HOST, &format!("{WHOLE}{more}")).unwrap();
        let shown = format!("{:?}", config.accounts[0].credential);
        assert!(shown.contains(kept) && shown.contains(lock), "{shown}");
    }
}

#[test]
fn an_accounts_name_cannot_lead_out_of_the_folder() {
    for (name, file) in
        [("../x", "%2E.%2Fx"), ("楽天 1", "楽天%201"), ("a@b.jp", "a@b.jp"), ("", ""), ("a\0b", "a%00b")]
    {
        assert_eq!(super::file_name(name), file);
    }
}

#[test]
fn every_mistake_has_its_place_and_a_remedy() {
    for (provider, written, what, remedy) in [
        (HOST, "client_id = \"c\"", "gives tokens is not known", "token_url"),
        (HOST, "client_id = \"c\"", "where you agree is not known", "authorize_url"),
        (HOST, "client_id = \"c\"", "asked for is not known", "scopes"),
        (GMAIL, "client_id = \" \"", "no client_id", "docs/oauth.md"),
        (GMAIL, "client_id = \"c\"\nflow = \"device\"", "codes for another device is not known", "loopback"),
        (GMAIL, "client_id = \"c\"\nflow = \"browser\"", "`browser` is not known here", "\"loopback\", \"device\""),
        (HOST, &WHOLE.replace("https://id.example.jp/t", "http://id.example.jp/t"), "https:// address", "this machine"),
        (HOST, &WHOLE.replace("https://id.example.jp/t", "id.example.jp/t"), "https:// address", "this machine"),
        (HOST, &WHOLE.replace("[\"mail\"]", "[]"), "no scopes", "without blanks"),
        (HOST, &WHOLE.replace("[\"mail\"]", "[\"a b\"]"), "no scopes", "without blanks"),
        (HOST, &format!("{WHOLE}parameters = {{ state = \"x\" }}"), "`state` is told to the page", "take it out"),
        (HOST, &format!("{WHOLE}load = [\"x\"]"), "go together", "add the other"),
        (HOST, &format!("{WHOLE}save = [\"x\"]"), "go together", "add the other"),
        (HOST, &format!("{WHOLE}tokens = \"x\"\nsave = [\"x\"]"), "not both", "one of the two"),
        (HOST, &format!("{WHOLE}load = []\nsave = [\"\"]"), "no program is named", "PROGRAM"),
        (HOST, &format!("{WHOLE}tokens = \"folder/\""), "no file", "not its folder"),
        (HOST, &format!("{WHOLE}client_secret = {{ env = \"A\", file = \"b\" }}"), "exactly one place", "command"),
        (HOST, &format!("{WHOLE}tokens_url = \"x\""), "unknown field", "token_url"),
        (GMAIL, "client_secret = { env = \"A\" }", "missing field `client_id`", ""),
    ] {
        let said = account(provider, written).err().unwrap_or_else(|| panic!("taken: {written}"));
        assert!(said.contains(what) && said.contains(remedy) && said.contains("config.toml:"), "{written}\n{said}");
    }
}
