//! inventory-publisher: a stock change comes in, the inventory record moves, `StockChanged` goes out.

mod accept;
#[cfg(feature = "http")]
mod answer;
#[cfg(feature = "lambda")]
pub mod door;

use jiff::{Span, Timestamp};
use pricestream_domain::{Sku, SourceSeq, StockVersion};
use pricestream_event_schema::{StockChange, StockChangedV1, TraceContext, encode};
use pricestream_ports::{Bus, Clock, Conditional, Failure, Inventory, PortError, Records, publish_all};
use pricestream_telemetry::{Hop, Metrics};
use tracing::Instrument;

pub use accept::{Acceptance, accept};
#[cfg(feature = "http")]
pub use answer::answer;

/// The service's name in traces and metrics.
pub const SERVICE: &str = "inventory-publisher";

/// How often a change is decided anew when another writer of the same SKU was faster.
const ATTEMPTS: usize = 5;

/// What a stock change came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// Accepted: the inventory record holds it.
    Applied(StockVersion),
    /// The number and body of the last accepted change: the same answer again, and no second effect.
    Repeated(StockVersion),
    /// An older number than the last accepted one: acknowledged, no effect.
    Stale(StockVersion),
}

/// Why a stock change cannot be taken, and what the source should do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such catalogue line.
    #[error("{0} is not in the catalogue: import it, then send the change again")]
    UnknownSku(Sku),
    /// Another system publishes this SKU.
    #[error("{sku} is published by {owner:?}, not by {origin:?}: one SKU has one source")]
    OtherOrigin {
        /// Which SKU.
        sku: Sku,
        /// Who published it first.
        owner: String,
        /// Who tried.
        origin: String,
    },
    /// The number of the last accepted change, with another body.
    #[error("source_seq {source_seq} of {sku} was another change before: number each change once")]
    Contradiction {
        /// Which SKU.
        sku: Sku,
        /// The number.
        source_seq: SourceSeq,
    },
    /// It did not occur about now.
    #[error(
        "occurred_at {occurred_at} is too far from the present {now}: live changes are of the last days; use replay for old ones"
    )]
    OtherTime {
        /// What it said.
        occurred_at: Timestamp,
        /// What the time is.
        now: Timestamp,
    },
}

/// Why a stock change was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The change is at fault.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The store or the bus is: send the same change again.
    #[error("the change could not be stored now: send it again, with the same source_seq")]
    Failed(#[from] Failure),
}

impl From<PortError> for PublishError {
    fn from(error: PortError) -> Self {
        Self::Failed(error.into())
    }
}

/// How far from the present a live change may have occurred. A replay drives the clock itself and sets none.
#[derive(Clone, Copy, Debug)]
pub struct TimeLimits {
    /// Into the past: a source that was cut off catches up.
    pub past: Span,
    /// Into the future: clocks differ.
    pub future: Span,
}

impl TimeLimits {
    /// A week back, five minutes ahead.
    pub fn live() -> Self {
        Self { past: Span::new().hours(7 * 24), future: Span::new().minutes(5) }
    }

    fn admits(&self, occurred_at: Timestamp, now: Timestamp) -> bool {
        let earliest = now.checked_sub(self.past).unwrap_or(Timestamp::MIN);
        let latest = now.checked_add(self.future).unwrap_or(Timestamp::MAX);
        (earliest..=latest).contains(&occurred_at)
    }
}

/// Takes one stock change. Returns once the inventory record holds it and the bus has taken the event; sending the same
/// change again changes nothing and announces it again (R15), so that the caller's retry is the outbox of this hop.
pub async fn publish(
    records: &impl Records,
    bus: &impl Bus,
    clock: &impl Clock,
    metrics: &Metrics,
    limits: Option<&TimeLimits>,
    trace: Option<&TraceContext>,
    change: &StockChange,
) -> Result<Published, PublishError> {
    let hop = Hop::new(SERVICE, &change.sku, trace, &format!("{}/{}", change.sku, change.source_seq));
    let result = take(records, bus, clock, metrics, limits, &hop, change).instrument(hop.span.clone()).await;
    let counter = match &result {
        Ok(Published::Applied(_)) => &metrics.stock.applied,
        Ok(Published::Repeated(_)) => &metrics.stock.repeated,
        Ok(Published::Stale(_)) => &metrics.stock.stale,
        Err(PublishError::Refused(Refused::UnknownSku(_) | Refused::OtherTime { .. })) => &metrics.stock.rejected,
        Err(PublishError::Refused(_)) => &metrics.stock.conflict,
        Err(PublishError::Failed(_)) => &metrics.stock.failed,
    };
    counter.inc();
    result
}

async fn take(
    records: &impl Records,
    bus: &impl Bus,
    clock: &impl Clock,
    metrics: &Metrics,
    limits: Option<&TimeLimits>,
    hop: &Hop,
    change: &StockChange,
) -> Result<Published, PublishError> {
    if let Some(limits) = limits
        && !limits.admits(change.occurred_at, clock.now())
    {
        return Err(Refused::OtherTime { occurred_at: change.occurred_at, now: clock.now() }.into());
    }
    for _ in 0..ATTEMPTS {
        let stored = records.inventory(&change.sku).await?;
        if stored.is_none() && records.product(&change.sku).await?.is_none() {
            return Err(Refused::UnknownSku(change.sku.clone()).into());
        }
        let (published, inventory) = match accept(stored.as_ref(), change, clock.measured())? {
            Acceptance::Stale { stored } => return Ok(Published::Stale(stored)),
            Acceptance::Repeated(inventory) => (Published::Repeated(inventory.stock_version), inventory.clone()),
            Acceptance::Apply { inventory, seen, skipped } => {
                if records.put_inventory(&inventory, seen).await? == Conditional::Superseded {
                    metrics.conflict("inventory");
                    continue;
                }
                metrics.source_seq_gaps.inc_by(skipped);
                (Published::Applied(inventory.stock_version), inventory)
            }
        };
        publish_all(bus, vec![encode(&announcement(&inventory, change), &hop.trace)]).await?;
        return Ok(published);
    }
    Err(PortError::unavailable("inventory", format!("{} is written by too many at once", change.sku)).into())
}

fn announcement(inventory: &Inventory, change: &StockChange) -> StockChangedV1 {
    StockChangedV1 {
        sku: inventory.sku.clone(),
        stock_version: inventory.stock_version,
        on_hand: inventory.on_hand,
        quantity: change.quantity,
        cause: change.cause.clone(),
        origin: inventory.origin.clone(),
        source_seq: inventory.source_seq,
        unit_price: change.unit_price,
        occurred_at: inventory.occurred_at,
        committed_at: inventory.committed_at,
    }
}
