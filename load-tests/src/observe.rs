//! What is watched while a load runs: prices as a shopper sees them, and the machine.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::BytesMut;
use http_body_util::BodyExt;
use hyper::Method;
use serde_json::json;

use crate::client::Client;
use crate::counted::Counted;
use crate::machine;
use crate::outcome::Sample;
use crate::setup::{Shop, TOGETHER, lock};
use crate::stream;

/// Watches every price as a shopper would, and counts how old each change is that it shows.
pub(crate) async fn observe(
    client: Client,
    streams: bool,
    shop: Arc<Shop>,
    counted: Arc<Counted>,
    mut signal: stream::Signal,
) -> Result<()> {
    let see = |sku: &str, price: i64, now: Instant| {
        if let Some(place) = shop.places.get(sku) {
            lock(&shop.shelves[*place]).seen(price, now, |intended, nanos| counted.fresh.record(intended, nanos));
        }
    };
    if !streams {
        // Where there is no stream, what was changed is asked for until it shows.
        while !signal.borrow().1 {
            let unseen = shop.shelves.iter().map(lock).filter(|shelf| shelf.unseen() > 0).map(|shelf| shelf.sku.clone());
            let unseen: Vec<String> = unseen.take(TOGETHER).collect();
            if !unseen.is_empty() {
                let answer = client.done(Method::POST, "/v1/prices:batch", json!({ "skus": unseen }).to_string()).await?;
                let now = Instant::now();
                for price in answer["prices"].as_array().into_iter().flatten() {
                    if let (Some(sku), Some(minor)) = (price["sku"].as_str(), price["price"]["minor"].as_i64()) {
                        see(sku, minor, now);
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        return Ok(());
    }
    let mut body = client.stream("/v1/stream", "").await?.into_body();
    let mut buffer = BytesMut::new();
    loop {
        let frame = tokio::select! {
            changed = signal.changed() => {
                if changed.is_err() || signal.borrow().1 {
                    return Ok(());
                }
                continue;
            }
            frame = body.frame() => frame,
        };
        let frame = frame.context("the server ended it")??;
        let now = Instant::now();
        if let Some(data) = frame.data_ref() {
            buffer.extend_from_slice(data);
            stream::events(&mut buffer, |event| {
                if let Some(price) = event.price {
                    see(event.sku, price, now);
                }
            });
        }
    }
}

/// Looks at the machine four times a second.
pub(crate) async fn sample(process: Option<u32>, shop: Arc<Shop>, counted: Arc<Counted>, signal: stream::Signal) -> Vec<Sample> {
    let mut samples: Vec<Sample> = Vec::new();
    tokio::time::sleep_until(counted.begin.into()).await;
    let mut before = (Instant::now(), machine::usage(process), machine::usage(None), machine::cores());
    while !signal.borrow().1 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let now = (Instant::now(), machine::usage(process), machine::usage(None), machine::cores());
        let elapsed = now.0.duration_since(before.0).as_secs_f64();
        let cores = |now: Option<machine::Usage>, before: Option<machine::Usage>| {
            Some(now?.cpu.saturating_sub(before?.cpu).as_secs_f64() / elapsed)
        };
        #[allow(clippy::cast_precision_loss, reason = "ticks of a quarter of a second")]
        let busy = now.3.zip(before.3).map(|(now, before)| (now.0 - before.0) as f64 / (now.1 - before.1).max(1) as f64);
        samples.push(Sample {
            second: counted.begin.elapsed().as_secs_f64(),
            waiting: shop.unseen(),
            server_cores: process.and_then(|_| cores(now.1, before.1)),
            driver_cores: cores(now.2, before.2),
            machine_busy: busy,
            server_mib: process.and(now.1).map(|usage| usage.memory_mib),
            streams: counted.seen.open.load(Ordering::Relaxed),
        });
        before = now;
    }
    samples
}
