//! cache-writer: a committed price comes in, on the fast path as an event or on the guaranteed path as an image of the
//! record, and goes into the cache by one compare-and-set.

use pricestream_domain::Cause;
use pricestream_event_schema::{Body, PriceChangedV1};
use pricestream_ports::{
    BatchOutcome, Cache, CacheEntry, CacheWrite, Clock, Delivery, Failure, IfAbsent, PriceRecord, RecordReads, each_message,
};
use pricestream_telemetry::{Hop, Metrics};
use tracing::Instrument;

/// The service's name in traces, metrics and as a queue.
pub const SERVICE: &str = "cache-writer";

/// What the handler needs of the world.
#[derive(Debug)]
pub struct CacheWriter<'a, R, K, C> {
    /// Read when the cache has lost a key.
    pub records: &'a R,
    /// Written.
    pub cache: &'a K,
    /// For freshness.
    pub clock: &'a C,
    /// Counts.
    pub metrics: &'a Metrics,
}

impl<R: RecordReads, K: Cache, C: Clock> CacheWriter<'_, R, K, C> {
    /// The fast path: `PriceChanged` events.
    pub async fn handle(&self, batch: &[Delivery]) -> BatchOutcome {
        let outcome = each_message(batch, Body::decode::<PriceChangedV1>, |event| async move {
            let hop = Hop::new(SERVICE, &event.data.sku, event.trace.as_ref(), &event.data.sku);
            let price = event.data;
            let entry = CacheEntry {
                sku: price.sku,
                price_version: price.price_version,
                price: price.price,
                list_price: price.list_price,
                since: price.since,
                lane: price.lane,
            };
            let caused_by_stock = price.stock_committed_at.filter(|_| price.cause == Cause::Stock);
            if let Some(committed) = caused_by_stock {
                self.metrics.hop(SERVICE, committed, self.clock.measured());
            }
            self.write(&entry, "event", caused_by_stock).instrument(hop.span).await
        })
        .await;
        self.metrics.retry(SERVICE, outcome.retry.len());
        self.metrics.quarantine(SERVICE, outcome.quarantined.len());
        outcome
    }

    /// The guaranteed path: an image of the record as it was committed.
    pub async fn handle_image(&self, record: &PriceRecord) -> Result<(), Failure> {
        let caused_by_stock = record.stock_committed_at.filter(|_| record.cause == Cause::Stock);
        match record.cache_entry() {
            Some(entry) => self.write(&entry, "stream", caused_by_stock).await,
            None => Ok(()),
        }
    }

    async fn write(
        &self,
        entry: &CacheEntry,
        path: &'static str,
        stock_committed_at: Option<jiff::Timestamp>,
    ) -> Result<(), Failure> {
        let written = self.cache.put_if_newer(entry, IfAbsent::Report).await?;
        self.metrics.cache_write(path, name(written));
        if written == CacheWrite::Absent {
            // A replayed event must not resurrect an old price in an emptied cache: the record knows the newest (R6).
            if let Some(newest) = self.records.price(&entry.sku).await?.and_then(|record| record.cache_entry()) {
                let again = self.cache.put_if_newer(&newest, IfAbsent::Write).await?;
                self.metrics.cache_write(path, name(again));
            }
        }
        if let (CacheWrite::Applied | CacheWrite::Absent, Some(committed)) = (written, stock_committed_at) {
            self.metrics.freshness.observe(committed, self.clock.measured());
        }
        Ok(())
    }
}

fn name(written: CacheWrite) -> &'static str {
    match written {
        CacheWrite::Applied => "applied",
        CacheWrite::Equal => "equal",
        CacheWrite::Stale => "stale",
        CacheWrite::Absent => "absent",
    }
}
