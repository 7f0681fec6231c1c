//! Payloads by format: bytes into record sources.

use std::io::{BufReader, Read};

use sekisho_charset::{Decoder, Encoding};
use sekisho_records::{
    CsvOptions, CsvReader, JsonForm, JsonLimits, JsonReader, OtherChildren, XmlOptions, XmlRecords,
};
use sekisho_xml::{Limits, ProcessingInstructions, Reader};

use super::{Digesting, Intake, PayloadDigest, from_io};
use crate::refusal::Refusal;
use crate::route::{Format, Route};

/// Takes every record of one payload, to the last byte.
pub(crate) fn read_payload(
    input: impl Read,
    format: Format,
    charset: Encoding,
    route: &Route,
    intake: &mut Intake<'_>,
) -> Result<PayloadDigest, Refusal> {
    let mut input = Digesting::new(input);
    let limits = &route.limits;
    {
        let mut text = Decoder::new(&mut input, charset, route.records.unmappable);
        match format {
            Format::Csv => {
                let options = CsvOptions {
                    max_field_bytes: limits.field_bytes,
                    max_record_bytes: limits.record_bytes,
                    ..route.records.csv.clone()
                };
                let mut records = CsvReader::new(&mut text, &route.records.layout, &options)
                    .map_err(|error| Refusal::internal("csv options do not fit the layout", &error))?;
                intake.drain(&mut records)?;
            }
            Format::Json | Format::Ndjson => {
                let form = if format == Format::Json { JsonForm::Array } else { JsonForm::Lines };
                let limits = JsonLimits {
                    value_bytes: limits.field_bytes,
                    record_bytes: limits.record_bytes,
                    depth: limits.depth,
                };
                intake.drain(&mut JsonReader::new(&mut text, &route.records.layout, form, limits))?;
            }
            Format::Xml => {
                let mut xml = Reader::new(&mut text, xml_limits(route, ProcessingInstructions::Skip));
                let options = xml_options(route);
                intake.drain(&mut XmlRecords::from_document(&mut xml, &route.records.layout, options))?;
            }
        }
    }
    // A reader of records may stop at the end of what it knows; the sender's bytes go on to their own end.
    let mut rest = BufReader::with_capacity(4096, &mut input);
    std::io::copy(&mut rest, &mut std::io::sink()).map_err(|error| from_io(&error))?;
    drop(rest);
    Ok(input.finish())
}

/// The limits of the XML reader on a route.
pub(crate) fn xml_limits(route: &Route, processing_instructions: ProcessingInstructions) -> Limits {
    let mut limits = Limits::default();
    limits.depth = route.limits.depth;
    limits.attribute_value_bytes = limits.attribute_value_bytes.min(route.limits.field_bytes);
    limits.processing_instructions = processing_instructions;
    limits
}

/// How record elements are taken on a route.
pub(crate) fn xml_options(route: &Route) -> XmlOptions {
    XmlOptions {
        others: OtherChildren::SkipBeforeFirst,
        max_field_bytes: route.limits.field_bytes,
        max_record_bytes: route.limits.record_bytes,
    }
}
