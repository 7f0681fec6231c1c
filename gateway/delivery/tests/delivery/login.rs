//! OAuth on the way: a token is fetched once, renewed once when the session has expired, and shown nowhere.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use sekisho_delivery::{DialectSpec, PartnerSoapSpec, RestFormat, RestSpec};
use sekisho_liveness::{ErrorClass, HopState};
use sekisho_upstream::LoginConfig;
use serde_json::json;

use crate::support::cloud::xml_rows;
use crate::support::intake::envelope;
use crate::support::{Cloud, House, Reply, plan};

fn rest() -> DialectSpec {
    DialectSpec::Rest(RestSpec {
        method: "POST".into(),
        path: "/rows".into(),
        format: RestFormat::Csv,
        envelope: None,
        record: "row".into(),
        namespace: None,
        headers: Default::default(),
        results: None,
        taken: vec![200, 201, 204],
        error_code: "code".into(),
        codes: Default::default(),
    })
}

#[tokio::test]
async fn an_expired_session_is_renewed_once_and_the_chunk_sent_again() {
    let logins = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&logins);
    let cloud = Cloud::start(move |call| match call.path.as_str() {
        "/token" => {
            assert_eq!(call.header("authorization"), "Basic Z2F0ZXdheTpzZWNyZXQlMkIx");
            assert_eq!(call.text(), "grant_type=client_credentials");
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            Reply::json(200, json!({"access_token": format!("token-{number}"), "token_type": "Bearer"}))
        }
        _ if call.header("authorization") == "Bearer token-2" => {
            Reply::Answer(204, "text/plain", String::new())
        }
        _ => Reply::json(401, json!({"code": "INVALID_SESSION_ID"})),
    })
    .await;
    let mut house = House::new();
    let client_secret_file = house.file("secret", "secret+1\n");
    let mut plan = plan(rest());
    plan.pace.max_in_flight = 1;
    let batch = house.accept(&plan, 30).await;
    let mut endpoint = cloud.endpoint();
    endpoint.login = Some(LoginConfig::ClientCredentials {
        token_url: format!("{}/token", endpoint.url),
        client_id: "gateway".into(),
        client_secret_file,
        scope: None,
    });
    let _delivery = house.start(&endpoint).await;
    let done = house.finished(batch).await;
    assert_eq!(done.sums.delivered, 30);
    assert_eq!(logins.load(Ordering::SeqCst), 2);
    let refused =
        cloud.calls().iter().filter(|call| call.header("authorization") == "Bearer token-1").count();
    assert_eq!(refused, 1);
}

/// What is logged, at every level.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("lock").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn secrets_and_tokens_are_in_no_log_and_in_no_report() {
    let logged = Logged::default();
    let writer = logged.clone();
    let everything = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(everything);
    let logins = Arc::new(AtomicU64::new(0));
    // The first session is refused by a fault that quotes it; the first login, by an answer that quotes the secret.
    let cloud = Cloud::start(move |call| match call.path.as_str() {
        "/token" => match logins.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::json(400, json!({"error": "h1dden-secret", "error_description": "h1dden-secret"})),
            number => Reply::json(200, json!({"access_token": format!("h1dden-token-{number}")})),
        },
        _ if call.text().contains("h1dden-token-1<") => Reply::Answer(
            500,
            "text/xml",
            envelope("<s:Fault><faultcode>sf:INVALID_SESSION_ID</faultcode><faultstring>h1dden-token-1</faultstring></s:Fault>"),
        ),
        _ => {
            let rows = xml_rows(call.text(), "p:sObjects").len();
            let results = "<result><id>a00</id><success>true</success></result>".repeat(rows);
            Reply::xml(envelope(&format!("<upsertResponse>{results}</upsertResponse>")))
        }
    })
    .await;
    let mut house = House::new();
    let client_secret_file = house.file("secret", "h1dden-secret\n");
    let spec = PartnerSoapSpec {
        version: "60.0".into(),
        object: "attributes".into(),
        external_id: "F001".into(),
        codes: Default::default(),
    };
    let batch = house.accept(&plan(DialectSpec::PartnerSoap(spec)), 30).await;
    let mut endpoint = cloud.endpoint();
    endpoint.login = Some(LoginConfig::ClientCredentials {
        token_url: format!("{}/token", endpoint.url),
        client_id: "gateway".into(),
        client_secret_file,
        scope: None,
    });
    let _delivery = house.start(&endpoint).await;
    assert_eq!(house.finished(batch).await.sums.delivered, 30);
    let sessions: Vec<bool> =
        cloud.calls().iter().map(|call| call.text().contains("h1dden-token-")).collect();
    assert!(sessions.iter().filter(|session| **session).count() >= 2, "the sessions were sent");
    tracing::trace!("the last line");
    let log = String::from_utf8(logged.0.lock().expect("lock").clone()).expect("UTF-8");
    assert!(log.contains("the last line"), "something was logged");
    let told = format!("{log}{:?}{:?}", house.board.snapshot(), house.chunks(batch).await);
    let encoded = "Z2F0ZXdheTpoMWRkZW4tc2VjcmV0";
    for hidden in ["h1dden", encoded] {
        let at = told.find(hidden).map(|at| told.get(at.saturating_sub(200)..at));
        assert_eq!(at, None, "{hidden} is told");
    }
}

#[tokio::test]
async fn a_refused_login_shows_on_its_hop_and_nothing_is_in_doubt() {
    let cloud = Cloud::start(|call| {
        assert_eq!(call.path, "/token", "nothing is sent without a token");
        Reply::json(401, json!({"error": "invalid_client"}))
    })
    .await;
    let mut house = House::new();
    let client_secret_file = house.file("secret", "wrong");
    let batch = house.accept(&plan(rest()), 30).await;
    let mut endpoint = cloud.endpoint();
    endpoint.login = Some(LoginConfig::ClientCredentials {
        token_url: format!("{}/token", endpoint.url),
        client_id: "gateway".into(),
        client_secret_file,
        scope: None,
    });
    let _delivery = house.start(&endpoint).await;
    let shown = async {
        let mut tick = tokio::time::interval(std::time::Duration::from_millis(3));
        loop {
            tick.tick().await;
            let hops = house.board.snapshot().hops;
            let login = hops.iter().find(|hop| &*hop.name == "login").expect("a hop");
            if login.state == HopState::Down {
                return login.class;
            }
        }
    };
    let class =
        tokio::time::timeout(std::time::Duration::from_secs(240), shown).await.expect("the hop is down");
    assert_eq!(class, Some(ErrorClass::Authentication));
    let view = house.until(batch, |view| view.sums.pending == 30).await;
    assert_eq!(view.sums.in_doubt, 0);
}
