//! An upstream by name: client and login together.

use std::fmt;
use std::sync::Arc;

use sekisho_exchanges::ExchangeLog;

use crate::client::HttpClient;
use crate::endpoint::{Endpoint, EndpointConfig};
use crate::login::{LoginError, Tokens};

/// A named upstream. Cheap to clone; clones share connections and session.
#[derive(Clone)]
pub struct Upstream {
    name: Arc<str>,
    client: HttpClient,
    tokens: Option<Tokens>,
}

impl Upstream {
    /// Checks the configuration and reads its files; opens no connection.
    pub fn open(name: &str, config: &EndpointConfig) -> Result<Self, LoginError> {
        let endpoint = Endpoint::load(config)?;
        let tokens = match &config.login {
            Some(login) => Some(Tokens::open(login, config)?),
            None => None,
        };
        Ok(Self { name: name.into(), client: HttpClient::new(endpoint), tokens })
    }

    /// Puts every call to it from now on, logins among them, on record, whichever clone makes it.
    pub fn record_in(&self, log: &ExchangeLog) {
        self.client.record_in(log, &self.name);
        if let Some(tokens) = &self.tokens {
            tokens.record_in(log, &self.name);
        }
    }

    /// Name by which routes and hops refer to it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The client of its endpoint.
    pub fn client(&self) -> &HttpClient {
        &self.client
    }

    /// Its endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        self.client.endpoint()
    }

    /// Its login, where it has one.
    pub fn tokens(&self) -> Option<&Tokens> {
        self.tokens.as_ref()
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Upstream").field("name", &self.name).finish_non_exhaustive()
    }
}
