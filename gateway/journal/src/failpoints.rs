//! Places where a gateway dies or its disk fails, as whoever starts it asks: to show that nothing is lost or doubled by it.
//! Only the feature `failpoints` compiles this and the places that ask for it, and a release build with it does not compile.
//!
//! `SEKISHO_FAIL` holds orders, with commas between them: `chunk-sent=kill@3` dies (SIGKILL) when the point is passed for the
//! third time; `file-sync=full@1+5` fails five passes from the first one on as a full disk does (ENOSPC), `=broken` as a
//! broken one (EIO), `+*` all from there on.

use std::io;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(not(debug_assertions))]
compile_error!("the feature `failpoints` is for tests: a release build must not have it");

/// Where the orders stand.
pub const VARIABLE: &str = "SEKISHO_FAIL";

macro_rules! points {
    ($($(#[$what:meta])+ $point:ident = $name:literal,)+) => {
        /// A place that is passed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Point {
            $($(#[$what])+ $point,)+
        }

        impl Point {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$point),+];

            /// Its name in an order.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$point => $name,)+
                }
            }
        }
    };
}

points! {
    /// Spool: before a batch's folder is created. May fail.
    FolderCreate = "folder-create",
    /// Spool: before a segment or an index is created. May fail.
    FileCreate = "file-create",
    /// Spool: before bytes of a segment or an index are written. May fail.
    FileWrite = "file-write",
    /// Spool: what was written is not synced yet. May fail.
    FileSync = "file-sync",
    /// Spool: the key of a batch is on the disk, and the batch is not sealed.
    DataKeyKept = "data-key-kept",
    /// Spool: names of files are not synced yet. May fail.
    FolderSync = "folder-sync",
    /// Ledger: a transaction begins. May fail.
    TransactionBegin = "transaction-begin",
    /// Ledger: all is done but the commit. May fail.
    TransactionCommit = "transaction-commit",
    /// Ledger: committed, and nobody was told. May fail: then nobody can know whether it was.
    TransactionCommitted = "transaction-committed",
    /// Acceptance: the payload is on the disk, the ledger knows nothing of it.
    BatchSealed = "batch-sealed",
    /// Acceptance: the ledger has the batch, its client has no receipt.
    BatchAccepted = "batch-accepted",
    /// Delivery: a chunk is written down as under way, nothing of it was sent.
    ChunkOpened = "chunk-opened",
    /// Delivery: before the login is asked for a token, or the one at hand is taken.
    LoginAsked = "login-asked",
    /// Delivery: there is a token, and no request yet.
    LoggedIn = "logged-in",
    /// Delivery: before the first rows of a chunk go out.
    ChunkSending = "chunk-sending",
    /// Delivery: the last rows of a chunk were handed over, and are on their way.
    ChunkSent = "chunk-sent",
    /// Delivery: the answer is there, nobody has read it.
    ChunkAnswered = "chunk-answered",
    /// Delivery: what the upstream says of each row is kept for a client that awaits it, the outcome is not in the ledger.
    ResultsKept = "results-kept",
    /// Delivery: what the answer means is known, and not written down.
    ChunkEnded = "chunk-ended",
    /// Delivery: an outcome was written down.
    OutcomeWritten = "outcome-written",
    /// Bulk job: it is created, its handle is not written down.
    JobCreated = "job-created",
    /// Bulk job: its handle is written down, it has no rows.
    JobNoted = "job-noted",
    /// Bulk job: it has its rows, and is not closed.
    JobUploaded = "job-uploaded",
    /// Bulk job: it is closed, and at work.
    JobClosed = "job-closed",
    /// Bulk job: a file of results was read.
    JobFetched = "job-fetched",
    /// An operator's decision is in the ledger, the operator has no answer.
    DecisionWritten = "decision-written",
    /// Purge: the ledger says that a payload goes, its folder is there.
    PayloadReleased = "payload-released",
    /// Purge: the payload's folder is gone.
    PayloadRemoved = "payload-removed",
    /// Start: the ledger has a new owner, what was in flight is in doubt, none of it committed.
    TakingOver = "taking-over",
    /// Start: the stores are open, what was left behind is still there.
    StoresOpened = "stores-opened",
    /// Start: what was left behind is gone, nothing is served.
    StoresRecovered = "stores-recovered",
    /// Reload: the configuration is read, nothing of it is in force.
    ReloadRead = "reload-read",
    /// Reload: its plans are in the ledger, nothing else of it is in force.
    ReloadDefined = "reload-defined",
    /// Closing: the signal was heard, chunks are under way.
    Closing = "closing",
    /// Closing: delivery is parked.
    Parked = "parked",
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Kill,
    Full,
    Broken,
}

/// One order, and how often its point was passed.
#[derive(Debug)]
struct Order {
    point: Point,
    deed: Deed,
    first: u64,
    count: u64,
    passed: AtomicU64,
}

/// An order that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{VARIABLE}: {0:?} is no order: POINT=kill@1, POINT=full@1+5 or POINT=broken@1+* is one")]
pub struct NoOrder(String);

impl FromStr for Order {
    type Err = NoOrder;

    fn from_str(text: &str) -> Result<Self, NoOrder> {
        let read = || {
            let (point, rest) = text.split_once('=')?;
            let point = Point::ALL.iter().copied().find(|one| one.name() == point)?;
            let (deed, when) = rest.split_once('@')?;
            let deed = match deed {
                "kill" => Deed::Kill,
                "full" => Deed::Full,
                "broken" => Deed::Broken,
                _ => return None,
            };
            let (first, count) = when.split_once('+').unwrap_or((when, "1"));
            let count = if count == "*" { u64::MAX } else { count.parse().ok()? };
            Some(Self { point, deed, first: first.parse().ok()?, count, passed: AtomicU64::new(0) })
        };
        read().ok_or_else(|| NoOrder(text.to_owned()))
    }
}

impl Order {
    /// Counts a pass: whether it is one that the order is about.
    fn is_met(&self) -> bool {
        let pass = self.passed.fetch_add(1, Ordering::Relaxed) + 1;
        pass >= self.first && pass - self.first < self.count
    }
}

fn orders() -> &'static Result<Vec<Order>, NoOrder> {
    static ORDERS: OnceLock<Result<Vec<Order>, NoOrder>> = OnceLock::new();
    ORDERS.get_or_init(|| {
        let text = std::env::var(VARIABLE).unwrap_or_default();
        text.split(',').filter(|order| !order.is_empty()).map(str::parse).collect()
    })
}

/// To be called at the start: an order with a mistake would never be carried out.
///
/// # Errors
/// An order cannot be read.
pub fn check() -> Result<(), &'static NoOrder> {
    orders().as_ref().map(|_| ())
}

/// A point that may not fail is passed.
pub fn pass(point: Point) {
    // What cannot fail can only be survived or not.
    let _ = fails(point);
}

/// A point is passed that may fail.
///
/// # Errors
/// As ordered.
pub fn fails(point: Point) -> io::Result<()> {
    let Ok(orders) = orders() else { return Ok(()) };
    for order in orders.iter().filter(|order| order.point == point) {
        if order.is_met() {
            if order.deed != Deed::Kill {
                tracing::warn!(point = point.name(), "fails as ordered");
            }
            return match order.deed {
                Deed::Kill => die(),
                Deed::Full => Err(io::Error::from(io::ErrorKind::StorageFull)),
                Deed::Broken => Err(io::Error::from_raw_os_error(EIO)),
            };
        }
    }
    Ok(())
}

/// Number of EIO in Linux.
const EIO: i32 = 5;

/// SIGKILL to this process: no thread does anything after it, nothing is closed or told.
fn die() -> ! {
    use rustix::process::{Signal, getpid, kill_process};
    // Nothing may come after it, whatever becomes of the signal.
    let _ = kill_process(getpid(), Signal::KILL);
    std::process::abort()
}
