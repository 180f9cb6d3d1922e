use std::sync::Arc;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use pricestream_domain::{Product, Standing, Stock};
use pricestream_repricing_engine::market::{Belief, Bounds, Family, Grid, Shape, erlang};
use pricestream_repricing_engine::strategies::{Learned, Situation, Solve, gamma};
use pricestream_repricing_engine::{Demand, Policy, Profile, Strategy};

use crate::{Estimate, Shop, Truth, clairvoyant, trial};

/// How much of the best possible the rest of a sale is expected to earn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// What the policy is expected to earn from now on, guardrails, rounding and further learning included, as a fraction of what one would
    /// who knew the demand and were bound by nothing.
    pub efficiency: Estimate,
    /// What it is expected to earn from now on, in list prices, leftovers not included.
    pub revenue: f64,
    /// Units that are expected to be sold.
    pub units: f64,
    /// Sales at list that are still expected, if stock never ran out.
    pub buyers: f64,
}

/// A decision whose future is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Present<'a> {
    /// The instant.
    pub now: Timestamp,
    /// What is sold.
    pub product: &'a Product,
    /// How it is priced.
    pub policy: &'a Policy,
    /// What is left.
    pub stock: &'a Stock,
    /// The price that stands.
    pub standing: Option<&'a Standing>,
    /// What was learned.
    pub belief: Option<&'a Arc<Belief>>,
}

/// Plays the rest of the sale `runs` times, each with a truth drawn from what is believed now; strategies that learn go on learning, and what
/// a strategy takes for known is taken at its word. Holding costs are not counted. `None` where no sale is on, nothing is left, or it would be
/// too much work.
pub fn outlook(present: &Present<'_>, runs: u32, seed: u64) -> Option<Outlook> {
    let Present { now, product, policy, stock, standing, belief } = *present;
    let demand = Demand::of(policy.demand.as_ref(), product.prior.as_ref());
    let situation = Situation {
        cost: product.cost,
        demand: demand.as_deref(),
        profile: policy.profile.as_ref(),
        belief: belief.map(|belief| &**belief),
        previous: standing,
        ..Situation::plain(now, product.list_price, Some(stock), &policy.time_zone)
    };
    let (sale, salvage) = policy.strategy.sale()?.span(&situation)?;
    // A menu is a programme of its own in each review.
    let runs = if matches!(policy.strategy, Strategy::DpFiniteMenu(_)) { runs.min(12) } else { runs };
    if stock.on_hand == 0 || stock.on_hand > MOST_UNITS || runs == 0 {
        return None;
    }
    let begin = Timestamp::from_microsecond(sale.0).ok()?;
    let length = SignedDuration::from_micros(sale.1 - sale.0);
    let at = pricestream_repricing_engine::market::share(sale, now.as_microsecond());
    let learned = policy.strategy.learn(&situation);
    let demand = demand.as_deref()?;
    // What is solved exactly is played by the refit, hundreds of times faster and within 0.3 % of it.
    let mut policy = policy.clone();
    if let Strategy::GvrOptimal(gvr) = &mut policy.strategy {
        gvr.solve = Solve::Refit;
    }
    let known = || Truth {
        family: demand.family,
        buyers: demand.per_hour * length.as_secs_f64() / 3600.0,
        shape: policy.profile.as_ref().map_or_else(Shape::flat, Profile::shape),
    };
    let mut solved: Option<f64> = None;
    let mut pairs = Vec::new();
    let (mut units, mut buyers) = (0.0, 0.0);
    let count = f64::from(runs);
    for run in 0..runs {
        let mut rng = Rng::with_seed(seed ^ (u64::from(run) << 20).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let truth = learned.as_ref().and_then(|learned| drawn(learned, &mut rng)).unwrap_or_else(known);
        let left = truth.buyers * truth.shape.left(at);
        buyers += left / count;
        // One truth for all has one optimum.
        let optimum = solved.or_else(|| optimum(&truth, stock.on_hand, at, salvage))?;
        solved = learned.is_none().then_some(optimum);
        let mut rival = clairvoyant(&truth, stock.on_hand).map(|rival| rival.with_salvage(salvage));
        let lowest = truth.lowest(LOWEST);
        // So many that the answer would keep others waiting.
        if left * truth.family.demand(lowest) > MOST_ARRIVALS {
            return None;
        }
        let arrivals = truth.arrivals(lowest, &mut rng);
        let mut shop = Shop::midway(&policy, product, (begin, length), *stock, standing.copied(), belief.cloned());
        let play = |policy: &mut dyn trial::Policy| {
            let sale = trial::play_from(at, &truth, &arrivals, stock.on_hand, &mut trial::Dyn(policy), |_, _, _| ());
            (sale.revenue + salvage * (stock.on_hand - sale.sold) as f64, sale)
        };
        let (earned, sale) = play(&mut shop);
        units += sale.sold as f64 / count;
        // He plays the same buyers, and what he earns on average is known: the difference has little noise.
        let difference = match &mut rival {
            Some(rival) => earned - play(rival).0,
            None => earned - optimum,
        };
        pairs.push((difference, optimum));
    }
    let revenue = pairs.iter().map(|(difference, optimum)| difference + optimum).sum::<f64>() / count;
    Some(Outlook { efficiency: Estimate::of_ratio(&pairs), revenue, units, buyers })
}

/// Below this share of the list price nobody is made up.
const LOWEST: f64 = 0.05;

/// Buyers of one sale that is played, at most.
const MOST_ARRIVALS: f64 = 50_000.0;

/// Units of a sale that is played, at most.
const MOST_UNITS: u64 = 20_000;

/// A truth, as likely as it is believed to be.
fn drawn(learned: &Learned, rng: &mut Rng) -> Option<Truth> {
    let mut mark = rng.f64();
    let account = learned.accounts().find(|account| {
        mark -= account.weight;
        mark < 0.0
    });
    let account = account.or_else(|| learned.accounts().last())?;
    let buyers = gamma(rng, account.units) / account.exposure;
    Some(Truth { family: account.hypothesis.family, buyers, shape: account.hypothesis.shape.clone() })
}

/// What the best policy earns after `at`; `None` where that is more work than an explanation is worth.
fn optimum(truth: &Truth, units: u64, at: f64, salvage: f64) -> Option<f64> {
    let left = truth.buyers * truth.shape.left(at);
    match truth.family {
        Family::Exponential { sensitivity } => {
            let ln_market = left.max(1e-300).ln() + sensitivity * (1.0 - salvage) - 1.0;
            Some(units as f64 * salvage + erlang::value_ln(units, ln_market) / sensitivity)
        }
        family => {
            let bounds = Bounds { low: LOWEST, high: 100.0 };
            Grid::solve(family, units, left, salvage, bounds, Grid::WHILE_DECIDING).map(|grid| grid.value())
        }
    }
}
