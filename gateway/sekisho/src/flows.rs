//! `sekisho flows`: every flow that a configuration permits, for the firewall's keepers and for auditors. What is not in the list
//! does not pass.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::ExitCode;

use http::Uri;
use sekisho_delivery::{DialectSpec, FindSpec};
use sekisho_upstream::LoginConfig;
use serde::Serialize;

use crate::cli::{FlowsArgs, FlowsForm};
use crate::columns::{Side, table};
use crate::config::raw::{
    ClientSection, Door, ListenerSection, OldestVersion, Raw, RouteMode, RouteSection, ScannerKind,
    ScannerSection,
};
use crate::config::{self};
use crate::language::Language;
use crate::serve::listed;

/// One permitted flow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Flow {
    /// `in`: connections to the gateway; `out`: connections that it makes.
    direction: &'static str,
    /// Who connects: networks, or the gateway.
    from: String,
    /// Where to: address or host, and port.
    to: String,
    /// What is spoken there.
    protocol: &'static str,
    /// By what who connects is known, beside the network.
    proof: String,
    method: &'static str,
    path: String,
    operation: String,
    client: String,
    route: String,
    purpose: String,
    upstream: String,
}

/// The columns: name in CSV and JSON, heading in English and Japanese.
const COLUMNS: [(&str, &str, &str); 12] = [
    ("direction", "DIRECTION", "方向"),
    ("from", "FROM", "接続元"),
    ("to", "TO", "接続先"),
    ("protocol", "PROTOCOL", "プロトコル"),
    ("proof", "PROOF", "確認方法"),
    ("method", "METHOD", "メソッド"),
    ("path", "PATH", "パス"),
    ("operation", "OPERATION", "操作"),
    ("client", "CLIENT", "団体"),
    ("route", "ROUTE", "特定通信"),
    ("purpose", "PURPOSE", "目的"),
    ("upstream", "UPSTREAM", "クラウド"),
];

impl Flow {
    fn cells(&self) -> [String; 12] {
        let Self { direction, from, to, protocol, proof, method, path, operation, .. } = self.clone();
        let Self { client, route, purpose, upstream, .. } = self.clone();
        let (direction, protocol, method) = (direction.to_owned(), protocol.to_owned(), method.to_owned());
        [direction, from, to, protocol, proof, method, path, operation, client, route, purpose, upstream]
    }
}

pub(crate) fn run(args: &FlowsArgs, language: Language) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout();
    let (raw, purposes) = match config::load(&args.config.config) {
        Ok((raw, effective)) => (raw, effective.on_record),
        Err(mistakes) => {
            // A list of what a configuration would permit if it were right would be a list of nothing.
            writeln!(out, "{}", listed(&mistakes, language))?;
            return Ok(ExitCode::from(1));
        }
    };
    let purpose = |route: &str| purposes.get(route).and_then(|rule| rule.purpose.clone()).unwrap_or_default();
    let mut flows = permitted(&raw);
    for flow in &mut flows {
        flow.purpose = purpose(&flow.route);
    }
    match args.form {
        FlowsForm::Json => writeln!(out, "{}", serde_json::to_string_pretty(&flows)?)?,
        FlowsForm::Csv => {
            writeln!(out, "{}\r", COLUMNS.map(|(name, _, _)| name).join(","))?;
            for flow in &flows {
                writeln!(out, "{}\r", flow.cells().map(|cell| quoted(&cell)).join(","))?;
            }
        }
        FlowsForm::Table => {
            let head = COLUMNS.map(|(_, en, ja)| (language.of(en, ja), Side::Left));
            let rows: Vec<[String; 12]> = flows.iter().map(Flow::cells).collect();
            write!(out, "{}", table(head, &rows))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A field of CSV (RFC 4180 section 2).
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// What a configuration without mistakes permits, in its order: first what comes in, then what goes out.
fn permitted(raw: &Raw) -> Vec<Flow> {
    let mut flows = Vec::new();
    for listener in &raw.listener {
        for route in raw.route.iter().filter(|route| listener.routes.contains(&route.name)) {
            for client in raw.client.iter().filter(|client| route.clients.contains(&client.name)) {
                flows.extend(entering(listener, route, client));
            }
        }
    }
    flows.push(Flow {
        direction: "in",
        from: "loopback".to_owned(),
        to: raw.admin.listen.to_string(),
        protocol: "http",
        proof: String::new(),
        method: "GET, POST",
        path: "/".to_owned(),
        operation: "administration, metrics".to_owned(),
        client: String::new(),
        route: String::new(),
        purpose: String::new(),
        upstream: String::new(),
    });
    flows.extend(raw.route.iter().filter_map(|route| leaving(raw, route)));
    flows.extend(raw.scanner.iter().flat_map(|scanner| scanning(raw, scanner)));
    for upstream in &raw.upstream {
        let out = |url: &str, method, path: &str, operation: &str| {
            let (to, protocol, base) = address(url)?;
            let client_certificate = upstream.endpoint.client_certificate.is_some();
            Some(Flow {
                direction: "out",
                from: "gateway".to_owned(),
                to,
                protocol,
                proof: if client_certificate { "certificate".to_owned() } else { String::new() },
                method,
                path: format!("{}{path}", base.trim_end_matches('/')),
                operation: operation.to_owned(),
                client: String::new(),
                route: String::new(),
                purpose: String::new(),
                upstream: upstream.name.clone(),
            })
        };
        let url = &upstream.endpoint.url;
        let login = upstream.endpoint.login.as_ref().and_then(LoginConfig::token_url);
        flows.extend(login.and_then(|url| out(url, "POST", "", "login")));
        let health = upstream.probe.health.as_deref().unwrap_or("/");
        flows.extend(out(url, "GET", health, "probe"));
        flows.extend(upstream.probe.application.as_deref().and_then(|path| out(url, "GET", path, "probe")));
    }
    flows
}

/// What one client may send to one route by one listener.
fn entering(listener: &ListenerSection, route: &RouteSection, client: &ClientSection) -> Vec<Flow> {
    let networks =
        |networks: &[ipnet::IpNet]| networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let from = match listener.balancers.as_slice() {
        [] => networks(&client.networks),
        balancers => format!("{} (PROXY v2: {})", networks(balancers), networks(&client.networks)),
    };
    let proof = match (client.certificates.as_slice(), client.token_files.len()) {
        ([], 0) => String::new(),
        ([], tokens) => format!("token ({tokens})"),
        (names, _) => names.join(" "),
    };
    let protocol = match listener.tls.as_ref().map(|tls| tls.oldest_version) {
        None => "http",
        Some(OldestVersion::Tls13) => "https (TLS 1.3)",
        Some(OldestVersion::Tls12) => "https (TLS 1.2, 1.3)",
    };
    let flow = |method, below: &str, operation: String| Flow {
        direction: "in",
        from: from.clone(),
        to: listener.listen.to_string(),
        protocol,
        proof: proof.clone(),
        method,
        path: format!("{}{below}", route.path),
        operation,
        client: client.name.clone(),
        route: route.name.clone(),
        purpose: String::new(),
        upstream: route.upstream.clone(),
    };
    let mut flows = Vec::new();
    for (door, name) in [(Door::Swa, "swa"), (Door::Soap, "soap")] {
        if !route.doors.contains(&door) {
            continue;
        }
        let own: Vec<&str> = route.operation.iter().map(|operation| operation.body.as_str()).collect();
        let gateways = "submitBatch, batchState, batchErrors, batchChunks, cancelBatch, heartbeat";
        let all = [own.as_slice(), &[gateways]].concat().join(", ");
        flows.push(flow("POST", "", format!("{name}: {all}")));
    }
    flows.push(flow("GET", "?wsdl", "contract".to_owned()));
    if route.doors.contains(&Door::Rest) {
        for (method, below, operation) in [
            ("POST", "/batches", "rest: submit"),
            ("GET", "/batches", "rest: list"),
            ("GET", "/batches/{id}", "rest: receipt"),
            ("DELETE", "/batches/{id}", "rest: cancel"),
            ("GET", "/batches/{id}/errors", "rest: errors"),
            ("GET", "/batches/{id}/chunks", "rest: chunks"),
            ("GET", "/heartbeat", "rest: heartbeat"),
            ("GET", "/openapi.json", "contract"),
        ] {
            flows.push(flow(method, below, operation.to_owned()));
        }
    }
    flows
}

/// What goes to the cloud for one route.
fn leaving(raw: &Raw, route: &RouteSection) -> Option<Flow> {
    let upstream = raw.upstream.iter().find(|upstream| upstream.name == route.upstream)?;
    let (to, protocol, base) = address(&upstream.endpoint.url)?;
    let (mut method, mut path, mut operation) = match &route.dialect {
        Some(dialect) => spoken(dialect),
        None => ("POST", String::new(), String::new()),
    };
    if route.mode == RouteMode::Relay {
        let target = route.target.clone().unwrap_or_default();
        let both = path != target && !path.is_empty();
        path = if both { format!("{target} {path}") } else { target };
        operation = if operation.is_empty() { "relay".to_owned() } else { format!("relay, {operation}") };
        method = if method.contains("POST") { method } else { "POST, PUT, PATCH" };
    }
    let client_certificate = upstream.endpoint.client_certificate.is_some();
    Some(Flow {
        direction: "out",
        from: "gateway".to_owned(),
        to,
        protocol,
        proof: if client_certificate { "certificate".to_owned() } else { String::new() },
        method,
        path: format!("{}{path}", base.trim_end_matches('/')),
        operation,
        client: route
            .clients
            .iter()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .cloned()
            .collect::<Vec<_>>()
            .join(" "),
        route: route.name.clone(),
        purpose: String::new(),
        upstream: route.upstream.clone(),
    })
}

/// What goes to a scanner: from each route that has it, and the probe.
fn scanning(raw: &Raw, scanner: &ScannerSection) -> Vec<Flow> {
    let to = match (&scanner.address, &scanner.socket) {
        (Some(address), _) => address.to_string(),
        (None, Some(socket)) => format!("unix:{}", socket.display()),
        (None, None) => String::new(),
    };
    let (protocol, scan, probe) = match scanner.kind {
        ScannerKind::Clamd => ("clamd", "INSTREAM", "PING"),
        ScannerKind::Icap => ("icap", "REQMOD, OPTIONS", "OPTIONS"),
    };
    let flow = |method, operation: String, route: &str| Flow {
        direction: "out",
        from: "gateway".to_owned(),
        to: to.clone(),
        protocol,
        proof: String::new(),
        method,
        path: scanner.service.clone().unwrap_or_default(),
        operation,
        client: String::new(),
        route: route.to_owned(),
        purpose: String::new(),
        upstream: String::new(),
    };
    let routes = raw
        .route
        .iter()
        .filter(|route| route.scan.as_ref().is_some_and(|scan| scan.scanner == scanner.name))
        .map(|route| flow(scan, format!("scan: {}", scanner.name), &route.name));
    routes.chain([flow(probe, "probe".to_owned(), "")]).collect()
}

/// How a dialect asks: methods, path below the upstream's, and its name.
fn spoken(dialect: &DialectSpec) -> (&'static str, String, String) {
    let data = |version: &str, below: &str| format!("/services/data/v{version}/{below}");
    let (method, path, name) = match dialect {
        DialectSpec::Soap(soap) => ("POST", both(&soap.path, soap.find.as_deref()), "soap"),
        DialectSpec::Swa(swa) => ("POST", swa.path.clone(), "swa"),
        DialectSpec::Rest(rest) => {
            let method = ["POST", "PUT", "PATCH"].into_iter().find(|method| *method == rest.method);
            (method.unwrap_or("POST, PUT, PATCH"), rest.path.clone(), "rest")
        }
        DialectSpec::Bulk2(bulk2) => {
            ("POST, PUT, PATCH, GET", data(&bulk2.version, "jobs/ingest/…"), "bulk2")
        }
        DialectSpec::Collections(collections) => {
            ("PATCH", data(&collections.version, "composite/sobjects/…"), "collections")
        }
        DialectSpec::PartnerSoap(partner) => {
            ("POST", format!("/services/Soap/u/{}", partner.version), "partner-soap")
        }
    };
    (method, path, name.to_owned())
}

/// Where rows go, and where it is asked which are there.
fn both(path: &str, find: Option<&FindSpec>) -> String {
    match find.map(|find| find.path.as_str()) {
        None | Some("") => path.to_owned(),
        Some(find) if find == path => path.to_owned(),
        Some(find) => format!("{path} {find}"),
    }
}

/// Host and port of a URL, what is spoken there, and its path.
fn address(url: &str) -> Option<(String, &'static str, String)> {
    let uri: Uri = url.parse().ok()?;
    let (protocol, port) = match uri.scheme_str()? {
        "https" => ("https (TLS 1.2, 1.3)", 443),
        _ => ("http", 80),
    };
    let port = uri.port_u16().unwrap_or(port);
    Some((format!("{}:{port}", uri.host()?), protocol, uri.path().to_owned()))
}
