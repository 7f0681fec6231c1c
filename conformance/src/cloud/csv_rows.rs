//! Rows as CSV (RFC 4180), with a header row of field names.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::rows::{Rows, Value};

/// What a dialect's CSV is like.
#[derive(Clone, Copy, Debug)]
pub struct CsvForm {
    /// The byte between fields.
    pub delimiter: u8,
    /// The text that means null, where there is one.
    pub null: Option<&'static str>,
}

impl Default for CsvForm {
    fn default() -> Self {
        CsvForm { delimiter: b',', null: None }
    }
}

/// Reads CSV record by record, with the bytes of each.
pub(super) struct Records<'b> {
    reader: Reader,
    input: &'b [u8],
    at: usize,
    output: Vec<u8>,
    ends: Vec<usize>,
    fields: usize,
}

impl<'b> Records<'b> {
    pub(super) fn new(input: &'b [u8], delimiter: u8) -> Self {
        let reader = ReaderBuilder::new().delimiter(delimiter).build();
        let input = input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input);
        Records { reader, input, at: 0, output: vec![0; 4096], ends: vec![0; 256], fields: 0 }
    }

    /// Reads on; false at the end of the input.
    pub(super) fn next(&mut self) -> bool {
        let (mut written, mut ended) = (0, 0);
        loop {
            let (result, read, wrote, fields) = self.reader.read_record(
                &self.input[self.at..],
                &mut self.output[written..],
                &mut self.ends[ended..],
            );
            self.at += read;
            written += wrote;
            ended += fields;
            match result {
                // An empty input tells the reader that there is no more: the last record may lack its line end.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.output.resize(self.output.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => {
                    self.fields = ended;
                    return true;
                }
                ReadRecordResult::End => return false,
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.fields
    }

    /// # Errors
    /// The field is not UTF-8.
    pub(super) fn field(&self, index: usize) -> Result<&str, String> {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        std::str::from_utf8(&self.output[start..self.ends[index]])
            .map_err(|_| "a field is not UTF-8".to_owned())
    }
}

/// Reads all rows; an empty field is left out.
///
/// # Errors
/// Says which row is not like the header.
pub fn read(bytes: &[u8], form: CsvForm) -> Result<Rows, String> {
    let mut records = Records::new(bytes, form.delimiter);
    let mut rows = Rows::default();
    if !records.next() {
        return Err("no header row".to_owned());
    }
    let width = records.len();
    for index in 0..width {
        let name = records.field(index)?.to_owned();
        if name.is_empty() || usize::from(rows.column(&name)?) != index {
            return Err(format!("column {} of the header row is empty or stands twice", index + 1));
        }
    }
    while records.next() {
        if records.len() != width {
            return Err(format!("row {} has {} fields, the header {width}", rows.len() + 1, records.len()));
        }
        for index in 0..width {
            match records.field(index)? {
                "" => {}
                text if Some(text) == form.null => rows.push(index as u16, Value::Null),
                text => rows.push(index as u16, Value::Text(text)),
            }
        }
        rows.end_row()?;
    }
    Ok(rows)
}

/// Appends one field as RFC 4180 wants it.
pub(super) fn write_field(out: &mut Vec<u8>, value: &str, delimiter: u8) {
    let quote = value.bytes().any(|byte| byte == delimiter || matches!(byte, b'"' | b'\r' | b'\n'));
    if !quote {
        out.extend_from_slice(value.as_bytes());
        return;
    }
    out.push(b'"');
    out.extend_from_slice(value.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_fields_and_missing_line_ends_are_read() {
        let rows =
            read(b"a,b\r\n\"x, \"\"y\"\"\",\r\n#N/A,2", CsvForm { delimiter: b',', null: Some("#N/A") })
                .unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows.row(0).collect::<Vec<_>>(), [(0, Value::Text("x, \"y\""))]);
        assert_eq!(rows.row(1).collect::<Vec<_>>(), [(0, Value::Null), (1, Value::Text("2"))]);
    }

    #[test]
    fn a_row_wider_than_the_header_is_refused() {
        assert!(read(b"a,b\n1,2,3\n", CsvForm::default()).is_err());
        assert!(read(b"a,a\n", CsvForm::default()).is_err());
        assert!(read(b"", CsvForm::default()).is_err());
    }
}
