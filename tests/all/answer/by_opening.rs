//! Opening the mail in any mail app acknowledges its alert.

use super::world::{FOLDER, SEEN, World, lived, story};

#[test]
fn unanswered_it_is_told_every_two_minutes_for_ten() {
    story(|world| async move {
        world.told().await;
        world.at(1500).await;
        assert_eq!(world.seconds(), [0, 120, 240, 360, 480]);
        let titles: Vec<String> =
            world.phone().told.lock().unwrap().iter().map(|(_, title, _)| title.clone()).collect();
        assert_eq!(titles[2], format!("Again (3): {}", titles[0]));
        assert_eq!(world.by().await, None);
        // once nothing awaits, nothing is looked at, and the connection for it is closed
        let examined = world.examined();
        assert!((35..45).contains(&examined), "{examined} looks in ten minutes");
        world.at(3600).await;
        assert_eq!((world.examined(), world.seconds().len()), (examined, 5));
        let (opened, closed) = world.server.connections();
        assert_eq!(opened - closed, 1, "the watch alone is connected");
    });
}

#[test]
fn opened_after_two_repetitions_it_is_told_no_more() {
    story(|world| async move {
        let uid = world.told().await;
        world.at(250).await;
        assert_eq!(world.seconds(), [0, 120, 240]);
        world.server.flag(FOLDER, uid, SEEN, true);
        world.at(266).await;
        assert_eq!(world.by().await.as_deref(), Some("opened"), "within fifteen seconds");
        let examined = world.examined();
        world.at(1500).await;
        assert_eq!((world.seconds().len(), world.examined()), (3, examined));
    });
}

#[test]
fn opened_before_the_first_repetition_there_is_none() {
    story(|world| async move {
        let uid = world.told().await;
        world.at(3).await;
        world.server.flag(FOLDER, uid, SEEN, true);
        world.at(1500).await;
        assert_eq!((world.seconds(), world.by().await.as_deref()), (vec![0], Some("opened")));
    });
}

#[test]
fn a_mail_that_was_marked_on_arrival_acknowledges_nothing() {
    story(|world| async move {
        let uid = world.deliver("mug");
        world.server.flag("INBOX", uid, SEEN, true);
        world.at(250).await;
        assert_eq!((world.seconds(), world.by().await), (vec![0, 120, 240], None));
        // she marks it as unread, and reads it
        let uid = world.server.mailboxes()[FOLDER][0].uid;
        world.server.flag(FOLDER, uid, SEEN, false);
        world.at(270).await;
        world.server.flag(FOLDER, uid, SEEN, true);
        world.at(1500).await;
        assert_eq!((world.seconds().len(), world.by().await.as_deref()), (3, Some("opened")));
    });
}

#[test]
fn where_opening_is_switched_off_nothing_is_looked_at() {
    lived(
        |world| world.repeat.opened = false,
        |world| async move {
            let uid = world.told().await;
            world.server.flag(FOLDER, uid, SEEN, true);
            world.at(1500).await;
            assert_eq!((world.seconds().len(), world.by().await, world.examined()), (5, None, 0));
        },
    );
}

#[test]
fn a_mail_that_she_moves_or_removes_she_has_seen() {
    story(|world| async move {
        let uid = world.told().await;
        world.at(30).await;
        world.server.create("Archive", None);
        world.server.relocate(FOLDER, uid, "Archive");
        world.at(1500).await;
        assert_eq!((world.seconds(), world.by().await.as_deref()), (vec![0], Some("moved")));
    });
    story(|world| async move {
        let uid = world.told().await;
        world.at(30).await;
        world.server.expunge(FOLDER, uid);
        world.at(1500).await;
        assert_eq!((world.seconds(), world.by().await.as_deref()), (vec![0], Some("moved")));
    });
}

#[test]
fn a_folder_that_is_renumbered_says_nothing_and_the_mail_is_found_again() {
    story(|world| async move {
        world.told().await;
        world.at(30).await;
        world.server.renumber(FOLDER);
        world.at(250).await;
        assert_eq!((world.seconds(), world.by().await), (vec![0, 120, 240], None));
        let uid = world.server.mailboxes()[FOLDER][0].uid;
        world.server.flag(FOLDER, uid, SEEN, true);
        world.at(266).await;
        assert_eq!(world.by().await.as_deref(), Some("opened"));
    });
}

#[test]
fn a_mail_whose_alert_cannot_leave_is_looked_at_where_it_lies() {
    story(|world| async move {
        *world.phone().down_until.lock().unwrap() = 300;
        let uid = world.deliver("mug");
        world.at(30).await;
        assert!(world.server.mailboxes().get(FOLDER).is_none_or(Vec::is_empty), "filed before its alert left");
        // she happens to see it in her mailbox; the first telling goes on all the same
        world.server.flag("INBOX", uid, SEEN, true);
        world.at(1500).await;
        assert_eq!(world.by().await.as_deref(), Some("opened"));
        let told = world.seconds();
        assert!(told.len() == 1 && told[0] >= 300, "{told:?}");
        assert_eq!(world.server.mailboxes()[FOLDER].len(), 1);
    });
}

#[test]
fn a_repetition_waits_until_the_first_has_left() {
    story(|world| async move {
        *world.phone().down_until.lock().unwrap() = 200;
        world.deliver("mug");
        world.at(1500).await;
        let told = world.seconds();
        assert!((200..330).contains(&told[0]), "{told:?}");
        let apart: Vec<i64> = told.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(!apart.is_empty() && apart.iter().all(|seconds| (120..123).contains(seconds)), "{told:?}");
        // as often as if it had left at once
        assert!(told.len() == 5 && *told.last().unwrap() < told[0] + 600, "{told:?}");
    });
}

#[test]
fn restarts_and_new_numbers_tell_nothing_anew() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new();
        let life = |until: i64| {
            let (engine, world) = (world.engine(), world.clone());
            async move { engine.watch(world.at(until)).await.unwrap() }
        };
        world.deliver("mug");
        life(100).await;
        assert_eq!(world.seconds(), [0]);
        // the mailbox is numbered anew, and the mail lies there once more as well
        world.server.renumber("INBOX");
        world.server.renumber(FOLDER);
        let uid = world.server.mailboxes()[FOLDER][0].uid;
        world.server.copy(FOLDER, uid, "INBOX");
        life(130).await;
        assert_eq!(world.seconds(), [0, 120]);
        life(200).await;
        life(270).await;
        assert_eq!(world.seconds(), [0, 120, 240], "as if it had never ended");
        // asleep over the rest
        world.clock.set_on(jiff::SignedDuration::from_hours(1));
        let engine = world.engine();
        engine.watch(tokio::time::sleep(std::time::Duration::from_secs(600))).await.unwrap();
        assert_eq!(world.seconds().len(), 3);
    });
}

#[test]
fn a_repetition_that_was_under_way_at_the_end_does_not_leave_after_an_acknowledgement() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new();
        for answered in [false, true] {
            let known = world.seconds().len();
            *world.phone().hangs.lock().unwrap() = true;
            let engine = world.engine();
            let begun = if answered { 250 } else { 130 };
            let story = async {
                if answered {
                    world.at(begun).await;
                    let uid = world.server.mailboxes()[FOLDER][0].uid;
                    world.server.flag(FOLDER, uid, SEEN, true);
                    world.at(begun + 16).await;
                    assert_eq!(world.by().await.as_deref(), Some("opened"));
                } else {
                    world.told().await;
                    world.at(begun).await;
                }
            };
            engine.watch(story).await.unwrap();
            let told = if answered { known } else { known + 1 };
            assert_eq!(world.seconds().len(), told, "the repetition hangs");
            *world.phone().hangs.lock().unwrap() = false;
            world.engine().watch(world.at(if answered { 400 } else { 200 })).await.unwrap();
            // without an acknowledgement it is handed over again, with one it is not needed
            let told = if answered { told } else { told + 1 };
            assert_eq!(world.seconds().len(), told, "answered: {answered}");
        }
        assert_eq!(world.phone().too_late.lock().unwrap().len(), 0);
    });
}
