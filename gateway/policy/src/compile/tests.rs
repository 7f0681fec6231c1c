//! What is refused when a policy is loaded.

use std::path::Path;
use std::sync::Arc;

use sekisho_records::Layout;
use sekisho_xml::QName;
use sekisho_xsd::Schema;

use crate::{At, Ground, NamesFault, Place, Policy, PolicyError, PolicySpec, Problem, Role};

pub(crate) fn schema(file: &str, record: &str) -> (Schema, Arc<Layout>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let schema = Schema::load(&path, None).unwrap();
    let layout = Layout::compile(&schema.record_type(&record.parse::<QName>().unwrap()).unwrap()).unwrap();
    (schema, Arc::new(layout))
}

pub(crate) fn residents(place: Place) -> Ground {
    let (schema, layout) = schema("tests/data/residents.xsd", "{urn:example:residents}Resident");
    Ground { place, schema, layout, outgoing: None, names: None, key: None }
}

pub(crate) fn attributes(place: Place) -> Ground {
    let (schema, layout) = schema("../../schemas/attributes.xsd", "{urn:example:city:attributes:1}Record");
    Ground { place, schema, layout, outgoing: None, names: None, key: None }
}

pub(crate) fn leaving() -> (Schema, Arc<Layout>) {
    schema("tests/data/residents.xsd", "{urn:example:residents}Leaving")
}

pub(crate) fn spec(toml: &str) -> PolicySpec {
    toml::from_str(toml).unwrap()
}

pub(crate) const TABLE: &str =
    "# field, concealed name\nId,X01\nBirth, X02\nTown,X03\nHouse,X04\nNote,X05\nChild/Born,X06/X07\n";
pub(crate) const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";

fn errors(toml: &str, ground: &Ground) -> Vec<PolicyError> {
    Policy::compile(&spec(toml), ground).map(|_| ()).unwrap_err()
}

fn unknown(field: &str) -> Problem {
    Problem::UnknownField { field: field.to_owned() }
}

#[test]
fn a_field_that_the_layout_does_not_have_is_named_with_its_place() {
    let ground = residents(Place::Asp);
    let found = errors(
        "rule = [{ name = 'a', fields = ['Id', 'Nme', 'Child/Nme', 'Note/x'], absent = 'absent' },
                 { name = 'b', fields = ['*'], except = ['Old'], never = ['my-number'] }]",
        &ground,
    );
    let at =
        |rule, key, item, field: &str| PolicyError { at: At::Item(rule, key, item), problem: unknown(field) };
    assert_eq!(
        found,
        [
            at(0, "fields", 1, "Nme"),
            at(0, "fields", 2, "Child/Nme"),
            at(0, "fields", 3, "Note/x"),
            at(1, "except", 0, "Old")
        ]
    );
    assert!(found.iter().all(|error| error.code() == "policy-rule-field"));
}

#[test]
fn a_group_is_no_field_and_its_fields_are() {
    let ground = residents(Place::Asp);
    let found = errors("rule = [{ name = 'a', fields = ['Child'], absent = 'absent' }]", &ground);
    assert_eq!(found[0].problem, Problem::Group { field: "Child".to_owned() });
    let fine = spec("rule = [{ name = 'a', fields = ['Child/Name'], absent = 'absent' }]");
    assert!(Policy::compile(&fine, &ground).is_ok());
    let found = errors("rule = [{ name = 'a', fields = ['Child/Name'], same = true }]", &ground);
    assert_eq!(found[0].code(), "policy-rule-kind");
}

#[test]
fn at_the_asp_nothing_changes_a_record() {
    let mut ground = residents(Place::Asp);
    ground.key = Some(KEY.to_owned());
    let found = errors(
        "key = 'k'\nnames = 'n'\noutgoing = 'o'
         rule = [{ name = 'a', fields = ['Note'], absent = 'absent', action = 'drop' },
                 { name = 'b', fields = ['Birth'], form = 'year', action = 'generalise' },
                 { name = 'c', fields = ['Id'], pseudonym = { domain = 'd' } }]",
        &ground,
    );
    let problems: Vec<_> = found.iter().map(|error| (error.at.clone(), error.problem.clone())).collect();
    for at in [
        At::Policy("key"),
        At::Policy("names"),
        At::Policy("outgoing"),
        At::Rule(0, "action"),
        At::Rule(1, "action"),
        At::Rule(2, "pseudonym"),
    ] {
        assert!(problems.contains(&(at.clone(), Problem::Place)), "{at:?}: {problems:?}");
    }
}

#[test]
fn a_profile_names_the_part_that_nobody_plays() {
    let ground = residents(Place::Asp);
    let found = errors("profile = 'abstracted-attributes'", &ground);
    assert!(found.contains(&PolicyError { at: At::Role(Role::BaseDate, None), problem: unknown("F002") }));
    let roles = "roles = { user_id = ['Id'], base_date = ['Base'], birth_year = [], birth_month = [], birth_year_months = ['Birth'],
                 address_rest = [], names = ['Name', 'Nomen'] }";
    let found = errors(&format!("profile = 'abstracted-attributes'\n{}", roles.replace('\n', " ")), &ground);
    assert_eq!(found, [PolicyError { at: At::Role(Role::Names, Some(1)), problem: unknown("Nomen") }]);
}

#[test]
fn what_leaves_must_be_a_record_of_its_schema() {
    let mut ground = residents(Place::Municipality);
    ground.outgoing = Some(leaving());
    ground.names = Some(TABLE.to_owned());
    ground.key = Some(KEY.to_owned());
    let drop = "{ name = 'gone', fields = ['Name', 'Base', 'Phone', 'Child/Name'], absent = 'absent', action = 'drop' }";
    let good = format!("outgoing = 'o'\nnames = 'n'\nrule = [{drop}]");
    assert!(Policy::compile(&spec(&good), &ground).is_ok());

    // A field that has no name to leave under.
    let found = errors("outgoing = 'o'\nnames = 'n'", &ground);
    let left: Vec<_> = found.iter().map(|error| error.problem.to_string()).collect();
    assert_eq!(found.len(), 4, "{left:?}");
    assert!(left[0].starts_with("Name has no field of Leaving"), "{left:?}");

    // One that must be there and is not.
    ground.names = Some(TABLE.replace("Id,X01\n", ""));
    let more = format!("outgoing = 'o'\nnames = 'n'\nrule = [{}]", drop.replace("'Name'", "'Id', 'Name'"));
    let found = errors(&more, &ground);
    assert_eq!(found[0].problem, Problem::Missing { field: "X01".to_owned() });

    // One that may be left out now and then, and must be there always.
    ground.names = Some(TABLE.to_owned());
    let found = errors(
        &format!(
            "outgoing = 'o'\nnames = 'n'\nrule = [{drop}, {{ name = 'x', fields = ['Id', 'Note'], never = ['my-number'], action = 'drop' }}]"
        ),
        &ground,
    );
    assert_eq!(
        found,
        [PolicyError { at: At::Rule(1, "fields"), problem: Problem::Required { field: "X01".to_owned() } }]
    );
}

#[test]
fn a_table_of_names_is_held_to_both_layouts_and_says_no_name() {
    let mut ground = residents(Place::Municipality);
    ground.outgoing = Some(leaving());
    for (line, what) in [
        ("Id", NamesFault::Form),
        ("Id,X01,X02", NamesFault::Form),
        ("Idd,X01", NamesFault::Unknown),
        ("Id,SECRET", NamesFault::UnknownOutgoing),
        ("Child,X06", NamesFault::Kind),
        ("Child/Name,X05", NamesFault::Kind),
        ("Birth,X02", NamesFault::Twice),
    ] {
        ground.names = Some(format!("Birth,X02\n{line}\n"));
        let found = errors("outgoing = 'o'\nnames = 'n'", &ground);
        assert_eq!(
            found[0],
            PolicyError { at: At::Policy("names"), problem: Problem::Names { line: 2, what } },
            "{line}"
        );
        let told = format!("{} {}", found[0].problem, found[0].problem.message_ja());
        assert!(!told.contains("SECRET") && !told.contains("X0"), "{told}");
    }
}

#[test]
fn keys_and_lengths_of_pseudonyms_are_held_to_what_they_can_be() {
    let mut ground = residents(Place::Municipality);
    let rule = "rule = [{ name = 'id', fields = ['Id'], pseudonym = { domain = 'd', length = 40 } }]";
    assert_eq!(errors(rule, &ground)[0].problem, Problem::NoKey);
    ground.key = Some("x".repeat(64));
    assert_eq!(errors(rule, &ground)[0].problem, Problem::Key);
    ground.key = Some(KEY.to_owned());
    assert_eq!(errors(rule, &ground)[0].problem, Problem::Length { least: 5, most: 32 });
    let twice = "rule = [{ name = 'a', fields = ['Id'], pseudonym = { domain = 'd' } },
                         { name = 'b', fields = ['Id'], pseudonym = { domain = 'e' } }]";
    assert_eq!(errors(twice, &ground)[0].problem, Problem::ChangedTwice { field: "Id".to_owned() });
}

#[test]
fn every_problem_is_told_in_both_languages() {
    let ground = residents(Place::Asp);
    let found = errors(
        "rule = [{ name = 'a b', fields = [], form = 'year', same = true },
                 { name = 'c', fields = ['Id'], form = 'year', keep = 2, action = 'drop' },
                 { name = 'c', fields = ['Id'], except = ['Note'], pattern = '(' },
                 { name = 'd', fields = ['Id'] }]",
        &ground,
    );
    assert!(found.len() >= 8, "{found:?}");
    for error in found {
        assert!(error.problem.message_ja().chars().any(|c| c >= 'ぁ'), "{error:?}");
        assert!(error.code().starts_with("policy-"));
    }
}

#[test]
fn a_policy_has_one_digest_and_every_change_has_another() {
    let ground = residents(Place::Municipality);
    let rule = "rule = [{ name = 'a', fields = ['Note'], never = ['my-number'] }]";
    let digest = |toml: &str, ground: &Ground| *Policy::compile(&spec(toml), ground).unwrap().digest();
    let usual = digest(rule, &ground);
    assert_eq!(usual, digest(rule, &ground));
    let mut others = vec![
        digest(&rule.replace("my-number", "full-date"), &ground),
        digest(&rule.replace("'a'", "'b'"), &ground),
        digest(rule, &residents(Place::Asp)),
        digest(rule, &Ground { key: Some(KEY.to_owned()), ..ground.clone() }),
        digest(rule, &Ground { key: Some(KEY.replace('0', "1")), ..ground.clone() }),
    ];
    others.push(usual);
    others.sort_unstable();
    others.dedup();
    assert_eq!(others.len(), 6);
}
