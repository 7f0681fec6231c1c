//! The normal distribution.

/// The part of it beyond so many deviations: Abramowitz and Stegun, 26.2.17, right to seven decimals.
pub(super) fn beyond(deviations: f64) -> f64 {
    const FACTORS: [f64; 5] = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let far = deviations.abs();
    let part = 1.0 / (1.0 + 0.231_641_9 * far);
    let density = (-far * far / 2.0).exp() / std::f64::consts::TAU.sqrt();
    let tail = density * FACTORS.iter().rev().fold(0.0, |sum, factor| (sum + factor) * part);
    if deviations < 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::beyond;

    #[test]
    fn known_parts_are_right() {
        for (deviations, part) in [(0.0, 0.5), (1.0, 0.158_655), (2.5, 0.006_210), (-1.0, 0.841_345)] {
            assert!((beyond(deviations) - part).abs() < 1e-6, "{deviations}: {}", beyond(deviations));
        }
        assert!(beyond(f64::INFINITY) == 0.0 && beyond(f64::NEG_INFINITY) == 1.0);
    }
}
