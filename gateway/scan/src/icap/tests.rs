#![allow(clippy::unwrap_used)] // a test says so by failing

use proptest::prelude::*;

use super::*;

const PASSED: &str = "ICAP/1.0 204 No Content\r\nISTag: \"a\"\r\n\r\n";

fn service() -> Service {
    Service { host: "127.0.0.1:1344".to_owned(), path: "/scan".to_owned() }
}

fn options(preview: usize) -> Options {
    Options { preview: Some(preview), tag: None, lifetime: None }
}

fn found(name: &str) -> Result<Said, ScanError> {
    Ok(Said::Verdict(Verdict::Found(Signature::new(name.as_bytes()))))
}

const CLEAN: Result<Said, ScanError> = Ok(Said::Verdict(Verdict::Clean));

/// All of "content" told without a preview, and the answer in pieces of so many bytes.
fn answered(answer: &[u8], step: usize) -> Result<Said, ScanError> {
    let (mut talk, mut out) = (ReqMod::new(service(), None), Vec::new());
    talk.begin(&mut out);
    talk.piece(b"content", &mut out);
    talk.end(&mut out);
    for piece in answer.chunks(step) {
        match talk.read(piece, &mut out)? {
            Said::Nothing => {}
            said => return Ok(said),
        }
    }
    Ok(Said::Nothing)
}

fn back(body: &str) -> String {
    let http = "POST http://content.invalid/ HTTP/1.1\r\nHost: content.invalid\r\n\r\n";
    format!("ICAP/1.0 200 OK\r\nEncapsulated: req-hdr=0, req-body={}\r\n\r\n{http}{body}", http.len())
}

#[test]
fn nothing_but_the_exact_word_lets_content_pass() {
    let nonsense = |what| Err(ScanError::Nonsense(what));
    let blocked = "ICAP/1.0 200 OK\r\nEncapsulated: res-hdr=0, res-body=19\r\n";
    for (answer, said) in [
        (PASSED.to_owned(), CLEAN),
        ("ICAP/1.0 204\r\n\r\n".to_owned(), CLEAN),
        (back("3\r\ncon\r\n4;x=y\r\ntent\r\n0\r\n\r\n"), CLEAN),
        (back("7\r\ncontent\r\n0\r\nX-Trailer: 1\r\n\r\n"), CLEAN),
        (back("8\r\ncontent!x"), found("changed")),
        (back("7\r\nCONTENT\r\n0\r\n\r\n"), found("changed")),
        (back("6\r\nconten\r\n0\r\n\r\n"), found("changed")),
        (back("7\r\ncontent\r\n"), Ok(Said::Nothing)),
        (back("7\r\ncontent8\r\n"), nonsense("a chunk is longer than its size")),
        (back("x\r\n"), nonsense("a chunk has no size")),
        (back("\r\n"), nonsense("a chunk has no size")),
        (back("10000000000000000\r\n"), nonsense("a chunk has no size")),
        (back("7\n"), nonsense("a line between chunks ends in LF")),
        ("ICAP/1.0 200 OK\r\nEncapsulated: req-hdr=0, null-body=2\r\n\r\nxx".to_owned(), found("changed")),
        (format!("{blocked}\r\n"), found("blocked")),
        (
            format!("{blocked}X-Infection-Found: Type=0; Resolution=2; Threat=Eicar-Test;\r\n\r\n"),
            found("Eicar-Test"),
        ),
        (format!("{blocked}x-virus-id: Eicar\r\n\r\n"), found("Eicar")),
        (
            "ICAP/1.0 204 No\r\nX-Infection-Found: Type=0; Resolution=0; Threat=A;\r\n\r\n".to_owned(),
            found("A"),
        ),
        // As c-icap writes it.
        (
            format!(
                "{blocked}X-Violations-Found: 1\r\n\t-\r\n\tB\r\n\t0\r\nX-Infection-Found: Type=0; Threat=B;\r\n\r\n"
            ),
            found("B"),
        ),
        ("ICAP/1.0 204 No\r\nX-Violations-Found: 1\r\n\t-\r\n\r\n".to_owned(), found("violations")),
        (
            "ICAP/1.0 204 No\r\nX-Violations-Found: 1\r\n\ttanaka-hanako.xls\r\n\tB\r\n\t0\r\n\t2\r\n\r\n"
                .to_owned(),
            found("violations"),
        ),
        // It goes on and on.
        (back("7\r\ncontent\r\n1\r\n!"), found("changed")),
        ("ICAP/1.0 200 OK\r\n\r\n".to_owned(), nonsense("200 without a request or an answer in it")),
        (
            "ICAP/1.0 200 OK\r\nEncapsulated: null-body=0\r\n\r\n".to_owned(),
            nonsense("200 without a request or an answer in it"),
        ),
        (
            "ICAP/1.0 200 OK\r\nEncapsulated: req-hdr=1, req-body=9\r\n\r\n".to_owned(),
            nonsense("Encapsulated cannot be read"),
        ),
        (
            "ICAP/1.0 200 OK\r\nEncapsulated: req-hdr=0, req-body=9999999\r\n\r\n".to_owned(),
            nonsense("the headers within the answer are too long"),
        ),
        (
            "ICAP/1.0 200 OK\r\nEncapsulated: res-hdr=0\r\nEncapsulated: req-body=0\r\n\r\n".to_owned(),
            nonsense("Encapsulated stands there twice"),
        ),
        ("ICAP/1.0 100 Continue\r\n\r\n".to_owned(), nonsense("100 Continue, and there was no preview")),
        ("ICAP/1.0 404 Service not found\r\n\r\n".to_owned(), Err(ScanError::Refused(404))),
        ("ICAP/1.0 206 Partial\r\n\r\n".to_owned(), Err(ScanError::Refused(206))),
        ("ICAP/1.0 500 Server error\r\n\r\n".to_owned(), Err(ScanError::Refused(500))),
        ("HTTP/1.1 204 No Content\r\n\r\n".to_owned(), nonsense("the first line is no ICAP status line")),
        ("ICAP/1.0 2040 No\r\n\r\n".to_owned(), nonsense("the first line is no ICAP status line")),
        ("ICAP/1.0 204 No\r\n: x\r\n\r\n".to_owned(), nonsense("a header field has no name")),
        ("ICAP/1.0 204 No\n\n".to_owned(), Ok(Said::Nothing)),
        (format!("ICAP/1.0 204 No\r\nX: {}", "x".repeat(20_000)), nonsense("the head is too long")),
    ] {
        for step in [1, 5, answer.len()] {
            assert_eq!(answered(answer.as_bytes(), step), said, "in steps of {step}: {answer:?}");
        }
    }
}

#[test]
fn who_lets_pass_what_he_has_not_seen_has_not_scanned_it() {
    for (answer, said) in [
        (PASSED.to_owned(), Err(ScanError::Early)),
        (back("1\r\nc\r\n0\r\n\r\n"), Err(ScanError::Early)),
        ("ICAP/1.0 200 OK\r\nEncapsulated: res-hdr=0, null-body=5\r\n\r\n".to_owned(), found("blocked")),
    ] {
        let (mut talk, mut out) = (ReqMod::new(service(), None), Vec::new());
        talk.begin(&mut out);
        talk.piece(b"c", &mut out);
        assert_eq!(talk.read(answer.as_bytes(), &mut out), said, "{answer:?}");
    }
    // It gives back what it gets while it gets it.
    let (mut talk, mut out) = (ReqMod::new(service(), None), Vec::new());
    talk.piece(b"c", &mut out);
    assert_eq!(talk.read(back("1\r\nc\r\n").as_bytes(), &mut out), Ok(Said::Nothing));
    talk.end(&mut out);
    assert_eq!(talk.read(b"0\r\n\r\n", &mut out), CLEAN);
}

#[test]
fn the_preview_is_shown_first_and_the_rest_when_it_is_asked_for() {
    let (mut talk, mut out) = (ReqMod::new(service(), Some(&options(4))), Vec::new());
    talk.begin(&mut out);
    let head = String::from_utf8(std::mem::take(&mut out)).unwrap();
    assert!(head.starts_with("REQMOD icap://127.0.0.1:1344/scan ICAP/1.0\r\n"), "{head}");
    assert!(head.contains("\r\nPreview: 4\r\n") && head.contains("\r\nAllow: 204\r\n"), "{head}");
    let offset: usize = head.split_once("req-body=").unwrap().1.split_once('\r').unwrap().0.parse().unwrap();
    assert_eq!(head.split_once("\r\n\r\n").unwrap().1.len(), offset);
    talk.piece(b"co", &mut out);
    talk.piece(b"nt", &mut out);
    assert!(out.is_empty() && talk.takes_more() && !talk.is_told());
    talk.piece(b"ent", &mut out);
    assert_eq!(std::mem::take(&mut out), b"4\r\ncont\r\n0\r\n\r\n");
    assert!(!talk.takes_more() && talk.is_told());
    assert_eq!(talk.read(b"ICAP/1.0 100 Continue\r\n\r\n", &mut out), Ok(Said::Nothing));
    assert_eq!(std::mem::take(&mut out), b"3\r\nent\r\n");
    assert!(talk.takes_more() && !talk.is_told());
    talk.end(&mut out);
    assert_eq!(std::mem::take(&mut out), b"0\r\n\r\n");
    assert_eq!(talk.read(PASSED.as_bytes(), &mut out), CLEAN);
    assert_eq!(talk.tag(), Some("a"));
}

#[test]
fn what_fits_into_the_preview_is_told_with_it() {
    for (content, told) in [(&b"cont"[..], "4\r\ncont\r\n0; ieof\r\n\r\n"), (b"", "0; ieof\r\n\r\n")] {
        let (mut talk, mut out) = (ReqMod::new(service(), Some(&options(4))), Vec::new());
        talk.piece(content, &mut out);
        talk.end(&mut out);
        assert_eq!(out, told.as_bytes());
        assert!(talk.is_told() && !talk.takes_more());
        assert_eq!(talk.read(PASSED.as_bytes(), &mut out), CLEAN);
    }
}

#[test]
fn a_server_may_know_enough_from_the_preview() {
    for (answer, said) in [
        (PASSED.to_owned(), Ok(Said::Verdict(Verdict::CleanInPart))),
        ("ICAP/1.0 200 OK\r\nEncapsulated: res-hdr=0, null-body=5\r\n\r\n".to_owned(), found("blocked")),
        // It cannot give back what it has not seen.
        (back("4\r\ncont\r\n0\r\n\r\n"), found("changed")),
    ] {
        let (mut talk, mut out) = (ReqMod::new(service(), Some(&options(4))), Vec::new());
        talk.piece(b"content", &mut out);
        assert_eq!(talk.read(answer.as_bytes(), &mut out), said, "{answer:?}");
    }
}

#[test]
fn options_say_what_a_service_does() {
    let read = |text: &str| AskOptions::default().read(text.as_bytes());
    let full = "ICAP/1.0 200 OK\r\nMethods: RESPMOD, REQMOD\r\nISTag: \"CI0001\"\r\nPreview: 1024\r\n\
                Options-TTL: 3600\r\nAllow: 204, 206\r\nEncapsulated: null-body=0\r\n\r\n";
    let options = read(full).unwrap().unwrap();
    assert_eq!(options, Options { preview: Some(1024), tag: Some("CI0001".into()), lifetime: Some(3600) });
    assert_eq!(read(&full.replace("Preview: 1024\r\n", "")).unwrap().unwrap().preview, None);
    assert_eq!(read(&full.replace("1024", "99999999")).unwrap().unwrap().preview, Some(32 * 1024));
    assert_eq!(read(&full[..40]), Ok(None));
    assert!(matches!(read(&full.replace(", REQMOD", "")), Err(ScanError::Nonsense(_))));
    assert_eq!(read("ICAP/1.0 404 No\r\n\r\n"), Err(ScanError::Refused(404)));
    let question = String::from_utf8(AskOptions::question(&service())).unwrap();
    assert!(question.starts_with("OPTIONS icap://127.0.0.1:1344/scan ICAP/1.0\r\n"), "{question}");
}

proptest! {
    /// Whatever the pieces and the preview are, the content arrives; a server that gives it back lets it pass.
    #[test]
    fn content_arrives(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3_000), 0..5),
        preview in prop::option::of(0..4_000_usize),
    ) {
        let options = preview.map(options);
        let (mut talk, mut out) = (ReqMod::new(service(), options.as_ref()), Vec::new());
        let (mut sent, mut asked) = (Vec::new(), false);
        for piece in &pieces {
            talk.piece(piece, &mut out);
            if talk.is_told() {
                prop_assert!(!std::mem::replace(&mut asked, true));
                sent = std::mem::take(&mut out);
                prop_assert_eq!(talk.read(b"ICAP/1.0 100 Continue\r\n\r\n", &mut out), Ok(Said::Nothing));
            }
        }
        talk.end(&mut out);
        let content = pieces.concat();
        prop_assert_eq!(asked, preview.is_some_and(|most| content.len() > most));
        let mut came = Vec::new();
        for body in [sent, out] {
            if !body.is_empty() {
                let mut chunks = Chunks::default();
                prop_assert_eq!(chunks.read(&body, |data| { came.extend_from_slice(data); true }), Ok(&[][..]));
                prop_assert!(chunks.has_ended());
            }
        }
        prop_assert_eq!(&came, &content);
        let mut echo = back("").into_bytes();
        chunk(&content, &mut echo);
        echo.extend_from_slice(b"0\r\n\r\n");
        prop_assert_eq!(talk.read(&echo, &mut Vec::new()), CLEAN);
    }
}
