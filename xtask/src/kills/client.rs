//! Clients that send batches by their doors, with idempotency keys, and send again until they have a receipt.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use base64::Engine as _;
use serde_json::Value;

use super::routes::{RECORDS, ROUTES, Route};
use super::site::{PATIENCE, Whereabouts};
use crate::demo::Door;

/// Batches of one client that may be on their way: with more, the cloud would not keep up with what is accepted.
const MOST_OPEN: usize = 3;
/// One in so many batches is sent again after its receipt.
const REPEATED: u64 = 6;
/// Namespace of the gateway's own messages.
const NAMESPACE: &str = "urn:sekisho:gateway:1";
/// How long a client waits before it tries again.
const PAUSE: Duration = Duration::from_millis(10);

/// A batch that has a receipt.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) route: Route,
    /// Its number on its route, from 0.
    pub(super) batch: u64,
    /// The gateway's name for it.
    pub(super) id: String,
}

/// What the clients of a campaign have done and seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    sent: Mutex<Vec<Sent>>,
    /// Codes of refusals, with how many of each.
    refusals: Mutex<BTreeMap<String, u64>>,
    /// Requests sent again, since no answer had come or the gateway was not able to take them.
    pub(super) repeated: AtomicU64,
}

impl Seen {
    /// Every batch that has a receipt.
    pub(super) fn sent(&self) -> Vec<Sent> {
        locked(&self.sent).clone()
    }

    /// How many have.
    pub(super) fn receipts(&self) -> usize {
        locked(&self.sent).len()
    }

    /// Refusals so far, by their codes.
    pub(super) fn refusals(&self) -> BTreeMap<String, u64> {
        locked(&self.refusals).clone()
    }
}

/// A client for each route, sending until it is told to stop.
pub(super) struct Clients {
    stop: Arc<AtomicBool>,
    press: Arc<AtomicBool>,
    threads: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Clients {
    /// Starts them; their batches are numbered from `from` on.
    pub(super) fn start(seen: &Arc<Seen>, whereabouts: &Arc<Whereabouts>, seed: u64, from: &[u64]) -> Self {
        let (stop, press) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let threads = ROUTES.iter().zip(from).enumerate().map(|(number, (route, from))| {
            let client = Client {
                route: *route,
                seen: Arc::clone(seen),
                whereabouts: Arc::clone(whereabouts),
                stop: Arc::clone(&stop),
                press: Arc::clone(&press),
                chance: fastrand::Rng::with_seed(seed ^ (number as u64) << 32),
                open: Vec::new(),
                next: *from,
            };
            std::thread::spawn(move || client.run())
        });
        let threads = threads.collect();
        Self { stop, press, threads }
    }

    /// Whether they send on, however many of their batches are on their way.
    pub(super) fn press(&self, on: bool) {
        self.press.store(on, Ordering::Relaxed);
    }

    /// Whether one has ended by itself: it has met what must not be.
    pub(super) fn are_well(&self) -> bool {
        !self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Lets each of them end its batch, which takes a gateway that runs.
    pub(super) fn stop(self) -> anyhow::Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().map_err(|_| anyhow::anyhow!("a client broke off"))??;
        }
        Ok(())
    }
}

struct Client {
    route: Route,
    seen: Arc<Seen>,
    whereabouts: Arc<Whereabouts>,
    stop: Arc<AtomicBool>,
    press: Arc<AtomicBool>,
    chance: fastrand::Rng,
    /// Batches that were not finished when they were looked at last.
    open: Vec<Sent>,
    next: u64,
}

/// What a gateway says to a batch.
enum Answer {
    Receipt {
        id: String,
        duplicate: bool,
    },
    /// Not now; with its code.
    Later(String),
    /// Nobody can know whether it was taken.
    None,
}

impl Client {
    fn run(mut self) -> anyhow::Result<()> {
        while !self.stop.load(Ordering::Relaxed) {
            self.look()?;
            if self.open.len() < MOST_OPEN || self.press.load(Ordering::Relaxed) {
                let batch = self.next;
                self.next += 1;
                let name = self.route.name;
                self.send(batch).with_context(|| format!("batch {batch} of the route {name}"))?;
            } else {
                std::thread::sleep(PAUSE);
            }
        }
        Ok(())
    }

    /// Sends a batch until there is a receipt for it. Every client does: what it has begun has to be there in the end.
    fn send(&mut self, batch: u64) -> anyhow::Result<()> {
        let until = std::time::Instant::now() + 10 * PATIENCE;
        loop {
            ensure!(std::time::Instant::now() < until, "no receipt: {:?}", self.seen.refusals());
            let Some(gateway) = self.whereabouts.address(|| std::time::Instant::now() < until) else {
                continue;
            };
            match post(gateway, self.route, batch)? {
                Answer::Receipt { id, .. } => {
                    let sent = Sent { route: self.route, batch, id };
                    locked(&self.seen.sent).push(sent.clone());
                    if self.chance.u64(..REPEATED) == 0 {
                        self.again(gateway, &sent)?;
                    }
                    if !self.route.awaited {
                        self.open.push(sent);
                    }
                    return Ok(());
                }
                Answer::Later(code) => *locked(&self.seen.refusals).entry(code).or_default() += 1,
                Answer::None => {}
            }
            self.seen.repeated.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(PAUSE);
        }
    }

    /// What has a receipt is sent once more: it is the same batch.
    fn again(&self, gateway: SocketAddr, sent: &Sent) -> anyhow::Result<()> {
        if let Answer::Receipt { id, duplicate } = post(gateway, sent.route, sent.batch)? {
            ensure!(id == sent.id && duplicate, "sent again, it became another batch: {} and {id}", sent.id);
        }
        Ok(())
    }

    /// Asks for the batches that are on their way, by REST whatever the door was.
    fn look(&mut self) -> anyhow::Result<()> {
        let Some(gateway) = self.whereabouts.address(|| false) else { return Ok(()) };
        let mut open = Vec::new();
        for sent in self.open.drain(..) {
            let path = format!("/{}/batches/{}", sent.route.name, sent.id);
            let Some((status, body)) = exchange(gateway, "GET", &path, "", "") else {
                open.push(sent);
                continue;
            };
            if status != 200 {
                ensure!(status >= 500, "asked for {path}, the gateway says {status}: {body}");
                open.push(sent);
                continue;
            }
            let receipt: Value = serde_json::from_str(&body).with_context(|| format!("a receipt: {body}"))?;
            balanced(&receipt["sums"]).with_context(|| format!("the receipt of {path}"))?;
            // What is held waits for an operator, who comes when all is quiet.
            if !matches!(receipt["state"].as_str(), Some("finished" | "held")) {
                open.push(sent);
            }
        }
        self.open = open;
        Ok(())
    }
}

/// The promise of conservation, as a receipt or the ledger states it.
pub(super) fn balanced(sums: &Value) -> anyhow::Result<()> {
    let sum = |name: &str| sums[name].as_u64();
    let parts =
        ["pending", "inFlight", "inDoubt", "delivered", "partial", "rejected", "cancelled", "expired"];
    let all: Option<u64> = parts.iter().map(|part| sum(part)).sum();
    ensure!(all.is_some() && all == sum("accepted"), "the sums do not balance: {sums}");
    Ok(())
}

fn post(gateway: SocketAddr, route: Route, batch: u64) -> anyhow::Result<Answer> {
    let key = format!("{}-{batch}", route.name);
    let (path, headers, body) = message(route, &key, &route.payload(batch));
    let Some((status, body)) = exchange(gateway, "POST", &format!("/{}{path}", route.name), &headers, &body)
    else {
        return Ok(Answer::None);
    };
    match status {
        200 if route.awaited => {
            answered(route, batch, &body)?;
            // It has no receipt, and its name is not told.
            Ok(Answer::Receipt { id: String::new(), duplicate: true })
        }
        200 | 202 => {
            let id = part(&body, "id").with_context(|| format!("a receipt without an id: {body}"))?;
            let duplicate = part(&body, "duplicate").is_some_and(|said| said == "true");
            Ok(Answer::Receipt { id, duplicate })
        }
        409 | 500 | 503 | 507 => {
            let code = part(&body, "code").with_context(|| format!("a refusal without a code: {body}"))?;
            // What cannot be stored has a status of its own by REST; a SOAP client sees a fault.
            let storing = if path.is_empty() { 500 } else { 507 };
            let is_storing = code.starts_with("spool-") || code.starts_with("ledger-");
            ensure!(
                code != "internal" && (!is_storing || status == storing),
                "the gateway refuses with {status}: {body}"
            );
            Ok(Answer::Later(code))
        }
        _ => bail!("the gateway refuses with {status}: {body}"),
    }
}

/// The cloud's answers to all parts, as one: a result for each record, in the order in which they were sent.
fn answered(route: Route, batch: u64, answer: &str) -> anyhow::Result<()> {
    let texts = |name: &str| -> Vec<String> {
        let open = format!("<{name}>");
        let parts = answer.split(open.as_str()).skip(1);
        parts.map(|rest| rest.split('<').next().unwrap_or_default().to_owned()).collect()
    };
    let sent: Vec<String> = (0..RECORDS).map(|record| route.key(batch, record).to_string()).collect();
    ensure!(
        texts("key") == sent && texts("success").iter().all(|success| success == "true"),
        "not the answer to what was sent: {answer}"
    );
    Ok(())
}

/// Path below the route's, further header fields, and body.
fn message(route: Route, key: &str, payload: &str) -> (&'static str, String, String) {
    let rest = |media: &str| {
        ("/batches", format!("Content-Type: {media}\r\nIdempotency-Key: \"{key}\"\r\n"), payload.to_owned())
    };
    let envelope = |content: &str| {
        format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><submitBatch \
             xmlns=\"{NAMESPACE}\"><idempotencyKey>{key}</idempotencyKey>{content}</submitBatch></s:Body></s:Envelope>"
        )
    };
    if route.awaited {
        let body = format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><putRecords \
             xmlns=\"urn:example:city-cloud:intake:1\">{payload}</putRecords></s:Body></s:Envelope>"
        );
        let action = "SOAPAction: \"urn:example:city-cloud:intake:1/putRecords\"";
        let headers =
            format!("Content-Type: text/xml; charset=utf-8\r\n{action}\r\nIdempotency-Key: \"{key}\"\r\n");
        return ("", headers, body);
    }
    let inline = |content: String| {
        ("", "Content-Type: text/xml; charset=utf-8\r\nSOAPAction: \"\"\r\n".to_owned(), envelope(&content))
    };
    match route.door {
        Door::RestCsv => rest("text/csv; charset=utf-8"),
        Door::RestJson => rest("application/json"),
        Door::RestNdjson => rest("application/x-ndjson"),
        Door::RestXml => rest("application/xml"),
        Door::SoapXml => inline(format!("<records>{payload}</records>")),
        Door::SoapBase64 => {
            let data = base64::engine::general_purpose::STANDARD.encode(payload);
            inline(format!("<data contentType=\"text/csv; charset=utf-8\">{data}</data>"))
        }
        Door::Swa => {
            let root = envelope("<data href=\"cid:payload@client\"/>");
            let body = format!(
                "--MIME\r\nContent-Type: text/xml; charset=utf-8\r\nContent-ID: <root@client>\r\n\r\n{root}\r\n\
                 --MIME\r\nContent-Type: text/csv; charset=utf-8\r\nContent-ID: <payload@client>\r\n\r\n{payload}\r\n--MIME--\r\n"
            );
            let media = "multipart/related; boundary=MIME; type=\"text/xml\"; start=\"<root@client>\"";
            ("", format!("Content-Type: {media}\r\nSOAPAction: \"\"\r\n"), body)
        }
    }
}

/// One exchange over a connection of its own: status and body; nothing where no whole answer came.
pub(super) fn exchange(
    gateway: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&gateway, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_nodelay(true).ok()?;
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {gateway}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    // A gateway that refuses early has answered all the same.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    (length == Some(body.len())).then_some(())?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// The value of a JSON member or the text of an XML element: the first of that name.
fn part(text: &str, name: &str) -> Option<String> {
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        return match &value[name] {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        };
    }
    let (_, rest) =
        text.split_once(&format!("<{name}>")).or_else(|| text.split_once(&format!(":{name}>")))?;
    Some(rest.split('<').next()?.to_owned())
}

/// Records that so many batches have.
pub(super) fn records(batches: usize) -> u64 {
    batches as u64 * RECORDS
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
