//! What people are told where whoever looked said nothing more exact.

use std::sync::Arc;

use crate::hop::{ErrorClass, HopState};

/// One short text in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Texts {
    pub(crate) en: Arc<str>,
    pub(crate) ja: Arc<str>,
}

fn texts(en: &str, ja: &str) -> Texts {
    Texts { en: en.into(), ja: ja.into() }
}

/// A look that had nothing to add to its state and class.
pub(crate) fn seen(state: HopState, class: Option<ErrorClass>) -> Texts {
    match (state, class) {
        (HopState::Up, _) => texts("serves", "正常に応答しています"),
        (HopState::Unknown, _) | (_, None) => texts("the check itself failed", "確認処理が失敗しました"),
        (HopState::Degraded, Some(class)) => match class {
            ErrorClass::Line => texts("the line is slow or breaks", "回線が遅いか途切れています"),
            ErrorClass::Infrastructure => texts("near a limit", "資源が上限に近づいています"),
            ErrorClass::Authentication => texts("the login will soon fail", "認証が間もなく失効します"),
            ErrorClass::Data => texts("some records were refused", "一部のレコードが拒否されました"),
            ErrorClass::Timeout => texts("slow to answer", "応答が遅れています"),
            ErrorClass::Application => {
                texts("the application reports errors", "業務アプリがエラーを報告しています")
            }
            ErrorClass::Misuse => texts("near a quota", "利用量が割当に近づいています"),
        },
        (HopState::Down, Some(class)) => match class {
            ErrorClass::Line => texts("cannot be reached", "接続できません"),
            ErrorClass::Infrastructure => texts("cannot serve", "サービスを提供できない状態です"),
            ErrorClass::Authentication => texts("the login is refused", "認証が拒否されました"),
            ErrorClass::Data => texts("records are refused", "レコードが拒否されました"),
            ErrorClass::Timeout => texts("no answer within the deadline", "期限内に応答がありません"),
            ErrorClass::Application => texts("the application fails", "業務アプリが異常です"),
            ErrorClass::Misuse => texts(
                "a quota is used up or the call is not allowed",
                "割当を使い切ったか許可されない呼出です",
            ),
        },
    }
}

/// Nobody has looked yet.
pub(crate) fn never() -> Texts {
    texts("not looked at yet", "まだ確認していません")
}

/// Nothing but real traffic looks at it, and there was none yet.
pub(crate) fn no_traffic() -> Texts {
    texts("no records sent yet", "まだ送信実績がありません")
}

/// The newest fact is older than two intervals.
pub(crate) fn too_old(last: Option<HopState>) -> Texts {
    match last {
        Some(state) if state != HopState::Unknown => Texts {
            en: format!("was {state} when last looked at, too long ago to rely on").into(),
            ja: format!("最後の確認時は「{}」、古いため判断できません", state.label_ja()).into(),
        },
        _ => texts("not looked at for too long", "長い間、確認できていません"),
    }
}

/// A hop on the way there is down.
pub(crate) fn behind(down: &str) -> Texts {
    Texts {
        en: format!("behind {down}, which is down").into(),
        ja: format!("手前の {down} が停止しているため分かりません").into(),
    }
}

/// A hop on the way there was down when last looked at, too long ago to say that it is.
pub(crate) fn behind_lost(down: &str) -> Texts {
    Texts {
        en: format!("behind {down}, which was down when last looked at").into(),
        ja: format!("手前の {down} が最後の確認時に停止していたため分かりません").into(),
    }
}

/// Its last failure fell into a time when a hop before it was down.
pub(crate) fn explained() -> Texts {
    texts("not looked at since a hop before it was down", "手前の経路点の停止以降、まだ確認していません")
}

/// A hop behind it answered.
pub(crate) fn proven(by: &str) -> Texts {
    Texts {
        en: format!("passed by an answer from {by}").into(),
        ja: format!("{by} からの応答が通過しました").into(),
    }
}
