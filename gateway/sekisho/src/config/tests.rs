use std::path::{Path, PathBuf};

use super::*;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The mistakes of a configuration text that lies in the folder of the examples, so that its paths resolve.
fn mistakes_of(text: &str) -> Vec<String> {
    let mut mistakes = Mistakes::new(&repository().join("config/test.toml"));
    if let Some(raw) = read::read(text, &mut mistakes) {
        let effective = Effective::build(&raw, &mut mistakes);
        assert_eq!(effective.is_some(), mistakes.is_empty());
    }
    mistakes.into_list().iter().map(ToString::to_string).map(|text| tail(&text)).collect()
}

/// The text behind the file's name.
fn tail(text: &str) -> String {
    text.split_once("test.toml").map_or(text, |(_, rest)| rest).to_owned()
}

fn example(name: &str) -> String {
    std::fs::read_to_string(repository().join("config").join(name)).unwrap()
}

#[test]
fn every_example_has_no_mistakes() {
    for name in ["asp-lgwan.toml", "ip-vpn.toml", "municipality.toml"] {
        assert_eq!(mistakes_of(&example(name)), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn the_schema_of_the_configuration_is_the_one_in_the_repository() {
    let path = repository().join("schemas/configuration.schema.json");
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        schema(),
        golden,
        "run `sekisho config-schema > schemas/configuration.schema.json` and look at the change"
    );
}

#[test]
fn a_missing_section_is_named() {
    assert_eq!(mistakes_of(""), [": gateway: the section is missing: [gateway] with at least the key state"]);
}

#[test]
fn unknown_sections_and_keys_are_refused_with_line_and_what_is_allowed() {
    let found = mistakes_of("[gateway]\nstate = \"x\"\nstaet = 1\n\n[routes]\n");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with(":5: routes: unknown section; there are: gateway,"), "{found:?}");
    assert!(found[1].starts_with(":3: gateway: unknown field `staet`, expected one of `state`"), "{found:?}");
}

#[test]
fn all_mistakes_of_a_file_are_listed_at_once() {
    let text = example("ip-vpn.toml")
        .replace("path = \"/bulk\"", "path = \"bulk/\"")
        .replace("networks = [\"172.16.4.0/27\"]", "networks = []")
        .replace("routes = [\"orders\", \"lookup\"]", "routes = [\"orders\", \"lookup\", \"nowhere\"]")
        .replace("limit_ms = 30000", "limit_ms = 0")
        .replace("target = \"/services/lookup\"", "target = \"elsewhere\"");
    let found = mistakes_of(&text);
    for expected in [
        "route \"orders\": path: must be like",
        "client \"town\": networks: at least one network",
        "routes: there is no route \"nowhere\"",
        "pace",
        "route \"lookup\": target: must be a path",
    ] {
        assert!(found.iter().any(|mistake| mistake.contains(expected)), "{expected}: {found:#?}");
    }
}

#[test]
fn what_would_weaken_the_boundary_is_refused() {
    let asp = example("asp-lgwan.toml");
    for (from, to, expected) in [
        ("plain_http = \"i-know-that-this-network-is-protected\"\n", "", "plain HTTP beyond loopback"),
        ("listen = \"127.0.0.1:9600\"", "listen = \"0.0.0.0:9600\"", "must be a loopback address"),
        ("clients = [\"city-a\", \"city-b\"]", "clients = []", "at least one client is needed"),
        ("records = 1000000", "records = 0", "must be between 1 and"),
        ("10.102.7.16/28", "10.101.5.0/24", "overlaps a network of client"),
        ("doors = [\"swa\", \"soap\", \"rest\"]", "doors = []", "at least one of"),
    ] {
        assert!(asp.contains(from), "{from}");
        let found = mistakes_of(&asp.replace(from, to));
        assert!(found.iter().any(|mistake| mistake.contains(expected)), "{expected}: {found:#?}");
    }
}

#[test]
fn a_schema_that_is_not_pinned_is_refused_with_the_digest_to_pin() {
    let asp = example("asp-lgwan.toml");
    let line = asp.lines().find(|line| line.starts_with("digest = ")).unwrap();
    let found = mistakes_of(&asp.replace(line, ""));
    assert!(found.iter().any(|mistake| mistake.contains(line)), "{found:#?}");
    let wrong = format!("digest = \"sha256:{}\"", "0".repeat(64));
    let found = mistakes_of(&asp.replace(line, &wrong));
    assert!(found.iter().any(|mistake| mistake.contains("pinned")), "{found:#?}");
}

#[test]
fn broken_toml_is_named_by_line() {
    let found = mistakes_of("[gateway]\nstate = \n");
    assert!(found[0].starts_with(":2: "), "{found:?}");
}

#[test]
fn what_changes_only_with_a_restart_is_named() {
    let raw = |text: &str| read::read(text, &mut Mistakes::new(Path::new("test.toml"))).unwrap();
    let before = example("asp-lgwan.toml");
    assert_eq!(raw(&before).changed_for_restart(&raw(&before)), Vec::<&str>::new());
    let routes_only = before.replace("path = \"/attributes\"", "path = \"/elsewhere\"");
    assert_eq!(raw(&routes_only).changed_for_restart(&raw(&before)), Vec::<&str>::new());
    let after = before
        .replace("format = \"json\"", "format = \"text\"")
        .replace("listen = \"127.0.0.1:9600\"", "listen = \"127.0.0.1:9601\"")
        .replace("state = \"/var/lib/sekisho\"", "state = \"/var/lib/sekisho\"\ngrace_ms = 1000");
    assert_eq!(raw(&after).changed_for_restart(&raw(&before)), ["gateway", "admin", "log"]);
}
