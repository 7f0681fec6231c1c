//! Many clients at once: uploads that begin together, and connections that do nothing.

use std::io::{Cursor, ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use anyhow::{Context, bail};

use super::Bench;
use super::figure::{Bound, Figure};
use super::gateway::Gateway;
use super::site::{self, Cloud, Settings};
use super::upload::{self, Generated};
use crate::demo::Door;

/// Uploads that begin at once.
const UPLOADS: usize = 200;
/// Connections that do nothing meanwhile.
const IDLE: usize = 2_000;
/// The ceiling over idle in MiB: 32 uploads that are read at once (`limits.uploads`), 4 MiB each, and 32 KiB for each of
/// the other connections.
const CEILING: f64 = 32.0 * 4.0 + (IDLE + UPLOADS) as f64 * 32.0 / 1024.0;

/// Measures one crowd.
pub(super) fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let records = if bench.quick { 500 } else { 5_000 };
    let folder = bench.fresh("crowd")?;
    let cloud = Cloud::none()?;
    // Idle connections are cut after the time that a head may take: here they have to outlast the uploads. All of
    // these are one client, which has half of the places unless set.
    let limits = "head_timeout_ms = 300000\nclient_uploads = 32\nnetwork_connections = 4096\naddress_connections = 4096";
    let settings = Settings { limits, ..Settings::default() };
    site::attributes(bench, &folder, &cloud, settings)?;
    let gateway = Gateway::start(bench.programs.command("sekisho"), &folder)?;
    let idle = gateway.idle();

    let connections = connect(gateway.listener)?;
    let with_connections = gateway.idle() - idle;
    let mut payload = Vec::new();
    Generated::start(bench, records, "csv")?.read_to_end(&mut payload)?;
    let failed = upload_all(gateway.listener, &Arc::from(payload));
    let peak = gateway.peak() - idle;
    let open = connections.iter().filter(|connection| is_open(connection)).count();
    let totals = gateway.ask("/totals")?;
    drop(connections);
    gateway.stop()?;
    std::fs::remove_dir_all(&folder)?;

    if let Some(first) = failed.first() {
        bail!("{} of {UPLOADS} uploads failed: {first:#}", failed.len());
    }
    let accepted = totals["accepted"].as_u64().context("the ledger's sums")?;
    let what = format!("{UPLOADS} uploads of {records} records by SwA at once, {IDLE} idle connections");
    Ok(vec![
        Figure::new("crowd, peak memory", peak, "MiB").bound(Bound::AtMost(CEILING)).note(format!(
            "over idle; {what}; ceiling: 32 uploads read at once x 4 MiB + 32 KiB a connection"
        )),
        Figure::new("crowd, records taken", accepted as f64, "records")
            .bound(Bound::AtLeast((UPLOADS as u64 * records) as f64)),
        Figure::new("crowd, idle connections kept", open as f64, "").bound(Bound::AtLeast(IDLE as f64)),
        Figure::new("  idle connections alone", with_connections * 1024.0 / IDLE as f64, "KiB each"),
    ])
}

fn connect(gateway: SocketAddr) -> anyhow::Result<Vec<TcpStream>> {
    raise_descriptors()?;
    (0..IDLE)
        .map(|_| {
            let stream = TcpStream::connect_timeout(&gateway, Duration::from_secs(10))?;
            stream.set_nonblocking(true)?;
            Ok(stream)
        })
        .collect()
}

/// A process may often have 1,024 descriptors until it asks for more.
pub(super) fn raise_descriptors() -> anyhow::Result<()> {
    let own = std::process::id().to_string();
    let mut command = std::process::Command::new("prlimit");
    crate::workspace::check(command.args(["--pid", &own, "--nofile=8192:"]))
}

/// Whether the peer has kept a connection that nothing was sent on.
fn is_open(connection: &TcpStream) -> bool {
    matches!(connection.peek(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

/// Begins all uploads at the same moment; the errors of those that failed.
fn upload_all(gateway: SocketAddr, payload: &Arc<[u8]>) -> Vec<anyhow::Error> {
    let together = Arc::new(Barrier::new(UPLOADS));
    let threads: Vec<_> = (0..UPLOADS)
        .map(|number| {
            let (together, payload) = (Arc::clone(&together), Arc::clone(payload));
            std::thread::spawn(move || {
                together.wait();
                upload::send(gateway, Door::Swa, &format!("crowd-{number}"), &mut Cursor::new(payload))
            })
        })
        .collect();
    let ended = threads.into_iter().map(|thread| thread.join());
    ended
        .filter_map(|ended| match ended {
            Ok(sent) => sent.err(),
            Err(_) => Some(anyhow::anyhow!("a client panicked")),
        })
        .collect()
}
