//! The shop that a load is put on: its catalogue, its first stock, its promotions; and what the driver knows of it.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hyper::Method;
use jiff::Timestamp;
use serde_json::json;

use crate::scenario::Scenario;
use crate::shop::{LIST, Shelf, strategies};
use crate::target::Target;

/// SKUs in one request of the set-up.
pub(crate) const TOGETHER: usize = 500;

/// How long the set-up may take.
pub(crate) const SET_UP: Duration = Duration::from_mins(2);

/// What is on sale at half price while there is any.
pub(crate) const FLASH: &str = "flash";

/// What the driver knows of the shop.
pub(crate) struct Shop {
    pub(crate) shelves: Vec<Mutex<Shelf>>,
    pub(crate) places: HashMap<String, usize>,
}

impl Shop {
    fn of(skus: impl IntoIterator<Item = String>) -> Self {
        let shelves: Vec<Mutex<Shelf>> = skus.into_iter().map(|sku| Mutex::new(Shelf::new(sku))).collect();
        let places = shelves.iter().enumerate().map(|(place, shelf)| (lock(shelf).sku.clone(), place)).collect();
        Self { shelves, places }
    }

    pub(crate) fn unseen(&self) -> usize {
        self.shelves.iter().map(|shelf| lock(shelf).unseen()).sum()
    }

    pub(crate) fn skus(&self) -> Vec<String> {
        self.shelves.iter().map(|shelf| lock(shelf).sku.clone()).collect()
    }
}

pub(crate) fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().expect("no panic while held")
}

pub(crate) async fn set_up(target: &Target, skus: usize, orders: bool) -> Result<Shop> {
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
pub(crate) fn rule_set(scenario: &Scenario, shop: &Shop, begin: Timestamp) -> String {
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
pub(crate) async fn mismatches(target: &Target, shop: &Shop, most: usize) -> Result<Vec<String>> {
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
