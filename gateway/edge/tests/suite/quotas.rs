//! What a client's batches may take of the spool: the same at every door, and nobody else's matter.

use std::sync::Arc;

use sekisho_edge::SpoolQuota;
use sekisho_edge::gateway::now_millis;
use sekisho_edge::route::{Client as RouteClient, Mode, Route, Signed, Split};
use sekisho_journal::{Code, Digest, Event};

use crate::idempotency::identified;
use crate::operators::admin;
use crate::record_sets::RecordSet;
use crate::site::{Site, TOWN};
use crate::ways::{Message, Way, envelope, question};

/// Room for these many bytes and batches of the city; the town has as much as ever.
fn narrow(route: &mut Route, bytes: u64, batches: u64) {
    for client in route.clients.iter_mut().filter(|client| client.name == "city") {
        let (name, networks) = (client.name.clone(), client.networks.clone());
        let quota = SpoolQuota { bytes, batches };
        *client = Arc::new(RouteClient { name, networks, quota, ..RouteClient::default() });
    }
}

fn one_batch(route: &mut Route) {
    narrow(route, 1 << 30, 1);
}

/// The orders of this test take some hundred bytes each.
fn few_bytes(route: &mut Route) {
    narrow(route, 20_000, 1_000);
    route.limits.body_bytes = 1 << 20;
}

fn finish(site: &Site) {
    let ledger = &site.gateway.ledger;
    for batch in site.batches() {
        let over =
            vec![Event::Cancelled { code: Code::new("x") }, Event::Finished { delivered_digest: None }];
        let _ = ledger.apply_blocking(batch.id, ledger.epoch(), now_millis(), over);
    }
    let ids: Vec<_> = site.batches().iter().map(|batch| batch.id).collect();
    assert_eq!(ledger.release_blocking(ids.clone(), now_millis()).unwrap().len(), ids.len());
    ids.iter().for_each(|id| site.gateway.spool.remove(*id).unwrap());
}

#[test]
fn a_client_whose_room_is_used_up_is_refused_at_every_door_and_another_is_not() {
    let site = Site::edited(one_batch);
    let set = RecordSet::many_orders(3);
    let id = site.client().ask(Way::RestCsv.request("/orders", &set)).receipt_id();
    for way in Way::ALL {
        let answer = site.client().ask(way.request("/orders", &set));
        assert_eq!(answer.refused().code, "client-spool-full", "{way:?}: {answer}");
        assert_eq!(answer.status, if way.is_soap() { 500 } else { 507 }, "{way:?}");
        assert_eq!(answer.header("retry-after"), Some("300"), "{way:?}");
        assert!(answer.text().contains("spool_batches"), "{answer}");
        site.client_from(TOWN).ask(way.request("/orders", &set)).receipt();
    }
    assert_eq!(site.spooled().len(), 1 + Way::ALL.len(), "nothing is left of what was refused");
    // By REST before the body is read.
    let head = Way::RestCsv.message(b"").with("Expect", "100-continue").head("/orders");
    let head = head.replace("Content-Length: 0", "Content-Length: 100");
    let answer = site.client().ask(head);
    assert!(answer.status == 507 && answer.closes(), "{answer}");
    // What asks for something needs no room.
    let state = question("getBatch", &format!("<s:batchId>{id}</s:batchId>"));
    assert!(!site.client().ask(state.to("/orders")).text().contains("client-spool-full"));
    let heartbeat = site.client().ask(question("heartbeat", "").to("/orders"));
    assert_eq!(heartbeat.status, 200, "{heartbeat}");
    // When its payload is gone, there is room again.
    finish(&site);
    site.client().ask(Way::Swa.request("/orders", &set)).receipt();
}

#[test]
fn bytes_are_counted_as_they_come_whatever_the_head_says_of_them() {
    let site = Site::edited(few_bytes);
    let (small, large) = (RecordSet::many_orders(20), RecordSet::many_orders(600));
    for way in Way::ALL {
        // Declared, packed, and without a length.
        let message = || way.message(way.payload(&large).as_bytes());
        let declared = message().to("/orders");
        for (request, codes) in [
            (declared, ["client-spool-too-small", "client-spool-full"]),
            (message().gzipped().to("/orders"), ["client-spool-full"; 2]),
            (message().chunked("/orders", 1_000), ["client-spool-full"; 2]),
        ] {
            let code = site.client().ask(request).refused().code;
            assert!(codes.contains(&code.as_str()), "{way:?}: {code}");
        }
        site.assert_nothing_kept();
    }
    let too_small = site.client().ask(Way::RestXml.request("/orders", &large));
    assert_eq!((too_small.status, too_small.refused().code.as_str()), (413, "client-spool-too-small"));
    assert_eq!(loop_until_full(&site, &small), "client-spool-full");
    let stored = site.block_on(site.gateway.ledger.stored()).unwrap();
    assert!(stored[0].1.bytes <= 20_000 && stored[0].1.bytes > 10_000, "{stored:?}");
    let (mut client, _stop) = admin(&site);
    let metrics = client.ask("GET /metrics HTTP/1.1\r\nHost: admin\r\n\r\n").text();
    let line = format!("sekisho_client_spool_bytes{{client=\"city\"}} {}", stored[0].1.bytes);
    assert!(metrics.lines().any(|found| found == line), "{line} is missing in\n{metrics}");
    let line = format!("sekisho_client_spool_batches{{client=\"city\"}} {}", stored[0].1.batches);
    assert!(metrics.lines().any(|found| found == line), "{line} is missing in\n{metrics}");
}

/// Sends batches until one is refused: its code.
fn loop_until_full(site: &Site, set: &RecordSet) -> String {
    for _ in 0..1_000 {
        let answer = site.client().ask(Way::RestJson.request("/orders", set));
        if answer.status != 202 {
            return answer.refused().code;
        }
    }
    panic!("a thousand batches, and still room");
}

/// The same message under a name that its sender gives it.
fn named(way: Way, set: &RecordSet, by_id: bool) -> Message {
    let message = way.message(way.payload(set).as_bytes());
    match (way.is_soap(), by_id) {
        (false, _) => message.with("Idempotency-Key", "\"k\""),
        (true, true) => identified(&message, "k"),
        (true, false) => {
            let body = String::from_utf8(message.body.clone()).unwrap();
            let body = body.replacen("gateway:1\">", "gateway:1\"><g:idempotencyKey>k</g:idempotencyKey>", 1);
            Message { body: body.into_bytes(), ..message }
        }
    }
}

#[test]
fn a_repetition_gets_its_first_answer_when_the_first_batch_has_filled_the_quota() {
    let (set, longer) = (RecordSet::many_orders(100), RecordSet::many_orders(110));
    for edit in [one_batch as fn(&mut Route), few_bytes] {
        for (way, by_id) in Way::ALL.into_iter().flat_map(|way| [(way, false), (way, true)]) {
            let site = Site::edited(edit);
            let message = || named(way, &set, by_id);
            let first = site.client().ask(message().to("/orders")).receipt();
            assert_eq!(loop_until_full(&site, &RecordSet::many_orders(20)), "client-spool-full");
            let kept = || {
                let stored = site.block_on(site.gateway.ledger.stored()).unwrap()[0].1;
                (stored, site.spooled().len(), site.batches().len())
            };
            let before = kept();
            // Declared, packed, and without a length.
            for request in [
                message().to("/orders"),
                message().gzipped().to("/orders"),
                message().chunked("/orders", 1_000),
            ] {
                let again = site.client().ask(request).receipt();
                assert_eq!((again.id, again.duplicate), (first.id.clone(), true), "{way:?} {by_id}");
            }
            // What is no repetition has no room: of another name, or longer than what came first.
            for request in [way.request("/orders", &set), named(way, &longer, by_id).to("/orders")] {
                let refused = site.client().ask(request);
                assert_eq!(refused.refused().code, "client-spool-full", "{way:?} {by_id}: {refused}");
            }
            // Other content of its length is known for that.
            let mut other = set.clone();
            other.records[0][2] = Some("9.5".to_owned());
            let other = named(way, &other, by_id).to("/orders");
            assert_eq!(site.client().ask(other).refused().code, "idempotency-key-reused", "{way:?} {by_id}");
            assert_eq!(kept(), before, "{way:?} {by_id}");
        }
    }
}

/// The relay route splits what has more than two records.
fn one_batch_of_a_relay(route: &mut Route) {
    one_batch(route);
    if let Mode::Relay { split, .. } = &mut route.mode {
        *split = Some(Split {
            above_records: 2,
            pass_bytes: 10_000,
            deadline: std::time::Duration::from_secs(600),
            signed: Signed::Pass,
            merged: true,
            plan: Digest::of(b"{}"),
            mapping: Digest::of(b"mapping"),
        });
    }
}

#[test]
fn a_relay_that_splits_keeps_batches_too() {
    let site = Site::edited(one_batch_of_a_relay);
    let orders = RecordSet::many_orders(3).elements();
    let call = || {
        let body = format!("<b:orders xmlns:b=\"urn:example:bulk\">{orders}</b:orders>");
        Message::soap11(&envelope(&body)).with("Prefer", "wait=0")
    };
    assert_eq!(site.client().ask(call().to("/relay")).refused().code, "relay-unfinished");
    let full = site.client().ask(call().to("/relay"));
    assert_eq!((full.status, full.refused().code.as_str()), (500, "client-spool-full"));
    assert_eq!(site.spooled().len(), 1);
    // Its own repetition is known for one, by either name.
    for name in 0..2 {
        let site = Site::edited(one_batch_of_a_relay);
        let message = || match name {
            0 => call().with("Idempotency-Key", "\"k\""),
            _ => identified(&call(), "k"),
        };
        assert_eq!(site.client().ask(message().to("/relay")).refused().code, "relay-unfinished", "{name}");
        assert_eq!(site.client().ask(message().to("/relay")).refused().code, "relay-unfinished", "{name}");
        assert_eq!(site.client().ask(call().to("/relay")).refused().code, "client-spool-full", "{name}");
        assert_eq!((site.spooled().len(), site.batches().len()), (1, 1), "{name}");
    }
}

/// What is written beyond the quota is lent to a repetition, and to nothing else: neither to a batch of another name, nor to one whose
/// first one is gone by the time that it has been read.
#[test]
fn what_turns_out_to_be_no_repetition_has_no_room() {
    let set = RecordSet::many_orders(100);
    for edit in [one_batch as fn(&mut Route), few_bytes] {
        for way in [Way::SoapXml, Way::SoapBase64] {
            let site = Site::edited(edit);
            let message = identified(&way.message(way.payload(&set).as_bytes()), "k");
            site.client().ask(message.to("/orders")).receipt();
            assert_eq!(loop_until_full(&site, &RecordSet::many_orders(20)), "client-spool-full");
            let kept = site.block_on(site.gateway.ledger.stored()).unwrap();
            let body = String::from_utf8(message.body.clone()).unwrap();
            let end = "</g:submitBatch>";
            assert!(body.contains(end), "{body}");
            let keyed = body.replacen(end, &format!("<g:idempotencyKey>other</g:idempotencyKey>{end}"), 1);
            let answer =
                site.client().ask(Message { body: keyed.into_bytes(), ..message.clone() }.to("/orders"));
            assert_eq!(answer.refused().code, "client-spool-full", "{way:?}: {answer}");
            assert_eq!(site.block_on(site.gateway.ledger.stored()).unwrap(), kept, "{way:?}");
        }
    }
}

#[test]
fn a_repetition_whose_first_batch_is_cancelled_while_it_is_read_has_no_room() {
    let set = RecordSet::many_orders(100);
    let site = Site::edited(one_batch);
    let message =
        Way::RestCsv.message(Way::RestCsv.payload(&set).as_bytes()).with("Idempotency-Key", "\"k\"");
    site.client().ask(message.to("/orders")).receipt();
    let mut client = site.client();
    client.send(message.clone().with("Expect", "100-continue").head("/orders"));
    assert_eq!(client.answer().status, 100, "there is room for a repetition");
    let ledger = &site.gateway.ledger;
    let id = site.batches()[0].id;
    let over = vec![Event::Cancelled { code: Code::new("x") }, Event::Finished { delivered_digest: None }];
    ledger.apply_blocking(id, ledger.epoch(), now_millis(), over).unwrap();
    let answer = client.ask(&message.body);
    assert_eq!(answer.refused().code, "client-spool-full", "{answer}");
    assert_eq!(site.batches().len(), 1);
}
