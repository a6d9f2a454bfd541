//! `modori demo`: the unmodified engine on the embedded server, and what came of it.

use super::args::{Demo, Tongue};
use super::{Failure, render, setup};
use crate::demo::{AUTHSERV_ID, SHOPPER, Server, Story};
use crate::edge::clock::Clock;
use crate::edge::config::Backlog;
use crate::edge::hand::{Hand, HandLock};
use crate::edge::imap::{Dial, ImapAccount, Pace, Security};
use crate::edge::out::{Accepted, Channel, Deliver, Delivery};
use crate::edge::secret::Secret;
use crate::edge::store::Store;
use crate::edge::tls;
use crate::engine::{Engine, Mailbox, Rules};
use crate::ledger::{self, case::State};
use crate::plan::calm::Calm;
use crate::plan::sight::Blind;
use crate::plan::{Alert, Late, Looks, Policy};
use crate::rules::RuleSet;
use crate::wording::Language;
use jiff::Timestamp;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// After the last delivery, so long may the engine take to come to rest.
const REST: Duration = Duration::from_secs(10);
/// Longest run without `--stay`.
const LONGEST: Duration = Duration::from_secs(28);

/// Prints an alert as it comes.
struct Terminal;

impl Deliver for Terminal {
    fn deliver<'a>(&'a self, alert: &'a Alert, _key: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            let url = alert.url.as_deref().map(|url| format!("\n   {url}")).unwrap_or_default();
            let first = alert.body.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            anstream::println!("{}{url}\n   {first}", render::title(&format!("🔔 {}", alert.title)));
            Ok(Accepted::default())
        })
    }
}

/// Runs the demo in a state folder of its own (a temporary one unless one is named).
pub(super) fn run(arguments: &Demo, state: Option<&Path>) -> Result<(), Failure> {
    let story = match &arguments.mails {
        Some(folder) => Story::of_folder(folder).map_err(|error| Failure::broken(error.to_string()))?,
        None => Story::embedded(),
    };
    for skipped in &story.skipped {
        anstream::eprintln!("passed by: {skipped}");
    }
    let temporary = std::env::temp_dir().join(format!("modori-demo-{}", std::process::id()));
    let folder = state.unwrap_or(&temporary);
    let ended = setup::runtime()?.block_on(play(arguments, &story, folder));
    if state.is_none() {
        let _ = std::fs::remove_dir_all(&temporary);
    }
    ended
}

async fn play(arguments: &Demo, story: &Story, folder: &Path) -> Result<(), Failure> {
    let clock = Clock::system();
    let server = Server::new(SHOPPER, "demo");
    let (address, _serving) = server
        .listen(([127, 0, 0, 1], 0).into())
        .await
        .map_err(|error| Failure::new(format!("cannot listen on 127.0.0.1: {error}")))?;
    story.lay(&server, clock.now());
    let (backlog, live) = (story.backlog.len(), story.live.len());
    anstream::println!(
        "An IMAP server listens on {address}. {} lie in INBOX, {live} more arrive while you watch.\n",
        render::count(backlog, "mail")
    );
    let language = match arguments.language {
        Tongue::Ja => Language::Ja,
        Tongue::En => Language::En,
    };
    let store = setup::store(folder)?;
    let _hand = HandLock::take(folder).map_err(|error| Failure::new(error.to_string()))?;
    let engine = engine(&store, &clock, language, address)?;

    let stop = async {
        let told = async {
            story.tell(&server, &clock, |_, _| {}).await;
            if arguments.stay {
                std::future::pending::<()>().await;
            }
            let settled = at_rest(&store, backlog + live);
            let _ = tokio::time::timeout(REST, settled).await;
        };
        tokio::select! {
            () = told => {}
            () = super::watch::stopped() => {}
            () = tokio::time::sleep(LONGEST), if !arguments.stay => {}
        }
    };
    engine.watch(stop).await.map_err(|error| Failure::new(error.to_string()))?;
    show(&server, &store, &engine, language).await
}

fn engine(store: &Store, clock: &Clock, language: Language, address: std::net::SocketAddr) -> Result<Engine, Failure> {
    let tls = tls::client_config(None).map_err(|error| Failure::new(error.to_string()))?;
    let account = ImapAccount {
        name: "demo".to_owned(),
        dial: Dial::Tcp {
            host: address.ip().to_string(),
            port: address.port(),
            security: Security::Plain, // loopback
            tls: Arc::new(tls),
        },
        user: SHOPPER.to_owned(),
        credential: Secret::Given(SecretString::from("demo")).into(),
        pace: Pace::default(),
        fetch_cap: 256 * 1024,
    };
    let channels = BTreeMap::from([("terminal".to_owned(), Arc::new(Terminal) as Channel)]);
    let policy = Policy {
        observe: false,
        channels: vec!["terminal".to_owned()],
        stale_after_s: 15 * 60,
        give_up_after_s: 3600,
        late: Late::Summary,
        flags: Some(Looks::default()),
        blind: Blind::default(),
        // all of it comes within seconds
        calm: Calm { gather_s: 2, ..Calm::default() },
        language,
        ..Policy::default()
    };
    Ok(Engine {
        hand: Hand::new(store.clone(), clock.clone(), channels, [account.clone()])
            .looking(policy.looks())
            .saying(&policy.wording, policy.language),
        store: store.clone(),
        clock: clock.clone(),
        rules: Rules::fixed(RuleSet::shipped()),
        policy,
        backlog: Backlog::Sort,
        own_addresses: std::collections::BTreeSet::new(),
        mailboxes: vec![Mailbox { account, name: "INBOX".to_owned(), authserv_ids: vec![AUTHSERV_ID.to_owned()] }],
        ledger: ledger::due::Settings::default(),
        hot: crate::plan::hot::Hours::default(),
    })
}

/// Every mail was settled and nothing is left to do.
async fn at_rest(store: &Store, mails: usize) {
    loop {
        let rest = store
            .call(move |db| {
                let seen: u32 = db.counts()?.iter().map(|(_, number)| *number).sum();
                Ok(seen as usize >= mails && db.open_rows()? == 0)
            })
            .await;
        if !matches!(rest, Ok(false)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What is shown is what happened: folders from the server, cases and latencies from the database.
async fn show(server: &Server, store: &Store, engine: &Engine, language: Language) -> Result<(), Failure> {
    let folders: BTreeMap<String, usize> =
        server.mailboxes().into_iter().map(|(name, messages)| (name, messages.len())).collect();
    let now = engine.clock.now();
    let (events, statements, latencies, left) = store
        .call(|db| Ok((db.events()?, db.statements()?, db.latencies()?, db.left_over(Timestamp::UNIX_EPOCH)?)))
        .await
        .map_err(|error| Failure::new(error.to_string()))?;
    let cases = ledger::cases(&events, &statements, &ledger::due::Settings::default(), now);
    let open: Vec<_> = cases.values().filter(|case| !case.ended && case.cancelled != State::None).collect();
    anstream::println!("\n{}\n{}", render::title("Folders on the server"), render::tree(&folders));
    anstream::println!(
        "{}\n{}\n",
        render::title("Open cases"),
        render::cases(&open, None, &engine.policy.wording, language)
    );
    anstream::println!("{}\n{}", render::title("Alerts"), render::latencies(&latencies));
    let (left, bad) = render::left_over(&left);
    if !left.is_empty() {
        anstream::eprintln!("\n{left}");
    }
    if bad { Err(Failure::new("not everything could be done")) } else { Ok(()) }
}
