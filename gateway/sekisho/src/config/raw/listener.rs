//! Listeners as they are written: sockets, and how clients prove who they are.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A socket that clients connect to.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListenerSection {
    /// Its name.
    pub(crate) name: String,
    /// Its address.
    #[schemars(extend("format" = "socket-address"))]
    pub(crate) listen: SocketAddr,
    /// TLS. A listener without it speaks plain HTTP.
    #[serde(default)]
    pub(crate) tls: Option<TlsSection>,
    /// Plain HTTP beyond loopback needs this word, because whoever is on the network can read along.
    #[serde(default)]
    pub(crate) plain_http: InClear,
    /// Networks of balancers in front of it, each of which must say by the PROXY protocol (version 2) whose connection it
    /// passes on. Nobody else may connect then. Where there are none, nobody is believed.
    #[serde(default)]
    #[schemars(schema_with = "super::network_list")]
    pub(crate) balancers: Vec<IpNet>,
    /// How clients reach it, for the addresses in WSDL and OpenAPI; what they used in `Host` where absent.
    #[serde(default)]
    pub(crate) public_url: Option<String>,
    /// The routes that it serves, by name.
    pub(crate) routes: Vec<String>,
}

/// Whether something may be said in clear.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum InClear {
    /// On loopback addresses only.
    #[default]
    LoopbackOnly,
    /// On any network: the line below is closed and encrypted by other means.
    IKnowThatThisNetworkIsProtected,
}

impl InClear {
    /// The word for any network is there.
    pub(crate) fn anywhere(self) -> bool {
        self == Self::IKnowThatThisNetworkIsProtected
    }
}

/// TLS of a listener. Certificates, keys and lists are exchanged by a reload, whole and only if all of them are valid.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsSection {
    /// PEM file with the listener's certificate, then those that lead to its root.
    pub(crate) certificate: PathBuf,
    /// PEM file with its private key; others than its owner and its group must have no rights to it.
    pub(crate) key: PathBuf,
    /// The oldest version of TLS that is spoken.
    #[serde(default)]
    pub(crate) oldest_version: OldestVersion,
    /// How clients show certificates; they are not asked for any where absent.
    #[serde(default)]
    pub(crate) clients: Option<TlsClientsSection>,
}

/// The oldest version of TLS that is spoken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum OldestVersion {
    /// TLS 1.3 only.
    #[default]
    #[serde(rename = "1.3")]
    Tls13,
    /// TLS 1.2, too, because a client cannot do better yet.
    #[serde(rename = "1.2-for-an-older-client")]
    Tls12,
}

/// By what the certificates of clients are judged.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsClientsSection {
    /// PEM files with the certificates that a client's chain may end in.
    pub(crate) roots: Vec<PathBuf>,
    /// Whether a client must show a certificate to connect at all. Where it need not, clients with `certificates` must
    /// nevertheless, and others may not show one that is nobody's.
    #[serde(default)]
    pub(crate) certificates: Certificates,
    /// Files with revocation lists, in PEM or DER: one for each authority that issues certificates of a chain. One that is
    /// missing, revoked in or past its time fails the handshake.
    #[serde(default)]
    pub(crate) crls: Vec<PathBuf>,
    /// How often the files of `crls` are looked at, in milliseconds: one that has changed is taken, if the whole set is valid.
    #[serde(default = "default_crl_interval_ms")]
    pub(crate) crl_interval_ms: u64,
    /// Whether revocation is looked at.
    #[serde(default)]
    pub(crate) revocation: Revocation,
}

fn default_crl_interval_ms() -> u64 {
    60_000
}

/// Whether clients must show a certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Certificates {
    /// A handshake without one fails.
    #[default]
    Required,
    /// They may connect without one.
    Optional,
}

/// Whether revocation is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Revocation {
    /// By the lists of `crls`.
    #[default]
    ByCrls,
    /// It is not: the authority issues no lists, and a certificate that was revoked still passes.
    ITakeRevokedCertificates,
}
