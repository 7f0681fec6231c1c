//! Schemas compiled and pinned; records, fields and documents checked against them.
#![forbid(unsafe_code)]
