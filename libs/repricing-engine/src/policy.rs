use std::sync::Arc;

use pricestream_documents::{ContentHash, Zone};
use serde::{Deserialize, Serialize};

use crate::rollout::{Arm, Trial};
use crate::{Demand, Guardrails, Profile, Strategy};

/// Everything that the strategies document says of one SKU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// The strategy's name in the document.
    pub strategy_name: Arc<str>,
    /// What proposes the price.
    pub strategy: Strategy,
    /// What disposes.
    pub guardrails: Guardrails,
    /// The floor of a product that states none, in percent of its list price, 0..=100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor_percent_of_list: Option<u32>,
    /// What is expected of demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demand: Option<Demand>,
    /// The profile that `demand` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// Where the days and the times of day of the policy are.
    pub time_zone: Zone,
    /// A change of strategies that is on trial, where it concerns the SKU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<Trial>,
}

impl Policy {
    /// The policy that is meant to set the price: the candidate's in a canary.
    pub fn in_charge(&self) -> &Self {
        match &self.trial {
            Some(Trial { arm: Arm::Canary, candidate: Some(candidate), .. }) => candidate,
            _ => self,
        }
    }
}

/// A policy with its hash, worked out once.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// What it says.
    pub policy: Policy,
    /// Of its JSON.
    pub hash: ContentHash,
}

impl Resolved {
    /// Works the hash out.
    pub fn new(policy: Policy) -> Self {
        let hash = ContentHash::of_json(&policy);
        Self { policy, hash }
    }
}
