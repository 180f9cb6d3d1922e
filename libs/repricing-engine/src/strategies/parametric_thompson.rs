use fastrand::Rng;
use pricestream_documents::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ce_bayes::CeBayes;
use super::sale::{Learned, Sale};
use super::{Proposal, Situation};
use crate::market::hypothesis::{self, Local};

/// Prices by one draw from what is believed, so that prices vary where little is known: Thompson sampling (Ferreira, Simchi-Levi and Wang,
/// Operations Research 66(6), 2018, with demand of [`CeBayes`]). At the size of a flash sale it earns less than `ce_bayes`; it is for those
/// who want prices tried out. The draw comes from the decision's inputs, so that a replay gives the same price.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParametricThompson {
    /// When it is, and what is left over.
    pub sale: Sale,
}

impl ParametricThompson {
    pub(super) fn learn(&self, situation: &Situation<'_>) -> Option<Learned> {
        let open = self.sale.open(situation).ok()?;
        Some(open.learn(situation, CeBayes::hypotheses(&open, situation), 1))
    }

    pub(super) fn propose(&self, situation: &Situation<'_>, learned: Option<&Learned>) -> Proposal {
        let open = match self.sale.open(situation) {
            Ok(open) => open,
            Err(proposal) => return proposal,
        };
        let Some(learned) = learned else { return open.ask(situation, 1.0, open.expected()) };
        // Another draw in each review.
        let mut rng = Rng::with_seed(situation.draw ^ ((open.review.0 as u64) << 32));
        let mut mark = rng.f64();
        let evidence = &learned.belief.evidence;
        let drawn = hypothesis::weights(evidence).position(|weight| {
            mark -= weight;
            mark < 0.0
        });
        let drawn = drawn.unwrap_or(evidence.len() - 1);
        let (hypothesis, evidence) = (&learned.hypotheses[drawn], &evidence[drawn]);
        let market = gamma(&mut rng, evidence.units) / evidence.exposure;
        let units = open.stock.on_hand.max(1);
        let local = Local::of(hypothesis.family, units, market * hypothesis.shape.left(open.at), open.salvage, open.bounds);
        let price = open.salvage + local.worth(units) + 1.0 / local.sensitivity;
        open.ask(situation, open.bounds.clip(price), learned.expected(open.at))
    }

    pub(super) fn problems(&self, path: &str) -> Vec<Problem> {
        self.sale.problems(&format!("{path}.sale"))
    }
}

/// A Gamma deviate with mean `shape` and scale 1: Marsaglia and Tsang, ACM TOMS 26(3), 2000.
pub fn gamma(rng: &mut Rng, shape: f64) -> f64 {
    if shape < 1.0 {
        return gamma(rng, shape + 1.0) * (1.0 - rng.f64()).powf(1.0 / shape);
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let normal = (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (std::f64::consts::TAU * rng.f64()).cos();
        let cube = (1.0 + c * normal).powi(3);
        if cube > 0.0 && (1.0 - rng.f64()).ln() < 0.5 * normal * normal + d - d * cube + d * cube.ln() {
            return d * cube;
        }
    }
}
