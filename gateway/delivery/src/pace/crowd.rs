//! What chunks under way do to each other.

/// What is weighed against each other.
pub(super) const CROWDS: [Crowd; 20] = [
    Crowd::hindered(0.0),
    Crowd::hindered(0.02),
    Crowd::hindered(0.05),
    Crowd::hindered(0.1),
    Crowd::hindered(0.15),
    Crowd::hindered(0.2),
    Crowd::hindered(0.3),
    Crowd::hindered(0.4),
    Crowd::hindered(0.55),
    Crowd::hindered(0.75),
    Crowd::hindered(1.0),
    Crowd::hindered(1.4),
    Crowd::hindered(2.0),
    Crowd::hindered(3.0),
    Crowd::served(0.05, 2),
    Crowd::served(0.05, 3),
    Crowd::served(0.05, 4),
    Crowd::served(0.05, 6),
    Crowd::served(0.05, 8),
    Crowd::served(0.05, 12),
];

/// Seconds that a chunk would have taken alone, by each crowd.
pub(super) type Alone = [f64; CROWDS.len()];

/// How much slower chunks are together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Crowd {
    /// By how much each further chunk under way slows all of them.
    pub(super) contention: f64,
    /// So many are worked on at once, and more share these places; 0: any number.
    pub(super) workers: u32,
}

impl Crowd {
    const fn hindered(contention: f64) -> Self {
        Self { contention, workers: 0 }
    }

    const fn served(contention: f64, workers: u32) -> Self {
        Self { contention, workers }
    }

    /// How much slower a chunk is when `load` of them are under way, itself counted.
    pub(super) fn slowdown(self, load: f64) -> f64 {
        let shared = if self.workers == 0 { 1.0 } else { load / f64::from(self.workers) };
        (1.0 + self.contention * (load - 1.0).max(0.0)) * shared.max(1.0)
    }

    /// How different two of them are.
    pub(super) fn distance(self, other: Self) -> f64 {
        let places = |crowd: Self| if crowd.workers == 0 { 0.0 } else { 1.0 / f64::from(crowd.workers) };
        (self.contention - other.contention).abs() + (places(self) - places(other)).abs()
    }
}
