//! `modori watch`: until Ctrl-C or SIGTERM.

use super::{Failure, setup};
use crate::edge::hand::HandLock;
use crate::edge::systemd::Systemd;
use crate::engine::{Surroundings, own_addresses};
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;

/// Watches the configured mailboxes.
pub(super) fn run(config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let file = config;
    let config = setup::config(file, state)?;
    // before the database is opened, which may bring it up to date: not under an older watch that is at work with it
    let _hand = HandLock::take(&config.state).map_err(|error| Failure::new(error.to_string()))?;
    let store = setup::store(&config.state)?;
    let engine = setup::engine(&config, &store)?;
    if config.policy.observe {
        tracing::info!("observing only: nothing is moved until [filing] mode = \"move\"");
    }
    let runtime = setup::runtime()?;
    runtime.block_on(async {
        let around = Surroundings {
            systemd: Systemd::of_environment(),
            // a service is started by nobody in particular, and again and again
            by_hand: std::io::stdin().is_terminal(),
            settings_at: setup::changed_at(file),
            addresses: Some(own_addresses),
            config: Some(Arc::new(config.clone())),
        };
        engine.watch_in(around, stopped()).await.map_err(|error| Failure::new(error.to_string()))?;
        tracing::info!("ended");
        Ok(())
    })
}

/// Ctrl-C or SIGTERM.
pub(super) async fn stopped() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending::<()>().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
