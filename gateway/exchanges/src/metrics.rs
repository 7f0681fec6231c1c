//! What monitoring sees of the log.

use prometheus::{IntCounter, IntGauge, Registry};

/// The log's metrics.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Lines handed over for exchanges and calls, written or lost.
    pub lines: IntCounter,
    /// Of these, those that are not on record.
    pub lost: IntCounter,
    /// 1 while nothing can be written.
    pub failing: IntGauge,
    /// The number of the last line on the disk.
    pub head: IntGauge,
    /// The number of the file that is written.
    pub file: IntGauge,
    /// Times that lines were made durable together.
    pub syncs: IntCounter,
}

impl Metrics {
    pub(crate) fn new() -> prometheus::Result<Self> {
        Ok(Self {
            lines: IntCounter::new(
                "sekisho_log_lines_total",
                "Lines for the exchange log, written or lost.",
            )?,
            lost: IntCounter::new(
                "sekisho_log_lost_lines_total",
                "Exchanges that are not on record: a gap line in the log says so.",
            )?,
            failing: IntGauge::new("sekisho_log_failing", "1 while the exchange log cannot be written.")?,
            head: IntGauge::new("sekisho_log_head", "Number of the exchange log's last line on the disk.")?,
            file: IntGauge::new("sekisho_log_file", "Number of the exchange log's file that is written.")?,
            syncs: IntCounter::new(
                "sekisho_log_syncs_total",
                "Times that lines were made durable together.",
            )?,
        })
    }

    /// Registers them.
    ///
    /// # Errors
    /// When a name is registered already.
    pub fn register(&self, registry: &Registry) -> prometheus::Result<()> {
        registry.register(Box::new(self.lines.clone()))?;
        registry.register(Box::new(self.lost.clone()))?;
        registry.register(Box::new(self.failing.clone()))?;
        registry.register(Box::new(self.head.clone()))?;
        registry.register(Box::new(self.file.clone()))?;
        registry.register(Box::new(self.syncs.clone()))
    }
}
