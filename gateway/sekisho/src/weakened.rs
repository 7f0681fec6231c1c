//! Words of the configuration that let the gateway be weaker than it could be, for everybody to see.

use prometheus::{IntGaugeVec, Opts, Registry};

use crate::config::effective::Effective;

/// Shows on the metrics, and says in the log, by which words the configuration is weaker than it could be.
pub(crate) struct Weakened(IntGaugeVec);

/// A word and what it weakens: the section, the name that it has there, the word.
type Word<'a> = (&'static str, &'a str, &'static str);

impl Weakened {
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let help = "1 for each word of the configuration that lets something be weaker than it could be.";
        let gauge = IntGaugeVec::new(Opts::new("sekisho_weakened", help), &["section", "name", "word"])?;
        registry.register(Box::new(gauge.clone()))?;
        Ok(Self(gauge))
    }

    /// Shows what holds from now on.
    pub(crate) fn show(&self, effective: &Effective, on_record: bool) {
        self.0.reset();
        for (section, name, word) in words(effective, on_record) {
            self.0.with_label_values(&[section, name, word]).set(1);
            if section == "log" {
                tracing::warn!("nothing is put on record: log.exchanges.keep says so");
            } else {
                tracing::warn!(section, name, word, "the configuration lets this be weaker than it could be");
            }
        }
    }
}

fn words(effective: &Effective, on_record: bool) -> Vec<Word<'_>> {
    let unrecorded = (!on_record).then_some(("log", "", "log.exchanges.keep"));
    let admin = effective.admin_is_plain.then_some(("admin", "", "plain-http"));
    let listeners = effective.listeners.iter();
    let listeners =
        listeners.flat_map(|one| one.weakened.iter().map(|word| ("listener", one.name.as_str(), *word)));
    let upstreams = effective.upstreams.iter().filter(|one| one.is_plain);
    let upstreams = upstreams.map(|one| ("upstream", one.upstream.name(), "plain-http"));
    let scanners = effective.scanners.iter().filter(|one| one.is_plain);
    let scanners = scanners.map(|one| ("scanner", one.scanner.settings().name.as_str(), "plain-tcp"));
    let rest = listeners.chain(upstreams).chain(scanners);
    unrecorded.into_iter().chain(admin).chain(rest).collect()
}
