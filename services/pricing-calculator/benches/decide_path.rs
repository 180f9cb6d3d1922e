//! What an event costs from body to body: `StockChanged` read, the price decided from the records, `PriceChanged` written;
//! beside serde_json alone reading the same bodies into borrowed text and writing them again.

#[path = "../../../libs/promotion-engine/benches/shared/measured.rs"]
mod measured;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion};
use jiff::{SignedDuration, Timestamp};
use measured::{cpu_seconds, median};
use pricestream_domain::{Cause, FullLevel, Mode, Product, Sku, SourceSeq, StockVersion};
use pricestream_event_schema::{Body, Incoming, StockChangedV1, TraceContext, encode};
use pricestream_ports::{Inventory, PriceRecord, ProductRecord, Promotions, SettingsSnapshot, SkuInputs};
use pricestream_pricing_calculator::{Next, SERVICE, next};
use pricestream_repricing_engine::Strategies;
use serde::{Deserialize, Serialize};

/// Different SKUs, a change of each.
const SKUS: usize = 1_000;

/// Rounds, each of both sides by turns; the medians count.
const ROUNDS: usize = 9;

/// Times that a round goes over all the changes.
const PASSES: usize = 50;

/// One change and everything that its price is made from.
struct Case {
    body: Body,
    record: PriceRecord,
    product: Arc<ProductRecord>,
    inputs: SkuInputs,
    now: Timestamp,
}

fn main() {
    let settings = settings();
    let cases = cases(&settings);
    let mut criterion = Criterion::default().configure_from_args().sample_size(50);
    let mut group = criterion.benchmark_group("decide_path");
    let mut turn = cases.iter().cycle();
    group.bench_function("decode, decide, encode", |bencher| {
        let record = || turn.next().map(|case| (case, case.record.clone())).expect("it goes round");
        bencher.iter_batched(record, |(case, record)| reprice(case, record, &settings), BatchSize::SmallInput);
    });
    let (mut turn, mut buffer) = (cases.iter().cycle(), Vec::new());
    group.bench_function("serde_json alone", |bencher| {
        bencher.iter(|| copy(turn.next().expect("it goes round").body.text(), &mut buffer));
    });
    group.finish();
    // `cargo test --all-targets` runs this without the argument, and wants to know only that it works.
    if std::env::args().any(|argument| argument == "--bench") {
        compare(&cases, &settings);
    }
}

/// By turns, so that whatever else the machine does falls on both.
fn compare(cases: &[Case], settings: &SettingsSnapshot) {
    let mut buffer = Vec::new();
    let rounds: [(f64, f64); ROUNDS] = std::array::from_fn(|_| {
        let mut ours = 0.0;
        for _ in 0..PASSES {
            // Reading the record is the store's work.
            let records: Vec<PriceRecord> = cases.iter().map(|case| case.record.clone()).collect();
            let began = cpu_seconds();
            for (case, record) in cases.iter().zip(records) {
                black_box(reprice(case, record, settings));
            }
            ours += cpu_seconds() - began;
        }
        let began = cpu_seconds();
        for _ in 0..PASSES {
            for case in cases {
                copy(case.body.text(), &mut buffer);
            }
        }
        let json = cpu_seconds() - began;
        #[allow(clippy::cast_precision_loss, reason = "a small count")]
        let micros = 1e6 / (PASSES * cases.len()) as f64;
        (ours * micros, json * micros)
    });
    let (ours, json) = (median(rounds.map(|round| round.0)), median(rounds.map(|round| round.1)));
    let ratio = ours / json;
    println!("decide path: {ours:.2} us, serde_json alone: {json:.2} us, ratio {ratio:.2} (goal <= 3)");
    let met = if ratio <= 3.0 { "met" } else { "MISSED" };
    println!(
        "BENCH\tdecode, decide, encode: at most 3 x the CPU of serde_json alone\t{ours:.2} us against {json:.2} us\t{ratio:.2}\t{met}"
    );
}

/// What pricing-calculator does for a message, but for reading and writing records.
fn reprice(case: &Case, record: PriceRecord, settings: &SettingsSnapshot) -> usize {
    let Ok(Incoming::StockChanged(event)) = Incoming::decode(black_box(&case.body)) else { panic!("it is a stock change") };
    let trace = event.trace.expect("it has one").child(SERVICE);
    let next = next(Some(record), Arc::clone(&case.product), &case.inputs, settings, Cause::Stock, case.now);
    let Next::Write(write) = next else { panic!("its stock is new") };
    let announcement = write.record.announcement().expect("it has a price");
    encode(&announcement, &trace).body().len()
}

/// The least that any JSON pipeline does with it.
fn copy(body: &str, buffer: &mut Vec<u8>) {
    buffer.clear();
    let event: Event<'_> = serde_json::from_str(black_box(body)).expect("it is an event");
    serde_json::to_writer(&mut *buffer, &event).expect("memory takes every write");
    black_box(buffer.len());
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Event<'a> {
    source: &'a str,
    detail_type: &'a str,
    #[serde(borrow)]
    detail: Detail<'a>,
}

#[derive(Deserialize, Serialize)]
struct Detail<'a> {
    specversion: &'a str,
    id: &'a str,
    source: &'a str,
    r#type: &'a str,
    subject: &'a str,
    sequence: &'a str,
    time: &'a str,
    dataschema: &'a str,
    traceparent: &'a str,
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize, Serialize)]
struct Data<'a> {
    sku: &'a str,
    stock_version: u64,
    on_hand: u64,
    quantity: i64,
    cause: &'a str,
    origin: &'a str,
    source_seq: u64,
    occurred_at: &'a str,
    committed_at: &'a str,
}

fn settings() -> SettingsSnapshot {
    let strategies = include_str!("../../../examples/strategies.json");
    let strategies = Strategies::from_json(strategies).expect("the example has no problem");
    SettingsSnapshot {
        rev: 1,
        mode: Mode::Run,
        strategies: Some(Arc::new(strategies)),
        rollout: None,
        promotions: Promotions::None,
    }
}

/// The example's goods many times over, in the afternoon of a sale: each sold a few units since its price was decided.
fn cases(settings: &SettingsSnapshot) -> Vec<Case> {
    let mut random = fastrand::Rng::with_seed(7);
    let lines: Vec<&str> = include_str!("../../../examples/catalogue.ndjson").lines().collect();
    let opened: Timestamp = "2026-11-27T06:00:00Z".parse().expect("it is an instant");
    let decided = opened + SignedDuration::from_hours(8);
    (0..SKUS)
        .map(|number| {
            let mut product: Product = serde_json::from_str(lines[number % lines.len()]).expect("it is a catalogue line");
            product.sku = Sku::new(&format!("{}-{number:04}", product.sku)).expect("it is a SKU");
            let sku = product.sku.clone();
            let product = Arc::new(ProductRecord::new(product, 1));
            let (full, sold) = (random.u64(20..200), random.u64(1..4));
            let left = random.u64(sold..full);
            let inventory = |version: u64, on_hand, at: Timestamp| Inventory {
                sku: sku.clone(),
                on_hand,
                stock_version: StockVersion(version),
                full: FullLevel { on_hand: full, at: opened },
                sold: 0,
                origin: "till".to_owned(),
                source_seq: SourceSeq(version),
                fingerprint: version,
                occurred_at: at,
                committed_at: at + SignedDuration::from_micros(87_221),
            };
            let inputs =
                |inventory| SkuInputs { product: Some(Arc::clone(&product)), inventory: Some(inventory), override_: None };
            let version = random.u64(2..500);
            let before = inputs(inventory(version - 1, left, decided));
            let Next::Write(write) = next(None, Arc::clone(&product), &before, settings, Cause::Stock, decided) else {
                panic!("it has no price yet")
            };
            let now = decided + SignedDuration::from_micros(random.i64(60_000_000..3_600_000_000));
            let after = inventory(version, left - sold, now);
            let event = StockChangedV1 {
                sku: sku.clone(),
                stock_version: after.stock_version,
                on_hand: after.on_hand,
                quantity: Some(-sold.cast_signed()),
                cause: Some("sale".to_owned()),
                origin: after.origin.clone(),
                source_seq: after.source_seq,
                unit_price: None,
                occurred_at: after.occurred_at,
                committed_at: after.committed_at,
            };
            let body: Body = encode(&event, &TraceContext::root(&sku)).body().into();
            let mut again = Vec::new();
            copy(body.text(), &mut again);
            assert_eq!(again, body.text().as_bytes(), "both sides work on the same JSON");
            Case { body, record: write.record, inputs: inputs(after), product: Arc::clone(&product), now }
        })
        .collect()
}
