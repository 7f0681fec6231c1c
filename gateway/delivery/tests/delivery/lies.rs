//! An upstream that lies, stalls or turns into another one: each ends in a named error on the chunk and a hop that shows
//! it, and no record counts as delivered without proof.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sekisho_delivery::{CollectionsSpec, DialectSpec, PaceSpec, Plan, RestFormat, RestSpec, ResultsSpec};
use sekisho_journal::Status;
use sekisho_liveness::HopState;
use sekisho_upstream::EndpointConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::intake::{NAMESPACE, dialect, envelope};
use crate::support::{House, plan};

const RECORDS: u64 = 20;

/// What the upstream does after it has read a request whole.
#[derive(Clone)]
struct Lie {
    name: &'static str,
    /// The answer's bytes, head included.
    answer: Vec<u8>,
    /// What comes then, again and again, until the gateway goes.
    endless: &'static [u8],
    code: &'static str,
}

fn lie(name: &'static str, answer: impl Into<Vec<u8>>, code: &'static str) -> Lie {
    Lie { name, answer: answer.into(), endless: b"", code }
}

fn http(status: &str, head: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {status}\r\n{head}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    http("200 OK", "Content-Type: text/xml\r\n", body)
}

/// An upstream of raw bytes.
struct Liar {
    address: std::net::SocketAddr,
    requests: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Liar {
    async fn start(lie: Lie) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(tell(stream, lie.clone(), Arc::clone(&seen)));
            }
        });
        Self { address, requests, task }
    }
}

async fn tell(mut stream: TcpStream, lie: Lie, seen: Arc<AtomicU64>) {
    if !read_request(&mut stream).await {
        return;
    }
    seen.fetch_add(1, Ordering::SeqCst);
    // The gateway may have gone, as it should.
    let _ = stream.write_all(&lie.answer).await;
    let mut tick = tokio::time::interval(std::time::Duration::from_millis(5));
    while !lie.endless.is_empty() && stream.write_all(lie.endless).await.is_ok() {
        tick.tick().await;
    }
    let _ = stream.shutdown().await;
}

/// Reads one request with its body; `false` at the end of the connection.
async fn read_request(stream: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return false,
        }
    }
    let head = String::from_utf8(head).expect("ASCII").to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.trim().parse().expect("a length"))];
    stream.read_exact(&mut body).await.is_ok()
}

/// A plan by which nothing is repeated that was not proven undone, all records in one chunk.
fn careful(dialect: DialectSpec) -> Plan {
    let mut plan = plan(dialect);
    plan.idempotent = false;
    plan.pace = PaceSpec { fixed_rows: Some(100), max_in_flight: 1, ..plan.pace };
    plan
}

/// A lie holds the chunk under its code, with nothing delivered and nothing sent again, and the hop shows it.
async fn is_caught(lie: Lie, plan: &Plan, change: impl FnOnce(&mut EndpointConfig)) {
    let (name, code) = (lie.name, lie.code);
    let liar = Liar::start(lie).await;
    let mut house = House::new();
    let batch = house.accept(plan, RECORDS).await;
    let mut endpoint = EndpointConfig {
        max_answer_bytes: 20_000,
        request_timeout_ms: 60_000,
        ..EndpointConfig::new(format!("http://{}", liar.address))
    };
    change(&mut endpoint);
    let _delivery = house.start(&endpoint).await;
    let held = house.until(batch, |view| view.status == Status::Held).await;
    assert_eq!((held.sums.delivered, held.sums.rejected, held.sums.in_doubt), (0, 0, RECORDS), "{name}");
    let chunks = house.chunks(batch).await;
    assert_eq!(chunks.len(), 1, "{name}");
    assert_eq!(chunks[0].code().map(|code| code.as_str()), Some(code), "{name}");
    assert_eq!(liar.requests.load(Ordering::SeqCst), 1, "{name}: nothing is sent twice");
    let hops = house.board.snapshot().hops;
    let shown = hops
        .iter()
        .find(|hop| matches!(hop.state, HopState::Down | HopState::Degraded))
        .unwrap_or_else(|| panic!("{name}: no hop"));
    assert!(shown.text_en.contains(code) && shown.text_ja.contains(code), "{name}: {}", shown.text_en);
}

fn result(key: &str, more: &str) -> String {
    format!("<result><key>{key}</key><success>true</success>{more}</result>")
}

fn results(keys: impl IntoIterator<Item = u64>) -> String {
    keys.into_iter().map(|key| result(&format!("U{key}"), "")).collect()
}

fn response(results: &str) -> Vec<u8> {
    ok(envelope(&format!(r#"<putRecordsResponse xmlns="{NAMESPACE}">{results}</putRecordsResponse>"#)))
}

#[tokio::test]
async fn lies_in_a_soap_answer_deliver_nothing() {
    let whole = response(&results(0..RECORDS));
    let bomb = format!("<!DOCTYPE x [<!ENTITY a \"{}\">]>", "&b;".repeat(50));
    for lie in [
        lie("a page for people", ok("<html><body>Welcome</body></html>"), "answer-unreadable"),
        lie("nothing", ok(""), "answer-unreadable"),
        lie("no XML", ok(b"\x00\xff\xfe<<<&;"), "answer-unreadable"),
        lie("half of it, as if it were all", ok(&whole[whole.len() / 2..]), "answer-unreadable"),
        lie("a document type", ok([bomb.as_bytes(), b"<a/>"].concat()), "answer-unreadable"),
        lie("very deep", ok("<a>".repeat(5_000)), "answer-unreadable"),
        lie("more results than rows", response(&results(0..=RECORDS)), "answer-unreadable"),
        lie("two responses", ok(envelope("<a/><b/>")), "answer-unreadable"),
        lie("keys that were not sent", response(&results(100..100 + RECORDS)), "answer-key"),
        lie("one key for all", response(&results((0..RECORDS).map(|_| 1))), "answer-key"),
        lie("no keys", response(&"<result><success>true</success></result>".repeat(20)), "answer-key"),
        lie("a gateway before it", http("502 Bad Gateway", "", "<html>no</html>"), "status-502"),
        lie("a redirect to itself", http("302 Found", "Location: /\r\n", ""), "status-302"),
        lie("a redirect after the effect", http("303 See Other", "Location: /\r\n", ""), "status-303"),
        lie("too long", ok("x".repeat(20_001)), "upstream-answer-too-long"),
        lie("no HTTP", "220 mail.example ESMTP\r\n\r\n", "upstream-answer"),
        lie(
            "two lengths",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
            "upstream-answer",
        ),
        lie(
            "a head without an end",
            format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(100_000)),
            "upstream-answer",
        ),
        lie("cut in the middle", &whole[..whole.len() / 2], "upstream-cut"),
        lie("cut at once", "", "upstream-cut"),
    ] {
        is_caught(lie, &careful(DialectSpec::Soap(dialect())), |_| {}).await;
    }
}

#[tokio::test]
async fn an_answer_that_only_drips_or_never_ends_is_given_up() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 19999\r\n\r\n";
    let mut impatient = careful(DialectSpec::Soap(dialect()));
    impatient.pace = PaceSpec { limit_ms: 700, grace_ms: 100, ..impatient.pace };
    let drip = Lie { endless: b"x", ..lie("a drip", head, "upstream-timeout") };
    is_caught(drip, &impatient, |_| {}).await;
    let heads = Lie {
        endless: b"HTTP/1.1 100 Continue\r\n\r\n",
        ..lie("always about to answer", "", "upstream-timeout")
    };
    is_caught(heads, &impatient, |_| {}).await;
    let endless = Lie {
        endless: &[b'x'; 10_000],
        ..lie("without an end", "HTTP/1.1 200 OK\r\n\r\n", "upstream-answer-too-long")
    };
    is_caught(endless, &careful(DialectSpec::Soap(dialect())), |_| {}).await;
}

#[tokio::test]
async fn what_a_soap_answer_leaves_out_is_in_doubt_and_nothing_else() {
    let silent = "<result><key>U3</key></result>";
    let most = (0..RECORDS).filter(|key| *key != 3);
    for (name, answer) in [
        ("left out", response(&results(most.clone()))),
        ("not said", response(&(silent.to_owned() + &results(most.clone())))),
        ("in another order", response(&results(most.rev()))),
    ] {
        let liar = Liar::start(lie(name, answer, "")).await;
        let mut house = House::new();
        let batch = house.accept(&careful(DialectSpec::Soap(dialect())), RECORDS).await;
        let _delivery = house.start(&EndpointConfig::new(format!("http://{}", liar.address))).await;
        let held = house.until(batch, |view| view.status == Status::Held).await;
        assert_eq!((held.sums.delivered, held.sums.in_doubt), (RECORDS - 1, 1), "{name}");
        let open = house.chunks(batch).await.into_iter().find(|chunk| chunk.held()).expect("held");
        assert!(open.live().contains(3), "{name}");
    }
}

#[tokio::test]
async fn lies_in_a_json_answer_deliver_nothing() {
    let collections = || {
        careful(DialectSpec::Collections(CollectionsSpec {
            version: "60.0".into(),
            object: "attributes".into(),
            external_id: "F001".into(),
            codes: Default::default(),
        }))
    };
    let good = r#"{"id":"a00","success":true,"errors":[]}"#;
    let list = |count: usize| format!("[{}]", vec![good; count].join(","));
    for lie in [
        lie("a page for people", ok("<html>"), "answer-unreadable"),
        lie("another shape", ok(r#"{"success":true}"#), "answer-unreadable"),
        lie("more results than rows", ok(list(21)), "answer-unreadable"),
        lie("fewer results than rows", ok(list(19)), "answer-count"),
        lie("half of it", ok(&list(20)[..300]), "answer-unreadable"),
        lie("more behind it", ok(list(20) + "[]"), "answer-unreadable"),
        lie("very deep", ok("[".repeat(19_000)), "answer-unreadable"),
        lie("successes that made nothing", ok(list(20).replace("a00", "")), "answer-missing"),
        lie("results that say nothing", ok(format!("[{}]", vec!["{}"; 20].join(","))), "answer-missing"),
    ] {
        is_caught(lie, &collections(), |_| {}).await;
    }
    let by_key = careful(DialectSpec::Rest(RestSpec {
        method: "POST".into(),
        path: "/rows".into(),
        format: RestFormat::Json,
        envelope: None,
        record: "row".into(),
        namespace: None,
        headers: Default::default(),
        results: Some(ResultsSpec {
            result: "results".into(),
            key: Some("key".into()),
            success: "ok".into(),
            true_values: vec!["true".into()],
            code: None,
            field: None,
        }),
        taken: vec![200, 201, 204],
        error_code: "code".into(),
        codes: Default::default(),
    }));
    let rows = |key: &dyn Fn(u64) -> String| {
        let rows: Vec<String> = (0..RECORDS).map(|n| format!(r#"{{"key":{},"ok":true}}"#, key(n))).collect();
        ok(format!(r#"{{"results":[{}]}}"#, rows.join(",")))
    };
    for lie in [
        lie("keys that were not sent", rows(&|n| format!("\"X{n}\"")), "answer-key"),
        lie("one key for all", rows(&|_| "\"U1\"".to_owned()), "answer-key"),
        lie("no keys", rows(&|_| "null".to_owned()), "answer-key"),
        lie("two lists", ok(r#"{"results":[],"results":[]}"#), "answer-unreadable"),
    ] {
        is_caught(lie, &by_key, |_| {}).await;
    }
}

#[tokio::test]
async fn a_redirect_of_the_call_itself_is_not_followed_and_does_nothing() {
    let liar = Liar::start(lie("307", http("307 Temporary Redirect", "Location: /\r\n", ""), "")).await;
    let mut house = House::new();
    let batch = house.accept(&careful(DialectSpec::Soap(dialect())), RECORDS).await;
    let _delivery = house.start(&EndpointConfig::new(format!("http://{}", liar.address))).await;
    house.hop_becomes(HopState::Down).await;
    let view = house.until(batch, |view| view.sums.pending == RECORDS).await;
    assert_eq!((view.sums.delivered, view.sums.in_doubt), (0, 0));
    let chunk = house.chunks(batch).await.into_iter().find(|chunk| chunk.code().is_some()).expect("an end");
    assert_eq!(chunk.code().expect("a code").as_str(), "status-307");
}
