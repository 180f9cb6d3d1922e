use std::sync::Arc;

use jiff::Timestamp;
use pricestream_domain::{Currency, Money, Standing, Stock};
use serde::{Deserialize, Serialize};

use super::{Arm, Breach, OtherSide, Trial};
use crate::market::Belief;

/// What a SKU did in a stage of a rollout. Kept with the price record and written under its condition, from absolute counts: an event
/// that comes twice or late counts nothing twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialAccount {
    /// Of the settings that the stage began with.
    pub number: u64,
    /// Who was meant to set the price.
    pub arm: Arm,
    /// When it was first decided in this stage.
    pub since: Timestamp,
    /// Of every amount here.
    pub currency: Currency,
    /// What the goods were worth at list price when they were first seen in stock in this stage, in minor units: what takings are measured
    /// by. It does not depend on what was sold, or replenished, since.
    pub worth: i64,
    /// The inventory's count of units sold, as of the last decision.
    pub sold: u64,
    /// Units sold in this stage.
    pub units: u64,
    /// What they were sold for, at the prices that stood, in minor units.
    pub takings: i64,
    /// How far the candidate's price lies from that of the strategies in force now, in hundredths of a percent of the latter.
    pub apart_bp: Option<i64>,
    /// Why the candidate's price is not used now, or would not be.
    pub breach: Option<Breach>,
    /// It was too far from that in force at some time in this stage, and is not used any more.
    pub was_apart: bool,
    /// What the side that does not set the price has learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub belief: Option<Arc<Belief>>,
}

/// What a decision on trial came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tried<'a> {
    pub(crate) trial: &'a Trial,
    pub(crate) other: OtherSide,
    pub(crate) apart_bp: Option<i64>,
    pub(crate) belief: Option<&'a Arc<Belief>>,
    /// Up to now.
    pub(crate) was_apart: bool,
}

impl TrialAccount {
    /// Whether it is of the stage of `trial`.
    pub(crate) fn goes_on(&self, trial: &Trial) -> bool {
        (self.number, self.arm) == (trial.number, trial.arm)
    }

    /// After a decision at `now`; `standing` is what stood until then.
    pub(crate) fn after(
        before: Option<&Self>,
        tried: &Tried<'_>,
        list_price: Money,
        stock: Option<&Stock>,
        standing: Option<&Standing>,
        now: Timestamp,
    ) -> Self {
        let Tried { trial, other, apart_bp, belief, was_apart } = *tried;
        let same =
            |account: &&Self| (account.number, account.arm, account.currency) == (trial.number, trial.arm, list_price.currency);
        let counted = before.filter(same);
        let sold = stock.map_or(0, |stock| stock.sold);
        // Counts only rise: a lower one was seen before what is known.
        let new = counted.map_or(0, |account| sold.saturating_sub(account.sold));
        let price =
            standing.filter(|standing| standing.price.currency == list_price.currency).map_or(0, |standing| standing.price.minor);
        let taken = price.saturating_mul(i64::try_from(new).unwrap_or(i64::MAX));
        let worth_now = i128::from(list_price.minor) * i128::from(stock.map_or(0, |stock| stock.on_hand));
        let worth_now = i64::try_from(worth_now).unwrap_or(i64::MAX);
        Self {
            number: trial.number,
            arm: trial.arm,
            since: counted.map_or(now, |account| account.since),
            currency: list_price.currency,
            worth: counted.map(|account| account.worth).filter(|worth| *worth > 0).unwrap_or(worth_now),
            sold: counted.map_or(sold, |account| account.sold.max(sold)),
            units: counted.map_or(0, |account| account.units).saturating_add(new),
            takings: counted.map_or(0, |account| account.takings).saturating_add(taken),
            apart_bp,
            breach: other.breach,
            was_apart: was_apart || other.breach == Some(Breach::Apart),
            belief: belief.cloned(),
        }
    }
}
