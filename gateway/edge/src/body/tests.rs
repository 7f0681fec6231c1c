use std::convert::Infallible;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::{Full, StreamBody};
use sha2::{Digest, Sha256, Sha512};

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// What is true of the bytes.
fn promise(bytes: &[u8]) -> Promised {
    Promised {
        sha256: Some(Sha256::digest(bytes).into()),
        sha512: Some(Sha512::digest(bytes).into()),
        announced: false,
    }
}

fn unpacking(packed: Vec<u8>, bytes: u64, ratio: u32) -> Unpacked {
    let promised = promise(&packed);
    Unpacked::gzip(RawBody::whole(packed.into(), u64::MAX, &promised), UnpackLimits { bytes, ratio })
}

/// The same, given in pieces of the size; what came out, or what ended it.
fn in_pieces(packed: &[u8], size: usize, bytes: u64, ratio: u32) -> Result<(Vec<u8>, bool), BodyError> {
    let mut pieces = Pieces::new(u64::MAX, &promise(packed), Some(UnpackLimits { bytes, ratio }));
    let mut out = Vec::new();
    for piece in packed.chunks(size) {
        pieces.give(Bytes::copy_from_slice(piece))?;
        while let Some(made) = pieces.take()? {
            assert!(made.len() <= 128 * 1024, "{} bytes at once", made.len());
            out.extend_from_slice(&made);
        }
    }
    out.extend_from_slice(&pieces.end()?.unwrap_or_default());
    Ok((out, pieces.keep_their_digests().is_ok()))
}

fn body_error(error: &io::Error) -> Option<BodyError> {
    error.get_ref()?.downcast_ref::<BodyError>().copied()
}

/// Everything that can be read, and what ended it.
fn drain(mut input: impl Read) -> (Vec<u8>, Option<BodyError>) {
    let mut out = Vec::new();
    let ended = input.read_to_end(&mut out);
    (out, ended.err().map(|error| body_error(&error).unwrap()))
}

#[test]
fn a_body_is_counted_digested_and_limited() {
    let mut body = RawBody::whole(Bytes::from_static(b"abc"), 3, &promise(b"abc"));
    let mut out = String::new();
    body.read_to_string(&mut out).unwrap();
    assert_eq!((out.as_str(), body.bytes_read()), ("abc", 3));
    assert_eq!(body.keeps_its_digests(), Ok(()));
    let (_, error) = drain(RawBody::whole(Bytes::from_static(b"abcd"), 3, &Promised::default()));
    assert_eq!(error, Some(BodyError::TooLarge { max: 3 }));
    let mut pieces = Pieces::new(3, &Promised::default(), None);
    pieces.give(Bytes::from_static(b"ab")).unwrap();
    assert_eq!(pieces.take(), Ok(Some(Bytes::from_static(b"ab"))));
    assert_eq!(pieces.take(), Ok(None));
    assert_eq!(pieces.give(Bytes::from_static(b"cd")), Err(BodyError::TooLarge { max: 3 }));
}

#[test]
fn every_digest_that_is_promised_is_kept() {
    let (good, other) = (promise(b"abc"), promise(b"abd"));
    for (promised, holds) in [
        (Promised::default(), true),
        (good.clone(), true),
        (Promised { sha256: None, ..good.clone() }, true),
        (Promised { sha512: None, ..good.clone() }, true),
        (Promised { sha256: None, ..other.clone() }, false),
        (Promised { sha512: None, ..other.clone() }, false),
        (Promised { sha512: other.sha512, ..good.clone() }, false),
        (Promised { sha256: other.sha256, ..good }, false),
    ] {
        let mut body = RawBody::whole(Bytes::from_static(b"abc"), 3, &promised);
        io::copy(&mut body, &mut io::sink()).unwrap();
        assert_eq!(body.keeps_its_digests().is_ok(), holds, "{promised:?}");
    }
}

const BROKEN: BodyError = BodyError::BrokenChunk { byte: 7 };

#[test]
fn a_channel_that_closes_without_an_end_is_no_whole_body() {
    let data = |text: &'static str| Ok(Frame::Data(Bytes::from_static(text.as_bytes())));
    for (frames, out, error) in [
        (vec![data("ab"), Ok(Frame::End(Promised::default()))], "ab", None),
        (vec![data(""), data("ab")], "ab", Some(BodyError::Gone { came: 2 })),
        (vec![], "", Some(BodyError::Gone { came: 0 })),
        (vec![data("ab"), Err(BROKEN)], "ab", Some(BROKEN)),
    ] {
        let (sender, receiver) = channel();
        let filling = std::thread::spawn(move || {
            for frame in frames {
                sender.blocking_send(frame).unwrap();
            }
        });
        let (read, ended) = drain(RawBody::streamed(receiver, 100, &Promised::default()));
        assert_eq!((read.as_slice(), ended), (out.as_bytes(), error));
        filling.join().unwrap();
    }
}

#[test]
fn gzip_is_unpacked_within_its_bounds() {
    let text = vec![b'x'; 100_000];
    let mut good = unpacking(gzip(&text), 100_000, 200);
    let mut out = Vec::new();
    good.read_to_end(&mut out).unwrap();
    assert_eq!(out, text, "below a mebibyte the ratio is not looked at");
    good.finish().unwrap();
    assert_eq!(good.raw().keeps_its_digests(), Ok(()), "the digest is of what arrived");

    let (_, error) = drain(unpacking(gzip(&text), 99_999, 200));
    assert_eq!(error, Some(BodyError::UnpacksTooLarge { max: 99_999, ratio: 200 }));
    let large = vec![b'x'; 4 << 20];
    let (out, error) = drain(unpacking(gzip(&large), u64::MAX, 200));
    assert_eq!(error, Some(BodyError::UnpacksTooLarge { max: u64::MAX, ratio: 200 }));
    assert!(out.len() as u64 <= RATIO_FROM + 64 * 1024, "it stops soon: {}", out.len());
    let (out, error) = drain(unpacking(gzip(&large), u64::MAX, 2_000));
    assert_eq!((out.len(), error), (large.len(), None));

    for size in [1, 7, 4096, usize::MAX] {
        assert_eq!(in_pieces(&gzip(&text), size, 100_000, 200), Ok((text.clone(), true)), "{size}");
        for (packed, bytes) in [(gzip(&text), 99_999), (gzip(&large), u64::MAX)] {
            let too_large = BodyError::UnpacksTooLarge { max: bytes, ratio: 200 };
            assert_eq!(in_pieces(&packed, size, bytes, 200), Err(too_large), "{size}");
        }
    }
}

/// RFC 1952 §2.2: a file is a series of members, and what they hold is one stream.
#[test]
fn gzip_of_several_members_is_one_body_within_the_same_bounds() {
    let members = [&b"one "[..], b"", b"two ", &[b'x'; 70_000]];
    let whole = members.concat();
    let packed: Vec<u8> = members.iter().flat_map(|member| gzip(member)).collect();
    let mut body = unpacking(packed.clone(), whole.len() as u64, 200);
    let mut out = Vec::new();
    body.read_to_end(&mut out).unwrap();
    assert_eq!(out, whole);
    body.finish().unwrap();
    let over = whole.len() as u64 - 1;
    let (_, error) = drain(unpacking(packed.clone(), over, 200));
    assert_eq!(error, Some(BodyError::UnpacksTooLarge { max: over, ratio: 200 }));
    // The ratio is that of all members together.
    let bombs: Vec<u8> = (0..64).flat_map(|_| gzip(&[b'x'; 100_000])).collect();
    let (out, error) = drain(unpacking(bombs.clone(), u64::MAX, 200));
    assert_eq!(error, Some(BodyError::UnpacksTooLarge { max: u64::MAX, ratio: 200 }));
    assert!(out.len() <= 200 * bombs.len() + 64 * 1024, "it stops soon: {}", out.len());
    for size in [1, 13, usize::MAX] {
        assert_eq!(in_pieces(&packed, size, whole.len() as u64, 200), Ok((whole.clone(), true)), "{size}");
        assert!(in_pieces(&packed, size, over, 200).is_err());
        assert!(in_pieces(&bombs, size, u64::MAX, 200).is_err());
    }
}

#[test]
fn a_damaged_gzip_stream_is_told_from_a_damaged_body() {
    let whole = gzip(b"some text");
    for length in 0..whole.len() {
        let (_, error) = drain(unpacking(whole[..length].to_vec(), 1_000, 200));
        let early = BodyError::BadGzip { fault: GzipFault::EndsEarly, byte: length as u64 };
        assert_eq!(error, Some(early), "{length} bytes of {}", whole.len());
        for size in [1, 1_000] {
            let ended = in_pieces(&whole[..length], size, 1_000, 200);
            // In pieces nobody says whether a checksum is short or wrong.
            let in_check = BodyError::BadGzip { fault: GzipFault::Check, byte: length as u64 };
            let wanted = if length + 8 < whole.len() { early } else { in_check };
            assert_eq!(ended, Err(wanted), "{length} bytes of {}, {size} at once", whole.len());
        }
    }
    let mut damaged = whole.clone();
    let in_check = damaged.len() - 6;
    damaged[in_check] ^= 1;
    let end = whole.len() as u64;
    let (early, data) = (GzipFault::EndsEarly, GzipFault::Data);
    for (more, fault, byte, of_pieces) in [
        (&b"x"[..], early, end + 1, early),
        (&whole[..5], early, end + 5, early),
        (&[0; 100], GzipFault::NoMember, end, GzipFault::NoMember),
        (&damaged, data, 2 * end, GzipFault::Check),
        (&[&damaged[..], &whole].concat(), data, 2 * end, data),
    ] {
        let mut body = unpacking([&whole[..], more].concat(), 1_000, 200);
        let mut out = Vec::new();
        let ended = body.read_to_end(&mut out).and_then(|_| body.finish());
        let wanted = BodyError::BadGzip { fault, byte };
        assert_eq!(body_error(&ended.unwrap_err()), Some(wanted), "{} bytes more", more.len());
        for size in [1, 1_000] {
            let ended = in_pieces(&[&whole[..], more].concat(), size, 1_000, 200);
            let Err(BodyError::BadGzip { fault, byte: found }) = ended else { panic!("{ended:?}") };
            assert_eq!(fault, of_pieces, "{} bytes more, {size} at once", more.len());
            assert!(found >= byte.min(end) && found < byte + 10, "{found} for {byte}");
        }
    }
    for other in [&b"order_id,customer"[..], &[0; 30], &[0x1f, 0x8b, 9, 0, 0, 0, 0, 0, 0, 0, 0]] {
        let not_gzip = BodyError::BadGzip { fault: GzipFault::NotGzip, byte: 0 };
        assert_eq!(drain(unpacking(other.to_vec(), 1_000, 200)).1, Some(not_gzip));
        for size in [1, 1_000] {
            assert_eq!(in_pieces(other, size, 1_000, 200), Err(not_gzip), "{size} at once");
        }
    }
    let raw = RawBody::whole(whole.into(), 5, &Promised::default());
    let (_, error) = drain(Unpacked::gzip(raw, UnpackLimits { bytes: 1_000, ratio: 200 }));
    assert_eq!(error, Some(BodyError::TooLarge { max: 5 }), "the body's own error passes through");
}

#[test]
fn what_was_not_read_is_found_at_the_end() {
    let mut body = Unpacked::Identity(RawBody::whole(Bytes::from_static(b"abc"), 10, &Promised::default()));
    body.read_exact(&mut [0; 2]).unwrap();
    assert!(body.finish().is_err());
}

fn arriving<B>(body: B, idle: Duration) -> Arrival<B>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
    Arrival::new(body, idle, LeastRate { bytes_per_second: 1, window: Duration::from_secs(600) })
}

#[tokio::test]
async fn a_pump_says_whether_the_body_was_read_to_its_end() {
    let (sender, mut receiver) = channel();
    let body = Full::new(Bytes::from_static(b"abc"));
    let pumping = tokio::spawn(pump(arriving(body, Duration::from_secs(9)), sender));
    assert!(matches!(receiver.recv().await, Some(Ok(Frame::Data(data))) if data == "abc"));
    assert!(matches!(receiver.recv().await, Some(Ok(Frame::End(_)))));
    assert!(pumping.await.unwrap());

    // A reader that goes away in the middle ends the pump, even where nothing comes.
    let never =
        StreamBody::new(futures_util::stream::pending::<Result<http_body::Frame<Bytes>, Infallible>>());
    let (sender, receiver) = channel();
    let pumping = tokio::spawn(pump(arriving(never, Duration::from_secs(99)), sender));
    drop(receiver);
    assert!(!pumping.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_falls_silent_is_given_up() {
    let never =
        StreamBody::new(futures_util::stream::pending::<Result<http_body::Frame<Bytes>, Infallible>>());
    let (sender, mut receiver) = channel();
    let idle = Duration::from_secs(60);
    let pumping = tokio::spawn(pump(arriving(never, idle), sender));
    assert!(matches!(receiver.recv().await, Some(Err(BodyError::Idle(after))) if after == idle));
    assert!(!pumping.await.unwrap());
}

#[test]
fn the_filters_error_is_found_beneath_hypers() {
    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);
    let broken = Outer(io::Error::new(io::ErrorKind::InvalidData, BrokenChunk { byte: 7 }));
    assert_eq!(classify(&broken, 3), BROKEN);
    assert_eq!(classify(&Outer(io::ErrorKind::UnexpectedEof.into()), 3), BodyError::Gone { came: 3 });
}
