//! reconciler: finds what the events missed. It writes only messages and cache compare-and-sets, never prices.

mod rewrite;
mod rollout;
mod used_up;

use std::future::Future;
use std::time::Duration;

use futures_util::stream::{StreamExt, iter};
use jiff::Timestamp;
use pricestream_domain::{Cause, RecordRev, Sku};
use pricestream_event_schema::{Outgoing, RepriceRequestedV1, TraceContext, encode};
use pricestream_ports::{
    Bus, Cache, CacheEntry, CacheWrite, Clock, Failure, IfAbsent, PortError, PriceRecord, RecordReads, Settings, SkuState,
    publish_all,
};
use pricestream_repricing_engine::rollout::Tally;
use pricestream_telemetry::Metrics;

/// The service's name in traces and metrics.
pub const SERVICE: &str = "reconciler";

/// SKUs read at a time, and events offered to the bus at a time.
const PAGE: usize = 200;

/// Messages that are sent beside each other.
const AT_A_TIME: usize = 16;

/// What the handler needs of the world.
#[derive(Debug)]
pub struct Reconciler<'a, R, B, K, S, C> {
    /// Read.
    pub records: &'a R,
    /// Takes `RepriceRequested`.
    pub bus: &'a B,
    /// Compared with the records, and mended.
    pub cache: &'a K,
    /// Mode and strategies.
    pub settings: &'a S,
    /// The time by which records are due.
    pub clock: &'a C,
    /// Counts.
    pub metrics: &'a Metrics,
}

/// Takes a message for pricing-calculator that is to be seen later.
pub trait Later: Send + Sync {
    /// Puts `event` into pricing-calculator's queue, to be seen after `delay`.
    fn send(&self, event: &Outgoing, delay: Duration) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// What a run found and mended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// SKUs looked at.
    pub looked_at: usize,
    /// Records behind their inputs, asked to be priced anew.
    pub records_behind: usize,
    /// Cache entries that were missing or older than their record, put right.
    pub cache_behind: usize,
    /// Cache entries that could not be compared, since the cache did not answer.
    pub not_compared: usize,
}

/// Where a run goes on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// What was found so far.
    pub findings: Findings,
    /// What a rollout did so far; `None` when there is none, or its stage is not that of the run's begin.
    pub tally: Option<Tally>,
    /// The last SKU looked at; `None` when the run is through.
    pub after: Option<Sku>,
}

impl<R: RecordReads, B: Bus, K: Cache, S: Settings, C: Clock> Reconciler<'_, R, B, K, S, C> {
    /// Looks at every SKU: the record against its inputs, the cache against the record. What was committed within
    /// `grace` is left alone, since its events are on their way.
    pub async fn run(&self, grace: Duration) -> Result<Findings, Failure> {
        let mut progress = Progress::default();
        loop {
            progress = self.step(progress, grace).await?;
            if progress.after.is_none() {
                return Ok(progress.findings);
            }
        }
    }

    /// One page of a run, so that a caller with other work may pace it. Begins at `Progress::default()`.
    pub async fn step(&self, progress: Progress, grace: Duration) -> Result<Progress, Failure> {
        let Progress { mut findings, mut tally, after } = progress;
        let (settings, now) = (self.settings.current(), self.clock.now());
        let number = settings.rollout.as_ref().map(|rollout| rollout.number());
        tally = match after {
            None => number.map(Tally::of_stage),
            Some(_) => tally.filter(|tally| Some(tally.number) == number),
        };
        let page = self.records.page(after.as_ref(), PAGE).await?;
        let mut requests = Vec::new();
        for state in &page {
            findings.looked_at += 1;
            if let Some(tally) = &mut tally {
                state.tally(&settings, tally);
            }
            if let Some(cause) = state.behind(&settings, now)
                && !self.in_flight(state, cause, grace)
            {
                findings.records_behind += 1;
                self.metrics.mismatch(if cause == Cause::Due { "due" } else { "record" });
                if cause == Cause::Reconcile {
                    tracing::debug!(sku = %state.sku, "a stock event was lost, or is late");
                }
                requests.push(request(state, cause, now));
            }
        }
        // First: records are what readers fall back to while the cache cannot be reached.
        publish_all(self.bus, requests).await?;
        let settled = |record: &&PriceRecord| self.clock.measured().duration_since(record.decided_at).unsigned_abs() >= grace;
        let records = page.iter().filter_map(|state| state.price.as_ref());
        let entries: Vec<CacheEntry> = records.filter(settled).filter_map(PriceRecord::cache_entry).collect();
        let written = self.cache.put_all_if_newer(&entries, IfAbsent::Write).await.unwrap_or_else(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "the cache could not be compared with the records");
            findings.not_compared += entries.len();
            Vec::new()
        });
        for (entry, written) in entries.iter().zip(written) {
            if written == CacheWrite::Applied {
                tracing::debug!(sku = %entry.sku, version = %entry.price_version, "the cache was behind the record");
                findings.cache_behind += 1;
                self.metrics.mismatch("cache");
                self.metrics.cache_write(SERVICE, "applied");
            }
        }
        let after = if page.len() < PAGE { None } else { page.into_iter().last().map(|state| state.sku) };
        Ok(Progress { findings, tally, after })
    }

    /// Asks for every record that is due to be priced, up to `most`; says how many there were.
    pub async fn enqueue_due(&self, most: usize) -> Result<usize, Failure> {
        let now = self.clock.now();
        let due = self.records.due(now, most).await?;
        let mut requests = Vec::with_capacity(due.len());
        for (_, sku) in &due {
            let record_rev = self.records.price(sku).await?.map_or(RecordRev(0), |record| record.record_rev);
            requests.push(encoded(&RepriceRequestedV1 { sku: sku.clone(), cause: Cause::Due, record_rev, requested_at: now }));
        }
        publish_all(self.bus, requests).await?;
        Ok(due.len())
    }

    /// Asks for every record that falls due within `ahead` to be priced when it does, up to `most`; says how many there were. What
    /// is due already is asked for at once.
    pub async fn enqueue_ahead(&self, later: &impl Later, ahead: Duration, most: usize) -> Result<usize, Failure> {
        let now = self.clock.now();
        let until = now.checked_add(ahead).unwrap_or(Timestamp::MAX);
        let due = self.records.due(until, most).await?;
        let count = due.len();
        let sends: Vec<_> = due
            .into_iter()
            .map(|(at, sku)| async move {
                let record_rev = self.records.price(&sku).await?.map_or(RecordRev(0), |record| record.record_rev);
                let request = RepriceRequestedV1 { sku, cause: Cause::Due, record_rev, requested_at: now };
                // Whole seconds, and not before: one that comes too early finds nothing due.
                let delay = Duration::try_from(at.duration_since(now)).unwrap_or_default();
                let delay = Duration::from_secs(delay.as_secs() + u64::from(delay.subsec_nanos() > 0));
                later.send(&encoded(&request), delay).await
            })
            .collect();
        let sent: Vec<Result<(), PortError>> = iter(sends).buffer_unordered(AT_A_TIME).collect().await;
        sent.into_iter().collect::<Result<(), _>>()?;
        Ok(count)
    }

    fn in_flight(&self, state: &SkuState, cause: Cause, grace: Duration) -> bool {
        let committed = state.inputs.inventory.as_ref().map(|inventory| inventory.committed_at);
        cause == Cause::Reconcile
            && committed.is_some_and(|committed| self.clock.measured().duration_since(committed).unsigned_abs() < grace)
    }
}

fn request(state: &SkuState, cause: Cause, now: Timestamp) -> Outgoing {
    let record_rev = state.price.as_ref().map_or(RecordRev(0), |record| record.record_rev);
    encoded(&RepriceRequestedV1 { sku: state.sku.clone(), cause, record_rev, requested_at: now })
}

fn encoded(request: &RepriceRequestedV1) -> Outgoing {
    let trace = TraceContext::root(&format!("{}/{}/{}", request.sku, request.record_rev, request.cause));
    encode(request, &trace)
}
