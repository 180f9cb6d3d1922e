use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use pricestream_ports::PortError;
use pricestream_ports::memory::Steps;

use crate::chance::Chance;
use crate::trace::Trace;
use crate::{Fault, FaultCounts, Mix};

/// Decides, from the seed, when each call of a port takes place and how it ends. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Fate(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    chance: Chance,
    mix: Mix,
    counts: FaultCounts,
    trace: Trace,
    /// The task under way, for the trace.
    task: (&'static str, u32),
}

impl Fate {
    pub(crate) fn new(seed: u64, mix: Mix, keep_trace: bool) -> Self {
        let state = State {
            chance: Chance::new(seed),
            mix,
            counts: FaultCounts::default(),
            trace: Trace::new(keep_trace),
            task: ("", 0),
        };
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no panic while held")
    }

    /// No fault strikes from now on.
    pub(crate) fn calm(&self) {
        self.state().mix = Mix::Calm;
    }

    /// Whether `fault` strikes on this occasion.
    pub(crate) fn strikes(&self, fault: Fault) -> bool {
        let state = &mut *self.state();
        let strikes = state.chance.happens(state.mix.share(fault));
        if strikes {
            state.counts.count(fault);
        }
        strikes
    }

    pub(crate) fn below(&self, end: usize) -> usize {
        self.state().chance.below(end)
    }

    pub(crate) fn within(&self, range: std::ops::RangeInclusive<u64>) -> u64 {
        self.state().chance.within(range)
    }

    pub(crate) fn one_of<'a, T>(&self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    pub(crate) fn weighted(&self, weights: &[u32]) -> usize {
        self.state().chance.weighted(weights)
    }

    /// The calls that follow are made by this task.
    pub(crate) fn turn_of(&self, task: (&'static str, u32)) {
        self.state().task = task;
    }

    pub(crate) fn note(&self, line: fmt::Arguments<'_>) {
        self.state().trace.note(line);
    }

    pub(crate) fn counts(&self) -> FaultCounts {
        self.state().counts
    }

    pub(crate) fn trace_hash(&self) -> u64 {
        self.state().trace.hash()
    }

    pub(crate) fn take_trace(&self) -> Vec<String> {
        self.state().trace.take_lines()
    }

    fn ends(&self, call: &'static str, how: &str) {
        let state = &mut *self.state();
        let (name, id) = state.task;
        state.trace.note(format_args!("  {name}/{id} {call}: {how}"));
    }
}

impl Steps for Fate {
    async fn before(&self, call: &'static str) -> Result<(), PortError> {
        Turn::default().await;
        if self.strikes(Fault::RefusedCall) {
            self.ends(call, "refused");
            return Err(PortError::unavailable("port", "the simulation refused the call"));
        }
        Ok(())
    }

    fn after(&self, call: &'static str) -> Result<(), PortError> {
        if self.strikes(Fault::LostAnswer) {
            self.ends(call, "took effect, answer lost");
            return Err(PortError::unavailable("port", "the simulation lost the answer"));
        }
        self.ends(call, "ok");
        Ok(())
    }
}

/// Waits for the scheduler to come by once more.
#[derive(Default)]
struct Turn {
    came: bool,
}

impl Future for Turn {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.came, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}
