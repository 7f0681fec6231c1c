//! Bugs planted on purpose, one at a time, to show that the simulation finds them. Only the feature `planted` compiles this and
//! the places that ask for it; no other crate than `xtask/simulation` turns it on, and a release build with it does not compile.

use std::cell::Cell;

#[cfg(not(debug_assertions))]
compile_error!("the feature `planted` is for tests: a release build must not have it");

/// What can be planted, in journal and delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A segment or an index is not synced.
    FileNotSynced,
    /// A folder's names are not synced.
    FolderNotSynced,
    /// Beyond the end of a segment positions are off by one.
    SegmentEndOffByOne,
    /// Whoever writes is taken for the owner.
    EpochIgnored,
    /// At a take-over, what was in flight is taken for not sent.
    TakenOverAsAbsent,
    /// Recovery removes the payload of a batch that was accepted.
    RecoveryRemovesAccepted,
    /// A record that an answer names is counted as delivered, too.
    CountedTwice,
    /// What is in flight expires with what is pending.
    InFlightExpires,
    /// A chunk in doubt is repeated although a repeat does harm.
    RepeatedWithoutProof,
    /// A cut is taken for a refusal.
    CutAsAbsent,
    /// A chunk is written down as delivered when it is sent.
    OutcomeBeforeAnswer,
    /// A chunk is sent before it is written down.
    SentBeforeWritten,
    /// Batches of an ordered route go side by side.
    OrderIgnored,
    /// An outcome that the ledger could not take is not offered again.
    OutcomeDropped,
    /// A job that did nothing speaks for those before it that were given the same records.
    OneJobSpeaksForAll,
    /// On an ordered route, what may still be at work in the cloud is not waited for.
    WorkNotWaitedFor,
    /// A record with several rows is taken for delivered when some of them are.
    PartForAll,
    /// A record of which some rows were taken is pending again.
    PartReturned,
    /// What was asked of the upstream is forgotten at a restart.
    QuotaForgotten,
    /// A chunk's rows are not held to what is left of the day's.
    RowsNotCounted,
    /// Payloads are removed before their time.
    PayloadTooEarly,
    /// Receipts are removed before their time.
    ReceiptTooEarly,
    /// Records with one key pass each other within a batch.
    DuplicatesPass,
    /// The first record with a key takes the place of the others.
    FirstWins,
    /// A SOAP answer that is cut off is taken for what it says until then.
    CutTakenForWhole,
    /// A row that an answer does not name counts as taken.
    SilenceTakenForYes,
    /// A payload whose release the ledger did not confirm is forgotten.
    ReleasedForgotten,
    /// A bulk job counts as one call.
    JobTakenForOneCall,
    /// What nobody can know yet is given to the operator at once.
    WindowIgnored,
    /// What is in doubt in another batch holds no record with its key back.
    DoubtPassed,
    /// The key of an encrypted batch stays when its payload goes.
    KeyOutlivesBatch,
    /// A record of which the cloud said nothing has no result in the answer.
    SilenceLeftOut,
    /// What the cloud said of a record stands in the answer, whatever its outcome is.
    WordsAgainstOutcome,
    /// A key that is not there at the first look is taken for never sent.
    FirstLookBelieved,
    /// A question by key that broke off is taken for one that was asked to its end.
    BrokenLookBelieved,
    /// A record of which some rows are there is sent again.
    PartThereSentAgain,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 36] = [
        Self::FileNotSynced,
        Self::FolderNotSynced,
        Self::SegmentEndOffByOne,
        Self::EpochIgnored,
        Self::TakenOverAsAbsent,
        Self::RecoveryRemovesAccepted,
        Self::CountedTwice,
        Self::InFlightExpires,
        Self::RepeatedWithoutProof,
        Self::CutAsAbsent,
        Self::OutcomeBeforeAnswer,
        Self::SentBeforeWritten,
        Self::OrderIgnored,
        Self::OutcomeDropped,
        Self::OneJobSpeaksForAll,
        Self::WorkNotWaitedFor,
        Self::PartForAll,
        Self::PartReturned,
        Self::QuotaForgotten,
        Self::RowsNotCounted,
        Self::PayloadTooEarly,
        Self::ReceiptTooEarly,
        Self::DuplicatesPass,
        Self::FirstWins,
        Self::CutTakenForWhole,
        Self::SilenceTakenForYes,
        Self::ReleasedForgotten,
        Self::JobTakenForOneCall,
        Self::WindowIgnored,
        Self::DoubtPassed,
        Self::KeyOutlivesBatch,
        Self::SilenceLeftOut,
        Self::WordsAgainstOutcome,
        Self::FirstLookBelieved,
        Self::BrokenLookBelieved,
        Self::PartThereSentAgain,
    ];
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Plants a bug in what this thread does from now on, or none.
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// Whether this bug is planted.
pub fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}
