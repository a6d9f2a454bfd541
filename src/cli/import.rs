//! `modori import`: old mail into the ledger.

use super::args::Import;
use super::{Failure, mails, render, setup};
use crate::edge::store::Store;
use crate::engine::import::{Importer, Old};
use std::path::Path;

/// Reads every mail below the paths; a file that cannot be read is reported and passed by (exit code 1 then).
pub(super) fn run(arguments: &Import, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let (folder, config) = setup::state(state, config)?;
    let mut ids = arguments.authserv_id.clone();
    if let Some(config) = &config {
        ids.extend(config.accounts.iter().flat_map(|account| account.authserv_ids.iter().cloned()));
    }
    let rules = setup::rules(config.as_ref().and_then(|config| config.rules.as_deref()))?;
    let store: Store = setup::store(&folder)?;
    let runtime = setup::runtime()?;
    runtime.block_on(async {
        let bar = render::spinner("mails read");
        let mut importer = Importer::new(&store, &rules, &ids);
        let mut unread = 0_usize;
        for found in mails::all(&arguments.paths) {
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
