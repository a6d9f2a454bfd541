//! Asks every channel and every server that sends letters whether it would let us in. No alert and no letter leaves.

use super::{Check, certificate};
use crate::edge::clock::Clock;
use crate::edge::config::{Channel, ChannelKind, Config};
use crate::edge::out::post::Post;
use crate::edge::out::{self, OutError};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// Asking takes no longer than this, whatever a channel may take for an alert.
const LIMIT: Duration = Duration::from_secs(15);

/// By how much a service's clock is ahead of ours, with its name.
pub type Ahead = (String, SignedDuration);

/// All channels, each with what is known after asking; and what their clocks say.
pub async fn channels(config: &Config, clock: &Clock) -> (Vec<Check>, Vec<Ahead>) {
    let all = config.channels.iter().map(|(name, channel)| one(name, channel, clock));
    let mut checks = Vec::new();
    let mut clocks = Vec::new();
    for (check, ahead) in join_all(all).await {
        checks.push(check);
        clocks.extend(ahead);
    }
    (checks, clocks)
}

async fn one(name: &str, channel: &Channel, clock: &Clock) -> (Check, Option<Ahead>) {
    let kind = channel.kind.name();
    let about = format!("channel {name}: reached");
    let limited = Channel { timeout: channel.timeout.min(LIMIT), keep_warm: None, ..channel.clone() };
    let ready = out::channels(&BTreeMap::from([(name.to_owned(), limited)]), clock);
    let asked = async {
        let ready = ready?;
        let Some(ready) = ready.get(name) else { return Err(nothing()) };
        let before = clock.now();
        let probe = ready.probe().await?;
        Ok((probe, before, clock.now()))
    };
    let asked = tokio::time::timeout(LIMIT.saturating_mul(2), asked).await.unwrap_or_else(|_| {
        let what = format!("no answer within {} s", LIMIT.saturating_mul(2).as_secs());
        Err(OutError { what, advice: crate::edge::Advice::Again(None) })
    });
    match asked {
        Ok((probe, before, after)) => {
            let left = match probe.not_tried {
                "" => String::new(),
                left => format!("; not tried: {left}"),
            };
            let ahead = probe.date.map(|date| (format!("channel {name}"), ahead(date, before, after)));
            (Check::fine(about, format!("{kind}: {}{left}", probe.said)), ahead)
        }
        Err(error) => {
            let remedy = match &channel.kind {
                ChannelKind::Command { .. } => "mend `argv`: a whole path is surest, for a service has another PATH",
                ChannelKind::Desktop => "install it (Debian: libnotify-bin), or take the channel out",
                _ => "mend what is said, then modori alert test; docs/channels.md tells what each service wants",
            };
            (Check::failure(about, format!("{kind}: {}", error.what), remedy), None)
        }
    }
}

fn nothing() -> OutError {
    OutError { what: "it was not made ready".to_owned(), advice: crate::edge::Advice::Ask }
}

/// How far a service's clock is ahead of ours: it was read some time between these two.
fn ahead(date: Timestamp, before: Timestamp, after: Timestamp) -> SignedDuration {
    let (early, late) = (date.duration_since(before), date.duration_since(after));
    // whole seconds: it may be a second later than it says
    let late = late.saturating_add(SignedDuration::from_secs(1));
    match (early.is_negative(), late.is_negative()) {
        (true, true) => early.max(late),
        (false, false) => early.min(late),
        _ => SignedDuration::ZERO,
    }
}

/// The servers that send letters: of accounts with one of their own, and of the channel that is named for it.
pub async fn posts(config: &Config, clock: &Clock) -> Vec<Check> {
    let mut checks = Vec::new();
    for account in config.accounts.iter().filter(|account| account.smtp.is_some()) {
        let Some(mut server) = account.smtp.clone() else { continue };
        server.timeout = server.timeout.min(LIMIT);
        let about = |what: &str| format!("account {}: {what}", account.name);
        let place = format!("{}:{}", server.host, server.port);
        let had = server.login.as_ref().map(|(user, _)| user.clone());
        match Post::by(&server).enter().await {
            Ok(shown) => {
                let as_whom = had.map_or_else(|| "no login is configured".to_owned(), |user| format!("as {user}"));
                let said = format!("{place} lets in, {as_whom}; not tried: whether it takes a letter");
                checks.push(Check::fine(about("sending"), said));
                if let Some(shown) = shown {
                    checks.push(certificate::check(about("sending, certificate"), &shown, false, clock.now()));
                }
            }
            Err(error) => {
                let remedy = "mend [account.smtp]; until it works, letters wait (docs/letters-post.md)";
                checks.push(Check::failure(about("sending"), error.what, remedy));
            }
        }
    }
    checks
}

/// Clocks may be apart by this much, in seconds: HTTP tells whole seconds, and nothing here hangs on one.
const APART_S: i64 = 30;
/// From here on alerts are late or early by what a person notices, and quiet hours and hot windows are missed.
const WRONG_S: i64 = 300;

/// What to do about a wrong clock.
const SET: &str = "let the system set it (timedatectl set-ntp true; on macOS: Date & Time, set automatically)";

/// A mail that the server took in at a time that has not come yet: one of the two clocks is wrong.
pub(super) fn from_the_future(about: String, ahead: SignedDuration) -> Option<Check> {
    let said =
        || format!("the newest mail was taken in {} from now: this clock is late, or the server's early", long(ahead));
    (ahead.as_secs() > APART_S).then(|| Check::warning(about, said(), SET))
}

/// This machine's clock, against those of the services that tell theirs.
#[must_use]
pub fn clock(others: &[Ahead]) -> Check {
    let about = "clock";
    let remedy = SET;
    // one that is wrong alone is its own trouble: the one nearest to ours counts
    let nearest = others.iter().min_by_key(|(_, ahead)| ahead.abs());
    let Some((who, ahead)) = nearest else {
        return Check::fine(about, "not compared: no service told its time");
    };
    let apart = ahead.abs();
    let way = if ahead.is_negative() { "ahead of" } else { "behind" };
    let said = format!("{} {way} that of {who}", long(apart));
    match apart.as_secs() {
        0..=APART_S => Check::fine(about, format!("within {APART_S} s of that of {who}")),
        _ if apart.as_secs() <= WRONG_S => Check::warning(about, said, remedy),
        _ => Check::failure(about, said, remedy),
    }
}

fn long(apart: SignedDuration) -> String {
    match apart.as_secs() {
        seconds @ ..=119 => format!("{seconds} s"),
        seconds @ ..=7199 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::checkup::Grade;

    #[test]
    fn clocks_are_compared_with_tolerance_and_one_wrong_service_proves_nothing() {
        let at = |second: i64| Timestamp::from_second(1_780_000_000 + second).unwrap();
        // answered within a second that began before we asked
        assert_eq!(ahead(at(0), at(0), at(1)), SignedDuration::ZERO);
        assert_eq!(ahead(at(10), at(0), at(0)).as_secs(), 10);
        assert_eq!(ahead(at(-10), at(0), at(2)).as_secs(), -10);
        let of = |seconds: &[i64]| {
            let others: Vec<Ahead> =
                seconds.iter().map(|one| ("phone".to_owned(), SignedDuration::from_secs(*one))).collect();
            clock(&others)
        };
        for (seconds, grade) in [
            (&[0][..], Grade::Fine),
            (&[-30], Grade::Fine),
            (&[31], Grade::Warning),
            (&[-300], Grade::Warning),
            (&[-301], Grade::Failure),
            (&[9000, 2], Grade::Fine),
            (&[9000, -9000], Grade::Failure),
        ] {
            assert_eq!(of(seconds).grade, grade, "{seconds:?}: {}", of(seconds).said);
        }
        assert!(of(&[-400]).said.contains("6 min ahead of that of phone"), "{}", of(&[-400]).said);
        assert_eq!(clock(&[]).grade, Grade::Fine);
        let newest = |seconds: i64| from_the_future("x".into(), SignedDuration::from_secs(seconds)).is_some();
        assert_eq!((newest(-5000), newest(30), newest(600)), (false, false, true));
    }
}
