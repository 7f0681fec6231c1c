//! Names of persons: a heuristic, for values that are a name and nothing else.
//!
//! Nothing tells for certain that a text is a name. What is taken for one:
//!
//! 1. two or three words of katakana, or of hiragana, with blanks between (`ヤマダ　タロウ`): how core systems write
//!    readings of names;
//! 2. a common surname in ideographs, then one to three more characters as a given name has them, with a blank between or
//!    none (`山田 太郎`, `佐藤健`);
//! 3. two words of ideographs with a blank between, the second one of which ends as given names do (`千田　花子`).
//!
//! What names something else (`山口県`, `高橋病院`, `石川　支所`) is told by its last character. A reading without a blank, a
//! rare surname without a blank, a name in Latin letters and a name in the middle of a text are not found; some words of
//! two kana parts that are no names are.

use super::glyph::{Glyph, glyph};
use super::surnames::{GIVEN_ALONE, GIVEN_ENDS, NO_NAME_ENDS, SURNAMES};

/// Longest value that is looked at, in characters: no name is longer.
const MOST: usize = 24;

/// Whether the value is the name of a person.
pub(crate) fn is_name(value: &str) -> bool {
    let mut words = [Word::default(); 3];
    let Some(count) = words_of(value, &mut words) else { return false };
    match words[..count] {
        [one] => one.is_ideographic() && is_full_name(one.text(value)),
        [first, second] if first.is_kana() && second.is_kana() => first.length + second.length >= 3,
        [first, second, third] => first.is_kana() && second.is_kana() && third.is_kana(),
        [first, second] => {
            let (surname, given) = (first.text(value), second.text(value));
            let shaped = first.han > 0 && first.length <= 4 && second.is_ideographic() && second.length <= 4;
            let is_known = SURNAMES.binary_search(&surname).is_ok();
            let is_likely = !ends_otherwise(surname) && second.han > 0 && ends_as_given_name(given);
            shaped && !ends_otherwise(given) && (is_known || is_likely)
        }
        _ => false,
    }
}

/// Characters side by side, and of which kinds they are.
#[derive(Debug, Clone, Copy, Default)]
struct Word {
    start: usize,
    end: usize,
    length: usize,
    han: usize,
    hiragana: usize,
    katakana: usize,
}

impl Word {
    fn text(self, value: &str) -> &str {
        value.get(self.start..self.end).unwrap_or_default()
    }

    /// All of one kind of kana.
    fn is_kana(self) -> bool {
        self.han == 0 && (self.hiragana == self.length || self.katakana == self.length)
    }

    /// Ideographs, perhaps with kana.
    fn is_ideographic(self) -> bool {
        self.han + self.hiragana + self.katakana == self.length
    }
}

/// Parts the value into words of ideographs and kana; `None` when there is anything else in it, or too much.
fn words_of(value: &str, words: &mut [Word; 3]) -> Option<usize> {
    let (mut count, mut open, mut seen) = (0, false, 0);
    for (at, c) in value.char_indices() {
        seen += 1;
        if seen > MOST {
            return None;
        }
        let kind = glyph(c);
        match kind {
            Glyph::Blank | Glyph::MiddleDot => {
                open = false;
                continue;
            }
            Glyph::Han | Glyph::Hiragana | Glyph::Katakana | Glyph::LongVowel => {}
            _ => return None,
        }
        if !open {
            words.get_mut(count)?.start = at;
            count += 1;
            open = true;
        }
        let word = words.get_mut(count - 1)?;
        word.end = at + c.len_utf8();
        word.length += 1;
        match kind {
            Glyph::Han => word.han += 1,
            Glyph::Hiragana => word.hiragana += 1,
            // Voicing marks of half-width kana are characters of their own.
            _ => word.katakana += 1,
        }
    }
    (count > 0).then_some(count)
}

/// A common surname and a given name without a blank between.
fn is_full_name(text: &str) -> bool {
    // Surnames have one to three characters here.
    let ends = text.char_indices().skip(1).take(3).map(|(at, _)| at);
    ends.into_iter().any(|end| {
        let (surname, given) = text.split_at(end);
        let length = given.chars().count();
        SURNAMES.binary_search(&surname).is_ok()
            && !ends_otherwise(given)
            && match length {
                // A single character is too little to go by behind a single character.
                1 => end > 3 && given.chars().all(|c| GIVEN_ALONE.contains(c)),
                2 | 3 => {
                    ends_as_given_name(given)
                        || given.chars().all(|c| glyph(c) == Glyph::Hiragana)
                        || given.chars().all(|c| glyph(c) == Glyph::Katakana)
                }
                _ => false,
            }
    })
}

fn ends_as_given_name(given: &str) -> bool {
    given.chars().next_back().is_some_and(|c| GIVEN_ENDS.contains(c) || GIVEN_ALONE.contains(c))
}

fn ends_otherwise(word: &str) -> bool {
    word.chars().next_back().is_some_and(|c| NO_NAME_ENDS.contains(c))
}
