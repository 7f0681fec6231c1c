//! Intake: a payload becomes checked, durable records, or a refusal. Synchronous, and the same for every door.
//!
//! One pass: bytes are decoded, cut into records, checked, held against the disclosure policy and written to the spool as
//! they come. Nothing is kept unless everything passed: a batch whose writer is dropped unsealed leaves no trace.
mod duplicates;
mod errors;
mod lines;
mod payload;
mod scanning;
mod trial;

use std::io::{self, Read};

use sekisho_charset::Encoding;
use sekisho_journal::{
    BatchId, BatchWriter, Digest as Sha256Digest, RangeSet, Sealed, SetAside, Spool, SpoolError,
};
use sekisho_policy::Judge;
use sekisho_records::{Awaited, Next, Record, RecordChecker, RecordSource, Violations};
use sha2::{Digest, Sha256};

pub(crate) use self::errors::{from_body, from_io, from_mime, from_read, from_soap};
use self::lines::Lines;
pub(crate) use self::payload::{LookedAt, read_payload, xml_encoding};
pub use self::payload::{csv_options, json_limits, xml_limits, xml_options};
pub(crate) use self::scanning::{Scan, Scans};
pub use self::trial::Trial;
use crate::refusal::{Class, Location, Refusal, counted};
use crate::route::{BadRecords, Route};
use crate::stock;

/// The records of one batch on their way into the spool.
pub(crate) struct Intake<'r> {
    route: &'r Route,
    checker: RecordChecker,
    /// Says what of each valid record may leave.
    judge: Option<Judge>,
    record: Record,
    sink: Sink,
    violations: Violations,
    canonical: Vec<u8>,
    key: Vec<u8>,
    read: u64,
    lines: Lines,
    taken: u64,
    set_aside: Vec<SetAside>,
    bad: u64,
    /// Of these, the valid ones that the policy does not let leave.
    forbidden: u64,
    /// Where the payload ended, and what else could have stood there.
    awaited: Option<Awaited>,
}

/// Where checked records go.
enum Sink {
    /// Into the spool: store-and-forward.
    Spool(Box<BatchWriter>),
    /// Nowhere: a relayed message is passed on as it came.
    Checked,
}

/// What an intake took, sealed on disk but not yet acknowledged by the ledger.
#[derive(Debug)]
pub(crate) struct Taken {
    /// What lies in the spool.
    pub(crate) sealed: Sealed,
    /// Records left out because they are bad.
    pub(crate) set_aside: Vec<SetAside>,
    /// Positions of records that later ones take the place of.
    pub(crate) superseded: RangeSet,
    /// What was wrong with the records left out.
    pub(crate) violations: Violations,
}

impl<'r> Intake<'r> {
    /// Opens a batch in the spool.
    pub(crate) fn into_spool(route: &'r Route, spool: &Spool, id: BatchId) -> Result<Self, Refusal> {
        let writer = spool.create(id).map_err(|error| storage(&error))?;
        Ok(Self::new(route, Sink::Spool(Box::new(writer))))
    }

    /// Checks records and keeps none.
    pub(crate) fn check_only(route: &'r Route) -> Self {
        Self::new(route, Sink::Checked)
    }

    fn new(route: &'r Route, sink: Sink) -> Self {
        Self {
            route,
            checker: RecordChecker::new(&route.records.schema, &route.records.layout)
                .sharing(&route.records.usual_shapes),
            judge: route.policy.as_ref().map(Judge::new),
            record: if route.policy.is_some() { Record::new().with_places() } else { Record::new() },
            sink,
            violations: Violations::new(route.limits.errors_listed),
            canonical: Vec::new(),
            key: Vec::new(),
            read: 0,
            lines: Lines::default(),
            taken: 0,
            set_aside: Vec::new(),
            bad: 0,
            forbidden: 0,
            awaited: None,
        }
    }

    /// Takes all records of a source. May be called once for each payload of a message.
    pub(crate) fn drain(&mut self, source: &mut dyn RecordSource) -> Result<(), Refusal> {
        let refuse = self.route.records.bad_records == BadRecords::Refuse;
        loop {
            // What is wrong with a record that is set aside is kept apart from what the answer lists.
            let mut own = Violations::new(1);
            let violations = if refuse { &mut self.violations } else { &mut own };
            let next = source.next_checked(&mut self.record, &mut self.checker, violations);
            let next = next.map_err(|error| from_read(&error))?;
            if next == Next::End {
                self.awaited = Some(source.awaited());
                return Ok(());
            }
            // Before anything of it is kept.
            let next = match &mut self.judge {
                Some(judge) if next == Next::Good => match judge.judge(&self.record, violations) {
                    true => Next::Good,
                    false => {
                        self.forbidden += 1;
                        Next::Bad
                    }
                },
                _ => next,
            };
            self.read += 1;
            self.lines.note(self.read, self.record.place().line);
            if self.read > self.route.limits.records {
                return Err(too_many_records(self.route));
            }
            match next {
                Next::Good if self.bad > 0 && refuse => {}
                Next::Good => self.keep()?,
                _ if refuse => self.note()?,
                _ => self.set_aside(own)?,
            }
        }
    }

    /// A bad record makes the batch bad; it is read on for its other errors, until as many are known as are listed.
    fn note(&mut self) -> Result<(), Refusal> {
        self.bad += 1;
        let listed_all = self.violations.listed().len() >= self.route.limits.errors_listed;
        if listed_all { Err(self.refuse_records()) } else { Ok(()) }
    }

    /// A bad record is left out, and remembered by its number and the first rule that it breaks.
    fn set_aside(&mut self, own: Violations) -> Result<(), Refusal> {
        self.bad += 1;
        // A record that is bad has at least one violation, and one is listed.
        for violation in own.listed() {
            self.violations.push(violation.clone());
            if self.set_aside.len() == SetAside::MOST {
                return Err(self.refuse_records());
            }
            self.set_aside.push(SetAside {
                record: violation.record,
                field: violation.field.clone(),
                line: violation.line,
                column: violation.column,
                code: violation.code.into(),
            });
        }
        Ok(())
    }

    fn keep(&mut self) -> Result<(), Refusal> {
        self.taken += 1;
        let Sink::Spool(writer) = &mut self.sink else { return Ok(()) };
        let (form, leaving) = match &self.judge {
            Some(judge) => (judge.leaving(), judge.leaving_of(&self.record)),
            None => {
                self.canonical.clear();
                self.record.canonical(&mut self.canonical);
                (self.canonical.as_slice(), &self.record)
            }
        };
        self.key.clear();
        let key = match &self.route.records.key {
            Some(key) if key.write(leaving, &mut self.key) => Some(self.key.as_slice()),
            _ => None,
        };
        writer.push(form, key).map_err(|error| storage(&error))
    }

    /// Whether it keeps the records that it takes.
    pub(crate) fn keeps(&self) -> bool {
        matches!(self.sink, Sink::Spool(_))
    }

    /// Records read so far, good or bad.
    pub(crate) fn records(&self) -> u64 {
        self.read
    }

    /// Ends a check that keeps nothing.
    pub(crate) fn verdict(mut self) -> Result<(), Refusal> {
        if self.bad > 0 { Err(self.refuse_records()) } else { Ok(()) }
    }

    /// Seals the batch: when this returns, its records are on disk.
    pub(crate) fn seal(mut self, spool: &Spool) -> Result<Taken, Refusal> {
        if self.bad > 0 && self.route.records.bad_records == BadRecords::Refuse {
            return Err(self.refuse_records());
        }
        if self.taken == 0 {
            return Err(self.refuse_empty());
        }
        let Sink::Spool(writer) = self.sink else {
            return Err(Refusal::internal("sealing a batch", &"the intake has no spool"));
        };
        let sealed = writer.seal().map_err(|error| storage(&error))?;
        let superseded = match duplicates::settle(&sealed, &self.set_aside, &self.lines, self.route, spool) {
            Ok(superseded) => superseded,
            Err(refusal) => {
                // A folder that stays behind has no row in the ledger: the next start removes it.
                if let Err(error) = spool.remove(sealed.batch) {
                    tracing::warn!(%error, batch = %sealed.batch, "a refused batch could not be removed");
                }
                return Err(refusal);
            }
        };
        Ok(Taken { sealed, set_aside: self.set_aside, superseded, violations: self.violations })
    }

    fn refuse_empty(&mut self) -> Refusal {
        let mut refusal = match (&self.awaited, self.bad) {
            (Some(awaited), 0) => no_records(awaited),
            _ => none_is_good(self.bad),
        };
        if self.bad > 0 {
            refusal.violations = Some(Box::new(std::mem::take(&mut self.violations)));
        }
        refusal
    }

    fn refuse_records(&mut self) -> Refusal {
        let total = self.violations.total();
        let (mut errors, mut errors_ja) = (counted(total, "error"), format!("誤り{total}件"));
        if !self.violations.is_exact() {
            (errors, errors_ja) = (format!("at least {errors}"), errors_ja + "以上");
        }
        let too_many_aside =
            self.route.records.bad_records != BadRecords::Refuse && self.set_aside.len() == SetAside::MOST;
        let (code, whats, whats_ja) = match self.forbidden {
            0 => ("bad-records", "the schema", "スキーマ"),
            forbidden if forbidden == self.bad => {
                ("policy-breached", "the disclosure policy of the route", "特定通信の開示規則")
            }
            _ => (
                "bad-records",
                "the schema or the disclosure policy of the route",
                "スキーマまたは特定通信の開示規則",
            ),
        };
        let mut refusal = Refusal::new(
            Class::Invalid,
            code,
            match (self.bad, self.read) {
                (bad, read) if too_many_aside => format!(
                    "{bad} of the first {read} records break {whats}. Of a batch at most {} are set aside, a limit that cannot be \
                     set. Nothing was kept; mend the records, or send the batch in parts.",
                    SetAside::MOST
                ),
                (1, 1) => format!(
                    "The first record breaks {whats} ({errors}). Nothing was kept; mend it and send the batch again."
                ),
                (1, read) => format!(
                    "1 of the first {read} records breaks {whats} ({errors}). Nothing was kept; mend it and send the \
                     batch again."
                ),
                (bad, read) => format!(
                    "{bad} of the first {read} records break {whats} ({errors}). Nothing was kept; mend them and send \
                     the batch again."
                ),
            },
        )
        .ja(match too_many_aside {
            true => format!(
                "先頭から{}件のうち{}件が{whats_ja}に違反しています。1つのバッチで取り分けられるのは{}件までです（この上限は変えられません）。\
                 何も保管していません。レコードを修正するか、分割して再送してください。",
                self.read,
                self.bad,
                SetAside::MOST
            ),
            false => format!(
                "先頭から{}件のうち{}件が{whats_ja}に違反しています（{errors_ja}）。何も保管していません。修正して再送してください。",
                self.read, self.bad
            ),
        });
        refusal.violations = Some(Box::new(std::mem::take(&mut self.violations)));
        refusal
    }
}

fn too_many_records(route: &Route) -> Refusal {
    Refusal::new(
        Class::TooLarge,
        "too-many-records",
        format!(
            "The batch has more than {}, the limit of route {} (limits.records). Send it in parts.",
            counted(route.limits.records, "record"),
            route.name
        ),
    )
    .ja(format!(
        "レコード数が特定通信{}の上限{}件（limits.records）を超えています。分割して送信してください。",
        route.name, route.limits.records
    ))
}

/// A payload that ended before its first record.
fn no_records(awaited: &Awaited) -> Refusal {
    let Awaited { place, record } = awaited;
    Refusal::new(
        Class::Invalid,
        "no-records",
        format!(
            "The batch has no records to deliver: its payload ends at line {}, column {}, and one record at least, {}, is expected \
             before that. Send the records, or nothing where there are none.",
            place.line, place.column, record.en
        ),
    )
    .ja(format!(
        "配信するレコードがありません。データは{}行{}文字目で終わっていますが、その前に1件以上のレコード（{}）が必要です。\
         レコードを付けて送信するか、レコードがない場合は送信しないでください。",
        place.line, place.column, record.ja
    ))
    .at(Location {
        line: Some(place.line),
        column: Some(place.column),
        byte: Some(place.byte),
        ..Location::default()
    })
}

/// So many records, and each of them left out.
fn none_is_good(bad: u64) -> Refusal {
    Refusal::new(
        Class::Invalid,
        "no-records",
        format!(
            "The batch has no records to deliver: {} came, and every one is bad. Nothing was kept; mend them where the errors say, and \
             send the batch again.",
            counted(bad, "record")
        ),
    )
    .ja(format!(
        "配信するレコードがありません。受信した{bad}件のすべてに誤りがあります。何も保管していません。\
         誤りの一覧にある箇所を修正して再送してください。"
    ))
}

/// The client's room is used up; or else the spool could not be written: the operator's matter, the client may come again.
fn storage(error: &(dyn std::error::Error + 'static)) -> Refusal {
    let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let spool = inner.map_or_else(|| error.downcast_ref(), |inner| inner.downcast_ref::<SpoolError>());
    if matches!(spool, Some(SpoolError::NoRoom(_))) {
        return stock::refused();
    }
    tracing::error!(%error, "the spool cannot be written");
    Refusal::new(
        Class::Storage,
        "spool-unavailable",
        "The gateway cannot store the batch at this moment; try later.",
    )
    .ja("現在、電文を保管できません。時間をおいて再送してください。")
}

/// A reader that digests what passes, where it is kept, and gives it to the route's scanner.
pub(crate) struct Digesting<'s, R> {
    input: R,
    scan: Option<Scan<'s>>,
    digest: Option<Sha256>,
    bytes: u64,
}

impl<'s, R: Read> Digesting<'s, R> {
    /// Of what is only checked nobody asks for the digest: the line of its exchange has one of the whole message.
    pub(crate) fn new(input: R, scan: Option<Scan<'s>>, is_kept: bool) -> Self {
        Self { input, scan, digest: is_kept.then(Sha256::new), bytes: 0 }
    }

    /// SHA-256 and number of the bytes that have passed, once the scanner has let them pass.
    pub(crate) fn finish(self) -> Result<PayloadDigest, Refusal> {
        self.scan.map_or(Ok(()), Scan::finish)?;
        let sha256 = self.digest.map(|digest| Sha256Digest(digest.finalize().into()));
        Ok(PayloadDigest { sha256, bytes: self.bytes, replaced: 0 })
    }
}

impl<R: Read> Read for Digesting<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buf)?;
        if let Some(digest) = &mut self.digest {
            digest.update(&buf[..n]);
        }
        self.bytes += n as u64;
        if let Some(scan) = &mut self.scan {
            scan.give(&buf[..n])?;
        }
        Ok(n)
    }
}

/// Digest of a payload as its sender has it: the attached file, the decoded base64, the unpacked REST body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PayloadDigest {
    /// `None` where it is not kept.
    pub(crate) sha256: Option<Sha256Digest>,
    pub(crate) bytes: u64,
    /// Characters that its charset does not have, and for which the route's was put.
    pub(crate) replaced: u64,
}

/// The encoding that a label says, if there is one.
pub(crate) fn payload_charset(label: Option<&str>) -> Result<Option<Encoding>, Refusal> {
    let Some(label) = label else { return Ok(None) };
    Encoding::from_label(label).map(Some).ok_or_else(|| {
        Refusal::new(
            Class::MediaType,
            "charset-unknown",
            "The charset parameter names no encoding that is taken here: send UTF-8, UTF-16 or Windows-31J.",
        )
        .ja("charsetで指定された文字コードは受け付けていません。UTF-8、UTF-16、Windows-31Jのいずれかで送信してください。")
    })
}
