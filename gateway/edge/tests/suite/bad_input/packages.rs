//! Packages and forms that are broken around their payload.

use super::refused;
use crate::site::Site;
use crate::ways::{Message, envelope, form, package, submit};

#[test]
fn broken_packages() {
    let site = Site::new();
    let csv = b"order_id,customer,amount,note\r\n1,K4NARY,1.00,\r\n";
    let body = |pointer: &str| envelope(&submit(&format!("<g:data href=\"{pointer}\"/>")));
    let (root, lost, unnamed) = (body("cid:p@t"), body("cid:K4NARY@t"), envelope(&submit("")));
    let inline = envelope(&submit("<g:data>b3JkZXJfaWQsYW1vdW50DQoxLDENCg==</g:data>"));
    let root_head = "Content-Type: text/xml\r\nContent-ID: <r@t>\r\n";
    let part = "Content-Type: text/csv\r\nContent-ID: <p@t>\r\n";
    let related = "multipart/related; boundary=cut; type=\"text/xml\"; start=\"<r@t>\"";
    let good = package(related, &[(root_head, root.as_bytes()), (part, csv)]);
    assert_eq!(Site::new().client().ask(good.to("/orders")).status, 200);
    let shortened = |by: usize| Message { body: good.body[..good.body.len() - by].to_vec(), ..good.clone() };
    let typed = |content_type: &str| good.clone().with("Content-Type", content_type);
    let two = [(root_head, root.as_bytes()), (part, &csv[..]), (part, &csv[..])];
    let base64 = "Content-Type: text/csv\r\nContent-ID: <p@t>\r\nContent-Transfer-Encoding: base64\r\n";
    let quoted =
        "Content-Type: text/csv\r\nContent-ID: <p@t>\r\nContent-Transfer-Encoding: quoted-printable\r\n";
    let seven = "Content-Type: text/csv\r\nContent-ID: <p@t>\r\nContent-Transfer-Encoding: 7bit\r\n";
    let odd = "Content-Type: text/csv\r\nContent-ID: <p@t>\r\nContent-Transfer-Encoding: uuencode\r\n";
    let many: Vec<(&str, &[u8])> = std::iter::once((root_head, root.as_bytes()))
        .chain(std::iter::repeat_n(("Content-Type: image/png\r\n", &b"x"[..]), 40))
        .collect();
    let other = ("Content-Type: text/csv\r\nContent-ID: <q@t>\r\n", &csv[..]);
    let cases: Vec<(&str, Message, &str, &str)> = vec![
        ("cut in the closing boundary", shortened(5), "mime-truncated", "part 2"),
        ("cut in the attachment", shortened(30), "mime-truncated", "part 2"),
        ("cut in the root", shortened(good.body.len() - 100), "mime-truncated", "part 1"),
        ("empty", shortened(good.body.len()), "mime-no-boundary", ""),
        ("no boundary parameter", typed("multipart/related; type=\"text/xml\""), "boundary-missing", ""),
        ("a boundary that does not come", typed("multipart/related; boundary=tuc"), "mime-no-boundary", ""),
        (
            "start names nothing",
            typed("multipart/related; boundary=cut; start=\"<K4NARY@t>\""),
            "root-missing",
            "",
        ),
        (
            "cid to nothing",
            package(related, &[(root_head, lost.as_bytes()), (part, csv)]),
            "attachment-unresolved",
            "",
        ),
        ("no attachment", package(related, &[(root_head, unnamed.as_bytes())]), "attachment-missing", ""),
        (
            "two and no pointer",
            package(related, &[(root_head, unnamed.as_bytes()), (part, csv), other]),
            "attachment-ambiguous",
            "",
        ),
        (
            "another before the root",
            package(related, &[other, (root_head, root.as_bytes()), (part, csv)]),
            "attachment-order",
            "part 3",
        ),
        (
            "a second csv behind the one that is pointed to",
            package(related, &[(root_head, root.as_bytes()), (part, csv), other]),
            "attachment-second",
            "part 3",
        ),
        (
            "a second csv before the one that is pointed to",
            package(related, &[(root_head, root.as_bytes()), other, (part, csv)]),
            "attachment-second",
            "part 2",
        ),
        (
            "json beside the csv",
            package(
                related,
                &[(root_head, root.as_bytes()), (part, csv), ("Content-Type: application/json\r\n", b"[]")],
            ),
            "attachment-second",
            "part 3",
        ),
        (
            "two of one vague type",
            package(
                related,
                &[
                    (root_head, root.as_bytes()),
                    ("Content-Type: application/octet-stream\r\nContent-ID: <p@t>\r\n", csv),
                    ("Content-Type: application/octet-stream\r\n", csv),
                ],
            ),
            "attachment-second",
            "part 3",
        ),
        (
            "csv beside records in the envelope",
            package(related, &[(root_head, inline.as_bytes()), (part, csv)]),
            "attachment-second",
            "part 2",
        ),
        ("a content-id twice", package(related, &two), "mime-duplicate-content-id", "part 3"),
        (
            "bad base64",
            package(related, &[(root_head, root.as_bytes()), (base64, b"b3JkZXJfaWQ*K4NARY=")]),
            "base64-byte",
            "part 2",
        ),
        (
            "cut base64",
            package(related, &[(root_head, root.as_bytes()), (base64, b"b3JkZXJfaWQsY")]),
            "base64-truncated",
            "part 2",
        ),
        (
            "bad quoted-printable",
            package(related, &[(root_head, root.as_bytes()), (quoted, b"K4NARY=ZZ")]),
            "quoted-printable-escape",
            "part 2",
        ),
        (
            "not 7bit",
            package(related, &[(root_head, root.as_bytes()), (seven, "order_id,名\r\n".as_bytes())]),
            "mime-not-7bit",
            "part 2",
        ),
        (
            "an unknown transfer encoding",
            package(related, &[(root_head, root.as_bytes()), (odd, csv)]),
            "mime-transfer-encoding-unknown",
            "part 2",
        ),
        ("too many parts", package(related, &many), "mime-limit", "part"),
        (
            "a header line that is none",
            package(related, &[("K4NARY\r\n", root.as_bytes())]),
            "mime-header-line",
            "part 1",
        ),
        (
            "bad csv",
            package(related, &[(root_head, root.as_bytes()), (part, b"order_id,K4NARY\r\n")]),
            "csv-header-unknown",
            "part 2, line 1, column 10",
        ),
    ];
    for (name, message, code, place) in cases {
        for request in [message.to("/orders"), message.chunked("/orders", 64)] {
            let (status, found, at) = refused(&site, name, &request, true);
            assert_eq!(found, code, "{name}: {at}");
            assert!(at.starts_with(place), "{name}: {at}");
            assert!([500, 413].contains(&status), "{name}: {status}");
        }
    }
}

#[test]
fn broken_forms() {
    let site = Site::new();
    let csv = b"order_id,customer,amount,note\r\n1,K4NARY,1.00,\r\n";
    let good = form(csv, "text/csv");
    let shortened = |by: usize| Message { body: good.body[..good.body.len() - by].to_vec(), ..good.clone() };
    let bare = Message::rest("multipart/form-data", &good.body);
    let other = Message::rest("multipart/form-data; boundary=tuc", &good.body);
    let no_file = Message::rest(
        "multipart/form-data; boundary=cut",
        b"--cut\r\nContent-Disposition: form-data; name=\"comment\"\r\n\r\nK4NARY\r\n--cut--\r\n",
    );
    let mut endless = b"--cut\r\nX: ".to_vec();
    endless.resize(3 << 20, b'x');
    let endless = Message::rest("multipart/form-data; boundary=cut", &endless);
    let preamble = Message::rest("multipart/form-data; boundary=cut", &vec![b'x'; 3 << 20]);
    for (name, message, status, code) in [
        ("cut in the closing boundary", shortened(4), 400, "form-truncated"),
        ("cut in the file", shortened(12), 400, "form-truncated"),
        ("cut in the head", shortened(good.body.len() - 30), 400, "form-truncated"),
        ("no boundary parameter", bare, 400, "boundary-missing"),
        ("a boundary that does not come", other, 400, "form-truncated"),
        ("no file", no_file, 422, "form-file-missing"),
        ("a field's head without an end", endless, 413, "form-head-too-large"),
        ("no field for a long time", preamble, 413, "form-head-too-large"),
        ("packed and cut in the file", shortened(12).gzipped(), 400, "form-truncated"),
    ] {
        for request in [message.to("/orders"), message.chunked("/orders", 5_000)] {
            let (found_status, found, _) = refused(&site, name, &request, false);
            assert_eq!((found_status, found.as_str()), (status, code), "{name}");
        }
    }
}
