//! What a case file may hold.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::generate::{Form, LayoutName};

/// A file of cases of one area.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// Name of the area: what `--only` chooses by.
    pub area: String,
    /// Texts that stand for `${name}` in the file's cases.
    #[serde(default)]
    pub text: BTreeMap<String, String>,
    /// The cases.
    pub case: Vec<Case>,
}

/// One case: an exchange, and perhaps more after it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What has to be so, as a sentence.
    pub name: String,
    /// The rule behind it: a standard and its section, or a promise of the gateway.
    #[serde(default)]
    pub rule: String,
    /// The route that it is about: `orders`, `lenient` (the same, bad records left out), `legacy` (the same, CSV by
    /// position, in Windows-31J, what that does not have replaced by U+3013), `unreached` (the same, no cloud behind it),
    /// `attributes`, `differential`, `household`; and as `orders` with another rule for what comes twice: `keyed`, `contents`,
    /// `last-wins`, `in-order`; and as `orders` with a disclosure policy: `disclosed`, `disclosed-in-part` (bad records left
    /// out), `disclosed-relay` (messages are passed on).
    #[serde(default = "orders")]
    pub route: String,
    /// What is sent.
    pub send: Send,
    /// What has to come back.
    pub expect: Expect,
    /// An exchange that is made while the first one is under way: its head is sent, with `Expect: 100-continue`; its
    /// body follows after this exchange, which begins when the server has asked for it.
    pub meanwhile: Option<Step>,
    /// Exchanges that follow, with values captured from those before.
    #[serde(default)]
    pub then: Vec<Step>,
}

/// A further exchange of a case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What is sent.
    pub send: Send,
    /// What has to come back.
    pub expect: Expect,
}

fn orders() -> String {
    "orders".to_owned()
}

/// A request.
///
/// The name of a route stands for its path, as in `${orders}`; `${path}` for that of the case's own route, `${lookup}` for
/// that of a relay which asks the cloud for rows by `findRecords`, `${awaited}` for that of one which splits what has more than
/// two orders, `${host}` for the target, `${sha256}` for the body's digest in base64, `${NAME}` for a text of the file, a
/// fill, or a captured value.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Send {
    /// Request line and fields, a line each. `HTTP/1.1`, `Host`, and `Content-Length` are added where they are missing.
    pub head: String,
    /// Leaves `Host` and `Content-Length` as they are, or missing.
    pub raw_head: bool,
    /// The whole request in place of head and body: every byte as it stands here, line ends included.
    pub raw: String,
    /// Characters up to U+00FF of head, body or `raw` are a byte each; others are not allowed.
    pub latin1: bool,
    /// The body as text; a line end is sent as CRLF.
    pub body: String,
    /// Sends line ends of the body as LF.
    pub lf: bool,
    /// The body in hexadecimal digits, white space between them.
    pub hex: String,
    /// A file of `fixtures/`: the whole request, whose path and `Host` are replaced by the route's and the target's.
    pub fixture: String,
    /// The body is generated.
    pub generate: Option<Generate>,
    /// Texts that are made by repetition.
    pub fill: BTreeMap<String, Fill>,
    /// The body's encoding: `utf-16le`, `utf-16be`, with `-bom` for a byte order mark in front; UTF-8 without it.
    pub encoding: String,
    /// Packs the body with gzip. Head fields are not added.
    pub gzip: bool,
    /// Sends the body with chunked transfer coding, in chunks of so many bytes.
    pub chunked: usize,
    /// Fields behind the last chunk, a line each.
    pub trailers: String,
    /// Leaves out so many bytes at the end and shuts the sending side.
    pub cut: usize,
    /// Changes one byte of the body: its position from the end is given, 1 is the last.
    pub flip: usize,
}

/// A text that is made by repetition; `${n}` in it is the number of the repetition, from 1.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fill {
    /// What is repeated.
    pub text: String,
    /// How often.
    pub times: usize,
}

/// A body of generated records.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generate {
    /// Number of records.
    pub records: u64,
    /// Their layout.
    #[serde(default = "attributes")]
    pub layout: String,
    /// Their format.
    #[serde(default = "csv")]
    pub format: String,
    /// Records that break the schema.
    #[serde(default)]
    pub bad_record: Vec<u64>,
}

fn attributes() -> String {
    "attributes".to_owned()
}

fn csv() -> String {
    "csv".to_owned()
}

impl Generate {
    /// The generator's options.
    ///
    /// # Errors
    /// Layout or format are not known.
    pub fn options(&self) -> Result<crate::generate::Options, String> {
        use clap::ValueEnum;
        Ok(crate::generate::Options {
            records: self.records,
            layout: LayoutName::from_str(&self.layout, false)?,
            format: Form::from_str(&self.format, false)?,
            bad_record: self.bad_record.clone(),
            ..crate::generate::Options::default()
        })
    }
}

/// What has to come back, and what has to be left behind. Texts may hold `*` for anything.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// The statuses that are right.
    pub status: Vec<u16>,
    /// Fields by name in lower case.
    pub headers: BTreeMap<String, String>,
    /// Fields that must not be there.
    pub no_headers: Vec<String>,
    /// Parts of the body.
    pub contains: Vec<String>,
    /// What must not be anywhere in the answer, head included: values of the payload, above all.
    pub never: Vec<String>,
    /// Values by JSON pointer; `{exists = false}` is written as `"(none)"`.
    pub json: BTreeMap<String, toml::Value>,
    /// Texts by path of local names, matched at its end: `Fault/faultcode`; `(none)` for none.
    pub xml: BTreeMap<String, String>,
    /// The code of a problem document or of a fault's detail.
    pub problem: String,
    /// The version whose envelope the answer has: 1.1 or 1.2.
    pub soap: String,
    /// Whether the server ends the connection after the answer.
    pub closed: Option<bool>,
    /// No answer at all is right: the connection ends.
    pub silence: bool,
    /// New batches of the route; none by default where a status of an error is expected.
    pub kept: Option<usize>,
    /// Records of the newest batch that are delivered in the end (waited for).
    pub delivered: Option<u64>,
    /// Values for later exchanges: name → `json:/pointer`, `xml:path` or `header:name`.
    pub capture: BTreeMap<String, String>,
}

impl Case {
    /// Every exchange of the case, in the order in which they end.
    pub(super) fn exchanges(&self) -> impl Iterator<Item = (&Send, &Expect)> {
        let first = std::iter::once((&self.send, &self.expect));
        let further = self.then.iter().map(|step| (&step.send, &step.expect));
        self.meanwhile.iter().map(|step| (&step.send, &step.expect)).chain(first).chain(further)
    }

    /// Whether everything in the case makes sense together.
    ///
    /// # Errors
    /// Says what does not.
    pub fn sound(&self) -> Result<(), String> {
        if self.meanwhile.is_some() && !self.send.head.contains("Expect: 100-continue") {
            return Err("what happens meanwhile needs Expect: 100-continue".to_owned());
        }
        for (send, expect) in self.exchanges() {
            send.sound()?;
            if expect.status.is_empty() && !expect.silence {
                return Err("no status is expected".to_owned());
            }
        }
        Ok(())
    }
}

impl Send {
    /// Whether what is sent can be made.
    ///
    /// # Errors
    /// Says why not.
    pub(crate) fn sound(&self) -> Result<(), String> {
        if !self.raw.is_empty() {
            let alone = self.head.is_empty() && self.body.is_empty() && self.hex.is_empty();
            return if alone { Ok(()) } else { Err("what is raw is the whole request".to_owned()) };
        }
        let bodies =
            [!self.body.is_empty(), !self.hex.is_empty(), self.generate.is_some(), !self.fixture.is_empty()];
        if bodies.iter().filter(|given| **given).count() > 1 {
            return Err("more than one body".to_owned());
        }
        if !self.trailers.is_empty() && self.chunked == 0 {
            return Err("trailers need chunks".to_owned());
        }
        if self.fixture.is_empty() == self.head.is_empty() {
            return Err("either a head or a fixture is needed".to_owned());
        }
        if !matches!(self.encoding.as_str(), "" | "utf-16le" | "utf-16be" | "utf-16le-bom" | "utf-16be-bom") {
            return Err(format!("encoding {} is not known", self.encoding));
        }
        match &self.generate {
            Some(generate) => generate.options().map(|_| ()),
            None => Ok(()),
        }
    }
}
