//! Digests of a body as it arrives (RFC 9530 §2): of its head, and of its trailers.

use std::fmt;

use aws_lc_rs::digest::{Algorithm, Context, SHA256, SHA512};
use http::HeaderMap;
use http::header::TRAILER;

/// The field that digests stand in.
const CONTENT_DIGEST: &str = "content-digest";

/// What a head or trailers promise; algorithms that are not known here are not kept (RFC 9530 §2: they may be ignored).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Promised {
    /// SHA-256 of the content.
    pub sha256: Option<[u8; 32]>,
    /// SHA-512 of the content.
    pub sha512: Option<[u8; 64]>,
    /// The head says that more comes behind the body (`Trailer`, RFC 9110 §6.6.2), by whatever algorithm: both are counted.
    pub announced: bool,
}

/// A `Content-Digest` that is no dictionary of byte sequences as long as their algorithms have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadDigest;

impl Promised {
    /// The digests of `Content-Digest`, a dictionary of byte sequences (RFC 8941 §3.2), in a head or among trailers.
    pub(crate) fn read(fields: &HeaderMap) -> Result<Self, BadDigest> {
        // Several lines are one list (RFC 9110 §5.3).
        let mut members = Vec::new();
        for line in fields.get_all(CONTENT_DIGEST) {
            members.extend(line.to_str().map_err(|_| BadDigest)?.split(','));
        }
        let mut promised = Self { announced: announces(fields), ..Self::default() };
        for member in members {
            let (name, value) = member.trim().split_once('=').ok_or(BadDigest)?;
            // Of two members with one name the last counts (RFC 8941 §3.2).
            match name.to_ascii_lowercase().as_str() {
                "sha-256" => promised.sha256 = Some(byte_sequence(value)?),
                "sha-512" => promised.sha512 = Some(byte_sequence(value)?),
                _ => {}
            }
        }
        Ok(promised)
    }
}

/// Whether a head names the field as one of its trailers. What cannot be read names nothing.
fn announces(head: &HeaderMap) -> bool {
    let names = head.get_all(TRAILER).into_iter().filter_map(|line| line.to_str().ok());
    names.flat_map(|line| line.split(',')).any(|name| name.trim().eq_ignore_ascii_case(CONTENT_DIGEST))
}

/// A byte sequence (RFC 8941 §3.3.5) of a known length; parameters may follow it.
fn byte_sequence<const N: usize>(value: &str) -> Result<[u8; N], BadDigest> {
    use base64::Engine as _;
    let (text, parameters) =
        value.strip_prefix(':').and_then(|rest| rest.split_once(':')).ok_or(BadDigest)?;
    if !(parameters.is_empty() || parameters.starts_with(';')) {
        return Err(BadDigest);
    }
    let digest = base64::engine::general_purpose::STANDARD.decode(text).map_err(|_| BadDigest)?;
    digest.try_into().map_err(|_| BadDigest)
}

/// Why a body does not keep what was promised of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unkept {
    /// Its bytes are others.
    Mismatch,
    /// Nobody can say: what was promised behind it was not announced before it, and was not counted.
    Unannounced,
}

/// What came, held against what was promised.
#[derive(Clone, Default)]
pub(crate) struct Digests {
    counted: Vec<Counted>,
    /// A digest came behind the body that was not counted.
    uncounted: bool,
}

/// One algorithm: what came, and what it has to be, once by the head and once by the trailers.
#[derive(Clone)]
struct Counted {
    algorithm: &'static Algorithm,
    context: Context,
    promised: Vec<Vec<u8>>,
}

impl Digests {
    /// What the head promises, and what it announces.
    pub(crate) fn of(promised: &Promised) -> Self {
        let counted = by_algorithm(promised)
            .into_iter()
            .filter(|(_, digest)| digest.is_some() || promised.announced)
            .map(|(algorithm, digest)| Counted {
                algorithm,
                context: Context::new(algorithm),
                promised: digest.into_iter().collect(),
            });
        Self { counted: counted.collect(), uncounted: false }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        for counted in &mut self.counted {
            counted.context.update(bytes);
        }
    }

    /// What the trailers promise, besides.
    pub(crate) fn behind(&mut self, trailing: &Promised) {
        for (algorithm, digest) in by_algorithm(trailing) {
            let Some(digest) = digest else { continue };
            match self.counted.iter_mut().find(|counted| counted.algorithm == algorithm) {
                Some(counted) => counted.promised.push(digest),
                None => self.uncounted = true,
            }
        }
    }

    /// Whether everything that came so far is what was promised.
    pub(crate) fn hold(&self) -> Result<(), Unkept> {
        for Counted { context, promised, .. } in &self.counted {
            if !promised.is_empty() {
                let digest = context.clone().finish();
                if promised.iter().any(|promised| digest.as_ref() != promised) {
                    return Err(Unkept::Mismatch);
                }
            }
        }
        if self.uncounted { Err(Unkept::Unannounced) } else { Ok(()) }
    }
}

fn by_algorithm(promised: &Promised) -> [(&'static Algorithm, Option<Vec<u8>>); 2] {
    [
        (&SHA256, promised.sha256.map(|digest| digest.to_vec())),
        (&SHA512, promised.sha512.map(|digest| digest.to_vec())),
    ]
}

impl fmt::Debug for Digests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digests").field("counted", &self.counted.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use http::HeaderValue;

    use super::*;

    fn fields(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for (name, value) in lines {
            fields.append(*name, HeaderValue::from_str(value).unwrap());
        }
        fields
    }

    fn encode(bytes: &[u8]) -> String {
        base64::engine::general_purpose::STANDARD.encode(bytes)
    }

    #[test]
    fn digests_are_read_from_their_field() {
        let (short, long) = (encode(&[7; 32]), encode(&[8; 64]));
        let read = |values: &[&str]| {
            Promised::read(&fields(
                &values.iter().map(|value| ("content-digest", *value)).collect::<Vec<_>>(),
            ))
        };
        let promised = |sha256, sha512| Promised { sha256, sha512, announced: false };
        let (sha256, sha512) = (Some([7u8; 32]), Some([8u8; 64]));
        for (values, wanted) in [
            (vec![], Promised::default()),
            (vec!["md5=:AAAA:, crc32c=:AA==:, x=?1"], Promised::default()),
            (vec![&*format!("sha-256=:{short}:")], promised(sha256, None)),
            (vec![&format!("sha-512=:{long}:;x=1")], promised(None, sha512)),
            (vec![&format!("sha-512=:{long}:"), &format!("sha-256=:{short}:")], promised(sha256, sha512)),
            (vec![&format!("SHA-256=:{short}: , md5=:AAAA:")], promised(sha256, None)),
            (vec![&format!("sha-256=:{}:,sha-256=:{short}:", encode(&[9; 32]))], promised(sha256, None)),
        ] {
            assert_eq!(read(&values), Ok(wanted), "{values:?}");
        }
        for value in [
            "sha-256",
            "sha-256=",
            "sha-256=abc",
            "sha-256=::",
            "sha-256=:AAAA:",
            "sha-256=:****:",
            &format!("sha-512=:{short}:"),
            &format!("sha-256=:{short}:x"),
            &format!("sha-256=:{short}"),
        ] {
            assert_eq!(read(&[value]), Err(BadDigest), "{value}");
        }
    }

    #[test]
    fn a_head_announces_digests_by_trailer() {
        for (lines, announced) in [
            (vec![], false),
            (vec![("trailer", "Content-Digest")], true),
            (vec![("trailer", "x-other ,\tCONTENT-digest")], true),
            (vec![("trailer", "x-other"), ("trailer", "content-digest, x-more")], true),
            (vec![("trailer", "content-digests, x content-digest")], false),
            (vec![("trailer", "")], false),
            (vec![("x-trailer", "content-digest")], false),
        ] {
            assert_eq!(Promised::read(&fields(&lines)).unwrap().announced, announced, "{lines:?}");
        }
    }

    #[test]
    fn digests_before_and_behind_the_body_must_all_hold() {
        use sha2::Digest as _;
        let (sha256, sha512) =
            (Some(sha2::Sha256::digest(b"abc").into()), Some(sha2::Sha512::digest(b"abc").into()));
        let none = Promised::default();
        let announced = Promised { announced: true, ..none.clone() };
        let right = Promised { sha256, sha512, announced: false };
        let wrong256 = Promised { sha256: Some([1; 32]), ..none.clone() };
        let wrong512 = Promised { sha512: Some([1; 64]), ..none.clone() };
        let only256 = Promised { sha256, ..none.clone() };
        let with = |promised: &Promised| Promised { announced: true, ..promised.clone() };
        for (head, trailing, holds) in [
            (none.clone(), none.clone(), Ok(())),
            (announced.clone(), none.clone(), Ok(())),
            (announced.clone(), right.clone(), Ok(())),
            (announced.clone(), only256.clone(), Ok(())),
            (announced.clone(), wrong256.clone(), Err(Unkept::Mismatch)),
            (announced.clone(), wrong512.clone(), Err(Unkept::Mismatch)),
            (with(&right), right.clone(), Ok(())),
            (with(&right), wrong256.clone(), Err(Unkept::Mismatch)),
            (with(&wrong256), right.clone(), Err(Unkept::Mismatch)),
            (with(&wrong256), none.clone(), Err(Unkept::Mismatch)),
            (none.clone(), right.clone(), Err(Unkept::Unannounced)),
            (none.clone(), wrong512.clone(), Err(Unkept::Unannounced)),
            // What is counted anyway is held to.
            (only256.clone(), only256.clone(), Ok(())),
            (only256.clone(), wrong256.clone(), Err(Unkept::Mismatch)),
            (only256.clone(), right.clone(), Err(Unkept::Unannounced)),
        ] {
            let mut digests = Digests::of(&head);
            digests.update(b"a");
            digests.update(b"bc");
            digests.behind(&trailing);
            assert_eq!(digests.hold(), holds, "{head:?}, {trailing:?}");
        }
    }
}
