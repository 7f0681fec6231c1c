//! `multipart/related`, read from memory: enough for a service that takes an envelope and a file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;

/// One part: its fields (names in lower case) and its content, decoded.
pub(super) struct Part<'b> {
    headers: Vec<(String, String)>,
    pub(super) content: std::borrow::Cow<'b, [u8]>,
}

impl Part<'_> {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(at, _)| at == name).map(|(_, value)| value.as_str())
    }

    /// The Content-ID without its angle brackets.
    pub(super) fn id(&self) -> Option<&str> {
        Some(self.header("content-id")?.trim_start_matches('<').trim_end_matches('>'))
    }
}

/// A media type and its parameters, names in lower case.
pub(super) fn media_type(value: &str) -> (String, Vec<(String, String)>) {
    let mut parameters = Vec::new();
    let mut rest = value;
    let mut first = None;
    loop {
        // A semicolon inside quotes belongs to the value.
        let mut quoted = false;
        let end = rest
            .find(|c: char| {
                quoted ^= c == '"';
                c == ';' && !quoted
            })
            .unwrap_or(rest.len());
        let piece = rest[..end].trim();
        match (&first, piece.split_once('=')) {
            (None, _) => first = Some(piece.to_ascii_lowercase()),
            (Some(_), Some((name, value))) => {
                let value = value.trim();
                let value = match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
                    Some(inner) => inner.replace("\\\"", "\"").replace("\\\\", "\\"),
                    None => value.to_owned(),
                };
                parameters.push((name.trim().to_ascii_lowercase(), value));
            }
            (Some(_), None) => {}
        }
        if end == rest.len() {
            return (first.unwrap_or_default(), parameters);
        }
        rest = &rest[end + 1..];
    }
}

/// Cuts a body into its parts.
///
/// # Errors
/// Says what is missing: a boundary, the last boundary, the end of a head; or which coding is not known.
pub(super) fn parts<'b>(body: &'b [u8], boundary: &str) -> Result<Vec<Part<'b>>, String> {
    if boundary.is_empty() || boundary.len() > 70 {
        return Err("the boundary is empty or longer than 70 characters".to_owned());
    }
    let delimiter = format!("--{boundary}");
    let mut found = Vec::new();
    let mut at = if body.starts_with(delimiter.as_bytes()) {
        delimiter.len()
    } else {
        let first =
            memmem::find(body, format!("\r\n{delimiter}").as_bytes()).ok_or("no boundary in the body")?;
        first + 2 + delimiter.len()
    };
    let between = format!("\r\n{delimiter}");
    loop {
        let rest = &body[at..];
        if rest.starts_with(b"--") {
            return Ok(found);
        }
        let line = memmem::find(rest, b"\r\n").ok_or("the last boundary is missing")?;
        if !rest[..line].trim_ascii().is_empty() {
            return Err("something stands behind a boundary".to_owned());
        }
        let rest = &rest[line + 2..];
        let end = memmem::find(rest, between.as_bytes()).ok_or("the last boundary is missing")?;
        found.push(part(&rest[..end])?);
        at = body.len() - rest.len() + end + between.len();
    }
}

fn part(bytes: &[u8]) -> Result<Part<'_>, String> {
    let (head, content) = if let Some(content) = bytes.strip_prefix(b"\r\n") {
        (&bytes[..0], content)
    } else {
        let end = memmem::find(bytes, b"\r\n\r\n").ok_or("the head of a part does not end")?;
        (&bytes[..end], &bytes[end + 4..])
    };
    let head = std::str::from_utf8(head).map_err(|_| "the head of a part is not UTF-8")?;
    let mut headers = Vec::new();
    for line in head.split("\r\n").filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or("a line in the head of a part has no colon")?;
        headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut part = Part { headers, content: content.into() };
    let coding = part.header("content-transfer-encoding").unwrap_or("7bit").to_ascii_lowercase();
    match coding.as_str() {
        "7bit" | "8bit" | "binary" => {}
        "base64" => {
            let stripped: Vec<u8> =
                content.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
            let decoded = STANDARD.decode(stripped).map_err(|_| "a part is not base64")?;
            part.content = decoded.into();
        }
        other => return Err(format!("the transfer encoding {other} is not taken")),
    }
    Ok(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_cut_at_their_boundaries() {
        let body = b"preamble\r\n--b\r\nContent-ID: <a>\r\n\r\none\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\ndHdv\r\n--b--\r\n";
        let parts = parts(body, "b").unwrap();
        assert_eq!(parts[0].id(), Some("a"));
        assert_eq!(&*parts[0].content, b"one");
        assert_eq!(&*parts[1].content, b"two");
    }

    #[test]
    fn a_body_without_its_last_boundary_is_refused() {
        assert!(parts(b"--b\r\n\r\none\r\n", "b").is_err());
        assert!(parts(b"", "b").is_err());
        assert!(parts(b"--b\r\n\r\none\r\n--b\r\n", "b").is_err());
    }

    #[test]
    fn parameters_may_be_quoted() {
        let (media, parameters) =
            media_type("Multipart/Related; boundary=\"a;b\"; type=\"text/xml\";start=<x>");
        assert_eq!(media, "multipart/related");
        assert_eq!(parameters[0], ("boundary".to_owned(), "a;b".to_owned()));
        assert_eq!(parameters[2], ("start".to_owned(), "<x>".to_owned()));
    }
}
