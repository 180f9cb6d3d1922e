use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use futures_util::stream::{StreamExt, iter};
use moka::sync::Cache as Memory;
use pricestream_domain::Sku;
use pricestream_ports::RecordReads;
use pricestream_promotion_engine::Found;

use crate::api::{Api, World};
use crate::prices::{unknown, withdrawn};
use crate::problem::Problem;

/// The longest that a product, its price and its stock are taken for what they were: what changes a price is heard of sooner.
const LONGEST: Duration = Duration::from_millis(250);

/// SKUs that are looked up beside each other.
pub(crate) const AT_A_TIME: usize = 32;

/// SKUs held, at most.
const MOST: u64 = 100_000;

/// Products with their prices and stock, as quotes need them: the first level of cache, in this process. Behind it are the cache
/// that all processes share, and the records. What a level does not have, or cannot tell, is asked of the next.
#[derive(Clone, Debug)]
pub struct Items(Memory<Sku, Arc<Found>, RandomState>);

impl Default for Items {
    fn default() -> Self {
        Self(Memory::builder().max_capacity(MOST).time_to_live(LONGEST).build_with_hasher(RandomState::default()))
    }
}

impl Items {
    /// The price of `sku` has changed: what is held of it holds no longer.
    pub fn forget(&self, sku: &Sku) {
        self.0.invalidate(sku);
    }
}

impl<W: World> Api<W> {
    /// What a quote needs to know of `sku`. Errors: it is unknown, has no price, or is no longer sold.
    pub(crate) async fn item(&self, sku: &Sku) -> Result<Arc<Found>, Problem> {
        if let Some(found) = self.items.0.get(sku) {
            return Ok(found);
        }
        let entry = self.entry(sku).await?;
        let Some(unit_price) = entry.price else { return Err(withdrawn(&entry)) };
        let product = self.records.product(sku).await?.ok_or_else(|| unknown(sku))?;
        let stock_left = self.records.inventory(sku).await?.map(|inventory| inventory.on_hand);
        let found = Arc::new(Found { product: Arc::new(product.product.clone()), unit_price, stock_left, last_price: None });
        self.items.0.insert(sku.clone(), Arc::clone(&found));
        Ok(found)
    }

    /// The same of many SKUs, in their order; those that are not held are looked up some beside each other.
    pub(crate) async fn items_of(&self, skus: Vec<Sku>) -> Vec<(Sku, Result<Arc<Found>, Problem>)> {
        let held: Vec<_> = skus.iter().map(|sku| self.items.0.get(sku)).collect();
        let missing = skus.iter().zip(&held).filter(|(_, held)| held.is_none()).map(|(sku, _)| self.item(sku));
        // As a list first: a stream of what borrows so has no end that the compiler believes in.
        let missing: Vec<_> = missing.collect();
        let mut missing = iter(missing).buffered(AT_A_TIME);
        let mut items = Vec::with_capacity(skus.len());
        for (sku, held) in skus.iter().zip(held) {
            let item = match held {
                Some(found) => Ok(found),
                None => missing.next().await.expect("one for each that is missing"),
            };
            items.push((sku.clone(), item));
        }
        items
    }
}
