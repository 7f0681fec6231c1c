//! Instructions that checking takes for a byte, counted by callgrind: the same on every machine and whatever else it does, so that a
//! trick shows what it is worth, and a change what it costs.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use super::Bench;
use super::checking::{RECORD, SUBJECTS, generate};
use super::figure::{Bound, Figure};
use crate::needs::{Need, PYTHON};
use crate::workspace::root;

/// What counts, and what makes the data.
pub(super) const NEEDS: [Need; 2] = [Need { program: "valgrind", package: "valgrind" }, PYTHON];

/// Records of the two files of a subject: what they differ by has no start of the program in it.
const RECORDS: [u64; 2] = [2_000, 6_000];

/// Most instructions a byte of CSV: a fifth more than there were when this was written.
const CSV: f64 = 50.0;

/// Counts each document of the checking part, and CSV.
pub(super) fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let folder = bench.fresh("counts")?;
    let mut figures = Vec::new();
    for subject in &SUBJECTS {
        let schema = root().join("gateway/xsd/tests/data").join(subject.schema);
        let files = RECORDS.map(|records| generate(&folder, records, "xml", subject.options));
        let [few, many] = files.map(|file| file.and_then(|file| counted(bench, &schema, &[], &file)));
        figures.push(figure(
            format!("instructions a byte, XML {}", subject.name),
            few?,
            many?,
            subject.instructions,
        ));
    }
    let schema = root().join("schemas/attributes.xsd");
    let [few, many] = RECORDS.map(|records| {
        let file = folder.join(format!("{records}.csv"));
        let mut command = bench.programs.command("sekisho-generate");
        crate::workspace::check(command.args(["--records", &records.to_string(), "--output"]).arg(&file))?;
        counted(bench, &schema, &["--record", RECORD, "--format", "csv"], &file)
    });
    figures.push(figure("instructions a byte, CSV".to_owned(), few?, many?, CSV));
    std::fs::remove_dir_all(&folder)?;
    Ok(figures)
}

/// Bytes of a file, and instructions of checking it.
type Count = (f64, f64);

fn figure(name: String, few: Count, many: Count, most: f64) -> Figure {
    let each = (many.1 - few.1) / (many.0 - few.0);
    Figure::new(name, each, "").bound(Bound::AtMost(most)).note(format!(
        "by callgrind, between {} and {} records; {:.0} million before the first",
        RECORDS[0],
        RECORDS[1],
        (few.1 - each * few.0) / 1e6
    ))
}

fn counted(bench: &Bench, schema: &Path, options: &[&str], file: &Path) -> anyhow::Result<Count> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(bench.programs.path("sekisho"));
    command.arg("validate").arg("--schema").arg(schema).args(options).arg(file);
    let output = command.stdout(Stdio::null()).output()?;
    ensure!(output.status.success(), "{command:?} failed: {}", output.status);
    let said = String::from_utf8_lossy(&output.stderr);
    let count =
        said.lines().find_map(|line| line.split_once("Collected :")).context("callgrind counted nothing")?;
    Ok((std::fs::metadata(file)?.len() as f64, count.1.trim().parse()?))
}
