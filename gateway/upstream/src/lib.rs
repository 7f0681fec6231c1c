//! The way out: sockets, TLS, HTTP client and tokens. Knows no dialect.
#![forbid(unsafe_code)]
