use std::sync::Arc;

use jiff::Timestamp;
use pricestream_domain::{Cause, Lane, Money, PriceVersion, RecordRev, Sku, StockVersion};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::{Event, cause};

/// What a SKU costs now. From pricing-calculator, also for a kept price; read by cache-writer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PriceChangedV1 {
    /// Whose price.
    pub sku: Sku,
    /// The current price; `null` says that it is withdrawn (a tombstone). It is never left out, so that a lost field
    /// cannot withdraw a price.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schemars(schema_with = "money_or_null")]
    pub price: Option<Money>,
    /// What the merchant set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_price: Option<Money>,
    /// Orders the cache; the event's sequence.
    pub price_version: PriceVersion,
    /// The write of the price record that it was read from.
    pub record_rev: RecordRev,
    /// The newest stock change that the price saw.
    pub stock_version: StockVersion,
    /// Since when the price is that.
    pub since: Timestamp,
    /// What a guest pays for one unit after promotions, slice by slice; absent while that is the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<Arc<Lane>>,
    /// When it was last decided, kept prices too.
    pub decided_at: Timestamp,
    /// What made it be decided; one that this release does not know reads as `reconcile`.
    #[serde(deserialize_with = "cause::known_or_reconcile")]
    pub cause: Cause,
    /// When it is next due for a decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_due: Option<Timestamp>,
    /// When the stock change that it reflects became durable: freshness is measured from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock_committed_at: Option<Timestamp>,
}

fn money_or_null(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<Option<Money>>()
}

impl Event for PriceChangedV1 {
    const SOURCE: &'static str = "pricestream.pricing";
    const DETAIL_TYPE: &'static str = "PriceChanged.v1";

    fn subject(&self) -> &Sku {
        &self.sku
    }
    fn id(&self) -> String {
        // Without formatting machinery: it is made for each change.
        ["price/", &self.sku, "/", &self.price_version.0.to_string()].concat()
    }
    fn sequence(&self) -> u64 {
        self.price_version.0
    }
    fn time(&self) -> Option<Timestamp> {
        Some(self.decided_at)
    }
}
