//! Clients of the live stream, each of which hears of every price.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hyper::Method;
use tokio::sync::watch;

use super::served::{change, line, microseconds_since, send, used};
use super::{Column, count};
use crate::measure::Durations;
use crate::shop::{FULL, strategies};
use crate::stream::{Seen, follow};
use crate::target::Target;

pub(super) const COLUMNS: [Column; 4] = [
    Column { name: "memory KB each", grows: true },
    Column { name: "delivery us", grows: true },
    Column { name: "10 at once, delivery us", grows: true },
    Column { name: "all told in ms", grows: true },
];

const SKUS: usize = 100;

pub(super) async fn measure(size: usize, program: &Path) -> Result<Vec<f64>> {
    let target = Target::start(program, "process").await?;
    target.client.done(Method::PUT, "/v1/admin/strategies?by=growth", strategies()).await?;
    let skus: Vec<String> = (0..SKUS).map(|number| format!("growth-{number}")).collect();
    let catalogue: Vec<String> = skus.iter().map(|sku| line(sku)).collect();
    target.client.done(Method::POST, "/v1/admin/catalogue", catalogue.join("\n")).await?;
    let changes =
        |round: usize| -> Vec<String> { skus.iter().map(|sku| change(sku, FULL - round as u64, round as u64 + 1)).collect() };
    send(&target, &changes(0), SKUS).await?;
    // What the changes cost when nobody listens.
    let mut round = 1;
    let mut alone = [0.0; 2];
    for (alone, together) in alone.iter_mut().zip([1, 10]) {
        let before = used(&target)?;
        send(&target, &changes(round), together).await?;
        *alone = microseconds_since(&target, &before, 1)?;
        round += 1;
    }

    let before = used(&target)?;
    let (signal, watched) = watch::channel((0, false));
    let (seen, opened) = (Arc::new(Seen::default()), Arc::new(Durations::new(Instant::now())));
    let follows: Vec<_> = (0..size)
        .map(|_| {
            let following =
                follow(target.client.clone(), "/v1/stream".to_owned(), watched.clone(), Arc::clone(&seen), Arc::clone(&opened));
            tokio::spawn(following)
        })
        .collect();
    told(&seen, size * SKUS).await?;
    let memory = (used(&target)?.memory_mib - before.memory_mib).max(0.0) * 1_048.576 / count(size);

    let (mut each, mut all) = ([0.0; 2], 0.0);
    for ((each, alone), together) in each.iter_mut().zip(alone).zip([1, 10]) {
        let (heard, before) = (seen.events.load(Ordering::Acquire), used(&target)?);
        let heard = usize::try_from(heard)?;
        let mut told_in = 0.0;
        for (sent, part) in changes(round).chunks(together).enumerate() {
            let began = Instant::now();
            send(&target, part, together).await?;
            told(&seen, heard + size * (sent * together + part.len())).await?;
            told_in += began.elapsed().as_secs_f64();
        }
        *each = (microseconds_since(&target, &before, 1)? - alone).max(0.0) / count(size * SKUS);
        if together == 1 {
            all = told_in * 1e3 / count(SKUS);
        }
        round += 1;
    }
    ensure!(seen.older.load(Ordering::Acquire) == 0, "a client was shown an older price");
    signal.send_replace((1, true));
    for follow in follows {
        let _it_held_what_it_held = follow.await??;
    }
    target.end().await;
    Ok(vec![memory, each[0], each[1], all])
}

/// Waits until so many events have been seen by all clients together.
async fn told(seen: &Seen, events: usize) -> Result<()> {
    let began = Instant::now();
    while usize::try_from(seen.events.load(Ordering::Acquire))? < events {
        let so_many = seen.events.load(Ordering::Acquire);
        ensure!(began.elapsed() < Duration::from_mins(1), "of {events} events {so_many} were seen in a minute");
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    Ok(())
}
