//! `quick-xml` alone: reads a document with its `NsReader`, checks nothing, and says how many events there were.
//! What the gateway's checking is measured beside.
#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{BufReader, Write};

use quick_xml::NsReader;
use quick_xml::events::Event;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("which file?")?;
    let mut reader = NsReader::from_reader(BufReader::with_capacity(64 * 1024, File::open(path)?));
    let mut buffer = Vec::new();
    let mut events = 0_u64;
    loop {
        buffer.clear();
        let (namespace, event) = reader.read_resolved_event_into(&mut buffer)?;
        std::hint::black_box(namespace);
        if let Event::Eof = event {
            break;
        }
        if let Event::Start(start) | Event::Empty(start) = &event {
            for attribute in start.attributes() {
                std::hint::black_box(attribute?);
            }
        }
        events += 1;
    }
    writeln!(std::io::stdout(), "{events} events")?;
    Ok(())
}
