//! The HTTP client, TLS, logins and probes against servers on loopback.

mod client;
mod login;
mod recording;
mod server;
mod tls;
