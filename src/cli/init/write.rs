//! Files of a set-up: all of them get into their places, or none does.

use super::super::Failure;
use crate::edge::files::Beside;
use secrecy::{ExposeSecret, SecretSlice};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A file that is to be written, for its owner's eyes only.
#[derive(Debug)]
pub(super) struct NewFile {
    /// Where.
    pub(super) place: PathBuf,
    /// What stands in it.
    content: SecretSlice<u8>,
    /// It may be there already, and is written over.
    pub(super) over: bool,
}

impl NewFile {
    /// A file with this content.
    pub(super) fn new(place: PathBuf, content: impl Into<Vec<u8>>, over: bool) -> Self {
        Self { place, content: SecretSlice::from(content.into()), over }
    }
}

/// Folders and files that were made. Dropped before all is well, they are gone again, and what they replaced is back.
#[derive(Debug, Default)]
pub(super) struct Made {
    paths: Vec<PathBuf>,
    /// Files that were written over, and where each waits under another name.
    replaced: Vec<(PathBuf, PathBuf)>,
}

impl Made {
    /// All is well: they stay.
    pub(super) fn stay(mut self) {
        self.paths.clear();
        for (_, aside) in self.replaced.drain(..) {
            let _ = std::fs::remove_file(aside);
        }
    }

    /// Gives a file that is about to be written over a second name.
    fn aside(&mut self, place: &Path) -> std::io::Result<()> {
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(place.file_name().unwrap_or_default());
        hidden.push(format!(".{}.before", std::process::id()));
        let aside = place.with_file_name(hidden);
        // no other process has our number: what bears it is left over from one that is gone
        let _ = std::fs::remove_file(&aside);
        // some file systems know no second names
        std::fs::hard_link(place, &aside).or_else(|_| std::fs::copy(place, &aside).map(|_| ()))?;
        self.replaced.push((place.to_path_buf(), aside));
        Ok(())
    }

    /// Makes a folder, and those above it, for their owner only.
    fn folder(&mut self, folder: &Path) -> std::io::Result<()> {
        if folder.as_os_str().is_empty() || folder.is_dir() {
            return Ok(());
        }
        if let Some(above) = folder.parent() {
            self.folder(above)?;
        }
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
        self.paths.push(folder.to_path_buf());
        Ok(())
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for (place, aside) in self.replaced.drain(..) {
            // two names of one file: a rename leaves both then (POSIX), and the second one is removed
            if std::fs::rename(&aside, place).is_ok() {
                let _ = std::fs::remove_file(aside);
            }
        }
        for path in self.paths.iter().rev() {
            let _ = if path.is_dir() { std::fs::remove_dir(path) } else { std::fs::remove_file(path) };
        }
    }
}

/// Writes all files, the last one last: it is the configuration, and names the others. `folder` is made besides.
///
/// # Errors
/// One cannot be written; then none is there.
pub(super) fn write(files: &[NewFile], folder: Option<&Path>) -> Result<Made, Failure> {
    let failed = |what: String| Failure::new(format!("{what}; nothing was written"));
    let mut made = Made::default();
    let mut ready = Vec::new();
    let cannot = |folder: &Path, error: std::io::Error| failed(format!("cannot make {}: {error}", folder.display()));
    if let Some(folder) = folder {
        made.folder(folder).map_err(|error| cannot(folder, error))?;
    }
    for file in files {
        let folder = file.place.parent().unwrap_or(Path::new("."));
        made.folder(folder).map_err(|error| cannot(folder, error))?;
        let beside = Beside::new(&file.place, file.over).map_err(|error| failed(error.what))?;
        let written = beside.open().map_err(|error| failed(error.what)).and_then(|mut out| {
            let content = out.write_all(file.content.expose_secret());
            content.map_err(|error| failed(format!("cannot write {}: {error}", file.place.display())))
        });
        written?;
        ready.push((beside, file));
    }
    for (beside, file) in ready {
        let was_there = file.place.exists();
        if was_there && file.over {
            let kept = made.aside(&file.place);
            kept.map_err(|error| failed(format!("cannot keep {} meanwhile: {error}", file.place.display())))?;
        }
        beside.keep().map_err(|error| failed(error.what))?;
        if !was_there {
            made.paths.push(file.place.clone());
        }
    }
    Ok(made)
}

/// A name in this folder that nothing has yet: `mail-password`, `mail-password-2` …
pub(super) fn free(folder: &Path, name: &str) -> String {
    let names = std::iter::once(name.to_owned()).chain((2..).map(|n: u32| format!("{name}-{n}")));
    let is_free = |name: &String| std::fs::symlink_metadata(folder.join(name)).is_err();
    names.into_iter().find(is_free).unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(place: PathBuf, text: &str, over: bool) -> NewFile {
        NewFile::new(place, text, over)
    }

    fn tree(folder: &Path) -> Vec<String> {
        let mut all = Vec::new();
        for one in std::fs::read_dir(folder).unwrap() {
            let path = one.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                all.extend(tree(&path).into_iter().map(|below| format!("{name}/{below}")));
                all.push(format!("{name}/"));
            } else {
                all.push(name);
            }
        }
        all.sort();
        all
    }

    #[test]
    fn all_files_are_there_or_none_is() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("a").join("modori");
        let both = [file(home.join("secret"), "geheim", false), file(home.join("config.toml"), "x", false)];
        drop(write(&both, None).unwrap());
        assert_eq!(tree(folder.path()), Vec::<String>::new(), "dropped before all is well");

        write(&both, None).unwrap().stay();
        assert_eq!(tree(folder.path()), ["a/", "a/modori/", "a/modori/config.toml", "a/modori/secret"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&home), mode(&home.join("secret"))), (0o700, 0o600));
        }

        // the second one is there already: the first does not stay either
        let other = [file(home.join("secret-2"), "geheim", false), file(home.join("config.toml"), "y", false)];
        let refused = write(&other, None).unwrap_err().what;
        assert!(refused.contains("--force") && refused.ends_with("nothing was written"), "{refused}");
        assert_eq!(tree(folder.path()), ["a/", "a/modori/", "a/modori/config.toml", "a/modori/secret"]);
        assert_eq!(std::fs::read_to_string(home.join("config.toml")).unwrap(), "x");
    }

    #[test]
    fn what_was_written_over_is_back_when_all_is_not_well() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("config.toml");
        std::fs::write(&place, b"old \xff").unwrap();
        let new = || [file(folder.path().join("secret"), "s", false), file(place.clone(), "new", true)];
        let made = write(&new(), None).unwrap();
        assert_eq!(std::fs::read(&place).unwrap(), b"new");
        drop(made);
        assert_eq!(
            (std::fs::read(&place).unwrap(), tree(folder.path())),
            (b"old \xff".to_vec(), vec!["config.toml".to_owned()])
        );
        write(&new(), None).unwrap().stay();
        assert_eq!(
            (std::fs::read(&place).unwrap(), tree(folder.path())),
            (b"new".to_vec(), vec!["config.toml".to_owned(), "secret".to_owned()])
        );
    }

    #[test]
    fn a_name_that_is_taken_is_left_to_whoever_has_it() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(free(folder.path(), "mail-password"), "mail-password");
        std::fs::write(folder.path().join("mail-password"), "").unwrap();
        std::fs::create_dir(folder.path().join("mail-password-2")).unwrap();
        assert_eq!(free(folder.path(), "mail-password"), "mail-password-3");
    }
}
