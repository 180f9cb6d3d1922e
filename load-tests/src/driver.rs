//! A run: set up, load, wait until it is quiet, look at what is left.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::Method;
use indicatif::ProgressBar;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::machine;
use crate::measure::Durations;
use crate::outcome::{Check, Outcome, Sample};
use crate::recording::Recorded;
use crate::scenario::{Profile, Scenario};
use crate::shop::{LIST, Shelf, strategies};
use crate::stream::{self, Held, Seen, follow};
use crate::target::Target;

/// SKUs in one request of the set-up.
const TOGETHER: usize = 500;

/// How long it may take until all that was sent is seen.
const DRAIN: Duration = Duration::from_secs(30);

/// How long the set-up may take.
const SET_UP: Duration = Duration::from_mins(2);

/// Reads ask `GET /v1/prices/{sku}`; a promotion that begins is looked for in them, but not within this of its begin.
const MARGIN: Duration = Duration::from_millis(20);

/// What the driver knows of the shop.
pub(crate) struct Shop {
    shelves: Vec<Mutex<Shelf>>,
    places: HashMap<String, usize>,
}

impl Shop {
    fn of(skus: impl IntoIterator<Item = String>) -> Self {
        let shelves: Vec<Mutex<Shelf>> = skus.into_iter().map(|sku| Mutex::new(Shelf::new(sku))).collect();
        let places = shelves.iter().enumerate().map(|(place, shelf)| (lock(shelf).sku.clone(), place)).collect();
        Self { shelves, places }
    }

    fn unseen(&self) -> usize {
        self.shelves.iter().map(|shelf| lock(shelf).unseen()).sum()
    }

    fn skus(&self) -> Vec<String> {
        self.shelves.iter().map(|shelf| lock(shelf).sku.clone()).collect()
    }
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().expect("no panic while held")
}

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
    fn new(begin: Instant) -> Self {
        Self { latency: Durations::new(begin), good: AtomicU64::new(0), bad: AtomicU64::new(0), first: Mutex::default() }
    }

    fn count(&self, intended: Instant, outcome: Result<(), String>) {
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

fn expect_200(answer: Result<(u16, Bytes)>) -> Result<Bytes, String> {
    match answer {
        Ok((200, body)) => Ok(body),
        Ok((status, body)) => Err(format!("{status} {}", String::from_utf8_lossy(&body[..body.len().min(200)]))),
        Err(error) => Err(format!("{error:#}")),
    }
}

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

/// What is on sale at half price while there is any.
const FLASH: &str = "flash";

async fn set_up(target: &Target, skus: usize, orders: bool) -> Result<Shop> {
    let run = if target.is_own() { String::new() } else { format!("{:08x}-", fastrand::u32(..)) };
    let shop = Shop::of((0..skus).map(|number| format!("load-{run}{number:06}")));
    let client = &target.client;
    client.done(Method::PUT, "/v1/admin/strategies?by=load-test", strategies()).await.context("putting strategies in force")?;
    let line = |sku: &str| json!({ "sku": sku, "list_price": { "minor": LIST, "currency": "EUR" } }).to_string();
    let mut lines: Vec<String> = shop.skus().iter().map(|sku| line(sku)).collect();
    if orders {
        lines.push(line(FLASH));
    }
    for part in lines.chunks(TOGETHER) {
        client.done(Method::POST, "/v1/admin/catalogue", part.join("\n")).await.context("importing the catalogue")?;
    }
    let now = Instant::now();
    let changes: Vec<String> = shop.shelves.iter().map(|shelf| lock(shelf).change(now, true)).collect();
    for part in changes.chunks(TOGETHER) {
        client.done(Method::POST, "/v1/stock-changes", part.join("\n")).await.context("sending the first stock")?;
    }
    let until = Instant::now() + SET_UP;
    while !mismatches(target, &shop, 1).await?.is_empty() {
        ensure!(Instant::now() < until, "the target did not price {skus} SKUs in {SET_UP:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(shop)
}

/// Promotions that begin together, each a tenth off one SKU, and the one that is limited.
fn rule_set(scenario: &Scenario, shop: &Shop, begin: Timestamp) -> String {
    let mut promotions = Vec::new();
    if let Some(promotions_asked) = &scenario.promotions {
        let skus = shop.skus();
        let from = begin + jiff::SignedDuration::from_secs_f64(promotions_asked.begin_at);
        promotions.extend((0..promotions_asked.count).map(|number| {
            let sku = &skus[number % skus.len()];
            json!({ "id": format!("midnight-{number}"), "effect": { "percent_off": { "off_bp": 1_000 } },
                "items": { "include": [{ "skus": [sku] }] }, "window": { "from": from } })
        }));
    }
    if let Some(orders) = &scenario.orders {
        promotions.push(json!({ "id": FLASH, "effect": { "percent_off": { "off_bp": 5_000 } },
            "items": { "include": [{ "skus": [FLASH] }] }, "limit": { "units": orders.units } }));
    }
    json!({ "version": 1, "promotions": promotions }).to_string()
}

/// SKUs, up to `most`, whose price is not that of the last change that was sent.
async fn mismatches(target: &Target, shop: &Shop, most: usize) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for part in shop.skus().chunks(TOGETHER) {
        let asked = json!({ "skus": part }).to_string();
        let answer = target.client.done(Method::POST, "/v1/prices:batch", asked).await?;
        let prices = answer["prices"].as_array().cloned().unwrap_or_default();
        let told: HashMap<&str, i64> =
            prices.iter().filter_map(|price| Some((price["sku"].as_str()?, price["price"]["minor"].as_i64()?))).collect();
        for sku in part {
            let expected = lock(&shop.shelves[shop.places[sku]]).expected();
            if expected != told.get(sku.as_str()).copied() {
                wrong.push(format!("{sku} costs {:?} and must cost {expected:?}", told.get(sku.as_str())));
                if wrong.len() >= most {
                    return Ok(wrong);
                }
            }
        }
    }
    Ok(wrong)
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

/// Sleeps until `intended`, and counts how late it became.
async fn wait_until(intended: Instant, counted: &Counted) {
    tokio::time::sleep_until(intended.into()).await;
    counted.late.ends(intended);
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
    let drained = ends.elapsed().saturating_sub(Duration::ZERO);
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
    Ok(Outcome::of(plan, target, &shop_counts(&shop), &counted, samples, drained, checks))
}

/// Changes sent, and those that nobody has seen.
fn shop_counts(shop: &Shop) -> (u64, usize) {
    (shop.shelves.iter().map(|shelf| lock(shelf).changes()).sum(), shop.unseen())
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

/// When promotions begin, and of how many SKUs: the first ones.
fn promotions_from(scenario: &Scenario, begin: Instant) -> Option<(Instant, usize)> {
    scenario.promotions.as_ref().map(|promotions| (begin + Duration::from_secs_f64(promotions.begin_at), promotions.count))
}

/// A change that is to be sent: when, of which SKU, and whether it restocks.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    at: f64,
    place: usize,
    restock: bool,
}

fn arrivals_of_changes(
    scenario: &Scenario,
    rate: &Profile,
    shop: &Shop,
    recorded: Option<&[Recorded]>,
    seed: u64,
) -> Vec<Arrival> {
    if let (Some(recorded), Some(speed)) = (recorded, scenario.recording_speed) {
        let played =
            recorded.iter().map(|change| Arrival { at: change.second / speed, place: change.sku, restock: change.restock });
        return played.take_while(|arrival| arrival.at < scenario.seconds).collect();
    }
    let mut random = fastrand::Rng::with_seed(seed ^ 3);
    let place = |random: &mut fastrand::Rng| {
        if random.f64() < scenario.changes.hot_share { 0 } else { random.usize(..shop.shelves.len()) }
    };
    let mut arrivals: Vec<Arrival> = rate
        .arrivals(scenario.seconds, seed)
        .into_iter()
        .map(|at| Arrival { at, place: place(&mut random), restock: false })
        .collect();
    if let Some(at) = scenario.changes.restock_at {
        arrivals.extend((0..shop.shelves.len()).map(|place| Arrival { at: at + random.f64(), place, restock: true }));
        arrivals.sort_by(|one, other| one.at.total_cmp(&other.at));
    }
    arrivals
}

/// What a load needs.
#[derive(Clone)]
struct World {
    target: crate::client::Client,
    shop: Arc<Shop>,
    counted: Arc<Counted>,
    begin: Instant,
}

impl World {
    async fn changes(self, arrivals: Vec<Arrival>) {
        let mut under_way = JoinSet::new();
        for Arrival { at, place, restock } in arrivals {
            let intended = self.begin + Duration::from_secs_f64(at);
            wait_until(intended, &self.counted).await;
            let change = lock(&self.shop.shelves[place]).change(intended, restock);
            let (client, counted) = (self.target.clone(), Arc::clone(&self.counted));
            under_way.spawn(async move {
                let answer = expect_200(client.ask(Method::POST, "/v1/stock-changes", change).await);
                counted.changes.count(intended, answer.map(drop));
            });
            while under_way.try_join_next().is_some() {}
        }
        while under_way.join_next().await.is_some() {}
    }

    async fn reads(self, arrivals: Vec<f64>, promotions_from: Option<(Instant, usize)>, seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed ^ 4);
        let mut under_way = JoinSet::new();
        for at in arrivals {
            let intended = self.begin + Duration::from_secs_f64(at);
            wait_until(intended, &self.counted).await;
            let place = random.usize(..self.shop.shelves.len());
            let path = format!("/v1/prices/{}", lock(&self.shop.shelves[place]).sku);
            let promotions_from = promotions_from.filter(|(_, promoted)| place < *promoted).map(|(from, _)| from);
            let (client, counted) = (self.target.clone(), Arc::clone(&self.counted));
            under_way.spawn(async move {
                let sent = Instant::now();
                let answer = expect_200(client.ask(Method::GET, &path, "").await);
                let answered = Instant::now();
                if let (Ok(body), Some(from)) = (&answer, promotions_from) {
                    let price: Value = serde_json::from_slice(body).unwrap_or_default();
                    let (full, payable) = (price["price"]["minor"].as_i64(), price["payable"]["minor"].as_i64());
                    let off = full.map(|full| full - full / 10);
                    let wrong = (answered + MARGIN < from && payable != full) || (sent > from + MARGIN && payable != off);
                    counted.wrong_payables.fetch_add(u64::from(wrong), Ordering::Relaxed);
                }
                counted.reads.count(intended, answer.map(drop));
            });
            while under_way.try_join_next().is_some() {}
        }
        while under_way.join_next().await.is_some() {}
    }

    async fn orders(self, arrivals: Vec<f64>) {
        let mut under_way = JoinSet::new();
        for (number, at) in arrivals.into_iter().enumerate() {
            let intended = self.begin + Duration::from_secs_f64(at);
            wait_until(intended, &self.counted).await;
            let (client, counted) = (self.target.clone(), Arc::clone(&self.counted));
            under_way.spawn(async move {
                let outcome = order(&client, number).await;
                if let Ok(paid) = &outcome
                    && *paid < LIST
                {
                    counted.half_price.fetch_add(1, Ordering::Relaxed);
                }
                counted.orders.count(intended, outcome.map(drop));
            });
            while under_way.try_join_next().is_some() {}
        }
        while under_way.join_next().await.is_some() {}
    }
}

/// One shopper: a signed quote, and the order that redeems it. What was paid. Whoever asks when the last one is just being held is told that
/// too little is left, and asks again.
async fn order(client: &crate::client::Client, number: usize) -> Result<i64, String> {
    let basket = json!({ "lines": [{ "sku": FLASH, "quantity": 1 }] }).to_string();
    for _ in 0..20 {
        let (status, quote) = client
            .ask(Method::POST, "/v1/quotes?sign=true&hold_seconds=60", basket.clone())
            .await
            .map_err(|error| format!("{error:#}"))?;
        if status == 409 {
            continue;
        }
        let quote = expect_200(Ok((status, quote)))?;
        let quote: Value = serde_json::from_slice(&quote).map_err(|error| error.to_string())?;
        let order = json!({ "quote": quote["signed"]["quote"], "order_id": format!("load-{number}") }).to_string();
        let placed = expect_200(client.ask(Method::POST, "/v1/orders", order).await)?;
        let placed: Value = serde_json::from_slice(&placed).map_err(|error| error.to_string())?;
        return placed["payable"]["minor"].as_i64().ok_or_else(|| format!("an order without a price: {placed}"));
    }
    Err("twenty times too little was left of a promotion that a quote was to hold".to_owned())
}

/// Watches every price as a shopper would, and counts how old each change is that it shows.
async fn observe(
    client: crate::client::Client,
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
async fn sample(process: Option<u32>, shop: Arc<Shop>, counted: Arc<Counted>, signal: stream::Signal) -> Vec<Sample> {
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

/// Nothing lost, nothing stale, no oversell.
async fn check(scenario: &Scenario, target: &Target, shop: &Shop, counted: &Counted, held: &[Held]) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    let mut check = |what: &str, wrong: u64, detail: String| checks.push(Check { what: what.to_owned(), wrong, detail });
    let wrong = mismatches(target, shop, 20).await?;
    check("every price is that of the last change", wrong.len() as u64, wrong.first().cloned().unwrap_or_default());
    check("every change was seen", shop.unseen() as u64, String::new());
    for (what, requests) in [("changes", &counted.changes), ("reads", &counted.reads), ("orders", &counted.orders)] {
        let bad = requests.bad.load(Ordering::Relaxed);
        check(&format!("no {what} failed"), bad, requests.trouble().unwrap_or_default());
    }
    let seen = &counted.seen;
    check("no client was shown an older price", seen.older.load(Ordering::Relaxed), String::new());
    check("no stream was lost", seen.lost.load(Ordering::Relaxed), String::new());
    let stale = held.iter().flat_map(|held| held.skus().map(move |sku| (held, sku))).filter(|(held, sku)| {
        let expected = shop.places.get(*sku).and_then(|place| lock(&shop.shelves[*place]).expected());
        held.price(sku) != expected
    });
    check("every client holds the last price", stale.count() as u64, String::new());
    if scenario.promotions.is_some() {
        check("promotions began on time", counted.wrong_payables.load(Ordering::Relaxed), String::new());
    }
    if let Some(orders) = &scenario.orders {
        let sold = counted.half_price.load(Ordering::Relaxed);
        let wanted = orders.units.min(counted.orders.good.load(Ordering::Relaxed));
        check("what is limited is sold so often and no more", sold.abs_diff(wanted), format!("{sold} sold, {wanted} there were"));
    }
    if target.is_own() {
        let mut findings = 0;
        let mut after = String::new();
        loop {
            let path = format!("/v1/admin/verify{after}");
            let answer = target.client.done(Method::POST, &path, "").await.context("verifying")?;
            findings += answer["findings"].as_u64().unwrap_or(0);
            match answer["next"].as_str() {
                Some(next) => after = format!("?after={next}"),
                None => break,
            }
        }
        check("record, cache and history agree", findings, String::new());
        let dead = target.client.done(Method::GET, "/v1/admin/dead-letters?limit=500", "").await?;
        check("no message was given up", dead["dead_letters"].as_array().map_or(0, Vec::len) as u64, String::new());
    }
    Ok(checks)
}
