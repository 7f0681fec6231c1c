//! Rules as they are written in a configuration. Plain data: nothing here has been held against a layout.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::detect::Detector;
use crate::profile::{Profile, Role};

/// What of a route's records may leave.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PolicySpec {
    /// A ready set of rules, which come before those below.
    pub profile: Option<Profile>,
    /// Which fields play which part in the profile.
    pub roles: RolesSpec,
    /// Rules, in their order.
    pub rule: Vec<RuleSpec>,
    /// `place = "municipality"` only: the schema, by name, of what leaves; its records are what the mapping and the key of
    /// the route are about. The route's own schema where absent.
    pub outgoing: Option<String>,
    /// `place = "municipality"` only: the table of concealed names, a file with a line `field,concealed name` for each field
    /// that leaves. Nobody but its owner and group may read it.
    pub names: Option<PathBuf>,
    /// `place = "municipality"` only: the file with the key of the pseudonyms, 64 hexadecimal digits. Nobody but its owner
    /// and group may read it.
    pub key: Option<PathBuf>,
}

/// Which fields play which part in a profile, by name (`Group/field` for one of a group). A part that is not named is played
/// by those that play it in the layouts that come with the gateway; one with an empty list by none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RolesSpec {
    /// The id that is used in this system only (利用者ID). At a municipality with a key: what is replaced by a pseudonym.
    pub user_id: Option<Vec<String>>,
    /// The date on which ages were computed (年齢基準日), the same in all records.
    pub base_date: Option<Vec<String>>,
    /// The year of birth of the person (生年月日（年）).
    pub birth_year: Option<Vec<String>>,
    /// The month of birth of the person (生年月日（月）).
    pub birth_month: Option<Vec<String>>,
    /// Births to the month: of children, or of the person in one field.
    pub birth_year_months: Option<Vec<String>>,
    /// What an address code says below the town (現住所コード予備): zeros.
    pub address_rest: Option<Vec<String>>,
    /// Names of persons (氏名): they must not be there.
    pub names: Option<Vec<String>>,
    /// Identifiers of core systems (宛名番号): they must not be there.
    pub identifiers: Option<Vec<String>>,
    /// Fields in which full dates may stand that are nobody's birth.
    pub agreed_dates: Option<Vec<String>>,
}

impl RolesSpec {
    /// The fields that are named for a part.
    pub(crate) fn of(&self, role: Role) -> Option<&Vec<String>> {
        match role {
            Role::UserId => &self.user_id,
            Role::BaseDate => &self.base_date,
            Role::BirthYear => &self.birth_year,
            Role::BirthMonth => &self.birth_month,
            Role::BirthYearMonths => &self.birth_year_months,
            Role::AddressRest => &self.address_rest,
            Role::Names => &self.names,
            Role::Identifiers => &self.identifiers,
            Role::AgreedDates => &self.agreed_dates,
        }
        .as_ref()
    }
}

/// One rule: what it is about, one demand, and what is done where the demand is not met.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// Its name in answers: 1 to 64 letters, digits, `-`, `_`, `.`. None of the profile's.
    pub name: String,
    /// The fields by name, `Group/field` for one of a group; `*` for every field that holds a value.
    pub fields: Vec<String>,
    /// With `*`: those that the rule is not about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// The fields must not be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<Absence>,
    /// The fields must be as coarse as this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
    /// With `form = "zeros"`: characters at the beginning that may be others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<u32>,
    /// The fields must match this pattern as a whole, which is one of XML Schema (part 2, appendix F).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The fields must have one value in all records of a batch.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub same: bool,
    /// None of this may be in the fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub never: Vec<Detector>,
    /// The fields must not be there where they would show an extreme age.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extreme_age: Option<ExtremeAgeSpec>,
    /// `place = "municipality"` only: the fields are replaced by a pseudonym that the key of the policy undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pseudonym: Option<PseudonymSpec>,
    /// What is done with a value that does not meet the demand.
    #[serde(default)]
    pub action: Action,
}

/// What counts as not being there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Absence {
    /// The field is absent.
    Absent,
    /// It is absent or nil.
    AbsentOrNil,
    /// It is absent, nil or empty.
    AbsentNilOrEmpty,
}

/// How coarse a value must be. What is absent, nil or empty says nothing, and is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// A year, `1980`.
    Year,
    /// A year and a month as six digits, `198001`.
    YearMonth,
    /// A year and a month, `1980-01` (`xs:gYearMonth`).
    YearMonthHyphen,
    /// An address that names no house: a town with its 丁目 at the most.
    Town,
    /// Zeros, behind the first `keep` characters.
    Zeros,
}

/// When a birth shows an extreme age.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtremeAgeSpec {
    /// The field with the year of birth (or more, the year first).
    pub birth_year: String,
    /// The field with the month of birth, where that is another one. Without it the year alone counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth_month: Option<String>,
    /// The field with the date on which ages count, the year first.
    pub base_date: String,
    /// The greatest age that may be seen, in years.
    #[serde(default = "most_age")]
    pub most: u32,
}

fn most_age() -> u32 {
    99
}

/// How pseudonyms are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PseudonymSpec {
    /// What the values name, such as `user-id`: one value has one pseudonym within a domain, and another one in another.
    pub domain: String,
    /// The characters that values and pseudonyms have.
    #[serde(default)]
    pub alphabet: Alphabet,
    /// How many characters every pseudonym has. Values have at least four fewer (with digits seven).
    #[serde(default = "pseudonym_length")]
    pub length: u32,
}

fn pseudonym_length() -> u32 {
    20
}

/// The characters of pseudonyms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Alphabet {
    /// `0` to `9`.
    Digits,
    /// `0` to `9` and `a` to `z`.
    LowerAlphanumeric,
    /// `0` to `9`, `A` to `Z` and `a` to `z`.
    #[default]
    Alphanumeric,
}

/// What is done with a value that does not meet a demand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// The record is bad: the batch is refused, or the record set aside, as the route has it.
    #[default]
    Refuse,
    /// `place = "municipality"` only: the field is left out.
    Drop,
    /// `place = "municipality"` only: the value is cut to its coarse form; refused where it cannot be.
    Generalise,
}
