//! A spool with records in it, a ledger, a cloud on loopback that does as it is told, and delivery between them.

pub(crate) mod cloud;
pub(crate) mod intake;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sekisho_delivery::{Delivery, DeliveryHandle, DialectSpec, Metrics, PaceSpec, Plan, RetrySpec};
use sekisho_journal::machine::Chunk;
use sekisho_journal::{
    Accepted, BatchId, BatchView, Digest, Ledger, NewBatch, RecordException, Spool, Status,
};
use sekisho_liveness::{Board, HopSpec, HopState, Intervals};
use sekisho_records::{FieldId, LayoutNames, MappingSpec, NamedField, Place, Record, Value};
use sekisho_upstream::{EndpointConfig, Upstream};
use sekisho_xml::QName;

pub(crate) use cloud::{Call, Cloud, Reply};

/// Everything that one test needs.
pub(crate) struct House {
    folder: tempfile::TempDir,
    pub(crate) ledger: Ledger,
    pub(crate) spool: Spool,
    pub(crate) board: Board,
    pub(crate) registry: prometheus::Registry,
    clock: u64,
}

impl House {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (ledger, spool) = stores(&folder, 1);
        let mut hops = vec![HopSpec::gateway(Duration::from_secs(60))];
        hops.extend(HopSpec::way_to("cloud", Intervals::default()));
        let board = Board::new(hops).expect("a path");
        Self { folder, ledger, spool, board, registry: prometheus::Registry::new(), clock: now() }
    }

    /// The same stores, as a new process would find them.
    pub(crate) fn reopened(self) -> Self {
        let Self { folder, ledger, spool, board, clock, .. } = self;
        drop((ledger, spool));
        let (ledger, spool) = stores(&folder, 2);
        Self { folder, ledger, spool, board, registry: prometheus::Registry::new(), clock }
    }

    pub(crate) fn file(&self, name: &str, content: &str) -> std::path::PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("written");
        path
    }

    pub(crate) async fn start(&self, endpoint: &EndpointConfig) -> DeliveryHandle {
        let upstream = Upstream::open("cloud", endpoint).expect("an upstream");
        let metrics = Metrics::register(&self.registry).expect("metrics");
        Delivery::start(self.ledger.clone(), self.spool.clone(), vec![upstream], self.board.clone(), metrics)
            .await
            .expect("delivery")
    }

    /// Accepts a batch of flat records with fields F001 (the key), F002, F003.
    pub(crate) async fn accept(&mut self, plan: &Plan, records: u64) -> BatchId {
        self.accept_with(plan, (0..records).map(|n| flat(n, &format!("value {n}")))).await
    }

    pub(crate) async fn accept_with(
        &mut self,
        plan: &Plan,
        records: impl Iterator<Item = Record>,
    ) -> BatchId {
        plan.check().expect("a plan");
        self.clock += 1;
        let id = BatchId::new(self.clock);
        let digest = self.ledger.define(plan.to_json().expect("json")).await.expect("defined");
        let batch = sealed(&self.spool, id, plan, digest, self.clock, records);
        let accepted = self.ledger.accept(batch).await.expect("accepted");
        assert!(matches!(accepted, Accepted::New(_)));
        id
    }

    /// Accepts many batches at once, of so many flat records each.
    pub(crate) async fn accept_many(&mut self, plan: &Plan, batches: u64, records: u64) {
        let digest = self.ledger.define(plan.to_json().expect("json")).await.expect("defined");
        let mut accepting = tokio::task::JoinSet::new();
        for _ in 0..batches {
            self.clock += 1;
            let (ledger, spool, plan, clock) =
                (self.ledger.clone(), self.spool.clone(), plan.clone(), self.clock);
            accepting.spawn_blocking(move || {
                let records = (0..records).map(|n| flat(n, &format!("value {n}")));
                let batch = sealed(&spool, BatchId::new(clock), &plan, digest, clock, records);
                ledger.accept_blocking(batch).expect("accepted");
            });
        }
        accepting.join_all().await;
    }

    /// Waits until the batch is as wanted.
    pub(crate) async fn until(&self, id: BatchId, wanted: impl Fn(&BatchView) -> bool) -> BatchView {
        let look = async {
            let mut tick = tokio::time::interval(Duration::from_millis(3));
            loop {
                tick.tick().await;
                let view = self.ledger.batch(id).await.expect("read").expect("there");
                assert!(view.sums.balanced(), "{view:?}");
                if wanted(&view) {
                    return view;
                }
            }
        };
        match tokio::time::timeout(Duration::from_secs(240), look).await {
            Ok(view) => view,
            Err(_) => {
                let view = self.ledger.batch(id).await.expect("read");
                panic!("never came to be: {view:?} {:?}", self.chunks(id).await)
            }
        }
    }

    /// Where the payloads lie.
    pub(crate) fn spool_folder(&self) -> std::path::PathBuf {
        self.folder.path().join("spool")
    }

    /// Waits until a hop is in this state.
    pub(crate) async fn hop_becomes(&self, state: HopState) {
        let look = async {
            let mut tick = tokio::time::interval(Duration::from_millis(3));
            while self.board.snapshot().hops.iter().all(|hop| hop.state != state) {
                tick.tick().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(240), look).await.expect("a hop shows it");
    }

    /// Waits until every batch has an outcome for every record.
    pub(crate) async fn until_none_is_open(&self) {
        let look = async {
            let mut tick = tokio::time::interval(Duration::from_millis(50));
            while !self.ledger.open_batches().await.expect("read").is_empty() {
                tick.tick().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(240), look).await.expect("all are finished");
    }

    pub(crate) async fn finished(&self, id: BatchId) -> BatchView {
        self.until(id, |view| view.status == Status::Finished).await
    }

    pub(crate) async fn errors(&self, id: BatchId) -> Vec<RecordException> {
        self.ledger.errors(id, 0, 1_000).await.expect("read")
    }

    pub(crate) async fn chunks(&self, id: BatchId) -> Vec<Chunk> {
        self.ledger.chunks(id, 0, 10_000).await.expect("read")
    }

    /// A counter's value, summed over the labels that are not given.
    pub(crate) fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name).expect("a metric");
        family
            .get_metric()
            .iter()
            .filter(|metric| {
                labels.iter().all(|(name, value)| {
                    metric.get_label().iter().any(|label| label.name() == *name && label.value() == *value)
                })
            })
            .map(|metric| metric.get_counter().get_value() + metric.get_gauge().get_value())
            .sum()
    }
}

/// Writes the records and seals them.
fn sealed(
    spool: &Spool,
    id: BatchId,
    plan: &Plan,
    digest: Digest,
    at: u64,
    records: impl Iterator<Item = Record>,
) -> NewBatch {
    let mut writer = spool.create(id).expect("a batch");
    let mut bytes = Vec::new();
    for record in records {
        bytes.clear();
        record.canonical(&mut bytes);
        writer.push(&bytes, None).expect("pushed");
    }
    let sealed = writer.seal().expect("sealed");
    NewBatch {
        id,
        client: "city".into(),
        route: plan.route.clone(),
        door: "swa".into(),
        reference: None,
        plan: digest,
        schema: Digest::of(b"schema"),
        mapping: Digest::of(b"mapping"),
        policy: None,
        records: sealed.records,
        set_aside: Vec::new(),
        replaced: 0,
        bytes: sealed.bytes,
        stored: sealed.stored,
        payload_digest: Digest::of(b"payload"),
        records_digest: sealed.records_digest,
        received_at: at,
        accepted_at: at,
        expires_at: None,
        ordered: false,
        idempotency: None,
    }
}

fn stores(folder: &tempfile::TempDir, owner: u32) -> (Ledger, Spool) {
    let (ledger, _) =
        Ledger::open(&folder.path().join("ledger.db"), &format!("owner {owner}"), now()).expect("a ledger");
    let spool = Spool::open(&folder.path().join("spool"), &folder.path().join("spool.key")).expect("a spool");
    (ledger, spool)
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_millis()).expect("fits")
}

/// A flat record: F001 is `U<n>`, F002 the text, F003 nil for every tenth record, absent for every seventh.
pub(crate) fn flat(n: u64, text: &str) -> Record {
    let place = Place::default();
    let mut record = Record::new();
    record.start(n + 1, place);
    record.push(FieldId(0), Value::Text(&format!("U{n}")), place);
    record.push(FieldId(1), Value::Text(text), place);
    if n % 10 == 9 {
        record.push(FieldId(2), Value::Nil, place);
    } else if n % 7 != 6 {
        record.push(FieldId(2), Value::Text("1"), place);
    }
    record
}

pub(crate) fn layout() -> LayoutNames {
    let field = |name: &str| NamedField { name: name.into(), group: None };
    LayoutNames {
        element: QName::new("urn:test", "record"),
        fields: vec![field("F001"), field("F002"), field("F003")],
    }
}

pub(crate) fn plan(dialect: DialectSpec) -> Plan {
    Plan {
        route: "attributes".into(),
        upstream: "cloud".into(),
        layout: layout(),
        mapping: MappingSpec { key: vec!["F001".into()], ..MappingSpec::default() },
        dialect,
        // Longer than any machine stalls.
        pace: PaceSpec { limit_ms: 60_000, ..PaceSpec::default() },
        retry: RetrySpec { initial_ms: 5, max_ms: 40, budget: 1.0, ..RetrySpec::default() },
        idempotent: true,
        doubt_window_seconds: 0,
        no_split: false,
        answer: None,
    }
}

/// What a cloud holds: rows by key, and how often each was written.
#[derive(Clone, Default)]
pub(crate) struct Table(Arc<Mutex<BTreeMap<String, (u64, Row)>>>);

/// A row as it arrived: null is `None`, absent is not there.
type Row = BTreeMap<String, Option<String>>;

impl Table {
    pub(crate) fn write(&self, row: Row) {
        let key = row.get("F001").cloned().flatten().expect("a key");
        let mut rows = self.0.lock().expect("lock");
        let entry = rows.entry(key).or_default();
        entry.0 += 1;
        entry.1 = row;
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().expect("lock").len()
    }

    pub(crate) fn most_writes(&self) -> u64 {
        self.0.lock().expect("lock").values().map(|row| row.0).max().unwrap_or(0)
    }

    pub(crate) fn value(&self, key: &str, column: &str) -> Option<Option<String>> {
        self.0.lock().expect("lock").get(key)?.1.get(column).cloned()
    }

    /// Whether it holds exactly the flat records `0..records`, except `missing`.
    pub(crate) fn holds(&self, records: u64, missing: &[u64], nil: &str) {
        let rows = self.0.lock().expect("lock");
        assert_eq!(rows.len() as u64, records - missing.len() as u64);
        for n in (0..records).filter(|n| !missing.contains(n)) {
            let (_, row) = rows.get(&format!("U{n}")).unwrap_or_else(|| panic!("record {n} is missing"));
            assert_eq!(row.get("F002"), Some(&Some(format!("value {n}"))), "record {n}");
            let third = row.get("F003").cloned().flatten();
            let expected = match n {
                n if n % 10 == 9 => nil,
                n if n % 7 == 6 => "",
                _ => "1",
            };
            assert_eq!(third.unwrap_or_default(), expected, "record {n}");
        }
    }
}
