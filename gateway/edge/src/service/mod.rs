//! One request, from its head to its answer.
//!
//! What the head shows to be outside every route is refused here, before the body is read: path, client, method,
//! media type, coding, declared size. What only the body shows is refused by the doors, before anything is kept.

mod batches;
mod form;
mod head;
mod keep;
mod pass_over;
mod receive;
mod record;
mod repetition;
mod say;
mod submit;
mod who;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use ipnet::IpNet;
use sekisho_exchanges::{NotOnRecord, Verdict};
use sekisho_liveness::{ErrorClass, HopSpec, Observation};
use sekisho_scan::ScanError;
use sekisho_soap::{MediaType, Version};
use uuid::Uuid;

pub(crate) use self::batches::ledger;
pub(crate) use self::keep::{Kept, keep};
use self::pass_over::pass_over;
pub(crate) use self::receive::{Coding, Declared, arrival, bad_digest, through_from, turn};
use self::record::{Counted, Record, asked, unrecorded};
pub(crate) use self::record::{Noted, unrecordable};
pub(crate) use self::repetition::{header_key, own as own_name};
use self::say::json;
pub(crate) use self::say::{Voice, refuse, reply_headers, soap_answer, soap_body, text};
pub(crate) use self::submit::{LOOK, municipal, named, stated_wait};
use crate::admission::Scarce;
use crate::answer_body::AnswerBody;
use crate::answers;
use crate::framing::REFUSED_PREFIX;
use crate::gateway::Gateway;
use crate::listener::Stopping;
use crate::peer::Peer;
use crate::rates::RequestRate;
use crate::refusal::{Class, Refusal, RelatesTo};
use crate::route::{Client, Mode, Route, Routes};

/// The answers of one listener.
#[derive(Debug, Clone)]
pub struct Service {
    gateway: Arc<Gateway>,
    routes: Arc<ArcSwap<Routes>>,
    /// How clients reach the listener, for the addresses in WSDL and OpenAPI; the `Host` they used where absent.
    public_url: Option<Arc<str>>,
    /// Whether the listener speaks TLS.
    secure: bool,
}

/// A request that is permitted by its head.
pub(crate) struct Exchange<'a> {
    /// In the fault, the log and nowhere else.
    pub(crate) id: Uuid,
    pub(crate) gateway: &'a Arc<Gateway>,
    pub(crate) route: &'a Arc<Route>,
    pub(crate) client: &'a Arc<Client>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) received_at: u64,
    /// What the exchange log will say of it.
    pub(crate) noted: &'a Noted,
    /// For who waits longer than its own work takes.
    pub(crate) stopping: Option<Stopping>,
}

/// An answer, and whether the connection may carry another request after it.
pub(crate) struct Answered {
    pub(crate) response: Response<AnswerBody>,
    pub(crate) door: &'static str,
    pub(crate) body_read: bool,
    pub(crate) refused: Option<&'static str>,
    /// Records broke a rule, for which it was refused.
    pub(crate) violated: bool,
}

impl Answered {
    pub(crate) fn of(door: &'static str, response: Response<impl Into<AnswerBody>>) -> Self {
        Self { response: response.map(Into::into), door, body_read: true, refused: None, violated: false }
    }
}

impl Service {
    /// A service over the routes in force, which may be exchanged at any time.
    pub fn new(gateway: Arc<Gateway>, routes: Arc<ArcSwap<Routes>>, public_url: Option<Arc<str>>) -> Self {
        Self { gateway, routes, public_url, secure: false }
    }

    /// The same service behind TLS, or not.
    pub(crate) fn over_tls(self, secure: bool) -> Self {
        Self { secure, ..self }
    }

    /// The gateway behind it.
    pub fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// The smallest client network that an address lies in.
    pub(crate) fn network_of(&self, address: IpAddr) -> Option<IpNet> {
        let routes = self.routes.load();
        let clients = routes.all().iter().flat_map(|route| &route.clients);
        let networks =
            clients.flat_map(|client| &client.networks).filter(|network| network.contains(&address));
        networks.max_by_key(|network| network.prefix_len()).copied()
    }

    /// How clients reach the listener, where that is configured.
    pub(crate) fn public_url(&self) -> Option<&Arc<str>> {
        self.public_url.as_ref()
    }

    /// Answers one request; never fails.
    pub(crate) async fn answer<B>(&self, request: Request<B>, peer: &Peer) -> Response<AnswerBody>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let started = Instant::now();
        let id = Uuid::now_v7();
        let method = request.method().clone();
        let routes = self.routes.load_full();
        let found = routes.find(request.uri().path()).map(|(route, _)| Arc::clone(route));
        let content_type = request.headers().get(CONTENT_TYPE).cloned();
        let noted = Noted::default();
        let log = &self.gateway.log;
        let record = Record::begin(log, id, &method, peer, found.as_deref(), &noted);
        let tally = log.is_on().then(|| Arc::clone(&record.body));
        let request = request.map(|body| Counted { body, tally });
        let mut answered = self.exchange(id, &routes, request, peer, &noted).await;
        let on_record = record.end(&answered).await;
        if on_record.is_err() && answered.refused != Some(NotOnRecord.code()) {
            // No answer leaves without a record: whether anything was done, the client must ask.
            let Answered { door, body_read, .. } = answered;
            let voice = Voice::of(content_type.as_ref());
            answered = Answered { door, body_read, ..refuse(id, voice, unrecorded()) };
        }
        let peer = peer.address;

        let metrics = &self.gateway.metrics;
        let route = found.as_ref().map_or("none", |route| route.name.as_str());
        let status = answered.response.status();
        metrics.requests.with_label_values(&[route, answered.door, class_of(status.as_u16())]).inc();
        let elapsed = started.elapsed();
        metrics.request_seconds.with_label_values(&[answered.door]).observe(elapsed.as_secs_f64());
        metrics.route_seconds.with_label_values(&[route]).inc_by(elapsed.as_secs_f64());
        if let (Some(scanner), Some(outcome)) =
            (found.as_ref().and_then(|route| route.scan.as_ref()), answered.refused.and_then(unscanned))
        {
            let name = scanner.settings().name.as_str();
            metrics.scanned.with_label_values(&[name, outcome]).inc();
            if let Some(how) = scanner.take_evidence() {
                hung(&self.gateway, name, &how);
            }
        }
        if let Some(code) = answered.refused {
            metrics.refusals.with_label_values(&[code]).inc();
            if let Some(unlogged) = self.unlogged(code, &noted) {
                let unlogged = (unlogged > 0).then_some(unlogged);
                tracing::info!(%id, %peer, route, door = answered.door, %method, %status, code, unlogged, "refused");
            }
        } else {
            tracing::debug!(%id, %peer, route, door = answered.door, %method, %status, ?elapsed, "answered");
        }
        if self.secure {
            // RFC 6797 §7.1: over TLS, and nowhere else.
            let headers = answered.response.headers_mut();
            headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
            headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        }
        if !answered.body_read {
            answered
                .response
                .headers_mut()
                .insert(http::header::CONNECTION, HeaderValue::from_static("close"));
        }
        answered.response
    }

    async fn exchange<B>(
        &self,
        id: Uuid,
        routes: &Routes,
        request: Request<B>,
        peer: &Peer,
        noted: &Noted,
    ) -> Answered
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let (parts, body) = request.into_parts();
        let has_body = !body.is_end_stream();
        let path = parts.uri.path();
        let found = routes.find(path);
        let below = found.map_or("", |(_, below)| below);
        // What lies below a route speaks REST, whatever the body's type is.
        let takes_soap = found.is_some_and(|(route, _)| route.doors.swa || route.doors.soap);
        // For refusals, which most requests do without.
        let voice = || match below {
            "" | "/" if takes_soap && parts.method == Method::POST => Voice::at_soap_door(&parts.headers),
            "" | "/" => Voice::of(parts.headers.get(CONTENT_TYPE)),
            _ => Voice::Rest,
        };
        let no = |refusal: Refusal| {
            let mut answered = refuse(id, voice(), refusal);
            answered.body_read = !has_body;
            answered
        };
        if let Some(code) = path.strip_prefix(REFUSED_PREFIX) {
            return no(head::refusal(code, parts.uri.query()));
        }
        let Some((route, _)) = found else {
            return no(Refusal::new(Class::NotFound, "path-unknown", "No route has this path.")
                .ja("このパスの特定通信はありません。"));
        };
        let client = match who::client(route, peer, &parts.headers) {
            Ok(client) => client,
            Err(refusal) => return no(refusal),
        };
        noted.client(&client.name);
        noted.operation(asked(below, &parts.method));
        let _place = match place(&self.gateway, client) {
            Ok(place) => place,
            Err(refusal) => {
                return Answered { body_read: pass_over(body, &parts.headers).await, ..no(refusal) };
            }
        };
        if self.gateway.log.is_failing() && self.gateway.log.holds_back(&route.name) {
            return no(unrecordable());
        }
        let exchange = Exchange {
            id,
            gateway: &self.gateway,
            route,
            client,
            headers: &parts.headers,
            received_at: crate::gateway::now_millis(),
            noted,
            stopping: parts.extensions.get().cloned(),
        };
        let query = parts.uri.query().unwrap_or_default();
        let not_allowed = |allow| method_not_allowed(id, voice(), allow);
        let takes_batches = matches!(route.mode, Mode::StoreAndForward { .. });
        let mut answered = match (below, &parts.method) {
            ("" | "/", &Method::POST) => return submit::soap(&exchange, body).await,
            ("/batches", &Method::POST) if route.doors.rest => return submit::rest(&exchange, body).await,
            ("" | "/", method) => match self.contract(&exchange, query) {
                Some(document) if method == Method::GET => document,
                Some(_) if takes_soap => not_allowed("GET, POST"),
                Some(_) => not_allowed("GET"),
                None if takes_soap => not_allowed("POST"),
                None => no(Refusal::new(
                    Class::NotFound,
                    "door-closed",
                    "The SOAP doors of this route are closed; its REST resources lie below this path.",
                )
                .ja("この特定通信のSOAP受付口は閉じています。REST受付口はこのパスの下にあります。")),
            },
            _ if !route.doors.rest => {
                no(Refusal::new(Class::NotFound, "door-closed", "The REST door of this route is closed.")
                    .ja("この特定通信のREST受付口は閉じています。"))
            }
            ("/batches", &Method::GET) => batches::list(&exchange, query).await,
            ("/batches", _) => not_allowed(if takes_batches { "GET, POST" } else { "GET" }),
            ("/heartbeat", &Method::GET) => {
                let answer = answers::heartbeat(&exchange.hops());
                Answered::of("rest", json(200, &answer))
            }
            ("/heartbeat", _) => not_allowed("GET"),
            ("/openapi.json", &Method::GET) => {
                let document = sekisho_soap::contract::openapi(&self.address(&exchange));
                Answered::of("rest", text(200, "application/json", document))
            }
            ("/openapi.json", _) => not_allowed("GET"),
            (below, method) => match below.strip_prefix("/batches/").map(|rest| rest.split_once('/')) {
                None => {
                    no(Refusal::new(Class::NotFound, "path-unknown", "Nothing is served under this path.")
                        .ja("このパスでは何も提供していません。"))
                }
                Some(split) => {
                    let rest = below.trim_start_matches("/batches/");
                    let (batch, what) = split.unwrap_or((rest, ""));
                    match (what, method) {
                        ("", &Method::GET) => batches::receipt(&exchange, batch).await,
                        ("", &Method::DELETE) => batches::cancel(&exchange, batch).await,
                        ("", _) => not_allowed("GET, DELETE"),
                        ("errors", &Method::GET) => batches::errors(&exchange, batch, query).await,
                        ("chunks", &Method::GET) => batches::chunks(&exchange, batch, query).await,
                        ("errors" | "chunks", _) => not_allowed("GET"),
                        _ => {
                            no(Refusal::new(Class::NotFound, "path-unknown", "A batch has no such resource.")
                                .ja("このパスでは何も提供していません。"))
                        }
                    }
                }
            },
        };
        // Nothing but a submission looks at a body.
        answered.body_read = !has_body;
        answered
    }

    /// Whether a refusal is logged; if so, how many of the same before it were not.
    fn unlogged(&self, code: &str, noted: &Noted) -> Option<u64> {
        match noted.who() {
            Some(client) if code == RATE_EXCEEDED => self.gateway.rates.logs(&client, Instant::now()),
            _ => Some(0),
        }
    }

    /// The WSDL and the schemas, at `?wsdl` and `?xsd`.
    fn contract(&self, exchange: &Exchange<'_>, query: &str) -> Option<Answered> {
        let document = match query.to_ascii_lowercase().as_str() {
            "wsdl" => sekisho_soap::contract::wsdl(&self.address(exchange)),
            "xsd" => sekisho_soap::contract::xsd(),
            "xsd=swaref" => sekisho_soap::contract::SWAREF_XSD.to_owned(),
            _ => return None,
        };
        Some(Answered::of("soap", text(200, "text/xml; charset=utf-8", document)))
    }

    /// The route's address as this client reaches it. The host is only ever echoed to who sent it.
    fn address(&self, exchange: &Exchange<'_>) -> String {
        let path = &exchange.route.path;
        if let Some(public_url) = &self.public_url {
            return format!("{}{path}", public_url.trim_end_matches('/'));
        }
        let host = exchange.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
        let host =
            host.filter(|host| host.bytes().all(|b| b.is_ascii_alphanumeric() || b".:-[]_".contains(&b)));
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}{path}", host.unwrap_or("localhost"))
    }
}

impl Exchange<'_> {
    /// The scanner lets the message pass.
    pub(crate) fn scanned(&self, verdict: Verdict) {
        self.noted.scanned(verdict);
        if let Some(scanner) = &self.route.scan {
            let outcome = if verdict == Verdict::Partly { "in-part" } else { "passed" };
            let counter = &self.gateway.metrics.scanned;
            counter.with_label_values(&[scanner.settings().name.as_str(), outcome]).inc();
        }
    }
}

/// What came of scanning a message that is refused for it.
fn unscanned(code: &str) -> Option<&'static str> {
    match code {
        "content-infected" => Some("infected"),
        "content-unscannable" => Some("unscannable"),
        "scanner-unavailable" => Some("unavailable"),
        _ => None,
    }
}

/// A scanner has let a message hang: its hop is down by that, until it was looked at again.
fn hung(gateway: &Gateway, scanner: &str, how: &ScanError) {
    let code = how.code();
    let seen = Observation::down(ErrorClass::Timeout)
        .text(format!("let a message hang ({code})"), format!("電文の検査が進みませんでした（{code}）"));
    gateway.board.report(&format!("{}{scanner}", HopSpec::SCANNER), seen.from_traffic());
}

/// More requests than a client's rate allows.
const RATE_EXCEEDED: &str = "client-rate-exceeded";

/// A place among the requests that are answered at once, for a client that keeps to its rate.
fn place(gateway: &Gateway, client: &Client) -> Result<impl Sized + use<>, Refusal> {
    let RequestRate { per_second, at_once } = client.rate;
    gateway.rates.pass(&client.name, client.rate, Instant::now()).map_err(|early| {
        let en = format!(
            "This client has sent more than {at_once} requests at once and {per_second} a second (requests_per_second, \
             requests_at_once); come again when Retry-After says."
        );
        let ja = format!(
            "この団体の要求が上限（同時{at_once}件、毎秒{per_second}件）を超えました（requests_at_once、requests_per_second）。\
             Retry-Afterの時間をおいて再送してください。"
        );
        Refusal::new(Class::TooMany, RATE_EXCEEDED, en).ja(ja).retry_after(early)
    })?;
    gateway.requests.one(&client.name).map_err(|full| Scarce::Requests.refusal(full))
}

impl Exchange<'_> {
    /// The hops that the client may see.
    pub(crate) fn hops(&self) -> sekisho_liveness::Snapshot {
        let mut hops = self.gateway.board.snapshot().seen_by(&[&self.route.upstream]);
        // Of the scanners, the route's own.
        let scanner = self.route.scan.as_ref().map(|scanner| scanner.settings().name.as_str());
        hops.hops
            .retain(|hop| hop.name.strip_prefix(HopSpec::SCANNER).is_none_or(|name| Some(name) == scanner));
        hops
    }
}

fn method_not_allowed(id: Uuid, voice: Voice, allow: &'static str) -> Answered {
    let refusal = Refusal::new(
        Class::Method,
        "method-not-allowed",
        format!("What is asked for takes {allow}. The contract of a route is at its own path with ?wsdl or ?xsd, by GET."),
    )
    .ja(format!("この対象で使えるメソッドは{allow}です。契約は特定通信のパスに?wsdlまたは?xsdを付けてGETで取得できます。"));
    let mut answered = refuse(id, voice, refusal);
    answered.response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    answered
}

fn class_of(status: u16) -> &'static str {
    match status {
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}

/// The request's media type.
pub(crate) fn media_type(headers: &HeaderMap) -> Result<MediaType, Refusal> {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).ok_or_else(|| {
        Refusal::new(
            Class::MediaType,
            "content-type-missing",
            "The request has no readable Content-Type: send one, in ASCII.",
        )
        .ja("Content-Typeがないか、読み取れません。ASCIIで指定してください。")
    })?;
    MediaType::parse(value).map_err(|error| {
        Refusal::new(Class::MediaType, error.code(), format!("{error}.")).ja(error.message_ja())
    })
}

/// A SOAP answer to a question about batches or hops.
pub(crate) async fn query(
    exchange: &Exchange<'_>,
    door: &'static str,
    version: Version,
    message_id: Option<&str>,
    request: sekisho_soap::message::Request,
) -> Answered {
    use sekisho_soap::message::{Answer, Request as Ask};
    let operation = Some(request.name());
    exchange.noted.operation(match &request {
        Ask::Heartbeat => "heartbeat",
        Ask::BatchState { .. } => "receipt",
        Ask::BatchErrors { .. } => "errors",
        Ask::BatchChunks { .. } => "chunks",
        Ask::CancelBatch { .. } => "cancel",
    });
    let found = match request {
        Ask::Heartbeat => Ok(Answer::Heartbeat(answers::heartbeat(&exchange.hops()))),
        Ask::BatchState { id } => {
            let found = batches::find(exchange, &id).await;
            batches::standing(exchange, found).await.map(Answer::State)
        }
        Ask::BatchErrors { id, from, limit } => {
            batches::page(exchange, &id, from, limit).await.map(|(_, page)| Answer::Errors(page))
        }
        Ask::BatchChunks { id, after, limit } => {
            batches::chunk_page(exchange, &id, after, limit).await.map(|(_, page)| Answer::Chunks(page))
        }
        Ask::CancelBatch { id } => {
            let cancelled = batches::cancelled(exchange, &id).await;
            batches::standing(exchange, cancelled).await.map(Answer::Cancelled)
        }
    };
    match found {
        Ok(answer) => Answered::of(door, soap_answer(version, message_id, &answer)),
        Err(refusal) => {
            let relates = message_id.map(|id| RelatesTo { message_id: id.to_owned(), operation });
            refuse(exchange.id, Voice::Soap(version), refusal.relating(relates.as_ref()))
        }
    }
}
