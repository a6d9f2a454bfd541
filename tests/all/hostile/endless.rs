//! Servers without end: lines, literals, answers, nesting, names, drips. Each is left with a sentence, within bounded
//! time and bounded memory.

use super::server::{Drips, Forever, Hears, Silent, Step, in_memory, logged_in, opened, says, secret_in};
use jiff::Timestamp;
use modori::edge::clock::Clock;
use modori::edge::imap::{Cues, Fetch, ImapAccount, ImapError, Session, Sight, Standing, UidSet, watch};
use std::time::Duration;
use tokio::sync::mpsc;

/// What the client does with the server.
#[derive(Clone, Copy, Debug)]
enum Doing {
    Opening,
    Selecting,
    Fetching,
    Listing,
    Moving,
    Watching,
}
use Doing::{Fetching, Listing, Moving, Opening, Selecting, Watching};

struct Scene {
    name: String,
    doing: Doing,
    steps: Vec<Step>,
    says: &'static str,
}

/// Runs until the watch loses its connection; answers why.
pub(super) async fn watched(account: &ImapAccount) -> ImapError {
    let (to, mut from) = mpsc::channel(8);
    let clock = Clock::simulated(Timestamp::from_second(1_780_000_000).unwrap());
    let hear = async {
        loop {
            match from.recv().await.unwrap() {
                Sight::Opened { reply, .. } => reply.send(1).unwrap(),
                Sight::Lost { trouble, .. } => return trouble,
                _ => {}
            }
        }
    };
    tokio::select! {
        trouble = hear => trouble,
        () = watch(account, "INBOX", &clock, Standing::default(), Cues::none(), to) => unreachable!(),
    }
}

async fn trouble(account: &ImapAccount, doing: Doing) -> Result<(), ImapError> {
    if matches!(doing, Watching) {
        return Err(watched(account).await);
    }
    let mut session = Session::open(account).await?;
    if matches!(doing, Opening) {
        return Ok(());
    }
    if matches!(doing, Listing) {
        return session.list().await.map(drop);
    }
    session.select("INBOX").await?;
    match doing {
        Fetching => session.fetch(&UidSet::from(1), Fetch::First(32 * 1024)).await.map(drop),
        Moving => session.uid_move(&UidSet::from(1), "x").await.map(drop),
        _ => Ok(()),
    }
}

/// The conversation up to the command that is answered without end.
fn until(doing: Doing) -> Vec<Step> {
    match doing {
        Opening => vec![says("* OK [CAPABILITY IMAP4rev1] hi\r\n"), Hears("LOGIN")],
        Selecting => [logged_in(), vec![Hears("SELECT")]].concat(),
        Listing => [logged_in(), vec![Hears("LIST \"\" \"*\"")]].concat(),
        Fetching => [opened("SELECT"), vec![Hears("UID FETCH")]].concat(),
        Moving => [opened("SELECT"), vec![Hears("UID MOVE")]].concat(),
        Watching => [opened("EXAMINE"), vec![Hears("UID FETCH")]].concat(),
    }
}

const ALL: [Doing; 6] = [Opening, Selecting, Fetching, Listing, Moving, Watching];
const LINE: &str = "endless line";
const MORE: &str = "announced more bytes than were asked for";
const MUCH: &str = "says more than was asked for";
const NO_END: &str = "comes to no end";

/// Endless in bytes.
fn floods() -> Vec<Scene> {
    let words: String = (0..9000).map(|n| format!("W{n} ")).collect();
    let flags = "a ".repeat(4000);
    let body = "x".repeat(30_000);
    let mut scenes = Vec::new();
    let mut add = |name: &str, doing: Doing, last: Vec<Step>, says: &'static str| {
        scenes.push(Scene { name: name.to_owned(), doing, steps: [until(doing), last].concat(), says });
    };
    for doing in ALL {
        add("a line", doing, vec![says("* OK "), Forever(b"a".to_vec())], LINE);
        add("a line of NUL", doing, vec![Forever(vec![0])], LINE);
        add("a line of CR", doing, vec![Forever(b"\r".to_vec())], LINE);
        add(
            "a literal of 4 GiB",
            doing,
            vec![says("* 1 FETCH (UID 1 BODY[] {4294967295}\r\n"), Forever(b"a".to_vec())],
            MORE,
        );
        add(
            "a literal beyond any number",
            doing,
            vec![says("* 1 FETCH (UID 1 BODY[] {99999999999999999999}\r\n"), Silent],
            "without a readable size",
        );
        add("a literal of 100 MB", doing, vec![says("* 1 FETCH (UID 1 BODY[] {100000000}\r\n"), Silent], MORE);
        add("a large literal that is no mail", doing, vec![says("* OK {100000}\r\n"), Silent], MORE);
        add("literals", doing, vec![says("* 1 FETCH ("), Forever(b"{1}\r\nx".to_vec())], "literals without end");
    }
    add("nothing but line ends", Fetching, vec![Forever(b"\r\n".to_vec())], "cannot be read");
    for (doing, flood) in [
        (Selecting, "* X\r\n"),
        (Listing, "* 1 FETCH (UID\r\n"),
        (Moving, "* 1 EXPUNGE\r\n"),
        (Watching, "* 1 FETCH (UID\r\n"),
    ] {
        add(&format!("{flood:?}"), doing, vec![Forever(flood.as_bytes().to_vec())], MUCH);
    }
    let flags = format!("* 1 FETCH (UID 1 FLAGS ({flags}))\r\n").into_bytes();
    let names = format!("* LIST () \"/\" {}\r\n", "n".repeat(60_000)).into_bytes();
    let nested = format!("* 1 FETCH {}\r\n", "(".repeat(10_000)).into_bytes();
    add("flags", Fetching, vec![Forever(flags)], MUCH);
    add("nesting", Watching, vec![Forever(nested)], MUCH);
    add("capabilities", Opening, vec![Forever(format!("* CAPABILITY {words}\r\n").into_bytes())], MUCH);
    add("names", Listing, vec![Forever(names.clone())], MUCH);
    add("names", Watching, vec![Forever(names)], MUCH);
    add("counts", Selecting, vec![Forever(b"* 4294967295 EXISTS\r\n".to_vec())], MUCH);
    add("status lines", Moving, vec![Forever(b"* OK [ALERT] look here\r\n".to_vec())], MUCH);
    let mail = format!("* 1 FETCH (UID 1 RFC822.SIZE 30000 BODY[]<0> {{30000}}\r\n{body})\r\n");
    add("mail that was asked for once", Fetching, vec![Forever(mail.into_bytes())], MUCH);
    add("short lists", Listing, vec![Forever(b"* LIST () \"/\" n\r\n".to_vec())], MUCH);
    add(
        "a name of a megabyte",
        Listing,
        vec![says(format!("* LIST () \"/\" \"{}\"\r\n", "n".repeat(1 << 20))), Silent],
        LINE,
    );
    add(
        "a name of a megabyte, as a literal",
        Listing,
        vec![says("* LIST () \"/\" {1048576}\r\n"), Forever(b"n".to_vec())],
        MORE,
    );
    for (name, greeting, says_so) in [
        ("capabilities in the greeting", says(format!("* OK [CAPABILITY {}] hi\r\n", words.repeat(2))), LINE),
        ("a line in the greeting", Forever(b"* OK hi ".to_vec()), LINE),
        ("line ends for a greeting", Forever(b"\r\n".to_vec()), "not an IMAP server"),
    ] {
        scenes.push(Scene { name: name.to_owned(), doing: Opening, steps: vec![greeting, Silent], says: says_so });
    }
    let asked = |answer: String| {
        vec![
            says("* OK hi\r\n"),
            Hears("CAPABILITY"),
            says("* CAPABILITY IMAP4rev1 NAMESPACE\r\nTAG OK\r\n"),
            Hears("LOGIN"),
            says("TAG OK [CAPABILITY IMAP4rev1 NAMESPACE] in\r\n"),
            Hears("NAMESPACE"),
            says(answer),
            Silent,
        ]
    };
    let entries = format!("* NAMESPACE ({}) NIL NIL\r\nTAG OK\r\n", "(\"a\" \"/\") ".repeat(5000));
    let prefix = format!("* NAMESPACE ((\"{}\" \"/\")) NIL NIL\r\nTAG OK\r\n", "p".repeat(50_000));
    for (name, steps, says) in [
        ("namespaces", asked(entries), "silent"), // unreadable, passed over; then LIST is asked and never answered
        ("a namespace of 50,000 letters", asked(prefix), "endless name"),
        ("capabilities", vec![says_all(&words), Hears("LOGIN")], "capabilities without end"),
    ] {
        scenes.push(Scene { name: name.to_owned(), doing: Opening, steps, says });
    }
    // while the watch waits in IDLE: before the `+` and after it
    for (name, first) in [("before the continuation", ""), ("after it", "+ idling\r\n")] {
        for flood in
            ["* 1 EXISTS\r\n", "* OK a rather long line, so that it is over sooner than a million of them are\r\n"]
        {
            let last = vec![says("TAG OK\r\n"), Hears("IDLE"), says(first), Forever(flood.as_bytes().to_vec())];
            let steps = [until(Watching), last].concat();
            scenes.push(Scene { name: format!("{flood:?} in IDLE {name}"), doing: Watching, steps, says: MUCH });
        }
    }
    scenes
}

fn says_all(words: &str) -> Step {
    // two answers, so that each is short enough
    says(format!("* OK hi\r\n* CAPABILITY {words}\r\nm1 OK\r\n"))
}

/// Endless in time: something comes again and again, always before the silence is too long.
fn drips() -> Vec<Scene> {
    let second = Duration::from_secs(1);
    let mut scenes = Vec::new();
    for doing in ALL {
        for (name, bytes, apart, says) in [
            (
                "bytes of a line",
                "* OK aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                second,
                "silent for 60 s",
            ),
            ("short lines, a byte a second", "* OK hm\r\n", second, NO_END),
            ("a line every 48 s", "* OK x\r\n", 6 * second, NO_END),
            ("flags, a byte a second", "* 1 FETCH (UID 1 FLAGS ())\r\n", second, NO_END),
        ] {
            let steps = [until(doing), vec![Drips(bytes.as_bytes().to_vec(), apart)]].concat();
            scenes.push(Scene { name: name.to_owned(), doing, steps, says });
        }
        let literal = vec![says("* 1 FETCH (UID 1 BODY[] {3000}\r\n"), Drips(b"a".to_vec(), second)];
        scenes.push(Scene {
            name: "bytes of a literal".to_owned(),
            doing,
            steps: [until(doing), literal].concat(),
            says: "silent for 60 s",
        });
    }
    let greeting = |name: &str, steps| Scene { name: name.to_owned(), doing: Opening, steps, says: "silent for 60 s" };
    scenes.push(greeting("bytes of a greeting", vec![Drips(b"* OK a".to_vec(), second)]));
    scenes.push(greeting("no greeting", vec![Silent]));
    scenes
}

async fn survive(Scene { name, doing, steps, says }: Scene) {
    let name = format!("{name} ({doing:?})");
    let (account, heard) = in_memory(steps);
    let begun = tokio::time::Instant::now();
    let error = trouble(&account, doing).await.expect_err(&name);
    assert!(error.what.contains(says), "{name}: “{error}” should say “{says}”");
    // on the test's own clock: a whole command and what came before it
    assert!(begun.elapsed() <= Duration::from_secs(6 * 60), "{name}: {:?}", begun.elapsed());
    assert!(secret_in(error.what.as_bytes()).is_none(), "{name}: {error}");
    drop(heard);
}

#[tokio::test(start_paused = true)]
async fn drips_do_not_hold_a_command_for_ever() {
    for scene in drips() {
        survive(scene).await;
    }
}

/// In a process of its own, whose memory is nobody else's.
#[test]
fn floods_are_left_in_bounded_memory() {
    const CHILD: &str = "MODORI_TEST_FLOODS";
    if std::env::var_os(CHILD).is_none() {
        let this = std::env::current_exe().unwrap();
        let name = "hostile::endless::floods_are_left_in_bounded_memory";
        let run =
            std::process::Command::new(this).args(["--exact", name, "--nocapture"]).env(CHILD, "1").output().unwrap();
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "{said}\n{}", String::from_utf8_lossy(&run.stderr));
        assert!(said.contains("1 passed") && said.contains("the largest took"), "{said}");
        return;
    }
    // what is held until the command ends is bounded by 96 MiB; everything else by one response. Memory that was freed
    // is not always given back at once, so those with the smaller bound come first
    let held =
        ["mail that was asked for once", "flags", "names", "short lists", "capabilities", "counts", "status lines"];
    let holds = |scene: &Scene| held.contains(&scene.name.as_str()) && !matches!(scene.doing, Watching);
    let mut scenes = floods();
    scenes.sort_by_key(&holds);
    let count = scenes.len();
    let (before, file) = (memory("VmRSS:"), memory("RssFile:"));
    let mut peaks = [0, 0];
    for scene in scenes {
        let kept = holds(&scene);
        let name = format!("{} ({:?})", scene.name, scene.doing);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        reset_peak();
        runtime.block_on(survive(scene));
        // code that runs for the first time is read in from the program's file, which no server can make larger
        let read_in = memory("RssFile:").saturating_sub(file);
        let took = memory("VmHWM:").saturating_sub(before + read_in);
        let limit = if kept { 192 } else { 24 };
        assert!(took <= limit * 1024, "{name} took {took} KiB, allowed are {limit} MiB");
        peaks[usize::from(kept)] = took.max(peaks[usize::from(kept)]);
    }
    println!("{count} floods; the largest took {} KiB while nothing is held, {} KiB else", peaks[0], peaks[1]);
}

/// The highest memory so far begins anew (Linux, proc(5)).
fn reset_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

fn memory(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
