//! How demand depends on the price. Prices are ratios to the reference (list) price, demand is 1 there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use pricestream_documents::Problem;

/// A demand family, with its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Family {
    /// `e^(-a (r - 1))`; `a` is the elasticity at list price, and the same for any price in absolute terms.
    Exponential {
        /// `a`: a price 1 % above list loses `a` % of the buyers. Above 0, at most 100.
        sensitivity: f64,
    },
    /// Falls in a straight line to nothing.
    Linear {
        /// The price at which nobody buys, as a ratio to list. Above 1, at most 100.
        choke: f64,
    },
    /// `1 / (1 + e^(s (r - m)))`: nearly all buy below `m`, nearly none above.
    Logit {
        /// `s`, above 0, at most 100.
        steepness: f64,
        /// `m`, where half of them buy, as a ratio to list. Above 0, at most 100.
        midpoint: f64,
    },
    /// `r^(-e)`.
    ConstantElasticity {
        /// `e`, above 0, at most 20. At or below 1 revenue rises with the price without end: the ceiling rules.
        elasticity: f64,
    },
}

/// Lowest and highest price that may be asked, as ratios to list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Above 0.
    pub low: f64,
    /// At least `low`.
    pub high: f64,
}

impl Bounds {
    /// What no shop goes beyond: a hundredth and a hundred times the list price.
    pub const WIDEST: Self = Self { low: 0.01, high: 100.0 };

    /// The nearest price within.
    pub fn clip(&self, price: f64) -> f64 {
        price.clamp(self.low, self.high)
    }
}

impl Family {
    /// Buyers at `price` for each buyer at list price. Never negative, finite for a price above 0.
    pub fn demand(&self, price: f64) -> f64 {
        match *self {
            Self::Exponential { sensitivity } => (-sensitivity * (price - 1.0)).exp(),
            Self::Linear { choke } => ((choke - price) / (choke - 1.0)).max(0.0),
            Self::Logit { steepness, midpoint } => {
                (1.0 + (steepness * (1.0 - midpoint)).exp()) / (1.0 + (steepness * (price - midpoint)).exp())
            }
            Self::ConstantElasticity { elasticity } => price.powf(-elasticity),
        }
    }

    /// Share of the buyers that a small rise loses, relative to list: `-d'(r) / d(r)`.
    pub fn sensitivity(&self, price: f64) -> f64 {
        match *self {
            Self::Exponential { sensitivity } => sensitivity,
            Self::Linear { choke } => 1.0 / (choke - price).max(1e-9),
            Self::Logit { steepness, midpoint } => steepness / (1.0 + (-steepness * (price - midpoint)).exp()),
            Self::ConstantElasticity { elasticity } => elasticity / price.max(1e-9),
        }
    }

    /// The price at which `demand` buyers come for each at list price; the inverse of [`Self::demand`]. At or below 0: where nobody buys.
    pub fn price_of(&self, demand: f64) -> f64 {
        let demand = demand.max(1e-12);
        match *self {
            Self::Exponential { sensitivity } => 1.0 - demand.ln() / sensitivity,
            Self::Linear { choke } => choke - demand * (choke - 1.0),
            Self::Logit { steepness, midpoint } => {
                let odds = (1.0 + (steepness * (1.0 - midpoint)).exp()) / demand - 1.0;
                midpoint + odds.max(1e-300).ln() / steepness
            }
            Self::ConstantElasticity { elasticity } => demand.powf(-1.0 / elasticity),
        }
    }

    /// The price that earns most of each buyer when a unit kept is worth `worth`: the largest `d(r) (r - worth)`.
    pub fn best(&self, worth: f64, bounds: Bounds) -> f64 {
        let price = match *self {
            Self::Exponential { sensitivity } => worth + 1.0 / sensitivity,
            Self::Linear { choke } => f64::midpoint(choke, worth),
            Self::Logit { steepness, midpoint } => worth + (1.0 + lambert(steepness * (midpoint - worth) - 1.0)) / steepness,
            Self::ConstantElasticity { elasticity } if elasticity > 1.0 => worth.max(0.0) * elasticity / (elasticity - 1.0),
            Self::ConstantElasticity { .. } => f64::INFINITY,
        };
        bounds.clip(price)
    }

    /// What is wrong with its parameters.
    pub fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut within = |field: &str, value: f64, above: f64, most: f64| {
            if !(value > above && value <= most) {
                let message = format!("{value} is outside {above} (excluded) to {most}");
                problems.push(Problem { path: format!("{path}.{field}"), message });
            }
        };
        match *self {
            Self::Exponential { sensitivity } => within("sensitivity", sensitivity, 0.0, 100.0),
            Self::Linear { choke } => within("choke", choke, 1.0, 100.0),
            Self::Logit { steepness, midpoint } => {
                within("steepness", steepness, 0.0, 100.0);
                within("midpoint", midpoint, 0.0, 100.0);
            }
            Self::ConstantElasticity { elasticity } => within("elasticity", elasticity, 0.0, 20.0),
        }
        problems
    }
}

/// Lambert's W of `e^z`: the `w` with `w + ln w = z`. By Newton's method; four steps give 1e-12.
fn lambert(z: f64) -> f64 {
    if z < -30.0 {
        return z.exp();
    }
    let mut w = if z > 1.0 { z - z.ln() } else { (z - z.exp() * 0.5).exp().max(1e-14) };
    for _ in 0..6 {
        w *= (1.0 + z - w.ln()) / (1.0 + w);
    }
    w
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_family() -> impl Strategy<Value = Family> {
        prop_oneof![
            (0.3_f64..6.0).prop_map(|sensitivity| Family::Exponential { sensitivity }),
            (1.1_f64..5.0).prop_map(|choke| Family::Linear { choke }),
            (0.5_f64..12.0, 0.3_f64..2.0).prop_map(|(steepness, midpoint)| Family::Logit { steepness, midpoint }),
            (1.05_f64..6.0).prop_map(|elasticity| Family::ConstantElasticity { elasticity }),
        ]
    }

    proptest! {
        #[test]
        fn the_best_price_is_better_than_its_neighbours(family in any_family(), worth in 0.05_f64..1.5) {
            let best = family.best(worth, Bounds::WIDEST);
            let earns = |price: f64| family.demand(price) * (price - worth);
            for factor in [0.99, 0.999, 1.001, 1.01] {
                prop_assert!(earns(best) >= earns(best * factor) - 1e-9 * earns(best).abs(), "{best} x {factor}");
            }
        }

        #[test]
        fn demand_is_one_at_list_and_price_of_is_its_inverse(family in any_family(), price in 0.5_f64..1.05) {
            prop_assert!((family.demand(1.0) - 1.0).abs() < 1e-12);
            let demand = family.demand(price);
            prop_assert!((family.price_of(demand) - price).abs() < 1e-6, "{}", family.price_of(demand));
        }

        #[test]
        fn sensitivity_is_the_slope_of_the_logarithm(family in any_family(), price in 0.5_f64..1.05) {
            let step = 1e-5;
            let slope = (family.demand(price - step).ln() - family.demand(price + step).ln()) / (2.0 * step);
            prop_assert!((family.sensitivity(price) - slope).abs() < 1e-3 * (1.0 + slope));
        }
    }
}
