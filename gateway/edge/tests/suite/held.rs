//! Batches with records that wait for an operator, as client and operator see them.

use sekisho_edge::gateway::now_millis;
use sekisho_journal::Event;
use sekisho_soap::message::{Answer as Said, ErrorsPage, State};
use serde_json::{Value, json};

use crate::batches::{by_id, get};
use crate::operators::admin;
use crate::record_sets::RecordSet;
use crate::site::Site;
use crate::ways::Way;

/// Lets chunks be opened one behind the other, and be held, each for its reason.
fn hold(site: &Site, id: &str, chunks: &[(u64, &'static str)]) {
    let mut first = 0;
    let mut events = Vec::new();
    for (chunk, &(count, code)) in (1..).zip(chunks) {
        events.push(Event::ChunkOpened { chunk, first, count, attempt: 1 });
        events.push(Event::ChunkInDoubt { chunk, code: code.into() });
        events.push(Event::DoubtHeld { chunk, code: code.into() });
        first += count;
    }
    apply(site, id, events);
}

fn apply(site: &Site, id: &str, events: Vec<Event>) {
    let ledger = &site.gateway.ledger;
    site.block_on(ledger.apply(id.parse().unwrap(), ledger.epoch(), now_millis(), events)).unwrap();
}

fn eight() -> Vec<u8> {
    let message = Way::RestCsv.message(RecordSet::many_orders(8).csv().as_bytes());
    message.with("Idempotency-Key", "eight").to("/orders")
}

/// A batch of eight orders: of five the segment is damaged, of two the outcome is unknown, one is rejected.
fn damaged(site: &Site) -> String {
    let id = site.client().ask(eight()).receipt_id();
    hold(site, &id, &[(3, "spool-damaged"), (2, "spool-damaged"), (2, "outcome-unknown")]);
    apply(site, &id, vec![Event::RecordsRejected { first: 7, count: 1, code: "record-unsendable".into() }]);
    id
}

/// First record, last record, code.
type Run<'p> = (u64, Option<u64>, &'p str);

fn runs(page: &ErrorsPage) -> Vec<Run<'_>> {
    page.errors.iter().map(|error| (error.record, error.last_record, error.code.as_str())).collect()
}

#[test]
fn what_is_held_stands_on_the_receipt_with_its_reasons_by_rest_and_by_soap() {
    let site = Site::new();
    let id = damaged(&site);
    let mut client = site.client();
    let by_rest = client.ask(get(&format!("/orders/batches/{id}"))).receipt();
    let by_soap = client.ask(by_id("batchState", &id)).receipt();
    assert_eq!(by_rest, by_soap);
    assert_eq!((by_rest.state, by_rest.sums.in_doubt), (State::Held, 7));
    let reasons: Vec<_> = by_rest.held.iter().map(|held| (held.code.as_str(), held.records)).collect();
    assert_eq!(reasons, [("outcome-unknown", 2), ("spool-damaged", 5)]);
    for held in &by_rest.held {
        assert!(held.message.is_ascii() && held.message.ends_with('.'), "{held:?}");
        assert!(held.message_ja.ends_with('。') && !held.message_ja.contains("  "), "{held:?}");
    }
    assert_ne!(by_rest.held[0].message, by_rest.held[1].message);
    assert_ne!(by_rest.held[0].message_ja, by_rest.held[1].message_ja);

    let listed = client.ask(get("/orders/batches")).json();
    assert_eq!(listed["batches"][0]["held"], serde_json::to_value(&by_rest.held).unwrap());
    // The same batch again is answered with the same standing.
    let again = client.ask(eight()).receipt();
    assert_eq!((again.duplicate, again.held), (true, by_rest.held));
}

#[test]
fn a_batch_that_goes_on_shows_what_it_has_left_behind_and_none_once_all_is_decided() {
    let site = Site::new();
    let id = site.client().ask(Way::RestCsv.request("/orders", &RecordSet::many_orders(5))).receipt_id();
    let mut client = site.client();
    let mut view = || client.ask(get(&format!("/orders/batches/{id}"))).json();
    assert!(view().get("held").is_none());
    hold(&site, &id, &[(2, "spool-damaged")]);
    let under_way = view();
    assert_eq!((&under_way["state"], &under_way["held"][0]["records"]), (&json!("delivering"), &json!(2)));
    // A doubt that resolves itself waits for nobody.
    apply(
        &site,
        &id,
        vec![
            Event::ChunkOpened { chunk: 2, first: 2, count: 3, attempt: 1 },
            Event::ChunkInDoubt { chunk: 2, code: "reset".into() },
        ],
    );
    let in_doubt = view();
    assert_eq!((&in_doubt["sums"]["inDoubt"], &in_doubt["held"][0]["records"]), (&json!(5), &json!(2)));
    assert_eq!(in_doubt["held"].as_array().unwrap().len(), 1);
    apply(
        &site,
        &id,
        vec![
            Event::DoubtReturned { chunk: 1, code: "decided-by-operator".into() },
            Event::DoubtDelivered { chunk: 2 },
        ],
    );
    assert!(view().get("held").is_none());
}

#[test]
fn records_that_wait_are_listed_in_runs_among_the_errors() {
    let site = Site::new();
    let id = damaged(&site);
    let mut client = site.client();
    let all = [
        (1, Some(3), "spool-damaged"),
        (4, Some(5), "spool-damaged"),
        (6, Some(7), "outcome-unknown"),
        (8, None, "record-unsendable"),
    ];
    let path = format!("/orders/batches/{id}/errors");
    let page: ErrorsPage = serde_json::from_value(client.ask(get(&path)).json()).unwrap();
    assert_eq!((page.total, runs(&page).as_slice()), (8, all.as_slice()));
    let outcomes: Vec<_> = page.errors.iter().filter_map(|error| error.outcome.as_deref()).collect();
    assert_eq!(outcomes, ["inDoubt", "inDoubt", "inDoubt", "rejected"]);
    match client.ask(by_id("batchErrors", &id)).soap() {
        Said::Errors(by_soap) => assert_eq!(by_soap, page),
        other => panic!("{other:?}"),
    }
    let csv = client.ask(get(&path).replace("\r\n\r\n", "\r\nAccept: text/csv\r\n\r\n")).text();
    let lines: Vec<_> = csv.lines().collect();
    assert!(lines[1].starts_with("1,inDoubt,,spool-damaged,") && lines[1].ends_with(",3,,,"), "{csv}");
    assert!(lines[4].starts_with("8,rejected,,record-unsendable,") && lines[4].ends_with(",,,,"), "{csv}");

    // Page by page, each run is reached once; a page that begins within a run shows the rest of it.
    let mut from = 0;
    for (index, run) in all.into_iter().enumerate() {
        let page: ErrorsPage =
            serde_json::from_value(client.ask(get(&format!("{path}?limit=1&from={from}"))).json()).unwrap();
        assert_eq!(runs(&page), [run], "page {index}");
        from = page.next.unwrap();
        assert_eq!(from, run.1.unwrap_or(run.0));
    }
    let page: ErrorsPage =
        serde_json::from_value(client.ask(get(&format!("{path}?from=1&limit=2"))).json()).unwrap();
    assert_eq!(runs(&page), [(2, Some(3), "spool-damaged"), (4, Some(5), "spool-damaged")]);
    let end = client.ask(get(&format!("{path}?from=8"))).json();
    assert_eq!((&end["errors"], end.get("next")), (&json!([]), None));
}

#[test]
fn runs_are_in_numbers_of_the_payload_whatever_was_left_out_of_it() {
    let site = Site::new();
    let rows = ["1", "x", "2", "3", "x", "x", "4", "5"].map(|id| format!("{id},a,1.00,\r\n")).concat();
    let csv = format!("order_id,customer,amount,note\r\n{rows}");
    let mut client = site.client();
    let id = client.ask(Way::RestCsv.message(csv.as_bytes()).to("/lenient")).receipt_id();
    hold(&site, &id, &[(4, "spool-batch-unknown")]);
    let path = format!("/lenient/batches/{id}/errors");
    let page: ErrorsPage = serde_json::from_value(client.ask(get(&path)).json()).unwrap();
    let (waits, left_out) = ("spool-batch-unknown", page.errors[1].code.as_str());
    let all = [
        (1, None, waits),
        (2, None, left_out),
        (3, Some(4), waits),
        (5, None, left_out),
        (6, None, left_out),
        (7, None, waits),
    ];
    assert_eq!((page.total, runs(&page).as_slice()), (7, all.as_slice()));
    for from in 0..8 {
        let page: ErrorsPage =
            serde_json::from_value(client.ask(get(&format!("{path}?from={from}"))).json()).unwrap();
        let behind = all.into_iter().filter(|(first, last, _)| last.unwrap_or(*first) > from).map(
            |(first, last, code)| {
                let first = first.max(from + 1);
                (first, last.filter(|last| *last > first), code)
            },
        );
        assert_eq!(runs(&page), behind.collect::<Vec<_>>(), "from {from}");
    }
}

#[test]
fn an_operator_sees_what_is_held_in_the_list_in_the_batch_and_among_the_errors() {
    let site = Site::new();
    let id = damaged(&site);
    let (mut client, _stop) = admin(&site);
    let mut ask = |path: &str| -> Value { client.ask(get(path)).json() };
    let view = ask(&format!("/batches/{id}"));
    assert_eq!((&view["state"], &view["client"]), (&json!("held"), &json!("city")));
    assert_eq!((&view["held"][1]["code"], &view["held"][1]["records"]), (&json!("spool-damaged"), &json!(5)));
    assert_eq!(ask("/batches")["batches"][0], view);
    let errors = ask(&format!("/batches/{id}/errors"));
    assert_eq!((&errors["total"], &errors["errors"][0]["lastRecord"]), (&json!(8), &json!(3)));
}
