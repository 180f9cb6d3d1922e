//! pricing-calculator: whatever event comes in, the price is worked out from the records, written if nobody was
//! faster, and announced.

mod decide;

use std::collections::BTreeMap;

use pricestream_domain::{Cause, Sku};
use pricestream_event_schema::{Incoming, TraceContext, encode};
use pricestream_ports::{
    BatchOutcome, Bus, Clock, Conditional, Delivery, Failure, MessageId, PortError, PriceRecord, Records, Settings, publish_all,
};
use pricestream_repricing_engine::{Decision, Outcome};
use pricestream_telemetry::{Hop, Metrics};
use tracing::Instrument;

pub use decide::{Next, Write, next};

/// The service's name in traces, metrics and as a queue.
pub const SERVICE: &str = "pricing-calculator";

/// How often a price is decided anew when another writer of the same SKU was faster (fault 8).
const ATTEMPTS: usize = 5;

/// What the handler needs of the world.
#[derive(Debug)]
pub struct PricingCalculator<'a, R, B, S, C> {
    /// Price records, and the records that prices are made from.
    pub records: &'a R,
    /// Takes `PriceChanged`.
    pub bus: &'a B,
    /// Mode and strategies.
    pub settings: &'a S,
    /// The time that prices are a function of.
    pub clock: &'a C,
    /// Counts.
    pub metrics: &'a Metrics,
}

/// One SKU of a batch, with every message that asks for it.
struct Request {
    cause: Cause,
    trace: Option<TraceContext>,
    messages: Vec<MessageId>,
}

impl<R: Records, B: Bus, S: Settings, C: Clock> PricingCalculator<'_, R, B, S, C> {
    /// Handles a batch: each message is parsed alone (R8), messages about one SKU make one decision (R12), and a
    /// failure leaves only the messages of its own SKU to redelivery.
    pub async fn handle(&self, batch: &[Delivery]) -> BatchOutcome {
        let mut outcome = BatchOutcome::default();
        let mut requests: BTreeMap<Sku, Request> = BTreeMap::new();
        for delivery in batch {
            match self.read(delivery) {
                Ok((sku, cause, trace)) => {
                    let request = requests.entry(sku).or_insert(Request { cause, trace: None, messages: Vec::new() });
                    // Of several causes the latest speaks for all: each hint leads to the same records.
                    request.cause = cause;
                    request.trace = trace.or(request.trace.take());
                    request.messages.push(delivery.id);
                }
                Err(failure) => outcome.note(delivery.id, &failure),
            }
        }
        let of_settings = |request: &Request| matches!(request.cause, Cause::Mode | Cause::Strategies | Cause::Promotions);
        if requests.values().any(of_settings)
            && let Err(error) = self.settings.hear_of_change(self.clock.now()).await
        {
            // Those in force are good ones, and the reconciler asks again for what was priced under them.
            tracing::warn!(error = &error as &dyn std::error::Error, "the settings that changed cannot be read now");
        }
        for (sku, request) in requests {
            if let Err(failure) = self.reprice(&sku, request.cause, request.trace.as_ref()).await {
                for message in request.messages {
                    outcome.note(message, &failure);
                }
            }
        }
        self.metrics.retry(SERVICE, outcome.retry.len());
        self.metrics.quarantine(SERVICE, outcome.quarantined.len());
        outcome
    }

    fn read(&self, delivery: &Delivery) -> Result<(Sku, Cause, Option<TraceContext>), Failure> {
        match Incoming::decode(&delivery.body).map_err(|error| Failure::Poison(error.to_string()))? {
            Incoming::StockChanged(event) => {
                self.metrics.hop(SERVICE, event.data.committed_at, self.clock.measured());
                Ok((event.data.sku, Cause::Stock, event.trace))
            }
            Incoming::ProductChanged(event) => Ok((event.data.sku, Cause::Product, event.trace)),
            Incoming::RepriceRequested(event) => Ok((event.data.sku, event.data.cause, event.trace)),
            Incoming::PriceChanged(_) | Incoming::LowStock(_) => Err(Failure::Poison("this event asks for no price".to_owned())),
        }
    }

    /// Prices one SKU. The event is a hint: running this twice changes nothing, and announces again what stands (R2).
    pub async fn reprice(&self, sku: &Sku, cause: Cause, trace: Option<&TraceContext>) -> Result<(), Failure> {
        let hop = Hop::new(SERVICE, sku, trace, sku);
        async {
            let record = self.write(sku, cause).await?;
            match record.announcement() {
                Some(announcement) => publish_all(self.bus, vec![encode(&announcement, &hop.trace)]).await,
                None => Ok(()), // refused, and never priced: there is nothing that a shop could read
            }
        }
        .instrument(hop.span.clone())
        .await
    }

    async fn write(&self, sku: &Sku, cause: Cause) -> Result<PriceRecord, Failure> {
        for _ in 0..ATTEMPTS {
            // The record first: whatever is written to it from here on makes the conditional write fail.
            let record = self.records.price(sku).await?;
            let inputs = self.records.inputs(sku).await?;
            let mut settings = self.settings.current();
            let written_under = record.as_ref().map_or(0, |record| record.settings_rev);
            if settings.rev < written_under {
                self.settings.refresh(self.clock.now()).await?;
                settings = self.settings.current();
                if settings.rev < written_under {
                    return Err(
                        PortError::unavailable("settings", "they are older than those the record was decided under").into()
                    );
                }
            }
            let Some(product) = inputs.product.clone() else {
                return Err(Failure::Poison(format!("{sku} is not in the catalogue: import it, then redrive this message")));
            };
            match next(record, product, &inputs, &settings, cause, self.clock.now()) {
                Next::Stands(record) => {
                    self.metrics.decisions.skipped.inc();
                    return Ok(*record);
                }
                Next::Write(write) => {
                    if self.records.put_price(&write.record, &write.row, write.seen).await? == Conditional::Written {
                        self.count(&write.decision);
                        if let Outcome::Refused(_) = write.decision.outcome {
                            tracing::debug!(%sku, "is refused a price");
                        }
                        return Ok(write.record);
                    }
                    self.metrics.conflict("price");
                }
            }
        }
        Err(PortError::unavailable("price record", format!("{sku} is priced by too many at once")).into())
    }

    fn count(&self, decision: &Decision) {
        match decision.outcome {
            Outcome::Changed => self.metrics.decisions.changed.inc(),
            Outcome::Kept => self.metrics.decisions.kept.inc(),
            Outcome::Refused(_) => self.metrics.decisions.refused.inc(),
        };
        for effect in &decision.reason.effects {
            self.metrics.clamp(effect.guardrail.name());
        }
    }
}
