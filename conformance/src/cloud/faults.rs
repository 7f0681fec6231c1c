//! What can be made to go wrong: rules that the next calls meet, and records that are refused.

use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::locked;

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The body is read, nothing is done, the connection is reset.
    ResetBefore,
    /// All is done, then the connection is reset.
    ResetAfter,
    /// All is done; the connection is reset in the middle of the answer.
    CutAnswer,
    /// All is done and nothing is answered for `seconds`; then the connection is reset.
    Hang,
    /// The body is read at `bytes_per_second`.
    SlowRead,
    /// The answer is sent at `bytes_per_second`.
    SlowAnswer,
    /// Down for now; nothing is done.
    Unavailable,
    /// Answered with `status` and HTML; nothing is done.
    Status,
    /// Answered with `status` and HTML; all is done.
    StatusAfter,
    /// The session ends before the call.
    ExpireSession,
    /// The day's calls are used up.
    Quota,
    /// Stopped at the processing-time limit, at once.
    TimeLimit,
    /// Every third row is locked by somebody else for now.
    Lock,
    /// All is done and the answer is wrong, as `variant` says.
    WrongAnswer,
    /// The login is refused.
    RefuseLogin,
}

/// What is wrong with a wrong answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// Bytes that are nothing.
    #[default]
    Garbage,
    /// A page for people, with status 200.
    Html,
    /// Nothing.
    Empty,
    /// The first half of the right answer, as if it were all.
    TruncatedXml,
    /// One result too many.
    MoreResults,
    /// One result too few.
    FewerResults,
    /// Results of other keys.
    WrongKeys,
    /// The results in another order.
    Shuffled,
    /// 80 MB of white space before the answer.
    Huge,
}

/// A rule: the next `count` calls that match meet `kind`, after `skip` that do not.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What goes wrong.
    pub kind: Kind,
    /// Which calls: a dialect, `token`, `health`, `application` or `any`.
    #[serde(default = "any")]
    pub on: String,
    /// Which step of a dialect that has several: create, upload, close, poll, results, delete; an operation's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// How many calls are left that meet it.
    #[serde(default = "one")]
    pub count: u64,
    /// How many matching calls pass before the first that meets it.
    #[serde(default)]
    pub skip: u64,
    /// For `hang`.
    #[serde(default = "hour")]
    pub seconds: f64,
    /// For `slow-read` and `slow-answer`.
    #[serde(default = "slow")]
    pub bytes_per_second: u64,
    /// For `status` and `status-after`.
    #[serde(default = "bad_gateway")]
    pub status: u16,
    /// For `wrong-answer`.
    #[serde(default)]
    pub variant: Variant,
}

fn any() -> String {
    "any".to_owned()
}
fn one() -> u64 {
    1
}
fn hour() -> f64 {
    3600.0
}
fn slow() -> u64 {
    1000
}
fn bad_gateway() -> u16 {
    502
}

/// The rules in force.
#[derive(Default)]
pub(super) struct Faults {
    rules: Mutex<Vec<Rule>>,
}

impl Faults {
    pub(super) fn add(&self, rule: Rule) {
        locked(&self.rules).push(rule);
    }

    pub(super) fn list(&self) -> Vec<Rule> {
        locked(&self.rules).clone()
    }

    pub(super) fn clear(&self) {
        locked(&self.rules).clear();
    }

    /// The rule that a call of `dialect` at `step` meets, if any; counted as met.
    pub(super) fn take(&self, dialect: &str, step: &str) -> Option<Rule> {
        let mut rules = locked(&self.rules);
        for rule in rules.iter_mut() {
            let matches = (rule.on == "any" || rule.on == dialect)
                && rule.step.as_deref().is_none_or(|wanted| wanted == step)
                && rule.count > 0;
            if !matches {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            rule.count -= 1;
            return Some(rule.clone());
        }
        None
    }
}

/// Records that are refused: by a glob over their keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BadRecord {
    /// `*` stands for any characters, `?` for one.
    pub pattern: String,
    /// The code that the row's error has.
    #[serde(default = "validation")]
    pub code: String,
    /// The whole call is refused, not the row.
    #[serde(default)]
    pub whole_call: bool,
    /// Refused so many times only; 0 is always.
    #[serde(default)]
    pub temporary: u64,
}

fn validation() -> String {
    "FIELD_CUSTOM_VALIDATION_EXCEPTION".to_owned()
}

/// The patterns in force.
#[derive(Default)]
pub(super) struct BadRecords {
    patterns: Mutex<Vec<BadRecord>>,
}

/// What a bad record meets.
pub(super) enum Bad {
    /// The row is refused with this code.
    Row(String),
    /// The call is refused.
    Call,
}

impl BadRecords {
    pub(super) fn add(&self, bad: BadRecord) {
        locked(&self.patterns).push(bad);
    }

    pub(super) fn clear(&self) {
        locked(&self.patterns).clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        locked(&self.patterns).is_empty()
    }

    /// What the row under `key` meets, if anything.
    pub(super) fn meets(&self, key: &str) -> Option<Bad> {
        let mut patterns = locked(&self.patterns);
        let at = patterns.iter().position(|bad| glob(bad.pattern.as_bytes(), key.as_bytes()))?;
        let bad = &mut patterns[at];
        let met = if bad.whole_call { Bad::Call } else { Bad::Row(bad.code.clone()) };
        match bad.temporary {
            0 => {}
            1 => {
                patterns.remove(at);
            }
            _ => bad.temporary -= 1,
        }
        Some(met)
    }
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(b'?') => {
                p += 1;
                t += 1;
            }
            Some(byte) if *byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                // The star takes one character more.
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_keys() {
        for (pattern, text, expected) in [
            ("U*7", "U0017", true),
            ("U*7", "U0018", false),
            ("*", "", true),
            ("?1", "a1", true),
            ("?1", "1", false),
            ("*a*b", "xaab", true),
            ("*a*b", "xaac", false),
            ("", "x", false),
        ] {
            assert_eq!(glob(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_rule_is_met_after_its_skip_and_no_more_than_counted() {
        let faults = Faults::default();
        faults.add(serde_json::from_str(r#"{"kind":"reset-after","on":"soap","count":1,"skip":1}"#).unwrap());
        assert!(faults.take("rest", "").is_none());
        assert!(faults.take("soap", "").is_none());
        assert_eq!(faults.take("soap", "").unwrap().kind, Kind::ResetAfter);
        assert!(faults.take("soap", "").is_none());
    }

    #[test]
    fn a_temporary_bad_record_becomes_good() {
        let bad = BadRecords::default();
        bad.add(serde_json::from_str(r#"{"pattern":"a","temporary":2}"#).unwrap());
        assert!(bad.meets("a").is_some());
        assert!(bad.meets("a").is_some());
        assert!(bad.meets("a").is_none());
    }
}
