//! Where a message broke: every refusal says it in one document's terms, in both languages, and what to do.

use base64::Engine as _;
use sekisho_soap::fault::Location;

use super::{CANARY, log};
use crate::client::Answer;
use crate::site::Site;
use crate::ways::{Message, envelope, gzip, package, submit};

/// Sends a request, and no more where `ends`; answers code, location and both texts.
fn told(site: &Site, request: &[u8], ends: bool) -> (String, Location, String) {
    log();
    let mut client = site.client();
    client.send(request);
    if ends {
        client.end_sending();
    }
    let answer: Answer = client.answer();
    assert!(answer.status >= 400 && !answer.to_string().contains(CANARY), "{answer}");
    let refused = answer.refused();
    site.assert_nothing_kept();
    (refused.code, refused.location, answer.text())
}

fn at_byte(byte: u64) -> Location {
    Location { byte: Some(byte), ..Location::default() }
}

/// The byte behind a request's head.
fn behind_head(request: &[u8]) -> u64 {
    (request.len() - crate::client::find(request, b"\r\n\r\n").unwrap() - 4) as u64
}

#[test]
fn a_body_that_breaks_off_says_at_which_byte() {
    let site = Site::new();
    let csv =
        Message::rest("text/csv", b"order_id,customer,amount,note\r\n1,K4NARY,1.00,\r\n2,K4NARY,1.00,\r\n");
    let half = Message { body: csv.body[..40].to_vec(), ..csv.clone() };
    let by_length = [csv.head("/orders").as_bytes(), &half.body].concat();
    for request in [by_length, half.chunked_open("/orders", 16)] {
        let (code, location, text) = told(&site, &request, true);
        assert_eq!((code.as_str(), location), ("body-cut-short", at_byte(40)), "{text}");
        assert!(
            text.contains("after 40 bytes of its body") && text.contains("send all of it again"),
            "{text}"
        );
        assert!(text.contains("40バイト受信") && text.contains("再送してください"), "{text}");
    }
    for end in ["zz\r\n", "5\r\nK4NARY\r\n"] {
        let open = half.chunked_open("/orders", 16);
        let (request, good) = ([&open[..], end.as_bytes()].concat(), if end == "zz\r\n" { 0 } else { 8 });
        let byte = behind_head(&open) + good;
        let (code, location, text) = told(&site, &request, false);
        assert_eq!((code.as_str(), location), ("body-broken-chunk", at_byte(byte)), "{end:?}: {text}");
        assert!(
            text.contains(&format!("at byte {byte} of its body")) && text.contains("mend the framing"),
            "{text}"
        );
        assert!(text.contains(&format!("本文の{byte}バイト目")) && text.contains("形式を直す"), "{text}");
    }
}

#[test]
fn a_packed_body_says_what_is_wrong_with_it_and_at_which_byte() {
    let site = Site::new();
    let csv = b"order_id,customer,amount,note\r\n1,K4NARY,1.00,\r\n";
    let (message, whole) = (Message::rest("text/csv", csv), gzip(csv));
    let end = whole.len() as u64;
    let mut wrong = whole.clone();
    wrong[whole.len() - 6] ^= 0x55;
    let form = crate::ways::form(csv, "text/csv");
    let mut wrong_form = gzip(&form.body);
    let end_of_form = wrong_form.len() as u64;
    wrong_form[end_of_form as usize - 6] ^= 0x55;
    let packed = |body: Vec<u8>| Message { body, ..message.clone() };
    for (message, byte, en, ja) in [
        (packed(csv.to_vec()), 0, "does not begin with a gzip header", "先頭がgzipヘッダーではありません"),
        (packed(whole[..20].to_vec()), 20, "has 20 bytes, and ends before", "本文は20バイトで"),
        (packed(wrong), end, "damaged at about byte", "バイト目付近でgzipデータが壊れています"),
        (packed([&whole[..], &[b'x'; 20]].concat()), end, "bytes follow that are no", "余分なデータを外して"),
        (Message { body: wrong_form, ..form }, end_of_form, "checksum at the end", "末尾"),
    ] {
        let request = message.with("Content-Encoding", "gzip").to("/orders");
        let (code, location, text) = told(&site, &request, false);
        assert_eq!((code.as_str(), location), ("gzip-damaged", at_byte(byte)), "{text}");
        assert!(text.contains(en) && text.contains(ja), "{text}");
    }
}

#[test]
fn a_payload_without_records_says_where_one_is_expected() {
    let site = Site::new();
    for (content_type, payload, line, column, en, ja) in [
        (
            "text/csv",
            "order_id,customer,amount,note\r\n",
            2,
            1,
            "a line of cells behind the header line",
            "見出し行に続く値の行",
        ),
        ("application/json", "[\n]\n", 3, 1, "an object in the array", "配列の中のオブジェクト"),
        ("application/x-ndjson", "\n\n", 3, 1, "a line with an object", "オブジェクトの行"),
        (
            "application/xml",
            "<orders xmlns=\"urn:example:bulk\">\n</orders>\n",
            3,
            1,
            "an element order",
            "要素 order",
        ),
    ] {
        let request = Message::rest(content_type, payload.as_bytes()).to("/orders");
        let (code, location, text) = told(&site, &request, false);
        let at = (location.line, location.column, location.record, location.field);
        assert_eq!((code.as_str(), at), ("no-records", (Some(line), Some(column), None, None)), "{text}");
        assert!(text.contains(&format!("line {line}, column {column}")) && text.contains(en), "{text}");
        assert!(text.contains(&format!("{line}行{column}文字目")) && text.contains(ja), "{text}");
    }
    let part = crate::ways::swa(b"order_id,customer,amount,note\r\n", "text/csv");
    let (code, location, _) = told(&site, &part.to("/orders"), false);
    assert_eq!((code.as_str(), location.part, location.line), ("no-records", Some(2), Some(2)));
}

#[test]
fn a_query_parameter_says_what_it_takes() {
    let site = Site::new();
    for (query, en, ja) in [
        ("after=K4NARY", "after takes the id of a batch", "バッチの識別子"),
        ("limit=K4NARY", "limit takes a whole number in decimal digits", "10進数の整数"),
    ] {
        let request = format!("GET /orders/batches?{query} HTTP/1.1\r\nHost: h\r\n\r\n");
        let (code, _, text) = told(&site, request.as_bytes(), false);
        assert_eq!(code, "query-parameter", "{text}");
        assert!(text.contains(en) && text.contains(ja), "{text}");
    }
}

#[test]
fn a_reference_to_no_part_says_where_it_stands() {
    let site = Site::new();
    let root = envelope(&submit("\n <g:data href=\"cid:K4NARY@t\"/>"));
    let parts: [(&str, &[u8]); 2] =
        [("Content-Type: text/xml\r\n", root.as_bytes()), ("Content-Type: text/csv\r\n", b"x")];
    let package = package("multipart/related; boundary=cut; type=\"text/xml\"", &parts);
    for (message, code, part, words) in [
        (package, "attachment-unresolved", Some(1), ["none of the 2 parts", "2個のパートのどれにも"]),
        (Message::soap11(&root), "attachment-missing", None, ["an envelope alone", "エンベロープだけ"]),
    ] {
        let (found, location, text) = told(&site, &message.to("/orders"), false);
        let at = (location.part, location.line, location.column);
        assert_eq!((found.as_str(), at), (code, (part, Some(2), Some(2))), "{text}");
        for words in
            words.into_iter().chain(["the element data at line 2, column 2", "2行2文字目の要素 data"])
        {
            assert!(text.contains(words), "{text}");
        }
    }
}

/// What is wrong with a part does not depend on which side of the envelope it stands.
#[test]
fn an_attachment_that_is_not_taken_is_told_of_itself_before_and_behind_the_envelope() {
    let site = Site::new();
    let (pointing, unnamed) = (envelope(&submit("<g:data href=\"cid:p@t\"/>")), envelope(&submit("")));
    let root = "Content-Type: text/xml\r\nContent-ID: <r@t>\r\n";
    let excel = "Content-Type: application/vnd.ms-excel\r\nContent-ID: <p@t>\r\n";
    let euc = "Content-Type: text/csv; charset=EUC-JP\r\nContent-ID: <p@t>\r\n";
    let csv = ("Content-Type: text/csv\r\nContent-ID: <q@t>\r\n", &b"order_id,amount\r\n1,1\r\n"[..]);
    let image = ("Content-Type: image/png\r\nContent-ID: <i@t>\r\n", &b"x"[..]);
    let related = "multipart/related; boundary=cut; type=\"text/xml\"; start=\"<r@t>\"";
    let told_of = |parts: &[(&str, &[u8])]| {
        let (code, location, text) = told(&site, &package(related, parts).to("/orders"), false);
        assert!(!text.contains("none of the") && !text.contains("no attachment"), "{text}");
        (code, location.part)
    };
    for (part, code) in [(excel, "payload-type"), (euc, "charset-unknown")] {
        let part = (part, &b"K4NARY"[..]);
        for envelope in [&pointing, &unnamed] {
            let root = (root, envelope.as_bytes());
            assert_eq!(told_of(&[root, part]), (code.to_owned(), Some(2)));
            assert_eq!(told_of(&[part, root]), (code.to_owned(), Some(1)));
        }
        let root = (root, pointing.as_bytes());
        // Beside a candidate, and beside what nothing points to: the part that is meant is the one that is told of.
        assert_eq!(told_of(&[image, part, root]), (code.to_owned(), Some(2)));
        assert_eq!(told_of(&[csv, part, root]), (code.to_owned(), Some(2)));
    }
    // Two that are not taken, and neither is pointed to.
    let two = [image, (excel, &b"K4NARY"[..]), (root, unnamed.as_bytes())];
    assert_eq!(told_of(&two), ("attachment-ambiguous".to_owned(), None));
}

#[test]
fn two_payloads_are_named_and_the_second_is_the_place() {
    let site = Site::new();
    let message = Message::soap11(&envelope(&submit("<g:records>\n</g:records>\n<g:records/>")));
    let (code, location, text) = told(&site, &message.to("/orders"), false);
    assert_eq!(
        (code.as_str(), location.line, location.column),
        ("message-several-payloads", Some(3), Some(1)),
        "{text}"
    );
    assert!(text.contains(
        "the element records at line 3, column 1 is a second payload beside the element records at line 1"
    ));
    assert!(text.contains("3行1文字目の要素 records"), "{text}");
}

/// What is wrong with the envelope behind good data, or with its base64, is told of the envelope and of no record.
#[test]
fn data_in_an_envelope_that_breaks_is_told_of_the_envelope() {
    let site = Site::new();
    let csv: String = (1..=1000).map(|n| format!("{n},K4NARY,1.00,\r\n")).collect();
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let base64 = encode(&format!("order_id,customer,amount,note\r\n{csv}"));
    let length = base64.len() as u64;
    let whole = envelope(&submit(&format!("\n<g:data>{base64}</g:data>")));
    let other_end = whole.replace("</g:data>", "</g:dato>");
    let bad = |at: usize| whole.replace(&base64, &format!("{}*{}", &base64[..at], &base64[at + 1..]));
    for (envelope, code, column, in_text) in [
        (other_end, "xml-not-well-formed", 9 + length, None),
        (bad(20_000), "base64-byte", 9 + 20_000, Some("byte 20000 of the base64 text")),
        (bad(2), "base64-byte", 9 + 2, Some("byte 2 of the base64 text")),
        (
            whole.replace(&base64, &base64[..20_001]),
            "base64-truncated",
            9 + 20_001,
            Some("byte 20001 of the base64 text"),
        ),
    ] {
        let line = format!("line 2, column {column}");
        for package in [false, true] {
            let message = match package {
                false => Message::soap11(&envelope),
                true => crate::ways::package(
                    "multipart/related; boundary=cut; type=\"text/xml\"",
                    &[("Content-Type: text/xml\r\n", envelope.as_bytes())],
                ),
            };
            let (found, location, text) = told(&site, &message.to("/orders"), false);
            assert_eq!(found, code, "{text}");
            let wanted = Location {
                part: package.then_some(1),
                line: Some(2),
                column: Some(column),
                byte: location.byte,
                ..Location::default()
            };
            assert_eq!(location, wanted, "{code}: {text}");
            let byte = envelope.find('\n').unwrap() as u64 + column;
            assert_eq!(location.byte, Some(byte), "{code}: {text}");
            assert!(text.contains(&line) && text.contains(in_text.unwrap_or_default()), "{code}: {text}");
            assert!(!text.contains("record 1001") && !text.contains("1001行"), "{code}: {text}");
        }
    }
}

#[test]
fn a_form_says_where_it_ends_and_which_fields_are_files() {
    let site = Site::new();
    let csv = b"order_id,customer,amount,note\r\n1,K4NARY,1.00,\r\n";
    let good = crate::ways::form(csv, "text/csv");
    let typed = |body: String| Message { body: body.into_bytes(), ..good.clone() };
    let length = good.body.len() as u64 - 12;
    let cut = Message { body: good.body[..length as usize].to_vec(), ..good.clone() };
    let field = |head: &str, text: &str| {
        format!("--cut\r\nContent-Disposition: form-data; name=\"{head}\"\r\n\r\n{text}\r\n")
    };
    let none = format!("{}{}--cut--\r\n", field("comment", "K4NARY"), field("other", "K4NARY"));
    let file = field("file", "order_id,customer,amount,note\r\n1,K4NARY,1.00,\r\n");
    let several = format!("{}{file}{file}--cut--\r\n", field("comment", "K4NARY"));
    let bytes = none.len() as u64;
    for (message, code, byte, part, en, ja) in [
        (
            cut,
            "form-truncated",
            Some(length),
            None,
            "its body has ".to_owned(),
            format!("本文は{length}バイト"),
        ),
        (
            typed(none),
            "form-file-missing",
            Some(bytes),
            None,
            "2 fields, and none".to_owned(),
            "項目は2個".to_owned(),
        ),
        (
            typed(several),
            "form-files",
            None,
            Some(3),
            "Field 3 of the form is a file, and field 2".to_owned(),
            "2番目の項目に続いて、3番目".to_owned(),
        ),
    ] {
        let (found, location, text) = told(&site, &message.to("/orders"), false);
        assert_eq!((found.as_str(), location.byte, location.part), (code, byte, part), "{text}");
        assert!(text.contains(&en) && text.contains(&ja), "{text}");
    }
}
