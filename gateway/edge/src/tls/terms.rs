//! One set of certificate, key, roots and revocation lists: whole and valid, or not at all.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{CertificateError, RootCertStore, ServerConfig};

use super::error::{Kind, Problem, Role, TlsError};
use super::files::{ClientFiles, Files, List, ListSays, Reading};

/// A set in force, or ready to be.
pub struct Terms {
    pub(super) server: Arc<ServerConfig>,
    /// Whether TLS 1.2 is spoken, too.
    older: bool,
    clients: Option<Clients>,
    /// When the listener's own chain ends, in unix seconds.
    pub certificate_ends: i64,
    /// Counts the sets of one listener.
    pub(super) generation: u64,
}

/// By what clients' certificates are judged.
struct Clients {
    roots: Arc<RootCertStore>,
    roots_end: i64,
    required: bool,
    lists: Vec<ListSays>,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl fmt::Debug for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terms").field("generation", &self.generation).finish_non_exhaustive()
    }
}

impl Terms {
    /// Reads and judges a set of files; `now` is in unix seconds.
    ///
    /// # Errors
    /// Everything that is wrong, file by file; nothing where what is wrong is that clients have no roots.
    pub fn load(files: &Files, now: i64) -> Result<Self, Vec<TlsError>> {
        let mut reading = Reading { now, errors: Vec::new() };
        let chain = reading.certificates(Role::Certificate, &files.certificate);
        let certificate_ends = chain.iter().map(|held| held.read.not_after).min().unwrap_or_default();
        let key = reading.key(&files.key);
        let clients = files.clients.as_ref().map(|clients| judges(clients, &mut reading));
        let chain: Vec<_> = chain.into_iter().map(|held| held.der).collect();
        // Whether they belong together is a question only where both are there.
        let certified = key.filter(|_| !chain.is_empty()).and_then(|key| {
            match CertifiedKey::from_der(chain, key, &provider()) {
                Ok(certified) => return Some(certified),
                Err(rustls::Error::InconsistentKeys(_)) => {
                    reading.wrong(Role::Key, &files.key, Problem::OtherKey)
                }
                Err(error) => reading.wrong(Role::Key, &files.key, Problem::Unusable(error.to_string())),
            }
            None
        });
        let Some(certified) = certified.filter(|_| reading.errors.is_empty()) else {
            return Err(reading.errors);
        };
        // Clients that cannot be judged are not clients that need not be.
        let clients = match clients {
            Some(None) => return Err(reading.errors),
            Some(Some(clients)) => Some(clients),
            None => None,
        };
        let resolver = Arc::new(SingleCertAndKey::from(certified));
        Self::assemble(files.older, resolver, certificate_ends, clients)
            .map_err(|error| vec![unusable(Role::Certificate, &files.certificate, &error)])
    }

    /// The same terms with the revocation lists as they lie there now. Whatever else the set has stays as it is, so that
    /// a list is taken whatever has become of the other files. `None` when the lists are the ones in force.
    ///
    /// # Errors
    /// Everything that is wrong with the lists.
    pub fn with_lists(&self, files: &ClientFiles, now: i64) -> Result<Option<Self>, Vec<TlsError>> {
        let Some(clients) = &self.clients else { return Ok(None) };
        let mut reading = Reading { now, errors: Vec::new() };
        let lists = lists(files, &mut reading);
        if !reading.errors.is_empty() {
            return Err(reading.errors);
        }
        if lists.iter().map(|list| &list.says).eq(&clients.lists) {
            return Ok(None);
        }
        let judged = verifier(files, &clients.roots, clients.required, lists, &mut reading);
        let Some((verifier, lists)) = judged else { return Err(reading.errors) };
        let clients = Clients {
            roots: Arc::clone(&clients.roots),
            roots_end: clients.roots_end,
            required: clients.required,
            lists,
            verifier,
        };
        let resolver = Arc::clone(&self.server.cert_resolver);
        match Self::assemble(self.older, resolver, self.certificate_ends, Some(clients)) {
            Ok(terms) => Ok(Some(terms)),
            Err(error) => Err(vec![unusable(Role::Certificate, Path::new(""), &error)]),
        }
    }

    fn assemble(
        older: bool,
        resolver: Arc<dyn ResolvesServerCert>,
        certificate_ends: i64,
        clients: Option<Clients>,
    ) -> Result<Self, rustls::Error> {
        let versions: &[_] = if older {
            &[&rustls::version::TLS13, &rustls::version::TLS12]
        } else {
            &[&rustls::version::TLS13]
        };
        let builder = ServerConfig::builder_with_provider(provider()).with_protocol_versions(versions)?;
        let builder = match &clients {
            Some(clients) => builder.with_client_cert_verifier(Arc::clone(&clients.verifier)),
            None => builder.with_no_client_auth(),
        };
        let mut server = builder.with_cert_resolver(resolver);
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        server.ignore_client_order = true;
        // A resumed session does not look at the certificate again: there are none, so that nothing outlives a revocation.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        server.max_early_data_size = 0;
        Ok(Self { server: Arc::new(server), older, clients, certificate_ends, generation: 0 })
    }

    /// Whether none of the revocation lists is older than the one of the same issuer in other terms: what was revoked
    /// would be taken again.
    pub fn follows(&self, before: &Self) -> bool {
        let of =
            |terms: &Self| terms.clients.as_ref().map(|clients| clients.lists.clone()).unwrap_or_default();
        let (lists, before) = (of(self), of(before));
        let newest =
            |issuer: &[u8]| before.iter().filter(|list| list.issuer == issuer).map(|list| list.issued).max();
        lists.iter().all(|list| newest(&list.issuer).is_none_or(|newest| list.issued >= newest))
    }

    /// When the first of the roots of clients' certificates ends, in unix seconds.
    pub fn roots_end(&self) -> Option<i64> {
        self.clients.as_ref().map(|clients| clients.roots_end)
    }

    /// When the first of the revocation lists is no longer fresh, in unix seconds.
    pub fn crls_end(&self) -> Option<i64> {
        self.clients.iter().flat_map(|clients| &clients.lists).map(|list| list.ends).min()
    }

    /// Whether a chain that was shown would be taken at this moment.
    pub(super) fn judge(&self, chain: &[CertificateDer<'_>], now: i64) -> Result<(), CertificateError> {
        let Some(clients) = &self.clients else { return Err(CertificateError::UnknownIssuer) };
        let Some((own, others)) = chain.split_first() else { return Err(CertificateError::BadEncoding) };
        let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now).unwrap_or_default()));
        match clients.verifier.verify_client_cert(own, others, now) {
            Ok(_) => Ok(()),
            Err(rustls::Error::InvalidCertificate(error)) => Err(error),
            Err(_) => Err(CertificateError::ApplicationVerificationFailure),
        }
    }
}

/// The primitives, named and never a process-wide default: what protects the way must not depend on who came first.
fn provider() -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    // Hybrid post-quantum first; behind it what clients of today have.
    provider.kx_groups = vec![
        aws_lc_rs::kx_group::X25519MLKEM768,
        aws_lc_rs::kx_group::X25519,
        aws_lc_rs::kx_group::SECP256R1,
        aws_lc_rs::kx_group::SECP384R1,
    ];
    Arc::new(provider)
}

fn unusable(role: Role, file: &Path, error: &rustls::Error) -> TlsError {
    TlsError { role, file: file.to_owned(), problem: Problem::Unusable(error.to_string()) }
}

/// What judges clients' certificates; `None` when something is wrong.
fn judges(files: &ClientFiles, reading: &mut Reading) -> Option<Clients> {
    let mut roots = RootCertStore::empty();
    let mut roots_end = i64::MAX;
    for (at, file) in files.roots.iter().enumerate() {
        for held in reading.certificates(Role::Roots(at), file) {
            roots_end = roots_end.min(held.read.not_after);
            if roots.add(held.der).is_err() {
                reading.wrong(Role::Roots(at), file, Problem::Broken(Kind::Certificate));
            }
        }
    }
    let lists = lists(files, reading);
    if !reading.errors.is_empty() || roots.is_empty() {
        return None;
    }
    let roots = Arc::new(roots);
    let (verifier, lists) = verifier(files, &roots, files.required, lists, reading)?;
    Some(Clients { roots, roots_end, required: files.required, lists, verifier })
}

fn lists(files: &ClientFiles, reading: &mut Reading) -> Vec<List> {
    let mut lists = Vec::new();
    for (at, file) in files.crls.iter().enumerate() {
        lists.extend(reading.lists(Role::Crls(at), file));
    }
    lists
}

type Judge = (Arc<dyn ClientCertVerifier>, Vec<ListSays>);

fn verifier(
    files: &ClientFiles,
    roots: &Arc<RootCertStore>,
    required: bool,
    lists: Vec<List>,
    reading: &mut Reading,
) -> Option<Judge> {
    let (ders, says): (Vec<_>, Vec<_>) = lists.into_iter().map(|list| (list.der, list.says)).unzip();
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), provider())
        .with_crls(ders)
        .enforce_revocation_expiration();
    if !required {
        builder = builder.allow_unauthenticated();
    }
    match builder.build() {
        Ok(verifier) => Some((verifier, says)),
        Err(error) => {
            // The lists could be read, but are not what the library takes: a delta, or one of another version.
            let of_lists = files.crls.first().map(|file| (Role::Crls(0), file.as_path()));
            let of_roots = files.roots.first().map(|file| (Role::Roots(0), file.as_path()));
            let (role, file) = of_lists.or(of_roots).unwrap_or((Role::Roots(0), Path::new("")));
            reading.wrong(role, file, Problem::Unusable(error.to_string()));
            None
        }
    }
}
