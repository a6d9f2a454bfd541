//! `modori sweep`: sorts what already lies in the mailboxes.

use super::args::{Format, Sweep};
use super::{Failure, render, setup};
use crate::edge::hand::{HandLock, LockError};
use crate::engine::sweep::{Acting, Swept};
use crate::engine::{Engine, Mailbox};
use jiff::Timestamp;
use std::path::Path;
use std::time::Duration;

/// Sweeps each mailbox; waits until everything is filed, by this process or by a running `watch`.
pub(super) fn run(arguments: &Sweep, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let config = setup::config(config, state)?;
    let store = setup::store(&config.state)?;
    let engine = setup::engine(&config, &store)?;
    let mailboxes: Vec<Mailbox> = engine
        .mailboxes
        .iter()
        .filter(|mailbox| arguments.account.as_ref().is_none_or(|name| *name == mailbox.account.name))
        .cloned()
        .collect();
    if mailboxes.is_empty() {
        let name = arguments.account.as_deref().unwrap_or_default();
        return Err(Failure::broken(format!("there is no account `{name}`")));
    }
    let hand = if arguments.dry_run {
        None
    } else {
        match HandLock::take(&config.state) {
            Ok(lock) => Some(lock),
            // a running watch has it: it does what follows
            Err(LockError::Held { .. }) => None,
            Err(error) => return Err(Failure::new(error.to_string())),
        }
    };
    let acting = match (arguments.dry_run, &hand) {
        (true, _) => Acting::DryRun,
        (false, Some(_)) => Acting::Hand,
        (false, None) => Acting::Leave,
    };
    let runtime = setup::runtime()?;
    runtime.block_on(async {
        let all = work(&engine, &mailboxes, arguments, acting);
        tokio::select! {
            ended = all => ended,
            () = super::watch::stopped() => Err(Failure::new("stopped; what was begun is finished at the next start")),
        }
    })?;
    if !arguments.dry_run {
        runtime.block_on(corrections(&engine, &mailboxes));
    }
    if config.policy.observe && !arguments.dry_run {
        anstream::eprintln!("observing only: nothing was moved; write mode = \"move\" under [filing] to file mail");
    }
    Ok(())
}

async fn work(engine: &Engine, mailboxes: &[Mailbox], arguments: &Sweep, acting: Acting) -> Result<(), Failure> {
    let failed = |error: crate::engine::EngineError| Failure::new(error.to_string());
    let began = engine.clock.now();
    let sweeps = async {
        let mut unswept = Vec::new();
        for mailbox in mailboxes {
            let swept = match one(engine, mailbox, arguments, acting).await {
                Ok(swept) => swept,
                // the trouble of one account keeps no other from being swept
                Err(failure) => {
                    unswept.push(failure.what);
                    continue;
                }
            };
            if arguments.format == Format::Text {
                anstream::println!("{}", render::swept(mailbox, &swept, acting));
            } else if acting != Acting::DryRun {
                anstream::println!("{}", render::swept_json(mailbox, &swept));
            }
        }
        if acting == Acting::Hand {
            engine.tell_what_a_sweep_kept_back().await.map_err(failed)?;
        }
        Ok::<Result<(), Failure>, Failure>(if unswept.is_empty() {
            Ok(())
        } else {
            Err(Failure::new(unswept.join("\n")))
        })
    };
    match acting {
        Acting::DryRun => sweeps.await?,
        Acting::Hand => {
            engine.hand.recover().await.map_err(|error| failed(error.into()))?;
            // the hand files while the sweep still reads, and goes on until nothing is left
            let swept = engine.hand.work_beside(sweeps).await.map_err(|error| failed(error.into()))??;
            left_over(engine, began).await.and(swept)
        }
        Acting::Leave => {
            let swept = sweeps.await?;
            wait_for_the_other(engine).await?;
            left_over(engine, began).await.and(swept)
        }
    }
}

/// Looks for mails that were moved by hand. The sweep is done: trouble here is told and no more.
async fn corrections(engine: &Engine, mailboxes: &[Mailbox]) {
    for mailbox in mailboxes {
        if let Err(error) = engine.look_for_corrections(mailbox).await {
            tracing::warn!("not looked for mails that were moved by hand: {error}");
        }
    }
    let found = engine.store.call(|db| db.corrections()).await.map_or(0, |found| found.len());
    if found > 0 {
        anstream::eprintln!(
            "{} moved by hand; `modori corrections` shows what to make of it",
            render::count(found, "mail")
        );
    }
}

async fn one(engine: &Engine, mailbox: &Mailbox, arguments: &Sweep, acting: Acting) -> Result<Swept, Failure> {
    let bar = render::bar("mails");
    let json = arguments.format == Format::Json && acting == Acting::DryRun;
    let swept = engine
        .sweep(
            mailbox,
            acting,
            |planned| {
                if acting == Acting::DryRun {
                    bar.suspend(|| {
                        if json {
                            anstream::println!("{}", render::planned_json(planned));
                        } else if planned.folder.is_some() {
                            anstream::println!("{}", render::planned(planned));
                        }
                    });
                }
            },
            |progress| {
                bar.set_length(u64::try_from(progress.all).unwrap_or(u64::MAX));
                bar.set_position(u64::try_from(progress.done).unwrap_or(u64::MAX));
            },
        )
        .await
        .map_err(|error| Failure::new(error.to_string()));
    bar.finish_and_clear();
    swept
}

/// Another process holds the hand: it is given time, as long as it gets on.
pub(super) async fn wait_for_the_other(engine: &Engine) -> Result<(), Failure> {
    let mut last = u32::MAX;
    let mut still = 0;
    while still < 300 {
        // what is kept back waits for its time, not for the other's work
        let open = engine.store.call(|db| Ok((db.open_rows()?, db.kept_back()?.len()))).await;
        let (open, kept) = open.map_err(|error| Failure::new(error.to_string()))?;
        if usize::try_from(open).is_ok_and(|open| open <= kept) {
            return Ok(());
        }
        still = if open == last { still + 1 } else { 0 };
        last = open;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

pub(super) async fn left_over(engine: &Engine, since: Timestamp) -> Result<(), Failure> {
    let left =
        engine.store.call(move |db| db.left_over(since)).await.map_err(|error| Failure::new(error.to_string()))?;
    let (text, bad) = render::left_over(&left);
    if !text.is_empty() {
        anstream::eprintln!("{text}");
    }
    if bad {
        Err(Failure::new("not everything could be done; the messages concerned stay where they are"))
    } else {
        Ok(())
    }
}
