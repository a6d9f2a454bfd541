//! One process holds the hand: an OS file lock in the state folder, gone by itself when the process ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

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
        std::fs::create_dir_all(folder).map_err(unusable)?;
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let _ = Read::by_ref(&mut file).take(20).read_to_string(&mut text);
                let holder =
                    text.trim().parse::<u32>().map_or_else(|_| String::new(), |pid| format!(" (process {pid})"));
                return Err(LockError::Held { folder: folder.to_path_buf(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        // who holds it is a courtesy to people: the lock itself does not depend on it
        let _ = file.set_len(0);
        let _ = file.seek(SeekFrom::Start(0));
        let _ = writeln!(file, "{}", std::process::id());
        Ok(Self { _file: file })
    }
}
