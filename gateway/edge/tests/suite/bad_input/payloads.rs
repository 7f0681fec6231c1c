//! Payloads that cannot be read, or not be taken.

use base64::Engine as _;

use super::{CANARY, refused, unreadable};
use crate::record_sets::RecordSet;
use crate::site::Site;
use crate::ways::{Message, Way, envelope, form, package, submit, swa};

#[test]
fn broken_csv() {
    let site = Site::new();
    let head = "order_id,customer,amount,note\r\n";
    let good = "1,K4NARY,1.00,\r\n";
    for (name, csv, code, place) in [
        ("no header", String::new(), "csv-header-missing", "line 1, column 1"),
        (
            "an unknown column",
            "order_id,K4NARY\r\n1,a\r\n".to_owned(),
            "csv-header-unknown",
            "line 1, column 10",
        ),
        (
            "a column twice",
            "order_id,amount,amount\r\n".to_owned(),
            "csv-header-duplicate",
            "line 1, column 17",
        ),
        (
            "a column too many",
            format!("{head}{good}2,K4NARY,1.00,n,K4NARY\r\n"),
            "bad-records",
            "error: record 2, line 3, csv-too-many-cells",
        ),
        (
            "a column too few",
            format!("{head}{good}2,K4NARY\r\n"),
            "bad-records",
            "error: record 2, line 3, csv-too-few-cells",
        ),
        (
            "an unclosed quote",
            format!("{head}{good}2,\"K4NARY,1.00,\r\n"),
            "csv-unclosed-quote",
            "line 3, column 3, record 2, field customer",
        ),
        (
            "text behind a quote",
            format!("{head}{good}2,\"K4NARY\"K4NARY,1.00,\r\n"),
            "csv-text-after-quote",
            "line 3, column 11, record 2, field customer",
        ),
        (
            "a quote inside",
            format!("{head}{good}2,K4\"NARY,1.00,\r\n"),
            "csv-quote-in-cell",
            "line 3, column 5, record 2, field customer",
        ),
        (
            "a character that XML cannot hold",
            format!("{head}{good}2,K4NARY\u{1},1.00,\r\n"),
            "bad-records",
            "error: record 2, line 3, field customer, character-not-allowed",
        ),
        (
            "a field over its size",
            format!("{head}{good}2,{},1.00,\r\n", CANARY.repeat(6_000)),
            "bad-records",
            "error: record 2, line 3, field customer, field-too-long",
        ),
    ] {
        for way in Way::CSV {
            if csv.is_empty() && way == Way::SoapBase64 {
                continue; // an empty element points nowhere: another refusal, held elsewhere
            }
            let request = way.message(csv.as_bytes()).to("/orders");
            let (status, found, at) = refused(&site, name, &request, way.is_soap());
            let wanted = if way == Way::Swa && !place.starts_with("error") {
                format!("part 2, {place}")
            } else {
                place.to_owned()
            };
            assert_eq!((found.as_str(), at), (code, wanted), "{name}, {way:?}");
            let invalid = if way.is_soap() { 500 } else { 422 };
            assert_eq!(
                status,
                if code == "bad-records" { invalid } else { unreadable(way) },
                "{name}, {way:?}"
            );
        }
    }
}

#[test]
fn a_byte_that_the_charset_does_not_have() {
    let site = Site::new();
    let csv = |bytes: &[u8]| {
        let mut csv = b"order_id,customer,amount,note\r\n1,K4NARY,1.00,\r\n2,K4NARY".to_vec();
        csv.extend_from_slice(bytes);
        csv.extend_from_slice(b",1.00,\r\n");
        csv
    };
    let base64 = |label: &str, bytes: &[u8]| {
        let text = base64::engine::general_purpose::STANDARD.encode(bytes);
        Message::soap11(&envelope(&submit(&format!("<g:data contentType=\"{label}\">{text}</g:data>"))))
    };
    for (charset, bytes) in [
        ("UTF-8", &b"\xff"[..]),
        ("UTF-8", b"\xed\xa0\x80"),
        ("Windows-31J", b"\x81\x00"),
        ("us-ascii", b"\xc3\xa9"),
    ] {
        let label = format!("text/csv; charset={charset}");
        let csv = csv(bytes);
        for (way, message) in [
            (Way::RestCsv, Message::rest(&label, &csv)),
            (Way::Swa, swa(&csv, &label)),
            (Way::FormData, form(&csv, &label)),
            (Way::SoapBase64, base64(&label, &csv)),
        ] {
            let (status, code, place) = refused(&site, charset, &message.to("/orders"), way.is_soap());
            assert_eq!((status, code.as_str()), (unreadable(way), "charset-malformed"), "{charset}, {way:?}");
            let part = if way == Way::Swa { "part 2, " } else { "" };
            assert_eq!(
                place,
                format!("{part}line 3, column 9, record 2, field customer"),
                "{charset}, {way:?}"
            );
        }
    }
    // UTF-16 that ends in the middle of a character.
    let (status, code, _) = refused(
        &site,
        "half a character",
        &Message::rest("text/csv; charset=utf-16", b"\xfe\xff\x00o\x00").to("/orders"),
        false,
    );
    assert_eq!((status, code.as_str()), (400, "charset-truncated"));
    // In XML and JSON too.
    for (way, payload) in [
        (Way::RestJson, &b"[{\"order_id\":\"1\",\"customer\":\"K4NARY\xff\"}]"[..]),
        (Way::RestNdjson, b"{\"order_id\":\"1\",\"customer\":\"K4NARY\xff\"}\n"),
        (
            Way::RestXml,
            b"<orders xmlns=\"urn:example:bulk\"><order><order_id>1</order_id><customer>K4NARY\xff",
        ),
    ] {
        let (status, code, place) = refused(&site, "raw", &way.message(payload).to("/orders"), false);
        assert_eq!((status, code.as_str()), (400, "charset-malformed"), "{way:?}");
        assert!(place.contains("record 1, field customer"), "{way:?}: {place}");
    }
    let mut message =
        Way::SoapXml.message(b"<order xmlns=\"urn:example:bulk\"><order_id>1</order_id><customer>K4NARY!");
    let at = crate::client::find(&message.body, b"K4NARY!").unwrap() + 6;
    message.body[at] = 0xff;
    let (status, code, place) = refused(&site, "soap", &message.to("/orders"), true);
    assert_eq!((status, code.as_str()), (500, "charset-malformed"));
    assert!(place.contains("record 1, field customer"), "{place}");
}

#[test]
fn unknown_charsets_and_types() {
    let site = Site::new();
    for (name, message, soap) in [
        ("rest", Message::rest("text/csv; charset=ebcdic", b"K4NARY"), false),
        ("swa", swa(b"K4NARY", "text/csv; charset=ebcdic"), true),
        ("form", form(b"K4NARY", "text/csv; charset=ebcdic"), false),
        ("soap", Message::soap11(&envelope("")).with("Content-Type", "text/xml; charset=ebcdic"), true),
    ] {
        let (status, code, _) = refused(&site, name, &message.to("/orders"), soap);
        assert_eq!((status, code.as_str()), (415, "charset-unknown"), "{name}");
    }
    let sjis = Message::soap11(&envelope("")).with("Content-Type", "text/xml; charset=shift_jis");
    assert_eq!(refused(&site, "envelope", &sjis.to("/orders"), true).1, "envelope-charset");
    for (name, message, soap) in [
        ("rest", Message::rest("application/pdf", b"K4NARY"), false),
        ("swa", swa(b"K4NARY", "application/pdf"), true),
        ("form", form(b"K4NARY", "application/pdf"), false),
    ] {
        let (status, code, _) = refused(&site, name, &message.to("/orders"), soap);
        assert_eq!((status, code.as_str()), (415, "payload-type"), "{name}");
    }
    let none = "POST /orders/batches HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx";
    assert_eq!(refused(&site, "no type", none.as_bytes(), false).1, "content-type-missing");
    let twice = Message::rest("text/csv; charset=utf-8; charset=utf-16", b"x").to("/orders");
    assert_eq!(refused(&site, "twice", &twice, false).1, "media-type-duplicate-parameter");
}

#[test]
fn broken_json() {
    let site = Site::new();
    let deep = format!("{{\"order_id\":\"1\",\"customer\":{}1{}}}", "[".repeat(100), "]".repeat(100));
    for (name, record, code, place) in [
        (
            "ends early",
            "{\"order_id\":\"1\",\"customer\":\"K4NARY",
            "json-truncated",
            "record 1, field customer",
        ),
        ("ends early between", "{\"order_id\":\"1\",\"customer\":\"K4NARY\"", "json-truncated", "record 1"),
        ("not json", "{\"order_id\":K4NARY}", "json-syntax", "record 1, field order_id"),
        (
            "a lone surrogate",
            "{\"order_id\":\"1\",\"customer\":\"\\ud800K4NARY\"}",
            "json-syntax",
            "record 1, field customer",
        ),
        (
            "a leading zero",
            "{\"order_id\":01,\"customer\":\"K4NARY\"}",
            "json-syntax",
            "record 1, field order_id",
        ),
        ("text behind", "{\"order_id\":1} K4NARY", "json-syntax", ""),
        (
            "a key twice",
            "{\"order_id\":\"1\",\"customer\":\"K4NARY\",\"amount\":1,\"customer\":\"K4NARY\"}",
            "bad-records",
            "field customer, json-duplicate-member",
        ),
        (
            "a key that is none",
            "{\"order_id\":\"1\",\"K4NARY\":\"K4NARY\",\"amount\":1}",
            "bad-records",
            "json-unknown-member",
        ),
        (
            "a value of the wrong kind",
            "{\"order_id\":{\"K4NARY\":1},\"amount\":1}",
            "bad-records",
            "field order_id",
        ),
        ("deep", &deep, "", "record 1"),
    ] {
        for way in [Way::RestJson, Way::RestNdjson] {
            let payload = match (way, name.starts_with("ends")) {
                (Way::RestJson, true) => format!("[{record}"),
                (Way::RestJson, false) => format!("[{record}]"),
                _ => record.to_owned(),
            };
            let (status, found, at) =
                refused(&site, name, &way.message(payload.as_bytes()).to("/orders"), false);
            assert!([400, 413, 422].contains(&status), "{name}, {way:?}");
            assert!(code.is_empty() || found == code, "{name}, {way:?}: {found}, {at}");
            assert!(at.contains(place) && at.contains("line 1"), "{name}, {way:?}: {at}");
        }
    }
    for (name, payload) in [("an object", "{\"K4NARY\":1}"), ("nothing", ""), ("not closed", "[")] {
        let (status, code, _) =
            refused(&site, name, &Way::RestJson.message(payload.as_bytes()).to("/orders"), false);
        assert_eq!(status, 400, "{name}: {code}");
        assert!(code.starts_with("json-"), "{name}: {code}");
    }
}

/// An element that is no record may be a record whose name is wrong: wherever it stands, nothing of the message is taken.
#[test]
fn an_element_that_is_no_record_refuses_the_message_wherever_it_stands() {
    let site = Site::new();
    let order = |name: &str, id: u32| {
        format!("<{name} xmlns=\"urn:example:bulk\"><order_id>{id}</order_id><amount>1</amount></{name}>\n")
    };
    let [one, two, wrong] = [order("order", 1), order("order", 2), order("K4NARY", 3)];
    for (name, elements, line) in [
        ("misspelt before the first", format!("{wrong}{one}{two}"), 2),
        ("misspelt in the middle", format!("{one}{wrong}{two}"), 3),
        ("misspelt at the end", format!("{one}{two}{wrong}"), 4),
        ("nothing else", wrong.clone(), 2),
        ("a header", format!("{one}<Head>K4NARY</Head>"), 3),
        ("an empty one first", format!("<K4NARY/>{one}"), 2),
        ("one wrapper too many", format!("<K4NARY>{one}{two}</K4NARY>"), 2),
        ("another namespace first", format!("{}{one}", two.replace(":bulk", ":K4NARY")), 2),
        ("no namespace first", format!("{}{one}", two.replace("urn:example:bulk", "")), 2),
    ] {
        let elements = format!("\n{elements}");
        let document = format!("<orders xmlns=\"urn:example:bulk\">{elements}</orders>");
        let children = envelope(&format!("<b:orders xmlns:b=\"urn:example:bulk\">{elements}</b:orders>"));
        let base64 = base64::engine::general_purpose::STANDARD.encode(&document);
        let base64 = submit(&format!("<g:data contentType=\"application/xml\">{base64}</g:data>"));
        for (door, message, part) in [
            ("rest", Way::RestXml.message(document.as_bytes()), ""),
            ("form", form(document.as_bytes(), "application/xml"), ""),
            ("soap", Way::SoapXml.message(elements.as_bytes()), ""),
            ("soap, an operation", Message::soap11(&children), ""),
            ("soap, base64", Message::soap11(&envelope(&base64)), ""),
            ("swa", swa(document.as_bytes(), "application/xml"), "part 2, "),
        ] {
            let is_soap = door.starts_with('s');
            let (status, code, at) = refused(&site, name, &message.to("/orders"), is_soap);
            let status_wanted = if is_soap { 500 } else { 400 };
            assert_eq!((status, code.as_str()), (status_wanted, "xml-not-a-record"), "{name}, {door}");
            assert!(at.starts_with(&format!("{part}line {line}, column ")), "{name}, {door}: {at}");
        }
    }
    // What the operation names may stand beside its records, and is no record.
    let sender = "<b:sender><b:office>7</b:office></b:sender>";
    let call = |children: &str| {
        let body = format!("<b:orders xmlns:b=\"urn:example:bulk\">{children}</b:orders>");
        Message::soap11(&envelope(&body)).to("/orders")
    };
    for (name, children, at) in [
        ("a record in it", format!("<b:sender>\n{one}</b:sender>{two}"), "line 2, column 1"),
        ("a misspelt record in it", format!("{one}<b:sender>{wrong}</b:sender>"), "line 2, column 11"),
        ("not named", format!("{one}{sender}<b:offices/>"), "line 2, column 44"),
    ] {
        let (status, code, found) = refused(&site, name, &call(&children), true);
        assert_eq!((status, code.as_str()), (500, "xml-not-a-record"), "{name}");
        assert!(found.starts_with(at), "{name}: {found}");
    }
    let told = site.client().ask(call(&wrong));
    assert!(told.text().contains("beside_records"), "{told}");
    let inside = Way::SoapXml.message(sender.replace("b:", "").as_bytes());
    assert_eq!(refused(&site, "no operation's", &inside.to("/orders"), true).1, "xml-not-a-record");
    for (once, children) in
        [format!("{sender}{one}{two}"), format!("{one}{sender}{two}\n{sender}")].iter().enumerate()
    {
        let answer = site.client().ask(call(children));
        assert_eq!(answer.status, 200, "{once}: {answer}");
        assert!(answer.text().contains("records>2<"), "{once}: {answer}");
    }
}

/// Beside the payload of an operation whose records may be anywhere, too: what it does not name may be a second wrapper, or records in it.
#[test]
fn what_an_operation_does_not_name_beside_its_payload_refuses_the_message() {
    let site = Site::new();
    let order = |name: &str, id: u32| {
        format!("<{name} xmlns=\"urn:example:bulk\"><order_id>{id}</order_id><amount>1</amount></{name}>\n")
    };
    let [one, two, wrong] = [order("order", 1), order("order", 2), order("K4NARY", 3)];
    let csv = "order_id,customer,amount,note\r\n1,A,1.00,\r\n";
    let base64 = base64::engine::general_purpose::STANDARD.encode(csv);
    let call = |children: &str| {
        envelope(&format!("<b:submitBatch xmlns:b=\"urn:example:bulk\">{children}</b:submitBatch>"))
    };
    let inline = |children: &str| Message::soap11(&call(children)).to("/orders");
    let attached = |children: &str| {
        let root = call(children);
        let parts: [(&str, &[u8]); 2] = [
            ("Content-Type: text/xml\r\nContent-ID: <r@x>\r\n", root.as_bytes()),
            ("Content-Type: text/csv\r\nContent-ID: <p@x>\r\n", csv.as_bytes()),
        ];
        let label = "multipart/related; boundary=cut; type=\"text/xml\"; start=\"<r@x>\"";
        package(label, &parts).to("/orders")
    };
    let records = format!("<b:records>{one}</b:records>");
    let data = format!("<b:data contentType=\"text/csv\">{base64}</b:data>");
    for (name, stray, column) in [
        ("a misspelt second wrapper", format!("<b:recrods>{two}</b:recrods>"), 1),
        (
            "a wrapper of another name in a namespace",
            format!("<K4NARY xmlns=\"urn:K4NARY\">{two}</K4NARY>"),
            1,
        ),
        ("a record beside the wrapper", two.clone(), 1),
        ("a misspelt record beside the wrapper", wrong.clone(), 1),
        ("a misspelt second payload", format!("<b:dta>{base64}</b:dta>"), 1),
        ("an empty element", "<b:K4NARY/>".to_owned(), 1),
        ("a record in what is named", format!("<b:sender>{two}</b:sender>"), 11),
        (
            "a misspelt record in what is named",
            format!("<b:sender><b:office>{wrong}</b:office></b:sender>"),
            21,
        ),
        ("a payload in what is named", format!("<b:sender>{data}</b:sender>"), 11),
        ("records in what is named", format!("<b:sender>{records}</b:sender>"), 11),
    ] {
        for (way, message) in [
            ("before records", inline(&format!("\n{stray}{records}"))),
            ("behind records", inline(&format!("{}\n{stray}", records.replace('\n', "")))),
            ("before base64", inline(&format!("\n{stray}{data}"))),
            ("behind base64", inline(&format!("{data}\n{stray}"))),
            ("before a pointer", attached(&format!("\n{stray}<b:data href=\"cid:p@x\"/>"))),
            ("behind a pointer", attached(&format!("<b:data href=\"cid:p@x\"/>\n{stray}"))),
            ("without a pointer", attached(&format!("\n{stray}"))),
        ] {
            let name = format!("{name}, {way}");
            let (status, code, at) = refused(&site, &name, &message, true);
            assert_eq!((status, code.as_str()), (500, "message-unexpected-element"), "{name}");
            assert!(at.contains(&format!("line 2, column {column}")), "{name}: {at}");
        }
    }
    // What it names may stand there, before and behind.
    let sender = "<b:sender><b:office>7</b:office></b:sender>";
    for message in [
        inline(&format!("{sender}{records}{sender}")),
        inline(&format!("{sender}{data}<b:batchId>B-9</b:batchId>{sender}")),
        attached(&format!("{sender}<b:data href=\"cid:p@x\"/>{sender}")),
        attached("<b:sender><b:office href=\"cid:p@x\"/></b:sender>"),
    ] {
        let answer = site.client().ask(message);
        assert_eq!(answer.status, 200, "{answer}");
    }
    assert_eq!(site.batches().len(), 4);
}

/// XML that is hostile or broken, in a REST document and inside an envelope.
#[test]
fn broken_xml() {
    let site = Site::new();
    let deep = format!("{}{}", "<customer>".repeat(100), "</customer>".repeat(100));
    let huge = format!("<customer a=\"{}\">x</customer>", CANARY.repeat(200_000));
    let many: String = (0..2_000).map(|n| format!(" a{n}=\"K4NARY\"")).collect();
    let many = format!("<customer{many}>x</customer>");
    for (name, inner, code) in [
        ("an unknown entity", "<customer>&K4NARY;</customer>", "xml-not-well-formed"),
        ("a character reference to nothing", "<customer>K4NARY&#0;</customer>", "xml-not-well-formed"),
        ("a wrong end tag", "<customer>K4NARY</amount>", "xml-not-well-formed"),
        ("an attribute twice", "<customer a=\"K4NARY\" a=\"2\">x</customer>", "xml-not-well-formed"),
        ("a prefix without a namespace", "<K4NARY:customer>x</K4NARY:customer>", "xml-not-well-formed"),
        ("less-than in an attribute", "<customer a=\"K4NARY<\">x</customer>", "xml-not-well-formed"),
        ("a bad comment", "<!-- K4NARY -- --><customer>x</customer>", "xml-not-well-formed"),
        ("a doctype inside", "<!DOCTYPE K4NARY><customer>x</customer>", ""),
        ("deep nesting", &deep, "xml-limit"),
        ("a huge attribute", &huge, "xml-limit"),
        ("many attributes", &many, "xml-limit"),
    ] {
        let elements = format!(
            "<order xmlns=\"urn:example:bulk\">\n<order_id>1</order_id>{inner}<amount>1</amount></order>"
        );
        let document = format!("<orders xmlns=\"urn:example:bulk\">\n{elements}</orders>");
        for (way, payload) in [(Way::RestXml, &document), (Way::SoapXml, &elements)] {
            let (status, found, at) =
                refused(&site, name, &way.message(payload.as_bytes()).to("/orders"), way.is_soap());
            assert!(code.is_empty() || found == code, "{name}, {way:?}: {found}, {at}");
            assert!(found.starts_with("xml-"), "{name}, {way:?}: {found}");
            let limit = if found == "xml-limit" { 413 } else { unreadable(way) };
            assert_eq!(status, limit, "{name}, {way:?}");
            let line = if way == Way::RestXml { 3 } else { 2 };
            assert!(at.starts_with(&format!("line {line}, column ")), "{name}, {way:?}: {at}");
            assert!(at.contains("record 1"), "{name}, {way:?}: {at}");
        }
    }
}

/// The check of one record ends at 10,000 errors: the sentence does not claim that there are no more.
#[test]
fn of_a_record_with_more_errors_than_are_counted_there_are_at_least_so_many() {
    let site = Site::new();
    for (elements, at_least) in [(5_000, false), (30_000, true)] {
        let inside = "<x/>".repeat(elements);
        let document = format!("<orders xmlns=\"urn:example:bulk\"><order>{inside}</order></orders>");
        let answer = site.client().ask(Way::RestXml.message(document.as_bytes()).to("/orders")).json();
        let (en, ja) = (answer["detail"].as_str().unwrap(), answer["detailJa"].as_str().unwrap());
        assert_eq!(
            en.contains("(at least 10000 errors)") && ja.contains("（誤り10000件以上）"),
            at_least,
            "{en} {ja}"
        );
        assert!(at_least || en.contains("(50") && ja.contains("（誤り50"), "{en} {ja}");
    }
}

#[test]
fn doctypes_entities_and_truncation_around_an_envelope() {
    let site = Site::new();
    let good = envelope(&submit(&format!("<g:records>{}</g:records>", RecordSet::many_orders(1).elements())));
    let bomb = "<!DOCTYPE e [<!ENTITY a \"K4NARY\"><!ENTITY b \"&a;&a;&a;\">]>";
    let doctype = good.replace("<e:Envelope", &format!("{bomb}<e:Envelope"));
    let external = good.replace("<e:Envelope", "<!DOCTYPE e SYSTEM \"file:///K4NARY\"><e:Envelope");
    let instruction = good.replace("<e:Body>", "<?K4NARY do?><e:Body>");
    let cut = &good[..good.len() - 20];
    let trailing = format!("{good}<K4NARY/>");
    let cases = [
        ("doctype", doctype.as_str(), "xml-doctype"),
        ("external doctype", &external, "xml-doctype"),
        ("instruction", &instruction, "xml-processing-instruction"),
        ("cut short", cut, "xml-not-well-formed"),
        ("a second root", &trailing, "xml-not-well-formed"),
        ("nothing", "", "xml-not-well-formed"),
        ("no xml", "K4NARY", "xml-not-well-formed"),
    ];
    for (name, text, code) in cases {
        for (how, message, part) in [
            ("inline", Message::soap11(text), ""),
            (
                "root of a package",
                package(
                    "multipart/related; boundary=cut; type=\"text/xml\"",
                    &[("Content-Type: text/xml\r\n", text.as_bytes())],
                ),
                "part 1, ",
            ),
        ] {
            let (status, found, place) = refused(&site, name, &message.to("/orders"), true);
            assert_eq!((status, found.as_str()), (500, code), "{name}, {how}: {place}");
            assert!(place.starts_with(&format!("{part}line ")), "{name}, {how}: {place}");
        }
    }
    let rest = RecordSet::many_orders(1).xml().replace("<orders", &format!("{bomb}<orders"));
    let (status, code, place) = refused(
        &site,
        "rest doctype",
        &Message::rest("application/xml", rest.as_bytes()).to("/orders"),
        false,
    );
    assert_eq!((status, code.as_str(), place.as_str()), (400, "xml-doctype", "line 2, column 1"));
}
