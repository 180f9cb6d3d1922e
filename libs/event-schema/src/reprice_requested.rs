use jiff::Timestamp;
use pricestream_domain::{Cause, RecordRev, Sku};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Event, cause};

/// A SKU's price record is behind what it should have seen. From reconciler; read by pricing-calculator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RepriceRequestedV1 {
    /// Whose price.
    pub sku: Sku,
    /// Why; one that this release does not know reads as `reconcile`.
    #[serde(deserialize_with = "cause::known_or_reconcile")]
    pub cause: Cause,
    /// The record that was found behind; the event's sequence. 0 when there was none.
    pub record_rev: RecordRev,
    /// When it was found.
    pub requested_at: Timestamp,
}

impl Event for RepriceRequestedV1 {
    const SOURCE: &'static str = "pricestream.reconciler";
    const DETAIL_TYPE: &'static str = "RepriceRequested.v1";

    fn subject(&self) -> &Sku {
        &self.sku
    }
    fn id(&self) -> String {
        format!("reprice/{}/{}/{}", self.sku, self.record_rev, self.cause)
    }
    fn sequence(&self) -> u64 {
        self.record_rev.0
    }
    fn time(&self) -> Option<Timestamp> {
        Some(self.requested_at)
    }
}
