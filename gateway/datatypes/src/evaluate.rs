//! A value against its type (part 2 §4.1.4): the literal, then lengths, digits and bounds, patterns, enumeration.

use crate::builtin::{Builtin, TypeId, Variety};
use crate::checks::{Checks, Enumeration};
use crate::fault::{Fault, Unit, What};
use crate::literal::Literal;
use crate::namespaces::Namespaces;
use crate::scratch::Scratch;
use crate::types::{Body, SimpleType, Types, items};
use crate::value::Value;
use crate::white_space::WhiteSpace;

/// Where the canonical bytes of a list begin; no primitive type has that tag.
const LIST: u8 = u8::MAX;

impl Types {
    /// The type that takes the value. Its canonical bytes are appended to `out`, which stays as it was on a fault.
    pub(crate) fn evaluate(
        &self,
        ty: TypeId,
        raw: &str,
        namespaces: &dyn Namespaces,
        scratch: &mut Scratch,
        out: Option<&mut Vec<u8>>,
    ) -> Result<TypeId, Fault> {
        let simple = self.get(ty);
        match &simple.body {
            Body::Any => {
                if let Some(out) = out {
                    Value::Text(raw).write_key(Builtin::AnySimpleType as u8, out);
                }
                Ok(ty)
            }
            Body::Atomic(literal, checks) => {
                let Scratch { text, key, .. } = scratch;
                let text = simple.white_space.apply(raw, text);
                atomic(simple, *literal, checks, text, namespaces, key, out).map(|()| ty)
            }
            Body::List(item, checks) => self.list(*item, checks, raw, namespaces, scratch, out).map(|()| ty),
            Body::Union(checks) => match &simple.variety {
                Variety::Union(members) => self.union(members, checks, raw, namespaces, scratch, out),
                _ => Err(Fault::new("cvc-datatype-valid.1.2.3", What::Member(0))),
            },
        }
    }

    fn list(
        &self,
        item: TypeId,
        checks: &Checks,
        raw: &str,
        namespaces: &dyn Namespaces,
        scratch: &mut Scratch,
        out: Option<&mut Vec<u8>>,
    ) -> Result<(), Fault> {
        let looked_up = checks.enumeration.as_deref();
        let Some(out) = out else {
            if looked_up.is_none() {
                return self.list_into(item, checks, raw, namespaces, scratch, None);
            }
            let mut room = scratch.lend();
            let verdict = self.list_into(item, checks, raw, namespaces, scratch, Some(&mut room));
            let held = looked_up.is_none_or(|enumeration| enumeration.holds_key(&room));
            scratch.whole = room;
            return verdict.and_then(|()| if held { Ok(()) } else { Err(checks.not_enumerated()) });
        };
        let start = out.len();
        let verdict = self.list_into(item, checks, raw, namespaces, scratch, Some(&mut *out));
        let held = looked_up.is_none_or(|enumeration| enumeration.holds_key(&out[start..]));
        let verdict = verdict.and_then(|()| if held { Ok(()) } else { Err(checks.not_enumerated()) });
        verdict.inspect_err(|_| out.truncate(start))
    }

    /// Everything of a list but its enumeration.
    fn list_into(
        &self,
        item: TypeId,
        checks: &Checks,
        raw: &str,
        namespaces: &dyn Namespaces,
        scratch: &mut Scratch,
        mut out: Option<&mut Vec<u8>>,
    ) -> Result<(), Fault> {
        let begin = out.as_deref().map_or(0, Vec::len);
        if let Some(out) = out.as_deref_mut() {
            out.push(LIST);
        }
        let mut count = 0;
        for text in items(raw) {
            count += 1;
            let place = |fault: Fault| Fault { item: Some(count), ..fault };
            match out.as_deref_mut() {
                None => {
                    self.check(item, text, namespaces, scratch).map_err(place)?;
                }
                Some(out) => {
                    // Each item is told from the next by its length before it.
                    let start = out.len();
                    out.extend_from_slice(&[0; 8]);
                    self.evaluate(item, text, namespaces, scratch, Some(&mut *out)).map_err(place)?;
                    let length = (out.len() - start - 8) as u64;
                    out[start..start + 8].copy_from_slice(&length.to_be_bytes());
                }
            }
        }
        if let (Some(out), 1) = (out, count) {
            // A list of one value is that value, as XSD 1.1 says where 1.0 says nothing (structures §3.11.4).
            out.drain(begin..=begin + 8);
        }
        checks.length(count, Unit::Items)?;
        match checks.patterns.is_empty() {
            true => Ok(()),
            false => checks.matches(WhiteSpace::Collapse.apply(raw, &mut scratch.text)),
        }
    }

    fn union(
        &self,
        members: &[TypeId],
        checks: &Checks,
        raw: &str,
        namespaces: &dyn Namespaces,
        scratch: &mut Scratch,
        mut out: Option<&mut Vec<u8>>,
    ) -> Result<TypeId, Fault> {
        let looked_up = checks.enumeration.as_deref();
        let mut room = match (&out, looked_up) {
            (None, Some(_)) => Some(scratch.lend()),
            _ => None,
        };
        let start = out.as_deref().map_or(0, Vec::len);
        let member = members.iter().find_map(|&member| match out.as_deref_mut().or(room.as_mut()) {
            None => self.check(member, raw, namespaces, scratch).ok().map(|valid| valid.member),
            sink => self.evaluate(member, raw, namespaces, scratch, sink).ok(),
        });
        let key = out.as_deref().or(room.as_ref()).map(|key| &key[start..]);
        let held = looked_up.is_none_or(|enumeration| key.is_some_and(|key| enumeration.holds_key(key)));
        if let Some(room) = room {
            scratch.whole = room;
        }
        let verdict = match member {
            None => Err(Fault::new("cvc-datatype-valid.1.2.3", What::Member(members.len()))),
            Some(member) => match checks.patterns.is_empty() {
                true => Ok(member),
                // White space is as the member has it (part 2 §4.3.6).
                false => checks
                    .matches(self.get(member).white_space.apply(raw, &mut scratch.text))
                    .map(|()| member),
            },
        };
        let verdict = verdict.and_then(|member| if held { Ok(member) } else { Err(checks.not_enumerated()) });
        verdict.inspect_err(|_| {
            if let Some(out) = out {
                out.truncate(start);
            }
        })
    }
}

fn atomic(
    simple: &SimpleType,
    literal: Literal,
    checks: &Checks,
    text: &str,
    namespaces: &dyn Namespaces,
    key: &mut Vec<u8>,
    out: Option<&mut Vec<u8>>,
) -> Result<(), Fault> {
    let value = literal.read(text, simple.builtin, namespaces)?;
    checks.measure(&value)?;
    checks.matches(text)?;
    let tag = simple.builtin.primitive() as u8;
    let held = match checks.enumeration.as_deref() {
        // NOTATION itself has no values: a restriction names them (part 2 §3.2.19).
        None => simple.builtin != Builtin::Notation,
        Some(enumeration @ Enumeration::Texts(_)) => enumeration.holds_text(text),
        Some(enumeration @ Enumeration::Keys(_)) => {
            key.clear();
            value.write_key(tag, key);
            enumeration.holds_key(key)
        }
    };
    if !held {
        return Err(checks.not_enumerated());
    }
    if let Some(out) = out {
        value.write_key(tag, out);
    }
    Ok(())
}
