//! What operators ask of the admin listener: batches, their errors and chunks, cancelling, decisions.

mod erasure;
pub(crate) mod receipt;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use http::Method;
use sekisho_soap::message::{Receipt, State};
use sekisho_upstream::{Answer, Body};
use serde_json::Value;

use crate::cli::{AdminArgs, BatchArgs, BatchesArgs, TrustArgs};
use crate::client::{Gateway, runtime, words};
use crate::columns::{Side, table};
use crate::language::{Language, Text};

pub(crate) use self::erasure::purge;

const REFUSED: u8 = 2;
const UNREACHABLE: u8 = 3;
const DEADLINE: Duration = Duration::from_secs(30);

/// Asks the admin listener; an exit code where there is nothing more to do.
fn ask(
    admin: &AdminArgs,
    method: Method,
    path: &str,
    language: Language,
) -> anyhow::Result<Result<Value, ExitCode>> {
    let mut errors = io::stderr();
    let trust = TrustArgs { token_file: admin.token_file.clone(), ..TrustArgs::default() };
    let gateway = match Gateway::at(&admin.admin, &trust) {
        Ok(gateway) => gateway,
        Err(error) => {
            writeln!(errors, "sekisho: {}", error.in_language(language))?;
            return Ok(Err(ExitCode::from(UNREACHABLE)));
        }
    };
    let asked = runtime()?.block_on(gateway.exchange(method, path, &[], Body::empty(), DEADLINE));
    let answer: Answer = match asked {
        Ok(answer) => answer,
        Err(error) => {
            let said = words::exchange(&error);
            writeln!(errors, "sekisho: {}: {}", admin.admin, said.in_language(language))?;
            return Ok(Err(ExitCode::from(UNREACHABLE)));
        }
    };
    let value: Value = match serde_json::from_slice(&answer.body) {
        Ok(value) => value,
        Err(_) => {
            let said = language
                .of("what answers there is no admin listener", "応答したのは管理用リスナーではありません");
            writeln!(errors, "sekisho: {}: {said}", admin.admin)?;
            return Ok(Err(ExitCode::from(REFUSED)));
        }
    };
    if answer.status.is_success() {
        return Ok(Ok(value));
    }
    writeln!(errors, "sekisho: {}", refusal(&value).in_language(language))?;
    Ok(Err(ExitCode::from(REFUSED)))
}

/// What the admin listener refuses, by its code.
fn refusal(value: &Value) -> Text {
    let member = |name: &str| value.get(name).and_then(Value::as_str);
    let code = member("code").unwrap_or("refused");
    let detail = member("detail").unwrap_or("refused");
    let (english, japanese) = match code {
        "batch-unknown" => (detail, "このIDのバッチはありません。"),
        "path-unknown" => (detail, "ここでは何も提供していません。"),
        "admin-token-missing" => {
            (detail, "管理用リスナーはトークンを求めています。--token-fileで指定してください。")
        }
        "admin-token-unknown" => (detail, "管理用リスナーのトークン（admin.token_files）ではありません。"),
        "admin-origin-foreign" => (detail, "別のサイトのページからの変更要求です。何も実行していません。"),
        "admin-host-foreign" => (
            detail,
            "管理用リスナーにトークン（admin.token_files）がない場合、変更はIPアドレスかlocalhostを指定して行ってください。\
             何も実行していません。",
        ),
        "chunk-unknown" => (detail, "このバッチに、その番号の分割単位はありません。"),
        "batch-finished" => (
            "The batch is finished: nothing about it can change.",
            "バッチは完了しており、もう変更できません。",
        ),
        "batch-closing" => (
            "The batch is cancelled or expired already: what is on its way is awaited.",
            "バッチはすでに取消または期限切れで、送信中の分の結果を待っています。",
        ),
        "chunk-not-open" | "chunk-state" => (
            "The chunk is not in doubt: there is nothing to decide. See --chunks.",
            "この分割単位は結果不明ではないので、判断は不要です。--chunksで確かめてください。",
        ),
        _ => return Text::new(detail, format!("受け付けられませんでした（{code}：{detail}）")),
    };
    Text::new(english, japanese)
}

/// `sekisho batches`.
pub(crate) fn batches(args: &BatchesArgs, language: Language) -> anyhow::Result<ExitCode> {
    let mut path = format!("/batches?limit={}", args.limit);
    for (name, value) in [("client", &args.client), ("route", &args.route)] {
        if let Some(value) = value {
            write!(path, "&{name}={value}")?;
        }
    }
    if args.open {
        path.push_str("&finished=false");
    }
    let value = match ask(&args.admin, Method::GET, &path, language)? {
        Ok(value) => value,
        Err(code) => return Ok(code),
    };
    let mut out = io::stdout();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&value)?)?;
    } else {
        out.write_all(list(&value, language).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn list(value: &Value, language: Language) -> String {
    let (left, right) = (Side::Left, Side::Right);
    let head = [
        (language.of("BATCH", "バッチ"), left),
        (language.of("RECEIVED (UTC)", "受付日時（UTC）"), left),
        (language.of("CLIENT", "団体"), left),
        (language.of("ROUTE", "特定通信"), left),
        (language.of("DOOR", "受付口"), left),
        (language.of("RECORDS", "レコード"), right),
        (language.of("DELIVERED", "配信済み"), right),
        (language.of("PARTIAL", "一部配信"), right),
        (language.of("REJECTED", "拒否"), right),
        (language.of("IN DOUBT", "結果不明"), right),
        (language.of("SET ASIDE", "除外"), right),
        (language.of("STATE", "状態"), left),
        (language.of("HELD", "判断待ち"), left),
    ];
    let row = |batch: &Value| {
        let text = |name: &str| batch[name].as_str().unwrap_or("").to_owned();
        let number = |value: &Value| value.as_u64().unwrap_or(0).to_string();
        let sums = &batch["sums"];
        let received = text("receivedAt");
        let state = State::ALL.into_iter().find(|state| Some(state.name()) == batch["state"].as_str());
        [
            text("id"),
            received.get(..19).unwrap_or(&received).replace('T', " "),
            text("client"),
            text("route"),
            text("door"),
            number(&sums["accepted"]),
            number(&sums["delivered"]),
            number(&sums["partial"]),
            number(&sums["rejected"]),
            number(&sums["inDoubt"]),
            number(&batch["setAside"]),
            state.map_or_else(|| text("state"), |state| receipt::state(state, language).to_owned()),
            held(batch),
        ]
    };
    let rows: Vec<_> = value["batches"].as_array().into_iter().flatten().map(row).collect();
    table(head, &rows)
}

/// How many records of a batch wait for the operator, and for what.
fn held(batch: &Value) -> String {
    let reasons = batch["held"].as_array().into_iter().flatten();
    let reasons = reasons.map(|reason| {
        format!("{} {}", reason["records"].as_u64().unwrap_or(0), reason["code"].as_str().unwrap_or(""))
    });
    reasons.collect::<Vec<_>>().join(", ")
}

/// `sekisho batch`.
pub(crate) fn batch(args: &BatchArgs, language: Language) -> anyhow::Result<ExitCode> {
    if args.errors {
        return errors(args, language);
    }
    let path = format!("/batches/{}", args.id);
    let (method, path) = if args.cancel {
        (Method::DELETE, path)
    } else if args.chunks {
        (Method::GET, format!("{path}/chunks"))
    } else if let (Some(chunk), Some(decision)) = (args.chunk, args.decide) {
        (Method::POST, format!("{path}/chunks/{chunk}/{}", decision.name()))
    } else {
        (Method::GET, path)
    };
    let value = match ask(&args.admin, method, &path, language)? {
        Ok(value) => value,
        Err(code) => return Ok(code),
    };
    let mut out = io::stdout();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&value)?)?;
    } else if args.chunks {
        out.write_all(chunks(&value, language).as_bytes())?;
    } else {
        let receipt: Receipt = serde_json::from_value(value).context("the answer is no receipt")?;
        out.write_all(receipt::text(&receipt, language).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn chunks(value: &Value, language: Language) -> String {
    let (left, right) = (Side::Left, Side::Right);
    let head = [
        (language.of("CHUNK", "分割単位"), right),
        (language.of("FIRST", "先頭"), right),
        (language.of("COUNT", "件数"), right),
        (language.of("ATTEMPT", "試行"), right),
        (language.of("STATE", "状態"), left),
        (language.of("MS", "ミリ秒"), right),
        (language.of("CODE", "コード"), left),
        (language.of("SENT (UTC)", "送信日時（UTC）"), left),
        (language.of("IN DOUBT SINCE (UTC)", "不明となった日時（UTC）"), left),
        (language.of("ASKED", "照会"), left),
        (language.of("WAITS UNTIL (UTC)", "判断を待つ期限（UTC）"), left),
    ];
    let row = |chunk: &Value| {
        let number = |name: &str| chunk[name].as_u64().unwrap_or(0);
        let text = |name: &str| chunk[name].as_str().unwrap_or("");
        let state = match (text("state"), chunk["held"].as_bool()) {
            (_, Some(true)) => language.of("held", "判断待ち"),
            (state, _) => language.of(state, chunk_state(state)),
        };
        [
            number("number").to_string(),
            number("first").to_string(),
            number("count").to_string(),
            number("attempt").to_string(),
            state.to_owned(),
            number("changedAt").saturating_sub(number("openedAt")).to_string(),
            text("code").to_owned(),
            moment(&chunk["sentAt"]),
            moment(&chunk["doubtedAt"]),
            asked(chunk),
            moment(&chunk["waitsUntil"]),
        ]
    };
    let rows: Vec<_> = value["chunks"].as_array().into_iter().flatten().map(row).collect();
    table(head, &rows)
}

/// A time in unix milliseconds, to the second; nothing where there is none.
fn moment(value: &Value) -> String {
    let at = value.as_u64().and_then(|at| i64::try_from(at / 1_000).ok());
    let at = at.and_then(|at| time::OffsetDateTime::from_unix_timestamp(at).ok());
    at.map(|at| format!("{} {:02}:{:02}:{:02}", at.date(), at.hour(), at.minute(), at.second()))
        .unwrap_or_default()
}

/// How often the cloud was asked what became of a chunk, what came of it, and when last.
fn asked(chunk: &Value) -> String {
    match chunk["asked"].as_u64().unwrap_or(0) {
        0 => String::new(),
        times => {
            format!("{times}: {} {}", chunk["askedCode"].as_str().unwrap_or(""), moment(&chunk["askedAt"]))
        }
    }
}

/// A chunk's state in Japanese.
fn chunk_state(state: &str) -> &str {
    match state {
        "open" => "準備済み",
        "sent" => "送信中",
        "in-doubt" => "結果不明",
        "answered" => "応答済み",
        "returned" => "送信前に戻った",
        other => other,
    }
}

/// The records that were not delivered, as CSV, page by page. The head is for programs, and the same in each language.
fn errors(args: &BatchArgs, language: Language) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout();
    let mut from = 0;
    loop {
        let path = format!("/batches/{}/errors?from={from}", args.id);
        let value = match ask(&args.admin, Method::GET, &path, language)? {
            Ok(value) => value,
            Err(code) => return Ok(code),
        };
        if from == 0 {
            write!(out, "record,outcome,field,code,message,last_record,rows,line,column\r\n")?;
        }
        for error in value["errors"].as_array().into_iter().flatten() {
            let rows = error["rows"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_u64);
            let rows: Vec<String> = rows.map(|row| row.to_string()).collect();
            let number =
                |name: &str| error[name].as_u64().map(|number| number.to_string()).unwrap_or_default();
            let text = |name: &str| error[name].as_str().unwrap_or("").replace('"', "\"\"");
            write!(
                out,
                "{},{},{},{},\"{}\",{},{},{},{}\r\n",
                error["record"].as_u64().unwrap_or(0),
                text("outcome"),
                text("field"),
                text("code"),
                text(language.of("message", "messageJa")),
                number("lastRecord"),
                rows.join(" "),
                number("line"),
                number("column"),
            )?;
        }
        match value["next"].as_u64() {
            Some(next) => from = next,
            None => return Ok(ExitCode::SUCCESS),
        }
    }
}
