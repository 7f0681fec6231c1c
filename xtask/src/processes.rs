//! Programs that run beside a command, and what is asked of them over HTTP.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

/// A program that is stopped when it is no longer needed.
#[derive(Debug)]
pub(crate) struct Program {
    name: &'static str,
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Program {
    /// Starts a program; its standard output is read line by line.
    pub(crate) fn start(name: &'static str, command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        let out = child.stdout.take().with_context(|| format!("{name} has no output"))?;
        Ok(Self { name, child, lines: BufReader::new(out) })
    }

    /// The next line that it writes.
    pub(crate) fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        if self.lines.read_line(&mut line)? == 0 {
            bail!("{} ended before it was ready: {}", self.name, self.child.wait()?);
        }
        Ok(line.trim_end().to_owned())
    }

    /// Starts the reference cloud; where it listens.
    pub(crate) fn cloud(command: &mut Command) -> anyhow::Result<(Self, SocketAddr)> {
        let mut program = Self::start("the reference cloud", command)?;
        let line: Value = serde_json::from_str(&program.line()?).context("the cloud's first line")?;
        let address = line["address"].as_str().context("the cloud's address")?.parse()?;
        Ok((program, address))
    }

    /// Waits until a gateway is ready; the addresses of its listener and of the admin listener.
    pub(crate) fn ready(&mut self) -> anyhow::Result<(SocketAddr, SocketAddr)> {
        let (listeners, admin) = self.listening()?;
        let listener = listeners.into_values().next().context("the gateway named no listener")?;
        Ok((listener, admin))
    }

    /// Waits until a gateway is ready; the addresses of its listeners, by name, and of the admin listener.
    pub(crate) fn listening(&mut self) -> anyhow::Result<(BTreeMap<String, SocketAddr>, SocketAddr)> {
        let (mut listeners, mut admin) = (BTreeMap::new(), None);
        loop {
            let line = self.line()?;
            match line.split(' ').collect::<Vec<_>>().as_slice() {
                ["listening", "admin", address] => admin = Some(address.parse()?),
                ["listening", name, address] => {
                    listeners.insert((*name).to_owned(), address.parse()?);
                }
                ["ready"] => break,
                _ => bail!("the gateway said {line:?}"),
            }
        }
        Ok((listeners, admin.context("the gateway named no admin listener")?))
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it (SIGKILL), and waits until it is gone.
    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        let id = self.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status();
        if !asked.is_ok_and(|status| status.success()) {
            self.child.kill()?;
        }
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { bail!("{} ended with {status}", self.name) }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // A command that failed half-way leaves nothing running. Asked first, so that it can end its own children.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = Command::new("kill").args(["-TERM", &self.id().to_string()]).status();
        }
        let until = Instant::now() + Duration::from_secs(3);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Memory of a process from `/proc`, in KiB: resident now, and the peak.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    pub(crate) resident: u64,
    pub(crate) peak: u64,
}

/// Reads a process's memory.
pub(crate) fn memory(id: u32) -> Memory {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
    };
    Memory { resident: field("VmRSS:"), peak: field("VmHWM:") }
}

/// Starts the peak of a process's memory anew.
pub(crate) fn reset_peak(id: u32) {
    // Where the kernel does not allow it, the peak counts from the start: never too low.
    let _ = std::fs::write(format!("/proc/{id}/clear_refs"), "5");
}

/// One GET over a connection of its own; the body of a 200 as JSON.
pub(crate) fn get(address: SocketAddr, path: &str) -> anyhow::Result<Value> {
    let body = ask(address, "GET", path, "")?;
    serde_json::from_str(&body).with_context(|| format!("{path}: not JSON"))
}

/// One request over a connection of its own; the body of a 200.
pub(crate) fn ask(address: SocketAddr, method: &str, path: &str, body: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").context("an answer without a head")?;
    if !head.starts_with("HTTP/1.1 200") {
        bail!("{path}: {}", head.lines().next().unwrap_or_default());
    }
    Ok(body.to_owned())
}
