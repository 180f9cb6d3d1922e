//! `hot-paths PATH TIMES` walks one path so often. `hot-paths/check` counts the instructions of that under valgrind, for two numbers of
//! times: the difference is what a walk costs, and no start-up is in it. Without arguments: the names of the paths.

#[path = "../../libs/promotion-engine/benches/cart/workload.rs"]
mod workload;

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use mimalloc::MiMalloc;
use pricestream_domain::{Cause, FullLevel, Mode, Money, PriceVersion, Product, Sku, SourceSeq, StockVersion};
use pricestream_event_schema::{Body, Incoming, StockChangedV1, TraceContext, encode};
use pricestream_ports::{CacheEntry, Inventory, PriceRecord, ProductRecord, Promotions, SettingsSnapshot, SkuInputs};
use pricestream_price_api::{Interest, StreamHub, write_price};
use pricestream_pricing_calculator::{Next, SERVICE, next};
use pricestream_promotion_engine::{Basket, Context, RuleSet};
use pricestream_repricing_engine::Strategies;
use pricestream_telemetry::Metrics;

/// As in the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// A path by its name.
type Path = (&'static str, fn(usize));

const PATHS: [Path; 9] = [
    ("stock event to price event, by a rule", |times| reprice(times, RULE)),
    ("stock event to price event, learning", |times| reprice(times, LEARNS)),
    ("basket of 20 lines, 50 promotions", |times| quote(times, 50, false)),
    ("basket of 20 lines, 5000 promotions", |times| quote(times, 5_000, false)),
    ("basket of 20 lines, 50 promotions, answered as JSON", |times| quote(times, 50, true)),
    ("price read, written as JSON", read),
    ("price told to 100 streams", |times| tell(times, 100)),
    ("stock event read", decode),
    ("rule set of 50 promotions, compiled", compile),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, times] = arguments.as_slice() else {
        for (name, _) in PATHS {
            println!("{name}");
        }
        return ExitCode::SUCCESS;
    };
    match (PATHS.iter().find(|(path, _)| path == name), times.parse()) {
        (Some((_, walk)), Ok(times)) => {
            walk(times);
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("there is no path {name:?}, or {times:?} is no number of times");
            ExitCode::from(2)
        }
    }
}

const RULE: &str = r#"{"version":1,"strategies":{"it":{"kind":"inventory_threshold","below":50,"change_bp":500}},
    "default":{"strategy":"it","floor_percent_of_list":50,"guardrails":{"band_bp":3000,"ending":{"modulo":100,"remainder":99}}}}"#;

const LEARNS: &str = r#"{"version":1,"strategies":{"it":{"kind":"template_bayes","sale":{"ends":{"after_full_minutes":600}}}},
    "default":{"strategy":"it","floor_percent_of_list":50,"demand":{"per_hour":20},"guardrails":{"band_bp":3000}}}"#;

fn opened() -> Timestamp {
    "2026-11-27T06:00:00Z".parse().expect("it is an instant")
}

/// A SKU that sells a unit a minute: each walk reads the event, decides on the record of the walk before, and writes the announcement.
fn reprice(times: usize, strategies: &str) {
    let strategies = Strategies::from_json(strategies).expect("the sample is legal");
    let settings = SettingsSnapshot {
        rev: 1,
        mode: Mode::Run,
        strategies: Some(Arc::new(strategies)),
        rollout: None,
        promotions: Promotions::None,
    };
    let line = r#"{"sku":"A-100","name":"A thing","category":"THINGS","list_price":{"minor":1999,"currency":"EUR"}}"#;
    let product: Product = serde_json::from_str(line).expect("it is a catalogue line");
    let product = Arc::new(ProductRecord::new(product, 1));
    let mut record: Option<PriceRecord> = None;
    for walk in 0..times as u64 {
        let sold = walk % 90;
        let now = opened() + SignedDuration::from_secs(i64::try_from(60 * sold).unwrap_or(0));
        if sold == 0 {
            record = None;
        }
        let (inventory, body) = stock(&product.product.sku, walk, 100 - sold, sold, now);
        let Ok(Incoming::StockChanged(event)) = Incoming::decode(black_box(&body)) else { panic!("it is a stock change") };
        let trace = event.trace.expect("it has one").child(SERVICE);
        let inputs = SkuInputs { product: Some(Arc::clone(&product)), inventory: Some(inventory), override_: None };
        let Next::Write(write) = next(record.take(), Arc::clone(&product), &inputs, &settings, Cause::Stock, now) else {
            panic!("its stock is new")
        };
        let announcement = write.record.announcement().expect("it has a price");
        black_box(encode(&announcement, &trace).body().len());
        record = Some(write.record);
    }
}

fn stock(sku: &Sku, walk: u64, on_hand: u64, sold: u64, at: Timestamp) -> (Inventory, Body) {
    let inventory = Inventory {
        sku: sku.clone(),
        on_hand,
        stock_version: StockVersion(walk + 1),
        full: FullLevel { on_hand: 100, at: opened() },
        sold,
        origin: "till".to_owned(),
        source_seq: SourceSeq(walk + 1),
        fingerprint: walk,
        occurred_at: at,
        committed_at: at,
    };
    let event = StockChangedV1 {
        sku: sku.clone(),
        stock_version: inventory.stock_version,
        on_hand,
        quantity: Some(-1),
        cause: Some("sale".to_owned()),
        origin: inventory.origin.clone(),
        source_seq: inventory.source_seq,
        unit_price: None,
        occurred_at: at,
        committed_at: at,
    };
    let body: Body = encode(&event, &TraceContext::root(sku)).body().into();
    (inventory, body)
}

fn decode(times: usize) {
    let sku = Sku::new("A-100").expect("it is a SKU");
    let (_, body) = stock(&sku, 7, 50, 50, opened());
    for _ in 0..times {
        black_box(Incoming::decode(black_box(&body)).is_ok());
    }
}

fn quote(times: usize, size: usize, as_json: bool) {
    let (promotions, carts) = workload::invent(5_000);
    let rules = RuleSet::from_json(&workload::rule_set(&promotions[..size])).expect("the sample is legal");
    let baskets: Vec<(Basket, Context)> = carts.iter().map(workload::basket).collect();
    for walk in 0..times {
        let (basket, context) = &baskets[walk % baskets.len()];
        let quote = rules.quote(black_box(basket), context).expect("the sample is legal");
        if as_json {
            black_box(quote.answer_json());
        }
        black_box(&quote);
    }
}

fn compile(times: usize) {
    let (promotions, _) = workload::invent(5_000);
    let text = workload::rule_set(&promotions[..50]);
    for _ in 0..times {
        black_box(RuleSet::from_json(black_box(&text)).is_ok());
    }
}

fn entry(sku: &str, version: u64) -> CacheEntry {
    let eur = |minor| Money::new(minor, pricestream_domain::Currency::EUR);
    CacheEntry {
        sku: Sku::new(sku).expect("it is a SKU"),
        price_version: PriceVersion(version),
        price: Some(eur(1_999)),
        list_price: Some(eur(2_199)),
        since: opened(),
        lane: None,
    }
}

fn read(times: usize) {
    let entry = entry("A-100", 7);
    let mut out = Vec::new();
    for _ in 0..times {
        out.clear();
        write_price(black_box(&entry), Some(opened()), &mut out);
        black_box(out.len());
    }
}

fn tell(times: usize, streams: usize) {
    let hub = Arc::new(StreamHub::new(Arc::new(Metrics::default()), streams));
    let mut subscriptions: Vec<_> = (0..streams).map(|_| hub.subscribe(Interest::All).expect("as many may be open")).collect();
    let mut out = Vec::new();
    for walk in 0..times as u64 {
        hub.publish(&Arc::new(entry("A-100", walk + 1)));
        for subscription in &mut subscriptions {
            out.clear();
            black_box(subscription.fetch(&mut out));
        }
    }
}
