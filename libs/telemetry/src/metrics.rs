use std::hash::Hash;
use std::sync::{Mutex, PoisonError, RwLock};

use hdrhistogram::Histogram as Exact;
use jiff::Timestamp;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::names;

type Labels = [(&'static str, &'static str); 1];
type TwoLabels = [(&'static str, &'static str); 2];

/// Every metric of every service. Counting is an atomic addition; a service that lacks a part leaves it at zero.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Outcomes of stock changes.
    pub stock: StockChanges,
    /// See [`names::SOURCE_SEQ_GAPS`].
    pub source_seq_gaps: Counter,
    /// Outcomes of decisions.
    pub decisions: Decisions,
    clamps: Few<Labels, Counter>,
    conflicts: Family<Labels, Counter>,
    cache_writes: Few<TwoLabels, Counter>,
    /// Time from stock commit to cached price.
    pub freshness: Freshness,
    hop_lag: Few<Labels, Histogram, fn() -> Histogram>,
    quarantined: Few<Labels, Counter>,
    retried: Few<Labels, Counter>,
    dead_letters: Family<Labels, Counter>,
    /// See [`names::ALERTS`].
    pub alerts: Counter,
    mismatches: Family<Labels, Counter>,
    /// What quotes hold of limited promotions.
    pub reservations: Reservations,
    /// Outcomes of orders.
    pub orders: Orders,
    /// See [`names::STREAM_CONNECTIONS`].
    pub stream_connections: Gauge,
    /// See [`names::STREAM_CONFLATED`].
    pub stream_conflated: Counter,
    requests: Family<TwoLabels, Counter>,
    /// See [`names::SETTINGS_REFUSED`].
    pub settings_refused: Counter,
    /// See [`names::ROLLOUTS_STOPPED`].
    pub rollouts_stopped: Counter,
    quotes: Few<TwoLabels, Counter>,
    risks: Family<TwoLabels, Counter>,
    component_failures: Family<Labels, Counter>,
    components_out: Gauge,
}

/// A family of a few metrics that count at each change: comparing their labels costs less than hashing them.
#[derive(Debug)]
struct Few<S, M, C = fn() -> M> {
    family: Family<S, M, C>,
    known: RwLock<Vec<(S, M)>>,
}

impl<S: Copy + Eq + Hash, M: Clone, C: MetricConstructor<M>> Few<S, M, C> {
    fn of(family: Family<S, M, C>) -> Self {
        Self { family, known: RwLock::default() }
    }

    fn with<T>(&self, labels: S, act: impl FnOnce(&M) -> T) -> T {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, metric)) = known.iter().find(|(known, _)| *known == labels) {
            return act(metric);
        }
        drop(known);
        let metric = self.family.get_or_create_owned(&labels);
        self.known.write().unwrap_or_else(PoisonError::into_inner).push((labels, metric.clone()));
        act(&metric)
    }
}

impl<S: Copy + Eq + Hash, M: Clone + Default> Default for Few<S, M> {
    fn default() -> Self {
        Self::of(Family::default())
    }
}

/// See [`names::STOCK_CHANGES`].
#[derive(Debug)]
pub struct StockChanges {
    /// Accepted and new.
    pub applied: Counter,
    /// The same number and body as the last: answered alike, no second effect.
    pub repeated: Counter,
    /// An older number than the last: acknowledged, no effect.
    pub stale: Counter,
    /// Another origin, or the same number with another body.
    pub conflict: Counter,
    /// Malformed, of an unknown SKU, or from years away.
    pub rejected: Counter,
    /// Store or bus did not take it: the caller sends it again.
    pub failed: Counter,
}

/// See [`names::DECISIONS`].
#[derive(Debug)]
pub struct Decisions {
    /// The price moved, or is the first.
    pub changed: Counter,
    /// The price stays.
    pub kept: Counter,
    /// The SKU is refused a price.
    pub refused: Counter,
    /// Every input was the one already decided on, and nothing was due.
    pub skipped: Counter,
}

/// See [`names::RESERVATIONS`].
#[derive(Debug)]
pub struct Reservations {
    /// Held, also those asked for again.
    pub granted: Counter,
    /// Too little was left of a promotion.
    pub refused: Counter,
    /// Not ordered in time.
    pub expired: Counter,
}

/// See [`names::ORDERS`].
#[derive(Debug)]
pub struct Orders {
    /// New.
    pub placed: Counter,
    /// Placed before: answered alike, no second effect.
    pub repeated: Counter,
    /// Cancelled.
    pub cancelled: Counter,
    /// No order: the quote is none of ours, has expired or was redeemed before.
    pub refused: Counter,
}

/// See [`names::FRESHNESS`]: a histogram for dashboards, and an exact one for reports.
#[derive(Debug)]
pub struct Freshness {
    buckets: Histogram,
    exact: Mutex<Exact<u64>>,
}

/// Freshness as a report states it, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FreshnessSummary {
    /// How many stock changes were measured.
    pub count: u64,
    /// Median.
    pub p50_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
    /// Largest.
    pub max_ms: f64,
}

/// How often a route was asked, by the class of the answer: see [`names::REQUESTS`].
#[derive(Debug)]
pub struct RequestCounters {
    by_class: [Counter; 4],
}

const STATUS_CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

impl RequestCounters {
    /// Counts one request that was answered with the HTTP status `status`.
    pub fn count(&self, status: u16) {
        let class = usize::from(status / 100).clamp(2, 5) - 2;
        self.by_class[class].inc();
    }
}

/// Seconds; the objective is p50 <= 0.25 and p99 <= 0.75 on AWS, and 0.02 in one process.
const BUCKETS: [f64; 16] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.035, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.0, 10.0, 60.0];

impl Freshness {
    /// Measures from `committed` to `cached`. A clock that went back counts as zero.
    pub fn observe(&self, committed: Timestamp, cached: Timestamp) {
        let micros = u64::try_from(cached.as_microsecond() - committed.as_microsecond()).unwrap_or(0);
        #[allow(clippy::cast_precision_loss, reason = "a latency in microseconds is far below 2^52")]
        self.buckets.observe(micros as f64 / 1e6);
        self.exact.lock().expect("no panic while held").saturating_record(micros);
    }

    /// What was measured since the start.
    pub fn summary(&self) -> FreshnessSummary {
        let exact = self.exact.lock().expect("no panic while held");
        #[allow(clippy::cast_precision_loss, reason = "a latency in microseconds is far below 2^52")]
        let ms = |micros: u64| micros as f64 / 1e3;
        FreshnessSummary {
            count: exact.len(),
            p50_ms: ms(exact.value_at_quantile(0.5)),
            p99_ms: ms(exact.value_at_quantile(0.99)),
            max_ms: ms(exact.max()),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let stock = Family::<Labels, Counter>::default();
        let decisions = Family::<Labels, Counter>::default();
        let reservations = Family::<Labels, Counter>::default();
        let orders = Family::<Labels, Counter>::default();
        let buckets = || Histogram::new(BUCKETS);
        let metrics = Self {
            stock: StockChanges {
                applied: stock.get_or_create_owned(&[("result", "applied")]),
                repeated: stock.get_or_create_owned(&[("result", "repeated")]),
                stale: stock.get_or_create_owned(&[("result", "stale")]),
                conflict: stock.get_or_create_owned(&[("result", "conflict")]),
                rejected: stock.get_or_create_owned(&[("result", "rejected")]),
                failed: stock.get_or_create_owned(&[("result", "failed")]),
            },
            source_seq_gaps: Counter::default(),
            decisions: Decisions {
                changed: decisions.get_or_create_owned(&[("result", "changed")]),
                kept: decisions.get_or_create_owned(&[("result", "kept")]),
                refused: decisions.get_or_create_owned(&[("result", "refused")]),
                skipped: decisions.get_or_create_owned(&[("result", "skipped")]),
            },
            clamps: Few::default(),
            conflicts: Family::default(),
            cache_writes: Few::default(),
            freshness: Freshness {
                buckets: buckets(),
                // One microsecond to one day, three digits.
                exact: Mutex::new(Exact::new_with_bounds(1, 86_400_000_000, 3).expect("the bounds are in range")),
            },
            hop_lag: Few::of(Family::new_with_constructor(buckets)),
            quarantined: Few::default(),
            retried: Few::default(),
            dead_letters: Family::default(),
            alerts: Counter::default(),
            mismatches: Family::default(),
            reservations: Reservations {
                granted: reservations.get_or_create_owned(&[("result", "granted")]),
                refused: reservations.get_or_create_owned(&[("result", "refused")]),
                expired: reservations.get_or_create_owned(&[("result", "expired")]),
            },
            orders: Orders {
                placed: orders.get_or_create_owned(&[("result", "placed")]),
                repeated: orders.get_or_create_owned(&[("result", "repeated")]),
                cancelled: orders.get_or_create_owned(&[("result", "cancelled")]),
                refused: orders.get_or_create_owned(&[("result", "refused")]),
            },
            stream_connections: Gauge::default(),
            stream_conflated: Counter::default(),
            requests: Family::default(),
            settings_refused: Counter::default(),
            rollouts_stopped: Counter::default(),
            quotes: Few::default(),
            risks: Family::default(),
            component_failures: Family::default(),
            components_out: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register(names::STOCK_CHANGES, "Stock changes by result", stock);
        registry.register(names::SOURCE_SEQ_GAPS, "Source numbers left out", metrics.source_seq_gaps.clone());
        registry.register(names::DECISIONS, "Price decisions by result", decisions);
        registry.register(names::CLAMPS, "Effects of guardrails", metrics.clamps.family.clone());
        registry.register(names::CONFLICTS, "Conditional writes lost to a faster writer", metrics.conflicts.clone());
        registry.register(names::CACHE_WRITES, "Compare-and-sets of the cache", metrics.cache_writes.family.clone());
        registry.register(names::FRESHNESS, "Stock commit to cached price", metrics.freshness.buckets.clone());
        registry.register(names::HOP_LAG, "Stock commit to each hop", metrics.hop_lag.family.clone());
        registry.register(names::QUARANTINED, "Messages set aside with a reason", metrics.quarantined.family.clone());
        registry.register(names::RETRIED, "Messages left to redelivery", metrics.retried.family.clone());
        registry.register(names::DEAD_LETTERS, "Messages that redelivery gave up", metrics.dead_letters.clone());
        registry.register(names::ALERTS, "Low-stock alerts handed over", metrics.alerts.clone());
        registry.register(names::MISMATCHES, "What the reconciler mended", metrics.mismatches.clone());
        registry.register(names::RESERVATIONS, "Holds of limited promotions by result", reservations);
        registry.register(names::ORDERS, "Orders by result", orders);
        registry.register(names::STREAM_CONNECTIONS, "Open price streams", metrics.stream_connections.clone());
        registry.register(
            names::STREAM_CONFLATED,
            "Changes replaced before a slow reader saw them",
            metrics.stream_conflated.clone(),
        );
        registry.register(names::REQUESTS, "HTTP requests", metrics.requests.clone());
        registry.register(names::SETTINGS_REFUSED, "Settings documents refused", metrics.settings_refused.clone());
        registry.register(names::ROLLOUTS_STOPPED, "Rollouts stopped by their rules", metrics.rollouts_stopped.clone());
        registry.register(names::QUOTES, "Quotes by scenario and result", metrics.quotes.family.clone());
        registry.register(names::RISKS, "Guards that quotes passed", metrics.risks.clone());
        registry.register(names::COMPONENT_FAILURES, "Failures of promotion components", metrics.component_failures.clone());
        registry.register(names::COMPONENTS_OUT, "Promotion components left out", metrics.components_out.clone());
        Self { registry, ..metrics }
    }
}

impl Metrics {
    /// Counts one effect of `guardrail`.
    pub fn clamp(&self, guardrail: &'static str) {
        self.clamps.with([("guardrail", guardrail)], Counter::inc);
    }

    /// Counts one conditional write of `record` that somebody else was faster at.
    pub fn conflict(&self, record: &'static str) {
        self.conflicts.get_or_create(&[("record", record)]).inc();
    }

    /// Counts one compare-and-set of the cache.
    pub fn cache_write(&self, path: &'static str, result: &'static str) {
        self.cache_writes.with([("path", path), ("result", result)], Counter::inc);
    }

    /// Measures how long after the commit of a stock change `hop` handled it.
    pub fn hop(&self, hop: &'static str, committed: Timestamp, handled: Timestamp) {
        let seconds = handled.duration_since(committed).as_secs_f64().max(0.0);
        self.hop_lag.with([("hop", hop)], |lag| lag.observe(seconds));
    }

    /// Counts `messages` that `service` set aside.
    pub fn quarantine(&self, service: &'static str, messages: usize) {
        self.quarantined.with([("service", service)], |counter| counter.inc_by(messages as u64));
    }

    /// Counts `messages` that `service` left to redelivery.
    pub fn retry(&self, service: &'static str, messages: usize) {
        self.retried.with([("service", service)], |counter| counter.inc_by(messages as u64));
    }

    /// Counts one message that redelivery gave up.
    pub fn dead_letter(&self, queue: &'static str) {
        self.dead_letters.get_or_create(&[("queue", queue)]).inc();
    }

    /// Counts one quote.
    pub fn quote(&self, scenario: &'static str, result: &'static str) {
        self.quotes.with([("scenario", scenario), ("result", result)], Counter::inc);
    }

    /// Counts one guard that a quote passed.
    pub fn risk(&self, guard: &'static str, action: &'static str) {
        self.risks.get_or_create(&[("guard", guard), ("action", action)]).inc();
    }

    /// Counts one failure of a component of promotions.
    pub fn component_failed(&self, component: &'static str) {
        self.component_failures.get_or_create(&[("component", component)]).inc();
    }

    /// So many components of promotions are left out.
    pub fn components_out(&self, count: usize) {
        self.components_out.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Counts one finding of the reconciler.
    pub fn mismatch(&self, kind: &'static str) {
        self.mismatches.get_or_create(&[("kind", kind)]).inc();
    }

    /// How many findings of `kind` the reconciler had.
    pub fn mismatches(&self, kind: &'static str) -> u64 {
        self.mismatches.get_or_create(&[("kind", kind)]).get()
    }

    /// The counters of the requests of `route`, looked up once.
    pub fn requests(&self, route: &'static str) -> RequestCounters {
        let counter = |status| self.requests.get_or_create_owned(&[("route", route), ("status", status)]);
        RequestCounters { by_class: STATUS_CLASSES.map(counter) }
    }

    /// All of it in Prometheus' text form (OpenMetrics).
    pub fn render(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string does not fail");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freshness_is_reported_exactly_and_a_clock_that_goes_back_counts_as_zero() {
        let metrics = Metrics::default();
        let at = |ms: i64| Timestamp::from_millisecond(ms).unwrap();
        for ms in 1..=100 {
            metrics.freshness.observe(at(0), at(ms));
        }
        metrics.freshness.observe(at(10), at(0));
        let summary = metrics.freshness.summary();
        assert_eq!((summary.count, summary.max_ms.round()), (101, 100.0));
        assert!((49.0..=51.0).contains(&summary.p50_ms), "{summary:?}");
    }

    #[test]
    fn every_name_is_rendered_once() {
        let metrics = Metrics::default();
        metrics.stock.applied.inc();
        metrics.cache_write("event", "applied");
        metrics.mismatch("cache");
        let text = metrics.render();
        assert!(text.contains("pricestream_stock_changes_total{result=\"applied\"} 1"), "{text}");
        assert!(text.contains("pricestream_cache_writes_total{path=\"event\",result=\"applied\"} 1"), "{text}");
        for name in [names::FRESHNESS, names::DECISIONS, names::MISMATCHES, names::STREAM_CONNECTIONS] {
            assert_eq!(text.matches(&format!("# TYPE {name} ")).count(), 1, "{name}");
        }
    }
}
