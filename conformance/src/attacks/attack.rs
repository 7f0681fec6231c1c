//! What a file of attacks may hold.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::cases::case::{Fill, Send};

/// A file of attacks of one kind.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttackFile {
    /// What they have in common: what `--kind` chooses by.
    pub kind: String,
    /// Texts that stand for `${name}` in the file's attacks.
    #[serde(default)]
    pub text: BTreeMap<String, String>,
    /// The rules that are attacked.
    pub rule: Vec<Rule>,
}

/// A rule of the gateway, and the attacks on it: five at the most, so that their number says something.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What has to be so.
    pub name: String,
    /// The standard and its section, or the promise behind it.
    #[serde(default)]
    pub source: String,
    /// What has to come of each attack that does not say it itself.
    pub expect: Option<Expected>,
    /// Its variants.
    pub attack: Vec<Attack>,
}

/// One attack: an exchange of raw bytes, and what has to come of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attack {
    /// Names it; kebab-case, unique.
    pub id: String,
    /// The route that `${path}` stands for: `orders`, `keyed` (a request without a key of its own is refused), `relayed`
    /// (messages pass to the hostile upstream) or `guarded` (for the client that shows a certificate).
    #[serde(default = "orders")]
    pub route: String,
    /// The listener: `open`, `mutual` (TLS, client certificates), `balanced` (behind a balancer, PROXY protocol).
    #[serde(default = "open")]
    pub listener: String,
    /// The address that it comes from: 127.0.0.1 is the client `city`; 127.0.0.3 `flooder`, with few requests a second;
    /// 127.0.0.4 `crowd`; 127.0.0.5 `bearer`, with a token; 127.0.0.8 the balancer; every other nobody.
    #[serde(default = "city")]
    pub from: String,
    /// The certificate that is shown in a TLS handshake, by its name in `certificates.rs`; `none` shows none. Without it,
    /// the bytes go to the listener as they are, whatever it speaks.
    pub certificate: Option<String>,
    /// What is sent. `${bait}` is an address where nobody may ever be seen, `${pass}` the number of the repetition.
    pub send: Send,
    /// How it is sent.
    #[serde(default)]
    pub manner: Manner,
    /// What goes before it on connections of their own, each answered with success: the original of what is repeated.
    #[serde(default)]
    pub before: Vec<Send>,
    /// What the hostile upstream answers.
    pub upstream: Option<Hostile>,
    /// What has to come of it, in place of the rule's.
    pub expect: Option<Expected>,
}

fn orders() -> String {
    "orders".to_owned()
}

fn open() -> String {
    "open".to_owned()
}

fn city() -> String {
    "127.0.0.1".to_owned()
}

/// How bytes are sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Manner {
    /// The connection stays open after what `cut` leaves, and nothing more comes.
    pub hold: bool,
    /// The sending side is shut after the last byte.
    pub half_close: bool,
    /// The client is gone after the last byte, and reads nothing.
    pub vanish: bool,
    /// Bytes in one go, with a pause after each.
    pub drip: Option<Drip>,
    /// The same on so many connections at once.
    pub connections: Option<usize>,
    /// The same so many times on one connection, one after the other.
    pub times: Option<usize>,
}

/// A few bytes now and then.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drip {
    /// Bytes in one go.
    pub bytes: usize,
    /// The head goes in one piece before.
    #[serde(default)]
    pub behind_head: bool,
    /// The pause after them, in milliseconds.
    pub every_ms: u64,
}

/// What a hostile upstream does once it has read a request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hostile {
    /// What it says, every byte as it stands here; characters up to U+00FF are a byte each.
    pub says: String,
    /// Texts in it that are made by repetition.
    pub fill: BTreeMap<String, Fill>,
    /// What it then says again and again until nobody listens.
    pub endless: String,
    /// It keeps the connection open and says nothing more.
    pub hold: bool,
}

/// What has to come of an attack. What is not said is as quiet as can be: nothing is kept, nothing goes upstream.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expected {
    /// The status; 0 for none.
    pub status: u16,
    /// The stable code of a problem document, or of a fault's detail.
    pub code: String,
    /// Whether the connection is ended after the answer; one that is left open must serve the next request. Not said where
    /// it depends on how much of a body was there when it was refused: then either is right, and nothing else.
    pub closed: Option<bool>,
    /// The status of that request, where it is not 200: of a client that may not do anything.
    pub next: Option<u16>,
    /// There is no answer: the connection ends.
    pub silence: bool,
    /// There is no answer: the handshake fails, and the metrics say by this code.
    pub handshake: String,
    /// The connection is turned away, and the metrics say by this code.
    pub away: String,
    /// Nobody is there to be told, but the metrics count a refusal with this code.
    pub counted: String,
    /// The status of those of many requests that are not hit; 0 where they are told nothing.
    pub others: Option<u16>,
    /// The body is not asked for (`100 Continue`).
    pub unasked: bool,
    /// Fields that must not be there.
    pub no_headers: Vec<String>,
    /// What must be in the body.
    pub contains: Vec<String>,
    /// What must not be in the answer.
    pub never: Vec<String>,
    /// Batches that are accepted, those of `before` among them.
    pub kept: usize,
    /// Requests that the upstream of the relay sees; one by default where it is hostile, none otherwise.
    pub calls: Option<usize>,
}

impl Attack {
    /// What has to come of it.
    pub fn expected<'a>(&'a self, rule: &'a Rule) -> Option<&'a Expected> {
        self.expect.as_ref().or(rule.expect.as_ref())
    }

    /// Whether it waits for a deadline of the gateway, so that such attacks are made side by side.
    pub fn is_slow(&self) -> bool {
        self.manner.hold || self.manner.drip.is_some()
    }

    /// Whether everything in it makes sense together.
    ///
    /// # Errors
    /// Says what does not.
    pub fn sound(&self, rule: &Rule) -> Result<(), String> {
        if !self.send.raw.is_empty() || !self.send.head.is_empty() {
            self.send.sound()?;
        } else if !self.manner.hold {
            return Err("nothing is sent".to_owned());
        }
        let expected = self.expected(rule).ok_or("nothing is expected")?;
        let unanswered = expected.silence || !expected.handshake.is_empty() || !expected.counted.is_empty();
        if unanswered || !expected.away.is_empty() {
            return Ok(());
        }
        if expected.status == 0 {
            return Err("a status is needed where an answer is expected".to_owned());
        }
        if expected.status >= 400 && expected.code.is_empty() {
            return Err("a refusal has a code".to_owned());
        }
        if self.is_slow() && (expected.kept > 0 || self.upstream.is_some()) {
            return Err(
                "what is slow is made side by side, and cannot be told apart by what is left".to_owned()
            );
        }
        Ok(())
    }
}
