//! Character content, comments and processing instructions of any size pass in bounded memory. Alone in its file: the figure is the whole process's.
#![cfg(target_os = "linux")]

use std::io::{self, BufReader, Read};

use sekisho_xml::{Event, Limits, ProcessingInstructions, Reader};

const CONTENT_BYTES: u64 = 48 * 1024 * 1024;

/// Peak resident memory so far, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

/// Base64 in lines, as MIME-minded stacks write it, over and over.
struct Lines(u64);

impl Read for Lines {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let line = b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0&#xD;\n";
        for byte in buffer.iter_mut() {
            *byte = line[(self.0 % line.len() as u64) as usize];
            self.0 += 1;
        }
        Ok(buffer.len())
    }
}

#[test]
fn what_is_not_one_piece_passes_in_bounded_memory() {
    let mut lengths = Vec::new();
    let before = peak_kib();
    for (open, close) in [("<a><b>", "</b></a>"), ("<a><b><![CDATA[", "]]></b></a>")] {
        let content = open.as_bytes().chain(Lines(0).take(CONTENT_BYTES)).chain(close.as_bytes());
        let mut reader = Reader::new(BufReader::new(content), Limits::default());
        reader.next().expect("a");
        reader.next().expect("b");
        lengths.push(io::copy(&mut reader.text_stream(), &mut io::sink()).expect("well-formed"));
        assert!(matches!(reader.next(), Ok(Event::End(a)) if a.local() == "a"));
        assert!(matches!(reader.next(), Ok(Event::Eof)));
    }
    for (open, close) in
        [("<a><!--", "--></a>"), ("<a><?b ", "?></a>"), ("<!--", "--><a/>"), ("<a/><?b ", "?>")]
    {
        let content = open.as_bytes().chain(Lines(0).take(CONTENT_BYTES)).chain(close.as_bytes());
        let limits = Limits {
            passed_bytes: 2 * CONTENT_BYTES as usize,
            processing_instructions: ProcessingInstructions::Skip,
            ..Limits::default()
        };
        let mut reader = Reader::new(BufReader::new(content), limits);
        while !matches!(reader.next().expect("well-formed"), Event::Eof) {}
        assert_eq!(reader.comments() + reader.processing_instructions(), 1);
    }
    let grown = peak_kib() - before;
    assert_eq!(lengths[1], CONTENT_BYTES);
    assert!(lengths[0] > CONTENT_BYTES * 9 / 10 && lengths[0] < CONTENT_BYTES);
    assert!(grown < 4 * 1024, "{grown} KiB more for {CONTENT_BYTES} bytes of content");
}
