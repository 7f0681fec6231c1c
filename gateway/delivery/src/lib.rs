//! Pace, dialects, retries: how accepted records reach the cloud.
#![forbid(unsafe_code)]
