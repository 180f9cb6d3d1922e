use pricestream_documents::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sale::{Learned, Open, Sale};
use super::{Proposal, Situation};
use crate::market::{Hypothesis, Mixing, library};

/// Learns, from sales and from the time that the goods could be bought, how many buyers there are and how they spread over the sale: a
/// library of shapes, for each a Gamma distributed number of buyers. With a profile of earlier sales the shape is that one. The strategy for
/// flash sales; how much the price matters is taken from the prior.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateBayes {
    /// When it is, and what is left over.
    pub sale: Sale,
}

impl TemplateBayes {
    fn hypotheses(open: &Open<'_>, situation: &Situation<'_>) -> Vec<Hypothesis> {
        let family = open.demand.family;
        if let Some(shape) = situation.shape() {
            return vec![Hypothesis { shape, family, weight: 1.0, forgets: 0.0 }];
        }
        library().iter().map(|template| Hypothesis::of(template, family)).collect()
    }

    pub(super) fn learn(&self, situation: &Situation<'_>) -> Option<Learned> {
        let open = self.sale.open(situation).ok()?;
        Some(open.learn(situation, Self::hypotheses(&open, situation), 2))
    }

    pub(super) fn propose(&self, situation: &Situation<'_>, learned: Option<&Learned>) -> Proposal {
        self.sale.propose_learned(situation, learned, Mixing::ByWeight)
    }

    pub(super) fn problems(&self, path: &str) -> Vec<Problem> {
        self.sale.problems(&format!("{path}.sale"))
    }
}
