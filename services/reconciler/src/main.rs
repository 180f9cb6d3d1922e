//! reconciler as a Lambda function: a schedule calls it each minute.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use pricestream_aws::lambda::{Error, Function, run_scheduled, warm};
use pricestream_aws::{Clients, DynamoStore, EventBridge, Queues, functions};
use pricestream_event_schema::Outgoing;
use pricestream_ports::{Clock, Failure, PolledSettings, PortError, SystemClock, Usage};
use pricestream_reconciler::{Later, Progress, Reconciler, SERVICE};
use serde_json::json;

/// Events younger than this are on their way.
const GRACE: Duration = Duration::from_secs(5);

/// Until the schedule calls again.
const EVERY: Duration = Duration::from_mins(1);

/// How long a call may look; Terraform gives it 55 seconds.
const LONGEST: Duration = Duration::from_secs(40);

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
    let (connected, cache, (), ()) =
        tokio::join!(records.connect(), own.cache.open(&clients.config), warm(bus.connect()), warm(later.0.connect()),);
    connected?;
    let cache = cache?;
    let (this, progress) = (function.clone(), RefCell::new(Progress::default()));
    run_scheduled(function, async move || {
        let began = Instant::now();
        this.poll(&settings).await;
        let (records, bus, cache, settings, metrics) = (&records, &bus, &cache, &settings, &*this.metrics);
        let reconciler = Reconciler { records, bus, cache, settings, clock: &SystemClock, metrics };
        // What is due by the clock has no other way to be seen, so it comes first. Nothing that fails holds up the rest.
        let ahead = reconciler.enqueue_ahead(&later, EVERY, MOST).await;
        let swept = records.sweep(SystemClock.now(), MOST).await;
        metrics.reservations.expired.inc_by(*swept.as_ref().unwrap_or(&0) as u64);
        let used_up = reconciler.note_used_up(records, records).await;
        let looked = async {
            loop {
                let from = progress.borrow().clone();
                let next = reconciler.step(from, GRACE).await?;
                let finished = next.after.is_none();
                progress.replace(if finished { Progress::default() } else { next.clone() });
                if finished || began.elapsed() > LONGEST {
                    return Ok::<_, Failure>(next);
                }
            }
        };
        let looked = looked.await;
        let stopped = match &looked {
            Ok(Progress { after: None, tally: Some(tally), .. }) => reconciler.stop_if_harmful(tally, records).await,
            _ => Ok(false),
        };
        let (ahead, swept) = (ahead?, swept?);
        used_up?;
        let stopped = stopped?;
        // A run that had no time for every SKU goes on with the next call.
        let Progress { findings, after, .. } = looked?;
        let (looked_at, records_behind, cache_behind) = (findings.looked_at, findings.records_behind, findings.cache_behind);
        let told = json!({
            "looked_at": looked_at, "records_behind": records_behind, "cache_behind": cache_behind,
            "not_compared": findings.not_compared, "ahead": ahead, "swept": swept, "finished": after.is_none(),
            "rollout_stopped": stopped,
        });
        tracing::info!(%told, "reconciled");
        Ok(told)
    })
    .await
}
