use std::future::Future;

use jiff::Timestamp;
use pricestream_domain::{Sku, StockVersion};
use pricestream_event_schema::LowStockV1;
use serde::{Deserialize, Serialize};

use crate::PortError;

/// Tells people. An alert may be handed over more than once; its `id` is the same each time, and one id is told once.
pub trait Alerts: Send + Sync {
    /// Hands the alert over. Once it returns, the alert is on its way.
    fn notify(&self, alert: &LowStockV1) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Where a SKU stands in its low-stock band, so that one shortage makes one alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertState {
    /// Its key.
    pub sku: Sku,
    /// Counts writes of this state; each is conditional on the one it saw.
    pub rev: u64,
    /// Counts downward crossings: the alert's id carries it.
    pub episode: u64,
    /// Stock is in the low band, or has not risen to the re-arming level since.
    pub low: bool,
    /// The crossing that is still to be told: a crash between deciding and telling leaves it so. It is told before the
    /// state moves on, and with what it was, so that one id has one content.
    pub pending: Option<Sighting>,
    /// The stock change this state reflects; an older one changes nothing.
    pub stock_version: StockVersion,
}

/// Stock as it was at one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// Sellable units.
    pub on_hand: u64,
    /// Orders the sightings.
    pub stock_version: StockVersion,
    /// When the stock change that brought it there occurred, by the source's clock.
    pub occurred_at: Timestamp,
}
