//! A shop in memory: everything that the routes read, and nobody who writes.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, RwLock};

use axum::Router;
use jiff::Timestamp;
use pricestream_domain::Sku;
use pricestream_event_schema::{LowStockV1, StockChange, TraceContext};
use pricestream_ports::memory::Memory;
use pricestream_ports::{Cache, CacheEntry, CacheWrite, IfAbsent, PortError, Settings, SettingsSnapshot, SystemClock};
use pricestream_price_api::{
    Api, Circuit, Command, DeadLetterView, Desk, DeskError, Done, Intake, Items, Ledger, OrderCommand, OrderDone, QuoteKey,
    StockOutcome, StoreStatus, StreamHub, Tokens, Verification, World, router,
};
use pricestream_telemetry::Metrics;

pub(crate) struct Bench<K>(std::marker::PhantomData<fn() -> K>);

impl<K: Cache + 'static> World for Bench<K> {
    type Records = Memory;
    type Documents = Memory;
    type Settings = Fixed;
    type Cache = K;
    type Usage = Memory;
    type Desk = Nobody;
    type Ledger = Nobody;
}

/// A map behind a lock, as the embedded cache is.
#[derive(Default)]
pub(crate) struct Shared(pub(crate) RwLock<HashMap<Sku, Arc<CacheEntry>>>);

impl Shared {
    pub(crate) fn of(entries: impl IntoIterator<Item = CacheEntry>) -> Self {
        Self(RwLock::new(entries.into_iter().map(|entry| (entry.sku.clone(), Arc::new(entry))).collect()))
    }
}

impl Cache for Shared {
    async fn get(&self, sku: &Sku) -> Result<Option<Arc<CacheEntry>>, PortError> {
        Ok(self.0.read().expect("no panic while held").get(sku).cloned())
    }
    async fn put_if_newer(&self, _: &CacheEntry, _: IfAbsent) -> Result<CacheWrite, PortError> {
        Ok(CacheWrite::Stale)
    }
}

/// Settings that stay as they are.
pub(crate) struct Fixed(pub(crate) Arc<SettingsSnapshot>);

impl Settings for Fixed {
    fn current(&self) -> Arc<SettingsSnapshot> {
        Arc::clone(&self.0)
    }
    async fn refresh(&self, _: Timestamp) -> Result<(), PortError> {
        Ok(())
    }
}

pub(crate) struct Nobody;

impl Intake for Nobody {
    async fn stock_changes(&self, _: Vec<StockChange>, _: Option<TraceContext>) -> Result<Vec<StockOutcome>, DeskError> {
        Err(DeskError::Busy)
    }
    async fn quarantine(&self, _: Vec<(Vec<u8>, String)>) -> Result<(), DeskError> {
        Err(DeskError::Busy)
    }
}

impl Desk for Nobody {
    async fn order(&self, _: OrderCommand) -> Result<OrderDone, DeskError> {
        Err(DeskError::Busy)
    }
    async fn command(&self, _: Command) -> Result<Done, DeskError> {
        Err(DeskError::Busy)
    }
}

impl Ledger for Nobody {
    async fn dead_letters(&self, _: Option<i64>, _: usize) -> Result<Vec<DeadLetterView>, PortError> {
        Ok(Vec::new())
    }
    async fn alerts(&self, _: usize) -> Result<Vec<LowStockV1>, PortError> {
        Ok(Vec::new())
    }
    async fn verify(&self, _: Option<Sku>) -> Result<Verification, PortError> {
        Ok(Verification::default())
    }
    async fn status(&self) -> Result<StoreStatus, PortError> {
        Ok(StoreStatus::default())
    }
}

/// Metrics and a hub for them, which takes that many streams.
pub(crate) fn hub(most_streams: usize) -> (Arc<Metrics>, Arc<StreamHub>) {
    let metrics = Arc::new(Metrics::default());
    let hub = Arc::new(StreamHub::new(Arc::clone(&metrics), most_streams));
    (metrics, hub)
}

/// Our routes over `cache`.
pub(crate) fn routes<K: Cache + 'static>(
    cache: K,
    records: Memory,
    settings: SettingsSnapshot,
    (metrics, hub): (Arc<Metrics>, Arc<StreamHub>),
) -> Router {
    router(Api::<Bench<K>> {
        records: Arc::new(records),
        documents: Arc::new(Memory::default()),
        settings: Arc::new(Fixed(Arc::new(settings))),
        items: Items::default(),
        circuit: Circuit::new(Arc::clone(&metrics)),
        cache: Arc::new(cache),
        usage: Arc::new(Memory::default()),
        desk: Arc::new(Nobody),
        ledger: Arc::new(Nobody),
        hub,
        metrics,
        clock: Arc::new(SystemClock),
        quote_key: QuoteKey::new(&[0; 32]).expect("it is long enough"),
        tokens: Tokens::default(),
        ready: Arc::new(AtomicBool::new(true)),
    })
}
