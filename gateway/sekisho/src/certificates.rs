//! Certificates of listeners while the gateway runs: exchanged by a reload, revocation lists by themselves, and told of
//! before they end.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sekisho_edge::tls::{Certificate, Files, Tls, TlsError, days_left};
use tokio::sync::watch;

use crate::cli::CertificateArgs;
use crate::config::effective::{EffectiveListener, EffectiveTls, now};
use crate::language::{Language, Said, Text, text};

/// Days before the end of a certificate from which on the gateway's hop is degraded.
const WARNING_DAYS: f64 = 14.0;

/// The TLS of one listener in force, and where it comes from.
pub(crate) struct Guard {
    pub(crate) tls: Arc<Tls>,
    source: Mutex<Source>,
}

#[derive(Clone)]
struct Source {
    files: Files,
    interval: Duration,
}

impl Guard {
    pub(crate) fn new(listener: &str, effective: EffectiveTls) -> Arc<Self> {
        let EffectiveTls { files, terms, interval } = effective;
        Arc::new(Self { tls: Tls::new(listener, terms), source: Mutex::new(Source { files, interval }) })
    }

    /// Whether a set may come into force: revocation lists never become older ones.
    pub(crate) fn takes(&self, effective: &EffectiveTls) -> bool {
        effective.terms.follows(&self.tls.terms())
    }

    /// Puts a set into force, for new handshakes.
    pub(crate) fn replace(&self, effective: EffectiveTls) {
        let EffectiveTls { files, terms, interval } = effective;
        *self.source.lock().unwrap_or_else(PoisonError::into_inner) = Source { files, interval };
        self.tls.replace(terms);
    }

    fn source(&self) -> Source {
        self.source.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at the files of revocation lists again and again, and takes what has changed, until `stop` turns true.
    pub(crate) async fn watch(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        // Nothing: what has changed since the configuration was read is seen at the first look.
        let mut seen = None;
        loop {
            let source = self.source();
            tokio::select! {
                () = tokio::time::sleep(source.interval) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            let guard = Arc::clone(&self);
            let looked = tokio::task::spawn_blocking(move || {
                let now_seen = seen_of(&source.files);
                if Some(&now_seen) != seen.as_ref() {
                    guard.refresh(&source.files);
                }
                Some(now_seen)
            });
            seen = looked.await.unwrap_or_default();
        }
    }

    fn refresh(&self, files: &Files) {
        let Some(clients) = &files.clients else { return };
        let (listener, before) = (self.tls.listener(), self.tls.terms());
        match before.with_lists(clients, now()) {
            Ok(None) => {}
            Ok(Some(terms)) if terms.follows(&before) => {
                self.tls.replace(terms);
                tracing::info!(listener, "new revocation lists are in force");
            }
            Ok(Some(_)) => tracing::error!(
                listener,
                "a revocation list is older than the one in force, which stays: what was revoked would be taken again"
            ),
            Err(errors) => {
                for TlsError { file, problem, .. } in &errors {
                    let file = crate::config::words::on_a_line(file);
                    tracing::error!(listener, file, "the revocation lists in force stay: {problem}");
                }
            }
        }
    }
}

/// What changes when a file is written or exchanged: device, node, size, time of its content.
type Seen = Vec<(PathBuf, Option<(u64, u64, u64, i64, i64)>)>;

fn seen_of(files: &Files) -> Seen {
    let lists = files.clients.iter().flat_map(|clients| &clients.crls);
    let of = |file: &PathBuf| {
        let found = std::fs::metadata(file).ok()?;
        Some((found.dev(), found.ino(), found.size(), found.mtime(), found.mtime_nsec()))
    };
    lists.map(|file| (file.clone(), of(file))).collect()
}

/// What an operator should know of the certificates in force: that something ends soon, or has.
pub(crate) fn ending(listeners: &[Arc<Tls>]) -> Option<Text> {
    let now = now();
    let mut worst: Option<(f64, Text)> = None;
    for tls in listeners {
        let (name, terms) = (tls.listener(), tls.terms());
        for (what, what_ja, end, warning) in [
            ("the certificate", "証明書", Some(terms.certificate_ends), WARNING_DAYS),
            ("a root of the clients' certificates", "団体の証明書のルート", terms.roots_end(), WARNING_DAYS),
            // The next list comes on the last day, as a rule.
            ("a revocation list", "失効リスト（CRL）", terms.crls_end(), 0.0),
        ] {
            let Some(left) = end.map(|end| days_left(end, now)).filter(|left| *left <= warning) else {
                continue;
            };
            if worst.as_ref().is_some_and(|(least, _)| *least <= left) {
                continue;
            }
            let days = left.floor().max(0.0);
            let text = if left <= 0.0 {
                text!(
                    "{what} of listener {name} has ended",
                    "listener {name} の{what_ja}の期限が切れています"
                )
            } else {
                text!(
                    "{what} of listener {name} ends in {days} days",
                    "listener {name} の{what_ja}の期限まであと{days}日です"
                )
            };
            worst = Some((left, text));
        }
    }
    worst.map(|(_, text)| text)
}

/// The fewest days that a listener's certificate has left; `None` without TLS.
pub(crate) fn fewest_days(listeners: &[Arc<Tls>]) -> Option<i64> {
    let now = now();
    // Days of centuries at the most: they fit.
    listeners.iter().map(|tls| days_left(tls.terms().certificate_ends, now).floor() as i64).min()
}

/// The terms of a listener that a reload would put into force, where they may.
pub(crate) fn judged(
    listener: &mut EffectiveListener,
    guard: Option<&Guard>,
) -> anyhow::Result<Option<EffectiveTls>> {
    let name = &listener.name;
    match (listener.tls.take(), guard) {
        (None, None) => Ok(None),
        (Some(effective), Some(guard)) if guard.takes(&effective) => Ok(Some(effective)),
        (Some(_), Some(_)) => anyhow::bail!(
            "listener {name:?}: a revocation list is older than the one in force: what was revoked would be taken again"
        ),
        (Some(_), None) | (None, Some(_)) => {
            tracing::warn!(listener = name, "TLS is turned on or off only with a restart");
            Ok(None)
        }
    }
}

/// `sekisho certificate`: the names of certificates as a client's `certificates` has them.
pub(crate) fn show(args: &CertificateArgs, language: Language) -> anyhow::Result<ExitCode> {
    let file = crate::config::words::on_a_line(&args.file);
    let found = match Certificate::read_file(&args.file) {
        Ok(found) if !found.is_empty() => found,
        Ok(_) => {
            anyhow::bail!(Said(text!("{file}: no certificate in PEM", "{file}：PEM形式の証明書がありません")))
        }
        // What is broken is said in place of what a text that is none would be called.
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            anyhow::bail!(Said(text!(
                "{file}: a certificate in it cannot be read",
                "{file}：読み取れない証明書があります"
            )))
        }
        Err(error) => anyhow::bail!(Said(crate::config::words::file(&args.file, &error))),
    };
    let mut out = std::io::stdout();
    for certificate in found {
        let (from, until) = certificate.holds();
        let holds = text!("# {from} to {until}", "# {from}から{until}まで");
        writeln!(out, "{}", holds.in_language(language))?;
        for name in &certificate.names {
            let mut shown = String::new();
            for c in toml::Value::String(name.to_string()).to_string().chars() {
                if sekisho_xsd::disturbs(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
            }
            writeln!(out, "{shown}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
