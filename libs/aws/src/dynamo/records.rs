use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use jiff::Timestamp;
use pricestream_documents::ContentHash;
use pricestream_domain::{Override, Product, RecordRev, Sku, StockVersion};
use pricestream_ports::{
    AlertState, Conditional, HistoryRow, Inventory, PortError, PriceRecord, ProductRecord, RecordReads, Records, SkuInputs,
    SkuState,
};

use super::history::StoredRow;
use super::item::{Item, from_item, item, number, number_of, text, text_of, to_item};
use super::{DynamoStore, seen, unavailable};

/// Parts of the catalogue's items of a SKU.
const PRODUCT: &str = "product";
const OVERRIDE: &str = "override";

/// The one partition of the index of all SKUs. It is written when a SKU is new, and no more.
pub(super) const ALL: &str = "all";

/// Partitions of the index of what is due.
const DUE_SHARDS: u64 = 8;

fn of_sku(sku: &Sku) -> Item {
    item([("sku", text(sku.as_str()))])
}

fn of_catalogue(sku: &Sku, part: &str) -> Item {
    item([("sku", text(sku.as_str())), ("part", text(part))])
}

/// In which partition a SKU is found when it is due: the same in every process.
fn due_shard(sku: &Sku) -> String {
    let hash = ContentHash::of(sku.as_str().as_bytes());
    (u64::from(hash.as_bytes()[0]) % DUE_SHARDS).to_string()
}

fn product_of(found: &Item) -> Result<Arc<ProductRecord>, PortError> {
    let corrupt = |error: Box<dyn std::error::Error + Send + Sync>| PortError::corrupt("catalogue", error);
    let product: Product = serde_json::from_str(text_of(found, "line")?).map_err(|error| corrupt(error.into()))?;
    let hash: ContentHash =
        text_of(found, "hash")?.parse().map_err(|error: pricestream_documents::InvalidHash| corrupt(error.into()))?;
    Ok(Arc::new(ProductRecord { product, rev: number_of(found, "rev")?, hash }))
}

fn override_of(found: &Item) -> Result<Override, PortError> {
    serde_json::from_str(text_of(found, "override")?).map_err(|error| PortError::corrupt("catalogue", error))
}

impl DynamoStore {
    /// Writes all of `writes` or nothing: nothing when a condition does not hold, or somebody else is writing one of the items.
    pub(super) async fn transact(
        &self,
        writes: impl Iterator<Item = Result<TransactWriteItem, PortError>>,
    ) -> Result<Conditional, PortError> {
        let writes = writes.collect::<Result<Vec<_>, _>>()?;
        let call = self.client.transact_write_items().set_transact_items(Some(writes));
        match call.send().await.map_err(aws_sdk_dynamodb::error::SdkError::into_service_error) {
            Ok(_) => Ok(Conditional::Written),
            Err(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                let codes = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
                let of_others = codes
                    .filter(|code| *code != "None")
                    .all(|code| matches!(code, "ConditionalCheckFailed" | "TransactionConflict"));
                if of_others { Ok(Conditional::Superseded) } else { Err(PortError::unavailable("records", cancelled)) }
            }
            Err(error) => Err(PortError::unavailable("records", error)),
        }
    }

    pub(super) fn put(
        table: &str,
        item: Item,
        condition: Option<(String, Vec<(&'static str, AttributeValue)>)>,
    ) -> Result<TransactWriteItem, PortError> {
        let mut put = Put::builder().table_name(table).set_item(Some(item));
        if let Some((condition, values)) = condition {
            // A reserved word of the expressions, and the key of some tables.
            if condition.contains("#name") {
                put = put.expression_attribute_names("#name", "name");
            }
            put = put.condition_expression(condition);
            for (name, value) in values {
                put = put.expression_attribute_values(name, value);
            }
        }
        let put = put.build().map_err(|error| PortError::corrupt("records", error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn state_of(&self, sku: &Sku, found: &[&(String, Item)]) -> Result<(SkuInputs, Option<PriceRecord>), PortError> {
        let mut inputs = SkuInputs::default();
        let mut price = None;
        for (table, found) in found {
            if *table == self.tables.inventory {
                inputs.inventory = Some(from_item(found.clone())?);
            } else if *table == self.tables.prices {
                price = Some(from_item(found.clone())?);
            } else if text_of(found, "part")? == PRODUCT {
                inputs.product = Some(product_of(found)?);
            } else {
                inputs.override_ = Some(override_of(found)?);
            }
        }
        debug_assert!(found.iter().all(|(_, item)| text_of(item, "sku").is_ok_and(|of| of == sku.as_str())));
        Ok((inputs, price))
    }

    fn keys_of_inputs(&self, sku: &Sku) -> [(&str, Item); 3] {
        let tables = &*self.tables;
        [
            (&tables.catalogue, of_catalogue(sku, PRODUCT)),
            (&tables.catalogue, of_catalogue(sku, OVERRIDE)),
            (&tables.inventory, of_sku(sku)),
        ]
    }
}

impl RecordReads for DynamoStore {
    async fn price(&self, sku: &Sku) -> Result<Option<PriceRecord>, PortError> {
        self.get(&self.tables.prices, of_sku(sku)).await?.map(from_item).transpose()
    }

    async fn inputs(&self, sku: &Sku) -> Result<SkuInputs, PortError> {
        let found = self.get_all(self.keys_of_inputs(sku).into()).await?;
        Ok(self.state_of(sku, &found.iter().collect::<Vec<_>>())?.0)
    }

    async fn inventory(&self, sku: &Sku) -> Result<Option<Inventory>, PortError> {
        self.get(&self.tables.inventory, of_sku(sku)).await?.map(from_item).transpose()
    }

    async fn product(&self, sku: &Sku) -> Result<Option<Arc<ProductRecord>>, PortError> {
        let found = self.get(&self.tables.catalogue, of_catalogue(sku, PRODUCT)).await?;
        found.as_ref().map(product_of).transpose()
    }

    async fn alert_state(&self, sku: &Sku) -> Result<Option<AlertState>, PortError> {
        self.read_alert_state(sku).await
    }

    async fn page(&self, after: Option<&Sku>, most: usize) -> Result<Vec<SkuState>, PortError> {
        let mut call = self
            .client
            .query()
            .table_name(&self.tables.catalogue)
            .index_name("skus")
            .key_condition_expression(if after.is_some() { "#list = :all AND sku > :after" } else { "#list = :all" })
            .expression_attribute_names("#list", "list")
            .expression_attribute_values(":all", text(ALL))
            .limit(i32::try_from(most).unwrap_or(i32::MAX));
        if let Some(after) = after {
            call = call.expression_attribute_values(":after", text(after.as_str()));
        }
        let mut pages = call.into_paginator().items().send();
        let mut skus: Vec<Sku> = Vec::new();
        while skus.len() < most
            && let Some(found) = pages.next().await
        {
            let found = found.map_err(unavailable)?;
            skus.push(Sku::new(text_of(&found, "sku")?).map_err(|error| PortError::corrupt("catalogue", error))?);
        }
        let keys =
            skus.iter().flat_map(|sku| self.keys_of_inputs(sku).into_iter().chain([(self.tables.prices.as_str(), of_sku(sku))]));
        let found = self.get_all(keys.collect()).await?;
        let mut by_sku: HashMap<&str, Vec<&(String, Item)>> = HashMap::with_capacity(skus.len());
        for one in &found {
            by_sku.entry(text_of(&one.1, "sku")?).or_default().push(one);
        }
        skus.iter()
            .map(|sku| {
                let found = by_sku.remove(sku.as_str()).unwrap_or_default();
                let (inputs, price) = self.state_of(sku, &found)?;
                Ok(SkuState { sku: sku.clone(), inputs, price })
            })
            .collect()
    }

    async fn due(&self, now: Timestamp, most: usize) -> Result<Vec<(Timestamp, Sku)>, PortError> {
        let mut due = Vec::new();
        for shard in 0..DUE_SHARDS {
            let call = self
                .client
                .query()
                .table_name(&self.tables.prices)
                .index_name("due")
                .key_condition_expression("due_shard = :shard AND due_at <= :now")
                .expression_attribute_values(":shard", text(shard.to_string()))
                .expression_attribute_values(":now", number(now.as_microsecond()))
                .limit(i32::try_from(most).unwrap_or(i32::MAX));
            let mut pages = call.into_paginator().items().send();
            let mut of_shard = 0;
            while of_shard < most
                && let Some(found) = pages.next().await
            {
                let found = found.map_err(unavailable)?;
                let at = Timestamp::from_microsecond(number_of(&found, "due_at")?);
                let sku = Sku::new(text_of(&found, "sku")?).map_err(|error| PortError::corrupt("prices", error))?;
                due.push((at.map_err(|error| PortError::corrupt("prices", error))?, sku));
                of_shard += 1;
            }
        }
        due.sort_unstable();
        due.truncate(most);
        Ok(due)
    }

    async fn history(&self, sku: &Sku, before: Option<RecordRev>, most: usize) -> Result<Vec<HistoryRow>, PortError> {
        self.rows(sku, before, most).await
    }
}

impl Records for DynamoStore {
    async fn put_inventory(&self, inventory: &Inventory, version: StockVersion) -> Result<Conditional, PortError> {
        let (condition, values) = seen("stock_version", version.0);
        self.put_if(&self.tables.inventory, to_item(inventory)?, &condition, values).await
    }

    async fn put_price(&self, record: &PriceRecord, row: &HistoryRow, version: RecordRev) -> Result<Conditional, PortError> {
        self.keep_documents_of(row).await?;
        let mut price = to_item(record)?;
        if let Some(due) = record.next_due {
            price.insert("due_shard".to_owned(), text(due_shard(&record.sku)));
            price.insert("due_at".to_owned(), number(due.as_microsecond()));
        }
        let writes = [
            Self::put(&self.tables.prices, price, Some(seen("record_rev", version.0))),
            Self::put(&self.tables.history, to_item(&StoredRow::of(row))?, None),
        ];
        self.transact(writes.into_iter()).await
    }

    async fn put_product(&self, product: &ProductRecord) -> Result<Conditional, PortError> {
        let line = serde_json::to_string(&product.product).map_err(|error| PortError::corrupt("catalogue", error))?;
        let stored = item([
            ("sku", text(product.product.sku.as_str())),
            ("part", text(PRODUCT)),
            ("list", text(ALL)),
            ("rev", number(product.rev)),
            ("hash", text(product.hash.to_string())),
            ("line", text(line)),
        ]);
        let (condition, values) = seen("rev", product.rev.saturating_sub(1));
        self.put_if(&self.tables.catalogue, stored, &condition, values).await
    }

    async fn put_override(&self, sku: &Sku, override_: Option<&Override>) -> Result<(), PortError> {
        let key = of_catalogue(sku, OVERRIDE);
        match override_ {
            Some(override_) => {
                let body = serde_json::to_string(override_).map_err(|error| PortError::corrupt("catalogue", error))?;
                let mut stored = key;
                stored.insert("override".to_owned(), text(body));
                let call = self.client.put_item().table_name(&self.tables.catalogue).set_item(Some(stored));
                call.send().await.map_err(unavailable)?;
            }
            None => {
                let call = self.client.delete_item().table_name(&self.tables.catalogue).set_key(Some(key));
                call.send().await.map_err(unavailable)?;
            }
        }
        Ok(())
    }

    async fn put_alert_state(&self, state: &AlertState) -> Result<Conditional, PortError> {
        self.write_alert_state(state).await
    }
}
