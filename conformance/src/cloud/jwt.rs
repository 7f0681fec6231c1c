//! The JWT of a login (RFC 7523): its signature and its claims.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;

/// A JWT may not live longer than this many seconds from now.
const LONGEST: u64 = 180;
/// Seconds by which the two clocks may differ; clients ask for the longest time to the second, and round it up.
const LEEWAY: u64 = 10;

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: Expiry,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Some clients write the number as a string.
#[derive(Deserialize)]
#[serde(untagged)]
enum Expiry {
    Number(f64),
    Text(String),
}

/// The DER bytes of a PEM file with one public key (`PUBLIC KEY` or `RSA PUBLIC KEY`).
///
/// # Errors
/// Says what is not PEM about it.
pub(super) fn public_key(pem: &str) -> Result<Vec<u8>, String> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    if !pem.contains("PUBLIC KEY-----") {
        return Err("no PUBLIC KEY in the PEM file".to_owned());
    }
    STANDARD.decode(body).map_err(|error| format!("the PEM file is not base64: {error}"))
}

/// Checks an assertion against the key, the client, the audience and the time (seconds since 1970).
///
/// # Errors
/// Says what is wrong, in the words of an `error_description`.
pub(super) fn verify(
    assertion: &str,
    key: &[u8],
    client: &str,
    audience: &str,
    now: u64,
) -> Result<(), String> {
    let (signed, signature) = assertion.rsplit_once('.').ok_or("invalid assertion")?;
    let (header, claims) = signed.split_once('.').ok_or("invalid assertion")?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| "invalid assertion".to_owned());
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| "invalid assertion")?;
    if header.alg != "RS256" {
        return Err("algorithm not supported".to_owned());
    }
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
        .verify(signed.as_bytes(), &decode(signature)?)
        .map_err(|_| "signature is wrong".to_owned())?;
    let claims: Claims = serde_json::from_slice(&decode(claims)?).map_err(|_| "a claim is missing")?;
    let expiry = match claims.exp {
        Expiry::Number(number) => number as u64,
        Expiry::Text(text) => text.parse().map_err(|_| "exp is no number")?,
    };
    let audience_named = match &claims.aud {
        Audience::One(one) => one == audience,
        Audience::Several(several) => several.iter().any(|one| one == audience),
    };
    if claims.iss != client {
        Err("app must be approved: iss is not known".to_owned())
    } else if claims.sub.is_empty() {
        Err("user hasn't approved this consumer".to_owned())
    } else if !audience_named {
        Err("audience is invalid".to_owned())
    } else if expiry <= now {
        Err("expired authorization code".to_owned())
    } else if expiry > now + LONGEST + LEEWAY {
        Err("exp is too far in the future".to_owned())
    } else {
        Ok(())
    }
}
