//! What stands around a measured gateway: its configuration, and the cloud behind it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use super::Bench;
use crate::processes::Program;
use crate::sections;

/// The cloud behind a gateway.
pub(super) struct Cloud {
    pub(super) address: SocketAddr,
    _program: Option<Program>,
}

impl Cloud {
    /// The reference cloud as quick as it can be: 50 ms a call, nothing a row.
    pub(super) fn quick(bench: &Bench) -> anyhow::Result<Self> {
        Self::at((Ipv4Addr::LOCALHOST, 0).into(), "50ms", bench)
    }

    /// The reference cloud at an address, with so much time for a call and nothing for a row.
    pub(super) fn at(address: SocketAddr, fixed: &str, bench: &Bench) -> anyhow::Result<Self> {
        let (program, address) = Program::cloud(
            bench
                .programs
                .command("sekisho-cloud")
                .args(["--open", "--fixed", fixed, "--per-row", "0", "--contention", "0", "--drift", "0"])
                .args(["--limit", "60s", "--listen", &address.to_string()]),
        )?;
        Ok(Self { address, _program: Some(program) })
    }

    /// No cloud: connections are refused, and batches wait in the spool.
    pub(super) fn none() -> anyhow::Result<Self> {
        Ok(Self { address: free_address()?, _program: None })
    }
}

/// An address of this machine that nothing listens on.
pub(super) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Lines of TOML for sections that otherwise are as the gateway has them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Settings {
    /// Of `limits`.
    pub(super) limits: &'static str,
    /// Of the route's `pace`.
    pub(super) pace: &'static str,
    /// Of the route itself.
    pub(super) route: &'static str,
    /// Of the listener.
    pub(super) listener: &'static str,
    /// Of the client.
    pub(super) client: &'static str,
    /// Whole sections.
    pub(super) sections: &'static str,
}

/// Writes a configuration with a store-and-forward route for attribute records, all doors open.
pub(super) fn attributes(
    bench: &Bench,
    folder: &Path,
    cloud: &Cloud,
    settings: Settings,
) -> anyhow::Result<()> {
    let Settings { limits, pace, route, listener, client, sections } = settings;
    let text = format!(
        r#"[gateway]
state = "state"
{listening}{listener}
{city}{client}
[limits]
{limits}
{sections}

{schema}

[[upstream]]
name = "cloud"
[upstream.endpoint]
url = "http://{cloud}"

[[route]]
name = "attributes"
path = "/attributes"
clients = ["city"]
doors = ["swa", "soap", "rest"]
schema = "attributes"
upstream = "cloud"
idempotent = true
{route}
[route.pace]
limit_ms = 60000
{pace}
[route.mapping]
key = ["F001"]
[route.dialect]
kind = "soap"
path = "/services/intake/attributes/F001"
namespace = "urn:example:city-cloud:intake:1"
operation = "putRecords"
record = "row"
action = "urn:example:city-cloud:intake:1/putRecords"
results = {{ result = "result", key = "key", success = "success", code = "error/code", field = "error/field" }}
fault_code = "intakeFault/code"
"#,
        listening = sections::listeners(&["attributes"]),
        city = sections::client("city", "127.0.0.0/8") + sections::WITHOUT_A_PAUSE,
        schema = sections::schema(&bench.programs, "attributes", "{urn:example:city:attributes:1}Record")?,
        cloud = cloud.address,
    );
    Ok(std::fs::write(folder.join("sekisho.toml"), text)?)
}

/// Writes a configuration with a relay route for orders, and one client that asks without a pause.
pub(super) fn relay(bench: &Bench, folder: &Path, upstream: SocketAddr) -> anyhow::Result<()> {
    let client = sections::client("city", "127.0.0.0/8") + sections::WITHOUT_A_PAUSE;
    relay_of(bench, folder, upstream, &client, &["city"])
}

/// Writes a configuration with a relay route for orders, and these clients, by their sections and by their names.
pub(super) fn relay_of(
    bench: &Bench,
    folder: &Path,
    upstream: SocketAddr,
    clients: &str,
    names: &[&str],
) -> anyhow::Result<()> {
    let text = format!(
        r#"[gateway]
state = "state"
{listeners}
{clients}
{schema}

[[upstream]]
name = "cloud"
[upstream.endpoint]
url = "http://{upstream}"
max_connections = 128

[[route]]
name = "orders"
path = "/orders"
clients = {names:?}
doors = ["soap"]
mode = "relay"
target = "/orders"
schema = "orders"
upstream = "cloud"
[[route.operation]]
body = "{{urn:example:bulk}}orders"
records = "body-children"
"#,
        listeners = sections::listeners(&["orders"]),
        schema = sections::schema(&bench.programs, "orders", "{urn:example:bulk}order")?,
    );
    Ok(std::fs::write(folder.join("sekisho.toml"), text)?)
}
