use std::future::Future;
use std::sync::Arc;

use jiff::Timestamp;
use pricestream_domain::{Lane, Money, PriceVersion, Sku};
use serde::{Deserialize, Serialize};

use crate::PortError;

/// What the shop reads: the current price of one SKU. Ordered by `price_version` alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheEntry {
    /// Its key.
    pub sku: Sku,
    /// Orders the entries of a SKU.
    pub price_version: PriceVersion,
    /// `None` is a tombstone: the price was withdrawn. The key stays, so that an older entry cannot come back (R6).
    pub price: Option<Money>,
    /// What the merchant set when this was decided.
    pub list_price: Option<Money>,
    /// Since when the price is that.
    pub since: Timestamp,
    /// What a guest pays, slice by slice; absent while that is the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<Arc<Lane>>,
}

/// The key of a SKU's price. The braces make it a hash tag: everything about one SKU lands in one slot.
pub fn price_key(sku: &Sku) -> String {
    format!("px:{{{sku}}}")
}

/// The stored text is no entry.
#[derive(Debug, thiserror::Error)]
#[error("cache entry cannot be read")]
pub struct EncodingError(#[from] serde_json::Error);

impl CacheEntry {
    /// The value as stored: JSON. The version travels beside it as 20 padded digits (R5), never as a Lua number.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("an entry has no map with keys other than text")
    }

    /// Reads what `encode` wrote.
    pub fn decode(text: &str) -> Result<Self, EncodingError> {
        Ok(serde_json::from_str(text)?)
    }
}

/// What to do when the key is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfAbsent {
    /// Write nothing and say so: the caller then reads the record and writes that (R6).
    Report,
    /// Write the entry, which comes from the record.
    Write,
}

/// How a compare-and-set ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheWrite {
    /// It is newer than what was there, and is there now. Subscribers were told.
    Applied,
    /// The same version is there.
    Equal,
    /// A newer version is there; nothing was written.
    Stale,
    /// No version is there; nothing was written, because [`IfAbsent::Report`] was asked.
    Absent,
}

/// The fast cache that the shop reads.
pub trait Cache: Send + Sync {
    /// The entry of `sku`, tombstones included.
    fn get(&self, sku: &Sku) -> impl Future<Output = Result<Option<Arc<CacheEntry>>, PortError>> + Send;

    /// Writes `entry` if its version is above the one there, as one step, and tells subscribers (R5).
    fn put_if_newer(&self, entry: &CacheEntry, if_absent: IfAbsent)
    -> impl Future<Output = Result<CacheWrite, PortError>> + Send;

    /// The same for each of `entries`, in their order; a step each, or one for many.
    fn put_all_if_newer(
        &self,
        entries: &[CacheEntry],
        if_absent: IfAbsent,
    ) -> impl Future<Output = Result<Vec<CacheWrite>, PortError>> + Send {
        async move {
            let mut results = Vec::with_capacity(entries.len());
            for entry in entries {
                results.push(self.put_if_newer(entry, if_absent).await?);
            }
            Ok(results)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_reads_back_as_it_was_written() {
        for text in [
            r#"{"sku":"A-1","price_version":9007199254740993,"price":{"minor":1999,"currency":"USD"},"list_price":{"minor":2099,"currency":"USD"},"since":"2026-11-11T00:00:00Z"}"#,
            r#"{"sku":"A-1","price_version":2,"price":null,"list_price":null,"since":"2026-11-11T00:00:00Z"}"#,
            r#"{"sku":"A-1","price_version":3,"price":{"minor":1999,"currency":"USD"},"list_price":null,"since":"2026-11-11T00:00:00Z","lane":{"slices":[{"from":"2026-11-11T00:00:00Z","payable":{"minor":999,"currency":"USD"}}],"until":"2026-11-12T00:00:00Z"}}"#,
        ] {
            assert_eq!(CacheEntry::decode(text).unwrap().encode(), text);
        }
        assert_eq!(price_key(&Sku::new("A-1").unwrap()), "px:{A-1}");
    }
}
