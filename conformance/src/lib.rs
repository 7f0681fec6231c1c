//! The reference cloud, the conformance cases and their runner, and the generator of trial data.
//!
//! Everything here speaks to a gateway over the wire only and shares no code with one: what both sides of a comparison
//! have in common would hide what is wrong with it.
#![forbid(unsafe_code)]

pub mod cases;
pub mod cloud;
pub mod exchange;
pub mod generate;
