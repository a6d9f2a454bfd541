//! `modori import`: old mail into the ledger.

mod mailboxes;
mod progress;
mod summary;

use super::args::Import;
use super::{Failure, mails, setup, watch};
use crate::edge::clock::Clock;
use crate::edge::config::{self, Config};
use crate::edge::files::{self, Mark};
use crate::edge::store::{Reached, Store};
use crate::engine::import::{How, Importer, Old};
use crate::rules::Layer;
use progress::Progress;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use summary::{Summary, Unread};

/// Reads every mail below the paths, or in the folders; a file that cannot be read is reported and passed by (exit code
/// 1 then).
pub(super) fn run(arguments: &Import, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    if arguments.paths.is_empty() {
        return mailboxes::run(arguments, config, state);
    }
    let (folder, config) = setup::state(state, config)?;
    let store: Store = setup::store(&folder)?;
    let asked = Asked {
        paths: &arguments.paths,
        authserv_ids: &arguments.authserv_id,
        account: arguments.account.as_deref(),
        spam_and_trash: arguments.spam_and_trash,
        reading: if arguments.again { Reading::Again } else { Reading::GoOn },
    };
    let summary = files(&asked, config.as_ref(), &store)?;
    summary.print(arguments.format, config.as_ref(), &folder)
}

/// What `modori ledger rebuild --from` reads: everything, and what a mail does not say any more does not count any more.
pub(super) fn anew(
    paths: &[PathBuf],
    authserv_ids: &[String],
    account: Option<&str>,
    config: Option<&Config>,
    store: &Store,
) -> Result<(), Failure> {
    let asked = Asked { paths, authserv_ids, account, spam_and_trash: true, reading: Reading::Anew };
    files(&asked, config, store)?.short()
}

/// Which mails of files are read, and as what.
struct Asked<'a> {
    paths: &'a [PathBuf],
    authserv_ids: &'a [String],
    account: Option<&'a str>,
    spam_and_trash: bool,
    reading: Reading,
}

/// What is read of what was read before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Nothing.
    GoOn,
    /// Everything; what a better vouched-for reading of a mail said stays.
    Again,
    /// Everything, and it counts.
    Anew,
}

fn files(asked: &Asked<'_>, config: Option<&Config>, store: &Store) -> Result<Summary, Failure> {
    let mut ids = asked.authserv_ids.to_vec();
    let mut own = BTreeSet::new();
    let account = asked.account.map(|name| setup::account(config, name)).transpose()?;
    if let Some(config) = config {
        match configured_hosts(config, account, asked.authserv_ids) {
            Some(hosts) => ids.extend(hosts),
            None => anstream::eprintln!(
                "several accounts are configured, so no mail in these files counts as vouched for: name whose mail it is \
                 (--account NAME) or the host whose word counts (--authserv-id HOST)"
            ),
        }
        own = config.own_addresses();
    }
    let layers = setup::layers(config.and_then(|config| config.rules.as_deref()), account)?;
    let rules = Arc::new(setup::compiled(&layers)?);
    let way = (asked.reading != Reading::Anew).then(|| way(&layers, &(&ids, &own, asked.spam_and_trash)));
    let how = How {
        authserv_ids: ids,
        own_addresses: own,
        keep_trusted: asked.reading != Reading::Anew,
        account: String::new(),
        way,
        spam_and_trash: asked.spam_and_trash,
    };
    let (files, bytes) = files::total(asked.paths.iter().filter(|path| *path != Path::new("-")).cloned());
    let mut progress = Progress::new("bytes", bytes);
    let mut summary = Summary { files, ..Summary::default() };
    let clock = Clock::system();
    let mut importer = Importer::new(store, &clock, rules, how);
    let again = asked.reading == Reading::Again;
    let runtime = setup::runtime()?;
    let ended = runtime.block_on(async {
        let reading = async {
            if again {
                let named: Vec<Vec<u8>> = asked.paths.iter().filter_map(|path| stored(path)).collect();
                store.call(move |db| db.read_files_again(&named)).await.map_err(failed)?;
            }
            read(asked.paths, store, way, &mut importer, &mut progress, &mut summary).await
        };
        tokio::select! {
            ended = reading => ended.map(|()| true),
            () = watch::stopped() => Ok(false),
        }
    });
    progress.done();
    summary.imported = importer.imported();
    summary.again = again;
    match ended {
        Ok(ended) => summary.stopped = !ended,
        Err(error) => {
            summary.mails();
            return Err(error);
        }
    }
    Ok(summary)
}

/// The configured hosts whose word counts. Of several accounts none is taken unless it is named: what one provider
/// adds itself it may let through from outside when it bears the name of another. `None`: somebody should be named.
fn configured_hosts(config: &Config, account: Option<&config::Account>, named: &[String]) -> Option<Vec<String>> {
    match (account, config.accounts.as_slice()) {
        (Some(account), _) => Some(account.authserv_ids.clone()),
        (None, [one]) => Some(one.authserv_ids.clone()),
        (None, accounts) => {
            let none = accounts.iter().all(|one| one.authserv_ids.is_empty());
            (none || !named.is_empty()).then(Vec::new)
        }
    }
}

/// All that bears on what a mail tells, as a number.
fn way(layers: &[Layer], more: &impl Debug) -> i64 {
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.update(format!("{layers:?}{more:?}"));
    let digest = hash.finalize();
    digest.iter().take(8).fold(0, |number, byte| (number << 8) | i64::from(*byte))
}

/// A path as it is written down; `None` for standard input.
fn stored(path: &Path) -> Option<Vec<u8>> {
    let named = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    (path != Path::new("-")).then(|| named.into_os_string().into_encoded_bytes())
}

async fn read(
    paths: &[PathBuf],
    store: &Store,
    way: Option<i64>,
    importer: &mut Importer<'_>,
    progress: &mut Progress,
    summary: &mut Summary,
) -> Result<(), Failure> {
    // bytes of the files that are through
    let mut before = 0_u64;
    for path in paths {
        if path == Path::new("-") {
            match mails::standard_input() {
                Ok(mail) => importer.add(old(mail, None)).await.map_err(failed)?,
                Err(unread) => summary.unread(progress, Unread { what: unread.what }),
            }
            continue;
        }
        for file in files::listed([path.clone()]) {
            let file = match file {
                Ok(file) => file,
                Err(error) => {
                    summary.unread(progress, Unread { what: error.what });
                    continue;
                }
            };
            let size = file.mark.size;
            let named = stored(file.path()).unwrap_or_default();
            let known = match way {
                Some(way) => {
                    let asked = named.clone();
                    store.call(move |db| db.past_file(&asked, way)).await.map_err(failed)?
                }
                None => None,
            };
            let known = known.filter(|known| known.is_of(&file.mark));
            if known.as_ref().is_some_and(|known| known.whole) {
                summary.files_known += 1;
                before = before.saturating_add(size);
                progress.pass(before);
                continue;
            }
            if let Some(known) = &known {
                summary.gone_on += 1;
                progress.pass(before.saturating_add(known.offset));
            }
            let read = match file.open(known.as_ref(), mails::CAP) {
                Ok(all) => one_file(all, &named, way.is_some(), before, importer, progress).await?,
                Err(error) => Err(Unread { what: error.what }),
            };
            match read {
                // an empty file, and one that is no mail at all, is not opened again either
                Ok(()) if way.is_some() => {
                    importer.reach(Reached::File(named, file.mark.to_the_end())).await.map_err(failed)?;
                }
                Ok(()) => {}
                Err(unread) => summary.unread(progress, unread),
            }
            before = before.saturating_add(size);
            progress.at(before, importer.imported().seen());
        }
    }
    importer.finish().await.map(|_| ()).map_err(failed)
}

/// The mails of one file; the inner error is the file's.
async fn one_file(
    all: files::FileMails,
    named: &[u8],
    marks: bool,
    before: u64,
    importer: &mut Importer<'_>,
    progress: &mut Progress,
) -> Result<Result<(), Unread>, Failure> {
    for found in all {
        match found {
            Ok(mail) => {
                let at = before.saturating_add(mail.mark.offset);
                let reached = marks.then(|| Reached::File(named.to_vec(), halfway(&mail.mark)));
                importer.add(old(mail, reached)).await.map_err(failed)?;
                progress.at(at, importer.imported().seen());
            }
            Err(error) => return Ok(Err(Unread { what: error.what })),
        }
    }
    Ok(Ok(()))
}

/// A file counts as read when its reading ended well, not when its last mail was read.
fn halfway(mark: &Mark) -> Mark {
    Mark { whole: false, ..mark.clone() }
}

fn old(mail: files::FileMail, reached: Option<Reached>) -> Old {
    Old { bytes: mail.bytes, received: mail.received, size: mail.size, before: mail.before, reached }
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_accounts_no_host_is_believed_unless_one_is_named() {
        let account = |name: &str| {
            format!(
                "[[account]]\nname = \"{name}\"\nhost = \"{name}.example.jp\"\nuser = \"me\"\n\
                 authserv_ids = [\"mx.{name}.example.jp\"]\npassword = {{ env = \"X\" }}\n"
            )
        };
        let config = |text: &str| Config::parse(Path::new("/etc/modori/config.toml"), text).unwrap();
        let one = config(&account("a"));
        assert_eq!(configured_hosts(&one, None, &[]), Some(vec!["mx.a.example.jp".to_owned()]));
        let two = config(&(account("a") + &account("b")));
        assert_eq!(configured_hosts(&two, None, &[]), None);
        assert_eq!(configured_hosts(&two, None, &["mx.example.jp".to_owned()]), Some(vec![]));
        assert_eq!(configured_hosts(&two, two.accounts.get(1), &[]), Some(vec!["mx.b.example.jp".to_owned()]));
    }
}
