//! What commands need before they can work: configuration, rules, wording, store.

use super::Failure;
use crate::edge::clock::Clock;
use crate::edge::config::{self, Config, Keep, folder};
use crate::edge::hand::{Hand, HandLock, Posting};
use crate::edge::oauth;
use crate::edge::out;
use crate::edge::out::post::{Carry, Post};
use crate::edge::store::{Db, Store};
use crate::edge::tls;
use crate::engine::{Engine, Mailbox, Own, Rules, reload, wishes};
use crate::letter::{Letters, Replies};
use crate::plan::Policy;
use crate::plan::answer::TokenKey;
use crate::plan::search;
use crate::plan::wanted::Wanted;
use crate::rules::{Diagnostic, Layer, RuleSet, Source};
use crate::wording::Wording;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Threads for work that takes long: they come when there is some and go when there is none.
const BLOCKING: usize = 16;

/// The configuration that was named, or the usual one.
pub(super) fn config(named: Option<&Path>, state: Option<&Path>) -> Result<Config, Failure> {
    let file = match named {
        Some(file) => file.to_path_buf(),
        None => config::default_file()
            .ok_or_else(|| Failure::broken("no configuration: HOME is not set; name the file with --config FILE"))?,
    };
    Config::load_with(&file, state).map_err(|broken| Failure::broken(broken.to_string()))
}

/// When the configuration file that was named, or the usual one, was last changed.
pub(super) fn changed_at(named: Option<&Path>) -> Option<Timestamp> {
    let file = named.map(Path::to_path_buf).or_else(config::default_file)?;
    let changed = std::fs::metadata(file).and_then(|about| about.modified()).ok()?;
    Timestamp::try_from(changed).ok()
}

/// The configuration if one was named or lies at the usual place; `None` when there is none.
pub(super) fn config_if_any(named: Option<&Path>) -> Result<Option<Config>, Failure> {
    match named {
        Some(_) => config(named, None).map(Some),
        None if config::default_file().is_some_and(|file| file.exists()) => config(None, None).map(Some),
        None => Ok(None),
    }
}

/// The rule files of a folder; none when the folder does not exist.
pub(super) fn rule_files(folder: Option<&Path>) -> Result<Vec<Source>, Failure> {
    let Some(folder) = folder else { return Ok(Vec::new()) };
    reload::sources(folder).map_err(|error| Failure::broken(error.to_string()))
}

/// The shipped rules with the shopper's on top.
pub(super) fn rules(folder: Option<&Path>) -> Result<RuleSet, Failure> {
    rules_of(folder, None)
}

fn broken(problems: &[Diagnostic]) -> Failure {
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Failure::broken(shown.join("\n\n"))
}

/// The account of this name.
pub(super) fn account<'a>(config: Option<&'a Config>, name: &str) -> Result<&'a config::Account, Failure> {
    let accounts = config.map(|config| config.accounts.as_slice()).unwrap_or_default();
    accounts.iter().find(|account| account.name == name).ok_or_else(|| {
        let all: Vec<&str> = accounts.iter().map(|account| account.name.as_str()).collect();
        Failure::broken(format!("there is no account `{name}` (there are: {})", all.join(", ")))
    })
}

/// The layers over the shipped rules: the files of `folder`, and what an account has of its own.
pub(super) fn layers(folder: Option<&Path>, account: Option<&config::Account>) -> Result<Vec<Layer>, Failure> {
    let mut layers = vec![Layer::of_files(rule_files(folder)?)];
    if let Some(account) = account.filter(|account| !account.own.is_none()) {
        let files = rule_files(account.own.rules.as_deref())?;
        layers.push(Layer { files, folders: account.own.folders.clone() });
    }
    Ok(layers)
}

/// The rules by which the mail of an account is judged; without one those that all share.
pub(super) fn rules_of(folder: Option<&Path>, account: Option<&config::Account>) -> Result<RuleSet, Failure> {
    compiled(&layers(folder, account)?)
}

/// The shipped rules with these layers on top.
pub(super) fn compiled(layers: &[Layer]) -> Result<RuleSet, Failure> {
    RuleSet::load_layers(layers).map_err(|problems| broken(&problems))
}

/// The file of goods that are waited for: its text, if it is there, and what it says.
pub(super) fn wanted(file: &Path) -> Result<(Option<String>, Wanted), Failure> {
    let text = wishes::text(file).map_err(Failure::broken)?;
    let wanted = wishes::read(file, text.as_deref()).map_err(|problems| {
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Failure::broken(shown.join("\n\n"))
    })?;
    Ok((text, wanted))
}

/// The shipped words with the shopper's on top.
pub(super) fn wording(folder: Option<&Path>) -> Result<Wording, Failure> {
    let Some(folder) = folder.filter(|folder| folder.exists()) else { return Ok(Wording::default()) };
    let mut texts = folder::texts(folder, "txt").map_err(|error| Failure::broken(error.to_string()))?;
    texts.extend(folder::texts(folder, "toml").map_err(|error| Failure::broken(error.to_string()))?);
    let texts: Vec<(String, String)> =
        texts.into_iter().map(|(path, text)| (path.display().to_string().replace('\\', "/"), text)).collect();
    Wording::with_own(&texts).map_err(|problems| {
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Failure::broken(shown.join("\n"))
    })
}

/// The shipped letters with the shopper's on top.
pub(super) fn letters(folder: Option<&Path>) -> Result<Letters, Failure> {
    let Some(folder) = folder.filter(|folder| folder.exists()) else { return Ok(Letters::default()) };
    let texts = folder::texts(folder, "txt").map_err(|error| Failure::broken(error.to_string()))?;
    let texts: Vec<(String, String)> =
        texts.into_iter().map(|(path, text)| (path.display().to_string().replace('\\', "/"), text)).collect();
    Letters::with_own(&texts).map_err(|problems| {
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Failure::broken(shown.join("\n"))
    })
}

/// What may be written, with the shopper's letters; without a configuration nothing.
pub(super) fn replies(config: Option<&Config>) -> Result<Replies, Failure> {
    let Some(config) = config else { return Ok(Replies::default()) };
    Ok(Replies { letters: letters(config.letters.as_deref())?, ..config.policy.replies.clone() })
}

/// What `classify` needs: no account, no store.
pub(super) struct Quiet {
    pub(super) rules: RuleSet,
    pub(super) authserv_ids: Vec<String>,
    pub(super) own_addresses: BTreeSet<String>,
}

/// Rules and trust, from the configuration if there is one: those of an account if it is named, else the rules that all
/// share and the word of every account's hosts.
pub(super) fn quiet(
    named: Option<&Path>,
    folder: Option<&Path>,
    authserv_ids: &[String],
    account: Option<&str>,
) -> Result<Quiet, Failure> {
    let config = config_if_any(named)?;
    let account = account.map(|name| self::account(config.as_ref(), name)).transpose()?;
    let folder: Option<PathBuf> =
        folder.map(Path::to_path_buf).or_else(|| config.as_ref().and_then(|config| config.rules.clone()));
    let mut ids = authserv_ids.to_vec();
    let mut own_addresses = BTreeSet::new();
    if let Some(config) = &config {
        let counts = |one: &&config::Account| account.is_none_or(|account| account.name == one.name);
        ids.extend(config.accounts.iter().filter(counts).flat_map(|one| one.authserv_ids.iter().cloned()));
        own_addresses = config.own_addresses();
    }
    Ok(Quiet { rules: rules_of(folder.as_deref(), account)?, authserv_ids: ids, own_addresses })
}

/// The folder of the rules that `rules check` and `rules list` read.
pub(super) fn rules_folder(given: Option<&Path>, named: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
    match given {
        Some(folder) if !folder.is_dir() => {
            Err(Failure::broken(format!("{} is not a folder of rule files", folder.display())))
        }
        Some(folder) => Ok(Some(folder.to_path_buf())),
        None => Ok(config_if_any(named)?.and_then(|config| config.rules)),
    }
}

/// Where state lies, for commands that work without an account: from the command line, the configuration, or the usual
/// place.
pub(super) fn state(state: Option<&Path>, named: Option<&Path>) -> Result<(PathBuf, Option<Config>), Failure> {
    let config = config_if_any(named)?;
    let folder = state
        .map(Path::to_path_buf)
        .or_else(|| config.as_ref().map(|config| config.state.clone()))
        .or_else(config::default_state)
        .ok_or_else(|| Failure::broken("no place for modori's state is known; name one with --state DIR"))?;
    Ok((folder, config))
}

/// The engine for a configuration, with its channels ready.
pub(super) fn engine(config: &Config, store: &Store) -> Result<Engine, Failure> {
    if config.accounts.is_empty() {
        return Err(Failure::broken("the configuration has no [[account]]: nothing to watch"));
    }
    let clock = Clock::system();
    let rules = in_use(config)?;
    let (text, wanted) = self::wanted(&config.wanted)?;
    let rules = rules.with_wanted(config.wanted.clone(), text, wanted);
    // the patterns are made ready before the first mail comes
    let _ = search::query("戻り MD-100");
    let mut policy = config.policy.clone();
    policy.wording = wording(config.wording.as_deref())?;
    policy.replies = replies(Some(config))?;
    let mut channels = config.channels.clone();
    for channel in channels.values_mut() {
        channel.buttons = policy.wording.buttons(policy.language);
    }
    if let Some(repeat) = &mut policy.repeat {
        repeat.key = Some(token_key(&config.state)?);
    }
    let channels = out::channels(&channels, &clock).map_err(|error| Failure::broken(error.what))?;
    let mailboxes: Vec<Mailbox> = config
        .accounts
        .iter()
        .map(Mailbox::of)
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::broken(error.to_string()))?;
    let accounts = mailboxes.iter().map(|mailbox| mailbox.account.clone());
    Ok(Engine {
        hand: Hand::new(store.clone(), clock.clone(), channels, accounts)
            .looking(policy.looks())
            .saying(&policy.wording, policy.language)
            .opening(policy.repeat.as_ref().is_some_and(|repeat| repeat.opened))
            .posting(posting(config, &policy)),
        store: store.clone(),
        clock,
        rules,
        policy,
        backlog: config.backlog,
        own_addresses: config.own_addresses(),
        mailboxes,
        ledger: config.ledger.clone(),
        hot: config.hot.clone(),
    })
}

/// The rules of all accounts.
fn in_use(config: &Config) -> Result<Rules, Failure> {
    let files = rule_files(config.rules.as_deref())?;
    let shared = compiled(&[Layer::of_files(files.clone())])?;
    let mut rules = match &config.rules {
        Some(folder) => Rules::of_folder(folder.clone(), files, shared),
        None => Rules::fixed(shared),
    };
    for account in config.accounts.iter().filter(|account| !account.own.is_none()) {
        let files = match &account.own.rules {
            Some(folder) => Some((folder.clone(), rule_files(Some(folder))?)),
            None => None,
        };
        let own = Own { files, folders: account.own.folders.clone() };
        rules = rules.with_account(&account.name, own).map_err(|problems| broken(&problems))?;
    }
    Ok(rules)
}

/// What the tokens of alerts are made with: made once, kept in the database.
fn token_key(state: &Path) -> Result<TokenKey, Failure> {
    let fresh = tls::random().map_err(|error| Failure::new(error.to_string()))?;
    db(state)?.token_key(fresh).map(TokenKey).map_err(|error| Failure::new(error.to_string()))
}

/// How letters leave.
fn posting(config: &Config, policy: &Policy) -> Posting {
    let carrier = |account: &config::Account| {
        let server = config.sends_by(&account.name)?;
        Some((account.name.clone(), Arc::new(Post::by(&server)) as Arc<dyn Carry>))
    };
    let outgoing = &config.outgoing;
    Posting {
        carriers: config.accounts.iter().filter_map(carrier).collect(),
        drafts: outgoing.drafts_folder.clone(),
        sent: outgoing.sent_folder.clone(),
        copy: match outgoing.copy_to_sent {
            Keep::Auto => None,
            Keep::Yes => Some(true),
            Keep::No => Some(false),
        },
        policy: policy.clone(),
        ledger: config.ledger.clone(),
    }
}

/// A runtime for commands that talk to servers: one thread waits for all of them, so that what a socket brings is worked
/// on where it was read. Other threads do what takes long: reading many mails, the database.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING)
        .thread_keep_alive(Duration::from_secs(2))
        .build()
        .map_err(|error| Failure::new(format!("cannot start: {error}")))?;
    Ok(Runtime(runtime))
}

/// A runtime that ends only when access that is being renewed was kept.
pub(super) struct Runtime(tokio::runtime::Runtime);

impl Runtime {
    /// Runs this to its end.
    pub(super) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.0.block_on(work)
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.0.block_on(oauth::landed());
    }
}

/// Opens the database of a state folder, which is made when it is missing.
pub(super) fn store(folder: &Path) -> Result<Store, Failure> {
    leave_to_an_older_watch(folder)?;
    Store::open(folder).map_err(|error| Failure::new(error.to_string()))
}

/// The same, without a thread of its own.
pub(super) fn db(folder: &Path) -> Result<Db, Failure> {
    leave_to_an_older_watch(folder)?;
    Db::open(folder).map_err(|error| Failure::new(error.to_string()))
}

/// A database that a watch from before an upgrade of the program works with is not brought up to date under its hands.
fn leave_to_an_older_watch(folder: &Path) -> Result<(), Failure> {
    if !Db::awaits_upgrade(folder).map_err(|error| Failure::new(error.to_string()))? {
        return Ok(());
    }
    let holder = match HandLock::holder(folder) {
        None => return Ok(()),
        Some(Some(process)) if process == std::process::id() => return Ok(()),
        Some(Some(process)) => format!(" (process {process})"),
        Some(None) => String::new(),
    };
    Err(Failure::new(format!(
        "the modori that is at work with {}{holder} is older than this one, which would change the database under it: stop \
         that one first, then run this again",
        folder.display()
    )))
}
