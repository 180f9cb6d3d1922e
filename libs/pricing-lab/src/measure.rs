use std::cell::RefCell;

use fastrand::Rng;

use crate::{Document, Estimate, Shop, Truth, clairvoyant, exact, play};

/// What a policy earns of a sale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Of the best possible; without an interval where it was worked out and not played.
    pub fraction: Estimate,
    /// Units sold on average; `None` where nothing was played.
    pub sold: Option<f64>,
    /// How often the price moved, on average; likewise.
    pub moves: Option<f64>,
}

/// Below this share of the list price nobody is made up.
const LOWEST: f64 = 0.3;

/// Measures a policy on one truth: by its value equation where its price is a function of stock and time, else by `runs` sales, each played by
/// the clairvoyant too where he has a closed form. `None` where the optimum is too much work.
pub fn measure(document: &Document, truth: &Truth, units: u64, runs: u32, seed: u64) -> Option<Measured> {
    let optimum = truth.optimum(units)?;
    if document.is_stateless() && units <= 2_000 {
        let shop = RefCell::new(Shop::open(document, units));
        let price = |left: u64, at: f64| {
            let mut shop = shop.borrow_mut();
            shop.put(left, None, 0.0);
            shop.decide(at)
        };
        let value = exact::value(truth, usize::try_from(units).ok()?, 0.9, price);
        return Some(Measured { fraction: Estimate { mean: value / optimum, half: 0.0 }, sold: None, moves: None });
    }
    let (mut sum, mut squares, mut sold, mut moves) = (0.0, 0.0, 0.0, 0.0);
    let count = f64::from(runs.max(2));
    for run in 0..runs.max(2) {
        let mut rng = Rng::with_seed(seed ^ (u64::from(run) << 20).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let arrivals = truth.arrivals(truth.lowest(LOWEST), &mut rng);
        let mut shop = Shop::open(document, units);
        let ours = play(truth, &arrivals, units, &mut shop, |_, _, _| ());
        let best = clairvoyant(truth, units).map(|mut best| play(truth, &arrivals, units, &mut best, |_, _, _| ()).revenue);
        let difference = ours.revenue - best.unwrap_or(optimum);
        sum += difference;
        squares += difference * difference;
        sold += ours.sold as f64 / count;
        moves += f64::from(shop.moves) / count;
    }
    let deviation = ((squares - sum * sum / count) / (count - 1.0)).max(0.0).sqrt();
    let fraction = Estimate { mean: 1.0 + sum / count / optimum, half: 1.96 * deviation / count.sqrt() / optimum };
    Some(Measured { fraction, sold: Some(sold), moves: Some(moves) })
}
