//! The inline SOAP door: records as elements of the body, or a payload as base64 in an element.

use std::io::{BufRead, BufReader, Read};

use sekisho_charset::{Decoder, Encoding, Unmappable};
use sekisho_records::XmlRecords;
use sekisho_soap::envelope::EnvelopeOptions;
use sekisho_soap::message::{self, Payload, PayloadPlace, Request, SubmissionShape};
use sekisho_soap::{EnvelopeReader, MediaType, Version};
use sekisho_xml::{ProcessingInstructions, QName};

use super::rest::{accepted_format, check_digest};
use super::{Asks, Binds, Desk, Header, Names, Said, SoapMessage, SoapRefusal, action, addressing, is_own};
use crate::body::Unpacked;
use crate::intake::{
    Digesting, Intake, LookedAt, PayloadDigest, from_io, from_soap, payload_charset, read_payload,
    xml_encoding, xml_limits, xml_options,
};
use crate::refusal::{Class, Location, Refusal};
use crate::route::{RecordsAt, Reply, Route};

/// Reads a message that is nothing but an envelope.
pub(crate) fn inline(
    desk: &Desk<'_>,
    mut body: Unpacked,
    media_type: &MediaType,
) -> Result<SoapMessage, SoapRefusal> {
    let promised = promised_version(media_type);
    let at_once = body.at_once(32 * 1024);
    let digesting = Digesting::new(&mut body, desk.scan_envelope(), desk.spool.is_some());
    let mut bytes = BufReader::with_capacity(at_once, digesting);
    let mut envelope = open(desk, &mut bytes, media_type.charset(), promised)?;
    let version = envelope.version();
    let message_id = envelope.addressing().message_id.clone();
    let header = demanded(&envelope);
    let relates = addressing::of(&envelope);
    let refuse = |refusal: Refusal| {
        let refusal = Box::new(refusal.relating(relates.as_ref()));
        SoapRefusal { version, refusal }
    };

    let operation = operation(desk, &[], &envelope).map_err(refuse)?;
    let asks = match operation {
        Called::Query => {
            desk.leave_envelope();
            let request = Request::read(&mut envelope).map_err(|error| refuse(from_soap(&error)))?;
            envelope.finish().map_err(|error| refuse(from_soap(&error)))?;
            body.finish().map_err(|error| refuse(from_io(&error)))?;
            check_digest(&body).map_err(refuse)?;
            Asks::Query(request)
        }
        Called::Submit(called) => {
            let mut intake = desk.open().map_err(refuse)?;
            let read = read_body(desk, &mut envelope, called, &mut intake).map_err(refuse)?;
            envelope.finish().map_err(|error| refuse(from_soap(&error)))?;
            let payload = match read.payload {
                Found::Here(Some(digest)) => digest,
                // Records as elements: the payload is the message itself.
                Found::Here(None) => {
                    drain(&mut bytes).map_err(refuse)?;
                    bytes.into_inner().finish().map_err(refuse)?
                }
                Found::Attachment(_, place) => return Err(refuse(lost(place, None))),
                Found::OnlyOther => return Err(refuse(no_attachment())),
            };
            body.finish().map_err(|error| refuse(from_io(&error)))?;
            check_digest(&body).map_err(refuse)?;
            let submission = desk.close(intake, payload, read.said).map_err(refuse)?;
            Asks::Submit(Box::new(submission))
        }
    };
    Ok(SoapMessage { version, message_id, asks, header, parts: None })
}

/// Reads to the end. Most often it is there already, and nothing is copied.
fn drain(bytes: &mut impl BufRead) -> Result<(), Refusal> {
    loop {
        match bytes.fill_buf().map_err(|error| from_io(&error))?.len() {
            0 => return Ok(()),
            length => bytes.consume(length),
        }
    }
}

/// What the body points to is not there; `parts` is how many parts the message has, if it is a package.
pub(super) fn lost(place: Option<PayloadPlace>, parts: Option<u64>) -> Refusal {
    let (en, ja) = match place {
        Some(place) => (place.english(), place.japanese()),
        None => ("the body".to_owned(), "本文".to_owned()),
    };
    let refusal = match parts {
        Some(parts) => Refusal::new(
            Class::Invalid,
            "attachment-unresolved",
            format!(
                "In the envelope {en} points to an attachment, but none of the {parts} parts of the package has the Content-ID of its \
                 cid: URL. Make both the same (RFC 2392), and send the part that is meant."
            ),
        )
        .ja(format!(
            "エンベロープの{ja}が添付を参照していますが、{parts}個のパートのどれにも、そのcid: URLのContent-IDがありません。\
             両者を一致させ（RFC 2392）、参照先のパートを送信してください。"
        )),
        None => Refusal::new(
            Class::Invalid,
            "attachment-missing",
            format!(
                "In the envelope {en} points to an attachment, but the message is an envelope alone. Send a package \
                 (multipart/related) with the attachment, or the records in the body."
            ),
        )
        .ja(format!(
            "エンベロープの{ja}が添付を参照していますが、電文はエンベロープだけです。添付を含むパッケージ（multipart/related）で\
             送信するか、レコードを本文に置いてください。"
        )),
    };
    refusal.at(place.map(|place| Location::from(place.at)).unwrap_or_default())
}

fn no_attachment() -> Refusal {
    Refusal::new(
        Class::Invalid,
        "attachment-missing",
        "The body names an attachment, or has no records of its own, but the message has no attachment.",
    )
    .ja("本文が添付を参照しているか、レコードを含んでいませんが、電文に添付がありません。")
}

/// The version that a media type stands for, if it stands for one: of an envelope, of a package by its `type`
/// (RFC 2387 §3.1), of an optimized envelope by `start-info` or `type` (XOP 1.0 §4.1).
pub(crate) fn promised_version(media_type: &MediaType) -> Option<Version> {
    match media_type.essence() {
        "text/xml" => Some(Version::Soap11),
        "application/soap+xml" => Some(Version::Soap12),
        "multipart/related" => {
            let root = MediaType::parse(media_type.parameter("type")?).ok()?;
            let inner = if root.is("application/xop+xml") {
                media_type.parameter("start-info")?
            } else {
                root.essence()
            };
            promised_version(&MediaType::parse(inner).ok().filter(|inner| inner.kind() != "multipart")?)
        }
        "application/xop+xml" => {
            let inner = MediaType::parse(media_type.parameter("type")?).ok();
            promised_version(
                &inner.filter(|inner| inner.kind() != "multipart" && !inner.is("application/xop+xml"))?,
            )
        }
        _ => None,
    }
}

/// Reads an envelope up to the body's child, and holds its mandatory headers.
pub(super) fn open<R: Read>(
    desk: &Desk<'_>,
    input: R,
    charset: Option<&str>,
    promised: Option<Version>,
) -> Result<EnvelopeReader<Decoder<LookedAt<R>>>, SoapRefusal> {
    let version = promised.unwrap_or(Version::Soap11);
    let refuse = |refusal| SoapRefusal { version, refusal: Box::new(refusal) };
    let (encoding, input) = envelope_encoding(input, charset).map_err(refuse)?;
    let options = EnvelopeOptions {
        expected: promised,
        xml: xml_limits(desk.route, ProcessingInstructions::Refuse),
        ..EnvelopeOptions::default()
    };
    let text = Decoder::new(input, encoding, Unmappable::Refuse);
    let envelope = EnvelopeReader::open(text, &options).map_err(|error| refuse(from_soap(&error)))?;
    let version = envelope.version();
    let header = demanded(&envelope);
    let refused = match desk.header {
        Binds::Others => None,
        Binds::UsUnsigned if header.signed => Some(signed_too_long()),
        Binds::Us | Binds::UsUnsigned => unmet(header),
    };
    match refused {
        Some(refusal) => {
            let refusal = Box::new(refusal.relating(addressing::of(&envelope).as_ref()));
            Err(SoapRefusal { version, refusal })
        }
        None => Ok(envelope),
    }
}

pub(super) fn demanded<R: BufRead>(envelope: &EnvelopeReader<R>) -> Header {
    Header {
        signed: envelope.is_signed(),
        not_understood: envelope.not_understood(|_| false),
        elsewhere: envelope.addressing().elsewhere(),
        lifetime: envelope.lifetime(),
    }
}

/// The refusal of what the header demands and the gateway, as the message's receiver, does not do; none where there is nothing.
/// What must be understood goes first (SOAP 1.2 part 1 §2.6).
pub(crate) fn unmet(header: Header) -> Option<Refusal> {
    match header.not_understood.is_empty() {
        true => header.elsewhere.map(addressing::elsewhere),
        false => Some(not_understood(header.not_understood)),
    }
}

fn not_understood(blocks: Vec<QName>) -> Refusal {
    let mut refusal = Refusal::new(
        Class::MustUnderstand,
        "header-not-understood",
        "A header block that must be understood is not understood here: leave it out, or send it without \
         mustUnderstand.",
    )
    .ja("理解必須（mustUnderstand）のヘッダーブロックを処理できません。外すか、mustUnderstandなしで送信してください。");
    refusal.not_understood = blocks;
    refusal
}

fn signed_too_long() -> Refusal {
    Refusal::new(
        Class::TooLarge,
        "relay-signed-too-large",
        "A signed message is never split, and this one is longer than can be passed on whole (split.pass_bytes). Nothing \
         was sent; send less at once.",
    )
    .ja(
        "署名された電文は分割できず、この電文はそのまま中継できる長さ（split.pass_bytes）を超えています。\
         何も送信していません。分けて送信してください。",
    )
}

/// The charset parameter wins (BP 1.1 R1018, R1019), then what the envelope itself shows.
fn envelope_encoding<R: Read>(input: R, label: Option<&str>) -> Result<(Encoding, LookedAt<R>), Refusal> {
    let (encoding, input) = xml_encoding(input, payload_charset(label)?)?;
    // BP 1.1 R1012: an envelope is UTF-8 or UTF-16.
    if encoding == Encoding::Windows31J {
        return Err(Refusal::new(
            Class::MediaType,
            "envelope-charset",
            "A SOAP envelope is in UTF-8 or UTF-16, and other encodings are for attachments: send it in one of these.",
        )
        .ja("SOAPエンベロープの文字コードはUTF-8かUTF-16にしてください。ほかの文字コードは添付にだけ使えます。"));
    }
    Ok((encoding, input))
}

/// Which operation a message calls.
pub(super) enum Called<'r> {
    /// One of the gateway's questions.
    Query,
    /// A submission.
    Submit(Submits<'r>),
}

/// A submission as its operation says.
pub(super) struct Submits<'r> {
    /// How it is answered.
    reply: Option<Reply>,
    /// Where its records are.
    records: RecordsAt,
    /// What may stand beside them in the body's child.
    beside: &'r [QName],
    /// It is the gateway's own operation.
    own: bool,
}

/// Finds the operation by the body's child (BP 1.1 R1127), and checks the actions that go with it: those of the desk, those of the
/// package's root if it has any, and the envelope's.
pub(super) fn operation<'r, R: BufRead>(
    desk: &Desk<'r>,
    root: &[String],
    envelope: &EnvelopeReader<R>,
) -> Result<Called<'r>, Refusal> {
    let Some(child) = envelope.body() else {
        // An empty body is legal where the payload is an attachment (WS-Reliability stacks send it so).
        return Ok(Called::Submit(Submits {
            reply: None,
            records: RecordsAt::Anywhere,
            beside: &[],
            own: false,
        }));
    };
    if is_own(&child.name) {
        action::check_own(&child.name.local, desk, root, envelope)?;
        return Ok(match &*child.name.local {
            "submitBatch" => {
                Called::Submit(Submits { reply: None, records: RecordsAt::Anywhere, beside: &[], own: true })
            }
            _ => Called::Query,
        });
    }
    let Some(operation) = desk.route.operations.iter().find(|operation| operation.body == child.name) else {
        return Err(Refusal::new(
            Class::Invalid,
            "operation-unknown",
            format!(
            "Route {} has no operation for this body element: correct its name and namespace, as the WSDL has them.",
            desk.route.name
        ),
        )
        .ja(format!(
        "特定通信{}には、この本文要素に対応する操作がありません。要素名と名前空間をWSDLのとおりにしてください。",
        desk.route.name
    )));
    };
    action::check(operation, desk, root, envelope)?;
    Ok(Called::Submit(Submits {
        reply: operation.reply.clone(),
        records: operation.records,
        beside: &operation.beside_records,
        own: false,
    }))
}

/// What the body said about its records.
pub(super) struct BodyRead {
    pub(super) payload: Found,
    pub(super) said: Said,
}

/// Where the records of a body are.
pub(super) enum Found {
    /// They were in the body and are taken; with the digest of a payload that was a text of its own.
    Here(Option<PayloadDigest>),
    /// In the part with this Content-ID; with what points to it.
    Attachment(String, Option<PayloadPlace>),
    /// In the only other part.
    OnlyOther,
}

/// Reads the body's child, taking records that stand in it.
pub(super) fn read_body<R: BufRead>(
    desk: &Desk<'_>,
    envelope: &mut EnvelopeReader<R>,
    called: Submits<'_>,
    intake: &mut Intake<'_>,
) -> Result<BodyRead, Refusal> {
    let Submits { reply, records, beside, own } = called;
    let mut names = Names { key: None, message_id: envelope.addressing().message_id.clone() };
    if envelope.body().is_none() || records == RecordsAt::BodyChildren {
        let under_way = desk.claim(&names)?;
        let mut payload = Found::OnlyOther;
        if envelope.body().is_none() {
            desk.leave_envelope();
        } else {
            let records =
                XmlRecords::new(envelope.xml(), &desk.route.records.layout, xml_options(desk.route));
            intake.drain(&mut records.beside(beside)).map_err(or_to_be_named)?;
            payload = Found::Here(None);
        }
        return Ok(BodyRead { payload, said: Said { reference: None, names, reply, own, under_way } });
    }
    let shape = SubmissionShape { beside, ..SubmissionShape::default() };
    let mut submission = message::Submission::read(envelope, &shape).map_err(|error| from_soap(&error))?;
    names.key.clone_from(&submission.idempotency_key);
    let mut under_way = desk.claim(&names)?;
    if !matches!(submission.payload, Payload::Records) {
        desk.leave_envelope();
    }
    let payload = match &submission.payload {
        Payload::Attachment(id) => Found::Attachment(id.clone(), submission.place),
        Payload::Unnamed => Found::OnlyOther,
        Payload::Records => {
            let mut records =
                XmlRecords::new(envelope.xml(), &desk.route.records.layout, xml_options(desk.route));
            intake.drain(&mut records)?;
            Found::Here(None)
        }
        Payload::Base64 => {
            let label =
                submission.content_type.as_deref().map(MediaType::parse).transpose().map_err(|error| {
                    Refusal::new(Class::MediaType, error.code(), format!("{error}.")).ja(error.message_ja())
                })?;
            let (format, charset) = format_of(label.as_ref(), desk.route)?;
            let scans = desk.scans.as_ref();
            let digest =
                read_payload(submission.base64(envelope), format, charset, desk.route, scans, intake)?;
            Found::Here(Some(digest))
        }
    };
    if matches!(payload, Found::Here(_)) {
        submission.finish(envelope, &shape).map_err(|error| from_soap(&error))?;
    }
    if names.key != submission.idempotency_key {
        // A municipality's own operation may have it behind the records.
        names.key = submission.idempotency_key;
        under_way = desk.claim(&names)?;
    }
    let reference = submission.reference;
    Ok(BodyRead { payload, said: Said { reference, names, reply, own, under_way } })
}

/// The refusal of an element that is no record.
pub(super) const NOT_A_RECORD: &str = "xml-not-a-record";

/// Says of an element below an operation that is no record what may be done beside correcting it.
fn or_to_be_named(mut refusal: Refusal) -> Refusal {
    if refusal.code == NOT_A_RECORD {
        refusal
            .reason
            .push_str(" What the operation has beside its records, beside_records of the operation names.");
        let own = refusal.reason_ja.take().unwrap_or_default();
        refusal.reason_ja = Some(format!(
            "{own}レコードのほかに操作が持つ要素は、操作の beside_records に名前の登録が必要です。"
        ));
    }
    refusal
}

/// Format and encoding of a payload by its label; CSV, or the route's only format, without one.
pub(super) fn format_of(
    label: Option<&MediaType>,
    route: &Route,
) -> Result<(crate::route::Format, Option<Encoding>), Refusal> {
    // What stacks put on a part when nobody told them better says nothing about its content.
    let vague = ["application/octet-stream", "text/plain"];
    let format = match label.filter(|label| !vague.contains(&label.essence())) {
        Some(label) => accepted_format(label.essence(), route)?,
        None => match route.formats.first() {
            Some(first) => *first,
            None => return accepted_format("", route).map(|format| (format, None)),
        },
    };
    Ok((format, payload_charset(label.and_then(MediaType::charset))?))
}

#[cfg(test)]
mod tests;
