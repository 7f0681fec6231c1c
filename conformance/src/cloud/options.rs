//! How the cloud is started, and which of it can be changed while it runs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Options of `sekisho-cloud`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Address to listen on; port 0 takes a free one, which the first line of output names.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Address of an HTTP proxy all of whose tunnels lead here: for clients that know the cloud by its public name only.
    #[arg(long)]
    pub proxy: Option<SocketAddr>,
    /// PEM file of the server's certificates: with it the cloud speaks TLS only.
    #[arg(long, requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// PEM file of the server's key.
    #[arg(long, requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// The model of time.
    #[command(flatten)]
    pub model: ModelOptions,
    /// Seed of everything that is left to chance.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Described services take calls without credentials.
    #[arg(long)]
    pub open: bool,
    /// The one client that may log in.
    #[arg(long, default_value = "gateway")]
    pub client_id: String,
    /// Its secret.
    #[arg(long, default_value = "reference-secret")]
    pub client_secret: String,
    /// PEM file with the public RSA key of the client's JWTs; without it JWT logins are refused.
    #[arg(long)]
    pub jwt_key: Option<PathBuf>,
    /// What a JWT has to name as its audience.
    #[arg(long, default_value = "https://login.example.test")]
    pub jwt_audience: String,
    /// A session ends after so many idle seconds.
    #[arg(long, default_value_t = 7200)]
    pub session_lifetime: u64,
    /// Rows of one internal batch of a bulk job.
    #[arg(long, default_value_t = 10_000)]
    pub bulk_batch: usize,
    /// Processing-time limit of one internal batch of a bulk job.
    #[arg(long, default_value = "300s", value_parser = parse_duration)]
    pub bulk_limit: Duration,
    /// How often a batch over its limit is tried again before the job fails.
    #[arg(long, default_value_t = 20)]
    pub bulk_retries: u32,
    /// Messages a day of the push service.
    #[arg(long, default_value_t = 1000)]
    pub push_quota: u64,
}

/// The model of time and size: what a call costs and what is too much.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelOptions {
    /// Processing-time limit of a call, counted from the last byte of the request.
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    #[serde(with = "duration")]
    pub limit: Duration,
    /// Work of every call.
    #[arg(long, default_value = "0.3s", value_parser = parse_duration)]
    #[serde(with = "duration")]
    pub fixed: Duration,
    /// Work of every row.
    #[arg(long, default_value = "1ms", value_parser = parse_duration)]
    #[serde(with = "duration")]
    pub per_row: Duration,
    /// Work of every KiB of the request.
    #[arg(long, default_value = "0", value_parser = parse_duration)]
    #[serde(with = "duration")]
    pub per_kib: Duration,
    /// By how much each other call at work slows a call down: 0.15 is 15 %.
    #[arg(long, default_value_t = 0.15)]
    pub contention: f64,
    /// By how much the cost of work drifts: 0.3 is ±30 %.
    #[arg(long, default_value_t = 0.3)]
    pub drift: f64,
    /// Period of the slow part of the drift.
    #[arg(long, default_value = "60s", value_parser = parse_duration)]
    #[serde(with = "duration")]
    pub drift_period: Duration,
    /// API calls a day; 0 is no limit.
    #[arg(long, default_value_t = 0)]
    pub daily_quota: u64,
    /// Rows that one call of a described service may have; 0 is no limit.
    #[arg(long, default_value_t = 0)]
    pub max_rows: u64,
    /// What is done of a call that is stopped at the limit.
    #[arg(long, value_enum, default_value_t = EffectsOnKill::Half)]
    pub effects_on_kill: EffectsOnKill,
    /// How the client hears that its call was stopped at the limit.
    #[arg(long, value_enum, default_value_t = KillAnswer::Fault)]
    pub kill_answer: KillAnswer,
}

impl Default for ModelOptions {
    /// The same as on the command line.
    fn default() -> Self {
        ModelOptions {
            limit: Duration::from_secs(10),
            fixed: Duration::from_millis(300),
            per_row: Duration::from_millis(1),
            per_kib: Duration::ZERO,
            contention: 0.15,
            drift: 0.3,
            drift_period: Duration::from_secs(60),
            daily_quota: 0,
            max_rows: 0,
            effects_on_kill: EffectsOnKill::Half,
            kill_answer: KillAnswer::Fault,
        }
    }
}

impl Default for Options {
    /// The same as on the command line.
    fn default() -> Self {
        Options {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            proxy: None,
            tls_cert: None,
            tls_key: None,
            model: ModelOptions::default(),
            seed: 1,
            open: false,
            client_id: "gateway".to_owned(),
            client_secret: "reference-secret".to_owned(),
            jwt_key: None,
            jwt_audience: "https://login.example.test".to_owned(),
            session_lifetime: 7200,
            bulk_batch: 10_000,
            bulk_limit: Duration::from_secs(300),
            bulk_retries: 20,
            push_quota: 1000,
        }
    }
}

/// What is done of a call that is stopped at the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EffectsOnKill {
    /// Nothing: the call was one transaction.
    None,
    /// The first half of the rows.
    Half,
    /// Everything: only the answer was stopped.
    All,
    /// The rows that the model had reached.
    Progress,
}

/// How the client hears that its call was stopped at the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KillAnswer {
    /// By the dialect's own error.
    Fault,
    /// By a bare HTML 504, as from a load balancer.
    GatewayTimeout,
    /// The connection is reset.
    Reset,
}

/// Reads `10s`, `0.3s`, `300ms`, `250us`, `2m` or `0`.
///
/// # Errors
/// Says what was wrong with the text.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 =
        number.trim().parse().map_err(|_| format!("{text:?} is no duration: write 10s or 300ms"))?;
    let factor = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "" if number == 0.0 => 1.0,
        _ => return Err(format!("{text:?} has no known unit: us, ms, s, m or h")),
    };
    Duration::try_from_secs_f64(number * factor).map_err(|error| error.to_string())
}

mod duration {
    use super::{Deserialize, Deserializer, Duration, Serializer, parse_duration};

    pub(super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{}s", value.as_secs_f64()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_duration(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_units() {
        assert_eq!(parse_duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(parse_duration("0.3s"), Ok(Duration::from_millis(300)));
        assert_eq!(parse_duration("250us"), Ok(Duration::from_micros(250)));
        assert_eq!(parse_duration("0"), Ok(Duration::ZERO));
        assert!(parse_duration("10").is_err());
        assert!(parse_duration("ten").is_err());
        assert!(parse_duration("-1s").is_err());
    }

    #[test]
    fn a_model_survives_json() {
        let text = serde_json::to_string(&ModelOptions::default()).unwrap();
        let back: ModelOptions = serde_json::from_str(&text).unwrap();
        assert_eq!(back.limit, Duration::from_secs(10));
        assert_eq!(back.per_row, Duration::from_millis(1));
        assert!(serde_json::from_str::<ModelOptions>(r#"{"limt":"1s"}"#).is_err());
    }
}
