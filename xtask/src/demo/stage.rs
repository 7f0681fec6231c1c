//! The reference cloud and the gateway, set up for each other.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use super::{Dialect, Options};
use crate::processes::{Program, get};
use crate::workspace::Programs;
use crate::{operations, sections};

/// Both programs, running.
pub(crate) struct Stage {
    /// Address of the cloud.
    pub(crate) cloud: SocketAddr,
    /// Address of the gateway's listener.
    pub(crate) gateway: SocketAddr,
    /// Address of the gateway's admin listener.
    pub(crate) admin: SocketAddr,
    cloud_program: Program,
    gateway_program: Option<Program>,
}

impl Stage {
    /// Starts the cloud, then the gateway in front of it.
    pub(crate) fn set(options: &Options, programs: &Programs, folder: &Path) -> anyhow::Result<Self> {
        std::fs::write(folder.join("client-secret"), "reference-secret\n")?;
        let mood = [
            ["--limit", &options.limit],
            ["--fixed", "0.3s"],
            ["--per-row", &options.per_row],
            ["--contention", "0.15"],
            ["--drift", "0.3"],
            ["--seed", &options.seed.to_string()],
        ];
        Self::of(programs, folder, &mood.concat(), |cloud| configuration(options, programs, cloud))
    }

    /// Starts the cloud as it is without options, then a gateway whose configuration is told the cloud's address.
    pub(crate) fn plain(
        programs: &Programs,
        folder: &Path,
        configuration: impl FnOnce(SocketAddr) -> String,
    ) -> anyhow::Result<Self> {
        Self::of(programs, folder, &[], |cloud| Ok(configuration(cloud)))
    }

    fn of(
        programs: &Programs,
        folder: &Path,
        mood: &[&str],
        configuration: impl FnOnce(SocketAddr) -> anyhow::Result<String>,
    ) -> anyhow::Result<Self> {
        let (cloud_program, cloud) = Program::cloud(
            programs
                .command("sekisho-cloud")
                .args(["--listen", "127.0.0.1:0"])
                .args(mood)
                .stderr(File::create(folder.join("cloud.log"))?),
        )?;
        std::fs::write(folder.join("sekisho.toml"), configuration(cloud)?)?;
        let mut stage = Self { cloud, gateway: cloud, admin: cloud, cloud_program, gateway_program: None };
        stage.start_gateway(programs, folder)?;
        Ok(stage)
    }

    /// Starts the gateway, for the first time or again, over the state that it left.
    pub(crate) fn start_gateway(&mut self, programs: &Programs, folder: &Path) -> anyhow::Result<()> {
        let mut program = Program::start(
            "the gateway",
            programs
                .command("sekisho")
                .args(["serve", "--config"])
                .arg(folder.join("sekisho.toml"))
                .stderr(operations::log(folder)?),
        )?;
        let log = folder.join("gateway.log");
        (self.gateway, self.admin) = program.ready().with_context(|| format!("see {}", log.display()))?;
        self.gateway_program = Some(program);
        Ok(())
    }

    /// Kills the gateway, as a power cut would.
    pub(crate) fn kill_gateway(&mut self) -> anyhow::Result<()> {
        self.gateway_program.take().context("the gateway is not running")?.kill()
    }

    /// Asks the gateway to stop, and waits until it has.
    pub(crate) fn stop_gateway(&mut self) -> anyhow::Result<()> {
        self.gateway_program.take().context("the gateway is not running")?.stop()
    }

    /// The gateway's process id.
    pub(crate) fn gateway_id(&self) -> u32 {
        self.gateway_program.as_ref().map_or(0, Program::id)
    }

    /// What the cloud has counted.
    pub(crate) fn cloud_stats(&self) -> anyhow::Result<Value> {
        get(self.cloud, "/admin/stats")
    }

    /// Stops both.
    pub(crate) fn strike(mut self) -> anyhow::Result<()> {
        self.stop_gateway()?;
        drop(self.cloud_program);
        Ok(())
    }
}

/// A configuration that sets only what it must; everything else is the gateway's default.
fn configuration(options: &Options, programs: &Programs, cloud: SocketAddr) -> anyhow::Result<String> {
    let pace = match options.fixed_rows {
        Some(rows) => format!("fixed_rows = {rows}\nmax_in_flight = {}\n", options.fixed_in_flight),
        None => String::new(),
    };
    Ok(format!(
        r#"[gateway]
state = "state"

{listening}
{schema}
{cloud}application = "/services/application/state"

[[route]]
name = "attributes"
path = "/attributes"
clients = ["city"]
doors = ["swa", "soap", "rest"]
schema = "attributes"
upstream = "cloud"
idempotent = true
no_split = {no_split}
[route.pace]
limit_ms = 10000
{pace}[route.mapping]
key = ["F001"]
[route.dialect]
{dialect}"#,
        listening = sections::listening(&["attributes"]),
        schema = sections::schema(programs, "attributes", "{urn:example:city:attributes:1}Record")?,
        cloud = sections::cloud(cloud),
        no_split = options.no_split,
        dialect = dialect(options.dialect),
    ))
}

fn dialect(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Soap => {
            r#"kind = "soap"
path = "/services/intake/attributes/F001"
namespace = "urn:example:city-cloud:intake:1"
operation = "putRecords"
record = "row"
action = "urn:example:city-cloud:intake:1/putRecords"
results = { result = "result", key = "key", success = "success", code = "error/code", field = "error/field" }
fault_code = "intakeFault/code"
"#
        }
        Dialect::Swa => {
            r#"kind = "swa"
path = "/services/swa/attributes/F001"
namespace = "urn:example:city-cloud:intake:1"
operation = "putFile"
action = "urn:example:city-cloud:intake:1/putFile"
results = { result = "result", key = "key", success = "success", code = "error/code", field = "error/field" }
fault_code = "intakeFault/code"
"#
        }
        Dialect::Rest => {
            r#"kind = "rest"
path = "/services/api/attributes/F001/rows"
format = "csv"
results = { result = "results", key = "key", success = "success", code = "errors/code", field = "errors/field" }
"#
        }
        Dialect::Bulk2 => "kind = \"bulk2\"\nobject = \"attributes\"\nexternal_id = \"F001\"\n",
        Dialect::Collections => "kind = \"collections\"\nobject = \"attributes\"\nexternal_id = \"F001\"\n",
        Dialect::PartnerSoap => "kind = \"partner-soap\"\nobject = \"attributes\"\nexternal_id = \"F001\"\n",
    }
}
