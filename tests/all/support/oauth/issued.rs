//! What the stand-in has given out: codes, tokens, codes for devices.

use super::Shown;
use std::collections::BTreeMap;

/// A code of the authorization endpoint.
pub(super) struct Code {
    pub(super) redirect_uri: String,
    pub(super) challenge: String,
    pub(super) scopes: Vec<String>,
    pub(super) user: String,
    pub(super) expires: i64,
    /// The grant that came of it when it was used.
    pub(super) grant: Option<usize>,
}

/// A code of the device endpoint.
pub(super) struct Device {
    pub(super) user_code: String,
    pub(super) scopes: Vec<String>,
    pub(super) expires: i64,
    /// What the shopper said: `None`, not yet; `Some(None)`, no.
    pub(super) decided: Option<Option<String>>,
    pub(super) interval: i64,
    pub(super) polled: Option<std::time::Instant>,
    pub(super) used: bool,
}

struct Grant {
    user: String,
    scopes: Vec<String>,
    alive: bool,
}

struct Refresh {
    grant: usize,
    alive: bool,
    /// The one it came instead of.
    before: Option<String>,
}

struct Access {
    grant: usize,
    scopes: Vec<String>,
    expires: i64,
    shown: bool,
    /// The refresh token that came with it.
    beside: Option<String>,
}

/// All that was given out.
#[derive(Default)]
pub(super) struct Issued {
    pub(super) codes: BTreeMap<String, Code>,
    pub(super) devices: BTreeMap<String, Device>,
    grants: Vec<Grant>,
    refresh: BTreeMap<String, Refresh>,
    access: BTreeMap<String, Access>,
    made: u64,
}

/// What became of a refresh token that was shown.
pub(super) enum Renewed {
    /// Good; the grant's number, its scopes.
    Good(usize, Vec<String>),
    /// It was good once.
    Dead(usize),
    Unknown,
}

impl Issued {
    /// Something nobody guesses, and that is told apart in a test's output.
    pub(super) fn fresh(&mut self, kind: &str) -> String {
        use base64::Engine as _;
        self.made += 1;
        let bytes = modori::edge::tls::random().unwrap();
        format!("{kind}{}-{}", self.made, base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&bytes[..18]))
    }

    pub(super) fn grant(&mut self, user: &str, scopes: &[String]) -> usize {
        self.grants.push(Grant { user: user.to_owned(), scopes: scopes.to_vec(), alive: true });
        self.grants.len() - 1
    }

    /// An access token, and a refresh token if one is wanted.
    pub(super) fn pair(
        &mut self,
        grant: usize,
        scopes: &[String],
        expires: i64,
        with_refresh: bool,
    ) -> (String, Option<String>) {
        let access = self.fresh("access");
        let refresh = with_refresh.then(|| self.fresh("refresh"));
        if let Some(refresh) = &refresh {
            self.refresh.insert(refresh.clone(), Refresh { grant, alive: true, before: None });
        }
        let access_of = Access { grant, scopes: scopes.to_vec(), expires, shown: false, beside: refresh.clone() };
        self.access.insert(access.clone(), access_of);
        (access, refresh)
    }

    /// `new` came instead of `old`.
    pub(super) fn follows(&mut self, new: &str, old: &str) {
        if let Some(refresh) = self.refresh.get_mut(new) {
            refresh.before = Some(old.to_owned());
        }
    }

    /// Whoever has the new one no longer needs the old ones.
    pub(super) fn end_before(&mut self, refresh: &str) {
        let mut before = self.refresh.get(refresh).and_then(|found| found.before.clone());
        while let Some(old) = before {
            let Some(found) = self.refresh.get_mut(&old) else { break };
            found.alive = false;
            before = found.before.clone();
        }
    }

    pub(super) fn end(&mut self, refresh: &str) {
        if let Some(found) = self.refresh.get_mut(refresh) {
            found.alive = false;
        }
    }

    pub(super) fn end_grant(&mut self, grant: usize) {
        self.grants[grant].alive = false;
    }

    pub(super) fn renew(&self, refresh: &str) -> Renewed {
        match self.refresh.get(refresh) {
            None => Renewed::Unknown,
            Some(found) if !self.lives(refresh) => Renewed::Dead(found.grant),
            Some(found) => Renewed::Good(found.grant, self.grants[found.grant].scopes.clone()),
        }
    }

    pub(super) fn lives(&self, refresh: &str) -> bool {
        self.refresh.get(refresh).is_some_and(|found| found.alive && self.grants[found.grant].alive)
    }

    /// Whose an access token is, and whether it is shown for the first time.
    pub(super) fn show(&mut self, token: &str, now: i64, lenient: bool) -> Option<(Shown, bool)> {
        let found = self.access.get_mut(token)?;
        let grant = &self.grants[found.grant];
        if !grant.alive || found.expires <= now {
            return None;
        }
        let first = !std::mem::replace(&mut found.shown, true);
        let shown = Shown { user: grant.user.clone(), scopes: found.scopes.clone(), expires: found.expires };
        if let (true, Some(beside)) = (lenient, found.beside.clone()) {
            self.end_before(&beside);
        }
        Some((shown, first))
    }

    pub(super) fn expire(&mut self) {
        self.access.values_mut().for_each(|access| access.expires = 0);
    }

    pub(super) fn take_back(&mut self) {
        self.grants.iter_mut().for_each(|grant| grant.alive = false);
    }

    pub(super) fn secrets(&self) -> Vec<String> {
        let tokens = self.refresh.keys().chain(self.access.keys());
        tokens.chain(self.codes.keys()).chain(self.devices.keys()).cloned().collect()
    }

    pub(super) fn waiting(&self) -> Vec<String> {
        let waits = |device: &&Device| device.decided.is_none();
        self.devices.values().filter(waits).map(|device| device.user_code.clone()).collect()
    }

    pub(super) fn decide(&mut self, user_code: &str, user: Option<String>) -> bool {
        let device = self.devices.values_mut().find(|device| device.user_code == user_code);
        device.map(|device| device.decided = Some(user)).is_some()
    }
}
