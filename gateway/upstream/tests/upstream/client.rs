use std::io::Read;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use sekisho_upstream::{
    Answer, Body, Endpoint, EndpointConfig, HttpClient, Sent, UpstreamError, probe_connect, probe_get,
    probe_resolve,
};
use tokio::sync::Notify;
use tokio::time;

use crate::server::{Server, answer, head, ok, request, until_closed};

/// Longer than any machine stalls.
const LONG: Duration = Duration::from_secs(60);

fn client(config: &EndpointConfig) -> HttpClient {
    HttpClient::new(Endpoint::load(config).expect("an endpoint"))
}

fn post(client: &HttpClient, path: &str, body: Body) -> Request<Body> {
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = client.endpoint().target(path).expect("a target");
    request
}

async fn send(client: &HttpClient, body: impl Into<Bytes>) -> Result<Answer, UpstreamError> {
    client.send(post(client, "/x", Body::full(body)), LONG).await
}

#[tokio::test]
async fn requests_go_out_with_host_length_and_base_path_and_connections_are_kept() {
    let server = Server::start(|mut stream, _| async move {
        while let Some((head, body)) = request(&mut stream).await {
            let line = head.lines().next().expect("a line").to_owned();
            let has = |name: &str| head.to_ascii_lowercase().contains(name);
            assert!(has("host: 127.0.0.1:") && has("content-length: 5") && !has("transfer-encoding"));
            answer(&mut stream, &ok(&format!("{line} {}", String::from_utf8_lossy(&body)))).await;
        }
    })
    .await;
    let mut config = server.config();
    config.url.push_str("/base/");
    let client = client(&config);
    for _ in 0..5 {
        let got = client.send(post(&client, "/a?b=c", Body::full("hello")), LONG).await.expect("an answer");
        assert_eq!(got.status, 200);
        assert_eq!(got.body, "POST /base/a?b=c HTTP/1.1 hello");
        // A connection is given back on a task of its own: let it.
        tokio::task::yield_now().await;
    }
    assert!(server.connections() <= 2, "{}", server.connections());
}

#[tokio::test]
async fn streamed_bodies_arrive_whole_with_their_length() {
    let server = Server::start(|mut stream, _| async move {
        while let Some((_, body)) = request(&mut stream).await {
            let sum: u64 = body.iter().map(|byte| u64::from(*byte)).sum();
            answer(&mut stream, &ok(&format!("{} {sum}", body.len()))).await;
        }
    })
    .await;
    let client = client(&server.config());
    let pieces = 300;
    let (writer, body) = Body::stream(pieces * 10_000, 2);
    let producer = tokio::task::spawn_blocking(move || {
        (0..pieces).all(|n| writer.blocking_write(vec![(n % 7) as u8; 10_000].into()).is_ok())
    });
    let got = client.send(post(&client, "/", body), LONG).await.expect("an answer");
    let sum: u64 = (0..pieces).map(|n| n % 7 * 10_000).sum();
    assert_eq!(got.body, format!("{} {sum}", pieces * 10_000));
    assert!(producer.await.expect("joined"));
}

#[tokio::test]
async fn a_body_that_ends_early_or_fails_is_the_senders_fault() {
    let server = Server::start(|mut stream, _| async move {
        head(&mut stream).await;
        until_closed(&mut stream).await;
    })
    .await;
    let client = client(&server.config());
    let (writer, body) = Body::stream(100, 2);
    writer.write("half".into()).await.expect("room");
    drop(writer);
    let error = client.send(post(&client, "/", body), LONG).await.expect_err("cut short");
    assert_eq!(error.code(), "upstream-body");
    assert!(error.to_string().contains("96 announced bytes"), "{error}");

    let (writer, body) = Body::stream(100, 2);
    let failing = tokio::task::spawn_blocking(move || writer.blocking_fail("the spool is gone".to_owned()));
    let error = client.send(post(&client, "/", body), LONG).await.expect_err("failed");
    assert!(error.to_string().contains("the spool is gone"), "{error}");
    failing.await.expect("joined");
}

#[tokio::test]
async fn an_answer_before_the_body_is_read_ends_the_producer() {
    let server = Server::start(|mut stream, _| async move {
        head(&mut stream).await;
        answer(
            &mut stream,
            "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        )
        .await;
        until_closed(&mut stream).await;
    })
    .await;
    let client = client(&server.config());
    let (writer, body) = Body::stream(u64::MAX, 1);
    let producer = tokio::task::spawn_blocking(move || {
        let piece = Bytes::from(vec![0; 64 * 1024]);
        while writer.blocking_write(piece.clone()).is_ok() {}
    });
    let got = client.send(post(&client, "/", body), LONG).await.expect("an answer");
    assert_eq!(got.status, 413);
    producer.await.expect("the producer was told to stop");
}

#[tokio::test]
async fn nothing_sent_and_unknown_are_told_apart() {
    // Nobody listens.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let error =
        send(&client(&EndpointConfig::new(format!("http://{address}"))), "x").await.expect_err("refused");
    assert_eq!((error.code(), error.outcome()), ("upstream-connect", Sent::No));

    // No such name.
    let error = send(&client(&EndpointConfig::new("http://nobody.invalid")), "x").await.expect_err("no name");
    assert_eq!((error.code(), error.outcome()), ("upstream-resolve", Sent::No));

    // Read, then cut without an answer.
    let server = Server::start(|mut stream, _| async move {
        request(&mut stream).await;
    })
    .await;
    let error = send(&client(&server.config()), "x").await.expect_err("cut");
    assert_eq!((error.code(), error.outcome()), ("upstream-cut", Sent::Unknown));
    assert!(error.to_string().contains("while waiting for the answer"), "{error}");

    // Answered in part, then cut.
    let server = Server::start(|mut stream, _| async move {
        request(&mut stream).await;
        answer(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
    })
    .await;
    let error = send(&client(&server.config()), "x").await.expect_err("cut");
    assert_eq!((error.code(), error.outcome()), ("upstream-cut", Sent::Unknown));
    assert!(error.to_string().contains("while the answer was read"), "{error}");

    // Not HTTP.
    let server = Server::start(|mut stream, _| async move {
        request(&mut stream).await;
        answer(&mut stream, "220 mail.example ESMTP\r\n\r\n").await;
    })
    .await;
    let error = send(&client(&server.config()), "x").await.expect_err("not HTTP");
    assert_eq!((error.code(), error.outcome()), ("upstream-answer", Sent::Unknown));
}

#[tokio::test]
async fn a_kept_connection_that_the_peer_has_closed_is_no_attempt() {
    // One answer a connection; the close comes after it without being announced.
    let server = Server::start(|mut stream, number| async move {
        request(&mut stream).await;
        answer(&mut stream, &ok(&number.to_string())).await;
    })
    .await;
    let client = client(&server.config());
    for number in 0..20 {
        let got = send(&client, "x").await;
        match got {
            Ok(got) => assert_eq!(got.body, number.to_string()),
            // The close crossed the request on the wire: then, and only then, nobody can know.
            Err(error) => {
                assert_eq!((error.code(), error.outcome()), ("upstream-cut", Sent::Unknown));
                return;
            }
        }
        tokio::task::yield_now().await;
    }
}

/// What comes of an exchange whose peer does no more once `reached` was notified. Until then the clock is the real one,
/// so that no deadline passes; from then on it stands still and is moved on from deadline to deadline, so that nothing is
/// waited for.
async fn once_reached<T>(exchange: impl Future<Output = T>, reached: &Notify) -> T {
    let mut exchange = pin!(exchange);
    tokio::select! {
        biased;
        _ = &mut exchange => panic!("it ended before its peer stood still"),
        () = reached.notified() => {}
    }
    time::pause();
    let ended = loop {
        tokio::select! {
            biased;
            ended = &mut exchange => break ended,
            () = time::advance(LONG) => {}
        }
    };
    time::resume();
    ended
}

/// A server that reads requests, says so, and never answers.
async fn silent(reached: &Arc<Notify>) -> Server {
    let reached = Arc::clone(reached);
    Server::start(move |mut stream, _| {
        let reached = Arc::clone(&reached);
        async move {
            request(&mut stream).await;
            reached.notify_one();
            until_closed(&mut stream).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_request_without_an_answer_ends_at_its_deadline() {
    let reached = Arc::new(Notify::new());
    let server = silent(&reached).await;
    let client = client(&server.config());
    let exchange = client.send(post(&client, "/", Body::full("x")), LONG);
    let error = once_reached(exchange, &reached).await.expect_err("too long");
    assert_eq!(
        (error.code(), error.outcome(), error.is_timeout()),
        ("upstream-timeout", Sent::Unknown, true)
    );
    assert!(error.to_string().contains("while waiting for the answer"), "{error}");
}

#[tokio::test]
async fn a_peer_that_stops_reading_is_given_up_long_before_the_deadline() {
    let reached = Arc::new(Notify::new());
    let server = Server::start({
        let reached = Arc::clone(&reached);
        move |mut stream, _| {
            let reached = Arc::clone(&reached);
            async move {
                head(&mut stream).await;
                reached.notify_one();
                std::future::pending::<()>().await;
            }
        }
    })
    .await;
    let client = client(&server.config());
    let (writer, body) = Body::stream(u64::MAX, 1);
    let producer = tokio::task::spawn_blocking(move || {
        let piece = Bytes::from(vec![0; 256 * 1024]);
        while writer.blocking_write(piece.clone()).is_ok() {}
    });
    let exchange = client.send(post(&client, "/", body), LONG * 1_000_000);
    let error = once_reached(exchange, &reached).await.expect_err("stuck");
    assert_eq!((error.code(), error.outcome()), ("upstream-timeout", Sent::Unknown));
    assert!(error.to_string().contains("while the request was sent"), "{error}");
    producer.await.expect("the producer was told to stop");
}

#[tokio::test]
async fn an_answer_that_stops_half_way_is_given_up() {
    let server = Server::start(|mut stream, _| async move {
        request(&mut stream).await;
        answer(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
        until_closed(&mut stream).await;
    })
    .await;
    let client = client(&server.config());
    let streamed = client.send_streaming(post(&client, "/", Body::full("x")), LONG * 1_000_000).await;
    let reached = Notify::new();
    reached.notify_one();
    let error = once_reached(streamed.expect("a head").collect(), &reached).await.expect_err("it never ends");
    assert_eq!(error.code(), "upstream-timeout");
    assert!(error.to_string().contains("while the answer was read"), "{error}");
}

#[tokio::test]
async fn connections_are_bounded_and_waited_for() {
    let reached = Arc::new(Notify::new());
    let server = silent(&reached).await;
    let client = client(&EndpointConfig { max_connections: 1, ..server.config() });
    let first = tokio::spawn({
        let client = client.clone();
        async move { client.send(post(&client, "/", Body::full("x")), LONG * 1_000).await }
    });
    reached.notified().await;
    let waiting = Notify::new();
    waiting.notify_one();
    let second = client.send(post(&client, "/", Body::full("x")), LONG);
    let error = once_reached(second, &waiting).await.expect_err("busy");
    assert_eq!((error.code(), error.outcome()), ("upstream-busy", Sent::No));
    assert_eq!(server.connections(), 1);
    first.abort();
    assert!(first.await.expect_err("aborted").is_cancelled());
    // The place is free again as soon as the first request has been given up.
    let third = client.send(post(&client, "/", Body::full("x")), LONG);
    let error = once_reached(third, &reached).await.expect_err("no answer");
    assert_eq!(error.code(), "upstream-timeout");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn long_answers_are_cut_off_with_and_without_a_length() {
    let server = Server::start(|mut stream, number| async move {
        request(&mut stream).await;
        let body = "x".repeat(5_000);
        if number == 0 {
            answer(&mut stream, &ok(&body)).await;
        } else {
            answer(&mut stream, &format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}")).await;
        }
    })
    .await;
    let client = client(&EndpointConfig { max_answer_bytes: 4_999, ..server.config() });
    for _ in 0..2 {
        let error = send(&client, "x").await.expect_err("too long");
        assert_eq!(error.code(), "upstream-answer-too-long");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let server = Server::start(|mut stream, _| async move {
        request(&mut stream).await;
        answer(&mut stream, "HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
            .await;
        until_closed(&mut stream).await;
    })
    .await;
    let got = send(&client(&server.config()), "x").await.expect("an answer");
    assert_eq!(got.status, 307);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn requests_for_another_host_are_refused_before_anything_is_opened() {
    let server = Server::start(|mut stream, _| async move { until_closed(&mut stream).await }).await;
    let client = client(&server.config());
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = "http://elsewhere.example/".parse().expect("a URI");
    let error = client.send(request, LONG).await.expect_err("another host");
    assert_eq!((error.code(), error.outcome()), ("upstream-request", Sent::No));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn an_answer_can_be_read_by_a_blocking_thread() {
    let server = Server::start(|mut stream, number| async move {
        request(&mut stream).await;
        let body = "line\n".repeat(50_000);
        if number == 0 {
            answer(&mut stream, &ok(&body)).await;
        } else {
            answer(&mut stream, &format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\nhalf", body.len()))
                .await;
        }
    })
    .await;
    let client = client(&server.config());
    let streamed = client.send_streaming(post(&client, "/", Body::empty()), LONG).await.expect("a head");
    let mut reader = streamed.into_reader();
    let text = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).map(|_| text)
    });
    assert_eq!(text.await.expect("joined").expect("read").len(), 250_000);

    let streamed = client.send_streaming(post(&client, "/", Body::empty()), LONG).await.expect("a head");
    let mut reader = streamed.into_reader();
    let failed = tokio::task::spawn_blocking(move || reader.read_to_end(&mut Vec::new()));
    let error = failed.await.expect("joined").expect_err("cut");
    let inner = error.get_ref().and_then(|error| error.downcast_ref::<UpstreamError>()).expect("typed");
    assert_eq!(inner.code(), "upstream-cut");
}

#[tokio::test]
async fn probes_time_each_step() {
    let server = Server::start(|mut stream, _| async move {
        while let Some(head) = head(&mut stream).await {
            assert!(head.starts_with("GET /health HTTP/1.1\r\n"), "{head}");
            answer(&mut stream, "HTTP/1.1 503 Down\r\nContent-Length: 4\r\n\r\ndown").await;
        }
    })
    .await;
    let endpoint = Endpoint::load(&server.config()).expect("an endpoint");
    let resolved = probe_resolve(&endpoint, LONG).await.expect("resolved");
    assert_eq!((resolved.connect, resolved.address), (None, Some(server.address)));
    let connected = probe_connect(&endpoint, LONG).await.expect("connected");
    assert!(connected.connect.is_some() && connected.http.is_none());
    let (got, answer) = probe_get(&HttpClient::new(endpoint), "/health", LONG).await.expect("an answer");
    assert_eq!(answer.body, "down");
    assert_eq!(got.status.map(|status| status.as_u16()), Some(503));
    assert!(got.connect.is_some() && got.http.is_some() && got.tls.is_none());
}

#[test]
fn endpoints_that_cannot_be_used_are_named_by_key() {
    let load = |change: fn(&mut EndpointConfig)| {
        let mut config = EndpointConfig::new("http://cloud.example");
        change(&mut config);
        Endpoint::load(&config).map(|_| ()).map_err(|error| (error.code(), error.to_string()))
    };
    assert_eq!(load(|_| {}), Ok(()));
    type Change = fn(&mut EndpointConfig);
    let cases: [(Change, &str, &str); 8] = [
        (|c| c.url = "cloud.example".into(), "endpoint-url", "scheme"),
        (|c| c.url = "ftp://cloud.example".into(), "endpoint-url", "scheme"),
        (|c| c.url = "http://u:p@cloud.example".into(), "endpoint-url", "login"),
        (|c| c.url = "http://cloud.example/?a=b".into(), "endpoint-url", "query"),
        (|c| c.url = "https://cloud.example".into(), "endpoint-value", "roots"),
        (|c| c.max_connections = 0, "endpoint-value", "max_connections"),
        (|c| c.request_timeout_ms = 0, "endpoint-value", "request_timeout_ms"),
        (
            |c| {
                c.url = "https://cloud.example".into();
                c.roots = vec!["/nonexistent/roots.pem".into()];
            },
            "endpoint-file",
            "/nonexistent/roots.pem",
        ),
    ];
    for (change, code, word) in cases {
        let (found, text) = load(change).expect_err(word);
        assert_eq!(found, code, "{text}");
        assert!(text.contains(word), "{text}");
    }
    let text = r#"{"url": "http://x", "speed": 1}"#;
    assert!(serde_json::from_str::<EndpointConfig>(text).is_err(), "unknown keys are refused");
}
