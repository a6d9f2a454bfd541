//! A proxy whose connections can stop passing bytes while they stay open: what a dead network looks like.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Listens on loopback until the tests end.
pub struct Stalling {
    pub port: u16,
    world: Arc<World>,
}

#[derive(Default)]
struct World {
    /// No connection passes anything.
    all: AtomicBool,
    /// Connections with a smaller number pass nothing any more.
    before: AtomicU64,
    opened: AtomicU64,
    clients: Mutex<Vec<TcpStream>>,
}

impl Stalling {
    pub fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let world = Arc::<World>::default();
        let shared = Arc::clone(&world);
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(("127.0.0.1", target)) else { continue };
                shared.clients.lock().unwrap().push(near.try_clone().unwrap());
                let number = shared.opened.fetch_add(1, Ordering::Relaxed);
                for (from, to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)] {
                    let world = Arc::clone(&shared);
                    std::thread::spawn(move || pass(from, to, number, &world));
                }
            }
        });
        Self { port, world }
    }

    /// Nothing passes, on old connections and new ones.
    pub fn stall(&self) {
        self.world.all.store(true, Ordering::Relaxed);
    }

    pub fn go_on(&self) {
        self.world.all.store(false, Ordering::Relaxed);
    }

    /// The connections that are open now pass nothing any more; new ones do.
    pub fn stall_open_ones(&self) {
        self.world.before.store(self.world.opened.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Every client is sent away, as a server does that goes down.
    pub fn bye(&self) {
        for mut client in self.world.clients.lock().unwrap().drain(..) {
            let _ = client.write_all(b"* BYE going down\r\n");
            let _ = client.shutdown(Shutdown::Both);
        }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, number: u64, world: &World) {
    let mut bytes = [0; 4096];
    while let Ok(size @ 1..) = from.read(&mut bytes) {
        while world.all.load(Ordering::Relaxed) || number < world.before.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
        if to.write_all(&bytes[..size]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
