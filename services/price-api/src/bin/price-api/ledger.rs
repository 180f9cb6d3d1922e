use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pricestream_aws::{DeadLetters, DynamoStore, Queues, ValkeyCache, depth};
use pricestream_domain::Sku;
use pricestream_event_schema::LowStockV1;
use pricestream_ports::{Clock, PolledSettings, PortError, Settings, SystemClock};
use pricestream_price_api::{DeadLetterView, Ledger, StoreStatus, UNDER_WAY, Verification, Verify};

/// How long one request may verify; the next goes on where it ended.
const LONGEST: Duration = Duration::from_secs(4);

/// Looks at the records, the cache and the queues.
pub(crate) struct PortsLedger {
    pub(crate) records: DynamoStore,
    pub(crate) cache: Arc<ValkeyCache>,
    pub(crate) settings: Arc<PolledSettings<DynamoStore>>,
    pub(crate) queues: Queues,
    pub(crate) dead_letters: DeadLetters,
}

impl Ledger for PortsLedger {
    async fn dead_letters(&self, before: Option<i64>, most: usize) -> Result<Vec<DeadLetterView>, PortError> {
        let page = self.dead_letters.page(before, most).await?.into_iter().map(|letter| DeadLetterView {
            id: letter.id,
            queue: letter.queue,
            body: letter.body,
            reason: letter.reason,
            receive_count: letter.receive_count,
            at: letter.at,
        });
        Ok(page.collect())
    }

    async fn alerts(&self, most: usize) -> Result<Vec<LowStockV1>, PortError> {
        self.records.alerts_told(most).await
    }

    async fn verify(&self, after: Option<Sku>) -> Result<Verification, PortError> {
        let began = Instant::now();
        let now = SystemClock.now().checked_sub(UNDER_WAY).unwrap_or(Timestamp::MIN);
        self.settings.refresh(now).await?;
        let settings = self.settings.current();
        let verify = Verify { records: &self.records, cache: &*self.cache, settings: &settings, now };
        verify.some(after, || began.elapsed() > LONGEST, UNDER_WAY.unsigned_abs()).await
    }

    async fn status(&self) -> Result<StoreStatus, PortError> {
        let (products, alerts) = self.records.counts().await?;
        let mut queues = BTreeMap::new();
        for (name, url) in self.queues.urls() {
            queues.insert(name.clone(), depth(self.queues.client(), url).await?);
        }
        let dead_letters = self.dead_letters.count().await?;
        Ok(StoreStatus { products, alerts, dead_letters, queues, ..StoreStatus::default() })
    }
}
