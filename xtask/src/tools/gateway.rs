//! A gateway that other programs are let loose on.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::operations::until;
use crate::processes::{Program, ask};
use crate::sections;
use crate::workspace::Programs;

/// The address of the client that stands beside what happens, and wants to be answered all the while.
const BESIDE: &str = "127.0.0.2";

/// A running gateway with one route, `/attributes`, in front of a cloud that is down.
pub(super) struct Gateway {
    listeners: BTreeMap<String, SocketAddr>,
    admin: SocketAddr,
    program: Program,
}

impl Gateway {
    /// Starts it. `head` is of the configuration: limits and listeners. There are two clients, of two addresses; or one that
    /// is `known` by this name in its certificate.
    pub(super) fn start(
        programs: &Programs,
        folder: &Path,
        head: &str,
        known: Option<&str>,
    ) -> anyhow::Result<Self> {
        std::fs::write(folder.join("sekisho.toml"), configuration(programs, head, known)?)?;
        let log = folder.join("gateway.log");
        let seen = || format!("see {}", log.display());
        let mut command = programs.command("sekisho");
        command.args(["serve", "--config"]).arg(folder.join("sekisho.toml")).stderr(File::create(&log)?);
        let mut program = Program::start("the gateway", &mut command).with_context(seen)?;
        let (listeners, admin) = program.listening().with_context(seen)?;
        Ok(Self { listeners, admin, program })
    }

    /// The address of a listener.
    pub(super) fn listener(&self, name: &str) -> anyhow::Result<SocketAddr> {
        self.listeners.get(name).copied().with_context(|| format!("there is no listener {name}"))
    }

    /// Its process id.
    pub(super) fn id(&self) -> u32 {
        self.program.id()
    }

    /// How many files and sockets it has open.
    pub(super) fn descriptors(&self) -> anyhow::Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.id()))?.count())
    }

    /// What it has counted.
    pub(super) fn counts(&self) -> anyhow::Result<Counts> {
        Ok(Counts(ask(self.admin, "GET", "/metrics", "")?))
    }

    /// Lets the client beside ask over plain HTTP, on a connection of its own: it must be answered.
    pub(super) fn answers_beside(&self, listener: &str) -> anyhow::Result<()> {
        let url = format!("http://{}/attributes/heartbeat", self.listener(listener)?);
        let output = Command::new("curl")
            .args(["-q", "-s", "--max-time", "30", "--interface", BESIDE])
            .args(["-o", "/dev/null", "-w", "%{http_code}", &url])
            .output()?;
        let status = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(status == "200", "the client beside was answered {status} ({})", output.status);
        Ok(())
    }

    /// Waits until it holds no connection any more, reads no body, and has no more open than it had.
    pub(super) fn until_at_rest(&self, descriptors: usize) -> anyhow::Result<()> {
        let mut last = String::new();
        until("connections, bodies and descriptors are back where they were", || {
            let counts = self.counts()?;
            let (connections, uploads) = (counts.sum("sekisho_connections "), counts.sum("sekisho_uploads "));
            let open = self.descriptors()?;
            last =
                format!("{connections} connections, {uploads} bodies, {open} descriptors of {descriptors}");
            Ok(connections == 0.0 && uploads == 0.0 && open <= descriptors)
        })
        .with_context(|| last.clone())
    }

    /// Asks it to end, and waits until it has.
    pub(super) fn stop(self) -> anyhow::Result<()> {
        self.program.stop()
    }
}

/// The metrics at one moment.
pub(super) struct Counts(String);

impl Counts {
    /// The sum of all series whose text begins like that.
    pub(super) fn sum(&self, beginning: &str) -> f64 {
        let series = self.0.lines().filter(|line| line.starts_with(beginning));
        series.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
    }

    /// Requests refused with one of these codes.
    pub(super) fn refused(&self, codes: &[&str]) -> f64 {
        codes.iter().map(|code| self.sum(&format!("sekisho_refusals_total{{code=\"{code}\"}}"))).sum()
    }
}

fn configuration(programs: &Programs, head: &str, known: Option<&str>) -> anyhow::Result<String> {
    let client = |name, address| sections::client(name, &format!("{address}/32"));
    let (clients, names) = match known {
        Some(known) => (format!("{}certificates = [{known:?}]\n", client("a", "127.0.0.1")), "\"a\""),
        None => (client("a", "127.0.0.1") + &client("b", BESIDE), "\"a\", \"b\""),
    };
    let schema = sections::schema(programs, "attributes", "{urn:example:city:attributes:1}Record")?;
    Ok(format!(
        r#"[gateway]
state = "state"
[admin]
listen = "127.0.0.1:0"
{head}
{clients}
{schema}
[[upstream]]
name = "cloud"
[upstream.endpoint]
url = "http://127.0.0.1:9"
[[route]]
name = "attributes"
path = "/attributes"
clients = [{names}]
doors = ["swa", "soap", "rest"]
schema = "attributes"
upstream = "cloud"
idempotent = true
[route.pace]
limit_ms = 60000
[route.mapping]
key = ["F001"]
[route.dialect]
kind = "collections"
object = "attributes"
external_id = "F001"
"#
    ))
}
