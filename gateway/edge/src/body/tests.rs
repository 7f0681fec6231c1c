use std::convert::Infallible;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::{Full, StreamBody};

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn unpacking(packed: Vec<u8>, bytes: u64, ratio: u32) -> Unpacked {
    Unpacked::gzip(RawBody::whole(packed.into(), u64::MAX, true), UnpackLimits { bytes, ratio })
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
    let mut body = RawBody::whole(Bytes::from_static(b"abc"), 3, true);
    let mut out = String::new();
    body.read_to_string(&mut out).unwrap();
    assert_eq!((out.as_str(), body.bytes_read()), ("abc", 3));
    assert_eq!(body.sha256(), Some(Sha256::digest(b"abc").into()));
    let (_, error) = drain(RawBody::whole(Bytes::from_static(b"abcd"), 3, false));
    assert_eq!(error, Some(BodyError::TooLarge { max: 3 }));
}

#[test]
fn a_channel_that_closes_without_an_end_is_no_whole_body() {
    let data = |text: &'static str| Ok(Frame::Data(Bytes::from_static(text.as_bytes())));
    for (frames, out, error) in [
        (vec![data("ab"), Ok(Frame::End)], "ab", None),
        (vec![data(""), data("ab")], "ab", Some(BodyError::Gone)),
        (vec![], "", Some(BodyError::Gone)),
        (vec![data("ab"), Err(BodyError::BrokenChunk)], "ab", Some(BodyError::BrokenChunk)),
    ] {
        let (sender, receiver) = channel();
        let filling = std::thread::spawn(move || {
            for frame in frames {
                sender.blocking_send(frame).unwrap();
            }
        });
        let (read, ended) = drain(RawBody::streamed(receiver, 100, false));
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
    assert_eq!(
        good.raw().sha256(),
        Some(Sha256::digest(gzip(&text)).into()),
        "the digest is of what arrived"
    );

    let (_, error) = drain(unpacking(gzip(&text), 99_999, 200));
    assert_eq!(error, Some(BodyError::UnpacksTooLarge { max: 99_999, ratio: 200 }));
    let large = vec![b'x'; 4 << 20];
    let (out, error) = drain(unpacking(gzip(&large), u64::MAX, 200));
    assert_eq!(error, Some(BodyError::UnpacksTooLarge { max: u64::MAX, ratio: 200 }));
    assert!(out.len() as u64 <= RATIO_FROM + 64 * 1024, "it stops soon: {}", out.len());
    let (out, error) = drain(unpacking(gzip(&large), u64::MAX, 2_000));
    assert_eq!((out.len(), error), (large.len(), None));
}

#[test]
fn a_damaged_gzip_stream_is_told_from_a_damaged_body() {
    let whole = gzip(b"some text");
    for length in 0..whole.len() {
        let (_, error) = drain(unpacking(whole[..length].to_vec(), 1_000, 200));
        assert_eq!(error, Some(BodyError::BadGzip), "{length} bytes of {}", whole.len());
    }
    for more in [&b"x"[..], &whole, &[0; 100]] {
        let mut body = unpacking([&whole[..], more].concat(), 1_000, 200);
        let mut out = Vec::new();
        let ended = body.read_to_end(&mut out).and_then(|_| body.finish());
        assert_eq!(body_error(&ended.unwrap_err()), Some(BodyError::BadGzip), "{} bytes more", more.len());
    }
    let raw = RawBody::whole(whole.into(), 5, false);
    let (_, error) = drain(Unpacked::gzip(raw, UnpackLimits { bytes: 1_000, ratio: 200 }));
    assert_eq!(error, Some(BodyError::TooLarge { max: 5 }), "the body's own error passes through");
}

#[test]
fn what_was_not_read_is_found_at_the_end() {
    let mut body = Unpacked::Identity(RawBody::whole(Bytes::from_static(b"abc"), 10, false));
    body.read_exact(&mut [0; 2]).unwrap();
    assert!(body.finish().is_err());
}

#[tokio::test]
async fn a_pump_says_whether_the_body_was_read_to_its_end() {
    let (sender, mut receiver) = channel();
    let pumping = tokio::spawn(pump(Full::new(Bytes::from_static(b"abc")), Duration::from_secs(9), sender));
    assert!(matches!(receiver.recv().await, Some(Ok(Frame::Data(data))) if data == "abc"));
    assert!(matches!(receiver.recv().await, Some(Ok(Frame::End))));
    assert!(pumping.await.unwrap());

    // A reader that goes away in the middle ends the pump, even where nothing comes.
    let never =
        StreamBody::new(futures_util::stream::pending::<Result<http_body::Frame<Bytes>, Infallible>>());
    let (sender, receiver) = channel();
    let pumping = tokio::spawn(pump(never, Duration::from_secs(99), sender));
    drop(receiver);
    assert!(!pumping.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_falls_silent_is_given_up() {
    let never =
        StreamBody::new(futures_util::stream::pending::<Result<http_body::Frame<Bytes>, Infallible>>());
    let (sender, mut receiver) = channel();
    let idle = Duration::from_secs(60);
    let pumping = tokio::spawn(pump(never, idle, sender));
    assert!(matches!(receiver.recv().await, Some(Err(BodyError::Idle(after))) if after == idle));
    assert!(!pumping.await.unwrap());
}

#[test]
fn the_filters_error_is_found_beneath_hypers() {
    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);
    let broken = Outer(io::Error::new(io::ErrorKind::InvalidData, BrokenChunk));
    assert_eq!(classify(&broken), BodyError::BrokenChunk);
    assert_eq!(classify(&Outer(io::ErrorKind::UnexpectedEof.into())), BodyError::Gone);
}
