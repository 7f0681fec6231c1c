//! Mutated requests through everything that reads them: no panic, no endless loop, one verdict however the bytes come.

use std::io::{BufReader, Read};

use sekisho_soap::envelope::EnvelopeOptions;
use sekisho_soap::fault::ReceivedFault;
use sekisho_soap::message::{Answer, Payload, Request, Submission, SubmissionShape};
use sekisho_soap::{EnvelopeReader, MediaType, MimeError, MultipartReader, PartLimits, SoapError};

/// The boundaries of the corpus.
const BOUNDARIES: [&str; 3] = ["MIME_boundary", "b", "uuid:e9cbabb7-f036-4956-b2c3-bbe0572ce287"];

/// Gives one to three bytes at a time.
struct Dribble<'a>(&'a [u8]);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = (self.0.len() % 3 + 1).min(buffer.len()).min(self.0.len());
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

/// Reads the bytes as everything that they could be. This is the whole fuzz target.
fn drive(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(media) = MediaType::parse(text)
    {
        assert_eq!(MediaType::parse(&media.to_string()).as_ref(), Ok(&media));
    }
    for boundary in BOUNDARIES {
        for bare_line_feed in [false, true] {
            let limits = PartLimits { bare_line_feed, ..PartLimits::default() };
            let whole = package(bytes, boundary, limits.clone());
            let dribbled = package(Dribble(bytes), boundary, limits);
            assert_eq!(whole, dribbled);
        }
    }
    let whole = envelope(bytes);
    let dribbled = envelope(Dribble(bytes));
    assert_eq!(whole, dribbled);
}

/// Bytes of the parts, and the verdict.
fn package(input: impl Read, boundary: &str, limits: PartLimits) -> (Vec<Vec<u8>>, String) {
    let mut reader = MultipartReader::new(input, boundary, limits);
    let mut bodies = Vec::new();
    loop {
        match reader.next_part() {
            Ok(None) => return (bodies, "good".into()),
            Err(error) => return (bodies, told(&error)),
            Ok(Some(_)) => {
                let mut body = Vec::new();
                let result = reader.body().read_to_end(&mut body);
                bodies.push(body);
                if let Err(error) = result {
                    return (bodies, told(&MimeError::from_io(error)));
                }
            }
        }
    }
}

fn told(error: &MimeError) -> String {
    assert!(!error.message_ja().is_empty());
    format!("{}: {error}", error.code())
}

fn envelope(input: impl Read) -> Vec<String> {
    let mut bytes = Vec::new();
    BufReader::new(input).read_to_end(&mut bytes).expect("memory does not fail");
    let options = EnvelopeOptions::default();
    let verdict = |result: Result<String, SoapError>| match result {
        Ok(text) => text,
        Err(error) => {
            assert!(!error.message_ja().is_empty());
            format!("{}: {error}", error.code())
        }
    };
    let submission = || {
        let mut reader = EnvelopeReader::open(&bytes[..], &options)?;
        let shape = SubmissionShape::default();
        let mut submission = Submission::read(&mut reader, &shape)?;
        let mut decoded = Vec::new();
        let base64 = match submission.payload {
            Payload::Base64 => submission.base64(&mut reader).read_to_end(&mut decoded).err(),
            _ => None,
        };
        if base64.is_none() {
            submission.finish(&mut reader, &shape)?;
            reader.finish()?;
        }
        Ok(format!("{submission:?} {decoded:?} {base64:?}"))
    };
    let request =
        || Request::read(&mut EnvelopeReader::open(&bytes[..], &options)?).map(|v| format!("{v:?}"));
    let answer = || Answer::read(&mut EnvelopeReader::open(&bytes[..], &options)?).map(|v| format!("{v:?}"));
    let fault =
        || ReceivedFault::read(&mut EnvelopeReader::open(&bytes[..], &options)?).map(|v| format!("{v:?}"));
    vec![verdict(submission()), verdict(request()), verdict(answer()), verdict(fault())]
}

/// Real requests, their bodies, and what our own writers write.
fn corpus() -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut corpus = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the fixtures") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("a fixture");
        if let Some(split) = memchr::memmem::find(&bytes, b"\r\n\r\n") {
            let body = bytes[split + 4..].to_vec();
            if let Some(start) = memchr::memmem::find(&body, b"<?xml") {
                corpus.push(body[start..].to_vec());
            }
            corpus.push(body);
        }
    }
    corpus.push(
        b"--b\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJDREVG\r\nRw==\r\n--b\r\nContent-Transfer-Encoding: \
          quoted-printable\r\nContent-ID: <a@b>\r\n\r\na=3Db=\r\n c \r\n\r\n--b--\r\n"
            .to_vec(),
    );
    corpus.push(
        b"multipart/related; type=\"text/xml\"; start=\"<a\\\"b>\"; boundary=b; charset=utf-8".to_vec(),
    );
    for version in [sekisho_soap::Version::Soap11, sekisho_soap::Version::Soap12] {
        let fault =
            sekisho_soap::Fault::new(sekisho_soap::fault::Who::Sender, "a-code", "id", "en", "日本語");
        corpus.push(fault.write(version));
        let request = Request::BatchErrors { id: "b".into(), from: 1, limit: Some(2) };
        corpus.push(sekisho_soap::envelope::write(version, None, &request.write()));
    }
    corpus
}

/// Pieces that break things more often than random bytes do.
const PIECES: [&[u8]; 24] = [
    b"\r\n",
    b"\n",
    b"\r",
    b"--",
    b"--b",
    b"\r\n--b",
    b"\r\n--b--",
    b"=",
    b"==",
    b"=\r\n",
    b"\0",
    b"\xff",
    b"<",
    b"</",
    b"/>",
    b"<![CDATA[",
    b"]]>",
    b"&",
    b"&#0;",
    b"<!--",
    b"<?x?>",
    b"cid:",
    b"\"",
    b":",
];

fn mutate(random: &mut fastrand::Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = corpus[random.usize(..corpus.len())].clone();
    for _ in 0..random.usize(1..6) {
        let at = random.usize(..=bytes.len());
        let end = random.usize(at..=bytes.len().min(at + 64));
        match random.u8(..6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..at, PIECES[random.usize(..PIECES.len())].iter().copied())),
            3 => drop(bytes.splice(at..end, PIECES[random.usize(..PIECES.len())].iter().copied())),
            4 => {
                let copy = bytes[at..end].to_vec();
                let to = random.usize(..=bytes.len());
                drop(bytes.splice(to..to, copy));
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = random.u8(..);
                }
            }
        }
    }
    bytes
}

/// The number of mutations, and with it the time, can be raised: `FUZZ_RUNS=1000000 FUZZ_SEED=2`.
#[test]
fn mutated_requests_end_in_one_verdict() {
    let number = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
    };
    let corpus = corpus();
    assert!(corpus.len() > 50);
    for bytes in &corpus {
        drive(bytes);
    }
    let mut random = fastrand::Rng::with_seed(number("FUZZ_SEED", 1));
    for _ in 0..number("FUZZ_RUNS", 1500) {
        drive(&mutate(&mut random, &corpus));
    }
}
