//! Asks an upstream by key what became of a chunk. Nothing but an answer about every row says anything of the chunk: what is refused,
//! cut or cannot be sent leaves it in doubt.

use std::ops::Range;
use std::sync::Arc;

use http::{HeaderMap, Request, StatusCode};
use sekisho_journal::{SpoolError, SpoolReader};
use sekisho_records::{Cell, RowBuf};
use sekisho_upstream::{Body, Endpoint, UpstreamError};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::chunk::{End, Outgoing, authorize};
use crate::dialect::{Finder, RowResult, Verdict};
use crate::encode::{self, EncodeError, Measured, RowSource};
use crate::plan::CompiledPlan;

/// Bytes of keys that are asked for at once, but for one key.
const MOST_BYTES: usize = 256 * 1024;

/// Keys that are asked for in one call.
pub struct KeyPart {
    /// Which rows of the chunk they are of.
    rows: Range<u64>,
    /// As they stand in the call.
    keys: Vec<u8>,
}

/// The course of a question by key, pure: calls out, answers in. Who carries it out reads the keys and makes the calls, and a call
/// that comes to nothing is the end of it.
pub struct KeySearch {
    plan: Arc<CompiledPlan>,
    chunk: Arc<Measured>,
    batch: String,
    number: u64,
    /// The rows that are there, as far as was asked.
    found: Vec<RowResult>,
}

impl KeySearch {
    pub(crate) fn new(plan: Arc<CompiledPlan>, chunk: Arc<Measured>, batch: String, number: u64) -> Self {
        Self { plan, chunk, batch, number, found: Vec::new() }
    }

    /// The keys of the chunk's rows, all of them, in parts that one call asks for (blocking; the shell asks while it reads).
    ///
    /// # Errors
    /// The spool cannot give them, or they cannot be asked for: the code of either.
    pub fn parts(&self, reader: &SpoolReader) -> Result<Vec<KeyPart>, &'static str> {
        let source = RowSource { reader: reader.clone(), plan: Arc::clone(&self.plan) };
        let mut parts = Vec::new();
        read(&source, self.chunk.records.clone(), |part| {
            parts.push(part);
            true
        })
        .map_err(|Unaskable(code)| code)?;
        Ok(parts)
    }

    /// The call to `endpoint` that asks for these keys, and its body. `message` is a name that no other call has.
    ///
    /// # Errors
    /// It cannot be made: the end of the search, for [`KeySearch::broke_off`].
    pub fn call(
        &self,
        endpoint: &Endpoint,
        message: &str,
        part: &KeyPart,
    ) -> Result<(Request<()>, Vec<u8>), End> {
        let call = self.finder()?.call(endpoint, &self.batch, self.number, message, &part.keys);
        call.map_err(|error| useless(error.code()))
    }

    /// What the answer says of these keys.
    ///
    /// # Errors
    /// Nothing: the end of the search, for [`KeySearch::broke_off`].
    pub fn hear(
        &mut self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        message: &str,
        part: &KeyPart,
    ) -> Result<(), End> {
        let asked = (part.rows.clone(), message);
        let found = self.finder()?.heard(status, headers, body, asked, &self.chunk).map_err(End::Answered)?;
        self.found.extend(found);
        Ok(())
    }

    /// All keys were asked for.
    pub fn end(self) -> End {
        End::Answered(Finder::verdict(&self.found, &self.chunk))
    }

    /// It could not be asked to its end: what was said before is which rows are there. Of the others nothing is known.
    pub fn broke_off(self, why: End) -> End {
        match Finder::verdict(&self.found, &self.chunk) {
            Verdict::Rows(heard) if !self.found.is_empty() => End::BrokeOff { heard, why: Box::new(why) },
            _ => why,
        }
    }

    fn finder(&self) -> Result<&Finder, End> {
        self.plan.dialect.finder().ok_or_else(|| lost("find-missing"))
    }
}

/// Why the keys cannot be read: a code.
#[derive(Debug)]
struct Unaskable(&'static str);

impl From<EncodeError> for Unaskable {
    fn from(error: EncodeError) -> Self {
        Self(error.code())
    }
}

impl From<SpoolError> for Unaskable {
    fn from(error: SpoolError) -> Self {
        Self(error.code())
    }
}

/// Asks, call by call.
pub(crate) async fn ask(outgoing: &Outgoing, chunk: &Arc<Measured>) -> End {
    let plan = Arc::clone(&outgoing.source.plan);
    let mut search = KeySearch::new(plan, Arc::clone(chunk), outgoing.batch.clone(), outgoing.number);
    let (sender, mut parts) = mpsc::channel(1);
    let (source, records) = (outgoing.source.clone(), chunk.records.clone());
    let reading = tokio::task::spawn_blocking(move || {
        read(&source, records, |part| sender.blocking_send(part).is_ok())
    });
    while let Some(part) = parts.recv().await {
        if let Err(why) = call(outgoing, &mut search, &part).await {
            return search.broke_off(why);
        }
    }
    match reading.await {
        Ok(Ok(())) => search.end(),
        Ok(Err(Unaskable(code))) => search.broke_off(useless(code)),
        Err(_) => search.broke_off(lost("task-broken")),
    }
}

async fn call(outgoing: &Outgoing, search: &mut KeySearch, part: &KeyPart) -> Result<(), End> {
    let mut token = outgoing.token().await.map_err(unsent)?;
    let mut renewed = false;
    loop {
        let message = format!("urn:uuid:{}", Uuid::now_v7());
        let (request, body) = search.call(outgoing.upstream.endpoint(), &message, part)?;
        let mut request = request.map(|()| if body.is_empty() { Body::empty() } else { Body::full(body) });
        request.extensions_mut().insert(outgoing.note("find"));
        authorize(request.headers_mut(), token.as_ref());
        outgoing.tally.call();
        let answer = outgoing.upstream.client().send(request, outgoing.deadline()).await;
        let lost =
            |error: UpstreamError| End::Lost { code: error.code().to_owned(), timeout: error.is_timeout() };
        let answer = answer.map_err(lost)?;
        outgoing.tally.heard(&answer.headers);
        match (search.hear(answer.status, &answer.headers, &answer.body, &message, part), &token) {
            (Err(End::Answered(Verdict::Session(_))), Some(expired)) if !renewed => {
                token = Some(outgoing.renewed(expired).await.map_err(unsent)?);
                renewed = true;
            }
            // What is no answer about rows speaks of this call, and of no row.
            (heard, _) => return heard,
        }
    }
}

/// Reads the keys of the records' rows, as many at a time as one call takes, as long as `take` takes them (blocking).
fn read(
    source: &RowSource,
    records: Range<u64>,
    mut take: impl FnMut(KeyPart) -> bool,
) -> Result<(), Unaskable> {
    let dialect = &source.plan.dialect;
    let (Some(finder), Some(column)) = (dialect.finder(), dialect.key_column()) else {
        return Err(Unaskable("find-missing"));
    };
    let mut rows = RowBuf::new();
    let mut part = KeyPart { rows: 0..0, keys: Vec::new() };
    let mut records = source.reader.read(records)?;
    while let Some((position, bytes)) = records.next()? {
        encode::rows_of(&source.plan.mapper, position, bytes, &mut rows)?;
        for row in 0..rows.len() {
            let key = match rows.cells(row).nth(column) {
                Some(Cell::Text(text)) => text,
                _ => "",
            };
            finder.key(key, &mut part.keys).map_err(Unaskable)?;
            part.rows.end += 1;
            if part.rows.end - part.rows.start >= finder.most_keys() || part.keys.len() >= MOST_BYTES {
                let next = KeyPart { rows: part.rows.end..part.rows.end, keys: Vec::new() };
                if !take(std::mem::replace(&mut part, next)) {
                    return Ok(());
                }
            }
        }
    }
    if !part.rows.is_empty() {
        take(part);
    }
    Ok(())
}

/// Asked in vain; to be asked again.
fn lost(code: &str) -> End {
    End::Lost { code: code.to_owned(), timeout: false }
}

/// Answered, and of no use: asking again will be of little more.
fn useless(code: &str) -> End {
    End::Answered(Verdict::Unknown(code.to_owned()))
}

/// That the question was not sent says nothing of what was sent before.
fn unsent(end: End) -> End {
    match end {
        End::NotSent { code, .. } => lost(&code),
        other => other,
    }
}
