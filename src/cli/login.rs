//! `modori login`: lets a provider grant modori access to a mailbox (OAuth 2.0), keeps it, and tries it. Exit code: 0 when
//! the mailbox lets us in with it, 1 when access was not granted or does not help, 2 configuration or usage.

use super::args::Login as Arguments;
use super::{Failure, doctor, setup};
use crate::edge::clock::Clock;
use crate::edge::config::{Account, Config};
use crate::edge::imap::Session;
use crate::edge::oauth::{Credential, Device, Grant, Kept, Loopback, NotGranted, Tokens, Why, Words};
use crate::engine::Mailbox;
use crate::provider::{self, Flow, LoginKind};
use crate::rules::diagnostic::meant;
use crate::wording::{LoginEnd, LoginPage};
use std::io::{BufRead as _, IsTerminal as _};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::sync::mpsc;

/// What no answer names although it was granted: it opens nothing by itself.
const UNTOLD: &[&str] = &["offline_access", "openid", "profile", "email"];

/// Asks for access, keeps it, tries it.
pub(super) fn run(arguments: &Arguments, config: Option<&Path>, state: Option<&Path>) -> Result<bool, Failure> {
    let config = setup::config(config, state)?;
    let (account, tokens) = chosen(&config, arguments.account.as_deref())?;
    simpler(account);
    let words = words(&config, account)?;
    setup::runtime()?.block_on(async {
        let pasted = (arguments.paste || std::io::stdin().is_terminal()).then(lines);
        granted(arguments, account, tokens, words, pasted).await?;
        doctor::again(&config.state, &account.name);
        tried(account).await
    })
}

/// Asks for access to an account and keeps it. `pasted`: where the address may come from that a browser elsewhere ended at.
pub(super) async fn granted(
    arguments: &Arguments,
    account: &Account,
    tokens: &Tokens,
    words: Words,
    pasted: Option<mpsc::Receiver<String>>,
) -> Result<(), Failure> {
    let Some(grant) = tokens.grant() else {
        return Err(Failure::broken(format!(
            "account `{}` takes its tokens from what `access_token` names",
            account.name
        )));
    };
    let clock = Clock::system();
    client_secret(account, grant).await?;
    let granted = match grant.flow {
        Flow::Loopback => by_browser(arguments, grant, words, pasted, &clock).await,
        Flow::Device => by_code(arguments, grant, &clock).await,
    };
    let kept = granted.map_err(|error| Failure::new(error.what))?;
    tell(grant, &kept);
    tokens.keep(&kept).await.map_err(|error| {
        Failure::new(format!("access was granted, and cannot be kept: {}; mend that and log in again", error.what))
    })?;
    anstream::println!("kept {}", tokens.place());
    Ok(())
}

/// The account that is meant, and its tokens.
pub(super) fn chosen<'a>(config: &'a Config, named: Option<&str>) -> Result<(&'a Account, &'a Tokens), Failure> {
    let own = |account: &'a Account| match &account.credential {
        Credential::Token(tokens) if tokens.grant().is_some() => Some((account, tokens)),
        _ => None,
    };
    let all: Vec<_> = config.accounts.iter().filter_map(own).collect();
    let names: Vec<&str> = all.iter().map(|(account, _)| account.name.as_str()).collect();
    let Some(named) = named else {
        return match *all {
            [one] => Ok(one),
            [] => Err(Failure::broken(config.accounts.iter().find_map(tokens_only).unwrap_or_else(|| {
                "no account has a table [account.oauth]: those with a password need no login; docs/oauth.md tells more"
                    .to_owned()
            }))),
            _ => Err(Failure::broken(format!("which account? There are {}", names.join(", ")))),
        };
    };
    let Some(account) = config.accounts.iter().find(|account| account.name == named) else {
        let every: Vec<&str> = config.accounts.iter().map(|account| account.name.as_str()).collect();
        let help = meant(named, &every)
            .map_or_else(|| format!("there are {}", every.join(", ")), |known| format!("did you mean `{known}`?"));
        return Err(Failure::broken(format!("there is no account `{named}`: {help}")));
    };
    own(account).ok_or_else(|| {
        if let Some(said) = tokens_only(account) {
            return Failure::broken(said);
        }
        let by = match &account.credential {
            Credential::Password(_) => "logs in with a password",
            Credential::Token(_) => "takes its tokens from what `access_token` names",
        };
        Failure::broken(format!(
            "account `{named}` {by}: nothing is to be granted; `modori doctor` tries its login, [account.oauth] would \
             take the place of that (docs/oauth.md)"
        ))
    })
}

/// What to do about an account with a password whose provider takes none.
fn tokens_only(account: &Account) -> Option<String> {
    let provider = provider::named(account.provider?)?;
    let by_password = matches!(account.credential, Credential::Password(_));
    (by_password && matches!(provider.login[..], [LoginKind::Oauth])).then(|| {
        format!(
            "account `{}`: {} takes tokens only; put [account.oauth] with client_id = \"…\" in place of `password` \
             (docs/oauth.md)",
            account.name, provider.label
        )
    })
}

/// Whether the client's own secret can be had: told before anybody agrees to anything.
async fn client_secret(account: &Account, grant: &Grant) -> Result<(), Failure> {
    match &grant.client_secret {
        Some(secret) => {
            let found = secret.get().await;
            found.map(|_| ()).map_err(|error| {
                let name = &account.name;
                Failure::broken(format!(
                    "account `{name}`: no client_secret: {error}; mend that, nothing was asked for yet"
                ))
            })
        }
        None => {
            // https://developers.google.com/identity/protocols/oauth2/native-app: desktop clients show it, too
            if account.provider == Some("gmail") {
                anstream::eprintln!(
                    "warning: Google wants the client_secret of a desktop client, too, and [account.oauth] names none \
                     (docs/oauth.md)"
                );
            }
            Ok(())
        }
    }
}

/// A provider that takes app passwords makes it simpler than this.
fn simpler(account: &Account) {
    let provider = account.provider.and_then(provider::named);
    if let Some(provider) = provider.filter(|provider| provider.login.contains(&LoginKind::AppPassword)) {
        anstream::eprintln!(
            "{} also takes an app password, which needs no client of your own and no login here: docs/oauth.md tells \
             when this way is worth it",
            provider.label
        );
    }
}

/// What the pages at the end say.
pub(super) fn words(config: &Config, account: &Account) -> Result<Words, Failure> {
    let wording = setup::wording(config.wording.as_deref())?;
    let language = config.policy.language;
    let page = |state| wording.login(language, &LoginPage { state, account: account.name.clone() });
    Ok(Words {
        language: language.folder(),
        agreed: page(LoginEnd::Agreed),
        refused: page(LoginEnd::Refused),
        foreign: page(LoginEnd::Foreign),
    })
}

async fn by_browser(
    arguments: &Arguments,
    grant: &Grant,
    words: Words,
    mut pasted: Option<mpsc::Receiver<String>>,
    clock: &Clock,
) -> Result<Kept, NotGranted> {
    let mut login = Loopback::open(grant, words).await?;
    let opened = !arguments.no_browser && browse(login.url());
    let how = if opened { "A browser opens; if it does not, open" } else { "Open" };
    anstream::println!("{how} this page on this machine, and agree there:\n\n{}\n", login.url());
    if pasted.is_some() {
        anstream::println!(
            "In a browser on another machine the last page cannot be shown: paste its address (http://127.0.0.1…) here."
        );
    }
    // only until somebody agreed: what comes then is not given up
    let late = tokio::time::sleep(arguments.timeout);
    tokio::pin!(late);
    let code = loop {
        let line = async {
            match &mut pasted {
                Some(lines) => lines.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            came = login.came() => break came?,
            line = line => match line.as_deref().map(str::trim) {
                Some("") => {}
                Some(line) => match login.pasted(line) {
                    Ok(code) => break code,
                    Err(error) if error.why == Why::Other => anstream::eprintln!("{}", error.what),
                    Err(error) => return Err(error),
                },
                // the end of what was to be pasted: a browser may still come
                None => pasted = None,
            },
            () = &mut late => return Err(too_late(arguments.timeout, grant)),
        }
    };
    if login.foreign() > 0 {
        anstream::eprintln!("pages that belong to no login of now were refused meanwhile ({})", login.foreign());
    }
    login.redeem(grant, code, clock).await
}

async fn by_code(arguments: &Arguments, grant: &Grant, clock: &Clock) -> Result<Kept, NotGranted> {
    let device = Device::ask(grant).await?;
    let minutes = device.lives.min(arguments.timeout).as_secs().div_ceil(60);
    anstream::println!(
        "Open this page in any browser, and type the code there (within {minutes} min):\n\n  {}\n\n  {}\n",
        device.page,
        device.user_code
    );
    if let Some(whole) = &device.whole {
        anstream::println!("The code is in this address already: {whole}\n");
    }
    let granted = device.granted(grant, clock, arguments.timeout).await?;
    granted.ok_or_else(|| too_late(arguments.timeout, grant))
}

/// What is typed or piped, line by line. The thread ends with the program.
pub(super) fn lines() -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel(4);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if send.blocking_send(line).is_err() {
                break;
            }
        }
    });
    receive
}

/// Opens the page in the shopper's browser, if there is a desktop to show it.
pub(super) fn browse(url: &str) -> bool {
    let shows = |name: &&str| std::env::var_os(name).is_some_and(|display| !display.is_empty());
    let on_desktop = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(shows);
    let (program, arguments): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        ("rundll32", &["url.dll,FileProtocolHandler"])
    } else if on_desktop {
        ("xdg-open", &[])
    } else {
        return false;
    };
    let mut command = std::process::Command::new(program);
    command.args(arguments).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().is_ok()
}

fn too_late(waited: Duration, grant: &Grant) -> NotGranted {
    let hint = match grant.flow {
        Flow::Loopback => {
            "if the provider's page spoke of a redirect address (redirect_uri_mismatch), the client is not registered as \
             a desktop app; if the browser ran elsewhere, use --paste"
        }
        Flow::Device => "run modori login again for a new code",
    };
    let what = format!("nobody agreed within {} s, nothing was changed; {hint}", waited.as_secs());
    NotGranted { why: Why::Expired, what }
}

/// What was granted, and what is missing of it.
fn tell(grant: &Grant, kept: &Kept) {
    anstream::println!("access was granted: {}", shown(&kept.scopes));
    let has = |scope: &String| kept.scopes.iter().any(|granted| granted.eq_ignore_ascii_case(scope));
    let missing: Vec<String> =
        grant.scopes.iter().filter(|scope| !UNTOLD.contains(&scope.as_str()) && !has(scope)).cloned().collect();
    if !missing.is_empty() {
        anstream::eprintln!(
            "warning: not granted was {}: without it the mail server may refuse; log in again and tick it on the page",
            shown(&missing)
        );
    }
    if kept.refresh.is_none() {
        anstream::eprintln!(
            "warning: the provider gave nothing to renew it with: it ends soon, and you must log in again; see `scopes` and \
             `parameters` in docs/oauth.md"
        );
    }
}

/// Scopes as the other side wrote them, without anything that steers a screen.
fn shown(scopes: &[String]) -> String {
    let plain = |scope: &String| scope.chars().filter(|c| c.is_ascii_graphic()).take(200).collect::<String>();
    scopes.iter().take(50).map(plain).collect::<Vec<_>>().join(", ")
}

/// Whether the mailbox lets us in with it.
async fn tried(account: &Account) -> Result<bool, Failure> {
    let mailbox = Mailbox::of(account).map_err(|error| Failure::new(error.to_string()))?;
    match Session::open(&mailbox.account).await {
        Ok(session) => {
            session.logout().await;
            anstream::println!("the login at {} works as {}", account.host, account.user);
            Ok(true)
        }
        Err(error) => {
            anstream::eprintln!(
                "access was granted and is kept, and the mail server does not let us in with it: {}; did you agree as \
                 another than {}? `modori doctor` tries again",
                error.what,
                account.user
            );
            Ok(false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_without_a_grant_is_told_what_it_needs() {
        let said = |text: &str| {
            let config = Config::parse(Path::new("/etc/modori/config.toml"), text).unwrap();
            [None, Some("a")].map(|named| match chosen(&config, named) {
                Ok(_) => panic!("{text}"),
                Err(failure) => failure.what,
            })
        };
        let outlook = "state = \"/x\"\n[[account]]\nname = \"a\"\nuser = \"hanako@outlook.jp\"\n";
        for text in said(&format!("{outlook}password = {{ env = \"P\" }}\n")) {
            assert!(text.contains("takes tokens only; put [account.oauth]"), "{text}");
        }
        let [_, named] = said(&format!("{outlook}access_token = {{ command = [\"mytokens\"] }}\n"));
        assert!(named.contains("what `access_token` names"), "{named}");
    }
}
