//! What a client's batches may take of the spool: all that are there, finished or not, and those that are on their way into it.
//!
//! The ledger counts what is there, so that a restart changes nothing; what is on its way is counted here. It is asked for room
//! before a body is read, by what its head says of its length (by SOAP with the first record), and again as records are written. So one client fills its own
//! part of the disk and no more.
//!
//! A repetition of a batch that was accepted needs no room in the end: it is read, recognised by what it holds and thrown away. So it may
//! take as much as the first one did, whatever the quota says; or the client would never get the answer that it has missed. What was written
//! so is lent: the ledger takes it as a repetition or not at all ([`Room::is_lent`]), whatever has become of the first one meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sekisho_journal::{Allowance, Digest, Ledger, LedgerError, Spool, Stored};

use crate::doors::Names;
use crate::gateway::now_millis;
use crate::refusal::{Class, Refusal};
use crate::service::{Exchange, ledger as ledger_failed, own_name};

/// Bytes by which the room of a batch grows, so that the ledger is not asked for each record.
const STEP: u64 = 1 << 20;
/// When a client whose room is used up should come again: payloads go an hour after their batch ended, unless it is said otherwise.
const COME_AGAIN: Duration = Duration::from_secs(300);

/// How much of the spool a client's batches may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpoolQuota {
    /// Bytes of their canonical records, with 32 for each record beside. At least 1.
    pub bytes: u64,
    /// Batches. At least 1.
    pub batches: u64,
}

impl Default for SpoolQuota {
    fn default() -> Self {
        Self { bytes: 64 << 30, batches: 1_000_000 }
    }
}

impl SpoolQuota {
    fn holds(self, stored: Stored) -> bool {
        stored.bytes <= self.bytes && stored.batches <= self.batches
    }
}

/// What is on its way into the spool, by client. Clients come from the configuration, so there are few.
#[derive(Debug, Default)]
pub(crate) struct Coming(Mutex<HashMap<String, Stored>>);

impl Coming {
    /// Counts more of a client's; answers all that it has on its way now.
    fn add(&self, client: &str, more: Stored) -> Stored {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = clients.entry(client.to_owned()).or_default();
        all.bytes = all.bytes.saturating_add(more.bytes);
        all.batches += more.batches;
        *all
    }

    fn take_away(&self, client: &str, less: Stored) {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(all) = clients.get_mut(client) {
            all.bytes = all.bytes.saturating_sub(less.bytes);
            all.batches = all.batches.saturating_sub(less.batches);
            if *all == Stored::default() {
                clients.remove(client);
            }
        }
    }
}

/// The room of one batch, from before its body is read until the ledger counts it or it is gone.
#[derive(Debug)]
pub(crate) struct Room {
    coming: Arc<Coming>,
    ledger: Ledger,
    spool: Spool,
    client: String,
    route: String,
    quota: SpoolQuota,
    /// Bytes that the message's head declares.
    declared: u64,
    sizes: Mutex<Sizes>,
}

#[derive(Debug, Default)]
struct Sizes {
    /// The batch is counted.
    begun: bool,
    /// Bytes that are counted.
    counted: u64,
    /// Bytes that are written.
    written: u64,
    /// What the message is called, once that is known.
    name: Option<Digest>,
    /// Bytes that the batch took that it repeats, once that was asked: so many it may write beyond the quota.
    repeated: Option<u64>,
    /// There was no room for some of it but as a repetition.
    lent: bool,
}

/// Why there is no room.
#[derive(Debug)]
enum Refused {
    Full,
    /// There never will be.
    Never,
    Unknown(LedgerError),
}

impl Room {
    fn of(exchange: &Exchange<'_>, length: Option<u64>) -> Self {
        let (gateway, client) = (exchange.gateway, exchange.client);
        Self {
            coming: Arc::clone(&gateway.coming),
            ledger: gateway.ledger.clone(),
            spool: gateway.spool.clone(),
            client: client.name.clone(),
            route: exchange.route.name.clone(),
            quota: client.quota,
            declared: length.unwrap_or(0),
            sizes: Mutex::default(),
        }
    }

    fn sizes(&self) -> MutexGuard<'_, Sizes> {
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the message is called, by which it may be a repetition.
    pub(crate) fn named(&self, names: &Names) {
        let name = own_name(names, &self.spool).map(|(_, hash)| hash);
        let mut sizes = self.sizes();
        (sizes.name, sizes.repeated) = (name, None);
    }

    /// Whether some of it was written for which there is no room, because it is to be a repetition.
    pub(crate) fn is_lent(&self) -> bool {
        self.sizes().lent
    }

    /// Counts the batch and what is known of its length, if it is not counted yet (blocking). Dropping it gives everything back.
    fn begin(&self) -> Result<(), Refused> {
        if std::mem::replace(&mut self.sizes().begun, true) {
            return Ok(());
        }
        self.coming.add(&self.client, Stored { batches: 1, bytes: 0 });
        match self.count(self.declared) {
            Err(Refused::Full) if self.repeated()?.is_some() => {
                self.sizes().lent = true;
                Ok(())
            }
            Err(Refused::Full) if self.declared > self.quota.bytes => Err(Refused::Never),
            counted => counted,
        }
    }

    /// Bytes that the batch took that is repeated here, if one is (blocking). Asked only where there is no room otherwise.
    fn repeated(&self) -> Result<Option<u64>, Refused> {
        let Sizes { name, repeated, .. } = *self.sizes();
        let (Some(name), None) = (name, repeated) else { return Ok(repeated) };
        let found = self.ledger.stored_under_blocking(&self.client, &self.route, name, now_millis());
        let found = found.map_err(Refused::Unknown)?;
        self.sizes().repeated = found;
        Ok(found)
    }

    /// Whether what is written is no more than what is repeated.
    fn repeats(&self) -> bool {
        // A ledger that cannot be read does not take the batch either, and says so then.
        let repeats =
            self.repeated().map_or(true, |first| first.is_some_and(|first| self.sizes().written <= first));
        self.sizes().lent |= repeats;
        repeats
    }

    /// Counts so many bytes more. First here, then in the ledger: what comes into the ledger in between is counted twice for a
    /// moment, and never not at all.
    fn count(&self, more: u64) -> Result<(), Refused> {
        let coming = self.coming.add(&self.client, Stored { batches: 0, bytes: more });
        let fits = self.ledger.stored_by_blocking(&self.client).map(|there| {
            let bytes = there.bytes.saturating_add(coming.bytes);
            self.quota.holds(Stored { batches: there.batches + coming.batches, bytes })
        });
        let fits = match fits {
            Ok(true) => {
                self.sizes().counted += more;
                return Ok(());
            }
            Ok(false) => Refused::Full,
            Err(error) => Refused::Unknown(error),
        };
        self.coming.take_away(&self.client, Stored { batches: 0, bytes: more });
        Err(fits)
    }
}

impl Allowance for Room {
    fn take(&self, bytes: u64) -> bool {
        // The batch is opened before its message has been read as far as its name.
        if bytes == 0 {
            return true;
        }
        // A ledger that cannot be read does not take the batch either, and says so then.
        let fits = |counted: Result<(), Refused>| !matches!(counted, Err(Refused::Full | Refused::Never));
        if !fits(self.begin()) {
            return false;
        }
        let (needed, lent) = {
            let mut sizes = self.sizes();
            sizes.written += bytes;
            let lent = sizes.repeated.is_some_and(|first| sizes.written <= first);
            sizes.lent |= lent;
            (sizes.written.saturating_sub(sizes.counted), lent)
        };
        // Near the end of its room a batch goes on in smaller steps.
        needed == 0
            || lent
            || fits(self.count(needed.max(STEP)))
            || fits(self.count(needed))
            || self.repeats()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let Sizes { begun, counted, .. } = *self.sizes();
        self.coming.take_away(&self.client, Stored { batches: u64::from(begun), bytes: counted });
    }
}

/// Room for the batch that a message may hold, by what its head says of its length. It is taken with the first of its records, when it is
/// known what the message is called ([`Room::named`]): what only asks for something needs none.
pub(crate) fn room(exchange: &Exchange<'_>, length: Option<u64>) -> Result<Arc<Room>, Refusal> {
    let room = Room::of(exchange, length);
    if room.declared > room.quota.bytes { Err(never(room.quota)) } else { Ok(Arc::new(room)) }
}

/// Room for a batch of this name, taken before anything of it is read.
pub(crate) async fn room_now(
    exchange: &Exchange<'_>,
    length: Option<u64>,
    names: &Names,
) -> Result<Arc<Room>, Refusal> {
    let room = Arc::new(Room::of(exchange, length));
    room.named(names);
    let begun = Arc::clone(&room);
    match tokio::task::spawn_blocking(move || begun.begin()).await {
        Ok(Ok(())) => Ok(room),
        Ok(Err(Refused::Full)) => Err(refused()),
        Ok(Err(Refused::Never)) => Err(never(exchange.client.quota)),
        Ok(Err(Refused::Unknown(error))) => Err(ledger_failed(&error)),
        Err(error) => Err(Refusal::internal("looking for room in the spool", &error)),
    }
}

/// A message that is longer than all that its client may have.
fn never(quota: SpoolQuota) -> Refusal {
    let bytes = quota.bytes;
    Refusal::new(
        Class::TooLarge,
        "client-spool-too-small",
        format!(
            "The message has more bytes than all batches of this client may have in the gateway ({bytes}: \
             client_spool_bytes, or spool_bytes of the client). Send it in parts."
        ),
    )
    .ja(format!(
        "電文が、この団体の全バッチの保管量の上限（{bytes}バイト：client_spool_bytesまたは団体のspool_bytes）より大きいため受け付けられません。\
         分割して送信してください。"
    ))
}

/// A batch for which there is no room.
pub(crate) fn refused() -> Refusal {
    Refusal::new(
        Class::Storage,
        "client-spool-full",
        "This client's batches take all the room that they may in the gateway (client_spool_bytes and client_spool_batches, or \
         spool_bytes and spool_batches of the client). Nothing was kept. Batches that were accepted go on, and make room some \
         time after they have ended; send it again when Retry-After says, or in smaller parts.",
    )
    .ja("この団体のバッチの保管量が上限（client_spool_bytesとclient_spool_batches、または団体のspool_bytesとspool_batches）に達しています。\
         何も保管していません。受付済みのバッチは配信が続き、終了してしばらくすると空きができます。Retry-Afterの時間をおいて再送するか、\
         分割して送信してください。")
    .retry_after(COME_AGAIN)
}

#[cfg(test)]
mod tests;
