//! `modori ledger expire`: words that are kept no longer go, now, and the database is written anew without them. It may be
//! run beside a watch, which does the same once a day.

use super::args::{Expire, Format};
use super::{Failure, render, setup};
use crate::edge::clock::Clock;
use crate::edge::store::{Carry, Expired, Piece, StoreError};
use serde_json::json;
use std::path::Path;

/// Does it, or says what it would do.
pub(super) fn run(arguments: &Expire, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let (folder, config) = setup::state(state, config)?;
    let keep = config.as_ref().map(|config| config.keep).unwrap_or_default();
    let settings = config.map(|config| config.ledger).unwrap_or_default();
    let failed = |error: StoreError| Failure::new(error.to_string());
    if !folder.join("modori.sqlite").exists() {
        return Err(failed(StoreError::Missing { path: folder.join("modori.sqlite") }));
    }
    let mut db = setup::db(&folder)?;
    let before = db.size().map_err(failed)?;
    let carry = if arguments.dry_run { Carry::Nothing } else { Carry::Out };
    let now = Clock::system().now();
    let (mut all, mut next) = (Expired::default(), Some(Piece::default()));
    while let Some(piece) = next {
        let (found, after) = db.expire(&piece, keep, &settings, carry, now).map_err(failed)?;
        all = all.and(found);
        next = after;
    }
    if carry == Carry::Out {
        db.forget_copy(keep, now);
    }
    // asked for by hand, the file is written anew in any case: an earlier run may have left that open
    let clean = arguments.dry_run || db.tidy(true).map_err(failed)?;
    let after = db.size().map_err(failed)?;
    match arguments.format {
        Format::Json => anstream::println!(
            "{}",
            json!({
                "version": 1,
                "dry_run": arguments.dry_run,
                "excerpts": all.excerpts,
                "reasons": all.reasons,
                "letters": all.letters,
                "alerts": all.alerts,
                "bytes_before": before,
                "bytes_after": after,
                "log_emptied": clean && !arguments.dry_run,
            })
        ),
        Format::Text => {
            let would = if arguments.dry_run { "would go" } else { "went" };
            anstream::println!(
                "{would}: {}, the reasons of {}, {}, {}",
                render::count(all.excerpts, "sentence"),
                render::count(all.reasons, "verdict"),
                render::count(all.letters, "letter text"),
                render::count(all.alerts, "alert text"),
            );
            if !arguments.dry_run {
                anstream::println!("{} KiB before, {} KiB now", before.div_ceil(1024), after.div_ceil(1024));
            }
        }
    }
    if !clean {
        anstream::eprintln!(
            "another program reads the database just now: its log still holds what went; run it again, or stop the other"
        );
    }
    Ok(())
}
