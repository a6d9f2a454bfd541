//! How the watch fares: whether one runs, what it last proved, and what waits in the outbox.

use crate::cli::render;
use crate::cli::status;
use crate::edge::config::Config;
use crate::edge::hand::HandLock;
use crate::edge::store::{Db, StoreError};
use crate::engine::checkup::Check;
use jiff::{SignedDuration, Timestamp};

/// Something that is due and waits longer than this is stuck.
const PATIENCE: SignedDuration = SignedDuration::from_mins(15);
/// So long after its start a watch knows something of every mailbox.
const JUST_BEGUN: SignedDuration = SignedDuration::from_mins(2);

/// Proof of life and outbox, as the database tells them.
pub(super) fn checks(config: &Config, changed_at: Option<Timestamp>, now: Timestamp) -> Vec<Check> {
    let db = match Db::open_to_read(&config.state) {
        Ok(db) => db,
        Err(StoreError::Missing { .. }) => {
            let said = "not started yet: no mail is looked at";
            return vec![Check::fine("watch", said)];
        }
        // told where the database is looked over
        Err(_) => return Vec::new(),
    };
    match told(&db, config, changed_at, now) {
        Ok(checks) => checks,
        Err(error) => vec![Check::failure("outbox", error.to_string(), "see what is said of the database")],
    }
}

fn told(db: &Db, config: &Config, changed_at: Option<Timestamp>, now: Timestamp) -> Result<Vec<Check>, StoreError> {
    let (lives, watch) = (db.lives()?, db.last_watch()?);
    let holder = HandLock::holder(&config.state);
    let pid = watch.as_ref().map(|watch| watch.pid).filter(|pid| holder == Some(Some(*pid)));
    let mut checks = Vec::new();
    checks.push(match (pid, &watch) {
        (Some(pid), Some(watch)) => {
            let said = format!("runs since {} (process {pid}, modori {})", render::at(watch.began_at), watch.version);
            if watch.version == env!("CARGO_PKG_VERSION") {
                Check::fine("watch", said)
            } else {
                let said = format!("{said}; this is modori {}", env!("CARGO_PKG_VERSION"));
                Check::warning("watch", said, "start the watch again, so that it is the modori that you installed")
            }
        }
        _ => {
            let since = watch.as_ref().map(|watch| format!("; the last began {}", render::at(watch.began_at)));
            let said = format!("none runs{}: new mail is not seen", since.unwrap_or_default());
            Check::warning("watch", said, "modori watch, or the service unit of docs/operations.md")
        }
    });
    if let Some(trouble) = watch.as_ref().filter(|_| pid.is_some()).and_then(|watch| watch.rules_trouble.as_deref()) {
        let said = format!("the watch goes on with older rules: {}", render::one_line(trouble));
        checks.push(Check::warning("rules", said, "mend them; modori rules check shows the line"));
    }
    let began_at = watch.as_ref().filter(|_| pid.is_some()).map(|watch| watch.began_at);
    if let (Some(began_at), Some(changed_at)) = (began_at, changed_at)
        && changed_at > began_at
    {
        let said = format!("the configuration was changed at {}, after the watch began", render::at(changed_at));
        checks.push(Check::warning("watch", said, "start the watch again: until then it goes by the older one"));
    }
    for account in &config.accounts {
        let about = format!("account {}: proof of life", account.name);
        let seen = status::seen(account, &lives, pid.is_some(), now);
        let Some(life) = &seen.life else {
            // one that began just now has not come to it yet
            let left_out = began_at.is_some_and(|began_at| now.duration_since(began_at) > JUST_BEGUN);
            checks.push(match left_out {
                true => Check::warning(about, "not watched by the watch that runs", "start the watch again"),
                false => Check::fine(about, "never watched yet"),
            });
            continue;
        };
        let good = life.good_at.map_or_else(|| "never".to_owned(), render::at);
        checks.push(if seen.well {
            Check::fine(about, format!("seen, last proved {good}"))
        } else if pid.is_none() {
            Check::fine(about, format!("last proved {good}, by a watch that has ended"))
        } else {
            let trouble = life.trouble.as_deref().map(render::one_line).unwrap_or_default();
            let said = format!("not seen ({}), last proved {good}: {trouble}", life.reach.word());
            // whether it can be seen now is told by the login further below
            Check::warning(about, said, "see what is said of the account; modori status tells when it is tried again")
        });
    }
    checks.extend(outbox(db, now)?);
    Ok(checks)
}

fn outbox(db: &Db, now: Timestamp) -> Result<Vec<Check>, StoreError> {
    let mut checks = Vec::new();
    let lanes = db.lanes(now)?;
    let mut open = 0;
    for lane in &lanes {
        open += lane.open;
        let of = format!("outbox {} {}", lane.kind, lane.name);
        let why = lane.trouble.as_deref().map_or_else(String::new, |why| format!(": {}", render::one_line(why)));
        if let Some(oldest) = lane.oldest.filter(|oldest| now.duration_since(*oldest) > PATIENCE) {
            let said = format!("{} waits since {}{why}", lane.open, render::at(oldest));
            let remedy =
                "a running watch works it off; if one runs, mend what the reason names (modori status, modori history)";
            checks.push(Check::warning(of.clone(), said, remedy));
        }
        if lane.given_up > 0 {
            let said = format!("{} given up within a day{why}", lane.given_up);
            checks.push(Check::warning(of, said, "modori history shows which and why"));
        }
    }
    for one in db.unknown_letters()? {
        let order = &one.letter.order;
        let said = format!("it is not known whether the letter about {order} was sent ({})", render::at(one.at));
        let remedy = format!("look into your folder of sent mail, and say so: modori letter {order} (--help)");
        checks.push(Check::warning("letters", said, remedy));
    }
    if checks.is_empty() {
        let said = match open {
            0 => "nothing waits".to_owned(),
            open => format!("{} under way, none late", render::count(open as usize, "effect")),
        };
        checks.push(Check::fine("outbox", said));
    }
    Ok(checks)
}
