//! What a browser on the operator's machine may be made to ask by pages of others: forms sent across sites, and names that are bound
//! anew to this machine's address. Nothing is changed for them. What only reads stays open: the answer to another site's page is hidden
//! from it by the browser, and metrics are scraped by whatever name the machine has.

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderName, Method};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Code and text of the refusal, where a change is asked for by a page of elsewhere (`Origin`, RFC 6454 section 7; `Sec-Fetch-Site`,
/// Fetch Metadata), or under a name that is not this machine's. `proven` says that an operator's token was shown: a page that came
/// under a name bound anew has none, so that any name will do, such as the one that the machine has in its network.
pub(super) fn foreign(
    method: &Method,
    headers: &HeaderMap,
    proven: bool,
) -> Option<(&'static str, &'static str)> {
    if [Method::GET, Method::HEAD, Method::OPTIONS].contains(method) {
        return None;
    }
    let host = only(headers, &HOST).flatten();
    let site = only(headers, &SEC_FETCH_SITE);
    let from_elsewhere = match only(headers, &ORIGIN) {
        None => false,
        Some(origin) => !matches!((origin, host), (Some(origin), Some(host)) if is_of(origin, host)),
    };
    if from_elsewhere || site.is_some_and(|site| !matches!(site, Some("same-origin" | "none"))) {
        return Some((
            "admin-origin-foreign",
            "A page of another site asks for this change (Origin, Sec-Fetch-Site): nothing was done. Ask with `sekisho` or curl.",
        ));
    }
    if !proven && !host.is_some_and(is_this_machines) {
        return Some((
            "admin-host-foreign",
            "Changes are asked of the admin listener by its address or as localhost (Host), unless it has tokens (admin.token_files): \
             nothing was done.",
        ));
    }
    None
}

/// A field's only value: `Some(None)` where it is there more than once, or is no text.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<Option<&'h str>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    Some(if values.next().is_none() { first.to_str().ok() } else { None })
}

/// Whether an origin is the one that was asked: behind a terminator of TLS its scheme may be https.
fn is_of(origin: &str, host: &str) -> bool {
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

/// An address, which no name can be bound to, or the name that is this machine everywhere (RFC 6761 section 6.3).
fn is_this_machines(host: &str) -> bool {
    let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
    let name = authority.host();
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    !host.contains('@')
        && (name.eq_ignore_ascii_case("localhost") || address.parse::<std::net::IpAddr>().is_ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may panic

    use super::*;

    fn code(method: &Method, fields: &[(&'static str, &str)], proven: bool) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        foreign(method, &headers, proven).map(|(code, _)| code)
    }

    #[test]
    fn changes_are_for_this_machines_names_and_no_other_sites_pages() {
        type Case<'c> = (&'c [(&'static str, &'c str)], Option<&'static str>, Option<&'static str>);
        const ORIGIN: Option<&str> = Some("admin-origin-foreign");
        const HOST: Option<&str> = Some("admin-host-foreign");
        let own = ("host", "127.0.0.1:9600");
        let table: &[Case<'_>] = &[
            (&[own], None, None),
            (&[("host", "localhost:9600")], None, None),
            (&[("host", "LOCALHOST")], None, None),
            (&[("host", "[::1]:9600")], None, None),
            (&[("host", "192.0.2.7:9600")], None, None),
            (&[own, ("origin", "http://127.0.0.1:9600")], None, None),
            (&[own, ("origin", "http://127.0.0.1:9600"), ("sec-fetch-site", "same-origin")], None, None),
            (&[own, ("sec-fetch-site", "none")], None, None),
            (&[("host", "gateway.example"), ("origin", "https://Gateway.example")], HOST, None),
            // A name that was bound anew to this machine, and names that only look like its own.
            (&[("host", "evil.example:9600")], HOST, None),
            (&[("host", "127.0.0.1.evil.example")], HOST, None),
            (&[("host", "localhost.evil.example")], HOST, None),
            (&[("host", "127.0.0.1@evil.example")], HOST, None),
            (&[("host", "evil.example@127.0.0.1")], HOST, None),
            (&[("host", "")], HOST, None),
            (&[], HOST, None),
            (&[own, ("host", "evil.example")], HOST, None),
            // Forms and scripts of other sites; another port is another site's, too.
            (&[own, ("origin", "http://evil.example")], ORIGIN, ORIGIN),
            (&[own, ("origin", "http://127.0.0.1:8000")], ORIGIN, ORIGIN),
            (&[own, ("origin", "null")], ORIGIN, ORIGIN),
            (&[own, ("origin", "127.0.0.1:9600")], ORIGIN, ORIGIN),
            (&[own, ("origin", "http://127.0.0.1:9600"), ("origin", "http://evil.example")], ORIGIN, ORIGIN),
            (&[own, ("sec-fetch-site", "cross-site")], ORIGIN, ORIGIN),
            (&[own, ("sec-fetch-site", "same-site")], ORIGIN, ORIGIN),
        ];
        for (fields, without, with) in table {
            for method in [Method::POST, Method::DELETE, Method::PUT] {
                assert_eq!(code(&method, fields, false), *without, "{method} {fields:?}");
                assert_eq!(code(&method, fields, true), *with, "{method} {fields:?}, with a token");
            }
            assert_eq!(code(&Method::GET, fields, false), None, "{fields:?}");
        }
    }
}
