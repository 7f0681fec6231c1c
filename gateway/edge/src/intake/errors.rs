//! What the rooms below report, as refusals.

use std::io;

use sekisho_charset::CharsetError;
use sekisho_records::{ReadError, ReadErrorKind};
use sekisho_soap::fault::InvalidHeader;
use sekisho_soap::message::InlineFault;
use sekisho_soap::mime::Defect;
use sekisho_soap::{MimeError, SoapError};
use sekisho_xml::{DetectError, XmlError};

use super::scanning::Stopped;
use crate::body::{BodyError, GzipFault, RATIO_FROM};
use crate::refusal::{Class, Location, Refusal, Who, counted};
use crate::service::bad_digest;

/// An error of some reader below: a typed one is said as what it is.
pub(crate) fn from_io(error: &io::Error) -> Refusal {
    let Some(inner) = error.get_ref() else {
        return Refusal::internal("reading a request body", error);
    };
    if let Some(body) = inner.downcast_ref::<BodyError>() {
        return from_body(*body);
    }
    if let Some(stopped) = inner.downcast_ref::<Stopped>() {
        return stopped.refusal();
    }
    if let Some(charset) = inner.downcast_ref::<CharsetError>() {
        return from_charset(charset);
    }
    if let Some(mime) = inner.downcast_ref::<MimeError>() {
        return from_mime(mime);
    }
    if let Some(xml) = inner.downcast_ref::<XmlError>() {
        return from_xml(xml);
    }
    if let Some(fault) = inner.downcast_ref::<InlineFault>() {
        let refusal = Refusal::new(Class::Malformed, fault.code(), format!("{fault}."));
        return refusal.ja(format!("{}。", fault.message_ja())).at(Location::from(fault.at));
    }
    Refusal::new(Class::Malformed, "payload-unreadable", inner.to_string())
}

/// Whether an error is of the message around the payload, its body, its package or its envelope: a place in the payload would say
/// nothing about it.
fn is_of_message(error: &io::Error) -> bool {
    error.get_ref().is_none_or(|inner| {
        inner.is::<BodyError>()
            || inner.is::<MimeError>()
            || inner.is::<Stopped>()
            || inner.is::<XmlError>()
            || inner.is::<InlineFault>()
    })
}

pub(crate) fn from_body(error: BodyError) -> Refusal {
    match error {
        BodyError::Gone { came } => Refusal::new(
            Class::Malformed,
            "body-cut-short",
            format!(
                "The connection ended before the message did, after {} of its body. Nothing was kept; send all of it again.",
                counted(came, "byte")
            ),
        )
        .ja(format!(
            "電文の途中で接続が切れました（本文を{came}バイト受信）。何も保管していません。全体を再送してください。"
        ))
        .at_byte(came),
        BodyError::Idle(after) => Refusal::new(
            Class::TimedOut,
            "body-idle",
            format!("No byte of the message came for {} s (limits.body_idle_ms). Nothing was kept; send it again.", after.as_secs()),
        )
        .ja(format!("{}秒間（limits.body_idle_ms）データが届きませんでした。何も保管していません。再送してください。", after.as_secs())),
        BodyError::TooSlow { least, window } => Refusal::new(
            Class::TimedOut,
            "body-slow",
            format!(
                "The message came at less than {least} bytes/s (limits.body_rate) for {} s. Nothing was kept; send it \
                 again over a better line, or in smaller parts.",
                window.as_secs()
            ),
        )
        .ja(format!(
            "{}秒間の受信速度が毎秒{least}バイト（limits.body_rate）を下回りました。何も保管していません。\
             回線を確認して再送するか、分割して送信してください。",
            window.as_secs()
        )),
        BodyError::TooLarge { max } => Refusal::new(
            Class::TooLarge,
            "body-too-large",
            format!("The message has more than {max} bytes, the limit of this route (limits.body_bytes). Send it in parts."),
        )
        .ja(format!("電文がこの特定通信の上限{max}バイト（limits.body_bytes）を超えています。分割して送信してください。")),
        BodyError::UnpacksTooLarge { max, ratio } => Refusal::new(
            Class::TooLarge,
            "unpacks-too-large",
            format!(
                "The message unpacks to more than {max} bytes (limits.unpacked_bytes), or to more than {ratio} times \
                 its size (limits.unpack_ratio) beyond the first {RATIO_FROM} bytes: send it in parts, or unpacked."
            ),
        )
        .ja(format!("展開後の大きさが上限（{max}バイト：limits.unpacked_bytes、または先頭の{RATIO_FROM}バイトを超える分は受信量の{ratio}倍：\
             limits.unpack_ratio）を超えています。分割するか、圧縮せずに送信してください。")),
        BodyError::BrokenChunk { byte } => Refusal::new(
            Class::Malformed,
            "body-broken-chunk",
            format!(
                "The chunked framing of the message is broken at byte {byte} of its body, counted from 0 with sizes and line ends \
                 of chunks (RFC 9112 section 7.1). Nothing was kept; mend the framing, or send with a Content-Length."
            ),
        )
        .ja(format!(
            "chunked転送の形式が、本文の{byte}バイト目（0から数え、チャンクの長さと改行を含む）で壊れています（RFC 9112 7.1節）。\
             何も保管していません。形式を直すか、Content-Lengthを付けて送信してください。"
        ))
        .at_byte(byte),
        BodyError::BadDigest => bad_digest(),
        BodyError::BadGzip { fault, byte } => from_gzip(fault, byte),
    }
}

/// A packed body that cannot be unpacked to its end; `byte` is of what came over the wire.
fn from_gzip(fault: GzipFault, byte: u64) -> Refusal {
    let (en, ja) = match fault {
        GzipFault::NotGzip => (
            "The body does not begin with a gzip header, but its Content-Encoding says gzip. Pack it with gzip, or leave \
             Content-Encoding out."
                .to_owned(),
            "Content-Encodingはgzipですが、本文の先頭がgzipヘッダーではありません。\
             gzipで圧縮するか、Content-Encodingを外してください。"
                .to_owned(),
        ),
        GzipFault::NoMember => (
            format!(
                "At about byte {byte} of the packed body the gzip stream is at its end, and bytes follow that are no further gzip \
                 member. Send nothing behind it."
            ),
            format!(
                "圧縮された本文の{byte}バイト目付近でgzipデータが終わり、その後にgzipメンバーではないデータが続いています。\
                 余分なデータを外してください。"
            ),
        ),
        GzipFault::Data => (
            format!(
                "The gzip stream is damaged at about byte {byte} of the packed body: its data cannot be unpacked, or do not match \
                 their checksum. Pack and send it again."
            ),
            format!(
                "圧縮された本文の{byte}バイト目付近でgzipデータが壊れています（展開できないか、チェックサムが一致しません）。\
                 圧縮し直して再送してください。"
            ),
        ),
        GzipFault::EndsEarly => (
            format!(
                "The gzip stream ends early: the packed body has {}, and ends before its data and checksum do. Send all of it.",
                counted(byte, "byte")
            ),
            format!(
                "gzipデータが途中で終わっています（圧縮された本文は{byte}バイトで、データとチェックサムの終わりがありません）。\
                 全体を再送してください。"
            ),
        ),
        GzipFault::Check => (
            format!(
                "The checksum at the end of the gzip stream, at byte {byte} of the packed body, is not all there or does not match. \
                 Pack and send it again."
            ),
            format!(
                "圧縮された本文の末尾（{byte}バイト目）にあるgzipのチェックサムが足りないか、一致しません。\
                 圧縮し直して再送してください。"
            ),
        ),
    };
    Refusal::new(Class::Malformed, "gzip-damaged", en).ja(ja).at_byte(byte)
}

/// An XML document that names an encoding which it is not in, or which is not taken.
pub(crate) fn from_detection(error: DetectError) -> Refusal {
    Refusal::new(Class::Malformed, error.code(), format!("{error}."))
        .ja(format!("{}。", error.message_ja()))
        .at(Location {
            line: Some(error.at.line),
            column: Some(error.at.column),
            byte: Some(error.offset),
            ..Location::default()
        })
}

fn from_charset(error: &CharsetError) -> Refusal {
    Refusal::new(Class::Malformed, error.code(), format!("{error}."))
        .ja(format!("{}。", error.message_ja()))
        .at(Location { byte: Some(error.offset), ..Location::default() })
}

/// A payload that cannot be read to its end, at its place.
pub(crate) fn from_read(error: &ReadError) -> Refusal {
    let mut refusal = match &error.kind {
        ReadErrorKind::Io(io) => from_io(io),
        ReadErrorKind::Xml(xml) => from_xml_in(xml, error.to_string(), error.message_ja()),
        ReadErrorKind::Limit { which, .. } => {
            let refusal =
                Refusal::new(Class::TooLarge, error.code(), format!("{error}.")).ja(error.message_ja());
            with_setting(refusal, setting_of_payload(which))
        }
        ReadErrorKind::Charset(charset) => {
            let at = Location { byte: Some(charset.offset), ..Location::default() };
            Refusal::new(Class::Malformed, error.code(), format!("{error}.")).ja(error.message_ja()).at(at)
        }
        _ => Refusal::new(Class::Malformed, error.code(), format!("{error}.")).ja(error.message_ja()),
    };
    let is_of_payload = !matches!(&error.kind, ReadErrorKind::Io(io) if is_of_message(io));
    if is_of_payload && refusal.location.part.is_none() {
        let location = &mut refusal.location;
        location.line.get_or_insert(error.place.line);
        location.column.get_or_insert(error.place.column);
        location.byte.get_or_insert(error.place.byte);
        if error.record > 0 {
            location.record.get_or_insert(error.record);
        }
        if location.field.is_none() {
            location.field = error.field.clone();
        }
    }
    refusal
}

/// XML that is refused by the reader.
pub(crate) fn from_xml(error: &XmlError) -> Refusal {
    match error {
        XmlError::Io(io) => from_io(io),
        _ => from_xml_in(error, error.to_string(), error.message_ja()),
    }
}

/// XML that is refused by the reader, in these words.
fn from_xml_in(error: &XmlError, en: String, ja: String) -> Refusal {
    let class = if matches!(error, XmlError::Limit { .. }) { Class::TooLarge } else { Class::Malformed };
    let location = error.position().map_or_else(Location::default, |at| Location {
        line: Some(at.line),
        column: Some(at.column),
        // Of bytes that the encoding does not have, their place in what was sent.
        byte: Some(if let XmlError::Encoding(charset, _) = error { charset.offset } else { at.byte }),
        ..Location::default()
    });
    let refusal = Refusal::new(class, error.code(), format!("{en}.")).ja(ja).at(location);
    match error {
        XmlError::Limit { which, .. } => with_setting(refusal, setting_of_xml(which)),
        _ => refusal,
    }
}

/// The setting of a route that a bound of a reader of records comes from.
fn setting_of_payload(which: &str) -> Option<&'static str> {
    [("field", "limits.field_bytes"), ("record", "limits.record_bytes"), ("levels", "limits.depth")]
        .into_iter()
        .find_map(|(what, key)| which.contains(what).then_some(key))
}

/// The setting of a route that a bound of the XML reader comes from.
fn setting_of_xml(which: &str) -> Option<&'static str> {
    match which {
        "depth" => Some("limits.depth"),
        // Where a field may have less than an attribute value has by itself.
        "attribute_value_bytes" => Some("limits.field_bytes"),
        _ => None,
    }
}

/// Says whose a limit is: who is refused by one must know whether anybody could raise it.
fn with_setting(mut refusal: Refusal, setting: Option<&str>) -> Refusal {
    let (en, ja) = match setting {
        Some(key) => (
            format!(" The limit is {key} of the route: send less, or ask its operator."),
            format!("。上限は特定通信の{key}です。減らして送信するか、運用者に相談してください。"),
        ),
        None => (
            " This limit is fixed: send less.".to_owned(),
            "。この上限は固定です。減らして送信してください。".to_owned(),
        ),
    };
    refusal.reason.push_str(&en);
    let own = refusal.reason_ja.take().unwrap_or_default();
    refusal.ja(format!("{}{ja}", own.trim_end_matches('。')))
}

/// An envelope that is refused.
pub(crate) fn from_soap(error: &SoapError) -> Refusal {
    if let SoapError::Xml(xml) = error {
        return from_xml(xml);
    }
    let location = error.position().map(Location::from).unwrap_or_default();
    let class = match error.who() {
        _ if matches!(error, SoapError::Limit { .. }) => Class::TooLarge,
        Who::VersionMismatch => Class::VersionMismatch,
        Who::MustUnderstand => Class::MustUnderstand,
        Who::Sender => Class::Malformed,
        Who::Receiver => Class::Internal,
    };
    let mut refusal =
        Refusal::new(class, error.code(), format!("{error}.")).ja(error.message_ja()).at(location);
    if let SoapError::Addressing { header, .. } = error {
        let header = header.strip_prefix("wsa:").unwrap_or(header);
        refusal.invalid_header = Some(InvalidHeader { header, code: None });
    }
    if matches!(error, SoapError::Limit { .. }) { with_setting(refusal, None) } else { refusal }
}

/// A package that is refused.
pub(crate) fn from_mime(error: &MimeError) -> Refusal {
    if let MimeError::Io(io) = error {
        return from_io(io);
    }
    let location = error.at().map_or_else(Location::default, |at| Location {
        part: (at.part > 0).then_some(u64::from(at.part)),
        line: Some(at.line),
        byte: Some(at.byte),
        ..Location::default()
    });
    let class = match error {
        MimeError::Malformed { defect: Defect::Limit { .. }, .. } => Class::TooLarge,
        _ => Class::Malformed,
    };
    let refusal = Refusal::new(class, error.code(), format!("{error}.")).ja(error.message_ja()).at(location);
    match error {
        MimeError::Malformed { defect: Defect::Limit { which, .. }, .. } => {
            with_setting(refusal, (*which == "parts").then_some("limits.parts"))
        }
        _ => refusal,
    }
}
