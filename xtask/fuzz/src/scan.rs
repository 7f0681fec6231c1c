//! What scanners answer.

use sekisho_scan::clamd::InStream;
use sekisho_scan::icap::{AskOptions, Options, ReqMod, Service};
use sekisho_scan::{Said, ScanError, Talk, Verdict};

/// An answer of clamd to a content that it has whole.
pub(crate) fn clamd(bytes: &[u8]) {
    let said = once(bytes, || {
        let mut talk = Talk::Clamd(InStream::default());
        talk.end(&mut Vec::new());
        talk
    });
    let clean = said == Ok(Said::Verdict(Verdict::Clean));
    assert_eq!(clean, bytes.starts_with(b"stream: OK\0"));
}

/// What an ICAP server says of a content: the first byte is how much of it there is, and whether the server wanted a preview.
pub(crate) fn icap(bytes: &[u8]) {
    let Some((&shape, answer)) = bytes.split_first() else { return };
    let service = || Service { host: "127.0.0.1:1344".to_owned(), path: "/scan".to_owned() };
    let preview = [None, Some(0), Some(4), Some(1_024)][usize::from(shape % 4)];
    let content = &b"content"[..usize::from(shape / 4 % 8)];
    let options = preview.map(|bytes| Options { preview: Some(bytes), tag: None, lifetime: None });
    let said = once(answer, || {
        let mut talk = Talk::Icap(Box::new(ReqMod::new(service(), options.as_ref())));
        talk.piece(content, &mut Vec::new());
        talk.end(&mut Vec::new());
        talk
    });
    if said == Ok(Said::Verdict(Verdict::Clean)) {
        let good = [&b"ICAP/1.0 204"[..], b"ICAP/1.0 200", b"ICAP/1.0 100"];
        assert!(good.iter().any(|good| answer.starts_with(good)), "clean without the word for it");
    }
    let read = AskOptions::default().read(answer);
    let mut ask = AskOptions::default();
    let by_bytes = answer.chunks(1).map(|byte| ask.read(byte)).find(|read| *read != Ok(None));
    assert_eq!(read, by_bytes.unwrap_or(Ok(None)), "options depend on how they come");
}

/// What is said in the end, which does not depend on how the bytes come.
fn once(bytes: &[u8], begun: impl Fn() -> Talk) -> Result<Said, ScanError> {
    let read = |step: usize| {
        let (mut talk, mut told) = (begun(), Vec::new());
        for piece in bytes.chunks(step) {
            let said = talk.read(piece, &mut told);
            // After its preview the content is at its end.
            if talk.takes_more() {
                talk.end(&mut told);
            }
            if said != Ok(Said::Nothing) {
                return said;
            }
        }
        Ok(Said::Nothing)
    };
    let whole = read(bytes.len().max(1));
    for step in [1, 2, 7] {
        let early = |said: &Result<Said, ScanError>| *said == Err(ScanError::Early);
        let stepped = read(step);
        // What comes in one piece with the question for the rest comes before the rest is sent.
        assert!(stepped == whole || early(&whole), "in steps of {step}: {stepped:?}, at once: {whole:?}");
    }
    whole
}
