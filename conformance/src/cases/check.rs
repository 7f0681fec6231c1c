//! Whether an answer is the one expected.

use serde_json::Value as Json;

use super::case::Expect;
use super::document::{like, plain, text_at, texts};
use super::message::{Names, expand};
use crate::exchange::Reply;

const NONE: &str = "(none)";

/// Everything that is not as expected; captured values go into `names`.
pub(super) fn reply(expect: &Expect, reply: &Reply, names: &mut Names) -> Vec<String> {
    let mut wrong = Vec::new();
    if expect.silence && (reply.cut || reply.status == 0) {
        return wrong;
    }
    if reply.cut {
        wrong.push("the connection ended before the answer was whole".to_owned());
    }
    if !expect.status.contains(&reply.status) {
        wrong.push(format!("status {} in place of {:?}; {}", reply.status, expect.status, excerpt(reply)));
    }
    headers(expect, reply, &mut wrong);
    let text = reply.text();
    for part in &expect.contains {
        let part = expand(part, names).unwrap_or_else(|error| error.to_string());
        if !text.contains(&part) {
            wrong.push(format!("{part:?} is not in the body; {}", excerpt(reply)));
        }
    }
    let head: String = reply.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    for (number, secret) in expect.never.iter().enumerate() {
        if text.contains(secret.as_str()) || head.contains(secret.as_str()) {
            wrong.push(format!("what must never be in the answer (number {}) is in it", number + 1));
        }
    }
    let document = Document::of(reply);
    match &document {
        Document::Broken(why)
            if !expect.json.is_empty() || !expect.xml.is_empty() || !expect.soap.is_empty() =>
        {
            wrong.push(format!("the body cannot be read: {why}"));
        }
        _ => {}
    }
    for (pointer, wanted) in &expect.json {
        let wanted = match wanted {
            toml::Value::String(text) => expand(text, names).unwrap_or_else(|error| error.to_string()),
            other => other.to_string(),
        };
        compare(pointer, &wanted, document.pointer(pointer), &mut wrong);
    }
    for (path, wanted) in &expect.xml {
        let wanted = expand(wanted, names).unwrap_or_else(|error| error.to_string());
        compare(path, &wanted, document.path(path), &mut wrong);
    }
    if !expect.problem.is_empty() {
        let found = document.pointer("/code").or_else(|| document.path("problem/code"));
        compare("the problem's code", &expect.problem, found, &mut wrong);
    }
    soap(expect, reply, &mut wrong);
    for (name, source) in &expect.capture {
        let value = match source.split_once(':') {
            Some(("json", pointer)) => document.pointer(pointer),
            Some(("xml", path)) => document.path(path),
            Some(("header", name)) => reply.header(name).map(str::to_owned),
            _ => None,
        };
        match value {
            Some(value) => {
                names.insert(name.clone(), value);
            }
            None => wrong.push(format!("nothing to capture at {source}")),
        }
    }
    wrong
}

fn headers(expect: &Expect, reply: &Reply, wrong: &mut Vec<String>) {
    for (name, wanted) in &expect.headers {
        compare(&format!("field {name}"), wanted, reply.header(name).map(str::to_owned), wrong);
    }
    for name in &expect.no_headers {
        if reply.header(name).is_some() {
            wrong.push(format!("field {name} is there"));
        }
    }
    if let Some(closed) = expect.closed {
        let said = reply.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if closed != (reply.closed || said) {
            wrong.push(format!("the connection is {}", if closed { "left open" } else { "ended" }));
        }
    }
}

/// The envelope's version, by namespace and media type.
fn soap(expect: &Expect, reply: &Reply, wrong: &mut Vec<String>) {
    let (namespace, media) = match expect.soap.as_str() {
        "1.1" => ("http://schemas.xmlsoap.org/soap/envelope/", "text/xml"),
        "1.2" => ("http://www.w3.org/2003/05/soap-envelope", "application/soap+xml"),
        _ => return,
    };
    if !reply.text().contains(namespace) {
        wrong.push(format!("no SOAP {} envelope; {}", expect.soap, excerpt(reply)));
    }
    let found = reply.header("content-type").unwrap_or_default();
    if !found.starts_with(media) {
        wrong.push(format!("media type {found:?} in place of {media}"));
    }
}

fn compare(what: &str, wanted: &str, found: Option<String>, wrong: &mut Vec<String>) {
    match found {
        None if wanted == NONE => {}
        None => wrong.push(format!("{what} is missing; {wanted:?} is expected")),
        Some(found) if wanted != NONE && like(wanted, &found) => {}
        Some(found) => wrong.push(format!("{what} is {found:?} in place of {wanted:?}")),
    }
}

fn excerpt(reply: &Reply) -> String {
    let text = reply.text();
    let start: String = text.chars().take(300).collect();
    format!("body: {start}")
}

enum Document {
    Json(Json),
    Xml(Vec<(String, String)>),
    Broken(String),
}

impl Document {
    fn of(reply: &Reply) -> Self {
        let text = reply.text();
        if reply.header("content-type").is_some_and(|media| media.contains("json")) {
            return serde_json::from_str(&text)
                .map_or_else(|error| Document::Broken(error.to_string()), Document::Json);
        }
        texts(&text).map_or_else(Document::Broken, Document::Xml)
    }

    fn pointer(&self, pointer: &str) -> Option<String> {
        match self {
            Document::Json(json) => json.pointer(pointer).map(plain),
            _ => None,
        }
    }

    fn path(&self, path: &str) -> Option<String> {
        match self {
            Document::Xml(texts) => text_at(texts, path).map(str::to_owned),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(media: &str, body: &str) -> Reply {
        let headers = vec![("content-type".to_owned(), media.to_owned())];
        Reply { status: 400, headers, body: body.as_bytes().to_vec(), ..Reply::default() }
    }

    fn wrong(expect: &str, found: &Reply) -> Vec<String> {
        reply(&toml::from_str(expect).unwrap(), found, &mut Names::new())
    }

    #[test]
    fn a_problem_is_known_by_its_code_in_either_protocol() {
        let json = answer("application/problem+json", r#"{"code":"a-b","n":3}"#);
        let xml = answer("text/xml", "<Fault><detail><problem><code>a-b</code></problem></detail></Fault>");
        for found in [&json, &xml] {
            assert!(wrong("status = [400]\nproblem = 'a-b'", found).is_empty());
            assert_eq!(wrong("status = [400]\nproblem = 'other'", found).len(), 1);
        }
        assert!(wrong("status = [400]\njson = {'/n' = 3, '/m' = '(none)'}", &json).is_empty());
        assert_eq!(wrong("status = [400]\njson = {'/n' = 4}", &json).len(), 1);
        assert_eq!(wrong("status = [400]\nxml = {'problem/code' = 'x*'}", &xml).len(), 1);
    }

    #[test]
    fn what_must_never_appear_is_looked_for_in_the_head_too() {
        let mut found = answer("text/plain", "nothing");
        assert!(wrong("status = [400]\nnever = ['secret']", &found).is_empty());
        found.headers.push(("x-echo".to_owned(), "a secret".to_owned()));
        assert_eq!(wrong("status = [400]\nnever = ['secret']", &found).len(), 1);
    }

    #[test]
    fn a_cut_answer_is_wrong_unless_silence_is_right() {
        let found = Reply { cut: true, ..Reply::default() };
        assert!(!wrong("status = [400]", &found).is_empty());
        assert!(wrong("silence = true", &found).is_empty());
    }
}
