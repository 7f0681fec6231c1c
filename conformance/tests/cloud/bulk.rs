//! The bulk ingest job.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::Site;

const BASE: &str = "/services/data/v60.0/jobs/ingest";

struct Client<'s> {
    site: &'s Site,
    authorization: String,
}

impl<'s> Client<'s> {
    fn new(site: &'s Site) -> Self {
        Client { site, authorization: format!("Bearer {}", site.token()) }
    }

    fn call(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let headers = [("Authorization", self.authorization.as_str()), ("Content-Type", "text/csv")];
        let reply = self.site.send(method, path, &headers, body.as_bytes());
        (reply.status, reply.text())
    }

    fn create(&self, more: Json) -> Json {
        let mut body = json!({"object": "people", "operation": "upsert", "externalIdFieldName": "F001", "contentType": "CSV"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, text) = self.call("POST", BASE, &body.to_string());
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Uploads, closes, and waits for the end.
    fn run(&self, job: &Json, csv: &str) -> Json {
        let upload = format!("/{}", job["contentUrl"].as_str().unwrap());
        assert_eq!(self.call("PUT", &upload, csv), (201, String::new()));
        let path = format!("{BASE}/{}", job["id"].as_str().unwrap());
        assert_eq!(self.call("PATCH", &path, r#"{"state":"UploadComplete"}"#).0, 200);
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let state: Json = serde_json::from_str(&self.call("GET", &path, "").1).unwrap();
            if ["JobComplete", "Failed", "Aborted"].contains(&state["state"].as_str().unwrap()) {
                return state;
            }
            assert!(Instant::now() < deadline, "the job does not end: {state}");
        }
    }

    fn results(&self, job: &Json, which: &str) -> Vec<String> {
        let path = format!("{BASE}/{}/{which}", job["id"].as_str().unwrap());
        self.call("GET", &path, "").1.lines().map(str::to_owned).collect()
    }
}

#[test]
fn a_job_says_of_every_row_what_became_of_it() {
    let site = Site::quick();
    site.admin("/admin/bad-records", r#"{"pattern":"U3"}"#);
    let client = Client::new(&site);
    let job = client.create(json!({}));
    assert_eq!(job["state"], "Open");
    let state = client.run(&job, "F001,F002\nU1,\"a,b\"\nU2,#N/A\nU3,c\nU4,\n");
    assert_eq!((&state["state"], &state["numberRecordsProcessed"]), (&"JobComplete".into(), &4.into()));
    assert_eq!(state["numberRecordsFailed"], 1);

    let successes = client.results(&job, "successfulResults");
    assert_eq!(successes[0], "sf__Id,sf__Created,F001,F002");
    assert_eq!(successes.len(), 4);
    assert!(successes.iter().any(|line| line.ends_with("true,U1,\"a,b\"")), "{successes:?}");
    assert_ne!(successes[1].split(',').nth(2), Some("U1"), "results do not come in the order of the upload");
    let failures = client.results(&job, "failedResults");
    assert_eq!(failures.len(), 2);
    assert!(
        failures[1].contains("FIELD_CUSTOM_VALIDATION_EXCEPTION") && failures[1].ends_with("U3,c"),
        "{failures:?}"
    );
    assert_eq!(client.results(&job, "unprocessedrecords"), ["F001,F002"]);

    let dump = site.send("GET", "/admin/rows/people?format=ndjson", &[], b"").text();
    assert!(dump.contains(r#"{"F001":"U2","F002":null}"#), "{dump}");
    assert!(dump.contains(r#"{"F001":"U4"}"#), "{dump}");
}

#[test]
fn a_job_is_done_once_and_in_its_order_of_states() {
    let site = Site::quick();
    let client = Client::new(&site);
    let job = client.create(json!({"lineEnding": "CRLF", "columnDelimiter": "TAB"}));
    client.run(&job, "Id\tF001\r\n\tU1\r\n");
    let path = format!("{BASE}/{}", job["id"].as_str().unwrap());
    assert_eq!(client.call("PUT", &format!("{path}/batches"), "F001\nU2\n").0, 400);
    let (status, text) = client.call("PATCH", &path, r#"{"state":"UploadComplete"}"#);
    assert!(status == 400 && text.contains("InvalidJobState"), "{text}");
    assert_eq!(client.call("DELETE", &path, "").0, 204);
    assert_eq!(client.call("GET", &path, "").0, 404);
    assert_eq!(site.stats()["objects"]["people"]["writes"], 1);
}

#[test]
fn a_batch_over_its_limit_is_tried_again_and_then_fails_the_job() {
    let site = Site::with(|options| {
        options.model.per_row = Duration::from_secs(1);
        options.bulk_batch = 4;
        options.bulk_limit = Duration::from_millis(10);
        options.bulk_retries = 2;
    });
    let client = Client::new(&site);
    let job = client.create(json!({}));
    let state = client.run(&job, "F001\nU1\nU2\nU3\nU4\nU5\n");
    assert_eq!(state["state"], "Failed");
    assert!(state["errorMessage"].as_str().unwrap().contains("TooManyRetries"));
    assert_eq!(client.results(&job, "unprocessedRecords").len(), 6);
}

#[test]
fn what_a_job_cannot_be_is_refused() {
    let site = Site::quick();
    let client = Client::new(&site);
    for body in [
        r#"{"object":"people","operation":"upsert"}"#,
        r#"{"object":"people","operation":"merge","externalIdFieldName":"F001"}"#,
        r#"{"object":"people","operation":"upsert","externalIdFieldName":"F001","contentType":"XML"}"#,
        "not json",
    ] {
        let (status, text) = client.call("POST", BASE, body);
        assert!(status == 400 && text.starts_with("[{"), "{text}");
    }
    let job = client.create(json!({}));
    let state = client.run(&job, "F009\nU1\n");
    assert_eq!(state["state"], "Failed");
    let (status, text) = site.json("GET", BASE, &[("Authorization", "Bearer nobody")], "");
    assert_eq!((status, &text[0]["errorCode"]), (401, &"INVALID_SESSION_ID".into()));
}
