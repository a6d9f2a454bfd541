//! Looking for mails that a person moved: in the folders modori files into, which nobody watches.

use super::{Engine, EngineError, Mailbox};
use crate::edge::imap::{Fetch, Fetched, ImapError, Session, UidSet};
use crate::edge::store::Correction;
use crate::mail::{self, Reading};
use crate::mailbox::{LEAST_FETCH, MailKey, Place};
use std::collections::BTreeMap;

/// Messages of one fetch.
const WINDOW: usize = 250;

impl Engine {
    /// Looks through the target folders of a mailbox's account for known mails that modori did not put there, then
    /// whether those that were found left their old places. Nothing on the server is changed.
    ///
    /// # Errors
    /// The mailbox cannot be read, or the database refuses.
    pub async fn look_for_corrections(&self, mailbox: &Mailbox) -> Result<(), EngineError> {
        let rules = self.rules.of(&mailbox.account.name);
        let folders: Vec<&str> = rules.folders().into_iter().filter(|folder| *folder != mailbox.name).collect();
        let mut session = Session::open(&mailbox.account).await?;
        for folder in folders {
            self.look_through(&mut session, &mailbox.account.name, folder).await?;
        }
        self.make_sure(&mut session, &mailbox.account.name).await?;
        session.logout().await;
        Ok(())
    }

    async fn look_through(&self, session: &mut Session, account: &str, folder: &str) -> Result<(), EngineError> {
        let Some(opened) = open(session, folder).await? else { return Ok(()) };
        let uid_validity = opened.uid_validity;
        let (name, at) = (account.to_owned(), folder.to_owned());
        let from = self.store.call(move |db| db.look_from(&name, &at, uid_validity)).await?;
        if opened.messages == 0 || (opened.uid_next != 0 && opened.uid_next <= from) {
            return Ok(());
        }
        let size = |one: &Fetched| Some((one.size, one.is_deleted()));
        let listed = session.survey(&UidSet::from(from), Fetch::Sizes, size).await?;
        let next = listed.keys().map(|uid| uid.saturating_add(1)).max().unwrap_or(from).max(opened.uid_next);
        let wanted = |(uid, (size, deleted)): (u32, (u32, bool))| (uid >= from && !deleted).then_some((uid, size));
        let seen: Vec<(u32, u32)> = listed.into_iter().filter_map(wanted).collect();
        let (name, at) = (account.to_owned(), folder.to_owned());
        // nearly all of it modori put there itself, and the size tells most of the rest apart
        let asked = self.store.call(move |db| db.perhaps_moved(&name, &at, uid_validity, &seen)).await?;
        for window in asked.chunks(WINDOW) {
            let uids = UidSet::of(window.iter().copied());
            for seen in session.fetch(&uids, Fetch::First(LEAST_FETCH)).await? {
                let place =
                    Place { account: account.to_owned(), mailbox: folder.to_owned(), uid_validity, uid: seen.uid };
                let reading = Reading { received: self.clock.now(), size: seen.size, authserv_ids: &[] };
                let message_id = mail::read(&seen.bytes, &reading).message_id;
                let (key, now) = (MailKey::of(&seen.bytes), self.clock.now());
                self.store.call(move |db| db.seen_at(&place, &key, message_id.as_deref(), now)).await?;
            }
        }
        let (name, at) = (account.to_owned(), folder.to_owned());
        self.store.call(move |db| db.looked_to(&name, &at, uid_validity, next)).await?;
        Ok(())
    }

    /// A mail that still lies at its old place was copied, not moved.
    async fn make_sure(&self, session: &mut Session, account: &str) -> Result<(), EngineError> {
        let name = account.to_owned();
        let unsure = self.store.call(move |db| db.unsure(&name)).await?;
        let mut asked: BTreeMap<String, Vec<Place>> = BTreeMap::new();
        for place in unsure.iter().flat_map(|(_, places)| places) {
            asked.entry(place.mailbox.clone()).or_default().push(place.clone());
        }
        let mut there: Vec<Place> = Vec::new();
        for (folder, places) in asked {
            let Some(opened) = open(session, &folder).await? else { continue };
            let places: Vec<Place> = places.into_iter().filter(|one| one.uid_validity == opened.uid_validity).collect();
            let listed = session.fetch(&UidSet::of(places.iter().map(|place| place.uid)), Fetch::Flags).await?;
            let lies = |place: &Place| listed.iter().any(|one| one.uid == place.uid && !one.is_deleted());
            there.extend(places.into_iter().filter(lies));
        }
        for (message, places) in unsure {
            let (still, gone): (Vec<Place>, Vec<Place>) = places.into_iter().partition(|place| there.contains(place));
            let name = account.to_owned();
            self.store.call(move |db| db.looked_at(message, &name, &gone, !still.is_empty())).await?;
        }
        Ok(())
    }

    /// The bytes of a mail that a person moved, as it lies there now; `None` when it lies there no more.
    ///
    /// # Errors
    /// The mailbox cannot be read.
    pub async fn corrected_mail(
        &self,
        mailbox: &Mailbox,
        correction: &Correction,
    ) -> Result<Option<Vec<u8>>, EngineError> {
        let mut session = Session::open(&mailbox.account).await?;
        let opened = open(&mut session, &correction.to.mailbox).await?;
        let bytes = match opened.filter(|opened| opened.uid_validity == correction.to.uid_validity) {
            Some(_) => {
                let cap = Fetch::First(mailbox.account.fetch_cap);
                let seen = session.fetch(&UidSet::of([correction.to.uid]), cap).await?;
                seen.into_iter().map(|one| one.bytes).find(|bytes| MailKey::of(bytes) == correction.key)
            }
            None => None,
        };
        session.logout().await;
        Ok(bytes)
    }
}

/// The folder read-only; `None` when there is none.
async fn open(session: &mut Session, folder: &str) -> Result<Option<crate::edge::imap::Mailbox>, ImapError> {
    match session.examine(folder).await {
        Ok(opened) => Ok(Some(opened)),
        Err(error) if error.refused => Ok(None),
        Err(error) => Err(error),
    }
}
