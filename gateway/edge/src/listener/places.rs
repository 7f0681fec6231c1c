//! Places for connections: so many in all, and of these no more than a share for one client network and one address, so
//! that nobody keeps the others out by being many or slow.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;

/// How many places there are. All at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// In all.
    pub all: usize,
    /// Of one client network; addresses of no client count as one network.
    pub network: usize,
    /// Of one address; in IPv6 of one network of 64 bits, as whoever has one address has all of them.
    pub address: usize,
}

impl From<usize> for Shares {
    /// So many in all; a network has half of them, and an address a quarter.
    fn from(all: usize) -> Self {
        Self { all, network: all.div_ceil(2), address: all.div_ceil(4) }
    }
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    All,
    Network,
    Address,
}

/// The places of one listener.
#[derive(Debug)]
pub(super) struct Places {
    shares: Shares,
    taken: Mutex<Taken>,
}

/// Nothing in it is ever zero, so it is no larger than what is taken.
#[derive(Debug, Default)]
struct Taken {
    all: usize,
    networks: HashMap<Option<IpNet>, usize>,
    addresses: HashMap<IpAddr, usize>,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    network: Option<IpNet>,
    address: IpAddr,
}

impl Places {
    pub(super) fn new(shares: Shares) -> Arc<Self> {
        Arc::new(Self { shares, taken: Mutex::default() })
    }

    /// The number that is reached.
    pub(super) fn limit(&self, full: Full) -> usize {
        match full {
            Full::All => self.shares.all,
            Full::Network => self.shares.network,
            Full::Address => self.shares.address,
        }
    }

    /// A place for a connection from an address that lies in a client's network, or in none.
    pub(super) fn take(self: &Arc<Self>, network: Option<IpNet>, address: IpAddr) -> Result<Place, Full> {
        let address = counted(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |number: Option<&usize>| number.copied().unwrap_or_default();
        // Who has the most is told first: that is who can do something about it.
        if of(taken.addresses.get(&address)) >= self.shares.address {
            return Err(Full::Address);
        }
        if of(taken.networks.get(&network)) >= self.shares.network {
            return Err(Full::Network);
        }
        if taken.all >= self.shares.all {
            return Err(Full::All);
        }
        taken.all += 1;
        *taken.networks.entry(network).or_default() += 1;
        *taken.addresses.entry(address).or_default() += 1;
        drop(taken);
        Ok(Place { places: Arc::clone(self), network, address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        less(&mut taken.networks, self.network);
        less(&mut taken.addresses, self.address);
    }
}

fn less<K: Eq + Hash>(numbers: &mut HashMap<K, usize>, key: K) {
    if let Some(number) = numbers.get_mut(&key) {
        *number -= 1;
        if *number == 0 {
            numbers.remove(&key);
        }
    }
}

/// The address by which connections are counted.
pub(super) fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may panic

    use proptest::prelude::*;

    use super::*;

    fn net(text: &str) -> Option<IpNet> {
        Some(text.parse().unwrap())
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn nobody_has_more_than_a_share() {
        let places = Places::new(Shares { all: 5, network: 3, address: 2 });
        let city = net("10.1.0.0/16");
        let first = places.take(city, ip("10.1.0.1")).unwrap();
        let _second = places.take(city, ip("::ffff:10.1.0.1")).unwrap();
        assert_eq!(places.take(city, ip("10.1.0.1")).unwrap_err(), Full::Address);
        let _third = places.take(city, ip("10.1.0.2")).unwrap();
        assert_eq!(places.take(city, ip("10.1.0.3")).unwrap_err(), Full::Network);
        let _fourth = places.take(None, ip("192.0.2.1")).unwrap();
        let _fifth = places.take(None, ip("192.0.2.2")).unwrap();
        assert_eq!(places.take(net("10.2.0.0/16"), ip("10.2.0.1")).unwrap_err(), Full::All);
        drop(first);
        places.take(city, ip("10.1.0.1")).unwrap();
    }

    #[test]
    fn whoever_has_a_network_of_ipv6_has_one_address() {
        let places = Places::new(Shares { all: 9, network: 9, address: 1 });
        let _one = places.take(None, ip("2001:db8:0:1::1")).unwrap();
        assert_eq!(places.take(None, ip("2001:db8:0:1:ffff::2")).unwrap_err(), Full::Address);
        places.take(None, ip("2001:db8:0:2::1")).unwrap();
    }

    proptest! {
        /// Whatever comes and goes, what is counted is what is held, and nothing of it is left at the end.
        #[test]
        fn what_is_counted_is_what_is_held(steps in proptest::collection::vec((0u8..6, 0u8..3, any::<bool>()), 0..200)) {
            let places = Places::new(Shares { all: 10, network: 6, address: 3 });
            let mut held: Vec<Place> = Vec::new();
            for (host, network, goes) in steps {
                if goes && !held.is_empty() {
                    held.remove(usize::from(host) % held.len());
                    continue;
                }
                let network = if network == 0 { None } else { net(&format!("10.{network}.0.0/16")) };
                let address = ip(&format!("10.9.0.{host}"));
                let of_network = held.iter().filter(|place| place.network == network).count();
                let of_address = held.iter().filter(|place| place.address == address).count();
                match places.take(network, address) {
                    Ok(place) => {
                        prop_assert!(held.len() < 10 && of_network < 6 && of_address < 3);
                        held.push(place);
                    }
                    Err(Full::Address) => prop_assert_eq!(of_address, 3),
                    Err(Full::Network) => prop_assert_eq!(of_network, 6),
                    Err(Full::All) => prop_assert_eq!(held.len(), 10),
                }
                let taken = places.taken.lock().unwrap();
                prop_assert_eq!(taken.all, held.len());
                prop_assert_eq!(taken.networks.values().sum::<usize>(), held.len());
                prop_assert_eq!(taken.addresses.values().sum::<usize>(), held.len());
            }
            drop(held);
            let taken = places.taken.lock().unwrap();
            prop_assert!(taken.all == 0 && taken.networks.is_empty() && taken.addresses.is_empty());
        }
    }
}
