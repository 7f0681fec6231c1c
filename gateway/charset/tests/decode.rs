//! Decoding: labels, marks, offsets of bad bytes, policies, any split of the input.

use std::io::{self, BufRead, Read};

use proptest::prelude::*;
use sekisho_charset::{CharsetError, CharsetErrorKind, Decoder, Encoding, Unmappable, encode};

/// Hands out the input in pieces of the given lengths, over and over.
struct Pieces<'a> {
    rest: &'a [u8],
    lengths: &'a [usize],
    turn: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.turn += 1;
        if self.turn.is_multiple_of(5) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let length = self.lengths[self.turn % self.lengths.len()].min(self.rest.len()).min(buffer.len());
        let (piece, rest) = self.rest.split_at(length);
        buffer[..length].copy_from_slice(piece);
        self.rest = rest;
        Ok(length)
    }
}

fn decode(input: impl Read, encoding: Encoding, policy: Unmappable) -> (String, u64, Option<CharsetError>) {
    let mut decoder = Decoder::new(input, encoding, policy);
    let mut text = String::new();
    loop {
        match decoder.fill_buf() {
            Ok([]) => return (text, decoder.replaced(), None),
            Ok(piece) => {
                text.push_str(std::str::from_utf8(piece).expect("pieces end between characters"));
                let length = piece.len();
                decoder.consume(length);
            }
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::InvalidData);
                let charset = error.get_ref().and_then(|e| e.downcast_ref::<CharsetError>()).copied();
                let again = decoder.fill_buf().expect_err("a failed decoder stays failed");
                assert_eq!(again.get_ref().and_then(|e| e.downcast_ref::<CharsetError>()).copied(), charset);
                return (text, decoder.replaced(), Some(charset.expect("a CharsetError inside")));
            }
        }
    }
}

fn refuse(input: &[u8], encoding: Encoding) -> (String, Option<CharsetError>) {
    let (text, replaced, error) = decode(input, encoding, Unmappable::Refuse);
    assert_eq!(replaced, 0);
    (text, error)
}

#[test]
fn labels_of_every_kind() {
    for label in [
        "cp932",
        "CP932",
        "ms932",
        "windows-31j",
        "Windows-31J",
        "shift_jis",
        "Shift_JIS",
        "sjis",
        "csWindows31J",
        "x-sjis",
        "MS_Kanji",
        " cp932 ",
    ] {
        assert_eq!(Encoding::from_label(label), Some(Encoding::Windows31J), "{label}");
    }
    assert_eq!(Encoding::from_label("UTF8"), Some(Encoding::Utf8));
    assert_eq!(Encoding::from_label("utf-16"), Some(Encoding::Utf16));
    assert_eq!(Encoding::from_label("us-ascii"), Some(Encoding::UsAscii));
    for label in ["", "utf-7", "euc-jp", "iso-2022-jp", "iso-8859-1", "utf-32", "utf 8", "cp932\0"] {
        assert_eq!(Encoding::from_label(label), None, "{label}");
    }
    for encoding in [
        Encoding::UsAscii,
        Encoding::Utf8,
        Encoding::Utf16,
        Encoding::Utf16Le,
        Encoding::Utf16Be,
        Encoding::Windows31J,
    ] {
        assert_eq!(Encoding::from_label(encoding.name()), Some(encoding));
    }
}

#[test]
fn good_text_in_every_encoding() {
    let cases: &[(&[u8], Encoding, &str)] = &[
        (b"", Encoding::Utf8, ""),
        (b"\xEF\xBB\xBF", Encoding::Utf8, ""),
        (b"\xEF\xBB\xBFa", Encoding::Utf8, "a"),
        (b"\xEF\xBB\xBF\xEF\xBB\xBFa", Encoding::Utf8, "\u{FEFF}a"),
        (b"a\xEF\xBB\xBF", Encoding::Utf8, "a\u{FEFF}"),
        (b"\xE9\x96\xA2", Encoding::Utf8, "関"),
        (b"\xFE\xFF\0a\0b", Encoding::Utf16, "ab"),
        (b"\xFF\xFEa\0b\0", Encoding::Utf16, "ab"),
        (b"\0a\0b", Encoding::Utf16, "ab"),
        (b"\xFF\xFEa\0", Encoding::Utf16Le, "a"),
        (b"\xFE\xFF\0a", Encoding::Utf16Be, "a"),
        (b"\xD8\x40\xDC\x0B", Encoding::Utf16Be, "\u{2000B}"),
        (b"\x8A\xD6\x8F\x8A", Encoding::Windows31J, "関所"),
        (b"\xB1\xB2", Encoding::Windows31J, "ｱｲ"),
        (b"\x87\x40\xFA\x40\xED\x40", Encoding::Windows31J, "①ⅰ纊"),
        (b"\xF0\x40\xF9\xFC", Encoding::Windows31J, "\u{E000}\u{E757}"),
        (b"\x81\x60\x81\x7C\x5C\x7E", Encoding::Windows31J, "～－\\~"),
        (b"plain", Encoding::UsAscii, "plain"),
    ];
    for (input, encoding, text) in cases {
        assert_eq!(refuse(input, *encoding), (text.to_string(), None), "{input:x?} as {encoding}");
    }
}

#[test]
fn long_text_passes_the_buffers_as_they_grow() {
    // Around the first buffer and the largest, and a character over each of their ends.
    for length in [2_047, 2_048, 2_049, 4_096, 16_383, 16_384, 16_385, 18_431, 18_432, 18_433, 70_000] {
        for ahead in 0..3 {
            let text = format!("{}{}", "x".repeat(ahead), "関所ｱ".repeat(length / 5));
            let shift_jis: Vec<u8> =
                [b"x".repeat(ahead), b"\x8A\xD6\x8F\x8A\xB1".repeat(length / 5)].concat();
            let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            assert_eq!(refuse(text.as_bytes(), Encoding::Utf8), (text.clone(), None), "{length}");
            assert_eq!(refuse(&shift_jis, Encoding::Windows31J), (text.clone(), None), "{length}");
            assert_eq!(refuse(&utf16, Encoding::Utf16Be), (text, None), "{length}");
        }
    }
}

#[test]
fn the_byte_order_is_told() {
    let mut decoder = Decoder::new(&b"\xFF\xFEa\0"[..], Encoding::Utf16, Unmappable::Refuse);
    assert_eq!(decoder.encoding(), Encoding::Utf16);
    assert_eq!(decoder.fill_buf().expect("good"), b"a");
    assert_eq!(decoder.encoding(), Encoding::Utf16Le);
}

#[test]
fn bad_bytes_are_named_with_their_offset() {
    use CharsetErrorKind::{Malformed, Truncated};
    type Case<'a> = (&'a [u8], Encoding, &'a str, u64, &'a [u8], CharsetErrorKind);
    let cases: &[Case<'_>] = &[
        (b"ab\xFFcd", Encoding::Utf8, "ab", 2, b"\xFF", Malformed),
        (b"\xEF\xBB\xBFab\xFFcd", Encoding::Utf8, "ab", 5, b"\xFF", Malformed),
        (b"\xC0\x80", Encoding::Utf8, "", 0, b"\xC0", Malformed),
        (b"a\xED\xA0\x80", Encoding::Utf8, "a", 1, b"\xED", Malformed),
        (b"a\xE3\x81<", Encoding::Utf8, "a", 1, b"\xE3\x81", Malformed),
        (b"a\xF4\x90\x80\x80", Encoding::Utf8, "a", 1, b"\xF4", Malformed),
        (b"a\xE3\x81", Encoding::Utf8, "a", 1, b"\xE3\x81", Truncated),
        (b"\xEF\xBB", Encoding::Utf8, "", 0, b"\xEF\xBB", Truncated),
        (b"\xF0\x9F\x98", Encoding::Utf8, "", 0, b"\xF0\x9F\x98", Truncated),
        (b"\xFE\xFF\0a\0", Encoding::Utf16, "a", 4, b"\0", Truncated),
        (b"\0a\xD8\0\0b", Encoding::Utf16, "a", 2, b"\xD8\0", Malformed),
        (b"\0a\xDC\0\0b", Encoding::Utf16, "a", 2, b"\xDC\0", Malformed),
        (b"\0a\xD8\0", Encoding::Utf16, "a", 2, b"\xD8\0", Truncated),
        (b"a\xFF", Encoding::Windows31J, "a", 1, b"\xFF", Malformed),
        (b"a\xA0b", Encoding::Windows31J, "a", 1, b"\xA0", Malformed),
        (b"\x8A\xD6\x8A,x", Encoding::Windows31J, "関", 2, b"\x8A", Malformed),
        (b"\x8A\xD6\x8A\xFFx", Encoding::Windows31J, "関", 2, b"\x8A\xFF", Malformed),
        (b"\x8A\xD6\x8A", Encoding::Windows31J, "関", 2, b"\x8A", Truncated),
        (b"\x85\x40", Encoding::Windows31J, "", 0, b"\x85", Malformed),
        (b"ok\x80", Encoding::UsAscii, "ok", 2, b"\x80", Malformed),
        (b"\xE9\x96\xA2", Encoding::UsAscii, "", 0, b"\xE9", Malformed),
    ];
    for (input, encoding, text, offset, bytes, kind) in cases {
        let (found, error) = refuse(input, *encoding);
        let error = error.unwrap_or_else(|| panic!("{input:x?} as {encoding} was taken"));
        assert_eq!(found, *text, "{input:x?} as {encoding}");
        assert_eq!((error.offset, error.sequence(), error.kind), (*offset, *bytes, *kind), "{input:x?}");
        assert!(error.to_string().contains(&format!("offset {offset}:")), "{error}");
    }
}

#[test]
fn replacement_is_counted() {
    let policy = Unmappable::Replace('〓');
    let (text, replaced, error) = decode(&b"a\xFFb\xE3\x81"[..], Encoding::Utf8, policy);
    assert_eq!((text.as_str(), replaced, error), ("a〓b〓", 2, None));
    let (text, replaced, error) = decode(&b"\x8A,\xFF\x8A"[..], Encoding::Windows31J, policy);
    assert_eq!((text.as_str(), replaced, error), ("〓,〓〓", 3, None));
    let (text, replaced, error) = decode(&[0xFF; 100_000][..], Encoding::Utf8, policy);
    assert_eq!((text.chars().count(), replaced, error), (100_000, 100_000, None));
}

#[test]
fn errors_of_the_input_pass_through() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let mut decoder = Decoder::new((&b"abcd"[..]).chain(Broken), Encoding::Utf8, Unmappable::Refuse);
    let mut text = [0; 8];
    assert_eq!(decoder.read(&mut text).expect("the good bytes come first"), 4);
    assert_eq!(decoder.read(&mut text).expect_err("then the error").kind(), io::ErrorKind::ConnectionReset);
}

#[test]
fn encoding_refuses_what_would_not_come_back() {
    let refused =
        ["\u{A5}", "\u{203E}", "\u{2212}", "\u{301C}", "\u{2014}", "\u{2016}", "😀", "\u{2000B}", "é"];
    for character in refused {
        let mut out = b"kept".to_vec();
        let error = encode(&format!("関所{character}"), Encoding::Windows31J, &mut out).expect_err(character);
        assert_eq!((error.char_index, error.code_point), (2, u32::from(character.chars().next().unwrap())));
        assert_eq!(out, b"kept");
    }
    let error = encode("aé", Encoding::UsAscii, &mut Vec::new()).expect_err("é is not ASCII");
    assert_eq!(error.char_index, 1);
}

#[test]
fn every_windows_31j_sequence_round_trips_or_is_a_known_duplicate() {
    // NEC selected IBM extensions and NEC row 13 repeat characters of other rows; their text must still encode.
    let mut sequences = 0;
    for lead in 0u8..=255 {
        for trail in 0u8..=255 {
            let (text, error) = refuse(&[lead, trail], Encoding::Windows31J);
            if error.is_some() {
                continue;
            }
            sequences += 1;
            let mut out = Vec::new();
            encode(&text, Encoding::Windows31J, &mut out)
                .unwrap_or_else(|e| panic!("{lead:02X}{trail:02X}: {e}"));
            assert_eq!(refuse(&out, Encoding::Windows31J), (text, None), "{lead:02X}{trail:02X}");
        }
    }
    assert!(sequences > 9_000, "{sequences}");
}

fn any_encoding() -> impl Strategy<Value = Encoding> {
    prop_oneof![
        Just(Encoding::UsAscii),
        Just(Encoding::Utf8),
        Just(Encoding::Utf16),
        Just(Encoding::Utf16Le),
        Just(Encoding::Utf16Be),
        Just(Encoding::Windows31J),
    ]
}

proptest! {
    #[test]
    fn any_split_gives_the_same_text_and_error(
        input in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            ".{0,60}".prop_map(String::into_bytes),
        ],
        lengths in prop::collection::vec(1usize..7, 1..6),
        encoding in any_encoding(),
        replace in any::<bool>(),
    ) {
        let policy = if replace { Unmappable::Replace('\u{FFFD}') } else { Unmappable::Refuse };
        let whole = decode(&input[..], encoding, policy);
        let pieces = decode(Pieces { rest: &input, lengths: &lengths, turn: 0 }, encoding, policy);
        prop_assert_eq!(&whole, &pieces);
        if let Some(error) = whole.2 {
            let at = error.offset as usize;
            prop_assert_eq!(&input[at..at + error.sequence().len()], error.sequence());
        }
    }

    #[test]
    fn what_was_encoded_decodes_to_the_same_text(text in any::<String>(), encoding in any_encoding()) {
        let mut bytes = encoding.byte_order_mark().to_vec();
        if encode(&text, encoding, &mut bytes).is_ok() {
            prop_assert_eq!(refuse(&bytes, encoding), (text, None));
        }
    }

    #[test]
    fn utf_8_agrees_with_the_standard_library(input in prop::collection::vec(
        prop_oneof![Just(b'a'), 0x80u8..=0xBF, 0xC0u8..=0xFF], 0..40)) {
        let (text, error) = refuse(&input, Encoding::Utf8);
        let body = input.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&input);
        let mark = input.len() - body.len();
        match std::str::from_utf8(body) {
            Ok(good) => prop_assert_eq!((text.as_str(), error), (good, None)),
            Err(bad) => {
                let error = error.expect("bad for both");
                prop_assert_eq!(error.offset as usize, mark + bad.valid_up_to());
                prop_assert_eq!(error.kind == CharsetErrorKind::Truncated, bad.error_len().is_none());
                prop_assert_eq!(text.as_bytes(), &body[..bad.valid_up_to()]);
            }
        }
    }
}
