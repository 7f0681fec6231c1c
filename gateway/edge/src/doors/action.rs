//! The actions that come with a message, and whether the body's operation takes them.
//!
//! The body says what is called (BP 1.1 R1127). Whoever reads a relayed message after us may go by an action all the same, and by
//! any of the places where one can stand: so every one that came is looked at, and none may be that of another operation.

use std::io::BufRead;

use http::HeaderMap;
use sekisho_soap::message::NAMESPACE;
use sekisho_soap::{EnvelopeReader, MediaType, contract};

use super::Desk;
use crate::refusal::{Class, Refusal};
use crate::route::Operation;

#[cfg(test)]
mod tests;

/// The actions in a message's head, without quotes and without empty ones: `SOAPAction` (SOAP 1.1 §6.1.1), and those of its media
/// type. A `SOAPAction` that is not ASCII, as a URI is, is refused: it would be passed on unread.
pub(crate) fn in_head(headers: &HeaderMap, media_type: &MediaType) -> Result<Vec<String>, Refusal> {
    let mut found = Vec::new();
    for value in headers.get_all("soapaction") {
        add(&mut found, value.to_str().map_err(|_| unreadable())?);
    }
    found.extend(in_media_type(media_type)?);
    Ok(found)
}

/// The `action` of a media type (SOAP 1.2 part 2 §6.5.3), and those of the media types that its `type` and `start-info` are, as in a
/// package (RFC 2387 §3.1, §3.3; XOP 1.0 §4.1).
pub(super) fn in_media_type(media_type: &MediaType) -> Result<Vec<String>, Refusal> {
    let mut found = Vec::new();
    // Each is within the one before, and that one is short.
    let mut inner = vec![media_type.clone()];
    while let Some(media_type) = inner.pop() {
        add(&mut found, media_type.parameter("action").unwrap_or_default());
        for value in ["type", "start-info"].into_iter().filter_map(|name| media_type.parameter(name)) {
            match MediaType::parse(value) {
                Ok(media_type) => inner.push(media_type),
                // What is no media type has no action, unless somebody reads one out of it.
                Err(_) if value.to_ascii_lowercase().contains("action") => return Err(unreadable()),
                Err(_) => {}
            }
        }
    }
    Ok(found)
}

fn add(found: &mut Vec<String>, action: &str) {
    let action = action.trim().trim_matches('"').trim();
    if !action.is_empty() {
        found.push(action.to_owned());
    }
}

/// Holds every action to the body's operation: those of the head and of the package's root, and `wsa:Action`.
///
/// Its `action` and `wsa_action` are taken wherever they stand; what is another operation's of the route is taken nowhere. Beyond
/// that a `SOAPAction` or parameter has to be the `action`, where one is set; a `wsa:Action` the `wsa_action`, where one is set:
/// without it an action by WS-Addressing differs from the `SOAPAction` lawfully (WS-Addressing 1.0 Metadata §4.4).
pub(super) fn check<R: BufRead>(
    operation: &Operation,
    desk: &Desk<'_>,
    root: &[String],
    envelope: &EnvelopeReader<R>,
) -> Result<(), Refusal> {
    let others = || desk.route.operations.iter().filter(|other| other.body != operation.body);
    let taken = |sent: &str, set: Option<&str>| {
        is_of(operation, sent) || set.is_none() && !others().any(|other| is_of(other, sent))
    };
    let labels = desk.actions.iter().chain(root).all(|sent| taken(sent, operation.action.as_deref()));
    match labels && envelope.actions().all(|sent| taken(sent, operation.wsa_action.as_deref())) {
        true => Ok(()),
        false => Err(mismatch()),
    }
}

/// The same for one of the gateway's own operations: its contract's action, the one that stacks make of its namespace and name with
/// a slash, or the default one of WS-Addressing (1.0 Metadata §4.4.4).
pub(super) fn check_own<R: BufRead>(
    local: &str,
    desk: &Desk<'_>,
    root: &[String],
    envelope: &EnvelopeReader<R>,
) -> Result<(), Refusal> {
    let takes = [
        contract::soap_action(local),
        format!("{NAMESPACE}/{local}"),
        format!("{NAMESPACE}:{}:{local}Request", contract::PORT_TYPE),
    ];
    let mut sent = desk.actions.iter().chain(root).map(String::as_str).chain(envelope.actions());
    match sent.all(|sent| takes.iter().any(|taken| taken == sent)) {
        true => Ok(()),
        false => Err(mismatch()),
    }
}

fn is_of(operation: &Operation, sent: &str) -> bool {
    [&operation.action, &operation.wsa_action].into_iter().flatten().any(|action| action == sent)
}

fn mismatch() -> Refusal {
    Refusal::new(
        Class::Invalid,
        "action-mismatch",
        "The SOAPAction, an action parameter or the wsa:Action is not one of the body's operation. Send the operation's own, or \
         an empty one.",
    )
    .ja("SOAPAction、actionパラメーターまたはwsa:Actionが本文の操作と一致しません。その操作のものを送信するか、空にしてください。")
}

fn unreadable() -> Refusal {
    Refusal::new(
        Class::Malformed,
        "action-unreadable",
        "The SOAPAction or the action parameter cannot be read: send the operation's action in ASCII, or an empty one.",
    )
    .ja("SOAPActionまたはactionパラメーターを読み取れません。操作のactionをASCIIで送信するか、空にしてください。")
}
