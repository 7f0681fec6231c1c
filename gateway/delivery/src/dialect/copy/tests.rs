use proptest::prelude::*;
use sekisho_xml::{Event, Limits, Reader};

use super::*;

/// What a document says below the first element of this name: expanded names, attributes and text, with what the prefix of
/// an `xsi:type` stands for.
fn said(document: &str, local: &str) -> Vec<String> {
    let mut reader = Reader::new(document.as_bytes(), Limits::default());
    let (mut said, mut inside, mut depth) = (Vec::new(), None, 0usize);
    loop {
        let scope: Vec<(String, String)> =
            reader.namespaces().map(|(prefix, name)| (prefix.to_owned(), name.to_owned())).collect();
        let line = match reader.next().unwrap_or_else(|error| panic!("{error}: {document}")) {
            Event::Start(start) => {
                depth += 1;
                if inside.is_none() && start.local() == local {
                    inside = Some(depth);
                }
                let attributes: Vec<_> = start
                    .attributes()
                    .map(|one| (one.namespace.to_owned(), one.local.to_owned(), one.value.into_owned()))
                    .collect();
                Some(format!("{{{}}}{} {attributes:?}", start.namespace(), start.local()))
            }
            Event::Text(text) => Some(format!("={}", text.as_str())),
            Event::End(_) => {
                depth -= 1;
                if inside.is_some_and(|inside| depth < inside) {
                    return said;
                }
                Some("end".to_owned())
            }
            Event::Eof => return said,
        };
        if inside.is_some() {
            let name = line.as_deref().and_then(|line| line.split_once("\"type\", \""));
            let prefix = name.and_then(|(_, rest)| rest.split_once(':')).map(|(prefix, _)| prefix.to_owned());
            match (said.last_mut(), line) {
                // Where pieces of text begin and end means nothing.
                (Some(last), Some(line)) if last.starts_with('=') && line.starts_with('=') => {
                    last.push_str(&line[1..]);
                }
                (_, line) => said.extend(line),
            }
            // Declared before or in the tag itself.
            let after = reader.namespaces().map(|(prefix, name)| (prefix.to_owned(), name.to_owned()));
            let known: Vec<_> = after.chain(scope).collect();
            let of = prefix.and_then(|prefix| known.into_iter().find(|(known, _)| *known == prefix));
            said.extend(of.map(|(_, name)| name));
        }
    }
}

/// The first element of this name, copied for a place where `base` is the default namespace.
fn copied(document: &str, local: &str, base: &str) -> String {
    let mut reader = Reader::new(document.as_bytes(), Limits::default());
    let mut copier = Copier::new(base);
    let (mut depth, mut begun) = (0, None);
    loop {
        match reader.next().unwrap() {
            Event::Start(start) => {
                depth += 1;
                copier.start(&start, depth);
                if begun.is_none() && start.local() == local {
                    begun = Some(depth);
                    copier.begin(&start, depth);
                }
            }
            Event::Text(text) => copier.text(text.as_str()),
            Event::End(name) => {
                if let Some(copy) = copier.end(name.prefix(), name.local(), depth, begun) {
                    return String::from_utf8(copy).unwrap();
                }
                depth -= 1;
            }
            Event::Eof => panic!("no {local}"),
        }
    }
}

fn means_the_same(document: &str, base: &str) {
    let copy = copied(document, "result", base);
    let place = format!("<place xmlns=\"{base}\">{copy}</place>");
    assert_eq!(said(document, "result"), said(&place, "result"), "{document}\n{copy}");
}

#[test]
fn a_copy_means_what_the_original_means() {
    for document in [
        r#"<a xmlns="urn:x"><result><key>1</key><empty/></result></a>"#,
        r#"<p:a xmlns:p="urn:x"><p:result q="1" p:r="&lt;&quot;&#10;"><p:key>a &amp; b]]&gt;</p:key></p:result></p:a>"#,
        r#"<a xmlns:p="urn:x" xmlns:q="urn:y"><p:result><q:key xmlns:p="urn:z" p:a="1"><p:b/></q:key><p:c/></p:result></a>"#,
        r#"<a xmlns="urn:y"><result xmlns=""><key xmlns="urn:x"/><b/></result></a>"#,
        r#"<a xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:t="urn:t"><result xsi:nil="true" xsi:type="t:Row" xml:lang="ja"/></a>"#,
        r#"<a xmlns:t="urn:t"><result>t:name</result></a>"#,
        r#"<a xmlns:t="urn:t"><result><b>http://x</b><![CDATA[<&>]]>&#xD;</result></a>"#,
    ] {
        for base in ["urn:x", "urn:elsewhere", ""] {
            means_the_same(document, base);
        }
    }
    let qualified = copied(r#"<a xmlns:t="urn:t"><result><b>t:name</b></result></a>"#, "result", "");
    assert!(qualified.contains(r#"<b xmlns:t="urn:t">t:name</b>"#), "{qualified}");
}

#[test]
fn a_copy_declares_nothing_that_holds_where_it_stands() {
    let document =
        r#"<s:E xmlns:s="urn:s" xmlns:i="urn:i"><a xmlns="urn:x"><result><key>1</key></result></a></s:E>"#;
    assert_eq!(copied(document, "result", "urn:x"), "<result><key>1</key></result>");
}

/// An element with names and declarations out of a few, and its like inside.
fn element() -> impl Strategy<Value = String> {
    let name = prop_oneof![Just(""), Just("p:"), Just("q:")];
    let declared = prop::collection::vec((0usize..3, 0usize..3), 0..3);
    let leaf = (name.clone(), declared.clone(), "[a-z:<&]{0,6}").prop_map(|(name, declared, text)| {
        written(name, &declared, &text.replace('&', "&amp;").replace('<', "&lt;"))
    });
    leaf.prop_recursive(4, 16, 3, move |inner| {
        (name.clone(), declared.clone(), prop::collection::vec(inner, 0..3))
            .prop_map(|(name, declared, inner)| written(name, &declared, &inner.concat()))
    })
}

fn written(prefix: &str, declared: &[(usize, usize)], content: &str) -> String {
    let mut seen = Vec::new();
    let mut tag = format!("<{prefix}e");
    for (of, namespace) in declared {
        let of = ["", "p", "q"][*of];
        // A prefix cannot be undeclared.
        let namespace = ["urn:1", "urn:2", if of.is_empty() { "" } else { "urn:3" }][*namespace];
        if !seen.contains(&of) {
            seen.push(of);
            let colon = if of.is_empty() { "" } else { ":" };
            tag.push_str(&format!(" xmlns{colon}{of}=\"{namespace}\""));
        }
    }
    format!("{tag} p:a=\"q:b\">{content}</{prefix}e>")
}

proptest! {
    #[test]
    fn any_copy_means_what_its_original_means(content in element(), base in prop_oneof![Just("urn:1"), Just("urn:9"), Just("")]) {
        let document =
            format!(r#"<r xmlns:p="urn:1" xmlns:q="urn:2" xmlns="urn:3"><result>{content}</result></r>"#);
        means_the_same(&document, base);
    }
}
