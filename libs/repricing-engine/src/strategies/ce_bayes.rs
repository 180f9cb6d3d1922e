use pricestream_documents::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sale::{Learned, Open, Sale};
use super::{Proposal, Situation};
use crate::market::{Family, Hypothesis, Mixing, Shape};

/// Learns, from sales and from the time that the goods could be bought, how many buyers there are and how much the price matters to them:
/// a grid of sensitivities, for each a Gamma distributed number of buyers. The price is best for what is believed, as if the next sale told
/// the truth; that is a little better than pricing by the means (certainty equivalence).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CeBayes {
    /// When it is, and what is left over.
    pub sale: Sale,
}

/// Sensitivities that are told apart.
const SENSITIVITIES: u32 = 19;

impl CeBayes {
    /// Of an exponential family: sensitivities spread evenly over what the prior's deviation stands for; of another: that one.
    pub(super) fn hypotheses(open: &Open<'_>, situation: &Situation<'_>) -> Vec<Hypothesis> {
        let shape = situation.shape().unwrap_or_else(Shape::flat);
        let of = |family| Hypothesis { shape: shape.clone(), family, weight: 1.0, forgets: 0.0 };
        let Family::Exponential { sensitivity } = open.demand.family else { return vec![of(open.demand.family)] };
        let deviation = open.demand.sensitivity_sd.unwrap_or(sensitivity / 2.0);
        // A rectangle with that deviation.
        let half = deviation * 3.0_f64.sqrt();
        let low = (sensitivity - half).max(sensitivity / 20.0);
        (0..SENSITIVITIES)
            .map(|place| low + (sensitivity + half - low) * (f64::from(place) + 0.5) / f64::from(SENSITIVITIES))
            .map(|sensitivity| of(Family::Exponential { sensitivity }))
            .collect()
    }

    pub(super) fn learn(&self, situation: &Situation<'_>) -> Option<Learned> {
        let open = self.sale.open(situation).ok()?;
        Some(open.learn(situation, Self::hypotheses(&open, situation), 1))
    }

    pub(super) fn propose(&self, situation: &Situation<'_>, learned: Option<&Learned>) -> Proposal {
        self.sale.propose_learned(situation, learned, Mixing::BySales)
    }

    pub(super) fn problems(&self, path: &str) -> Vec<Problem> {
        self.sale.problems(&format!("{path}.sale"))
    }
}
