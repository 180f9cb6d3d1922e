use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use pricestream_domain::{Mode, Override, Product, Sku};
use pricestream_http::Intake;
pub use pricestream_http::IntakeError as DeskError;
use schemars::JsonSchema;
use serde::Serialize;

use crate::orders::{OrderCommand, OrderDone};

/// Where requests that change something go. On one machine a worker thread that does everything in one transaction, on
/// AWS the ports.
pub trait Desk: Intake {
    /// Holds what a quote promises or gives it back, places an order or cancels one, in one transaction: [`crate::execute_order`] does it.
    fn order(&self, command: OrderCommand) -> impl Future<Output = Result<OrderDone, DeskError>> + Send;

    /// Carries out a command of an administrator.
    fn command(&self, command: Command) -> impl Future<Output = Result<Done, DeskError>> + Send;
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
    /// SKUs were looked at.
    Reconciled {
        /// How many.
        looked_at: usize,
        /// Price records that were behind their inputs; they are being priced.
        records_behind: usize,
        /// Cache entries that were behind their record; they are put right.
        cache_behind: usize,
        /// Every SKU was looked at; false: there was no time for more, and the reconciler's next run looks at the rest.
        finished: bool,
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
