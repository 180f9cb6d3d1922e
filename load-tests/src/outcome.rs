//! What a run came to.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;

use crate::counted::Counted;
use crate::drift::Drift;
use crate::driver::Plan;
use crate::machine;
use crate::measure::{Durations, Second, Summary};
use crate::target::Target;

/// What a run came to; the JSON of it is what reports are made of.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The scenario's name.
    pub scenario: String,
    /// What it is about.
    pub about: String,
    /// What was loaded.
    pub target: String,
    /// The machine of the driver; that of the target too, where it is a server of the driver's.
    pub machine: String,
    /// How long it lasted.
    pub seconds: f64,
    /// SKUs, and clients of the stream.
    pub skus: usize,
    /// Changes a second that the target takes, where rates were shares of it.
    pub capacity: Option<f64>,
    /// Changes sent.
    pub changes: u64,
    /// From when a change was meant to be sent to its answer.
    pub acknowledged: Summary,
    /// From when a change was meant to be sent until a shopper saw its price.
    pub freshness: Summary,
    /// Of reads.
    pub reads: Summary,
    /// Of orders: a signed quote, and the order that redeems it.
    pub orders: Summary,
    /// From asking for a stream to its first bytes.
    pub streams_opened: Summary,
    /// Events that clients of the stream were sent, besides the one that measures freshness.
    pub events: u64,
    /// From when a request was meant to be sent to when the driver came to it.
    pub driver_late: Summary,
    /// Seconds after the end of the load until every change was seen.
    pub drained_s: f64,
    /// Where the server's memory goes; absent for runs that are too short to tell.
    pub memory: Option<Drift>,
    /// What limited it, in words.
    pub limits: Vec<String>,
    /// What was looked at in the end.
    pub checks: Vec<Check>,
    /// By the second.
    pub by_second: BySecond,
    /// Upper end in milliseconds, and how many.
    pub freshness_bars: Vec<(f64, u64)>,
    /// Of the machine, four a second.
    pub samples: Vec<Sample>,
}

/// Curves.
#[derive(Clone, Debug, Default, Serialize)]
pub struct BySecond {
    /// Of freshness, by when the change was meant to be sent.
    pub freshness: Vec<Second>,
    /// Of acknowledgements.
    pub acknowledged: Vec<Second>,
    /// Of reads.
    pub reads: Vec<Second>,
}

/// Something that must hold in the end.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What must hold.
    pub what: String,
    /// How often it does not.
    pub wrong: u64,
    /// An example.
    pub detail: String,
}

/// The machine at an instant.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sample {
    /// Counted from the begin.
    pub second: f64,
    /// Changes that were sent and were not seen yet.
    pub waiting: usize,
    /// Cores that the server uses.
    pub server_cores: Option<f64>,
    /// Cores that the driver uses.
    pub driver_cores: Option<f64>,
    /// Share of all cores that is busy.
    pub machine_busy: Option<f64>,
    /// Memory of the server.
    pub server_mib: Option<f64>,
    /// Open streams.
    pub streams: u64,
}

impl Outcome {
    pub(crate) fn of(
        plan: Plan<'_>,
        target: &Target,
        changes: u64,
        counted: &Counted,
        samples: Vec<Sample>,
        drained: Duration,
        mut checks: Vec<Check>,
    ) -> Self {
        let late = counted.late.summary();
        let limits = limits(&late, &samples, target.is_own(), counted, plan.scenario.seconds);
        let seconds = Durations::seconds;
        let memory = Drift::of(&samples, plan.scenario.seconds);
        checks.extend(memory.filter(|_| plan.scenario.steady).map(|drift| drift.check()));
        Self {
            scenario: plan.name.to_owned(),
            about: plan.scenario.about.clone(),
            target: if target.is_own() { "a server on this machine".to_owned() } else { target.url.clone() },
            machine: machine::facts(),
            seconds: plan.scenario.seconds,
            skus: plan.scenario.skus,
            capacity: plan.scenario.needs_capacity().then_some(plan.capacity),
            changes,
            acknowledged: counted.changes.latency.summary(),
            freshness: counted.fresh.summary(),
            reads: counted.reads.latency.summary(),
            orders: counted.orders.latency.summary(),
            streams_opened: counted.opened.summary(),
            events: counted.seen.events.load(Ordering::Relaxed),
            driver_late: late,
            drained_s: drained.as_secs_f64(),
            memory,
            limits,
            checks,
            by_second: BySecond {
                freshness: seconds(&counted.fresh),
                acknowledged: seconds(&counted.changes.latency),
                reads: seconds(&counted.reads.latency),
            },
            freshness_bars: counted.fresh.bars(),
            samples,
        }
    }

    /// Whether everything holds.
    pub fn holds(&self) -> bool {
        self.checks.iter().all(|check| check.wrong == 0)
    }

    /// The most of something that was sampled.
    pub fn most(&self, of: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
        self.samples.iter().filter_map(of).reduce(f64::max)
    }
}

/// What may have made the figures worse than the target is.
fn limits(late: &Summary, samples: &[Sample], shared: bool, counted: &Counted, seconds: f64) -> Vec<String> {
    let mut limits = Vec::new();
    let during = || samples.iter().filter(|sample| sample.second <= seconds);
    let share = |over: &dyn Fn(&Sample) -> bool| {
        let count = during().count().max(1);
        100 * during().filter(|sample| over(sample)).count() / count
    };
    if late.p99_ms > 5.0 {
        limits.push(format!("the driver was late: by more than {:.1} ms for one request in a hundred", late.p99_ms));
    }
    let busy = share(&|sample| sample.machine_busy.is_some_and(|busy| busy > 0.95));
    if busy > 10 {
        let whose = if shared { ", which driver and server share" } else { "" };
        limits.push(format!("all cores of this machine{whose} were busy for {busy} % of the time"));
    }
    let writer = share(&|sample| sample.server_cores.is_some_and(|cores| cores > 0.95));
    if writer > 10 {
        limits.push(format!("the server used a whole core or more for {writer} % of the time"));
    }
    if counted.changes.bad.load(Ordering::Relaxed) > 0 {
        limits.push("the target refused changes".to_owned());
    }
    if limits.is_empty() {
        limits.push("nothing: the load was less than driver and target can take".to_owned());
    }
    limits
}
