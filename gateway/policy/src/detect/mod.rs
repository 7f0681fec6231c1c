//! Detectors: what must never leave, told by its form.
//!
//! A detector looks at one value and says whether the thing is in it. Time is linear in the value, nothing is allocated
//! and nothing is copied: what is written in full width, with other hyphens or with invisible characters between is seen
//! as what it is (NFKC of digits, Latin letters and punctuation, character by character).
//!
//! Numbers with a check digit are told for certain but for chance (one number in eleven, and in nine); the rest are forms
//! that such things usually have. The docstring of each detector says what it takes and what it does not.

pub(crate) mod address;
pub(crate) mod date;
mod glyph;
mod mail;
mod name;
mod number;
mod phone;
mod surnames;
pub(crate) mod token;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use token::{Token, Window};

/// Something that must never leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Detector {
    /// A My Number: 12 digits with a right check digit, in one run or in groups (4-4-4, 6-6, 3-3-3-3). Digits that touch
    /// Latin letters are another identifier's.
    MyNumber,
    /// A corporate number: 13 digits with a right check digit, in one run or as 1-4-4-4.
    CorporateNumber,
    /// A date to the day, in the years 1850 to 2100: 1980-01-02, 1980/1/2, 19800102, 1980年1月2日, 2/1/1980, and by era
    /// (昭和55年1月2日, 昭55.1.2, S55.1.2, S550102, ㍼55年, 元年), in digits of any width or in kanji. Not two-digit years of
    /// the western calendar, nor names of months.
    FullDate,
    /// Seven digits with the number of an era first: 3550102. For fields of such dates only, as many other numbers of
    /// seven digits look the same.
    EraDigits,
    /// A telephone number, of Japan or with `+`.
    PhoneNumber,
    /// A mail address.
    MailAddress,
    /// A value that is the name of a person and nothing else, as far as a heuristic can tell: readings in kana with a blank
    /// between, common surnames with what given names end in. Not names in Latin letters or inside a text.
    PersonalName,
    /// An address that names a house: 番地, 番…号, 号室, a number behind 丁目, 1-2-3 behind a word. A town with its 丁目 is none.
    HouseAddress,
}

impl Detector {
    /// Every detector.
    pub const ALL: [Detector; 8] = [
        Detector::MyNumber,
        Detector::CorporateNumber,
        Detector::FullDate,
        Detector::EraDigits,
        Detector::PhoneNumber,
        Detector::MailAddress,
        Detector::PersonalName,
        Detector::HouseAddress,
    ];

    /// Its name in configuration, which is the end of its code.
    pub fn name(self) -> &'static str {
        match self {
            Detector::MyNumber => "my-number",
            Detector::CorporateNumber => "corporate-number",
            Detector::FullDate => "full-date",
            Detector::EraDigits => "era-digits",
            Detector::PhoneNumber => "phone-number",
            Detector::MailAddress => "mail-address",
            Detector::PersonalName => "personal-name",
            Detector::HouseAddress => "house-address",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Several detectors, run over a value together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Detectors(u8);

/// No detector finds anything in fewer bytes: `S1.1.1`, `a@b.jp`, `林 健`.
pub const LEAST_BYTES: u8 = 6;

impl FromIterator<Detector> for Detectors {
    fn from_iter<I: IntoIterator<Item = Detector>>(detectors: I) -> Self {
        Detectors(detectors.into_iter().fold(0, |all, detector| all | detector.bit()))
    }
}

impl Detectors {
    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the detector is one of them.
    pub fn has(self, detector: Detector) -> bool {
        self.0 & detector.bit() != 0
    }

    /// Those of both.
    #[must_use]
    pub fn and(self, others: Detectors) -> Detectors {
        Detectors(self.0 | others.0)
    }

    /// What is found in the value: those of the detectors that find their thing.
    pub fn find(self, value: &str) -> Detectors {
        if value.len() < usize::from(LEAST_BYTES) || self.is_empty() {
            return Detectors::default();
        }
        let signs = Signs::of(value.as_bytes());
        let mut found = Detectors::default();
        let mut look = |detector: Detector, is_there: &dyn Fn(&str) -> bool| {
            if self.has(detector) && is_there(value) {
                found.0 |= detector.bit();
            }
        };
        // In ASCII alone, mail addresses have their sign, and the rest its digits.
        if signs.at || !signs.ascii {
            look(Detector::MailAddress, &mail::has_mail);
        }
        if !signs.ascii {
            look(Detector::PersonalName, &name::is_name);
            look(Detector::HouseAddress, &|value| address::house(value).is_some());
        }
        if !signs.ascii || signs.may_be_number(value.len()) {
            found = found.and(self.numbers(value));
        }
        found
    }

    /// Numbers, dates and telephone numbers: all in one pass over the tokens.
    fn numbers(self, value: &str) -> Detectors {
        let mut window = Window::new(value);
        let mut found = Detectors::default();
        // Whether the token at hand goes on with what is before it: digits behind letters, groups behind groups.
        let (mut behind_letters, mut in_groups) = (false, false);
        let mut last = Token::End;
        loop {
            let token = window.peek(0);
            let mut look = |detector: Detector, is_there: &dyn Fn(&mut Window<'_>) -> bool| {
                if self.has(detector) && !found.has(detector) && is_there(&mut window) {
                    found.0 |= detector.bit();
                }
            };
            match token {
                Token::End => return found,
                Token::Number(_) => {
                    if !behind_letters && !in_groups {
                        look(Detector::MyNumber, &number::is_my_number);
                        look(Detector::CorporateNumber, &number::is_corporate_number);
                    }
                    if !behind_letters {
                        look(Detector::FullDate, &|window| date::date(window).is_some());
                        look(Detector::EraDigits, &date::is_numbered_era);
                        look(Detector::PhoneNumber, &phone::is_phone);
                    }
                }
                Token::Letters(_) if !matches!(last, Token::Number(_)) => {
                    look(Detector::FullDate, &|window| date::date(window).is_some());
                }
                Token::Kanji(_) | Token::Era(_) => {
                    look(Detector::FullDate, &|window| date::date(window).is_some())
                }
                Token::Plus | Token::Open => look(Detector::PhoneNumber, &phone::is_phone),
                _ => {}
            }
            behind_letters = match token {
                Token::Letters(letters) => !letters.is("TEL") && !letters.is("FAX"),
                _ => false,
            };
            in_groups = matches!(token, Token::Hyphen | Token::Blank) && matches!(last, Token::Number(_));
            last = window.advance();
        }
    }
}

/// What a value looks like from afar.
struct Signs {
    ascii: bool,
    at: bool,
    digits: usize,
}

impl Signs {
    #[inline]
    fn of(value: &[u8]) -> Signs {
        let (mut high, mut at, mut digits) = (0, false, 0);
        for &byte in value {
            high |= byte;
            at |= byte == b'@';
            digits += usize::from(byte.is_ascii_digit());
        }
        Signs { ascii: high < 0x80, at, digits }
    }

    /// Whether ASCII may have a number or a date in it: some digits, and as digits alone one of the lengths.
    fn may_be_number(&self, length: usize) -> bool {
        self.digits >= 3 && (self.digits < length || matches!(length, 7 | 8 | 10..=13))
    }
}

#[cfg(test)]
mod tests;
