use std::sync::Arc;
use std::time::Duration;

use pricestream_aws::{DeadLetter, DeadLetters, DynamoStore, EventBridge, Queues, ValkeyCache};
use pricestream_event_schema::{StockChange, TraceContext, parse_stock_change};
use pricestream_http::intake::INTAKE;
use pricestream_inventory_publisher::door::Door;
use pricestream_ports::{Clock, PolledSettings, SystemClock, chain};
use pricestream_price_api::{
    Code, Command, Desk, DeskError, Done, Intake, OrderCommand, OrderDone, Problem, StockOutcome, execute, execute_order,
};
use pricestream_telemetry::Metrics;

use crate::reconcile::Reconcile;

/// Does what is asked over the ports, each step by a conditional write.
pub(crate) struct PortsDesk {
    pub(crate) door: Door,
    pub(crate) records: DynamoStore,
    pub(crate) bus: EventBridge,
    pub(crate) cache: Arc<ValkeyCache>,
    pub(crate) settings: Arc<PolledSettings<DynamoStore>>,
    pub(crate) queues: Queues,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) metrics: Arc<Metrics>,
}

impl PortsDesk {
    async fn reconcile(&self) -> Result<Done, DeskError> {
        let reconcile = Reconcile {
            records: &self.records,
            bus: &self.bus,
            cache: &*self.cache,
            settings: &*self.settings,
            clock: &SystemClock,
        };
        reconcile.run().await.map_err(|failure| DeskError::Failed(chain(&failure)))
    }

    async fn redrive(&self, id: i64) -> Result<Done, DeskError> {
        let none = || {
            let why = format!(
                "there is no dead letter {id} that could be found in time; if it is listed, somebody else looks at its queue, or that holds thousands: try again in a while, or move them all by `aws sqs start-message-move-task`"
            );
            DeskError::Refused(Problem::new(Code::UnknownDeadLetter, why))
        };
        let letter = self.dead_letters.take(id).await?.ok_or_else(none)?;
        match self.send_again(&letter).await {
            Ok(()) => {
                self.dead_letters.remove(&letter).await?;
                Ok(Done::Redriven { queue: letter.queue })
            }
            Err(error) => {
                if let Err(error) = self.dead_letters.give_back(&letter).await {
                    tracing::warn!(error = &error as &dyn std::error::Error, "a dead letter is seen again after a while only");
                }
                Err(error)
            }
        }
    }

    async fn send_again(&self, letter: &DeadLetter) -> Result<(), DeskError> {
        if letter.queue == INTAKE {
            let at_fault = |why: String| DeskError::Refused(Problem::new(Code::BadStockChange, why));
            let change = parse_stock_change(letter.body.as_bytes()).map_err(|error| at_fault(error.to_string()))?;
            return match self.door.stock_changes(vec![change], None).await?.pop() {
                Some(StockOutcome::Refused(problem)) => Err(DeskError::Refused(problem)),
                _ => Ok(()),
            };
        }
        if !self.queues.urls().contains_key(&letter.queue) {
            let why = format!(
                "{:?} is no queue that messages can go back to; an image of a record is made good by the reconciler: delete it",
                letter.queue
            );
            return Err(DeskError::Refused(Problem::new(Code::UnknownDeadLetter, why)));
        }
        Ok(self.queues.send(&letter.queue, &letter.body, Duration::ZERO).await?)
    }
}

impl Intake for PortsDesk {
    async fn stock_changes(
        &self,
        changes: Vec<StockChange>,
        trace: Option<TraceContext>,
    ) -> Result<Vec<StockOutcome>, DeskError> {
        self.door.stock_changes(changes, trace).await
    }

    async fn quarantine(&self, items: Vec<(Vec<u8>, String)>) -> Result<(), DeskError> {
        self.door.quarantine(items).await
    }
}

impl Desk for PortsDesk {
    async fn order(&self, command: OrderCommand) -> Result<OrderDone, DeskError> {
        Ok(execute_order(command, &self.records, &self.records, &self.metrics, SystemClock.now()).await?)
    }

    async fn command(&self, command: Command) -> Result<Done, DeskError> {
        match command {
            Command::Change(change) => {
                let done = execute(change, &self.records, &self.records, &self.bus, &*self.settings, &SystemClock).await?;
                if done.needs_reconcile()
                    && let Err(error) = self.reconcile().await
                {
                    // The change is in force, and reconciler's next run finds whatever it touches.
                    tracing::warn!(%error, "what the change touches is priced anew a minute later");
                }
                Ok(done)
            }
            Command::Redrive { id } => self.redrive(id).await,
            Command::Reconcile => self.reconcile().await,
        }
    }
}
