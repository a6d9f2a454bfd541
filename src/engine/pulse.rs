//! The engine's tick: notices that the machine slept, keeps the proofs of life, and tells the service manager that every
//! lane goes round.

use super::life::Lives;
use super::{Engine, EngineError};
use crate::calendar;
use crate::edge::clock::Pulse;
use crate::edge::config::Config;
use crate::edge::systemd::Systemd;
use crate::plan::sight::{Life, Reach};
use jiff::Timestamp;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Between two ticks: sleep is noticed so long after it ended.
const TICK: Duration = Duration::from_secs(2);
/// The manager is told that the program is ready after so long at the latest, whatever the mailboxes say.
const READY_AFTER: Duration = Duration::from_secs(60);

/// The tick's own lane, and by when it comes round.
const TICKING: &str = "the engine's tick";
const ROUND: Duration = Duration::from_secs(60);

/// What surrounds a watch.
#[derive(Default)]
pub struct Surroundings {
    /// The service manager that started the program.
    pub systemd: Option<Systemd>,
    /// A person started it: what waits after a refused login is tried at once.
    pub by_hand: bool,
    /// When the configuration was last changed.
    pub settings_at: Option<Timestamp>,
    /// Tells the addresses that this machine speaks from; a change means that old connections are dead.
    pub addresses: Option<fn() -> Vec<IpAddr>>,
    /// The configuration, which says where pages are served and is shown there, how long words are kept, and where the
    /// calendar is; `None`: nothing listens, and nothing expires while it runs.
    pub config: Option<Arc<Config>>,
}

/// The addresses that this machine speaks from. Nothing is sent: the system is asked which way it would go, to addresses
/// that are kept for documentation (RFC 5737, RFC 3849).
#[must_use]
pub fn own_addresses() -> Vec<IpAddr> {
    let way = |from: &str, to: &str| {
        let socket = std::net::UdpSocket::bind(from).ok()?;
        socket.connect(to).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    [way("0.0.0.0:0", "192.0.2.1:9"), way("[::]:0", "[2001:db8::1]:9")].into_iter().flatten().collect()
}

impl Engine {
    /// Ticks for ever.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) async fn tick(&self, lives: &Lives, around: &Surroundings) -> Result<(), EngineError> {
        let begun = Instant::now();
        let mut pulse = Pulse::default();
        let mut ways = around.addresses.map(|addresses| (addresses(), None));
        let mut kept = None;
        loop {
            self.hand.promise(TICKING, ROUND);
            let now = self.clock.now();
            if let Some(jump) = pulse.look(now, begun.elapsed()) {
                tracing::info!("the clock jumped by {} s: every connection is made anew", jump.as_secs());
                lives.shake(true, now);
            } else if let (Some(addresses), Some((before, next))) = (around.addresses, &mut ways)
                && moved(addresses(), before, next)
            {
                tracing::info!("the network changed: every connection is made anew");
                lives.shake(false, now);
            }
            self.ask_again(lives).await?;
            self.keep_lives(lives, &mut kept).await?;
            let due = lives.next(self, now).map(|at| Duration::try_from(at.duration_since(now)).unwrap_or_default());
            // a moment at least: what is due and cannot be told does not make the tick spin
            let nap = due.map_or(TICK, |due| TICK.min(due.max(Duration::from_millis(20))));
            tokio::select! {
                biased;
                () = lives.changed() => {}
                () = tokio::time::sleep(nap) => {}
            }
        }
    }

    /// Tells the service manager, for ever, that the program is ready (when the mailboxes were opened or tried), how it
    /// is, and that it lives: only while every lane goes round and the database answers. Never ends.
    pub(super) async fn attend(&self, lives: &Lives, systemd: Option<&Systemd>) {
        let Some(systemd) = systemd else { return std::future::pending().await };
        let begun = Instant::now();
        let half = systemd.watchdog().map(|watchdog| watchdog / 2);
        let nap = half.map_or(TICK, |half| TICK.min(half / 2));
        let (mut ready, mut said) = (false, String::new());
        let mut asked: Option<Instant> = None;
        let mut silent = false;
        loop {
            if !ready && (lives.all_tried() || begun.elapsed() > READY_AFTER) {
                ready = true;
                systemd.ready();
            }
            let mut stuck = lives.stuck();
            stuck.extend(self.hand.stuck());
            if let Some(half) = half
                && asked.is_none_or(|asked| asked.elapsed() >= half / 2)
            {
                // the thread of the database answers, and the file takes writes
                let answer = tokio::time::timeout(half, self.store.call(|db| db.takes_writes())).await;
                silent = !matches!(answer, Ok(Ok(())));
                asked = Some(Instant::now());
                if !silent && stuck.is_empty() {
                    systemd.alive();
                }
            }
            if silent {
                stuck.push("the database".to_owned());
            }
            let status = status(&lives.now(), &stuck);
            if status != said {
                systemd.status(&status);
                if !stuck.is_empty() {
                    tracing::error!("{status}");
                }
                said = status;
            }
            tokio::time::sleep(nap).await;
        }
    }
}

/// Whether the machine speaks from another address than before. One that is gone is waited for: there is nothing to
/// connect from; and a change counts when it is seen twice, so that a network that is coming up is left alone.
fn moved(now: Vec<IpAddr>, before: &mut Vec<IpAddr>, next: &mut Option<Vec<IpAddr>>) -> bool {
    if now.is_empty() || now == *before {
        // gone and back is a change, too
        if now.is_empty() {
            before.clear();
        }
        *next = None;
        return false;
    }
    if next.as_ref() == Some(&now) {
        (*before, *next) = (now, None);
        return true;
    }
    *next = Some(now);
    false
}

fn clock(at: Timestamp) -> String {
    calendar::civil(at).strftime("%H:%M:%S").to_string()
}

/// One line for `systemctl status`; times in Tokyo.
fn status(lives: &[Life], stuck: &[String]) -> String {
    if !stuck.is_empty() {
        return format!("stuck: {}", stuck.join(", "));
    }
    let blind: Vec<String> = lives
        .iter()
        .filter(|life| life.blind_since.is_some())
        .map(|life| {
            let trouble = life.trouble.as_deref().unwrap_or("connecting");
            let since = life.blind_since.map(clock).unwrap_or_default();
            let what = if life.reach == Reach::Refused { "asks you" } else { "blind" };
            format!("{}/{} {what} since {since}: {trouble}", life.account, life.mailbox)
        })
        .collect();
    let seen = lives.len() - blind.len();
    if blind.is_empty() {
        let good = lives.iter().filter_map(|life| life.good_at).min();
        let good = good.map(clock).unwrap_or_default();
        return format!("watching {seen} of {}, last proof of life {good}", lives.len());
    }
    format!("watching {seen} of {}; {}", lives.len(), blind.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_changed_when_another_address_stays() {
        let one: IpAddr = "10.0.0.5".parse().unwrap();
        let two: IpAddr = "192.168.1.7".parse().unwrap();
        let (mut before, mut next) = (vec![one], None);
        let mut look = |now: &[IpAddr]| moved(now.to_vec(), &mut before, &mut next);
        assert!(!look(&[one]));
        assert!(!look(&[two]), "perhaps it is only coming up");
        assert!(!look(&[one]));
        assert!(!look(&[two]));
        assert!(look(&[two]));
        assert!(!look(&[two]));
        // away: nothing to connect from; back with the same address, the connections are dead all the same
        assert!(!look(&[]));
        assert!(!look(&[two]));
        assert!(look(&[two]));
        assert!(!look(&[two]));
    }
}
