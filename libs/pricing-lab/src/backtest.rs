//! A policy on recorded sales. What would have happened at other prices nobody recorded: it is modelled, and the model is named.
//!
//! Each recorded unit is a buyer who came at that instant and would have paid at least what he paid. Of those who pay `p`, the share
//! `d(q) / d(p)` also pays `q`, by the demand family of the policy; below the recorded price come as many more as that family says,
//! within half an hour of a recorded sale. After a SKU sold out nothing is known, and nobody is made up.

use std::collections::BTreeMap;
use std::sync::Arc;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use pricestream_domain::{Product, Sku};
use pricestream_repricing_engine::market::{Family, Shape};
use pricestream_repricing_engine::{Policy, Profile};

use crate::recorded::{Recorded, profile};
use crate::shop::replenished;
use crate::{Arrival, Estimate, Sale, Shop, Truth, play};

/// How a recorded sale is priced.
#[derive(Clone, Debug)]
pub struct Goods {
    /// The catalogue line.
    pub product: Arc<Product>,
    /// What the strategies document says of it.
    pub policy: Arc<Policy>,
}

/// What a backtest is asked.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long a sale lasts after its replenishment.
    pub minutes: u32,
    /// How often each sale is played, with other made-up buyers.
    pub plays: u32,
    /// Of every random draw.
    pub seed: u64,
    /// Where the policy names no demand: how demand depends on the price.
    pub family: Family,
    /// Parts of the profiles that are learned from earlier sales; 0: none is.
    pub profile_parts: usize,
}

/// What one way to price came to, over all sales that were tested.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// In minor units, a mean over the plays.
    pub revenue: f64,
    /// Likewise.
    pub units: f64,
    /// Units left at the end of their sale.
    pub leftover: f64,
    /// How often a price moved.
    pub moves: f64,
    /// Revenue of each sale, for the intervals.
    by_sale: Vec<f64>,
}

/// What a backtest found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Backtest {
    /// Sales that were tested.
    pub tested: usize,
    /// Those that began before any was over.
    pub taught_only: usize,
    /// Of those tested, sold out in the recording.
    pub sold_out: usize,
    /// SKUs of the recording that the catalogue or the document does not know.
    pub unknown: usize,
    /// By name.
    pub outcomes: Vec<(&'static str, Outcome)>,
}

/// The ways to price that are compared.
const WAYS: [&str; 3] = ["list price", "+5 % below 10 left", "the document"];

impl Outcome {
    /// Revenue against another's on the same buyers: a fraction with its 95 % confidence interval over sales, which are taken for
    /// independent.
    pub fn against(&self, other: &Self) -> Estimate {
        let count = self.by_sale.len() as f64;
        let ratio = self.revenue / other.revenue;
        let squares: f64 = self.by_sale.iter().zip(&other.by_sale).map(|(ours, theirs)| (ours - ratio * theirs).powi(2)).sum();
        let deviation = (squares / (count - 1.0).max(1.0)).sqrt();
        Estimate { mean: ratio, half: 1.96 * deviation * count.sqrt() / other.revenue }
    }
}

/// What earlier sales say of a SKU, and of all of its category.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Units sold, as if at list price.
    sold: f64,
    /// Hours in stock.
    hours: f64,
}

/// Plays the recorded sales in order of their begin. A sale teaches once it is over, and what it teaches counts for sales that begin after
/// that: nothing is tested on what it was taught by, or on what was not over yet.
pub fn backtest(
    sales: &[Recorded],
    goods: &BTreeMap<Sku, Goods>,
    settings: &Settings,
    mut progress: impl FnMut(usize),
) -> Backtest {
    let mut found = Backtest { outcomes: WAYS.map(|way| (way, Outcome::default())).into(), ..Backtest::default() };
    let mut of_sku: BTreeMap<&Sku, Known> = BTreeMap::new();
    let mut of_category: BTreeMap<Option<&str>, Known> = BTreeMap::new();
    let mut profiles: BTreeMap<Option<&str>, Option<Profile>> = BTreeMap::new();
    let category_of = |sku: &Sku| goods.get(sku).and_then(|goods| goods.product.category.as_deref());
    let mut by_end: Vec<&Recorded> = sales.iter().collect();
    by_end.sort_by_key(|sale| sale.known_until(settings.minutes));
    let mut over = 0;
    for (done, sale) in sales.iter().enumerate() {
        progress(done + 1);
        while let Some(past) = by_end.get(over).filter(|past| past.known_until(settings.minutes) <= sale.begin) {
            over += 1;
            let Some(goods) = goods.get(&past.sku) else { continue };
            let learned = taught(past, goods, settings);
            let category = goods.product.category.as_deref();
            for known in [of_sku.entry(&past.sku).or_default(), of_category.entry(category).or_default()] {
                known.sold += learned.sold;
                known.hours += learned.hours;
            }
            profiles.remove(&category);
        }
        let Some(goods_of) = goods.get(&sale.sku) else {
            found.unknown += 1;
            continue;
        };
        if over == 0 {
            found.taught_only += 1;
            continue;
        }
        let category = goods_of.product.category.as_deref();
        let learned = profiles.entry(category).or_insert_with(|| {
            let alike =
                by_end[..over].iter().copied().filter(|past| goods.contains_key(&past.sku) && category_of(&past.sku) == category);
            (settings.profile_parts > 0).then(|| profile(alike, settings.minutes, settings.profile_parts)).flatten().map(Profile)
        });
        let all = of_category.get(&category).copied().unwrap_or_default();
        let own = of_sku.get(&sale.sku).copied().unwrap_or_default();
        found.tested += 1;
        found.sold_out += usize::from(sale.sold_out.is_some());
        test(sale, goods_of, (own, all), learned.as_ref(), settings, &mut found.outcomes);
    }
    let plays = f64::from(settings.plays.max(1));
    for (_, outcome) in &mut found.outcomes {
        for number in [&mut outcome.revenue, &mut outcome.units, &mut outcome.leftover, &mut outcome.moves] {
            *number /= plays;
        }
        for revenue in &mut outcome.by_sale {
            *revenue /= plays;
        }
    }
    found
}

/// What a sale that is over says of demand.
fn taught(sale: &Recorded, goods: &Goods, settings: &Settings) -> Known {
    let family = family(&goods.policy, settings);
    let list = goods.product.list_price.minor as f64;
    let until = sale.known_until(settings.minutes);
    let at_list = |price: Option<i64>| 1.0 / paid(family, price, list);
    let sold = sale.sold.iter().filter(|sold| sold.at <= until);
    Known {
        sold: sold.map(|sold| sold.units as f64 * at_list(sold.unit_price)).sum(),
        hours: until.duration_since(sale.begin).as_secs_f64() / 3600.0,
    }
}

/// Buyers at the recorded price for each at list. A recorded price beyond three times list, or below a third, is taken for one of another
/// list price: as if at list.
fn paid(family: Family, price: Option<i64>, list: f64) -> f64 {
    let ratio = price.map_or(1.0, |price| price as f64 / list);
    if (1.0 / 3.0..=3.0).contains(&ratio) { family.demand(ratio).clamp(0.02, 50.0) } else { 1.0 }
}

fn family(policy: &Policy, settings: &Settings) -> Family {
    policy.demand.as_ref().map_or(settings.family, |demand| demand.family)
}

fn test(
    sale: &Recorded,
    goods: &Goods,
    (own, all): (Known, Known),
    learned: Option<&Profile>,
    settings: &Settings,
    outcomes: &mut [(&'static str, Outcome)],
) {
    let family = family(&goods.policy, settings);
    let length = SignedDuration::from_mins(i64::from(settings.minutes));
    let list = goods.product.list_price.minor as f64;
    let mut policy = (*goods.policy).clone();
    // A model may have been trained on what is played here.
    let product = Product { prior: None, no_prior: None, ..(*goods.product).clone() };
    if let Some(demand) = &mut policy.demand {
        // A SKU's own sales, drawn toward its category's by as much as one sale says.
        let usual = if all.hours > 0.0 { (all.sold + 0.1) / all.hours } else { demand.per_hour };
        demand.per_hour = ((own.sold + 1.0) / (own.hours + 1.0 / usual)).clamp(1e-6, 1e9);
        demand.certainty = (own.sold + 1.0).min(20.0);
        if let Some(learned) = learned {
            policy.profile = Some(learned.clone());
        }
    }
    let mut sums = [(0.0, 0.0, 0.0); WAYS.len()];
    for number in 0..settings.plays.max(1) {
        let mut rng =
            Rng::with_seed(settings.seed ^ sale.begin.as_second().cast_unsigned() ^ of(&sale.sku) ^ (u64::from(number) << 40));
        let buyers = buyers(sale, family, list, settings, &mut rng);
        let truth = Truth { family, buyers: 0.0, shape: Shape::flat() };
        let stock = replenished(sale.units, sale.begin);
        let fixed = |below: u64, times: f64| Rule { left: sale.units, below, times };
        let mut shop = Shop::midway(&policy, &product, (sale.begin, length), stock, None, None);
        let results: [(Sale, f64); WAYS.len()] = [
            (play(&truth, &buyers, sale.units, &mut fixed(0, 1.0), |_, _, _| ()), 0.0),
            (play(&truth, &buyers, sale.units, &mut fixed(10, 1.05), |_, _, _| ()), 0.0),
            {
                let result = play(&truth, &buyers, sale.units, &mut shop, |_, _, _| ());
                (result, f64::from(shop.moves))
            },
        ];
        for (sum, (result, moves)) in sums.iter_mut().zip(results) {
            *sum = (sum.0 + result.revenue * list, sum.1 + result.sold as f64, sum.2 + moves);
        }
    }
    for ((_, outcome), (revenue, units, moves)) in outcomes.iter_mut().zip(sums) {
        outcome.revenue += revenue;
        outcome.units += units;
        outcome.leftover += sale.units as f64 * f64::from(settings.plays.max(1)) - units;
        outcome.moves += moves;
        outcome.by_sale.push(revenue);
    }
}

fn of(sku: &Sku) -> u64 {
    sku.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Below this share of the list price nobody is made up.
const LOWEST: f64 = 0.4;

fn buyers(sale: &Recorded, family: Family, list: f64, settings: &Settings, rng: &mut Rng) -> Vec<Arrival> {
    let length = SignedDuration::from_mins(i64::from(settings.minutes));
    let most = family.demand(LOWEST).min(50.0);
    let share = |at: Timestamp| at.duration_since(sale.begin).as_secs_f64() / length.as_secs_f64();
    let known_until = share(sale.known_until(settings.minutes)).min(1.0);
    let near = 1_800.0 / length.as_secs_f64();
    let mut buyers = Vec::new();
    for sold in &sale.sold {
        let at = share(sold.at);
        if !(0.0..1.0).contains(&at) {
            continue;
        }
        let paid = paid(family, sold.unit_price, list);
        for _ in 0..sold.units {
            buyers.push(Arrival { at, at_least: paid * rng.f64() });
            // Those who would have come at a lower price, one after the other as a Poisson stream of their choosiness.
            let mut choosiness = paid;
            loop {
                choosiness -= paid * (1.0 - rng.f64()).ln();
                if choosiness >= most {
                    break;
                }
                let at = at + near * (2.0 * rng.f64() - 1.0);
                buyers.push(Arrival { at: at.clamp(0.0, known_until.min(1.0 - 1e-9)), at_least: choosiness });
            }
        }
    }
    buyers.sort_by(|one, other| one.at.total_cmp(&other.at));
    buyers
}

/// List price, or a share above it below a threshold.
struct Rule {
    left: u64,
    below: u64,
    times: f64,
}

impl crate::Policy for Rule {
    fn price(&mut self, _at: f64) -> f64 {
        if self.left < self.below { self.times } else { 1.0 }
    }
    fn sold(&mut self, _at: f64) {
        self.left -= 1;
    }
    fn due(&self) -> Option<f64> {
        None
    }
}
