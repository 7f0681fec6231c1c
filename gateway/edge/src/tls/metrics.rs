//! How long certificates, roots and revocation lists last, as of each scrape.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, Opts, Registry};

use super::Tls;

struct TimeLeft {
    listeners: Vec<Arc<Tls>>,
    left: GaugeVec,
}

impl Collector for TimeLeft {
    fn desc(&self) -> Vec<&Desc> {
        self.left.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let now = now_seconds();
        for tls in &self.listeners {
            let terms = tls.terms();
            let ends = [
                ("certificate", Some(terms.certificate_ends)),
                ("roots", terms.roots_end()),
                ("crls", terms.crls_end()),
            ];
            for (what, end) in ends {
                let labels = [tls.listener(), what];
                match end {
                    Some(end) => self.left.with_label_values(&labels).set(end.saturating_sub(now) as f64),
                    // Gone with a reload, or never there: then there is nothing to remove.
                    None => drop(self.left.remove_label_values(&labels)),
                }
            }
        }
        self.left.collect()
    }
}

/// Shows `sekisho_tls_left_seconds` of these listeners.
///
/// # Errors
/// When the name is registered already.
pub fn register(registry: &Registry, listeners: Vec<Arc<Tls>>) -> prometheus::Result<()> {
    let help = "Seconds until a listener's certificate, the first of its clients' roots or the first of its revocation \
                lists ends; negative when it has.";
    let left = GaugeVec::new(Opts::new("sekisho_tls_left_seconds", help), &["listener", "what"])?;
    registry.register(Box::new(TimeLeft { listeners, left }))
}

/// The present in unix seconds.
pub(crate) fn now_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
