//! What is read of a connection before anybody is known: who a balancer says that it is from, and what a certificate says.

use sekisho_edge::listener::proxied::{self, Source};
use sekisho_edge::tls::{Certificate, Name};

/// A header of the PROXY protocol: read in one way or refused, never beyond its length and never short of it.
pub(crate) fn proxied(bytes: &[u8]) {
    let Ok(source) = proxied::parse(bytes) else { return };
    let fixed = bytes.first_chunk().unwrap();
    assert_eq!(proxied::length(fixed), Ok(bytes.len()));
    for cut in 0..bytes.len() {
        assert!(proxied::parse(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    if let Source::Client(address) = source {
        assert_eq!(address.ip(), address.ip().to_canonical());
        let again = proxied::written(address, address);
        assert_eq!(proxied::parse(&again), Ok(source));
    }
}

/// A certificate: its names, as they are written, are the same names again.
pub(crate) fn certificate(bytes: &[u8]) {
    let Some(certificate) = Certificate::read(bytes) else { return };
    assert!(matches!(certificate.names.first(), Some(Name::Fingerprint(_))));
    for name in &certificate.names {
        let written = name.to_string();
        if let Ok(read) = written.parse::<Name>() {
            assert_eq!(read, *name);
        }
    }
}
