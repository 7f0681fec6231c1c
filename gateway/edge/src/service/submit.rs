//! Submissions: through a door, into the ledger, answered with a receipt.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LINK, LOCATION};
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::Full;
use sekisho_journal::BatchId;
use sekisho_soap::MediaType;
use sekisho_soap::message::Answer;
use sekisho_xml::write::escape_text;

use super::keep::{Kept, keep};
use super::receive::{declared, through};
use super::say::{Voice, json, refuse, soap_answer, soap_body};
use super::{Answered, Exchange, form, media_type, query, repetition};
use crate::answers;
use crate::doors::{self, Asks, Binds, Desk, Names, SoapMessage, action};
use crate::gateway::UnderWay;
use crate::intake::Scans;
use crate::refusal::{Class, Refusal};
use crate::relay;
use crate::route::{Format, Mode, ReceiptMember, Reply};
use crate::stock::{self, Room};

/// How long `Prefer: wait` may ask for at the most, in seconds.
const LONGEST_WAIT: u64 = 60;
/// How often a waiting request looks at its batch.
pub(crate) const LOOK: Duration = Duration::from_millis(100);

/// `POST {path}`: a SOAP message, plain or in a package.
pub(super) async fn soap<B>(exchange: &Exchange<'_>, body: B) -> Answered
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let doors = &exchange.route.doors;
    let voice = || match doors.swa || doors.soap {
        true => Voice::at_soap_door(exchange.headers),
        false => Voice::of(exchange.headers.get(CONTENT_TYPE)),
    };
    let no = |refusal: Refusal| {
        let mut answered = refuse(exchange.id, voice(), refusal);
        answered.body_read = false;
        answered
    };
    let media_type = match media_type(exchange.headers) {
        Ok(media_type) => media_type,
        Err(refusal) => return no(refusal),
    };
    let door = match media_type.essence() {
        "multipart/related" if exchange.route.doors.swa => "swa",
        "text/xml" | "application/soap+xml" if exchange.route.doors.soap => "soap",
        _ => {
            return no(Refusal::new(
                Class::MediaType,
                "soap-media-type",
                "This path takes SOAP: text/xml or application/soap+xml, or multipart/related with attachments, as \
                 far as the route opens these doors.",
            )
            .ja("このパスはSOAPを受け付けます。text/xmlかapplication/soap+xml、添付付きはmultipart/relatedで、この特定通信が開いている\
         受付口に合わせて送信してください。"));
        }
    };
    let declared = match declared(exchange) {
        Ok(declared) => declared,
        Err(refusal) => return no(refusal),
    };
    let actions = match action::in_head(exchange.headers, &media_type) {
        Ok(actions) => actions,
        Err(refusal) => return no(refusal),
    };
    if let Mode::Relay { .. } = exchange.route.mode {
        return relay::relay(exchange, door, media_type, actions, declared, body).await;
    }

    let room = match stock::room(exchange, declared.length) {
        Ok(room) => room,
        Err(refusal) => return no(refusal),
    };
    let (route, gateway) = (Arc::clone(exchange.route), Arc::clone(exchange.gateway));
    let spool = gateway.spool.bounded_by(Arc::clone(&room) as _);
    let id = BatchId::new(exchange.received_at);
    let client = exchange.client.name.clone();
    let named = Arc::clone(&room);
    let read = move |body| {
        let claim = |names: &Names| {
            named.named(names);
            repetition::begin(&gateway, &client, &route.name, names)
        };
        let desk = Desk {
            scans: route.scan.as_ref().map(|scanner| Scans::new(scanner, &client)),
            route: &route,
            spool: Some(&spool),
            header: Binds::Us,
            id,
            actions: &actions,
            claim: Some(&claim),
        };
        if door == "swa" {
            doors::attached(&desk, body, &media_type)
        } else {
            doors::inline(&desk, body, &media_type)
        }
    };
    let (read, body_read) = through(exchange, declared, body, read).await;
    let mut answered = match read {
        Err(refusal) => refuse(exchange.id, voice(), refusal),
        Ok(Err(refused)) => refuse(exchange.id, Voice::Soap(refused.version), *refused.refusal),
        Ok(Ok(message)) => answer_soap(exchange, door, message, &room).await,
    };
    drop(room);
    answered.door = door;
    answered.body_read = body_read;
    answered
}

/// What a message is called and made of, for the exchange log.
pub(crate) fn named(exchange: &Exchange<'_>, message_id: Option<&str>, parts: Option<u64>) {
    if let Some(id) = message_id.filter(|_| exchange.gateway.log.is_on()) {
        exchange.noted.message(exchange.gateway.spool.keyed_hash("message-id", id.as_bytes()).0);
    }
    if let Some(parts) = parts {
        exchange.noted.parts(parts);
    }
}

async fn answer_soap(
    exchange: &Exchange<'_>,
    door: &'static str,
    message: SoapMessage,
    room: &Room,
) -> Answered {
    let relates = doors::relates_to(&message);
    let SoapMessage { version, message_id, asks, header: _, parts } = message;
    let message_id = message_id.as_deref();
    named(exchange, message_id, parts);
    match asks {
        Asks::Query(request) => query(exchange, door, version, message_id, request).await,
        Asks::Submit(mut submission) => {
            let reply = submission.reply.take();
            let under_way = submission.under_way.take();
            let kept = keep(exchange, door, *submission, None, room).await;
            drop(under_way);
            match kept {
                Err(refusal) => refuse(exchange.id, Voice::Soap(version), refusal.relating(relates.as_ref())),
                Ok(kept) => {
                    let response = match reply {
                        None => {
                            let gateway = exchange.gateway;
                            let receipt = answers::accepted(gateway, &kept.batch, kept.duplicate).await;
                            soap_answer(version, message_id, &Answer::Submitted(receipt))
                        }
                        Some(reply) => {
                            let action = format!("{}#{}", reply.element.namespace, reply.element.local);
                            soap_body(version, message_id, &action, &municipal(&reply, &kept))
                        }
                    };
                    Answered::of(door, response)
                }
            }
        }
    }
}

/// The receipt in the municipality's own words.
pub(crate) fn municipal(reply: &Reply, kept: &Kept) -> Vec<u8> {
    let batch = &kept.batch;
    let mut out = Vec::new();
    let element = &reply.element;
    out.extend_from_slice(format!("<{} xmlns=\"", element.local).as_bytes());
    // Names and namespaces come from the configuration, which has refused characters that XML cannot hold.
    let _ = sekisho_xml::write::escape_attribute(&element.namespace, &mut out);
    out.extend_from_slice(b"\">");
    for (name, member) in &reply.children {
        let value = match member {
            ReceiptMember::Id => batch.id.to_string(),
            ReceiptMember::Accepted => batch.sums.accepted.to_string(),
            ReceiptMember::SetAside => batch.sums.set_aside.to_string(),
            ReceiptMember::PayloadDigest => batch.payload_digest.to_string(),
            ReceiptMember::Duplicate => kept.duplicate.is_some().to_string(),
        };
        out.extend_from_slice(format!("<{name}>").as_bytes());
        let _ = escape_text(&value, &mut out);
        out.extend_from_slice(format!("</{name}>").as_bytes());
    }
    out.extend_from_slice(format!("</{}>", element.local).as_bytes());
    out
}

/// `POST {path}/batches`.
pub(super) async fn rest<B>(exchange: &Exchange<'_>, body: B) -> Answered
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let prepared = match prepare_rest(exchange) {
        Ok(prepared) => {
            let names = Names { key: prepared.3.clone(), message_id: None };
            stock::room_now(exchange, prepared.0.length, &names).await.map(|room| (prepared, room))
        }
        Err(refusal) => Err(refusal),
    };
    let ((declared, media_type, under_way, key), room) = match prepared {
        Ok(prepared) => prepared,
        Err(refusal) => {
            let mut answered = described(exchange, refuse(exchange.id, Voice::Rest, refusal));
            answered.body_read = false;
            return answered;
        }
    };
    let id = BatchId::new(exchange.received_at);
    let route = Arc::clone(exchange.route);
    let spool = exchange.gateway.spool.bounded_by(Arc::clone(&room) as _);
    let (read, body_read) = if media_type.is("multipart/form-data") {
        let target = form::Target { id, spool };
        form::file(exchange, declared, &media_type, &target, body).await
    } else {
        match Format::from_media_type(media_type.essence()).filter(|format| route.formats.contains(format)) {
            None => (Err(unknown_format(exchange)), false),
            Some(format) => {
                let client = exchange.client.name.clone();
                let read = move |body| {
                    let desk = Desk {
                        scans: route.scan.as_ref().map(|scanner| Scans::new(scanner, &client)),
                        route: &route,
                        spool: Some(&spool),
                        header: Binds::Us,
                        id,
                        actions: &[],
                        claim: None,
                    };
                    doors::plain(&desk, body, format, media_type.charset())
                };
                let (read, body_read) = through(exchange, declared, body, read).await;
                (read.and_then(|read| read), body_read)
            }
        }
    };
    let kept = match read {
        Err(refusal) => Err(refusal),
        Ok(submission) => keep(exchange, "rest", submission, key, &room).await,
    };
    // The ledger counts it now, or it is gone.
    drop((under_way, room));
    let mut answered = match kept {
        Err(refusal) => described(exchange, refuse(exchange.id, Voice::Rest, refusal)),
        Ok(kept) => accepted(exchange, kept).await,
    };
    answered.body_read = body_read;
    answered
}

pub(super) fn unknown_format(exchange: &Exchange<'_>) -> Refusal {
    let names: Vec<_> = exchange.route.formats.iter().map(|format| format.name()).collect();
    Refusal::new(
        Class::MediaType,
        "payload-type",
        format!(
            "The media type is not one that this route takes: send {}, or multipart/form-data.",
            names.join(", ")
        ),
    )
    .ja(format!(
        "データの形式が、この特定通信で受け付けるものではありません。{}、またはmultipart/form-dataで送信してください。",
        names.join("、")
    ))
}

type Prepared = (super::receive::Declared, MediaType, Option<UnderWay>, Option<String>);

fn prepare_rest(exchange: &Exchange<'_>) -> Result<Prepared, Refusal> {
    if let Mode::Relay { .. } = exchange.route.mode {
        return Err(Refusal::new(
            Class::NotFound,
            "door-closed",
            "This route relays SOAP messages; it takes no batches.",
        )
        .ja("この特定通信はSOAP電文の中継専用で、バッチは受け付けません。"));
    }
    let media_type = media_type(exchange.headers)?;
    let declared = declared(exchange)?;
    let key = repetition::header_key(exchange.headers)?;
    if key.is_none() && exchange.route.duplicates.key_required {
        return Err(repetition::missing());
    }
    let under_way = match &key {
        None => None,
        Some(key) => {
            let begun = exchange.gateway.begin(&exchange.client.name, &exchange.route.name, key);
            Some(begun.ok_or_else(repetition::under_way)?)
        }
    };
    Ok((declared, media_type, under_way, key))
}

/// What is wrong with an idempotency key comes with the way to the rules for them, as the draft (section 2.7) wants it.
fn described(exchange: &Exchange<'_>, mut answered: Answered) -> Answered {
    if answered.refused.is_some_and(|code| code.starts_with("idempotency-key")) {
        let path = exchange.route.path.trim_end_matches('/');
        let link = format!("<{path}/openapi.json>; rel=\"describedby\"; type=\"application/json\"");
        // A path from the configuration: visible ASCII.
        if let Ok(link) = HeaderValue::from_str(&link) {
            answered.response.headers_mut().insert(LINK, link);
        }
    }
    answered
}

/// 202 with the receipt; 200 with the final one where the client prefers to wait (RFC 7240 §4.3) and it came in time.
async fn accepted(exchange: &Exchange<'_>, kept: Kept) -> Answered {
    let Kept { mut batch, duplicate, .. } = kept;
    let wait = preferred_wait(exchange.headers);
    if let Some(wait) = wait {
        let until = tokio::time::Instant::now() + Duration::from_secs(wait);
        let mut look = tokio::time::interval(LOOK);
        // A gateway that stops does not keep its clients waiting for what will not come: the receipt is true as it is.
        let stopping = async {
            match exchange.stopping.clone() {
                Some(stopping) => stopping.begun().await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(stopping);
        while batch.finished_at.is_none() && tokio::time::Instant::now() < until {
            tokio::select! {
                _ = look.tick() => {}
                () = &mut stopping => break,
            }
            match exchange.gateway.ledger.batch(batch.id).await {
                Ok(Some(now)) => batch = now,
                Ok(None) | Err(_) => break, // the receipt in hand stays true
            }
        }
    }
    let status = if batch.finished_at.is_some() { 200 } else { 202 };
    let receipt = answers::accepted(exchange.gateway, &batch, duplicate).await;
    let mut response: Response<Full<Bytes>> = json(status, &receipt);
    let location = format!("{}/batches/{}", exchange.route.path.trim_end_matches('/'), batch.id);
    let headers = response.headers_mut();
    // A path from the configuration and a UUID: visible ASCII, checked when the route was loaded.
    if let Ok(location) = HeaderValue::from_str(&location) {
        headers.insert(LOCATION, location);
    }
    if let Ok(digest) = HeaderValue::from_str(&answers::repr_digest(&batch.payload_digest)) {
        headers.insert("sekisho-payload-digest", digest);
    }
    if wait.is_some() {
        headers.insert("preference-applied", HeaderValue::from_static("wait"));
    }
    Answered::of("rest", response)
}

/// `Prefer: wait=N`, in seconds, cut to what is kept open at the most.
fn preferred_wait(headers: &HeaderMap) -> Option<u64> {
    stated_wait(headers).map(|wait| wait.min(LONGEST_WAIT))
}

/// `Prefer: wait=N` (RFC 7240 §4.3), in seconds.
pub(crate) fn stated_wait(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get("prefer")?.to_str().ok()?;
    let wait = value.split([',', ';']).find_map(|preference| preference.trim().strip_prefix("wait="))?;
    wait.trim_matches('"').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn preferences() {
        for (value, wait) in [
            ("wait=5", Some(5)),
            ("respond-async, wait=10", Some(10)),
            ("wait=\"7\"", Some(7)),
            ("wait=999999", Some(LONGEST_WAIT)),
            ("wait=-1", None),
            ("wait", None),
            ("return=minimal", None),
        ] {
            assert_eq!(preferred_wait(&header("prefer", value)), wait, "{value}");
        }
    }
}
