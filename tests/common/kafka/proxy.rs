//! A TCP proxy between clients and one broker that loses, holds back or cuts off the answers to chosen requests, after the broker has applied them.
//!
//! It reads Kafka's framing (length, api key, version, correlation id) and nothing else. The broker advertises the proxy's port, so that every request of
//! every client passes it.

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Cluster, ClusterOptions, available};

/// A broker of its own behind a proxy; without one the test does not run.
pub fn broker_behind_one() -> Option<(Proxy, Cluster)> {
    let proxy = Proxy::start();
    let mut options = ClusterOptions::of(1);
    options.properties.push(("advertised.listeners".into(), format!("PLAINTEXT://{}", proxy.servers())));
    let cluster = available(Cluster::start_with(&options))?;
    proxy.lead_to(&cluster.brokers[0].address());
    Some((proxy, cluster))
}

/// A request whose answer can be tampered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Api {
    Produce = 0,
    AddOffsetsToTxn = 25,
    EndTxn = 26,
    TxnOffsetCommit = 28,
}

impl Api {
    pub const ALL: [Api; 4] = [Api::Produce, Api::AddOffsetsToTxn, Api::TxnOffsetCommit, Api::EndTxn];

    fn of(key: i16) -> Option<Api> {
        Api::ALL.into_iter().find(|api| *api as i16 == key)
    }
}

/// What happens to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// It never arrives; the connection stays.
    Drop,
    /// It arrives after this time, and everything behind it on the connection too.
    Delay(Duration),
    /// The connection is closed in its place.
    Cut,
}

/// Faults that wait for a request, and those that have happened.
#[derive(Default)]
struct Plan {
    armed: BTreeMap<Api, VecDeque<Harm>>,
    done: u64,
}

#[derive(Default)]
struct Shared {
    upstream: Mutex<Option<SocketAddr>>,
    plan: Mutex<Plan>,
    changed: Condvar,
    stop: AtomicBool,
}

/// The proxy; its threads end with it.
pub struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Listens on a free port. Until it is told where the broker is, it refuses.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let accepting = std::thread::spawn({
            let shared = shared.clone();
            move || {
                for client in listener.incoming() {
                    if shared.stop.load(Ordering::Relaxed) {
                        return;
                    }
                    // A broker that is not there refuses: the client sees its connection closed, as it would without a proxy.
                    let upstream = *shared.upstream.lock().unwrap();
                    if let (Ok(client), Some(Ok(broker))) = (client, upstream.map(TcpStream::connect)) {
                        relay(client, broker, &shared);
                    }
                }
            }
        });
        Proxy { shared, address, accepting: Some(accepting) }
    }

    /// Says where the broker is.
    pub fn lead_to(&self, broker: &str) {
        *self.shared.upstream.lock().unwrap() = Some(broker.parse().unwrap());
    }

    /// From now on connections are refused. Those that are open stay.
    pub fn refuse(&self) {
        *self.shared.upstream.lock().unwrap() = None;
    }

    /// Where clients find it.
    pub fn servers(&self) -> String {
        self.address.to_string()
    }

    /// Does this harm to the answer to the next request of this kind, and waits until that has happened.
    ///
    /// Returns `false` when no such request came within `patience`; the fault is then disarmed.
    pub fn harm_next(&self, api: Api, harm: Harm, patience: Duration) -> bool {
        let mut plan = self.shared.plan.lock().unwrap();
        let goal = plan.done + 1;
        plan.armed.entry(api).or_default().push_back(harm);
        let deadline = Instant::now() + patience;
        while plan.done < goal {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                plan.armed.clear();
                return false;
            }
            plan = self.shared.changed.wait_timeout(plan, left).unwrap().0;
        }
        true
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // Wakes the accepting thread, which then sees that it is over.
        TcpStream::connect(self.address).ok();
        self.accepting.take().map(JoinHandle::join);
    }
}

impl Shared {
    fn harm_for(&self, api: Api) -> Option<Harm> {
        self.plan.lock().unwrap().armed.get_mut(&api)?.pop_front()
    }

    fn happened(&self) {
        self.plan.lock().unwrap().done += 1;
        self.changed.notify_all();
    }
}

/// Requests of one connection whose answers are to be harmed, by correlation id.
type Marked = Arc<Mutex<BTreeMap<[u8; 4], Harm>>>;

fn relay(client: TcpStream, broker: TcpStream, shared: &Arc<Shared>) {
    client.set_nodelay(true).ok();
    broker.set_nodelay(true).ok();
    let marked = Marked::default();
    let (client_in, client_out) = (client.try_clone().unwrap(), client);
    let (broker_in, broker_out) = (broker.try_clone().unwrap(), broker);
    std::thread::spawn({
        let (shared, marked) = (shared.clone(), marked.clone());
        move || requests(client_in, broker_out, &shared, &marked)
    });
    let shared = shared.clone();
    std::thread::spawn(move || answers(broker_in, client_out, &shared, &marked));
}

/// One length-prefixed frame, its length included; `None` at the end of the stream.
fn frame(from: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    bytes.resize(4, 0);
    from.read_exact(bytes).ok()?;
    let length = u32::from_be_bytes(bytes[..4].try_into().ok()?) as usize;
    bytes.resize(4 + length, 0);
    from.read_exact(&mut bytes[4..]).ok()
}

fn requests(mut client: TcpStream, mut broker: TcpStream, shared: &Shared, marked: &Marked) {
    let mut bytes = Vec::new();
    while frame(&mut client, &mut bytes).is_some() {
        let api = bytes.get(4..6).and_then(|key| Api::of(i16::from_be_bytes([key[0], key[1]])));
        if let (Some(harm), Some(id)) = (api.and_then(|api| shared.harm_for(api)), bytes.get(8..12)) {
            marked.lock().unwrap().insert(id.try_into().unwrap(), harm);
        }
        if broker.write_all(&bytes).is_err() {
            break;
        }
    }
    client.shutdown(Shutdown::Both).ok();
    broker.shutdown(Shutdown::Both).ok();
}

fn answers(mut broker: TcpStream, mut client: TcpStream, shared: &Shared, marked: &Marked) {
    let mut bytes = Vec::new();
    while frame(&mut broker, &mut bytes).is_some() {
        let harm = bytes.get(4..8).and_then(|id| marked.lock().unwrap().remove(id));
        if harm.is_some() {
            shared.happened();
        }
        match harm {
            Some(Harm::Drop) => continue,
            Some(Harm::Cut) => break,
            Some(Harm::Delay(time)) => std::thread::sleep(time),
            None => {}
        }
        if client.write_all(&bytes).is_err() {
            break;
        }
    }
    client.shutdown(Shutdown::Both).ok();
    broker.shutdown(Shutdown::Both).ok();
}
