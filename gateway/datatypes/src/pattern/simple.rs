//! Expressions that say no more than a [`Shape`].

use regex_syntax::hir::ClassUnicode;

use super::parse::Node;
use crate::shape::{ByteClass, Shape, literals_of};

/// The most places of a shape.
const MAX_PLACES: usize = 128;

/// ASCII texts that match the expression for certain.
pub(super) fn shape(node: &Node) -> Option<Shape> {
    match node {
        Node::Repeat { node, min, max } => {
            if let Node::Class(class) = &**node {
                return Some(Shape::Bytes {
                    class: ascii(class),
                    min: *min as usize,
                    max: max.map(|max| max as usize),
                });
            }
        }
        Node::Alternatives(nodes) => {
            let literals: Option<Vec<Box<[u8]>>> = nodes.iter().map(literal).collect();
            return literals_of(literals?);
        }
        _ => {}
    }
    let mut found = Vec::new();
    places(node, &mut found)?;
    Some(Shape::Places(found))
}

/// The places of an expression whose matches all have the same number of characters, each of a class by itself.
fn places(node: &Node, found: &mut Vec<ByteClass>) -> Option<()> {
    match node {
        Node::Class(class) => {
            // Of a place that takes no ASCII no text can be told.
            found.push(Some(ascii(class)).filter(|class| !class.is_empty())?);
        }
        Node::Sequence(nodes) => nodes.iter().try_for_each(|node| places(node, found))?,
        Node::Repeat { node, min, max } if *max == Some(*min) && *min as usize <= MAX_PLACES => {
            for _ in 0..*min {
                let before = found.len();
                places(node, found)?;
                // Nothing, however often.
                if found.len() == before {
                    break;
                }
            }
        }
        _ => return None,
    }
    (found.len() <= MAX_PLACES).then_some(())
}

fn literal(node: &Node) -> Option<Box<[u8]>> {
    let mut found = Vec::new();
    places(node, &mut found)?;
    let mut literal = Vec::with_capacity(found.len());
    for class in found {
        let mut bytes = class.bytes();
        literal.push(bytes.next()?);
        if bytes.next().is_some() {
            return None;
        }
    }
    Some(literal.into())
}

fn ascii(class: &ClassUnicode) -> ByteClass {
    ByteClass::of((0..0x80).filter(|&byte| {
        let character = char::from(byte);
        class.iter().any(|range| (range.start()..=range.end()).contains(&character))
    }))
}
