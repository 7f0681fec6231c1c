//! The one thread that writes, and those who hand it lines.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::Thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::{Semaphore, oneshot};

use crate::clock::now;
use crate::entry::Entry;
use crate::folder::{FileSystem, Folder};
use crate::key::{PublicKey, SigningKey};
use crate::line::Head;
use crate::metrics::Metrics;
use crate::recorder::{Limits, Recorder};

/// Lines that wait for the writer at the most: who has another waits.
const WAITING: usize = 16 * 1024;
/// Lines that are written at once at the most.
const AT_ONCE: usize = 4 * 1024;
/// How long a line for which nobody waits may be in memory only.
const SYNC_WITHIN: Duration = Duration::from_millis(100);
/// With fewer lines than this the writer waits for more, unless somebody waits for one of them.
const FEW: usize = 256;
/// How long it does: to wake it for each line costs whoever hands one over more than the line.
const GATHER: Duration = Duration::from_millis(5);
/// How often the writer looks at the clock.
const TICK: Duration = Duration::from_millis(500);

/// Where a log is kept, and how.
#[derive(Debug)]
pub struct Options {
    /// The folder; made if its parent is there. Only one gateway may use it.
    pub folder: PathBuf,
    /// What checkpoints are signed with.
    pub key: SigningKey,
    /// How often.
    pub limits: Limits,
}

/// What holds on a route.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouteRule {
    /// Nothing passes without a record.
    pub no_record_no_relay: bool,
    /// What the route is for.
    pub purpose: Option<String>,
}

/// An exchange could not be put on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the exchange log cannot be written: see its folder and the room on its disk")]
pub struct NotOnRecord;

impl NotOnRecord {
    /// Stable, kebab-case.
    pub fn code(&self) -> &'static str {
        "log-unavailable"
    }
}

/// Why a log could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("the exchange log in {} cannot be opened: {reason}", folder.display())]
pub struct OpenError {
    folder: PathBuf,
    reason: String,
}

/// The exchange log of a running gateway. Cheap to clone; clones write the same log.
#[derive(Clone, Default)]
pub struct ExchangeLog {
    inner: Option<Arc<Inner>>,
}

impl std::fmt::Debug for ExchangeLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExchangeLog").field("on", &self.inner.is_some()).finish_non_exhaustive()
    }
}

struct Inner {
    queue: Sender<Message>,
    writer: Thread,
    room: Arc<Semaphore>,
    /// What holds on each route.
    routes: ArcSwap<HashMap<String, RouteRule>>,
    /// Nothing is taken any more. Held while a line is handed over: none comes behind the close.
    closed: RwLock<bool>,
    state: Arc<State>,
}

/// What the writer says of itself.
struct State {
    /// The last line on the disk.
    head: Mutex<Head>,
    metrics: Metrics,
    key: PublicKey,
}

enum Message {
    Line { members: Vec<u8>, has_place: bool, done: Option<oneshot::Sender<Result<(), NotOnRecord>>> },
    Close(oneshot::Sender<()>),
}

impl ExchangeLog {
    /// Takes up the log in its folder and begins a file.
    ///
    /// # Errors
    /// When the folder cannot be had, read or written, or its last file does not begin as one of the log does.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let Options { folder, key, limits } = options;
        let wrong = |reason: String| OpenError { folder: folder.clone(), reason };
        let files = FileSystem::open(&folder).map_err(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock => wrong("another gateway uses it".to_owned()),
            _ => wrong(error.to_string()),
        })?;
        Self::over(Box::new(files), key, limits).map_err(wrong)
    }

    /// The same over files that a test brings.
    ///
    /// # Errors
    /// As [`Self::open`], in words.
    pub fn over(folder: Box<dyn Folder>, key: SigningKey, limits: Limits) -> Result<Self, String> {
        let public = key.public();
        let recorder = Recorder::open(folder, key, limits, now()).map_err(|failed| failed.to_string())?;
        let metrics = Metrics::new().map_err(|error| error.to_string())?;
        let state = Arc::new(State { head: Mutex::new(recorder.head()), metrics, key: public });
        let room = Arc::new(Semaphore::new(WAITING));
        let (queue, lines) = channel();
        let mut writer = Writer { recorder, room: Arc::clone(&room), state: Arc::clone(&state), counted: 0 };
        writer.publish();
        let thread = std::thread::Builder::new()
            .name("exchange-log".to_owned())
            .spawn(move || writer.run(&lines))
            .map_err(|error| error.to_string())?;
        Ok(Self {
            inner: Some(Arc::new(Inner {
                queue,
                writer: thread.thread().clone(),
                room,
                routes: ArcSwap::default(),
                closed: RwLock::new(false),
                state,
            })),
        })
    }

    /// Whether there is a log: else nothing is kept, and everything here succeeds.
    pub fn is_on(&self) -> bool {
        self.inner.is_some()
    }

    /// Says what holds on each route. Exchanges that begin from now on go by it.
    pub fn arrange(&self, routes: HashMap<String, RouteRule>) {
        if let Some(inner) = &self.inner {
            inner.routes.store(Arc::new(routes));
        }
    }

    /// Whether nothing passes on this route without a record.
    pub fn holds_back(&self, route: &str) -> bool {
        let rule = |inner: &Inner| inner.routes.load().get(route).is_some_and(|rule| rule.no_record_no_relay);
        self.inner.as_deref().is_some_and(rule)
    }

    /// Whether the log cannot be written now.
    pub fn is_failing(&self) -> bool {
        self.inner.as_ref().is_some_and(|inner| inner.state.metrics.failing.get() != 0)
    }

    /// Exchanges that are not on record since the process began.
    pub fn lost(&self) -> u64 {
        self.inner.as_ref().map_or(0, |inner| inner.state.metrics.lost.get())
    }

    /// The last line on the disk.
    pub fn head(&self) -> Option<Head> {
        let inner = self.inner.as_ref()?;
        Some(*inner.state.head.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The metrics, where there is a log.
    pub fn metrics(&self) -> Option<&Metrics> {
        self.inner.as_ref().map(|inner| &inner.state.metrics)
    }

    /// What checkpoints can be held against.
    pub fn public_key(&self) -> Option<PublicKey> {
        self.inner.as_ref().map(|inner| inner.state.key)
    }

    /// Puts an exchange on record before it is answered. On a route that passes nothing without a record this waits until the line
    /// is on the disk; on others, when the log is slower than the exchanges, for a place in the queue.
    ///
    /// # Errors
    /// On such a route, when the line is not on the disk.
    pub async fn record(&self, entry: &Entry<'_>) -> Result<(), NotOnRecord> {
        let must = entry.route.is_some_and(|route| self.holds_back(route));
        self.hand(entry, must).await
    }

    /// Puts on record, on the disk, that an exchange is about to begin: on a route that passes nothing without a record; on
    /// others nothing is written.
    ///
    /// # Errors
    /// When the line is not on the disk: then the exchange must not begin.
    pub async fn begin(&self, entry: &Entry<'_>) -> Result<(), NotOnRecord> {
        match entry.route {
            Some(route) if self.holds_back(route) => self.hand(entry, true).await,
            _ => Ok(()),
        }
    }

    /// Puts an exchange on record that has ended, whatever its route says: nothing can be held back any more.
    pub async fn add(&self, entry: &Entry<'_>) {
        // A log that is closed takes nothing more; what cannot be written is counted.
        let _ = self.hand(entry, false).await;
    }

    /// Puts an exchange on record that was broken off: nobody can wait for that any more.
    pub fn leave(&self, entry: &Entry<'_>) {
        if let Some(inner) = &self.inner {
            let line = Message::Line { members: inner.members(entry), has_place: false, done: None };
            // As above.
            let _ = inner.send(line);
        }
    }

    /// Waits until everything that was handed over is on the disk, and ends the log. Nothing is written after that: what comes beside the
    /// close is on the disk, too, or is counted as lost.
    pub async fn close(&self) {
        if let Some(inner) = &self.inner {
            *inner.closed.write().unwrap_or_else(PoisonError::into_inner) = true;
            let (done, closed) = oneshot::channel();
            if inner.queue.send(Message::Close(done)).is_ok() {
                inner.writer.unpark();
                let _ = closed.await;
            }
        }
    }

    async fn hand(&self, entry: &Entry<'_>, wait: bool) -> Result<(), NotOnRecord> {
        let Some(inner) = &self.inner else { return Ok(()) };
        let members = inner.members(entry);
        // The semaphore is never closed.
        if let Ok(place) = inner.room.acquire().await {
            place.forget();
        }
        let (done, written) = if wait { Some(oneshot::channel()).unzip() } else { (None, None) };
        let handed = inner.send(Message::Line { members, has_place: true, done });
        if handed.is_err() {
            inner.room.add_permits(1);
        }
        handed?;
        match written {
            Some(written) => {
                inner.writer.unpark();
                written.await.unwrap_or(Err(NotOnRecord))
            }
            None => Ok(()),
        }
    }
}

impl Inner {
    /// Hands a line over, or counts it as lost where nobody is there to write it.
    fn send(&self, line: Message) -> Result<(), NotOnRecord> {
        let closed = self.closed.read().unwrap_or_else(PoisonError::into_inner);
        if *closed || self.queue.send(line).is_err() {
            self.state.metrics.lost.inc();
            return Err(NotOnRecord);
        }
        Ok(())
    }

    /// The line, with what its route is for.
    fn members(&self, entry: &Entry<'_>) -> Vec<u8> {
        let routes = self.routes.load();
        let rule = entry.route.and_then(|route| routes.get(route));
        let purpose = entry.purpose.or(rule.and_then(|rule| rule.purpose.as_deref()));
        Entry { purpose, ..*entry }.members()
    }
}

/// The thread that writes.
struct Writer {
    recorder: Recorder,
    room: Arc<Semaphore>,
    state: Arc<State>,
    /// Lost lines that are counted.
    counted: u64,
}

/// Lines that are written together.
#[derive(Default)]
struct Batch {
    lines: Vec<Vec<u8>>,
    places: usize,
    waiting: Vec<oneshot::Sender<Result<(), NotOnRecord>>>,
    closing: Option<oneshot::Sender<()>>,
}

impl Batch {
    fn take(&mut self, message: Message) {
        match message {
            Message::Line { members, has_place, done } => {
                self.lines.push(members);
                self.places += usize::from(has_place);
                self.waiting.extend(done);
            }
            Message::Close(done) => self.closing = Some(done),
        }
    }

    /// Takes what is there, up to a batch.
    fn fill(&mut self, queue: &Receiver<Message>) {
        while self.lines.len() < AT_ONCE && self.closing.is_none() {
            match queue.try_recv() {
                Ok(message) => self.take(message),
                Err(_) => return,
            }
        }
    }

    /// Whether it can wait for more lines.
    fn can_wait(&self) -> bool {
        (1..FEW).contains(&self.lines.len()) && self.waiting.is_empty() && self.closing.is_none()
    }
}

impl Writer {
    fn run(mut self, queue: &Receiver<Message>) {
        let mut batch = Batch::default();
        let mut dirty: Option<Instant> = None;
        loop {
            let patience = dirty.map_or(TICK, |since| SYNC_WITHIN.saturating_sub(since.elapsed()));
            let abandoned = match queue.recv_timeout(patience) {
                Ok(message) => {
                    batch.take(message);
                    false
                }
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => true,
            };
            batch.fill(queue);
            if batch.can_wait() && !abandoned {
                // Whoever waits for a line wakes it.
                std::thread::park_timeout(GATHER);
                batch.fill(queue);
            }
            self.room.add_permits(std::mem::take(&mut batch.places));
            let ending = abandoned || batch.closing.is_some();
            self.write(&mut batch, &mut dirty, ending);
            if ending {
                if let Err(failed) = self.recorder.close(now()) {
                    tracing::error!(%failed, "the exchange log could not be closed");
                }
                self.publish();
                if let Some(done) = batch.closing.take() {
                    let _ = done.send(());
                }
                return;
            }
        }
    }

    fn write(&mut self, batch: &mut Batch, dirty: &mut Option<Instant>, ending: bool) {
        let was_failing = self.recorder.is_failing();
        let mut outcome = Ok(());
        if !batch.lines.is_empty() {
            self.state.metrics.lines.inc_by(batch.lines.len() as u64);
            outcome = self.recorder.write(batch.lines.iter().map(Vec::as_slice), now());
            dirty.get_or_insert_with(Instant::now);
            batch.lines.clear();
        }
        if outcome.is_ok() {
            outcome = self.recorder.tick(now());
        }
        let due = dirty.is_some_and(|since| since.elapsed() >= SYNC_WITHIN);
        if outcome.is_ok() && dirty.is_some() && (due || ending || !batch.waiting.is_empty()) {
            outcome = self.recorder.sync(now());
            self.state.metrics.syncs.inc();
            *dirty = None;
        }
        if self.recorder.is_failing() {
            *dirty = None;
        }
        match (&outcome, was_failing) {
            (Err(failed), false) => tracing::error!(%failed, "exchanges are not on record"),
            (Ok(()), true) => tracing::warn!(lost = self.recorder.lost(), "exchanges are on record again"),
            _ => {}
        }
        let synced = dirty.is_none() && !self.recorder.is_failing();
        if synced || outcome.is_err() {
            self.publish();
        }
        let said = outcome.map_err(|_| NotOnRecord);
        for waiting in batch.waiting.drain(..) {
            let _ = waiting.send(said);
        }
    }

    /// Shows how the log stands; called when all that was written is on the disk, or nothing can be.
    fn publish(&mut self) {
        let metrics = &self.state.metrics;
        let failing = self.recorder.is_failing();
        metrics.failing.set(i64::from(failing));
        if !failing {
            let head = self.recorder.head();
            *self.state.head.lock().unwrap_or_else(PoisonError::into_inner) = head;
            metrics.head.set(i64::try_from(head.line).unwrap_or(i64::MAX));
            metrics.file.set(i64::try_from(self.recorder.file()).unwrap_or(i64::MAX));
        }
        let lost = self.recorder.lost();
        metrics.lost.inc_by(lost - std::mem::replace(&mut self.counted, lost));
    }
}
