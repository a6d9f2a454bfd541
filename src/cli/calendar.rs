//! `modori calendar`: what waits as a calendar file, and the address of its feed.

use super::args::Calendar;
use super::{Failure, setup};
use crate::edge::clock::Clock;
use crate::edge::config::Config;
use crate::edge::{files, tls, web};
use crate::plan::calendar_file::{self, Wishes};
use crate::wording::{Face, Language};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

/// Writes the calendar to standard output or into a file, or prints the feed's address.
pub(super) fn run(arguments: &Calendar, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let (folder, config) = setup::state(state, config)?;
    let failed = |error: crate::edge::store::StoreError| Failure::new(error.to_string());
    if arguments.url || arguments.new_url {
        return address(arguments.new_url, config.as_ref(), &folder);
    }
    let db = setup::db(&folder)?;
    let settings = config.as_ref().map(|config| config.ledger.clone()).unwrap_or_default();
    let now = arguments.at.unwrap_or_else(|| Clock::system().now());
    let wishes = match &config {
        Some(config) => {
            Wishes { wanted: Arc::new(setup::wanted(&config.wanted)?.1), only_wanted: config.policy.only_wanted }
        }
        None => Wishes::default(),
    };
    let entries = db.calendar(&settings, &wishes, now).map_err(failed)?;
    let language = config.as_ref().map_or(Language::Ja, |config| config.policy.language);
    let wording = setup::wording(config.as_ref().and_then(|config| config.wording.as_deref()))?;
    let details = !arguments.no_details && config.as_ref().is_none_or(|config| config.calendar.details);
    let text = calendar_file::write(&entries, &wording.labels(language, Face::Calendar), language, details);
    match &arguments.out {
        Some(file) => {
            files::keep(file, text.as_bytes()).map_err(|error| Failure::new(error.what))?;
        }
        // whoever reads it may have gone
        None => drop(std::io::stdout().write_all(text.as_bytes())),
    }
    Ok(())
}

fn address(anew: bool, config: Option<&Config>, state: &Path) -> Result<(), Failure> {
    let served = config.filter(|config| config.calendar.feed).and_then(|config| config.web.as_ref());
    let Some(served) = served else {
        return Err(Failure::broken(
            "there is no feed: write feed = true under [calendar], and listen and public_url under [web]",
        ));
    };
    let fresh = tls::random().map_err(|error| Failure::new(error.to_string()))?;
    let secret = setup::db(state)?.keep_feed_secret(fresh, anew).map_err(|error| Failure::new(error.to_string()))?;
    anstream::println!("{}", web::feed_url(served, &secret));
    Ok(())
}
