//! Arrivals that do not wait for answers: changes, reads, orders.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Result;
use hyper::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::client::Client;
use crate::counted::{Counted, expect_200};
use crate::recording::Recorded;
use crate::scenario::{Profile, Scenario};
use crate::setup::{FLASH, Shop, lock};
use crate::shop::LIST;

/// Reads ask `GET /v1/prices/{sku}`; a promotion that begins is looked for in them, but not within this of its begin.
const MARGIN: Duration = Duration::from_millis(20);

/// Sleeps until `intended`, and counts how late it became.
async fn wait_until(intended: Instant, counted: &Counted) {
    tokio::time::sleep_until(intended.into()).await;
    counted.late.ends(intended);
}

/// When promotions begin, and of how many SKUs: the first ones.
pub(crate) fn promotions_from(scenario: &Scenario, begin: Instant) -> Option<(Instant, usize)> {
    scenario.promotions.as_ref().map(|promotions| (begin + Duration::from_secs_f64(promotions.begin_at), promotions.count))
}

/// A change that is to be sent: when, of which SKU, and whether it restocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    at: f64,
    place: usize,
    restock: bool,
}

pub(crate) fn arrivals_of_changes(
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
pub(crate) struct World {
    pub(crate) target: Client,
    pub(crate) shop: Arc<Shop>,
    pub(crate) counted: Arc<Counted>,
    pub(crate) begin: Instant,
}

impl World {
    pub(crate) async fn changes(self, arrivals: Vec<Arrival>) {
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

    pub(crate) async fn reads(self, arrivals: Vec<f64>, promotions_from: Option<(Instant, usize)>, seed: u64) {
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

    pub(crate) async fn orders(self, arrivals: Vec<f64>) {
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
async fn order(client: &Client, number: usize) -> Result<i64, String> {
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
