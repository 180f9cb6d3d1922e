use pricestream_documents::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sale::Sale;
use super::{Proposal, Situation};
use crate::market::{Shape, hypothesis};

/// The price at which what is left would just be sold out by the end, were there no chance in it: run-out pricing, worked out again and
/// again. Needs no more than the demand still to come; loses little where stock and demand are large.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FluidResolve {
    /// When it is, and what is left over.
    pub sale: Sale,
}

impl FluidResolve {
    pub(super) fn propose(&self, situation: &Situation<'_>) -> Proposal {
        let open = match self.sale.open(situation) {
            Ok(open) => open,
            Err(proposal) => return proposal,
        };
        let buyers = open.expected() * situation.shape().unwrap_or_else(Shape::flat).left(open.at);
        let price = hypothesis::fluid(open.demand.family, open.stock.on_hand.max(1), buyers, open.salvage, open.bounds);
        open.ask(situation, price, buyers)
    }

    pub(super) fn problems(&self, path: &str) -> Vec<Problem> {
        self.sale.problems(&format!("{path}.sale"))
    }
}
