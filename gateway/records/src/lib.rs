//! Layouts, canonical records, record streams and mappings to rows.
#![forbid(unsafe_code)]
