//! One process holds the hand: an OS file lock in the state folder, gone by itself when the process ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Whoever only asks who has it holds it for a moment: it is tried so often, with a moment between.
const TRIES: u32 = 5;
const MOMENT: Duration = Duration::from_millis(20);

/// The lock, held until dropped.
#[derive(Debug)]
pub struct HandLock {
    _file: File,
}

/// Why the lock could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("another modori{holder} is at work with {folder}")]
    Held {
        /// The state folder.
        folder: PathBuf,
        /// ` (process N)`, if it is known.
        holder: String,
    },
    /// The file cannot be made or locked.
    #[error("cannot lock {path}: {error}; the state folder must lie on a local disk that you may write to")]
    Unusable {
        /// The lock file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

impl HandLock {
    /// Takes the hand of a state folder.
    ///
    /// # Errors
    /// Another process has it, or the file cannot be locked.
    pub fn take(folder: &Path) -> Result<Self, LockError> {
        let path = folder.join("modori.lock");
        let unusable = |error| LockError::Unusable { path: path.clone(), error };
        make_folder(folder).map_err(unusable)?;
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(unusable)?;
        let mut tries = 1;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if tries < TRIES => {
                    tries += 1;
                    std::thread::sleep(MOMENT);
                }
                Err(TryLockError::WouldBlock) => {
                    let holder = process(&mut file).map_or_else(String::new, |pid| format!(" (process {pid})"));
                    return Err(LockError::Held { folder: folder.to_path_buf(), holder });
                }
                Err(TryLockError::Error(error)) => return Err(unusable(error)),
            }
        }
        // who holds it is a courtesy to people: the lock itself does not depend on it
        let _ = file.set_len(0);
        let _ = file.seek(SeekFrom::Start(0));
        let _ = writeln!(file, "{}", std::process::id());
        Ok(Self { _file: file })
    }
    /// Which process has the hand of a state folder now: `None` when none has, `Some(None)` when one has that did not say
    /// which it is. Nothing is made or changed.
    #[must_use]
    pub fn holder(folder: &Path) -> Option<Option<u32>> {
        let mut file = File::open(folder.join("modori.lock")).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(process(&mut file)),
            Ok(()) | Err(TryLockError::Error(_)) => None,
        }
    }
}

/// The process that wrote itself into the file.
fn process(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    let _ = Read::by_ref(file).take(20).read_to_string(&mut text);
    text.trim().parse().ok()
}

/// The state folder is its owner's only, whoever makes it first.
fn make_folder(folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}
