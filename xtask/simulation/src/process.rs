//! The gateway as a process: it takes payloads in, carries out what the dispatcher decides, is killed and started again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sekisho_delivery::dispatch::{Answer, Command, Dispatcher, Reading, Sending};
use sekisho_journal::{
    BatchId, Code, Digest, Disk, Encryption, Event, NewBatch, RangeSet, Sealed, Spool, SpoolError,
    WrappingKey,
};
use sekisho_records::{FieldId, Place, Record, Value};

use crate::cloud;
use crate::scenario::Duplicates;
use crate::world::{Broken, DATA_KEYS, Gateway, Happening, SPOOL, Truth, World, tell};

/// The key of the spool.
const KEY: [u8; 32] = [7; 32];

/// The scheduler sleeps no longer.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Here it may where things take days: what it waits for it must know itself.
const LONGEST_SLEEP_OF_DAYS: Duration = Duration::from_secs(6 * 3_600);

/// A client whose payload was not taken sends it again after so long.
const SEND_AGAIN: Duration = Duration::from_secs(2);

/// More commands than a gateway ever gives without sleeping.
const MOST_COMMANDS: u32 = 5_000;

impl World {
    /// The gateway is started: it takes the ledger over, clears the spool, and looks what is left.
    pub(crate) fn start(&mut self) -> Result<(), Broken> {
        self.disk.die_after(None);
        if self.make_folder().is_err() {
            return self.start_again();
        }
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let Some(spool) = self.spool_on(disk)? else { return self.start_again() };
        let spool = spool.with_segment_bytes(self.scenario.segment_bytes);
        let epoch = self.ledger.take_over(self.wall());
        tell!(self, "start as {epoch:?}");
        let batches: Vec<BatchId> = self.ledger.batches().map(|entry| entry.view().id).collect();
        for batch in batches {
            self.check(batch)?;
            self.note_end(batch);
        }
        if spool.recover(|batch| self.ledger.has_payload(batch)).is_err() {
            return self.start_again();
        }
        self.look_at_payloads(&spool)?;
        self.incarnation += 1;
        let dispatcher = Dispatcher::new("cloud", epoch, self.random.u64(..));
        self.gateway = Some(Gateway {
            dispatcher,
            epoch,
            started: self.now,
            spool,
            readers: Default::default(),
            sendings: Default::default(),
            courses: Default::default(),
            sleep: 0,
        });
        self.wrap_anew();
        Ok(())
    }

    /// The spool; none where the disk fails.
    fn spool_on(&self, disk: Arc<dyn Disk>) -> Result<Option<Spool>, Broken> {
        let folder = Path::new(SPOOL);
        if !self.scenario.encrypted {
            return Ok(Some(Spool::on(disk, folder, &KEY)));
        }
        let key = |id| WrappingKey::from_bytes(id, &KEY).ok_or("an id that is none");
        let mut keys = vec![key("even")?, key("odd")?];
        if self.incarnation % 2 == 1 {
            keys.reverse();
        }
        match Spool::on_with(disk, folder, &KEY, Encryption { folder: DATA_KEYS.into(), keys }) {
            Ok(spool) => Ok(Some(spool)),
            Err(error) if error.is_lasting() => Err(format!("the keys do not fit any more: {error}")),
            Err(_) => Ok(None),
        }
    }

    /// What is wrapped with the key of before is wrapped with the present one, as far as it comes.
    fn wrap_anew(&mut self) {
        if !self.scenario.encrypted {
            return;
        }
        if self.chance(self.faults.kill * 3.0) {
            self.disk.die_after(Some(self.random.u32(1..16)));
        }
        if let Some(gateway) = &self.gateway {
            // What it has not come to is the next start's.
            let _ = gateway.spool.rewrap();
        }
        if self.disk.is_dead() {
            self.kill();
        } else {
            self.disk.die_after(None);
        }
    }

    /// As the spool itself does on the system's disk.
    fn make_folder(&self) -> std::io::Result<()> {
        for folder in [Path::new(SPOOL), Path::new(DATA_KEYS)] {
            if !self.disk.exists(folder)? {
                self.disk.create_folder(folder)?;
            }
            self.disk.sync_folder(folder)?;
        }
        self.disk.sync_folder(Path::new("/"))
    }

    fn start_again(&mut self) -> Result<(), Broken> {
        self.soon(Duration::from_secs(3), Happening::Start);
        Ok(())
    }

    /// The gateway is gone, from one moment to the next.
    pub(crate) fn kill(&mut self) {
        let power = self.chance(self.faults.power);
        tell!(self, "killed{}", if power { ", power and all" } else { "" });
        self.counted.kills += 1;
        self.gateway = None;
        self.calls_are_forgotten();
        self.disk.die_after(None);
        let torn_counts = self.random.bool();
        self.ledger.crash(torn_counts);
        if power {
            self.counted.power_failures += 1;
            self.disk.lose_power();
        }
        self.soon(Duration::from_secs(5), Happening::Start);
    }

    /// A client sends a payload; it is taken in, or the client tries again.
    pub(crate) fn submit(&mut self, payload: usize) -> Result<(), Broken> {
        self.to_submit -= 1;
        if self.gateway.is_none() {
            self.submit_at(self.now + SEND_AGAIN, payload);
            return Ok(());
        }
        let batch = BatchId::from_bytes(self.random.u128(..).to_be_bytes());
        if self.chance(self.faults.kill * 3.0) {
            self.disk.die_after(Some(self.random.u32(1..16)));
        }
        let taken = self.take_in(batch, payload);
        if self.disk.is_dead() {
            self.kill();
        } else {
            self.disk.die_after(None);
        }
        match taken {
            Ok(true) => {
                tell!(self, "payload {payload} is batch {batch}");
                self.truths[payload].promised = true;
                if let Some(after) = self.truths[payload].cancelled {
                    self.plan(self.now + after, Happening::Cancel(batch));
                }
                if let Some(gateway) = &mut self.gateway {
                    gateway.dispatcher.wake();
                }
            }
            // Whether it was taken the client does not know. For the world, what it sends then is another payload.
            Ok(false) | Err(_) if !self.truths[payload].refused => {
                let old = &self.truths[payload];
                let again = Truth::new(old.route, old.records.clone(), old.expires, old.cancelled);
                self.truths.push(again);
                self.submit_at(self.now + SEND_AGAIN, self.truths.len() - 1);
            }
            Ok(false) | Err(_) => tell!(self, "payload {payload} is refused"),
        }
        Ok(())
    }

    /// Records into the spool, sealed; then the row in the ledger. Only then is there a receipt.
    fn take_in(&mut self, batch: BatchId, payload: usize) -> Result<bool, SpoolError> {
        let sealed = self.sealed(batch, payload)?;
        if self.disk.is_dead() {
            return Ok(false);
        }
        let Some(superseded) = self.settle(&sealed, payload)? else { return Ok(false) };
        let truth = &mut self.truths[payload];
        truth.batch = Some(batch);
        let route = &self.scenario.routes[truth.route];
        let (plan, expires, ordered) = (self.plans[truth.route].0, truth.expires, route.ordered);
        let name = route.plan.route.clone();
        self.batches.insert(batch, payload);
        let new = new_batch(&sealed, plan, name, self.wall(), expires, ordered);
        let Some(epoch) = self.gateway.as_ref().map(|gateway| gateway.epoch) else { return Ok(false) };
        if self.chance(self.faults.ledger) {
            // What was sealed stays: the row may come to be after a crash, and if not, the next start removes it.
            return Ok(false);
        }
        let accepted = self.ledger.accept_without(epoch, new, &superseded).is_ok();
        if accepted {
            self.truths[payload].sequence = self.ledger.batch(batch).map(|entry| entry.view().sequence);
            self.truths[payload].superseded = superseded;
        }
        if accepted && self.chance(self.faults.kill) {
            // Accepted, and nobody was told.
            self.kill();
            return Ok(false);
        }
        Ok(accepted)
    }

    /// As intake does: the records that are not to be sent, or none where the batch is refused.
    fn settle(&mut self, sealed: &Sealed, payload: usize) -> Result<Option<RangeSet>, SpoolError> {
        self.counted.duplicates += sealed.duplicates;
        let Some(gateway) = &self.gateway else { return Ok(None) };
        match self.scenario.routes[self.truths[payload].route].duplicates {
            _ if sealed.duplicates == 0 => Ok(Some(RangeSet::new())),
            Duplicates::Refuse => {
                self.truths[payload].refused = true;
                // A folder that stays behind has no row in the ledger: the next start removes it.
                let _ = gateway.spool.remove(sealed.batch);
                Ok(None)
            }
            Duplicates::LastWins => gateway.spool.reader(sealed.batch)?.superseded(u64::MAX),
            Duplicates::InOrder => Ok(Some(RangeSet::new())),
        }
    }

    fn sealed(&mut self, batch: BatchId, payload: usize) -> Result<Sealed, SpoolError> {
        let Some(gateway) = &self.gateway else { return Err(SpoolError::Unknown(batch)) };
        let truth = &self.truths[payload];
        let lost = |_| SpoolError::NotSealed(batch);
        let mut writer = gateway.spool.create(batch)?;
        let mut record = Record::new();
        let mut bytes = Vec::new();
        let members = self.scenario.routes[truth.route].members;
        for (position, content) in (0_u64..).zip(&truth.records) {
            let (key, place) = (cloud::key(content, None), Place::default());
            record.start(position + 1, place);
            record.push(FieldId(0), Value::Text(&key), place);
            record.push(FieldId(1), Value::Text(&cloud::value(payload, position)), place);
            for member in 0..if members { content.bad.len() } else { 0 } {
                record.open(FieldId(2), place);
                record.push(FieldId(0), Value::Text(&cloud::key(content, Some(member))), place);
                record.close(FieldId(2));
            }
            bytes.clear();
            record.canonical(&mut bytes);
            writer.push(&bytes, Some(key.as_bytes())).map_err(lost)?;
        }
        writer.seal()
    }

    /// A client withdraws its batch.
    pub(crate) fn withdraw(&mut self, batch: BatchId) -> Result<(), Broken> {
        let Some(gateway) = &mut self.gateway else { return Ok(()) };
        gateway.dispatcher.wake();
        let epoch = gateway.epoch;
        let events = [Event::Cancelled { code: Code::from("client") }];
        tell!(self, "{batch} is cancelled");
        if self.ledger.apply(batch, epoch, self.wall(), &events).is_ok() {
            self.check(batch)?;
        }
        Ok(())
    }

    /// Carries out what the gateway's dispatcher decides, until it sleeps or is killed.
    pub(crate) fn run_gateway(&mut self) -> Result<(), Broken> {
        let calm = self.now >= self.scenario.calm;
        let longest_when_calm = self.days(LONGEST_SLEEP, LONGEST_SLEEP_OF_DAYS);
        for _ in 0..MOST_COMMANDS {
            let now = self.moment();
            let Some(gateway) = &mut self.gateway else { return Ok(()) };
            let command = gateway.dispatcher.next(now);
            let longest = if calm { longest_when_calm } else { LONGEST_SLEEP };
            if let Command::Sleep(until) = command {
                let longest = now.clock + longest;
                let until = until.unwrap_or(longest).min(longest).max(now.clock);
                gateway.sleep += 1;
                let dispatcher = &gateway.dispatcher;
                gateway.readers.retain(|batch, _| dispatcher.is_sending(*batch));
                let (at, sleep) = (gateway.started + until, gateway.sleep);
                self.plan(at.max(self.now + Duration::from_millis(1)), Happening::Wake(sleep));
                return Ok(());
            }
            if self.chance(self.faults.kill) {
                self.stand_still(command);
                self.kill();
                return Ok(());
            }
            let answer = self.carry_out(command)?;
            if self.chance(self.faults.kill) {
                self.kill();
                return Ok(());
            }
            if let (Some(answer), Some(gateway)) = (answer, &mut self.gateway) {
                gateway.dispatcher.answer(now, answer);
            }
        }
        Err("the dispatcher never sleeps".into())
    }

    /// A gateway that seems dead may only stand still: with what it was writing on its way to the ledger.
    fn stand_still(&mut self, command: Command) {
        if let (Command::Write { batch, at, events }, true) = (command, self.chance(self.faults.late_write))
            && let Some(gateway) = self.gateway.take()
        {
            let gateway = Box::new(gateway);
            self.soon(Duration::from_secs(20), Happening::GoOn { gateway, batch, at, events });
        }
    }

    /// It goes on as if nothing had been, unless the ledger tells it otherwise.
    pub(crate) fn go_on(
        &mut self,
        gateway: Gateway,
        batch: BatchId,
        at: u64,
        events: &[Event],
    ) -> Result<(), Broken> {
        tell!(self, "a gateway of {:?} goes on", gateway.epoch);
        let owner = (self.gateway.replace(gateway), self.incarnation, self.faults.kill);
        // Whatever it sends, nobody hears the answers.
        (self.incarnation, self.faults.kill) = (u64::MAX, 0.0);
        let answer = self.write(batch, at, events, false)?;
        let now = self.moment();
        if let Some(gateway) = &mut self.gateway {
            gateway.dispatcher.answer(now, answer);
        }
        let went = self.run_gateway();
        (self.gateway, self.incarnation, self.faults.kill) = owner;
        went
    }

    fn carry_out(&mut self, command: Command) -> Result<Option<Answer>, Broken> {
        let fails = self.chance(self.faults.ledger);
        Ok(Some(match command {
            Command::List | Command::Load(_) | Command::Recall(_) | Command::Plan(_) if fails => {
                Answer::Failed
            }
            Command::List => Answer::Batches(self.ledger.open_batches()),
            Command::Plan(digest) => Answer::Plan(self.ledger.plan(digest).map(str::to_owned)),
            Command::Recall(name) => Answer::Memory(self.ledger.pace(&name).map(str::to_owned)),
            Command::Load(batch) => Answer::State(self.ledger.batch(batch).map(|entry| entry.state.clone())),
            Command::Write { batch, at, events } => self.write(batch, at, &events, fails)?,
            Command::Measure(reading) => self.measure(reading)?,
            Command::Probe { batch, within } => {
                let Some(gateway) = &self.gateway else { return Ok(None) };
                let all = within.clone();
                Answer::Run(gateway.spool.reader(batch).map_or(all, |reader| reader.unreadable_run(within)))
            }
            Command::Order { batch, after } => {
                let Some(gateway) = &self.gateway else { return Ok(None) };
                let read = |batch| gateway.spool.reader(batch);
                Answer::order(read(batch), after.map(read))
            }
            // What the digest is of, `sekisho_journal` shows; here nobody looks at it.
            Command::Digest(_) => Answer::Digest(None),
            Command::Send(sending) => {
                self.launch(sending)?;
                return Ok(None);
            }
            Command::Count { name, memory } => {
                let epoch = self.gateway.as_ref().map(|gateway| gateway.epoch);
                match epoch.filter(|_| !fails).map(|epoch| self.ledger.keep_pace(epoch, &name, memory)) {
                    Some(Ok(())) => {
                        self.calls_are_kept();
                        Answer::Written
                    }
                    _ => Answer::Failed,
                }
            }
            Command::Keep { name, memory } => {
                let epoch = self.gateway.as_ref().map(|gateway| gateway.epoch);
                if let Some(epoch) = epoch.filter(|_| !fails) {
                    // Of no use when it fails.
                    if self.ledger.keep_pace(epoch, &name, memory).is_ok() && name.ends_with("#quota") {
                        self.calls_are_kept();
                    }
                }
                return Ok(None);
            }
            Command::Sleep(_) => return Ok(None),
        }))
    }

    pub(crate) fn write(
        &mut self,
        batch: BatchId,
        at: u64,
        events: &[Event],
        fails: bool,
    ) -> Result<Answer, Broken> {
        let Some(epoch) = self.gateway.as_ref().map(|gateway| gateway.epoch) else {
            return Ok(Answer::Failed);
        };
        if fails {
            tell!(self, "the ledger fails at {events:?} of {batch}");
            self.ledger.fail(batch, epoch, at, events);
            return Ok(Answer::Failed);
        }
        let done = self.ledger.apply(batch, epoch, at, events);
        tell!(self, "{events:?} of {batch}: {done:?}");
        self.counted.transitions += 1;
        let doubts = events.iter().filter(|event| matches!(event, Event::ChunkInDoubt { .. })).count();
        self.counted.doubts += doubts as u64;
        match done {
            Ok(()) => {
                self.asks_operator(batch, events)?;
                self.check(batch)?;
                self.note_end(batch);
                self.answer_to(batch)?;
                Ok(Answer::Written)
            }
            Err(crate::ledger::Refusal::Illegal(_)) => Ok(Answer::Illegal),
            Err(_) => Ok(Answer::Failed),
        }
    }

    fn measure(&mut self, reading: Reading) -> Result<Answer, Broken> {
        let Some(gateway) = &mut self.gateway else { return Ok(Answer::Failed) };
        let batch = reading.batch();
        let reader = match gateway.readers.get(&batch) {
            Some(reader) => reader.clone(),
            None => match gateway.spool.reader(batch) {
                Ok(reader) => reader,
                Err(error) => {
                    let (code, lasting) = (Code::new(error.code()), error.is_lasting());
                    return self.unreadable(batch, code, lasting);
                }
            },
        };
        gateway.readers.insert(batch, reader.clone());
        match reading.measure(&reader) {
            Answer::Unreadable { code, lasting } => self.unreadable(batch, code, lasting),
            answer => Ok(answer),
        }
    }

    /// The disk never damages what was promised, so that nothing of it may be unreadable for good. Only a gateway that was
    /// overtaken and knows nothing of it may look for what the new one has delivered and removed.
    fn unreadable(&mut self, batch: BatchId, code: Code, lasting: bool) -> Result<Answer, Broken> {
        tell!(self, "{batch} cannot be read: {}", code.as_str());
        let promised = self.batches.get(&batch).is_some_and(|payload| self.truths[*payload].promised);
        let overtaken = self.gateway.as_ref().is_some_and(|gateway| gateway.epoch < self.ledger.epoch());
        let is_removed =
            self.ledger.batch(batch).is_none_or(|entry| entry.view().payload_removed_at.is_some());
        if promised && lasting && !(overtaken && is_removed) {
            return Err(format!("batch {batch} has a receipt and cannot be read: {}", code.as_str()));
        }
        Ok(Answer::Unreadable { code, lasting })
    }

    fn launch(&mut self, sending: Sending) -> Result<(), Broken> {
        self.sends(&sending)?;
        if let Some(course) = sending.job() {
            return self.begin(sending, course);
        }
        let Some(gateway) = &mut self.gateway else { return Ok(()) };
        let reader = gateway.readers.get(&sending.batch());
        let body = match reader {
            Some(reader) => sending.body(&self.endpoint, reader),
            None => return Err("a chunk is sent of a payload that is not open".into()),
        };
        self.send(&sending, body)?;
        if let Some(gateway) = &mut self.gateway {
            gateway.sendings.insert(sending.task(), sending);
        }
        Ok(())
    }
}

fn new_batch(
    sealed: &Sealed,
    plan: Digest,
    route: String,
    at: u64,
    expires: Option<Duration>,
    ordered: bool,
) -> NewBatch {
    NewBatch {
        id: sealed.batch,
        client: "city".into(),
        route,
        door: "rest".into(),
        reference: None,
        plan,
        schema: Digest::of(b"schema"),
        mapping: Digest::of(b"mapping"),
        policy: None,
        records: sealed.records,
        set_aside: Vec::new(),
        bytes: sealed.bytes,
        stored: sealed.stored,
        payload_digest: Digest::of(b"payload"),
        records_digest: sealed.records_digest,
        received_at: at,
        accepted_at: at,
        expires_at: expires.map(|after| at + after.as_millis() as u64),
        ordered,
        idempotency: None,
    }
}
