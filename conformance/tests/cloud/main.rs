//! The reference cloud over loopback: real sockets, one cloud a test.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod bulk;
mod described;
mod salesforce;
mod tls;
mod unkind;

use std::time::Duration;

use sekisho_conformance::cloud::{self, ModelOptions, Options, Running};
use sekisho_conformance::exchange::{Peer, Reply, request};
use serde_json::Value as Json;

/// A cloud and a client of it.
struct Site {
    runtime: tokio::runtime::Runtime,
    running: Option<Running>,
    peer: Peer,
}

impl Site {
    /// A cloud whose work costs nothing.
    fn quick() -> Self {
        Site::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options {
            open: true,
            model: ModelOptions {
                fixed: Duration::ZERO,
                per_row: Duration::ZERO,
                drift: 0.0,
                ..ModelOptions::default()
            },
            ..Options::default()
        };
        change(&mut options);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let running = runtime.block_on(cloud::start(options)).unwrap();
        let peer = Peer::new(&format!("http://{}", running.address()), None, None).unwrap();
        Site { runtime, running: Some(running), peer }
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.peer.send(&request(&self.peer, method, path, headers, body), false).unwrap()
    }

    fn json(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, Json) {
        let reply = self.send(method, path, headers, body.as_bytes());
        (reply.status, serde_json::from_slice(&reply.body).unwrap_or(Json::Null))
    }

    fn admin(&self, path: &str, body: &str) {
        let reply = self.send("POST", path, &[], body.as_bytes());
        assert_eq!(reply.status, 200, "{}", reply.text());
    }

    fn stats(&self) -> Json {
        self.json("GET", "/admin/stats", &[], "").1
    }

    /// Logs in; the value of an `Authorization` field.
    fn token(&self) -> String {
        let form = "grant_type=client_credentials&client_id=gateway&client_secret=reference-secret";
        let (status, body) = self.json("POST", "/services/oauth2/token", &[], form);
        assert_eq!(status, 200);
        body["access_token"].as_str().unwrap().to_owned()
    }

    fn put_records(&self, rows: &str) -> Reply {
        put_records(&self.peer, rows).unwrap()
    }

    /// The client, for another thread.
    fn peer(&self) -> Peer {
        self.peer.clone()
    }

    /// The cloud is gone, and every connection to it.
    fn stop(&mut self) {
        let _entered = self.runtime.enter();
        self.running = None;
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop();
    }
}

fn put_records(peer: &Peer, rows: &str) -> std::io::Result<Reply> {
    let body = envelope(rows);
    let path = "/services/intake/people/F001";
    peer.send(&request(peer, "POST", path, &SOAP_11, body.as_bytes()), false)
}

const SOAP_11: [(&str, &str); 2] = [
    ("Content-Type", "text/xml; charset=utf-8"),
    ("SOAPAction", "\"urn:example:city-cloud:intake:1/putRecords\""),
];

fn envelope(rows: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
         <putRecords xmlns=\"urn:example:city-cloud:intake:1\">{rows}</putRecords></s:Body></s:Envelope>"
    )
}

/// Rows with the keys `U0`, `U1`, … as elements.
fn rows(count: usize) -> String {
    (0..count).map(|n| format!("<row><F001>U{n}</F001><F002>{n}</F002></row>")).collect()
}
