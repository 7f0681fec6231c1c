//! Reports of a run: for people, and as JUnit XML for continuous integration.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// How one case went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its area.
    pub area: String,
    /// Its name.
    pub name: String,
    /// The rule behind it.
    pub rule: String,
    /// What was not as expected; nothing if it passed.
    pub wrong: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

impl Outcome {
    /// Whether everything was as expected.
    pub fn passed(&self) -> bool {
        self.wrong.is_empty()
    }

    /// One line, and one more for each thing that was wrong.
    pub fn lines(&self) -> String {
        let mark = if self.passed() { "ok    " } else { "FAILED" };
        let mut text = format!("{mark} {:9} {} ({} ms)", self.area, self.name, self.took.as_millis());
        for wrong in &self.wrong {
            text.push_str("\n         ");
            text.push_str(wrong);
        }
        if !self.passed() && !self.rule.is_empty() {
            text.push_str("\n         rule: ");
            text.push_str(&self.rule);
        }
        text
    }
}

/// Counts by area, and in all.
pub fn summary(outcomes: &[Outcome]) -> String {
    let mut areas: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for outcome in outcomes {
        let counts = areas.entry(&outcome.area).or_default();
        counts.0 += 1;
        counts.1 += usize::from(outcome.passed());
    }
    let mut text = String::new();
    for (area, (all, passed)) in &areas {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{area:10} {passed:4} of {all:4} passed");
    }
    let passed = outcomes.iter().filter(|outcome| outcome.passed()).count();
    let _ = write!(text, "{:10} {passed:4} of {:4} passed", "all", outcomes.len());
    text
}

/// The outcomes as JUnit XML.
pub fn junit(outcomes: &[Outcome]) -> String {
    let failed = outcomes.iter().filter(|outcome| !outcome.passed()).count();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "<testsuite name=\"sekisho-conformance\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" time=\"{:.3}\">",
        outcomes.len(),
        outcomes.iter().map(|outcome| outcome.took.as_secs_f64()).sum::<f64>(),
    );
    for outcome in outcomes {
        let _ = write!(
            text,
            "  <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\"",
            escaped(&outcome.area),
            escaped(&outcome.name),
            outcome.took.as_secs_f64()
        );
        if outcome.passed() {
            text.push_str("/>\n");
            continue;
        }
        let _ = writeln!(
            text,
            "><failure message=\"{}\">{}</failure></testcase>",
            escaped(&outcome.wrong[0]),
            escaped(&outcome.wrong.join("\n"))
        );
    }
    text.push_str("</testsuite>\n");
    text
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(character),
            // XML cannot hold them.
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => out.push('?'),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(wrong: &[&str]) -> Outcome {
        Outcome {
            area: "soap".to_owned(),
            name: "a < b".to_owned(),
            rule: "SOAP 1.1 section 4".to_owned(),
            wrong: wrong.iter().map(|text| (*text).to_owned()).collect(),
            took: Duration::from_millis(12),
        }
    }

    #[test]
    fn reports_count_and_escape() {
        let outcomes = [outcome(&[]), outcome(&["status \"500\"\u{1}"])];
        let xml = junit(&outcomes);
        assert!(xml.contains("tests=\"2\" failures=\"1\""), "{xml}");
        assert!(xml.contains("name=\"a &lt; b\"") && xml.contains("&quot;500&quot;?"), "{xml}");
        assert!(summary(&outcomes).ends_with("all           1 of    2 passed"));
        assert!(outcomes[1].lines().contains("rule: SOAP 1.1"));
    }
}
