//! What a configuration means: every name resolved, every file read, every number within its bounds.

mod route;

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sekisho_edge::ListenerLimits;
use sekisho_edge::framing::HeadLimits;
use sekisho_edge::route::{Client, Route, Routes};
use sekisho_liveness::{HopSpec, Intervals};
use sekisho_records::Layout;
use sekisho_upstream::{EndpointConfig, LoginConfig, Upstream};
use sekisho_xml::QName;
use sekisho_xsd::{RecordType, Schema, SchemaDigest};

use super::mistake::Mistakes;
use super::raw::{
    ClientSection, ListenerSection, PlainHttp, ProbeSection, Raw, SchemaSection, UpstreamSection,
};

/// A configuration that can be put into force.
pub(crate) struct Effective {
    /// Folder of spool and ledger.
    pub(crate) state: PathBuf,
    /// How long a shutdown waits.
    pub(crate) grace: Duration,
    /// How long the payload of a finished batch is kept.
    pub(crate) keep_payload: Duration,
    /// Bodies read at once.
    pub(crate) uploads: usize,
    /// The admin listener's address.
    pub(crate) admin: SocketAddr,
    /// The listeners.
    pub(crate) listeners: Vec<EffectiveListener>,
    /// The upstreams.
    pub(crate) upstreams: Vec<EffectiveUpstream>,
    /// Delivery plans as the ledger keeps them.
    pub(crate) plans: Vec<String>,
}

/// A listener and its routes.
pub(crate) struct EffectiveListener {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    pub(crate) limits: ListenerLimits,
    pub(crate) public_url: Option<Arc<str>>,
    pub(crate) routes: Vec<Arc<Route>>,
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

/// A schema with its record type.
struct LoadedSchema {
    schema: Schema,
    record: RecordType,
    layout: Arc<Layout>,
}

/// How often the gateway looks at itself.
pub(crate) const GATEWAY_INTERVAL: Duration = Duration::from_secs(1);

impl Effective {
    /// The hops in the order of the path.
    pub(crate) fn hops(&self) -> Vec<HopSpec> {
        let mut hops = vec![HopSpec::gateway(GATEWAY_INTERVAL)];
        for upstream in &self.upstreams {
            hops.extend(HopSpec::way_to(upstream.upstream.name(), upstream.intervals()));
        }
        hops
    }

    /// Makes a configuration effective. `None`, and at least one mistake, when it cannot be.
    pub(crate) fn build(raw: &Raw, mistakes: &mut Mistakes) -> Option<Self> {
        let folder = mistakes.folder().to_owned();
        gateway(raw, mistakes);
        let schemas = schemas(&raw.schema, &folder, mistakes);
        let clients = clients(&raw.client, mistakes);
        let upstreams = upstreams(&raw.upstream, &folder, mistakes);

        unique(mistakes, "route", raw.route.iter().map(|route| route.name.as_str()));
        unique(mistakes, "listener", raw.listener.iter().map(|listener| listener.name.as_str()));
        let mut plans = Vec::new();
        let mut routes = BTreeMap::new();
        for section in &raw.route {
            let parts = route::Parts { schemas: &schemas, clients: &clients, upstreams: &upstreams };
            if let Some(built) = route::build(section, &parts, mistakes) {
                plans.extend(built.plan);
                routes.insert(section.name.clone(), Arc::new(built.route));
            }
        }
        let listeners = listeners(raw, &routes, mistakes);
        if !mistakes.is_empty() {
            return None;
        }
        Some(Self {
            state: folder.join(&raw.gateway.state),
            grace: Duration::from_millis(raw.gateway.grace_ms),
            keep_payload: Duration::from_secs(raw.gateway.keep_payload_seconds),
            uploads: raw.limits.uploads,
            admin: raw.admin.listen,
            listeners,
            upstreams: upstreams.into_values().collect(),
            plans,
        })
    }
}

fn gateway(raw: &Raw, mistakes: &mut Mistakes) {
    let limits = &raw.limits;
    for (key, value) in [
        ("limits: uploads", limits.uploads as u64),
        ("limits: connections", limits.connections as u64),
        ("limits: head_bytes", limits.head_bytes as u64),
        ("limits: head_fields", limits.head_fields as u64),
        ("limits: head_timeout_ms", limits.head_timeout_ms),
        ("gateway: grace_ms", raw.gateway.grace_ms),
    ] {
        if value == 0 {
            mistakes.add(key, "must be at least 1: there is no limit that is off");
        }
    }
    if !(1_024..=32 * 1024).contains(&limits.head_bytes) && limits.head_bytes != 0 {
        mistakes.add("limits: head_bytes", "must be between 1024 and 32768");
    }
    if !raw.admin.listen.ip().is_loopback() {
        mistakes
            .add("admin: listen", "must be a loopback address (127.0.0.1 or [::1]): it asks for no login");
    }
    for (section, empty) in [
        ("listener", raw.listener.is_empty()),
        ("client", raw.client.is_empty()),
        ("schema", raw.schema.is_empty()),
        ("upstream", raw.upstream.is_empty()),
        ("route", raw.route.is_empty()),
    ] {
        if empty {
            mistakes.add(section, format!("at least one [[{section}]] is needed"));
        }
    }
}

/// A name that may stand in metrics, paths and texts.
fn name_is_good(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

fn unique<'n>(mistakes: &mut Mistakes, section: &str, names: impl Iterator<Item = &'n str>) {
    let mut seen = HashSet::new();
    for name in names {
        if !name_is_good(name) {
            mistakes
                .add(format!("{section} {name:?}: name"), "must be 1 to 64 letters, digits, `-`, `_` or `.`");
        }
        if !seen.insert(name) {
            mistakes
                .add(format!("{section} {name:?}: name"), format!("there is another {section} of this name"));
        }
    }
}

fn schemas(
    sections: &[SchemaSection],
    folder: &Path,
    mistakes: &mut Mistakes,
) -> BTreeMap<String, LoadedSchema> {
    unique(mistakes, "schema", sections.iter().map(|schema| schema.name.as_str()));
    let mut loaded = BTreeMap::new();
    for section in sections {
        let key = |key: &str| format!("schema {:?}: {key}", section.name);
        let file = folder.join(&section.file);
        let Some(digest) = &section.digest else {
            match Schema::load(&file, None) {
                Ok(schema) => mistakes.add(
                    key("digest"),
                    format!("is missing; a schema is pinned: digest = \"{}\"", schema.digest()),
                ),
                Err(error) => mistakes.add(key("file"), error),
            }
            continue;
        };
        let Ok(pin) = digest.parse::<SchemaDigest>() else {
            mistakes
                .add(key("digest"), "must be sha256: and 64 hexadecimal digits, as `sekisho pin` prints it");
            continue;
        };
        let Ok(record) = section.record.parse::<QName>() else {
            mistakes.add(key("record"), "must be a name with its namespace: {namespace}name");
            continue;
        };
        let loaded_one = Schema::load(&file, Some(&pin))
            .map_err(|error| (key("file"), error.to_string()))
            .and_then(|schema| match schema.record_type(&record) {
                Ok(ty) => Ok((schema, ty)),
                Err(error) => Err((key("record"), error.to_string())),
            })
            .and_then(|(schema, record)| match Layout::compile(&record) {
                Ok(layout) => Ok(LoadedSchema { schema, record, layout: Arc::new(layout) }),
                Err(error) => Err((key("record"), error.to_string())),
            });
        match loaded_one {
            Ok(schema) => drop(loaded.insert(section.name.clone(), schema)),
            Err((key, problem)) => mistakes.add(key, problem),
        }
    }
    loaded
}

fn clients(sections: &[ClientSection], mistakes: &mut Mistakes) -> BTreeMap<String, Arc<Client>> {
    unique(mistakes, "client", sections.iter().map(|client| client.name.as_str()));
    let mut clients: BTreeMap<String, Arc<Client>> = BTreeMap::new();
    for section in sections {
        if section.networks.is_empty() {
            mistakes.add(
                format!("client {:?}: networks", section.name),
                "at least one network is needed, such as \"10.1.2.0/24\"",
            );
        }
        // One address must not be two clients, or whose batches it may see would be a matter of order.
        for other in clients.values() {
            for network in &section.networks {
                if other.networks.iter().any(|their| their.contains(network) || network.contains(their)) {
                    mistakes.add(
                        format!("client {:?}: networks", section.name),
                        format!("{network} overlaps a network of client {:?}", other.name),
                    );
                }
            }
        }
        let client = Client { name: section.name.clone(), networks: section.networks.clone() };
        clients.insert(section.name.clone(), Arc::new(client));
    }
    clients
}

fn upstreams(
    sections: &[UpstreamSection],
    folder: &Path,
    mistakes: &mut Mistakes,
) -> BTreeMap<String, EffectiveUpstream> {
    unique(mistakes, "upstream", sections.iter().map(|upstream| upstream.name.as_str()));
    let mut built = BTreeMap::new();
    for section in sections {
        let key = |key: &str| format!("upstream {:?}: {key}", section.name);
        let probe = &section.probe;
        for (name, interval) in [
            ("line_interval_ms", probe.line_interval_ms),
            ("cloud_interval_ms", probe.cloud_interval_ms),
            ("login_interval_ms", probe.login_interval_ms),
            ("application_interval_ms", probe.application_interval_ms),
            ("import_interval_ms", probe.import_interval_ms),
        ] {
            if interval < 100 {
                mistakes.add(key(&format!("probe.{name}")), "must be at least 100");
            }
        }
        match Upstream::open(&section.name, &absolute(&section.endpoint, folder)) {
            Ok(upstream) => {
                let probe = probe.clone();
                built.insert(section.name.clone(), EffectiveUpstream { upstream, probe });
            }
            Err(error) => mistakes.add(key("endpoint"), error),
        }
    }
    built
}

/// The endpoint with its files' paths taken from the configuration's folder.
fn absolute(endpoint: &EndpointConfig, folder: &Path) -> EndpointConfig {
    let mut endpoint = endpoint.clone();
    let paths = endpoint.roots.iter_mut();
    let paths = paths.chain(&mut endpoint.client_certificate).chain(&mut endpoint.client_key);
    paths.for_each(|path| *path = folder.join(&*path));
    match &mut endpoint.login {
        Some(LoginConfig::ClientCredentials { client_secret_file: file, .. })
        | Some(LoginConfig::JwtBearer { key_file: file, .. })
        | Some(LoginConfig::TokenFile { path: file }) => *file = folder.join(&*file),
        None => {}
    }
    endpoint
}

fn listeners(
    raw: &Raw,
    routes: &BTreeMap<String, Arc<Route>>,
    mistakes: &mut Mistakes,
) -> Vec<EffectiveListener> {
    let mut addresses = HashSet::new();
    let mut served = HashSet::new();
    let mut listeners = Vec::new();
    for section in &raw.listener {
        check_listener(section, &mut addresses, mistakes);
        let mut own: Vec<Arc<Route>> = Vec::new();
        for name in &section.routes {
            served.insert(name.as_str());
            let key = format!("listener {:?}: routes", section.name);
            match routes.get(name) {
                Some(route) if own.iter().any(|other| other.path == route.path) => {
                    mistakes
                        .add(key, format!("route {name:?} has the same path as another of this listener"));
                }
                Some(route) => own.push(Arc::clone(route)),
                None if raw.route.iter().any(|route| route.name == *name) => {} // its own mistakes are listed
                None => mistakes.add(key, format!("there is no route {name:?}")),
            }
        }
        listeners.push(EffectiveListener {
            name: section.name.clone(),
            address: section.listen,
            limits: ListenerLimits {
                connections: raw.limits.connections,
                head: HeadLimits { bytes: raw.limits.head_bytes, fields: raw.limits.head_fields },
                head_timeout: Duration::from_millis(raw.limits.head_timeout_ms),
            },
            public_url: section.public_url.as_deref().map(Arc::from),
            routes: own,
        });
    }
    for route in &raw.route {
        if !served.contains(route.name.as_str()) {
            mistakes.add(
                format!("route {:?}", route.name),
                "no listener serves it: name it in a listener's routes",
            );
        }
    }
    listeners
}

fn check_listener(section: &ListenerSection, addresses: &mut HashSet<SocketAddr>, mistakes: &mut Mistakes) {
    let key = |key: &str| format!("listener {:?}: {key}", section.name);
    if !section.listen.ip().is_loopback() && section.plain_http == PlainHttp::LoopbackOnly {
        mistakes.add(
            key("plain_http"),
            "plain HTTP beyond loopback: whoever is on the network can read along. If the line is protected by other \
             means, write plain_http = \"i-know-that-this-network-is-protected\"",
        );
    }
    if section.listen.port() != 0 && !addresses.insert(section.listen) {
        mistakes.add(key("listen"), "another listener has this address");
    }
    if let Some(url) = &section.public_url
        && !(url.starts_with("http://") || url.starts_with("https://"))
    {
        mistakes.add(key("public_url"), "must begin with http:// or https://");
    }
}
