//! Blindness is told at its time, once, seldom when it comes and goes, and taken back when it is over.

use super::*;
use crate::plan::Effect;
use crate::wording::Language;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn secs(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

fn policy() -> Policy {
    let blind = Blind {
        after: Some(secs(300)),
        after_hot: Some(secs(60)),
        channels: vec!["phone".to_owned(), "desk".to_owned()],
        fallback: Vec::new(),
    };
    Policy { blind, language: Language::En, give_up_after_s: 7200, ..Policy::default() }
}

/// Watching since 0.
fn watching(account: &str) -> Life {
    let mut life = Life::new(account, "INBOX", "l", at(0));
    life.opened("idle", at(0));
    life.looked(at(0));
    life
}

fn lost(life: &mut Life, second: i64) {
    life.lost(life.failures + 1, "the server no longer answers", false, secs(60), at(second));
}

fn take_back(lives: &mut [Life]) {
    for one in over(lives) {
        forget(lives, &one.stem);
    }
}

fn keys(wishes: &[Wish]) -> Vec<&str> {
    wishes.iter().map(|wish| wish.key.as_str()).collect()
}

fn words(wish: &Wish) -> (String, String) {
    let Effect::Alert { alert, .. } = &wish.effect else { panic!("no alert") };
    (alert.title.clone(), alert.body.clone())
}

#[test]
fn told_at_its_time_once_and_taken_back() {
    let mut lives = [watching("a")];
    lives[0].seen(at(1000));
    lost(&mut lives[0], 1040);
    let policy = policy();
    // counted from the last proof of life, not from when the loss was noticed
    assert_eq!(lives[0].told_at(&policy.blind, false, at(1040)), Some(at(1300)));
    assert!(on_blind(&mut lives, &policy, false, at(1299)).is_empty());
    let told = on_blind(&mut lives, &policy, false, at(1300));
    assert_eq!(keys(&told), ["blind:a:1790001000000:phone", "blind:a:1790001000000:desk"]);
    let (title, body) = words(&told[0]);
    assert_eq!(title, "No sight of your mail for 5 minutes");
    assert!(body.starts_with("a, INBOX: the server no longer answers\nNot seen since "), "{body}");
    assert!(on_blind(&mut lives, &policy, false, at(9000)).is_empty(), "once");
    assert!(over(&lives).is_empty());

    lives[0].opened("idle", at(9100));
    assert!(over(&lives).is_empty(), "opened is not seen yet");
    lives[0].looked(at(9101));
    let gone = over(&lives);
    assert_eq!((gone.len(), gone[0].from, gone[0].to), (1, at(1000), at(9101)));
    let back = on_return(&gone[0], &["phone".to_owned()], 3, &policy, at(9101));
    assert_eq!(keys(&back), ["back:blind:a:1790001000000:phone"], "only where the alert had left");
    let (title, body) = words(&back[0]);
    assert_eq!(title, "Your mail is seen again");
    assert!(body.contains("Not seen from ") && body.ends_with("3 mails came meanwhile and were read now"), "{body}");
    // in quiet hours it is kept back, and told in the morning by the same channels
    let quiet = Policy {
        calm: crate::plan::calm::Calm { quiet: vec!["23:00-07:00".parse().unwrap()], ..Default::default() },
        ..policy.clone()
    };
    let back = on_return(&gone[0], &["phone".to_owned()], 3, &quiet, at(9101));
    assert!(matches!(&back[0].effect, Effect::Held { by, .. } if by == &["phone"]), "{back:?}");
    forget(&mut lives, &gone[0].stem);
    assert!(over(&lives).is_empty() && lives[0].told.alerts.is_empty());
}

#[test]
fn sooner_in_a_hot_window_and_never_when_sight_returned_in_time() {
    let policy = policy();
    let mut lives = [watching("a")];
    lost(&mut lives[0], 10);
    assert!(on_blind(&mut lives, &policy, true, at(59)).is_empty());
    assert_eq!(on_blind(&mut lives.clone(), &policy, true, at(60)).len(), 2);
    lives[0].opened("idle", at(299));
    lives[0].looked(at(299));
    assert!(on_blind(&mut lives, &policy, false, at(300)).is_empty());
    assert_eq!(lives[0].told_at(&policy.blind, false, at(300)), None);
    // nothing was told: nothing is taken back
    assert!(over(&lives).is_empty());
}

#[test]
fn a_connection_that_comes_and_goes_is_told_seldom_and_a_long_loss_always() {
    let policy = policy();
    let mut lives = [watching("a")];
    let mut told = Vec::new();
    // down for six minutes, up for four, all day
    for round in 0..144 {
        let second = round * 600;
        lives[0].looked(at(second));
        take_back(&mut lives);
        lost(&mut lives[0], second + 1);
        for later in (0..360).step_by(2) {
            if !on_blind(&mut lives, &policy, false, at(second + later)).is_empty() {
                told.push(second + later);
            }
        }
    }
    assert_eq!(told, [300], "told once a day");
    let second = 144 * 600;
    lives[0].looked(at(second));
    take_back(&mut lives);
    lost(&mut lives[0], second + 1);
    let told_at = lives[0].told_at(&policy.blind, false, at(second + 1)).unwrap();
    assert_eq!(told_at, at(second + 600), "a longer one is told later, but told");
}

#[test]
fn what_went_dark_together_is_told_together_and_taken_back_when_all_are_seen() {
    let policy = policy();
    let mut lives = [watching("a"), watching("b"), watching("c"), watching("d")];
    lives[1].seen(at(40));
    lives[2].seen(at(290));
    lives[3].seen(at(299));
    for life in &mut lives[..3] {
        lost(life, 291);
    }
    let told = on_blind(&mut lives, &policy, false, at(300));
    assert_eq!(keys(&told), ["blind:a:1790000000000:phone", "blind:a:1790000000000:desk"]);
    let (_, body) = words(&told[0]);
    assert!(body.contains("a, INBOX") && body.contains("b, INBOX") && !body.contains("c, INBOX"), "{body}");
    lives[0].looked(at(400));
    assert!(over(&lives).is_empty(), "b is not seen yet");
    lives[1].looked(at(420));
    let gone = over(&lives);
    assert_eq!((gone.len(), gone[0].mailboxes.len(), gone[0].from, gone[0].to), (1, 2, at(0), at(420)));
}

#[test]
fn a_refused_login_is_told_at_once_and_again_for_another_reason_only() {
    let policy = policy();
    let mut lives = [watching("a")];
    let refuse = |life: &mut Life, why: &str, second: i64| life.lost(1, why, true, secs(3600), at(second));
    refuse(&mut lives[0], "login was refused (request 1234)", 50);
    let first = on_blind(&mut lives, &policy, false, at(50));
    assert_eq!(first.len(), 2);
    assert_eq!(words(&first[0]).0, "Your mailbox refuses the login");
    refuse(&mut lives[0], "login was refused (request 99)", 3650);
    assert!(on_blind(&mut lives, &policy, false, at(3650)).is_empty(), "the same reason, and no blind alert beside it");
    refuse(&mut lives[0], "the account is locked", 7300);
    let second = on_blind(&mut lives, &policy, false, at(7300));
    assert_eq!(second.len(), 2);
    assert_ne!(first[0].key, second[0].key);
    lives[0].looked(at(7400));
    assert_eq!(over(&lives).len(), 2);
    // another day, the same refusal: news again
    refuse(&mut lives[0], "login was refused", 90_000);
    assert_eq!(on_blind(&mut lives, &policy, false, at(90_000)).len(), 2);
}

#[test]
fn sleep_is_no_blindness() {
    let policy = policy();
    let mut lives = [watching("a")];
    // asleep for an hour: nothing is overdue, and the loss that follows is counted from waking up
    lives[0].shaken(at(3600));
    assert!(!lives[0].overdue(secs(55), at(3601)));
    lost(&mut lives[0], 3602);
    assert!(on_blind(&mut lives, &policy, false, at(3602)).is_empty());
    assert!(on_blind(&mut lives, &policy, false, at(3899)).is_empty());
    assert_eq!(on_blind(&mut lives, &policy, false, at(3900)).len(), 2);
    // a clock that was set back: what lies ahead is not waited for
    let mut life = watching("b");
    life.seen(at(10_000));
    life.shaken(at(5_000));
    assert_eq!((life.good_at, life.since), (Some(at(5_000)), at(0)));
}

#[test]
fn a_watch_without_a_sign_of_life_counts_as_blind() {
    let mut life = watching("a");
    life.seen(at(100));
    assert!(!life.overdue(secs(55), at(185)));
    assert!(life.overdue(secs(55), at(186)));
    assert!(!life.overdue(secs(55), at(187)), "said once");
    assert_eq!((life.reach, life.blind_since), (Reach::Watching, Some(at(100))));
    life.seen(at(200));
    assert_eq!(life.blind_since, None);
}

#[test]
fn waits_survive_a_restart_and_new_settings_or_a_person_end_them() {
    let blind = policy().blind;
    let mut life = watching("a");
    life.seen(at(100));
    life.lost(7, "login refused", true, secs(3600), at(140));
    let again = |login: &str, by_hand, second| life.clone().resumed(login, by_hand, at(150), &blind, at(second));
    let held = again("l", false, 160);
    assert_eq!((held.reach, held.failures, held.not_before), (Reach::Refused, 7, Some(at(3740))));
    assert_eq!(again("l", true, 160).not_before, None);
    let changed = again("other", false, 160);
    assert_eq!((changed.reach, changed.failures, changed.not_before), (Reach::Connecting, 0, None));
    assert_eq!(again("l", false, 4000).not_before, None, "its time has come");
    // a short pause goes on counting, a long one does not
    assert_eq!(held.told_at(&blind, false, at(160)), Some(at(400)));
    let later = again("l", false, 2000);
    assert_eq!((later.blind_since, later.told_at(&blind, false, at(2000))), (Some(at(2000)), Some(at(2300))));
    // what was told stays told until something is seen
    let mut told = [life.clone()];
    assert_eq!(on_blind(&mut told, &policy(), false, at(450)).len(), 2);
    let [told] = told;
    let mut next_day = told.resumed("l", false, at(460), &blind, at(86_400));
    assert_eq!(next_day.told_at(&blind, false, at(99_999)), None);
    next_day.looked(at(86_500));
    let gone = over(std::slice::from_ref(&next_day));
    assert_eq!((gone.len(), gone[0].from, gone[0].to), (1, at(100), at(86_500)));
}

#[test]
fn nothing_is_told_without_a_channel_or_when_it_is_not_wanted() {
    for blind in [Blind { after: None, ..policy().blind }, Blind { channels: vec![], ..policy().blind }] {
        let policy = Policy { blind, ..policy() };
        let mut lives = [watching("a")];
        lives[0].lost(1, "refused", true, secs(60), at(10));
        assert!(on_blind(&mut lives, &policy, false, at(99_999)).is_empty());
        assert!(lives[0].told.alerts.is_empty());
    }
}
