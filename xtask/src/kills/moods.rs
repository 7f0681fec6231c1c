//! What the cloud does beside: between kills some of its calls are cut, refused, answered with nonsense or not at all.

use serde_json::{Value, json};

use super::site::Site;

/// What may become of a call, with what it takes to say so. Nothing stops a call half-way: no operator could decide on the
/// half of a chunk that may not be repeated. Nor is a quota used up: until the next day nothing would go, as it should be.
const KINDS: [(&str, &str); 18] = [
    ("reset-before", "{}"),
    ("reset-after", "{}"),
    ("cut-answer", "{}"),
    ("hang", r#"{"seconds":0.5}"#),
    ("slow-answer", r#"{"bytes_per_second":2000}"#),
    ("unavailable", "{}"),
    ("status", r#"{"status":503}"#),
    ("status-after", r#"{"status":502}"#),
    ("expire-session", "{}"),
    ("lock", "{}"),
    ("wrong-answer", r#"{"variant":"garbage"}"#),
    ("wrong-answer", r#"{"variant":"html"}"#),
    ("wrong-answer", r#"{"variant":"empty"}"#),
    ("wrong-answer", r#"{"variant":"truncated-xml"}"#),
    ("wrong-answer", r#"{"variant":"more-results"}"#),
    ("wrong-answer", r#"{"variant":"fewer-results"}"#),
    ("wrong-answer", r#"{"variant":"wrong-keys"}"#),
    ("wrong-answer", r#"{"variant":"shuffled"}"#),
];

/// Whose calls.
const DIALECTS: [&str; 7] = ["soap", "swa", "rest", "bulk2", "collections", "partner-soap", "token"];

/// The next calls may meet something; what earlier ones have not met is forgotten.
pub(super) fn change(site: &Site, chance: &mut fastrand::Rng) -> anyhow::Result<()> {
    good(site)?;
    for _ in 0..chance.usize(..3) {
        let (kind, more) = KINDS[chance.usize(..KINDS.len())];
        let mut rule: Value = serde_json::from_str(more)?;
        rule["kind"] = json!(kind);
        rule["on"] = json!(DIALECTS[chance.usize(..DIALECTS.len())]);
        rule["count"] = json!(chance.u64(1..=2));
        rule["skip"] = json!(chance.u64(..8));
        site.tell_cloud("POST", "/admin/faults", &rule)?;
    }
    Ok(())
}

/// From now on nothing goes wrong.
pub(super) fn good(site: &Site) -> anyhow::Result<()> {
    site.tell_cloud("DELETE", "/admin/faults", &Value::Null)
}
