use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;
use pricestream_event_schema::{Body, PatternError};
use pricestream_ports::{BatchOutcome, Clock, Delivery, PriceRecord, QueueSettings};

use crate::bus::Removed;
use crate::{EmbeddedBus, Phase, SetAside, Store, ready};

/// Who handles the messages of one queue. Adding one takes this and an event-pattern document; the publisher of the
/// events does not know.
pub trait Subscriber: Send {
    /// The queue's name: stable, since the store keeps messages under it.
    fn queue(&self) -> &'static str;
    /// Which events it wants: an event-pattern document.
    fn pattern(&self) -> &'static str;
    /// When its effects take place.
    fn phase(&self) -> Phase;
    /// Visibility timeout and deliveries before a message is dead.
    fn settings(&self) -> QueueSettings {
        QueueSettings::default()
    }
    /// Handles a batch; what the outcome names neither for retry nor for quarantine is acknowledged.
    fn handle<'a>(&'a self, batch: &'a [Delivery]) -> Pin<Box<dyn Future<Output = BatchOutcome> + Send + 'a>>;
    /// The guaranteed path: images of the price records that were just committed.
    fn committed(&self, _: &[PriceRecord]) {}
}

/// Why a turn came to nothing. Everything that it did is undone, and may be tried again.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// SQLite could not write: most often the disk is full.
    #[error("the store could not commit: nothing of it was kept; see that the disk has space, then send it again")]
    Commit(#[from] rusqlite::Error),
}

/// Messages handed to a subscriber at once.
const BATCH: usize = 64;

/// Runs handlers against the store, one transaction a turn. Owned by one thread.
pub struct Runtime<C> {
    store: Arc<Store>,
    bus: Arc<EmbeddedBus>,
    clock: C,
    subscribers: Vec<Box<dyn Subscriber>>,
    on_dead: Box<dyn Fn(&'static str) + Send>,
}

impl<C> std::fmt::Debug for Runtime<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").field("subscribers", &self.subscribers.len()).finish_non_exhaustive()
    }
}

impl<C: Clock> Runtime<C> {
    /// Subscribes everybody, then takes up what the outbox held when the store was last open. `on_dead` hears the
    /// queue of each message that redelivery gave up.
    pub fn new(
        store: Arc<Store>,
        bus: Arc<EmbeddedBus>,
        clock: C,
        subscribers: Vec<Box<dyn Subscriber>>,
        on_dead: Box<dyn Fn(&'static str) + Send>,
    ) -> Result<Self, StartError> {
        for subscriber in &subscribers {
            bus.subscribe(subscriber.queue(), subscriber.pattern(), subscriber.phase(), subscriber.settings())?;
        }
        bus.restore(store.take_up_outbox()?);
        Ok(Self { store, bus, clock, subscribers, on_dead })
    }

    /// One transaction: `work`, then everything that it set off in the records, then the commit; then what leaves the
    /// records. `work` may call [`Runtime::settle`] to have what it set off so far handled before it goes on.
    pub fn turn<T>(&self, work: impl FnOnce(&Self) -> T) -> Result<T, TurnError> {
        self.store.begin()?;
        let result = catch_unwind(AssertUnwindSafe(|| {
            let result = work(self);
            self.settle();
            result
        }));
        let outbox = self.bus.outbox();
        let committed = match &result {
            Ok(_) => self.store.put_outbox(&outbox).and_then(|()| self.store.commit()),
            Err(_) => Ok(()),
        };
        match (result, committed) {
            (Ok(result), Ok(())) => {
                self.bus.committed(&outbox);
                self.leave();
                Ok(result)
            }
            (Ok(_), Err(error)) => {
                self.store.roll_back();
                self.bus.rolled_back();
                Err(error.into())
            }
            (Err(panic), _) => {
                self.store.roll_back();
                self.bus.rolled_back();
                std::panic::resume_unwind(panic)
            }
        }
    }

    /// Handles what is visible of the queues whose effects are records. Only within [`Runtime::turn`].
    pub fn settle(&self) {
        self.pump(Phase::InTransaction);
    }

    /// When a turn is needed though nothing new comes in: a hidden message becomes visible.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.bus.next_wake()
    }

    /// A commit is owed to the outbox: messages were handled after the last one.
    pub fn owes_commit(&self) -> bool {
        self.bus.has_settled()
    }

    /// Puts a message back into `queue`, in the turn under way. False when there is no such queue.
    pub fn send(&self, queue: &str, body: Body) -> bool {
        self.bus.send_to(queue, body)
    }

    fn leave(&self) {
        let images = self.store.take_images();
        if !images.is_empty() {
            for subscriber in &self.subscribers {
                subscriber.committed(&images);
            }
        }
        self.pump(Phase::AfterCommit);
    }

    fn pump(&self, phase: Phase) {
        while let Some((position, batch)) = self.bus.receive(phase, BATCH, self.clock.measured()) {
            let subscriber = &self.subscribers[position];
            let handled = catch_unwind(AssertUnwindSafe(|| ready(subscriber.handle(&batch))));
            let outcome = handled.unwrap_or_else(|_| {
                tracing::error!(
                    queue = subscriber.queue(),
                    messages = batch.len(),
                    "the handler panicked: its messages are delivered again"
                );
                BatchOutcome { retry: batch.iter().map(|delivery| delivery.id).collect(), ..BatchOutcome::default() }
            });
            self.settle_at(position, batch, &outcome);
        }
        self.bury();
    }

    /// Fetches messages of `queue` as `pump` does, for tests of the queues.
    pub fn fetch(&self, queue: &str, most: usize) -> Vec<Delivery> {
        let batch = self.bus.receive_from(queue, most, self.clock.measured());
        self.bury();
        batch
    }

    /// Settles what was fetched, as `pump` does after its handler has returned.
    pub fn settle_batch(&self, queue: &str, batch: Vec<Delivery>, outcome: &BatchOutcome) {
        if let Some(position) = self.bus.position(queue) {
            self.settle_at(position, batch, outcome);
        }
    }

    fn settle_at(&self, position: usize, batch: Vec<Delivery>, outcome: &BatchOutcome) {
        let aside = self.bus.finish(position, batch, outcome, self.clock.measured());
        self.set_aside(aside);
    }

    fn bury(&self) {
        let dead = self.bus.take_dead();
        for message in &dead {
            (self.on_dead)(message.queue);
        }
        self.set_aside(dead);
    }

    fn set_aside(&self, messages: Vec<Removed>) {
        for Removed { queue, body, receive_count, reason } in messages {
            let reason = reason.unwrap_or_else(|| format!("delivered {receive_count} times and never handled"));
            let aside =
                SetAside { queue, body: body.text().as_bytes(), reason: &reason, receive_count, at: self.clock.measured() };
            if let Err(error) = self.store.put_aside(&aside) {
                tracing::error!(queue, %reason, %error, "a message could not be set aside");
            }
        }
    }
}

/// Why a runtime cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A subscriber's event pattern is none.
    #[error("a subscriber's event pattern cannot be used")]
    Pattern(#[from] PatternError),
    /// The outbox cannot be read.
    #[error("the outbox cannot be read")]
    Outbox(#[from] rusqlite::Error),
}
