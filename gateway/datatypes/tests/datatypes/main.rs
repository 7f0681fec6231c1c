//! Datatypes: what each type takes and refuses, which values are equal, and what an independent validator says.
#![allow(clippy::unwrap_used)] // A test that fails says where.
#![forbid(unsafe_code)]

mod builtins;
mod facets;
mod lists_and_unions;
mod oracle;
mod patterns;
mod types;
mod values;
mod words;

use sekisho_datatypes::{
    Builtin, EnumValue, Facets, Fault, NoNamespaces, Scratch, Tables, TypeId, Types, TypesBuilder,
};

/// Whether the type takes the value; otherwise the rule that is broken.
fn check(types: &Types, ty: TypeId, raw: &str) -> Result<TypeId, Fault> {
    types.check(ty, raw, &NoNamespaces, &mut Scratch::new()).map(|valid| valid.member)
}

fn code(types: &Types, ty: TypeId, raw: &str) -> &'static str {
    check(types, ty, raw).map_or_else(|fault| fault.code, |_| "valid")
}

/// The value's canonical bytes.
fn key(types: &Types, ty: TypeId, raw: &str) -> Vec<u8> {
    let mut out = Vec::new();
    types.value_key(ty, raw, &NoNamespaces, &mut Scratch::new(), &mut out).unwrap();
    out
}

/// One type restricted by some facets.
fn restricted(base: Builtin, facets: Facets) -> (Types, TypeId) {
    let mut builder = TypesBuilder::new(Tables::Current);
    let ty = builder.restrict(base.id(), None, facets).unwrap();
    (builder.finish(), ty)
}

fn enumeration(values: &[&str]) -> Option<Vec<EnumValue>> {
    Some(values.iter().copied().map(EnumValue::from).collect())
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}
