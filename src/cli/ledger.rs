//! `modori ledger`: write the ledger out, take it in, copy it, make it anew.

use super::args::{Backup, ExportLedger, ImportLedger, Ledger, Rebuild, Transfer};
use super::{Failure, import, render, setup, spreadsheet};
use crate::edge::clock::Clock;
use crate::edge::config::Config;
use crate::edge::files::Beside;
use crate::edge::store::{Db, Export, Store, TransferError};
use crate::engine::Engine;
use crate::engine::rebuild::{FolderRead, Folders};
use crate::ledger::{self, case::State};
use crate::wording::Language;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;

/// Does what was asked for.
pub(super) fn run(arguments: &Ledger, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    match arguments {
        Ledger::Export(arguments) => export(arguments, config, state),
        Ledger::Import(arguments) => take_in(arguments, config, state),
        Ledger::Backup(arguments) => backup(arguments, config, state),
        Ledger::Rebuild(arguments) => rebuild(arguments, config, state),
        Ledger::Expire(arguments) => super::expire::run(arguments, config, state),
    }
}

/// A file in the place of the database would be the end of it, whatever stands in the file.
fn not_the_database(file: &Path, state: &Path) -> Result<(), Failure> {
    let Ok(file) = file.canonicalize() else { return Ok(()) };
    let names = ["modori.sqlite", "modori.sqlite-wal", "modori.sqlite-shm", "modori.lock"];
    let own = names.iter().filter_map(|name| state.join(name).canonicalize().ok());
    if own.collect::<Vec<_>>().contains(&file) {
        return Err(Failure::broken(format!("{} is modori's own; name another file", file.display())));
    }
    Ok(())
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}

fn export(arguments: &ExportLedger, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    if arguments.format == Transfer::Json && arguments.at.is_some() {
        return Err(Failure::broken("--at is for --format csv; JSON holds everything, whenever it is looked at"));
    }
    let (folder, config) = setup::state(state, config)?;
    let db = setup::db(&folder)?;
    let now = Clock::system().now();
    let table = match arguments.format {
        Transfer::Json => None,
        Transfer::Csv => Some(table(&db, config.as_ref(), arguments.at.unwrap_or(now))?),
    };
    let write = |to: &mut dyn Write| -> Result<(), TransferError> {
        let mut to = BufWriter::new(to);
        match &table {
            None => db.export(&mut to, now),
            Some(table) => to.write_all(table.as_bytes()).and_then(|()| to.flush()).map_err(TransferError::Write),
        }
    };
    let Some(out) = &arguments.out else {
        return match write(&mut std::io::stdout().lock()) {
            // the reader of our output went away
            Err(TransferError::Write(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Failure::new(format!("standard output: {error}"))),
            Ok(()) => Ok(()),
        };
    };
    not_the_database(out, &folder)?;
    let beside = Beside::new(out, arguments.force).map_err(failed)?;
    let named = |error: TransferError| Failure::new(format!("{}: {error}", out.display()));
    write(&mut beside.open().map_err(failed)?).map_err(named)?;
    beside.keep().map_err(failed)
}

/// Every order, as seen at `at`, as a CSV table.
fn table(db: &Db, config: Option<&Config>, at: jiff::Timestamp) -> Result<String, Failure> {
    let settings = config.map(|config| config.ledger.clone()).unwrap_or_default();
    let language = config.map_or(Language::Ja, |config| config.policy.language);
    let wording = setup::wording(config.and_then(|config| config.wording.as_deref()))?;
    let (events, statements) = (db.events().map_err(failed)?, db.statements().map_err(failed)?);
    Ok(spreadsheet::csv(&ledger::cases(&events, &statements, &settings, at), &wording, language))
}

fn take_in(arguments: &ImportLedger, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let file = &arguments.file;
    let named = |error: TransferError| Failure::new(format!("{}: {error}", file.display()));
    // read whole and found good before the database is even opened
    let export = if file == Path::new("-") {
        Export::read(std::io::stdin().lock())
    } else {
        let opened = std::fs::File::open(file).map_err(|error| named(TransferError::Read(error)))?;
        Export::read(BufReader::new(opened))
    }
    .map_err(named)?;
    let (folder, _) = setup::state(state, config)?;
    let mut db = setup::db(&folder)?;
    let taken = db.take_over(&export, Clock::system().now()).map_err(failed)?;
    let of = |new: usize, all: u32, thing: &str| {
        format!("{}, {new} new", render::count(usize::try_from(all).unwrap_or(usize::MAX), thing))
    };
    let mut told =
        vec![of(taken.new_events, taken.events, "event"), of(taken.new_statements, taken.statements, "statement")];
    if taken.new_vouched > 0 {
        told.push(format!("{} vouched for from now on", render::count(taken.new_vouched, "sender")));
    }
    if taken.new_released > 0 {
        told.push(format!("{} released from quarantine", render::count(taken.new_released, "mail")));
    }
    anstream::println!("{}", told.join("; "));
    if taken.read_otherwise > 0 {
        anstream::eprintln!(
            "{} read otherwise here; this ledger's own reading stands (`modori ledger rebuild --mailbox` reads anew)",
            render::count(taken.read_otherwise, "mail")
        );
    }
    Ok(())
}

fn backup(arguments: &Backup, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let (folder, _) = setup::state(state, config)?;
    not_the_database(&arguments.file, &folder)?;
    let beside = Beside::new(&arguments.file, arguments.force).map_err(failed)?;
    let named = |error| Failure::new(format!("{} was not written: {error}", arguments.file.display()));
    let copied = Db::backup(&folder, beside.path()).map_err(named)?;
    beside.keep().map_err(failed)?;
    let of = |number: u32, thing: &str| render::count(usize::try_from(number).unwrap_or(usize::MAX), thing);
    anstream::println!(
        "{}: {} KiB, {}, {}; looked over and sound (schema {})",
        arguments.file.display(),
        copied.size.div_ceil(1024),
        of(copied.events, "event"),
        of(copied.statements, "statement"),
        copied.schema
    );
    Ok(())
}

fn rebuild(arguments: &Rebuild, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    if arguments.account.is_some() && !arguments.mailbox && arguments.from.is_empty() {
        return Err(Failure::broken("--account goes with --mailbox or --from: without them no mail is read"));
    }
    let mut unread = Ok(());
    set_aside_damaged(&setup::state(state, config)?.0)?;
    let (folder, settings) = if arguments.mailbox {
        let config = setup::config(config, state)?;
        let store = setup::store(&config.state)?;
        let engine = setup::engine(&config, &store)?;
        let runtime = setup::runtime()?;
        runtime.block_on(async {
            tokio::select! {
                ended = mailboxes(&engine, arguments) => ended,
                () = super::watch::stopped() => {
                    Err(Failure::new("stopped; what was read is taken in, and running it again reads the rest"))
                }
            }
        })?;
        (config.state.clone(), Some(config))
    } else {
        setup::state(state, config)?
    };
    if !arguments.from.is_empty() {
        let store: Store = setup::store(&folder)?;
        // what could be read is taken in all the same
        let account = arguments.account.as_deref();
        unread = import::anew(&arguments.from, &arguments.authserv_id, account, settings.as_ref(), &store);
    }
    let mut db = setup::db(&folder)?;
    db.rebuild().map_err(failed)?;
    let settings = settings.map(|config| config.ledger).unwrap_or_default();
    let (events, statements) = db.ledger_counts().map_err(failed)?;
    let (mut orders, mut cancelled, mut open) = (0, 0, 0);
    db.each_case(&settings, Clock::system().now(), |case| {
        orders += 1;
        cancelled += usize::from(case.cancelled != State::None);
        open += usize::from(!case.ended);
    })
    .map_err(failed)?;
    anstream::println!(
        "{} and {}: {}, {cancelled} cancelled, {open} open",
        render::count(events, "event"),
        render::count(statements, "statement"),
        render::count(orders, "order"),
    );
    unread
}

/// What cannot be read would stop everything that reads the ledger. Words of the shopper are shown before they go.
fn set_aside_damaged(folder: &Path) -> Result<(), Failure> {
    let (events, statements) = setup::db(folder)?.set_aside_damaged().map_err(failed)?;
    if events > 0 {
        let events = render::count(events, "damaged event");
        anstream::eprintln!("{events} set aside; `modori ledger rebuild --mailbox` reads the mail anew");
    }
    for body in statements {
        anstream::eprintln!("a damaged statement was removed, say it again: {}", render::one_line(&body));
    }
    Ok(())
}

async fn mailboxes(engine: &Engine, arguments: &Rebuild) -> Result<(), Failure> {
    let wanted = |name: &str| arguments.account.as_ref().is_none_or(|account| account == name);
    if let Some(account) = &arguments.account
        && !engine.mailboxes.iter().any(|mailbox| wanted(&mailbox.account.name))
    {
        return Err(Failure::broken(format!("there is no account `{account}`")));
    }
    let folders = match (&*arguments.folder, arguments.all_folders) {
        ([], false) => Folders::Sorted,
        ([], true) => Folders::All,
        (names, _) => Folders::Named(names),
    };
    let mut missing = Vec::new();
    let mut unread = Vec::new();
    for mailbox in engine.mailboxes.iter().filter(|mailbox| wanted(&mailbox.account.name)) {
        let account = mailbox.account.name.as_str();
        let bar = render::bar("mails");
        let read = engine
            .rebuild(
                mailbox,
                folders,
                |progress| {
                    bar.set_length(u64::try_from(progress.all).unwrap_or(u64::MAX));
                    bar.set_position(u64::try_from(progress.done).unwrap_or(u64::MAX));
                },
                |read| {
                    bar.suspend(|| anstream::println!("{}", told(account, &read)));
                    if read.imported.is_none() {
                        missing.push(read.name);
                    }
                },
            )
            .await;
        bar.finish_and_clear();
        // the trouble of one account keeps no other from being read
        unread.extend(read.err().map(|error| error.to_string()));
    }
    if !unread.is_empty() {
        let what = unread.join("\n");
        return Err(Failure::new(format!("{what}; what was read is taken in: run it again for the rest")));
    }
    if !arguments.folder.is_empty() && !missing.is_empty() {
        return Err(Failure::new(format!(
            "there is no folder {}; `楽天/注文` is how they are written",
            missing.join(", ")
        )));
    }
    Ok(())
}

fn told(account: &str, read: &FolderRead) -> String {
    let FolderRead { name, imported } = read;
    let Some(imported) = imported else { return format!("{account} {name}: there is no such folder") };
    let poison = if imported.poison > 0 {
        format!(", {} could not be understood at all", imported.poison)
    } else {
        String::new()
    };
    format!(
        "{account} {name}: {} read, {} about orders, {} new to the ledger{poison}",
        render::count(imported.mails, "mail"),
        imported.telling,
        render::count(imported.new_events, "event")
    )
}
