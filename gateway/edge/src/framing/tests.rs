use proptest::prelude::*;
use tokio::io::AsyncReadExt;

use super::head::{BodyFraming, HeadLimits, HeadRefusal, vet};
use super::*;

const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

fn hosts() -> OwnHosts {
    OwnHosts::new(Some("127.0.0.1:8080".parse().unwrap()), None)
}

fn verdict(head: &str) -> Result<BodyFraming, HeadRefusal> {
    vet(head.as_bytes(), &HeadLimits::default(), &hosts()).map(|head| head.body)
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
        ("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", TransferCoding),
        ("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x;q=1 ,chunked\r\n\r\n", TransferCoding),
        ("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", AmbiguousLength),
        ("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", AmbiguousLength),
        ("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: , chunked\r\n\r\n", AmbiguousLength),
        ("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", AmbiguousLength),
        (
            "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            AmbiguousLength,
        ),
        ("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", AmbiguousLength),
        ("POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", AmbiguousLength),
        ("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\n", DuplicateField),
        ("GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", DuplicateField),
        ("GET /a HTTP/1.1\r\n\r\n", NoHost),
        ("GET /a HTTP/1.1\r\nHost:\r\n\r\n", NoHost),
        ("GET /a HTTP/1.1\r\nHost: a@b\r\n\r\n", NoHost),
        ("GET /a HTTP/1.1\r\nHost: a b\r\n\r\n", NoHost),
        ("GET /a HTTP/1.1\r\nHost: a/b?c\r\n\r\n", NoHost),
        ("GET /a HTTP/1.1\r\nHost: [::1\r\n\r\n", NoHost),
        ("GET /a HTTP/1.1\r\nHost: a:99999\r\n\r\n", NoHost),
        ("GET /a HTTP/1.0\r\nHost: \"><x\r\n\r\n", NoHost),
        ("GET /a HTTP/1.1\r\nHost : a\r\n\r\n", HeaderField),
        ("GET /a HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", HeaderField),
        ("GET /a HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", HeaderField),
        ("GET /a HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", HeaderField),
        ("GET /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\x0cchunked\r\n\r\n", HeaderField),
        ("GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\x0c\r\n\r\n", HeaderField),
        ("GET /a HTTP/1.1\nHost: a\r\n\r\n", BareLineEnd),
        ("GET /a HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", BareLineEnd),
        ("GET http://elsewhere/ HTTP/1.1\r\nHost: a\r\n\r\n", OtherHost),
        ("GET http://elsewhere/ HTTP/1.1\r\nHost: elsewhere\r\n\r\n", OtherHost),
        ("GET http://127.0.0.1:8080/a HTTP/1.1\r\n\r\n", NoHost),
        ("GET http://127.0.0.1:8080/[a] HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
        ("GET ftp://127.0.0.1:8080/a HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
        ("GET /.refused/head-no-host HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
        ("GET  /a HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
        ("GET /a HTTP/2.0\r\nHost: a\r\n\r\n", HttpVersion),
        ("GET /a HTTP/1.2\r\nHost: a\r\n\r\n", HttpVersion),
        ("PRI * HTTP/2.0\r\n\r\n", HttpVersion),
        ("GET /a HTTP/11\r\nHost: a\r\n\r\n", RequestLine),
        ("GET /a http/1.1\r\nHost: a\r\n\r\n", RequestLine),
        ("GET /a\r\nHost: a\r\n\r\n", RequestLine),
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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let ended_well = runtime.block_on(async { builder.read_to_end(&mut out).await.is_ok() });
    (out, ended_well)
}

/// A stream that yields the input in the given piece sizes, round and round.
fn tokio_test_io(input: &[u8], pieces: &[usize]) -> Framing<Pieces> {
    Framing::new(
        Pieces { data: input.to_vec(), at: 0, sizes: pieces.to_vec(), turn: 0 },
        HeadLimits::default(),
        HEAD_TIMEOUT,
        hosts(),
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
            Just("0\r\nno colon\r\n\r\n"), Just("0\r\nT\r\n\r\n"), Just("0\r\nT : v\r\n\r\n"), Just("0\r\nT: \x7f\r\n\r\n"),
        ],
    ) {
        let input = format!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        let (_, ended_well) = filtered(input.as_bytes(), &pieces);
        prop_assert!(!ended_well);
    }
}

#[test]
fn extensions_and_trailers_end_at_their_limits() {
    let passes = |body: String| {
        let input = format!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        filtered(input.as_bytes(), &[4096]).1
    };
    let extended =
        |chunks: usize| format!("{}0\r\n\r\n", format!("1;{}\r\na\r\n", "x".repeat(100)).repeat(chunks));
    assert!(passes(extended(80)));
    assert!(!passes(extended(81)));
    let trailed = |fields: usize| format!("0\r\n{}\r\n", "T: v\r\n".repeat(fields));
    assert!(passes(trailed(32)));
    assert!(!passes(trailed(33)));
}

#[test]
fn an_endless_head_is_cut_at_the_limit_that_it_passes() {
    let fields: String = (0..65).map(|n| format!("X{n}: a\r\n")).collect();
    for (start, size, stand_in) in [
        ("GET /a HTTP/1.1\r\nHost: a\r\nX: ", 100_000, "/.refused/head-too-large?16384"),
        ("GET /a", 100_000, "/.refused/head-target-too-long?8000"),
        (&format!("GET /a HTTP/1.1\r\n{fields}\r\n"), 0, "/.refused/head-too-many-fields?64"),
        (
            &format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(8_000)),
            0,
            "/.refused/head-target-too-long?8000",
        ),
    ] {
        let mut input = start.as_bytes().to_vec();
        input.resize(size.max(input.len()), b'a');
        for pieces in [4096, 100] {
            let (out, _) = filtered(&input, &[pieces]);
            assert!(out.starts_with(format!("GET {stand_in} ").as_bytes()), "{stand_in}: {out:?}");
        }
    }
    let longest = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(7_999));
    assert_eq!(verdict(&longest), Ok(BodyFraming::None));
}

#[test]
fn an_absolute_form_reaches_the_service_as_a_path_with_the_host_that_it_names() {
    let input =
        "POST http://LOCALHOST:8080/a?b HTTP/1.1\r\nX: y\r\nHOST: other\r\nContent-Length: 2\r\n\r\nab";
    let (out, ended_well) = filtered(input.as_bytes(), &[7]);
    assert!(ended_well);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "POST /a?b HTTP/1.1\r\nHost: LOCALHOST:8080\r\nX: y\r\nContent-Length: 2\r\n\r\nab"
    );
}

#[tokio::test(start_paused = true)]
async fn a_head_has_its_time_from_its_first_byte_on_and_silence_ends_without_a_word() {
    use tokio::io::AsyncWriteExt;
    let began = tokio::time::Instant::now();
    let (server, mut client) = tokio::io::duplex(4096);
    let mut framing = Framing::new(server, HeadLimits::default(), HEAD_TIMEOUT, hosts());
    let reading = tokio::spawn(async move {
        let mut out = String::new();
        framing.read_to_string(&mut out).await.unwrap();
        (out, framing.is_amid_body())
    });
    tokio::time::sleep(HEAD_TIMEOUT / 2).await;
    client.write_all(b"GET /a HTTP/1.1\r\n").await.unwrap();
    tokio::time::sleep(HEAD_TIMEOUT / 2).await;
    client.write_all(b"Host: a\r\n").await.unwrap();
    let (out, amid_body) = reading.await.unwrap();
    assert!(out.starts_with("GET /.refused/head-too-slow?30 "), "{out}");
    assert!(amid_body, "more may come");
    assert_eq!(began.elapsed(), HEAD_TIMEOUT / 2 + HEAD_TIMEOUT);

    let began = tokio::time::Instant::now();
    let (server, mut client) = tokio::io::duplex(4096);
    client.write_all(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut framing = Framing::new(server, HeadLimits::default(), HEAD_TIMEOUT, hosts());
    let mut out = String::new();
    framing.read_to_string(&mut out).await.unwrap();
    assert!(out.starts_with("GET /a ") && !out.contains("refused"), "{out}");
    assert_eq!((framing.is_amid_body(), began.elapsed()), (false, HEAD_TIMEOUT));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_of_its_answer_is_given_up() {
    use tokio::io::AsyncWriteExt;
    let (server, mut client) = tokio::io::duplex(16);
    let mut framing =
        Framing::new(server, HeadLimits::default(), HEAD_TIMEOUT, hosts()).with_write_stall(WRITE_STALL / 4);
    let began = tokio::time::Instant::now();
    let error = framing.write_all(&[0; 100]).await.unwrap_err();
    assert_eq!((error.kind(), began.elapsed()), (io::ErrorKind::TimedOut, WRITE_STALL / 4));

    // One that takes it slowly is not.
    let mut taken = [0; 16];
    client.read_exact(&mut taken).await.unwrap();
    let reading = tokio::spawn(async move {
        let mut whole = Vec::new();
        while whole.len() < 100 {
            tokio::time::advance(WRITE_STALL / 8).await;
            let mut some = [0; 16];
            let n = client.read(&mut some).await.unwrap();
            whole.extend_from_slice(&some[..n]);
        }
        whole.len()
    });
    framing.write_all(&[1; 100]).await.unwrap();
    assert_eq!(reading.await.unwrap(), 100);
}

/// Takes what is written and never gets rid of it, as TLS does over a peer that does not read.
struct Hoarding;

impl AsyncRead for Hoarding {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Hoarding {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_taken_by_the_layer_below_and_not_by_the_peer_stalls_too() {
    let mut framing = Framing::new(Hoarding, HeadLimits::default(), HEAD_TIMEOUT, hosts());
    let began = tokio::time::Instant::now();
    tokio::io::AsyncWriteExt::write_all(&mut framing, b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    let error = tokio::io::AsyncWriteExt::flush(&mut framing).await.unwrap_err();
    assert_eq!((error.kind(), began.elapsed()), (io::ErrorKind::TimedOut, WRITE_STALL));
}
