//! TLS as testssl.sh finds it: every protocol, cipher, extension and known weakness that it knows, on a listener as it is by
//! itself, and on one that also has an older client.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use super::authority::{Authority, For, Valid};
use super::gateway::Gateway;
use crate::workspace::{Programs, root};

/// The two listeners.
const LISTENERS: [&str; 2] = ["new", "older"];
/// How long one examination may take; mostly it is a minute.
const MOST: Duration = Duration::from_secs(480);
/// Severities that need no reason.
const HARMLESS: [&str; 3] = ["OK", "INFO", "LOW"];

/// What testssl.sh may say, and what it must (`xtask/data/testssl.toml`).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectations {
    accepted: Vec<Accepted>,
    expected: Vec<Expected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    id: String,
    severity: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    listener: Option<String>,
    id: String,
    finding: String,
}

/// One thing that testssl.sh has found, as it writes it.
#[derive(Deserialize)]
struct Finding {
    id: String,
    severity: String,
    finding: String,
}

/// Both listeners are examined at once, the client beside is answered meanwhile, and nothing is left open.
pub(super) fn over_tls(programs: &Programs, folder: &Path) -> anyhow::Result<()> {
    let authority = Authority::found(folder, "authority")?;
    let [certificate, key] =
        authority.issue("gateway", For::Server("DNS:localhost,IP:127.0.0.1"), Valid::Now)?;
    let tls =
        format!("routes = [\"attributes\"]\n[listener.tls]\ncertificate = {certificate:?}\nkey = {key:?}\n");
    let head = format!(
        "[[listener]]\nname = \"new\"\nlisten = \"127.0.0.1:0\"\n{tls}\
         [[listener]]\nname = \"older\"\nlisten = \"127.0.0.1:0\"\n{tls}oldest_version = \"1.2-for-an-older-client\"\n\
         [[listener]]\nname = \"plain\"\nlisten = \"127.0.0.1:0\"\nroutes = [\"attributes\"]\n"
    );
    let gateway = Gateway::start(programs, folder, &head, None)?;
    let descriptors = gateway.descriptors()?;
    let mut examiners = Vec::new();
    for listener in LISTENERS {
        examiners.push(Examiner::start(&gateway, listener, folder, &authority.root())?);
    }
    let began = Instant::now();
    while examiners.iter_mut().any(Examiner::is_busy) {
        gateway.answers_beside("plain")?;
        if began.elapsed() > MOST {
            bail!("testssl.sh has not ended within {MOST:?}; see {}", folder.display());
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    let judge: Expectations =
        toml::from_str(&std::fs::read_to_string(root().join("xtask/data/testssl.toml"))?)?;
    let mut said = Vec::new();
    for (listener, examiner) in LISTENERS.into_iter().zip(&examiners) {
        let findings = std::fs::read_to_string(&examiner.findings).context("what testssl.sh has written")?;
        let findings: Vec<Finding> =
            serde_json::from_str(&findings).context("what testssl.sh has written")?;
        let wrong = judge.wrong(listener, &findings);
        ensure!(wrong.is_empty(), "the listener {listener}:\n{}", wrong.join("\n"));
        said.push(findings.len().to_string());
    }
    gateway.until_at_rest(descriptors)?;
    gateway.stop()?;
    let seconds = began.elapsed().as_secs();
    println!("testssl.sh: {} findings, none above LOW without its reason, {seconds} s", said.join(" and "));
    Ok(())
}

impl Expectations {
    /// What is found and needs a reason that is not there, and what is missing.
    fn wrong(&self, listener: &str, findings: &[Finding]) -> Vec<String> {
        let mut wrong: Vec<String> = findings
            .iter()
            .filter(|found| !HARMLESS.contains(&found.severity.as_str()))
            .filter(|found| {
                let is_known = |known: &&Accepted| known.id == found.id && known.severity == found.severity;
                self.accepted.iter().find(is_known).is_none_or(|known| known.reason.is_empty())
            })
            .map(|found| format!("{} {}: {}", found.severity, found.id, found.finding))
            .collect();
        for wanted in &self.expected {
            if wanted.listener.as_ref().is_some_and(|only| only != listener) {
                continue;
            }
            let there =
                findings.iter().any(|found| found.id == wanted.id && found.finding.contains(&wanted.finding));
            if !there {
                wrong.push(format!("{} does not say {:?}", wanted.id, wanted.finding));
            }
        }
        wrong
    }
}

/// testssl.sh at work; stopped when it is let go.
struct Examiner {
    child: Child,
    findings: PathBuf,
}

impl Examiner {
    fn start(gateway: &Gateway, listener: &str, folder: &Path, roots: &Path) -> anyhow::Result<Self> {
        let findings = folder.join(format!("{listener}.json"));
        let child = Command::new("testssl")
            // Nobody but the gateway is asked anything: no names are looked up, no list is fetched.
            .args([
                "--quiet",
                "--warnings",
                "off",
                "--color",
                "0",
                "--nodns",
                "none",
                "--ip",
                "127.0.0.1",
                "--add-ca",
            ])
            .arg(roots)
            .arg("--jsonfile")
            .arg(&findings)
            .arg(format!("https://localhost:{}", gateway.listener(listener)?.port()))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(File::create(folder.join(format!("{listener}.txt")))?)
            .stderr(File::create(folder.join(format!("{listener}.err")))?)
            .spawn()
            .context("starting testssl.sh")?;
        Ok(Self { child, findings })
    }

    fn is_busy(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Examiner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(id: &str, severity: &str, finding: &str) -> Finding {
        Finding { id: id.to_owned(), severity: severity.to_owned(), finding: finding.to_owned() }
    }

    #[test]
    fn what_is_above_low_needs_a_reason_and_what_is_expected_must_be_there() {
        let judge: Expectations = toml::from_str(include_str!("../../data/testssl.toml")).unwrap();
        assert!(judge.accepted.iter().all(|known| !known.reason.is_empty()));
        let mut complete: Vec<_> =
            judge.expected.iter().map(|wanted| found(&wanted.id, "OK", &wanted.finding)).collect();
        complete.push(found("engine_problem", "WARN", ""));
        assert_eq!(judge.wrong("older", &complete), Vec::<String>::new());
        complete.push(found("LUCKY13", "LOW", "potentially"));
        assert_eq!(judge.wrong("older", &complete), Vec::<String>::new());
        for severity in ["MEDIUM", "HIGH", "CRITICAL", "WARN", "FATAL"] {
            complete.push(found("BEAST", severity, "vulnerable"));
            assert_eq!(judge.wrong("older", &complete), [format!("{severity} BEAST: vulnerable")]);
            complete.pop();
        }
        complete.retain(|finding| finding.id != "scanTime");
        assert_eq!(judge.wrong("older", &complete).len(), 1);
    }
}
