//! The reader's tests in one binary.

mod cases;
mod encodings;
mod limits;
mod reading;
mod splits;
mod trace;
mod well_formedness;
