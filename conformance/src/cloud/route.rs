//! Which service a request is for, and what happens around every call: credentials, quota, faults, the log.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use serde_json::json;
use tokio::time::Instant;

use super::answer::Answer;
use super::calls::CallRecord;
use super::faults::{Kind, Rule};
use super::options::KillAnswer;
use super::perform::Call;
use super::refusal::Refusal;
use super::sessions::{self, form_fields};
use super::{Cloud, bulk, collections, intake, partner, push, rest, soap, swa};

/// A request with its body.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Scheme, host and port by which the client reached the cloud.
    pub(super) base: String,
}

impl Request {
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(at, _)| at == name).map(|(_, value)| value.as_str())
    }

    /// The fields of a query string.
    pub(super) fn query_of(query: Option<&str>) -> Vec<(String, String)> {
        form_fields(query.unwrap_or_default().as_bytes())
    }
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service<'p> {
    Soap { object: &'p str, key: &'p str },
    Swa { object: &'p str, key: &'p str },
    Rest { object: &'p str, key: &'p str, value: Option<&'p str> },
    Bulk { version: &'p str, rest: [&'p str; 2], length: usize },
    Collections { object: &'p str, key: &'p str },
    Record { object: &'p str, key: &'p str, value: &'p str },
    Limits,
    Partner,
    Token,
    Application { errors: bool },
    Push { messages: bool },
    Health,
    Unknown,
}

impl<'p> Service<'p> {
    pub(super) fn of(segments: &[&'p str]) -> Self {
        match *segments {
            ["services", "intake", object, key] if named(object, key) => Service::Soap { object, key },
            ["services", "swa", object, key] if named(object, key) => Service::Swa { object, key },
            ["services", "api", object, key, "rows"] if named(object, key) => {
                Service::Rest { object, key, value: None }
            }
            ["services", "api", object, key, "rows", value] if named(object, key) => {
                Service::Rest { object, key, value: Some(value) }
            }
            ["services", "data", version, "jobs", "ingest", ref rest @ ..] if rest.len() <= 2 => {
                let part = |index: usize| rest.get(index).copied().unwrap_or_default();
                Service::Bulk { version, rest: [part(0), part(1)], length: rest.len() }
            }
            ["services", "data", _, "composite", "sobjects", object, key] if named(object, key) => {
                Service::Collections { object, key }
            }
            ["services", "data", _, "sobjects", object, key, value] if named(object, key) => {
                Service::Record { object, key, value }
            }
            ["services", "data", _, "limits"] => Service::Limits,
            ["services", "Soap", "u", _] | ["services", "Soap", "u", _, _] => Service::Partner,
            ["services", "oauth2", "token"] => Service::Token,
            ["services", "application", "state"] => Service::Application { errors: false },
            ["services", "application", "errors"] => Service::Application { errors: true },
            ["services", "push", "messages"] => Service::Push { messages: true },
            ["services", "push", "state"] => Service::Push { messages: false },
            ["health"] => Service::Health,
            _ => Service::Unknown,
        }
    }

    /// The name that faults and counts know the service by.
    pub(super) fn dialect(&self) -> &'static str {
        match self {
            Service::Soap { .. } => "soap",
            Service::Swa { .. } => "swa",
            Service::Rest { .. } => "rest",
            Service::Bulk { .. } => "bulk2",
            Service::Collections { .. } | Service::Record { .. } | Service::Limits => "collections",
            Service::Partner => "partner-soap",
            Service::Token => "token",
            Service::Application { .. } => "application",
            Service::Push { .. } => "push",
            Service::Health => "health",
            Service::Unknown => "unknown",
        }
    }

    /// The step that faults may name.
    pub(super) fn step(&self, method: &Method) -> &'static str {
        match self {
            Service::Bulk { rest, length, .. } => bulk::step(method, &rest[..*length]),
            _ => "",
        }
    }

    /// The largest body that is taken, in bytes.
    pub(super) fn most(&self) -> usize {
        match self {
            Service::Bulk { .. } => bulk::MAX_UPLOAD,
            // The described operations know one limit, that of time: a call of 400,000 records has to reach it.
            Service::Soap { .. } | Service::Swa { .. } | Service::Rest { value: None, .. } => {
                1024 * 1024 * 1024
            }
            _ => 64 * 1024 * 1024,
        }
    }

    /// Whether calls count against the day's quota.
    fn is_counted(&self) -> bool {
        !matches!(
            self,
            Service::Token
                | Service::Application { .. }
                | Service::Health
                | Service::Push { .. }
                | Service::Unknown
        )
    }
}

fn named(object: &str, key: &str) -> bool {
    [object, key].iter().all(|name| {
        (1..=64).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// Does a call and logs it. The answer may be the connection's end.
pub(super) async fn process(cloud: Arc<Cloud>, request: Request, fault: Option<Rule>) -> Answer {
    let segments: Vec<&str> = request.path.split('/').filter(|segment| !segment.is_empty()).collect();
    let service = Service::of(&segments);
    let bytes = request.body.len() as u64;
    let mut call = Call {
        fault,
        record: CallRecord { dialect: service.dialect(), bytes, ..CallRecord::default() },
        began: Instant::now(),
    };
    let result = serve(&cloud, service, &request, &mut call).await;
    let mut answer = match result {
        Ok(answer) => {
            call.record.outcome = "ok";
            answer
        }
        Err(refusal) => {
            call.record.outcome = match refusal {
                Refusal::Killed(_) => "killed",
                Refusal::Quota(_) => "quota",
                Refusal::Session => "session",
                Refusal::Unavailable => "unavailable",
                _ => "refused",
            };
            refuse(&cloud, service, &request, &refusal)
        }
    };
    if service.dialect() == "bulk2" || service.dialect() == "collections" {
        let (total, used) = collections::usage(&cloud);
        let usage = format!("api-usage={used}/{total}");
        answer = answer.with(HeaderName::from_static("sforce-limit-info"), &usage);
    }
    match &call.fault {
        Some(rule) if rule.kind == Kind::ResetBefore => {
            call.record.outcome = "reset-before";
            answer = Answer::cut();
        }
        Some(rule) if rule.kind == Kind::ResetAfter => {
            call.record.outcome = "reset-after";
            answer = Answer::cut();
        }
        Some(rule) if matches!(rule.kind, Kind::Status | Kind::StatusAfter) => {
            call.record.outcome = if rule.kind == Kind::Status { "status" } else { "status-after" };
            answer = Answer::html(StatusCode::from_u16(rule.status).unwrap_or(StatusCode::BAD_GATEWAY));
        }
        _ => {}
    }
    call.record.status = if answer.reset { 0 } else { answer.status.as_u16() };
    call.record.seconds = call.began.elapsed().as_secs_f64();
    if !matches!(service, Service::Health) {
        cloud.calls.add(call.record);
    }
    answer
}

async fn serve(
    cloud: &Arc<Cloud>,
    service: Service<'_>,
    request: &Request,
    call: &mut Call,
) -> Result<Answer, Refusal> {
    if call.meets(Kind::ResetBefore) || call.meets(Kind::Status) {
        return Ok(Answer::empty(StatusCode::OK));
    }
    if cloud.down.load(Ordering::Relaxed) || call.meets(Kind::Unavailable) {
        return Err(Refusal::Unavailable);
    }
    let described = |wanted: bool| {
        request.method == Method::GET && request.query.iter().any(|(at, _)| at == "wsdl") == wanted
    };
    match service {
        Service::Soap { .. } if described(true) => return Ok(intake::wsdl(request)),
        Service::Partner if described(true) => return Ok(partner::wsdl(request)),
        Service::Health => return Ok(Answer::json(StatusCode::OK, &json!({"state": "up"}))),
        Service::Unknown => return Err(Refusal::NotFound("nothing here".to_owned())),
        _ => {}
    }
    if request.headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(Refusal::Media("content codings are not taken".to_owned()));
    }
    if call.meets(Kind::ExpireSession) {
        let token = match service {
            Service::Partner => partner::session(&request.body),
            _ => sessions::bearer(&request.headers).map(str::to_owned),
        };
        cloud.sessions.end(&token.unwrap_or_default());
        return Err(Refusal::Session);
    }
    admit(cloud, service, request)?;
    if service.is_counted() {
        if call.meets(Kind::Quota) {
            return Err(Refusal::Quota(cloud.quota.left()));
        }
        cloud.quota.take(cloud.model.options().daily_quota).map_err(Refusal::Quota)?;
    }
    match service {
        Service::Soap { .. }
        | Service::Swa { .. }
        | Service::Partner
        | Service::Token
        | Service::Push { messages: true }
            if request.method != Method::POST =>
        {
            Err(Refusal::Method)
        }
        Service::Soap { object, key } => intake::serve(cloud, request, call, object, key).await,
        Service::Swa { object, key } => swa::serve(cloud, request, call, object, key).await,
        Service::Rest { object, key, value: None } => rest::serve(cloud, request, call, object, key).await,
        Service::Rest { object, key, value: Some(value) } => {
            rest::serve_one(cloud, request, call, object, key, value).await
        }
        Service::Bulk { version, rest, length } => {
            bulk::serve(cloud, request, call, version, &rest[..length])
        }
        Service::Collections { object, key } => collections::serve(cloud, request, call, object, key).await,
        Service::Record { object, key, value } => {
            collections::serve_one(cloud, request, call, object, key, value).await
        }
        Service::Limits => Ok(collections::limits(cloud)),
        Service::Partner => partner::serve(cloud, request, call).await,
        Service::Token if call.meets(Kind::RefuseLogin) => {
            Ok(Answer::json(StatusCode::UNAUTHORIZED, &json!({"error": "invalid_client"})))
        }
        Service::Token => Ok(sessions::token(cloud, &request.headers, &request.body, &request.base)),
        Service::Application { errors: false } => Ok(cloud.application.state()),
        Service::Application { errors: true } => {
            let after = request.query("after").and_then(|after| after.parse().ok()).unwrap_or(0);
            Ok(cloud.application.errors(after))
        }
        Service::Push { messages: true } => push::send(cloud, &request.body),
        Service::Push { messages: false } => Ok(cloud.push.state()),
        Service::Health | Service::Unknown => Err(Refusal::NotFound("nothing here".to_owned())),
    }
}

/// Whether the request's credentials suffice; the partner service has its own in the envelope.
fn admit(cloud: &Cloud, service: Service<'_>, request: &Request) -> Result<(), Refusal> {
    let passes = match service {
        Service::Soap { .. } | Service::Swa { .. } | Service::Rest { .. } => {
            sessions::may_pass(cloud, &request.headers)
        }
        Service::Application { .. } | Service::Push { .. } => sessions::may_pass(cloud, &request.headers),
        Service::Bulk { .. } | Service::Collections { .. } | Service::Record { .. } | Service::Limits => {
            sessions::bearer(&request.headers).is_some_and(|token| cloud.sessions.is_open(token))
        }
        Service::Partner | Service::Token | Service::Health | Service::Unknown => true,
    };
    if passes { Ok(()) } else { Err(Refusal::Session) }
}

fn refuse(cloud: &Cloud, service: Service<'_>, request: &Request, refusal: &Refusal) -> Answer {
    if let Refusal::Killed(_) = refusal {
        match cloud.model.options().kill_answer {
            KillAnswer::Fault => {}
            KillAnswer::GatewayTimeout => return Answer::html(StatusCode::GATEWAY_TIMEOUT),
            KillAnswer::Reset => return Answer::cut(),
        }
    }
    match service {
        Service::Soap { .. } | Service::Swa { .. } => soap::version_of(&request.headers).fault(refusal),
        Service::Bulk { .. } | Service::Collections { .. } | Service::Record { .. } | Service::Limits => {
            collections::refuse(refusal)
        }
        Service::Partner => partner::refuse(refusal),
        Service::Health => Answer::json(StatusCode::SERVICE_UNAVAILABLE, &json!({"state": "down"})),
        _ => rest::refuse(cloud, refusal),
    }
}
