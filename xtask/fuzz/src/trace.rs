//! What an XML reader makes of a document, in a form that can be compared.

use std::io::BufRead;

use sekisho_xml::{Event, Position, Reader, XmlError};

/// One event; neighbouring pieces of character data are one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Start { name: Name, attributes: Vec<(Name, String)>, declarations: Vec<(String, String)>, at: Position },
    Text(String),
    End { name: Name, at: Position },
}

/// Namespace and local part.
pub(crate) type Name = (String, String);

/// What is compared of an error: its code, its rule or limit, and its place.
pub(crate) type Refusal = (&'static str, &'static str, Option<Position>);

/// Reads to the end or to the error.
pub(crate) fn trace<R: BufRead>(reader: &mut Reader<R>) -> (Vec<Seen>, Option<Refusal>) {
    let nowhere = Position { line: 0, column: 0, byte: 0 };
    let name = |namespace: &str, local: &str| (namespace.to_owned(), local.to_owned());
    let mut seen = Vec::new();
    loop {
        let event = match reader.next() {
            Ok(Event::Eof) => return (seen, None),
            Ok(Event::Start(start)) => Seen::Start {
                name: name(start.namespace(), start.local()),
                attributes: start
                    .attributes()
                    .map(|attribute| {
                        (name(attribute.namespace, attribute.local), attribute.value.into_owned())
                    })
                    .collect(),
                declarations: start
                    .declarations()
                    .map(|(prefix, namespace)| (prefix.to_owned(), namespace.to_owned()))
                    .collect(),
                at: nowhere,
            },
            Ok(Event::Text(text)) => {
                assert!(!text.as_str().is_empty(), "no empty pieces");
                if let Some(Seen::Text(before)) = seen.last_mut() {
                    before.push_str(text.as_str());
                    continue;
                }
                Seen::Text(text.as_str().to_owned())
            }
            Ok(Event::End(end)) => Seen::End { name: name(end.namespace(), end.local()), at: nowhere },
            Err(error) => {
                let again = reader.next().map(|_| ()).expect_err("a reader that failed stays failed");
                assert_eq!(again.to_string(), error.to_string());
                assert!(!error.message_ja().is_empty());
                return (seen, Some(refusal(&error)));
            }
        };
        seen.push(match event {
            Seen::Start { name, attributes, declarations, .. } => {
                Seen::Start { name, attributes, declarations, at: reader.position() }
            }
            Seen::End { name, .. } => Seen::End { name, at: reader.position() },
            text => text,
        });
    }
}

fn refusal(error: &XmlError) -> Refusal {
    let detail = match error {
        XmlError::NotWellFormed { rule, .. } => rule,
        XmlError::Limit { which, .. } => which,
        _ => "",
    };
    (error.code(), detail, error.position())
}
