//! Receipts: what a client holds as proof.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::tree::{self, Node};
use super::xml::Element;
use crate::envelope::SoapError;

/// Sums of every outcome, in records. `accepted` is the sum of the others, at every moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sums {
    /// Records accepted.
    pub accepted: u64,
    /// Not sent yet.
    pub pending: u64,
    /// Sent, not answered yet.
    pub in_flight: u64,
    /// Sent, and what became of them is unknown.
    pub in_doubt: u64,
    /// Their effect is confirmed.
    pub delivered: u64,
    /// Some of their rows had their effect, some not.
    pub partial: u64,
    /// Refused upstream, without effect.
    pub rejected: u64,
    /// Withdrawn before they were sent.
    pub cancelled: u64,
    /// Not sent in time.
    pub expired: u64,
}

impl Sums {
    /// Whether no record is missing and none is counted twice.
    pub fn balanced(&self) -> bool {
        let outcomes = [
            self.pending,
            self.in_flight,
            self.in_doubt,
            self.delivered,
            self.partial,
            self.rejected,
            self.cancelled,
            self.expired,
        ];
        outcomes.iter().try_fold(0u64, |sum, &n| sum.checked_add(n)) == Some(self.accepted)
    }

    pub(super) fn write(&self, element: &mut Element) {
        element.number("accepted", self.accepted);
        element.number("pending", self.pending);
        element.number("inFlight", self.in_flight);
        element.number("inDoubt", self.in_doubt);
        element.number("delivered", self.delivered);
        element.number("partial", self.partial);
        element.number("rejected", self.rejected);
        element.number("cancelled", self.cancelled);
        element.number("expired", self.expired);
    }

    pub(super) fn read(node: &Node) -> Result<Self, SoapError> {
        let mut fields = node.fields()?;
        let sums = Self {
            accepted: fields.parsed("accepted", tree::number)?,
            pending: fields.parsed("pending", tree::number)?,
            in_flight: fields.parsed("inFlight", tree::number)?,
            in_doubt: fields.parsed("inDoubt", tree::number)?,
            delivered: fields.parsed("delivered", tree::number)?,
            partial: fields.parsed("partial", tree::number)?,
            rejected: fields.parsed("rejected", tree::number)?,
            cancelled: fields.parsed("cancelled", tree::number)?,
            expired: fields.parsed("expired", tree::number)?,
        };
        fields.end()?;
        Ok(sums)
    }
}

/// Where a batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Durable, nothing sent yet.
    Accepted,
    /// Chunks are on their way.
    Delivering,
    /// What is left is in doubt and waits for an operator's decision.
    Held,
    /// Cancelled or expired: nothing new is sent; what is on its way is awaited.
    Closing,
    /// Every record has its outcome.
    Finished,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Accepted, Self::Delivering, Self::Held, Self::Closing, Self::Finished];

    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Delivering => "delivering",
            Self::Held => "held",
            Self::Closing => "closing",
            Self::Finished => "finished",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// By what a batch is known to have been accepted before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DuplicateBy {
    /// The key that the client gave it.
    Key,
    /// The id of its SOAP message.
    MessageId,
    /// Its content, where the route looks at it.
    Content,
}

impl DuplicateBy {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Key, Self::MessageId, Self::Content];

    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::MessageId => "message-id",
            Self::Content => "content",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.name() == name)
    }
}

/// What a client holds as proof: what was taken, and what has become of it so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The gateway's id of the batch.
    pub id: String,
    /// The client's own reference, as it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Name of the route.
    pub route: String,
    /// The door: `swa`, `soap` or `rest`.
    pub door: String,
    /// When the request came.
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
    /// When the last record had its outcome; from then on the receipt is final.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
    /// Records accepted.
    pub records: u64,
    /// Records set aside because they broke a rule.
    pub set_aside: u64,
    /// Characters that the payload's charset does not have, and for which another one was put, as the route says; left out where
    /// there are none.
    #[serde(default, skip_serializing_if = "is_none")]
    pub replaced_characters: u64,
    /// Bytes of the payload.
    pub bytes: u64,
    /// Digest of the payload as it was sent: `sha256:` and 64 hexadecimal digits.
    pub payload_digest: String,
    /// Digest of the canonical records, the same whichever door they came through, in the same form.
    pub records_digest: String,
    /// Digest of the delivered records, on a final receipt, in the same form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_digest: Option<String>,
    /// Head of the exchange log when this receipt was given, on a final one: the number of its last line, a colon, and that line's
    /// hash in hexadecimal digits. Who has it can show that no line up to there was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_head: Option<String>,
    /// Whether this batch had been accepted before.
    pub duplicate: bool,
    /// By what that is known, if it had been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_by: Option<DuplicateBy>,
    /// Where it stands.
    pub state: State,
    /// Chunks sent so far.
    pub chunks: u64,
    /// Sums of every outcome.
    pub sums: Sums,
    /// Records in doubt that wait for an operator, by reason; empty in most receipts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HeldRecords>,
}

/// Records of a batch that wait for an operator's decision, for one reason. They are among those in doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldRecords {
    /// Stable code of the reason; one that begins with `spool-` says that the gateway cannot read its payload.
    pub code: String,
    /// How many records.
    pub records: u64,
    /// What that means and who does what, in English.
    pub message: String,
    /// The same in Japanese.
    pub message_ja: String,
}

impl HeldRecords {
    fn write(&self, element: &mut Element) {
        element.around("held", |element| {
            element.text("code", &self.code);
            element.number("records", self.records);
            element.bilingual("message", &self.message, &self.message_ja);
        });
    }

    fn read(node: &Node) -> Result<Self, SoapError> {
        let mut fields = node.fields()?;
        let (code, records) = (fields.text("code")?, fields.parsed("records", tree::number)?);
        let (message, message_ja) = fields.bilingual("message")?;
        fields.end()?;
        Ok(Self { code, records, message, message_ja })
    }
}

impl Receipt {
    pub(super) fn write(&self, element: &mut Element) {
        element.text("id", &self.id);
        element.optional("reference", self.reference.as_deref());
        element.text("route", &self.route);
        element.text("door", &self.door);
        element.text("receivedAt", &written(self.received_at));
        element.optional("finishedAt", self.finished_at.map(written).as_deref());
        element.number("records", self.records);
        element.number("setAside", self.set_aside);
        let replaced = Some(self.replaced_characters).filter(|count| !is_none(count));
        element.optional_number("replacedCharacters", replaced);
        element.number("bytes", self.bytes);
        element.text("payloadDigest", &self.payload_digest);
        element.text("recordsDigest", &self.records_digest);
        element.optional("deliveredDigest", self.delivered_digest.as_deref());
        element.optional("logHead", self.log_head.as_deref());
        element.text("duplicate", if self.duplicate { "true" } else { "false" });
        element.optional("duplicateBy", self.duplicate_by.map(DuplicateBy::name));
        element.text("state", self.state.name());
        element.number("chunks", self.chunks);
        element.around("sums", |element| self.sums.write(element));
        for held in &self.held {
            held.write(element);
        }
    }

    pub(super) fn read(node: &Node) -> Result<Self, SoapError> {
        let mut fields = node.fields()?;
        let mut receipt = Self {
            id: fields.text("id")?,
            reference: fields.optional_text("reference")?,
            route: fields.text("route")?,
            door: fields.text("door")?,
            received_at: fields.parsed("receivedAt", moment)?,
            finished_at: fields.optional_parsed("finishedAt", moment)?,
            records: fields.parsed("records", tree::number)?,
            set_aside: fields.parsed("setAside", tree::number)?,
            replaced_characters: fields
                .optional_parsed("replacedCharacters", tree::number)?
                .unwrap_or_default(),
            bytes: fields.parsed("bytes", tree::number)?,
            payload_digest: fields.text("payloadDigest")?,
            records_digest: fields.text("recordsDigest")?,
            delivered_digest: fields.optional_text("deliveredDigest")?,
            log_head: fields.optional_text("logHead")?,
            duplicate: fields.parsed("duplicate", tree::boolean)?,
            duplicate_by: fields.optional_parsed("duplicateBy", DuplicateBy::from_name)?,
            state: fields.parsed("state", State::from_name)?,
            chunks: fields.parsed("chunks", tree::number)?,
            sums: Sums::read(fields.required("sums")?)?,
            held: Vec::new(),
        };
        while let Some(held) = fields.optional("held") {
            receipt.held.push(HeldRecords::read(held)?);
        }
        fields.end()?;
        Ok(receipt)
    }
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

/// A moment as `xs:dateTime` and RFC 3339 write it.
pub(super) fn written(at: OffsetDateTime) -> String {
    // RFC 3339 has four digits for the year and whole minutes for the offset; a moment outside that is none we ever hold.
    at.to_offset(time::UtcOffset::UTC).format(&Rfc3339).unwrap_or_default()
}

/// A moment read back.
pub(super) fn moment(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}
