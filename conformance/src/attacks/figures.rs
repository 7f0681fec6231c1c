//! What a gateway holds after each pass of all attacks, and what it may hold.

use std::fmt;

/// By how many descriptors two passes may differ: connections to the cloud and to the ledger come and go.
pub(super) const COME_AND_GO: usize = 8;
/// Passes from which on the first quarter and the last tenth of them are compared. In the first twenty or so memory grows to what it is from
/// then on: threads are started as they are needed.
const MANY: usize = 50;
/// What the last passes may have more resident than the first, in KiB: what an allocator keeps for itself. A thousand passes come to it
/// with some fifty bytes that each attack leaves.
const ROOM: u64 = 16 << 10;
/// The same after few passes, in which buffers and caches still come to their sizes.
const ROOM_AT_FIRST: u64 = 64 << 10;
/// What may be resident at any time over what is at rest, in KiB: 32 bodies that are read at once, 4 MiB each, the memory of
/// relays, and 32 KiB for each of 240 connections.
const CEILING: u64 = (32 * 4 + 64) * 1024 + 240 * 32;

/// What was held after each pass.
#[derive(Debug, Default)]
pub(super) struct Figures {
    /// Resident before the first attack, in KiB.
    pub(super) at_rest: u64,
    /// The most that was ever resident, in KiB.
    pub(super) peak: u64,
    /// After each pass: open descriptors, and what is resident in KiB.
    pub(super) passes: Vec<(usize, u64)>,
    /// Attacks that were made.
    pub(super) attacks: usize,
    /// Attacks that were not met as they have to be.
    pub(super) failed: usize,
}

impl Figures {
    /// What is beyond its ceiling.
    pub(super) fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let (Some(first), Some(last)) = (self.passes.first(), self.passes.last()) else { return wrong };
        if last.0 > first.0 + COME_AND_GO {
            wrong.push(format!("{} descriptors are open after {} in the first pass", last.0, first.0));
        }
        let (before, after, room) = self.resident();
        if after > before + room {
            wrong.push(format!(
                "{after} KiB are resident after {before} at first, of which {room} more may be"
            ));
        }
        let over = self.peak.saturating_sub(self.at_rest);
        if over > CEILING {
            wrong.push(format!("{over} KiB were resident over rest, and the ceiling is {CEILING}"));
        }
        wrong
    }

    /// What was resident at first, at the end, and how much more it may be. Of many passes it is the most of the first quarter
    /// and the least of the last tenth: what leaks moves both, and what an allocator does not give back at once neither.
    fn resident(&self) -> (u64, u64, u64) {
        let resident = || self.passes.iter().map(|(_, resident)| *resident);
        if self.passes.len() >= MANY {
            let before = resident().take(self.passes.len() / 4).max().unwrap_or_default();
            let after = resident().skip(self.passes.len() - self.passes.len() / 10).min().unwrap_or_default();
            return (before, after, ROOM);
        }
        let before = resident().next().unwrap_or_default();
        (before, resident().next_back().unwrap_or_default(), before / 4 + ROOM_AT_FIRST)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let descriptors = || self.passes.iter().map(|(descriptors, _)| *descriptors);
        let first = descriptors().next().unwrap_or_default();
        let last = descriptors().next_back().unwrap_or_default();
        let most = descriptors().max().unwrap_or_default();
        let (before, after, room) = self.resident();
        write!(
            out,
            "{} attacks in {} passes, {} not met; 0 crashes; descriptors {first} after the first pass, {most} at most, {last} at the end \
             (ceiling {}); resident {before} KiB at first, {after} KiB at the end (ceiling {}), {} KiB over rest at most (ceiling {CEILING})",
            self.attacks,
            self.passes.len(),
            self.failed,
            first + COME_AND_GO,
            before + room,
            self.peak.saturating_sub(self.at_rest),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(passes: impl IntoIterator<Item = (usize, u64)>) -> Figures {
        Figures { at_rest: 40_000, peak: 90_000, passes: passes.into_iter().collect(), attacks: 1, failed: 0 }
    }

    #[test]
    fn what_comes_and_goes_is_no_leak() {
        assert!(figures([(30, 50_000)]).wrong().is_empty());
        assert!(figures([(30, 50_000), (38, 80_000)]).wrong().is_empty());
        // What fifty passes of a debug build have held, the first one and every fifth: it grows at first.
        let warm = [49_864, 62_728, 74_040, 83_244, 84_428, 85_544, 84_956, 85_504, 85_928, 88_744];
        assert!(figures((0..50).map(|pass| (30, warm[pass / 5]))).wrong().is_empty());
        // Then it moves up and down.
        let settled = (0..1_000).map(|pass| (30 + pass % 3, 60_000 + pass as u64 % 100 * 200));
        assert!(figures(settled).wrong().is_empty());
    }

    #[test]
    fn what_grows_with_each_pass_is_one() {
        let descriptors = figures((0..20).map(|pass| (30 + pass, 60_000))).wrong();
        assert!(descriptors[0].starts_with("49 descriptors are open after 30"), "{descriptors:?}");
        // 40 KiB with each pass, under noise that is fifty times that.
        let memory = (0..1_000).map(|pass| (30, 60_000 + 40 * pass + pass * 7_919 % 2_000));
        let memory = figures(memory).wrong();
        assert!(memory.len() == 1 && memory[0].contains("16384 more may be"), "{memory:?}");
        assert_eq!(figures([(30, 50_000), (30, 150_000)]).wrong().len(), 1, "of few passes");
    }

    #[test]
    fn there_is_a_ceiling_for_a_moment_too() {
        let peak = 40_000 + CEILING + 1;
        let wrong = Figures { peak, ..figures([(30, 50_000)]) }.wrong();
        assert!(wrong.len() == 1 && wrong[0].contains("over rest"), "{wrong:?}");
    }

    #[test]
    fn all_of_it_is_told() {
        let told = figures([(30, 50_000), (33, 52_000), (31, 51_000)]).to_string();
        for words in [
            "in 3 passes",
            "descriptors 30 after",
            "33 at most, 31 at the end (ceiling 38)",
            "50000 KiB over rest",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
    }
}
