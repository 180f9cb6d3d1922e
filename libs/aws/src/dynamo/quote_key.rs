use pricestream_ports::{Conditional, PortError};

use super::DynamoStore;
use super::item::{item, text, text_of};

/// Its name among the orders: in the one table that no function but price-api reads.
const NAME: &str = "quote-key";

/// What quotes are signed with, in base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuoteSecrets {
    /// The key.
    pub current: String,
    /// The one before, whose quotes are still to be taken.
    pub previous: Option<String>,
}

impl DynamoStore {
    /// The key that quotes are signed with; the first that asks keeps `new` as such, the others get that one.
    pub async fn quote_secrets(&self, new: impl FnOnce() -> String + Send) -> Result<QuoteSecrets, PortError> {
        let table = &self.tables.orders;
        let key = || item([("name", text(NAME))]);
        let stored = match self.get(table, key()).await? {
            Some(stored) => stored,
            None => {
                let made = item([("name", text(NAME)), ("signing_key", text(new()))]);
                match self.put_if(table, made.clone(), "attribute_not_exists(signing_key)", Vec::new()).await? {
                    Conditional::Written => made,
                    Conditional::Superseded => {
                        let gone = || PortError::unavailable("quote key", "it was there a moment ago, and is gone");
                        self.get(table, key()).await?.ok_or_else(gone)?
                    }
                }
            }
        };
        let previous = stored.get("previous_key").and_then(|value| value.as_s().ok()).cloned();
        Ok(QuoteSecrets { current: text_of(&stored, "signing_key")?.to_owned(), previous })
    }
}
