//! Addresses below the town: what names a house.

use super::date;
use super::token::{Mark, Number, Text, Token, Window};

/// Where in the value that begins which names a house, in bytes. A prefecture, a municipality, a town and its 丁目 alone
/// name none.
///
/// A house is named by a number with 番地, 番…号 or 号室; by a number behind 丁目; by three numbers with hyphens or の between
/// behind a word (千葉港1-2-3); and by two such numbers where a part of an address (都道府県市区町村郡) comes before them in
/// the value. Numbers are of any width and writing, and of at most four digits.
pub(crate) fn house(value: &str) -> Option<usize> {
    let mut window = Window::new(value);
    let window = &mut window;
    let (mut in_place, mut behind_word) = (false, false);
    loop {
        if let Some((_, tokens)) = date::date(window) {
            for _ in 0..tokens {
                window.advance();
            }
            behind_word = false;
            continue;
        }
        let token = window.peek(0);
        match token {
            Token::End => return None,
            Token::Number(_) | Token::Kanji(_) => {
                if is_house(window, in_place, behind_word) {
                    // The 丁目 is the town's: the house is named by what is behind it.
                    while matches!(token_behind(window), Some(Mark::Chome)) {
                        window.advance();
                        window.advance();
                    }
                    return Some(window.position());
                }
                // What numbers are written with may be a part of a name: 千葉, 三番町.
                behind_word = matches!(token, Token::Kanji(_));
            }
            Token::Blank | Token::Open => {}
            Token::Text(Text::Place) => (in_place, behind_word) = (true, true),
            Token::Text(Text::Word) | Token::Mark(_) | Token::Era(_) => behind_word = true,
            _ => behind_word = false,
        }
        window.advance();
    }
}

/// The value without what names a house; `None` when it names none, or nothing else.
pub(crate) fn town(value: &str) -> Option<&str> {
    let town = value[..house(value)?].trim_end();
    (!town.is_empty()).then_some(town)
}

/// What the mark behind the number at hand says.
fn token_behind(window: &mut Window<'_>) -> Option<Mark> {
    match (window.peek(0), window.peek(1)) {
        (Token::Number(_) | Token::Kanji(_), Token::Mark(mark)) => Some(mark),
        _ => None,
    }
}

fn is_house(window: &mut Window<'_>, in_place: bool, behind_word: bool) -> bool {
    if !is_number(window.peek(0)) {
        return false;
    }
    let at = 1 + blank(window, 1);
    match window.peek(at) {
        Token::Mark(Mark::Banchi) => true,
        // 1番2号, 1番2
        Token::Mark(Mark::Ban) => {
            let at = at + 1 + blank(window, at + 1);
            let (number, behind) = (window.peek(at), window.peek(at + 1));
            is_number(number) && (in_place || behind == Token::Mark(Mark::Go))
        }
        // 1丁目2, 1丁目の2, 1丁目-2
        Token::Mark(Mark::Chome) => {
            let at = at + 1 + blank(window, at + 1);
            let at = at + usize::from(is_between(window.peek(at)));
            is_number(window.peek(at))
        }
        // 205号室
        Token::Mark(Mark::Go) => window.peek(at + 1) == Token::Text(Text::Word) && in_place,
        between if is_between(between) && behind_word => {
            let third = is_between(window.peek(at + 2)) && is_number(window.peek(at + 3));
            is_number(window.peek(at + 1)) && (in_place || third)
        }
        _ => false,
    }
}

fn is_number(token: Token) -> bool {
    matches!(token, Token::Number(Number { digits: 1..=4, .. }) | Token::Kanji(0..=9999))
}

fn is_between(token: Token) -> bool {
    matches!(token, Token::Hyphen | Token::Mark(Mark::No))
}

fn blank(window: &mut Window<'_>, at: usize) -> usize {
    usize::from(window.peek(at) == Token::Blank)
}
