use jiff::Timestamp;
use pricestream_domain::{Money, Sku, SourceSeq, StockVersion};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Event;

/// A SKU's stock changed, and the change is durable. From inventory-publisher; read by pricing-calculator and
/// low-stock-alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StockChangedV1 {
    /// Whose stock.
    pub sku: Sku,
    /// Place of the change in the SKU's history; the event's sequence.
    pub stock_version: StockVersion,
    /// Sellable units after the change, 0 to 1 000 000 000.
    pub on_hand: u64,
    /// Signed change in sellable units, when the source said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<i64>,
    /// Why, in the source's words, up to 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Who published it: the inventory system's name.
    pub origin: String,
    /// The number that its origin gave it.
    pub source_seq: SourceSeq,
    /// What a unit sold for, when the source said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<Money>,
    /// When it occurred, by the source's clock.
    pub occurred_at: Timestamp,
    /// When it became durable here.
    pub committed_at: Timestamp,
}

impl Event for StockChangedV1 {
    const SOURCE: &'static str = "pricestream.inventory";
    const DETAIL_TYPE: &'static str = "StockChanged.v1";

    fn subject(&self) -> &Sku {
        &self.sku
    }
    fn id(&self) -> String {
        // Without formatting machinery: it is made for each change.
        ["stock/", &self.sku, "/", &self.stock_version.0.to_string()].concat()
    }
    fn sequence(&self) -> u64 {
        self.stock_version.0
    }
    fn time(&self) -> Option<Timestamp> {
        Some(self.occurred_at)
    }
}
