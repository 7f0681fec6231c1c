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
use sekisho_soap::fault::ReceivedFault;
use sekisho_soap::message::{Answer as SoapAnswer, Problem, Receipt, Request, State};
use sekisho_soap::{EnvelopeReader, Version, envelope};
use sekisho_upstream::{Answer, Body, BodyWriter};
use tokio::time::Instant;

use super::message::Message;
use super::{Gateway, runtime};
use crate::cli::{DoorArg, LanguageArg, SendArgs};

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
    Refused(String),
    Unreachable(String),
}

/// `sekisho send`.
pub(crate) fn run(args: &SendArgs) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async {
        match send(args).await {
            Ok(receipt) => {
                show(&receipt, args)?;
                Ok(ExitCode::from(verdict(&receipt)))
            }
            Err(Failure::Refused(text)) => {
                writeln!(io::stderr(), "sekisho: refused: {text}")?;
                Ok(ExitCode::from(REFUSED))
            }
            Err(Failure::Unreachable(text)) => {
                writeln!(io::stderr(), "sekisho: {text}")?;
                Ok(ExitCode::from(UNREACHABLE))
            }
        }
    })
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

async fn send(args: &SendArgs) -> Result<Receipt, Failure> {
    let unreachable = |error: &dyn std::fmt::Display| Failure::Unreachable(error.to_string());
    let gateway = Gateway::at(&args.to, &args.roots).map_err(|error| unreachable(&format!("{error:#}")))?;
    let key = args.key.clone().unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    let message = Message::prepare(
        &args.file,
        args.door,
        args.content_type.as_deref(),
        args.reference.as_deref(),
        &key,
    )
    .map_err(|error| unreachable(&format!("{error:#}")))?;
    let accepted = upload(args, &gateway, message, &key).await?;
    follow(args, &gateway, accepted).await
}

async fn upload(args: &SendArgs, gateway: &Gateway, message: Message, key: &str) -> Result<Receipt, Failure> {
    let total = message.length();
    let bar = progress(args, total, "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    bar.set_message(if args.language == LanguageArg::Ja { "送信" } else { "sending" });
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
        Ok(answer) => receipt_of(&answer, rest, args.language),
        Err(error) => match fed {
            Ok(Err(local)) => Err(Failure::Unreachable(format!("{}: {local}", args.file.display()))),
            _ => Err(Failure::Unreachable(format!("{}: {error}", args.to))),
        },
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
async fn follow(args: &SendArgs, gateway: &Gateway, mut receipt: Receipt) -> Result<Receipt, Failure> {
    let until = Instant::now() + Duration::from_secs(args.wait);
    let bar = progress(args, receipt.records, "{msg} {wide_bar} {pos}/{len} {eta}");
    bar.set_message(if args.language == LanguageArg::Ja { "配信" } else { "delivering" });
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
    let answer = answer.map_err(|error| Failure::Unreachable(error.to_string()))?;
    receipt_of(&answer, rest, args.language)
}

fn receipt_of(answer: &Answer, rest: bool, language: LanguageArg) -> Result<Receipt, Failure> {
    let unreadable = |what: &str| Failure::Refused(format!("status {}: {what}", answer.status));
    if rest {
        if answer.status.is_success() {
            return serde_json::from_slice(&answer.body).map_err(|_| unreadable("the answer is no receipt"));
        }
        let problem: Problem = serde_json::from_slice(&answer.body)
            .map_err(|_| unreadable("the answer is no problem document"))?;
        let detail = if language == LanguageArg::Ja { &problem.detail_ja } else { &problem.detail };
        let mut text = format!("{} ({}, id {})", detail, problem.code, problem.id);
        for error in problem.errors.iter().take(20) {
            text.push_str(&line(error, language));
        }
        return Err(Failure::Refused(text));
    }
    let mut envelope = EnvelopeReader::open(&answer.body[..], &EnvelopeOptions::default())
        .map_err(|_| unreadable("the answer is no SOAP message"))?;
    if answer.status.is_success() {
        return match SoapAnswer::read(&mut envelope) {
            Ok(
                SoapAnswer::Submitted(receipt) | SoapAnswer::State(receipt) | SoapAnswer::Cancelled(receipt),
            ) => Ok(receipt),
            _ => Err(unreadable("the answer is no receipt")),
        };
    }
    let received = ReceivedFault::read(&mut envelope).ok().flatten();
    let fault =
        received.and_then(|received| received.ours).ok_or_else(|| unreadable("the answer is no fault"))?;
    let reason = if language == LanguageArg::Ja { &fault.reason_ja } else { &fault.reason_en };
    let mut text = format!("{} ({}, id {})", reason, fault.code, fault.id);
    for error in fault.errors.iter().take(20) {
        text.push_str(&line(error, language));
    }
    Err(Failure::Refused(text))
}

fn line(error: &sekisho_soap::message::RecordError, language: LanguageArg) -> String {
    let place = error.line.map(|line| format!(" (line {line})")).unwrap_or_default();
    let field = error.field.as_deref().map(|field| format!(", {field}")).unwrap_or_default();
    let text = if language == LanguageArg::Ja { &error.message_ja } else { &error.message };
    format!("\n  record {}{field}{place}: {}: {text}", error.record, error.code)
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

fn show(receipt: &Receipt, args: &SendArgs) -> anyhow::Result<()> {
    let mut out = io::stdout();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(receipt)?)?;
    } else {
        out.write_all(crate::operate::receipt_text(receipt, args.language).as_bytes())?;
    }
    Ok(())
}
