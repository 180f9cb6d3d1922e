//! A server of our own, and what it costs it to be asked.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hyper::Method;
use jiff::Timestamp;
use serde_json::json;

use super::count;
use super::measured::median;
use crate::machine::{self, Usage};
use crate::shop::LIST;
use crate::target::Target;

/// What the server has used so far.
pub(super) fn used(target: &Target) -> Result<Usage> {
    machine::usage(target.process).context("what the server uses is told by /proc alone: this needs Linux")
}

/// CPU microseconds that it has used since, for each of `many`.
pub(super) fn microseconds_since(target: &Target, before: &Usage, many: usize) -> Result<f64> {
    Ok(used(target)?.cpu.saturating_sub(before.cpu).as_secs_f64() * 1e6 / count(many))
}

/// CPU microseconds of the server for one request of `path`, one after the other: three rounds, the median. The clock of /proc ticks a
/// hundred times a second, so that a round lasts until a fifth of a second is used; or ten have passed.
pub(super) async fn asked(target: &Target, path: &str) -> Result<f64> {
    let mut rounds = Vec::new();
    for _ in 0..3 {
        let (before, began, mut requests) = (used(target)?, Instant::now(), 0);
        loop {
            target.client.done(Method::GET, path, "").await?;
            requests += 1;
            if requests % 16 == 0 && used(target)?.cpu.saturating_sub(before.cpu) >= Duration::from_millis(200)
                || began.elapsed() > Duration::from_secs(10)
            {
                break;
            }
        }
        rounds.push(microseconds_since(target, &before, requests)?);
    }
    Ok(median(rounds))
}

/// A stock change as a shop posts it.
pub(super) fn change(sku: &str, on_hand: u64, seq: u64) -> String {
    json!({ "sku": sku, "on_hand": on_hand, "source_seq": seq, "occurred_at": Timestamp::now(), "cause": "sale" }).to_string()
}

/// A catalogue line.
pub(super) fn line(sku: &str) -> String {
    json!({ "sku": sku, "list_price": { "minor": LIST, "currency": "EUR" } }).to_string()
}

/// Sends changes, some in each request, one request after the other.
pub(super) async fn send(target: &Target, changes: &[String], together: usize) -> Result<()> {
    for part in changes.chunks(together) {
        let mut body = String::new();
        for change in part {
            writeln!(body, "{change}")?;
        }
        target.client.done(Method::POST, "/v1/stock-changes", body).await.context("sending stock changes")?;
    }
    Ok(())
}
