#![allow(clippy::unwrap_used)] // a test may panic, its helpers too

use sekisho_journal::{BatchId, Digest, Event, NewBatch};
use sekisho_liveness::HopState;

use super::*;

/// Enters a batch of four records, and gives its id.
async fn batch(ledger: &Ledger) -> BatchId {
    let plan = ledger.define("{}".to_owned()).await.unwrap();
    let (id, digest) = (BatchId::new(1), Digest([0; 32]));
    let new = NewBatch {
        id,
        client: "city".to_owned(),
        route: "rows".to_owned(),
        door: "swa".to_owned(),
        reference: None,
        plan,
        schema: digest,
        mapping: digest,
        policy: None,
        records: 4,
        set_aside: Vec::new(),
        replaced: 0,
        bytes: 0,
        stored: 0,
        payload_digest: digest,
        records_digest: digest,
        received_at: 1,
        accepted_at: 1,
        expires_at: None,
        ordered: false,
        idempotency: None,
    };
    ledger.accept(new).await.unwrap();
    id
}

/// A probe of a gateway with room enough.
fn probe_of(ledger: &Ledger, state: PathBuf) -> GatewayProbe {
    GatewayProbe {
        ledger: ledger.clone(),
        state,
        space: |_| Ok(Space { free: 5 << 30, size: 9 << 30 }),
        room: Shown::register(&prometheus::Registry::new()).unwrap(),
        tls: Vec::new(),
        log: ExchangeLog::default(),
    }
}

#[tokio::test]
async fn the_gateway_says_how_much_room_there_is_and_is_degraded_where_it_is_little() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(&folder.path().join("ledger.sqlite"), "test", 1).unwrap();
    let registry = prometheus::Registry::new();
    let mut probe = probe_of(&ledger, folder.path().to_owned());
    probe.room = Shown::register(&registry).unwrap();
    // Accepted in 1970: nobody else's business.
    batch(&ledger).await;
    let seen = probe.check().await;
    assert_eq!(seen.state(), HopState::Up);
    let said = format!("{seen:?}");
    assert!(said.contains("; 5 GiB free") && !said.contains("batch"), "{said}");
    let metrics = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
    assert!(metrics.contains("sekisho_state_free_bytes 5368709120"), "{metrics}");
    assert!(metrics.contains("sekisho_state_size_bytes 9663676416"), "{metrics}");
    probe.space = |_| Ok(Space { free: 1 << 20, size: 9 << 30 });
    let seen = probe.check().await;
    assert_eq!(seen.state(), HopState::Degraded);
    assert!(format!("{seen:?}").contains("only 1 MiB can still be written on the disk"), "{seen:?}");
}

/// Lets one record, in a chunk of its own, be held for a reason.
async fn hold(ledger: &Ledger, batch: BatchId, chunk: u64, code: &'static str) {
    let events = vec![
        Event::ChunkOpened { chunk, first: chunk - 1, count: 1, attempt: 1 },
        Event::ChunkInDoubt { chunk, code: code.into() },
        Event::DoubtHeld { chunk, code: code.into() },
    ];
    ledger.apply(batch, ledger.epoch(), 2, events).await.unwrap();
}

#[tokio::test]
async fn the_gateway_is_degraded_as_long_as_a_batch_has_records_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(&folder.path().join("ledger.sqlite"), "test", 1).unwrap();
    let probe = probe_of(&ledger, folder.path().to_owned());
    let (one, two) = (batch(&ledger).await, batch(&ledger).await);
    hold(&ledger, one, 1, "outcome-unknown").await;
    assert_eq!(
        probe.check().await.state(),
        HopState::Up,
        "an outcome that is not known is not the gateway's"
    );

    hold(&ledger, one, 2, "spool-damaged").await;
    for _ in 0..2 {
        assert_eq!(probe.check().await.state(), HopState::Degraded, "it stays so, look after look");
    }
    let seen = format!("{:?}", probe.check().await);
    assert!(seen.contains("records of 1 batch cannot be read") && seen.contains("1件のバッチ"), "{seen}");
    hold(&ledger, one, 3, "spool-damaged").await;
    hold(&ledger, two, 1, "spool-batch-unknown").await;
    let seen = format!("{:?}", probe.check().await);
    assert!(seen.contains("records of 2 batches cannot be read") && seen.contains("2件のバッチ"), "{seen}");

    let back = |chunk| Event::DoubtReturned { chunk, code: "decided-by-operator".into() };
    ledger.apply(one, ledger.epoch(), 3, vec![back(2), back(3)]).await.unwrap();
    ledger.apply(two, ledger.epoch(), 3, vec![Event::DoubtDelivered { chunk: 1 }]).await.unwrap();
    assert_eq!(probe.check().await.state(), HopState::Up);
    // What cannot be written is down, whatever can be read.
    let gone = probe_of(&ledger, folder.path().join("none"));
    assert_eq!(gone.check().await.state(), HopState::Down);
}
