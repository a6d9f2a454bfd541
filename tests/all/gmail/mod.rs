//! Gmail, where folders are labels: filed once, told once, taken back as it was, and nothing thrown away, whatever is cut
//! off, lost or relabelled meanwhile. On the embedded server alone: docs/gmail.md tells what of it is documented.

mod meddling;
mod release;
mod storm;
mod unsaid;
mod world;

use world::{ALL, EACH, RESTOCK, STARRED, Truth, Watched, World, id, in_time, samples};

/// A run that is cut after `wake_ups`, then a life that finishes; the truth, and how many wake-ups the first life had.
fn run(wake_ups: usize, watched: Watched) -> (Truth, usize) {
    in_time(async {
        let world = World::with_story(watched);
        let used = world.live_for(wake_ups).await;
        world.live().await;
        assert!(world.told_most() <= if wake_ups == usize::MAX { 1 } else { 2 }, "{watched:?} {wake_ups}");
        (world.truth().await, used)
    })
}

/// Mails that are filed lie in their folder and in All Mail, the others in INBOX and All Mail.
fn assert_is_filed(truth: &Truth) {
    for sample in samples() {
        let id = id(&sample.bytes);
        let views: Vec<&str> =
            truth.views.iter().filter(|(_, mails)| mails.contains(&id)).map(|(name, _)| name.as_str()).collect();
        let expected = match sample.name.as_str() {
            name if name.contains("newsletter") => "INBOX",
            name if name.contains("restock") || name.contains("resale") => RESTOCK,
            name if name.contains("cancelled") => "楽天/キャンセル",
            name if name.contains("points") => "楽天/ポイント",
            name if name.contains("coupon") => "楽天/クーポン",
            _ => "楽天/注文",
        };
        let mut expected = vec![expected, ALL];
        expected.sort_unstable();
        assert_eq!(views, expected, "{}", sample.name);
    }
}

#[test]
fn it_is_filed_once_and_told_once_whatever_is_watched() {
    let (first, _) = run(usize::MAX, Watched::Inbox);
    assert_is_filed(&first);
    assert!(first.alerts.len() >= 3, "{:?}", first.alerts);
    for watched in EACH {
        let (truth, _) = run(usize::MAX, watched);
        assert_eq!(truth, first, "{watched:?}");
    }
}

/// So far apart are the wake-ups of the everyday run, after which the program is cut; the long one cuts after each.
const EVERYDAY: usize = 5;

fn every_cut(watched: Watched, step: usize) {
    let (uncut, all) = run(usize::MAX, watched);
    assert!(all > 50, "the story has only {all} wake-ups");
    for wake_ups in (0..all).step_by(step) {
        let (truth, _) = run(wake_ups, watched);
        assert_eq!(truth, uncut, "cut after {wake_ups} of {all} wake-ups");
    }
    println!("cut after every {step}th of {all} wake-ups, {watched:?}");
}

#[test]
fn nothing_is_lost_or_doubled_where_it_is_cut_watching_inbox() {
    every_cut(Watched::Inbox, EVERYDAY);
}

#[test]
fn nothing_is_lost_or_doubled_where_it_is_cut_watching_all_mail() {
    every_cut(Watched::All, EVERYDAY);
}

#[test]
fn nothing_is_lost_or_doubled_where_it_is_cut_watching_both() {
    every_cut(Watched::Both, EVERYDAY);
}

#[test]
fn nothing_is_lost_or_doubled_where_it_is_cut_watching_both_as_two_accounts() {
    every_cut(Watched::Accounts, EVERYDAY);
}

#[test]
#[ignore = "minutes: scripts/test-long"]
fn long_nothing_is_lost_or_doubled_wherever_it_is_cut() {
    EACH.into_iter().for_each(|watched| every_cut(watched, 1));
}

/// All is as it was before the filings that are taken back.
fn assert_is_back(world: &World) {
    world.assert_nothing_is_thrown_away();
    for sample in samples() {
        let mut views = world.views_of(&sample.bytes);
        views.remove(STARRED);
        // the label that a filter had put on stays on
        let mut expected = vec![ALL, "INBOX"];
        expected.extend(sample.name.contains("-restock").then_some(RESTOCK));
        assert_eq!(views, expected.into_iter().map(str::to_owned).collect(), "{}", sample.name);
    }
}

#[test]
fn what_is_taken_back_is_as_it_was_where_it_is_cut() {
    take_back(EVERYDAY);
}

#[test]
#[ignore = "minutes: scripts/test-long"]
fn long_what_is_taken_back_is_as_it_was_wherever_it_is_cut() {
    take_back(1);
}

fn take_back(step: usize) {
    for watched in EACH {
        let taken_back = |wake_ups: usize| {
            in_time(async {
                let world = World::with_story(watched);
                world.live().await;
                // what is read stays read
                let flagged = samples()[3].bytes.clone();
                let uid = world.server.mailboxes()[ALL].iter().find(|one| *one.bytes == *flagged).unwrap().uid;
                world.server.flag(ALL, uid, "\\Seen", true);
                assert_eq!(world.undo().await, 7, "{watched:?}");
                let used = world.live_for(wake_ups).await;
                world.live().await;
                assert_is_back(&world);
                let inbox = &world.server.mailboxes()["INBOX"];
                assert!(inbox.iter().any(|one| *one.bytes == *flagged && one.flags.contains("\\Seen")));
                used
            })
        };
        let all = taken_back(usize::MAX);
        for wake_ups in (0..all).step_by(step) {
            taken_back(wake_ups);
        }
        println!("taken back, cut after every {step}th of {all} wake-ups, {watched:?}");
    }
}

#[test]
fn the_mail_of_a_case_is_flagged_where_it_lies() {
    for watched in EACH {
        in_time(async {
            let mut world = World::empty(watched);
            let cancelled = samples().into_iter().find(|sample| sample.name.contains("cancelled")).unwrap();
            world.server.deliver("INBOX", &cancelled.bytes, world::start());
            world.mails = 1;
            // flags are planned a while after what they follow from
            world.engine().watch(tokio::time::sleep(std::time::Duration::from_secs(60))).await.unwrap();
            let views = world.views_of(&cancelled.bytes);
            let expected = [ALL, STARRED, "楽天/キャンセル"].map(str::to_owned);
            assert_eq!(views, expected.into_iter().collect(), "{watched:?}");
            let mailboxes = world.server.mailboxes();
            let flags = mailboxes["楽天/キャンセル"][0].flags.iter().cloned().collect::<Vec<_>>();
            assert_eq!(flags, ["\\Flagged"], "{watched:?}: flagged, and not read");
        });
    }
}

#[test]
fn what_was_archived_before_keeps_out_of_inbox() {
    in_time(async {
        let mut world = World::empty(Watched::All);
        let sample = samples().remove(1);
        // a filter that skips INBOX
        let uid = world.server.deliver(ALL, &sample.bytes, world::start());
        assert_eq!(world.views_of(&sample.bytes).len(), 1, "{uid}");
        world.mails = 1;
        world.live().await;
        let mut views = world.views_of(&sample.bytes);
        views.remove(STARRED);
        assert_eq!(views, [ALL, "楽天/キャンセル"].map(str::to_owned).into_iter().collect());
        let actions = world.store.call(|db| db.history(None, 100)).await.unwrap();
        let filing: Vec<_> = actions.into_iter().filter(|one| one.origin.is_some()).collect();
        assert_eq!(filing.len(), 1);
        world.engine().undo(&filing, false).await.unwrap();
        world.live().await;
        let mut views = world.views_of(&sample.bytes);
        views.remove(STARRED);
        assert_eq!(views, [ALL.to_owned()].into_iter().collect());
    });
}
