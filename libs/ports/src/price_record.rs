use std::sync::Arc;

use jiff::Timestamp;
use pricestream_documents::ContentHash;
use pricestream_domain::{Cause, Lane, Mode, Money, Override, PriceVersion, RecordRev, Sku, Standing, StockVersion};
use pricestream_event_schema::PriceChangedV1;
use pricestream_repricing_engine::Resolved;
use pricestream_repricing_engine::market::Belief;
use pricestream_repricing_engine::rollout::TrialAccount;
use serde::{Deserialize, Serialize};

use crate::{CacheEntry, ProductRecord, SettingsSnapshot, SkuInputs};

/// The record of one SKU's price: what stands, and every input that the decision saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PriceRecord {
    /// Its key.
    pub sku: Sku,
    /// Counts writes, kept prices too.
    pub record_rev: RecordRev,
    /// Moves only when the content of the cache entry moves; 0 while there was never a price.
    pub price_version: PriceVersion,
    /// The current price; `None` when there was never one, or it was withdrawn.
    pub standing: Option<Standing>,
    /// List price of the product that it was decided on.
    pub list_price: Option<Money>,
    /// What a guest pays for one unit, slice by slice; `None` while that is the price.
    #[serde(default)]
    pub lane: Option<Arc<Lane>>,
    /// What was learned of demand, the decision included; `None` where the strategy learns nothing or no sale is on.
    #[serde(default)]
    pub belief: Option<Arc<Belief>>,
    /// What a rollout counts, the decision included; `None` where none concerns the SKU.
    #[serde(default)]
    pub trial: Option<Arc<TrialAccount>>,
    /// What the decision saw.
    pub seen: SeenInputs,
    /// Which settings it was decided under; never replaced by a decision under older ones.
    pub settings_rev: u64,
    /// When it was decided, by the clock that prices are a function of.
    pub decided_at: Timestamp,
    /// What made it be decided.
    pub cause: Cause,
    /// What the strategy would have set, in shadow mode; while a rollout is on, what the side that does not set the price would have.
    pub shadow_price: Option<Money>,
    /// Code of the reason why the SKU was refused a price; then `standing` is its last valid one.
    pub refusal: Option<String>,
    /// When it must be decided again though no input moved.
    pub next_due: Option<Timestamp>,
    /// When the stock change that it reflects became durable; freshness counts from there.
    pub stock_committed_at: Option<Timestamp>,
    /// When its price was withdrawn; `None` while there is one. The tombstone's time, whatever is decided after it.
    #[serde(default)]
    pub withdrawn_at: Option<Timestamp>,
}

/// The version of every input of a decision. Two decisions with equal inputs at one instant are the same decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenInputs {
    /// 0 when no stock was known.
    pub stock_version: StockVersion,
    /// Hash of the catalogue line.
    pub product: ContentHash,
    /// Hash of what the strategies document says of this SKU; `None` when it names no strategy.
    pub policy: Option<ContentHash>,
    /// Hash of what the rule set of promotions says of this SKU; `None` when it says nothing.
    #[serde(default)]
    pub promotions: Option<ContentHash>,
    /// The kill switch.
    pub mode: Mode,
    /// The override, if one was set, expired or not.
    pub override_: Option<Override>,
}

impl SeenInputs {
    /// The versions of what a decision would see now.
    pub fn of(
        product: &ProductRecord,
        policy: &Result<Arc<Resolved>, String>,
        inputs: &SkuInputs,
        settings: &SettingsSnapshot,
    ) -> Self {
        Self {
            stock_version: inputs.inventory.as_ref().map_or(StockVersion(0), |inventory| inventory.stock_version),
            product: product.hash,
            policy: policy.as_ref().ok().map(|policy| policy.hash),
            promotions: settings.promotions.says_of(&product.product),
            mode: settings.mode,
            override_: inputs.override_.clone(),
        }
    }
}

impl PriceRecord {
    /// What the cache is to hold of it; `None` while there was never a price.
    pub fn cache_entry(&self) -> Option<CacheEntry> {
        (self.price_version > PriceVersion(0)).then(|| CacheEntry {
            sku: self.sku.clone(),
            price_version: self.price_version,
            price: self.standing.map(|standing| standing.price),
            list_price: self.standing.and(self.list_price),
            since: self.standing.map(|standing| standing.since).or(self.withdrawn_at).unwrap_or(self.decided_at),
            lane: self.standing.and(self.lane.clone()),
        })
    }

    /// The event that announces it; `None` while there was never a price.
    pub fn announcement(&self) -> Option<PriceChangedV1> {
        self.cache_entry().map(|entry| PriceChangedV1 {
            sku: entry.sku,
            price: entry.price,
            list_price: entry.list_price,
            price_version: entry.price_version,
            record_rev: self.record_rev,
            stock_version: self.seen.stock_version,
            since: entry.since,
            lane: entry.lane,
            decided_at: self.decided_at,
            cause: self.cause,
            next_due: self.next_due,
            stock_committed_at: self.stock_committed_at,
        })
    }

    /// It must be decided again at `now` even if no input moved.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.next_due.is_some_and(|due| due <= now)
    }
}
