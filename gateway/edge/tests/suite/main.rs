//! The way in, driven over real sockets with a real spool and ledger behind it.

mod client;
mod record_sets;
mod site;
mod ways;

mod admission;
mod bad_input;
mod batches;
mod connections;
mod contract;
mod heads;
mod idempotency;
mod operations;
mod payloads;
mod relaying;
mod verdicts;
