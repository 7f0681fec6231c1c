//! `multipart/form-data`: the file of a browser's form (RFC 7578), read by multer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use sekisho_journal::BatchId;
use sekisho_soap::MediaType;
use tokio::sync::mpsc;

use super::Exchange;
use super::receive::{Declared, turn, unpacked};
use crate::body::{self, BodyError, RawBody};
use crate::doors::{self, Desk, Submission};
use crate::refusal::{Class, Refusal};
use crate::route::Format;

/// Takes the first field that is a file, or is named `file`. Others may stand beside it and are not looked at.
pub(super) async fn file<B>(
    exchange: &Exchange<'_>,
    declared: Declared,
    media_type: &MediaType,
    id: BatchId,
    body: B,
) -> (Result<Submission, Refusal>, bool)
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    if declared.coding != super::receive::Coding::Identity || declared.sha256.is_some() {
        let refusal = Refusal::new(
            Class::MediaType,
            "form-coding",
            "A form is taken without Content-Encoding and Content-Digest; post the file itself to use them.",
        )
        .ja("フォーム送信ではContent-EncodingとContent-Digestは使えません。ファイルを直接送信してください。");
        return (Err(refusal), false);
    }
    let boundary = match media_type.boundary() {
        Ok(boundary) => boundary.to_owned(),
        Err(error) => {
            let refusal =
                Refusal::new(Class::Malformed, error.code(), format!("{error}.")).ja(error.message_ja());
            return (Err(refusal), false);
        }
    };
    let permit = match turn(exchange).await {
        Ok(permit) => permit,
        Err(refusal) => return (Err(refusal), false),
    };
    let (sender, frames) = body::channel();
    let idle = exchange.route.limits.body_idle;
    let pumping = body::pump(body, idle, sender);
    let reading = fields(exchange, id, boundary, Paced { frames, resting: false });
    let (read, body_read) = tokio::join!(reading, pumping);
    drop(permit);
    (read, body_read)
}

async fn fields(
    exchange: &Exchange<'_>,
    id: BatchId,
    boundary: String,
    stream: Paced,
) -> Result<Submission, Refusal> {
    let constraints = multer::Constraints::new()
        .size_limit(multer::SizeLimit::new().whole_stream(exchange.route.limits.body_bytes));
    let mut form = multer::Multipart::with_constraints(stream, boundary, constraints);
    let mut taken = None;
    while let Some(mut field) = form.next_field().await.map_err(|error| from_multer(&error))? {
        let is_file = field.file_name().is_some() || field.name() == Some("file");
        if taken.is_some() || !is_file {
            continue;
        }
        let label = field.content_type().map(ToString::to_string);
        let label = label.as_deref().map(MediaType::parse).transpose().map_err(|error| {
            Refusal::new(Class::MediaType, error.code(), format!("{error}.")).ja(error.message_ja())
        })?;
        let format = format(exchange, label.as_ref())?;
        let charset = label.as_ref().and_then(MediaType::charset).map(str::to_owned);
        let (sender, frames) = body::channel();
        let raw = RawBody::streamed(frames, exchange.route.limits.body_bytes, false);
        let file = unpacked(raw, super::receive::Coding::Identity, exchange);
        let (route, gateway) = (Arc::clone(exchange.route), Arc::clone(exchange.gateway));
        let reading = tokio::task::spawn_blocking(move || {
            let desk = Desk { route: &route, spool: Some(&gateway.spool), id, action: None };
            doors::form_data(&desk, file, format, charset.as_deref())
        });
        let feeding = feed(&mut field, sender);
        let (read, ()) = tokio::join!(reading, feeding);
        taken = Some(read.map_err(|error| Refusal::internal("reading a form", &error))??);
    }
    taken.ok_or_else(|| {
        Refusal::new(
            Class::Invalid,
            "form-file-missing",
            "The form has no file: send one field with a file name, or named \"file\".",
        )
        .ja("フォームにファイルがありません。")
    })
}

async fn feed(field: &mut multer::Field<'_>, sender: mpsc::Sender<Result<Bytes, BodyError>>) {
    loop {
        let item = match field.chunk().await {
            Ok(Some(data)) => Ok(data),
            Ok(None) => return,
            Err(_) => Err(BodyError::Gone),
        };
        let failed = item.is_err();
        if sender.send(item).await.is_err() || failed {
            return;
        }
    }
}

fn format(exchange: &Exchange<'_>, label: Option<&MediaType>) -> Result<Format, Refusal> {
    let formats = &exchange.route.formats;
    let named = label.filter(|label| !matches!(label.essence(), "application/octet-stream" | "text/plain"));
    let format = match named {
        Some(label) => Format::from_media_type(label.essence()),
        None => formats.first().copied(),
    };
    format.filter(|format| formats.contains(format)).ok_or_else(|| super::submit::unknown_format(exchange))
}

fn from_multer(error: &multer::Error) -> Refusal {
    match error {
        multer::Error::StreamSizeExceeded { limit } => {
            crate::intake::from_body(BodyError::TooLarge { max: *limit })
        }
        multer::Error::IncompleteFieldData { .. }
        | multer::Error::IncompleteStream
        | multer::Error::IncompleteHeaders => crate::intake::from_body(BodyError::Gone),
        _ => {
            Refusal::new(Class::Malformed, "form-unreadable", "The form is not readable multipart/form-data.")
                .ja("multipart/form-dataを読み取れません。")
        }
    }
}

/// A body that rests after each frame: multer reads ahead for as long as its stream is ready, and would otherwise
/// take a whole upload into memory.
struct Paced {
    frames: mpsc::Receiver<Result<Bytes, BodyError>>,
    resting: bool,
}

impl Stream for Paced {
    type Item = Result<Bytes, Ended>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::replace(&mut self.resting, false) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.frames.poll_recv(cx).map(|frame| {
            self.resting = true;
            frame.map(|frame| frame.map_err(Ended))
        })
    }
}

/// The body's own error, as multer carries it.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Ended(BodyError);
