//! Logins, and the sessions that they begin.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use http::{HeaderMap, StatusCode, header};
use serde_json::json;

use super::Cloud;
use super::Options;
use super::answer::Answer;
use super::jwt;
use super::locked;
use super::partner::{ORGANIZATION, USER};

const JWT_GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Sessions by token.
pub(super) struct Sessions {
    open: Mutex<HashMap<String, Instant>>,
    chance: Mutex<Rng>,
    lifetime: Duration,
    jwt_key: Option<Vec<u8>>,
}

impl Sessions {
    pub(super) fn new(options: &Options) -> Self {
        Sessions {
            open: Mutex::default(),
            chance: Mutex::new(Rng::with_seed(options.seed ^ 0x5e55)),
            lifetime: Duration::from_secs(options.session_lifetime),
            jwt_key: None,
        }
    }

    pub(super) fn set_jwt_key(&mut self, key: Vec<u8>) {
        self.jwt_key = Some(key);
    }

    /// Begins a session.
    pub(super) fn begin(&self) -> String {
        let mut token = "00D000000000001!".to_owned();
        token.extend(std::iter::repeat_with(|| locked(&self.chance).alphanumeric()).take(40));
        locked(&self.open).insert(token.clone(), Instant::now());
        token
    }

    /// Whether the token's session is open; it stays so for another lifetime.
    pub(super) fn is_open(&self, token: &str) -> bool {
        let mut open = locked(&self.open);
        let Some(used) = open.get_mut(token) else { return false };
        if used.elapsed() >= self.lifetime {
            open.remove(token);
            return false;
        }
        *used = Instant::now();
        true
    }

    pub(super) fn end(&self, token: &str) {
        locked(&self.open).remove(token);
    }

    pub(super) fn end_all(&self) {
        locked(&self.open).clear();
    }
}

/// The bearer token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whether a request of a described service may pass: a session, the client's own credentials, or nothing where the
/// cloud is open.
pub(super) fn may_pass(cloud: &Cloud, headers: &HeaderMap) -> bool {
    if let Some(token) = bearer(headers) {
        return cloud.sessions.is_open(token);
    }
    match basic(headers) {
        Some((id, secret)) => id == cloud.options.client_id && secret == cloud.options.client_secret,
        None => cloud.options.open,
    }
}

/// `POST /services/oauth2/token`.
pub(super) fn token(cloud: &Cloud, headers: &HeaderMap, body: &[u8], base: &str) -> Answer {
    let form = form_fields(body);
    let field = |name: &str| form.iter().find(|(at, _)| at == name).map(|(_, value)| value.as_str());
    let refused = |status, error: &str, why: &str| {
        Answer::json(status, &json!({"error": error, "error_description": why}))
            .with(header::CACHE_CONTROL, "no-store")
    };
    match field("grant_type") {
        Some("client_credentials") => {
            let (id, secret) = match basic(headers) {
                Some(pair) => pair,
                None => (
                    field("client_id").unwrap_or_default().to_owned(),
                    field("client_secret").unwrap_or_default().to_owned(),
                ),
            };
            if id != cloud.options.client_id || secret != cloud.options.client_secret {
                return refused(StatusCode::UNAUTHORIZED, "invalid_client", "invalid client credentials");
            }
        }
        Some(JWT_GRANT) => {
            let Some(key) = &cloud.sessions.jwt_key else {
                return refused(StatusCode::BAD_REQUEST, "invalid_grant", "no key of this client is known");
            };
            let assertion = field("assertion").unwrap_or_default();
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
            let (client, audience) = (&cloud.options.client_id, &cloud.options.jwt_audience);
            if let Err(why) = jwt::verify(assertion, key, client, audience, now) {
                return refused(StatusCode::BAD_REQUEST, "invalid_grant", &why);
            }
        }
        _ => return refused(StatusCode::BAD_REQUEST, "unsupported_grant_type", "grant type not supported"),
    }
    cloud.calls.logged_in();
    let issued = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    let body = json!({
        "access_token": cloud.sessions.begin(),
        "instance_url": base,
        "id": format!("{base}/id/{ORGANIZATION}/{USER}"),
        "token_type": "Bearer",
        "scope": "api",
        "issued_at": issued.to_string(),
        "expires_in": cloud.options.session_lifetime,
    });
    Answer::json(StatusCode::OK, &body).with(header::CACHE_CONTROL, "no-store")
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// Fields of an `application/x-www-form-urlencoded` body or a query.
pub(super) fn form_fields(body: &[u8]) -> Vec<(String, String)> {
    body.split(|byte| *byte == b'&')
        .filter(|field| !field.is_empty())
        .map(|field| {
            let at = field.iter().position(|byte| *byte == b'=').unwrap_or(field.len());
            (percent_decoded(&field[..at]), percent_decoded(field.get(at + 1..).unwrap_or_default()))
        })
        .collect()
}

fn percent_decoded(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let hex = || std::str::from_utf8(text.get(at + 1..at + 3)?).ok();
        match text[at] {
            b'+' => out.push(b' '),
            b'%' => match hex().and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                Some(byte) => {
                    out.push(byte);
                    at += 2;
                }
                None => out.push(b'%'),
            },
            byte => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}
