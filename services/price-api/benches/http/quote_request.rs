//! A whole quote request, from the bytes of a basket to the bytes of its answer, beside the least that JSON in and JSON out can
//! cost: the cart read by serde_json, priced by plain integers, and what is taken off written by serde_json. Ours looks up each
//! product and its price, and answers with prices of units, taxes, funding and the decision record.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use jiff::Timestamp;
use pricestream_domain::{Currency, Mode, Money, PriceVersion, Product, Sku};
use pricestream_ports::memory::Memory;
use pricestream_ports::{CacheEntry, ProductRecord, Promotions, PublishedRules, SettingsSnapshot};
use pricestream_promotion_engine::Without;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::floor::{Floor, Scratch};
use crate::measured::{cpu_seconds, median};
use crate::price_read::{call, ready};
use crate::workload::{self, Cart, CartLine, POSTAGE, Promotion};
use crate::world::{Shared, hub, routes};
use crate::{ROUNDS, count, report};

const SIZES: [usize; 2] = [50, 5_000];

/// All carts so often in a round.
const TURNS: usize = 10;

pub(crate) fn run(wanted: bool) {
    let (promotions, mut carts) = workload::invent(5_000);
    let shop = one_shop(&mut carts);
    for size in SIZES {
        let promotions = &promotions[..size];
        let floor = Floor::of(promotions);
        let mut ours = ours(&shop, promotions);
        let baskets: Vec<String> = carts.iter().map(asked).collect();
        let written: Vec<String> = carts.iter().map(written).collect();
        let mut scratch = Scratch::default();
        for (basket, cart) in baskets.iter().zip(&written) {
            let (total, _) = at_the_floor(&floor, cart, &mut scratch);
            assert_eq!(wanted_off(&mut ours, basket), total, "both take the same off");
        }
        if !wanted {
            continue;
        }
        let rounds: Vec<[f64; 2]> = (0..ROUNDS)
            .map(|_| {
                // What asks is made beforehand.
                let requests: Vec<Request<Body>> = baskets.iter().cycle().take(TURNS * baskets.len()).map(|b| post(b)).collect();
                let began = cpu_seconds();
                for request in requests {
                    black_box(call(&mut ours, request));
                }
                let ours = cpu_seconds() - began;
                let began = cpu_seconds();
                for cart in written.iter().cycle().take(TURNS * written.len()) {
                    black_box(at_the_floor(&floor, cart, &mut scratch));
                }
                [ours, cpu_seconds() - began]
            })
            .collect();
        let requests = count(TURNS * carts.len());
        let [ours_rate, least] = [0, 1].map(|which| requests / median(rounds.iter().map(|round| round[which])));
        let bytes = baskets.iter().map(|basket| call(&mut ours, post(basket))).sum::<usize>() / baskets.len();
        let least_bytes = written.iter().map(|cart| at_the_floor(&floor, cart, &mut scratch).1).sum::<usize>() / written.len();
        println!("{size} promotions: an answer of {bytes} bytes, at the floor of {least_bytes}");
        let goal = format!("quote request, {size} promotions: at least 0.3 x the JSON floor (CPU time)");
        report(&goal, &format!("{ours_rate:.0} against {least:.0} per CPU second"), ours_rate / least, 0.3);
    }
}

/// The carts know a SKU in several categories and at several prices; a shop knows it once.
fn one_shop(carts: &mut [Cart]) -> Vec<CartLine> {
    let mut shop: HashMap<String, usize> = HashMap::new();
    let mut lines: Vec<CartLine> = Vec::new();
    for line in carts.iter_mut().flat_map(|cart| &mut cart.lines) {
        let at = *shop.entry(line.sku.clone()).or_insert_with(|| {
            let CartLine { sku, category, brand, quantity, price } = &*line;
            let (sku, category, brand) = (sku.clone(), category.clone(), brand.clone());
            lines.push(CartLine { sku, category, brand, quantity: *quantity, price: *price });
            lines.len() - 1
        });
        let known = &lines[at];
        (line.category, line.brand, line.price) = (known.category.clone(), known.brand.clone(), known.price);
    }
    lines
}

fn ours(shop: &[CartLine], promotions: &[Promotion]) -> Router {
    let records = Memory::default();
    let mut entries = Vec::new();
    for line in shop {
        let list_price = Money::new(line.price, Currency::EUR);
        let product = json!({
            "sku": line.sku, "category": line.category, "attributes": { "brand": line.brand }, "list_price": list_price
        });
        let product: Product = serde_json::from_value(product).expect("a sample is legal");
        let sku: Sku = product.sku.clone();
        records.tables().products.insert(sku.clone(), Arc::new(ProductRecord::new(product, 1)));
        entries.push(CacheEntry {
            sku,
            price_version: PriceVersion(1),
            price: Some(list_price),
            list_price: Some(list_price),
            since: Timestamp::UNIX_EPOCH,
            lane: None,
        });
    }
    let rules = PublishedRules::read(workload::rule_set(promotions).into()).expect("the sample is legal");
    let promotions = Promotions::InForce { rules: Arc::new(rules), without: Arc::new(Without::default()) };
    let settings = SettingsSnapshot { mode: Mode::Run, promotions, ..SettingsSnapshot::frozen() };
    routes(Shared::of(entries), records, settings, hub(1))
}

/// A cart as a shop asks for its price.
fn asked(cart: &Cart) -> String {
    let lines: Vec<Value> = cart.lines.iter().map(|line| json!({ "sku": line.sku, "quantity": line.quantity })).collect();
    let postage = json!({ "amount": Money::new(POSTAGE, Currency::EUR) });
    json!({ "lines": lines, "postage": postage, "customer": { "groups": cart.groups }, "coupons": cart.coupons }).to_string()
}

/// A cart as the floor reads it.
fn written(cart: &Cart) -> String {
    let line = |line: &CartLine| json!({ "sku": line.sku, "cat": line.category, "brand": line.brand, "qty": line.quantity, "price": line.price });
    let lines: Vec<Value> = cart.lines.iter().map(line).collect();
    json!({ "customer": { "groups": cart.groups }, "coupons": cart.coupons, "lines": lines }).to_string()
}

fn post(basket: &str) -> Request<Body> {
    let request = Request::post("/v1/quotes").header(header::HOST, "localhost").header(header::CONTENT_TYPE, "application/json");
    request.body(Body::from(basket.to_owned())).expect("a sample is legal")
}

/// What all promotions together want to take off.
fn wanted_off(router: &mut Router, basket: &str) -> i64 {
    #[derive(Deserialize)]
    struct Answer {
        promotions: Vec<Promotion>,
    }
    #[derive(Deserialize)]
    struct Promotion {
        off: Money,
        unfit: Option<Money>,
        because: Option<Value>,
    }
    let response = ready(tower::ServiceExt::oneshot(router.clone(), post(basket))).expect("infallible");
    let bytes = ready(axum::body::to_bytes(response.into_body(), 1 << 20)).expect("it fits");
    let answer: Answer = serde_json::from_slice(&bytes).expect("it is a quote");
    let at_floors = |because: &Value| because["unfit"]["minor"].as_i64().unwrap_or(0);
    let wanted = |promotion: &Promotion| {
        promotion.off.minor + promotion.unfit.map_or(0, |unfit| unfit.minor) + promotion.because.as_ref().map_or(0, at_floors)
    };
    answer.promotions.iter().map(wanted).sum()
}

#[derive(Deserialize)]
struct ReadCart<'a> {
    customer: ReadCustomer<'a>,
    coupons: Vec<&'a str>,
    #[serde(borrow)]
    lines: Vec<ReadLine<'a>>,
}

#[derive(Deserialize)]
struct ReadCustomer<'a> {
    #[serde(borrow)]
    groups: Vec<&'a str>,
}

#[derive(Deserialize)]
struct ReadLine<'a> {
    sku: &'a str,
    cat: &'a str,
    brand: &'a str,
    qty: u32,
    price: i64,
}

#[derive(Serialize)]
struct Off(u32, Option<u16>, i64);

/// The cart read, priced, and what is taken off written: how much, and in how many bytes.
fn at_the_floor(floor: &Floor, cart: &str, scratch: &mut Scratch) -> (i64, usize) {
    let read: ReadCart<'_> = serde_json::from_str(cart).expect("the sample is legal");
    let owned = |of: Vec<&str>| of.into_iter().map(str::to_owned).collect();
    let line = |line: ReadLine<'_>| CartLine {
        sku: line.sku.to_owned(),
        category: line.cat.to_owned(),
        brand: line.brand.to_owned(),
        quantity: line.qty,
        price: line.price,
    };
    let cart = Cart {
        lines: read.lines.into_iter().map(line).collect(),
        coupons: owned(read.coupons),
        groups: owned(read.customer.groups),
    };
    let (total, _) = floor.price(&cart, scratch);
    let off: Vec<Off> = scratch.shares.iter().map(|share| Off(share.promotion, share.line, share.off)).collect();
    (total, serde_json::to_vec(&off).expect("memory takes every write").len())
}
