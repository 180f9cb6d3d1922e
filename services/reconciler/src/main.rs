//! reconciler as a Lambda function: a schedule calls it each minute.

use std::time::Duration;

use pricestream_aws::lambda::{Error, Function, run_scheduled};
use pricestream_aws::{Clients, DynamoStore, EventBridge, Queues, functions};
use pricestream_event_schema::Outgoing;
use pricestream_ports::{Clock, PolledSettings, PortError, SystemClock, Usage};
use pricestream_reconciler::{Later, Reconciler, SERVICE};
use serde_json::json;

/// Events younger than this are on their way.
const GRACE: Duration = Duration::from_secs(5);

/// Until the schedule calls again.
const EVERY: Duration = Duration::from_mins(1);

/// Most messages of what falls due, and most expired reservations, of one run.
const MOST: usize = 1_000;

/// The queue that what falls due is sent to.
const PRICING: &str = "pricing-calculator";

struct PricingQueue(Queues);

impl Later for PricingQueue {
    async fn send(&self, event: &Outgoing, delay: Duration) -> Result<(), PortError> {
        self.0.send(PRICING, event.body(), delay).await
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (function, own) = Function::begin(SERVICE, functions::Reconciler::read);
    let clients = Clients::of_environment();
    let records = DynamoStore::new(clients.dynamodb, own.tables);
    let bus = EventBridge::new(clients.eventbridge, own.bus);
    let later = PricingQueue(Queues::new(clients.sqs, [(PRICING.to_owned(), own.pricing)].into()));
    let settings = PolledSettings::new(records.clone(), Duration::ZERO);
    records.connect().await?;
    bus.connect().await;
    later.0.connect().await;
    let cache = own.cache.open(&clients.config).await?;
    let this = function.clone();
    run_scheduled(function, async move || {
        this.poll(&settings).await;
        let (records, bus, cache, settings, metrics) = (&records, &bus, &cache, &settings, &*this.metrics);
        let reconciler = Reconciler { records, bus, cache, settings, clock: &SystemClock, metrics };
        let swept = records.sweep(SystemClock.now(), MOST).await?;
        metrics.reservations.expired.inc_by(swept as u64);
        reconciler.note_used_up(records, records).await?;
        let found = reconciler.run(GRACE).await?;
        let ahead = reconciler.enqueue_ahead(&later, EVERY, MOST).await?;
        let (looked_at, records_behind, cache_behind) = (found.looked_at, found.records_behind, found.cache_behind);
        tracing::info!(looked_at, records_behind, cache_behind, ahead, swept, "reconciled");
        Ok(json!({ "looked_at": looked_at, "records_behind": records_behind, "cache_behind": cache_behind, "ahead": ahead, "swept": swept }))
    })
    .await
}
