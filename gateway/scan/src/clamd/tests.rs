#![allow(clippy::unwrap_used)] // a test says so by failing

use proptest::prelude::*;

use super::*;

fn found(name: &str) -> Result<Said, ScanError> {
    Ok(Said::Verdict(Verdict::Found(Signature::new(name.as_bytes()))))
}

/// Everything told, and the answer in pieces of so many bytes.
fn answered(answer: &[u8], step: usize) -> Result<Said, ScanError> {
    let mut talk = InStream::default();
    talk.end(&mut Vec::new());
    for piece in answer.chunks(step) {
        match talk.read(piece)? {
            Said::Nothing => {}
            said => return Ok(said),
        }
    }
    Ok(Said::Nothing)
}

#[test]
fn nothing_but_the_exact_word_lets_content_pass() {
    let nonsense = |what| Err(ScanError::Nonsense(what));
    let words = nonsense("OK, FOUND or ERROR was expected");
    let stream = nonsense("\"stream: \" was expected");
    for (answer, said) in [
        (&b"stream: OK\0"[..], Ok(Said::Verdict(Verdict::Clean))),
        (b"stream: Eicar-Test-Signature FOUND\0", found("Eicar-Test-Signature")),
        (b"stream: Local.Test.UNOFFICIAL FOUND\0", found("Local.Test.UNOFFICIAL")),
        (b"stream:  FOUND\0", found("")),
        (b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0", Err(ScanError::BeyondItsLimits)),
        (b"INSTREAM size limit exceeded. ERROR\0", Err(ScanError::BeyondItsLimits)),
        (b"stream: Can't allocate memory ERROR\0", Err(ScanError::Failed)),
        (b"stream: ok\0", words.clone()),
        (b"stream: OK \0", words.clone()),
        (b"stream: \0", words.clone()),
        (b"stream: x FOUNDED\0", words),
        (b"OK\0", stream.clone()),
        (b"UNKNOWN COMMAND\0", stream.clone()),
        (b"\0", stream),
        (b"stream: OK", Ok(Said::Nothing)),
        (b"stream: OK\n", Ok(Said::Nothing)),
    ] {
        for step in [1, 3, answer.len().max(1)] {
            assert_eq!(answered(answer, step), said, "{:?}", String::from_utf8_lossy(answer));
        }
    }
    assert_eq!(answered(&[b'x'; 100_000], 100), nonsense("the answer is too long"));
}

#[test]
fn who_lets_pass_what_he_has_not_seen_has_not_scanned_it() {
    let mut talk = InStream::default();
    talk.piece(b"x", &mut Vec::new());
    assert_eq!(talk.read(b"stream: OK\0"), Err(ScanError::Early));
    let mut talk = InStream::default();
    talk.piece(b"x", &mut Vec::new());
    assert_eq!(talk.read(b"stream: Bad FOUND\0"), found("Bad"));
}

#[test]
fn a_pong_is_a_pong() {
    assert_eq!(Ping::default().read(b"PONG\0"), Ok(true));
    assert_eq!(Ping::default().read(b"PON"), Ok(false));
    assert!(Ping::default().read(b"PING\0").is_err());
}

/// The content of a stream as clamd reads it.
fn told(mut bytes: &[u8]) -> Option<Vec<u8>> {
    bytes = bytes.strip_prefix(b"zINSTREAM\0")?;
    let mut content = Vec::new();
    loop {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        if length == 0 {
            return rest.is_empty().then_some(content);
        }
        content.extend_from_slice(rest.get(..length)?);
        bytes = &rest[length..];
    }
}

proptest! {
    /// Whatever the pieces are, the content arrives, and its end is told once.
    #[test]
    fn content_arrives(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..70_000), 0..5)) {
        let (mut talk, mut out) = (InStream::default(), Vec::new());
        talk.begin(&mut out);
        for piece in &pieces {
            prop_assert!(talk.takes_more());
            talk.piece(piece, &mut out);
        }
        talk.end(&mut out);
        prop_assert!(talk.is_told() && !talk.takes_more());
        prop_assert_eq!(told(&out), Some(pieces.concat()));
    }
}
