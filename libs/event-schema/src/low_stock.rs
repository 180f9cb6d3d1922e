use jiff::Timestamp;
use pricestream_domain::{Sku, StockVersion};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Event;

/// A SKU's stock fell to its warning level. From low-stock-alert, once for each downward crossing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LowStockV1 {
    /// Whose stock.
    pub sku: Sku,
    /// Its name in the catalogue, for people; empty when it has none.
    pub name: String,
    /// Sellable units now.
    pub on_hand: u64,
    /// The level that it fell to, in sellable units.
    pub at: u64,
    /// Counts the downward crossings of this SKU: 1, 2, 3, ...; the event's sequence.
    pub episode: u64,
    /// The stock change that crossed the level.
    pub stock_version: StockVersion,
    /// When that change occurred, by the source's clock.
    pub occurred_at: Timestamp,
}

impl Event for LowStockV1 {
    const SOURCE: &'static str = "pricestream.alerts";
    const DETAIL_TYPE: &'static str = "LowStock.v1";

    fn subject(&self) -> &Sku {
        &self.sku
    }
    fn id(&self) -> String {
        format!("low-stock/{}/{}", self.sku, self.episode)
    }
    fn sequence(&self) -> u64 {
        self.episode
    }
    fn time(&self) -> Option<Timestamp> {
        Some(self.occurred_at)
    }
}
