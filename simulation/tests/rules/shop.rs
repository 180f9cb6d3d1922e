use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jiff::Timestamp;
use pricestream_cache_writer::CacheWriter;
use pricestream_domain::{Currency, Mode, Money, Sku, SourceSeq};
use pricestream_event_schema::{Event, Incoming, Outgoing, StockChange, TraceContext, encode, patterns};
use pricestream_inventory_publisher::{PublishError, Published, TimeLimits, publish};
use pricestream_low_stock_alert::LowStockAlert;
use pricestream_ports::memory::{Defences, Memory, Steps};
use pricestream_ports::{
    BatchOutcome, Bus, Delivery, EntryFailure, ModeSetting, PolledSettings, PortError, PriceRecord, ProductRecord, QueueSettings,
    SettingsRecord,
};
use pricestream_pricing_calculator::PricingCalculator;
use pricestream_telemetry::Metrics;
use serde_json::json;

pub(crate) const PRICING: &str = pricestream_pricing_calculator::SERVICE;
pub(crate) const CACHING: &str = pricestream_cache_writer::SERVICE;
pub(crate) const ALERTING: &str = pricestream_low_stock_alert::SERVICE;

/// Five percent more below ten units; half the list price is the floor.
pub(crate) const PLUS_FIVE: &str = r#"{"version":1,"strategies":{"plus-five":{"kind":"inventory_threshold","below":10,"change_bp":500}},
    "default":{"strategy":"plus-five","floor_percent_of_list":50}}"#;

/// The same rule, harder.
pub(crate) const PLUS_TWENTY: &str = r#"{"version":1,"strategies":{"plus-twenty":{"kind":"inventory_threshold","below":10,"change_bp":2000}},
    "default":{"strategy":"plus-twenty","floor_percent_of_list":50}}"#;

/// Runs what never waits.
pub(crate) fn now<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("a port in memory never waits"),
    }
}

/// What befalls one call of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It has no effect, and the caller hears so.
    Refused,
    /// It takes effect, and the answer is lost.
    AnswerLost,
}

type Rival = Box<dyn Fn() + Send>;

#[derive(Default)]
struct Watched {
    calls: Vec<&'static str>,
    /// Each befalls the call with its number, counted from 0 since the calls were last taken.
    faults: Vec<(usize, Fault)>,
    /// A call that is refused each time.
    down: Option<&'static str>,
    /// Does something just before each call of that name takes effect.
    rival: Option<(&'static str, Rival)>,
}

/// Notes every call of a port; some of them fail.
#[derive(Clone, Default)]
pub(crate) struct Watch(Arc<Mutex<Watched>>);

impl Watch {
    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().unwrap()
    }
}

impl Steps for Watch {
    async fn before(&self, call: &'static str) -> Result<(), PortError> {
        let mut watched = self.watched();
        let number = watched.calls.len();
        watched.calls.push(call);
        if watched.faults.contains(&(number, Fault::Refused)) || watched.down == Some(call) {
            return Err(PortError::unavailable("port", "it refuses"));
        }
        if let Some((name, rival)) = &watched.rival
            && *name == call
        {
            rival();
        }
        Ok(())
    }

    fn after(&self, call: &'static str) -> Result<(), PortError> {
        let watched = self.watched();
        let number = watched.calls.len() - 1;
        if watched.faults.contains(&(number, Fault::AnswerLost)) {
            return Err(PortError::unavailable("port", format!("the answer of {call} was lost")));
        }
        Ok(())
    }
}

pub(crate) type Ports = Memory<Watch>;

/// The pipeline over ports in memory: the queues of every subscriber, SKUs at 10.00 USD that warn at five units, and
/// one strategies document. What is not acknowledged is visible again at once, so that no clock moves in between.
pub(crate) struct Shop {
    pub(crate) memory: Ports,
    pub(crate) settings: PolledSettings<Ports>,
    pub(crate) metrics: Metrics,
    watch: Watch,
}

pub(crate) fn sku(text: &str) -> Sku {
    Sku::new(text).unwrap()
}

pub(crate) fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A change that occurs at the time that a shop begins with.
pub(crate) fn change(name: &str, seq: u64, on_hand: u64) -> StockChange {
    StockChange {
        sku: sku(name),
        on_hand,
        source_seq: SourceSeq(seq),
        occurred_at: at(OPENING),
        cause: None,
        quantity: None,
        unit_price: None,
        origin: None,
    }
}

pub(crate) const OPENING: &str = "2026-11-27T08:00:00Z";

pub(crate) fn settings(rev: u64, mode: Mode, strategies: &str) -> SettingsRecord {
    let mode = ModeSetting { mode, by: "test".to_owned(), note: String::new(), at: at(OPENING) };
    SettingsRecord { rev, ..SettingsRecord::first(mode, strategies, "test") }
}

impl Shop {
    /// With the catalogue lines `skus`, which nobody has priced yet.
    pub(crate) fn with(skus: &[&str]) -> Self {
        let watch = Watch::default();
        let memory = Memory::new(watch.clone(), Defences::default());
        let at_once = QueueSettings { visibility_timeout: Duration::ZERO, ..QueueSettings::default() };
        for (queue, pattern) in
            [(PRICING, patterns::PRICING_CALCULATOR), (ALERTING, patterns::LOW_STOCK_ALERT), (CACHING, patterns::CACHE_WRITER)]
        {
            memory.subscribe(queue, pattern, at_once);
        }
        memory.tables().now = at(OPENING);
        let shop = Self {
            settings: PolledSettings::new(memory.clone(), PolledSettings::<Ports>::EVERY),
            metrics: Metrics::default(),
            memory,
            watch,
        };
        for sku in skus {
            shop.put_line(1, json!({ "sku": sku, "list_price": usd(1_000), "low_stock": { "at": 5, "rearm": 10 } }));
        }
        shop.put_settings(1, Mode::Run, PLUS_FIVE);
        shop.calls();
        shop
    }

    pub(crate) fn put_line(&self, rev: u64, line: serde_json::Value) {
        let product = ProductRecord::new(serde_json::from_value(line).unwrap(), rev);
        self.memory.tables().products.insert(product.product.sku.clone(), Arc::new(product));
    }

    /// Puts settings in force, here and in the store.
    pub(crate) fn put_settings(&self, rev: u64, mode: Mode, strategies: &str) {
        self.memory.tables().settings = vec![settings(rev, mode, strategies)];
        now(pricestream_ports::Settings::refresh(&self.settings, self.time())).unwrap();
    }

    pub(crate) fn time(&self) -> Timestamp {
        self.memory.tables().now
    }

    pub(crate) fn set_time(&self, text: &str) {
        self.memory.tables().now = at(text);
    }

    /// The calls of ports since this was last asked.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.watch.watched().calls)
    }

    /// How often `call` was made since the calls were last taken.
    pub(crate) fn count(&self, call: &str) -> usize {
        self.watch.watched().calls.iter().filter(|made| **made == call).count()
    }

    /// From the next call on, which is number 0, `fault` befalls call `number`.
    pub(crate) fn fail(&self, number: usize, fault: Fault) {
        self.fail_each(&[number], fault);
    }

    /// The same for several calls.
    pub(crate) fn fail_each(&self, numbers: &[usize], fault: Fault) {
        self.calls();
        self.watch.watched().faults = numbers.iter().map(|number| (*number, fault)).collect();
    }

    /// `call` is refused until this says something else.
    pub(crate) fn down(&self, call: Option<&'static str>) {
        self.watch.watched().down = call;
    }

    pub(crate) fn mend(&self) {
        let mut watched = self.watch.watched();
        (watched.faults, watched.down, watched.rival) = (Vec::new(), None, None);
    }

    /// Before each `call` takes effect, `does` something to the tables.
    pub(crate) fn rival(&self, call: &'static str, does: impl Fn(&mut pricestream_ports::memory::Tables) + Send + 'static) {
        let memory = self.memory.clone();
        self.watch.watched().rival = Some((call, Box::new(move || does(&mut memory.tables()))));
    }

    pub(crate) fn take(&self, change: &StockChange) -> Result<Published, PublishError> {
        self.take_through(&self.memory, change)
    }

    pub(crate) fn take_through(&self, bus: &impl Bus, change: &StockChange) -> Result<Published, PublishError> {
        let limits = TimeLimits::live();
        now(publish(&self.memory, bus, &self.memory, &self.metrics, Some(&limits), None, change))
    }

    /// Puts an event into the queues, as the bus would.
    pub(crate) fn announce(&self, event: &impl Event) {
        assert_eq!(now(self.memory.publish(&[encode(event, &TraceContext::root("test"))])).unwrap(), []);
    }

    pub(crate) fn calculator(&self) -> PricingCalculator<'_, Ports, Ports, PolledSettings<Ports>, Ports> {
        self.calculator_through(&self.memory)
    }

    pub(crate) fn calculator_through<'a, B>(
        &'a self,
        bus: &'a B,
    ) -> PricingCalculator<'a, Ports, B, PolledSettings<Ports>, Ports> {
        PricingCalculator { records: &self.memory, bus, settings: &self.settings, clock: &self.memory, metrics: &self.metrics }
    }

    pub(crate) fn writer(&self) -> CacheWriter<'_, Ports, Ports, Ports> {
        CacheWriter { records: &self.memory, cache: &self.memory, clock: &self.memory, metrics: &self.metrics }
    }

    /// The subscriber of `queue` handles `batch`.
    pub(crate) fn handle(&self, queue: &str, batch: &[Delivery]) -> BatchOutcome {
        match queue {
            PRICING => now(self.calculator().handle(batch)),
            CACHING => now(self.writer().handle(batch)),
            ALERTING => {
                let (records, alerts, clock) = (&self.memory, &self.memory, &self.memory);
                let alert = LowStockAlert { records, alerts, clock, metrics: &self.metrics };
                now(alert.handle(batch))
            }
            _ => panic!("nobody subscribes {queue}"),
        }
    }

    /// Delivers once what is in `queue`.
    pub(crate) fn deliver(&self, queue: &str) -> BatchOutcome {
        let batch = self.memory.receive(queue, 100);
        let outcome = self.handle(queue, &batch);
        self.memory.finish(queue, &batch, &outcome);
        outcome
    }

    /// Delivers everything until all queues are empty.
    pub(crate) fn settle(&self) {
        for queue in [PRICING, ALERTING, CACHING] {
            while self.waiting(queue) > 0 {
                self.deliver(queue);
            }
        }
    }

    pub(crate) fn waiting(&self, queue: &str) -> usize {
        self.memory.tables().queue(queue).len()
    }

    pub(crate) fn record(&self, name: &str) -> PriceRecord {
        self.memory.tables().prices[&sku(name)].clone()
    }

    pub(crate) fn price(&self, name: &str) -> Option<i64> {
        self.record(name).standing.map(|standing| standing.price.minor)
    }

    pub(crate) fn cached(&self, name: &str) -> Option<i64> {
        self.memory.tables().cache.get(&sku(name)).and_then(|entry| entry.price).map(|price| price.minor)
    }

    /// The events in `queue`, each once: a repeated event is the same event, to the last byte.
    pub(crate) fn events(&self, queue: &str) -> BTreeSet<String> {
        let batch = self.memory.receive(queue, usize::MAX);
        let mut tables = self.memory.tables();
        let time = tables.now;
        for delivery in &batch {
            tables.queue(queue).release(delivery.id, time, Duration::ZERO);
        }
        batch.into_iter().map(|delivery| delivery.body.to_string()).collect()
    }

    /// The ids of what is in `queue`, repeated ones too.
    pub(crate) fn ids(&self, queue: &str) -> Vec<String> {
        let batch = self.memory.receive(queue, usize::MAX);
        let mut tables = self.memory.tables();
        let time = tables.now;
        for delivery in &batch {
            tables.queue(queue).release(delivery.id, time, Duration::ZERO);
        }
        batch.iter().map(|delivery| Incoming::decode(&delivery.body).unwrap().id().to_owned()).collect()
    }

    /// Everything that the handlers did, so that two runs can be compared.
    pub(crate) fn state(&self) -> String {
        let events = [CACHING, ALERTING, PRICING].map(|queue| self.events(queue));
        let tables = self.memory.tables();
        let alerts: Vec<_> = tables.alerts.values().map(|(alert, _)| alert).collect();
        let records = (&tables.inventory, &tables.prices, &tables.history, &tables.alert_states, &tables.cache);
        format!("{records:#?}\n{alerts:#?}\n{events:#?}")
    }
}

/// A bus that refuses entries by a script; after its end it takes everything.
pub(crate) struct Choosy<'a> {
    memory: &'a Ports,
    script: Mutex<std::collections::VecDeque<Vec<EntryFailure>>>,
    /// The ids that were offered, an offer each.
    pub(crate) offers: Mutex<Vec<Vec<String>>>,
}

pub(crate) fn throttled(position: usize) -> EntryFailure {
    EntryFailure { position, code: "ThrottlingException".to_owned(), retryable: true }
}

pub(crate) fn defective(position: usize) -> EntryFailure {
    EntryFailure { position, code: "MalformedDetail".to_owned(), retryable: false }
}

impl<'a> Choosy<'a> {
    pub(crate) fn new(memory: &'a Ports, script: impl IntoIterator<Item = Vec<EntryFailure>>) -> Self {
        Self { memory, script: Mutex::new(script.into_iter().collect()), offers: Mutex::default() }
    }

    pub(crate) fn offered(&self) -> Vec<Vec<String>> {
        self.offers.lock().unwrap().clone()
    }
}

impl Bus for Choosy<'_> {
    async fn publish(&self, events: &[Outgoing]) -> Result<Vec<EntryFailure>, PortError> {
        self.offers.lock().unwrap().push(events.iter().map(|event| event.id().to_owned()).collect());
        let failed = self.script.lock().unwrap().pop_front().unwrap_or_default();
        let refused = |position: &usize| failed.iter().any(|entry| entry.position == *position);
        let taken: Vec<Outgoing> = (0..events.len()).filter(|at| !refused(at)).map(|at| events[at].clone()).collect();
        assert_eq!(self.memory.publish(&taken).await?, []);
        Ok(failed)
    }
}
