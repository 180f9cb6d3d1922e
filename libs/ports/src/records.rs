use std::future::Future;
use std::sync::Arc;

use jiff::Timestamp;
use pricestream_documents::ContentHash;
use pricestream_domain::{Cause, Override, Product, RecordRev, Sku, StockVersion};
use pricestream_repricing_engine::rollout::Tally;

use crate::{AlertState, HistoryRow, Inventory, PortError, PriceRecord, SeenInputs, SettingsSnapshot};

/// How a conditional write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Conditional {
    /// Written.
    Written,
    /// Somebody was faster: read again and decide again.
    Superseded,
}

/// A catalogue line as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductRecord {
    /// The line.
    pub product: Product,
    /// Counts its changes.
    pub rev: u64,
    /// Of the line's canonical JSON.
    pub hash: ContentHash,
}

impl ProductRecord {
    /// `product` as change number `rev` of its line.
    pub fn new(product: Product, rev: u64) -> Self {
        let hash = ContentHash::of_json(&product);
        Self { product, rev, hash }
    }
}

/// The inputs of a price that are records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SkuInputs {
    /// Catalogue line.
    pub product: Option<Arc<ProductRecord>>,
    /// Inventory.
    pub inventory: Option<Inventory>,
    /// A person's price.
    pub override_: Option<Override>,
}

/// One SKU as the reconciler sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct SkuState {
    /// Which.
    pub sku: Sku,
    /// The inputs of its price.
    pub inputs: SkuInputs,
    /// Its price record.
    pub price: Option<PriceRecord>,
}

impl SkuState {
    /// Why the record is behind its inputs, or nothing if it is not.
    pub fn behind(&self, settings: &SettingsSnapshot, now: Timestamp) -> Option<Cause> {
        let product = self.inputs.product.as_ref()?;
        let Some(record) = &self.price else {
            return Some(Cause::Product);
        };
        let policy = settings.policy_for(&product.product);
        let seen = SeenInputs::of(product, &policy, &self.inputs, settings);
        [
            (record.is_due(now), Cause::Due),
            (record.seen.mode != seen.mode, Cause::Mode),
            (record.seen.override_ != seen.override_, Cause::Override),
            (record.seen.policy != seen.policy, Cause::Strategies),
            (record.seen.promotions != seen.promotions, Cause::Promotions),
            (record.seen.product != seen.product, Cause::Product),
            (record.seen.stock_version != seen.stock_version, Cause::Reconcile),
        ]
        .into_iter()
        .find_map(|(differs, cause)| differs.then_some(cause))
    }
}

impl SkuState {
    /// Counts what a rollout did to the SKU, if it concerns it.
    pub fn tally(&self, settings: &SettingsSnapshot, tally: &mut Tally) {
        let Some(product) = self.inputs.product.as_ref().filter(|record| !record.product.retired) else { return };
        let Ok(resolved) = settings.policy_for(&product.product) else { return };
        if resolved.policy.trial.as_ref().is_none_or(|trial| trial.number != tally.number) {
            return;
        }
        let record = self.price.as_ref();
        match record.and_then(|record| record.trial.as_deref()).filter(|account| account.number == tally.number) {
            Some(account) => tally.count(account),
            // Both sides refuse it a price.
            None if record.is_some_and(|record| record.seen.policy == Some(resolved.hash)) => {}
            None => tally.pending += 1,
        }
    }
}

/// Reads of the record store. Each sees every write acknowledged before it (strong).
pub trait RecordReads: Send + Sync {
    /// The price record.
    fn price(&self, sku: &Sku) -> impl Future<Output = Result<Option<PriceRecord>, PortError>> + Send;

    /// The other records that a price is made from. A decision reads the price record FIRST: then whatever is written
    /// to it meanwhile makes the conditional write fail, and old inputs can never be written over newer ones.
    fn inputs(&self, sku: &Sku) -> impl Future<Output = Result<SkuInputs, PortError>> + Send;

    /// The inventory record.
    fn inventory(&self, sku: &Sku) -> impl Future<Output = Result<Option<Inventory>, PortError>> + Send;

    /// The catalogue line.
    fn product(&self, sku: &Sku) -> impl Future<Output = Result<Option<Arc<ProductRecord>>, PortError>> + Send;

    /// Low-stock state.
    fn alert_state(&self, sku: &Sku) -> impl Future<Output = Result<Option<AlertState>, PortError>> + Send;

    /// Up to `most` SKUs of the catalogue in SKU order, those after `after`.
    fn page(&self, after: Option<&Sku>, most: usize) -> impl Future<Output = Result<Vec<SkuState>, PortError>> + Send;

    /// Up to `most` SKUs whose record is due at `now`, the longest due first.
    fn due(&self, now: Timestamp, most: usize) -> impl Future<Output = Result<Vec<(Timestamp, Sku)>, PortError>> + Send;

    /// Up to `most` decisions about `sku`, newest first, those before `before`.
    fn history(
        &self,
        sku: &Sku,
        before: Option<RecordRev>,
        most: usize,
    ) -> impl Future<Output = Result<Vec<HistoryRow>, PortError>> + Send;
}

/// The record store. Every write is conditional on what the writer saw (R1).
pub trait Records: RecordReads {
    /// Stores an accepted stock change IF the stored `stock_version` is `seen` (0: there is none).
    fn put_inventory(
        &self,
        inventory: &Inventory,
        seen: StockVersion,
    ) -> impl Future<Output = Result<Conditional, PortError>> + Send;

    /// Stores a decision and its history row, both or neither, IF the stored `record_rev` is `seen` (0: there is none).
    fn put_price(
        &self,
        record: &PriceRecord,
        row: &HistoryRow,
        seen: RecordRev,
    ) -> impl Future<Output = Result<Conditional, PortError>> + Send;

    /// Stores a catalogue line IF the stored `rev` is one less than the record's.
    fn put_product(&self, product: &ProductRecord) -> impl Future<Output = Result<Conditional, PortError>> + Send;

    /// Sets or lifts an override.
    fn put_override(&self, sku: &Sku, override_: Option<&Override>) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Stores low-stock state IF the stored `rev` is one less than the state's.
    fn put_alert_state(&self, state: &AlertState) -> impl Future<Output = Result<Conditional, PortError>> + Send;
}
