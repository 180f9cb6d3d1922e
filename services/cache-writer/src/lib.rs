//! cache-writer: a committed price comes in, on the fast path as an event or on the guaranteed path as an image of the
//! record, and goes into the cache by one compare-and-set.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use futures_util::future::join_all;
use jiff::Timestamp;
use pricestream_domain::{Cause, Sku};
use pricestream_event_schema::PriceChangedV1;
use pricestream_ports::{
    BatchOutcome, Cache, CacheEntry, CacheWrite, Clock, Delivery, Failure, IfAbsent, PriceRecord, RecordReads,
};
use pricestream_telemetry::{Hop, Metrics};

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

/// What the cache is to hold of one SKU, with every message of a batch that says so or something older.
struct Wanted {
    entry: CacheEntry,
    /// When the stock change behind it was committed, if one was.
    stock_committed_at: Option<Timestamp>,
    /// Places in the batch.
    places: Vec<usize>,
}

impl<R: RecordReads, K: Cache, C: Clock> CacheWriter<'_, R, K, C> {
    /// The fast path: `PriceChanged` events. Each is read alone (R8); of one SKU the newest is written (R12), all by one call.
    pub async fn handle(&self, batch: &[Delivery]) -> BatchOutcome {
        let mut outcome = BatchOutcome::default();
        let mut wanted = BTreeMap::new();
        let mut hops = Vec::new();
        for (place, delivery) in batch.iter().enumerate() {
            let event = match delivery.body.decode::<PriceChangedV1>() {
                Ok(event) => event,
                Err(error) => {
                    outcome.note(delivery.id, &Failure::Poison(error.to_string()));
                    continue;
                }
            };
            let price = event.data;
            hops.push(Hop::new(SERVICE, &price.sku, event.trace.as_ref(), &price.sku));
            let caused_by_stock = price.stock_committed_at.filter(|_| price.cause == Cause::Stock);
            if let Some(committed) = caused_by_stock {
                self.metrics.hop(SERVICE, committed, self.clock.measured());
            }
            let entry = CacheEntry {
                sku: price.sku,
                price_version: price.price_version,
                price: price.price,
                list_price: price.list_price,
                since: price.since,
                lane: price.lane,
            };
            want(&mut wanted, entry, caused_by_stock, place);
        }
        self.write(wanted, "event", |place, failure| outcome.note(batch[place].id, failure)).await;
        self.metrics.retry(SERVICE, outcome.retry.len());
        self.metrics.quarantine(SERVICE, outcome.quarantined.len());
        outcome
    }

    /// The guaranteed path: images of records as they were committed. The first failure of each, by its place.
    pub async fn handle_images(&self, records: &[PriceRecord]) -> Vec<(usize, Failure)> {
        let mut wanted = BTreeMap::new();
        for (place, record) in records.iter().enumerate() {
            if let Some(entry) = record.cache_entry() {
                want(&mut wanted, entry, record.stock_committed_at.filter(|_| record.cause == Cause::Stock), place);
            }
        }
        let mut failures = Vec::new();
        self.write(wanted, "stream", |place, failure| failures.push((place, failure.again()))).await;
        failures
    }

    /// One image.
    pub async fn handle_image(&self, record: &PriceRecord) -> Result<(), Failure> {
        let failures = self.handle_images(std::slice::from_ref(record)).await;
        failures.into_iter().next().map_or(Ok(()), |(_, failure)| Err(failure))
    }

    /// Writes all that is wanted by one call; `failed` hears of each place that came to nothing.
    async fn write(&self, wanted: BTreeMap<Sku, Wanted>, path: &'static str, mut failed: impl FnMut(usize, &Failure)) {
        let wanted: Vec<Wanted> = wanted.into_values().collect();
        if wanted.is_empty() {
            return;
        }
        let entries: Vec<CacheEntry> = wanted.iter().map(|wanted| wanted.entry.clone()).collect();
        for (wanted, written) in wanted.iter().zip(self.put_all(&entries).await) {
            let written = match written {
                Ok(written) => written,
                Err(failure) => {
                    wanted.places.iter().for_each(|place| failed(*place, &failure));
                    continue;
                }
            };
            self.metrics.cache_write(path, name(written));
            if written == CacheWrite::Absent
                && let Err(failure) = self.restore(&wanted.entry.sku, path).await
            {
                wanted.places.iter().for_each(|place| failed(*place, &failure));
                continue;
            }
            if let (CacheWrite::Applied | CacheWrite::Absent, Some(committed)) = (written, wanted.stock_committed_at) {
                self.metrics.freshness.observe(committed, self.clock.measured());
            }
        }
    }

    /// One call for all; when it fails one for each, so that an entry that cannot be written holds up no other (R8).
    async fn put_all(&self, entries: &[CacheEntry]) -> Vec<Result<CacheWrite, Failure>> {
        match self.cache.put_all_if_newer(entries, IfAbsent::Report).await {
            Ok(written) => written.into_iter().map(Ok).collect(),
            Err(error) if entries.len() == 1 => vec![Err(error.into())],
            Err(_) => {
                // Beside each other: where the cache is gone, waiting for it costs one time limit and not one for each.
                let each = entries.iter().map(|entry| self.cache.put_if_newer(entry, IfAbsent::Report));
                join_all(each).await.into_iter().map(|written| written.map_err(Failure::from)).collect()
            }
        }
    }

    /// A replayed event must not resurrect an old price in an emptied cache: the record knows the newest (R6).
    async fn restore(&self, sku: &Sku, path: &'static str) -> Result<(), Failure> {
        if let Some(newest) = self.records.price(sku).await?.and_then(|record| record.cache_entry()) {
            let again = self.cache.put_if_newer(&newest, IfAbsent::Write).await?;
            self.metrics.cache_write(path, name(again));
        }
        Ok(())
    }
}

/// Keeps the newest of each SKU.
fn want(wanted: &mut BTreeMap<Sku, Wanted>, entry: CacheEntry, stock_committed_at: Option<Timestamp>, place: usize) {
    match wanted.entry(entry.sku.clone()) {
        Entry::Vacant(vacant) => {
            vacant.insert(Wanted { entry, stock_committed_at, places: vec![place] });
        }
        Entry::Occupied(mut occupied) => {
            let wanted = occupied.get_mut();
            wanted.places.push(place);
            if entry.price_version > wanted.entry.price_version {
                (wanted.entry, wanted.stock_committed_at) = (entry, stock_committed_at);
            }
        }
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
