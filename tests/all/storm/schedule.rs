//! What happens in a storm, and when: drawn from its seed and nothing else.

use super::mails::{EACH, NEWS, RESTOCK, letters, number};
use super::phone::Trouble;
use super::world::KEEP;
use crate::support::mutate::Chance;
use modori::demo::{Fault, GREETING, Gap};
use std::time::Duration;

/// What another client does with one message.
#[derive(Clone, Debug)]
pub enum Meddling {
    Expunge,
    /// Into a folder of the shopper's own.
    Keep,
    /// Into the folder where modori would put it.
    Ahead,
    /// Into INBOX.
    Back,
    Copy,
    Flag(&'static str, bool),
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Deed {
    /// A mail comes. In a folder of its own: one that was there before.
    Deliver {
        letter: usize,
        folder: Option<String>,
        flags: Vec<&'static str>,
    },
    /// The next such command is struck.
    Strike(&'static str, Fault),
    CutWriting(u64),
    CutReading(u64),
    CutAll,
    Down(bool),
    /// At this point of the next such command.
    Lurk(&'static str, Gap, Box<Deed>),
    /// The number chooses the message when it happens, among those in INBOX if there are any.
    Meddle(usize, Meddling),
    Renumber(String),
    /// Another client deletes a folder; perhaps it makes it again.
    Drop(String, bool),
    RefuseCommits(u32),
    LoseCommit,
    Full(bool),
    Phone(Trouble),
    /// Seconds.
    Jump(i64),
}

/// A storm.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    /// Capabilities that the server lacks.
    pub withdrawn: Vec<&'static str>,
    /// A mailbox that is numbered anew gets new dates of receipt as well.
    pub redates: bool,
    /// The program sets flags.
    pub flags: bool,
    /// By time.
    pub deeds: Vec<(Duration, Deed)>,
    /// After how many wake-ups the lives of the program end that do not end by themselves; the next ones last.
    pub lives: Vec<usize>,
    /// After a death the program starts again after so long.
    pub down_for: Duration,
}

/// Commands that a fault can wait for: those of both connections.
const COMMANDS: &[&str] = &[
    GREETING, "AUTHENTICATE", "NAMESPACE", "LIST", "CREATE", "SUBSCRIBE", "EXAMINE", "SELECT", "STATUS", "FETCH",
    "FETCH", "FETCH", "MOVE", "MOVE", "MOVE", "COPY", "COPY", "STORE", "EXPUNGE", "IDLE", "IDLE", "NOOP", "*", "*",
];

/// The commands that file.
const FILING: &[&str] = &["MOVE", "MOVE", "COPY", "COPY", "STORE", "EXPUNGE"];

fn one_of<T: Clone>(chance: &mut Chance, all: &[T]) -> T {
    all[chance.below(all.len())].clone()
}

fn fault(chance: &mut Chance) -> Deed {
    if chance.below(3) == 0 {
        // what only filing can suffer
        return match chance.below(7) {
            0 => Deed::Strike(one_of(chance, &["MOVE", "COPY"]), Fault::OnlySayOk),
            1 => Deed::Strike(one_of(chance, &["MOVE", "COPY"]), Fault::Partly),
            2 => Deed::Strike("MOVE", Fault::CopyOnly),
            3 => {
                Deed::Strike(one_of(chance, &["MOVE", "COPY", "CREATE"]), Fault::Refuse("[OVERQUOTA] full".to_owned()))
            }
            _ => Deed::Strike(
                one_of(chance, &["MOVE", "COPY", "STORE", "STORE", "EXPUNGE", "EXPUNGE"]),
                Fault::LoseAnswer,
            ),
        };
    }
    let command = one_of(chance, COMMANDS);
    let fault = match chance.below(11) {
        0 => Fault::Cut,
        1 => Fault::LoseAnswer,
        2 => {
            let login = ["[AUTHENTICATIONFAILED] no", "[UNAVAILABLE] later", "[LIMIT] too many"];
            let other = ["[UNAVAILABLE] later", "[INUSE] wait", "[SERVERBUG] oh", "no", "[NOPERM] no"];
            let text = if command == "AUTHENTICATE" { one_of(chance, &login) } else { one_of(chance, &other) };
            Fault::Refuse(text.to_owned())
        }
        3 => Fault::Bad("not understood"),
        4 => Fault::Delay(Duration::from_millis(1 << chance.below(15))),
        5 | 6 => Fault::Double,
        7 => Fault::Bye,
        8 => Fault::Hang,
        9 => Fault::Withhold,
        _ => Fault::Mute,
    };
    Deed::Strike(command, fault)
}

fn meddling(chance: &mut Chance) -> Deed {
    let pick = chance.below(1000);
    Deed::Meddle(
        pick,
        match chance.below(9) {
            0 | 1 => Meddling::Expunge,
            2 | 3 => Meddling::Keep,
            4 => Meddling::Ahead,
            5 => Meddling::Back,
            6 => Meddling::Copy,
            7 => Meddling::Flag("\\Seen", chance.below(4) > 0),
            _ => Meddling::Flag(one_of(chance, &["\\Answered", "$Label", "\\Deleted"]), true),
        },
    )
}

fn folder(chance: &mut Chance) -> String {
    letters()[number(chance.below(NEWS), 0)].folder.clone()
}

/// A mail that comes; another copy of one that came before every now and then.
fn mail(chance: &mut Chance, came: &mut Vec<usize>) -> Deed {
    let kind = one_of(chance, &[RESTOCK, RESTOCK, RESTOCK, 1, 2, 3, 4, NEWS]);
    let letter = match came.len() {
        0 => number(kind, chance.below(EACH - 2)),
        count if chance.below(5) == 0 => came[chance.below(count)],
        _ => number(kind, chance.below(EACH - 2)),
    };
    came.push(letter);
    let flags = match chance.below(8) {
        0 => vec!["\\Seen"],
        1 => vec!["\\Flagged"],
        _ => vec![],
    };
    Deed::Deliver { letter, folder: None, flags }
}

/// Something in the mailboxes, at a point of a command.
fn lurking(chance: &mut Chance, came: &mut Vec<usize>) -> Deed {
    let (command, gap) = match chance.below(8) {
        0 => ("IDLE", Gap::Before),
        1 => ("IDLE", Gap::AfterPlus),
        2 => ("IDLE", Gap::AtDone),
        3 | 4 => ("FETCH", Gap::Within),
        5 => (one_of(chance, &["FETCH", "EXAMINE", "SELECT", "STATUS"]), one_of(chance, &[Gap::Before, Gap::After])),
        _ => (one_of(chance, FILING), one_of(chance, &[Gap::Before, Gap::After])),
    };
    let deed = match (command, chance.below(8)) {
        ("IDLE", 0..6) => mail(chance, came),
        ("FETCH", 0..4) => mail(chance, came),
        ("MOVE" | "COPY" | "STORE" | "EXPUNGE", 0..=1) | (_, 6) => {
            Deed::Renumber(if chance.below(2) == 0 { "INBOX".to_owned() } else { folder(chance) })
        }
        ("MOVE" | "COPY" | "STORE" | "EXPUNGE", 2) | (_, 7) => Deed::Drop(folder(chance), chance.below(2) == 0),
        _ => meddling(chance),
    };
    Deed::Lurk(command, gap, Box::new(deed))
}

impl Schedule {
    pub fn of(seed: u64) -> Self {
        let mut chance = Chance::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let chance = &mut chance;
        let rarely: &[(&'static str, usize)] = &[
            ("MOVE", 45),
            ("UIDPLUS", 30),
            ("IDLE", 20),
            ("NOTIFY", 50),
            ("LITERAL+", 20),
            ("NAMESPACE", 10),
            ("SASL-IR", 10),
        ];
        let withdrawn =
            rarely.iter().filter(|(_, percent)| chance.below(100) < *percent).map(|(word, _)| *word).collect();
        let span = 15_000 + chance.below(25_000);
        let mut deeds: Vec<(Duration, Deed)> = vec![];
        let mut came = vec![];
        // what lay there before, foreign \Deleted messages among it
        let deleted = vec!["\\Deleted"];
        let before = [
            (number(NEWS, 8), "INBOX".to_owned(), deleted.clone()),
            (number(NEWS, 9), KEEP.to_owned(), vec![]),
            (number(4, 8), folder(chance), deleted),
        ];
        for (letter, folder, flags) in before {
            deeds.push((Duration::ZERO, Deed::Deliver { letter, folder: Some(folder), flags }));
        }
        let at = |chance: &mut Chance| Duration::from_millis(chance.below(span) as u64);
        for _ in 0..2 + chance.below(4) {
            let deed = mail(chance, &mut came);
            // some lie there when the program starts
            let when = if chance.below(4) == 0 { Duration::ZERO } else { at(chance) };
            deeds.push((when, deed));
        }
        for _ in 0..2 + chance.below(9) {
            let deed = fault(chance);
            deeds.push((at(chance), deed));
        }
        for _ in 0..chance.below(3) {
            deeds.push((at(chance), Deed::CutWriting(chance.below(8000) as u64)));
        }
        for _ in 0..chance.below(3) {
            deeds.push((at(chance), Deed::CutReading(chance.below(1500) as u64)));
        }
        for _ in 0..2 + chance.below(4) {
            let deed = lurking(chance, &mut came);
            deeds.push((at(chance), deed));
        }
        for _ in 0..chance.below(3) {
            let deed = meddling(chance);
            deeds.push((at(chance), deed));
        }
        for _ in 0..chance.below(3) {
            let trouble = match chance.below(3) {
                0 => Trouble::Fails,
                1 => Trouble::Hangs(1 + chance.below(20) as u64),
                _ => Trouble::LosesAnswer,
            };
            deeds.push((at(chance), Deed::Phone(trouble)));
        }
        for _ in 0..1 + chance.below(2) {
            let deed = match chance.below(8) {
                0 => Deed::Renumber("INBOX".to_owned()),
                1 => Deed::Renumber(folder(chance)),
                2 => Deed::Drop(folder(chance), chance.below(2) == 0),
                3 => Deed::RefuseCommits(1 + chance.below(3) as u32),
                4 => Deed::LoseCommit,
                5 => Deed::CutAll,
                6 => Deed::Jump(chance.below(7200) as i64 - 30),
                _ => Deed::Jump(-(chance.below(20) as i64)),
            };
            deeds.push((at(chance), deed));
        }
        let spell = |chance: &mut Chance, longest: usize| {
            let from = at(chance);
            (from, from + Duration::from_millis(500 + chance.below(longest) as u64))
        };
        if chance.below(3) == 0 {
            let (from, to) = spell(chance, 20_000);
            deeds.extend([(from, Deed::Full(true)), (to, Deed::Full(false))]);
        }
        if chance.below(6) == 0 {
            let (from, to) = spell(chance, 120_000);
            deeds.extend([(from, Deed::Down(true)), (to, Deed::Down(false))]);
        }
        if chance.below(12) == 0 {
            deeds.push((
                at(chance),
                Deed::Strike("AUTHENTICATE", Fault::Refuse("[AUTHENTICATIONFAILED] no".to_owned())),
            ));
        }
        deeds.sort_by_key(|(at, _)| *at);
        // many short lives, a few long ones
        let mut lives = vec![];
        for _ in 0..chance.below(7) {
            let longest = 1 << (2 + chance.below(8));
            lives.push(1 + chance.below(longest));
        }
        let down_for = Duration::from_millis(chance.below(3000) as u64);
        let flags = chance.below(4) == 0;
        Self { withdrawn, redates: chance.below(4) == 0, flags, deeds, lives, down_for }
    }
}
