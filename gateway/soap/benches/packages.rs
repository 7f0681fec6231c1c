//! How fast packages are read, by transfer encoding: `cargo bench -p sekisho-soap`.
//! Without `--bench` (as tests run it) the packages are small and only show that everything still runs.

use std::io::{self, BufRead, Read, Write};
use std::time::Instant;

use base64::Engine as _;
use sekisho_soap::{MultipartReader, PartLimits};

const BOUNDARY: &str = "uuid:e9cbabb7-f036-4956-b2c3-bbe0572ce287";

/// The same lines over and over: CSV as clients attach it, some of it CR LF.
fn lines(encoding: &str) -> Vec<u8> {
    let csv: String = (0..2_280)
        .map(|i| format!("U{i:07},20250401,{},19{:02},{:02},0,1\r\n", i % 3, i % 100, i % 12))
        .collect();
    if encoding != "base64" {
        return csv.into_bytes();
    }
    // A whole number of quanta, so that the text can be repeated.
    let text = base64::engine::general_purpose::STANDARD.encode(&csv.as_bytes()[..csv.len() / 57 * 57]);
    text.as_bytes().chunks(76).flat_map(|line| [line, b"\r\n"].concat()).collect()
}

struct Cycle {
    piece: Vec<u8>,
    at: usize,
}

impl Read for Cycle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = &self.piece[self.at..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at = (self.at + count) % self.piece.len();
        Ok(count)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let size: u64 = if std::env::args().any(|argument| argument == "--bench") { 1 << 30 } else { 1 << 20 };
    let mut out = io::stdout().lock();
    for encoding in ["binary", "8bit", "7bit", "base64", "quoted-printable"] {
        let piece = lines(encoding);
        let length = size / piece.len() as u64 * piece.len() as u64;
        let head = format!("--{BOUNDARY}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n");
        let tail = format!("\r\n--{BOUNDARY}--\r\n");
        let input = head.as_bytes().chain(Cycle { piece, at: 0 }.take(length)).chain(tail.as_bytes());
        let start = Instant::now();
        let mut reader = MultipartReader::new(input, BOUNDARY, PartLimits::default());
        reader.next_part()?;
        let mut body = reader.body();
        let mut bytes = 0;
        loop {
            let count = body.fill_buf()?.len();
            if count == 0 {
                break;
            }
            bytes += count as u64;
            body.consume(count);
        }
        assert!(reader.next_part()?.is_none() && bytes > 0);
        let seconds = start.elapsed().as_secs_f64();
        writeln!(out, "{encoding:18} {:9.1} MB/s on the wire", length as f64 / 1e6 / seconds)?;
    }
    Ok(())
}
