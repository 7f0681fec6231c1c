//! The gateway's own client.

pub(crate) mod heartbeat;
mod message;
mod refusal;
pub(crate) mod send;
pub(crate) mod words;

use std::path::Path;
use std::time::Duration;

use http::{HeaderValue, Method, Request};
use sekisho_upstream::{Answer, Body, Endpoint, EndpointConfig, HttpClient, UpstreamError};

use crate::cli::TrustArgs;
use crate::language::{Text, text};

/// A connection to a gateway.
pub(crate) struct Gateway {
    client: HttpClient,
    /// The value of `Authorization`, where a token is shown.
    token: Option<HeaderValue>,
}

impl Gateway {
    /// A client of the gateway at `url`; opens nothing yet.
    pub(crate) fn at(url: &str, trust: &TrustArgs) -> Result<Self, Text> {
        let mut config = EndpointConfig::new(url);
        config.roots = trust.roots.clone();
        config.client_certificate = trust.certificate.clone();
        config.client_key = trust.certificate_key.clone();
        let token = trust.token_file.as_deref().map(token).transpose()?;
        match Endpoint::load(&config) {
            Ok(endpoint) => Ok(Self { client: HttpClient::new(endpoint), token }),
            Err(error) => Err(words::address(url, &error)),
        }
    }

    /// One exchange. `path` is below the address; `headers` are names and values.
    pub(crate) async fn exchange(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
        deadline: Duration,
    ) -> Result<Answer, UpstreamError> {
        let mut request = Request::builder().method(method);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.header(http::header::AUTHORIZATION, token);
        }
        let target = self.client.endpoint().target(path).unwrap_or_default();
        let request = request
            .uri(target)
            .body(body)
            .map_err(|error| UpstreamError::Request { reason: error.to_string() })?;
        self.client.send(request, deadline).await
    }
}

/// The header field by which a token is shown.
fn token(file: &Path) -> Result<HeaderValue, Text> {
    let shown = file.display();
    let read = std::fs::read_to_string(file)
        .map_err(|error| text!("{shown}: ", "{shown}：").and(&crate::config::words::reason(&error)))?;
    let mut value = HeaderValue::from_str(&format!("Bearer {}", read.trim()))
        .map_err(|_| text!("{shown}: no token", "{shown}：トークンがありません"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A runtime for one command.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}
