use std::time::{Duration, Instant};

use futures_util::stream::{StreamExt, iter};
use pricestream_domain::{Cause, RecordRev};
use pricestream_event_schema::{RepriceRequestedV1, TraceContext, encode};
use pricestream_ports::{Bus, Cache, Clock, Failure, PriceRecord, RecordReads, Settings, SkuState, publish_all};
use pricestream_price_api::Done;

/// SKUs read at a time, and cache entries looked up beside each other.
const PAGE: usize = 200;
const AT_A_TIME: usize = 32;

/// How long a request may look; reconciler's next run looks at every SKU.
const LONGEST: Duration = Duration::from_secs(5);

/// Looks at SKUs as reconciler does, and has both kinds of findings mended by events: price-api may write neither prices nor the
/// cache.
pub(crate) struct Reconcile<'a, R, B, K, S, C> {
    pub(crate) records: &'a R,
    pub(crate) bus: &'a B,
    pub(crate) cache: &'a K,
    pub(crate) settings: &'a S,
    pub(crate) clock: &'a C,
}

impl<R: RecordReads, B: Bus, K: Cache, S: Settings, C: Clock> Reconcile<'_, R, B, K, S, C> {
    pub(crate) async fn run(&self) -> Result<Done, Failure> {
        let began = Instant::now();
        let (settings, now) = (self.settings.current(), self.clock.now());
        let (mut looked_at, mut records_behind, mut cache_behind) = (0, 0, 0);
        let mut after = None;
        loop {
            let page = self.records.page(after.as_ref(), PAGE).await?;
            let mut events = Vec::new();
            let looks: Vec<_> = page.iter().map(|state| self.is_cached(state)).collect();
            let held: Vec<bool> = iter(looks).buffered(AT_A_TIME).collect().await;
            for (state, held) in page.iter().zip(held) {
                looked_at += 1;
                let behind = state.behind(&settings, now);
                if behind.is_none() && held {
                    continue;
                }
                match behind {
                    Some(_) => records_behind += 1,
                    None => cache_behind += 1,
                }
                // A price that stands is announced anew, which brings it into the cache.
                let cause = behind.unwrap_or(Cause::Reconcile);
                let record_rev = state.price.as_ref().map_or(RecordRev(0), |record| record.record_rev);
                let request = RepriceRequestedV1 { sku: state.sku.clone(), cause, record_rev, requested_at: now };
                events.push(encode(&request, &TraceContext::root(&format!("{}/{record_rev}/{cause}", state.sku))));
            }
            publish_all(self.bus, events).await?;
            after = page.last().map(|state| state.sku.clone());
            let finished = page.len() < PAGE;
            if finished || began.elapsed() > LONGEST {
                return Ok(Done::Reconciled { looked_at, records_behind, cache_behind, finished });
            }
        }
    }

    /// Whether the cache has what the record says, or something newer. One that does not answer is nothing to be mended by events.
    async fn is_cached(&self, state: &SkuState) -> bool {
        let Some(due) = state.price.as_ref().and_then(PriceRecord::cache_entry) else { return true };
        match self.cache.get(&state.sku).await {
            Ok(held) => held.is_some_and(|held| held.price_version >= due.price_version),
            Err(_) => true,
        }
    }
}
