//! `modori import --mailbox`: old mail of a mailbox, read-only.

use super::progress::Progress;
use super::summary::{Summary, Unread, goes_on};
use super::{failed, way};
use crate::cli::args::{Format, Import};
use crate::cli::{Failure, render, setup, watch};
use crate::edge::config::Config;
use crate::engine::Engine;
use crate::engine::import::Imported;
use crate::engine::past::{Heard, Past};
use crate::engine::rebuild::{FolderRead, Folders};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Reads folders of one account, or of all.
pub(super) fn run(arguments: &Import, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let config = setup::config(config, state)?;
    if let Some(name) = &arguments.account {
        setup::account(Some(&config), name)?;
    }
    let store = setup::store(&config.state)?;
    let engine = setup::engine(&config, &store)?;
    let mut summary = Summary { again: arguments.again, of_mailboxes: true, ..Summary::default() };
    let mut taken = Taken::new();
    let mut progress = Progress::new("mails", 0);
    let runtime = setup::runtime()?;
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = accounts(&engine, &config, arguments, &mut progress, &mut summary, &mut taken) => ended.map(|()| true),
            () = watch::stopped() => Ok(false),
        }
    });
    progress.done();
    summary.imported = taken.into_values().fold(Imported::default(), Imported::and);
    match ended {
        Ok(ended) => summary.stopped = !ended,
        Err(error) => {
            summary.mails();
            return Err(error);
        }
    }
    summary.print(arguments.format, Some(&config), &config.state)
}

/// What was taken in of each account and folder.
type Taken = BTreeMap<(String, String), Imported>;

async fn accounts(
    engine: &Engine,
    config: &Config,
    arguments: &Import,
    progress: &mut Progress,
    summary: &mut Summary,
    taken: &mut Taken,
) -> Result<(), Failure> {
    let folders = if arguments.all_mailboxes { Folders::Kept } else { Folders::Named(&arguments.mailbox) };
    let wanted = |name: &str| arguments.account.as_deref().is_none_or(|account| account == name);
    if arguments.again {
        let accounts = engine.mailboxes.iter().map(|mailbox| mailbox.account.name.clone());
        let accounts: Vec<String> = accounts.filter(|name| wanted(name)).collect();
        let named = (!arguments.all_mailboxes).then(|| arguments.mailbox.clone());
        engine.store.call(move |db| db.read_folders_again(&accounts, named.as_deref())).await.map_err(failed)?;
    }
    let (mut there, mut missing) = (BTreeSet::new(), BTreeSet::new());
    for mailbox in engine.mailboxes.iter().filter(|mailbox| wanted(&mailbox.account.name)) {
        let name = mailbox.account.name.as_str();
        let account = setup::account(Some(config), name)?;
        let layers = setup::layers(config.rules.as_deref(), Some(account))?;
        let way = way(&layers, &(&account.authserv_ids, &engine.own_addresses, account.fetch_cap));
        let past = Past { folders, since: arguments.since, way: Some(way) };
        let mut reading: Option<String> = None;
        let mut bar: Option<String> = None;
        let mut first = 0;
        let hear = |heard| match heard {
            Heard::Far(folder, far) => {
                let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
                if bar.as_ref() != Some(&folder) {
                    progress.anew();
                    progress.of(number(far.all));
                    progress.pass(number(far.done));
                    first = far.done;
                    bar = Some(folder.clone());
                }
                reading = Some(folder);
                progress.at(number(far.done), far.done.saturating_sub(first));
            }
            Heard::Taken(folder, imported) => {
                taken.insert((name.to_owned(), folder), imported);
            }
            Heard::Lost(what, wait) => {
                let again = format!("{what}; trying again in {:.1} s", wait.as_secs_f64());
                progress.beside(|| anstream::eprintln!("{}", render::one_line(&again)));
                bar = None;
            }
            Heard::Read(FolderRead { name: folder, imported: Some(imported) }) => {
                reading = None;
                if arguments.format == Format::Text {
                    let (mails, known) = (render::count(imported.mails, "mail"), imported.known);
                    let before = if known > 0 { format!(", {known} read before") } else { String::new() };
                    let folder = render::one_line(&folder);
                    progress.beside(|| anstream::println!("{name}: {folder}: {mails}{before}"));
                }
                taken.insert((name.to_owned(), folder.clone()), imported);
                there.insert(folder);
            }
            Heard::Read(FolderRead { name: folder, imported: None }) => {
                missing.insert(folder);
            }
        };
        if let Err(error) = engine.read_past(mailbox, past, hear).await {
            // the trouble of one account keeps no other from being read
            let folder = reading.map(|folder| format!("{folder}: ")).unwrap_or_default();
            let what = format!("{name}: {folder}{error}; {}", goes_on(arguments.again));
            summary.unread(progress, Unread { what });
        }
    }
    for folder in missing.difference(&there) {
        let what = format!("there is no folder `{folder}`; `modori doctor` shows how names are written");
        summary.unread(progress, Unread { what });
    }
    Ok(())
}
