//! The reference cloud, the conformance cases and their runner. Shares nothing with the gateway.
#![forbid(unsafe_code)]
