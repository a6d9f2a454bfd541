//! Bent conversations: whatever a server says, nothing panics, nothing waits for ever, and nothing steers a screen.

use super::endless::watched;
use super::server::{PASSWORD, USER};
use modori::edge::imap::{Dial, Fetch, ImapAccount, ImapError, Pace, Session, UidSet, Wire};
use modori::edge::secret::Secret;
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};

/// What is done to the bytes that a server says, in turn.
#[derive(Clone, Debug)]
enum Bend {
    Change(prop::sample::Index, u8),
    Drop(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Repeat(prop::sample::Index, u8),
    /// Answer number so-and-so is lost.
    Mute(prop::sample::Index),
}

fn bends() -> impl Strategy<Value = Vec<Bend>> {
    let at = any::<prop::sample::Index>;
    let words = prop::sample::select(vec![
        "*",
        "* ",
        "+ ",
        "\r\n",
        "\n",
        "\r",
        "\0",
        "(",
        ")",
        "((((((((((((((((((((((((",
        "{3}\r\n",
        "{0}\r\n",
        "{4294967295}\r\n",
        "{99999999999999999999}\r\n",
        "~{5}\r\n",
        "\"",
        "\\",
        "[",
        "]",
        "NIL",
        "* BYE x\r\n",
        "* PREAUTH x\r\n",
        "m1 OK\r\n",
        "m4 NO [REFERRAL imap://a/] x\r\n",
        "* OK [UIDVALIDITY 8] x\r\n",
        "* 4294967295 EXISTS\r\n",
        "* 0 EXPUNGE\r\n",
        "* 1 FETCH (UID 0 RFC822.SIZE 4294967295 BODY[] \"\")\r\n",
        "* OK [ALERT] \u{202e}\u{1b}[2J\r\n",
        "\u{202e}",
        "\u{1b}]0;x\u{7}",
        "* CAPABILITY\r\n",
        "[COPYUID 9 1:4294967295 1]",
        "* LIST",
        "-1",
        "4294967296",
        "\u{ff}",
    ]);
    let bytes =
        prop_oneof![words.prop_map(|words| words.as_bytes().to_vec()), prop::collection::vec(any::<u8>(), 1..20)];
    let bend = prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Bend::Change(at, byte)),
        (at(), any::<u8>()).prop_map(|(at, count)| Bend::Drop(at, count)),
        (at(), bytes).prop_map(|(at, bytes)| Bend::Insert(at, bytes)),
        (at(), any::<u8>()).prop_map(|(at, count)| Bend::Repeat(at, count)),
        at().prop_map(Bend::Mute),
    ];
    prop::collection::vec(bend, 0..6)
}

/// Which answer a bend strikes, of so many; and where in it.
const ANSWERS: usize = 14;

fn bent(mut answer: Vec<u8>, number: usize, bends: &[Bend]) -> Vec<u8> {
    for bend in bends {
        let (Bend::Change(at, _) | Bend::Drop(at, _) | Bend::Insert(at, _) | Bend::Repeat(at, _) | Bend::Mute(at)) =
            bend;
        // one index says both
        let place = at.index(ANSWERS * 1000);
        if place % ANSWERS != number % ANSWERS || answer.is_empty() {
            continue;
        }
        let start = place / ANSWERS * answer.len() / 1000;
        let upto = |count: &u8| (start + usize::from(*count)).min(answer.len());
        match bend {
            Bend::Change(_, byte) => answer[start] = *byte,
            Bend::Drop(_, count) => drop(answer.drain(start..upto(count))),
            Bend::Insert(_, bytes) => drop(answer.splice(start..start, bytes.iter().copied())),
            Bend::Repeat(_, count) => {
                let again = answer[start..upto(count)].to_vec();
                drop(answer.splice(start..start, again));
            }
            Bend::Mute(_) => answer.clear(),
        }
    }
    answer
}

/// A server that answers every line as an honest one would, bent.
async fn serve(stream: DuplexStream, bends: Vec<Bend>) -> Option<()> {
    let mut io = BufReader::new(stream);
    let mut number = 0;
    let mut idle = String::new();
    let mut say = b"* OK [CAPABILITY IMAP4rev1 IDLE MOVE UIDPLUS NAMESPACE] hi\r\n".to_vec();
    loop {
        let answer = bent(say, number, &bends);
        number += 1;
        if number > 60 {
            return None; // a watch would go on for ever
        }
        io.get_mut().write_all(&answer).await.ok()?;
        let mut line = Vec::new();
        if io.read_until(b'\n', &mut line).await.ok()? == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let (tag, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let verb = rest.strip_prefix("UID ").unwrap_or(rest).split(' ').next().unwrap_or_default().to_owned();
        let untagged = match verb.as_str() {
            "CAPABILITY" => "* CAPABILITY IMAP4rev1 IDLE MOVE UIDPLUS NAMESPACE\r\n",
            "NAMESPACE" => "* NAMESPACE ((\"INBOX.\" \".\")) NIL NIL\r\n",
            "LIST" => "* LIST (\\HasNoChildren) \".\" INBOX\r\n* LIST (\\HasNoChildren) \".\" {5}\r\nINBOX\r\n",
            "SELECT" | "EXAMINE" => {
                "* FLAGS (\\Seen)\r\n* 2 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 7] x\r\n* OK [PERMANENTFLAGS (\\*)] x\r\n"
            }
            "FETCH" => {
                "* 1 FETCH (UID 5 FLAGS (\\Seen $A) INTERNALDATE \"17-Jul-2026 02:44:25 +0900\" RFC822.SIZE 16 BODY[]<0> {16}\r\nSubject: a\r\n\r\nbc)\r\n\
                 * 2 FETCH (UID 6 FLAGS () RFC822.SIZE 3 BODY[] \"abc\")\r\n"
            }
            "STATUS" => "* STATUS {5}\r\nINBOX (MESSAGES 2 UIDNEXT 7 UIDVALIDITY 7)\r\n",
            "MOVE" => "* OK [COPYUID 9 5:6 21:22] moved\r\n* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n",
            _ => "",
        };
        say = match verb.as_str() {
            "IDLE" => {
                idle = tag.to_owned();
                b"+ idling\r\n* 3 EXISTS\r\n".to_vec()
            }
            "" if line == "DONE" => format!("{idle} OK idled\r\n").into_bytes(),
            _ => format!("{untagged}{tag} OK [HIGHESTMODSEQ 3] done\r\n").into_bytes(),
        };
    }
}

async fn use_session(account: &ImapAccount) -> Result<(), ImapError> {
    let mut session = Session::open(account).await?;
    session.list().await?;
    session.ensure_folder("楽天/x").await?;
    session.status("INBOX").await?;
    session.select("INBOX").await?;
    for what in [Fetch::Flags, Fetch::Sizes, Fetch::First(32 * 1024)] {
        for one in session.fetch(&UidSet::of([5, 6]), what).await? {
            assert!(one.uid == 5 || one.uid == 6, "{one:?} was not asked for");
            assert!(one.bytes.len() <= 32 * 1024);
        }
    }
    if let Some(copied) = session.uid_move(&UidSet::of([5, 6]), "x").await? {
        assert_eq!(copied.target_of(4), None);
    }
    session.logout().await;
    Ok(())
}

/// Uses the server; the trouble, if there was any.
fn survives(bends: Vec<Bend>, raw: Option<Vec<u8>>, watching: bool) -> Option<ImapError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let dial = move || {
            let (ours, mut theirs) = duplex(1 << 16);
            let (bends, raw) = (bends.clone(), raw.clone());
            tokio::spawn(async move {
                if let Some(raw) = raw {
                    theirs.write_all(&raw).await.ok()?;
                }
                serve(theirs, bends).await
            });
            Ok(Box::new(ours) as Box<dyn Wire>)
        };
        let account = ImapAccount {
            name: "a".into(),
            dial: Dial::Memory(Arc::new(dial)),
            user: USER.into(),
            credential: Secret::Given(PASSWORD.into()).into(),
            pace: Pace::default(),
            fetch_cap: 64 * 1024,
        };
        // a day of the test's own clock: far more than all commands may take together
        let use_it = async { if watching { Err(watched(&account).await) } else { use_session(&account).await } };
        let used = tokio::time::timeout(Duration::from_secs(24 * 3600), use_it).await;
        let error = used.expect("it waits for ever").err();
        if let Some(error) = &error {
            assert!(!error.what.is_empty() && !error.what.contains(PASSWORD), "{error}");
            assert!(!error.what.chars().any(|c| c.is_control() || c == '\u{202e}'), "{error:?}");
            assert!(error.what.chars().count() < 1500, "{error}");
        }
        error
    })
}

#[test]
fn an_honest_server_is_used_to_the_end() {
    assert_eq!(survives(Vec::new(), None, false), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn bent_answers_are_survived_by_a_session(bends in bends()) {
        survives(bends, None, false);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn bent_answers_are_survived_by_a_watch(bends in bends()) {
        survives(bends, None, true);
    }

    #[test]
    fn any_bytes_before_the_greeting_are_survived(raw in prop::collection::vec(any::<u8>(), 0..400)) {
        survives(Vec::new(), Some(raw), false);
    }
}
