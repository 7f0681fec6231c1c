//! The gateway's own client.

pub(crate) mod heartbeat;
mod message;
pub(crate) mod send;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use http::{Method, Request};
use sekisho_upstream::{Answer, Body, Endpoint, EndpointConfig, HttpClient, UpstreamError};

/// A connection to a gateway.
pub(crate) struct Gateway {
    client: HttpClient,
}

impl Gateway {
    /// A client of the gateway at `url`; opens nothing yet.
    pub(crate) fn at(url: &str, roots: &[PathBuf]) -> anyhow::Result<Self> {
        let mut config = EndpointConfig::new(url);
        config.roots = roots.to_vec();
        let endpoint = Endpoint::load(&config).with_context(|| format!("the address {url}"))?;
        Ok(Self { client: HttpClient::new(endpoint) })
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
