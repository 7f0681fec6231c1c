//! What real exchanges tell about the hops.

use std::time::Duration;

use sekisho_liveness::{Board, ErrorClass, Observation, Station};
use sekisho_upstream::UpstreamError;

use crate::chunk::End;
use crate::dialect::{RowProblem, RowProblemKind, Verdict};
use crate::outcome::MISSING;

/// Reports the end of an exchange: a fact about the import, and about the hop that it got stuck at.
pub(crate) fn report(board: &Board, upstream: &str, end: &End, took: Duration, refused_rows: bool) {
    let seen = match end {
        End::Answered(Verdict::Rows(problems)) if problems.iter().any(is_unsaid) => {
            Observation::degraded(ErrorClass::Infrastructure).text(
                format!("the last answer left out what became of some records: {MISSING}"),
                format!("直近の応答に、一部のレコードの結果がありませんでした: {MISSING}"),
            )
        }
        End::Answered(Verdict::Rows(_)) if refused_rows => Observation::degraded(ErrorClass::Data).text(
            "the cloud refused some of the last records",
            "直近のレコードの一部が接続先で拒否されました",
        ),
        End::Answered(Verdict::Rows(_)) => Observation::up(took),
        failed => down(upstream, failed, "the last chunk failed", "直近の送信が失敗しました"),
    };
    board.report(&Station::Import.hop_of(upstream), seen.from_traffic().took(took));
}

/// How the exchange of a message ended that was relayed as it came.
#[derive(Debug)]
pub enum Relayed<'e> {
    /// The upstream answered, and with no fault.
    Taken,
    /// It answered that the message itself is at fault: a matter between it and the client.
    Refused,
    /// It answered that it failed, or with something that is no answer: why, as a code.
    Faulted(&'static str),
    /// It gave no whole answer.
    Failed(&'e UpstreamError),
}

/// Reports the end of a relayed message as [`report`] does that of a chunk.
pub fn relayed(board: &Board, upstream: &str, end: &Relayed<'_>, took: Duration) {
    let failed = match end {
        Relayed::Taken => None,
        Relayed::Refused => {
            let seen = Observation::degraded(ErrorClass::Data)
                .text("the cloud refused the last relayed message", "直近の中継電文が接続先で拒否されました");
            board.report(&Station::Import.hop_of(upstream), seen.from_traffic().took(took));
            return;
        }
        // That there was no record of it is the gateway's own doing: nothing was sent.
        Relayed::Failed(UpstreamError::NotRecorded) => return,
        Relayed::Faulted(code) => Some(End::Answered(Verdict::Unknown((*code).to_owned()))),
        Relayed::Failed(error) => Some(End::from((*error).clone())),
    };
    let seen = match failed {
        None => Observation::up(took),
        Some(end) => down(upstream, &end, "the last relayed message failed", "直近の中継電文が失敗しました"),
    };
    board.report(&Station::Import.hop_of(upstream), seen.from_traffic().took(took));
}

fn down(upstream: &str, failed: &End, en: &str, ja: &str) -> Observation {
    let (class, answered, station, code) = failure(failed);
    // As in the ledger: what is no code may be the cloud's free text, which may quote a record.
    let code = sekisho_journal::Code::new(code);
    let seen =
        Observation::down(class).answered(answered).text(format!("{en}: {code}"), format!("{ja}: {code}"));
    match station {
        Some(station) => seen.stopped_at(station.hop_of(upstream)),
        None => seen,
    }
}

fn is_unsaid(problem: &RowProblem) -> bool {
    problem.kind == RowProblemKind::Unknown
}

/// Reports that the spool cannot give records that it holds: the gateway's own fault.
pub(crate) fn unreadable(board: &Board, code: &str) {
    let seen = Observation::degraded(ErrorClass::Infrastructure).text(
        format!("records of a batch cannot be read from the spool: {code}; the batch is held"),
        format!("保管領域のレコードを読み取れません: {code}。バッチは保留中です"),
    );
    board.report(&Station::Gateway.hop_of(""), seen.from_traffic());
}

/// Class of a failure, whether the hop where it stopped has answered, which hop that is if it is known, and the code.
fn failure(end: &End) -> (ErrorClass, bool, Option<Station>, &str) {
    let import = Some(Station::Import);
    match end {
        End::NotSent { code, class: ErrorClass::Line } => {
            (ErrorClass::Line, false, Some(Station::Line), code)
        }
        End::NotSent { code, class: ErrorClass::Authentication } => {
            (ErrorClass::Authentication, true, Some(Station::Login), code)
        }
        End::NotSent { code, class } => (*class, false, None, code),
        End::BrokeOff { why, .. } => failure(why),
        End::Lost { code, timeout: true } => (ErrorClass::Timeout, false, import, code),
        // Cut on the way: by the line or by any station behind it.
        End::Lost { code, timeout: false } => (ErrorClass::Line, false, None, code),
        End::Answered(verdict) => match verdict {
            Verdict::Rows(_) => (ErrorClass::Data, true, import, ""),
            Verdict::Session(code) => (ErrorClass::Authentication, true, Some(Station::Login), code),
            Verdict::Data { code, certain: true } | Verdict::TooLarge(code) => {
                (ErrorClass::Data, true, import, code)
            }
            Verdict::Data { code, certain: false }
            | Verdict::Misuse(code)
            | Verdict::Later { code, quota: true, .. } => (ErrorClass::Misuse, true, import, code),
            Verdict::Later { code, quota: false, .. } => {
                (ErrorClass::Infrastructure, true, Some(Station::Cloud), code)
            }
            Verdict::Unknown(code) => (ErrorClass::Infrastructure, true, import, code),
            Verdict::TimeLimit(code) => (ErrorClass::Timeout, true, import, code),
        },
    }
}

#[cfg(test)]
mod tests {
    use sekisho_liveness::{HopSpec, HopState, Intervals};

    use super::*;

    fn hops_after(end: End) -> Vec<(String, HopState, Option<ErrorClass>)> {
        let board = Board::new(HopSpec::way_to("cloud", Intervals::default())).expect("a path");
        report(&board, "cloud", &end, Duration::from_millis(20), false);
        board.snapshot().hops.iter().map(|hop| (hop.name.to_string(), hop.state, hop.class)).collect()
    }

    fn of(hops: &[(String, HopState, Option<ErrorClass>)], name: &str) -> (HopState, Option<ErrorClass>) {
        let hop = hops.iter().find(|hop| hop.0 == name).expect("a hop");
        (hop.1, hop.2)
    }

    #[test]
    fn a_chunk_that_was_taken_proves_every_hop_before_the_import() {
        let hops = hops_after(End::Answered(Verdict::Rows(Vec::new())));
        for name in ["line", "cloud", "login", "import"] {
            assert_eq!(of(&hops, name).0, HopState::Up, "{name}");
        }
    }

    #[test]
    fn a_failure_is_shown_where_it_was() {
        let line = hops_after(End::NotSent { code: "upstream-connect".into(), class: ErrorClass::Line });
        assert_eq!(of(&line, "line"), (HopState::Down, Some(ErrorClass::Line)));
        assert_eq!(of(&line, "import").0, HopState::Unknown);

        let login =
            hops_after(End::NotSent { code: "login-refused".into(), class: ErrorClass::Authentication });
        assert_eq!(of(&login, "line").0, HopState::Up);
        assert_eq!(of(&login, "login"), (HopState::Down, Some(ErrorClass::Authentication)));
        assert_eq!(of(&login, "import").0, HopState::Unknown);

        let later = Verdict::Later { code: "SERVER_UNAVAILABLE".into(), wait: None, quota: false };
        let cloud = hops_after(End::Answered(later));
        assert_eq!(of(&cloud, "line").0, HopState::Up);
        assert_eq!(of(&cloud, "cloud"), (HopState::Down, Some(ErrorClass::Infrastructure)));

        let import = hops_after(End::Answered(Verdict::TimeLimit("REQUEST_RUNNING_TOO_LONG".into())));
        assert_eq!(of(&import, "login").0, HopState::Up);
        assert_eq!(of(&import, "import"), (HopState::Down, Some(ErrorClass::Timeout)));
    }
}
