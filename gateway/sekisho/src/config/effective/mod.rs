//! What a configuration means: every name resolved, every file read, every number within its bounds.

mod clients;
pub(crate) mod exchanges;
mod gateway;
mod listeners;
mod names;
pub(crate) mod route;
mod scanners;
mod schemas;
pub(crate) mod spool;
mod tls;
mod tokens;
mod upstreams;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use sekisho_edge::route::{Route, Routes};
use sekisho_edge::{Admission, ListenerLimits, Token};
use sekisho_exchanges::{ExchangeLog, RouteRule};
use sekisho_journal::{Encryption, Keep, Retention};
use sekisho_liveness::{HopSpec, Intervals};
use sekisho_upstream::Upstream;

pub(crate) use self::exchanges::EffectiveExchanges;
pub(crate) use self::scanners::EffectiveScanner;
pub(crate) use self::tls::{EffectiveTls, now};
use super::mistake::Mistakes;
use super::raw::{ProbeSection, Raw};

/// A configuration that can be put into force.
pub(crate) struct Effective {
    /// Folder of spool and ledger.
    pub(crate) state: PathBuf,
    /// How payloads are encrypted; they are not where absent.
    pub(crate) encryption: Option<Encryption>,
    /// How long a shutdown waits.
    pub(crate) grace: Duration,
    /// How long payloads and receipts of finished batches are kept.
    pub(crate) retention: Retention,
    /// What is taken at once, and from one client.
    pub(crate) admission: Admission,
    /// The admin listener's address.
    pub(crate) admin: SocketAddr,
    /// Tokens, one of which it asks for; none where there are none.
    pub(crate) operators: Vec<Token>,
    /// It speaks plain HTTP beyond loopback, because the configuration says so.
    pub(crate) admin_is_plain: bool,
    /// The listeners.
    pub(crate) listeners: Vec<EffectiveListener>,
    /// The upstreams.
    pub(crate) upstreams: Vec<EffectiveUpstream>,
    /// The scanners.
    pub(crate) scanners: Vec<EffectiveScanner>,
    /// Delivery plans as the ledger keeps them.
    pub(crate) plans: Vec<String>,
    /// The exchange log; `None` where nothing is put on record.
    pub(crate) exchanges: Option<EffectiveExchanges>,
    /// What holds there for each route.
    pub(crate) on_record: HashMap<String, RouteRule>,
}

/// A listener and its routes.
pub(crate) struct EffectiveListener {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    pub(crate) limits: ListenerLimits,
    pub(crate) public_url: Option<Arc<str>>,
    pub(crate) routes: Vec<Arc<Route>>,
    /// Networks of balancers, which say whose connection each is.
    pub(crate) balancers: Vec<IpNet>,
    /// TLS; plain HTTP where absent.
    pub(crate) tls: Option<EffectiveTls>,
    /// Words of the configuration that make it weaker than it could be.
    pub(crate) weakened: Vec<&'static str>,
}

impl EffectiveListener {
    /// The routes as the service looks them up.
    pub(crate) fn routes(&self) -> Routes {
        Routes::new(self.routes.clone())
    }
}

/// An upstream and how it is watched.
pub(crate) struct EffectiveUpstream {
    pub(crate) upstream: Upstream,
    pub(crate) probe: ProbeSection,
    /// It, or its login, is spoken to in plain HTTP beyond loopback, because the configuration says so.
    pub(crate) is_plain: bool,
}

impl EffectiveUpstream {
    /// How often its hops are looked at.
    pub(crate) fn intervals(&self) -> Intervals {
        let probe = &self.probe;
        Intervals {
            line: Duration::from_millis(probe.line_interval_ms),
            cloud: Duration::from_millis(probe.cloud_interval_ms),
            login: Duration::from_millis(probe.login_interval_ms),
            import: Duration::from_millis(probe.import_interval_ms),
            application: probe
                .application
                .is_some()
                .then(|| Duration::from_millis(probe.application_interval_ms)),
        }
    }
}

/// How often the gateway looks at itself.
pub(crate) const GATEWAY_INTERVAL: Duration = Duration::from_secs(1);

impl Effective {
    /// The route of this name, if a listener serves it.
    pub(crate) fn route(&self, name: &str) -> Option<&Arc<Route>> {
        self.listeners.iter().flat_map(|listener| &listener.routes).find(|route| route.name == name)
    }

    /// The hops in the order of the path.
    pub(crate) fn hops(&self) -> Vec<HopSpec> {
        let mut hops = vec![HopSpec::gateway(GATEWAY_INTERVAL)];
        for upstream in &self.upstreams {
            hops.extend(HopSpec::way_to(upstream.upstream.name(), upstream.intervals()));
        }
        let scanners = self.scanners.iter();
        hops.extend(scanners.map(|one| HopSpec::scanner(&one.scanner.settings().name, one.interval)));
        hops
    }

    /// Puts every call to an upstream on record.
    pub(crate) fn record_in(&self, log: &ExchangeLog) {
        self.upstreams.iter().for_each(|upstream| upstream.upstream.record_in(log));
    }

    /// Makes a configuration effective. `None`, and at least one mistake, when it cannot be.
    pub(crate) fn build(raw: &Raw, mistakes: &mut Mistakes) -> Option<Self> {
        let folder = mistakes.folder().to_owned();
        gateway::check(raw, &folder, mistakes);
        let schemas = schemas::load(&raw.schema, &folder, mistakes);
        let mut tokens = tokens::Tokens::default();
        let operators = gateway::operators(raw, &folder, &mut tokens, mistakes);
        let clients = clients::build(&raw.client, &raw.limits, &folder, &mut tokens, mistakes);
        let upstreams = upstreams::build(&raw.upstream, &folder, mistakes);
        names::unique(mistakes, "route", raw.route.iter().map(|route| route.name.as_str()));
        let scanners = scanners::build(&raw.scanner, &folder, mistakes);
        let parts = route::Parts {
            raw,
            schemas: &schemas,
            clients: &clients,
            upstreams: &upstreams,
            scanners: &scanners,
        };
        let mut plans = Vec::new();
        let mut routes = BTreeMap::new();
        for (index, section) in raw.route.iter().enumerate() {
            if let Some(built) = route::build(index, section, &parts, mistakes) {
                plans.extend(built.plan);
                routes.insert(section.name.clone(), Arc::new(built.route));
            }
        }
        let exchanges = exchanges::build(raw, &folder, mistakes);
        let encryption = spool::encryption(raw, &folder, mistakes);
        let listeners = listeners::build(raw, &folder, &routes, mistakes);
        if !mistakes.is_empty() {
            return None;
        }
        Some(Self {
            state: folder.join(&raw.gateway.state),
            encryption,
            grace: Duration::from_millis(raw.gateway.grace_ms),
            retention: retention(raw),
            admission: gateway::admission(&raw.limits),
            admin: raw.admin.listen,
            operators,
            admin_is_plain: raw.admin.plain_http.anywhere(),
            listeners,
            upstreams: upstreams.into_values().collect(),
            scanners: scanners.into_values().collect(),
            plans,
            exchanges,
            on_record: exchanges::rules(raw, &routes),
        })
    }
}

/// How long payloads and receipts of finished batches are kept.
pub(in crate::config) fn retention(raw: &Raw) -> Retention {
    let milliseconds = |seconds: u64| seconds.saturating_mul(1_000);
    let gateway = &raw.gateway;
    let keep = |payload: u64, receipt: Option<u64>| Keep {
        payload: milliseconds(payload),
        receipt: receipt.map(milliseconds),
    };
    let routes: BTreeMap<String, Keep> = raw
        .route
        .iter()
        .map(|route| {
            let payload = route.keep_payload_seconds.unwrap_or(gateway.keep_payload_seconds);
            (route.name.clone(), keep(payload, route.keep_receipt_seconds.or(gateway.keep_receipt_seconds)))
        })
        .collect();
    // What a route said that is gone nobody knows: the longest of all holds for it.
    let all =
        || routes.values().copied().chain([keep(gateway.keep_payload_seconds, gateway.keep_receipt_seconds)]);
    let others = Keep {
        payload: all().map(|keep| keep.payload).max().unwrap_or_default(),
        receipt: all().map(|keep| keep.receipt).reduce(|one, other| Some(one?.max(other?))).flatten(),
    };
    Retention { routes, others }
}
