//! What is said of configurations with mistakes.

use std::path::Path;

use super::*;

#[test]
fn every_mistake_of_a_file_is_listed_once_with_its_line() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mistakes.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut expected: Vec<(usize, String)> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if !line.starts_with('#') {
            expected.extend(line.split("#!").skip(1).map(|said| (number, said.trim().to_owned())));
        }
    }
    assert!(expected.len() > 40, "{} mistakes", expected.len());
    let found = judged(&file, &text);
    let said = |mistake: &Mistake| {
        let line = mistake.position.map_or(0, |position| position.line);
        (line, format!("{}: {}", mistake.key, mistake.problem.in_language(Language::English)))
    };
    let mut left: Vec<(usize, String)> = found.iter().map(said).collect();
    let mut unsaid = Vec::new();
    for (line, begins) in expected {
        match left.iter().position(|(at, text)| *at == line && text.starts_with(&begins)) {
            Some(index) => drop(left.remove(index)),
            None => unsaid.push((line, begins)),
        }
    }
    assert!(unsaid.is_empty() && left.is_empty(), "not said: {unsaid:#?}\nsaid too much: {left:#?}");
    for mistake in &found {
        let japanese = mistake.problem.in_language(Language::Japanese);
        assert!(japanese.chars().any(|c| c >= 'ぁ'), "not in Japanese: {japanese}");
        for programmers in ["expected", "invalid", "os error", "serde", "u64"] {
            let text = format!("{japanese} {}", mistake.problem.in_language(Language::English));
            assert!(!text.contains(programmers), "{programmers}: {text}");
        }
    }
}

#[test]
fn an_empty_file_lacks_everything_that_must_be_there() {
    assert_eq!(
        mistakes_of(""),
        [
            ":1:1: gateway: the section is missing: [gateway] with at least the key state",
            ":1:1: listener: at least one [[listener]] is needed",
            ":1:1: client: at least one [[client]] is needed",
            ":1:1: schema: at least one [[schema]] is needed",
            ":1:1: upstream: at least one [[upstream]] is needed",
            ":1:1: route: at least one [[route]] is needed",
        ]
    );
}

#[test]
fn what_would_weaken_the_boundary_is_refused() {
    let asp = example("asp-lgwan.toml");
    for (from, to, expected) in [
        (
            "plain_http = \"i-know-that-this-network-is-protected\"\npublic",
            "public",
            "plain HTTP beyond loopback",
        ),
        (
            "plain_http = \"i-know-that-this-network-is-protected\"\n[upstream.endpoint]",
            "[upstream.endpoint]",
            "plain HTTP beyond loopback",
        ),
        ("listen = \"127.0.0.1:9600\"", "listen = \"0.0.0.0:9600\"", "must be a loopback address"),
        ("clients = [\"city-a\", \"city-b\"]", "clients = []", "at least one client is needed"),
        ("records = 1000000", "records = 0", "must be between 1 and"),
        ("10.102.7.16/28", "10.101.5.0/24", "overlaps a network of client"),
        ("doors = [\"swa\", \"soap\", \"rest\"]", "doors = []", "at least one of"),
    ] {
        assert!(asp.contains(from), "{from}");
        let found = mistakes_of(&asp.replace(from, to));
        assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:#?}");
    }
}

#[test]
fn a_schema_that_is_not_pinned_is_refused_with_the_digest_to_pin() {
    let asp = example("asp-lgwan.toml");
    let line = asp.lines().find(|line| line.starts_with("digest = ")).unwrap();
    let found = mistakes_of(&asp.replace(line, ""));
    assert!(found.len() == 1 && found[0].contains(line), "{found:#?}");
    let wrong = format!("digest = \"sha256:{}\"", "0".repeat(64));
    let found = mistakes_of(&asp.replace(line, &wrong));
    assert!(found.len() == 1 && found[0].contains("pinned"), "{found:#?}");
}

#[test]
fn a_file_that_is_no_toml_is_named_by_line_and_judged_as_far_as_it_goes() {
    for (text, said) in [
        ("state = ", "a value is missing or is no value"),
        ("state = \"x", "a text has no quote at its end"),
        ("state = \"x\"\nstate = \"y\"", "stands here a second time"),
        ("state \"x\"", "must be written as key = value"),
        ("state = \"x\" grace_ms = 1", "there is more on this line"),
    ] {
        let found = mistakes_of(&format!("[gateway]\n{text}\nplaec = \"asp\"\n"));
        let broken: Vec<_> = found.iter().filter(|mistake| mistake.contains(said)).collect();
        assert_eq!(broken.len(), 1, "{text}: {found:#?}");
        assert!(broken[0].starts_with(":2:") || broken[0].starts_with(":3:"), "{text}: {found:#?}");
        assert!(found.iter().any(|mistake| mistake.contains("plaec")), "{text}: {found:#?}");
        assert!(!found.iter().any(|mistake| mistake.contains("is missing: [gateway]")), "{text}: {found:#?}");
    }
}

#[test]
fn what_takes_in_the_rest_of_a_file_is_the_only_mistake_told() {
    for text in [
        "[gateway]\nstate = \"x\"\n[[client]]\nnetworks = [\"10.0.0.0/8\"\nname = \"c\"\n[[route]]\n",
        "[gateway\nstate = 1\n",
    ] {
        let found = mistakes_of(text);
        assert_eq!(found.len(), 1, "{found:#?}");
    }
}

#[test]
fn the_state_folder_is_looked_for_and_not_made() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "x").unwrap();
    let text = |state: &str| {
        example("asp-lgwan.toml")
            .replace("/var/lib/sekisho", &folder.path().join(state).display().to_string())
    };
    assert_eq!(mistakes_of(&text("new")), Vec::<String>::new());
    assert!(!folder.path().join("new").exists());
    for (state, said) in [
        ("a/b", "is not there: make it first"),
        ("file", "is a file; a folder is needed"),
        ("file/x", "a step of its path is no folder"),
    ] {
        let found = mistakes_of(&text(state));
        assert!(found.len() == 1 && found[0].contains(said), "{state}: {found:#?}");
    }
}

#[test]
fn a_section_with_mistakes_brings_no_follow_ups() {
    let vpn = example("ip-vpn.toml");
    for (from, to, expected) in [
        // What refers to a section by a name that it has lost is not wrong.
        ("[[schema]]\nname = \"orders\"", "[[schema]]\nnaem = \"orders\"", 1),
        // A section by another name is the one that was meant, and what is in it is judged.
        (
            "[[upstream]]\nname = \"cloud\"\nplain_http = \"i-know-that-this-network-is-protected\"\n[upstream.endpoint]",
            "[[upstreams]]\nname = \"cloud\"\nplain_http = \"i-know-that-this-network-is-protected\"\n[upstreams.endpoint]",
            1,
        ),
        ("[[client]]\nname = \"town\"\nnetworks = [", "[[clients]]\nname = \"town\"\nnetworks = [1, ", 2),
        ("[[client]]\nname = \"town\"", "[[client]]", 1),
        // Nor what refers to one that is there and has mistakes.
        ("file = \"../schemas/orders.xsd\"", "file = \"../schemas/gone.xsd\"", 1),
        ("url = \"http://172.16.9.20:8080\"", "url = \"ftp://172.16.9.20\"", 1),
        // A route that is meant, but misspelt, is not one that nobody serves.
        ("routes = [\"orders\", \"lookup\", ", "routes = [\"order\", \"lookup\", ", 1),
        ("kind = \"rest\"", "kind = \"rets\"", 1),
        ("key = [\"OrderId\"]", "key = [\"OrderIdd\"]", 1),
    ] {
        assert!(vpn.contains(from), "{from}");
        let found = mistakes_of(&vpn.replacen(from, to, 1));
        assert_eq!(found.len(), expected, "{to}: {found:#?}");
    }
}

#[test]
fn of_what_nobody_wrote_nothing_is_said() {
    let asp = example("asp-https.toml");
    assert_eq!(mistakes_of(&asp), Vec::<String>::new());
    for key in ["client_secret_file", "token_url", "client_id", "url"] {
        let begins = format!("{key} = ");
        let line = asp.lines().find(|line| line.starts_with(&begins)).unwrap();
        for found in [
            mistakes_of(&asp.replacen(line, "", 1)),
            mistakes_of(&asp.replacen(line, &format!("{key} = 1"), 1)),
        ] {
            assert!(found.len() == 1 && found[0].contains(key), "{key}: {found:#?}");
        }
    }
}

#[test]
fn no_route_lies_where_another_ones_rest_door_answers() {
    let vpn = example("ip-vpn.toml");
    let (orders, lookup) = ("path = \"/bulk\"\n", "path = \"/lookup\"\n");
    assert!(vpn.contains(orders) && vpn.contains(lookup), "{vpn}");
    let moved = |to: &str| vpn.replacen(lookup, &format!("path = \"{to}\"\n"), 1);
    for to in ["/bulk/batches", "/bulk/batches/x", "/bulk/heartbeat", "/bulk/openapi.json"] {
        let found = mistakes_of(&moved(to));
        assert_eq!(found.len(), 1, "{to}: {found:#?}");
        for said in ["route \"lookup\": path: ", to, "route \"orders\" (/bulk)", "give it another path"] {
            assert!(found[0].contains(said), "{said}: {found:#?}");
        }
    }
    for to in ["/bulk/lookup", "/bulk/batches-of-old", "/bulkbatches"] {
        assert_eq!(mistakes_of(&moved(to)), Vec::<String>::new(), "{to}");
    }
}
