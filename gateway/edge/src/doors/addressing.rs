//! What a message says by WS-Addressing of its answers.

use std::io::BufRead;

use sekisho_soap::fault::InvalidHeader;
use sekisho_soap::{EnvelopeReader, contract};

use super::{Asks, SoapMessage, is_own};
use crate::refusal::{Class, Refusal, RelatesTo};

/// The message that answers relate to, once its envelope is open.
pub(super) fn of<R: BufRead>(envelope: &EnvelopeReader<R>) -> Option<RelatesTo> {
    let own = envelope.body().map(|child| &child.name).filter(|name| is_own(name));
    let operation = own.and_then(|name| contract::OPERATIONS.into_iter().find(|own| **own == *name.local));
    let message_id = envelope.addressing().message_id.clone()?;
    Some(RelatesTo { message_id, operation })
}

/// The message that answers relate to, once it has been read.
pub(crate) fn relates_to(message: &SoapMessage) -> Option<RelatesTo> {
    let operation = match &message.asks {
        Asks::Query(request) => Some(request.name()),
        Asks::Submit(submission) => submission.own.then_some("submitBatch"),
    };
    let message_id = message.message_id.clone()?;
    Some(RelatesTo { message_id, operation })
}

/// The refusal of a message whose answer is wanted elsewhere (WS-Addressing 1.0 SOAP Binding §6.4.1.7). Who got it here all the same
/// would wait for it there.
pub(super) fn elsewhere(header: &'static str) -> Refusal {
    let mut refusal = Refusal::new(
        Class::Invalid,
        "wsa-reply-elsewhere",
        format!(
            "wsa:{header} wants what is answered at an address: answers and faults are given on the connection, and nobody is \
             called. Leave wsa:{header} out, or send the anonymous address in it. Nothing was kept."
        ),
    )
    .ja(format!(
        "wsa:{header}が応答の宛先を指定していますが、応答とフォルトは同じ接続でのみ返します。wsa:{header}を外すか、\
         匿名（anonymous）アドレスを指定してください。何も保管していません。"
    ));
    refusal.invalid_header = Some(InvalidHeader::elsewhere(header));
    refusal
}
