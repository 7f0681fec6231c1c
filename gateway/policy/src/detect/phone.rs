//! Telephone numbers, in Japan and abroad.

use super::token::{Number, Token, Window};

/// The groups of digits that a number is written in, at most.
const GROUPS: usize = 4;

/// A telephone number: 10 digits from 0 (11 for 050, 060, 070, 080, 090, 020 and 0800), side by side or in two or three
/// groups with hyphens, blanks, dots or parentheses between; or `+` and 9 to 15 digits in groups (ITU-T E.123).
pub(crate) fn is_phone(window: &mut Window<'_>) -> bool {
    let start = match window.peek(0) {
        Token::Plus => return is_international(window),
        Token::Open => 1,
        _ => 0,
    };
    let mut groups = [Number::default(); GROUPS];
    let count = groups_at(window, start, &mut groups);
    match groups[..count] {
        [whole] => start == 0 && is_national(whole),
        [area, rest] => rest.digits >= 6 && is_area(area) && has_length(area, area.digits + rest.digits),
        [area, exchange, last] => {
            (1..=4).contains(&exchange.digits)
                && (3..=4).contains(&last.digits)
                && is_area(area)
                && has_length(area, area.digits + exchange.digits + last.digits)
        }
        _ => false,
    }
}

/// The groups from `at` on; how many there are. More than there is room for are none.
fn groups_at(window: &mut Window<'_>, mut at: usize, groups: &mut [Number; GROUPS]) -> usize {
    let mut count = 0;
    loop {
        let Token::Number(number) = window.peek(at) else { return count };
        let Some(group) = groups.get_mut(count) else { return 0 };
        *group = number;
        count += 1;
        at += 1;
        let before = at;
        while at - before < 2 && is_between(window.peek(at)) {
            at += 1;
        }
        // Letters right behind the digits make them a part of a code.
        if at == before {
            return if matches!(window.peek(at), Token::Letters(_)) { 0 } else { count };
        }
    }
}

fn is_between(token: Token) -> bool {
    matches!(token, Token::Hyphen | Token::Blank | Token::Dot | Token::Open | Token::Close)
}

/// From 01 to 09 on, as long as an area code or the prefix of a service is.
fn is_area(area: Number) -> bool {
    (2..=5).contains(&area.digits) && area.part(0, 1) == 0 && area.part(1, 1) != 0
}

/// 11 digits for what has them, else 10.
fn has_length(area: Number, digits: u32) -> bool {
    let long = area.digits >= 3 && area.part(2, 1) == 0 && matches!(area.part(1, 1), 2 | 5..=9);
    digits == 10 || digits == 11 && long
}

fn is_national(whole: Number) -> bool {
    let area = Number { digits: 4, value: whole.part(0, 4) };
    matches!(whole.digits, 10 | 11) && is_area(area) && has_length(area, whole.digits)
}

fn is_international(window: &mut Window<'_>) -> bool {
    let (mut at, mut digits) = (1, 0);
    loop {
        match window.peek(at) {
            Token::Number(number) => digits += number.digits.min(100),
            between if is_between(between) => {}
            _ => break,
        }
        at += 1;
    }
    (9..=15).contains(&digits) && matches!(window.peek(1), Token::Number(_))
}
