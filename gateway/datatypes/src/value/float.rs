//! `float` and `double` (part 2 §3.2.4, §3.2.5).

use std::cmp::Ordering;
use std::str::FromStr;

use super::number::Cursor;

/// What both have.
pub(crate) trait Floating: FromStr + PartialOrd + Copy {
    const INFINITY: Self;
    const NEGATIVE_INFINITY: Self;
    const NAN: Self;
    const ZERO: Self;
}

impl Floating for f32 {
    const INFINITY: f32 = f32::INFINITY;
    const NEGATIVE_INFINITY: f32 = f32::NEG_INFINITY;
    const NAN: f32 = f32::NAN;
    const ZERO: f32 = 0.0;
}

impl Floating for f64 {
    const INFINITY: f64 = f64::INFINITY;
    const NEGATIVE_INFINITY: f64 = f64::NEG_INFINITY;
    const NAN: f64 = f64::NAN;
    const ZERO: f64 = 0.0;
}

/// A literal; the value is the nearest one that the type has, which may be infinite or 0. There is one zero: the value
/// space of the second edition is m × 2^e.
pub(crate) fn read<F: Floating>(literal: &str) -> Option<F> {
    match literal {
        "INF" => return Some(F::INFINITY),
        "-INF" => return Some(F::NEGATIVE_INFINITY),
        "NaN" => return Some(F::NAN),
        _ => {}
    }
    if !is_number(literal.as_bytes()) {
        return None;
    }
    let value: F = literal.parse().ok()?;
    Some(if value == F::ZERO { F::ZERO } else { value })
}

/// A mantissa that is a decimal, and maybe an exponent that is an integer.
fn is_number(literal: &[u8]) -> bool {
    let mut rest = Cursor(literal);
    let _ = rest.take(b'-') || rest.take(b'+');
    let whole = rest.digits();
    let places: &[u8] = if rest.take(b'.') { rest.digits() } else { &[] };
    if whole.is_empty() && places.is_empty() {
        return false;
    }
    if rest.take(b'e') || rest.take(b'E') {
        let _ = rest.take(b'-') || rest.take(b'+');
        if rest.digits().is_empty() {
            return false;
        }
    }
    rest.is_empty()
}

/// NaN equals itself and compares with nothing else (part 2 §3.2.4).
pub(crate) fn order<F: PartialOrd>(value: F, bound: F) -> Option<Ordering> {
    let nan = |of: &F| of.partial_cmp(of).is_none();
    match nan(&value) && nan(&bound) {
        true => Some(Ordering::Equal),
        false => value.partial_cmp(&bound),
    }
}
