//! The gateway's active probes: what each hop is asked, and what the answer means.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{Method, Request};
use sekisho_edge::Tls;
use sekisho_exchanges::ExchangeLog;
use sekisho_journal::Ledger;
use sekisho_liveness::{ErrorClass, HopSpec, Observation, Probe, Schedule, ScheduleError, Station};
use sekisho_scan::{ScanError, Scanner};
use sekisho_upstream::{
    Answer, Body, LoginError, Look, Note, Sent, Token, Upstream, UpstreamError, probe_get, probe_tls,
};

use crate::certificates;
use crate::config::Effective;
use crate::config::effective::GATEWAY_INTERVAL;
use crate::config::raw::HealthySection;
use crate::language::{Language, text};
use crate::space::{self, Shown, Space};

/// Probes with their schedules.
pub(crate) type Probes = Vec<(Box<dyn Probe>, Schedule)>;

/// Every probe of a configuration, for `Prober::start`. `state` is the folder in use and `tls` what the listeners have, which
/// a reload does not change.
pub(crate) fn of(
    effective: &Effective,
    ledger: &Ledger,
    state: &Path,
    room: &Shown,
    tls: Vec<Arc<Tls>>,
    log: &ExchangeLog,
) -> Result<Probes, ScheduleError> {
    let mut probes: Probes = Vec::new();
    let gateway = GatewayProbe {
        ledger: ledger.clone(),
        state: state.to_owned(),
        space: Space::of,
        room: room.clone(),
        tls,
        log: log.clone(),
    };
    probes.push((Box::new(gateway), Schedule::every(GATEWAY_INTERVAL)?));
    for watched in &effective.upstreams {
        let (upstream, probe, intervals) = (&watched.upstream, &watched.probe, watched.intervals());
        let hop = |station: Station| station.hop_of(upstream.name());
        let line = Schedule::every(intervals.line)?;
        let line_probe =
            LineProbe { hop: hop(Station::Line), upstream: upstream.clone(), deadline: line.deadline() };
        probes.push((Box::new(line_probe), line));
        let cloud = Schedule::every(intervals.cloud)?;
        let cloud_probe = CloudProbe {
            hop: hop(Station::Cloud),
            line: hop(Station::Line),
            upstream: upstream.clone(),
            path: probe.health.clone(),
            healthy: probe.healthy.clone().unwrap_or_default(),
            deadline: cloud.deadline(),
        };
        probes.push((Box::new(cloud_probe), cloud));
        let login =
            LoginProbe { hop: hop(Station::Login), line: hop(Station::Line), upstream: upstream.clone() };
        probes.push((Box::new(login), Schedule::every(intervals.login)?));
        if let (Some(path), Some(interval)) = (&probe.application, intervals.application) {
            let application = Schedule::every(interval)?;
            let application_probe = ApplicationProbe {
                hop: hop(Station::Application),
                login: hop(Station::Login),
                upstream: upstream.clone(),
                path: path.clone(),
                deadline: application.deadline(),
            };
            probes.push((Box::new(application_probe), application));
        }
    }
    for one in &effective.scanners {
        let hop = HopSpec::scanner(&one.scanner.settings().name, one.interval).id();
        let schedule = Schedule::every(one.interval)?;
        let probe = ScannerProbe { hop, scanner: one.scanner.clone(), deadline: schedule.deadline() };
        probes.push((Box::new(probe), schedule));
    }
    Ok(probes)
}

/// A scanner: it says that it is there.
struct ScannerProbe {
    hop: String,
    scanner: Scanner,
    deadline: Duration,
}

#[async_trait]
impl Probe for ScannerProbe {
    fn hop(&self) -> &str {
        &self.hop
    }

    async fn check(&self) -> Observation {
        let started = std::time::Instant::now();
        match self.scanner.check_within(self.deadline).await {
            Ok(()) => Observation::up(started.elapsed()).text("answers", "応答しています"),
            Err(ScanError::Silent(_)) => {
                Observation::down(ErrorClass::Timeout).text("no answer in time", "時間内に応答がありません")
            }
            Err(error) => {
                let class = match error {
                    ScanError::Unreachable(_) => ErrorClass::Line,
                    _ => ErrorClass::Infrastructure,
                };
                let code = error.code();
                Observation::down(class)
                    .text(format!("does not serve ({code})"), format!("利用できません（{code}）"))
            }
        }
    }
}

/// The gateway itself: its ledger answers, its state folder can be written and has room, of no batch it has lost records, and
/// its listeners' certificates last.
struct GatewayProbe {
    ledger: Ledger,
    state: PathBuf,
    /// Finds the room on the state folder's disk.
    space: fn(&Path) -> std::io::Result<Space>,
    /// Where that is shown.
    room: Shown,
    tls: Vec<Arc<Tls>>,
    log: ExchangeLog,
}

#[async_trait]
impl Probe for GatewayProbe {
    fn hop(&self) -> &str {
        Station::Gateway.as_str()
    }

    async fn check(&self) -> Observation {
        let started = std::time::Instant::now();
        // Through the writer, to the disk: reading would succeed when nothing can be accepted any more.
        let ledger = self.ledger.keep_pace("gateway-probe", "{}".to_owned()).await;
        let (state, file, space) = (self.state.clone(), self.state.join("probe"), self.space);
        let written = tokio::task::spawn_blocking(move || {
            let outcome = std::fs::File::create(&file).and_then(|mut created| {
                created.write_all(b"probe")?;
                created.sync_all()
            });
            let _ = std::fs::remove_file(&file);
            outcome.and_then(|()| space(&state))
        });
        match (ledger, written.await) {
            (Ok(_), Ok(Ok(space))) => {
                self.room.show(space);
                self.readable(started, space).await
            }
            (Err(_), _) => Observation::down(ErrorClass::Infrastructure)
                .text("the ledger cannot be written", "台帳に書き込めません"),
            _ => Observation::down(ErrorClass::Infrastructure)
                .text("the state folder cannot be written", "状態フォルダーに書き込めません"),
        }
    }
}

impl GatewayProbe {
    /// What can be written can be read, too: but for the records that delivery has found unreadable.
    async fn readable(&self, started: std::time::Instant, space: Space) -> Observation {
        match self.ledger.unreadable().await {
            Ok(0) => self.lasting(started, space),
            Ok(batches) => {
                let of = if batches == 1 { "batch" } else { "batches" };
                Observation::degraded(ErrorClass::Infrastructure).took(started.elapsed()).text(
                    format!("records of {batches} {of} cannot be read from the spool: see `sekisho batches`"),
                    format!(
                        "{batches}件のバッチのレコードを保管領域から読み取れません（`sekisho batches` で確認）"
                    ),
                )
            }
            Err(_) => Observation::down(ErrorClass::Infrastructure)
                .text("the ledger cannot be read", "台帳を読み取れません"),
        }
    }
}

impl GatewayProbe {
    /// Every exchange is on record, there is room, and nothing that clients trust it by ends soon.
    fn lasting(&self, started: std::time::Instant, space: Space) -> Observation {
        if self.log.is_failing() {
            let lost = self.log.lost();
            return Observation::degraded(ErrorClass::Infrastructure).took(started.elapsed()).text(
                format!("the exchange log cannot be written; exchanges that are not on record: {lost}"),
                format!("交換記録を書き込めません（記録できなかった交換：{lost}件）"),
            );
        }
        let free = space::in_units(space.free);
        if space.is_low() {
            return Observation::degraded(ErrorClass::Infrastructure).took(started.elapsed()).text(
                format!("only {free} can still be written on the disk of the ledger and the spool"),
                format!("台帳と保管領域のディスクの空きが{free}しかありません"),
            );
        }
        if let Some(ending) = certificates::ending(&self.tls) {
            let (english, japanese) =
                (ending.in_language(Language::English), ending.in_language(Language::Japanese));
            return Observation::degraded(ErrorClass::Infrastructure)
                .took(started.elapsed())
                .text(english, japanese);
        }
        let said = text!("ledger and state folder can be written", "台帳と状態フォルダーに書き込めます");
        let room = text!("; {free} free", "。空き{free}");
        let days = match certificates::fewest_days(&self.tls) {
            Some(days) => text!("; certificates last {days} days", "。証明書の残り{days}日"),
            None => text!("", ""),
        };
        // Not how old the oldest batch is: every client sees this, and a batch is nobody's but its own client's.
        let said = said.and(&room).and(&days);
        Observation::up(started.elapsed())
            .text(said.in_language(Language::English), said.in_language(Language::Japanese))
    }
}

/// The line: name, connection, TLS.
struct LineProbe {
    hop: String,
    upstream: Upstream,
    deadline: Duration,
}

#[async_trait]
impl Probe for LineProbe {
    fn hop(&self) -> &str {
        &self.hop
    }

    async fn check(&self) -> Observation {
        match probe_tls(self.upstream.endpoint(), self.deadline).await {
            Ok(timing) => {
                let took =
                    timing.resolve + timing.connect.unwrap_or_default() + timing.tls.unwrap_or_default();
                Observation::up(took).text("connected", "接続できます")
            }
            Err(error) => unreachable(&error),
        }
    }
}

fn unreachable(error: &UpstreamError) -> Observation {
    let text = format!("no connection ({})", error.code());
    Observation::down(ErrorClass::Line).text(text, format!("接続できません（{}）", error.code()))
}

/// The cloud's HTTP server.
struct CloudProbe {
    hop: String,
    line: String,
    upstream: Upstream,
    path: Option<String>,
    healthy: HealthySection,
    deadline: Duration,
}

#[async_trait]
impl Probe for CloudProbe {
    fn hop(&self) -> &str {
        &self.hop
    }

    async fn check(&self) -> Observation {
        let path = self.path.as_deref().unwrap_or("/");
        match probe_get(self.upstream.client(), path, self.deadline).await {
            Ok((timing, answer)) => {
                let took = timing.http.unwrap_or_default();
                let status = answer.status.as_u16();
                let good = if self.path.is_some() { (200..300).contains(&status) } else { status < 500 };
                let amiss = if good {
                    health::amiss(&self.healthy, &answer)
                } else {
                    Some(text!("answers with status {status}", "ステータス{status}を返しています"))
                };
                match amiss {
                    None => Observation::up(took).text("answers", "応答しています"),
                    Some(said) => {
                        let down = Observation::down(ErrorClass::Infrastructure).took(took).answered(true);
                        down.text(said.in_language(Language::English), said.in_language(Language::Japanese))
                    }
                }
            }
            // It is the line that is cut, not the cloud that is down.
            Err(error) if error.outcome() == Sent::No => unreachable(&error).stopped_at(&self.line),
            Err(error) => {
                let class = if error.is_timeout() { ErrorClass::Timeout } else { ErrorClass::Infrastructure };
                Observation::down(class).text(
                    format!("no whole answer ({})", error.code()),
                    format!("応答が完了しません（{}）", error.code()),
                )
            }
        }
    }
}

/// The login: a token can be had. One from a file is known by the calls that are made with it.
struct LoginProbe {
    hop: String,
    line: String,
    upstream: Upstream,
}

#[async_trait]
impl Probe for LoginProbe {
    fn hop(&self) -> &str {
        &self.hop
    }

    async fn check(&self) -> Observation {
        let Some(tokens) = self.upstream.tokens() else {
            return Observation::up(Duration::ZERO)
                .text("no login is configured", "ログインは設定されていません");
        };
        let started = std::time::Instant::now();
        match tokens.look().await {
            Ok(Look::LoggedIn) => Observation::up(started.elapsed()).text("logged in", "ログインできます"),
            // It answers, and issues what the cloud behind it does not take.
            Ok(Look::Refused) => tokens_refused().took(started.elapsed()),
            // Nobody was asked. Where calls with it were answered of late, they have proven this hop.
            Ok(Look::InFile) => Observation::unknown().text(
                "the token file can be read; whether the cloud takes the token, no call has shown of late",
                "トークンファイルは読み取れます。クラウドで有効かどうかは、最近の呼出がないため分かりません",
            ),
            Err(LoginError::Unreachable(error)) if error.outcome() == Sent::No => {
                unreachable(&error).stopped_at(&self.line)
            }
            Err(LoginError::Unreachable(error)) => {
                let class = if error.is_timeout() { ErrorClass::Timeout } else { ErrorClass::Infrastructure };
                Observation::down(class).text(
                    format!("the login does not answer ({})", error.code()),
                    format!("ログイン先が応答しません（{}）", error.code()),
                )
            }
            // The refusal is one of before, and a file is the gateway's own: this look proves no hop on the way.
            Err(error @ LoginError::Expired { .. }) => refused(&error).answered(false),
            Err(error @ LoginError::Settings { .. }) => {
                Observation::down(ErrorClass::Authentication).answered(false).text(
                    format!("what the login needs cannot be read ({})", error.code()),
                    format!("ログインに必要なものを読み取れません（{}）", error.code()),
                )
            }
            Err(error) => refused(&error).took(started.elapsed()),
        }
    }
}

fn refused(error: &LoginError) -> Observation {
    Observation::down(ErrorClass::Authentication)
        .text(format!("refused ({})", error.code()), format!("拒否されました（{}）", error.code()))
}

/// The cloud takes no token of the login.
fn tokens_refused() -> Observation {
    Observation::down(ErrorClass::Authentication).answered(true).text(
        "logs in, but the cloud refuses its new tokens",
        "ログインはできますが、発行されたトークンがクラウドで拒否されます",
    )
}

/// The application behind the cloud, as the cloud tells it.
struct ApplicationProbe {
    hop: String,
    login: String,
    upstream: Upstream,
    path: String,
    deadline: Duration,
}

#[async_trait]
impl Probe for ApplicationProbe {
    fn hop(&self) -> &str {
        &self.hop
    }

    async fn check(&self) -> Observation {
        let started = std::time::Instant::now();
        let answer = match self.answer().await {
            Ok(answer) => answer,
            Err(seen) => return seen,
        };
        let took = started.elapsed();
        // The state is one of three words; whatever else the cloud says stays with the cloud.
        let state = serde_json::from_slice::<serde_json::Value>(&answer.body)
            .ok()
            .and_then(|body| body.get("state")?.as_str().map(str::to_owned));
        match (answer.status.is_success(), state.as_deref()) {
            (true, Some("up")) => Observation::up(took).text("up, says the cloud", "正常（クラウドの申告）"),
            (true, Some("degraded")) => Observation::degraded(ErrorClass::Application)
                .took(took)
                .text("degraded, says the cloud", "低下（クラウドの申告）"),
            (true, Some("down")) => Observation::down(ErrorClass::Application)
                .took(took)
                .answered(true)
                .text("down, says the cloud", "停止（クラウドの申告）"),
            _ => Observation::unknown()
                .took(took)
                .text("the answer is no state", "応答から状態を判断できません"),
        }
    }
}

impl ApplicationProbe {
    /// The cloud's answer. A token that it refuses is renewed once, as for a chunk.
    async fn answer(&self) -> Result<Answer, Observation> {
        let Some(tokens) = self.upstream.tokens() else {
            let answer = self.asked(None).await?;
            return match session::is_over(&answer) {
                false => Ok(answer),
                true => Err(Observation::unknown().text(
                    "the cloud wants a login, and none is configured",
                    "クラウドがログインを求めていますが、設定されていません",
                )),
            };
        };
        let not_logged_in = |_| Observation::unknown().text("not logged in", "ログインできていません");
        let token = tokens.token().await.map_err(not_logged_in)?;
        let answer = self.asked(Some(&token)).await?;
        if !session::is_over(&answer) {
            return Ok(answer);
        }
        match tokens.renew(&token).await {
            Ok(token) => {
                let answer = self.asked(Some(&token)).await?;
                if !session::is_over(&answer) {
                    return Ok(answer);
                }
                tokens.refuse(&token).await;
                Err(tokens_refused().stopped_at(&self.login))
            }
            // Nobody has put another one into its file.
            Err(error @ LoginError::Expired { .. }) => Err(refused(&error).stopped_at(&self.login)),
            Err(error) => Err(not_logged_in(error)),
        }
    }

    async fn asked(&self, token: Option<&Token>) -> Result<Answer, Observation> {
        let Some(target) = self.upstream.endpoint().target(&self.path) else {
            return Err(Observation::unknown().text("the path cannot be asked for", "パスが不正です"));
        };
        let mut request = Request::new(Body::empty());
        *request.method_mut() = Method::GET;
        request.extensions_mut().insert(Note::of("probe"));
        *request.uri_mut() = target;
        if let Some(token) = token {
            request.headers_mut().insert(http::header::AUTHORIZATION, token.bearer());
        }
        self.upstream.client().send(request, self.deadline).await.map_err(|error| {
            if error.is_timeout() {
                Observation::down(ErrorClass::Timeout).text("no answer in time", "時間内に応答がありません")
            } else {
                Observation::unknown().text("could not be asked", "問い合わせできません")
            }
        })
    }
}

mod health;
mod session;

#[cfg(test)]
mod tests;
