//! Strict decoders of base64 and quoted-printable (RFC 2045 sections 6.7 and 6.8), fed in pieces.

use std::io::{self, BufRead, Read};

use super::TransferError;

/// What one step of a decoder did.
pub(super) struct Step {
    /// Bytes of the input that it took; the offending one is the next when there is an error.
    pub(super) taken: usize,
    /// Bytes of the output that it wrote.
    pub(super) made: usize,
    /// Why it stopped, if not for want of input or room.
    pub(super) error: Option<TransferError>,
}

const PAD: u8 = 0xfd;
const SPACE: u8 = 0xfe;
const WRONG: u8 = 0xff;

/// Value of every byte in base64; the two high bits mark those that have none.
const BASE64: [u8; 256] = {
    let mut table = [WRONG; 256];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut i = 0;
    while i < alphabet.len() {
        table[alphabet[i] as usize] = i as u8;
        i += 1;
    }
    table[b'=' as usize] = PAD;
    table[b' ' as usize] = SPACE;
    table[b'\t' as usize] = SPACE;
    table[b'\r' as usize] = SPACE;
    table[b'\n' as usize] = SPACE;
    table
};

/// Decodes base64; white space may stand anywhere.
#[derive(Debug, Default)]
pub(super) struct Base64 {
    held: u32,
    count: u8,
    pads: u8,
    closed: bool,
}

impl Base64 {
    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        let (mut taken, mut made) = (0, 0);
        let error = loop {
            if self.count == 0 && !self.closed {
                (taken, made) = quanta(input, taken, output, made);
            }
            let Some(&byte) = input.get(taken) else { break None };
            if output.len() - made < 3 {
                break None;
            }
            match BASE64[usize::from(byte)] {
                SPACE => {}
                WRONG => break Some(TransferError::Base64Byte),
                _ if self.closed => break Some(TransferError::Base64Padding),
                PAD if self.count < 2 => break Some(TransferError::Base64Padding),
                PAD => {
                    self.pads += 1;
                    if self.count + self.pads == 4 {
                        let (held, kept, stray) = match self.pads {
                            1 => (self.held << 6, 2, self.held & 0b11),
                            _ => (self.held << 12, 1, self.held & 0b1111),
                        };
                        if stray != 0 {
                            self.pads -= 1;
                            break Some(TransferError::Base64Bits);
                        }
                        output[made..made + kept].copy_from_slice(&held.to_be_bytes()[1..=kept]);
                        made += kept;
                        (self.closed, self.count, self.pads) = (true, 0, 0);
                    }
                }
                _ if self.pads > 0 => break Some(TransferError::Base64Padding),
                value => {
                    self.held = self.held << 6 | u32::from(value);
                    self.count += 1;
                    if self.count == 4 {
                        output[made..made + 3].copy_from_slice(&self.held.to_be_bytes()[1..]);
                        made += 3;
                        (self.held, self.count) = (0, 0);
                    }
                }
            }
            taken += 1;
        };
        Step { taken, made, error }
    }

    pub(super) fn finish(&self) -> Result<(), TransferError> {
        if self.count == 0 { Ok(()) } else { Err(TransferError::Base64Truncated) }
    }
}

/// The fast path: whole quanta without white space or padding between them.
fn quanta(input: &[u8], mut taken: usize, output: &mut [u8], mut made: usize) -> (usize, usize) {
    let quanta = input[taken..].chunks_exact(4).zip(output[made..].chunks_exact_mut(3));
    for (four, three) in quanta {
        let [a, b, c, d] = [four[0], four[1], four[2], four[3]].map(|byte| BASE64[usize::from(byte)]);
        if (a | b | c | d) & 0xc0 != 0 {
            break;
        }
        three[0] = a << 2 | b >> 4;
        three[1] = b << 4 | c >> 2;
        three[2] = c << 6 | d;
        taken += 4;
        made += 3;
    }
    (taken, made)
}

/// The longest run of white space that quoted-printable may have: no line of a mail may be longer (RFC 5322 2.1.1).
const SPACE_RUN: usize = 998;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Quoted {
    #[default]
    Text,
    /// After CR.
    Return,
    /// After `=`.
    Escape,
    /// After `=` and one digit.
    Digit(u8),
    /// After `=` and white space: transport padding before a soft line break.
    Padding,
    /// After `=` and CR.
    SoftReturn,
}

/// Decodes quoted-printable.
#[derive(Debug, Default)]
pub(super) struct QuotedPrintable {
    state: Quoted,
    /// White space that is content only if something follows on its line.
    spaces: Vec<u8>,
    bare_line_feed: bool,
}

impl QuotedPrintable {
    pub(super) fn new(bare_line_feed: bool) -> Self {
        Self { bare_line_feed, ..Self::default() }
    }

    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        let (mut taken, mut made) = (0, 0);
        let error = loop {
            let Some(&byte) = input.get(taken) else { break None };
            // One byte of input gives at most the white space held back and two bytes more.
            if output.len() - made < self.spaces.len() + 2 {
                break None;
            }
            if let Err(error) = self.byte(byte, output, &mut made) {
                break Some(error);
            }
            taken += 1;
        };
        Step { taken, made, error }
    }

    fn byte(&mut self, byte: u8, output: &mut [u8], made: &mut usize) -> Result<(), TransferError> {
        let mut put = |bytes: &[u8]| {
            output[*made..*made + bytes.len()].copy_from_slice(bytes);
            *made += bytes.len();
        };
        self.state = match (self.state, byte) {
            (Quoted::Text, b' ' | b'\t') => {
                if self.spaces.len() == SPACE_RUN {
                    return Err(TransferError::QuotedSpace);
                }
                self.spaces.push(byte);
                Quoted::Text
            }
            (Quoted::Text, b'\r') => Quoted::Return,
            (Quoted::Text, b'\n') if self.bare_line_feed => {
                self.spaces.clear();
                put(b"\n");
                Quoted::Text
            }
            (Quoted::Text, b'\n') => return Err(TransferError::QuotedLineEnd),
            (Quoted::Text, b'=') => {
                put(&self.spaces);
                self.spaces.clear();
                Quoted::Escape
            }
            (Quoted::Text, b'!'..=b'~') => {
                put(&self.spaces);
                self.spaces.clear();
                put(&[byte]);
                Quoted::Text
            }
            (Quoted::Text, _) => return Err(TransferError::QuotedByte),
            (Quoted::Return, b'\n') => {
                // White space at the end of a line was added on the way (rule 3).
                self.spaces.clear();
                put(b"\r\n");
                Quoted::Text
            }
            (Quoted::Return, _) => return Err(TransferError::QuotedLineEnd),
            (Quoted::Escape | Quoted::Padding, b' ' | b'\t') => Quoted::Padding,
            (Quoted::Escape | Quoted::Padding, b'\r') => Quoted::SoftReturn,
            (Quoted::Escape | Quoted::Padding, b'\n') if self.bare_line_feed => Quoted::Text,
            (Quoted::SoftReturn, b'\n') => Quoted::Text,
            (Quoted::Escape, digit) => Quoted::Digit(hexadecimal(digit)?),
            (Quoted::Digit(high), digit) => {
                put(&[high << 4 | hexadecimal(digit)?]);
                Quoted::Text
            }
            (Quoted::Padding | Quoted::SoftReturn, _) => return Err(TransferError::QuotedEscape),
        };
        Ok(())
    }

    pub(super) fn finish(&self) -> Result<(), TransferError> {
        match self.state {
            Quoted::Text => Ok(()),
            Quoted::Return => Err(TransferError::QuotedLineEnd),
            _ => Err(TransferError::QuotedTruncated),
        }
    }
}

fn hexadecimal(digit: u8) -> Result<u8, TransferError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(TransferError::QuotedEscape),
    }
}

/// Why base64 text was refused, and where; [`Base64Reader`] carries it inside an `io::Error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{error} (byte {byte} of the base64 text)")]
pub struct Base64Fault {
    /// The rule.
    pub error: TransferError,
    /// Byte of the base64 text, from 0.
    pub byte: u64,
}

impl Base64Fault {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        self.error.code()
    }

    /// The same as `Display`, in Japanese.
    pub fn message_ja(&self) -> String {
        format!("{}（base64 の {} バイト目）", self.error.message_ja(), self.byte)
    }
}

const OUTPUT: usize = 12 * 1024;

/// Decodes base64 text strictly as it is read: inline SOAP data in bounded memory.
///
/// Every good byte comes before the error, which is a [`Base64Fault`] inside an `io::Error`; errors of the input pass
/// through as they are.
pub struct Base64Reader<R> {
    input: R,
    decoder: Base64,
    output: Box<[u8]>,
    start: usize,
    end: usize,
    byte: u64,
    fault: Option<Base64Fault>,
}

impl<R: BufRead> Base64Reader<R> {
    /// A decoder over text that is all base64 and white space.
    pub fn new(input: R) -> Self {
        Self::starting_at(input, 0)
    }

    /// The same over text whose first `byte` bytes, white space, are behind us.
    pub(crate) fn starting_at(input: R, byte: u64) -> Self {
        let output = vec![0; OUTPUT].into_boxed_slice();
        Self { input, decoder: Base64::default(), output, start: 0, end: 0, byte, fault: None }
    }

    /// What the text is read from: after a fault it gives the byte that is wrong, or has ended.
    pub(crate) fn input(&self) -> &R {
        &self.input
    }

    /// The text's reader.
    pub fn into_inner(self) -> R {
        self.input
    }
}

impl<R: BufRead> BufRead for Base64Reader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.start == self.end {
            if let Some(fault) = self.fault {
                return Err(io::Error::new(io::ErrorKind::InvalidData, fault));
            }
            let text = self.input.fill_buf()?;
            if text.is_empty() {
                let Err(error) = self.decoder.finish() else { break };
                self.fault = Some(Base64Fault { error, byte: self.byte });
                continue;
            }
            let Step { taken, made, error } = self.decoder.step(text, &mut self.output);
            self.input.consume(taken);
            self.byte += taken as u64;
            (self.start, self.end) = (0, made);
            self.fault = error.map(|error| Base64Fault { error, byte: self.byte });
        }
        Ok(&self.output[self.start..self.end])
    }

    fn consume(&mut self, amount: usize) {
        self.start = (self.start + amount).min(self.end);
    }
}

impl<R: BufRead> Read for Base64Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}
