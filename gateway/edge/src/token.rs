//! Bearer tokens (RFC 6750): by which clients without certificates prove who they are.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use sha2::{Digest as _, Sha256};

/// A secret that a client shows. Only its SHA-256 is kept, and compared in constant time.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// Characters that one has at least: of random ones, 32 cannot be guessed.
    pub const LEAST: usize = 32;
    /// Characters that one has at the most.
    pub const MOST: usize = 1_024;

    /// A token as it is written: [`Self::LEAST`] to [`Self::MOST`] letters, digits and `-._~+/`, `=` at its end (RFC 6750 §2.1).
    pub fn parse(text: &str) -> Option<Self> {
        let body = text.trim_end_matches('=');
        let good = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b);
        let fits = (Self::LEAST..=Self::MOST).contains(&text.len());
        (fits && !body.is_empty() && body.bytes().all(good)).then(|| Self(Sha256::digest(text).into()))
    }

    /// Whether it is the same; how long that takes tells nothing.
    pub fn is(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

/// What a request shows.
#[derive(Debug)]
pub(crate) enum Presented {
    /// No credentials.
    Nothing,
    /// Something that is no token, or several.
    Unreadable,
    /// This.
    Token(Token),
}

impl Presented {
    /// What the head shows.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut fields = headers.get_all(AUTHORIZATION).iter();
        let (Some(field), None) = (fields.next(), fields.next()) else {
            return if headers.contains_key(AUTHORIZATION) { Self::Unreadable } else { Self::Nothing };
        };
        let bearer = field.to_str().ok().and_then(|text| text.split_once(' '));
        let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        bearer.and_then(|(_, text)| Token::parse(text)).map_or(Self::Unreadable, Self::Token)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may panic

    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_is_short_or_has_other_characters_is_no_token() {
        let long = "x".repeat(Token::MOST + 1);
        let padding = "=".repeat(40);
        for text in
            ["", "short", &"x".repeat(31), &long, &padding, &format!("{} {}", "x".repeat(20), "y".repeat(20))]
        {
            assert!(Token::parse(text).is_none(), "{text}");
        }
        let good = "abcXYZ019-._~+/abcXYZ019-._~+/==";
        assert!(Token::parse(good).unwrap().is(&Token::parse(good).unwrap()));
        assert!(!Token::parse(good).unwrap().is(&Token::parse(&good.replace('9', "8")).unwrap()));
        assert_eq!(format!("{:?}", Token::parse(good).unwrap()), "Token");
    }

    #[test]
    fn one_field_of_the_scheme_is_read_and_nothing_else() {
        let token = "x".repeat(40);
        let of = |fields: &[&str]| {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(AUTHORIZATION, HeaderValue::from_str(field).unwrap());
            }
            match Presented::of(&headers) {
                Presented::Nothing => "nothing",
                Presented::Unreadable => "unreadable",
                Presented::Token(_) => "token",
            }
        };
        let (bearer, small) = (format!("Bearer {token}"), format!("bearer {token}"));
        let (basic, bare, two) = (format!("Basic {token}"), token.clone(), format!("Bearer  {token}"));
        for (fields, found) in [
            (vec![], "nothing"),
            (vec![&*bearer], "token"),
            (vec![&*small], "token"),
            (vec![&*basic], "unreadable"),
            (vec![&*bare], "unreadable"),
            (vec![&*two], "unreadable"),
            (vec!["Bearer short"], "unreadable"),
            (vec![&*bearer, &*bearer], "unreadable"),
        ] {
            assert_eq!(of(&fields), found, "{fields:?}");
        }
    }
}
