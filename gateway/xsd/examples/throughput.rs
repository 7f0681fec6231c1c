//! How fast documents are checked: a schema and a document, again and again.

use std::io::{self, Write as _};
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "throughput SCHEMA DOCUMENT [ROUNDS]";
    let schema = sekisho_xsd::Schema::load(Path::new(&arguments.next().ok_or(usage)?), None)?;
    let document = std::fs::read(arguments.next().ok_or(usage)?)?;
    let rounds: usize = arguments.next().map_or(Ok(3), |rounds| rounds.parse())?;
    for _ in 0..rounds {
        let begun = Instant::now();
        let validity = schema.validate_document(&document[..], &mut |_| {})?;
        let seconds = begun.elapsed().as_secs_f64();
        let speed = document.len() as f64 / seconds / 1e6;
        writeln!(io::stdout(), "{speed:.1} MB/s, {} violations", validity.violations)?;
    }
    Ok(())
}
