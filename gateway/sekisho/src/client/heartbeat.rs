//! `sekisho heartbeat`: the state of every hop, as a table, as JSON, or as monitoring plugins print it.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use http::Method;
use sekisho_liveness::{ErrorClass, Evidence, Hop, HopState, Language, Snapshot, Style, nagios, table};
use sekisho_soap::envelope::EnvelopeOptions;
use sekisho_soap::message::{self, Heartbeat, Request};
use sekisho_soap::{EnvelopeReader, Version, envelope};
use sekisho_upstream::Body;

use super::{Gateway, runtime};
use crate::cli::{HeartbeatArgs, HeartbeatForm, LanguageArg};

/// Exit code of a heartbeat that was not answered.
const UNKNOWN: u8 = 3;

/// `sekisho heartbeat`.
pub(crate) fn run(args: &HeartbeatArgs) -> anyhow::Result<ExitCode> {
    let heartbeat = match runtime()?.block_on(ask(args)) {
        Ok(heartbeat) => heartbeat,
        Err(error) => {
            writeln!(io::stdout(), "UNKNOWN: {}: {error:#}", args.url)?;
            return Ok(ExitCode::from(UNKNOWN));
        }
    };
    let mut snapshot = snapshot(&heartbeat);
    if !args.hop.is_empty() {
        let hops: Vec<&str> = args.hop.iter().map(String::as_str).collect();
        snapshot = snapshot.only(&hops);
    }
    let language = if args.language == LanguageArg::Ja { Language::Japanese } else { Language::English };
    let mut out = io::stdout();
    match args.form {
        HeartbeatForm::Json => writeln!(out, "{}", serde_json::to_string_pretty(&heartbeat)?)?,
        HeartbeatForm::Nagios => writeln!(out, "{}", nagios::line(&snapshot, language))?,
        HeartbeatForm::Table => {
            let style = if out.is_terminal() { Style::Colour } else { Style::Plain };
            write!(out, "{}", table::table(&snapshot, language, style))?;
        }
    }
    Ok(ExitCode::from(nagios::exit_code(snapshot.overall())))
}

async fn ask(args: &HeartbeatArgs) -> anyhow::Result<Heartbeat> {
    let gateway = Gateway::at(&args.url, &args.roots)?;
    let deadline = Duration::from_secs(args.timeout);
    let answer = if args.soap {
        let envelope = envelope::write(Version::Soap11, None, &Request::Heartbeat.write());
        let headers = [("content-type", "text/xml; charset=utf-8"), ("soapaction", "\"\"")];
        gateway.exchange(Method::POST, "", &headers, Body::full(envelope), deadline).await?
    } else {
        gateway.exchange(Method::GET, "/heartbeat", &[], Body::empty(), deadline).await?
    };
    if !answer.status.is_success() {
        bail!("status {}", answer.status);
    }
    if !args.soap {
        return serde_json::from_slice(&answer.body).context("the answer is no heartbeat");
    }
    let mut envelope = EnvelopeReader::open(&answer.body[..], &EnvelopeOptions::default())?;
    match message::Answer::read(&mut envelope)? {
        message::Answer::Heartbeat(heartbeat) => Ok(heartbeat),
        _ => bail!("the answer is no heartbeat"),
    }
}

/// The heartbeat as the board's own type, which knows how it is printed.
fn snapshot(heartbeat: &Heartbeat) -> Snapshot {
    Snapshot { taken_at: heartbeat.taken_at, hops: heartbeat.hops.iter().map(hop).collect() }
}

fn hop(hop: &message::Hop) -> Hop {
    let seen = &hop.evidence;
    Hop {
        name: hop.name.as_str().into(),
        upstream: hop.upstream.as_deref().map(Into::into),
        state: match hop.state {
            message::HopState::Up => HopState::Up,
            message::HopState::Degraded => HopState::Degraded,
            message::HopState::Down => HopState::Down,
            message::HopState::Unknown => HopState::Unknown,
        },
        since: hop.since,
        checked_at: hop.checked_at,
        age_ms: hop.age_ms,
        latency_us: hop.latency_ms.map(|ms| (ms * 1_000.0) as u64),
        class: hop.class.as_deref().and_then(ErrorClass::from_word),
        text_en: hop.text.as_str().into(),
        text_ja: hop.text_ja.as_str().into(),
        evidence: Evidence {
            checks_passed: seen.checks_passed,
            checks_failed: seen.checks_failed,
            traffic_passed: seen.traffic_passed,
            traffic_failed: seen.traffic_failed,
            failures_in_a_row: seen.failures_in_a_row,
        },
        // The import is known by real traffic only; everything else is looked at.
        by_traffic_only: hop.name == "import",
    }
}
