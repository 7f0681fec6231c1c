//! The repository commands.
#![forbid(unsafe_code)]
fn main() {}
