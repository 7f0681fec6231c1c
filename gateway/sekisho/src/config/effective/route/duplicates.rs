//! How a route tells what comes twice, and how long it remembers.

use std::time::Duration;

use sekisho_delivery::DialectSpec;
use sekisho_edge::route::{DuplicateRecords, Duplicates};

use super::Notes;
use super::limits::LONGEST_WAIT;
use crate::config::effective::gateway::between;
use crate::config::raw::{
    DuplicateRecordsPolicy, DuplicatesSection, GatewaySection, RouteMode, RouteSection,
};
use crate::language::text;

/// What the section says; `has_key` is not known where the schema or the key has mistakes.
pub(super) fn of(
    section: &RouteSection,
    gateway: &GatewaySection,
    has_key: Option<bool>,
    notes: &mut Notes<'_>,
) -> Duplicates {
    let raw = &section.duplicates;
    let keeps = section.mode == RouteMode::StoreAndForward || section.split.is_some();
    if !keeps && *raw != DuplicatesSection::default() {
        notes.add(
            "duplicates",
            text!(
                "is for store-and-forward routes: a relay route that does not split keeps no batch",
                "蓄積転送の特定通信で使うキーです。分割（split）しない中継（relay）の特定通信はバッチを保管しません"
            ),
        );
    }
    if !(1..=LONGEST_WAIT).contains(&raw.window_seconds) {
        notes.add("duplicates.window_seconds", between(1, LONGEST_WAIT));
    }
    if raw.records != DuplicateRecordsPolicy::Refuse && has_key == Some(false) {
        notes.add(
            "duplicates.records",
            text!(
                "needs a key: set `key`, or a schema with an xs:key",
                "キーが必要です。`key`を設定するか、xs:keyのあるスキーマを使ってください"
            ),
        );
    }
    let finds = matches!(&section.dialect, Some(DialectSpec::Soap(soap)) if soap.find.is_some());
    if finds && (raw.records != DuplicateRecordsPolicy::Refuse || has_key == Some(false)) {
        notes.add(
            "dialect.find",
            text!(
                "needs a route that refuses two records of one key: `duplicates.records` left out, and a key",
                "同じキーのレコードを拒否する特定通信で使います。`duplicates.records`を書かず、キーを設定してください"
            ),
        );
    }
    kept(section, gateway, notes);
    Duplicates {
        window: Duration::from_secs(raw.window_seconds),
        key_required: raw.key_required,
        by_content: raw.by_content,
        records: match raw.records {
            DuplicateRecordsPolicy::Refuse => DuplicateRecords::Refuse,
            DuplicateRecordsPolicy::LastWins => DuplicateRecords::LastWins,
            DuplicateRecordsPolicy::InOrder => DuplicateRecords::InOrder,
        },
    }
}

/// A duplicate is answered with the first one's receipt, which has to be there as long.
fn kept(section: &RouteSection, gateway: &GatewaySection, notes: &mut Notes<'_>) {
    let keeps = section.mode == RouteMode::StoreAndForward || section.split.is_some();
    let Some(receipt) = section.keep_receipt_seconds.or(gateway.keep_receipt_seconds).filter(|_| keeps)
    else {
        return;
    };
    let window = section.duplicates.window_seconds;
    let payload = section.keep_payload_seconds.unwrap_or(gateway.keep_payload_seconds);
    if receipt < window {
        notes.add(
            "keep_receipt_seconds",
            text!(
                "must not be below duplicates.window_seconds ({window}): a duplicate is answered with the first receipt",
                "duplicates.window_seconds（{window}）以上にしてください。重複には最初の受領証で応答するためです"
            ),
        );
    } else if receipt < payload {
        notes.add(
            "keep_receipt_seconds",
            text!(
                "must not be below keep_payload_seconds ({payload})",
                "keep_payload_seconds（{payload}）以上にしてください"
            ),
        );
    }
}
