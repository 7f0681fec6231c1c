//! The state machine.
use crate::clock::Moment;
use crate::hop::{HopSpec, Snapshot};
use crate::observation::Observation;

/// The hops and what is known of each: pure, with observations and moments in and hop states out.
#[derive(Clone, Debug)]
pub struct Path {}

/// Why hops do not make a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Two hops have one identity.
    #[error("hop `{hop}` is there twice: give each hop of an upstream its own name")]
    Twice {
        /// The identity.
        hop: String,
    },
    /// A hop is behind one that is not before it in the list.
    #[error("hop `{hop}` stands behind `{behind}`, which is not listed before it: list hops in the order of the path")]
    Behind {
        /// The hop.
        hop: String,
        /// The hop that it is said to be behind.
        behind: String,
    },
    /// A hop's interval is zero.
    #[error("hop `{hop}` has an interval of zero: every fact would be too old at once")]
    Interval {
        /// The hop.
        hop: String,
    },
}

impl Path {
    /// A path on which nothing is known yet.
    ///
    /// # Errors
    /// When two hops have one identity, one is behind a hop that is not listed before it, or an interval is zero.
    pub fn new(specs: Vec<HopSpec>, now: Moment) -> Result<Self, PathError> {
        let _ = (specs, now);
        todo!()
    }
    /// Another arrangement of hops, after a reload: hops that stay keep what is known of them.
    ///
    /// # Errors
    /// As [`new`](Self::new); the old arrangement then stays.
    pub fn arrange(&mut self, specs: Vec<HopSpec>, now: Moment) -> Result<(), PathError> {
        let _ = (specs, now);
        todo!()
    }
    /// Takes in what was seen. `false` when no such hop is on the path: nothing was taken in.
    pub fn report(&mut self, hop: &str, observation: Observation, now: Moment) -> bool {
        let _ = (hop, observation, now);
        todo!()
    }
    /// What is known now.
    pub fn snapshot(&mut self, now: Moment) -> Snapshot {
        let _ = now;
        todo!()
    }
}
