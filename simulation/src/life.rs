//! A run: inputs and faults for a while, then quiet, then the reconciler, then the look at what is left.

use std::time::Duration;

use pricestream_ports::Queue;

use crate::inputs;
use crate::invariants::{Broken, Holds};
use crate::tasks;
use crate::witness::Witness;
use crate::world::{QUEUES, World};
use crate::{Fault, Weaken};

/// Inputs of one run: stock, catalogue, settings, overrides.
const INPUTS: u32 = 30;

/// Steps that go on with faults after the last input.
const AFTERMATH: u64 = 150;

/// More steps than any run takes: it does not come to rest.
const TOO_MANY: u64 = 50_000;

/// Invocations of one service at a time.
const SIDE_BY_SIDE: usize = 3;

/// Committed this lately, the reconciler takes the events to be on their way.
const GRACE: Duration = Duration::from_secs(2);

impl World {
    /// Inputs come in while everything runs and faults strike.
    pub(crate) fn live(&mut self) -> Holds {
        let mut inputs = INPUTS;
        let mut rest = AFTERMATH;
        while inputs > 0 || rest > 0 {
            self.count_step()?;
            self.strike();
            let wait_for_tasks = u32::from(!self.tasks.is_idle()) * 60;
            match self.fate.weighted(&[wait_for_tasks, 2, 4, 6, 5, 4, 3, 1, 1, 3]) {
                0 => self.turn()?,
                1 if inputs > 0 => {
                    inputs -= 1;
                    self.input();
                }
                2 => self.send_change(),
                3 => self.deliver(0),
                4 => self.deliver(1),
                5 => self.deliver(2),
                6 => self.deliver_images(),
                7 => self.reconcile(GRACE),
                8 => self.enqueue_due(),
                9 => {
                    let milliseconds = match self.fate.weighted(&[85, 10, 5]) {
                        0 => self.fate.within(1..=1_500),
                        1 => 6_000,
                        _ => 31_000,
                    };
                    self.pass(Duration::from_millis(milliseconds));
                }
                _ => {}
            }
            if inputs == 0 {
                rest = rest.saturating_sub(1);
            }
        }
        Ok(())
    }

    /// Faults end; what is under way ends; what was given up is redriven; the reconciler finds what is left.
    pub(crate) fn settle(&mut self) -> Holds {
        self.fate.note(format_args!("quiet"));
        self.fate.calm();
        for process in &mut self.processes {
            process.skew = jiff::SignedDuration::ZERO;
        }
        self.drain()?;
        for (queue, _) in QUEUES {
            let mut dead = self.memory.tables().dead(queue).to_vec();
            dead.retain(|letter| !self.ledger.poison.contains(&letter.id));
            for letter in dead {
                self.ledger.send(&mut self.memory.tables(), queue, letter.body);
            }
        }
        self.drain()?;
        self.pass(Duration::from_secs(10)); // longer than any process goes on with old settings, and than the grace
        for process in 0..self.processes.len() {
            let work = tasks::poll(self.ports(process), self.processes[process].settings.clone());
            self.start("poll", None, work);
        }
        self.drain()?;
        for _ in 0..5 {
            self.found_behind = 0;
            self.reconcile(GRACE);
            self.drain()?;
            if self.found_behind == 0 {
                let now = self.memory.tables().now;
                return Witness::settled(&mut self.memory.tables(), &self.ledger, now);
            }
        }
        let detail = format!("the reconciler found {} to mend in its fifth run, though nothing changed", self.found_behind);
        Err(Broken { invariant: "I2 the reconciler comes to an end", detail })
    }

    /// Runs until nothing is under way, in any queue or with any source.
    fn drain(&mut self) -> Holds {
        loop {
            self.count_step()?;
            if !self.tasks.is_idle() && self.fate.below(4) > 0 {
                self.turn()?;
                continue;
            }
            for _ in 0..3 {
                self.send_change();
                self.deliver_images();
            }
            for queue in 0..QUEUES.len() {
                self.deliver(queue);
            }
            if self.tasks.is_idle() {
                let wake = QUEUES.iter().filter_map(|(queue, _)| self.memory.tables().queue(queue).next_wake()).min();
                let waiting = self.sources.iter().any(|source| !source.unsent.is_empty())
                    || self.stream.values().any(|images| !images.is_empty());
                match wake {
                    Some(wake) => {
                        let time = wake.duration_since(self.memory.tables().now);
                        self.pass(Duration::try_from(time).unwrap_or_default());
                    }
                    None if waiting => {}
                    None => return Ok(()),
                }
            }
        }
    }

    fn count_step(&mut self) -> Holds {
        self.steps += 1;
        if self.steps < TOO_MANY {
            return Ok(());
        }
        Err(Broken { invariant: "a run comes to rest", detail: format!("{TOO_MANY} steps were not enough") })
    }

    /// Faults that strike the world itself.
    fn strike(&mut self) {
        if self.fate.strikes(Fault::Restart) {
            let process = self.fate.below(self.processes.len());
            self.processes[process] = self.new_process();
            self.fate.note(format_args!("restart of process {process}"));
        }
        if self.fate.strikes(Fault::Wipe) {
            self.memory.tables().cache.clear();
            self.fate.note(format_args!("cache wiped"));
            self.witness.cache_damaged(&self.memory.tables());
        }
        if self.fate.below(50) == 0 {
            self.cache_snapshot = self.memory.tables().cache.clone();
        }
        if self.fate.strikes(Fault::Rollback) {
            self.memory.tables().cache = self.cache_snapshot.clone();
            self.fate.note(format_args!("cache rolled back"));
            self.witness.cache_damaged(&self.memory.tables());
        }
        if self.fate.strikes(Fault::Poison) {
            let (queue, _) = *self.fate.one_of(&QUEUES);
            let body = *self.fate.one_of(&["", "{", r#"{"source":"x","detail-type":"PriceChanged.v9","detail":{}}"#, "\u{0}"]);
            let id = self.ledger.send(&mut self.memory.tables(), queue, body.into());
            self.ledger.poison.insert(id);
            self.fate.note(format_args!("poison in {queue}"));
        }
        if self.fate.strikes(Fault::Replay) {
            let (queue, _) = *self.fate.one_of(&QUEUES);
            self.replay(queue);
        }
    }

    fn replay(&mut self, queue: &'static str) {
        let archive = self.ledger.archive(queue);
        if archive.is_empty() {
            return;
        }
        let body = archive[self.fate.below(archive.len())].clone();
        let poison = serde_json::from_str::<serde_json::Value>(body.text()).map_or(true, |event| event["source"] == "x");
        let id = self.ledger.send(&mut self.memory.tables(), queue, body);
        if poison {
            self.ledger.poison.insert(id);
        }
        self.fate.note(format_args!("replay in {queue}"));
    }

    fn input(&mut self) {
        let sku = self.sources[self.fate.below(self.sources.len())].sku.clone();
        let unannounced = if self.plan.announced_only { 0 } else { 12 };
        match self.fate.weighted(&[60, 16, unannounced, unannounced]) {
            0 => {
                let now = self.memory.tables().now;
                let source = self.sources.iter_mut().find(|source| source.sku == sku).expect("every SKU has a source");
                let change = inputs::next_change(&self.fate, &sku, source.numbered, now);
                source.numbered = change.source_seq;
                self.fate.note(format_args!("source {sku} counts {} as change {}", change.on_hand, change.source_seq));
                source.unsent.push_back(change);
            }
            1 => {
                let work = tasks::catalogue(self.ports(0), sku);
                self.start("catalogue", None, work);
            }
            2 => {
                let work = tasks::settings(self.ports(0));
                self.start("settings", None, work);
            }
            _ => {
                let work = tasks::override_(self.ports(0), sku);
                self.start("override", None, work);
            }
        }
    }

    /// A source sends the change that it has not had an answer to; sometimes while the first request still runs, and
    /// sometimes an old one once more.
    fn send_change(&mut self) {
        let source = &self.sources[self.fate.below(self.sources.len())];
        let running = self.tasks.running("source", Some(&source.sku));
        let again = !source.sent.is_empty() && self.fate.strikes(Fault::Replay);
        let change = match source.unsent.front() {
            _ if again => self.fate.one_of(&source.sent).clone(),
            Some(change) if running == 0 || (running < SIDE_BY_SIDE && self.fate.strikes(Fault::Duplicate)) => change.clone(),
            _ => return,
        };
        let sku = source.sku.clone();
        let process = self.any_process();
        let work = tasks::source(self.ports(process), self.metrics.clone(), change);
        self.start("source", Some(sku), work);
    }

    /// A batch of any size, in any order, to one more invocation of the queue's handler.
    fn deliver(&mut self, queue: usize) {
        let (name, _) = QUEUES[queue];
        if self.tasks.running(name, None) >= SIDE_BY_SIDE {
            return;
        }
        let most = 1 + self.fate.below(6);
        let batch = {
            let mut tables = self.memory.tables();
            let now = tables.now;
            let messages = tables.queue(name);
            shuffle(messages, most, |end| self.fate.below(end), now);
            messages.receive(most, now)
        };
        if batch.is_empty() {
            return;
        }
        self.ledger.delivered(name, &batch);
        for delivery in &batch {
            if !self.ledger.poison.contains(&delivery.id) && self.fate.strikes(Fault::Duplicate) {
                self.ledger.send(&mut self.memory.tables(), name, delivery.body.clone());
            }
        }
        let process = self.any_process();
        let (ports, metrics) = (self.ports(process), self.metrics.clone());
        let work = match queue {
            0 => tasks::pricing(ports, metrics, self.processes[process].settings.clone(), batch),
            1 => tasks::alert(ports, metrics, batch),
            _ => tasks::cache_event(ports, metrics, batch),
        };
        self.start(name, None, work);
    }

    fn deliver_images(&mut self) {
        let sku = self.sources[self.fate.below(self.sources.len())].sku.clone();
        let most = 1 + self.fate.below(3);
        let images: Vec<_> = self.stream.get(&sku).into_iter().flatten().take(most).cloned().collect();
        if !images.is_empty() && self.tasks.running("stream", Some(&sku)) == 0 {
            let work = tasks::cache_image(self.ports(1), self.metrics.clone(), sku.clone(), images);
            self.start("stream", Some(sku), work);
        }
    }

    /// Starts a run of the reconciler, beside another one at most.
    fn reconcile(&mut self, grace: Duration) {
        if self.plan.lacks(Weaken::Reconciler) || self.tasks.running(pricestream_reconciler::SERVICE, None) >= 2 {
            return;
        }
        let mut ports = self.ports(0);
        ports.cache_off = self.plan.events_only;
        let work = tasks::reconcile(ports, self.metrics.clone(), self.processes[0].settings.clone(), grace);
        self.start(pricestream_reconciler::SERVICE, None, work);
    }

    fn enqueue_due(&mut self) {
        if self.plan.lacks(Weaken::Reconciler) || self.tasks.running("due", None) > 0 {
            return;
        }
        let work = tasks::due(self.ports(0), self.metrics.clone(), self.processes[0].settings.clone());
        self.start("due", None, work);
    }
}

/// Brings `most` messages to the front, drawn at random: no order is promised.
fn shuffle(queue: &mut Queue, most: usize, below: impl Fn(usize) -> usize, now: jiff::Timestamp) {
    let ready = queue.visible(now);
    for _ in 0..most.min(ready) {
        queue.bring_forward(below(ready));
    }
}
