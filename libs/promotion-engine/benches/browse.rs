//! What browsing costs: a list of 1,000 SKUs, the lane of a SKU over a year of 500 windows; and what it takes to compile 10,000
//! promotions.

#[path = "shared/measured.rs"]
mod measured;

use std::hint::black_box;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use measured::{cpu_seconds, median};
use mimalloc::MiMalloc;
use pricestream_domain::{Currency, Money, Product};
use pricestream_promotion_engine::{Basket, BrowseAnswer, Context, Found, Line, RuleSet};
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
    let (rules, compile) = timed(|| RuleSet::from_json(&document).expect("the sample is legal"));
    report("10,000 promotions read, checked and compiled: under 1 s of CPU", compile, 1.0);

    let baskets: Vec<Basket> = (0..1_000).map(|number| one_unit(&format!("S{number:05}"))).collect();
    let context = Context { at: hours(12), ..Context::default() };
    let (total, list) = timed(|| {
        let payable = |basket: &Basket| rules.quote(basket, &context).expect("the sample is legal").totals.payable;
        baskets.iter().map(payable).sum::<i64>()
    });
    assert_eq!(total, 1_000 * 900, "every SKU has its promotion");
    report("1,000 quotes of a SKU each, 10,000 promotions: under 5 ms of CPU", list, 0.005);

    let items: Vec<Found> = baskets.iter().map(item).collect();
    let (answer, list) = timed(|| rules.browse(&items, &context, false));
    assert_eq!(payable(&answer), 1_000 * 900, "what their quotes say");
    report("a list of 1,000 SKUs, 10,000 promotions: under 5 ms of CPU", list, 0.005);

    with_from(&items, &context);

    let windows: Vec<Value> = (0..500)
        .map(|number: i64| {
            let mut promotion = percent(number, "S00000");
            let begins = hours(number * 17);
            promotion["window"] = json!({ "from": begins, "until": begins + SignedDuration::from_hours(5 + number % 24) });
            promotion
        })
        .collect();
    let rules = RuleSet::from_json(&rule_set(&windows)).expect("the sample is legal");
    let (slices, year) = timed(|| {
        let lane = rules.timeline(&baskets[0], &Context::default(), from, hours(365 * 24), 10_000);
        lane.expect("the sample is legal").slices.len()
    });
    assert!(slices > 500, "windows overlap: {slices} slices");
    report(&format!("a year of a SKU with 500 windows ({slices} slices): under 1 ms of CPU"), year, 0.001);
}

/// A list with the prices that its SKUs go from.
fn with_from(items: &[Found], context: &Context) {
    // Each SKU has a share off, three for a price and tiers: five baskets for each.
    let kinds = (0..1_000_i64).flat_map(|number| {
        let sku = format!("S{number:05}");
        let mut three = percent(10_000 + number, &sku);
        three["effect"] = json!({ "n_for_price": { "units": 3, "price": { "minor": 2_500, "currency": "EUR" } } });
        let mut tiers = percent(20_000 + number, &sku);
        let tier = |from: u32, off: u32| json!({ "from": from, "off": { "percent_bp": off } });
        tiers["effect"] = json!({ "quantity_tiers": { "tiers": [tier(2, 100), tier(5, 300), tier(10, 1_000)] } });
        [percent(number, &sku), three, tiers]
    });
    let units = ["percent_off", "quantity_tiers", "n_for_price"].map(|component| json!([{ "component": component }]));
    let document = json!({ "version": 1, "pipeline": units, "promotions": kinds.collect::<Vec<_>>() }).to_string();
    let rules = RuleSet::from_json(&document).expect("the sample is legal");
    let (answer, list) = timed(|| rules.browse(items, context, true));
    let lower =
        |answer: &BrowseAnswer| answer.items.iter().filter(|item| item.price().is_ok_and(|price| price.from.is_some())).count();
    assert_eq!((payable(&answer), lower(&answer)), (1_000 * 900, 1_000), "each goes from less");
    let (_, without) = timed(|| rules.browse(items, context, false));
    report("a list of 1,000 SKUs, 3 promotions each: under 5 ms of CPU", without, 0.005);
    report("the same with the price that they go from, of 4 quantities each: under 20 ms of CPU", list, 0.02);
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

fn item(basket: &Basket) -> Found {
    let Line { product, unit_price, .. } = &basket.lines[0];
    Found { product: Arc::clone(product), unit_price: *unit_price, stock_left: None, last_price: None }
}

fn payable(answer: &BrowseAnswer) -> i64 {
    answer.items.iter().map(|item| item.price().expect("the sample is legal").payable.minor).sum()
}

/// What `work` gives, and the CPU seconds that it takes.
fn timed<T>(work: impl Fn() -> T) -> (T, f64) {
    let seconds = median((0..ROUNDS).map(|_| {
        let began = cpu_seconds();
        black_box(work());
        cpu_seconds() - began
    }));
    (work(), seconds)
}

/// A line of the table that `make bench` ends with. `cargo test --all-targets` runs this without `--bench`, unoptimised: then only
/// what is asserted counts.
fn report(goal: &str, seconds: f64, most: f64) {
    if std::env::args().any(|argument| argument == "--bench") {
        let verdict = if seconds < most { "met" } else { "MISSED" };
        println!("BENCH\t{goal}\t{:.2} ms\t\t{verdict}", seconds * 1e3);
    }
}
