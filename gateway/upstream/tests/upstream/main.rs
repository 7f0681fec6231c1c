//! The HTTP client, TLS, logins and probes against servers on loopback.

mod client;
mod login;
mod server;
mod tls;
