//! Every call is on record: who asked for it, how much went out and came back, and how it ended.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{Method, Request, StatusCode};
use sekisho_exchanges::{Direction, Entry, ExchangeLog, Kind, Tally, now};
use uuid::Uuid;

use crate::body::Body;
use crate::error::{Sent, UpstreamError};

/// What a call is for. Goes into the extensions of its request; names come from the configuration.
#[derive(Clone, Debug, Default)]
pub struct Note {
    /// What is done: a word of the program's own.
    pub operation: &'static str,
    /// The route that it is done for.
    pub route: Option<String>,
    /// The client that it is done for.
    pub client: Option<String>,
    /// The request on the way in that it belongs to.
    pub within: Option<Uuid>,
    /// The batch that it belongs to.
    pub batch: Option<Uuid>,
    /// The chunk of the batch.
    pub chunk: Option<u64>,
}

impl Note {
    /// A note for a call that belongs to no route.
    pub fn of(operation: &'static str) -> Self {
        Self { operation, ..Self::default() }
    }
}

/// Where calls of one upstream are put on record.
#[derive(Clone, Debug)]
pub(crate) struct Recording {
    pub(crate) log: ExchangeLog,
    pub(crate) upstream: Arc<str>,
}

/// A call, until it is on record: at its end, or when it is dropped.
pub(crate) struct Call {
    recording: Recording,
    note: Note,
    id: Uuid,
    method: Method,
    began: u64,
    pub(crate) address: Option<SocketAddr>,
    sent: Arc<Tally>,
    status: Option<StatusCode>,
    received: u64,
    recorded: bool,
}

impl Call {
    /// A call that is about to be made; on a route that passes nothing without a record, that is on the disk when this returns.
    pub(crate) async fn begin(
        recording: &Recording,
        request: &mut Request<Body>,
    ) -> Result<Self, UpstreamError> {
        let note = request.extensions_mut().remove::<Note>().unwrap_or_else(|| Note::of("call"));
        let mut call = Self {
            recording: recording.clone(),
            note,
            id: Uuid::now_v7(),
            method: request.method().clone(),
            began: now(),
            address: None,
            sent: request.body_mut().tallied(),
            status: None,
            received: 0,
            // What did not begin is nothing to record.
            recorded: true,
        };
        let begun = call.recording.log.begin(&call.entry(Kind::Begun)).await;
        begun.map_err(|_| UpstreamError::NotRecorded)?;
        call.recorded = false;
        Ok(call)
    }

    /// The head of the answer is there.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// A piece of it is.
    pub(crate) fn received(&mut self, bytes: usize) {
        self.received += bytes as u64;
    }

    /// The answer was read to its end.
    pub(crate) async fn ended(mut self) {
        self.recorded = true;
        let entry = Entry { outcome: Some("answered"), ..self.entry(Kind::Exchange) };
        self.recording.log.add(&entry).await;
    }

    /// There was no answer, or not to its end.
    pub(crate) async fn failed(mut self, error: &UpstreamError) {
        self.recorded = true;
        let outcome = match error.outcome() {
            Sent::No => "not-sent",
            Sent::Unknown => "unknown",
        };
        let entry = Entry { outcome: Some(outcome), code: Some(error.code()), ..self.entry(Kind::Exchange) };
        self.recording.log.add(&entry).await;
    }

    fn entry(&self, kind: Kind) -> Entry<'_> {
        let note = &self.note;
        let (bytes, digest) = self.sent.sum();
        let over = kind == Kind::Exchange;
        Entry {
            within: note.within,
            ended: over.then(now),
            client: note.client.as_deref(),
            address: self.address,
            route: note.route.as_deref(),
            upstream: Some(&self.recording.upstream),
            method: Some(Entry::method(self.method.as_str())),
            operation: Some(note.operation),
            batch: note.batch,
            chunk: note.chunk,
            bytes_in: over.then_some(self.received),
            bytes_out: over.then_some(bytes),
            digest: digest.filter(|_| over),
            status: self.status.map(|status| status.as_u16()),
            ..Entry::new(kind, Direction::Out, self.id, self.began)
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.recorded {
            let entry = Entry { outcome: Some("broken-off"), ..self.entry(Kind::Exchange) };
            self.recording.log.leave(&entry);
        }
    }
}
