//! Requests that come again (draft-ietf-httpapi-idempotency-key-header-07): what they are known by.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use sekisho_journal::{Digest, Idempotency, RepeatedBy, RepetitionName, Spool};

use crate::doors::Names;
use crate::gateway::{Gateway, UnderWay};
use crate::refusal::{Class, Refusal};
use crate::route::Duplicates;

/// Characters that a key may have.
const LONGEST: usize = 255;

/// `Idempotency-Key`: a string (RFC 8941 section 3.3.3), whose parameters say nothing here; or the bare word that clients
/// often send, which is the same key. A second field of this name does not get here.
pub(crate) fn header_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let value = value.to_str().unwrap_or_default().trim_matches([' ', '\t']);
    let key = if value.starts_with('"') { string(value) } else { word(value) };
    match key.filter(|key| (1..=LONGEST).contains(&key.len())) {
        Some(key) => Ok(Some(key)),
        None => Err(Refusal::new(
            Class::Malformed,
            "idempotency-key-invalid",
            "Idempotency-Key is a string in quotes, of 1 to 255 ASCII characters that can be printed; a UUID is best.",
        )
        .ja("Idempotency-Keyは引用符で囲んだ文字列（1～255文字の印字可能なASCII）です。UUIDを推奨します。")),
    }
}

/// A string with nothing but parameters behind it.
fn string(value: &str) -> Option<String> {
    let mut characters = value.chars();
    characters.next().filter(|first| *first == '"')?;
    let mut key = String::new();
    loop {
        match characters.next()? {
            '"' => break,
            '\\' => key.push(characters.next().filter(|escaped| matches!(escaped, '"' | '\\'))?),
            character @ ' '..='~' => key.push(character),
            _ => return None,
        }
    }
    let rest = characters.as_str();
    (rest.is_empty() || rest.starts_with(';')).then_some(key)
}

fn word(value: &str) -> Option<String> {
    value.bytes().all(|b| (0x21..0x7f).contains(&b) && b != b'"').then(|| value.to_owned())
}

/// Marks a SOAP message's key, or else its id, as under way. It stands in the message before the records, so that it is known
/// before the first of them is read; a request by REST says its key in its head.
pub(super) fn begin(
    gateway: &Arc<Gateway>,
    client: &str,
    route: &str,
    names: &Names,
) -> Result<Option<UnderWay>, Refusal> {
    let name = match (&names.key, &names.message_id) {
        (Some(key), _) => key.clone(),
        // No key has a line end.
        (None, Some(id)) => format!("message id\n{id}"),
        (None, None) => return Ok(None),
    };
    gateway.begin(client, route, &name).map(Some).ok_or_else(under_way)
}

/// Another request with the same key has not been answered yet.
pub(super) fn under_way() -> Refusal {
    Refusal::new(
        Class::Conflict,
        "idempotency-key-under-way",
        "A request with this idempotency key is under way; ask again when it has been answered.",
    )
    .ja("同じ冪等キーの要求を処理中です。応答が済んでから、もう一度送信してください。")
    .retry_after(Duration::from_secs(1))
}

/// The route wants every submission to have a key, and this one has none.
pub(super) fn missing() -> Refusal {
    Refusal::new(
        Class::Malformed,
        "idempotency-key-missing",
        "This route takes no batch that could not be recognised if it came again. Send Idempotency-Key (REST), \
         idempotencyKey or wsa:MessageID (SOAP), the same one for each try.",
    )
    .ja(
        "この特定通信では、再送を識別できないバッチは受け付けません。Idempotency-Key（REST）、idempotencyKeyまたは\
         wsa:MessageID（SOAP）を付け、再送時も同じ値を使ってください。",
    )
}

/// What a submission is remembered and looked for by; `None` where it has no name and needs one. The client's own key
/// says that two requests are one, or are two; a message id is new for every try of many stacks, so that behind it the
/// content is looked for, too, where the route says so.
pub(super) fn names(
    given: &Names,
    duplicates: &Duplicates,
    spool: &Spool,
    content: Digest,
) -> Option<Vec<RepetitionName>> {
    let mut names = Vec::new();
    match own(given, spool) {
        Some((by, hash)) => names.push(RepetitionName { by, hash, decides: true }),
        None if duplicates.key_required => return None,
        None => {}
    }
    if duplicates.by_content {
        let hash = spool.keyed_hash("content", &content.0);
        names.push(RepetitionName { by: RepeatedBy::Content, hash, decides: given.key.is_none() });
    }
    Some(names)
}

/// The name that a submission was given, as it is remembered.
pub(crate) fn own(given: &Names, spool: &Spool) -> Option<(RepeatedBy, Digest)> {
    match (&given.key, &given.message_id) {
        (Some(key), _) => Some((RepeatedBy::Key, spool.keyed_hash("key", key.as_bytes()))),
        (None, Some(id)) => Some((RepeatedBy::MessageId, spool.keyed_hash("message-id", id.as_bytes()))),
        (None, None) => None,
    }
}

/// What the ledger is told of it; nothing where there is nothing to remember.
pub(super) fn idempotency(
    names: Vec<RepetitionName>,
    fingerprint: Digest,
    duplicates: &Duplicates,
    now: u64,
) -> Option<Idempotency> {
    let window = u64::try_from(duplicates.window.as_millis()).unwrap_or(u64::MAX);
    (!names.is_empty()).then(|| Idempotency { names, fingerprint, until: now.saturating_add(window) })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn key_of(value: &str) -> Result<Option<String>, &'static str> {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        let headers = HeaderMap::from_iter([(http::HeaderName::from_static("idempotency-key"), value)]);
        header_key(&headers).map_err(|refusal| refusal.code)
    }

    #[test]
    fn a_key_is_a_string_or_a_word() {
        let longest = "k".repeat(LONGEST);
        let escaped = "\\".repeat(2 * LONGEST);
        for (value, key) in [
            ("\"a-1\"", "a-1"),
            ("a-1", "a-1"),
            (" \"x\" ", "x"),
            ("\"a b\"", "a b"),
            (r#""a\"\\b""#, r#"a"\b"#),
            ("\"k\";v=1", "k"),
            (&longest, &longest),
            (&format!("\"{escaped}\""), &"\\".repeat(LONGEST)),
        ] {
            assert_eq!(key_of(value), Ok(Some(key.to_owned())), "{value}");
        }
        assert_eq!(header_key(&HeaderMap::new()).unwrap(), None);
        for value in [
            "",
            "\"\"",
            "a b",
            "\"a",
            "a\"b",
            "\"a\"b",
            "\"a\\n\"",
            "\"a\\\"",
            "\"a\tb\"",
            "キー",
            &"k".repeat(256),
        ] {
            assert_eq!(key_of(value), Err("idempotency-key-invalid"), "{value}");
        }
    }
}
