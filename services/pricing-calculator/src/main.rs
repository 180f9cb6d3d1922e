//! pricing-calculator as a Lambda function: a batch of its queue comes in, prices are written and announced.

use pricestream_aws::lambda::{Aside, Error, Function, run_batches, warm};
use pricestream_aws::{Clients, DynamoStore, EventBridge, functions};
use pricestream_ports::{PolledSettings, SystemClock};
use pricestream_pricing_calculator::{PricingCalculator, SERVICE};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (function, own) = Function::begin(SERVICE, functions::PricingCalculator::read);
    let clients = Clients::of_environment();
    let records = DynamoStore::new(clients.dynamodb, own.tables);
    let bus = EventBridge::new(clients.eventbridge, own.bus);
    let settings = PolledSettings::new(records.clone(), PolledSettings::<DynamoStore>::EVERY);
    let aside = Aside::new(clients.sqs, own.quarantine);
    tokio::join!(function.poll(&settings), warm(bus.connect()), warm(aside.connect()));
    let this = function.clone();
    run_batches(function, aside, async move |batch| {
        this.poll(&settings).await;
        let (records, bus, settings, metrics) = (&records, &bus, &settings, &*this.metrics);
        PricingCalculator { records, bus, settings, clock: &SystemClock, metrics }.handle(&batch).await
    })
    .await
}
