//! One file against the schema: as an XML document, or as records.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use sekisho_charset::{Decoder, Encoding, Unmappable};
use sekisho_edge::refusal::{Class, Location, Refusal};
use sekisho_edge::route::Route;
use sekisho_edge::trial::{self, Trial};
use sekisho_policy::Judge;
use sekisho_records::{
    CsvOptions, CsvReader, JsonForm, JsonLimits, JsonReader, Layout, Next, ReadError, ReadErrorKind, Record,
    RecordChecker, RecordSource, Violations, XmlOptions, XmlRecords,
};
use sekisho_xml::{Detected, Limits, ProcessingInstructions, Reader, detect_encoding, head_bytes};
use sekisho_xsd::{DocumentError, Schema, Telling};

use super::finding::{End, Finding, Verdict};
use crate::cli::FormatArg;
use crate::config::words;
use crate::language::{Text, text};

/// The violations of a record that are told.
const TOLD_AT_ONCE: u64 = 1000;
/// The violations at which the check of records ends, as that of a document does.
const MOST_COUNTED: u64 = 100_000;

/// What files are held to.
pub(super) struct Check {
    pub(super) schema: Schema,
    /// They hold records; otherwise they are XML documents.
    pub(super) records: Option<Records>,
    /// The files' encoding, before what they say themselves.
    pub(super) charset: Option<Encoding>,
    /// The most violations that are told of one file.
    pub(super) violations: u64,
    pub(super) show_values: bool,
}

/// How files hold records of one element.
pub(super) struct Records {
    pub(super) layout: Arc<Layout>,
    pub(super) format: FormatArg,
    csv: CsvOptions,
    json: JsonLimits,
    xml: Limits,
    elements: XmlOptions,
    unmappable: Unmappable,
    /// Whose batch they are to be; it says what of them may leave, too.
    route: Option<Arc<Route>>,
}

impl Records {
    /// Those of a layout, whoever takes them.
    pub(super) fn of_layout(layout: Layout, format: FormatArg) -> Self {
        // As at a REST door; messages in SOAP must have none (WS-I Basic Profile 1.2, R1009).
        let xml = Limits { processing_instructions: ProcessingInstructions::Skip, ..Limits::default() };
        Self {
            layout: Arc::new(layout),
            format,
            csv: CsvOptions::default(),
            json: JsonLimits::default(),
            xml,
            elements: XmlOptions::default(),
            unmappable: Unmappable::Refuse,
            route: None,
        }
    }

    /// Those of a route, as its doors read them.
    pub(super) fn of_route(route: &Arc<Route>, format: FormatArg) -> Self {
        Self {
            layout: Arc::clone(&route.records.layout),
            format,
            csv: trial::csv_options(route),
            json: trial::json_limits(route),
            xml: trial::xml_limits(route, ProcessingInstructions::Skip),
            elements: trial::xml_options(route),
            unmappable: route.records.unmappable,
            route: Some(Arc::clone(route)),
        }
    }
}

/// Findings on their way out, the first ones told, all counted.
struct Findings<'s> {
    sink: &'s mut dyn FnMut(Finding),
    most: u64,
    count: u64,
    /// A record has more than were counted.
    more: bool,
}

impl Findings<'_> {
    fn add(&mut self, finding: impl Into<Finding>) {
        self.count += 1;
        if self.count <= self.most {
            (self.sink)(finding.into());
        }
    }

    /// What ends the check is told in any case; gives what [`Check::file`] wants to know.
    fn end_with(&mut self, finding: impl Into<Finding>) -> (u64, bool) {
        self.most = self.most.max(self.count + 1);
        self.add(finding);
        (self.count, false)
    }
}

impl Findings<'_> {
    /// What the gateway would say of the batch as a whole, behind the records that it names. `None`: not the batch is at fault.
    fn refuse(&mut self, refusal: Refusal, place: Option<(u64, u64)>) -> Option<()> {
        if matches!(refusal.class, Class::Storage | Class::Internal) {
            return None;
        }
        let mut whole = Finding::from(&refusal);
        let Location { line, column, .. } = &refusal.location;
        whole.place = place.or(line.zip(*column));
        for violation in refusal.violations.into_iter().flat_map(|violations| violations.into_listed()) {
            let finding = Finding::from(violation);
            whole.place = whole.place.or(finding.place);
            self.add(finding);
        }
        whole.place = whole.place.or(Some((1, 1)));
        self.end_with(whole);
        Some(())
    }
}

impl Check {
    /// Checks one file to its end, `-` being standard input.
    pub(super) fn file(&self, file: &Path, sink: &mut dyn FnMut(Finding)) -> End {
        let mut findings = Findings { sink, most: self.violations, count: 0, more: false };
        let outcome =
            open(file).map_err(|error| words::file(file, &error)).and_then(|input| match &self.records {
                None => self.document(input, file, &mut findings),
                Some(records) => self.records(records, input, file, &mut findings),
            });
        let violations = findings.count;
        match outcome {
            Err(why) => End { verdict: Verdict::Unreadable(why), violations, complete: false },
            Ok((violations, complete)) => {
                let verdict = if violations == 0 { Verdict::Valid } else { Verdict::Invalid };
                End { verdict, violations, complete: complete && !findings.more }
            }
        }
    }

    /// How many violations there are, and whether the document was read to its end.
    fn document(
        &self,
        input: impl Read,
        file: &Path,
        findings: &mut Findings<'_>,
    ) -> Result<(u64, bool), Text> {
        let Some(text) = self.decoded(input, Unmappable::Refuse, file, findings)? else {
            return Ok((findings.count, false));
        };
        let telling = Telling { violations: self.violations, values: self.show_values };
        let verdict = self.schema.validate_document_telling(telling, text, &mut |violation| {
            findings.add(violation);
        });
        match verdict {
            Ok(verdict) => Ok((verdict.violations, verdict.complete)),
            Err(DocumentError::Io(error)) => Err(words::file(file, &error)),
            Err(error) => Ok(findings.end_with(&error)),
        }
    }

    /// The text of an XML document. What is wrong with its encoding is found in the document; it can be read.
    fn decoded<R: Read>(
        &self,
        mut input: R,
        unmappable: Unmappable,
        file: &Path,
        findings: &mut Findings<'_>,
    ) -> Result<Option<Detected<R>>, Text> {
        let mut head = Vec::new();
        let read = (&mut input).take(head_bytes(self.charset)).read_to_end(&mut head);
        read.map_err(|error| words::file(file, &error))?;
        match detect_encoding(&head, self.charset) {
            Ok(encoding) => Ok(Some(Decoder::new(Cursor::new(head).chain(input), encoding, unmappable))),
            Err(detected) => {
                findings.end_with(&detected);
                Ok(None)
            }
        }
    }

    fn records(
        &self,
        records: &Records,
        input: impl Read,
        file: &Path,
        findings: &mut Findings<'_>,
    ) -> Result<(u64, bool), Text> {
        if records.format == FormatArg::Xml {
            let Some(text) = self.decoded(input, records.unmappable, file, findings)? else {
                return Ok((findings.count, false));
            };
            let mut reader = Reader::new(text, records.xml);
            let source = XmlRecords::from_document(&mut reader, &records.layout, records.elements);
            return self.each(source, records, file, findings);
        }
        let text = Decoder::new(input, self.charset.unwrap_or(Encoding::Utf8), records.unmappable);
        let json = |text, form| JsonReader::new(text, &records.layout, form, records.json);
        match records.format {
            FormatArg::Json => self.each(json(text, JsonForm::Array), records, file, findings),
            FormatArg::Ndjson => self.each(json(text, JsonForm::Lines), records, file, findings),
            FormatArg::Csv | FormatArg::Xml => {
                let source = CsvReader::new(text, &records.layout, &records.csv)
                    .map_err(|error| words::csv(&error).1)?;
                self.each(source, records, file, findings)
            }
        }
    }

    fn each(
        &self,
        mut source: impl RecordSource,
        records: &Records,
        file: &Path,
        findings: &mut Findings<'_>,
    ) -> Result<(u64, bool), Text> {
        let mut checker = RecordChecker::new(&self.schema, &records.layout).show_values(self.show_values);
        // What is not told need not be put into words.
        let untold = |findings: &Findings<'_>| {
            let untold = findings.most.saturating_sub(findings.count).min(TOLD_AT_ONCE);
            Violations::new(usize::try_from(untold).unwrap_or(usize::MAX))
        };
        let mut violations = untold(findings);
        let mut record = Record::new().with_places();
        let policy = records.route.as_ref().and_then(|route| route.policy.as_ref());
        let mut judge = policy.map(Judge::new);
        // Gone with what is in it when the check ends.
        let mut folder = None;
        let begun = records.route.as_ref().map(|route| {
            Trial::begin(route, || {
                let made = tempfile::tempdir()?;
                Ok(folder.insert(made).path().to_owned())
            })
        });
        let mut trial = begun.transpose().map_err(|_| no_room(file))?;
        loop {
            let mut next = source.next_checked(&mut record, &mut checker, &mut violations);
            if let (Some(judge), Ok(Next::Good)) = (&mut judge, &next)
                && !judge.judge(&record, &mut violations)
            {
                next = Ok(Next::Bad);
            }
            if !violations.is_empty() {
                let more = violations.total() - violations.listed().len() as u64;
                findings.more |= !violations.is_exact();
                violations.into_listed().into_iter().for_each(|violation| findings.add(violation));
                findings.count += more;
                violations = untold(findings);
            }
            if findings.count >= MOST_COUNTED && matches!(next, Ok(Next::Good | Next::Bad)) {
                return Ok((findings.count, false));
            }
            match next {
                Ok(kind @ (Next::Good | Next::Bad)) => {
                    let leaving = || judge.as_ref().map_or(&record, |judge| judge.leaving_of(&record));
                    let leaving = (kind == Next::Good).then(leaving);
                    if let Some(Err(refusal)) = trial.as_mut().map(|trial| trial.take(&record, leaving)) {
                        let place = (record.place().line, record.place().column);
                        findings.refuse(refusal, Some(place)).ok_or_else(|| no_room(file))?;
                        return Ok((findings.count, false));
                    }
                }
                Ok(Next::End) => {
                    if let Some(Err(refusal)) = trial.map(|trial| trial.end(&source.awaited())) {
                        findings.refuse(refusal, None).ok_or_else(|| no_room(file))?;
                    }
                    return Ok((findings.count, true));
                }
                // The file itself failed, not what is in it.
                Err(ReadError { kind: ReadErrorKind::Io(error), .. }) if error.get_ref().is_none() => {
                    return Err(words::file(file, &error));
                }
                Err(error) => return Ok(findings.end_with(&error)),
            }
        }
    }
}

/// Keys that cannot be held against each other are not known to be good.
fn no_room(file: &Path) -> Text {
    let file = words::on_a_line(file);
    text!(
        "{file}: the keys of its records cannot be held against each other: nothing can be written to the folder for \
         temporary files (TMPDIR)",
        "{file}：一時ファイル用フォルダー（TMPDIR）に書き込めないため、レコードのキーの重複を検査できません"
    )
}

fn open(file: &Path) -> io::Result<Box<dyn Read>> {
    if file == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    Ok(Box::new(File::open(file)?))
}
