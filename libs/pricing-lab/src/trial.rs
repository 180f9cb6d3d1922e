use fastrand::Rng;
use pricestream_repricing_engine::market::{Family, erlang};

use crate::{Arrival, Truth};

/// Whoever sets prices.
pub trait Policy {
    /// The price at `at` of the sale, as a ratio to list.
    fn price(&mut self, at: f64) -> f64;
    /// A unit was sold at `at`.
    fn sold(&mut self, at: f64);
    /// When time alone next moves the price, in shares of the sale.
    fn due(&self) -> Option<f64>;
}

/// How a sale went.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sale {
    /// In list prices.
    pub revenue: f64,
    /// Units sold.
    pub sold: u64,
}

/// Plays a sale of `units` to `arrivals`; `watch` sees each price with its begin, and the units left.
pub fn play(truth: &Truth, arrivals: &[Arrival], units: u64, policy: &mut impl Policy, watch: impl FnMut(f64, f64, u64)) -> Sale {
    play_from(0.0, truth, arrivals, units, policy, watch)
}

/// Plays what comes after `from` of a sale.
pub fn play_from(
    from: f64,
    truth: &Truth,
    arrivals: &[Arrival],
    units: u64,
    policy: &mut impl Policy,
    mut watch: impl FnMut(f64, f64, u64),
) -> Sale {
    let mut sale = Sale::default();
    let mut left = units;
    let mut price = policy.price(from);
    let mut due = policy.due().filter(|due| *due > from);
    watch(from, price, left);
    let mut arrivals = arrivals.iter().skip_while(|arrival| arrival.at < from).peekable();
    while left > 0 {
        let next = arrivals.peek().map_or(1.0, |arrival| arrival.at);
        if let Some(at) = due.filter(|due| *due <= next && *due < 1.0) {
            price = policy.price(at);
            due = policy.due().filter(|due| *due > at);
            watch(at, price, left);
            continue;
        }
        let Some(arrival) = arrivals.next() else { break };
        if truth.family.demand(price) < arrival.at_least {
            continue;
        }
        left -= 1;
        sale.sold += 1;
        sale.revenue += price;
        policy.sold(arrival.at);
        if left > 0 {
            price = policy.price(arrival.at);
            due = policy.due().filter(|due| *due > arrival.at);
            watch(arrival.at, price, left);
        }
    }
    sale
}

/// The best policy of one who knows the truth. Exponential demand alone.
#[derive(Debug)]
pub struct Clairvoyant<'a> {
    truth: &'a Truth,
    sensitivity: f64,
    salvage: f64,
    left: u64,
    last: f64,
}

impl Clairvoyant<'_> {
    /// To whom a unit left over is worth something, as a ratio to list.
    pub(crate) fn with_salvage(self, salvage: f64) -> Self {
        Self { salvage, ..self }
    }
}

/// A policy behind a reference.
pub(crate) struct Dyn<'a>(pub(crate) &'a mut dyn Policy);

impl Policy for Dyn<'_> {
    fn price(&mut self, at: f64) -> f64 {
        self.0.price(at)
    }
    fn sold(&mut self, at: f64) {
        self.0.sold(at);
    }
    fn due(&self) -> Option<f64> {
        self.0.due()
    }
}

/// The best policy of one who knows the truth; `None` unless demand is exponential.
pub fn clairvoyant(truth: &Truth, units: u64) -> Option<Clairvoyant<'_>> {
    let Family::Exponential { sensitivity } = truth.family else { return None };
    Some(Clairvoyant { truth, sensitivity, salvage: 0.0, left: units, last: 0.0 })
}

impl Policy for Clairvoyant<'_> {
    fn price(&mut self, at: f64) -> f64 {
        self.last = at;
        let buyers = (self.truth.buyers * self.truth.shape.left(at)).max(1e-300);
        let ln_market = buyers.ln() + self.sensitivity * (1.0 - self.salvage) - 1.0;
        self.salvage + (1.0 + erlang::worth_of_last_ln(self.left, ln_market)) / self.sensitivity
    }

    fn sold(&mut self, _at: f64) {
        self.left -= 1;
    }

    fn due(&self) -> Option<f64> {
        Some(self.last + 1.0 / 400.0)
    }
}

/// A mean with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Half of its 95 % confidence interval.
    pub half: f64,
}

/// Revenue of `policy` in `runs` sales as a fraction of the optimum's, each with a truth of its own by `draw`. The clairvoyant plays the same
/// sales: the difference to him has little noise, and what he earns on average is known exactly.
pub fn compare<P: Policy>(
    runs: u32,
    units: u64,
    lowest: f64,
    seed: u64,
    mut draw: impl FnMut(&mut Rng) -> Truth,
    mut policy: impl FnMut(&Truth) -> P,
) -> Estimate {
    let mut pairs = Vec::new();
    for run in 0..runs {
        let mut rng = Rng::with_seed(seed ^ (u64::from(run) << 20).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let truth = draw(&mut rng);
        let arrivals = truth.arrivals(lowest, &mut rng);
        let ours = play(&truth, &arrivals, units, &mut policy(&truth), |_, _, _| ()).revenue;
        let (Some(mut best), Some(value)) = (clairvoyant(&truth, units), truth.optimum(units)) else { continue };
        let difference = ours - play(&truth, &arrivals, units, &mut best, |_, _, _| ()).revenue;
        pairs.push((difference, value));
    }
    Estimate::of_ratio(&pairs)
}

impl Estimate {
    /// 1 + the ratio of the sums of pairs: the interval is that of a ratio of means, by its residuals.
    pub(crate) fn of_ratio(pairs: &[(f64, f64)]) -> Self {
        let (differences, optimum) = pairs.iter().fold((0.0, 0.0), |sums, pair| (sums.0 + pair.0, sums.1 + pair.1));
        let ratio = differences / optimum;
        let squares: f64 = pairs.iter().map(|(difference, value)| (difference - ratio * value).powi(2)).sum();
        let count = pairs.len() as f64;
        let deviation = (squares / (count - 1.0).max(1.0)).sqrt();
        Self { mean: 1.0 + ratio, half: 1.96 * deviation * count.sqrt() / optimum }
    }
}
