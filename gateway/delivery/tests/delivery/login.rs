//! OAuth on the way: a token is fetched once, renewed once when the session has expired, and shown nowhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sekisho_delivery::{DialectSpec, RestFormat, RestSpec};
use sekisho_liveness::{ErrorClass, HopState};
use sekisho_upstream::LoginConfig;
use serde_json::json;

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
        tokio::time::timeout(std::time::Duration::from_secs(60), shown).await.expect("the hop is down");
    assert_eq!(class, Some(ErrorClass::Authentication));
    let view = house.until(batch, |view| view.sums.pending == 30).await;
    assert_eq!(view.sums.in_doubt, 0);
}
