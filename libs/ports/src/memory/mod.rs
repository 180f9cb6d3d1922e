//! The ports in memory, for tests and for the simulation: every call is one step that a scheduler may own.

mod tables;
mod usage;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use pricestream_domain::{Override, RecordRev, Sku, StockVersion};
use pricestream_event_schema::{LowStockV1, Outgoing};

use pricestream_promotion_engine::{Left, LimitAsked};

pub use tables::Tables;
pub use usage::UsageTable;

use crate::{
    AlertState, Alerts, BatchOutcome, Bus, Cache, CacheEntry, CacheWrite, Clock, Committed, Conditional, Delivery, Documents,
    EntryFailure, HistoryRow, IfAbsent, Inventory, Order, OrderId, OrderReads, Orders, PortError, PriceRecord, ProductRecord,
    QueueSettings, RecordReads, Records, Released, Reservation, ReservationKey, Reserved, SettingsRecord, SettingsVersion,
    SkuInputs, SkuState, Usage, UsageReads,
};

/// Owns the moment at which each call of a port takes place, and whether its answer arrives.
pub trait Steps: Send + Sync {
    /// Before the effect. Waits for its turn; an error means that the effect did not take place.
    fn before(&self, call: &'static str) -> impl Future<Output = Result<(), PortError>> + Send;

    /// After the effect. An error means that it took place and the answer was lost.
    fn after(&self, call: &'static str) -> Result<(), PortError>;
}

/// Every call takes place at once and its answer arrives.
#[derive(Clone, Copy, Debug, Default)]
pub struct Immediate;

impl Steps for Immediate {
    async fn before(&self, _: &'static str) -> Result<(), PortError> {
        Ok(())
    }
    fn after(&self, _: &'static str) -> Result<(), PortError> {
        Ok(())
    }
}

/// Defences that a test may switch off, to prove that the simulation finds what each is for.
#[derive(Clone, Copy, Debug)]
pub struct Defences {
    /// Record writes look at the revision that they saw.
    pub conditional_writes: bool,
    /// Cache writes look at the version that is there.
    pub cache_compare: bool,
}

impl Default for Defences {
    fn default() -> Self {
        Self { conditional_writes: true, cache_compare: true }
    }
}

/// All ports over one set of tables. Clones share them.
#[derive(Debug, Default)]
pub struct Memory<S = Immediate> {
    tables: Arc<Mutex<Tables>>,
    steps: S,
    defences: Defences,
}

impl<S: Clone> Clone for Memory<S> {
    fn clone(&self) -> Self {
        Self { tables: Arc::clone(&self.tables), steps: self.steps.clone(), defences: self.defences }
    }
}

impl<S> Memory<S> {
    /// Empty tables, with no queue on the bus yet.
    pub fn new(steps: S, defences: Defences) -> Self {
        Self { tables: Arc::default(), steps, defences }
    }

    /// Subscribes a queue to what `pattern` (an event-pattern document) matches.
    pub fn subscribe(&self, queue: &str, pattern: &str, settings: QueueSettings) {
        self.tables().subscribe(queue, pattern, settings);
    }

    /// The tables themselves, for a test to look at or to damage.
    pub fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().expect("no panic while held")
    }

    /// Messages of a queue, as a subscriber's runtime would fetch them.
    pub fn receive(&self, queue: &str, most: usize) -> Vec<Delivery> {
        let mut tables = self.tables();
        let now = tables.now;
        tables.queue(queue).receive(most, now)
    }

    /// Acknowledges what was handled, keeps quarantined messages aside, leaves the rest to redelivery.
    pub fn finish(&self, queue: &str, batch: &[Delivery], outcome: &BatchOutcome) {
        self.tables().finish(queue, batch, outcome);
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        let mut tables = self.tables();
        tables.now = tables.now.checked_add(time).expect("a test stays within the calendar");
    }
}

/// One step of the port: wait for the turn, take effect, answer.
macro_rules! step {
    ($self:ident, $call:literal, |$tables:ident| $effect:expr) => {{
        $self.steps.before($call).await?;
        let answer = {
            #[allow(unused_mut)]
            let mut $tables = $self.tables();
            $effect
        };
        $self.steps.after($call)?;
        Ok(answer)
    }};
}

impl<S: Steps> RecordReads for Memory<S> {
    async fn price(&self, sku: &Sku) -> Result<Option<PriceRecord>, PortError> {
        step!(self, "records.price", |tables| tables.prices.get(sku).cloned())
    }

    async fn inputs(&self, sku: &Sku) -> Result<SkuInputs, PortError> {
        step!(self, "records.inputs", |tables| tables.inputs(sku))
    }

    async fn inventory(&self, sku: &Sku) -> Result<Option<Inventory>, PortError> {
        step!(self, "records.inventory", |tables| tables.inventory.get(sku).cloned())
    }

    async fn product(&self, sku: &Sku) -> Result<Option<Arc<ProductRecord>>, PortError> {
        step!(self, "records.product", |tables| tables.products.get(sku).cloned())
    }

    async fn alert_state(&self, sku: &Sku) -> Result<Option<AlertState>, PortError> {
        step!(self, "records.alert_state", |tables| tables.alert_states.get(sku).cloned())
    }

    async fn page(&self, after: Option<&Sku>, most: usize) -> Result<Vec<SkuState>, PortError> {
        step!(self, "records.page", |tables| tables.page(after, most))
    }

    async fn due(&self, now: Timestamp, most: usize) -> Result<Vec<(Timestamp, Sku)>, PortError> {
        step!(self, "records.due", |tables| tables.due(now, most))
    }

    async fn history(&self, sku: &Sku, before: Option<RecordRev>, most: usize) -> Result<Vec<HistoryRow>, PortError> {
        step!(self, "records.history", |tables| tables.history_of(sku, before, most))
    }
}

impl<S: Steps> Records for Memory<S> {
    async fn put_inventory(&self, inventory: &Inventory, seen: StockVersion) -> Result<Conditional, PortError> {
        let held = self.defences.conditional_writes;
        step!(self, "records.put_inventory", |tables| tables.put_inventory(inventory, seen, held))
    }

    async fn put_price(&self, record: &PriceRecord, row: &HistoryRow, seen: RecordRev) -> Result<Conditional, PortError> {
        let held = self.defences.conditional_writes;
        step!(self, "records.put_price", |tables| tables.put_price(record, row, seen, held))
    }

    async fn put_product(&self, product: &ProductRecord) -> Result<Conditional, PortError> {
        step!(self, "records.put_product", |tables| tables.put_product(product))
    }

    async fn put_override(&self, sku: &Sku, override_: Option<&Override>) -> Result<(), PortError> {
        step!(self, "records.put_override", |tables| tables.put_override(sku, override_))
    }

    async fn put_alert_state(&self, state: &AlertState) -> Result<Conditional, PortError> {
        step!(self, "records.put_alert_state", |tables| tables.put_alert_state(state))
    }
}

impl<S: Steps> Documents for Memory<S> {
    async fn settings(&self) -> Result<Option<SettingsRecord>, PortError> {
        step!(self, "documents.settings", |tables| tables.settings.last().cloned())
    }

    async fn settings_at(&self, rev: u64) -> Result<Option<SettingsRecord>, PortError> {
        step!(self, "documents.settings_at", |tables| tables.settings.iter().find(|settings| settings.rev == rev).cloned())
    }

    async fn settings_before(&self, before: u64, most: usize) -> Result<Vec<SettingsVersion>, PortError> {
        step!(self, "documents.settings_before", |tables| {
            let earlier = tables.settings.iter().rev().filter(|settings| settings.rev < before);
            earlier.take(most).map(SettingsRecord::version).collect()
        })
    }

    async fn put_settings(&self, settings: &SettingsRecord) -> Result<Conditional, PortError> {
        step!(self, "documents.put_settings", |tables| tables.put_settings(settings))
    }
}

impl<S: Steps> UsageReads for Memory<S> {
    async fn left(
        &self,
        asked: &[LimitAsked],
        freed: &[ReservationKey],
        now: Timestamp,
    ) -> Result<BTreeMap<String, Left>, PortError> {
        step!(self, "usage.left", |tables| tables.usage.left(asked, freed, now))
    }
}

impl<S: Steps> Usage for Memory<S> {
    async fn reserve(&self, reservation: &Reservation, now: Timestamp) -> Result<Reserved, PortError> {
        step!(self, "usage.reserve", |tables| tables.usage.reserve(reservation, now))
    }

    async fn commit(&self, key: &ReservationKey, now: Timestamp) -> Result<Committed, PortError> {
        step!(self, "usage.commit", |tables| tables.usage.commit(key, now))
    }

    async fn release_held(&self, key: &ReservationKey, now: Timestamp) -> Result<Released, PortError> {
        step!(self, "usage.release_held", |tables| tables.usage.release_held(key, now))
    }

    async fn release(&self, key: &ReservationKey, now: Timestamp) -> Result<Released, PortError> {
        step!(self, "usage.release", |tables| tables.usage.release(key, now))
    }

    async fn sweep(&self, now: Timestamp, most: usize) -> Result<usize, PortError> {
        step!(self, "usage.sweep", |tables| tables.usage.sweep(now, most))
    }
}

impl<S: Steps> OrderReads for Memory<S> {
    async fn order(&self, id: &OrderId) -> Result<Option<Order>, PortError> {
        step!(self, "orders.order", |tables| tables.orders.get(id).cloned())
    }

    async fn order_of_quote(&self, quote: &str) -> Result<Option<Order>, PortError> {
        step!(self, "orders.order_of_quote", |tables| tables.orders.values().find(|order| order.quote == quote).cloned())
    }
}

impl<S: Steps> Orders for Memory<S> {
    async fn put_order(&self, order: &Order) -> Result<Conditional, PortError> {
        step!(self, "orders.put_order", |tables| tables.put_order(order))
    }

    async fn cancel_order(&self, id: &OrderId, at: Timestamp) -> Result<Conditional, PortError> {
        step!(self, "orders.cancel_order", |tables| tables.cancel_order(id, at))
    }
}

impl<S: Steps> Bus for Memory<S> {
    async fn publish(&self, events: &[Outgoing]) -> Result<Vec<EntryFailure>, PortError> {
        step!(self, "bus.publish", |tables| tables.publish(events))
    }
}

impl<S: Steps> Cache for Memory<S> {
    async fn get(&self, sku: &Sku) -> Result<Option<Arc<CacheEntry>>, PortError> {
        step!(self, "cache.get", |tables| tables.cache.get(sku).cloned())
    }

    async fn put_if_newer(&self, entry: &CacheEntry, if_absent: IfAbsent) -> Result<CacheWrite, PortError> {
        let held = self.defences.cache_compare;
        step!(self, "cache.put_if_newer", |tables| tables.put_cache(entry, if_absent, held))
    }
}

impl<S: Steps> Alerts for Memory<S> {
    async fn notify(&self, alert: &LowStockV1) -> Result<(), PortError> {
        step!(self, "alerts.notify", |tables| tables.notify(alert))
    }
}

impl<S: Send + Sync> Clock for Memory<S> {
    fn now(&self) -> Timestamp {
        self.tables().now
    }
    fn measured(&self) -> Timestamp {
        self.tables().now
    }
}
