use pricestream_documents::Reader;
use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Component, Declined, Draft, Foreseen, ForeseenTier, Given, GivenAway, Off, Reached, WorksOn, check_positive};
use crate::document::condition::Basis;
use crate::thresholds::Thresholds;

/// The more is spent on the matching items, the more is taken off them together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpendAndSave {
    /// The price that counts as spent.
    #[serde(default)]
    pub basis: Basis,
    /// Steps, the greatest that is reached counts.
    pub steps: Steps,
}

/// How saving grows with spending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Steps {
    /// From so much on, so much off: the last that is reached, in rising order.
    Tiers(Vec<Tier>),
    /// For every full amount spent, so much off.
    EveryFull(EveryFull),
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// Spent at least.
    pub from: Money,
    /// Off all matching items together.
    pub off: Off,
}

/// "10 off for every full 100".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EveryFull {
    /// Above zero.
    pub spend: Money,
    /// Above zero.
    pub off: Money,
    /// How often, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_times: Option<u32>,
}

impl Component for SpendAndSave {
    fn works_on(&self) -> WorksOn {
        WorksOn::Order
    }

    fn check(&self, reader: &mut Reader, path: &str) {
        match &self.steps {
            Steps::Tiers(tiers) => {
                let path = format!("{path}.steps.tiers");
                if tiers.is_empty() {
                    reader.problem(&path, "must hold at least one");
                }
                for (position, tier) in tiers.iter().enumerate() {
                    tier.off.check(reader, &format!("{path}[{position}].off"));
                    if tier.from.minor < 0 {
                        reader.problem(&format!("{path}[{position}].from"), "must not be negative");
                    }
                }
                if !tiers.is_sorted_by(|lower, upper| lower.from.minor < upper.from.minor) {
                    reader.problem(&path, "must rise from one to the next");
                }
            }
            Steps::EveryFull(every) => {
                check_positive(reader, &format!("{path}.steps.every_full.spend"), every.spend);
                check_positive(reader, &format!("{path}.steps.every_full.off"), every.off);
            }
        }
    }

    fn amounts(&self) -> Vec<Money> {
        match &self.steps {
            Steps::Tiers(tiers) => tiers.iter().flat_map(|tier| std::iter::once(tier.from).chain(tier.off.amount())).collect(),
            Steps::EveryFull(every) => vec![every.spend, every.off],
        }
    }

    fn thresholds(&self, to: &mut Thresholds) {
        match &self.steps {
            Steps::Tiers(tiers) => tiers.iter().for_each(|tier| to.spend(tier.from.minor, self.basis)),
            // What is spent beyond the last full amount saves nothing: some multiples leave less of it than others.
            Steps::EveryFull(every) => {
                for times in 1..=every.max_times.map_or(4, i64::from).min(4) {
                    to.spend(every.spend.minor.saturating_mul(times), self.basis);
                }
            }
        }
    }

    fn apply(&self, given: &Given<'_>, draft: &mut Draft) -> Result<(), Declined> {
        let spent = given.spent(self.basis);
        let off = match &self.steps {
            Steps::Tiers(tiers) => {
                let Some(tier) = tiers.iter().rev().find(|tier| spent >= tier.from.minor) else {
                    let needed = tiers.first().map_or(0, |tier| tier.from.minor);
                    return Err(Declined::TooLittleSpent { actual: spent, needed });
                };
                tier.off.of(given.total(), given.rounding)
            }
            Steps::EveryFull(every) => {
                let times = (spent / every.spend.minor).min(every.max_times.map_or(i64::MAX, i64::from));
                if times == 0 {
                    return Err(Declined::TooLittleSpent { actual: spent, needed: every.spend.minor });
                }
                times.saturating_mul(every.off.minor).min(given.total())
            }
        };
        draft.spread(given, off);
        Ok(())
    }
}

impl Foreseen for SpendAndSave {
    fn takes_off_its_items(&self) -> bool {
        true
    }

    fn gives_away(&self) -> GivenAway {
        GivenAway::goods_if(self.tiers().iter().any(|tier| tier.off.takes_all()))
    }

    fn greatest_share(&self) -> u16 {
        self.tiers().iter().map(|tier| tier.off.share()).max().unwrap_or(0)
    }

    fn spend_needed(&self, _base: Basis) -> Option<(Basis, i64)> {
        let needed = match &self.steps {
            Steps::Tiers(tiers) => tiers.first()?.from,
            Steps::EveryFull(every) => every.spend,
        };
        Some((self.basis, needed.minor))
    }

    fn tiers(&self) -> Vec<ForeseenTier> {
        let Steps::Tiers(tiers) = &self.steps else { return Vec::new() };
        let tier = |(place, tier): (usize, &Tier)| ForeseenTier {
            path: format!("steps.tiers[{place}]"),
            from: Reached::Spent(self.basis, tier.from.minor),
            off: tier.off,
        };
        tiers.iter().enumerate().map(tier).collect()
    }
}
