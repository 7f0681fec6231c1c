//! What is wrong with a policy: the operator's to mend, found when the route is loaded.

use crate::profile::Role;

/// Where in a [`crate::PolicySpec`] something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// A key of the policy itself.
    Policy(&'static str),
    /// An item of the fields that play a part, from 0; the part itself where the profile's own names do.
    Role(Role, Option<usize>),
    /// A key of a rule, by the rule's number from 0.
    Rule(usize, &'static str),
    /// An item of a list of a rule, by the rule's number, the list and the item's number.
    Item(usize, &'static str, usize),
}

/// A policy that does not fit its layouts, or contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// Where it stands.
    pub at: At,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A field that is not there.
    #[error("{field} is no field of the layout")]
    UnknownField {
        /// The name.
        field: String,
    },
    /// A group where a value is needed.
    #[error("{field} is a group; a rule is about fields that hold a value: write {field}/NAME")]
    Group {
        /// The name.
        field: String,
    },
    /// A field inside a group where a field of the record itself is needed.
    #[error("{field} lies in a group; this demand is about fields of the record itself")]
    Nested {
        /// The name.
        field: String,
    },
    /// A rule without a name that can be told, or with that of another one.
    #[error("must be 1 to 64 letters, digits, `-`, `_` or `.`, and no other rule's")]
    Name,
    /// A rule about nothing.
    #[error("at least one field is needed")]
    NoFields,
    /// Not just one demand.
    #[error(
        "a rule has one of `absent`, `form`, `pattern`, `same`, `never`, `extreme_age` and `pseudonym`; this one has {found}"
    )]
    Demands {
        /// How many there are.
        found: usize,
    },
    /// A key without that which it goes with.
    #[error("goes with {with} only")]
    OnlyWith {
        /// What it goes with.
        with: &'static str,
    },
    /// A change where records may only be refused.
    #[error(
        "changes records, and at the ASP a record is only refused: leave it out, or set place = \"municipality\""
    )]
    Place,
    /// An action that this demand does not have.
    #[error("this demand has the action {allowed}")]
    Action {
        /// What it has.
        allowed: &'static str,
    },
    /// A pattern that is none.
    #[error("is no pattern of XML Schema: {reason}")]
    Pattern {
        /// Why not, in English.
        reason: String,
        /// Why not, in Japanese.
        reason_ja: String,
    },
    /// More ages than are looked at.
    #[error("at most {most} rules have `extreme_age`")]
    Ages {
        /// The limit.
        most: usize,
    },
    /// Two pseudonyms, or another change beside one.
    #[error("{field} has a pseudonym already, or is changed by another rule")]
    ChangedTwice {
        /// The field.
        field: String,
    },
    /// A pseudonym without a key.
    #[error("needs `key` of the policy: the file with the key that undoes it")]
    NoKey,
    /// A length of pseudonyms that cannot be.
    #[error("must be between {least} and {most}")]
    Length {
        /// The least.
        least: u32,
        /// The greatest.
        most: u32,
    },
    /// A field that cannot be left out.
    #[error("{field} cannot be left out: what leaves must have it (its minOccurs is not 0, or it is a key)")]
    Required {
        /// The field, as it leaves.
        field: String,
    },
    /// A field that leaves under no name.
    #[error(
        "{field} has no field of {outgoing} that it becomes: name it in the table, or drop it by a rule (`absent`, action \"drop\")"
    )]
    NotOutgoing {
        /// The field.
        field: String,
        /// The record element of what leaves.
        outgoing: String,
    },
    /// A field of what leaves that nothing becomes.
    #[error("nothing becomes {field}, which every record that leaves must have")]
    Missing {
        /// The field, as it leaves.
        field: String,
    },
    /// A table of names that cannot be taken.
    #[error("line {line} of the table of names: {what}")]
    Names {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        what: NamesFault,
    },
    /// A table of names where no schema says what they are.
    #[error("needs `outgoing`: the schema that has the concealed names")]
    NamesWithoutOutgoing,
    /// A key that is none.
    #[error("the file must hold 64 hexadecimal digits (as `openssl rand -hex 32` prints), and nothing else")]
    Key,
}

/// What is wrong with a line of a table of names. The names themselves are secret, and not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NamesFault {
    /// Not two names.
    #[error("must be a field, a comma and its concealed name")]
    Form,
    /// The first is no field.
    #[error("the first name is no field of the route's schema")]
    Unknown,
    /// The second is no field.
    #[error(
        "the second name is no field of the outgoing schema, or not in the group that the first one's becomes"
    )]
    UnknownOutgoing,
    /// Twice.
    #[error("one of the names is in the table already")]
    Twice,
    /// A group becomes a value, or the other way round.
    #[error("a group becomes a group, and a value a value")]
    Kind,
}

impl NamesFault {
    fn ja(self) -> &'static str {
        match self {
            NamesFault::Form => "「項目名,秘匿名」の形で書いてください",
            NamesFault::Unknown => "1つ目の名前は、特定通信のスキーマの項目ではありません",
            NamesFault::UnknownOutgoing => {
                "2つ目の名前は、送出スキーマの項目ではないか、対応するグループの中にありません"
            }
            NamesFault::Twice => "どちらかの名前が既に表にあります",
            NamesFault::Kind => "グループはグループに、値は値に対応させてください",
        }
    }
}

impl PolicyError {
    /// A stable name for the kind of error.
    pub fn code(&self) -> &'static str {
        match self.problem {
            Problem::UnknownField { .. } => "policy-rule-field",
            Problem::Group { .. } | Problem::Nested { .. } => "policy-rule-kind",
            Problem::Name => "policy-rule-name",
            Problem::NoFields
            | Problem::Demands { .. }
            | Problem::OnlyWith { .. }
            | Problem::Action { .. } => "policy-rule-form",
            Problem::Place => "policy-rule-place",
            Problem::Pattern { .. } => "policy-rule-pattern",
            Problem::Ages { .. } | Problem::Length { .. } => "policy-rule-limit",
            Problem::ChangedTwice { .. } => "policy-rule-twice",
            Problem::NoKey | Problem::Key => "policy-key",
            Problem::Required { .. } | Problem::NotOutgoing { .. } | Problem::Missing { .. } => {
                "policy-outgoing"
            }
            Problem::Names { .. } | Problem::NamesWithoutOutgoing => "policy-names",
        }
    }
}

impl Problem {
    /// What is wrong, in Japanese.
    pub fn message_ja(&self) -> String {
        match self {
            Problem::UnknownField { field } => format!("{field} という項目はレイアウトにありません"),
            Problem::Group { field } => {
                format!("{field} はグループです。規則は値を持つ項目について書きます（{field}/項目名）")
            }
            Problem::Nested { field } => {
                format!("{field} はグループの中にあります。この規則はレコード直下の項目にだけ書けます")
            }
            Problem::Name => {
                "英数字と「-」「_」「.」で1文字から64文字まで、他の規則と重ならない名前にしてください".to_owned()
            }
            Problem::NoFields => "項目が1つ以上必要です".to_owned(),
            Problem::Demands { found } => format!(
                "absent、form、pattern、same、never、extreme_age、pseudonymのうち、ちょうど1つを書いてください（{found}個あります）"
            ),
            Problem::OnlyWith { with } => format!("{with} と一緒にだけ書けます"),
            Problem::Place => {
                "レコードを変える指定です。ASPではレコードを拒否するだけなので、削除するか、place = \"municipality\" にしてください"
                    .to_owned()
            }
            Problem::Action { allowed } => format!("この規則のactionは {allowed} です"),
            Problem::Pattern { reason_ja, .. } => format!("XML Schemaのパターンではありません（{reason_ja}）"),
            Problem::Ages { most } => format!("extreme_ageのある規則は{most}個までです"),
            Problem::ChangedTwice { field } => {
                format!("{field} は既に仮名にしているか、別の規則でも変更しています")
            }
            Problem::NoKey => "policyのkey（仮名を元に戻す鍵のファイル）が必要です".to_owned(),
            Problem::Length { least, most } => format!("{least}から{most}までにしてください"),
            Problem::Required { field } => {
                format!("{field} は省けません。送出するレコードに必須です（minOccursが0でないか、キーです）")
            }
            Problem::NotOutgoing { field, outgoing } => format!(
                "{field} に対応する {outgoing} の項目がありません。名前の表に書くか、規則で除いてください（absent、action = \"drop\"）"
            ),
            Problem::Missing { field } => format!("送出するレコードに必須の {field} に対応する項目がありません"),
            Problem::Names { line, what } => format!("名前の表の{line}行目：{}", what.ja()),
            Problem::NamesWithoutOutgoing => "outgoing（秘匿名を定義するスキーマ）が必要です".to_owned(),
            Problem::Key => {
                "ファイルには16進数64桁だけを書いてください（openssl rand -hex 32 の出力など）".to_owned()
            }
        }
    }
}
