//! A mail that was quarantined wrongly is taken back in, as the shopper's word.

use super::{Engine, EngineError, Mailbox, pure, take};
use crate::edge::imap::{Fetch, ImapError, Session, UidSet};
use crate::edge::store::{Quarantined, Releasing, Standing, StoreError};
use crate::mail::trust::{Word, never_vouched};
use crate::mail::{self, Reading};
use crate::mailbox::{LEAST_FETCH, MailKey, Place};
use crate::plan::{Arrived, Effect, Step, Turn, Wish};
use crate::rules::{Known, Priority, Verdict};
use std::collections::BTreeMap;

/// Messages of one fetch.
const WINDOW: usize = 250;

/// Which mail is meant.
#[derive(Clone, Debug)]
pub enum Which {
    /// A mail at hand.
    Bytes(Vec<u8>),
    /// A Message-ID, without angle brackets.
    Id(String),
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Released {
    /// The sender's address.
    pub sender: String,
    /// Why it was suspect.
    pub reasons: Vec<String>,
    /// What it is.
    pub verdict: Verdict,
    /// Where it goes; `None` when it stays where it is.
    pub folder: Option<String>,
    /// Events the ledger got.
    pub events: usize,
    /// Alerts on their way, or kept back.
    pub alerts: usize,
    /// Its age in seconds, if it is a restock too old to be alerted.
    pub late_restock_s: Option<i64>,
    /// The sender is vouched for from now on.
    pub vouched: bool,
    /// More than the sender's name or host speaks against the mail: its next one is quarantined again.
    pub vouching_helps: bool,
}

/// Why a mail was not released. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The database or a mailbox.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It cannot be, or need not be.
    #[error("{0}")]
    Refused(String),
}

impl From<StoreError> for ReleaseError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

impl From<ImapError> for ReleaseError {
    fn from(error: ImapError) -> Self {
        Self::Engine(error.into())
    }
}

/// A quarantined mail, found.
struct Found {
    mail: Quarantined,
    bytes: Vec<u8>,
    lies_at: Option<Place>,
}

impl Engine {
    /// Releases a mail from quarantine. `hand`: this process holds the hand; otherwise another one does what follows.
    ///
    /// # Errors
    /// A mail that is unknown or not in quarantine, a sender that nobody can vouch for, or a broken step.
    pub async fn release(&self, which: Which, always_sender: bool, hand: bool) -> Result<Released, ReleaseError> {
        let found = match which {
            Which::Bytes(bytes) => self.by_bytes(bytes).await?,
            Which::Id(id) => self.by_id(&id).await?,
        };
        let now = self.clock.now();
        let place = found.lies_at.clone().or_else(|| found.mail.places.first().cloned());
        let its_own = place.as_ref().and_then(|place| self.mailbox_of(&place.account));
        // the rules one account has of its own are not another's
        let rules = its_own.map_or_else(|| self.rules.shared(), |mailbox| self.rules.of(&mailbox.account.name));
        let mailbox = its_own.or(self.mailboxes.first());
        let reading = Reading {
            received: found.mail.received,
            size: found.mail.size,
            authserv_ids: mailbox.map(|mailbox| mailbox.authserv_ids.as_slice()).unwrap_or_default(),
        };
        let poison = |poison: pure::Poison| ReleaseError::Refused(poison.to_string());
        let (mut mail, facts) = pure::read(&rules, &found.bytes, &reading).map_err(poison)?;
        let sender = mail.from.addr.clone();
        if always_sender && let Some(why) = never_vouched(&sender) {
            return Err(ReleaseError::Refused(format!(
                "{sender} {why}; `modori release` without --always-sender lets this one mail in"
            )));
        }
        let (reasons, vouching_helps) = (mail.trust.reasons.clone(), mail.trust.only_by_sender);
        mail.trust.accept(Word::ThisMail);

        let orders: Vec<_> = facts.order_numbers.iter().map(|found| found.value.clone()).collect();
        let ids: Vec<String> = mail.message_id.iter().chain(&mail.references).chain(&mail.returned).cloned().collect();
        let own = self.own_addresses.clone();
        let about = orders.first().filter(|_| take::of_a_case(&facts)).cloned();
        let (events, settings) = (pure::events(&mail, &facts).map_err(poison)?, self.ledger.clone());
        let lies = place.unwrap_or_else(nowhere);
        let (message, account) = (found.mail.message, lies.account.clone());
        let (known, case, home): (Known, _, _) = self
            .store
            .call(move |db| {
                let case = match &about {
                    Some(order) => db.case_with(order, &events, &settings, now)?,
                    None => None,
                };
                Ok((db.known(&orders, &ids, &own)?, case, db.home(message, &account)?))
            })
            .await?;
        let verdict = pure::judge(&rules, &mail, &facts, &known).map_err(poison)?;
        let arrived =
            Arrived { place: &lies, mail: &mail, facts: &facts, known: &known, verdict: &verdict, case: case.as_ref() };
        let step = pure::on_mail(&arrived, &self.policy(), now).map_err(poison)?;

        let age = now.duration_since(mail.received).as_secs();
        let late = self.policy.stale_after_s > 0 && age > self.policy.stale_after_s;
        // what has no folder goes back where it came from
        let home = home.filter(|home| verdict.folder.is_none() && *home != lies.mailbox && !self.policy.observe);
        let keep = |wish: &Wish| match &wish.effect {
            Effect::Alert { alert, .. } | Effect::Held { alert, .. } => {
                !late || (alert.priority == Priority::High && !verdict.escalate)
            }
            _ => true,
        };
        let step = again(step, &found.mail.key, keep, home, &lies.account, now);
        let folder = step.plan.iter().find_map(|wish| match &wish.effect {
            Effect::File { folder } => Some(folder.clone()),
            _ => None,
        });
        let released = Released {
            sender: sender.clone(),
            reasons,
            folder,
            events: step.events.len(),
            alerts: step
                .plan
                .iter()
                .filter(|wish| matches!(wish.effect, Effect::Alert { .. } | Effect::Held { .. }))
                .count(),
            late_restock_s: (late && verdict.escalate).then_some(age),
            vouched: always_sender,
            vouching_helps,
            verdict: verdict.clone(),
        };
        let releasing = Releasing {
            mail: found.mail,
            lies_at: found.lies_at,
            message_id: mail.message_id.clone(),
            verdict,
            step,
            vouch_for: always_sender.then_some(sender),
        };
        let alerts = self.store.call(move |db| db.release(&releasing, hand, now)).await?;
        let Some(alerts) = alerts else { return Err(before()) };
        if hand {
            self.hand.wake(alerts);
        }
        Ok(released)
    }

    fn mailbox_of(&self, account: &str) -> Option<&Mailbox> {
        self.mailboxes.iter().find(|mailbox| mailbox.account.name == account)
    }

    async fn by_bytes(&self, bytes: Vec<u8>) -> Result<Found, ReleaseError> {
        let key = MailKey::of(&bytes);
        match self.store.call(move |db| db.standing(&key)).await? {
            Standing::Quarantined(mail) => Ok(Found { mail, bytes, lies_at: None }),
            Standing::Unknown => {
                // saved by a mail program that wrote it in its own way: it is looked for by its id
                let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                let reading = Reading { received: self.clock.now(), size, authserv_ids: &[] };
                match mail::read(&bytes, &reading).message_id {
                    Some(id) => self.by_id(&id).await,
                    None => Err(unknown("this file")),
                }
            }
            other => Err(refusal(other)),
        }
    }

    async fn by_id(&self, id: &str) -> Result<Found, ReleaseError> {
        let wanted = id.to_owned();
        let (standing, quarantined, views) =
            self.store.call(move |db| Ok((db.standing_of_id(&wanted)?, db.quarantined()?, db.all_views()?))).await?;
        if matches!(standing, Standing::Released | Standing::Never { .. }) {
            return Err(refusal(standing));
        }
        // ids of mail in `other` are not kept: the mails themselves are asked
        // what shows everything is asked last: a mail that was found there would keep its quarantine label
        let mut groups: BTreeMap<Group, Vec<(u32, Quarantined)>> = BTreeMap::new();
        for mail in quarantined {
            for place in &mail.places {
                let view = views.contains(&(place.account.clone(), place.mailbox.clone()));
                let group = (view, place.account.clone(), place.mailbox.clone(), place.uid_validity);
                groups.entry(group).or_default().push((place.uid, mail.clone()));
            }
        }
        let mut trouble: Option<ImapError> = None;
        for ((_, account, mailbox, uid_validity), mails) in groups {
            let Some(watched) = self.mailbox_of(&account) else { continue };
            let found = async {
                let mut session = Session::open(&watched.account).await?;
                let found = look(&mut session, &mailbox, uid_validity, &mails, id, watched.account.fetch_cap).await;
                session.logout().await;
                found
            };
            match found.await {
                Ok(Some((uid, mail, bytes))) => {
                    let lies_at = Some(Place { account, mailbox, uid_validity, uid });
                    return Ok(Found { mail, bytes, lies_at });
                }
                Ok(None) => {}
                // it may lie in another account
                Err(error) => trouble = Some(error),
            }
        }
        Err(trouble.map_or_else(|| unknown(&format!("<{id}>")), ReleaseError::from))
    }
}

/// Whether it shows what lies elsewhere; account, mailbox, UIDVALIDITY.
type Group = (bool, String, String, u32);

/// The mail of this id among some quarantined ones of a mailbox.
async fn look(
    session: &mut Session,
    mailbox: &str,
    uid_validity: u32,
    mails: &[(u32, Quarantined)],
    id: &str,
    cap: u32,
) -> Result<Option<(u32, Quarantined, Vec<u8>)>, ImapError> {
    let opened = match session.examine(mailbox).await {
        Ok(opened) => opened,
        // the folder is gone, and what lay in it
        Err(error) if error.refused => return Ok(None),
        Err(error) => return Err(error),
    };
    if opened.uid_validity != uid_validity {
        return Ok(None);
    }
    for window in mails.chunks(WINDOW) {
        let uids = UidSet::of(window.iter().map(|(uid, _)| *uid));
        for seen in session.fetch(&uids, Fetch::First(LEAST_FETCH)).await? {
            let reading = Reading { received: jiff::Timestamp::UNIX_EPOCH, size: seen.size, authserv_ids: &[] };
            let named = mail::read(&seen.bytes, &reading).message_id.is_some_and(|own| own == id);
            let known = window.iter().find(|(uid, mail)| *uid == seen.uid && mail.key == MailKey::of(&seen.bytes));
            let (true, Some((uid, mail))) = (named, known) else { continue };
            let whole = session.fetch(&UidSet::of([*uid]), Fetch::First(cap)).await?;
            return Ok(whole.into_iter().next().map(|whole| (*uid, mail.clone(), whole.bytes)));
        }
    }
    Ok(None)
}

/// The plan under names of its own: those of the mail's first plan are taken. Old news is not alerted, except what must
/// still be answered or paid (`keep`); `home`: where it goes that has no folder.
fn again(
    step: Step,
    mail: &MailKey,
    keep: impl Fn(&Wish) -> bool,
    home: Option<String>,
    account: &str,
    now: jiff::Timestamp,
) -> Step {
    let renamed = |key: &String| format!("release:{key}");
    let mut plan: Vec<Wish> = step.plan.iter().filter(|wish| keep(wish)).cloned().collect();
    if let Some(folder) = home {
        let (key, effect) = (format!("file:{mail}"), Effect::File { folder });
        plan.push(Wish { key, effect, due: now, until: None, dedupe: vec![], after: vec![], turn: None });
    }
    for wish in &mut plan {
        wish.key = renamed(&wish.key);
        wish.after = wish.after.iter().map(renamed).collect();
        wish.turn = wish.turn.take().map(|turn| Turn { of: renamed(&turn.of), ..turn });
        if matches!(wish.effect, Effect::File { .. }) {
            // a filing into quarantine that is under way comes first, that of a copy in another account, too
            wish.after.extend([format!("file:{mail}"), format!("file:{mail}@{account}")]);
        }
    }
    Step { plan, signs: Vec::new(), ..step }
}

fn nowhere() -> Place {
    Place { account: String::new(), mailbox: String::new(), uid_validity: 0, uid: 0 }
}

fn before() -> ReleaseError {
    ReleaseError::Refused("this mail was released before".to_owned())
}

fn unknown(what: &str) -> ReleaseError {
    ReleaseError::Refused(format!(
        "{what} is no mail that lies in quarantine as far as modori knows; `modori classify FILE` says what it is, and `modori \
         sweep` sorts what lies in the mailbox"
    ))
}

fn refusal(standing: Standing) -> ReleaseError {
    match standing {
        Standing::Never { category } => {
            ReleaseError::Refused(format!("this mail is not in quarantine: it is `{category}`"))
        }
        Standing::Released => before(),
        Standing::Unknown | Standing::Quarantined(_) => unknown("it"),
    }
}
