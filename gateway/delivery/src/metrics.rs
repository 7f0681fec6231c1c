//! What monitoring sees of delivery. Label values come from configuration only.

use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry};
use sekisho_journal::Sums;

/// Delivery's metrics. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    batches: IntCounterVec,
    open: IntGaugeVec,
    records: IntCounterVec,
    chunks: IntCounterVec,
    seconds: HistogramVec,
    limit: GaugeVec,
    target: GaugeVec,
    rows: IntGaugeVec,
    in_flight: IntGaugeVec,
    breaker: IntGaugeVec,
}

impl Metrics {
    /// Creates the metrics and registers them.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str, labels: &[&str]| -> Result<IntCounterVec, prometheus::Error> {
            let metric = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(metric.clone()))?;
            Ok(metric)
        };
        let int_gauge = |name: &str, help: &str, labels: &[&str]| -> Result<IntGaugeVec, prometheus::Error> {
            let metric = IntGaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(metric.clone()))?;
            Ok(metric)
        };
        let gauge = |name: &str, help: &str, labels: &[&str]| -> Result<GaugeVec, prometheus::Error> {
            let metric = GaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(metric.clone()))?;
            Ok(metric)
        };
        let buckets =
            vec![0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 20.0, 60.0, 300.0, 600.0];
        let seconds = HistogramVec::new(
            HistogramOpts::new(
                "sekisho_delivery_chunk_seconds",
                "Time from a chunk's first byte to its last answer.",
            )
            .buckets(buckets),
            &["upstream", "route"],
        )?;
        registry.register(Box::new(seconds.clone()))?;
        let way: &[&str] = &["upstream", "route"];
        Ok(Self {
            batches: counter(
                "sekisho_delivery_batches_total",
                "Batches of which every record has an outcome.",
                way,
            )?,
            open: int_gauge(
                "sekisho_delivery_open_batches",
                "Batches with records without an outcome.",
                &["upstream"],
            )?,
            records: counter(
                "sekisho_delivery_records_total",
                "Records by outcome.",
                &["upstream", "route", "outcome"],
            )?,
            chunks: counter(
                "sekisho_delivery_chunks_total",
                "Chunks sent, by how they ended.",
                &["upstream", "route", "end"],
            )?,
            seconds,
            limit: gauge(
                "sekisho_delivery_pace_limit_seconds",
                "The upstream's time limit for one chunk.",
                way,
            )?,
            target: gauge(
                "sekisho_delivery_pace_target_seconds",
                "The time that chunks are sized for.",
                way,
            )?,
            rows: int_gauge("sekisho_delivery_pace_rows", "Rows that the next chunk may have.", way)?,
            in_flight: int_gauge("sekisho_delivery_in_flight", "Chunks under way.", way)?,
            breaker: int_gauge(
                "sekisho_delivery_breaker_open",
                "1 while nothing is sent to the upstream.",
                &["upstream"],
            )?,
        })
    }
}
