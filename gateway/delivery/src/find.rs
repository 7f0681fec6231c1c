//! Asks an upstream by key what became of a chunk. Nothing but an answer about every row says anything of the chunk: what is refused,
//! cut or cannot be sent leaves it in doubt.

use std::ops::Range;
use std::sync::Arc;

use sekisho_journal::SpoolError;
use sekisho_records::{Cell, RowBuf};
use sekisho_upstream::{Body, UpstreamError};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::chunk::{End, Outgoing, authorize};
use crate::dialect::{Finder, RowResult, Verdict};
use crate::encode::{self, EncodeError, Measured, RowSource};

/// Bytes of keys that are asked for at once, but for one key.
const MOST_BYTES: usize = 256 * 1024;

/// Keys that are asked for in one call.
pub(crate) struct Part {
    /// Which rows of the chunk they are of.
    pub(crate) rows: Range<u64>,
    /// As they stand in the call.
    pub(crate) keys: Vec<u8>,
}

/// Why the keys cannot be read: a code.
#[derive(Debug)]
pub(crate) struct Unaskable(pub(crate) &'static str);

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
    asked(outgoing, chunk).await.unwrap_or_else(|end| end)
}

async fn asked(outgoing: &Outgoing, chunk: &Measured) -> Result<End, End> {
    let Some(finder) = outgoing.source.plan.dialect.finder() else { return Err(lost("find-missing")) };
    let (sender, mut parts) = mpsc::channel(1);
    let (source, records) = (outgoing.source.clone(), chunk.records.clone());
    let reading = tokio::task::spawn_blocking(move || {
        read(&source, records, |part| sender.blocking_send(part).is_ok())
    });
    let mut found = Vec::new();
    while let Some(part) = parts.recv().await {
        match call(outgoing, finder, chunk, part).await {
            Ok(more) => found.extend(more),
            Err(why) => return Err(broken_off(&found, chunk, why)),
        }
    }
    match reading.await {
        Ok(Ok(())) => Ok(End::Answered(Finder::verdict(&found, chunk))),
        Ok(Err(Unaskable(code))) => Err(useless(code)),
        Err(_) => Err(lost("task-broken")),
    }
}

async fn call(
    outgoing: &Outgoing,
    finder: &Finder,
    chunk: &Measured,
    part: Part,
) -> Result<Vec<RowResult>, End> {
    let mut token = outgoing.token().await.map_err(unsent)?;
    let mut renewed = false;
    loop {
        let message = format!("urn:uuid:{}", Uuid::now_v7());
        let endpoint = outgoing.upstream.endpoint();
        let called = finder.call(endpoint, &outgoing.batch, outgoing.number, &message, &part.keys);
        let (request, body) = called.map_err(|error| useless(error.code()))?;
        let mut request = request.map(|()| if body.is_empty() { Body::empty() } else { Body::full(body) });
        request.extensions_mut().insert(outgoing.note("find"));
        authorize(request.headers_mut(), token.as_ref());
        outgoing.tally.call();
        let answer = outgoing.upstream.client().send(request, outgoing.deadline()).await;
        let lost =
            |error: UpstreamError| End::Lost { code: error.code().to_owned(), timeout: error.is_timeout() };
        let answer = answer.map_err(lost)?;
        outgoing.tally.heard(&answer.headers);
        let rows = part.rows.clone();
        match (finder.heard(answer.status, &answer.headers, &answer.body, (rows, &message), chunk), &token) {
            (Ok(found), _) => return Ok(found),
            (Err(Verdict::Session(_)), Some(expired)) if !renewed => {
                token = Some(outgoing.renewed(expired).await.map_err(unsent)?);
                renewed = true;
            }
            // It speaks of this call, and of no row.
            (Err(verdict), _) => return Err(End::Answered(verdict)),
        }
    }
}

/// Reads the keys of the records' rows, as many at a time as one call takes, as long as `take` takes them (blocking).
pub(crate) fn read(
    source: &RowSource,
    records: Range<u64>,
    mut take: impl FnMut(Part) -> bool,
) -> Result<(), Unaskable> {
    let dialect = &source.plan.dialect;
    let (Some(finder), Some(column)) = (dialect.finder(), dialect.key_column()) else {
        return Err(Unaskable("find-missing"));
    };
    let mut rows = RowBuf::new();
    let mut part = Part { rows: 0..0, keys: Vec::new() };
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
                let next = Part { rows: part.rows.end..part.rows.end, keys: Vec::new() };
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

/// What was said before the question could not be asked to its end: which rows are there. Of the others nothing is known.
fn broken_off(found: &[RowResult], chunk: &Measured, why: End) -> End {
    match Finder::verdict(found, chunk) {
        Verdict::Rows(heard) if !found.is_empty() => End::BrokeOff { heard, why: Box::new(why) },
        _ => why,
    }
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
