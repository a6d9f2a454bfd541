//! What the server does not say, what was begun before labels were known, and what only a view is known of.

use super::world::{ALL, RESTOCK, Watched, World, deliver, in_time, samples, start};
use modori::demo::{Fault, Gap};
use modori::edge::store::State;
use modori::engine::sweep::Acting;
use std::time::Duration;

/// With the first restock mail, which lies in INBOX.
fn one_mail(watched: Watched) -> World {
    let mut world = World::empty(watched);
    world.server.deliver("INBOX", &samples()[0].bytes, start());
    world.mails = 1;
    world
}

fn views(world: &World) -> Vec<String> {
    world.views_of(&samples()[0].bytes).into_iter().collect()
}

/// A life of half a minute, at rest or not.
async fn half_a_minute(world: &World) {
    world.engine().watch(tokio::time::sleep(Duration::from_secs(30))).await.unwrap();
}

#[test]
fn a_server_that_leaves_labels_out_does_not_say_that_a_message_is_gone() {
    for watched in [Watched::Inbox, Watched::All] {
        // before anything is changed, and when it is looked at afterwards
        for (command, gap) in [("SELECT", Gap::After), ("STORE", Gap::After)] {
            if command == "STORE" && watched == Watched::Inbox {
                continue;
            }
            in_time(async {
                let world = one_mail(watched);
                let server = world.server.clone();
                world.server.lie_in_wait(command, gap, move || {
                    (0..2).for_each(|_| server.fault("FETCH", Fault::OnlySayOk));
                });
                world.live().await;
                assert_eq!(world.server.struck().get("nothing done"), Some(&2), "{watched:?} {command}");
                world.truth().await;
                assert_eq!(views(&world), [ALL, RESTOCK], "{watched:?} {command}");
            });
        }
    }
}

#[test]
fn a_server_that_refuses_to_show_labels_keeps_nothing_under_way() {
    for (watched, command) in [(Watched::All, "COPY"), (Watched::Inbox, "MOVE")] {
        in_time(async {
            let world = one_mail(watched);
            let server = world.server.clone();
            // the answer is one that has to be looked into
            world.server.fault(command, Fault::OnlySayOk);
            world.server.lie_in_wait(command, Gap::Before, move || {
                server.fault_always("FETCH", Fault::Refuse("not for you".to_owned()));
            });
            half_a_minute(&world).await;
            let rows = world.store.call(|db| db.outbox()).await.unwrap();
            let row = rows.iter().find(|row| row.key.starts_with("file:")).unwrap();
            assert_eq!(row.state, State::Ready, "{watched:?} {row:?}");
            world.server.clear_faults();
            world.live().await;
            world.truth().await;
            assert_eq!(views(&world), [ALL, RESTOCK], "{watched:?}");
        });
    }
}

#[test]
fn what_was_begun_before_labels_were_known_is_moved_again_and_never_marked() {
    in_time(async {
        let world = one_mail(Watched::Inbox);
        let server = world.server.clone();
        // it is in both when the program ends
        world.server.fault("MOVE", Fault::CopyOnly);
        world.server.lie_in_wait("MOVE", Gap::After, move || {
            server.cut_all();
            server.set_down(true);
        });
        half_a_minute(&world).await;
        let begun = world.store.call(|db| db.under_way("file")).await.unwrap();
        assert_eq!(begun.len(), 1);
        assert_eq!(views(&world), ["INBOX", ALL, RESTOCK]);
        let mut doing = begun[0].doing.clone().unwrap();
        assert!(doing.as_object_mut().unwrap().remove("borne").is_some());
        let id = begun[0].id;
        world.store.call(move |db| db.begin_each(&[(id, doing)])).await.unwrap();
        world.server.set_down(false);
        world.live().await;
        world.truth().await;
        assert_eq!(views(&world), [ALL, RESTOCK]);
    });
}

#[test]
fn a_mailbox_that_is_not_listed_is_watched_and_nothing_moved_out_of_it() {
    in_time(async {
        let world = one_mail(Watched::All);
        world.server.fault_always("LIST", Fault::OnlySayOk);
        half_a_minute(&world).await;
        assert_eq!(world.told_most(), 1, "it is told");
        assert_eq!(views(&world), ["INBOX", ALL]);
        world.server.clear_faults();
        world.live().await;
        world.truth().await;
        assert_eq!(views(&world), [ALL, RESTOCK]);
    });
}

#[test]
fn what_was_swept_without_a_watch_is_taken_back() {
    for watched in [Watched::All, Watched::Accounts] {
        in_time(async {
            let mut world = World::empty(watched);
            let samples = samples();
            world.mails = samples.len();
            samples.iter().for_each(|sample| deliver(&world.server, sample));
            let engine = world.engine();
            for mailbox in &engine.mailboxes {
                engine.sweep(mailbox, Acting::Leave, |_| {}, |_| {}).await.unwrap();
            }
            engine.hand.work_until_idle().await.unwrap();
            super::assert_is_filed(&world.truth().await);
            // where they lie under their new labels is not known any more
            for folder in world.server.mailboxes().keys().filter(|name| name.starts_with("楽天/")) {
                world.server.renumber(folder);
            }
            assert_eq!(world.undo().await, 7, "{watched:?}");
            // once more, after the program looked for them
            for folder in world.server.mailboxes().keys().filter(|name| name.starts_with("楽天/")) {
                world.server.renumber(folder);
            }
            world.live().await;
            super::assert_is_back(&world);
        });
    }
}
