//! How much requests may take of the gateway at once, in all and for each client.
//!
//! Three things run out: the answers that are made at once, the threads that read bodies, and the memory that relayed messages
//! and their answers are held in. Of each, one client has no more than its share, so that it cannot keep the others out by being slow.

mod full;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use prometheus::IntGauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

pub(crate) use self::full::{Full, Scarce};
use crate::body::LeastRate;

/// How long a request may wait, unread, for its turn.
const TURN: Duration = Duration::from_secs(30);
/// Bytes that relays are accounted by.
const UNIT: usize = 1024;

/// What requests may take at once. All finite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// Requests that are answered at once; who comes then is told to come again. At least 1.
    pub requests: usize,
    /// Of these, the most that one client has. At least 1.
    pub client_requests: usize,
    /// Bodies that are read at once; the others wait their turn, unread. At least 1.
    pub uploads: usize,
    /// Of these, the most that one client has. At least 1.
    pub client_uploads: usize,
    /// How slowly a body may come.
    pub least_rate: LeastRate,
    /// Bytes of relayed messages and of their answers that are in memory at once: with [`Self::uploads`], the ceiling of
    /// what requests can make the gateway hold.
    pub relay_bytes: usize,
    /// Of these, the most that one client has. A message that is larger, 64 KiB for its answer included, is refused.
    pub client_relay_bytes: usize,
}

impl From<usize> for Admission {
    /// So many bodies at once; a client has half of everything.
    fn from(uploads: usize) -> Self {
        let relay_bytes = 64 << 20;
        Self {
            requests: 1_024,
            client_requests: 512,
            uploads,
            client_uploads: uploads.div_ceil(2),
            least_rate: LeastRate::default(),
            relay_bytes,
            client_relay_bytes: relay_bytes / 2,
        }
    }
}

/// Something of which there is a number, and of which each client has no more than its share.
#[derive(Debug)]
pub(crate) struct Shared {
    all: Arc<Semaphore>,
    share: u32,
    /// By name: clients come from the configuration, so there are few.
    clients: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// A part of it, until it is dropped.
#[derive(Debug)]
struct Part {
    own: OwnedSemaphorePermit,
    of_all: OwnedSemaphorePermit,
}

impl Shared {
    pub(crate) fn new(whole: usize, share: usize) -> Self {
        let most = Semaphore::MAX_PERMITS.min(u32::MAX as usize);
        let whole = whole.clamp(1, most);
        let share = share.clamp(1, whole);
        // Both fit: they were cut to it.
        let units = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self { all: Arc::new(Semaphore::new(whole)), share: units(share), clients: Mutex::default() }
    }

    /// How many are not taken.
    pub(crate) fn free(&self) -> usize {
        self.all.available_permits()
    }

    fn own(&self, client: &str) -> Arc<Semaphore> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let own =
            clients.entry(client.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(self.share as usize)));
        Arc::clone(own)
    }

    /// One, if there is any now.
    pub(crate) fn one(&self, client: &str) -> Result<impl Sized + use<>, Full> {
        let own = self.own(client).try_acquire_owned().map_err(|_| Full::Share)?;
        let of_all = Arc::clone(&self.all).try_acquire_owned().map_err(|_| Full::All)?;
        Ok(Part { own, of_all })
    }

    /// Waits for so many. Nobody gets more than a share, however long he waits.
    async fn part(&self, client: &str, number: u32) -> Result<Part, Full> {
        if number > self.share {
            return Err(Full::Share);
        }
        let until = Instant::now() + TURN;
        let own = timeout_at(until, self.own(client).acquire_many_owned(number)).await;
        // Semaphores are never closed.
        let Ok(Ok(own)) = own else { return Err(Full::Share) };
        let all = Arc::clone(&self.all);
        match timeout_at(until, all.acquire_many_owned(number)).await {
            Ok(Ok(of_all)) => Ok(Part { own, of_all }),
            Ok(Err(_)) | Err(_) => Err(Full::All),
        }
    }

    /// Adds so many to a part, if they are free now.
    fn grow(&self, part: &mut Part, client: &str, number: u32) -> Result<(), Full> {
        let own = self.own(client).try_acquire_many_owned(number).map_err(|_| Full::Share)?;
        let of_all = Arc::clone(&self.all).try_acquire_many_owned(number).map_err(|_| Full::All)?;
        part.own.merge(own);
        part.of_all.merge(of_all);
        Ok(())
    }
}

impl Part {
    fn size(&self) -> usize {
        self.own.num_permits()
    }

    /// Gives back what is beyond the number.
    fn shrink_to(&mut self, number: usize) {
        let beyond = self.size().saturating_sub(number);
        drop((self.own.split(beyond), self.of_all.split(beyond)));
    }
}

/// One body's place among those that are read at once, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    reading: IntGauge,
    _part: Part,
}

impl Turn {
    /// Waits for the body's turn.
    pub(crate) async fn wait(uploads: &Shared, client: &str, reading: &IntGauge) -> Result<Self, Full> {
        let part = uploads.part(client, 1).await?;
        reading.inc();
        Ok(Self { reading: reading.clone(), _part: part })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.reading.dec();
    }
}

/// Memory for one relayed message and its answer, until both are gone.
#[derive(Debug)]
pub(crate) struct Room {
    relays: Arc<Shared>,
    client: String,
    part: Part,
}

/// Bytes, and the room that they are in.
struct Held {
    bytes: Bytes,
    _room: Room,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Room {
    /// Bytes that one client may hold at the most.
    pub(crate) fn most(relays: &Shared) -> u64 {
        u64::from(relays.share) * UNIT as u64
    }

    /// Waits until so many bytes may be held.
    pub(crate) async fn wait(relays: &Arc<Shared>, client: &str, bytes: u64) -> Result<Self, Full> {
        let part = relays.part(client, units(bytes)).await?;
        Ok(Self { relays: Arc::clone(relays), client: client.to_owned(), part })
    }

    /// Gives back what is beyond so many bytes.
    pub(crate) fn shrink_to(&mut self, bytes: u64) {
        self.part.shrink_to(units(bytes) as usize);
    }

    /// Makes room for so many bytes in all, if there is any now.
    pub(crate) fn grow_to(&mut self, bytes: u64) -> Result<(), Full> {
        let wanted = units(bytes) as usize;
        match u32::try_from(wanted.saturating_sub(self.part.size())) {
            Ok(0) => Ok(()),
            Ok(more) => self.relays.grow(&mut self.part, &self.client, more),
            Err(_) => Err(Full::All),
        }
    }

    /// The bytes, which are counted until the last of them is sent.
    pub(crate) fn hold(self, bytes: Bytes) -> Bytes {
        if bytes.is_empty() { bytes } else { Bytes::from_owner(Held { bytes, _room: self }) }
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT as u64)).unwrap_or(u32::MAX)
}

/// The relays' memory by its bounds in bytes.
pub(crate) fn relays(admission: &Admission) -> Arc<Shared> {
    Arc::new(Shared::new(admission.relay_bytes.div_ceil(UNIT), admission.client_relay_bytes.div_ceil(UNIT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_half_unless_it_is_said_otherwise() {
        for (uploads, share) in [(1, 1), (2, 1), (3, 2), (32, 16)] {
            assert_eq!(Admission::from(uploads).client_uploads, share);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_client_has_its_share_and_the_others_the_rest() {
        let shared = Shared::new(4, 2);
        let _first = shared.part("city", 1).await.unwrap();
        let second = shared.part("city", 1).await.unwrap();
        assert_eq!(shared.part("city", 1).await.unwrap_err(), Full::Share);
        let _theirs = [shared.part("town", 1).await.unwrap(), shared.part("town", 1).await.unwrap()];
        assert_eq!(shared.part("village", 1).await.unwrap_err(), Full::All);
        drop(second);
        assert_eq!(shared.free(), 1);
        let _third = shared.part("village", 1).await.unwrap();
        // Who waits for its own share takes nothing from the others.
        assert_eq!(shared.part("city", 1).await.unwrap_err(), Full::All);
    }

    #[tokio::test(start_paused = true)]
    async fn room_is_counted_until_the_last_byte_is_gone() {
        let relays = Arc::new(Shared::new(100, 60));
        let mut room = Room::wait(&relays, "city", 50 * 1024).await.unwrap();
        assert_eq!(relays.free(), 50);
        assert_eq!(Room::wait(&relays, "city", 11 * 1024).await.unwrap_err(), Full::Share);
        room.shrink_to(10 * 1024 + 1);
        assert_eq!(relays.free(), 89);
        room.grow_to(10 * 1024).unwrap();
        room.grow_to(60 * 1024).unwrap();
        assert_eq!(relays.free(), 40);
        assert_eq!(room.grow_to(60 * 1024 + 1), Err(Full::Share));
        let other = Room::wait(&relays, "town", 40 * 1024).await.unwrap();
        drop(other);
        let bytes = room.hold(Bytes::from(vec![1; 5]));
        let part = bytes.slice(1..2);
        drop(bytes);
        assert_eq!(relays.free(), 40, "a part of it is still to be sent");
        drop(part);
        assert_eq!(relays.free(), 100);
        // Nothing is larger than a share.
        assert_eq!(Room::most(&relays), 60 * 1024);
        assert_eq!(Room::wait(&relays, "city", 60 * 1024 + 1).await.unwrap_err(), Full::Share);
        let large = Room::wait(&relays, "city", 60 * 1024).await.unwrap();
        assert_eq!(relays.free(), 40);
        assert!(large.hold(Bytes::new()).is_empty());
        assert_eq!(relays.free(), 100);
    }
}
