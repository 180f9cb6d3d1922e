use crate::world::World;
use crate::{Broken, FaultCounts, Plan};

/// How one run went.
#[derive(Clone, Debug)]
pub struct Report {
    /// What everything followed from.
    pub seed: u64,
    /// What else it was made of.
    pub plan: Plan,
    /// Steps of the scheduler.
    pub steps: u64,
    /// Faults that struck.
    pub faults: FaultCounts,
    /// Decisions written.
    pub rows: u64,
    /// Entries that the cache took.
    pub cache_writes: u64,
    /// Alerts, by id.
    pub alerts: u64,
    /// Copies of messages put into queues.
    pub messages: u64,
    /// Of all that happened: the same seed gives the same.
    pub trace_hash: u64,
    /// The steps, if they were asked for.
    pub trace: Vec<String>,
    /// What did not hold.
    pub broken: Option<Broken>,
}

/// Runs one seed to its end, or to the first thing that does not hold.
pub fn run(seed: u64, plan: Plan, keep_trace: bool) -> Report {
    let mut world = World::new(seed, plan, keep_trace);
    let broken = world.live().and_then(|()| world.settle()).err();
    let tables = world.memory.tables();
    Report {
        seed,
        plan,
        steps: world.steps,
        faults: world.fate.counts(),
        rows: tables.history.values().map(|rows| rows.len() as u64).sum(),
        cache_writes: tables.cache_writes.len() as u64,
        alerts: tables.alerts.len() as u64,
        messages: world.ledger.sent,
        trace_hash: world.fate.trace_hash(),
        trace: world.fate.take_trace(),
        broken,
    }
}

impl Report {
    /// For whoever is to find out why: the seed, what broke, and how to see it again.
    pub fn failure(&self) -> Option<String> {
        let broken = self.broken.as_ref()?;
        Some(format!(
            "seed {} after {} steps: {}\n  {}\n  rerun: cargo run -p pricestream-simulation -- --seed {} {} --trace",
            self.seed, self.steps, broken.invariant, broken.detail, self.seed, self.plan
        ))
    }
}
