//! One account's trouble never slows another's alerts: whatever account A does, B's restock is told and filed at the very
//! instants at which it would be if there were no A. By the paused clock: what is measured is waiting, to the millisecond.

use super::{World, at, pass, restock, simulated};
use modori::demo::Fault;
use modori::edge::secret::Secret;
use secrecy::SecretString;
use std::time::Duration;

const A: (&str, &str) = ("a", "hanako@example.jp");
const B: (&str, &str) = ("b", "hanako@mobile.example.jp");
const FOLDER: &str = "楽天/再入荷";

/// The program runs for so long before B's mail comes.
const BEFORE: u64 = 700;

/// Milliseconds from the arrival of B's mail to its alert and to its place in the folder.
async fn told_and_filed(world: &World, n: u32) -> (i64, i64) {
    let now = world.clock.now();
    let lay = world.lie("b", FOLDER);
    world.server("b").deliver("INBOX", &restock(B.1, n), now);
    world.until_it_lies("b", FOLDER, lay + 1).await;
    let filed = world.clock.now().duration_since(now).as_millis();
    let heard = world.heard(now);
    let title = format!("マグ{n}");
    let (told, ..) = heard.iter().find(|(_, _, heard)| heard.starts_with(&title)).expect("told");
    (*told, i64::try_from(filed).unwrap())
}

/// What the world is at its beginning, and what happens to A while the program runs, before B's mail comes.
fn with_trouble(prepare: impl FnOnce(&mut World), then: impl FnOnce(&World)) -> (i64, i64) {
    simulated(async {
        let mut world = World::new(at("2026-11-24 09:00"), &[A, B]);
        prepare(&mut world);
        world
            .while_running(async {
                pass(BEFORE).await;
                then(&world);
                told_and_filed(&world, 777).await
            })
            .await
    })
}

fn alone() -> (i64, i64) {
    simulated(async {
        let world = World::new(at("2026-11-24 09:00"), &[B]);
        world
            .while_running(async {
                pass(BEFORE).await;
                told_and_filed(&world, 777).await
            })
            .await
    })
}

fn no_slower(what: &str, prepare: impl FnOnce(&mut World), then: impl FnOnce(&World)) {
    let (told, filed) = with_trouble(prepare, then);
    let (alone_told, alone_filed) = alone();
    assert!(alone_told <= 2 && alone_filed <= 10, "alone: told after {alone_told} ms, filed after {alone_filed} ms");
    assert_eq!((told, filed), (alone_told, alone_filed), "with A that {what}");
}

#[test]
fn an_account_that_is_silent_or_slow() {
    no_slower("never greets", |world| world.server("a").fault_always("GREETING", Fault::Hang), |_| {});
    no_slower("hangs in its login", |world| world.server("a").fault_always("AUTHENTICATE", Fault::Hang), |_| {});
    no_slower(
        "takes 20 s for every command",
        |world| world.server("a").fault_always("*", Fault::Delay(Duration::from_secs(20))),
        |_| {},
    );
    no_slower(
        "falls silent as B's mail comes",
        |_| {},
        |world| {
            world.server("a").fault_always("*", Fault::Mute);
            world.server("a").deliver("INBOX", &restock(A.1, 9), world.clock.now());
        },
    );
}

#[test]
fn an_account_that_refuses_or_is_away() {
    no_slower(
        "refuses the login",
        |world| world.accounts[0].password = Secret::Given(SecretString::from("wrong")),
        |_| {},
    );
    no_slower("is down", |world| world.server("a").set_down(true), |_| {});
    no_slower("sends away", |world| world.server("a").fault_always("*", Fault::Bye), |_| {});
    no_slower("goes down as B's mail comes", |_| {}, |world| world.server("a").set_down(true));
}

#[test]
fn an_account_whose_mailbox_is_full() {
    let full = |world: &World| {
        for command in ["MOVE", "COPY", "CREATE", "APPEND"] {
            world.server("a").fault_always(command, Fault::Refuse("[OVERQUOTA] full".to_owned()));
        }
        for n in 100..120 {
            world.server("a").deliver("INBOX", &restock(A.1, n), world.clock.now());
        }
    };
    no_slower("is full", |world| full(world), |_| {});
}

#[test]
fn an_account_whose_filing_hangs() {
    // the hand of A is in the middle of a move that nobody answers when B's mail comes
    no_slower(
        "hangs in a move",
        |world| {
            world.server("a").fault_always("MOVE", Fault::Hang);
            world.server("a").deliver("INBOX", &restock(A.1, 9), world.clock.now());
        },
        |_| {},
    );
}

#[cfg(unix)]
#[test]
fn an_account_whose_password_does_not_come() {
    no_slower(
        "waits for a program that asks for a password",
        |world| world.accounts[0].password = Secret::Command(vec!["sleep".to_owned(), "1000".to_owned()]),
        |_| {},
    );
    let folder = tempfile::tempdir().unwrap();
    no_slower(
        "has a pipe for a password file",
        |world| {
            let path = folder.path().join("pipe");
            assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
            world.accounts[0].password = Secret::File(path);
        },
        |_| {},
    );
}

#[test]
fn fifty_accounts_that_are_all_silent() {
    const NAMES: [&str; 50] = [
        "s00", "s01", "s02", "s03", "s04", "s05", "s06", "s07", "s08", "s09", "s10", "s11", "s12", "s13", "s14", "s15",
        "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23", "s24", "s25", "s26", "s27", "s28", "s29", "s30", "s31",
        "s32", "s33", "s34", "s35", "s36", "s37", "s38", "s39", "s40", "s41", "s42", "s43", "s44", "s45", "s46", "s47",
        "s48", "s49",
    ];
    let found = simulated(async {
        let mut accounts: Vec<(&str, &str)> = NAMES.iter().map(|name| (*name, A.1)).collect();
        accounts.insert(25, B);
        let world = World::new(at("2026-11-24 09:00"), &accounts);
        for name in NAMES {
            world.server(name).fault_always("GREETING", Fault::Hang);
        }
        world
            .while_running(async {
                pass(BEFORE).await;
                told_and_filed(&world, 777).await
            })
            .await
    });
    assert_eq!(found, alone());
}

#[test]
fn what_was_under_way_in_a_dead_account_holds_up_no_start() {
    let found = simulated(async {
        let world = World::new(at("2026-11-24 09:00"), &[A, B]);
        world.server("a").fault_always("MOVE", Fault::Hang);
        world.server("a").deliver("INBOX", &restock(A.1, 9), world.clock.now());
        world.while_running(pass(30)).await;
        let under_way = world.store().call(|db| db.under_way("file")).await.unwrap();
        assert_eq!(under_way.len(), 1, "A's filing was cut off");
        world.server("a").fault_always("GREETING", Fault::Hang);
        world.server("a").cut_all();
        world
            .while_running(async {
                pass(1).await;
                told_and_filed(&world, 777).await
            })
            .await
    });
    assert_eq!(found, alone());
}

#[test]
fn a_stop_waits_five_seconds_for_a_dead_account_and_no_longer() {
    simulated(async {
        let world = World::new(at("2026-11-24 09:00"), &[A, B]);
        world.server("a").fault_always("MOVE", Fault::Hang);
        world.server("a").deliver("INBOX", &restock(A.1, 9), world.clock.now());
        let begun = tokio::time::Instant::now();
        world.while_running(pass(30)).await;
        let ending = begun.elapsed() - Duration::from_secs(30);
        assert!(ending <= Duration::from_millis(5100), "{ending:?}");
    });
}

/// Ten thousand mails come to A at once. Taking them in is work, and takes no time by a paused clock: what is counted is
/// how many of A's come first, once B's has arrived.
#[test]
fn an_account_with_a_flood() {
    const FLOOD: u32 = 10_000;
    // one transaction of A's may be under way, one may be read already, and B's own takes its turn after them
    const FIRST: u32 = 3 * 32;
    simulated(async {
        let world = World::new(at("2026-11-24 09:00"), &[A, B]);
        let taken = || {
            let counts = world.db.lock().unwrap().counts().unwrap();
            counts.iter().map(|(_, number)| *number).sum::<u32>()
        };
        world
            .while_running(async {
                pass(BEFORE).await;
                for n in 0..FLOOD {
                    let mail =
                        format!("From: <a@b.example>\r\nSubject: {n}\r\nMessage-ID: <{n}@b.example>\r\n\r\nx\r\n");
                    world.server("a").deliver("INBOX", mail.as_bytes(), world.clock.now());
                }
                while taken() < 2_000 {
                    tokio::task::yield_now().await;
                }
                let now = world.clock.now();
                world.server("b").deliver("INBOX", &restock(B.1, 777), now);
                let before = taken();
                // the clock stands still while there is work: nobody sleeps here
                while !world.heard(now).iter().any(|(_, _, title)| title.starts_with("マグ777")) {
                    tokio::task::yield_now().await;
                }
                let first = taken() - before;
                assert!(before < FLOOD, "the flood was over before B's mail came");
                let told = world.heard(now).pop().unwrap().0;
                assert!(told <= 2 && first <= FIRST, "told after {told} ms and {first} mails of A");
                while taken() <= FLOOD {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            })
            .await;
    });
}

#[test]
fn an_account_with_a_flood_of_restocks() {
    no_slower(
        "has 300 restocks at once",
        |_| {},
        |world| {
            for n in 1000..1300 {
                world.server("a").deliver("INBOX", &restock(A.1, n), world.clock.now());
            }
        },
    );
}
