//! A gateway that is measured.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::processes::{Program, get, memory, reset_peak};

/// How often something is looked at that is waited for.
const LOOK: Duration = Duration::from_millis(50);
/// After this time an idle gateway has looked at every hop once.
const SETTLE: Duration = Duration::from_secs(2);

/// A running gateway.
pub(super) struct Gateway {
    /// Address of its listener.
    pub(super) listener: SocketAddr,
    /// How long it took from its start until it was ready.
    pub(super) ready: Duration,
    admin: SocketAddr,
    program: Program,
}

impl Gateway {
    /// Starts `command`, which is `sekisho` without arguments, over `sekisho.toml` in the folder; its log goes there
    /// too. Returns when it is ready.
    pub(super) fn start(mut command: Command, folder: &Path) -> anyhow::Result<Self> {
        let log = folder.join("gateway.log");
        let seen = || format!("see {}", log.display());
        command.args(["serve", "--config"]).arg(folder.join("sekisho.toml")).stderr(File::create(&log)?);
        let started = Instant::now();
        let mut program = Program::start("the gateway", &mut command).with_context(seen)?;
        let (listener, admin) = program.ready().with_context(seen)?;
        let ready = started.elapsed();
        Ok(Self { listener, ready, admin, program })
    }

    /// Its process id.
    pub(super) fn id(&self) -> u32 {
        self.program.id()
    }

    /// Asks its admin listener.
    pub(super) fn ask(&self, path: &str) -> anyhow::Result<Value> {
        get(self.admin, path)
    }

    /// Resident memory in MiB once it is idle; the peak counts from here.
    pub(super) fn idle(&self) -> f64 {
        std::thread::sleep(SETTLE);
        reset_peak(self.id());
        memory(self.id()).resident as f64 / 1024.0
    }

    /// Peak of its resident memory in MiB.
    pub(super) fn peak(&self) -> f64 {
        memory(self.id()).peak as f64 / 1024.0
    }

    /// Seconds of processor time that it has used.
    pub(super) fn cpu(&self) -> f64 {
        cpu(self.id())
    }

    /// Waits until it has no batch that is not finished.
    pub(super) fn until_delivered(&self, limit: Duration) -> anyhow::Result<()> {
        until_delivered(self.admin, limit)
    }

    /// Asks it to take its configuration over anew.
    pub(super) fn reload(&self) -> anyhow::Result<()> {
        crate::workspace::check(Command::new("kill").args(["-HUP", &self.id().to_string()]))
    }

    /// Kills it (SIGKILL), and waits until it is gone.
    pub(super) fn kill(self) -> anyhow::Result<()> {
        self.program.kill()
    }

    /// Asks it to end, and waits until it has.
    pub(super) fn stop(self) -> anyhow::Result<()> {
        self.program.stop()
    }
}

/// Waits until the gateway with this admin listener has no batch that is not finished.
pub(super) fn until_delivered(admin: SocketAddr, limit: Duration) -> anyhow::Result<()> {
    let started = Instant::now();
    loop {
        let open = get(admin, "/batches?finished=false&limit=1")?;
        if open["batches"].as_array().is_some_and(Vec::is_empty) {
            return Ok(());
        }
        if started.elapsed() > limit {
            bail!("the delivery has not ended within {limit:?}");
        }
        std::thread::sleep(LOOK);
    }
}

/// Clock ticks a second in `/proc`: USER_HZ, part of Linux's binary interface.
const TICKS: f64 = 100.0;

/// Seconds of processor time that a process has used, in itself and the system for it; 0 when it is gone.
pub(super) fn cpu(id: u32) -> f64 {
    stat(id).map_or(0.0, |fields| {
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        (ticks(11) + ticks(12)) / TICKS
    })
}

/// Processes whose parent is this one.
pub(super) fn children(id: u32) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|child| stat(*child).is_some_and(|fields| fields.get(1) == Some(&id.to_string()))).collect()
}

/// The fields of `/proc/ID/stat` behind the name, which may hold anything; the first is the state.
fn stat(id: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_the_child_of_its_parent() {
        let own = std::process::id();
        let mut child = Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        assert!(children(own).contains(&child.id()));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(!children(own).contains(&child.id()));
    }
}
