//! low-stock-alert as a Lambda function: a batch of its queue comes in, alerts go to the topic.

use pricestream_aws::lambda::{Aside, Error, Function, run_batches, warm};
use pricestream_aws::{Clients, DynamoStore, SnsAlerts, functions};
use pricestream_low_stock_alert::{LowStockAlert, SERVICE};
use pricestream_ports::SystemClock;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (function, own) = Function::begin(SERVICE, functions::LowStockAlert::read);
    let clients = Clients::of_environment();
    let records = DynamoStore::new(clients.dynamodb, own.tables);
    let alerts = SnsAlerts::new(clients.sns, own.topic, records.clone());
    let aside = Aside::new(clients.sqs, own.quarantine);
    let (connected, (), ()) = tokio::join!(records.connect(), warm(alerts.connect()), warm(aside.connect()));
    connected?;
    let this = function.clone();
    run_batches(function, aside, async move |batch| {
        LowStockAlert { records: &records, alerts: &alerts, clock: &SystemClock, metrics: &this.metrics }.handle(&batch).await
    })
    .await
}
