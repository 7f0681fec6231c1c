//! Why records wait for an operator: what is known of them, what nobody knows, and what the operator does, in both languages.

/// A reason, or several that come to the same for whoever reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The spool has records that are not what was written, or not all of them.
    Damaged,
    /// The spool cannot be read with the keys that the gateway has.
    KeyMissing,
    /// The key of the batch was destroyed.
    KeyDestroyed,
    /// A newer version has written the spool.
    Newer,
    /// What was sent once cannot be written for the cloud again.
    Unsendable,
    /// A record runs into the time limit although it is alone.
    TimeLimitAlone,
    /// Some rows of a record are at the cloud, and some are not.
    InPart,
    /// The last try is known to have had no effect, and there are no more.
    NeverDone,
    /// The gateway stopped between sending and hearing.
    Stopped,
    /// The answer did not come in time, or the connection ended before it.
    Lost,
    /// The answer says nothing of these records, of others, or what contradicts itself.
    Unproven,
    /// The answer is an HTTP status and no more.
    Status,
    /// The cloud does not say what became of its job.
    Job,
    /// What was to be done next could not be begun.
    NotBegun,
    /// The cloud, or the gateway, has said something else.
    Other,
}

/// Both languages, English first.
type Text = [&'static str; 2];

impl Reason {
    pub(super) fn of(code: &str) -> Self {
        match code {
            "spool-wrapping-key-missing"
            | "spool-wrapping-key-wrong"
            | "spool-wrapping-key-file"
            | "spool-key-file"
            | "spool-other-key"
            | "spool-encrypted" => Self::KeyMissing,
            "spool-data-key-gone" => Self::KeyDestroyed,
            "spool-newer" => Self::Newer,
            _ if code.starts_with("spool-") => Self::Damaged,
            "record-unsendable" | "record-too-large" | "key-missing" | "value-reads-as-nil" => {
                Self::Unsendable
            }
            "time-limit-alone" => Self::TimeLimitAlone,
            "taken-in-part" => Self::InPart,
            "not-processed" => Self::NeverDone,
            "gateway-restarted" | "parked" | "task-broken" => Self::Stopped,
            "upstream-timeout" | "upstream-cut" => Self::Lost,
            "upstream-answer" | "upstream-answer-too-long" | "not-repeated-yet" => Self::Unproven,
            _ if code.starts_with("answer-") => Self::Unproven,
            _ if code.starts_with("status-") => Self::Status,
            _ if code.starts_with("job-") => Self::Job,
            "daily-budget" | "ledger-storage" | "find-missing" | "log-unavailable" => Self::NotBegun,
            "upstream-resolve" | "upstream-connect" | "upstream-tls" | "upstream-busy"
            | "upstream-request" | "upstream-body" => Self::NotBegun,
            _ if code.starts_with("login-") => Self::NotBegun,
            _ => Self::Other,
        }
    }

    fn known(self) -> Text {
        match self {
            Self::Damaged => [
                "The gateway cannot read these records from its spool: they are damaged or missing.",
                "保管領域のレコードが壊れているか失われており、ゲートウェイが読み取れません。",
            ],
            Self::KeyMissing => [
                "The gateway cannot read these records from its spool: it has not the key that they are kept under.",
                "保管領域の鍵がないか一致しないため、ゲートウェイがレコードを読み取れません。",
            ],
            Self::KeyDestroyed => [
                "The key of this batch was destroyed, and nobody can read these records any more.",
                "このバッチの鍵は破棄されており、レコードを読み取ることは二度とできません。",
            ],
            Self::Newer => [
                "A newer version of the gateway has written these records to the spool, and this one cannot read them.",
                "これより新しい版のゲートウェイが書いたレコードで、この版では読み取れません。",
            ],
            Self::Unsendable => [
                "These records were sent, and what the spool gives now can no longer be written for the cloud.",
                "一度送信したレコードですが、保管領域の内容を送信用に変換できなくなりました。",
            ],
            Self::TimeLimitAlone => [
                "A record ran into the cloud's time limit even alone, as often as it may be tried.",
                "単独で送信しても、所定の回数すべてで時間切れとなりました。",
            ],
            Self::InPart => [
                "Some rows of these records are at the cloud and others are not.",
                "レコードの一部の行だけが反映されています。",
            ],
            Self::NeverDone => [
                "These records were sent as often as they may be, and the last try is known to have had no effect.",
                "所定の回数送信しましたが、最後の送信は反映されていないことが確認されています。",
            ],
            Self::Stopped => [
                "The gateway stopped after it had begun to send these records and before it heard what became of them.",
                "送信を始めた後、結果を受け取る前にゲートウェイが停止しました。",
            ],
            Self::Lost => [
                "These records were sent, and the cloud's answer did not come: the connection ended, or the time was over.",
                "送信しましたが、接続が切れたか時間切れとなり、接続先の応答を受け取れませんでした。",
            ],
            Self::Unproven => [
                "These records were sent, and the cloud's answer does not prove what became of them.",
                "送信して応答も受け取りましたが、その内容からは結果を確認できません。",
            ],
            Self::Status => [
                "These records were sent, and the cloud answered with an HTTP status that says nothing of them.",
                "送信しましたが、応答はHTTPステータスだけで、レコードの結果が示されていません。",
            ],
            Self::Job => [
                "These records were given to a job of the cloud, and the cloud does not say what the job did.",
                "接続先のジョブにレコードを渡しましたが、ジョブの結果を確認できません。",
            ],
            Self::NotBegun => [
                "These records were sent once without a known outcome, and the next try or question could not be made.",
                "結果不明のまま、次の送信または照会を行うことができませんでした。",
            ],
            Self::Other => [
                "These records were sent, and the code is the last that was said of them.",
                "レコードを送信しました。コードは、最後に得られた理由です。",
            ],
        }
    }

    fn unknown(self) -> Text {
        match self {
            Self::Damaged | Self::KeyMissing | Self::KeyDestroyed | Self::Newer => [
                "Whether they were sent before, and arrived, only the history of chunks and the cloud can tell.",
                "以前に送信され反映されたかどうかは、分割単位の履歴と接続先でしか分かりません。",
            ],
            Self::InPart => [
                "To send them again would do again what is there.",
                "再送すると、反映済みの行が二重に反映されるおそれがあります。",
            ],
            Self::NeverDone => [
                "Why the cloud does not process them is not known; what became of earlier tries stands in the history of chunks.",
                "接続先が処理しない原因は分かっていません。それ以前の送信の結果は分割単位の履歴にあります。",
            ],
            Self::TimeLimitAlone => [
                "Whether it arrived is not known, nor why it takes so long.",
                "反映されたかどうかも、時間がかかる原因も分かっていません。",
            ],
            _ => [
                "Whether they arrived is not known, and to repeat them could have their effect twice.",
                "反映されたかどうか不明で、再送すると二重に反映されるおそれがあります。",
            ],
        }
    }

    fn operator(self) -> Text {
        match self {
            Self::Damaged => [
                "The gateway's operator restores the spool from a backup and gives them back (not-delivered), or, once the cloud is \
                 seen to have them, counts them as delivered (delivered).",
                "運用者は、保管領域をバックアップから復元して送信し直す（not-delivered）か、接続先で反映を確認して反映済みとします\
                 （delivered）。",
            ],
            Self::KeyMissing => [
                "The gateway's operator puts the key back and gives them back (not-delivered), or, once the cloud is seen to have \
                 them, counts them as delivered (delivered).",
                "運用者は、鍵を元に戻して送信し直す（not-delivered）か、接続先で反映を確認して反映済みとします（delivered）。",
            ],
            Self::KeyDestroyed => [
                "The gateway's operator looks into the cloud: what is there counts as delivered (delivered); the rest is withdrawn \
                 (cancel, and not-delivered) and the municipality sends it as a new batch.",
                "運用者は接続先を確認し、反映されていれば反映済みとします（delivered）。反映されていなければ取り下げ（cancelとnot-delivered）、\
                 団体が新しいバッチとして送信します。",
            ],
            Self::Newer => [
                "The gateway's operator runs the newer version again and gives them back (not-delivered).",
                "運用者は、新しい版のゲートウェイに戻したうえで送信し直します（not-delivered）。",
            ],
            Self::Unsendable => [
                "The gateway's operator looks into the cloud and at what has changed in the spool, and counts them as delivered \
                 (delivered) or gives them back (not-delivered).",
                "運用者は接続先と保管領域を確認し、反映済みとする（delivered）か、送信し直します（not-delivered）。",
            ],
            Self::TimeLimitAlone => [
                "The gateway's operator looks into the cloud: if it is there, it is delivered (delivered); if not, it is sent again \
                 (not-delivered) once the cloud is faster or its limit is longer.",
                "運用者は接続先を確認し、反映されていれば反映済みとします（delivered）。反映されていなければ、接続先の処理が速くなるか\
                 制限時間が延びてから送信し直します（not-delivered）。",
            ],
            Self::InPart => [
                "The gateway's operator completes or removes the rows at the cloud, and then counts the records as delivered \
                 (delivered) or gives them back (not-delivered).",
                "運用者は、接続先で残りの行を補って反映済みとする（delivered）か、反映された行を取り消して送信し直します（not-delivered）。",
            ],
            Self::NeverDone => [
                "The gateway's operator finds out from the cloud why, and gives them back (not-delivered) or withdraws the batch \
                 (cancel, and not-delivered).",
                "運用者は接続先に原因を確認し、送信し直す（not-delivered）か、バッチを取り下げます（cancelとnot-delivered）。",
            ],
            Self::Job => [
                "The gateway's operator looks for the job at the cloud, by its handle in the history of chunks, and decides on what it \
                 did: delivered, or not-delivered.",
                "運用者は、分割単位の履歴にあるジョブの識別子で接続先のジョブを確認し、反映済みとする（delivered）か、送信し直します\
                 （not-delivered）。",
            ],
            _ => [
                "The gateway's operator looks into the cloud and decides: if they are there, delivered; if not, not-delivered, and \
                 they are sent; only where a second effect does no harm, repeat.",
                "運用者は接続先を確認し、反映されていれば反映済みとし（delivered）、反映されていなければ送信し直します（not-delivered）。\
                 二重に反映されても害がない場合に限り、そのまま再送できます（repeat）。",
            ],
        }
    }

    /// All of it, for whoever reads a receipt: English, Japanese.
    pub(super) fn said(self) -> (String, String) {
        const CLIENT: Text =
            ["Do not send them again before that.", "それまで団体の側から再送しないでください。"];
        let [known, unknown, operator] = [self.known(), self.unknown(), self.operator()];
        let en = [known[0], unknown[0], operator[0], CLIENT[0]].join(" ");
        (en, [known[1], unknown[1], operator[1], CLIENT[1]].concat())
    }
}

#[cfg(test)]
mod tests;
