//! Whose mailbox it is, and what its login shows.

use super::super::Failure;
use super::super::args::InitMailbox;
use super::answers::{Account, Login, Secret};
use super::ask::Ask;
use super::home::Home;
use super::words::{plain, words};
use super::write::free;
use crate::provider::{self, LoginKind, Provider, Subject, UserName};
use secrecy::{ExposeSecret, SecretString};
use std::path::Path;

/// The provider of an account that is being set up.
pub(super) fn provider(account: &Account) -> Option<&'static Provider> {
    match (&account.provider, &account.host) {
        (Some(name), _) => provider::named(name),
        (None, Some(host)) => provider::of_host(host),
        (None, None) => provider::of_address(&account.address),
    }
}

/// Asks for the address, the server and the login.
pub(super) async fn account(ask: &mut Ask<'_>, flags: &InitMailbox, home: &Home) -> Result<Account, Failure> {
    let address = address(ask, flags).await?;
    let mut account = Account {
        address,
        provider: flags.provider.clone(),
        host: flags.host.clone(),
        port: flags.port,
        security: flags.security.clone(),
        ca_file: flags.ca_file.as_deref().map(absolute).transpose()?,
        pin: flags.pin.clone(),
        user: String::new(),
        login: Login::Program(Vec::new()),
    };
    if account.provider.is_none() && account.host.is_none() && provider::of_address(&account.address).is_none() {
        server(ask, &mut account).await?;
    }
    told(&account);
    user(ask, &mut account, flags.user.as_deref()).await?;
    account.login = login(ask, flags, &account, home).await?;
    Ok(account)
}

async fn address(ask: &mut Ask<'_>, flags: &InitMailbox) -> Result<String, Failure> {
    let mut given = flags.email.clone();
    loop {
        let from_flag = given.is_some();
        let address = match given.take() {
            Some(address) => address.trim().to_owned(),
            None => ask.line("Your mail address, as the shops know it", None).await?,
        };
        let no_imap = provider::without_imap(&address).filter(|_| flags.provider.is_none() && flags.host.is_none());
        let trouble = match (address.split_once('@'), no_imap) {
            (_, Some(without)) => format!(
                "No IMAP server is known for {address}; {} has one. Have its mail forwarded to an address that has one \
                 (docs/providers.md#{}), and set that one up.",
                without.label, without.name
            ),
            (Some((local, domain)), None)
                if !local.is_empty() && domain.contains('.') && !address.contains(char::is_whitespace) =>
            {
                if !from_flag {
                    ask.gave("--email", &address);
                }
                return Ok(address);
            }
            _ => format!("`{address}` is no mail address: it looks like hanako@gmail.com."),
        };
        if !ask.talks() {
            return Err(Failure::broken(trouble));
        }
        anstream::println!("{trouble}");
    }
}

/// Asks for the server.
pub(super) async fn server(ask: &mut Ask<'_>, account: &mut Account) -> Result<(), Failure> {
    let domain = account.address.rsplit_once('@').map_or("example.jp", |(_, domain)| domain);
    let names: Vec<&str> =
        provider::all().iter().filter(|one| one.imap.is_some()).map(|one| one.name.as_str()).collect();
    anstream::println!(
        "It is not known who keeps the mail of {domain}. Is it one of {}, write that word; else the name of the IMAP \
         server, as the provider's pages tell it.",
        names.join(", ")
    );
    let usual = account.host.clone().unwrap_or_else(|| format!("imap.{domain}"));
    let answer = ask.line("IMAP server", Some(&usual)).await?;
    if names.contains(&answer.as_str()) {
        ask.gave("--provider", &answer);
        (account.provider, account.host) = (Some(answer), None);
        (account.port, account.security) = (None, None);
        ask.took_back("--port");
        ask.took_back("--security");
        return Ok(());
    }
    ask.gave("--host", &answer);
    account.provider = None;
    account.host = Some(answer);
    Ok(())
}

/// Asks for host, port and security of a server that did not answer as it should.
pub(super) async fn server_again(ask: &mut Ask<'_>, account: &mut Account) -> Result<(), Failure> {
    server(ask, account).await?;
    if account.host.is_some() {
        let words = [
            ("tls", "TLS from the first byte: what nearly everybody has"),
            ("starttls", "STARTTLS"),
            ("plain", "in clear, to this machine alone"),
        ];
        let usual = account.security.clone().unwrap_or_else(|| "tls".to_owned());
        let usual = words.iter().find(|(word, _)| *word == usual).map_or("tls", |(word, _)| word);
        let security = ask.word("How is the connection protected?", &words, usual).await?;
        let usual = if security == "tls" { 993 } else { 143 };
        let port = loop {
            match ask.line("Port", Some(&account.port.unwrap_or(usual).to_string())).await?.parse::<u16>() {
                Ok(port) if port > 0 => break port,
                _ => anstream::println!("A port is a number from 1 to 65535."),
            }
        };
        account.security = (security != "tls").then(|| security.to_owned());
        account.port = (port != usual).then_some(port);
        match &account.security {
            Some(security) => ask.gave("--security", security),
            None => ask.took_back("--security"),
        }
        match account.port {
            Some(port) => ask.gave("--port", &port.to_string()),
            None => ask.took_back("--port"),
        }
    }
    Ok(())
}

/// What is known of the provider, and how one gets in.
fn told(account: &Account) {
    let Some(provider) = provider(account) else { return };
    let server = provider.imap.as_ref().map_or(account.host.as_deref(), |server| Some(server.host.as_str()));
    anstream::println!("{}: {} (docs/providers.md#{})", provider.label, server.unwrap_or_default(), provider.name);
    let steps: Vec<String> = provider.about(Subject::Setup).map(|told| plain(&told.text)).collect();
    if !steps.is_empty() {
        anstream::println!("\nHow one gets in there, if you have not done so yet:");
        for (n, step) in steps.iter().enumerate() {
            anstream::println!("  {}. {step}", n + 1);
        }
        anstream::println!();
    }
}

/// The login name.
pub(super) async fn user(ask: &mut Ask<'_>, account: &mut Account, flag: Option<&str>) -> Result<(), Failure> {
    let wanted = provider(account).and_then(|provider| provider.user);
    let local = account.address.split_once('@').map_or("", |(local, _)| local);
    let usual = match wanted {
        Some(UserName::Local) => local.to_owned(),
        _ => account.address.clone(),
    };
    account.user = match (flag, wanted) {
        (Some(user), _) => user.to_owned(),
        (None, Some(UserName::Address)) => usual,
        _ if !ask.talks() => usual,
        (None, wanted) => {
            if wanted == Some(UserName::Own)
                && let Some(provider) = provider(account)
            {
                let example = &provider.user_example;
                anstream::println!(
                    "{} wants a login name of its own, like {example}; its pages tell it.",
                    provider.label
                );
            }
            let user = ask.line("Login name", Some(&usual)).await?;
            ask.gave("--user", &user);
            user
        }
    };
    // a login name that is no address does not tell whose it is
    if account.host.is_none() && account.provider.is_none() && provider::of_address(&account.user).is_none() {
        account.provider = provider(account).map(|provider| provider.name.clone());
    }
    Ok(())
}

async fn login(ask: &mut Ask<'_>, flags: &InitMailbox, account: &Account, home: &Home) -> Result<Login, Failure> {
    if let Some(login) = by_flag(flags)? {
        return Ok(login);
    }
    if flags.password_stdin {
        let text = without_gaps(ask.piped("--password-stdin").await?, account);
        return Ok(Login::Password(Secret::Ours { file: free(&home.folder, "mail-password"), text }));
    }
    let provider = provider(account);
    let takes = |kind| provider.is_some_and(|provider| provider.login.contains(&kind));
    let password = provider.is_none_or(|one| one.takes(&[LoginKind::Password, LoginKind::AppPassword]));
    let kind = match (password, takes(LoginKind::Oauth)) {
        (true, true) => {
            let words = [
                ("password", "an app password: two minutes"),
                ("token", "OAuth 2.0: needs a client of your own, a quarter of an hour (docs/oauth.md)"),
                ("program", "tokens of another program that has access already"),
            ];
            ask.word("What shall modori log in with?", &words, "password").await?
        }
        (false, _) => {
            let words = [
                ("token", "OAuth 2.0 with a client of your own (docs/oauth.md)"),
                ("program", "tokens of another program that has access already"),
            ];
            ask.word("No password is taken there, only tokens. Whose?", &words, "token").await?
        }
        (true, false) => "password",
    };
    match kind {
        "token" => {
            let client_id = ask.line("Client id (docs/oauth.md tells how to get one)", None).await?;
            ask.gave("--oauth-client-id", &client_id);
            let secret = ask.yes("Was a client secret given with it?", takes(LoginKind::AppPassword)).await?;
            let client_secret = if secret {
                let text = ask.hidden("Client secret").await?;
                Some(Secret::Ours { file: free(&home.folder, "oauth-client"), text })
            } else {
                None
            };
            Ok(Login::Oauth { client_id, client_secret })
        }
        "program" => loop {
            let text = ask.line("The program and its arguments, whose first line is a token", None).await?;
            match words(&text) {
                Some(argv) => {
                    ask.gave("--token-command", &text);
                    return Ok(Login::Program(argv));
                }
                None => anstream::println!("A quotation mark is left open in that."),
            }
        },
        _ => password_from(ask, account, home).await.map(Login::Password),
    }
}

/// Asks where the password comes from.
pub(super) async fn password_from(ask: &mut Ask<'_>, account: &Account, home: &Home) -> Result<Secret, Failure> {
    let file = free(&home.folder, "mail-password");
    let kept = format!("type it now; it is kept in {}, which only you can read", home.folder.join(&file).display());
    let words_of = [
        ("type", kept.as_str()),
        ("file", "from a file of yours, which only you can read"),
        ("command", "from a program: secret-tool lookup service modori"),
        ("env", "from an environment variable"),
        ("credential", "from a systemd credential of the service"),
    ];
    match ask.word("Where shall modori take the password from, each time it logs in?", &words_of, "type").await? {
        "file" => {
            let path = absolute(Path::new(&ask.line("File", None).await?))?;
            ask.gave("--password-file", &path.display().to_string());
            Ok(Secret::File(path))
        }
        "command" => loop {
            let text = ask.line("The program and its arguments", None).await?;
            match words(&text) {
                Some(argv) => {
                    ask.gave("--password-command", &text);
                    return Ok(Secret::Command(argv));
                }
                None => anstream::println!("A quotation mark is left open in that."),
            }
        },
        "env" => {
            let name = ask.line("Name of the variable", None).await?;
            ask.gave("--password-env", &name);
            Ok(Secret::Environment(name))
        }
        "credential" => {
            let name = ask.line("Name of the credential", Some("modori-mail")).await?;
            ask.gave("--password-credential", &name);
            Ok(Secret::Credential(name))
        }
        _ => {
            // where it came from before does not count any more
            ask.took_back("--password-file");
            let text = ask.hidden(if is_app(account) { "App password" } else { "Password" }).await?;
            Ok(Secret::Ours { file, text: without_gaps(text, account) })
        }
    }
}

/// Asks once more, after a refusal: for the password itself, where that was typed.
pub(super) async fn password_again(
    ask: &mut Ask<'_>,
    account: &Account,
    home: &Home,
    typed: bool,
) -> Result<Secret, Failure> {
    if !typed {
        return password_from(ask, account, home).await;
    }
    let text = ask.hidden(if is_app(account) { "App password" } else { "Password" }).await?;
    Ok(Secret::Ours { file: free(&home.folder, "mail-password"), text: without_gaps(text, account) })
}

fn is_app(account: &Account) -> bool {
    provider(account).is_some_and(|provider| !provider.takes(&[LoginKind::Password]))
}

/// An app password is shown in groups, and meant without the blanks between them.
fn without_gaps(text: SecretString, account: &Account) -> SecretString {
    let typed = text.expose_secret();
    let groups: Vec<&str> = typed.split_whitespace().collect();
    let shown_so =
        groups.len() == 4 && groups.iter().all(|one| one.len() == 4 && one.chars().all(char::is_alphanumeric));
    if shown_so && is_app(account) { SecretString::from(groups.concat()) } else { text }
}

/// The login that flags tell, if they do.
fn by_flag(flags: &InitMailbox) -> Result<Option<Login>, Failure> {
    let command = |flag: &str, text: &str| {
        words(text).ok_or_else(|| Failure::broken(format!("{flag}: no program, or a quotation mark is left open")))
    };
    if let Some(client_id) = &flags.oauth_client_id {
        let secret = flags.oauth_client_secret_file.as_deref().map(absolute).transpose()?;
        return Ok(Some(Login::Oauth { client_id: client_id.clone(), client_secret: secret.map(Secret::File) }));
    }
    if let Some(text) = &flags.token_command {
        return Ok(Some(Login::Program(command("--token-command", text)?)));
    }
    let secret = if let Some(path) = &flags.password_file {
        Secret::File(absolute(path)?)
    } else if let Some(text) = &flags.password_command {
        Secret::Command(command("--password-command", text)?)
    } else if let Some(name) = &flags.password_env {
        Secret::Environment(name.clone())
    } else if let Some(name) = &flags.password_credential {
        Secret::Credential(name.clone())
    } else {
        return Ok(None);
    };
    Ok(Some(Login::Password(secret)))
}

/// A path that is right from everywhere.
pub(super) fn absolute(path: &Path) -> Result<std::path::PathBuf, Failure> {
    let path = match (path.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(rest), Some(home)) => std::path::PathBuf::from(home).join(rest),
        _ => path.to_path_buf(),
    };
    std::path::absolute(&path).map_err(|error| Failure::broken(format!("{}: {error}", path.display())))
}
