//! Operations of the municipality's own.

use sekisho_edge::route::{Operation, ReceiptMember, RecordsAt, Reply};
use sekisho_xml::QName;

use super::Notes;
use crate::config::effective::schemas::qualified_name;
use crate::config::raw::{OperationSection, RecordsPlace, ReplyMember, ReplySection};
use crate::language::text;

pub(super) fn of(sections: &[OperationSection], notes: &mut Notes<'_>) -> Vec<Operation> {
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
        let before_records = before_records(section, index, notes);
        operations.push(Operation {
            body,
            action: section.action.clone(),
            wsa_action: section.wsa_action.clone(),
            records: match section.records {
                RecordsPlace::Anywhere => RecordsAt::Anywhere,
                RecordsPlace::BodyChildren => RecordsAt::BodyChildren,
            },
            before_records,
            reply,
        });
    }
    operations
}

/// What may stand before the records. Elsewhere than among the body's children nothing may: what `submitBatch` says besides its
/// records is read, and their own parent holds records only.
fn before_records(section: &OperationSection, index: usize, notes: &mut Notes<'_>) -> Vec<QName> {
    let path = notes.path.key("operation").item(index).key("before_records");
    if section.records != RecordsPlace::BodyChildren && !section.before_records.is_empty() {
        notes.mistakes.add(
            &path,
            text!("needs records = \"body-children\"", "records = \"body-children\" のときだけ使えます"),
        );
    }
    let mut names = Vec::new();
    for (at, name) in section.before_records.iter().enumerate() {
        match name.parse::<QName>() {
            Ok(name) => names.push(name),
            Err(_) => notes.mistakes.add(&path.item(at), qualified_name()),
        }
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
