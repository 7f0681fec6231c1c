//! The way in, driven over real sockets with a real spool and ledger behind it.

#![allow(clippy::unwrap_used)] // a test may panic, its helpers too

mod client;
mod record_sets;
mod site;
mod ways;

mod actions;
mod addressing;
mod admission;
mod awaiting;
mod bad_input;
mod batches;
mod connections;
mod contract;
mod crowds;
mod duplicate_records;
mod encodings;
mod heads;
mod held;
mod idempotency;
mod operations;
mod operators;
mod payloads;
mod policies;
mod quotas;
mod relaying;
mod scanning;
mod stacks;
mod told;
mod trailers;
mod verdicts;
mod withdrawn;
