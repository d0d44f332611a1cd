//! A proxy on loopback that does to bytes what bad networks do: cuts them off anywhere, repeats them, holds them back.
//!
//! It knows nothing of what passes. What happens to a connection is drawn beforehand, as a [`Plan`] for each of its
//! directions; connections without a plan pass untouched.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::dice::Dice;

/// Bytes that pass at once.
const CHUNK_BYTES: usize = 4_096;
/// Bytes that are kept to be repeated.
const KEPT_BYTES: usize = 16 * 1_024;
/// The longest that bytes are held back.
const HOLD_MS_MAX: usize = 20;
/// Faults lie before 2 to the power of this.
const REACH_BITS: usize = 17;

/// What happens to one direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing passes any more, either way.
    Cut,
    /// So many bytes that passed last pass once more.
    Repeat(usize),
    /// So many bytes that passed first pass once more.
    RepeatFirst(usize),
    /// Nothing passes for so long.
    Hold(Duration),
}

/// Faults of the direction to the server and of the one from it, each behind so many bytes, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan([Vec<(usize, Fault)>; 2]);

impl Plan {
    /// A few faults, of which the last cuts the connection.
    pub fn draw(dice: &mut Dice) -> Plan {
        let mut plan = Plan::default();
        for _ in 0..dice.below(4) {
            let fault = match dice.below(4) {
                0 => Fault::Repeat(1 + dice.below(200)),
                1 => Fault::RepeatFirst(1 + dice.below(600)),
                _ => Fault::Hold(Duration::from_millis(1 + dice.below(HOLD_MS_MAX) as u64)),
            };
            plan.0[dice.below(2)].push((somewhere(dice), fault));
        }
        plan.0[dice.below(2)].push((somewhere(dice), Fault::Cut));
        plan.0.iter_mut().for_each(|faults| faults.sort_by_key(|(at, _)| *at));
        plan
    }
}

/// A place in a stream: any power of two is as likely as any other.
fn somewhere(dice: &mut Dice) -> usize {
    let bits = 1 + dice.below(REACH_BITS);
    dice.below(1 << bits)
}

/// How often something happened.
#[derive(Debug, Default)]
pub struct Counts {
    /// Connections that came.
    pub connections: AtomicUsize,
    /// Those that were cut.
    pub cuts: AtomicUsize,
    /// Bytes that came twice.
    pub repeats: AtomicUsize,
    /// Bytes that were held back.
    pub holds: AtomicUsize,
}

/// A proxy. It ends, with all its connections, when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: Mutex<Option<SocketAddr>>,
    plans: Mutex<VecDeque<Plan>>,
    open: Mutex<Vec<TcpStream>>,
    is_over: AtomicBool,
    counts: Counts,
}

impl Proxy {
    /// Listens on a free port.
    ///
    /// # Panics
    /// The system has none.
    pub fn new() -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let shared = Arc::new(Shared {
            server: Mutex::default(),
            plans: Mutex::default(),
            open: Mutex::default(),
            is_over: AtomicBool::new(false),
            counts: Counts::default(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accepting.accept(&listener));
        Proxy { address, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where connections lead from now on.
    pub fn lead_to(&self, server: SocketAddr) {
        *lock(&self.shared.server) = Some(server);
    }

    /// Cuts what is open, and lets these befall the next connections, in their order, in place of what was planned before.
    pub fn befall(&self, plans: impl IntoIterator<Item = Plan>) {
        *lock(&self.shared.plans) = plans.into_iter().collect();
        self.cut_all();
    }

    /// Cuts everything that is open.
    pub fn cut_all(&self) {
        lock(&self.shared.open).drain(..).for_each(|socket| end(&socket));
    }

    /// What has happened so far.
    pub fn counts(&self) -> &Counts {
        &self.shared.counts
    }
}

impl Default for Proxy {
    fn default() -> Proxy {
        Proxy::new()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Wakes whoever accepts.
        drop(TcpStream::connect(self.address));
        self.cut_all();
    }
}

impl Shared {
    fn accept(self: &Arc<Shared>, listener: &TcpListener) {
        while let Ok((client, _)) = listener.accept() {
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            let Some(server) = *lock(&self.server) else { continue };
            // A server that is gone refuses, and the client hears that its connection has ended.
            if let Ok(server) = TcpStream::connect(server) {
                self.join([client, server]);
            }
        }
    }

    fn join(self: &Arc<Shared>, [client, server]: [TcpStream; 2]) {
        self.counts.connections.fetch_add(1, Ordering::SeqCst);
        let copies = [&client, &server].map(|socket| {
            socket.set_nodelay(true).expect("a socket takes settings");
            [(); 2].map(|()| socket.try_clone().expect("a socket can be shared"))
        });
        let [[from_client, kept_client], [from_server, kept_server]] = copies;
        lock(&self.open).extend([kept_client, kept_server]);
        let Plan([up, down]) = lock(&self.plans).pop_front().unwrap_or_default();
        for (from, to, faults) in [(from_client, server, up), (from_server, client, down)] {
            let shared = Arc::clone(self);
            thread::spawn(move || {
                // Either end may go at any time.
                let _ = Pump { counts: &shared.counts, to: &to, passed: 0, first: Vec::new(), last: Vec::new() }
                    .run(&from, faults.into());
                [&from, &to].into_iter().for_each(end);
            });
        }
    }
}

/// One direction of a connection.
struct Pump<'a> {
    counts: &'a Counts,
    to: &'a TcpStream,
    passed: usize,
    first: Vec<u8>,
    last: Vec<u8>,
}

impl Pump<'_> {
    fn run(&mut self, mut from: &TcpStream, mut faults: VecDeque<(usize, Fault)>) -> std::io::Result<()> {
        let mut chunk = [0; CHUNK_BYTES];
        loop {
            let len = from.read(&mut chunk)?;
            if len == 0 {
                return Ok(());
            }
            let mut rest = &chunk[..len];
            while let Some((at, fault)) = faults.pop_front_if(|(at, _)| *at <= self.passed + rest.len()) {
                let (before, behind) = rest.split_at(at.saturating_sub(self.passed));
                self.pass(before)?;
                rest = behind;
                if !self.befall(fault)? {
                    return Ok(());
                }
            }
            self.pass(rest)?;
        }
    }

    fn pass(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.passed += bytes.len();
        let room = KEPT_BYTES - self.first.len();
        self.first.extend(bytes.iter().take(room));
        self.last.extend(bytes);
        self.last.drain(..self.last.len().saturating_sub(KEPT_BYTES));
        let mut to = self.to;
        to.write_all(bytes)
    }

    /// False where nothing passes any more.
    fn befall(&mut self, fault: Fault) -> std::io::Result<bool> {
        let mut to = self.to;
        let count = match fault {
            Fault::Cut => &self.counts.cuts,
            Fault::Hold(time) => {
                thread::sleep(time);
                &self.counts.holds
            }
            Fault::Repeat(bytes) => {
                to.write_all(&self.last[self.last.len().saturating_sub(bytes)..])?;
                &self.counts.repeats
            }
            Fault::RepeatFirst(bytes) => {
                to.write_all(&self.first[..bytes.min(self.first.len())])?;
                &self.counts.repeats
            }
        };
        count.fetch_add(1, Ordering::SeqCst);
        Ok(fault != Fault::Cut)
    }
}

fn end(socket: &TcpStream) {
    // Ended already, perhaps.
    let _ = socket.shutdown(Shutdown::Both);
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
