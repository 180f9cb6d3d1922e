//! What browsing costs: a list of 1,000 SKUs, the lane of a SKU over a year of 500 windows; and what it takes to compile 10,000
//! promotions.

use std::hint::black_box;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use mimalloc::MiMalloc;
use pricestream_domain::{Currency, Money, Product};
use pricestream_promotion_engine::{Basket, Context, Line, RuleSet};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

/// As in the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Rounds; the medians count.
const ROUNDS: usize = 9;

fn main() {
    let from: Timestamp = "2026-01-01T00:00:00Z".parse().expect("it is an instant");
    let hours = |hours: i64| from + SignedDuration::from_hours(hours);

    let promotions: Vec<Value> = (0..10_000).map(|number| percent(number, &format!("S{number:05}"))).collect();
    let document = rule_set(&promotions);
    let (rules, compile) = median(|| RuleSet::from_json(&document).expect("the sample is legal"));
    report("10,000 promotions read, checked and compiled: under 1 s of CPU", compile, 1.0);

    let baskets: Vec<Basket> = (0..1_000).map(|number| one_unit(&format!("S{number:05}"))).collect();
    let context = Context { at: hours(12), ..Context::default() };
    let (total, list) = median(|| {
        let payable = |basket: &Basket| rules.quote(basket, &context).expect("the sample is legal").totals.payable;
        baskets.iter().map(payable).sum::<i64>()
    });
    assert_eq!(total, 1_000 * 900, "every SKU has its promotion");
    report("a list of 1,000 SKUs, 10,000 promotions: under 5 ms of CPU", list, 0.005);

    let windows: Vec<Value> = (0..500)
        .map(|number: i64| {
            let mut promotion = percent(number, "S00000");
            let begins = hours(number * 17);
            promotion["window"] = json!({ "from": begins, "until": begins + SignedDuration::from_hours(5 + number % 24) });
            promotion
        })
        .collect();
    let rules = RuleSet::from_json(&rule_set(&windows)).expect("the sample is legal");
    let (slices, year) = median(|| {
        let lane = rules.timeline(&baskets[0], &Context::default(), from, hours(365 * 24), 10_000);
        lane.expect("the sample is legal").slices.len()
    });
    assert!(slices > 500, "windows overlap: {slices} slices");
    report(&format!("a year of a SKU with 500 windows ({slices} slices): under 1 ms of CPU"), year, 0.001);
}

fn rule_set(promotions: &[Value]) -> String {
    json!({ "version": 1, "pipeline": [[{ "component": "percent_off" }]], "promotions": promotions }).to_string()
}

/// Off one SKU.
fn percent(number: i64, sku: &str) -> Value {
    json!({
        "id": format!("p{number}"), "effect": { "percent_off": { "off_bp": 1_000 } }, "items": { "include": [{ "skus": [sku] }] }
    })
}

fn one_unit(sku: &str) -> Basket {
    let product = json!({ "sku": sku, "list_price": { "minor": 1_000, "currency": "EUR" } });
    let product: Product = serde_json::from_value(product).expect("the sample is legal");
    let unit_price = Money::new(1_000, Currency::EUR);
    let product = Arc::new(product);
    let line = Line { id: sku.into(), product, quantity: 1, unit_price, stock_left: None, last_price: None, delivery: None };
    Basket { currency: Currency::EUR, lines: vec![line], postage: None }
}

/// What `work` gives, and the CPU seconds that it takes.
fn median<T>(work: impl Fn() -> T) -> (T, f64) {
    let mut seconds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = cpu_seconds();
            black_box(work());
            cpu_seconds() - began
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    (work(), seconds[ROUNDS / 2])
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    #[allow(clippy::cast_precision_loss, reason = "a thread of a benchmark is young")]
    let (seconds, nanos) = (time.tv_sec as f64, time.tv_nsec as f64);
    seconds + nanos / 1e9
}

/// A line of the table that `make bench` ends with. `cargo test --all-targets` runs this without `--bench`, unoptimised: then only
/// what is asserted counts.
fn report(goal: &str, seconds: f64, most: f64) {
    if std::env::args().any(|argument| argument == "--bench") {
        let verdict = if seconds < most { "met" } else { "MISSED" };
        println!("BENCH\t{goal}\t{:.2} ms\t\t{verdict}", seconds * 1e3);
    }
}
