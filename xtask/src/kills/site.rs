//! The reference cloud and the gateway, both real processes, and what the others are told of them.

use std::collections::HashSet;
use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::routes::{self, ROUTES};
use crate::ground::cleared;
use crate::operations;
use crate::processes::{Program, ask, get};
use crate::workspace::Programs;

/// How often something is looked at that is waited for.
pub(super) const LOOK: Duration = Duration::from_millis(2);
/// The longest that anything is waited for: far more than it takes, on a machine that stalls.
pub(super) const PATIENCE: Duration = Duration::from_secs(240);

/// Where the gateway is, for those who send: nowhere between a kill and the next start.
#[derive(Debug, Default)]
pub(super) struct Whereabouts {
    now: Mutex<Option<SocketAddr>>,
    changed: Condvar,
}

impl Whereabouts {
    /// The address of the gateway's listener, waited for as long as `wanted` says so.
    pub(super) fn address(&self, wanted: impl Fn() -> bool) -> Option<SocketAddr> {
        let mut now = self.now();
        while now.is_none() && wanted() {
            let waited = self.changed.wait_timeout(now, Duration::from_millis(50));
            now = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *now
    }

    fn set(&self, address: Option<SocketAddr>) {
        *self.now() = address;
        self.changed.notify_all();
    }

    fn now(&self) -> MutexGuard<'_, Option<SocketAddr>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The programs: of one build or of two.
#[derive(Debug, Clone)]
pub(crate) struct Builds {
    /// As they are shipped (or as `--dev` has them).
    pub(super) shipped: Programs,
    /// The gateway with fail points.
    pub(super) breaking: PathBuf,
}

impl Builds {
    /// Options that lead to the same programs, built as they are.
    pub(super) fn arguments(&self) -> &'static [&'static str] {
        if self.shipped.path("").ends_with("debug") { &["--dev"] } else { &[] }
    }
}

/// How a gateway is started.
#[derive(Debug, Clone, Default)]
pub(super) struct Start {
    /// What its fail points are ordered, for a gateway that has them.
    pub(super) orders: Option<String>,
    /// Variables of its environment.
    pub(super) environment: Vec<(&'static str, String)>,
}

/// Both, and the folder where everything lies.
pub(super) struct Site {
    pub(super) builds: Builds,
    pub(super) folder: PathBuf,
    pub(super) cloud: SocketAddr,
    pub(super) whereabouts: Arc<Whereabouts>,
    cloud_program: Program,
    gateway: Option<Gateway>,
}

/// A gateway that is ready.
struct Gateway {
    child: Child,
    admin: SocketAddr,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Whatever it was doing: nobody needs it any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Site {
    /// Starts the cloud and writes the gateway's configuration, in a folder that is made anew.
    pub(super) fn set(builds: &Builds, folder: &Path, seed: u64) -> anyhow::Result<Self> {
        cleared(folder)?;
        let mut cloud = builds.shipped.command("sekisho-cloud");
        cloud.args(["--listen", "127.0.0.1:0", "--seed", &seed.to_string(), "--limit", "2s"]);
        // A call that is stopped has done its work: of half a chunk that may not be repeated no operator could tell the truth.
        cloud.args(["--effects-on-kill", "all"]);
        cloud.args(["--fixed", "4ms", "--per-row", "100us", "--contention", "0", "--drift", "0"]);
        let log = File::create(folder.join("cloud.log"))?;
        let (cloud_program, cloud) = Program::cloud(cloud.stderr(log))?;
        let mut configuration = routes::head(&builds.shipped, cloud)?;
        configuration.extend(ROUTES.iter().map(|route| route.section()));
        std::fs::write(folder.join("client-secret"), "reference-secret\n")?;
        let key = folder.join("wrapping-key");
        std::fs::write(&key, [0x5A; 32])?;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600))?;
        std::fs::write(folder.join("sekisho.toml"), configuration)?;
        let whereabouts = Arc::default();
        Ok(Self {
            builds: builds.clone(),
            folder: folder.to_owned(),
            cloud,
            whereabouts,
            cloud_program,
            gateway: None,
        })
    }

    /// Changes the configuration that the gateway is started with.
    pub(super) fn configure(&self, change: impl FnOnce(&str) -> String) -> anyhow::Result<()> {
        let file = self.folder.join("sekisho.toml");
        Ok(std::fs::write(&file, change(&std::fs::read_to_string(&file)?))?)
    }

    /// Starts the gateway over what it has left. False: it was killed before it was ready, as it was ordered.
    pub(super) fn start(&mut self, how: &Start) -> anyhow::Result<bool> {
        let mut command = match &how.orders {
            Some(_) => Command::new(&self.builds.breaking),
            None => self.builds.shipped.command("sekisho"),
        };
        command.args(["serve", "--config"]).arg(self.folder.join("sekisho.toml"));
        command.envs(how.environment.iter().map(|(name, value)| (name, value)));
        command.envs(how.orders.iter().map(|orders| ("SEKISHO_FAIL", orders)));
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(operations::log(&self.folder)?)
            .spawn()
            .context("starting the gateway")?;
        let out = child.stdout.take().context("the gateway has no output")?;
        let (mut listener, mut admin) = (None, None);
        for line in std::io::BufRead::lines(std::io::BufReader::new(out)) {
            match line?.split(' ').collect::<Vec<_>>().as_slice() {
                ["listening", "admin", address] => admin = Some(address.parse()?),
                ["listening", _, address] => listener = Some(address.parse()?),
                ["ready"] => break,
                other => bail!("the gateway said {other:?}"),
            }
        }
        let Some((listener, admin)) = listener.zip(admin) else {
            let status = child.wait()?;
            ensure!(
                was_killed(status),
                "the gateway ended before it was ready ({status}): see {}",
                self.log().display()
            );
            return Ok(false);
        };
        self.gateway = Some(Gateway { child, admin });
        self.whereabouts.set(Some(listener));
        Ok(true)
    }

    /// Kills the gateway (SIGKILL).
    pub(super) fn kill(&mut self) {
        self.whereabouts.set(None);
        self.gateway = None;
    }

    /// Sends the gateway a signal, if it is there.
    pub(super) fn signal(&self, name: &str) -> anyhow::Result<()> {
        if let Some(gateway) = &self.gateway {
            signal(name, gateway.child.id())?;
        }
        Ok(())
    }

    /// Sends the cloud a signal.
    pub(super) fn signal_cloud(&self, name: &str) -> anyhow::Result<()> {
        signal(name, self.cloud_program.id())
    }

    /// Whether the gateway has been killed; it is an error when it has ended in any other way.
    pub(super) fn is_dead(&mut self) -> anyhow::Result<bool> {
        let Some(gateway) = &mut self.gateway else { return Ok(true) };
        let Some(status) = gateway.child.try_wait()? else { return Ok(false) };
        self.kill();
        ensure!(was_killed(status), "the gateway ended with {status}: see {}", self.log().display());
        Ok(true)
    }

    /// Asks the gateway to end, and waits until it has, well.
    pub(super) fn stop(&mut self) -> anyhow::Result<()> {
        self.whereabouts.set(None);
        let Some(mut gateway) = self.gateway.take() else { return Ok(()) };
        signal("-TERM", gateway.child.id())?;
        let status = gateway.child.wait()?;
        ensure!(status.success(), "the gateway ended with {status}: see {}", self.log().display());
        Ok(())
    }

    /// Asks the operator's listener.
    pub(super) fn admin(&self, path: &str) -> anyhow::Result<Value> {
        get(self.admin_address()?, path)
    }

    /// Runs the operator's command line.
    pub(super) fn operator(&self, args: &[&str]) -> anyhow::Result<std::process::Output> {
        let admin = format!("http://{}", self.admin_address()?);
        Ok(self.builds.shipped.command("sekisho").args(args).args(["--admin", &admin]).output()?)
    }

    fn admin_address(&self) -> anyhow::Result<SocketAddr> {
        self.gateway.as_ref().map(|gateway| gateway.admin).context("the gateway is not running")
    }

    /// Tells the cloud something by its admin interface.
    pub(super) fn tell_cloud(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<()> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        ask(self.cloud, method, path, &body).map(drop)
    }

    /// What the cloud has counted.
    pub(super) fn cloud_stats(&self) -> anyhow::Result<Value> {
        get(self.cloud, "/admin/stats")
    }

    /// Calls that asked it by key, among the last that it remembers.
    pub(super) fn questions(&self) -> anyhow::Result<u64> {
        let calls = ask(self.cloud, "GET", "/admin/calls", "")?;
        Ok(calls.lines().filter(|call| call.contains(r#""step":"find""#)).count() as u64)
    }

    /// The state of a hop, by its name in the heartbeat.
    pub(super) fn hop(&self, name: &str) -> anyhow::Result<String> {
        let heartbeat = self.admin("/heartbeat")?;
        let hops = heartbeat["hops"].as_array().context("a heartbeat has hops")?;
        let hop = hops
            .iter()
            .find(|hop| hop["name"] == name)
            .with_context(|| format!("there is no hop {name}: {heartbeat}"))?;
        Ok(hop["state"].as_str().unwrap_or_default().to_owned())
    }

    /// Whether the gateway's log, with those of all starts, says so.
    pub(super) fn has_logged(&self, what: &str) -> anyhow::Result<bool> {
        Ok(std::fs::read_to_string(self.log())?.contains(what))
    }

    /// The exchange log holds, whatever was killed while it was written.
    pub(super) fn on_record(&self) -> anyhow::Result<()> {
        let log = self.folder.join("state/exchanges");
        let verified = self.builds.shipped.command("sekisho").args(["log", "verify"]).arg(log).output()?;
        let said = String::from_utf8_lossy(&verified.stdout).into_owned();
        ensure!(verified.status.success(), "the exchange log does not hold: {said}");
        Ok(())
    }

    /// The batches that have a folder in the gateway's spool.
    pub(super) fn payloads(&self) -> anyhow::Result<HashSet<String>> {
        let entries = std::fs::read_dir(self.folder.join("state/spool"))?;
        let folders = entries.flatten().filter(|entry| entry.path().is_dir());
        Ok(folders.filter_map(|entry| entry.file_name().into_string().ok()).collect())
    }

    /// What the gateway counts, for Prometheus.
    pub(super) fn metrics(&self) -> anyhow::Result<String> {
        ask(self.admin_address()?, "GET", "/metrics", "")
    }

    /// The gateway's log.
    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("gateway.log")
    }
}

fn signal(name: &str, id: u32) -> anyhow::Result<()> {
    let status = Command::new("kill").args([name, &id.to_string()]).stderr(Stdio::null()).status()?;
    // One that has been killed meanwhile cannot be signalled: whoever looks next sees it.
    let _ = status;
    Ok(())
}

fn was_killed(status: ExitStatus) -> bool {
    const SIGKILL: i32 = 9;
    status.signal() == Some(SIGKILL)
}

/// Looks until something is so.
pub(super) fn until(what: &str, mut look: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let limit = Instant::now() + PATIENCE;
    while !look()? {
        ensure!(Instant::now() < limit, "waited {} s in vain: {what}", PATIENCE.as_secs());
        std::thread::sleep(LOOK);
    }
    Ok(())
}
