use std::collections::BTreeSet;

use sekisho_xml::{Event, Limits, Reader};

use super::*;

const ADDRESS: &str = "https://asp.example.test:8443/a?b&c=\"d\"";

/// A start tag: namespace, local name, attributes.
type Start = (String, String, Vec<(String, String)>);

/// Start tags of a document.
fn starts(document: &str) -> Vec<Start> {
    let mut reader = Reader::new(document.as_bytes(), Limits::default());
    let mut starts = Vec::new();
    loop {
        match reader.next().expect("well-formed") {
            Event::Start(start) => starts.push((
                start.namespace().to_owned(),
                start.local().to_owned(),
                start.attributes().map(|a| (a.local.to_owned(), a.value.into_owned())).collect(),
            )),
            Event::Eof => return starts,
            _ => {}
        }
    }
}

fn attribute<'a>(start: &'a Start, name: &str) -> Option<&'a str> {
    start.2.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[test]
fn the_wsdl_is_complete_and_has_the_address() {
    let served = wsdl(ADDRESS);
    assert!(!served.contains("schemaLocation") && !served.contains("gateway.invalid"));
    let starts = starts(&served);
    let schemas: Vec<_> = starts.iter().filter(|s| s.1 == "schema").collect();
    let namespaces: Vec<_> = schemas.iter().filter_map(|s| attribute(s, "targetNamespace")).collect();
    assert_eq!(namespaces, ["http://ws-i.org/profiles/basic/1.1/xsd", NAMESPACE]);
    let addresses: Vec<_> =
        starts.iter().filter(|s| s.1 == "address").map(|s| attribute(s, "location")).collect();
    assert_eq!(addresses, [Some(ADDRESS); 3]);
    let soap12 = starts.iter().filter(|s| s.0 == "http://schemas.xmlsoap.org/wsdl/soap12/").count();
    assert!(soap12 > 10);
    assert!(starts.iter().any(|s| s.1 == "multipartRelated"));
}

#[test]
fn the_served_schema_says_where_the_other_one_is() {
    let served = xsd();
    let import = starts(&served).into_iter().find(|s| s.1 == "import").unwrap();
    assert_eq!(attribute(&import, "schemaLocation"), Some("?xsd=swaref"));
    let types = starts(SWAREF_XSD);
    assert_eq!(attribute(&types[0], "targetNamespace"), attribute(&import, "namespace"));
}

/// Every element that a message of the WSDL names is declared in the schema, and every operation has its action.
#[test]
fn the_wsdl_and_the_schema_agree() {
    let elements: Vec<String> = starts(XSD)
        .iter()
        .filter(|s| s.1 == "element")
        .filter_map(|s| attribute(s, "name").map(str::to_owned))
        .collect();
    let wsdl = starts(WSDL);
    let parts: Vec<&str> =
        wsdl.iter().filter(|s| s.1 == "part").filter_map(|s| attribute(s, "element")).collect();
    assert_eq!(parts.len(), 13);
    for part in parts {
        let name = part.strip_prefix("g:").expect("the prefix of the file");
        assert!(elements.iter().any(|element| element == name), "{name}");
    }
    let ports: Vec<_> = wsdl.iter().filter(|s| s.1 == "portType").map(|s| attribute(s, "name")).collect();
    assert_eq!(ports, [Some(PORT_TYPE)]);
    let named: BTreeSet<_> =
        wsdl.iter().filter(|s| s.1 == "operation").filter_map(|s| attribute(s, "name")).collect();
    assert_eq!(named, OPERATIONS.into());
    for operation in OPERATIONS {
        let action = soap_action(operation);
        assert_eq!(wsdl.iter().filter(|s| attribute(s, "soapAction") == Some(&action)).count(), 3);
    }
}

#[test]
fn the_openapi_document_is_json_with_the_address() {
    let document: serde_json::Value = serde_json::from_str(&openapi(ADDRESS)).unwrap();
    assert_eq!(document["servers"][0]["url"], ADDRESS);
    assert_eq!(document["openapi"], "3.1.0");
    let text = document.to_string();
    assert!(!text.contains("gateway.invalid"));
    // Every reference leads somewhere.
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    let operations: BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .keys()
                .filter(|k| *k != "parameters")
                .map(move |k| format!("{k} {path}"))
        })
        .collect();
    let expected = [
        "post /batches",
        "get /batches",
        "get /batches/{id}",
        "delete /batches/{id}",
        "get /batches/{id}/errors",
        "get /batches/{id}/chunks",
        "get /heartbeat",
        "get /openapi.json",
    ];
    assert_eq!(operations, expected.map(str::to_owned).into());
}
