use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use pricestream_domain::{Override, RecordRev, Sku, StockVersion};
use pricestream_event_schema::{Event, LowStockV1, Outgoing, PriceChangedV1};
use pricestream_ports::memory::Memory;
use pricestream_ports::{
    AlertState, Alerts, Bus, Cache, CacheEntry, CacheWrite, Clock, Conditional, Documents, EntryFailure, HistoryRow, IfAbsent,
    Inventory, PortError, PriceRecord, ProductRecord, RecordReads, Records, SettingsRecord, SettingsVersion, SkuInputs, SkuState,
};

use crate::fate::Fate;
use crate::{Fault, Plan, Weaken};

/// The ports of one invocation: those in memory, less the defence that the plan takes away.
pub(crate) struct Ports {
    pub(crate) memory: Memory<Fate>,
    pub(crate) fate: Fate,
    pub(crate) plan: Plan,
    /// How far the clock of its process is off.
    pub(crate) skew: SignedDuration,
    /// It may not touch the cache: the reconciler, when the plan is `events_only`.
    pub(crate) cache_off: bool,
    invocation: Mutex<Invocation>,
}

/// What a weakened port must remember of the invocation.
#[derive(Default)]
struct Invocation {
    inputs: Option<SkuInputs>,
    wrote: BTreeSet<Sku>,
}

impl Ports {
    pub(crate) fn new(memory: Memory<Fate>, fate: Fate, plan: Plan, skew: SignedDuration) -> Self {
        Self { memory, fate, plan, skew, cache_off: false, invocation: Mutex::default() }
    }

    fn invocation(&self) -> std::sync::MutexGuard<'_, Invocation> {
        self.invocation.lock().expect("no panic while held")
    }
}

impl RecordReads for Ports {
    async fn price(&self, sku: &Sku) -> Result<Option<PriceRecord>, PortError> {
        if self.plan.lacks(Weaken::RecordFirst) {
            let inputs = self.memory.inputs(sku).await?;
            self.invocation().inputs = Some(inputs);
        }
        self.memory.price(sku).await
    }

    async fn inputs(&self, sku: &Sku) -> Result<SkuInputs, PortError> {
        let early = self.invocation().inputs.take();
        match early {
            Some(inputs) => Ok(inputs),
            None => self.memory.inputs(sku).await,
        }
    }

    async fn inventory(&self, sku: &Sku) -> Result<Option<Inventory>, PortError> {
        self.memory.inventory(sku).await
    }

    async fn product(&self, sku: &Sku) -> Result<Option<Arc<ProductRecord>>, PortError> {
        self.memory.product(sku).await
    }

    async fn alert_state(&self, sku: &Sku) -> Result<Option<AlertState>, PortError> {
        self.memory.alert_state(sku).await
    }

    async fn page(&self, after: Option<&Sku>, most: usize) -> Result<Vec<SkuState>, PortError> {
        self.memory.page(after, most).await
    }

    async fn due(&self, now: Timestamp, most: usize) -> Result<Vec<(Timestamp, Sku)>, PortError> {
        self.memory.due(now, most).await
    }

    async fn history(&self, sku: &Sku, before: Option<RecordRev>, most: usize) -> Result<Vec<HistoryRow>, PortError> {
        self.memory.history(sku, before, most).await
    }
}

impl Records for Ports {
    async fn put_inventory(&self, inventory: &Inventory, seen: StockVersion) -> Result<Conditional, PortError> {
        self.memory.put_inventory(inventory, seen).await
    }

    async fn put_price(&self, record: &PriceRecord, row: &HistoryRow, seen: RecordRev) -> Result<Conditional, PortError> {
        let written = self.memory.put_price(record, row, seen).await?;
        if written == Conditional::Written {
            self.invocation().wrote.insert(record.sku.clone());
        }
        Ok(written)
    }

    async fn put_product(&self, product: &ProductRecord) -> Result<Conditional, PortError> {
        self.memory.put_product(product).await
    }

    async fn put_override(&self, sku: &Sku, override_: Option<&Override>) -> Result<(), PortError> {
        self.memory.put_override(sku, override_).await
    }

    async fn put_alert_state(&self, state: &AlertState) -> Result<Conditional, PortError> {
        self.memory.put_alert_state(state).await
    }
}

impl Documents for Ports {
    async fn settings(&self) -> Result<Option<SettingsRecord>, PortError> {
        self.memory.settings().await
    }

    async fn settings_at(&self, rev: u64) -> Result<Option<SettingsRecord>, PortError> {
        self.memory.settings_at(rev).await
    }

    async fn settings_before(&self, before: u64, most: usize) -> Result<Vec<SettingsVersion>, PortError> {
        self.memory.settings_before(before, most).await
    }

    async fn put_settings(&self, settings: &SettingsRecord) -> Result<Conditional, PortError> {
        self.memory.put_settings(settings).await
    }
}

impl Bus for Ports {
    async fn publish(&self, events: &[Outgoing]) -> Result<Vec<EntryFailure>, PortError> {
        let repeats = |event: &Outgoing| {
            self.plan.lacks(Weaken::ReEmit)
                && event.detail_type() == PriceChangedV1::DETAIL_TYPE
                && !self.invocation().wrote.contains(event.subject())
        };
        let mut taken = Vec::with_capacity(events.len());
        let mut refused = Vec::new();
        for (position, event) in events.iter().enumerate() {
            if self.fate.strikes(Fault::RefusedEntry) {
                refused.push(EntryFailure { position, code: "ThrottlingException".to_owned(), retryable: true });
            } else if !repeats(event) {
                taken.push(event.clone());
            }
        }
        self.memory.publish(&taken).await?;
        Ok(refused)
    }
}

impl Cache for Ports {
    async fn get(&self, sku: &Sku) -> Result<Option<Arc<CacheEntry>>, PortError> {
        self.memory.get(sku).await
    }

    async fn put_if_newer(&self, entry: &CacheEntry, if_absent: IfAbsent) -> Result<CacheWrite, PortError> {
        if self.cache_off {
            return Ok(CacheWrite::Equal);
        }
        let if_absent = if self.plan.lacks(Weaken::AbsentRead) { IfAbsent::Write } else { if_absent };
        self.memory.put_if_newer(entry, if_absent).await
    }
}

impl Alerts for Ports {
    async fn notify(&self, alert: &LowStockV1) -> Result<(), PortError> {
        self.memory.notify(alert).await
    }
}

impl Clock for Ports {
    fn now(&self) -> Timestamp {
        skewed(self.memory.now(), self.skew)
    }

    fn measured(&self) -> Timestamp {
        self.now()
    }
}

/// What a clock that is off by `skew` shows at `now`.
pub(crate) fn skewed(now: Timestamp, skew: SignedDuration) -> Timestamp {
    now.checked_add(skew).expect("a simulation stays within the calendar")
}
