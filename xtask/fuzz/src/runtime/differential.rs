//! Documents held against schemas by the gateway's runtime and by the compiler's own validator: one verdict.
//!
//! Schemas and documents are made up from a seed; most documents are valid or nearly so. A disagreement is a bug, of one
//! or the other: `cases.rs` keeps those that were found, each with the verdict that is right and why.

mod cases;
mod instance;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use sekisho_xsd::{DocumentError, Schema, SchemaError};
use xsd_schema::validation::DriveError;

use super::generated::Made;
use super::load;
use super::oracle::Oracle;

/// The rules that the document breaks by the other validator; `None` where the content is open in more ways than are
/// followed.
fn broken(oracle: &Oracle, document: &str) -> Option<Vec<&'static str>> {
    match oracle.violations(document) {
        Ok(rules) => Some(rules),
        Err(DriveError::Validation(_)) => None,
        Err(error) => panic!("{error:?}\n{document}"),
    }
}

/// Ours, likewise.
fn verdict(schema: &Schema, document: &str) -> Option<(bool, Vec<&'static str>)> {
    let mut codes = Vec::new();
    match schema.validate_document(document.as_bytes(), &mut |violation| codes.push(violation.code)) {
        Ok(validity) => Some((validity.valid, codes)),
        Err(DocumentError::ContentModel { .. }) => None,
        Err(error) => panic!("{error}\n{document}"),
    }
}

/// By which bounds a content model may be refused here, be it ambiguous or not.
const TOO_LARGE: [&str; 2] = ["limit-repetitions", "limit-content-model"];

/// Whether a choice ends where it begins.
fn has_empty_choice(text: &str) -> bool {
    let mut behind = text.split("<xs:choice").skip(1).filter_map(|rest| rest.split_once('>'));
    behind.any(|(_, rest)| rest.starts_with("</xs:choice>"))
}

/// How many schemas somebody asks for.
fn asked() -> Option<u32> {
    std::env::var("SEKISHO_DIFFERENTIAL").ok()?.parse().ok()
}

proptest! {
    #![proptest_config(ProptestConfig {
        // More of them, and others each time: SEKISHO_DIFFERENTIAL=100000, as the long tests do.
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
        let made = Made::new(&mut rng);
        let text = made.text();
        let oracle = match Oracle::new(&text) {
            Ok(oracle) => oracle,
            // What is ambiguous is no schema, for either; others of its kind are.
            Err(rule) => {
                let own = load(&text).err().map(|error| error.to_string()).unwrap_or_default();
                // What an empty choice stands in cannot be matched at all, and so not in two ways; the compiler does not look.
                let unmatched = own.is_empty() && has_empty_choice(&text);
                let refused = own.contains(rule) || own.contains("xs:all") || unmatched || TOO_LARGE.iter().any(|limit| own.contains(limit));
                prop_assert!(rule != "cos-nonambig" || refused, "seed {}: {}\n{}", seed, own, text);
                return Err(TestCaseError::reject(rule));
            }
        };
        let ours = match load(&text) {
            Ok(ours) => ours,
            // XSD 1.0 part 1 §3.8.6, All Group Limited: the compiler lets an extension of it pass.
            Err(error) if error.to_string().contains("xs:all") => return Ok(()),
            // What would be open in more ways than are followed is refused by name, so that no document is.
            Err(SchemaError::TooLarge { rule, .. })
                if TOO_LARGE.contains(&rule.as_str()) =>
            {
                return Err(TestCaseError::reject("open in more ways than are followed"));
            }
            Err(error) => panic!("{error}\n{text}"),
        };
        for _ in 0..12 {
            let document = instance::document(&made, &mut rng);
            let Some(theirs) = broken(&oracle, &document) else { continue };
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

#[test]
fn only_a_choice_of_nothing_is_an_empty_one() {
    assert!(has_empty_choice(r#"<xs:choice><xs:any/></xs:choice><xs:choice minOccurs="0"></xs:choice>"#));
    assert!(!has_empty_choice(r#"<xs:choice minOccurs="0"><xs:element name="e0"/></xs:choice>"#));
    assert!(!has_empty_choice("<xs:choice><xs:sequence></xs:sequence></xs:choice>"));
}
