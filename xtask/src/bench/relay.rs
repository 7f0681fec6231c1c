//! Small SOAP calls: parsed, checked and relayed by the gateway, passed through by nginx, to the same upstream.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

use super::Bench;
use super::figure::{Bound, Figure, each, median};
use super::gateway::{Gateway, children, cpu};
use super::site;
use crate::needs::Need;
use crate::processes::Program;

/// What the gateway is compared with.
pub(super) const NGINX: Need = Need { program: "nginx", package: "nginx-light" };

/// Bytes of the message.
const MESSAGE: usize = 1_024;
/// Connections of the load generator.
const CONNECTIONS: u32 = 64;

/// Measures rounds of nginx and gateway in turn, and the upstream alone before them.
pub(super) fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let (rounds, seconds) = if bench.quick { (1, 2) } else { (3, 8) };
    let folder = bench.fresh("relay")?;
    std::fs::write(folder.join("message.xml"), message())?;
    std::fs::write(folder.join("post.lua"), script(&folder))?;
    let mut sink = Program::start("the sink", &mut bench.programs.command("sekisho-sink"))?;
    let upstream: SocketAddr = sink.line()?.parse().context("the sink's address")?;
    let nginx = Nginx::start(&folder, upstream)?;
    site::relay(bench, &folder, upstream)?;
    let gateway = Gateway::start(bench.programs.command("sekisho"), &folder)?;
    gateway.idle();

    let alone = load(&folder, upstream, 1)?;
    let (mut gateway_runs, mut nginx_runs) = (Vec::new(), Vec::new());
    // The first requests open the connections to the upstream.
    load(&folder, nginx.address, 1)?;
    load(&folder, gateway.listener, 1)?;
    for _ in 0..rounds {
        nginx_runs.push(Run::of(|| nginx.cpu(), || load(&folder, nginx.address, seconds))?);
        gateway_runs.push(Run::of(|| gateway.cpu(), || load(&folder, gateway.listener, seconds))?);
    }
    gateway.stop()?;
    drop(nginx);
    drop(sink);
    std::fs::remove_dir_all(&folder)?;
    Ok(figures(&gateway_runs, &nginx_runs, &alone))
}

fn figures(gateway: &[Run], nginx: &[Run], alone: &Load) -> Vec<Figure> {
    let of = |runs: &[Run], what: fn(&Run) -> f64| -> Vec<f64> { runs.iter().map(what).collect() };
    let rate: fn(&Run) -> f64 = |run| run.load.rate;
    let (own, other) = (of(gateway, rate), of(nginx, rate));
    let ratios: Vec<_> = own.iter().zip(&other).map(|(own, other)| own / other).collect();
    let shown = |name: &str, runs: &[Run], what: fn(&Run) -> f64, unit| {
        let values = of(runs, what);
        Figure::new(format!("  {name}"), median(&values), unit).note(each(&values))
    };
    let failed: f64 = gateway.iter().map(|run| run.load.failed).sum();
    vec![
        Figure::new("relay, requests/s over nginx's", median(&ratios), "").bound(Bound::AtLeast(0.5)).note(
            format!(
                "{MESSAGE} bytes of SOAP, {CONNECTIONS} connections, parsed, checked, relayed; {}",
                each(&ratios)
            ),
        ),
        Figure::new("relay, calls that failed", failed, "").bound(Bound::AtMost(0.0)),
        shown("gateway", gateway, rate, "req/s"),
        shown("nginx", nginx, rate, "req/s"),
        Figure::new("  upstream alone", alone.rate, "req/s").note("the ceiling of both"),
        shown("gateway, processor time a call", gateway, Run::micros, "us"),
        shown("nginx, processor time a call", nginx, Run::micros, "us"),
        shown("gateway, half of the calls within", gateway, |run| run.load.median, "ms"),
        shown("gateway, 99 of 100 calls within", gateway, |run| run.load.most, "ms"),
        shown("nginx, half of the calls within", nginx, |run| run.load.median, "ms"),
        shown("nginx, 99 of 100 calls within", nginx, |run| run.load.most, "ms"),
    ]
}

/// One run, and the processor time that the server took for it.
struct Run {
    load: Load,
    cpu: f64,
}

impl Run {
    fn of(cpu: impl Fn() -> f64, load: impl FnOnce() -> anyhow::Result<Load>) -> anyhow::Result<Self> {
        let before = cpu();
        let load = load()?;
        Ok(Self { load, cpu: cpu() - before })
    }

    /// Microseconds of processor time a call.
    fn micros(&self) -> f64 {
        self.cpu * 1e6 / self.load.requests
    }
}

/// What the load generator saw.
struct Load {
    rate: f64,
    requests: f64,
    failed: f64,
    /// Milliseconds.
    median: f64,
    most: f64,
}

/// Posts the message as fast as it is answered, over keep-alive connections.
fn load(folder: &Path, address: SocketAddr, seconds: u32) -> anyhow::Result<Load> {
    let output = Command::new("timeout")
        .args([
            &(seconds + 20).to_string(),
            "wrk",
            "-t2",
            &format!("-c{CONNECTIONS}"),
            &format!("-d{seconds}s"),
        ])
        .arg("-s")
        .arg(folder.join("post.lua"))
        .arg(format!("http://{address}/orders"))
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("RESULT "));
    let line = line.with_context(|| format!("wrk gave no result: {text}"))?;
    let found: Value = serde_json::from_str(line)?;
    let number = |name: &str| found[name].as_f64().with_context(|| format!("wrk gave no {name}"));
    let load = Load {
        rate: number("rate")?,
        requests: number("requests")?,
        failed: number("failed")?,
        median: number("p50_us")? / 1e3,
        most: number("p99_us")? / 1e3,
    };
    if load.requests < 1.0 {
        bail!("{address} answered nothing");
    }
    Ok(load)
}

/// The script of the load generator.
fn script(folder: &Path) -> String {
    format!(
        r#"local file = io.open("{}", "rb")
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = "text/xml; charset=utf-8"
wrk.headers["SOAPAction"] = '"urn:example:bulk#orders"'
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('RESULT {{"rate":%f,"requests":%d,"failed":%d,"p50_us":%f,"p99_us":%f}}\n',
    summary.requests / (summary.duration / 1e6), summary.requests,
    errors.connect + errors.read + errors.write + errors.timeout + errors.status,
    latency:percentile(50), latency:percentile(99)))
end
"#,
        folder.join("message.xml").display()
    )
}

/// A message of exactly [`MESSAGE`] bytes with as many orders as fit.
pub(super) fn message() -> String {
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><s:Envelope \
        xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><orders xmlns=\"urn:example:bulk\">";
    let tail = "</orders></s:Body></s:Envelope>";
    let order = |number: usize, note: &str| {
        format!(
            "<order><order_id>{number}</order_id><customer>Plain Ltd</customer><amount>12.50</amount>\
             <note>{note}</note></order>"
        )
    };
    let room = MESSAGE - head.len() - tail.len();
    let count = room / order(1_001, "").len();
    let last = room - order(1_001, "").len() * count;
    let orders: Vec<_> =
        (1..=count).map(|n| order(1_000 + n, &"n".repeat(if n == count { last } else { 0 }))).collect();
    format!("{head}{}{tail}", orders.concat())
}

/// A running nginx, one worker a core, nothing logged, nothing buffered.
struct Nginx {
    address: SocketAddr,
    program: Program,
}

impl Nginx {
    fn start(folder: &Path, upstream: SocketAddr) -> anyhow::Result<Self> {
        let address = site::free_address()?;
        let at = folder.display();
        let config = format!(
            r#"daemon off; worker_processes auto; pid {at}/nginx.pid; error_log {at}/nginx.err; worker_rlimit_nofile 8192;
user root;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_max_body_size 0; keepalive_requests 100000000;
  client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi;
  uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;
  upstream sink {{ server {upstream}; keepalive 128; keepalive_requests 100000000; }}
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
  server {{ listen {address}; location / {{ proxy_pass http://sink; proxy_request_buffering off; }} }}
}}
"#
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, config)?;
        let mut command = Command::new("nginx");
        command.arg("-c").arg(&file).arg("-p").arg(folder).arg("-e").arg(folder.join("nginx.err"));
        let program = Program::start("nginx", command.stderr(Stdio::null()))?;
        let until = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() {
            if Instant::now() > until {
                let log = std::fs::read_to_string(folder.join("nginx.err")).unwrap_or_default();
                bail!("nginx does not listen: {log}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { address, program })
    }

    /// Seconds of processor time of the master and its workers.
    fn cpu(&self) -> f64 {
        let master = self.program.id();
        cpu(master) + children(master).into_iter().map(cpu).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_has_its_size() {
        assert_eq!(message().len(), MESSAGE);
        assert!(message().contains("<order_id>1001<"));
    }
}
