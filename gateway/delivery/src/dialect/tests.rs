use http::StatusCode;
use http::header::RETRY_AFTER;

use super::verdict::{joined, problems};
use super::*;
use crate::encode::{Measured, RowKeys};
use crate::plan::Plan;

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";

fn results() -> ResultsSpec {
    ResultsSpec {
        result: "result".into(),
        key: None,
        success: "success".into(),
        true_values: vec!["true".into(), "OK".into()],
        code: Some("error/code".into()),
        field: Some("error/field".into()),
    }
}

fn mapper() -> Mapper {
    let plan: Plan = serde_json::from_value(serde_json::json!({
        "route": "r", "upstream": "u", "idempotent": true,
        "layout": {"element": "{urn:t}record", "fields": [{"name": "F001"}, {"name": "F002"}]},
        "mapping": {"key": ["F001"]},
        "dialect": {"kind": "bulk2", "object": "o", "external_id": "F001"},
    }))
    .expect("a plan");
    Mapper::new(&plan.mapping, &plan.layout).expect("a mapper")
}

fn soap(results: Option<ResultsSpec>) -> Dialect {
    let spec = DialectSpec::Soap(SoapSpec {
        wsdl: None,
        wsdl_digest: None,
        path: "/p".into(),
        namespace: "urn:x".into(),
        operation: "put".into(),
        record: "row".into(),
        unqualified: false,
        response: None,
        action: String::new(),
        version: SoapVersion::Soap11,
        headers: Vec::new(),
        addressing: false,
        results,
        fault_code: Some("f/code".into()),
        find: None,
        codes: Codes::default(),
    });
    Dialect::new(&spec, &mapper()).expect("a dialect")
}

fn partner() -> Dialect {
    let spec = PartnerSoapSpec {
        version: "60.0".into(),
        object: "o".into(),
        external_id: "F001".into(),
        codes: Codes::default(),
    };
    Dialect::new(&DialectSpec::PartnerSoap(spec), &mapper()).expect("a dialect")
}

fn collections() -> Dialect {
    let spec = CollectionsSpec {
        version: "60.0".into(),
        object: "o".into(),
        external_id: "F001".into(),
        codes: Codes::default(),
    };
    Dialect::new(&DialectSpec::Collections(spec), &mapper()).expect("a dialect")
}

fn envelope(body: &str) -> String {
    format!(r#"<s:Envelope xmlns:s="{SOAP}"><s:Header><h/></s:Header><s:Body>{body}</s:Body></s:Envelope>"#)
}

fn judge(dialect: &Dialect, status: u16, body: &str, rows: u64) -> Verdict {
    let chunk = Measured::of_rows(0, &vec![1; usize::try_from(rows).expect("small")]);
    let status = StatusCode::from_u16(status).expect("a status");
    dialect.judge(status, &HeaderMap::new(), body.as_bytes(), &chunk)
}

fn refused(row: u64, code: &str, field: Option<&str>, temporary: bool) -> RowProblem {
    let field = field.map(str::to_owned);
    RowProblem { row, kind: RowProblemKind::Refused { code: code.into(), field, temporary } }
}

fn unsaid(row: u64) -> RowProblem {
    RowProblem { row, kind: RowProblemKind::Unknown }
}

fn unknown(code: &str) -> Verdict {
    Verdict::Unknown(code.into())
}

#[test]
fn soap_results_are_taken_where_they_are_described() {
    let answer = |inner: &str| envelope(&format!(r#"<any xmlns="urn:x"><count>2</count>{inner}</any>"#));
    let good = "<result><success>true</success></result>";
    let bad = "<result><success>false</success><error><code>a:BAD</code><field>F002</field><code>SECOND</code></error></result>";
    let other = "<result><success> OK </success></result>";
    let lock = "<result><error><code>UNABLE_TO_LOCK_ROW</code><field>F999</field></error></result>";
    let dialect = soap(Some(results()));
    let cases = [
        (answer(&format!("{good}{other}")), Verdict::Rows(vec![])),
        (answer(&format!("{good}{bad}")), Verdict::Rows(vec![refused(1, "BAD", Some("F002"), false)])),
        (answer(&format!("{lock}{good}")), Verdict::Rows(vec![refused(0, "UNABLE_TO_LOCK_ROW", None, true)])),
        (answer(good), unknown("answer-count")),
        (answer(&good.repeat(3)), unknown("answer-unreadable")),
        (answer(""), unknown("answer-count")),
        (envelope(""), unknown("answer-unreadable")),
        (envelope("<a/><b/>"), unknown("answer-unreadable")),
        ("<a/>".to_owned(), unknown("answer-unreadable")),
        (answer(good)[..60].to_owned(), unknown("answer-unreadable")),
        ("<!DOCTYPE a []><a/>".to_owned(), unknown("answer-unreadable")),
    ];
    for (body, expected) in cases {
        assert_eq!(judge(&dialect, 200, &body, 2), expected, "{body}");
    }
}

#[test]
fn a_message_is_read_alone_or_as_a_root_part_in_its_own_encoding() {
    let dialect = soap(Some(results()));
    let good = envelope("<any><result><success>true</success></result></any>");
    let declared = |name: &str| format!("<?xml version=\"1.0\" encoding=\"{name}\"?>{good}");
    let utf16 = |text: &str| -> Vec<u8> {
        let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    };
    let part = |id: &str, body: &str| {
        format!("--b\r\nContent-Type: text/xml\r\nContent-ID: <{id}>\r\n\r\n{body}\r\n")
    };
    let package = |parts: &[String]| (parts.concat() + "--b--\r\n").into_bytes();
    let taken = Verdict::Rows(vec![]);
    let package_label = "multipart/related; type=\"text/xml\"; boundary=b";
    for (label, body, expected) in [
        ("text/xml; charset=utf-8", good.clone().into_bytes(), taken.clone()),
        ("text/xml; charset=utf-8", [b"\xEF\xBB\xBF", good.as_bytes()].concat(), taken.clone()),
        ("text/xml; charset=nonsense", good.clone().into_bytes(), taken.clone()),
        ("no label", good.clone().into_bytes(), taken.clone()),
        ("text/xml", declared("Shift_JIS").into_bytes(), taken.clone()),
        ("text/xml; charset=utf-16", utf16(&good), taken.clone()),
        ("text/xml", utf16(&declared("UTF-16")), taken.clone()),
        ("text/xml; charset=us-ascii", utf16(&good), unknown("answer-unreadable")),
        (package_label, package(&[part("a", &good), part("x", "<more/>")]), taken.clone()),
        (
            "Multipart/Related; type=\"text/xml\"; start=\"<r>\"; boundary=b",
            package(&[part("x", "<more/>"), part("r", &good)]),
            taken,
        ),
        (package_label, package(&[]), unknown("answer-unreadable")),
        (package_label, part("a", &good[..80]).into_bytes(), unknown("answer-unreadable")),
        ("multipart/related", package(&[part("a", &good)]), unknown("answer-unreadable")),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, label.parse().expect("a header"));
        let found = dialect.judge(StatusCode::OK, &headers, &body, &Measured::of_rows(0, &[1]));
        assert_eq!(found, expected, "{label}");
    }
}

#[test]
fn a_status_proves_delivery_only_where_it_is_described_so() {
    let rest = |more: serde_json::Value| {
        let mut spec = serde_json::json!({"kind": "rest", "path": "/", "format": "csv"});
        spec.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        Dialect::new(&serde_json::from_value(spec).expect("a description"), &mapper()).expect("a dialect")
    };
    let usual = rest(serde_json::json!({}));
    for (status, taken) in [(200, true), (201, true), (204, true), (202, false), (206, false), (207, false)] {
        let expected = if taken { Verdict::Rows(vec![]) } else { unknown(&format!("status-{status}")) };
        assert_eq!(judge(&usual, status, "", 2), expected, "{status}");
    }
    assert_eq!(judge(&rest(serde_json::json!({"taken": [202]})), 202, "", 2), Verdict::Rows(vec![]));
}

#[test]
fn without_described_results_the_response_must_be_the_operations_own() {
    let dialect = soap(None);
    assert_eq!(judge(&dialect, 200, &envelope("<putResponse/>"), 3), Verdict::Rows(vec![]));
    assert_eq!(judge(&dialect, 200, &envelope("<welcome/>"), 3), unknown("answer-operation"));
}

#[test]
fn faults_mean_what_their_codes_say() {
    let fault = |code: &str, detail: &str| {
        envelope(&format!(
            "<s:Fault><faultcode>{code}</faultcode><faultstring>text</faultstring><detail>{detail}</detail></s:Fault>"
        ))
    };
    let named = |code: &str| fault("s:Server", &format!("<f><code>{code}</code></f>"));
    let dialect = soap(Some(results()));
    let data = |code: &str, certain| Verdict::Data { code: code.into(), certain };
    let later = |code: &str, quota| Verdict::Later { code: code.into(), wait: None, quota };
    let cases = [
        (500, named("REQUEST_RUNNING_TOO_LONG"), Verdict::TimeLimit("REQUEST_RUNNING_TOO_LONG".into())),
        (500, named("INVALID_BATCH"), data("INVALID_BATCH", true)),
        (500, named("EXCEEDED_MAX_SIZE_REQUEST"), Verdict::TooLarge("EXCEEDED_MAX_SIZE_REQUEST".into())),
        (401, named("INVALID_SESSION_ID"), Verdict::Session("INVALID_SESSION_ID".into())),
        (500, named("REQUEST_LIMIT_EXCEEDED"), later("REQUEST_LIMIT_EXCEEDED", true)),
        (503, named("SERVER_UNAVAILABLE"), later("SERVER_UNAVAILABLE", false)),
        (500, named("WHO_KNOWS"), unknown("WHO_KNOWS")),
        (500, fault("s:Client", ""), data("Client", false)),
        (500, fault("s:Server", ""), unknown("Server")),
        (200, fault("s:Server", ""), unknown("Server")),
        (403, fault("s:Server", ""), Verdict::Misuse("Server".into())),
    ];
    for (status, body, expected) in cases {
        assert_eq!(judge(&dialect, status, &body, 1), expected, "{status} {body}");
    }
    let twelve = r#"<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body><e:Fault><e:Code><e:Value>e:Receiver</e:Value><e:Subcode><e:Value>x:Sub</e:Value></e:Subcode></e:Code><e:Detail><f><code>INVALID_BATCH</code></f></e:Detail></e:Fault></e:Body></e:Envelope>"#;
    assert_eq!(judge(&dialect, 500, twelve, 1), data("INVALID_BATCH", true));
}

#[test]
fn partner_faults_and_results() {
    let dialect = partner();
    let fault = |code: &str| {
        envelope(&format!(
            r#"<s:Fault><faultcode xmlns:sf="urn:fault.partner.soap.sforce.com">sf:{code}</faultcode><faultstring>{code}: text</faultstring></s:Fault>"#
        ))
    };
    assert_eq!(
        judge(&dialect, 500, &fault("INVALID_SESSION_ID"), 1),
        Verdict::Session("INVALID_SESSION_ID".into())
    );
    assert_eq!(
        judge(&dialect, 500, &fault("EXCEEDED_ID_LIMIT"), 1),
        Verdict::TooLarge("EXCEEDED_ID_LIMIT".into())
    );
    assert_eq!(judge(&dialect, 500, &fault("UNKNOWN_EXCEPTION"), 1), unknown("UNKNOWN_EXCEPTION"));
    let answer = envelope(
        r#"<upsertResponse xmlns="urn:partner.soap.sforce.com"><result><created>true</created><id>a00</id><success>true</success></result><result><errors><fields>F002</fields><fields>F001</fields><message>m</message><statusCode>DUPLICATE_VALUE</statusCode></errors><errors><statusCode>OTHER</statusCode></errors><success>false</success></result></upsertResponse>"#,
    );
    assert_eq!(
        judge(&dialect, 200, &answer, 2),
        Verdict::Rows(vec![refused(1, "DUPLICATE_VALUE", Some("F002"), false)])
    );
    // A success that made nothing proves nothing.
    let nothing = answer.replace("<id>a00</id>", "<id nil=\"true\"/>");
    assert!(matches!(judge(&dialect, 200, &nothing, 2), Verdict::Rows(rows) if rows[0] == unsaid(0)));
}

#[test]
fn json_answers() {
    let dialect = collections();
    let good = r#"{"id":"a","success":true,"errors":[]}"#;
    let bad = r#"{"success":false,"errors":[{"statusCode":"BAD","fields":["F002"],"message":"m"}]}"#;
    let cases = [
        (200, format!("[{good},{bad}]"), Verdict::Rows(vec![refused(1, "BAD", Some("F002"), false)])),
        (200, format!("[{good}]"), unknown("answer-count")),
        (200, format!("[{good},{good},{good}]"), unknown("answer-unreadable")),
        (200, "{}".into(), unknown("answer-unreadable")),
        (200, format!("[{good},"), unknown("answer-unreadable")),
        (200, "[1,2]".into(), Verdict::Rows(vec![unsaid(0), unsaid(1)])),
        (200, format!(r#"[{good},{{"success":true}}]"#), Verdict::Rows(vec![unsaid(1)])),
        (200, format!(r#"[{good},{{"id":"../x","success":true}}]"#), Verdict::Rows(vec![unsaid(1)])),
        (200, format!(r#"[{good},{{"success":null}}]"#), Verdict::Rows(vec![unsaid(1)])),
        (
            200,
            format!(r#"[{good},{{"success":false}}]"#),
            Verdict::Rows(vec![refused(1, "refused", None, false)]),
        ),
        (200, format!(r#"[{good},{{"success":false,"success":true}}]"#), unknown("answer-unreadable")),
        (200, format!("[{good},{bad}] and more"), unknown("answer-unreadable")),
        (200, format!("{}{good}", "[".repeat(100_000)), unknown("answer-unreadable")),
        (
            403,
            r#"[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"m"}]"#.into(),
            Verdict::Later { code: "REQUEST_LIMIT_EXCEEDED".into(), wait: None, quota: true },
        ),
        (
            500,
            r#"[{"errorCode":"REQUEST_RUNNING_TOO_LONG"}]"#.into(),
            Verdict::TimeLimit("REQUEST_RUNNING_TOO_LONG".into()),
        ),
        (
            401,
            r#"[{"errorCode":"INVALID_SESSION_ID"}]"#.into(),
            Verdict::Session("INVALID_SESSION_ID".into()),
        ),
        (
            400,
            r#"[{"errorCode":"田中 is wrong"}]"#.into(),
            Verdict::Data { code: "status-400".into(), certain: false },
        ),
        (404, "<html>".into(), Verdict::Misuse("status-404".into())),
        (302, String::new(), unknown("status-302")),
        (307, String::new(), Verdict::Misuse("status-307".into())),
        (502, String::new(), unknown("status-502")),
        (503, String::new(), unknown("status-503")),
        (504, String::new(), unknown("status-504")),
        (524, String::new(), unknown("status-524")),
    ];
    for (status, body, expected) in cases {
        assert_eq!(judge(&dialect, status, &body, 2), expected, "{status} {body}");
    }
}

#[test]
fn results_in_json_are_found_on_their_way_and_nothing_else_is_kept() {
    let spec = ResultsSpec { result: "answer/results".into(), key: Some("row/id".into()), ..results() };
    let keys = RowKeys::default();
    let read = |body: &str, rows| json_answer::results(body.as_bytes(), &spec, None, rows, &keys);
    let one = r#"{"row":[{"id":"a"},{"id":"b"}],"success":true,"error":{"code":7,"field":["F002","F001"]}}"#;
    let found = verdict::RowResult {
        key: Some(keys.hash("a")),
        success: Some(true),
        code: Some("7".into()),
        field: Some("F002".into()),
        ..Default::default()
    };
    let filler = format!(r#""x":[{}1]"#, "[],".repeat(10_000));
    for body in [
        format!(r#"{{"answer":{{"results":[{one}]}}}}"#),
        format!(r#"{{{filler},"answer":[{{"results":[{one}],{filler}}},{{"results":[]}}],"y":null}}"#),
    ] {
        assert_eq!(read(&body, 1), Some(vec![found.clone()]));
        assert_eq!(read(&body, 0), None, "more results than rows");
    }
    for body in
        ["{}", "[]", r#"{"answer":{"results":{}}}"#, r#"{"answer":{"results":[],"results":[]}}"#, "7", ""]
    {
        assert_eq!(read(body, 9), None, "{body}");
    }
    let long = format!(r#"{{"answer":{{"results":[{{"success":"{}"}}]}}}}"#, "t".repeat(300));
    assert_eq!(read(&long, 1), Some(vec![verdict::RowResult::default()]));
}

#[test]
fn retry_after_in_seconds_or_as_a_date_is_kept_and_bounded() {
    let mut headers = HeaderMap::new();
    for (value, expected) in
        [("7", Some(7)), (" 7 ", Some(7)), ("-1", None), ("999999999", Some(86_400)), ("soon", None)]
    {
        headers.insert(RETRY_AFTER, value.parse().expect("a header"));
        let wait = expected.map(std::time::Duration::from_secs);
        assert_eq!(retry_after::retry_after(&headers), wait, "{value}");
    }
    headers.insert(http::header::DATE, HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
    for (value, expected) in [
        ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
        ("Sun, 06 Nov 1994 08:40:00 GMT", Some(0)),
        ("Mon, 06 Nov 1995 08:50:37 GMT", Some(86_400)),
        ("1994-11-06T08:50:37Z", None),
    ] {
        headers.insert(RETRY_AFTER, value.parse().expect("a header"));
        let wait = expected.map(std::time::Duration::from_secs);
        assert_eq!(retry_after::retry_after(&headers), wait, "{value}");
    }
    headers.insert(RETRY_AFTER, HeaderValue::from_static("3"));
    let verdict = by_status(StatusCode::SERVICE_UNAVAILABLE, None, &headers);
    assert!(matches!(verdict, Verdict::Later { wait: Some(_), quota: false, .. }));
}

#[test]
fn results_by_key_must_name_each_row_once() {
    let keys = |names: &[&str]| {
        let mut keys = RowKeys::default();
        keys.hashes = names.iter().map(|name| keys.hash(name)).collect();
        keys
    };
    let sent = keys(&["a", "b", "c"]);
    let result = |key: &str, success| verdict::RowResult {
        key: Some(sent.hash(key)),
        success: Some(success),
        ..Default::default()
    };
    let judge = |results: &[verdict::RowResult]| match joined(results, true, 3, &sent) {
        Ok(of_row) => Verdict::Rows(problems(results, &of_row, &Codes::default(), |_| true)),
        Err(code) => Verdict::Unknown(code.to_owned()),
    };
    assert_eq!(
        judge(&[result("c", true), result("a", false), result("b", true)]),
        Verdict::Rows(vec![refused(0, "refused", None, false)])
    );
    assert_eq!(judge(&[result("a", true), result("a", true), result("b", true)]), unknown("answer-key"));
    assert_eq!(judge(&[result("a", true), result("x", true), result("b", true)]), unknown("answer-key"));
    let missing = Verdict::Rows(vec![RowProblem { row: 1, kind: RowProblemKind::Unknown }]);
    assert_eq!(judge(&[result("a", true), result("c", true)]), missing);
    // Described with keys, they are never joined by order.
    let without = |success| verdict::RowResult { success: Some(success), ..Default::default() };
    assert_eq!(judge(&[without(true), without(true), without(true)]), unknown("answer-key"));
    // Neither taken nor refused: not said.
    let silent = verdict::RowResult { key: Some(sent.hash("b")), ..Default::default() };
    assert_eq!(judge(&[result("a", true), silent, result("c", true)]), missing);
}

#[test]
fn descriptions_that_cannot_work_are_refused_by_key() {
    let of = |spec: serde_json::Value| {
        let spec: DialectSpec = serde_json::from_value(spec).expect("a description");
        match Dialect::new(&spec, &mapper()) {
            Ok(_) => panic!("taken"),
            Err(error) => error.to_string(),
        }
    };
    let bulk = serde_json::json!({"kind": "bulk2", "object": "o", "external_id": "F009"});
    assert!(of(bulk).contains("external_id"));
    let merge =
        serde_json::json!({"kind": "bulk2", "object": "o", "external_id": "F001", "operation": "merge"});
    assert!(of(merge).contains("operation"));
    let large = serde_json::json!({"kind": "bulk2", "object": "o", "external_id": "F001", "max_upload_bytes": 200_000_000});
    assert!(of(large).contains("max_upload_bytes"));
    let insert: Plan = serde_json::from_value(serde_json::json!({
        "route": "r", "upstream": "u", "idempotent": true,
        "layout": {"element": "{urn:t}record", "fields": [{"name": "F001"}]},
        "mapping": {"key": ["F001"]},
        "dialect": {"kind": "bulk2", "object": "o", "external_id": "F001", "operation": "insert"},
    }))
    .expect("a plan");
    assert!(insert.check().expect_err("no insert is idempotent").to_string().contains("idempotent"));
    let found = |find: serde_json::Value| serde_json::json!({"kind": "soap", "path": "/", "namespace": "u", "operation": "add", "record": "row", "find": find});
    assert!(
        of(found(serde_json::json!({"keys": "used-once", "operation": "find", "found": "/"})))
            .contains("dialect.find.found")
    );
    assert!(
        of(found(serde_json::json!({"keys": "used-once", "operation": "1x", "found": "f"}))).contains("'1x'")
    );
    let none = serde_json::json!({"keys": "used-once", "operation": "find", "found": "f", "most_keys": 0});
    assert!(of(found(none)).contains("dialect.find.most_keys"));
    for untold in [
        found(serde_json::json!({"operation": "find", "found": "f"})),
        found(serde_json::json!({"keys": "unique", "operation": "find", "found": "f"})),
        // A status alone proves nothing.
        serde_json::json!({"kind": "rest", "path": "/", "format": "csv", "find": {"path": "/rows/{key}"}}),
    ] {
        assert!(serde_json::from_value::<DialectSpec>(untold).is_err());
    }
    let mut repeated: Plan = serde_json::from_value(serde_json::json!({
        "route": "r", "upstream": "u",
        "layout": {"element": "{urn:t}record", "fields": [{"name": "F001"}]},
        "mapping": {"key": ["F001"]},
        "dialect": found(serde_json::json!({"keys": "used-once", "operation": "find", "found": "f"})),
    }))
    .expect("a plan");
    repeated.check().expect("what may not be repeated may be asked for");
    repeated.idempotent = true;
    assert!(repeated.check().expect_err("a repeat costs less").to_string().contains("dialect.find"));
    repeated.idempotent = false;
    repeated.mapping.key.clear();
    assert!(repeated.check().expect_err("no key").to_string().contains("one key column"));
    let bare = serde_json::json!({"kind": "soap", "operation": "put"});
    assert!(of(bare).contains("dialect.path: is missing"));
    let soap = serde_json::json!({"kind": "soap", "path": "/", "namespace": "u", "operation": "1x", "record": "row"});
    assert!(of(soap).contains("'1x'"));
    let rest = serde_json::json!({"kind": "rest", "path": "/", "format": "csv", "method": "NOT A METHOD"});
    assert!(of(rest).contains("method"));
    let header = serde_json::json!({"kind": "rest", "path": "/", "format": "csv", "headers": {"a b": "c"}});
    assert!(of(header).contains("header"));
    let unknown =
        serde_json::json!({"kind": "collections", "object": "o", "external_id": "F001", "speed": 1});
    assert!(serde_json::from_value::<DialectSpec>(unknown).is_err());
}
