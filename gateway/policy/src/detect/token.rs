//! A value as numbers, separators and marks: what dates, numbers and addresses are told by.
//!
//! One pass, nothing allocated: tokens are made as they are asked for and kept in a window of [`WINDOW`], which is as far
//! as any detector looks ahead. So the time is linear in the value, whatever it is.

use super::glyph::{Glyph, Numeral, glyph, numeral};

/// Tokens that are looked at together.
pub(crate) const WINDOW: usize = 16;

/// A part of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Token {
    /// Decimal digits side by side.
    Number(Number),
    /// Numerals of Chinese writing side by side.
    Kanji(u32),
    /// Latin letters side by side.
    Letters(Letters),
    Hyphen,
    Slash,
    Dot,
    MiddleDot,
    /// Blanks side by side.
    Blank,
    Plus,
    Open,
    Close,
    /// The name of an era.
    Era(Era),
    Mark(Mark),
    /// Any other character.
    Text(Text),
    /// Nothing comes any more.
    #[default]
    End,
}

/// A run of digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Number {
    /// How many there are.
    pub(crate) digits: u32,
    /// What they say, as far as it has room: up to 19 digits.
    pub(crate) value: u64,
}

impl Number {
    /// The number that `count` of its digits make, from the digit `from` on; it has at most 19 digits.
    pub(crate) fn part(self, from: u32, count: u32) -> u64 {
        let behind = self.digits.saturating_sub(from + count);
        self.value / 10_u64.pow(behind.min(19)) % 10_u64.pow(count.min(19))
    }
}

/// A run of Latin letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Letters {
    pub(crate) length: u32,
    /// The first ones, in upper case.
    pub(crate) first: [u8; 4],
}

impl Letters {
    pub(crate) fn is(self, word: &str) -> bool {
        self.length as usize == word.len() && self.first.starts_with(&word.as_bytes()[..word.len().min(4)])
    }
}

/// An era, as the calendar has them since 1868.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Era {
    Meiji,
    Taisho,
    Showa,
    Heisei,
    Reiwa,
}

/// Characters that say what a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// 年
    Year,
    /// 月
    Month,
    /// 日
    Day,
    /// 元, the first year of an era.
    First,
    /// 丁目
    Chome,
    /// 番地
    Banchi,
    /// 番
    Ban,
    /// 号
    Go,
    /// の, ノ, 之 as between the numbers of a house.
    No,
}

/// A character without a meaning of its own here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    /// 都道府県市区町村郡: a part of an address may end here.
    Place,
    /// 第: what follows is an ordinal.
    Ordinal,
    /// Ideographs and kana.
    Word,
    Other,
}

/// The tokens of a value.
#[derive(Debug, Clone)]
pub(crate) struct Tokens<'v> {
    rest: std::str::Chars<'v>,
    /// The second half of a character that stands for two tokens (㏠ is 1日).
    pending: Option<Token>,
}

impl<'v> Tokens<'v> {
    pub(crate) fn new(value: &'v str) -> Self {
        Tokens { rest: value.chars(), pending: None }
    }

    fn next(&mut self) -> Token {
        if let Some(token) = self.pending.take() {
            return token;
        }
        loop {
            let Some(c) = self.rest.next() else { return Token::End };
            return match glyph(c) {
                Glyph::Invisible => continue,
                Glyph::Digit(digit) => self.number(digit),
                Glyph::Letter(letter) => self.letters(letter),
                Glyph::Blank => {
                    self.pass_while(|glyph| glyph == Glyph::Blank);
                    Token::Blank
                }
                Glyph::Hyphen | Glyph::LongVowel => Token::Hyphen,
                Glyph::Slash => Token::Slash,
                Glyph::Dot => Token::Dot,
                Glyph::MiddleDot => Token::MiddleDot,
                Glyph::Plus => Token::Plus,
                Glyph::Open => Token::Open,
                Glyph::Close => Token::Close,
                Glyph::Katakana if matches!(c, 'ノ' | 'ﾉ') => Token::Mark(Mark::No),
                Glyph::Hiragana if c == 'の' => Token::Mark(Mark::No),
                Glyph::Hiragana | Glyph::Katakana => Token::Text(Text::Word),
                Glyph::Han => self.han(c),
                Glyph::At => Token::Text(Text::Other),
                Glyph::Other => self.other(c),
            };
        }
    }

    /// The next character that can be seen, if `wanted` takes it.
    fn take(&mut self, wanted: impl Fn(char) -> bool) -> bool {
        let mut ahead = self.rest.clone();
        let taken = visible(&mut ahead).is_some_and(wanted);
        if taken {
            self.rest = ahead;
        }
        taken
    }

    fn pass_while(&mut self, wanted: impl Fn(Glyph) -> bool) {
        while self.take(|c| wanted(glyph(c))) {}
    }

    fn number(&mut self, first: u8) -> Token {
        let mut number = Number { digits: 1, value: u64::from(first) };
        let mut ahead = self.rest.clone();
        while let Some(Glyph::Digit(digit)) = visible(&mut ahead).map(glyph) {
            number.digits = number.digits.saturating_add(1);
            if number.digits <= 19 {
                number.value = number.value * 10 + u64::from(digit);
            }
            self.rest = ahead.clone();
        }
        Token::Number(number)
    }

    fn letters(&mut self, first: u8) -> Token {
        let mut letters = Letters { length: 1, first: [first, 0, 0, 0] };
        let mut ahead = self.rest.clone();
        while let Some(Glyph::Letter(letter)) = visible(&mut ahead).map(glyph) {
            if let Some(place) = letters.first.get_mut(letters.length as usize) {
                *place = letter;
            }
            letters.length = letters.length.saturating_add(1);
            self.rest = ahead.clone();
        }
        Token::Letters(letters)
    }

    fn han(&mut self, c: char) -> Token {
        if let Some(first) = numeral(c) {
            return self.numerals(first);
        }
        match c {
            '年' => Token::Mark(Mark::Year),
            '月' => Token::Mark(Mark::Month),
            '日' => Token::Mark(Mark::Day),
            '元' => Token::Mark(Mark::First),
            '之' => Token::Mark(Mark::No),
            '号' | '號' => Token::Mark(Mark::Go),
            '丁' if self.take(|c| c == '目') => Token::Mark(Mark::Chome),
            '番' if self.take(|c| c == '地') => Token::Mark(Mark::Banchi),
            '番' => Token::Mark(Mark::Ban),
            '明' => self.era('治', Era::Meiji),
            '大' => self.era('正', Era::Taisho),
            '昭' => self.era('和', Era::Showa),
            '平' => self.era('成', Era::Heisei),
            '令' => self.era('和', Era::Reiwa),
            '都' | '道' | '府' | '県' | '縣' | '市' | '区' | '區' | '町' | '村' | '郡' => {
                Token::Text(Text::Place)
            }
            '第' => Token::Text(Text::Ordinal),
            _ => Token::Text(Text::Word),
        }
    }

    /// Half an era's name stands for it, too; whether it means one, what follows has to say.
    fn era(&mut self, second: char, era: Era) -> Token {
        self.take(|c| c == second);
        Token::Era(era)
    }

    fn numerals(&mut self, first: Numeral) -> Token {
        let (mut sum, mut last, mut plain) = (0_u32, 0_u32, true);
        let mut add = |numeral: Numeral| match numeral {
            Numeral::Digit(digit) if plain => last = last.saturating_mul(10).saturating_add(u32::from(digit)),
            Numeral::Digit(digit) => last = u32::from(digit),
            Numeral::Times(times) => {
                sum = sum.saturating_add(last.max(1).saturating_mul(times));
                (last, plain) = (0, false);
            }
            Numeral::Twenty => (sum, last, plain) = (sum.saturating_add(20), 0, false),
        };
        add(first);
        let mut ahead = self.rest.clone();
        while let Some(next) = visible(&mut ahead).and_then(numeral) {
            add(next);
            self.rest = ahead.clone();
        }
        Token::Kanji(sum.saturating_add(last))
    }

    fn other(&mut self, c: char) -> Token {
        match c {
            '㍾' => Token::Era(Era::Meiji),
            '㍽' => Token::Era(Era::Taisho),
            '㍼' => Token::Era(Era::Showa),
            '㍻' => Token::Era(Era::Heisei),
            '㋿' => Token::Era(Era::Reiwa),
            // A month or a day in one character.
            '\u{32C0}'..='\u{32CB}' => {
                self.pending = Some(Token::Mark(Mark::Month));
                Token::Kanji(u32::from(c) - 0x32BF)
            }
            '\u{33E0}'..='\u{33FE}' => {
                self.pending = Some(Token::Mark(Mark::Day));
                Token::Kanji(u32::from(c) - 0x33DF)
            }
            _ => Token::Text(Text::Other),
        }
    }
}

/// The next character that can be seen.
fn visible(chars: &mut std::str::Chars<'_>) -> Option<char> {
    chars.find(|&c| glyph(c) != Glyph::Invisible)
}

/// The tokens of a value, some of which can be looked at ahead.
#[derive(Debug, Clone)]
pub(crate) struct Window<'v> {
    tokens: Tokens<'v>,
    ring: [Token; WINDOW],
    /// Bytes of the value that are left from each token on.
    left: [usize; WINDOW],
    length: usize,
    start: usize,
    filled: usize,
}

impl<'v> Window<'v> {
    pub(crate) fn new(value: &'v str) -> Self {
        let (ring, left) = ([Token::End; WINDOW], [0; WINDOW]);
        Window { tokens: Tokens::new(value), ring, left, length: value.len(), start: 0, filled: 0 }
    }

    /// The token `ahead` of the present one, which is 0; the end beyond the window.
    pub(crate) fn peek(&mut self, ahead: usize) -> Token {
        if ahead >= WINDOW {
            return Token::End;
        }
        while self.filled <= ahead {
            let at = (self.start + self.filled) % WINDOW;
            self.left[at] = self.tokens.rest.as_str().len();
            self.ring[at] = self.tokens.next();
            self.filled += 1;
        }
        self.ring[(self.start + ahead) % WINDOW]
    }

    /// Where the present token begins in the value, in bytes.
    pub(crate) fn position(&mut self) -> usize {
        self.peek(0);
        self.length - self.left[self.start]
    }

    /// Takes the present token; the next one is the present one then.
    pub(crate) fn advance(&mut self) -> Token {
        let token = self.peek(0);
        self.start = (self.start + 1) % WINDOW;
        self.filled -= 1;
        token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(value: &str) -> Vec<Token> {
        let mut window = Window::new(value);
        std::iter::from_fn(|| Some(window.advance()).filter(|token| *token != Token::End)).collect()
    }

    #[test]
    fn numbers_are_read_in_any_width_and_writing() {
        for (value, digits, number) in [
            ("0123", 4, 123),
            ("０１２３", 4, 123),
            ("0\u{200B}1²③", 4, 123),
            ("99999999999999999999", 20, 9_999_999_999_999_999_999),
        ] {
            assert_eq!(tokens(value), [Token::Number(Number { digits, value: number })], "{value}");
        }
        for (value, number) in [
            ("一九八〇", 1980),
            ("千九百八十", 1980),
            ("五十五", 55),
            ("十", 10),
            ("二十", 20),
            ("百一", 101),
            ("廿三", 23),
        ] {
            assert_eq!(tokens(value), [Token::Kanji(number)], "{value}");
        }
    }

    #[test]
    fn parts_of_a_number_are_told() {
        let number = Number { digits: 11, value: 9_012_345_678 };
        assert_eq!((number.part(0, 1), number.part(1, 2), number.part(3, 8)), (0, 90, 12_345_678));
    }

    #[test]
    fn a_window_sees_what_comes_however_far_it_has_moved() {
        let value = "1-".repeat(100);
        let mut window = Window::new(&value);
        for at in 0..200 {
            let ahead = if at + 15 < 200 { (at + 15) % 2 == 0 } else { false };
            assert_eq!(matches!(window.peek(15), Token::Number(_)), ahead, "{at}");
            window.advance();
        }
        assert_eq!(window.advance(), Token::End);
    }
}
