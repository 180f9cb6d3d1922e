//! cache-writer as a Lambda function: a batch of its queue or of the stream of price records comes in, and goes into the cache.

use pricestream_aws::lambda::{Aside, Error, Function, run_batches_and_images, warm};
use pricestream_aws::{Clients, DynamoStore, ValkeyCache, functions};
use pricestream_cache_writer::{CacheWriter, SERVICE};
use pricestream_ports::SystemClock;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (function, own) = Function::begin(SERVICE, functions::CacheWriter::read);
    let clients = Clients::of_environment();
    let records = DynamoStore::new(clients.dynamodb, own.tables);
    let aside = Aside::new(clients.sqs, own.quarantine);
    let (connected, cache, ()) = tokio::join!(records.connect(), own.cache.open(&clients.config), warm(aside.connect()));
    connected?;
    let cache = cache?;
    let world = (records, cache, function.clone());
    let same = world.clone();
    run_batches_and_images(
        function,
        aside,
        async move |batch| writer(&world).handle(&batch).await,
        async move |images| writer(&same).handle_images(&images).await,
    )
    .await
}

fn writer(
    (records, cache, function): &(DynamoStore, ValkeyCache, Function),
) -> CacheWriter<'_, DynamoStore, ValkeyCache, SystemClock> {
    CacheWriter { records, cache, clock: &SystemClock, metrics: &function.metrics }
}
