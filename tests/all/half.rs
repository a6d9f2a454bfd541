//! A move that breaks off in the middle while others act: mailboxes are renumbered, twins (the same bytes once more) are
//! taken away, marked or delivered, a copy is moved back. Each is a situation that a storm once showed.

use super::support::cut::Cut;
use modori::demo::{Fault, Gap, SHOPPER, Server};
use modori::edge::clock::Clock;
use modori::edge::hand::Hand;
use modori::edge::imap::{ImapAccount, Pace};
use modori::edge::secret::Secret;
use modori::edge::store::{Db, Settled, Settling, State, Store};
use modori::mailbox::{MailKey, Place};
use modori::plan::{Effect, Looks, Step, Wish};
use modori::rules::Verdict;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const FOLDER: &str = "楽天/再入荷";
const KEEP: &str = "Keep";
const DELETED: &str = "\\Deleted";
const MAIL: &[u8] = b"Subject: one\r\n\r\nbytes\r\n";

struct World {
    server: Server,
    store: Store,
    clock: Clock,
}

impl World {
    fn without(withdrawn: &[&str]) -> Self {
        let clock = Clock::simulated("2026-11-24T09:00:00+09:00".parse().unwrap());
        let server = Server::with(SHOPPER, "p", clock.clone(), '/', "");
        withdrawn.iter().for_each(|capability| server.withdraw(capability));
        server.create(KEEP, None);
        Self { server, store: Store::inline(Arc::new(Mutex::new(Db::in_memory().unwrap()))), clock }
    }

    fn hand(&self) -> Hand {
        let account = ImapAccount {
            name: "a".to_owned(),
            dial: self.server.dial(),
            user: SHOPPER.to_owned(),
            credential: Secret::Given(SecretString::from("p")).into(),
            pace: Pace { command: Duration::from_secs(10), ..Pace::default() },
            fetch_cap: 32 * 1024,
        };
        Hand::new(self.store.clone(), self.clock.clone(), BTreeMap::new(), [account])
    }

    /// Delivers bytes into a mailbox and tells the database; the first of them is to be filed.
    async fn come(&self, mailbox: &str, bytes: &[u8]) -> Settled {
        let uid = self.server.deliver(mailbox, bytes, self.clock.now());
        let key = MailKey::of(bytes);
        let wish = Wish {
            key: format!("file:{key}"),
            effect: Effect::File { folder: FOLDER.to_owned() },
            due: self.clock.now(),
            until: None,
            dedupe: vec![],
            after: vec![],
            turn: None,
        };
        let uid_validity = self.server.uid_validity(mailbox).unwrap();
        let settling = Settling {
            place: Place { account: "a".to_owned(), mailbox: mailbox.to_owned(), uid_validity, uid },
            key,
            received: self.clock.now(),
            size: u32::try_from(bytes.len()).unwrap(),
            message_id: None,
            verdict: Verdict::default(),
            step: Step { plan: vec![wish], ..Step::default() },
            poison: None,
        };
        let now = self.clock.now();
        self.store.call(move |db| db.settle(&[settling], false, now)).await.unwrap().remove(0)
    }

    /// At this point of the next such command.
    fn at(&self, command: &str, gap: Gap, deed: impl FnOnce(&Server) + Send + 'static) {
        let server = self.server.clone();
        self.server.lie_in_wait(command, gap, move || deed(&server));
    }

    /// The next delivery is received some seconds later.
    async fn later(&self) {
        tokio::time::sleep(Duration::from_secs(7)).await;
    }

    /// Lets the hand work until nothing is left to do, and everything is at its end.
    async fn work(&self) {
        tokio::time::timeout(Duration::from_secs(3600), self.hand().work_until_idle()).await.unwrap().unwrap();
        let rows = self.store.call(|db| db.outbox()).await.unwrap();
        assert!(rows.iter().all(|row| row.state == State::Done), "{rows:?}");
    }

    /// How many messages of a mailbox bear no \Deleted, and how many do.
    fn lie(&self, mailbox: &str) -> (usize, usize) {
        let messages = self.server.mailboxes().remove(mailbox).unwrap_or_default();
        let marked = messages.iter().filter(|message| message.flags.contains(DELETED)).count();
        (messages.len() - marked, marked)
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_another_client_moved_back_is_not_removed_as_its_source() {
    let world = World::without(&["MOVE"]);
    world.come("INBOX", MAIL).await;
    world.server.fault("EXPUNGE", Fault::LoseAnswer);
    world.at("EXPUNGE", Gap::After, |server| {
        server.renumber("INBOX");
        // it is seen in its folder, and moved back before INBOX is looked at
        let there = server.clone();
        server.lie_in_wait("FETCH", Gap::Within, move || {
            there.relocate(FOLDER, 1, "INBOX").unwrap();
        });
    });
    world.work().await;
    assert_eq!((world.lie("INBOX"), world.lie(FOLDER)), ((1, 0), (0, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_twin_that_came_later_is_not_removed_as_the_source() {
    let world = World::without(&["MOVE"]);
    world.come("INBOX", MAIL).await;
    world.server.fault("EXPUNGE", Fault::LoseAnswer);
    world.at("EXPUNGE", Gap::After, |server| {
        server.renumber("INBOX");
        server.deliver("INBOX", MAIL, jiff::Timestamp::UNIX_EPOCH);
    });
    world.work().await;
    assert_eq!((world.lie("INBOX"), world.lie(FOLDER)), ((1, 0), (1, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_marked_source_is_removed_though_its_twin_was_taken_away() {
    for withdrawn in [&["MOVE"] as &[&str], &[]] {
        // marked, and the answer lost; marked, and not yet expunged
        for (command, gap, fault) in [("STORE", Gap::After, Some(Fault::LoseAnswer)), ("EXPUNGE", Gap::Before, None)] {
            let world = World::without(withdrawn);
            world.come("INBOX", MAIL).await;
            assert_eq!(world.come("INBOX", MAIL).await, Settled::NewPlace);
            world.server.fault("MOVE", Fault::CopyOnly);
            fault.into_iter().for_each(|fault| world.server.fault(command, fault));
            world.at(command, gap, |server| {
                server.relocate("INBOX", 2, KEEP).unwrap();
                server.renumber("INBOX");
            });
            world.work().await;
            let lie = (world.lie("INBOX"), world.lie(FOLDER), world.lie(KEEP));
            assert_eq!(lie, ((0, 0), (1, 0), (1, 0)), "{withdrawn:?} {command}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_twin_that_was_taken_away_is_not_the_source_when_their_dates_differ() {
    // a MOVE done half, and the other of two was moved away: what is left is the source
    let world = World::without(&[]);
    world.come("INBOX", MAIL).await;
    world.later().await;
    assert_eq!(world.come("INBOX", MAIL).await, Settled::NewPlace);
    world.server.fault("MOVE", Fault::CopyOnly);
    world.at("MOVE", Gap::After, |server| {
        server.relocate("INBOX", 2, KEEP).unwrap();
        server.renumber("INBOX");
    });
    world.work().await;
    assert_eq!((world.lie("INBOX"), world.lie(FOLDER), world.lie(KEEP)), ((0, 0), (1, 0), (1, 0)));
    // done whole, and its answer lost: what is left is the other, and stays
    let world = World::without(&[]);
    world.come("INBOX", MAIL).await;
    world.later().await;
    let second = world.clock.now();
    world.come("INBOX", MAIL).await;
    world.server.fault("MOVE", Fault::LoseAnswer);
    world.at("MOVE", Gap::After, |server| server.renumber("INBOX"));
    world.work().await;
    assert_eq!((world.lie("INBOX"), world.lie(FOLDER)), ((1, 0), (1, 0)));
    let left = world.server.mailboxes().remove("INBOX").unwrap();
    assert_eq!(left[0].received, second, "the other one is left");
}

#[tokio::test(start_paused = true)]
async fn the_twin_that_another_client_filed_is_not_taken_for_our_copy() {
    // before our command, or after its copying half; by MOVE, and without it
    for withdrawn in [&[] as &[&str], &["UIDPLUS"], &["MOVE"], &["MOVE", "UIDPLUS"]] {
        let command = if withdrawn.contains(&"MOVE") { "COPY" } else { "MOVE" };
        for fault in [Fault::Cut, Fault::LoseAnswer] {
            let world = World::without(withdrawn);
            world.server.create(FOLDER, None);
            world.come("INBOX", MAIL).await;
            world.later().await;
            assert_eq!(world.come("INBOX", MAIL).await, Settled::NewPlace);
            world.server.fault(command, fault.clone());
            world.at("EXAMINE", Gap::Before, |server| {
                server.relocate("INBOX", 2, FOLDER).unwrap();
            });
            world.work().await;
            let ((left, marked), lie) = (world.lie("INBOX"), world.lie(FOLDER));
            assert_eq!((left, lie), (0, (2, 0)), "{withdrawn:?} {fault:?}");
            assert_eq!(marked, usize::from(withdrawn == ["MOVE", "UIDPLUS"]), "{withdrawn:?} {fault:?}");
        }
    }
    // of dates that tell nothing, one too few is moved rather than one too many
    let world = World::without(&[]);
    world.server.create(FOLDER, None);
    world.come("INBOX", MAIL).await;
    world.come("INBOX", MAIL).await;
    world.server.fault("MOVE", Fault::Cut);
    world.at("EXAMINE", Gap::Before, |server| {
        server.relocate("INBOX", 2, FOLDER).unwrap();
    });
    world.work().await;
    assert_eq!((world.lie("INBOX"), world.lie(FOLDER)), ((0, 0), (1, 0)));
}

#[tokio::test(start_paused = true)]
async fn without_dates_that_tell_a_source_is_left_beside_its_copy_rather_than_another_removed() {
    // the same second, and new dates for all: see docs/reliability.md
    for redated in [false, true] {
        let world = World::without(&[]);
        world.come("INBOX", MAIL).await;
        if redated {
            world.later().await;
        }
        world.come("INBOX", MAIL).await;
        world.server.fault("MOVE", Fault::CopyOnly);
        world.at("MOVE", Gap::After, move |server| {
            server.relocate("INBOX", 2, KEEP).unwrap();
            server.renumber("INBOX");
            if redated {
                server.redate("INBOX", jiff::Timestamp::UNIX_EPOCH);
            }
        });
        world.work().await;
        let lie = (world.lie("INBOX"), world.lie(FOLDER), world.lie(KEEP));
        assert_eq!(lie, ((1, 0), (1, 0), (1, 0)), "{redated}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_came_after_a_whole_move_is_not_taken_for_its_source() {
    // with the numbers, all that lay there got new dates, or kept theirs
    for redated in [false, true] {
        for withdrawn in [&[] as &[&str], &["UIDPLUS"]] {
            let world = World::without(withdrawn);
            world.come("INBOX", MAIL).await;
            world.server.fault("MOVE", Fault::LoseAnswer);
            world.later().await;
            let now = world.clock.now();
            world.at("MOVE", Gap::After, move |server| {
                server.renumber("INBOX");
                if redated {
                    server.redate("INBOX", now);
                }
                server.deliver("INBOX", MAIL, now);
            });
            world.work().await;
            assert_eq!((world.lie("INBOX"), world.lie(FOLDER)), ((1, 0), (1, 0)), "{withdrawn:?} {redated}");
        }
    }
    // a half-done one looks just so where dates are new: its source is left. Where they are kept, it goes
    for redated in [false, true] {
        let world = World::without(&[]);
        world.come("INBOX", MAIL).await;
        world.server.fault("MOVE", Fault::CopyOnly);
        world.at("MOVE", Gap::After, move |server| {
            server.renumber("INBOX");
            if redated {
                server.redate("INBOX", jiff::Timestamp::UNIX_EPOCH);
            }
        });
        world.work().await;
        assert_eq!((world.lie("INBOX"), world.lie(FOLDER)), ((usize::from(redated), 0), (1, 0)), "{redated}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_mark_on_a_twin_of_another_date_is_not_ours() {
    let cases = [
        ("STORE", Gap::Before, None),
        ("EXPUNGE", Gap::After, Some(Fault::LoseAnswer)),
        ("EXPUNGE", Gap::Before, None),
    ];
    for (command, gap, fault) in cases {
        let world = World::without(&["MOVE"]);
        world.come("INBOX", MAIL).await;
        world.later().await;
        world.come("INBOX", MAIL).await;
        world.server.flag("INBOX", 2, DELETED, true);
        fault.into_iter().for_each(|fault| world.server.fault(command, fault));
        world.at(command, gap, |server| server.renumber("INBOX"));
        world.work().await;
        assert_eq!((world.lie("INBOX"), world.lie(FOLDER)), ((0, 1), (1, 0)), "{command} {gap:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_gives_new_dates_loses_nothing() {
    for (withdrawn, command, fault) in [
        (&[] as &[&str], "MOVE", None),
        (&[], "MOVE", Some(Fault::LoseAnswer)),
        (&[], "MOVE", Some(Fault::CopyOnly)),
        (&["MOVE"], "COPY", Some(Fault::LoseAnswer)),
        (&["MOVE"], "STORE", Some(Fault::LoseAnswer)),
        (&["MOVE"], "EXPUNGE", Some(Fault::LoseAnswer)),
    ] {
        // each by itself, all alike, and all as the first was
        for dates in 0..3 {
            for gap in [Gap::Before, Gap::After] {
                let world = World::without(withdrawn);
                world.come("INBOX", MAIL).await;
                let first = world.clock.now();
                world.later().await;
                world.come("INBOX", MAIL).await;
                fault.clone().into_iter().for_each(|fault| world.server.fault(command, fault));
                world.at(command, gap, move |server| {
                    server.renumber("INBOX");
                    match dates {
                        0 => {}
                        1 => server.redate("INBOX", jiff::Timestamp::UNIX_EPOCH),
                        _ => server.redate("INBOX", first),
                    }
                });
                world.work().await;
                let lie = (world.lie("INBOX"), world.lie(FOLDER));
                // what was moved whole, and is asked after by a date that is now the other's: that one is taken for the
                // source, and goes; the mail is there
                let whole = command == "MOVE" && fault != Some(Fault::CopyOnly);
                let other_goes = dates == 2 && gap == Gap::After && whole;
                // what was moved half looks just like that where dates tell nothing: nothing is taken for the source
                let stays = dates == 1 && gap == Gap::After && fault == Some(Fault::CopyOnly);
                let left = 1 + usize::from(stays) - usize::from(other_goes);
                assert_eq!(lie, ((left, 0), (1, 0)), "{withdrawn:?} {command} {fault:?} {dates} {gap:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn new_dates_that_one_of_them_had_before_say_nothing() {
    // the last came in the second in which all got new dates; what was read in an answer that the renumbering fell into
    // is the same
    let left = ((1, 0), (1, 0));
    for (withdrawn, command, gap, fault, right) in [
        (&[] as &[&str], "MOVE", Gap::Before, Some(Fault::Cut), left),
        (&[], "MOVE", Gap::After, Some(Fault::OnlySayOk), left),
        (&[], "MOVE", Gap::After, Some(Fault::LoseAnswer), left),
        (&["MOVE"], "COPY", Gap::Before, Some(Fault::Cut), left),
        (&["MOVE"], "COPY", Gap::After, Some(Fault::LoseAnswer), left),
        (&["MOVE"], "STORE", Gap::Before, Some(Fault::Cut), left),
        (&["MOVE"], "STORE", Gap::After, Some(Fault::LoseAnswer), left),
        (&["MOVE"], "EXPUNGE", Gap::Before, Some(Fault::Cut), left),
        (&["MOVE"], "EXPUNGE", Gap::After, Some(Fault::LoseAnswer), left),
        // it may have been moved whole, and another have come in that second: rather one too many
        (&[], "MOVE", Gap::After, Some(Fault::CopyOnly), ((2, 0), (1, 0))),
    ] {
        let world = World::without(withdrawn);
        world.come("INBOX", MAIL).await;
        world.later().await;
        world.come("INBOX", MAIL).await;
        let second = world.clock.now();
        fault.clone().into_iter().for_each(|fault| world.server.fault(command, fault));
        world.at(command, gap, move |server| {
            server.renumber("INBOX");
            server.redate("INBOX", second);
        });
        world.work().await;
        assert_eq!((world.lie("INBOX"), world.lie(FOLDER)), right, "{withdrawn:?} {command} {gap:?} {fault:?}");
    }
    // moved whole by its number, and a third came in the second of the other one: nothing is taken for it
    let world = World::without(&[]);
    world.come("INBOX", MAIL).await;
    world.later().await;
    world.come("INBOX", MAIL).await;
    let second = world.clock.now();
    world.server.fault("MOVE", Fault::LoseAnswer);
    world.at("MOVE", Gap::After, move |server| {
        server.deliver("INBOX", MAIL, second);
        server.renumber("INBOX");
    });
    world.work().await;
    assert_eq!((world.lie("INBOX"), world.lie(FOLDER)), ((2, 0), (1, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_moved_whole_and_back_is_not_removed_as_its_source() {
    let world = World::without(&[]);
    world.come("INBOX", MAIL).await;
    world.server.fault("MOVE", Fault::LoseAnswer);
    world.at("MOVE", Gap::After, |server| {
        server.renumber("INBOX");
        // it is seen in its folder, and moved back before INBOX is looked at
        let there = server.clone();
        server.lie_in_wait("FETCH", Gap::Within, move || {
            there.relocate(FOLDER, 1, "INBOX").unwrap();
        });
    });
    world.work().await;
    assert_eq!((world.lie("INBOX"), world.lie(FOLDER)), ((0, 0), (1, 0)));
}

#[tokio::test(start_paused = true)]
async fn one_twin_goes_for_the_copy_though_another_was_taken_away() {
    let world = World::without(&["MOVE"]);
    for _ in 0..3 {
        world.come("INBOX", MAIL).await;
    }
    world.at("COPY", Gap::After, |server| {
        server.relocate("INBOX", 2, KEEP).unwrap();
        server.renumber("INBOX");
    });
    world.work().await;
    assert_eq!((world.lie("INBOX"), world.lie(FOLDER), world.lie(KEEP)), ((1, 0), (1, 0), (1, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_twin_that_someone_else_marked_is_not_taken_for_the_source() {
    // before our mark, with nothing to expunge; while it is being set, with and without success
    let cases = [
        (&["MOVE", "UIDPLUS"] as &[&str], "COPY", Gap::After, None, (1, 2)),
        (&["MOVE"], "COPY", Gap::After, None, (1, 1)),
        (&["MOVE"], "STORE", Gap::Before, None, (1, 1)),
        (&["MOVE"], "STORE", Gap::After, Some(Fault::LoseAnswer), (1, 1)),
        (&["MOVE"], "EXPUNGE", Gap::After, Some(Fault::LoseAnswer), (1, 1)),
    ];
    for (withdrawn, command, gap, fault, left) in cases {
        let world = World::without(withdrawn);
        for _ in 0..3 {
            world.come("INBOX", MAIL).await;
        }
        world.server.flag("INBOX", 2, DELETED, true);
        fault.into_iter().for_each(|fault| world.server.fault(command, fault));
        world.at(command, gap, |server| server.renumber("INBOX"));
        world.work().await;
        assert_eq!((world.lie("INBOX"), world.lie(FOLDER)), (left, (1, 0)), "{withdrawn:?} {command} {gap:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_is_made_again_bears_no_mark_of_ours() {
    for renumbered in [false, true] {
        let world = World::without(&["MOVE"]);
        world.come("INBOX", MAIL).await;
        // another client deletes the folder with the copy in it
        world.at("STORE", Gap::After, move |server| {
            server.delete(FOLDER);
            if renumbered {
                server.renumber("INBOX");
            }
        });
        world.server.fault("EXPUNGE", Fault::Cut);
        world.work().await;
        assert_eq!((world.lie("INBOX"), world.lie(FOLDER)), ((0, 0), (1, 0)), "{renumbered}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_someone_else_set_before_goes_with_the_message() {
    let world = World::without(&["MOVE"]);
    world.come("INBOX", MAIL).await;
    world.server.flag("INBOX", 1, DELETED, true);
    world.at("STORE", Gap::After, |server| server.delete(FOLDER));
    world.server.fault("EXPUNGE", Fault::Cut);
    world.work().await;
    assert_eq!((world.lie("INBOX"), world.lie(FOLDER)), ((0, 0), (0, 1)));
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_that_is_renumbered_after_all_was_prepared_has_nothing_else_moved() {
    for withdrawn in [&[] as &[&str], &["MOVE"], &["MOVE", "UIDPLUS"]] {
        let world = World::without(withdrawn);
        let before = world.server.deliver("INBOX", b"Subject: before\r\n\r\n", world.clock.now());
        world.come("INBOX", MAIL).await;
        world.server.deliver("INBOX", b"Subject: after\r\n\r\n", world.clock.now());
        world.server.expunge("INBOX", before);
        world.come(KEEP, b"Subject: other\r\n\r\n").await;
        // INBOX and Keep are opened to prepare, and INBOX once more to carry it out
        world.at("SELECT", Gap::Before, |_| {});
        world.at("SELECT", Gap::Before, |_| {});
        world.at("SELECT", Gap::Before, |server| server.renumber("INBOX"));
        world.work().await;
        let mailboxes = world.server.mailboxes();
        let left = mailboxes["INBOX"].iter().filter(|message| !message.flags.contains(DELETED));
        assert_eq!(left.map(|message| &*message.bytes).collect::<Vec<_>>(), [b"Subject: after\r\n\r\n"]);
        assert_eq!(world.lie(FOLDER), (2, 0), "{withdrawn:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_tells_when_a_late_move_met_a_half_one() {
    // the one assumption about MOVE that a storm needs the server's own record for: see docs/reliability.md
    let world = World::without(&["UIDPLUS"]);
    world.come("INBOX", MAIL).await;
    world.server.fault("MOVE", Fault::Delay(Duration::from_secs(16)));
    world.server.fault("MOVE", Fault::CopyOnly);
    world.work().await;
    assert!(world.server.overtaken().is_empty());
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!((world.lie("INBOX"), world.lie(FOLDER)), ((0, 0), (1, 1)));
    assert_eq!(world.server.overtaken().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_late_move_by_itself_does_no_harm() {
    let world = World::without(&["UIDPLUS"]);
    world.come("INBOX", MAIL).await;
    world.server.fault("MOVE", Fault::Delay(Duration::from_secs(16)));
    world.work().await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!((world.lie("INBOX"), world.lie(FOLDER)), ((0, 0), (1, 0)));
    assert!(world.server.overtaken().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_left_alone_costs_nothing_though_work_is_due() {
    for looks in [None, Some(Looks::default())] {
        let world = World::without(&[]);
        world.come("INBOX", MAIL).await;
        let hand = world.hand().looking(looks);
        hand.hold("a", true);
        let used = Arc::new(Mutex::new(0));
        let working = async { hand.work().await.unwrap() };
        let working = Cut { inner: Box::pin(working), left: usize::MAX, used: Arc::clone(&used) };
        let seconds = 600;
        assert!(tokio::time::timeout(Duration::from_secs(seconds), working).await.is_err());
        // one look at the outbox a second, and what it wakes
        let used = u64::try_from(*used.lock().unwrap()).unwrap();
        assert!(used <= 3 * seconds, "{used} wake-ups in {seconds} s, {looks:?}");
    }
}
