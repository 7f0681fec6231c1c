//! Runs attacks against a gateway that is started for them.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, anyhow, ensure};

use super::attack::{Attack, AttackFile, Expected, Rule};
use super::certificates::{Certificates, secret};
use super::figures::{COME_AND_GO, Figures};
use super::gateway::Gateway;
use super::hostile::Upstream;
use super::state::{Left, State};
use super::wire::{Line, Seen, Then};
use crate::cases::message::{Names, bytes, expand};
use crate::cases::{Outcome, verdict};
use crate::cloud;
use crate::exchange::Reply;

/// What stands for something else in an attack.
#[cfg(test)]
pub(super) const NAMES: &[&str] = &["orders", "keyed", "relayed", "guarded", "path", "host", "bait", "pass"];
/// The routes of `conformance/attacks/gateway.toml`, by the names that attacks know them by.
const ROUTES: [(&str, &str); 4] =
    [("orders", "/bulk"), ("keyed", "/keyed"), ("relayed", "/relayed"), ("guarded", "/guarded")];
/// A value of attacks that may stand in nothing that comes back.
const CANARY: &str = "Kanari";
/// The token of the client `bearer`.
const TOKEN: &str = "token-of-the-bearer-0123456789abcdef-0123456789";

/// What a run needs.
#[derive(Clone, Debug)]
pub struct Options {
    /// The gateway's program.
    pub gateway: PathBuf,
    /// The folder with the attacks and the gateway's configuration.
    pub attacks: PathBuf,
    /// The folder with the schemas.
    pub schemas: PathBuf,
    /// A folder for everything that a run writes; it is emptied.
    pub folder: PathBuf,
    /// How often all of them are made.
    pub repeat: u64,
}

/// A gateway under attack, and what stands around it.
struct Siege {
    gateway: Gateway,
    upstream: Upstream,
    certificates: Certificates,
    /// Descriptors that it may have open between attacks.
    descriptors: usize,
    state: State,
    pass: u64,
    _cloud: tokio::runtime::Runtime,
}

/// Makes the attacks of the files, as often as is asked, and tells each outcome of the first pass, each failure of a later
/// one, and what is open and resident after each pass.
///
/// # Errors
/// The run cannot be made.
pub fn run(
    options: &Options,
    files: &[AttackFile],
    tell: &mut dyn FnMut(&str),
) -> anyhow::Result<Vec<Outcome>> {
    let mut siege = Siege::lay(options)?;
    let mut outcomes = Vec::new();
    let mut figures = Figures { at_rest: siege.gateway.resident()?, ..Figures::default() };
    for pass in 1..=options.repeat.max(1) {
        siege.pass = pass;
        let began = Instant::now();
        for outcome in siege.all(files)? {
            figures.attacks += 1;
            figures.failed += usize::from(!outcome.passed());
            if pass == 1 || !outcome.passed() {
                tell(&outcome.lines());
                outcomes.push(outcome);
            }
        }
        let (descriptors, resident) = (siege.gateway.descriptors()?, siege.gateway.resident()?);
        figures.passes.push((descriptors, resident));
        tell(&format!(
            "pass {pass} of {}: {} ms, {descriptors} descriptors, {resident} KiB resident",
            options.repeat.max(1),
            began.elapsed().as_millis(),
        ));
    }
    figures.peak = siege.gateway.most_resident()?;
    tell(&figures.to_string());
    let mut wrong = figures.wrong();
    siege.gateway.stop()?;
    wrong.extend(written(options)?);
    outcomes.push(Outcome {
        area: "state".to_owned(),
        name: "the gateway ends in order, holds no more memory and has written no value of a payload"
            .to_owned(),
        rule: "no payload in any log; memory bounded by construction".to_owned(),
        wrong,
        took: std::time::Duration::ZERO,
    });
    Ok(outcomes)
}

/// What is wrong with what the gateway has written.
fn written(options: &Options) -> anyhow::Result<Vec<String>> {
    let state = options.folder.join("state");
    let mut wrong = Vec::new();
    let mut paths = vec![options.folder.join("gateway.log")];
    for folder in [state.clone(), state.join("exchanges")] {
        let entries = std::fs::read_dir(&folder)?.filter_map(|entry| Some(entry.ok()?.path()));
        paths.extend(entries.filter(|path| path.is_file()));
    }
    for path in paths {
        let bytes = std::fs::read(&path)?;
        if memchr::memmem::find(&bytes, CANARY.as_bytes()).is_some() {
            wrong.push(format!("a value of a payload stands in {}", path.display()));
        }
        if path.ends_with("gateway.log") && memchr::memmem::find(&bytes, b"panicked").is_some() {
            wrong.push(format!("something panicked: {}", path.display()));
        }
    }
    let verified = std::process::Command::new(&options.gateway)
        .args(["log", "verify", "--closed"])
        .arg(state.join("exchanges"))
        .output()?;
    if !verified.status.success() {
        wrong.push("the exchange log does not hold".to_owned());
    }
    Ok(wrong)
}

impl Siege {
    /// Starts everything, and sees what is open when nothing happens.
    fn lay(options: &Options) -> anyhow::Result<Self> {
        let folder = &options.folder;
        if folder.exists() {
            std::fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
        }
        std::fs::create_dir_all(folder)?;
        let certificates = Certificates::make(folder)?;
        secret(&folder.join("bearer.token"), TOKEN)?;
        let upstream = Upstream::start()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listen = "127.0.0.1:0".parse()?;
        let cloud = runtime.block_on(cloud::start(cloud::Options {
            listen,
            open: true,
            ..cloud::Options::default()
        }))?;
        let names: Names = [
            ("schemas", options.schemas.canonicalize()?.display().to_string()),
            ("cloud", cloud.address().to_string()),
            ("hostile", upstream.address.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let template = std::fs::read_to_string(options.attacks.join("gateway.toml"))?;
        let config = folder.join("gateway.toml");
        std::fs::write(&config, expand(&template, &names)?)?;
        let log = folder.join("gateway.log");
        let gateway = Gateway::start(&options.gateway, &config, folder.join("state"), &log)?;
        let mut siege = Self {
            gateway,
            upstream,
            certificates,
            descriptors: 0,
            state: State::default(),
            pass: 0,
            _cloud: runtime,
        };
        siege.serves()?;
        siege.state = State::of(&siege.gateway, &siege.upstream)?;
        // Its own connections to the cloud and to its ledger come and go.
        siege.descriptors = siege.gateway.descriptors()? + COME_AND_GO;
        Ok(siege)
    }

    /// Every attack once: those that wait for no deadline one after another, the others side by side.
    fn all(&mut self, files: &[AttackFile]) -> anyhow::Result<Vec<Outcome>> {
        let mut outcomes = Vec::new();
        let mut slow = Vec::new();
        for file in files {
            for rule in &file.rule {
                for attack in &rule.attack {
                    if attack.is_slow() {
                        slow.push((file, rule, attack));
                        continue;
                    }
                    let began = Instant::now();
                    let mut wrong = self.one(file, rule, attack)?;
                    ensure!(self.gateway.is_alive(), "{}: the gateway has ended", attack.id);
                    wrong.retain(|what| !what.is_empty());
                    outcomes.push(outcome(file, rule, attack, wrong, began));
                }
            }
        }
        outcomes.extend(self.side_by_side(&slow)?);
        Ok(outcomes)
    }

    fn one(&mut self, file: &AttackFile, rule: &Rule, attack: &Attack) -> anyhow::Result<Vec<String>> {
        let expected = attack.expected(rule).ok_or_else(|| anyhow!("nothing is expected"))?;
        self.upstream.says(attack.upstream.clone());
        let mut wrong =
            self.exchange(file, attack, expected).unwrap_or_else(|error| vec![format!("{error:#}")]);
        wrong.extend(self.left(Left::by(attack, expected))?);
        Ok(wrong)
    }

    fn side_by_side(&mut self, slow: &[(&AttackFile, &Rule, &Attack)]) -> anyhow::Result<Vec<Outcome>> {
        let began = Instant::now();
        self.upstream.says(None);
        let mut left = Left::default();
        for (_, rule, attack) in slow {
            left = left
                .and(Left::by(attack, attack.expected(rule).ok_or_else(|| anyhow!("nothing is expected"))?));
        }
        let this = &*self;
        let mut outcomes = std::thread::scope(|scope| {
            let handles: Vec<_> = slow
                .iter()
                .map(|(file, rule, attack)| {
                    scope.spawn(move || {
                        let expected = attack.expected(rule).context("nothing is expected");
                        let wrong = expected.and_then(|expected| this.exchange(file, attack, expected));
                        let wrong = wrong.unwrap_or_else(|error| vec![format!("{error:#}")]);
                        outcome(file, rule, attack, wrong, began)
                    })
                })
                .collect();
            let joined =
                handles.into_iter().map(|handle| handle.join().map_err(|_| anyhow!("a thread failed")));
            joined.collect::<anyhow::Result<Vec<_>>>()
        })?;
        let wrong = self.left(left)?;
        if let Some(last) = outcomes.last_mut() {
            last.wrong.extend(wrong.into_iter().map(|what| format!("after all that are slow: {what}")));
        }
        Ok(outcomes)
    }

    /// What is wrong with the state that was left.
    fn left(&mut self, left: Left) -> anyhow::Result<Vec<String>> {
        let mut wrong = Vec::new();
        if let Err(error) = self.serves() {
            wrong.push(format!("a plain request is not served afterwards: {error:#}"));
        }
        let (state, found) =
            self.state.settled(&left, self.descriptors, &mut self.gateway, &self.upstream)?;
        self.state = state;
        wrong.extend(found);
        Ok(wrong)
    }

    /// Whether a plain request on a connection of its own is served.
    fn serves(&self) -> anyhow::Result<()> {
        let line = Line { to: self.gateway.address("open")?, from: [127, 0, 0, 1].into(), tls: None };
        let seen = line.attack(&plain("/bulk"), &super::attack::Manner::default(), Then::Whatever)?;
        ensure!(seen.reply.status == 200, "status {}", seen.reply.status);
        Ok(())
    }

    /// Makes one attack; what is not as expected of the answers.
    fn exchange(
        &self,
        file: &AttackFile,
        attack: &Attack,
        expected: &Expected,
    ) -> anyhow::Result<Vec<String>> {
        let to = self.gateway.address(&attack.listener)?;
        let tls = attack.certificate.as_deref().map(|name| self.certificates.client(name)).transpose()?;
        let line = Line { to, from: attack.from.parse()?, tls };
        let path = ROUTES.iter().find(|(name, _)| *name == attack.route).map(|(_, path)| *path);
        let path = path.ok_or_else(|| anyhow!("no route {}", attack.route))?;
        let mut names: Names =
            ROUTES.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned())).collect();
        names.extend(file.text.clone());
        names.insert("path".to_owned(), path.to_owned());
        names.insert("host".to_owned(), to.to_string());
        names.insert("bait".to_owned(), self.upstream.bait.to_string());
        names.insert("pass".to_owned(), self.pass.to_string());
        for send in &attack.before {
            let sent = bytes(send, &names, Path::new(""))?;
            let reply = line.attack(&sent, &super::attack::Manner::default(), Then::Whatever)?.reply;
            ensure!((200..300).contains(&reply.status), "what goes before is answered with {}", reply.status);
        }
        let nothing = attack.send.raw.is_empty() && attack.send.head.is_empty();
        let sent = if nothing { Vec::new() } else { bytes(&attack.send, &names, Path::new(""))? };
        if let Some(connections) = attack.manner.connections {
            return Ok(many(expected, &line.crowd(&sent, connections)?));
        }
        if let Some(times) = attack.manner.times {
            return Ok(many(expected, &line.again(&sent, times)?));
        }
        let next = plain(if attack.route == "guarded" { path } else { "/bulk" });
        let then = match expected.closed {
            Some(true) => Then::End,
            Some(false) | None => Then::Serves(&next),
        };
        let seen = line.attack(&sent, &attack.manner, then)?;
        Ok(judge(expected, &seen))
    }
}

/// A request that is nothing special, and asks the ledger.
fn plain(path: &str) -> Vec<u8> {
    format!("GET {path}/batches?limit=1 HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()
}

fn outcome(file: &AttackFile, rule: &Rule, attack: &Attack, wrong: Vec<String>, began: Instant) -> Outcome {
    let source = if rule.source.is_empty() { String::new() } else { format!(" ({})", rule.source) };
    Outcome {
        area: file.kind.clone(),
        name: attack.id.clone(),
        rule: format!("{}{source}", rule.name),
        wrong,
        took: began.elapsed(),
    }
}

/// What is not as expected of one exchange.
fn judge(expected: &Expected, seen: &Seen) -> Vec<String> {
    let reply = &seen.reply;
    let unanswered = expected.silence || !expected.handshake.is_empty() || !expected.counted.is_empty();
    if unanswered || (!expected.away.is_empty() && expected.status == 0) {
        let answered = reply.status != 0;
        return if answered {
            vec![format!("status {} in place of silence", reply.status)]
        } else {
            Vec::new()
        };
    }
    let mut wrong = verdict(&as_case(expected), reply);
    // One that the gateway only gets tired of is no connection that it ends.
    let said = reply.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    if expected.closed == Some(true) && expected.status >= 400 && !said {
        wrong.push("the answer does not say that the connection ends".to_owned());
    }
    if seen.more > 0 {
        wrong.push(format!("{} bytes came behind the answer", seen.more));
    }
    if expected.unasked && !reply.interim.is_empty() {
        wrong.push("the body was asked for".to_owned());
    }
    let ended = expected.closed.is_none() && seen.next == Some(0);
    if seen.next.is_some_and(|status| !ended && status != expected.next.unwrap_or(200)) {
        wrong.push(format!("the next request on the connection got {:?}", seen.next));
    }
    wrong
}

/// What is not as expected of many: one of them at the least is hit, and the others are served.
fn many(expected: &Expected, replies: &[Reply]) -> Vec<String> {
    let hit = |reply: &&Reply| verdict(&as_case(expected), reply).is_empty();
    let mut wrong = Vec::new();
    if !replies.iter().any(|reply| hit(&reply)) {
        let statuses: std::collections::BTreeSet<u16> = replies.iter().map(|reply| reply.status).collect();
        wrong.push(format!("none of {} was refused with {}: {statuses:?}", replies.len(), expected.code));
    }
    for reply in replies.iter().filter(|reply| !hit(reply)) {
        let is_other = expected.others.is_some_and(|status| status == reply.status) || reply.status == 0;
        if !is_other {
            wrong.push(format!("status {} among them", reply.status));
            break;
        }
    }
    wrong
}

/// As the cases have it.
fn as_case(expected: &Expected) -> crate::cases::case::Expect {
    let mut never = expected.never.clone();
    never.push(CANARY.to_owned());
    crate::cases::case::Expect {
        status: vec![expected.status],
        problem: expected.code.clone(),
        no_headers: expected.no_headers.clone(),
        contains: expected.contains.clone(),
        never,
        ..Default::default()
    }
}
