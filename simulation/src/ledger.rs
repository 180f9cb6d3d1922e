use std::collections::{BTreeMap, BTreeSet};

use pricestream_event_schema::Body;
use pricestream_ports::memory::Tables;
use pricestream_ports::{BatchOutcome, Delivery, MessageId};

/// What became of every copy of a message (I10). Their ids are 1, 2, 3, ... over all queues.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Copies put into queues.
    pub(crate) sent: u64,
    /// Those that nobody can read.
    pub(crate) poison: BTreeSet<MessageId>,
    /// Handled, by the word of a handler that was acknowledged.
    pub(crate) handled: BTreeSet<MessageId>,
    /// Taken away by a fault.
    pub(crate) lost: BTreeSet<MessageId>,
    /// What each queue ever delivered, for replays.
    archive: BTreeMap<&'static str, Vec<Body>>,
}

/// Bodies kept for replays, per queue.
const ARCHIVE: usize = 64;

impl Ledger {
    /// Puts a message into a queue outside the bus.
    pub(crate) fn send(&mut self, tables: &mut Tables, queue: &'static str, body: Body) -> MessageId {
        self.sent += 1;
        tables.send(queue, body);
        MessageId(self.sent)
    }

    pub(crate) fn delivered(&mut self, queue: &'static str, batch: &[Delivery]) {
        let archive = self.archive.entry(queue).or_default();
        archive.extend(batch.iter().filter(|delivery| delivery.receive_count == 1).map(|delivery| delivery.body.clone()));
        let over = archive.len().saturating_sub(ARCHIVE);
        archive.drain(..over);
    }

    pub(crate) fn finished(&mut self, batch: &[Delivery], outcome: &BatchOutcome) {
        let aside = |id| outcome.retry.contains(&id) || outcome.quarantined.iter().any(|quarantined| quarantined.id == id);
        self.handled.extend(batch.iter().map(|delivery| delivery.id).filter(|id| !aside(*id)));
    }

    /// Everything that `queue` delivered of late.
    pub(crate) fn archive(&self, queue: &str) -> &[Body] {
        self.archive.get(queue).map(Vec::as_slice).unwrap_or_default()
    }
}
