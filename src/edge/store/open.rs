//! Opening the database: made when missing, migrated when old, refused when it is not ours or newer than this program.

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Marks the file as ours: "modo".
pub(super) const APPLICATION_ID: i32 = 0x6d6f_646f;

/// Numbered schema files, each applied once, in order.
pub(super) const SCHEMA: &[&str] = &[
    include_str!("schema/001.sql"),
    include_str!("schema/003.sql"),
    include_str!("schema/004.sql"),
    include_str!("schema/005.sql"),
    include_str!("schema/006.sql"),
    include_str!("schema/007.sql"),
    include_str!("schema/008.sql"),
    include_str!("schema/009.sql"),
    include_str!("schema/010.sql"),
    include_str!("schema/011.sql"),
    include_str!("schema/012.sql"),
    include_str!("schema/013.sql"),
    include_str!("schema/014.sql"),
    include_str!("schema/015.sql"),
    include_str!("schema/016.sql"),
    include_str!("schema/017.sql"),
    include_str!("schema/018.sql"),
    include_str!("schema/019.sql"),
    include_str!("schema/020.sql"),
];

/// How long another process may hold the database before we give up waiting.
pub(super) const BUSY: Duration = Duration::from_secs(20);

/// Why the database cannot be used, or a piece of work on it failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder cannot be made or entered.
    #[error("cannot use the state folder {path}: {error}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file cannot be opened as a database.
    #[error("cannot open {path}: {error}; it was not changed (a copy of the file helps to find out why)")]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        error: rusqlite::Error,
    },
    /// It is a database of another program.
    #[error("{path} is not modori's database; name another folder with --state DIR")]
    Foreign {
        /// Which.
        path: PathBuf,
    },
    /// It was written by a newer modori.
    #[error(
        "{path} was written by a newer modori (schema {found}, this one knows {known}); use the newer program, or put back \
         the copy from before the upgrade (modori.before-upgrade.sqlite beside it; docs/operations.md)"
    )]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// It was written by an older modori.
    #[error("{path} was written by an older modori; start this program's `modori watch` once")]
    Older {
        /// Which.
        path: PathBuf,
    },
    /// There is no database to read.
    #[error("there is no database at {path} yet")]
    Missing {
        /// Where one was looked for.
        path: PathBuf,
    },
    /// The file could not be copied before it is brought up to date; it stays as it is.
    #[error(
        "{path} is of an older modori and is to be brought up to date, but no copy of it as it is could be made ({why}); \
         nothing was changed. The state folder must take a second file of that size: see that there is room and that it \
         may be written to, and start again"
    )]
    NoCopy {
        /// The database.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A copy of the database is not what it should be.
    #[error("the copy at {path} is not sound: {what}; it was not kept")]
    Unsound {
        /// Where it was written.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The database refused a piece of work.
    #[error("the database: {0}")]
    Work(#[from] rusqlite::Error),
    /// A stored value cannot be read.
    #[error(
        "the database holds a damaged value ({what}: {error}). Put a backup in its place, or try `modori ledger rebuild \
         --mailbox`: it sets aside what is damaged and reads your mail anew"
    )]
    Value {
        /// What.
        what: &'static str,
        /// Why.
        error: serde_json::Error,
    },
    /// The database's thread could not be started.
    #[error("cannot start the database's thread: {error}")]
    Thread {
        /// Why.
        error: std::io::Error,
    },
    /// The database's thread has ended.
    #[error("the database's thread has ended")]
    Gone,
}

/// The open database.
#[derive(Debug)]
pub struct Db {
    pub(super) connection: Connection,
}

impl Db {
    /// Opens `modori.sqlite` in a folder, which is made (for its owner only) when missing.
    ///
    /// # Errors
    /// The folder cannot be used, or the file is damaged, foreign, or newer than this program.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        make_folder(folder).map_err(|error| StoreError::Folder { path: folder.to_path_buf(), error })?;
        let path = folder.join("modori.sqlite");
        make_file(&path).map_err(|error| StoreError::Folder { path: folder.to_path_buf(), error })?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags)
            .map_err(|error| StoreError::Open { path: path.clone(), error })?;
        if is_older(&connection).map_err(|error| StoreError::Open { path: path.clone(), error })? {
            copy_before_upgrade(&connection, folder)?;
        }
        Self::ready(connection, &path)
    }

    /// Opens the database of a state folder to read from it, whoever writes to it now: nothing is made, migrated, or
    /// waited for.
    ///
    /// # Errors
    /// There is no database, or it is foreign, or of another schema than this program's.
    pub fn open_to_read(folder: &Path) -> Result<Self, StoreError> {
        let db = Self::open_of_this_schema(folder, Duration::from_secs(1))?;
        let path = || folder.join("modori.sqlite");
        db.connection
            .pragma_update(None, "query_only", true)
            .map_err(|error| StoreError::Open { path: path(), error })?;
        Ok(db)
    }

    /// Opens the database of a state folder to write a little into it while a watch may be at work: nothing is made or
    /// migrated.
    ///
    /// # Errors
    /// There is no database, or it is foreign, or of another schema than this program's.
    pub fn open_as_it_is(folder: &Path) -> Result<Self, StoreError> {
        Self::open_of_this_schema(folder, BUSY)
    }

    /// Whether opening the database of a state folder would first bring it up to the schema of this program. Nothing is made
    /// or changed by asking.
    ///
    /// # Errors
    /// There is a file that cannot be read as a database.
    pub fn awaits_upgrade(folder: &Path) -> Result<bool, StoreError> {
        let path = folder.join("modori.sqlite");
        if !path.exists() {
            return Ok(false);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags);
        connection.and_then(|connection| is_older(&connection)).map_err(|error| StoreError::Open { path, error })
    }

    fn open_of_this_schema(folder: &Path, patience: Duration) -> Result<Self, StoreError> {
        let path = folder.join("modori.sqlite");
        if !path.exists() {
            return Err(StoreError::Missing { path });
        }
        let open = |error| StoreError::Open { path: path.clone(), error };
        // a log that another process left behind can only be read by one that may write
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(open)?;
        connection.busy_timeout(patience).map_err(open)?;
        let marks =
            "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version)";
        let (id, version): (i32, u32) =
            connection.query_row(marks, [], |row| Ok((row.get(0)?, row.get(1)?))).map_err(open)?;
        if id == 0 && version == 0 {
            // being made just now
            return Err(StoreError::Missing { path });
        }
        if id != APPLICATION_ID {
            return Err(StoreError::Foreign { path });
        }
        match version.cmp(&newest()) {
            std::cmp::Ordering::Equal => Ok(Self { connection }),
            std::cmp::Ordering::Greater => Err(StoreError::Newer { path, found: version, known: newest() }),
            std::cmp::Ordering::Less => Err(StoreError::Older { path }),
        }
    }

    /// A database in memory, for simulations.
    ///
    /// # Errors
    /// When SQLite cannot make one.
    pub fn in_memory() -> Result<Self, StoreError> {
        let path = PathBuf::from(":memory:");
        let connection =
            Connection::open_in_memory().map_err(|error| StoreError::Open { path: path.clone(), error })?;
        Self::ready(connection, &path)
    }

    fn ready(mut connection: Connection, path: &Path) -> Result<Self, StoreError> {
        let open = |error| StoreError::Open { path: path.to_path_buf(), error };
        connection.busy_timeout(BUSY).map_err(open)?;
        // looked at before anything is written: a foreign file stays as it is
        let (id, version, tables): (i32, u32, u32) = connection
            .query_row(
                "SELECT (SELECT application_id FROM pragma_application_id), \
                 (SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .map_err(open)?;
        if id != APPLICATION_ID && !(id == 0 && version == 0 && tables == 0) {
            return Err(StoreError::Foreign { path: path.to_path_buf() });
        }
        if version > newest() {
            return Err(StoreError::Newer { path: path.to_path_buf(), found: version, known: newest() });
        }
        let set = |connection: &Connection| -> rusqlite::Result<()> {
            connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update(None, "trusted_schema", false)?;
            connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
            connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
            // else every statement with a bound LIMIT is prepared anew at each use
            connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
            connection.set_prepared_statement_cache_capacity(64);
            Ok(())
        };
        set(&connection).map_err(open)?;
        // a table that is made anew is gone for a moment: references are checked when all is there again
        connection.pragma_update(None, "foreign_keys", false).map_err(open)?;
        migrate(&mut connection).map_err(open)?;
        connection.pragma_update(None, "foreign_keys", true).map_err(open)?;
        Ok(Self { connection })
    }

    /// One transaction: all of `work` or nothing of it.
    ///
    /// # Errors
    /// What the work answers, or a refused commit.
    pub(super) fn write<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // immediate: another process' write is waited for here, not discovered half-way
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let answer = work(&transaction)?;
        transaction.commit()?;
        Ok(answer)
    }

    /// Rows written through this connection since it was opened.
    pub(super) fn rows_written(&self) -> u64 {
        self.connection.total_changes()
    }

    /// A number that changes when another process has written.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn data_version(&self) -> Result<i64, StoreError> {
        Ok(self.connection.query_row("PRAGMA data_version", [], |row| row.get(0))?)
    }
}

/// What an upgrade leaves beside the database: the file as it was before, until the next upgrade.
pub const BEFORE_UPGRADE: &str = "modori.before-upgrade.sqlite";

/// A database of ours that is not of the newest schema.
fn is_older(connection: &Connection) -> rusqlite::Result<bool> {
    connection.busy_timeout(BUSY)?;
    let sql =
        "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version)";
    let (id, version): (i32, u32) = connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(id == APPLICATION_ID && version > 0 && version < newest())
}

/// Copies the file as it is, looks the copy over, and only then puts it into the place of the one before. A copy that is
/// not sound is as the file is: it is kept and warned of, so that what repairs the database can open it.
fn copy_before_upgrade(connection: &Connection, folder: &Path) -> Result<(), StoreError> {
    let path = folder.join("modori.sqlite");
    let open = |error| StoreError::Open { path: path.clone(), error };
    // one process at a time: another one waits here, and finds nothing left to do
    let alone = Transaction::new_unchecked(connection, TransactionBehavior::Immediate).map_err(open)?;
    if !is_older(&alone).map_err(open)? {
        return Ok(());
    }
    // what a killed process left behind
    sweep_copies(folder, None);
    let beside = folder.join(format!("{BEFORE_UPGRADE}.part"));
    let keep = || -> Result<(), String> {
        make_file(&beside).map_err(|error| error.to_string())?;
        match Db::backup(folder, &beside) {
            Ok(_) => {}
            Err(StoreError::Unsound { what, .. }) => tracing::warn!(
                "{} is damaged ({what}); it is brought up to date all the same, and kept as it was in {BEFORE_UPGRADE}. \
                 Put a backup in its place, or run `modori ledger rebuild --mailbox`",
                path.display()
            ),
            Err(error) => return Err(error.to_string()),
        }
        std::fs::File::open(&beside).and_then(|copy| copy.sync_all()).map_err(|error| error.to_string())?;
        std::fs::rename(&beside, folder.join(BEFORE_UPGRADE)).map_err(|error| error.to_string())
    };
    keep().map_err(|why| {
        let _ = std::fs::remove_file(&beside);
        StoreError::NoCopy { path: path.clone(), why }
    })
}

/// Removes copies that were never finished; with an instant only those not written to since.
pub(super) fn sweep_copies(folder: &Path, since: Option<std::time::SystemTime>) {
    let Ok(all) = std::fs::read_dir(folder) else { return };
    let begin = format!("{BEFORE_UPGRADE}.");
    for one in all.flatten().filter(|one| one.file_name().to_string_lossy().starts_with(&begin)) {
        let is_old = |since| one.metadata().and_then(|about| about.modified()).is_ok_and(|at| at <= since);
        if since.is_none_or(is_old) {
            // one that cannot be removed now is removed the next time
            let _ = std::fs::remove_file(one.path());
        }
    }
}

/// The schema this program knows.
pub(super) fn newest() -> u32 {
    u32::try_from(SCHEMA.len()).unwrap_or(u32::MAX)
}

fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // read again inside: another process may have migrated meanwhile
    let version: u32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version < newest() {
        for sql in SCHEMA.iter().skip(version as usize) {
            transaction.execute_batch(sql)?;
        }
        transaction.pragma_update(None, "user_version", newest())?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    transaction.commit()
}

/// A file that is missing is made, for its owner only: SQLite gives its log the same mode.
#[cfg(unix)]
fn make_file(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn make_file(path: &Path) -> std::io::Result<()> {
    std::fs::OpenOptions::new().append(true).create(true).open(path).map(|_| ())
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}
