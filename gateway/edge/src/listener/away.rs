//! Connections that there is no place for: turned away at once and cheaply, while admitted ones go on.

use std::sync::Arc;

use sekisho_soap::fault::Location;
use sekisho_soap::message::Problem;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::places::Full;
use crate::linger;
use crate::refusal::Class;

/// Connections that are told why at the same time; others are just closed.
pub(super) const TOLD_AT_ONCE: usize = 64;

/// Tells connections that are turned away why, as far as that is cheap.
#[derive(Debug, Clone)]
pub(super) struct Away(Arc<Semaphore>);

impl Away {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(TOLD_AT_ONCE)))
    }

    /// What says why, and closes; `None` when too many are being told already, and the connection is closed.
    pub(super) fn tell(
        &self,
        mut stream: TcpStream,
        full: Full,
        limit: usize,
    ) -> Option<impl Future<Output = ()> + use<>> {
        let permit = Arc::clone(&self.0).try_acquire_owned().ok()?;
        Some(async move {
            let answer = full.answer(limit);
            if stream.write_all(answer.as_bytes()).await.is_ok() {
                linger::close(stream, true).await;
            }
            drop(permit);
        })
    }
}

impl Full {
    /// Stable, kebab-case.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::All => "connections-full",
            Self::Network => "network-connections-full",
            Self::Address => "address-connections-full",
        }
    }

    /// A problem document (RFC 9457): nothing is known yet of what would be asked, so it is said by REST.
    fn answer(self, limit: usize) -> String {
        let (en, ja) = match self {
            Self::All => (
                format!(
                    "The listener has {limit} connections open (limits.connections): come again in a while."
                ),
                format!(
                    "リスナーの接続数が上限{limit}（limits.connections）に達しています。しばらくしてから接続し直してください。"
                ),
            ),
            Self::Network => (
                format!(
                    "Your network has {limit} connections open (limits.network_connections): use those, or close some."
                ),
                format!(
                    "同じネットワークからの接続数が上限{limit}（limits.network_connections）に達しています。既存の接続を使うか、閉じてください。"
                ),
            ),
            Self::Address => (
                format!(
                    "Your address has {limit} connections open (limits.address_connections): use those, or close some."
                ),
                format!(
                    "同じアドレスからの接続数が上限{limit}（limits.address_connections）に達しています。既存の接続を使うか、閉じてください。"
                ),
            ),
        };
        let code = self.code();
        let problem = Problem {
            kind: format!("urn:sekisho:problem:{code}"),
            title: Class::Busy.title().to_owned(),
            status: 503,
            detail: en,
            detail_ja: ja,
            code: code.to_owned(),
            id: Uuid::now_v7().to_string(),
            location: Location::default(),
            errors: Vec::new(),
            errors_total: None,
        };
        // Texts and numbers: they can be written.
        let body = serde_json::to_string(&problem).unwrap_or_default();
        let length = body.len();
        format!(
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nContent-Length: {length}\r\n\
             Retry-After: 5\r\nConnection: close\r\n\r\n{body}"
        )
    }
}
