//! The decoder, against one call of `encoding_rs` over all the bytes.

use std::io::{self, BufRead, Read};

use encoding_rs::{DecoderResult, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE};
use sekisho_charset::{CharsetError, Decoder, Encoding, Unmappable, encode};

use crate::pieces::Pieces;

const ENCODINGS: [Encoding; 6] = [
    Encoding::UsAscii,
    Encoding::Utf8,
    Encoding::Utf16,
    Encoding::Utf16Le,
    Encoding::Utf16Be,
    Encoding::Windows31J,
];

/// First byte: encoding and policy; second byte: the length of pieces; the rest: encoded text.
pub(crate) fn decoder(bytes: &[u8]) {
    let [choice, piece, input @ ..] = bytes else { return };
    let encoding = ENCODINGS[usize::from(choice >> 1) % ENCODINGS.len()];
    let policy = if choice & 1 == 0 { Unmappable::Refuse } else { Unmappable::Replace('〓') };
    let mut whole = Decoder::new(input, encoding, policy);
    let decoded = read(&mut whole);
    let mut pieces = Decoder::new(Pieces::new(input, [usize::from(*piece) % 64 + 1, 1]), encoding, policy);
    assert_eq!(decoded, read(&mut pieces));
    assert_eq!((whole.replaced(), whole.encoding()), (pieces.replaced(), pieces.encoding()));
    let (text, error) = decoded;
    assert!(text.len() <= 3 * input.len() + 3, "the output is bounded by the input");
    let known = at_once(input, whole.encoding(), policy);
    assert_eq!(text, known.text);
    assert_eq!(whole.replaced(), known.replaced);
    match (error, known.bad) {
        (None, None) => {}
        (Some(error), Some((offset, bad))) => {
            assert_eq!((error.offset, error.sequence()), (offset as u64, bad));
            assert_eq!(error.encoding, whole.encoding());
        }
        (error, bad) => panic!("{error:?} where there is {bad:?}"),
    }
    if error.is_none() && whole.replaced() == 0 {
        written_again(&text, whole.encoding());
    }
}

/// All the text that a decoder yields, and the error after it.
fn read(decoder: &mut Decoder<impl Read>) -> (String, Option<CharsetError>) {
    let mut text = String::new();
    loop {
        match decoder.fill_buf() {
            Ok([]) => return (text, None),
            Ok(piece) => {
                text.push_str(std::str::from_utf8(piece).unwrap());
                let length = piece.len();
                decoder.consume(length);
            }
            Err(error) => {
                let again = decoder.fill_buf().unwrap_err();
                let error = typed(&error);
                assert_eq!(error, typed(&again));
                return (text, Some(error));
            }
        }
    }
}

fn typed(error: &io::Error) -> CharsetError {
    *error.get_ref().and_then(|inner| inner.downcast_ref::<CharsetError>()).unwrap()
}

struct AtOnce<'a> {
    text: String,
    /// The first bad bytes that ended it, and where they are.
    bad: Option<(usize, &'a [u8])>,
    replaced: u64,
}

/// What the tables say of the whole input; `encoding` has its byte order.
fn at_once(input: &[u8], encoding: Encoding, policy: Unmappable) -> AtOnce<'_> {
    let tables = match encoding {
        Encoding::UsAscii => return ascii(input, policy),
        Encoding::Utf16Le => UTF_16LE,
        Encoding::Utf16 | Encoding::Utf16Be => UTF_16BE,
        Encoding::Windows31J => SHIFT_JIS,
        _ => UTF_8,
    };
    let mark = encoding.byte_order_mark();
    let mut at = if input.starts_with(mark) { mark.len() } else { 0 };
    let mut tables = tables.new_decoder_without_bom_handling();
    let mut text = String::with_capacity(3 * input.len() + 64);
    let mut replaced = 0;
    loop {
        text.reserve(3 * (input.len() - at) + 64);
        let (outcome, read) = tables.decode_to_string_without_replacement(&input[at..], &mut text, true);
        at += read;
        match (outcome, policy) {
            (DecoderResult::InputEmpty, _) => return AtOnce { text, bad: None, replaced },
            (DecoderResult::OutputFull, _) => {}
            (DecoderResult::Malformed(..), Unmappable::Replace(character)) => {
                text.push(character);
                replaced += 1;
            }
            (DecoderResult::Malformed(length, after), Unmappable::Refuse) => {
                let end = at - usize::from(after);
                let start = end - usize::from(length);
                return AtOnce { text, bad: Some((start, &input[start..end])), replaced };
            }
        }
    }
}

fn ascii(input: &[u8], policy: Unmappable) -> AtOnce<'_> {
    let mut known = AtOnce { text: String::new(), bad: None, replaced: 0 };
    for (at, &byte) in input.iter().enumerate() {
        match policy {
            _ if byte.is_ascii() => known.text.push(char::from(byte)),
            Unmappable::Replace(character) => {
                known.text.push(character);
                known.replaced += 1;
            }
            Unmappable::Refuse => {
                known.bad = Some((at, &input[at..=at]));
                break;
            }
        }
    }
    known
}

/// What was decoded can be encoded, if the encoding can hold it, and decodes to the same.
fn written_again(text: &str, encoding: Encoding) {
    let mut bytes = Vec::new();
    if encode(text, encoding, &mut bytes).is_ok() {
        let mut again = String::new();
        let marked = [encoding.byte_order_mark(), &bytes].concat();
        Decoder::new(&*marked, encoding, Unmappable::Refuse).read_to_string(&mut again).unwrap();
        assert_eq!(again, text);
    }
}
