//! What a client may ask about its batches.

use sekisho_edge::gateway::now_millis;
use sekisho_journal::{Event, Exception, Outcome};
use sekisho_soap::message::{Answer as Said, State};

use crate::client::Answer;
use crate::record_sets::RecordSet;
use crate::site::{CITY, Site, TOWN};
use crate::ways::{Message, Way, question};

pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: gateway\r\n\r\n")
}

pub(crate) fn by_id(operation: &str, id: &str) -> Vec<u8> {
    question(operation, &format!("<g:id>{id}</g:id>")).to("/orders")
}

fn submitted(site: &Site, records: u64) -> String {
    site.client().ask(Way::Swa.request("/orders", &RecordSet::many_orders(records))).receipt_id()
}

/// Sends the whole batch in one chunk, of which the second record is rejected and the third arrives in part.
fn deliver(site: &Site, id: &str) {
    let ledger = site.gateway.ledger.clone();
    let id = id.parse().unwrap();
    let exception = |position, outcome, code: &'static str, field: Option<&str>| Exception {
        position,
        outcome,
        code: code.into(),
        field: field.map(str::to_owned),
        rows: if outcome == Outcome::Partial { vec![0, 2] } else { Vec::new() },
    };
    let exceptions = vec![
        exception(1, Outcome::Rejected, "cloud-duplicate", Some("order_id")),
        exception(2, Outcome::Partial, "cloud-some-rows", None),
    ];
    let events = delivered(exceptions);
    site.block_on(async move { ledger.apply(id, ledger.epoch(), now_millis(), events).await }).unwrap();
}

fn delivered(exceptions: Vec<Exception>) -> Vec<Event> {
    vec![
        Event::ChunkOpened { chunk: 1, first: 0, count: 3, attempt: 1 },
        Event::ChunkSent { chunk: 1, reference: None },
        Event::ChunkAnswered { chunk: 1, rows: 4, exceptions },
        Event::Finished { delivered_digest: None },
    ]
}

#[test]
fn a_batch_is_shown_by_rest_and_by_soap() {
    let site = Site::new();
    let id = submitted(&site, 3);
    let mut client = site.client();
    let by_rest = client.ask(get(&format!("/orders/batches/{id}")));
    assert_eq!(by_rest.status, 200);
    let by_soap = client.ask(by_id("batchState", &id));
    assert!(matches!(by_soap.soap(), Said::State(_)));
    let (rest, soap) = (by_rest.receipt(), by_soap.receipt());
    assert_eq!((&rest.id, rest.records, rest.state), (&id, 3, State::Accepted));
    assert_eq!((soap.id, soap.records_digest), (rest.id, rest.records_digest));

    deliver(&site, &id);
    let receipt = client.ask(by_id("batchState", &id)).receipt();
    assert_eq!(receipt.state, State::Finished);
    assert_eq!((receipt.sums.delivered, receipt.sums.rejected, receipt.sums.partial), (1, 1, 1));
    assert!(receipt.sums.balanced() && receipt.finished_at.is_some());
}

#[test]
fn errors_come_in_pages_as_json_csv_and_soap() {
    let site = Site::new();
    let id = submitted(&site, 3);
    deliver(&site, &id);
    let mut client = site.client();
    let page = client.ask(get(&format!("/orders/batches/{id}/errors"))).json();
    assert_eq!((page["total"].as_u64(), page["errors"].as_array().unwrap().len()), (Some(2), 2));
    assert_eq!(page["errors"][0]["record"], 2);
    assert_eq!(page["errors"][0]["field"], "order_id");
    assert_eq!(page["errors"][0]["code"], "cloud-duplicate");
    assert_eq!(page["errors"][1]["rows"], serde_json::json!([1, 3]), "those that did not arrive");
    assert!(page["errors"][0].get("rows").is_none() && page.get("next").is_none());

    let first = client.ask(get(&format!("/orders/batches/{id}/errors?limit=1"))).json();
    let next = first["next"].as_u64().unwrap();
    assert_eq!(first["errors"].as_array().unwrap().len(), 1);
    let second = client.ask(get(&format!("/orders/batches/{id}/errors?limit=1&from={next}"))).json();
    assert_eq!(second["errors"][0]["record"], 3);

    let request =
        get(&format!("/orders/batches/{id}/errors")).replace("\r\n\r\n", "\r\nAccept: text/csv\r\n\r\n");
    let csv = client.ask(request);
    assert!(csv.header("content-type").unwrap().starts_with("text/csv"));
    let text = csv.text();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0], "record,outcome,field,code,message,message_ja,last_record,rows,line,column");
    assert!(lines[1].starts_with("2,rejected,order_id,cloud-duplicate,"), "{text}");
    assert!(lines[1].ends_with(",,,,") && lines[2].ends_with(",,1 3,,"), "{text}");

    assert!(csv.header("link").is_none(), "there is no more: {csv}");

    match client.ask(by_id("batchErrors", &id)).soap() {
        Said::Errors(page) => {
            assert_eq!((page.total, page.errors.len()), (2, 2));
            assert_eq!(page.errors[1].outcome.as_deref(), Some("partial"));
            assert_eq!((&page.errors[0].rows, &page.errors[1].rows), (&vec![], &vec![1, 3]));
        }
        other => panic!("{other:?}"),
    }
    let bad = client.ask(get(&format!("/orders/batches/{id}/errors?from=x")));
    assert_eq!((bad.status, bad.refused().code.as_str()), (400, "query-parameter"));
    assert!(client.is_alive());
}

#[test]
fn the_history_of_chunks_comes_in_pages_by_rest_and_by_soap() {
    let site = Site::new();
    let csv = "order_id,customer,amount,note\r\n1,a,1.00,\r\nx,b,1.00,\r\n2,a,1.00,\r\n3,a,1.00,\r\n";
    let id = site.client().ask(Way::RestCsv.message(csv.as_bytes()).to("/lenient")).receipt_id();
    let (ledger, batch) = (site.gateway.ledger.clone(), id.parse().unwrap());
    let events = vec![
        Event::ChunkOpened { chunk: 1, first: 0, count: 2, attempt: 1 },
        Event::ChunkSent { chunk: 1, reference: Some("job-of-the-cloud".into()) },
        Event::ChunkAnswered { chunk: 1, rows: 4, exceptions: Vec::new() },
        Event::ChunkOpened { chunk: 2, first: 2, count: 1, attempt: 1 },
        Event::ChunkInDoubt { chunk: 2, code: "time-limit".into() },
        Event::DoubtHeld { chunk: 2, code: "time-limit-alone".into() },
    ];
    site.block_on(async move { ledger.apply(batch, ledger.epoch(), now_millis(), events).await }).unwrap();
    let mut client = site.client();
    let path = format!("/lenient/batches/{id}/chunks");
    let answer = client.ask(get(&path));
    assert!(
        !answer.text().contains("job-of-the-cloud"),
        "the cloud's own name for it is not the client's matter"
    );
    let page = answer.json();
    let chunks = page["chunks"].as_array().unwrap();
    let of = |name: &str| chunks.iter().map(|chunk| chunk[name].clone()).collect::<Vec<_>>();
    assert_eq!((of("firstRecord"), of("lastRecord")), (vec![1.into(), 4.into()], vec![3.into(), 4.into()]));
    assert_eq!((of("records"), of("rows")), (vec![2.into(), 1.into()], vec![4.into(), 0.into()]));
    assert_eq!(
        (of("state"), of("held")),
        (vec!["answered".into(), "in-doubt".into()], vec![false.into(), true.into()])
    );
    assert_eq!(chunks[1]["code"], "time-limit-alone");
    assert!(page.get("next").is_none() && answer.header("link").is_none());

    let answer = client.ask(get(&format!("{path}?limit=1")));
    assert_eq!(answer.json()["next"], 1);
    let link = format!("<{path}?after=1&limit=1>; rel=\"next\"");
    assert_eq!(answer.header("link"), Some(link.as_str()));
    let answer = client.ask(get(&format!("{path}?after=1&limit=1")));
    assert_eq!(answer.json()["chunks"][0]["number"], 2);
    assert!(answer.json().get("next").is_none());
    assert_eq!(client.ask(get(&format!("{path}?after=x"))).refused().code, "query-parameter");

    let ask = question("batchChunks", &format!("<g:id>{id}</g:id><g:limit>1</g:limit>")).to("/lenient");
    match client.ask(ask).soap() {
        Said::Chunks(page) => {
            assert_eq!((page.id.as_str(), page.next, page.chunks.len()), (id.as_str(), Some(1), 1));
            assert_eq!((page.chunks[0].first_record, page.chunks[0].last_record), (1, 3));
        }
        other => panic!("{other:?}"),
    }
    assert!(client.is_alive());
}

/// Follows the links from one page to the next; the numbers of the records on each.
fn linked(site: &Site, first: &str, accept: &str) -> Vec<Vec<u64>> {
    let mut client = site.client();
    let (mut pages, mut next) = (Vec::new(), Some(first.to_owned()));
    while let Some(path) = next {
        let answer = client.ask(get(&path).replace("\r\n\r\n", &format!("\r\nAccept: {accept}\r\n\r\n")));
        assert_eq!(answer.status, 200, "{answer}");
        let records = if accept == "text/csv" {
            let text = answer.text();
            let lines = text.split("\r\n").skip(1).filter(|line| !line.is_empty());
            lines.map(|line| line.split(',').next().unwrap().parse().unwrap()).collect()
        } else {
            let page = answer.json();
            let errors = page["errors"].as_array().unwrap().iter();
            errors.map(|error| error["record"].as_u64().unwrap()).collect()
        };
        pages.push(records);
        next = answer.header("link").map(|link| {
            let target = link.strip_suffix(">; rel=\"next\"").and_then(|link| link.strip_prefix('<'));
            target.unwrap_or_else(|| panic!("{link}")).to_owned()
        });
    }
    pages
}

#[test]
fn every_error_is_reached_by_links_whatever_the_format() {
    let site = Site::new();
    let mut csv = "order_id,customer,amount,note\r\n1,a,1.00,\r\n".to_owned();
    csv.push_str(&"x,b,1.00,\r\n".repeat(2_100));
    let id = site.client().ask(Way::RestCsv.message(csv.as_bytes()).to("/lenient")).receipt_id();
    let path = format!("/lenient/batches/{id}/errors");
    for accept in ["text/csv", "application/json"] {
        let pages = linked(&site, &path, accept);
        let sizes: Vec<_> = pages.iter().map(Vec::len).collect();
        assert_eq!(sizes, [1_000, 1_000, 100], "{accept}");
        assert_eq!(pages.concat(), (2..=2_101).collect::<Vec<u64>>(), "{accept}");
        let pages = linked(&site, &format!("{path}?limit=700&from=1500"), accept);
        assert_eq!(pages.concat(), (1_501..=2_101).collect::<Vec<u64>>(), "{accept}");
        assert_eq!(
            linked(&site, &format!("{path}?limit=3&from=2098"), accept).concat(),
            [2_099, 2_100, 2_101]
        );
    }
}

#[test]
fn a_batch_is_cancelled_by_rest_and_by_soap_once() {
    let site = Site::new();
    let mut client = site.client();
    let delete = |id: &str| get(&format!("/orders/batches/{id}")).replace("GET", "DELETE");
    let one = submitted(&site, 3);
    let answer = client.ask(delete(&one));
    assert_eq!(answer.status, 200);
    assert_eq!((answer.receipt().sums.cancelled, answer.receipt().sums.pending), (3, 0));
    let two = submitted(&site, 2);
    let answer = client.ask(by_id("cancelBatch", &two));
    assert!(matches!(answer.soap(), Said::Cancelled(_)));
    assert_eq!(answer.receipt().sums.cancelled, 2);

    let done = submitted(&site, 3);
    deliver(&site, &done);
    let answer = client.ask(delete(&done));
    assert_eq!(answer.status, 409, "{answer}");
    answer.refused();
    let answer = client.ask(by_id("cancelBatch", &done));
    assert_eq!(answer.status, 500, "{answer}");
    answer.refused();
    assert!(client.is_alive());
}

#[test]
fn another_clients_batch_does_not_exist() {
    let site = Site::new();
    let id = submitted(&site, 1);
    let unknown = "018f0000-0000-7000-8000-000000000000";
    let seen = |answer: Answer| {
        let refused = answer.refused();
        (answer.status, refused.code, answer.text().replace(&id, "ID").len())
    };
    let mut town = site.client_from(TOWN);
    let paths = |id: &str| {
        [
            get(&format!("/orders/batches/{id}")),
            get(&format!("/orders/batches/{id}/errors")),
            get(&format!("/orders/batches/{id}/chunks")),
            get(&format!("/orders/batches/{id}")).replace("GET", "DELETE"),
        ]
    };
    for (theirs, nobodys) in paths(&id).into_iter().zip(paths(unknown)) {
        let theirs = seen(town.ask(theirs));
        assert_eq!((theirs.0, theirs.1.as_str()), (404, "batch-unknown"));
        assert_eq!(theirs, seen(town.ask(nobodys)), "it cannot be told from one that does not exist");
    }
    for operation in ["batchState", "batchErrors", "batchChunks", "cancelBatch"] {
        let theirs = seen(town.ask(by_id(operation, &id)));
        assert_eq!((theirs.0, theirs.1.as_str()), (404, "batch-unknown"), "{operation}");
        assert_eq!(theirs, seen(town.ask(by_id(operation, unknown))));
    }
    // Nor does it on another route of the same client, nor under a name that is none.
    let mut city = site.client_from(CITY);
    assert_eq!(city.ask(get(&format!("/lenient/batches/{id}"))).status, 404);
    assert_eq!(city.ask(get("/orders/batches/no-such-name")).status, 404);
    assert_eq!(
        city.ask(get(&format!("/orders/batches/{id}"))).receipt().sums.pending,
        1,
        "nothing happened to it"
    );
    assert!(town.is_alive());
}

#[test]
fn batches_are_listed_newest_first_to_their_client_only() {
    let site = Site::new();
    let ids: Vec<_> = (1..=3).map(|records| submitted(&site, records)).collect();
    let mut client = site.client();
    let list = client.ask(get("/orders/batches")).json();
    let listed: Vec<_> =
        list["batches"].as_array().unwrap().iter().map(|batch| batch["id"].as_str().unwrap()).collect();
    assert_eq!(listed, [&*ids[2], &*ids[1], &*ids[0]]);
    let page = client.ask(get("/orders/batches?limit=2")).json();
    let after = page["next"].as_str().unwrap();
    let rest = client.ask(get(&format!("/orders/batches?limit=2&after={after}"))).json();
    assert_eq!(rest["batches"][0]["id"].as_str(), Some(&*ids[0]));
    let theirs = site.client_from(TOWN).ask(get("/orders/batches")).json();
    assert_eq!(theirs["batches"].as_array().unwrap().len(), 0);
    assert_eq!(client.ask(get("/orders/batches?after=x")).status, 400);
}

#[test]
fn prefer_wait_answers_with_the_final_receipt_if_it_comes_in_time() {
    let site = Site::new();
    let message = Way::RestCsv.message(RecordSet::many_orders(3).csv().as_bytes());
    let mut client = site.client();
    client.send(message.clone().with("Prefer", "respond-async, wait=30").to("/orders"));
    crate::site::until("the batch is accepted", || site.batches().len() == 1);
    deliver(&site, &site.batches()[0].id.to_string());
    let answer = client.answer();
    assert_eq!(answer.status, 200, "{answer}");
    assert_eq!(answer.header("preference-applied"), Some("wait"));
    assert_eq!(answer.receipt().state, State::Finished);

    let answer = client.ask(message.with("Prefer", "wait=0").to("/orders"));
    assert_eq!((answer.status, answer.receipt().state), (202, State::Accepted));
}

#[test]
fn a_question_to_the_soap_door_may_come_as_a_package_too() {
    let site = Site::new();
    let id = submitted(&site, 1);
    let inner = question("batchState", &format!("<g:id>{id}</g:id>"));
    let message: Message = crate::ways::package(
        "multipart/related; boundary=cut; type=\"text/xml\"",
        &[("Content-Type: text/xml\r\n", &inner.body), ("Content-Type: text/csv\r\n", b"not looked at")],
    );
    assert_eq!(site.client().ask(message.to("/orders")).receipt().id, id);
    assert_eq!(site.spooled(), [id]);
}
