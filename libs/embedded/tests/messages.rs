//! What the bus of one process delivers: events that were never text read like the text that the outbox holds of them.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use pricestream_domain::StockVersion;
use pricestream_embedded::{Access, Durability, EmbeddedBus, Phase, Runtime, Store, Subscriber, ready};
use pricestream_event_schema::{Body, Incoming, Outgoing, Received, StockChangedV1, decode};
use pricestream_ports::contract::stock_event;
use pricestream_ports::{BatchOutcome, Bus, Clock, Delivery};

const QUEUE: &str = "reader";

/// Looks into the detail, so that the bus has to write the event down.
const OF_A: &str = r#"{"detail-type":["StockChanged.v1"],"detail":{"data":{"sku":["A"]}}}"#;

const EVERY: &str = r#"{"detail-type":["StockChanged.v1"]}"#;

/// Keeps what it is handed, and handles none of it.
struct Reader {
    queue: &'static str,
    pattern: &'static str,
    seen: Arc<Mutex<Vec<Body>>>,
}

impl Subscriber for Reader {
    fn queue(&self) -> &'static str {
        self.queue
    }
    fn pattern(&self) -> &'static str {
        self.pattern
    }
    fn phase(&self) -> Phase {
        Phase::AfterCommit
    }
    fn handle<'a>(&'a self, batch: &'a [Delivery]) -> Pin<Box<dyn Future<Output = BatchOutcome> + Send + 'a>> {
        self.seen.lock().unwrap().extend(batch.iter().map(|delivery| delivery.body.clone()));
        let retry = batch.iter().map(|delivery| delivery.id).collect();
        Box::pin(std::future::ready(BatchOutcome { retry, ..BatchOutcome::default() }))
    }
}

/// Seconds since 1970.
struct TestClock(Arc<AtomicI64>);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::Relaxed)).unwrap()
    }
    fn measured(&self) -> Timestamp {
        self.now()
    }
}

struct Process {
    store: Arc<Store>,
    bus: Arc<EmbeddedBus>,
    runtime: Runtime<TestClock>,
    clock: Arc<AtomicI64>,
    seen: Arc<Mutex<Vec<Body>>>,
}

impl Process {
    fn start(directory: &Path, pattern: &'static str) -> Self {
        Self::start_with(directory, QUEUE, pattern)
    }

    /// With one subscriber, which has this queue.
    fn start_with(directory: &Path, queue: &'static str, pattern: &'static str) -> Self {
        let store = Arc::new(Store::open(directory, Access::Write(Durability::Process)).unwrap());
        let (bus, seen) = (Arc::new(EmbeddedBus::new()), Arc::default());
        let clock = Arc::<AtomicI64>::default();
        let (reader, time) = (Box::new(Reader { queue, pattern, seen: Arc::clone(&seen) }), TestClock(Arc::clone(&clock)));
        let runtime = Runtime::new(Arc::clone(&store), Arc::clone(&bus), time, vec![reader], Box::new(|_| {})).unwrap();
        Self { store, bus, runtime, clock, seen }
    }

    fn publish(&self, event: &Outgoing) {
        assert_eq!(ready(self.bus.publish(std::slice::from_ref(event))).unwrap(), []);
    }
}

fn read(body: &Body) -> Received<StockChangedV1> {
    let event = body.decode().unwrap();
    assert_eq!(decode::<StockChangedV1>(body.text()).unwrap(), event, "its text says the same");
    assert_eq!(Incoming::decode(body).unwrap(), Incoming::StockChanged(event.clone()), "as one of several types too");
    event
}

#[test]
fn an_event_its_text_in_the_outbox_and_what_a_restart_takes_up_read_alike() {
    for pattern in [EVERY, OF_A] {
        let directory = tempfile::tempdir().unwrap();
        let sent = stock_event("A", 1);
        let process = Process::start(directory.path(), pattern);
        process.runtime.turn(|_| process.publish(&sent)).unwrap();
        let [delivered] = &process.seen.lock().unwrap()[..] else { panic!("it is delivered once, after the commit") };
        let event = read(delivered);
        assert_eq!((&event.id[..], delivered.text()), (sent.id(), sent.body()));
        assert_eq!(process.store.counts().unwrap().outbox, 1, "it failed, so the outbox keeps it");
        drop(process.runtime);
        drop((process.store, process.bus));

        let process = Process::start(directory.path(), pattern);
        let [again] = &process.runtime.fetch(QUEUE, 10)[..] else { panic!("it is taken up") };
        assert_eq!((again.body.text(), read(&again.body)), (sent.body(), event));
    }
}

#[test]
fn a_message_whose_turn_came_to_nothing_is_delivered_again_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let process = Process::start(directory.path(), EVERY);
    process.runtime.turn(|_| process.publish(&stock_event("A", 1))).unwrap();
    process.clock.store(1, Ordering::Relaxed);
    let fetch = || process.runtime.fetch(QUEUE, 10);
    let turn = catch_unwind(AssertUnwindSafe(|| {
        process.runtime.turn(|runtime| {
            let batch = fetch();
            assert_eq!(read(&batch[0].body).data.stock_version, StockVersion(1));
            runtime.settle_batch(QUEUE, batch, &BatchOutcome::default());
            process.publish(&stock_event("A", 2));
            panic!("the turn comes to nothing");
        })
    }));
    assert!(turn.is_err());
    let [again] = &fetch()[..] else { panic!("what was handled is to be handled, what was sent was not") };
    assert_eq!((read(&again.body).id, again.body.text()), (stock_event("A", 1).id().to_owned(), stock_event("A", 1).body()));
}

#[test]
fn a_message_of_a_queue_that_nobody_subscribes_any_more_is_left_when_all_others_are_handled() {
    let directory = tempfile::tempdir().unwrap();
    let of_former = stock_event("A", 1);
    let former = Process::start_with(directory.path(), "former", EVERY);
    former.runtime.turn(|_| former.publish(&of_former)).unwrap();
    drop(former.runtime);
    drop((former.store, former.bus));

    let process = Process::start(directory.path(), EVERY);
    process.runtime.turn(|_| process.publish(&stock_event("A", 2))).unwrap();
    assert_eq!(process.store.counts().unwrap().outbox, 2);
    process.clock.store(1, Ordering::Relaxed);
    process.runtime.turn(|runtime| runtime.settle_batch(QUEUE, runtime.fetch(QUEUE, 10), &BatchOutcome::default())).unwrap();
    assert_eq!(process.store.counts().unwrap().outbox, 1, "what was handled is gone, and nothing else");
    drop(process.runtime);
    drop((process.store, process.bus));

    let former = Process::start_with(directory.path(), "former", EVERY);
    let [message] = &former.runtime.fetch("former", 10)[..] else { panic!("it is there when somebody subscribes again") };
    assert_eq!(message.body.text(), of_former.body());
}

#[test]
fn what_is_handled_leaves_the_outbox_and_what_is_not_stays() {
    let directory = tempfile::tempdir().unwrap();
    let process = Process::start(directory.path(), EVERY);
    let outbox = || process.store.counts().unwrap().outbox;
    process.runtime.turn(|_| (1..=5).for_each(|version| process.publish(&stock_event("A", version)))).unwrap();
    assert_eq!(outbox(), 5);
    process.clock.store(1, Ordering::Relaxed);
    let handle = |most: usize| {
        process
            .runtime
            .turn(|runtime| runtime.settle_batch(QUEUE, runtime.fetch(QUEUE, most), &BatchOutcome::default()))
            .unwrap();
    };
    handle(2);
    assert_eq!(outbox(), 3, "some");
    process.clock.store(100, Ordering::Relaxed);
    process
        .runtime
        .turn(|runtime| {
            runtime.settle_batch(QUEUE, runtime.fetch(QUEUE, 10), &BatchOutcome::default());
            process.publish(&stock_event("A", 6));
        })
        .unwrap();
    assert_eq!(outbox(), 1, "all, while another comes in");
    process.clock.store(200, Ordering::Relaxed);
    handle(10);
    assert_eq!(outbox(), 0);
}
