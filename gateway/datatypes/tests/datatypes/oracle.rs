//! What an independent validator says: random types, and random, valid and damaged values of them. The two agree on every
//! verdict, and on which values are equal; where they do not, [`disputed`] says who is wrong and why.

mod definitions;
mod disputed;
mod expressions;
mod literals;

use fastrand::Rng;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use sekisho_datatypes::{NoNamespaces, Scratch, Tables};
use xsd_schema::validation::simple::fixed_values_equal;
use xsd_schema::validation::validate_simple_type;
use xsd_schema::{SchemaSet, SchemaSetBuilder, TypeKey, XsdVersion};

use definitions::Definitions;

/// The oracle with the types of a schema document, `T0`, `T1` and so on.
struct Oracle {
    set: SchemaSet,
    keys: Vec<TypeKey>,
}

impl Oracle {
    /// `None` when it refuses the schema.
    fn new(document: &str, types: usize, version: XsdVersion) -> Option<Oracle> {
        let builder = SchemaSetBuilder::with_version(version);
        let builder = builder.add_source(document, "types.xsd").ok()?;
        let set = builder.compile().ok()?.into_schema_set();
        let key = |at: usize| set.lookup_type(None, set.name_table.get(&format!("T{at}"))?);
        let keys: Option<Vec<_>> = (0..types).map(key).collect();
        Some(Oracle { keys: keys?, set })
    }

    fn takes(&self, at: usize, value: &str) -> bool {
        validate_simple_type(value, self.keys[at], &self.set).is_ok()
    }

    fn equal(&self, at: usize, one: &str, other: &str) -> bool {
        fixed_values_equal(one, other, Some(self.keys[at]), &self.set)
    }
}

/// Every type against some values. The schema is refused by the oracle: nothing is said.
///
/// The oracle's patterns have the tables of the suite in XSD 1.0 and those of today in 1.1.
fn compare(
    seed: u64,
    tables: Tables,
    mut define: impl FnMut(&mut Rng) -> Definitions,
) -> Result<(), TestCaseError> {
    let version = match tables {
        Tables::Xsd10 => XsdVersion::V1_0,
        Tables::Current => XsdVersion::V1_1,
    };
    let mut random = Rng::with_seed(seed);
    let definitions = define(&mut random);
    let document = definitions.document();
    let Some(oracle) = Oracle::new(&document, definitions.len(), version) else {
        return Err(TestCaseError::reject("the oracle refuses the schema"));
    };
    let (types, ids) = match definitions.build(tables) {
        Ok(built) => built,
        Err(error) if disputed::definition(&definitions, &error).is_some() => {
            return Err(TestCaseError::reject("the schema is wrong"));
        }
        Err(error) => return Err(TestCaseError::fail(format!("{error}\n{document}"))),
    };
    let mut scratch = Scratch::new();
    for (at, &ty) in ids.iter().enumerate() {
        let mut valid: Vec<(String, Vec<u8>)> = Vec::new();
        for _ in 0..40 {
            let value = definitions.value(at, &mut random);
            let mut key = Vec::new();
            let ours = types.value_key(ty, &value, &NoNamespaces, &mut scratch, &mut key);
            let quick = types.check(ty, &value, &NoNamespaces, &mut scratch);
            prop_assert_eq!(quick.is_ok(), ours.is_ok(), "T{} {:?}\n{}", at, value, document);
            let theirs = oracle.takes(at, &value);
            if ours.is_ok() != theirs && disputed::verdict(&definitions, at, &value).is_none() {
                let ours = ours.map_err(|fault| fault.code);
                let said = format!("T{at} {value:?}: {ours:?}, the oracle: {theirs}\n{document}");
                return Err(TestCaseError::fail(said));
            }
            if ours.is_ok() && theirs {
                valid.push((value, key));
            }
        }
        equalities(&oracle, at, &valid, &definitions, &document)?;
    }
    Ok(())
}

/// Equal bytes are equal values.
fn equalities(
    oracle: &Oracle,
    at: usize,
    valid: &[(String, Vec<u8>)],
    definitions: &Definitions,
    document: &str,
) -> Result<(), TestCaseError> {
    for (one, one_key) in valid.iter().take(8) {
        for (other, other_key) in valid.iter().take(8) {
            let theirs = oracle.equal(at, one, other);
            if (one_key == other_key) != theirs && disputed::equality(definitions, at, one, other).is_none() {
                let said = format!("T{at} {one:?} = {other:?}: the oracle says {theirs}\n{document}");
                return Err(TestCaseError::fail(said));
            }
        }
    }
    Ok(())
}

/// As many cases as are asked for (`PROPTEST_CASES`), or some.
fn config() -> ProptestConfig {
    let asked = ProptestConfig::default();
    let asks = std::env::var_os("PROPTEST_CASES").is_some();
    let cases = if asks { asked.cases } else { 150 };
    // A seed has no smaller one that means the same.
    ProptestConfig {
        // The oracle has bugs of its own: what a run finds that looks for them is for a person to judge, so that the usual
        // run is always the same.
        rng_seed: if asks { RngSeed::Random } else { RngSeed::Fixed(20_161_001) },
        cases,
        max_shrink_iters: 0,
        max_global_rejects: 20 * cases,
        failure_persistence: None,
        ..asked
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn builtin_types_and_restrictions_agree_with_the_oracle(seed in any::<u64>()) {
        compare(seed, Tables::Xsd10, Definitions::restrictions)?;
    }

    #[test]
    fn lists_and_unions_agree_with_the_oracle(seed in any::<u64>()) {
        compare(seed, Tables::Xsd10, Definitions::combinations)?;
    }

    #[test]
    fn patterns_agree_with_the_oracle(seed in any::<u64>()) {
        compare(seed, Tables::Xsd10, Definitions::patterns)?;
    }

    #[test]
    fn patterns_with_the_tables_of_today_agree_with_the_oracle(seed in any::<u64>()) {
        compare(seed, Tables::Current, Definitions::patterns)?;
    }
}

/// The oracle still says what [`disputed::CASES`] have it say: a case is taken out when it does no more.
#[test]
fn disputes_are_what_they_are_said_to_be() {
    for case in disputed::CASES {
        let document =
            format!("<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\">{}</xs:schema>", case.schema);
        let oracle = Oracle::new(&document, 1, XsdVersion::V1_0).unwrap_or_else(|| panic!("{document}"));
        let (types, ty) = (case.ours)();
        let ours = types.check(ty, case.value, &NoNamespaces, &mut Scratch::new()).is_ok();
        assert_eq!((ours, oracle.takes(0, case.value)), (case.valid, !case.valid), "{}", case.reason);
    }
}
