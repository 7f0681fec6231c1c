//! Records of batches that were cancelled, whose time was over, or that were left out, among the errors.

use sekisho_edge::gateway::now_millis;
use sekisho_journal::Event;
use sekisho_soap::message::{Answer as Said, ErrorsPage, Receipt};

use crate::batches::{by_id, get};
use crate::operators::admin;
use crate::record_sets::RecordSet;
use crate::site::Site;
use crate::ways::Way;

fn apply(site: &Site, id: &str, events: Vec<Event>) {
    let ledger = &site.gateway.ledger;
    site.block_on(ledger.apply(id.parse().unwrap(), ledger.epoch(), now_millis(), events)).unwrap();
}

fn submitted(site: &Site, records: u64) -> String {
    site.client().ask(Way::RestCsv.request("/orders", &RecordSet::many_orders(records))).receipt_id()
}

/// The first three records are delivered, of the fourth nothing is known yet, and the fifth and sixth are back.
fn begin(site: &Site, id: &str) {
    let opened = |chunk, first, count| Event::ChunkOpened { chunk, first, count, attempt: 1 };
    let sent = |chunk| Event::ChunkSent { chunk, reference: None };
    let events = vec![
        opened(1, 0, 3),
        sent(1),
        Event::ChunkAnswered { chunk: 1, rows: 3, exceptions: Vec::new() },
        opened(2, 3, 1),
        sent(2),
        opened(3, 4, 2),
        sent(3),
    ];
    apply(site, id, events);
}

fn page(site: &Site, path: &str) -> ErrorsPage {
    serde_json::from_value(site.client().ask(get(path)).json()).unwrap()
}

type Run<'p> = (u64, Option<u64>, &'p str, &'p str);

fn runs(page: &ErrorsPage) -> Vec<Run<'_>> {
    let errors = page.errors.iter();
    let run = errors.map(|error| {
        (error.record, error.last_record, error.outcome.as_deref().unwrap_or_default(), error.code.as_str())
    });
    run.collect()
}

fn not_delivered(receipt: &Receipt) -> u64 {
    let sums = &receipt.sums;
    sums.partial + sums.rejected + sums.cancelled + sums.expired + receipt.set_aside
}

#[test]
fn cancelled_records_are_among_the_errors_by_rest_by_soap_and_as_csv() {
    let site = Site::new();
    let id = submitted(&site, 10);
    begin(&site, &id);
    let receipt = site.client().ask(by_id("cancelBatch", &id)).receipt();
    assert_eq!((receipt.sums.cancelled, receipt.sums.in_flight), (4, 3));
    // What comes back after that is cancelled, too, for the reason for which it came back.
    apply(&site, &id, vec![Event::ChunkReturned { chunk: 3, code: "upstream-connect".into() }]);
    apply(&site, &id, vec![Event::ChunkAnswered { chunk: 2, rows: 1, exceptions: Vec::new() }]);

    let path = format!("/orders/batches/{id}/errors");
    let all =
        [(5, Some(6), "cancelled", "upstream-connect"), (7, Some(10), "cancelled", "cancelled-by-client")];
    let found = page(&site, &path);
    assert_eq!(runs(&found), all);
    let receipt = site.client().ask(get(&format!("/orders/batches/{id}"))).receipt();
    assert_eq!((found.total, receipt.sums.cancelled), (not_delivered(&receipt), 6));
    for error in &found.errors {
        assert!(
            error.message.contains("cancelled") && error.message.ends_with("as a new batch."),
            "{error:?}"
        );
        assert!(error.message_ja.contains("取り消") && error.message_ja.ends_with('。'), "{error:?}");
    }
    match site.client().ask(by_id("batchErrors", &id)).soap() {
        Said::Errors(by_soap) => assert_eq!(by_soap, found),
        other => panic!("{other:?}"),
    }
    let (mut client, _stop) = admin(&site);
    let by_operator = client.ask(get(&format!("/batches/{id}/errors"))).json();
    assert_eq!(by_operator, serde_json::to_value(&found).unwrap());
    let csv = site.client().ask(get(&path).replace("\r\n\r\n", "\r\nAccept: text/csv\r\n\r\n")).text();
    let lines: Vec<_> = csv.lines().collect();
    assert!(lines[2].starts_with("7,cancelled,,cancelled-by-client,"), "{csv}");
    assert!(lines[2].ends_with(",10,,,"), "{csv}");

    // A page that begins within a run shows the rest of it, and a page that ends with one leads to the next.
    assert_eq!(runs(&page(&site, &format!("{path}?from=7&limit=1"))), [(8, Some(10), all[1].2, all[1].3)]);
    let first = page(&site, &format!("{path}?limit=1"));
    assert_eq!((runs(&first).as_slice(), first.next), (&all[..1], Some(6)));
    assert_eq!(runs(&page(&site, &format!("{path}?from=10"))), []);
}

#[test]
fn expired_records_say_so_in_numbers_of_the_payload() {
    let site = Site::new();
    let rows = ["1", "x", "2", "3"].map(|id| format!("{id},a,1.00,\r\n")).concat();
    let csv = format!("order_id,customer,amount,note\r\n{rows}");
    let id = site.client().ask(Way::RestCsv.message(csv.as_bytes()).to("/lenient")).receipt_id();
    apply(&site, &id, vec![Event::Expired { code: "expired".into() }]);
    let found = page(&site, &format!("/lenient/batches/{id}/errors"));
    let outcomes: Vec<_> =
        runs(&found).into_iter().map(|(first, last, outcome, _)| (first, last, outcome)).collect();
    assert_eq!(outcomes, [(1, None, "expired"), (2, None, "setAside"), (3, Some(4), "expired")]);
    assert_eq!(found.total, 4);
    assert!(found.errors[0].message.contains("expire_after_seconds"), "{found:?}");
    assert!(found.errors[0].message_ja.contains("期限"), "{found:?}");
}

#[test]
fn records_that_were_left_out_say_what_they_break_in_both_languages() {
    let site = Site::new();
    let csv = "order_id,customer,amount,note\r\n1,a,1.00,\r\nx,a,1.00,\r\n2,a,1.00\r\n";
    let id = site.client().ask(Way::RestCsv.message(csv.as_bytes()).to("/lenient")).receipt_id();
    let found = page(&site, &format!("/lenient/batches/{id}/errors"));
    let [value, cells] = found.errors.as_slice() else { panic!("{found:?}") };
    let rule = sekisho_xsd::rule(&value.code).unwrap();
    assert!(value.message.contains(&rule.en) && value.message_ja.contains(&rule.ja), "{value:?}");
    assert_eq!(cells.code, "csv-too-few-cells");
    for error in &found.errors {
        assert!(error.message.ends_with("Mend it and send it in a new batch."), "{error:?}");
        assert!(error.message_ja.ends_with("送信してください。"), "{error:?}");
    }
}
