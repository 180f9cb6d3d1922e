use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use jiff::Timestamp;
use pricestream_domain::{Override, RecordRev, Sku, StockVersion};
use pricestream_event_schema::{Body, Event, LowStockV1, Outgoing, Pattern};

use super::UsageTable;
use crate::{
    AlertState, BatchOutcome, CacheEntry, CacheWrite, Conditional, DeadLetter, Delivery, EntryFailure, HistoryRow, IfAbsent,
    Inventory, MessageId, Order, OrderId, PriceRecord, ProductRecord, Quarantined, Queue, QueueSettings, SettingsRecord,
    SkuInputs, SkuState,
};

/// Everything that the ports in memory hold. Ordered maps, so that a seed gives the same run on every machine.
#[derive(Debug, Default)]
pub struct Tables {
    /// The time, as the test sets it.
    pub now: Timestamp,
    /// Catalogue.
    pub products: BTreeMap<Sku, Arc<ProductRecord>>,
    /// Inventory records.
    pub inventory: BTreeMap<Sku, Inventory>,
    /// Price records.
    pub prices: BTreeMap<Sku, PriceRecord>,
    /// Every decision ever written, oldest first.
    pub history: BTreeMap<Sku, Vec<HistoryRow>>,
    /// Overrides in force or expired.
    pub overrides: BTreeMap<Sku, Override>,
    /// Low-stock states.
    pub alert_states: BTreeMap<Sku, AlertState>,
    /// Settings in force.
    pub settings: Vec<SettingsRecord>,
    /// What is taken of limited promotions.
    pub usage: UsageTable,
    /// Orders placed, also those cancelled.
    pub orders: BTreeMap<OrderId, Order>,
    /// The cache.
    pub cache: BTreeMap<Sku, Arc<CacheEntry>>,
    /// Every entry that the cache ever took, in order: what subscribers were told.
    pub cache_writes: Vec<Arc<CacheEntry>>,
    /// Images of the price records as they were written, for the guaranteed path; who reads them removes them.
    pub stream: Vec<PriceRecord>,
    /// Alerts by id, with how often each was handed over.
    pub alerts: BTreeMap<String, (LowStockV1, usize)>,
    /// Per queue, what no retry helped.
    pub dead_letters: BTreeMap<String, Vec<DeadLetter>>,
    /// Per queue, what was refused for a reason.
    pub quarantine: BTreeMap<String, Vec<(Delivery, Quarantined)>>,
    subscriptions: Vec<Subscription>,
    next_message: u64,
}

#[derive(Debug)]
struct Subscription {
    name: String,
    pattern: Pattern,
    queue: Queue,
}

impl Tables {
    pub(super) fn subscribe(&mut self, name: &str, pattern: &str, settings: QueueSettings) {
        let pattern = Pattern::from_json(pattern).expect("our own patterns are valid");
        self.subscriptions.push(Subscription { name: name.to_owned(), pattern, queue: Queue::new(settings) });
    }

    /// The queue called `name`.
    pub fn queue(&mut self, name: &str) -> &mut Queue {
        let subscription = self.subscriptions.iter_mut().find(|subscription| subscription.name == name);
        &mut subscription.expect("a queue is subscribed before it is used").queue
    }

    pub(super) fn finish(&mut self, name: &str, batch: &[Delivery], outcome: &BatchOutcome) {
        for delivery in batch.iter().filter(|delivery| !outcome.retry.contains(&delivery.id)) {
            self.queue(name).acknowledge(delivery.id);
            if let Some(quarantined) = outcome.quarantined.iter().find(|quarantined| quarantined.id == delivery.id) {
                let aside = self.quarantine.entry(name.to_owned()).or_default();
                aside.push((delivery.clone(), quarantined.clone()));
            }
        }
    }

    /// Puts a message into a queue as it is, without routing: a redrive, or a test's bad message.
    pub fn send(&mut self, queue: &str, body: impl Into<Body>) {
        self.next_message += 1;
        let id = MessageId(self.next_message);
        self.queue(queue).send(id, body.into(), 0);
    }

    /// What has gone to the dead letters of a queue.
    pub fn dead(&mut self, queue: &str) -> &[DeadLetter] {
        let newly = self.queue(queue).take_dead();
        let dead = self.dead_letters.entry(queue.to_owned()).or_default();
        dead.extend(newly);
        dead
    }

    /// Delivers text, never the event itself as the bus of one process may: what the handlers are tested with has been
    /// written and read like everything that crosses a real bus.
    pub(super) fn publish(&mut self, events: &[Outgoing]) -> Vec<EntryFailure> {
        for event in events {
            let parsed = serde_json::from_str(event.body()).expect("an encoded event is JSON");
            for position in 0..self.subscriptions.len() {
                if self.subscriptions[position].pattern.matches(&parsed) {
                    self.next_message += 1;
                    self.subscriptions[position].queue.send(MessageId(self.next_message), event.body().into(), 0);
                }
            }
        }
        Vec::new()
    }

    pub(super) fn inputs(&self, sku: &Sku) -> SkuInputs {
        SkuInputs {
            product: self.products.get(sku).cloned(),
            inventory: self.inventory.get(sku).cloned(),
            override_: self.overrides.get(sku).cloned(),
        }
    }

    pub(super) fn page(&self, after: Option<&Sku>, most: usize) -> Vec<SkuState> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let skus = self.products.range::<Sku, _>((from, Bound::Unbounded)).take(most);
        skus.map(|(sku, _)| SkuState { sku: sku.clone(), inputs: self.inputs(sku), price: self.prices.get(sku).cloned() })
            .collect()
    }

    pub(super) fn due(&self, now: Timestamp, most: usize) -> Vec<(Timestamp, Sku)> {
        let mut due: Vec<_> = self
            .prices
            .values()
            .filter_map(|record| Some((record.next_due.filter(|due| *due <= now)?, record.sku.clone())))
            .collect();
        due.sort();
        due.truncate(most);
        due
    }

    pub(super) fn history_of(&self, sku: &Sku, before: Option<RecordRev>, most: usize) -> Vec<HistoryRow> {
        let rows = self.history.get(sku).map(Vec::as_slice).unwrap_or_default();
        rows.iter().rev().filter(|row| before.is_none_or(|before| row.record_rev < before)).take(most).cloned().collect()
    }

    pub(super) fn put_inventory(&mut self, inventory: &Inventory, seen: StockVersion, held: bool) -> Conditional {
        let stored = self.inventory.get(&inventory.sku).map_or(StockVersion(0), |stored| stored.stock_version);
        if held && stored != seen {
            return Conditional::Superseded;
        }
        self.inventory.insert(inventory.sku.clone(), inventory.clone());
        Conditional::Written
    }

    pub(super) fn put_price(&mut self, record: &PriceRecord, row: &HistoryRow, seen: RecordRev, held: bool) -> Conditional {
        let stored = self.prices.get(&record.sku).map_or(RecordRev(0), |stored| stored.record_rev);
        if held && stored != seen {
            return Conditional::Superseded;
        }
        self.prices.insert(record.sku.clone(), record.clone());
        self.history.entry(record.sku.clone()).or_default().push(row.clone());
        self.stream.push(record.clone());
        Conditional::Written
    }

    pub(super) fn put_product(&mut self, product: &ProductRecord) -> Conditional {
        let sku = &product.product.sku;
        if self.products.get(sku).map_or(0, |stored| stored.rev) + 1 != product.rev {
            return Conditional::Superseded;
        }
        self.products.insert(sku.clone(), Arc::new(product.clone()));
        Conditional::Written
    }

    pub(super) fn put_override(&mut self, sku: &Sku, override_: Option<&Override>) {
        match override_ {
            Some(override_) => self.overrides.insert(sku.clone(), override_.clone()),
            None => self.overrides.remove(sku),
        };
    }

    pub(super) fn put_alert_state(&mut self, state: &AlertState) -> Conditional {
        if self.alert_states.get(&state.sku).map_or(0, |stored| stored.rev) + 1 != state.rev {
            return Conditional::Superseded;
        }
        self.alert_states.insert(state.sku.clone(), state.clone());
        Conditional::Written
    }

    pub(super) fn put_order(&mut self, order: &Order) -> Conditional {
        let taken = |other: &Order| other.id == order.id || other.quote == order.quote;
        if self.orders.values().any(taken) {
            return Conditional::Superseded;
        }
        self.orders.insert(order.id.clone(), order.clone());
        Conditional::Written
    }

    pub(super) fn cancel_order(&mut self, id: &OrderId, at: Timestamp) -> Conditional {
        match self.orders.get_mut(id) {
            Some(order) if order.cancelled_at.is_none() => {
                order.cancelled_at = Some(at);
                Conditional::Written
            }
            _ => Conditional::Superseded,
        }
    }

    pub(super) fn put_settings(&mut self, settings: &SettingsRecord) -> Conditional {
        if self.settings.last().map_or(0, |stored| stored.rev) + 1 != settings.rev {
            return Conditional::Superseded;
        }
        self.settings.push(settings.clone());
        Conditional::Written
    }

    pub(super) fn put_cache(&mut self, entry: &CacheEntry, if_absent: IfAbsent, held: bool) -> CacheWrite {
        match (self.cache.get(&entry.sku), if_absent) {
            (None, IfAbsent::Report) => return CacheWrite::Absent,
            (Some(there), _) if held && there.price_version == entry.price_version => return CacheWrite::Equal,
            (Some(there), _) if held && there.price_version > entry.price_version => return CacheWrite::Stale,
            _ => {}
        }
        let entry = Arc::new(entry.clone());
        self.cache.insert(entry.sku.clone(), Arc::clone(&entry));
        self.cache_writes.push(entry);
        CacheWrite::Applied
    }

    pub(super) fn notify(&mut self, alert: &LowStockV1) {
        self.alerts.entry(alert.id()).or_insert_with(|| (alert.clone(), 0)).1 += 1;
    }
}
