//! A bell that many sessions listen for. They hear it in the order in which they began to listen: tokio's own watch
//! channel wakes its listeners in an order drawn by chance, and a simulation must repeat exactly.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;

/// The bell.
#[derive(Clone, Default)]
pub(super) struct Bell(Arc<Rung>);

#[derive(Default)]
struct Rung {
    times: AtomicU64,
    notify: Notify,
}

/// One who listens, from when it was made on.
pub(super) struct Ear {
    bell: Bell,
    heard: u64,
}

impl Bell {
    pub(super) fn ring(&self) {
        self.0.times.fetch_add(1, Ordering::AcqRel);
        self.0.notify.notify_waiters();
    }

    pub(super) fn ear(&self) -> Ear {
        Ear { bell: self.clone(), heard: self.0.times.load(Ordering::Acquire) }
    }
}

impl Ear {
    /// Answers when it rang since this was last answered. May be dropped and asked again.
    pub(super) async fn rung(&mut self) {
        loop {
            // made before the look: what rings between the two is not missed
            let next = self.bell.0.notify.notified();
            let times = self.bell.0.times.load(Ordering::Acquire);
            if times != self.heard {
                self.heard = times;
                return;
            }
            next.await;
        }
    }
}
