use std::collections::BTreeMap;
use std::future::Future;

use jiff::Timestamp;
use pricestream_event_schema::LowStockV1;
use pricestream_ports::PortError;
use schemars::JsonSchema;
use serde::Serialize;

/// What an administrator may look at beyond prices.
pub trait Ledger: Send + Sync + 'static {
    /// Up to `most` of what was set aside, newest first, those before `before`.
    fn dead_letters(
        &self,
        before: Option<i64>,
        most: usize,
    ) -> impl Future<Output = Result<Vec<DeadLetterView>, PortError>> + Send;

    /// Up to `most` low-stock alerts, newest first.
    fn alerts(&self, most: usize) -> impl Future<Output = Result<Vec<LowStockV1>, PortError>> + Send;

    /// How much there is of everything, and what is waiting.
    fn status(&self) -> impl Future<Output = Result<StoreStatus, PortError>> + Send;
}

/// A message that no retry helped, or input that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DeadLetterView {
    /// Its number, to redrive it by.
    pub id: i64,
    /// The queue it was in.
    pub queue: String,
    /// What it said.
    pub body: String,
    /// Why it is here.
    pub reason: String,
    /// How often it was delivered.
    pub receive_count: u32,
    /// Since when it is here.
    pub at: Timestamp,
}

/// How much there is of everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StoreStatus {
    /// Catalogue lines.
    pub products: u64,
    /// SKUs with stock.
    pub inventory: u64,
    /// SKUs with a price record.
    pub prices: u64,
    /// SKUs that are refused a price.
    pub refused: u64,
    /// Decisions ever taken.
    pub decisions: u64,
    /// Low-stock alerts told.
    pub alerts: u64,
    /// Set aside.
    pub dead_letters: u64,
    /// Messages still to be handled, by queue.
    pub queues: BTreeMap<String, u64>,
}
