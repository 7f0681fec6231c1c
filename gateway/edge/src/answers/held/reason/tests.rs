use super::*;

/// A reason, a word that says it in either language, and the codes that come to it.
type Case = (Reason, Text, &'static [&'static str]);

/// Every reason with every code that a chunk is held with; of the open ones, some.
const CASES: [Case; 15] = [
    (
        Reason::Damaged,
        ["damaged or missing", "壊れている"],
        &["spool-damaged", "spool-batch-unknown", "spool-batch-not-sealed", "spool-io", "spool-record"],
    ),
    (
        Reason::KeyMissing,
        ["puts the key back", "鍵を元に戻して"],
        &[
            "spool-wrapping-key-missing",
            "spool-wrapping-key-wrong",
            "spool-wrapping-key-file",
            "spool-key-file",
            "spool-other-key",
            "spool-encrypted",
        ],
    ),
    (Reason::KeyDestroyed, ["was destroyed", "破棄"], &["spool-data-key-gone"]),
    (Reason::Newer, ["newer version", "新しい版"], &["spool-newer"]),
    (
        Reason::Unsendable,
        ["can no longer be written", "変換できなくなりました"],
        &["record-unsendable", "record-too-large", "key-missing", "value-reads-as-nil"],
    ),
    (Reason::TimeLimitAlone, ["even alone", "単独で送信しても"], &["time-limit-alone"]),
    (Reason::InPart, ["Some rows", "一部の行"], &["taken-in-part"]),
    (Reason::NeverDone, ["known to have had no effect", "反映されていないことが確認"], &["not-processed"]),
    (
        Reason::Stopped,
        ["The gateway stopped", "ゲートウェイが停止"],
        &["gateway-restarted", "parked", "task-broken"],
    ),
    (Reason::Lost, ["answer did not come", "応答を受け取れません"], &["upstream-timeout", "upstream-cut"]),
    (
        Reason::Unproven,
        ["does not prove", "内容からは結果を確認できません"],
        &[
            "answer-missing",
            "answer-unreadable",
            "answer-operation",
            "answer-relates-to",
            "answer-key",
            "answer-count",
            "answer-job-id",
            "answer-job-state",
            "upstream-answer",
            "upstream-answer-too-long",
            "not-repeated-yet",
        ],
    ),
    (
        Reason::Status,
        ["HTTP status", "HTTPステータス"],
        &["status-500", "status-502", "status-503", "status-303"],
    ),
    (
        Reason::Job,
        ["by its handle", "ジョブの識別子"],
        &["job-gone", "job-open", "job-unreachable", "job-results", "job-timeout"],
    ),
    (
        Reason::NotBegun,
        ["could not be made", "行うことができません"],
        &["daily-budget", "ledger-storage", "find-missing", "upstream-connect", "login-refused"],
    ),
    (
        Reason::Other,
        ["the code is the last that was said", "最後に得られた理由"],
        &["outcome-unknown", "unreadable-code", "UNABLE_TO_LOCK_ROW", "soap:Server", ""],
    ),
];

/// What an operator can write behind `--decide`.
const DECISIONS: [&str; 3] = ["delivered", "not-delivered", "repeat"];

#[test]
fn every_reason_says_what_is_known_what_is_not_and_what_the_operator_does() {
    for (reason, [en_word, ja_word], codes) in CASES {
        for code in codes {
            assert_eq!(Reason::of(code), reason, "{code}");
        }
        let (en, ja) = reason.said();
        assert!(en.contains(en_word) && ja.contains(ja_word), "{reason:?}: {en} {ja}");
        assert!(en.is_ascii() && en.ends_with('.') && !en.contains("  "), "{reason:?}: {en}");
        assert!(ja.ends_with('。') && !ja.contains(' ') && !ja.contains('\n'), "{reason:?}: {ja}");
        for [part_en, part_ja] in [reason.known(), reason.unknown(), reason.operator()] {
            assert!(en.contains(part_en) && ja.contains(part_ja), "{reason:?}");
            assert!(part_en.ends_with('.') && part_ja.ends_with('。'), "{reason:?}: {part_en} {part_ja}");
        }
        // Whoever reads either language is told of the same decisions, one at the least, by the words of the command.
        let told = |text: &str| DECISIONS.map(|decision| is_told(text, decision));
        assert_eq!(told(reason.operator()[0]), told(reason.operator()[1]), "{reason:?}");
        assert!(told(reason.operator()[0]).contains(&true), "{reason:?}");
        assert!(en.contains("Do not send them again") && ja.contains("再送しないでください"), "{reason:?}");
    }
}

#[test]
fn no_two_reasons_read_alike() {
    let mut seen = std::collections::BTreeSet::new();
    for (reason, ..) in CASES {
        let (en, ja) = reason.said();
        assert!(seen.insert(en) && seen.insert(ja), "{reason:?}");
    }
}

/// A second effect is offered only where nobody knows, and never of what the spool cannot give.
#[test]
fn a_repeat_is_offered_only_where_it_can_be_carried_out_and_nothing_is_proven() {
    for (reason, ..) in CASES {
        let offered = is_told(reason.operator()[0], "repeat");
        let open = matches!(
            reason,
            Reason::Stopped
                | Reason::Lost
                | Reason::Unproven
                | Reason::Status
                | Reason::NotBegun
                | Reason::Other
        );
        assert_eq!(offered, open, "{reason:?}");
    }
}

/// The word stands alone: `delivered` does not stand in `not-delivered`.
fn is_told(text: &str, decision: &str) -> bool {
    let part_of_word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    text.split(|c: char| !part_of_word(c)).any(|word| word == decision)
}
