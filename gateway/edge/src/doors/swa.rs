//! The SwA door: an envelope and its attachments (SOAP Messages with Attachments; WS-I AP 1.0), MTOM likewise.

use std::io::{BufReader, Read};

use sekisho_soap::{MediaType, MultipartReader, PartHead, PartLimits, Version, same_content_id};

use super::rest::check_digest;
use super::soap::{
    BodyRead, Called, Found, NOT_A_RECORD, demanded, format_of, lost, open, operation, promised_version,
    read_body,
};
use super::{Asks, Desk, Header, SoapMessage, SoapRefusal, action, addressing};
use crate::body::Unpacked;
use crate::intake::{Digesting, Intake, PayloadDigest, from_io, from_mime, from_soap, read_payload};
use crate::refusal::{Class, Refusal, RelatesTo};
use crate::route::Format;

/// Reads a package: root and attachments in whatever order (WS-I AP 1.0 R2929).
///
/// One pass: an attachment that stands before its root is taken as a candidate, and counts only if the root then
/// points to it. Nothing is kept before the closing boundary has been seen.
///
/// Parts that nothing points to may be there (R2923) and are not looked at, but for those that look like records: a
/// batch is one payload, and records that its sender believes to be sent must not be left out in silence. See
/// [`Beside`].
pub(crate) fn attached(
    desk: &Desk<'_>,
    body: Unpacked,
    media_type: &MediaType,
) -> Result<SoapMessage, SoapRefusal> {
    let promised = promised_version(media_type);
    let mut heard = Heard { version: promised.unwrap_or(Version::Soap11), relates: None };
    package(desk, body, media_type, promised, &mut heard).map_err(|refusal| {
        let refusal = Box::new(refusal.relating(heard.relates.as_ref()));
        SoapRefusal { version: heard.version, refusal }
    })
}

/// How a refusal is said, as far as is known.
struct Heard {
    version: Version,
    /// The message that is refused.
    relates: Option<RelatesTo>,
}

/// The package's root, once it has been read.
struct Root {
    message_id: Option<String>,
    header: Header,
    called: Seen,
}

enum Seen {
    Query(sekisho_soap::message::Request),
    Submit(BodyRead),
}

/// An attachment that was taken.
struct Attached {
    id: Option<String>,
    number: u64,
    label: Option<String>,
    payload: PayloadDigest,
}

/// A part that was not taken: nothing points to it, or it stood before the root and is not what the route takes.
struct Beside {
    id: Option<String>,
    number: u64,
    label: Option<String>,
    /// Whether its label names CSV or JSON and so records, of a format that the route takes. XML may be anything: another
    /// envelope (R2919), a signature, a description.
    names_records: bool,
    /// Why it could not be the payload, if the root points to it after all.
    unfit: Option<Refusal>,
}

impl Beside {
    fn new(desk: &Desk<'_>, head: &PartHead, number: u64) -> Self {
        let label = label(head);
        let format = label.as_deref().and_then(Format::from_media_type);
        let names_records =
            format.is_some_and(|format| format != Format::Xml && desk.route.formats.contains(&format));
        let unfit = format_of(head.content_type.as_ref(), desk.route).err();
        Self { id: head.content_id.clone(), number, label, names_records, unfit }
    }

    /// Whether it is a second payload, as far as anybody can tell: it says so, or it says what the payload says of itself.
    fn is_second(&self, payload: Option<&Attached>) -> bool {
        self.names_records
            || payload.is_some_and(|payload| payload.label.is_some() && payload.label == self.label)
    }
}

fn label(head: &PartHead) -> Option<String> {
    head.content_type.as_ref().map(|label| label.essence().to_owned())
}

fn package(
    desk: &Desk<'_>,
    mut body: Unpacked,
    media_type: &MediaType,
    promised: Option<Version>,
    heard: &mut Heard,
) -> Result<SoapMessage, Refusal> {
    let boundary = media_type.boundary().map_err(|error| {
        Refusal::new(Class::Malformed, error.code(), format!("{error}.")).ja(error.message_ja())
    })?;
    let start = media_type.parameter("start");
    // HTTP carries all eight bits (RFC 9110 §B.6), and many stacks leave the transfer encoding out: what a part does
    // not say is not held against its bytes.
    let limits = PartLimits {
        parts: desk.route.limits.parts,
        eight_bit_unlabelled: true,
        bare_line_feed: desk.route.limits.bare_line_feeds,
        ..PartLimits::default()
    };
    let mut parts = MultipartReader::new(&mut body, boundary, limits);

    let mut intake = desk.open()?;
    let mut root: Option<Root> = None;
    let mut taken: Option<Attached> = None;
    // A part that may hold the records, behind one that has been taken already.
    let mut second = None;
    let mut beside: Vec<Beside> = Vec::new(); // no more than the route takes parts
    let mut root_number = 0;
    let mut others: u64 = 0;
    while let Some(head) = parts.next_part().map_err(|error| from_mime(&error))? {
        let number = head.index as u64 + 1;
        let is_root = match start {
            Some(start) => head.content_id.as_deref().is_some_and(|id| same_content_id(id, start)),
            None => head.index == 0,
        };
        if is_root && root.is_none() {
            let found = read_root(desk, &head, parts.body(), &mut intake, promised, heard);
            root = Some(found.map_err(|refusal| refusal.in_part(number))?);
            root_number = number;
            continue;
        }
        others += 1;
        if !is_wanted(desk, root.as_ref(), &head, taken.is_some()) {
            if let Some(scans) = &desk.scans {
                scans.whole(parts.body()).map_err(|refusal| refusal.in_part(number))?;
            }
            beside.push(Beside::new(desk, &head, number));
            continue;
        }
        if taken.is_some() {
            second.get_or_insert(number);
            continue;
        }
        let payload = match read_attachment(desk, &head, parts.body(), &mut intake) {
            Ok(payload) => payload,
            // Perhaps the envelope itself, where the package's `start` names no part.
            Err(refusal)
                if root.is_none() && refusal.code == NOT_A_RECORD && !root_follows(&mut parts, start) =>
            {
                return Err(no_root(start));
            }
            Err(refusal) => return Err(refusal.in_part(number)),
        };
        taken = Some(Attached { id: head.content_id.clone(), number, label: label(&head), payload });
    }
    drop(parts);
    body.finish().map_err(|error| from_io(&error))?;
    check_digest(&body)?;

    let root = root.ok_or_else(|| no_root(start))?;
    if let Some(number) = second {
        return Err(two_payloads().in_part(number));
    }
    let asks = match root.called {
        Seen::Query(request) => Asks::Query(request),
        Seen::Submit(read) => {
            if let Some(refusal) = unfit(&read.payload, taken.as_ref(), &mut beside) {
                return Err(refusal);
            }
            if let Some(other) = second_payload(&read.payload, taken.as_ref(), &beside) {
                let payload = taken.as_ref().map_or(root_number, |taken| taken.number);
                return Err(two_parts(payload, other));
            }
            let part = taken.as_ref().map_or(root_number, |taken| taken.number);
            let payload = settle(read.payload, taken, root_number, others)?;
            let closed = desk.close(intake, payload, read.said);
            Asks::Submit(Box::new(closed.map_err(|refusal| match refusal.location.is_empty() {
                true => refusal,
                false => refusal.in_part(part),
            })?))
        }
    };
    let (version, message_id, parts) = (heard.version, root.message_id, Some(others + 1));
    Ok(SoapMessage { version, message_id, asks, header: root.header, parts })
}

/// Whether one of the parts that are still to come may be the root: none is, once all have been seen.
fn root_follows<R: Read>(parts: &mut MultipartReader<R>, start: Option<&str>) -> bool {
    loop {
        match parts.next_part() {
            Ok(None) => return false,
            Ok(Some(head)) => {
                if start.zip(head.content_id.as_deref()).is_some_and(|(start, id)| same_content_id(id, start))
                {
                    return true;
                }
            }
            Err(_) => return true,
        }
    }
}

/// Whether this part's records are (or may be) the message's: what the root points to, or any candidate before it.
fn is_wanted(desk: &Desk<'_>, root: Option<&Root>, head: &PartHead, has_candidate: bool) -> bool {
    match root.map(|root| &root.called) {
        None => format_of(head.content_type.as_ref(), desk.route).is_ok(),
        Some(Seen::Query(_)) => false,
        Some(Seen::Submit(read)) => match &read.payload {
            Found::Attachment(id, _) => {
                head.content_id.as_deref().is_some_and(|own| same_content_id(own, id))
            }
            Found::OnlyOther => !has_candidate,
            Found::Here(_) => false,
        },
    }
}

fn read_root(
    desk: &Desk<'_>,
    head: &PartHead,
    body: impl std::io::BufRead,
    intake: &mut Intake<'_>,
    promised: Option<Version>,
    heard: &mut Heard,
) -> Result<Root, Refusal> {
    let charset = head.content_type.as_ref().and_then(MediaType::charset);
    // The package's word counts; the root's own where the package says nothing.
    let promised = promised.or_else(|| promised_version(head.content_type.as_ref()?));
    heard.version = promised.unwrap_or(heard.version);
    let digesting = Digesting::new(body, desk.scan_envelope(), desk.spool.is_some());
    let mut bytes = BufReader::with_capacity(32 * 1024, digesting);
    let mut envelope = open(desk, &mut bytes, charset, promised).map_err(|refused| {
        heard.version = refused.version;
        *refused.refusal
    })?;
    *heard = Heard { version: envelope.version(), relates: addressing::of(&envelope) };
    let message_id = envelope.addressing().message_id.clone();
    let header = demanded(&envelope);
    let actions = head.content_type.as_ref().map_or(Ok(Vec::new()), action::in_media_type)?;
    let mut called = match operation(desk, &actions, &envelope)? {
        Called::Query => {
            desk.leave_envelope();
            Seen::Query(
                sekisho_soap::message::Request::read(&mut envelope).map_err(|error| from_soap(&error))?,
            )
        }
        Called::Submit(called) => Seen::Submit(read_body(desk, &mut envelope, called, intake)?),
    };
    envelope.finish().map_err(|error| from_soap(&error))?;
    if let Seen::Submit(read) = &mut called
        && let Found::Here(digest @ None) = &mut read.payload
    {
        // Records as elements: the payload is the envelope.
        std::io::copy(&mut bytes, &mut std::io::sink()).map_err(|error| from_io(&error))?;
        *digest = Some(bytes.into_inner().finish()?);
    }
    Ok(Root { message_id, header, called })
}

fn read_attachment(
    desk: &Desk<'_>,
    head: &PartHead,
    body: impl std::io::BufRead,
    intake: &mut Intake<'_>,
) -> Result<PayloadDigest, Refusal> {
    let (format, charset) = format_of(head.content_type.as_ref(), desk.route)?;
    read_payload(body, format, charset, desk.route, desk.scans.as_ref(), intake)
}

/// Joins what the body said with what the attachments were.
///
/// `root` is the envelope's part, and `others` how many parts there are beside it.
fn settle(found: Found, taken: Option<Attached>, root: u64, others: u64) -> Result<PayloadDigest, Refusal> {
    match (found, taken) {
        (Found::Here(Some(digest)), None) => Ok(digest),
        (Found::Attachment(id, _), Some(attached))
            if attached.id.as_deref().is_some_and(|own| same_content_id(own, &id)) =>
        {
            Ok(attached.payload)
        }
        (Found::OnlyOther, Some(attached)) if others == 1 => Ok(attached.payload),
        // None may have been taken, where all stood before the root.
        (Found::OnlyOther, _) if others > 0 => Err(Refusal::new(
            Class::Invalid,
            "attachment-ambiguous",
            "The message has several attachments and the body does not point to one: name it with href=\"cid:...\".",
        )
        .ja("添付が複数ありますが、本文がどれも参照していません。href=\"cid:...\"で1つを指定してください。")),
        (Found::Attachment(_, place), _) => Err(lost(place, Some(others + 1)).in_part(root)),
        (Found::OnlyOther, _) => Err(Refusal::new(
            Class::Invalid,
            "attachment-missing",
            "The message has no attachment and the body has no records: send them one way or the other.",
        )
        .ja("添付も本文中のレコードもありません。どちらかで送信してください。")),
        (Found::Here(None), None) => {
            Err(Refusal::internal("joining body and attachments", &"records without a digest"))
        }
        (Found::Here(_), Some(_)) => Err(two_payloads()),
    }
}

/// The refusal of the part that is the payload, where it was passed over before the root had been read: what is wrong is
/// the part, and not the pointer.
fn unfit(found: &Found, taken: Option<&Attached>, beside: &mut [Beside]) -> Option<Refusal> {
    let meant = match (found, beside) {
        (Found::Attachment(id, _), beside) => {
            beside.iter_mut().find(|part| part.id.as_deref().is_some_and(|own| same_content_id(own, id)))
        }
        (Found::OnlyOther, [only]) if taken.is_none() => Some(only),
        _ => None,
    }?;
    Some(meant.unfit.take()?.in_part(meant.number))
}

/// The number of a part that would be left out in silence, where there is a payload already.
fn second_payload(found: &Found, taken: Option<&Attached>, beside: &[Beside]) -> Option<u64> {
    let has_payload = match found {
        Found::Here(_) => true,
        Found::Attachment(..) => taken.is_some(),
        // Which of several is meant is another question.
        Found::OnlyOther => false,
    };
    beside.iter().filter(|_| has_payload).find(|part| part.is_second(taken)).map(|part| part.number)
}

fn two_parts(payload: u64, other: u64) -> Refusal {
    Refusal::new(
        Class::Invalid,
        "attachment-second",
        format!(
            "Part {other} looks like records beside those of part {payload}, and nothing points to it. A batch is one \
             payload: send part {other} as a batch of its own, or leave it out."
        ),
    )
    .ja(format!(
        "パート{payload}のレコードのほかに、参照されていないパート{other}にもレコードがあるようです。\
         1回の送信は1データです。パート{other}は別のバッチとして送信するか、外してください。"
    ))
    .in_part(other)
}

fn two_payloads() -> Refusal {
    Refusal::new(
        Class::Invalid,
        "attachment-order",
        "An attachment other than the one that the body points to came before the envelope, or records came twice. \
         Send the envelope first and the records once.",
    )
    .ja("エンベロープより前に、本文が参照していない添付があるか、レコードが重複しています。エンベロープを先頭に置き、\
         レコードは一度だけ送信してください。")
}

/// The envelope is not where the package's head says (RFC 2387 §3.2).
fn no_root(start: Option<&str>) -> Refusal {
    let (en, ja) = match start {
        Some(_) => (
            "The start parameter of the Content-Type names no part of the package: give the envelope's part the Content-ID that start \
             has, or put the envelope first and leave start out.",
            "Content-Typeのstartパラメーターが示すパートがありません。エンベロープのパートのContent-IDをstartと同じにするか、\
             エンベロープを先頭に置いてstartを省いてください。",
        ),
        None => (
            "The package has no part: without a start parameter in the Content-Type its first part is the envelope.",
            "パッケージにパートがありません。Content-Typeにstartパラメーターがない場合、先頭のパートがエンベロープです。",
        ),
    };
    Refusal::new(Class::Malformed, "root-missing", en).ja(ja)
}
