//! When the gate opens, and every reason why it stays shut.

use super::*;
use crate::ledger::due::Settings;
use crate::ledger::{Case, Said};
use crate::letter::tests::{self, MAILS, Wire, asks, at, cancelled, ordered, replies, told};
use crate::letter::{Asked, Correspondence, Memory, Written, write};
use crate::plan::on_owner::{LettersDue, letters_due, on_owner, propose};
use crate::plan::{Effect, Policy};

/// The time at which the shop is asked: three business days after the cancellation.
const DUE: &str = "11-27 18:00";

/// An order, its mails, and what was written.
struct Desk {
    kind: Kind,
    by: By,
    mails: Vec<Wire>,
    said: Vec<Said>,
    memory: Memory,
    replies: Replies,
    now: &'static str,
}

impl Desk {
    fn asking() -> Self {
        Self {
            kind: Kind::AskShop,
            by: By::Time,
            mails: vec![ordered(), cancelled()],
            said: Vec::new(),
            memory: Memory::default(),
            replies: replies(),
            now: DUE,
        }
    }

    fn answering() -> Self {
        Self {
            kind: Kind::AnswerCancel,
            by: By::Owner,
            mails: vec![ordered(), asks()],
            now: "11-25 09:00",
            ..Self::asking()
        }
    }

    fn with<R>(&self, work: impl FnOnce(&Matter<'_>) -> R) -> R {
        let (events, mails) = told(&self.mails);
        let case = self.case(&events);
        let settings = Settings::default();
        work(&Matter { case: &case, mails: &mails, memory: &self.memory, settings: &settings, now: at(self.now) })
    }

    fn case(&self, events: &[crate::ledger::Event]) -> Case {
        let order = crate::facts::OrderNumber::parse(tests::ORDER).unwrap();
        let statement = |said: &Said| crate::ledger::Statement {
            order: order.clone(),
            said: said.clone(),
            at: at("11-24 12:00"),
            by: crate::ledger::By::Command,
        };
        let statements: Vec<_> = self.said.iter().map(statement).collect();
        crate::ledger::cases(events, &statements, &Settings::default(), at(self.now)).remove(&order).unwrap()
    }

    fn answer(&self) -> Result<Ticket, Vec<Silence>> {
        self.with(|matter| propose(self.kind, self.by, matter, &Asked::default(), &self.replies).answer)
    }

    fn reasons(&self) -> Vec<Silence> {
        self.answer().err().unwrap_or_default()
    }

    fn wrote(mut self, step: &str, when: &str, outcome: Outcome) -> Self {
        let (step, message_id) = (step.to_owned(), "m@example.jp".to_owned());
        self.memory.written.push(Written { step, message_id, at: at(when), outcome, looped: false });
        self
    }

    fn mail(mut self, wire: Wire) -> Self {
        self.mails.push(wire);
        self
    }

    fn swapped(mut self, wire: Wire) -> Self {
        self.mails.truncate(1);
        self.mail(wire)
    }
}

/// Every reason that is not a mail's own, and what brings it about.
fn shut() -> Vec<(Silence, Desk)> {
    let asking = Desk::asking;
    let answering = Desk::answering;
    let shop = |code: &str| cancelled().with("From", Some(&format!("<{code}@shop.rakuten.co.jp>")));
    let town = "https://www.rakuten.co.jp/f222160-fukuroi/";
    let mut of_town = ordered();
    of_town.body = of_town.body.replace("https://www.rakuten.co.jp/modori-zakka/", town);
    let shipped = Wire::new(
        "shipped",
        &format!("<{}>", tests::SHOP),
        "11-25 11:00",
        "商品発送のご連絡",
        &format!("受注番号：{}\n本日、商品を発送いたしました。\n[お荷物伝票番号] 1234\n", tests::ORDER),
    );
    let looped = {
        let mut desk = asking().wrote("thanks", "11-25 10:00", Outcome::Sent);
        desk.memory.written[0].looped = true;
        desk
    };
    vec![
        (Silence::Old, Desk { now: "12-30 09:00", replies: Replies { oldest_days: 20, ..replies() }, ..asking() }),
        (Silence::OtherShop, asking().swapped(shop("other-shop"))),
        (Silence::NoAddress, {
            let from = Some("<order-cancel@order-rp.rms.rakuten.co.jp>");
            let by_rakuten = cancelled().with("From", from);
            let vouched = "mx.example.jp; dmarc=pass header.from=order-rp.rms.rakuten.co.jp";
            asking().swapped(by_rakuten.with("Authentication-Results", Some(vouched)))
        }),
        (Silence::NoQuestion, Desk { kind: Kind::AnswerWait, ..asking() }),
        (Silence::Municipal, Desk { mails: vec![of_town, shop("f222160-fukuroi")], ..asking() }),
        (Silence::Conflict, asking().mail(shipped)),
        (Silence::Ended, Desk { said: vec![Said::Lost], ..asking() }),
        (Silence::NotCancelled, Desk { kind: Kind::AskShop, by: By::Owner, ..answering() }),
        (
            Silence::NotProven,
            Desk { by: By::Owner, ..asking() }.swapped(cancelled().with("Authentication-Results", None)),
        ),
        (
            Silence::NothingOwed,
            Desk {
                said: vec![Said::Confirm { points: Some(500), expires: None, coupon_back: Some(true) }],
                by: By::Owner,
                ..asking()
            },
        ),
        (Silence::TooEarly, Desk { now: "11-27 17:59", ..asking() }),
        (
            Silence::TooEarly,
            Desk {
                kind: Kind::AskShopAgain,
                by: By::Owner,
                ..asking().wrote("ask-shop", "11-25 09:00", Outcome::Sent)
            },
        ),
        (Silence::AlreadyWritten, asking().wrote("ask-shop", "11-27 10:00", Outcome::Drafted)),
        (Silence::AlreadyWritten, answering().wrote("answer-wait", "11-24 10:00", Outcome::Sent)),
        (Silence::NotAskedBefore, Desk { kind: Kind::AskShopAgain, by: By::Owner, ..asking() }),
        (
            Silence::NotAskedBefore,
            Desk {
                kind: Kind::AskShopAgain,
                by: By::Owner,
                now: "12-02 09:00",
                ..asking().wrote("ask-shop", "11-27 18:00", Outcome::Drafted)
            },
        ),
        (Silence::UnknownOutcome, asking().wrote("thanks", "11-25 10:00", Outcome::Unknown)),
        (Silence::Loop, looped),
        (Silence::DailyCap, Desk { memory: Memory { today: 5, ..Memory::default() }, ..asking() }),
        (Silence::Off, Desk { replies: Replies { drafts: false, ..replies() }, ..asking() }),
        (Silence::NoSender, Desk { replies: Replies { senders: vec![], ..replies() }, ..asking() }),
    ]
}

#[test]
fn the_gate_opens_for_what_may_leave() {
    assert_eq!(Desk::asking().reasons(), []);
    assert_eq!(Desk::answering().reasons(), []);
    // the shopper need not wait for the time
    assert_eq!(Desk { by: By::Owner, now: "11-24 11:00", ..Desk::asking() }.reasons(), []);
    let again = Desk::asking().wrote("ask-shop", "11-27 18:00", Outcome::Sent);
    let again = |now| Desk { kind: Kind::AskShopAgain, by: By::Owner, now, ..again_of(&again) };
    assert_eq!(again("12-01 23:00").reasons(), [Silence::TooEarly]);
    assert_eq!(again("12-02 00:00").reasons(), []);
    // what could not be written may be tried again
    assert_eq!(Desk::asking().wrote("ask-shop", "11-27 10:00", Outcome::Failed).reasons(), []);
    let over = Desk { kind: Kind::Thanks, by: By::Owner, said: vec![Said::Lost], ..Desk::asking() };
    assert_eq!(over.reasons(), [], "thanks come when all is over");
}

#[test]
fn a_question_that_the_shop_asks_after_an_answer_has_an_answer_of_its_own() {
    let once = Desk { now: "11-26 09:00", ..Desk::answering() }.wrote("answer-wait", "11-25 10:00", Outcome::Sent);
    assert_eq!(once.reasons(), [Silence::AlreadyWritten]);
    // the answer's own time does not make another question of the first, whatever the shop's clock said
    let early = Desk { now: "11-26 09:00", ..Desk::answering() }.wrote("answer-wait", "11-24 09:00", Outcome::Sent);
    assert_eq!(early.reasons(), [Silence::AlreadyWritten]);
    let mut later = asks().with("Message-ID", Some("<asks-again@example.jp>"));
    later = later.with("Date", Some("Wed, 25 Nov 2026 18:00:00 +0900"));
    later.received = at("11-25 18:00");
    let twice = once.mail(later);
    assert_eq!(twice.reasons(), []);
    let letter = twice.with(|matter| write(twice.kind, matter, &Asked::default(), &twice.replies)).unwrap();
    assert!(letter.step.starts_with("answer-cancel:"), "{}", letter.step);
    assert_eq!(Kind::of_step(&letter.step), Some(Kind::AnswerCancel));
    assert_eq!(letter.in_reply_to.as_deref(), Some("asks-again@example.jp"));
    let step = letter.step.clone();
    assert_eq!(twice.wrote(&step, "11-26 09:00", Outcome::Drafted).reasons(), [Silence::AlreadyWritten]);
}

fn again_of(desk: &Desk) -> Desk {
    Desk { memory: desk.memory.clone(), mails: desk.mails.clone(), ..Desk::asking() }
}

#[test]
fn every_reason_keeps_the_gate_shut() {
    let mut seen = BTreeSet::new();
    for (silence, desk) in shut() {
        let reasons = desk.reasons();
        assert!(reasons.contains(&silence), "{silence:?}: {reasons:?}");
        seen.insert(silence);
    }
    for (name, value, silence) in MAILS {
        let desk = Desk::answering().swapped(asks().with(name, *value));
        assert!(desk.answer().is_err(), "{name}: {value:?}");
        seen.insert(*silence);
    }
    let all: BTreeSet<Silence> = Silence::ALL.into_iter().collect();
    assert_eq!(seen, all, "each reason has a test");
    assert_eq!(all.len(), Silence::ALL.len());
}

#[test]
fn only_one_reason_is_named_where_only_one_is() {
    // the rest of the house is in order: nothing else is complained of
    for (silence, desk) in shut() {
        let reasons = desk.reasons();
        let may_come_along = |other: &Silence| match silence {
            // a case that cannot be seen as cancelled for want of proof, or that ended, is not due either
            Silence::NotProven => *other == Silence::Unverified,
            Silence::Ended | Silence::Conflict | Silence::NothingOwed => {
                matches!(other, Silence::TooEarly | Silence::NothingOwed | Silence::Ended)
            }
            Silence::NoQuestion | Silence::NotCancelled => matches!(other, Silence::TooEarly),
            _ => false,
        };
        assert!(reasons.iter().all(|one| *one == silence || may_come_along(one)), "{silence:?}: {reasons:?}");
    }
}

#[test]
fn words_and_sentences_are_one_each() {
    let words: BTreeSet<&str> = Silence::ALL.iter().map(|one| one.word()).collect();
    let sentences: BTreeSet<&str> = Silence::ALL.iter().map(|one| one.sentence()).collect();
    assert_eq!((words.len(), sentences.len()), (Silence::ALL.len(), Silence::ALL.len()));
    for silence in Silence::ALL {
        assert_eq!(serde_json::to_value(silence).unwrap(), silence.word());
    }
}

#[test]
fn a_letter_that_somebody_changed_gets_no_ticket() {
    let desk = Desk::asking();
    desk.with(|matter| {
        let letter = write(Kind::AskShop, matter, &Asked::default(), &desk.replies).unwrap();
        let ask = |letter: &Letter| {
            gate(&Request { kind: Kind::AskShop, by: By::Time, letter: Some(letter) }, matter, &desk.replies)
        };
        assert!(ask(&letter).unwrap().is_for(&letter.message_id));
        for changed in [
            Letter { to: "thief@shop.rakuten.co.jp".into(), ..letter.clone() },
            Letter { to: format!("{}, thief@example.com", letter.to), ..letter.clone() },
            Letter { message_id: "other@example.jp".into(), ..letter.clone() },
            Letter { step: "thanks".into(), ..letter.clone() },
        ] {
            assert!(ask(&changed).is_err(), "{changed:?}");
        }
        assert!(!ask(&letter).unwrap().is_for("other@example.jp"));
    });
}

#[test]
fn a_shop_that_writes_about_another_s_order_gets_no_letter() {
    // verified, at the relay, with the right number: but Rakuten's own mail named another shop
    let thief = Wire::new(
        "thief",
        "<thief@shop.rakuten.co.jp>",
        "11-25 10:00",
        "ご注文キャンセルについて",
        &format!("ご注文をキャンセルさせていただきました。\n受注番号：{}\n", tests::ORDER),
    );
    let desk = Desk::asking().mail(thief.clone());
    assert_eq!(desk.reasons(), []);
    desk.with(|matter| {
        let letter = write(Kind::AskShop, matter, &Asked::default(), &desk.replies).unwrap();
        assert_eq!(letter.to, tests::SHOP);
    });
    // without Rakuten's mail nobody knows which of the two it is
    let two = Desk { mails: vec![cancelled(), thief], ..Desk::asking() };
    assert!(two.reasons().contains(&Silence::OtherShop), "{:?}", two.reasons());
}

#[test]
fn whether_the_shop_may_be_asked_does_not_hang_on_the_way() {
    let may = |desk: &Desk| desk.with(|matter| may_ask_shop(matter, &desk.replies));
    assert!(may(&Desk::asking()));
    for (silence, desk) in shut().into_iter().filter(|(_, desk)| desk.kind == Kind::AskShop && desk.by == By::Time) {
        let expect = !matches!(silence.about(), About::Order | About::Memory) || silence == Silence::Loop;
        assert_eq!(may(&desk), expect, "{silence:?}");
    }
}

#[test]
fn the_shopper_s_decision_makes_a_draft_and_only_her_configuration_lets_it_be_sent() {
    let desk = Desk::answering();
    let decide = |send, replies: &Replies| {
        desk.with(|matter| on_owner(desk.kind, matter, &Asked::default(), send, replies)).map(|(_, wish)| wish)
    };
    let wish = decide(false, &desk.replies).unwrap();
    assert_eq!(wish.key, format!("letter:{}:answer-cancel", tests::ORDER));
    assert!(matches!(wish.effect, Effect::Draft { .. }));
    assert!(matches!(decide(true, &desk.replies).unwrap().effect, Effect::Draft { .. }));
    let sending = Replies { send: BTreeSet::from([Kind::AnswerCancel]), ..replies() };
    assert!(matches!(decide(false, &sending).unwrap().effect, Effect::Draft { .. }));
    let Effect::Send { letter, ticket } = decide(true, &sending).unwrap().effect else { panic!("it is sent") };
    assert!(ticket.is_for(&letter.message_id));
    assert!(on_owner_fails(Desk { replies: Replies { drafts: false, ..replies() }, ..Desk::answering() }));
}

fn on_owner_fails(desk: Desk) -> bool {
    desk.with(|matter| on_owner(desk.kind, matter, &Asked::default(), true, &desk.replies)).is_err()
}

#[test]
fn a_machine_that_answered_keeps_modori_from_sending_and_not_the_shopper_from_a_draft() {
    // the shop's acknowledgement of her answer came from a machine, as nearly every shop's does
    let looped = |desk: Desk| {
        let mut desk = desk.wrote("thanks", "11-25 10:00", Outcome::Sent);
        desk.memory.written[0].looped = true;
        desk
    };
    let asking = |by| looped(Desk { by, ..Desk::asking() });
    assert_eq!(asking(By::Time).reasons(), [Silence::Loop]);
    assert_eq!(asking(By::OwnerSends).reasons(), [Silence::Loop]);
    assert_eq!(asking(By::Owner).reasons(), []);
    let desk = asking(By::Owner);
    assert_eq!(desk.with(|matter| warnings(Kind::AskShop, matter, &desk.replies)), [Silence::Loop]);
    let sending = Replies { send: BTreeSet::from([Kind::AnswerCancel]), ..replies() };
    let answering = looped(Desk { replies: sending, ..Desk::answering() });
    assert!(on_owner_fails(answering));
    let drafting = looped(Desk::answering());
    assert!(!on_owner_fails(drafting), "it is only drafted");
    let free = Desk::asking();
    assert_eq!(free.with(|matter| warnings(Kind::AskShop, matter, &free.replies)), []);
}

#[test]
fn when_its_time_comes_the_shop_is_asked_once_and_no_more_than_so_many_a_day() {
    let due = |desk: &Desk, policy: &Policy| {
        let (events, mails) = told(&desk.mails);
        let case = desk.case(&events);
        let order = case.order_number.clone();
        let other = crate::facts::OrderNumber::parse("399999-20261120-0123456790").unwrap();
        let kept: (Vec<Correspondence>, Memory) = (mails.clone(), desk.memory.clone());
        let twin = Case { order_number: other.clone(), ..case.clone() };
        let cases = [(order.clone(), case), (other.clone(), twin)].into_iter().collect();
        let kept = [(order, kept.clone()), (other, kept)].into_iter().collect();
        letters_due(&cases, &kept, &Settings::default(), policy, at(desk.now))
    };
    let policy = |replies: Replies| Policy { replies, ..Policy::default() };
    let keys = |due: LettersDue| due.wishes.into_iter().map(|wish| wish.key).collect::<Vec<_>>();
    let both = [tests::ORDER, "399999-20261120-0123456790"].map(|order| format!("letter:{order}:ask-shop"));
    assert_eq!(keys(due(&Desk::asking(), &policy(replies()))), both);
    let capped = Desk { memory: Memory { today: 4, ..Memory::default() }, ..Desk::asking() };
    let capped = due(&capped, &policy(replies()));
    let next = crate::facts::OrderNumber::parse("399999-20261120-0123456790").unwrap();
    assert_eq!(capped.later, [(next, at("11-28 18:00"))].into(), "the other's turn comes the day after");
    assert_eq!(keys(capped), both[..1]);
    let none = |due: LettersDue| due.wishes.is_empty() && due.later.is_empty();
    assert!(none(due(&Desk::asking(), &Policy { observe: true, ..policy(replies()) })));
    assert!(none(due(&Desk::asking(), &Policy::default())));
    assert!(none(due(&Desk { now: "11-27 17:59", ..Desk::asking() }, &policy(replies()))));
    let sending = Replies { send: BTreeSet::from([Kind::AskShop]), ..replies() };
    let is_sent = |desk: &Desk| {
        let wishes = due(desk, &policy(sending.clone())).wishes;
        assert_eq!(wishes.len(), 2);
        wishes.iter().all(|wish| matches!(wish.effect, Effect::Send { .. }))
    };
    assert!(is_sent(&Desk { said: vec![Said::Deny], ..Desk::asking() }));
    assert!(!is_sent(&Desk::asking()), "nobody has looked whether it came back: she sends it herself");
}
