//! What a gateway says when it refuses: a problem document by REST, a fault by SOAP; here they are one.

use sekisho_soap::EnvelopeReader;
use sekisho_soap::envelope::EnvelopeOptions;
use sekisho_soap::fault::ReceivedFault;
use sekisho_soap::message::{Problem, RecordError};
use sekisho_upstream::Answer;

use crate::language::{Language, Text, text};

/// A refusal, whichever way it came.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) Problem);

/// Errors of records that are shown.
const SHOWN: usize = 20;

/// Reads a refusal.
///
/// # Errors
/// When what answered is no gateway: the status is said, nothing of the answer.
pub(crate) fn of(answer: &Answer, rest: bool) -> Result<Refusal, Text> {
    let status = answer.status.as_u16();
    let problem = if rest {
        serde_json::from_slice::<Problem>(&answer.body).ok()
    } else {
        EnvelopeReader::open(&answer.body[..], &EnvelopeOptions::default())
            .ok()
            .and_then(|mut envelope| ReceivedFault::read(&mut envelope).ok().flatten())
            .and_then(|received| received.ours)
            .map(|fault| Problem::of(&fault, status))
    };
    problem.map(Refusal).ok_or_else(|| {
        text!(
            "status {status}, without an explanation that this client understands: is the address that of a route?",
            "ステータス{status}が返りましたが、説明が読み取れません。アドレスが特定通信のものか確かめてください"
        )
    })
}

impl Refusal {
    /// What it says, its code and the id that finds it in the gateway's log.
    pub(crate) fn explained(&self) -> Text {
        let Problem { detail, detail_ja, code, id, status, .. } = &self.0;
        let japanese = if detail_ja.is_empty() { detail } else { detail_ja };
        text!(
            "{detail} ({code}, status {status}, id {id})",
            "{japanese}（{code}、ステータス{status}、id {id}）"
        )
    }

    /// The same with the first errors of records, a line each.
    pub(crate) fn with_errors(&self, language: Language) -> String {
        let mut out = self.explained().in_language(language).to_owned();
        for error in self.0.errors.iter().take(SHOWN) {
            out.push_str("\n  ");
            out.push_str(&line(error, language));
        }
        let more =
            self.0.errors_total.unwrap_or(0).max(self.0.errors.len() as u64).saturating_sub(SHOWN as u64);
        if more > 0 {
            let more = text!("\n  and {more} more", "\n  ほか{more}件");
            out.push_str(more.in_language(language));
        }
        out
    }
}

fn line(error: &RecordError, language: Language) -> String {
    let RecordError { record, code, message, message_ja, .. } = error;
    let field = error.field.as_deref();
    let (place, place_ja) = match (error.line, error.column) {
        (Some(line), Some(column)) => {
            (format!(" (line {line}, column {column})"), format!("（{line}行{column}文字目）"))
        }
        (Some(line), None) => (format!(" (line {line})"), format!("（{line}行目）")),
        (None, _) => Default::default(),
    };
    let (of, of_ja) = match field {
        Some(field) => (format!(", {field}"), format!("、{field}")),
        None => Default::default(),
    };
    text!(
        "record {record}{of}{place}: {code}: {message}",
        "レコード{record}{of_ja}{place_ja}: {code}: {message_ja}"
    )
    .in_language(language)
    .to_owned()
}
