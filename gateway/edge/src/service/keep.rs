//! What a message held goes from the spool into the ledger.

use sekisho_exchanges::Verdict;
#[cfg(feature = "failpoints")]
use sekisho_journal::failpoints::{self, Point};
use sekisho_journal::{Accepted, BatchView, Digest, NewBatch, RepeatedBy};

use super::{Exchange, batches, repetition};
use crate::doors::Submission;
use crate::gateway::{discard, now_millis};
use crate::refusal::{Class, Refusal};
use crate::stock::{self, Room};

/// A batch in the ledger.
pub(crate) struct Kept {
    pub(crate) batch: BatchView,
    /// It was accepted before, and by what that is known.
    pub(crate) duplicate: Option<RepeatedBy>,
    /// It has a name by which a repetition will be known.
    pub(crate) named: bool,
}

/// Enters a sealed batch into the ledger. When this returns, the receipt is true.
pub(crate) async fn keep(
    exchange: &Exchange<'_>,
    door: &str,
    submission: Submission,
    header_key: Option<String>,
    room: &Room,
) -> Result<Kept, Refusal> {
    let payload = submission.payload;
    let (Some((plan, mapping)), Some(taken), Some(payload_digest)) =
        (exchange.route.mode.plan(), submission.taken, payload.sha256)
    else {
        return Err(Refusal::internal("entering a batch", &"the route does not store"));
    };
    if !taken.set_aside.is_empty() {
        tracing::info!(
            id = %exchange.id, batch = %taken.sealed.batch, records = taken.set_aside.len(),
            errors = taken.violations.total(), "bad records set aside"
        );
    }
    let (gateway, route) = (exchange.gateway, exchange.route);
    let now = now_millis();
    let id = taken.sealed.batch;
    let mut names = submission.names;
    names.key = header_key.or(names.key);
    // A stack never sends an envelope twice alike (ids and times differ), so a repetition is known by its records; where
    // some were left out, by the payload.
    let fingerprint = if taken.set_aside.is_empty() { taken.sealed.records_digest } else { payload_digest };
    let remembered = repetition::names(&names, &route.duplicates, &gateway.spool, fingerprint);
    let Some(idempotency) =
        remembered.map(|names| repetition::idempotency(names, fingerprint, &route.duplicates, now))
    else {
        discard(&gateway.spool, id).await;
        return Err(repetition::missing());
    };
    let named = idempotency.is_some();
    exchange.noted.operation("submit");
    if let Some(verdict) = submission.scan {
        exchange.scanned(verdict);
    }
    let left_out = !taken.set_aside.is_empty();
    exchange.noted.records(taken.sealed.records, if left_out { Verdict::Partly } else { Verdict::Passed });
    let batch = NewBatch {
        id,
        client: exchange.client.name.clone(),
        route: route.name.clone(),
        door: door.to_owned(),
        reference: submission.reference,
        plan,
        schema: Digest(*route.records.schema.digest().as_bytes()),
        mapping,
        policy: route.policy.as_ref().map(|policy| Digest(*policy.digest())),
        records: taken.sealed.records,
        set_aside: taken.set_aside,
        replaced: payload.replaced,
        bytes: payload.bytes,
        stored: taken.sealed.stored,
        payload_digest,
        records_digest: taken.sealed.records_digest,
        received_at: exchange.received_at,
        accepted_at: now,
        expires_at: route
            .limits
            .expires_after
            .map(|after| now.saturating_add(u64::try_from(after.as_millis()).unwrap_or(u64::MAX))),
        ordered: route.limits.ordered,
        idempotency,
    };
    #[cfg(feature = "failpoints")]
    failpoints::pass(Point::BatchSealed);
    match gateway.ledger.accept_without(batch, taken.superseded, room.is_lent()).await {
        Ok(Accepted::New(batch)) => {
            #[cfg(feature = "failpoints")]
            failpoints::pass(Point::BatchAccepted);
            let labels = [route.name.as_str(), door];
            let metrics = &gateway.metrics;
            metrics.batches_accepted.with_label_values(&labels).inc();
            metrics.records_accepted.with_label_values(&labels).inc_by(batch.sums.accepted);
            metrics.payload_bytes.with_label_values(&labels).inc_by(batch.bytes);
            metrics.records_set_aside.with_label_values(&[route.name.as_str()]).inc_by(batch.sums.set_aside);
            let replaced = (batch.replaced > 0).then_some(batch.replaced);
            metrics.characters_replaced.with_label_values(&[route.name.as_str()]).inc_by(batch.replaced);
            tracing::info!(
                id = %exchange.id, %batch.id, client = exchange.client.name, route = route.name, door,
                records = batch.sums.accepted, bytes = batch.bytes, replaced, "batch accepted"
            );
            exchange.noted.batch(batch.id);
            exchange.noted.outcome("accepted");
            (gateway.wake)();
            Ok(Kept { batch, duplicate: None, named })
        }
        Ok(Accepted::Replay { batch, by }) => {
            exchange.noted.batch(batch.id);
            exchange.noted.outcome("duplicate");
            discard(&gateway.spool, id).await;
            Ok(Kept { batch, duplicate: Some(by), named })
        }
        Ok(Accepted::Conflict { .. }) => {
            discard(&gateway.spool, id).await;
            Err(Refusal::new(
                Class::KeyReused,
                "idempotency-key-reused",
                "The idempotency key (or message id) was used with other content. Use a new one for new content.",
            )
            .ja("同じ冪等キー（または電文ID）が別の内容で使われています。新しい内容には新しいキーを使ってください。"))
        }
        Ok(Accepted::NoRepetition) => {
            discard(&gateway.spool, id).await;
            Err(stock::refused())
        }
        Err(error) => {
            // Where the batch may turn out to be in the ledger, its payload stays until that is known.
            if error.is_certain() {
                discard(&gateway.spool, id).await;
            } else {
                gateway.unsure(id);
            }
            Err(batches::ledger(&error))
        }
    }
}
