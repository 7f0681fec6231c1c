//! What the dispatcher asks for, and what it is told.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use sekisho_journal::{
    BatchId, BatchState, BatchView, CallName, Code, Digest, Epoch, Event, KeyOrder, Spool, SpoolError,
    SpoolReader,
};
use sekisho_upstream::Endpoint;

use crate::bulk2::JobCourse;
use crate::chunk::End;
use crate::dialect::Asked;
use crate::encode::{self, Bounds, EncodeError, Measured, RowSource};
use crate::find::KeySearch;
use crate::plan::{CompiledPlan, Plan};

/// A point in time on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Since the dispatcher began, monotonic: what waits, paces and the breaker go by.
    pub clock: Duration,
    /// Unix milliseconds: what is written down, and what batches expire by.
    pub wall: u64,
}

/// What is to be done next. After all but `Send`, `Keep` and `Sleep` the next call is [`super::Dispatcher::answer`].
#[derive(Debug)]
pub enum Command {
    /// Read which batches are open: answered by [`Answer::Batches`].
    List,
    /// Read a plan: answered by [`Answer::Plan`].
    Plan(Digest),
    /// Read what a pace has learnt, kept under this name: answered by [`Answer::Memory`].
    Recall(String),
    /// Read a batch's state: answered by [`Answer::State`].
    Load(BatchId),
    /// Let these events happen at this time (unix milliseconds), all or none: answered by [`Answer::Written`],
    /// [`Answer::Illegal`] or [`Answer::Failed`].
    Write {
        /// To which batch.
        batch: BatchId,
        /// When.
        at: u64,
        /// What, in this order.
        events: Vec<Event>,
    },
    /// Read the records of the next chunk: answered by [`Answer::Measured`] or [`Answer::Unreadable`].
    Measure(Reading),
    /// Find out how far the records reach that cannot be read: answered by [`Answer::Run`].
    Probe {
        /// Of which batch.
        batch: BatchId,
        /// Where to look; its first record cannot be read.
        within: Range<u64>,
    },
    /// Find out which records of a batch must not overtake which: of its own, or of a batch that was accepted earlier.
    /// Answered by [`Answer::Order`] or [`Answer::Unreadable`].
    Order {
        /// Of which batch.
        batch: BatchId,
        /// The earlier one; none: the batch itself.
        after: Option<BatchId>,
    },
    /// Read which chunks in doubt were given back before: answered by [`Answer::GivenBack`].
    GivenBack(BatchId),
    /// Find out the digest of the records that were delivered, of a batch whose records all have their outcome: answered by
    /// [`Answer::Digest`].
    Digest(BatchId),
    /// Send a chunk, or ask for one, beside everything else. [`super::Dispatcher::ended`] says how it ended.
    Send(Sending),
    /// Keep what was asked of the upstream, what is sent next among it: it is not sent before that is kept. Answered by
    /// [`Answer::Written`] or [`Answer::Failed`].
    Count {
        /// Under which name.
        name: String,
        /// What, as JSON.
        memory: String,
    },
    /// Keep what a pace has learnt. Of no use when it fails.
    Keep {
        /// Under which name.
        name: String,
        /// What, as JSON.
        memory: String,
    },
    /// Nothing to do until this time (monotonic), or until something ends or changes.
    Sleep(Option<Duration>),
}

/// What became of a command.
#[derive(Debug)]
pub enum Answer {
    /// Batches that are not finished, the first accepted first.
    Batches(Vec<BatchView>),
    /// A plan's JSON, if there is one.
    Plan(Option<String>),
    /// What a pace has learnt, if anything was kept.
    Memory(Option<String>),
    /// A batch's state, if there is one.
    State(Option<BatchState>),
    /// The events have happened, and will have after any crash.
    Written,
    /// An event may not happen now; none has.
    Illegal,
    /// The ledger fails; the events may have happened or not.
    Failed,
    /// What the next chunk holds.
    Measured(Measured),
    /// The spool cannot give the records.
    Unreadable {
        /// Why.
        code: Code,
        /// They will not read better by themselves.
        lasting: bool,
    },
    /// The records that cannot be read.
    Run(Range<u64>),
    /// Which records wait for which.
    Order(KeyOrder),
    /// Chunks in their order: first record, how many, and why they were given back.
    GivenBack(Vec<(u64, u64, Code)>),
    /// The digest; none where the payload cannot be read.
    Digest(Option<Digest>),
}

/// Records to be looked at, to see how many of them make a chunk.
pub struct Reading {
    pub(crate) batch: BatchId,
    pub(crate) plan: Arc<CompiledPlan>,
    pub(crate) within: Range<u64>,
    pub(crate) bounds: Bounds,
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Reading");
        shown.field("batch", &self.batch).field("within", &self.within).field("bounds", &self.bounds);
        shown.finish_non_exhaustive()
    }
}

impl Reading {
    /// The batch whose records they are.
    pub fn batch(&self) -> BatchId {
        self.batch
    }

    /// Position of the first.
    pub(crate) fn first(&self) -> u64 {
        self.within.start
    }

    /// Reads and maps them (blocking).
    pub(crate) fn measured(self, reader: &SpoolReader) -> Result<Measured, EncodeError> {
        encode::measure(reader, &self.plan.mapper, &self.plan.dialect, self.within, self.bounds)
    }

    /// The answer to [`Command::Measure`] (blocking).
    pub fn measure(self, reader: &SpoolReader) -> Answer {
        match self.measured(reader) {
            Ok(measured) => Answer::Measured(measured),
            Err(error) => Answer::unreadable(&error),
        }
    }
}

impl Answer {
    /// The answer to [`Command::Order`] (blocking). `batch` and `after` are readers, or why there is none.
    pub fn order(
        batch: Result<SpoolReader, SpoolError>,
        after: Option<Result<SpoolReader, SpoolError>>,
    ) -> Self {
        order(batch, after).map_or_else(|error| Self::unreadable(&error.into()), Self::Order)
    }

    pub(crate) fn unreadable(error: &EncodeError) -> Self {
        Self::Unreadable { code: Code::new(error.code()), lasting: error.is_lasting() }
    }
}

fn order(
    batch: Result<SpoolReader, SpoolError>,
    after: Option<Result<SpoolReader, SpoolError>>,
) -> Result<KeyOrder, SpoolError> {
    match after {
        Some(earlier) => KeyOrder::between(&earlier?, &batch?),
        None => KeyOrder::within(&batch?),
    }
}

/// Names a chunk under way among all that the dispatcher has ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub(crate) u64);

/// A chunk to be sent, or to be asked for.
pub struct Sending {
    pub(crate) task: TaskId,
    pub(crate) batch: BatchId,
    pub(crate) chunk: u64,
    pub(crate) plan: Arc<CompiledPlan>,
    pub(crate) measured: Arc<Measured>,
    pub(crate) ask: Option<Question>,
}

/// How an upstream is asked what became of a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// By the handle of the job that the chunk went as.
    Job(String),
    /// By the keys of its rows.
    Keys,
}

impl Question {
    pub(crate) fn job(&self) -> Option<String> {
        match self {
            Self::Job(handle) => Some(handle.clone()),
            Self::Keys => None,
        }
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Sending");
        shown.field("task", &self.task).field("batch", &self.batch).field("chunk", &self.chunk);
        shown.field("records", &self.measured.records).field("ask", &self.ask).finish_non_exhaustive()
    }
}

impl Sending {
    /// By which its end is told.
    pub fn task(&self) -> TaskId {
        self.task
    }

    /// Its batch.
    pub fn batch(&self) -> BatchId {
        self.batch
    }

    /// Its number in the batch.
    pub fn chunk(&self) -> u64 {
        self.chunk
    }

    /// Positions of the records that go.
    pub fn records(&self) -> Range<u64> {
        self.measured.records.clone()
    }

    /// The batch's plan.
    pub fn plan(&self) -> &Plan {
        &self.plan.plan
    }

    /// Nothing is to be sent: the upstream is to be asked in this way what became of the chunk.
    pub fn ask(&self) -> Option<&Question> {
        self.ask.as_ref()
    }

    /// The whole body of the request to `endpoint`, for dialects that need one request for a chunk (blocking; the shell
    /// streams it instead).
    ///
    /// # Errors
    /// The plan's dialect cannot write it, or the spool cannot give the records: the code of either.
    pub fn body(&self, endpoint: &Endpoint, reader: &SpoolReader) -> Result<Vec<u8>, &'static str> {
        let batch = self.batch.to_string();
        let message = format!("urn:sekisho:call:{batch}:{}:{}", self.chunk, self.task.0);
        let call = self.plan.dialect.call(endpoint, &batch, self.chunk, &message, None);
        let call = call.map_err(|error| error.code())?;
        let source = RowSource { reader: reader.clone(), plan: Arc::clone(&self.plan) };
        let mut body = Vec::new();
        let written = encode::write(&source, self.measured.records.clone(), call.framing, |piece| {
            body.extend_from_slice(&piece);
            true
        });
        written.map(|()| body).map_err(|error| error.code())
    }

    /// The job that the chunk goes as, or that is asked for, in dialects that have jobs.
    pub fn job(&self) -> Option<JobCourse> {
        let spec = self.plan.dialect.bulk2()?;
        let ask = self.ask.as_ref().and_then(Question::job);
        Some(JobCourse::new(Arc::clone(&self.plan), spec, Arc::clone(&self.measured), ask))
    }

    /// The search for the chunk's rows, where it is to be asked for by key.
    pub fn search(&self) -> Option<KeySearch> {
        let by_keys = self.ask == Some(Question::Keys);
        let chunk = || Arc::clone(&self.measured);
        by_keys.then(|| KeySearch::new(Arc::clone(&self.plan), chunk(), self.batch.to_string(), self.chunk))
    }

    /// What an answer to that request means; what it says of each row is kept in `spool` where a client awaits that (blocking), as
    /// an owner of `epoch` does. What cannot be kept is told otherwise, and the outcome counts for more.
    pub fn hear(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        spool: &Spool,
        epoch: Epoch,
    ) -> End {
        let keep = self.plan.plan.answer.is_some();
        let asked = Asked { message: None, keep };
        let (verdict, results) = self.plan.dialect.heard(status, headers, body, &self.measured, asked);
        if !results.is_empty() {
            let call = CallName { chunk: self.chunk, epoch, call: self.task.0 };
            if let Err(error) = spool.keep_results(self.batch, call, results) {
                tracing::error!(batch = %self.batch, code = error.code(), %error, "what the upstream said of rows could not be kept");
            }
        }
        End::Answered(verdict)
    }
}

/// What has come about, for those who count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// A chunk has ended.
    ChunkEnded {
        /// Of which route.
        route: String,
        /// How, in a word.
        end: &'static str,
        /// After what time.
        took: Duration,
    },
    /// Records have got an outcome.
    Records {
        /// Of which route.
        route: String,
        /// Which, in a word.
        outcome: &'static str,
        /// How many.
        count: u64,
    },
    /// Every record of a batch has its outcome.
    BatchFinished {
        /// Of which route.
        route: String,
    },
}
