//! What the process itself takes, and which build it is, under the names that every program of Prometheus has them by.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, IntGauge, IntGaugeVec, Opts, Registry};
use rustix::process::{Resource, getrlimit};

/// Ticks of a second in `/proc` (`USER_HZ`): the same wherever a gateway is built for.
const TICKS: f64 = 100.0;

/// The process's own files of `/proc`, which the sandbox does not let anybody open later. What a system does not have is not shown.
pub(crate) struct Process {
    files: Option<Files>,
    /// Unix seconds.
    started: Option<u64>,
    most_files: Option<u64>,
}

struct Files {
    stat: File,
    status: File,
    /// Its length is the number of open files, from Linux 6.2 on.
    descriptors: File,
}

/// What a process takes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Usage {
    processor_seconds: f64,
    resident_bytes: u64,
    virtual_bytes: u64,
    threads: u64,
}

impl Process {
    /// Opens them; before the sandbox is entered, and once the number of files that may be open is what it will be.
    pub(crate) fn open() -> Self {
        let open = |name: &str| File::open(format!("/proc/self/{name}")).ok();
        let files = match (open("stat"), open("status"), open("fd")) {
            (Some(stat), Some(status), Some(descriptors)) => Some(Files { stat, status, descriptors }),
            _ => None,
        };
        let booted = std::fs::read_to_string("/proc/stat").ok();
        let started = files.as_ref().zip(booted.as_deref()).and_then(|(files, booted)| {
            let booted =
                booted.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse::<u64>().ok())?;
            Some(booted + started_after_boot(&text(&files.stat)?)?)
        });
        Self { files, started, most_files: getrlimit(Resource::Nofile).current }
    }

    /// Shows `process_...` and `sekisho_build_info`.
    ///
    /// # Errors
    /// When a name is registered already.
    pub(crate) fn register(self, registry: &Registry) -> prometheus::Result<()> {
        let build =
            IntGaugeVec::new(Opts::new("sekisho_build_info", "1, by the version that runs."), &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        registry.register(Box::new(build))?;
        let fixed = |name: &str, help: &str, value: Option<u64>| -> prometheus::Result<()> {
            let Some(value) = value else { return Ok(()) };
            let gauge = IntGauge::new(name, help)?;
            gauge.set(whole(value));
            registry.register(Box::new(gauge))
        };
        fixed("process_start_time_seconds", "When the process was started, in unix seconds.", self.started)?;
        fixed("process_max_fds", "Most files that may be open at once.", self.most_files)?;
        match self.files {
            Some(files) => registry.register(Box::new(Shown::new(files)?)),
            None => Ok(()),
        }
    }
}

/// What is read at each scrape.
struct Shown {
    files: Files,
    processor: Counter,
    resident: IntGauge,
    virtual_memory: IntGauge,
    threads: IntGauge,
    open_files: IntGauge,
}

impl Shown {
    fn new(files: Files) -> prometheus::Result<Self> {
        Ok(Self {
            files,
            processor: Counter::new("process_cpu_seconds_total", "Processor time, the system's for it too.")?,
            resident: IntGauge::new("process_resident_memory_bytes", "Memory that is resident.")?,
            virtual_memory: IntGauge::new("process_virtual_memory_bytes", "Memory that is addressed.")?,
            threads: IntGauge::new("process_threads", "Threads.")?,
            open_files: IntGauge::new("process_open_fds", "Open files, sockets among them.")?,
        })
    }

    fn all(&self) -> [&dyn Collector; 5] {
        [&self.processor, &self.resident, &self.virtual_memory, &self.threads, &self.open_files]
    }
}

impl Collector for Shown {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Files { stat, status, descriptors } = &self.files;
        let usage = text(stat).zip(text(status)).and_then(|(stat, status)| usage(&stat, &status));
        let mut shown = Vec::new();
        if let Some(usage) = usage {
            // Two scrapes at once may read in another order than they add: what is less than there is adds nothing.
            self.processor.inc_by((usage.processor_seconds - self.processor.get()).max(0.0));
            self.resident.set(whole(usage.resident_bytes));
            self.virtual_memory.set(whole(usage.virtual_bytes));
            self.threads.set(whole(usage.threads));
            let gauges = [&self.resident, &self.virtual_memory, &self.threads];
            shown.extend(self.processor.collect());
            shown.extend(gauges.into_iter().flat_map(Collector::collect));
        }
        if let Some(open) = descriptors.metadata().ok().map(|held| held.len()).filter(|open| *open > 0) {
            self.open_files.set(whole(open));
            shown.extend(self.open_files.collect());
        }
        shown
    }
}

/// A file of `/proc` from its beginning; these have a few hundred bytes to a few thousand.
fn text(file: &File) -> Option<String> {
    let mut bytes = vec![0; 16 * 1024];
    let length = file.read_at(&mut bytes, 0).ok()?;
    bytes.truncate(length);
    String::from_utf8(bytes).ok()
}

/// The fields of `/proc/PID/stat` from the third on: the second is the name, which may hold anything (proc(5)).
fn fields(stat: &str) -> Option<Vec<&str>> {
    Some(stat.rsplit_once(')')?.1.split_ascii_whitespace().collect())
}

/// Whole seconds from the system's start to the process's.
fn started_after_boot(stat: &str) -> Option<u64> {
    let ticks: u64 = fields(stat)?.get(19)?.parse().ok()?;
    Some(ticks / TICKS as u64)
}

fn usage(stat: &str, status: &str) -> Option<Usage> {
    let fields = fields(stat)?;
    let ticks = |number: usize| fields.get(number)?.parse::<u64>().ok();
    let line = |name: &str| {
        let rest = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        rest.trim().trim_end_matches("kB").trim_end().parse::<u64>().ok()
    };
    Some(Usage {
        processor_seconds: (ticks(11)? + ticks(12)?) as f64 / TICKS,
        resident_bytes: line("VmRSS")? * 1024,
        virtual_bytes: line("VmSize")? * 1024,
        threads: line("Threads")?,
    })
}

fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may panic

    use prometheus::TextEncoder;

    use super::*;

    #[test]
    fn usage_is_read_whatever_the_process_is_called() {
        let stat = "4711 (a ) (b c) S 1 4711 4711 0 -1 4194560 1500 0 3 0 250 150 0 0 20 0 12 0 123456 987654321 3000 \
                    18446744073709551615 1 1";
        let status =
            "Name:\ta ) (b c\nVmPeak:\t  2048 kB\nVmSize:\t  1024 kB\nVmRSS:\t   512 kB\nThreads:\t12\n";
        let wanted =
            Usage { processor_seconds: 4.0, resident_bytes: 512 * 1024, virtual_bytes: 1 << 20, threads: 12 };
        assert_eq!(usage(stat, status), Some(wanted));
        assert_eq!(started_after_boot(stat), Some(1234));
        assert_eq!(usage("4711 (a) S 1", status), None);
        assert_eq!(usage(stat, "Name:\ta\n"), None);
    }

    #[test]
    fn the_process_that_runs_is_shown_as_of_each_scrape() {
        let registry = Registry::new();
        Process::open().register(&registry).unwrap();
        let scrape = || TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        let value = |text: &str, name: &str| -> f64 {
            let line =
                text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {text}"));
            line.rsplit(' ').next().unwrap().parse().unwrap()
        };
        let first = scrape();
        assert_eq!(
            value(&first, concat!("sekisho_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}")),
            1.0
        );
        assert!(value(&first, "process_resident_memory_bytes") > 100_000.0);
        assert!(
            value(&first, "process_virtual_memory_bytes") >= value(&first, "process_resident_memory_bytes")
        );
        assert!(value(&first, "process_threads") >= 1.0 && value(&first, "process_max_fds") >= 64.0);
        assert!(value(&first, "process_start_time_seconds") > 1_000_000_000.0);
        // Until the clock of processor time, which has hundredths, has moved.
        let before = value(&first, "process_cpu_seconds_total");
        let mut work = 0_u64;
        while value(&scrape(), "process_cpu_seconds_total") <= before {
            work = (0..100_000).fold(work, |sum, number| sum.wrapping_mul(31).wrapping_add(number));
        }
        std::hint::black_box(work);
    }
}
