//! The doors: how each protocol carries a submission. Synchronous; what they share is the intake.

pub(crate) mod action;
mod addressing;
mod rest;
mod soap;
mod swa;

use sekisho_exchanges::Verdict;
use sekisho_journal::{BatchId, Spool};
use sekisho_soap::Version;
use sekisho_soap::envelope::Lifetime;
use sekisho_soap::message::Request;
use sekisho_xml::QName;

pub(crate) use self::addressing::relates_to;
pub(crate) use self::rest::{form_data, plain, unkept};
pub(crate) use self::soap::{inline, promised_version, unmet};
pub(crate) use self::swa::attached;
use crate::gateway::UnderWay;
use crate::intake::{Intake, PayloadDigest, Scan, Scans, Taken};
use crate::refusal::Refusal;
use crate::route::{Reply, Route};

/// A submission whose records have been taken.
#[derive(Debug)]
pub(crate) struct Submission {
    /// What lies in the spool; absent when the route relays.
    pub(crate) taken: Option<Taken>,
    /// Digest and size of the payload as its sender has it.
    pub(crate) payload: PayloadDigest,
    /// The client's own reference.
    pub(crate) reference: Option<String>,
    /// What the message is called, by which a repetition is recognised.
    pub(crate) names: Names,
    /// How the municipality wants it answered.
    pub(crate) reply: Option<Reply>,
    /// It is the gateway's own operation, which is answered with the gateway's receipt.
    pub(crate) own: bool,
    /// Records that were read.
    pub(crate) records: u64,
    /// Its name is taken, as long as this is there.
    pub(crate) under_way: Option<UnderWay>,
    /// What the scanner said, where the route has one.
    pub(crate) scan: Option<Verdict>,
}

/// What a request is called, as far as it says so.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    /// The key that the client gave it.
    pub(crate) key: Option<String>,
    /// The id that its SOAP stack gave it.
    pub(crate) message_id: Option<String>,
}

/// What is known of a submission beside its records.
#[derive(Default)]
struct Said {
    reference: Option<String>,
    names: Names,
    reply: Option<Reply>,
    own: bool,
    under_way: Option<UnderWay>,
}

/// What a SOAP message asks for.
#[derive(Debug)]
pub(crate) struct SoapMessage {
    /// The envelope's version: the answer's too.
    pub(crate) version: Version,
    /// `wsa:MessageID`, to relate the answer to.
    pub(crate) message_id: Option<String>,
    /// The operation.
    pub(crate) asks: Asks,
    /// What its header demands.
    pub(crate) header: Header,
    /// Parts of its package, if it came in one.
    pub(crate) parts: Option<u64>,
}

/// What a message's header demands of who does not pass it on as it came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Header {
    /// It holds a signature.
    pub(crate) signed: bool,
    /// Blocks that must be understood, and are not.
    pub(crate) not_understood: Vec<QName>,
    /// The header that wants answers or faults elsewhere than on the connection.
    pub(crate) elsewhere: Option<&'static str>,
    /// How long its sender says that it is good.
    pub(crate) lifetime: Option<Lifetime>,
}

/// The operation of a SOAP message.
#[derive(Debug)]
pub(crate) enum Asks {
    /// Take these records.
    Submit(Box<Submission>),
    /// Something about batches or hops.
    Query(Request),
}

/// A refusal, with the SOAP version in which it must be said.
#[derive(Debug)]
pub(crate) struct SoapRefusal {
    /// The envelope's version, or the one that the media type promised.
    pub(crate) version: Version,
    /// Why.
    pub(crate) refusal: Box<Refusal>,
}

/// What every door needs: the route, and where records go.
pub(crate) struct Desk<'a> {
    /// The route of the message.
    pub(crate) route: &'a Route,
    /// The spool; absent when the records are only checked.
    pub(crate) spool: Option<&'a Spool>,
    /// The route's scanner, where it has one.
    pub(crate) scans: Option<Scans>,
    /// Whether the message's header binds the gateway.
    pub(crate) header: Binds,
    /// The name that the batch will have.
    pub(crate) id: BatchId,
    /// The actions in the message's head ([`action::in_head`]).
    pub(crate) actions: &'a [String],
    /// Takes a message's name, as soon as it was read and before any record is; absent where it is known from elsewhere.
    pub(crate) claim: Option<&'a Claim<'a>>,
}

/// Takes a message's name, or refuses the message because another one with it is under way.
pub(crate) type Claim<'a> = dyn Fn(&Names) -> Result<Option<UnderWay>, Refusal> + 'a;

/// Whom a message's header binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binds {
    /// The gateway: it is the message's ultimate receiver.
    Us,
    /// The gateway, which is to write the message anew: a signed one is not for it.
    UsUnsigned,
    /// Others: the message may be passed on as it came.
    Others,
}

impl<'a> Desk<'a> {
    fn claim(&self, names: &Names) -> Result<Option<UnderWay>, Refusal> {
        self.claim.map_or(Ok(None), |claim| claim(names))
    }

    /// The envelope's scan, which may come to nothing.
    fn scan_envelope(&self) -> Option<Scan<'_>> {
        self.scans.as_ref().map(Scans::begin_envelope)
    }

    /// The envelope is not the payload.
    fn leave_envelope(&self) {
        if let Some(scans) = &self.scans {
            scans.leave_envelope();
        }
    }

    fn open(&self) -> Result<Intake<'a>, Refusal> {
        match self.spool {
            Some(spool) => Intake::into_spool(self.route, spool, self.id),
            None => Ok(Intake::check_only(self.route)),
        }
    }

    /// Closes the intake: what it took is the submission of which the message says this.
    fn close(&self, intake: Intake<'_>, payload: PayloadDigest, said: Said) -> Result<Submission, Refusal> {
        let records = intake.records();
        let scan = self.scans.as_ref().map(Scans::verdict).transpose()?;
        let taken = match self.spool {
            Some(spool) => Some(intake.seal(spool)?),
            None => {
                intake.verdict()?;
                None
            }
        };
        let Said { reference, names, reply, own, under_way } = said;
        Ok(Submission { taken, payload, scan, reference, names, reply, own, records, under_way })
    }
}

/// Whether a name is in the namespace of the gateway's own messages.
fn is_own(name: &QName) -> bool {
    *name.namespace == *sekisho_soap::message::NAMESPACE
}
