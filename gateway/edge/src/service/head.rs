//! What is said of a head that the framing filter did not let pass.

use crate::framing::HeadRefusal;
use crate::refusal::{Class, Refusal};

/// The refusal that the stand-in for a head names by its code and, where it has one, its limit.
pub(super) fn refusal(code: &str, limit: Option<&str>) -> Refusal {
    let limit = limit.and_then(|limit| limit.parse().ok()).unwrap_or_default();
    match HeadRefusal::ALL.into_iter().find(|known| known.code() == code) {
        Some(known) => said(known, limit),
        // The filter writes no other code, and lets nobody ask for one.
        None => said(HeadRefusal::RequestLine, limit),
    }
}

fn said(refused: HeadRefusal, limit: u64) -> Refusal {
    let (class, en, ja) = words(refused, limit);
    Refusal::new(class, refused.code(), format!("{en} The connection is closed."))
        .ja(format!("{ja}接続を閉じます。"))
}

/// What is wrong and what to do.
fn words(refused: HeadRefusal, limit: u64) -> (Class, String, String) {
    let fixed = |class, en: &str, ja: &str| (class, en.to_owned(), ja.to_owned());
    match refused {
        HeadRefusal::HeadTooLarge => (
            Class::HeadTooLarge,
            format!(
                "The head has more than {limit} bytes (limits.head_bytes): send fewer or shorter header fields."
            ),
            format!(
                "HTTPヘッダーが上限{limit}バイト（limits.head_bytes）を超えています。ヘッダーを減らすか短くしてください。"
            ),
        ),
        HeadRefusal::TooManyFields => (
            Class::HeadTooLarge,
            format!("The head has more than {limit} header fields (limits.head_fields): send fewer."),
            format!(
                "HTTPヘッダーの項目数が上限{limit}（limits.head_fields）を超えています。減らしてください。"
            ),
        ),
        HeadRefusal::TargetTooLong => (
            Class::TargetTooLong,
            format!(
                "The request target has more than {limit} bytes, a fixed limit: send what it carries in the body."
            ),
            format!(
                "リクエストターゲットが固定の上限{limit}バイトを超えています。内容は本文で送信してください。"
            ),
        ),
        HeadRefusal::HeadTooSlow => (
            Class::TimedOut,
            format!(
                "The head did not end within {limit} s of its first byte (limits.head_timeout_ms): send it at once."
            ),
            format!(
                "HTTPヘッダーが{limit}秒以内（limits.head_timeout_ms）に届きませんでした。一度に送信してください。"
            ),
        ),
        HeadRefusal::BareLineEnd => fixed(
            Class::Malformed,
            "The head has a CR or LF alone (RFC 9112 section 2.2): end every line with CR LF.",
            "HTTPヘッダーに単独のCRまたはLFがあります（RFC 9112 2.2）。すべての行をCR LFで終えてください。",
        ),
        HeadRefusal::RequestLine => fixed(
            Class::Malformed,
            "The request line is not METHOD /path HTTP/1.1 (RFC 9112 section 3), each once and one space apart: escape \
             what a path may not hold, and do not ask for a tunnel.",
            "リクエスト行が「メソッド /パス HTTP/1.1」の形ではありません（RFC 9112 3）。パスに使えない文字は%で符号化し、\
             トンネルは要求しないでください。",
        ),
        HeadRefusal::HttpVersion => fixed(
            Class::HttpVersion,
            "Only HTTP/1.1 and HTTP/1.0 are spoken here: send one of them.",
            "対応しているのはHTTP/1.1とHTTP/1.0だけです。どちらかで送信してください。",
        ),
        HeadRefusal::OtherHost => fixed(
            Class::Misdirected,
            "The request target names another host, and the gateway is no proxy: send the path alone, or name the \
             address of this listener or its public_url.",
            "リクエストターゲットが別のホストを指しています。ゲートウェイはプロキシーではありません。パスだけを送るか、\
             このリスナーのアドレスまたはpublic_urlを指定してください。",
        ),
        HeadRefusal::HeaderField => fixed(
            Class::Malformed,
            "A line of the head is no header field (RFC 9112 section 5): write name, colon, value on one line, with no \
             space before the colon and no control character.",
            "HTTPヘッダーの行が「名前: 値」の形ではありません（RFC 9112 5）。名前、コロン、値を1行に書いてください。コロンの前の空白と\
             制御文字は使えません。",
        ),
        HeadRefusal::DuplicateField => fixed(
            Class::Malformed,
            "A header field that may stand once stands twice, such as Host, Content-Length or Content-Type: send it once.",
            "一度しか指定できないヘッダー（Host、Content-Length、Content-Typeなど）が重複しています。一つにしてください。",
        ),
        HeadRefusal::AmbiguousLength => fixed(
            Class::Malformed,
            "The length of the body can be read in two ways (RFC 9112 section 6.3): send either one decimal \
             Content-Length, or by HTTP/1.1 Transfer-Encoding: chunked.",
            "本文の長さがあいまいです（RFC 9112 6.3）。10進数のContent-Lengthを一つだけ、またはHTTP/1.1で\
             Transfer-Encoding: chunkedだけを指定してください。",
        ),
        HeadRefusal::TransferCoding => fixed(
            Class::NotImplemented,
            "No transfer coding but chunked is known here: send Transfer-Encoding: chunked alone, and what is packed \
             with Content-Encoding: gzip.",
            "対応している転送符号化はchunkedだけです。Transfer-Encodingはchunkedだけにし、圧縮にはContent-Encoding: gzipを\
             使ってください。",
        ),
        HeadRefusal::NoHost => fixed(
            Class::Malformed,
            "A request by HTTP/1.1 needs a Host field with a host and, where it is not the usual one, a port (RFC 9112 \
             section 3.2): send it.",
            "HTTP/1.1の要求には、ホスト名（必要ならポート番号も）を示すHostヘッダーが必要です（RFC 9112 3.2）。指定してください。",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_refusal_has_words_of_its_own_and_what_has_a_limit_says_it() {
        let mut said = HashSet::new();
        for refused in HeadRefusal::ALL {
            let found = refusal(refused.code(), Some("4711"));
            assert_eq!(found.code, refused.code());
            assert!(said.insert(found.reason.clone()), "{refused:?} says what another says");
            assert!(said.insert(found.japanese().to_owned()), "{refused:?}");
            assert_eq!(found.reason.contains("4711"), found.japanese().contains("4711"), "{refused:?}");
        }
        for (code, status) in [
            ("head-too-large", 431),
            ("head-too-many-fields", 431),
            ("head-target-too-long", 414),
            ("head-too-slow", 408),
            ("head-transfer-coding", 501),
            ("head-http-version", 505),
            ("head-other-host", 421),
            ("head-no-host", 400),
            ("no-such-code", 400),
        ] {
            assert_eq!(refusal(code, None).class.wire().rest, status, "{code}");
        }
    }
}
