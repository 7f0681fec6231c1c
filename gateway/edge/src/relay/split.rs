//! Messages with more records than the cloud takes at once: batches whose answer the client awaits.
//!
//! A message that can be held is looked at first: with few records, or signed, it passes as it came. One that is split is
//! checked whole, spooled and entered in the ledger before the first call goes out, as every batch is; from there on
//! delivery is what sends it, whether its client still waits or not.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sekisho_exchanges::Verdict;
use sekisho_journal::BatchId;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::awaited::Awaited;
use super::{ANSWER_ROOM, Held, Passage, arrival, hold, most, room, turn};
use crate::body::{RawBody, Unpacked};
use crate::doors::{self, Asks, Binds, Names, SoapMessage};
use crate::refusal::{Class, Refusal};
use crate::route::{Signed, Split};
use crate::service::{Answered, Coding, header_key, keep, stated_wait, through_from};
use crate::stock;

/// What is left of a client's patience for the answer to reach it: a tenth of it, and so much at the most.
const MARGIN: Duration = Duration::from_secs(1);

impl Passage<'_, '_> {
    /// Passes the message as it came, or makes a batch of it and awaits that one's answer.
    pub(super) async fn whole_or_split<B>(
        &mut self,
        split: &Split,
        began: Instant,
        body: B,
    ) -> Result<Answered, Refusal>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let exchange = self.exchange;
        let key = header_key(exchange.headers)?;
        let stated = stated_wait(exchange.headers).map(Duration::from_secs);
        let id = BatchId::new(exchange.received_at);
        let batch = stock::room(exchange, self.declared.length)?;
        batch.named(&Names { key: key.clone(), message_id: None });
        self.room = Some(Arc::clone(&batch));

        let most = split.pass_bytes.min(most(exchange));
        let may_pass = self.declared.coding == Coding::Identity
            && self.declared.length.is_none_or(|length| length <= most);
        let room = match may_pass {
            true => Some(room(exchange, self.declared.length.unwrap_or(most)).await?),
            false => None,
        };
        let turn = turn(exchange).await?;
        let mut rest = arrival(exchange, body);
        let begun = match room {
            None => Held::More(Vec::new()),
            Some(_) => hold(exchange, &mut rest, most).await?,
        };
        self.declared.trailing = rest.trailing();
        let message = match (begun, room) {
            (Held::Whole(message), Some(mut room)) => {
                self.body_read = true;
                room.shrink_to(message.len() as u64 + ANSWER_ROOM);
                let checked = self.check(&message, turn).await?;
                // The gateway's own operation is for the gateway: the cloud does not know it.
                let (own, many, scanned) = match &checked.asks {
                    Asks::Query(_) => return self.ask(checked).await,
                    Asks::Submit(submission) => {
                        let many = submission.own || submission.records > split.above_records;
                        (submission.own, many, submission.scan)
                    }
                };
                match (many, checked.header.signed) {
                    // The scanner has had all of it.
                    (true, false) => self.spool(message, id, scanned).await?,
                    (true, true) if own => return Err(signed_for_us()),
                    (true, true) if split.signed == Signed::Refuse => {
                        return Err(signed(split.above_records));
                    }
                    _ => {
                        if let Some(verdict) = scanned {
                            exchange.scanned(verdict);
                        }
                        return self.pass(message, room).await;
                    }
                }
            }
            (Held::Whole(message), None) => self.spool(message, id, None).await?,
            (Held::More(begun), room) => {
                let read = self.reader(Binds::UsUnsigned, Some(id), None);
                let declared = self.declared.clone();
                let (read, body_read) = through_from(exchange, declared, turn, begun, rest, read).await;
                self.body_read = body_read;
                // What was held of it has been read.
                drop(room);
                self.read(read?)?
            }
        };
        let SoapMessage { message_id, asks, header, parts, .. } = message;
        let submission = match asks {
            Asks::Submit(submission) => *submission,
            asks @ Asks::Query(_) => {
                let version = self.version;
                return self.ask(SoapMessage { version, message_id, asks, header, parts }).await;
            }
        };
        // Whichever ends first: what the route gives, what the client asks for in HTTP, and what its message is good for.
        let good = header.lifetime.map(|lifetime| lifetime.left(OffsetDateTime::now_utc() - began.elapsed()));
        let patience = [stated, good].into_iter().flatten().fold(split.deadline, Duration::min);
        let until = began + patience.saturating_sub(MARGIN.min(patience / 10));
        let awaited = Awaited {
            exchange,
            door: self.door,
            version: self.version,
            message_id,
            reply: submission.reply.clone(),
            own: submission.own,
            stated: stated.is_some(),
        };
        let kept = keep(exchange, self.door, submission, key, &batch).await?;
        // The ledger counts it from here on.
        self.room = None;
        drop(batch);
        awaited.answer(kept, split, until).await
    }

    /// Reads a message that is in memory into the spool; scans it unless it was found to be this.
    async fn spool(
        &mut self,
        message: Bytes,
        id: BatchId,
        scanned: Option<Verdict>,
    ) -> Result<SoapMessage, Refusal> {
        let read = self.reader(Binds::UsUnsigned, Some(id), scanned);
        let (digests, limit) = (self.declared.digests.clone(), self.exchange.route.limits.body_bytes);
        let trailing = self.declared.trailing.clone();
        let reading = tokio::task::spawn_blocking(move || {
            read(Unpacked::Identity(RawBody::whole(message, limit, &digests).behind(&trailing)))
        });
        let read = reading.await.map_err(|error| Refusal::internal("spooling a message", &error))?;
        let message = self.read(read)?;
        // Nothing was demanded when it was checked that is not demanded now.
        match doors::unmet(message.header.clone()) {
            Some(refusal) => Err(refusal),
            None => Ok(message),
        }
    }
}

fn signed_for_us() -> Refusal {
    Refusal::new(
        Class::Invalid,
        "relay-signed",
        "A signed message is never split, and a batch for the gateway itself always is. Nothing was sent; send it without a \
         signature.",
    )
    .ja("署名された電文は分割できませんが、ゲートウェイ宛てのバッチは常に分割します。何も送信していません。署名なしで送信してください。")
}

fn signed(above_records: u64) -> Refusal {
    Refusal::new(
        Class::Invalid,
        "relay-signed",
        format!(
            "A signed message is never split, and this one has more than {above_records} records (split.above_records). \
             Nothing was sent; send less at once, or without a signature."
        ),
    )
    .ja(format!(
        "署名された電文は分割できず、この電文のレコード数は{above_records}件（split.above_records）を超えています。\
         何も送信していません。分けて送信するか、署名なしで送信してください。"
    ))
}
