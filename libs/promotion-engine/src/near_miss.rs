use pricestream_domain::{Currency, Money};
use schemars::JsonSchema;
use serde::Serialize;

use crate::answer::amount;
use crate::components::Declined;
use crate::condition::Unmet;
use crate::record::{Decision, Outcome, Reason};

/// A promotion that would apply with a little more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NearMiss {
    /// Its id.
    pub promotion: String,
    /// What must be spent besides; absent where units are what is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spend: Option<Money>,
    /// Units that must be bought besides; absent where money is what is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units: Option<u64>,
    /// In words.
    pub hint: String,
}

/// What is missing money first, the least first; then what is missing units. One that has none of what it needs is not near.
pub(crate) fn near_misses(decisions: &[Decision], currency: Currency) -> Vec<NearMiss> {
    let mut misses: Vec<NearMiss> = decisions.iter().filter_map(|decision| near_miss(decision, currency)).collect();
    misses.sort_by_key(|miss| (miss.spend.map_or(i64::MAX, |spend| spend.minor), miss.units, miss.promotion.clone()));
    misses
}

fn near_miss(decision: &Decision, currency: Currency) -> Option<NearMiss> {
    let Outcome::Declined(reason) = &decision.outcome else { return None };
    let promotion = decision.promotion.to_string();
    match reason {
        Reason::Unmet(Unmet::Spend { actual, needed }) | Reason::Component(Declined::TooLittleSpent { actual, needed })
            if *actual > 0 =>
        {
            let more = needed - actual;
            let hint = format!("add {} for {promotion}", amount(more, currency));
            Some(NearMiss { promotion, spend: Some(Money::new(more, currency)), units: None, hint })
        }
        Reason::Unmet(Unmet::Quantity { actual, needed }) if *actual > 0 => Some(missing(promotion, u64::from(*needed) - actual)),
        Reason::Component(Declined::TooFewUnits { actual, needed }) if *actual > 0 && needed > actual => {
            Some(missing(promotion, needed - actual))
        }
        _ => None,
    }
}

fn missing(promotion: String, units: u64) -> NearMiss {
    let hint = format!("add {units} more {} for {promotion}", if units == 1 { "unit" } else { "units" });
    NearMiss { promotion, spend: None, units: Some(units), hint }
}
