//! A receipt for people.

use sekisho_soap::message::{DuplicateBy, Receipt, State};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::columns;
use crate::language::Language;

/// A moment for people: always UTC, and it says so.
pub(super) fn moment(at: OffsetDateTime) -> String {
    let form = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    // The year of a receipt has four digits.
    at.to_offset(time::UtcOffset::UTC).format(form).unwrap_or_default()
}

/// A batch's state in words.
pub(crate) fn state(state: State, language: Language) -> &'static str {
    let japanese = match state {
        State::Accepted => "受付済み",
        State::Delivering => "配信中",
        State::Held => "判断待ち",
        State::Closing => "終了処理中",
        State::Finished => "完了",
    };
    language.of(state.name(), japanese)
}

/// The receipt, a line for each thing that it says.
pub(crate) fn text(receipt: &Receipt, language: Language) -> String {
    let word = |english: &'static str, japanese: &'static str| language.of(english, japanese);
    let mut lines = vec![(word("batch", "バッチ"), receipt.id.clone())];
    if let Some(reference) = &receipt.reference {
        lines.push((word("reference", "参照番号"), reference.clone()));
    }
    lines.push((word("route", "特定通信"), format!("{} ({})", receipt.route, receipt.door)));
    lines.push((word("state", "状態"), state(receipt.state, language).to_owned()));
    lines.push((word("received", "受付日時"), moment(receipt.received_at)));
    if let Some(finished) = receipt.finished_at {
        lines.push((word("finished", "完了日時"), moment(finished)));
    }
    lines.push((word("records", "レコード"), receipt.records.to_string()));
    if receipt.set_aside > 0 {
        lines.push((word("set aside", "除外"), receipt.set_aside.to_string()));
    }
    if receipt.replaced_characters > 0 {
        let replaced = receipt.replaced_characters.to_string();
        lines.push((word("replaced characters", "置き換えた文字"), replaced));
    }
    lines.push((word("payload", "ペイロード"), receipt.payload_digest.clone()));
    lines.push((word("digest", "レコード要約"), receipt.records_digest.clone()));
    if receipt.duplicate {
        let said = match receipt.duplicate_by {
            Some(DuplicateBy::Content) => {
                word("yes: the same content was accepted before", "同じ内容のものを受付済みです")
            }
            _ => word("yes: accepted before", "受付済みのものと同じです"),
        };
        lines.push((word("duplicate", "重複"), said.to_owned()));
    }
    lines.push((word("sums", "合計"), sums(receipt, language)));
    for held in &receipt.held {
        let (records, code) = (held.records, &held.code);
        let said = match language {
            Language::English => format!("{records} {code}: {}", held.message),
            Language::Japanese => format!("{records} {code}：{}", held.message_ja),
        };
        lines.push((word("held", "判断待ち"), said));
    }
    columns::pairs(&lines)
}

fn sums(receipt: &Receipt, language: Language) -> String {
    let sums = &receipt.sums;
    let parts = [
        (sums.pending, "pending", "未送信"),
        (sums.in_flight, "in flight", "送信中"),
        (sums.in_doubt, "in doubt", "結果不明"),
        (sums.delivered, "delivered", "配信済み"),
        (sums.partial, "partial", "一部配信"),
        (sums.rejected, "rejected", "拒否"),
        (sums.cancelled, "cancelled", "取消"),
        (sums.expired, "expired", "期限切れ"),
    ];
    let conserved: u64 = parts.iter().map(|(count, ..)| count).sum();
    let sign = if conserved == sums.accepted { "=" } else { "≠" };
    let said = parts.map(|(count, english, japanese)| match language {
        Language::English => format!("{count} {english}"),
        Language::Japanese => format!("{japanese} {count}"),
    });
    let accepted = match language {
        Language::English => format!("{} accepted", sums.accepted),
        Language::Japanese => format!("受付 {}", sums.accepted),
    };
    format!("{accepted} {sign} {}", said.join(" + "))
}
