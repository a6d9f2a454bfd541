//! What the embedded server says of itself: its greeting, and its capabilities before and after the login. It can be
//! dressed as a provider's server, for tests of what is known of that provider.

use super::server::{Server, State};
use super::session::Session;
use crate::edge::imap::Wire;
use std::collections::BTreeSet;

/// How a server looks from outside.
#[derive(Clone, Default)]
pub(super) struct Dress {
    /// Text of the greeting.
    greeting: Option<String>,
    /// Whether the greeting and the answer to the login tell capabilities; `None`: both do.
    tells: Option<(bool, bool)>,
    /// Capabilities before the login; `None`: the same as after it.
    before: Option<BTreeSet<String>>,
}

impl State {
    /// Whether a capability is there before the login.
    pub(super) fn can_before(&self, capability: &str) -> bool {
        self.dress.before.as_ref().unwrap_or(&self.capabilities).contains(capability)
    }
}

impl Server {
    /// Greets with this text from now on, offers these capabilities (besides IMAP4rev1) before the login, and tells
    /// capabilities unasked in the greeting and in the answer to the login, or not.
    pub fn dress(&self, greeting: &str, tells: (bool, bool), before: &[&str]) {
        let before = before.iter().map(|word| (*word).to_owned()).collect();
        let dress = Dress { greeting: Some(greeting.to_owned()), tells: Some(tells), before: Some(before) };
        self.0.state().dress = dress;
    }
}

impl<W: Wire> Session<'_, W> {
    /// What is offered now.
    pub(super) fn capability(&self) -> String {
        let state = self.shared.state();
        let before = state.dress.before.as_ref().filter(|_| !self.entered.done);
        // IMAP4rev1 comes first by custom
        let others = before.unwrap_or(&state.capabilities).iter().filter(|word| *word != "IMAP4rev1");
        std::iter::once("IMAP4rev1").chain(others.map(String::as_str)).collect::<Vec<_>>().join(" ")
    }

    pub(super) fn greeting(&self) -> String {
        let Dress { greeting, tells, .. } = self.shared.state().dress.clone();
        let text = greeting.unwrap_or_else(|| "modori's own server".to_owned());
        if tells.is_some_and(|(greeting, _)| !greeting) {
            return format!("* OK {text}");
        }
        format!("* OK [CAPABILITY {}] {text}", self.capability())
    }

    /// The answer to a login that was let in.
    pub(super) fn welcome(&self) -> String {
        let tells = self.shared.state().dress.tells;
        if tells.is_some_and(|(_, login)| !login) {
            return "welcome".to_owned();
        }
        format!("[CAPABILITY {}] welcome", self.capability())
    }
}
