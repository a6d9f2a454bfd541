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
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;

/// Makes a link, and serves what it leads to when nobody else does.
pub(super) fn run(arguments: &Arguments, file: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let config = setup::config(file, state)?;
    let clock = Clock::system();
    let failed = |error: StoreError| Failure::new(error.to_string());
    if arguments.sign_out_all {
        let ended = setup::db(&config.state)?.end_all_sessions(clock.now()).map_err(failed)?;
        let browsers = if ended == 1 { "browser" } else { "browsers" };
        anstream::println!("signed out of the dashboard: {ended} {browsers}");
        return Ok(());
    }
    let web = config.web.clone().unwrap_or(Web { listen: web::USUAL, public_url: None });
    setup::runtime()?.block_on(async {
        // a second command finds by it that the port is ours; without it, it only says less
        let lock = HandLock::take(&serving(&config.state, web.listen)).ok();
        let listener = TcpListener::bind(web.listen).await;
        let _held = if listener.is_ok() {
            lock
        } else {
            // or we would take ourselves for the one who has the port
            drop(lock);
            None
        };
        match listener {
            Ok(listener) => {
                let store = setup::store(&config.state)?;
                let mut pages = setup::engine(&config, &store)?.pages(&Arc::new(config.clone()));
                // this command never takes the hand: a watch of another process notices what is written here
                let state = config.state.clone();
                pages.orders = pages.orders.carried_out(Carry::by(move || HandLock::holder(&state).is_some()));
                let _opened = link(arguments, &config, &web, &clock)?;
                anstream::println!("served until Ctrl-C");
                tokio::select! {
                    ended = serve_on(listener, &web, pages) => {
                        ended.map_err(|error| Failure::new(format!("cannot go on serving {}: {error}", web.listen)))
                    }
                    () = super::watch::stopped() => Ok(()),
                }
            }
            Err(error) if error.kind() == ErrorKind::AddrInUse && served(&config, &web) => {
                // the browser may not have read it yet: it lies there until the next link, and opens nothing by then
                if let Some(opened) = link(arguments, &config, &web, &clock)? {
                    opened.left();
                }
                Ok(())
            }
            Err(error) => Err(Failure::new(format!(
                "cannot listen on {}: {error}; if another program has the port, name another one: `listen` under [web]",
                web.listen
            ))),
        }
    })
}

/// The folder whose lock is held as long as a command serves the dashboard of a state folder under an address.
fn serving(state: &Path, listen: SocketAddr) -> PathBuf {
    state.join("dashboard").join(listen.to_string().replace([':', '[', ']', '%'], "-"))
}

/// Whether the port is ours: the watch that runs has it, or another `modori dashboard`.
fn served(config: &Config, web: &Web) -> bool {
    if HandLock::holder(&serving(&config.state, web.listen)).is_some() {
        return true;
    }
    let trouble = || Db::open_to_read(&config.state).and_then(|db| db.web_trouble());
    config.web.is_some() && HandLock::holder(&config.state).is_some() && matches!(trouble(), Ok(None))
}

/// A page on disk that leads a browser to a link: the arguments of a program can be read by everybody on the machine,
/// this file by its owner alone. Gone when dropped.
struct Page {
    path: PathBuf,
    stays: bool,
}

impl Page {
    /// Writes it in the place of the last one.
    fn write(state: &Path, link: &str) -> std::io::Result<Self> {
        let folder = state.join("dashboard");
        std::fs::create_dir_all(&folder)?;
        let path = folder.join("open.html");
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path)?;
        let page = Self { path, stays: false };
        // a link holds nothing that HTML reads otherwise: an address, and a token in base64
        writeln!(
            file,
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"referrer\" \
             content=\"no-referrer\"><meta http-equiv=\"refresh\" content=\"0; url={link}\"><title>modori</title></head>\
             <body><a href=\"{link}\">modori dashboard</a></body></html>"
        )?;
        Ok(page)
    }

    /// Leaves it to the next one to take it away.
    fn left(mut self) {
        self.stays = true;
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if !self.stays {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Makes a link, and tells it; the page by which a browser was sent to it.
fn link(arguments: &Arguments, config: &Config, web: &Web, clock: &Clock) -> Result<Option<Page>, Failure> {
    let token = link_token(tls::random().map_err(|error| Failure::new(error.to_string()))?);
    let digest = link_digest(&token).ok_or_else(|| Failure::new("a link cannot be made"))?;
    setup::db(&config.state)?.make_link(&digest, clock.now()).map_err(|error| Failure::new(error.to_string()))?;
    let here = format!("http://{}/login?token={token}", web.listen);
    let page = arguments.open.then(|| Page::write(&config.state, &here)).and_then(Result::ok);
    let opened = page.filter(|page| page.path.to_str().is_some_and(super::login::browse));
    anstream::println!("This link opens the dashboard once, within {} minutes:", LINK_LIVES.as_mins());
    anstream::println!("  {here}");
    if let Some(url) = &web.public_url {
        anstream::println!("from another device:\n  {url}/login?token={token}");
    }
    if arguments.open && opened.is_none() {
        anstream::eprintln!("no browser can be opened here; open the link yourself");
    }
    Ok(opened)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn the_page_that_leads_to_a_link_is_its_owners_alone_and_goes() {
        use std::os::unix::fs::PermissionsExt as _;
        let state = tempfile::tempdir().unwrap();
        let first = Page::write(state.path(), "http://127.0.0.1:8580/login?token=first").unwrap();
        let path = first.path.clone();
        first.left();
        assert!(path.exists(), "a browser still reads it");
        let second = Page::write(state.path(), "http://127.0.0.1:8580/login?token=second").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("url=http://127.0.0.1:8580/login?token=second\"") && !text.contains("first"), "{text}");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(second);
        assert!(!path.exists());
    }
}
