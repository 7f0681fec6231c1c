//! Logging in: OAuth 2.0 client credentials (RFC 6749 section 4.4), JWT bearer (RFC 7523), or a token from a file.

mod granted;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Uri};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use schemars::JsonSchema;
use sekisho_exchanges::ExchangeLog;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::Instant;

use self::granted::{Granted, MOST_ANSWER, granted, is_sendable};
use crate::body::Body;
use crate::client::HttpClient;
use crate::endpoint::{Endpoint, EndpointConfig, EndpointError};
use crate::error::UpstreamError;
use crate::recording::Note;

/// How the gateway logs in at an upstream. Secrets come from files only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum LoginConfig {
    /// OAuth 2.0 client credentials: id and secret by HTTP Basic.
    ClientCredentials {
        /// Where tokens are issued; the same roots of trust and deadlines as for the upstream apply.
        token_url: String,
        /// The client's id.
        client_id: String,
        /// File with the secret; a line end at its end is not part of it.
        client_secret_file: PathBuf,
        /// Scope to ask for.
        #[serde(default)]
        scope: Option<String>,
    },
    /// OAuth 2.0 JWT bearer: an assertion signed with RS256.
    JwtBearer {
        /// Where tokens are issued.
        token_url: String,
        /// `iss`: the client's id.
        client_id: String,
        /// `sub`: the user on whose behalf the gateway acts.
        subject: String,
        /// `aud`: as the upstream demands it, often its login host.
        audience: String,
        /// PEM file with the RSA private key (PKCS#8 or PKCS#1).
        key_file: PathBuf,
        /// How long an assertion is good, in seconds.
        #[serde(default = "default_lifetime_seconds")]
        lifetime_seconds: u64,
    },
    /// A session or bearer token that someone else keeps fresh in a file; read again when the upstream says that the
    /// session has expired.
    TokenFile {
        /// The file; a line end at its end is not part of the token.
        path: PathBuf,
    },
}

fn default_lifetime_seconds() -> u64 {
    180
}

impl LoginConfig {
    /// Where tokens are issued; `None` where somebody else brings them.
    pub fn token_url(&self) -> Option<&str> {
        match self {
            Self::ClientCredentials { token_url, .. } | Self::JwtBearer { token_url, .. } => Some(token_url),
            Self::TokenFile { .. } => None,
        }
    }
}

/// Why there is no token.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LoginError {
    /// A setting is wrong, or a file cannot be read.
    #[error("{reason}")]
    Settings {
        /// Stable code of the cause.
        code: &'static str,
        /// What is wrong, where and what is allowed.
        reason: String,
    },
    /// The token endpoint gave no answer.
    #[error("no answer from the login endpoint: {0}")]
    Unreachable(#[from] UpstreamError),
    /// The token endpoint refused.
    #[error(
        "the login was refused with status {status} ({error}); check the client's id, its secret or key, and its approval"
    )]
    Refused {
        /// HTTP status.
        status: u16,
        /// RFC 6749 section 5.2 error code, or "-".
        error: String,
    },
    /// The token endpoint's answer is not one.
    #[error("the login endpoint's answer cannot be used: {reason}")]
    Answer {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The upstream says that the session has expired, and the file still holds the same token.
    #[error("the upstream refuses the token in '{}': put a fresh one there", path.display())]
    Expired {
        /// The file.
        path: PathBuf,
    },
}

impl LoginError {
    /// Stable, kebab-case code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Settings { code, .. } => code,
            Self::Unreachable(_) => "login-unreachable",
            Self::Refused { .. } => "login-refused",
            Self::Answer { .. } => "login-answer",
            Self::Expired { .. } => "login-expired",
        }
    }
}

impl From<EndpointError> for LoginError {
    fn from(error: EndpointError) -> Self {
        Self::Settings { code: error.code(), reason: error.to_string() }
    }
}

/// A token. Its value is shown nowhere but in requests.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    value: Arc<str>,
    serial: u64,
}

impl Token {
    /// The value itself, for a session header.
    pub fn secret(&self) -> &str {
        &self.value
    }

    /// `Authorization: Bearer …` (RFC 6750 section 2.1), marked so that it is not logged.
    pub fn bearer(&self) -> HeaderValue {
        // A token that cannot stand in a header was refused when it was received.
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.value))
            .unwrap_or_else(|_| HeaderValue::from_static("Bearer"));
        value.set_sensitive(true);
        value
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Token(#{})", self.serial)
    }
}

/// The login of one upstream: one token for all, renewed by whoever finds it expired. Cheap to clone.
#[derive(Clone)]
pub struct Tokens {
    inner: Arc<Inner>,
}

struct Inner {
    source: Source,
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    token: Option<Token>,
    renew_at: Option<Instant>,
    serial: u64,
    /// The upstream has refused it, and nobody has had it for another try since.
    refused: bool,
}

/// What a look at a login shows; see [`Tokens::look`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// A new token was issued.
    LoggedIn,
    /// A new token was issued, but the upstream has refused one that was as new ([`Tokens::refuse`]).
    Refused,
    /// The file holds a token that the upstream has not refused: whether it takes it, only a call with it shows.
    InFile,
}

enum Source {
    File(PathBuf),
    OAuth { client: HttpClient, target: Uri, grant: Grant },
}

enum Grant {
    ClientCredentials {
        authorization: HeaderValue,
        form: String,
    },
    JwtBearer {
        key: Box<RsaKeyPair>,
        client_id: String,
        subject: String,
        audience: String,
        lifetime: Duration,
    },
}

impl Tokens {
    /// Checks the settings and reads keys and secrets. `upstream` lends roots, client certificate and deadlines.
    pub fn open(login: &LoginConfig, upstream: &EndpointConfig) -> Result<Self, LoginError> {
        let source = match login {
            LoginConfig::TokenFile { path } => {
                token_in(path)?;
                Source::File(path.clone())
            }
            LoginConfig::ClientCredentials { token_url, client_id, client_secret_file, scope } => {
                let secret = trimmed(client_secret_file)?;
                let credentials =
                    format!("{}:{secret}", form_encoded(client_id), secret = form_encoded(&secret));
                let mut authorization =
                    HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(credentials))).map_err(
                        |_| settings("login-client", "client_id cannot stand in a header".to_owned()),
                    )?;
                authorization.set_sensitive(true);
                let mut form = "grant_type=client_credentials".to_owned();
                if let Some(scope) = scope {
                    form.push_str("&scope=");
                    form.push_str(&form_encoded(scope));
                }
                oauth(token_url, upstream, Grant::ClientCredentials { authorization, form })?
            }
            LoginConfig::JwtBearer {
                token_url,
                client_id,
                subject,
                audience,
                key_file,
                lifetime_seconds,
            } => {
                let grant = Grant::JwtBearer {
                    key: Box::new(rsa_key(key_file)?),
                    client_id: client_id.clone(),
                    subject: subject.clone(),
                    audience: audience.clone(),
                    lifetime: Duration::from_secs((*lifetime_seconds).clamp(1, 3600)),
                };
                oauth(token_url, upstream, grant)?
            }
        };
        Ok(Self { inner: Arc::new(Inner { source, current: Mutex::default() }) })
    }

    /// Puts every login from now on on record.
    pub(crate) fn record_in(&self, log: &ExchangeLog, upstream: &str) {
        if let Source::OAuth { client, .. } = &self.inner.source {
            client.record_in(log, upstream);
        }
    }

    /// The token in use; logs in first if there is none, or if it is about to expire by its own statement.
    pub async fn token(&self) -> Result<Token, LoginError> {
        let mut current = self.inner.current.lock().await;
        match &current.token {
            Some(token) if current.renew_at.is_none_or(|at| Instant::now() < at) => {
                let token = token.clone();
                current.refused = false;
                Ok(token)
            }
            _ => self.log_in(&mut current).await,
        }
    }

    /// Looks at the login as it is today: a token at hand proves nothing, so that a new one is asked for. A token file is
    /// read again; that it has not changed is no fault of it.
    ///
    /// # Errors
    /// As for [`token`](Self::token); [`LoginError::Expired`] when the file still holds the token that the upstream refused
    /// when it was last used.
    pub async fn look(&self) -> Result<Look, LoginError> {
        let mut current = self.inner.current.lock().await;
        let refused = if current.refused { current.token.clone() } else { None };
        let fresh = self.log_in(&mut current).await?;
        let Source::File(path) = &self.inner.source else {
            // Another token is no better because it is newer: one that was asked for to take the place of a refused one was refused.
            current.refused = refused.is_some();
            return Ok(if current.refused { Look::Refused } else { Look::LoggedIn });
        };
        current.refused = refused.is_some_and(|refused| refused.value == fresh.value);
        if current.refused { Err(LoginError::Expired { path: path.clone() }) } else { Ok(Look::InFile) }
    }

    /// The upstream has refused a token that had taken the place of a refused one: that a login issues tokens proves nothing from then
    /// on, until somebody has one for another try.
    pub async fn refuse(&self, token: &Token) {
        let mut current = self.inner.current.lock().await;
        if current.token.as_ref().is_some_and(|held| held.value == token.value) {
            current.refused = true;
        }
    }

    /// A token after the upstream has said that `expired` no longer holds: the one that somebody else has fetched
    /// meanwhile, or a new one. Callers do this once per request.
    pub async fn renew(&self, expired: &Token) -> Result<Token, LoginError> {
        let mut current = self.inner.current.lock().await;
        match &current.token {
            Some(token) if token.value != expired.value => Ok(token.clone()),
            _ => {
                let fresh = self.log_in(&mut current).await?;
                match &self.inner.source {
                    Source::File(path) if fresh.value == expired.value => {
                        current.refused = true;
                        Err(LoginError::Expired { path: path.clone() })
                    }
                    _ => Ok(fresh),
                }
            }
        }
    }

    async fn log_in(&self, current: &mut Current) -> Result<Token, LoginError> {
        let Granted { token, lifetime } = match &self.inner.source {
            Source::File(path) => Granted { token: token_in(path)?, lifetime: None },
            Source::OAuth { client, target, grant } => ask(client, target, grant).await?,
        };
        current.serial += 1;
        let token = Token { value: token.into(), serial: current.serial };
        current.token = Some(token.clone());
        current.refused = false;
        // A tenth of its life is left unused, so that no request starts with a token that ends under way.
        current.renew_at = lifetime.map(|lifetime| Instant::now() + lifetime.mul_f64(0.9));
        Ok(token)
    }
}

async fn ask(client: &HttpClient, target: &Uri, grant: &Grant) -> Result<Granted, LoginError> {
    let (form, authorization) = match grant {
        Grant::ClientCredentials { authorization, form } => (form.clone(), Some(authorization)),
        Grant::JwtBearer { key, client_id, subject, audience, lifetime } => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let claims = serde_json::json!({
                "iss": client_id, "sub": subject, "aud": audience, "exp": (now + *lifetime).as_secs(),
            });
            let assertion = signed(key, &claims.to_string())?;
            let grant_type = form_encoded("urn:ietf:params:oauth:grant-type:jwt-bearer");
            (format!("grant_type={grant_type}&assertion={assertion}"), None)
        }
    };
    let mut request = Request::new(Body::full(form));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = target.clone();
    request.extensions_mut().insert(Note::of("login"));
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if let Some(authorization) = authorization {
        headers.insert(AUTHORIZATION, authorization.clone());
    }
    let answer = client.send(request, client.endpoint().request_timeout()).await?;
    granted(answer.status, &answer.body)
}

/// A JSON Web Signature in compact form (RFC 7515 section 7.1), RS256 (RFC 7518 section 3.3).
fn signed(key: &RsaKeyPair, claims: &str) -> Result<String, LoginError> {
    let mut token = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
    token.push('.');
    token.push_str(&URL_SAFE_NO_PAD.encode(claims));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature)
        .map_err(|_| settings("login-key", "the login key could not sign".to_owned()))?;
    token.push('.');
    token.push_str(&URL_SAFE_NO_PAD.encode(signature));
    Ok(token)
}

fn oauth(token_url: &str, upstream: &EndpointConfig, grant: Grant) -> Result<Source, LoginError> {
    let same_host = |a: &str, b: &str| {
        let host = |url: &str| url.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
        host(a) == host(b)
    };
    let max_answer_bytes = upstream.max_answer_bytes.min(MOST_ANSWER);
    let url = token_url.to_owned();
    let mut config = EndpointConfig { url, login: None, max_answer_bytes, ..upstream.clone() };
    if !same_host(token_url, &upstream.url) {
        config.server_name = None;
    }
    let endpoint = Endpoint::load(&config)?;
    let target = endpoint.target_as_configured();
    Ok(Source::OAuth { client: HttpClient::new(endpoint), target, grant })
}

fn rsa_key(path: &Path) -> Result<RsaKeyPair, LoginError> {
    let wrong = |reason: String| settings("login-key", format!("key_file '{}': {reason}", path.display()));
    let key = match PrivateKeyDer::from_pem_file(path).map_err(|error| wrong(error.to_string()))? {
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        _ => return Err(wrong("not an RSA private key".to_owned())),
    };
    key.map_err(|_| wrong("not an RSA private key of 2048 bits or more".to_owned()))
}

fn token_in(path: &Path) -> Result<String, LoginError> {
    let value = trimmed(path)?;
    if !is_sendable(&value) {
        let reason = format!("token file '{}': empty, or not visible ASCII", path.display());
        return Err(settings("login-file", reason));
    }
    Ok(value)
}

fn trimmed(path: &Path) -> Result<String, LoginError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
        Err(error) => Err(settings("login-file", format!("file '{}': {error}", path.display()))),
    }
}

fn settings(code: &'static str, reason: String) -> LoginError {
    LoginError::Settings { code, reason }
}

/// application/x-www-form-urlencoded, one value.
fn form_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'*' => {
                out.push(byte as char)
            }
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
