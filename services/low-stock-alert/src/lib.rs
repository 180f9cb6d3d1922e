//! low-stock-alert: one alert for one shortage. It fires when stock falls to the band's lower edge, and may fire again
//! once stock has risen to the upper one.

mod band;

use pricestream_event_schema::{Body, LowStockV1, StockChangedV1, TraceContext};
use pricestream_ports::{
    AlertState, Alerts, BatchOutcome, Clock, Conditional, Delivery, Failure, PortError, ProductRecord, Records, Sighting,
    each_message,
};
use pricestream_telemetry::{Hop, Metrics};
use tracing::Instrument;

pub use band::after;

/// The service's name in traces, metrics and as a queue.
pub const SERVICE: &str = "low-stock-alert";

const ATTEMPTS: usize = 5;

/// What the handler needs of the world.
#[derive(Debug)]
pub struct LowStockAlert<'a, R, A, C> {
    /// Alert state, inventory, catalogue.
    pub records: &'a R,
    /// Tells people.
    pub alerts: &'a A,
    /// For the lag of this hop.
    pub clock: &'a C,
    /// Counts.
    pub metrics: &'a Metrics,
}

impl<R: Records, A: Alerts, C: Clock> LowStockAlert<'_, R, A, C> {
    /// Handles a batch of `StockChanged`.
    pub async fn handle(&self, batch: &[Delivery]) -> BatchOutcome {
        let outcome = each_message(batch, Body::decode::<StockChangedV1>, |event| async move {
            self.metrics.hop(SERVICE, event.data.committed_at, self.clock.measured());
            let trace: Option<TraceContext> = event.trace;
            let hop = Hop::new(SERVICE, &event.data.sku, trace.as_ref(), &event.data.sku);
            self.look(&event.data).instrument(hop.span).await
        })
        .await;
        self.metrics.retry(SERVICE, outcome.retry.len());
        self.metrics.quarantine(SERVICE, outcome.quarantined.len());
        outcome
    }

    /// Looks at one change. The state says what was seen and what is still to be told: a crash anywhere is made good
    /// by the redelivery, and one episode has one id however often it is told.
    async fn look(&self, event: &StockChangedV1) -> Result<(), Failure> {
        let Some(product) = self.records.product(&event.sku).await? else { return Ok(()) };
        let Some(band) = product.product.low_stock else { return Ok(()) }; // nobody asked to be warned
        for _ in 0..ATTEMPTS {
            let stored = self.records.alert_state(&event.sku).await?;
            if let Some((state, crossing)) = stored.as_ref().and_then(|state| Some((state, state.pending?))) {
                // Told before anything else is looked at: the next crossing would take its place.
                self.tell(&product, state, crossing).await?;
                continue;
            }
            let now = self.records.inventory(&event.sku).await?;
            let (stock_version, on_hand, occurred_at) = (event.stock_version, event.on_hand, event.occurred_at);
            let mut sightings = vec![Sighting { on_hand, stock_version, occurred_at }];
            // The event may be late: what the record says now counts as well.
            sightings.extend(now.map(|now| Sighting {
                on_hand: now.on_hand,
                stock_version: now.stock_version,
                occurred_at: now.occurred_at,
            }));
            let mut state = after(stored.as_ref(), &event.sku, band, &sightings);
            if stored.as_ref() == Some(&state) {
                return Ok(());
            }
            state.rev += 1;
            if self.records.put_alert_state(&state).await? == Conditional::Superseded {
                self.metrics.conflict("alert");
                continue;
            }
            return match state.pending {
                Some(crossing) => self.tell(&product, &state, crossing).await,
                None => Ok(()),
            };
        }
        Err(PortError::unavailable("alert state", format!("{} is looked at by too many at once", event.sku)).into())
    }

    async fn tell(&self, product: &ProductRecord, state: &AlertState, crossing: Sighting) -> Result<(), Failure> {
        let alert = LowStockV1 {
            sku: state.sku.clone(),
            name: product.product.name.clone(),
            on_hand: crossing.on_hand,
            at: product.product.low_stock.map_or(0, |band| band.at),
            episode: state.episode,
            stock_version: crossing.stock_version,
            occurred_at: crossing.occurred_at,
        };
        self.alerts.notify(&alert).await?;
        self.metrics.alerts.inc();
        let told = AlertState { rev: state.rev + 1, pending: None, ..state.clone() };
        // Superseded: somebody else told it too, under the same id.
        let _settled = self.records.put_alert_state(&told).await?;
        Ok(())
    }
}
