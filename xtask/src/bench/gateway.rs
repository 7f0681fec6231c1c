//! A gateway that runs beside a command.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use crate::processes::Program;

/// A running gateway.
pub(crate) struct Gateway {
    /// Address of its listener.
    pub(crate) listener: SocketAddr,
    /// Address of its admin listener.
    pub(crate) admin: SocketAddr,
    program: Program,
}

impl Gateway {
    /// Starts `command`, which is `sekisho` without arguments, with a configuration of one listener; its log goes to
    /// `log`. Returns when it is ready.
    pub(crate) fn start(mut command: Command, config: &Path, log: &Path) -> anyhow::Result<Self> {
        let seen = || format!("see {}", log.display());
        command.args(["serve", "--config"]).arg(config).stderr(File::create(log)?);
        let mut program = Program::start("the gateway", &mut command).with_context(seen)?;
        let (mut listener, mut admin) = (None, None);
        loop {
            let line = program.line().with_context(seen)?;
            match line.split(' ').collect::<Vec<_>>().as_slice() {
                ["listening", "admin", address] => admin = Some(address.parse()?),
                ["listening", _, address] => listener = Some(address.parse()?),
                ["ready"] => break,
                _ => bail!("the gateway said {line:?}"),
            }
        }
        let (listener, admin) = listener.zip(admin).context("the gateway named no addresses")?;
        Ok(Self { listener, admin, program })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.program.id()
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.program.stop()
    }
}
