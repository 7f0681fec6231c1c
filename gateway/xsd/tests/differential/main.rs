//! Documents held against schemas by this crate and by the compiler's own validator: one verdict.
//!
//! Schemas and documents are made up from a seed; most documents are valid or nearly so. A disagreement is a bug, of one
//! or the other: `cases.rs` keeps those that were found, each with the verdict that is right and why.
#![allow(clippy::unwrap_used, reason = "what cannot be written or loaded fails the test")]

mod cases;
mod instance;
mod oracle;
mod schema;

use oracle::{Oracle, verdict};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// How many schemas somebody asks for.
fn asked() -> Option<u32> {
    std::env::var("SEKISHO_DIFFERENTIAL").ok()?.parse().ok()
}

proptest! {
    #![proptest_config(ProptestConfig {
        // More of them: SEKISHO_DIFFERENTIAL=100000.
        cases: asked().unwrap_or(120),
        // The compiler's validator has bugs of its own: what a run finds that looks for them is for a person to judge, so
        // that the usual run is always the same.
        rng_seed: asked().map_or(RngSeed::Fixed(20_161_001), |_| RngSeed::Random),
        max_global_rejects: 1_000_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn both_say_the_same(seed in any::<u64>()) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let made = schema::Made::new(&mut rng);
        let text = made.text();
        let oracle = match Oracle::new(&text) {
            Ok(oracle) => oracle,
            // What is ambiguous is no schema, for either; others of its kind are.
            Err(rule) => {
                let own = oracle::load(&text).err().map(|error| error.to_string()).unwrap_or_default();
                let refused = own.contains(rule) || own.contains("xs:all");
                prop_assert!(rule != "cos-nonambig" || refused, "seed {}: {}\n{}", seed, own, text);
                return Err(TestCaseError::reject(rule));
            }
        };
        let ours = match oracle::load(&text) {
            Ok(ours) => ours,
            // XSD 1.0 part 1 §3.8.6, All Group Limited: the compiler lets an extension of it pass.
            Err(error) if error.to_string().contains("xs:all") => return Ok(()),
            Err(error) => panic!("{error}\n{text}"),
        };
        for _ in 0..12 {
            let document = instance::document(&made, &mut rng);
            let Some(theirs) = oracle.violations(&document) else { continue };
            let Some((own, codes)) = verdict(&ours, &document) else { continue };
            if cases::excused(&theirs, &codes, &document) {
                continue;
            }
            prop_assert_eq!(
                own,
                theirs.is_empty(),
                "seed {}\n{}\n\n{}\n\nthey say {:?}, we say {:?}",
                seed, text, document, theirs, codes
            );
        }
    }
}
