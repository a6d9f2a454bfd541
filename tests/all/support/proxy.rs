//! A wire between a client and a server on loopback: it delays both ways by a fixed time, or strikes at byte counts that
//! follow from a seed.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

/// What can happen to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Both sides see the end of the stream.
    Cut,
    /// The client sees a reset (RST), the server the end.
    Reset,
    /// The client sees the end; what it still writes reaches the server.
    HalfClosed,
    /// Nothing passes any more, in neither direction, and nobody is told.
    Stalled,
    /// Some milliseconds nothing passes; then it goes on until the next fault.
    Paused,
}

const FAULTS: [Fault; 5] = [Fault::Cut, Fault::Reset, Fault::HalfClosed, Fault::Stalled, Fault::Paused];

/// A proxy on a port of its own. Dropping it cuts everything.
pub struct Proxy {
    /// Where clients connect to, on 127.0.0.1.
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    target: u16,
    /// One way.
    delay: Duration,
    /// None: no faults at all.
    seed: Option<u64>,
    calm: AtomicBool,
    stop: AtomicBool,
    connections: AtomicU64,
    struck: Mutex<BTreeMap<Fault, usize>>,
    open: Mutex<BTreeMap<u64, Arc<Pair>>>,
}

/// Both ends of one connection.
struct Pair {
    client: TcpStream,
    server: TcpStream,
    stalled: AtomicBool,
    reset: AtomicBool,
}

impl Proxy {
    /// Every byte arrives half of `round_trip` after it was sent, in both directions; nothing is cut, and as much as the
    /// ends want is under way at once. A round trip of zero is a proxy that only passes on.
    pub fn delaying(target: u16, round_trip: Duration) -> Self {
        Self::start(target, round_trip / 2, None)
    }

    /// The n-th connection of the same seed meets the same fault at the same byte, for ever, until [`Self::calm`].
    pub fn faulty(target: u16, seed: u64) -> Self {
        Self::start(target, Duration::ZERO, Some(seed))
    }

    fn start(target: u16, delay: Duration, seed: Option<u64>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            target,
            delay,
            seed,
            calm: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            struck: Mutex::default(),
            open: Mutex::default(),
        });
        let for_thread = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if for_thread.stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(client) = client else { continue };
                // a server that is down: the client sees its connection end
                let Ok(server) = TcpStream::connect(("127.0.0.1", for_thread.target)) else { continue };
                connect(client, server, &for_thread);
            }
        });
        Self { port, shared }
    }

    /// From now on nothing is struck any more; what was stalled is cut, so that nobody waits for it.
    pub fn calm(&self) {
        self.shared.calm.store(true, Ordering::SeqCst);
        let open = self.shared.open.lock().unwrap();
        open.values().filter(|pair| pair.stalled.load(Ordering::SeqCst)).for_each(|pair| pair.cut());
    }

    /// Cuts every connection now; new ones are taken.
    pub fn cut_all(&self) {
        let open = self.shared.open.lock().unwrap();
        for pair in open.values() {
            pair.cut();
            self.shared.count(Fault::Cut);
        }
    }

    /// How many connections there were.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How often each fault struck.
    pub fn struck(&self) -> BTreeMap<Fault, usize> {
        self.shared.struck.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        self.shared.open.lock().unwrap().values().for_each(|pair| pair.cut());
    }
}

impl Shared {
    fn count(&self, fault: Fault) {
        *self.struck.lock().unwrap().entry(fault).or_default() += 1;
    }
}

impl Pair {
    fn cut(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }
}

fn connect(client: TcpStream, server: TcpStream, shared: &Arc<Shared>) {
    let number = shared.connections.fetch_add(1, Ordering::SeqCst);
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    let pair = Arc::new(Pair { client, server, stalled: AtomicBool::new(false), reset: AtomicBool::new(false) });
    shared.open.lock().unwrap().insert(number, Arc::clone(&pair));
    let mut dice = connection_dice(shared.seed.unwrap_or(0), number);
    // the server speaks more, and an answer that is lost is worse than a command that is
    let strikes_client_side = dice.below(4) > 0;
    let mut pumps = vec![];
    for to_client in [true, false] {
        let strikes = shared.seed.is_some() && to_client == strikes_client_side;
        let pump = Pump { pair: Arc::clone(&pair), shared: Arc::clone(shared), to_client };
        let dice = Dice(dice.next());
        pumps.push(std::thread::spawn(move || pump.run(strikes.then_some(dice))));
    }
    let shared = Arc::clone(shared);
    std::thread::spawn(move || {
        pumps.into_iter().for_each(|pump| drop(pump.join()));
        shared.open.lock().unwrap().remove(&number);
    });
}

fn connection_dice(seed: u64, number: u64) -> Dice {
    Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number.wrapping_mul(0xff51_afd7_ed55_8ccd))
}

/// One direction of one connection.
struct Pump {
    pair: Arc<Pair>,
    shared: Arc<Shared>,
    to_client: bool,
}

impl Pump {
    fn run(self, mut dice: Option<Dice>) {
        let (mut from, to) = match self.to_client {
            true => (&self.pair.server, &self.pair.client),
            false => (&self.pair.client, &self.pair.server),
        };
        let mut late = (!self.shared.delay.is_zero()).then(|| Late::start(to.try_clone().unwrap(), self.shared.delay));
        let mut next = dice.as_mut().map(Dice::fate);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = from.read(&mut buffer).unwrap_or(0);
            if read == 0 {
                break;
            }
            let mut rest = &buffer[..read];
            while let Some((fault, at)) = next.filter(|(_, at)| *at <= rest.len() as u64)
                && !self.shared.calm.load(Ordering::SeqCst)
            {
                let (before, after) = rest.split_at(usize::try_from(at).unwrap());
                rest = after;
                if !self.pass(before, to, late.as_mut()) || !self.strike(fault, dice.as_mut()) {
                    return;
                }
                next = dice.as_mut().map(Dice::fate).filter(|_| fault != Fault::Stalled);
            }
            if let Some((_, at)) = &mut next {
                *at = at.saturating_sub(rest.len() as u64);
            }
            if !self.pass(rest, to, late.as_mut()) {
                break;
            }
        }
        drop(late);
        // an end that is sent first would hide the reset
        if !self.to_client || !self.pair.reset.load(Ordering::SeqCst) {
            let _ = to.shutdown(Shutdown::Write);
        }
    }

    /// Hands bytes on; false if there is nobody to take them.
    fn pass(&self, bytes: &[u8], mut to: &TcpStream, late: Option<&mut Late>) -> bool {
        if self.pair.stalled.load(Ordering::SeqCst) {
            return true;
        }
        match late {
            Some(late) => late.send(bytes),
            None => to.write_all(bytes).is_ok(),
        }
    }

    /// Whether the connection goes on after it.
    fn strike(&self, fault: Fault, dice: Option<&mut Dice>) -> bool {
        self.shared.count(fault);
        match fault {
            Fault::Cut => self.pair.cut(),
            Fault::Reset => {
                // with linger 0, RST leaves when the last handle is closed, which is when both pumps have ended
                self.pair.reset.store(true, Ordering::SeqCst);
                let _ = socket2::SockRef::from(&self.pair.client).set_linger(Some(Duration::ZERO));
                let _ = self.pair.server.shutdown(Shutdown::Both);
                let _ = self.pair.client.shutdown(Shutdown::Read);
            }
            Fault::HalfClosed => {
                let _ = self.pair.client.shutdown(Shutdown::Write);
                return false;
            }
            Fault::Stalled => {
                self.pair.stalled.store(true, Ordering::SeqCst);
                return true;
            }
            Fault::Paused => {
                std::thread::sleep(Duration::from_millis(dice.map_or(0, |dice| 1 + dice.below(300))));
                return true;
            }
        }
        false
    }
}

/// Writes each piece when its time has come, in order, while the next ones are read.
struct Late {
    pieces: Option<mpsc::SyncSender<(Instant, Vec<u8>)>>,
    delay: Duration,
    writer: Option<std::thread::JoinHandle<()>>,
}

impl Late {
    fn start(mut to: TcpStream, delay: Duration) -> Self {
        // so many pieces are under way at once; more wait in the sender's socket
        let (pieces, due) = mpsc::sync_channel::<(Instant, Vec<u8>)>(4096);
        let writer = std::thread::spawn(move || {
            for (at, bytes) in due {
                std::thread::sleep(at.saturating_duration_since(Instant::now()));
                if to.write_all(&bytes).is_err() {
                    return;
                }
            }
        });
        Self { pieces: Some(pieces), delay, writer: Some(writer) }
    }

    fn send(&mut self, bytes: &[u8]) -> bool {
        let due = (Instant::now() + self.delay, bytes.to_vec());
        self.pieces.as_ref().is_some_and(|pieces| pieces.send(due).is_ok())
    }
}

impl Drop for Late {
    /// What is under way arrives before the end of the stream does.
    fn drop(&mut self) {
        self.pieces = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// splitmix64: the same numbers for the same seed, everywhere.
#[derive(Clone, Copy)]
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `end` - 1.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// What strikes next, and after how many bytes: as often between 32 and 64 as between 64 Ki and 128 Ki.
    fn fate(&mut self) -> (Fault, u64) {
        let fault = FAULTS[usize::try_from(self.below(FAULTS.len() as u64)).unwrap()];
        let magnitude = 1_u64 << (5 + self.below(12));
        (fault, magnitude + self.below(magnitude))
    }
}

/// A server that answers every line with the line, and then says how it ended.
#[cfg(test)]
fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let (mut from, mut to) = (&stream, &stream);
                drop(std::io::copy(&mut from, &mut to));
                let _ = stream.shutdown(Shutdown::Write);
            });
        }
    });
    port
}

#[test]
fn a_delaying_wire_takes_a_round_trip_and_keeps_much_under_way() {
    let proxy = Proxy::delaying(echo(), Duration::from_millis(60));
    let mut stream = TcpStream::connect(("127.0.0.1", proxy.port)).unwrap();
    let begun = Instant::now();
    let sent: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut writing = stream.try_clone().unwrap();
    let to_send = sent.clone();
    let writer = std::thread::spawn(move || {
        writing.write_all(&to_send).unwrap();
        writing.shutdown(Shutdown::Write).unwrap();
    });
    let mut back = vec![];
    stream.read_to_end(&mut back).unwrap();
    writer.join().unwrap();
    assert!(back == sent, "every byte comes back, in order");
    assert!(begun.elapsed() >= Duration::from_millis(60), "and not before its time");
    assert!(proxy.struck().is_empty());
}

#[test]
fn a_faulty_wire_strikes_at_the_same_bytes_again_and_leaves_off_when_told() {
    let stalled = |proxy: &Proxy| proxy.struck().get(&Fault::Stalled).copied().unwrap_or(0);
    let meet = |seed: u64| {
        let proxy = Proxy::faulty(echo(), seed);
        for _ in 0..24 {
            let before = stalled(&proxy);
            let mut stream = TcpStream::connect(("127.0.0.1", proxy.port)).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
            let mut writing = stream.try_clone().unwrap();
            let writer = std::thread::spawn(move || {
                let _ = writing.write_all(&vec![b'x'; 300_000]);
                let _ = writing.shutdown(Shutdown::Write);
            });
            let mut buffer = [0; 4096];
            loop {
                match stream.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock && stalled(&proxy) == before => {}
                    Err(_) => break,
                }
            }
            drop(stream.shutdown(Shutdown::Both));
            writer.join().unwrap();
        }
        proxy.calm();
        let mut stream = TcpStream::connect(("127.0.0.1", proxy.port)).unwrap();
        stream.write_all(b"still there").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut back = String::new();
        stream.read_to_string(&mut back).unwrap();
        assert_eq!(back, "still there");
        proxy.struck()
    };
    let first = meet(7);
    assert_eq!(first, meet(7), "the same seed strikes alike");
    assert_ne!(first, meet(8), "another seed otherwise");
    assert_eq!(first.len(), FAULTS.len(), "{first:?}");
}

#[test]
fn a_reset_is_a_reset() {
    // the first fault of this seed's first connection, on the way to the client
    let seed = (0..).find(|seed| {
        let mut dice = connection_dice(*seed, 0);
        dice.below(4) > 0 && Dice(dice.next()).fate().0 == Fault::Reset
    });
    let proxy = Proxy::faulty(echo(), seed.unwrap());
    let mut stream = TcpStream::connect(("127.0.0.1", proxy.port)).unwrap();
    let _ = stream.write_all(&vec![b'x'; 300_000]);
    let error = stream.read_to_end(&mut vec![]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}
