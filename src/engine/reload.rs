//! Rules that are saved while modori watches: in use at once if they pass the check, else told once and not used.
//!
//! The folder is looked at once a second. Asking the system to tell of changes would save nothing worth saving for a
//! handful of small files, and would have to be told apart by system, file system and editor.

use super::wishes::Wishes;
use super::{Engine, EngineError};
use crate::edge::config::folder::{self, FolderError};
use crate::plan;
use crate::plan::wanted::Wanted;
use crate::rules::{self, Diagnostic, RuleSet, Severity, Source};
use crate::wording::Unusable;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Between two looks at the folder.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A file may be half-written when it is read: it counts when it is the same after so long.
const SETTLE: Duration = Duration::from_millis(250);

/// The rules in use: shared by all that judge, replaced as a whole. Whoever begins a mail takes them once.
#[derive(Clone, Debug)]
pub struct Rules {
    current: Arc<RwLock<Arc<RuleSet>>>,
    /// The shopper's folder, and what was read from it at the start.
    watched: Option<(PathBuf, Content)>,
    /// What she waits for.
    wishes: Wishes,
}

impl Rules {
    /// Rules that never change.
    #[must_use]
    pub fn fixed(rules: RuleSet) -> Self {
        Self { current: Arc::new(RwLock::new(Arc::new(rules))), watched: None, wishes: Wishes::default() }
    }

    /// Rules that follow a folder while modori watches; `own` is what was read from it for `rules`.
    #[must_use]
    pub fn of_folder(folder: PathBuf, own: Vec<Source>, rules: RuleSet) -> Self {
        Self { watched: Some((folder, Content::Files(own))), ..Self::fixed(rules) }
    }

    /// With goods that are waited for, from this file, whose text was read for `wanted`.
    #[must_use]
    pub fn with_wanted(self, file: PathBuf, text: Option<String>, wanted: Wanted) -> Self {
        Self { wishes: Wishes::of_file(file, text, wanted), ..self }
    }

    pub(super) fn wishes(&self) -> &Wishes {
        &self.wishes
    }

    /// The rules in use now.
    #[must_use]
    pub fn now(&self) -> Arc<RuleSet> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Which rules are in use, in a few words.
    #[must_use]
    pub(super) fn said(&self) -> String {
        let rules = self.now().list().len();
        match &self.watched {
            Some((_, Content::Files(files))) if !files.is_empty() => said(rules, files),
            _ => format!("{rules} shipped rules"),
        }
    }

    fn replace(&self, rules: RuleSet) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }
}

/// The rule files of a folder; none when there is no such folder.
///
/// # Errors
/// The first file that cannot be read.
pub fn sources(folder: &Path) -> Result<Vec<Source>, FolderError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let texts = folder::texts(folder, "toml")?;
    Ok(texts.into_iter().map(|(path, text)| Source::new(path.display().to_string(), text)).collect())
}

/// Which rules these are: a mark that changes with their text.
fn said(rules: usize, files: &[Source]) -> String {
    let mark: String = hash(files.iter().map(|file| file.text.as_str())).chars().take(12).collect();
    format!("{rules} rules, {} files of your own ({mark})", files.len())
}

/// What lies in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Files(Vec<Source>),
    /// The folder, or a file in it, cannot be read.
    Unreadable {
        file: String,
        what: String,
    },
}

impl Content {
    /// Reads the folder. One that held files and is gone is not one without rules: a disk may be missing.
    fn read(folder: &Path, before: &Self) -> Self {
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

/// Why files are not used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Fault {
    /// What the alert says.
    told: Unusable,
    /// Everything, for the log.
    log: Vec<String>,
    /// Stands for the text of the faulty files.
    content: String,
}

impl Engine {
    /// Follows the folder of the rules for ever.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) async fn follow_rules(&self) -> Result<(), EngineError> {
        let Some((folder, mut judged)) = self.rules.watched.clone() else { return std::future::pending().await };
        // at the start there are no older rules to stay with: a failed example is told, and no mail is missed for it
        if let Err(fault) = judge(folder.clone(), judged.clone()).await {
            fault.log.iter().for_each(|line| tracing::warn!("{line}"));
            tracing::warn!("the rules do not pass `modori rules check`; they are in use all the same");
        }
        // what lies there now may differ already from what was read at the start
        let mut looked = None;
        let mut told: Option<Box<Fault>> = None;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let stamp = {
                let folder = folder.clone();
                aside(move || folder::stamps(&folder, "toml")).await
            };
            if stamp.is_some() && stamp == looked {
                continue;
            }
            let Some(content) = settled(&folder, &judged, SETTLE).await else { continue };
            if content == judged {
                looked = stamp;
                continue;
            }
            let fault = match judge(folder.clone(), content.clone()).await {
                Ok(rules) => {
                    self.rules.replace(rules);
                    match told.take() {
                        Some(_) => tracing::info!("the rules are mended and in use: {}", folder.display()),
                        None => tracing::info!("changed rules are in use: {}", folder.display()),
                    }
                    if let Content::Files(files) = &content {
                        let (words, now) = (said(self.rules.now().list().len(), files), self.clock.now());
                        self.store.call(move |db| db.rules_saved(Ok(&words), now)).await?;
                    }
                    (looked, judged) = (stamp, content);
                    continue;
                }
                Err(fault) => fault,
            };
            // editors write in odd ways: what is broken is told if it is still the same at the next look
            if settled(&folder, &judged, LOOK_EVERY).await.as_ref() != Some(&content) {
                continue;
            }
            if told.as_ref().is_none_or(|told| told.content != fault.content) {
                self.tell(&fault).await?;
            }
            told = Some(fault);
            (looked, judged) = (stamp, content);
        }
    }

    async fn tell(&self, fault: &Fault) -> Result<(), EngineError> {
        for line in &fault.log {
            tracing::error!("{line}");
        }
        tracing::error!("the rules that were saved are not used; those from before stay in use");
        let now = self.clock.now();
        let wishes = plan::on_rules(&fault.told, &fault.content, &self.policy, now);
        let trouble = fault.log.first().cloned().unwrap_or_default();
        let alerts = self
            .store
            .call(move |db| {
                db.rules_saved(Err(&trouble), now)?;
                db.wish(&wishes, true, now)
            })
            .await?;
        self.hand.wake(alerts);
        Ok(())
    }
}

/// What lies in the folder, if it is the same after `wait`.
async fn settled(folder: &Path, before: &Content, wait: Duration) -> Option<Content> {
    let read = || {
        let (folder, before) = (folder.to_path_buf(), before.clone());
        aside(move || Content::read(&folder, &before))
    };
    let first = read().await?;
    tokio::time::sleep(wait).await;
    read().await.filter(|second| *second == first)
}

/// On a thread where waiting for a disk, or a second of compiling, holds no mail up; `None` when it panicked.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

/// Compiles the files and runs their examples.
async fn judge(folder: PathBuf, content: Content) -> Result<RuleSet, Box<Fault>> {
    let whole = match &content {
        Content::Files(files) => hash(files.iter().map(|file| file.text.as_str())),
        Content::Unreadable { what, .. } => hash([what.as_str()]),
    };
    let work = move || match content {
        Content::Files(files) => match rules::load_checked(&files) {
            Ok(rules) => {
                rules.warnings().iter().for_each(|warning| tracing::warn!("{}", line(warning)));
                Ok(rules)
            }
            Err(report) => Err(Box::new(fault(&report.diagnostics, &files, &folder))),
        },
        Content::Unreadable { file, what } => {
            let content = hash([file.as_str(), what.as_str()]);
            let told = Unusable { file: below(&folder, &file), sentence: what.clone(), ..Unusable::default() };
            let told = Unusable { sentence: told.sentence.replace(&file, &told.file), ..told };
            Err(Box::new(Fault { told, log: vec![what], content }))
        }
    };
    aside(work).await.unwrap_or_else(|| {
        let sentence = "a fault in the program while it read the rules; please report it".to_owned();
        let told = Unusable { sentence: sentence.clone(), ..Unusable::default() };
        Err(Box::new(Fault { told, log: vec![sentence], content: whole }))
    })
}

fn fault(found: &[Diagnostic], files: &[Source], folder: &Path) -> Fault {
    let errors: Vec<&Diagnostic> = found.iter().filter(|one| one.severity == Severity::Error).collect();
    let faulty = files.iter().filter(|file| errors.iter().any(|error| error.file == file.name));
    let told = errors.first().map_or_else(Unusable::default, |first| Unusable {
        file: below(folder, &first.file),
        line: Some(first.line),
        column: Some(first.column),
        sentence: first.message.clone(),
        help: first.help.clone(),
        more: errors.len() - 1,
        of_wanted: false,
    });
    Fault {
        told,
        log: errors.iter().map(|error| line(error)).collect(),
        content: hash(faulty.flat_map(|file| [file.name.as_str(), file.text.as_str()])),
    }
}

/// One line for the log, with the whole path.
fn line(found: &Diagnostic) -> String {
    let help = if found.help.is_empty() { String::new() } else { format!(" ({})", found.help) };
    format!("{}:{}:{}: {}{help}", found.file, found.line, found.column, found.message)
}

/// A path as seen from the folder: an alert may pass through other people's servers, and needs no home directory.
fn below(folder: &Path, file: &str) -> String {
    let path = Path::new(file);
    let inside = path.strip_prefix(folder).ok().filter(|rest| !rest.as_os_str().is_empty());
    inside.or_else(|| path.file_name().map(Path::new)).unwrap_or(path).display().to_string()
}

/// 32 hexadecimal digits for some texts.
fn hash<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(text);
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
