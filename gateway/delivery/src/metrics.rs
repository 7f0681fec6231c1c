//! What monitoring sees of delivery. Label values come from configuration only.

use std::time::Duration;

use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry};

use crate::pace::Pace;
use crate::quota::Spent;

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
    fixed: GaugeVec,
    row: GaugeVec,
    byte: GaugeVec,
    noise: GaugeVec,
    allowed: IntGaugeVec,
    wait: GaugeVec,
    used: IntGaugeVec,
    breaker: IntGaugeVec,
    unreadable: IntGaugeVec,
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
        // Few, since every route has them all, and most of them where the limits of clouds are.
        let buckets = vec![0.5, 2.0, 4.0, 6.0, 8.0, 10.0, 60.0, 300.0, 600.0];
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
            fixed: gauge(
                "sekisho_delivery_pace_call_seconds",
                "What a call is taken to cost, rows apart, alone at the upstream.",
                way,
            )?,
            row: gauge(
                "sekisho_delivery_pace_row_seconds",
                "What a row is taken to cost by itself, alone at the upstream.",
                way,
            )?,
            byte: gauge(
                "sekisho_delivery_pace_byte_seconds",
                "What a byte of a row is taken to cost, alone at the upstream.",
                way,
            )?,
            noise: gauge(
                "sekisho_delivery_pace_noise_ratio",
                "How far chunks are off from what was expected, in the mean, as a part of it.",
                way,
            )?,
            allowed: int_gauge("sekisho_delivery_pace_in_flight", "Chunks that may be under way.", way)?,
            wait: gauge(
                "sekisho_delivery_quota_wait_seconds",
                "How long nothing is sent because what the upstream may be asked for is used up.",
                way,
            )?,
            used: int_gauge(
                "sekisho_delivery_quota_used",
                "What the upstream was asked for within 24 hours, by what is counted.",
                &["upstream", "of"],
            )?,
            unreadable: int_gauge(
                "sekisho_delivery_unreadable_batches",
                "Batches with records that the spool cannot give, held for an operator.",
                &["upstream"],
            )?,
            breaker: int_gauge(
                "sekisho_delivery_breaker_open",
                "1 while nothing is sent to the upstream.",
                &["upstream"],
            )?,
        })
    }

    /// A batch has an outcome for every record.
    pub(crate) fn batch_finished(&self, upstream: &str, route: &str) {
        self.batches.with_label_values(&[upstream, route]).inc();
    }

    /// Records of a chunk by outcome.
    pub(crate) fn records(&self, upstream: &str, route: &str, outcome: &'static str, count: u64) {
        if count > 0 {
            self.records.with_label_values(&[upstream, route, outcome]).inc_by(count);
        }
    }

    /// A chunk has ended.
    pub(crate) fn chunk_ended(&self, upstream: &str, route: &str, end: &'static str, seconds: f64) {
        self.chunks.with_label_values(&[upstream, route, end]).inc();
        self.seconds.with_label_values(&[upstream, route]).observe(seconds);
    }

    /// The pace of a route as it stands; `wait`: seconds that a used up budget lets it wait.
    pub(crate) fn pace(&self, upstream: &str, route: &str, pace: &Pace, now: Duration, wait: f64) {
        let way = &[upstream, route];
        self.limit.with_label_values(way).set(pace.spec().limit().as_secs_f64());
        self.target.with_label_values(way).set(pace.spec().target_time().as_secs_f64());
        self.rows.with_label_values(way).set(whole(pace.rows(now)));
        self.in_flight.with_label_values(way).set(whole(pace.in_flight() as u64));
        self.allowed.with_label_values(way).set(i64::from(pace.allowed()));
        let learnt = pace.learnt();
        self.fixed.with_label_values(way).set(learnt.per_call);
        self.row.with_label_values(way).set(learnt.per_row);
        self.byte.with_label_values(way).set(learnt.per_byte);
        self.noise.with_label_values(way).set(learnt.noise);
        self.wait.with_label_values(way).set(wait);
    }

    /// What the upstream was asked for within 24 hours.
    pub(crate) fn quota(&self, upstream: &str, used: Spent) {
        for (of, count) in [("calls", used.calls), ("rows", used.rows), ("batches", used.batches)] {
            self.used.with_label_values(&[upstream, of]).set(whole(count));
        }
    }

    /// An upstream as it stands.
    pub(crate) fn upstream(&self, upstream: &str, open_batches: u64, unreadable: u64, paused: bool) {
        self.unreadable.with_label_values(&[upstream]).set(whole(unreadable));
        self.open.with_label_values(&[upstream]).set(whole(open_batches));
        self.breaker.with_label_values(&[upstream]).set(i64::from(paused));
    }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may panic

    use prometheus::TextEncoder;

    use super::*;
    use crate::pace::PaceSpec;

    /// A hundred routes that deliver, well and badly: with the way in's part (`sekisho_edge`, `metrics::tests`) a scrape
    /// stays below 310 kB.
    #[test]
    fn a_hundred_routes_take_less_than_two_hundred_kilobytes() {
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).unwrap();
        for number in 0..100 {
            let route = format!("route-{number:03}");
            metrics.batch_finished("main", &route);
            metrics.records("main", &route, "delivered", 1_234_567);
            metrics.chunk_ended("main", &route, "delivered", 1.234_567_89);
            let pace = Pace::new(PaceSpec::default());
            metrics.pace("main", &route, &pace, Duration::ZERO, 0.0);
        }
        let length = TextEncoder::new().encode_to_string(&registry.gather()).unwrap().len();
        assert!(length < 200_000, "{length}");
    }
}
