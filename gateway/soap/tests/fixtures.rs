//! Requests as real SOAP stacks send them, read from the bytes on the wire to the CSV in them.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use sekisho_charset::Encoding;
use sekisho_soap::envelope::EnvelopeOptions;
use sekisho_soap::message::{Payload, Submission, SubmissionShape};
use sekisho_soap::{EnvelopeReader, MediaType, MultipartReader, PartLimits, Version, same_content_id};
use sekisho_xml::decode_document;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn orders() -> Vec<u8> {
    std::fs::read(folder().join("orders.csv")).expect("the CSV that every client sent")
}

/// One line of `INDEX.tsv`: what another program found in the request.
struct Known {
    file: String,
    media: String,
    parts: usize,
    part_types: String,
    csv: String,
}

fn index() -> Vec<Known> {
    let text = std::fs::read_to_string(folder().join("INDEX.tsv")).expect("the index");
    let known: Vec<Known> = text
        .lines()
        .skip(1)
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            Known {
                file: columns[0].into(),
                media: columns[4].into(),
                parts: columns[8].parse().expect("a number"),
                part_types: columns[9].into(),
                csv: columns[10].into(),
            }
        })
        .collect();
    assert_eq!(known.len(), 38);
    known
}

struct Request {
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Request {
    fn load(file: &str) -> Request {
        let bytes = std::fs::read(folder().join(file)).expect("a fixture");
        let split = memchr::memmem::find(&bytes, b"\r\n\r\n").expect("the end of the head");
        let head = std::str::from_utf8(&bytes[..split]).expect("an ASCII head");
        let headers: BTreeMap<String, String> = head
            .lines()
            .skip(1)
            .map(|line| line.split_once(':').expect("a header"))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut body = bytes[split + 4..].to_vec();
        if headers.get("transfer-encoding").is_some_and(|value| value == "chunked") {
            body = unchunked(&body);
        }
        if headers.get("content-encoding").is_some_and(|value| value == "gzip") {
            let mut unpacked = Vec::new();
            flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut unpacked).expect("gzip");
            body = unpacked;
        }
        Request { headers, body }
    }

    fn media(&self) -> MediaType {
        MediaType::parse(&self.headers["content-type"]).expect("a media type")
    }
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = memchr::memmem::find(bytes, b"\r\n").expect("a chunk's size");
        let size = std::str::from_utf8(&bytes[..end]).expect("ASCII");
        let size = usize::from_str_radix(size.split(';').next().unwrap_or_default(), 16).expect("a size");
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&bytes[end + 2..end + 2 + size]);
        bytes = &bytes[end + 2 + size + 2..];
    }
}

/// The liberties that a request needs; none but these two do.
fn limits(file: &str) -> PartLimits {
    PartLimits {
        bare_line_feed: file == "curl-swa-lf.http",
        eight_bit_unlabelled: matches!(file, "curl-swa-lf.http" | "curl-form-data.http"),
        ..PartLimits::default()
    }
}

/// What a message says, and the payload found by its own words.
#[derive(Debug)]
struct Message {
    version: Version,
    operation: String,
    reference: Option<String>,
    payload: Payload,
    inline: Option<Vec<u8>>,
}

fn message(body: impl Read, media: &MediaType) -> Message {
    let charset = media.charset().map(|label| Encoding::from_label(label).expect("a known charset"));
    let input = BufReader::new(decode_document(body, charset).expect("a document"));
    let options = EnvelopeOptions { expected: Version::of_media_type(media), ..EnvelopeOptions::default() };
    let mut reader = EnvelopeReader::open(input, &options).expect("an envelope");
    assert!(reader.not_understood(|_| false).is_empty());
    let shape = SubmissionShape::default();
    let mut submission = Submission::read(&mut reader, &shape).expect("a submission");
    let inline = (submission.payload == Payload::Base64).then(|| {
        let mut bytes = Vec::new();
        submission.base64(&mut reader).read_to_end(&mut bytes).expect("base64");
        bytes
    });
    submission.finish(&mut reader, &shape).expect("one payload");
    let version = reader.version();
    let operation = reader.body().map(|child| child.name.to_string()).unwrap_or_default();
    reader.finish().expect("nothing behind the body");
    Message { version, operation, reference: submission.reference, payload: submission.payload, inline }
}

/// Parts as another program found them: `type/encoding`, `-` for no encoding.
type Parts = Vec<(Option<String>, String, Vec<u8>)>;

fn package(request: &Request, limits: PartLimits) -> (Message, Parts) {
    let media = request.media();
    let mut reader = MultipartReader::new(&request.body[..], media.boundary().expect("a boundary"), limits);
    let (mut root, mut parts) = (None, Vec::new());
    while let Some(head) = reader.next_part().expect("a package") {
        let content_type = head.content_type.clone().expect("every client names the type");
        let encoding = head.transfer_encoding.map_or("-", |encoding| encoding.name());
        let label = format!("{}/{encoding}", content_type.essence());
        let mut bytes = Vec::new();
        if head.is_root(media.parameter("start")) {
            let of_root = if content_type.is("text/xml") || content_type.is("application/soap+xml") {
                content_type
            } else {
                media.clone()
            };
            root = Some(message(reader.body(), &of_root));
        } else {
            reader.body().read_to_end(&mut bytes).expect("a body");
        }
        parts.push((head.content_id, label, bytes));
    }
    (root.expect("a root part"), parts)
}

#[test]
fn every_package_gives_its_parts_and_its_payload() {
    let mut packages = 0;
    for known in index().iter().filter(|known| known.media == "multipart/related") {
        let request = Request::load(&known.file);
        let (message, parts) = package(&request, limits(&known.file));
        assert_eq!(parts.len(), known.parts, "{}", known.file);
        let labels: Vec<&str> = parts.iter().map(|(_, label, _)| label.as_str()).collect();
        assert_eq!(labels.join(" "), known.part_types, "{}", known.file);
        assert_eq!(message.operation, "{urn:example:bulk}submitBatch", "{}", known.file);
        assert_eq!(message.reference.as_deref(), Some("B-0001"), "{}", known.file);
        let soap12 = known.file == "curl-swa-soap12.http";
        assert_eq!(message.version, if soap12 { Version::Soap12 } else { Version::Soap11 });

        let others: Vec<_> = parts.iter().filter(|(_, _, body)| !body.is_empty()).collect();
        match &message.payload {
            Payload::Attachment(id) => {
                let named = others
                    .iter()
                    .find(|(own, _, _)| own.as_deref().is_some_and(|own| same_content_id(own, id)));
                let (_, _, body) = named.unwrap_or_else(|| panic!("{}: unresolved", known.file));
                assert_eq!(*body, orders(), "{}", known.file);
            }
            Payload::Unnamed if known.csv == "absent" => assert!(others.is_empty(), "{}", known.file),
            Payload::Unnamed => {
                assert_eq!(others.len(), 1, "{}", known.file);
                assert_eq!(others[0].2, orders(), "{}", known.file);
            }
            other => panic!("{}: {other:?}", known.file),
        }
        packages += 1;
    }
    assert_eq!(packages, 19);
}

#[test]
fn every_plain_message_is_read() {
    let mut messages = 0;
    for known in index().iter().filter(|known| known.media == "text/xml") {
        let request = Request::load(&known.file);
        let message = message(&request.body[..], &request.media());
        assert_eq!(message.operation, "{urn:example:bulk}submitBatch", "{}", known.file);
        assert_eq!(message.reference.as_deref(), Some("B-0001"), "{}", known.file);
        if known.csv.starts_with("inline base64") {
            assert_eq!(message.inline, Some(orders()), "{}", known.file);
        } else {
            assert_eq!(message.payload, Payload::Unnamed, "{}", known.file);
        }
        messages += 1;
    }
    assert_eq!(messages, 11);
}

#[test]
fn form_data_is_a_package_too() {
    let request = Request::load("curl-form-data.http");
    let media = request.media();
    let boundary = media.boundary().expect("a boundary");
    let mut reader = MultipartReader::new(&request.body[..], boundary, limits("curl-form-data.http"));
    let mut names = Vec::new();
    while let Some(head) = reader.next_part().expect("a package") {
        let disposition = head.disposition.expect("form data has one");
        assert_eq!(disposition.kind, "form-data");
        if disposition.filename.as_deref() == Some("orders.csv") {
            let mut body = Vec::new();
            reader.body().read_to_end(&mut body).expect("a body");
            assert_eq!(body, orders());
        }
        names.extend(disposition.name);
    }
    assert_eq!(names, ["envelope", "file"]);
}

#[test]
fn media_types_of_the_others_are_read_as_what_they_are() {
    for known in index() {
        let media = Request::load(&known.file).media();
        assert_eq!(media.essence(), known.media, "{}", known.file);
        assert_eq!(media.kind() == "multipart", media.boundary().is_ok(), "{}", known.file);
    }
}

/// Without liberties the two that break the rules are refused by name, and no other is.
#[test]
fn liberties_are_off_by_default() {
    for known in index().iter().filter(|known| known.media.starts_with("multipart/")) {
        let request = Request::load(&known.file);
        let media = request.media();
        let boundary = media.boundary().expect("a boundary");
        let mut reader = MultipartReader::new(&request.body[..], boundary, PartLimits::default());
        let code = loop {
            match reader.next_part() {
                Ok(None) => break None,
                Err(error) => break Some(error.code()),
                Ok(Some(_)) => {
                    if let Err(error) = reader.body().read_to_end(&mut Vec::new()) {
                        break Some(sekisho_soap::MimeError::from_io(error).code());
                    }
                }
            }
        };
        let expected = match known.file.as_str() {
            "curl-swa-lf.http" => Some("mime-bare-line-feed"),
            "curl-form-data.http" => Some("mime-not-7bit"),
            _ => None,
        };
        assert_eq!(code, expected, "{}", known.file);
    }
}
