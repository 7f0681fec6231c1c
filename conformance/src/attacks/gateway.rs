//! The gateway that is attacked: a process, where it listens, and what can be seen of it from outside.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

/// How long it may take to end.
const ENDS: Duration = Duration::from_secs(60);

pub(super) struct Gateway {
    child: Child,
    listeners: BTreeMap<String, SocketAddr>,
    state: PathBuf,
}

impl Gateway {
    /// Starts the program and waits until it is ready.
    ///
    /// # Errors
    /// It does not get ready.
    pub(super) fn start(program: &Path, config: &Path, state: PathBuf, log: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(program)
            .args(["serve", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(log)?)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let out = child.stdout.take().context("the gateway has no output")?;
        let mut gateway = Self { child, listeners: BTreeMap::new(), state };
        for line in BufReader::new(out).lines() {
            let line = line?;
            match line.split(' ').collect::<Vec<_>>().as_slice() {
                ["listening", name, address] => {
                    gateway.listeners.insert((*name).to_owned(), address.parse()?);
                }
                ["ready"] => return Ok(gateway),
                _ => bail!("the gateway said {line:?}"),
            }
        }
        bail!("the gateway ended before it was ready; see {}", log.display())
    }

    /// Where it listens.
    ///
    /// # Errors
    /// It has no listener of that name.
    pub(super) fn address(&self, listener: &str) -> anyhow::Result<SocketAddr> {
        self.listeners.get(listener).copied().with_context(|| format!("there is no listener {listener}"))
    }

    /// Whether the process is there.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Descriptors that it has open.
    pub(super) fn descriptors(&self) -> anyhow::Result<usize> {
        let folder = format!("/proc/{}/fd", self.child.id());
        Ok(std::fs::read_dir(folder).context("the gateway's descriptors cannot be seen")?.count())
    }

    /// Memory that is resident, in KiB.
    pub(super) fn resident(&self) -> anyhow::Result<u64> {
        self.memory("VmRSS:")
    }

    /// The most that was ever resident, in KiB.
    pub(super) fn most_resident(&self) -> anyhow::Result<u64> {
        self.memory("VmHWM:")
    }

    fn memory(&self, which: &str) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with(which)).context("no resident memory")?;
        line.split_whitespace().nth(1).and_then(|value| value.parse().ok()).context("no number")
    }

    /// Folders of batches in the spool.
    pub(super) fn spooled(&self) -> anyhow::Result<usize> {
        let entries = std::fs::read_dir(self.state.join("spool"))?;
        Ok(entries.filter_map(Result::ok).filter(|entry| entry.path().is_dir()).count())
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// It does not end, or with an error.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        let until = Instant::now() + ENDS;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the gateway ended with {status}");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("the gateway did not end in {} s", ENDS.as_secs())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
