use super::*;
use crate::clock::{Clock, Moment};
use crate::hop::{Hop, HopSpec, HopState, Intervals};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use time::macros::datetime;

/// The runtime's clock, which stands still in these tests until nothing is left to do.
struct Virtual(Instant);

impl Clock for Virtual {
    fn now(&self) -> Moment {
        Moment { monotonic: Duration::ZERO, wall: datetime!(2026-04-01 00:00 UTC) }.after(self.0.elapsed())
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn board() -> Board {
    let mut specs = vec![HopSpec::gateway(SECOND)];
    specs.extend(HopSpec::way_to("main", Intervals { cloud: SECOND, ..Intervals::default() }));
    Board::with_clock(specs, Arc::new(Virtual(Instant::now()))).unwrap()
}

fn hop(board: &Board, id: &str) -> Hop {
    board.snapshot().hops.into_iter().find(|hop| hop.id() == id).unwrap()
}

/// Until the virtual clock shows so much more.
async fn pass(span: Duration) {
    sleep_until(Instant::now() + span).await;
}

/// What a probe of these tests does.
enum Does {
    Answers(Duration),
    Hangs,
    Panics,
    /// Goes on for that long after it was dropped, without giving way.
    Lingers(Duration),
}

struct Looker {
    hop: &'static str,
    does: Does,
    begun: Arc<Mutex<Vec<Instant>>>,
    running: Arc<AtomicUsize>,
}

struct Running(Arc<AtomicUsize>);

impl Running {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        assert_eq!(count.fetch_add(1, Ordering::SeqCst), 0, "two looks of one probe at once");
        Self(Arc::clone(count))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Probe for Looker {
    fn hop(&self) -> &str {
        self.hop
    }

    async fn check(&self) -> Observation {
        let running = Running::new(&self.running);
        self.begun.lock().unwrap().push(Instant::now());
        match self.does {
            Does::Answers(after) => pass(after).await,
            Does::Hangs => std::future::pending().await,
            Does::Panics => panic!("as asked"),
            Does::Lingers(span) => {
                let end = tokio::task::spawn_blocking(move || (running, span));
                let (_running, span) = end.await.unwrap();
                pass(span).await;
            }
        }
        Observation::up(Duration::ZERO)
    }
}

type Begun = Arc<Mutex<Vec<Instant>>>;

fn looker(hop: &'static str, does: Does) -> (Box<dyn Probe>, Begun, Arc<AtomicUsize>) {
    let (begun, running) = (Begun::default(), Arc::new(AtomicUsize::new(0)));
    let probe = Looker { hop, does, begun: Arc::clone(&begun), running: Arc::clone(&running) };
    (Box::new(probe), begun, running)
}

fn schedule(deadline: u64) -> Schedule {
    Schedule::new(SECOND, Duration::from_millis(deadline)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_lies_behind_is_looked_at_as_soon_as_the_way_is_open_again() {
    let board = board();
    let (probe, begun, _) = looker("main/login", Does::Answers(Duration::ZERO));
    let minute = Schedule::new(60 * SECOND, SECOND).unwrap();
    let prober = Prober::start(board.clone(), vec![(probe, minute)]);
    pass(7 * SECOND).await;
    let looks = || begun.lock().unwrap().len();
    assert_eq!((looks(), hop(&board, "main/login").state), (1, HopState::Up));
    let broken = || board.report("main/line", Observation::down(ErrorClass::Line));
    let open = || board.report("main/line", Observation::up(Duration::ZERO));
    broken();
    pass(SECOND).await;
    assert_eq!((looks(), hop(&board, "main/login").state), (1, HopState::Unknown));
    open();
    pass(6 * SECOND).await;
    assert_eq!((looks(), hop(&board, "main/login").state), (2, HopState::Up));
    // A line that comes and goes costs a look in a tenth of the interval, and no more.
    for _ in 0..50 {
        broken();
        pass(SECOND / 10).await;
        open();
        pass(SECOND / 10).await;
    }
    assert!((3..=4).contains(&looks()), "{}", looks());
    prober.stop().await;
}

#[tokio::test(start_paused = true)]
async fn facts_never_grow_too_old_even_when_every_look_takes_all_of_its_time() {
    let board = board();
    let (probe, begun, _) = looker("main/line", Does::Answers(Duration::from_millis(990)));
    let prober = Prober::start(board.clone(), vec![(probe, schedule(995))]);
    pass(2 * SECOND).await;
    for _ in 0..2_000 {
        pass(Duration::from_millis(17)).await;
        let line = hop(&board, "main/line");
        assert_eq!(line.state, HopState::Up);
        assert!(line.age_ms.unwrap() < 2_000);
    }
    prober.stop().await;
    let begun = begun.lock().unwrap();
    let spans: Vec<Duration> = begun.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let slack = Duration::from_millis(2);
    assert!(
        spans.iter().all(|span| *span + slack >= SECOND * 9 / 10 && *span <= SECOND + slack),
        "{spans:?}"
    );
}

/// With looks that end at once, thirty periods drawn from a tenth of a second are not all the same millisecond: that would
/// happen once in 10^60 runs. (Looks that take nearly their whole period hide the jitter, so the test above cannot ask.)
#[tokio::test(start_paused = true)]
async fn looks_do_not_fall_into_step() {
    let board = board();
    let (probe, begun, _) = looker("main/line", Does::Answers(Duration::ZERO));
    let prober = Prober::start(board.clone(), vec![(probe, schedule(500))]);
    pass(30 * SECOND).await;
    prober.stop().await;
    let begun = begun.lock().unwrap();
    let spans: Vec<Duration> = begun.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(spans.len() >= 29, "{spans:?}");
    assert!(spans.iter().max() > spans.iter().min(), "no jitter");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_never_returns_is_a_time_out_and_holds_nobody() {
    let board = board();
    let (hanging, begun, running) = looker("main/cloud", Does::Hangs);
    let (answering, ..) = looker("main/line", Does::Answers(Duration::ZERO));
    let prober = Prober::start(board.clone(), vec![(hanging, schedule(400)), (answering, schedule(400))]);
    pass(Duration::from_millis(501)).await;
    let cloud = hop(&board, "main/cloud");
    assert_eq!((cloud.state, cloud.class), (HopState::Down, Some(ErrorClass::Timeout)));
    assert_eq!((&*cloud.text_en, cloud.latency_us), ("no answer within 400 ms", Some(400_000)));
    assert_eq!(hop(&board, "main/line").state, HopState::Up);
    pass(10 * SECOND).await;
    assert!(begun.lock().unwrap().len() >= 10, "looked at again, time after time");
    prober.stop().await;
    assert_eq!(running.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_costs_one_look_and_is_not_good_news() {
    let board = board();
    board.report("main/line", Observation::up(Duration::ZERO));
    let (probe, begun, _) = looker("main/line", Does::Panics);
    let prober = Prober::start(board.clone(), vec![(probe, schedule(400))]);
    pass(5 * SECOND).await;
    let line = hop(&board, "main/line");
    assert_eq!(line.state, HopState::Unknown);
    let looks = begun.lock().unwrap().len() as u64;
    assert!(looks >= 5 && line.evidence.checks_failed == looks);
    prober.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_looks_any_more_once_stopped_or_dropped() {
    for stop in [true, false] {
        let board = board();
        let (probe, begun, running) = looker("gateway", Does::Lingers(Duration::from_millis(300)));
        let prober = Prober::start(board.clone(), vec![(probe, schedule(100))]);
        pass(Duration::from_millis(1_150)).await;
        if stop {
            prober.stop().await
        } else {
            drop(prober)
        }
        let looks = begun.lock().unwrap().len();
        assert!(looks > 0);
        pass(10 * SECOND).await;
        assert_eq!((begun.lock().unwrap().len(), running.load(Ordering::SeqCst)), (looks, 0));
        assert_eq!(hop(&board, "gateway").state, HopState::Unknown);
    }
}

#[test]
fn a_deadline_must_be_shorter_than_the_interval() {
    for deadline in [Duration::ZERO, SECOND, 2 * SECOND] {
        assert_eq!(Schedule::new(SECOND, deadline).unwrap_err().code(), "probe-deadline");
    }
    assert_eq!(Schedule::every(60 * SECOND).unwrap().deadline(), 10 * SECOND);
    assert_eq!(Schedule::every(SECOND).unwrap().deadline(), SECOND / 2);
}
