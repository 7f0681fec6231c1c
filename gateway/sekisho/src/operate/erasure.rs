//! `sekisho purge`.

use std::io::{self, Write as _};
use std::process::ExitCode;

use http::Method;
use serde_json::Value;

use super::{REFUSED, ask};
use crate::cli::PurgeArgs;
use crate::language::{Language, Text, text};

/// Destroys what a client's batches hold.
pub(crate) fn purge(args: &PurgeArgs, language: Language) -> anyhow::Result<ExitCode> {
    let also = if args.also_unfinished { "?also-unfinished=true" } else { "" };
    let path = format!("/clients/{}/purge{also}", args.client);
    let value = match ask(&args.admin, Method::POST, &path, language)? {
        Ok(value) => value,
        Err(code) => return Ok(code),
    };
    let mut out = io::stdout();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&value)?)?;
    } else {
        for line in told(&args.client, &value) {
            writeln!(out, "{}", line.in_language(language))?;
        }
    }
    let left = count(&value, "kept") + count(&value, "underWay");
    Ok(if left == 0 { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) })
}

fn count(value: &Value, name: &str) -> usize {
    value[name].as_array().map_or(0, Vec::len)
}

fn told(client: &str, value: &Value) -> Vec<Text> {
    let (payloads, unfinished) = (count(value, "payloads"), count(value, "unfinished"));
    let cancelled = value["cancelled"].as_u64().unwrap_or(0);
    let mut lines = vec![match value["keys"].as_bool() {
        Some(true) => text!(
            "client {client}: the keys and payloads of {payloads} batches are destroyed",
            "団体{client}：{payloads}件のバッチの鍵とデータを破棄しました"
        ),
        _ => text!(
            "client {client}: the payloads of {payloads} batches are removed; they were not encrypted, so that remains may be on \
             the disk",
            "団体{client}：{payloads}件のバッチのデータを削除しました（暗号化されていないため、ディスクに痕跡が残る場合があります）"
        ),
    }];
    if unfinished > 0 {
        lines.push(text!(
            "of these, not finished: {unfinished}; records cancelled: {cancelled}",
            "うち未完了のバッチ：{unfinished}件、取り消したレコード：{cancelled}件"
        ));
    }
    for (name, why) in [
        (
            "kept",
            text!(
                "is not finished: left, see --also-unfinished",
                "未完了のため残しました（--also-unfinishedを参照）"
            ),
        ),
        (
            "underWay",
            text!(
                "is cancelled, and records of it are on their way: left, ask again when they have an outcome",
                "取り消しましたが、送信中のレコードがあるため残しました。結果が出てからもう一度実行してください"
            ),
        ),
    ] {
        for batch in value[name].as_array().into_iter().flatten().filter_map(Value::as_str) {
            lines.push(text!("batch {batch} ", "バッチ{batch}：").and(&why));
        }
    }
    lines
}
