//! A change of strategies on trial: the candidate document first only says what it would do (shadow), then prices a share of the SKUs
//! (canary), then all of them. What harms is stopped without a person.

mod account;
mod tally;
mod trial;

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use pricestream_documents::{ContentHash, Problem};
use pricestream_domain::{BasisPoints, Product, Sku};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use account::TrialAccount;
pub(crate) use account::Tried;
pub use tally::{Comparison, Tally};
pub use trial::{Arm, Breach, OtherSide, Trial};

use crate::{Policy, Resolved, Strategies};

/// How far a rollout is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The candidate prices nothing; what it would set is recorded beside each price.
    Shadow,
    /// The candidate prices this share of the SKUs, in percent, 1..=99: the same price for every shopper.
    Canary(u8),
    /// Over, for this reason: the candidate prices nothing, and nothing is recorded of it.
    Stopped(String),
}

/// When a rollout stops by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StopRules {
    /// The candidate's price may lie so far from that of the strategies in force, in hundredths of a percent of the latter, 1..=10000; both
    /// as their hard guardrails have them. One that lies farther is not used, then or later in the stage, and the SKU is in breach; so is
    /// one that the candidate refuses a price.
    pub most_apart_bp: BasisPoints,
    /// Stop when more SKUs than this share are in breach, in percent, 0..=100.
    pub most_breaches_percent: u8,
    /// A canary stops when it takes so many standard errors less than the rest does, of what the goods were worth at list price when the
    /// stage began; 1..=10. It is looked at again and again, so that 3 is a few false alarms in a hundred rollouts.
    pub standard_errors: u8,
    /// ... by more than this share, in hundredths of a percent.
    pub tolerance_bp: BasisPoints,
    /// ... once so many SKUs of the rest have sold, and would have of the canary if it did as well; at least 2.
    pub least_skus: u32,
}

impl Default for StopRules {
    fn default() -> Self {
        let points = |points| BasisPoints::new(points).expect("below the whole");
        Self {
            most_apart_bp: points(5_000),
            most_breaches_percent: 5,
            standard_errors: 3,
            tolerance_bp: points(0),
            least_skus: 20,
        }
    }
}

impl StopRules {
    /// What is wrong with them; `path` is where they stand.
    pub fn problems(&self, path: &str) -> Vec<Problem> {
        let checks = [
            (self.most_apart_bp.get() >= 1, "most_apart_bp", "must be 1..=10000 (5000 is 50 %)"),
            (self.most_breaches_percent <= 100, "most_breaches_percent", "must be 0..=100"),
            ((1..=10).contains(&self.standard_errors), "standard_errors", "must be 1..=10"),
            (self.least_skus >= 2, "least_skus", "must be at least 2: one SKU has no spread"),
        ];
        let problem =
            |(_, field, message): (bool, &str, &str)| Problem { path: format!("{path}.{field}"), message: message.to_owned() };
        checks.into_iter().filter(|(holds, _, _)| !holds).map(problem).collect()
    }
}

/// The policy in force, the candidate's, and who sets the price.
type Sides = (ContentHash, Option<ContentHash>, Arm);

/// A rollout that is on, ready for use.
#[derive(Debug)]
pub struct Rollout {
    candidate: Arc<Strategies>,
    /// Of the settings that its stage began with.
    number: u64,
    /// Percent of the SKUs that the candidate prices; 0 in shadow.
    share: u8,
    rules: StopRules,
    known: RwLock<HashMap<Sides, Arc<Resolved>>>,
}

impl Rollout {
    /// `number` is that of the settings that `stage` began with. `None`: it was stopped.
    pub fn new(candidate: Arc<Strategies>, number: u64, stage: &Stage, rules: StopRules) -> Option<Self> {
        let share = match stage {
            Stage::Shadow => 0,
            Stage::Canary(percent) => *percent,
            Stage::Stopped(_) => return None,
        };
        Some(Self { candidate, number, share, rules, known: RwLock::default() })
    }

    /// When it stops by itself.
    pub fn rules(&self) -> &StopRules {
        &self.rules
    }

    /// Of the settings that its stage began with: what is counted under another is of another stage.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The policy in force, with the candidate's where that is another.
    pub fn policy_for(&self, product: &Product, in_force: Arc<Resolved>) -> Arc<Resolved> {
        let candidate = self.candidate.policy_for(product).ok();
        if candidate.as_ref().is_some_and(|candidate| candidate.hash == in_force.hash) {
            return in_force;
        }
        let arm = self.arm_of(&product.sku);
        let key = (in_force.hash, candidate.as_ref().map(|candidate| candidate.hash), arm);
        if let Some(known) = self.known.read().ok().and_then(|known| known.get(&key).cloned()) {
            return known;
        }
        let candidate = candidate.map(|candidate| Box::new(candidate.policy.clone()));
        let trial = Trial { number: self.number, arm, candidate, most_apart_bp: self.rules.most_apart_bp };
        let resolved = Arc::new(Resolved::new(Policy { trial: Some(trial), ..in_force.policy.clone() }));
        if let Ok(mut known) = self.known.write() {
            known.insert(key, Arc::clone(&resolved));
        }
        resolved
    }

    /// Drawn by the SKU and the candidate's content: the SKUs of a smaller share are among those of a larger, and the next candidate gets
    /// others.
    fn arm_of(&self, sku: &Sku) -> Arm {
        let drawn = ContentHash::of(format!("{}/{sku}", self.candidate.hash()).as_bytes());
        let drawn = u64::from_be_bytes(drawn.as_bytes()[..8].try_into().expect("a hash is longer"));
        match self.share {
            0 => Arm::Shadow,
            share if u128::from(drawn) * 100 < u128::from(share) << 64 => Arm::Canary,
            _ => Arm::Control,
        }
    }
}
