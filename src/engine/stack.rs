//! The rules in use: those that all accounts share, and for an account with rules or folders of its own the same with
//! these over them. Each is replaced as a whole, and shared by all that judge by it.

use super::wishes::Wishes;
use crate::edge::config::folder::{self, FolderError};
use crate::edge::web::{InUse, RulesOf};
use crate::plan::wanted::Wanted;
use crate::rules::{Diagnostic, Folders, Layer, RuleSet, Source};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// The rules in use. Whoever begins a mail takes those of its account, once.
#[derive(Clone, Debug)]
pub struct Rules {
    /// First the one that accounts share which have nothing of their own.
    stacks: Vec<Stack>,
    /// Which stack an account has that has something of its own.
    of: BTreeMap<String, usize>,
    /// What she waits for.
    wishes: Wishes,
}

/// One rule set and the folders that it follows, the shopper's before an account's.
#[derive(Clone, Debug)]
pub(super) struct Stack {
    /// The first account that has it; `None`: all have it that have nothing of their own.
    pub(super) account: Option<String>,
    /// The folders that are followed.
    pub(super) watched: Vec<PathBuf>,
    /// What was read from each for the rules in use at the start.
    pub(super) read: Vec<Content>,
    /// Folders that the configuration gives an account, over all files.
    pub(super) folders: Option<Folders>,
    current: Arc<RwLock<Arc<RuleSet>>>,
}

/// What an account has of its own, read.
#[derive(Clone, Debug, Default)]
pub struct Own {
    /// Folder of its rule files, and what was read from it.
    pub files: Option<(PathBuf, Vec<Source>)>,
    /// Folders by category.
    pub folders: Option<Folders>,
}

impl Rules {
    /// Rules that never change.
    #[must_use]
    pub fn fixed(rules: RuleSet) -> Self {
        let current = Arc::new(RwLock::new(Arc::new(rules)));
        let shared = Stack { account: None, watched: Vec::new(), read: Vec::new(), folders: None, current };
        Self { stacks: vec![shared], of: BTreeMap::new(), wishes: Wishes::default() }
    }

    /// Rules that follow a folder while modori watches; `own` is what was read from it for `rules`.
    #[must_use]
    pub fn of_folder(folder: PathBuf, own: Vec<Source>, rules: RuleSet) -> Self {
        let mut all = Self::fixed(rules);
        for shared in &mut all.stacks {
            (shared.watched, shared.read) = (vec![folder.clone()], vec![Content::Files(own.clone())]);
        }
        all
    }

    /// With rules of an account's own over those that all share. Accounts with the same ones share them.
    ///
    /// # Errors
    /// What is wrong in the files of all layers together.
    pub fn with_account(mut self, account: &str, own: Own) -> Result<Self, Vec<Diagnostic>> {
        let Some(shared) = self.stacks.first() else { return Ok(self) };
        let (mut watched, mut read) = (shared.watched.clone(), shared.read.clone());
        if let Some((folder, files)) = own.files {
            watched.push(folder);
            read.push(Content::Files(files));
        }
        let same =
            self.stacks.iter().skip(1).position(|stack| stack.watched == watched && stack.folders == own.folders);
        let at = match same {
            Some(at) => at + 1,
            None => {
                let layers = layers(&read, own.folders.as_ref());
                let rules = RuleSet::load_layers(&layers)?;
                let current = Arc::new(RwLock::new(Arc::new(rules)));
                let account = Some(account.to_owned());
                self.stacks.push(Stack { account, watched, read, folders: own.folders, current });
                self.stacks.len() - 1
            }
        };
        self.of.insert(account.to_owned(), at);
        Ok(self)
    }

    /// With goods that are waited for, from this file, whose text was read for `wanted`.
    #[must_use]
    pub fn with_wanted(self, file: PathBuf, text: Option<String>, wanted: Wanted) -> Self {
        Self { wishes: Wishes::of_file(file, text, wanted), ..self }
    }

    pub(super) fn wishes(&self) -> &Wishes {
        &self.wishes
    }

    pub(super) fn stacks(&self) -> &[Stack] {
        &self.stacks
    }

    /// The rules in use now for the mail of an account.
    #[must_use]
    pub fn of(&self, account: &str) -> Arc<RuleSet> {
        let at = self.of.get(account).copied().unwrap_or_default();
        self.stacks.get(at).or(self.stacks.first()).map(Stack::now).unwrap_or_default()
    }

    /// The rules in use now for accounts that have none of their own.
    #[must_use]
    pub fn shared(&self) -> Arc<RuleSet> {
        self.stacks.first().map(Stack::now).unwrap_or_default()
    }

    /// Tells which rules are in use, whenever it is asked: those that accounts share, and of each account with others.
    #[must_use]
    pub(super) fn in_use(&self) -> InUse {
        let stacks = self.stacks.clone();
        InUse::by(move || {
            stacks.iter().map(|stack| RulesOf { account: stack.account.clone(), rules: stack.now() }).collect()
        })
    }

    /// Which rules are in use, in a few words.
    #[must_use]
    pub(super) fn said(&self) -> String {
        let shared = self.stacks.first();
        let rules = self.shared().list().len();
        let said = match shared.and_then(|shared| shared.read.first()) {
            Some(Content::Files(files)) if !files.is_empty() => said(rules, files),
            _ => format!("{rules} shipped rules"),
        };
        self.with_accounts(said)
    }

    /// And how many accounts have others.
    pub(super) fn with_accounts(&self, said: String) -> String {
        match self.of.len() {
            0 => said,
            1 => format!("{said}; 1 account has rules or folders of its own"),
            more => format!("{said}; {more} accounts have rules or folders of their own"),
        }
    }
}

impl Stack {
    /// The rules in use now.
    pub(super) fn now(&self) -> Arc<RuleSet> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn replace(&self, rules: RuleSet) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    /// What lies in its folders, in layers.
    pub(super) fn layers(&self, contents: &[Content]) -> Vec<Layer> {
        layers(contents, self.folders.as_ref())
    }
}

/// A layer for each folder; the table stands over the last of them.
fn layers(contents: &[Content], folders: Option<&Folders>) -> Vec<Layer> {
    let files = |content: &Content| match content {
        Content::Files(files) => Layer::of_files(files.clone()),
        Content::Unreadable { .. } => Layer::default(),
    };
    let mut layers: Vec<Layer> = contents.iter().map(files).collect();
    if let Some(folders) = folders {
        match layers.last_mut() {
            Some(last) => last.folders = Some(folders.clone()),
            None => layers.push(Layer { folders: Some(folders.clone()), ..Layer::default() }),
        }
    }
    layers
}

/// The rule files of a folder; none when there is no such folder. The shipped rules lie beside their wording: who copies
/// that folder whole has a sub-folder `wording`, and no rules in it.
///
/// # Errors
/// The first file that cannot be read.
pub fn sources(folder: &Path) -> Result<Vec<Source>, FolderError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let texts = folder::texts(folder, "toml")?;
    let wording = folder.join("wording");
    let rules = texts.into_iter().filter(|(path, _)| !path.starts_with(&wording));
    Ok(rules.map(|(path, text)| Source::new(path.display().to_string(), text)).collect())
}

/// Which rules these are: a mark that changes with their text.
pub(super) fn said(rules: usize, files: &[Source]) -> String {
    let mark: String = hash(files.iter().map(|file| file.text.as_str())).chars().take(12).collect();
    format!("{rules} rules, {} files of your own ({mark})", files.len())
}

/// What lies in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Files(Vec<Source>),
    /// The folder, or a file in it, cannot be read.
    Unreadable {
        file: String,
        what: String,
    },
}

impl Content {
    /// Reads the folder. One that held files and is gone is not one without rules: a disk may be missing.
    pub(super) fn read(folder: &Path, before: &Self) -> Self {
        let gone = !folder.exists() && !matches!(before, Self::Files(files) if files.is_empty());
        if gone {
            let what = "the folder of your rules is gone".to_owned();
            return Self::Unreadable { file: folder.display().to_string(), what };
        }
        match sources(folder) {
            Ok(files) => Self::Files(files),
            Err(error) => {
                let (FolderError::Unreadable { path, .. }
                | FolderError::NotUtf8 { path, .. }
                | FolderError::TooLarge { path }) = &error;
                Self::Unreadable { file: path.display().to_string(), what: error.to_string() }
            }
        }
    }
}

/// 32 hexadecimal digits for some texts.
pub(super) fn hash<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(text);
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_folder_copied_whole_is_a_folder_of_rules() {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
        assert!(shipped.join("wording").is_dir());
        let files = sources(&shipped).unwrap();
        assert!(files.iter().any(|file| file.name.ends_with("restock.toml")));
        let report = crate::rules::check_layers(&[Layer::of_files(files)]);
        assert!(report.diagnostics.is_empty(), "{:?}", report.diagnostics);
    }
}
