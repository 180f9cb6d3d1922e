//! The history of one SKU that grows: what it costs to decide once more, and to be asked about the past.

use std::path::Path;

use anyhow::{Result, ensure};
use hyper::Method;

use super::Column;
use super::served::{asked, change, line, microseconds_since, send, used};
use crate::shop::{FULL, strategies};
use crate::target::Target;

const SKU: &str = "growth-0";

pub(super) const COLUMNS: [Column; 5] = [
    Column { name: "one more change us", grows: true },
    Column { name: "price us", grows: true },
    Column { name: "newest 100 rows us", grows: true },
    Column { name: "lowest of 30 days us", grows: true },
    Column { name: "memory MB", grows: true },
];

/// Changes that are measured, after the history is there.
const MORE: usize = 2_000;

pub(super) async fn measure(size: usize, program: &Path) -> Result<Vec<f64>> {
    let target = Target::start(program, "process").await?;
    target.client.done(Method::PUT, "/v1/admin/strategies?by=growth", strategies()).await?;
    target.client.done(Method::POST, "/v1/admin/catalogue", line(SKU)).await?;
    // Each moves the price.
    let changes = |from: usize, many: usize| -> Vec<String> {
        (from..from + many).map(|number| change(SKU, FULL - number as u64 % FULL, number as u64 + 1)).collect()
    };
    // One a request: each is decided by itself, and has a row of its own.
    send(&target, &changes(0, size), 1).await?;
    let newest = target.client.done(Method::GET, &format!("/v1/prices/{SKU}"), "").await?;
    let version = newest["price_version"].as_u64().unwrap_or_default();
    ensure!(version >= size as u64, "{size} changes made {version} prices");
    let newest = asked(&target, &format!("/v1/prices/{SKU}/history?limit=100")).await?;
    let lowest = asked(&target, &format!("/v1/prices/{SKU}/lowest")).await?;
    let price = asked(&target, &format!("/v1/prices/{SKU}")).await?;
    let memory = used(&target)?.memory_mib * 1.048_576;
    let before = used(&target)?;
    send(&target, &changes(size, MORE), 1).await?;
    let more = microseconds_since(&target, &before, MORE)?;
    target.end().await;
    Ok(vec![more, price, newest, lowest, memory])
}
