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
    let find = |more: &str| {
        let find =
            "[route.dialect.find]\nkeys = \"used-once\"\noperation = \"findRecords\"\nfound = \"found\"\n";
        let text = by_wsdl().replace("idempotent = true", "idempotent = false") + find + more;
        mistakes_of(&text).join("\n")
    };
    assert_eq!(find(""), "");
    let key = find("found_key = \"kye\"\n");
    assert!(key.contains("dialect.find.found_key") && key.contains("'kye'"), "{key}");
    let asked = find("key = \"kye\"\n");
    assert!(asked.contains("dialect.find.key") && asked.contains("'kye'"), "{asked}");
    let twice = by_wsdl().replace("idempotent = true", "idempotent = false")
        + "[route.dialect.find]\nkeys = \"used-once\"\noperation = \"findRecords\"\nfound = \"found\"\n[route.duplicates]\nrecords = ";
    for records in ["\"last-wins\"\n", "\"in-order\"\n"] {
        let told = mistakes_of(&(twice.clone() + records)).join("\n");
        assert!(told.contains("dialect.find") && told.contains("two records of one key"), "{told}");
    }
    assert_eq!(mistakes_of(&(twice + "\"refuse\"\n")), Vec::<String>::new());
    let action = find("action = \"urn:another\"\n");
    assert!(action.contains("dialect.find.action") && action.contains("findRecords"), "{action}");
    let left_out = mistakes_of(&example("trial.toml").replace("record = \"row\"\n", "")).join("\n");
    assert!(left_out.contains("dialect.record") && left_out.contains("name a WSDL"), "{left_out}");
}

#[test]
fn where_anything_may_stand_a_question_by_key_has_no_answer_that_proves_something() {
    let wsdl = std::fs::read_to_string(repository().join("conformance/wsdl/intake.wsdl")).unwrap();
    let found = "<xs:complexType><xs:sequence><xs:element name=\"key\" type=\"xs:string\"/></xs:sequence></xs:complexType>";
    assert!(wsdl.contains(found));
    let open = wsdl.replace(
        found,
        "<xs:complexType><xs:sequence><xs:any processContents=\"skip\"/></xs:sequence></xs:complexType>",
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("open.wsdl");
    std::fs::write(&file, open).unwrap();
    let text = by_wsdl()
        .replace("idempotent = true", "idempotent = false")
        .replace("../conformance/wsdl/intake.wsdl", &file.display().to_string())
        + "[route.dialect.find]\nkeys = \"used-once\"\noperation = \"findRecords\"\nfound = \"found\"\n";
    let told = mistakes_of(&text).join("\n");
    assert!(told.contains("dialect.find.found_key") && told.contains("'key'"), "{told}");
}

/// The cloud's WSDL with its types in a file of their own; what is wrong with a route by it.
fn in_parts(types: &str, written: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let wsdl = std::fs::read_to_string(repository().join("conformance/wsdl/intake.wsdl")).unwrap();
    let end = "</xs:schema>";
    let (start, stop) = (wsdl.find("<xs:schema").unwrap(), wsdl.find(end).unwrap() + end.len());
    let schema = &wsdl[start..stop];
    let own = format!("<xs:include schemaLocation=\"{types}\"/>{end}");
    let tag = schema.find('>').unwrap() + 1;
    let parted = wsdl.replace(schema, &(schema[..tag].to_owned() + &own));
    let root = &wsdl[wsdl.find("<definitions").or(wsdl.find("<wsdl:definitions")).unwrap()..];
    let declared: Vec<&str> = root[..root.find('>').unwrap()]
        .split_whitespace()
        .filter(|attribute| attribute.starts_with("xmlns") && !schema[..tag].contains(*attribute))
        .collect();
    let alone = schema.replacen("<xs:schema", &format!("<xs:schema {}", declared.join(" ")), 1);
    std::fs::create_dir(folder.path().join("wsdl")).unwrap();
    std::fs::write(folder.path().join("wsdl/intake.wsdl"), parted).unwrap();
    std::fs::write(folder.path().join("wsdl/types.xsd"), &alone).unwrap();
    std::fs::write(folder.path().join("outside.xsd"), &alone).unwrap();
    std::os::unix::fs::symlink("../outside.xsd", folder.path().join("wsdl/linked.xsd")).unwrap();
    let path = folder.path().join("wsdl/intake.wsdl").display().to_string();
    let written = format!("wsdl = \"{path}\"\n{written}");
    let text = by_wsdl().replace("wsdl = \"../conformance/wsdl/intake.wsdl\"\n", &written);
    mistakes_of(&text).join("\n")
}

#[test]
fn what_a_wsdl_imports_is_read_from_its_own_folder_and_pinned_with_it() {
    assert_eq!(in_parts("types.xsd", ""), "");
    let nothing = in_parts("nothing.xsd", "");
    assert!(nothing.contains("dialect.wsdl") && nothing.contains("it is not there"), "{nothing}");
    for (location, words) in [
        ("linked.xsd", "outside the folder"),
        ("../outside.xsd", "outside the folder"),
        ("https://cloud.example/types.xsd", "nothing is fetched"),
    ] {
        let told = in_parts(location, "");
        assert!(told.contains(location) && told.contains(words), "{told}");
    }
    let zeros = "0".repeat(64);
    let told = in_parts("types.xsd", &format!("wsdl_digest = \"sha256:{zeros}\"\n"));
    assert!(told.contains("dialect.wsdl_digest") && told.contains(&zeros), "{told}");
    let found = told.split("sha256:").find(|rest| {
        !rest.starts_with(&zeros)
            && rest.len() >= 64
            && rest.is_char_boundary(64)
            && rest[..64].bytes().all(|b| b.is_ascii_hexdigit())
    });
    let found = found.expect("the digest that it has");
    assert_eq!(in_parts("types.xsd", &format!("wsdl_digest = \"sha256:{}\"\n", &found[..64])), "");
    let alone = mistakes_of(
        &example("trial.toml")
            .replace("kind = \"soap\"\n", &format!("kind = \"soap\"\nwsdl_digest = \"sha256:{zeros}\"\n")),
    );
    assert!(alone.join("\n").contains("dialect.wsdl_digest"), "{alone:?}");
}
