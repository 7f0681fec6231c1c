//! The gateway's answers held to the description of its API that it serves itself: every status that it gives is
//! described, with this media type and this shape, and every answer described has been given by the end of a run.

use std::cell::RefCell;
use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use serde_json::Value as Json;

use super::schema::{target, violations};
use crate::exchange::Reply;

/// Answers that depend on the machine, the network or the configuration, and that no case can bring about.
const OUT_OF_REACH: [&str; 7] = ["401", "403", "408", "429", "500", "503", "507"];

/// An OpenAPI document, and which of its answers have been seen.
pub(super) struct Contract {
    document: Json,
    seen: RefCell<BTreeSet<String>>,
}

impl Contract {
    /// Reads a description.
    ///
    /// # Errors
    /// It is no OpenAPI 3 document with paths.
    pub(super) fn new(document: &[u8]) -> anyhow::Result<Self> {
        let document: Json = serde_json::from_slice(document).context("the description is no JSON")?;
        let version = document["openapi"].as_str().unwrap_or_default();
        ensure!(version.starts_with("3."), "the description is no OpenAPI 3 document");
        ensure!(document["paths"].is_object(), "the description has no paths");
        Ok(Self { document, seen: RefCell::default() })
    }

    /// Everything in an answer that is not as described. `path` is the request's below the route, without a query.
    /// What is not described at all may only be refused.
    pub(super) fn hold(&self, method: &str, path: &str, reply: &Reply) -> Vec<String> {
        let Some((template, item)) = self.path(path) else { return Vec::new() };
        let Some(operation) = item.get(method.to_ascii_lowercase()) else {
            let wrong = format!("{method} {template} is answered with {}, and not described", reply.status);
            return if reply.status < 400 { vec![wrong] } else { Vec::new() };
        };
        let place = format!("{method} {template} {}", reply.status);
        let described = &operation["responses"][reply.status.to_string()];
        let described = described.get("$ref").map_or(Some(described), |to| target(&self.document, to));
        let media = reply.header("content-type").unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let Some(content) = described.and_then(|described| described["content"].get(&media)) else {
            return vec![format!("{place} with {media:?} is not described")];
        };
        self.seen.borrow_mut().insert(format!("{place} {media}"));
        if !media.ends_with("json") {
            return Vec::new();
        }
        match serde_json::from_slice(&reply.body) {
            Err(_) => vec![format!("{place} is no JSON")],
            Ok(value) => violations(&self.document, &content["schema"], &value, "")
                .into_iter()
                .map(|wrong| format!("{place} is not as described: {wrong}"))
                .collect(),
        }
    }

    /// The described answers that no exchange has had.
    pub(super) fn unseen(&self) -> Vec<String> {
        let seen = self.seen.borrow();
        self.answers().into_iter().filter(|answer| !seen.contains(answer)).collect()
    }

    /// Every described answer that can be brought about: method, path, status, media type.
    fn answers(&self) -> Vec<String> {
        let mut answers = Vec::new();
        for (template, item) in self.document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                for (status, described) in operation["responses"].as_object().into_iter().flatten() {
                    // A path without a parameter is missing only where the whole door is closed.
                    let closed_door = status == "404" && !template.contains('{');
                    if closed_door || OUT_OF_REACH.contains(&status.as_str()) {
                        continue;
                    }
                    let described = described.get("$ref").and_then(|to| target(&self.document, to));
                    let described = described.unwrap_or(&operation["responses"][status]);
                    for media in
                        described["content"].as_object().into_iter().flatten().map(|(media, _)| media)
                    {
                        answers.push(format!("{} {template} {status} {media}", method.to_ascii_uppercase()));
                    }
                }
            }
        }
        answers
    }

    fn path(&self, path: &str) -> Option<(&str, &Json)> {
        let paths = self.document["paths"].as_object()?;
        let fits = |template: &str| {
            let (wanted, found) = (template.split('/'), path.split('/'));
            template.split('/').count() == path.split('/').count()
                && wanted.zip(found).all(|(wanted, found)| {
                    wanted == found || (wanted.starts_with('{') && wanted.ends_with('}') && !found.is_empty())
                })
        };
        paths.iter().find(|(template, _)| fits(template)).map(|(template, item)| (template.as_str(), item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESCRIBED: &str = r##"{"openapi": "3.1.0", "paths": {
      "/batches/{id}": {"parameters": [], "get": {"responses": {
        "200": {"content": {"application/json": {"schema": {"type": "object", "required": ["id"]}}, "text/csv": {}}},
        "404": {"$ref": "#/components/responses/Problem"},
        "500": {"$ref": "#/components/responses/Problem"}}}}},
      "components": {"responses": {"Problem": {"content": {"application/problem+json": {"schema": {}}}}}}}"##;

    fn reply(status: u16, media: &str, body: &str) -> Reply {
        let headers = vec![("content-type".to_owned(), media.to_owned())];
        Reply { status, headers, body: body.as_bytes().to_vec(), ..Reply::default() }
    }

    #[test]
    fn an_answer_has_a_described_status_media_type_and_shape() {
        let contract = Contract::new(DESCRIBED.as_bytes()).unwrap();
        let json = "application/json; charset=utf-8";
        assert!(contract.hold("GET", "/batches/7", &reply(200, json, r#"{"id": "7"}"#)).is_empty());
        assert_eq!(contract.hold("GET", "/batches/7", &reply(200, json, "{}")).len(), 1, "shape");
        assert_eq!(contract.hold("GET", "/batches/7", &reply(200, json, "{")).len(), 1, "no JSON");
        assert_eq!(
            contract.hold("GET", "/batches/7", &reply(201, json, r#"{"id": "7"}"#)).len(),
            1,
            "status"
        );
        assert_eq!(contract.hold("GET", "/batches/7", &reply(404, json, "{}")).len(), 1, "media type");
        assert_eq!(contract.hold("PUT", "/batches/7", &reply(200, json, "{}")).len(), 1, "method");
        assert!(contract.hold("PUT", "/batches/7", &reply(405, json, "{}")).is_empty());
        for elsewhere in ["/batches", "/batches/", "/batches/7/errors", ""] {
            assert!(contract.hold("GET", elsewhere, &reply(299, "", "")).is_empty(), "{elsewhere}");
        }
    }

    #[test]
    fn what_was_never_answered_is_told() {
        let contract = Contract::new(DESCRIBED.as_bytes()).unwrap();
        contract.hold("GET", "/batches/7", &reply(200, "application/json", r#"{"id": "7"}"#));
        let unseen = contract.unseen();
        assert_eq!(
            unseen,
            ["GET /batches/{id} 200 text/csv", "GET /batches/{id} 404 application/problem+json"]
        );
        assert!(Contract::new(b"{}").is_err());
    }
}
