//! The shopper's own files that the configuration points at: rules and wording.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Largest rule or wording file that is read, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Why a folder's files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The folder or a file in it cannot be read.
    #[error("cannot read {path}: {error}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file is not UTF-8.
    #[error("{path} is not UTF-8 (byte {at}): save it as UTF-8 in your editor")]
    NotUtf8 {
        /// Which.
        path: PathBuf,
        /// The first wrong byte.
        at: usize,
    },
    /// A file is far too large to be what it should be.
    #[error("{path} is larger than 4 MiB: this cannot be right")]
    TooLarge {
        /// Which.
        path: PathBuf,
    },
}

/// All files of a folder with this extension (and of its sub-folders), in order of their paths, with their text.
/// Hidden files and editors' left-overs (`.x`, `x~`) are passed over.
///
/// # Errors
/// The first that cannot be read.
pub fn texts(folder: &Path, extension: &str) -> Result<Vec<(PathBuf, String)>, FolderError> {
    let mut found = Vec::new();
    gather(folder, extension, 0, &mut found)?;
    found.sort();
    found.into_iter().map(|path| text(&path).map(|text| (path, text))).collect()
}

/// A cheap look at what [`texts`] would read: path, length and time of change of each file, in order of their paths.
/// What cannot be looked at is left out; reading it says why.
#[must_use]
pub fn stamps(folder: &Path, extension: &str) -> Vec<(PathBuf, u64, Option<SystemTime>)> {
    let mut found = Vec::new();
    if gather(folder, extension, 0, &mut found).is_err() {
        return Vec::new();
    }
    found.sort();
    let stamp = |path: PathBuf| {
        let meta = std::fs::metadata(&path).ok()?;
        Some((path, meta.len(), meta.modified().ok()))
    };
    found.into_iter().filter_map(stamp).collect()
}

fn gather(folder: &Path, extension: &str, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), FolderError> {
    let unreadable = |error| FolderError::Unreadable { path: folder.to_path_buf(), error };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() {
            if depth < 4 {
                gather(&path, extension, depth + 1, found)?;
            }
        } else if path.extension().is_some_and(|own| own == extension) {
            found.push(path);
        }
    }
    Ok(())
}

fn text(path: &Path) -> Result<String, FolderError> {
    let unreadable = |error| FolderError::Unreadable { path: path.to_path_buf(), error };
    if std::fs::metadata(path).map_err(unreadable)?.len() > LARGEST {
        return Err(FolderError::TooLarge { path: path.to_path_buf() });
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    String::from_utf8(bytes)
        .map_err(|error| FolderError::NotUtf8 { path: path.to_path_buf(), at: error.utf8_error().valid_up_to() })
}
