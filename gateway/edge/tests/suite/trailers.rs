//! What comes behind a body: digests are held to as those of the head are (RFC 9530 section 2), and nothing else is looked at.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256, Sha512};

use crate::record_sets::RecordSet;
use crate::relaying::{answer, call, cloud, site as relay_site};
use crate::site::{DEADLINE, Site};
use crate::ways::{Message, Way, envelope, question};

/// A line of a digest that is right, of one that is wrong, and of one that is none.
struct Lines {
    right256: String,
    right512: String,
    wrong256: String,
    wrong512: String,
}

impl Lines {
    fn of(body: &[u8]) -> Self {
        let line =
            |name: &str, digest: &[u8]| format!("Content-Digest: {name}=:{}:\r\n", STANDARD.encode(digest));
        Self {
            right256: line("sha-256", &Sha256::digest(body)),
            right512: line("sha-512", &Sha512::digest(body)),
            wrong256: line("sha-256", &[7; 32]),
            wrong512: line("sha-512", &[7; 64]),
        }
    }

    /// What may stand behind a body that announced it, and what is said of it.
    fn cases(&self) -> Vec<(String, Option<&'static str>)> {
        let Self { right256, right512, wrong256, wrong512 } = self;
        vec![
            (String::new(), None),
            (right256.clone(), None),
            (right512.replace("Content-Digest", "CONTENT-DIGEST"), None),
            (format!("{right256}X-Other: 1\r\n{right512}"), None),
            (
                "Content-Digest: md5=:AAAA:\r\nContent-Length: 3\r\nTransfer-Encoding: gzip\r\n".to_owned(),
                None,
            ),
            (wrong256.clone(), Some("digest-mismatch")),
            (wrong512.clone(), Some("digest-mismatch")),
            (format!("{right256}{wrong512}"), Some("digest-mismatch")),
            ("Content-Digest: sha-256=K4NARY\r\n".to_owned(), Some("content-digest-invalid")),
            ("Content-Digest: sha-256=:AAAA:\r\n".to_owned(), Some("content-digest-invalid")),
        ]
    }
}

fn announcing(message: &Message) -> Message {
    message.clone().with("Trailer", "X-Other, content-digest")
}

#[track_caller]
fn holds(site: &Site, name: &str, request: Vec<u8>, code: Option<&str>) {
    let mut client = site.client();
    let answer = client.ask(request);
    match code {
        None => assert!(answer.status < 300 && !answer.closes(), "{name}: {answer}"),
        Some(code) => {
            assert_eq!(answer.refused().code, code, "{name}: {answer}");
            assert!(!answer.to_string().contains("K4NARY"), "{name}: {answer}");
        }
    }
    assert!(answer.closes() || client.is_alive(), "{name}");
}

#[test]
fn a_digest_behind_the_body_is_held_to_at_every_door() {
    let site = Site::new();
    for way in Way::ALL {
        let message = way.message(way.payload(&RecordSet::many_orders(3)).as_bytes());
        for message in [message.clone(), message.gzipped()] {
            for (trailers, code) in Lines::of(&message.body).cases() {
                let kept = site.batches().len();
                let request = announcing(&message).chunked_behind("/orders", 100, &trailers);
                holds(&site, &format!("{way:?}, {trailers}"), request, code);
                assert_eq!(site.batches().len(), kept + usize::from(code.is_none()), "{way:?}, {trailers}");
            }
        }
    }
}

#[test]
fn questions_are_held_to_it_as_well() {
    let site = Site::new();
    let message = question("heartbeat", "");
    for (trailers, code) in Lines::of(&message.body).cases() {
        let request = announcing(&message).chunked_behind("/orders", 10, &trailers);
        holds(&site, &trailers, request, code);
    }
}

#[test]
fn digests_of_the_head_and_behind_the_body_must_both_hold() {
    let site = Site::new();
    for way in Way::ALL {
        let message = way.message(way.payload(&RecordSet::many_orders(2)).as_bytes());
        let lines = Lines::of(&message.body);
        let [right, wrong, other] = [&lines.right256, &lines.wrong256, &lines.right512]
            .map(|line| line["Content-Digest: ".len()..].trim_end());
        let mismatch = Some("digest-mismatch");
        for (head, announced, trailers, code) in [
            (right, true, &lines.right256, None),
            (other, true, &lines.right256, None),
            (right, true, &lines.wrong256, mismatch),
            (other, true, &lines.wrong256, mismatch),
            (wrong, true, &lines.right256, mismatch),
            (wrong, true, &lines.right512, mismatch),
            // What is counted for the head is held to without a word before; what is not counted is not passed over.
            (right, false, &lines.right256, None),
            (right, false, &lines.wrong256, mismatch),
            (right, false, &lines.right512, Some("content-digest-unannounced")),
            ("md5=:AAAA:", false, &lines.right256, Some("content-digest-unannounced")),
        ] {
            let message = message.clone().with("Content-Digest", head);
            let message = if announced { announcing(&message) } else { message };
            let name = format!("{way:?}, {head}, {announced}, {trailers}");
            holds(&site, &name, message.chunked_behind("/orders", 64, trailers), code);
        }
    }
}

#[test]
fn a_relay_holds_to_it_and_passes_no_trailers_on() {
    let said = envelope("<done xmlns=\"urn:example:bulk\"/>");
    let cloud = cloud(answer("200 OK", "text/xml", &said));
    let site = relay_site(&cloud);
    let message = call();
    let lines = Lines::of(&message.body);
    for (trailers, code) in lines.cases() {
        let request = announcing(&message).chunked_behind("/relay", 100, &trailers);
        holds(&site, &trailers, request, code);
        if code.is_none() {
            let passed = cloud.received.recv_timeout(DEADLINE).unwrap();
            assert!(passed.ends_with(std::str::from_utf8(&message.body).unwrap()), "{trailers}: {passed}");
            let head = passed.split("\r\n\r\n").next().unwrap().to_ascii_lowercase();
            for field in ["trailer", "digest", "x-other", "transfer-encoding"] {
                assert!(!head.contains(field), "{trailers}: {head}");
            }
        }
    }
    let unannounced = message.chunked_behind("/relay", 100, &lines.right256);
    holds(&site, "unannounced", unannounced, Some("content-digest-unannounced"));
    assert!(cloud.received.try_recv().is_err(), "the cloud was sent nothing else");
    site.assert_nothing_kept();
}

/// Held first and then spooled, or spooled as it comes.
#[test]
fn a_message_that_is_split_is_held_to_it_before_anything_is_kept() {
    let site = Site::edited(crate::awaiting::splits);
    for records in [3, 300] {
        let message = crate::awaiting::call(records).with("Prefer", "wait=0");
        assert_eq!(message.body.len() > 10_000, records == 300, "the route passes 10,000 bytes");
        let lines = Lines::of(&message.body);
        for (trailers, code) in lines.cases() {
            let kept = site.batches().len();
            let request = announcing(&message).chunked_behind("/relay", 1_000, &trailers);
            // Whoever does not wait is told that it is taken, and nothing is done yet.
            holds(
                &site,
                &format!("{records}, {trailers}"),
                request,
                Some(code.unwrap_or("relay-unfinished")),
            );
            assert_eq!(site.batches().len(), kept + usize::from(code.is_none()), "{records}, {trailers}");
        }
        let unannounced = message.chunked_behind("/relay", 1_000, &lines.right256);
        holds(&site, "unannounced", unannounced, Some("content-digest-unannounced"));
    }
}
