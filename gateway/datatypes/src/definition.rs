//! What is wrong with a type as it is defined.

use thiserror::Error;

/// A type that cannot be represented. Texts quote the schema only.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
pub enum DefinitionError {
    /// A pattern is not a regular expression of part 2 appendix F.
    #[error("pattern {pattern:?} is not a regular expression of XML Schema at character {at}: {rule}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Which of its characters, from 1.
        at: usize,
        /// What is wrong.
        rule: &'static str,
    },
    /// A pattern that compiles to more than is allowed.
    #[error(
        "pattern {pattern:?} needs more than the 16 MiB that a pattern may have; write it with smaller counts or classes"
    )]
    PatternSize {
        /// The pattern.
        pattern: String,
    },
    /// A bound or enumerated value that is not of the base type.
    #[error("{facet} {literal:?} is not a value of the base type ({code})")]
    Literal {
        /// The facet.
        facet: &'static str,
        /// The literal in the schema.
        literal: String,
        /// The rule that it breaks.
        code: &'static str,
    },
    /// A facet that the type cannot have.
    #[error("{facet} does not apply to this type")]
    Facet {
        /// The facet.
        facet: &'static str,
    },
    /// A list of lists.
    #[error("the items of a list cannot be lists themselves")]
    ListOfLists,
    /// A union without members.
    #[error("a union needs a member type")]
    NoMembers,
    /// Too many types, or too many steps of derivation or of nesting.
    #[error("more than {max} {which}: define fewer, or in fewer steps")]
    Limit {
        /// Of what.
        which: &'static str,
        /// How many there may be.
        max: usize,
    },
}

impl DefinitionError {
    /// A stable name for the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            DefinitionError::Pattern { .. } => "type-pattern",
            DefinitionError::PatternSize { .. } => "type-pattern-size",
            DefinitionError::Literal { .. } => "type-literal",
            DefinitionError::Facet { .. } => "type-facet",
            DefinitionError::ListOfLists => "type-list-of-lists",
            DefinitionError::NoMembers => "type-no-members",
            DefinitionError::Limit { .. } => "type-limit",
        }
    }
    /// The same in Japanese.
    pub fn message_ja(&self) -> String {
        match self {
            DefinitionError::Pattern { pattern, at, rule } => {
                format!(
                    "パターン {pattern:?} は {at} 文字目で XML Schema の正規表現として誤っています: {}",
                    rule_ja(rule)
                )
            }
            DefinitionError::PatternSize { pattern } => {
                format!(
                    "パターン {pattern:?} は、パターンの上限の16 MiBに収まりません。回数や文字クラスを小さくしてください"
                )
            }
            DefinitionError::Literal { facet, literal, code } => {
                format!("{facet} の {literal:?} は基底型の値ではありません（{code}）")
            }
            DefinitionError::Facet { facet } => format!("{facet} はこの型には使えません"),
            DefinitionError::ListOfLists => "リストの項目をリストにすることはできません".to_owned(),
            DefinitionError::NoMembers => "共用体には構成要素の型が必要です".to_owned(),
            DefinitionError::Limit { which, max } => {
                format!("{}が {max} を超えています。定義の数か段数を減らしてください", limit_ja(which))
            }
        }
    }
}

/// What is wrong with a pattern, in Japanese.
fn rule_ja(rule: &str) -> &'static str {
    match rule {
        "a class is not closed" => "文字クラスが閉じられていません",
        "a class is empty; write \\] for a bracket" => "文字クラスが空です。角括弧そのものは \\] と書きます",
        "nothing stands before the class to be subtracted" => "引かれる文字クラスの前に何もありません",
        "a subtracted class is the last thing in its class" => "引く文字クラスは、文字クラスの最後に置きます",
        "a bracket in a class is written \\[" => "文字クラスの中の角括弧は \\[ と書きます",
        "a hyphen between others is written \\-" => "途中のハイフンは \\- と書きます",
        "a hyphen that ends a range is written \\-" => "範囲の終わりのハイフンは \\- と書きます",
        "a range ends with a single character" => "範囲の終わりは一文字でなければなりません",
        "a range ends before it begins" => "範囲の終わりが始まりより前です",
        "nothing stands after a backslash" => "バックスラッシュの後に何もありません",
        "no escape has this letter" => "この文字のエスケープはありません",
        "a category or block is written \\p{name}" => "文字の種別とブロックは \\p{名前} と書きます",
        "no category or block has this name" => "この名前の種別やブロックはありません",
        "a closing parenthesis without an opening one" => "閉じ括弧に対応する開き括弧がありません",
        "groups and classes are nested deeper than 128" => "括弧と文字クラスの入れ子が 128 段を超えています",
        "a group is not closed" => "括弧が閉じられていません",
        "a quantifier without what it repeats" => "繰り返す対象のない繰り返し指定があります",
        "a closing bracket without an opening one; write \\] or \\}" => {
            "対応する開き括弧がありません。文字そのものは \\] や \\} と書きます"
        }
        "a count is written {n}, {n,} or {n,m}" => "回数は {n}、{n,}、{n,m} のいずれかで書きます",
        "a count's upper bound is below its lower one" => "回数の上限が下限より小さくなっています",
        "a count needs digits" => "回数には数字が必要です",
        "a count is too large" => "回数が大きすぎます",
        _ => "正規表現の書き方が誤っています",
    }
}

fn limit_ja(which: &str) -> &'static str {
    match which {
        "simple types" => "単純型の数",
        "steps of derivation behind a simple type" => "単純型の派生の段数",
        _ => "共用体の一つの値で試す型の数",
    }
}
