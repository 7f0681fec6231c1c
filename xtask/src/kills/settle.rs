//! The end of a campaign: an operator decides what only the cloud can tell, and everything is compared.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::client::{Seen, Sent, balanced, records};
use super::routes::{RECORDS, ROUTES, Route};
use super::site::{PATIENCE, Site, until};
use crate::processes::get;

/// What a comparison has found to be as it must be.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Compared {
    /// Batches, each with a final receipt.
    pub(super) batches: usize,
    /// Records, each at the cloud once.
    pub(super) records: u64,
    /// Rows that the cloud was given more than once to the same effect.
    pub(super) rewritten: u64,
    /// Chunks that an operator has decided on.
    pub(super) decided: u64,
    /// Calls that asked the cloud by key, as far as it remembers them.
    pub(super) asked: u64,
}

/// A row as the cloud holds it.
struct Held {
    writes: u64,
    changes: u64,
    amount: String,
}

/// Waits until every batch is finished, deciding on what is held as the cloud's tables prove it.
pub(super) fn settle(site: &Site, seen: &Seen) -> anyhow::Result<u64> {
    let mut decided = 0;
    until("every batch is finished", || {
        let open = site.admin("/batches?finished=false&limit=1000")?;
        let open = open["batches"].as_array().context("a list of batches")?;
        for batch in open.iter().filter(|batch| batch["state"] == "held") {
            decided += decide(site, seen, batch["id"].as_str().context("an id")?, true)?;
        }
        Ok(open.is_empty())
    })
    .with_context(|| standing(site))?;
    Ok(decided)
}

/// Decides on the held chunks of a batch. Returns how many. That rows are there is proven by a look, at any time; that they are
/// not, only once the cloud is at work on nothing: without `quiet` it is not said.
pub(super) fn decide(site: &Site, seen: &Seen, id: &str, quiet: bool) -> anyhow::Result<u64> {
    if quiet {
        until("the cloud is idle", || is_idle(site))?;
    }
    let sent = seen.sent().into_iter().find(|sent| sent.id == id && !sent.route.awaited);
    let sent = sent.with_context(|| format!("batch {id} is held, and no client has its receipt"))?;
    let rows = table(site, &sent.route)?;
    let chunks = site.admin(&format!("/batches/{id}/chunks"))?;
    let mut decided = 0;
    for chunk in chunks["chunks"].as_array().into_iter().flatten() {
        if chunk["held"] != true || chunk["state"] != "in-doubt" {
            continue;
        }
        let number =
            |name: &str| chunk[name].as_u64().with_context(|| format!("a chunk without {name}: {chunk}"));
        let (number, first, count) = (number("number")?, number("first")?, number("count")?);
        let keys = (first - 1..first - 1 + count).map(|record| sent.route.key(sent.batch, record));
        let there = keys.filter(|key| rows.contains_key(key)).count() as u64;
        if there == 0 && !quiet {
            continue;
        }
        ensure!(there == 0 || there == count, "{there} rows of a call with {count} are there: {chunk}");
        ensure!(!sent.route.idempotent, "{}: held, and a repeat would do no harm: {chunk}", sent.route.name);
        let decision = if there == 0 { "not-delivered" } else { "delivered" };
        let output = site.operator(&["batch", id, "--chunk", &number.to_string(), "--decide", decision])?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "deciding on chunk {number} of {id}: {said}");
        decided += 1;
    }
    Ok(decided)
}

/// The cloud is at work on nothing, and nothing waits for it: no connection that its client has closed, and with it no request
/// of a gateway that is dead, is open on its side.
fn is_idle(site: &Site) -> anyhow::Result<bool> {
    const CLOSE_WAIT: &str = "08";
    let port = format!(":{:04X}", site.cloud.port());
    let sockets = std::fs::read_to_string("/proc/net/tcp").context("the sockets of this machine")?;
    let waiting = sockets.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut waiting = waiting.filter(|cells| cells.get(1).is_some_and(|local| local.ends_with(&port)));
    let none = !waiting.any(|cells| cells.get(3) == Some(&CLOSE_WAIT));
    Ok(none && site.cloud_stats()?["in_flight"] == 0)
}

/// Compares the cloud's tables, the receipts and the ledger's sums with what was sent since the tables were empty; `before`
/// were sent and compared earlier.
pub(super) fn compare(site: &Site, seen: &Seen, before: usize) -> anyhow::Result<Compared> {
    let all = seen.sent();
    let sent = &all[before..];
    let mut compared = Compared { batches: sent.len(), records: records(sent.len()), ..Compared::default() };
    compared.asked = site.questions()?;
    for route in &ROUTES {
        let batches: Vec<&Sent> = sent.iter().filter(|sent| sent.route == *route).collect();
        let rows = table(site, route)?;
        compared.rewritten += rows.values().map(|row| row.writes.saturating_sub(row.changes)).sum::<u64>();
        same(route, &batches, rows).with_context(|| format!("the table {}", route.name))?;
    }
    for sent in sent.iter().filter(|sent| !sent.route.awaited) {
        let receipt = site.admin(&format!("/batches/{}", sent.id))?;
        balanced(&receipt["sums"])?;
        ensure!(
            receipt["state"] == "finished"
                && receipt["sums"]["delivered"] == RECORDS
                && receipt["deliveredDigest"] == receipt["recordsDigest"],
            "not everything of batch {} of {} is delivered: {receipt}",
            sent.batch,
            sent.route.name
        );
    }
    site.on_record()?;
    // Neither a batch that nobody has a receipt for, nor one that was taken twice.
    let totals = site.admin("/totals")?;
    balanced(&totals)?;
    let whole = records(all.len());
    ensure!(
        totals["accepted"] == whole && totals["delivered"] == whole,
        "{whole} records were sent: {totals}"
    );
    Ok(compared)
}

/// Every record is there with its value, and had its effect once; nothing else is there.
fn same(route: &Route, batches: &[&Sent], mut rows: HashMap<u64, Held>) -> anyhow::Result<()> {
    // Of records with one key each has its own effect, and the last one stays.
    let (last, effects) = if route.ordered {
        (batches.iter().max_by_key(|sent| sent.batch).copied().into_iter().collect(), batches.len() as u64)
    } else {
        (batches.to_vec(), 1)
    };
    let (mut lost, mut doubled, mut other) = (Vec::new(), Vec::new(), Vec::new());
    for sent in last {
        for record in 0..RECORDS {
            let key = route.key(sent.batch, record);
            match rows.remove(&key) {
                None => lost.push(key),
                Some(held) if held.changes > effects => doubled.push((key, held.changes)),
                Some(held) if held.changes < effects => lost.push(key),
                Some(held) if held.amount != Route::amount(sent.batch, record).to_string() => other.push(key),
                Some(_) => {}
            }
        }
    }
    let extra: Vec<u64> = rows.into_keys().collect();
    ensure!(
        lost.is_empty() && doubled.is_empty() && other.is_empty() && extra.is_empty(),
        "lost {lost:?}, doubled {doubled:?}, with another value {other:?}, never sent {extra:?}"
    );
    Ok(())
}

/// What the cloud holds in a table, by key.
fn table(site: &Site, route: &Route) -> anyhow::Result<HashMap<u64, Held>> {
    let known = get(site.cloud, "/admin/stats")?;
    if known["objects"][route.name].is_null() {
        return Ok(HashMap::new());
    }
    let dump = dump(site, route)?;
    let mut lines = dump.lines();
    let head: Vec<&str> = lines.next().context("a dump without a head")?.split(',').collect();
    let column =
        |name: &str| head.iter().position(|one| *one == name).with_context(|| format!("no column {name}"));
    // A table without rows has no columns of its own.
    let Ok(amount) = column("amount") else {
        ensure!(lines.next().is_none(), "rows without an amount");
        return Ok(HashMap::new());
    };
    let (key, writes, changes) = (column("_key")?, column("_writes")?, column("_changes")?);
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let cell = |at: usize| cells.get(at).copied().unwrap_or_default();
            let held = Held {
                writes: cell(writes).parse()?,
                changes: cell(changes).parse()?,
                amount: cell(amount).to_owned(),
            };
            Ok((cell(key).parse()?, held))
        })
        .collect()
}

/// A table as the cloud writes it. By HTTP/1.0, so that it comes without the marks of a transfer coding.
fn dump(site: &Site, route: &Route) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(site.cloud)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /admin/rows/{} HTTP/1.0\r\n\r\n", route.name)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("a dump without a head")?;
    ensure!(head.starts_with("HTTP/1.0 200") && !head.contains("chunked"), "no dump: {head}");
    Ok(body.to_owned())
}

/// Where everything stands, for whoever reads that it did not end.
fn standing(site: &Site) -> String {
    let say = |value: anyhow::Result<Value>| {
        value.map_or_else(|error| error.to_string(), |value| value.to_string())
    };
    format!(
        "totals: {}\ndelivery: {}\nthe first open batch: {}",
        say(site.admin("/totals")),
        say(site.admin("/delivery")),
        say(site.admin("/batches?finished=false&limit=1"))
    )
}
