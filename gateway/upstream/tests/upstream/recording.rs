//! Every call is on record: what went out, what came back, and what could not be made.

use std::collections::HashMap;
use std::time::Duration;

use http::{Method, Request};
use sekisho_exchanges::{ExchangeLog, Limits, Options, RouteRule, SigningKey, Verifier, verify_folder};
use sekisho_upstream::{Body, Endpoint, HttpClient, Note, Sent, UpstreamError};
use serde_json::Value;

use crate::server::{Server, answer, ok, request};

const LONG: Duration = Duration::from_secs(60);

fn post(client: &HttpClient, body: &'static str, route: &str) -> Request<Body> {
    let mut request = Request::new(Body::full(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = client.endpoint().target("/x").expect("a target");
    request.extensions_mut().insert(Note {
        route: Some(route.to_owned()),
        chunk: Some(7),
        ..Note::of("send")
    });
    request
}

#[tokio::test]
async fn calls_are_on_record_and_on_a_strict_route_before_they_are_made() {
    let server = Server::start(|mut stream, number| async move {
        while request(&mut stream).await.is_some() {
            if number > 0 {
                // Cut in place of an answer.
                return;
            }
            answer(&mut stream, &ok("hello")).await;
        }
    })
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    let key = SigningKey::passing().expect("a key");
    let options = Options { folder: folder.path().join("log"), key, limits: Limits::default() };
    let log = ExchangeLog::open(options).expect("a log");
    let rule = RouteRule { no_record_no_relay: true, purpose: None };
    log.arrange(HashMap::from([("strict".to_owned(), rule)]));

    let client = HttpClient::new(Endpoint::load(&server.config()).expect("an endpoint"));
    client.record_in(&log, "cloud");
    let held = client.send_streaming(post(&client, "value", "usual"), LONG).await.expect("an answer");
    let cut = client.send(post(&client, "", "strict"), LONG).await.expect_err("it is cut");
    assert_eq!(cut.outcome(), Sent::Unknown);
    held.collect().await.expect("a body");
    let known = post(&client, "value", "usual").map(|body| body.digested(Some([0xab; 32])));
    let held = client.send_streaming(known, LONG).await;
    drop(held);
    log.close().await;
    let unmade = client.send(post(&client, "", "strict"), LONG).await.expect_err("nothing can be on record");
    assert!(matches!(unmade, UpstreamError::NotRecorded) && unmade.outcome() == Sent::No);

    let mut lines: Vec<Value> = Vec::new();
    let report =
        verify_folder(&folder.path().join("log"), Verifier::new(Vec::new(), Vec::new()), true, |line| {
            lines.push(serde_json::from_slice(line).expect("a line is JSON"));
            Ok(())
        });
    report.expect("a log").expect("nothing is wrong");
    let of = |kind: &str, route: &str| {
        let fits = |line: &&Value| line["kind"] == kind && line["route"] == route;
        lines.iter().filter(fits).collect::<Vec<_>>()
    };
    let answered = of("exchange", "usual");
    assert_eq!(
        (answered[0]["outcome"].as_str(), answered[0]["status"].as_u64()),
        (Some("answered"), Some(200))
    );
    assert_eq!((&answered[0]["bytes_out"], &answered[0]["bytes_in"]), (&5.into(), &5.into()));
    assert_eq!((&answered[0]["upstream"], &answered[0]["chunk"]), (&"cloud".into(), &7.into()));
    // SHA-256 of "value".
    let digest = "cd42404d52ad55ccfa9aca4adc828aa5800ad9d385a0671fbcbf724118320619";
    assert_eq!(answered[0]["digest"], digest);
    assert_eq!(answered[1]["digest"], "ab".repeat(32), "what the caller knows is taken");
    assert!(answered[0]["address"].as_str().is_some_and(|address| address.starts_with("127.0.0.1:")));
    let (begun, ended) = (of("begun", "strict"), of("exchange", "strict"));
    assert_eq!((begun.len(), ended.len()), (1, 1), "what was not made is not on record");
    assert_eq!(begun[0]["id"], ended[0]["id"]);
    assert_eq!((&ended[0]["outcome"], &ended[0]["code"]), (&"unknown".into(), &"upstream-cut".into()));
    assert!(of("begun", "usual").is_empty());
    assert!(!lines.iter().any(|line| line.to_string().contains("hello")));
}
