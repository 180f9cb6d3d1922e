use std::sync::Arc;

use jiff::Timestamp;
use pricestream_domain::{Cause, Lane, Mode, Money, Override, PriceVersion, RecordRev, Sku, Standing, Stock};
use pricestream_repricing_engine::market::Belief;
use pricestream_repricing_engine::rollout::TrialAccount;
use pricestream_repricing_engine::{Decision, Inputs, Outcome, Resolved, decide};

use crate::{ProductRecord, Promotions};

/// One decision, with everything that it saw: enough to take it again, bit for bit.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryRow {
    /// Whose price.
    pub sku: Sku,
    /// The write of the record that this row goes with.
    pub record_rev: RecordRev,
    /// What the decision saw.
    pub inputs: RowInputs,
    /// What made it be decided.
    pub cause: Cause,
    /// What stood afterwards.
    pub standing: Option<Standing>,
    /// The cache's order afterwards.
    pub price_version: PriceVersion,
    /// What the strategy would have set, in shadow mode; while a rollout is on, what the side that does not set the price would have.
    pub shadow_price: Option<Money>,
    /// Code of the reason why the SKU was refused a price.
    pub refusal: Option<String>,
    /// What a guest paid from then on, slice by slice; `None` where that was the price.
    pub lane: Option<Arc<Lane>>,
    /// When it had to be decided again.
    pub next_due: Option<Timestamp>,
}

/// What a decision saw.
#[derive(Clone, Debug, PartialEq)]
pub struct RowInputs {
    /// The instant.
    pub decided_at: Timestamp,
    /// What stood before.
    pub previous: Option<Standing>,
    /// Stock, if any was known.
    pub stock: Option<Stock>,
    /// The catalogue line.
    pub product: Arc<ProductRecord>,
    /// What the strategies document said of the SKU; the text says why there is none.
    pub policy: Result<Arc<Resolved>, String>,
    /// The kill switch.
    pub mode: Mode,
    /// The override, if one was set.
    pub override_: Option<Override>,
    /// Which settings these were; counts their changes.
    pub settings_rev: u64,
    /// The promotions.
    pub promotions: Promotions,
    /// The lane before.
    pub previous_lane: Option<Arc<Lane>>,
    /// What was learned of demand up to the decision before.
    pub previous_belief: Option<Arc<Belief>>,
    /// What a rollout counted up to then.
    pub previous_trial: Option<Arc<TrialAccount>>,
}

/// A row says something else than its inputs give.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {stored} in the row, {again} when decided again")]
pub struct Disagreement {
    /// Which field.
    pub field: &'static str,
    /// What the row says.
    pub stored: String,
    /// What the inputs give.
    pub again: String,
}

impl RowInputs {
    /// Takes the decision.
    pub fn decide(&self) -> Decision {
        decide(&Inputs {
            now: self.decided_at,
            product: &self.product.product,
            policy: self.policy.as_ref().map(|resolved| &resolved.policy).map_err(String::as_str),
            mode: self.mode,
            override_: self.override_.as_ref(),
            stock: self.stock.as_ref(),
            previous: self.previous.as_ref(),
            belief: self.previous_belief.as_ref(),
            trial: self.previous_trial.as_ref(),
        })
    }

    /// What a guest pays after it.
    pub fn lane(&self, decision: &Decision) -> Option<Arc<Lane>> {
        let before = self.previous.as_ref().zip(self.previous_lane.as_ref());
        let stock_left = self.stock.as_ref().map(|stock| stock.on_hand);
        self.promotions.lane(&self.product.product, decision.standing.as_ref(), stock_left, before, self.decided_at)
    }
}

impl HistoryRow {
    /// Decides again and compares, bit for bit.
    pub fn disagreement(&self) -> Option<Disagreement> {
        let again = self.inputs.decide();
        let lane = self.inputs.lane(&again);
        let refusal = match &again.outcome {
            Outcome::Refused(refusal) => Some(refusal.code().to_owned()),
            Outcome::Changed | Outcome::Kept => None,
        };
        differs("price", &self.standing, &again.standing)
            .or_else(|| differs("shadow_price", &self.shadow_price, &again.shadow_price))
            .or_else(|| differs("refusal", &self.refusal, &refusal))
            .or_else(|| differs("lane", &self.lane, &lane))
            .or_else(|| differs("next_due", &self.next_due, &next_due(&again, lane.as_deref())))
    }
}

/// When a SKU must be decided again: when its price is due, or its lane.
pub fn next_due(decision: &Decision, lane: Option<&Lane>) -> Option<Timestamp> {
    decision.next_due.into_iter().chain(lane.and_then(Lane::renew_at)).min()
}

fn differs<T: PartialEq + std::fmt::Debug>(field: &'static str, stored: &T, again: &T) -> Option<Disagreement> {
    (stored != again).then(|| Disagreement { field, stored: format!("{stored:?}"), again: format!("{again:?}") })
}
