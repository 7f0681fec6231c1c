//! A cloud on loopback that answers as a closure says.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sekisho_upstream::EndpointConfig;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// A call as it arrived, its body whole.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) number: u64,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }
}

/// What the cloud does then.
pub(crate) enum Reply {
    Answer(u16, &'static str, String),
    /// With a header field.
    With(u16, (&'static str, String), String),
    /// The connection ends without an answer.
    Cut,
    /// No answer until the test ends.
    Hang,
}

impl Reply {
    pub(crate) fn xml(body: String) -> Self {
        Self::Answer(200, "text/xml; charset=utf-8", body)
    }

    pub(crate) fn json(status: u16, body: impl ToString) -> Self {
        Self::Answer(status, "application/json", body.to_string())
    }
}

pub(crate) struct Cloud {
    address: SocketAddr,
    calls: Arc<Mutex<Vec<Call>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Cloud {
    pub(crate) async fn start(answer: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::on(listener, answer)
    }

    pub(crate) fn on(listener: TcpListener, answer: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Self {
        let address = listener.local_addr().expect("an address");
        let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
        let (answer, seen) = (Arc::new(answer), Arc::clone(&calls));
        let numbers = Arc::new(AtomicU64::new(0));
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                let numbers = Arc::clone(&numbers);
                let cut = Arc::new(Notify::new());
                let service = service_fn({
                    let cut = Arc::clone(&cut);
                    move |request: Request<Incoming>| {
                        let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                        let (numbers, cut) = (Arc::clone(&numbers), Arc::clone(&cut));
                        async move {
                            let (parts, body) = request.into_parts();
                            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                            let call = Call {
                                number: numbers.fetch_add(1, Ordering::SeqCst),
                                method: parts.method,
                                path: parts.uri.to_string(),
                                headers: parts.headers,
                                body,
                            };
                            let reply = answer(&call);
                            seen.lock().expect("lock").push(call);
                            match reply {
                                Reply::Answer(status, media, body) => Ok::<_, Infallible>(response(
                                    status,
                                    ("content-type", media.to_owned()),
                                    body,
                                )),
                                Reply::With(status, header, body) => Ok(response(status, header, body)),
                                Reply::Cut => {
                                    cut.notify_one();
                                    std::future::pending().await
                                }
                                Reply::Hang => std::future::pending().await,
                            }
                        }
                    }
                });
                connections.spawn(async move {
                    let serving = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service);
                    tokio::select! {
                        _ = serving => {}
                        () = cut.notified() => {}
                    }
                });
            }
        });
        Self { address, calls, task }
    }

    pub(crate) fn endpoint(&self) -> EndpointConfig {
        EndpointConfig {
            request_timeout_ms: 60_000,
            ..EndpointConfig::new(format!("http://{}", self.address))
        }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("lock").clone()
    }
}

fn response(status: u16, header: (&'static str, String), body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response.headers_mut().insert(header.0, header.1.parse().expect("a header"));
    response
}

/// Rows of XML: every `<record>` element's children (unprefixed or `o:`), by name.
pub(crate) fn xml_rows(text: &str, record: &str) -> Vec<BTreeMap<String, Option<String>>> {
    let (open, close) = (format!("<{record}>"), format!("</{record}>"));
    text.split(&open)
        .skip(1)
        .map(|rest| {
            let mut inner = rest.split(&close).next().expect("closed");
            let mut row = BTreeMap::new();
            while let Some(at) = inner.find('<') {
                let rest = &inner[at + 1..];
                let end = rest.find('>').expect("a tag");
                let tag = &rest[..end];
                let name = tag.split([' ', '/']).next().expect("a name");
                let local = name.rsplit(':').next().expect("local").to_owned();
                if tag.contains("nil=\"true\"") {
                    row.insert(local, None);
                    inner = match tag.ends_with('/') {
                        true => &rest[end + 1..],
                        false => rest.split_once(&format!("</{name}>")).expect("closed").1,
                    };
                } else {
                    let (value, after) = rest[end + 1..].split_once(&format!("</{name}>")).expect("closed");
                    row.insert(
                        local,
                        Some(value.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")),
                    );
                    inner = after;
                }
            }
            row
        })
        .collect()
}

/// Rows of a simple CSV (no quoted fields).
pub(crate) fn csv_rows(text: &str) -> Vec<BTreeMap<String, Option<String>>> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    lines
        .map(|line| {
            let cells = line.split(',').map(|cell| Some(cell.to_owned()));
            header.iter().map(|name| (*name).to_owned()).zip(cells).collect()
        })
        .collect()
}

/// Rows of JSON objects; `attributes` is left out.
pub(crate) fn json_rows(values: &[serde_json::Value]) -> Vec<BTreeMap<String, Option<String>>> {
    values
        .iter()
        .map(|value| {
            let members = value.as_object().expect("an object").iter();
            members
                .filter(|(name, _)| *name != "attributes")
                .map(|(name, value)| (name.clone(), value.as_str().map(str::to_owned)))
                .collect()
        })
        .collect()
}

/// The key of a row.
pub(crate) fn key_of(row: &BTreeMap<String, Option<String>>) -> String {
    row.get("F001").cloned().flatten().expect("a key")
}
