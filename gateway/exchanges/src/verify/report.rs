//! What a verifier found.

use std::fmt;

use crate::folder::file_name;
use crate::key::PublicKey;
use crate::line::Head;

/// What there is to say of a log in which nothing is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Files.
    pub files: u64,
    /// The number of the first line: what came before 1 is not here.
    pub first: Option<u64>,
    /// The last line.
    pub head: Option<Head>,
    /// Exchanges and calls.
    pub exchanges: u64,
    /// Lines that are signed.
    pub signed: u64,
    /// Lines behind the last one that is signed: whoever can write the folder could have written them.
    pub unsigned: u64,
    /// Times that the log went on behind a file that was not closed: the gateway was killed, or could not write.
    pub cuts: u64,
    /// Exchanges that are not on record, as the log itself says.
    pub lost: u64,
    /// Whether the last file is closed; else the gateway is running, or was killed.
    pub closed: bool,
    /// Bytes at the end of the last file that are no whole line: it is being written, or the gateway was killed.
    pub torn: u64,
    /// Keys that have signed.
    pub keys: Vec<PublicKey>,
}

/// The first thing that is wrong with a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The number of the file.
    pub file: u64,
    /// The line of the file, from 1; 0 where it is about the file as a whole.
    pub place: u64,
    /// What is wrong there.
    pub found: Found,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The line is not as it was written, or it stands behind one that is not.
    Altered,
    /// Lines are missing before this one.
    Missing {
        /// The first number.
        first: u64,
        /// The last number.
        last: u64,
    },
    /// A line that belongs elsewhere stands here: twice, or in another order.
    Elsewhere {
        /// The number that belongs here.
        wanted: u64,
    },
    /// It has not the form of a line.
    NoLine,
    /// The line has no end, and it is not the last of the log.
    Torn,
    /// The file does not begin as a file of the log does.
    NoBeginning,
    /// There is nothing in the file.
    Empty,
    /// Files are missing before this one.
    FileMissing {
        /// The number that belongs here.
        wanted: u64,
    },
    /// The file does not follow the one before it: lines are missing at its end, or were chained anew.
    OtherFileBefore,
    /// The file before did not end as this one says.
    OtherEnd,
    /// There is something behind the last line of a file.
    AfterTheLast,
    /// The signature is not that of the lines.
    Signature,
    /// The signature is of another key.
    OtherKey,
    /// A head that was given is that of another line.
    OtherHead {
        /// Its number.
        line: u64,
    },
    /// The log ends before a head that was given.
    HeadMissing {
        /// Its number.
        line: u64,
    },
    /// The last file is not closed.
    NotClosed,
}

impl Found {
    /// Stable, kebab-case.
    pub fn code(self) -> &'static str {
        match self {
            Self::Altered => "line-altered",
            Self::Missing { .. } => "lines-missing",
            Self::Elsewhere { .. } => "line-elsewhere",
            Self::NoLine => "line-unreadable",
            Self::Torn => "line-torn",
            Self::NoBeginning => "file-beginning",
            Self::Empty => "file-empty",
            Self::FileMissing { .. } => "file-missing",
            Self::OtherFileBefore => "file-does-not-follow",
            Self::OtherEnd => "file-end",
            Self::AfterTheLast => "file-goes-on",
            Self::Signature => "signature-wrong",
            Self::OtherKey => "signature-key",
            Self::OtherHead { .. } => "head-other",
            Self::HeadMissing { .. } => "head-missing",
            Self::NotClosed => "log-not-closed",
        }
    }

    /// Whether it is about signatures, not about the chain.
    pub fn is_signature(self) -> bool {
        matches!(self, Self::Signature | Self::OtherKey)
    }

    /// In Japanese.
    pub fn japanese(self) -> String {
        match self {
            Self::Altered => "この行、または直前の行が書き換えられています".to_owned(),
            Self::Missing { first, last } if first == last => {
                format!("この行の前の{first}番の行がありません")
            }
            Self::Missing { first, last } => format!("この行の前の{first}番から{last}番までの行がありません"),
            Self::Elsewhere { wanted } => {
                format!(
                    "ここにあるべき{wanted}番ではなく、別の場所の行があります（重複または順序の入れ替え）"
                )
            }
            Self::NoLine => "ログの行の形ではありません".to_owned(),
            Self::Torn => "行が途中で切れています".to_owned(),
            Self::NoBeginning => "ログのファイルの始まりではありません".to_owned(),
            Self::Empty => "ファイルが空です".to_owned(),
            Self::FileMissing { wanted } => format!("この前の{}がありません", file_name(wanted)),
            Self::OtherFileBefore => {
                "前のファイルの続きではありません（末尾の欠落または連鎖の作り直し）".to_owned()
            }
            Self::OtherEnd => "前のファイルの終わり方が、このファイルの記録と一致しません".to_owned(),
            Self::AfterTheLast => "ファイルの最後の行の後ろに、まだ何かがあります".to_owned(),
            Self::Signature => "署名が行の内容と一致しません".to_owned(),
            Self::OtherKey => "署名の鍵が、指定された公開鍵ではありません".to_owned(),
            Self::OtherHead { line } => format!("{line}番の行が、指定された先頭値のものではありません"),
            Self::HeadMissing { line } => {
                format!("指定された先頭値の{line}番の行より前でログが終わっています")
            }
            Self::NotClosed => "最後のファイルが閉じられていません".to_owned(),
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Altered => f.write_str("this line was altered, or the one before it"),
            Self::Missing { first, last } if first == last => {
                write!(f, "line {first} is missing before this one")
            }
            Self::Missing { first, last } => write!(f, "lines {first} to {last} are missing before this one"),
            Self::Elsewhere { wanted } => {
                write!(
                    f,
                    "a line that belongs elsewhere stands where line {wanted} belongs: twice, or in another order"
                )
            }
            Self::NoLine => f.write_str("this is not a line of the log"),
            Self::Torn => f.write_str("this line has no end"),
            Self::NoBeginning => f.write_str("a file of the log does not begin like this"),
            Self::Empty => f.write_str("there is nothing in the file"),
            Self::FileMissing { wanted } => write!(f, "{} is missing before this one", file_name(*wanted)),
            Self::OtherFileBefore => f.write_str(
                "this does not follow the file before: lines are missing at its end, or were chained anew",
            ),
            Self::OtherEnd => f.write_str("the file before did not end as this one says"),
            Self::AfterTheLast => f.write_str("there is something behind the last line of the file"),
            Self::Signature => f.write_str("the signature is not that of the lines"),
            Self::OtherKey => f.write_str("the signature is of another key than those that were given"),
            Self::OtherHead { line } => {
                write!(f, "line {line} is another than that of the head that was given")
            }
            Self::HeadMissing { line } => {
                write!(
                    f,
                    "the log ends before line {line}, whose head was given: lines were taken away at its end"
                )
            }
            Self::NotClosed => f.write_str("the last file is not closed"),
        }
    }
}
