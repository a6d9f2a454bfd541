//! Answers that are lost or lie, and a shopper who relabels at that very moment.

use super::world::{ALL, EACH, KEEP, RESTOCK, STARRED, TRASH, Watched, World, in_time, samples};
use modori::demo::{Fault, Gap, Server};
use std::collections::BTreeSet;
use std::time::Duration;

const COMMANDS: [&str; 11] =
    ["MOVE", "COPY", "STORE", "FETCH", "SEARCH", "SELECT", "EXAMINE", "LIST", "STATUS", "CREATE", "NAMESPACE"];

fn faults() -> Vec<Fault> {
    vec![
        Fault::Cut,
        Fault::LoseAnswer,
        Fault::Refuse("[UNAVAILABLE] not now".to_owned()),
        Fault::Refuse("no".to_owned()),
        Fault::OnlySayOk,
        Fault::Double,
        Fault::Withhold,
        Fault::Bye,
        Fault::Hang,
        Fault::Mute,
        Fault::Delay(Duration::from_secs(100)),
    ]
}

#[test]
fn no_single_fault_changes_what_becomes_of_it() {
    let run = |watched: Watched, fault: Option<(&str, Fault, bool)>| {
        in_time(async {
            let world = World::with_story(watched);
            if let Some((command, fault, first)) = fault {
                let (server, name) = (world.server.clone(), command.to_owned());
                if first {
                    server.fault(command, fault);
                } else {
                    world.server.lie_in_wait(command, Gap::After, move || server.fault(&name, fault));
                }
            }
            world.live().await;
            let truth = world.truth().await;
            (truth, world.server.struck().values().sum::<u64>())
        })
    };
    let mut struck = 0;
    for watched in EACH {
        let (calm, _) = run(watched, None);
        for command in COMMANDS {
            for fault in faults() {
                // a FETCH that says OK and nothing else says that the messages are gone
                if fault == Fault::OnlySayOk && !matches!(command, "MOVE" | "COPY" | "STORE") {
                    continue;
                }
                let often = matches!(command, "MOVE" | "COPY" | "STORE" | "FETCH");
                for first in [true, false].into_iter().filter(|first| *first || often) {
                    let (truth, once) = run(watched, Some((command, fault.clone(), first)));
                    assert_eq!(truth, calm, "{watched:?} {command} {fault:?} {first}");
                    struck += once;
                }
            }
        }
        for (command, fault) in
            [("MOVE", Fault::CopyOnly), ("MOVE", Fault::Partly), ("COPY", Fault::Partly), ("STORE", Fault::Partly)]
        {
            let (truth, once) = run(watched, Some((command, fault.clone(), true)));
            assert_eq!(truth, calm, "{watched:?} {command} {fault:?}");
            struck += once;
        }
    }
    assert!(struck > 200, "only {struck} faults struck");
}

/// One restock mail; the shopper does something when `command` is at `gap`, and that command's answer may be lost.
fn meddled(watched: Watched, at: (&str, Gap), fault: Option<Fault>, deed: fn(&Server)) -> (BTreeSet<String>, bool) {
    in_time(async {
        let mut world = World::empty(watched);
        world.server.deliver("INBOX", &samples()[0].bytes, super::world::start());
        world.mails = 1;
        let server = world.server.clone();
        world.server.lie_in_wait(at.0, at.1, move || deed(&server));
        fault.into_iter().for_each(|fault| world.server.fault(at.0, fault));
        world.live().await;
        let rows = world.store.call(|db| db.outbox()).await.unwrap();
        let by_someone = |why: &str| why.contains("someone else");
        let moved = rows.iter().any(|row| row.last_error.as_deref().is_some_and(by_someone));
        (world.views_of(&samples()[0].bytes), moved)
    })
}

fn views(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn number(server: &Server, mailbox: &str) -> Option<u32> {
    Some(server.mailboxes()[mailbox].last()?.uid)
}

#[test]
fn what_the_shopper_moves_first_stays_where_she_put_it() {
    let away = |server: &Server| {
        let uid = number(server, "INBOX").unwrap();
        server.relocate("INBOX", uid, KEEP);
    };
    for fault in [None, Some(Fault::LoseAnswer), Some(Fault::Cut)] {
        let found = meddled(Watched::Inbox, ("MOVE", Gap::Before), fault.clone(), away);
        assert_eq!(found, (views(&[ALL, KEEP]), true), "{fault:?}");
    }
    let trash = |server: &Server| {
        let uid = number(server, ALL).unwrap();
        server.relocate(ALL, uid, TRASH);
    };
    for watched in [Watched::Inbox, Watched::All] {
        let command = if watched == Watched::Inbox { "MOVE" } else { "STORE" };
        assert_eq!(meddled(watched, (command, Gap::Before), None, trash), (views(&[TRASH]), true), "{watched:?}");
    }
}

#[test]
fn what_the_shopper_brings_back_is_not_filed_again() {
    let back = |server: &Server| {
        let uid = number(server, RESTOCK).unwrap();
        server.relocate(RESTOCK, uid, "INBOX");
    };
    let (found, _) = meddled(Watched::Inbox, ("MOVE", Gap::After), Some(Fault::LoseAnswer), back);
    assert_eq!(found, views(&[ALL, "INBOX"]));
}

#[test]
fn labels_of_the_shoppers_own_stay_on() {
    let keep = |server: &Server| {
        let uid = number(server, ALL).unwrap();
        server.copy(ALL, uid, KEEP);
        server.flag(ALL, uid, "\\Flagged", true);
    };
    for watched in EACH {
        let commands: &[&str] = if watched == Watched::All { &["COPY", "STORE"] } else { &["MOVE"] };
        for (command, gap) in commands.iter().flat_map(|command| [(*command, Gap::Before), (*command, Gap::After)]) {
            for fault in [None, Some(Fault::LoseAnswer)] {
                let (found, moved) = meddled(watched, (command, gap), fault.clone(), keep);
                assert_eq!(found, views(&[ALL, KEEP, RESTOCK, STARRED]), "{watched:?} {command} {gap:?} {fault:?}");
                assert!(!moved);
            }
        }
    }
}

#[test]
fn a_renumbered_view_is_looked_through_by_number() {
    for watched in EACH {
        let commands: &[&str] = if watched == Watched::All { &["COPY", "STORE"] } else { &["MOVE"] };
        let after = commands.iter().map(|command| (*command, Gap::After));
        for (command, gap) in after.chain([("SELECT", Gap::Before)]) {
            for mailbox in ["INBOX", ALL, RESTOCK] {
                in_time(async {
                    let world = World::with_story(watched);
                    let server = world.server.clone();
                    let before = server.uid_validity(mailbox);
                    world.server.lie_in_wait(command, gap, move || server.renumber(mailbox));
                    world.server.fault(command, Fault::LoseAnswer);
                    world.live().await;
                    assert_ne!(world.server.uid_validity(mailbox), before, "{watched:?} {command} {mailbox}");
                    super::assert_is_filed(&world.truth().await);
                });
            }
        }
    }
}
