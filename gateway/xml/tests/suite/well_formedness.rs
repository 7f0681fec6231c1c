//! Ill-formed documents, each with its rule and its place, and a well-formed twin that must be taken.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Write};
use std::process::{Command, Stdio};

use sekisho_xml::{
    DetectError, Event, Limits, ProcessingInstructions, Reader, XmlError, decode_document, rules,
};

use crate::cases::{Case, cases};

/// Reads a document to its end as its case says; the rule or code of the refusal, and its place.
fn read(case: &Case, document: &[u8]) -> Result<(), (String, String)> {
    if !case.detect {
        return read_all(Reader::new(document, limits(case)));
    }
    match decode_document(document, None) {
        Ok(decoder) => read_all(Reader::new(decoder, limits(case))),
        Err(error) => {
            let error = detected(&error);
            Err((error.code().to_owned(), format!("{}:{}", error.at.line, error.at.column)))
        }
    }
}

fn limits(case: &Case) -> Limits {
    let processing_instructions =
        if case.instructions { ProcessingInstructions::Skip } else { ProcessingInstructions::Refuse };
    Limits { processing_instructions, ..Limits::default() }
}

fn read_all<R: BufRead>(mut reader: Reader<R>) -> Result<(), (String, String)> {
    let error = loop {
        match reader.next() {
            Ok(Event::Eof) => break None,
            Ok(_) => {}
            Err(error) => break Some(error),
        }
    };
    let Some(error) = error else {
        assert_eq!(reader.depth(), 0, "nothing is open at the end");
        return Ok(());
    };
    let place = error.position().map(|at| format!("{}:{}", at.line, at.column)).unwrap_or_default();
    Err(match error {
        XmlError::NotWellFormed { rule, .. } => (rule.to_owned(), place),
        error => (error.code().to_owned(), place),
    })
}

fn detected(error: &io::Error) -> &DetectError {
    error.get_ref().and_then(|inner| inner.downcast_ref()).expect("memory does not fail")
}

#[test]
fn every_ill_formed_document_is_refused_and_its_twin_is_not() {
    let mut failures = Vec::new();
    let cases = cases();
    let mut seen = BTreeSet::new();
    for case in &cases {
        let called = format!("{}: {}", case.refused, case.name);
        if !seen.insert((&case.bad, case.detect, case.instructions)) {
            failures.push(format!("{called}: another case has this document"));
        }
        match read(case, &case.bad) {
            Err((rule, place)) if rule == case.refused => match &case.at {
                Some(at) if *at != place => failures.push(format!("{called}: wanted at {at}, got {place}")),
                _ => {}
            },
            Err((rule, place)) => failures.push(format!("{called}: refused as {rule} at {place}")),
            Ok(()) => failures.push(format!("{called}: taken")),
        }
        if let Err((rule, place)) = read(case, &case.good) {
            failures.push(format!("{called}: the twin is refused as {rule} at {place}"));
        }
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
    assert!(cases.len() >= 400, "{}", cases.len());
    let names: BTreeSet<&str> = cases.iter().map(|case| case.refused.as_str()).collect();
    let without: Vec<_> = rules().iter().filter(|rule| !names.contains(rule.rule)).collect();
    assert!(without.is_empty(), "rules that no document breaks: {without:?}");
}

/// Another parser's verdict: whether it takes the document. It tells errors of namespaces, and takes the document then.
fn xmllint_takes(document: &[u8]) -> bool {
    let mut child = Command::new("xmllint")
        .args(["--noout", "--nonet", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("xmllint of Debian's libxml2-utils, which `cargo xtask test` installs");
    // What it has refused it does not read to the end.
    let _ = child.stdin.take().expect("a pipe").write_all(document);
    let output = child.wait_with_output().expect("xmllint ends");
    let told = String::from_utf8_lossy(&output.stderr);
    output.status.success() && !told.contains("error")
}

/// libxml2 is of the same mind about every document, except where the table says why it is not.
#[test]
fn another_parser_agrees_or_it_is_said_why_not() {
    let mut failures = Vec::new();
    for case in cases() {
        let called = format!("{}: {}", case.refused, case.name);
        match (xmllint_takes(&case.bad), &case.xmllint) {
            (true, None) => failures.push(format!("{called}: xmllint takes it")),
            (false, Some(why)) => failures.push(format!("{called}: xmllint refuses it, against: {why}")),
            _ => {}
        }
        match (xmllint_takes(&case.good), &case.xmllint_good) {
            (false, None) => failures.push(format!("{called}: xmllint refuses the twin")),
            (true, Some(why)) => failures.push(format!("{called}: xmllint takes the twin, against: {why}")),
            _ => {}
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
