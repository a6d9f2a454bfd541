//! How the watch is, for people.

use super::{DIM, RED, at, count, one_line, table, whole};
use crate::cli::status::Shown;
use crate::edge::store::Health;
use crate::engine::checkup::{Check, Grade};
use crate::plan::seen::Seen;
use crate::plan::sight::Reach;
use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use std::fmt::Write as _;

const YELLOW: Style = AnsiColor::Yellow.on_default().bold();

/// `modori status`.
pub(in crate::cli) fn status(shown: &Shown) -> String {
    let mut out = String::new();
    match (shown.pid, &shown.watch) {
        (Some(pid), Some(watch)) => {
            let _ = writeln!(out, "watching since {} (process {pid}, modori {})", at(watch.began_at), watch.version);
        }
        (_, Some(watch)) => {
            let _ = writeln!(out, "{RED}no watch is running{RED:#} (the last began {})", at(watch.began_at));
        }
        (_, None) => {
            let _ = writeln!(out, "{RED}no watch is running{RED:#}, and none ever did; start one: modori watch");
        }
    }
    if shown.busy {
        let _ = writeln!(out, "another command of modori is at work");
    }
    let mut mailboxes = table(&["mailbox", "seen", "proof of life", "told by", "blind at most"]);
    for seen in &shown.mailboxes {
        let proof = seen.life.as_ref().and_then(|life| life.good_at);
        let means = seen.life.as_ref().and_then(|life| life.means.as_deref());
        mailboxes.add_row([
            format!("{}/{}", one_line(&seen.account), one_line(&seen.mailbox)),
            state(seen, shown),
            proof.map_or_else(|| "never".to_owned(), |proof| format!("{} ago", long(seconds(proof, shown.now)))),
            means.unwrap_or("-").to_owned(),
            format!("{} after a silent cut", long(i64::try_from(seen.bound_s).unwrap_or(i64::MAX))),
        ]);
    }
    let _ = writeln!(out, "\n{mailboxes}");
    for seen in shown.mailboxes.iter().filter(|seen| !seen.well) {
        if let Some(trouble) = seen.life.as_ref().and_then(|life| life.trouble.as_deref()) {
            let _ = writeln!(out, "{}/{}: {}", one_line(&seen.account), one_line(&seen.mailbox), whole(trouble));
        }
    }
    if shown.lanes.is_empty() {
        let _ = writeln!(out, "\nnothing waits to be alerted or filed");
    } else {
        let mut lanes = table(&["lane", "waiting", "oldest", "next try", "given up (24 h)", "last trouble"]);
        for lane in &shown.lanes {
            let kind = if lane.kind == "alert" { "alerts by" } else { lane.kind.as_str() };
            let next = lane.next.map_or(String::new(), |next| match seconds(shown.now, next) {
                0 => "now".to_owned(),
                wait => format!("in {}", long(wait)),
            });
            lanes.add_row([
                format!("{kind} {}", one_line(&lane.name)),
                lane.open.to_string(),
                lane.oldest.map_or(String::new(), |oldest| long(seconds(oldest, shown.now))),
                next,
                lane.given_up.to_string(),
                lane.trouble.as_deref().map(whole).unwrap_or_default(),
            ]);
        }
        let _ = writeln!(out, "\n{lanes}");
    }
    for order in &shown.doubtful {
        let _ = writeln!(out, "{YELLOW}was the letter about {order} sent?{YELLOW:#} modori letter {order}");
    }
    for (name, health) in &shown.channels {
        let _ = writeln!(out, "channel {}: {}", one_line(name), fares(health.as_ref(), shown.now));
    }
    if let (number @ 1.., told) = shown.kept_back {
        let when = told.map_or_else(|| "when there is a channel".to_owned(), |told| format!("at {}", at(told)));
        let _ = writeln!(out, "{} kept back, to be told {when}", count(number, "alert"));
    }
    if let Some(watch) = &shown.watch {
        let _ = writeln!(out, "rules: {}, in use since {}", watch.rules, at(watch.rules_at));
        if let Some(trouble) = &watch.rules_trouble {
            let _ = writeln!(out, "{RED}those saved last are not used{RED:#}: {}", whole(trouble));
        }
    }
    let left = || long(shown.hot.2.as_secs());
    let _ = match shown.hot {
        (Some(until), ..) => {
            writeln!(out, "hot until {}: mailboxes are asked all the time ({} of today left)", at(until), left())
        }
        (None, Some(next), _) => writeln!(out, "hot next at {} ({} of today left)", at(next), left()),
        (None, None, _) => Ok(()),
    };
    if let Some((web, trouble)) = shown.web.as_ref().filter(|_| shown.pid.is_some()) {
        let _ = match trouble {
            None => match &web.public_url {
                Some(url) => writeln!(out, "dashboard: {}, served on {}", one_line(url), web.listen),
                None => writeln!(out, "dashboard: served on {}", web.listen),
            },
            Some(trouble) => writeln!(out, "{RED}dashboard: {}{RED:#}", whole(trouble)),
        };
    }
    let _ = write!(out, "{DIM}database: {}{DIM:#}", shown.database);
    out
}

/// How a channel fares.
fn fares(health: Option<&Health>, now: Timestamp) -> String {
    let Some(health) = health else { return "not used yet".to_owned() };
    let Some(since) = health.failing_since else {
        return health.well_since.map_or_else(|| "ok".to_owned(), |since| format!("ok since {}", at(since)));
    };
    let next = match health.shut_until {
        Some(until) if until > now => format!("left alone, next try in {}", long(seconds(now, until))),
        Some(_) => "next try with the next alert".to_owned(),
        None => "each alert tries it".to_owned(),
    };
    let tries = usize::try_from(health.failures).unwrap_or(usize::MAX);
    let trouble = health.trouble.as_deref().map(whole).unwrap_or_default();
    format!("{RED}failing since {}{RED:#} ({}; {next}): {trouble}", at(since), count(tries, "attempt"))
}

/// `modori doctor`.
pub(in crate::cli) fn checks(checks: &[Check]) -> String {
    let mut out = String::new();
    for check in checks {
        let style = match check.grade {
            Grade::Fine => DIM,
            Grade::Warning => YELLOW,
            Grade::Failure => RED,
        };
        let _ =
            writeln!(out, "{style}{:<8}{style:#} {}: {}", check.grade.word(), whole(&check.about), whole(&check.said));
        if !check.remedy.is_empty() {
            let _ = writeln!(out, "         → {}", whole(&check.remedy));
        }
    }
    let of = |grade| checks.iter().filter(|check| check.grade == grade).count();
    let (failures, warnings) = (of(Grade::Failure), of(Grade::Warning));
    let _ = match (failures, warnings) {
        (0, 0) => write!(out, "everything is as it should be"),
        _ => write!(out, "{}, {}", count(failures, "failure"), count(warnings, "warning")),
    };
    out
}

fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_secs().max(0)
}

/// What is to be said of one mailbox.
fn state(seen: &Seen, shown: &Shown) -> String {
    let Some(life) = &seen.life else { return "not yet".to_owned() };
    let blind = seen.blind_s(shown.pid.is_some(), shown.now).map_or(String::new(), long);
    if shown.pid.is_none() {
        return format!("NO, for {blind}");
    }
    if seen.well {
        return format!("yes, since {}", at(life.since));
    }
    let next = life.not_before.map(|next| seconds(shown.now, next)).filter(|wait| *wait > 0);
    let next = next.map_or(String::new(), |wait| format!("; next try in {}", long(wait)));
    let tries = usize::try_from(life.failures).unwrap_or(usize::MAX);
    let what = match life.reach {
        Reach::Connecting => "connecting".to_owned(),
        Reach::CatchingUp => "reading what came".to_owned(),
        Reach::Watching => "no sign of life".to_owned(),
        Reach::Waiting => format!("{} failed{next}", count(tries, "attempt")),
        Reach::Refused => format!("it needs you{next}"),
    };
    format!("NO, blind for {blind}: {what}")
}

/// A length of time, in words.
fn long(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_and_what_to_do_is_never_cut() {
        let said = format!("the certificate is not trusted: {}", "because of this and that, ".repeat(20));
        let pin = "pin = \"sha256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=\"";
        let remedy = format!("{}\n  and then write\u{1b}[2J {pin}", "look at it once more, ".repeat(20));
        let text = checks(&[Check::failure("account a: login", said.clone(), remedy)]);
        assert!(text.contains(said.trim_end()), "{text}");
        assert!(text.contains(&"look at it once more, ".repeat(20)), "{text}");
        assert!(text.contains(pin), "{text}");
        let arrow = text.lines().filter(|line| line.contains('→')).collect::<Vec<_>>();
        assert!(matches!(arrow[..], [line] if line.ends_with(pin) && !line.contains('\u{1b}')), "{text}");
    }
}
