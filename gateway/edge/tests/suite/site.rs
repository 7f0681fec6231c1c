//! A gateway in a folder of its own, on a port of its own.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use sekisho_charset::{Encoding, Unmappable};
use sekisho_edge::gateway::now_millis;
use sekisho_edge::route::{
    BadRecords, Client as RouteClient, Doors, Duplicates, Format, Mode, Operation, ReceiptMember,
    RecordRules, RecordsAt, Reply, Route, RouteLimits, Routes,
};
use sekisho_edge::{Admission, Gateway, Listener, ListenerLimits, Metrics, Service};
use sekisho_journal::{BatchFilter, BatchView, Digest, Ledger, Page, Spool};
use sekisho_liveness::{Board, HopSpec, Intervals};
use sekisho_records::{CsvOptions, Layout, RecordKey};
use sekisho_scan::Scanner;
use sekisho_upstream::{EndpointConfig, Upstream};
use sekisho_xml::QName;
use sekisho_xsd::Schema;
use tokio::sync::watch;

use crate::client::Client;

/// How long a condition may take to come true, on a machine that is busy with other tests.
pub(crate) const DEADLINE: Duration = Duration::from_secs(150);

/// The addresses of clients, all on this machine.
pub(crate) const CITY: [u8; 4] = [127, 0, 0, 1];
pub(crate) const TOWN: [u8; 4] = [127, 0, 0, 2];
pub(crate) const STRANGER: [u8; 4] = [127, 0, 0, 9];

/// Namespace of the trial layout `orders`.
pub(crate) const BULK: &str = "urn:example:bulk";

/// A running gateway; it stops when it is dropped.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) wakes: Arc<AtomicU64>,
    pub(crate) registry: prometheus::Registry,
    spool: PathBuf,
    stop: watch::Sender<bool>,
    serving: Option<tokio::task::JoinHandle<()>>,
    runtime: Option<tokio::runtime::Runtime>,
    _folder: tempfile::TempDir,
}

/// What may be different at one site.
pub(crate) struct Arrangement {
    pub(crate) admission: Admission,
    pub(crate) listener: ListenerLimits,
    pub(crate) grace: Duration,
    /// Where relayed messages go.
    pub(crate) upstream: String,
    pub(crate) relay_deadline: Duration,
    /// What every route scans with.
    pub(crate) scanner: Option<Scanner>,
    pub(crate) edit: fn(&mut Route),
}

impl Default for Arrangement {
    fn default() -> Self {
        Self {
            admission: 64.into(),
            listener: ListenerLimits::default(),
            grace: Duration::from_secs(20),
            upstream: "http://127.0.0.1:9".to_owned(),
            relay_deadline: Duration::from_secs(20),
            scanner: None,
            edit: |_| {},
        }
    }
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::with(Arrangement::default())
    }

    /// A site whose routes are changed by `edit`.
    pub(crate) fn edited(edit: fn(&mut Route)) -> Self {
        Self::with(Arrangement { edit, ..Arrangement::default() })
    }

    pub(crate) fn with(arrangement: Arrangement) -> Self {
        Self::with_early(arrangement, |_| ()).0
    }

    /// A site with clients that are connected, and have sent what `early` sends, before it begins to serve.
    pub(crate) fn with_early<T>(
        arrangement: Arrangement,
        early: impl FnOnce(&dyn Fn() -> Client) -> T,
    ) -> (Self, T) {
        let folder = tempfile::tempdir().unwrap();
        let spool_folder = folder.path().join("spool");
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let spool = Spool::open(&spool_folder, &folder.path().join("spool.key")).unwrap();
        let (ledger, _) = Ledger::open(&folder.path().join("ledger.sqlite"), "test", now_millis()).unwrap();
        let plan = ledger.define_blocking("{}".to_owned()).unwrap();
        let registry = prometheus::Registry::new();
        let mut hops = vec![HopSpec::gateway(Duration::from_secs(10))];
        hops.extend(HopSpec::way_to("main", Intervals::default()));
        hops.extend(HopSpec::way_to("secret", Intervals::default()));
        let metrics = Metrics::register(&registry).unwrap();
        let wakes = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&wakes);
        let wake = Box::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        if let Some(scanner) = &arrangement.scanner {
            hops.push(HopSpec::scanner(&scanner.settings().name, Duration::from_secs(3_600)));
        }
        let board = Board::new(hops).unwrap();
        let gateway = Arc::new(Gateway::new(spool, ledger, board, metrics, arrangement.admission, wake));

        let mut routes = routes(plan, &arrangement);
        routes.iter_mut().for_each(|route| route.scan = arrangement.scanner.clone());
        routes.iter_mut().for_each(arrangement.edit);
        let routes = Routes::new(routes.into_iter().map(Arc::new).collect());
        let service = Service::new(Arc::clone(&gateway), Arc::new(ArcSwap::from_pointee(routes)), None);
        let (stop, stopped) = watch::channel(false);
        let entered = runtime.enter();
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), arrangement.listener).unwrap();
        let address = listener.address().unwrap();
        let early = early(&|| Client::connect(address, IpAddr::from(CITY)));
        let serving = runtime.spawn(listener.serve(service, stopped, arrangement.grace));
        drop(entered);
        let site = Self {
            address,
            gateway,
            wakes,
            registry,
            spool: spool_folder,
            stop,
            serving: Some(serving),
            runtime: Some(runtime),
            _folder: folder,
        };
        (site, early)
    }

    pub(crate) fn client(&self) -> Client {
        self.client_from(CITY)
    }

    pub(crate) fn client_from(&self, source: [u8; 4]) -> Client {
        Client::connect(self.address, IpAddr::from(source))
    }

    /// Batches in the spool, sealed or not.
    pub(crate) fn spooled(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.spool).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "lock").collect()
    }

    /// Whether a record was written to a batch in the spool.
    pub(crate) fn has_records(&self, batch: &str) -> bool {
        self.spool.join(batch).join("00000000.seg").exists()
    }

    /// Batches in the ledger.
    pub(crate) fn batches(&self) -> Vec<BatchView> {
        let page = Page { after: None, limit: Page::MOST };
        let ledger = self.gateway.ledger.clone();
        self.block_on(async move { ledger.batches(BatchFilter::default(), page).await }).unwrap()
    }

    /// Nothing is kept anywhere.
    #[track_caller]
    pub(crate) fn assert_nothing_kept(&self) {
        assert_eq!(self.spooled(), Vec::<String>::new());
        assert_eq!(self.batches(), Vec::new());
    }

    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.as_ref().unwrap().block_on(future)
    }

    /// Tells the listener to stop; it ends once what is under way has ended.
    pub(crate) fn begin_stop(&self) {
        let _ = self.stop.send(true);
    }

    /// Whether the listener has ended.
    pub(crate) fn has_stopped(&self) -> bool {
        self.serving.as_ref().is_none_or(tokio::task::JoinHandle::is_finished)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(serving) = self.serving.take() {
            serving.abort();
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Waits for a condition that another thread makes true.
#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

pub(crate) fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas")
}

fn routes(plan: Digest, arrangement: &Arrangement) -> Vec<Route> {
    let city = client("city", CITY);
    let town = client("town", TOWN);
    let keep = || Mode::StoreAndForward { plan, mapping: Digest::of(b"mapping") };
    let orders = |name: &str, path: &str, clients: &[&Arc<RouteClient>], mode: Mode| {
        let clients = clients.iter().map(|client| Arc::clone(client)).collect();
        let records = rules("orders.xsd", BULK, "order", "order_id");
        route(name, path, clients, records, mode)
    };
    let mut small = orders("small", "/small", &[&city], keep());
    small.limits = RouteLimits {
        body_bytes: 4_000,
        unpacked_bytes: 2 << 20,
        records: 5,
        errors_listed: 3,
        ..small.limits
    };
    small.limits.depth = 16;
    let mut closed = orders("closed", "/closed", &[&city], keep());
    closed.doors = Doors { swa: false, soap: false, rest: false };
    let mut lenient = orders("lenient", "/lenient", &[&city], keep());
    lenient.records.bad_records = BadRecords::SetAside;
    let attributes = rules("attributes.xsd", "urn:example:city:attributes:1", "Record", "F001");
    let attributes = route("attributes", "/attributes", vec![Arc::clone(&city)], attributes, keep());
    let upstream = Arc::new(Upstream::open("main", &EndpointConfig::new(&arrangement.upstream)).unwrap());
    let relay = Mode::Relay {
        upstream,
        target: "/services/orders".to_owned(),
        deadline: arrangement.relay_deadline,
        split: None,
    };
    let mut relay = orders("relay", "/relay", &[&city], relay);
    relay.doors.rest = false;
    relay.limits.body_bytes = 200_000;
    vec![
        orders("orders", "/orders", &[&city, &town], keep()),
        orders("orders-deep", "/orders/deep", &[&city], keep()),
        small,
        closed,
        lenient,
        attributes,
        relay,
    ]
}

fn client(name: &str, address: [u8; 4]) -> Arc<RouteClient> {
    let network = ipnet::IpNet::new(IpAddr::from(address), 32).unwrap();
    Arc::new(RouteClient { name: name.to_owned(), networks: vec![network], ..RouteClient::default() })
}

fn rules(file: &str, namespace: &str, record: &str, key: &str) -> RecordRules {
    let schema = Schema::load(&schemas().join(file), None).unwrap();
    let ty = schema.record_type(&QName::new(namespace, record)).unwrap();
    let layout = Arc::new(Layout::compile(&ty).unwrap());
    RecordRules {
        key: Some(RecordKey::compile(&layout, &[key]).unwrap()),
        schema,
        layout,
        usual_shapes: Arc::default(),
        csv: CsvOptions::default(),
        charset: Encoding::Utf8,
        unmappable: Unmappable::Refuse,
        bad_records: BadRecords::Refuse,
    }
}

fn route(name: &str, path: &str, clients: Vec<Arc<RouteClient>>, records: RecordRules, mode: Mode) -> Route {
    Route {
        name: name.to_owned(),
        path: path.to_owned(),
        clients,
        doors: Doors { swa: true, soap: true, rest: true },
        formats: Format::ALL.to_vec(),
        policy: None,
        scan: None,
        purpose: None,
        operations: vec![
            Operation {
                body: QName::new(BULK, "submitBatch"),
                action: Some("urn:example:bulk#submitBatch".to_owned()),
                wsa_action: Some("urn:example:bulk:Bulk:submitBatchRequest".to_owned()),
                records: RecordsAt::Anywhere,
                beside_records: vec![QName::new(BULK, "sender"), QName::new(BULK, "office")],
                reply: Some(Reply {
                    element: QName::new(BULK, "submitBatchResponse"),
                    children: vec![
                        ("id".to_owned(), ReceiptMember::Id),
                        ("accepted".to_owned(), ReceiptMember::Accepted),
                        ("setAside".to_owned(), ReceiptMember::SetAside),
                        ("digest".to_owned(), ReceiptMember::PayloadDigest),
                    ],
                }),
            },
            Operation {
                body: QName::new(BULK, "replaceBatch"),
                action: Some("urn:example:bulk#replaceBatch".to_owned()),
                wsa_action: None,
                records: RecordsAt::Anywhere,
                beside_records: Vec::new(),
                reply: None,
            },
            Operation {
                body: QName::new(BULK, "orders"),
                action: None,
                wsa_action: None,
                records: RecordsAt::BodyChildren,
                beside_records: vec![QName::new(BULK, "sender"), QName::new(BULK, "office")],
                reply: None,
            },
        ],
        records,
        mode,
        duplicates: Duplicates::default(),
        limits: RouteLimits::default(),
        upstream: "main".to_owned(),
    }
}
