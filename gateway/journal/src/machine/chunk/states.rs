//! The states of a chunk: each is a type that owns what a chunk has in it, and nothing that it has not.

use std::num::NonZeroU32;
use std::ops::Range;

use super::{Chunk, ChunkState};
use crate::machine::Code;
use crate::ranges::RangeSet;

/// Records of a chunk that have no outcome: one at least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsettled(RangeSet);

impl Unsettled {
    /// These, if there are any.
    pub(in crate::machine) fn of(set: RangeSet) -> Option<Self> {
        (!set.is_empty()).then_some(Self(set))
    }

    /// As a set of positions.
    pub fn set(&self) -> &RangeSet {
        &self.0
    }

    /// The runs in ascending order.
    pub fn runs(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.0.runs()
    }

    pub(super) fn into_set(self) -> RangeSet {
        self.0
    }
}

/// What is known of a doubt: of the present one, or of one that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    pub(super) since: u64,
    pub(super) asked: Option<Asked>,
}

impl Doubt {
    /// What was asked of an earlier try says nothing of this one.
    pub(super) fn since(at: u64) -> Self {
        Self { since: at, asked: None }
    }
}

/// The upstream was asked, and could not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) times: NonZeroU32,
    pub(super) at: u64,
    pub(super) code: Code,
}

/// There was no doubt of any of its tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoDoubt;

/// In flight: written down, and whether it has left the gateway may not be known yet. `D` is what is known of earlier tries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InFlight<D> {
    pub(super) records: Unsettled,
    /// There is evidence that it has left the gateway.
    pub(super) left: bool,
    pub(super) before: D,
}

/// In flight, and never in doubt: what did not get through may simply return.
pub type First = InFlight<NoDoubt>;

/// In flight again after it was in doubt: an earlier try may have had its effect.
pub type Again = InFlight<Doubt>;

/// Nobody knows what became of its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InDoubt {
    pub(super) records: Unsettled,
    pub(super) code: Code,
    /// It waits for an operator.
    pub(super) held: bool,
    pub(super) doubt: Doubt,
}

/// Every record has its outcome, or is pending again. The outcomes are the ledger's: memory goes with what is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Why it had been in doubt, if it was proven and not answered.
    pub(super) code: Option<Code>,
    pub(super) doubt: Option<Doubt>,
}

/// Not sent, or proven to have had no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    pub(super) code: Code,
    pub(super) doubt: Option<Doubt>,
}

/// A state with records in flight or in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Live {
    /// In flight, and never in doubt.
    First(First),
    /// In flight again.
    Again(Again),
    /// In doubt.
    InDoubt(InDoubt),
}

/// Any state: what is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Any {
    /// Some records have no outcome.
    Live(Live),
    /// Answered.
    Answered(Answered),
    /// Returned.
    Returned(Returned),
}

/// What any state can be asked. It is not for others to add states.
pub trait State: sealed::State {}
impl<S: sealed::State> State for S {}

pub(super) mod sealed {
    use super::{ChunkState, Code, Doubt, Unsettled};

    pub trait State {
        fn word(&self) -> ChunkState;
        fn unsettled(&self) -> Option<&Unsettled> {
            None
        }
        fn doubt(&self) -> Option<&Doubt> {
            None
        }
        fn code(&self) -> Option<&Code> {
            None
        }
        fn is_held(&self) -> bool {
            false
        }
    }

    /// What there was before the present try.
    pub trait Before {
        fn known(&self) -> Option<&Doubt>;
    }
}

impl sealed::Before for NoDoubt {
    fn known(&self) -> Option<&Doubt> {
        None
    }
}

impl sealed::Before for Doubt {
    fn known(&self) -> Option<&Doubt> {
        Some(self)
    }
}

impl<D: sealed::Before> sealed::State for InFlight<D> {
    fn word(&self) -> ChunkState {
        if self.left { ChunkState::Sent } else { ChunkState::Open }
    }

    fn unsettled(&self) -> Option<&Unsettled> {
        Some(&self.records)
    }

    fn doubt(&self) -> Option<&Doubt> {
        self.before.known()
    }
}

impl sealed::State for InDoubt {
    fn word(&self) -> ChunkState {
        ChunkState::InDoubt
    }

    fn unsettled(&self) -> Option<&Unsettled> {
        Some(&self.records)
    }

    fn doubt(&self) -> Option<&Doubt> {
        Some(&self.doubt)
    }

    fn code(&self) -> Option<&Code> {
        Some(&self.code)
    }

    fn is_held(&self) -> bool {
        self.held
    }
}

impl sealed::State for Answered {
    fn word(&self) -> ChunkState {
        ChunkState::Answered
    }

    fn doubt(&self) -> Option<&Doubt> {
        self.doubt.as_ref()
    }

    fn code(&self) -> Option<&Code> {
        self.code.as_ref()
    }
}

impl sealed::State for Returned {
    fn word(&self) -> ChunkState {
        ChunkState::Returned
    }

    fn doubt(&self) -> Option<&Doubt> {
        self.doubt.as_ref()
    }

    fn code(&self) -> Option<&Code> {
        Some(&self.code)
    }
}

/// A state that is one of several has what the one has that it is.
macro_rules! one_of {
    ($several:ident: $($one:ident),+) => {
        impl sealed::State for $several {
            fn word(&self) -> ChunkState {
                match self { $(Self::$one(state) => state.word(),)+ }
            }

            fn unsettled(&self) -> Option<&Unsettled> {
                match self { $(Self::$one(state) => state.unsettled(),)+ }
            }

            fn doubt(&self) -> Option<&Doubt> {
                match self { $(Self::$one(state) => state.doubt(),)+ }
            }

            fn code(&self) -> Option<&Code> {
                match self { $(Self::$one(state) => state.code(),)+ }
            }

            fn is_held(&self) -> bool {
                match self { $(Self::$one(state) => state.is_held(),)+ }
            }
        }
    };
}

one_of!(Live: First, Again, InDoubt);
one_of!(Any: Live, Answered, Returned);

macro_rules! becomes_any {
    ($($one:ty: $any:expr),+ $(,)?) => {$(
        impl From<Chunk<$one>> for Chunk {
            fn from(chunk: Chunk<$one>) -> Self {
                Chunk { facts: chunk.facts, state: $any(chunk.state) }
            }
        }
    )+};
}

becomes_any! {
    First: |state| Any::Live(Live::First(state)),
    Again: |state| Any::Live(Live::Again(state)),
    InDoubt: |state| Any::Live(Live::InDoubt(state)),
    Live: Any::Live,
    Answered: Any::Answered,
    Returned: Any::Returned,
}
