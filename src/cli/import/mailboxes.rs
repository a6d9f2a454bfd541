//! `modori import --mailbox`: old mail of a mailbox, read-only.

use super::progress::Progress;
use super::summary::{Summary, Unread};
use super::{failed, way};
use crate::cli::args::{Format, Import};
use crate::cli::{Failure, render, setup, watch};
use crate::edge::config::Config;
use crate::engine::Engine;
use crate::engine::past::{Heard, Past};
use crate::engine::rebuild::{FolderRead, Folders};
use std::collections::BTreeSet;
use std::path::Path;

/// Reads folders of one account, or of all.
pub(super) fn run(arguments: &Import, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let config = setup::config(config, state)?;
    if let Some(name) = &arguments.account {
        setup::account(Some(&config), name)?;
    }
    let store = setup::store(&config.state)?;
    let engine = setup::engine(&config, &store)?;
    let mut summary = Summary::default();
    let mut progress = Progress::new("mails", 0);
    let runtime = setup::runtime()?;
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = accounts(&engine, &config, arguments, &mut progress, &mut summary) => ended.map(|()| true),
            () = watch::stopped() => Ok(false),
        }
    });
    progress.done();
    summary.stopped = !ended?;
    summary.print(arguments.format, Some(&config), &config.state)
}

async fn accounts(
    engine: &Engine,
    config: &Config,
    arguments: &Import,
    progress: &mut Progress,
    summary: &mut Summary,
) -> Result<(), Failure> {
    let folders = if arguments.all_mailboxes { Folders::Kept } else { Folders::Named(&arguments.mailbox) };
    let wanted = |name: &str| arguments.account.as_deref().is_none_or(|account| account == name);
    if arguments.again {
        engine.store.call(|db| db.read_past_again()).await.map_err(failed)?;
    }
    let (mut there, mut missing) = (BTreeSet::new(), BTreeSet::new());
    for mailbox in engine.mailboxes.iter().filter(|mailbox| wanted(&mailbox.account.name)) {
        let name = mailbox.account.name.as_str();
        let account = setup::account(Some(config), name)?;
        let layers = setup::layers(config.rules.as_deref(), Some(account))?;
        let way = way(&layers, &(&account.authserv_ids, &engine.own_addresses, account.fetch_cap));
        let past = Past { folders, since: arguments.since, way: Some(way) };
        let mut reading: Option<String> = None;
        let mut first = 0;
        let hear = |heard| match heard {
            Heard::Far(folder, far) => {
                let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
                if reading.as_ref() != Some(&folder) {
                    progress.anew();
                    progress.of(number(far.all));
                    progress.pass(number(far.done));
                    first = far.done;
                    reading = Some(folder);
                }
                progress.at(number(far.done), far.done.saturating_sub(first));
            }
            Heard::Lost(what, wait) => {
                let again = format!("{what}; trying again in {:.1} s", wait.as_secs_f64());
                progress.beside(|| anstream::eprintln!("{}", render::one_line(&again)));
                reading = None;
            }
            Heard::Read(FolderRead { name: folder, imported: Some(imported) }) => {
                reading = None;
                if arguments.format == Format::Text {
                    let (mails, known) = (render::count(imported.mails, "mail"), imported.known);
                    let before = if known > 0 { format!(", {known} read before") } else { String::new() };
                    let folder = render::one_line(&folder);
                    progress.beside(|| anstream::println!("{name}: {folder}: {mails}{before}"));
                }
                summary.imported = summary.imported.and(imported);
                there.insert(folder);
            }
            Heard::Read(FolderRead { name: folder, imported: None }) => {
                missing.insert(folder);
            }
        };
        if let Err(error) = engine.read_past(mailbox, past, hear).await {
            // the trouble of one account keeps no other from being read
            let what = format!("{error}; what was read is taken in, and the same command goes on from there");
            summary.unread(progress, Unread { what });
        }
    }
    for folder in missing.difference(&there) {
        let what = format!("there is no folder `{folder}`; `modori doctor` shows how names are written");
        summary.unread(progress, Unread { what });
    }
    Ok(())
}
