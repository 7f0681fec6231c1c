//! Good payloads through every door, in every packing.

use base64::Engine as _;
use sekisho_charset::{Encoding, encode};
use sekisho_soap::message::State;
use sha2::{Digest as _, Sha256, Sha512};

use crate::batches::get;
use crate::client::{Answer, find};
use crate::record_sets::RecordSet;
use crate::site::{CITY, Site};
use crate::ways::{Message, Way, envelope, form, gzip, package, submit, swa};

fn three() -> RecordSet {
    RecordSet::orders(&[
        ["1001", "Müller, GmbH", "12.50", "said \"hi\""],
        ["1002", "東京都 <総務> & 局", "7.00", "two\nlines"],
        ["1003", "", "100.00", ""],
    ])
}

fn encoded(text: &str, encoding: Encoding) -> Vec<u8> {
    let mut out = Vec::new();
    encode(text, encoding, &mut out).unwrap();
    out
}

/// Base64 as MIME has it (RFC 2045 section 6.8).
fn lines_of_76(text: &str) -> String {
    let lines = text.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap());
    lines.collect::<Vec<_>>().join("\r\n")
}

#[track_caller]
fn assert_accepted(way: &str, answer: &Answer, soap: bool) {
    assert_eq!(answer.status, if soap { 200 } else { 202 }, "{way}: {answer}");
    assert!(!answer.closes(), "{way}: {answer}");
}

#[test]
fn every_way_takes_a_batch_and_answers_with_a_true_receipt() {
    let site = Site::new();
    let mut digests = Vec::new();
    for way in Way::ALL {
        let payload = way.payload(&three());
        let mut client = site.client();
        let answer = client.ask(way.message(payload.as_bytes()).to("/orders"));
        assert_accepted(&format!("{way:?}"), &answer, way.is_soap());
        let receipt = answer.receipt();
        assert_eq!((receipt.records, receipt.set_aside, receipt.sums.pending), (3, 0, 3), "{way:?}");
        assert_eq!((receipt.route.as_str(), receipt.door.as_str()), ("orders", way.door()));
        assert_eq!((receipt.state, receipt.duplicate), (State::Accepted, false));
        assert!(receipt.sums.balanced());
        if way != Way::SoapXml {
            let digest = Sha256::digest(&payload);
            let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(receipt.payload_digest.ends_with(&hex), "{way:?}: {}", receipt.payload_digest);
            assert_eq!(receipt.bytes, payload.len() as u64);
        }
        if !way.is_soap() {
            assert_eq!(answer.header("location").unwrap(), format!("/orders/batches/{}", receipt.id));
        }
        assert!(site.spooled().contains(&receipt.id), "{way:?}: durable before the answer");
        digests.push(receipt.records_digest);
        assert!(client.is_alive(), "{way:?}: the connection goes on");
    }
    digests.dedup();
    assert_eq!(digests.len(), 1, "the same records have the same canonical form at every door");
    assert_eq!(site.batches().len(), Way::ALL.len());
    assert_eq!(site.wakes.load(std::sync::atomic::Ordering::SeqCst), Way::ALL.len() as u64);
}

#[test]
fn canonical_records_lie_in_the_spool_as_the_receipt_says() {
    let site = Site::new();
    let receipt = site.client().ask(Way::Swa.request("/orders", &three())).receipt();
    let reader = site.gateway.spool.reader(receipt.id.parse().unwrap()).unwrap();
    let mut records = reader.read(0..3).unwrap();
    let mut found = 0;
    while let Some((position, canonical)) = records.next().unwrap() {
        assert_eq!(position, found);
        assert!(find(canonical, format!("100{}", found + 1).as_bytes()).is_some());
        found += 1;
    }
    assert_eq!(found, 3);
}

#[test]
fn chunked_and_gzipped_bodies_are_the_same_payload() {
    let site = Site::new();
    for way in Way::ALL {
        let message = way.message(way.payload(&three()).as_bytes());
        let mut client = site.client();
        for size in [1, 7, 4096] {
            let answer = client.ask(message.chunked("/orders", size));
            assert_accepted(&format!("{way:?} in chunks of {size}"), &answer, way.is_soap());
        }
        let plain = client.ask(message.to("/orders")).receipt();
        for request in
            [message.clone().gzipped().to("/orders"), message.clone().gzipped().chunked("/orders", 13)]
        {
            let answer = client.ask(request);
            assert_accepted(&format!("{way:?} gzipped"), &answer, way.is_soap());
            assert_eq!(answer.receipt().payload_digest, plain.payload_digest, "{way:?}");
        }
        // RFC 1952 section 2.2: several members, as parallel packers write them.
        let (head, tail) = message.body.split_at(message.body.len() / 2);
        let members = Message { body: [gzip(head), gzip(tail)].concat(), ..message.clone() };
        let answer = client.ask(members.with("Content-Encoding", "gzip").chunked("/orders", 17));
        assert_accepted(&format!("{way:?} in two members"), &answer, way.is_soap());
        assert_eq!(answer.receipt().payload_digest, plain.payload_digest, "{way:?}");
        assert!(client.is_alive());
    }
}

#[test]
fn charsets_change_nothing_but_the_payloads_digest() {
    let site = Site::new();
    // Every character of it is in Windows-31J.
    let set = RecordSet::orders(&[["1", "髙﨑　①㈱", "1.00", "～～"], ["2", "ｶﾅ", "2.00", ""]]);
    let wanted = site.client().ask(Way::RestCsv.request("/orders", &set)).receipt().records_digest;
    let csv = set.csv();
    let utf16 = |text: &str| encoded(&format!("\u{feff}{text}"), Encoding::Utf16Be);
    let utf16le = |text: &str| encoded(&format!("\u{feff}{text}"), Encoding::Utf16Le);
    let sjis = encoded(&csv, Encoding::Windows31J);
    let xml = set.xml().replace("<?xml version=\"1.0\"?>", "");
    let soap = envelope(&submit(&format!("<g:records>{}</g:records>", set.elements())));
    let soap = soap.replace(" encoding=\"UTF-8\"", "");
    let soap16 = |charset: &str, body: Vec<u8>| Message {
        body,
        ..Message::soap11("").with("Content-Type", &format!("text/xml{charset}"))
    };
    let inline = |label: &str, payload: &[u8]| {
        let text = base64::engine::general_purpose::STANDARD.encode(payload);
        Message::soap11(&envelope(&submit(&format!("<g:data contentType=\"{label}\">{text}</g:data>"))))
    };
    let rest = Message::rest;
    let cases: Vec<(&str, Message)> = vec![
        ("rest csv sjis", rest("text/csv; charset=Windows-31J", &sjis)),
        ("rest csv sjis alias", rest("text/csv; charset=\"shift_jis\"", &sjis)),
        ("rest csv cp932 gzip", rest("text/csv; charset=cp932", &sjis).gzipped()),
        ("rest csv utf-16", rest("text/csv; charset=UTF-16", &utf16(&csv))),
        ("rest csv utf-16 le", rest("text/csv; charset=utf-16", &utf16le(&csv))),
        ("rest csv utf-8 bom", rest("text/csv", format!("\u{feff}{csv}").as_bytes())),
        ("rest json utf-16", rest("application/json; charset=utf-16", &utf16(&set.json()))),
        ("rest xml utf-16", rest("application/xml; charset=utf-16", &utf16(&xml))),
        ("rest xml sjis", rest("application/xml; charset=Windows-31J", &encoded(&xml, Encoding::Windows31J))),
        ("swa sjis", swa(&sjis, "text/csv; charset=Windows-31J")),
        ("swa utf-16", swa(&utf16le(&csv), "text/csv; charset=utf-16")),
        ("form sjis", form(&sjis, "text/csv; charset=Windows-31J")),
        ("base64 sjis", inline("text/csv; charset=ms932", &sjis)),
        ("soap utf-16", soap16("; charset=utf-16", utf16(&soap))),
        ("soap utf-16 by its mark", soap16("", utf16le(&soap))),
    ];
    for (name, message) in cases {
        let answer = site.client().ask(message.to("/orders"));
        assert_accepted(name, &answer, message.below.is_empty());
        assert_eq!(answer.receipt().records_digest, wanted, "{name}");
    }
}

#[test]
fn xml_may_say_its_own_charset() {
    let site = Site::new();
    let set = RecordSet::orders(&[["1", "髙﨑", "1.00", ""]]);
    let wanted = site.client().ask(Way::RestCsv.request("/orders", &set)).receipt().records_digest;
    let declared =
        |name: &str| set.xml().replace("version=\"1.0\"", &format!("version=\"1.0\" encoding=\"{name}\""));
    for (name, body) in [
        ("declared utf-8", declared("UTF-8").into_bytes()),
        ("declared shift_jis", encoded(&declared("Shift_JIS"), Encoding::Windows31J)),
        ("marked utf-16", encoded(&format!("\u{feff}{}", declared("UTF-16")), Encoding::Utf16Le)),
    ] {
        let answer = site.client().ask(Message::rest("application/xml", &body).to("/orders"));
        assert_accepted(name, &answer, false);
        assert_eq!(answer.receipt().records_digest, wanted, "{name}");
    }
}

#[test]
fn packages_come_in_every_shape_that_stacks_send() {
    let site = Site::new();
    let set = three();
    let wanted = site.client().ask(Way::RestCsv.request("/orders", &set)).receipt().records_digest;
    let csv = set.csv();
    let root = |body: &str| envelope(&submit(body));
    let root12 = |body: &str| {
        root(body)
            .replace("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope")
    };
    let by_href = root("<g:data href=\"cid:p%40t\"/>");
    let by_ref = root("<g:attachment>cid:p@t</g:attachment>");
    let xop = "<g:data xmlns:m=\"http://www.w3.org/2005/05/xmlmime\" m:contentType=\"text/csv\"><x:Include \
               xmlns:x=\"http://www.w3.org/2004/08/xop/include\" href=\"cid:p@t\"/></g:data>";
    let (unnamed, mtom, mtom12) = (root(""), root(xop), root12(xop));
    let inline = root(&format!("<g:records>{}</g:records>", set.elements()));
    let base64 = lines_of_76(&base64::engine::general_purpose::STANDARD.encode(&csv));
    let base64_inline = root(&format!("<g:data contentType=\"text/csv\">{base64}</g:data>"));
    let xml_root = "Content-Type: text/xml; charset=UTF-8\r\nContent-ID: <r@t>\r\n";
    let xop_root =
        "Content-Type: application/xop+xml; charset=UTF-8; type=\"text/xml\"\r\nContent-ID: <r@t>\r\n";
    let xop_root12 = "Content-Type: application/xop+xml; charset=UTF-8; type=\"application/soap+xml\"\r\nContent-ID: <r@t>\r\n";
    let part = "Content-Type: text/csv\r\nContent-ID: <p@t>\r\n";
    let part64 = "Content-Type: text/csv\r\nContent-ID: <p@t>\r\nContent-Transfer-Encoding: base64\r\n";
    let vague = "Content-Type: application/octet-stream\r\nContent-ID: <p@t>\r\n";
    let related = "multipart/related; boundary=cut; type=\"text/xml\"; start=\"<r@t>\"";
    let no_start = "multipart/related; boundary=cut; type=text/xml";
    let no_type = "multipart/related; boundary=cut";
    let mtom_type = |info: &str| {
        format!(
            "multipart/related; boundary=cut; type=\"application/xop+xml\"; start=\"<r@t>\"; start-info=\"{info}\""
        )
    };
    let (mtom11_type, mtom12_type) = (mtom_type("text/xml"), mtom_type("application/soap+xml"));
    let mtom12_action = mtom_type("application/soap+xml; action=\\\"urn:sekisho:gateway:1#submitBatch\\\"");
    let bare_mtom = "multipart/related; boundary=cut; type=\"application/xop+xml\"; start=\"<r@t>\"";
    let other = ("Content-Type: image/png\r\nContent-ID: <q@t>\r\n", &b"\x89PNG not looked at"[..]);
    let payload = (part, csv.as_bytes());
    let cases: Vec<(&str, Message)> = vec![
        ("href", package(related, &[(xml_root, by_href.as_bytes()), payload])),
        ("swaRef", package(related, &[(xml_root, by_ref.as_bytes()), payload])),
        ("only other", package(related, &[(xml_root, unnamed.as_bytes()), payload])),
        ("no start", package(no_start, &[(xml_root, by_href.as_bytes()), payload])),
        ("no type", package(no_type, &[(xml_root, by_href.as_bytes()), payload])),
        ("attachment first", package(related, &[payload, (xml_root, by_href.as_bytes())])),
        ("one that nobody points to", package(related, &[(xml_root, by_href.as_bytes()), other, payload])),
        ("base64 part", package(related, &[(xml_root, by_href.as_bytes()), (part64, base64.as_bytes())])),
        ("vague part", package(related, &[(xml_root, by_href.as_bytes()), (vague, csv.as_bytes())])),
        ("mtom", package(&mtom11_type, &[(xop_root, mtom.as_bytes()), payload])),
        ("mtom 1.2", package(&mtom12_type, &[(xop_root12, mtom12.as_bytes()), payload])),
        ("mtom 1.2 with action", package(&mtom12_action, &[(xop_root12, mtom12.as_bytes()), payload])),
        ("mtom without start-info", package(bare_mtom, &[(xop_root12, mtom12.as_bytes()), payload])),
        ("mtom, nothing optimized", package(&mtom11_type, &[(xop_root, base64_inline.as_bytes())])),
        ("mtom, records as elements", package(&mtom11_type, &[(xop_root, inline.as_bytes())])),
    ];
    for (name, message) in cases {
        for (how, request) in
            [("whole", message.to("/orders")), ("in pieces", message.chunked("/orders", 11))]
        {
            let answer = site.client().ask(request);
            assert_accepted(&format!("{name}, {how}"), &answer, true);
            assert_eq!(answer.receipt().records_digest, wanted, "{name}, {how}");
            let soap12 = answer.header("content-type").unwrap().starts_with("application/soap+xml");
            assert_eq!(soap12, name.contains("1.2") || name.contains("without"), "{name}");
        }
    }
}

#[test]
fn every_format_goes_into_every_package() {
    let site = Site::new();
    let set = three();
    let wanted = site.client().ask(Way::RestCsv.request("/orders", &set)).receipt().records_digest;
    let bad = RecordSet::orders(&[["1", "a", "1.00", ""], ["2", "b", "x", ""]]);
    for (content_type, text) in [
        ("text/csv", RecordSet::csv as fn(&RecordSet) -> String),
        ("application/json", RecordSet::json),
        ("application/x-ndjson", RecordSet::ndjson),
        ("application/xml", RecordSet::xml),
        ("text/xml", RecordSet::xml),
    ] {
        let inline = |payload: &str| {
            let text = base64::engine::general_purpose::STANDARD.encode(payload);
            let data = format!("<g:data contentType=\"{content_type}\">{text}</g:data>");
            Message::soap11(&envelope(&submit(&data)))
        };
        type Packing<'p> = &'p dyn Fn(&str) -> Message;
        let attached = |payload: &str| swa(payload.as_bytes(), content_type);
        let in_form = |payload: &str| form(payload.as_bytes(), content_type);
        let packings: [(&str, Packing<'_>); 3] =
            [("swa", &attached), ("form", &in_form), ("base64", &inline)];
        for (name, package) in packings {
            let answer = site.client().ask(package(&text(&set)).to("/orders"));
            assert_accepted(&format!("{content_type} in {name}"), &answer, name != "form");
            assert_eq!(answer.receipt().records_digest, wanted, "{content_type} in {name}");
            let refused = site.client().ask(package(&text(&bad)).to("/orders")).refused();
            let errors: Vec<_> =
                refused.errors.iter().map(|error| (error.record, error.field.as_deref())).collect();
            assert_eq!(errors, [(2, Some("amount"))], "{content_type} in {name}");
        }
    }
}

#[test]
fn soap_12_is_answered_in_soap_12() {
    let site = Site::new();
    let text = base64::engine::general_purpose::STANDARD.encode(three().csv());
    let body = envelope(&submit(&format!("<g:batchId>B-7</g:batchId><g:data>{text}</g:data>")));
    let answer = site.client().ask(Message::soap12(&body).to("/orders"));
    assert_accepted("soap 1.2", &answer, true);
    assert_eq!(answer.header("content-type"), Some("application/soap+xml; charset=utf-8"));
    assert_eq!(answer.receipt().reference.as_deref(), Some("B-7"));
}

#[test]
fn an_operation_of_the_municipality_is_answered_in_its_words() {
    let site = Site::new();
    let text = base64::engine::general_purpose::STANDARD.encode(three().csv());
    let body = envelope(&format!(
        "<b:submitBatch xmlns:b=\"urn:example:bulk\"><b:batchId>B-1</b:batchId><b:data>{text}</b:data></b:submitBatch>"
    ));
    let message = Message::soap11(&body).with("SOAPAction", "\"urn:example:bulk#submitBatch\"");
    let answer = site.client().ask(message.to("/orders"));
    assert_accepted("own operation", &answer, true);
    let batch = site.batches().remove(0);
    assert_eq!(batch.reference.as_deref(), Some("B-1"));
    let wanted = format!(
        "<submitBatchResponse xmlns=\"urn:example:bulk\"><id>{}</id><accepted>3</accepted><setAside>0</setAside>\
         <digest>{}</digest></submitBatchResponse>",
        batch.id, batch.payload_digest
    );
    assert!(answer.text().contains(&wanted), "{answer}");

    // Records directly below the body's child, behind what the operation says before them.
    let body = envelope(&format!(
        "<b:orders xmlns:b=\"urn:example:bulk\"><b:sender>x</b:sender>{}</b:orders>",
        three().elements()
    ));
    let answer = site.client().ask(Message::soap11(&body).to("/orders"));
    assert_accepted("records below the body's child", &answer, true);
    assert_eq!(answer.receipt().records_digest, batch.records_digest.to_string());
}

#[test]
fn a_content_digest_that_matches_is_taken() {
    let site = Site::new();
    for way in Way::ALL {
        for gzipped in [false, true] {
            let message = way.message(way.payload(&three()).as_bytes());
            let message = if gzipped { message.gzipped() } else { message };
            let encode = |digest: &[u8]| base64::engine::general_purpose::STANDARD.encode(digest);
            let sha256 = format!("sha-256=:{}:", encode(&Sha256::digest(&message.body)));
            let sha512 = format!("sha-512=:{}:", encode(&Sha512::digest(&message.body)));
            // What is not known may be ignored (RFC 9530 section 2).
            for header in [&*format!("md5=:AAAA:, {sha256}, {sha512}"), &sha256, &sha512, "md5=:AAAA:"] {
                let answer = site.client().ask(message.clone().with("Content-Digest", header).to("/orders"));
                assert_accepted(&format!("{way:?}, {header}"), &answer, way.is_soap());
            }
        }
    }
}

/// WS-I AP 1.0 R2923: undescribed parts may be there, but for those that would be records.
#[test]
fn parts_that_are_no_records_may_stand_beside_the_payload() {
    let site = Site::new();
    let csv = three().csv();
    let root = envelope(&submit("<g:data href=\"cid:p@t\"/>"));
    let root = ("Content-Type: text/xml\r\nContent-ID: <r@t>\r\n", root.as_bytes());
    let payload = ("Content-Type: text/csv\r\nContent-ID: <p@t>\r\n", csv.as_bytes());
    for beside in [
        "Content-Type: image/png\r\n",
        "Content-Type: text/xml\r\n",
        "Content-Type: application/xml\r\nContent-ID: <q@t>\r\n",
        "Content-Type: application/octet-stream\r\n",
        "Content-Type: text/plain\r\n",
        "",
    ] {
        let other = (beside, &b"whatever"[..]);
        let related = "multipart/related; boundary=cut; type=\"text/xml\"; start=\"<r@t>\"";
        for parts in [[root, payload, other], [root, other, payload]] {
            let answer = site.client().ask(package(related, &parts).to("/orders"));
            assert_accepted(&format!("{beside:?}"), &answer, true);
            assert_eq!(answer.receipt().records, 3, "{beside:?}");
        }
    }
}

#[test]
fn a_route_may_take_packages_with_bare_line_feeds() {
    let site = Site::edited(|route| route.limits.bare_line_feeds = route.name == "orders");
    let message = Way::Swa.message(three().csv().as_bytes());
    let bare = String::from_utf8(message.body.clone()).unwrap().replace("\r\n", "\n");
    let bare = Message { body: bare.into_bytes(), ..message.clone() };
    for message in [&bare, &message] {
        let answer = site.client().ask(message.to("/orders"));
        assert_accepted("bare line feeds", &answer, true);
        assert_eq!(answer.receipt().records, 3);
    }
    let kept = site.batches().len();
    let answer = site.client().ask(bare.to("/lenient"));
    assert!(answer.refused().code.starts_with("mime-"), "{answer}");
    assert_eq!(site.batches().len(), kept);
}

#[test]
fn a_batch_has_the_order_and_the_time_that_its_route_says() {
    let site = Site::edited(|route| {
        if route.name == "orders" {
            route.limits.ordered = true;
            route.limits.expires_after = Some(std::time::Duration::from_secs(3_600));
        }
    });
    for (path, ordered, expires) in [("/orders", true, Some(3_600_000)), ("/lenient", false, None)] {
        let id = site.client().ask(Way::RestCsv.request(path, &three())).receipt_id();
        let batch = site.batches().into_iter().find(|batch| batch.id.to_string() == id).unwrap();
        assert_eq!(batch.ordered, ordered, "{path}");
        assert_eq!(batch.expires_at.map(|at| at - batch.accepted_at), expires, "{path}");
    }
}

#[test]
fn a_form_with_two_files_is_refused_and_nothing_of_it_is_kept() {
    let site = Site::new();
    let body = "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\nContent-Type: text/csv\r\n\r\n\
order_id,amount\r\n1,1.00\r\n\r\n--cut\r\nContent-Disposition: form-data; name=\"more\"; filename=\"b.csv\"\r\n\
Content-Type: text/csv\r\n\r\norder_id,amount\r\n2,2.00\r\n\r\n--cut--\r\n";
    let message = Message::rest("multipart/form-data; boundary=cut", body.as_bytes());
    let refused = site.client().ask(message.to("/orders")).refused();
    assert_eq!(refused.code, "form-files");
    assert!(site.spooled().is_empty());
}

#[test]
fn bad_records_are_set_aside_where_the_route_says_so() {
    let site = Site::new();
    let set = RecordSet::orders(&[["1", "a", "1.00", ""], ["x", "b", "2.00", ""], ["3", "c", "3.00", ""]]);
    for way in Way::ALL {
        let receipt = site.client().ask(way.request("/lenient", &set)).receipt();
        assert_eq!((receipt.records, receipt.set_aside, receipt.sums.accepted), (2, 1, 2), "{way:?}");
        let page = site.client().ask(get(&format!("/lenient/batches/{}/errors", receipt.id))).json();
        assert_eq!((page["total"].as_u64(), page["errors"].as_array().map(Vec::len)), (Some(1), Some(1)));
        let error = &page["errors"][0];
        assert_eq!(
            (error["record"].as_u64(), error["outcome"].as_str()),
            (Some(2), Some("setAside")),
            "{way:?}"
        );
        assert_eq!(error["field"], "order_id", "{way:?}");
    }
    let all_bad = RecordSet::orders(&[["x", "a", "1.00", ""]]);
    let before = site.spooled().len();
    for way in Way::ALL {
        let refused = site.client().ask(way.request("/lenient", &all_bad)).refused();
        assert_eq!((refused.code.as_str(), refused.errors.len()), ("no-records", 1), "{way:?}");
    }
    assert_eq!(site.spooled().len(), before);
}

#[test]
fn more_bad_records_than_can_be_set_aside_refuse_the_batch_and_name_the_limit() {
    let site = Site::new();
    let csv = format!("order_id,customer,amount,note\n1,a,1.00,\n{}", "x,b,2.00,\n".repeat(10_001));
    let answer = site.client().ask(Message::rest("text/csv", csv.as_bytes()).to("/lenient"));
    let problem = answer.json();
    assert_eq!(
        (problem["code"].as_str(), problem["errorsTotal"].as_u64()),
        (Some("bad-records"), Some(10_001))
    );
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.starts_with("10001 of the first 10002 records break the schema."), "{detail}");
    assert!(detail.contains("at most 10000 are set aside") && detail.contains("in parts"), "{detail}");
    assert!(site.spooled().is_empty(), "nothing is kept");
}

#[test]
fn a_full_data_set_of_attributes_goes_through_every_way() {
    let site = Site::new();
    let set = RecordSet::attributes(200, |_, _| {});
    let mut digests: Vec<_> = Way::ALL
        .iter()
        .map(|way| {
            let receipt = site.client_from(CITY).ask(way.request("/attributes", &set)).receipt();
            assert_eq!(receipt.records, 200);
            receipt.records_digest
        })
        .collect();
    digests.dedup();
    assert_eq!(digests.len(), 1);
}
