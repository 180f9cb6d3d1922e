//! The most that anybody can earn who learns the size of the market and nothing else: a dynamic programme over the belief itself.

use pricestream_repricing_engine::market::{Family, erlang};

/// A sale whose number of buyers is Gamma distributed, with known sensitivity.
#[derive(Clone, Copy, Debug)]
pub struct UnknownSize {
    /// Units to sell.
    pub units: usize,
    /// Mean of the sales at the price `1 / sensitivity`.
    pub mean: f64,
    /// Shape of the Gamma: `1 / cv^2`.
    pub shape: f64,
}

/// Cells of the exposure.
const CELLS: usize = 100;

/// Prices that are tried in each state, around that of the mean.
const PRICES: u32 = 33;

/// What the best policy earns as a fraction of the clairvoyant's. Prices in units of `1 / sensitivity`. The belief is Gamma(shape + sold,
/// rate + exposure), so the state is units left, time, and exposure; by steps of time, extrapolated from three step lengths (Richardson). Right to
/// 0.2 points for up to 30 units in 200 steps.
pub fn limit(sale: UnknownSize, steps: u32) -> f64 {
    let [coarse, middle, fine] = [1, 2, 4].map(|times| value(sale, steps * times));
    (8.0 * fine - 6.0 * middle + coarse) / 3.0 / clairvoyant(sale)
}

/// Mean of the clairvoyant's value over the Gamma, by its quantiles' density on a fine grid.
fn clairvoyant(sale: UnknownSize) -> f64 {
    let rate = sale.shape / sale.mean;
    let (mut sum, mut weight) = (0.0, 0.0);
    let most = sale.mean * (1.0 + 12.0 / sale.shape.sqrt());
    for point in 0..20_000 {
        let market = most * (f64::from(point) + 0.5) / 20_000.0;
        let density = ((sale.shape - 1.0) * market.ln() - rate * market).exp();
        sum += density * erlang::value(sale.units as u64, market);
        weight += density;
    }
    sum / weight
}

fn value(sale: UnknownSize, steps: u32) -> f64 {
    let demand = Family::Exponential { sensitivity: 1.0 };
    let rate = sale.shape / sale.mean;
    let step = 1.0 / f64::from(steps);
    // Exposure grows by d(p) <= d(1) = 1 a unit of time, since no price below 1 is worth asking. What it is worth is smooth in the
    // logarithm of rate + exposure.
    let cell = (1.0 + 1.0 / rate).ln() / CELLS as f64;
    let place_of = |exposure: f64| (exposure / rate).ln_1p() / cell;
    let size = CELLS + 1;
    let mut after = vec![0.0; (sale.units + 1) * size];
    let mut now = after.clone();
    for number in (0..steps).rev() {
        let left = 1.0 - f64::from(number) * step;
        // What can have been exposed by now.
        let reach = place_of(1.0 - left).ceil() as usize + 2;
        for n in 1..=sale.units {
            let known = sale.shape + (sale.units - n) as f64;
            for place in 0..size.min(reach + 1) {
                let exposure = rate * (place as f64 * cell).exp_m1();
                let mean = known / (rate + exposure);
                let guess = erlang::price(n as u64, mean * left);
                let mut best = f64::NEG_INFINITY;
                for try_ in 0..PRICES {
                    let price = (guess + (f64::from(try_) - 12.0) * 0.035).max(1.0);
                    let sales = demand.demand(price);
                    let chance = -(-mean * sales * step).exp_m1();
                    let at = place_of(exposure + sales * step);
                    let middle = (at.round() as usize).clamp(1, CELLS - 1);
                    let off = at - middle as f64;
                    // The parabola through three points.
                    let between = |n: usize| {
                        let row = n * size + middle;
                        let (before, here, next) = (after[row - 1], after[row], after[row + 1]);
                        here + 0.5 * off * (next - before) + 0.5 * off * off * (next - 2.0 * here + before)
                    };
                    let worth = chance * (price + between(n - 1)) + (1.0 - chance) * between(n);
                    if worth > best {
                        best = worth;
                    }
                }
                now[n * size + place] = best;
            }
            // Beyond reach nothing is asked; kept smooth for the interpolation.
            let edge = now[n * size + size.min(reach + 1) - 1];
            for place in size.min(reach + 1)..size {
                now[n * size + place] = edge;
            }
        }
        std::mem::swap(&mut after, &mut now);
    }
    after[sale.units * size]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As computed independently: 98.5 % for 20 units, mean 20, cv 1.
    #[test]
    fn the_limit_of_learning_is_that_of_the_table() {
        let found = 100.0 * limit(UnknownSize { units: 20, mean: 20.0, shape: 1.0 }, 80);
        assert!((found - 98.5).abs() < 0.4, "{found}");
    }
}
