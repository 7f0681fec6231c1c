//! Checking against a schema, beside xmllint (libxml2's streaming validator) and `quick-xml` that only parses.

use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::figure::{Bound, Figure, each, median};
use super::{Bench, pinned};
use crate::needs::{Need, PYTHON};
use crate::workspace::{cargo, check, root};

/// The peer, and what makes the data.
pub(super) const NEEDS: [Need; 2] = [Need { program: "xmllint", package: "libxml2-utils" }, PYTHON];

/// The longest that one program may take with one file, in seconds.
const LIMIT: Option<u64> = Some(300);
const CORE: usize = 0;
/// The record of the gateway's own layout.
pub(super) const RECORD: &str = "{urn:example:city:attributes:1}Record";
/// Types of the large schema.
const TYPES: usize = 2_000;

/// One document and how it is checked.
pub(super) struct Subject {
    pub(super) name: &'static str,
    pub(super) schema: &'static str,
    /// What the generator is told.
    pub(super) options: &'static [&'static str],
    /// At least so many times as fast as xmllint.
    times: f64,
    /// At least so many times as fast as `quick-xml`.
    parser: Option<f64>,
    /// Most instructions a byte: a fifth more than there were when this was written.
    pub(super) instructions: f64,
}

pub(super) const SUBJECTS: [Subject; 4] = [
    Subject {
        name: "E",
        schema: "attribute.xsd",
        options: &[],
        times: 3.0,
        parser: Some(1.0),
        instructions: 18.0,
    },
    Subject {
        name: "L",
        schema: "attribute.xsd",
        options: &["--ages", "list"],
        times: 3.0,
        parser: None,
        instructions: 18.0,
    },
    Subject {
        name: "E, every record unlike",
        schema: "attribute.xsd",
        options: &["--unlike"],
        times: 1.5,
        parser: None,
        instructions: 180.0,
    },
    Subject {
        name: "L, with a key",
        schema: "attribute-key.xsd",
        options: &["--ages", "list"],
        times: 2.0,
        parser: None,
        instructions: 22.0,
    },
];

/// Measures each subject in rounds of: `sekisho validate`, xmllint, `quick-xml`, on one core; then CSV and a large schema.
pub(super) fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let (records, rounds) = if bench.quick { (10_000, 2) } else { (400_000, 3) };
    let folder = bench.fresh("checking")?;
    check(cargo().args(["build", "--release", "--locked", "-p", "sekisho-xml", "--example", "namespaces"]))?;
    let mut figures = Vec::new();
    for subject in &SUBJECTS {
        let file = generate(&folder, records, "xml", subject.options)?;
        figures.extend(beside(bench, subject, &file, rounds)?);
        std::fs::remove_file(&file)?;
    }
    figures.extend(csv(bench, &folder, records, rounds)?);
    figures.push(large_schema(bench, &folder, rounds)?);
    std::fs::remove_dir_all(&folder)?;
    Ok(figures)
}

fn beside(bench: &Bench, subject: &Subject, file: &Path, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let schema = root().join("gateway/xsd/tests/data").join(subject.schema);
    let megabytes = std::fs::metadata(file)?.len() as f64 / 1e6;
    let (mut own, mut xmllint, mut parser) = (vec![], vec![], vec![]);
    let mut peak: f64 = 0.0;
    for _ in 0..rounds {
        let (seconds, memory) = timed(validate(bench, &schema).arg(file))?;
        own.push(seconds);
        peak = peak.max(memory);
        let mut command = pinned(CORE, LIMIT, Path::new("xmllint"));
        xmllint.push(
            timed(command.args(["--stream", "--noout", "--nonet", "--schema"]).arg(&schema).arg(file))?.0,
        );
        if subject.parser.is_some() {
            parser.push(timed(pinned(CORE, LIMIT, &bench.programs.path("examples/namespaces")).arg(file))?.0);
        }
    }
    let idle =
        timed(validate(bench, &schema).arg(generate(file.parent().context("no folder")?, 1, "xml", &[])?))?.1;
    let ratio = |peer: &[f64]| median(peer) / median(&own);
    let speeds = |seconds: &[f64]| seconds.iter().map(|seconds| megabytes / seconds).collect::<Vec<_>>();
    let name = format!("checking XML {}", subject.name);
    let note = format!(
        "{megabytes:.0} MB on one core: {} MB/s, xmllint --stream --schema {} MB/s",
        each(&speeds(&own)),
        each(&speeds(&xmllint))
    );
    let mut figures = vec![
        Figure::new(format!("{name}, against xmllint"), ratio(&xmllint), "x")
            .bound(Bound::AtLeast(subject.times))
            .note(note),
    ];
    if let Some(times) = subject.parser {
        let note = format!("quick-xml's NsReader alone {} MB/s", each(&speeds(&parser)));
        let figure = Figure::new(format!("{name}, against quick-xml that only parses"), ratio(&parser), "x");
        figures.push(figure.bound(Bound::AtLeast(times)).note(note));
    }
    let most = if subject.schema.contains("key") { 24.0 } else { 8.0 };
    let memory = Figure::new(format!("{name}, peak over one record"), peak - idle, "MiB");
    figures.push(
        memory.bound(Bound::AtMost(most)).note(format!("peak {peak:.1} MiB, with one record {idle:.1}")),
    );
    Ok(figures)
}

fn csv(bench: &Bench, folder: &Path, records: u64, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let file = folder.join("records.csv");
    let mut command = bench.programs.command("sekisho-generate");
    check(command.args(["--records", &records.to_string(), "--output"]).arg(&file))?;
    let megabytes = std::fs::metadata(&file)?.len() as f64 / 1e6;
    let mut speeds = Vec::new();
    for _ in 0..rounds {
        let mut command = validate(bench, &root().join("schemas/attributes.xsd"));
        command.args(["--record", RECORD, "--format", "csv"]).arg(&file);
        speeds.push(megabytes / timed(&mut command)?.0);
    }
    let note = format!("{records} records, {megabytes:.0} MB on one core: {}", each(&speeds));
    Ok(vec![Figure::new("checking CSV", median(&speeds), "MB/s").bound(Bound::AtLeast(350.0)).note(note)])
}

/// The time from the start of the program to its end, for a schema of many types and a document of one element.
fn large_schema(bench: &Bench, folder: &Path, rounds: usize) -> anyhow::Result<Figure> {
    let (schema, document) = (folder.join("large.xsd"), folder.join("small.xml"));
    std::fs::write(&schema, schema_of(TYPES))?;
    std::fs::write(&document, "<root xmlns='urn:large'><e0><a>1</a><b>x</b></e0></root>")?;
    let mut times = Vec::new();
    for _ in 0..rounds.max(5) {
        times.push(timed(validate(bench, &schema).arg(&document))?.0 * 1e3);
    }
    Ok(Figure::new(format!("a schema of {TYPES} types to ready"), median(&times), "ms")
        .bound(Bound::AtMost(200.0))
        .note(format!("start of the program, reading, compiling, one small document: {}", each(&times))))
}

/// A schema in which half of the types are simple ones with facets, and the other half elements' types that use them.
fn schema_of(types: usize) -> String {
    let mut text = String::from(
        "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' xmlns='urn:large' targetNamespace='urn:large' \
         elementFormDefault='qualified'>\n<xs:element name='root'><xs:complexType><xs:choice maxOccurs='unbounded'>\n",
    );
    // Writing to a string cannot fail.
    for n in 0..types / 2 {
        let _ = writeln!(text, "<xs:element name='e{n}' type='C{n}'/>");
    }
    text.push_str("</xs:choice></xs:complexType></xs:element>\n");
    for n in 0..types / 2 {
        let _ = writeln!(
            text,
            "<xs:simpleType name='S{n}'><xs:restriction base='xs:string'><xs:pattern value='[a-z]{{1,{}}}'/>\
             </xs:restriction></xs:simpleType>\n<xs:complexType name='C{n}'><xs:sequence>\
             <xs:element name='a' type='xs:int'/><xs:element name='b' type='S{n}' minOccurs='0'/></xs:sequence>\
             </xs:complexType>",
            n % 20 + 1
        );
    }
    text.push_str("</xs:schema>\n");
    text
}

fn validate(bench: &Bench, schema: &Path) -> Command {
    let mut command = pinned(CORE, LIMIT, &bench.programs.path("sekisho"));
    command.arg("validate").arg("--schema").arg(schema);
    command
}

pub(super) fn generate(
    folder: &Path,
    records: u64,
    format: &str,
    options: &[&str],
) -> anyhow::Result<PathBuf> {
    let file = folder.join(format!("{records}{}.{format}", options.concat()));
    let script = root().join("conformance/attribute/gen_attribute_xml.py");
    let mut command = Command::new("python3");
    command.arg(script).args(["--records", &records.to_string(), "--format", format]).args(options);
    check(command.stdout(File::create(&file)?))?;
    // Read from the page cache by all.
    std::io::copy(&mut File::open(&file)?, &mut std::io::sink())?;
    Ok(file)
}

/// Seconds that a program takes, and the most memory that it had, in MiB, looked at every few milliseconds.
fn timed(command: &mut Command) -> anyhow::Result<(f64, f64)> {
    let started = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak = 0.0_f64;
    loop {
        // `taskset` becomes the program; `timeout` has it as a child.
        peak = peak.max(peak_of(&status)).max(peak_of_children(child.id()));
        if let Some(status) = child.try_wait()? {
            if !status.success() {
                bail!("{command:?} failed: {status}");
            }
            return Ok((started.elapsed().as_secs_f64(), peak));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn peak_of_children(process: u32) -> f64 {
    let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let children = children.unwrap_or_default();
    let peaks = children.split_whitespace().map(|child| peak_of(Path::new(&format!("/proc/{child}/status"))));
    peaks.fold(0.0, f64::max)
}

fn peak_of(status: &Path) -> f64 {
    let text = std::fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kibibytes.unwrap_or_default() / 1024.0
}
