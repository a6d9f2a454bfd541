//! `wanted.toml` while modori watches: what is saved counts at once if it can be read; else it is told once, and what stood
//! there before goes on counting.

use super::{Engine, EngineError};
use crate::plan::wanted::Wanted;
use crate::plan::{self, Policy};
use crate::rules::{Diagnostic, Source};
use crate::wording::Unusable;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

/// Between two looks at the file.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A file may be half-written when it is read: it counts when it is the same after so long.
const SETTLE: Duration = Duration::from_millis(250);
/// Largest file that is read, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;

/// What is waited for now: shared by all that judge, replaced as a whole.
#[derive(Clone, Debug, Default)]
pub(super) struct Wishes {
    current: Arc<RwLock<Arc<Wanted>>>,
    /// The file, and its text when it was read at the start.
    watched: Option<(PathBuf, Content)>,
}

/// The file's text; `None`: there is no file. What cannot be read says why.
type Content = Result<Option<String>, String>;

impl Wishes {
    pub(super) fn of_file(file: PathBuf, text: Option<String>, wanted: Wanted) -> Self {
        Self { current: Arc::new(RwLock::new(Arc::new(wanted))), watched: Some((file, Ok(text))) }
    }

    pub(super) fn now(&self) -> Arc<Wanted> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, wanted: Wanted) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(wanted);
    }
}

/// The text of `wanted.toml`; `None` when there is no such file.
///
/// # Errors
/// Why it cannot be read, for people.
pub fn text(file: &Path) -> Result<Option<String>, String> {
    let said = |error: std::io::Error| format!("cannot read {}: {error}", file.display());
    match std::fs::metadata(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(said(error)),
        Ok(about) if about.len() > LARGEST => {
            return Err(format!("{} is larger than 4 MiB: this cannot be right", file.display()));
        }
        Ok(_) => {}
    }
    let bytes = std::fs::read(file).map_err(said)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| format!("{} is not UTF-8: save it as UTF-8 in your editor", file.display()))?;
    Ok(Some(text))
}

/// Reads a text as `wanted.toml`.
///
/// # Errors
/// All that is wrong with it.
pub fn read(file: &Path, text: Option<&str>) -> Result<Wanted, Vec<Diagnostic>> {
    Wanted::parse(&Source::new(file.display().to_string(), text.unwrap_or_default()))
}

/// A cheap look: length and time of change.
fn stamp(file: &Path) -> Option<(u64, Option<SystemTime>)> {
    let about = std::fs::metadata(file).ok()?;
    Some((about.len(), about.modified().ok()))
}

impl Engine {
    /// What may be done, with what is waited for now.
    pub(super) fn policy(&self) -> Policy {
        Policy { wanted: self.rules.wishes().now(), ..self.policy.clone() }
    }

    /// Follows the file for ever.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) async fn follow_wishes(&self) -> Result<(), EngineError> {
        let wishes = self.rules.wishes();
        let Some((file, mut judged)) = wishes.watched.clone() else { return std::future::pending().await };
        let (mut looked, mut told): (Option<Option<_>>, Option<String>) = (None, None);
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let seen = {
                let file = file.clone();
                aside(move || stamp(&file)).await.flatten()
            };
            if looked.as_ref() == Some(&seen) {
                continue;
            }
            let Some(content) = settled(&file, SETTLE).await else { continue };
            if content == judged {
                looked = Some(seen);
                continue;
            }
            let unusable = match &content {
                // an editor may put it back, and a disk may be missing: nothing is concluded from its being gone
                Ok(None) => unread("the file is gone"),
                Err(what) => unread(what),
                Ok(Some(text)) => match read(&file, Some(text)) {
                    Ok(wanted) => {
                        tracing::info!(
                            wanted = wanted.wanted.len(),
                            muted = wanted.muted.len(),
                            "changed: {}",
                            file.display()
                        );
                        wishes.replace(wanted);
                        (looked, judged, told) = (Some(seen), content, None);
                        continue;
                    }
                    Err(found) => {
                        found.iter().for_each(|one| {
                            tracing::error!("{}:{}:{}: {}", one.file, one.line, one.column, one.message)
                        });
                        faulty(&found)
                    }
                },
            };
            // editors write in odd ways: what is broken is told if it is still the same at the next look
            if settled(&file, LOOK_EVERY).await.as_ref() != Some(&content) {
                continue;
            }
            let mark = mark(&content);
            if told.as_ref() != Some(&mark) {
                tracing::error!("{} is not used as it is now: {}", file.display(), unusable.sentence);
                let now = self.clock.now();
                let wishes = plan::on_rules(&unusable, &mark, &self.policy, now);
                let alerts = self.store.call(move |db| db.wish(&wishes, true, now)).await?;
                self.hand.wake(alerts);
            }
            (looked, judged, told) = (Some(seen), content, Some(mark));
        }
    }
}

fn unread(what: &str) -> Unusable {
    Unusable { of_wanted: true, file: "wanted.toml".to_owned(), sentence: what.to_owned(), ..Unusable::default() }
}

fn faulty(found: &[Diagnostic]) -> Unusable {
    let first = found.first();
    Unusable {
        of_wanted: true,
        account: String::new(),
        file: "wanted.toml".to_owned(),
        line: first.map(|first| first.line),
        column: first.map(|first| first.column),
        sentence: first.map(|first| first.message.clone()).unwrap_or_default(),
        help: first.map(|first| first.help.clone()).unwrap_or_default(),
        more: found.len().saturating_sub(1),
    }
}

/// Stands for a content: the same one is told once.
fn mark(content: &Content) -> String {
    let mut hash = Sha256::new();
    hash.update("wanted");
    match content {
        Ok(text) => hash.update(text.as_deref().unwrap_or_default()),
        Err(what) => hash.update(what),
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// What the file holds, if it is the same after `wait`.
async fn settled(file: &Path, wait: Duration) -> Option<Content> {
    let look = || {
        let file = file.to_path_buf();
        aside(move || text(&file))
    };
    let first = look().await?;
    tokio::time::sleep(wait).await;
    look().await.filter(|second| *second == first)
}

/// On a thread where waiting for a disk holds no mail up.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

#[cfg(test)]
mod tests;
