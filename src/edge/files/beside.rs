//! A file that is written beside its place and renamed into it: there as a whole, or not at all.

use super::FileError;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Gives a file this content; what has it already is not touched. Answers whether it was written.
///
/// # Errors
/// It cannot be written, or is no ordinary file.
pub fn keep(place: &Path, content: &[u8]) -> Result<bool, FileError> {
    if std::fs::read(place).is_ok_and(|known| known == content) {
        return Ok(false);
    }
    let beside = Beside::new(place, true)?;
    beside.open()?.write_all(content).map_err(|error| unwritable(place, &error))?;
    beside.keep().map(|()| true)
}

/// A file on its way to its place, for its owner's eyes only. Dropped before it is put there, it is gone.
#[derive(Debug)]
pub struct Beside {
    part: PathBuf,
    place: PathBuf,
    over: bool,
}

impl Beside {
    /// Makes an empty file beside `place`. What lies there already is only written over with `over`, and only when it
    /// is an ordinary file.
    ///
    /// # Errors
    /// Something lies there, or the folder cannot be written to.
    pub fn new(place: &Path, over: bool) -> Result<Self, FileError> {
        let name = place.file_name().ok_or_else(|| FileError::new(place, "this names no file"))?;
        match std::fs::symlink_metadata(place) {
            Ok(_) if !over => return Err(there(place)),
            Ok(meta) if !meta.is_file() => return Err(FileError::new(place, "it is no ordinary file")),
            _ => {}
        }
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.part", std::process::id()));
        let part = place.with_file_name(hidden);
        // no other process has our number: what bears it is left over from one that is gone
        let _ = std::fs::remove_file(&part);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&part).map_err(|error| unwritable(place, &error))?;
        Ok(Self { part, place: place.to_path_buf(), over })
    }

    /// Where it is written meanwhile.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.part
    }

    /// Opens it for writing.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(&self) -> Result<File, FileError> {
        OpenOptions::new().write(true).open(&self.part).map_err(|error| unwritable(&self.place, &error))
    }

    /// Gives it the owner and the mode of what lies in its place: for a file of somebody else's that is only changed.
    ///
    /// # Errors
    /// They cannot be read or given.
    pub fn like_before(&self) -> Result<(), FileError> {
        let failed = |error: &std::io::Error| unwritable(&self.place, error);
        let before = std::fs::metadata(&self.place).map_err(|error| failed(&error))?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let own = std::fs::metadata(&self.part).map_err(|error| failed(&error))?;
            if (own.uid(), own.gid()) != (before.uid(), before.gid()) {
                std::os::unix::fs::chown(&self.part, Some(before.uid()), Some(before.gid()))
                    .map_err(|error| failed(&error))?;
            }
        }
        std::fs::set_permissions(&self.part, before.permissions()).map_err(|error| failed(&error))
    }

    /// Puts it into its place, once it is safely on the disk.
    ///
    /// # Errors
    /// It cannot be written out, or something lies there by now.
    pub fn keep(self) -> Result<(), FileError> {
        let failed = |error: &std::io::Error| unwritable(&self.place, error);
        self.open()?.sync_all().map_err(|error| failed(&error))?;
        if self.over {
            std::fs::rename(&self.part, &self.place).map_err(|error| failed(&error))?;
        } else {
            // a rename would write over what came there meanwhile; a second name for the file does not
            match std::fs::hard_link(&self.part, &self.place) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Err(there(&self.place)),
                // some file systems know no second names
                Err(_) if !self.place.exists() => {
                    std::fs::rename(&self.part, &self.place).map_err(|error| failed(&error))?;
                }
                Err(error) => return Err(failed(&error)),
            }
        }
        // the name, too, is to outlive a power failure; where folders cannot be synced there is no more to do
        let folder = self.place.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // after a rename there is nothing left to remove
        let _ = std::fs::remove_file(&self.part);
    }
}

fn there(place: &Path) -> FileError {
    FileError::new(place, "it exists already; --force writes over it")
}

fn unwritable(place: &Path, error: &std::io::Error) -> FileError {
    FileError::new(place, format_args!("cannot be written: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_there_as_a_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("out");
        let beside = Beside::new(&place, false).unwrap();
        beside.open().unwrap().write_all(b"one").unwrap();
        assert!(!place.exists());
        drop(beside);
        assert_eq!(names(folder.path()), Vec::<String>::new());

        let beside = Beside::new(&place, false).unwrap();
        beside.open().unwrap().write_all(b"two").unwrap();
        beside.keep().unwrap();
        assert_eq!((names(folder.path()), std::fs::read(&place).unwrap()), (vec!["out".to_owned()], b"two".to_vec()));
    }

    #[test]
    fn what_lies_there_is_written_over_only_when_asked_to() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("out");
        let late = Beside::new(&place, false).unwrap();
        std::fs::write(&place, "mine").unwrap();
        assert!(Beside::new(&place, false).unwrap_err().what.contains("--force"));
        assert!(late.keep().unwrap_err().what.contains("--force"), "it came there meanwhile");
        assert_eq!(std::fs::read_to_string(&place).unwrap(), "mine");
        Beside::new(&place, true).unwrap().keep().unwrap();
        assert_eq!(std::fs::read_to_string(&place).unwrap(), "");
        assert!(Beside::new(folder.path(), true).unwrap_err().what.contains("no ordinary file"));
        assert_eq!(names(folder.path()), ["out"]);
    }
}
