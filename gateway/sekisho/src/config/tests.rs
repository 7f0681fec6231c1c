use std::path::{Path, PathBuf};

use super::*;
use crate::language::Language;

mod in_japanese;
mod mistakes;
mod wsdl;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The mistakes of a configuration text that lies in a file, so that its paths resolve.
fn judged(file: &Path, text: &str) -> Vec<Mistake> {
    let mut mistakes = Mistakes::new(file);
    if let Some(raw) = read::read(text, &mut mistakes) {
        let effective = Effective::build(&raw, &mut mistakes);
        assert_eq!(effective.is_some(), mistakes.is_empty());
    }
    mistakes.into_list()
}

/// The mistakes of a text in the folder of the examples, behind the file's name.
fn mistakes_of(text: &str) -> Vec<String> {
    let found = judged(&repository().join("config/test.toml"), text);
    found.iter().map(|mistake| tail(&mistake.line(Language::English))).collect()
}

/// The text behind the file's name.
fn tail(text: &str) -> String {
    text.split_once("test.toml").map_or(text, |(_, rest)| rest).to_owned()
}

fn example(name: &str) -> String {
    std::fs::read_to_string(repository().join("config").join(name)).unwrap()
}

fn raw(text: &str) -> Raw {
    let mut mistakes = Mistakes::new(Path::new("test.toml"));
    let raw = read::read(text, &mut mistakes).unwrap();
    assert!(mistakes.is_empty(), "{mistakes:?}");
    raw
}

#[test]
fn every_example_has_no_mistakes() {
    let mut examples = 0;
    for entry in std::fs::read_dir(repository().join("config")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            examples += 1;
            let found = judged(&path, &std::fs::read_to_string(&path).unwrap());
            assert_eq!(found, [], "{}", path.display());
        }
    }
    assert!(examples >= 4, "{examples} examples");
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
fn what_changes_only_with_a_restart_is_named() {
    let before = example("asp-lgwan.toml");
    assert_eq!(raw(&before).changed_for_restart(&raw(&before)), Vec::<&str>::new());
    let routes_only = before.replace("path = \"/attributes\"", "path = \"/elsewhere\"");
    assert_eq!(raw(&routes_only).changed_for_restart(&raw(&before)), Vec::<&str>::new());
    let kept = before.replace("place = \"asp\"", "place = \"asp\"\nkeep_payload_seconds = 1");
    assert_eq!(raw(&kept).changed_for_restart(&raw(&before)), Vec::<&str>::new());
    let after = before
        .replace("format = \"json\"", "format = \"text\"")
        .replace("listen = \"127.0.0.1:9600\"", "listen = \"127.0.0.1:9601\"")
        .replace("state = \"/var/lib/sekisho\"", "state = \"/var/lib/sekisho\"\ngrace_ms = 1000");
    assert_eq!(raw(&after).changed_for_restart(&raw(&before)), ["gateway", "admin", "log"]);
}

#[test]
fn payloads_and_receipts_are_kept_as_long_as_their_route_says() {
    use sekisho_journal::Keep;

    use super::effective::retention;
    let text = example("ip-vpn.toml");
    let keep = |payload: u64, receipt: Option<u64>| Keep {
        payload: payload * 1_000,
        receipt: receipt.map(|receipt| receipt * 1_000),
    };
    let usual = retention(&raw(&text));
    assert_eq!((usual.routes["orders"], usual.others), (keep(3_600, None), keep(3_600, None)));
    let said = "path = \"/bulk\"\nkeep_payload_seconds = 86400\nkeep_receipt_seconds = 900000";
    let text = text.replace("path = \"/bulk\"", said);
    let longer = retention(&raw(&text));
    assert_eq!(longer.routes["orders"], keep(86_400, Some(900_000)));
    assert_eq!(longer.routes["lookup"], keep(3_600, None));
    assert_eq!(longer.others, keep(86_400, None), "the longest of all");
    let text = text.replace("[gateway]", "[gateway]\nkeep_receipt_seconds = 800000");
    let all = retention(&raw(&text));
    assert_eq!(all.routes["lookup"], keep(3_600, Some(800_000)));
    assert_eq!(all.others, keep(86_400, Some(900_000)));
}

#[test]
fn a_client_has_half_of_what_there_is_unless_the_limits_say_otherwise() {
    let effective = |limits: &str| {
        let text = format!("{}\n[limits]\n{limits}", example("asp-lgwan.toml"));
        let mut mistakes = Mistakes::new(&repository().join("config/test.toml"));
        let effective = Effective::build(&read::read(&text, &mut mistakes).unwrap(), &mut mistakes);
        effective.unwrap_or_else(|| panic!("{mistakes:?}")).admission
    };
    let usual = effective("uploads = 9\nrelay_bytes = 1000");
    assert_eq!((usual.uploads, usual.client_uploads, usual.client_relay_bytes), (9, 5, 500));
    let set =
        effective("client_uploads = 32\nbody_rate = 7\nbody_rate_window_ms = 2000\nclient_relay_bytes = 1");
    assert_eq!((set.client_uploads, set.client_relay_bytes, set.least_rate.bytes_per_second), (32, 1, 7));
    assert_eq!(set.least_rate.window, std::time::Duration::from_secs(2));
}

#[test]
fn listeners_wait_for_their_clients_as_long_as_the_limits_say() {
    let text = format!("{}\n[limits]\nwrite_stall_ms = 7\nhead_timeout_ms = 8\n", example("asp-lgwan.toml"));
    let mut mistakes = Mistakes::new(&repository().join("config/test.toml"));
    let effective = Effective::build(&read::read(&text, &mut mistakes).unwrap(), &mut mistakes).unwrap();
    let [listener] = effective.listeners.as_slice() else { panic!("one listener") };
    assert_eq!(listener.limits.write_stall, std::time::Duration::from_millis(7));
    assert_eq!(listener.limits.head_timeout, std::time::Duration::from_millis(8));
}

#[test]
fn what_a_route_says_of_its_batches_is_what_it_has() {
    let said = "path = \"/attributes\"\nordered = true\nexpire_after_seconds = 60\nbare_line_feeds = true";
    let text = example("asp-lgwan.toml").replace("path = \"/attributes\"", said);
    let limits = |text: &str| {
        let mut mistakes = Mistakes::new(&repository().join("config/test.toml"));
        let effective = Effective::build(&read::read(text, &mut mistakes).unwrap(), &mut mistakes);
        effective.unwrap_or_else(|| panic!("{mistakes:?}")).listeners[0].routes[0].limits
    };
    let set = limits(&text);
    assert_eq!((set.ordered, set.bare_line_feeds), (true, true));
    assert_eq!(set.expires_after, Some(std::time::Duration::from_secs(60)));
    let usual = limits(&example("asp-lgwan.toml"));
    assert_eq!((usual.ordered, usual.bare_line_feeds, usual.expires_after), (false, false, None));
}

#[test]
fn what_comes_twice_is_told_as_the_route_says() {
    use sekisho_edge::route::{DuplicateRecords, Duplicates};

    let of = |said: &str| {
        let text = example("asp-lgwan.toml").replace("[route.dialect]", &format!("{said}\n[route.dialect]"));
        let mut mistakes = Mistakes::new(&repository().join("config/test.toml"));
        let effective = Effective::build(&read::read(&text, &mut mistakes).unwrap(), &mut mistakes);
        effective.unwrap_or_else(|| panic!("{mistakes:?}")).listeners[0].routes[0].duplicates
    };
    let week = std::time::Duration::from_secs(7 * 24 * 60 * 60);
    assert_eq!(of(""), Duplicates { window: week, ..Duplicates::default() });
    for (word, records) in [
        ("refuse", DuplicateRecords::Refuse),
        ("last-wins", DuplicateRecords::LastWins),
        ("in-order", DuplicateRecords::InOrder),
    ] {
        let said = format!(
            "[route.duplicates]\nwindow_seconds = 60\nkey_required = true\nby_content = true\nrecords = \"{word}\""
        );
        let window = std::time::Duration::from_secs(60);
        assert_eq!(of(&said), Duplicates { window, key_required: true, by_content: true, records });
    }
}
