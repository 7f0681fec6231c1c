//! Values against their types: what always holds, and what an independent validator says.

mod disputed;
mod table;

use std::cell::LazyCell;

use sekisho_datatypes::{NoNamespaces, Scratch, Tables, TypeId, Types, Variety};
use xsd_schema::validation::simple::fixed_values_equal;
use xsd_schema::validation::validate_simple_type;
use xsd_schema::{SchemaSet, SchemaSetBuilder, TypeKey};

use table::Definition;

/// The types of the table, twice.
struct Subject {
    definitions: Vec<Definition>,
    types: Types,
    /// The same types with the Unicode of today.
    current: Types,
    ids: Vec<TypeId>,
    set: SchemaSet,
    keys: Vec<TypeKey>,
}

thread_local! {
    /// The other validator has no types that threads may share.
    static SUBJECT: LazyCell<Subject> = LazyCell::new(|| {
        let definitions = table::definitions();
        let (types, ids) = table::build(&definitions, Tables::Xsd10);
        let (current, _) = table::build(&definitions, Tables::Current);
        let builder = SchemaSetBuilder::new().add_source(&table::document(&definitions), "types.xsd").unwrap();
        let set = builder.compile().unwrap().into_schema_set();
        let key = |at: usize| set.lookup_type(None, set.name_table.get(&format!("T{at}"))?);
        let keys = (0..definitions.len()).map(|at| key(at).unwrap()).collect();
        Subject { definitions, types, current, ids, set, keys }
    });
}

/// First byte: a type. The rest: values with zero bytes between.
pub(crate) fn values(bytes: &[u8]) {
    let Some((&which, text)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    SUBJECT.with(|subject| {
        let at = usize::from(which) % subject.ids.len();
        let definition = &subject.definitions[at];
        let mut scratch = Scratch::new();
        let mut valid: Vec<(&str, Vec<u8>)> = Vec::new();
        for value in text.split('\0').take(4) {
            if let Some(key) = one(subject, at, definition, value, &mut scratch) {
                valid.push((value, key));
            }
        }
        for (one, one_key) in &valid {
            for (other, other_key) in &valid {
                let disputed = disputed::verdict(definition, one).or(disputed::verdict(definition, other));
                if disputed.is_none() {
                    let theirs = fixed_values_equal(one, other, Some(subject.keys[at]), &subject.set);
                    assert_eq!(one_key == other_key, theirs, "{definition:?}: {one:?} = {other:?}");
                }
            }
        }
    });
}

/// One value; its canonical bytes, if it is of the type.
fn one(
    subject: &Subject,
    at: usize,
    definition: &Definition,
    value: &str,
    scratch: &mut Scratch,
) -> Option<Vec<u8>> {
    let Subject { types, ids, .. } = subject;
    let ty = ids[at];
    let verdict = types.check(ty, value, &NoNamespaces, scratch);
    let key = |types: &Types, value: &str, scratch: &mut Scratch| {
        let mut key = b"before".to_vec();
        let outcome = types.value_key(ty, value, &NoNamespaces, scratch, &mut key);
        assert!(
            key.starts_with(b"before") && (outcome.is_ok() || key.len() == 6),
            "it is appended, or nothing is"
        );
        key.drain(..6);
        outcome.map(|member| (member, key))
    };
    let keyed = key(types, value, scratch);
    assert_eq!(verdict.clone().map(|valid| valid.member), keyed.clone().map(|(member, _)| member));
    // White space is normalised once and for all, and what is normal means the same.
    let normal = types.normalise(ty, value).into_owned();
    assert_eq!(types.normalise(ty, &normal), normal, "{definition:?}: {value:?}");
    assert_eq!(types.white_space(ty).normalise(&normal), normal);
    // Of a union, another member may come first to what is normal, and its values are its own.
    if !matches!(types.variety(ty), Variety::Union(_)) {
        assert_eq!(key(types, &normal, scratch).ok(), keyed.clone().ok(), "{definition:?}: {value:?}");
    }
    if value.is_ascii() {
        let today = subject.current.check(ty, value, &NoNamespaces, scratch);
        assert_eq!(today.is_ok(), verdict.is_ok(), "{definition:?}: {value:?}");
    }
    let mut found = Vec::new();
    types.each_id(ty, value, &NoNamespaces, scratch, &mut |kind, id| found.push((kind, id.to_owned())));
    assert!(found.iter().all(|(_, id)| !id.is_empty() || verdict.is_err()));
    if let Err(fault) = &verdict {
        assert!(
            fault.code.starts_with("cvc-") && !fault.message().is_empty() && !fault.message_ja().is_empty()
        );
    }
    // What XML cannot hold is no value of any type, and for neither to say.
    let unwritable = |c: char| (c < ' ' && !"\t\n\r".contains(c)) || matches!(c, '\u{FFFE}' | '\u{FFFF}');
    if !value.contains(unwritable) && disputed::verdict(definition, value).is_none() {
        let theirs = validate_simple_type(value, subject.keys[at], &subject.set);
        assert_eq!(
            verdict.is_ok(),
            theirs.is_ok(),
            "{definition:?}: {value:?}: {:?}, the oracle: {theirs:?}",
            verdict.as_ref().map_err(|fault| fault.code)
        );
    }
    keyed.ok().map(|(_, key)| key)
}
