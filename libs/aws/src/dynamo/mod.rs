//! The record store in DynamoDB. Every read is strong, every write conditional on what its writer saw.
//!
//! Two indexes are eventually consistent, as all of DynamoDB's are: which SKUs there are, and what is due. The reconciler reads
//! them each minute.

mod alert_states;
mod documents;
mod history;
mod item;
mod orders;
mod quote_key;
mod records;
mod settings;
mod usage;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Select};
use moka::sync::Cache;
use pricestream_documents::ContentHash;
use pricestream_ports::{Conditional, PortError, PublishedRules};

use self::documents::Kept;
use self::item::Item;
pub use self::quote_key::QuoteSecrets;

/// Keys of one `BatchGetItem`, at most.
const MOST_KEYS: usize = 100;

/// Times that what a batch left out is asked for again.
const BATCH_ATTEMPTS: u32 = 5;

/// Rule sets that are kept compiled.
const COMPILED: u64 = 16;

/// Names of the tables; one that a function does not use may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// Inventory records.
    pub inventory: String,
    /// Price records.
    pub prices: String,
    /// Decisions.
    pub history: String,
    /// Catalogue lines and overrides.
    pub catalogue: String,
    /// Documents by hash, and the settings.
    pub documents: String,
    /// Low-stock states, and alerts told.
    pub alerts: String,
    /// The usage ledger.
    pub usage: String,
    /// Orders.
    pub orders: String,
}

/// The record store, the settings, the usage ledger and the orders. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DynamoStore {
    client: Client,
    tables: Arc<Tables>,
    kept: Kept,
    /// Rule sets, compiled; a decision's is mostly the last one's.
    rules: Cache<ContentHash, Arc<PublishedRules>>,
}

impl DynamoStore {
    /// In these tables.
    pub fn new(client: Client, tables: Tables) -> Self {
        Self { client, tables: Arc::new(tables), kept: Kept::default(), rules: Cache::new(COMPILED) }
    }

    /// Makes one cheap read, so that the connection is open before the first event comes.
    pub async fn connect(&self) -> Result<(), PortError> {
        let tables = &self.tables;
        // Every function has one of these.
        let table = if tables.prices.is_empty() { &tables.inventory } else { &tables.prices };
        self.get(table, item::item([("sku", item::text("-"))])).await.map(|_| ())
    }

    /// How many catalogue lines there are, retired ones included, and how many alerts were told: by indexes, so a moment ago.
    pub async fn counts(&self) -> Result<(u64, u64), PortError> {
        Ok((
            self.count(&self.tables.catalogue, "skus", records::ALL).await?,
            self.count(&self.tables.alerts, "told", alert_states::TOLD).await?,
        ))
    }

    async fn count(&self, table: &str, index: &str, list: &str) -> Result<u64, PortError> {
        let call = self
            .client
            .query()
            .table_name(table)
            .index_name(index)
            .key_condition_expression("#list = :list")
            .expression_attribute_names("#list", "list")
            .expression_attribute_values(":list", AttributeValue::S(list.to_owned()))
            .select(Select::Count);
        let mut pages = call.into_paginator().send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            count += u64::try_from(page.map_err(unavailable)?.count).unwrap_or(0);
        }
        Ok(count)
    }

    /// One item, by a strong read.
    async fn get(&self, table: &str, key: Item) -> Result<Option<Item>, PortError> {
        let call = self.client.get_item().table_name(table).set_key(Some(key)).consistent_read(true);
        Ok(call.send().await.map_err(unavailable)?.item)
    }

    /// Items of several tables by strong reads, in no order.
    async fn get_all(&self, keys: Vec<(&str, Item)>) -> Result<Vec<(String, Item)>, PortError> {
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunks(MOST_KEYS) {
            let mut wanted: HashMap<String, KeysAndAttributes> = HashMap::new();
            let mut by_table: HashMap<&str, Vec<Item>> = HashMap::new();
            for (table, key) in keys {
                by_table.entry(table).or_default().push(key.clone());
            }
            for (table, keys) in by_table {
                let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
                wanted.insert(table.to_owned(), keys.map_err(|error| PortError::corrupt("records", error))?);
            }
            let mut attempt = 0;
            while !wanted.is_empty() {
                if attempt > 0 {
                    if attempt > BATCH_ATTEMPTS {
                        return Err(PortError::unavailable("records", "a batch of reads was not answered whole, several times"));
                    }
                    tokio::time::sleep(Duration::from_millis(20 << attempt)).await;
                }
                attempt += 1;
                let answer = self.client.batch_get_item().set_request_items(Some(wanted)).send().await.map_err(unavailable)?;
                for (table, items) in answer.responses.unwrap_or_default() {
                    found.extend(items.into_iter().map(|item| (table.clone(), item)));
                }
                wanted = answer.unprocessed_keys.unwrap_or_default();
            }
        }
        Ok(found)
    }

    /// Writes `item` IF `condition` holds, whose values are `values`.
    async fn put_if(
        &self,
        table: &str,
        item: Item,
        condition: &str,
        values: Vec<(&str, AttributeValue)>,
    ) -> Result<Conditional, PortError> {
        let mut call = self.client.put_item().table_name(table).set_item(Some(item)).condition_expression(condition);
        for (name, value) in values {
            call = call.expression_attribute_values(name, value);
        }
        match call.send().await.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(Conditional::Written),
            Err(PutItemError::ConditionalCheckFailedException(_)) => Ok(Conditional::Superseded),
            Err(error) => Err(PortError::unavailable("records", error)),
        }
    }
}

/// The condition that an item's version is the one that was seen; 0: there is none.
fn seen(version: &str, seen: u64) -> (String, Vec<(&'static str, AttributeValue)>) {
    match seen {
        0 => (format!("attribute_not_exists({version})"), Vec::new()),
        seen => (format!("{version} = :seen"), vec![(":seen", AttributeValue::N(seen.to_string()))]),
    }
}

/// Whatever went wrong may go right later: a call that is malformed is a defect of this crate, which its tests find.
fn unavailable<E, R>(error: SdkError<E, R>) -> PortError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    PortError::unavailable("records", error)
}
