use pricestream_documents::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sale::Sale;
use super::{Proposal, Situation};
use crate::market::Shape;
use crate::market::hypothesis::Local;

/// Clears stock that costs money while it lies there: the best price when each unit costs its holding until it is sold, and what is left at
/// the end has its leftover value. With demand known.
///
/// Exact for exponential demand: a unit kept to the end is worth `s - h t` now (leftover value less holding for the time `t` left), and the
/// market still to come counts each buyer by how long before the end he comes; `market` below says how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClearanceMarkdown {
    /// When it is to be cleared, and what is left over.
    pub sale: Sale,
    /// What keeping a unit for a day costs, in hundredths of a percent of its list price: capital, space, decay.
    pub holding_bp_per_day: u32,
    /// Never above the price that stands, that before the sale included.
    #[serde(default)]
    pub markdown_only: bool,
}

/// Steps in which the market still to come is added up.
const STEPS: u32 = 64;

/// `integral of e^(a h v) over the buyers still to come`, with `v` the time left when each comes and `h` what holding a unit costs for the
/// whole sale; `left` is the share of the sale's time to come, `buyers_left(v)` the buyers still to come with `v` left.
///
/// Why: with `f(n) = e^(a J(n))` the value equation `J'(n) = max l(p) (p - J(n) + J(n-1)) - h n` is linear, `f'(n) = k f(n-1) - a h n f(n)`.
/// Writing `f(n) = e^(n a (s - h t)) g(n)` leaves `g'(n) = k e^(a (h t - s)) g(n-1)`: the case without holding cost, with that market.
fn market(sensitivity: f64, holding: f64, left: f64, buyers_left: impl Fn(f64) -> f64) -> f64 {
    let step = left / f64::from(STEPS);
    (0..STEPS)
        .map(|number| {
            let from = step * f64::from(number);
            let buyers = buyers_left(from + step) - buyers_left(from);
            // The exponential's mean over the step is exact for level demand.
            let growth = sensitivity * holding * step;
            let mean = if growth.abs() < 1e-9 { 1.0 } else { growth.exp_m1() / growth };
            buyers * (sensitivity * holding * from).exp() * mean
        })
        .sum()
}

impl ClearanceMarkdown {
    pub(super) fn propose(&self, situation: &Situation<'_>) -> Proposal {
        let open = match self.sale.open(situation) {
            Ok(open) => open,
            Err(proposal) => return proposal,
        };
        let shape = situation.shape().unwrap_or_else(Shape::flat);
        let (expected, left) = (open.expected(), 1.0 - open.at);
        let buyers_left = |left: f64| expected * shape.left(1.0 - left);
        let days = (open.sale.1 - open.sale.0) as f64 / 8.64e10;
        let holding = f64::from(self.holding_bp_per_day) / 10_000.0 * days;
        let kept = open.salvage - holding * left;
        let units = open.stock.on_hand.max(1);
        let buyers = buyers_left(left);
        let sensitivity = Local::of(open.demand.family, units, buyers, kept, open.bounds).sensitivity;
        let counted = market(sensitivity, holding, left, buyers_left);
        // Seen from the end of the sale, the worth of what is left over there counts.
        let worth = Local::of(open.demand.family, units, counted, open.salvage, open.bounds);
        let price = kept + worth.worth(units) + 1.0 / worth.sensitivity;
        let proposal = open.ask(situation, open.bounds.clip(price), buyers);
        match situation.previous {
            Some(standing) if self.markdown_only && !proposal.is_at_most(standing.price) => {
                open.keep(situation, standing, buyers)
            }
            _ => proposal,
        }
    }

    pub(super) fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = self.sale.problems(&format!("{path}.sale"));
        if self.holding_bp_per_day > 10_000 {
            let message = format!("{} is outside 0..=10000", self.holding_bp_per_day);
            problems.push(Problem { path: format!("{path}.holding_bp_per_day"), message });
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use pricestream_domain::{FullLevel, Stock, StockVersion};

    use super::*;
    use crate::Demand;
    use crate::market::{Bounds, Family};
    use crate::strategies::samples::{at, usd};
    use crate::strategies::{Leftover, PaceEnd, Strategy};

    /// The value equation with holding cost, by small steps: `J'(n) = max l(p) (p - J(n) + J(n-1)) - h n`, `J(n, 0) = n s`.
    fn by_steps(units: usize, buyers: f64, sensitivity: f64, salvage: f64, holding: f64, left: f64) -> f64 {
        let family = Family::Exponential { sensitivity };
        let mut values: Vec<f64> = (0..=units).map(|n| n as f64 * salvage).collect();
        let steps = 200_000;
        for _ in 0..steps {
            let before = values.clone();
            for n in 1..=units {
                let worth = before[n] - before[n - 1];
                let price = family.best(worth, Bounds { low: -10.0, high: 100.0 });
                let gain = buyers * family.demand(price) * (price - worth) - holding * n as f64;
                values[n] += gain * left / f64::from(steps);
            }
        }
        family.best(values[units] - values[units - 1], Bounds::WIDEST)
    }

    #[test]
    fn its_price_is_that_of_the_value_equation() {
        // A day's sale, so that a day's holding is the whole sale's.
        for (units, per_hour, sensitivity, percent, holding_bp, hours_in) in
            [(5, 0.5, 2.0, 0, 3_000, 0), (12, 1.0, 2.0, 20, 500, 6), (3, 0.2, 1.5, 0, 0, 12), (20, 0.4, 3.0, 10, 2_000, 20)]
        {
            let sale = Sale {
                starts: None,
                ends: PaceEnd::AfterFullMinutes(1_440),
                reviews: 24,
                leftover: Leftover::PercentOfList(percent),
            };
            let strategy =
                Strategy::ClearanceMarkdown(ClearanceMarkdown { sale, holding_bp_per_day: holding_bp, markdown_only: false });
            let demand: Demand = serde_json::from_value(serde_json::json!({
                "per_hour": per_hour, "family": { "kind": "exponential", "sensitivity": sensitivity } }))
            .unwrap();
            let begin = at("2026-05-04T06:00:00Z");
            let full = FullLevel { on_hand: 40, at: begin };
            let stock = Stock { on_hand: units, version: StockVersion(1), full, sold: 0, changed_at: None };
            let zone = pricestream_documents::Zone::UTC;
            let now = begin + jiff::SignedDuration::from_hours(hours_in);
            let situation = Situation { demand: Some(&demand), ..Situation::plain(now, usd(10_000), Some(&stock), &zone) };
            let ratio = strategy.propose(&situation, None).ratio.unwrap();
            let left = 1.0 - hours_in as f64 / 24.0;
            let (salvage, holding) = (f64::from(percent) / 100.0, f64::from(holding_bp) / 10_000.0);
            let expected = by_steps(usize::try_from(units).unwrap(), per_hour * 24.0, sensitivity, salvage, holding, left);
            assert!((ratio - expected).abs() < 2e-4, "{units} units: {ratio}, by small steps {expected}");
        }
    }
}
