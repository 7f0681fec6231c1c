//! The wall clock jumps.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;

use super::{accepted, delivered, in_words};
use crate::kills::campaign::Campaign;
use crate::kills::routes::ROUTES;
use crate::kills::site::{Builds, Start, until};
use crate::needs;

/// The wall clock of the gateway jumps while it is at work; time that is measured goes on.
pub(super) fn clock(builds: &Builds, seed: u64) -> anyhow::Result<String> {
    let library = faketime()?;
    let mut campaign = Campaign::new(builds, "clock", seed)?;
    let hands = campaign.site.folder.join("clock");
    let set = |offset: &str| -> anyhow::Result<()> {
        // Whole or not at all: it is read while it is written.
        let next = hands.with_extension("next");
        std::fs::write(&next, offset)?;
        Ok(std::fs::rename(&next, &hands)?)
    };
    set("+0")?;
    let environment = vec![
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", hands.display().to_string()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    let how = Start { environment, ..Start::default() };
    campaign.site.start(&how)?;
    let clients = campaign.clients();
    let jumps = ["+0", "+86400", "+0", "-86400", "+86400", "-86400", "+0"];
    for offset in jumps {
        set(offset)?;
        until("a receipt has the time that was set", || {
            accepted(&campaign, &clients, 1)?;
            let last = campaign.seen.sent().pop().context("a batch")?;
            let receipt = campaign.site.admin(&format!("/batches/{}", last.id))?;
            // One that its client has no receipt of yet may be unknown.
            let Some(at) = receipt["receivedAt"].as_str() else { return Ok(false) };
            Ok(days_off(at)? * 86_400 == offset.parse::<i64>()?)
        })?;
        accepted(&campaign, &clients, ROUTES.len())?;
        delivered(&campaign, 300)?;
        if offset == "-86400" {
            campaign.site.kill();
            campaign.site.start(&how)?;
        }
    }
    campaign.close(clients)?;
    campaign.site.stop()?;
    Ok(format!("{} jumps of a day or two, 2 kills: {}", jumps.len() - 1, in_words(campaign.compared)))
}

/// By how many days a time (RFC 3339, UTC) is off, as the calendar has it.
fn days_off(time: &str) -> anyhow::Result<i64> {
    let day = |time: &str| -> anyhow::Result<i64> {
        let number = |range: std::ops::Range<usize>| -> anyhow::Result<i64> {
            Ok(time.get(range).with_context(|| format!("no time: {time:?}"))?.parse()?)
        };
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        // Days since 0000-03-01 in the proleptic Gregorian calendar.
        let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
        let seconds = number(11..13)? * 3_600 + number(14..16)? * 60 + number(17..19)?;
        Ok((365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1) * 86_400
            + seconds)
    };
    let output = Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]).output()?;
    let now = day(String::from_utf8_lossy(&output.stdout).trim())?;
    // To the nearest day: what was accepted lies a moment back.
    Ok((day(time)? - now + 43_200).div_euclid(86_400))
}

/// Where libfaketime is, installed if it is not.
fn faketime() -> anyhow::Result<PathBuf> {
    let find = || -> Option<PathBuf> {
        let folders = std::fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path());
        let mut found =
            folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1")).filter(|path| path.exists());
        found.next()
    };
    if let Some(library) = find() {
        return Ok(library);
    }
    needs::packages(&["libfaketime"])?;
    find().context("package libfaketime did not bring libfaketimeMT.so.1")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may panic

    use super::*;

    #[test]
    fn days_are_told_from_each_other() {
        let now = Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%S.123Z"]).output().unwrap();
        assert_eq!(days_off(String::from_utf8(now.stdout).unwrap().trim()).unwrap(), 0);
        assert!(days_off("yesterday").is_err());
        assert!(days_off("2000-03-01T00:00:00Z").unwrap() - days_off("2000-02-28T00:00:00Z").unwrap() == 2);
    }
}
