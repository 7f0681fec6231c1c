//! Payloads by format: bytes into record sources.

use std::io::{BufReader, Chain, Cursor, Read};

use sekisho_charset::{Decoder, Encoding};
use sekisho_records::{CsvOptions, CsvReader, JsonForm, JsonLimits, JsonReader, XmlOptions, XmlRecords};
use sekisho_xml::{Limits, ProcessingInstructions, Reader, detect_encoding, head_bytes};

use super::errors::from_detection;
use super::{Digesting, Intake, PayloadDigest, Scans, from_io};
use crate::refusal::Refusal;
use crate::route::{Format, Route};

/// A document whose first bytes have been looked at.
pub(crate) type LookedAt<R> = Chain<Cursor<Vec<u8>>, R>;

/// The encoding of an XML document: what its label says, or else its byte order mark, then its declaration, then UTF-8
/// (RFC 7303 §3, XML 1.0 appendix F).
pub(crate) fn xml_encoding<R: Read>(
    mut input: R,
    label: Option<Encoding>,
) -> Result<(Encoding, LookedAt<R>), Refusal> {
    let mut head = Vec::new();
    (&mut input).take(head_bytes(label)).read_to_end(&mut head).map_err(|error| from_io(&error))?;
    let encoding = detect_encoding(&head, label).map_err(from_detection)?;
    Ok((encoding, Cursor::new(head).chain(input)))
}

/// Takes every record of one payload, to the last byte, and has its verdict where it is scanned. `charset` is what its label says.
pub(crate) fn read_payload(
    input: impl Read,
    format: Format,
    charset: Option<Encoding>,
    route: &Route,
    scans: Option<&Scans>,
    intake: &mut Intake<'_>,
) -> Result<PayloadDigest, Refusal> {
    let mut input = Digesting::new(input, scans.map(Scans::begin), intake.keeps());
    let unmappable = route.records.unmappable;
    let replaced = {
        let usual = charset.unwrap_or(route.records.charset);
        match format {
            Format::Csv => {
                let options = csv_options(route);
                let mut text = Decoder::new(&mut input, usual, unmappable);
                let mut records = CsvReader::new(&mut text, &route.records.layout, &options)
                    .map_err(|error| Refusal::internal("csv options do not fit the layout", &error))?;
                intake.drain(&mut records)?;
                text.replaced()
            }
            Format::Json | Format::Ndjson => {
                let form = if format == Format::Json { JsonForm::Array } else { JsonForm::Lines };
                let mut text = Decoder::new(&mut input, usual, unmappable);
                let layout = &route.records.layout;
                intake.drain(&mut JsonReader::new(&mut text, layout, form, json_limits(route)))?;
                text.replaced()
            }
            Format::Xml => {
                let (encoding, input) = xml_encoding(&mut input, charset)?;
                let mut text = Decoder::new(input, encoding, unmappable);
                let mut xml = Reader::new(&mut text, xml_limits(route, ProcessingInstructions::Skip));
                let options = xml_options(route);
                intake.drain(&mut XmlRecords::from_document(&mut xml, &route.records.layout, options))?;
                text.replaced()
            }
        }
    };
    // A reader of records may stop at the end of what it knows; the sender's bytes go on to their own end.
    let mut rest = BufReader::with_capacity(4096, &mut input);
    std::io::copy(&mut rest, &mut std::io::sink()).map_err(|error| from_io(&error))?;
    drop(rest);
    Ok(PayloadDigest { replaced, ..input.finish()? })
}

/// How CSV is read on a route.
pub fn csv_options(route: &Route) -> CsvOptions {
    CsvOptions {
        max_field_bytes: route.limits.field_bytes,
        max_record_bytes: route.limits.record_bytes,
        ..route.records.csv.clone()
    }
}

/// What JSON may be like on a route.
pub fn json_limits(route: &Route) -> JsonLimits {
    JsonLimits {
        value_bytes: route.limits.field_bytes,
        record_bytes: route.limits.record_bytes,
        depth: route.limits.depth,
    }
}

/// The limits of the XML reader on a route.
pub fn xml_limits(route: &Route, processing_instructions: ProcessingInstructions) -> Limits {
    let mut limits = Limits::default();
    limits.depth = route.limits.depth;
    limits.attribute_value_bytes = limits.attribute_value_bytes.min(route.limits.field_bytes);
    limits.processing_instructions = processing_instructions;
    limits
}

/// How record elements are taken on a route.
pub fn xml_options(route: &Route) -> XmlOptions {
    XmlOptions { max_field_bytes: route.limits.field_bytes, max_record_bytes: route.limits.record_bytes }
}
