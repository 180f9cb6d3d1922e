use std::collections::BTreeMap;
use std::future::Future;

use jiff::Timestamp;
use pricestream_domain::Sku;
use pricestream_event_schema::LowStockV1;
use pricestream_ports::PortError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

    /// Takes decisions again and compares record, cache and history: of every SKU, or of those after `after`, as many as one request
    /// has time for.
    fn verify(&self, after: Option<Sku>) -> impl Future<Output = Result<Verification, PortError>> + Send;
}

/// What a verification looked at, and what it found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verification {
    /// SKUs of the catalogue.
    pub skus: u64,
    /// Decisions taken again.
    pub decisions: u64,
    /// SKUs that are refused a price.
    pub refused: u64,
    /// Cache entries compared; absent when there is no running cache to compare.
    pub cached: Option<u64>,
    /// How many findings there are.
    pub findings: u64,
    /// The first 20 of them.
    pub first: Vec<Finding>,
    /// There are more SKUs, after this one: ask again with it as `after`. Absent once every SKU was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Sku>,
}

/// Something that does not agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Whose price.
    pub sku: Sku,
    /// history, record, inputs, due or cache.
    pub what: String,
    /// What is there, and what should be.
    pub detail: String,
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

/// How much there is of everything. What would have to be counted one by one is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StoreStatus {
    /// Catalogue lines.
    pub products: u64,
    /// SKUs with stock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory: Option<u64>,
    /// SKUs with a price record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prices: Option<u64>,
    /// SKUs that are refused a price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<u64>,
    /// Decisions ever taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decisions: Option<u64>,
    /// Low-stock alerts told.
    pub alerts: u64,
    /// Set aside.
    pub dead_letters: u64,
    /// Messages still to be handled, by queue.
    pub queues: BTreeMap<String, u64>,
}
