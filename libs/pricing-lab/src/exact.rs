//! What a policy earns whose price is a function of units left and time: its value equation, integrated. No sale is drawn, nothing is
//! random.

use crate::Truth;

/// Expected sales in one step of the integration, at most.
const STEP: f64 = 0.2;

/// Expected revenue of `units` in list prices under `price(units, at)`, `at` from 0 to 1:
/// `-dJ(n)/dt = l(p(n)) (p(n) - J(n) + J(n-1))`, by the fourth-order Runge-Kutta method from the end of the sale backwards. Error below 1e-5 of
/// the value for prices that are smooth in time.
pub fn value(truth: &Truth, units: usize, fastest: f64, price: impl Fn(u64, f64) -> f64) -> f64 {
    let busiest = (0..1_000).map(|at| truth.shape.intensity(f64::from(at) / 1_000.0)).fold(0.0, f64::max);
    let steps = (truth.buyers * truth.family.demand(fastest) * busiest / STEP).ceil().clamp(400.0, 2e6) as u32;
    let step = 1.0 / f64::from(steps);
    let prices = |at: f64| -> Vec<f64> { (1..=units as u64).map(|n| price(n, at.clamp(0.0, 1.0 - 1e-9))).collect() };
    let mut values = vec![0.0; units + 1];
    let slope = |values: &[f64], rate: f64, prices: &[f64], slopes: &mut [f64]| {
        for n in 1..values.len() {
            slopes[n] = rate * truth.family.demand(prices[n - 1]) * (prices[n - 1] - values[n] + values[n - 1]);
        }
    };
    let mut slopes = [vec![0.0; units + 1], vec![0.0; units + 1], vec![0.0; units + 1], vec![0.0; units + 1]];
    let mut between = values.clone();
    let mut later = prices(1.0);
    for number in (0..steps).rev() {
        let from = f64::from(number) * step;
        // Level within the step: exact for the buyers that come in it, wherever demand jumps.
        let rate = truth.buyers * (truth.shape.left(from) - truth.shape.left(from + step)) / step;
        let (middle, earlier) = (prices(from + 0.5 * step), prices(from));
        slope(&values, rate, &later, &mut slopes[0]);
        for (stage, part, node) in [(1, 0.5, &middle), (2, 0.5, &middle), (3, 1.0, &earlier)] {
            let (done, next) = slopes.split_at_mut(stage);
            for n in 0..=units {
                between[n] = values[n] + part * step * done[stage - 1][n];
            }
            slope(&between, rate, node, &mut next[0]);
        }
        for n in 1..=units {
            values[n] += step / 6.0 * (slopes[0][n] + 2.0 * slopes[1][n] + 2.0 * slopes[2][n] + slopes[3][n]);
        }
        later = earlier;
    }
    values[units]
}

/// The single price that earns most when it is never changed, and what it earns: `p E[min(n, Poisson(d(p)))]`.
pub fn best_fixed(truth: &Truth, units: usize) -> (f64, f64) {
    let earns = |price: f64| price * capped_poisson(truth.buyers * truth.family.demand(price), units);
    // Golden section; revenue has one peak.
    let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (0.05, 20.0);
    for _ in 0..80 {
        let (one, other) = (high - ratio * (high - low), low + ratio * (high - low));
        if earns(one) < earns(other) {
            low = one;
        } else {
            high = other;
        }
    }
    let price = f64::midpoint(low, high);
    (price, earns(price))
}

/// `E[min(n, Poisson(mean))]`.
fn capped_poisson(mean: f64, units: usize) -> f64 {
    let (mut log, log_mean) = (-mean, mean.max(1e-300).ln());
    let (mut expected, mut seen) = (0.0, 0.0);
    for sales in 0..units {
        let chance = log.exp();
        expected += chance * sales as f64;
        seen += chance;
        log += log_mean - (sales as f64 + 1.0).ln();
    }
    expected + (1.0 - seen).max(0.0) * units as f64
}

#[cfg(test)]
mod tests {
    use pricestream_repricing_engine::market::{Family, Shape, erlang};

    use super::*;

    #[test]
    fn the_optimal_price_earns_the_optimal_value_whatever_the_shape() {
        for shape in [vec![1.0], vec![3.0, 1.0, 0.5, 2.0]] {
            let shape = std::sync::Arc::new(Shape::of_parts(&shape).unwrap());
            let truth = Truth { family: Family::Exponential { sensitivity: 1.0 }, buyers: 30.0, shape };
            let earned = value(&truth, 12, 1.0, |n, at| erlang::price(n, 30.0 * truth.shape.left(at)));
            assert!((earned / truth.optimum(12).unwrap() - 1.0).abs() < 1e-5, "{earned}");
        }
    }

    #[test]
    fn the_best_fixed_price_is_that_of_the_table() {
        for (units, market, percent) in [(20, 20.0, 98.5), (5, 20.0, 94.7), (100, 200.0, 97.6)] {
            let truth = Truth { family: Family::Exponential { sensitivity: 1.0 }, buyers: market, shape: Shape::flat() };
            let (price, earned) = best_fixed(&truth, units);
            let fraction = 100.0 * earned / truth.optimum(units as u64).unwrap();
            assert!((fraction - percent).abs() < 0.06, "{units} {market}: {fraction} at {price}");
            let by_equation = value(&truth, units, price, |_, _| price);
            assert!((by_equation / earned - 1.0).abs() < 1e-5, "the two ways to value it agree");
        }
    }
}
