//! The cloud does the work and does not say so; it is down, cuts, is silent; and a promise about it that does not hold.

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use super::{accepted, begun, delivered, in_words};
use crate::kills::campaign::Campaign;
use crate::kills::client::balanced;
use crate::kills::routes::ROUTES;
use crate::kills::settle;
use crate::kills::site::{Builds, Start, until};
use crate::processes::get;

/// Each dialect's calls are done, and their answers do not come.
pub(super) fn resets(builds: &Builds, seed: u64) -> anyhow::Result<String> {
    let (mut campaign, clients) = begun(builds, "resets", seed, &Start::default())?;
    let dialects = ["soap", "swa", "rest", "bulk2", "collections", "partner-soap"];
    let kinds = [
        ("reset-after", Value::Null),
        ("cut-answer", Value::Null),
        ("status-after", json!({ "status": 502 })),
    ];
    for (kind, more) in &kinds {
        for (number, dialect) in (0..).zip(dialects) {
            meet(&campaign, kind, dialect, number % 3, more)?;
        }
        // A job has steps, and each may be the one.
        for step in ["create", "upload", "close", "poll", "results"] {
            meet(&campaign, kind, "bulk2", 0, &json!({ "step": step, "count": 1 }))?;
        }
        met(&campaign)?;
    }
    let faults = kinds.len() * (2 * dialects.len() + 5);
    campaign.close(clients)?;
    campaign.site.stop()?;
    Ok(format!("{faults} calls done and not answered: {}", in_words(campaign.compared)))
}

/// What the comparison is worth: with a promise that does not hold, it has to find what was doubled; and what the cloud has lost.
pub(super) fn lie(builds: &Builds, seed: u64) -> anyhow::Result<String> {
    let mut campaign = Campaign::new(builds, "lie", seed)?;
    campaign.site.configure(|text| {
        let (before, once) = text.split_once("name = \"once\"").unwrap_or((text, ""));
        format!("{before}name = \"once\"{}", once.replacen("idempotent = false", "idempotent = true", 1))
    })?;
    campaign.site.start(&Start::default())?;
    let clients = campaign.clients();
    // Until calls of the route have met it: a table whose rows have a repeated effect says so.
    until("a call that adds was repeated", || {
        meet(&campaign, "reset-after", "soap", 1, &json!({ "count": 1 }))?;
        met(&campaign)?;
        Ok(campaign.site.cloud_stats()?["objects"]["once"]["repeated_effects"].as_u64() > Some(0))
    })?;
    let ended = campaign.close(clients);
    let Err(found) = ended else { bail!("records were doubled, and the comparison did not see it") };
    let found = format!("{found:#}");
    ensure!(found.starts_with("the table once: lost [], doubled [("), "something else was found: {found}");
    campaign.site.tell_cloud("DELETE", "/admin/rows", &Value::Null)?;
    let compared = settle::compare(&campaign.site, &campaign.seen, 0);
    let found = compared.err().map(|error| format!("{error:#}")).unwrap_or_default();
    ensure!(
        found.starts_with("the table soap: lost ["),
        "rows were lost, and the comparison found: {found:?}"
    );
    Ok("with a promise that does not hold, what was doubled is found, and so is what is lost".to_owned())
}

/// The cloud says that it is down, then cuts every call before it does anything, then is silent; then it is back.
pub(super) fn down(builds: &Builds, seed: u64) -> anyhow::Result<String> {
    let (mut campaign, clients) = begun(builds, "down", seed, &Start::default())?;
    accepted(&campaign, &clients, 2 * ROUTES.len())?;
    delivered(&campaign, 200)?;
    campaign.site.tell_cloud("POST", "/admin/down", &json!({ "down": true }))?;
    until("the cloud's hop is down", || Ok(campaign.site.hop("cloud")? == "down"))?;
    let calls = |name: &str| -> anyhow::Result<u64> {
        campaign.site.cloud_stats()?[name].as_u64().with_context(|| format!("the cloud counts {name}"))
    };
    let before = calls("calls")?;
    // Few: one of the dialects asks for five seconds each time, and is heard.
    until("calls were refused", || Ok(calls("calls")? >= before + 3))?;

    // Doubts now: more than the ten repetitions that a burst may have.
    let before = calls("resets")?;
    campaign.site.tell_cloud(
        "POST",
        "/admin/faults",
        &json!({ "kind": "reset-before", "on": "any", "count": 1_000_000 }),
    )?;
    campaign.site.tell_cloud("POST", "/admin/down", &json!({ "down": false }))?;
    until("more calls were cut than the budget has repetitions", || Ok(calls("resets")? >= before + 25))?;
    let cut = calls("resets")? - before;
    let totals = campaign.site.admin("/totals")?;
    balanced(&totals)?;
    let open = totals["pending"].as_u64().unwrap_or(0) + totals["inDoubt"].as_u64().unwrap_or(0);
    ensure!(open > 0, "nothing waits: {totals}");

    // Connections are taken, and nothing comes back, until calls run into their deadline.
    campaign.site.tell_cloud("DELETE", "/admin/faults", &Value::Null)?;
    delivered(&campaign, 100)?;
    campaign.site.signal_cloud("-STOP")?;
    let silent =
        until("the cloud's hop is down", || Ok(campaign.site.hop("cloud")? == "down")).and_then(|()| {
            until("a call ran into its deadline", || {
                Ok(campaign.site.metrics()?.contains("end=\"time-limit\""))
            })
        });
    campaign.site.signal_cloud("-CONT")?;
    silent?;
    until("the cloud's hop is up", || Ok(campaign.site.hop("cloud")? == "up"))?;
    campaign.close(clients)?;
    campaign.site.stop()?;
    Ok(format!(
        "refused, {cut} calls cut, silent; hop down, {open} records waited: {}",
        in_words(campaign.compared)
    ))
}

/// The next calls of a dialect meet this.
fn meet(campaign: &Campaign, kind: &str, dialect: &str, skip: u64, more: &Value) -> anyhow::Result<()> {
    let mut rule = json!({ "kind": kind, "on": dialect, "count": 2, "skip": skip });
    if let (Some(rule), Some(more)) = (rule.as_object_mut(), more.as_object()) {
        rule.extend(more.clone());
    }
    campaign.site.tell_cloud("POST", "/admin/faults", &rule)
}

/// Every rule was met as often as it says.
fn met(campaign: &Campaign) -> anyhow::Result<()> {
    until("every fault was met", || {
        let rules = get(campaign.site.cloud, "/admin/faults")?;
        Ok(rules.as_array().context("a list of rules")?.iter().all(|rule| rule["count"] == 0))
    })
}
