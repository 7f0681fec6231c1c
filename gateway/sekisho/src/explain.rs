//! `sekisho explain-schema`.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use sekisho_xsd::{ModelCost, Schema, SchemaCost};
use serde_json::{Value, json};

use crate::cli::{ExplainArgs, ExplainForm};
use crate::columns::{Side, pairs, table};
use crate::language::Language;
use crate::validate::refused;

/// How many of the largest models and patterns a table shows.
const LARGEST: usize = 10;
/// How much of a pattern a table shows, in characters.
const MAX_PATTERN: usize = 60;
const KINDS: [&str; 3] = ["table", "counted", "all"];

/// `sekisho explain-schema`.
pub(crate) fn run(args: &ExplainArgs, language: Language) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let schema = match Schema::load(&args.file, None) {
        Ok(schema) => schema,
        Err(error) => return refused(&error, language),
    };
    let took = begun.elapsed();
    let cost = schema.cost();
    let mut out = io::stdout().lock();
    match args.output {
        ExplainForm::Text => out.write_all(text(&schema, &cost, took, language).as_bytes())?,
        ExplainForm::Json => writeln!(out, "{:#}", object(&schema, &cost, took))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Number, states and bytes of the models of a kind.
fn sums(cost: &SchemaCost, kind: &str) -> (usize, usize, usize) {
    let of_kind = cost.models.iter().filter(|model| model.kind == kind);
    of_kind.fold((0, 0, 0), |(count, states, bytes), model| {
        (count + 1, states + model.states, bytes + model.bytes)
    })
}

fn text(schema: &Schema, cost: &SchemaCost, took: Duration, language: Language) -> String {
    let of = |english: &'static str, japanese: &'static str| language.of(english, japanese);
    let (left, right) = (Side::Left, Side::Right);
    let mut out = pairs(&[
        (of("digest", "ダイジェスト"), schema.digest().to_string()),
        (of("compiled in", "コンパイル時間"), format!("{:.1} ms", took.as_secs_f64() * 1e3)),
        (of("bytes of tables", "表のバイト数"), cost.bytes.to_string()),
        (
            of("elements", "要素宣言"),
            of("{all}, {global} global", "{all}（うち大域 {global}）")
                .replace("{all}", &cost.elements.to_string())
                .replace("{global}", &cost.global_elements.to_string()),
        ),
        (of("attributes", "属性"), cost.attributes.to_string()),
        (of("simple types", "単純型"), cost.simple_types.to_string()),
        (of("complex types", "複合型"), cost.complex_types.to_string()),
    ]);
    let mut section = |english: &str, japanese: &str, table: String| {
        out.push_str(&format!("\n{}\n{table}", language.of(english, japanese)));
    };
    let rows: Vec<_> = schema
        .documents()
        .iter()
        .map(|d| [d.name.clone(), d.bytes.to_string(), d.digest.to_string()])
        .collect();
    let head =
        [(of("NAME", "名前"), left), (of("BYTES", "バイト"), right), (of("DIGEST", "ダイジェスト"), left)];
    section("Documents", "文書", table(head, &rows));
    let rows = KINDS.map(|kind| {
        let (count, states, bytes) = sums(cost, kind);
        [kind_in(kind, language).to_owned(), count.to_string(), states.to_string(), bytes.to_string()]
    });
    let head = [
        (of("KIND", "種類"), left),
        (of("NUMBER", "数"), right),
        (of("STATES", "状態"), right),
        (of("BYTES", "バイト"), right),
    ];
    section("Content models", "内容モデル", table(head, &rows));
    let rows: Vec<_> = cost.models.iter().take(LARGEST).map(|model| model_row(model, language)).collect();
    let head = [
        (of("TYPE", "型"), left),
        (of("KIND", "種類"), left),
        (of("STATES", "状態"), right),
        (of("BYTES", "バイト"), right),
    ];
    section("Largest content models", "大きい内容モデル", table(head, &rows));
    let rows: Vec<_> = cost
        .patterns
        .iter()
        .take(LARGEST)
        .map(|pattern| {
            let source = pattern.source.join(of(" or ", " または "));
            let mut shown: String = source.chars().take(MAX_PATTERN).collect();
            if source.chars().nth(MAX_PATTERN).is_some() {
                shown.push('…');
            }
            [
                pattern.name.clone().unwrap_or_else(|| "-".to_owned()),
                kind_in(pattern.kind, language).to_owned(),
                pattern.states.to_string(),
                pattern.bytes.to_string(),
                pattern.cache.to_string(),
                shown,
            ]
        })
        .collect();
    let head = [
        (of("TYPE", "型"), left),
        (of("KIND", "種類"), left),
        (of("STATES", "状態"), right),
        (of("BYTES", "バイト"), right),
        (of("PER THREAD", "スレッドごと"), right),
        (of("PATTERN", "パターン"), left),
    ];
    let number = cost.patterns.len();
    let bytes: usize = cost.patterns.iter().map(|pattern| pattern.bytes).sum();
    let (en, ja) = (
        format!("Patterns ({number}, {bytes} bytes), the largest first"),
        format!("パターン（{number}個、{bytes}バイト）、大きい順"),
    );
    section(&en, &ja, table(head, &rows));
    let rows: Vec<_> = cost
        .constraints
        .iter()
        .map(|constraint| {
            let (least, most) = constraint.bytes_per_record;
            [
                constraint.name.clone(),
                format!("xs:{}", constraint.kind),
                constraint.element.clone(),
                constraint.fields.to_string(),
                format!("{least}-{most}"),
            ]
        })
        .collect();
    let head = [
        (of("NAME", "名前"), left),
        (of("KIND", "種類"), left),
        (of("ON ELEMENT", "要素"), left),
        (of("FIELDS", "項目"), right),
        (of("BYTES PER RECORD", "レコードごとのバイト"), right),
    ];
    section("Keys, kept while a document is checked", "キー（文書の検査中に保持）", table(head, &rows));
    out
}

fn model_row(model: &ModelCost, language: Language) -> [String; 4] {
    let kind = kind_in(model.kind, language).to_owned();
    [model.name.clone(), kind, model.states.to_string(), model.bytes.to_string()]
}

fn kind_in(kind: &'static str, language: Language) -> &'static str {
    let japanese = match kind {
        "table" => "表",
        "counted" => "計数",
        "all" => "順不同",
        "class" => "文字種",
        "whole" => "完成済み",
        "lazy" => "逐次生成",
        other => other,
    };
    language.of(kind, japanese)
}

fn object(schema: &Schema, cost: &SchemaCost, took: Duration) -> Value {
    let documents: Vec<Value> = schema
        .documents()
        .iter()
        .map(|d| json!({ "name": d.name, "bytes": d.bytes, "digest": d.digest.to_string() }))
        .collect();
    let by_kind: serde_json::Map<String, Value> = KINDS
        .iter()
        .map(|kind| {
            let (number, states, bytes) = sums(cost, kind);
            ((*kind).to_owned(), json!({ "number": number, "states": states, "bytes": bytes }))
        })
        .collect();
    let models: Vec<Value> = cost
        .models
        .iter()
        .map(|m| json!({ "type": m.name, "kind": m.kind, "states": m.states, "bytes": m.bytes }))
        .collect();
    let patterns: Vec<Value> = cost
        .patterns
        .iter()
        .map(|p| {
            json!({
                "type": p.name, "kind": p.kind, "states": p.states, "bytes": p.bytes,
                "cache_bytes_per_thread": p.cache, "patterns": &p.source[..],
            })
        })
        .collect();
    let constraints: Vec<Value> = cost
        .constraints
        .iter()
        .map(|c| {
            json!({
                "name": c.name, "kind": c.kind, "element": c.element, "fields": c.fields,
                "least_bytes_per_record": c.bytes_per_record.0, "most_bytes_per_record": c.bytes_per_record.1,
            })
        })
        .collect();
    json!({
        "digest": schema.digest().to_string(),
        "documents": documents,
        "compile_ms": took.as_secs_f64() * 1e3,
        "bytes": cost.bytes,
        "elements": cost.elements,
        "global_elements": cost.global_elements,
        "attributes": cost.attributes,
        "simple_types": cost.simple_types,
        "complex_types": cost.complex_types,
        "models_by_kind": by_kind,
        "models": models,
        "patterns": patterns,
        "constraints": constraints,
    })
}
