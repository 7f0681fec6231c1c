//! The gateway as a process: it takes payloads in (`intake`), carries out what the dispatcher decides, is killed and started again.

mod intake;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sekisho_delivery::dispatch::{Answer, Command, Dispatcher, Reading, Sending};
use sekisho_journal::{BatchId, Code, Disk, Encryption, Event, Spool, WrappingKey};

use crate::world::{Broken, DATA_KEYS, Gateway, Happening, SPOOL, World, tell};

/// The key of the spool.
const KEY: [u8; 32] = [7; 32];

/// The scheduler sleeps no longer.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Here it may where things take days: what it waits for it must know itself.
const LONGEST_SLEEP_OF_DAYS: Duration = Duration::from_secs(6 * 3_600);

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
            looks: Default::default(),
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
            Command::GivenBack(_) if fails => Answer::Failed,
            Command::GivenBack(batch) => Answer::GivenBack(self.ledger.given_back(batch)),
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
        if let Some(search) = sending.search() {
            return self.look(sending, search);
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
