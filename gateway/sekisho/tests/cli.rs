//! The commands that need no running gateway, as their users run them: output and exit codes.

#![allow(clippy::unwrap_used)] // a test that cannot go on must end

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// The program, whatever the environment of whoever runs the tests would have it say or ask.
fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sekisho"));
    command.env_remove("SEKISHO_LANGUAGE").env_remove("SEKISHO_ADMIN");
    command
}

fn sekisho(args: &[&str]) -> Output {
    command().args(args).stdin(Stdio::null()).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn validate_says_valid_invalid_refused_and_unreadable_by_its_exit_code() {
    let schema = root().join("schemas/orders.xsd");
    let schema = text(&schema);
    let good = sekisho(&["validate", "--schema", schema, text(&data("orders.xml"))]);
    assert_eq!((code(&good), out(&good).as_str()), (0, ""));

    let bad = sekisho(&["validate", "--schema", schema, text(&data("orders-bad.xml"))]);
    assert_eq!(code(&bad), 1);
    let lines = out(&bad);
    assert!(lines.lines().all(|line| line.contains("orders-bad.xml:")), "{lines}");
    assert!(lines.contains(":3:") && lines.contains(":4:"), "{lines}");
    assert!(lines.contains("cvc-"), "{lines}");
    assert!(!lines.contains("CANARY"), "a value of the payload must not be shown: {lines}");

    let not_a_schema =
        sekisho(&["validate", "--schema", text(&data("orders.xml")), text(&data("orders.xml"))]);
    assert_eq!(code(&not_a_schema), 2);
    let missing = sekisho(&["validate", "--schema", schema, "no-such-file.xml"]);
    assert_eq!(code(&missing), 3);
    let no_schema = sekisho(&["validate", "--schema", "no-such-file.xsd", text(&data("orders.xml"))]);
    assert_eq!(code(&no_schema), 3, "a schema that is not there is not one that is refused");
    assert!(err(&no_schema).contains("it is not there"), "{}", err(&no_schema));
    let no_element = sekisho(&[
        "validate",
        "--schema",
        schema,
        "--record",
        "{urn:x}none",
        "--format",
        "csv",
        text(&data("orders-bad.csv")),
    ]);
    assert_eq!(code(&no_element), 2);
}

#[test]
fn a_command_line_that_cannot_be_understood_has_a_code_of_its_own() {
    let schema = root().join("schemas/orders.xsd");
    let schema = text(&schema);
    for args in [
        ["validate", "orders.xml", "--no-such-option"].as_slice(),
        &["validate", "orders.xml"],
        &["validate", "--schema", schema, "--record", "{urn:x", "--format", "csv", "x.csv"],
        &["validate", "--schema", schema, "--charset", "EUC-JP", "x.csv"],
        &["send", "x.csv"],
        &["send", "x.csv", "--to", "http://127.0.0.1:9/x", "--door", "carrier-pigeon"],
        &["batch", ""],
        &["batch", "17"],
        &["batches", "--client", "a&route=b"],
        &["batch", "0197c0f2-6f3e-7c33-9d0a-3b1f6f0e8a55", "--cancel", "--errors"],
        &["nonsense"],
        &[],
    ] {
        let output = sekisho(args);
        assert_eq!(code(&output), 64, "{args:?}: {}", err(&output));
    }
    // Monitoring plugins say UNKNOWN then.
    assert_eq!(code(&sekisho(&["heartbeat"])), 3);
    assert_eq!(code(&sekisho(&["--language", "ja", "heartbeat", "--no-such-option"])), 3);
    // Help is no mistake, and saying a thing twice is none either.
    assert_eq!(code(&sekisho(&["validate", "--help"])), 0);
    let id = "0197c0f2-6f3e-7c33-9d0a-3b1f6f0e8a55";
    let nobody = Nobody::new();
    assert_eq!(code(&sekisho(&["batch", id, "--cancel", "--cancel", "--admin", &nobody.url()])), 3);
}

#[test]
fn what_the_tools_say_is_in_japanese_when_asked_for() {
    let schema = root().join("schemas/orders.xsd");
    let schema = text(&schema);
    let bad = data("orders-bad.csv");
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("x.toml");
    std::fs::write(&config, "[gateway]\nstate = 1\n").unwrap();
    let nobody = Nobody::new();
    let (at, url) = (nobody.at(), nobody.url());
    let url = url.as_str();
    let id = "0197c0f2-6f3e-7c33-9d0a-3b1f6f0e8a55";
    for args in [
        [
            "validate",
            "--schema",
            schema,
            "--record",
            "{urn:example:bulk}order",
            "--format",
            "csv",
            text(&bad),
        ]
        .as_slice(),
        &["validate", "--schema", "no-such-file.xsd", "x.xml"],
        &["validate", "--schema", schema, "no-such-file.xml"],
        &["pin", "no-such-file.xsd"],
        &["check-config", "--config", text(&config)],
        &["check-config", "--config", "no-such-file.toml"],
        &["serve", "--config", text(&config)],
        &["heartbeat", url],
        &["heartbeat", &format!("ftp://{at}/x")],
        &["send", "--to", url, text(&bad)],
        &["send", "--to", url, "no-such-file.csv"],
        &["send", "--to", &format!("https://{at}/x"), text(&bad)],
        &["batches", "--no-such-option"],
        &["batch", ""],
        &["batch", id, "--cancel", "--errors"],
        &["validate", "x.xml"],
        &["send", "x.csv", "--to", url, "--door", "carrier-pigeon"],
        &["nonsense"],
        &[],
        &["batches", "--admin", url],
        &["batch", id, "--admin", url],
        &["batch", id, "--errors", "--admin", url],
    ] {
        let mut with_language = vec!["--language", "ja"];
        with_language.extend_from_slice(args);
        let output = sekisho(&with_language);
        let said = format!("{}{}", out(&output), err(&output));
        assert!(!said.is_empty(), "{args:?} says nothing");
        for line in said.lines() {
            assert!(line.chars().any(|c| c >= 'ぁ'), "{args:?}: not in Japanese: {line}");
        }
        let english = sekisho(args);
        let said = format!("{}{}", out(&english), err(&english));
        assert!(!said.chars().any(|c| c >= 'ぁ'), "{args:?}: not in English: {said}");
        assert_eq!(code(&output), code(&english), "{args:?}");
    }
}

#[test]
fn validate_takes_the_worst_of_several_files() {
    let schema = root().join("schemas/orders.xsd");
    let (good, bad) = (data("orders.xml"), data("orders-bad.xml"));
    let both = sekisho(&["validate", "--schema", text(&schema), text(&bad), text(&good)]);
    assert_eq!(code(&both), 1);
}

#[test]
fn validate_checks_records_in_csv_as_the_gateway_does() {
    let schema = root().join("schemas/orders.xsd");
    let args =
        ["validate", "--schema", text(&schema), "--record", "{urn:example:bulk}order", "--format", "csv"];
    let file = data("orders-bad.csv");
    let mut with_file = args.to_vec();
    with_file.push(text(&file));
    let bad = sekisho(&with_file);
    assert_eq!(code(&bad), 1);
    assert!(out(&bad).contains("orders-bad.csv:3:5: cvc-"), "{}", out(&bad));
    assert!(out(&bad).contains("record 2, amount"), "{}", out(&bad));
}

#[test]
fn validate_checks_records_in_xml_as_the_gateway_does() {
    let schema = root().join("schemas/orders.xsd");
    let args =
        ["validate", "--schema", text(&schema), "--record", "{urn:example:bulk}order", "--format", "xml"];
    let good = sekisho(&[&args[..], &[text(&data("orders.xml"))]].concat());
    assert_eq!((code(&good), out(&good).as_str()), (0, ""));
    let bad = sekisho(&[&args[..], &[text(&data("orders-bad.xml"))]].concat());
    assert_eq!(code(&bad), 1);
    assert!(out(&bad).lines().all(|line| line.contains("orders-bad.xml:") && line.contains(": record ")));
    assert!(!out(&bad).contains("CANARY"), "{}", out(&bad));
    // What was read up to where the file breaks off is told as well.
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.xml");
    let whole = std::fs::read_to_string(data("orders-bad.xml")).unwrap();
    std::fs::write(&cut, &whole[..whole.rfind("</").unwrap()]).unwrap();
    let broken = sekisho(&[&args[..], &[text(&cut)]].concat());
    assert_eq!(code(&broken), 1);
    assert_eq!(out(&broken).lines().count(), out(&bad).lines().count() + 1, "{}", out(&broken));
}

#[test]
fn validate_answers_the_line_protocol() {
    let mut child = command()
        .args(["validate", "--server"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let schema = root().join("schemas/orders.xsd");
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "S\t{}", text(&schema)).unwrap();
    writeln!(input, "I\t{}\t{}", text(&schema), text(&data("orders.xml"))).unwrap();
    writeln!(input, "I\t{}\t{}", text(&schema), text(&data("orders-bad.xml"))).unwrap();
    writeln!(input, "S\t{}", text(&data("orders.xml"))).unwrap();
    writeln!(input, "{}\t{}", text(&schema), text(&data("orders.xml"))).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let answers = out(&output);
    let answers: Vec<_> = answers.lines().collect();
    assert_eq!(answers[..4], ["valid", "valid", "invalid", "schema-error"], "{answers:?}");
    assert!(answers.len() == 5 && answers[4].starts_with("error "), "{answers:?}");
    assert!(output.status.success());
}

#[test]
fn pin_prints_what_a_configuration_pins() {
    let output = sekisho(&["pin", text(&root().join("schemas/orders.xsd"))]);
    assert_eq!(code(&output), 0);
    let digest = out(&output);
    assert!(digest.starts_with("sha256:") && digest.trim_end().len() == 71, "{digest}");
}

/// What `wsdl_digest` of a dialect must be: the mistake that another one is names the same.
#[test]
fn pin_prints_what_pins_a_wsdl_with_all_that_it_imports() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let xs = "http://www.w3.org/2001/XMLSchema";
    let importing = |location: &str| {
        format!(
            "<definitions xmlns=\"http://schemas.xmlsoap.org/wsdl/\" targetNamespace=\"urn:w\"><types>\
             <xs:schema xmlns:xs=\"{xs}\"><xs:import namespace=\"urn:t\" schemaLocation=\"{location}\"/></xs:schema>\
             </types></definitions>"
        )
    };
    let types = |name: &str| {
        format!(
            "<xs:schema xmlns:xs=\"{xs}\" targetNamespace=\"urn:t\"><xs:element name=\"{name}\"/></xs:schema>"
        )
    };
    write("intake.wsdl", &importing("types.xsd"));
    write("types.xsd", &types("a"));
    let pin = || sekisho(&["pin", text(&folder.path().join("intake.wsdl"))]);
    let first = pin();
    assert_eq!(code(&first), 0);
    let digest = out(&first);
    assert!(digest.starts_with("sha256:") && digest.trim_end().len() == 71, "{digest}");
    write("types.xsd", &types("b"));
    assert_ne!(out(&pin()), digest, "what it imports is pinned with it");
    write("types.xsd", &types("a"));
    assert_eq!(out(&pin()), digest);

    write("intake.wsdl", &importing("elsewhere.xsd"));
    let refused = pin();
    assert_eq!((code(&refused), out(&refused).as_str()), (2, ""));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(
        told.contains("intake.wsdl: wsdl-import-unreadable: ") && told.contains("elsewhere.xsd"),
        "{told}"
    );
}

#[test]
fn check_config_lists_mistakes_and_binds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broken.toml");
    std::fs::write(&file, "[gateway]\nstate = \"x\"\nstaet = 1\n[admin]\nlisten = \"nowhere\"\n").unwrap();
    let output = sekisho(&["check-config", "--config", text(&file)]);
    assert_eq!(code(&output), 1);
    let lines = out(&output);
    assert!(lines.contains("broken.toml:3:1: gateway: staet: unknown key; did you mean `state`?"), "{lines}");
    assert!(lines.contains("broken.toml:5:1: admin: listen: must be an IP address"), "{lines}");
    assert!(lines.ends_with("7 mistakes\n"), "the five sections that must be there among them: {lines}");
    assert!(!folder.path().join("x").exists(), "nothing is created");

    let good = root().join("config/asp-lgwan.toml");
    assert_eq!(code(&sekisho(&["check-config", "--config", text(&good)])), 0);
}

#[test]
fn serve_with_a_broken_configuration_says_all_of_it_and_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broken.toml");
    std::fs::write(&file, "[gateway]\nstate = \"x\"\n[routes]\n").unwrap();
    let output = sekisho(&["serve", "--config", text(&file)]);
    assert_eq!(code(&output), 4);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("routes: unknown section; did you mean [[route]]?"), "{errors}");
    assert!(!folder.path().join("x").exists());
}

/// A port of loopback that is taken and not listened on: whoever connects is refused, whatever runs on the machine.
struct Nobody(socket2::Socket);

impl Nobody {
    fn new() -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        Self(socket)
    }

    fn at(&self) -> String {
        self.0.local_addr().unwrap().as_socket().unwrap().to_string()
    }

    fn url(&self) -> String {
        format!("http://{}/attributes", self.at())
    }
}

#[test]
fn a_heartbeat_that_nobody_answers_is_unknown() {
    let output = sekisho(&["heartbeat", &Nobody::new().url(), "--form", "nagios"]);
    assert_eq!(code(&output), 3);
    assert!(out(&output).starts_with("UNKNOWN"), "{}", out(&output));
}

#[test]
fn send_to_nobody_is_unreachable() {
    let nobody = Nobody::new();
    let output = sekisho(&["send", "--to", &nobody.url(), text(&data("orders.xml"))]);
    assert_eq!(code(&output), 3);
    let missing = sekisho(&["send", "--to", &nobody.url(), "no-such-file.csv"]);
    assert_eq!(code(&missing), 3);
}

#[test]
fn completions_and_manual_pages_are_made_from_the_same_table() {
    for shell in ["bash", "zsh", "fish"] {
        let output = sekisho(&["completions", shell]);
        assert_eq!(code(&output), 0);
        assert!(out(&output).contains("check-config"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(code(&sekisho(&["manual", text(folder.path())])), 0);
    for page in ["sekisho.1", "sekisho-serve.1", "sekisho-send.1"] {
        let page = std::fs::read_to_string(folder.path().join(page)).unwrap();
        assert!(page.contains(".TH"), "a manual page");
    }
}
