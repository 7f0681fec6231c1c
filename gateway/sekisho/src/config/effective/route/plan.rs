//! How a route's records reach its upstream: pace, retries, mapping, dialect; or where a relay passes them on.

use std::sync::Arc;
use std::time::Duration;

use sekisho_delivery::{
    AnswerSpec, DialectSpec, FindSpec, NO_XML_NAME, PaceSpec, Plan, PlanError, RetrySpec, SoapSpec,
};
use sekisho_edge::route::{Mode, Signed, Split};
use sekisho_journal::Digest;
use sekisho_records::{LayoutNames, Mapper, MappingError, MappingSpec};
use sekisho_xml::QName;

use super::{Notes, wsdl};
use crate::config::effective::EffectiveUpstream;
use crate::config::effective::gateway::between;
use crate::config::effective::schemas::{LoadedSchema, qualified_name};
use crate::config::key_path::KeyPath;
use crate::config::raw::{AnswerPolicy, BadRecordsPolicy, RouteSection, SignedPolicy, SplitSection};
use crate::config::words;
use crate::language::{Text, text};

/// Bytes of a message that may pass as it came at the most: it is held in memory.
const MOST_PASS_BYTES: u64 = 16 * 1024 * 1024;
/// The longest that a client may wait for an answer, in milliseconds: an hour.
const MOST_DEADLINE_MS: u64 = 3_600_000;

/// The longest that nobody is asked to decide about what is in doubt: 7 days, in seconds.
const LONGEST_WINDOW: u64 = 7 * 24 * 60 * 60;

/// Pace and retries, number by number.
pub(super) fn numbers(section: &RouteSection, notes: &mut Notes<'_>) {
    let (pace, retry) = (&section.pace, &section.retry);
    for (key, value) in [
        ("pace.limit_ms", pace.limit_ms),
        ("pace.start_rows", pace.start_rows),
        ("pace.max_rows", pace.max_rows),
        ("pace.max_bytes", pace.max_bytes),
        ("pace.max_in_flight", u64::from(pace.max_in_flight)),
        ("pace.fixed_rows", pace.fixed_rows.unwrap_or(1)),
        ("pace.slow_ms", pace.slow_ms),
        ("pace.max_slow_in_flight", u64::from(pace.max_slow_in_flight)),
        ("pace.daily.calls", pace.daily.calls.unwrap_or(1)),
        ("pace.daily.rows", pace.daily.rows.unwrap_or(1)),
        ("pace.daily.batches", pace.daily.batches.unwrap_or(1)),
        ("retry.initial_ms", retry.initial_ms),
        ("retry.record_attempts", u64::from(retry.record_attempts)),
        ("retry.alone_attempts", u64::from(retry.alone_attempts)),
    ] {
        if value == 0 {
            notes.add(key, text!("must be at least 1", "1以上にしてください"));
        }
    }
    if !(0.05..=0.9).contains(&pace.target) {
        notes.add("pace.target", text!("must be between 0.05 and 0.9", "0.05から0.9までにしてください"));
    }
    if pace.daily.spread && pace.daily.calls.is_none() {
        notes.add(
            "pace.daily.spread",
            text!(
                "spreads the calls of `calls`, which is missing",
                "callsの回数を均等に割り振る指定ですが、callsがありません"
            ),
        );
    }
    if retry.max_ms < retry.initial_ms {
        notes.add("retry.max_ms", text!("must not be below initial_ms", "initial_ms以上にしてください"));
    }
    match section.doubt_window_seconds {
        Some(seconds) if !(1..=LONGEST_WINDOW).contains(&seconds) => {
            notes.add("doubt_window_seconds", between(1, LONGEST_WINDOW));
        }
        Some(_) if section.idempotent => notes.add(
            "doubt_window_seconds",
            text!(
                "is for routes where a repeat does harm; an idempotent route repeats what is in doubt",
                "再送すると二重に反映される特定通信で使うキーです。idempotentの特定通信では、結果不明の分を再送します"
            ),
        ),
        _ => {}
    }
    if !(0.0..=10.0).contains(&retry.budget) {
        notes.add("retry.budget", text!("must be between 0 and 10", "0から10までにしてください"));
    }
}

/// How batches reach the upstream: their plan, as the ledger keeps it, and its digest and that of its mapping.
struct Kept {
    json: String,
    plan: Digest,
    mapping: Digest,
}

/// The plan of a store-and-forward route.
pub(super) fn store_and_forward(
    section: &RouteSection,
    schema: Option<&LoadedSchema>,
    upstream: Option<&EffectiveUpstream>,
    notes: &mut Notes<'_>,
) -> Option<(Mode, Option<String>)> {
    if section.target.is_some() {
        notes.add(
            "target",
            text!(
                "is for relay routes; a store-and-forward route's dialect says where to",
                "中継（relay）の特定通信で使うキーです。蓄積転送の宛先は、dialectに書きます"
            ),
        );
    }
    if section.split.is_some() {
        notes.add(
            "split",
            text!(
                "is for relay routes; a store-and-forward route always splits",
                "中継（relay）の特定通信で使うキーです。蓄積転送では常に分割します"
            ),
        );
    }
    let Kept { json, plan, mapping } = kept(section, None, schema, upstream, notes)?;
    Some((Mode::StoreAndForward { plan, mapping }, Some(json)))
}

fn kept(
    section: &RouteSection,
    answer: Option<AnswerSpec>,
    schema: Option<&LoadedSchema>,
    upstream: Option<&EffectiveUpstream>,
    notes: &mut Notes<'_>,
) -> Option<Kept> {
    let Some(dialect) = &section.dialect else {
        notes.add(
            "dialect",
            text!(
                "is missing: [route.dialect] with kind = \"soap\", \"swa\", \"rest\", \"bulk2\", \"collections\" or \
                 \"partner-soap\"",
                "がありません。[route.dialect]に、kind = \"soap\"、\"swa\"、\"rest\"、\"bulk2\"、\"collections\"、\
                 \"partner-soap\"のいずれかを書いてください"
            ),
        );
        return None;
    };
    described_find(dialect, notes);
    let Some(schema) = schema else {
        path_of(dialect, upstream, notes);
        return None;
    };
    let layout = schema.layout.names();
    let mapping = mapping(&section.mapping, &layout, notes);
    let mapping_is_good = mapping == section.mapping;
    let mapper = Mapper::new(&mapping, &layout).ok().filter(|_| mapping_is_good);
    let dialect = &wsdl::described(dialect, upstream, mapper.as_ref().map(Mapper::columns), notes)?;
    path_of(dialect, upstream, notes);
    let plan = Plan {
        route: section.name.clone(),
        upstream: section.upstream.clone(),
        layout,
        mapping,
        dialect: dialect.clone(),
        // Their numbers are listed one by one: here they must not hide what is wrong with the dialect.
        pace: if section.pace.fault().is_none() { section.pace } else { PaceSpec::default() },
        retry: RetrySpec::default(),
        idempotent: section.idempotent,
        doubt_window_seconds: section.doubt_window_seconds.unwrap_or_default(),
        no_split: section.no_split,
        answer,
    };
    match plan.check() {
        Ok(()) => {}
        Err(PlanError::Mapping(_)) if !mapping_is_good => {}
        // Which columns there are follows from the mapping.
        Err(PlanError::Setting {
            key: "dialect.results.key" | "dialect.external_id" | "dialect.find",
            ..
        }) if !mapping_is_good => {}
        Err(PlanError::Setting { key, reason }) => notes.add(&key_of(key), setting(key, &reason)),
        Err(PlanError::Mapping(error)) => notes.add("mapping", words::mapping(&error)),
        // A plan that is not stored yet is not read.
        Err(error @ PlanError::Json(_)) => notes.add("dialect", text!("{error}", "計画を作れません")),
    }
    let plan = Plan { mapping: section.mapping.clone(), pace: section.pace, retry: section.retry, ..plan };
    let json = plan.to_json().ok()?;
    let mapping = serde_json::to_string(&section.mapping).ok()?;
    Some(Kept { plan: Digest::of(json.as_bytes()), mapping: Digest::of(mapping.as_bytes()), json })
}

/// What the answer to a question by key proves hangs on its paths: they are held against a description.
fn described_find(dialect: &DialectSpec, notes: &mut Notes<'_>) {
    if let DialectSpec::Soap(SoapSpec { find: Some(_), wsdl: None, .. }) = dialect {
        notes.add(
            "dialect.find",
            text!(
                "needs `wsdl`: a file that describes the operation, which what is written here is held against",
                "`wsdl`が必要です。ここに書いた内容を、操作を定義したファイルと照合します"
            ),
        );
    }
}

/// Where a setting of the plan stands in a route.
fn key_of(key: &str) -> String {
    match key {
        "answer" => "split.answer".to_owned(),
        "answer.element" => "split.element".to_owned(),
        "answer.counts" => "split.counts".to_owned(),
        key => key.to_owned(),
    }
}

/// What is wrong with one setting of the dialect.
fn setting(key: &str, reason: &str) -> Text {
    let japanese = match key {
        "dialect.results.key" => {
            "結果をキーで突き合わせるには、mapping.keyの列がちょうど1つ必要です".to_owned()
        }
        "dialect.external_id" => "対応付けの列にありません".to_owned(),
        "dialect.method" => "HTTPのメソッドではありません".to_owned(),
        _ if reason.starts_with(NO_XML_NAME) => {
            "XMLの要素名にしてください。使えるのは文字・数字と「.」「-」「_」で、先頭は文字か「_」です".to_owned()
        }
        "dialect.namespace" | "dialect.record" | "dialect.path" if reason.starts_with("is missing") => {
            "がありません。書くか、WSDLを指定してください".to_owned()
        }
        "dialect.wsdl_digest" => "WSDLの指定がありません。wsdlを書くか、これを消してください".to_owned(),
        "dialect.operation" => "upsert、insert、update、deleteのいずれかを書いてください".to_owned(),
        "idempotent" => "insertは行うたびに行が増えるので、繰り返せません".to_owned(),
        "dialect.find" if reason.starts_with("needs") => "mapping.keyの列がちょうど1つ必要です".to_owned(),
        "dialect.find" => {
            "繰り返せない呼び出しのための設定です。idempotentの特定通信では、再送のほうが簡単です".to_owned()
        }
        "dialect.find.found" => "応答の中で繰り返される要素を書いてください".to_owned(),
        "dialect.find.most_keys" => "1以上にしてください".to_owned(),
        "dialect.max_upload_bytes" => "131072から150000000までにしてください".to_owned(),
        "mapping.nil" => "この接続方式では、#N/A以外は使えません".to_owned(),
        "dialect.headers" => "ヘッダーに書けない名前か値があります".to_owned(),
        "dialect.path" => "リクエストのパスとして使えません".to_owned(),
        "answer" if reason.starts_with("needs") => {
            "行ごとの結果（results）を返す接続方式が必要です（受領証で応答する場合を除きます）".to_owned()
        }
        "answer" => "結果の名前に、XMLの要素名にならないものがあります".to_owned(),
        "answer.element" if reason.starts_with("is missing") => {
            "がありません。この接続方式の応答はXMLではないので、結果を入れてSOAPで返す要素の名前を書いてください".to_owned()
        }
        "answer.element" => "応答がXMLでない接続方式で使うキーです。ここではクラウド自身の要素を使います".to_owned(),
        "answer.counts" => "XMLの要素名ではありません".to_owned(),
        _ => format!("設定を使えません（{reason}）"),
    };
    Text::new(reason, japanese)
}

/// A dialect's path must be one that can be asked for.
fn path_of(dialect: &DialectSpec, upstream: Option<&EffectiveUpstream>, notes: &mut Notes<'_>) {
    // Without one of its own, keys are asked for where rows go.
    let own = |find: &FindSpec| Some(find.path.clone()).filter(|path| !path.is_empty());
    let (path, find) = match dialect {
        DialectSpec::Soap(spec) => (&spec.path, spec.find.as_deref().and_then(own)),
        DialectSpec::Swa(spec) => (&spec.path, None),
        DialectSpec::Rest(spec) => (&spec.path, None),
        DialectSpec::Bulk2(_) | DialectSpec::Collections(_) | DialectSpec::PartnerSoap(_) => return,
    };
    let paths = [("dialect.path", Some(path.clone())), ("dialect.find.path", find)];
    for (key, path) in paths.into_iter().filter_map(|(key, path)| Some((key, path?))) {
        let filled = path.replace("{batch}", "x").replace("{chunk}", "1");
        let can_be_asked_for =
            upstream.is_none_or(|upstream| upstream.upstream.endpoint().target(&filled).is_some());
        if filled.starts_with('/') && can_be_asked_for {
            continue;
        }
        notes.add(
            key,
            text!(
                "must be a path at the upstream, such as \"/services/intake\"; no spaces, no other characters than ASCII",
                "接続先のパスを、\"/services/intake\"のように書いてください。空白とASCII以外の文字は使えません"
            ),
        );
    }
}

/// Lists what is wrong with a mapping, one thing after the other; returns what is left of it.
fn mapping(spec: &MappingSpec, layout: &LayoutNames, notes: &mut Notes<'_>) -> MappingSpec {
    let mut left = spec.clone();
    let path = notes.path.key("mapping");
    while let Err(error) = Mapper::new(&left, layout) {
        let before = left.clone();
        let at = take_out(&mut left, spec, &error, &path);
        notes.mistakes.add(&at, words::mapping(&error));
        if left == before {
            break;
        }
    }
    left
}

/// Takes out of a mapping what an error is about, and says where it stood.
fn take_out(left: &mut MappingSpec, spec: &MappingSpec, error: &MappingError, path: &KeyPath) -> KeyPath {
    let place = |list: &[String], name: &String| list.iter().position(|one| one == name);
    match error {
        MappingError::UnknownField { path: field }
        | MappingError::Kind { path: field, .. }
        | MappingError::OutOfReach { path: field }
        | MappingError::RenamedAndDropped { path: field } => {
            if left.rename.remove(field).is_some() {
                path.key("rename").key(field)
            } else if let Some(at) = place(&spec.drop, field).filter(|_| left.drop.contains(field)) {
                left.drop.retain(|one| one != field);
                path.key("drop").item(at)
            } else if left.rows.as_ref() == Some(field) {
                left.rows = None;
                path.key("rows")
            } else {
                left.columns.retain(|column| column.field.as_ref() != Some(field));
                let at = spec.columns.iter().position(|column| column.field.as_ref() == Some(field));
                at.map_or_else(|| path.clone(), |at| path.key("columns").item(at))
            }
        }
        MappingError::Key { column } => {
            left.key.retain(|one| one != column);
            place(&spec.key, column).map_or_else(|| path.key("key"), |at| path.key("key").item(at))
        }
        MappingError::Source { column } => {
            left.columns.retain(|one| one.name != *column);
            let at = spec.columns.iter().position(|one| one.name == *column);
            at.map_or_else(|| path.clone(), |at| path.key("columns").item(at))
        }
        MappingError::Both { key } => {
            match *key {
                "rename" => left.rename.clear(),
                "drop" => left.drop.clear(),
                _ => left.constant.clear(),
            }
            path.key(key)
        }
        _ => path.clone(),
    }
}

/// Where a relay route passes its messages on to, and how it splits them.
pub(super) fn relay(
    section: &RouteSection,
    schema: Option<&LoadedSchema>,
    upstream: Option<&EffectiveUpstream>,
    notes: &mut Notes<'_>,
) -> Option<(Mode, Option<String>)> {
    if section.dialect.is_some() && section.split.is_none() {
        notes.add(
            "dialect",
            text!(
                "a relay route that does not split passes messages as they come and has none",
                "分割（split）しない中継（relay）の特定通信はメッセージをそのまま渡すので、dialectは書けません"
            ),
        );
    }
    if section.bad_records == BadRecordsPolicy::SetAside {
        notes.add(
            "bad_records",
            text!(
                "must be \"refuse\" on a relay route: a message passes whole or not at all",
                "中継（relay）の特定通信では\"refuse\"にしてください。メッセージは全体を渡すか、まったく渡さないかのどちらかです"
            ),
        );
    }
    let split = section.split.as_ref().map(|split| self::split(section, split, schema, upstream, notes));
    let target = section.target.clone().unwrap_or_else(|| section.path.clone());
    let can_be_asked_for =
        upstream.is_none_or(|upstream| upstream.upstream.endpoint().target(&target).is_some());
    // Without a target of its own it is the path, which is told already.
    let told = section.target.is_none() && notes.is_told("path");
    let good = target.starts_with('/') && can_be_asked_for;
    if !(good || told) {
        notes.add(
            "target",
            text!(
                "must be a path at the upstream, such as \"/services/intake\"",
                "接続先のパスを、\"/services/intake\"のように書いてください"
            ),
        );
        return None;
    }
    let upstream = upstream?;
    let (split, plan) = match split {
        Some(split) => split.map(|(split, plan)| (Some(split), Some(plan)))?,
        None => (None, None),
    };
    let mode = Mode::Relay {
        upstream: Arc::new(upstream.upstream.clone()),
        target,
        deadline: upstream.upstream.endpoint().request_timeout(),
        split,
    };
    Some((mode, plan))
}

/// How a relay splits messages with many records, and the plan of the batches that they become.
fn split(
    section: &RouteSection,
    raw: &SplitSection,
    schema: Option<&LoadedSchema>,
    upstream: Option<&EffectiveUpstream>,
    notes: &mut Notes<'_>,
) -> Option<(Split, String)> {
    for (key, value, least, most) in [
        ("split.above_records", raw.above_records, 0, 1 << 32),
        ("split.pass_bytes", raw.pass_bytes, 1, MOST_PASS_BYTES),
        ("split.deadline_ms", raw.deadline_ms, 100, MOST_DEADLINE_MS),
    ] {
        if !(least..=most).contains(&value) {
            notes.add(key, between(least, most));
        }
    }
    if section.no_split {
        notes.add("no_split", text!("contradicts `split`", "splitと矛盾しています"));
    }
    let merged = raw.answer == AnswerPolicy::Merged;
    if !merged && !raw.counts.is_empty() {
        notes.add(
            "split.counts",
            text!(
                "stand in a merged answer; here the answer is a receipt",
                "統合した応答で使うキーですが、ここでは受領証で応答します"
            ),
        );
    }
    let element = raw.element.as_ref().map(|element| element.parse::<QName>());
    if let Some(Err(_)) = &element {
        notes.add("split.element", qualified_name());
    }
    if !merged && element.is_some() {
        notes.add(
            "split.element",
            text!(
                "is a merged answer's; here the answer is a receipt",
                "統合した応答で使うキーですが、ここでは受領証で応答します"
            ),
        );
    }
    let element = element.and_then(Result::ok);
    let answer = merged.then(|| AnswerSpec { counts: raw.counts.clone(), element });
    let Kept { json, plan, mapping } = kept(section, answer, schema, upstream, notes)?;
    let split = Split {
        above_records: raw.above_records,
        pass_bytes: raw.pass_bytes,
        deadline: Duration::from_millis(raw.deadline_ms),
        signed: match raw.signed {
            SignedPolicy::Pass => Signed::Pass,
            SignedPolicy::Refuse => Signed::Refuse,
        },
        merged,
        plan,
        mapping,
    };
    Some((split, json))
}
