//! What is said when a gateway or an admin listener cannot be spoken to.

use sekisho_upstream::{EndpointError, UpstreamError};

use crate::language::{Text, text};

/// An exchange that had no end.
pub(crate) fn exchange(error: &UpstreamError) -> Text {
    let japanese = match error {
        UpstreamError::Resolve { host, .. } => {
            format!("ホスト名 {host} のアドレスが分かりません。名前と名前解決の設定を確かめてください")
        }
        UpstreamError::Connect { address, .. } => {
            format!(
                "{address} に接続できません。回線、ファイアウォール、相手が動いているかを確かめてください"
            )
        }
        UpstreamError::Tls { host, .. } => {
            format!(
                "{host} とのTLSが成立しません。ルート証明書、サーバー名、クライアント証明書を確かめてください"
            )
        }
        UpstreamError::Timeout { after, .. } => {
            format!("{}ミリ秒以内に終わりませんでした。結果は分かりません", after.as_millis())
        }
        UpstreamError::Cut { .. } => "通信が途中で切れました。結果は分かりません".to_owned(),
        UpstreamError::Answer { .. } => "応答がHTTPとして読めません".to_owned(),
        UpstreamError::AnswerTooLong { limit } => format!("応答が{limit}バイトを超えています"),
        UpstreamError::Busy { .. } => "接続がすべて使用中です".to_owned(),
        UpstreamError::Request { .. } => "要求を送れません".to_owned(),
        UpstreamError::NotRecorded => "交換記録を書き込めないため、送信していません".to_owned(),
        UpstreamError::Body { .. } => "送るデータが途中で終わりました".to_owned(),
    };
    Text::new(error.to_string(), format!("{japanese}（{}）", error.code()))
}

/// An address that cannot be asked.
pub(crate) fn address(url: &str, error: &EndpointError) -> Text {
    match error {
        EndpointError::Url { reason, .. } => text!(
            "{url}: {reason}; write http://host[:port][/path] or https://host[:port][/path]",
            "{url}: http://ホスト[:ポート][/パス] か https://ホスト[:ポート][/パス] の形で書いてください"
        ),
        EndpointError::Value { key: "roots", .. } => text!(
            "{url}: https needs the gateway's roots of trust: --roots FILE",
            "{url}: httpsには、ゲートウェイのルート証明書が必要です：--roots FILE"
        ),
        error => text!("{url}: {error}", "{url}: {error}"),
    }
}

/// A file of this machine that cannot be read.
pub(crate) fn file(error: &anyhow::Error) -> Text {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    match io {
        Some(io) => {
            let path = error.to_string();
            text!("{path}: ", "{path}: ").and(&crate::config::words::reason(io))
        }
        None => text!("{error:#}", "{error:#}"),
    }
}
