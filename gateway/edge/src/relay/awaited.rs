//! The answer to a batch whose client waits: whole when every record has its outcome, or else what there is to say when
//! the client's patience nears its end.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use http_body_util::Full;
use sekisho_delivery::{AnswerError, MergedAnswer, merged_answer};
use sekisho_journal::{BatchView, Status};
use sekisho_soap::Version;
use sekisho_soap::envelope;
use sekisho_soap::message::{Answer, Unfinished};
use tokio::time::Instant;

use super::{count, most, standing};
use crate::admission::Room;
use crate::answer_body::Streamed;
use crate::answers;
use crate::refusal::{Class, Refusal, RelatesTo, counted};
use crate::route::{Reply, Split};
use crate::service::{
    Answered, Exchange, Kept, LOOK, Voice, ledger, municipal, refuse, reply_headers, soap_answer, soap_body,
    text,
};

/// The first wait between two looks at a batch; each is twice as long as the one before, up to [`LOOK`], and later up to a
/// tenth of what was waited so far.
const FIRST_LOOK: Duration = Duration::from_millis(5);
/// The longest of these waits.
const LONGEST_LOOK: Duration = Duration::from_secs(1);
/// Memory that an answer takes while it is made and sent.
const ROOM: u64 = 2 * 1024 * 1024;
/// And while it is sent.
const SENDING_ROOM: u64 = 256 * 1024;

/// A client that waits, and how it wants to be answered.
pub(super) struct Awaited<'e, 'x> {
    pub(super) exchange: &'e Exchange<'x>,
    pub(super) door: &'static str,
    pub(super) version: Version,
    pub(super) message_id: Option<String>,
    /// The receipt that its operation's description declares.
    pub(super) reply: Option<Reply>,
    /// It called the gateway's own operation, whose answer is the gateway's receipt.
    pub(super) own: bool,
    /// It said how long it waits.
    pub(super) stated: bool,
}

impl Awaited<'_, '_> {
    /// Waits for the batch's end, or until the time is over, and answers.
    pub(super) async fn answer(
        &self,
        mut kept: Kept,
        split: &Split,
        until: Instant,
    ) -> Result<Answered, Refusal> {
        kept.batch = self.settled(kept.batch, until).await?;
        let said = self.said(&kept, split, until).await;
        let id = self.exchange.id;
        let relates = self.message_id.clone().map(|message_id| {
            let operation = self.own.then_some("submitBatch");
            RelatesTo { message_id, operation }
        });
        let mut answered = said.unwrap_or_else(|refusal| {
            refuse(id, Voice::Soap(self.version), refusal.relating(relates.as_ref()))
        });
        if self.stated {
            let headers = answered.response.headers_mut();
            headers.insert("preference-applied", HeaderValue::from_static("wait"));
        }
        Ok(answered)
    }

    async fn settled(&self, mut batch: BatchView, until: Instant) -> Result<BatchView, Refusal> {
        let exchange = self.exchange;
        let waiting = &exchange.gateway.metrics.relays_waiting;
        waiting.inc();
        let _counted = Counted(waiting);
        // A gateway that stops does not keep its clients waiting: the batch goes on when it is started again.
        let stopping = async {
            match exchange.stopping.clone() {
                Some(stopping) => stopping.begun().await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(stopping);
        let (began, mut look) = (Instant::now(), FIRST_LOOK);
        // What waits for an operator is not waited for: nobody knows how long that will be.
        while batch.finished_at.is_none() && batch.status != Status::Held && Instant::now() < until {
            tokio::select! {
                () = tokio::time::sleep_until(until.min(Instant::now() + look)) => {}
                () = &mut stopping => break,
            }
            // Who has waited for long can wait a tenth of it more: many who wait are no burden for the ledger.
            look = (2 * look).min((began.elapsed() / 10).clamp(LOOK, LONGEST_LOOK));
            let found = exchange.gateway.ledger.batch(batch.id).await.map_err(|error| ledger(&error))?;
            batch = found.ok_or_else(|| Refusal::internal("awaiting a batch", &"it is gone"))?;
        }
        Ok(batch)
    }

    async fn said(&self, kept: &Kept, split: &Split, until: Instant) -> Result<Answered, Refusal> {
        let (exchange, batch) = (self.exchange, &kept.batch);
        let message_id = self.message_id.as_deref();
        let finished = batch.finished_at.is_some();
        if finished && split.merged && !self.own {
            match self.merged(batch, until).await? {
                Some(answered) => return Ok(answered),
                None => tracing::info!(batch = %batch.id, "the answer to a batch is no longer kept"),
            }
        }
        if let Some(reply) = &self.reply {
            count(exchange, "receipt");
            let action = action(&reply.element);
            return Ok(self.answered(soap_body(self.version, message_id, &action, &municipal(reply, kept))));
        }
        if self.own || (finished && !split.merged) {
            count(exchange, "receipt");
            let receipt = answers::accepted(exchange.gateway, batch, kept.duplicate).await;
            return Ok(self.answered(soap_answer(self.version, message_id, &Answer::Submitted(receipt))));
        }
        count(exchange, "unfinished");
        let standing = standing::of(&exchange.gateway.ledger, batch).await.map_err(|error| ledger(&error))?;
        Err(unfinished(batch, kept.named, standing))
    }

    fn answered(&self, response: Response<Full<Bytes>>) -> Answered {
        Answered::of(self.door, response)
    }

    /// The answer that is made of the cloud's; `None` where there is none any more, or never was to be.
    async fn merged(&self, batch: &BatchView, until: Instant) -> Result<Option<Answered>, Refusal> {
        let exchange = self.exchange;
        let gateway = exchange.gateway;
        // No longer than the client waits, or than it takes to look whether there is some.
        let room = Room::wait(&gateway.relays, &exchange.client.name, ROOM.min(most(exchange)));
        let room = tokio::time::timeout_at(until.max(Instant::now() + LOOK), room).await;
        let mut room = room.ok().and_then(Result::ok).ok_or_else(no_room)?;
        let made = merged_answer(&gateway.ledger, &gateway.spool, batch).await;
        let made = match made {
            Ok(made) => made,
            Err(AnswerError::Gone | AnswerError::None) => return Ok(None),
            Err(error) => return Err(unreadable(batch, &error)),
        };
        room.shrink_to(SENDING_ROOM);
        let streamed = self.streamed(made, room);
        let mut response = Response::new(streamed.map_err(|error| unreadable(batch, &error))?);
        let labelled = text(200, content_type(self.version), Bytes::new());
        if let Some(label) = labelled.headers().get(CONTENT_TYPE) {
            response.headers_mut().insert(CONTENT_TYPE, label.clone());
        }
        count(exchange, "merged");
        Ok(Some(Answered::of(self.door, response)))
    }

    fn streamed(&self, made: MergedAnswer, room: Room) -> Result<Streamed, AnswerError> {
        let action = made.action().map_or_else(|| action(made.element()), str::to_owned);
        let headers = reply_headers(self.message_id.as_deref(), &action);
        let (head, tail) = envelope::around(self.version, headers.as_ref());
        let length = made.length() + head.len() as u64 + tail.len() as u64;
        let pieces = made.pieces()?;
        Ok(Streamed::new(head.into(), pieces, Bytes::from_static(tail), length, room))
    }
}

/// One client more that waits, until it is dropped.
struct Counted<'g>(&'g prometheus::IntGauge);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn content_type(version: Version) -> &'static str {
    match version {
        Version::Soap11 => "text/xml; charset=utf-8",
        Version::Soap12 => "application/soap+xml; charset=utf-8",
    }
}

fn action(element: &sekisho_xml::QName) -> String {
    format!("{}#{}", element.namespace, element.local)
}

fn no_room() -> Refusal {
    Refusal::new(
        Class::Busy,
        "relay-answer-waits",
        "Every record has its outcome, but there is no memory now to read the answer (limits.relay_bytes). Send the same \
         message again, under the same idempotency key or message id, to get it.",
    )
    .ja(
        "すべてのレコードの結果は確定していますが、応答を読み出すメモリーがありません（limits.relay_bytes）。\
         同じ冪等キーまたは電文IDで同じ電文を再送すると応答を受け取れます。",
    )
    .retry_after(Duration::from_secs(10))
}

fn unreadable(batch: &BatchView, error: &dyn std::fmt::Display) -> Refusal {
    tracing::error!(batch = %batch.id, %error, "the answer to a batch cannot be made or read");
    Refusal::new(
        Class::Storage,
        "relay-answer-unreadable",
        format!(
            "Every record of batch {} has its outcome, but the gateway cannot read the answer. Ask for the batch by \
             batchState and batchErrors; do not send its records again.",
            batch.id
        ),
    )
    .ja(format!(
        "バッチ{}のすべてのレコードの結果は確定していますが、応答を読み出せません。batchStateとbatchErrorsで照会してください。\
         レコードを再送しないでください。",
        batch.id
    ))
}

/// What was done, what was not, and what nobody knows.
fn unfinished(batch: &BatchView, named: bool, standing: Unfinished) -> Refusal {
    let sums = &standing.sums;
    let refused = sums.rejected + batch.sums.set_aside;
    let not_done = sums.pending + sums.cancelled + sums.expired;
    let in_doubt = sums.in_flight + sums.in_doubt;
    let all = sums.accepted + batch.sums.set_aside;
    let (done, partly) = (sums.delivered, sums.partial);
    let so_far = format!(
        "Of {}, {done} are done, {partly} partly, {refused} refused, {not_done} not done, and {in_doubt} under way or in \
         doubt.",
        counted(all, "record")
    );
    let so_far_ja = format!(
        "{all}件のうち、反映済み{done}件、一部反映{partly}件、拒否{refused}件、未反映{not_done}件、送信中または不明{in_doubt}件です。"
    );
    let (code, class, en, ja) = if batch.finished_at.is_some() {
        (
            "relay-answer-gone",
            Class::Upstream,
            "The answer itself is no longer kept. The receipt and the errors are to be had by batchState and batchErrors."
                .to_owned(),
            "応答そのものは保管期間を過ぎています。受領証と誤りはbatchStateとbatchErrorsで照会できます。".to_owned(),
        )
    } else if batch.status == Status::Held {
        (
            "relay-held",
            Class::UpstreamTimeout,
            format!(
                "What became of those in doubt the gateway's operator has to decide: do not send them again before that, \
                 and ask for batch {} by batchState.",
                batch.id
            ),
            format!(
                "不明のレコードは運用者が判断します。それまで再送せず、バッチ{}をbatchStateで照会してください。",
                batch.id
            ),
        )
    } else if named {
        (
            "relay-unfinished",
            Class::UpstreamTimeout,
            format!(
                "The gateway goes on with batch {}: send the same message again under the same idempotency key or message \
                 id to get its answer, and do not send its records under another.",
                batch.id
            ),
            format!(
                "バッチ{}の送信は続きます。応答を受け取るには、同じ冪等キーまたは電文IDで同じ電文を再送してください。\
                 別のキーやIDで再送しないでください。",
                batch.id
            ),
        )
    } else {
        (
            "relay-unfinished",
            Class::UpstreamTimeout,
            format!(
                "The gateway goes on with batch {}: ask for it by batchState. The message had neither an idempotency key \
                 nor a message id, so that it would be another batch if it were sent again.",
                batch.id
            ),
            format!(
                "バッチ{}の送信は続きます。batchStateで照会してください。この電文には冪等キーも電文IDもないため、\
                 再送すると別のバッチになります。",
                batch.id
            ),
        )
    };
    let mut refusal = Refusal::new(class, code, format!("{so_far} {en}")).ja(format!("{so_far_ja}{ja}"));
    refusal.unfinished = Some(Box::new(standing));
    refusal
}
