//! What is counted while a load runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::Result;
use bytes::Bytes;

use crate::measure::Durations;
use crate::setup::lock;
use crate::stream::Seen;

/// What was counted of one kind of request.
pub(crate) struct Requests {
    /// From when it was meant to begin to its answer.
    pub(crate) latency: Durations,
    /// Answered as they should be.
    pub(crate) good: AtomicU64,
    /// Answered otherwise, or not at all.
    pub(crate) bad: AtomicU64,
    first: Mutex<Option<String>>,
}

impl Requests {
    pub(crate) fn new(begin: Instant) -> Self {
        Self { latency: Durations::new(begin), good: AtomicU64::new(0), bad: AtomicU64::new(0), first: Mutex::default() }
    }

    pub(crate) fn count(&self, intended: Instant, outcome: Result<(), String>) {
        self.latency.ends(intended);
        match outcome {
            Ok(()) => {
                self.good.fetch_add(1, Ordering::Relaxed);
            }
            Err(why) => {
                self.bad.fetch_add(1, Ordering::Relaxed);
                lock(&self.first).get_or_insert(why);
            }
        }
    }

    /// The first that went wrong.
    pub(crate) fn trouble(&self) -> Option<String> {
        lock(&self.first).clone()
    }
}

pub(crate) fn expect_200(answer: Result<(u16, Bytes)>) -> Result<Bytes, String> {
    match answer {
        Ok((200, body)) => Ok(body),
        Ok((status, body)) => Err(format!("{status} {}", String::from_utf8_lossy(&body[..body.len().min(200)]))),
        Err(error) => Err(format!("{error:#}")),
    }
}

/// What a run counts.
pub(crate) struct Counted {
    pub(crate) begin: Instant,
    pub(crate) late: Durations,
    pub(crate) changes: Requests,
    pub(crate) fresh: Durations,
    pub(crate) reads: Requests,
    pub(crate) orders: Requests,
    pub(crate) opened: Arc<Durations>,
    pub(crate) seen: Arc<Seen>,
    pub(crate) half_price: AtomicU64,
    pub(crate) wrong_payables: AtomicU64,
}
