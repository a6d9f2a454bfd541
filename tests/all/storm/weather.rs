//! Carries a schedule out: what others do with the mailboxes is written down for the oracle.

use super::mails::letters;
use super::schedule::{Deed, Meddling, Schedule};
use super::world::{KEEP, Message, World};
use jiff::SignedDuration;
use modori::demo::Gap;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// How often what struck.
pub type Struck = BTreeMap<String, u64>;

/// A storm that rages over a world.
#[derive(Clone)]
pub struct Weather {
    pub world: World,
    pub struck: Arc<Mutex<Struck>>,
    over: Arc<AtomicBool>,
}

impl Weather {
    pub fn over_world(world: World) -> Self {
        Self { world, struck: Arc::default(), over: Arc::default() }
    }

    /// Whether nothing goes wrong any more.
    pub fn is_calm(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    pub fn count(&self, what: impl Into<String>) {
        *self.struck.lock().unwrap().entry(what.into()).or_default() += 1;
    }

    /// From the first deed to the calm after the last.
    pub async fn rage(&self, schedule: &Schedule) {
        let start = tokio::time::Instant::now();
        for (at, deed) in &schedule.deeds {
            tokio::time::sleep_until(start + *at).await;
            self.happen(deed, "");
        }
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        self.world.server.clear_faults();
        self.world.server.set_down(false);
        self.world.disk.mend();
        self.world.phone.calm();
        self.world.note("calm");
        self.over.store(true, Ordering::Relaxed);
    }

    /// What lies there before the program first starts.
    pub fn prepare(&self, schedule: &mut Schedule) {
        self.world.server.create(KEEP, None);
        let first = schedule.deeds.iter().take_while(|(at, _)| at.is_zero()).count();
        for (_, deed) in schedule.deeds.drain(..first) {
            self.happen(&deed, "");
        }
    }

    fn happen(&self, deed: &Deed, when: &str) {
        let world = &self.world;
        let server = &world.server;
        world.note(format_args!("{when}{deed:?}"));
        match deed {
            Deed::Deliver { letter, folder, flags } => {
                world.deliver(*letter, folder.as_deref().unwrap_or("INBOX"), flags);
            }
            Deed::Strike(command, fault) => server.fault(command, fault.clone()),
            Deed::CutWriting(bytes) => server.cut_after_writing(*bytes),
            Deed::CutReading(bytes) => server.cut_after_reading(*bytes),
            Deed::CutAll => {
                self.count("all connections cut");
                server.cut_all();
            }
            Deed::Down(down) => {
                if *down {
                    self.count("server down");
                }
                server.set_down(*down);
            }
            Deed::Lurk(command, gap, deed) => {
                let (weather, command, gap, deed) = (self.clone(), *command, *gap, deed.clone());
                server.lie_in_wait(command, gap, move || {
                    weather.count(match (command, gap, &*deed) {
                        ("IDLE", Gap::Before, Deed::Deliver { .. }) => "EXISTS between IDLE and its +",
                        ("IDLE", Gap::AfterPlus, Deed::Deliver { .. }) => "EXISTS between + and DONE",
                        ("IDLE", Gap::AtDone, Deed::Deliver { .. }) => "EXISTS between DONE and its OK",
                        ("FETCH", _, Deed::Deliver { .. }) => "EXISTS in the middle of a FETCH",
                        ("MOVE" | "COPY" | "STORE" | "EXPUNGE", _, Deed::Meddle(..)) => {
                            "another client, in the middle of filing"
                        }
                        ("MOVE" | "COPY" | "STORE" | "EXPUNGE", _, Deed::Renumber(_)) => {
                            "UIDVALIDITY change, in the middle of filing"
                        }
                        ("MOVE" | "COPY" | "STORE" | "EXPUNGE", _, Deed::Drop(..)) => {
                            "folder vanishes, in the middle of filing"
                        }
                        _ => "another client, in the middle of a command",
                    });
                    if let ("FETCH", Gap::Within, Deed::Renumber(folder)) = (command, gap, &*deed) {
                        weather.redate(folder, |_| true);
                    }
                    weather.happen(&deed, &format!("at {command}, {gap:?}: "));
                });
            }
            Deed::Meddle(pick, meddling) => self.meddle(*pick, meddling),
            Deed::Renumber(folder) => {
                if server.uid_validity(folder).is_some() {
                    self.count(if folder == "INBOX" {
                        "UIDVALIDITY change of INBOX"
                    } else {
                        "UIDVALIDITY change of a target"
                    });
                    server.renumber(folder);
                    if world.redates {
                        self.count("UIDVALIDITY change, with new dates of receipt");
                        let now = world.clock.now();
                        server.redate(folder, now);
                        self.redate(folder, |message| message.received == now.as_second());
                    }
                }
            }
            Deed::Drop(folder, again) => self.drop_folder(folder, *again),
            Deed::RefuseCommits(count) => world.disk.refuse(*count),
            Deed::LoseCommit => world.disk.lose_answer(),
            Deed::Full(full) => world.disk.fill(*full),
            Deed::Phone(trouble) => world.phone.trouble(*trouble),
            Deed::Jump(seconds) => {
                self.count(if *seconds < 0 { "clock set back" } else { "clock set ahead" });
                world.clock.set_on(SignedDuration::from_secs(*seconds));
            }
        }
    }

    /// INBOX gives new dates, and these have theirs already.
    fn redate(&self, folder: &str, already: impl Fn(&Message) -> bool) {
        let world = &self.world;
        if !world.redates || folder != "INBOX" {
            return;
        }
        for message in world.messages.lock().unwrap().iter_mut() {
            let lies = world.places(&message.bytes).iter().any(|(lies, ..)| lies == folder);
            message.newly_dated |= lies && already(message);
        }
    }

    fn drop_folder(&self, folder: &str, again: bool) {
        let world = &self.world;
        if world.server.uid_validity(folder).is_none() {
            return;
        }
        self.count("folder vanishes");
        for message in world.messages.lock().unwrap().iter_mut() {
            if world.places(&message.bytes).iter().any(|(lies, ..)| lies == folder) {
                message.removed = true;
            }
        }
        world.server.delete(folder);
        if again {
            self.count("folder vanishes and comes again");
            world.server.create(folder, None);
        }
    }

    fn meddle(&self, pick: usize, meddling: &Meddling) {
        let (world, server) = (&self.world, &self.world.server);
        let mut messages = world.messages.lock().unwrap();
        let all: Vec<(usize, Vec<_>)> =
            (0..).zip(messages.iter()).map(|(at, message)| (at, world.places(&message.bytes))).collect();
        let live: Vec<&(usize, Vec<_>)> = all.iter().filter(|(_, places)| !places.is_empty()).collect();
        let in_inbox = |(at, places): &&&(usize, Vec<(String, u32, _)>)| {
            places.iter().any(|(folder, ..)| folder == "INBOX") && letters()[messages[*at].letter].folder != "INBOX"
        };
        let wanted: Vec<&(usize, Vec<_>)> = live.iter().filter(in_inbox).copied().collect();
        let among = if wanted.is_empty() || pick.is_multiple_of(4) { &live } else { &wanted };
        let Some((at, places)) = among.get(pick % among.len().max(1)) else { return };
        let message = &mut messages[*at];
        let (folder, uid, flags) = &places[pick / 7 % places.len()];
        let twice = places.len() > 1;
        // a copy that was taken away before is no half of ours any more
        let half = places.len() > 1 + message.halves + message.copies;
        let own = letters()[message.letter].folder.clone();
        let target = match meddling {
            Meddling::Keep => Some(KEEP.to_owned()),
            Meddling::Ahead => Some(own),
            Meddling::Back => Some("INBOX".to_owned()),
            _ => None,
        };
        let done = match (meddling, target) {
            (_, Some(target)) => {
                if server.uid_validity(&target).is_none() {
                    server.create(&target, None);
                }
                if *folder == target || server.relocate(folder, *uid, &target).is_none() {
                    return;
                }
                message.put = Some(target);
                message.split |= twice;
                message.halves += usize::from(half);
                "another client moves"
            }
            (Meddling::Copy, _) => {
                server.copy(folder, *uid, KEEP);
                message.copies += 1;
                "another client copies"
            }
            (Meddling::Flag(flag, true), _) => {
                server.flag(folder, *uid, flag, true);
                message.set.insert((*flag).to_owned());
                // on top of our mark, or in the place of one that we are about to take back: nobody can tell them apart
                let ours = *flag == "\\Deleted"
                    && folder == "INBOX"
                    && server.marked().iter().any(|bytes| Arc::ptr_eq(bytes, &message.bytes));
                if !twice && !ours {
                    message.kept.insert((*flag).to_owned());
                }
                "another client sets flags"
            }
            (Meddling::Flag(flag, false), _) => {
                server.flag(folder, *uid, flag, false);
                message.kept.remove(*flag);
                "another client takes flags off"
            }
            _ => {
                server.expunge(folder, *uid);
                message.removed = true;
                message.split |= twice;
                message.halves += usize::from(half);
                "another client expunges"
            }
        };
        world.note(format_args!(
            "    {done}: {} from {folder} ({uid}, {flags:?}){}",
            letters()[message.letter].name,
            if twice { ", which lay at two places" } else { "" }
        ));
        self.count(done);
    }

    /// Everything that struck, with what server, disk and phone counted.
    pub fn tally(&self, schedule: &Schedule) -> Struck {
        let mut all = self.struck.lock().unwrap().clone();
        let mut add = |what: String, count: u64| *all.entry(what).or_default() += count;
        for ((fault, command), count) in self.world.server.struck_at() {
            add(format!("{fault}, any command"), count);
            let particular = matches!(
                (fault, command.as_str()),
                ("answer lost", "MOVE" | "COPY" | "STORE" | "EXPUNGE")
                    | ("half done" | "nothing done", "MOVE" | "COPY")
                    | ("refused", "AUTHENTICATE")
            );
            if particular {
                add(format!("{fault}: {command}"), count);
            }
        }
        for (what, count) in self.world.server.struck() {
            if what.starts_with("cut while") {
                add(format!("{what}, at any byte"), count);
            }
        }
        for (what, count) in self.world.phone.struck() {
            add(what.to_owned(), count);
        }
        let [refused, lost, full] = self.world.disk.struck();
        add("disk: commit refused".to_owned(), refused.into());
        add("disk: commit kept, error reported".to_owned(), lost.into());
        add("disk: full".to_owned(), full.into());
        for capability in &schedule.withdrawn {
            add(format!("server without {capability}"), 1);
        }
        all
    }
}
