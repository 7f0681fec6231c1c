//! Who asks: the client that a connection belongs to, by its address and its certificate; or that a request belongs to, by its
//! address and its token. No other header has a say in it.

use std::sync::Arc;

use http::HeaderMap;

use crate::peer::Peer;
use crate::refusal::{Class, Refusal};
use crate::route::{Client, Route};
use crate::tls::{Shown, now_seconds};
use crate::token::Presented;

/// The one client of the route that the connection proves to be.
///
/// A certificate proves more than a token: where one is shown, it is all that counts.
pub(super) fn client<'r>(
    route: &'r Route,
    peer: &Peer,
    headers: &HeaderMap,
) -> Result<&'r Arc<Client>, Refusal> {
    let near: Vec<&Arc<Client>> =
        route.clients.iter().filter(|client| client.has(peer.address.ip())).collect();
    if near.is_empty() {
        return Err(refused(
            "client-unknown",
            "The address that this request comes from belongs to no client of the route.",
            "接続元アドレスは、この特定通信の団体に登録されていません。",
        ));
    }
    let mut proven = match &peer.shown {
        Some(shown) => {
            shown.stands(now_seconds()).map_err(fallen)?;
            let known =
                |client: &&Arc<Client>| shown.names().iter().any(|name| client.certificates.contains(name));
            let proven: Vec<_> = near.into_iter().filter(known).collect();
            if proven.is_empty() {
                say_whose(shown, peer);
                return Err(refused(
                    "certificate-unknown",
                    "The certificate of this connection belongs to no client of the route: its names or its fingerprint \
                     must be in the client's `certificates`.",
                    "この接続の証明書は、この特定通信の団体に登録されていません。",
                ));
            }
            proven
        }
        None => without_certificate(near, headers)?,
    };
    match (proven.pop(), proven.is_empty()) {
        (Some(client), true) => Ok(client),
        _ => Err(refused(
            "client-ambiguous",
            "What is shown is that of several clients of the route.",
            "提示された証明書またはトークンは、この特定通信の複数の団体に登録されています。",
        )),
    }
}

/// Those that need no certificate, and have shown the token that they need.
fn without_certificate<'r>(
    near: Vec<&'r Arc<Client>>,
    headers: &HeaderMap,
) -> Result<Vec<&'r Arc<Client>>, Refusal> {
    let (known, others): (Vec<_>, Vec<_>) =
        near.into_iter().partition(|client| client.certificates.is_empty() && client.tokens.is_empty());
    if !known.is_empty() {
        return Ok(known);
    }
    if others.iter().all(|client| client.tokens.is_empty()) {
        return Err(refused(
            "certificate-missing",
            "The client at this address is known by its certificate, and the connection shows none: connect by TLS with it.",
            "この団体は証明書で確認されますが、接続で証明書が提示されていません。証明書を使ってTLSで接続してください。",
        ));
    }
    let unproven = |code, reason, ja| Refusal::new(Class::Unauthorized, code, reason).ja(ja);
    let presented = match Presented::of(headers) {
        Presented::Token(token) => Some(token),
        Presented::Unreadable => None,
        Presented::Nothing => {
            return Err(unproven(
                "token-missing",
                "The client at this address is known by a token: send it as `Authorization: Bearer`.",
                "この団体はトークンで確認されます。Authorization: Bearerで送信してください。",
            ));
        }
    };
    // All of them are compared, whichever it is.
    let has = |client: &&'r Arc<Client>| {
        let same =
            client.tokens.iter().filter(|token| presented.as_ref().is_some_and(|shown| token.is(shown)));
        same.count() > 0
    };
    let proven: Vec<_> = others.into_iter().filter(has).collect();
    if proven.is_empty() {
        return Err(unproven(
            "token-unknown",
            "The token is not that of the client at this address: send its own, or ask the gateway's operator for one.",
            "このアドレスの団体のトークンではありません。団体のトークンを送信するか、ゲートウェイの運用者に発行を依頼してください。",
        ));
    }
    Ok(proven)
}

/// For the operator who wants to let the client in: by which names.
fn say_whose(shown: &Shown, peer: &Peer) {
    // They come from an authority that the configuration trusts; what would break a line of the log is escaped.
    let names: Vec<String> =
        shown.names().iter().map(|name| name.to_string().escape_debug().collect()).collect();
    tracing::info!(peer = %peer.address, ?names, "a certificate that is nobody's");
}

/// A certificate that passed in its handshake and does not any more.
fn fallen(code: &'static str) -> Refusal {
    let (reason, ja) = match code {
        "certificate-expired" => (
            "The certificate of this connection has expired: connect with a new one.",
            "この接続の証明書は期限切れです。新しい証明書で接続し直してください。",
        ),
        "certificate-revoked" => (
            "The certificate of this connection has been revoked: connect with another.",
            "この接続の証明書は失効しています。別の証明書で接続し直してください。",
        ),
        "certificate-revocation-stale" | "certificate-revocation-unknown" => (
            "Whether the certificate of this connection was revoked cannot be known at this moment: tell the gateway's \
             operator.",
            "この接続の証明書が失効していないか、いま確認できません。ゲートウェイの運用者に連絡してください。",
        ),
        _ => (
            "The certificate of this connection is not taken any more: connect with another.",
            "この接続の証明書は使えなくなりました。別の証明書で接続し直してください。",
        ),
    };
    refused(code, reason, ja)
}

fn refused(code: &'static str, reason: &str, ja: &str) -> Refusal {
    Refusal::new(Class::Forbidden, code, reason).ja(ja)
}
