use std::io::Read;

use proptest::prelude::*;

use super::*;
use crate::{MediaType, MultipartReader, PartLimits};

fn package(packaging: Packaging, version: Version, bodies: &[Vec<u8>]) -> (String, Vec<u8>) {
    let mut writer = Writer::start(Vec::new(), version, packaging, b"<envelope/>").unwrap();
    let content_type = writer.content_type().to_owned();
    for (i, body) in bodies.iter().enumerate() {
        let content_id = format!("part{i}@example.test");
        let label = PartLabel {
            content_type: "text/csv; charset=Shift_JIS",
            content_id: &content_id,
            filename: Some("a\"b.csv"),
        };
        writer.part(&label).unwrap();
        writer.write_all(body).unwrap();
    }
    (content_type, writer.finish().unwrap())
}

#[test]
fn the_root_is_first_and_named() {
    for (packaging, version, root_type) in [
        (Packaging::Swa, Version::Soap11, "text/xml"),
        (Packaging::Swa, Version::Soap12, "application/soap+xml"),
        (Packaging::Mtom, Version::Soap11, "application/xop+xml"),
        (Packaging::Mtom, Version::Soap12, "application/xop+xml"),
    ] {
        let (content_type, bytes) = package(packaging, version, &[]);
        let media = MediaType::parse(&content_type).unwrap();
        assert!(media.is("multipart/related"));
        assert_eq!(media.parameter("type"), Some(root_type));
        assert_eq!(Version::of_media_type(&media), Some(version));
        let mut reader = MultipartReader::new(&bytes[..], media.boundary().unwrap(), PartLimits::default());
        let root = reader.next_part().unwrap().unwrap();
        assert!(root.is_root(media.parameter("start")) && root.index == 0);
        assert_eq!(root.transfer_encoding.map(|e| e.name()), Some("8bit"));
        assert!(root.content_type.unwrap().is(root_type));
        let mut body = String::new();
        reader.body().read_to_string(&mut body).unwrap();
        assert_eq!(body, "<envelope/>");
        assert!(reader.next_part().unwrap().is_none());
    }
}

#[test]
fn labels_cannot_break_out_of_their_header() {
    for (content_type, content_id, filename) in [
        ("text/csv\r\nX: y", "a@b", None),
        ("text/csv", "a@b>\r\n", None),
        ("text/csv", "a b", None),
        ("text/csv", "", None),
        ("text/csv", "a@b", Some("a\r\nb")),
    ] {
        let mut writer = Writer::start(Vec::new(), Version::Soap11, Packaging::Swa, b"").unwrap();
        let error = writer.part(&PartLabel { content_type, content_id, filename }).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}

#[test]
fn boundaries_differ() {
    let [a, b] = [(); 2].map(|()| package(Packaging::Swa, Version::Soap11, &[]).0);
    assert_ne!(a, b);
}

proptest! {
    /// As many attachments come out as went in, in order, every byte the same.
    #[test]
    fn what_is_written_reads_back(
        bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..3000), 0..4),
    ) {
        let (content_type, bytes) = package(Packaging::Mtom, Version::Soap12, &bodies);
        let media = MediaType::parse(&content_type).unwrap();
        let mut reader = MultipartReader::new(&bytes[..], media.boundary().unwrap(), PartLimits::default());
        reader.next_part().unwrap();
        for (i, expected) in bodies.iter().enumerate() {
            let head = reader.next_part().unwrap().unwrap();
            prop_assert_eq!(head.content_id, Some(format!("part{i}@example.test")));
            let disposition = head.disposition.unwrap();
            prop_assert_eq!(disposition.filename.as_deref(), Some("a\"b.csv"));
            let mut body = Vec::new();
            reader.body().read_to_end(&mut body).unwrap();
            prop_assert_eq!(&body, expected);
        }
        prop_assert!(reader.next_part().unwrap().is_none());
    }
}
