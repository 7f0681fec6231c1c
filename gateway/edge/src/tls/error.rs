//! Why a listener's certificates, keys and lists cannot be used: always which file, and what to do.

use std::io;
use std::path::PathBuf;

/// Which of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The listener's certificate and its chain.
    Certificate,
    /// The private key of that.
    Key,
    /// A file of the certificates that clients' chains may end in, by its place in the list.
    Roots(usize),
    /// A file of revocation lists, by its place in the list.
    Crls(usize),
}

/// What is wrong with a set of TLS files.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", file.display())]
pub struct TlsError {
    /// Which file it is.
    pub role: Role,
    /// Where it lies.
    pub file: PathBuf,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with one file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Read(io::Error),
    /// Others than its owner and its group may read or change the key.
    #[error(
        "everybody on this machine may read or change it (mode {mode:03o}): take the rights of others away (chmod o=)"
    )]
    OpenToOthers {
        /// The permission bits.
        mode: u32,
    },
    /// Nothing of the kind is in it.
    #[error("holds no {0}")]
    Nothing(Kind),
    /// Something in it cannot be read as what it should be.
    #[error("a {0} in it cannot be read")]
    Broken(Kind),
    /// A certificate in it has had its time.
    #[error("a certificate in it has expired ({at}): put a new one in its place")]
    Expired {
        /// When.
        at: String,
    },
    /// A certificate in it is not valid yet.
    #[error("a certificate in it is not valid before {at}: wait, or set this machine's clock")]
    NotYetValid {
        /// From when on it is.
        at: String,
    },
    /// The key belongs to another certificate.
    #[error("is the key of another certificate: name the one that belongs to this certificate")]
    OtherKey,
    /// A revocation list in it has had its time.
    #[error("a revocation list in it has expired ({at}): fetch the newest from its issuer")]
    ListExpired {
        /// When the next one was due.
        at: String,
    },
    /// The TLS library refuses the set.
    #[error("cannot be used: {0}")]
    Unusable(String),
}

/// Kinds of things that lie in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An X.509 certificate.
    Certificate,
    /// A private key.
    PrivateKey,
    /// A revocation list.
    RevocationList,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Certificate => "certificate in PEM",
            Self::PrivateKey => "private key in PEM",
            Self::RevocationList => "certificate revocation list",
        })
    }
}

impl Kind {
    fn ja(self) -> &'static str {
        match self {
            Self::Certificate => "PEM形式の証明書",
            Self::PrivateKey => "PEM形式の秘密鍵",
            Self::RevocationList => "証明書失効リスト（CRL）",
        }
    }
}

impl TlsError {
    /// Stable, kebab-case code.
    pub fn code(&self) -> &'static str {
        match self.problem {
            Problem::Read(_) => "tls-file-unreadable",
            Problem::OpenToOthers { .. } => "tls-key-open-to-others",
            Problem::Nothing(_) => "tls-file-empty",
            Problem::Broken(_) => "tls-file-broken",
            Problem::Expired { .. } => "tls-certificate-expired",
            Problem::NotYetValid { .. } => "tls-certificate-not-yet-valid",
            Problem::OtherKey => "tls-key-of-another",
            Problem::ListExpired { .. } => "tls-crl-expired",
            Problem::Unusable(_) => "tls-unusable",
        }
    }

    /// The problem in Japanese, without the file's name.
    pub fn problem_ja(&self) -> String {
        match &self.problem {
            Problem::Read(error) => format!("読み取れません（{error}）"),
            Problem::OpenToOthers { mode } => {
                format!(
                    "このマシンの誰でも読み書きできます（モード{mode:03o}）。他人の権限を外してください（chmod o=）"
                )
            }
            Problem::Nothing(kind) => format!("{}がありません", kind.ja()),
            Problem::Broken(kind) => format!("読み取れない{}があります", kind.ja()),
            Problem::Expired { at } => {
                format!("期限切れの証明書があります（{at}まで）。新しい証明書に替えてください")
            }
            Problem::NotYetValid { at } => {
                format!(
                    "まだ有効でない証明書があります（{at}から有効）。待つか、このマシンの時刻を直してください"
                )
            }
            Problem::OtherKey => {
                "別の証明書の秘密鍵です。この証明書と対になる秘密鍵を指定してください".to_owned()
            }
            Problem::ListExpired { at } => {
                format!("期限切れのCRLがあります（{at}まで）。発行者から最新のものを取得してください")
            }
            Problem::Unusable(reason) => format!("使えません（{reason}）"),
        }
    }
}
