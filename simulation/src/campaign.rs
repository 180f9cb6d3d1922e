use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::{FaultCounts, Mix, Plan, Report, run};

/// How many seeds went.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Seeds run to their end.
    pub seeds: u64,
    /// Steps of all of them.
    pub steps: u64,
    /// Faults that struck in all of them.
    pub faults: FaultCounts,
    /// Decisions written in all of them.
    pub rows: u64,
    /// Entries that their caches took.
    pub cache_writes: u64,
    /// Alerts told in all of them.
    pub alerts: u64,
    /// Copies of messages in all of them.
    pub messages: u64,
    /// The longest run: its seed and steps.
    pub longest: (u64, u64),
    /// The lowest seed in which something broke.
    pub failed: Option<Report>,
}

/// The mix of a seed in a campaign over all mixes.
pub const fn mix_of(seed: u64) -> Mix {
    #[allow(clippy::cast_possible_truncation, reason = "a remainder of six")]
    let position = (seed % Mix::ALL.len() as u64) as usize;
    Mix::ALL[position]
}

/// Runs `seeds` on all cores, in order, until one fails. The summary's failure is the lowest failing seed, however many
/// cores there are.
pub fn campaign(seeds: Range<u64>, plan: impl Fn(u64) -> Plan + Sync, progress: impl Fn(u64) + Sync) -> Summary {
    let next = AtomicU64::new(seeds.start);
    let stop = AtomicBool::new(false);
    let summary = Mutex::new(Summary::default());
    let work = || {
        while !stop.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if !seeds.contains(&seed) {
                return;
            }
            let report = run(seed, plan(seed), false);
            stop.fetch_or(report.broken.is_some(), Ordering::Relaxed);
            let mut summary = summary.lock().expect("a run that panics ends the campaign");
            summary.add(report);
            progress(summary.seeds);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, std::num::NonZero::get) {
            scope.spawn(work);
        }
    });
    summary.into_inner().expect("a run that panics ends the campaign")
}

impl Summary {
    fn add(&mut self, report: Report) {
        self.seeds += 1;
        self.steps += report.steps;
        self.faults.add(&report.faults);
        self.rows += report.rows;
        self.cache_writes += report.cache_writes;
        self.alerts += report.alerts;
        self.messages += report.messages;
        if report.steps > self.longest.1 {
            self.longest = (report.seed, report.steps);
        }
        if report.broken.is_some() && self.failed.as_ref().is_none_or(|failed| report.seed < failed.seed) {
            self.failed = Some(report);
        }
    }
}
