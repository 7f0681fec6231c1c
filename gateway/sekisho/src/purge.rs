//! What belongs to finished batches goes when its time is over, beside the work of the day.

use std::time::{Duration, Instant};

use sekisho_edge::gateway::now_millis;
use sekisho_journal::{Ledger, Retention, Spool, purge};
use tokio::sync::watch;

/// How often something to remove is looked for.
const LOOK: Duration = Duration::from_secs(1);
/// How many times as long as each removal took nothing is removed after it, so that acceptance and delivery have the disk.
const REST: u32 = 9;
/// The longest rest: a removal that only waited for a busy ledger has taken nothing from others.
const LONGEST_REST: Duration = Duration::from_millis(400);
/// The same as [`REST`] when payloads are late by more than [`LATE`]: more comes in than goes, and a full disk would end acceptance.
const REST_WHEN_LATE: u32 = 1;
/// How late a payload may be, in milliseconds.
const LATE: u64 = 10 * 60 * 1_000;

/// Removes payloads and receipts of finished batches, each when its time is over, until `stop` turns true.
pub(crate) async fn finished(
    spool: Spool,
    ledger: Ledger,
    retention: watch::Receiver<Retention>,
    mut stop: watch::Receiver<bool>,
) {
    let (mut payloads, mut receipts) = (0, 0);
    let mut rest = Duration::ZERO;
    loop {
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let (spool, ledger, retention) = (spool.clone(), ledger.clone(), retention.borrow().clone());
        let removing = tokio::task::spawn_blocking(move || {
            let started = Instant::now();
            (purge(&spool, &ledger, &retention, now_millis()), started.elapsed())
        });
        let more = match removing.await {
            Ok((Ok(purged), took)) => {
                payloads += purged.payloads.len() as u64;
                receipts += purged.receipts;
                rest = (took * if purged.late > LATE { REST_WHEN_LATE } else { REST }).min(LONGEST_REST);
                purged.more
            }
            Ok((Err(error), _)) => {
                tracing::error!(%error, code = error.code(), "what has had its time could not be removed");
                false
            }
            Err(error) => {
                tracing::error!(%error, "what has had its time could not be removed");
                false
            }
        };
        if !more {
            if payloads + receipts > 0 {
                tracing::info!(payloads, receipts, "removed what has had its time");
            }
            (payloads, receipts) = (0, 0);
            rest = LOOK;
        }
    }
}
