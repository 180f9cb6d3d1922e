//! Who handles which queue. A further subscriber is one struct here, one line in `App::runtime`, and its pattern.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use pricestream_embedded::{Phase, Subscriber, ready};
use pricestream_event_schema::patterns;
use pricestream_ports::{BatchOutcome, Clock, Delivery, PriceRecord};

use crate::app::App;

type Handling<'a> = Pin<Box<dyn Future<Output = BatchOutcome> + Send + 'a>>;

/// Its effects are records: in the transaction that brought the event.
pub(crate) struct Pricing<C>(pub(crate) Arc<App<C>>);

impl<C: Clock + Clone + 'static> Subscriber for Pricing<C> {
    fn queue(&self) -> &'static str {
        pricestream_pricing_calculator::SERVICE
    }
    fn pattern(&self) -> &'static str {
        patterns::PRICING_CALCULATOR
    }
    fn phase(&self) -> Phase {
        Phase::InTransaction
    }
    fn handle<'a>(&'a self, batch: &'a [Delivery]) -> Handling<'a> {
        Box::pin(async move { self.0.pricing_calculator().handle(batch).await })
    }
}

/// On one machine an alert is a record too.
pub(crate) struct LowStock<C>(pub(crate) Arc<App<C>>);

impl<C: Clock + Clone + 'static> Subscriber for LowStock<C> {
    fn queue(&self) -> &'static str {
        pricestream_low_stock_alert::SERVICE
    }
    fn pattern(&self) -> &'static str {
        patterns::LOW_STOCK_ALERT
    }
    fn phase(&self) -> Phase {
        Phase::InTransaction
    }
    fn handle<'a>(&'a self, batch: &'a [Delivery]) -> Handling<'a> {
        Box::pin(async move { self.0.low_stock_alert().handle(batch).await })
    }
}

/// What shoppers see leaves the records: after the commit.
pub(crate) struct Caching<C>(pub(crate) Arc<App<C>>);

impl<C: Clock + Clone + 'static> Subscriber for Caching<C> {
    fn queue(&self) -> &'static str {
        pricestream_cache_writer::SERVICE
    }
    fn pattern(&self) -> &'static str {
        patterns::CACHE_WRITER
    }
    fn phase(&self) -> Phase {
        Phase::AfterCommit
    }
    fn handle<'a>(&'a self, batch: &'a [Delivery]) -> Handling<'a> {
        Box::pin(async move { self.0.cache_writer().handle(batch).await })
    }
    fn committed(&self, records: &[PriceRecord]) {
        for record in records {
            if let Err(error) = ready(self.0.cache_writer().handle_image(record)) {
                tracing::error!(sku = %record.sku, %error, "a committed price did not reach the cache: the reconciler will bring it");
            }
        }
    }
}
