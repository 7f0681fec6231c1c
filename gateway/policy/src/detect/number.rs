//! Numbers of persons and bodies, by their check digits.

use super::token::{Number, Token, Window};

/// A My Number (個人番号): 12 digits, side by side or in groups of 4-4-4, 6-6 or 3-3-3-3 with a hyphen or a blank between.
///
/// Its last digit is the check digit: 11 less the remainder modulo 11 of the sum of the other digits, each times 2 to 7
/// and again 2 to 6 from the right; 0 where the remainder is 0 or 1 (行政手続における特定の個人を識別するための番号の利用等に
/// 関する法律の規定による通知カード及び個人番号カード並びに情報提供ネットワークシステムによる特定個人情報の提供等に関する
/// 省令, article 5).
pub(crate) fn is_my_number(window: &mut Window<'_>) -> bool {
    const SHAPES: [&[u32]; 4] = [&[12], &[4, 4, 4], &[6, 6], &[3, 3, 3, 3]];
    SHAPES.iter().any(|shape| grouped(window, shape).is_some_and(has_personal_check_digit))
}

/// A corporate number (法人番号): 13 digits, side by side or as 1-4-4-4.
///
/// Its first digit is the check digit: 9 less the remainder modulo 9 of the sum of the other digits, each times 1 or 2 in
/// turn from the right (法人番号の指定等に関する省令, article 2).
pub(crate) fn is_corporate_number(window: &mut Window<'_>) -> bool {
    const SHAPES: [&[u32]; 2] = [&[13], &[1, 4, 4, 4]];
    SHAPES.iter().any(|shape| grouped(window, shape).is_some_and(has_corporate_check_digit))
}

/// The number that the groups ahead make, if they have just this shape and no further group is behind them.
fn grouped(window: &mut Window<'_>, shape: &[u32]) -> Option<u64> {
    let (mut at, mut all) = (0, 0_u64);
    for (group, &digits) in shape.iter().enumerate() {
        if group > 0 {
            if !is_between(window.peek(at)) {
                return None;
            }
            at += 1;
        }
        let Token::Number(number) = window.peek(at) else { return None };
        if number.digits != digits {
            return None;
        }
        all = all * 10_u64.pow(digits) + number.value;
        at += 1;
    }
    let goes_on = match window.peek(at) {
        Token::Letters(_) => true,
        between => {
            is_between(between) && matches!(window.peek(at + 1), Token::Number(Number { digits: 2.., .. }))
        }
    };
    (!goes_on).then_some(all)
}

fn is_between(token: Token) -> bool {
    matches!(token, Token::Hyphen | Token::Blank)
}

fn has_personal_check_digit(number: u64) -> bool {
    let (mut rest, mut sum) = (number / 10, 0);
    for n in 1..=11 {
        sum += rest % 10 * if n <= 6 { n + 1 } else { n - 5 };
        rest /= 10;
    }
    let check = match sum % 11 {
        0 | 1 => 0,
        remainder => 11 - remainder,
    };
    // Zeros alone fill a field; nobody has that number.
    number != 0 && number % 10 == check
}

fn has_corporate_check_digit(number: u64) -> bool {
    let (mut rest, mut sum) = (number, 0);
    for n in 1..=12 {
        sum += rest % 10 * if n % 2 == 1 { 1 } else { 2 };
        rest /= 10;
    }
    rest == 9 - sum % 9
}
