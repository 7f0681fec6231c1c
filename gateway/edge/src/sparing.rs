//! Lines of the log that anybody can cause as often as he likes: so many in a while, and at its end how many were left out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How many lines there are within [`WHILE`].
const LINES: u32 = 10;
/// From the first line on.
const WHILE: Duration = Duration::from_secs(60);

/// Says whether a line is written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sparing(Arc<Mutex<Written>>);

#[derive(Debug, Default)]
struct Written {
    /// Since when lines are counted.
    since: Option<Instant>,
    lines: u32,
    left_out: u64,
}

/// What becomes of a line.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Written,
    LeftOut,
    /// It is the first one: at this moment it is to be told how many there were.
    LeftOutUntil(Instant),
}

impl Written {
    fn next(&mut self, now: Instant) -> Line {
        let since = match self.since {
            Some(since) if now < since + WHILE => since,
            _ => {
                // What was left out before and not told yet is told with what comes now.
                (self.since, self.lines) = (Some(now), 0);
                now
            }
        };
        if self.lines < LINES {
            self.lines += 1;
            return Line::Written;
        }
        self.left_out += 1;
        if self.left_out == 1 { Line::LeftOutUntil(since + WHILE) } else { Line::LeftOut }
    }
}

impl Sparing {
    fn written(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a line may be written now. Where one may not, `tell` is called at the end of the while with the number of those left out.
    /// Must be called where a tokio runtime is at hand.
    pub(crate) fn may_write(&self, tell: impl FnOnce(u64) + Send + 'static) -> bool {
        let line = self.written().next(Instant::now());
        if let Line::LeftOutUntil(end) = line {
            let sparing = self.clone();
            tokio::spawn(async move {
                sleep_until(end).await;
                let left_out = std::mem::take(&mut sparing.written().left_out);
                tell(left_out);
            });
        }
        line == Line::Written
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may panic

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn so_many_in_a_while_and_then_how_many_were_left_out() {
        let sparing = Sparing::default();
        let (told, mut tells) = tokio::sync::mpsc::unbounded_channel();
        let ask = |times: usize| {
            let may = |_: &usize| {
                let told = told.clone();
                sparing.may_write(move |left_out| told.send(left_out).unwrap())
            };
            (0..times).filter(may).count()
        };
        let began = Instant::now();
        assert_eq!(ask(10_000), 10);
        tokio::time::advance(WHILE / 2).await;
        assert_eq!(ask(5), 0);
        // Nobody asks any more, and it is told all the same.
        assert_eq!(tells.recv().await, Some(9_995));
        assert_eq!(began.elapsed(), WHILE);
        assert_eq!(ask(11), 10);
        assert_eq!(tells.recv().await, Some(1));
        // Who keeps to the number is never left out.
        for _ in 0..5 {
            tokio::time::advance(WHILE).await;
            assert_eq!(ask(10), 10);
        }
        tokio::time::advance(2 * WHILE).await;
        assert!(tells.try_recv().is_err());
    }
}
