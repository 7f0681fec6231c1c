//! Which encodings there are, and by which labels they are known.

use std::fmt;

/// The encodings that the gateway speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// US-ASCII (RFC 20): bytes from 0x80 up are refused, even where they would be good UTF-8.
    UsAscii,
    /// UTF-8 (RFC 3629): no surrogates, no overlong forms.
    Utf8,
    /// UTF-16; the byte order mark decides, big-endian without one (RFC 2781 section 4.3).
    Utf16,
    /// UTF-16, little-endian.
    Utf16Le,
    /// UTF-16, big-endian.
    Utf16Be,
    /// Windows-31J (Microsoft code page 932), under whatever alias.
    Windows31J,
}

/// Labels in lower case. `shift_jis` is Windows-31J here: files that say so carry NEC and IBM characters.
const LABELS: &[(&str, Encoding)] = &[
    ("utf-8", Encoding::Utf8),
    ("utf8", Encoding::Utf8),
    ("csutf8", Encoding::Utf8),
    ("unicode-1-1-utf-8", Encoding::Utf8),
    ("utf-16", Encoding::Utf16),
    ("utf16", Encoding::Utf16),
    ("csutf16", Encoding::Utf16),
    ("utf-16le", Encoding::Utf16Le),
    ("utf16le", Encoding::Utf16Le),
    ("csutf16le", Encoding::Utf16Le),
    ("utf-16be", Encoding::Utf16Be),
    ("utf16be", Encoding::Utf16Be),
    ("csutf16be", Encoding::Utf16Be),
    ("windows-31j", Encoding::Windows31J),
    ("cswindows31j", Encoding::Windows31J),
    ("cp932", Encoding::Windows31J),
    ("ms932", Encoding::Windows31J),
    ("windows-932", Encoding::Windows31J),
    ("x-ms-cp932", Encoding::Windows31J),
    ("shift_jis", Encoding::Windows31J),
    ("shift-jis", Encoding::Windows31J),
    ("shiftjis", Encoding::Windows31J),
    ("sjis", Encoding::Windows31J),
    ("x-sjis", Encoding::Windows31J),
    ("ms_kanji", Encoding::Windows31J),
    ("csshiftjis", Encoding::Windows31J),
    ("us-ascii", Encoding::UsAscii),
    ("ascii", Encoding::UsAscii),
    ("csascii", Encoding::UsAscii),
    ("ansi_x3.4-1968", Encoding::UsAscii),
    ("iso646-us", Encoding::UsAscii),
];

impl Encoding {
    /// The encoding that a `charset` parameter or an XML declaration means by `label`, or `None` if the gateway
    /// does not speak it. Case and surrounding ASCII white space do not matter.
    pub fn from_label(label: &str) -> Option<Self> {
        let label = label.trim_ascii();
        LABELS.iter().find(|(known, _)| known.eq_ignore_ascii_case(label)).map(|&(_, encoding)| encoding)
    }

    /// The IANA name, as to be written into a `charset` parameter.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::UsAscii => "US-ASCII",
            Encoding::Utf8 => "UTF-8",
            Encoding::Utf16 => "UTF-16",
            Encoding::Utf16Le => "UTF-16LE",
            Encoding::Utf16Be => "UTF-16BE",
            Encoding::Windows31J => "Windows-31J",
        }
    }

    /// The bytes of U+FEFF in this encoding, empty where there is none. [`crate::encode`] does not write it.
    pub fn byte_order_mark(self) -> &'static [u8] {
        match self {
            Encoding::Utf8 => b"\xEF\xBB\xBF",
            Encoding::Utf16Le => b"\xFF\xFE",
            Encoding::Utf16 | Encoding::Utf16Be => b"\xFE\xFF",
            Encoding::UsAscii | Encoding::Windows31J => b"",
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
