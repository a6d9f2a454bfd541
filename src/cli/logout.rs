//! `modori logout`: forgets the access that was granted to modori on this machine.

use super::args::Logout;
use super::{Failure, login, setup};
use crate::provider;
use std::path::Path;

/// Forgets the tokens of an account.
pub(super) fn run(arguments: &Logout, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let config = setup::config(config, state)?;
    let (account, tokens) = login::chosen(&config, arguments.account.as_deref())?;
    let place = tokens.place();
    let forgotten = setup::runtime()?.block_on(tokens.forget()).map_err(|error| Failure::new(error.what))?;
    if forgotten {
        anstream::println!("account {}: the tokens kept {place} are forgotten", account.name);
    } else {
        anstream::println!("account {}: nothing was kept {place}", account.name);
    }
    let manage =
        account.provider.and_then(provider::named).and_then(|provider| provider.oauth.as_ref()?.manage.as_deref());
    match manage {
        Some(page) => anstream::println!("the provider still remembers that you agreed; take it back at {page}"),
        None => {
            anstream::println!("the provider still remembers that you agreed; its account pages let you take it back")
        }
    }
    Ok(())
}
