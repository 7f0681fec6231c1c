//! How fast lines are put on record and held against their chain, for `cargo xtask bench --only log`: `log_speed FOLDER LINES`.
//! To be run on one core: those who hand over lines and the one who writes them share it.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a program for measurements

use std::path::PathBuf;
use std::time::Instant;

use sekisho_exchanges::{
    Direction, Entry, ExchangeLog, Kind, Limits, Options, SigningKey, Verdict, Verifier, now, verify_folder,
};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Those who hand over lines at the same time.
const TASKS: u64 = 64;

fn main() {
    let mut words = std::env::args().skip(1);
    let folder: PathBuf = words.next().expect("a folder").into();
    let lines: u64 = words.next().expect("a number of lines").parse().unwrap();
    let key = SigningKey::passing().unwrap();
    let public = key.public();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let began = Instant::now();
    let syncs = runtime.block_on(async {
        let log =
            ExchangeLog::open(Options { folder: folder.clone(), key, limits: Limits::default() }).unwrap();
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let log = log.clone();
            tasks.spawn(async move {
                for number in 0..lines / TASKS {
                    log.record(&entry(task, number)).await.unwrap();
                }
            });
        }
        tasks.join_all().await;
        // What counts is what is on the disk.
        log.close().await;
        log.metrics().unwrap().syncs.get()
    });
    let (written, worked) = (began.elapsed(), processor_seconds());

    let began = Instant::now();
    let report =
        verify_folder(&folder, Verifier::new(vec![public], Vec::new()), true, |_| Ok(())).unwrap().unwrap();
    let verified = began.elapsed();
    let lines = lines / TASKS * TASKS;
    assert_eq!((report.exchanges, report.lost), (lines, 0));
    let bytes: u64 = folder.read_dir().unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    println!(
        "{{\"lines\":{lines},\"bytes\":{bytes},\"syncs\":{syncs},\"files\":{},\"written_per_second\":{:.0},\"written_per_processor_second\":{:.0},\"verified_per_second\":{:.0}}}",
        report.files,
        lines as f64 / written.as_secs_f64(),
        lines as f64 / worked,
        lines as f64 / verified.as_secs_f64(),
    );
}

/// Seconds of a processor that this process has used so far, in steps of a hundredth (proc(5)).
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

/// A relayed call, with everything that a line of it has.
fn entry(task: u64, number: u64) -> Entry<'static> {
    Entry {
        ended: Some(now()),
        client: Some("city-of-example"),
        certificate: Some([0x5a; 32]),
        address: Some("10.101.5.17:51514".parse().unwrap()),
        route: Some("attribute-changes"),
        door: Some("soap"),
        method: Some("POST"),
        operation: Some("relay"),
        message: Some([0xa5; 32]),
        bytes_in: Some(2_000 + number),
        bytes_out: Some(700),
        records: Some(1),
        digest: Some([0x3c; 32]),
        schema: Some(Verdict::Passed),
        outcome: Some("relayed"),
        status: Some(200),
        ..Entry::new(Kind::Exchange, Direction::In, Uuid::from_u64_pair(task, number), now())
    }
}
