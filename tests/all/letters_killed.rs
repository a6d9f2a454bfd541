//! The real program, killed at any moment between a letter's wish and its end, on a real Dovecot and a real mail server:
//! a draft lies in Drafts once and in its thread, a letter arrives at most once, a copy lies among what was sent once.

use super::support::dovecot::PASSWORD;
use super::support::dovecot::{Dovecot, Setup, USER};
use super::support::exim::{Exim, losing_answers};
use super::support::http::Http;
use super::support::oracle::{Oracle, by_message_id};
use super::support::proxy::Proxy;
use super::support::run::{Home, Over, until};
use jiff::{SignedDuration, Timestamp};
use modori::edge::store::{Db, State, Way};
use modori::facts::OrderNumber;
use modori::letter::Letter;
use modori::plan::{Effect, Ticket, Wish};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

fn dovecot() -> Option<Dovecot> {
    Dovecot::start(&Setup { special: true, ..Setup::default() })
}

fn webhook(http: &Http) -> String {
    format!("[alerts]\nchannels = [\"w\"]\n[channel.w]\nkind = \"webhook\"\nurl = \"{}\"\n", http.url("/"))
}

fn order(n: usize) -> OrderNumber {
    OrderNumber::parse(&format!("399999-20261110-{n:010}")).unwrap()
}

fn letter(n: usize, to: &str) -> Letter {
    Letter {
        step: "ask-shop".to_owned(),
        order: order(n),
        account: "a".to_owned(),
        from: format!("山田 花子 <{USER}@example.jp>"),
        to: to.to_owned(),
        subject: format!("Re: ご注文キャンセルのお知らせ {n}"),
        body: "モドリ雑貨店 ご担当者様\n\nポイントの返還についてお伺いします。\n.\n".to_owned(),
        in_reply_to: Some(format!("cancel{n}@shop.rakuten.co.jp")),
        references: vec![format!("order{n}@shop.rakuten.co.jp"), format!("cancel{n}@shop.rakuten.co.jp")],
        message_id: format!("modori.{n}@example.jp"),
        answers: true,
    }
}

fn wish(key: String, effect: Effect) -> Wish {
    Wish { key, effect, due: Timestamp::now(), until: None, dedupe: vec![], after: vec![], turn: None }
}

fn draft(letter: Letter) -> Wish {
    wish(format!("draft:{}", letter.message_id), Effect::Draft { letter: Box::new(letter) })
}

fn send(letter: Letter) -> Wish {
    let ticket = Ticket::planted(&letter.message_id);
    wish(format!("send:{}", letter.message_id), Effect::Send { letter: Box::new(letter), ticket })
}

/// Enters wishes, as another process of modori would.
fn enter(home: &Home, wishes: &[Wish]) {
    Db::open(&home.state()).unwrap().wish(wishes, false, Timestamp::now()).unwrap();
}

fn open_letters(home: &Home) -> usize {
    let db = Db::open(&home.state()).unwrap();
    let open = |state| matches!(state, State::Ready | State::Doing);
    db.outbox().unwrap().iter().filter(|row| open(row.state) && !matches!(row.effect, Effect::Alert { .. })).count()
}

/// The header of the message with this Message-ID in a folder, as the server holds it.
fn header(oracle: &mut Oracle, folder: &str, id: &str) -> String {
    let seen = oracle.folder(folder).unwrap();
    let uid = seen.iter().find(|one| one.message_id == id).unwrap_or_else(|| panic!("{id} is not in {folder}")).uid;
    let lines = oracle.command(&format!("UID FETCH {uid} (BODY.PEEK[HEADER])")).unwrap();
    let literal = lines.iter().find_map(|line| line.literals.first()).unwrap();
    String::from_utf8_lossy(literal).replace("\r\n ", " ").replace("\r\n\t", " ")
}

fn field<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
}

/// Moments that do not repeat and follow from nothing but their number.
struct Moments(u64);

impl Moments {
    fn next(&mut self, below: u64) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Duration::from_millis(40 + self.0 % below)
    }
}

/// Runs `watch` for a moment and kills it.
fn killed_after(home: &Home, moment: Duration) {
    let begun = Instant::now();
    let mut watch = home.start(&["watch"]);
    while begun.elapsed() < moment {
        assert_eq!(watch.ended(), None, "{}", home.log());
        std::thread::sleep(Duration::from_millis(2));
    }
    watch.kill();
}

#[test]
fn drafts_lie_once_and_in_their_threads_however_often_the_watch_is_killed() {
    let Some(dovecot) = dovecot() else { return };
    let http = Http::start();
    let home = Home::on(&dovecot, Over::Plain, &webhook(&http));
    let watch = home.watch(1);
    assert_eq!(watch.terminate(), Some(0));
    let mut moments = Moments(0x2545_f491_4f6c_dd1d);
    let mut struck = 0;
    const ALL: usize = 40;
    for n in 0..ALL {
        enter(&home, &[draft(letter(n, "modori-zakka@shop.rakuten.co.jp"))]);
        // later and later: a fast machine is struck, and a slow one comes to an end
        let moment = moments.next(60 + 26 * n as u64);
        killed_after(&home, moment);
        struck += usize::from(open_letters(&home) > 0);
    }
    let watch = home.watch(home.log().matches("watching").count() + 1);
    until("all drafts lie there", || open_letters(&home) == 0);
    assert_eq!(watch.terminate(), Some(0));
    let all = by_message_id(&dovecot.mailboxes());
    let mut oracle = dovecot.oracle();
    for n in 0..ALL {
        let id = format!("modori.{n}@example.jp");
        assert_eq!(all.get(&id).map(Vec::as_slice), Some(&["Entwurf".to_owned()][..]), "{id}");
        let header = header(&mut oracle, "Entwurf", &id);
        assert_eq!(field(&header, "In-Reply-To").unwrap(), format!("<cancel{n}@shop.rakuten.co.jp>"));
        let thread = format!("<order{n}@shop.rakuten.co.jp> <cancel{n}@shop.rakuten.co.jp>");
        assert_eq!(field(&header, "References").unwrap(), thread);
        assert_eq!(field(&header, "To").unwrap(), "modori-zakka@shop.rakuten.co.jp");
        assert_eq!(field(&header, "Auto-Submitted"), None);
    }
    let seen = oracle.folder("Entwurf").unwrap();
    let flagged = |one: &super::support::oracle::Seen| {
        ["\\Draft", "\\Seen"].iter().all(|flag| one.flags.iter().any(|f| f == flag))
    };
    assert!(seen.iter().all(flagged), "{seen:?}");
    let letters = home.ok(&["letter", order(3).as_str(), "--format", "json"]);
    let shown: serde_json::Value = serde_json::from_str(letters.trim()).unwrap();
    assert_eq!(
        (shown["what"].as_str(), shown["state"].as_str(), shown["folder"].as_str()),
        (Some("draft"), Some("done"), Some("Entwurf"))
    );
    assert!(home.ok(&["history"]).contains("(Entwurf, UID "));
    assert!(http.requests().is_empty(), "nothing is to be told");
    println!("{ALL} drafts, {struck} kills before the draft lay there");
    assert!(struck > 5, "the kills came too late: {struck}");
}

/// End to end: the cancellation becomes a case, its time to ask the shop comes, the reminder is told, and the draft lies
/// in Drafts, in the thread of the shop's mail.
#[test]
fn from_a_cancellation_to_a_draft_whatever_is_killed_in_between() {
    let Some(dovecot) = dovecot() else { return };
    let http = Http::start();
    let me = format!("{USER}@example.jp");
    let account = format!(
        "host = \"localhost\"\nport = {}\nsecurity = \"plain\"\nuser = \"{USER}\"\nfrom = \"{me}\"\n\
         pace.back_off_first = \"100ms\"",
        dovecot.imap
    );
    let home = Home::new(&account, &format!("[replies]\nname = \"楽天 花子\"\n{}", webhook(&http)));
    let watch = home.watch(1);
    assert_eq!(watch.terminate(), Some(0));
    // cancelled so many days ago that the shop is to be asked: time has passed while nothing ran
    let then = Timestamp::now() - SignedDuration::from_hours(24 * 12);
    let day = modori::calendar::civil(then - SignedDuration::from_hours(24)).strftime("%Y%m%d").to_string();
    let number = format!("399999-{day}-0123456789");
    let shop = "modori-zakka@shop.rakuten.co.jp";
    let cancellation = format!(
        "From: <{shop}>\r\nTo: <{me}>\r\nSubject: =?UTF-8?B?44GU5rOo5paH44Kt44Oj44Oz44K744Or44Gu44GK55+l44KJ44Gb?=\r\n\
         Date: {}\r\nMessage-ID: <cancel0@shop.rakuten.co.jp>\r\nReferences: <order0@shop.rakuten.co.jp>\r\n\
         Authentication-Results: mx.example.jp; dmarc=pass header.from=shop.rakuten.co.jp\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         受注番号：{number}\r\n欠品のため、ご注文をキャンセルいたしました。ご利用ポイント500ポイントは返還されます。\r\n",
        then.strftime("%a, %d %b %Y %H:%M:%S +0000")
    );
    dovecot.oracle().append_at("INBOX", then, cancellation.as_bytes()).unwrap();
    let order = OrderNumber::parse(&number).unwrap();
    let letters = || Db::open(&home.state()).unwrap().letters(&order).unwrap();
    let mut moments = Moments(0x9e37_79b9_7f4a_7c15);
    let mut struck = 0;
    for round in 0..40_u64 {
        // later and later, so that every step is reached and struck
        killed_after(&home, moments.next(120 + 60 * round));
        struck += usize::from(!letters().iter().any(|one| one.state == State::Done));
    }
    let watch = home.watch(home.log().matches("watching").count() + 1);
    until("the draft lies there", || letters().iter().any(|one| one.state == State::Done));
    until("nothing is open", || Db::open(&home.state()).unwrap().open_rows().unwrap() == 0);
    assert_eq!(watch.terminate(), Some(0));
    println!("40 kills, {struck} before the draft lay there");
    assert!(struck > 0, "the kills came too late");
    let written = letters();
    assert_eq!(written.len(), 1, "{written:?}");
    let letter = &written[0].letter;
    assert_eq!((letter.to.as_str(), letter.step.as_str()), (shop, "ask-shop"));
    let all = by_message_id(&dovecot.mailboxes());
    assert_eq!(all[&letter.message_id], ["Entwurf"]);
    assert_eq!(all.keys().filter(|id| id.starts_with("modori.")).count(), 1, "{all:?}");
    assert_eq!(all["cancel0@shop.rakuten.co.jp"], ["楽天/キャンセル"]);
    let mut oracle = dovecot.oracle();
    let header = header(&mut oracle, "Entwurf", &letter.message_id);
    // the thread of the shop's mail, and that mail
    assert_eq!(field(&header, "In-Reply-To").unwrap(), "<cancel0@shop.rakuten.co.jp>");
    assert_eq!(field(&header, "References").unwrap(), "<order0@shop.rakuten.co.jp> <cancel0@shop.rakuten.co.jp>");
    assert_eq!(field(&header, "Auto-Submitted"), None, "a person will send it");
    assert!(field(&header, "To").unwrap().contains(shop));
    let heard = http.requests();
    let keys: BTreeSet<&str> = heard.iter().map(|request| request.headers["idempotency-key"].as_str()).collect();
    assert!(keys.iter().any(|key| key.starts_with("remind:") || key.starts_with("waiting:")), "{keys:?}");
    let cases = home.ok(&["cases", "--all", "--format", "json"]);
    assert_eq!(cases.lines().filter(|line| line.contains(&number)).count(), 1, "{cases}");
}

/// `[account.smtp]` for a server in clear on this port.
fn smtp(port: u16) -> String {
    format!(
        "[account.smtp]\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"plain\"\nuser = \"\"\ntimeout = \"{WAIT}\"\n"
    )
}

/// Longer than a mail server needs, shorter than a test waits.
const WAIT: &str = "3s";

/// What lies in the mailbox of a shop on the same Dovecot.
fn at_shop(dovecot: &Dovecot, shop: &str) -> std::collections::BTreeMap<String, Vec<String>> {
    by_message_id(&Oracle::login(dovecot.imap, shop, PASSWORD).unwrap().all().unwrap())
}

#[test]
fn a_letter_arrives_once_its_copy_lies_among_what_was_sent_and_one_that_comes_back_is_told() {
    let Some(dovecot) = dovecot() else { return };
    let Some(exim) = Exim::start(dovecot.lmtp) else { return };
    let http = Http::start();
    let home = Home::on(&dovecot, Over::Plain, &format!("{}{}", smtp(exim.smtp), webhook(&http)));
    let watch = home.watch(1);
    let letters = [
        letter(1, "modori-zakka@shop.rakuten.co.jp"),
        letter(2, "gone@shop.rakuten.co.jp"),
        letter(3, "void@shop.rakuten.co.jp"),
    ];
    enter(&home, &letters.map(send));
    until("the letter arrives", || at_shop(&dovecot, "modori-zakka").contains_key("modori.1@example.jp"));
    let told = |word: &str, n: usize| {
        let key = format!("letter:{word}:modori.{n}@example.jp:");
        http.requests().iter().filter(|request| request.headers["idempotency-key"].starts_with(&key)).count()
    };
    until("it is told that a letter came back", || told("bounced", 3) > 0);
    until("nothing is open", || Db::open(&home.state()).unwrap().open_rows().unwrap() == 0);
    assert_eq!(watch.terminate(), Some(0));
    let mine = by_message_id(&dovecot.mailboxes());
    assert_eq!(at_shop(&dovecot, "modori-zakka")["modori.1@example.jp"], ["INBOX"]);
    assert_eq!(mine["modori.1@example.jp"], ["Gesendet"]);
    let mut oracle = dovecot.oracle();
    let copy = header(&mut oracle, "Gesendet", "modori.1@example.jp");
    assert_eq!(field(&copy, "Auto-Submitted"), Some("auto-replied"));
    // refused at once: a draft, told with the server's words
    assert_eq!(mine["modori.2@example.jp"], ["Entwurf"]);
    assert_eq!((told("drafted", 2), told("bounced", 3)), (1, 1));
    assert!(home.ok(&["letter", order(2).as_str()]).contains("there is no such shop"));
    let sheet = home.ok(&["letter", order(3).as_str(), "--format", "json"]);
    assert!(sheet.lines().any(|line| line.contains("\"bounced\"")), "{sheet}");
}

#[test]
fn letters_are_sent_at_most_once_however_often_the_watch_is_killed() {
    let Some(dovecot) = dovecot() else { return };
    let Some(exim) = Exim::start(dovecot.lmtp) else { return };
    let http = Http::start();
    // far enough away that a letter is under way for a while
    let far = Proxy::delaying(exim.smtp, Duration::from_millis(20));
    let home = Home::on(&dovecot, Over::Plain, &format!("{}{}", smtp(far.port), webhook(&http)));
    let watch = home.watch(1);
    assert_eq!(watch.terminate(), Some(0));
    let mut moments = Moments(0x2545_f491_4f6c_dd1d);
    const ALL: usize = 30;
    for n in 0..ALL {
        enter(&home, &[send(letter(n, "modori-zakka@shop.rakuten.co.jp"))]);
        let moment = moments.next(500);
        killed_after(&home, moment);
    }
    let watch = home.watch(home.log().matches("watching").count() + 1);
    until("no letter is open", || open_letters(&home) == 0);
    until("no alert is open", || Db::open(&home.state()).unwrap().open_rows().unwrap() == 0);
    assert_eq!(watch.terminate(), Some(0));
    let db = Db::open(&home.state()).unwrap();
    let state = |n: usize| db.letters(&order(n)).unwrap().into_iter().find(|one| one.way == Way::Send).unwrap().state;
    until("the mail server has carried what it took", || {
        let arrived = at_shop(&dovecot, "modori-zakka");
        (0..ALL).all(|n| state(n) != State::Done || arrived.contains_key(&format!("modori.{n}@example.jp")))
    });
    let (arrived, mine) = (at_shop(&dovecot, "modori-zakka"), by_message_id(&dovecot.mailboxes()));
    let mut unknown = 0;
    for n in 0..ALL {
        let id = format!("modori.{n}@example.jp");
        let times = arrived.get(&id).map_or(0, Vec::len);
        assert!(times <= 1, "{id} arrived {times} times");
        match state(n) {
            State::Done => {
                assert_eq!((times, mine.get(&id).map(Vec::as_slice)), (1, Some(&["Gesendet".to_owned()][..])), "{id}");
            }
            State::Unknown => {
                unknown += 1;
                assert_eq!(mine.get(&id), None, "{id}");
                let key = format!("letter:unknown:{id}:");
                let requests = http.requests();
                let told = requests.iter().filter(|one| one.headers["idempotency-key"].starts_with(&key)).count();
                assert!(told >= 1, "{id} is in doubt, and nobody was told");
            }
            other => panic!("{id}: {other:?}"),
        }
    }
    // she looks and says what is true
    for n in (0..ALL).filter(|n| state(*n) == State::Unknown) {
        let id = format!("modori.{n}@example.jp");
        let sent = arrived.contains_key(&id);
        home.ok(&["letter", order(n).as_str(), if sent { "--sent" } else { "--not-sent" }]);
        let expect = if sent { "Gesendet" } else { "Entwurf" };
        assert_eq!(by_message_id(&dovecot.mailboxes())[&id], [expect], "{id}");
        // said once, nothing is in doubt any more; the draft is hers to send, once
        let says = || home.run(&["letter", order(n).as_str(), "--sent"]).status.success();
        assert_eq!((says(), says()), (!sent, false));
    }
    assert_eq!(at_shop(&dovecot, "modori-zakka"), arrived, "nothing was sent anew");
    println!("{ALL} letters, of {unknown} it was not known whether they were sent");
    assert!(unknown > 0, "no kill struck while a letter was being sent");
}

#[test]
fn a_letter_whose_answer_is_lost_is_in_doubt_and_never_sent_twice() {
    let Some(dovecot) = dovecot() else { return };
    let Some(exim) = Exim::start(dovecot.lmtp) else { return };
    let http = Http::start();
    let port = losing_answers(exim.smtp);
    let home = Home::on(&dovecot, Over::Plain, &format!("{}{}", smtp(port), webhook(&http)));
    let watch = home.watch(1);
    enter(&home, &[send(letter(1, "modori-zakka@shop.rakuten.co.jp"))]);
    until("it is in doubt", || home.ok(&["letter", order(1).as_str(), "--format", "json"]).contains("\"unknown\""));
    until("the shopper is asked", || !http.requests().is_empty());
    until("it arrived", || at_shop(&dovecot, "modori-zakka").contains_key("modori.1@example.jp"));
    assert_eq!(watch.terminate(), Some(0));
    // a new life, the same line: nothing is repeated
    let watch = home.watch(home.log().matches("watching").count() + 1);
    enter(&home, &[send(letter(2, "modori-zakka@shop.rakuten.co.jp"))]);
    until("the next is in doubt", || {
        home.ok(&["letter", order(2).as_str(), "--format", "json"]).contains("\"unknown\"")
    });
    until("it arrived", || at_shop(&dovecot, "modori-zakka").contains_key("modori.2@example.jp"));
    assert_eq!(watch.terminate(), Some(0));
    assert_eq!(at_shop(&dovecot, "modori-zakka")["modori.1@example.jp"], ["INBOX"]);
    let keys: Vec<String> = http.requests().iter().map(|request| request.headers["idempotency-key"].clone()).collect();
    let told = |n: usize| keys.iter().filter(|key| key.starts_with(&format!("letter:unknown:modori.{n}@"))).count();
    assert_eq!((keys.len(), told(1), told(2)), (2, 1, 1), "{keys:?}");
    assert!(home.ok(&["letter", order(1).as_str()]).contains("SENT OR NOT?"));
}

#[test]
fn over_a_wire_that_breaks_anywhere_no_letter_is_sent_twice() {
    let Some(dovecot) = dovecot() else { return };
    let Some(exim) = Exim::start(dovecot.lmtp) else { return };
    let http = Http::start();
    let proxy = Proxy::faulty(exim.smtp, 7);
    let home = Home::on(&dovecot, Over::Plain, &format!("{}{}", smtp(proxy.port), webhook(&http)));
    const ALL: usize = 16;
    enter(&home, &(0..ALL).map(|n| send(letter(n, "modori-zakka@shop.rakuten.co.jp"))).collect::<Vec<_>>());
    let watch = home.watch(1);
    let tried = || {
        let rows = Db::open(&home.state()).unwrap().outbox().unwrap();
        rows.iter()
            .filter(|row| matches!(row.effect, Effect::Send { .. }))
            .all(|row| row.attempts > 0 && row.state != State::Doing)
    };
    until("every letter was tried", tried);
    proxy.calm();
    assert_eq!(watch.terminate(), Some(0));
    let db = Db::open(&home.state()).unwrap();
    let states: Vec<State> = (0..ALL)
        .map(|n| db.letters(&order(n)).unwrap().into_iter().find(|one| one.way == Way::Send).unwrap().state)
        .collect();
    let done = states.iter().filter(|state| **state == State::Done).count();
    until("what was taken arrived", || at_shop(&dovecot, "modori-zakka").len() >= done);
    let arrived = at_shop(&dovecot, "modori-zakka");
    assert!(arrived.values().all(|folders| folders.len() == 1), "{arrived:?}");
    for (n, state) in states.iter().enumerate() {
        let there = arrived.contains_key(&format!("modori.{n}@example.jp"));
        match state {
            State::Done => assert!(there, "{n} counts as sent"),
            State::Unknown => {}
            // to be tried again: then it was not sent
            _ => assert!(!there, "{n} was sent, and would be sent again ({state:?})"),
        }
    }
    println!("{ALL} letters, {done} sent, {:?}", proxy.struck());
}
