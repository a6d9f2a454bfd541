//! Access that is good now: kept, or renewed under the lock. What a renewal brings is kept before it is used.

use super::ask::{self, Form, Refusal};
use super::flight::Flight;
use super::keep;
use super::kept::{Access, Kept, Refused};
use super::{Grant, Keep, TokenError};
use crate::edge::clock::Clock;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Access that was granted to modori.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) grant: Grant,
    pub(super) keep: Keep,
    pub(super) lock: PathBuf,
    pub(super) clock: Clock,
    memory: Mutex<Memory>,
}

/// What is known beside what is kept.
#[derive(Debug, Default)]
struct Memory {
    /// When access was granted, as last seen.
    granted_at: Option<Timestamp>,
    /// Renewed, and could not be kept; `true`: its refresh token is another than the kept one.
    unsaved: Option<(Kept, bool)>,
    /// A refusal that could not be kept, of the access granted then.
    refused: Option<(Timestamp, Refused)>,
    /// The provider is not to be asked until then; since when, and what is to be said of it.
    pause: Option<(Timestamp, Timestamp, TokenError)>,
    /// The access token that a server refused: it is shown to nobody again.
    dead: Option<SecretString>,
}

impl Own {
    pub(super) fn new(grant: Grant, keep: Keep, lock: PathBuf, clock: Clock) -> Self {
        Self { grant, keep, lock, clock, memory: Mutex::default() }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When access was granted, as far as that is known without waiting.
    pub(super) fn granted_at(&self) -> Option<Timestamp> {
        match self.keep {
            Keep::File(_) => match self.keep.load_file() {
                Ok(kept) => kept.map(|kept| kept.granted_at),
                Err(_) => self.memory().granted_at,
            },
            Keep::Commands { .. } => self.memory().granted_at,
        }
    }

    /// A good access token that is not `refused`.
    pub(super) async fn access(self: &Arc<Self>, refused: Option<&SecretString>) -> Result<SecretString, TokenError> {
        let kept = self.current().await?;
        if let Some(refused) = refused.filter(|refused| is_token(&kept, refused)) {
            self.memory().dead = Some(refused.clone());
        }
        if self.memory().unsaved.is_none()
            && let Some(token) = self.usable(&kept)
        {
            return Ok(token);
        }
        // whoever waits for this may give up (a login has its limit): what was renewed is kept all the same
        let (own, flight) = (Arc::clone(self), Flight::begin());
        let renewal = tokio::spawn(async move {
            let _flight = flight;
            own.renewed().await
        });
        renewal.await.unwrap_or_else(|_| Err(TokenError { what: "the program is ending".to_owned(), passing: true }))
    }

    /// What was just granted is kept instead of whatever was, and can be read again.
    pub(super) async fn begin_with(&self, kept: &Kept) -> Result<(), TokenError> {
        let _lock = keep::lock(&self.lock).await?;
        self.keep.save(kept).await?;
        let found = self.keep.load().await?;
        if found.is_none_or(|found| found.json().expose_secret() != kept.json().expose_secret()) {
            let what = "what was kept is not what is read again: does `load` print just what `save` was given?";
            return Err(TokenError { what: what.to_owned(), passing: false });
        }
        *self.memory() = Memory { granted_at: Some(kept.granted_at), ..Memory::default() };
        Ok(())
    }

    /// Forgets all; `false` when there was nothing. What cannot be read is forgotten, too.
    pub(super) async fn end(&self) -> Result<bool, TokenError> {
        let _lock = keep::lock(&self.lock).await?;
        let nothing = matches!(self.keep.load().await, Ok(None));
        if !nothing {
            self.keep.forget().await?;
        }
        *self.memory() = Memory::default();
        Ok(!nothing)
    }

    /// What is kept, or what could not be kept and is newer.
    async fn current(&self) -> Result<Kept, TokenError> {
        let login = || format!("run: modori login {}", self.grant.account);
        let about = |error: TokenError| match error.passing {
            true => error,
            false => TokenError { what: format!("{}; to grant access anew {}", error.what, login()), ..error },
        };
        let Some(kept) = self.keep.load().await.map_err(about)? else {
            let what = format!("nothing was granted yet; {}", login());
            return Err(TokenError { what, passing: false });
        };
        kept.is_for(&self.grant).map_err(|why| TokenError { what: format!("{why}; {}", login()), passing: false })?;
        let mut memory = self.memory();
        memory.granted_at = Some(kept.granted_at);
        if memory.unsaved.as_ref().is_some_and(|(unsaved, _)| is_past(unsaved, &kept)) {
            memory.unsaved = None;
        }
        Ok(memory.unsaved.as_ref().map_or(kept, |(unsaved, _)| unsaved.clone()))
    }

    /// The kept token, if it can be shown now.
    fn usable(&self, kept: &Kept) -> Option<SecretString> {
        if kept.refused.is_some() {
            return None;
        }
        let access = kept.access.as_ref().filter(|access| access.is_fresh(self.clock.now()));
        access.filter(|access| !self.is_dead(access)).map(|access| access.token.clone())
    }

    /// Whether a server refused it.
    fn is_dead(&self, access: &Access) -> bool {
        self.memory().dead.as_ref().is_some_and(|dead| dead.expose_secret() == access.token.expose_secret())
    }

    /// Under the lock: what another program renewed meanwhile, or a renewal.
    async fn renewed(&self) -> Result<SecretString, TokenError> {
        let _lock = keep::lock(&self.lock).await?;
        let kept = self.current().await?;
        self.keep_what_was_not().await?;
        if let Some(token) = self.usable(&kept) {
            return Ok(token);
        }
        let now = self.clock.now();
        let secret = match ask::client_secret(&self.grant).await {
            Ok(secret) => secret,
            Err(error) => return self.old_one(&kept, error),
        };
        let digest = self.digest(secret.as_ref());
        if let Some(what) = self.refused_before(&kept, &digest) {
            return Err(TokenError { what, passing: false });
        }
        if let Some(error) = self.paused(now) {
            return self.old_one(&kept, error);
        }
        let Some(refresh) = &kept.refresh else {
            let what = format!(
                "access ended, and the provider gave nothing to renew it with (does `scopes` lack offline access?); run: \
                 modori login {}",
                self.grant.account
            );
            return Err(TokenError { what, passing: false });
        };
        let form: Form = vec![("grant_type", SecretString::from("refresh_token")), ("refresh_token", refresh.clone())];
        match ask::tokens_with(&self.grant, &self.clock, secret, form).await {
            Ok(given) => self.keep_renewed(kept, given).await,
            // a fault of this machine, or of whatever answered: that is not the provider's word, and not written down
            Err(refusal) if refusal.passing || refusal.code.is_none() => {
                let error = TokenError { what: refusal.what, passing: refusal.passing };
                if let Some(until) = refusal.after.and_then(|after| now.checked_add(after).ok()) {
                    self.memory().pause = Some((now, until, error.clone()));
                }
                self.old_one(&kept, error)
            }
            Err(refusal) => Err(self.refused_for_good(kept, &refusal, digest, now).await),
        }
    }

    /// Kept first, then used.
    async fn keep_renewed(&self, old: Kept, given: ask::Given) -> Result<SecretString, TokenError> {
        let rotated = match (&given.refresh, &old.refresh) {
            (Some(new), Some(old)) => new.expose_secret() != old.expose_secret(),
            (new, _) => new.is_some(),
        };
        let token = given.access.clone();
        let kept = Kept {
            refresh: given.refresh.or(old.refresh),
            access: Some(Access { token: given.access, asked_at: given.asked_at, lives: given.lives }),
            scopes: given.scopes.unwrap_or(old.scopes),
            refused: None,
            token_url: self.grant.token_url.clone(),
            ..old
        };
        let saved = self.keep.save(&kept).await;
        let mut memory = self.memory();
        (memory.refused, memory.pause, memory.dead) = (None, None, None);
        match saved {
            Ok(()) => {
                memory.unsaved = None;
                tracing::debug!("account `{}`: access was renewed", self.grant.account);
                Ok(token)
            }
            Err(error) => {
                memory.unsaved = Some((kept, rotated));
                tracing::warn!("account `{}`: access was renewed, and {}", self.grant.account, error.what);
                // an old refresh token that dies with the first use of the new would be all that is left after a crash
                if rotated { Err(error) } else { Ok(token) }
            }
        }
    }

    /// What could not be kept before is kept now, before anything of it is used.
    async fn keep_what_was_not(&self) -> Result<(), TokenError> {
        let Some((kept, rotated)) = self.memory().unsaved.clone() else { return Ok(()) };
        match self.keep.save(&kept).await {
            Ok(()) => self.memory().unsaved = None,
            Err(error) if rotated => return Err(error),
            Err(_) => {}
        }
        Ok(())
    }

    /// It could not be renewed just now: the old one, while it is good.
    fn old_one(&self, kept: &Kept, error: TokenError) -> Result<SecretString, TokenError> {
        let what = error.what;
        let access = kept.access.as_ref().filter(|access| access.may_be_good(self.clock.now()));
        match access.filter(|access| !self.is_dead(access)) {
            Some(access) => {
                tracing::warn!("account `{}`: access is not renewed yet: {what}", self.grant.account);
                Ok(access.token.clone())
            }
            None => Err(TokenError { what: format!("access cannot be renewed now: {what}"), passing: error.passing }),
        }
    }

    fn refused_before(&self, kept: &Kept, digest: &str) -> Option<String> {
        let memory = self.memory();
        let remembered = memory.refused.as_ref().filter(|(granted_at, _)| *granted_at == kept.granted_at);
        let refused = kept.refused.as_ref().or(remembered.map(|(_, refused)| refused))?;
        (refused.shown == digest).then(|| refused.what.clone())
    }

    /// Why the provider is not asked now, unless the clock was set back behind that.
    fn paused(&self, now: Timestamp) -> Option<TokenError> {
        let memory = self.memory();
        let (since, until, error) = memory.pause.as_ref()?;
        (*since <= now && now < *until).then(|| error.clone())
    }

    /// Written down, so that the provider is not asked again for nothing, also after a restart.
    async fn refused_for_good(&self, kept: Kept, refusal: &Refusal, shown: String, at: Timestamp) -> TokenError {
        let what = meaning(&self.grant.account, refusal);
        let refused = Refused { at, shown, what: what.clone() };
        self.memory().refused = Some((kept.granted_at, refused.clone()));
        if let Err(error) = self.keep.save(&Kept { refused: Some(refused), ..kept }).await {
            tracing::warn!("account `{}`: {}", self.grant.account, error.what);
        }
        TokenError { what, passing: false }
    }

    /// What is shown to the provider beside the tokens: a refusal of another client says nothing of this one.
    fn digest(&self, secret: Option<&SecretString>) -> String {
        let mut hash = Sha256::new();
        hash.update(format!("{}\n{}\n", self.grant.client_id, self.grant.token_url));
        if let Some(ca_file) = &self.grant.ca_file {
            hash.update(format!("{}\n", ca_file.display()));
        }
        if let Some(secret) = secret {
            hash.update(secret.expose_secret());
        }
        hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Whether this is the access token that is kept.
fn is_token(kept: &Kept, token: &SecretString) -> bool {
    kept.access.as_ref().is_some_and(|access| access.token.expose_secret() == token.expose_secret())
}

/// What could not be kept is older than what is kept now: she logged in again, or another program renewed.
fn is_past(unsaved: &Kept, kept: &Kept) -> bool {
    let asked_at = |kept: &Kept| kept.access.as_ref().map(|access| access.asked_at);
    unsaved.granted_at != kept.granted_at || asked_at(kept) > asked_at(unsaved)
}

/// What a refusal of a renewal means, and what to do: that first, as the end may be cut off where there is little room.
fn meaning(account: &str, refusal: &Refusal) -> String {
    let login = format!("run: modori login {account}");
    let said = &refusal.what;
    match refusal.code.as_deref() {
        Some("invalid_grant" | "interaction_required" | "login_required" | "consent_required") => {
            format!("access ended or was taken back; {login} ({said})")
        }
        Some("invalid_client" | "unauthorized_client") => {
            format!("the provider does not know the client: check client_id and client_secret, then {login} ({said})")
        }
        Some("invalid_scope") => {
            format!("the provider does not grant what is asked for: check `scopes`, then {login} ({said})")
        }
        _ => format!("access cannot be renewed; {login} ({said})"),
    }
}
