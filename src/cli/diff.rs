//! `modori rules diff`: what the rules as they are now would change on old mail, and carrying it out.

use super::args::{DiffRules, Format};
use super::{Failure, mails, render, setup, sweep};
use crate::calendar;
use crate::edge::hand::{HandLock, LockError};
use crate::engine::backtest::{Change, Looked, Span};
use crate::engine::{Engine, pure};
use crate::mail::Reading;
use crate::plan::Way;
use crate::plan::on_backtest::differs;
use crate::rules::{Known, RuleSet, Verdict};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;

/// Compares; with `--apply` files what changed.
pub(super) fn run(arguments: &DiffRules, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let span = Span {
        since: instant(&arguments.since, false)?,
        until: arguments.until.as_deref().map(|until| instant(until, true)).transpose()?,
    };
    let against = match arguments.against.as_deref() {
        None => RuleSet::shipped(),
        Some(folder) => setup::rules(setup::rules_folder(Some(folder), None)?.as_deref())?,
    };
    if !arguments.from.is_empty() {
        return files(arguments, config, span, &against);
    }
    let config = setup::config(config, state)?;
    let store = setup::store(&config.state)?;
    let engine = setup::engine(&config, &store)?;
    if arguments.account.as_ref().is_some_and(|name| !engine.mailboxes.iter().any(|one| one.account.name == *name)) {
        let name = arguments.account.as_deref().unwrap_or_default();
        return Err(Failure::broken(format!("there is no account `{name}`")));
    }
    let runtime = setup::runtime()?;
    runtime.block_on(async {
        let work = async {
            let (changes, looked, unread) = compare(&engine, arguments, span, &against).await?;
            show(&changes, looked, arguments.format);
            if arguments.apply {
                apply(&engine, &config.state, &changes, arguments.yes).await?;
            }
            if unread.is_empty() { Ok(()) } else { Err(Failure::new(unread.join("\n"))) }
        };
        tokio::select! {
            ended = work => ended,
            () = super::watch::stopped() => Err(Failure::new("stopped; what was begun is finished at the next start")),
        }
    })
}

async fn compare(
    engine: &Engine,
    arguments: &DiffRules,
    span: Span,
    against: &RuleSet,
) -> Result<(Vec<Change>, Looked, Vec<String>), Failure> {
    let (mut changes, mut all, mut unread) = (Vec::new(), Looked::default(), Vec::new());
    for mailbox in &engine.mailboxes {
        if arguments.account.as_ref().is_some_and(|name| *name != mailbox.account.name) {
            continue;
        }
        let bar = render::bar("mails");
        let looked = async {
            // where the shopper moved what comes first: that is left alone
            engine.look_for_corrections(mailbox).await?;
            engine
                .backtest(
                    mailbox,
                    span,
                    against,
                    |change| changes.push(change),
                    |done, of| {
                        bar.set_length(u64::try_from(of).unwrap_or(u64::MAX));
                        bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
                    },
                )
                .await
        }
        .await;
        bar.finish_and_clear();
        let looked = match looked {
            Ok(looked) => looked,
            // the trouble of one account keeps no other from being looked at
            Err(error) => {
                unread.push(error.to_string());
                continue;
            }
        };
        all.seen += looked.seen;
        all.same += looked.same;
        all.poison += looked.poison;
    }
    Ok((changes, all, unread))
}

fn show(changes: &[Change], looked: Looked, format: Format) {
    match format {
        Format::Json => changes.iter().for_each(|change| anstream::println!("{}", sheet(change))),
        Format::Text => {
            if !changes.is_empty() {
                anstream::println!("{}", render::changes(changes));
            }
            anstream::println!(
                "{} looked at, {} as before, {} otherwise{}",
                render::count(looked.seen, "mail"),
                looked.same,
                changes.len(),
                if looked.poison > 0 { format!(", {} not understood", looked.poison) } else { String::new() }
            );
        }
    }
}

async fn apply(engine: &Engine, state: &Path, changes: &[Change], yes: bool) -> Result<(), Failure> {
    let moves = changes.iter().filter(|change| matches!(change.way, Way::To(_))).count();
    if moves == 0 {
        anstream::eprintln!("nothing to move");
        return Ok(());
    }
    if engine.policy.observe {
        return Err(Failure::new("observing only: write mode = \"move\" under [filing] to file mail"));
    }
    if !yes && !agreed(moves)? {
        anstream::eprintln!("nothing was moved");
        return Ok(());
    }
    let hand = match HandLock::take(state) {
        Ok(lock) => Some(lock),
        // a running watch has it: it does what follows
        Err(LockError::Held { .. }) => None,
        Err(error) => return Err(Failure::new(error.to_string())),
    };
    let failed = |error: String| Failure::new(error);
    let began = engine.clock.now();
    if hand.is_some() {
        engine.hand.recover().await.map_err(|error| failed(error.to_string()))?;
    }
    let batch = format!("diff-{}", calendar::civil(engine.clock.now()).strftime("%Y%m%dT%H%M%S"));
    let entered = engine.apply(changes, &batch, hand.is_some()).await.map_err(|error| failed(error.to_string()))?;
    anstream::eprintln!("moving {}; `modori undo --batch {batch}` takes it back", render::count(entered, "mail"));
    match hand {
        Some(_) => engine.hand.work_until_idle().await.map_err(|error| failed(error.to_string()))?,
        None => sweep::wait_for_the_other(engine).await?,
    }
    sweep::left_over(engine, began).await
}

/// Asks on the terminal; without one, nobody agreed.
fn agreed(moves: usize) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::broken(format!("{} would be moved; --yes agrees to it", render::count(moves, "mail"))));
    }
    anstream::eprint!("move {}? [y/N] ", render::count(moves, "mail"));
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(|error| Failure::new(format!("standard input: {error}")))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "はい"))
}

/// Old mail from files: nothing is known of it but the mails themselves, so orders are collected before anything is judged.
fn files(arguments: &DiffRules, config: Option<&Path>, span: Span, against: &RuleSet) -> Result<(), Failure> {
    if arguments.apply {
        return Err(Failure::broken("--apply files mail in a mailbox; mail from files is only compared"));
    }
    let setup = setup::quiet(config, arguments.rules.as_deref(), &[], arguments.account.as_deref())?;
    let mut known = Known { own_addresses: setup.own_addresses.clone(), ..Known::default() };
    let inside = |received: Timestamp| received >= span.since && span.until.is_none_or(|until| received <= until);
    let mut orders: std::collections::BTreeMap<_, crate::rules::KnownOrder> = std::collections::BTreeMap::new();
    for found in mails::all(&arguments.from).flatten() {
        let reading = Reading { received: found.received, size: found.size, authserv_ids: &setup.authserv_ids };
        let Ok((mail, facts)) = pure::read(&setup.rules, &found.bytes, &reading) else { continue };
        for event in crate::ledger::events(&mail, &facts) {
            if let Some(order) = &event.order {
                let cancelled = crate::ledger::is_cancelled(order, std::slice::from_ref(&event));
                orders.entry(order.clone()).or_default().cancelled |= cancelled;
            }
        }
    }
    let (mut seen, mut changed, mut same, mut unread) = (0_usize, Vec::new(), 0_usize, 0_usize);
    for found in mails::all(&arguments.from) {
        let Ok(found) = found else {
            unread += 1;
            continue;
        };
        if !inside(found.received) {
            continue;
        }
        seen += 1;
        let reading = Reading { received: found.received, size: found.size, authserv_ids: &setup.authserv_ids };
        let judged = |rules: &RuleSet, known: &mut Known| -> Option<(Verdict, String, String)> {
            let (mail, facts) = pure::read(rules, &found.bytes, &reading).ok()?;
            let named = facts.order_numbers.iter().map(|found| found.value.clone());
            known.orders = named.filter_map(|order| Some((order.clone(), orders.get(&order)?.clone()))).collect();
            let from = if mail.from.name.is_empty() { mail.from.addr.clone() } else { mail.from.name.clone() };
            Some((pure::judge(rules, &mail, &facts, known).ok()?, from, mail.subject.raw.clone()))
        };
        match (judged(against, &mut known), judged(&setup.rules, &mut known)) {
            (Some((before, ..)), Some((after, from, subject))) if differs(&before, &after) => {
                changed.push((found.label.clone(), found.received, from, subject, before, after));
            }
            (Some(_), Some(_)) => same += 1,
            _ => unread += 1,
        }
    }
    if arguments.format == Format::Json {
        for (file, received, from, subject, before, after) in &changed {
            let told = json!({
                "file": file, "received": calendar::rfc3339(*received), "from": from, "subject": subject,
                "before": side(before), "after": side(after),
            });
            anstream::println!("{told}");
        }
    } else {
        if !changed.is_empty() {
            anstream::println!("{}", render::changed_files(&changed));
        }
        let otherwise = changed.len();
        let rest = if unread > 0 { format!(", {unread} could not be read") } else { String::new() };
        anstream::println!("{} looked at, {same} as before, {otherwise} otherwise{rest}", render::count(seen, "mail"));
    }
    Ok(())
}

fn side(verdict: &Verdict) -> Value {
    json!({ "category": verdict.category, "folder": verdict.folder, "rule": verdict.rule })
}

fn sheet(change: &Change) -> Value {
    let (to, stays) = match &change.way {
        Way::To(folder) => (Some(folder), None),
        Way::Stays(why) => (None, Some(why)),
    };
    json!({
        "account": change.place.account, "mailbox": change.place.mailbox, "uid": change.place.uid,
        "mail": change.key.hex(), "received": calendar::rfc3339(change.received), "from": change.from,
        "subject": change.subject, "before": side(&change.before), "after": side(&change.after), "moves_to": to,
        "stays": stays,
    })
}

/// `2026-11-01`, or a whole instant. A day is that of Tokyo; as an end it is meant to its last second.
pub(super) fn instant(text: &str, end: bool) -> Result<Timestamp, Failure> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    let time = if end { "T23:59:59+09:00" } else { "T00:00:00+09:00" };
    format!("{text}{time}")
        .parse()
        .map_err(|_| Failure::broken(format!("`{text}` is no day; write 2026-11-01 or 2026-11-01T10:00:00+09:00")))
}
