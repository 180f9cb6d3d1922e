//! Several accounts of demand at once, and what the sale says of each.
//!
//! Each hypothesis has a shape over time and a sensitivity to the price; its number of list-price sales is Gamma distributed, so that what
//! was seen is two numbers: units and exposure. Hypotheses are weighed by how likely they made what happened. See Farias and van Roy,
//! Operations Research 58(1), 2010, for the Gamma prior; forgetting is the power discounting of dynamic linear models (Smith 1979).

use std::sync::Arc;

use super::{Bounds, Family, Shape, Template, erlang};

/// One account of demand.
#[derive(Clone, Debug)]
pub struct Hypothesis {
    /// Over the time of the sale.
    pub shape: Arc<Shape>,
    /// Over the price.
    pub family: Family,
    /// How likely it is before the sale, relative to the others.
    pub weight: f64,
    /// See [`super::shape::Template::forgets`].
    pub forgets: f64,
}

impl Hypothesis {
    /// That demand takes a shape of the library.
    pub fn of(template: &Template, family: Family) -> Self {
        Self { shape: Arc::clone(&template.shape), family, weight: template.weight, forgets: template.forgets }
    }
}

/// What the sale said of one hypothesis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// Logarithm of its weight, up to a number that all share.
    pub log_weight: f64,
    /// Units that it knows of: those before the sale, and those sold.
    pub units: f64,
    /// For how many whole sales at list price the goods could be bought, by this account.
    pub exposure: f64,
}

/// However old, so many units of information stay.
const LEAST_UNITS: f64 = 0.7;

impl Evidence {
    /// Before the sale, where `expected` sales at list are expected, with as much certainty as `certainty` sales would give.
    pub fn before(hypothesis: &Hypothesis, expected: f64, certainty: f64) -> Self {
        Self { log_weight: hypothesis.weight.ln(), units: certainty, exposure: certainty / expected }
    }

    /// From `from` to `to` (0..=1 of the sale) the goods could be bought at `price`, and `sold` were.
    pub fn observe(&mut self, hypothesis: &Hypothesis, (from, to): (f64, f64), price: f64, sold: f64) {
        if to > from && hypothesis.forgets > 0.0 {
            let mean = self.units / self.exposure;
            self.units = (self.units * (-hypothesis.forgets * (to - from)).exp()).max(LEAST_UNITS.min(self.units));
            self.exposure = self.units / mean;
        }
        let demand = hypothesis.family.demand(price).clamp(1e-9, 1e9);
        let exposure = demand * (hypothesis.shape.left(from) - hypothesis.shape.left(to)).max(0.0);
        // The chance to sell nothing in the interval, then the intensity at each of the sales.
        self.log_weight -= self.units * (exposure / self.exposure).ln_1p();
        self.exposure += exposure;
        if sold > 0.0 {
            let intensity = if to > from {
                (hypothesis.shape.left(from) - hypothesis.shape.left(to)).max(1e-9) / (to - from)
            } else {
                hypothesis.shape.intensity(to)
            };
            self.log_weight += sold * (demand * intensity / self.exposure).ln() + rising(self.units, sold);
            self.units += sold;
        }
    }

    /// Sales at list in the whole sale.
    pub fn mean(&self) -> f64 {
        self.units / self.exposure
    }
}

/// `ln(u (u+1) ... (u+s-1))`.
fn rising(units: f64, sold: f64) -> f64 {
    if sold <= 64.0 {
        let (mut log, mut product, mut next) = (0.0, 1.0, units);
        for _ in 0..sold as u32 {
            product *= next;
            next += 1.0;
            if product > 1e200 {
                log += f64::ln(product);
                product = 1.0;
            }
        }
        return log + product.ln();
    }
    // Stirling's formula for both ends of the product.
    let log_gamma = |z: f64| (z - 0.5) * z.ln() - z + 1.0 / (12.0 * z);
    let start = units + 32.0;
    rising(units, 32.0) + log_gamma(units + sold) - log_gamma(start)
}

/// The weights of all, summing to 1.
pub fn weights(evidence: &[Evidence]) -> impl Iterator<Item = f64> + Clone + '_ {
    let top = evidence.iter().map(|evidence| evidence.log_weight).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = evidence.iter().map(|evidence| (evidence.log_weight - top).exp()).sum();
    evidence.iter().map(move |evidence| (evidence.log_weight - top).exp() / sum)
}

/// Sales at list that are still expected after `at`.
pub fn expected(hypotheses: &[Hypothesis], evidence: &[Evidence], at: f64) -> f64 {
    weights(evidence)
        .zip(hypotheses)
        .zip(evidence)
        .map(|((weight, hypothesis), evidence)| weight * evidence.mean() * hypothesis.shape.left(at))
        .sum()
}

/// Weights below this change no price that is rounded to a minor unit.
const NEGLIGIBLE: f64 = 1e-4;

/// How the accounts are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mixing {
    /// Each by its weight alone. For shapes.
    ByWeight,
    /// Each by its weight and by how many would buy now: what follows if the truth were told with the next sale. For sensitivities.
    BySales,
}

/// The price with `units` left at `at` (0..=1 of the sale), when a unit left over is worth `salvage`: that at which the expected gain over
/// keeping the unit, `sum of w m e^(-a r) (r - salvage - worth)`, is largest. Each account's `worth` of the last unit is its optimum's
/// (see [`erlang`]); a family other than exponential counts as the exponential that agrees with it at the price it operates at.
pub fn price(
    hypotheses: &[Hypothesis],
    evidence: &[Evidence],
    mixing: Mixing,
    units: u64,
    at: f64,
    salvage: f64,
    bounds: Bounds,
) -> f64 {
    // At most as many as a belief holds; what is left of it is asked several times.
    let mut accounts: Vec<(f64, f64, f64)> = Vec::with_capacity(evidence.len());
    let mut start = 0.0;
    for ((weight, hypothesis), evidence) in weights(evidence).zip(hypotheses).zip(evidence) {
        if weight < NEGLIGIBLE {
            continue;
        }
        let (mean, weight) = match mixing {
            Mixing::ByWeight => (evidence.mean(), weight),
            // A sale is likelier where the market is larger, so the market after a sale is.
            Mixing::BySales => ((evidence.units + 1.0) / evidence.exposure, weight * evidence.mean()),
        };
        let local = Local::of(hypothesis.family, units, mean * hypothesis.shape.left(at), salvage, bounds);
        let worth = salvage + local.worth(units);
        start += weight * (worth + 1.0 / local.sensitivity);
        accounts.push((weight, local.sensitivity, worth));
    }
    let total: f64 = accounts.iter().map(|(weight, ..)| weight).sum();
    let mut price = start / total;
    // The first order condition, solved by repetition; with one sensitivity the first step is exact.
    for _ in 0..40 {
        let (mut gain, mut slope) = (0.0, 0.0);
        for (weight, sensitivity, worth) in &accounts {
            let sales = weight * (-sensitivity * (price - 1.0)).exp();
            gain += sales * (1.0 + sensitivity * worth);
            slope += sales * sensitivity;
        }
        let next = gain / slope;
        if !next.is_finite() {
            break;
        }
        let moved = (next - price).abs();
        price = next;
        if moved < 1e-7 {
            break;
        }
    }
    bounds.clip(price)
}

/// A family as an exponential, around the price that it operates at.
#[derive(Clone, Copy, Debug)]
pub struct Local {
    /// Of the exponential.
    pub sensitivity: f64,
    /// Logarithm of the sales still to be expected at the price `1 / sensitivity` above salvage.
    pub ln_market: f64,
}

impl Local {
    /// Of `family` with `units` left and `buyers` still to come at list.
    pub fn of(family: Family, units: u64, buyers: f64, salvage: f64, bounds: Bounds) -> Self {
        if let Family::Exponential { sensitivity } = family {
            return Self { sensitivity, ln_market: ln(buyers) + sensitivity * (1.0 - salvage) - 1.0 };
        }
        let operating = fluid(family, units, buyers, salvage, bounds);
        let sensitivity = family.sensitivity(operating).clamp(1e-3, 1e4);
        let demand = family.demand(operating).max(1e-12);
        Self { sensitivity, ln_market: ln(buyers) + demand.ln() + sensitivity * (operating - salvage) - 1.0 }
    }

    /// What the last of so many units is worth above salvage.
    pub fn worth(&self, units: u64) -> f64 {
        erlang::worth_of_last_ln(units, self.ln_market) / self.sensitivity
    }
}

fn ln(buyers: f64) -> f64 {
    buyers.max(1e-300).ln()
}

/// The price at which the units would just be sold if buyers came without chance; never below what each buyer is worth most at.
pub fn fluid(family: Family, units: u64, buyers: f64, salvage: f64, bounds: Bounds) -> f64 {
    let free = family.best(salvage, bounds);
    let run_out = family.price_of(units as f64 / buyers.max(1e-12));
    if run_out.is_finite() { bounds.clip(free.max(run_out)) } else { free }
}
