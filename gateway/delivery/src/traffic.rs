//! What real exchanges tell about the hops.

use std::time::Duration;

use sekisho_liveness::{Board, ErrorClass, Observation, Station};

use crate::chunk::End;
use crate::dialect::Verdict;

/// Reports the end of an exchange: to the import hop always, to a hop before it where the failure was there.
pub(crate) fn report(board: &Board, upstream: &str, end: &End, took: Duration, refused_rows: bool) {
    let (class, answered, code) = match end {
        End::Answered(Verdict::Rows(_)) => {
            board.report(&Station::Login.hop_of(upstream), Observation::up(took).from_traffic());
            let seen = if refused_rows {
                Observation::degraded(ErrorClass::Data)
                    .took(took)
                    .text("some records were refused by the cloud", "一部のレコードが接続先で拒否されました")
            } else {
                Observation::up(took)
            };
            board.report(&Station::Import.hop_of(upstream), seen.from_traffic());
            return;
        }
        End::Answered(Verdict::Session(code)) => (ErrorClass::Authentication, true, code),
        End::Answered(Verdict::Data { code, certain: true } | Verdict::TooLarge(code)) => {
            (ErrorClass::Data, true, code)
        }
        End::Answered(Verdict::Data { code, certain: false } | Verdict::Misuse(code)) => {
            (ErrorClass::Misuse, true, code)
        }
        End::Answered(Verdict::Later { code, quota: true, .. }) => (ErrorClass::Misuse, true, code),
        End::Answered(Verdict::Later { code, quota: false, .. } | Verdict::Unknown(code)) => {
            (ErrorClass::Infrastructure, true, code)
        }
        End::Answered(Verdict::TimeLimit(code)) => (ErrorClass::Timeout, true, code),
        End::Lost { code, timeout: true } => (ErrorClass::Timeout, false, code),
        End::Lost { code, timeout: false } => (ErrorClass::Line, false, code),
        End::NotSent { code, class } => (*class, false, code),
    };
    let seen = || {
        Observation::down(class)
            .from_traffic()
            .took(took)
            .answered(answered)
            .text(format!("the last chunk failed: {code}"), format!("直近の送信が失敗しました: {code}"))
    };
    let hop = match (class, answered) {
        (ErrorClass::Line, _) => Station::Line,
        (ErrorClass::Authentication, _) => Station::Login,
        (ErrorClass::Infrastructure, true) => Station::Cloud,
        _ => Station::Import,
    };
    board.report(&hop.hop_of(upstream), seen());
    if hop != Station::Import {
        board.report(&Station::Import.hop_of(upstream), seen());
    }
}
