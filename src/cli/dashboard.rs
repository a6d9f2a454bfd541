//! `modori dashboard`: a link that opens the dashboard once. A running watch serves it; where none does, this command
//! serves it itself until Ctrl-C. It never takes the hand: what pages decide waits for a watch.

use super::args::Dashboard as Arguments;
use super::{Failure, setup};
use crate::edge::clock::Clock;
use crate::edge::config::{Config, Web, web};
use crate::edge::hand::HandLock;
use crate::edge::store::{Db, LINK_LIVES, StoreError};
use crate::edge::tls;
use crate::edge::web::{Carry, link_digest, link_token, serve_on};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Makes a link, and serves what it leads to when nobody else does.
pub(super) fn run(arguments: &Arguments, file: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let config = setup::config(file, state)?;
    let clock = Clock::system();
    let failed = |error: StoreError| Failure::new(error.to_string());
    if arguments.sign_out_all {
        let ended = Db::open(&config.state).and_then(|mut db| db.end_all_sessions(clock.now())).map_err(failed)?;
        let browsers = if ended == 1 { "browser" } else { "browsers" };
        anstream::println!("signed out of the dashboard: {ended} {browsers}");
        return Ok(());
    }
    let web = config.web.clone().unwrap_or(Web { listen: web::USUAL, public_url: None });
    setup::runtime()?.block_on(async {
        match TcpListener::bind(web.listen).await {
            Ok(listener) => {
                let store = setup::store(&config.state)?;
                let mut pages = setup::engine(&config, &store)?.pages(&Arc::new(config.clone()));
                // this command never takes the hand: a watch of another process notices what is written here
                let state = config.state.clone();
                pages.orders = pages.orders.carried_out(Carry::by(move || HandLock::holder(&state).is_some()));
                link(arguments, &config, &web, &clock)?;
                anstream::println!("served until Ctrl-C");
                tokio::select! {
                    ended = serve_on(listener, &web, pages) => {
                        ended.map_err(|error| Failure::new(format!("cannot go on serving {}: {error}", web.listen)))
                    }
                    () = super::watch::stopped() => Ok(()),
                }
            }
            Err(error) if error.kind() == ErrorKind::AddrInUse && served_by_watch(&config) => {
                link(arguments, &config, &web, &clock)
            }
            Err(error) => Err(Failure::new(format!(
                "cannot listen on {}: {error}; if another program has the port, name another one: `listen` under [web]",
                web.listen
            ))),
        }
    })
}

/// Whether the watch that runs has the port.
fn served_by_watch(config: &Config) -> bool {
    let trouble = || Db::open_to_read(&config.state).and_then(|db| db.web_trouble());
    config.web.is_some() && HandLock::holder(&config.state).is_some() && matches!(trouble(), Ok(None))
}

/// Makes a link, and tells it.
fn link(arguments: &Arguments, config: &Config, web: &Web, clock: &Clock) -> Result<(), Failure> {
    let token = link_token(tls::random().map_err(|error| Failure::new(error.to_string()))?);
    let digest = link_digest(&token).ok_or_else(|| Failure::new("a link cannot be made"))?;
    Db::open(&config.state)
        .and_then(|mut db| db.make_link(&digest, clock.now()))
        .map_err(|error| Failure::new(error.to_string()))?;
    let here = format!("http://{}/login?token={token}", web.listen);
    let opened = arguments.open && super::login::browse(&here);
    anstream::println!("This link opens the dashboard once, within {} minutes:", LINK_LIVES.as_mins());
    anstream::println!("  {here}");
    if let Some(url) = &web.public_url {
        anstream::println!("from another device:\n  {url}/login?token={token}");
    }
    if arguments.open && !opened {
        anstream::eprintln!("no browser can be opened here; open the link yourself");
    }
    Ok(())
}
