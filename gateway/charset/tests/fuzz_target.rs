//! The fuzz target of this crate, run over a small corpus; `fuzz_decode` is what a fuzzer calls.

use std::io::{BufRead, Read};

use sekisho_charset::{Decoder, Encoding, Unmappable, encode};

/// First byte: encoding and policy; the rest: encoded text. Panics when an invariant is broken.
pub fn fuzz_decode(data: &[u8]) {
    let Some((&choice, input)) = data.split_first() else { return };
    let encodings = [
        Encoding::UsAscii,
        Encoding::Utf8,
        Encoding::Utf16,
        Encoding::Utf16Le,
        Encoding::Utf16Be,
        Encoding::Windows31J,
    ];
    let encoding = encodings[usize::from(choice >> 1) % encodings.len()];
    let policy = if choice & 1 == 0 { Unmappable::Refuse } else { Unmappable::Replace('〓') };
    let mut decoder = Decoder::new(input, encoding, policy);
    let mut text = String::new();
    let failed = loop {
        match decoder.fill_buf() {
            Ok([]) => break false,
            Ok(piece) => {
                text.push_str(std::str::from_utf8(piece).expect("valid UTF-8 in every piece"));
                let length = piece.len();
                decoder.consume(length);
            }
            Err(_) => break true,
        }
    };
    assert!(text.len() <= 3 * input.len() + 3, "the output is bounded by the input");
    assert!(!(failed && matches!(policy, Unmappable::Replace(_))), "replacement never fails");
    if !failed && decoder.replaced() == 0 {
        let resolved = decoder.encoding();
        let mut bytes = Vec::new();
        if encode(&text, resolved, &mut bytes).is_ok() {
            let mut again = String::new();
            Decoder::new(&*[resolved.byte_order_mark(), &bytes].concat(), resolved, Unmappable::Refuse)
                .read_to_string(&mut again)
                .expect("what was encoded decodes");
            assert_eq!(again, text);
        }
    }
}

#[test]
fn corpus() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut seeds = 0;
    for entry in std::fs::read_dir(folder).expect("the corpus") {
        let seed = std::fs::read(entry.expect("an entry").path()).expect("a seed");
        for choice in 0u8..12 {
            for end in 0..=seed.len() {
                fuzz_decode(&[&[choice], &seed[..end]].concat());
            }
        }
        seeds += 1;
    }
    assert!(seeds >= 4);
}
