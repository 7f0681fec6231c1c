//! Digests of a body as it arrives (RFC 9530 §2).

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256, SHA512};

/// What the head promises; algorithms that are not known here are not kept (RFC 9530 §2: they may be ignored).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Promised {
    /// SHA-256 of the content.
    pub sha256: Option<[u8; 32]>,
    /// SHA-512 of the content.
    pub sha512: Option<[u8; 64]>,
}

/// What came, held against what was promised.
#[derive(Clone, Default)]
pub(crate) struct Digests(Vec<(Context, Vec<u8>)>);

impl Digests {
    pub(crate) fn of(promised: &Promised) -> Self {
        let sha256 = promised.sha256.map(|digest| (Context::new(&SHA256), digest.to_vec()));
        let sha512 = promised.sha512.map(|digest| (Context::new(&SHA512), digest.to_vec()));
        Self(sha256.into_iter().chain(sha512).collect())
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        for (context, _) in &mut self.0 {
            context.update(bytes);
        }
    }

    /// Whether everything that came so far is what was promised.
    pub(crate) fn hold(&self) -> bool {
        self.0.iter().all(|(context, promised)| context.clone().finish().as_ref() == promised)
    }
}

impl fmt::Debug for Digests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digests").field("promised", &self.0.len()).finish()
    }
}
