//! Who is at the other end of a connection, as the connection itself shows it. No header field has a say in it.

use std::net::SocketAddr;

use crate::tls::Shown;

/// The other end of a connection.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Its address, IPv4-mapped ones as IPv4.
    pub(crate) address: SocketAddr,
    /// The certificate that it has shown and proven to be its own.
    pub(crate) shown: Option<Shown>,
}
