//! Requests exactly as other SOAP stacks send them.

use std::collections::BTreeMap;
use std::path::Path;

use crate::client::find;
use crate::site::Site;

/// What becomes of a captured request, by its file.
fn expected(file: &str) -> (u16, &'static str) {
    match file {
        // Not multipart at all, and not a media type of SOAP.
        "gsoap-dime.http" => (415, "soap-media-type"),
        // MIME lines end in CR LF (RFC 2046 section 5.1.1).
        "curl-swa-lf.http" => (500, "mime-bare-line-feed"),
        "curl-rest-csv-put.http" => (405, "method-not-allowed"),
        // Rows inside an object of their own, values in attributes: not this route's records.
        "curl-rest-json.http" => (400, "json-syntax"),
        "curl-rest-xml.http" => (422, "bad-records"),
        _ if file.contains("-plain") || file == "node-soap-mtom.http" => (500, "attachment-missing"),
        _ if file.starts_with("curl-rest") || file.starts_with("curl-form") => (202, ""),
        _ => (200, ""),
    }
}

#[test]
fn captured_requests_are_taken_as_they_are() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../soap/tests/fixtures");
    let orders = std::fs::read(folder.join("orders.csv")).unwrap();
    let site = Site::new();
    let direct = crate::ways::Message::rest("text/csv", &orders).to("/orders");
    let wanted = site.client().ask(direct).receipt().records_digest;
    let mut wrong = BTreeMap::new();
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "http") {
            continue;
        }
        seen += 1;
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        let bytes = std::fs::read(&path).unwrap();
        let rest = file.starts_with("curl-rest") || file.starts_with("curl-form");
        let target: &[u8] = if rest { b" /orders/batches " } else { b" /orders " };
        let at = find(&bytes, b" /bulk ").unwrap();
        let request = [&bytes[..at], target, &bytes[at + 7..]].concat();
        let before = site.batches().len();
        let mut client = site.client();
        let mut answer = client.ask(&request);
        if answer.status == 100 {
            answer = client.answer();
        }
        let code = if answer.status < 300 { String::new() } else { answer.refused().code };
        if (answer.status, code.as_str()) != expected(&file) {
            wrong.insert(file.clone(), answer.to_string());
            continue;
        }
        let newest = site.batches();
        if answer.status < 300 {
            assert_eq!(newest.len(), before + 1, "{file}");
            let ndjson = file.contains("ndjson");
            assert_eq!(newest[0].records_digest.to_string() == wanted, !ndjson, "{file}");
        } else {
            assert_eq!(newest.len(), before, "{file}");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen > 30, "only {seen} captured requests were found");
    assert_eq!(site.spooled().len(), site.batches().len());
}
