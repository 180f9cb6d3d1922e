use aws_sdk_dynamodb::types::AttributeValue;
use pricestream_domain::Sku;
use pricestream_event_schema::LowStockV1;
use pricestream_ports::{AlertState, Conditional, PortError};

use super::item::{from_item, item, number, text, text_of, to_item};
use super::{DynamoStore, seen, unavailable};

const STATE: &str = "state";

/// The one partition of the index of alerts told.
pub(super) const TOLD: &str = "told";

impl DynamoStore {
    pub(super) async fn read_alert_state(&self, sku: &Sku) -> Result<Option<AlertState>, PortError> {
        let key = item([("sku", text(sku.as_str())), ("part", text(STATE))]);
        self.get(&self.tables.alerts, key).await?.map(from_item).transpose()
    }

    pub(super) async fn write_alert_state(&self, state: &AlertState) -> Result<Conditional, PortError> {
        let mut stored = to_item(state)?;
        stored.insert("part".to_owned(), text(STATE));
        let (condition, values) = seen("rev", state.rev.saturating_sub(1));
        self.put_if(&self.tables.alerts, stored, &condition, values).await
    }

    /// Keeps an alert that was told; the same one again changes nothing.
    pub(crate) async fn keep_alert(&self, alert: &LowStockV1) -> Result<(), PortError> {
        let body = serde_json::to_string(alert).map_err(|error| PortError::corrupt("alerts", error))?;
        let stored = item([
            ("sku", text(alert.sku.as_str())),
            ("part", text(format!("episode#{:020}", alert.episode))),
            ("list", text(TOLD)),
            ("at", number(alert.occurred_at.as_microsecond())),
            ("alert", text(body)),
        ]);
        let call = self.client.put_item().table_name(&self.tables.alerts).set_item(Some(stored));
        call.send().await.map_err(unavailable)?;
        Ok(())
    }

    /// Up to `most` alerts, newest first.
    pub async fn alerts_told(&self, most: usize) -> Result<Vec<LowStockV1>, PortError> {
        let call = self
            .client
            .query()
            .table_name(&self.tables.alerts)
            .index_name("told")
            .key_condition_expression("#list = :told")
            .expression_attribute_names("#list", "list")
            .expression_attribute_values(":told", AttributeValue::S(TOLD.to_owned()))
            .scan_index_forward(false)
            .limit(i32::try_from(most).unwrap_or(i32::MAX));
        let found = call.send().await.map_err(unavailable)?;
        let read = |found: &super::Item| {
            serde_json::from_str(text_of(found, "alert")?).map_err(|error| PortError::corrupt("alerts", error))
        };
        found.items().iter().take(most).map(read).collect()
    }
}
