//! What a certificate says of itself (RFC 5280): names, fingerprint, time. Whether that is true is the verifier's to say.

use std::fmt;
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::str::FromStr;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use sha2::{Digest as _, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

use super::files::date;

/// A certificate, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// When it begins to hold, in unix seconds.
    pub not_before: i64,
    /// The last second in which it holds, in unix seconds.
    pub not_after: i64,
    /// Its fingerprint, then its subject alternative names in their order, as far as [`Name`] knows their kinds.
    pub names: Vec<Name>,
}

impl Certificate {
    /// Reads the certificates of a file in PEM.
    ///
    /// # Errors
    /// When the file cannot be read, or something in it that says it is a certificate.
    pub fn read_file(file: &Path) -> io::Result<Vec<Self>> {
        let broken = |_| io::Error::new(io::ErrorKind::InvalidData, "not a certificate in PEM");
        let text = std::fs::read(file)?;
        CertificateDer::pem_slice_iter(&text)
            .map(|der| {
                der.map_err(broken)
                    .and_then(|der| Self::read(&der).ok_or_else(|| broken(PemError::NoItemsFound)))
            })
            .collect()
    }

    /// When it begins and ends to hold, for people.
    pub fn holds(&self) -> (String, String) {
        (date(self.not_before), date(self.not_after))
    }

    /// Reads one certificate in DER; `None` when it is none.
    pub fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let fingerprint = Name::Fingerprint(Sha256::digest(der).into());
        let alternatives = certificate.subject_alternative_name().ok()?;
        let alternatives = alternatives.iter().flat_map(|extension| &extension.value.general_names);
        Some(Self {
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            names: std::iter::once(fingerprint).chain(alternatives.filter_map(name)).collect(),
        })
    }
}

/// The longest text of a name.
const MOST: usize = 1_024;

/// By what a certificate is known: its fingerprint, or one of its subject alternative names (RFC 5280 §4.2.1.6).
///
/// Written as `sha256:`, `dns:`, `uri:`, `mail:` or `directory:` with the value behind it. Two names are the same if they
/// are written alike; a DNS name, and the domain of a mail address, in small letters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Name {
    /// SHA-256 of the whole certificate.
    Fingerprint([u8; 32]),
    /// A host.
    Dns(String),
    /// A URI, as it stands.
    Uri(String),
    /// A mail address.
    Mail(String),
    /// A distinguished name in the form of RFC 4514, the most specific part first.
    Directory(String),
}

impl Name {
    /// The kinds, as they are written.
    pub const KINDS: [&'static str; 5] = ["sha256:", "dns:", "uri:", "mail:", "directory:"];

    fn mail(written: &str) -> Option<Self> {
        let (local, domain) = written.rsplit_once('@')?;
        (!local.is_empty() && !domain.is_empty())
            .then(|| Self::Mail(format!("{local}@{}", domain.to_ascii_lowercase())))
    }

    fn dns(written: &str) -> Option<Self> {
        let good = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        // A wildcard stands for many hosts, so it is nobody's name.
        (!written.is_empty() && written.bytes().all(good)).then(|| Self::Dns(written.to_ascii_lowercase()))
    }
}

/// A text that is no [`Name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a certificate's name: write sha256:, dns:, uri:, mail: or directory: and the value behind it")]
pub struct NotAName;

impl FromStr for Name {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let (kind, value) = text.split_once(':').ok_or(NotAName)?;
        let fits = !value.is_empty() && value.len() <= MOST && value.trim() == value;
        let value = if fits { value } else { return Err(NotAName) };
        match kind {
            "sha256" => fingerprint(value).map(Self::Fingerprint),
            "dns" => Self::dns(value),
            "uri" => Some(Self::Uri(value.to_owned())),
            "mail" => Self::mail(value),
            "directory" => Some(Self::Directory(value.to_owned())),
            _ => None,
        }
        .ok_or(NotAName)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fingerprint(digest) => {
                f.write_str("sha256:")?;
                digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::Dns(name) => write!(f, "dns:{name}"),
            Self::Uri(name) => write!(f, "uri:{name}"),
            Self::Mail(name) => write!(f, "mail:{name}"),
            Self::Directory(name) => write!(f, "directory:{name}"),
        }
    }
}

/// 64 hexadecimal digits; pairs may be parted by colons, as `openssl x509 -fingerprint` prints them.
fn fingerprint(written: &str) -> Option<[u8; 32]> {
    let digits: String = written.split(':').collect();
    if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut digest = [0; 32];
    for (byte, at) in digest.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&digits[at..at + 2], 16).ok()?;
    }
    Some(digest)
}

fn name(found: &GeneralName<'_>) -> Option<Name> {
    match found {
        GeneralName::DNSName(name) => Name::dns(name),
        GeneralName::URI(name) => Some(Name::Uri((*name).to_owned())),
        GeneralName::RFC822Name(name) => Name::mail(name),
        GeneralName::DirectoryName(name) => Some(Name::Directory(directory(name)?)),
        _ => None,
    }
}

/// Names of attribute types (RFC 4514 §3), by their object identifiers.
const TYPES: [(&str, &str); 9] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.6", "C"),
    ("2.5.4.9", "STREET"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
];

/// A distinguished name as text (RFC 4514 §2). `None` where a value is no text: what cannot be written is nobody's name.
fn directory(name: &X509Name<'_>) -> Option<String> {
    let mut parts = Vec::new();
    for part in name.iter() {
        let mut values = Vec::new();
        for value in part.iter() {
            let oid = value.attr_type().to_id_string();
            let kind = TYPES.iter().find(|(id, _)| *id == oid).map_or(oid.as_str(), |(_, kind)| kind);
            values.push(format!("{kind}={}", escaped(value.as_str().ok()?)));
        }
        parts.push(values.join("+"));
    }
    parts.reverse();
    Some(parts.join(","))
}

/// RFC 4514 §2.4.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (at, c) in value.chars().enumerate() {
        match c {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => out.extend(['\\', c]),
            '#' if at == 0 => out.push_str("\\#"),
            ' ' if at == 0 || at == last => out.push_str("\\ "),
            // Writing into a string does not fail.
            c if c.is_control() => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    let _ = write!(out, "\\{byte:02x}");
                }
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may panic

    use super::*;

    #[test]
    fn a_name_is_written_and_read_in_one_way() {
        let digest = "0123456789abcdef".repeat(4);
        for text in [
            format!("sha256:{digest}"),
            "dns:city-a.example".to_owned(),
            "uri:urn:x-city:a".to_owned(),
            "mail:Kenka@city.example".to_owned(),
            "directory:CN=基幹系\\, 連携,O=City,C=JP".to_owned(),
        ] {
            assert_eq!(text.parse::<Name>().unwrap().to_string(), text);
        }
        let colons: Vec<_> = digest.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap()).collect();
        let written = format!("sha256:{}", colons.join(":").to_uppercase());
        assert_eq!(written.parse::<Name>().unwrap().to_string(), format!("sha256:{digest}"));
        assert_eq!("dns:City-A.Example".parse::<Name>().unwrap().to_string(), "dns:city-a.example");
        assert_eq!("mail:A@City.Example".parse::<Name>().unwrap().to_string(), "mail:A@city.example");
    }

    #[test]
    fn what_is_nobodys_name_cannot_be_written() {
        let short = format!("sha256:{}", "0".repeat(63));
        let long = format!("uri:{}", "x".repeat(MOST + 1));
        for text in [
            "",
            "dns:",
            "city.example",
            "dns:*.example",
            "dns:a b",
            "dns: a",
            "mail:a",
            "mail:@x",
            "mail:x@",
            "sha1:00",
            "sha256:0g",
            &short,
            &long,
            "cn:x",
            "uri: x",
        ] {
            assert_eq!(text.parse::<Name>(), Err(NotAName), "{text}");
        }
    }

    #[test]
    fn a_certificates_names_are_read() {
        use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};

        let mut directory = DistinguishedName::new();
        directory.push(DnType::CountryName, "JP");
        directory.push(DnType::OrganizationName, "City, of A");
        directory.push(DnType::CommonName, "連携");
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = vec![
            SanType::DnsName("City-A.example".try_into().unwrap()),
            SanType::DnsName("*.example".try_into().unwrap()),
            SanType::Rfc822Name("a@City.example".try_into().unwrap()),
            SanType::URI("urn:x-city:a".try_into().unwrap()),
            SanType::IpAddress([127, 0, 0, 1].into()),
        ];
        params.not_before = rcgen::date_time_ymd(2025, 1, 2);
        params.not_after = rcgen::date_time_ymd(2027, 3, 4);
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let read = Certificate::read(made.der()).unwrap();
        let names: Vec<String> = read.names.iter().map(Name::to_string).collect();
        let fingerprint = Name::Fingerprint(Sha256::digest(made.der()).into()).to_string();
        assert_eq!(
            names,
            [fingerprint.as_str(), "dns:city-a.example", "mail:a@city.example", "uri:urn:x-city:a"]
        );
        assert_eq!((read.not_before, read.not_after), (1_735_776_000, 1_804_118_400));
        assert_eq!(Certificate::read(&made.der()[..100]), None);
        assert_eq!(Certificate::read(b"junk"), None);
    }

    #[test]
    fn values_are_escaped_as_rfc_4514_says() {
        for (value, written) in [
            ("a", "a"),
            ("a, b", "a\\, b"),
            ("#1", "\\#1"),
            (" a ", "\\ a\\ "),
            ("a\\b\"", "a\\\\b\\\""),
            ("a\nb", "a\\0ab"),
            ("名前", "名前"),
        ] {
            assert_eq!(escaped(value), written);
        }
    }
}
