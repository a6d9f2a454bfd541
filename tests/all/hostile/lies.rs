//! Servers that lie: about numbers, places, messages, folders, and about what they did.

use super::endless::watched;
use super::server::{Hears, Silent, Step, in_memory, logged_in, opened, says, secret_in};
use jiff::Timestamp;
use modori::edge::Advice;
use modori::edge::clock::Clock;
use modori::edge::hand::Hand;
use modori::edge::imap::{Cues, Dial, Fetch, ImapAccount, ImapError, Session, Sight, Standing, UidSet, Wire, watch};
use modori::edge::store::{Db, Settling, State, Store};
use modori::mailbox::{MailKey, Place};
use modori::plan::{Effect, Wish};
use modori::rules::Verdict;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;

async fn session(steps: Vec<Step>) -> Session {
    Session::open(&in_memory(steps).0).await.unwrap()
}

/// A session with INBOX open, and these questions and answers after it.
async fn with_inbox(rest: Vec<Step>) -> Session {
    let mut session = session([opened("SELECT"), rest, vec![Silent]].concat()).await;
    session.select("INBOX").await.unwrap();
    session
}

async fn fetched(answer: &str, uids: UidSet, what: Fetch) -> Result<Vec<(u32, Vec<u8>)>, ImapError> {
    let mut session = with_inbox(vec![Hears("UID FETCH"), says(answer)]).await;
    let fetched = session.fetch(&uids, what).await?;
    Ok(fetched.into_iter().map(|one| (one.uid, one.bytes)).collect())
}

#[tokio::test(start_paused = true)]
async fn messages_that_were_not_asked_for_are_not_there() {
    let of = |uids: &[u32]| UidSet::of(uids.iter().copied());
    let first = Fetch::First(32 * 1024);
    let whole = "* 1 FETCH (UID 5 RFC822.SIZE 3 BODY[]<0> {3}\r\nabc)\r\n";
    for (name, answer, expect) in [
        ("honest", format!("{whole}TAG OK\r\n"), vec![(5, b"abc".to_vec())]),
        (
            "others beside it",
            format!(
                "* 9 FETCH (UID 6 RFC822.SIZE 1 BODY[] {{1}}\r\nx)\r\n{whole}* 2 FETCH (UID 0 RFC822.SIZE 1 BODY[] {{1}}\r\nx)\r\n* 3 FETCH (UID 4294967295 RFC822.SIZE 1 BODY[] {{1}}\r\nx)\r\nTAG OK\r\n"
            ),
            vec![(5, b"abc".to_vec())],
        ),
        ("without a UID", "* 1 FETCH (RFC822.SIZE 3 BODY[] {3}\r\nabc)\r\nTAG OK\r\n".to_owned(), vec![]),
        ("NIL for a text", "* 1 FETCH (UID 5 RFC822.SIZE 3 BODY[] NIL)\r\nTAG OK\r\n".to_owned(), vec![]),
        ("no bytes for a text", "* 1 FETCH (UID 5 RFC822.SIZE 3 BODY[] {0}\r\n)\r\nTAG OK\r\n".to_owned(), vec![]),
        ("no bytes, quoted", "* 1 FETCH (BODY[] \"\" UID 5 RFC822.SIZE 3)\r\nTAG OK\r\n".to_owned(), vec![]),
        (
            "a message of no bytes",
            "* 1 FETCH (BODY[] \"\" UID 5 RFC822.SIZE 0)\r\nTAG OK\r\n".to_owned(),
            vec![(5, vec![])],
        ),
        (
            "more than was asked for",
            format!("* 1 FETCH (UID 5 RFC822.SIZE 3 BODY[] {{40000}}\r\n{})\r\nTAG OK\r\n", "y".repeat(40_000)),
            vec![(5, vec![b'y'; 32 * 1024])],
        ),
        (
            "twice: the last counts",
            format!("{whole}{}TAG OK\r\n", whole.replace("abc", "xyz")),
            vec![(5, b"xyz".to_vec())],
        ),
    ] {
        assert_eq!(fetched(&answer, of(&[5]), first).await.unwrap(), expect, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_read_is_no_answer() {
    for answer in [
        "* 1 FETCH (UID 4294967296 FLAGS ())\r\nTAG OK\r\n",
        "* 1 FETCH (UID -1 FLAGS ())\r\nTAG OK\r\n",
        "* 1 FETCH (UID\r\nTAG OK\r\n",
        "* 1 FETCH ((((((((((((((((((((((((\r\nTAG OK\r\n",
        "* 1 FETCH (UID 5 FLAGS (\r\n\\Seen))\r\nTAG OK\r\n",
    ] {
        let error = fetched(answer, UidSet::of([5]), Fetch::Flags).await.unwrap_err();
        assert!(error.what.contains("cannot be read"), "{answer:?}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_that_is_renumbered_under_our_hands_ends_the_session() {
    for (question, answer) in [
        ("UID FETCH", "* OK [UIDVALIDITY 8] anew\r\n* 1 FETCH (UID 5 FLAGS ())\r\nTAG OK\r\n"),
        ("UID FETCH", "* OK [UIDVALIDITY 0] anew\r\nTAG OK\r\n"),
        ("UID FETCH", "* OK [UIDVALIDITY] anew\r\nTAG OK\r\n"),
        ("UID MOVE", "* OK [UIDVALIDITY 8] anew\r\nTAG OK [COPYUID 9 5 21]\r\n"),
    ] {
        let mut session = with_inbox(vec![Hears(question), says(answer)]).await;
        let error = match question {
            "UID FETCH" => session.fetch(&UidSet::of([5]), Fetch::Flags).await.map(drop),
            _ => session.uid_move(&UidSet::of([5]), "x").await.map(drop),
        };
        assert!(error.as_ref().is_err_and(|error| error.what.contains("renumbered")), "{answer:?}: {error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn numbers_of_a_mailbox_are_taken_only_as_far_as_they_are_numbers() {
    for (answer, expect) in [
        (
            "* 4294967295 EXISTS\r\n* OK [UIDVALIDITY 4294967295] x\r\n* OK [UIDNEXT 4294967295] x\r\nTAG OK\r\n",
            Ok((u32::MAX, u32::MAX, u32::MAX)),
        ),
        ("* 99999999999 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 4294967296] x\r\nTAG OK\r\n", Ok((7, 0, 0))),
        ("* -1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT NIL] x\r\nTAG OK\r\n", Ok((7, 0, 0))),
        ("* 1 EXISTS\r\n* OK [UIDVALIDITY 0] x\r\nTAG OK\r\n", Err("UIDVALIDITY")),
        ("* 1 EXISTS\r\n* OK [UIDVALIDITY 4294967296] x\r\nTAG OK\r\n", Err("UIDVALIDITY")),
        ("* 1 EXISTS\r\n* OK [UIDVALIDITY (7)] x\r\nTAG OK\r\n", Err("UIDVALIDITY")),
        ("* 1 EXISTS\r\nTAG OK\r\n", Err("UIDVALIDITY")),
        ("* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\nTAG PREAUTH\r\n", Err("refused")),
        ("x1 OK\r\n", Err("not sent")),
        ("m999 OK\r\n", Err("not sent")),
        ("\r\n\0\r\n\r\r\n\n* \r\n*\r\n* OK\r\nTAG\r\n* BYE\r\n", Err("ended the connection")),
    ] {
        // without UIDNEXT it is asked for once more
        let unknown = vec![Hears("STATUS"), says("* STATUS INBOX (UIDNEXT 4294967296)\r\nTAG OK\r\n")];
        let steps = [logged_in(), vec![Hears("SELECT"), says(answer)], unknown, vec![Silent]].concat();
        let mut session = session(steps).await;
        match (session.select("INBOX").await, expect) {
            (Ok(found), Ok(expect)) => {
                assert_eq!((found.uid_validity, found.uid_next, found.messages), expect, "{answer:?}")
            }
            (Err(error), Err(says)) => assert!(error.what.contains(says), "{answer:?}: {error}"),
            (got, expect) => panic!("{answer:?}: {got:?}, not {expect:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_copies_went_is_believed_of_what_was_asked_for_only() {
    for lie in [
        "COPYUID 9 5,6 21:22", // another one beside it
        "COPYUID 9 6 21",      // another one
        "COPYUID 9 5,7 21",    // sets of different sizes
        "COPYUID 9 5 21,22", "COPYUID 9 5,7 21,21", // two in one place
        "COPYUID 9 5,7 0:1",   // UID 0
        "COPYUID 0 5,7 21:22", // UIDVALIDITY 0
        "COPYUID 9 5:4294967295 21:4294967311", "COPYUID 9 1:100000 1:100000", "COPYUID 9 * 21", "COPYUID 9 5,7",
        "COPYUID 9 () ()", "COPYUID 4294967296 5,7 21:22", "COPYUID",
    ] {
        for answer in [format!("TAG OK [{lie}] done\r\n"), format!("* OK [{lie}] done\r\nTAG OK\r\n")] {
            let mut session = with_inbox(vec![Hears("UID MOVE"), says(&answer)]).await;
            let copied = session.uid_move(&UidSet::of([5, 7]), "x").await;
            assert_eq!(copied, Ok(None), "{answer:?}: then the copies are looked for");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_was_said_to_be_made_and_is_not_there_is_told() {
    let mut session = with_inbox(vec![
        Hears("LIST"),
        says("TAG OK nothing\r\n"),
        Hears("CREATE"),
        says("TAG OK made\r\n"),
        Hears("SUBSCRIBE"),
        says("TAG OK\r\n"),
        Hears("UID MOVE"),
        says("TAG NO [TRYCREATE] no such mailbox\r\n"),
        Hears("LIST"),
        says("* LIST () \"/\" other\r\nTAG OK\r\n"),
        Hears("CREATE"),
        says("TAG NO [NOPERM] no\r\n"),
    ])
    .await;
    session.ensure_folder("x").await.unwrap();
    let error = session.uid_move(&UidSet::of([5]), "x").await.unwrap_err();
    assert!(
        error.refused && error.what.contains("moving to x was refused, the server said “no such mailbox”"),
        "{error}"
    );
    // it is not held for made: the next time it is asked for again
    let error = session.ensure_folder("x").await.unwrap_err();
    assert_eq!(error.advice, Advice::Ask);
    assert!(
        error.what.contains("making the folder x was refused") && error.what.contains("does not allow it"),
        "{error}"
    );
}

/// Servers' words with everything that steers a screen; what of them people read.
#[tokio::test(start_paused = true)]
async fn no_word_of_a_server_steers_a_screen_or_speaks_in_our_voice() {
    let mean = [
        b"TAG NO \x1b]0;owned\x07\x1b[2J\x08\x08\r\n".to_vec(),
        "TAG NO \u{202e}gpj.exe\u{2066}\u{200f}\r\n".as_bytes().to_vec(),
        b"TAG NO \xff\xfe\x80 caf\xe9\r\n".to_vec(),
        b"TAG NO a\0b\rc\r\n".to_vec(),
        "TAG NO “\" ”; check user and password at https://evil.example\r\n".as_bytes().to_vec(),
        [b"TAG NO ".to_vec(), "長".repeat(20_000).into_bytes(), b"\r\n".to_vec()].concat(),
        b"TAG NO [ALERT] \x1b[31mpay now\r\n".to_vec(),
        b"TAG NO [\x1b[31m \x07] x\r\n".to_vec(),
        b"* BYE [ALERT] \x1b[31mpay now\r\n".to_vec(),
    ];
    for answer in mean {
        let mut session = session([logged_in(), vec![Hears("SELECT"), says(&answer), Silent]].concat()).await;
        let what = session.select("INBOX").await.unwrap_err().what;
        let steers = |c: char| {
            c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c)
        };
        assert!(!what.chars().any(steers), "{what:?}");
        assert_eq!((what.matches('“').count(), what.matches('”').count()), (1, 1), "{what}");
        assert!(!what.contains("://") && what.chars().count() < 400, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_anywhere_is_told_and_repeats_no_password() {
    let whole = [
        opened("EXAMINE"),
        vec![
            Hears("UID FETCH"),
            says("* 1 FETCH (UID 5 RFC822.SIZE 3 BODY[]<0> {3}\r\nabc)\r\nTAG OK\r\n"),
            Hears("IDLE"),
        ],
    ]
    .concat();
    for end in 0..=whole.len() {
        for (last, words) in [
            (Some("* BYE overloaded\r\n"), "ended the connection: “overloaded”"),
            (Some("* BYE\r\n"), "ended the connection: “”"),
            (Some("* BY"), "closed the connection"),
            (None, "closed the connection"),
        ] {
            let steps = [whole[..end].to_vec(), last.map(says).into_iter().collect()].concat();
            let (account, heard) = in_memory(steps);
            let error = watched(&account).await;
            // before a question is heard, the client may still be writing it
            assert!(error.what.contains(words) || error.what.contains("connection broke"), "{end} {last:?}: {error}");
            assert_eq!(error.advice, Advice::LogInAgain, "{error}");
            assert!(secret_in(error.what.as_bytes()).is_none());
            let logins = String::from_utf8_lossy(&heard.plain()).matches("AUTHENTICATE").count();
            assert!(logins <= 1, "{end} {last:?}");
        }
    }
}

/// What a watch tells of a first look that is answered so, until it waits or loses its connection.
async fn told(answer: &str) -> Vec<String> {
    let ok = || vec![Hears("UID FETCH"), says("TAG OK\r\n")];
    let steps = [opened("EXAMINE"), vec![Hears("UID FETCH"), says(answer)], ok(), ok(), vec![Silent]].concat();
    let (account, _) = in_memory(steps);
    let (to, mut from) = mpsc::channel(8);
    let clock = Clock::simulated(Timestamp::UNIX_EPOCH);
    let mut told = Vec::new();
    let hear = async {
        loop {
            match from.recv().await.unwrap() {
                Sight::Opened { reply, .. } => reply.send(5).unwrap(),
                Sight::Mail(arrival) => {
                    told.push(format!("mail {} of {} bytes", arrival.place.uid, arrival.bytes.len()))
                }
                Sight::Unfetched { place, .. } => told.push(format!("unfetched {}", place.uid)),
                Sight::Looked { next_uid, .. } => {
                    told.push(format!("looked {next_uid}"));
                    return;
                }
                Sight::Lost { trouble, .. } => {
                    told.push(format!("lost: {trouble}"));
                    return;
                }
                Sight::Alive => {}
            }
        }
    };
    tokio::select! {
        () = hear => {}
        () = watch(&account, "INBOX", &clock, Standing::default(), Cues::none(), to) => {}
    }
    told
}

#[tokio::test(start_paused = true)]
async fn a_watch_is_carried_past_nothing_by_a_lie() {
    let mail =
        |uid: &str, size: u32, body: &str| format!("* 1 FETCH (UID {uid} RFC822.SIZE {size} BODY[]<0> {body})\r\n");
    for (answer, expect) in [
        (mail("5", 3, "{3}\r\nabc"), vec!["mail 5 of 3 bytes", "looked 6"]),
        (mail("0", 3, "{3}\r\nabc"), vec!["looked 5"]),
        (mail("4", 3, "{3}\r\nabc"), vec!["looked 5"]),
        // told, for it may be mail; but the cursor stays where mail is to come
        (mail("4294967295", 3, "{3}\r\nabc"), vec!["mail 4294967295 of 3 bytes", "looked 5"]),
        // asked for once more, and then named as what did not come
        (mail("5", 3, "NIL"), vec!["unfetched 5", "looked 6"]),
        (mail("5", 3, "\"\""), vec!["unfetched 5", "looked 6"]),
        (mail("5", 3, "{0}\r\n"), vec!["unfetched 5", "looked 6"]),
        (mail("5", 0, "\"\""), vec!["mail 5 of 0 bytes", "looked 6"]),
        ("* 1 FETCH (UID 5 FLAGS ())\r\n".to_owned(), vec!["looked 5"]),
        (
            format!("{}{}", mail("5", 3, "{3}\r\nabc"), mail("5", 3, "{3}\r\nxyz")),
            vec!["mail 5 of 3 bytes", "looked 6"],
        ),
    ] {
        assert_eq!(told(&format!("{answer}TAG OK\r\n")).await, expect, "{answer}");
    }
    let lost = told("* OK [UIDVALIDITY 8] anew\r\nTAG OK\r\n").await;
    assert!(lost[0].contains("renumbered"), "{lost:?}");
}

/// A server that answers every command with OK, shows one message in INBOX for ever, and moves nothing.
async fn idle_hands(stream: tokio::io::DuplexStream, moves: Arc<AtomicUsize>, can: &'static str) -> Option<()> {
    let mut io = BufReader::new(stream);
    io.get_mut().write_all(format!("* OK [CAPABILITY IMAP4rev1 {can}] hi\r\n").as_bytes()).await.ok()?;
    let mut inbox = false;
    loop {
        let mut line = String::new();
        if io.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let (tag, rest) = line.trim_end().split_once(' ').unwrap_or_default();
        let verb = rest.strip_prefix("UID ").unwrap_or(rest).split(' ').next().unwrap_or_default();
        let untagged = match verb {
            "SELECT" | "EXAMINE" => {
                inbox = rest.contains("INBOX");
                "* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 2] x\r\n"
            }
            "LIST" => "* LIST () \"/\" x\r\n",
            "STATUS" => "* STATUS x (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 7)\r\n",
            "FETCH" if inbox => "* 1 FETCH (UID 1 FLAGS ())\r\n",
            "MOVE" | "COPY" => {
                moves.fetch_add(1, Ordering::SeqCst);
                ""
            }
            "STORE" | "EXPUNGE" => panic!("nothing was copied, so nothing is removed: {line}"),
            _ => "",
        };
        io.get_mut()
            .write_all(format!("{untagged}{tag} OK [CAPABILITY IMAP4rev1 {can}] done\r\n").as_bytes())
            .await
            .ok()?;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_only_says_that_it_moved_is_not_asked_for_ever() {
    let start = Timestamp::from_second(1_780_000_000).unwrap();
    for can in ["MOVE UIDPLUS", "UIDPLUS", "IDLE"] {
        let moves = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&moves);
        let dial = move || {
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            tokio::spawn(idle_hands(theirs, Arc::clone(&counted), can));
            Ok(Box::new(ours) as Box<dyn Wire>)
        };
        let account = ImapAccount { dial: Dial::Memory(Arc::new(dial)), ..in_memory(Vec::new()).0 };
        let clock = Clock::simulated(start);
        let store = Store::inline(Arc::new(Mutex::new(Db::in_memory().unwrap())));
        let hand = Hand::new(store.clone(), clock, BTreeMap::new(), [account]);
        let wish = Wish {
            key: "file:m".into(),
            effect: Effect::File { folder: "x".into() },
            due: start,
            until: None,
            dedupe: Vec::new(),
            after: Vec::new(),
            turn: None,
        };
        let mail = Settling {
            place: Place { account: "a".into(), mailbox: "INBOX".into(), uid_validity: 7, uid: 1 },
            key: MailKey::of(b"m"),
            received: start,
            size: 1,
            message_id: None,
            verdict: Verdict::default(),
            step: modori::plan::Step { plan: vec![wish], ..modori::plan::Step::default() },
            poison: None,
        };
        store.call(move |db| db.settle(&[mail], true, start)).await.unwrap();
        let _ = tokio::time::timeout(Duration::from_secs(3600), hand.work()).await;
        let row = store.call(|db| Ok(db.outbox()?.remove(0))).await.unwrap();
        assert_eq!(row.state, State::Failed, "{can}: {row:?}");
        let moves = moves.load(Ordering::SeqCst);
        assert!((2..=8).contains(&moves), "{can}: moved {moves} times");
    }
}
