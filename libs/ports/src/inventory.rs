use jiff::Timestamp;
use pricestream_domain::{FullLevel, Sku, SourceSeq, Stock, StockVersion};
use serde::{Deserialize, Serialize};

/// The inventory record of a SKU, as its source last told it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// Its key.
    pub sku: Sku,
    /// Sellable units, absolute.
    pub on_hand: u64,
    /// Counts accepted changes.
    pub stock_version: StockVersion,
    /// The level after the last replenishment.
    pub full: FullLevel,
    /// The one system that publishes this SKU: the first that did.
    pub origin: String,
    /// The number that `origin` gave the last accepted change.
    pub source_seq: SourceSeq,
    /// Fingerprint of the last accepted change, to tell a repetition from a contradiction.
    pub fingerprint: u64,
    /// Units sold since the record began: what each change took away, unless its source called it something else than a sale.
    #[serde(default)]
    pub sold: u64,
    /// When the last accepted change occurred, by the source's clock.
    pub occurred_at: Timestamp,
    /// When it was accepted, by the measuring clock: freshness counts from here.
    pub committed_at: Timestamp,
}

impl Inventory {
    /// What pricing needs of it.
    pub fn stock(&self) -> Stock {
        Stock {
            on_hand: self.on_hand,
            version: self.stock_version,
            full: self.full,
            sold: self.sold,
            changed_at: Some(self.occurred_at),
        }
    }
}
