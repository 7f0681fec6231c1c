//! Slow attacks as slowhttptest does them: heads, bodies and answers that never end, and heads full of ranges.
//!
//! One address attacks. During each attack a client with another one is answered, memory stays below its ceiling, and
//! afterwards connections and descriptors are back where they were.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::authority::{Authority, For, Valid};
use super::gateway::{Counts, Gateway};
use crate::processes::{memory, reset_peak};
use crate::workspace::Programs;

/// Times that are short, so that the attacks are, too. Everything else is as it is by itself: of the 4,096 connections of a
/// listener one address may have 1,024.
const LIMITS: &str = "[limits]\nhead_timeout_ms = 4000\nbody_rate_window_ms = 4000\nwrite_stall_ms = 4000\n";
/// The ceiling over rest in KiB: 32 bodies that are read at once, 4 MiB each, and 32 KiB for each of 2,000 connections.
const CEILING: u64 = 32 * 4 * 1024 + 2_000 * 32;
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(250);
/// Refusals of a client that wants more than its share.
const SHARES: [&str; 2] = ["client-rate-exceeded", "client-requests-full"];

/// One attack.
struct Attack {
    name: &'static str,
    /// Of slowhttptest.
    arguments: &'static str,
    listener: &'static str,
    path: &'static str,
    connections: u32,
    /// Whether it goes on until it is stopped, after the gateway has let go of all of it.
    endless: bool,
    /// The most connections that the gateway must have been seen with at once, at least; 0 where it is over too soon to look.
    seen: f64,
    /// What must have come of it.
    outcome: fn(&Delta<'_>) -> anyhow::Result<()>,
}

const ATTACKS: [Attack; 5] = [
    Attack {
        name: "heads that never end (slowloris)",
        arguments: "-H -i 2 -l 90",
        listener: "plain",
        path: "/attributes",
        connections: 1_500,
        endless: false,
        seen: 500.0,
        outcome: heads,
    },
    Attack {
        name: "heads that never end, over TLS",
        arguments: "-H -i 2 -l 90",
        listener: "tls",
        path: "/attributes",
        connections: 500,
        endless: false,
        seen: 100.0,
        outcome: heads,
    },
    Attack {
        name: "bodies that never end (R-U-Dead-Yet)",
        arguments: "-B -f text/csv -s 8192 -i 1 -l 15",
        listener: "plain",
        path: "/attributes/batches",
        connections: 1_000,
        endless: false,
        seen: 100.0,
        outcome: bodies,
    },
    Attack {
        name: "heads full of ranges (Apache killer)",
        arguments: "-R -t GET -a 1 -b 1500 -l 30",
        listener: "plain",
        path: "/attributes/heartbeat",
        connections: 1_000,
        endless: false,
        seen: 0.0,
        outcome: ranges,
    },
    Attack {
        name: "answers that are hardly read (slow read)",
        arguments: "-X -k 10 -w 10 -y 20 -n 2 -z 5 -l 120",
        listener: "plain",
        path: "/attributes?wsdl",
        connections: 1_000,
        endless: true,
        seen: 500.0,
        outcome: answers,
    },
];

/// All of them, one after the other, against one gateway.
pub(super) fn attacked(programs: &Programs, folder: &Path) -> anyhow::Result<()> {
    let authority = Authority::found(folder, "authority")?;
    let [certificate, key] = authority.issue("gateway", For::Server("DNS:localhost"), Valid::Now)?;
    let head = format!(
        "{LIMITS}[[listener]]\nname = \"plain\"\nlisten = \"127.0.0.1:0\"\nroutes = [\"attributes\"]\n\
         [[listener]]\nname = \"tls\"\nlisten = \"127.0.0.1:0\"\nroutes = [\"attributes\"]\n[listener.tls]\n\
         certificate = {certificate:?}\nkey = {key:?}\n"
    );
    let gateway = Gateway::start(programs, folder, &head, None)?;
    gateway.answers_beside("plain")?;
    gateway.until_at_rest(usize::MAX)?;
    let descriptors = gateway.descriptors()?;
    for attack in &ATTACKS {
        attack.survived(&gateway, folder, descriptors).with_context(|| attack.name)?;
    }
    gateway.stop()
}

/// What an attack has changed.
struct Delta<'a> {
    attack: &'a Attack,
    before: Counts,
    after: Counts,
}

impl Delta<'_> {
    fn of(&self, beginning: &str) -> f64 {
        self.after.sum(beginning) - self.before.sum(beginning)
    }

    fn refused(&self, codes: &[&str]) -> f64 {
        self.after.refused(codes) - self.before.refused(codes)
    }

    fn answered(&self, class: &str) -> f64 {
        let series = |counts: &Counts| {
            ["swa", "soap", "rest"]
                .iter()
                .flat_map(|door| ["attributes", "none"].map(|route| (door, route)))
                .map(|(door, route)| {
                    counts.sum(&format!(
                        "sekisho_requests_total{{door=\"{door}\",route=\"{route}\",status=\"{class}\"}}"
                    ))
                })
                .sum::<f64>()
        };
        series(&self.after) - series(&self.before)
    }

    /// The connections of the attack.
    fn connections(&self) -> f64 {
        f64::from(self.attack.connections)
    }
}

impl Attack {
    fn survived(&self, gateway: &Gateway, folder: &Path, descriptors: usize) -> anyhow::Result<()> {
        let (before, began) = (gateway.counts()?, Instant::now());
        reset_peak(gateway.id());
        let resident = memory(gateway.id()).resident;
        let mut attacker = Attacker::start(self, gateway, folder)?;
        let (mut most, mut looks) = (0.0, 0);
        loop {
            gateway.answers_beside("plain")?;
            looks += 1;
            // The client beside has gone.
            let open = gateway.counts()?.sum("sekisho_connections ");
            most = f64::max(most, open);
            let busy = attacker.is_busy()?;
            if !busy || self.endless && most >= self.seen && open == 0.0 {
                ensure!(!self.endless || busy, "the attack ended before the gateway had let go of it");
                break;
            }
            std::thread::sleep(PAUSE);
        }
        drop(attacker);
        ensure!(most >= self.seen, "the gateway was never seen with more than {most} connections");
        gateway.until_at_rest(descriptors)?;
        let peak = memory(gateway.id()).peak.saturating_sub(resident);
        ensure!(peak <= CEILING, "{peak} KiB of memory over rest, and the ceiling is {CEILING}");
        let after = gateway.counts()?;
        (self.outcome)(&Delta { attack: self, before, after })?;
        let (seconds, mebibytes) = (began.elapsed().as_secs(), peak / 1024);
        println!("{}: {looks} answers beside it, {mebibytes} MiB, {seconds} s", self.name);
        Ok(())
    }
}

/// Every connection was cut when its head had had its time, or turned away before.
fn heads(delta: &Delta<'_>) -> anyhow::Result<()> {
    let late = delta.refused(&["head-too-slow"]);
    let away = delta.of("sekisho_connections_turned_away_total");
    let most = delta.connections();
    ensure!(late > 0.0 && late <= most, "{late} heads were too slow");
    // slowhttptest's own looks are turned away with the others.
    ensure!(late + away >= most, "{late} heads were too slow, {away} connections turned away");
    Ok(())
}

/// Some are read and given up, some wait unread until the attacker goes, what is beyond the share is refused; nothing is taken.
fn bodies(delta: &Delta<'_>) -> anyhow::Result<()> {
    let (slow, cut) = (delta.refused(&["body-slow"]), delta.refused(&["body-cut-short"]));
    let shares = delta.refused(&SHARES);
    ensure!(slow > 0.0, "no body was given up for coming too slowly");
    ensure!(shares > 0.0, "nothing was refused beyond the share");
    let refused = slow + cut + shares;
    ensure!(refused >= delta.connections(), "{refused} of the bodies were refused");
    let taken = delta.of("sekisho_batches_accepted_total") + delta.of("sekisho_records_accepted_total");
    ensure!(taken == 0.0, "something was taken");
    Ok(())
}

/// Ranges are nothing to the gateway: each request has its whole answer, once, or is beyond the client's rate.
fn ranges(delta: &Delta<'_>) -> anyhow::Result<()> {
    let (whole, shares) = (delta.answered("2xx"), delta.refused(&SHARES));
    ensure!(whole > 0.0, "no request was answered");
    ensure!(whole + shares >= delta.connections(), "{whole} were answered, {shares} beyond the share");
    let all = delta.of("sekisho_refusals_total");
    ensure!(all == shares, "{all} requests were refused, {shares} of them beyond the share");
    Ok(())
}

/// Ten requests a connection: each is answered or beyond the client's rate, or never read because the answers before it were
/// not taken.
fn answers(delta: &Delta<'_>) -> anyhow::Result<()> {
    let (whole, shares) = (delta.answered("2xx"), delta.refused(&SHARES));
    ensure!(whole > 0.0, "no request was answered");
    let all = delta.of("sekisho_refusals_total");
    ensure!(all == shares, "{all} requests were refused, {shares} of them beyond the share");
    Ok(())
}

/// slowhttptest at work; stopped when it is let go.
struct Attacker(Child);

impl Attacker {
    fn start(attack: &Attack, gateway: &Gateway, folder: &Path) -> anyhow::Result<Self> {
        let address = gateway.listener(attack.listener)?;
        let url = match attack.listener {
            "tls" => format!("https://localhost:{}{}", address.port(), attack.path),
            _ => format!("http://{address}{}", attack.path),
        };
        let said = File::create(folder.join("slowhttptest.log"))?;
        // It asks for no more descriptors than it was given.
        let child = Command::new("prlimit")
            .args(["--nofile=4096:", "slowhttptest", "-v", "1", "-r", "1000", "-p", "3"])
            .args(attack.arguments.split_whitespace())
            .args(["-c", &attack.connections.to_string(), "-u", &url])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stderr(said.try_clone()?)
            .stdout(said)
            .spawn()
            .context("starting slowhttptest")?;
        Ok(Self(child))
    }

    fn is_busy(&mut self) -> anyhow::Result<bool> {
        match self.0.try_wait()? {
            Some(status) => {
                ensure!(status.success(), "slowhttptest: {status}");
                Ok(false)
            }
            None => Ok(true),
        }
    }
}

impl Drop for Attacker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
