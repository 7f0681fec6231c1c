//! How fast documents are read, beside bare `quick-xml` on the same input: `cargo bench -p sekisho-xml`.
//! Without `--bench` (as tests run it) the inputs are small and only show that everything still runs.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::time::Instant;

use sekisho_charset::{Decoder, Encoding, Unmappable, encode};
use sekisho_xml::{Event, Limits, Reader};

/// A document of any size: a head, one record over and over, a tail.
struct Document {
    head: Vec<u8>,
    record: Vec<u8>,
    tail: Vec<u8>,
}

impl Document {
    fn new(head: &str, record: &str, tail: &str, encoding: Encoding) -> Self {
        let bytes = |text: &str| {
            let mut bytes = Vec::new();
            encode(text, encoding, &mut bytes).map(|()| bytes).unwrap_or_default()
        };
        Document { head: bytes(head), record: bytes(record), tail: bytes(tail) }
    }

    /// The document with about `size` bytes, and its exact length.
    fn of_size(&self, size: u64) -> (impl Read + '_, u64) {
        let records = size / self.record.len() as u64;
        let body = Cycle { record: &self.record, at: 0 }.take(records * self.record.len() as u64);
        let length = self.head.len() as u64 + records * self.record.len() as u64 + self.tail.len() as u64;
        ((&self.head[..]).chain(body).chain(&self.tail[..]), length)
    }
}

struct Cycle<'a> {
    record: &'a [u8],
    at: usize,
}

impl Read for Cycle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            let piece = &self.record[self.at..];
            let length = piece.len().min(buffer.len() - filled);
            buffer[filled..filled + length].copy_from_slice(&piece[..length]);
            filled += length;
            self.at = (self.at + length) % self.record.len();
        }
        Ok(filled)
    }
}

fn events<R: BufRead>(input: R) -> Result<u64, Box<dyn std::error::Error>> {
    let mut reader = Reader::new(input, Limits::default());
    let mut events = 0;
    while !matches!(reader.next()?, Event::Eof) {
        events += 1;
    }
    Ok(events)
}

fn content<R: BufRead>(input: R) -> Result<u64, Box<dyn std::error::Error>> {
    let mut reader = Reader::new(input, Limits::default());
    reader.next()?;
    Ok(io::copy(&mut reader.text_stream(), &mut io::sink())?)
}

fn bare<R: BufRead>(input: R) -> Result<u64, Box<dyn std::error::Error>> {
    let mut reader = quick_xml::Reader::from_reader(input);
    let (mut buffer, mut events) = (Vec::new(), 0);
    while !matches!(reader.read_event_into(&mut buffer)?, quick_xml::events::Event::Eof) {
        buffer.clear();
        events += 1;
    }
    Ok(events)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let size: u64 = if std::env::args().any(|argument| argument == "--bench") { 256 << 20 } else { 1 << 20 };
    let elements: String =
        (0..120).map(|age| format!("<Age{age:03}>{}</Age{age:03}>", age * 7 % 10)).collect();
    let elements = format!("<Record><UserId>0123456789abcdef</UserId>{elements}</Record>\n");
    let prefixed = elements.replace("</", "</m:").replace('<', "<m:").replace("<m:/m:", "</m:");
    let list = format!(
        "<Record No=\"1\" Kind='a'><UserId>0123456789abcdef</UserId><Town>千代田区霞が関&amp;一</Town><Ages>{}</Ages></Record>\n",
        "1 0 2 ".repeat(100)
    );
    let base64 = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0\r\n";
    let head =
        "<?xml version=\"1.0\"?>\n<m:List xmlns:m=\"urn:example:attributes\" xmlns=\"urn:example:a\">\n";
    let utf8 = |record: &str| Document::new(head, record, "</m:List>", Encoding::Utf8);
    let mut out = io::stdout().lock();
    let mut report =
        |what: &str, length: u64, run: &mut dyn FnMut() -> Result<u64, Box<dyn std::error::Error>>| {
            let start = Instant::now();
            let count = run()?;
            let seconds = start.elapsed().as_secs_f64();
            writeln!(out, "{what:44} {:8.1} MB/s  {count:>12}", length as f64 / 1e6 / seconds)?;
            Ok::<(), Box<dyn std::error::Error>>(())
        };
    for (name, record) in
        [("an element for each age", &elements), ("the same, prefixed", &prefixed), ("ages as a list", &list)]
    {
        let document = utf8(record);
        let length = document.of_size(size).1;
        report(&format!("{name}: bare quick-xml"), length, &mut || {
            bare(BufReader::with_capacity(65_536, document.of_size(size).0))
        })?;
        report(&format!("{name}: this reader"), length, &mut || {
            events(BufReader::with_capacity(65_536, document.of_size(size).0))
        })?;
        report(&format!("{name}: with the decoder"), length, &mut || {
            events(Decoder::new(document.of_size(size).0, Encoding::Utf8, Unmappable::Refuse))
        })?;
    }
    let document = Document::new(head, &list, "</m:List>", Encoding::Windows31J);
    report("ages as a list: Windows-31J", document.of_size(size).1, &mut || {
        events(Decoder::new(document.of_size(size).0, Encoding::Windows31J, Unmappable::Refuse))
    })?;
    let document = utf8(base64);
    report("base64 in lines: as a stream", document.of_size(size).1, &mut || {
        content(BufReader::with_capacity(65_536, document.of_size(size).0))
    })?;
    Ok(())
}
