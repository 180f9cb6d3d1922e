//! The same carts as other engines price them: read from files in a neutral form, and reported in the line that their harnesses
//! print.

use std::hint::black_box;
use std::path::Path;

use pricestream_promotion_engine::{Basket, Context, Outcome, Quote, Reason, RuleSet};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::SIZES;
use crate::measured::{cpu_seconds, median};
use crate::workload::{self, Cart, CartLine, Kind, Promotion};

#[derive(Deserialize)]
struct WrittenCart {
    customer: WrittenCustomer,
    coupons: Vec<String>,
    lines: Vec<WrittenLine>,
}

#[derive(Deserialize)]
struct WrittenCustomer {
    groups: Vec<String>,
}

#[derive(Deserialize)]
struct WrittenLine {
    sku: String,
    cat: String,
    brand: String,
    qty: u32,
    price: i64,
}

/// Rounds of all carts; the medians count.
const ROUNDS: usize = 9;

/// All carts so often in a round.
const TURNS: usize = 10;

/// Prices the carts of `directory` under each number of promotions, decision record included.
pub(crate) fn run(directory: &Path) {
    let carts: Vec<Cart> = read::<Vec<WrittenCart>>(&directory.join("carts.json")).into_iter().map(cart).collect();
    let baskets: Vec<(Basket, Context)> = carts.iter().map(workload::basket).collect();
    for size in SIZES {
        let written: Vec<Value> = read(&directory.join(format!("promos-{size}.json")));
        let promotions: Vec<Promotion> = written.iter().map(promotion).collect();
        let rules = RuleSet::from_json(&workload::rule_set(&promotions)).expect("the workload is legal");
        let quote = |(basket, context): &(Basket, Context)| rules.quote(basket, context).expect("the workload is legal");
        let wanted: i64 = baskets.iter().map(|asked| discount(&quote(asked))).sum();
        let mut singles = Vec::with_capacity(ROUNDS * TURNS * baskets.len());
        // Each cart is timed within the round, as the others' harnesses do it: their rates pay for the clock too.
        let rounds = (0..ROUNDS).map(|_| {
            let began = cpu_seconds();
            for asked in baskets.iter().cycle().take(TURNS * baskets.len()) {
                let began = cpu_seconds();
                black_box(quote(asked));
                singles.push((cpu_seconds() - began) * 1e6);
            }
            cpu_seconds() - began
        });
        let round = median(rounds);
        singles.sort_by(f64::total_cmp);
        #[allow(clippy::cast_precision_loss, reason = "small counts")]
        let (in_a_round, carts) = ((TURNS * baskets.len()) as f64, baskets.len() as f64);
        #[allow(clippy::cast_precision_loss, reason = "discounts of two hundred carts")]
        let mean_discount = (wanted as f64 / carts).round();
        let line = json!({
            "name": "pricestream",
            "promos": size,
            "carts": singles.len(),
            "carts_per_cpu_s": (in_a_round / round * 10.0).round() / 10.0,
            "cpu_p50_us": (singles[singles.len() / 2] * 10.0).round() / 10.0,
            "cpu_p99_us": (singles[singles.len() * 99 / 100] * 10.0).round() / 10.0,
            "mean_discount": mean_discount,
        });
        println!("{line}");
    }
}

/// What all promotions together want to take off: the harnesses of the others let prices go below zero.
fn discount(quote: &Quote) -> i64 {
    let wanted = quote.decisions.iter().map(|decision| match &decision.outcome {
        Outcome::Applied { off, unfit, .. } => off + unfit,
        Outcome::Declined(Reason::Floor { unfit }) => *unfit,
        Outcome::Declined(_) => 0,
    });
    wanted.sum()
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> T {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn cart(written: WrittenCart) -> Cart {
    let line = |line: WrittenLine| CartLine {
        sku: line.sku,
        category: line.cat,
        brand: line.brand,
        quantity: line.qty,
        price: line.price,
    };
    Cart { lines: written.lines.into_iter().map(line).collect(), coupons: written.coupons, groups: written.customer.groups }
}

fn promotion(written: &Value) -> Promotion {
    let text = |field: &str| written[field].as_str().unwrap_or_else(|| panic!("{field} of {written}")).to_owned();
    let number = |field: &str| written[field].as_i64().unwrap_or_else(|| panic!("{field} of {written}"));
    let group = || written["group"].as_str().map(str::to_owned);
    let tier = |place: usize| {
        (written["tiers"][place][0].as_i64().expect("a tier"), written["tiers"][place][1].as_i64().expect("a tier"))
    };
    let kind = match written["kind"].as_str().unwrap_or_default() {
        "cat_pct" => Kind::CategoryPercent { category: text("cat"), bp: number("bp") },
        "sku_fixed" => Kind::SkuFixed { sku: text("sku"), off: number("off") },
        "tiers" => Kind::Tiers { group: group(), tiers: [tier(0), tier(1), tier(2)] },
        "bxgy" => Kind::BuyTwoGetOne { category: text("cat") },
        "nfor" => Kind::ThreeForPrice { category: text("cat"), price: number("price") },
        "order_pct" => Kind::OrderPercent { group: text("group"), bp: number("bp") },
        "free_ship" => Kind::FreePostage { group: group(), min: number("min") },
        "brand_pct" => Kind::BrandPercent { group: text("group"), brand: text("brand"), bp: number("bp") },
        "cat_fixed" => Kind::CategoryFixed { category: text("cat"), off: number("off") },
        "coupon_pct" => Kind::CouponPercent { code: text("code"), min: number("min"), bp: number("bp") },
        other => panic!("{other:?} is no kind of the workload"),
    };
    Promotion { id: text("id"), kind }
}
