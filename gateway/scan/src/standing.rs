//! Whether a scanner is known to be down: by its last look, or by a content that it has let hang since.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ScanError;

/// What is known of a scanner.
#[derive(Debug, Default)]
pub(crate) struct Standing(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    down: bool,
    /// Contents that it has let hang since it was last seen to scan. Whoever only says that it is there does not show that it scans.
    hung: u64,
    /// How the last of these hung, until somebody was told or it was seen to scan.
    evidence: Option<ScanError>,
    /// Somebody finds out already whether it scans.
    looked_at: bool,
}

impl Standing {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_down(&self) -> bool {
        self.known().down
    }

    /// How many contents it has let hang since it was last seen to scan.
    pub(crate) fn hung(&self) -> u64 {
        self.known().hung
    }

    /// It has let a content hang: down, until it was seen to scan. True: nobody looks yet whether it does.
    pub(crate) fn hangs(&self, how: ScanError) -> bool {
        let mut known = self.known();
        known.down = true;
        known.hung += 1;
        known.evidence = Some(how);
        !std::mem::replace(&mut known.looked_at, true)
    }

    /// It was looked at, when so many contents had hung. True: what was found holds, as nothing has hung since.
    pub(crate) fn looked(&self, there: bool, hung: u64) -> bool {
        let mut known = self.known();
        let holds = !there || known.hung == hung;
        if holds {
            known.down = !there;
        }
        if there && holds {
            known.hung = 0;
            // Told later, it would show a scanner that scans as down.
            known.evidence = None;
        }
        holds
    }

    /// Nobody looks any more, until the next content hangs.
    pub(crate) fn looked_enough(&self) {
        self.known().looked_at = false;
    }

    pub(crate) fn take_evidence(&self) -> Option<ScanError> {
        self.known().evidence.take()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn silent() -> ScanError {
        ScanError::Silent(Duration::from_secs(1))
    }

    #[test]
    fn what_has_hung_is_down_until_it_was_seen_to_scan_since() {
        let standing = Standing::default();
        assert!(!standing.is_down() && standing.take_evidence().is_none());
        let before = standing.hung();
        assert!(standing.hangs(silent()), "nobody looks yet");
        assert!(!standing.hangs(silent()), "somebody looks");
        assert_eq!((standing.is_down(), standing.hung()), (true, 2));
        // A look that began before knows nothing of it.
        assert!(!standing.looked(true, before) && standing.is_down());
        assert_eq!((standing.take_evidence(), standing.take_evidence()), (Some(silent()), None));
        assert!(!standing.hangs(silent()));
        assert!(standing.looked(true, 3) && !standing.is_down());
        assert_eq!(
            (standing.hung(), standing.take_evidence()),
            (0, None),
            "it shows nothing of one that scans"
        );
        // Down it is by any look.
        assert!(standing.looked(false, 9) && standing.is_down());
        standing.looked_enough();
        assert!(standing.hangs(silent()));
    }
}
