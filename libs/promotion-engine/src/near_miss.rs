use std::fmt;

use pricestream_domain::{Currency, Money};
use schemars::JsonSchema;
use serde::Serialize;

use crate::answer::amount;
use crate::components::Declined;
use crate::record::Decision;

/// What would have to be bought besides for a promotion to apply, at the least.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shortfall {
    /// Minor units to be spent.
    pub spend: i64,
    /// Units to be bought.
    pub units: u64,
    /// What these units cost before promotions, in minor units, each as the cheapest like it in the basket; `None`: none like it
    /// is there.
    pub cost: Option<i64>,
    /// How many of which part of the promotion, where it has parts.
    pub parts: Vec<MissingUnits>,
}

/// Units that a part of a promotion needs besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingUnits {
    /// Of which part.
    pub part: Part,
    /// How many.
    pub units: u64,
    /// What the cheapest unit of it in the basket costs before promotions, in minor units.
    pub each: Option<i64>,
}

/// A part of a promotion that takes several kinds of items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A slot of a bundle.
    Slot(String),
    /// What is bought.
    Bought,
    /// What is then reduced.
    Reduced,
}

impl Part {
    /// Its name: the slot's own, `bought` or `reduced`.
    pub fn name(&self) -> &str {
        match self {
            Self::Slot(name) => name,
            Self::Bought => "bought",
            Self::Reduced => "reduced",
        }
    }
}

impl fmt::Display for MissingUnits {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = self.units;
        match &self.part {
            Part::Slot(name) => write!(to, "{units} more '{name}'"),
            Part::Bought => write!(to, "{units} more of what is bought"),
            Part::Reduced => write!(to, "{units} more of what is reduced"),
        }
    }
}

/// Parts in a sentence.
pub(crate) fn listed(parts: &[MissingUnits]) -> String {
    let told: Vec<String> = parts.iter().map(ToString::to_string).collect();
    match &told[..] {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => told.concat(),
    }
}

impl Shortfall {
    pub(crate) fn spend(spend: i64) -> Self {
        Self { spend, ..Self::default() }
    }

    pub(crate) fn units(units: u64, each: Option<i64>) -> Self {
        Self { units, cost: each.and_then(|each| worth(units, each)), ..Self::default() }
    }

    /// Of what a component needs; `cheapest` is the price of its cheapest unit. `None`: there is nothing of it yet, or more goods
    /// would not help.
    pub(crate) fn of(declined: &Declined, cheapest: impl FnOnce() -> Option<i64>) -> Option<Self> {
        match declined {
            Declined::TooLittleSpent { actual, needed } if *actual > 0 => Some(Self::spend(needed - actual)),
            Declined::TooFewUnits { actual, needed } if *actual > 0 && needed > actual => {
                Some(Self::units(needed - actual, cheapest()))
            }
            Declined::Incomplete { actual, missing, .. } if *actual > 0 => Some(Self {
                units: missing.iter().map(|part| part.units).sum(),
                cost: missing.iter().try_fold(0_i64, |sum, part| sum.checked_add(worth(part.units, part.each?)?)),
                parts: missing.clone(),
                spend: 0,
            }),
            _ => None,
        }
    }

    /// Both: goods that are bought for the one count for the other.
    pub(crate) fn and(self, other: Self) -> Self {
        let spend = self.spend.max(other.spend);
        let more = if other.units > self.units { other } else { self };
        Self { spend, ..more }
    }

    /// What has to be spent in all, where that is known.
    pub(crate) fn extra(&self) -> Option<i64> {
        match (self.units, self.cost) {
            (0, _) => Some(self.spend),
            (_, Some(cost)) => Some(cost.max(self.spend)),
            (_, None) => (self.spend > 0).then_some(self.spend),
        }
    }

    /// The least first; what has no price last, by its units.
    pub(crate) fn rank(&self) -> (i64, u64) {
        (self.extra().unwrap_or(i64::MAX), self.units)
    }
}

fn worth(units: u64, each: i64) -> Option<i64> {
    each.checked_mul(i64::try_from(units).ok()?)
}

/// A promotion that would apply with a little more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NearMiss {
    /// Its id.
    pub promotion: String,
    /// What must be spent besides. Where units are missing, what they cost before promotions, each as the cheapest like it in the
    /// basket; absent when none like it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spend: Option<Money>,
    /// Units that must be bought besides; absent where only money is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units: Option<u64>,
    /// How many of which part, where the promotion has parts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<NearPart>,
    /// In words.
    pub hint: String,
}

/// Units of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NearPart {
    /// The name of a bundle's slot; `bought` or `reduced` where some units are bought and others are reduced.
    pub part: String,
    /// How many.
    pub units: u64,
}

/// What costs the least first; what has no price last. One that has none of what it needs is not near.
pub(crate) fn near_misses(decisions: &[Decision], currency: Currency) -> Vec<NearMiss> {
    let missing = decisions.iter().filter_map(|decision| Some((decision, decision.missing.as_deref()?)));
    let mut misses: Vec<(&Decision, &Shortfall)> = missing.collect();
    misses.sort_by_key(|(decision, missing)| (missing.rank(), &decision.promotion));
    misses.into_iter().map(|(decision, missing)| near_miss(&decision.promotion, missing, currency)).collect()
}

fn near_miss(promotion: &str, missing: &Shortfall, currency: Currency) -> NearMiss {
    let Shortfall { spend, units, cost, parts } = missing;
    let extra = missing.extra();
    let more = match (units, &parts[..]) {
        (1, []) => "1 more unit".to_owned(),
        (units, []) => format!("{units} more units"),
        (_, parts) => listed(parts),
    };
    let hint = match (units, extra) {
        (0, _) => format!("add {} for {promotion}", amount(*spend, currency)),
        (_, Some(extra)) if *spend > cost.unwrap_or(0) => {
            format!("add {more}, {} in all, for {promotion}", amount(extra, currency))
        }
        (_, Some(extra)) => format!("add {more} (about {}) for {promotion}", amount(extra, currency)),
        (_, None) => format!("add {more} for {promotion}"),
    };
    NearMiss {
        promotion: promotion.to_owned(),
        spend: extra.map(|extra| Money::new(extra, currency)),
        units: (*units > 0).then_some(*units),
        parts: parts.iter().map(|missing| NearPart { part: missing.part.name().to_owned(), units: missing.units }).collect(),
        hint,
    }
}
