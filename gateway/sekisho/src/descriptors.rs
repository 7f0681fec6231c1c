//! Descriptors: how many a configuration may have open at once, and how many the system lets the process have.
//!
//! Without one a connection cannot be accepted, and a record cannot be written: whoever opened as many connections as the
//! configuration admits would stop the others' work. So a gateway has as many as it may need, or does not start.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sekisho_edge::Admission;

use crate::config::Effective;
use crate::language::{Said, text};

/// Files of a body that is read: segments and index of its batch, their folder while it is synced, its key, with room.
const OF_AN_UPLOAD: usize = 8;
/// A call under way: its connection, the payload's segment, what the upstream says of each row, and their index.
const OF_A_CALL: usize = 4;
/// A scanner: its probe, and a content by which it is seen to scan.
const OF_A_SCANNER: usize = 2;
/// An upstream: its probes, each of which looks by itself.
const OF_PROBES: usize = 5;
/// Threads that read and write files beside the bodies, with two files each.
const OF_THREADS: usize = 2 * crate::serve::THREADS_FOR_FILES;
/// The program itself: standard streams, ledger and its readers, exchange log, locks, the runtime's own, with room.
const OF_ITS_OWN: usize = 64;

/// Lets the process have as many as the system grants it at all; what it may have then. The usual limit is made for programs that
/// wait with `select`, which does not know more than 1,024. This one does not.
pub(crate) fn raise() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // Where it may not be raised, what it is counts.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
    allowed()
}

/// What the process may have.
pub(crate) fn allowed() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// What a configuration may have open at once.
#[derive(Debug, PartialEq, Eq)]
struct Need {
    listeners: usize,
    upstreams: usize,
    scanners: usize,
    rest: usize,
}

impl Need {
    fn of(effective: &Effective) -> Self {
        let listeners = effective.listeners.iter();
        let listeners = listeners.map(|one| one.limits.descriptors(!one.balancers.is_empty()));
        let upstreams = effective.upstreams.iter().map(|one| {
            let most = one.upstream.endpoint().max_connections();
            // Tokens are fetched by connections of their own, one at a time.
            most.saturating_mul(OF_A_CALL)
                .saturating_add(OF_PROBES + usize::from(one.upstream.tokens().is_some()))
        });
        let scanners = effective.scanners.iter();
        let scanners = scanners.map(|one| one.scanner.settings().at_once.saturating_add(OF_A_SCANNER));
        let Admission { uploads, .. } = effective.admission;
        Self {
            listeners: sum(listeners),
            upstreams: sum(upstreams),
            scanners: sum(scanners),
            rest: sum([
                uploads.saturating_mul(OF_AN_UPLOAD),
                sekisho_edge::admin::PLACES,
                OF_THREADS,
                OF_ITS_OWN,
            ]),
        }
    }

    fn all(&self) -> usize {
        sum([self.listeners, self.upstreams, self.scanners, self.rest])
    }
}

fn sum(numbers: impl IntoIterator<Item = usize>) -> usize {
    numbers.into_iter().fold(0, usize::saturating_add)
}

/// Whether what the configuration admits fits in what the process may have.
///
/// # Errors
/// It does not: with the figures, and what to do.
pub(crate) fn fit(effective: &Effective, allowed: u64) -> Result<(), Said> {
    let need = Need::of(effective);
    let all = need.all();
    if u64::try_from(all).unwrap_or(u64::MAX) <= allowed {
        return Ok(());
    }
    let Need { listeners, upstreams, scanners, rest } = need;
    let each = effective.listeners.iter().map(|one| one.limits.connections.all).max().unwrap_or_default();
    let count = effective.listeners.len();
    Err(Said(text!(
        "the configuration admits {all} open descriptors at once ({listeners} for listeners, {upstreams} for upstreams, {scanners} for \
         scanners, {rest} for files and the rest), and this system lets the process have {allowed}: raise that (LimitNOFILE of the unit, \
         `ulimit -Hn`), or lower limits.connections ({each} for each of {count} listeners)",
        "この設定では、同時に{all}個の記述子が使われることがあります（リスナー{listeners}、接続先{upstreams}、スキャナー{scanners}、ファイルなど{rest}）が、\
         このシステムでは{allowed}個までです。上限を上げるか（ユニットのLimitNOFILE、`ulimit -Hn`）、limits.connections（リスナー{count}個に\
         それぞれ{each}）を下げてください"
    )))
}
