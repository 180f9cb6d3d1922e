//! A synthetic flash sale: invented goods, invented buyers, the real pipeline.
//!
//! Demand is Zipf over SKUs: the k-th most wanted draws 1/k of the first. Buyers arrive evenly over the sale but for a
//! tenth of it, in which they come ten times as fast. A buyer's limit is half the list price plus an exponential part
//! with a mean of half the list price; so 37 % would pay the list price, and at it a rise of 1 % loses 2 % of the buyers
//! (the median sensitivity measured on real supermarket sales). Stock is 0.3 to 2 times what would sell at list price.
//! The shop's forecast of each SKU's demand is off by a factor: half of them by more than 1.6, either way. Of the burst it
//! knows nothing.

use jiff::{SignedDuration, Timestamp};
use pricestream_domain::{Product, Sku};
use pricestream_event_schema::StockChange;
use pricestream_repricing_engine::market::erlang;
use serde_json::json;

/// Length of the sale.
const LENGTH: SignedDuration = SignedDuration::from_hours(2);

/// The burst: this share of the time, this far in, at this many times the rate.
const BURST: (f64, f64, f64) = (0.45, 0.55, 10.0);

/// Share of the buyers who would pay the list price: e^-1.
const AT_LIST: f64 = 0.367_879_441_171_442_3;

/// A sale to be played.
#[derive(Debug)]
pub(crate) struct Sale {
    /// What is on sale.
    pub(crate) products: Vec<Product>,
    /// Opening stock of each.
    pub(crate) stock: Vec<u64>,
    /// Buyers in the order of their arrival.
    pub(crate) buyers: Vec<Buyer>,
    /// How it is priced.
    pub(crate) strategies: String,
    /// When it opens.
    pub(crate) opens: Timestamp,
    /// What is true of each SKU's demand: sales at list price, if stock never ran out.
    pub(crate) at_list: Vec<f64>,
}

impl Sale {
    /// What one would ask who knows the demand, but no single buyer: the best that any policy earns on average. In minor units.
    pub(crate) fn clairvoyant(&self, product: usize, left: u64, at: Timestamp) -> i64 {
        let share = at.duration_since(self.opens).as_secs_f64() / LENGTH.as_secs_f64();
        let market = self.at_list[product] * (1.0 - arrived(share)) * (SENSITIVITY - 1.0).exp();
        let ratio = erlang::price(left, market) / SENSITIVITY;
        #[allow(clippy::cast_precision_loss, reason = "an invented list price is small")]
        let list = self.products[product].list_price.minor as f64;
        i64::try_from(whole(ratio * list)).unwrap_or(i64::MAX)
    }
}

/// At list price a rise of 1 % loses so many % of the buyers.
const SENSITIVITY: f64 = 2.0;

/// How far off the forecasts are: standard deviation of their logarithm.
const FORECAST: f64 = 0.7;

/// Somebody who would buy one unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Buyer {
    /// When.
    pub(crate) at: Timestamp,
    /// Of what: a position in `products`.
    pub(crate) product: usize,
    /// For at most this, in minor units.
    pub(crate) limit: i64,
}

/// Invents a sale; equal arguments give equal sales.
pub(crate) fn invent(skus: u32, arrivals: u32, seed: u64) -> Sale {
    let mut random = fastrand::Rng::with_seed(seed);
    let opens: Timestamp = "2026-11-27T20:00:00Z".parse().expect("it is a timestamp");
    let closes = opens.checked_add(LENGTH).expect("it is within the calendar");
    let categories = ["phones", "kitchen", "toys", "garden"];
    let products: Vec<Product> = (0..skus)
        .map(|number| {
            let list = i64::from(random.u32(5..200)) * 100 + 99;
            let line = json!({
                "sku": format!("SYN-{:05}", number + 1),
                "name": format!("Synthetic item {}", number + 1),
                "category": categories[random.usize(..categories.len())],
                "list_price": { "minor": list, "currency": "EUR" },
                "low_stock": { "at": 3, "rearm": 10 },
            });
            serde_json::from_value(line).expect("an invented line is a catalogue line")
        })
        .collect();
    let mut sum = 0.0;
    let zipf: Vec<f64> = (1..=skus)
        .map(|rank| {
            sum += 1.0 / f64::from(rank);
            sum
        })
        .collect();
    let at_list: Vec<f64> = (1..=skus).map(|rank| f64::from(arrivals) / f64::from(rank) / sum * AT_LIST).collect();
    let stock = at_list.iter().map(|at_list| whole(at_list * (0.3 + 1.7 * random.f64())).max(3)).collect();
    let mut buyers: Vec<Buyer> = (0..arrivals)
        .map(|_| {
            let draw = random.f64() * sum;
            let product = zipf.partition_point(|upto| *upto < draw).min(products.len() - 1);
            #[allow(clippy::cast_precision_loss, reason = "an invented list price is small")]
            let list = products[product].list_price.minor as f64;
            let limit = list * (0.5 - 0.5 * (1.0 - random.f64()).ln());
            let at = opens + SignedDuration::from_secs_f64(arrival(random.f64()) * LENGTH.as_secs_f64());
            Buyer { at: pricestream_ports::micros(at), product, limit: i64::try_from(whole(limit)).unwrap_or(i64::MAX) }
        })
        .collect();
    buyers.sort_by_key(|buyer| buyer.at);
    let hours = LENGTH.as_secs_f64() / 3600.0;
    let mut forecast = |at_list: f64| {
        let normal = (-2.0 * (1.0 - random.f64()).ln()).sqrt() * (std::f64::consts::TAU * random.f64()).cos();
        (at_list / hours * (FORECAST * normal).exp()).max(0.01)
    };
    let forecasts = products.iter().zip(&at_list).map(|(product, at_list)| (product.sku.clone(), forecast(*at_list)));
    let strategies = strategies(opens, closes, forecasts);
    Sale { products, stock, buyers, strategies, opens, at_list }
}

/// The share of the buyers who have arrived by a share of the time.
fn arrived(share: f64) -> f64 {
    let (begin, end, times) = BURST;
    let all = begin + (end - begin) * times + (1.0 - end);
    (share.min(begin) + (share.clamp(begin, end) - begin) * times + (share.max(end) - end)) / all
}

/// Where in the sale, 0 to 1, a buyer arrives whose draw is `draw`: the inverse of the arrivals so far.
fn arrival(draw: f64) -> f64 {
    let (begin, end, times) = BURST;
    let all = begin + (end - begin) * times + (1.0 - end);
    let work = draw * all;
    if work < begin {
        work
    } else if work < begin + (end - begin) * times {
        begin + (work - begin) / times
    } else {
        end + (work - begin - (end - begin) * times)
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts and limits here are small and positive")]
fn whole(number: f64) -> u64 {
    number.max(0.0).round() as u64
}

fn strategies(opens: Timestamp, closes: Timestamp, forecasts: impl Iterator<Item = (Sku, f64)>) -> String {
    let guardrails = json!({
        "band_bp": 6_000, "max_step": { "change_bp": 1_000, "per_minutes": 1 }, "ending": { "modulo": 10, "remainder": 9 }
    });
    let skus: serde_json::Map<_, _> =
        forecasts.map(|(sku, per_hour)| (sku.to_string(), json!({ "demand": { "per_hour": per_hour } }))).collect();
    json!({
        "version": 1,
        "strategies": {
            "flash": { "kind": "template_bayes", "sale": { "starts": opens, "ends": { "at": closes }, "reviews": 120 } },
        },
        "default": {
            "strategy": "flash", "floor_percent_of_list": 40, "guardrails": guardrails, "demand": { "per_hour": 1 },
        },
        "skus": skus,
    })
    .to_string()
}

/// The change that a sale or the opening makes to a SKU's stock.
pub(crate) fn stock_change(sku: &Sku, on_hand: u64, source_seq: u64, at: Timestamp, restock: bool) -> StockChange {
    StockChange {
        sku: sku.clone(),
        on_hand,
        source_seq: pricestream_domain::SourceSeq(source_seq),
        occurred_at: at,
        cause: Some(if restock { "restock" } else { "sale" }.to_owned()),
        quantity: if restock { i64::try_from(on_hand).ok() } else { Some(-1) },
        unit_price: None,
        origin: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_arrived_is_the_inverse_of_when_who_arrives() {
        for draw in [0.0, 0.1, 0.3, 0.5, 0.7, 0.99, 1.0] {
            assert!((arrived(arrival(draw)) - draw).abs() < 1e-12, "{draw}");
        }
    }

    #[test]
    fn equal_seeds_give_equal_sales_and_the_burst_is_ten_times_as_dense() {
        let (one, two) = (invent(50, 10_000, 3), invent(50, 10_000, 3));
        assert_eq!(one.stock, two.stock);
        let times = |sale: &Sale| sale.buyers.iter().map(|buyer| (buyer.at, buyer.product, buyer.limit)).collect::<Vec<_>>();
        assert_eq!(times(&one), times(&two));
        let within = |from: f64, to: f64| {
            let at = |share: f64| one.opens + SignedDuration::from_secs_f64(share * LENGTH.as_secs_f64());
            one.buyers.iter().filter(|buyer| (at(from)..at(to)).contains(&buyer.at)).count()
        };
        let (calm, burst) = (within(0.1, 0.2), within(0.45, 0.55));
        assert!(burst > 8 * calm && burst < 12 * calm, "{burst} in the burst, {calm} in a calm tenth");
    }
}
