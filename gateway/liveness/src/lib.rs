//! Hops, probes and heartbeats.
#![forbid(unsafe_code)]
