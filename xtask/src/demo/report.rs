//! What came of it, and whether it adds up.

use std::time::Duration;

use serde_json::Value;

use super::Options;

/// Everything that was seen.
pub(crate) struct Outcome<'o> {
    pub(super) options: &'o Options,
    pub(super) receipt: Value,
    pub(super) stats: Value,
    pub(super) comparison: Option<Value>,
    pub(super) accepted: Duration,
    pub(super) delivered: Duration,
    pub(super) idle_kib: u64,
    pub(super) peak_kib: u64,
}

impl Outcome<'_> {
    /// Records delivered a second, from the receipt to the last outcome.
    pub(crate) fn records_a_second(&self) -> f64 {
        let delivered = self.receipt["sums"]["delivered"].as_f64().unwrap_or(0.0);
        delivered / (self.delivered - self.accepted).as_secs_f64().max(0.001)
    }

    /// Calls that the cloud stopped at its time limit; nothing when the cloud does not say.
    pub(crate) fn hits(&self) -> Option<u64> {
        self.stats["time_limit_hits"].as_u64()
    }

    /// Prints it; `false` when anything is off.
    pub(crate) fn print(&self) -> bool {
        let sums = &self.receipt["sums"];
        let count = |name: &str| sums[name].as_u64().unwrap_or(0);
        let states =
            ["pending", "inFlight", "inDoubt", "delivered", "partial", "rejected", "cancelled", "expired"];
        let sum: u64 = states.iter().map(|state| count(state)).sum();
        let conserved = sum == count("accepted") && count("accepted") == self.options.records;
        println!("\nreceipt");
        println!("  batch          {}", self.receipt["id"].as_str().unwrap_or_default());
        println!("  payload        {}", self.receipt["payloadDigest"].as_str().unwrap_or_default());
        println!("  records        {}", self.receipt["recordsDigest"].as_str().unwrap_or_default());
        println!("  state          {}", self.receipt["state"].as_str().unwrap_or_default());
        let terms: Vec<String> = states.iter().map(|state| format!("{} {state}", count(state))).collect();
        println!(
            "  conservation   {} accepted {} {}",
            count("accepted"),
            if conserved { "=" } else { "≠" },
            terms.join(" + ")
        );
        let hits = self.hits();
        let seconds = (self.delivered - self.accepted).as_secs_f64();
        println!("cloud");
        println!("  calls          {}", self.stats["calls"]);
        println!("  slowest call   {:.1} s", self.stats["slowest_call_seconds"].as_f64().unwrap_or(0.0));
        println!("  limit hits     {}", hits.map_or_else(|| "unknown".to_owned(), |hits| hits.to_string()));
        println!("gateway");
        println!("  accepted in    {:.1} s", self.accepted.as_secs_f64());
        println!("  delivered in   {seconds:.1} s ({:.0} records/s)", self.records_a_second());
        println!(
            "  memory         {:.1} MiB idle, {:.1} MiB at the peak (+{:.1})",
            self.idle_kib as f64 / 1024.0,
            self.peak_kib as f64 / 1024.0,
            self.peak_kib.saturating_sub(self.idle_kib) as f64 / 1024.0
        );
        if self.options.no_split {
            println!(
                "\nwithout splitting: {}",
                if hits.is_some_and(|hits| hits > 0) {
                    "the cloud stopped the call at its time limit; nobody can say what became of its records"
                } else {
                    "the cloud took the call; send more records to reach its limit"
                }
            );
            return false;
        }
        let same = self.comparison.as_ref().is_some_and(|comparison| comparison["same"] == true);
        println!("comparison of every record, by a program that shares no code with either side");
        if let Some(comparison) = self.comparison.as_ref().and_then(Value::as_object) {
            for (name, value) in comparison {
                println!("  {name:<14} {value}");
            }
        }
        let all = count("delivered") == self.options.records;
        let good = conserved && all && same && hits == Some(0);
        println!("\n{}", if good { "everything arrived, exactly once" } else { "SOMETHING IS OFF" });
        good
    }
}
