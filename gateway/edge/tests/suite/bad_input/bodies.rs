//! Bodies that are too large, packed badly, changed on the way, or end too early.

use base64::Engine as _;
use sha2::{Digest as _, Sha256};

use super::{refused, unreadable};
use crate::record_sets::RecordSet;
use crate::site::Site;
use crate::ways::{Message, Way, envelope, gzip, submit};

#[test]
fn packed_bodies_that_are_bombs_or_broken() {
    let site = Site::new();
    let bomb = gzip(&vec![b' '; 8 << 20]);
    for way in Way::ALL {
        let message = way.message(way.payload(&RecordSet::many_orders(3)).as_bytes());
        let packed = |body: Vec<u8>| Message { body, ..message.clone() }.with("Content-Encoding", "gzip");
        let whole = gzip(&message.body);
        let trailing = [&whole[..], b"K4NARY"].concat();
        let half_twice = [&whole[..], &whole[..5]].concat();
        let mut damaged = whole.clone();
        let middle = damaged.len() - 6;
        damaged[middle] ^= 0x55;
        for (name, body, code) in [
            ("not gzip", message.body.clone(), "gzip-damaged"),
            ("cut short", whole[..whole.len() / 2].to_vec(), "gzip-damaged"),
            ("without its check", whole[..whole.len() - 4].to_vec(), "gzip-damaged"),
            ("a wrong check", damaged, "gzip-damaged"),
            ("followed by something", trailing, "gzip-damaged"),
            ("a second member cut short", half_twice, "gzip-damaged"),
        ] {
            let (status, found, _) = refused(&site, name, &packed(body).to("/orders"), way.is_soap());
            assert_eq!((status, found.as_str()), (unreadable(way), code), "{name}, {way:?}");
        }
        if way == Way::FormData {
            let filled = crate::ways::form(&vec![b'\n'; 8 << 20], "application/json").gzipped();
            let (status, code, _) = refused(&site, "bomb in a form", &filled.to("/orders"), false);
            assert_eq!((status, code.as_str()), (413, "unpacks-too-large"));
        }
        if way != Way::RestJson && way != Way::RestNdjson && way != Way::RestCsv {
            continue;
        }
        let (status, found, _) = refused(&site, "bomb", &packed(bomb.clone()).to("/orders"), false);
        // A line of CSV has an end long before the body is too large; white space in front of JSON has none.
        let wanted = if way == Way::RestCsv { "payload-limit" } else { "unpacks-too-large" };
        assert_eq!((status, found.as_str()), (413, wanted), "{way:?}");
    }
    // White space between the parts of an envelope, and before the first line of JSON: by ratio, and by size.
    for path in ["/orders", "/small"] {
        let filled = |text: &str| text.replace("<e:Body>", &format!("{}<e:Body>", " ".repeat(8 << 20)));
        let soap = Message::soap11(&filled(&envelope(&submit("")))).gzipped();
        let json = Message::rest("application/json", &vec![b'\n'; 8 << 20]).gzipped();
        for (message, soap) in [(soap, true), (json, false)] {
            let message = if path == "/small" { Message { body: message.body, ..message } } else { message };
            if path == "/small" && message.body.len() > 4_000 {
                assert_eq!(refused(&site, "too large as it is", &message.to(path), soap).1, "body-too-large");
                continue;
            }
            let (status, code, _) = refused(&site, "bomb", &message.to(path), soap);
            assert_eq!((status, code.as_str()), (413, "unpacks-too-large"), "{path}");
        }
    }
}

#[test]
fn a_body_that_is_not_what_its_digest_says() {
    let site = Site::new();
    let wrong = base64::engine::general_purpose::STANDARD.encode([7u8; 32]);
    let longer = base64::engine::general_purpose::STANDARD.encode([7u8; 64]);
    for way in Way::ALL {
        let message = way.message(way.payload(&RecordSet::many_orders(3)).as_bytes());
        for message in [message.clone(), message.gzipped()] {
            let good = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(&message.body));
            for promised in [
                format!("sha-256=:{wrong}:"),
                format!("sha-512=:{longer}:"),
                format!("sha-256=:{good}:, sha-512=:{longer}:"),
            ] {
                let message = message.clone().with("Content-Digest", &promised);
                let (status, code, _) = refused(&site, "digest", &message.to("/orders"), way.is_soap());
                assert_eq!(
                    (status, code.as_str()),
                    (unreadable(way), "digest-mismatch"),
                    "{way:?}, {promised}"
                );
            }
        }
    }
    // A question is held to its digest as well.
    let message =
        crate::ways::question("heartbeat", "").with("Content-Digest", &format!("sha-256=:{wrong}:"));
    assert_eq!(refused(&site, "question", &message.to("/orders"), true).1, "digest-mismatch");
}

#[test]
fn a_body_over_the_limit_that_did_not_say_so() {
    let site = Site::new();
    for way in Way::ALL {
        let filler = " ".repeat(5_000);
        let payload = match way {
            Way::RestXml => format!("<orders xmlns=\"urn:example:bulk\">{filler}"),
            Way::SoapXml | Way::RestJson | Way::RestNdjson => filler,
            _ => format!("order_id,customer,amount,note\r\n1,\"{filler}"),
        };
        let request = way.message(payload.as_bytes()).chunked("/small", 500);
        let (status, code, _) = refused(&site, "over", &request, way.is_soap());
        assert_eq!((status, code.as_str()), (413, "body-too-large"), "{way:?}");
    }
}

#[test]
fn a_client_that_ends_in_the_middle_is_told_so_if_it_still_reads() {
    let site = Site::new();
    for way in Way::ALL {
        let message = way.message(way.payload(&RecordSet::many_orders(20)).as_bytes());
        let half = Message { body: message.body[..message.body.len() / 2].to_vec(), ..message.clone() };
        let by_length = [message.head("/orders").as_bytes(), &half.body].concat();
        for (how, request) in [("length", by_length), ("chunks", half.chunked_open("/orders", 100))] {
            let mut client = site.client();
            client.send(request);
            client.end_sending();
            let answer = client.answer();
            let refused = answer.refused();
            assert_eq!(
                (answer.status, refused.code.as_str()),
                (unreadable(way), "body-cut-short"),
                "{way:?}, {how}"
            );
            assert!(answer.closes() && client.is_closed(), "{way:?}, {how}");
            site.assert_nothing_kept();
        }
    }
}

#[test]
fn broken_chunks() {
    let site = Site::new();
    for way in Way::ALL {
        let message = way.message(way.payload(&RecordSet::many_orders(20)).as_bytes());
        for end in ["zz\r\n", "5\r\nK4NARY\r\n", "-1\r\n\r\n", "0\r\nK4NARY\r\n\r\n"] {
            let half = Message { body: message.body[..message.body.len() / 2].to_vec(), ..message.clone() };
            let request = [&half.chunked_open("/orders", 100)[..], end.as_bytes()].concat();
            let (status, code, _) = refused(&site, end, &request, way.is_soap());
            assert_eq!((status, code.as_str()), (unreadable(way), "body-broken-chunk"), "{way:?}, {end:?}");
        }
    }
}
