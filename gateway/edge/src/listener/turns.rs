//! Turns at shaking hands: so many at once, and of these no more than a share for one client network and one address. Who
//! has to wait does so in order, and takes nothing from the others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ipnet::IpNet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::places::{Shares, counted};

/// The turns of one listener.
#[derive(Debug)]
pub(super) struct Turns {
    shares: Shares,
    all: Arc<Semaphore>,
    /// Of those who have a turn or wait for one, so it is no larger than the number of connections.
    own: Mutex<HashMap<Whose, Arc<Semaphore>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Whose {
    Network(Option<IpNet>),
    Address(IpAddr),
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _all: OwnedSemaphorePermit,
    _network: Part,
    _address: Part,
}

/// One of somebody's share. It is given back before the share is looked at, which may go with it: fields are dropped in
/// their order.
#[derive(Debug)]
struct Part {
    _permit: Option<OwnedSemaphorePermit>,
    _share: Share,
}

/// Somebody's share, which is forgotten with the last who uses it.
#[derive(Debug)]
struct Share {
    turns: Arc<Turns>,
    whose: Whose,
    semaphore: Arc<Semaphore>,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut own = self.turns.own.lock().unwrap_or_else(PoisonError::into_inner);
        // This one, and the one in the map: under the lock nobody else comes by.
        if Arc::strong_count(&self.semaphore) <= 2 {
            own.remove(&self.whose);
        }
    }
}

impl Turns {
    pub(super) fn new(shares: Shares) -> Arc<Self> {
        let all = Arc::new(Semaphore::new(shares.all.min(Semaphore::MAX_PERMITS)));
        Arc::new(Self { shares, all, own: Mutex::default() })
    }

    fn share(self: &Arc<Self>, whose: Whose) -> Share {
        let number = match whose {
            Whose::Network(_) => self.shares.network,
            Whose::Address(_) => self.shares.address,
        };
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Semaphore::new(number.min(Semaphore::MAX_PERMITS)));
        let semaphore = Arc::clone(own.entry(whose).or_insert_with(new));
        Share { turns: Arc::clone(self), whose, semaphore }
    }

    async fn part(self: &Arc<Self>, whose: Whose) -> Part {
        let share = self.share(whose);
        // A semaphore that is never closed always gives one in the end.
        let permit = Arc::clone(&share.semaphore).acquire_owned().await.ok();
        Part { _permit: permit, _share: share }
    }

    /// Waits for a turn, for so long at the most. Whoever waits for its own share holds nothing of what is everybody's.
    pub(super) async fn wait(
        self: &Arc<Self>,
        network: Option<IpNet>,
        address: IpAddr,
        limit: Duration,
    ) -> Option<Turn> {
        let waiting = async {
            let address = self.part(Whose::Address(counted(address))).await;
            let network = self.part(Whose::Network(network)).await;
            let all = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some(Turn { _all: all, _network: network, _address: address })
        };
        timeout(limit, waiting).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may panic

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn ip(last: u8) -> IpAddr {
        [10, 1, 0, last].into()
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_its_share_waits_and_the_others_do_not() {
        let turns = Turns::new(Shares { all: 4, network: 3, address: 2 });
        let city = Some("10.1.0.0/16".parse().unwrap());
        let first = turns.wait(city, ip(1), LIMIT).await.unwrap();
        let _second = turns.wait(city, ip(1), LIMIT).await.unwrap();
        assert!(turns.wait(city, ip(1), LIMIT).await.is_none(), "its address has its share");
        let third = turns.wait(city, ip(2), LIMIT).await.unwrap();
        assert!(turns.wait(city, ip(3), LIMIT).await.is_none(), "its network has its share");
        let fourth = turns.wait(None, ip(9), LIMIT).await.unwrap();
        assert!(turns.wait(None, ip(8), LIMIT).await.is_none(), "all have theirs");
        // A turn that is given back goes to who waits for it.
        let waiting = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { turns.wait(city, ip(1), LIMIT).await.is_some() }
        });
        tokio::task::yield_now().await;
        drop(first);
        assert!(waiting.await.unwrap());
        drop((third, fourth));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_of_who_has_gone() {
        let turns = Turns::new(Shares { all: 4, network: 1, address: 1 });
        let held = turns.wait(None, ip(1), LIMIT).await.unwrap();
        // Given up while it waits for its address, and for its network.
        assert!(turns.wait(None, ip(1), LIMIT).await.is_none());
        assert!(turns.wait(None, ip(2), LIMIT).await.is_none());
        assert_eq!(turns.own.lock().unwrap().len(), 2);
        drop(held);
        assert_eq!(turns.own.lock().unwrap().len(), 0);
        assert_eq!(turns.all.available_permits(), 4);
    }
}
