//! `sekisho send`: a file through a door, and its receipt to the end.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sekisho_soap::envelope::EnvelopeOptions;
use sekisho_soap::message::{Answer as SoapAnswer, Receipt, Request, State};
use sekisho_soap::{EnvelopeReader, Version, envelope};
use sekisho_upstream::{Answer, Body, BodyWriter, UpstreamError};
use tokio::time::Instant;

use super::message::Message;
use super::refusal::{self, Refusal};
use super::{Gateway, runtime, words};
use crate::cli::{DoorArg, SendArgs};
use crate::language::{Language, Text, text};
use crate::operate::receipt;

const DELIVERED: u8 = 0;
const NOT_ALL: u8 = 1;
const REFUSED: u8 = 2;
const UNREACHABLE: u8 = 3;
const UNFINISHED: u8 = 5;

/// How long the gateway may take to read, check and acknowledge a message.
const ACCEPTANCE: Duration = Duration::from_secs(6 * 3600);
/// How long an answer about a batch may take.
const QUESTION: Duration = Duration::from_secs(30);
/// How often a batch is asked for.
const LOOK: Duration = Duration::from_millis(500);

/// What went wrong, by who has to act.
enum Failure {
    Refused(Box<Refusal>),
    /// What answered is no gateway.
    NotUnderstood(Text),
    /// With a stable code.
    Unreachable(&'static str, Text),
}

/// `sekisho send`.
pub(crate) fn run(args: &SendArgs, language: Language) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async {
        match send(args, language).await {
            Ok(receipt) => {
                show(&receipt, args, language)?;
                Ok(ExitCode::from(verdict(&receipt)))
            }
            Err(failure) => failed(&failure, args, language),
        }
    })
}

/// Says what went wrong: on standard error for people, as JSON on standard output with `--json`.
fn failed(failure: &Failure, args: &SendArgs, language: Language) -> anyhow::Result<ExitCode> {
    let (code, text, exit) = match failure {
        Failure::Refused(refusal) => {
            let refused = language.of("refused", "受け付けられませんでした");
            (None, format!("{refused}: {}", refusal.with_errors(language)), REFUSED)
        }
        Failure::NotUnderstood(text) => {
            (Some(("answer-unknown", text)), text.in_language(language).to_owned(), REFUSED)
        }
        Failure::Unreachable(code, text) => {
            (Some((*code, text)), text.in_language(language).to_owned(), UNREACHABLE)
        }
    };
    if args.json {
        // A refusal by the gateway's own hand is a problem document (RFC 9457); others have its members that apply.
        let value = match (failure, code) {
            (Failure::Refused(refusal), _) => serde_json::to_value(&refusal.0)?,
            (_, Some((code, text))) => serde_json::json!({
                "type": format!("urn:sekisho:problem:{code}"),
                "code": code,
                "detail": text.in_language(Language::English),
                "detailJa": text.in_language(Language::Japanese),
            }),
            (_, None) => serde_json::Value::Null,
        };
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&value)?)?;
    } else {
        writeln!(io::stderr(), "sekisho: {text}")?;
    }
    Ok(ExitCode::from(exit))
}

fn verdict(receipt: &Receipt) -> u8 {
    if receipt.finished_at.is_none() {
        UNFINISHED
    } else if receipt.sums.delivered == receipt.sums.accepted && receipt.set_aside == 0 {
        DELIVERED
    } else {
        NOT_ALL
    }
}

async fn send(args: &SendArgs, language: Language) -> Result<Receipt, Failure> {
    let gateway =
        Gateway::at(&args.to, &args.trust).map_err(|error| Failure::Unreachable("address", error))?;
    let key = args.key.clone().unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    let message = Message::prepare(
        &args.file,
        args.door,
        args.content_type.as_deref(),
        args.reference.as_deref(),
        &key,
    )
    .map_err(|error| Failure::Unreachable("file-unreadable", words::file(&error)))?;
    let accepted = upload(args, &gateway, message, &key, language).await?;
    follow(args, &gateway, accepted, language).await
}

async fn upload(
    args: &SendArgs,
    gateway: &Gateway,
    message: Message,
    key: &str,
    language: Language,
) -> Result<Receipt, Failure> {
    let total = message.length();
    let bar = progress(args, total, "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    bar.set_message(language.of("sending", "送信"));
    let sent = Arc::new(AtomicU64::new(0));
    let (writer, body) = Body::stream(total, 4);
    let rest = is_rest(args.door);
    let quoted = format!("\"{key}\"");
    let (content_type, action) = (message.content_type.clone(), message.action.clone());
    let mut headers = vec![("content-type", content_type.as_str())];
    if rest {
        headers.push(("idempotency-key", quoted.as_str()));
    }
    if let Some(action) = &action {
        headers.push(("soapaction", action.as_str()));
    }
    let path = if rest { "/batches" } else { "" };
    let feeding = {
        let (file, sent, bar) = (args.file.clone(), Arc::clone(&sent), bar.clone());
        tokio::task::spawn_blocking(move || feed(&message, &file, writer, &sent, &bar))
    };
    let answered = gateway.exchange(Method::POST, path, &headers, body, ACCEPTANCE).await;
    let fed = feeding.await;
    bar.finish_and_clear();
    match answered {
        Ok(answer) => receipt_of(&answer, rest),
        Err(error) => Err(match fed {
            Ok(Err(local)) => {
                Failure::Unreachable("file-unreadable", crate::config::words::file(&args.file, &local))
            }
            _ => unreachable(&args.to, &error),
        }),
    }
}

fn is_rest(door: DoorArg) -> bool {
    matches!(door, DoorArg::RestCsv | DoorArg::RestJson | DoorArg::RestNdjson | DoorArg::RestXml)
}

/// Writes the message into the request's body; ends quietly when the exchange has ended.
fn feed(
    message: &Message,
    file: &Path,
    writer: BodyWriter,
    sent: &AtomicU64,
    bar: &ProgressBar,
) -> io::Result<()> {
    let mut pieces = Pieces { writer: &writer, buffer: Vec::with_capacity(PIECE), sent, bar, ended: false };
    let written = message.write(file, &mut pieces).and_then(|()| pieces.flush());
    let ended = pieces.ended;
    match written {
        Ok(()) => Ok(()),
        Err(_) if ended => Ok(()),
        Err(error) => {
            writer.blocking_fail(error.to_string());
            Err(error)
        }
    }
}

/// Bytes handed over at once.
const PIECE: usize = 64 * 1024;

struct Pieces<'p> {
    writer: &'p BodyWriter,
    buffer: Vec<u8>,
    sent: &'p AtomicU64,
    bar: &'p ProgressBar,
    ended: bool,
}

impl Write for Pieces<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let n = data.len().min(PIECE - self.buffer.len());
        self.buffer.extend_from_slice(&data[..n]);
        if self.buffer.len() == PIECE {
            self.flush()?;
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE)));
        let length = piece.len() as u64;
        if self.writer.blocking_write(piece).is_err() {
            self.ended = true;
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.bar.set_position(self.sent.fetch_add(length, Ordering::Relaxed) + length);
        Ok(())
    }
}

/// Asks for the batch until it is finished, or the wait is over.
async fn follow(
    args: &SendArgs,
    gateway: &Gateway,
    mut receipt: Receipt,
    language: Language,
) -> Result<Receipt, Failure> {
    let until = Instant::now() + Duration::from_secs(args.wait);
    let bar = progress(args, receipt.records, "{msg} {wide_bar} {pos}/{len} {eta}");
    bar.set_message(language.of("delivering", "配信"));
    let mut look = tokio::time::interval(LOOK);
    while receipt.finished_at.is_none() && receipt.state != State::Held && Instant::now() < until {
        look.tick().await;
        let sums = receipt.sums;
        bar.set_position(sums.delivered + sums.partial + sums.rejected + sums.cancelled + sums.expired);
        // An answer that fails to come is not the batch's end; the next one will.
        if let Ok(now) = ask(args, gateway, &receipt.id).await {
            receipt = now;
        }
    }
    bar.finish_and_clear();
    Ok(receipt)
}

async fn ask(args: &SendArgs, gateway: &Gateway, id: &str) -> Result<Receipt, Failure> {
    let rest = is_rest(args.door);
    let answer = if rest {
        let path = format!("/batches/{id}");
        gateway.exchange(Method::GET, &path, &[], Body::empty(), QUESTION).await
    } else {
        let body = Request::BatchState { id: id.to_owned() }.write();
        let envelope = envelope::write(Version::Soap11, None, &body);
        let headers = [("content-type", "text/xml; charset=utf-8"), ("soapaction", "\"\"")];
        gateway.exchange(Method::POST, "", &headers, Body::full(envelope), QUESTION).await
    };
    let answer = answer.map_err(|error| unreachable(&args.to, &error))?;
    receipt_of(&answer, rest)
}

fn unreachable(to: &str, error: &UpstreamError) -> Failure {
    let text = Text::new(format!("{to}: "), format!("{to}: "));
    Failure::Unreachable(error.code(), text.and(&words::exchange(error)))
}

fn receipt_of(answer: &Answer, rest: bool) -> Result<Receipt, Failure> {
    if !answer.status.is_success() {
        return Err(refusal::of(answer, rest)
            .map_or_else(Failure::NotUnderstood, |refusal| Failure::Refused(Box::new(refusal))));
    }
    let receipt = if rest { serde_json::from_slice(&answer.body).ok() } else { receipt_in(&answer.body) };
    receipt.ok_or_else(|| {
        let status = answer.status.as_u16();
        Failure::NotUnderstood(text!(
            "status {status}, but the answer is no receipt: is the address that of a route?",
            "ステータス{status}ですが、応答が受領証ではありません。アドレスが特定通信のものか確かめてください"
        ))
    })
}

/// The receipt in an envelope.
fn receipt_in(body: &[u8]) -> Option<Receipt> {
    let mut envelope = EnvelopeReader::open(body, &EnvelopeOptions::default()).ok()?;
    match SoapAnswer::read(&mut envelope).ok()? {
        SoapAnswer::Submitted(receipt) | SoapAnswer::State(receipt) | SoapAnswer::Cancelled(receipt) => {
            Some(receipt)
        }
        _ => None,
    }
}

fn progress(args: &SendArgs, total: u64, template: &str) -> ProgressBar {
    // indicatif draws on a terminal only.
    let target = if args.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(Some(total), target);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

fn show(receipt: &Receipt, args: &SendArgs, language: Language) -> anyhow::Result<()> {
    let mut out = io::stdout();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(receipt)?)?;
    } else {
        out.write_all(receipt::text(receipt, language).as_bytes())?;
    }
    Ok(())
}
