//! Request targets: what is asked for, and at which host (RFC 9112 §3.2).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::head::HeadRefusal;

/// The hosts for which a request in absolute form is taken (RFC 9112 §3.2.2): the address of the connection's own
/// side, and the address by which clients are said to reach the listener. The gateway is no proxy: there are no others.
#[derive(Debug, Clone, Default)]
pub struct OwnHosts {
    local: Option<SocketAddr>,
    public_url: Option<Arc<str>>,
    secure: bool,
}

impl OwnHosts {
    /// The connection's own side, and the listener's public URL where it has one.
    pub fn new(local: Option<SocketAddr>, public_url: Option<Arc<str>>) -> Self {
        let local = local.map(|local| SocketAddr::new(local.ip().to_canonical(), local.port()));
        Self { local, public_url, secure: false }
    }

    /// The same over TLS: its own addresses begin with `https://`.
    pub fn over_tls(self, secure: bool) -> Self {
        Self { secure, ..self }
    }

    fn has(&self, asked: &Authority<'_>) -> bool {
        let public = self.public_url.as_deref().and_then(|url| Absolute::parse(url.as_bytes()).ok());
        if public.is_some_and(|public| public.authority.is_of(asked)) {
            return true;
        }
        // TLS that ends before the gateway has a public URL of its own to be known by.
        let at_port = |local: &SocketAddr| asked.secure == self.secure && asked.port == Some(local.port());
        let Some(local) = self.local.filter(at_port) else { return false };
        match asked.ip() {
            Some(ip) => ip == local.ip(),
            None => local.ip().is_loopback() && asked.host.eq_ignore_ascii_case("localhost"),
        }
    }
}

/// A target in absolute form, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Absolute<'t> {
    authority: Authority<'t>,
    /// As `Host` has it.
    pub(super) host: &'t str,
    /// Path and query; the path may be missing.
    pub(super) path: &'t str,
}

#[derive(Debug, PartialEq, Eq)]
struct Authority<'t> {
    secure: bool,
    host: &'t str,
    /// `None` where the number is none that a port can have.
    port: Option<u16>,
}

impl<'t> Absolute<'t> {
    /// Takes a target apart that does not begin with a slash.
    pub(super) fn parse(target: &'t [u8]) -> Result<Self, HeadRefusal> {
        let target = str::from_utf8(target).map_err(|_| HeadRefusal::RequestLine)?;
        let (scheme, rest) = target.split_once("://").ok_or(HeadRefusal::RequestLine)?;
        let secure = match scheme {
            scheme if scheme.eq_ignore_ascii_case("http") => false,
            scheme if scheme.eq_ignore_ascii_case("https") => true,
            _ => return Err(HeadRefusal::RequestLine),
        };
        let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        Ok(Self { authority: Authority::parse(secure, host)?, host, path })
    }

    /// The target in origin form, where it is one of ours.
    pub(super) fn at_home(&self, hosts: &OwnHosts) -> Result<String, HeadRefusal> {
        if !hosts.has(&self.authority) {
            return Err(HeadRefusal::OtherHost);
        }
        let root = if self.path.starts_with('/') { "" } else { "/" };
        Ok(format!("{root}{}", self.path))
    }
}

/// Whether a `Host` field's value is a host and, if need be, a port (RFC 9110 §7.2).
pub(super) fn names_a_host(value: &[u8]) -> bool {
    let text = str::from_utf8(value).ok();
    text.and_then(|text| Authority::parse(false, text).ok()).is_some_and(|authority| authority.port.is_some())
}

impl<'t> Authority<'t> {
    /// RFC 3986 §3.2, without user information (RFC 9110 §4.2.4).
    fn parse(secure: bool, text: &'t str) -> Result<Self, HeadRefusal> {
        let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let end = if text.starts_with('[') {
            text.find(']').map_or(0, |at| at + 1)
        } else {
            text.find(':').unwrap_or(text.len())
        };
        let (host, port) = text.split_at(end);
        let is_literal = host.len() > 2 && host.starts_with('[');
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let name_ok = !name.is_empty() && name.bytes().all(|b| of_name(b) || (is_literal && b == b':'));
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => Some(if secure { 443 } else { 80 }),
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok(),
            _ => return Err(HeadRefusal::RequestLine),
        };
        if name_ok { Ok(Self { secure, host, port }) } else { Err(HeadRefusal::RequestLine) }
    }

    fn ip(&self) -> Option<IpAddr> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
    }

    fn is_of(&self, other: &Self) -> bool {
        let same_host = match (self.ip(), other.ip()) {
            (Some(own), Some(other)) => own == other,
            _ => self.host.eq_ignore_ascii_case(other.host),
        };
        self.secure == other.secure && self.port.is_some() && self.port == other.port && same_host
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(local: &str, public_url: Option<&str>) -> OwnHosts {
        OwnHosts::new(Some(local.parse().unwrap()), public_url.map(Arc::from))
    }

    fn origin(target: &str, hosts: &OwnHosts) -> Result<String, HeadRefusal> {
        Absolute::parse(target.as_bytes())?.at_home(hosts)
    }

    #[test]
    fn a_target_at_this_host_becomes_its_path() {
        let here = hosts("127.0.0.1:8080", None);
        let v6 = hosts("[::1]:80", None);
        let mapped = hosts("[::ffff:10.0.0.1]:8080", None);
        let public = hosts("10.0.0.1:8080", Some("https://Gateway.example/base"));
        for (hosts, target, path) in [
            (&here, "http://127.0.0.1:8080/a/b?c=d", "/a/b?c=d"),
            (&here, "HTTP://LocalHost:8080", "/"),
            (&here, "http://localhost:8080?wsdl", "/?wsdl"),
            (&v6, "http://[::1]/a", "/a"),
            (&v6, "http://[0::1]:80/", "/"),
            (&mapped, "http://10.0.0.1:8080/a", "/a"),
            (&public, "https://gateway.EXAMPLE:443/a", "/a"),
            (&public, "http://10.0.0.1:8080/a", "/a"),
        ] {
            assert_eq!(origin(target, hosts).as_deref(), Ok(path), "{target}");
        }
    }

    #[test]
    fn a_target_elsewhere_or_without_sense_is_refused() {
        let here = hosts("127.0.0.1:8080", Some("http://gateway.example"));
        for target in [
            "http://elsewhere/a",
            "http://127.0.0.1/a",
            "http://127.0.0.2:8080/a",
            "https://127.0.0.1:8080/a",
            "https://gateway.example/a",
            "http://gateway.example:8080/a",
            "http://gateway.example.elsewhere/",
            "http://localhost:99999/",
        ] {
            assert_eq!(origin(target, &here), Err(HeadRefusal::OtherHost), "{target}");
        }
        for target in [
            "ftp://127.0.0.1:8080/",
            "http:///a",
            "http://",
            "http://user@127.0.0.1:8080/",
            "http://127.0.0.1:80a0/",
            "http://127.0.0.1:8080:80/",
            "http://[::1/",
            "http://[]/",
            "http://a b/",
            "elsewhere:443",
            "*",
        ] {
            assert_eq!(origin(target, &here), Err(HeadRefusal::RequestLine), "{target}");
        }
        let beyond = hosts("10.0.0.1:8080", None);
        assert_eq!(origin("http://localhost:8080/", &beyond), Err(HeadRefusal::OtherHost));
    }
}
