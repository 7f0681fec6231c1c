//! Random faults in a world on a virtual clock, with probes and traffic that see what they would see; at every step the
//! board is held against the world.

use super::*;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

/// The way, as indices: line, cloud, login, then import and application side by side behind login.
const WAY: [&str; 5] = ["main/line", "main/cloud", "main/login", "main/import", "main/application"];
const BEFORE: [Option<usize>; 5] = [None, Some(0), Some(1), Some(2), Some(2)];
const INTERVAL: [u64; 5] = [1_000, 2_000, 5_000, 20_000, 5_000];

fn way_to(hop: usize) -> Vec<usize> {
    let mut way: Vec<usize> = std::iter::successors(Some(hop), |&hop| BEFORE[hop]).collect();
    way.reverse();
    way
}

/// What is wrong with a hop.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// It answers with a refusal of its own.
    Refuses,
    /// Whoever tries notices at once that it is not there.
    Broken,
    /// Nothing ever comes back.
    Silent,
}

#[derive(Clone, Debug)]
enum Step {
    /// A hop breaks, or is mended.
    Turn(usize, Option<Fault>),
    /// A look at a hop begins, by a probe or by traffic, with so many milliseconds to a hop. It ends when it ends.
    Look(usize, bool, u64),
    /// Time passes.
    Wait(u64),
    /// Everybody stops looking, for longer than any fact lives.
    Blackout,
}

fn step() -> impl Strategy<Value = Step> {
    let fault = prop_oneof![
        3 => Just(None),
        1 => Just(Some(Fault::Refuses)),
        1 => Just(Some(Fault::Broken)),
        1 => Just(Some(Fault::Silent)),
    ];
    prop_oneof![
        2 => (0..5_usize, fault).prop_map(|(hop, fault)| Step::Turn(hop, fault)),
        6 => (0..5_usize, any::<bool>(), 0..400_u64).prop_map(|(hop, probe, pace)| Step::Look(hop, probe, pace)),
        6 => (0..3_000_u64).prop_map(Step::Wait),
        1 => Just(Step::Blackout),
    ]
}

/// A look under way.
#[derive(Clone, Debug)]
struct Look {
    hop: usize,
    probe: bool,
    began: u64,
    /// When each hop of the way is reached, and what became of the look: settled as the world turns.
    stages: Vec<(usize, u64)>,
    passed: usize,
    stopped: Option<(usize, Fault)>,
}

impl Look {
    fn ends(&self) -> u64 {
        match self.stopped {
            // The deadline.
            Some((_, Fault::Silent)) => self.began + INTERVAL[self.hop] * 9 / 10,
            Some(_) => self.stages[self.passed].1,
            None => self.stages[self.stages.len() - 1].1,
        }
    }
}

#[derive(Default)]
struct World {
    /// Whether anybody asks, at every turn.
    asked: bool,
    now: u64,
    faults: [Option<(Fault, u64)>; 5],
    looks: Vec<Look>,
    /// Per hop: when it was last reported as at fault by a look that knew, and the latest beginning of a look that passed.
    failed: [Option<u64>; 5],
    passed: [Option<u64>; 5],
    /// When a look at it last ended in silence, wherever that came from.
    silent: [Option<u64>; 5],
}

fn milliseconds(now: u64) -> Moment {
    at(now as f64 / 1000.0)
}

impl World {
    /// To `until`, ending looks on the way in the order of their ends.
    fn run(&mut self, path: &mut Path, until: u64) -> Result<(), TestCaseError> {
        loop {
            for look in &mut self.looks {
                // Stages reached by now are decided by the world as it stands: it only turns between runs.
                while look.stopped.is_none() && look.passed < look.stages.len() {
                    let (hop, reached) = look.stages[look.passed];
                    if reached > until {
                        break;
                    }
                    match self.faults[hop] {
                        Some((fault, _)) => look.stopped = Some((hop, fault)),
                        None => look.passed += 1,
                    }
                }
            }
            let done = |look: &Look| look.stopped.is_some() || look.passed == look.stages.len();
            let next = (0..self.looks.len())
                .filter(|&at| done(&self.looks[at]) && self.looks[at].ends() <= until)
                .min_by_key(|&at| self.looks[at].ends());
            let Some(next) = next else { break };
            let look = self.looks.swap_remove(next);
            self.now = self.now.max(look.ends());
            self.end(path, &look);
            self.hold(path)?;
        }
        self.now = until;
        self.hold(path)
    }

    fn end(&mut self, path: &mut Path, look: &Look) {
        let took = Duration::from_millis(self.now - look.began);
        let observation = match look.stopped {
            None => {
                for hop in way_to(look.hop) {
                    self.passed[hop] = self.passed[hop].max(Some(look.began));
                }
                Observation::up(took)
            }
            Some((_, Fault::Silent)) => {
                self.silent[look.hop] = Some(self.now);
                Observation::down(ErrorClass::Timeout).took(took)
            }
            Some((hop, fault)) => {
                self.failed[hop] = Some(self.now);
                for passed in way_to(hop).into_iter().filter(|&passed| passed != hop) {
                    self.passed[passed] = self.passed[passed].max(Some(look.began));
                }
                let answered = fault == Fault::Refuses;
                let class = if answered { ErrorClass::Infrastructure } else { ErrorClass::Line };
                Observation::down(class).answered(answered).took(took).stopped_at(WAY[hop])
            }
        };
        let observation = if look.probe { observation } else { observation.from_traffic() };
        assert!(path.report(WAY[look.hop], observation, milliseconds(self.now)));
    }

    /// The board against the world.
    fn hold(&self, path: &mut Path) -> Result<(), TestCaseError> {
        if !self.asked {
            return Ok(());
        }
        let snapshot = path.snapshot(milliseconds(self.now));
        for (hop, shown) in snapshot.hops.iter().enumerate() {
            let life = INTERVAL[hop] * 2;
            let way = way_to(hop);
            if shown.state == Up {
                prop_assert!(
                    shown.age_ms.is_some_and(|age| age < life),
                    "{} is up by an old fact",
                    shown.id()
                );
                for &on in &way {
                    // No false OK: nothing on the way, the hop itself included, was found at fault after the last look that
                    // passed the hop began; and nothing was broken for as long as a fact lives.
                    prop_assert!(
                        self.failed[on] <= self.passed[hop],
                        "{} is up past {}",
                        shown.id(),
                        WAY[on]
                    );
                    // Nor by a look from before a silence on the way: what it says may have changed meanwhile.
                    prop_assert!(
                        self.silent[on] <= self.passed[hop],
                        "{} is up though {} was silent",
                        shown.id(),
                        WAY[on]
                    );
                    let broken = self.faults[on].map(|(_, since)| self.now - since);
                    prop_assert!(
                        broken.is_none_or(|span| span < life + 1),
                        "{} up, {} broken",
                        shown.id(),
                        WAY[on]
                    );
                }
            }
            if shown.state == Down {
                let before = &way[..way.len() - 1];
                prop_assert!(
                    before.iter().all(|&on| snapshot.hops[on].state != Down),
                    "two hops down on one way"
                );
                if shown.class != Some(ErrorClass::Timeout) {
                    prop_assert!(
                        self.failed[hop].is_some(),
                        "{} is down without a fault of its own",
                        shown.id()
                    );
                }
            }
            prop_assert!(shown.since <= snapshot.taken_at);
        }
        Ok(())
    }
}

fn world_path() -> Path {
    let specs = WAY
        .iter()
        .enumerate()
        .map(|(hop, id)| HopSpec {
            name: id.trim_start_matches("main/").to_owned(),
            upstream: Some("main".to_owned()),
            behind: BEFORE[hop].map(|before| WAY[before].to_owned()),
            interval: Duration::from_millis(INTERVAL[hop]),
            by_traffic_only: false,
        })
        .collect();
    Path::new(specs, milliseconds(0)).unwrap()
}

fn play(steps: &[Step], asked: bool) -> Result<Snapshot, TestCaseError> {
    let mut path = world_path();
    let mut world = World { asked, ..World::default() };
    for step in steps {
        match *step {
            Step::Turn(hop, fault) => {
                let since = world.faults[hop].map_or(world.now, |(_, since)| since);
                world.faults[hop] = fault.map(|fault| (fault, since));
            }
            Step::Look(hop, probe, pace) => {
                let stages =
                    way_to(hop).into_iter().zip(1..).map(|(on, nth)| (on, world.now + pace * nth)).collect();
                let began = world.now;
                world.looks.push(Look { hop, probe, began, stages, passed: 0, stopped: None });
            }
            Step::Wait(span) => {
                let end = world.now + span;
                world.run(&mut path, end - span / 2)?;
                world.run(&mut path, end)?;
            }
            Step::Blackout => {
                world.looks.clear();
                for _ in 0..10 {
                    world.run(&mut path, world.now + 4_000)?;
                }
                let mut seen = path.clone().snapshot(milliseconds(world.now)).hops.into_iter();
                prop_assert!(seen.all(|hop| hop.state == Unknown), "a fact outlived its time");
            }
        }
    }
    Ok(path.snapshot(milliseconds(world.now)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn no_false_ok_and_no_wrong_hop(steps in proptest::collection::vec(step(), 1..60)) {
        play(&steps, true)?;
    }

    #[test]
    fn what_is_shown_does_not_depend_on_who_asks_when(steps in proptest::collection::vec(step(), 1..40)) {
        prop_assert_eq!(play(&steps, false)?, play(&steps, true)?);
    }
}
