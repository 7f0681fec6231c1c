//! Payloads of finished batches go when their time is over; their receipts stay.

use std::time::Duration;

use sekisho_edge::gateway::now_millis;
use sekisho_journal::{Keep, Ledger, RecoveryError, Retention, Spool, purge};
use tokio::sync::watch;

use crate::config::effective::KeepPayload;

/// How often payloads that are no longer needed are looked for.
const PURGE_EVERY: Duration = Duration::from_secs(10);

/// Removes payloads of finished batches, each when its time is over, until `stop` turns true.
pub(crate) async fn finished(
    spool: Spool,
    ledger: Ledger,
    keep: watch::Receiver<KeepPayload>,
    mut stop: watch::Receiver<bool>,
) {
    let mut every = tokio::time::interval(PURGE_EVERY);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let (spool, ledger, keep) = (spool.clone(), ledger.clone(), keep.borrow().clone());
        let purged = tokio::task::spawn_blocking(move || once(&spool, &ledger, &keep, now_millis()));
        match purged.await {
            Ok(Ok(0)) => {}
            Ok(Ok(batches)) => tracing::info!(batches, "payloads removed"),
            Ok(Err(error)) => tracing::error!(%error, "payloads could not be removed"),
            Err(error) => tracing::error!(%error, "payloads could not be removed"),
        }
    }
}

/// Removes the payloads whose time is over: of each route whose time is shorter than the longest, then of all.
fn once(spool: &Spool, ledger: &Ledger, keep: &KeepPayload, now: u64) -> Result<usize, RecoveryError> {
    let kept = |keep: Duration| Keep { payload: u64::try_from(keep.as_millis()).unwrap_or(u64::MAX), receipt: None };
    let retention = Retention {
        routes: keep.shorter.iter().map(|(route, keep)| (route.clone(), kept(*keep))).collect(),
        others: kept(keep.longest),
    };
    Ok(purge(spool, ledger, &retention, now)?.payloads.len())
}

#[cfg(test)]
mod tests {
    use sekisho_journal::{BatchId, Digest, Event, NewBatch};

    use super::*;

    const NOW: u64 = 1_700_000_000_000;
    const SECOND: u64 = 1_000;

    /// Spool and ledger with a finished batch of each route, all finished at `NOW`.
    async fn finished_batches(state: &std::path::Path, routes: &[&str]) -> (Spool, Ledger, Vec<BatchId>) {
        let spool = Spool::open(&state.join("spool"), &state.join("spool.key")).unwrap();
        let (ledger, _) = Ledger::open(&state.join("ledger.sqlite"), "test", NOW).unwrap();
        let plan = ledger.define("{}".to_owned()).await.unwrap();
        let mut batches = Vec::new();
        for route in routes {
            let mut writer = spool.create(BatchId::new(NOW)).unwrap();
            writer.push(b"one", None).unwrap();
            let sealed = writer.seal().unwrap();
            let digest = Digest::of(b"");
            let batch = NewBatch {
                id: sealed.batch,
                client: "city".to_owned(),
                route: (*route).to_owned(),
                door: "rest".to_owned(),
                reference: None,
                plan,
                schema: digest,
                mapping: digest,
                records: 1,
                set_aside: Vec::new(),
                bytes: 3,
                payload_digest: digest,
                records_digest: digest,
                received_at: NOW,
                accepted_at: NOW,
                expires_at: None,
                ordered: false,
                idempotency: None,
            };
            ledger.accept(batch).await.unwrap();
            let events =
                vec![Event::Cancelled { code: "test".into() }, Event::Finished { delivered_digest: None }];
            ledger.apply(sealed.batch, ledger.epoch(), NOW, events).await.unwrap();
            batches.push(sealed.batch);
        }
        (spool, ledger, batches)
    }

    #[test]
    fn each_route_has_its_own_time_and_what_is_configured_no_more_the_longest() {
        let state = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let routes = ["short", "long", "gone"];
        let (spool, ledger, batches) = runtime.block_on(finished_batches(state.path(), &routes));
        let keep = KeepPayload {
            longest: Duration::from_secs(100),
            shorter: vec![("short".to_owned(), Duration::from_secs(10))],
        };
        let kept = || -> Vec<&str> {
            let kept = routes.iter().zip(&batches).filter(|(_, batch)| spool.reader(**batch).is_ok());
            kept.map(|(route, _)| *route).collect()
        };
        for (seconds, removed, left) in [
            (9, 0, ["short", "long", "gone"].as_slice()),
            (11, 1, &["long", "gone"]),
            (99, 0, &["long", "gone"]),
            (101, 2, &[]),
        ] {
            assert_eq!(once(&spool, &ledger, &keep, NOW + seconds * SECOND).unwrap(), removed);
            assert_eq!(kept(), left, "after {seconds} s");
        }
    }
}
