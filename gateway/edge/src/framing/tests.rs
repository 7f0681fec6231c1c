use proptest::prelude::*;
use tokio::io::AsyncReadExt;

use super::head::{BodyFraming, HeadLimits, HeadRefusal, vet};
use super::*;

fn verdict(head: &str) -> Result<BodyFraming, HeadRefusal> {
    vet(head.as_bytes(), &HeadLimits::default())
}

#[test]
fn heads_that_pass_say_how_their_body_is_delimited() {
    for (head, framing) in [
        ("GET /a HTTP/1.1\r\nHost: a\r\n\r\n", BodyFraming::None),
        ("POST /a HTTP/1.0\r\n\r\n", BodyFraming::None),
        ("POST /a HTTP/1.0\r\nContent-Length: 12\r\n\r\n", BodyFraming::Length(12)),
        ("POST /a?wsdl HTTP/1.1\r\nhost: a\r\ncontent-length:  7 \r\n\r\n", BodyFraming::Length(7)),
        ("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", BodyFraming::Chunked),
        ("POST /a HTTP/1.1\r\nHost: a\r\nX-Note: \u{3042}\r\n\r\n", BodyFraming::None),
    ] {
        assert_eq!(verdict(head), Ok(framing), "{head:?}");
    }
}

#[test]
fn heads_that_could_be_read_in_two_ways_are_refused() {
    use HeadRefusal::*;
    for (head, refusal) in [
        (
            "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            AmbiguousLength,
        ),
        ("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", AmbiguousLength),
        ("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", AmbiguousLength),
        ("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n", AmbiguousLength),
        ("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", AmbiguousLength),
        ("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", AmbiguousLength),
        ("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", AmbiguousLength),
        ("POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", AmbiguousLength),
        ("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\n", DuplicateField),
        ("GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", DuplicateField),
        ("GET /a HTTP/1.1\r\n\r\n", NoHost),
        ("GET /a HTTP/1.1\r\nHost : a\r\n\r\n", HeaderField),
        ("GET /a HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", HeaderField),
        ("GET /a HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", HeaderField),
        ("GET /a HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", HeaderField),
        ("GET /a HTTP/1.1\nHost: a\r\n\r\n", BareLineEnd),
        ("GET /a HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", BareLineEnd),
        ("GET http://elsewhere/ HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
        ("GET  /a HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
        ("GET /a HTTP/2.0\r\nHost: a\r\n\r\n", RequestLine),
        ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
        ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
        ("GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
        ("GET /{a} HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
        ("GET /\u{3042} HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
    ] {
        assert_eq!(verdict(head), Err(refusal), "{head:?}");
    }
}

/// Reads everything that the filter lets through when the input comes in pieces of the given sizes.
fn filtered(input: &[u8], pieces: &[usize]) -> (Vec<u8>, bool) {
    let mut builder = tokio_test_io(input, pieces);
    let mut out = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let ended_well = runtime.block_on(async { builder.read_to_end(&mut out).await.is_ok() });
    (out, ended_well)
}

/// A stream that yields the input in the given piece sizes, round and round.
fn tokio_test_io(input: &[u8], pieces: &[usize]) -> Framing<Pieces> {
    Framing::new(
        Pieces { data: input.to_vec(), at: 0, sizes: pieces.to_vec(), turn: 0 },
        HeadLimits::default(),
    )
}

#[derive(Debug)]
struct Pieces {
    data: Vec<u8>,
    at: usize,
    sizes: Vec<usize>,
    turn: usize,
}

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let size = self.sizes[self.turn % self.sizes.len()].max(1);
        self.turn += 1;
        let n = size.min(buf.remaining()).min(self.data.len() - self.at);
        let at = self.at;
        buf.put_slice(&self.data[at..at + n]);
        self.at += n;
        Poll::Ready(Ok(()))
    }
}

const TWO: &[u8] =
    b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nT: v\r\n\r\n\
POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /c HTTP/1.1\r\nHost: a\r\n\r\n";

proptest! {
    #[test]
    fn good_streams_pass_unchanged_however_they_are_cut(pieces in proptest::collection::vec(1usize..40, 1..6)) {
        let (out, ended_well) = filtered(TWO, &pieces);
        prop_assert!(ended_well);
        prop_assert_eq!(out, TWO);
    }

    #[test]
    fn a_bad_second_head_is_replaced_and_nothing_of_it_passes(pieces in proptest::collection::vec(1usize..40, 1..6)) {
        let input = b"POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\
POST /secret HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nmore";
        let (out, ended_well) = filtered(input, &pieces);
        prop_assert!(ended_well);
        let text = String::from_utf8(out).unwrap();
        prop_assert!(!text.contains("secret"));
        prop_assert!(text.contains("/.refused/head-ambiguous-length"));
    }

    #[test]
    fn broken_chunks_end_the_stream_with_an_error(
        pieces in proptest::collection::vec(1usize..40, 1..6),
        body in prop_oneof![
            Just("5\r\nhelloX\r\n0\r\n\r\n"), Just("-5\r\nhello\r\n0\r\n\r\n"), Just("5\nhello\r\n0\r\n\r\n"),
            Just("\r\n"), Just("5 \r\nhello\r\n0\r\n\r\n"), Just("0\r\n\nX"), Just("1000000000000000\r\n"),
        ],
    ) {
        let input = format!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        let (_, ended_well) = filtered(input.as_bytes(), &pieces);
        prop_assert!(!ended_well);
    }
}

#[test]
fn an_endless_head_is_cut_at_the_limit() {
    let mut input = b"GET /a HTTP/1.1\r\nHost: a\r\nX: ".to_vec();
    input.resize(100_000, b'a');
    let (out, _) = filtered(&input, &[4096]);
    assert!(out.starts_with(b"GET /.refused/head-too-large"));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_of_its_answer_is_given_up() {
    use tokio::io::AsyncWriteExt;
    let (server, mut client) = tokio::io::duplex(16);
    let mut framing = Framing::new(server, HeadLimits::default());
    let began = tokio::time::Instant::now();
    let error = framing.write_all(&[0; 100]).await.unwrap_err();
    assert_eq!((error.kind(), began.elapsed()), (io::ErrorKind::TimedOut, WRITE_STALL));

    // One that takes it slowly is not.
    let mut taken = [0; 16];
    client.read_exact(&mut taken).await.unwrap();
    let reading = tokio::spawn(async move {
        let mut whole = Vec::new();
        while whole.len() < 100 {
            tokio::time::advance(WRITE_STALL / 2).await;
            let mut some = [0; 16];
            let n = client.read(&mut some).await.unwrap();
            whole.extend_from_slice(&some[..n]);
        }
        whole.len()
    });
    framing.write_all(&[1; 100]).await.unwrap();
    assert_eq!(reading.await.unwrap(), 100);
}
