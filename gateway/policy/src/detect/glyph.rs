//! Characters as detectors see them: what is written in another width, form or code point is the same glyph.
//!
//! It is what Unicode's compatibility decomposition (NFKC, UAX 15) makes of digits, Latin letters, hyphens, slashes, dots
//! and blanks, done character by character, so that no value is copied. Beyond NFKC, everything that is drawn as a
//! horizontal stroke is a hyphen, and the long vowel mark is one between digits.

/// What a character is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Glyph {
    /// A decimal digit.
    Digit(u8),
    /// A Latin letter, in upper case.
    Letter(u8),
    Hyphen,
    /// `ー`: a hyphen between digits, a vowel in kana.
    LongVowel,
    Slash,
    Dot,
    /// `・`.
    MiddleDot,
    Blank,
    At,
    Plus,
    Open,
    Close,
    Han,
    Hiragana,
    Katakana,
    Other,
    /// Not to be seen at all: joiners, soft hyphens, marks of direction, variation selectors.
    Invisible,
}

/// What `c` is.
#[inline]
pub(crate) fn glyph(c: char) -> Glyph {
    if c.is_ascii() { ascii(c as u8) } else { beyond_ascii(c) }
}

#[inline]
fn ascii(byte: u8) -> Glyph {
    match byte {
        b'0'..=b'9' => Glyph::Digit(byte - b'0'),
        b'a'..=b'z' => Glyph::Letter(byte - b'a' + b'A'),
        b'A'..=b'Z' => Glyph::Letter(byte),
        b'-' => Glyph::Hyphen,
        b'/' => Glyph::Slash,
        b'.' => Glyph::Dot,
        b' ' | b'\t' | b'\n' | b'\r' => Glyph::Blank,
        b'@' => Glyph::At,
        b'+' => Glyph::Plus,
        b'(' => Glyph::Open,
        b')' => Glyph::Close,
        _ => Glyph::Other,
    }
}

fn beyond_ascii(c: char) -> Glyph {
    let code = u32::from(c);
    match code {
        // Full-width forms of ASCII.
        0xFF01..=0xFF5E => ascii((code - 0xFEE0) as u8),
        // Superscript, subscript, circled and mathematical digits.
        0xB2 | 0xB3 => Glyph::Digit((code - 0xB0) as u8),
        0xB9 => Glyph::Digit(1),
        0x2070 | 0x24EA => Glyph::Digit(0),
        0x2074..=0x2079 => Glyph::Digit((code - 0x2070) as u8),
        0x2080..=0x2089 => Glyph::Digit((code - 0x2080) as u8),
        0x2460..=0x2468 => Glyph::Digit((code - 0x245F) as u8),
        0x2776..=0x277E => Glyph::Digit((code - 0x2775) as u8),
        0x1D7CE..=0x1D7FF => Glyph::Digit(((code - 0x1D7CE) % 10) as u8),
        // Mathematical, circled and squared letters are no way in which a core system writes one.
        0x2010..=0x2015
        | 0x2043
        | 0x207B
        | 0x208B
        | 0x2212
        | 0x02D7
        | 0x2500
        | 0x2501
        | 0x23AF
        | 0x2796
        | 0xFE58
        | 0xFE63
        | 0x1173
        | 0x3161 => Glyph::Hyphen,
        0x30FC | 0xFF70 => Glyph::LongVowel,
        0x2044 | 0x2215 | 0x29F8 => Glyph::Slash,
        0x2024 | 0xFE52 | 0x3002 | 0xFF61 => Glyph::Dot,
        0x00B7 | 0x2022 | 0x2219 | 0x22C5 | 0x30FB | 0xFF65 => Glyph::MiddleDot,
        0x00A0 | 0x1680 | 0x2000..=0x200A | 0x2028 | 0x2029 | 0x202F | 0x205F | 0x3000 | 0x0085 => {
            Glyph::Blank
        }
        0xFE6B => Glyph::At,
        0xFE62 => Glyph::Plus,
        0xFE59 | 0x207D | 0x3014 => Glyph::Open,
        0xFE5A | 0x207E | 0x3015 => Glyph::Close,
        0x00AD
        | 0x034F
        | 0x061C
        | 0x180E
        | 0x200B..=0x200F
        | 0x202A..=0x202E
        | 0x2060..=0x2064
        | 0x2066..=0x206F
        | 0xFE00..=0xFE0F
        | 0xFEFF
        | 0xE0100..=0xE01EF
        | 0xE0000..=0xE007F => Glyph::Invisible,
        // 々 〆 〇, the unified ideographs with their extensions, and their compatibility forms.
        0x3005..=0x3007 | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x323AF => {
            Glyph::Han
        }
        0x3041..=0x309F => Glyph::Hiragana,
        0x30A1..=0x30FF | 0x31F0..=0x31FF | 0xFF66..=0xFF9F => Glyph::Katakana,
        _ => Glyph::Other,
    }
}

/// What a numeral of Chinese writing stands for.
pub(crate) fn numeral(c: char) -> Option<Numeral> {
    Some(match c {
        '〇' | '零' => Numeral::Digit(0),
        '一' | '壱' | '壹' => Numeral::Digit(1),
        '二' | '弐' | '貳' => Numeral::Digit(2),
        '三' | '参' | '參' => Numeral::Digit(3),
        '四' => Numeral::Digit(4),
        '五' | '伍' => Numeral::Digit(5),
        '六' => Numeral::Digit(6),
        '七' => Numeral::Digit(7),
        '八' => Numeral::Digit(8),
        '九' => Numeral::Digit(9),
        '十' | '拾' => Numeral::Times(10),
        '廿' => Numeral::Twenty,
        '百' => Numeral::Times(100),
        '千' => Numeral::Times(1000),
        _ => return None,
    })
}

/// A numeral of Chinese writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numeral {
    Digit(u8),
    Times(u32),
    Twenty,
}
