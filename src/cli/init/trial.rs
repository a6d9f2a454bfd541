//! Logging in with what was answered, and a look at what the server shows.

use super::super::args::{Init, Login as LoginArguments};
use super::super::{Failure, login, render, setup};
use super::account;
use super::answers::{Answers, Login, Secret};
use super::ask::Ask;
use super::home::Home;
use super::show;
use crate::edge::config::Config;
use crate::edge::files;
use crate::edge::imap::{ImapError, Session};
use crate::edge::oauth::Credential;
use crate::edge::secret::Secret as Source;
use crate::engine::Mailbox;
use crate::engine::checkup::{self, Asked, Grade};
use crate::rules::RuleSet;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// How long somebody may take to agree on a provider's page.
const AGREE: Duration = Duration::from_secs(600);

/// What let us in, besides what is written down.
#[derive(Default)]
pub(super) struct Entry {
    /// A password for this once: what is written gives it to the service alone.
    once: Option<SecretString>,
    /// Access that was granted: taken back when the set-up is not written.
    granted: Option<Granted>,
}

impl Entry {
    /// The configuration with what lets us in now.
    pub(super) fn over(&self, mut config: Config) -> Config {
        if let Some(password) = &self.once {
            for account in &mut config.accounts {
                account.credential = Credential::Password(Source::Given(password.clone()));
            }
        }
        config
    }

    /// The set-up is written: what was granted stays.
    pub(super) fn keep(mut self) {
        if let Some(granted) = &mut self.granted {
            granted.paths.clear();
            granted.before = None;
        }
    }
}

/// Files and folders of access that was granted. Dropped before the set-up is written, they are gone, and access that was
/// kept there before is back.
#[derive(Debug)]
struct Granted {
    paths: Vec<PathBuf>,
    before: Option<(PathBuf, SecretSlice<u8>)>,
}

impl Drop for Granted {
    fn drop(&mut self) {
        if let Some((file, before)) = self.before.take() {
            let _ = files::keep(&file, before.expose_secret());
        }
        for path in &self.paths {
            // a folder that holds something else stays
            let _ = if path.is_dir() { std::fs::remove_dir(path) } else { std::fs::remove_file(path) };
        }
    }
}

/// Logs in; asks again for what is wrong until it works. `None`: it can only be tried elsewhere.
pub(super) async fn log_in(
    ask: &mut Ask<'_>,
    answers: &mut Answers,
    home: &Home,
) -> Result<Option<(Session, Entry)>, Failure> {
    let mut entry = Entry::default();
    if is_credential(answers) {
        if !ask.talks() {
            anstream::println!("The login is not tried: only the service gets the credential.");
            return Ok(None);
        }
        entry.once = Some(ask.hidden("Password, to try it now (it is not kept)").await?);
    }
    loop {
        let config = entry.over(home.config(answers)?);
        if matches!(answers.account.login, Login::Oauth { .. }) && entry.granted.is_none() {
            if ask.talks() {
                entry.granted = Some(grant(&config).await?);
            } else {
                granted_before(&config)?;
            }
        }
        let mailbox = mailbox(&config)?;
        let account = &mailbox.account;
        anstream::println!("Logging in as {} …", render::one_line(&account.user));
        match Session::open(account).await {
            Ok(session) => {
                anstream::println!("It works.");
                return Ok(Some((session, entry)));
            }
            Err(error) => again(ask, answers, home, &mut entry, &error).await?,
        }
    }
}

/// Whether the password comes from what systemd gives its service alone.
fn is_credential(answers: &Answers) -> bool {
    matches!(answers.account.login, Login::Password(Secret::Credential(_)))
        && std::env::var_os("CREDENTIALS_DIRECTORY").is_none()
}

fn mailbox(config: &Config) -> Result<Mailbox, Failure> {
    let account = config.accounts.first().ok_or_else(|| Failure::new("there is no account"))?;
    Mailbox::of(account).map_err(|error| Failure::broken(error.to_string()))
}

/// Whether access was granted at another time: nobody is there to agree in a browser.
fn granted_before(config: &Config) -> Result<(), Failure> {
    let (account, tokens) = login::chosen(config, None)?;
    if tokens.granted_at().is_some() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "access must be granted in a browser first, and nobody is asked (--non-interactive): {} holds none. \
         Run this once without --non-interactive; or, with a configuration that has [account.oauth] for the \
         account `{}`, run `modori login`, and then this again with --force. Nothing was written",
        tokens.place(),
        account.name
    )))
}

/// Lets the provider grant access, as `modori login` does.
async fn grant(config: &Config) -> Result<Granted, Failure> {
    let (account, tokens) = login::chosen(config, None)?;
    let folder = config.state.join("tokens");
    let made = |path: &PathBuf| !path.exists();
    let file = folder.join(format!("{}.json", account.name));
    let lock = folder.join(format!("{}.json.lock", account.name));
    let before = match std::fs::read(&file) {
        Ok(before) => Some((file.clone(), SecretSlice::from(before))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            return Err(Failure::new(format!("cannot read {}: {error}; nothing was written", file.display())));
        }
    };
    let paths = [file, lock, folder, config.state.clone()].into_iter().filter(made).collect();
    let granted = Granted { paths, before };
    let arguments = LoginArguments { account: None, no_browser: false, paste: false, timeout: AGREE };
    login::granted(&arguments, account, tokens, login::words(config, account)?, None).await?;
    Ok(granted)
}

/// Says why it did not work, and asks for what is wrong.
async fn again(
    ask: &mut Ask<'_>,
    answers: &mut Answers,
    home: &Home,
    entry: &mut Entry,
    error: &ImapError,
) -> Result<(), Failure> {
    let what = error.what.split_once("`: ").map_or(error.what.as_str(), |(_, what)| what);
    // it is tried again here
    let what = what.replace(", then run: modori doctor", "");
    let hint = match (error.login.is_some(), error.tls.is_some(), error.lacks_secret()) {
        (false, false, false) => "Is the name of the server right, and is this machine online?",
        _ => "",
    };
    if !ask.talks() {
        return Err(Failure::new(format!(
            "{what}; {hint}{}nothing was written",
            if hint.is_empty() { "" } else { " " }
        )));
    }
    anstream::println!("That did not work: {}", render::whole(&what));
    if !hint.is_empty() {
        anstream::println!("{hint}");
    }
    let secret = match answers.account.login {
        Login::Password(_) => ("password", "another password"),
        _ => ("access", "let access be granted once more"),
    };
    let key = error.tls.as_ref().and_then(|trouble| trouble.key.as_ref());
    let mut words = vec![("again", "the same once more"), secret, ("user", "another login name")];
    words.push(("server", "another server, port or security"));
    if key.is_some() {
        words.push(("trust", "it is my own server: trust the key that it showed, and no other"));
    }
    words.push(("stop", "end here; nothing is written"));
    let usual = if error.login.is_some() || error.lacks_secret() { secret.0 } else { "again" };
    match ask.word("What now?", &words, usual).await? {
        "password" if entry.once.is_some() => {
            entry.once = Some(ask.hidden("Password, to try it now (it is not kept)").await?);
        }
        "password" => {
            let typed = matches!(answers.account.login, Login::Password(Secret::Ours { .. }));
            let secret = account::password_again(ask, &answers.account, home, typed).await?;
            answers.account.login = Login::Password(secret);
        }
        "access" => entry.granted = None,
        "user" => {
            let user = ask.line("Login name", Some(&answers.account.user.clone())).await?;
            ask.gave("--user", &user);
            answers.account.user = user;
        }
        "server" => {
            account::server_again(ask, &mut answers.account).await?;
        }
        "trust" => {
            answers.account.pin = key.map(ToString::to_string);
            if let Some(pin) = &answers.account.pin {
                ask.gave("--pin", pin);
            }
            answers.account.ca_file = None;
        }
        "stop" => return Err(Failure::new("ended: nothing was written")),
        _ => {}
    }
    Ok(())
}

/// Shows what the server can do, and agrees on whose word counts and on folders.
pub(super) async fn look(
    ask: &mut Ask<'_>,
    flags: &Init,
    answers: &mut Answers,
    home: &Home,
    mut session: Session,
    entry: &Entry,
) -> Result<(), Failure> {
    let failed = |error: ImapError| Failure::new(format!("{}; nothing was written", error.what));
    let config = entry.over(home.config(answers)?);
    let mailbox = mailbox(&config)?;
    let rules = rules(&config)?;
    let checks = checks(&mut session, &config, &mailbox, &rules).await.map_err(failed)?;
    anstream::println!("\nWhat the server can do:\n{}", show::offered(&checks));
    if answers.authserv_ids.is_empty() {
        let opened = session.examine(&mailbox.name).await.map_err(failed)?;
        let newest = checkup::newest(&mut session, opened).await.map_err(failed)?;
        vouchers(ask, flags, answers, &newest).await?;
    }
    if folders(ask, flags, answers, home, &rules).await? {
        let config = entry.over(home.config(answers)?);
        let rules = self::rules(&config)?;
        let again = self::checks(&mut session, &config, &mailbox, &rules).await.map_err(failed)?;
        let bad: Vec<_> =
            again.into_iter().filter(|one| one.grade == Grade::Failure && !checks.contains(one)).collect();
        if !bad.is_empty() {
            anstream::println!("{}", show::offered(&bad));
        }
    }
    session.logout().await;
    Ok(())
}

fn rules(config: &Config) -> Result<RuleSet, Failure> {
    setup::rules_of(config.rules.as_deref(), config.accounts.first())
}

async fn checks(
    session: &mut Session,
    config: &Config,
    mailbox: &Mailbox,
    rules: &RuleSet,
) -> Result<Vec<checkup::Check>, ImapError> {
    let Some(account) = config.accounts.first() else { return Ok(Vec::new()) };
    let folders = rules.folders();
    let drafts = Some(config.outgoing.drafts_folder.as_deref());
    checkup::logged_in(session, mailbox, Asked { account, folders: &folders, drafts, sent: None }).await
}

/// Whose word on forgeries counts.
async fn vouchers(
    ask: &mut Ask<'_>,
    flags: &Init,
    answers: &mut Answers,
    newest: &[Option<String>],
) -> Result<(), Failure> {
    let known = account::provider(&answers.account).map_or(&[][..], |provider| provider.authserv_ids.as_slice());
    let Some(voucher) = show::voucher(newest, known) else {
        anstream::println!(
            "Nobody is seen who tells forged mail from Rakuten's: everything is sorted and alerted, and that points came \
             back you confirm by hand (docs/configuration.md, Trust).\n"
        );
        return Ok(());
    };
    let id = render::one_line(&voucher.id);
    anstream::println!(
        "Whether a mail really is Rakuten's is what your mail provider says, under a name of its own: {id} ({}).",
        voucher.why
    );
    let agreed = match flags.sorting.authserv {
        Some(answer) => answer.yes(),
        // nobody's word is taken unasked
        None if !ask.talks() => false,
        None => {
            let agreed = ask.yes(&format!("Take the word of {id} on that?"), voucher.likely).await?;
            match agreed {
                true => ask.gave("--authserv-id", &voucher.id),
                false => ask.gave("--authserv", "no"),
            }
            agreed
        }
    };
    if agreed {
        answers.authserv_ids = vec![voucher.id];
    }
    Ok(())
}

/// Agrees on folders; `true`: they were changed.
async fn folders(
    ask: &mut Ask<'_>,
    flags: &Init,
    answers: &mut Answers,
    home: &Home,
    rules: &RuleSet,
) -> Result<bool, Failure> {
    let named = rules.folders_by_category();
    anstream::println!("\nFolders that mail would be filed into:\n{}", show::folders(&named));
    if !flags.sorting.folder.is_empty() || !ask.talks() || !ask.yes("Call some of them otherwise?", false).await? {
        return Ok(false);
    }
    loop {
        let mut changed = BTreeMap::new();
        for (category, folder) in &named {
            let answer = ask.line(category, Some(folder)).await?;
            if answer != *folder {
                changed.insert((*category).to_owned(), answer);
            }
        }
        answers.folders = changed;
        // the loader and the rules say what is wrong with a name
        match home.config(answers).and_then(|config| self::rules(&config)) {
            Ok(_) => break,
            Err(failure) => anstream::println!("{}\nOnce more, please.", failure.what),
        }
    }
    for (category, folder) in &answers.folders {
        ask.gave("--folder", &format!("{category}={folder}"));
    }
    Ok(!answers.folders.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_that_was_kept_before_is_back_when_the_set_up_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let (file, new) = (folder.path().join("home.json"), folder.path().join("home.json.lock"));
        let granted = || {
            std::fs::write(&file, "new").unwrap();
            std::fs::write(&new, "").unwrap();
            Granted { paths: vec![new.clone()], before: Some((file.clone(), SecretSlice::from(b"old".to_vec()))) }
        };
        drop(granted());
        assert_eq!((std::fs::read(&file).unwrap(), new.exists()), (b"old".to_vec(), false));
        Entry { once: None, granted: Some(granted()) }.keep();
        assert_eq!((std::fs::read(&file).unwrap(), new.exists()), (b"new".to_vec(), true));
    }
}
