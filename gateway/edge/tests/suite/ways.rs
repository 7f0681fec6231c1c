//! The ways in: the same payload through every door.

use base64::Engine as _;

use crate::record_sets::RecordSet;

/// A way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Swa,
    SoapXml,
    SoapBase64,
    RestCsv,
    RestJson,
    RestNdjson,
    RestXml,
    FormData,
}

impl Way {
    pub(crate) const ALL: [Self; 8] = [
        Self::Swa,
        Self::SoapXml,
        Self::SoapBase64,
        Self::RestCsv,
        Self::RestJson,
        Self::RestNdjson,
        Self::RestXml,
        Self::FormData,
    ];

    /// The ways that carry a CSV text.
    pub(crate) const CSV: [Self; 4] = [Self::Swa, Self::SoapBase64, Self::RestCsv, Self::FormData];

    pub(crate) fn is_soap(self) -> bool {
        matches!(self, Self::Swa | Self::SoapXml | Self::SoapBase64)
    }

    pub(crate) fn door(self) -> &'static str {
        match self {
            Self::Swa => "swa",
            Self::SoapXml | Self::SoapBase64 => "soap",
            _ => "rest",
        }
    }

    /// The payload in this way's format.
    pub(crate) fn payload(self, set: &RecordSet) -> String {
        match self {
            Self::Swa | Self::SoapBase64 | Self::RestCsv | Self::FormData => set.csv(),
            Self::SoapXml => set.elements(),
            Self::RestJson => set.json(),
            Self::RestNdjson => set.ndjson(),
            Self::RestXml => set.xml(),
        }
    }

    /// The whole request for a set of records, to a route's path.
    pub(crate) fn request(self, path: &str, set: &RecordSet) -> Vec<u8> {
        self.message(self.payload(set).as_bytes()).to(path)
    }

    /// The message around a payload that is already in this way's format.
    pub(crate) fn message(self, payload: &[u8]) -> Message {
        match self {
            Self::Swa => swa(payload, "text/csv; charset=UTF-8"),
            Self::SoapXml => Message::soap11(&envelope(&submit(&format!(
                "<g:records>{}</g:records>",
                std::str::from_utf8(payload).unwrap()
            )))),
            Self::SoapBase64 => {
                let text = base64::engine::general_purpose::STANDARD.encode(payload);
                Message::soap11(&envelope(&submit(&format!(
                    "<g:data contentType=\"text/csv\">{text}</g:data>"
                ))))
            }
            Self::RestCsv => Message::rest("text/csv", payload),
            Self::RestJson => Message::rest("application/json", payload),
            Self::RestNdjson => Message::rest("application/x-ndjson", payload),
            Self::RestXml => Message::rest("application/xml", payload),
            Self::FormData => form(payload, "text/csv"),
        }
    }
}

/// A request but for its path.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) below: &'static str,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    pub(crate) fn rest(content_type: &str, body: &[u8]) -> Self {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Self { below: "/batches", headers, body: body.to_vec() }
    }

    pub(crate) fn soap11(envelope: &str) -> Self {
        Self { below: "", ..Self::rest("text/xml; charset=utf-8", envelope.as_bytes()) }
            .with("SOAPAction", "\"\"")
    }

    pub(crate) fn soap12(envelope: &str) -> Self {
        let envelope = envelope
            .replace("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope");
        Self { below: "", ..Self::rest("application/soap+xml; charset=utf-8", envelope.as_bytes()) }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same message with its body packed.
    pub(crate) fn gzipped(mut self) -> Self {
        self.body = gzip(&self.body);
        self.with("Content-Encoding", "gzip")
    }

    /// The request line and header fields, with a length.
    pub(crate) fn head(&self, path: &str) -> String {
        let fields = self.fields();
        let length = self.body.len();
        format!(
            "POST {path}{} HTTP/1.1\r\nHost: gateway\r\n{fields}Content-Length: {length}\r\n\r\n",
            self.below
        )
    }

    fn fields(&self) -> String {
        self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect()
    }

    pub(crate) fn to(&self, path: &str) -> Vec<u8> {
        let mut request = self.head(path).into_bytes();
        request.extend_from_slice(&self.body);
        request
    }

    /// The request in chunks of the given size, and not yet ended.
    pub(crate) fn chunked_open(&self, path: &str, size: usize) -> Vec<u8> {
        let fields = self.fields();
        let mut request = format!(
            "POST {path}{} HTTP/1.1\r\nHost: gateway\r\n{fields}Transfer-Encoding: chunked\r\n\r\n",
            self.below
        )
        .into_bytes();
        for chunk in self.body.chunks(size) {
            request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            request.extend_from_slice(chunk);
            request.extend_from_slice(b"\r\n");
        }
        request
    }

    pub(crate) fn chunked(&self, path: &str, size: usize) -> Vec<u8> {
        self.chunked_behind(path, size, "")
    }

    /// The request in chunks, with trailers: each a line with its end.
    pub(crate) fn chunked_behind(&self, path: &str, size: usize, trailers: &str) -> Vec<u8> {
        let mut request = self.chunked_open(path, size);
        request.extend_from_slice(format!("0\r\n{trailers}\r\n").as_bytes());
        request
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A SOAP 1.1 envelope around a body.
pub(crate) fn envelope(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><e:Envelope \
         xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body>{body}</e:Body></e:Envelope>"
    )
}

/// The gateway's own operation around its children.
pub(crate) fn submit(children: &str) -> String {
    format!("<g:submitBatch xmlns:g=\"urn:sekisho:gateway:1\">{children}</g:submitBatch>")
}

/// One of the gateway's questions.
pub(crate) fn question(operation: &str, children: &str) -> Message {
    Message::soap11(&envelope(&format!(
        "<g:{operation} xmlns:g=\"urn:sekisho:gateway:1\">{children}</g:{operation}>"
    )))
}

/// A package of an envelope that points to one attachment.
pub(crate) fn swa(payload: &[u8], content_type: &str) -> Message {
    let root = envelope(&submit("<g:data href=\"cid:payload@test\"/>"));
    package(
        "multipart/related; boundary=\"cut\"; type=\"text/xml\"; start=\"<root@test>\"",
        &[
            ("Content-Type: text/xml; charset=UTF-8\r\nContent-ID: <root@test>\r\n", root.as_bytes()),
            (
                &format!(
                    "Content-Type: {content_type}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <payload@test>\r\n"
                ),
                payload,
            ),
        ],
    )
}

/// A package of parts, each with its header lines; the boundary is `cut`.
pub(crate) fn package(content_type: &str, parts: &[(&str, &[u8])]) -> Message {
    let mut body = Vec::new();
    for (head, content) in parts {
        body.extend_from_slice(format!("--cut\r\n{head}\r\n").as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--cut--\r\n");
    Message { below: "", ..Message::rest(content_type, &body) }.with("SOAPAction", "\"\"")
}

/// A form with a field that is no file, and the file.
pub(crate) fn form(payload: &[u8], content_type: &str) -> Message {
    let mut body = b"--cut\r\nContent-Disposition: form-data; name=\"comment\"\r\n\r\nweekly\r\n\
--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"orders.csv\"\r\nContent-Type: "
        .to_vec();
    body.extend_from_slice(content_type.as_bytes());
    body.extend_from_slice(b"\r\n\r\n");
    body.extend_from_slice(payload);
    body.extend_from_slice(b"\r\n--cut--\r\n");
    Message::rest("multipart/form-data; boundary=cut", &body)
}
