//! How many may be connected: in all, and from one address before they have proven who they are.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::metrics::Refusal;

/// The places of a server.
#[derive(Debug)]
pub(super) struct Admission {
    connections: Arc<Semaphore>,
    newcomers: Arc<Newcomers>,
}

#[derive(Debug)]
struct Newcomers {
    per_address_max: usize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

/// A place in all, for as long as the connection lasts.
pub(super) type Seat = OwnedSemaphorePermit;

/// A place among those of one address who have not proven who they are. It is free again when the last clone is dropped.
#[derive(Clone)]
pub struct Newcomer {
    _place: Arc<Place>,
}

struct Place {
    address: IpAddr,
    newcomers: Arc<Newcomers>,
}

impl Admission {
    pub(super) fn new(connections_max: usize, per_address_max: usize) -> Admission {
        let connections = Arc::new(Semaphore::new(connections_max.min(Semaphore::MAX_PERMITS)));
        let newcomers = Newcomers { per_address_max, by_address: Mutex::default() };
        Admission { connections, newcomers: Arc::new(newcomers) }
    }

    /// Both places of a connection from there.
    pub(super) fn admit(&self, remote: IpAddr) -> Result<(Seat, Newcomer), Refusal> {
        let seat = Arc::clone(&self.connections).try_acquire_owned().map_err(|_| Refusal::Connections)?;
        let newcomer = self.newcomers.admit(network(remote)).ok_or(Refusal::Newcomers)?;
        Ok((seat, newcomer))
    }
}

impl Newcomers {
    fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Newcomer> {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_address.get(&address).copied().unwrap_or(0);
        if count >= self.per_address_max {
            return None;
        }
        by_address.insert(address, count + 1);
        Some(Newcomer { _place: Arc::new(Place { address, newcomers: Arc::clone(self) }) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_address = self.newcomers.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        match by_address.get_mut(&self.address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(by_address.remove(&self.address)),
        }
    }
}

impl fmt::Debug for Newcomer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Newcomer")
    }
}

/// What one party can have many of counts as one: of IPv6 a network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_few_places_and_gets_them_back() {
        let admission = Admission::new(10, 2);
        let (here, there) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let first = admission.admit(here).unwrap();
        let (_seat, second) = admission.admit("::ffff:192.0.2.1".parse().unwrap()).unwrap();
        assert_eq!(admission.admit(here).unwrap_err(), Refusal::Newcomers);
        assert!(admission.admit(there).is_ok());
        let twin = second.clone();
        drop(second);
        assert_eq!(admission.admit(here).unwrap_err(), Refusal::Newcomers);
        drop(twin);
        assert!(admission.admit(here).is_ok());
        drop(first);
        assert!(admission.newcomers.by_address.lock().unwrap().is_empty());
    }

    #[test]
    fn all_addresses_together_have_so_many_places() {
        let admission = Admission::new(2, 4);
        let seats: Vec<_> = ["192.0.2.1", "192.0.2.2"].map(|from| admission.admit(from.parse().unwrap())).into();
        assert!(seats.iter().all(Result::is_ok));
        assert_eq!(admission.admit("192.0.2.3".parse().unwrap()).unwrap_err(), Refusal::Connections);
        drop(seats);
        assert!(admission.admit("192.0.2.3".parse().unwrap()).is_ok());
    }

    #[test]
    fn a_network_of_one_party_counts_as_one() {
        let admission = Admission::new(10, 1);
        let _first = admission.admit("2001:db8::1".parse().unwrap()).unwrap();
        assert_eq!(admission.admit("2001:db8::ffff:2".parse().unwrap()).unwrap_err(), Refusal::Newcomers);
        assert!(admission.admit("2001:db8:0:1::1".parse().unwrap()).is_ok());
    }
}
