//! Operations of the municipality's own.

use sekisho_edge::route::{Operation, ReceiptMember, RecordsAt, Reply};
use sekisho_soap::message::SubmissionShape;
use sekisho_xml::QName;

use super::Notes;
use crate::config::effective::schemas::qualified_name;
use crate::config::raw::{OperationSection, RecordsPlace, ReplyMember, ReplySection};
use crate::language::text;

/// Without the route's schema, `record` is unknown.
pub(super) fn of(
    sections: &[OperationSection],
    record: Option<&QName>,
    notes: &mut Notes<'_>,
) -> Vec<Operation> {
    let mut operations: Vec<Operation> = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        let path = notes.path.key("operation").item(index);
        let reply = section.reply.as_ref().and_then(|reply| match reply.element.parse::<QName>() {
            Ok(element) => Some(reply_of(element, reply)),
            Err(_) => {
                notes.mistakes.add(&path.dotted("reply.element"), qualified_name());
                None
            }
        });
        let path = path.key("body");
        let Ok(body) = section.body.parse::<QName>() else {
            notes.mistakes.add(&path, qualified_name());
            continue;
        };
        if *body.namespace == *sekisho_soap::message::NAMESPACE {
            notes.mistakes.add(
                &path,
                text!(
                    "is in the gateway's own namespace, which it answers itself",
                    "ゲートウェイ自身の名前空間にあり、ゲートウェイが応答するため使えません"
                ),
            );
        }
        if operations.iter().any(|other| other.body == body) {
            notes.mistakes.add(
                &path,
                text!("there is another operation for {body}", "{body} に対する操作がほかにあります"),
            );
        }
        let beside_records = beside_records(section, index, record, notes);
        operations.push(Operation {
            body,
            action: section.action.clone(),
            wsa_action: section.wsa_action.clone(),
            records: match section.records {
                RecordsPlace::Anywhere => RecordsAt::Anywhere,
                RecordsPlace::BodyChildren => RecordsAt::BodyChildren,
            },
            beside_records,
            reply,
        });
    }
    operations
}

/// What may stand beside the records: nothing that is read as one of them, or as what they are in.
fn beside_records(
    section: &OperationSection,
    index: usize,
    record: Option<&QName>,
    notes: &mut Notes<'_>,
) -> Vec<QName> {
    let path = notes.path.key("operation").item(index).key("beside_records");
    let shape = SubmissionShape::default();
    let read = [shape.reference, shape.idempotency_key, shape.data, shape.attachment, shape.records];
    let mut names = Vec::new();
    for (at, name) in section.beside_records.iter().enumerate() {
        let path = path.item(at);
        let Ok(name) = name.parse::<QName>() else {
            notes.mistakes.add(&path, qualified_name());
            continue;
        };
        if record == Some(&name) {
            notes.mistakes.add(
                &path,
                text!(
                    "is the record element itself: records would be passed over",
                    "レコード要素そのものです。レコードが読み飛ばされます"
                ),
            );
        } else if section.records == RecordsPlace::Anywhere && read.iter().any(|own| **own == *name.local) {
            let read = read.join(", ");
            notes.mistakes.add(
                &path,
                text!(
                    "with records = \"anywhere\" {read} are read in every namespace, and stand beside nothing: take it out",
                    "records = \"anywhere\" では、{read} は名前空間を問わず読み取られます。取り除いてください"
                ),
            );
        }
        names.push(name);
    }
    names
}

fn reply_of(element: QName, reply: &ReplySection) -> Reply {
    let children = reply.children.iter().map(|(name, member)| {
        let member = match member {
            ReplyMember::Id => ReceiptMember::Id,
            ReplyMember::Accepted => ReceiptMember::Accepted,
            ReplyMember::SetAside => ReceiptMember::SetAside,
            ReplyMember::PayloadDigest => ReceiptMember::PayloadDigest,
            ReplyMember::Duplicate => ReceiptMember::Duplicate,
        };
        (name.clone(), member)
    });
    Reply { element, children: children.collect() }
}
