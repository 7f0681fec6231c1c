//! The log as a whole: written, altered by somebody, taken up after trouble.
#![allow(clippy::unwrap_used)] // a test says so by failing

mod memory;
mod tampering;
mod together;
mod trouble;
