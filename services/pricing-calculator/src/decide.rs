use std::sync::Arc;

use jiff::Timestamp;
use pricestream_domain::{Cause, PriceVersion, RecordRev};
use pricestream_ports::{HistoryRow, PriceRecord, ProductRecord, RowInputs, SeenInputs, SettingsSnapshot, SkuInputs, next_due};
use pricestream_repricing_engine::{Decision, Outcome};

/// What is to be done about a SKU's price.
#[derive(Debug)]
pub enum Next {
    /// Every input is the one that the record was decided on, and nothing is due: announce it again, write nothing.
    Stands(Box<PriceRecord>),
    /// Write this if nobody was faster.
    Write(Box<Write>),
}

/// A decision to be written if nobody was faster.
#[derive(Debug)]
pub struct Write {
    /// The record to be.
    pub record: PriceRecord,
    /// The row that goes with it.
    pub row: HistoryRow,
    /// The revision that it follows.
    pub seen: RecordRev,
    /// For the metrics.
    pub decision: Decision,
}

/// Decides from the records alone; pure.
pub fn next(
    stored: Option<PriceRecord>,
    product: Arc<ProductRecord>,
    inputs: &SkuInputs,
    settings: &SettingsSnapshot,
    cause: Cause,
    now: Timestamp,
) -> Next {
    let policy = settings.policy_for(&product.product);
    let seen = SeenInputs::of(&product, &policy, inputs, settings);
    if let Some(record) = &stored
        && record.seen == seen
        && !record.is_due(now)
    {
        return Next::Stands(Box::new(stored.expect("just looked at")));
    }
    let previous = stored.as_ref().and_then(|record| record.standing);
    let row_inputs = RowInputs {
        decided_at: now,
        previous,
        stock: inputs.inventory.as_ref().map(pricestream_ports::Inventory::stock),
        product,
        policy,
        mode: settings.mode,
        override_: inputs.override_.clone(),
        settings_rev: settings.rev,
        promotions: settings.promotions.clone(),
        previous_lane: stored.as_ref().and_then(|record| record.lane.clone()),
        previous_belief: stored.as_ref().and_then(|record| record.belief.clone()),
        previous_trial: stored.as_ref().and_then(|record| record.trial.clone()),
    };
    let decision = row_inputs.decide();
    let lane = row_inputs.lane(&decision);
    let seen_rev = stored.as_ref().map_or(RecordRev(0), |record| record.record_rev);
    let mut record = PriceRecord {
        sku: row_inputs.product.product.sku.clone(),
        record_rev: seen_rev.next(),
        price_version: stored.as_ref().map_or(PriceVersion(0), |record| record.price_version),
        standing: decision.standing,
        list_price: Some(row_inputs.product.product.list_price),
        next_due: next_due(&decision, lane.as_deref()),
        lane,
        belief: decision.belief.clone(),
        trial: decision.trial.clone(),
        seen,
        settings_rev: settings.rev,
        decided_at: now,
        cause,
        shadow_price: decision.shadow_price,
        refusal: match &decision.outcome {
            Outcome::Refused(refusal) => Some(refusal.code().to_owned()),
            Outcome::Changed | Outcome::Kept => None,
        },
        stock_committed_at: inputs.inventory.as_ref().map(|inventory| inventory.committed_at),
        withdrawn_at: stored
            .as_ref()
            .filter(|stored| decision.standing.is_none() && stored.price_version > PriceVersion(0))
            .map(|stored| stored.withdrawn_at.unwrap_or(now)),
    };
    // The version orders the cache, so it moves exactly when what the cache holds of the record moves.
    let content = |record: &PriceRecord| {
        record.standing.map(|standing| (standing.price, standing.since, record.list_price, record.lane.clone()))
    };
    if stored.as_ref().and_then(content) != content(&record) {
        record.price_version = record.price_version.next();
    }
    let row = HistoryRow {
        sku: record.sku.clone(),
        record_rev: record.record_rev,
        inputs: row_inputs,
        cause,
        standing: record.standing,
        price_version: record.price_version,
        shadow_price: record.shadow_price,
        refusal: record.refusal.clone(),
        lane: record.lane.clone(),
        next_due: record.next_due,
    };
    Next::Write(Box::new(Write { record, row, seen: seen_rev, decision }))
}
