use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pricestream_domain::{Sku, SourceSeq};
use pricestream_event_schema::{ProductChangedV1, StockChange, TraceContext, encode, patterns};
use pricestream_ports::memory::Memory;
use pricestream_ports::{CacheEntry, MessageId, PolledSettings, PriceRecord, ProductRecord, QueueSettings};
use pricestream_telemetry::Metrics;

use crate::fate::Fate;
use crate::inputs::{self, SKUS};
use crate::invariants::Broken;
use crate::ledger::Ledger;
use crate::ports::Ports;
use crate::scheduler::{Scheduler, Task, Work};
use crate::tasks::{Ended, ProcessSettings};
use crate::witness::Witness;
use crate::{Fault, Plan};

/// Subscribers, by the patterns that ship.
pub(crate) const QUEUES: [(&str, &str); 3] = [
    (pricestream_pricing_calculator::SERVICE, patterns::PRICING_CALCULATOR),
    (pricestream_low_stock_alert::SERVICE, patterns::LOW_STOCK_ALERT),
    (pricestream_cache_writer::SERVICE, patterns::CACHE_WRITER),
];

/// One process: what is shared by its invocations and forgotten when it starts anew.
pub(crate) struct Process {
    pub(crate) settings: ProcessSettings,
    pub(crate) skew: SignedDuration,
}

/// The system that publishes the stock of one SKU: it sends a change until that is acknowledged, then the next.
pub(crate) struct Source {
    pub(crate) sku: Sku,
    pub(crate) unsent: VecDeque<StockChange>,
    pub(crate) numbered: SourceSeq,
    /// Sent and acknowledged, for late copies.
    pub(crate) sent: Vec<StockChange>,
}

/// Everything of one run.
pub(crate) struct World {
    pub(crate) fate: Fate,
    pub(crate) plan: Plan,
    pub(crate) memory: Memory<Fate>,
    pub(crate) tasks: Scheduler<Ended>,
    pub(crate) ledger: Ledger,
    pub(crate) witness: Witness,
    pub(crate) metrics: Arc<Metrics>,
    /// The first is the reconciler's own; invocations of the calculator run in any of the others.
    pub(crate) processes: Vec<Process>,
    pub(crate) sources: Vec<Source>,
    /// The stream of the price records, in order per SKU; a reader that fails gets the same again.
    pub(crate) stream: BTreeMap<Sku, VecDeque<PriceRecord>>,
    pub(crate) cache_snapshot: BTreeMap<Sku, Arc<CacheEntry>>,
    pub(crate) steps: u64,
    /// What the runs of the reconciler found behind since this was last set to 0; a run that failed counts as one.
    pub(crate) found_behind: usize,
}

impl World {
    pub(crate) fn new(seed: u64, plan: Plan, keep_trace: bool) -> Self {
        let fate = Fate::new(seed, plan.mix, keep_trace);
        let memory = Memory::new(fate.clone(), plan.defences());
        for (queue, pattern) in QUEUES {
            memory.subscribe(queue, pattern, QueueSettings::default());
        }
        let start = Timestamp::from_second(1_795_737_600).expect("a day in 2026 is within the calendar");
        let skus = SKUS.map(|sku| Sku::new(sku).expect("the simulation's SKUs are SKUs"));
        let mut ledger = Ledger::default();
        {
            let mut tables = memory.tables();
            tables.now = start;
            tables.settings = vec![inputs::first_settings(start)];
            for sku in &skus {
                let line = ProductRecord::new(inputs::first_line(sku.as_str()), 1);
                tables.products.insert(sku.clone(), Arc::new(line));
                let event = ProductChangedV1 { sku: sku.clone(), product_rev: 1, retired: false };
                let body = encode(&event, &TraceContext::root(sku.as_str())).body().into();
                ledger.send(&mut tables, pricestream_pricing_calculator::SERVICE, body);
            }
        }
        let source = |sku: &Sku| Source { sku: sku.clone(), unsent: VecDeque::new(), numbered: SourceSeq(0), sent: Vec::new() };
        let mut world = Self {
            tasks: Scheduler::new(fate.clone()),
            ledger,
            witness: Witness::default(),
            metrics: Arc::default(),
            processes: Vec::new(),
            sources: skus.iter().map(source).collect(),
            stream: BTreeMap::new(),
            cache_snapshot: BTreeMap::new(),
            steps: 0,
            found_behind: 0,
            fate,
            plan,
            memory,
        };
        world.processes = (0..3).map(|_| world.new_process()).collect();
        world
    }

    pub(crate) fn new_process(&self) -> Process {
        let skew = if self.fate.strikes(Fault::Skew) {
            SignedDuration::from_millis(i64::try_from(self.fate.within(0..=4_000)).expect("seconds are short") - 2_000)
        } else {
            SignedDuration::ZERO
        };
        let every = PolledSettings::<Memory<Fate>>::EVERY;
        Process { settings: Arc::new(PolledSettings::new(self.memory.clone(), every)), skew }
    }

    /// The ports of an invocation in process `process`.
    pub(crate) fn ports(&self, process: usize) -> Ports {
        Ports::new(self.memory.clone(), self.fate.clone(), self.plan, self.processes[process].skew)
    }

    /// Any process but the reconciler's.
    pub(crate) fn any_process(&self) -> usize {
        1 + self.fate.below(self.processes.len() - 1)
    }

    pub(crate) fn start(&mut self, name: &'static str, about: Option<Sku>, work: Work<Ended>) {
        let began_at = self.memory.tables().prices.iter().map(|(sku, record)| (sku.clone(), record.price_version)).collect();
        let id = self.tasks.start(name, about, began_at, work);
        self.fate.note(format_args!("start {name}/{id}"));
    }

    /// Gives one invocation a turn; faults may strike it, or what it published.
    pub(crate) fn turn(&mut self) -> Result<(), Broken> {
        let position = self.tasks.draw();
        let before = self.queue_lengths();
        let ended = self.tasks.turn(position);
        self.count_published(before);
        let began_at = ended.as_ref().map_or_else(|| &self.tasks.task(position).began_at, |(task, _)| &task.began_at);
        self.witness.look(&self.memory.tables(), began_at, &self.fate)?;
        match ended {
            // The last moment to die at: every effect has taken place, nothing is acknowledged.
            Some((task, _)) if self.fate.strikes(Fault::Crash) => self.note_crash(&task),
            Some((task, ended)) => self.ended(&task, ended)?,
            None if self.fate.strikes(Fault::Crash) => {
                let task = self.tasks.crash(position);
                self.note_crash(&task);
            }
            None => {}
        }
        Ok(())
    }

    fn note_crash(&self, task: &Task<Ended>) {
        self.fate.note(format_args!("crash {}/{}", task.name, task.id));
    }

    fn queue_lengths(&self) -> [usize; QUEUES.len()] {
        let mut tables = self.memory.tables();
        let now = tables.now;
        QUEUES.map(|(queue, _)| {
            tables.queue(queue).visible(now); // wakes what is due, so that what a turn publishes comes last
            tables.queue(queue).len()
        })
    }

    /// What has been added to the queues since `before` was published; some of it is lost on the way.
    fn count_published(&mut self, before: [usize; QUEUES.len()]) {
        for ((queue, _), (before, after)) in QUEUES.into_iter().zip(before.into_iter().zip(self.queue_lengths())) {
            for _ in before..after {
                self.ledger.sent += 1;
                if self.fate.strikes(Fault::LostMessage) {
                    let id = self.lose_last(queue);
                    self.fate.note(format_args!("lost on the way to {queue}: message {}", id.0));
                }
            }
        }
        if self.memory.tables().stream.is_empty() {
            return;
        }
        let images = std::mem::take(&mut self.memory.tables().stream);
        for image in images {
            if !self.plan.events_only && !self.fate.strikes(Fault::LostMessage) {
                self.stream.entry(image.sku.clone()).or_default().push_back(image);
            }
        }
    }

    fn lose_last(&mut self, queue: &str) -> MessageId {
        let mut tables = self.memory.tables();
        let now = tables.now;
        let queue = tables.queue(queue);
        let ready = queue.visible(now);
        queue.bring_forward(ready - 1);
        let id = queue.receive(1, now)[0].id;
        assert!(queue.acknowledge(id), "it was just received");
        self.ledger.lost.insert(id);
        id
    }

    fn ended(&mut self, task: &Task<Ended>, ended: Ended) -> Result<(), Broken> {
        self.fate.note(format_args!("end {}/{}", task.name, task.id));
        match ended {
            Ended::Batch { queue, batch, outcome } => {
                self.memory.finish(queue, &batch, &outcome);
                self.ledger.finished(&batch, &outcome);
            }
            Ended::Answered { change, answer } => self.witness.answered(&change, &answer, &mut self.sources)?,
            Ended::Images { sku, handled } => {
                self.stream.entry(sku).or_default().drain(..handled);
            }
            Ended::Reconciled(findings) => {
                self.found_behind += findings.map_or(1, |findings| findings.records_behind + findings.cache_behind);
            }
            Ended::Done => {}
        }
        Ok(())
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.memory.pass(time);
        self.fate.note(format_args!("pass {} ms", time.as_millis()));
    }
}
