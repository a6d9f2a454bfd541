//! Rules that are saved while modori watches: in use at once if they pass the check, else told once and not used.
//!
//! The folders are looked at once a second. Asking the system to tell of changes would save nothing worth saving for a
//! handful of small files, and would have to be told apart by system, file system and editor.
//!
//! What all accounts share bears on the rules of an account with others over it, too: each rule set is judged with all
//! its layers, and one that does not pass keeps no other from being used.

use super::stack::{Content, Stack, hash, said};
use super::{Engine, EngineError};
use crate::edge::config::folder;
use crate::plan;
use crate::rules::{self, Diagnostic, RuleSet, Severity, Source};
use crate::wording::Unusable;
use futures_util::future::join_all;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

pub use super::stack::sources;

/// Between two looks at the folders.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A file may be half-written when it is read: it counts when it is the same after so long.
const SETTLE: Duration = Duration::from_millis(250);

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

/// Path, length and time of change of the files of each folder.
type Stamps = Vec<Vec<(PathBuf, u64, Option<SystemTime>)>>;

/// A rule set that is followed.
struct Followed {
    stack: Stack,
    /// What was judged last.
    judged: Vec<Content>,
    /// What lay there then.
    looked: Option<Stamps>,
    /// What is wrong with it.
    fault: Option<Box<Fault>>,
}

/// What a look found.
enum Found {
    Nothing,
    /// Changed rules are in use.
    Used,
    /// They cannot be used.
    Faulty {
        contents: Vec<Content>,
        stamps: Option<Stamps>,
        fault: Box<Fault>,
    },
}

impl Followed {
    fn of(stack: &Stack) -> Self {
        // what lies there now may differ already from what was read at the start
        Self { stack: stack.clone(), judged: stack.read.clone(), looked: None, fault: None }
    }

    /// Looks at the folders; rules that changed and pass are in use when it ends.
    async fn look(&mut self) -> Found {
        if self.stack.watched.is_empty() {
            return Found::Nothing;
        }
        let watched = self.stack.watched.clone();
        let stamps = aside(move || watched.iter().map(|one| folder::stamps(one, "toml")).collect()).await;
        if stamps.is_some() && stamps == self.looked {
            return Found::Nothing;
        }
        let Some(contents) = self.settled(SETTLE).await else { return Found::Nothing };
        if contents == self.judged {
            self.looked = stamps;
            return Found::Nothing;
        }
        match judge(&self.stack, contents.clone()).await {
            Ok(rules) => {
                self.stack.replace(rules);
                (self.looked, self.judged) = (stamps, contents);
                let folder = self.stack.watched.last().map(|folder| folder.display().to_string()).unwrap_or_default();
                let account = self.stack.account.as_deref().unwrap_or_default();
                match self.fault.take() {
                    Some(_) => tracing::info!(account, "the rules are mended and in use: {folder}"),
                    None => tracing::info!(account, "changed rules are in use: {folder}"),
                }
                Found::Used
            }
            // editors write in odd ways: what is broken is told if it is still the same at the next look
            Err(fault) => match self.settled(LOOK_EVERY).await {
                Some(still) if still == contents => Found::Faulty { contents, stamps, fault },
                _ => Found::Nothing,
            },
        }
    }

    /// What lies in the folders, if it is the same after `wait`.
    async fn settled(&self, wait: Duration) -> Option<Vec<Content>> {
        let read = || {
            let (watched, before) = (self.stack.watched.clone(), self.judged.clone());
            aside(move || watched.iter().zip(&before).map(|(folder, before)| Content::read(folder, before)).collect())
        };
        let first: Vec<Content> = read().await?;
        tokio::time::sleep(wait).await;
        read().await.filter(|second| *second == first)
    }
}

impl Engine {
    /// Follows the folders of the rules for ever.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) async fn follow_rules(&self) -> Result<(), EngineError> {
        let mut all: Vec<Followed> = self.rules.stacks().iter().map(Followed::of).collect();
        if all.iter().all(|one| one.stack.watched.is_empty()) {
            return std::future::pending().await;
        }
        // at the start there are no older rules to stay with: a failed example is told, and no mail is missed for it
        for one in all.iter().filter(|one| !one.stack.watched.is_empty()) {
            if let Err(fault) = judge(&one.stack, one.judged.clone()).await {
                fault.log.iter().for_each(|line| tracing::warn!("{line}"));
                tracing::warn!("the rules do not pass `modori rules check`; they are in use all the same");
            }
        }
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let found = join_all(all.iter_mut().map(Followed::look)).await;
            let used = found.iter().any(|one| matches!(one, Found::Used));
            let news = self.tell(&mut all, found).await?;
            if used || news {
                self.write_down(&all).await?;
            }
        }
    }

    /// Tells what cannot be used, each fault once, however many accounts it bears on: first of what all share.
    async fn tell(&self, all: &mut [Followed], found: Vec<Found>) -> Result<bool, EngineError> {
        let mut news = false;
        for (at, found) in found.into_iter().enumerate() {
            let Found::Faulty { contents, stamps, fault } = found else { continue };
            let (before, from) = all.split_at_mut(at);
            let Some(one) = from.first_mut() else { continue };
            let shared = before.first().filter(|shared| !shared.stack.watched.is_empty());
            if shared.is_some_and(|shared| shared.judged.first() != contents.first()) {
                // what all share was saved between two looks: it is judged by itself first
                continue;
            }
            let known = one.fault.as_ref().is_some_and(|known| known.content == fault.content)
                || before.iter().any(|other| other.fault.as_ref().is_some_and(|known| known.content == fault.content));
            if !known {
                self.tell_fault(&fault).await?;
            }
            (one.looked, one.judged, one.fault, news) = (stamps, contents, Some(fault), true);
        }
        Ok(news)
    }

    async fn tell_fault(&self, fault: &Fault) -> Result<(), EngineError> {
        let account = fault.told.account.as_str();
        for line in &fault.log {
            tracing::error!(account, "{line}");
        }
        tracing::error!(account, "the rules that were saved are not used; those from before stay in use");
        let now = self.clock.now();
        let wishes = plan::on_rules(&fault.told, &fault.content, &self.policy, now);
        let alerts = self.store.call(move |db| db.wish(&wishes, true, now)).await?;
        self.hand.wake(alerts);
        Ok(())
    }

    /// Writes down which rules are in use, and what is wrong with those that are not.
    async fn write_down(&self, all: &[Followed]) -> Result<(), EngineError> {
        let shared = all.first();
        let words = match shared.and_then(|one| one.judged.first()) {
            Some(Content::Files(files)) if shared.is_some_and(|one| one.fault.is_none()) => {
                Some(self.rules.with_accounts(said(self.rules.shared().list().len(), files)))
            }
            _ => None,
        };
        let trouble = all.iter().find_map(|one| Some((one.stack.account.clone(), one.fault.as_ref()?.log.first()?)));
        let trouble = trouble.map(|(account, line)| match account {
            Some(account) => format!("account {account}: {line}"),
            None => line.clone(),
        });
        let now = self.clock.now();
        self.store
            .call(move |db| {
                if let Some(words) = &words {
                    db.rules_saved(Ok(words), now)?;
                }
                match &trouble {
                    Some(trouble) => db.rules_saved(Err(trouble), now),
                    None => Ok(()),
                }
            })
            .await?;
        Ok(())
    }
}

/// On a thread where waiting for a disk, or a second of compiling, holds no mail up; `None` when it panicked.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

/// Compiles the files and runs their examples.
async fn judge(stack: &Stack, contents: Vec<Content>) -> Result<RuleSet, Box<Fault>> {
    let texts = |content: &Content| match content {
        Content::Files(files) => hash(files.iter().map(|file| file.text.as_str())),
        Content::Unreadable { what, .. } => hash([what.as_str()]),
    };
    let whole: Vec<String> = contents.iter().map(texts).collect();
    let whole = hash(whole.iter().map(String::as_str));
    let account = stack.account.clone().unwrap_or_default();
    let (stack, name) = (stack.clone(), account.clone());
    let work = move || {
        let unreadable = contents.iter().zip(&stack.watched).find_map(|(content, folder)| match content {
            Content::Unreadable { file, what } => Some((file, what, folder)),
            Content::Files(_) => None,
        });
        if let Some((file, what, folder)) = unreadable {
            let content = hash([file.as_str(), what.as_str()]);
            let file = (file.as_str(), below(folder, file));
            let sentence = what.replace(file.0, &file.1);
            let told = Unusable { account: name, file: file.1, sentence, ..Unusable::default() };
            return Err(Box::new(Fault { told, log: vec![what.clone()], content }));
        }
        match rules::load_checked(&stack.layers(&contents)) {
            Ok(rules) => {
                rules.warnings().iter().for_each(|warning| tracing::warn!("{}", line(warning)));
                Ok(rules)
            }
            Err(report) => {
                let files = contents.iter().flat_map(|content| match content {
                    Content::Files(files) => files.as_slice(),
                    Content::Unreadable { .. } => &[],
                });
                Err(Box::new(fault(&report.diagnostics, files, &stack.watched, name)))
            }
        }
    };
    aside(work).await.unwrap_or_else(|| {
        let sentence = "a fault in the program while it read the rules; please report it".to_owned();
        let told = Unusable { account, sentence: sentence.clone(), ..Unusable::default() };
        Err(Box::new(Fault { told, log: vec![sentence], content: whole }))
    })
}

fn fault<'a>(
    found: &[Diagnostic],
    files: impl Iterator<Item = &'a Source>,
    folders: &[PathBuf],
    account: String,
) -> Fault {
    let errors: Vec<&Diagnostic> = found.iter().filter(|one| one.severity == Severity::Error).collect();
    let faulty = files.filter(|file| errors.iter().any(|error| error.file == file.name));
    let mut faulty = faulty.peekable();
    let log: Vec<String> = errors.iter().map(|error| line(error)).collect();
    // nothing but a line of the configuration
    let content = match faulty.peek() {
        None => hash(log.iter().map(String::as_str)),
        Some(_) => hash(faulty.flat_map(|file| [file.name.as_str(), file.text.as_str()])),
    };
    let told = errors.first().map_or_else(Unusable::default, |first| Unusable {
        file: folders
            .iter()
            .find(|folder| Path::new(&first.file).starts_with(folder))
            .map_or_else(|| below(Path::new(""), &first.file), |folder| below(folder, &first.file)),
        line: Some(first.line),
        column: Some(first.column),
        sentence: first.message.clone(),
        help: first.help.clone(),
        more: errors.len() - 1,
        of_wanted: false,
        account,
    });
    Fault { told, log, content }
}

/// One line for the log, with the whole path.
fn line(found: &Diagnostic) -> String {
    let help = if found.help.is_empty() { String::new() } else { format!(" ({})", found.help) };
    format!("{}:{}:{}: {}{help}", found.file, found.line, found.column, found.message)
}

/// A path as seen from the folder: an alert may pass through other people's servers, and needs no home directory.
fn below(folder: &Path, file: &str) -> String {
    let path = Path::new(file);
    let inside = path.strip_prefix(folder).ok().filter(|rest| !rest.as_os_str().is_empty() && *rest != path);
    inside.or_else(|| path.file_name().map(Path::new)).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests;
