use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use pricestream_promotion_engine::{Degraded, Edge, LeftOut};
use pricestream_telemetry::Metrics;

/// Failures of a component, none further than [`WITHIN`] from the one before, that open its circuit; what works between them makes
/// no difference.
const FAILURES: u32 = 3;

/// Failures further apart than this do not add up.
const WITHIN: SignedDuration = SignedDuration::from_secs(60);

/// How long a component is left out before it is tried again.
const REST: SignedDuration = SignedDuration::from_secs(30);

/// Which components of promotions are left out because they failed lately. The engine is told, prices without them, and the
/// quote says so. After the rest the first quote that calls the component tries it, and the others go on without it: if it fails,
/// the rest begins anew.
///
/// What costs too much does not open a circuit: it is one basket that does, whose own quote bears it, and whoever sends such
/// baskets must not switch a component off for everybody.
#[derive(Debug)]
pub struct Circuit {
    components: Mutex<BTreeMap<&'static str, Component>>,
    /// Some component has failed lately: while none has, nothing is looked up.
    troubled: AtomicBool,
    metrics: Arc<Metrics>,
}

/// A component that has failed.
#[derive(Clone, Copy, Debug, Default)]
struct Component {
    failures: u32,
    failed_at: Timestamp,
    /// Left out until then, and until it is called after that; `None` while it is in.
    open_until: Option<Timestamp>,
}

impl Circuit {
    /// Nothing is left out.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { components: Mutex::default(), troubled: AtomicBool::new(false), metrics }
    }

    /// The components that a quote at `now` does without.
    pub fn resting(&self, now: Timestamp) -> BTreeSet<String> {
        if !self.troubled.load(Ordering::Acquire) {
            return BTreeSet::new();
        }
        let components = self.components();
        let resting = components.iter().filter(|(_, component)| component.open_until.is_some_and(|until| now < until));
        resting.map(|(name, _)| (*name).to_owned()).collect()
    }

    /// The edge at which the engine calls components at `now`.
    pub fn edge(&self, now: Timestamp) -> CircuitEdge<'_> {
        CircuitEdge { circuit: self, now }
    }

    /// Counts what a quote did without because it cost too much.
    pub fn note_degraded(&self, degraded: &[Degraded]) {
        for Degraded { component, .. } in degraded.iter().filter(|degraded| degraded.why == LeftOut::TooCostly) {
            self.metrics.component_failed(component);
        }
    }

    /// Whoever calls a component after its rest tries it for all the others, who wait for what comes of it.
    fn calling(&self, component: &'static str, now: Timestamp) {
        if !self.troubled.load(Ordering::Acquire) {
            return;
        }
        if let Some(state) = self.components().get_mut(component)
            && state.open_until.is_some_and(|until| until <= now)
        {
            state.open_until = now.checked_add(REST).ok();
        }
    }

    fn failed(&self, component: &'static str, now: Timestamp) {
        self.metrics.component_failed(component);
        let mut components = self.components();
        let state = components.entry(component).or_default();
        let recent = now.duration_since(state.failed_at) <= WITHIN;
        state.failures = if recent { state.failures + 1 } else { 1 };
        state.failed_at = now;
        if state.failures >= FAILURES || state.open_until.is_some() {
            state.open_until = now.checked_add(REST).ok();
            tracing::error!(component, "a component of promotions keeps failing: it is left out for a while");
        }
        self.metrics.components_out(components.values().filter(|state| state.open_until.is_some()).count());
        self.troubled.store(true, Ordering::Release);
    }

    fn succeeded(&self, component: &'static str) {
        if !self.troubled.load(Ordering::Acquire) {
            return;
        }
        let mut components = self.components();
        if components.get(component).is_some_and(|state| state.open_until.is_some()) {
            components.remove(component);
            tracing::warn!(component, "a component of promotions works again");
            self.metrics.components_out(components.values().filter(|state| state.open_until.is_some()).count());
            self.troubled.store(!components.is_empty(), Ordering::Release);
        }
    }

    fn components(&self) -> MutexGuard<'_, BTreeMap<&'static str, Component>> {
        self.components.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Calls a component so that its panic is its own end, not the quote's.
#[derive(Debug)]
pub struct CircuitEdge<'a> {
    circuit: &'a Circuit,
    now: Timestamp,
}

impl Edge for CircuitEdge<'_> {
    fn call<T>(&self, component: &'static str, promotion: &str, work: impl FnOnce() -> T) -> Option<T> {
        self.circuit.calling(component, self.now);
        // The engine throws away whatever the component left half done.
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(made) => {
                self.circuit.succeeded(component);
                Some(made)
            }
            Err(_) => {
                tracing::error!(component, promotion, "a component of promotions failed: the quote does without it");
                self.circuit.failed(component, self.now);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn call(circuit: &Circuit, second: i64, fails: bool) {
        let made = circuit.edge(at(second)).call("bundle", "lunch", || {
            assert!(!fails, "it was told to fail");
            7
        });
        assert_eq!(made, (!fails).then_some(7));
    }

    fn is_out(circuit: &Circuit, second: i64) -> bool {
        circuit.resting(at(second)).contains("bundle")
    }

    /// Fails three times, the last time at second 2.
    fn failing() -> Circuit {
        let circuit = Circuit::new(Arc::default());
        for second in [0, 1, 2] {
            call(&circuit, second, true);
        }
        circuit
    }

    #[test]
    fn a_component_that_keeps_failing_is_left_out_for_a_while_and_then_tried_once() {
        let circuit = Circuit::new(Arc::default());
        for second in [0, 1] {
            call(&circuit, second, true);
            assert!(!is_out(&circuit, second), "two failures may be chance");
        }
        call(&circuit, 2, true);
        assert!(is_out(&circuit, 3) && is_out(&circuit, 31));
        assert!(!is_out(&circuit, 32));
        call(&circuit, 32, true);
        assert!(is_out(&circuit, 61), "it failed: the rest begins anew");
        assert!(!is_out(&circuit, 62));
        call(&circuit, 62, false);
        assert!(!is_out(&circuit, 63) && !is_out(&circuit, 64), "it works again");
    }

    #[test]
    fn quotes_that_do_not_call_it_do_not_spend_the_trial_and_one_that_does_tries_for_all() {
        let circuit = failing();
        assert!((32..100).all(|second| !is_out(&circuit, second)), "nobody has called it");
        let others = circuit.edge(at(100)).call("points", "p", || 7);
        assert!(others.is_some() && !is_out(&circuit, 100), "nor by calling another");
        let made = circuit.edge(at(100)).call("bundle", "lunch", || {
            assert!(is_out(&circuit, 100) && is_out(&circuit, 129), "the others wait while it is tried");
            7
        });
        assert!(made.is_some() && !is_out(&circuit, 100), "it works again");
    }

    #[test]
    fn failures_far_apart_do_not_add_up() {
        let circuit = Circuit::new(Arc::default());
        for minute in 0..10 {
            call(&circuit, minute * 61, true);
            assert!(!is_out(&circuit, minute * 61 + 1));
        }
    }

    #[test]
    fn what_costs_too_much_is_counted_and_not_taken_from_the_others() {
        let metrics = Arc::<Metrics>::default();
        let circuit = Circuit::new(Arc::clone(&metrics));
        for why in [LeftOut::TooCostly, LeftOut::SwitchedOff, LeftOut::Resting] {
            (0..3).for_each(|_| circuit.note_degraded(&[Degraded { component: "bundle", why }]));
        }
        assert_eq!(circuit.resting(at(1)), BTreeSet::new());
        assert!(
            metrics.render().contains("pricestream_component_failures_total{component=\"bundle\"} 3"),
            "{}",
            metrics.render()
        );
    }
}
