//! From an accepted socket to a TLS stream and the certificate that was shown on it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, Error, InvalidMessage};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificate::Certificate;
use super::{Name, Tls};

/// A certificate that a client has shown, and proven to be its own, on one connection.
#[derive(Debug)]
pub(crate) struct Shown {
    tls: Arc<Tls>,
    chain: Vec<CertificateDer<'static>>,
    certificate: Certificate,
    /// The generation of the terms that it was last judged by.
    judged_by: AtomicU64,
}

impl Shown {
    /// Its fingerprint and its names.
    pub(crate) fn names(&self) -> &[Name] {
        &self.certificate.names
    }

    /// Whether it still passes at this moment, in unix seconds; else the code of what it has become.
    ///
    /// It was judged in its handshake. It is judged again when other terms are in force, and when it or a revocation
    /// list may have had its time.
    pub(crate) fn stands(&self, now: i64) -> Result<(), &'static str> {
        let terms = self.tls.terms();
        let fresh = now <= self.certificate.not_after && terms.crls_end().is_none_or(|end| now < end);
        if fresh && self.judged_by.load(Ordering::Acquire) == terms.generation {
            return Ok(());
        }
        terms.judge(&self.chain, now).map_err(|error| code_of(&error))?;
        self.judged_by.store(terms.generation, Ordering::Release);
        Ok(())
    }
}

/// A handshake that came to nothing.
#[derive(Debug)]
pub(crate) struct Failed {
    /// Stable, kebab-case.
    pub(crate) code: &'static str,
    /// What is left of the connection: an alert may be on its way to the client.
    pub(crate) stream: Option<TcpStream>,
}

/// Shakes hands, within `limit`.
pub(crate) async fn shake(
    tls: &Arc<Tls>,
    stream: TcpStream,
    limit: Duration,
) -> Result<(TlsStream<TcpStream>, Option<Shown>), Failed> {
    let terms = tls.terms();
    let accepting = TlsAcceptor::from(Arc::clone(&terms.server)).accept(stream).into_fallible();
    let stream = match tokio::time::timeout(limit, accepting).await {
        Ok(Ok(stream)) => stream,
        Ok(Err((error, stream))) => return Err(Failed { code: code(&error), stream: Some(stream) }),
        Err(_) => return Err(Failed { code: "handshake-too-slow", stream: None }),
    };
    let chain = stream.get_ref().1.peer_certificates().map(<[_]>::to_vec).unwrap_or_default();
    let Some(own) = chain.first() else { return Ok((stream, None)) };
    let Some(certificate) = Certificate::read(own) else {
        // The verifier has read it; whatever this reader stumbles over binds to nobody.
        return Err(Failed { code: "certificate-invalid", stream: Some(stream.into_inner().0) });
    };
    let judged_by = AtomicU64::new(terms.generation);
    Ok((stream, Some(Shown { tls: Arc::clone(tls), chain, certificate, judged_by })))
}

fn code(error: &io::Error) -> &'static str {
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return "handshake-cut";
    };
    match error {
        Error::InvalidCertificate(error) => code_of(error),
        Error::NoCertificatesPresented => "certificate-missing",
        // An alert says why the client does not like us: an authority that it does not know, mostly.
        Error::AlertReceived(_) => "handshake-refused-by-client",
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => "handshake-no-tls",
        Error::PeerIncompatible(_) => "handshake-nothing-in-common",
        Error::NoApplicationProtocol => "handshake-no-protocol",
        _ => "handshake-broken",
    }
}

/// What is wrong with a client's certificate.
fn code_of(error: &CertificateError) -> &'static str {
    use CertificateError as E;
    match error {
        E::Expired | E::ExpiredContext { .. } => "certificate-expired",
        E::NotValidYet | E::NotValidYetContext { .. } => "certificate-not-yet-valid",
        E::Revoked => "certificate-revoked",
        E::UnknownIssuer => "certificate-issuer-unknown",
        E::UnknownRevocationStatus => "certificate-revocation-unknown",
        E::ExpiredRevocationList | E::ExpiredRevocationListContext { .. } => "certificate-revocation-stale",
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => "certificate-purpose",
        E::BadSignature => "certificate-signature",
        _ => "certificate-invalid",
    }
}
