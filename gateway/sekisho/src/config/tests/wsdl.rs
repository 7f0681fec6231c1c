//! A dialect that leaves to a WSDL what that says.

use super::*;

/// The trial's route with its cloud's WSDL in the place of what that says.
fn by_wsdl() -> String {
    let mut text = example("trial.toml");
    for line in [
        "namespace = \"urn:example:city-cloud:intake:1\"\n",
        "record = \"row\"\n",
        "action = \"urn:example:city-cloud:intake:1/putRecords\"\n",
    ] {
        assert!(text.contains(line), "{line}");
        text = text.replace(line, "");
    }
    text.replace("kind = \"soap\"\n", "kind = \"soap\"\nwsdl = \"../conformance/wsdl/intake.wsdl\"\n")
}

#[test]
fn a_wsdl_makes_the_same_plan_as_what_is_written_by_hand() {
    let plans = |text: &str| {
        let mut mistakes = Mistakes::new(&repository().join("config/test.toml"));
        let raw = read::read(text, &mut mistakes).unwrap();
        let effective = Effective::build(&raw, &mut mistakes);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        effective.unwrap().plans
    };
    let by_hand = plans(&example("trial.toml"));
    let response = "\"response\":\"putRecordsResponse\",";
    assert!(plans(&by_wsdl())[0].contains(response));
    assert_eq!(plans(&by_wsdl())[0].replace(response, ""), by_hand[0]);
}

#[test]
fn what_a_wsdl_says_otherwise_is_a_mistake_of_its_key() {
    let wrong = |from: &str, to: &str| mistakes_of(&by_wsdl().replace(from, to)).join("\n");
    let operation = wrong("operation = \"putRecords\"", "operation = \"takeRecords\"");
    assert!(
        operation.contains("dialect.operation") && operation.contains("findRecords, putRecords"),
        "{operation}"
    );
    let missing = wrong("intake.wsdl", "nothing.wsdl");
    assert!(missing.contains("dialect.wsdl") && missing.contains("it is not there"), "{missing}");
    let path = wrong("key = \"key\"", "key = \"kye\"");
    assert!(path.contains("dialect.results.key") && path.contains("'kye'"), "{path}");
    let left_out = mistakes_of(&example("trial.toml").replace("record = \"row\"\n", "")).join("\n");
    assert!(left_out.contains("dialect.record") && left_out.contains("name a WSDL"), "{left_out}");
}
