use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use foldhash::HashSet;
use jiff::Timestamp;
use pricestream_event_schema::{Body, Outgoing, Pattern, PatternError};
use pricestream_ports::{
    BatchOutcome, Bus, DeadLetter, Delivery, EntryFailure, MessageId, PortError, Quarantined, Queue, QueueSettings,
};

use crate::store::Undelivered;

/// When a subscriber's work takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its effects are records alone: in the transaction that brought the event.
    InTransaction,
    /// Its effects leave the records: after the commit, so that nothing is shown which a crash could take back.
    AfterCommit,
}

/// Routes events to queues by event-pattern documents: the same that the cloud's rules carry. What is still to be
/// handled when a transaction commits is made durable with it.
#[derive(Debug, Default)]
pub struct EmbeddedBus {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    subscriptions: Vec<Subscription>,
    next: u64,
    /// Messages that the outbox holds, ...
    durable: HashSet<MessageId>,
    /// ... and whether it holds others, of queues that nobody subscribes.
    holds_others: bool,
    turn: Turn,
}

#[derive(Debug)]
struct Subscription {
    name: &'static str,
    pattern: Pattern,
    phase: Phase,
    queue: Queue,
}

/// What the transaction under way did to the queues.
#[derive(Debug, Default)]
struct Turn {
    sent: Vec<(usize, MessageId, Body)>,
    /// Done with: acknowledged, quarantined or dead.
    settled: Vec<(usize, Delivery)>,
}

/// What a commit must write of the queues.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) insert: Vec<(&'static str, MessageId, Body)>,
    /// In rising order.
    pub(crate) delete: Vec<MessageId>,
    /// What is to be deleted is everything that the outbox holds.
    pub(crate) deletes_all: bool,
}

/// A message that leaves its queue unhandled.
#[derive(Debug)]
pub(crate) struct Removed {
    pub(crate) queue: &'static str,
    pub(crate) body: Body,
    pub(crate) receive_count: u32,
    pub(crate) reason: Option<String>,
}

impl EmbeddedBus {
    /// No subscriber yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Subscribes a queue to what `pattern` matches.
    pub(crate) fn subscribe(
        &self,
        name: &'static str,
        pattern: &str,
        phase: Phase,
        settings: QueueSettings,
    ) -> Result<(), PatternError> {
        let pattern = Pattern::from_json(pattern)?;
        self.state().subscriptions.push(Subscription { name, pattern, phase, queue: Queue::new(settings) });
        Ok(())
    }

    /// Puts back what the outbox held when the process ended. A queue that nobody subscribes any more is left alone.
    pub(crate) fn restore(&self, messages: Vec<Undelivered>) {
        let mut state = self.state();
        for (queue, id, body, receive_count) in messages {
            state.next = state.next.max(id.0);
            if let Some(subscription) = state.subscriptions.iter_mut().find(|subscription| subscription.name == queue) {
                subscription.queue.send(id, body, receive_count);
                state.durable.insert(id);
            } else {
                state.holds_others = true;
            }
        }
    }

    /// Up to `most` messages of the first queue of `phase` that has any.
    pub(crate) fn receive(&self, phase: Phase, most: usize, now: Timestamp) -> Option<(usize, Vec<Delivery>)> {
        let mut state = self.state();
        for (position, subscription) in state.subscriptions.iter_mut().enumerate() {
            if subscription.phase == phase {
                let batch = subscription.queue.receive(most, now);
                if !batch.is_empty() {
                    return Some((position, batch));
                }
            }
        }
        None
    }

    /// Up to `most` messages of the queue called `name`.
    pub(crate) fn receive_from(&self, name: &str, most: usize, now: Timestamp) -> Vec<Delivery> {
        let mut state = self.state();
        let subscription = state.subscriptions.iter_mut().find(|subscription| subscription.name == name);
        subscription.map(|subscription| subscription.queue.receive(most, now)).unwrap_or_default()
    }

    /// Where the queue called `name` stands.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.state().subscriptions.iter().position(|subscription| subscription.name == name)
    }

    /// Settles a handled batch; gives what is to be set aside with its reason.
    pub(crate) fn finish(&self, position: usize, batch: Vec<Delivery>, outcome: &BatchOutcome, now: Timestamp) -> Vec<Removed> {
        let mut state = self.state();
        let State { subscriptions, turn, .. } = &mut *state;
        let Subscription { name, queue, .. } = &mut subscriptions[position];
        let mut removed = Vec::new();
        for delivery in batch {
            if outcome.retry.contains(&delivery.id) {
                queue.release(delivery.id, now, backoff(delivery.receive_count));
                continue;
            }
            queue.acknowledge(delivery.id);
            if let Some(Quarantined { reason, .. }) = outcome.quarantined.iter().find(|aside| aside.id == delivery.id) {
                let (body, receive_count) = (delivery.body.clone(), delivery.receive_count);
                removed.push(Removed { queue: name, body, receive_count, reason: Some(reason.clone()) });
            }
            turn.settled.push((position, delivery));
        }
        removed
    }

    /// What has been delivered too often since the last call.
    pub(crate) fn take_dead(&self) -> Vec<Removed> {
        let mut state = self.state();
        let State { subscriptions, turn, .. } = &mut *state;
        let mut removed = Vec::new();
        for (position, subscription) in subscriptions.iter_mut().enumerate() {
            for DeadLetter { id, body, receive_count } in subscription.queue.take_dead() {
                turn.settled.push((position, Delivery { id, body: body.clone(), receive_count }));
                removed.push(Removed { queue: subscription.name, body, receive_count, reason: None });
            }
        }
        removed
    }

    /// What the commit must write so that a crash right after it forgets nothing.
    pub(crate) fn outbox(&self) -> Outbox {
        let state = self.state();
        let settled: HashSet<MessageId> = state.turn.settled.iter().map(|(_, delivery)| delivery.id).collect();
        let open = |(position, id, body): &(usize, MessageId, Body)| {
            (!settled.contains(id)).then(|| (state.subscriptions[*position].name, *id, body.clone()))
        };
        let mut delete: Vec<MessageId> = settled.iter().filter(|id| state.durable.contains(id)).copied().collect();
        delete.sort_unstable();
        let deletes_all = !state.holds_others && delete.len() == state.durable.len();
        Outbox { insert: state.turn.sent.iter().filter_map(open).collect(), delete, deletes_all }
    }

    /// The transaction that wrote `outbox` is durable.
    pub(crate) fn committed(&self, outbox: &Outbox) {
        let mut state = self.state();
        state.turn = Turn::default();
        state.durable.extend(outbox.insert.iter().map(|(_, id, _)| *id));
        for id in &outbox.delete {
            state.durable.remove(id);
        }
    }

    /// The transaction came to nothing: its messages were never sent, and what it handled is to be handled again.
    pub(crate) fn rolled_back(&self) {
        let mut state = self.state();
        let turn = std::mem::take(&mut state.turn);
        let sent: HashSet<MessageId> = turn.sent.iter().map(|(_, id, _)| *id).collect();
        for subscription in &mut state.subscriptions {
            subscription.queue.forget(&sent);
        }
        for (position, delivery) in turn.settled.into_iter().filter(|(_, delivery)| !sent.contains(&delivery.id)) {
            state.subscriptions[position].queue.send(delivery.id, delivery.body, delivery.receive_count.saturating_sub(1));
        }
    }

    /// Something settled after a commit still has its row in the outbox.
    pub(crate) fn has_settled(&self) -> bool {
        let state = self.state();
        !state.turn.settled.is_empty() || !state.turn.sent.is_empty()
    }

    /// When the next hidden message becomes visible.
    pub(crate) fn next_wake(&self) -> Option<Timestamp> {
        self.state().subscriptions.iter().filter_map(|subscription| subscription.queue.next_wake()).min()
    }

    /// Messages not yet handled, by queue.
    pub fn depths(&self) -> Vec<(&'static str, usize)> {
        self.state().subscriptions.iter().map(|subscription| (subscription.name, subscription.queue.len())).collect()
    }

    /// Puts one message back into `queue`: a redrive. False when there is no such queue.
    pub(crate) fn send_to(&self, queue: &str, body: Body) -> bool {
        let mut state = self.state();
        let Some(position) = state.subscriptions.iter().position(|subscription| subscription.name == queue) else {
            return false;
        };
        state.send(position, body);
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while held")
    }
}

impl State {
    fn send(&mut self, position: usize, body: Body) {
        self.next += 1;
        let id = MessageId(self.next);
        self.subscriptions[position].queue.send(id, body.clone(), 0);
        self.turn.sent.push((position, id, body));
    }
}

/// A message that failed waits longer each time: 100 ms, 200 ms, ... at most 30 s.
fn backoff(receive_count: u32) -> Duration {
    let doublings = receive_count.saturating_sub(1).min(9);
    Duration::from_millis(100 << doublings).min(Duration::from_secs(30))
}

/// Delivers the events themselves: their text is written for a pattern that looks into it, for the outbox, and when a message
/// is set aside.
impl Bus for EmbeddedBus {
    async fn publish(&self, events: &[Outgoing]) -> Result<Vec<EntryFailure>, PortError> {
        let mut state = self.state();
        for event in events {
            let mut parsed = None;
            for position in 0..state.subscriptions.len() {
                let pattern = &state.subscriptions[position].pattern;
                let wanted = if pattern.needs_detail() {
                    let parsed = parsed.get_or_insert_with(|| {
                        serde_json::from_str::<serde_json::Value>(event.body()).expect("an encoded event is JSON")
                    });
                    pattern.matches(parsed)
                } else {
                    pattern.matches_header(event.source(), event.detail_type())
                };
                if wanted {
                    state.send(position, event.clone().into());
                }
            }
        }
        Ok(Vec::new())
    }
}
