use super::result::{Fate, steps, write};
use super::*;
use crate::dialect::ResultsSpec;

fn form(json: serde_json::Value) -> ResultsSpec {
    serde_json::from_value(json).expect("a form")
}

#[test]
fn what_the_upstream_did_not_say_is_said_in_its_form() {
    let nested = form(serde_json::json!({
        "result": "list/result", "key": "key", "success": "ok", "true_values": ["Y"], "code": "error/code", "field": "error/field"
    }));
    let said = |form: &ResultsSpec, key, fate| String::from_utf8(write(form, key, fate)).expect("UTF-8");
    let taken = Fate { taken: true, code: Some("delivered"), field: None };
    let refused = Fate { taken: false, code: Some("cancelled"), field: Some("F002") };
    assert_eq!(said(&nested, Some("a<b"), taken), "<result><key>a&lt;b</key><ok>Y</ok></result>");
    assert_eq!(
        said(&nested, None, refused),
        "<result><ok>false</ok><error><code>cancelled</code><field>F002</field></error></result>"
    );
    let bare = form(serde_json::json!({"result": "r", "success": "a/b"}));
    assert_eq!(said(&bare, Some("k"), refused), "<r><a><b>false</b></a></r>");
    assert_eq!(steps("list/result"), ["list", "result"]);
}

#[test]
fn counts_come_back() {
    let counts = Counts { taken: 3, refused: u64::MAX };
    assert_eq!(Counts::read(&counts.write()), Some(counts));
    assert_eq!(Counts::read(&[0; 15]), None);
    let counts = Counts { taken: 3, refused: 2 };
    assert_eq!([Counted::Results, Counted::Taken, Counted::Refused].map(|of| counts.of(of)), [5, 3, 2]);
}
