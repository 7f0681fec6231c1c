//! What the way in counts. Labels come from the configuration and from fixed tables only.

use std::sync::Arc;

use prometheus::{
    CounterVec, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    exponential_buckets,
};

use crate::route::Route;

/// The counters of the way in.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Requests answered, by route, door and status class.
    pub requests: IntCounterVec,
    /// Time from a request's head to its answer's, by door, in seconds. Not by route: a hundred routes would have thousands of buckets.
    pub request_seconds: HistogramVec,
    /// The same, summed by route: over `sekisho_requests_total` it is the mean.
    pub route_seconds: CounterVec,
    /// Refusals, by code.
    pub refusals: IntCounterVec,
    /// Batches accepted, by route and door.
    pub batches_accepted: IntCounterVec,
    /// Records accepted, by route and door.
    pub records_accepted: IntCounterVec,
    /// Records set aside, by route.
    pub records_set_aside: IntCounterVec,
    /// Characters that a payload's charset does not have, and for which another one was put, by route.
    pub characters_replaced: IntCounterVec,
    /// Payload bytes accepted, by route and door.
    pub payload_bytes: IntCounterVec,
    /// TLS handshakes, by listener and by what came of them: `ok`, or the code of what was wrong.
    pub handshakes: IntCounterVec,
    /// Connections that there was no place for, by listener and limit.
    pub connections_turned_away: IntCounterVec,
    /// Messages that were scanned, by scanner and by what came of it: `passed`, `in-part` where only the beginning was scanned,
    /// `infected`, `unscannable`, or `unavailable` where the scanner did not answer as it should.
    pub scanned: IntCounterVec,
    /// Relayed messages answered, by route and by how: `passed` as they came, `merged` out of many answers, a `receipt`, or
    /// `unfinished` when the client's patience ended.
    pub relays: IntCounterVec,
    /// Clients that wait for the answer to their batch.
    pub relays_waiting: IntGauge,
    /// Bytes that each client's batches take of the spool; read from the ledger at each scrape.
    pub spool_bytes: IntGaugeVec,
    /// And how many batches they are.
    pub spool_batches: IntGaugeVec,
    /// Bytes that they may take.
    pub spool_quota_bytes: IntGaugeVec,
    /// And how many they may be.
    pub spool_quota_batches: IntGaugeVec,
    /// Age of the oldest batch of which not every record has an outcome, in seconds; read from the ledger at each scrape.
    pub oldest_open: IntGauge,
    /// Open connections.
    pub connections: IntGauge,
    /// Bodies being read.
    pub uploads: IntGauge,
}

impl Metrics {
    /// Shows what the clients of these routes may take of the spool; those of no route any more are not shown.
    pub fn show_quotas<'r>(&self, routes: impl Iterator<Item = &'r Arc<Route>>) {
        self.spool_quota_bytes.reset();
        self.spool_quota_batches.reset();
        for client in routes.flat_map(|route| &route.clients) {
            let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
            self.spool_quota_bytes.with_label_values(&[&client.name]).set(whole(client.quota.bytes));
            self.spool_quota_batches.with_label_values(&[&client.name]).set(whole(client.quota.batches));
        }
    }

    /// Registers the counters.
    ///
    /// # Errors
    /// When a name is registered already.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str, labels: &[&str]| -> prometheus::Result<IntCounterVec> {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let by_client = |name: &str, help: &str| -> prometheus::Result<IntGaugeVec> {
            let gauge = IntGaugeVec::new(Opts::new(name, help), &["client"])?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let gauge = |name: &str, help: &str| -> prometheus::Result<IntGauge> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let request_seconds = HistogramVec::new(
            HistogramOpts::new(
                "sekisho_request_duration_seconds",
                "Time from a request's head to its answer's.",
            )
            .buckets(exponential_buckets(0.001, 4.0, 9)?),
            &["door"],
        )?;
        registry.register(Box::new(request_seconds.clone()))?;
        let route_seconds = CounterVec::new(
            Opts::new(
                "sekisho_route_request_seconds_total",
                "Time from requests' heads to their answers', added up by route.",
            ),
            &["route"],
        )?;
        registry.register(Box::new(route_seconds.clone()))?;
        Ok(Self {
            requests: counter("sekisho_requests_total", "Requests answered.", &["route", "door", "status"])?,
            request_seconds,
            route_seconds,
            refusals: counter("sekisho_refusals_total", "Requests refused, by code.", &["code"])?,
            batches_accepted: counter(
                "sekisho_batches_accepted_total",
                "Batches made durable and acknowledged.",
                &["route", "door"],
            )?,
            records_accepted: counter(
                "sekisho_records_accepted_total",
                "Records of acknowledged batches.",
                &["route", "door"],
            )?,
            records_set_aside: counter(
                "sekisho_records_set_aside_total",
                "Bad records left out of acknowledged batches.",
                &["route"],
            )?,
            characters_replaced: counter(
                "sekisho_characters_replaced_total",
                "Characters of acknowledged batches for which another one was put.",
                &["route"],
            )?,
            payload_bytes: counter(
                "sekisho_payload_bytes_total",
                "Payload bytes of acknowledged batches.",
                &["route", "door"],
            )?,
            handshakes: counter(
                "sekisho_handshakes_total",
                "TLS handshakes, by what came of them.",
                &["listener", "outcome"],
            )?,
            connections_turned_away: counter(
                "sekisho_connections_turned_away_total",
                "Connections that there was no place for, by the limit that was reached.",
                &["listener", "code"],
            )?,
            scanned: counter(
                "sekisho_scanned_messages_total",
                "Messages that were scanned, by what came of it.",
                &["scanner", "outcome"],
            )?,
            relays: counter(
                "sekisho_relays_total",
                "Relayed messages answered, by how.",
                &["route", "answer"],
            )?,
            relays_waiting: gauge(
                "sekisho_relays_waiting",
                "Clients that wait for the answer to their batch.",
            )?,
            spool_bytes: by_client(
                "sekisho_client_spool_bytes",
                "Bytes that the client's batches take of the spool.",
            )?,
            spool_batches: by_client("sekisho_client_spool_batches", "The client's batches in the spool.")?,
            spool_quota_bytes: by_client(
                "sekisho_client_spool_quota_bytes",
                "Bytes that the client's batches may take of the spool.",
            )?,
            spool_quota_batches: by_client(
                "sekisho_client_spool_quota_batches",
                "Batches that the client may have in the spool.",
            )?,
            oldest_open: gauge(
                "sekisho_oldest_open_batch_seconds",
                "Time since the oldest batch was accepted of which not every record has an outcome; 0 where there is none.",
            )?,
            connections: gauge("sekisho_connections", "Open connections on the listeners.")?,
            uploads: gauge("sekisho_uploads", "Request bodies being read.")?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may panic

    use prometheus::TextEncoder;

    use super::*;

    /// A hundred routes that are used by three doors, well and badly: with delivery's half
    /// (`sekisho_delivery`, `metrics::tests`) a scrape stays below 310 kB.
    #[test]
    fn a_hundred_routes_take_a_hundred_kilobytes() {
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).unwrap();
        for number in 0..100 {
            let route = format!("route-{number:03}");
            metrics.route_seconds.with_label_values(&[&route]).inc_by(0.123_456_789);
            for door in ["swa", "soap", "rest"] {
                metrics.requests.with_label_values(&[&*route, door, "2xx"]).inc_by(123_456);
                metrics.request_seconds.with_label_values(&[door]).observe(0.123_456_789);
                for counter in [&metrics.batches_accepted, &metrics.records_accepted, &metrics.payload_bytes]
                {
                    counter.with_label_values(&[&route, door]).inc_by(1_234_567);
                }
            }
        }
        let length = TextEncoder::new().encode_to_string(&registry.gather()).unwrap().len();
        assert!(length < 110_000, "{length}");
    }
}
