//! The pace in one line.

use std::time::Duration;

use super::Pace;

/// The part of a row's time from which on it is told that its bytes take it. Where all rows are alike nothing shows which
/// of the two it is.
const MUCH: f64 = 0.6;

impl Pace {
    /// How it came to its size, in one line: "1,850 rows x 8: 0.42 s + 2.1 ms a row, +15 % for each other chunk under
    /// way, noise 12 %, limit 10 s, target 5 s".
    pub fn explain(&self, now: Duration) -> String {
        let (limit, target) = (self.spec.limit().as_secs_f64(), self.spec.target_time().as_secs_f64());
        let size = format!("{} rows x {}", grouped(self.rows(now)), self.allowed());
        if self.spec.fixed_rows.is_some() {
            return format!("{size}: fixed by configuration, limit {limit} s");
        }
        if self.model.is_blank() {
            return format!("{size}: nothing seen yet, limit {limit} s, target {target} s");
        }
        let slower = self.lateness(now);
        let hits = match self.hits {
            0 => String::new(),
            hits => format!(", {hits} time-limit hits"),
        };
        let crowd = self.model.crowd();
        let workers = match crowd.workers {
            0 => String::new(),
            workers => format!(", {workers} at once"),
        };
        format!(
            "{size}: {:.2} s + {:.2} ms a row{}, +{:.0} % for each other chunk under way{workers}, noise {:.0} %, limit {limit} s, target {target} s{hits}",
            self.model.fixed() * slower,
            self.model.each(self.row_bytes) * slower * 1e3,
            self.bytes_told(),
            crowd.contention * 1e2,
            self.model.noise() * 1e2,
        )
    }

    /// How much of a row's time is its bytes', where that is much.
    fn bytes_told(&self) -> String {
        let part = self.model.per_byte() * self.row_bytes / self.model.each(self.row_bytes).max(1e-12);
        match part >= MUCH {
            true => format!(" ({:.0} % of it for its {:.0} bytes)", part * 1e2, self.row_bytes),
            false => String::new(),
        }
    }
}

/// Thousands parted by commas.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
