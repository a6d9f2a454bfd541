//! What must be true when a storm is over: design section 8's promise, checked against the server's true mailboxes, the
//! phone, and the database. Each check answers with a sentence when it is broken.
//!
//! What is promised when others act on the very message that is being filed:
//!
//! * Another client moved it: it stays where that client put it. Only when it was put into INBOX may it be filed from
//!   there: to modori it is a message that lies in INBOX.
//! * Another client moved or removed one of the two places between our COPY and its end (servers without MOVE only): no
//!   protocol can tell that from a message that was moved after it was filed. It may then lie at both places, once more
//!   each time that happens, and it is gone when the place that was removed was the copy.
//! * A folder was deleted: what lay in it is gone, by that client's hand.
//! * UIDVALIDITY of INBOX changed while it was being filed: the message is found again by its key and filed, or its move
//!   had happened already; either way it lies once, in its folder.
//! * UIDVALIDITY of the target changed: the copy is looked for by its key in all of the target.
//! * Of several deliveries of the same bytes one is filed, the others stay where they are. Two messages with the same
//!   bytes are one to modori: if another client brings one of them into the target while the other is being filed by
//!   COPY, or the target with one of them is renumbered meanwhile, one may be taken for the copy of the other. The bytes
//!   are never lost.
//! * A MOVE was done half, and INBOX was renumbered before that was looked at. Only a date of receipt that was known before
//!   tells the source, which lies there still, from a delivery of the same bytes that came after a whole MOVE. Where the
//!   server gave new dates with the new numbers, it is left, beside its copy. The same on another server where the dates of
//!   several deliveries tell nothing: another client took one of the same second away, or one was known by the new date.
//! * A server that carried a MOVE out only after a later MOVE of the same message had been done half (its own record says
//!   so, `Server::overtaken`): the message came into its folder with each of them, and lies there once more. When the
//!   late one came after our own half, it brought our `\\Deleted` along.

use super::mails::letters;
use super::run::Storm;
use super::weather::Weather;
use super::world::{KEEP, Message};
use modori::edge::store::State;
use modori::mailbox::MailKey;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Everything that is wrong.
pub fn judge(weather: &Weather, storm: &Storm) -> Vec<String> {
    let mut wrong = vec![];
    let world = &weather.world;
    let mut messages = world.messages.lock().unwrap().clone();
    let (overtaken, halved) = (world.server.overtaken(), world.server.halved());
    for message in &mut messages {
        message.overtaken = overtaken.iter().any(|bytes| Arc::ptr_eq(bytes, &message.bytes));
        message.halved = halved.iter().any(|bytes| Arc::ptr_eq(bytes, &message.bytes));
    }
    let can = |capability: &str| !storm.schedule.withdrawn.contains(&capability);
    // without UIDPLUS a source left \Deleted counts as gone: nothing else can be done where MOVE is missing, or did only
    // its first half
    let leaves_deleted = !can("UIDPLUS");
    let mut by_key: BTreeMap<usize, Vec<(&Message, Vec<String>)>> = BTreeMap::new();
    for message in &messages {
        let letter = &letters()[message.letter];
        let foreign = message.set.contains("\\Deleted");
        let mut live = vec![];
        let places = world.places(&message.bytes);
        for (folder, uid, flags) in &places {
            let (folder, uid) = (folder.clone(), *uid);
            // where another client marked it as well, a copy elsewhere tells that this is what our hand left
            let left = !foreign
                || leaves_deleted
                    && folder == "INBOX"
                    && letter.folder != "INBOX"
                    && places.iter().any(|(other, ..)| *other == letter.folder);
            let deleted = flags.contains("\\Deleted") && left;
            // another client may have taken away what was left, or was about to be expunged
            let excused = message.split
                || message.removed
                || message.overtaken && folder == letter.folder
                || leaves_deleted && (folder == "INBOX" || message.put.is_some());
            let copied = message.copies > 0 && folder == KEEP;
            if deleted && !excused && !copied {
                wrong.push(format!("{} in {folder} ({uid}) bears \\Deleted, and nobody else set it", letter.name));
            }
            for flag in flags {
                let ours = flag == "\\Deleted"
                    || flag == "\\Flagged" && storm.schedule.flags && letter.name.starts_with("cancelled");
                if !ours && !message.set.contains(flag) {
                    wrong.push(format!("{} in {folder} ({uid}) bears {flag}, and nobody else set it", letter.name));
                }
            }
            // a copy that another client laid into its own folder is that client's
            if !deleted {
                let lost: Vec<&String> = message.kept.difference(flags).collect();
                if !lost.is_empty() && message.copies == 0 {
                    wrong.push(format!("{} in {folder} ({uid}) lost its flags {lost:?}", letter.name));
                }
                live.push(folder);
            }
        }
        by_key.entry(message.letter).or_default().push((message, live));
    }
    for (letter, all) in &by_key {
        places(*letter, all, storm, &mut wrong);
    }
    for folder in ["INBOX", KEEP] {
        if world.server.uid_validity(folder).is_none() {
            wrong.push(format!("the folder {folder} is gone"));
        }
    }
    told(weather, storm, &by_key, &mut wrong);
    wrong
}

/// Where the deliveries of one mail may lie.
fn places(letter: usize, all: &[(&Message, Vec<String>)], storm: &Storm, wrong: &mut Vec<String>) {
    let letter = &letters()[letter];
    let name = &letter.name;
    let twins = all.len() > 1;
    let total: usize = all.iter().map(|(_, live)| live.len()).sum();
    if total == 0 && all.iter().any(|(message, _)| !message.removed) {
        wrong.push(format!("{name} is lost"));
    }
    let given_up = storm.given_up.contains(&letter.key);
    let (mut filed, mut most_of_all) = (0, 0);
    for (message, live) in all {
        let home = &message.home;
        let left = left_beside_copy(&letter.folder, (message, live), all, storm);
        let allowed: BTreeSet<&str> = match &message.put {
            Some(put) if put == "INBOX" => BTreeSet::from(["INBOX", letter.folder.as_str()]),
            Some(put) => BTreeSet::from([put.as_str()]),
            // a message that was delivered into a folder of its own stays there
            None if home != "INBOX" => BTreeSet::from([home.as_str()]),
            None if twins || given_up || left => BTreeSet::from(["INBOX", letter.folder.as_str()]),
            None => BTreeSet::from([letter.folder.as_str()]),
        };
        let halves = message.halves.max(usize::from(message.split));
        let most = 1 + halves + usize::from(message.overtaken) + message.copies + usize::from(left);
        // of several with the same bytes one may be taken away for the other
        most_of_all += most;
        if live.len() > most && !twins {
            wrong.push(format!("{name} lies at {live:?}, and should at most {most} times"));
        }
        if live.is_empty() && !message.removed && !twins {
            wrong.push(format!("{name} is lost"));
        }
        let stray = |folder: &&String| {
            let copied = message.copies > 0 && *folder == KEEP;
            !copied && !message.removed && !message.split && !allowed.contains(folder.as_str())
        };
        if let Some(stray) = live.iter().find(stray) {
            wrong.push(format!("{name} lies in {stray}, and should in {allowed:?} ({live:?})"));
        }
        let untouched = message.put.is_none() && message.copies == 0 && home == "INBOX";
        filed += usize::from(untouched && letter.folder != "INBOX" && live.contains(&letter.folder));
    }
    if total > most_of_all {
        wrong.push(format!("{name} lies at {total} places, and should at most at {most_of_all}"));
    }
    let quiet = |(message, _): &(&Message, Vec<String>)| {
        message.put.is_none() && message.copies == 0 && !message.removed && message.home == "INBOX"
    };
    // of several with the same bytes just one is filed
    if twins && !given_up && letter.folder != "INBOX" && all.iter().all(quiet) && filed != 1 {
        wrong.push(format!("{name} came {} times, and {filed} of them are filed", all.len()));
    }
}

/// Whether a message may lie in INBOX beside its copy, because its MOVE was done half and no date of receipt told its source
/// from a delivery of the same bytes.
fn left_beside_copy(
    folder: &str,
    (half, live): (&Message, &[String]),
    all: &[(&Message, Vec<String>)],
    storm: &Storm,
) -> bool {
    let taken_for = |(other, _): &(&Message, Vec<String>)| {
        let alike_and_gone = other.received == half.received && (other.put.is_some() || other.removed);
        !std::ptr::eq(*other, half) && (alike_and_gone || other.newly_dated)
    };
    let lies = |place: &str| live.iter().any(|one| one == place);
    storm.struck.contains_key("UIDVALIDITY change of INBOX")
        && half.halved
        && lies("INBOX")
        && lies(folder)
        && (storm.schedule.redates || all.iter().any(taken_for))
}

/// What the shopper was told, and the ledger.
fn told(
    weather: &Weather,
    storm: &Storm,
    by_key: &BTreeMap<usize, Vec<(&Message, Vec<String>)>>,
    wrong: &mut Vec<String>,
) {
    let world = &weather.world;
    let db = world.db.lock().unwrap();
    let rung = world.phone.rung();
    let events: BTreeSet<String> =
        db.events().unwrap().iter().map(|event| serde_json::to_string(event).unwrap()).collect();
    let mut expected = BTreeSet::new();
    for (letter, all) in by_key {
        let letter = &letters()[*letter];
        if !db.knows(&letter.key).unwrap() {
            // another client took every one of them away before it was seen
            if all.iter().any(|(message, _)| message.home == "INBOX" && message.put.is_none() && !message.removed) {
                wrong.push(format!("{} was never seen", letter.name));
            }
            continue;
        }
        expected.extend(letter.events.iter().cloned());
        for alert in &letter.alerts {
            if !rung.iter().any(|ring| ring.key == *alert) {
                wrong.push(format!("{} was never told", letter.name));
            }
        }
    }
    for event in events.symmetric_difference(&expected) {
        let how = if expected.contains(event) { "lacks" } else { "has too much" };
        wrong.push(format!("the ledger {how} {event}"));
    }
    // The exact bound of an alert: it is told again only if the channel lost its answer, or the program ended after the
    // channel took it and before that was written down. The key is the same.
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, ring) in rung.iter().enumerate() {
        if let Some(before) = last.insert(&ring.key, at).map(|before| &rung[before]) {
            let written = storm.written.get(before.life).is_some_and(|keys| keys.contains(&ring.key));
            let died_between = before.life < ring.life && !written;
            let answer_lost = !before.answered && before.life == ring.life;
            if !died_between && !answer_lost {
                wrong.push(format!(
                    "{} was told again without need (lives {} and {})",
                    ring.key, before.life, ring.life
                ));
            }
        }
    }
    for row in db.outbox().unwrap() {
        let given_up = row.state == State::Failed && row.key.starts_with("file:");
        if row.state != State::Done && !given_up && !row.key.starts_with("flag:") {
            wrong.push(format!("not at its end: {} {} {:?}", row.key, row.state.word(), row.last_error));
        }
    }
}

/// Mails whose filing was given up after as many refusals as that takes: they stay where they are.
pub fn given_up(weather: &Weather) -> BTreeSet<MailKey> {
    let rows = weather.world.db.lock().unwrap().outbox().unwrap();
    let failed = rows.into_iter().filter(|row| row.state == State::Failed && row.attempts >= 7);
    failed.filter_map(|row| MailKey::from_hex(row.key.strip_prefix("file:")?)).collect()
}
