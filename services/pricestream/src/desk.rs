//! How the API reaches the writing thread, and what an administrator may look at.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};

use pricestream_domain::Sku;
use pricestream_embedded::{EmbeddedBus, EmbeddedCache, EmbeddedSettings, Store};
use pricestream_event_schema::{LowStockV1, StockChange, TraceContext};
use pricestream_ports::{PortError, SystemClock};
use pricestream_price_api::{
    Command, DeadLetterView, Desk, DeskError, Done, Intake, Ledger, OrderCommand, OrderDone, StockOutcome, StoreStatus,
    Verification, World,
};
use tokio::sync::oneshot;

use crate::verify::verify_running;
use crate::worker::Job;

/// Hands requests to the writing thread.
#[derive(Debug)]
pub(crate) struct WriterDesk(pub(crate) SyncSender<Job>);

impl WriterDesk {
    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<Result<T, DeskError>>) -> Job + Send) -> Result<T, DeskError> {
        let (to, answer) = oneshot::channel();
        self.0.try_send(job(to)).map_err(|error| match error {
            TrySendError::Full(_) => DeskError::Busy,
            TrySendError::Disconnected(_) => DeskError::Failed("the server is stopping".to_owned()),
        })?;
        answer.await.unwrap_or_else(|_| Err(DeskError::Failed("the server stopped before it was done".to_owned())))
    }
}

impl Intake for WriterDesk {
    async fn stock_changes(
        &self,
        changes: Vec<StockChange>,
        trace: Option<TraceContext>,
    ) -> Result<Vec<StockOutcome>, DeskError> {
        self.ask(|to| Job::Stock(changes, trace, to)).await
    }

    async fn quarantine(&self, items: Vec<(Vec<u8>, String)>) -> Result<(), DeskError> {
        self.ask(|to| Job::Quarantine(items, to)).await
    }
}

impl Desk for WriterDesk {
    async fn order(&self, command: OrderCommand) -> Result<OrderDone, DeskError> {
        self.ask(|to| Job::Order(Box::new(command), to)).await
    }

    async fn command(&self, command: Command) -> Result<Done, DeskError> {
        self.ask(|to| Job::Command(command, to)).await
    }
}

/// Looks at the store beside the writing thread: what is committed.
#[derive(Debug)]
pub(crate) struct StoreLedger {
    pub(crate) reader: Arc<Store>,
    pub(crate) bus: Arc<EmbeddedBus>,
    pub(crate) cache: Arc<EmbeddedCache>,
    pub(crate) directory: PathBuf,
}

impl Ledger for StoreLedger {
    async fn dead_letters(&self, before: Option<i64>, most: usize) -> Result<Vec<DeadLetterView>, PortError> {
        let rows = self.reader.dead_letters(before, most)?.into_iter().map(|row| DeadLetterView {
            id: row.id,
            queue: row.queue,
            body: row.body,
            reason: row.reason,
            receive_count: row.receive_count,
            at: row.at,
        });
        Ok(rows.collect())
    }

    async fn alerts(&self, most: usize) -> Result<Vec<LowStockV1>, PortError> {
        self.reader.alerts(most)
    }

    /// All of it in one answer: nothing is left to come after another.
    async fn verify(&self, _: Option<Sku>) -> Result<Verification, PortError> {
        let (directory, cache) = (self.directory.clone(), Arc::clone(&self.cache));
        let verified = tokio::task::spawn_blocking(move || verify_running(&directory, &cache, &SystemClock)).await;
        let verified = verified.map_err(|error| PortError::unavailable("verification", error))?;
        verified.map_err(|error| PortError::unavailable("store", format!("{error:#}")))
    }

    async fn status(&self) -> Result<StoreStatus, PortError> {
        let counts = self.reader.counts()?;
        Ok(StoreStatus {
            products: counts.products,
            inventory: Some(counts.inventory),
            prices: Some(counts.prices),
            refused: Some(counts.refused),
            decisions: Some(counts.history),
            alerts: counts.alerts,
            dead_letters: counts.dead_letters,
            queues: self.bus.depths().into_iter().map(|(queue, depth)| (queue.to_owned(), depth as u64)).collect(),
        })
    }
}

/// The API on one machine.
pub(crate) struct OneMachine;

impl World for OneMachine {
    type Records = Store;
    type Documents = Store;
    type Settings = EmbeddedSettings;
    type Cache = EmbeddedCache;
    type Usage = Store;
    type Desk = WriterDesk;
    type Ledger = StoreLedger;
}
