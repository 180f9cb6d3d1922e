//! The optimal price for any demand family, by its value equation.

use super::{Bounds, Family};

/// What a sale is worth and what to ask, for each number of units, when demand is known. The sale's time counts by the sales at list that
/// are still to come, `m`: `dJ(n)/dm = max over r of d(r) (r - (J(n) - J(n-1)))`, `J(n, 0) = n salvage`.
#[derive(Clone, Debug)]
pub struct Grid {
    values: Vec<f64>,
    family: Family,
    bounds: Bounds,
}

/// Sales that pass in one step, at most. The error of the fourth-order steps is then below 1e-6 of the value.
const STEP: f64 = 0.15;

impl Grid {
    /// Work, in units times steps, that a price may take: hundredths of a second.
    pub const WHILE_DECIDING: f64 = 2e5;
    /// Work that a study may take: a second.
    pub const IN_A_STUDY: f64 = 4e6;

    /// Solves for up to `units` with `buyers` still to come at list. `None` when that is more than `most_work`: then the closed form at the
    /// operating price is as good.
    pub fn solve(family: Family, units: u64, buyers: f64, salvage: f64, bounds: Bounds, most_work: f64) -> Option<Self> {
        let most = family.demand(family.best(salvage, bounds));
        let steps = (buyers * most / STEP).ceil().max(8.0);
        if !(steps * (units as f64) <= most_work && buyers >= 0.0) {
            return None;
        }
        let size = usize::try_from(units).ok()? + 1;
        let mut values: Vec<f64> = (0..size).map(|n| n as f64 * salvage).collect();
        let step = buyers / steps;
        let gain = |worth: f64| {
            let price = family.best(worth, bounds);
            family.demand(price) * (price - worth)
        };
        let slope = |values: &[f64], slopes: &mut [f64]| {
            for n in 1..size {
                slopes[n] = gain(values[n] - values[n - 1]);
            }
        };
        let mut slopes = [vec![0.0; size], vec![0.0; size], vec![0.0; size], vec![0.0; size]];
        let mut between = vec![0.0; size];
        for _ in 0..steps as u64 {
            slope(&values, &mut slopes[0]);
            for (stage, part) in [(1, 0.5), (2, 0.5), (3, 1.0)] {
                let (done, next) = slopes.split_at_mut(stage);
                for n in 0..size {
                    between[n] = values[n] + part * step * done[stage - 1][n];
                }
                slope(&between, &mut next[0]);
            }
            for n in 1..size {
                values[n] += step / 6.0 * (slopes[0][n] + 2.0 * slopes[1][n] + 2.0 * slopes[2][n] + slopes[3][n]);
            }
        }
        Some(Self { values, family, bounds })
    }

    /// What the sale is worth with all units.
    pub fn value(&self) -> f64 {
        self.values.last().copied().unwrap_or_default()
    }

    /// What to ask with all units. With none, what a first would be asked for.
    pub fn price(&self) -> f64 {
        let worth = match self.values[..] {
            [.., before, last] => last - before,
            _ => 0.0,
        };
        self.family.best(worth, self.bounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::erlang;

    /// The closed form and the value equation are two derivations of one optimum.
    #[test]
    fn for_exponential_demand_it_is_the_closed_form() {
        for (units, buyers, sensitivity, salvage) in
            [(1, 0.5, 1.0, 0.0), (5, 5.0, 1.0, 0.0), (20, 60.0, 2.0, 0.0), (50, 40.0, 3.0, 0.0), (12, 30.0, 2.0, 0.4)]
        {
            let grid = Grid::solve(Family::Exponential { sensitivity }, units, buyers, salvage, Bounds::WIDEST, Grid::IN_A_STUDY)
                .unwrap();
            let market = buyers * (sensitivity * (1.0 - salvage) - 1.0_f64).exp();
            let value = units as f64 * salvage + erlang::value(units, market) / sensitivity;
            let price = salvage + erlang::price(units, market) / sensitivity;
            assert!((grid.value() / value - 1.0).abs() < 1e-6, "{units} {buyers}: {} {value}", grid.value());
            assert!((grid.price() - price).abs() < 1e-6, "{units} {buyers}: {} {price}", grid.price());
        }
    }

    #[test]
    fn too_much_work_is_refused() {
        assert!(Grid::solve(Family::Linear { choke: 2.0 }, 1_000_000, 1e6, 0.0, Bounds::WIDEST, Grid::IN_A_STUDY).is_none());
    }
}
