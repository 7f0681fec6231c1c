//! Flat records as CSV, JSON, NDJSON, XML or an XML batch in a SOAP body.

use std::io::{self, Write};

use clap::ValueEnum;

/// Format of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// RFC 4180 with a header row and CRLF.
    Csv,
    /// An array of objects, values as strings.
    Json,
    /// An object a line.
    Ndjson,
    /// The batch element of the schema.
    Xml,
    /// The batch element in the body of a SOAP 1.1 envelope.
    SoapXml,
}

/// Names of a layout: namespace, batch element, record element, fields in order.
pub(super) struct Names {
    pub(super) namespace: &'static str,
    pub(super) batch: &'static str,
    pub(super) record: &'static str,
    pub(super) fields: Vec<String>,
}

/// The values of one record in the order of the fields; reused from record to record.
#[derive(Default)]
pub(super) struct Values {
    text: String,
    /// End of each value in `text`; absent values have `None`.
    ends: Vec<Option<u32>>,
}

impl Values {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// Adds the next field's value.
    pub(super) fn push(&mut self, value: &str) {
        self.push_with(|text| text.push_str(value));
    }

    /// Adds the next field's value as `fill` appends it.
    pub(super) fn push_with(&mut self, fill: impl FnOnce(&mut String)) {
        fill(&mut self.text);
        self.ends.push(Some(self.text.len() as u32));
    }

    /// Leaves the next field out.
    pub(super) fn absent(&mut self) {
        self.ends.push(None);
    }

    /// The number of fields pushed or left out so far.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Replaces the value of field `index`, which must be present, by `value`.
    pub(super) fn replace(&mut self, index: usize, value: &str) {
        let start = self.ends[..index].iter().rev().flatten().next().copied().unwrap_or(0);
        let Some(end) = self.ends[index] else { return };
        self.text.replace_range(start as usize..end as usize, value);
        let grown = value.len() as i64 - i64::from(end - start);
        for later in self.ends[index..].iter_mut().flatten() {
            *later = (i64::from(*later) + grown) as u32;
        }
    }

    fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let end = (*end)? as usize;
            let value = &self.text[start..end];
            start = end;
            Some(value)
        })
    }
}

/// Writes flat records in one format.
pub(super) struct Writer<'o> {
    out: &'o mut dyn Write,
    form: Form,
    line: Vec<u8>,
    records: u64,
}

impl<'o> Writer<'o> {
    pub(super) fn new(out: &'o mut dyn Write, form: Form) -> Self {
        Writer { out, form, line: Vec::new(), records: 0 }
    }

    pub(super) fn begin(&mut self, names: &Names) -> io::Result<()> {
        match self.form {
            Form::Csv => {
                self.out.write_all(names.fields.join(",").as_bytes())?;
                self.out.write_all(b"\r\n")
            }
            Form::Json => self.out.write_all(b"[\n"),
            Form::Ndjson => Ok(()),
            Form::Xml => begin_xml(self.out, names, false),
            Form::SoapXml => begin_xml(self.out, names, true),
        }
    }

    pub(super) fn record(&mut self, names: &Names, values: &Values) -> io::Result<()> {
        self.line.clear();
        match self.form {
            Form::Csv => csv_line(&mut self.line, values),
            Form::Json => {
                if self.records > 0 {
                    self.line.extend_from_slice(b",\n");
                }
                json_object(&mut self.line, names, values);
            }
            Form::Ndjson => {
                json_object(&mut self.line, names, values);
                self.line.push(b'\n');
            }
            Form::Xml | Form::SoapXml => xml_record(&mut self.line, names, values),
        }
        self.records += 1;
        self.out.write_all(&self.line)
    }

    pub(super) fn end(&mut self, names: &Names) -> io::Result<()> {
        match self.form {
            Form::Csv | Form::Ndjson => {}
            Form::Json => self.out.write_all(b"\n]\n")?,
            Form::Xml => end_xml(self.out, names, false)?,
            Form::SoapXml => end_xml(self.out, names, true)?,
        }
        self.out.flush()
    }
}

pub(super) fn begin_xml(out: &mut dyn Write, names: &Names, soap: bool) -> io::Result<()> {
    out.write_all(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")?;
    if soap {
        out.write_all(b"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\n")?;
    }
    writeln!(out, "<{} xmlns=\"{}\">", names.batch, names.namespace)
}

pub(super) fn end_xml(out: &mut dyn Write, names: &Names, soap: bool) -> io::Result<()> {
    writeln!(out, "</{}>", names.batch)?;
    if soap {
        out.write_all(b"</s:Body></s:Envelope>\n")?;
    }
    Ok(())
}

fn csv_line(line: &mut Vec<u8>, values: &Values) {
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            line.push(b',');
        }
        let Some(value) = value else { continue };
        if value.bytes().any(|b| matches!(b, b',' | b'"' | b'\r' | b'\n')) {
            line.push(b'"');
            line.extend_from_slice(value.replace('"', "\"\"").as_bytes());
            line.push(b'"');
        } else {
            line.extend_from_slice(value.as_bytes());
        }
    }
    line.extend_from_slice(b"\r\n");
}

fn json_object(line: &mut Vec<u8>, names: &Names, values: &Values) {
    line.push(b'{');
    let mut first = true;
    for (name, value) in names.fields.iter().zip(values.iter()) {
        let Some(value) = value else { continue };
        if !first {
            line.push(b',');
        }
        first = false;
        json_string(line, name);
        line.push(b':');
        json_string(line, value);
    }
    line.push(b'}');
}

pub(super) fn json_string(line: &mut Vec<u8>, value: &str) {
    line.push(b'"');
    for byte in value.bytes() {
        match byte {
            b'"' | b'\\' => line.extend_from_slice(&[b'\\', byte]),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            0..=0x1f => line.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => line.push(byte),
        }
    }
    line.push(b'"');
}

fn xml_record(line: &mut Vec<u8>, names: &Names, values: &Values) {
    open_tag(line, names.record);
    for (name, value) in names.fields.iter().zip(values.iter()) {
        if let Some(value) = value {
            xml_element(line, name, value);
        }
    }
    close_tag(line, names.record);
    line.push(b'\n');
}

pub(super) fn open_tag(line: &mut Vec<u8>, name: &str) {
    line.push(b'<');
    line.extend_from_slice(name.as_bytes());
    line.push(b'>');
}

pub(super) fn close_tag(line: &mut Vec<u8>, name: &str) {
    line.extend_from_slice(b"</");
    line.extend_from_slice(name.as_bytes());
    line.push(b'>');
}

pub(super) fn xml_element(line: &mut Vec<u8>, name: &str, value: &str) {
    open_tag(line, name);
    for byte in value.bytes() {
        match byte {
            b'<' => line.extend_from_slice(b"&lt;"),
            b'>' => line.extend_from_slice(b"&gt;"),
            b'&' => line.extend_from_slice(b"&amp;"),
            b'\r' => line.extend_from_slice(b"&#13;"),
            _ => line.push(byte),
        }
    }
    close_tag(line, name);
}
