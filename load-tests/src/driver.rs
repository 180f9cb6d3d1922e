//! A run: set up, load, wait until it is quiet, look at what is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hyper::Method;
use indicatif::ProgressBar;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::check::check;
use crate::counted::{Counted, Requests, expect_200};
use crate::loads::{World, arrivals_of_changes, promotions_from};
use crate::measure::Durations;
use crate::observe::{observe, sample};
use crate::outcome::Outcome;
use crate::recording::Recorded;
use crate::scenario::Scenario;
use crate::setup::{SET_UP, Shop, lock, rule_set, set_up};
use crate::stream::{self, Held, Seen, follow};
use crate::target::Target;

/// How long it may take until all that was sent is seen.
const DRAIN: Duration = Duration::from_secs(30);

/// Stock changes a second that the target takes when 64 clients send one after the other, over `seconds`.
pub async fn capacity(target: &Target, seconds: f64) -> Result<f64> {
    let shop = Arc::new(set_up(target, 1_000, false).await?);
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let taken = Arc::new(AtomicU64::new(0));
    let mut clients = JoinSet::new();
    for seed in 0..64 {
        let (client, shop, taken) = (target.client.clone(), Arc::clone(&shop), Arc::clone(&taken));
        clients.spawn(async move {
            let mut random = fastrand::Rng::with_seed(seed);
            while Instant::now() < until {
                let place = random.usize(..shop.shelves.len());
                let change = lock(&shop.shelves[place]).change(Instant::now(), false);
                if expect_200(client.ask(Method::POST, "/v1/stock-changes", change).await).is_ok() {
                    taken.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    while clients.join_next().await.is_some() {}
    let taken = u32::try_from(taken.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
    ensure!(taken > 0, "the target takes no stock change");
    Ok(f64::from(taken) / seconds)
}

/// What a run is made of.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    /// Its name in reports.
    pub name: &'a str,
    /// What is done.
    pub scenario: &'a Scenario,
    /// Changes a second that the target takes, for rates that are shares of it.
    pub capacity: f64,
    /// Changes to be played, where the scenario plays a recording.
    pub recorded: Option<&'a [Recorded]>,
    /// Equal seeds give equal loads.
    pub seed: u64,
}

/// Runs a plan on `target`, and checks what is left of it.
pub async fn run(plan: Plan<'_>, target: &Target, bar: &ProgressBar) -> Result<Outcome> {
    let Plan { name, scenario, capacity, recorded, seed } = plan;
    bar.set_message(format!("{name}: setting up"));
    let skus = recorded.map_or(scenario.skus, |recorded| recorded.iter().map(|change| change.sku + 1).max().unwrap_or(1));
    let shop = Arc::new(set_up(target, skus, scenario.orders.is_some()).await?);
    let (tell, signal) = watch::channel((0_u64, false));
    // Streams first: they take a while to open. Then promotions, whose begin is an instant of the run.
    let (seen, opened) = (Arc::new(Seen::default()), Arc::new(Durations::new(Instant::now())));
    let clients =
        if target.streams { open_streams(scenario, &shop, target, &signal, &seen, &opened, seed).await? } else { JoinSet::new() };
    let lead = Duration::from_millis(3_000 + scenario.promotions.as_ref().map_or(0, |promotions| promotions.count as u64));
    let (begin, starts) = (Instant::now() + lead, Timestamp::now() + jiff::SignedDuration::try_from(lead)?);
    if scenario.promotions.is_some() || scenario.orders.is_some() {
        let rules = rule_set(scenario, &shop, starts);
        let put = target.client.done(Method::PUT, "/v1/admin/promotions?by=load-test", rules);
        put.await.context("putting promotions in force")?;
    }
    ensure!(Instant::now() < begin, "the set-up took longer than {lead:?}");
    let counted = Arc::new(Counted {
        begin,
        late: Durations::new(begin),
        changes: Requests::new(begin),
        fresh: Durations::new(begin),
        reads: Requests::new(begin),
        orders: Requests::new(begin),
        opened,
        seen,
        half_price: AtomicU64::new(0),
        wrong_payables: AtomicU64::new(0),
    });
    let observer = observe(target.client.clone(), target.streams, Arc::clone(&shop), Arc::clone(&counted), signal.clone());
    let observer = tokio::spawn(observer);
    let sampler = tokio::spawn(sample(target.process, Arc::clone(&shop), Arc::clone(&counted), signal));

    let [changes, reads, orders] = scenario.rates(capacity)?;
    let mut loads = JoinSet::new();
    let world = World { target: target.client.clone(), shop: Arc::clone(&shop), counted: Arc::clone(&counted), begin };
    loads.spawn(world.clone().changes(arrivals_of_changes(scenario, &changes, &shop, recorded, seed)));
    loads.spawn(world.clone().reads(reads.arrivals(scenario.seconds, seed ^ 1), promotions_from(scenario, begin), seed));
    loads.spawn(world.clone().orders(orders.arrivals(scenario.seconds, seed ^ 2)));
    let ends = begin + Duration::from_secs_f64(scenario.seconds);
    let mut storms: Vec<f64> = scenario.streams.reconnect_at.clone();
    storms.sort_by(f64::total_cmp);
    for at in storms {
        tokio::time::sleep_until((begin + Duration::from_secs_f64(at)).into()).await;
        tell.send_modify(|(number, _)| *number += 1);
    }
    while Instant::now() < ends {
        bar.set_message(format!("{name}: {:.0} of {:.0} s", begin.elapsed().as_secs_f64(), scenario.seconds));
        tokio::time::sleep(Duration::from_millis(200).min(ends.saturating_duration_since(Instant::now()))).await;
    }
    while let Some(load) = loads.join_next().await {
        load.context("a load")?;
    }
    bar.set_message(format!("{name}: waiting until all is seen"));
    let quiet = Instant::now();
    while shop.unseen() > 0 && quiet.elapsed() < DRAIN {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let drained = ends.elapsed();
    bar.set_message(format!("{name}: verifying"));
    // A client has what was cached a moment ago a frame later.
    tokio::time::sleep(Duration::from_millis(300)).await;
    tell.send_modify(|(_, ended)| *ended = true);
    let samples = sampler.await.context("the sampler")?;
    observer.await.context("the observer")?.context("the stream that measures freshness")?;
    let mut held = Vec::new();
    let mut clients = clients;
    while let Some(client) = clients.join_next().await {
        held.push(client.context("a client of the stream")??);
    }
    let checks = check(scenario, target, &shop, &counted, &held).await?;
    let changes = shop.shelves.iter().map(|shelf| lock(shelf).changes()).sum();
    Ok(Outcome::of(plan, target, changes, &counted, samples, drained, checks))
}

async fn open_streams(
    scenario: &Scenario,
    shop: &Shop,
    target: &Target,
    signal: &stream::Signal,
    seen: &Arc<Seen>,
    opened: &Arc<Durations>,
    seed: u64,
) -> Result<JoinSet<Result<Held>>> {
    let mut clients = JoinSet::new();
    let mut random = fastrand::Rng::with_seed(seed);
    let skus = shop.skus();
    for number in 0..scenario.streams.clients {
        let some = (0..scenario.streams.skus_each.min(skus.len())).map(|_| skus[random.usize(..skus.len())].as_str());
        let path = format!("/v1/stream?skus={}", some.collect::<Vec<_>>().join(","));
        clients.spawn(follow(target.client.clone(), path, signal.clone(), Arc::clone(seen), Arc::clone(opened)));
        // A listening socket has a short queue.
        if number % 100 == 99 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let until = Instant::now() + SET_UP;
    while seen.open.load(Ordering::Relaxed) < scenario.streams.clients as u64 {
        ensure!(Instant::now() < until, "only {} streams opened", seen.open.load(Ordering::Relaxed));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(clients)
}
