//! Renewals that are under way: a program that ends waits for them, as an answer that nobody keeps may be the only one.

use std::sync::LazyLock;
use std::time::Duration;
use tokio::sync::watch;

/// So long is waited for them: longer than a provider has for its answer, and what came is kept.
const PATIENCE: Duration = Duration::from_secs(35);

/// How many there are, in the whole program.
static UNDER_WAY: LazyLock<watch::Sender<usize>> = LazyLock::new(|| watch::channel(0).0);

/// One of them, until dropped.
pub(super) struct Flight(());

impl Flight {
    pub(super) fn begin() -> Self {
        UNDER_WAY.send_modify(|count| *count += 1);
        Self(())
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        UNDER_WAY.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// Waits until no access is being renewed, for 35 s at most: at the end of a program, on the runtime that renews.
pub async fn landed() {
    let mut count = UNDER_WAY.subscribe();
    if *count.borrow_and_update() == 0 {
        return;
    }
    tracing::info!("access is being renewed: its answer is waited for, {} s at most", PATIENCE.as_secs());
    let none = count.wait_for(|count| *count == 0);
    if tokio::time::timeout(PATIENCE, none).await.is_err() {
        tracing::warn!(
            "access is still being renewed: if the provider ended the old token, modori login will be needed"
        );
    }
}
