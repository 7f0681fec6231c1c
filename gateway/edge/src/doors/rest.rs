//! The REST door: a payload as the body, or as the file of a form.

use std::io::Read;

use super::{Desk, Said, Submission};
use crate::body::{Unkept, Unpacked};
use crate::intake::{from_io, payload_charset, read_payload};
use crate::refusal::{Class, Refusal};
use crate::route::{Format, Route};

/// Takes a body that is the payload.
pub(crate) fn plain(
    desk: &Desk<'_>,
    mut body: Unpacked,
    format: Format,
    charset: Option<&str>,
) -> Result<Submission, Refusal> {
    let charset = payload_charset(charset)?;
    let mut intake = desk.open()?;
    let payload = read_payload(&mut body, format, charset, desk.route, desk.scans.as_ref(), &mut intake)?;
    body.finish().map_err(|error| from_io(&error))?;
    check_digest(&body)?;
    desk.close(intake, payload, unsaid())
}

/// Takes the file of a `multipart/form-data` body, already cut out of it.
pub(crate) fn form_data(
    desk: &Desk<'_>,
    file: impl Read,
    format: Format,
    charset: Option<&str>,
) -> Result<Submission, Refusal> {
    let charset = payload_charset(charset)?;
    let mut intake = desk.open()?;
    let payload = read_payload(file, format, charset, desk.route, desk.scans.as_ref(), &mut intake)?;
    desk.close(intake, payload, unsaid())
}

/// A payload by itself says nothing more, and is answered with the gateway's receipt.
fn unsaid() -> Said {
    Said { own: true, ..Said::default() }
}

/// Holds the body as it arrived to its `Content-Digest` (RFC 9530 §2), in the head and behind it.
pub(super) fn check_digest(body: &Unpacked) -> Result<(), Refusal> {
    body.raw().keeps_its_digests().map_err(unkept)
}

/// The body is not what its head or its trailers say, or nobody can say so.
pub(crate) fn unkept(why: Unkept) -> Refusal {
    match why {
        Unkept::Mismatch => digest_mismatch(),
        Unkept::Unannounced => Refusal::new(
            Class::Malformed,
            "content-digest-unannounced",
            "A Content-Digest came behind the body that the head had not announced, and so the body cannot be held to it. \
             Nothing was kept; announce it (Trailer: Content-Digest), or send it in the head.",
        )
        .ja("予告のないContent-Digestが本文の後に届いたため、照合できません。何も保管していません。\
             ヘッダーで予告する（Trailer: Content-Digest）か、Content-Digest自体をヘッダーで送信してください。"),
    }
}

fn digest_mismatch() -> Refusal {
    Refusal::new(
        Class::Malformed,
        "digest-mismatch",
        "The body does not match its Content-Digest: it was changed on the way. Nothing was kept; send it again.",
    )
    .ja("本文がContent-Digestと一致しません（途中で変わっています）。何も保管していません。再送してください。")
}

/// The format of a payload, if the route takes it.
pub(crate) fn accepted_format(essence: &str, route: &Route) -> Result<Format, Refusal> {
    Format::from_media_type(essence).filter(|format| route.formats.contains(format)).ok_or_else(|| {
        let names: Vec<_> = route.formats.iter().map(|format| format.name()).collect();
        Refusal::new(
            Class::MediaType,
            "payload-type",
            format!(
                "The payload's media type is not one that this route takes: send {}.",
                names.join(" or ")
            ),
        )
        .ja(format!(
            "データの形式が、この特定通信で受け付けるものではありません。{}で送信してください。",
            names.join("か")
        ))
    })
}
