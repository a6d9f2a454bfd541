//! `modori init`: from nothing to a mailbox that is watched, with everything shown before anything is done. Nothing is
//! written before the last question was answered. Exit code: 0 set up, 1 something failed, 2 usage or a configuration
//! that is there already.

mod account;
mod agree;
mod answers;
mod ask;
mod channel;
mod home;
mod secret;
mod service;
mod show;
#[cfg(test)]
mod tests;
mod text;
mod trial;
mod words;
mod write;

use super::args::{Answer, Init, InitMailbox, Mode, Service, Tongue, Way};
use super::{Failure, alert, render, setup, watch};
use crate::edge::clock::Clock;
use crate::edge::config::{self, Config};
use crate::edge::store::{Db, OldMail, Store};
use crate::engine::preview::{Lately, Preview};
use crate::wording::{Language, Wording};
use answers::Answers;
use ask::{Ask, Course};
use home::Home;
use jiff::SignedDuration;
use secrecy::ExposeSecret;
use service::Start;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use write::NewFile;

/// Mails whose events are taken in by one transaction.
const BATCH: usize = 200;

/// Sets modori up; `false` when that was given up.
pub(super) fn run(flags: &Init, config: Option<&Path>, state: Option<&Path>) -> Result<bool, Failure> {
    let home = Home::of(config, state)?;
    if flags.agree {
        return agree::run(&home.file, state).map(|()| true);
    }
    if std::fs::symlink_metadata(&home.file).is_ok() && !flags.force {
        return Err(Failure::broken(format!(
            "there is a configuration already: {}\n  {}   looks it over\n  {}   files mail from now on, if it only \
             observes\n  {}   writes a new one, and keeps the old one beside it",
            home.file.display(),
            home.command("doctor"),
            home.command("init --agree"),
            home.command("init --force")
        )));
    }
    if flags.non_interactive
        && let (Some(name), Some(Service::Systemd | Service::Launchd)) = (&flags.mailbox.password_env, flags.service)
    {
        return Err(Failure::broken(format!(
            "--password-env with --service: the service will not have the variable {} of this shell; give the password \
             with --password-file, --password-command or --password-stdin (nothing was written)",
            render::one_line(name)
        )));
    }
    if flags.non_interactive {
        let missing = missing(flags);
        if !missing.is_empty() {
            return Err(Failure::broken(format!(
                "--non-interactive, and these flags are missing:\n  {}",
                missing.join("\n  ")
            )));
        }
    }
    let course = Course::default();
    let runtime = setup::runtime()?;
    runtime.block_on(async {
        let mut ask = Ask::new(!flags.non_interactive, &course);
        let talk = talk(&mut ask, flags, &home);
        tokio::select! {
            biased;
            // listened for before the first question is shown
            () = watch::stopped() => {
                // the terminal stands behind a question
                anstream::println!();
                Err(stopped(&course))
            }
            ended = talk => ended,
        }
    })
}

/// What somebody is told who ended it in the middle.
fn stopped(course: &Course) -> Failure {
    if course.written.get() {
        return Failure::new("stopped; the set-up is written, and complete");
    }
    let again = course.again().map_or_else(String::new, |again| format!("\nto go on from here: {again}"));
    Failure::new(format!("stopped: nothing was written{again}"))
}

/// What must be said when nobody can be asked: everything that has no safe default.
fn missing(flags: &Init) -> Vec<&'static str> {
    let InitMailbox { email, provider, host, .. } = &flags.mailbox;
    let mut missing = Vec::new();
    if email.is_none() {
        missing.push("--email ADDRESS: the mail address that shops know");
    }
    let known = email.as_deref().is_some_and(|address| crate::provider::of_address(address).is_some());
    if email.is_some() && provider.is_none() && host.is_none() && !known {
        missing.push("--host HOST (or --provider NAME): the address does not tell whose it is");
    }
    let mailbox = &flags.mailbox;
    let secrets = [
        mailbox.password_file.is_some(),
        mailbox.password_command.is_some(),
        mailbox.password_env.is_some(),
        mailbox.password_credential.is_some(),
        mailbox.password_stdin,
        mailbox.oauth_client_id.is_some(),
        mailbox.token_command.is_some(),
    ];
    if !secrets.contains(&true) {
        missing.push(
            "--password-file FILE, --password-command COMMAND, --password-env NAME, --password-credential NAME, \
             --password-stdin, --oauth-client-id ID or --token-command COMMAND: what the login shows",
        );
    }
    let alerts = &flags.alerts;
    let mut need = |given: bool, flag: &'static str| {
        if !given {
            missing.push(flag);
        }
    };
    match alerts.channel {
        None => need(false, "--channel KIND: how alerts reach you (none: not at all)"),
        Some(Way::Pushover) => {
            need(alerts.pushover_token_file.is_some(), "--pushover-token-file FILE");
            need(alerts.pushover_user_file.is_some(), "--pushover-user-file FILE");
        }
        Some(Way::Line) => {
            need(alerts.line_token_file.is_some(), "--line-token-file FILE");
            need(alerts.line_to.is_some(), "--line-to ID");
        }
        Some(Way::Discord | Way::Slack | Way::Webhook) => {
            need(alerts.webhook_url_file.is_some(), "--webhook-url-file FILE");
        }
        Some(Way::Telegram) => {
            need(alerts.webhook_url_file.is_some(), "--webhook-url-file FILE");
            need(alerts.telegram_chat.is_some(), "--telegram-chat ID");
        }
        Some(Way::Mail) => {
            need(alerts.mail_to.is_some(), "--mail-to ADDRESS");
            let by_password = mailbox.oauth_client_id.is_none() && mailbox.token_command.is_none();
            let own = by_password && alerts.smtp_user.is_none();
            need(own || alerts.smtp_password_file.is_some(), "--smtp-password-file FILE");
            need(known || provider.is_some() || alerts.smtp_host.is_some(), "--smtp-host HOST");
        }
        Some(Way::Command) => need(alerts.alert_command.is_some(), "--alert-command COMMAND"),
        Some(Way::Ntfy | Way::Desktop | Way::None) => {}
    }
    missing
}

/// The language that the environment asks for.
fn language_of_environment() -> Language {
    let set = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(|name| std::env::var(name).ok());
    let named = set.into_iter().find(|value| !value.is_empty()).unwrap_or_default();
    // what names no language leaves modori's own
    if named.is_empty() || named.starts_with("ja") || named.starts_with('C') || named.starts_with("POSIX") {
        Language::Ja
    } else {
        Language::En
    }
}

async fn talk(ask: &mut Ask<'_>, flags: &Init, home: &Home) -> Result<bool, Failure> {
    let begun = std::time::Instant::now();
    if ask.talks() {
        anstream::println!(
            "This sets modori up: mailbox, folders, alerts. Nothing is written to {} before the last question, nothing on \
             the server is changed, and Ctrl-C ends it at any time.\n",
            home.folder.display()
        );
    }
    let language = language(ask, flags).await?;
    let account = account::account(ask, &flags.mailbox, home).await?;
    let mut answers = Answers {
        language,
        state: home.state.clone(),
        account,
        authserv_ids: flags.sorting.authserv_id.clone(),
        folders: folder_flags(&flags.sorting.folder)?,
        moves: flags.sorting.mode == Some(Mode::Move),
        channel: None,
        web: flags.web.is_some_and(Answer::yes),
    };
    let mut told = Vec::new();
    let entry = trial::log_in(ask, &mut answers, home).await?;
    let granted = match entry {
        Some((session, entry)) => {
            trial::look(ask, flags, &mut answers, home, session, &entry).await?;
            let preview = preview(ask, flags, &answers, home, &entry).await?;
            if let Some(preview) = preview {
                told = take_in(ask, flags, preview).await?;
            }
            Some(entry)
        }
        None => None,
    };
    if flags.sorting.mode.is_none() && ask.talks() {
        anstream::println!(
            "modori can file such mail into these folders from now on, or only observe: sort and alert, and move nothing."
        );
        answers.moves = ask.yes("File mail from now on?", false).await?;
        ask.gave("--mode", if answers.moves { "move" } else { "observe" });
    }
    alerts(ask, flags, &mut answers, home).await?;
    if flags.web.is_none() && ask.talks() {
        let question = format!("Serve the pages (what waits, shops, rules) on this machine, http://{}?", text::LISTEN);
        answers.web = ask.yes(&question, false).await?;
        ask.gave("--web", if answers.web { "yes" } else { "no" });
    }
    let (service, unit) = service_file(ask, flags, home).await?;
    if service != Service::None {
        secret::for_service(ask, &mut answers, home).await?;
    }
    let unit_is_new = unit.is_some();
    let config = put(ask, flags, &answers, home, service, unit)?;
    if let Some(entry) = granted {
        entry.keep();
    }
    take(&config, told).await;
    anstream::println!("{}", next(&answers, home, service, unit_is_new, begun.elapsed()));
    Ok(true)
}

async fn language(ask: &mut Ask<'_>, flags: &Init) -> Result<Language, Failure> {
    Ok(match flags.language {
        Some(Tongue::Ja) => Language::Ja,
        Some(Tongue::En) => Language::En,
        None if !ask.talks() => language_of_environment(),
        None => {
            let usual = language_of_environment().folder();
            let words = [("ja", "日本語"), ("en", "English")];
            let word = ask.word("In which language shall alerts speak?", &words, usual).await?;
            ask.gave("--language", word);
            if word == "ja" { Language::Ja } else { Language::En }
        }
    })
}

/// `restock=買い物/再入荷`, as often as it was given.
fn folder_flags(flags: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let one = |flag: &String| {
        let (category, folder) = flag
            .split_once('=')
            .filter(|(category, folder)| !category.is_empty() && !folder.is_empty())
            .ok_or_else(|| Failure::broken(format!("--folder {flag}: write it like --folder restock=買い物/再入荷")))?;
        Ok((category.trim().to_owned(), folder.trim().to_owned()))
    };
    flags.iter().map(one).collect()
}

/// Looks at the mail of the last days and shows what came of it.
async fn preview(
    ask: &Ask<'_>,
    flags: &Init,
    answers: &Answers,
    home: &Home,
    entry: &trial::Entry,
) -> Result<Option<Preview>, Failure> {
    let (days, most) = (flags.sorting.preview_days, flags.sorting.preview_most);
    if days == 0 || most == 0 {
        return Ok(None);
    }
    let config = entry.over(home.config(answers)?);
    let failed = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
    // nothing of it is kept before it was agreed to: the ledger of this look lies in memory
    let scratch = Db::in_memory().map_err(|error| failed(&error))?;
    let store = Store::inline(Arc::new(Mutex::new(scratch)));
    let engine = setup::engine(&config, &store)?;
    let Some(mailbox) = engine.mailboxes.first() else { return Ok(None) };
    anstream::println!(
        "\nLooking at the mail of the last {days} days in {}, read-only …",
        render::one_line(&mailbox.name)
    );
    let now = Clock::system().now();
    let since = now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(now);
    let bar = render::bar("mails");
    let found = engine
        .preview(mailbox, Lately { since, most }, |done, all| {
            bar.set_length(u64::try_from(all).unwrap_or(u64::MAX));
            bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
        })
        .await;
    bar.finish_and_clear();
    match found {
        Ok(found) => {
            anstream::println!("\n{}\n{}\n", show::preview(&found, days), show::cases(&found, answers.language));
            Ok(Some(found))
        }
        Err(error) if ask.talks() => {
            anstream::println!("That could not be done: {error}. `modori sweep --dry-run` shows it later.\n");
            Ok(None)
        }
        Err(error) => Err(failed(&error)),
    }
}

/// What of it is taken into the ledger.
async fn take_in(ask: &mut Ask<'_>, flags: &Init, preview: Preview) -> Result<Vec<OldMail>, Failure> {
    if preview.told.is_empty() {
        return Ok(Vec::new());
    }
    let agreed = match flags.sorting.ledger {
        Some(answer) => answer.yes(),
        None if !ask.talks() => false,
        None => {
            let question =
                "Take what these mails tell of your orders into the ledger? modori then reminds you of what is owed";
            let agreed = ask.yes(question, true).await?;
            ask.gave("--ledger", if agreed { "yes" } else { "no" });
            agreed
        }
    };
    Ok(if agreed { preview.told } else { Vec::new() })
}

/// Sets a channel up and tries it, until an alert arrived or the shopper does without.
async fn alerts(ask: &mut Ask<'_>, flags: &Init, answers: &mut Answers, home: &Home) -> Result<(), Failure> {
    let mut way = flags.alerts.channel;
    loop {
        answers.channel = channel::channel(ask, &flags.alerts, way, &answers.account, home).await?;
        let Some(channel) = &answers.channel else { return Ok(()) };
        let name = channel.name;
        let config = match home.config(answers) {
            Ok(config) => config,
            Err(failure) if ask.talks() => {
                anstream::println!("{}", failure.what);
                way = None;
                continue;
            }
            Err(failure) => return Err(failure),
        };
        if flags.alerts.no_test_alert {
            return Ok(());
        }
        if channel.kind == "ntfy" && ask.talks() && !ask.yes("Subscribed? A test alert is sent now", true).await? {
            return Ok(());
        }
        let words = [
            ("again", "send it again"),
            ("other", "set the channel up anew, or another one"),
            ("keep", "keep it as it is; `modori alert test` tries it later"),
        ];
        loop {
            let sent = alert::one(&config, &Wording::default(), name).await;
            match &sent {
                Ok(took) => anstream::println!("A test alert was sent; it was taken within {} ms.", took.as_millis()),
                Err(what) if ask.talks() => anstream::println!("It was not taken: {what}"),
                Err(what) => {
                    return Err(Failure::new(format!("the test alert was not taken: {what}; nothing was written")));
                }
            }
            if !ask.talks() || (sent.is_ok() && ask.yes("Did it arrive?", true).await?) {
                return Ok(());
            }
            match ask.word("What now?", &words, if sent.is_ok() { "again" } else { "other" }).await? {
                "again" => {}
                "keep" => return Ok(()),
                _ => break,
            }
        }
        way = None;
    }
}

/// The service that is written, if one is.
async fn service_file(ask: &mut Ask<'_>, flags: &Init, home: &Home) -> Result<(Service, Option<NewFile>), Failure> {
    let chosen = match flags.service {
        Some(service) => service,
        None if !ask.talks() => Service::None,
        None => {
            let here = Service::of_here();
            let question = match here {
                Service::Systemd => "Write a systemd unit of your own user, which starts modori by itself?",
                Service::Launchd => "Write a launchd agent, which starts modori by itself?",
                Service::None => return Ok((Service::None, None)),
            };
            let agreed = ask.yes(question, true).await?;
            if agreed { here } else { Service::None }
        }
    };
    let Some(place) = chosen.place() else { return Ok((Service::None, None)) };
    let program = std::env::current_exe()
        .map_err(|error| Failure::new(format!("cannot tell where modori itself is: {error}; use --service none")))?;
    let start = Start::new(program, home, std::env::var_os("HOME").map(PathBuf::from).as_deref());
    let text = if chosen == Service::Launchd { start.agent() } else { start.unit() };
    match std::fs::read_to_string(&place) {
        Ok(there) if there == text => return Ok((chosen, None)),
        Ok(_) if !flags.force => {
            anstream::println!("{} is there already and stays as it is (--force writes it anew).", place.display());
            return Ok((chosen, None));
        }
        _ => {}
    }
    Ok((chosen, Some(NewFile::new(place, text, true))))
}

/// Writes everything down at once, and reads it as every command will.
fn put(
    ask: &Ask<'_>,
    flags: &Init,
    answers: &Answers,
    home: &Home,
    service: Service,
    unit: Option<NewFile>,
) -> Result<Config, Failure> {
    // rules of one's own that do not pass are told before anything is written
    let ready = home.config(answers)?;
    setup::rules_of(ready.rules.as_deref(), ready.accounts.first())
        .map_err(|failure| Failure::broken(format!("{}\nnothing was written", failure.what)))?;
    let mut files = Vec::new();
    for (name, text) in answers.kept() {
        let text = format!("{}\n", text.expose_secret());
        files.push(NewFile::new(home.folder.join(name), text, false));
    }
    let rules = home.folder.join(text::RULES);
    let example = rules.join(text::EXAMPLE);
    if std::fs::symlink_metadata(&example).is_err() {
        files.push(NewFile::new(example, text::OWN_RULES, false));
    }
    files.extend(unit);
    if flags.force && std::fs::symlink_metadata(&home.file).is_ok() {
        // whatever it holds: it may be no text at all
        let old = std::fs::read(&home.file).map_err(|error| {
            Failure::new(format!("cannot keep {}: {error}; nothing was written", home.file.display()))
        })?;
        files.push(NewFile::new(home.folder.join(write::free(&home.folder, "config.toml.old")), old, false));
    }
    files.push(NewFile::new(home.file.clone(), answers.config(), flags.force));
    // a service that may write nowhere else needs its state folder from the beginning, whoever wrote its unit
    let state = (service != Service::None).then(|| home.state.clone().or_else(config::default_state)).flatten();
    let made = write::write(&files, state.as_deref())?;
    let config = Config::load_with(&home.file, home.state.as_deref()).map_err(|broken| {
        Failure::new(format!("{broken}\nwhat was written does not pass, and was taken away again: please report this"))
    })?;
    made.stay();
    ask.wrote();
    anstream::println!("\nWritten, for your eyes only:");
    for file in &files {
        anstream::println!("  {}", file.place.display());
    }
    Ok(config)
}

/// Takes into the ledger what the mails told. Everything is written by now: trouble is told, and can be mended later.
async fn take(config: &Config, told: Vec<OldMail>) {
    if told.is_empty() {
        return;
    }
    let taken = async {
        let store = Store::open(&config.state)?;
        let mut new = 0;
        for batch in told.chunks(BATCH) {
            let batch = batch.to_vec();
            new += store.call(move |db| db.import(&batch)).await?;
        }
        Ok::<usize, crate::edge::store::StoreError>(new)
    };
    match taken.await {
        Ok(new) => anstream::println!("{} taken into the ledger", render::count(new, "event")),
        Err(error) => anstream::println!(
            "the ledger could not take them in: {error}; `modori import --mailbox INBOX` does it later"
        ),
    }
}

/// How it goes on: three commands.
fn next(answers: &Answers, home: &Home, service: Service, written: bool, took: std::time::Duration) -> String {
    let place = service.place().unwrap_or_default();
    let start = match service.how(&place) {
        Some(how) if written || place.exists() => (how, "starts modori, now and at each login"),
        _ => (home.command("watch"), "watches until you stop it"),
    };
    let third = match answers.moves {
        true => (home.command("sweep"), "files the mail that lies there already"),
        false => (home.command("init --agree"), "when you like what you see: file mail from now on"),
    };
    let second = match answers.web {
        true => (home.command("dashboard"), "opens the pages: what waits, shops, rules"),
        false => (home.command("status"), "is every mailbox seen? what waits?"),
    };
    let all = [start, second, third];
    let lines: Vec<String> = all.iter().map(|(command, what)| format!("  {command}\n      {what}")).collect();
    let linger =
        if service == Service::Systemd { "\n(also while you are not logged in: loginctl enable-linger)" } else { "" };
    format!("\nDone in {} s. Next:\n{}{linger}", took.as_secs(), lines.join("\n"))
}
