//! Default and fixed values, as the values they are.

use sekisho_datatypes::{Scratch, TypeId, Types};

use crate::engine::grammar::{Content, Grammar, ValueConstraint};

/// Finds the value of every value constraint, and what absent attributes mean.
pub(super) fn settle(grammar: &mut Grammar) {
    let simple = &grammar.simple;
    for element in &mut grammar.elements {
        if let (Some(value), Content::Simple(ty)) =
            (&mut element.value, grammar.types[element.ty.index()].content)
        {
            key(simple, ty, value);
        }
    }
    for attribute in &mut grammar.attributes {
        if let Some(value) = &mut attribute.value {
            key(simple, attribute.ty, value);
        }
    }
    for set in &mut grammar.attribute_sets {
        for using in &mut set.uses {
            set.absent_matters |= using.required || using.attribute.value.is_some();
            set.has_id |= simple.ids(using.attribute.ty).id;
            if let Some(value) = &mut using.attribute.value {
                key(simple, using.attribute.ty, value);
            }
        }
    }
}

fn key(simple: &Types, ty: TypeId, value: &mut ValueConstraint) {
    let mut bytes = Vec::new();
    let taken = simple.value_key(ty, &value.text, &value.namespaces, &mut Scratch::new(), &mut bytes);
    value.key = taken.is_ok().then(|| bytes.into_boxed_slice());
}
