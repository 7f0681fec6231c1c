//! What a client may ask about its batches. Another client's batch does not exist.

use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{ACCEPT, LINK};
use http::{HeaderValue, Response};
use http_body_util::Full;
use sekisho_journal::{BatchFilter, BatchId, BatchView, Event, LedgerError, Page};
use sekisho_soap::message::{BatchList, ChunksPage, ErrorsPage, Receipt};

use super::say::{Voice, json, refuse, text};
use super::{Answered, Exchange};
use crate::answers;
use crate::gateway::now_millis;
use crate::refusal::{Class, Refusal};

/// Errors or chunks on one page at the most.
const PAGE: u32 = 1_000;

pub(crate) fn ledger(error: &LedgerError) -> Refusal {
    tracing::error!(%error, code = error.code(), "the ledger failed");
    Refusal::new(Class::Storage, "ledger-unavailable", "The gateway's ledger is not available; try later.")
        .ja("台帳を利用できません。時間をおいて再度お試しください。")
}

fn unknown() -> Refusal {
    Refusal::new(Class::NotFound, "batch-unknown", "This client has no batch with this id on this route.")
        .ja("この団体のこの特定通信に、該当するバッチはありません。")
}

/// The client's batch on this route.
pub(super) async fn find(exchange: &Exchange<'_>, id: &str) -> Result<BatchView, Refusal> {
    let id: BatchId = id.parse().map_err(|_| unknown())?;
    let found = exchange.gateway.ledger.batch(id).await.map_err(|error| ledger(&error))?;
    let found = found
        .filter(|batch| batch.client == exchange.client.name && batch.route == exchange.route.name)
        .ok_or_else(unknown)?;
    exchange.noted.batch(found.id);
    Ok(found)
}

/// The receipt of a batch that was found, as it stands now.
pub(super) async fn standing(
    exchange: &Exchange<'_>,
    batch: Result<BatchView, Refusal>,
) -> Result<Receipt, Refusal> {
    answers::standing(exchange.gateway, &batch?, None).await.map_err(|error| ledger(&error))
}

/// `GET …/batches/{id}`.
pub(super) async fn receipt(exchange: &Exchange<'_>, id: &str) -> Answered {
    match standing(exchange, find(exchange, id).await).await {
        Ok(receipt) => Answered::of("rest", json(200, &receipt)),
        Err(refusal) => refuse(exchange.id, Voice::Rest, refusal),
    }
}

/// `GET …/batches?after=ID&limit=N`, newest first.
pub(super) async fn list(exchange: &Exchange<'_>, query: &str) -> Answered {
    match listed(exchange, query).await {
        Ok(list) => Answered::of("rest", json(200, &list)),
        Err(refusal) => refuse(exchange.id, Voice::Rest, refusal),
    }
}

async fn listed(exchange: &Exchange<'_>, query: &str) -> Result<BatchList, Refusal> {
    let after = match parameter(query, "after") {
        Some(id) => Some(id.parse::<BatchId>().map_err(|_| {
            let takes = "the id of a batch, as in a receipt or in \"next\" of a list";
            bad_parameter("after", takes, "受領証または一覧のnextにあるバッチの識別子")
        })?),
        None => None,
    };
    let limit = number(query, "limit")?.unwrap_or(100).clamp(1, u64::from(Page::MOST));
    let page = Page { after, limit: u32::try_from(limit).unwrap_or(Page::MOST) };
    let filter = BatchFilter {
        client: Some(exchange.client.name.clone()),
        route: Some(exchange.route.name.clone()),
        ..BatchFilter::default()
    };
    let found = exchange.gateway.ledger.batches(filter, page).await.map_err(|error| ledger(&error))?;
    let next =
        (found.len() as u64 == limit).then(|| found.last().map(|batch| batch.id.to_string())).flatten();
    let mut batches = Vec::with_capacity(found.len());
    for batch in found {
        batches.push(standing(exchange, Ok(batch)).await?);
    }
    Ok(BatchList { batches, next })
}

/// `GET …/batches/{id}/errors?from=N&limit=N`, as JSON, or as CSV where `Accept` asks for it. Where there is more, `Link`
/// says where (RFC 8288 §3): CSV has no other place for it.
pub(super) async fn errors(exchange: &Exchange<'_>, id: &str, query: &str) -> Answered {
    let wanted = number(query, "from").and_then(|from| Ok((from.unwrap_or(0), number(query, "limit")?)));
    let found = match wanted {
        Ok((from, limit)) => page(exchange, id, from, limit).await.map(|found| (found, limit)),
        Err(refusal) => Err(refusal),
    };
    let ((batch, page), limit) = match found {
        Ok(found) => found,
        Err(refusal) => return refuse(exchange.id, Voice::Rest, refusal),
    };
    let accepts = exchange.headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut response = if accepts.contains("text/csv") {
        text(200, "text/csv; charset=utf-8; header=present", csv(&page))
    } else {
        json(200, &page)
    };
    if let Some(next) = page.next {
        link_to_next(exchange, &batch, &format!("errors?from={next}"), limit, &mut response);
    }
    Answered::of("rest", response)
}

fn link_to_next(
    exchange: &Exchange<'_>,
    batch: &BatchView,
    what: &str,
    limit: Option<u64>,
    response: &mut Response<Full<Bytes>>,
) {
    let path = exchange.route.path.trim_end_matches('/');
    let limit = limit.map(|limit| format!("&limit={limit}")).unwrap_or_default();
    let link = format!("<{path}/batches/{}/{what}{limit}>; rel=\"next\"", batch.id);
    // A path from the configuration, a UUID and numbers: visible ASCII.
    if let Ok(link) = HeaderValue::from_str(&link) {
        response.headers_mut().insert(LINK, link);
    }
}

/// `GET …/batches/{id}/chunks?after=N&limit=N`: the history of a batch's chunks, with `Link` as for its errors.
pub(super) async fn chunks(exchange: &Exchange<'_>, id: &str, query: &str) -> Answered {
    let wanted = number(query, "after").and_then(|after| Ok((after.unwrap_or(0), number(query, "limit")?)));
    let found = match wanted {
        Ok((after, limit)) => chunk_page(exchange, id, after, limit).await.map(|found| (found, limit)),
        Err(refusal) => Err(refusal),
    };
    match found {
        Ok(((batch, page), limit)) => {
            let mut response = json(200, &page);
            if let Some(next) = page.next {
                link_to_next(exchange, &batch, &format!("chunks?after={next}"), limit, &mut response);
            }
            Answered::of("rest", response)
        }
        Err(refusal) => refuse(exchange.id, Voice::Rest, refusal),
    }
}

/// One page of a batch's chunks, those behind the number `after`.
pub(super) async fn chunk_page(
    exchange: &Exchange<'_>,
    id: &str,
    after: u64,
    limit: Option<u64>,
) -> Result<(BatchView, ChunksPage), Refusal> {
    let batch = find(exchange, id).await?;
    let limit = limit.unwrap_or(u64::from(PAGE)).clamp(1, u64::from(PAGE));
    let limit = u32::try_from(limit).unwrap_or(PAGE);
    let page = answers::chunks(&exchange.gateway.ledger, &batch, after, limit).await;
    Ok((batch, page.map_err(|error| ledger(&error))?))
}

/// One page of a batch's errors; `from` is how many records of the payload lie before it.
pub(super) async fn page(
    exchange: &Exchange<'_>,
    id: &str,
    from: u64,
    limit: Option<u64>,
) -> Result<(BatchView, ErrorsPage), Refusal> {
    let batch = find(exchange, id).await?;
    let limit = limit.unwrap_or(u64::from(PAGE)).clamp(1, u64::from(PAGE));
    let limit = u32::try_from(limit).unwrap_or(PAGE);
    let page = answers::errors(&exchange.gateway.ledger, &batch, from, limit).await;
    Ok((batch, page.map_err(|error| ledger(&error))?))
}

/// RFC 4180. Texts are the gateway's own and quoted; codes and fields hold nothing that needs a quote: the ledger keeps
/// no code with a comma, and no field that is not a column of the mapping. The last columns came last: programs may count.
fn csv(page: &ErrorsPage) -> String {
    let mut out =
        String::from("record,outcome,field,code,message,message_ja,last_record,rows,line,column\r\n");
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    for error in &page.errors {
        let rows: Vec<String> = error.rows.iter().map(u64::to_string).collect();
        // Writing to a String does not fail.
        let _ = write!(
            out,
            "{},{},{},{},\"{}\",\"{}\",{},{},{},{}\r\n",
            error.record,
            error.outcome.as_deref().unwrap_or_default(),
            error.field.as_deref().unwrap_or_default(),
            error.code,
            error.message.replace('"', "\"\""),
            error.message_ja.replace('"', "\"\""),
            number(error.last_record),
            rows.join(" "),
            number(error.line),
            number(error.column),
        );
    }
    out
}

/// `DELETE …/batches/{id}`.
pub(super) async fn cancel(exchange: &Exchange<'_>, id: &str) -> Answered {
    match standing(exchange, cancelled(exchange, id).await).await {
        Ok(receipt) => Answered::of("rest", json(200, &receipt)),
        Err(refusal) => refuse(exchange.id, Voice::Rest, refusal),
    }
}

/// Withdraws what has not been sent; what is on its way keeps its outcome.
pub(super) async fn cancelled(exchange: &Exchange<'_>, id: &str) -> Result<BatchView, Refusal> {
    let batch = find(exchange, id).await?;
    let ledger_handle = &exchange.gateway.ledger;
    let events = vec![Event::Cancelled { code: "cancelled-by-client".into() }];
    match ledger_handle.apply(batch.id, ledger_handle.epoch(), now_millis(), events).await {
        Ok(_) => {}
        Err(LedgerError::Illegal { illegal, .. }) => {
            return Err(Refusal::new(Class::Conflict, illegal.code(), format!("{illegal}."))
                .ja("このバッチは既に完了しているか、取消し済みです。"));
        }
        Err(error) => return Err(ledger(&error)),
    }
    (exchange.gateway.wake)();
    find(exchange, id).await
}

fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

fn number(query: &str, name: &'static str) -> Result<Option<u64>, Refusal> {
    let whole = || bad_parameter(name, "a whole number in decimal digits", "10進数の整数");
    parameter(query, name).map(|value| value.parse().map_err(|_| whole())).transpose()
}

/// `takes` is what the parameter takes, in English and in Japanese.
fn bad_parameter(name: &str, takes: &str, takes_ja: &str) -> Refusal {
    Refusal::new(
        Class::Malformed,
        "query-parameter",
        format!(
            "The query parameter {name} takes {takes}, and has something else. Correct it, or leave it out."
        ),
    )
    .ja(format!(
        "クエリーパラメーター{name}の値が正しくありません。{takes_ja}を指定するか、省略してください。"
    ))
}
