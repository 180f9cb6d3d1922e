use pricestream_documents::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sale::{Open, Sale};
use super::{Proposal, Situation};
use crate::market::hypothesis::Local;
use crate::market::{Family, Grid, Shape};

/// The best price when demand is known, for any stock and time left: Gallego and van Ryzin 1994. For exponential demand in closed form; for
/// other families by their value equation, or by the closed form around the price that it operates at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GvrOptimal {
    /// When it is, and what is left over.
    pub sale: Sale,
    /// How a family that has no closed form is solved.
    #[serde(default, skip_serializing_if = "is_grid")]
    pub solve: Solve,
}

/// How a family that has no closed form is solved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Solve {
    /// Exactly, up to some thirty thousand units times sales (hundredths of a second); beyond that as `refit`.
    #[default]
    Grid,
    /// As the exponential that agrees with it at the price at which it operates: hundreds of times faster.
    Refit,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_grid(solve: &Solve) -> bool {
    *solve == Solve::Grid
}

impl GvrOptimal {
    pub(super) fn propose(&self, situation: &Situation<'_>) -> Proposal {
        let open = match self.sale.open(situation) {
            Ok(open) => open,
            Err(proposal) => return proposal,
        };
        let buyers = open.expected() * situation.shape().unwrap_or_else(Shape::flat).left(open.at);
        open.ask(situation, self.price(&open, buyers), buyers)
    }

    fn price(&self, open: &Open<'_>, buyers: f64) -> f64 {
        let (family, units) = (open.demand.family, open.stock.on_hand.max(1));
        let exact = !matches!(family, Family::Exponential { .. }) && self.solve == Solve::Grid;
        if let Some(grid) =
            exact.then(|| Grid::solve(family, units, buyers, open.salvage, open.bounds, Grid::WHILE_DECIDING)).flatten()
        {
            return grid.price();
        }
        let local = Local::of(family, units, buyers, open.salvage, open.bounds);
        family.best(open.salvage + local.worth(units), open.bounds)
    }

    pub(super) fn problems(&self, path: &str) -> Vec<Problem> {
        self.sale.problems(&format!("{path}.sale"))
    }
}
