//! Files of a set-up: all of them get into their places, or none does.

use super::super::Failure;
use crate::edge::files::Beside;
use secrecy::{ExposeSecret, SecretString};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A file that is to be written, for its owner's eyes only.
#[derive(Debug)]
pub(super) struct NewFile {
    /// Where.
    pub(super) place: PathBuf,
    /// What stands in it.
    pub(super) text: SecretString,
    /// It may be there already, and is written over.
    pub(super) over: bool,
}

/// Folders and files that were made. Dropped before all is well, they are gone again.
#[derive(Debug, Default)]
pub(super) struct Made {
    paths: Vec<PathBuf>,
}

impl Made {
    /// All is well: they stay.
    pub(super) fn stay(mut self) {
        self.paths.clear();
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
            let text = out.write_all(file.text.expose_secret().as_bytes());
            text.map_err(|error| failed(format!("cannot write {}: {error}", file.place.display())))
        });
        written?;
        ready.push((beside, file));
    }
    for (beside, file) in ready {
        let was_there = file.place.exists();
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
        NewFile { place, text: SecretString::from(text), over }
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
    fn a_name_that_is_taken_is_left_to_whoever_has_it() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(free(folder.path(), "mail-password"), "mail-password");
        std::fs::write(folder.path().join("mail-password"), "").unwrap();
        std::fs::create_dir(folder.path().join("mail-password-2")).unwrap();
        assert_eq!(free(folder.path(), "mail-password"), "mail-password-3");
    }
}
