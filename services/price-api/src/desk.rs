use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use pricestream_domain::{Mode, Override, Product, Sku, StockVersion};
use pricestream_event_schema::{StockChange, TraceContext};
use schemars::JsonSchema;
use serde::Serialize;

use crate::orders::{OrderCommand, OrderDone};
use crate::problem::{Code, Problem};

/// Where requests that change something go. On one machine a worker thread that does everything in one transaction, on
/// AWS the ports.
pub trait Desk: Send + Sync + 'static {
    /// Takes stock changes; one outcome for each, in order. Returns once each accepted one is durable.
    fn stock_changes(
        &self,
        changes: Vec<StockChange>,
        trace: Option<TraceContext>,
    ) -> impl Future<Output = Result<Vec<StockOutcome>, DeskError>> + Send;

    /// Keeps input aside that could not be taken: its bytes, and why.
    fn quarantine(&self, items: Vec<(Vec<u8>, String)>) -> impl Future<Output = Result<(), DeskError>> + Send;

    /// Holds what a quote promises or gives it back, places an order or cancels one, in one transaction: [`crate::execute_order`] does it.
    fn order(&self, command: OrderCommand) -> impl Future<Output = Result<OrderDone, DeskError>> + Send;

    /// Carries out a command of an administrator.
    fn command(&self, command: Command) -> impl Future<Output = Result<Done, DeskError>> + Send;
}

/// What a stock change came to.
#[derive(Clone, Debug, PartialEq)]
pub enum StockOutcome {
    /// Accepted, and durable.
    Applied {
        /// Its place in the SKU's history.
        stock_version: StockVersion,
    },
    /// The last accepted change once more: no second effect.
    Repeated {
        /// The place of the first.
        stock_version: StockVersion,
    },
    /// Older than the last accepted change: no effect.
    Stale {
        /// The place of the last accepted one.
        stock_version: StockVersion,
    },
    /// The change is at fault: unknown-sku, other-origin, contradiction or other-time.
    Refused(Problem),
}

/// Why the desk did not do what it was asked. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// Too much is waiting: send it again, later.
    #[error("too much is waiting")]
    Busy,
    /// It could not be stored, for the reason given: send it again when that is mended.
    #[error("{0}")]
    Failed(String),
    /// The request is at fault.
    #[error("{}", .0.detail())]
    Refused(Problem),
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Busy => Self::new(Code::Busy, "nothing of it was kept: send it again in a second"),
            DeskError::Failed(why) => Self::new(Code::NotStored, format!("nothing of it was kept, send it again: {why}")),
            DeskError::Refused(problem) => problem,
        }
    }
}

/// An error with everything that led to it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// What an administrator wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A change of records or settings: [`crate::execute`] carries it out.
    Change(Change),
    /// Puts a dead letter back into its queue, or refused input back into the intake.
    Redrive {
        /// Its number.
        id: i64,
    },
    /// Looks at every SKU now: the record against its inputs, the cache against the record.
    Reconcile,
}

/// A change of records or settings.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Stores catalogue lines, each for itself; equal ones are left alone.
    ImportCatalogue(Vec<Product>),
    /// Takes a SKU off sale: its price is withdrawn.
    Retire {
        /// Which.
        sku: Sku,
    },
    /// Puts a strategies document in force.
    PublishStrategies {
        /// The document.
        text: Arc<str>,
        /// Who publishes it.
        by: String,
    },
    /// Puts a rule set of promotions in force.
    PublishPromotions {
        /// The document.
        text: Arc<str>,
        /// Who publishes it.
        by: String,
    },
    /// Switches promotions, or some components of them, on or off; the rule set stays.
    SwitchPromotions {
        /// To what.
        on: bool,
        /// Components that are off even so.
        components_off: BTreeSet<String>,
        /// Who does.
        by: String,
        /// Why.
        note: String,
    },
    /// Leaves promotions out of public lanes that have nothing left of their limits, and takes the others in again.
    SetUsedUp {
        /// All that have nothing left.
        promotions: BTreeSet<Arc<str>>,
    },
    /// Turns the kill switch.
    SetMode {
        /// To what.
        mode: Mode,
        /// Who does.
        by: String,
        /// Why.
        note: String,
    },
    /// Sets a person's price.
    SetOverride {
        /// Of which SKU.
        sku: Sku,
        /// The price, until when, who and why.
        override_: Override,
    },
    /// Ends a person's price.
    LiftOverride {
        /// Of which SKU.
        sku: Sku,
        /// Who does.
        by: String,
        /// Why.
        note: String,
    },
}

/// What a command came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "done", rename_all = "kebab-case")]
pub enum Done {
    /// Catalogue lines were stored.
    Imported {
        /// New or other than before.
        changed: usize,
        /// Equal to what was there.
        unchanged: usize,
    },
    /// Settings are in force.
    Settings {
        /// Their number.
        rev: u64,
        /// They are other than before.
        changed: bool,
    },
    /// An override was set or lifted, and the SKU is being priced.
    Override {
        /// Of which SKU.
        sku: Sku,
    },
    /// A dead letter is back in its queue.
    Redriven {
        /// Which queue.
        queue: String,
    },
    /// Every SKU was looked at.
    Reconciled {
        /// How many.
        looked_at: usize,
        /// Price records that were behind their inputs; they are being priced.
        records_behind: usize,
        /// Cache entries that were behind their record; they were put right.
        cache_behind: usize,
    },
}

impl Done {
    /// It may touch any SKU: whoever executed it runs the reconciler, which has what is touched priced anew.
    pub const fn needs_reconcile(&self) -> bool {
        matches!(self, Self::Settings { changed: true, .. })
    }
}

/// One thing that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DocumentProblem {
    /// Where: a JSON path.
    pub path: String,
    /// What.
    pub message: String,
}
