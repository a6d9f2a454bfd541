//! `modori import`: old mail into the ledger.

use super::args::Import;
use super::{Failure, mails, render, setup};
use crate::edge::config::{self, Config};
use crate::edge::store::Store;
use crate::engine::import::{How, Importer, Old};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Reads every mail below the paths; a file that cannot be read is reported and passed by (exit code 1 then).
pub(super) fn run(arguments: &Import, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let (folder, config) = setup::state(state, config)?;
    let store: Store = setup::store(&folder)?;
    let account = arguments.account.as_deref();
    files(&arguments.paths, &arguments.authserv_id, account, true, config.as_ref(), &store)
}

/// Takes in the mails below some paths. With `keep_trusted`, what a better vouched-for reading of a mail said stays.
pub(super) fn files(
    paths: &[PathBuf],
    authserv_ids: &[String],
    account: Option<&str>,
    keep_trusted: bool,
    config: Option<&Config>,
    store: &Store,
) -> Result<(), Failure> {
    let mut ids = authserv_ids.to_vec();
    let mut own = BTreeSet::new();
    let account = account.map(|name| setup::account(config, name)).transpose()?;
    if let Some(config) = config {
        let counts = |one: &&config::Account| account.is_none_or(|account| account.name == one.name);
        ids.extend(config.accounts.iter().filter(counts).flat_map(|one| one.authserv_ids.iter().cloned()));
        own = config.own_addresses();
    }
    let rules = setup::rules_of(config.and_then(|config| config.rules.as_deref()), account)?;
    let how = How { authserv_ids: &ids, own_addresses: &own, keep_trusted };
    let runtime = setup::runtime()?;
    runtime.block_on(async {
        let bar = render::spinner("mails read");
        let mut importer = Importer::new(store, &rules, how);
        let mut unread = 0_usize;
        for found in mails::all(paths) {
            match found {
                Ok(mail) => {
                    let old = Old { bytes: &mail.bytes, received: mail.received, size: mail.size };
                    importer.add(&old).await.map_err(|error| Failure::new(error.to_string()))?;
                    bar.inc(1);
                }
                Err(error) => {
                    unread += 1;
                    bar.suspend(|| anstream::eprintln!("passed by: {}", error.what));
                }
            }
        }
        let imported = importer.finish().await.map_err(|error| Failure::new(error.to_string()))?;
        bar.finish_and_clear();
        anstream::println!(
            "{} read, {} about orders, {} new to the ledger",
            render::count(imported.mails, "mail"),
            imported.telling,
            render::count(imported.new_events, "event")
        );
        if imported.poison > 0 {
            anstream::eprintln!(
                "{} could not be understood at all; please report them",
                render::count(imported.poison, "mail")
            );
        }
        if unread > 0 {
            return Err(Failure::new(format!("{} could not be read", render::count(unread, "file"))));
        }
        Ok(())
    })
}
