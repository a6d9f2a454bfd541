//! What a look at the database file shows: whether it is sound, its schema and its size. Reads only, whoever writes now.

use super::open::{APPLICATION_ID, newest};
use super::{Db, StoreError};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// Faults that are told of one file.
const FAULTS: u32 = 3;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Soundness {
    /// It bears modori's mark.
    pub ours: bool,
    /// Its schema.
    pub schema: u32,
    /// The schema that this program knows.
    pub known: u32,
    /// What SQLite's quick check finds fault with; empty when it is sound.
    pub faults: Vec<String>,
    /// Rows that name others that are not there.
    pub dangling: u32,
    /// Bytes of the file.
    pub size: u64,
    /// Bytes in it that hold nothing.
    pub free: u64,
    /// Bytes of the log beside it.
    pub log: u64,
    /// How it is written: `wal`, as modori wants it.
    pub journal: String,
}

impl Db {
    /// Looks the database of a state folder over, of whatever schema it is. Takes some seconds for hundreds of MiB.
    ///
    /// # Errors
    /// There is none, or SQLite cannot read the file at all.
    pub fn look_over(folder: &Path) -> Result<Soundness, StoreError> {
        let path = folder.join("modori.sqlite");
        if !path.exists() {
            return Err(StoreError::Missing { path });
        }
        let look = || -> rusqlite::Result<Soundness> {
            // a log that another process left behind can only be read by one that may write
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let db = Connection::open_with_flags(&path, flags)?;
            db.busy_timeout(Duration::from_secs(5))?;
            db.pragma_update(None, "query_only", true)?;
            let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0));
            let (id, schema) = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
            let faults: Vec<String> = db
                .prepare(&format!("PRAGMA quick_check({FAULTS})"))?
                .query_map([], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            let page = number("PRAGMA page_size")?;
            let (pages, free) = (number("PRAGMA page_count")?, number("PRAGMA freelist_count")?);
            let bytes = |pages: i64| u64::try_from(pages.saturating_mul(page)).unwrap_or_default();
            let dangling = number("SELECT count(*) FROM pragma_foreign_key_check")?;
            let log = path.with_extension("sqlite-wal");
            Ok(Soundness {
                ours: id == i64::from(APPLICATION_ID) || (id == 0 && schema == 0),
                schema: u32::try_from(schema).unwrap_or_default(),
                known: newest(),
                faults: faults.into_iter().filter(|fault| fault != "ok").collect(),
                dangling: u32::try_from(dangling).unwrap_or(u32::MAX),
                size: bytes(pages),
                free: bytes(free),
                log: std::fs::metadata(log).map_or(0, |about| about.len()),
                journal: db.query_row("PRAGMA journal_mode", [], |row| row.get(0))?,
            })
        };
        look().map_err(|error| StoreError::Open { path: path.clone(), error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_database_is_found_sound_while_another_writes() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Db::look_over(folder.path()), Err(StoreError::Missing { .. })));
        let mut db = Db::open(folder.path()).unwrap();
        let writing = db.connection.transaction().unwrap();
        writing.execute("INSERT INTO letter_sent VALUES ('x', 1)", []).unwrap();
        let found = Db::look_over(folder.path()).unwrap();
        assert!(found.ours && found.faults.is_empty() && found.dangling == 0, "{found:?}");
        assert_eq!((found.schema, found.known, found.journal.as_str()), (newest(), newest(), "wal"));
        assert!(found.size > 0 && found.log > 0);
    }

    #[test]
    fn a_torn_page_and_a_row_that_names_nothing_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(folder.path()).unwrap();
        db.connection.pragma_update(None, "foreign_keys", false).unwrap();
        for n in 0..500 {
            let sql = "INSERT INTO letter_sent (message_id, at) VALUES (?1, 0)";
            db.connection.execute(sql, [format!("{n}@example.jp")]).unwrap();
        }
        db.connection.execute("INSERT INTO released VALUES (99, 1)", []).unwrap();
        assert_eq!(Db::look_over(folder.path()).unwrap().dangling, 1);
        drop(db);
        let path = folder.path().join("modori.sqlite");
        let mut bytes = std::fs::read(&path).unwrap();
        let at = bytes.windows(14).position(|window| window == b"250@example.jp").unwrap();
        let page = at / 4096 * 4096;
        bytes[page..page + 8].fill(0xff);
        std::fs::write(&path, bytes).unwrap();
        let found = Db::look_over(folder.path());
        assert!(found.as_ref().is_err() || found.as_ref().is_ok_and(|found| !found.faults.is_empty()), "{found:?}");
    }
}
