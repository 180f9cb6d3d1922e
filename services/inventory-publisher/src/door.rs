//! Where stock changes go on AWS.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::stream::{StreamExt, iter};
use pricestream_aws::{DynamoStore, EventBridge, SqsClient, quarantine};
use pricestream_event_schema::{StockChange, TraceContext};
use pricestream_http::intake::INTAKE;
use pricestream_http::{Code, Intake, IntakeError, Problem, StockOutcome};
use pricestream_ports::SystemClock;
use pricestream_telemetry::Metrics;

use crate::{TimeLimits, answer, publish};

/// SKUs that are worked on at a time.
const AT_A_TIME: usize = 16;

/// Stock changes of one request, at most: more are not done in the time that a function has.
const MOST: usize = 1_000;

/// The records and the bus.
pub struct Door {
    /// Inventory and catalogue.
    pub records: DynamoStore,
    /// Takes `StockChanged`.
    pub bus: EventBridge,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// For the quarantine.
    pub sqs: SqsClient,
    /// URL of the queue for input that is refused.
    pub quarantine: String,
}

impl Door {
    async fn one(&self, change: &StockChange, trace: Option<&TraceContext>) -> Result<StockOutcome, IntakeError> {
        let limits = TimeLimits::live();
        answer(publish(&self.records, &self.bus, &SystemClock, &self.metrics, Some(&limits), trace, change).await)
    }
}

impl Intake for Door {
    /// SKUs beside each other, the changes of one in their order. When one fails all of it is sent again: what was accepted by then
    /// is answered as repeated, or stale.
    async fn stock_changes(
        &self,
        changes: Vec<StockChange>,
        trace: Option<TraceContext>,
    ) -> Result<Vec<StockOutcome>, IntakeError> {
        let count = changes.len();
        if count > MOST {
            let how = format!("{count} stock changes are more than {MOST}: send them in parts");
            return Err(IntakeError::Refused(Problem::new(Code::TooLarge, how)));
        }
        let mut by_sku: HashMap<_, Vec<(usize, StockChange)>> = HashMap::new();
        for (place, change) in changes.into_iter().enumerate() {
            by_sku.entry(change.sku.clone()).or_default().push((place, change));
        }
        let trace = trace.as_ref();
        let work = by_sku.into_values().map(|changes| async move {
            let mut outcomes = Vec::with_capacity(changes.len());
            for (place, change) in changes {
                outcomes.push((place, self.one(&change, trace).await?));
            }
            Ok::<_, IntakeError>(outcomes)
        });
        let mut done = iter(work).buffer_unordered(AT_A_TIME);
        let mut outcomes = Vec::with_capacity(count);
        while let Some(of_sku) = done.next().await {
            outcomes.extend(of_sku?);
        }
        outcomes.sort_unstable_by_key(|(place, _)| *place);
        Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
    }

    async fn quarantine(&self, items: Vec<(Vec<u8>, String)>) -> Result<(), IntakeError> {
        let keeping = items.into_iter().map(|(body, reason)| async move {
            let body = String::from_utf8_lossy(&body);
            quarantine(&self.sqs, &self.quarantine, INTAKE, &body, &reason, 1).await
        });
        let mut kept = iter(keeping).buffer_unordered(AT_A_TIME);
        while let Some(kept) = kept.next().await {
            kept?;
        }
        Ok(())
    }
}
