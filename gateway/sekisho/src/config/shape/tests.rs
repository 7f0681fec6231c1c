use std::path::Path;

use super::*;
use crate::language::Language;

fn mistakes_of(text: &str) -> Vec<String> {
    let (document, errors) = DeTable::parse_recoverable(text);
    assert!(errors.is_empty(), "{errors:?}");
    let mut mistakes = Mistakes::new(Path::new("x"));
    let taken = take(&Readable::whole(text), document.get_ref(), &mut mistakes);
    // However wrong it was, what is left has the shape.
    serde_json::from_value::<crate::config::Raw>(taken).unwrap();
    mistakes.into_list().iter().map(|mistake| mistake.line(Language::English)).collect()
}

#[test]
fn what_has_its_shape_is_taken_as_it_is() {
    assert_eq!(
        mistakes_of(
            "[gateway]\nstate = \"s\"\ngrace_ms = 1_000\n[[route]]\nname = \"r\"\npath = \"/r\"\nclients = [\"c\"]\ndoors = [\"swa\"]\nschema = \"s\"\nupstream = \"u\"\npace.target = 0.5\n"
        ),
        Vec::<String>::new()
    );
}

#[test]
fn each_kind_of_value_is_asked_for_in_words() {
    for (line, said) in [
        ("state = 1", "is a whole number; must be text in quotes"),
        ("grace_ms = \"1\"", "is text; must be a whole number, 0 or more, written without quotes"),
        ("grace_ms = -1", "must be a whole number, 0 or more"),
        ("grace_ms = 1.5", "is a number with a fraction; must be a whole number"),
        ("grace_ms = 1979-05-27", "is a date or a time; must be a whole number"),
        ("grace_ms = [1]", "is a list; must be a whole number"),
        ("place = \"asq\"", "must be one of \"asp\", \"municipality\"; did you mean \"asp\"?"),
        ("place = \"there\"", "must be one of \"asp\", \"municipality\""),
    ] {
        let key = line.split(' ').next().unwrap();
        let state = if key == "state" { "" } else { "state = \"s\"\n" };
        let found = mistakes_of(&format!("[gateway]\n{state}{line}\n"));
        let [found] = found.as_slice() else { panic!("{line}: {found:?}") };
        assert!(found.contains(&format!(": gateway: {key}: {said}")), "{line}: {found}");
    }
}

#[test]
fn a_key_that_stands_below_the_wrong_header_is_sent_home() {
    let route = "[gateway]\nstate = \"s\"\n[[route]]\nname = \"r\"\npath = \"/r\"\nclients = [\"c\"]\ndoors = [\"swa\"]\nschema = \"s\"\nupstream = \"u\"\n";
    let found = mistakes_of(&format!("{route}limit_ms = 5\n[route.pace]\nidempotent = true\n"));
    let [limit, idempotent] = found.as_slice() else { panic!("{found:?}") };
    assert!(
        limit.contains(":10:1: route \"r\": limit_ms: unknown key here; it belongs to [route.pace]"),
        "{limit}"
    );
    assert!(
        idempotent.contains(":12:1: route \"r\": pace.idempotent: unknown key here; it belongs to [[route]]"),
        "{idempotent}"
    );
}

#[test]
fn single_and_double_brackets_are_told_apart_and_looked_into() {
    let found = mistakes_of(
        "[[gateway]]\nstate = \"s\"\nplac = \"asp\"\n[client]\nname = \"c\"\nnetworks = [\"10.0.0.0\"]\n",
    );
    assert_eq!(
        found,
        [
            "x:1:3: gateway: must be written as [gateway], as there is only one",
            "x:3:1: gateway: plac: unknown key; did you mean `place`?",
            "x:4:2: client: must be written as [[client]], once for each",
            "x:6:13: client \"c\": networks: must be a network with the length of its prefix, such as \"10.1.2.0/24\"; one \
             address is \"10.1.2.3/32\"",
        ]
    );
}

#[test]
fn a_kind_that_there_is_not_hides_no_other_mistake() {
    let found = mistakes_of(
        "[gateway]\nstate = \"s\"\n[[route]]\nname = \"r\"\npath = \"/r\"\nclients = [\"c\"]\ndoors = [\"swa\"]\nschema = \"s\"\nupstream = \"u\"\n[route.dialect]\nkind = \"sopa\"\npath = 1\nnonsense = 2\n",
    );
    let [kind, path, nonsense] = found.as_slice() else { panic!("{found:?}") };
    assert!(kind.contains(":11:1: route \"r\": dialect.kind: must be one of \"soap\", \"swa\""), "{kind}");
    assert!(kind.contains("did you mean \"soap\"?"), "{kind}");
    assert!(path.contains(":12:1: route \"r\": dialect.path: is a whole number; must be text"), "{path}");
    assert!(nonsense.contains(":13:1: route \"r\": dialect.nonsense: unknown key; there are:"), "{nonsense}");
}

#[test]
fn a_key_above_the_first_header_is_sent_home_too() {
    let found = mistakes_of("grace_ms = 1\n[gateway]\nstate = \"s\"\n");
    assert_eq!(
        found,
        ["x:1:1: grace_ms: unknown key here; it belongs to [gateway], and must stand below that header"]
    );
}
