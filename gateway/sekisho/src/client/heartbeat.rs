//! `sekisho heartbeat`: the state of every hop, as a table, as JSON, or as monitoring plugins print it.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use http::Method;
use sekisho_liveness::{
    ErrorClass, Evidence, Hop, HopState, Language as TableLanguage, Snapshot, Style, nagios, table,
};
use sekisho_soap::envelope::EnvelopeOptions;
use sekisho_soap::message::{self, Heartbeat, Request};
use sekisho_soap::{EnvelopeReader, Version, envelope};
use sekisho_upstream::{Answer, Body};

use super::{Gateway, refusal, runtime, words};
use crate::cli::{HeartbeatArgs, HeartbeatForm, TrustArgs};
use crate::language::{Language, Text, text};

/// Where a health check whose words are fixed says which token it shows. Not the operator's own variable: a heartbeat is asked for at
/// clients' doors, too.
const TOKEN_FILE: &str = "SEKISHO_HEARTBEAT_TOKEN_FILE";

/// Exit code of a heartbeat that was not answered.
pub(crate) const UNKNOWN: u8 = 3;

/// `sekisho heartbeat`.
pub(crate) fn run(args: &HeartbeatArgs, language: Language) -> anyhow::Result<ExitCode> {
    let heartbeat = match runtime()?.block_on(ask(args)).and_then(|heartbeat| chosen(heartbeat, &args.hop)) {
        Ok(heartbeat) => heartbeat,
        Err(error) => {
            let said = error.in_language(language);
            let mut out = io::stdout();
            match args.form {
                HeartbeatForm::Json => {
                    let value = serde_json::json!({ "url": args.url, "detail": said });
                    writeln!(out, "{}", serde_json::to_string_pretty(&value)?)?;
                }
                // A plugin's first line is all that a monitoring system shows.
                HeartbeatForm::Table | HeartbeatForm::Nagios => {
                    writeln!(out, "UNKNOWN: {}: {}", args.url, said.replace('|', " "))?;
                }
            }
            return Ok(ExitCode::from(UNKNOWN));
        }
    };
    let snapshot = snapshot(&heartbeat);
    let spoken = language.of(TableLanguage::English, TableLanguage::Japanese);
    let mut out = io::stdout();
    match args.form {
        HeartbeatForm::Json => writeln!(out, "{}", serde_json::to_string_pretty(&heartbeat)?)?,
        HeartbeatForm::Nagios => writeln!(out, "{}", nagios::line(&snapshot, spoken))?,
        HeartbeatForm::Table => {
            let style = if out.is_terminal() { Style::Colour } else { Style::Plain };
            write!(out, "{}", table::table(&snapshot, spoken, style))?;
            let times = language.of("Times are in UTC.", "時刻は協定世界時（UTC）です。");
            writeln!(out, "\n{times}")?;
        }
    }
    Ok(ExitCode::from(nagios::exit_code(snapshot.overall())))
}

/// Only the hops that were asked for, by name or by identity; one that there is not is an error.
fn chosen(mut heartbeat: Heartbeat, wanted: &[String]) -> Result<Heartbeat, Text> {
    let is = |hop: &message::Hop, name: &str| hop.name == name || self::hop(hop).id() == name;
    for name in wanted {
        if !heartbeat.hops.iter().any(|hop| is(hop, name)) {
            let hops: Vec<String> = heartbeat.hops.iter().map(|hop| self::hop(hop).id()).collect();
            let (english, japanese) = (hops.join(", "), hops.join("、"));
            return Err(text!(
                "there is no hop {name:?}; there are: {english}",
                "経路点 {name:?} はありません。あるもの：{japanese}"
            ));
        }
    }
    if !wanted.is_empty() {
        heartbeat.hops.retain(|hop| wanted.iter().any(|name| is(hop, name)));
    }
    Ok(heartbeat)
}

async fn ask(args: &HeartbeatArgs) -> Result<Heartbeat, Text> {
    let gateway = if let (None, Some(file)) = (&args.trust.token_file, std::env::var_os(TOKEN_FILE)) {
        Gateway::at(&args.url, &TrustArgs { token_file: Some(file.into()), ..args.trust.clone() })?
    } else {
        Gateway::at(&args.url, &args.trust)?
    };
    let deadline = Duration::from_secs(args.timeout);
    let answered = if args.soap {
        let envelope = envelope::write(Version::Soap11, None, &Request::Heartbeat.write());
        let headers = [("content-type", "text/xml; charset=utf-8"), ("soapaction", "\"\"")];
        gateway.exchange(Method::POST, "", &headers, Body::full(envelope), deadline).await
    } else {
        gateway.exchange(Method::GET, "/heartbeat", &[], Body::empty(), deadline).await
    };
    let answer: Answer = answered.map_err(|error| words::exchange(&error))?;
    if !answer.status.is_success() {
        return Err(match refusal::of(&answer, !args.soap) {
            Ok(problem) => problem.explained(),
            Err(unreadable) => unreadable,
        });
    }
    read(&answer, args.soap)
        .ok_or_else(|| text!("the answer is no heartbeat", "応答が死活監視の結果ではありません"))
}

fn read(answer: &Answer, soap: bool) -> Option<Heartbeat> {
    if !soap {
        return serde_json::from_slice(&answer.body).ok();
    }
    let mut envelope = EnvelopeReader::open(&answer.body[..], &EnvelopeOptions::default()).ok()?;
    match message::Answer::read(&mut envelope).ok()? {
        message::Answer::Heartbeat(heartbeat) => Some(heartbeat),
        _ => None,
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
