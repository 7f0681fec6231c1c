//! The reference cloud, the conformance cases and their runner, the generator of trial data, and a sink for measurements.
//!
//! Everything here speaks to a gateway over the wire only and shares no code with one: what both sides of a comparison
//! have in common would hide what is wrong with it.
#![forbid(unsafe_code)]

pub mod attacks;
pub mod cases;
pub mod cloud;
pub mod exchange;
pub mod generate;
pub mod sink;
