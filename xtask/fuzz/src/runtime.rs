//! Documents held against schemas by the gateway's runtime and by the compiler's own validator: one verdict.

#[cfg(test)]
mod differential;
mod generated;
mod oracle;

use std::cell::RefCell;
use std::io::BufReader;
use std::path::Path;

use sekisho_xsd::{DocumentError, Schema, SchemaError, Violation};

use crate::pieces::Pieces;
use oracle::{Oracle, excused};

/// Schemas that somebody wrote.
const WRITTEN: [&str; 3] = ["content.xsd", "structure.xsd", "identity.xsd"];
/// Seeds of schemas that are made up. What other seeds make is mostly ambiguous, and no schema.
const SEEDS: [u64; 24] =
    [2, 7, 10, 11, 12, 13, 14, 16, 17, 18, 19, 23, 25, 26, 29, 30, 31, 33, 34, 35, 41, 42, 43, 44];

/// What documents begin with.
const BEFORE: &str = r#"<t:g0 xmlns:t="urn:t" xmlns:o="urn:o" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance""#;

struct Subject {
    schema: Schema,
    oracle: Oracle,
}

thread_local! {
    /// Those used so far, by their number: what is made of a schema is not for several threads.
    static SUBJECTS: RefCell<Vec<Option<Subject>>> = const { RefCell::new(Vec::new()) };
}

/// First byte: the schema. The rest: a document, but for the beginning of its root's start tag.
pub(crate) fn verdicts(bytes: &[u8]) {
    let Some((&choice, rest)) = bytes.split_first() else { return };
    let Ok(rest) = std::str::from_utf8(rest) else { return };
    let document = format!("{BEFORE}{rest}");
    SUBJECTS.with_borrow_mut(|subjects| {
        let count = WRITTEN.len() + SEEDS.len();
        subjects.resize_with(count, || None);
        let number = usize::from(choice) % count;
        compare(subjects[number].get_or_insert_with(|| subject(number)), &document, choice);
    });
}

fn compare(subject: &Subject, document: &str, choice: u8) {
    let ours = judged(&subject.schema, document.as_bytes());
    let pieces =
        BufReader::with_capacity(64, Pieces::new(document.as_bytes(), [usize::from(choice) % 16 + 1, 1]));
    let again = judged(&subject.schema, pieces);
    assert_eq!(ours.as_ref().err().map(DocumentError::code), again.as_ref().err().map(DocumentError::code));
    // What is no document, goes over a limit, or is open in more ways than are followed, has no verdict.
    let (Ok((valid, violations)), Ok((_, again))) = (&ours, &again) else { return };
    assert_eq!(violations, again, "however the bytes come");
    assert_eq!(*valid, violations.is_empty());
    for violation in violations {
        assert!(violation.line > Some(0) && violation.column > Some(0));
        assert!(!violation.message.is_empty() && !violation.message_ja.is_empty());
        assert!(
            violation.byte.is_some_and(|byte| stands_at(document.as_bytes()[byte as usize], violation.code))
        );
    }
    let Ok(theirs) = subject.oracle.violations(document) else { return };
    let codes: Vec<&str> = violations.iter().map(|violation| violation.code).collect();
    if !excused(&theirs, &codes, document) {
        assert_eq!(*valid, theirs.is_empty(), "they say {theirs:?}, we say {codes:?}:\n{document}");
    }
}

/// Whether a violation of the rule can be where the byte is: at a tag, or where text is out of place, at the text.
fn stands_at(byte: u8, code: &str) -> bool {
    match code {
        "cvc-complex-type.2.3" => !byte.is_ascii_whitespace(),
        // White space is out of place, too.
        "cvc-complex-type.2.1" | "cvc-elt.3.2.1" => true,
        _ => byte == b'<',
    }
}

fn judged(schema: &Schema, input: impl std::io::BufRead) -> Result<(bool, Vec<Violation>), DocumentError> {
    let mut violations = Vec::new();
    let verdict = schema.validate_document(input, &mut |violation| violations.push(violation))?;
    Ok((verdict.valid, violations))
}

fn subject(number: usize) -> Subject {
    if let Some(name) = WRITTEN.get(number) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(name);
        let oracle = Oracle::new(&std::fs::read_to_string(&path).unwrap()).unwrap();
        return Subject { schema: Schema::load(&path, None).unwrap(), oracle };
    }
    let mut random = fastrand::Rng::with_seed(SEEDS[number - WRITTEN.len()]);
    let text = generated::Made::new(&mut random).text();
    Subject { schema: load(&text).unwrap(), oracle: Oracle::new(&text).unwrap() }
}

fn load(text: &str) -> Result<Schema, SchemaError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.xsd");
    std::fs::write(&path, text).unwrap();
    Schema::load(&path, None)
}
