use std::collections::{BTreeMap, HashSet, VecDeque};
use std::hash::BuildHasher;
use std::time::Duration;

use jiff::Timestamp;
use pricestream_event_schema::Body;

use crate::{Delivery, MessageId};

/// How a queue behaves; the same three numbers as in SQS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// How long a delivered message stays hidden before it is delivered again.
    pub visibility_timeout: Duration,
    /// Deliveries of one message before it goes to the dead letters.
    pub max_receive_count: u32,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self { visibility_timeout: Duration::from_secs(30), max_receive_count: 5 }
    }
}

/// A message that was delivered `max_receive_count` times and never acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id in the queue.
    pub id: MessageId,
    /// What it said.
    pub body: Body,
    /// How often it was delivered.
    pub receive_count: u32,
}

/// A queue with visibility timeout, redelivery and dead letters, as a state machine without a clock: the time comes in.
/// At least once, in no promised order.
#[derive(Debug, Default)]
pub struct Queue {
    settings: QueueSettings,
    ready: VecDeque<Message>,
    /// By the instant at which they become visible: delivered and not acknowledged, or delayed.
    hidden: BTreeMap<(Timestamp, MessageId), Message>,
    hidden_until: BTreeMap<MessageId, Timestamp>,
    dead: Vec<DeadLetter>,
}

#[derive(Clone, Debug)]
struct Message {
    id: MessageId,
    body: Body,
    receive_count: u32,
}

impl Queue {
    /// An empty queue.
    pub fn new(settings: QueueSettings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Adds a message; `receive_count` is above 0 when it was delivered before a restart.
    pub fn send(&mut self, id: MessageId, body: Body, receive_count: u32) {
        self.ready.push_back(Message { id, body, receive_count });
    }

    /// Up to `most` messages, hidden from now on until acknowledged, released, or the visibility timeout is over.
    pub fn receive(&mut self, most: usize, now: Timestamp) -> Vec<Delivery> {
        self.wake(now);
        let until = later(now, self.settings.visibility_timeout);
        let mut deliveries = Vec::new();
        while deliveries.len() < most
            && let Some(mut message) = self.ready.pop_front()
        {
            if message.receive_count >= self.settings.max_receive_count {
                self.dead.push(DeadLetter { id: message.id, body: message.body, receive_count: message.receive_count });
                continue;
            }
            message.receive_count += 1;
            deliveries.push(Delivery { id: message.id, body: message.body.clone(), receive_count: message.receive_count });
            self.hidden_until.insert(message.id, until);
            self.hidden.insert((until, message.id), message);
        }
        deliveries
    }

    /// Forgets a delivered message: every effect of it has taken place (R3). False when it was not in flight.
    pub fn acknowledge(&mut self, id: MessageId) -> bool {
        self.take_hidden(id).is_some()
    }

    /// Makes a delivered message visible again after `delay`.
    pub fn release(&mut self, id: MessageId, now: Timestamp, delay: Duration) {
        if let Some(message) = self.take_hidden(id) {
            let until = later(now, delay);
            self.hidden_until.insert(id, until);
            self.hidden.insert((until, id), message);
        }
    }

    /// Drops messages as if they had never been sent: the transaction that sent them came to nothing.
    pub fn forget(&mut self, ids: &HashSet<MessageId, impl BuildHasher>) {
        self.ready.retain(|message| !ids.contains(&message.id));
        for id in ids {
            self.take_hidden(*id);
        }
    }

    /// Takes what has gone to the dead letters since the last call.
    pub fn take_dead(&mut self) -> Vec<DeadLetter> {
        std::mem::take(&mut self.dead)
    }

    /// Messages that `receive` would look at now.
    pub fn visible(&mut self, now: Timestamp) -> usize {
        self.wake(now);
        self.ready.len()
    }

    /// Messages not acknowledged, hidden ones included.
    pub fn len(&self) -> usize {
        self.ready.len() + self.hidden.len()
    }

    /// Nothing is left to be done.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When the next hidden message becomes visible.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.hidden.keys().next().map(|(until, _)| *until)
    }

    /// Moves a hidden or ready message out of order, for simulations: position `k` of the ready ones comes first.
    pub fn bring_forward(&mut self, k: usize) {
        if let Some(message) = self.ready.remove(k) {
            self.ready.push_front(message);
        }
    }

    fn wake(&mut self, now: Timestamp) {
        while let Some(entry) = self.hidden.first_entry()
            && entry.key().0 <= now
        {
            let message = entry.remove();
            self.hidden_until.remove(&message.id);
            self.ready.push_back(message);
        }
    }

    fn take_hidden(&mut self, id: MessageId) -> Option<Message> {
        let until = self.hidden_until.remove(&id)?;
        self.hidden.remove(&(until, id))
    }
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn queue() -> Queue {
        Queue::new(QueueSettings { visibility_timeout: Duration::from_secs(10), max_receive_count: 2 })
    }

    #[test]
    fn an_unacknowledged_message_comes_again_after_the_visibility_timeout_and_then_dies() {
        let mut queue = queue();
        queue.send(MessageId(7), "x".into(), 0);
        assert_eq!(queue.receive(10, at(0)).len(), 1);
        assert_eq!(queue.receive(10, at(9)).len(), 0, "hidden");
        assert_eq!(queue.receive(10, at(10))[0].receive_count, 2);
        assert!(queue.receive(10, at(20)).is_empty());
        assert_eq!(queue.take_dead().len(), 1);
        assert!(queue.is_empty());
    }

    #[test]
    fn acknowledged_once_is_gone_for_good() {
        let mut queue = queue();
        queue.send(MessageId(7), "x".into(), 0);
        queue.receive(1, at(0));
        assert!(queue.acknowledge(MessageId(7)));
        assert!(!queue.acknowledge(MessageId(7)));
        assert!(queue.receive(1, at(100)).is_empty());
    }

    #[test]
    fn a_released_message_waits_out_its_delay() {
        let mut queue = queue();
        queue.send(MessageId(7), "x".into(), 0);
        queue.receive(1, at(0));
        queue.release(MessageId(7), at(0), Duration::from_secs(3));
        assert!(queue.receive(1, at(2)).is_empty());
        assert_eq!(queue.receive(1, at(3)).len(), 1);
    }
}
