//! Figures: what was measured, what it has to be, and whether it is.

use serde_json::{Value, json};

/// What a figure has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Bound {
    /// At least this much.
    AtLeast(f64),
    /// At most this much.
    AtMost(f64),
    /// Nothing: shown for the reader.
    None,
}

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    bound: Bound,
    note: String,
}

impl Figure {
    /// A figure without a bound and a note.
    pub(super) fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, unit, bound: Bound::None, note: String::new() }
    }

    /// With a bound.
    pub(super) fn bound(self, bound: Bound) -> Self {
        Self { bound, ..self }
    }

    /// With what a reader has to know about it.
    pub(super) fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }

    /// Whether it keeps its bound. A figure that could not be measured does not.
    pub(super) fn met(&self) -> bool {
        match self.bound {
            Bound::AtLeast(bound) => self.value >= bound,
            Bound::AtMost(bound) => self.value <= bound,
            Bound::None => true,
        }
    }

    fn verdict(&self) -> &'static str {
        match self.bound {
            Bound::None => "",
            _ if self.met() => "met",
            _ => "MISSED",
        }
    }

    fn bound_text(&self) -> String {
        match self.bound {
            Bound::AtLeast(bound) => format!(">= {}", number(bound)),
            Bound::AtMost(bound) => format!("<= {}", number(bound)),
            Bound::None => String::new(),
        }
    }

    /// The figure as JSON.
    pub(super) fn json(&self) -> Value {
        let bound = match self.bound {
            Bound::AtLeast(bound) => json!({ "at_least": bound }),
            Bound::AtMost(bound) => json!({ "at_most": bound }),
            Bound::None => Value::Null,
        };
        let met = if self.bound == Bound::None { Value::Null } else { json!(self.met()) };
        json!({
            "name": self.name, "value": self.value, "unit": self.unit,
            "bound": bound, "met": met, "note": self.note,
        })
    }
}

/// Prints figures as a table.
pub(super) fn print(figures: &[Figure]) {
    let name = figures.iter().map(|figure| figure.name.chars().count()).max().unwrap_or(0);
    println!("\n{:<name$}  {:>10} {:<8}  {:<9} verdict  note", "figure", "measured", "", "bound");
    for figure in figures {
        let line = format!(
            "{:<name$}  {:>10} {:<8}  {:<9} {:<7}  {}",
            figure.name,
            number(figure.value),
            figure.unit,
            figure.bound_text(),
            figure.verdict(),
            figure.note
        );
        println!("{}", line.trim_end());
    }
}

/// A number with as many digits as say something.
fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1_000.0 || value == value.trunc() {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// The middle one; of an even number, the lower of the two in the middle.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

/// The single values of a median, for a note.
pub(super) fn each(values: &[f64]) -> String {
    let values: Vec<_> = values.iter().map(|value| number(*value)).collect();
    values.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_could_not_be_measured_misses_its_bound() {
        assert!(!Figure::new("speed", f64::NAN, "MB/s").bound(Bound::AtLeast(1.0)).met());
        assert!(!Figure::new("memory", f64::NAN, "MiB").bound(Bound::AtMost(1.0)).met());
        assert!(Figure::new("memory", 1.0, "MiB").bound(Bound::AtMost(1.0)).met());
        assert!(!Figure::new("speed", 0.99, "MB/s").bound(Bound::AtLeast(1.0)).met());
    }

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0]), 1.0);
        assert_eq!(median(&[7.0]), 7.0);
        assert!(median(&[]).is_nan());
    }
}
