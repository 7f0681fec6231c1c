use super::*;

fn at(part: u32, line: u64, byte: u64) -> At {
    At { part, line, byte }
}

/// What it is, the package, code, and part, line and byte.
type Refused = (&'static str, &'static [u8], &'static str, (u32, u64, u64));

/// Encoding, body, what of it was good, code, offset in the body.
type Undecodable = (&'static str, &'static [u8], &'static [u8], &'static str, u64);

/// Packages that are refused.
#[test]
fn refuses_by_name_and_place() {
    let table: &[Refused] = &[
        ("nothing at all", b"", "mime-no-boundary", (0, 1, 0)),
        ("no boundary", b"hello\r\nworld", "mime-no-boundary", (0, 2, 12)),
        ("another boundary", b"--c\r\n\r\nx\r\n--c--", "mime-no-boundary", (0, 4, 15)),
        ("half a boundary", b"--", "mime-no-boundary", (0, 1, 2)),
        ("boundary cut before its line end", b"--b", "mime-no-boundary", (0, 1, 3)),
        ("boundary cut after CR", b"--b\r", "mime-no-boundary", (0, 1, 4)),
        ("only the closing boundary", b"--b--\r\n", "mime-no-part", (0, 2, 7)),
        ("LF after the boundary", b"--b\n\nx\n--b--", "mime-bare-line-feed", (0, 1, 3)),
        ("LF after a header", b"--b\r\nContent-ID: a\n\r\nx", "mime-bare-line-feed", (1, 2, 18)),
        ("LF as the empty line", b"--b\r\n\nx", "mime-bare-line-feed", (1, 2, 5)),
        ("text after the boundary", b"--bc\r\n\r\nx", "mime-boundary-line", (0, 1, 3)),
        ("text after the boundary and a space", b"--b c\r\n\r\nx", "mime-boundary-line", (0, 1, 4)),
        ("one hyphen after the boundary", b"--b-\r\n\r\nx", "mime-boundary-line", (0, 1, 4)),
        ("text after the closing boundary", b"--b\r\n\r\nx\r\n--b--c", "mime-boundary-line", (1, 4, 15)),
        ("CR without LF after the boundary", b"--b\rx", "mime-boundary-line", (0, 1, 4)),
        ("cut in the head", b"--b\r\nContent-ID: a", "mime-truncated", (1, 2, 18)),
        ("cut after the head", b"--b\r\nContent-ID: a\r\n", "mime-truncated", (1, 3, 20)),
        ("cut in the body", b"--b\r\n\r\nabc", "mime-truncated", (1, 3, 10)),
        ("cut in the boundary", b"--b\r\n\r\nabc\r\n-", "mime-truncated", (1, 4, 13)),
        ("cut in the closing boundary", b"--b\r\n\r\nabc\r\n--b-", "mime-truncated", (1, 4, 16)),
        ("no closing boundary", b"--b\r\n\r\nabc\r\n--b\r\n", "mime-truncated", (2, 5, 17)),
        ("header without a colon", b"--b\r\nContent\r\n\r\n", "mime-header-line", (1, 2, 5)),
        ("header without a name", b"--b\r\n: a\r\n\r\n", "mime-header-line", (1, 2, 5)),
        ("space before the colon", b"--b\r\nContent-ID : a\r\n\r\n", "mime-header-line", (1, 2, 5)),
        ("name not ASCII", b"--b\r\nCont\xe9: a\r\n\r\n", "mime-header-line", (1, 2, 5)),
        ("continuation of nothing", b"--b\r\n a: b\r\n\r\n", "mime-header-line", (1, 2, 5)),
        ("boundary in the head", b"--b\r\nA: b\r\n--b--\r\n", "mime-header-line", (1, 3, 11)),
        ("NUL in a header", b"--b\r\nA: \0\r\n\r\n", "mime-header-byte", (1, 2, 5)),
        ("CR in a header", b"--b\r\nA: b\rc\r\n\r\n", "mime-header-byte", (1, 2, 5)),
        ("DEL in a header", b"--b\r\nA: \x7f\r\n\r\n", "mime-header-byte", (1, 2, 5)),
        (
            "Content-Type twice",
            b"--b\r\nContent-Type: a/b\r\ncontent-type: a/b\r\n\r\n",
            "mime-duplicate-header",
            (1, 4, 43),
        ),
        (
            "Content-ID twice",
            b"--b\r\nContent-ID: a\r\nContent-ID: a\r\n\r\n",
            "mime-duplicate-header",
            (1, 4, 35),
        ),
        (
            "encoding twice",
            b"--b\r\nContent-Transfer-Encoding: 8bit\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
            "mime-duplicate-header",
            (1, 4, 71),
        ),
        (
            "location twice",
            b"--b\r\nContent-Location: a\r\nContent-Location: a\r\n\r\n",
            "mime-duplicate-header",
            (1, 4, 47),
        ),
        ("bad Content-Type", b"--b\r\nContent-Type: text\r\n\r\n", "mime-content-type", (1, 3, 25)),
        ("empty Content-Type", b"--b\r\nContent-Type:\r\n\r\n", "mime-content-type", (1, 3, 20)),
        ("Content-Type not ASCII", b"--b\r\nContent-Type: \xff\r\n\r\n", "mime-header-value", (1, 3, 22)),
        ("empty Content-ID", b"--b\r\nContent-ID: <>\r\n\r\n", "mime-header-value", (1, 3, 21)),
        ("space in the Content-ID", b"--b\r\nContent-ID: <a b>\r\n\r\n", "mime-header-value", (1, 3, 24)),
        ("open bracket", b"--b\r\nContent-ID: <a\r\n\r\n", "mime-header-value", (1, 3, 21)),
        (
            "unknown encoding",
            b"--b\r\nContent-Transfer-Encoding: gzip\r\n\r\n",
            "mime-transfer-encoding-unknown",
            (1, 3, 38),
        ),
        (
            "empty encoding",
            b"--b\r\nContent-Transfer-Encoding:\r\n\r\n",
            "mime-transfer-encoding-unknown",
            (1, 3, 33),
        ),
        (
            "Content-ID of another part",
            b"--b\r\nContent-ID: <a>\r\n\r\n\r\n--b\r\nContent-ID: a\r\n\r\n\r\n--b--",
            "mime-duplicate-content-id",
            (2, 8, 48),
        ),
        ("8-bit byte without an encoding", b"--b\r\n\r\nab\xe3\r\n--b--", "mime-not-7bit", (1, 3, 9)),
        (
            "8-bit byte in 7bit",
            b"--b\r\nContent-Transfer-Encoding: 7bit\r\n\r\na\r\nb\x80\r\n--b--",
            "mime-not-7bit",
            (1, 5, 44),
        ),
    ];
    for (what, package, code, (part, line, byte)) in table {
        let outcome = read(package, PartLimits::default());
        assert_eq!(outcome.error, Some((*code, at(*part, *line, *byte))), "{what}");
        let bytewise = Pieces::new(package, &[1]);
        let split = MultipartReader::with_capacity(bytewise, "b", PartLimits::default(), 1);
        assert_eq!(drain(split), outcome, "{what}, byte by byte");
    }
}

/// Bodies that are not in the encoding that they claim.
#[test]
fn refuses_bodies_that_break_their_encoding() {
    let table: &[Undecodable] = &[
        ("base64", b"QUJD*A==", b"ABC", "base64-byte", 4),
        ("base64", b"QUJ\xe3", b"", "base64-byte", 3),
        ("base64", b"QUJDR-", b"ABC", "base64-byte", 5),
        ("base64", b"QUJDR", b"ABC", "base64-truncated", 5),
        ("base64", b"QUJDREU", b"ABC", "base64-truncated", 7),
        ("base64", b"QUJDRA=", b"ABC", "base64-truncated", 7),
        ("base64", b"QUJDRA=\r\n", b"ABC", "base64-truncated", 9),
        ("base64", b"=QUJ", b"", "base64-padding", 0),
        ("base64", b"Q===", b"", "base64-padding", 1),
        ("base64", b"QQ=Q", b"", "base64-padding", 3),
        ("base64", b"QQ==QUJD", b"A", "base64-padding", 4),
        ("base64", b"QQ===", b"A", "base64-padding", 4),
        ("base64", b"QR==", b"", "base64-stray-bits", 3),
        ("base64", b"QUJDQUF=", b"ABC", "base64-stray-bits", 7),
        ("quoted-printable", b"a=4", b"a", "quoted-printable-truncated", 3),
        ("quoted-printable", b"a=", b"a", "quoted-printable-truncated", 2),
        ("quoted-printable", b"a= ", b"a", "quoted-printable-truncated", 3),
        ("quoted-printable", b"a=\r\n=", b"a", "quoted-printable-truncated", 5),
        ("quoted-printable", b"a=4g", b"a", "quoted-printable-escape", 3),
        ("quoted-printable", b"a=g4", b"a", "quoted-printable-escape", 2),
        ("quoted-printable", b"a==", b"a", "quoted-printable-escape", 2),
        ("quoted-printable", b"a= b", b"a", "quoted-printable-escape", 3),
        ("quoted-printable", b"a=\rb", b"a", "quoted-printable-escape", 3),
        ("quoted-printable", b"a=\nb", b"a", "quoted-printable-escape", 2),
        ("quoted-printable", b"a\nb", b"a", "quoted-printable-line-end", 1),
        ("quoted-printable", b"a\rb", b"a", "quoted-printable-line-end", 2),
        ("quoted-printable", b"a\r", b"a", "quoted-printable-line-end", 2),
        ("quoted-printable", b"ab\xe3\x81\x82", b"ab", "quoted-printable-byte", 2),
        ("quoted-printable", b"a\0", b"a", "quoted-printable-byte", 1),
        ("7bit", b"a\r\nb\xff", b"a\r\nb", "mime-not-7bit", 4),
    ];
    for (encoding, body, good, code, offset) in table {
        let head = format!("--b\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n");
        let package = [head.as_bytes(), body, b"\r\n--b--\r\n"].concat();
        for sizes in [vec![], vec![1], vec![3, 2]] {
            let input = Pieces::new(&package, &sizes);
            let outcome = drain(MultipartReader::new(input, "b", PartLimits::default()));
            let shown = String::from_utf8_lossy(body);
            assert_eq!(outcome.parts[0].1, *good, "{encoding} {shown:?}");
            let (found, place) = outcome.error.unwrap_or_else(|| panic!("{encoding} {shown:?} passed"));
            let ended = body.len() as u64 == *offset;
            let line_end = if ended && found != "mime-not-7bit" { 9 } else { 0 };
            assert_eq!(found, *code, "{encoding} {shown:?}");
            let expected = head.len() as u64 + offset + line_end;
            assert!(
                place.byte == expected || (ended && place.byte == head.len() as u64 + offset),
                "{encoding} {shown:?}: byte {} and not {expected}",
                place.byte
            );
        }
    }
    let spaces =
        [b"--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", &b" ".repeat(999)[..]].concat();
    let outcome = read(&spaces, PartLimits::default());
    assert_eq!(outcome.error.unwrap().0, "quoted-printable-white-space");
}

#[test]
fn every_limit_holds() {
    let small = PartLimits {
        parts: 2,
        header_bytes: 30,
        headers: 2,
        preamble_bytes: 10,
        epilogue_bytes: 10,
        ..PartLimits::default()
    };
    let table: &[(&[u8], Option<&str>)] = &[
        (b"0123456789\r\n--b\r\n\r\n\r\n--b\r\n\r\n\r\n--b--\r\n0123456789", None),
        (b"0123456789a\r\n--b\r\n\r\n\r\n--b--", Some("mime-limit")),
        (b"--b\r\n\r\n\r\n--b--\r\n0123456789a", Some("mime-limit")),
        (b"--b\r\n\r\n\r\n--b\r\n\r\n\r\n--b\r\n\r\n\r\n--b--", Some("mime-limit")),
        (b"--b\r\nA: 1\r\nB: 2\r\n\r\n\r\n--b--", None),
        (b"--b\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n\r\n--b--", Some("mime-limit")),
        (b"--b\r\nA: 01234567890123456789012\r\n\r\n\r\n--b--", None),
        (b"--b\r\nA: 012345678901234567890123\r\n\r\n\r\n--b--", Some("mime-limit")),
        (b"--b\r\nA: 0123456789\r\n 0123456789a\r\n\r\n\r\n--b--", Some("mime-limit")),
        (b"--b\r\nA: 0123456789012345678901234567890", Some("mime-limit")),
    ];
    for (package, code) in table {
        let outcome = read(package, small.clone());
        let bytewise = MultipartReader::with_capacity(Pieces::new(package, &[1]), "b", small.clone(), 1);
        assert_eq!(drain(bytewise), outcome, "{}", String::from_utf8_lossy(package));
        assert_eq!(outcome.error.map(|(code, _)| code), *code, "{}", String::from_utf8_lossy(package));
    }
    // An endless header line costs no more than the limit.
    let endless = b"--b\r\nA: ".chain(io::repeat(b'a'));
    let outcome = drain(MultipartReader::new(endless, "b", PartLimits::default()));
    let (code, place) = outcome.error.unwrap();
    assert!(code == "mime-limit" && place.byte < 128 * 1024);
    // So does an endless preamble, and boundary padding.
    let outcome = drain(MultipartReader::new(io::repeat(b'a'), "b", PartLimits::default()));
    assert_eq!(outcome.error.unwrap().0, "mime-limit");
    let outcome = drain(MultipartReader::new(b"--b".chain(io::repeat(b' ')), "b", PartLimits::default()));
    assert_eq!(outcome.error.unwrap().0, "mime-boundary-line");
}
