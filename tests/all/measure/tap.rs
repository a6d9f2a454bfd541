//! A wire that is listened to, close to the client: how many bytes pass each way, and when the server says something.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// A tap on a port of its own.
pub(super) struct Tap {
    pub(super) port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    up: AtomicU64,
    down: AtomicU64,
    /// When the server's words on the first connection, which is the watching one, held EXISTS.
    exists: Mutex<Vec<Instant>>,
    stop: AtomicBool,
}

impl Tap {
    pub(super) fn on(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let ours = Arc::clone(&shared);
        std::thread::spawn(move || {
            for (number, client) in listener.incoming().enumerate() {
                if ours.stop.load(Ordering::SeqCst) {
                    return;
                }
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", target))) else { continue };
                for (from, to, down) in [(&client, &server, false), (&server, &client, true)] {
                    from.set_nodelay(true).unwrap();
                    let (from, to, ours) = (from.try_clone().unwrap(), to.try_clone().unwrap(), Arc::clone(&ours));
                    std::thread::spawn(move || pass(from, to, &ours, down, number == 0));
                }
            }
        });
        Self { port, shared }
    }

    /// Bytes from the client and to it.
    pub(super) fn bytes(&self) -> (u64, u64) {
        (self.shared.up.load(Ordering::SeqCst), self.shared.down.load(Ordering::SeqCst))
    }

    /// When the first EXISTS after `since` reached the client.
    pub(super) fn exists_after(&self, since: Instant) -> Option<Instant> {
        self.shared.exists.lock().unwrap().iter().find(|at| **at >= since).copied()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, shared: &Shared, down: bool, first: bool) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let said = &buffer[..read];
        if down && first && said.windows(7).any(|window| window == b" EXISTS") {
            shared.exists.lock().unwrap().push(Instant::now());
        }
        let count = if down { &shared.down } else { &shared.up };
        count.fetch_add(read as u64, Ordering::SeqCst);
        if to.write_all(said).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
