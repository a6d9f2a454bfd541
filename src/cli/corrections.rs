//! `modori corrections`: mails that were moved by hand, each with the command that would make a rule of it.

use super::args::{Corrections, Format};
use super::{Failure, render, setup};
use crate::edge::store::Correction;
use crate::engine::Engine;
use crate::rules::{RuleSet, category};
use crate::text::shell::quoted;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Looks for moved mails (unless told not to), lists them, and writes their texts to files if asked to.
pub(super) fn run(arguments: &Corrections, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let config = setup::config(config, state)?;
    let store = setup::store(&config.state)?;
    let engine = setup::engine(&config, &store)?;
    let runtime = setup::runtime()?;
    runtime.block_on(async {
        let mut unseen = 0_usize;
        if !arguments.no_look {
            for mailbox in &engine.mailboxes {
                // one that cannot be looked at keeps no other's from being shown
                if let Err(error) = engine.look_for_corrections(mailbox).await {
                    anstream::eprintln!("{} was not looked at: {error}", mailbox.account.name);
                    unseen += 1;
                }
            }
        }
        let all = store.call(|db| db.corrections()).await.map_err(|error| Failure::new(error.to_string()))?;
        if all.is_empty() && arguments.format == Format::Text {
            anstream::println!("no mail was moved by hand");
        }
        for correction in &all {
            let file = match &arguments.export {
                Some(folder) => export(&engine, correction, folder).await?,
                None => None,
            };
            let rules = engine.rules.of(&correction.to.account);
            let own = config.accounts.iter().any(|one| one.name == correction.to.account && one.own.rules.is_some());
            let command = command(&engine, &rules, correction, own, file.as_deref());
            match arguments.format {
                Format::Json => anstream::println!("{}", sheet(correction, file.as_deref(), command.as_deref())),
                Format::Text => tell(correction, file.as_deref(), command.as_deref()),
            }
        }
        match unseen {
            0 => Ok(()),
            _ => Err(Failure::new(format!("{} could not be looked at", render::count(unseen, "account")))),
        }
    })
}

/// The bytes of a mail that was moved by hand, by its Message-ID without brackets.
pub(super) fn by_id(id: &str, config: Option<&Path>, state: Option<&Path>) -> Result<Vec<u8>, Failure> {
    let config = setup::config(config, state)?;
    let store = setup::store(&config.state)?;
    let engine = setup::engine(&config, &store)?;
    setup::runtime()?.block_on(async {
        let all = store.call(|db| db.corrections()).await.map_err(|error| Failure::new(error.to_string()))?;
        let unknown = || {
            Failure::new(format!(
                "<{id}> is no mail that you moved by hand (`modori corrections` lists them); name an .eml file"
            ))
        };
        let correction = all.iter().find(|one| one.message_id.as_deref() == Some(id)).ok_or_else(unknown)?;
        let mailbox = engine.mailboxes.iter().find(|one| one.account.name == correction.to.account);
        let mailbox = mailbox.ok_or_else(|| {
            Failure::new(format!("the account `{}` is not configured any more", correction.to.account))
        })?;
        let bytes =
            engine.corrected_mail(mailbox, correction).await.map_err(|error| Failure::new(error.to_string()))?;
        bytes.ok_or_else(|| Failure::new(format!("<{id}> is no longer in {}", correction.to.mailbox)))
    })
}

/// What the shopper can type to have it right the next time. `own`: its account has a rule folder of its own.
fn command(
    engine: &Engine,
    rules: &RuleSet,
    correction: &Correction,
    own: bool,
    file: Option<&Path>,
) -> Option<String> {
    let id = || correction.message_id.as_ref().map(|id| format!("<{id}>"));
    let mail = file.map(|file| file.display().to_string()).or_else(id)?;
    let mail = quoted(&mail);
    if correction.quarantined {
        return Some(format!("modori release {mail}"));
    }
    let watched = engine
        .mailboxes
        .iter()
        .any(|one| one.account.name == correction.to.account && one.name == correction.to.mailbox);
    let category = match rules.category_of(&correction.to.mailbox) {
        Some(category) => category,
        // left where mail arrives: modori should not touch the like of it
        None if watched => category::OTHER,
        None => return None,
    };
    let account = if own { format!(" --account {}", quoted(&correction.to.account)) } else { String::new() };
    Some(format!("modori rules new {mail} --category {category}{account}"))
}

async fn export(engine: &Engine, correction: &Correction, folder: &Path) -> Result<Option<PathBuf>, Failure> {
    let Some(mailbox) = engine.mailboxes.iter().find(|one| one.account.name == correction.to.account) else {
        return Ok(None);
    };
    let bytes = engine.corrected_mail(mailbox, correction).await.map_err(|error| Failure::new(error.to_string()))?;
    let Some(bytes) = bytes else { return Ok(None) };
    let failed = |path: &Path, error: std::io::Error| Failure::new(format!("cannot write {}: {error}", path.display()));
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let file = folder.join(format!("{}.eml", correction.key.hex().chars().take(16).collect::<String>()));
    write_for_owner(&file, &bytes).map_err(|error| failed(&file, error))?;
    Ok(Some(file))
}

/// A mail is nobody else's business.
fn write_for_owner(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    std::io::Write::write_all(&mut options.open(file)?, bytes)
}

fn tell(correction: &Correction, file: Option<&Path>, command: Option<&str>) {
    let day = crate::calendar::civil(correction.at).strftime("%Y-%m-%d %H:%M");
    let perhaps = if correction.sure { "" } else { "  (perhaps a copy: not looked at yet)" };
    anstream::println!(
        "{day}  {} → {}  (modori said {}){perhaps}",
        correction.from,
        correction.to.mailbox,
        if correction.quarantined { "quarantine" } else { correction.category.as_str() }
    );
    if let Some(id) = &correction.message_id {
        let id: String = id.chars().filter(|c| !c.is_control()).collect();
        anstream::println!("  <{id}>");
    }
    if let Some(file) = file {
        anstream::println!("  saved as {}", file.display());
    }
    if let Some(command) = command {
        anstream::println!("  {command}");
    }
}

fn sheet(correction: &Correction, file: Option<&Path>, command: Option<&str>) -> serde_json::Value {
    json!({
        "mail": correction.key.hex(),
        "message_id": correction.message_id,
        "account": correction.to.account,
        "from": correction.from,
        "to": correction.to.mailbox,
        "category": correction.category,
        "quarantined": correction.quarantined,
        "at": crate::calendar::rfc3339(correction.at),
        "sure": correction.sure,
        "file": file.map(|file| file.display().to_string()),
        "command": command,
    })
}
