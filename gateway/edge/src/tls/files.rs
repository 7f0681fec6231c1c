//! The files that a listener's TLS is made of, read and judged one by one.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

use super::certificate::Certificate;
use super::error::{Kind, Problem, Role, TlsError};

/// The files, and by what rules they are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// PEM: the listener's certificate, then those that lead to a root.
    pub certificate: PathBuf,
    /// PEM: its private key, which others than owner and group may not read.
    pub key: PathBuf,
    /// Whether TLS 1.2 is spoken beside 1.3.
    pub older: bool,
    /// How clients show certificates, where they do.
    pub clients: Option<ClientFiles>,
}

/// By what clients' certificates are judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFiles {
    /// PEM: the certificates that a client's chain may end in.
    pub roots: Vec<PathBuf>,
    /// PEM or DER: lists of what was revoked. Where there are any, every certificate of a chain below its root needs one.
    pub crls: Vec<PathBuf>,
    /// Whether a handshake without a certificate fails.
    pub required: bool,
}

impl Files {
    /// Every file, with its role.
    pub fn all(&self) -> impl Iterator<Item = (Role, &Path)> {
        let own = [(Role::Certificate, self.certificate.as_path()), (Role::Key, self.key.as_path())];
        let clients = self.clients.iter().flat_map(|clients| {
            let roots = clients.roots.iter().enumerate().map(|(at, file)| (Role::Roots(at), file.as_path()));
            let crls = clients.crls.iter().enumerate().map(|(at, file)| (Role::Crls(at), file.as_path()));
            roots.chain(crls)
        });
        own.into_iter().chain(clients)
    }
}

/// A certificate, and what it says.
pub(super) struct Held {
    pub(super) der: CertificateDer<'static>,
    pub(super) read: Certificate,
}

/// A revocation list, and what it says of itself.
pub(super) struct List {
    pub(super) der: CertificateRevocationListDer<'static>,
    pub(super) says: ListSays,
}

/// What a list says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListSays {
    /// The issuer's name in DER.
    pub(super) issuer: Vec<u8>,
    /// When it was issued, in unix seconds.
    pub(super) issued: i64,
    /// When the next one is due, in unix seconds.
    pub(super) ends: i64,
    /// SHA-256 of the whole list.
    digest: [u8; 32],
}

/// Reads one file at a time; what is wrong is collected, so that an operator mends a set once.
pub(super) struct Reading {
    /// Unix seconds.
    pub(super) now: i64,
    pub(super) errors: Vec<TlsError>,
}

impl Reading {
    pub(super) fn wrong(&mut self, role: Role, file: &Path, problem: Problem) {
        self.errors.push(TlsError { role, file: file.to_owned(), problem });
    }

    /// The certificates of a file, each of which holds at this moment.
    pub(super) fn certificates(&mut self, role: Role, file: &Path) -> Vec<Held> {
        let found: Vec<CertificateDer<'static>> = match pem(file) {
            Ok(found) => found,
            Err(problem) => {
                self.wrong(role, file, problem.unwrap_or(Problem::Broken(Kind::Certificate)));
                return Vec::new();
            }
        };
        if found.is_empty() {
            self.wrong(role, file, Problem::Nothing(Kind::Certificate));
        }
        let mut held = Vec::with_capacity(found.len());
        for der in found {
            let Some(read) = Certificate::read(&der) else {
                self.wrong(role, file, Problem::Broken(Kind::Certificate));
                continue;
            };
            if self.now > read.not_after {
                self.wrong(role, file, Problem::Expired { at: date(read.not_after) });
            } else if self.now < read.not_before {
                self.wrong(role, file, Problem::NotYetValid { at: date(read.not_before) });
            }
            held.push(Held { der, read });
        }
        held
    }

    /// The private key of a file that is nobody else's to read.
    pub(super) fn key(&mut self, file: &Path) -> Option<PrivateKeyDer<'static>> {
        match std::fs::metadata(file).map(|found| found.permissions().mode() & 0o777) {
            Ok(mode) if mode & 0o007 != 0 => {
                self.wrong(Role::Key, file, Problem::OpenToOthers { mode });
                return None;
            }
            Ok(_) => {}
            Err(error) => {
                self.wrong(Role::Key, file, Problem::Read(error));
                return None;
            }
        }
        match PrivateKeyDer::from_pem_file(file) {
            Ok(key) => Some(key),
            Err(PemError::Io(error)) => {
                self.wrong(Role::Key, file, Problem::Read(error));
                None
            }
            Err(_) => {
                self.wrong(Role::Key, file, Problem::Nothing(Kind::PrivateKey));
                None
            }
        }
    }

    /// The revocation lists of a file: several in PEM, or one in DER, as their issuers publish them.
    pub(super) fn lists(&mut self, role: Role, file: &Path) -> Vec<List> {
        let bytes = match bounded(file) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.wrong(role, file, Problem::Read(error));
                return Vec::new();
            }
        };
        let is_text =
            bytes.starts_with(b"-----") || bytes.windows(11).take(4_096).any(|at| at == b"-----BEGIN ");
        let found: Vec<CertificateRevocationListDer<'static>> = if is_text {
            let found: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&bytes).collect();
            match found {
                Ok(found) => found,
                Err(_) => {
                    self.wrong(role, file, Problem::Broken(Kind::RevocationList));
                    return Vec::new();
                }
            }
        } else {
            vec![CertificateRevocationListDer::from(bytes)]
        };
        if found.is_empty() {
            self.wrong(role, file, Problem::Nothing(Kind::RevocationList));
        }
        let mut lists = Vec::with_capacity(found.len());
        for der in found {
            let Some(says) = list_says(&der) else {
                self.wrong(role, file, Problem::Broken(Kind::RevocationList));
                continue;
            };
            if self.now >= says.ends {
                self.wrong(role, file, Problem::ListExpired { at: date(says.ends) });
            }
            lists.push(List { der, says });
        }
        lists
    }
}

/// Bytes of one file of revocation lists: a list of a million entries has about 40 MB.
const MOST_LIST_BYTES: u64 = 64 << 20;

fn bounded(file: &Path) -> io::Result<Vec<u8>> {
    let size = std::fs::metadata(file)?.len();
    if size > MOST_LIST_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("more than {MOST_LIST_BYTES} bytes"),
        ));
    }
    std::fs::read(file)
}

/// A list that does not say when the next one is due (RFC 5280 §5.1.2.5 wants it) cannot be known to be fresh.
fn list_says(der: &[u8]) -> Option<ListSays> {
    let (rest, list) = CertificateRevocationList::from_der(der).ok()?;
    rest.is_empty().then_some(())?;
    Some(ListSays {
        issuer: list.issuer().as_raw().to_owned(),
        issued: list.last_update().timestamp(),
        ends: list.next_update()?.timestamp(),
        digest: Sha256::digest(der).into(),
    })
}

/// All of one kind in a file; `None` as the problem where what is there is broken.
fn pem<T: PemObject>(file: &Path) -> Result<Vec<T>, Option<Problem>> {
    match T::pem_file_iter(file).and_then(|all| all.collect::<Result<Vec<_>, _>>()) {
        Ok(found) => Ok(found),
        Err(PemError::NoItemsFound) => Ok(Vec::new()),
        Err(PemError::Io(error)) => Err(Some(Problem::Read(error))),
        Err(_) => Err(None),
    }
}

/// A moment for people.
pub(super) fn date(seconds: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(seconds).ok();
    moment.and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_else(|| seconds.to_string())
}
