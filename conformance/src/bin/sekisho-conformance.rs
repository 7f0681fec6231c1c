//! Runs the conformance cases.
#![forbid(unsafe_code)]
fn main() {}
