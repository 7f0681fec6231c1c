//! The admin listener.

use std::sync::Arc;
use std::time::Duration;

use sekisho_edge::Token;
use sekisho_edge::admin::{Admin, Operators};
use sekisho_edge::gateway::now_millis;
use sekisho_journal::Event;
use sekisho_liveness::Observation;
use serde_json::json;

use crate::client::Client;
use crate::record_sets::RecordSet;
use crate::site::{CITY, Site, TOWN, until};
use crate::ways::Way;

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost:9600\r\n\r\n")
}

/// The site's admin listener, and a client of it.
pub(crate) fn admin(site: &Site) -> (Client, tokio::sync::watch::Sender<bool>) {
    admin_for(site, Operators::default())
}

/// The same, known by tokens.
fn admin_for(site: &Site, operators: Operators) -> (Client, tokio::sync::watch::Sender<bool>) {
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let delivery = Arc::new(|| json!({ "main": "idle" }));
    let admin = Admin::new(Arc::clone(&site.gateway), site.registry.clone(), delivery).unwrap();
    let admin = admin.known_by(operators);
    let address = site.block_on(async {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(admin.serve(socket, stopped));
        address
    });
    (Client::connect(address, CITY.into()), stop)
}

#[test]
fn metrics_count_what_came_in_and_how_hops_are() {
    let site = Site::new();
    let set = RecordSet::many_orders(7);
    for way in Way::ALL {
        site.client().ask(way.request("/orders", &set)).receipt();
    }
    site.client().ask(get("/nowhere"));
    site.gateway.board.report("gateway", Observation::up(Duration::from_millis(1)));
    let (mut client, _stop) = admin(&site);
    let text = client.ask(get("/metrics")).text();
    for line in [
        "sekisho_batches_accepted_total{door=\"swa\",route=\"orders\"} 1",
        "sekisho_batches_accepted_total{door=\"soap\",route=\"orders\"} 2",
        "sekisho_batches_accepted_total{door=\"rest\",route=\"orders\"} 5",
        "sekisho_records_accepted_total{door=\"soap\",route=\"orders\"} 14",
        "sekisho_records{state=\"accepted\"} 56",
        "sekisho_records{state=\"pending\"} 56",
        "sekisho_refusals_total{code=\"path-unknown\"} 1",
        "sekisho_requests_total{door=\"rest\",route=\"none\",status=\"4xx\"} 1",
        "sekisho_hop_state{hop=\"gateway\"} 1",
        "sekisho_hop_state{hop=\"main/line\"} 0",
        "sekisho_uploads 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
    }
    assert!(!text.contains("127.0.0.1"), "no label comes from a client");
}

#[test]
fn an_operator_sees_every_clients_batches_and_cancels_them() {
    let site = Site::new();
    let set = RecordSet::many_orders(2);
    let city = site.client().ask(Way::Swa.request("/orders", &set)).receipt_id();
    let town = site.client_from(TOWN).ask(Way::RestCsv.request("/orders", &set)).receipt_id();
    let (mut client, stop) = admin(&site);
    assert_eq!(client.ask(get("/live")).json(), json!({ "live": true }));
    assert_eq!(client.ask(get("/delivery")).json(), json!({ "main": "idle" }));
    let listed = |answer: serde_json::Value| -> Vec<(String, String)> {
        let batches = answer["batches"].as_array().unwrap().clone();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        batches.iter().map(|batch| (text(&batch["id"]), text(&batch["client"]))).collect()
    };
    let all = listed(client.ask(get("/batches")).json());
    assert_eq!(all, [(town.clone(), "town".to_owned()), (city.clone(), "city".to_owned())]);
    assert_eq!(listed(client.ask(get("/batches?client=city")).json()).len(), 1);
    assert_eq!(listed(client.ask(get("/batches?route=relay")).json()).len(), 0);
    let cancelled = client.ask(get(&format!("/batches/{city}")).replace("GET", "DELETE")).json();
    assert_eq!(cancelled["sums"]["cancelled"], 2);
    assert_eq!(client.ask(get(&format!("/batches/{city}"))).json()["sums"]["pending"], 0);
    for (path, members) in [("errors", "errors"), ("chunks", "chunks")] {
        let answer = client.ask(get(&format!("/batches/{town}/{path}"))).json();
        assert_eq!(answer[members], json!([]));
    }
    assert_eq!(client.ask(get("/totals")).json()["accepted"], 4);
    let hops = site.gateway.board.snapshot().hops.len();
    assert_eq!(client.ask(get("/heartbeat")).json()["hops"].as_array().unwrap().len(), hops);
    for path in ["/batches/x", "/batches/018f0000-0000-7000-8000-000000000000", "/nothing"] {
        assert_eq!(client.ask(get(path)).status, 404, "{path}");
    }
    stop.send(true).unwrap();
    until("the admin listener has closed", || std::net::TcpStream::connect(client.peer()).is_err());
}

/// A batch of three chunks of one record each, of which nobody can know what became.
fn in_doubt(site: &Site) -> String {
    let id = site.client().ask(Way::Swa.request("/orders", &RecordSet::many_orders(3))).receipt_id();
    let events = (1..=3)
        .flat_map(|chunk| {
            [
                Event::ChunkOpened { chunk, first: chunk - 1, count: 1, attempt: 1 },
                Event::ChunkInDoubt { chunk, code: "reset".into() },
                Event::DoubtHeld { chunk, code: "not-repeatable".into() },
            ]
        })
        .collect();
    let ledger = &site.gateway.ledger;
    site.block_on(ledger.apply(id.parse().unwrap(), ledger.epoch(), now_millis(), events)).unwrap();
    id
}

#[test]
fn an_operator_decides_what_became_of_a_chunk_that_nobody_can_know() {
    let site = Site::new();
    let id = in_doubt(&site);
    let (mut client, _stop) = admin(&site);
    let mut decide = |chunk: u64, decision: &str| {
        client.ask(format!(
            "POST /batches/{id}/chunks/{chunk}/{decision} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
        ))
    };
    let sum = |answer: &serde_json::Value, name: &str| answer["sums"][name].as_u64().unwrap();
    let delivered = decide(1, "delivered").json();
    assert_eq!((sum(&delivered, "delivered"), sum(&delivered, "inDoubt")), (1, 2));
    let pending = decide(2, "not-delivered").json();
    assert_eq!((sum(&pending, "pending"), sum(&pending, "inDoubt")), (1, 1));
    let again = decide(3, "repeat").json();
    assert_eq!((sum(&again, "inFlight"), sum(&again, "inDoubt")), (1, 0));
    for (chunk, decision, status, code) in [
        (1, "delivered", 409, "chunk-not-open"),
        (9, "delivered", 404, "chunk-unknown"),
        (2, "forgotten", 404, "decision-unknown"),
    ] {
        let refused = decide(chunk, decision);
        assert_eq!(refused.status, status, "{chunk} {decision}");
        assert_eq!(refused.json()["code"], code, "{chunk} {decision}");
    }
}

#[test]
fn a_page_of_another_site_changes_nothing() {
    let site = Site::new();
    let id = in_doubt(&site);
    let (mut client, _stop) = admin(&site);
    let changes = [
        format!("DELETE /batches/{id}"),
        format!("POST /batches/{id}/chunks/1/delivered"),
        "POST /clients/city/purge?also-unfinished=true".to_owned(),
    ];
    let foreign = [
        ("Host: evil.example", "admin-host-foreign"),
        ("Host: 127.0.0.1\r\nOrigin: http://evil.example", "admin-origin-foreign"),
        ("Host: 127.0.0.1\r\nSec-Fetch-Site: cross-site", "admin-origin-foreign"),
    ];
    let before = site.batches();
    for change in &changes {
        for (fields, code) in foreign {
            let refused = client.ask(format!("{change} HTTP/1.1\r\n{fields}\r\nContent-Length: 0\r\n\r\n"));
            assert_eq!(
                (refused.status, refused.json()["code"].as_str()),
                (403, Some(code)),
                "{change} {fields}"
            );
        }
    }
    assert_eq!(site.batches(), before, "nothing was done");
    // Monitoring scrapes by whatever name it has for the machine.
    let metrics = client.ask("GET /metrics HTTP/1.1\r\nHost: gateway.example:9600\r\n\r\n").text();
    assert!(metrics.contains("sekisho_refusals_total{code=\"admin-origin-foreign\"} 6"), "{metrics}");
    let own = "Host: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\nSec-Fetch-Site: same-origin";
    let done = client.ask(format!("{} HTTP/1.1\r\n{own}\r\nContent-Length: 0\r\n\r\n", changes[1]));
    assert_eq!(done.status, 200, "{done}");
}

/// Every resource, the metrics among them; and nothing is done that is not permitted.
#[test]
fn who_shows_no_operators_token_is_refused_at_every_path() {
    let site = Site::new();
    let id = site.client().ask(Way::Swa.request("/orders", &RecordSet::many_orders(2))).receipt_id();
    let (first, second) = ("a".repeat(32), "b".repeat(40));
    let tokens =
        |written: &[&String]| written.iter().map(|text| Token::parse(text).unwrap()).collect::<Vec<_>>();
    let operators = Operators::default();
    operators.store(Arc::new(tokens(&[&first])));
    let (mut client, _stop) = admin_for(&site, Arc::clone(&operators));
    let ask = |client: &mut Client, request: &str, token: &str| {
        let shown =
            if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
        client.ask(format!("{request} HTTP/1.1\r\nHost: admin\r\nContent-Length: 0\r\n{shown}\r\n"))
    };
    let (cancel, purge) = (format!("DELETE /batches/{id}"), "POST /clients/city/purge?also-unfinished=true");
    for request in
        ["GET /metrics", "GET /live", "GET /heartbeat", "GET /batches", &cancel, purge, "GET /nowhere"]
    {
        for (token, code) in
            [("", "admin-token-missing"), (&*second, "admin-token-unknown"), ("x", "admin-token-unknown")]
        {
            let answer = ask(&mut client, request, token);
            assert_eq!(
                (answer.status, answer.json()["code"].as_str()),
                (401, Some(code)),
                "{request} {token}"
            );
            assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"sekisho-admin\""));
            assert!(!answer.text().contains(&first) && !answer.text().contains("batches/"), "{answer}");
        }
    }
    assert_eq!(site.batches()[0].finished_at, None, "nothing was cancelled");
    assert_eq!(ask(&mut client, "GET /batches", &first).status, 200);
    let metrics = ask(&mut client, "GET /metrics", &first).text();
    assert!(metrics.contains("sekisho_refusals_total{code=\"admin-token-missing\"} 7"), "{metrics}");
    // Exchanged while the listener goes on; and without any, nobody is asked.
    operators.store(Arc::new(tokens(&[&second])));
    assert_eq!(ask(&mut client, "GET /live", &first).status, 401);
    assert_eq!(ask(&mut client, "GET /live", &second).status, 200);
    operators.store(Arc::default());
    assert_eq!(ask(&mut client, "GET /live", "").status, 200);
}
