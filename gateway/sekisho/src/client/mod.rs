//! The gateway's own client.

pub(crate) mod heartbeat;
mod message;
mod refusal;
pub(crate) mod send;
pub(crate) mod words;

use std::path::PathBuf;
use std::time::Duration;

use http::{Method, Request};
use sekisho_upstream::{Answer, Body, Endpoint, EndpointConfig, HttpClient, UpstreamError};

use crate::language::Text;

/// A connection to a gateway.
pub(crate) struct Gateway {
    client: HttpClient,
}

impl Gateway {
    /// A client of the gateway at `url`; opens nothing yet.
    pub(crate) fn at(url: &str, roots: &[PathBuf]) -> Result<Self, Text> {
        let mut config = EndpointConfig::new(url);
        config.roots = roots.to_vec();
        match Endpoint::load(&config) {
            Ok(endpoint) => Ok(Self { client: HttpClient::new(endpoint) }),
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
        let target = self.client.endpoint().target(path).unwrap_or_default();
        let request = request
            .uri(target)
            .body(body)
            .map_err(|error| UpstreamError::Request { reason: error.to_string() })?;
        self.client.send(request, deadline).await
    }
}

/// A runtime for one command.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}
