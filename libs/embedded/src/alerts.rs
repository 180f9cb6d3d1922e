use pricestream_event_schema::LowStockV1;
use pricestream_ports::{Alerts, PortError};

use crate::Store;

/// On one machine an alert is a row of the store, listed by the API and logged: one id, one row.
impl Alerts for Store {
    async fn notify(&self, alert: &LowStockV1) -> Result<(), PortError> {
        if self.put_alert(alert)? {
            tracing::warn!(sku = %alert.sku, name = alert.name, on_hand = alert.on_hand, at = alert.at, "stock is low");
        }
        Ok(())
    }
}
