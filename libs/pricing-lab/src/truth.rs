use std::sync::Arc;

use fastrand::Rng;
use pricestream_repricing_engine::market::{Bounds, Family, Grid, Shape, erlang};

/// What is true of a sale, and what no policy but the clairvoyant's knows. Prices are ratios to list, time runs from 0 to 1.
#[derive(Clone, Debug)]
pub struct Truth {
    /// How demand depends on the price.
    pub family: Family,
    /// Sales at list in the whole sale, if stock never ran out.
    pub buyers: f64,
    /// How they spread over the sale.
    pub shape: Arc<Shape>,
}

/// Someone who comes and looks at the price.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// When, in shares of the sale.
    pub at: f64,
    /// Buys at prices at which demand is at least this.
    pub at_least: f64,
}

impl Truth {
    /// The price below which nobody is made up: at least `lowest`, and where no more than fifty times as many buy as at list.
    pub fn lowest(&self, lowest: f64) -> f64 {
        lowest.max(self.family.price_of(50.0))
    }

    /// All who would buy at `lowest`, in order of time. The same random numbers make the same people, whatever is asked of them: so policies
    /// are compared on the same sale.
    pub fn arrivals(&self, lowest: f64, rng: &mut Rng) -> Vec<Arrival> {
        const STEPS: u32 = 1_000;
        let most = self.family.demand(lowest);
        let mut arrivals = Vec::new();
        for step in 0..STEPS {
            let (from, to) = (f64::from(step) / f64::from(STEPS), f64::from(step + 1) / f64::from(STEPS));
            let rate = self.buyers * most * (self.shape.left(from) - self.shape.left(to));
            if rate <= 0.0 {
                continue;
            }
            let mut at = 0.0;
            loop {
                at -= (1.0 - rng.f64()).ln() / rate;
                if at >= 1.0 {
                    break;
                }
                arrivals.push(Arrival { at: from + at * (to - from), at_least: rng.f64() * most });
            }
        }
        arrivals
    }

    /// What the best policy that knows all this earns of `units`, in list prices: in closed form for exponential demand, by its value
    /// equation otherwise. `None` where that is too much work.
    pub fn optimum(&self, units: u64) -> Option<f64> {
        match self.family {
            Family::Exponential { sensitivity } => {
                Some(erlang::value_ln(units, self.buyers.max(1e-300).ln() + sensitivity - 1.0) / sensitivity)
            }
            family => Grid::solve(family, units, self.buyers, 0.0, Bounds { low: 0.05, high: 100.0 }, Grid::IN_A_STUDY)
                .map(|grid| grid.value()),
        }
    }
}
