//! The reader's tests in one binary.

pub mod fuzz_target;
mod limits;
mod reading;
mod splits;
mod trace;
mod well_formedness;
