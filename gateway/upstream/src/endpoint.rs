//! Where an upstream is and by what rules it may be spoken to.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Uri};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::login::LoginConfig;

/// An upstream as an operator writes it down. [`Endpoint::load`] makes the effective form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointConfig {
    /// Base address, `http://` or `https://`; a path in it is put before the path of every request.
    pub url: String,
    /// PEM files with the certificates that the peer's chain may end in. Required for `https`; the system's own
    /// roots are never used.
    #[serde(default)]
    pub roots: Vec<PathBuf>,
    /// PEM file with the certificate chain that the gateway shows, where the peer asks for one.
    #[serde(default)]
    pub client_certificate: Option<PathBuf>,
    /// PEM file with the private key of `client_certificate`.
    #[serde(default)]
    pub client_key: Option<PathBuf>,
    /// Name that the peer's certificate must hold, where it is not the host of `url`.
    #[serde(default)]
    pub server_name: Option<String>,
    /// Longest time for name, connection and TLS handshake together, in milliseconds.
    #[serde(default = "default_connect_timeout_ms")]
    pub connect_timeout_ms: u64,
    /// Longest silence while a request is being sent or an answer is being read, in milliseconds. The wait for the
    /// answer's first byte is not silence: the request's own deadline bounds that.
    #[serde(default = "default_idle_timeout_ms")]
    pub idle_timeout_ms: u64,
    /// Longest time for one exchange, connection to last byte of the answer, in milliseconds.
    #[serde(default = "default_request_timeout_ms")]
    pub request_timeout_ms: u64,
    /// How long an unused connection is kept for the next request, in milliseconds. Keep it below the peer's own
    /// limit: a request written to a connection that the peer is closing has an unknown outcome.
    #[serde(default = "default_keep_alive_ms")]
    pub keep_alive_ms: u64,
    /// Longest answer that is read, in bytes.
    #[serde(default = "default_max_answer_bytes")]
    pub max_answer_bytes: u64,
    /// Most connections at once.
    #[serde(default = "default_max_connections")]
    pub max_connections: usize,
    /// How the gateway logs in, where the upstream asks for it.
    #[serde(default)]
    pub login: Option<LoginConfig>,
}

fn default_connect_timeout_ms() -> u64 {
    5_000
}
fn default_idle_timeout_ms() -> u64 {
    30_000
}
fn default_request_timeout_ms() -> u64 {
    120_000
}
fn default_keep_alive_ms() -> u64 {
    4_000
}
fn default_max_answer_bytes() -> u64 {
    64 * 1024 * 1024
}
fn default_max_connections() -> usize {
    8
}

impl EndpointConfig {
    /// A configuration with every default, for `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            roots: Vec::new(),
            client_certificate: None,
            client_key: None,
            server_name: None,
            connect_timeout_ms: default_connect_timeout_ms(),
            idle_timeout_ms: default_idle_timeout_ms(),
            request_timeout_ms: default_request_timeout_ms(),
            keep_alive_ms: default_keep_alive_ms(),
            max_answer_bytes: default_max_answer_bytes(),
            max_connections: default_max_connections(),
            login: None,
        }
    }
}

/// Whether what is sent to this address can be read along on its way: plain HTTP to another host than this machine. This machine
/// is `localhost`, 127.0.0.0/8 and `::1`, written as such; what another name resolves to may change.
pub fn is_in_clear(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let host = uri.host().map(|host| host.trim_start_matches('[').trim_end_matches(']'));
    uri.scheme() == Some(&Scheme::HTTP) && host.is_some_and(|host| !is_this_machine(host))
}

/// A host that is this machine by what is written.
pub(crate) fn is_this_machine(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    address.map_or_else(|_| is_localhost(host), |address| address.is_loopback())
}

/// The name of this machine in every system.
pub(crate) fn is_localhost(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
}

/// An upstream's address and rules, checked and with its files read. Cheap to clone.
#[derive(Clone)]
pub struct Endpoint {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Clone)]
pub(crate) struct Inner {
    /// Host without the brackets of an IPv6 literal.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Value of the Host field (RFC 9110 section 7.2).
    pub(crate) authority: HeaderValue,
    base_path: String,
    pub(crate) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    pub(crate) connect_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) keep_alive: Duration,
    pub(crate) max_answer_bytes: u64,
    pub(crate) max_connections: usize,
    /// Path of the base address, as the target of a request to exactly that address.
    root: Uri,
    url: String,
}

/// Why an endpoint's configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The URL is not one that can be spoken to.
    #[error("url '{url}': {reason}; write http://host[:port][/path] or https://…")]
    Url {
        /// As configured.
        url: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A value is outside its range.
    #[error("{key}: {reason}")]
    Value {
        /// Configuration key.
        key: &'static str,
        /// What is allowed.
        reason: &'static str,
    },
    /// A file cannot be read, or does not hold what it should.
    #[error("{key}: file '{}': {reason}", path.display())]
    File {
        /// Configuration key.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Certificates and key do not make a TLS configuration.
    #[error("TLS settings of '{url}': {reason}")]
    Tls {
        /// As configured.
        url: String,
        /// The TLS library's words.
        reason: String,
    },
}

impl EndpointError {
    /// Stable, kebab-case code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Url { .. } => "endpoint-url",
            Self::Value { .. } => "endpoint-value",
            Self::File { .. } => "endpoint-file",
            Self::Tls { .. } => "endpoint-tls",
        }
    }
}

impl Endpoint {
    /// Checks a configuration and reads its files. Opens no connection.
    pub fn load(config: &EndpointConfig) -> Result<Self, EndpointError> {
        let url_error = |reason| EndpointError::Url { url: config.url.clone(), reason };
        for (key, value) in [
            ("connect_timeout_ms", config.connect_timeout_ms),
            ("idle_timeout_ms", config.idle_timeout_ms),
            ("request_timeout_ms", config.request_timeout_ms),
            ("max_answer_bytes", config.max_answer_bytes),
            ("max_connections", config.max_connections as u64),
        ] {
            if value == 0 {
                return Err(EndpointError::Value { key, reason: "must be at least 1" });
            }
        }
        let uri: Uri = config.url.parse().map_err(|_| url_error("not a URL"))?;
        let https = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(url_error("the scheme is neither http nor https")),
        };
        let authority = uri.authority().ok_or_else(|| url_error("no host"))?;
        if authority.as_str().contains('@') {
            return Err(url_error("a user in the URL is refused: use `login`"));
        }
        if uri.query().is_some() {
            return Err(url_error("a query in the base address is refused"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(url_error("no host"));
        }
        let tls = if https { Some(tls_settings(config, &host)?) } else { None };
        Ok(Self {
            inner: Arc::new(Inner {
                port: authority.port_u16().unwrap_or(if https { 443 } else { 80 }),
                authority: HeaderValue::from_str(authority.as_str()).map_err(|_| url_error("not a URL"))?,
                base_path: uri.path().trim_end_matches('/').to_owned(),
                host,
                tls,
                connect_timeout: Duration::from_millis(config.connect_timeout_ms),
                idle_timeout: Duration::from_millis(config.idle_timeout_ms),
                request_timeout: Duration::from_millis(config.request_timeout_ms),
                keep_alive: Duration::from_millis(config.keep_alive_ms),
                max_answer_bytes: config.max_answer_bytes,
                max_connections: config.max_connections,
                root: uri.path().parse().map_err(|_| url_error("not a URL"))?,
                url: config.url.clone(),
            }),
        })
    }

    /// The base address as configured.
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// The deadline of an exchange whose caller sets none.
    pub fn request_timeout(&self) -> Duration {
        self.inner.request_timeout
    }

    /// Most connections at once.
    pub fn max_connections(&self) -> usize {
        self.inner.max_connections
    }

    /// Whether the way is protected by TLS.
    pub fn is_tls(&self) -> bool {
        self.inner.tls.is_some()
    }

    /// The request target of the base address itself.
    pub(crate) fn target_as_configured(&self) -> Uri {
        self.inner.root.clone()
    }

    /// The request target for `path` (which may have a query), below the endpoint's base path. `None` if it cannot
    /// stand in a request line.
    pub fn target(&self, path: &str) -> Option<Uri> {
        let slash = if path.starts_with('/') { "" } else { "/" };
        let target = format!("{}{slash}{path}", self.inner.base_path);
        let mut parts = http::uri::Parts::default();
        parts.path_and_query = Some(PathAndQuery::try_from(target).ok()?);
        Uri::from_parts(parts).ok()
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Endpoint").field("url", &self.inner.url).finish_non_exhaustive()
    }
}

fn tls_settings(
    config: &EndpointConfig,
    host: &str,
) -> Result<(Arc<ClientConfig>, ServerName<'static>), EndpointError> {
    let tls_error =
        |error: rustls::Error| EndpointError::Tls { url: config.url.clone(), reason: error.to_string() };
    if config.roots.is_empty() {
        return Err(EndpointError::Value {
            key: "roots",
            reason: "https needs at least one PEM file of roots",
        });
    }
    let mut roots = RootCertStore::empty();
    for path in &config.roots {
        for certificate in certificates("roots", path)? {
            roots.add(certificate).map_err(|error| file_error("roots", path, error.to_string()))?;
        }
    }
    // The provider is named, never a process-wide default: what protects the way must not depend on who came first.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(tls_error)?
        .with_root_certificates(roots);
    let mut settings = match (&config.client_certificate, &config.client_key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(chain), Some(key_path)) => {
            let key = PrivateKeyDer::from_pem_file(key_path)
                .map_err(|error| file_error("client_key", key_path, error.to_string()))?;
            builder
                .with_client_auth_cert(certificates("client_certificate", chain)?, key)
                .map_err(tls_error)?
        }
        _ => {
            return Err(EndpointError::Value {
                key: "client_key",
                reason: "client_certificate and client_key are set together or not at all",
            });
        }
    };
    settings.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = config.server_name.as_deref().unwrap_or(host).to_owned();
    let name = ServerName::try_from(name).map_err(|_| EndpointError::Value {
        key: "server_name",
        reason: "neither a DNS name nor an IP address",
    })?;
    Ok((Arc::new(settings), name))
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, EndpointError> {
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(|certificates| certificates.collect::<Result<_, _>>())
        .map_err(|error| file_error(key, path, error.to_string()))?;
    if found.is_empty() {
        return Err(file_error(key, path, "no certificate in it".to_owned()));
    }
    Ok(found)
}

fn file_error(key: &'static str, path: &Path, reason: String) -> EndpointError {
    EndpointError::File { key, path: path.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::is_in_clear;

    #[test]
    fn plain_http_to_this_machine_alone_is_not_read_along() {
        for url in [
            "http://localhost:8080",
            "http://LocalHost/a",
            "http://127.0.0.1",
            "HTTP://127.9.8.7:80/",
            "http://[::1]:8080",
            "https://10.0.0.1",
            "https://cloud.example",
            "no address",
        ] {
            assert!(!is_in_clear(url), "{url}");
        }
        for url in [
            "http://10.0.0.1:8080",
            "HTTP://10.0.0.1",
            "http://cloud.example",
            "http://localhost.example",
            "http://localhost.",
            "http://127.0.0.1.example",
            "http://127.1",
            "http://2130706433",
            "http://0.0.0.0",
            "http://[::]",
            "http://[::ffff:127.0.0.1]",
            "http://[2001:db8::1]:8080",
        ] {
            assert!(is_in_clear(url), "{url}");
        }
    }
}
