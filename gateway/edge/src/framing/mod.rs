//! A filter between the socket and hyper that lets only unambiguous HTTP/1 framing through.
//!
//! hyper is lenient where a boundary must not be (it drops a `Content-Length` that stands beside a
//! `Transfer-Encoding`, and the application cannot see it), so every head is vetted here first, and chunk framing
//! is checked byte by byte. hyper sees nothing of a head before it has passed.
//!
//! A head that fails is replaced by a synthetic request for [`REFUSED_PREFIX`] followed by the end of the stream:
//! the service behind answers it like any other refusal, and the connection closes. A head in absolute form reaches
//! hyper in origin form.
mod chunked;
mod head;
mod target;
#[cfg(test)]
mod tests;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use self::chunked::ChunkScanner;
use self::head::{BodyFraming, vet, vet_begun};
pub use self::head::{HeadLimits, HeadRefusal};
pub use self::target::OwnHosts;

/// Path prefix of the synthetic request that stands for a refused head; the refusal's code follows, and its limit as
/// the query where it has one.
pub const REFUSED_PREFIX: &str = "/.refused/";

/// How long a peer may leave an answer untaken, where nothing else is said.
pub(crate) const WRITE_STALL: Duration = Duration::from_secs(60);

/// A chunked body whose framing is broken (RFC 9112 §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the chunked framing of the request body is broken at its byte {byte}")]
pub struct BrokenChunk {
    /// At which byte of the body as it is framed, from 0.
    pub byte: u64,
}

/// An inbound byte stream whose HTTP/1 framing has been checked.
#[derive(Debug)]
pub struct Framing<S> {
    inner: S,
    limits: HeadLimits,
    hosts: OwnHosts,
    /// How long a whole head may take from its first byte, and how long none may begin.
    head_timeout: Duration,
    /// Runs while a head is waited for.
    waiting: Option<Pin<Box<Sleep>>>,
    state: State,
    /// Bytes read from the socket that belong to a head not yet vetted.
    pending: Vec<u8>,
    /// Vetted bytes that hyper has not taken yet, from `taken` on.
    vetted: Vec<u8>,
    taken: usize,
    /// How long the peer may take nothing of an answer.
    write_stall: Duration,
    /// Runs while it takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
enum State {
    Head,
    Length(u64),
    Chunked(ChunkScanner),
    /// A head was refused: nothing more of this connection is looked at.
    Ended,
    /// No head began in time.
    Deserted,
}

impl<S> Framing<S> {
    /// Wraps a freshly accepted stream. `head_timeout` is how long a head may take from its first byte, and how long
    /// none may begin.
    pub fn new(inner: S, limits: HeadLimits, head_timeout: Duration, hosts: OwnHosts) -> Self {
        Self {
            inner,
            limits,
            hosts,
            head_timeout,
            waiting: None,
            state: State::Head,
            pending: Vec::new(),
            vetted: Vec::new(),
            taken: 0,
            write_stall: WRITE_STALL,
            stalled: None,
        }
    }

    /// Gives a peer so long to take something of its answer.
    pub fn with_write_stall(self, write_stall: Duration) -> Self {
        Self { write_stall, ..self }
    }

    /// Whether bytes of a request that was not read to its end have come, or may still be on their way.
    pub fn is_amid_body(&self) -> bool {
        !matches!(self.state, State::Head | State::Deserted)
            || !self.pending.is_empty()
            || self.taken < self.vetted.len()
    }

    /// The stream beneath, for the lingering close.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// Turns a write that waits too long into an error.
    fn unless_stalled<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let write_stall = self.write_stall;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(write_stall)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer takes nothing of its answer")))
    }

    fn refuse(&mut self, refusal: HeadRefusal) {
        let limit = match refusal {
            HeadRefusal::HeadTooLarge => Some(self.limits.bytes as u64),
            HeadRefusal::TooManyFields => Some(self.limits.fields as u64),
            HeadRefusal::TargetTooLong => Some(head::TARGET_BYTES as u64),
            HeadRefusal::HeadTooSlow => Some(self.head_timeout.as_secs().max(1)),
            _ => None,
        };
        let limit = limit.map(|limit| format!("?{limit}")).unwrap_or_default();
        self.pending = Vec::new();
        self.vetted = format!(
            "GET {REFUSED_PREFIX}{}{limit} HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n",
            refusal.code()
        )
        .into_bytes();
        self.taken = 0;
        self.state = State::Ended;
    }

    /// Looks for a whole head in `pending`; moves it to `vetted` when it passes.
    fn vet_pending(&mut self) {
        // RFC 9112 §2.2: a server should ignore at least one empty line before a request line.
        if self.pending.starts_with(b"\r\n") {
            self.pending.drain(..2);
        }
        let Some(end) = memchr::memmem::find(&self.pending, b"\r\n\r\n") else {
            if let Err(refusal) = vet_begun(&self.pending, &self.limits) {
                self.refuse(refusal);
            }
            return;
        };
        let end = end + 4;
        match vet(&self.pending[..end], &self.limits, &self.hosts) {
            Err(refusal) => self.refuse(refusal),
            Ok(head) => {
                self.waiting = None;
                self.taken = 0;
                let rest = self.pending.split_off(end);
                let came = std::mem::take(&mut self.pending);
                self.vetted = head.rewritten.unwrap_or(came);
                self.state = match head.body {
                    BodyFraming::None => State::Head,
                    BodyFraming::Length(n) => State::Length(n),
                    BodyFraming::Chunked => State::Chunked(ChunkScanner::new()),
                };
                self.after_head(rest);
            }
        }
    }

    /// Ends the wait for a head that takes too long; `Pending` while there is time.
    fn unless_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timeout = self.head_timeout;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(timeout)));
        ready!(waiting.as_mut().poll(cx));
        self.waiting = None;
        if self.pending.is_empty() {
            self.state = State::Deserted;
        } else {
            self.refuse(HeadRefusal::HeadTooSlow);
        }
        Poll::Ready(())
    }

    /// Sorts bytes that came in one read with the head: body bytes are vetted, the rest waits.
    fn after_head(&mut self, rest: Vec<u8>) {
        let body = match &mut self.state {
            State::Head | State::Ended | State::Deserted => 0,
            State::Length(left) => {
                let n = rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= n as u64;
                n
            }
            // Bad bytes stay behind as pending, so that the error surfaces at the next read.
            State::Chunked(scanner) => scanner.scan(&rest).unwrap_or_default(),
        };
        self.vetted.extend_from_slice(&rest[..body]);
        self.pending.extend_from_slice(&rest[body..]);
        self.settle();
    }

    /// Goes back to looking for a head once a body has ended.
    fn settle(&mut self) {
        match &self.state {
            State::Length(0) => self.state = State::Head,
            State::Chunked(scanner) if scanner.is_done() => self.state = State::Head,
            _ => {}
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Framing<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.taken < this.vetted.len() {
                let n = buf.remaining().min(this.vetted.len() - this.taken);
                buf.put_slice(&this.vetted[this.taken..this.taken + n]);
                this.taken += n;
                if this.taken == this.vetted.len() {
                    this.vetted.clear();
                    this.taken = 0;
                }
                return Poll::Ready(Ok(()));
            }
            match &mut this.state {
                State::Ended | State::Deserted => return Poll::Ready(Ok(())),
                State::Head => {
                    if !this.pending.is_empty() {
                        this.vet_pending();
                        if this.taken < this.vetted.len() || matches!(this.state, State::Ended) {
                            continue;
                        }
                    }
                    let mut chunk = [0u8; 4096];
                    let mut read = ReadBuf::new(&mut chunk);
                    match Pin::new(&mut this.inner).poll_read(cx, &mut read) {
                        Poll::Ready(came) => came?,
                        Poll::Pending => {
                            ready!(this.unless_late(cx));
                            continue;
                        }
                    }
                    if read.filled().is_empty() {
                        return Poll::Ready(Ok(())); // the peer closed between requests, or within a head
                    }
                    if this.pending.is_empty() {
                        this.waiting = None; // from its first byte on, a head has its own time
                    }
                    this.pending.extend_from_slice(read.filled());
                    this.vet_pending();
                }
                State::Length(left) => {
                    let want = usize::try_from(*left).unwrap_or(usize::MAX).min(buf.remaining());
                    // The buffer is zeroed once: the price of reading into a part of it without unsafe code.
                    let mut part = ReadBuf::new(buf.initialize_unfilled_to(want));
                    ready!(Pin::new(&mut this.inner).poll_read(cx, &mut part))?;
                    let n = part.filled().len();
                    buf.advance(n);
                    *left -= n as u64;
                    this.settle();
                    return Poll::Ready(Ok(()));
                }
                State::Chunked(scanner) => {
                    if !this.pending.is_empty() {
                        // Only a broken chunk leaves bytes behind while the body goes on.
                        let broken = scanner.broken();
                        return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, broken)));
                    }
                    let start = buf.filled().len();
                    ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
                    let fresh = &buf.filled()[start..];
                    if fresh.is_empty() {
                        return Poll::Ready(Ok(()));
                    }
                    let n = match scanner.scan(fresh) {
                        Ok(n) => n,
                        Err(broken) => {
                            // With an error nothing counts as read.
                            buf.set_filled(start);
                            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, broken)));
                        }
                    };
                    if n < fresh.len() {
                        this.pending = fresh[n..].to_vec();
                        buf.set_filled(start + n);
                    }
                    this.settle();
                    if n > 0 {
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Framing<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write(cx, data);
        this.unless_stalled(written, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write_vectored(cx, bufs);
        this.unless_stalled(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // TLS takes a short answer at once and sends it here: what waits may wait here, too.
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.inner).poll_flush(cx);
        this.unless_stalled(flushed, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}
