//! The SOAP-with-Attachments service: an envelope that points to a CSV file in another part.

use std::sync::Arc;

use bytes::Bytes;
use http::header;

use super::Cloud;
use super::answer::Answer;
use super::csv_rows::{self, CsvForm};
use super::intake;
use super::multipart::{media_type, parts};
use super::perform::{Call, Order, perform};
use super::refusal::Refusal;
use super::route::Request;
use super::rows::Rows;
use super::soap::{self, Ns, Version, Xml};

/// `POST /services/swa/{object}/{key}`.
///
/// # Errors
/// The whole call is refused or was stopped.
pub(super) async fn serve(
    cloud: &Arc<Cloud>,
    request: &Request,
    call: &mut Call,
    object: &str,
    key: &str,
) -> Result<Answer, Refusal> {
    let content_type = request.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    let body = request.body.clone();
    let (version, rows) = tokio::task::spawn_blocking(move || read(&content_type, &body))
        .await
        .map_err(|_| Refusal::Unavailable)??;
    call.record.step = "put-file";
    let mut order = Order::replace(object, key);
    order.operation = request.query("operation").map(str::to_owned);
    let results = perform(cloud, call, rows, order).await?;
    Ok(intake::answer(version, "putFileResponse", &results))
}

fn read(content_type: &str, body: &Bytes) -> Result<(Version, Rows), Refusal> {
    let (media, parameters) = media_type(content_type);
    if media != "multipart/related" {
        return Err(Refusal::Media("multipart/related is expected here".to_owned()));
    }
    let parameter =
        |name: &str| parameters.iter().find(|(at, _)| at == name).map(|(_, value)| value.as_str());
    let boundary = parameter("boundary").ok_or_else(|| Refusal::Input("no boundary".to_owned()))?;
    let parts = parts(body, boundary).map_err(Refusal::Input)?;
    let root = match parameter("start") {
        Some(start) => {
            let start = start.trim_start_matches('<').trim_end_matches('>');
            parts.iter().find(|part| part.id() == Some(start))
        }
        None => parts.first(),
    };
    let root = root.ok_or_else(|| Refusal::Input("no root part".to_owned()))?;
    let (version, target) = file_named(&root.content)?;
    let file = parts
        .iter()
        .find(|part| part.id() == Some(target.as_str()))
        .ok_or_else(|| Refusal::Input("no part has the Content-ID that the file points to".to_owned()))?;
    let (media, _) = media_type(file.header("content-type").unwrap_or_default());
    if media != "text/csv" {
        return Err(Refusal::Media("the attached file has to be text/csv".to_owned()));
    }
    let rows = csv_rows::read(&file.content, CsvForm::default()).map_err(Refusal::Input)?;
    Ok((version, rows))
}

/// The version of the envelope and the Content-ID that `putFile/file/@href` points to.
fn file_named(envelope: &[u8]) -> Result<(Version, String), Refusal> {
    let mut xml = Xml::new(envelope).map_err(Refusal::Input)?;
    let (version, _, ns, operation) = soap::open(&mut xml).map_err(Refusal::Input)?;
    if (ns, operation.as_str()) != (Ns::Intake, "putFile") {
        return Err(Refusal::Operation(format!("no operation {operation} here")));
    }
    let target = pointed_to(&mut xml).map_err(Refusal::Input)?;
    soap::finish(&mut xml).map_err(Refusal::Input)?;
    Ok((version, target))
}

fn pointed_to(xml: &mut Xml<'_>) -> Result<String, String> {
    let mut target = None;
    while let Some((ns, child)) = xml.child()? {
        if ns == Ns::Intake && child.local_name().as_ref() == b"file" {
            let href = child.try_get_attribute("href").map_err(|error| error.to_string())?;
            let href = href.ok_or("file has no href")?;
            let value = String::from_utf8_lossy(&href.value).into_owned();
            target = value.strip_prefix("cid:").map(str::to_owned);
        }
        xml.skip()?;
    }
    target.ok_or_else(|| "no file with an href of the scheme cid".to_owned())
}
