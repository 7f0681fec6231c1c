//! `multipart/form-data`: the file of a browser's form (RFC 7578), read by multer.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use sekisho_journal::{BatchId, Spool};
use sekisho_soap::MediaType;

use super::Exchange;
use super::receive::{Coding, Declared, arrival, turn};
use super::submit::unknown_format;
use crate::body::{
    self, BodyError, Frame, FrameReceiver, FrameSender, Pieces, Promised, RawBody, UnpackLimits, Unpacked,
};
use crate::doors::{self, Binds, Desk, Submission};
use crate::gateway::discard;
use crate::intake::{Scans, from_body};
use crate::refusal::{Class, Refusal, counted};
use crate::route::Format;

/// Bytes before the first boundary, of one field's head, or behind the closing boundary, at the most. multer holds
/// the first two in memory until they end.
const BETWEEN_FIELDS: usize = 256 * 1024;

/// Where the records of the file go.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) id: BatchId,
    /// With the room that there is.
    pub(super) spool: Spool,
}

/// Takes the one field that is a file, or is named `file`. Fields of other kinds may stand beside it and are not looked at.
pub(super) async fn file<B>(
    exchange: &Exchange<'_>,
    declared: Declared,
    media_type: &MediaType,
    target: &Target,
    body: B,
) -> (Result<Submission, Refusal>, bool)
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let boundary = match media_type.boundary() {
        Ok(boundary) => boundary.to_owned(),
        Err(error) => {
            let refusal =
                Refusal::new(Class::Malformed, error.code(), format!("{error}.")).ja(error.message_ja());
            return (Err(refusal), false);
        }
    };
    let _turn = match turn(exchange).await {
        Ok(turn) => turn,
        Err(refusal) => return (Err(refusal), false),
    };
    let limits = &exchange.route.limits;
    let gzip = (declared.coding == Coding::Gzip)
        .then_some(UnpackLimits { bytes: limits.unpacked_bytes, ratio: limits.unpack_ratio });
    let most = if gzip.is_some() { limits.unpacked_bytes } else { limits.body_bytes };
    let (sender, frames) = body::channel();
    let content = Content {
        frames,
        pieces: Pieces::new(limits.body_bytes, &declared.digests, gzip),
        most,
        ended: false,
    };
    let pumping = body::pump(arrival(exchange, body), sender);
    let (read, body_read) = tokio::join!(whole_form(exchange, target, boundary, content), pumping);
    (read, body_read)
}

/// Reads the form to the end of the body. A form that is refused behind its file leaves nothing in the spool.
async fn whole_form(
    exchange: &Exchange<'_>,
    target: &Target,
    boundary: String,
    mut content: Content,
) -> Result<Submission, Refusal> {
    let mut taken = None;
    let mut count = 0;
    let mut read = fields(exchange, target, boundary, &mut content, &mut taken, &mut count).await;
    if read.is_ok() {
        read = epilogue(&mut content).await;
    }
    if read.is_ok() {
        read = content.pieces.keep_their_digests().map_err(doors::unkept);
    }
    match (read, taken) {
        (Ok(()), Some(submission)) => Ok(submission),
        (Ok(()), None) => Err(no_file(count, content.pieces.came())),
        (Err(refusal), taken) => {
            if taken.is_some() {
                discard(&exchange.gateway.spool, target.id).await;
            }
            // What came of it is known only now.
            Err(if refusal.code == TRUNCATED { truncated(content.pieces.came()) } else { refusal })
        }
    }
}

async fn fields(
    exchange: &Exchange<'_>,
    target: &Target,
    boundary: String,
    content: &mut Content,
    taken: &mut Option<Submission>,
    count: &mut u64,
) -> Result<(), Refusal> {
    let mut first = 0;
    let most = content.most;
    let held = Arc::new(AtomicUsize::new(0));
    let stream = Paced { content, resting: false, ended: false, held: Arc::clone(&held) };
    let mut form = multer::Multipart::new(stream, boundary);
    while let Some(mut field) = form.next_field().await.map_err(|error| from_multer(&error))? {
        held.store(0, Ordering::Relaxed);
        *count += 1;
        let is_file = field.file_name().is_some() || field.name() == Some("file");
        if taken.is_some() && is_file {
            return Err(several_files(first, *count));
        }
        if !is_file {
            while field.chunk().await.map_err(|error| from_multer(&error))?.is_some() {
                held.store(0, Ordering::Relaxed);
            }
            continue;
        }
        first = *count;
        *taken = Some(one_file(exchange, target, &mut field, most, &held).await?);
    }
    Ok(())
}

async fn one_file(
    exchange: &Exchange<'_>,
    target: &Target,
    field: &mut multer::Field<'_>,
    most: u64,
    held: &AtomicUsize,
) -> Result<Submission, Refusal> {
    let label = field.content_type().map(ToString::to_string);
    let label = label.as_deref().map(MediaType::parse).transpose().map_err(|error| {
        Refusal::new(Class::MediaType, error.code(), format!("{error}.")).ja(error.message_ja())
    })?;
    let format = format(exchange, label.as_ref())?;
    let charset = label.as_ref().and_then(MediaType::charset).map(str::to_owned);
    let (sender, frames) = body::channel();
    let file = Unpacked::Identity(RawBody::streamed(frames, most, &Promised::default()));
    let (route, Target { id, spool }) = (Arc::clone(exchange.route), target.clone());
    let client = exchange.client.name.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let spool = Some(&spool);
        let scans = route.scan.as_ref().map(|scanner| Scans::new(scanner, &client));
        let desk = Desk { route: &route, spool, scans, header: Binds::Us, id, actions: &[], claim: None };
        doors::form_data(&desk, file, format, charset.as_deref())
    });
    let (read, fed) = tokio::join!(reading, feed(field, sender, held));
    let read = read.map_err(|error| Refusal::internal("reading a form", &error))?;
    // What stopped the form stopped the file: it says more than the file's early end.
    fed.and(read)
}

/// Feeds the file to its reader, to its end or until the reader wants no more.
async fn feed(field: &mut multer::Field<'_>, sender: FrameSender, held: &AtomicUsize) -> Result<(), Refusal> {
    loop {
        let frame = match field.chunk().await {
            Ok(Some(data)) => Frame::Data(data),
            Ok(None) => Frame::End(Promised::default()),
            Err(error) => return Err(from_multer(&error)),
        };
        held.store(0, Ordering::Relaxed);
        let ended = matches!(frame, Frame::End(_));
        if sender.send(Ok(frame)).await.is_err() || ended {
            return Ok(());
        }
    }
}

/// Reads what follows the closing boundary (RFC 2046 §5.1.1 lets something), up to the end of the body.
async fn epilogue(content: &mut Content) -> Result<(), Refusal> {
    let mut length = 0;
    while let Some(data) = poll_fn(|cx| content.poll_next(cx)).await {
        length += data.map_err(from_body)?.len();
        if length > BETWEEN_FIELDS {
            return Err(too_much_between());
        }
    }
    Ok(())
}

fn format(exchange: &Exchange<'_>, label: Option<&MediaType>) -> Result<Format, Refusal> {
    let formats = &exchange.route.formats;
    let named = label.filter(|label| !matches!(label.essence(), "application/octet-stream" | "text/plain"));
    let format = match named {
        Some(label) => Format::from_media_type(label.essence()),
        None => formats.first().copied(),
    };
    format.filter(|format| formats.contains(format)).ok_or_else(|| unknown_format(exchange))
}

fn from_multer(error: &multer::Error) -> Refusal {
    match error {
        multer::Error::StreamReadFailed(inner) => match inner.downcast_ref::<Ended>() {
            Some(Ended::Body(error)) => from_body(*error),
            Some(Ended::TooMuchBetween) => too_much_between(),
            None => unreadable(),
        },
        multer::Error::IncompleteFieldData { .. }
        | multer::Error::IncompleteStream
        | multer::Error::IncompleteHeaders => truncated(0),
        _ => unreadable(),
    }
}

const TRUNCATED: &str = "form-truncated";

/// A form without its end; so many bytes of the body came.
fn truncated(came: u64) -> Refusal {
    Refusal::new(
        Class::Malformed,
        TRUNCATED,
        format!(
            "The form ends before its closing boundary: its body has {}. Nothing was kept; send all of it again, with the boundary \
             that its Content-Type names.",
            counted(came, "byte")
        ),
    )
    .ja(format!(
        "フォームが終端の境界行より前に終わっています（本文は{came}バイト）。何も保管していません。\
         Content-Typeのboundaryと同じ境界行で、全体を再送してください。"
    ))
    .at_byte(came)
}

/// A whole form in which no field is a file.
fn no_file(fields: u64, came: u64) -> Refusal {
    Refusal::new(
        Class::Invalid,
        "form-file-missing",
        format!(
            "The form has no file up to its end: {}, and none with a file name, or named \"file\". Send one field that has either.",
            counted(fields, "field")
        ),
    )
    .ja(format!(
        "フォームの終わりまでにファイルがありません（項目は{fields}個）。\
         ファイル名のある項目か、「file」という名前の項目を1つ送信してください。"
    ))
    .at_byte(came)
}

/// Two fields, counted from 1, that are files.
fn several_files(first: u64, second: u64) -> Refusal {
    Refusal::new(
        Class::Invalid,
        "form-files",
        format!(
            "Field {second} of the form is a file, and field {first} is one already. A batch is one file: send each in a request of \
             its own."
        ),
    )
    .ja(format!(
        "フォームの{first}番目の項目に続いて、{second}番目の項目もファイルです。1バッチは1ファイルです。別々の要求で送信してください。"
    ))
    .in_part(second)
}

fn unreadable() -> Refusal {
    Refusal::new(
        Class::Malformed,
        "form-unreadable",
        "The form is not readable multipart/form-data: mend it, or send the file as the body.",
    )
    .ja("multipart/form-dataとして読み取れません。形式を直すか、ファイルをそのまま本文として送信してください。")
}

fn too_much_between() -> Refusal {
    Refusal::new(
        Class::TooLarge,
        "form-head-too-large",
        format!(
            "The form has more than {BETWEEN_FIELDS} bytes before, between or behind its fields, a limit that cannot be set: \
             leave out what is no field."
        ),
    )
    .ja(format!(
        "フォームの項目の前後または間に{BETWEEN_FIELDS}バイトを超えるデータがあります（この上限は変えられません）。\
         項目以外のデータを取り除いてください。"
    ))
}

/// The form after its content coding.
struct Content {
    frames: FrameReceiver,
    pieces: Pieces,
    /// Bytes that it may have, after its coding.
    most: u64,
    ended: bool,
}

impl Content {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            if let Some(piece) = self.pieces.take().transpose() {
                return Poll::Ready(Some(piece));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            let frame = ready!(self.frames.poll_recv(cx));
            let frame = frame.unwrap_or_else(|| Err(BodyError::Gone { came: self.pieces.came() }));
            match frame {
                Ok(Frame::Data(data)) => {
                    if let Err(error) = self.pieces.give(data) {
                        self.ended = true;
                        return Poll::Ready(Some(Err(error)));
                    }
                }
                Ok(Frame::End(trailing)) => {
                    self.ended = true;
                    self.pieces.behind(&trailing);
                    return Poll::Ready(self.pieces.end().transpose());
                }
                Err(error) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

/// Content that rests after each piece: multer reads ahead for as long as its stream is ready, and would otherwise
/// take a whole upload into memory. Nor does it get more than it may hold without giving any of it on.
struct Paced<'c> {
    content: &'c mut Content,
    resting: bool,
    ended: bool,
    /// Bytes since something was given on.
    held: Arc<AtomicUsize>,
}

impl Stream for Paced<'_> {
    type Item = Result<Bytes, Ended>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if std::mem::replace(&mut self.resting, false) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let item = match ready!(self.content.poll_next(cx)) {
            None => None,
            Some(Ok(data)) => {
                let held = self.held.fetch_add(data.len(), Ordering::Relaxed) + data.len();
                Some(if held > BETWEEN_FIELDS { Err(Ended::TooMuchBetween) } else { Ok(data) })
            }
            Some(Err(error)) => Some(Err(Ended::Body(error))),
        };
        self.resting = true;
        self.ended = !matches!(item, Some(Ok(_)));
        Poll::Ready(item)
    }
}

/// Why a form's bytes ended, as multer carries it.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Body(BodyError),
    #[error("the form has too much between its fields")]
    TooMuchBetween,
}
