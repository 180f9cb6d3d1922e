use aws_sdk_sns::Client;
use aws_sdk_sns::types::MessageAttributeValue;
use pricestream_event_schema::{Event, LowStockV1};
use pricestream_ports::{Alerts, PortError};

use crate::DynamoStore;

/// Characters of a subject, at most (SNS).
const LONGEST_SUBJECT: usize = 100;

/// An SNS topic. The alert's id travels as the attribute `id`: who subscribes tells repetitions by it. What was told is kept beside
/// the records, where administrators look at it.
#[derive(Clone, Debug)]
pub struct SnsAlerts {
    client: Client,
    topic: String,
    store: DynamoStore,
}

impl SnsAlerts {
    /// The topic of that ARN.
    pub fn new(client: Client, topic: impl Into<String>, store: DynamoStore) -> Self {
        Self { client, topic: topic.into(), store }
    }

    /// Opens the connection before the first event comes: by a batch without entries, whatever is answered to it.
    pub async fn connect(&self) {
        let _refused =
            self.client.publish_batch().topic_arn(&self.topic).set_publish_batch_request_entries(Some(Vec::new())).send().await;
    }
}

impl Alerts for SnsAlerts {
    async fn notify(&self, alert: &LowStockV1) -> Result<(), PortError> {
        let text = |value: &str| {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            value.map_err(|error| PortError::corrupt("alerts", error))
        };
        let body = serde_json::to_string(alert).map_err(|error| PortError::corrupt("alerts", error))?;
        let subject = format!("Low stock: {} units of {}", alert.on_hand, alert.sku);
        self.client
            .publish()
            .topic_arn(&self.topic)
            .subject(subject.chars().take(LONGEST_SUBJECT).collect::<String>())
            .message(body)
            .message_attributes("id", text(&alert.id())?)
            .message_attributes("sku", text(&alert.sku)?)
            .send()
            .await
            .map_err(|error| PortError::unavailable("alerts", error.into_service_error()))?;
        self.store.keep_alert(alert).await
    }
}
