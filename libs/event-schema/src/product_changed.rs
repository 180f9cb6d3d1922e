use jiff::Timestamp;
use pricestream_domain::Sku;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Event;

/// The merchant changed a catalogue line. Read by pricing-calculator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProductChangedV1 {
    /// Whose line.
    pub sku: Sku,
    /// Counts the writes of the line: 1, 2, 3, ...; the event's sequence.
    pub product_rev: u64,
    /// No longer sold.
    #[serde(default)]
    pub retired: bool,
}

impl Event for ProductChangedV1 {
    const SOURCE: &'static str = "pricestream.catalogue";
    const DETAIL_TYPE: &'static str = "ProductChanged.v1";

    fn subject(&self) -> &Sku {
        &self.sku
    }
    fn id(&self) -> String {
        format!("product/{}/{}", self.sku, self.product_rev)
    }
    fn sequence(&self) -> u64 {
        self.product_rev
    }
    fn time(&self) -> Option<Timestamp> {
        None
    }
}
