//! A copy of the database, made while others work with it, and looked over before it counts as one.

use super::open::{APPLICATION_ID, BUSY, newest};
use super::{Db, StoreError};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::{Duration, Instant};

/// A copy that was looked over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Its schema.
    pub schema: u32,
    /// Events in it.
    pub events: u32,
    /// Statements in it.
    pub statements: u32,
    /// Bytes.
    pub size: u64,
}

impl Db {
    /// Copies the database of a state folder into an existing empty file, by SQLite's online backup: as it is, without
    /// migrating it, and while other processes write to it. The copy is one file and needs no other beside it.
    ///
    /// # Errors
    /// There is no database, it is foreign or newer than this program, it cannot be read, or the copy is not sound.
    pub fn backup(folder: &Path, to: &Path) -> Result<Copied, StoreError> {
        let path = folder.join("modori.sqlite");
        if !path.exists() {
            return Err(StoreError::Missing { path });
        }
        let open = |error| StoreError::Open { path: path.clone(), error };
        // a log that another process left behind can only be read by one that may write
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let source = Connection::open_with_flags(&path, flags).map_err(open)?;
        source.busy_timeout(BUSY).map_err(open)?;
        let (id, schema) = marks(&source).map_err(open)?;
        if id != APPLICATION_ID {
            return Err(StoreError::Foreign { path });
        }
        if schema > newest() {
            return Err(StoreError::Newer { path, found: schema, known: newest() });
        }
        let mut copy = Connection::open_with_flags(to, flags)?;
        // a copy that fails is thrown away whole: it needs no journal, and must leave none beside it
        copy.query_row("PRAGMA journal_mode = MEMORY", [], |_| Ok(()))?;
        step_to_the_end(&Backup::new(&source, &mut copy)?)?;
        // one file: whoever reads the copy needs no log beside it
        copy.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
        drop(copy);
        look_over(to)
    }
}

/// All pages in one go: what others write meanwhile waits in their log, so the copy is of one moment, and a busy writer
/// cannot make it begin again.
fn step_to_the_end(backup: &Backup<'_, '_>) -> Result<(), StoreError> {
    let begun = Instant::now();
    loop {
        match backup.step(-1)? {
            StepResult::Done => return Ok(()),
            _ if begun.elapsed() > BUSY => {
                return Err(StoreError::Work(rusqlite::Error::SqliteFailure(
                    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                    Some("another process holds it; try again".to_owned()),
                )));
            }
            _ => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Reads the copy as a stranger would.
fn look_over(path: &Path) -> Result<Copied, StoreError> {
    let unsound = |what: String| StoreError::Unsound { path: path.to_path_buf(), what };
    let read = || -> rusqlite::Result<(String, bool, i32, u32, u32, u32)> {
        let copy = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let integrity = copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        let dangling = copy.prepare("PRAGMA foreign_key_check")?.exists([])?;
        let (id, schema) = marks(&copy)?;
        let sql = "SELECT (SELECT count(*) FROM event), (SELECT count(*) FROM statement)";
        let (events, statements) = copy.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok((integrity, dangling, id, schema, events, statements))
    };
    let (integrity, dangling, id, schema, events, statements) = read().map_err(|error| unsound(error.to_string()))?;
    if integrity != "ok" {
        return Err(unsound(integrity));
    }
    if dangling {
        return Err(unsound("rows name others that are not there".to_owned()));
    }
    if id != APPLICATION_ID || schema > newest() {
        return Err(unsound(format!("it does not bear modori's mark (schema {schema})")));
    }
    let size = std::fs::metadata(path).map_err(|error| unsound(error.to_string()))?.len();
    Ok(Copied { schema, events, statements, size })
}

fn marks(connection: &Connection) -> rusqlite::Result<(i32, u32)> {
    let sql =
        "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version)";
    connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_sound_and_of_the_same_schema_even_while_another_writes() {
        let (folder, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut db = Db::open(folder.path()).unwrap();
        let now = jiff::Timestamp::from_second(1_780_000_000).unwrap();
        db.move_cursor("a", "INBOX", 7, 5, now).unwrap();
        let to = target.path().join("copy");
        std::fs::write(&to, "").unwrap();
        // a transaction under way, as a watch may have one
        let writing = db.connection.transaction().unwrap();
        writing.execute("UPDATE cursor SET next_uid = 9", []).unwrap();
        let copied = Db::backup(folder.path(), &to).unwrap();
        assert_eq!(copied.schema, newest());
        writing.commit().unwrap();
        let names: Vec<_> = std::fs::read_dir(target.path()).unwrap().map(|one| one.unwrap().file_name()).collect();
        assert_eq!(names, ["copy"], "one file and no log");
        std::fs::rename(&to, target.path().join("modori.sqlite")).unwrap();
        let copy = Db::open(target.path()).unwrap();
        assert_eq!(copy.cursor("a", "INBOX").unwrap().unwrap().next_uid, 5, "of the moment before the change");
    }

    #[test]
    fn what_is_no_database_of_ours_is_not_copied() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("copy");
        std::fs::write(&to, "").unwrap();
        assert!(matches!(Db::backup(folder.path(), &to), Err(StoreError::Missing { .. })));
        let path = folder.path().join("modori.sqlite");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        assert!(matches!(Db::backup(folder.path(), &to), Err(StoreError::Foreign { .. })));
    }

    #[test]
    fn a_damaged_copy_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(folder.path()).unwrap();
        for n in 0..500 {
            let sql = "INSERT INTO letter_sent (message_id, at) VALUES (?1, 0)";
            db.connection.execute(sql, [format!("{n}@example.jp")]).unwrap();
        }
        let to = folder.path().join("copy");
        std::fs::write(&to, "").unwrap();
        Db::backup(folder.path(), &to).unwrap();
        let mut bytes = std::fs::read(&to).unwrap();
        // a page of that table, cut in two
        let at = bytes.windows(14).position(|window| window == b"250@example.jp").unwrap();
        let page = at / 4096 * 4096;
        bytes[page..page + 8].fill(0xff);
        std::fs::write(&to, bytes).unwrap();
        assert!(matches!(look_over(&to), Err(StoreError::Unsound { .. })));
    }
}
