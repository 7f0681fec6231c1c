//! SOAP faults: SOAP 1.1 section 4.4, SOAP 1.2 part 1 section 5.4.
use crate::Version;
use crate::message::RecordError;

/// Who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The envelope's version is not one of ours.
    VersionMismatch,
    /// A mandatory header block is not understood.
    MustUnderstand,
    /// The message is at fault: `Client` in 1.1.
    Sender,
    /// The gateway or what lies behind it: `Server` in 1.1.
    Receiver,
}

/// Where in the message.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    /// MIME part, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<u64>,
    /// Line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Column, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// Byte, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte: Option<u64>,
    /// Record, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<u64>,
    /// Field name of the schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// A fault, independent of the version.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Who has to act.
    pub who: Who,
    /// Our code, kebab-case.
    pub code: String,
    /// Correlation id: finds the line in the server's log.
    pub id: String,
    /// What happened and what to do, in English.
    pub reason_en: String,
    /// The same in Japanese.
    pub reason_ja: String,
    /// Where in the message.
    pub location: Location,
    /// Header blocks that were not understood, as (namespace, local name).
    pub not_understood: Vec<(String, String)>,
    /// The first errors of the records, when the batch was refused for them.
    pub errors: Vec<RecordError>,
    /// How many errors there were in all.
    pub errors_total: u64,
}

impl Fault {
    /// A fault without location or errors.
    pub fn new(who: Who, code: &str, id: &str, reason_en: &str, reason_ja: &str) -> Self {
        let _ = (who, code, id, reason_en, reason_ja);
        todo!()
    }
    /// The whole envelope, UTF-8.
    pub fn write(&self, version: Version) -> Vec<u8> {
        let _ = version;
        todo!()
    }
    /// HTTP status of the fault in that version (SOAP 1.1: 500; SOAP 1.2 part 2 section 7.5.2.2: 400 for Sender, else 500).
    pub fn http_status(&self, version: Version) -> u16 {
        let _ = version;
        todo!()
    }
}
