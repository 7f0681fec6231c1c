//! The tokens of JSON (RFC 8259) from a stream, with their places, in bounded memory.

use std::io::{self, BufRead};

use memchr::memchr2;

use crate::read::error::{Expected, ReadErrorKind};
use crate::record::Place;

/// The input and where it stands.
pub(super) struct Lexer<R> {
    input: R,
    at: Place,
    /// Bytes taken since [`Lexer::start_record`].
    taken: usize,
    max_taken: usize,
    /// Whether a line end may stand between tokens: not inside a record of NDJSON.
    pub(super) line_ends: bool,
}

/// What is wrong, and where.
pub(super) struct JsonError {
    pub(super) kind: ReadErrorKind,
    pub(super) place: Place,
}

type Result<T> = std::result::Result<T, JsonError>;

impl<R: BufRead> Lexer<R> {
    pub(super) fn new(input: R, max_record_bytes: usize) -> Lexer<R> {
        Lexer { input, at: Place::START, taken: 0, max_taken: max_record_bytes, line_ends: true }
    }

    /// Where the next byte is.
    pub(super) fn place(&self) -> Place {
        self.at
    }

    /// The most bytes that a record has.
    pub(super) fn max_record_bytes(&self) -> u64 {
        self.max_taken as u64
    }

    /// Counts the bytes of a record from here.
    pub(super) fn start_record(&mut self) {
        self.taken = 0;
    }

    /// The next byte, `None` at the end of the payload.
    pub(super) fn peek(&mut self) -> Result<Option<u8>> {
        loop {
            match self.input.fill_buf() {
                Ok(chunk) => return Ok(chunk.first().copied()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.fail(ReadErrorKind::of_io(error))),
            }
        }
    }

    /// Takes the byte that was peeked.
    pub(super) fn bump(&mut self, byte: u8) -> Result<()> {
        self.input.consume(1);
        self.at.byte += 1;
        match byte {
            b'\n' => (self.at.line, self.at.column) = (self.at.line + 1, 1),
            // Continuation bytes belong to the character before.
            0x80..=0xBF => {}
            _ => self.at.column += 1,
        }
        self.count(1)
    }

    fn count(&mut self, bytes: usize) -> Result<()> {
        self.taken += bytes;
        if self.taken > self.max_taken {
            return Err(
                self.fail(ReadErrorKind::Limit { which: "bytes in a record", max: self.max_taken as u64 })
            );
        }
        Ok(())
    }

    /// The next byte that is no white space.
    pub(super) fn token(&mut self) -> Result<Option<u8>> {
        loop {
            match self.peek()? {
                Some(byte @ (b' ' | b'\t' | b'\r')) => self.bump(byte)?,
                Some(byte @ b'\n') if self.line_ends => self.bump(byte)?,
                other => return Ok(other),
            }
        }
    }

    /// Passes over white space between records, of which there may be any amount.
    pub(super) fn between_records(&mut self) -> Result<Option<u8>> {
        loop {
            self.taken = 0;
            match self.peek()? {
                Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) => self.bump(byte)?,
                other => return Ok(other),
            }
        }
    }

    /// The next byte that is no white space; the end of the payload is an error.
    pub(super) fn required(&mut self, expected: Expected) -> Result<u8> {
        let found = self.token()?;
        found.ok_or_else(|| self.fail(ReadErrorKind::Truncated { expected }))
    }

    /// Takes this byte, white space before it passed over.
    pub(super) fn take(&mut self, byte: u8, expected: Expected) -> Result<()> {
        match self.required(expected)? {
            found if found == byte => self.bump(byte),
            _ => Err(self.unexpected(expected)),
        }
    }

    /// Reads a string whose opening quote is next, and appends up to `max` bytes of it to `out`; `false` when it is
    /// longer, and `out` then holds a part of it.
    pub(super) fn string(&mut self, out: &mut Vec<u8>, max: usize) -> Result<bool> {
        const EXPECTED: Expected = Expected::new("a closing quote", "閉じ引用符");
        self.take(b'"', Expected::new("a string", "文字列"))?;
        let limit = out.len() + max;
        let mut fits = true;
        loop {
            if self.peek()?.is_none() {
                return Err(self.fail(ReadErrorKind::Truncated { expected: EXPECTED }));
            }
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) => return Err(self.fail(ReadErrorKind::of_io(error))),
            };
            let plain = memchr2(b'"', b'\\', chunk).unwrap_or(chunk.len());
            let plain = chunk[..plain].iter().position(|&byte| byte < 0x20).unwrap_or(plain);
            // No more than shows that the record is too large, so that where that is told does not depend on the chunks.
            let plain = plain.min(self.max_taken.saturating_sub(self.taken) + 1);
            let run = &chunk[..plain];
            fits &= run.len() <= limit - out.len().min(limit);
            if fits {
                out.extend_from_slice(run);
            }
            let chars = run.iter().filter(|&&byte| byte & 0xC0 != 0x80).count();
            let stop = chunk.get(plain).copied();
            self.input.consume(plain);
            self.at.column += chars as u64;
            self.at.byte += plain as u64;
            self.count(plain)?;
            match stop {
                None => {}
                Some(b'"') => {
                    self.bump(b'"')?;
                    return Ok(fits);
                }
                Some(b'\\') => {
                    let character = self.escape()?;
                    let mut utf8 = [0; 4];
                    let encoded = character.encode_utf8(&mut utf8).as_bytes();
                    fits &= out.len() + encoded.len() <= limit;
                    if fits {
                        out.extend_from_slice(encoded);
                    }
                }
                Some(_) => {
                    return Err(self.unexpected(Expected::new(
                        "an escape (control characters are escaped in a string)",
                        "エスケープ（文字列の中の制御文字はエスケープが必要です）",
                    )));
                }
            }
        }
    }

    /// Reads an escape, its backslash next.
    fn escape(&mut self) -> Result<char> {
        const EXPECTED: Expected = Expected::new(
            "one of \"\\/bfnrtu after a backslash",
            "バックスラッシュの後の \"\\/bfnrtu のいずれか",
        );
        self.bump(b'\\')?;
        let byte = self.peek()?.ok_or_else(|| self.fail(ReadErrorKind::Truncated { expected: EXPECTED }))?;
        let character = match byte {
            b'"' | b'\\' | b'/' => byte as char,
            b'b' => '\u{8}',
            b'f' => '\u{C}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.bump(byte)?;
                return self.unicode();
            }
            _ => return Err(self.unexpected(EXPECTED)),
        };
        self.bump(byte)?;
        Ok(character)
    }

    /// The rest of a `\u` escape, and its other half where it is a surrogate.
    fn unicode(&mut self) -> Result<char> {
        const LOW: Expected = Expected::new("the other half of a surrogate pair", "サロゲートペアの後半");
        let first = self.hex()?;
        let code_point = match first {
            0xD800..=0xDBFF => {
                for expected in [b'\\', b'u'] {
                    match self.peek()? {
                        Some(byte) if byte == expected => self.bump(byte)?,
                        Some(_) => return Err(self.unexpected(LOW)),
                        None => return Err(self.fail(ReadErrorKind::Truncated { expected: LOW })),
                    }
                }
                let second = self.hex()?;
                if !(0xDC00..=0xDFFF).contains(&second) {
                    return Err(self.unexpected(LOW));
                }
                0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)
            }
            other => other,
        };
        char::from_u32(code_point).ok_or_else(|| {
            self.unexpected(Expected::new(
                "a first half of a surrogate pair before this one",
                "この前にサロゲートペアの前半",
            ))
        })
    }

    fn hex(&mut self) -> Result<u32> {
        const EXPECTED: Expected = Expected::new("four hexadecimal digits", "16進数字4桁");
        let mut value = 0;
        for _ in 0..4 {
            let byte =
                self.peek()?.ok_or_else(|| self.fail(ReadErrorKind::Truncated { expected: EXPECTED }))?;
            let digit = (byte as char).to_digit(16).ok_or_else(|| self.unexpected(EXPECTED))?;
            value = value * 16 + digit;
            self.bump(byte)?;
        }
        Ok(value)
    }

    /// Reads a number, its first byte next, and appends it as it is written; `false` when it is longer than `max`.
    pub(super) fn number(&mut self, out: &mut Vec<u8>, max: usize) -> Result<bool> {
        let limit = out.len() + max;
        let mut fits = true;
        if self.peek()? == Some(b'-') {
            self.digit(b'-', out, limit, &mut fits)?;
        }
        if self.peek()? == Some(b'0') {
            self.digit(b'0', out, limit, &mut fits)?;
            if let Some(b'0'..=b'9') = self.peek()? {
                return Err(self.unexpected(Expected::new(
                    "a number without leading zeros (write it as a string)",
                    "先頭にゼロのない数値（ゼロが必要な値は文字列にしてください）",
                )));
            }
        } else {
            self.digits(out, limit, &mut fits)?;
        }
        if self.peek()? == Some(b'.') {
            self.digit(b'.', out, limit, &mut fits)?;
            self.digits(out, limit, &mut fits)?;
        }
        if let Some(byte @ (b'e' | b'E')) = self.peek()? {
            self.digit(byte, out, limit, &mut fits)?;
            if let Some(sign @ (b'+' | b'-')) = self.peek()? {
                self.digit(sign, out, limit, &mut fits)?;
            }
            self.digits(out, limit, &mut fits)?;
        }
        Ok(fits)
    }

    fn digits(&mut self, out: &mut Vec<u8>, limit: usize, fits: &mut bool) -> Result<()> {
        const EXPECTED: Expected = Expected::new("a digit", "数字");
        let mut any = false;
        loop {
            match self.peek()? {
                Some(byte @ b'0'..=b'9') => self.digit(byte, out, limit, fits)?,
                _ if any => return Ok(()),
                Some(_) => return Err(self.unexpected(EXPECTED)),
                None => return Err(self.fail(ReadErrorKind::Truncated { expected: EXPECTED })),
            }
            any = true;
        }
    }

    fn digit(&mut self, byte: u8, out: &mut Vec<u8>, limit: usize, fits: &mut bool) -> Result<()> {
        *fits &= out.len() < limit;
        if *fits {
            out.push(byte);
        }
        self.bump(byte)
    }

    /// Takes `true`, `false` or `null`.
    pub(super) fn word(&mut self, word: &'static str) -> Result<()> {
        let wanted = Expected::new(word, word);
        for expected in word.bytes() {
            match self.peek()? {
                Some(byte) if byte == expected => self.bump(byte)?,
                Some(_) => return Err(self.unexpected(wanted)),
                None => return Err(self.fail(ReadErrorKind::Truncated { expected: wanted })),
            }
        }
        Ok(())
    }

    pub(super) fn unexpected(&self, expected: Expected) -> JsonError {
        self.fail(ReadErrorKind::JsonSyntax { expected })
    }

    pub(super) fn fail(&self, kind: ReadErrorKind) -> JsonError {
        JsonError { kind, place: self.place() }
    }
}
