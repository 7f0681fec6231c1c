//! The ledger of the simulation is the SQLite one's equal: whatever is asked of both, they answer alike and hold the same,
//! also after the file was closed and opened by another owner.

#![forbid(unsafe_code)]

use std::path::Path;

use sekisho_journal::{
    BatchId, Code, Digest, Epoch, Event, Exception, Ledger, LedgerError, NewBatch, Outcome, RangeSet,
};
use sekisho_simulation::ledger::{Entry, ModelLedger, Refusal};

const NOW: u64 = 1_800_000_000_000;
const CASES: u64 = 24;
const STEPS: u32 = 60;

/// Both ledgers, side by side.
struct Pair {
    folder: tempfile::TempDir,
    real: Option<Ledger>,
    model: ModelLedger,
    random: fastrand::Rng,
    now: u64,
    batches: Vec<BatchId>,
    epochs: Vec<Epoch>,
    /// Payloads and batches removed.
    removed: (usize, u64),
}

fn opened(folder: &Path, now: u64) -> Ledger {
    Ledger::open(&folder.join("ledger.db"), "test", now).expect("a ledger").0
}

fn code(error: &LedgerError) -> String {
    match error {
        LedgerError::Illegal { illegal, .. } => format!("{illegal:?}"),
        other => other.code().to_owned(),
    }
}

fn refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Illegal(illegal) => format!("{illegal:?}"),
        Refusal::UnknownBatch => "batch-unknown".into(),
        Refusal::BatchExists => "batch-exists".into(),
        Refusal::UnknownDefinition => "definition-unknown".into(),
        Refusal::StaleEpoch => "ledger-stale-epoch".into(),
    }
}

impl Pair {
    fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let real = opened(folder.path(), NOW);
        let mut model = ModelLedger::default();
        let epochs = vec![model.take_over(NOW)];
        assert_eq!(real.epoch(), epochs[0]);
        let random = fastrand::Rng::with_seed(seed);
        Self {
            folder,
            real: Some(real),
            model,
            random,
            now: NOW,
            batches: Vec::new(),
            epochs,
            removed: (0, 0),
        }
    }

    fn real(&self) -> &Ledger {
        self.real.as_ref().expect("open")
    }

    async fn step(&mut self) {
        self.now += self.random.u64(0..3_000);
        match self.random.u8(..20) {
            0 => self.reopen(),
            1..=3 => self.accept().await,
            4 => {
                let json = format!("{{\"learnt\":{}}}", self.random.u8(..));
                self.real().keep_pace("cloud/a", json.clone()).await.expect("kept");
                let epoch = self.model.epoch();
                self.model.keep_pace(epoch, "cloud/a", json).expect("kept");
            }
            5 | 6 => self.remove().await,
            _ => self.apply().await,
        }
        self.compare().await;
    }

    fn reopen(&mut self) {
        self.real = None;
        self.real = Some(opened(self.folder.path(), self.now));
        self.epochs.push(self.model.take_over(self.now));
        assert_eq!(self.real().epoch(), self.model.epoch());
    }

    async fn accept(&mut self) {
        let again = self.random.u8(..10) == 0;
        let id = match self.batches.first() {
            Some(first) if again => *first,
            _ => BatchId::from_bytes(self.random.u128(..).to_be_bytes()),
        };
        let json = format!("{{\"plan\":{}}}", self.random.u8(..2));
        let digest = self.real().define(json.clone()).await.expect("defined");
        assert_eq!(self.model.define(&json), digest);
        assert_eq!(self.real().plan(digest).await.expect("read").as_deref(), self.model.plan(digest));
        let unknown = self.random.u8(..10) == 0;
        let new = NewBatch {
            id,
            client: "city".into(),
            route: format!("route-{}", self.random.u8(..2)),
            door: "rest".into(),
            reference: self.random.bool().then(|| "reference".into()),
            plan: if unknown { Digest::of(b"never defined") } else { digest },
            schema: Digest::of(b"schema"),
            mapping: Digest::of(b"mapping"),
            policy: Some(Digest::of(b"policy")),
            records: self.random.u64(0..30),
            set_aside: Vec::new(),
            replaced: 0,
            bytes: self.random.u64(0..1_000),
            stored: 0,
            payload_digest: Digest::of(b"payload"),
            records_digest: Digest::of(b"records"),
            received_at: self.now - 1,
            accepted_at: self.now,
            expires_at: self.random.bool().then_some(self.now + 5_000),
            ordered: self.random.bool(),
            idempotency: None,
        };
        let mut superseded = RangeSet::new();
        for _ in 0..self.random.u8(..3) {
            let first = self.random.u64(..=new.records);
            superseded.insert(first..(first + self.random.u64(..3)).min(new.records));
        }
        let real = self.real().accept_without(new.clone(), superseded.clone(), false).await;
        let real = real.map(drop).map_err(|error| code(&error));
        let model = self.model.accept_without(self.model.epoch(), new, &superseded);
        let model = model.map_err(|error| refusal(&error));
        assert_eq!(real, model);
        if real.is_ok() {
            self.batches.push(id);
        }
    }

    async fn apply(&mut self) {
        let strange = self.random.u8(..30) == 0;
        let Some(index) = (!self.batches.is_empty()).then(|| self.random.usize(..self.batches.len())) else {
            return;
        };
        let id = if strange { BatchId::from_bytes([9; 16]) } else { self.batches[index] };
        let stale = self.random.u8(..12) == 0;
        let epoch =
            if stale { self.epochs[self.random.usize(..self.epochs.len())] } else { self.model.epoch() };
        let mut events = Vec::new();
        // Each event is chosen for the state that those before it lead to, so that lists get far.
        let mut ahead = self.model.batch(self.batches[index]).map(|entry| entry.state.clone());
        for _ in 0..self.random.u8(0..4) {
            let event = event(ahead.as_ref().map(|state| (state, &mut self.random)));
            let Some(event) = event else { break };
            if let Some(state) = &mut ahead {
                let _ = state.apply(&event, epoch, self.now);
            }
            events.push(event);
        }
        let real = self.real().apply(id, epoch, self.now, events.clone()).await;
        let real = real.map(drop).map_err(|error| code(&error));
        let model = self.model.apply(id, epoch, self.now, &events).map_err(|error| refusal(&error));
        assert_eq!(real, model, "{events:?}");
    }

    /// Payloads and rows of what is finished, in slices.
    async fn remove(&mut self) {
        let route = format!("route-{}", self.random.u8(..2));
        let (before, now) = (self.now.saturating_sub(self.random.u64(..20_000)), self.now);
        let (limit, most) = (self.random.u32(1..4), self.random.u64(1..20));
        let model_over = self.model.releasable(&route, before, limit);
        let mut ids: Vec<BatchId> = model_over.iter().map(|(id, _)| *id).collect();
        // One that may not be finished, and one that is not there.
        ids.extend(self.batches.first());
        ids.push(BatchId::from_bytes([9; 16]));
        let (ledger, of_route, released) = (self.real().clone(), route.clone(), ids.clone());
        let real = tokio::task::spawn_blocking(move || {
            let over = ledger.releasable_blocking(&of_route, before, limit)?;
            let released = ledger.release_blocking(released, now)?;
            let forgotten = ledger.forget_blocking(&of_route, before, now, most)?;
            Ok::<_, LedgerError>((over, released, forgotten, ledger.routes_blocking()?))
        });
        let real = real.await.expect("no panic").expect("removed");
        let epoch = self.model.epoch();
        let released = self.model.release(epoch, &ids, now).expect("the owner");
        let forgotten = self.model.forget(epoch, &route, before, most).expect("the owner");
        self.removed = (self.removed.0 + released.len(), self.removed.1 + forgotten.0);
        assert_eq!(real, (model_over, released, forgotten, self.model.routes()));
        for id in &self.batches {
            let there = self.real().batch(*id).await.expect("read").is_some();
            assert_eq!(there, self.model.batch(*id).is_some());
        }
        self.batches.retain(|id| self.model.batch(*id).is_some());
    }

    async fn compare(&self) {
        let ledger = self.real();
        assert_eq!(ledger.open_batches().await.expect("read"), self.model.open_batches());
        assert_eq!(ledger.pace("cloud/a").await.expect("read").as_deref(), self.model.pace("cloud/a"));
        for id in &self.batches {
            let entry: &Entry = self.model.batch(*id).expect("there");
            assert_eq!(ledger.batch(*id).await.expect("read"), Some(entry.view()));
            assert_eq!(ledger.state(*id).await.expect("read").as_ref(), Some(&entry.state));
            let settled: Vec<_> = entry.settled.values().cloned().collect();
            assert_eq!(ledger.settled(*id, 0, 10_000).await.expect("read"), settled);
            let chunks: Vec<_> = entry.chunks.values().cloned().collect();
            assert_eq!(ledger.chunks(*id, 0, 10_000).await.expect("read"), chunks);
            assert_eq!(ledger.given_back(*id).await.expect("read"), self.model.given_back(*id));
        }
    }
}

/// An event that is mostly legal in the state.
fn event(at: Option<(&sekisho_journal::BatchState, &mut fastrand::Rng)>) -> Option<Event> {
    let (state, random) = at?;
    let why = || Code::from("why");
    let open = |random: &mut fastrand::Rng| {
        let run = state.pending().first_run()?;
        let count = random.u64(1..=(run.end - run.start).min(9));
        Some(Event::ChunkOpened { chunk: state.next_chunk(), first: run.start, count, attempt: 1 })
    };
    let chunk = state.chunks().nth(random.usize(..state.chunks().len().max(1)));
    let Some(chunk) = chunk else {
        return match random.u8(..8) {
            0 => Some(Event::Cancelled { code: why() }),
            1 => Some(Event::Expired { code: why() }),
            2 => Some(Event::Finished { delivered_digest: Some(Digest::of(b"delivered")) }),
            3 => Some(Event::ChunkReturned { chunk: 99, code: why() }),
            _ => open(random).or(Some(Event::Finished { delivered_digest: None })),
        };
    };
    let number = chunk.number();
    Some(match random.u8(..15) {
        0 => Event::ChunkSent { chunk: number, reference: random.bool().then(|| "job".into()) },
        1 => Event::ChunkReturned { chunk: number, code: why() },
        2 | 3 => Event::ChunkInDoubt { chunk: number, code: why() },
        4 => Event::DoubtRepeated { chunk: number, attempt: chunk.attempt() + random.u32(0..3) },
        5 => Event::DoubtDelivered { chunk: number },
        6 => Event::DoubtReturned { chunk: number, code: why() },
        7 => Event::DoubtHeld { chunk: number, code: why() },
        8 => Event::Cancelled { code: why() },
        14 => Event::DoubtAsked { chunk: number, code: why() },
        9 => {
            let first = state.pending().first_run().map_or(0, |run| run.start);
            Event::RecordsRejected { first, count: random.u64(1..3), code: why() }
        }
        10 | 11 => open(random)?,
        _ => {
            let outcomes = [Outcome::Partial, Outcome::Rejected, Outcome::Returned, Outcome::InDoubt];
            let mut exceptions = Vec::new();
            for position in chunk.live().runs().flatten().filter(|_| random.u8(..3) == 0).collect::<Vec<_>>()
            {
                let outcome = outcomes[random.usize(..4)];
                let rows = if outcome == Outcome::Partial { vec![0, 2] } else { Vec::new() };
                let code = ["LOCK", "FIELD"][random.usize(..2)];
                let field = random.bool().then(|| "F1".to_owned());
                exceptions.push(Exception { rows, field, ..Exception::new(position, outcome, code) });
            }
            Event::ChunkAnswered { chunk: number, exceptions, rows: chunk.count() }
        }
    })
}

#[tokio::test]
async fn sqlite_and_the_model_answer_alike_and_hold_the_same() {
    let mut removed = (0, 0);
    for seed in 0..CASES {
        let mut pair = Pair::new(seed);
        for _ in 0..STEPS {
            pair.step().await;
        }
        pair.reopen();
        pair.compare().await;
        removed = (removed.0 + pair.removed.0, removed.1 + pair.removed.1);
    }
    assert!(removed.0 > 3 && removed.1 > 3, "hardly anything was removed: {removed:?}");
}
