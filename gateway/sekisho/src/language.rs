//! The two languages that people are spoken to in.

use clap::ValueEnum;

/// Which language a text is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// English.
    #[value(name = "en")]
    English,
    /// Japanese.
    #[value(name = "ja")]
    Japanese,
}

impl Language {
    /// The one of two texts that is in this language.
    pub(crate) fn of<T>(self, english: T, japanese: T) -> T {
        match self {
            Self::English => english,
            Self::Japanese => japanese,
        }
    }
}

/// One text in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    english: String,
    japanese: String,
}

impl Text {
    /// The same thing said twice.
    pub(crate) fn new(english: impl Into<String>, japanese: impl Into<String>) -> Self {
        Self { english: english.into(), japanese: japanese.into() }
    }

    /// The text in a language.
    pub(crate) fn in_language(&self, language: Language) -> &str {
        language.of(&self.english, &self.japanese)
    }

    /// With another text behind it.
    pub(crate) fn and(mut self, more: &Self) -> Self {
        self.english.push_str(&more.english);
        self.japanese.push_str(&more.japanese);
        self
    }
}

/// A [`Text`] as an error, or as the context of one: English where nobody asks for a language.
#[derive(Debug)]
pub(crate) struct Said(pub(crate) Text);

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.in_language(Language::English))
    }
}

impl std::error::Error for Said {}

/// A [`Text`] from an English and a Japanese format string with captured arguments.
macro_rules! text {
    ($english:literal, $japanese:literal) => {
        $crate::language::Text::new(format!($english), format!($japanese))
    };
}
pub(crate) use text;
