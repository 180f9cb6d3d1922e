use std::sync::Arc;
use std::time::Duration;

use pricestream_cache_writer::CacheWriter;
use pricestream_domain::{Cause, RecordRev, Sku};
use pricestream_event_schema::{ProductChangedV1, RepriceRequestedV1, StockChange, TraceContext, encode};
use pricestream_inventory_publisher::{PublishError, Published, TimeLimits, publish};
use pricestream_low_stock_alert::LowStockAlert;
use pricestream_ports::memory::Memory;
use pricestream_ports::{
    BatchOutcome, Clock, Conditional, Delivery, Documents, Failure, PolledSettings, PriceRecord, ProductRecord, RecordReads,
    Records, publish_all,
};
use pricestream_pricing_calculator::PricingCalculator;
use pricestream_reconciler::{Findings, Reconciler};
use pricestream_telemetry::Metrics;

use crate::fate::Fate;
use crate::inputs;
use crate::ports::Ports;
use crate::scheduler::Work;

/// What an invocation came to.
pub(crate) enum Ended {
    /// A batch of `queue`.
    Batch { queue: &'static str, batch: Vec<Delivery>, outcome: BatchOutcome },
    /// A stock change that a source had sent.
    Answered { change: Box<StockChange>, answer: Result<Published, PublishError> },
    /// As many images of one SKU as were handled.
    Images { sku: Sku, handled: usize },
    /// A run of the reconciler.
    Reconciled(Result<Findings, Failure>),
    /// Work whose answer nobody waits for.
    Done,
}

/// One process's settings, as the shipped services poll them.
pub(crate) type ProcessSettings = Arc<PolledSettings<Memory<Fate>>>;

pub(crate) fn pricing(ports: Ports, metrics: Arc<Metrics>, settings: ProcessSettings, batch: Vec<Delivery>) -> Work<Ended> {
    Box::pin(async move {
        // As main does: settings that cannot be read leave the last good ones in force.
        let _unread = settings.poll(ports.now()).await;
        let handler = PricingCalculator { records: &ports, bus: &ports, settings: &*settings, clock: &ports, metrics: &metrics };
        let outcome = handler.handle(&batch).await;
        Ended::Batch { queue: pricestream_pricing_calculator::SERVICE, batch, outcome }
    })
}

pub(crate) fn alert(ports: Ports, metrics: Arc<Metrics>, batch: Vec<Delivery>) -> Work<Ended> {
    Box::pin(async move {
        let outcome = LowStockAlert { records: &ports, alerts: &ports, clock: &ports, metrics: &metrics }.handle(&batch).await;
        Ended::Batch { queue: pricestream_low_stock_alert::SERVICE, batch, outcome }
    })
}

pub(crate) fn cache_event(ports: Ports, metrics: Arc<Metrics>, batch: Vec<Delivery>) -> Work<Ended> {
    Box::pin(async move {
        let writer = CacheWriter { records: &ports, cache: &ports, clock: &ports, metrics: &metrics };
        let outcome = writer.handle(&batch).await;
        Ended::Batch { queue: pricestream_cache_writer::SERVICE, batch, outcome }
    })
}

/// Images of one SKU, oldest first; the first that fails holds up those behind it.
pub(crate) fn cache_image(ports: Ports, metrics: Arc<Metrics>, sku: Sku, images: Vec<PriceRecord>) -> Work<Ended> {
    Box::pin(async move {
        let writer = CacheWriter { records: &ports, cache: &ports, clock: &ports, metrics: &metrics };
        let mut handled = 0;
        for image in &images {
            if writer.handle_image(image).await.is_err() {
                break;
            }
            handled += 1;
        }
        Ended::Images { sku, handled }
    })
}

pub(crate) fn source(ports: Ports, metrics: Arc<Metrics>, change: StockChange) -> Work<Ended> {
    Box::pin(async move {
        let limits = TimeLimits::live();
        let answer = publish(&ports, &ports, &ports, &metrics, Some(&limits), None, &change).await;
        Ended::Answered { change: Box::new(change), answer }
    })
}

pub(crate) fn reconcile(ports: Ports, metrics: Arc<Metrics>, settings: ProcessSettings, grace: Duration) -> Work<Ended> {
    Box::pin(async move {
        let _unread = settings.poll(ports.now()).await;
        let reconciler =
            Reconciler { records: &ports, bus: &ports, cache: &ports, settings: &*settings, clock: &ports, metrics: &metrics };
        Ended::Reconciled(reconciler.run(grace).await)
    })
}

pub(crate) fn due(ports: Ports, metrics: Arc<Metrics>, settings: ProcessSettings) -> Work<Ended> {
    Box::pin(async move {
        let reconciler =
            Reconciler { records: &ports, bus: &ports, cache: &ports, settings: &*settings, clock: &ports, metrics: &metrics };
        let _failed_till_next_time = reconciler.enqueue_due(100).await;
        Ended::Done
    })
}

pub(crate) fn poll(ports: Ports, settings: ProcessSettings) -> Work<Ended> {
    Box::pin(async move {
        let _unread = settings.poll(ports.now()).await;
        Ended::Done
    })
}

/// A merchant changes a catalogue line. If the event does not go out, the reconciler finds the change.
pub(crate) fn catalogue(ports: Ports, sku: Sku) -> Work<Ended> {
    Box::pin(async move {
        let change = async {
            let Some(stored) = ports.product(&sku).await? else { return Ok(()) };
            let line = ProductRecord::new(inputs::next_line(&ports.fate, &stored.product), stored.rev + 1);
            if ports.put_product(&line).await? == Conditional::Written {
                let event = ProductChangedV1 { sku: sku.clone(), product_rev: line.rev, retired: line.product.retired };
                publish_all(&ports, vec![encode(&event, &TraceContext::root(sku.as_str()))]).await?;
            }
            Ok::<(), Failure>(())
        };
        let _given_up = change.await;
        Ended::Done
    })
}

/// Somebody publishes settings. No event says so: whoever polls sees them.
pub(crate) fn settings(ports: Ports) -> Work<Ended> {
    Box::pin(async move {
        if let Ok(stored) = Documents::settings(&ports).await {
            let _given_up = ports.put_settings(&inputs::next_settings(&ports.fate, stored.as_ref(), ports.now())).await;
        }
        Ended::Done
    })
}

/// A person sets or lifts an override, and mostly has it asked for at once.
pub(crate) fn override_(ports: Ports, sku: Sku) -> Work<Ended> {
    Box::pin(async move {
        let wanted = inputs::next_override(&ports.fate, ports.now());
        let change = async {
            ports.put_override(&sku, wanted.as_ref()).await?;
            if ports.fate.below(4) > 0 {
                let record_rev = ports.price(&sku).await?.map_or(RecordRev(0), |record| record.record_rev);
                let request =
                    RepriceRequestedV1 { sku: sku.clone(), cause: Cause::Override, record_rev, requested_at: ports.now() };
                publish_all(&ports, vec![encode(&request, &TraceContext::root(sku.as_str()))]).await?;
            }
            Ok::<(), Failure>(())
        };
        let _given_up = change.await;
        Ended::Done
    })
}
