//! A strict, bounded, streaming XML reader: what the rest of the gateway may trust.
#![forbid(unsafe_code)]
