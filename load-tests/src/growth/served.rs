//! A server of our own, and what it costs it to be asked.

use std::fmt::Write as _;
use std::time::Instant;

use anyhow::{Context, Result};
use hyper::Method;
use jiff::Timestamp;
use serde_json::json;

use super::{count, median};
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

/// CPU microseconds of the server for one request of `path`, one after the other: five rounds, each of as many as take about a
/// fifth of a second; the median.
pub(super) async fn asked(target: &Target, path: &str) -> Result<f64> {
    let began = Instant::now();
    target.client.done(Method::GET, path, "").await?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 1 to 500")]
    let requests = (0.2 / began.elapsed().as_secs_f64()).clamp(1.0, 500.0) as usize;
    let mut rounds = Vec::new();
    for _ in 0..5 {
        let before = used(target)?;
        for _ in 0..requests {
            target.client.done(Method::GET, path, "").await?;
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
