//! The embedded IMAP server as its owner sees it: deliver, look at the truth, dial in, make it misbehave.

use super::bell::Bell;
use super::dress::Dress;
use super::fault::{Fault, Faults, Gap};
use super::gmail;
use super::login::Logins;
use super::mailboxes::{Mailboxes, Stored};
use super::session;
use crate::edge::clock::Clock;
use crate::edge::imap::{Dial, Wire};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::JoinHandle;

/// How many commands are remembered for the tests.
const COMMANDS_KEPT: usize = 20_000;
/// Bytes in flight in one direction of a connection through memory.
const PIPE: usize = 256 * 1024;

/// What the server offers unless told otherwise.
pub const CAPABILITIES: &[&str] = &[
    "IMAP4rev1", "SASL-IR", "AUTH=PLAIN", "LITERAL+", "IDLE", "NOTIFY", "NAMESPACE", "UIDPLUS", "MOVE", "UNSELECT",
    "CHILDREN", "SPECIAL-USE",
];

/// An IMAP4rev1 server with one user, in memory. Clones are the same server.
#[derive(Clone)]
pub struct Server(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) user: String,
    pub(super) password: String,
    pub(super) clock: Clock,
    state: Mutex<State>,
    /// Rings after every change of a mailbox.
    pub(super) changed: Bell,
    /// Rings when all connections are to be cut.
    cut: Bell,
    /// Rings when sessions are to end in good form.
    pub(super) farewell: Bell,
}

pub(super) struct State {
    pub(super) boxes: Mailboxes,
    pub(super) faults: Faults,
    pub(super) logins: Logins,
    pub(super) dress: Dress,
    pub(super) capabilities: BTreeSet<String>,
    pub(super) commands: VecDeque<String>,
    /// It says that it has UTF8=ACCEPT on, and goes on in modified UTF-7.
    pub(super) utf7_still: bool,
    down: bool,
    connections: u64,
    open: u64,
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // every change is made in one step under the lock, so a panic elsewhere leaves nothing half done
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ring(&self) {
        self.changed.ring();
    }
}

impl State {
    pub(super) fn can(&self, capability: &str) -> bool {
        self.capabilities.contains(capability)
    }

    pub(super) fn remember(&mut self, command: &str) {
        if self.commands.len() >= COMMANDS_KEPT {
            self.commands.pop_front();
        }
        self.commands.push_back(command.to_owned());
    }
}

impl Server {
    /// A server with an empty INBOX, `/` between the levels of names, and the system's clock.
    #[must_use]
    pub fn new(user: &str, password: &str) -> Self {
        Self::with(user, password, Clock::system(), '/', "")
    }

    /// The same with another clock, separator and namespace prefix (such as `INBOX.`).
    #[must_use]
    pub fn with(user: &str, password: &str, clock: Clock, separator: char, prefix: &str) -> Self {
        Self::of(user, password, clock, Mailboxes::new(separator, prefix), CAPABILITIES)
    }

    /// A server whose mailboxes are views of labels, as Gmail's are: INBOX and what stands below `[Gmail]`, with its
    /// Japanese names or the English ones.
    #[must_use]
    pub fn gmail(user: &str, password: &str, clock: Clock, japanese: bool) -> Self {
        Self::of(user, password, clock, Mailboxes::of_labels(japanese), gmail::CAPABILITIES)
    }

    fn of(user: &str, password: &str, clock: Clock, boxes: Mailboxes, capabilities: &[&str]) -> Self {
        Self(Arc::new(Shared {
            user: user.to_owned(),
            password: password.to_owned(),
            clock,
            state: Mutex::new(State {
                boxes,
                faults: Faults::default(),
                logins: Logins::default(),
                dress: Dress::default(),
                capabilities: capabilities.iter().map(|word| (*word).to_owned()).collect(),
                commands: VecDeque::new(),
                utf7_still: false,
                down: false,
                connections: 0,
                open: 0,
            }),
            changed: Bell::default(),
            cut: Bell::default(),
            farewell: Bell::default(),
        }))
    }

    // ---- the world of the mailboxes ----

    /// Lays a message into a mailbox, which is created when missing; its UID, or 0 if the name is impossible.
    pub fn deliver(&self, mailbox: &str, bytes: &[u8], received: Timestamp) -> u32 {
        let uid = {
            let mut state = self.0.state();
            if state.boxes.get(mailbox).is_none() {
                let _ = state.boxes.create(mailbox);
            }
            state.boxes.lay(mailbox, bytes.into(), BTreeSet::new(), received).map_or(0, |(_, uid)| uid)
        };
        self.0.ring();
        uid
    }

    /// The truth: every mailbox by its UTF-8 name and what lies in it, in UID order.
    #[must_use]
    pub fn mailboxes(&self) -> BTreeMap<String, Vec<Stored>> {
        let state = self.0.state();
        state.boxes.iter().map(|(name, mailbox)| (name.clone(), mailbox.messages.clone())).collect()
    }

    /// The UIDVALIDITY of a mailbox.
    #[must_use]
    pub fn uid_validity(&self, mailbox: &str) -> Option<u32> {
        self.0.state().boxes.get(mailbox).map(|mailbox| mailbox.uid_validity)
    }

    /// Creates a mailbox, with a special-use attribute such as `\Junk` if one is given.
    pub fn create(&self, mailbox: &str, attribute: Option<&str>) {
        let mut state = self.0.state();
        let _ = state.boxes.create(mailbox);
        if let Some(created) = state.boxes.get_mut(mailbox) {
            created.attribute = attribute.map(str::to_owned);
            created.subscribed = true;
        }
    }

    /// Another client sets or takes a flag.
    pub fn flag(&self, mailbox: &str, uid: u32, flag: &str, set: bool) {
        self.0.state().boxes.reflag(mailbox, uid, |flags| {
            if set {
                flags.insert(flag.to_owned());
            } else {
                flags.remove(flag);
            }
        });
        self.0.ring();
    }

    /// Another client deletes a mailbox with all that lies in it. INBOX stays.
    pub fn delete(&self, mailbox: &str) {
        let _ = self.0.state().boxes.delete(mailbox);
        self.0.ring();
    }

    /// Another client copies a message; the copy's UID.
    pub fn copy(&self, from: &str, uid: u32, to: &str) -> Option<u32> {
        let (_, pairs) = self.0.state().boxes.copy(from, &BTreeSet::from([uid]), to)?;
        self.0.ring();
        pairs.first().map(|(_, new)| *new)
    }

    /// Another client expunges a message.
    pub fn expunge(&self, mailbox: &str, uid: u32) {
        self.0.state().boxes.remove(mailbox, &BTreeSet::from([uid]));
        self.0.ring();
    }

    /// Another client moves a message; its new UID.
    pub fn relocate(&self, from: &str, uid: u32, to: &str) -> Option<u32> {
        let uids = BTreeSet::from([uid]);
        let new = {
            let mut state = self.0.state();
            let (_, pairs) = state.boxes.copy(from, &uids, to)?;
            state.boxes.remove(from, &uids);
            pairs.first().map(|(_, new)| *new)
        };
        self.0.ring();
        new
    }

    /// Where mailboxes are views of labels: a message that is marked `\\Deleted` leaves its view at once (the default), or
    /// when it is expunged.
    pub fn auto_expunge(&self, on: bool) {
        if let Some(gmail) = &mut self.0.state().boxes.gmail {
            gmail.auto_expunge = on;
        }
    }

    /// Gives a mailbox a new UIDVALIDITY and its messages new UIDs. Sessions that selected it are sent away with BYE.
    pub fn renumber(&self, mailbox: &str) {
        self.0.state().boxes.renumber(mailbox);
        self.0.ring();
    }

    /// Gives all that lies in a mailbox this date of receipt: not every server keeps them over a renumbering.
    pub fn redate(&self, mailbox: &str, received: Timestamp) {
        if let Some(mailbox) = self.0.state().boxes.get_mut(mailbox) {
            mailbox.messages.iter_mut().for_each(|message| message.received = received);
        }
    }

    // ---- how it behaves ----

    /// The next such command (`MOVE` also means `UID MOVE`; `*` is any) is struck by this fault, once.
    pub fn fault(&self, command: &str, fault: Fault) {
        self.0.state().faults.add(command, fault, false);
    }

    /// Every such command is, until [`Self::clear_faults`].
    pub fn fault_always(&self, command: &str, fault: Fault) {
        self.0.state().faults.add(command, fault, true);
    }

    /// When the next such command (without `UID`) is at this point, `deed` happens; what it changed is told at once.
    pub fn lie_in_wait(&self, command: &str, gap: Gap, deed: impl FnOnce() + Send + 'static) {
        self.0.state().faults.lie_in_wait(command, gap, Box::new(deed));
    }

    /// After so many more bytes, over all connections, the one that writes is cut.
    pub fn cut_after_writing(&self, bytes: u64) {
        self.0.state().faults.written_left = Some(bytes);
    }

    /// After so many more bytes, over all connections, the one that reads sees its end; what came before is served.
    pub fn cut_after_reading(&self, bytes: u64) {
        self.0.state().faults.read_left = Some(bytes);
    }

    /// Everything that still waits to go wrong is forgotten.
    pub fn clear_faults(&self) {
        self.0.state().faults.clear();
    }

    /// How often each kind of fault struck.
    #[must_use]
    pub fn struck(&self) -> BTreeMap<&'static str, u64> {
        self.0.state().faults.struck()
    }

    /// How often each kind of fault struck which command.
    #[must_use]
    pub fn struck_at(&self) -> BTreeMap<(&'static str, String), u64> {
        self.0.state().faults.struck_at()
    }

    /// Messages of which a MOVE made a copy and left the source ([`Fault::CopyOnly`]).
    #[must_use]
    pub fn halved(&self) -> Vec<Arc<[u8]>> {
        self.0.state().faults.halves()
    }

    /// Messages that a MOVE took which had waited ([`Fault::Delay`]) while a later one was done only half
    /// ([`Fault::CopyOnly`]): they lie in the target twice, and no client can help it.
    #[must_use]
    pub fn overtaken(&self) -> Vec<Arc<[u8]>> {
        self.0.state().faults.overtaken()
    }

    /// Messages that a client's command marked with `\Deleted`, whether the mark is there still or not.
    #[must_use]
    pub fn marked(&self) -> Vec<Arc<[u8]>> {
        self.0.state().faults.marked()
    }

    /// Offers one more thing from now on: it is said, and nothing else.
    pub fn offer(&self, capability: &str) {
        self.0.state().capabilities.insert(capability.to_owned());
    }

    /// Whether it offers a capability.
    #[must_use]
    pub fn offers(&self, capability: &str) -> bool {
        self.0.state().can(capability)
    }

    /// Offers a capability no more, and does not know its commands.
    pub fn withdraw(&self, capability: &str) {
        self.0.state().capabilities.remove(capability);
    }

    /// From now on `ENABLE UTF8=ACCEPT` is confirmed, and names stay in modified UTF-7.
    pub fn stay_with_utf7(&self) {
        self.0.state().utf7_still = true;
    }

    /// Cuts every connection at once.
    pub fn cut_all(&self) {
        self.0.cut.ring();
    }

    /// While down, connections are refused; going down cuts all of them.
    pub fn set_down(&self, down: bool) {
        self.0.state().down = down;
        if down {
            self.cut_all();
        }
    }

    /// The commands it got, oldest first, without tags, literals and passwords.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        self.0.state().commands.iter().cloned().collect()
    }

    /// How many connections were opened so far, and how many are open.
    #[must_use]
    pub fn connections(&self) -> (u64, u64) {
        let state = self.0.state();
        (state.connections, state.open)
    }

    // ---- how it is reached ----

    /// Serves one connection until it ends.
    pub async fn serve<W: Wire>(&self, wire: W) {
        /// Counts down however the connection ends.
        struct Open(Arc<Shared>);
        impl Drop for Open {
            fn drop(&mut self) {
                let mut state = self.0.state();
                state.open = state.open.saturating_sub(1);
            }
        }
        let mut cut = self.0.cut.ear();
        {
            let mut state = self.0.state();
            if state.down {
                return;
            }
            state.connections += 1;
            state.open += 1;
        }
        let open = Open(Arc::clone(&self.0));
        tokio::select! {
            // in a fixed order, so that a simulation repeats exactly
            biased;
            () = cut.rung() => {}
            // a connection that breaks is the client's business
            _ = session::run(&self.0, wire) => {}
        }
        drop(open);
    }

    /// Connections through memory. Inside a tokio runtime only.
    #[must_use]
    pub fn dial(&self) -> Dial {
        let server = self.clone();
        Dial::Memory(Arc::new(move || {
            if server.0.state().down {
                return Err(std::io::ErrorKind::ConnectionRefused.into());
            }
            let runtime = tokio::runtime::Handle::try_current().map_err(std::io::Error::other)?;
            let (near, far) = tokio::io::duplex(PIPE);
            let server = server.clone();
            runtime.spawn(async move { server.serve(far).await });
            Ok(Box::new(near) as Box<dyn Wire>)
        }))
    }

    /// Connections over TCP; the address it listens on (give port 0 to have one chosen) and the task to abort.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn listen(&self, address: SocketAddr) -> std::io::Result<(SocketAddr, JoinHandle<()>)> {
        let listener = tokio::net::TcpListener::bind(address).await?;
        let bound = listener.local_addr()?;
        let server = self.clone();
        let task = tokio::spawn(async move {
            loop {
                // a connection that broke before it was accepted concerns nobody
                let Ok((stream, _)) = listener.accept().await else {
                    tokio::task::yield_now().await;
                    continue;
                };
                let _ = stream.set_nodelay(true);
                let server = server.clone();
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        Ok((bound, task))
    }
}
