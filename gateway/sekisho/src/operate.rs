//! What operators ask of the admin listener: batches, their errors and chunks, cancelling.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use http::Method;
use sekisho_soap::message::Receipt;
use sekisho_upstream::{Answer, Body};
use serde_json::Value;

use crate::cli::{AdminArgs, BatchArgs, BatchesArgs, LanguageArg};
use crate::client::{Gateway, runtime};

const REFUSED: u8 = 2;
const UNREACHABLE: u8 = 3;
const DEADLINE: Duration = Duration::from_secs(30);

/// Asks the admin listener; an exit code where there is nothing more to do.
fn ask(admin: &AdminArgs, method: Method, path: &str) -> anyhow::Result<Result<Value, ExitCode>> {
    let gateway = Gateway::at(&admin.admin, &[])?;
    let asked = runtime()?.block_on(gateway.exchange(method, path, &[], Body::empty(), DEADLINE));
    let answer: Answer = match asked {
        Ok(answer) => answer,
        Err(error) => {
            writeln!(io::stderr(), "sekisho: {}: {error}", admin.admin)?;
            return Ok(Err(ExitCode::from(UNREACHABLE)));
        }
    };
    let value: Value = serde_json::from_slice(&answer.body).context("the answer of the admin listener")?;
    if answer.status.is_success() {
        return Ok(Ok(value));
    }
    let detail = value.get("detail").and_then(Value::as_str).unwrap_or("refused");
    writeln!(io::stderr(), "sekisho: {detail}")?;
    Ok(Err(ExitCode::from(REFUSED)))
}

/// `sekisho batches`.
pub(crate) fn batches(args: &BatchesArgs) -> anyhow::Result<ExitCode> {
    let mut path = format!("/batches?limit={}", args.limit);
    for (name, value) in [("client", &args.client), ("route", &args.route)] {
        if let Some(value) = value {
            write!(path, "&{name}={value}")?;
        }
    }
    if args.open {
        path.push_str("&finished=false");
    }
    let value = match ask(&args.admin, Method::GET, &path)? {
        Ok(value) => value,
        Err(code) => return Ok(code),
    };
    let mut out = io::stdout();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&value)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        out,
        "{:<36}  {:<20}  {:<12}  {:<12}  {:<4}  {:>9}  {:>9}  {:>8}  {:<10}",
        "BATCH", "RECEIVED", "CLIENT", "ROUTE", "DOOR", "RECORDS", "DELIVERED", "REJECTED", "STATE"
    )?;
    for batch in value["batches"].as_array().into_iter().flatten() {
        let text = |name: &str| batch[name].as_str().unwrap_or("").to_owned();
        let sum = |name: &str| batch["sums"][name].as_u64().unwrap_or(0);
        let received = text("receivedAt");
        writeln!(
            out,
            "{:<36}  {:<20}  {:<12}  {:<12}  {:<4}  {:>9}  {:>9}  {:>8}  {:<10}",
            text("id"),
            received.get(..19).unwrap_or(&received),
            text("client"),
            text("route"),
            text("door"),
            sum("accepted"),
            sum("delivered"),
            sum("rejected"),
            text("state"),
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// `sekisho batch`.
pub(crate) fn batch(args: &BatchArgs) -> anyhow::Result<ExitCode> {
    if args.errors {
        return errors(args);
    }
    let path = format!("/batches/{}", args.id);
    let (method, path) = if args.cancel {
        (Method::DELETE, path)
    } else if args.chunks {
        (Method::GET, format!("{path}/chunks"))
    } else if let (Some(chunk), Some(decision)) = (args.chunk, args.decide) {
        (Method::POST, format!("{path}/chunks/{chunk}/{}", decision.name()))
    } else {
        (Method::GET, path)
    };
    let value = match ask(&args.admin, method, &path)? {
        Ok(value) => value,
        Err(code) => return Ok(code),
    };
    let mut out = io::stdout();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&value)?)?;
    } else if args.chunks {
        writeln!(
            out,
            "{:>6}  {:>9}  {:>7}  {:>7}  {:<9}  {:>7}  CODE",
            "CHUNK", "FIRST", "COUNT", "ATTEMPT", "STATE", "MS"
        )?;
        for chunk in value["chunks"].as_array().into_iter().flatten() {
            let number = |name: &str| chunk[name].as_u64().unwrap_or(0);
            writeln!(
                out,
                "{:>6}  {:>9}  {:>7}  {:>7}  {:<9}  {:>7}  {}",
                number("number"),
                number("first"),
                number("count"),
                number("attempt"),
                chunk["state"].as_str().unwrap_or(""),
                number("changedAt").saturating_sub(number("openedAt")),
                chunk["code"].as_str().unwrap_or(""),
            )?;
        }
    } else {
        let receipt: Receipt = serde_json::from_value(value).context("the answer is no receipt")?;
        out.write_all(receipt_text(&receipt, LanguageArg::En).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The records that were not delivered, as CSV, page by page.
fn errors(args: &BatchArgs) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout();
    write!(out, "record,outcome,field,code,message\r\n")?;
    let mut from = 0;
    loop {
        let path = format!("/batches/{}/errors?from={from}", args.id);
        let value = match ask(&args.admin, Method::GET, &path)? {
            Ok(value) => value,
            Err(code) => return Ok(code),
        };
        for error in value["errors"].as_array().into_iter().flatten() {
            let text = |name: &str| error[name].as_str().unwrap_or("").replace('"', "\"\"");
            write!(
                out,
                "{},{},{},{},\"{}\"\r\n",
                error["record"].as_u64().unwrap_or(0),
                text("outcome"),
                text("field"),
                text("code"),
                text("message"),
            )?;
        }
        match value["next"].as_u64() {
            Some(next) => from = next,
            None => return Ok(ExitCode::SUCCESS),
        }
    }
}

/// A receipt for people.
pub(crate) fn receipt_text(receipt: &Receipt, language: LanguageArg) -> String {
    let ja = language == LanguageArg::Ja;
    let word = |en: &'static str, japanese: &'static str| if ja { japanese } else { en };
    let sums = &receipt.sums;
    let mut out = String::new();
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        // Writing to a String does not fail.
        let _ = writeln!(out, "{name:<16} {value}");
    };
    line(word("batch", "バッチ"), &receipt.id);
    if let Some(reference) = &receipt.reference {
        line(word("reference", "参照番号"), reference);
    }
    line(word("route", "特定通信"), &format!("{} ({})", receipt.route, receipt.door));
    line(word("state", "状態"), &format!("{:?}", receipt.state).to_lowercase());
    line(word("records", "レコード"), &receipt.records);
    if receipt.set_aside > 0 {
        line(word("set aside", "除外"), &receipt.set_aside);
    }
    line(word("payload", "ペイロード"), &receipt.payload_digest);
    line(word("digest", "レコード要約"), &receipt.records_digest);
    if receipt.duplicate {
        line(word("duplicate", "重複"), &word("yes: accepted before", "受領済み"));
    }
    let conserved = sums.pending
        + sums.in_flight
        + sums.in_doubt
        + sums.delivered
        + sums.partial
        + sums.rejected
        + sums.cancelled
        + sums.expired;
    let sign = if conserved == sums.accepted { "=" } else { "≠" };
    line(
        word("sums", "合計"),
        &format!(
            "{} accepted {sign} {} pending + {} in flight + {} in doubt + {} delivered + {} partial + {} rejected + {} \
             cancelled + {} expired",
            sums.accepted,
            sums.pending,
            sums.in_flight,
            sums.in_doubt,
            sums.delivered,
            sums.partial,
            sums.rejected,
            sums.cancelled,
            sums.expired
        ),
    );
    out
}
