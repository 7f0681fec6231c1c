//! On which line each record begins, for those that are told of later: by its keys a batch is judged when all of it is read.

/// Runs of records that are kept; what comes behind them has no line to tell.
const MOST: usize = 8_192;

/// Lines of records, as runs that are evenly spaced: most payloads are one. In memory of fixed size.
#[derive(Debug, Default)]
pub(super) struct Lines {
    runs: Vec<Run>,
    /// The number of the record behind the last one whose line is known.
    end: u64,
}

#[derive(Debug)]
struct Run {
    /// Number of its first record, and the line of that.
    record: u64,
    line: u64,
    /// Lines from each record to the next.
    step: u64,
}

impl Lines {
    /// Notes the line of the next record. Numbers are counted from 1, one after the other.
    pub(super) fn note(&mut self, record: u64, line: u64) {
        if let Some(run) = self.runs.last_mut().filter(|_| self.end == record) {
            if record == run.record + 1 && line >= run.line {
                run.step = line - run.line;
            }
            if run.line_of(record) == line {
                self.end += 1;
                return;
            }
        } else if !self.runs.is_empty() {
            // There was no room for the one before.
            return;
        }
        if self.runs.len() < MOST {
            self.runs.push(Run { record, line, step: 0 });
            self.end = record + 1;
        }
    }

    /// The line on which a record begins, if it is known.
    pub(super) fn of(&self, record: u64) -> Option<u64> {
        let behind = self.runs.partition_point(|run| run.record <= record);
        let run = self.runs[..behind].last().filter(|_| record < self.end)?;
        Some(run.line_of(record))
    }
}

impl Run {
    fn line_of(&self, record: u64) -> u64 {
        self.line + (record - self.record) * self.step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(lines: &[u64]) -> Lines {
        let mut noted = Lines::default();
        lines.iter().zip(1..).for_each(|(line, record)| noted.note(record, *line));
        noted
    }

    #[test]
    fn every_record_has_its_line() {
        let even: Vec<u64> = (2..500_000).collect();
        let spread: Vec<u64> = (0..1000).map(|record| 3 + 7 * record).collect();
        let one: Vec<u64> = vec![1; 5000];
        let mixed: Vec<u64> = (0..2000).map(|record| 1 + record * 2 + record % 3).collect();
        // Two payloads of one message.
        let twice = vec![2, 3, 4, 2, 3, 9];
        for lines in [even, spread, one, mixed, twice, Vec::new()] {
            let noted = noted(&lines);
            for (line, record) in lines.iter().zip(1..) {
                assert_eq!(noted.of(record), Some(*line), "record {record}");
            }
            assert_eq!((noted.of(0), noted.of(lines.len() as u64 + 1)), (None, None));
        }
        assert_eq!(noted(&(2..500_000).collect::<Vec<_>>()).runs.len(), 1);
    }

    #[test]
    fn uneven_lines_are_known_as_far_as_there_is_room() {
        let lines: Vec<u64> = (0..100_000_u64).map(|record| record * record).collect();
        let noted = noted(&lines);
        assert_eq!(noted.runs.len(), MOST);
        for record in 1..=100_000 {
            let told = noted.of(record);
            assert!(told.is_none() || told == Some(lines[record as usize - 1]), "record {record}");
        }
        assert!(noted.of(2 * MOST as u64).is_some() && noted.of(100_000).is_none());
    }
}
