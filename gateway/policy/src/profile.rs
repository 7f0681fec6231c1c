//! Ready sets of rules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Place;
use crate::detect::Detector;
use crate::spec::{Absence, Action, ExtremeAgeSpec, Form, PseudonymSpec, RolesSpec, RuleSpec};

/// A ready set of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Attributes of residents, abstracted so that no record alone names anybody: no names and no identifiers of core
    /// systems, births to the month and none that shows an extreme age, addresses to the town, one base date. At the ASP
    /// records that are not so are refused; at the municipality they are made so where that can be done.
    AbstractedAttributes,
}

/// The part that a field plays in a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The id that is used in this system only (利用者ID). At a municipality with a key: what is replaced by a pseudonym.
    UserId,
    /// The date on which ages were computed (年齢基準日), the same in all records.
    BaseDate,
    /// The year of birth of the person (生年月日（年）).
    BirthYear,
    /// The month of birth of the person (生年月日（月）).
    BirthMonth,
    /// Births to the month: of children, or of the person in one field.
    BirthYearMonths,
    /// What an address code says below the town (現住所コード予備): zeros.
    AddressRest,
    /// Names of persons (氏名): they must not be there.
    Names,
    /// Identifiers of core systems (宛名番号): they must not be there.
    Identifiers,
    /// Fields in which full dates may stand that are nobody's birth.
    AgreedDates,
}

impl Role {
    /// Every part.
    pub const ALL: [Role; 9] = [
        Role::UserId,
        Role::BaseDate,
        Role::BirthYear,
        Role::BirthMonth,
        Role::BirthYearMonths,
        Role::AddressRest,
        Role::Names,
        Role::Identifiers,
        Role::AgreedDates,
    ];

    /// Its name in configuration.
    pub fn name(self) -> &'static str {
        match self {
            Role::UserId => "user_id",
            Role::BaseDate => "base_date",
            Role::BirthYear => "birth_year",
            Role::BirthMonth => "birth_month",
            Role::BirthYearMonths => "birth_year_months",
            Role::AddressRest => "address_rest",
            Role::Names => "names",
            Role::Identifiers => "identifiers",
            Role::AgreedDates => "agreed_dates",
        }
    }

    /// Who plays it in the layouts of attributes that come with the gateway.
    fn usual(self) -> &'static [&'static str] {
        match self {
            Role::UserId => &["F001"],
            Role::BaseDate => &["F002"],
            Role::BirthYear => &["F004"],
            Role::BirthMonth => &["F005"],
            Role::BirthYearMonths => &["F139", "F140", "F141"],
            Role::AddressRest => &["F008"],
            Role::Names | Role::Identifiers | Role::AgreedDates => &[],
        }
    }
}

impl Profile {
    /// Who plays each of its parts, and whether the operator says so.
    pub(crate) fn cast(self, roles: &RolesSpec) -> Vec<(Role, Vec<String>, bool)> {
        let usual = |role: Role| role.usual().iter().map(|&name| name.to_owned()).collect();
        let of = |role: Role| match roles.of(role) {
            Some(fields) => (role, fields.clone(), true),
            None => (role, usual(role), false),
        };
        Role::ALL.into_iter().map(of).collect()
    }

    /// Its rules, for a place and for the fields that play its parts.
    pub(crate) fn rules(self, place: Place, roles: &RolesSpec, key: bool) -> Vec<RuleSpec> {
        let Profile::AbstractedAttributes = self;
        let cast = self.cast(roles);
        let fields = |role: Role| {
            let of = cast.iter().find(|(other, ..)| *other == role);
            of.map(|(_, fields, _)| fields.clone()).unwrap_or_default()
        };
        let first = |role: Role| fields(role).into_iter().next();
        let or_refuse = |action: Action| match place {
            Place::Asp => Action::Refuse,
            Place::Municipality => action,
        };
        let rule = |name: &str, fields: Vec<String>| RuleSpec {
            name: name.to_owned(),
            fields,
            ..RuleSpec::default()
        };
        let mut rules = vec![
            RuleSpec {
                absent: Some(Absence::Absent),
                action: or_refuse(Action::Drop),
                ..rule("no-names", fields(Role::Names))
            },
            RuleSpec {
                absent: Some(Absence::Absent),
                action: or_refuse(Action::Drop),
                ..rule("no-identifiers", fields(Role::Identifiers))
            },
            RuleSpec { same: true, ..rule("one-base-date", fields(Role::BaseDate)) },
            RuleSpec {
                form: Some(Form::YearMonth),
                action: or_refuse(Action::Generalise),
                ..rule("births-to-the-month", fields(Role::BirthYearMonths))
            },
            RuleSpec {
                form: Some(Form::Zeros),
                action: or_refuse(Action::Generalise),
                ..rule("address-to-the-town", fields(Role::AddressRest))
            },
        ];
        if let (Some(birth_year), Some(base_date)) = (first(Role::BirthYear), first(Role::BaseDate)) {
            let birth = [fields(Role::BirthYear), fields(Role::BirthMonth)].concat();
            let extreme_age = Some(ExtremeAgeSpec {
                birth_year,
                birth_month: first(Role::BirthMonth),
                base_date,
                most: 99,
            });
            rules.push(RuleSpec {
                extreme_age,
                action: or_refuse(Action::Drop),
                ..rule("no-extreme-age", birth)
            });
        }
        if key {
            let pseudonym = fields(Role::UserId);
            let spec =
                PseudonymSpec { domain: "user-id".to_owned(), alphabet: Default::default(), length: 20 };
            rules.push(RuleSpec { pseudonym: Some(spec), ..rule("user-id-of-this-system", pseudonym) });
        }
        let not_dates = vec![
            Detector::MyNumber,
            Detector::PhoneNumber,
            Detector::MailAddress,
            Detector::PersonalName,
            Detector::HouseAddress,
        ];
        rules.push(RuleSpec { never: not_dates, ..rule("nobody-is-named", vec!["*".to_owned()]) });
        rules.push(RuleSpec {
            never: vec![Detector::FullDate],
            except: [fields(Role::BaseDate), fields(Role::AgreedDates)].concat(),
            ..rule("no-full-dates", vec!["*".to_owned()])
        });
        // A part that no field plays has no rule.
        rules.retain(|rule| !rule.fields.is_empty());
        rules
    }
}
