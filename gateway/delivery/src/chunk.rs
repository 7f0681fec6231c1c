//! One chunk, one exchange: the request with its rows out, a verdict in.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, StatusCode};
#[cfg(feature = "failpoints")]
use sekisho_journal::failpoints::{self, Point};
use sekisho_journal::{BatchId, CallName, RowAnswer, Spool};
use sekisho_liveness::ErrorClass;
use sekisho_upstream::{Answer, AnswerStream, Body, LoginError, Note, Sent, Token, Upstream, UpstreamError};
use uuid::Uuid;

use crate::dialect::{Asked, RowProblem, Verdict};
use crate::encode::{self, Measured, RowSource};
use crate::plan::PlanError;
use crate::signals::Signals;

/// How an exchange ended.
#[derive(Clone, Debug)]
pub enum End {
    /// The upstream answered.
    Answered(Verdict),
    /// Nothing can have been done: no connection, no token, no request.
    NotSent {
        /// Why.
        code: String,
        /// What that says of the hops.
        class: ErrorClass,
    },
    /// Nobody can know.
    Lost {
        /// Why.
        code: String,
        /// A deadline passed.
        timeout: bool,
    },
    /// Some of a chunk's rows were asked for by key, and the rest could not be.
    BrokeOff {
        /// The rows that are not known to be there, ascending.
        heard: Vec<RowProblem>,
        /// How the question ended.
        why: Box<End>,
    },
}

/// A chunk about to be sent.
pub(crate) struct Outgoing {
    pub(crate) upstream: Upstream,
    pub(crate) source: RowSource,
    pub(crate) batch: String,
    pub(crate) number: u64,
    pub(crate) tally: Tally,
    /// Where what the upstream says of each row is kept, where a client awaits it.
    pub(crate) keep: Option<Keep>,
}

/// What the exchanges of one chunk come to, beside its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<Mutex<(u64, Signals)>>);

impl Tally {
    /// A call is made.
    pub(crate) fn call(&self) {
        self.with(|told| told.0 += 1);
    }

    /// It is answered, and its header fields say more.
    pub(crate) fn heard(&self, headers: &HeaderMap) {
        self.with(|told| told.1 = told.1.and(Signals::of(headers)));
    }

    /// Calls made, and what was heard.
    pub(crate) fn sum(&self) -> (u64, Signals) {
        let mut sum = (0, Signals::default());
        self.with(|told| sum = *told);
        sum
    }

    fn with(&self, change: impl FnOnce(&mut (u64, Signals))) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Where the results of one call are kept.
#[derive(Clone, Debug)]
pub(crate) struct Keep {
    pub(crate) spool: Spool,
    pub(crate) batch: BatchId,
    pub(crate) call: CallName,
}

impl Keep {
    /// What cannot be kept is missing in the answer, which then says in the gateway's words what became of those rows: the
    /// outcome counts for more.
    pub(crate) async fn results(&self, results: Vec<RowAnswer>) {
        if results.is_empty() {
            return;
        }
        let Self { spool, batch, call } = self.clone();
        let kept = tokio::task::spawn_blocking(move || spool.keep_results(batch, call, results)).await;
        match kept {
            Ok(Ok(())) => {
                #[cfg(feature = "failpoints")]
                failpoints::pass(Point::ResultsKept);
            }
            Ok(Err(error)) => {
                tracing::error!(%batch, code = error.code(), %error, "what the upstream said of rows could not be kept");
            }
            Err(error) => tracing::error!(%batch, %error, "what the upstream said of rows could not be kept"),
        }
    }
}

impl From<UpstreamError> for End {
    fn from(error: UpstreamError) -> Self {
        let code = error.code().to_owned();
        match (error.outcome(), &error) {
            (Sent::Unknown, _) => End::Lost { timeout: error.is_timeout(), code },
            (Sent::No, UpstreamError::Request { .. } | UpstreamError::Body { .. }) => {
                End::NotSent { code, class: ErrorClass::Misuse }
            }
            (Sent::No, UpstreamError::Busy { .. } | UpstreamError::NotRecorded) => {
                End::NotSent { code, class: ErrorClass::Infrastructure }
            }
            (Sent::No, _) => End::NotSent { code, class: ErrorClass::Line },
        }
    }
}

impl From<LoginError> for End {
    fn from(error: LoginError) -> Self {
        let class = match &error {
            LoginError::Unreachable(_) => ErrorClass::Line,
            _ => ErrorClass::Authentication,
        };
        End::NotSent { code: error.code().to_owned(), class }
    }
}

impl From<PlanError> for End {
    fn from(error: PlanError) -> Self {
        End::NotSent { code: error.code().to_owned(), class: ErrorClass::Misuse }
    }
}

impl Outgoing {
    /// How long an answer is waited for.
    pub(crate) fn deadline(&self) -> Duration {
        self.source.plan.plan.pace.deadline()
    }

    /// Sends the chunk and reads the answer. A session that has expired is renewed once.
    pub(crate) async fn send(&self, chunk: &Measured) -> End {
        self.sent(chunk).await.unwrap_or_else(|end| end)
    }

    async fn sent(&self, chunk: &Measured) -> Result<End, End> {
        let dialect = &self.source.plan.dialect;
        let mut token = self.token().await?;
        let mut renewed = false;
        loop {
            let session = token.as_ref().filter(|_| dialect.session_in_body()).map(Token::secret);
            let message = format!("urn:uuid:{}", Uuid::now_v7());
            let call = dialect.call(self.upstream.endpoint(), &self.batch, self.number, &message, session)?;
            let body = encode::body(&self.source, chunk.records.clone(), chunk.bytes, call.framing);
            let mut request = call.request.map(|()| body);
            request.extensions_mut().insert(self.note("send"));
            if !dialect.session_in_body() {
                authorize(request.headers_mut(), token.as_ref());
            }
            self.tally.call();
            let answer = self.upstream.client().send(request, self.deadline()).await?;
            #[cfg(feature = "failpoints")]
            failpoints::pass(Point::ChunkAnswered);
            self.tally.heard(&answer.headers);
            let asked = Asked { message: Some(&message), keep: self.keep.is_some() };
            let (verdict, results) =
                dialect.heard(answer.status, &answer.headers, &answer.body, chunk, asked);
            match (&verdict, &token) {
                (Verdict::Session(_), Some(expired)) if !renewed => {
                    token = Some(self.renewed(expired).await?);
                    renewed = true;
                }
                _ => {
                    // Before the ledger has the outcome: whoever sees that finds what was said.
                    if let Some(keep) = &self.keep {
                        keep.results(results).await;
                    }
                    return Ok(End::Answered(verdict));
                }
            }
        }
    }

    /// What is said of a call in the exchange log; `operation` is a word of this crate.
    pub(crate) fn note(&self, operation: &'static str) -> Note {
        Note {
            route: Some(self.source.plan.plan.route.clone()),
            // A batch's name is a UUID.
            batch: self.batch.parse().ok(),
            chunk: Some(self.number),
            ..Note::of(operation)
        }
    }

    /// A call without rows, with the token, renewed once when the upstream says that it has expired.
    pub(crate) async fn call(
        &self,
        operation: &'static str,
        request: impl Fn() -> Result<Request<Body>, PlanError>,
    ) -> Result<Answer, End> {
        let mut token = self.token().await?;
        let mut renewed = false;
        loop {
            let mut request = request()?;
            request.extensions_mut().insert(self.note(operation));
            authorize(request.headers_mut(), token.as_ref());
            self.tally.call();
            let answer = self.upstream.client().send(request, self.deadline()).await?;
            self.tally.heard(&answer.headers);
            match &token {
                Some(expired)
                    if !renewed && self.is_session(answer.status, &answer.headers, &answer.body) =>
                {
                    token = Some(self.renewed(expired).await?);
                    renewed = true;
                }
                _ => return Ok(answer),
            }
        }
    }

    /// As [`Outgoing::call`], for an answer of at most `limit` bytes that is read piece by piece.
    pub(crate) async fn call_streaming(
        &self,
        operation: &'static str,
        request: impl Fn() -> Result<Request<Body>, PlanError>,
        limit: u64,
    ) -> Result<AnswerStream, End> {
        let mut token = self.token().await?;
        let mut renewed = false;
        loop {
            let mut request = request()?;
            request.extensions_mut().insert(self.note(operation));
            authorize(request.headers_mut(), token.as_ref());
            self.tally.call();
            let client = self.upstream.client();
            let answer = client.send_streaming_up_to(request, self.deadline(), limit).await?;
            match &token {
                Some(expired) if !renewed && answer.status == StatusCode::UNAUTHORIZED => {
                    token = Some(self.renewed(expired).await?);
                    renewed = true;
                }
                _ => return Ok(answer),
            }
        }
    }

    pub(crate) fn is_session(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> bool {
        !status.is_success()
            && matches!(self.source.plan.dialect.judge_error(status, headers, body), Verdict::Session(_))
    }

    pub(crate) async fn token(&self) -> Result<Option<Token>, End> {
        let Some(tokens) = self.upstream.tokens() else { return Ok(None) };
        #[cfg(feature = "failpoints")]
        failpoints::pass(Point::LoginAsked);
        let token = tokens.token().await?;
        #[cfg(feature = "failpoints")]
        failpoints::pass(Point::LoggedIn);
        Ok(Some(token))
    }

    pub(crate) async fn renewed(&self, expired: &Token) -> Result<Token, End> {
        match self.upstream.tokens() {
            Some(tokens) => Ok(tokens.renew(expired).await?),
            None => Ok(expired.clone()),
        }
    }
}

pub(crate) fn authorize(headers: &mut HeaderMap, token: Option<&Token>) {
    if let Some(token) = token {
        headers.insert(AUTHORIZATION, token.bearer());
    }
}
