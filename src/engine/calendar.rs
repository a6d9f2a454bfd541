//! The calendar file that a watch keeps: written anew when what stands in it changes.

use super::{Engine, EngineError};
use crate::edge::config;
use crate::edge::files;
use crate::plan::calendar_file::{self, Wishes};
use crate::wording::Face;
use std::path::Path;
use std::time::Duration;

/// Between two looks, however much is written meanwhile.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_secs(5);
/// Between two looks when nothing is written: a machine that slept is noticed by then.
const LOOK_EVERY: Duration = Duration::from_secs(15 * 60);

impl Engine {
    /// Keeps the file, for ever.
    ///
    /// # Errors
    /// When the database refuses. A file that cannot be written is said once, and tried again.
    pub(super) async fn keep_calendar(&self, calendar: Option<&config::Calendar>) -> Result<(), EngineError> {
        let Some((calendar, file)) = calendar.and_then(|calendar| Some((calendar, calendar.file.clone()?))) else {
            return std::future::pending().await;
        };
        let mut changes = self.store.changes();
        let mut trouble: Option<String> = None;
        loop {
            changes.borrow_and_update();
            let text = self.calendar_text(calendar.details).await?;
            let now = write(&file, text).await.err();
            match &now {
                Some(what) if trouble.as_ref() != Some(what) => {
                    tracing::error!("the calendar is not up to date: {what}")
                }
                None if trouble.is_some() => tracing::info!("the calendar is up to date again"),
                _ => {}
            }
            trouble = now;
            let now = self.clock.now();
            let midnight = Duration::try_from(calendar_file::changes_at(now).duration_since(now)).unwrap_or_default();
            let _ = tokio::time::timeout(midnight.min(LOOK_EVERY), changes.changed()).await;
            // what was just written may be an alert on its way: that comes first, and more may follow
            tokio::time::sleep(LOOK_AT_MOST_EVERY).await;
        }
    }

    async fn calendar_text(&self, details: bool) -> Result<String, EngineError> {
        let wishes = Wishes { wanted: self.rules.wishes().now(), only_wanted: self.policy.only_wanted };
        let entries = self.store.calendar(&self.ledger, &wishes, self.clock.now()).await?;
        let language = self.policy.language;
        Ok(calendar_file::write(&entries, &self.policy.wording.labels(language, Face::Calendar), language, details))
    }
}

async fn write(file: &Path, text: String) -> Result<(), String> {
    let file = file.to_path_buf();
    let written = tokio::task::spawn_blocking(move || files::keep(&file, text.as_bytes())).await;
    written.map_err(|error| error.to_string())?.map(|_| ()).map_err(|error| error.what)
}
