//! The contract suite over the embedded ports.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use pricestream_embedded::{Access, Durability, EmbeddedBus, EmbeddedCache, Phase, Runtime, Store, Subscriber, ready};
use pricestream_ports::contract::{MAX_RECEIVE_COUNT, SampleSubscriber, VISIBILITY, World};
use pricestream_ports::{
    BatchOutcome, Bus, Cache, Clock, Delivery, Documents, Orders, PriceRecord, QueueSettings, Records, Usage, contract_suite,
};

/// The real bus and store under a runtime whose subscriber hands each batch to the test and does what the test says.
struct EmbeddedWorld {
    store: Arc<Store>,
    bus: Arc<EmbeddedBus>,
    cache: EmbeddedCache,
    runtime: Runtime<TestClock>,
    clock: TestClock,
    _directory: tempfile::TempDir,
}

#[derive(Clone, Default)]
struct TestClock(Arc<Mutex<Timestamp>>);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
    fn measured(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

struct Nobody(SampleSubscriber);

impl Subscriber for Nobody {
    fn queue(&self) -> &'static str {
        self.0.queue
    }
    fn pattern(&self) -> &'static str {
        self.0.pattern
    }
    fn phase(&self) -> Phase {
        Phase::AfterCommit
    }
    fn settings(&self) -> QueueSettings {
        QueueSettings { visibility_timeout: VISIBILITY, max_receive_count: MAX_RECEIVE_COUNT }
    }
    fn handle<'a>(&'a self, _: &'a [Delivery]) -> Pin<Box<dyn Future<Output = BatchOutcome> + Send + 'a>> {
        unreachable!("the test fetches the messages itself")
    }
}

fn world() -> EmbeddedWorld {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(directory.path(), Access::Write(Durability::Process)).unwrap());
    let bus = Arc::new(EmbeddedBus::new());
    let clock = TestClock::default();
    let subscribers = SampleSubscriber::ALL.map(|sample| Box::new(Nobody(sample)) as Box<dyn Subscriber>).into();
    let runtime = Runtime::new(Arc::clone(&store), Arc::clone(&bus), clock.clone(), subscribers, Box::new(|_| {})).unwrap();
    EmbeddedWorld { store, bus, cache: EmbeddedCache::new(None), runtime, clock, _directory: directory }
}

impl World for EmbeddedWorld {
    fn records(&self) -> &impl Records {
        &*self.store
    }
    fn documents(&self) -> &impl Documents {
        &*self.store
    }
    fn usage(&self) -> &impl Usage {
        &*self.store
    }
    fn orders(&self) -> &impl Orders {
        &*self.store
    }
    fn bus(&self) -> &impl Bus {
        &*self.bus
    }
    fn cache(&self) -> &impl Cache {
        &self.cache
    }
    fn wipe_cache(&self) {
        self.cache.wipe();
    }
    async fn receive(&self, queue: &str, most: usize) -> Vec<Delivery> {
        self.runtime.fetch(queue, most)
    }
    async fn finish(&self, queue: &str, batch: Vec<Delivery>, outcome: BatchOutcome) {
        self.runtime.settle_batch(queue, batch, &outcome);
    }
    async fn pass(&self, time: Duration) {
        let mut now = self.clock.0.lock().unwrap();
        *now = now.checked_add(time).unwrap();
    }
    async fn dead_letters(&self, _: &str) -> Vec<String> {
        self.store.dead_letters(None, 100).unwrap().into_iter().map(|row| row.body).collect()
    }
    async fn images(&self) -> Vec<PriceRecord> {
        self.store.take_images()
    }
}

fn block_on(future: impl Future<Output = ()>) {
    ready(future);
}

contract_suite!(block_on, world());
