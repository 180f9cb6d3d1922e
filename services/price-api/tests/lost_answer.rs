//! R2: what was written is announced, also when the answer to the write was lost.

mod support;

use std::sync::{Arc, Mutex};

use pricestream_event_schema::patterns;
use pricestream_ports::memory::{Defences, Memory, Steps};
use pricestream_ports::{PolledSettings, PortError, ProductRecord, QueueSettings};
use pricestream_price_api::{Change, Done, execute};
use support::line;

/// The SDK tries again below: the first write takes effect and its answer is lost, the second is told that it came too late.
#[derive(Clone, Default)]
struct TriedTwice(Arc<Mutex<Option<Written>>>);

type Written = (Memory<TriedTwice>, ProductRecord);

impl Steps for TriedTwice {
    async fn before(&self, call: &'static str) -> Result<(), PortError> {
        if call == "records.put_product"
            && let Some((memory, record)) = self.0.lock().unwrap().take()
        {
            memory.tables().products.insert(record.product.sku.clone(), Arc::new(record));
        }
        Ok(())
    }

    fn after(&self, _: &'static str) -> Result<(), PortError> {
        Ok(())
    }
}

#[tokio::test]
async fn r2_a_line_whose_first_write_took_effect_unanswered_is_announced() {
    let tries = TriedTwice::default();
    let memory = Memory::new(tries.clone(), Defences::default());
    memory.tables().now = "2026-11-22T08:00:00Z".parse().unwrap();
    memory.subscribe("pricing-calculator", patterns::PRICING_CALCULATOR, QueueSettings::default());
    let settings = PolledSettings::new(memory.clone(), std::time::Duration::ZERO);
    let product: pricestream_domain::Product = serde_json::from_value(line("A", 1_000)).unwrap();
    *tries.0.lock().unwrap() = Some((memory.clone(), ProductRecord::new(product.clone(), 1)));
    let import = || Change::ImportCatalogue(vec![product.clone()]);
    let done = execute(import(), &memory, &memory, &memory, &settings, &memory).await.unwrap();
    assert_eq!(done, Done::Imported { changed: 1, unchanged: 0 });
    assert_eq!(memory.receive("pricing-calculator", 10).len(), 1);
    let done = execute(import(), &memory, &memory, &memory, &settings, &memory).await.unwrap();
    assert_eq!(done, Done::Imported { changed: 0, unchanged: 1 });
    assert_eq!(memory.receive("pricing-calculator", 10).len(), 0, "what is equal is not announced again");
}
