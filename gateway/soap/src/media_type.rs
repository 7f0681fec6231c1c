//! `Content-Type` values: RFC 9110 section 8.3.1, with the unquoted values that real stacks send.

use std::fmt;

#[cfg(test)]
mod tests;

/// The longest `Content-Type` value that is looked at, in bytes.
pub const MAX_BYTES: usize = 4096;

/// The most parameters that one media type may carry.
pub const MAX_PARAMETERS: usize = 32;

/// A media type with its parameters.
///
/// Type, subtype and parameter names are held in lower case; values keep their case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType {
    essence: String,
    slash: usize,
    parameters: Vec<(String, String)>,
}

/// Why a `Content-Type` value was refused. Texts hold positions, never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaTypeError {
    /// The value is longer than [`MAX_BYTES`] or has more than [`MAX_PARAMETERS`] parameters.
    #[error("the media type has more than {max} {what}")]
    Limit {
        /// What was counted: `bytes` or `parameters`.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// The value does not follow the grammar.
    #[error("the media type cannot be read at byte {at}: {expected} expected")]
    Syntax {
        /// Byte offset in the value, from 0.
        at: usize,
        /// What the grammar wants there.
        expected: &'static str,
    },
    /// A parameter stands twice: readers disagree on which one counts, so neither does.
    #[error("the media type gives one parameter twice, the second time at byte {at}; send it once")]
    DuplicateParameter {
        /// Byte offset of the second one's name, from 0.
        at: usize,
    },
    /// A `multipart` type without a `boundary`.
    #[error("the multipart media type has no boundary parameter; add the one that separates the parts")]
    BoundaryMissing,
    /// A `boundary` that RFC 2046 section 5.1.1 does not allow.
    #[error(
        "the boundary is not 1 to 70 of the characters that RFC 2046 section 5.1.1 allows; choose one that is"
    )]
    BoundaryInvalid,
}

impl MediaTypeError {
    /// Stable code of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Limit { .. } => "media-type-limit",
            Self::Syntax { .. } => "media-type-syntax",
            Self::DuplicateParameter { .. } => "media-type-duplicate-parameter",
            Self::BoundaryMissing => "boundary-missing",
            Self::BoundaryInvalid => "boundary-invalid",
        }
    }

    /// The same as `Display`, in Japanese.
    pub fn message_ja(&self) -> String {
        match self {
            Self::Limit { what: "bytes", max } => {
                format!("メディアタイプの長さが上限の {max} バイトを超えています。")
            }
            Self::Limit { max, .. } => {
                format!("メディアタイプのパラメーター数が上限の {max} 個を超えています。")
            }
            Self::Syntax { at, expected } => {
                let expected = expected_ja(expected);
                format!("メディアタイプを {at} バイト目（0 起点）で読み取れません。{expected}が必要です。")
            }
            Self::DuplicateParameter { at } => {
                format!(
                    "メディアタイプの同じパラメーターが二度あります（二つ目は {at} バイト目）。一つだけ送ってください。"
                )
            }
            Self::BoundaryMissing => {
                "マルチパートのメディアタイプに boundary パラメーターがありません。パートを区切る boundary を付けてください。"
                    .to_owned()
            }
            Self::BoundaryInvalid => {
                "boundary は RFC 2046 第 5.1.1 節の許す文字 1～70 字にしてください。".to_owned()
            }
        }
    }
}

/// What the grammar wants, in Japanese.
fn expected_ja(expected: &str) -> &'static str {
    match expected {
        "a type" => "タイプ",
        "a slash" => "「/」",
        "a subtype" => "サブタイプ",
        "a semicolon" => "「;」",
        "a parameter name" => "パラメーター名",
        "an equals sign" => "「=」",
        "a closing quote" => "閉じ引用符",
        "a printable character" => "印字可能な文字",
        _ => "トークン",
    }
}

impl MediaType {
    /// Reads a `Content-Type` value.
    ///
    /// White space around `;` and empty parameters are taken, and so are unquoted values with any visible ASCII but `"`,
    /// `,`, `;` and `\` (real stacks send `type=text/xml` and `start=<root>` unquoted). A parameter given twice is refused.
    pub fn parse(value: &str) -> Result<Self, MediaTypeError> {
        if value.len() > MAX_BYTES {
            return Err(MediaTypeError::Limit { what: "bytes", max: MAX_BYTES });
        }
        let mut cursor = Cursor { text: value, at: 0 };
        cursor.skip_white_space();
        let kind = cursor.token("a type")?.to_ascii_lowercase();
        cursor.expect(b'/', "a slash")?;
        let subtype = cursor.token("a subtype")?;
        let slash = kind.len();
        let essence = format!("{kind}/{}", subtype.to_ascii_lowercase());
        let parameters = cursor.parameters()?;
        Ok(Self { essence, slash, parameters })
    }

    /// `type/subtype` in lower case.
    pub fn essence(&self) -> &str {
        &self.essence
    }

    /// The type alone, in lower case.
    pub fn kind(&self) -> &str {
        &self.essence[..self.slash]
    }

    /// The subtype alone, in lower case.
    pub fn subtype(&self) -> &str {
        &self.essence[self.slash + 1..]
    }

    /// Whether the essence is this one, given in lower case.
    pub fn is(&self, essence: &str) -> bool {
        self.essence == essence
    }

    /// Value of a parameter, its name given in lower case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The parameters in the order in which they came: name in lower case, value.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The `charset` parameter.
    pub fn charset(&self) -> Option<&str> {
        self.parameter("charset")
    }

    /// The `boundary` parameter, checked against RFC 2046 section 5.1.1: 1 to 70 characters, no space at the end.
    pub fn boundary(&self) -> Result<&str, MediaTypeError> {
        let boundary = self.parameter("boundary").ok_or(MediaTypeError::BoundaryMissing)?;
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b);
        if boundary.is_empty()
            || boundary.len() > 70
            || boundary.ends_with(' ')
            || !boundary.bytes().all(allowed)
        {
            return Err(MediaTypeError::BoundaryInvalid);
        }
        Ok(boundary)
    }
}

/// The value as it may be sent: every parameter that is not a token stands in quotes.
impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.essence)?;
        for (name, value) in &self.parameters {
            write!(f, "; {name}=")?;
            if !value.is_empty() && value.bytes().all(is_token) {
                f.write_str(value)?;
            } else {
                write_quoted(f, value)?;
            }
        }
        Ok(())
    }
}

fn write_quoted(f: &mut fmt::Formatter<'_>, value: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            f.write_str("\\")?;
        }
        write!(f, "{c}")?;
    }
    f.write_str("\"")
}

/// A token followed by parameters, as in `Content-Disposition` (RFC 6266): the token in lower case, and the parameters.
pub(crate) fn labelled(value: &str) -> Result<(String, Vec<(String, String)>), MediaTypeError> {
    if value.len() > MAX_BYTES {
        return Err(MediaTypeError::Limit { what: "bytes", max: MAX_BYTES });
    }
    let mut cursor = Cursor { text: value, at: 0 };
    cursor.skip_white_space();
    let kind = cursor.token("a token")?.to_ascii_lowercase();
    Ok((kind, cursor.parameters()?))
}

/// `tchar` of RFC 9110 section 5.6.2.
fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn parameters(&mut self) -> Result<Vec<(String, String)>, MediaTypeError> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        loop {
            self.skip_white_space();
            if self.peek().is_none() {
                return Ok(parameters);
            }
            self.expect(b';', "a semicolon")?;
            self.skip_white_space();
            if matches!(self.peek(), None | Some(b';')) {
                continue;
            }
            let at = self.at;
            let name = self.token("a parameter name")?.to_ascii_lowercase();
            self.expect(b'=', "an equals sign")?;
            let value = self.value()?;
            if parameters.iter().any(|(known, _)| *known == name) {
                return Err(MediaTypeError::DuplicateParameter { at });
            }
            if parameters.len() == MAX_PARAMETERS {
                return Err(MediaTypeError::Limit { what: "parameters", max: MAX_PARAMETERS });
            }
            parameters.push((name, value));
        }
    }

    fn value(&mut self) -> Result<String, MediaTypeError> {
        if self.peek() == Some(b'"') {
            return self.quoted();
        }
        let value = self.run(|b| b.is_ascii_graphic() && !b"\",;\\".contains(&b));
        if value.is_empty() {
            return Err(self.syntax("a value"));
        }
        Ok(value.to_owned())
    }

    fn quoted(&mut self) -> Result<String, MediaTypeError> {
        let mut value = String::new();
        let mut escaped = false;
        for (i, c) in self.text[self.at + 1..].char_indices() {
            let here = self.at + 1 + i;
            if c.is_control() && c != '\t' {
                return Err(MediaTypeError::Syntax { at: here, expected: "a printable character" });
            }
            match (escaped, c) {
                (false, '\\') => escaped = true,
                (false, '"') => {
                    self.at = here + 1;
                    return Ok(value);
                }
                _ => {
                    value.push(c);
                    escaped = false;
                }
            }
        }
        Err(MediaTypeError::Syntax { at: self.text.len(), expected: "a closing quote" })
    }

    fn token(&mut self, expected: &'static str) -> Result<&'a str, MediaTypeError> {
        let token = self.run(is_token);
        if token.is_empty() { Err(self.syntax(expected)) } else { Ok(token) }
    }

    fn run(&mut self, accept: impl Fn(u8) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        // Only ASCII is ever accepted, so the run ends at a character boundary.
        let length = rest.bytes().position(|b| !accept(b)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn skip_white_space(&mut self) {
        self.run(|b| matches!(b, b' ' | b'\t'));
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), MediaTypeError> {
        if self.peek() != Some(byte) {
            return Err(self.syntax(expected));
        }
        self.at += 1;
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn syntax(&self, expected: &'static str) -> MediaTypeError {
        MediaTypeError::Syntax { at: self.at, expected }
    }
}
