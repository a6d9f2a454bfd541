//! From a host's name to its addresses, so that a name server that is silent holds nothing else up.
//!
//! The system's resolver blocks its thread, for a minute and longer when nobody answers. The threads that read mail,
//! compile rules and look up the hosts of alert channels are few: a handful of accounts whose names nobody knows would
//! occupy them all. So each host is looked up on a thread of its own, and by one at a time however many ask.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// What a resolver needs, and some more.
const STACK: usize = 512 * 1024;

type Answer = Result<Vec<IpAddr>, String>;

/// By host, what is being looked up.
static UNDER_WAY: Mutex<BTreeMap<String, watch::Receiver<Option<Answer>>>> = Mutex::new(BTreeMap::new());

/// The addresses of a host, in the order in which the system wants them tried.
///
/// # Errors
/// As the system says it. Waits as long as the system does.
pub(super) async fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let found = match host.parse::<IpAddr>() {
        Ok(address) => vec![address],
        Err(_) => looked_up(host, |host| (host, 0).to_socket_addrs().map(Iterator::collect)).await?,
    };
    Ok(found.into_iter().map(|address| SocketAddr::new(address, port)).collect())
}

/// Asks, or waits with whoever asked for the same host before.
async fn looked_up(
    host: &str,
    ask: impl FnOnce(&str) -> io::Result<Vec<SocketAddr>> + Send + 'static,
) -> io::Result<Vec<IpAddr>> {
    let mut answer = {
        let mut all = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(host) {
            Some(answer) => answer.clone(),
            None => {
                let (told, answer) = watch::channel(None);
                let name = host.to_owned();
                std::thread::Builder::new().name("look up".to_owned()).stack_size(STACK).spawn(move || {
                    let found = ask(&name);
                    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
                    let addresses = |found: Vec<SocketAddr>| found.iter().map(SocketAddr::ip).collect();
                    told.send_replace(Some(found.map(addresses).map_err(|error| error.to_string())));
                })?;
                all.insert(host.to_owned(), answer.clone());
                answer
            }
        }
    };
    let found = answer.wait_for(Option::is_some).await.map(|found| found.clone());
    match found {
        Ok(Some(Ok(found))) => Ok(found),
        Ok(Some(Err(what))) => Err(io::Error::other(what)),
        // its thread ended without an answer
        Ok(None) | Err(_) => Err(io::Error::other("the look-up failed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, mpsc};

    #[tokio::test]
    async fn an_address_is_its_own() {
        let found = addresses("127.0.0.1", 143).await.unwrap();
        assert_eq!(found, ["127.0.0.1:143".parse::<SocketAddr>().unwrap()]);
        assert_eq!(addresses("::1", 993).await.unwrap(), ["[::1]:993".parse::<SocketAddr>().unwrap()]);
        assert!(addresses("localhost", 1).await.unwrap().iter().all(|address| address.ip().is_loopback()));
    }

    #[tokio::test]
    async fn many_who_ask_for_a_host_that_nobody_answers_for_hold_one_thread_and_no_other_host() {
        let (let_go, held) = mpsc::channel::<()>();
        let held = Arc::new(Mutex::new(held));
        let asked = Arc::new(AtomicUsize::new(0));
        let silent = || {
            let (held, asked) = (Arc::clone(&held), Arc::clone(&asked));
            looked_up("silent.test", move |_| {
                asked.fetch_add(1, Ordering::SeqCst);
                let _ = held.lock().unwrap().recv();
                Ok(vec!["192.0.2.1:0".parse().unwrap()])
            })
        };
        // forty accounts of one host, polled once each
        let mut waiting: Vec<_> = (0..40).map(|_| Box::pin(silent())).collect();
        for one in &mut waiting {
            assert!(futures_util::poll!(one.as_mut()).is_pending());
        }
        // another host answers while the first is silent, and so does the pool that reads mail
        let other = looked_up("other.test", |_| Ok(vec!["192.0.2.2:0".parse().unwrap()]));
        assert_eq!(other.await.unwrap(), ["192.0.2.2".parse::<IpAddr>().unwrap()]);
        assert_eq!(tokio::task::spawn_blocking(|| 1).await.unwrap(), 1);
        let_go.send(()).unwrap();
        for one in waiting {
            assert_eq!(one.await.unwrap(), ["192.0.2.1".parse::<IpAddr>().unwrap()]);
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        // asked anew afterwards
        assert!(looked_up("silent.test", |_| Err(io::Error::other("nobody"))).await.is_err());
    }
}
