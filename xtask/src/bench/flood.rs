//! A client that floods beside one that does not, and two thousand that connect at once.
//!
//! Clients are told apart by their addresses: the flood comes from 127.0.0.1 by wrk, the client beside it has 127.0.0.3, and
//! of those that come at once each has an address of its own.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::Bench;
use super::figure::{Bound, Figure, each, median};
use super::gateway::Gateway;
use super::{crowd, relay, site};
use crate::processes::Program;
use crate::sections;

/// Requests a second that the flooding client may send (`requests_per_second` as it is by itself).
const RATE: f64 = 500.0;
/// How many times that it sends.
const TIMES: f64 = 10.0;
/// Connections of the flood. Each sends, waits for its answer and then 10 ms: at most 8,000 requests a second.
const FLOODING: u32 = 80;
/// The client beside it: on each connection one message every 20 ms.
const BESIDE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
const CONNECTIONS: usize = 4;
const PAUSE: Duration = Duration::from_millis(20);

/// Clients that connect at once.
const SURGE: usize = 2_000;
/// Threads that speak for them.
const SPEAKERS: usize = 16;
/// The ceiling of the surge over idle, in MiB: 64 KiB for each connection, what its read buffer has at the most.
const CEILING: f64 = SURGE as f64 * 64.0 / 1024.0;
/// The longest that a client waits.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures rounds of quiet and flood in turn, and then the surge.
pub(super) fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let (rounds, seconds) = if bench.quick { (1, 3) } else { (5, 8) };
    let folder = bench.fresh("flood")?;
    let message = relay::message();
    std::fs::write(folder.join("message.xml"), &message)?;
    std::fs::write(folder.join("flood.lua"), script(&folder))?;
    let mut sink = Program::start("the sink", &mut bench.programs.command("sekisho-sink"))?;
    let upstream: SocketAddr = sink.line()?.parse().context("the sink's address")?;
    let clients = [("flooding", "127.0.0.1/32"), ("beside", "127.0.0.3/32"), ("others", "127.9.0.0/16")];
    let sections = clients.map(|(name, network)| sections::client(name, network)).concat();
    site::relay_of(bench, &folder, upstream, &sections, &clients.map(|(name, _)| name))?;
    crowd::raise_descriptors()?;
    let gateway = Gateway::start(bench.programs.command("sekisho"), &folder)?;
    gateway.idle();
    let request = request(gateway.listener, &message);

    // The first requests open the connections to the upstream.
    calm(gateway.listener, &request, 1)?;
    let (mut quiet, mut flooded, mut floods, mut refused) = (vec![], vec![], vec![], vec![]);
    for _ in 0..rounds {
        quiet.push(calm(gateway.listener, &request, seconds)?);
        let flooding = Flood::start(&folder, gateway.listener, seconds + 2)?;
        // All of it is under way.
        std::thread::sleep(Duration::from_secs(1));
        flooded.push(calm(gateway.listener, &request, seconds)?);
        let flood = flooding.end()?;
        floods.push(flood.rate);
        refused.push(flood.refused / flood.requests);
    }

    let idle = gateway.idle();
    let surge = Surge::of(gateway.listener, &request)?;
    let peak = gateway.peak() - idle;
    gateway.stop()?;
    drop(sink);
    std::fs::remove_dir_all(&folder)?;

    let ratios: Vec<_> = flooded.iter().zip(&quiet).map(|(with, without)| with / without).collect();
    Ok(vec![
        Figure::new("flood, the other client's p99 over its quiet one", median(&ratios), "")
            .bound(Bound::AtMost(2.0))
            .note(format!(
                "quiet and flood in turn, {CONNECTIONS} connections with a message each every {} ms, checked and relayed; {}",
                PAUSE.as_millis(),
                each(&ratios)
            )),
        Figure::new("  flood, requests over its rate", median(&floods) / RATE, "x")
            .bound(Bound::AtLeast(TIMES))
            .note(format!("{FLOODING} connections, {RATE} requests/s allowed; sent a second: {}", each(&floods))),
        Figure::new("  flood, refused", median(&refused) * 100.0, "%").note("the rest is what its rate allows"),
        Figure::new("  p99 when it is quiet", median(&quiet), "ms").note(each(&quiet)),
        Figure::new("  p99 during the flood", median(&flooded), "ms").note(each(&flooded)),
        Figure::new("surge, clients without an answer", surge.lost as f64, "")
            .bound(Bound::AtMost(0.0))
            .note(format!(
                "{SURGE} connect before one of them asks; {} answered, {} told when to come again, the last after {:.2} s",
                surge.answered, surge.told, surge.seconds
            )),
        Figure::new("surge, peak memory", peak, "MiB")
            .bound(Bound::AtMost(CEILING))
            .note(format!("over idle; ceiling: 64 KiB for each of {SURGE} connections")),
    ])
}

/// The message as a request.
fn request(gateway: SocketAddr, message: &str) -> Arc<[u8]> {
    let length = message.len();
    format!(
        "POST /orders HTTP/1.1\r\nHost: {gateway}\r\nContent-Type: text/xml; charset=utf-8\r\n\
         SOAPAction: \"urn:example:bulk#orders\"\r\nContent-Length: {length}\r\n\r\n{message}"
    )
    .into_bytes()
    .into()
}

/// The client that does not flood, for so many seconds: milliseconds within which it has 99 of 100 answers. Each must be good.
fn calm(gateway: SocketAddr, request: &Arc<[u8]>, seconds: u64) -> anyhow::Result<f64> {
    let until = Instant::now() + Duration::from_secs(seconds);
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let request = Arc::clone(request);
            std::thread::spawn(move || -> anyhow::Result<Vec<f64>> {
                let mut stream = connected(BESIDE, gateway)?;
                let (mut took, mut next) = (Vec::new(), Instant::now());
                while next < until {
                    std::thread::sleep(next.saturating_duration_since(Instant::now()));
                    let sent = Instant::now();
                    stream.write_all(&request)?;
                    let head = answer(&mut stream)?;
                    took.push(sent.elapsed().as_secs_f64() * 1e3);
                    ensure!(head.starts_with("HTTP/1.1 200 "), "{}", head.lines().next().unwrap_or_default());
                    next += PAUSE;
                }
                Ok(took)
            })
        })
        .collect();
    let mut took = Vec::new();
    for client in clients {
        took.extend(client.join().map_err(|_| anyhow::anyhow!("a client broke off"))??);
    }
    took.sort_by(f64::total_cmp);
    took.get(took.len() * 99 / 100).copied().context("nothing was asked")
}

/// A connection from one of this machine's addresses.
fn connected(from: Ipv4Addr, gateway: SocketAddr) -> anyhow::Result<TcpStream> {
    let socket = bound(from)?;
    socket.connect(&gateway.into())?;
    stream(socket)
}

fn bound(from: Ipv4Addr) -> anyhow::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    Ok(socket)
}

fn stream(socket: Socket) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Reads one whole answer: its head in small letters but for the status line.
fn answer(stream: &mut TcpStream) -> anyhow::Result<String> {
    let mut answer = Vec::with_capacity(4_096);
    let mut block = [0; 4_096];
    loop {
        let read = stream.read(&mut block)?;
        ensure!(read > 0, "cut after {} bytes of the answer", answer.len());
        answer.extend_from_slice(&block[..read]);
        let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let (status, fields) = head.split_once("\r\n").unwrap_or((&head, ""));
        let fields = fields.to_ascii_lowercase();
        let field = |name: &str| fields.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let body = &answer[end + 4..];
        let whole = match field("content-length") {
            Some(length) => body.len() >= length.trim().parse::<usize>()?,
            None if field("transfer-encoding").is_some() => body.ends_with(b"0\r\n\r\n"),
            None => bail!("an answer without a length: {status}"),
        };
        if whole {
            return Ok(format!("{status}\r\n{fields}"));
        }
    }
}

/// What became of those that came at once.
#[derive(Default)]
struct Surge {
    answered: usize,
    /// Refused, with when to come again.
    told: usize,
    lost: usize,
    /// Until the last one was served.
    seconds: f64,
}

impl Surge {
    /// All connect before one of them asks.
    fn of(gateway: SocketAddr, request: &Arc<[u8]>) -> anyhow::Result<Self> {
        let (together, begun) = (Arc::new(Barrier::new(SPEAKERS)), Instant::now());
        let speakers: Vec<_> = (0..SPEAKERS)
            .map(|speaker| {
                let (together, request) = (Arc::clone(&together), Arc::clone(request));
                std::thread::spawn(move || speak(speaker, gateway, &request, &together))
            })
            .collect();
        let mut all = Self::default();
        for speaker in speakers {
            let part = speaker.join().map_err(|_| anyhow::anyhow!("a client broke off"))??;
            all.answered += part.answered;
            all.told += part.told;
            all.lost += part.lost;
        }
        all.seconds = begun.elapsed().as_secs_f64();
        ensure!(all.answered + all.told + all.lost == SURGE, "not all have come");
        Ok(all)
    }
}

/// One speaker's share of them.
fn speak(speaker: usize, gateway: SocketAddr, request: &[u8], together: &Barrier) -> anyhow::Result<Surge> {
    let sockets: Vec<anyhow::Result<Socket>> = (speaker..SURGE)
        .step_by(SPEAKERS)
        .map(|number| {
            // Never 127.9.x.0: it would be an address all the same, and look like a mistake.
            let [high, low] = [(number / 250) as u8, (number % 250 + 1) as u8];
            let socket = bound(Ipv4Addr::new(127, 9, high, low))?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        })
        .collect();
    // Whoever fails here must not keep the others waiting.
    together.wait();
    let sockets = sockets.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    for socket in &sockets {
        // Under way is all that it can be; whether it came to something shows when it is written to.
        let _ = socket.connect(&gateway.into());
    }
    let mut surge = Surge::default();
    let mut asked = Vec::new();
    for socket in sockets {
        socket.set_nonblocking(false)?;
        let mut stream = stream(socket)?;
        // A refusal may come before the question.
        let _ = stream.write_all(request);
        asked.push(stream);
    }
    for mut stream in asked {
        match answer(&mut stream) {
            Ok(head) if head.starts_with("HTTP/1.1 200 ") => surge.answered += 1,
            Ok(head) if is_told(&head) => surge.told += 1,
            Ok(_) | Err(_) => surge.lost += 1,
        }
    }
    Ok(surge)
}

/// Whether an answer says that there is too much, and when to come again.
fn is_told(head: &str) -> bool {
    ["HTTP/1.1 429 ", "HTTP/1.1 503 "].iter().any(|status| head.starts_with(status))
        && head.lines().any(|line| line.starts_with("retry-after:"))
}

/// wrk at work; stopped when it is let go.
struct Flood(Option<std::process::Child>);

/// What it saw.
struct Flooded {
    rate: f64,
    requests: f64,
    refused: f64,
}

impl Flood {
    fn start(folder: &Path, gateway: SocketAddr, seconds: u64) -> anyhow::Result<Self> {
        let child = Command::new("wrk")
            .args(["-t1", &format!("-c{FLOODING}"), &format!("-d{seconds}s"), "--timeout", "60s", "-s"])
            .arg(folder.join("flood.lua"))
            .arg(format!("http://{gateway}/orders"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting wrk")?;
        Ok(Self(Some(child)))
    }

    /// Waits for its end.
    fn end(mut self) -> anyhow::Result<Flooded> {
        let output = self.0.take().context("it has ended")?.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find_map(|line| line.strip_prefix("RESULT "));
        let found: Value =
            serde_json::from_str(line.with_context(|| format!("wrk gave no result: {text}"))?)?;
        let number = |name: &str| found[name].as_f64().with_context(|| format!("wrk gave no {name}"));
        let broken = number("broken")?;
        ensure!(broken == 0.0, "{broken} requests of the flood had no answer");
        Ok(Flooded { rate: number("rate")?, requests: number("requests")?, refused: number("refused")? })
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The script of the flood.
fn script(folder: &Path) -> String {
    format!(
        r#"local file = io.open("{}", "rb")
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = "text/xml; charset=utf-8"
wrk.headers["SOAPAction"] = '"urn:example:bulk#orders"'
delay = function() return 10 end
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('RESULT {{"rate":%f,"requests":%d,"refused":%d,"broken":%d}}\n',
    summary.requests / (summary.duration / 1e6), summary.requests, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
"#,
        folder.join("message.xml").display()
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may panic

    use std::net::TcpListener;

    use super::*;

    fn answered(text: &'static str) -> anyhow::Result<String> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut client = connected(Ipv4Addr::new(127, 0, 0, 3), listener.local_addr().unwrap()).unwrap();
        let (mut server, from) = listener.accept().unwrap();
        assert_eq!(from.ip(), Ipv4Addr::new(127, 0, 0, 3));
        server.write_all(text.as_bytes()).unwrap();
        drop(server);
        answer(&mut client)
    }

    #[test]
    fn an_answer_is_whole_or_lost_and_a_refusal_says_when_to_come_again() {
        assert!(
            answered("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap().starts_with("HTTP/1.1 200 ")
        );
        assert!(answered("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n").is_ok());
        assert!(answered("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok").is_err());
        assert!(answered("").is_err());
        let full = answered("HTTP/1.1 503 X\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n").unwrap();
        assert!(is_told(&full));
        assert!(!is_told(&answered("HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n").unwrap()));
    }
}
